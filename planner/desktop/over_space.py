"""Whether the mouse is over the 3D view while a mode is on: there a left drag turns, and paints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject

from planner.model.points import Point

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow


class OverSpace(QObject):
    """Watches the views while the mode is on.

    Parameters
    ----------
    window
        Whose views.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._is_over_space = False

    def switch(self, is_on: bool) -> None:
        """Begin or end to watch."""
        views = self._window.views
        for view in (*views.every_slice, views.space):
            view.removeEventFilter(self)
            if is_on:
                view.installEventFilter(self)
        self._is_over_space = is_on and views.space.underMouse()

    def eye(self) -> Point | None:
        """From where the 3D view looks, while the mouse is over it; None while it is over a slice."""
        if not self._is_over_space:
            return None
        x, y, z = self._window.views.space.scene.renderer.GetActiveCamera().GetPosition()
        return float(x), float(y), float(z)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note where the mouse is."""
        kind = event.type()
        if kind in (QEvent.Type.Enter, QEvent.Type.Leave, QEvent.Type.MouseButtonPress):
            if watched is self._window.views.space:
                self._is_over_space = kind != QEvent.Type.Leave
            elif kind != QEvent.Type.Leave:
                self._is_over_space = False
        return False
