"""A user's hands: real mouse and key events of the X server, and eyes for the window."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import QApplication, QWidget

from planner.desktop.window import MainWindow

#: Two presses nearer than this in time and place are a double click to Qt (400 ms, 5 px), with some to spare.
DOUBLE_CLICK_S, DOUBLE_CLICK_PX = 0.45, 10
#: How long the window works on after an event has come, so that what it started is drawn.
AFTER_S, AFTER_MOVE_S = 0.1, 0.03


class Arrivals(QObject):
    """Counts the X server's events of one kind that reach a window of ours."""

    def __init__(self, kind: QEvent.Type) -> None:
        super().__init__()
        self.kind, self.count = kind, 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Only at the window: from there an event goes on through several widgets.
        if event.type() == self.kind and isinstance(watched, QWindow):
            self.count += 1
        return False


class Hands:
    """Moves the mouse and presses keys through xdotool while the window's events run."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self._pressed = (0.0, QPoint(-1000, -1000))

    def wait(self, is_so: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
        """Let the window work until something is so."""
        end = time.monotonic() + seconds
        while not is_so():
            QApplication.processEvents()
            time.sleep(0.004)
            assert time.monotonic() < end, f"waited {seconds:.0f} s for: {what}"

    def settle(self, seconds: float = 0.25) -> None:
        """Let the window work for a moment."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.004)

    def click(self, widget: QWidget, at: QPointF | None = None, button: int = 1) -> None:
        """Click in a widget, in its middle by default."""
        self._press_apart(self.move(widget, at))
        self._do("click", str(button), leaves=QEvent.Type.MouseButtonRelease)

    def double_click(self, widget: QWidget, at: QPointF | None = None) -> None:
        """Click twice, fast."""
        self._press_apart(self.move(widget, at))
        self._do(
            "click", "--repeat", "2", "--delay", "60", "1", leaves=QEvent.Type.MouseButtonRelease, times=2
        )

    def move(self, widget: QWidget, at: QPointF | None = None) -> QPoint:
        """Move the mouse to a point of a widget; gives the place on the screen."""
        point = at.toPoint() if at is not None else widget.rect().center()
        place = widget.mapToGlobal(QPoint(point))
        self._do(
            "mousemove",
            str(place.x()),
            str(place.y()),
            leaves=QEvent.Type.MouseMove,
            longest=0.12,  # where the mouse is there already, none comes
            after=AFTER_MOVE_S,
        )
        return place

    def drag(self, widget: QWidget, start: QPointF, stop: QPointF, button: int = 1, steps: int = 6) -> None:
        """Press, move in steps, release."""
        self._press_apart(self.move(widget, start))
        self._do("mousedown", str(button), leaves=QEvent.Type.MouseButtonPress)
        for n in range(1, steps + 1):
            self.move(widget, start + (stop - start) * n / steps)
        self._do("mouseup", str(button), leaves=QEvent.Type.MouseButtonRelease)

    def wheel(self, widget: QWidget, notches: int, keys: str = "") -> None:
        """Turn the wheel, up for positive, with keys held."""
        self.move(widget)
        if keys:
            self._do("keydown", keys, leaves=QEvent.Type.KeyPress)
        words = ("--repeat", str(abs(notches)), "--delay", "20", "4" if notches > 0 else "5")
        self._do("click", *words, leaves=QEvent.Type.Wheel, times=abs(notches))
        if keys:
            self._do("keyup", keys, leaves=QEvent.Type.KeyRelease)

    def key(self, keys: str) -> None:
        """Press keys, such as ``ctrl+z``."""
        self._do("key", "--clearmodifiers", keys, leaves=QEvent.Type.KeyRelease, times=len(keys.split("+")))

    def type(self, text: str) -> None:
        """Type text."""
        self._do("type", "--delay", "15", "--", text, leaves=QEvent.Type.KeyRelease, times=len(text))

    def picture(self, path: Path) -> None:
        """Keep a picture of the window."""
        self.window.grab().save(str(path))

    def _press_apart(self, place: QPoint) -> None:
        """Wait until a press here is no second click of the last one."""
        when, last = self._pressed
        if (place - last).manhattanLength() < DOUBLE_CLICK_PX:
            self.settle(when + DOUBLE_CLICK_S - time.monotonic())
        self._pressed = (time.monotonic(), place)

    def _do(
        self, *words: str, leaves: QEvent.Type, times: int = 1, longest: float = 0.25, after: float = AFTER_S
    ) -> None:
        """Let the X server act, and the window work until what that leaves has come, and a moment more."""
        arrivals, application = Arrivals(leaves), QApplication.instance()
        assert application is not None
        application.installEventFilter(arrivals)
        try:
            self._xdotool(*words)
            end = time.monotonic() + longest
            while arrivals.count < times and time.monotonic() < end:
                self.settle(0.004)
        finally:
            application.removeEventFilter(arrivals)
        self.settle(after)

    @staticmethod
    def _xdotool(*words: str) -> None:
        subprocess.run(["xdotool", *words], check=True, timeout=20)
