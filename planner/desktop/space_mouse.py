"""What the mouse does in the 3D view: drags of handles, lines that are drawn, clicks; turn, pan and zoom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent

from planner.base.errors import PlannerError
from planner.desktop.messages import show_error
from planner.model.plan import Point
from planner.model.points import as_point
from planner.session.actions import Workbench
from planner.session.placing import Step
from planner.session.pointing import Handle

if TYPE_CHECKING:
    from planner.desktop.space_view import SpaceView

#: Pixels the mouse may move between press and release of a click, and how near a handle is caught.
CLICK_PX, CATCH_PX = 4.0, 11.0


class SpaceMouse:
    """The mouse of the 3D view.

    Parameters
    ----------
    view
        Whose events it gets.
    bench
        The session with its tools.
    """

    def __init__(self, view: SpaceView, bench: Workbench) -> None:
        self.view, self.bench = view, bench
        self._press: tuple[Qt.MouseButton, QPointF, QPointF] | None = None
        self._handle: Handle | None = None
        self._is_all = self._is_stroke = False

    def press(self, event: QMouseEvent) -> None:
        """Take hold of a handle, begin a line, or begin to turn, pan or zoom."""
        at = event.position()
        self._press = (event.button(), at, at)
        if event.button() != Qt.MouseButton.LeftButton or not self.bench.session.is_open:
            return
        pointer = self.bench.pointer
        if pointer.wants_stroke:
            point = self._point_under(at)
            if point is not None:
                self._is_stroke = True
                pointer.begin_stroke(point, self.view.scene.towards_lps)
            return
        self._handle = self._caught(at)
        self._is_all = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)

    def move(self, event: QMouseEvent) -> None:
        """Drag what is held, go on with a line; else turn, pan or zoom."""
        if self._press is None:
            return
        button, start, last = self._press
        at = event.position()
        self._press = (button, start, at)
        if self._is_stroke:
            point = self._point_under(at)
            if point is not None:
                self.bench.pointer.extend_stroke(point)
            return
        if self._handle is not None:
            ends = [self._at_depth(p, self._handle.lps_mm) for p in (start, at)]
            by = np.array(ends[1]) - np.array(ends[0])
            self.bench.pointer.drag(self._handle, as_point(by), self._is_all)
            return
        moved = at - last
        camera = self.view.scene.renderer.GetActiveCamera()
        if button == Qt.MouseButton.LeftButton:
            camera.Azimuth(-0.45 * moved.x())
            camera.Elevation(0.45 * moved.y())
            camera.OrthogonalizeViewUp()
        elif button == Qt.MouseButton.MiddleButton:
            self._pan(moved)
        else:
            camera.Dolly(1.008 ** -moved.y())
        self.view.refresh()

    def release(self, event: QMouseEvent) -> None:
        """End a drag or a line; a click without either points at a place on a surface."""
        press, self._press = self._press, None
        if self._is_stroke:
            self._is_stroke = False
            try:
                self.bench.pointer.end_stroke()
            except PlannerError as error:
                show_error(self.view, error)
            return
        if self._handle is not None:
            handle, self._handle = self._handle, None
            self.bench.pointer.drop(handle)
            return
        if press is not None and press[0] == Qt.MouseButton.LeftButton:
            moved = event.position() - press[1]
            if np.hypot(moved.x(), moved.y()) <= CLICK_PX:
                self._click(event.position())

    def cancel(self) -> bool:
        """Put what is dragged back; whether anything was."""
        if self._handle is None:
            return False
        self._handle = self._press = None
        self.bench.pointer.cancel_drag()
        return True

    def _caught(self, at: QPointF) -> Handle | None:
        """The handle under the mouse: the nearest to the viewer of those within reach; else what is grabbed."""
        ratio = self.view.devicePixelRatioF()
        scene = self.view.scene
        near = []
        for handle in self.bench.pointer.handles:
            x, y = scene.display_of(handle.lps_mm)
            away = float(np.hypot(x / ratio - at.x(), y / ratio - at.y()))
            if away <= CATCH_PX:
                near.append((round(away), float(np.dot(scene.towards_lps, handle.lps_mm)), handle))
        if near:
            return min(near, key=lambda n: n[:2])[2]
        point = self._point_under(at)
        return None if point is None else self.bench.pointer.grab(point, 0.5)

    def _point_under(self, at: QPointF) -> Point | None:
        ratio = self.view.devicePixelRatioF()
        return self.view.scene.point_under(at.x() * ratio, at.y() * ratio)

    def _at_depth(self, at: QPointF, depth_of_lps_mm: Point) -> Point:
        ratio = self.view.devicePixelRatioF()
        return self.view.scene.under_at_depth(at.x() * ratio, at.y() * ratio, depth_of_lps_mm)

    def _pan(self, moved: QPointF) -> None:
        camera = self.view.scene.renderer.GetActiveCamera()
        scale = self.view.scene.mm_per_px * self.view.devicePixelRatioF()
        up = np.array(camera.GetViewUp())
        away = np.array(camera.GetDirectionOfProjection())
        right = np.cross(away, up)
        shift = (-moved.x() * right + moved.y() * up) * scale
        camera.SetFocalPoint(*(np.array(camera.GetFocalPoint()) + shift))
        camera.SetPosition(*(np.array(camera.GetPosition()) + shift))

    def _click(self, at: QPointF) -> None:
        bench = self.bench
        if not bench.session.is_open:
            return
        point = self._point_under(at)
        if point is None:
            return
        try:
            if bench.placing.step != Step.IDLE:
                bench.placing.click(point)
            elif not (
                bench.pointer.click(point) or (bench.accessing.is_on and bench.accessing.point_at(point))
            ):
                bench.session.selection.move_cursor(point)
        except PlannerError as error:
            show_error(self.view, error)
