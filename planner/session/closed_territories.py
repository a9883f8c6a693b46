"""What the embolizations of the open plan close: branches, and the liver they feed, worked out for the views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.session.branch_choosing import WAYS, LiverKey, liver_key
from planner.session.resecting import MODULE
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.territories import Territories

BoolArray = npt.NDArray[np.bool_]
#: A tree and the branches of it that are closed, as embolizations name them.
Closures = tuple[tuple[VesselTree, tuple[int, ...]], ...]


@dataclass(frozen=True, eq=False)
class ClosedTree:
    """A portal tree of the case with the branches of it that are closed.

    Parameters
    ----------
    tree
        The vessels.
    plugs
        Numbers of the branches that are closed themselves, in their order; none lies beyond another.

    Raises
    ------
    InvalidValue
        If a branch is not there.
    """

    tree: VesselTree
    plugs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for number in self.plugs:
            self.tree.branch(number)

    @cached_property
    def closed(self) -> frozenset[int]:
        """Numbers of the branches that are closed, with all beyond them."""
        return frozenset(b.number for n in self.plugs for b in self.tree.subtree(n))

    def closing(self, number: int) -> int | None:
        """The branch whose closure closes a branch too: itself, or one on the way to it; None where it is open."""
        return next((b.number for b in self.tree.way_to(number) if b.number in self.plugs), None)


@dataclass(frozen=True, eq=False)
class ClosedLiver:
    """The liver that is fed by what is closed.

    Parameters
    ----------
    mask
        Its voxels ``[k, j, i]`` in the liver's box.
    grid
        The lattice of that box.
    liver_voxels
        Voxels of the whole liver, one at least.

    Raises
    ------
    InvalidValue
        If the mask does not fit the lattice, or there is no liver.
    """

    mask: BoolArray = field(repr=False)
    grid: Grid
    liver_voxels: int

    def __post_init__(self) -> None:
        if self.mask.shape != self.grid.shape or self.liver_voxels < 1:
            raise InvalidValue(
                "What is closed is a part of the liver.",
                f"mask {self.mask.shape}, lattice {self.grid.shape}, liver of {self.liver_voxels} voxels",
            )
        self.mask.setflags(write=False)

    @cached_property
    def volume_ml(self) -> float:
        """Of what is closed."""
        return int(np.count_nonzero(self.mask)) * self.grid.voxel_volume_ml

    @property
    def liver_ml(self) -> float:
        """Of the whole liver."""
        return self.liver_voxels * self.grid.voxel_volume_ml


@dataclass(frozen=True, eq=False)
class AskedClosure:
    """Branches whose liver is wanted, with the territories that are known already."""

    closures: Closures
    structures: StructureSet
    way: str
    liver: LiverKey
    known: Mapping[VesselTree, Territories]

    def is_as(self, other: AskedClosure | None) -> bool:
        """Whether both have one answer."""
        return other is not None and (self.closures, self.way, self.liver) == (
            other.closures,
            other.way,
            other.liver,
        )


@dataclass(frozen=True, eq=False)
class FoundClosure:
    """The liver that is closed, with the territories it was told by; or why it is not known."""

    asked: AskedClosure
    liver: ClosedLiver | None
    territories: Mapping[VesselTree, Territories]
    trouble: PlannerError | None = None


class ClosedTerritories:
    """Tells what the open plan's embolizations close, by the territories the module for resections judges by.

    Parameters
    ----------
    session
        Whose plan and case.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: FoundClosure | None = None
        self._trees: dict[VesselTree, ClosedTree] = {}

    @property
    def trees(self) -> tuple[ClosedTree, ...]:
        """The portal trees of the case; the same objects while nothing changed. Branches that are gone do not count."""
        session = self._session
        found: dict[VesselTree, ClosedTree] = {}
        for tree in session.case.vessel_trees if session.is_open else ():
            if tree.role is not Role.PORTAL_VEIN or not tree.branches:
                continue
            named = {n for e in session.plan.embolizations if e.tree == tree.id for n in e.branches}
            plugs = outermost(tree, named)
            kept = self._trees.get(tree)
            found[tree] = kept if kept is not None and kept.plugs == plugs else ClosedTree(tree, plugs)
        self._trees = found
        return tuple(found.values())

    @property
    def liver(self) -> ClosedLiver | None:
        """What is closed as the plan is; None where nothing is, and until it is known."""
        asked = self._asked()
        return self._found.liver if asked is not None and self._is_of(asked) and self._found else None

    def wanted(self) -> AskedClosure | None:
        """What is to be worked out; None where nothing is closed, or all is known."""
        asked = self._asked()
        return None if asked is None or self._is_of(asked) else asked

    @staticmethod
    def make(asked: AskedClosure, task: Task) -> FoundClosure:
        """The closed liver, or why there is none; any thread may ask."""
        from planner.planning.territories import inflow

        territories = dict(asked.known)
        try:
            mask: BoolArray | None = None
            for n, (tree, numbers) in enumerate(asked.closures):
                part = task.part(n / len(asked.closures), (n + 1) / len(asked.closures))
                if tree not in territories:
                    territories[tree] = inflow(tree, asked.structures, asked.way, part)
                own = territories[tree].mask(numbers)
                mask = own if mask is None else mask | own
            assert mask is not None
            ground = territories[asked.closures[0][0]].ground
            liver = ClosedLiver(mask, ground.grid, ground.voxel_count)
            return FoundClosure(asked, liver, territories)
        except PlannerError as error:
            return FoundClosure(asked, None, territories, error)

    def take(self, found: FoundClosure) -> None:
        """Keep what was found; it is shown while the plan is as it was asked about."""
        self._found = found

    def clear(self) -> None:
        """Forget all, as when another case is opened."""
        self._found, self._trees = None, {}

    def _is_of(self, asked: AskedClosure) -> bool:
        return self._found is not None and asked.is_as(self._found.asked)

    def _asked(self) -> AskedClosure | None:
        session = self._session
        closures = tuple((c.tree, c.plugs) for c in self.trees if c.plugs)
        if not closures or not session.case.structure_sets:
            return None
        structures, before = session.case.structures, self._found
        way = session.judgements.settings(MODULE).get("territories", WAYS[0][0])
        key = liver_key(structures)
        is_same = before is not None and (before.asked.way, before.asked.liver) == (way, key)
        known = before.territories if before is not None and is_same else {}
        here = set(session.case.vessel_trees)
        return AskedClosure(closures, structures, way, key, {t: k for t, k in known.items() if t in here})


def outermost(tree: VesselTree, numbers: set[int]) -> tuple[int, ...]:
    """Branches of a tree without those that lie beyond others of them, and those that are not there."""
    chosen = sorted(n for n in numbers if n in tree)
    beyond = {b.number for n in chosen for b in tree.subtree(n) if b.number != n}
    return tuple(n for n in chosen if n not in beyond)
