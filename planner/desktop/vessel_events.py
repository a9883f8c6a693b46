"""Keys and the wheel in the views while vessels are drawn or segments painted, and where the mouse is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent

from planner.desktop.over_space import OverSpace

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

#: Shift and a notch of the wheel change the brush by this.
NOTCH_MM = 1.0


class VesselEvents(OverSpace):
    """Watches the views while the mode is on.

    Parameters
    ----------
    window
        Whose views.
    end_drawing
        What Enter does.
    """

    def __init__(self, window: MainWindow, end_drawing: Callable[[], None]) -> None:
        super().__init__(window)
        self._end_drawing = end_drawing

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take Backspace, Enter and the wheel with Shift where they are for the mode."""
        kind = event.type()
        if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(event)
        if kind == QEvent.Type.Wheel and isinstance(event, QWheelEvent):
            return self._wheel(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        drawing = self._window.bench.vessels.drawing
        if not drawing.is_on:
            return False
        if event.key() == Qt.Key.Key_Backspace:
            drawing.take_back()
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._end_drawing()
            return True
        return False

    def _wheel(self, event: QWheelEvent) -> bool:
        brushing = self._window.bench.vessels.brushing
        if not brushing.is_on or not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            return False
        turned = event.angleDelta().y() or event.angleDelta().x()
        brushing.set_up(radius_mm=brushing.radius_mm + NOTCH_MM * (1 if turned > 0 else -1))
        return True
