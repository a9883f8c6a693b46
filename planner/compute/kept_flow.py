"""How much of what cuts leave hangs on which points of two sets of lines: sums over rows of voxels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from planner.compute.class_runs import ClassRuns, RowIntervals
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray, Grid

IntArray = npt.NDArray[np.int64]
NumberArray = npt.NDArray[np.uint16] | npt.NDArray[np.int32]
MarkArray = npt.NDArray[np.uint8]
PairArray = npt.NDArray[np.uint32]
BoolArray = npt.NDArray[np.bool_]

#: What becomes of the voxels of a class: cut as rows say, left out of the sum, or kept whatever rows say.
CUT, LEFT_OUT, SPARED = 0, 1, 2


def own_point_numbers(
    grid: Grid, labels: npt.NDArray[np.int32], points_lps_mm: FloatArray, starts: IntArray, counts: IntArray
) -> NumberArray:
    """For each voxel the number of the nearest point of its own line.

    Parameters
    ----------
    labels
        Line of each voxel [k, j, i]; negative outside.
    points_lps_mm
        Of all lines, (n, 3).
    starts, counts
        By line: its first point, and how many it has.

    Returns
    -------
    numbers
        [k, j, i]; 0 outside.
    """
    local = np.ascontiguousarray(grid.to_ijk(points_lps_mm) * np.array(grid.spacing_mm))
    kind = np.uint16 if len(points_lps_mm) <= np.iinfo(np.uint16).max else np.int32
    numbers = np.zeros(labels.shape, dtype=kind)
    _number(np.ascontiguousarray(labels), np.array(grid.spacing_mm), local, starts, counts, numbers)
    return numbers


#: Voxels counted at once: three counts of so many fit into 32 bits.
MOST_COUNTED = 1000


@dataclass(frozen=True, eq=False)
class NumberPairs:
    """Two numbers for each voxel of an organ, as pairs that occur; kept in the order of rows along each axis.

    Parameters
    ----------
    inside
        The organ's voxels [k, j, i].
    first, second
        The numbers of each pair, (pairs,).
    voxels
        Pair of each voxel, in the order of [k, j, i], (voxels,).
    """

    inside: BoolArray
    first: IntArray
    second: IntArray
    voxels: PairArray
    _by_axis: dict[int, PairArray] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, inside: BoolArray, one: NumberArray, two: NumberArray) -> NumberPairs:
        """Of two numbers for each voxel [k, j, i]."""
        width = int(two.max(initial=0)) + 1
        keys = one[inside].astype(np.int64) * width + two[inside]
        pairs, voxels = np.unique(keys, return_inverse=True)
        return cls(inside, pairs // width, pairs % width, voxels.reshape(-1).astype(np.uint32))

    def along(self, axis: int) -> PairArray:
        """Pair of each voxel in the order of `ClassRuns` along an axis; kept."""
        if axis not in self._by_axis:
            whole = np.zeros(self.inside.shape, dtype=np.uint32)
            whole[self.inside] = self.voxels
            moved, inside = (np.moveaxis(a, 2 - axis, -1) for a in (whole, self.inside))
            self._by_axis[axis] = np.ascontiguousarray(moved[inside])
        return self._by_axis[axis]


def kept_by_marks_ml(
    runs: ClassRuns,
    taken: RowIntervals,
    states: MarkArray,
    pairs: NumberPairs,
    marks_one: MarkArray,
    marks_two: MarkArray,
) -> FloatArray:
    """Volume that is not taken, by what its points are marked with.

    Parameters
    ----------
    runs, taken
        Classes along rows, and what is taken of the rows.
    states
        Of each class: `CUT`, `LEFT_OUT` or `SPARED`.
    pairs
        Two numbers for each voxel.
    marks_one, marks_two
        A mark, 0 or 1, for each first and for each second number.

    Returns
    -------
    volumes
        Neither marked, the first only, the second only, both; (4,).
    """
    one, two = marks_one[pairs.first].astype(np.uint32), marks_two[pairs.second].astype(np.uint32)
    # Three counts in one number, so that one sum over a stretch of a row makes all.
    packed = one + (two << np.uint32(10)) + ((one & two) << np.uint32(20))
    sums = _kept(
        runs.starts, runs.first, runs.stop, runs.code, runs.weight,
        taken.starts, taken.low, taken.high, states, pairs.along(runs.axis), packed,
    )  # fmt: skip
    return sums * runs.grid.voxel_volume_ml


@kernel
def _number(
    labels: npt.NDArray[np.int32],
    spacing: FloatArray,
    points: FloatArray,
    starts: IntArray,
    counts: IntArray,
    numbers: NumberArray,
) -> None:
    for k in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            for i in range(labels.shape[2]):
                line = labels[k, j, i]
                if line < 0:
                    continue
                x, y, z = i * spacing[0], j * spacing[1], k * spacing[2]
                best, number = np.inf, starts[line]
                for n in range(starts[line], starts[line] + counts[line]):
                    away = (points[n, 0] - x) ** 2 + (points[n, 1] - y) ** 2 + (points[n, 2] - z) ** 2
                    if away < best:
                        best, number = away, n
                numbers[k, j, i] = number


@kernel
def _share(low: FloatArray, high: FloatArray, begin: int, end: int, voxel: int) -> float:
    share = 0.0
    for t in range(begin, end):
        share += max(0.0, min(high[t], voxel + 0.5) - max(low[t], voxel - 0.5))
    return share


@kernel
def _kept(
    starts: IntArray,
    first: npt.NDArray[np.int32],
    stop: npt.NDArray[np.int32],
    code: npt.NDArray[np.int32],
    weight: npt.NDArray[np.float32],
    taken: IntArray,
    low: FloatArray,
    high: FloatArray,
    states: MarkArray,
    pairs: PairArray,
    packed: npt.NDArray[np.uint32],
) -> FloatArray:
    length, ones, twos, both = 0.0, 0.0, 0.0, 0.0
    count_of = np.uint32((1 << 10) - 1)
    offset = 0
    for r in range(len(starts) - 1):
        begin, end = taken[r], taken[r + 1]
        for n in range(starts[r], starts[r + 1]):
            base = offset - first[n]
            offset += stop[n] - first[n]
            state = states[code[n]]
            if state == 1:
                continue
            share = 1.0 if state == 2 else float(weight[n])
            a, b, interval = first[n], stop[n], begin if state == 0 else end
            while a < b:
                # Up to the voxel the next interval begins in all are kept; those between its ends are not.
                edge = b if interval == end else min(b, max(a, int(np.floor(low[interval] + 0.5))))
                length += share * (edge - a)
                while a < edge:
                    until = min(edge, a + MOST_COUNTED)
                    total = np.uint32(0)
                    for v in range(base + a, base + until):
                        total += packed[pairs[v]]
                    ones += share * float(total & count_of)
                    twos += share * float((total >> np.uint32(10)) & count_of)
                    both += share * float(total >> np.uint32(20))
                    a = until
                if interval == end or a == b:
                    break
                last = int(np.floor(high[interval] + 0.5))
                interval += 1
                if last < a:
                    continue
                # Voxels taken in part: that in hand, and the one the interval ends in.
                for voxel in (a, last):
                    if voxel < a or voxel >= b:
                        continue
                    part = share * (1.0 - _share(low, high, begin, end, voxel))
                    total = packed[pairs[base + voxel]]
                    length += part
                    ones += part * float(total & count_of)
                    twos += part * float((total >> np.uint32(10)) & count_of)
                    both += part * float(total >> np.uint32(20))
                    a = voxel + 1
                a = max(a, min(last, b))
    return np.array([length - ones - twos + both, ones - both, twos - both, both])
