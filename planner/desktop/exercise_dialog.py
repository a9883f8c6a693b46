"""Make an exercise: a form over the open plan, the work it takes, and a file to hand around."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.exercise_form import ExerciseForm, in_a_line
from planner.desktop.jobs import Jobs
from planner.desktop.messages import ask, show_error
from planner.desktop.pieces import Elided, dim_label, scrolled, show
from planner.model.assessment import SettingValue
from planner.model.case import Case
from planner.model.plan import Plan
from planner.practice.exercise import Exercise
from planner.practice.exercise_draft import privacy_words
from planner.practice.exercise_file import SUFFIX
from planner.practice.exercise_folder import ExerciseFolder
from planner.practice.exercise_making import made as made_exercise

#: The kind of its job.
MAKE = "make exercise"
HONEST = (
    "The reference is packed so that it is not read at a glance. It is not secret. The exercise speaks of this"
    " case; hand the case along with it."
)


class ExerciseDialog(QDialog):
    """Makes an exercise of an open case and plan, and keeps it among one's own.

    Making it again replaces what this dialog made before.

    Parameters
    ----------
    case, plan
        What is open.
    module_id, settings
        The treatment module that will judge, and its settings where they differ from the defaults.
    folder
        Where it is kept.
    jobs
        Where the work is done.

    Raises
    ------
    InvalidValue
        If no exercise can be made here: there is no lesion, or it is another treatment.
    """

    made = Signal(object)

    def __init__(
        self,
        case: Case,
        plan: Plan,
        module_id: str,
        settings: Mapping[str, SettingValue],
        folder: ExerciseFolder,
        jobs: Jobs,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("exerciseDialog")
        self.setWindowTitle("Make an exercise")
        self.resize(620, 720)
        self._case, self._plan, self._module, self._settings = case, plan, module_id, dict(settings)
        self._folder, self._jobs = folder, jobs
        self._is_making, self._is_changed = False, True
        self.exercise: Exercise | None = None
        self.form = ExerciseForm(case, plan, module_id, settings)
        layout = QVBoxLayout(self)
        layout.addWidget(scrolled(self.form), 1)
        layout.addWidget(dim_label(HONEST, wraps=True))
        self.trouble = self._amber("exerciseTrouble")
        self.privacy = self._amber("exercisePrivacy")
        self.done_words = QLabel()
        self.done_words.setObjectName("exerciseDone")
        self.done_words.setWordWrap(True)
        for label in (self.privacy, self.trouble, self.done_words):
            layout.addWidget(label)
        self._build_progress(layout)
        self._build_buttons(layout)
        self.form.changed.connect(self._edited)
        jobs.progressed.connect(self._progressed)
        self._refresh()

    def _amber(self, name: str) -> QLabel:
        label = QLabel()
        label.setObjectName(name)
        label.setProperty("amber", True)
        label.setWordWrap(True)
        return label

    def _build_progress(self, layout: QVBoxLayout) -> None:
        self._working = QWidget()
        line = QHBoxLayout(self._working)
        line.setContentsMargins(0, 0, 0, 0)
        self.bar = QProgressBar()
        self.bar.setObjectName("exerciseProgress")
        self.bar.setAccessibleName("How far the exercise is made")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(180)
        self._doing = Elided()
        self._doing.setProperty("dim", True)
        line.addWidget(self.bar)
        line.addWidget(self._doing, 1)
        layout.addWidget(self._working)

    def _build_buttons(self, layout: QVBoxLayout) -> None:
        line = QHBoxLayout()
        self.save = QPushButton("&Save to a file…")
        self.save.setObjectName("saveExercise")
        self.save.clicked.connect(lambda _checked: self._ask_path())
        self.close_button = QPushButton("Close")
        self.close_button.setObjectName("closeExercise")
        self.close_button.clicked.connect(lambda _checked: self.reject())
        self.stop_button = QPushButton("Stop")
        self.stop_button.setObjectName("stopExercise")
        self.stop_button.setToolTip("Stop making it; the form stays as it is")
        self.stop_button.clicked.connect(lambda _checked: self.stop())
        self.make_button = QPushButton("Make exercise")
        self.make_button.setObjectName("makeExercise")
        self.make_button.setProperty("primary", True)
        self.make_button.clicked.connect(lambda _checked: self.make())
        line.addWidget(self.save)
        line.addStretch(1)
        for button in (self.close_button, self.stop_button, self.make_button):
            line.addWidget(button)
        for button in (self.save, self.close_button, self.stop_button, self.make_button):
            button.setAutoDefault(False)  # Enter in a field must not make or close anything
        layout.addLayout(line)

    # doing ---------------------------------------------------------------------------------

    def make(self) -> None:
        """Make the exercise of what the form holds; `made` tells when it is kept."""
        if self._is_making or self.form.faults():
            return
        draft, before = self.form.draft(), self.exercise
        case, plan, module, settings, folder = (
            self._case,
            self._plan,
            self._module,
            self._settings,
            self._folder,
        )

        def work(task: Task) -> Exercise:
            own = {before.id} if before is not None else set()
            exercise = made_exercise(draft, case, plan, module, settings, task, folder.read().ids - own)
            task.check()  # stopped at the last moment: nothing is kept
            folder.keep(exercise, replace=exercise.id in own)
            if before is not None and exercise.id not in own and folder.is_own(before.id):
                folder.remove(before.id)
            return exercise

        self._is_making = True
        self.trouble.clear()
        self._progressed(0.0, "Making the exercise")
        self._refresh()
        self._jobs.start(MAKE, "Making the exercise", work, self._made, self._failed, self._stopped)

    def stop(self) -> None:
        """Stop making it; the form stays."""
        if self._is_making:
            self._jobs.cancel(MAKE)
            self._stopped()

    def save_file(self, path: Path) -> None:
        """Write the exercise that was made to a file that can be handed around."""
        if self.exercise is None:
            return
        try:
            self._folder.export(self.exercise, path)
        except PlannerError as error:
            show_error(self, error)
            return
        self.done_words.setText(f"Saved to {path}.{self._along()}")

    def reject(self) -> None:
        """Close; what is being made is stopped, what was made stays."""
        self.stop()
        super().reject()

    def _ask_path(self) -> None:
        if self.exercise is None:
            return
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the exercise", f"{self.exercise.id}{SUFFIX}", f"Exercises (*{SUFFIX})"
        )
        if not name:
            return
        path = Path(name)
        if path.suffix != ".json":
            path = path.with_name(path.name + SUFFIX)
            # The file dialog asked about the name without its ending.
            if (
                path.exists()
                and ask(self, f"Replace {path.name}?", str(path), ("Replace", "Keep")) != "Replace"
            ):
                return
        self.save_file(path)

    # showing -------------------------------------------------------------------------------

    def _made(self, exercise: Exercise) -> None:
        if not self._is_making:
            return
        self._is_making, self._is_changed, self.exercise = False, False, exercise
        self.done_words.setText(f"'{exercise.title}' is among the exercises now.{self._along()}")
        self._refresh()
        self.made.emit(exercise)

    def _stopped(self) -> None:
        self._is_making = False
        self._refresh()

    def _failed(self, error: PlannerError) -> None:
        if not self._is_making:
            return
        self._is_making = False
        self.trouble.setText(in_a_line(error))
        self._refresh()

    def _along(self) -> str:
        is_sample = self.exercise is not None and self.exercise.case.is_sample
        return "" if is_sample else " Hand the case along with it."

    def _edited(self) -> None:
        self._is_changed = True
        self.trouble.clear()
        self._refresh()

    def _progressed(self, fraction: float, text: str) -> None:
        if self._is_making:
            self.bar.setValue(round(1000 * fraction))
            self._doing.set_full(text)

    def _refresh(self) -> None:
        """Say what keeps the exercise from being made, or what was made."""
        wrong = self.form.faults()
        why_not = in_a_line(wrong[0].error) if wrong else ""
        if not why_not and not self._is_changed:
            why_not = "It is made as the form says."
        self.form.setEnabled(not self._is_making)
        self.make_button.setEnabled(not why_not)
        self.make_button.setText("Make exercise" if self.exercise is None else "Make it again")
        again = "Replaces the exercise you have just made" if self.exercise is not None else ""
        self.make_button.setToolTip(why_not or again or "Judge it, and keep it among the exercises")
        self.save.setEnabled(self.exercise is not None and not self._is_making)
        self.save.setToolTip(
            "A file to hand around" if self.exercise is not None else "Make the exercise first."
        )
        if wrong:
            self.trouble.setText(why_not)
        self.privacy.setText(privacy_words(self.form.draft(), self._case))
        show(self.privacy, bool(self.privacy.text()))
        show(self.trouble, bool(self.trouble.text()))
        show(self.done_words, bool(self.done_words.text()) and not self._is_making and not self._is_changed)
        show(self._working, self._is_making)
        show(self.stop_button, self._is_making)
        show(self.make_button, not self._is_making)
