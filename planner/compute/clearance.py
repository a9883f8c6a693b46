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


@dataclass(frozen=True, eq=False)
class BoundaryPoints:
    """Points on the boundary of a structure in LPS mm, shape (n, 3), float32."""

    points_lps_mm: npt.NDArray[np.float32]

    @classmethod
    def of_mask(cls, mask: npt.NDArray[np.bool_], grid: Grid) -> BoundaryPoints:
        """The face middles of a mask ``[k, j, i]``; faces on the border of the grid count not.

        A structure cut by the border has no boundary there.
        """
        found = []
        for axis in range(3):
            first = mask[tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))]
            second = mask[tuple(slice(1, None) if a == axis else slice(None) for a in range(3))]
            kji = np.argwhere(first != second).astype(np.float64)
            kji[:, axis] += 0.5
            found.append(kji[:, ::-1])
        ijk = np.concatenate(found)
        points = grid.to_lps(ijk).astype(np.float32)
        points.setflags(write=False)
        return cls(points)

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
    index, square = _to_segment(
        boundary.points_lps_mm, np.asarray(start_lps_mm, float), np.asarray(stop_lps_mm, float)
    )
    return Nearest(float(np.sqrt(square)), _place(boundary, index))


def nearest_to_zones(boundary: BoundaryPoints, zones: Sequence[Spheroid]) -> Nearest | None:
    """The boundary point nearest to a union of zones; negative where it lies inside a zone.

    Inside an overlap of zones the depth is that in the deepest single zone.
    """
    if not len(boundary) or not zones:
        return None
    index, distance = _to_zones(boundary.points_lps_mm, pack(zones))
    return Nearest(float(distance), _place(boundary, index))


def _place(boundary: BoundaryPoints, index: int) -> Place:
    x, y, z = (float(v) for v in boundary.points_lps_mm[index])
    return x, y, z


@kernel
def _to_segment(points: npt.NDArray[np.float32], start: FloatArray, stop: FloatArray) -> tuple[int, float]:
    """Index and squared distance of the point nearest to a segment."""
    dx, dy, dz = stop[0] - start[0], stop[1] - start[1], stop[2] - start[2]
    square = dx * dx + dy * dy + dz * dz
    scale = 1.0 / square if square > 0 else 0.0
    best, place = np.inf, 0
    for n in range(points.shape[0]):
        x, y, z = points[n, 0] - start[0], points[n, 1] - start[1], points[n, 2] - start[2]
        t = min(max((x * dx + y * dy + z * dz) * scale, 0.0), 1.0)
        x, y, z = x - t * dx, y - t * dy, z - t * dz
        gap = x * x + y * y + z * z
        if gap < best:
            best, place = gap, n
    return place, best


@kernel
def _to_zones(points: npt.NDArray[np.float32], zones: FloatArray) -> tuple[int, float]:
    """Index and signed distance (positive outside) of the point nearest to any zone."""
    best, place = np.inf, 0
    for n in range(points.shape[0]):
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
