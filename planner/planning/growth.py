"""How the future remnant grows: degree of hypertrophy, kinetic growth rate, and when enough of it is there.

Section F3 of the reference sheet.  A rate is never told without the days it is of: growth is fastest at first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from planner.base.errors import InvalidValue
from planner.model.case import Patient
from planner.model.dates import days_between
from planner.model.volumetry import Volumetry
from planner.planning.growth_criteria import (
    CRITERIA,
    GrowthCriterion,
    Judged,
    NeededShare,
    needed_share,
)
from planner.planning.liver_volumes import (
    LiverState,
    StandardVolume,
    hypertrophy_points,
    kinetic_growth_percent_per_week,
    share_of_measured,
    standard_volume,
)

DAYS_A_WEEK = 7
#: An estimate that lies further ahead than this is not told: nothing grows on like that.
FURTHEST_DAYS = 182


@dataclass(frozen=True)
class GrowthPoint:
    """A volumetry with its shares of the liver; None where they are unknown."""

    entry: Volumetry
    standard_percent: float | None
    measured_percent: float | None


@dataclass(frozen=True)
class GrowthInterval:
    """What changed from one volumetry to a later one.

    Parameters
    ----------
    first, last
        The two.
    days
        Between them, one at least.
    points
        Degree of hypertrophy: difference of the standardised shares; None where they are unknown.
    per_week
        The same over the weeks between the two, percentage points a week.
    volume_percent
        Growth of the remnant's volume; known without height and weight.
    """

    first: GrowthPoint
    last: GrowthPoint
    days: int
    points: float | None
    per_week: float | None
    volume_percent: float

    @classmethod
    def between(cls, first: GrowthPoint, last: GrowthPoint) -> GrowthInterval:
        """Of two volumetries; raises `InvalidValue` where the second is not the later one."""
        days = days_between(first.entry.date, last.entry.date)
        if days < 1:
            raise InvalidValue(
                "Growth needs a time between the two scans.", f"{first.entry.date} to {last.entry.date}"
            )
        points = per_week = None
        if first.standard_percent is not None and last.standard_percent is not None:
            points = hypertrophy_points(first.standard_percent, last.standard_percent)
            per_week = kinetic_growth_percent_per_week(points, days / DAYS_A_WEEK)
        volume = 100.0 * (last.entry.remnant_ml / first.entry.remnant_ml - 1.0)
        return cls(first, last, days, points, per_week, volume)

    @property
    def weeks(self) -> float:
        """Between the two."""
        return self.days / DAYS_A_WEEK


@dataclass(frozen=True)
class KineticGrowth:
    """The kinetic growth rate: degree of hypertrophy at the first volumetry over the weeks elapsed.

    Parameters
    ----------
    interval
        From the volumetry before growth began to the first one after.
    weeks
        Elapsed since the embolization; since the volumetry before where its day is unknown.
    embolized_on
        The embolization's day, or empty.
    per_week
        Percentage points a week; None where shares are unknown.
    """

    interval: GrowthInterval
    weeks: float
    embolized_on: str
    per_week: float | None


@dataclass(frozen=True)
class JudgedCriterion:
    """A criterion, the growth it is asked of, and whether that is enough; None where unknown.

    ``is_of_this`` tells whether it was published for a liver like this one, as far as somebody told its state.
    """

    criterion: GrowthCriterion
    value: float | None
    is_met: bool | None
    is_of_this: bool = True


class ReachState(StrEnum):
    """Whether the needed share is there."""

    REACHED = "reached"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Reach:
    """When the needed share is reached.

    Parameters
    ----------
    state
        Whether it is there, can be estimated, or neither.
    date
        Volumetry since which it is there, or the estimated day; empty where neither.
    by
        The interval the estimate goes on from.
    why_not
        Why there is no estimate.
    """

    state: ReachState
    date: str = ""
    by: GrowthInterval | None = None
    why_not: str = ""


@dataclass(frozen=True)
class Growth:
    """All that volumetries say of a growing remnant.

    Parameters
    ----------
    points
        The volumetries, by day.
    standard
        Volume the shares are of.
    intervals
        From each volumetry to the next.
    whole
        From the last volumetry before the embolization (the first of all where its day is unknown) to the newest.
    kinetic
        At the first volumetry after it.
    why_not
        Why there is neither of the two.
    criteria
        Thresholds of hypertrophy (by ``whole``) and of the kinetic rate.
    needed, reach
        What should remain of the standard liver, and when it does.
    """

    points: tuple[GrowthPoint, ...]
    standard: StandardVolume
    intervals: tuple[GrowthInterval, ...]
    whole: GrowthInterval | None
    kinetic: KineticGrowth | None
    why_not: str
    criteria: tuple[JudgedCriterion, ...]
    needed: NeededShare
    reach: Reach


def growth_of(
    entries: Sequence[Volumetry],
    patient: Patient,
    embolized_on: str = "",
    settings: Mapping[str, Any] | None = None,
) -> Growth:
    """What volumetries say of growth.

    Parameters
    ----------
    entries
        By day, one a day.
    patient
        Height and weight decide the standard liver; the needed share may be among the facts.
    embolized_on
        Day of the first embolization; empty where unknown.
    settings
        ``liver_state``, ``standard_formula`` and ``body_surface`` as the module for resections has them.
    """
    values = settings or {}
    state = LiverState(values.get("liver_state", LiverState.UNKNOWN))
    standard = standard_volume(
        patient, values.get("standard_formula", "vauthey"), values.get("body_surface", "mosteller")
    )
    points = tuple(_point(e, standard) for e in sorted(entries, key=lambda e: e.date))
    pairs = tuple(GrowthInterval.between(a, b) for a, b in pairwise(points))
    before, after, why = _around(points, embolized_on)
    whole = kinetic = None
    if before is not None and after is not None:
        whole = GrowthInterval.between(before, points[-1])
        kinetic = _kinetic(GrowthInterval.between(before, after), embolized_on)
    needed = needed_share(patient, state)
    return Growth(
        points,
        standard,
        pairs,
        whole,
        kinetic,
        why,
        tuple(_judged(c, state, whole, kinetic) for c in CRITERIA if c.is_shown_for(state)),
        needed,
        _reach(points, pairs, needed, standard, embolized_on),
    )


def _point(entry: Volumetry, standard: StandardVolume) -> GrowthPoint:
    share = None if standard.volume_ml is None else 100.0 * entry.remnant_ml / standard.volume_ml
    measured = None if entry.liver_ml is None else share_of_measured(entry.remnant_ml, entry.liver_ml)
    return GrowthPoint(entry, share, measured)


def _around(
    points: Sequence[GrowthPoint], embolized_on: str
) -> tuple[GrowthPoint | None, GrowthPoint | None, str]:
    """The last volumetry before the embolization and the first after it; a scan of its very day is before."""
    if len(points) < 2:
        few = "no volumetry yet" if not points else "one volumetry only: growth needs a second one"
        return None, None, few
    if not embolized_on:
        return points[0], points[1], ""
    before = [p for p in points if p.entry.date <= embolized_on]
    after = [p for p in points if p.entry.date > embolized_on]
    if not before:
        return None, None, f"no volumetry from before the embolization of {embolized_on}"
    if not after:
        return None, None, f"no volumetry after the embolization of {embolized_on} yet"
    return before[-1], after[0], ""


def _kinetic(interval: GrowthInterval, embolized_on: str) -> KineticGrowth:
    since = embolized_on or interval.first.entry.date
    weeks = days_between(since, interval.last.entry.date) / DAYS_A_WEEK
    rate = None if interval.points is None else kinetic_growth_percent_per_week(interval.points, weeks)
    return KineticGrowth(interval, weeks, embolized_on, rate)


def _judged(
    criterion: GrowthCriterion,
    state: LiverState,
    whole: GrowthInterval | None,
    kinetic: KineticGrowth | None,
) -> JudgedCriterion:
    if criterion.of == Judged.HYPERTROPHY:
        value = None if whole is None else whole.points
    else:
        value = None if kinetic is None else kinetic.per_week
    is_met = None if value is None else criterion.is_met(value)
    return JudgedCriterion(criterion, value, is_met, criterion.is_of(state))


def _reach(
    points: Sequence[GrowthPoint],
    intervals: Sequence[GrowthInterval],
    needed: NeededShare,
    standard: StandardVolume,
    embolized_on: str,
) -> Reach:
    def none(why: str) -> Reach:
        return Reach(ReachState.UNKNOWN, why_not=why)

    if needed.percent is None:
        return none(f"the needed share is unknown: {needed.why_not}")
    if standard.volume_ml is None:
        return none(f"the remnant's share of the standard liver is {standard.why_not}")
    if not points:
        return none("no volumetry yet")
    shares = [p.standard_percent or 0.0 for p in points]
    missing = needed.percent - shares[-1]
    if missing <= 1e-9:
        below = [n for n, share in enumerate(shares) if needed.percent - share > 1e-9]
        return Reach(ReachState.REACHED, points[below[-1] + 1 if below else 0].entry.date)
    if not intervals:
        return none("one volumetry only: growth needs a second one")
    last = intervals[-1]
    if embolized_on and last.last.entry.date <= embolized_on:
        return none(f"no volumetry after the embolization of {embolized_on} yet")
    if last.points is None or last.points <= 0:
        return none("the remnant did not grow from the last volumetry but one to the last")
    days = math.ceil(missing * last.days / last.points - 1e-9)
    if days > FURTHEST_DAYS:
        return none(f"at the rate of the last interval not within {FURTHEST_DAYS // DAYS_A_WEEK} weeks")
    newest = date.fromisoformat(last.last.entry.date)
    if days > (date.max - newest).days:
        return none("the day lies beyond the calendar")
    day = newest + timedelta(days=days)
    return Reach(ReachState.ESTIMATED, day.isoformat(), last)
