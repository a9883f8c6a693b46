"""Trees of vessels of the case: found in outlines, and corrected by hand; each change can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.case import Case
from planner.model.points import Point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning import arterial_names
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.model.geometry import FloatArray

#: Vessels that have trees, and what people call them.
TREE_ROLES: Mapping[Role, str] = {
    Role.PORTAL_VEIN: "Portal vein",
    Role.HEPATIC_VEIN: "Hepatic veins",
    Role.HEPATIC_ARTERY: "Hepatic artery",
}
#: Names of branches a person can choose from; any other can be typed.
STANDARD_NAMES: Mapping[Role, tuple[str, ...]] = {
    Role.PORTAL_VEIN: (
        "main portal vein",
        "right portal vein",
        "left portal vein",
        "right anterior portal vein",
        "right posterior portal vein",
        *(f"segment {n}" for n in range(1, 9)),
    ),
    Role.HEPATIC_VEIN: (
        "right hepatic vein",
        "middle hepatic vein",
        "left hepatic vein",
        "inferior right hepatic vein",
        "inferior vena cava",
        *(f"segment {n}" for n in range(1, 9)),
    ),
    Role.HEPATIC_ARTERY: (
        *arterial_names.TRUNKS,
        *arterial_names.HEPATIC,
        *arterial_names.EXTRAHEPATIC,
        *(f"segment {n}" for n in range(1, 9)),
    ),
}
#: A name a person confirmed goes over to a tree found anew where it runs within this of the old branch.
SAME_BRANCH_MM = 3.0
#: Notes on names begin so; they go when names are proposed anew.
NAMES = "Names: "
OLDER = "The case was changed meanwhile; what was found in it as it was is not taken over."


@dataclass(frozen=True, eq=False)
class FoundTrees:
    """Trees found in a case as it was, and what a reader should know beside their own notes.

    Parameters
    ----------
    case
        The case they were looked for in.
    trees
        One for each kind of vessels.
    notes
        What was not found, in words.
    """

    case: Case
    trees: tuple[VesselTree, ...]
    notes: tuple[str, ...]


class VesselTrees:
    """Makes and changes the trees of a session's case.

    Parameters
    ----------
    session
        Whose case has them.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def trees(self) -> tuple[VesselTree, ...]:
        """The case's trees; none where no case is open."""
        return self._session.case.vessel_trees if self._session.is_open else ()

    # finding -------------------------------------------------------------------------------

    def why_not_find(self) -> str:
        """Why no trees can be found, or empty."""
        if not self._session.is_open:
            return "Open a case first."
        sets = self._session.case.structure_sets
        if not sets or not outlined(sets[0]):
            return "No portal vein, hepatic veins or artery are outlined: import them, or draw the vessels."
        return ""

    @staticmethod
    def find(case: Case, task: Task) -> FoundTrees:
        """The trees of all outlined vessels, with proposed names; any thread may ask.

        Raises
        ------
        InvalidValue
            If no vessels are outlined, or nothing in any outline is a vessel.
        """
        structures = case.structures
        names = outlined(structures)
        if not names:
            raise InvalidValue(
                "No vessels are outlined.", f"structures '{structures.id}'", "Import or draw them."
            )
        structures, parting = _parted(structures, names, task.part(0.0, 0.3))
        trees: list[VesselTree] = []
        failed: list[InvalidValue] = []
        step = 0.7 / len(names)
        for n, name in enumerate(names):
            part = task.part(0.3 + n * step, 0.3 + (n + 1) * step)
            try:
                _add(trees, _found(case, structures, name, parting, part))
            except InvalidValue as error:
                failed.append(error)
        if not trees:
            raise failed[0]
        notes = [f"{e.what} ({e.thing})." for e in failed]
        roles = {structures[name].role for name in names}
        for role in (Role.PORTAL_VEIN, Role.HEPATIC_VEIN):
            if role not in roles:
                notes.append(f"{TREE_ROLES[role]}: not outlined. Draw them, or import an outline.")
        task.report(1.0, "Vessels")
        return FoundTrees(case, tuple(trees), tuple(notes))

    def take(self, found: FoundTrees) -> None:
        """Put found trees into the case, in the place of those of the same vessels that were found before.

        Raises
        ------
        PlannerError
            If the case is another than they were found in.
        """
        case = self._of_now(found.case)
        gone = {t.role for t in found.trees}
        kept = tuple(t for t in case.vessel_trees if t.role not in gone or not t.structure)
        case = replace(case, vessel_trees=kept)
        for tree in found.trees:
            case = case.with_vessel_tree(replace(tree, id=free_id(case, tree.role)))
        self._session.change_case("Find vessels", case)

    def _of_now(self, asked: Case) -> Case:
        if not self._session.is_open or self._session.case is not asked:
            raise PlannerError(OLDER, "vessels", "Find them again.")
        return self._session.case

    # correcting ----------------------------------------------------------------------------

    def rename(self, tree: str, number: int, name: str) -> None:
        """Call a branch by a name, which counts as confirmed; an empty one takes the name away."""
        from planner.planning.tree_editing import with_name

        old = self._session.case.vessel_tree(tree)
        label = (
            f"Name branch {name.strip()}" if name.strip() else f"Take the name off {old.branch(number).title}"
        )
        self._change(label, with_name(old, number, name))

    def confirm_all(self, tree: str) -> None:
        """Take all proposed names of a tree for right."""
        old = self._session.case.vessel_tree(tree)
        named = (replace(b, is_name_confirmed=True) if b.name else b for b in old.branches)
        self._change(f"Confirm names of {old.id}", old.with_branches(named))

    def propose_names(self, tree: str) -> None:
        """Propose names anew; confirmed ones stay.

        Raises
        ------
        InvalidValue
            If there is no liver, or the tree's vessels have no names the planner knows.
        """
        old = self._session.case.vessel_tree(tree)
        self._change(f"Propose names of {old.id}", named(old, self._session.case.structures))

    def delete_branch(self, tree: str, number: int) -> None:
        """Delete a branch and all beyond it; a tree of which nothing is left goes too."""
        from planner.planning.tree_editing import without

        old = self._session.case.vessel_tree(tree)
        self._change(f"Delete {old.branch(number).title}", without(old, number))

    def delete_tree(self, tree: str) -> None:
        """Take a tree out of the case."""
        case = self._session.case
        self._session.change_case(f"Delete vessels {tree}", case.without_vessel_tree(tree))

    def cut(self, tree: str, number: int, index: int) -> None:
        """Part a branch at one of its points: what lies beyond becomes a part of its own."""
        from planner.planning.tree_editing import cut_at

        old = self._session.case.vessel_tree(tree)
        self._change(f"Cut {old.branch(number).title}", cut_at(old, number, index))

    def join(self, tree: str, root: int, to_tree: str, to: int, index: int) -> int:
        """Join a loose part, also of another tree of the same vessels, to a point of a branch.

        Gives the number its first branch has then.
        """
        from planner.planning.tree_editing import joined, moved_into, without

        case = self._session.case
        loose, trunk = case.vessel_tree(tree), case.vessel_tree(to_tree)
        label = f"Join {loose.branch(root).title} to {trunk.branch(to).title}"
        if tree == to_tree:
            self._change(label, joined(trunk, root, to, index))
            return root
        grown, number = moved_into(trunk, loose, root)
        rest = without(loose, root)
        case = case.with_vessel_tree(rest) if rest.branches else case.without_vessel_tree(tree)
        self._session.change_case(label, case.with_vessel_tree(joined(grown, number, to, index)))
        return number

    def reroot(self, tree: str, number: int) -> None:
        """Let blood enter (or leave) a tree at the outer end of a branch."""
        from planner.planning.tree_editing import rerooted

        old = self._session.case.vessel_tree(tree)
        self._change(f"New root of {old.id}", rerooted(old, number))

    def add_drawn(
        self, role: Role, points_lps_mm: FloatArray, radii_mm: FloatArray, near: str = ""
    ) -> tuple[str, int]:
        """Add a drawn vessel: joined to a tree that it begins on, else as a tree of its own.

        Parameters
        ----------
        near
            The tree that is asked first.

        Returns
        -------
        Tree and number of the drawn branch.
        """
        from planner.planning.tree_editing import joined, nearest_point, with_drawn

        case = self._session.case
        start: Point = tuple(float(v) for v in points_lps_mm[0])  # type: ignore[assignment]
        same = sorted((t for t in case.vessel_trees if t.role is role), key=lambda t: t.id != near)
        word = TREE_ROLES[role].lower()
        for tree in (t for t in same if t.branches):
            to, index, away_mm = nearest_point(tree, start)
            if away_mm <= float(tree.branch(to).radii_mm[index]) + JOINS_MM:
                number = tree.free_number
                grown = joined(with_drawn(tree, points_lps_mm, radii_mm), number, to, index)
                self._change(f"Draw a branch of {tree.id}", grown)
                return tree.id, number
        uid = case.frame_of_reference_uid
        bare = VesselTree(free_id(case, role), role, (), "", uid, ("Drawn by hand.",))
        self._session.change_case(
            f"Draw a vessel: {word}", case.with_vessel_tree(with_drawn(bare, points_lps_mm, radii_mm))
        )
        return bare.id, 0

    def _change(self, label: str, tree: VesselTree) -> None:
        case = self._session.case
        self._session.change_case(
            label, case.with_vessel_tree(tree) if tree.branches else case.without_vessel_tree(tree.id)
        )


#: A drawn vessel that begins so near to the wall of another one is a branch of it.
JOINS_MM = 3.0


def outlined(structures: StructureSet) -> tuple[str, ...]:
    """Names of outlined vessels that can have trees, portal vein first."""
    return tuple(
        s.name
        for role in TREE_ROLES
        for s in structures.with_role(role)
        if not structures.box(s.name).is_empty
    )


def free_id(case: Case, role: Role) -> str:
    """An id no tree of the case has, such as ``Portal vein 2``."""
    used = {t.id for t in case.vessel_trees}
    title = TREE_ROLES[role]
    return next(n for n in (title, *(f"{title} {k}" for k in range(2, 1000))) if n not in used)


def named(tree: VesselTree, structures: StructureSet) -> VesselTree:
    """A tree with names proposed; where they are unsure is said among its notes.

    Raises
    ------
    InvalidValue
        If there is no liver, or names of such vessels are not known.
    """
    from planner.planning.branch_names import with_proposed_names

    proposed = with_proposed_names(tree, structures)
    kept = tuple(n for n in tree.notes if not n.startswith(NAMES))
    notes = (*kept, *(f"{NAMES}{_lower(n)}" for n in dict.fromkeys(proposed.notes)))
    return replace(proposed.tree, notes=notes)


def _parted(
    structures: StructureSet, names: tuple[str, ...], task: Task
) -> tuple[StructureSet, dict[str, list[str]]]:
    """The outlines with portal and hepatic ones parted where they touch, and what was said by structure."""
    from planner.planning.vessel_parting import parted

    said: dict[str, list[str]] = {name: [] for name in names}
    pairs = [
        (a, b)
        for a in names
        for b in names
        if structures[a].role is Role.PORTAL_VEIN and structures[b].role is Role.HEPATIC_VEIN
    ]
    for n, (first, second) in enumerate(pairs):
        part = task.part(n / len(pairs), (n + 1) / len(pairs))
        found = parted(structures, first, second, part)
        structures = found.structures
        for note in found.notes:
            for name in (first, second):
                said[name].append(f"{note} The outlines themselves stay as they are.")
    return structures, said


def _found(
    case: Case, structures: StructureSet, name: str, parting: Mapping[str, list[str]], task: Task
) -> VesselTree:
    from planner.planning.vessel_finding import find_tree

    role = structures[name].role
    tree = find_tree(structures, name, id=TREE_ROLES[role], task=task.part(0.0, 0.8))
    tree = replace(tree, notes=(*parting[name], *tree.notes))
    tree = with_confirmed_of(tree, [t for t in case.vessel_trees if t.role is role])
    task.report(0.8, f"Names: {name}")
    try:
        return named(tree, structures)
    except InvalidValue as error:
        return replace(tree, notes=(*tree.notes, f"{NAMES}none are proposed. {error.what}"))


def _add(trees: list[VesselTree], found: VesselTree) -> None:
    """Vessels outlined one by one, such as three hepatic veins, are one tree: they share the liver out."""
    from planner.planning.tree_editing import moved_into

    for n, tree in enumerate(trees):
        if tree.role is found.role:
            grown, _ = moved_into(tree, found)
            notes = tuple(dict.fromkeys((*tree.notes, *found.notes)))
            trees[n] = replace(grown, structure=f"{tree.structure}, {found.structure}", notes=notes)
            return
    trees.append(found)


def with_confirmed_of(tree: VesselTree, older: list[VesselTree]) -> VesselTree:
    """A tree with the confirmed names of older ones, where a branch runs through the middle of a named one."""
    from planner.planning.tree_editing import nearest_point, with_name

    for old in older:
        for branch in (b for b in old.branches if b.is_name_confirmed and b.name):
            middle = branch.points_lps_mm[len(branch.points_lps_mm) // 2]
            number, _, away_mm = nearest_point(tree, tuple(float(v) for v in middle))  # type: ignore[arg-type]
            if away_mm <= SAME_BRANCH_MM:
                tree = with_name(tree, number, branch.name)
    return tree


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
