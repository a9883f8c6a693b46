"""The parts of vessels' centrelines that lie in the liver or beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.liver_ground import LiverGround

BoolArray = npt.NDArray[np.bool_]

#: Vessels so near the liver take part: its mask may leave them out.  Our rule.
TAKES_PART_MM = 5.0
#: Centrelines are looked at in steps of this.
STEP_MM = 1.0


@dataclass(frozen=True, eq=False)
class CentrelinePart:
    """A stretch of a branch that takes part: its number and points (n, 3)."""

    number: int
    points_lps_mm: FloatArray

    @property
    def length_mm(self) -> float:
        """Along the stretch."""
        return float(np.linalg.norm(np.diff(self.points_lps_mm, axis=0), axis=1).sum())


def parts_near(
    tree: VesselTree, ground: LiverGround, within_mm: float = TAKES_PART_MM
) -> list[CentrelinePart]:
    """The stretches of all branches in the liver or within a distance of it, in the tree's order.

    Raises
    ------
    InvalidValue
        If the tree has no branch, or none so near.
    """
    if not tree.branches:
        raise InvalidValue("These vessels have no branch.", f"'{tree.id}'", "Find or draw the vessels first.")
    near = _Nearness(ground, within_mm)
    parts = [part for branch in tree.branches for part in _parts(branch, near)]
    if not parts:
        raise InvalidValue(
            f"These vessels lie outside the liver, and none within {within_mm:g} mm of it.",
            f"'{tree.id}', {len(tree.branches)} branches",
            "Outline the vessels within the liver, or check that both belong to one scan.",
        )
    return parts


class _Nearness:
    """Whether points lie in the liver or near it."""

    def __init__(self, ground: LiverGround, within_mm: float) -> None:
        self._grid, self._mask = ground.grid, ground.mask
        reach = [int(np.ceil(within_mm / s)) for s in self._grid.spacing_mm[::-1]]
        around = np.indices([2 * n + 1 for n in reach]).reshape(3, -1).T - reach
        away = np.linalg.norm(around * np.array(self._grid.spacing_mm[::-1]), axis=1)
        order = np.argsort(away, kind="stable")
        self._around = around[order[: int(np.count_nonzero(away <= within_mm))]]
        self._reach = np.array(reach)

    def __call__(self, points_lps_mm: FloatArray) -> BoolArray:
        """Nearest first, so that points within the liver are done with at once."""
        kji = np.rint(self._grid.to_ijk(points_lps_mm)).astype(np.int64)[:, ::-1]
        found = np.zeros(len(kji), dtype=bool)
        outer = np.array(self._mask.shape) + self._reach
        left = np.flatnonzero(np.all((kji >= -self._reach) & (kji < outer), axis=1))
        for step in self._around:
            at = kji[left] + step
            inside = np.flatnonzero(np.all((at >= 0) & (at < self._mask.shape), axis=1))
            hit = inside[self._mask[tuple(at[inside].T)]]
            found[left[hit]] = True
            left = np.delete(left, hit)
            if not len(left):
                break
        return found


def _parts(branch: Branch, near: _Nearness) -> Iterator[CentrelinePart]:
    points = with_steps(branch.points_lps_mm)
    takes = near(points)
    if takes.all():
        yield CentrelinePart(branch.number, branch.points_lps_mm)
        return
    edges = np.flatnonzero(np.diff(np.concatenate([[0], takes.astype(np.int8), [0]])))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield CentrelinePart(branch.number, points[start:stop])


def with_steps(points_lps_mm: FloatArray, step_mm: float = STEP_MM) -> FloatArray:
    """A line's points and others between them, no farther apart than a step."""
    ways = np.diff(points_lps_mm, axis=0)
    counts = np.maximum(1, np.ceil(np.linalg.norm(ways, axis=1) / step_mm).astype(int))
    ordinal = np.arange(1, int(counts.sum()) + 1) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (ordinal / np.repeat(counts, counts))[:, None]
    found = np.repeat(points_lps_mm[:-1], counts, axis=0) + share * np.repeat(ways, counts, axis=0)
    return np.concatenate([points_lps_mm[:1], found])
