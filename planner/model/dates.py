"""Calendar days as plans and cases keep them: ISO 8601, such as ``2026-11-03``."""

from __future__ import annotations

import re
from datetime import date

from planner.base.errors import InvalidValue

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_AT_FRONT = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


def checked_day(text: str, what: str) -> str:
    """A day as it was given; raises `InvalidValue` naming what it is of where the calendar has none such."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        date.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidValue(
            "This is no day of the calendar.", f"{what}: {text!r}", "Write it as year-month-day: 2026-11-03."
        ) from None
    return text


def days_between(first: str, last: str) -> int:
    """Days from one day to another; negative where the other comes first."""
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def day_of(moment: str) -> str:
    """The day at the front of a scan's date or time, as DICOM or ISO 8601 write it; empty where there is none."""
    found = _AT_FRONT.match(moment.strip())
    if found is None:
        return ""
    try:
        return date(*(int(part) for part in found.groups())).isoformat()
    except ValueError:
        return ""
