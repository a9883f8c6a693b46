"""Long work of a widget that may be closed and deleted meanwhile."""

from __future__ import annotations

import queue
from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from planner.desktop.jobs import Jobs
from planner.desktop.post import MainThread

LOOK_EVERY_MS = 15


class OwnJobs(Jobs):
    """Jobs whose threads touch nothing of Qt: their words are fetched, and with the widget nobody fetches them.

    A thread that emitted a signal of an object which is just being deleted would end the program.

    Parameters
    ----------
    widget
        Whose work it is.
    """

    def __init__(self, widget: QWidget) -> None:
        self._box = _Letterbox()
        super().__init__(self._box, widget)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.timeout.connect(self._look)
        # Said once a job has begun, by the thread of the widget.
        self.progressed.connect(lambda _share, _words: self._timer.start())

    def _look(self) -> None:
        self._box.empty()
        if not self.is_running:
            self._timer.stop()


class _Letterbox(MainThread):
    """Keeps calls of other threads until they are fetched."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def post(self, call: Callable[[], None]) -> None:
        """Keep a call; may be called from any thread."""
        self._calls.put(call)

    def empty(self) -> None:
        """Run what was kept, in its order."""
        for _ in range(self._calls.qsize()):
            self._calls.get()()
