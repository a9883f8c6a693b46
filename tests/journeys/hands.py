"""A user's hands: real mouse and key events of the X server, and eyes for the window."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF
from PySide6.QtWidgets import QApplication, QWidget

from planner.desktop.window import MainWindow


class Hands:
    """Moves the mouse and presses keys through xdotool while the window's events run."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

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
        self.move(widget, at)
        self._xdotool("click", str(button))
        self.settle()

    def double_click(self, widget: QWidget, at: QPointF | None = None) -> None:
        """Click twice, fast."""
        self.move(widget, at)
        self._xdotool("click", "--repeat", "2", "--delay", "60", "1")
        self.settle()

    def move(self, widget: QWidget, at: QPointF | None = None) -> None:
        """Move the mouse to a point of a widget."""
        point = at.toPoint() if at is not None else widget.rect().center()
        place = widget.mapToGlobal(QPoint(point))
        self._xdotool("mousemove", str(place.x()), str(place.y()))
        self.settle(0.12)

    def drag(self, widget: QWidget, start: QPointF, stop: QPointF, button: int = 1, steps: int = 6) -> None:
        """Press, move in steps, release."""
        self.move(widget, start)
        self._xdotool("mousedown", str(button))
        self.settle(0.12)
        for n in range(1, steps + 1):
            self.move(widget, start + (stop - start) * n / steps)
        self._xdotool("mouseup", str(button))
        self.settle()

    def wheel(self, widget: QWidget, notches: int, keys: str = "") -> None:
        """Turn the wheel, up for positive, with keys held."""
        self.move(widget)
        if keys:
            self._xdotool("keydown", keys)
        self._xdotool("click", "--repeat", str(abs(notches)), "--delay", "20", "4" if notches > 0 else "5")
        self.settle()
        if keys:
            self._xdotool("keyup", keys)
            self.settle()

    def key(self, keys: str) -> None:
        """Press keys, such as ``ctrl+z``."""
        self._xdotool("key", "--clearmodifiers", keys)
        self.settle()

    def type(self, text: str) -> None:
        """Type text."""
        self._xdotool("type", "--delay", "15", "--", text)
        self.settle()

    def picture(self, path: Path) -> None:
        """Keep a picture of the window."""
        self.window.grab().save(str(path))

    @staticmethod
    def _xdotool(*words: str) -> None:
        subprocess.run(["xdotool", *words], check=True, timeout=20)
