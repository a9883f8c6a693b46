"""The branch of a vessel tree that is looked at: its facts, its territory, and what is lost where it is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.model.points import Point, as_point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import Branch, VesselTree
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.cut_effect import CutEffect
    from planner.planning.territories import Territories

#: A click chooses a branch within this of its wall.
BESIDE_MM = 2.0
#: In 3D it is chosen within this of its wall.
SIGHT_MM = 0.5
NONE: frozenset[tuple[str, int]] = frozenset()
#: Vessels whose territories are wanted without a branch being chosen.
SHOWN_FIRST = (Role.PORTAL_VEIN, Role.HEPATIC_VEIN)
#: By which distance a voxel's branch is the nearest one, and words for people.
WAYS = (("euclidean", "straight distance"), ("geodesic", "distance within the liver"))


@dataclass(frozen=True)
class BranchChoice:
    """A branch, and the point of it that was clicked."""

    tree: str
    number: int
    index: int = 0


@dataclass(frozen=True)
class BranchFacts:
    """What is known of a branch; territory numbers are None until they are found, or where it has none.

    Parameters
    ----------
    flow
        ``inflow`` or ``outflow``.
    """

    name: str
    is_name_confirmed: bool
    generation: int
    length_mm: float
    diameter_mm: float
    beyond: int
    flow: str
    volume_ml: float | None = None
    share_percent: float | None = None


LiverKey = tuple[tuple[str, str, int, int], ...]


@dataclass(frozen=True, eq=False)
class AskedTerritories:
    """A tree whose territories are wanted, in the liver of some structures."""

    tree: VesselTree
    structures: StructureSet
    way: str
    liver: LiverKey


@dataclass(frozen=True, eq=False)
class FoundTerritories:
    """Territories of a tree, or why there are none."""

    asked: AskedTerritories
    territories: Territories | None
    trouble: PlannerError | None = None


class BranchChoosing:
    """Holds the chosen branch, the territories of the trees, and the branches that are thought cut.

    Parameters
    ----------
    session
        Whose case has the trees.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.choice: BranchChoice | None = None
        self.way = WAYS[0][0]
        self.cuts: frozenset[tuple[str, int]] = frozenset()
        self.effect: CutEffect | None = None
        self._found: dict[tuple[str, str], FoundTerritories] = {}

    # choosing ------------------------------------------------------------------------------

    def follow(self) -> None:
        """The case changed: what is not there any more is not chosen or cut any more."""
        trees = {t.id: t for t in self._trees}
        choice = self.choice
        if choice is not None:
            tree = trees.get(choice.tree)
            if tree is None or choice.number not in tree:
                self.choice = None
            elif choice.index >= len(tree.branch(choice.number).points_lps_mm):
                self.choice = BranchChoice(choice.tree, choice.number)
        cuts = frozenset((t, n) for t, n in self.cuts if t in trees and n in trees[t])
        if cuts != self.cuts or not self.is_effect_current:
            self.cuts, self.effect = cuts, None
        kept = {key: f for key, f in self._found.items() if trees.get(f.asked.tree.id) is f.asked.tree}
        self._found = kept
        self.changed.emit()

    def clear(self) -> None:
        """Nothing is chosen, cut or known."""
        self.choice, self.cuts, self.effect, self._found = None, frozenset(), None, {}
        self.changed.emit()

    def choose(self, tree: str, number: int, index: int | None = None) -> None:
        """Look at a branch; at its middle where no point of it is given.

        Raises
        ------
        InvalidValue
            If it is not there.
        """
        branch = self._session.case.vessel_tree(tree).branch(number)
        at = len(branch.points_lps_mm) // 2 if index is None else index
        self.choice = BranchChoice(tree, number, at)
        self.changed.emit()

    def look_away(self) -> None:
        """Look at no branch."""
        if self.choice is not None:
            self.choice = None
            self.changed.emit()

    def near(self, lps_mm: Point, but: frozenset[tuple[str, int]] = NONE) -> BranchChoice | None:
        """The branch at a place, and which of its points; some do not count. None where there is none."""
        found = []
        for tree, branch in self._branches(but):
            away = np.linalg.norm(branch.points_lps_mm - np.array(lps_mm), axis=1) - branch.radii_mm
            at = int(np.argmin(away))
            if away[at] <= BESIDE_MM:
                found.append((float(away[at]), tree, branch.number, at))
        return BranchChoice(*min(found)[1:]) if found else None

    def along(
        self, eye_lps_mm: Point, through_lps_mm: Point, but: frozenset[tuple[str, int]] = NONE
    ) -> BranchChoice | None:
        """The branch that is first hit by the line of sight through a place; None where there is none."""
        eye = np.array(eye_lps_mm)
        way = np.array(through_lps_mm) - eye
        way = way / max(float(np.linalg.norm(way)), 1e-9)
        hits = []
        for tree, branch in self._branches(but):
            from_eye = branch.points_lps_mm - eye
            depth = from_eye @ way
            away = np.linalg.norm(from_eye - depth[:, None] * way, axis=1)
            hit = away <= branch.radii_mm + SIGHT_MM
            if hit.any():
                nearest = np.where(hit, depth - branch.radii_mm, np.inf)
                at = int(np.argmin(nearest))
                hits.append((float(nearest[at]), tree, branch.number, at))
        return BranchChoice(*min(hits)[1:]) if hits else None

    def _branches(self, but: frozenset[tuple[str, int]]) -> Iterator[tuple[str, Branch]]:
        for tree in self._trees:
            yield from ((tree.id, b) for b in tree.branches if (tree.id, b.number) not in but)

    def loose_part(self) -> frozenset[tuple[str, int]]:
        """The part of its tree the chosen branch is in: its root and all that hangs on that."""
        tree, choice = self.tree, self.choice
        if tree is None or choice is None:
            return NONE
        root = tree.way_to(choice.number)[0].number
        return frozenset((tree.id, b.number) for b in tree.subtree(root))

    @property
    def tree(self) -> VesselTree | None:
        """The tree of the chosen branch."""
        return None if self.choice is None else self._session.case.vessel_tree(self.choice.tree)

    @property
    def branch(self) -> Branch | None:
        """The chosen branch."""
        tree = self.tree
        return None if tree is None or self.choice is None else tree.branch(self.choice.number)

    @property
    def place_lps_mm(self) -> Point | None:
        """The point of the branch that was clicked."""
        branch = self.branch
        return (
            None
            if branch is None or self.choice is None
            else as_point(branch.points_lps_mm[self.choice.index])
        )

    @property
    def facts(self) -> BranchFacts | None:
        """What is known of the chosen branch; None where none is."""
        tree, branch = self.tree, self.branch
        if tree is None or branch is None:
            return None
        found = self.territories(tree)
        volume = share = None
        if found is not None:
            volume = found.subtree_volume_ml(branch.number)
            share = found.share_percent(branch.number)
        return BranchFacts(
            branch.name,
            branch.is_name_confirmed,
            tree.generation(branch.number),
            branch.length_mm,
            branch.mean_diameter_mm,
            len(tree.subtree(branch.number)) - 1,
            "outflow" if tree.role is Role.HEPATIC_VEIN else "inflow",
            volume,
            share,
        )

    # territories ---------------------------------------------------------------------------

    def set_way(self, way: str) -> None:
        """Choose by which distance liver belongs to a branch."""
        self.way, self.effect = way, None
        self.changed.emit()

    def territories(self, tree: VesselTree) -> Territories | None:
        """The territories of a tree as it is; None where they are not found yet, or there are none."""
        found = self._known(tree)
        return None if found is None else found.territories

    def trouble(self, tree: VesselTree) -> PlannerError | None:
        """Why a tree has no territories."""
        found = self._known(tree)
        return None if found is None else found.trouble

    def _known(self, tree: VesselTree) -> FoundTerritories | None:
        found = self._found.get((tree.id, self.way))
        sets = self._session.case.structure_sets
        if found is None or found.asked.tree is not tree or not sets:
            return None
        return found if found.asked.liver == liver_key(sets[0]) else None

    def wanted(self) -> AskedTerritories | None:
        """The next tree whose territories are to be found; None where all are known."""
        if not self._session.is_open or not self._session.case.structure_sets:
            return None
        structures = self._session.case.structures
        chosen = self.tree
        trees = [chosen] if chosen is not None else []
        trees += [t for t in self._trees if t.role in SHOWN_FIRST and t is not chosen]
        for tree in trees:
            if self._known(tree) is None:
                return AskedTerritories(tree, structures, self.way, liver_key(structures))
        return None

    @staticmethod
    def make(asked: AskedTerritories, task: Task) -> FoundTerritories:
        """The territories of all branches of a tree; any thread may ask."""
        from planner.planning.territories import inflow, outflow

        find = outflow if asked.tree.role is Role.HEPATIC_VEIN else inflow
        try:
            found = find(asked.tree, asked.structures, asked.way, task)
            found.voxel_count([b.number for b in asked.tree.roots])  # counted here, kept for all branches
            return FoundTerritories(asked, found)
        except PlannerError as error:
            return FoundTerritories(asked, None, error)

    def show(self, found: FoundTerritories) -> None:
        """Take over territories; those of a tree that was changed meanwhile are not asked for any more."""
        self._found[found.asked.tree.id, found.asked.way] = found
        self.changed.emit()

    # cutting -------------------------------------------------------------------------------

    @property
    def is_cut(self) -> bool:
        """Whether the chosen branch is thought cut."""
        return self.choice is not None and (self.choice.tree, self.choice.number) in self.cuts

    def toggle_cut(self) -> None:
        """Think the chosen branch cut, or whole again; the tree itself stays as it is."""
        tree, choice = self.tree, self.choice
        if tree is None or choice is None:
            return
        key = (choice.tree, choice.number)
        cuts = self.cuts - {key} if key in self.cuts else self.cuts | {key}
        # One tree for the inflow and one for the outflow: what two trees of one kind lose is not the sum.
        is_out = tree.role is Role.HEPATIC_VEIN
        roles = {t.id: t.role for t in self._trees}
        cuts = frozenset(c for c in cuts if c[0] == tree.id or (roles[c[0]] is Role.HEPATIC_VEIN) != is_out)
        self.cuts, self.effect = cuts, None
        self.changed.emit()

    def mend_all(self) -> None:
        """Think nothing cut."""
        self.cuts, self.effect = frozenset(), None
        self.changed.emit()

    def asked_effect(self) -> Callable[[Task], CutEffect] | None:
        """What finds what is lost by the cuts, on any thread; None where nothing is cut or not known yet."""
        if not self.cuts or self.effect is not None:
            return None
        sides: dict[bool, tuple[Territories | None, list[int]]] = {}
        for is_out in (False, True):
            numbers = [n for t, n in sorted(self.cuts) if self._is_out(t) == is_out]
            tree = self._tree_of_side(is_out)
            known = None if tree is None else self.territories(tree)
            if numbers and known is None:
                return None
            sides[is_out] = (known, numbers)
        (inflow, portal), (outflow, hepatic) = sides[False], sides[True]

        def work(task: Task) -> CutEffect:
            from planner.planning.cut_effect import Loss, cut_effect

            task.report(0.0, "What a cut takes")
            effect = cut_effect(inflow, outflow, portal, hepatic)
            effect.voxel_count(Loss.BOTH)  # counted here, not on the window's thread
            return effect

        return work

    def show_effect(self, effect: CutEffect, cuts: frozenset[tuple[str, int]]) -> None:
        """Take over what is lost, where the cuts are the same still."""
        if cuts == self.cuts:
            self.effect = effect
            self.changed.emit()

    @property
    def is_effect_current(self) -> bool:
        """Whether what is lost was found in the trees as they are."""
        if self.effect is None:
            return True
        trees = {t.id: t for t in self._trees}
        return all(t in trees and self.territories(trees[t]) is not None for t, _ in self.cuts)

    def _is_out(self, tree: str) -> bool:
        return self._session.case.vessel_tree(tree).role is Role.HEPATIC_VEIN

    def _tree_of_side(self, is_out: bool) -> VesselTree | None:
        """The tree that is cut; else the first of its side whose territories are known."""
        cut = {t for t, _ in self.cuts}
        side = [t for t in self._trees if (t.role is Role.HEPATIC_VEIN) == is_out]
        side.sort(key=lambda t: (t.id not in cut, t.role is Role.HEPATIC_ARTERY))
        return next((t for t in side if t.id in cut or self.territories(t) is not None), None)

    @property
    def _trees(self) -> tuple[VesselTree, ...]:
        return self._session.case.vessel_trees if self._session.is_open else ()


def liver_key(structures: StructureSet) -> LiverKey:
    """What tells whether liver and lesions are the same voxels: their names, roles, arrays and labels."""
    of = (Role.LIVER, Role.LESION)
    return tuple(
        (s.name, s.role.value, id(structures.layers[s.layer]), s.label) for s in structures.with_role(*of)
    )
