"""Volumes of classes of voxels on one side of surfaces, from runs of equal voxels along the rows of a lattice.

A surface cuts a row at exact places, so a volume needs no test of single voxels: a row is a few runs, and
what is taken of it a few intervals.  All volumes come from one sum over runs, so they add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray, Grid

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RowIntervals:
    """What is taken of each row of a lattice, in voxel numbers along it (voxel n reaches from n - 0.5 to n + 0.5).

    Parameters
    ----------
    starts
        Where each row's intervals begin in the others, (rows + 1,).
    low, high
        Ends of the intervals, (n,), apart and in order within a row.
    """

    starts: IntArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def none(cls, rows: int) -> RowIntervals:
        """Nothing of any row."""
        return cls(np.zeros(rows + 1, dtype=np.int64), np.zeros(0), np.zeros(0))

    @staticmethod
    def union(several: Sequence[RowIntervals]) -> RowIntervals:
        """What any of several takes; the same rows in each, one at least."""
        found = several[0]
        for other in several[1:]:
            found = RowIntervals(
                *_union(found.starts, found.low, found.high, other.starts, other.low, other.high)
            )
        return found


@dataclass(frozen=True, eq=False)
class ClassRuns:
    """Runs of voxels of one class along the rows of a lattice.

    Parameters
    ----------
    grid
        The lattice.
    axis
        Along which the rows lie: 0 for i, 1 for j, 2 for k.
    starts
        Where each row's runs begin, (rows + 1,); rows in the order of the two other axes, the slower one of
        [k, j, i] first.
    first, stop
        Voxels of each run, (n,); ``stop`` is the one after the last.
    code
        Class of each run, (n,).
    classes
        How many classes there are.
    weight
        What of a run's voxels counts, 0..1, (n,): all, where other cuts have taken nothing of them.
    """

    grid: Grid
    axis: int
    starts: IntArray
    first: npt.NDArray[np.int32]
    stop: npt.NDArray[np.int32]
    code: npt.NDArray[np.int32]
    classes: int
    weight: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls,
        grid: Grid,
        codes: npt.NDArray[np.int32],
        axis: int,
        classes: int,
        weights: npt.NDArray[np.float32] | None = None,
    ) -> ClassRuns:
        """From a class for each voxel [k, j, i]; a negative one belongs to none.

        Parameters
        ----------
        weights
            What of each voxel counts, 0..1, [k, j, i]; all of each when left out.

        Raises
        ------
        InvalidValue
            If shapes differ, there is no such axis, or a class is out of range.
        """
        if codes.shape != grid.shape or axis not in (0, 1, 2):
            raise InvalidValue(
                "Classes need a lattice of their shape.", f"{codes.shape}, {grid.shape}, {axis}"
            )
        if codes.size and int(codes.max()) >= classes:
            raise InvalidValue("A class is out of range.", f"{int(codes.max())} of {classes}")
        lines = _as_lines(codes, axis, np.int32)
        shares = None if weights is None else _as_lines(weights, axis, np.float32)
        given = np.ones((1, 1), dtype=np.float32) if shares is None else shares
        starts = np.zeros(len(lines) + 1, dtype=np.int64)
        np.cumsum(_count_runs(lines, given), out=starts[1:])
        first, stop, code = (np.empty(starts[-1], dtype=np.int32) for _ in range(3))
        weight = np.empty(starts[-1], dtype=np.float32)
        _fill_runs(lines, given, starts, first, stop, code, weight)
        for values in (starts, first, stop, code, weight):
            values.setflags(write=False)
        return cls(grid, axis, starts, first, stop, code, classes, weight)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.starts) - 1

    @cached_property
    def volumes_ml(self) -> FloatArray:
        """Of each class, whole; (classes,)."""
        counts = np.zeros(self.classes)
        np.add.at(counts, self.code, (self.stop - self.first) * self.weight.astype(float))
        return counts * self.grid.voxel_volume_ml

    def taken_ml(self, taken: RowIntervals) -> FloatArray:
        """Volume of each class within intervals of the rows, (classes,)."""
        lengths = np.zeros(self.classes)
        runs = (self.starts, self.first, self.stop, self.code, self.weight)
        _add_taken(*runs, taken.starts, taken.low, taken.high, lengths)
        return lengths * self.grid.voxel_volume_ml

    def shares(self, taken: RowIntervals) -> npt.NDArray[np.float32]:
        """What of each voxel [k, j, i] intervals take, 0..1, as far as they lie in the row."""
        slows, fasts = self.row_shape
        lines = np.zeros((slows * fasts, self.grid.shape[2 - self.axis]), dtype=np.float32)
        _fill_shares(taken.starts, taken.low, taken.high, lines)
        return np.moveaxis(lines.reshape(slows, fasts, -1), -1, 2 - self.axis)

    def of_classes(self, chosen: npt.NDArray[np.bool_]) -> RowIntervals:
        """Intervals of the voxels of chosen classes, (classes,)."""
        kept = chosen[self.code]
        starts = np.zeros(self.rows + 1, dtype=np.int64)
        before = np.concatenate([[0], np.cumsum(kept)])
        starts[:] = before[self.starts]
        low, high = (np.asarray(ends[kept], dtype=np.float64) - 0.5 for ends in (self.first, self.stop))
        return RowIntervals(starts, low, high)

    def beyond_plane(self, point_lps_mm: FloatArray, normal_lps: FloatArray) -> RowIntervals:
        """What lies on the side of a plane its normal points to."""
        corner, slow, fast, along = self.directions
        start, *steps = (
            float(v @ normal_lps) for v in (corner - np.asarray(point_lps_mm), slow, fast, along)
        )
        slows, fasts = self.row_shape
        count = self.grid.shape[2 - self.axis]
        return RowIntervals(*_plane_intervals(start, steps[0], steps[1], steps[2], slows, fasts, count))

    @property
    def row_shape(self) -> tuple[int, int]:
        """Rows along the slower and the faster of the two other axes."""
        slow, fast = (n for a, n in enumerate(self.grid.shape) if a != 2 - self.axis)
        return slow, fast

    @cached_property
    def directions(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Centre of the first voxel, and the steps from row to row (slow, fast) and along a row; LPS mm, (3,) each."""
        corner = self.grid.to_lps(np.zeros(3))
        steps = [self.grid.to_lps(np.eye(3)[a]) - corner for a in range(3)]
        others = [a for a in (2, 1, 0) if a != self.axis]
        return corner, steps[others[0]], steps[others[1]], steps[self.axis]


def _as_lines(values: npt.NDArray[Any], axis: int, kind: type[np.generic]) -> npt.NDArray[Any]:
    """Voxels [k, j, i] as rows along an axis, (rows, voxels)."""
    rows = np.moveaxis(values, 2 - axis, -1)
    return np.ascontiguousarray(rows, dtype=kind).reshape(-1, rows.shape[-1])


@kernel
def _count_runs(lines: npt.NDArray[np.int32], weights: npt.NDArray[np.float32]) -> IntArray:
    counts = np.zeros(lines.shape[0], dtype=np.int64)
    is_weighted = weights.size > 1
    for r in range(lines.shape[0]):
        before, weight = -1, np.float32(1.0)
        for n in range(lines.shape[1]):
            now = max(lines[r, n], -1)
            own = weights[r, n] if is_weighted else np.float32(1.0)
            if now >= 0 and (now != before or own != weight):
                counts[r] += 1
            before, weight = now, own
    return counts


@kernel
def _fill_runs(
    lines: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    starts: IntArray,
    first: npt.NDArray[np.int32],
    stop: npt.NDArray[np.int32],
    code: npt.NDArray[np.int32],
    weight: npt.NDArray[np.float32],
) -> None:
    is_weighted = weights.size > 1
    for r in range(lines.shape[0]):
        at = starts[r] - 1
        before, share = -1, np.float32(1.0)
        for n in range(lines.shape[1]):
            now = max(lines[r, n], -1)
            own = weights[r, n] if is_weighted else np.float32(1.0)
            if now >= 0:
                if now != before or own != share:
                    at += 1
                    first[at] = n
                    code[at] = now
                    weight[at] = own
                stop[at] = n + 1
            before, share = now, own


@kernel
def _fill_shares(starts: IntArray, low: FloatArray, high: FloatArray, lines: npt.NDArray[np.float32]) -> None:
    for r in range(lines.shape[0]):
        for t in range(starts[r], starts[r + 1]):
            begin = max(int(np.floor(low[t] + 0.5)), 0)
            end = min(int(np.ceil(high[t] + 0.5)), lines.shape[1])
            for n in range(begin, end):
                lines[r, n] += max(0.0, min(high[t], n + 0.5) - max(low[t], n - 0.5))


@kernel
def _add_taken(
    starts: IntArray,
    first: npt.NDArray[np.int32],
    stop: npt.NDArray[np.int32],
    code: npt.NDArray[np.int32],
    weight: npt.NDArray[np.float32],
    taken: IntArray,
    low: FloatArray,
    high: FloatArray,
    lengths: FloatArray,
) -> None:
    for r in range(len(starts) - 1):
        begin, end = taken[r], taken[r + 1]
        if begin == end:
            continue
        for n in range(starts[r], starts[r + 1]):
            a, b = first[n] - 0.5, stop[n] - 0.5
            inside = 0.0
            for t in range(begin, end):
                if low[t] >= b:
                    break
                inside += max(0.0, min(b, high[t]) - max(a, low[t]))
            lengths[code[n]] += weight[n] * inside


@kernel
def _plane_intervals(
    start: float, slow: float, fast: float, along: float, slows: int, fasts: int, count: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Along each row the height above a plane goes straight: it is positive beyond one place, or before it."""
    starts = np.zeros(slows * fasts + 1, dtype=np.int64)
    low, high = np.empty(slows * fasts), np.empty(slows * fasts)
    found = 0
    for s in range(slows):
        for f in range(fasts):
            height = start + s * slow + f * fast
            a, b = -0.5, count - 0.5
            if abs(along) < 1e-12:
                if height <= 0.0:
                    b = a
            elif along > 0.0:
                a = max(a, -height / along)
            else:
                b = min(b, -height / along)
            if b > a:
                low[found], high[found] = a, b
                found += 1
            starts[s * fasts + f + 1] = found
    return starts, low[:found].copy(), high[:found].copy()


@kernel
def _union(
    starts_a: IntArray,
    low_a: FloatArray,
    high_a: FloatArray,
    starts_b: IntArray,
    low_b: FloatArray,
    high_b: FloatArray,
) -> tuple[IntArray, FloatArray, FloatArray]:
    rows = len(starts_a) - 1
    starts = np.zeros(rows + 1, dtype=np.int64)
    low, high = np.empty(len(low_a) + len(low_b)), np.empty(len(low_a) + len(low_b))
    found = 0
    for r in range(rows):
        a, b = starts_a[r], starts_b[r]
        begin = found
        while a < starts_a[r + 1] or b < starts_b[r + 1]:
            if b >= starts_b[r + 1] or (a < starts_a[r + 1] and low_a[a] <= low_b[b]):
                start, stop = low_a[a], high_a[a]
                a += 1
            else:
                start, stop = low_b[b], high_b[b]
                b += 1
            if found > begin and start <= high[found - 1]:
                high[found - 1] = max(high[found - 1], stop)
            else:
                low[found], high[found] = start, stop
                found += 1
        starts[r + 1] = found
    return starts, low[:found].copy(), high[:found].copy()
