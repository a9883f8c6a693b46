"""Where a simulated zone ends: the level of death with blood and cooled needles counted as their surroundings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from planner_plugins.thermal_ablation.simulation.course import MOST_LEVEL
from planner_plugins.thermal_ablation.simulation.needle_voxels import distance_to_segment_mm

from planner.base.errors import InvalidValue
from planner.compute.heat_lattice import FloatArray, Mask, Single, readonly
from planner.compute.level_boundary import LevelBoundary, filled_from_nearest
from planner.model.geometry import Grid

#: Tissue so near to the axis of a cooled electrode dies when the cooling ends and the needle is
#: withdrawn hot; it counts as dead where all around it died.
CORE_MM = 3.0


def zone_boundary(grid: Grid, level: Single) -> LevelBoundary:
    """The boundary of a level of death; beyond the lattice nothing is treated.

    Raises
    ------
    InvalidValue
        If the level is not finite, or nothing dies.
    """
    if np.isfinite(level).all() and not (level > 0).any():
        raise InvalidValue("No tissue dies.", "simulated zone", "Give more power or time.")
    return LevelBoundary.of(grid, level, -MOST_LEVEL)


def filled_level(grid: Grid, level: Single, blood: Mask, cores_lps_mm: Sequence[FloatArray] = ()) -> Single:
    """A level that counts blood as dead as the tissue at its wall, and cooled needles as their surroundings.

    Blood is no tissue to treat: a vessel whose wall dies all around does not cut into a zone.
    """
    from scipy.ndimage import grey_closing

    found = filled_from_nearest(level, blood).copy()
    reach = int(np.ceil(CORE_MM / grid.spacing_mm[0]))
    k, j, i = np.ogrid[tuple(slice(-reach, reach + 1) for _ in range(3))]
    ball = k * k + j * j + i * i <= reach * reach
    for segments in cores_lps_mm:
        for start, stop in segments:
            core = distance_to_segment_mm(grid, start, stop) <= CORE_MM
            if core.any():
                box = _around(core, 2 * reach + 1)
                closed = grey_closing(found[box], footprint=ball, mode="nearest")
                found[box] = np.where(core[box], closed, found[box])
    return readonly(found)


def _around(mask: Mask, voxels: int) -> tuple[slice, ...]:
    spans = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hit = np.flatnonzero(mask.any(axis=others))
        spans.append(slice(max(0, int(hit[0]) - voxels), min(mask.shape[axis], int(hit[-1]) + 1 + voxels)))
    return tuple(spans)
