"""A vessel drawn by clicks along it, followed through the scan between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.image import Image
from planner.model.points import Point
from planner.model.roles import Role
from planner.session.session import Session
from planner.session.vessel_trees import VesselTrees

if TYPE_CHECKING:
    from planner.compute.vessel_route import Legs
    from planner.model.geometry import FloatArray


@dataclass(frozen=True, eq=False)
class AskedRoute:
    """Clicks along a vessel in a scan, with the ways between some of them that are known."""

    image: Image
    clicks: tuple[Point, ...]
    is_dark: bool
    legs: Legs


@dataclass(frozen=True, eq=False)
class DrawnRoute:
    """The vessel through some clicks: its middle line (n, 3) and radii (n,)."""

    asked: AskedRoute
    points_lps_mm: FloatArray
    radii_mm: FloatArray

    @property
    def length_mm(self) -> float:
        """Along the middle line."""
        return float(np.linalg.norm(np.diff(self.points_lps_mm, axis=0), axis=1).sum())

    @property
    def diameter_mm(self) -> float:
        """Mean over the points."""
        return 2.0 * float(self.radii_mm.mean())


class TreeDrawing:
    """Holds the clicks and the route between them until the vessel is ended.

    Parameters
    ----------
    session
        Whose scan is clicked.
    trees
        Take the vessel.
    """

    changed = Signal()

    def __init__(self, session: Session, trees: VesselTrees) -> None:
        self._session, self._trees = session, trees
        self.role = Role.PORTAL_VEIN
        self.is_dark = False
        self.is_on = False
        self.clicks: tuple[Point, ...] = ()
        self.route: DrawnRoute | None = None
        self._legs: tuple[str, bool, Legs] = ("", False, {})

    def start(self) -> None:
        """Wait for clicks along a vessel.

        Raises
        ------
        PlannerError
            If the shown scan has another frame of reference than the structures.
        """
        self._session.check_frame(self._session.selection.image)
        self.is_on, self.clicks, self.route = True, (), None
        self._legs = ("", False, {})
        self.changed.emit()

    def stop(self) -> None:
        """Throw away what was begun."""
        if self.is_on or self.clicks:
            self.is_on, self.clicks, self.route = False, (), None
            self.changed.emit()

    def set_up(self, role: Role | None = None, is_dark: bool | None = None) -> None:
        """Choose which vessels these are, and whether they are darker than what is around them."""
        self.role = self.role if role is None else role
        if is_dark is not None and is_dark != self.is_dark:
            self.is_dark, self.route = is_dark, None
        self.changed.emit()

    def click(self, lps_mm: Point) -> None:
        """Take one more place along the vessel.

        Raises
        ------
        PlannerError
            If the shown scan has another frame of reference than the structures.
        """
        self._session.check_frame(self._session.selection.image)
        if self.clicks and np.linalg.norm(np.subtract(lps_mm, self.clicks[-1])) < 1.0:
            return  # the second press of a double click
        self.clicks = (*self.clicks, lps_mm)
        self.changed.emit()

    def take_back(self) -> None:
        """Forget the last click."""
        self.clicks = self.clicks[:-1]
        if self.route is not None and len(self.clicks) < 2:
            self.route = None
        self.changed.emit()

    def wanted(self) -> AskedRoute | None:
        """The route that is to be found; None where it is known, or there are too few clicks."""
        if not self.is_on or len(self.clicks) < 2 or self.is_current:
            return None
        image = self._session.case.image(self._session.selection.image)
        if self._legs[:2] != (image.id, self.is_dark):
            self._legs = (image.id, self.is_dark, {})
        return AskedRoute(image, self.clicks, self.is_dark, self._legs[2])

    @property
    def is_current(self) -> bool:
        """Whether the route runs through all clicks."""
        route = self.route
        return route is not None and route.asked.clicks == self.clicks and route.asked.is_dark == self.is_dark

    @staticmethod
    def make(asked: AskedRoute, task: Task) -> DrawnRoute:
        """The vessel through some clicks; any thread may ask.

        Raises
        ------
        InvalidValue
            If no vessel stands out between them, or a click lies outside the scan.
        """
        from planner.compute.vessel_route import drawn

        points, radii = drawn(asked.image, asked.clicks, task, is_dark=asked.is_dark, legs=asked.legs)
        return DrawnRoute(asked, points, radii)

    def show(self, route: DrawnRoute) -> None:
        """Take over a route, where its clicks are the same still."""
        if self.is_on and route.asked.clicks == self.clicks:
            self.route = route
            self.changed.emit()

    def fail(self, asked: AskedRoute) -> None:
        """No route was found to the last click: it is taken back."""
        if self.is_on and asked.clicks == self.clicks:
            self.take_back()

    def why_not_end(self) -> str:
        """Why the vessel cannot be ended now, or empty."""
        if len(self.clicks) < 2:
            return "Click two places along the vessel or more."
        return "" if self.is_current else "The way to the last click is still being looked for."

    def end(self, near: str = "") -> tuple[str, int]:
        """Add the vessel to the case; can be undone. Gives tree and number of the branch.

        Raises
        ------
        InvalidValue
            If there is no route through all clicks yet.
        """
        why, route = self.why_not_end(), self.route
        if why or route is None:
            raise InvalidValue("The vessel is not drawn yet.", "", why)
        added = self._trees.add_drawn(self.role, route.points_lps_mm, route.radii_mm, near)
        self.stop()
        return added


def no_vessel(error: PlannerError) -> str:
    """What to say where no route was found."""
    return f"{error.what} The last click is taken back. {error.todo}".strip()
