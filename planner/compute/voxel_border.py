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
        Voxel centres along the border, shape (n, 3).
    sides
        +1 for centres inside, -1 outside, shape (n,).
    touching
        Which of them have a face, edge or corner on the border, shape (n,).
    face_inner_mm, face_outer_mm
        The two voxel centres of each face between inside and outside, shape (f, 3).
    face_runs
        How many voxels in a row lie inside behind each face, shape (f,).
    """

    centers_mm: FloatArray
    sides: FloatArray
    touching: BoolArray
    face_inner_mm: FloatArray
    face_outer_mm: FloatArray
    face_runs: npt.NDArray[np.int64]

    @classmethod
    def of(cls, mask: BoolArray, spacing_mm: FloatArray) -> VoxelBorder:
        """The border of a mask [k, j, i] with empty voxels all around."""
        border = border_band(mask, spacing_mm)
        touching = _mixed(mask, (3, 3, 3))[border]
        k, j, i = np.nonzero(border)
        centers = np.stack([i, j, k], axis=1) * spacing_mm
        sides = np.where(mask[border], 1.0, -1.0)
        inner, outer, runs = [], [], []
        for axis in range(3):
            name = 2 - axis
            lines = np.moveaxis(mask, axis, -1).astype(np.int8)
            a, b, at = np.nonzero(np.diff(lines, axis=-1))
            kji = np.insert(np.stack([a, b], axis=1), axis, at, axis=1)
            lower = kji[:, ::-1] * spacing_mm
            upper = lower.copy()
            upper[:, name] += spacing_mm[name]
            enters = (np.arange(len(at)) % 2 == 0)[:, None]  # a line enters and leaves in turn
            inner.append(np.where(enters, upper, lower))
            outer.append(np.where(enters, lower, upper))
            runs.append(np.repeat(at[1::2] - at[::2], 2))
        return cls(
            centers, sides, touching, np.concatenate(inner), np.concatenate(outer), np.concatenate(runs)
        )

    @property
    def face_middles_mm(self) -> FloatArray:
        """Middle of each face, shape (f, 3)."""
        return 0.5 * (self.face_inner_mm + self.face_outer_mm)


def reach_voxels(spacing_mm: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """How many voxels along i, j, k a surface may stray from a mask's border between its slices."""
    spacing = np.asarray(spacing_mm, dtype=float)
    ratio = spacing.max() / spacing
    return np.where(ratio > 1.5, np.ceil(0.8 * ratio), 1).astype(np.int64)


def border_band(mask: BoolArray, spacing_mm: npt.ArrayLike) -> BoolArray:
    """Voxels that a surface through a mask's border may pass, shape of the mask."""
    i, j, k = (2 * int(n) + 1 for n in reach_voxels(spacing_mm))
    return _mixed(mask, (k, j, i))


def _mixed(mask: BoolArray, size: tuple[int, int, int]) -> BoolArray:
    """Voxels with both inside and outside in a box around them."""
    mixed: BoolArray = ndi.maximum_filter(mask, size) & ~ndi.minimum_filter(mask, size)
    return mixed


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
