"""The files of a course as a list: what each holds, and in words what of it could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from planner.base.errors import InputRefused
from planner.base.task import Task
from planner.desktop.attempt_words import counted, in_words
from planner.desktop.pieces import Elided, clear_layout, dim_label, link_button, page, scrolled
from planner.practice.attempt_file import AttemptFile
from planner.practice.teaching import (
    CommonHazard,
    Course,
    PassRate,
    SkillRow,
    common_hazards,
    merged,
    pass_rates,
    read_export,
    skill_table,
)

#: Troubles of a file said in full; of more only the number is.
SHOWN_TROUBLES = 2
#: What a file holds, or why it could not be read.
Read = AttemptFile | InputRefused


@dataclass(frozen=True)
class CourseRead:
    """Files as read, and what they tell together.

    Parameters
    ----------
    files
        By path, in the order they were added.
    course, skills, rates, hazards
        Of all that could be read.
    """

    files: Mapping[Path, Read]
    course: Course
    skills: tuple[SkillRow, ...]
    rates: tuple[PassRate, ...]
    hazards: tuple[CommonHazard, ...]

    @classmethod
    def of(cls, files: Mapping[Path, Read]) -> CourseRead:
        """What files tell together."""
        course = merged([f for f in files.values() if isinstance(f, AttemptFile)])
        return cls(dict(files), course, skill_table(course), pass_rates(course), common_hazards(course))


def read_files(known: Mapping[Path, Read], wanted: list[Path], task: Task) -> CourseRead:
    """Read what is wanted and not known yet; a file that cannot be read costs no other."""
    files: dict[Path, Read] = {}
    for n, path in enumerate(wanted):
        task.report(n / len(wanted), f"Reading {n + 1} of {len(wanted)}: {path.name}")
        if path in known:
            files[path] = known[path]
            continue
        try:
            files[path] = read_export(path)
        except InputRefused as error:
            files[path] = error
    task.report(1.0, "Putting them together")
    return CourseRead.of(files)


class CourseFiles(QWidget):
    """A list of files that takes more by drag and drop."""

    dropped = Signal(object)
    removed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("courseFiles")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        body, rows = page()
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        rows.addLayout(self._rows)
        rows.addStretch(1)
        column.addWidget(scrolled(body))
        self.show_files({})

    def show_files(self, files: Mapping[Path, Read]) -> None:
        """Show what was read of each."""
        clear_layout(self._rows)
        if not files:
            none = dim_label("No file yet. Add files, or drop them here.", wraps=True)
            none.setContentsMargins(12, 4, 12, 4)
            self._rows.addWidget(none)
        for n, (path, found) in enumerate(files.items()):
            self._rows.addWidget(self._row(n, path, found))

    def _row(self, number: int, path: Path, found: Read) -> QWidget:
        row = QWidget()
        row.setObjectName(f"courseFile_{number}")
        column = QVBoxLayout(row)
        column.setContentsMargins(12, 2, 12, 2)
        column.setSpacing(1)
        line = QHBoxLayout()
        name = Elided(path.name)
        name.setTextFormat(Qt.TextFormat.PlainText)
        name.setAccessibleName(str(path))
        remove = link_button("Remove", f"Leave {path.name} out")
        remove.setObjectName(f"removeFile_{number}")
        remove.clicked.connect(lambda _checked: self.removed.emit(path))
        line.addWidget(name, 1)
        line.addWidget(remove)
        column.addLayout(line)
        holds, wrong = _words(found)
        for words, is_amber in ((holds, False), (wrong, True)):
            label = QLabel(words)
            label.setObjectName(f"{'wrong' if is_amber else 'holds'}_{number}")
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setProperty("amber" if is_amber else "dim", True)
            if words:
                column.addWidget(label)
        return row


def local_paths(event: QDropEvent) -> list[Path]:
    """Files of this machine that are dragged."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]


def _words(found: Read) -> tuple[str, str]:
    """What a file holds, and what is wrong with it."""
    if isinstance(found, InputRefused):
        return "", in_words(found)
    people = len({a.profile for a in found.attempts})
    holds = f"{counted(len(found.attempts), 'attempt')}"
    holds += "" if people == 1 else f" of {people} people"
    lines = [in_words(t) for t in found.troubles[:SHOWN_TROUBLES]]
    more = len(found.troubles) - len(lines)
    if more:
        lines.append(f"{counted(more, 'more line')} could not be read.")
    return holds, "\n".join(lines)
