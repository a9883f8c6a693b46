"""A plan carried from one scan of a patient to the next: where its needles come to lie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Plan, Point
from planner.model.registration import Registration

#: A needle is steel: where tissue between its entry and tip stretched by more than this, it is said.
STRETCHED_MM = 3.0


@dataclass(frozen=True)
class CarriedNeedle:
    """How one needle of a plan moved to another scan.

    Parameters
    ----------
    id
        The needle's.
    entry_moved_mm, tip_moved_mm
        Distance of the new place from the old one, in the scanners' coordinates.
    tip_deformed_mm
        What of the tip's movement is deformation of the liver, beyond turning and shifting.
    stretched_mm
        How much longer the tissue between entry and tip became; the needle itself keeps its length.
    """

    id: str
    entry_moved_mm: float
    tip_moved_mm: float
    tip_deformed_mm: float
    stretched_mm: float

    @property
    def is_stretched(self) -> bool:
        """Whether the entry had to leave its own place on the skin for the needle to keep its length."""
        return abs(self.stretched_mm) > STRETCHED_MM


@dataclass(frozen=True)
class CarriedPlan:
    """A plan in another scan's space, and what happened to its needles; to be judged there anew."""

    plan: Plan
    needles: tuple[CarriedNeedle, ...]


def carried_plan(plan: Plan, registration: Registration, name: str, *, case_id: str = "") -> CarriedPlan:
    """A plan of the registration's first scan in its second.

    Tips are mapped; each needle points to where its entry is mapped, and keeps its length.

    Parameters
    ----------
    name, case_id
        Of the new plan; the case stays where none is given.

    Raises
    ------
    InvalidValue
        If the plan has no needle.
    """
    if not plan.applicators:
        raise InvalidValue(
            "The plan has no needle to carry over.", f"plan '{plan.name}'", "Place a probe first."
        )
    carried: list[Applicator] = []
    told = []
    for needle in plan.applicators:
        before = np.array([needle.entry_lps_mm, needle.tip_lps_mm])
        entry, tip = registration.map_points(before)
        length = float(np.linalg.norm(tip - entry))
        entry = tip + (entry - tip) * needle.length_mm / length
        rigid = before[1] @ registration.rigid[:3, :3].T + registration.rigid[:3, 3]
        carried.append(replace(needle, entry_lps_mm=_point(entry), tip_lps_mm=_point(tip)))
        told.append(
            CarriedNeedle(
                needle.id,
                float(np.linalg.norm(entry - before[0])),
                float(np.linalg.norm(tip - before[1])),
                float(np.linalg.norm(tip - rigid)),
                length - needle.length_mm,
            )
        )
    error = "" if registration.error_mm is None else f", error {registration.error_mm:.1f} mm"
    words = f"Carried over from '{plan.name}' by registration {registration.words}{error}"
    new = Plan(
        name,
        case_id or plan.case_id,
        tuple(carried),
        plan.author,
        "",
        "\n".join(part for part in (plan.notes, words) if part),
    )
    return CarriedPlan(new, tuple(told))


def _point(values: FloatArray) -> Point:
    x, y, z = (float(v) for v in values)
    return x, y, z
