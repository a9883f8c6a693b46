"""Signed distances of very many points to an outline: near it the same numbers as `OutlineDistance`, compiled.

A tree of boxes over the outline's samples is searched from what the point before found: neighbours in a mesh
have neighbours on the outline.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from planner.compute.outline_distance import BESIDE_SHARE, CANDIDATES, OutlineDistance
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

IntArray = npt.NDArray[np.int64]

#: Samples in the smallest boxes.
LEAF = 8
#: Beyond this a distance is that to a nearly nearest sample: up to 0.4 mm too far at 1.8 mm between samples, and
#: up to 1.2 mm where the outline is creased.
FINE_MM = 12.0
#: Samples that are nearer by less than this may be passed over there.
SLACK_MM = 0.25


@dataclass(frozen=True, eq=False)
class OutlineNearness:
    """An outline with its samples in a tree of boxes.

    Parameters
    ----------
    distance
        The outline.
    middle_lps_mm, reach_mm
        A ball that holds all samples.
    """

    distance: OutlineDistance
    middle_lps_mm: FloatArray
    reach_mm: float
    _boxes: tuple[IntArray, FloatArray, IntArray]

    @classmethod
    def of(cls, distance: OutlineDistance) -> OutlineNearness:
        """Of an outline."""
        samples = np.ascontiguousarray(distance.outline.samples.points_lps_mm, dtype=float)
        middle = samples.mean(axis=0)
        reach = float(np.linalg.norm(samples - middle, axis=1).max())
        return cls(distance, middle, reach, _box_tree(samples))

    def signed_distance_mm(self, points_lps_mm: FloatArray, fine_mm: float = FINE_MM) -> FloatArray:
        """Distance of points (n, 3) to the outline, positive inside, (n,).

        Parameters
        ----------
        fine_mm
            Beyond this it is measured to the outline's samples; infinite for `OutlineDistance`'s numbers all over.
        """
        points = np.ascontiguousarray(np.atleast_2d(points_lps_mm), dtype=float)
        outline = self.distance.outline
        samples = outline.samples
        return _signed(
            points, np.ascontiguousarray(outline.lattice.to_ijk(points)),
            outline.level, samples.points_lps_mm, samples.normals_lps, outline.around_lps_mm,
            *self._boxes, BESIDE_SHARE * outline.lattice.spacing_mm[0], min(CANDIDATES, len(samples)), fine_mm,
        )  # fmt: skip


@kernel
def _box_tree(samples: FloatArray) -> tuple[IntArray, FloatArray, IntArray]:
    """Samples in order of their boxes, and the boxes.

    Returns
    -------
    order
        Samples, box after box, (n,).
    ends
        Least and most corner of each box, (boxes, 6).
    parts
        First and last sample in the order, and the two halves of each box or -1, (boxes, 4).
    """
    count = samples.shape[0]
    order = np.arange(count)
    most = 4 * (count // LEAF + 2)
    ends, parts = np.empty((most, 6)), np.full((most, 4), -1, dtype=np.int64)
    parts[0, 0], parts[0, 1] = 0, count
    boxes, at = 1, 0
    while at < boxes:
        start, stop = parts[at, 0], parts[at, 1]
        widest, axis = -1.0, 0
        for a in range(3):
            low, high = np.inf, -np.inf
            for n in range(start, stop):
                value = samples[order[n], a]
                low, high = min(low, value), max(high, value)
            ends[at, a], ends[at, 3 + a] = low, high
            if high - low > widest:
                widest, axis = high - low, a
        if stop - start > LEAF:
            own = order[start:stop].copy()
            keys = np.empty(stop - start)
            for n in range(stop - start):
                keys[n] = samples[own[n], axis]
            order[start:stop] = own[np.argsort(keys, kind="mergesort")]
            middle = (start + stop) // 2
            for half in range(2):
                parts[at, 2 + half] = boxes
                parts[boxes, 0] = start if half == 0 else middle
                parts[boxes, 1] = middle if half == 0 else stop
                boxes += 1
        at += 1
    return order, ends[:boxes].copy(), parts[:boxes].copy()


@kernel
def _squared_to_box(ends: FloatArray, box: int, x: float, y: float, z: float) -> float:
    dx = max(ends[box, 0] - x, 0.0, x - ends[box, 3])
    dy = max(ends[box, 1] - y, 0.0, y - ends[box, 4])
    dz = max(ends[box, 2] - z, 0.0, z - ends[box, 5])
    squared: float = dx * dx + dy * dy + dz * dz
    return squared


@kernel
def _squared(samples: FloatArray, number: int, x: float, y: float, z: float) -> float:
    dx, dy, dz = samples[number, 0] - x, samples[number, 1] - y, samples[number, 2] - z
    squared: float = dx * dx + dy * dy + dz * dz
    return squared


@kernel
def _is_among(nearest: IntArray, number: int) -> bool:
    for n in range(nearest.shape[0]):  # noqa: SIM110
        if nearest[n] == number:
            return True
    return False


@kernel
def _level_at(level: FloatArray, i: float, j: float, k: float) -> float:
    """Linear between the lattice's places; -1 beyond them."""
    if not (0 <= i <= level.shape[2] - 1 and 0 <= j <= level.shape[1] - 1 and 0 <= k <= level.shape[0] - 1):
        return -1.0
    a, b, c = int(i), int(j), int(k)
    value = 0.0
    for n in range(8):
        p, q, r = a + (n & 1), b + ((n >> 1) & 1), c + (n >> 2)
        weight = (1.0 - abs(i - p)) * (1.0 - abs(j - q)) * (1.0 - abs(k - r))
        if weight > 0.0:
            value += weight * level[r, q, p]
    return value


@kernel
def _search(
    x: float,
    y: float,
    z: float,
    samples: FloatArray,
    order: IntArray,
    ends: FloatArray,
    parts: IntArray,
    waiting: IntArray,
    away_of: FloatArray,
    best: FloatArray,
    nearest: IntArray,
    slack_mm: float,
) -> None:
    """Put samples nearer to a place than those of `best` in their stead: squared distances, nearest first.

    Those that are nearer by less than a slack may be passed over.
    """
    last = best.shape[0] - 1
    enough = best[last] - 2.0 * slack_mm * sqrt(best[last]) if slack_mm > 0 else best[last]
    waiting[0], away_of[0], size = 0, 0.0, 1
    while size > 0:
        size -= 1
        box = waiting[size]
        if away_of[size] >= enough:
            continue
        if parts[box, 2] >= 0:
            one, two = parts[box, 2], parts[box, 3]
            near, far = _squared_to_box(ends, one, x, y, z), _squared_to_box(ends, two, x, y, z)
            if far < near:
                one, two, near, far = two, one, far, near
            if far < enough:
                waiting[size], away_of[size] = two, far
                size += 1
            if near < enough:
                waiting[size], away_of[size] = one, near
                size += 1
            continue
        for m in range(parts[box, 0], parts[box, 1]):
            s = order[m]
            away = _squared(samples, s, x, y, z)
            if away < best[last] and not _is_among(nearest, s):
                n = last
                while n > 0 and best[n - 1] > away:
                    best[n], nearest[n] = best[n - 1], nearest[n - 1]
                    n -= 1
                best[n], nearest[n] = away, s
                enough = best[last] - 2.0 * slack_mm * sqrt(best[last]) if slack_mm > 0 else best[last]


@kernel
def _signed(
    points: FloatArray,
    ijk: FloatArray,
    level: FloatArray,
    samples: FloatArray,
    normals: FloatArray,
    around: FloatArray,
    order: IntArray,
    ends: FloatArray,
    parts: IntArray,
    beside_mm: float,
    count: int,
    fine_mm: float,
) -> FloatArray:
    found = np.empty(points.shape[0])
    waiting, away_of = np.empty(128, dtype=np.int64), np.empty(128)
    best, nearest = np.empty(count), np.arange(count)
    one, last = np.empty(1), np.zeros(1, dtype=np.int64)
    for p in range(points.shape[0]):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        inside = _level_at(level, ijk[p, 0], ijk[p, 1], ijk[p, 2]) > 0
        # What was nearest to the point before is nearly nearest to this one.
        one[0] = _squared(samples, last[0], x, y, z)
        if one[0] > fine_mm * fine_mm:
            _search(x, y, z, samples, order, ends, parts, waiting, away_of, one, last, SLACK_MM)
            if one[0] > fine_mm * fine_mm:
                found[p] = sqrt(one[0]) if inside else -sqrt(one[0])
                continue
        for n in range(count):
            away, s = _squared(samples, nearest[n], x, y, z), nearest[n]
            m = n
            while m > 0 and best[m - 1] > away:
                best[m], nearest[m] = best[m - 1], nearest[m - 1]
                m -= 1
            best[m], nearest[m] = away, s
        _search(x, y, z, samples, order, ends, parts, waiting, away_of, best, nearest, 0.0)
        last[0] = nearest[0]
        gap, sample = best[0], nearest[0]
        fx, fy, fz = samples[sample, 0], samples[sample, 1], samples[sample, 2]
        for n in range(count):
            s = nearest[n]
            for m in range(around.shape[1]):
                away = (around[s, m, 0] - x) ** 2 + (around[s, m, 1] - y) ** 2 + (around[s, m, 2] - z) ** 2
                if away < gap:
                    gap, sample = away, s
                    fx, fy, fz = around[s, m, 0], around[s, m, 1], around[s, m, 2]
        plane = (x - fx) * normals[sample, 0] + (y - fy) * normals[sample, 1] + (z - fz) * normals[sample, 2]
        if sqrt(max(gap - plane * plane, 0.0)) <= beside_mm:
            found[p] = -plane
        elif inside:
            found[p] = sqrt(gap)
        else:
            found[p] = -sqrt(gap)
    return found
