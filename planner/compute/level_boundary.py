"""The boundary of a level on a lattice, finer than its voxels: a mesh, its volume, distances to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.heat_lattice import FloatArray, Mask, Single, readonly
from planner.compute.outline_mesh import signed_volume
from planner.model.geometry import Grid

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

#: Triangles looked at for each point.
NEIGHBOURS = 24
#: Square of twice the area below which a triangle is a sliver: a level that is zero at a voxel makes such.
SLIVER_MM4 = 1e-14


@dataclass(frozen=True, eq=False)
class LevelBoundary:
    """Where a level passes zero.

    Parameters
    ----------
    grid, level
        Positive inside, ``[k, j, i]``; beyond the lattice it is taken to be ``outside``.
    points_lps_mm, triangles
        Mesh of the boundary, (n, 3) and (m, 3), normals outwards.
    outside
        A level below zero.

    Raises
    ------
    InvalidValue
        If a level is not finite, or no voxel is inside.
    """

    grid: Grid
    level: Single
    points_lps_mm: FloatArray
    triangles: npt.NDArray[np.int32]
    outside: float = -1.0

    @classmethod
    def of(cls, grid: Grid, level: Single, outside: float = -1.0) -> LevelBoundary:
        """The boundary of a level."""
        from skimage.measure import marching_cubes  # 0.2 s to import

        if not np.all(np.isfinite(level)):
            raise InvalidValue("A level must be finite.", "boundary of a zone", "Look for NaN in the field.")
        if not (level > 0).any():
            raise InvalidValue("No voxel lies in the zone.", "boundary of a zone", "Give more energy.")
        low = outside if outside < 0 else -1.0
        padded = np.pad(level.astype(np.float64), 1, constant_values=low)
        # An exact zero makes triangles of no area.
        padded[padded == 0] = 1e-9
        kji, triangles, _, _ = marching_cubes(padded, 0.0, gradient_direction="ascent")
        points = grid.to_lps(kji[:, ::-1] - 1.0)
        faces = np.asarray(triangles, dtype=np.int32)
        if signed_volume(points, faces) < 0:
            faces = np.ascontiguousarray(faces[:, ::-1])
        return cls(grid, level, points, faces, low)

    @property
    def volume_ml(self) -> float:
        """Volume within."""
        center = self.points_lps_mm.mean(axis=0)
        return signed_volume(self.points_lps_mm - center, self.triangles) / 1000.0

    @property
    def reaches_edge(self) -> bool:
        """Whether it is cut off by the lattice."""
        inside = self.level > 0
        return any(bool(np.moveaxis(inside, axis, 0)[end].any()) for axis in range(3) for end in (0, -1))

    def contains(self, points_lps_mm: npt.ArrayLike) -> Mask:
        """Whether points (n, 3) lie inside, by the level between voxel centres."""
        from scipy.ndimage import map_coordinates

        kji = self.grid.to_ijk(points_lps_mm)[:, ::-1].T
        level = map_coordinates(self.level, kji, order=1, mode="constant", cval=self.outside)
        return np.asarray(level > 0)

    def signed_distance_mm(self, points_lps_mm: npt.ArrayLike) -> FloatArray:
        """Distance of points (n, 3) to the boundary, positive inside."""
        points = np.asarray(points_lps_mm, dtype=float)
        corners = self.points_lps_mm[self.triangles]
        count = min(NEIGHBOURS, len(corners))
        _, near = self._tree.query(points, k=count)
        best = np.full(len(points), np.inf)
        for column in np.asarray(near).reshape(len(points), count).T:
            best = np.minimum(best, distance_to_triangles_mm(points, corners[column]))
        return np.where(self.contains(points), best, -best)

    @cached_property
    def _tree(self) -> cKDTree:
        from scipy.spatial import cKDTree

        return cKDTree(self.points_lps_mm[self.triangles].mean(axis=1))


def filled_from_nearest(values: Single, where: Mask) -> Single:
    """Values with those of some voxels replaced by the nearest other voxel's.

    For the inside of vessels and ducts: blood and bile are no tissue to treat, and a vessel whose wall
    is treated all around does not cut into a zone.
    """
    from scipy.ndimage import distance_transform_edt

    if not where.any() or where.all():
        return values
    nearest = distance_transform_edt(where, return_distances=False, return_indices=True)
    found = values.copy()
    found[where] = values[tuple(axis[where] for axis in nearest)]
    return readonly(found)


def distance_to_triangles_mm(points: FloatArray, corners: FloatArray) -> FloatArray:
    """Distance of each point (n, 3) to its triangle (n, 3, 3)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    squared = np.einsum("ij,ij->i", normal, normal)
    # A sliver has no plane to speak of; its edges are near enough.
    inside = squared > SLIVER_MM4
    squared = np.maximum(squared, SLIVER_MM4)
    height = np.einsum("ij,ij->i", points - a, normal)
    foot = points - (height / squared)[:, None] * normal
    best = np.full(len(points), np.inf)
    for start, stop in ((a, b), (b, c), (c, a)):
        edge = stop - start
        inside &= np.einsum("ij,ij->i", np.cross(edge, foot - start), normal) >= 0
        length = np.maximum(np.einsum("ij,ij->i", edge, edge), 1e-30)
        t = np.clip(np.einsum("ij,ij->i", points - start, edge) / length, 0.0, 1.0)
        best = np.minimum(best, np.linalg.norm(points - start - t[:, None] * edge, axis=1))
    return np.where(inside, np.minimum(best, np.abs(height) / np.sqrt(squared)), best)
