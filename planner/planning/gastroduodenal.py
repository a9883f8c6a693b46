"""Where the gastroduodenal artery leaves: what flows on there is what a pump perfuses.

A pump's catheter lies in the gastroduodenal artery and ends at its junction.  What leaves it is carried off by the
blood of the artery that passes there, so that all other branches of the junction are perfused with what hangs on
them.  What lies beyond the tip in the gastroduodenal artery is not: it is tied beyond the catheter.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.points import Point, as_point
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.arterial_names import GASTRODUODENAL
from planner.planning.catheter_way import CatheterWay


@dataclass(frozen=True, eq=False)
class Junction:
    """Where a gastroduodenal artery leaves the artery it comes from.

    Parameters
    ----------
    tree
        The arteries.
    number
        Of the first branch of the gastroduodenal artery.

    Raises
    ------
    InvalidValue
        If it hangs on no other artery: then nobody knows what flows past it.
    """

    tree: VesselTree
    number: int

    def __post_init__(self) -> None:
        if self.first.parent is None:
            raise InvalidValue(
                f"The {GASTRODUODENAL} hangs on no other artery.",
                f"branch {self.number} of '{self.tree.id}'",
                "Join it to the common hepatic artery, so that it is known what flows on.",
            )

    @property
    def first(self) -> Branch:
        """First branch of the gastroduodenal artery."""
        return self.tree.branch(self.number)

    @property
    def place_lps_mm(self) -> Point:
        """Where it leaves."""
        return as_point(self.first.points_lps_mm[0])

    @property
    def before(self) -> tuple[int, ...]:
        """Numbers of the branches the blood comes through, from where the tree begins."""
        return tuple(b.number for b in self.tree.way_to(self.number)[:-1])

    @cached_property
    def onward(self) -> tuple[int, ...]:
        """Numbers of the other branches of the junction: what passes it flows on into them."""
        children = self.tree.children(self.before[-1])
        return tuple(b.number for b in children if b.name != GASTRODUODENAL)

    @cached_property
    def perfused(self) -> tuple[int, ...]:
        """Numbers of all branches that get what is given at the junction."""
        return tuple(b.number for n in self.onward for b in self.tree.subtree(n))

    @cached_property
    def stem(self) -> tuple[Branch, ...]:
        """The gastroduodenal artery from its junction on, as far as branches bear the name; its longest way."""
        return _longest(self.tree, self.first)

    @property
    def length_mm(self) -> float:
        """Of the stem."""
        return sum(b.length_mm for b in self.stem)

    @property
    def to_first_branch_mm(self) -> float | None:
        """From the junction to where the first branch leaves it; None where none does."""
        far = 0.0
        for branch in self.stem:
            far += branch.length_mm
            if len(self.tree.children(branch.number)) > 1:
                return far
        return None

    def mean_diameter_mm(self, over_mm: float) -> float:
        """Of its first stretch, or of all of it where it is shorter."""
        at = np.linspace(0.0, min(over_mm, self.length_mm), 101)
        lengths, radii = self._profile
        mean = np.interp(at, lengths, radii)
        return 2.0 * float(np.trapezoid(mean, at) / at[-1])

    @cached_property
    def _profile(self) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], ...]:
        steps = np.concatenate([b.steps_mm for b in self.stem])
        radii = np.concatenate([self.first.radii_mm[:1], *(b.radii_mm[1:] for b in self.stem)])
        return np.concatenate([[0.0], np.cumsum(steps)]), radii

    def tip_mm(self, way: CatheterWay) -> float:
        """How far a tip lies from the junction along the vessels; beside it in another branch, too."""
        numbers = [b.number for b in self.tree.way_to(way.branch)]
        if self.number in numbers:
            inner = numbers[numbers.index(self.number) : -1]
            return sum(self.tree.branch(n).length_mm for n in inner) + way.along_mm
        if way.branch in self.before:
            rest = self.before[self.before.index(way.branch) :]
            return sum(self.tree.branch(n).length_mm for n in rest) - way.along_mm
        if way.branch in self.onward:
            return way.along_mm
        return float(np.linalg.norm(np.subtract(way.tip_lps_mm, self.place_lps_mm)))

    def side_branches(self, way: CatheterWay) -> tuple[Branch, ...]:
        """Branches that leave the gastroduodenal artery between its junction and a tip in it, in their order."""
        numbers = [b.number for b in self.tree.way_to(way.branch)]
        if self.number not in numbers:
            return ()
        inner = numbers[numbers.index(self.number) :]
        return tuple(
            child
            for number, on in itertools.pairwise(inner)
            for child in self.tree.children(number)
            if child.number != on
        )


def junctions(tree: VesselTree) -> tuple[Junction, ...]:
    """Of all arteries of the name that hang on another one."""
    return tuple(
        Junction(tree, b.number)
        for b in tree.named(GASTRODUODENAL)
        if b.parent is not None and tree.branch(b.parent).name != GASTRODUODENAL
    )


def junction_at(way: CatheterWay, within_mm: float) -> Junction | None:
    """The junction a tip lies at: of the gastroduodenal artery it lies in, or of one that leaves just beside it.

    Parameters
    ----------
    within_mm
        How near to the junction, along the vessels, a tip beside the artery counts.

    Raises
    ------
    InvalidValue
        If the tip lies in a gastroduodenal artery that hangs on no other one.
    """
    own = [b for b in way.tree.way_to(way.branch) if b.name == GASTRODUODENAL]
    if own:
        return Junction(way.tree, own[0].number)
    near = [j for j in junctions(way.tree) if way.branch in (*j.before, *j.onward)]
    best = min(near, key=lambda j: j.tip_mm(way), default=None)
    return best if best is not None and best.tip_mm(way) <= within_mm else None


def _longest(tree: VesselTree, first: Branch) -> tuple[Branch, ...]:
    on = [_longest(tree, b) for b in tree.children(first.number) if b.name == GASTRODUODENAL]
    return (first, *max(on, key=lambda way: sum(b.length_mm for b in way), default=()))
