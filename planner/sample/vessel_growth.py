"""Vessel trees grown into an organ from given trunks, with radii by Murray's law."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from planner.sample.field import Points

#: Radii obey r^n = sum of the branches' r^n (Murray 1926, PNAS 12:207, has 3; measured trees have less).
MURRAY_EXPONENT = 2.7
NODE_STEP_MM = 3.0
#: Cost of a sharp turn against the parent's direction, as a share of the distance.
TURN_COST = 0.75

Clearance = Callable[[Points], Points]


@dataclass(eq=False)
class Tree:
    """A rooted tree of nodes; the trunks are given, the rest grows.

    Parameters
    ----------
    leaf_mm
        Radius of the last twigs.
    root_mm
        Radius of the root.
    """

    leaf_mm: float
    root_mm: float
    points: list[Points] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    directions: list[Points] = field(default_factory=list)
    fixed: int = 0

    def add_line(self, line: Points, parent: int) -> int:
        """Append points (n, 3) as a chain under a node (-1: root); returns the last node."""
        for point in line:
            before = self.points[parent] if parent >= 0 else point - np.array([0, 0, 1e-3])
            way = point - before
            self.directions.append(way / max(math.hypot(*way), 1e-9))
            self.points.append(np.asarray(point, dtype=float))
            self.parents.append(parent)
            parent = len(self.points) - 1
        return parent

    def add_trunk(self, line: Points) -> None:
        """Append a curve's points (n, 3+) that starts at an existing node (the nearest) or is the root."""
        points = np.asarray(line)[:, :3]
        if self.points:
            start = int(np.argmin(np.linalg.norm(np.array(self.points) - points[0], axis=1)))
            self.add_line(points[1:], start)
        else:
            self.add_line(points, -1)
        self.fixed = len(self.points)

    def radii(self) -> Points:
        """Radius at each node (n,), by the number of leaves beyond it."""
        count = len(self.points)
        leaves = np.zeros(count)
        has_child = np.zeros(count, dtype=bool)
        parents = np.array(self.parents)
        has_child[parents[parents >= 0]] = True
        leaves[~has_child] = 1
        for node in range(count - 1, 0, -1):
            if parents[node] >= 0:
                leaves[parents[node]] += leaves[node]
        top = max(float(leaves.max()), 2.0)
        exponent = max(MURRAY_EXPONENT, np.log(top) / np.log(self.root_mm / self.leaf_mm)) if top > 1 else 1.0
        scale = self.root_mm / top ** (1 / exponent)
        return np.asarray(scale * leaves ** (1 / exponent))

    def cones(self) -> Points:
        """The tree as round cones (n, 8); a branch keeps its own radius where it leaves its parent."""
        radii = self.radii()
        points, parents = np.array(self.points), np.array(self.parents)
        children = np.flatnonzero(parents >= 0)
        start, stop = points[parents[children]], points[children]
        first = np.minimum(radii[parents[children]], radii[children] * 1.12)
        return np.hstack([start, first[:, None], stop, radii[children][:, None]])

    def grow(
        self,
        targets: Points,
        inside: Clearance,
        taken: Sequence[tuple[Points, Points]],
        gap_mm: float,
    ) -> None:
        """Reach targets (n, 3) one after the other, each from the node that serves it best.

        Parameters
        ----------
        targets
            Where twigs are to end, coarse first.
        inside
            Distance of points (n, 3) to what must not be left or entered; positive is free.
        taken
            Nodes (m, 3) and radii (m,) of other trees to keep away from.
        gap_mm
            How far.
        """
        other = np.vstack([p for p, _ in taken]) if taken else np.zeros((0, 3))
        keep = np.concatenate([r for _, r in taken]) + gap_mm if taken else np.zeros(0)
        for target in targets:
            self._reach(target, inside, other, keep)

    def _reach(self, target: Points, inside: Clearance, other: Points, keep: Points) -> None:
        nodes, ways = np.array(self.points), np.array(self.directions)
        to = target - nodes
        far = np.linalg.norm(to, axis=1)
        if far.min() < 3.5:
            return
        cosine = (to * ways).sum(axis=1) / np.maximum(far, 1e-9)
        cost = far * (1 + TURN_COST * (1 - cosine)) + np.where(cosine < 0.1, 25.0, 0.0)
        tried = 0
        last: npt.NDArray[np.float64] | None = None
        for start in np.argsort(cost)[:60]:
            if last is not None and np.linalg.norm(nodes[start] - last) < 4.0:
                continue
            last = nodes[start]
            path = _bent(nodes[start], ways[start], target)
            if path is not None and self._is_free(path, inside, other, keep):
                self.add_line(path, int(start))
                return
            tried += 1
            if tried >= 5:
                return

    @staticmethod
    def _is_free(path: Points, inside: Clearance, other: Points, keep: Points) -> bool:
        if inside(path).min() <= 0:
            return False
        if len(other) == 0:
            return True
        near = np.linalg.norm(path[:, None, :] - other[None, :, :], axis=2)
        return bool((near > keep).all())


def _bent(start: Points, way: Points, target: Points) -> Points | None:
    """Points after ``start`` along a parabola that leaves somewhat along ``way``; None if too short."""
    length = math.hypot(*(target - start))
    if length < 2.5:
        return None
    straight = (target - start) / length
    middle = start + 0.45 * length * (0.55 * straight + 0.45 * way)
    t = np.linspace(0, 1, max(2, round(length / NODE_STEP_MM)) + 1)[1:, None]
    return np.asarray((1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * target)


def scattered(
    free: Callable[[Points], npt.NDArray[np.bool_]], low: Points, high: Points, count: int, seed: int
) -> Points:
    """Points (count, 3) in a box where ``free``, the next always far from those before."""
    rng = np.random.default_rng(seed)
    pool = rng.uniform(low, high, size=(count * 12, 3))
    pool = pool[free(pool)][: count * 4]
    chosen = [0]
    near = np.linalg.norm(pool - pool[0], axis=1)
    for _ in range(min(count, len(pool)) - 1):
        chosen.append(int(np.argmax(near)))
        near = np.minimum(near, np.linalg.norm(pool - pool[chosen[-1]], axis=1))
    return np.asarray(pool[chosen])
