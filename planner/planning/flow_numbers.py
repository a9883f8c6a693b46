"""Vessels' points in the order of their flow, and the point each voxel of the liver hangs on.

Points are numbered from the roots outwards, those of a branch before all beyond it, so that what hangs on a
vessel beyond a place is one interval of numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from planner.compute.kept_flow import NumberArray, NumberPairs, own_point_numbers
from planner.model.geometry import FloatArray
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.territories import Territories

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: Where a vessel is cut is told to this; finer steps only cost time while a cut is dragged.
STEP_MM = 2.0
#: Lengths that are whole steps but for their rounding count as such.
HAIR = 1e-6


@dataclass(frozen=True, eq=False)
class FlowNumbers:
    """A tree's points in order, and the point of each voxel's own branch it is nearest to.

    Parameters
    ----------
    tree
        The vessels.
    points_lps_mm
        In order, (n, 3).
    last
        For each point the last one beyond it, (n,).
    spans
        By number of branch: its first point, and the one after its last.
    is_inside
        Which points lie in the liver, (n,).
    voxels
        Number of each voxel's point [k, j, i] over the liver's box.
    """

    tree: VesselTree
    points_lps_mm: FloatArray
    last: IntArray
    spans: dict[int, tuple[int, int]]
    is_inside: BoolArray
    voxels: NumberArray = field(repr=False)

    @classmethod
    def of(cls, territories: Territories) -> FlowNumbers:
        """Of the territories of a tree."""
        tree = territories.tree
        order: list[Branch] = []
        waiting = list(reversed(tree.roots))
        while waiting:
            order.append(waiting.pop())
            waiting += reversed(tree.children(order[-1].number))
        lines = [_thinned(b.points_lps_mm) for b in order]
        counts = [len(line) for line in lines]
        starts = np.cumsum([0, *counts])
        spans = {b.number: (int(starts[n]), int(starts[n + 1])) for n, b in enumerate(order)}
        ends = {b.number: spans[b.number][1] for b in order}
        for branch in reversed(order):
            if branch.parent is not None:
                ends[branch.parent] = max(ends[branch.parent], ends[branch.number])
        last = np.repeat([ends[b.number] - 1 for b in order], counts)
        points = np.concatenate(lines)
        most = max(spans) + 1
        first, own = np.zeros(most, dtype=np.int64), np.zeros(most, dtype=np.int64)
        for number, (start, stop) in spans.items():
            first[number], own[number] = start, stop - start
        voxels = own_point_numbers(territories.grid, territories.labels, points, first, own)
        return cls(tree, points, last, spans, _inside(territories, points), voxels)

    def beyond(self, cut: BoolArray) -> npt.NDArray[np.uint8]:
        """Which points lie beyond a cut one, or are cut themselves, (n,)."""
        reach = np.maximum.accumulate(np.where(cut, self.last, -1))
        return (reach >= np.arange(len(cut))).astype(np.uint8)

    def points_of(self, branches: Iterable[int]) -> BoolArray:
        """Which points are of branches themselves, (n,)."""
        found = np.zeros(len(self.points_lps_mm), dtype=bool)
        for number in branches:
            start, stop = self.spans[number]
            found[start:stop] = True
        return found


@dataclass(frozen=True, eq=False)
class LiverVessels:
    """Inflow and outflow of a liver, one of them at least, and the points of both each voxel hangs on."""

    inflow: FlowNumbers | None
    outflow: FlowNumbers | None
    pairs: NumberPairs = field(repr=False)

    @classmethod
    def of(
        cls, inside: BoolArray, inflow: FlowNumbers | None, outflow: FlowNumbers | None
    ) -> LiverVessels | None:
        """Of the liver's voxels [k, j, i]; None where neither is known."""
        if inflow is None and outflow is None:
            return None
        nothing = np.zeros(inside.shape, dtype=np.uint16)
        one, two = (nothing if f is None else f.voxels for f in (inflow, outflow))
        return cls(inflow, outflow, NumberPairs(inside, one, two))


def _thinned(points: FloatArray) -> FloatArray:
    """Points of a line so far apart at least, with its ends."""
    away = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    # The first point of each step along the line, and the last of all.
    _, first = np.unique(np.floor(away / STEP_MM + HAIR), return_index=True)
    return np.asarray(points[np.union1d(first, [len(points) - 1])])


def _inside(territories: Territories, points_lps_mm: FloatArray) -> BoolArray:
    kji = np.rint(territories.grid.to_ijk(points_lps_mm)).astype(np.int64)[:, ::-1]
    found = np.asarray(((kji >= 0) & (kji < np.array(territories.labels.shape))).all(axis=1))
    found[found] = territories.labels[tuple(kji[found].T)] >= 0
    return found


def number_steps(trees: Sequence[VesselTree]) -> dict[str, int]:
    """By tree what `joined_tree` adds to the numbers of its branches."""
    found, free = {}, 0
    for tree in trees:
        found[tree.id] = free
        free += tree.free_number
    return found


def joined_tree(trees: Sequence[VesselTree]) -> VesselTree:
    """Several trees of one kind as one with all their roots; numbers of the first stay as they are."""
    steps, branches = number_steps(trees), list(trees[0].branches)
    for tree in trees[1:]:
        step = steps[tree.id]
        branches += [
            replace(b, number=b.number + step, parent=None if b.parent is None else b.parent + step)
            for b in tree.branches
        ]
    return replace(trees[0], branches=tuple(branches))
