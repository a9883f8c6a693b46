"""Territories: which branch of a tree of vessels each voxel of the liver is fed or drained by.

A voxel belongs to the branch whose centreline is nearest (section F4 of the reference sheet), straight or by ways
within the liver.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.geodesic_branch import geodesic_branch
from planner.compute.nearest_branch import nearest_branch
from planner.model.geometry import Box, Grid
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning.centreline_parts import TAKES_PART_MM
from planner.planning.liver_ground import SPOKEN_OF_ML, LiverGround
from planner.planning.vessels_within import parts_within

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]

#: Ways a voxel's nearest branch is measured, and what they are called.
WAYS = {"euclidean": "straight distance", "geodesic": "distance within the liver"}
INFLOW_ROLES = (Role.PORTAL_VEIN, Role.HEPATIC_ARTERY)
OUTFLOW_ROLES = (Role.HEPATIC_VEIN,)


@dataclass(frozen=True, eq=False)
class Territories:
    """The liver shared out among the branches of a tree.

    Parameters
    ----------
    tree
        The vessels.
    ground
        The liver's voxels.
    labels
        Number of each voxel's branch, int32 ``[k, j, i]`` over the liver's box; -1 outside the liver.
    way
        How the nearest branch was measured: a word of `WAYS`.
    notes
        What a reader should know of it, in words.

    Raises
    ------
    InvalidValue
        If shapes do not fit, a voxel of the liver has no branch, or a label is none of the tree.
    """

    tree: VesselTree
    ground: LiverGround
    labels: IntArray = field(repr=False)
    way: str = "euclidean"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        thing = f"territories of '{self.tree.id}'"
        if self.way not in WAYS:
            raise InvalidValue(
                "There is no such way to measure distance.",
                f"{thing}: '{self.way}'",
                f"Use one of: {', '.join(WAYS)}.",
            )
        if self.labels.shape != self.grid.shape or ((self.labels >= 0) != self.ground.mask).any():
            raise InvalidValue(
                "Territories cover the liver, and nothing else.", thing, "Find them again in this liver."
            )
        missing = sorted(set(np.flatnonzero(self._counts)) - {b.number for b in self.tree.branches})
        if missing:
            raise InvalidValue(
                "A territory is of a branch that is not there.",
                f"{thing}: {missing}",
                "Find them again in this tree.",
            )
        self.labels.setflags(write=False)

    @property
    def grid(self) -> Grid:
        """The lattice of the labels: the liver's box."""
        return self.ground.grid

    @property
    def box(self) -> Box:
        """The liver's box in the structures' lattice."""
        return self.ground.box

    @cached_property
    def _counts(self) -> npt.NDArray[np.int64]:
        """Voxels of each branch number."""
        most = max((b.number for b in self.tree.branches), default=0)
        return np.bincount(self.labels[self.labels >= 0], minlength=most + 1)

    def numbers_beyond(self, branches: Iterable[int]) -> frozenset[int]:
        """Numbers of branches and of all beyond them.

        Raises
        ------
        InvalidValue
            If the tree has no such branch.
        """
        found: set[int] = set()
        for number in branches:
            self._branch_is_there(number)
            if number not in found:
                found |= {b.number for b in self.tree.subtree(number)}
        return frozenset(found)

    def volume_ml(self, branch: int) -> float:
        """Of the voxels a branch itself is nearest to."""
        self._branch_is_there(branch)
        return int(self._counts[branch]) * self.grid.voxel_volume_ml

    def subtree_volume_ml(self, branch: int) -> float:
        """Of the territory of a branch and all beyond it."""
        return self.voxel_count([branch]) * self.grid.voxel_volume_ml

    def share_percent(self, branch: int) -> float:
        """Of the liver that a branch and all beyond it feed or drain."""
        return 100.0 * self.voxel_count([branch]) / self.ground.voxel_count

    def voxel_count(self, branches: Iterable[int]) -> int:
        """Voxels of the territory of branches and all beyond them; none counts twice."""
        return int(self._counts[sorted(self.numbers_beyond(branches))].sum())

    def mask(self, branches: Iterable[int]) -> BoolArray:
        """Voxels ``[k, j, i]`` of the liver's box in the territory of branches and all beyond them."""
        chosen = np.zeros(len(self._counts) + 1, dtype=bool)  # the last stands for -1, outside
        chosen[sorted(self.numbers_beyond(branches))] = True
        return np.asarray(chosen[self.labels])

    def _branch_is_there(self, number: int) -> None:
        if number not in self.tree:
            raise InvalidValue(
                "The tree has no such branch.",
                f"branch {number} of '{self.tree.id}'",
                "Click a branch of this tree; it may have been cut or joined since.",
            )


def inflow(
    tree: VesselTree,
    structures: StructureSet,
    way: str = "euclidean",
    task: Task | None = None,
    ground: LiverGround | None = None,
) -> Territories:
    """What each branch of the portal vein or the artery feeds.

    Parameters
    ----------
    tree
        The vessels.
    structures
        With the liver; lesions belong to it.
    way
        ``euclidean``, or ``geodesic``: within the liver.
    ground
        The liver of the structures, where it is at hand already.

    Raises
    ------
    InvalidValue
        If there is no liver, no branch, none near the liver, or the vessels are others.
    """
    return _shared_out(tree, structures, way, INFLOW_ROLES, "inflow", task or Task(), ground)


def outflow(
    tree: VesselTree,
    structures: StructureSet,
    way: str = "euclidean",
    task: Task | None = None,
    ground: LiverGround | None = None,
) -> Territories:
    """What each branch of the hepatic veins drains; parameters and errors as `inflow`."""
    return _shared_out(tree, structures, way, OUTFLOW_ROLES, "outflow", task or Task(), ground)


def _shared_out(
    tree: VesselTree,
    structures: StructureSet,
    way: str,
    roles: tuple[Role, ...],
    word: str,
    task: Task,
    ground: LiverGround | None,
) -> Territories:
    if tree.role not in roles:
        raise InvalidValue(
            f"These vessels give the liver no {word}.",
            f"'{tree.id}', {tree.role.value.replace('_', ' ')}",
            f"Choose vessels of: {', '.join(r.value.replace('_', ' ') for r in roles)}.",
        )
    if way not in WAYS:
        raise InvalidValue(
            "There is no such way to measure distance.", f"'{way}'", f"Use one of: {', '.join(WAYS)}."
        )
    task.report(0.0, "The liver")
    ground = ground or LiverGround.of(structures)
    parts = parts_within(tree, ground)
    lines, numbers = [p.points_lps_mm for p in parts], [p.number for p in parts]
    notes = [*ground.notes, *_notes(tree, set(numbers))]
    rest = task.part(0.1, 1.0)
    if way == "geodesic":
        labels, lost = geodesic_branch(ground.grid, ground.mask, lines, numbers, rest)
        if lost * ground.grid.voxel_volume_ml >= SPOKEN_OF_ML:
            notes.append(
                f"{lost * ground.grid.voxel_volume_ml:.1f} ml of liver hang together with no vessel; they go "
                "to the branch nearest by straight distance."
            )
    else:
        labels = nearest_branch(ground.grid, ground.mask, lines, numbers, rest)
    return Territories(tree, ground, labels, way, tuple(notes))


def _notes(tree: VesselTree, taking_part: set[int]) -> list[str]:
    left_out = len(tree.branches) - len(taking_part)
    notes = [
        f"Vessels within the liver or {TAKES_PART_MM:g} mm of it take part; what lies farther out does not."
    ]
    if left_out:
        notes.append(
            f"{left_out} of {len(tree.branches)} branches of '{tree.id}' lie outside and have no territory of their own."
        )
    if len(tree.roots) > 1:
        notes.append(f"'{tree.id}' has {len(tree.roots)} roots: a cut at one takes nothing of the others.")
    return notes
