"""What an ablation left of a lesion and its margin, and the fewest further needles that would reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.liver_region import LiverRegion
from planner.compute.margin import PreparedMargin, prepare_margin
from planner.compute.outline_distance import OutlineDistance
from planner.model.geometry import FloatArray, Grid
from planner.model.plan import Point
from planner.model.registration import Registration
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.devices import Device
from planner.planning.suggesting import Goal, SuggestedNeedles, suggest_needles

BoolArray = npt.NDArray[np.bool_]

#: Cells of the lattice on which what is still to be treated is drawn; pieces below the volume are noise.
CELLS, FINEST_MM, COARSEST_MM, LEAST_ML = 56, 0.7, 2.0, 0.02


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
