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
Stretches = tuple[IntArray, NumberArray, NumberArray]
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


@dataclass(frozen=True, eq=False)
class NumberPairs:
    """Two numbers for each voxel of an organ, kept as stretches of equal ones along the rows of each axis.

    Parameters
    ----------
    inside
        The organ's voxels [k, j, i].
    one, two
        The numbers [k, j, i].
    """

    inside: BoolArray
    one: NumberArray
    two: NumberArray
    _by_axis: dict[int, Stretches] = field(default_factory=dict, repr=False)

    def along(self, axis: int) -> Stretches:
        """Stretches of voxels of equal numbers in the order of `ClassRuns` along an axis; kept.

        Returns
        -------
        starts
            First voxel of each stretch in that order, and the one after the last, (stretches + 1,).
        one, two
            The numbers of each stretch, (stretches,).
        """
        if axis not in self._by_axis:
            inside = np.moveaxis(self.inside, 2 - axis, -1)
            one = np.moveaxis(self.one, 2 - axis, -1)[inside]
            two = np.moveaxis(self.two, 2 - axis, -1)[inside]
            is_new = np.ones(len(one), dtype=bool)
            is_new[1:] = (one[1:] != one[:-1]) | (two[1:] != two[:-1])
            begins = np.flatnonzero(is_new)
            self._by_axis[axis] = (np.append(begins, len(one)), one[begins], two[begins])
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
    sums = _kept(
        runs.starts, runs.first, runs.stop, runs.code, runs.weight,
        taken.starts, taken.low, taken.high, states, *pairs.along(runs.axis),
        marks_one, marks_two << np.uint8(1),
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
    stretches: IntArray,
    one: NumberArray,
    two: NumberArray,
    marks_one: MarkArray,
    marks_two: MarkArray,
) -> FloatArray:
    sums = np.zeros(4)
    offset, at = 0, 0
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
                voxel = base + a
                while voxel < base + edge:
                    while stretches[at + 1] <= voxel:
                        at += 1
                    until = min(stretches[at + 1], base + edge)
                    sums[marks_one[one[at]] | marks_two[two[at]]] += share * (until - voxel)
                    voxel = until
                a = max(a, edge)
                if interval == end or a == b:
                    break
                last = int(np.floor(high[interval] + 0.5))
                interval += 1
                if last < a:
                    continue
                # Voxels taken in part: that in hand, and the one the interval ends in.
                for part_of in (a, last):
                    if part_of < a or part_of >= b:
                        continue
                    part = share * (1.0 - _share(low, high, begin, end, part_of))
                    while stretches[at + 1] <= base + part_of:
                        at += 1
                    sums[marks_one[one[at]] | marks_two[two[at]]] += part
                    a = part_of + 1
                a = max(a, min(last, b))
    return sums
