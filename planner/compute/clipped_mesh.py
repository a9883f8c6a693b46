"""Triangle meshes cut off where a level is zero, and areas of what lies between two levels."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

TriangleArray = npt.NDArray[np.int32]


def clipped(
    points_mm: FloatArray, triangles: TriangleArray, level: FloatArray
) -> tuple[FloatArray, TriangleArray]:
    """What of a mesh has a positive level, cut off straight across the triangles where it is zero.

    Parameters
    ----------
    points_mm, triangles
        Corners (n, 3) and three of them for each triangle (m, 3).
    level
        Of each corner, linear in between, (n,).

    Returns
    -------
    points_mm, triangles
        Of the rest; triangles keep their turn, corners that nothing uses are left out.
    """
    return _clip(
        np.ascontiguousarray(points_mm, dtype=float),
        np.ascontiguousarray(triangles, dtype=np.int32),
        np.ascontiguousarray(level, dtype=float),
    )


def compacted(points_mm: FloatArray, triangles: npt.NDArray[np.integer]) -> tuple[FloatArray, TriangleArray]:
    """A mesh without the corners that no triangle uses."""
    used = np.zeros(len(points_mm), dtype=bool)
    used[triangles.ravel()] = True
    number = (np.cumsum(used) - 1).astype(np.int32)
    return points_mm[used], number[triangles]


def joined(meshes: Sequence[tuple[FloatArray, TriangleArray]]) -> tuple[FloatArray, TriangleArray]:
    """Several meshes as one, in their order."""
    if not meshes:
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int32)
    starts = np.cumsum([0, *(len(p) for p, _ in meshes[:-1])])
    triangles = [t + np.int32(s) for (_, t), s in zip(meshes, starts, strict=True)]
    return np.concatenate([p for p, _ in meshes]), np.concatenate(triangles)


def triangle_areas_mm2(points_mm: FloatArray, triangles: TriangleArray) -> FloatArray:
    """Of each triangle, (m,)."""
    return _areas(
        np.ascontiguousarray(points_mm, dtype=float), np.ascontiguousarray(triangles, dtype=np.int32)
    )


def areas_below_mm2(
    points_mm: FloatArray, triangles: TriangleArray, values: FloatArray, levels: FloatArray
) -> FloatArray:
    """Area of a mesh whose value lies below each of some levels, values linear between corners, (levels,)."""
    return _areas_below(
        np.ascontiguousarray(points_mm, dtype=float),
        np.ascontiguousarray(triangles, dtype=np.int32),
        np.ascontiguousarray(values, dtype=float),
        np.ascontiguousarray(levels, dtype=float),
    )


@kernel
def _area(points: FloatArray, a: int, b: int, c: int) -> float:
    ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
    vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
    return 0.5 * float(sqrt((uy * vz - uz * vy) ** 2 + (uz * vx - ux * vz) ** 2 + (ux * vy - uy * vx) ** 2))


@kernel
def _areas(points: FloatArray, triangles: TriangleArray) -> FloatArray:
    found = np.empty(len(triangles))
    for t in range(len(triangles)):
        found[t] = _area(points, triangles[t, 0], triangles[t, 1], triangles[t, 2])
    return found


@kernel
def _share_below(one: float, two: float, three: float, level: float) -> float:
    """What share of a triangle has a value below a level."""
    low, high = min(one, two, three), max(one, two, three)
    if high <= level:
        return 1.0
    if low >= level:
        return 0.0
    middle = max(min(one, two), min(max(one, two), three))
    if level <= middle:
        return (level - low) ** 2 / ((high - low) * max(middle - low, 1e-12))
    return 1.0 - (high - level) ** 2 / ((high - low) * max(high - middle, 1e-12))


@kernel
def _areas_below(
    points: FloatArray, triangles: TriangleArray, values: FloatArray, levels: FloatArray
) -> FloatArray:
    found = np.zeros(len(levels))
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        area = _area(points, a, b, c)
        for n in range(len(levels)):
            found[n] += area * _share_below(values[a], values[b], values[c], levels[n])
    return found


@kernel
def _clip(
    points: FloatArray, triangles: TriangleArray, level: FloatArray
) -> tuple[FloatArray, TriangleArray]:
    crossed = 0
    for t in range(len(triangles)):
        inside = 0
        for n in range(3):
            inside += level[triangles[t, n]] > 0
        crossed += 0 < inside < 3
    found = np.empty((len(triangles) + crossed, 3), dtype=np.int32)
    # Cuts of edges, listed with the lower corner of each: a closed mesh has one for each crossed triangle.
    places = np.empty((2 * crossed, 3))
    first = np.full(len(points), -1, dtype=np.int32)
    following, ends = np.empty(2 * crossed, dtype=np.int32), np.empty(2 * crossed, dtype=np.int32)
    cuts, count = 0, 0
    at = np.empty(2, dtype=np.int32)
    for t in range(len(triangles)):
        inside, alone = 0, 0
        for n in range(3):
            inside += level[triangles[t, n]] > 0
        if inside == 0:
            continue
        if inside == 3:
            found[count] = triangles[t]
            count += 1
            continue
        for n in range(3):
            if (level[triangles[t, n]] > 0) == (inside == 1):
                alone = n
        corner = triangles[t, alone]
        for n in range(2):
            other = triangles[t, (alone + 1 + n) % 3]
            a, b = min(corner, other), max(corner, other)
            number = first[a]
            while number >= 0 and ends[number] != b:
                number = following[number]
            if number < 0:
                number = cuts
                share = level[a] / (level[a] - level[b])
                for m in range(3):
                    places[number, m] = points[a, m] + share * (points[b, m] - points[a, m])
                ends[number], following[number], first[a] = b, first[a], number
                cuts += 1
            at[n] = len(points) + number
        two, three = triangles[t, (alone + 1) % 3], triangles[t, (alone + 2) % 3]
        if inside == 1:
            found[count, 0], found[count, 1], found[count, 2] = corner, at[0], at[1]
            count += 1
        else:
            found[count, 0], found[count, 1], found[count, 2] = two, three, at[1]
            found[count + 1, 0], found[count + 1, 1], found[count + 1, 2] = two, at[1], at[0]
            count += 2
    numbers = np.full(len(points) + cuts, -1, dtype=np.int32)
    for t in range(count):
        for n in range(3):
            numbers[found[t, n]] = 0
    used = 0
    for n in range(len(numbers)):
        if numbers[n] == 0:
            numbers[n] = used
            used += 1
    kept = np.empty((used, 3))
    for n in range(len(numbers)):
        if numbers[n] >= 0:
            for m in range(3):
                kept[numbers[n], m] = points[n, m] if n < len(points) else places[n - len(points), m]
    for t in range(count):
        for n in range(3):
            found[t, n] = numbers[found[t, n]]
    return kept, found[:count].copy()
