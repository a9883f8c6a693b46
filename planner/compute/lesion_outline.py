"""The smooth outline behind a binary lesion mask, sub-voxel, with what the voxels leave open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.compute.lesion_surface import SurfaceSamples, sample_surface
from planner.model.geometry import Box, FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LesionOutline:
    """A lesion's outline.

    Parameters
    ----------
    lattice
        Lattice of `level`; finer than the image across thick slices, and reaching beyond its border.
    level
        About the signed distance to the outline in mm, positive inside, shape [k, j, i].
    samples
        Points of the outline with area and outward normal.
    outward_mm, inward_mm
        How far beyond and within each point the true outline may lie (90 %), shape (n,).
    volume_ml
        Volume within the outline.
    """

    lattice: Grid
    level: FloatArray
    samples: SurfaceSamples
    outward_mm: FloatArray
    inward_mm: FloatArray
    volume_ml: float

    def __post_init__(self) -> None:
        for array in (self.level, self.outward_mm, self.inward_mm):
            array.setflags(write=False)


def outline_lesion(mask: npt.NDArray[np.bool_], grid: Grid) -> LesionOutline:
    """The smooth outline of a mask [k, j, i] whose voxels are set where their centre is inside.

    Raises
    ------
    InvalidValue
        If the mask is empty or does not have the grid's shape.
    """
    crop, near = crop_around(mask, grid, 4)
    sx, sy, sz = near.spacing_mm
    finer = max(1, round(sz / min(sx, sy)))
    sampling = (sz, sy, sx)
    level = np.where(
        crop,
        ndi.distance_transform_edt(crop, sampling) - 0.5 * min(sx, sy),
        -ndi.distance_transform_edt(~crop, sampling) + 0.5 * min(sx, sy),
    )
    positions = np.arange((crop.shape[0] - 1) * finer + 1) / finer
    base = np.minimum(positions.astype(int), crop.shape[0] - 2)
    weight = (positions - base)[:, None, None]
    level = level[base] * (1 - weight) + level[base + 1] * weight
    level = ndi.gaussian_filter(level, (0.8 * finer, 0.8, 0.8))
    lattice = Grid(level.shape, (sx, sy, sz / finer), near.origin_lps_mm, near.direction)
    samples = sample_surface(level, lattice)
    width = np.abs(samples.normals_lps @ grid.axes) @ np.array(grid.spacing_mm) / 2
    volume = float(np.clip(level / min(lattice.spacing_mm) + 0.5, 0, 1).sum()) * lattice.voxel_volume_ml
    return LesionOutline(lattice, level, samples, width, width.copy(), volume)


def crop_around(mask: BoolArray, grid: Grid, voxels: int) -> tuple[BoolArray, Grid]:
    """The part of a mask around its voxels, with empty space around it also beyond the image.

    Raises
    ------
    InvalidValue
        If the mask is empty or does not have the grid's shape.
    """
    mask = np.asarray(mask, dtype=bool)
    if mask.shape != grid.shape:
        raise InvalidValue("A mask needs the shape of its grid.", f"mask {mask.shape}, grid {grid.shape}")
    start, stop = [], []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if len(used) == 0:
            raise InvalidValue(
                "A lesion without voxels has no margin.", "empty mask", "Outline the lesion first."
            )
        start.append(int(used[0]))
        stop.append(int(used[-1]) + 1)
    box = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    padded = np.pad(mask[box.slices], voxels)
    origin = grid.to_lps(np.array([a - voxels for a in start[::-1]], dtype=float))
    x, y, z = (float(v) for v in origin)
    return padded, Grid(padded.shape, grid.spacing_mm, (x, y, z), grid.direction)
