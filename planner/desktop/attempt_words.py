"""Attempts in words: when they were made, how long they took, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from planner.base.errors import PlannerError
from planner.practice.attempts import Attempt

#: Not of the system's language: the rest of the window is not either.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def local_moment(moment: str) -> datetime:
    """A moment of ISO 8601 with its zone, by this machine's clock."""
    return datetime.fromisoformat(moment).astimezone()


def day_and_time(moment: str, with_year: bool = True) -> str:
    """Such as ``3 Nov 2026, 14:05``, or ``3 Nov 14:05``, by this machine's clock."""
    at = local_moment(moment)
    day = f"{at.day} {_MONTHS[at.month - 1]}"
    return f"{day} {at.year}, {at:%H:%M}" if with_year else f"{day} {at:%H:%M}"


def minutes_words(seconds: float) -> str:
    """Such as ``1:05``; minutes go on beyond the hour."""
    whole = int(seconds)  # as a clock shows them
    return f"{whole // 60}:{whole % 60:02d}"


def counted(count: int, thing: str) -> str:
    """A number of things, in words such as ``1 attempt`` or ``2 attempts``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def points_words(attempt: Attempt) -> str:
    """The points as a table shows them: never rounded up to what passes."""
    shown, passing = round(attempt.score.points), attempt.score.pass_points
    return f"{shown - 1 if shown >= passing and not attempt.score.is_passed else shown}"


def attempt_lines(attempt: Attempt) -> tuple[str, ...]:
    """What is told of an attempt where the mouse points at it."""
    passed = "passed" if attempt.score.is_passed else "not passed"
    return (
        attempt.title or attempt.exercise,
        day_and_time(attempt.committed),
        f"{points_words(attempt)} points, {passed}",
    )


def plain_tip(lines: Sequence[str]) -> str:
    """A tooltip that shows names of people and exercises as they are written."""
    return "<qt>" + "<br>".join(escape(line) for line in lines) + "</qt>"


def in_words(error: PlannerError) -> str:
    """An error as sentences in a row."""
    return " ".join(part.rstrip(".") + "." for part in (error.what, error.thing, error.todo) if part)
