"""Distances of structures to a needle or a zone, from points on the structures' boundaries.

The points are the middles of the voxel faces between a structure and its surroundings, so a
boundary is met half-way between the two voxel centres; one voxel's size bounds the error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.compute.spheroid import Spheroid, pack, signed_distance
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray, Grid

Place = tuple[float, float, float]


#: Points are kept in cells about this wide, so that far ones are passed over together.
CELL_MM = 12.0


@dataclass(frozen=True, eq=False)
class BoundaryPoints:
    """Points on the boundary of a structure.

    Parameters
    ----------
    points_lps_mm
        Shape (n, 3), float32, sorted by cell.
    starts
        First point of each cell and the end, shape (cells + 1,).
    balls
        Centre and radius of a ball around each cell's points, shape (cells, 4).
    """

    points_lps_mm: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]
    balls: FloatArray

    def __post_init__(self) -> None:
        for array in (self.points_lps_mm, self.starts, self.balls):
            array.setflags(write=False)

    @classmethod
    def of_points(cls, points_lps_mm: FloatArray) -> BoundaryPoints:
        """Sort points (n, 3) into cells."""
        points = np.asarray(points_lps_mm, dtype=np.float32).reshape(-1, 3)
        if not len(points):
            return cls(points, np.zeros(1, dtype=np.int64), np.zeros((0, 4)))
        cells = np.floor((points - points.min(axis=0)) / CELL_MM).astype(np.int64)
        nx, ny = cells[:, 0].max() + 1, cells[:, 1].max() + 1
        keys = cells[:, 0] + nx * (cells[:, 1] + ny * cells[:, 2])
        order = np.argsort(keys, kind="stable")
        points, keys = points[order], keys[order]
        starts = np.concatenate(([0], np.flatnonzero(np.diff(keys)) + 1, [len(points)])).astype(np.int64)
        low = np.minimum.reduceat(points, starts[:-1]).astype(float)
        high = np.maximum.reduceat(points, starts[:-1]).astype(float)
        # A hair wider than the points, for float32's rounding.
        radius = np.linalg.norm(high - low, axis=1) / 2 + 1e-3
        return cls(points, starts, np.column_stack([(low + high) / 2, radius]))

    @classmethod
    def of_mask(cls, mask: npt.NDArray[np.bool_], grid: Grid) -> BoundaryPoints:
        """The face middles of a mask ``[k, j, i]``; faces on the border of the grid count not.

        A structure cut by the border has no boundary there.
        """
        voxels = np.ascontiguousarray(mask, dtype=bool)
        ijk = np.empty((_count_faces(voxels), 3))
        _fill_faces(voxels, ijk)
        return cls.of_points(grid.to_lps(ijk))

    def __len__(self) -> int:
        return len(self.points_lps_mm)


@dataclass(frozen=True)
class Nearest:
    """How near a structure comes, and where on the structure."""

    distance_mm: float
    place_lps_mm: Place


def nearest_to_segment(
    boundary: BoundaryPoints, start_lps_mm: FloatArray, stop_lps_mm: FloatArray
) -> Nearest | None:
    """The boundary point nearest to the segment between two points (3,), or None without points."""
    if not len(boundary):
        return None
    start, stop = np.asarray(start_lps_mm, float), np.asarray(stop_lps_mm, float)
    bounds = _distance_to_segment(boundary.balls[:, :3], start, stop) - boundary.balls[:, 3]
    order = np.argsort(bounds, kind="stable")
    index, square = _to_segment(boundary.points_lps_mm, boundary.starts, order, bounds, start, stop)
    return Nearest(float(np.sqrt(square)), _place(boundary, index))


def nearest_to_zones(boundary: BoundaryPoints, zones: Sequence[Spheroid]) -> Nearest | None:
    """The boundary point nearest to a union of zones; negative where it lies inside a zone.

    Inside an overlap of zones the depth is that in the deepest single zone.
    """
    if not len(boundary) or not zones:
        return None
    packed = pack(zones)
    away = np.linalg.norm(boundary.balls[:, None, :3] - packed[None, :, :3], axis=2)
    bounds = (away - packed[:, 6:].max(axis=1)).min(axis=1) - boundary.balls[:, 3]
    order = np.argsort(bounds, kind="stable")
    index, distance = _to_zones(boundary.points_lps_mm, boundary.starts, order, bounds, packed)
    return Nearest(float(distance), _place(boundary, index))


def _place(boundary: BoundaryPoints, index: int) -> Place:
    x, y, z = (float(v) for v in boundary.points_lps_mm[index])
    return x, y, z


def _distance_to_segment(points: FloatArray, start: FloatArray, stop: FloatArray) -> FloatArray:
    along = stop - start
    square = float(along @ along)
    t = np.clip((points - start) @ along / square if square > 0 else np.zeros(len(points)), 0.0, 1.0)
    return np.asarray(np.linalg.norm(points - start - t[:, None] * along, axis=1))


@kernel
def _count_faces(mask: npt.NDArray[np.bool_]) -> int:
    nk, nj, ni = mask.shape
    count = 0
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                here = mask[k, j, i]
                if k + 1 < nk and mask[k + 1, j, i] != here:
                    count += 1
                if j + 1 < nj and mask[k, j + 1, i] != here:
                    count += 1
                if i + 1 < ni and mask[k, j, i + 1] != here:
                    count += 1
    return count


@kernel
def _fill_faces(mask: npt.NDArray[np.bool_], ijk: FloatArray) -> None:
    """Middles of the faces between voxels that differ: all across slices first, then rows, then columns."""
    nk, nj, ni = mask.shape
    used = 0
    for axis in range(3):
        dk, dj, di = int(axis == 0), int(axis == 1), int(axis == 2)
        for k in range(nk - dk):
            for j in range(nj - dj):
                for i in range(ni - di):
                    if mask[k, j, i] != mask[k + dk, j + dj, i + di]:
                        ijk[used, 0], ijk[used, 1], ijk[used, 2] = i + 0.5 * di, j + 0.5 * dj, k + 0.5 * dk
                        used += 1


@kernel
def _to_segment(
    points: npt.NDArray[np.float32],
    starts: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    bounds: FloatArray,
    start: FloatArray,
    stop: FloatArray,
) -> tuple[int, float]:
    """Index and squared distance of the point nearest to a segment; cells in the order of their bounds."""
    dx, dy, dz = stop[0] - start[0], stop[1] - start[1], stop[2] - start[2]
    square = dx * dx + dy * dy + dz * dz
    scale = 1.0 / square if square > 0 else 0.0
    best, place = np.inf, 0
    for cell in order:
        if bounds[cell] > 0 and bounds[cell] * bounds[cell] > best:
            break
        for n in range(starts[cell], starts[cell + 1]):
            x, y, z = points[n, 0] - start[0], points[n, 1] - start[1], points[n, 2] - start[2]
            t = min(max((x * dx + y * dy + z * dz) * scale, 0.0), 1.0)
            x, y, z = x - t * dx, y - t * dy, z - t * dz
            gap = x * x + y * y + z * z
            if gap < best:
                best, place = gap, n
    return place, best


@kernel
def _to_zones(
    points: npt.NDArray[np.float32],
    starts: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    bounds: FloatArray,
    zones: FloatArray,
) -> tuple[int, float]:
    """Index and signed distance (positive outside) of the point nearest to any zone."""
    best, place = np.inf, 0
    for cell in order:
        if bounds[cell] >= best:
            break
        for n in range(starts[cell], starts[cell + 1]):
            x, y, z = float(points[n, 0]), float(points[n, 1]), float(points[n, 2])
            for m in range(zones.shape[0]):
                cx, cy, cz = x - zones[m, 0], y - zones[m, 1], z - zones[m, 2]
                reach = max(zones[m, 6], zones[m, 7])
                # Outside the ball around the zone, the distance to that ball is a lower bound.
                if np.sqrt(cx * cx + cy * cy + cz * cz) - reach >= best:
                    continue
                gap = -signed_distance(x, y, z, zones[m])
                if gap < best:
                    best, place = gap, n
    return place, best
