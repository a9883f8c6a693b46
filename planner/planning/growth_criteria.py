"""How much a future remnant should grow, and what share of the liver should remain: thresholds with their sources."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from planner.model.assessment import Confidence
from planner.model.case import Patient
from planner.planning.constants import Constant
from planner.planning.liver_volumes import Denominator, LiverState, thresholds_for

#: Fact about the patient: the share of the standard liver somebody wants to remain; no number is published for all.
NEEDED_FACT = "needed_remnant_percent"
_K = Confidence.ESTABLISHED


class Judged(StrEnum):
    """What growth a criterion is of."""

    HYPERTROPHY = "degree of hypertrophy"
    KINETIC = "kinetic growth rate"


@dataclass(frozen=True)
class GrowthCriterion:
    """Growth below which liver failure was more frequent, and for whom it was published.

    Parameters
    ----------
    of
        What it is of.
    least
        The growth.
    is_reached_at
        Whether the number itself is enough; more than it is asked for otherwise.
    liver
        The state of the liver it was published for; None for no state of its own.
    """

    of: Judged
    least: Constant
    is_reached_at: bool
    liver: LiverState | None = None

    def is_met(self, value: float) -> bool:
        """Whether a growth is enough; exact to rounding."""
        near = 1e-9 * max(1.0, abs(self.least.value))
        return value >= self.least.value - near if self.is_reached_at else value > self.least.value + near

    def is_shown_for(self, state: LiverState) -> bool:
        """Whether it is shown for a liver: not where that is known to be of another state."""
        return self.liver is None or state in (LiverState.UNKNOWN, self.liver)

    def is_of(self, state: LiverState) -> bool:
        """Whether it was published for a liver of this state."""
        return self.liver is None or state == self.liver


CRITERIA: tuple[GrowthCriterion, ...] = (
    GrowthCriterion(
        Judged.HYPERTROPHY,
        Constant(5.0, "points", "Ribero 2007, Br J Surg: normal liver", _K),
        False,
        LiverState.HEALTHY,
    ),
    GrowthCriterion(
        Judged.HYPERTROPHY, Constant(7.5, "points", "Shindoh 2013, J Am Coll Surg 216:201", _K), False
    ),
    GrowthCriterion(
        Judged.HYPERTROPHY,
        Constant(10.0, "points", "Ribero 2007, Br J Surg: cirrhosis", _K),
        False,
        LiverState.CIRRHOTIC,
    ),
    GrowthCriterion(
        Judged.KINETIC, Constant(2.0, "%/week", "Shindoh 2013, J Am Coll Surg 216:201", _K), True
    ),
)


@dataclass(frozen=True)
class NeededShare:
    """The share of the standard liver that should remain, with where it comes from; None with the reason."""

    percent: float | None
    source: str = ""
    why_not: str = ""


def needed_share(patient: Patient, state: LiverState) -> NeededShare:
    """What should remain of the standard liver: as entered, else the highest published for the liver's state."""
    entered = dict(patient.facts).get(NEEDED_FACT, "")
    if entered:
        return _entered(entered)
    if state == LiverState.UNKNOWN:
        return NeededShare(None, why_not="tell what the liver has been through, or enter the share")
    known = thresholds_for(state, Denominator.STANDARD)
    if not known:
        why = f"no share of the standard liver is published for a {state.value} liver: enter one"
        return NeededShare(None, why_not=why)
    least = max((t.least for t in known), key=lambda c: c.value)
    label = f", {least.label}" if least.label else ""
    return NeededShare(least.value, f"{least.source}{label}; {state.value} liver")


def _entered(words: str) -> NeededShare:
    try:
        percent = float(words)
    except ValueError:
        percent = math.nan
    if not 0 < percent <= 100:
        return NeededShare(None, why_not=f"the share entered, '{words}', is none: enter 1 to 100 %")
    return NeededShare(percent, "entered by hand")
