"""Sample points on a smooth surface given by a level function on a lattice.

The surface is cut out of each lattice cell by marching tetrahedra; a cell's piece becomes one
sample with its area, its mean normal and a point moved onto the surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.compute.threads import kernel
from planner.model.geometry import FloatArray, Grid

#: The six tetrahedra of a cell that share its main diagonal, as corner numbers (k, j, i) = 4k + 2j + i.
_TETRAHEDRA = np.array(
    [[0, 1, 3, 7], [0, 3, 2, 7], [0, 2, 6, 7], [0, 6, 4, 7], [0, 4, 5, 7], [0, 5, 1, 7]], dtype=np.int64
)


@dataclass(frozen=True)
class SurfaceSamples:
    """Points that stand for pieces of a surface.

    Parameters
    ----------
    points_lps_mm
        Shape (n, 3).
    normals_lps
        Unit vectors pointing outward, shape (n, 3).
    area_mm2
        Area each point stands for, shape (n,).
    """

    points_lps_mm: FloatArray
    normals_lps: FloatArray
    area_mm2: FloatArray

    def __post_init__(self) -> None:
        for array in (self.points_lps_mm, self.normals_lps, self.area_mm2):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.area_mm2)

    @cached_property
    def total_area_mm2(self) -> float:
        """Area of the whole surface."""
        return float(self.area_mm2.sum())


def sample_surface(level: npt.NDArray[np.float64], grid: Grid) -> SurfaceSamples:
    """Samples of the zero surface of a level function, positive inside, on a lattice [k, j, i].

    The order of the samples depends on the lattice alone, so the same input gives the same bits.
    """
    spacing = np.array(grid.spacing_mm)
    field = np.ascontiguousarray(level, dtype=np.float64)
    room = int(_count_cells(field))
    points, normals, area = np.empty((room, 3)), np.empty((room, 3)), np.empty(room)
    used = _sample_cells(field, spacing, _TETRAHEDRA, points, normals, area)
    points, normals, area = points[:used], normals[:used], area[:used]
    lps = points @ grid.axes.T + np.array(grid.origin_lps_mm)
    return SurfaceSamples(lps, normals @ grid.axes.T, area.copy())


def nearest_points(
    points_mm: FloatArray, among_mm: FloatArray, reach_mm: float
) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Distance to and number of the nearest of `among_mm`; infinity beyond `reach_mm`."""
    gap, number = cKDTree(among_mm).query(points_mm, distance_upper_bound=reach_mm)
    return np.asarray(gap, dtype=np.float64), np.asarray(number, dtype=np.intp)


@kernel
def _count_cells(field: FloatArray) -> int:
    count = 0
    for k in range(field.shape[0] - 1):
        for j in range(field.shape[1] - 1):
            for i in range(field.shape[2] - 1):
                positive = 0
                for c in range(8):
                    if field[k + (c >> 2), j + ((c >> 1) & 1), i + (c & 1)] > 0:
                        positive += 1
                if 0 < positive < 8:
                    count += 1
    return count


@kernel
def _cut(values: FloatArray, corners: FloatArray, a: int, b: int, out: FloatArray, row: int) -> None:
    """Where the line between two corners crosses zero."""
    t = values[a] / (values[a] - values[b])
    for d in range(3):
        out[row, d] = corners[a, d] + t * (corners[b, d] - corners[a, d])


@kernel
def _add_triangle(p: FloatArray, a: int, b: int, c: int, gradient: FloatArray, total: FloatArray) -> None:
    """Add a triangle's area, area-weighted centre and oriented normal to the sums."""
    ux, uy, uz = p[b, 0] - p[a, 0], p[b, 1] - p[a, 1], p[b, 2] - p[a, 2]
    vx, vy, vz = p[c, 0] - p[a, 0], p[c, 1] - p[a, 1], p[c, 2] - p[a, 2]
    nx, ny, nz = 0.5 * (uy * vz - uz * vy), 0.5 * (uz * vx - ux * vz), 0.5 * (ux * vy - uy * vx)
    area = sqrt(nx * nx + ny * ny + nz * nz)
    if nx * gradient[0] + ny * gradient[1] + nz * gradient[2] > 0:  # outward: against the gradient
        nx, ny, nz = -nx, -ny, -nz
    total[0] += area
    for d in range(3):
        total[1 + d] += area * (p[a, d] + p[b, d] + p[c, d]) / 3.0
    total[4] += nx
    total[5] += ny
    total[6] += nz


@kernel
def _sample_cells(
    field: FloatArray,
    spacing: FloatArray,
    tetrahedra: npt.NDArray[np.int64],
    points: FloatArray,
    normals: FloatArray,
    area: FloatArray,
) -> int:
    corners = np.empty((8, 3))
    values = np.empty(8)
    local = np.empty(4)
    where = np.empty((4, 3))
    cuts = np.empty((4, 3))
    gradient = np.empty(3)
    total = np.empty(7)
    used = 0
    least = 1e-6 * spacing[0] * spacing[1]
    for k in range(field.shape[0] - 1):
        for j in range(field.shape[1] - 1):
            for i in range(field.shape[2] - 1):
                positive = 0
                for c in range(8):
                    values[c] = field[k + (c >> 2), j + ((c >> 1) & 1), i + (c & 1)]
                    if values[c] > 0:
                        positive += 1
                if positive == 0 or positive == 8:
                    continue
                for c in range(8):
                    corners[c, 0] = (i + (c & 1)) * spacing[0]
                    corners[c, 1] = (j + ((c >> 1) & 1)) * spacing[1]
                    corners[c, 2] = (k + (c >> 2)) * spacing[2]
                total[:] = 0.0
                for t in range(6):
                    inner = 0
                    order = 0  # inner corners first
                    for c in range(4):
                        if values[tetrahedra[t, c]] > 0:
                            inner += 1
                    if inner == 0 or inner == 4:
                        continue
                    front, back = 0, inner
                    for c in range(4):
                        corner = tetrahedra[t, c]
                        if values[corner] > 0:
                            order = front
                            front += 1
                        else:
                            order = back
                            back += 1
                        local[order] = values[corner]
                        for d in range(3):
                            where[order, d] = corners[corner, d]
                    for d in range(3):  # from the outer corners' centre to the inner ones'
                        low = 0.0
                        high = 0.0
                        for c in range(4):
                            if c < inner:
                                high += where[c, d] / inner
                            else:
                                low += where[c, d] / (4 - inner)
                        gradient[d] = high - low
                    if inner == 1:
                        for c in range(3):
                            _cut(local, where, 0, c + 1, cuts, c)
                        _add_triangle(cuts, 0, 1, 2, gradient, total)
                    elif inner == 3:
                        for c in range(3):
                            _cut(local, where, c, 3, cuts, c)
                        _add_triangle(cuts, 0, 1, 2, gradient, total)
                    else:
                        _cut(local, where, 0, 2, cuts, 0)
                        _cut(local, where, 0, 3, cuts, 1)
                        _cut(local, where, 1, 3, cuts, 2)
                        _cut(local, where, 1, 2, cuts, 3)
                        _add_triangle(cuts, 0, 1, 2, gradient, total)
                        _add_triangle(cuts, 0, 2, 3, gradient, total)
                length = sqrt(total[4] ** 2 + total[5] ** 2 + total[6] ** 2)
                if total[0] < least or length < 1e-3 * total[0]:
                    continue
                for d in range(3):
                    points[used, d] = total[1 + d] / total[0]
                    normals[used, d] = total[4 + d] / length
                area[used] = length  # of the piece seen along its normal: cells leave no folds
                used += 1
    return used
