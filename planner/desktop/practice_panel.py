"""The right panel of the mode Practice: exercises to choose, the attempt, what it came to, and progress."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from planner.base.errors import PlannerError
from planner.desktop.attempt_part import AttemptPart
from planner.desktop.exercise_choice import ExerciseChoice
from planner.desktop.pieces import card, dim_label, inset, link_button, page, scrolled, show
from planner.desktop.profile_part import ProfilePart
from planner.desktop.progress_part import ProgressPart
from planner.desktop.reveal_part import RevealPart
from planner.desktop.step_bar import StepBar
from planner.desktop.theme import shown_theme
from planner.practice.condition_words import clock_words
from planner.practice.current_attempt import CurrentAttempt
from planner.practice.exercise import Exercise
from planner.session.actions import Workbench
from planner.session.practising import Stage

PAGES = (
    ("exercises", "Exercises", "Choose one and try it"),
    ("progress", "Progress", "Your attempts, your skills, and what fits next"),
)


class PracticePanel(QWidget):
    """Shows the stage the practice is in.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    place_asked = Signal(object)
    trouble = Signal(object)
    resume_asked = Signal()
    discard_asked = Signal()
    teacher_asked = Signal()

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = shown_theme()
        self.setObjectName("sidePanel")
        self.bench = bench
        self.exercises: tuple[Exercise, ...] = ()
        profiles = bench.practising.profiles
        self.profile = ProfilePart(profiles)
        self.choice = ExerciseChoice()
        self.progress = ProgressPart(profiles, lambda: self.exercises)
        self.attempt = AttemptPart(bench)
        self.reveal = RevealPart()
        for part in (self.profile, self.progress, self.attempt):
            part.trouble.connect(self.trouble)
        self.reveal.place_asked.connect(self.place_asked)
        self.stack = QStackedWidget()
        self._choose = self._choose_page()
        for widget in (self._choose, self.attempt, self.reveal):
            self.stack.addWidget(widget)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 4, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.stack, 1)

    def _choose_page(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 14, 0)
        self.pages = StepBar(PAGES)
        line.addWidget(self.pages, 1)
        teacher = link_button(
            "For teachers…", "Put files of several people together: who struggles with what"
        )
        teacher.setObjectName("teacherPage")
        teacher.clicked.connect(lambda _checked: self.teacher_asked.emit())
        line.addWidget(teacher)
        column.addLayout(line)
        column.addWidget(self.profile)
        column.addWidget(self._unfinished_card())
        exercises, inner = page()
        inner.addWidget(self.choice)
        inner.addStretch(1)
        progress, inner = page()
        inner.addWidget(self.progress)
        inner.addStretch(1)
        self.lists = QStackedWidget()
        for body in (exercises, progress):
            self.lists.addWidget(scrolled(body))
        self.pages.chosen.connect(self.lists.setCurrentIndex)
        column.addWidget(self.lists, 1)
        return holder

    def _unfinished_card(self) -> QWidget:
        frame, inner = card()
        self._unfinished_words = QLabel()
        self._unfinished_words.setObjectName("unfinishedAttempt")
        self._unfinished_words.setWordWrap(True)
        inner.addWidget(self._unfinished_words)
        line = QHBoxLayout()
        self.resume, self.discard = QPushButton("Go on"), QPushButton("Give it up")
        for button, name, signal in (
            (self.resume, "resumeAttempt", self.resume_asked),
            (self.discard, "discardAttempt", self.discard_asked),
        ):
            button.setObjectName(name)
            button.setProperty("compact", True)
            button.clicked.connect(lambda _checked, signal=signal: signal.emit())
            line.addWidget(button)
        line.addStretch(1)
        inner.addLayout(line)
        self._why_not_resume = dim_label("", wraps=True)
        inner.addWidget(self._why_not_resume)
        self._unfinished = inset(frame)
        show(self._unfinished, False)
        return self._unfinished

    def show_unfinished(
        self, found: CurrentAttempt | None, error: PlannerError | None, why_not: str = ""
    ) -> None:
        """Offer the attempt that was open when the program ended; or say why its file cannot be read."""
        show(self._unfinished, found is not None or error is not None)
        if error is not None:
            words = f"An attempt was open, and it cannot be read. {error.what} {error.thing}"
        elif found is not None:
            steps = len(found.steps)
            words = (
                f"An attempt is open: {found.title}, by {found.profile}, {steps} step{'' if steps == 1 else 's'},"
                f" {clock_words(found.seconds)}."
            )
        else:
            words = ""
        self._unfinished_words.setText(words)
        self.resume.setEnabled(found is not None and not why_not)
        self._why_not_resume.setText(why_not)
        show(self._why_not_resume, bool(why_not))

    def show_page(self, number: int) -> None:
        """Show one of `PAGES`."""
        self.pages.choose(number)
        self.lists.setCurrentIndex(number)

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._theme is not shown_theme():
            self._theme = shown_theme()
            self.choice.restyle()
            self.attempt.rebuild()
            self.reveal.restyle()

    def refresh(self) -> None:
        """Show the stage as it is now."""
        stage = self.bench.practising.stage
        shown: QWidget = self._choose
        if stage == Stage.REVEALED:
            shown = self.reveal
        elif stage != Stage.CHOOSE:
            shown = self.attempt
            self.attempt.rebuild()
        if self.stack.currentWidget() is not shown:
            self.reveal.replay.stop()
            self.stack.setCurrentWidget(shown)
