"""Triangle meshes cut off where a level is zero, and areas of what lies between two levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

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
    inside = level > 0
    count = inside[triangles].sum(axis=1)
    whole = triangles[count == 3]
    one, one_keys = _corner(triangles[count == 1], inside, True)
    two, two_keys = _corner(triangles[count == 2], inside, False)
    edges = np.concatenate([one_keys.reshape(-1, 2), two_keys.reshape(-1, 2)])
    low, high = edges.min(axis=1).astype(np.int64), edges.max(axis=1).astype(np.int64)
    keys, place = np.unique(low * len(points_mm) + high, return_inverse=True)
    a, b = np.divmod(keys, max(1, len(points_mm)))
    share = level[a] / (level[a] - level[b]) if len(keys) else np.zeros(0)
    cuts = points_mm[a] + share[:, None] * (points_mm[b] - points_mm[a])
    place = place.reshape(-1).astype(np.int64) + len(points_mm)
    at_one = place[: 2 * len(one)].reshape(-1, 2)
    at_two = place[2 * len(one) :].reshape(-1, 2)
    found = np.concatenate(
        [
            whole,
            np.column_stack([one[:, 0], at_one]),
            np.column_stack([two[:, 1:], at_two[:, 1]]),
            np.column_stack([two[:, 1], at_two[:, 1], at_two[:, 0]]),
        ]
    )
    return compacted(np.concatenate([points_mm, cuts]), found)


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
    a, b, c = (points_mm[triangles[:, n]].T for n in range(3))
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    return np.asarray(
        0.5 * np.sqrt((uy * vz - uz * vy) ** 2 + (uz * vx - ux * vz) ** 2 + (ux * vy - uy * vx) ** 2)
    )


def shares_below(values: FloatArray, triangles: TriangleArray, level: float) -> FloatArray:
    """What share of each triangle has a value below a level, with values linear between its corners, (m,)."""
    one, two, three = (values[triangles[:, n]] for n in range(3))
    low, high = np.minimum(np.minimum(one, two), three), np.maximum(np.maximum(one, two), three)
    found = (high <= level).astype(float)
    cut = np.flatnonzero((low < level) & (high > level))
    one, two, three, low, high = (v[cut] for v in (one, two, three, low, high))
    middle = np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three))
    below = (level - low) ** 2 / ((high - low) * np.maximum(middle - low, 1e-12))
    above = (high - level) ** 2 / ((high - low) * np.maximum(high - middle, 1e-12))
    found[cut] = np.where(level <= middle, below, 1.0 - above)
    return found


def _corner(
    triangles: TriangleArray, inside: npt.NDArray[np.bool_], is_alone: bool
) -> tuple[TriangleArray, TriangleArray]:
    """Triangles turned so that the corner that differs from the others comes first, and its two edges.

    Edges are (first, second) and (first, third), shape (m, 2, 2).
    """
    alone = np.argmax(inside[triangles] == is_alone, axis=1)
    turned = np.take_along_axis(triangles, (alone[:, None] + np.arange(3)) % 3, axis=1)
    return turned, np.stack([turned[:, [0, 1]], turned[:, [0, 2]]], axis=1)
