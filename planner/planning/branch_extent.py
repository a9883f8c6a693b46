"""How much vessel hangs on each branch within the liver, and where its middle lies."""

from __future__ import annotations

import numpy as np

from planner.model.geometry import FloatArray
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.centreline_parts import with_steps
from planner.planning.liver_ground import LiverGround
from planner.planning.vessels_within import parts_within


class BranchExtents:
    """Lengths and middles of a tree's subtrees, of what lies in the liver or beside it.

    Raises
    ------
    InvalidValue
        If the tree has no branch there.
    """

    def __init__(self, tree: VesselTree, ground: LiverGround) -> None:
        self.tree = tree
        own = {b.number: np.zeros(4) for b in tree.branches}
        for part in parts_within(tree, ground):
            points = with_steps(part.points_lps_mm)
            steps = np.linalg.norm(np.diff(points, axis=0), axis=1)[:, None]
            middles = 0.5 * (points[1:] + points[:-1])
            own[part.number] += np.concatenate([steps.sum(axis=0), (steps * middles).sum(axis=0)])
        self._sums = {
            b.number: np.sum([own[c.number] for c in tree.subtree(b.number)], axis=0) for b in tree.branches
        }

    def length_mm(self, branch: Branch) -> float:
        """Of a branch and all beyond it, within the liver."""
        return float(self._sums[branch.number][0])

    def middle(self, branch: Branch) -> FloatArray:
        """Mean place of a branch and all beyond it within the liver; its end where nothing is."""
        length, *sums = self._sums[branch.number]
        return np.asarray(np.array(sums) / length if length > 0 else branch.points_lps_mm[-1])

    def way(self, branch: Branch) -> FloatArray:
        """From where a branch begins to the middle of it and all beyond it."""
        return np.asarray(self.middle(branch) - branch.points_lps_mm[0])

    def heaviest_root(self) -> Branch:
        """The root with the most vessel in the liver."""
        return max(self.tree.roots, key=lambda b: (self.length_mm(b), -b.number))

    def children(self, branch: Branch) -> list[Branch]:
        """Those with vessel in the liver, the most first."""
        found = [b for b in self.tree.children(branch.number) if self.length_mm(b) > 0]
        return sorted(found, key=lambda b: (-self.length_mm(b), b.number))

    def trunk(self, start: Branch, share: float) -> tuple[list[Branch], list[Branch]]:
        """The way from a branch along the heaviest child to the first true fork.

        Parameters
        ----------
        share
            Of the length on `start` that a child must have to make a fork true.

        Returns
        -------
        path
            Branches from `start` on, with one or more.
        heads
            The fork's children of that share, two or more; empty where the way ends without one.
        """
        least = share * self.length_mm(start)
        path = [start]
        while children := self.children(path[-1]):
            heads = [b for b in children if self.length_mm(b) >= least]
            if len(heads) > 1:
                return path, heads
            path.append(children[0])
        return path, []

    def beside(self, path: list[Branch], heads: list[Branch]) -> list[Branch]:
        """What leaves a path and neither is of it nor one of its heads."""
        taken = {b.number for b in (*path, *heads)}
        return [c for b in path for c in self.children(b) if c.number not in taken]
