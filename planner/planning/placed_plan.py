"""A plan with its needles where they really are, and how far each lies from where it was planned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.compute.needle_finding import FoundNeedle
from planner.model.plan import Applicator, Plan

#: A found needle further from a planned one than this (tip, or angle) is another needle.
FARTHEST_TIP_MM, STEEPEST_DEG = 40.0, 35.0
#: What one degree weighs against one mm when found needles are matched to planned ones.
MM_PER_DEG = 1.0


@dataclass(frozen=True)
class Deviation:
    """How a needle really lies against how it was planned.

    Parameters
    ----------
    id
        The planned needle's.
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
        The needles that were found, with the planned devices, settings and lesions.
    deviations
        In the plan's order.
    missing
        Ids of planned needles that were not found; they are not part of the plan.
    unplanned
        Needles that were found and belong to no planned one.
    """

    plan: Plan
    deviations: tuple[Deviation, ...]
    missing: tuple[str, ...]
    unplanned: tuple[FoundNeedle, ...]


def as_placed(plan: Plan, found: Sequence[FoundNeedle], name: str = "") -> PlacedPlan:
    """The plan as its needles really lie, each found needle given to the planned one it fits best.

    Both must be in one scan's space: carry the plan over first where they are not.

    Raises
    ------
    InvalidValue
        If the plan has no needle, or none that was found lies near a planned one.
    """
    from scipy.optimize import linear_sum_assignment

    planned = plan.applicators
    if not planned:
        raise InvalidValue("The plan has no needle.", f"plan '{plan.name}'", "Place a probe first.")
    if not found:
        raise InvalidValue("No needle was found in the scan.", f"plan '{plan.name}'", "Mark entry and tip.")
    told = [[deviation(p, f) for f in found] for p in planned]
    cost = np.array([[_cost(d) for d in row] for row in told])
    pairs = [
        (int(a), int(b))
        for a, b in zip(*linear_sum_assignment(cost), strict=True)
        if told[a][b].tip_mm <= FARTHEST_TIP_MM and told[a][b].angle_deg <= STEEPEST_DEG
    ]
    if not pairs:
        raise InvalidValue(
            "No needle that was found lies near a planned one.",
            f"plan '{plan.name}'",
            "Carry the plan over to this scan first, or mark entry and tip.",
        )
    placed = tuple(
        replace(planned[a], entry_lps_mm=found[b].entry_lps_mm, tip_lps_mm=found[b].tip_lps_mm)
        for a, b in pairs
    )
    used = {b for _, b in pairs}
    matched = {a for a, _ in pairs}
    return PlacedPlan(
        replace(plan, name=name or f"{plan.name} as placed", instruments=placed, created=""),
        tuple(told[a][b] for a, b in pairs),
        tuple(p.id for n, p in enumerate(planned) if n not in matched),
        tuple(f for n, f in enumerate(found) if n not in used),
    )


def deviation(planned: Applicator, found: FoundNeedle) -> Deviation:
    """How a found needle lies against a planned one."""
    along = planned.direction
    tip = np.array(found.tip_lps_mm) - np.array(planned.tip_lps_mm)
    entry = np.array(found.entry_lps_mm) - np.array(planned.tip_lps_mm)
    depth = float(tip @ along)
    cosine = float(np.clip(along @ found.direction, -1.0, 1.0))
    return Deviation(
        planned.id,
        float(np.linalg.norm(tip - depth * along)),
        depth,
        math.degrees(math.acos(cosine)),
        float(np.linalg.norm(entry - float(entry @ along) * along)),
    )


def _cost(each: Deviation) -> float:
    return each.tip_mm + MM_PER_DEG * each.angle_deg
