"""What the mouse does on a slice view: clicks for the tool at work, drags of probes, zoom and pan."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent

from planner.base.errors import PlannerError
from planner.desktop.messages import show_error
from planner.model.plan import Instrument, Point
from planner.model.points import as_point
from planner.scene.planes import axes_of
from planner.session.actions import Workbench
from planner.session.appearance import GrayWindow
from planner.session.holding import Held, held_needles
from planner.session.outlining import Outline
from planner.session.placing import Grip, Step
from planner.session.pointing import Handle
from planner.session.scan_pairs import NextClick

if TYPE_CHECKING:
    from planner.desktop.slice_view import SliceView

#: A handle is caught within this many pixels, a shaft within these.
CATCH_PX, SHAFT_PX = 10.0, 6.0


class Tool(StrEnum):
    """What the left button does where it catches no probe."""

    NAVIGATE = "navigate"
    WINDOW = "window"


class SliceMouse:
    """The mouse of one slice view.

    Parameters
    ----------
    view
        Whose events it gets.
    bench
        The session with its tools.
    """

    def __init__(self, view: SliceView, bench: Workbench) -> None:
        self.view, self.bench = view, bench
        self.tool = Tool.NAVIGATE
        self.ghost: Instrument | None = None
        self.under: QPointF | None = None
        self._press: tuple[Qt.MouseButton, QPointF] | None = None
        self._held: Held | None = None
        self._end: int | None = None
        self._handle: Handle | None = None
        self._is_all = self._is_stroke = self._is_brushing = False

    def press(self, event: QMouseEvent) -> None:
        """Begin a click, a drag of a probe, a zoom or a pan."""
        view, bench, at = self.view, self.bench, event.position()
        self._press = (event.button(), at)
        if event.button() != Qt.MouseButton.LeftButton:
            return
        lps_mm = view.lps_at(at.x(), at.y())
        if bench.placing.step != Step.IDLE:
            self._click_placing(lps_mm)
            self._press = None
        elif bench.outlining.mode != Outline.NONE and bench.outlining.proposal is None:
            self._click_outline(lps_mm)
            self._press = None
        elif bench.following.next_click != NextClick.NOTHING:
            self._click_following(lps_mm)
            self._press = None
        elif bench.pointer.wants_stroke and not view.is_foreign:
            self._is_stroke = True
            bench.pointer.begin_stroke(lps_mm, self._towards_lps())
        elif view.takes_brush():
            self._is_brushing = True
            bench.brushing.begin_stroke(lps_mm)
        elif (end := self._caught_end(at)) is not None:
            self._end = end
        elif (caught := self.caught(at)) is not None:
            is_whole = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._held = caught.as_whole() if is_whole else caught
            chosen = caught.instrument
            bench.session.selection.choose(instrument=chosen.id, lesion=chosen.lesion or None)
        elif (handle := self._caught_handle(at)) is not None:
            self._handle = handle
            self._is_all = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        elif self._click_pointer(lps_mm) or (bench.accessing.is_on and bench.accessing.point_at(lps_mm)):
            self._press = None
        elif self.tool == Tool.NAVIGATE:
            bench.session.selection.move_cursor(lps_mm)

    def move(self, event: QMouseEvent) -> None:
        """Drag what was pressed, or show what is under the mouse."""
        view, at = self.view, event.position()
        if view.takes_brush():
            self.under = at
            view.update()
        if self._press is None:
            self._hover(at)
            return
        button, last = self._press
        moved = at - last
        if button == Qt.MouseButton.MiddleButton:
            view.pan(moved)
        elif button == Qt.MouseButton.RightButton:
            view.zoom_by(1.01 ** moved.y(), QPointF(view.width() / 2, view.height() / 2))
        elif self._is_brushing:
            self.bench.brushing.brush_to(view.lps_at(at.x(), at.y()))
            return
        elif self._is_stroke:
            self.bench.pointer.extend_stroke(view.lps_at(at.x(), at.y()))
            return
        elif self._handle is not None:
            self.bench.pointer.drag(self._handle, self._moved_mm(at), self._is_all)
            return  # measured from the press
        elif self._held is not None:
            self._drag_needle(at)
            return  # measured from the press
        elif self._end is not None:
            self._drag_end(view.lps_at(at.x(), at.y()))
            return
        elif self.tool == Tool.WINDOW:
            window = self.bench.appearance.window
            self.bench.appearance.set_window(
                GrayWindow(window.width + 2 * moved.x(), window.level - 2 * moved.y())
            )
        else:
            self.bench.session.selection.move_cursor(view.lps_at(at.x(), at.y()))
        self._press = (button, at)

    def release(self) -> None:
        """End a drag: it becomes one change that can be undone."""
        if self._held is not None:
            label, self._held = self._held.label, None
            self.bench.session.drop(label)
        if self._handle is not None:
            handle, self._handle = self._handle, None
            self.bench.pointer.drop(handle)
        if self._is_stroke:
            self._is_stroke = False
            try:
                self.bench.pointer.end_stroke()
            except PlannerError as error:
                show_error(self.view, error)
        if self._is_brushing:
            self._is_brushing = False
            self.bench.brushing.end_stroke()
        self._press = self._end = None

    def leave(self) -> None:
        """The brush goes with the mouse."""
        self.under = None

    def cancel(self) -> bool:
        """Put what is being dragged back; whether anything was."""
        if self._handle is not None:
            self._handle = self._press = None
            self.bench.pointer.cancel_drag()
            return True
        if self._held is None:
            return False
        self._held = self._press = None
        self.bench.session.cancel_drag()
        return True

    def _hover(self, at: QPointF) -> None:
        step = self.bench.placing.step
        if step == Step.ENTRY:
            self.ghost = self.bench.placing.ghost(self.view.lps_at(at.x(), at.y()))
            self.view.setCursor(Qt.CursorShape.CrossCursor)
            self.view.update()
            return
        if self.ghost is not None:
            self.ghost = None
            self.view.update()
        is_following = self.bench.following.next_click != NextClick.NOTHING
        if step == Step.TARGET or is_following or self.bench.pointer.is_waiting:
            self.view.setCursor(Qt.CursorShape.CrossCursor)
        elif self.caught(at) is not None or self._caught_handle(at) is not None:
            self.view.setCursor(Qt.CursorShape.SizeAllCursor)
        else:
            self.view.unsetCursor()

    def _click_pointer(self, lps_mm: Point) -> bool:
        if self.view.is_foreign:
            return False
        try:
            return self.bench.pointer.click(lps_mm)
        except PlannerError as error:
            show_error(self.view, error)
            return True

    def _caught_handle(self, at: QPointF) -> Handle | None:
        """What of the mode's drawing is under the mouse: handles near the slice, then what it grabs."""
        view = self.view
        if view.stack is None or view.is_foreign:
            return None
        position = view.stack.position_mm(view.index)
        near = []
        for handle in self.bench.pointer.handles:
            off = abs(float(view.stack.to_plane(np.array(handle.lps_mm))[2]) - position)
            away = _distance(view.view_of(handle.lps_mm), at)
            if away <= CATCH_PX and off <= max(handle.depth_mm, view.stack.step_mm[2]):
                near.append((round(away), off, handle))
        if near:
            return min(near, key=lambda n: n[:2])[2]
        return self.bench.pointer.grab(view.lps_at(at.x(), at.y()), SHAFT_PX * view.frame.mm_per_px)

    def _towards_lps(self) -> Point:
        assert self.view.stack is not None
        return as_point(axes_of(self.view.stack.orientation).normal)

    def _moved_mm(self, at: QPointF) -> Point:
        """How far the mouse was moved in the slice since it was pressed."""
        assert self._press is not None
        assert self.view.stack is not None
        scale = self.view.frame.mm_per_px
        moved = at - self._press[1]
        return as_point(self.view.stack.to_lps(moved.x() * scale, moved.y() * scale, 0.0))

    def _click_placing(self, lps_mm: Point) -> None:
        self.ghost = None
        try:
            self.bench.session.check_frame(self.bench.session.selection.image)
            self.bench.placing.click(lps_mm)
        except PlannerError as error:
            show_error(self.view, error)

    def _click_outline(self, lps_mm: Point) -> None:
        try:
            if self.bench.outlining.click(lps_mm):
                self.view.outline_ready.emit()
        except PlannerError as error:
            self.bench.outlining.cancel()
            show_error(self.view, error)

    def _click_following(self, lps_mm: Point) -> None:
        following = self.bench.following
        try:
            self.bench.session.check_frame(self.bench.session.selection.image)
            following.click(lps_mm)
        except PlannerError as error:
            following.wait_for(NextClick.NOTHING)
            show_error(self.view, error)

    def caught(self, at: QPointF) -> Held | None:
        """The needle and the part of it under the mouse: ends first, then the shaft."""
        is_shown = self.view.stack is not None and not self.view.is_foreign
        practising = self.bench.practising
        is_shown = is_shown and practising.shows_plan and not practising.holds_plan
        needles = held_needles(self.bench.session.plan) if is_shown else ()
        for held in reversed(needles):
            needle = held.needle
            for point, grip in ((needle.tip_lps_mm, Grip.TIP), (needle.entry_lps_mm, Grip.ENTRY)):
                if _distance(self.view.view_of(point), at) <= CATCH_PX:
                    return replace(held, grip=grip)
        for held in reversed(needles):
            ends = self.view.view_of(held.needle.entry_lps_mm), self.view.view_of(held.needle.tip_lps_mm)
            if _distance_to_line(*ends, at) <= SHAFT_PX:
                return held
        return None

    def _caught_end(self, at: QPointF) -> int | None:
        """Which end of a proposed lesion's diameter is under the mouse."""
        ends = self.bench.outlining.ends if self.bench.outlining.proposal is not None else ()
        near = [n for n, end in enumerate(ends) if _distance(self.view.view_of(end), at) <= CATCH_PX]
        return near[0] if near else None

    def _drag_end(self, lps_mm: Point) -> None:
        first, second = self.bench.outlining.ends
        ends = (lps_mm, second) if self._end == 0 else (first, lps_mm)
        try:
            self.bench.outlining.adjust(ends=ends)
        except PlannerError:
            return  # too short or outside: stays as it was until the mouse moves on

    def _drag_needle(self, at: QPointF) -> None:
        assert self._held is not None
        try:
            changed = self._held.moved(self._moved_mm(at))
        except PlannerError:
            return  # entry on the tip: stay where it was until the mouse moves on
        self.bench.session.drag_plan(self.bench.session.plan.with_instrument(changed))


def _distance(a: QPointF, b: QPointF) -> float:
    return float(np.hypot(a.x() - b.x(), a.y() - b.y()))


def _distance_to_line(a: QPointF, b: QPointF, at: QPointF) -> float:
    along = np.array([b.x() - a.x(), b.y() - a.y()])
    away = np.array([at.x() - a.x(), at.y() - a.y()])
    square = float(along @ along)
    t = min(max(float(away @ along) / square, 0.0), 1.0) if square > 0 else 0.0
    return float(np.linalg.norm(away - t * along))
