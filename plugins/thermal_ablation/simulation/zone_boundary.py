"""The boundary of a simulated zone, finer than its voxels: a mesh, its volume, and distances to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from planner_plugins.thermal_ablation.simulation.course import MOST_LEVEL
from planner_plugins.thermal_ablation.simulation.needle_voxels import distance_to_segment_mm

from planner.base.errors import InvalidValue
from planner.compute.heat_lattice import Mask, Single, readonly
from planner.compute.outline_mesh import signed_volume
from planner.model.geometry import Grid

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

FloatArray = npt.NDArray[np.float64]

#: Tissue so near to the axis of a cooled electrode dies when the cooling ends and the needle is
#: withdrawn hot; it counts as dead where all around it died.
CORE_MM = 3.0
#: Triangles looked at for each point.
NEIGHBOURS = 24


@dataclass(frozen=True, eq=False)
class ZoneBoundary:
    """Where a level passes zero.

    Parameters
    ----------
    grid, level
        Positive inside, ``[k, j, i]``; beyond the lattice nothing is treated.
    points_lps_mm, triangles
        Mesh of the boundary, (n, 3) and (m, 3), normals outwards.

    Raises
    ------
    InvalidValue
        If a level is not finite, or no voxel is inside.
    """

    grid: Grid
    level: Single
    points_lps_mm: FloatArray
    triangles: npt.NDArray[np.int32]

    @classmethod
    def of(cls, grid: Grid, level: Single) -> ZoneBoundary:
        """The boundary of a level."""
        from skimage.measure import marching_cubes  # 0.2 s to import

        if not np.all(np.isfinite(level)):
            raise InvalidValue(
                "A level must be finite.", "simulated zone", "Look for NaN in the temperature."
            )
        if not (level > 0).any():
            raise InvalidValue("No tissue dies.", "simulated zone", "Give more power or time.")
        padded = np.pad(level.astype(np.float64), 1, constant_values=-MOST_LEVEL)
        # An exact zero makes triangles of no area.
        padded[padded == 0] = 1e-9
        kji, triangles, _, _ = marching_cubes(padded, 0.0, gradient_direction="ascent")
        points = grid.to_lps(kji[:, ::-1] - 1.0)
        faces = np.asarray(triangles, dtype=np.int32)
        if signed_volume(points, faces) < 0:
            faces = np.ascontiguousarray(faces[:, ::-1])
        return cls(grid, level, points, faces)

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
        level = map_coordinates(self.level, kji, order=1, mode="constant", cval=-MOST_LEVEL)
        return np.asarray(level > 0)

    def signed_distance_mm(self, points_lps_mm: npt.ArrayLike) -> FloatArray:
        """Distance of points (n, 3) to the boundary, positive inside."""
        points = np.asarray(points_lps_mm, dtype=float)
        corners = self.points_lps_mm[self.triangles]
        count = min(NEIGHBOURS, len(corners))
        _, near = self._tree.query(points, k=count)
        best = np.full(len(points), np.inf)
        for column in np.asarray(near).reshape(len(points), count).T:
            best = np.minimum(best, _to_triangles(points, corners[column]))
        return np.where(self.contains(points), best, -best)

    @cached_property
    def _tree(self) -> cKDTree:
        from scipy.spatial import cKDTree

        return cKDTree(self.points_lps_mm[self.triangles].mean(axis=1))


def filled_level(grid: Grid, level: Single, blood: Mask, cores_lps_mm: Sequence[FloatArray] = ()) -> Single:
    """A level that counts blood as dead as the tissue at its wall, and cooled needles as their surroundings.

    Blood is no tissue to treat: a vessel whose wall dies all around does not cut into a zone.
    """
    from scipy.ndimage import distance_transform_edt, grey_closing

    found = level.copy()
    if blood.any() and not blood.all():
        nearest = distance_transform_edt(blood, return_distances=False, return_indices=True)
        found[blood] = level[tuple(axis[blood] for axis in nearest)]
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


def _to_triangles(points: FloatArray, corners: FloatArray) -> FloatArray:
    """Distance of each point (n, 3) to its triangle (n, 3, 3)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    squared = np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-30)
    height = np.einsum("ij,ij->i", points - a, normal)
    foot = points - (height / squared)[:, None] * normal
    inside = np.ones(len(points), dtype=bool)
    best = np.full(len(points), np.inf)
    for start, stop in ((a, b), (b, c), (c, a)):
        edge = stop - start
        inside &= np.einsum("ij,ij->i", np.cross(edge, foot - start), normal) >= 0
        length = np.maximum(np.einsum("ij,ij->i", edge, edge), 1e-30)
        t = np.clip(np.einsum("ij,ij->i", points - start, edge) / length, 0.0, 1.0)
        best = np.minimum(best, np.linalg.norm(points - start - t[:, None] * edge, axis=1))
    return np.where(inside, np.minimum(best, np.abs(height) / np.sqrt(squared)), best)
