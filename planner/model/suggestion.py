"""A plan a treatment module proposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from planner.model.plan import Plan


@dataclass(frozen=True)
class Suggestion:
    """A candidate plan with what speaks for it.

    Parameters
    ----------
    name
        What it is, short.
    why
        One line that explains it.
    plan
        The plan as it would be.
    scores
        Numbers by name with their unit as suffix, as in metrics.
    """

    name: str
    why: str
    plan: Plan
    scores: Mapping[str, float] = field(default_factory=dict)
