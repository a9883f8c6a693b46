"""Exercises as files: made of the open plan, handed around, removed; and the page for teachers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from planner.base.errors import PlannerError
from planner.desktop.messages import ask, show_error
from planner.practice.exercise import Exercise
from planner.practice.exercise_file import SUFFIX
from planner.practice.exercise_folder import ExerciseFolder, ExerciseThere

if TYPE_CHECKING:
    from planner.desktop.teacher_dialog import TeacherDialog
    from planner.desktop.window import MainWindow

KINDS = f"Exercises (*{SUFFIX})"


class PracticeFiles:
    """Opens what makes, takes and hands around exercises.

    Parameters
    ----------
    window
        The window it works for.
    on_change
        Told the id of an exercise that is there now, or of none where one was removed.
    """

    def __init__(self, window: MainWindow, on_change: Callable[[str], None]) -> None:
        self._window, self._on_change = window, on_change
        self.folder = ExerciseFolder()
        self._teacher: TeacherDialog | None = None

    def make(self) -> None:
        """Make an exercise of the open plan."""
        from planner.desktop.exercise_dialog import ExerciseDialog

        window, session = self._window, self._window.session
        if not session.is_open:
            window.status.say("Open a case first.")
            return
        judging = [m.manifest.id for m in session.judgements.registry.judging(session.plan)]
        module = "electroporation" if "electroporation" in judging else "thermal_ablation"
        try:
            dialog = ExerciseDialog(
                session.case,
                session.plan,
                module,
                session.judgements.settings(module),
                self.folder,
                window.jobs,
                window,
            )
        except PlannerError as error:
            show_error(window, error)
            return
        dialog.made.connect(lambda exercise: self._on_change(exercise.id))
        dialog.open()

    def choose(self) -> None:
        """Ask for a file, and add its exercise."""
        kinds = f"{KINDS};;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self._window, "Add an exercise", "", kinds)
        if path:
            self.add(Path(path))

    def add(self, path: Path) -> None:
        """Take an exercise somebody handed over; asks before one of the same id is replaced."""
        try:
            exercise = self.folder.add(path)
        except ExerciseThere as error:
            answer = ask(
                self._window, "Replace the exercise?", f"{error.what} {error.thing}", ("Replace", "Cancel")
            )
            if answer == "Replace":
                self._do(lambda: self._on_change(self.folder.add(path, replace=True).id))
        except PlannerError as error:
            show_error(self._window, error)
        else:
            self._on_change(exercise.id)

    def export(self, exercise: Exercise) -> None:
        """Ask where, and write a copy to hand around."""
        name = f"{exercise.id}{SUFFIX}"
        path, _ = QFileDialog.getSaveFileName(self._window, "Save the exercise", name, KINDS)
        if path:
            self._do(partial(self.folder.export, exercise, Path(path)))

    def remove(self, exercise: Exercise) -> None:
        """Ask, and take an exercise of one's own away."""
        text = "Attempts at it stay. Save it to a file first if you may want it again."
        if ask(self._window, f"Remove '{exercise.title}'?", text, ("Remove", "Cancel")) == "Remove":
            self._do(partial(self.folder.remove, exercise.id))
            self._on_change("")

    def show_teacher(self) -> None:
        """Put files of several people together."""
        from planner.desktop.teacher_dialog import TeacherDialog

        if self._teacher is None:
            self._teacher = TeacherDialog(self._window)
        self._teacher.show()
        self._teacher.raise_()
        self._teacher.activateWindow()

    def _do(self, call: Callable[[], object]) -> None:
        try:
            call()
        except PlannerError as error:
            show_error(self._window, error)
