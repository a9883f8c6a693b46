"""What the mouse does in the mode Vessels: chooses branches, draws, joins, sets roots, paints segments."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from psygnal import Signal

from planner.model.points import Point
from planner.session.branch_choosing import NONE, BranchChoice, BranchChoosing
from planner.session.place_clicking import PlaceClicking
from planner.session.pointing import Pointer
from planner.session.segment_brushing import SegmentBrushing
from planner.session.session import Session
from planner.session.tree_drawing import TreeDrawing
from planner.session.vessel_trees import VesselTrees


class TreeClick(StrEnum):
    """What the next click on a branch is for."""

    CHOOSE = "choose"
    JOIN = "join"
    ROOT = "root"


class VesselPointer(Pointer):
    """The mouse of the mode.

    Parameters
    ----------
    session, trees, branches, drawing, brushing, placing
        What it works on.
    """

    next_changed = Signal()

    def __init__(
        self,
        session: Session,
        trees: VesselTrees,
        branches: BranchChoosing,
        drawing: TreeDrawing,
        brushing: SegmentBrushing,
        placing: PlaceClicking,
    ) -> None:
        self._session, self._trees, self._branches = session, trees, branches
        self._drawing, self._brushing, self._placing = drawing, brushing, placing
        self.next_click = TreeClick.CHOOSE
        #: From where the 3D view looks while the mouse is over it; None while it is over a slice.
        self.eye: Callable[[], Point | None] = lambda: None

    def wait_for(self, click: TreeClick) -> None:
        """Choose what the next click on a branch is for."""
        if click != self.next_click:
            self.next_click = click
            self.next_changed.emit()

    @property
    def is_waiting(self) -> bool:
        """Whether a click is waited for."""
        clicks = self._drawing.is_on or bool(self._placing.word) or self.next_click != TreeClick.CHOOSE
        return clicks or self.wants_stroke

    @property
    def wants_stroke(self) -> bool:
        """Whether a left drag paints: on slices alone, the 3D view goes on being turned."""
        return self._brushing.is_on and self.eye() is None

    def begin_stroke(self, lps_mm: Point, towards_lps: Point) -> None:
        """Set the brush down."""
        self._brushing.begin_stroke(lps_mm)

    def extend_stroke(self, lps_mm: Point) -> None:
        """Draw the brush on."""
        self._brushing.brush_to(lps_mm)

    def end_stroke(self) -> None:
        """Lift the brush."""
        self._brushing.end_stroke()

    def click(self, lps_mm: Point) -> bool:
        """Take a click; whether there was something to take it.

        Raises
        ------
        PlannerError
            If what the click is for cannot be done there.
        """
        eye = self.eye()
        if self._drawing.is_on:
            if eye is None:
                self._drawing.click(lps_mm)
            return eye is None
        if self._placing.word:
            if eye is None:
                self._placing.click(lps_mm)
            return eye is None
        # A part is joined to another one, also where it was cut off and both end in one place.
        but = self._branches.loose_part() if self.next_click == TreeClick.JOIN else NONE
        choice = self._branches.near(lps_mm, but) if eye is None else self._branches.along(eye, lps_mm, but)
        if self.next_click != TreeClick.CHOOSE:
            return self._correct(choice)
        if choice is None:
            return False
        self._branches.choose(choice.tree, choice.number, choice.index)
        place = self._branches.place_lps_mm
        if place is not None:
            self._session.selection.move_cursor(lps_mm if eye is None else place)
        return True

    def _correct(self, choice: BranchChoice | None) -> bool:
        """Join the chosen part, or set the root, where a branch was clicked; a miss goes on waiting."""
        if choice is None:
            return False
        asked, chosen = self.next_click, self._branches.choice
        self.wait_for(TreeClick.CHOOSE)
        if asked == TreeClick.ROOT:
            self._trees.reroot(choice.tree, choice.number)
            self._branches.choose(choice.tree, choice.number)
        elif chosen is not None:
            root = self._session.case.vessel_tree(chosen.tree).way_to(chosen.number)[0].number
            number = self._trees.join(chosen.tree, root, choice.tree, choice.number, choice.index)
            self._branches.choose(choice.tree, number)
        return True
