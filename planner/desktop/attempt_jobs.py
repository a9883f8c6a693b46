"""What of an attempt takes a while: needles put in, a commit judged and kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.messages import show_error
from planner.practice.attempt_file import write_attempts
from planner.session.practising import Stage

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow
    from planner.practice.revealing import Revealed


class AttemptJobs:
    """Works off the window's thread for the attempt that is open or shown.

    Parameters
    ----------
    window
        The window.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._practising = window.bench.practising

    def put_in(self, again: str = "") -> None:
        """Put needles in, or one of them again; the control scan is made off the window's thread."""
        practising = self._practising
        try:
            make = practising.putting_in(again)
        except PlannerError as error:
            self._say(error)
            return

        def failed(error: PlannerError) -> None:
            practising.stop_putting_in()
            self._say(error)

        self._window.jobs.start(
            "practice",
            "Putting the needles in",
            lambda _task: make(),
            practising.lie,
            failed,
            on_cancelled=practising.stop_putting_in,
        )

    def commit(self) -> None:
        """Judge the attempt off the window's thread, keep it, and show what it comes to."""
        practising = self._practising
        try:
            judge = practising.commit()
        except PlannerError as error:
            self._say(error)
            return

        kept: list[tuple[Revealed, PlannerError | None]] = []

        def work(task: Task) -> tuple[Revealed, PlannerError | None]:
            revealed = judge(task.part(0.0, 0.95))
            kept.append((revealed, practising.keep(revealed)))
            return kept[0]

        def done(found: tuple[Revealed, PlannerError | None]) -> None:
            if practising.stage == Stage.JUDGED:  # else the exercise was left meanwhile
                practising.take(*found)

        def failed(error: PlannerError) -> None:
            practising.go_back()
            self._say(error)

        def cancelled() -> None:
            if kept:  # too late: it is kept, and must not be once more
                done(kept[0])
            else:
                practising.go_back()

        self._window.jobs.start(
            "practice",
            "Judging the attempt",
            work,
            done,
            failed,
            on_cancelled=cancelled,
        )

    def keep_again(self) -> bool:
        """Try once more to keep the attempt that is shown; returns whether it is kept."""
        practising = self._practising
        revealed = practising.revealed
        if revealed is None:
            return False
        practising.not_kept = practising.keep(revealed)
        self.say_not_kept()
        return practising.not_kept is None

    def say_not_kept(self) -> None:
        """Say whether the attempt that is shown could not be kept, and why."""
        error = self._practising.not_kept
        words = f"This attempt is not kept yet. {error.what} {error.thing}" if error is not None else ""
        self._window.practice_panel.reveal.show_not_kept(words)

    def save(self) -> None:
        """Ask where, and write the attempt that is shown to a file."""
        revealed = self._practising.revealed
        if revealed is None:
            return
        name = f"{revealed.exercise.id}.jsonl"
        path, _ = QFileDialog.getSaveFileName(self._window, "Save the attempt", name)
        if path:
            try:
                write_attempts(Path(path), (revealed.attempt,))
            except PlannerError as error:
                self._say(error)

    def _say(self, error: PlannerError) -> None:
        show_error(self._window, error)
