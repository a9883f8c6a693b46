"""Couinaud's segments of the case: found two ways, measured as they stand, one undoable change each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.case import Case
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.couinaud import Segments
    from planner.planning.couinaud_landmarks import CouinaudLandmarks
    from planner.planning.segment_map import SegmentMap

LABELS = {"portal": "Segments from the portal branches", "planes": "Segments from the hepatic veins' planes"}
OLDER = "The case was changed meanwhile; segments found in it as it was are not taken over."


@dataclass(frozen=True, eq=False)
class FoundSegments:
    """Segments found in a case as it was, and that case with them among its structures.

    Parameters
    ----------
    asked, case
        The case before and after.
    kind
        A word of `LABELS`.
    method, notes
        How they were found and what a reader should know, in words.
    """

    asked: Case
    case: Case
    kind: str
    method: str
    notes: tuple[str, ...]


class Segmenting:
    """Finds segments and holds what is known of those the case has.

    Parameters
    ----------
    session
        Whose case gets them.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.way = "euclidean"
        self.map: SegmentMap | None = None
        self._map_of: StructureSet | None = None
        self._places: tuple[tuple[object, ...], CouinaudLandmarks] | None = None
        self._notes: tuple[StructureSet | None, str, tuple[str, ...]] = (None, "", ())

    # finding -------------------------------------------------------------------------------

    def set_way(self, way: str) -> None:
        """Choose by which distance a voxel goes to its nearest branch."""
        self.way = way
        self.changed.emit()

    def why_not(self, kind: str) -> str:
        """Why segments cannot be found a way, or empty: what is missing, in words."""
        session = self._session
        if not session.is_open:
            return "Open a case first."
        sets = session.case.structure_sets
        if not sets or all(sets[0].box(s.name).is_empty for s in sets[0].with_role(Role.LIVER)):
            return "No liver is outlined: outline or import it first."
        return self._why_not_portal() if kind == "portal" else self._why_not_planes()

    def _why_not_portal(self) -> str:
        tree = tree_of(self._session.case, Role.PORTAL_VEIN)
        if tree is None:
            return "No tree of the portal vein: find or draw it on the page Trees."
        from planner.planning.branch_names import segment_of_branch
        from planner.planning.couinaud_finding import LEFT, RIGHT

        fed = {segment_of_branch(tree, b.number) for b in tree.branches if b.name}
        for side, numbers in (("right", RIGHT), ("left", LEFT)):
            if not fed & set(numbers):
                words = ", ".join(str(n) for n in numbers)
                return f"No branch in the {side} liver has a segment's name ({words}): name one on the page Trees."
        return ""

    def _why_not_planes(self) -> str:
        lacking = self.lacking_landmarks()
        return (
            ""
            if not lacking
            else f"Not known: {'; '.join(lacking)}. Click these places, or name the vessels on the page Trees."
        )

    def lacking_landmarks(self) -> tuple[str, ...]:
        """Places the planes need that cannot be read from named vessels, in words."""
        from planner.planning.couinaud_landmarks import LANDMARKS, NEEDED

        places = self.places
        return tuple(LANDMARKS[word] for word in NEEDED if word not in places)

    @property
    def places(self) -> CouinaudLandmarks:
        """Clicked places, and those that can be read from named vessels; kept while these stay the same."""
        case = self._session.case
        trees = (tree_of(case, Role.PORTAL_VEIN), tree_of(case, Role.HEPATIC_VEIN))
        of = (case.structures, *trees, case.liver_places)
        if self._places is None or any(a is not b for a, b in zip(self._places[0], of, strict=True)):
            self._places = (of, clicked_places(case).filled_from(case.structures, *trees))
        return self._places[1]

    def make(self, case: Case, kind: str, task: Task) -> FoundSegments:
        """Find segments and put them among the structures; any thread may ask.

        Raises
        ------
        InvalidValue
            If what they are found by is missing.
        """
        from planner.planning.couinaud_finding import segments_from_planes, segments_from_portal

        portal, hepatic = tree_of(case, Role.PORTAL_VEIN), tree_of(case, Role.HEPATIC_VEIN)
        if kind == "portal":
            if portal is None:
                raise InvalidValue(
                    "There is no tree of the portal vein.", case.title, "Find or draw it first."
                )
            found = segments_from_portal(
                portal, case.structures, self.way, clicked_places(case), hepatic, task.part(0.0, 0.6)
            )
        else:
            found = segments_from_planes(
                case.structures, clicked_places(case), portal, hepatic, task.part(0.0, 0.6)
            )
        notes = [*found.notes]
        agreement = self._agreement(case, kind, found, task.part(0.6, 0.75))
        if agreement:
            notes.append(agreement)
        structures = found.added_to(case.structures)
        for structure in structures.structures:
            structures.box(structure.name)  # found here, not on the window's thread
        written = self._session.written(case.with_structures(structures), task.part(0.8, 1.0))
        return FoundSegments(case, written, kind, found.method, tuple(notes))

    def _agreement(self, case: Case, kind: str, found: Segments, task: Task) -> str:
        """How far the other way agrees, in words; empty where it is not possible."""
        from planner.planning.couinaud_finding import segments_from_planes, segments_from_portal

        portal, hepatic = tree_of(case, Role.PORTAL_VEIN), tree_of(case, Role.HEPATIC_VEIN)
        try:
            if kind == "planes":
                if portal is None:
                    return ""
                other = segments_from_portal(
                    portal, case.structures, self.way, clicked_places(case), hepatic, task
                )
                words = "the portal branches"
            else:
                other = segments_from_planes(case.structures, clicked_places(case), portal, hepatic, task)
                words = "the hepatic veins' planes"
        except InvalidValue:
            return ""  # the other way is not possible here; nothing to compare with
        same = float((found.labels == other.labels)[found.ground.mask].mean())
        return f"By {words}, {100 * same:.0f} % of the liver would lie in the same segment."

    def take(self, found: FoundSegments) -> None:
        """Put found segments into the case, in the place of older ones; can be undone.

        Raises
        ------
        PlannerError
            If the case is another than they were found in.
        """
        if not self._session.is_open or self._session.case is not found.asked:
            raise PlannerError(OLDER, "segments", "Find them again.")
        self._session.change_case(LABELS[found.kind], found.case)
        self._notes = (self._session.case.structures, found.method, found.notes)
        self.changed.emit()

    # what there is -------------------------------------------------------------------------

    @property
    def has_segments(self) -> bool:
        """Whether the case has segments."""
        from planner.planning.segment_map import segments_there

        session = self._session
        return session.is_open and bool(
            session.case.structure_sets and segments_there(session.case.structures)
        )

    def wanted(self) -> StructureSet | None:
        """Structures whose segments are to be measured; None where they are, or there are none."""
        if not self.has_segments:
            return None
        structures = self._session.case.structures
        return None if structures is self._map_of else structures

    @staticmethod
    def measure(structures: StructureSet, task: Task) -> SegmentMap:
        """The segments of structures with their volumes; any thread may ask.

        Raises
        ------
        InvalidValue
            If no liver is outlined.
        """
        from planner.planning.segment_map import SegmentMap

        task.report(0.0, "Segments")
        found = SegmentMap.of(structures)
        found.volume_ml(1)  # counted here, not on the window's thread
        return found

    def show(self, structures: StructureSet, found: SegmentMap | None) -> None:
        """Take over measured segments."""
        self._map_of, self.map = structures, found
        self.changed.emit()

    def follow(self) -> None:
        """The case changed: what is known of segments that are gone goes."""
        if not self.has_segments:
            self.map = self._map_of = None
        self.changed.emit()

    def clear(self) -> None:
        """Another case."""
        self.map = self._map_of = self._places = None
        self._notes = (None, "", ())
        self.changed.emit()

    @property
    def is_current(self) -> bool:
        """Whether the map is of the case as it is."""
        return self.map is not None and self._map_of is self._session.case.structures

    @property
    def notes(self) -> tuple[str, ...]:
        """How the segments came to be and what a reader should know of them."""
        if not self.has_segments:
            return ()
        from planner.planning.couinaud import ROLES

        structures = self._session.case.structures
        origins = dict.fromkeys(s.origin for s in structures.with_role(*ROLES.values()))
        words = [f"{o[:1].upper()}{o[1:]}." for o in origins]
        made, method, notes = self._notes
        if made is not None and method in origins:
            words += notes
        return tuple(words)


def clicked_places(case: Case) -> CouinaudLandmarks:
    """Landmarks of the liver that were clicked; words that a later version wrote are left alone."""
    from planner.planning.couinaud_landmarks import LANDMARKS, CouinaudLandmarks

    return CouinaudLandmarks({word: place for word, place in case.liver_places.items() if word in LANDMARKS})


def tree_of(case: Case, role: Role) -> VesselTree | None:
    """The tree of some vessels with the most branches; None where there is none."""
    trees = [t for t in case.vessel_trees if t.role is role]
    return max(trees, key=lambda t: len(t.branches), default=None)
