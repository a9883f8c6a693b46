"""How wide a vessel is, from its mask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.compute.depth_map import depth_map_mm
from planner.compute.near_voxels import near_voxels
from planner.model.geometry import FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]


def inscribed_radius_mm(mask: BoolArray, grid: Grid) -> FloatArray:
    """Radius of the ball around each voxel that the mask holds, shape [k, j, i]; zero outside.

    The boundary lies half a voxel before the nearest voxel outside, and the widest place up to half a voxel
    beside the nearest voxel centre; the two errors are met half-way, by a quarter of the smallest spacing.
    """
    radius = depth_map_mm(np.pad(mask, 1), grid)[1:-1, 1:-1, 1:-1]
    return np.asarray(np.where(mask, radius - 0.25 * min(grid.spacing_mm), 0.0))


def thick_part(mask: BoolArray, grid: Grid, diameter_mm: float) -> BoolArray:
    """The part of a mask ``[k, j, i]`` that balls of a diameter within it cover (an opening)."""
    radius = inscribed_radius_mm(mask, grid)
    cores = radius >= diameter_mm / 2
    if not cores.any():
        return np.zeros_like(mask)
    return near_voxels(mask, cores, grid.spacing_mm, diameter_mm / 2 + 0.5 * min(grid.spacing_mm))


def diameter_at(radius_mm: npt.NDArray[np.floating], kji: tuple[int, int, int]) -> float:
    """Diameter in mm of the vessel at a voxel: climbs to the nearest locally widest place.

    Parameters
    ----------
    radius_mm
        What `inscribed_radius_mm` gives for the vessel, shape [k, j, i].
    kji
        The voxel.
    """
    radius = radius_mm
    at = np.array(kji)
    while True:
        low = np.maximum(at - 1, 0)
        region = radius[tuple(slice(a, b + 2) for a, b in zip(low, at, strict=True))]
        best = low + np.array(np.unravel_index(int(np.argmax(region)), region.shape))
        if radius[tuple(best)] <= radius[tuple(at)]:
            return float(2.0 * max(0.0, radius[tuple(at)]))
        at = best
