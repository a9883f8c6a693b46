"""Long work off the window's thread, with progress and cancel in the status line."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from planner.base.errors import Cancelled, PlannerError
from planner.base.log import log
from planner.base.task import Task
from planner.compute.loading import load_numerics
from planner.desktop.post import MainThread


class Jobs(QObject):
    """Runs one long job at a time; a second one of the same kind replaces the first."""

    progressed = Signal(float, str)
    finished = Signal()

    def __init__(self, main_thread: MainThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._main = main_thread
        self._running: dict[str, tuple[Task, str]] = {}

    @property
    def is_running(self) -> bool:
        """Whether a job is under way."""
        return bool(self._running)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of the jobs that are under way."""
        return tuple(self._running)

    def start(
        self,
        kind: str,
        title: str,
        work: Callable[[Task], Any],
        on_done: Callable[[Any], None],
        on_failed: Callable[[PlannerError], None],
        on_cancelled: Callable[[], None] = lambda: None,
        needs_numerics: bool = True,
    ) -> None:
        """Run work on a thread; exactly one listener is called on the window's thread, unless another job took over."""
        if kind in self._running:
            self._running[kind][0].cancel()
        task = Task(
            lambda fraction, text: self._main.post(lambda: self._progress(kind, task, fraction, text))
        )
        self._running[kind] = (task, title)
        self.progressed.emit(0.0, title)

        def run() -> None:
            try:
                if needs_numerics:
                    load_numerics()
                answer = work(task)
            except Cancelled:
                self._main.post(lambda: self._end(kind, task, on_cancelled, on_cancelled))
            except PlannerError as error:
                failure = error
                self._main.post(lambda: self._end(kind, task, lambda: on_failed(failure), on_cancelled))
            except Exception as error:  # the window border: shown in words, logged without identifiers
                log().exception("job %s failed", kind)
                words = PlannerError(
                    f"{title} failed.", f"{type(error).__name__}: {error}", "Nothing was changed."
                )
                self._main.post(lambda: self._end(kind, task, lambda: on_failed(words), on_cancelled))
            else:
                self._main.post(lambda: self._end(kind, task, lambda: on_done(answer), on_cancelled))

        threading.Thread(target=run, name=f"job-{kind}", daemon=True).start()

    def cancel(self, kind: str = "") -> None:
        """Ask every job, or that of a kind, to stop."""
        for running, (task, _) in self._running.items():
            if kind in ("", running):
                task.cancel()

    def _progress(self, kind: str, task: Task, fraction: float, text: str) -> None:
        if self._running.get(kind, (None,))[0] is task:
            self.progressed.emit(fraction, text)

    def _end(self, kind: str, task: Task, call: Callable[[], None], on_cancelled: Callable[[], None]) -> None:
        if self._running.get(kind, (None,))[0] is not task:
            return
        del self._running[kind]
        self.finished.emit()
        if task.is_cancelled:
            on_cancelled()
        else:
            call()
