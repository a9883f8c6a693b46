"""The voxels of a mask along its border, and the faces between inside and outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.model.geometry import Box, FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class VoxelBorder:
    """What a mask says of its outline, in mm along i, j, k from the first voxel's centre.

    Parameters
    ----------
    centers_mm
        Voxel centres next to the border (faces, edges or corners), shape (n, 3).
    sides
        +1 for centres inside, -1 outside, shape (n,).
    face_inner_mm, face_outer_mm
        The two voxel centres of each face between inside and outside, shape (f, 3).
    """

    centers_mm: FloatArray
    sides: FloatArray
    face_inner_mm: FloatArray
    face_outer_mm: FloatArray

    @classmethod
    def of(cls, mask: BoolArray, spacing_mm: FloatArray) -> VoxelBorder:
        """The border of a mask [k, j, i] with empty voxels all around."""
        around = np.ones((3, 3, 3), dtype=bool)
        border = ndi.binary_dilation(mask, around) & ~ndi.binary_erosion(mask, around)
        k, j, i = np.nonzero(border)
        centers = np.stack([i, j, k], axis=1) * spacing_mm
        sides = np.where(mask[border], 1.0, -1.0)
        inner, outer = [], []
        for axis in range(3):
            change = np.diff(mask.astype(np.int8), axis=axis)
            k, j, i = np.nonzero(change)
            lower = np.stack([i, j, k], axis=1) * spacing_mm
            upper = lower.copy()
            upper[:, 2 - axis] += spacing_mm[2 - axis]
            leaves = (change[k, j, i] < 0)[:, None]
            inner.append(np.where(leaves, lower, upper))
            outer.append(np.where(leaves, upper, lower))
        return cls(centers, sides, np.concatenate(inner), np.concatenate(outer))

    @property
    def face_middles_mm(self) -> FloatArray:
        """Middle of each face, shape (f, 3)."""
        return 0.5 * (self.face_inner_mm + self.face_outer_mm)


def thinned(points_mm: FloatArray, most: int, least_gap_mm: float) -> FloatArray:
    """At most `most` points: the means of points (n, 3) in the cells of a lattice."""
    gap = least_gap_mm
    while True:
        cell = np.floor(points_mm / gap).astype(np.int64)
        _, group = np.unique(cell, axis=0, return_inverse=True)
        group = group.ravel()
        count = np.bincount(group)
        if len(count) <= most:
            return np.stack([np.bincount(group, points_mm[:, d]) / count for d in range(3)], axis=1)
        gap *= max(1.05, float(np.sqrt(len(count) / most)))


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
