"""The stages of an operation: most are done in one, some in two with time to grow in between."""

from __future__ import annotations

from planner.base.errors import InvalidValue
from planner.model.dates import checked_day

STAGES = (1, 2)


def check_stage(stage: int, date: str, what: str) -> None:
    """Raise `InvalidValue` where a stage is none, or its day (empty: none is set) is not in the calendar."""
    if isinstance(stage, bool) or stage not in STAGES:
        raise InvalidValue("An operation has a first and a second stage.", f"{what}: stage {stage!r}")
    if date:
        checked_day(date, f"day of {what}")
