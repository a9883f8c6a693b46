"""Bringing calls from other threads onto the window's thread."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot


class MainThread(QObject):
    """Runs calls on the thread it was made on, in the order they were posted."""

    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], None]) -> None:
        """Run a call soon on the window's thread; may be called from any thread."""
        try:
            self._posted.emit(call)
        except RuntimeError:
            return  # the window is gone, and with it whoever wanted to know

    @Slot(object)
    def _run(self, call: Callable[[], None]) -> None:
        call()
