"""How somebody's practice goes: learning curve, skills, what to try next, and all attempts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QLabel, QSizePolicy, QVBoxLayout, QWidget

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.attempt_list import AttemptList
from planner.desktop.attempt_words import counted, in_words
from planner.desktop.learning_chart import LearningChart
from planner.desktop.own_jobs import OwnJobs
from planner.desktop.pieces import card, dim_label, heading, inset, link_button, show
from planner.desktop.skill_bars import SkillBars
from planner.practice.attempts import Attempt
from planner.practice.exercise import Exercise
from planner.practice.learning import NextExercise, next_exercise
from planner.practice.profiles import Profiles
from planner.practice.skills import SkillScore, WeakestSkill, in_time, skill_scores, weakest_skill

NOBODY = "Choose who practises, and this shows how it goes."
READING = "Reading the attempts…"
NO_ATTEMPT = "No attempt yet. The first one begins the learning curve."
ALL = "All exercises"
#: Troubles said in full; of more only the number is.
SHOWN_TROUBLES = 3


@dataclass(frozen=True)
class Progress:
    """What is known of somebody's practice.

    Parameters
    ----------
    attempts
        In the order of time.
    exercises
        That can be tried.
    skills, weakest, next
        As far as the attempts tell.
    troubles
        Of lines of the file that could not be read.
    """

    attempts: tuple[Attempt, ...]
    exercises: tuple[Exercise, ...]
    skills: tuple[SkillScore, ...]
    weakest: WeakestSkill
    next: NextExercise
    troubles: tuple[PlannerError, ...] = ()

    @classmethod
    def read(cls, profiles: Profiles, name: str, exercises: tuple[Exercise, ...]) -> Progress:
        """Of a profile, from its file; slow where that is large. Raises what `Profiles.attempts` does."""
        found = profiles.attempts(name)
        attempts = tuple(in_time(found.attempts))
        return cls(
            attempts,
            exercises,
            skill_scores(attempts),
            weakest_skill(attempts),
            next_exercise(exercises, attempts),
            found.troubles,
        )

    @property
    def words(self) -> str:
        """How much was tried, and how much of it is passed."""
        passed = {a.exercise for a in self.attempts if a.score.is_passed}
        done = sum(e.id in passed for e in self.exercises)
        tried = counted(len(self.attempts), "attempt")
        if not self.exercises:
            return f"{tried}; there is no exercise to pass."
        return f"{tried}; {done} of {counted(len(self.exercises), 'exercise')} passed."

    @property
    def tried(self) -> dict[str, str]:
        """Titles of the exercises tried by their ids: those that there are first, in their order."""
        titles = {a.exercise: a.title or a.exercise for a in self.attempts}
        there = {e.id: e.title for e in self.exercises if e.id in titles}
        return {**there, **{id: title for id, title in titles.items() if id not in there}}

    @property
    def trouble_words(self) -> str:
        """What could not be read; empty where all could."""
        if not self.troubles:
            return ""
        lines = [in_words(t) for t in self.troubles[:SHOWN_TROUBLES]]
        more = len(self.troubles) - len(lines)
        if more:
            lines.append(f"{counted(more, 'more line')} could not be read.")
        return "\n".join(lines)


class ProgressPart(QWidget):
    """The progress of the profile that is chosen; its file is read off the window's thread.

    Parameters
    ----------
    profiles
        Where attempts are kept.
    exercises
        Gives those that can be tried.
    """

    attempt_chosen = Signal(object)
    exercise_asked = Signal(str)
    trouble = Signal(object)

    def __init__(self, profiles: Profiles, exercises: Callable[[], tuple[Exercise, ...]]) -> None:
        super().__init__()
        self.setObjectName("progressPart")
        self.profiles, self._exercises = profiles, exercises
        self.name = ""
        self.progress: Progress | None = None
        self._jobs = OwnJobs(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("Progress"))
        self.words = _words("progressWords")
        self.wrong = _words("progressTroubles")
        self.wrong.setProperty("amber", True)
        self.again = link_button("Read again", "Read the profile's file anew")
        self.again.setObjectName("readAgain")
        self.again.clicked.connect(lambda _checked: self.refresh())
        self._again = inset(self.again)
        for widget in (self.words, self.wrong, self._again):
            column.addWidget(widget)
        self._curve, self._skills, self._next = self._curve_side(), self._skill_side(), self._next_side()
        self._rows = self._attempt_side()
        for side in (self._curve, self._next, self._skills, self._rows):
            column.addWidget(side)
        column.addStretch(1)
        self._show()

    # building ------------------------------------------------------------------------------

    def _curve_side(self) -> QWidget:
        side, column = _side()
        self.choice = QComboBox()
        self.choice.setObjectName("progressExercise")
        self.choice.setAccessibleName("Exercise to look at")
        self.choice.setToolTip("Show the attempts at all exercises, or at one of them")
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.choice.activated.connect(lambda _n: self._show_attempts())
        column.addWidget(inset(self.choice))
        self.chart = LearningChart()
        self.chart.attempt_chosen.connect(self._take)
        column.addWidget(inset(self.chart))
        self.versions = dim_label(wraps=True)
        self.versions.setObjectName("scoringChanges")
        self.versions.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self.versions)
        return side

    def _skill_side(self) -> QWidget:
        side, column = _side()
        column.addWidget(heading("Skills"))
        self.bars = SkillBars()
        column.addWidget(self.bars)
        self.weakest = _words("weakestSkill")
        column.addWidget(self.weakest)
        return side

    def _next_side(self) -> QWidget:
        side, column = _side()
        column.addWidget(heading("Next"))
        frame, box = card()
        self.next_title, self.next_reason = QLabel(), dim_label(wraps=True)
        self.next_title.setObjectName("nextExercise")
        self.next_reason.setObjectName("nextReason")
        for label in (self.next_title, self.next_reason):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            box.addWidget(label)
        self.try_it = link_button("Try it", "Begin this exercise")
        self.try_it.setObjectName("tryNext")
        self.try_it.clicked.connect(lambda _checked: self._ask_next())
        box.addWidget(self.try_it)
        column.addWidget(inset(frame))
        return side

    def _attempt_side(self) -> QWidget:
        side, column = _side()
        column.addWidget(heading("Attempts"))
        self.list = AttemptList()
        self.list.attempt_chosen.connect(self._take)
        column.addWidget(inset(self.list))
        return side

    # showing -------------------------------------------------------------------------------

    def show_profile(self, name: str) -> None:
        """Show the progress of a profile; none where the name is empty."""
        if name != self.name:
            self.name, self.progress = name, None
        self.refresh()

    def refresh(self) -> None:
        """Read the profile's file anew; what is shown of it stays until it is read."""
        self._jobs.cancel()
        if not self.name:
            self._show()
            return
        try:
            exercises = self._exercises()
        except PlannerError as error:
            exercises = ()
            self.trouble.emit(error)
        name = self.name
        if self.progress is None:
            self._show(READING)

        def read(_task: Task) -> Progress:
            return Progress.read(self.profiles, name, exercises)

        self._jobs.start("progress", READING, read, self._take_progress, self._fail, needs_numerics=False)

    @property
    def is_reading(self) -> bool:
        """Whether the file is being read."""
        return self._jobs.is_running

    def _take_progress(self, progress: Progress) -> None:
        self.progress = progress
        self._show()

    def _fail(self, error: PlannerError) -> None:
        self.progress = None
        self._show(wrong=in_words(error))

    def _show(self, state: str = NOBODY, wrong: str = "") -> None:
        """Show the progress, or words in its place."""
        progress = self.progress
        if progress is not None:
            state = progress.words if progress.attempts else NO_ATTEMPT
            wrong = progress.trouble_words
        self.words.setText("" if wrong and progress is None else state)
        self.wrong.setText(wrong)
        show(self.words, bool(self.words.text()))
        show(self.wrong, bool(wrong))
        show(self._again, bool(wrong) and progress is None)
        has_attempts = progress is not None and bool(progress.attempts)
        for side in (self._curve, self._skills, self._rows):
            show(side, has_attempts)
        show(self._next, progress is not None)
        if progress is None:
            return
        found = progress.next.exercise
        self.next_title.setText("" if found is None else found.title)
        self.next_reason.setText(progress.next.reason)
        show(self.next_title, found is not None)
        show(self.try_it, found is not None)
        self.bars.show_scores(progress.skills, progress.weakest.skill)
        # Said once: the reason of the next exercise mostly begins with it.
        is_said = progress.weakest.reason in progress.next.reason
        self.weakest.setText("" if is_said else progress.weakest.reason)
        show(self.weakest, not is_said)
        self._offer(progress)
        self._show_attempts()

    def _offer(self, progress: Progress) -> None:
        """The exercises that were tried; the one looked at stays."""
        before = self.choice.currentData()
        with QSignalBlocker(self.choice):
            self.choice.clear()
            self.choice.addItem(ALL, None)
            for id, title in progress.tried.items():
                self.choice.addItem(title, id)
            self.choice.setCurrentIndex(max(0, self.choice.findData(before)) if before else 0)

    def _show_attempts(self) -> None:
        shown: Sequence[Attempt] = () if self.progress is None else self.progress.attempts
        exercise = self.choice.currentData()
        self.chart.show_attempts(shown, exercise)
        self.list.show_attempts(self.chart.attempts)
        self.versions.setText(self.chart.version_words)
        show(self.versions, bool(self.versions.text()))

    def _take(self, attempt: Attempt) -> None:
        self.chart.choose(attempt)
        self.list.choose(attempt)
        self.attempt_chosen.emit(attempt)

    def _ask_next(self) -> None:
        found = None if self.progress is None else self.progress.next.exercise
        if found is not None:
            self.exercise_asked.emit(found.id)


def _side() -> tuple[QWidget, QVBoxLayout]:
    """A section that is shown or hidden as a whole, and its column."""
    side = QWidget()
    column = QVBoxLayout(side)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    return side, column


def _words(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setContentsMargins(14, 0, 14, 2)
    return label
