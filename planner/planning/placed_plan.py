"""A plan with its needles where they really are, and how far each lies from where it was planned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from planner.base.errors import InvalidValue
from planner.compute.needle_finding import FoundNeedle
from planner.model.electrode_array import ElectrodeArray
from planner.model.plan import Applicator, Plan
from planner.planning.plan_needles import Key, PlanNeedle, plan_needles, with_places

#: A found needle further from a planned one than this (tip, or angle) is another needle.
FARTHEST_TIP_MM, STEEPEST_DEG = 40.0, 35.0
#: What one degree weighs against one mm when found needles are matched to planned ones.
MM_PER_DEG = 1.0
#: What it costs to leave a needle out: a stray piece of metal is not to push all others aside by one.
LEFT_OUT_MM = FARTHEST_TIP_MM


@dataclass(frozen=True)
class Deviation:
    """How a needle really lies against how it was planned.

    Parameters
    ----------
    id, title
        The planned needle's, and its name for people: ``e1:2`` is ``e1 electrode 3``.
    lateral_mm
        Distance of the real tip from the planned line.
    depth_mm
        How much deeper the real tip lies along the planned line; negative where it falls short.
    angle_deg
        Between the two directions.
    entry_mm
        Distance of the real entry from the planned line.
    """

    id: str
    title: str
    lateral_mm: float
    depth_mm: float
    angle_deg: float
    entry_mm: float

    @property
    def tip_mm(self) -> float:
        """Distance between the two tips."""
        return math.hypot(self.lateral_mm, self.depth_mm)


@dataclass(frozen=True)
class PlacedPlan:
    """A plan with its needles where they really are; judged by the modules as any other plan.

    Parameters
    ----------
    plan
        The needles that were found, with the planned devices, settings and lesions; electrodes that were
        found are counted anew.  Grids of foci are as planned.
    keys, deviations, matched
        The planned needles that were found, how far each is off, and the found one; in the plan's order.
    missing
        Planned needles that were not found, in words; they are not part of the plan.
    unplanned
        Needles that were found and belong to no planned one.
    """

    plan: Plan
    keys: tuple[Key, ...]
    deviations: tuple[Deviation, ...]
    matched: tuple[FoundNeedle, ...]
    missing: tuple[str, ...]
    unplanned: tuple[FoundNeedle, ...]

    def electrodes(self, array: str) -> tuple[int, ...]:
        """By electrode of an array as placed its number as planned; empty where none was found."""
        return tuple(number for id, number in self.keys if id == array and number is not None)


def as_placed(plan: Plan, found: Sequence[FoundNeedle], name: str = "") -> PlacedPlan:
    """The plan as its needles really lie, each found needle given to the planned one it fits best.

    Probes and single electrodes are matched alike.  Both must be in one scan's space: carry the plan over
    first where they are not.  Voltages keep the planned nominal V/d at the distances as placed.

    Raises
    ------
    InvalidValue
        If the plan has no needle, none that was found lies near a planned one, or one is too short for
        the electrode it stands for.
    """
    planned = plan_needles(plan)
    if not planned:
        raise InvalidValue(
            "The plan has no needle.", f"plan '{plan.name}'", "Place a probe or electrodes first."
        )
    if not found:
        raise InvalidValue("No needle was found in the scan.", f"plan '{plan.name}'", "Mark entry and tip.")
    # In an order of their own, so that equal fits are settled alike whatever was found first.
    order = sorted(range(len(found)), key=lambda n: (found[n].tip_lps_mm, found[n].entry_lps_mm))
    told = [[deviation(p.needle, found[n], p.title) for n in order] for p in planned]
    pairs = _matched(told)
    if not pairs:
        raise InvalidValue(
            "No needle that was found lies near a planned one.",
            f"plan '{plan.name}'",
            "Carry the plan over to this scan first, or mark entry and tip.",
        )
    keys = tuple(planned[a].key for a, _ in pairs)
    matched = tuple(found[order[b]] for _, b in pairs)
    used = {order[b] for _, b in pairs}
    placed = with_places(
        plan, {k: (f.entry_lps_mm, f.tip_lps_mm) for k, f in zip(keys, matched, strict=True)}
    )
    return PlacedPlan(
        replace(placed, name=name or f"{plan.name} as placed", created=""),
        keys,
        tuple(told[a][b] for a, b in pairs),
        matched,
        _missing(plan, [p for p in planned if p.key not in keys]),
        tuple(f for n, f in enumerate(found) if n not in used),
    )


def deviation(planned: Applicator, found: FoundNeedle, title: str = "") -> Deviation:
    """How a found needle lies against a planned one."""
    along = planned.direction
    tip = np.array(found.tip_lps_mm) - np.array(planned.tip_lps_mm)
    entry = np.array(found.entry_lps_mm) - np.array(planned.tip_lps_mm)
    depth = float(tip @ along)
    # By both sine and cosine: an arc cosine alone loses small angles.
    sine = float(np.linalg.norm(np.cross(along, found.direction)))
    return Deviation(
        planned.id,
        title or planned.id,
        float(np.linalg.norm(tip - depth * along)),
        depth,
        math.degrees(math.atan2(sine, float(along @ found.direction))),
        float(np.linalg.norm(entry - float(entry @ along) * along)),
    )


def _matched(told: Sequence[Sequence[Deviation]]) -> list[tuple[int, int]]:
    """Numbers of planned and found needles that belong together, at the least cost in all."""
    from scipy.optimize import linear_sum_assignment

    cost = np.array([[_cost(d) if _is_near(d) else LEFT_OUT_MM for d in row] for row in told])
    pairs = ((int(a), int(b)) for a, b in zip(*linear_sum_assignment(cost), strict=True))
    return [(a, b) for a, b in pairs if _is_near(told[a][b])]


def _is_near(each: Deviation) -> bool:
    return each.tip_mm <= FARTHEST_TIP_MM and each.angle_deg <= STEEPEST_DEG


def _cost(each: Deviation) -> float:
    return each.tip_mm + MM_PER_DEG * each.angle_deg


def _missing(plan: Plan, needles: Sequence[PlanNeedle]) -> tuple[str, ...]:
    """Needles that were not found in words; an array of which none was found is named as a whole."""
    words: list[str] = []
    for id, group in groupby(needles, key=lambda n: n.instrument):
        titles, instrument = [n.title for n in group], plan.instrument(id)
        if isinstance(instrument, ElectrodeArray) and 1 < len(titles) == len(instrument.electrodes):
            titles = [f"{id} (all {len(titles)} electrodes)"]
        words += titles
    return tuple(words)
