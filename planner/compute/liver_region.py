"""The liver as the margin needs it: what of it is destroyed, and how far its surface is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.compute.lesion_surface import nearest_points, sample_surface
from planner.compute.row_volumes import RowVolumes
from planner.model.geometry import Box, FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LiverRegion:
    """A liver mask cropped to its voxels, shared by all lesions of a case.

    Parameters
    ----------
    grid
        Lattice of the cropped mask.
    mask
        Shape [k, j, i].
    volumes
        Running sums of the mask.
    open_sides
        For k, j, i whether the liver reaches the first and the last plane of the image: there it
        is cut by the scan and has no surface.
    """

    grid: Grid
    mask: BoolArray
    volumes: RowVolumes
    open_sides: tuple[tuple[bool, bool], ...]

    @classmethod
    def from_mask(cls, grid: Grid, mask: BoolArray) -> LiverRegion:
        """Crop a liver mask [k, j, i]; lesions should be part of it.

        Raises
        ------
        InvalidValue
            If the mask is empty or does not have the grid's shape.
        """
        mask = np.asarray(mask, dtype=bool)
        if mask.shape != grid.shape:
            raise InvalidValue("A mask needs the shape of its grid.", f"mask {mask.shape}, grid {grid.shape}")
        ranges = []
        for axis in range(3):
            used = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
            if len(used) == 0:
                raise InvalidValue("The liver has no voxel.", "empty mask", "Outline the liver first.")
            ranges.append((int(used[0]), int(used[-1]) + 1))
        (k0, k1), (j0, j1), (i0, i1) = ranges
        box = Box((k0, j0, i0), (k1, j1, i1))
        crop = np.ascontiguousarray(mask[box.slices])
        crop.setflags(write=False)
        near = grid.cropped(box)
        sides = tuple((a == 0, b == n) for (a, b), n in zip(ranges, grid.shape, strict=True))
        return cls(near, crop, RowVolumes.of_masks(near, crop[None]), sides)

    def at(self, grid: Grid) -> BoolArray:
        """Whether the voxel centres of another lattice lie in the liver, shape of that lattice."""
        k, j, i = np.indices(grid.shape)
        return self.contains(grid.to_lps(np.stack([i, j, k], axis=-1)))

    def contains(self, points_lps_mm: FloatArray) -> BoolArray:
        """Whether points (..., 3) lie in a voxel of the liver."""
        ijk = np.floor(self.grid.to_ijk(points_lps_mm) + 0.5).astype(np.int64)
        i, j, k = ijk[..., 0], ijk[..., 1], ijk[..., 2]
        depth, height, width = self.mask.shape
        within = (i >= 0) & (i < width) & (j >= 0) & (j < height) & (k >= 0) & (k < depth)
        found = np.zeros(within.shape, dtype=bool)
        found[within] = self.mask[k[within], j[within], i[within]]
        return found

    def share_at(self, points_lps_mm: FloatArray) -> npt.NDArray[np.float32]:
        """The mask interpolated between voxel centres at points (n, 3)."""
        ijk = self.grid.to_ijk(points_lps_mm)
        low = np.clip(np.floor(ijk.min(axis=0)).astype(int) - 1, 0, np.array(self.mask.shape[::-1]))
        high = np.clip(np.ceil(ijk.max(axis=0)).astype(int) + 2, 0, np.array(self.mask.shape[::-1]))
        if np.any(high <= low):
            return np.zeros(len(ijk), dtype=np.float32)
        part = self.mask[low[2] : high[2], low[1] : high[1], low[0] : high[0]].astype(np.float32)
        return np.asarray(ndi.map_coordinates(part, (ijk - low).T[::-1], order=1, mode="grid-constant"))

    def surface_distance_mm(
        self, points_lps_mm: FloatArray, reach_mm: float, lesion: BoolArray, lesion_grid: Grid
    ) -> FloatArray:
        """Distance of points (n, 3) to the liver's surface, infinity beyond `reach_mm`.

        The surface is the half level of the slightly smoothed mask of liver and lesion together.
        A point outside the liver has the distance 0.
        """
        spacing = np.array(self.grid.spacing_mm)
        ijk = self.grid.to_ijk(points_lps_mm)
        pad = np.ceil(reach_mm / spacing).astype(int) + 3
        low = np.floor(ijk.min(axis=0)).astype(int) - pad
        high = np.ceil(ijk.max(axis=0)).astype(int) + pad + 1
        origin = self.grid.to_lps(low.astype(float))
        shape = tuple(int(n) for n in (high - low)[::-1])
        x, y, z = (float(v) for v in origin)
        near = Grid((shape[0], shape[1], shape[2]), self.grid.spacing_mm, (x, y, z), self.grid.direction)
        region = self._filled(low, high) | _nearest(lesion, lesion_grid, near)
        smooth = ndi.gaussian_filter(region.astype(np.float64), 0.7, mode="nearest") - 0.5
        surface = sample_surface(smooth, near)
        if len(surface) == 0:
            return np.full(len(points_lps_mm), np.inf)
        gap, nearest = nearest_points(points_lps_mm, surface.points_lps_mm, reach_mm)
        found = np.isfinite(gap)
        ray = points_lps_mm[found] - surface.points_lps_mm[nearest[found]]
        outward = np.einsum("ij,ij->i", ray, surface.normals_lps[nearest[found]])
        distance = np.full(len(gap), np.inf)
        distance[found] = np.where(outward > 0, 0.0, gap[found])
        return distance

    def _filled(self, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> BoolArray:
        """The mask from voxel `low` to `high` (i, j, k); where the scan cuts the liver, continued."""
        parts = []
        for axis, name in enumerate((2, 1, 0)):
            wanted = np.arange(low[name], high[name])
            size = self.mask.shape[axis]
            first, last = self.open_sides[axis]
            source = np.clip(wanted, 0, size - 1)
            valid = ((wanted >= 0) | first) & ((wanted < size) | last)
            parts.append((source, valid))
        (k, good_k), (j, good_j), (i, good_i) = parts
        part = self.mask[np.ix_(k, j, i)]
        filled: BoolArray = part & good_k[:, None, None] & good_j[:, None] & good_i
        return filled


def _nearest(mask: BoolArray, grid: Grid, target: Grid) -> BoolArray:
    """A mask at the voxel centres of another lattice."""
    k, j, i = np.indices(target.shape)
    ijk = np.floor(grid.to_ijk(target.to_lps(np.stack([i, j, k], axis=-1))) + 0.5).astype(np.int64)
    within = np.all((ijk >= 0) & (ijk < np.array(grid.shape[::-1])), axis=-1)
    found = np.zeros(target.shape, dtype=bool)
    chosen = ijk[within]
    found[within] = mask[chosen[:, 2], chosen[:, 1], chosen[:, 0]]
    return found
