"""Vessels as trees: centrelines with radii, from where blood enters to the finest twig."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray
from planner.model.roles import Role

#: A branch begins where its parent ends, to this distance.
TOUCHING_MM = 0.01


@dataclass(frozen=True, eq=False)
class Branch:
    """A vessel between two forks, from its trunk outwards.

    Parameters
    ----------
    number
        Unique in its tree.
    parent
        Number of the branch it leaves; None for a root.
    points_lps_mm
        Its centreline, shape (n, 3), two points or more, none twice in a row; outwards.
    radii_mm
        Of the vessel at each point, (n,), positive.
    name
        What anatomists call it, such as ``right portal vein``; empty where nobody said.
    is_name_confirmed
        Whether a person chose the name; a proposed one is shown as such.

    Raises
    ------
    InvalidValue
        If shapes do not fit, a number is not finite, or a radius not positive.
    """

    number: int
    parent: int | None
    points_lps_mm: FloatArray
    radii_mm: FloatArray
    name: str = ""
    is_name_confirmed: bool = False

    def __post_init__(self) -> None:
        points = np.array(self.points_lps_mm, dtype=float)
        radii = np.array(self.radii_mm, dtype=float)
        thing = f"branch {self.number}"
        if points.ndim != 2 or points.shape[1] != 3 or len(points) < 2 or radii.shape != (len(points),):
            raise InvalidValue(
                "A branch is two or more points with a radius each.",
                f"{thing}: {points.shape}, {radii.shape}",
            )
        if not (np.isfinite(points).all() and np.isfinite(radii).all() and (radii > 0).all()):
            raise InvalidValue("Points of a branch are finite and radii positive.", thing)
        if (np.abs(np.diff(points, axis=0)).max(axis=1) == 0).any():
            raise InvalidValue("A branch goes through one point twice in a row.", thing)
        if self.number < 0 or self.parent == self.number:
            raise InvalidValue("A branch has a number from zero and another one as parent.", thing)
        for word, values in (("points_lps_mm", points), ("radii_mm", radii)):
            values.setflags(write=False)
            object.__setattr__(self, word, values)

    @cached_property
    def steps_mm(self) -> FloatArray:
        """Lengths between neighbouring points, (n - 1,)."""
        return np.asarray(np.linalg.norm(np.diff(self.points_lps_mm, axis=0), axis=1))

    @property
    def length_mm(self) -> float:
        """Along the centreline."""
        return float(self.steps_mm.sum())

    @property
    def mean_diameter_mm(self) -> float:
        """Mean over the length."""
        between = 0.5 * (self.radii_mm[1:] + self.radii_mm[:-1])
        return 2.0 * float((between * self.steps_mm).sum() / self.length_mm)

    @property
    def title(self) -> str:
        """Its name, or its number where it has none."""
        return self.name or f"branch {self.number}"

    @property
    def turned(self) -> Branch:
        """The same vessel, run through the other way."""
        return replace(self, points_lps_mm=self.points_lps_mm[::-1], radii_mm=self.radii_mm[::-1])


@dataclass(frozen=True, eq=False)
class VesselTree:
    """The branches of one system of vessels; several roots where it has several trunks, or fragments.

    Parameters
    ----------
    id
        Unique in the case.
    role
        Which vessels these are.
    branches
        Each with its own number; a branch begins where its parent ends.
    structure
        Name of the structure it was found in; empty where it was drawn.
    frame_of_reference_uid
        Of its points; empty where unknown.
    notes
        What was found or done on making it, in words.
    is_confirmed
        Whether a person looked at it and found it right; a change of its branches takes that back.

    Raises
    ------
    InvalidValue
        If a number stands twice, a parent is missing or its own descendant, or a branch begins elsewhere
        than its parent ends.
    """

    id: str
    role: Role
    branches: tuple[Branch, ...] = ()
    structure: str = ""
    frame_of_reference_uid: str = ""
    notes: tuple[str, ...] = ()
    is_confirmed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Role(self.role))
        object.__setattr__(self, "branches", tuple(self.branches))
        thing = f"vessels '{self.id}'"
        if not self.id:
            raise InvalidValue("A tree of vessels needs an id.", thing)
        if len(self._by_number) < len(self.branches):
            raise InvalidValue("Two branches of a tree have one number.", thing)
        for branch in self.branches:
            if branch.parent is None:
                continue
            parent = self._by_number.get(branch.parent)
            if parent is None:
                raise InvalidValue("A branch leaves one that is not there.", f"{thing}, {branch.title}")
            gap_mm = float(np.linalg.norm(branch.points_lps_mm[0] - parent.points_lps_mm[-1]))
            if gap_mm > TOUCHING_MM:
                raise InvalidValue(
                    "A branch begins elsewhere than its parent ends.",
                    f"{thing}, {branch.title}: {gap_mm:.2f} mm apart",
                )
        reached = [b for root in self.roots for b in self.subtree(root.number)]
        if len(reached) < len(self.branches):
            raise InvalidValue("Branches go round in a circle.", thing)

    @cached_property
    def _by_number(self) -> Mapping[int, Branch]:
        return MappingProxyType({b.number: b for b in self.branches})

    @cached_property
    def _children(self) -> Mapping[int | None, tuple[Branch, ...]]:
        found: dict[int | None, tuple[Branch, ...]] = {}
        for branch in self.branches:
            found[branch.parent] = (*found.get(branch.parent, ()), branch)
        return MappingProxyType(found)

    def __contains__(self, number: object) -> bool:
        return number in self._by_number

    def branch(self, number: int) -> Branch:
        """The branch of a number; raises `InvalidValue` where there is none."""
        if number not in self._by_number:
            raise InvalidValue("The tree has no such branch.", f"{number} of '{self.id}'")
        return self._by_number[number]

    def named(self, name: str) -> tuple[Branch, ...]:
        """Branches of a name, in their order."""
        return tuple(b for b in self.branches if b.name == name)

    @property
    def roots(self) -> tuple[Branch, ...]:
        """Branches without a parent."""
        return self._children.get(None, ())

    def children(self, number: int) -> tuple[Branch, ...]:
        """Branches that leave at a branch's end."""
        return self._children.get(number, ())

    def subtree(self, number: int) -> tuple[Branch, ...]:
        """A branch and all that is fed or drained through it, nearest first."""
        return tuple(self._walk(self.branch(number)))

    def _walk(self, start: Branch) -> Iterator[Branch]:
        waiting = [start]
        while waiting:
            branch = waiting.pop(0)
            yield branch
            waiting += self.children(branch.number)

    def way_to(self, number: int) -> tuple[Branch, ...]:
        """From the root to a branch, both included."""
        found = [self.branch(number)]
        while found[0].parent is not None:
            found.insert(0, self.branch(found[0].parent))
        return tuple(found)

    def generation(self, number: int) -> int:
        """Number of forks between the root and a branch: 0 for a root."""
        return len(self.way_to(number)) - 1

    @property
    def length_mm(self) -> float:
        """Of all branches."""
        return sum(b.length_mm for b in self.branches)

    @property
    def free_number(self) -> int:
        """A number no branch has."""
        return max(self._by_number, default=-1) + 1

    def with_branches(self, branches: Iterable[Branch]) -> VesselTree:
        """The tree with other branches."""
        return replace(self, branches=tuple(branches), is_confirmed=False)

    def with_branch(self, branch: Branch) -> VesselTree:
        """The tree with one branch in the place of that of its number, or added."""
        if branch.number not in self:
            return self.with_branches((*self.branches, branch))
        return self.with_branches(branch if b.number == branch.number else b for b in self.branches)
