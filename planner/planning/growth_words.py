"""What is said of a growing remnant: the same sentences in the window, the report and on the command line."""

from __future__ import annotations

from planner.model.case import Case
from planner.model.embolization import Embolization
from planner.planning.growth import (
    Growth,
    GrowthInterval,
    GrowthPoint,
    JudgedCriterion,
    Reach,
    ReachState,
)
from planner.planning.growth_criteria import Judged
from planner.planning.staged_plans import EmbolizedLiver

#: Less of the remnant that is closed too is not told; and what is said beside each estimate.
SPOKEN_OF_ML = 0.5
SLOWS = "growth slows with time, so it may well be later"


def share_words(point: GrowthPoint, why_not: str) -> str:
    """The standardised share of a volumetry, or why it is unknown."""
    return why_not if point.standard_percent is None else f"{point.standard_percent:.1f} %"


def hypertrophy_words(growth: Growth) -> str:
    """The degree of hypertrophy with the days it is of."""
    whole = growth.whole
    if whole is None:
        return f"Degree of hypertrophy: {growth.why_not}."
    if whole.points is None:
        return f"Degree of hypertrophy {growth.standard.why_not}. The volume changed by {_volume(whole)}."
    return (
        f"Degree of hypertrophy {_signed(whole.points, 1)} percentage points: from "
        f"{whole.first.standard_percent:.1f} to {whole.last.standard_percent:.1f} % of the standard liver, "
        f"{days_words(whole)}."
    )


def kinetic_words(growth: Growth) -> str:
    """The kinetic growth rate with the interval it is of."""
    kinetic = growth.kinetic
    if kinetic is None:
        return f"Kinetic growth rate: {growth.why_not}."
    if kinetic.per_week is None:
        return f"Kinetic growth rate {growth.standard.why_not}."
    since = (
        f"in the {kinetic.weeks:.1f} weeks from the embolization of {kinetic.embolized_on}"
        if kinetic.embolized_on
        else f"in the {kinetic.weeks:.1f} weeks between the scans (no embolization has a day)"
    )
    return (
        f"Kinetic growth rate {_signed(kinetic.per_week, 2)} %/week: at the first volumetry after, "
        f"{since}; scans of {kinetic.interval.first.entry.date} and {kinetic.interval.last.entry.date}."
    )


def interval_words(interval: GrowthInterval) -> str:
    """What changed between two volumetries that follow each other."""
    if interval.points is None or interval.per_week is None:
        return f"{days_words(interval)}: volume {_volume(interval)}"
    return (
        f"{days_words(interval)}: {_signed(interval.points, 1)} points, "
        f"{_signed(interval.per_week, 2)} %/week; volume {_volume(interval)}"
    )


def days_words(interval: GrowthInterval) -> str:
    """The days an interval is of."""
    unit = "day" if interval.days == 1 else "days"
    return f"{interval.first.entry.date} to {interval.last.entry.date} ({interval.days} {unit})"


def criterion_sign(judged: JudgedCriterion) -> str:
    """``✓`` where growth is enough, ``▲`` where it is not, ``?`` unknown, ``·`` not known to be of this liver."""
    if judged.is_met is None:
        return "?"
    return ("✓" if judged.is_met else "▲") if judged.is_of_this else "·"


def criterion_words(judged: JudgedCriterion) -> str:
    """A threshold, with what was found, its source and how sure we are of it."""
    criterion, least = judged.criterion, judged.criterion.least
    sign = "≥" if criterion.is_reached_at else ">"
    if judged.value is None:
        found = "unknown"
    else:
        found = _signed(judged.value, 1 if criterion.of == Judged.HYPERTROPHY else 2)
    return (
        f"{criterion.of.value.capitalize()} {sign} {least.value:g} {least.unit}: {found} "
        f"({least.source}; {least.label or least.confidence.value})"
    )


def needed_words(growth: Growth) -> str:
    """The share that should remain."""
    needed = growth.needed
    if needed.percent is None:
        return f"Needed share unknown: {needed.why_not}."
    return f"Needed: {needed.percent:g} % of the standard liver ({needed.source})."


def reach_words(growth: Growth) -> str:
    """Whether the needed share is there, and otherwise when it may be."""
    reach: Reach = growth.reach
    newest = growth.points[-1] if growth.points else None
    if reach.state == ReachState.REACHED and newest is not None:
        return (
            f"The needed share is reached: since the volumetry of {reach.date}, now "
            f"{newest.standard_percent:.1f} %."
        )
    if reach.state == ReachState.ESTIMATED and reach.by is not None and newest is not None:
        return (
            f"Estimate: the needed share about {reach.date}, if the remnant goes on growing by "
            f"{_signed(reach.by.per_week or 0.0, 2)} %/week as from {days_words(reach.by)}; {SLOWS}."
        )
    return f"When the needed share is reached cannot be estimated: {reach.why_not}."


def territory_words(closed: EmbolizedLiver) -> str:
    """What is closed and what of the future remnant is spared."""
    words = closed_words(closed)
    spared, remnant = closed.spared_ml, closed.remnant_ml
    if spared is None or remnant is None or closed.spared_percent is None:
        return f"{words} Which part of the future remnant is spared is known when the plan has a resection."
    lost = f"; the other {remnant - spared:.0f} ml are closed too" if remnant - spared >= SPOKEN_OF_ML else ""
    return f"{words} Future remnant spared: {spared:.0f} of {remnant:.0f} ml ({closed.spared_percent:.1f} %){lost}."


def closed_words(closed: EmbolizedLiver) -> str:
    """What is closed alone."""
    return f"Closed: {closed.territory_ml:.0f} ml, {closed.share_percent:.1f} % of the liver."


def branch_words(embolization: Embolization, case: Case) -> str:
    """The branches an embolization closes, by the names they have in the case now."""
    tree = next((t for t in case.vessel_trees if t.id == embolization.tree), None)
    titles = [
        tree.branch(n).title if tree is not None and n in tree else f"branch {n} (not in the case)"
        for n in embolization.branches
    ]
    return f"{', '.join(titles)} of {embolization.tree}"


def growth_lines(growth: Growth) -> list[str]:
    """All sentences in their order."""
    rows = [
        f"{p.entry.date}: future remnant {p.entry.remnant_ml:.0f} ml, {share_words(p, growth.standard.why_not)}"
        f"{'' if p.measured_percent is None else f', {p.measured_percent:.1f} % of the measured liver'}"
        f" ({p.entry.source or 'entered by hand'})"
        for p in growth.points
    ]
    return [
        *rows,
        *(interval_words(i) for i in growth.intervals),
        hypertrophy_words(growth),
        kinetic_words(growth),
        *(criterion_words(j) for j in growth.criteria),
        needed_words(growth),
        reach_words(growth),
    ]


def _signed(value: float, digits: int) -> str:
    """A growth to some digits; a loss with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def _volume(interval: GrowthInterval) -> str:
    sign = "+" if interval.volume_percent >= 0 else ""
    return f"{sign}{_signed(interval.volume_percent, 0)} %"
