"""The exercises to choose from, and what the chosen one asks."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from planner.base.errors import PlannerError
from planner.desktop.pieces import (
    Elided,
    Row,
    card,
    clear_layout,
    dim_label,
    heading,
    inset,
    link_button,
    show,
)
from planner.desktop.theme import sign_color
from planner.practice.condition_words import condition_words, skill_words
from planner.practice.exercise import Exercise

#: By exercise the best points of the profile, and whether they pass.
Best = Mapping[str, tuple[float, bool]]


class ExerciseChoice(QWidget):
    """Rows of exercises with the best score of who practises, and a card of the chosen one."""

    begin_asked = Signal(object)
    case_asked = Signal(object)
    file_asked = Signal()
    making_asked = Signal()
    export_asked = Signal(object)
    removal_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("Exercises"))
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        column.addLayout(self._rows)
        self._troubles = dim_label("", wraps=True)
        self._troubles.setObjectName("exerciseTroubles")
        self._troubles.setContentsMargins(14, 2, 14, 2)
        column.addWidget(self._troubles)
        column.addLayout(self._links())
        frame, inner = card()
        self._title = QLabel()
        self._title.setObjectName("exerciseTitle")
        self._title.setWordWrap(True)
        self._title.setStyleSheet("font-weight: 600;")
        self._skills = dim_label("", wraps=True)
        self._task = QLabel()
        self._task.setObjectName("exerciseTask")
        self._task.setWordWrap(True)
        self._conditions = dim_label("", wraps=True)
        self._conditions.setObjectName("exerciseConditions")
        for label in (self._title, self._skills, self._task, self._conditions):
            inner.addWidget(label)
        inner.addLayout(self._buttons())
        self._why = dim_label("", wraps=True)
        self._why.setObjectName("exerciseWhy")
        inner.addWidget(self._why)
        self._card = inset(frame)
        column.addWidget(self._card)
        self.exercises: tuple[Exercise, ...] = ()
        self._own: frozenset[str] = frozenset()
        self._best: Best = {}
        self._chosen = ""
        self._case_id, self._whose = "", ""
        self._fill()

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.start = QPushButton("Start")
        self.start.setObjectName("startExercise")
        self.start.setProperty("primary", True)
        self.start.clicked.connect(lambda _checked: self._ask_start())
        line.addWidget(self.start)
        line.addStretch(1)
        self.export = link_button("Save to a file…", "To hand it around; the reference is packed, not secret")
        self.export.setObjectName("exportExercise")
        self.export.clicked.connect(lambda _checked: self.export_asked.emit(self.exercise))
        self.remove = link_button("Remove…", "Take this exercise of your own off the list")
        self.remove.setObjectName("removeExercise")
        self.remove.clicked.connect(lambda _checked: self.removal_asked.emit(self.exercise))
        for button in (self.export, self.remove):
            line.addWidget(button)
        return line

    def _links(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(14, 0, 14, 2)
        self.file = link_button("Add from a file…", "An exercise somebody has handed you")
        self.file.setObjectName("openExercise")
        self.file.clicked.connect(lambda _checked: self.file_asked.emit())
        self.make = link_button("Make an exercise…", "Of the open case, with the open plan as the reference")
        self.make.setObjectName("makeExercise")
        self.make.clicked.connect(lambda _checked: self.making_asked.emit())
        line.addWidget(self.make)
        line.addStretch(1)
        line.addWidget(self.file)
        return line

    @property
    def exercise(self) -> Exercise | None:
        """The chosen one."""
        return next((e for e in self.exercises if e.id == self._chosen), None)

    def show_exercises(
        self, exercises: tuple[Exercise, ...], own: frozenset[str], troubles: tuple[PlannerError, ...]
    ) -> None:
        """List exercises, and say which files were left out."""
        self.exercises, self._own = exercises, own
        if self.exercise is None:
            self._chosen = exercises[0].id if exercises else ""
        self._troubles.setText("\n".join(f"{t.what} {t.thing}" for t in troubles))
        show(self._troubles, bool(troubles))
        self._fill()

    def show_best(self, best: Best) -> None:
        """Write the best score of who practises beside each."""
        if best != self._best:
            self._best = best
            self._fill()

    def show_case(self, case_id: str, whose: str) -> None:
        """Which case is open, and who practises; empty where none is."""
        if (case_id, whose) != (self._case_id, self._whose):
            self._case_id, self._whose = case_id, whose
            self._show_chosen()

    def choose(self, id: str) -> None:
        """Choose an exercise."""
        self._chosen = id
        self._fill()

    def restyle(self) -> None:
        """Write what has colours of the theme."""
        self._fill()

    def _fill(self) -> None:
        clear_layout(self._rows)
        for exercise in self.exercises:
            self._rows.addWidget(self._row(exercise))
        self._show_chosen()

    def _row(self, exercise: Exercise) -> Row:
        row = Row(f"Exercise {exercise.title}")
        row.setProperty("exercise", exercise.id)
        row.set_selected(exercise.id == self._chosen)
        row.line.addWidget(Elided(exercise.title), 1)
        row.line.addWidget(dim_label(exercise.level + (" · yours" if exercise.id in self._own else "")))
        points, is_passed = self._best.get(exercise.id, (None, False))
        mark = QLabel("–" if points is None else f"{'✓' if is_passed else '✕'} {points:.0f}")
        mark.setMinimumWidth(34)
        mark.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if points is not None:
            mark.setStyleSheet(f"color: {sign_color('✓' if is_passed else '▲')};")
        mark.setToolTip(
            "Not tried yet"
            if points is None
            else f"Best: {points:.1f} points, {'' if is_passed else 'not '}passed"
        )
        row.line.addWidget(mark)
        row.clicked.connect(lambda: self.choose(exercise.id))
        return row

    def _show_chosen(self) -> None:
        exercise = self.exercise
        show(self._card, exercise is not None)
        if exercise is None:
            return
        self._title.setText(exercise.title)
        self._skills.setText(skill_words(exercise))
        self._task.setText(exercise.task)
        self._conditions.setText("\n".join(f"· {w}" for w in condition_words(exercise)))
        is_there = exercise.case.id == self._case_id
        self.start.setText("Start" if is_there else "Open its case")
        why = "" if is_there else f"It is on the case '{exercise.case.title}'."
        if is_there and not self._whose:
            why = "Choose above who practises."
        self.start.setEnabled(not is_there or bool(self._whose))
        self._why.setText(why)
        show(self._why, bool(why))
        show(self.remove, exercise.id in self._own)

    def _ask_start(self) -> None:
        exercise = self.exercise
        if exercise is not None:
            ask = self.begin_asked if exercise.case.id == self._case_id else self.case_asked
            ask.emit(exercise)
