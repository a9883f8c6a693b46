"""Label arrays placed onto an image's lattice: by geometry, never by index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused
from planner.model.geometry import FloatArray, Grid
from planner.model.structures import bounding_box

#: Two lattices coincide where no voxel centre is farther off than this share of a voxel.
SAME_VOXEL = 0.05
#: A structure may reach beyond the image by this many voxels.
MARGIN_VOXELS = 1.0


@dataclass(frozen=True, eq=False)
class Placement:
    """How indices of one lattice become indices of another.

    Parameters
    ----------
    source, target
        The lattices.
    matrix
        4 x 4, from target (i, j, k, 1) to source (i, j, k, 1).
    is_exact
        Whether voxels fall onto voxels (axes permuted, flipped, cropped).
    """

    source: Grid
    target: Grid
    matrix: FloatArray
    is_exact: bool

    @property
    def note(self) -> str:
        """What was done to the voxels, in words; empty where nothing was."""
        if self.is_exact:
            return ""
        sizes = " x ".join(f"{s:.2f}" for s in self.source.spacing_mm)
        return f"resampled by nearest neighbour from voxels of {sizes} mm"


def placement_of(source: Grid, target: Grid) -> Placement:
    """How a lattice lies in another."""
    matrix = source.inverse_affine @ target.affine
    rounded = np.round(matrix)
    corners = np.hstack([target.corners_ijk, np.ones((8, 1))])
    linear = np.abs(rounded[:3, :3])
    is_permutation = bool(np.all(linear.sum(axis=0) == 1) and np.all(linear.sum(axis=1) == 1))
    off = np.abs((corners @ (matrix - rounded).T)[:, :3]).max()
    return Placement(source, target, matrix, is_permutation and bool(off <= SAME_VOXEL))


def place(values: npt.NDArray[Any], placement: Placement, name: str) -> npt.NDArray[Any]:
    """A label array ``[k, j, i]`` on the target lattice.

    Raises
    ------
    InputRefused
        If what is labelled reaches beyond the target lattice.
    """
    box = bounding_box(values != 0)
    out = np.zeros(placement.target.shape, dtype=values.dtype)
    if box.is_empty:
        return out
    low, high = _target_range(box.start[::-1], box.stop[::-1], placement, name)
    if placement.source.same_as(placement.target):
        return values
    matrix = np.round(placement.matrix) if placement.is_exact else placement.matrix
    i, j, k = (np.arange(a, b) for a, b in zip(low, high, strict=True))
    source_size = np.array(placement.source.shape[::-1])
    plane_j, plane_i = np.meshgrid(j, i, indexing="ij")
    for index in k:
        # Half-way cases go to the lower voxel on both lattices alike.
        place_ijk = [
            np.ceil(row[0] * plane_i + row[1] * plane_j + row[2] * index + row[3] - 0.5).astype(np.intp)
            for row in matrix[:3]
        ]
        inside = np.ones(plane_i.shape, dtype=bool)
        for axis, indices in enumerate(place_ijk):
            inside &= (indices >= 0) & (indices < source_size[axis])
        si, sj, sk = (indices[inside] for indices in place_ijk)
        plane = out[index, low[1] : high[1], low[0] : high[0]]
        plane[inside] = values[sk, sj, si]
    return out


def _target_range(
    start_ijk: tuple[int, ...], stop_ijk: tuple[int, ...], placement: Placement, name: str
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The target voxels a box of source voxels reaches, after a check that it fits."""
    corners = np.array(
        [[a, b, c] for a in (start_ijk[0], stop_ijk[0] - 1) for b in (start_ijk[1], stop_ijk[1] - 1)
         for c in (start_ijk[2], stop_ijk[2] - 1)], dtype=float,
    )  # fmt: skip
    found = placement.target.to_ijk(placement.source.to_lps(corners))
    check_fit(found, placement.target, name)
    reach = np.abs(placement.target.inverse_affine[:3, :3] @ placement.source.affine[:3, :3]).sum(axis=1) / 2
    size = np.array(placement.target.shape[::-1])
    low = np.clip(np.floor(found.min(axis=0) - reach).astype(np.intp), 0, size)
    high = np.clip(np.ceil(found.max(axis=0) + reach).astype(np.intp) + 1, 0, size)
    return low, high


def check_fit(points_ijk: FloatArray, target: Grid, name: str) -> None:
    """Refuse what reaches beyond a lattice by more than a voxel; points in its indices, shape (n, 3).

    Raises
    ------
    InputRefused
        Saying how far and where to.
    """
    size = np.array(target.shape[::-1])
    below = -0.5 - points_ijk.min(axis=0)
    above = points_ijk.max(axis=0) - (size - 0.5)
    if np.any(points_ijk.max(axis=0) < -0.5) or np.any(points_ijk.min(axis=0) > size - 0.5):
        raise InputRefused(
            "A segmentation lies outside the image.", name, "Choose the segmentation made on this scan."
        )
    beyond = np.maximum(below, above)
    if beyond.max() > MARGIN_VOXELS:
        far = float((beyond * np.array(target.spacing_mm)).max())
        raise InputRefused(
            "A segmentation reaches beyond the image.",
            f"{name}: by up to {far:.1f} mm",
            "Choose the segmentation made on this scan, or the whole scan.",
        )
