"""A catheter's tip on a tree of vessels: where it lies, the way there, and what lies beyond."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray
from planner.model.points import Point, as_point
from planner.model.vessel_tree import Branch, VesselTree

#: A tip farther from every vessel than this lies on none; our rule.
ON_BRANCH_MM = 10.0


@dataclass(frozen=True, eq=False)
class CatheterWay:
    """The way from where a tree begins to a tip.

    Parameters
    ----------
    tree
        The vessels.
    branch
        Number of the branch the tip lies in.
    along_mm
        How far along it.
    off_mm
        How far the asked place lay from the middle of the vessel.
    """

    tree: VesselTree
    branch: int
    along_mm: float
    off_mm: float = 0.0

    @classmethod
    def to(cls, tree: VesselTree, lps_mm: Point) -> CatheterWay:
        """To the nearest place of a tree.

        Raises
        ------
        InvalidValue
            If the tree has no branch, or none within `ON_BRANCH_MM`.
        """
        found = cls.nearest(tree, lps_mm)
        if found.off_mm > ON_BRANCH_MM:
            raise InvalidValue(
                "The tip lies on no branch.",
                f"{found.off_mm:.0f} mm from the nearest of '{tree.id}'; at most {ON_BRANCH_MM:g} mm",
                "Click a branch of the tree.",
            )
        return found

    @classmethod
    def nearest(cls, tree: VesselTree, lps_mm: Point) -> CatheterWay:
        """To the nearest place of a tree, however far that is; raises `InvalidValue` where it has no branch."""
        if not tree.branches:
            raise InvalidValue("The tree has no branch.", f"'{tree.id}'", "Find or draw the vessels first.")
        pieces = _pieces(tree)
        off = np.array(lps_mm, dtype=float) - pieces.starts_mm
        share = np.clip((off * pieces.steps_mm).sum(axis=1) / pieces.lengths_mm**2, 0.0, 1.0)
        away = np.linalg.norm(off - share[:, None] * pieces.steps_mm, axis=1)
        at = int(away.argmin())
        along = float(pieces.before_mm[at] + share[at] * pieces.lengths_mm[at])
        return cls(tree, int(pieces.branch[at]), along, float(away[at]))

    @property
    def _own(self) -> Branch:
        return self.tree.branch(self.branch)

    @property
    def tip_lps_mm(self) -> Point:
        """The tip, in the middle of the vessel."""
        return as_point(_at(self._own, self._own.points_lps_mm, self.along_mm))

    @property
    def diameter_mm(self) -> float:
        """Of the vessel at the tip."""
        return 2.0 * float(_at(self._own, self._own.radii_mm, self.along_mm))

    @property
    def line_lps_mm(self) -> FloatArray:
        """Middle line from the ostium to the tip, (n, 3)."""
        before = [b.points_lps_mm[:-1] for b in self.tree.way_to(self.branch)[:-1]]
        lengths = np.concatenate([[0.0], np.cumsum(self._own.steps_mm)])
        own = self._own.points_lps_mm[lengths < self.along_mm - 1e-9]
        return np.concatenate([*before, own, np.array([self.tip_lps_mm])])

    @property
    def from_ostium_mm(self) -> float:
        """Along the vessels, from where the tree begins."""
        return sum(b.length_mm for b in self.tree.way_to(self.branch)[:-1]) + self.along_mm

    @property
    def tortuosity(self) -> float | None:
        """That way over the straight distance, 1 for a straight one (Hart 1999, Int J Med Inform 53:239).

        None where the tip lies at the ostium, or comes back to it.
        """
        line = self.line_lps_mm
        straight = float(np.linalg.norm(line[-1] - line[0]))
        return self.from_ostium_mm / straight if straight > 1.0 else None

    @property
    def forks(self) -> int:
        """Branch points on the way."""
        return sum(len(self.tree.children(b.number)) > 1 for b in self.tree.way_to(self.branch)[:-1])

    @property
    def reflux_mm(self) -> float | None:
        """How far back along the vessel the branch before leaves; None where there is none before the ostium."""
        back = self.along_mm
        for branch in reversed(self.tree.way_to(self.branch)[:-1]):
            if len(self.tree.children(branch.number)) > 1:
                return back
            back += branch.length_mm
        return None

    @property
    def beyond(self) -> tuple[int, ...]:
        """Numbers of the branch and of all it feeds, nearest first."""
        return tuple(b.number for b in self.tree.subtree(self.branch))

    @property
    def title(self) -> str:
        """Name of the vessel the tip lies in, or of the nearest named one before it."""
        for branch in reversed(self.tree.way_to(self.branch)):
            if branch.name:
                return branch.name if branch.number == self.branch else f"branch of the {branch.name}"
        return self._own.title

    def slid(self, by_mm: float) -> CatheterWay:
        """The tip moved on (or back) along its vessels; outwards it stops where the branch forks.

        Back it goes on into the branch before.
        """
        branch, along = self._own, self.along_mm + by_mm
        while along < 0 and branch.parent is not None:
            branch = self.tree.branch(branch.parent)
            along += branch.length_mm
        while along > branch.length_mm and len(self.tree.children(branch.number)) == 1:
            along -= branch.length_mm
            branch = self.tree.children(branch.number)[0]
        return CatheterWay(self.tree, branch.number, min(max(along, 0.0), branch.length_mm))


@dataclass(frozen=True, eq=False)
class _Pieces:
    """The straight pieces of a tree's middle lines: start, way and length of each, its branch, and where it lies along it."""

    starts_mm: FloatArray
    steps_mm: FloatArray
    lengths_mm: FloatArray
    before_mm: FloatArray
    branch: npt.NDArray[np.int64]


@lru_cache(maxsize=8)
def _pieces(tree: VesselTree) -> _Pieces:
    branches = tree.branches
    return _Pieces(
        np.concatenate([b.points_lps_mm[:-1] for b in branches]),
        np.concatenate([np.diff(b.points_lps_mm, axis=0) for b in branches]),
        np.concatenate([b.steps_mm for b in branches]),
        np.concatenate([np.cumsum(b.steps_mm) - b.steps_mm for b in branches]),
        np.repeat([b.number for b in branches], [len(b.steps_mm) for b in branches]),
    )


def _at(branch: Branch, values: FloatArray, along_mm: float) -> FloatArray:
    lengths = np.concatenate([[0.0], np.cumsum(branch.steps_mm)])
    if values.ndim == 1:
        return np.asarray(np.interp(along_mm, lengths, values))
    return np.array([np.interp(along_mm, lengths, values[:, a]) for a in range(3)])
