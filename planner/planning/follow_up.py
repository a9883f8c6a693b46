"""From one scan to the next: a plan carried over, needles as they were really placed, and a second probe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.liver_region import LiverRegion
from planner.compute.margin import PreparedMargin, prepare_margin
from planner.compute.needle_finding import FoundNeedle
from planner.compute.outline_distance import OutlineDistance
from planner.model.geometry import FloatArray, Grid
from planner.model.plan import Applicator, Plan, Point
from planner.model.registration import Registration
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.devices import Device
from planner.planning.suggesting import Goal, SuggestedNeedles, suggest_needles

BoolArray = npt.NDArray[np.bool_]

#: A needle is steel: where tissue between its entry and tip stretched by more than this, it is said.
STRETCHED_MM = 3.0
#: A found needle further from a planned one than this (tip, or angle) is another needle.
FARTHEST_TIP_MM, STEEPEST_DEG = 40.0, 35.0
#: What one degree weighs against one mm when found needles are matched to planned ones.
MM_PER_DEG = 1.0
#: Cells of the lattice on which what is still to be treated is drawn; pieces below the volume are noise.
CELLS, FINEST_MM, COARSEST_MM, LEAST_ML = 56, 0.7, 2.0, 0.02


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


@dataclass(frozen=True, eq=False)
class StillToTreat:
    """What of a lesion and its margin lies outside the zone, in the space of the scan after treatment.

    Parameters
    ----------
    mask, grid
        Its voxels [k, j, i] on a lattice of cubic cells.
    volume_ml
        Their volume.
    margin_mm
        The lesion was grown by this, within the liver.
    """

    mask: BoolArray
    grid: Grid
    volume_ml: float
    margin_mm: float

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left but what a lattice makes of rounding."""
        return self.volume_ml < LEAST_ML


def still_to_treat(
    prepared: PreparedMargin,
    registration: Registration,
    zone: BoolArray,
    zone_grid: Grid,
    margin_mm: float = 5.0,
    liver: LiverRegion | None = None,
) -> StillToTreat:
    """The residual lesion and the part of its margin that the zone does not reach.

    Parameters
    ----------
    prepared
        The lesion as outlined before.
    registration
        To the scan after treatment.
    zone, zone_grid
        Mask [k, j, i] of the ablation zone in that scan.
    liver
        The liver in that scan: margin beyond it is not asked for.  All tissue counts where not given.

    Raises
    ------
    InvalidValue
        If the zone is empty, or the margin is not within 0..15 mm.
    """
    if not 0.0 <= margin_mm <= 15.0:
        raise InvalidValue("The margin lies between 0 and 15 mm.", f"{margin_mm} mm")
    samples = prepared.outline.samples
    points = registration.map_points(samples.points_lps_mm)
    low, high = points.min(axis=0) - margin_mm, points.max(axis=0) + margin_mm
    step = float(np.clip((high - low).max() / CELLS, FINEST_MM, COARSEST_MM))
    low = low - 1.5 * step
    columns, rows, slices = (int(n) for n in np.ceil((high + 1.5 * step - low) / step).astype(int) + 1)
    grid = Grid((slices, rows, columns), (step,) * 3, _point(low))
    k, j, i = np.indices(grid.shape)
    cells = grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    inside = OutlineDistance(prepared.outline).signed_distance_mm(
        registration.inverse_points(cells), margin_mm + step
    )
    wanted = inside > -margin_mm
    if liver is not None:
        wanted &= liver.contains(cells) | (inside > 0)
    chosen = np.flatnonzero(wanted)
    treated = OutlineDistance.of_mask(zone, zone_grid).signed_distance_mm(cells[chosen], step)
    left = np.zeros(len(cells), dtype=bool)
    left[chosen[treated < 0]] = True
    mask = left.reshape(grid.shape)
    return StillToTreat(mask, grid, float(np.count_nonzero(mask)) * grid.voxel_volume_ml, margin_mm)


def second_probe(
    ground: AccessGround,
    left: StillToTreat,
    device: Device,
    settings: Mapping[str, float],
    lesion: str,
    *,
    liver: LiverRegion | None = None,
    most_needles: int = 3,
    rules: AccessRules | None = None,
    allow_ex_vivo: bool = False,
    task: Task | None = None,
) -> tuple[SuggestedNeedles, ...]:
    """The fewest further needles whose zones hold all that is still to treat, on allowed paths.

    Parameters
    ----------
    ground
        The scan after treatment as needles meet it.
    left
        What is still to treat there; it holds the margin already.
    device, settings
        What each needle is, and how it is run.
    lesion
        Its name in the ground's structures.
    liver
        The liver in that scan.

    Returns
    -------
    Plans, best first; their reports are those of what is still to treat: a minimal margin of 0 mm or
    more means that the zones together reach the whole margin.

    Raises
    ------
    InvalidValue
        If nothing is left to treat, or more needles would be needed.
    NoPath
        If no entry is allowed.
    """
    if left.is_empty:
        raise InvalidValue(
            "Nothing is left to treat.",
            f"{lesion} with {left.margin_mm:g} mm",
            "Ask for a wider margin if more is wanted.",
        )
    task = task or Task()
    task.report(0.0, "Outline of what is left")
    # Slivers of rounding along the zone's edge are not worth a needle.
    prepared = prepare_margin(left.grid, _pieces(left), liver)
    goal = Goal(lesion, 0.0, most_needles)
    return suggest_needles(
        ground,
        prepared,
        device,
        settings,
        goal,
        rules=rules,
        allow_ex_vivo=allow_ex_vivo,
        task=task.part(0.1, 1.0),
    )


def _pieces(left: StillToTreat) -> BoolArray:
    """The joined pieces larger than `LEAST_ML`, or the largest one."""
    import scipy.ndimage as ndi

    labels, count = ndi.label(left.mask, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * left.grid.voxel_volume_ml
    sizes[0] = 0.0
    kept = sizes >= min(LEAST_ML, float(sizes.max()))
    kept[0] = False
    return np.asarray(kept[labels])


def _point(values: FloatArray) -> Point:
    x, y, z = (float(v) for v in values)
    return x, y, z
