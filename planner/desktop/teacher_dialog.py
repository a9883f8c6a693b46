"""The teacher's page: files of several trainees put together, and who struggles with what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
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
from planner.desktop.attempt_words import counted
from planner.desktop.course_files import CourseFiles, CourseRead, Read, local_paths, read_files
from planner.desktop.course_tables import HazardTable, PassTable, SkillTable
from planner.desktop.learning_chart import LearningChart
from planner.desktop.messages import show_error
from planner.desktop.own_jobs import OwnJobs
from planner.desktop.pieces import dim_label, heading, inset, show
from planner.io.writing import write_atomically
from planner.practice.attempt_table import export_csv

NOTHING = (
    "Add the files your trainees exported: Practice, the menu ⋯ beside their name, Export attempts…\n"
    "Or drop them here."
)
NONE_READ = "No attempt could be read. What is wrong with the files stands beside them."
NO_HAZARD = "No hazard is in more than one attempt."
CURVE_OF = "LEARNING CURVE OF "
FILES_PX = 270


class TeacherDialog(QDialog):
    """Stays open beside the window; files are read off its thread.

    Parameters
    ----------
    last_folder
        Where files were looked for last; read it again when the dialog is closed.
    """

    def __init__(self, parent: QWidget | None = None, last_folder: Path | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("teacherDialog")
        self.setWindowTitle("Teacher's page")
        self.resize(1220, 740)
        self.setAcceptDrops(True)
        self.last_folder = last_folder
        self.paths: list[Path] = []
        self.read = CourseRead.of({})
        self._jobs = OwnJobs(self)
        self._jobs.progressed.connect(self._progress)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 12, 0)
        line.setSpacing(12)
        line.addWidget(self._file_side(), 0)
        self.nothing = QLabel(NOTHING)
        self.nothing.setObjectName("courseNothing")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setWordWrap(True)
        line.addWidget(self.nothing, 1)
        self._told = self._told_side()
        line.addWidget(self._told, 1)
        self._say("")
        self._refresh()

    # building ------------------------------------------------------------------------------

    def _file_side(self) -> QWidget:
        side = QWidget()
        side.setObjectName("panelBody")
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        side.setFixedWidth(FILES_PX)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 4, 0, 12)
        column.setSpacing(4)
        column.addWidget(heading("Files"))
        self.files = CourseFiles()
        self.files.removed.connect(self.remove)
        column.addWidget(self.files, 1)
        self.state = dim_label(wraps=True)
        self.state.setObjectName("courseState")
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.state.setContentsMargins(12, 0, 12, 0)
        column.addWidget(self.state)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        column.addWidget(self.bar)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(12, 4, 12, 0)
        self.add = QPushButton("Add files…")
        self.add.setObjectName("addCourseFiles")
        self.add.setProperty("primary", True)
        self.add.clicked.connect(lambda _checked: self._ask_files())
        self.export = QPushButton("Export table…")
        self.export.setObjectName("exportCourse")
        self.export.clicked.connect(lambda _checked: self._ask_export())
        for button in (self.add, self.export):
            # Enter in a table must not press it.
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        return side

    def _told_side(self) -> QWidget:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 4, 0, 12)
        column.setSpacing(3)
        column.addWidget(heading("Who struggles with what"))
        self.skills = SkillTable()
        self.skills.person_chosen.connect(self._show_person)
        column.addWidget(self.skills, 3)
        note = "Percent over the last attempts that train the skill; – not tried. The weakest stands in bold."
        column.addWidget(_below(dim_label(note, wraps=True)))
        self.person = heading("")
        self.person.setObjectName("coursePerson")
        self.person.setTextFormat(Qt.TextFormat.PlainText)
        column.addWidget(self.person)
        self.chart = LearningChart()
        column.addWidget(inset(self.chart))
        self.versions = _below(dim_label(wraps=True))
        column.addWidget(self.versions)
        below = QHBoxLayout()
        below.setSpacing(12)
        self.rates, self.hazards = PassTable(), HazardTable()
        self.no_hazard = _below(dim_label(NO_HAZARD, wraps=True))
        self.no_hazard.setObjectName("noHazard")
        for title, parts in (
            ("Exercises and how many pass", (self.rates,)),
            ("Common hazards", (self.no_hazard, self.hazards)),
        ):
            half = QVBoxLayout()
            half.addWidget(heading(title))
            for part in parts:
                half.addWidget(part, int(part is not self.no_hazard))
            half.addStretch(0)
            below.addLayout(half, 1)
        column.addLayout(below, 3)
        return side

    # files ---------------------------------------------------------------------------------

    def _ask_files(self) -> None:
        start = "" if self.last_folder is None else str(self.last_folder)
        names, _ = QFileDialog.getOpenFileNames(
            self, "Files your trainees exported", start, "Attempts (*.jsonl);;All files (*)"
        )
        if names:
            self.add_files([Path(n) for n in names])

    def add_files(self, paths: Sequence[Path]) -> None:
        """Read files and put them to the others; one that is there already is read anew."""
        if not paths:
            return
        self.last_folder = paths[-1].parent
        self.paths = [p for p in self.paths if p not in paths] + list(dict.fromkeys(paths))
        self._start({p: f for p, f in self.read.files.items() if p not in paths})

    def remove(self, path: Path) -> None:
        """Leave a file out."""
        self.paths = [p for p in self.paths if p != path]
        self._start(dict(self.read.files))

    @property
    def is_busy(self) -> bool:
        """Whether files are being read or written."""
        return self._jobs.is_running

    def _start(self, known: dict[Path, Read]) -> None:
        wanted = list(self.paths)
        self._jobs.start(
            "course",
            "Reading the files",
            lambda task: read_files(known, wanted, task),
            self._take,
            self._fail,
            needs_numerics=False,
        )

    def _take(self, read: CourseRead) -> None:
        self.read = read
        self._say("")
        self._refresh()

    def _fail(self, error: PlannerError) -> None:
        self._say("")
        show_error(self, error)

    def _progress(self, share: float, words: str) -> None:
        if self._jobs.is_running:
            self._say(words, share)

    def _say(self, words: str, share: float | None = None) -> None:
        self.state.setText(words)
        self.bar.setValue(round(1000 * (share or 0.0)))
        show(self.state, bool(words))
        show(self.bar, share is not None)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if local_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Add what was dropped."""
        paths = local_paths(event)
        if paths:
            event.acceptProposedAction()
            self.add_files(paths)

    # showing -------------------------------------------------------------------------------

    def _refresh(self) -> None:
        read = self.read
        has_people = bool(read.course.people)
        self.files.show_files(read.files)
        self.nothing.setText(NONE_READ if read.files else NOTHING)
        show(self.nothing, not has_people)
        show(self._told, has_people)
        self.export.setEnabled(has_people)
        self.export.setToolTip("All attempts, for a spreadsheet" if has_people else "Add files first.")
        self.skills.show_course(read.course, read.skills)
        self.rates.show_rates(read.rates)
        self.hazards.show_hazards(read.hazards)
        show(self.hazards, bool(read.hazards))
        show(self.no_hazard, not read.hazards)

    def _show_person(self, label: str) -> None:
        person = next(p for p in self.read.course.people if p.label == label)
        self.person.setText(f"{CURVE_OF}{label}")
        self.chart.show_attempts(person.attempts)
        self.versions.setText(self.chart.version_words)
        show(self.versions, bool(self.versions.text()))

    # exporting -----------------------------------------------------------------------------

    def _ask_export(self) -> None:
        start = "attempts.csv" if self.last_folder is None else str(self.last_folder / "attempts.csv")
        name, _ = QFileDialog.getSaveFileName(self, "Export a table of all attempts", start, "Tables (*.csv)")
        if name:
            self.export_table(Path(name))

    def export_table(self, path: Path) -> None:
        """Write all attempts of all people as a table."""
        attempts = self.read.course.attempts

        def work(_task: Task) -> str:
            write_atomically(path, export_csv(attempts).encode())
            return f"{counted(len(attempts), 'attempt')} exported to {path}."

        self._jobs.start("table", "Writing the table", work, self._say, self._fail, needs_numerics=False)


def _below(label: QLabel) -> QLabel:
    """Words below a heading, where the heading's begin."""
    label.setContentsMargins(14, 0, 14, 2)
    return label
