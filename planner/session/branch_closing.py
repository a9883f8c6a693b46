"""Branches of the portal vein closed and opened again by clicks in the views."""

from __future__ import annotations

from collections.abc import Callable

from planner.model.points import Point
from planner.model.roles import Role
from planner.session.branch_choosing import BranchChoosing
from planner.session.growing import Growing
from planner.session.pointing import Pointer
from planner.session.session import Session


class BranchCloser(Pointer):
    """The mouse while branches are closed: each click on a portal branch closes it, or opens what closes it.

    Parameters
    ----------
    session, growing, branches
        Whose case; what closes; what finds a branch at a place.
    """

    def __init__(self, session: Session, growing: Growing, branches: BranchChoosing) -> None:
        self._session, self._growing, self._branches = session, growing, branches
        #: From where the 3D view looks while the mouse is over it; None while it is over a slice.
        self.eye: Callable[[], Point | None] = lambda: None

    @property
    def is_waiting(self) -> bool:
        """Whether a click is waited for."""
        return self._growing.is_closing

    def click(self, lps_mm: Point) -> bool:
        """Close or open the branch at a place; a miss leaves the click to the view.

        Raises
        ------
        PlannerError
            If it cannot be closed.
        """
        if not self._growing.is_closing:
            return False
        others = frozenset(
            (tree.id, branch.number)
            for tree in self._session.case.vessel_trees
            if tree.role is not Role.PORTAL_VEIN
            for branch in tree.branches
        )
        eye = self.eye()
        near, along = self._branches.near, self._branches.along
        choice = near(lps_mm, others) if eye is None else along(eye, lps_mm, others)
        if choice is None:
            return False
        self._growing.toggle_closed(choice.tree, choice.number)
        return True
