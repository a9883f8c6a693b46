"""Progress and cancel for long work, without Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from planner.base.errors import Cancelled

ProgressListener = Callable[[float, str], None]


class Task:
    """What long work reports to, and what stops it when asked.

    Parameters
    ----------
    listener
        Called with a fraction in 0..1 and what is being done, in words a surgeon understands.
    watcher
        Called with pictures of unfinished work, where somebody watches it.
    """

    def __init__(
        self, listener: ProgressListener | None = None, watcher: Callable[[Any], None] | None = None
    ) -> None:
        self._listener = listener
        self._watcher = watcher
        self._cancel = threading.Event()

    def report(self, fraction: float, text: str) -> None:
        """Say how far the work is; raises `Cancelled` where the work is to stop."""
        self.check()
        if self._listener is not None:
            self._listener(min(max(fraction, 0.0), 1.0), text)

    def show(self, picture: Any) -> None:
        """Give whoever watches a picture of the unfinished work; raises `Cancelled` as `report` does."""
        self.check()
        if self._watcher is not None:
            self._watcher(picture)

    def check(self) -> None:
        """Raise `Cancelled` where the work is to stop."""
        if self._cancel.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Ask the work to stop at its next report."""
        self._cancel.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked the work to stop."""
        return self._cancel.is_set()

    def part(self, start: float, stop: float) -> Task:
        """A task for a part of the work: its 0..1 is this task's start..stop."""
        child = Task(
            lambda fraction, text: self.report(start + fraction * (stop - start), text), self._watcher
        )
        child._cancel = self._cancel
        return child
