"""A plan carried from one scan of a patient to the next: where its needles and foci come to lie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, FocusGrid, Plan
from planner.model.points import as_point
from planner.model.registration import Registration
from planner.model.resection import PatchCut, PlaneCut, Resection
from planner.planning.plan_needles import Ends, PlanNeedle, plan_needles, with_places

#: A needle is steel: where tissue between its entry and tip stretched by more than this, it is said.
STRETCHED_MM = 3.0


@dataclass(frozen=True)
class CarriedNeedle:
    """How one needle of a plan moved to another scan.

    Parameters
    ----------
    id, title
        The needle's, and its name for people: ``e1:2`` is ``e1 electrode 3``.
    entry_moved_mm, tip_moved_mm
        Distance of the new place from the old one, in the scanners' coordinates.
    tip_deformed_mm
        What of the tip's movement is deformation of the liver, beyond turning and shifting.
    stretched_mm
        How much longer the tissue between entry and tip became; the needle itself keeps its length.
    """

    id: str
    title: str
    entry_moved_mm: float
    tip_moved_mm: float
    tip_deformed_mm: float
    stretched_mm: float

    @property
    def is_stretched(self) -> bool:
        """Whether the entry had to leave its own place on the skin for the needle to keep its length."""
        return abs(self.stretched_mm) > STRETCHED_MM


@dataclass(frozen=True)
class CarriedFoci:
    """How a grid of foci moved to another scan.

    Parameters
    ----------
    id
        The grid's.
    middle_moved_mm
        Distance of the middle of its foci from the old one, in the scanners' coordinates.
    middle_deformed_mm
        What of it is deformation of the liver.
    has_window
        Whether points of an acoustic window moved with it; they may have left the skin.
    """

    id: str
    middle_moved_mm: float
    middle_deformed_mm: float
    has_window: bool


@dataclass(frozen=True)
class CarriedPlan:
    """A plan in another scan's space, and what happened to its instruments; to be judged there anew."""

    plan: Plan
    needles: tuple[CarriedNeedle, ...]
    foci: tuple[CarriedFoci, ...] = ()


def carried_plan(plan: Plan, registration: Registration, name: str, *, case_id: str = "") -> CarriedPlan:
    """A plan of the registration's first scan in its second.

    Tips are mapped; each needle, also each electrode, points to where its entry is mapped, and keeps its
    length.  Pairs of electrodes keep their nominal V/d.  Foci and windows are mapped point by point.
    Embolizations name their branches still.

    Parameters
    ----------
    name, case_id
        Of the new plan; the case stays where none is given.

    Raises
    ------
    InvalidValue
        If the plan has no instrument.
    """
    if not plan.instruments:
        raise InvalidValue(
            "The plan has no instrument to carry over.", f"plan '{plan.name}'", "Place a probe first."
        )
    needles = plan_needles(plan)
    ends = [_carried_ends(n.needle, registration) for n in needles]
    moved = with_places(plan, {n.key: _points(e) for n, e in zip(needles, ends, strict=True)})
    for grid in plan.focus_grids:
        moved = moved.with_instrument(_carried_grid(grid, registration))
    for resection in plan.resections:
        moved = moved.with_instrument(_carried_resection(resection, registration))
    error = "" if registration.error_mm is None else f", error {registration.error_mm:.1f} mm"
    words = f"Carried over from '{plan.name}' by registration {registration.words}{error}"
    new = replace(
        moved,
        name=name,
        case_id=case_id or plan.case_id,
        created="",
        notes="\n".join(part for part in (plan.notes, words) if part),
    )
    return CarriedPlan(
        new,
        tuple(_told(n, e, registration) for n, e in zip(needles, ends, strict=True)),
        tuple(_told_foci(g, registration) for g in plan.focus_grids),
    )


def _carried_ends(needle: Applicator, registration: Registration) -> FloatArray:
    """Entry and tip of a needle that keeps its length, shape (2, 3)."""
    entry, tip = registration.map_points([needle.entry_lps_mm, needle.tip_lps_mm])
    length = float(np.linalg.norm(tip - entry))
    return np.stack([tip + (entry - tip) * needle.length_mm / length, tip])


def _carried_grid(grid: FocusGrid, registration: Registration) -> FocusGrid:
    window = registration.map_points(grid.window_lps_mm) if grid.has_window else ()
    return replace(
        grid,
        foci_lps_mm=tuple(as_point(p) for p in registration.map_points(grid.foci_lps_mm)),
        window_lps_mm=tuple(as_point(p) for p in window),
    )


def _carried_resection(resection: Resection, registration: Registration) -> Resection:
    """Planes and patches are moved; what names structures or branches names them in the new scan."""
    surface = resection.surface
    if isinstance(surface, PlaneCut):
        ends = np.array(surface.point_lps_mm) + np.outer([0.0, 1.0], surface.normal_lps)
        point, beyond = registration.map_points(ends)
        return replace(resection, surface=PlaneCut(as_point(point), as_point(beyond - point)))
    if isinstance(surface, PatchCut):
        net = registration.map_points(surface.control.reshape(-1, 3)).reshape(surface.control.shape)
        rows = tuple(tuple(as_point(p) for p in row) for row in net)
        return replace(resection, surface=PatchCut(rows))
    return resection


def _told(needle: PlanNeedle, ends: FloatArray, registration: Registration) -> CarriedNeedle:
    before = np.array([needle.needle.entry_lps_mm, needle.needle.tip_lps_mm])
    entry, tip = registration.map_points(before)
    return CarriedNeedle(
        needle.needle.id,
        needle.title,
        float(np.linalg.norm(ends[0] - before[0])),
        float(np.linalg.norm(ends[1] - before[1])),
        float(np.linalg.norm(ends[1] - _rigidly(before[1], registration))),
        float(np.linalg.norm(tip - entry)) - needle.needle.length_mm,
    )


def _told_foci(grid: FocusGrid, registration: Registration) -> CarriedFoci:
    before = np.array(grid.middle_lps_mm)
    after = np.array(_carried_grid(grid, registration).middle_lps_mm)
    return CarriedFoci(
        grid.id,
        float(np.linalg.norm(after - before)),
        float(np.linalg.norm(after - _rigidly(before, registration))),
        grid.has_window,
    )


def _rigidly(point: FloatArray, registration: Registration) -> FloatArray:
    """Where a point would lie without the deformation."""
    return np.asarray(registration.rigid[:3, :3] @ point + registration.rigid[:3, 3])


def _points(ends: FloatArray) -> Ends:
    return as_point(ends[0]), as_point(ends[1])
