"""The tools of the mode Vessels, and what they do together."""

from __future__ import annotations

from planner.base.errors import PlannerError
from planner.session.branch_choosing import BranchChoice, BranchChoosing
from planner.session.place_clicking import PlaceClicking
from planner.session.segment_brushing import SegmentBrushing
from planner.session.segmenting import Segmenting
from planner.session.session import Session
from planner.session.tree_drawing import TreeDrawing
from planner.session.vessel_pointing import TreeClick, VesselPointer
from planner.session.vessel_trees import VesselTrees


class VesselBench:
    """The tools of the mode Vessels.

    Parameters
    ----------
    session
        Whose case they work on.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.trees = VesselTrees(session)
        self.branches = BranchChoosing(session)
        self.drawing = TreeDrawing(session, self.trees)
        self.segmenting = Segmenting(session)
        self.brushing = SegmentBrushing(session, self.segmenting)
        self.placing = PlaceClicking(session, self.segmenting)
        self.pointer = VesselPointer(
            session, self.trees, self.branches, self.drawing, self.brushing, self.placing
        )

    def follow(self) -> None:
        """The case changed."""
        self.branches.follow()
        self.segmenting.follow()
        self.brushing.follow()

    def forget(self) -> None:
        """Another case: nothing that was found is of it."""
        self.cancel()
        self.branches.clear()
        self.segmenting.clear()
        self.brushing.forget_strokes()

    @property
    def is_busy(self) -> bool:
        """Whether clicks are waited for or the brush is taken."""
        waits = self.drawing.is_on or bool(self.placing.word) or self.pointer.next_click != TreeClick.CHOOSE
        return waits or self.brushing.is_on

    def cancel(self) -> None:
        """Throw away what was begun, and lay the brush down."""
        self.drawing.stop()
        self.placing.stop()
        self.pointer.wait_for(TreeClick.CHOOSE)
        self.brushing.switch(False)

    def why_not_join(self) -> str:
        """Why the chosen part cannot be joined to anything, or empty."""
        tree = self.branches.tree
        if tree is None:
            return "Choose a branch of the loose part first."
        others = [t for t in self.trees.trees if t.role is tree.role and t is not tree and t.branches]
        return "" if others or len(tree.roots) > 1 else "These vessels are one part: cut one off first."

    def start_correcting(self, click: TreeClick) -> None:
        """Wait for the click that joins, or sets the root.

        Raises
        ------
        PlannerError
            If no branch is chosen, or there is nothing to join it to.
        """
        why = self.why_not_join() if click == TreeClick.JOIN else ""
        if why:
            raise PlannerError("There is nothing to join.", "", why)
        self.drawing.stop()
        self.pointer.wait_for(click)

    def end_drawing(self) -> None:
        """Add the drawn vessel, and choose it.

        Raises
        ------
        PlannerError
            If there is no route through all clicks yet.
        """
        choice = self.branches.choice
        self.branches.choose(*self.drawing.end(choice.tree if choice is not None else ""))

    def cut_here(self) -> None:
        """Cut the chosen branch at the clicked point; what lies beyond is chosen.

        Raises
        ------
        PlannerError
            If no branch is chosen, or it cannot be cut there.
        """
        choice = self._chosen()
        tree = self._session.case.vessel_tree(choice.tree)
        branch = tree.branch(choice.number)
        index = min(choice.index, len(branch.points_lps_mm) - 2)
        if index == 0 and branch.parent is None:
            index = min(1, len(branch.points_lps_mm) - 2)
        free = tree.free_number
        self.trees.cut(choice.tree, choice.number, index)
        self.branches.choose(choice.tree, free if index else choice.number)

    def delete_chosen(self) -> None:
        """Delete the chosen branch and all beyond it; its parent is chosen.

        Raises
        ------
        PlannerError
            If no branch is chosen.
        """
        choice = self._chosen()
        parent = self._session.case.vessel_tree(choice.tree).branch(choice.number).parent
        self.trees.delete_branch(choice.tree, choice.number)
        trees = {t.id: t for t in self.trees.trees}
        if parent is not None and choice.tree in trees and parent in trees[choice.tree]:
            self.branches.choose(choice.tree, parent)

    def _chosen(self) -> BranchChoice:
        if self.branches.choice is None:
            raise PlannerError("No branch is chosen.", "", "Click one in a slice, in 3D or in the list.")
        return self.branches.choice
