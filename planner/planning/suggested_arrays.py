"""A suggested array of electrodes with what it is worth, and which of many are worth showing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from planner.model.electrode_array import ElectrodeArray
from planner.planning.access_choice import AccessEntry
from planner.planning.access_rules import Hazard
from planner.planning.electrode_robustness import FULL_PERCENT

#: Two directions differ by this angle.
DIFFERENT_DEG = 15.0
#: Arrays shown at most, and sought at least.
MOST_SHOWN, LEAST_SHOWN = 5, 3
#: Shares of coverage, in percent of the best array's, that other virtues may cost.
FEWER_COST, OTHER_COST = 3.0, 8.0
#: A way through lung or pleura is taken before others for this much more coverage only.
LUNG_COST = 6.0
#: What speaks for an array that is shown beside the best of each kind.
OTHER_AIM = "another layout"
#: Differences of coverage below this do not put one array before another.
COVERED_STEP = 2.0


@dataclass(frozen=True)
class Coverages:
    """Shares of a lesion and of the lesion with its margin, in percent.

    Parameters
    ----------
    lesion, grown
        At the thresholds of their tissues.
    lesion_500, grown_500
        At 500 V/cm, the lowest field at which liver is taken to die.
    """

    lesion: float
    grown: float
    lesion_500: float
    grown_500: float

    @property
    def is_full(self) -> bool:
        """Whether lesion and margin are covered."""
        return min(self.lesion, self.grown) >= FULL_PERCENT.value

    @property
    def weighed(self) -> float:
        """One number; the lesion weighs more than its margin."""
        return 0.6 * self.lesion + 0.4 * self.grown


@dataclass(frozen=True, eq=False)
class SuggestedArray:
    """An array with what it is worth.

    Parameters
    ----------
    aim
        What speaks for it among the others, in words.
    array
        With pairs and pull-backs.
    entries
        Each electrode's entry with its clearances.
    covered, largest_current_a
        By the solved field where ``solved`` says how, by the closed form else.
    solved
        How the field was solved; empty where it was only estimated.
    nominal_v_per_cm
        Voltage over distance.
    """

    aim: str
    array: ElectrodeArray
    entries: tuple[AccessEntry, ...]
    covered: Coverages
    largest_current_a: float
    solved: str
    nominal_v_per_cm: float

    @property
    def least_clearance_mm(self) -> float | None:
        """Of all its paths to bone, wide vessels and organs, where one is known; lung is told apart."""
        hazards = [h for h in Hazard if h is not Hazard.LUNG]
        known = [e.clearance_mm[h] for e in self.entries for h in hazards]
        return min((c for c in known if c is not None), default=None)

    @property
    def through_lung(self) -> int:
        """How many of its electrodes go through lung or pleura."""
        return sum(e.crosses_lung for e in self.entries)


def rank(found: SuggestedArray) -> tuple[float, int, float]:
    """Coverage first, in steps that matter and less what lung costs; then fewer electrodes; then less current."""
    cost = LUNG_COST if found.through_lung else 0.0
    steps = math.floor((found.covered.weighed - cost) / COVERED_STEP)
    return -steps, len(found.array.electrodes), found.largest_current_a


def worth_showing(found: Sequence[SuggestedArray]) -> list[tuple[int, str]]:
    """Numbers of at most five arrays that differ, each with what speaks for it."""
    numbers = range(len(found))

    def covered(n: int) -> float:
        return found[n].covered.weighed

    def count(n: int) -> int:
        return len(found[n].array.electrodes)

    best = max(numbers, key=lambda n: (covered(n), -found[n].largest_current_a))
    near = [n for n in numbers if covered(n) >= covered(best) - FEWER_COST]
    close = [n for n in numbers if covered(n) >= covered(best) - OTHER_COST]
    along = found[best].array.direction
    cosine = math.cos(math.radians(DIFFERENT_DEG))
    turned = [n for n in numbers if float(found[n].array.direction @ along) < cosine]

    def safety(n: int) -> tuple[int, float]:
        return -found[n].through_lung, found[n].least_clearance_mm or 0.0

    picks: list[tuple[str, int | None]] = [
        ("best coverage", best),
        ("fewest electrodes", min(near, key=lambda n: (count(n), -covered(n)))),
        ("another way in", max(turned, key=covered, default=None)),
        ("least current", min(close, key=lambda n: (found[n].largest_current_a, -covered(n)))),
        ("safest paths", max(close, key=lambda n: (safety(n), covered(n)))),
    ]
    chosen: dict[int, str] = {}
    for aim, pick in picks:
        if pick is not None:
            chosen.setdefault(pick, aim)
    for n in sorted(numbers, key=lambda n: rank(found[n])):
        if len(chosen) >= LEAST_SHOWN:
            break
        chosen.setdefault(n, OTHER_AIM)
    return list(chosen.items())[:MOST_SHOWN]
