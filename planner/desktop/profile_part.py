"""Who practises: choosing a profile, and making, renaming, deleting and exporting it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.attempt_words import counted, in_words
from planner.desktop.messages import ask
from planner.desktop.own_jobs import OwnJobs
from planner.desktop.pieces import dim_label, heading, inset, link_button, show
from planner.desktop.profile_name_dialog import ProfileNameDialog
from planner.io.writing import write_atomically
from planner.practice.attempt_file import AttemptFile
from planner.practice.attempt_table import export_csv
from planner.practice.profiles import Profiles

NOBODY = (
    "Nobody has practised here yet. Attempts are kept under a name of your choice, on this machine: make one"
    " to begin."
)
CHOOSE = "Choose who practises"
DELETE, KEEP = "Delete for good", "Keep it"
Answer = TypeVar("Answer")


class ProfilePart(QWidget):
    """A list of names, a button for a new one, and a menu for the one that is chosen.

    Parameters
    ----------
    profiles
        Where they are kept.
    """

    chosen = Signal(str)
    trouble = Signal(object)

    def __init__(self, profiles: Profiles) -> None:
        super().__init__()
        self.setObjectName("profilePart")
        self.profiles = profiles
        self._name = ""
        self._jobs = OwnJobs(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(heading("Who practises"))
        self.nobody = _words("nobodyPractised")
        self.nobody.setText(NOBODY)
        column.addWidget(self.nobody)
        column.addLayout(self._line())
        self.wrong = _words("profileTrouble")
        self.wrong.setProperty("amber", True)
        column.addWidget(self.wrong)
        self.again = link_button("Try again", "Look at the folder of profiles anew")
        self.again.setObjectName("profilesAgain")
        self.again.clicked.connect(lambda _checked: self.refresh())
        self._again = inset(self.again)
        column.addWidget(self._again)
        self.state = dim_label(wraps=True)
        self.state.setObjectName("profileState")
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.state.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self.state)
        self._say("")
        self.refresh()

    def _line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        self.box = QComboBox()
        self.box.setObjectName("profiles")
        self.box.setAccessibleName("Who practises")
        self.box.setToolTip("Attempts are kept under this name")
        self.box.setPlaceholderText(CHOOSE)
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.box.activated.connect(lambda n: self.choose(self.box.itemText(n)))
        self.new = QPushButton("New…")
        self.new.setObjectName("newProfile")
        self.new.clicked.connect(lambda _checked: self.ask_new())
        self.more = QPushButton("⋯")
        self.more.setObjectName("profileMenu")
        self.more.setAccessibleName("More for this profile")
        menu = QMenu(self.more)
        menu.setToolTipsVisible(True)
        for words, name, tip, run in (
            ("Rename…", "renameProfile", "Its attempts come along", self.ask_rename),
            ("Export attempts…", "exportAttempts", "A file for a teacher", self._ask_export),
            ("Export table…", "exportTable", "A table of all attempts for a spreadsheet", self._ask_table),
            ("Delete…", "deleteProfile", "With all its attempts", self.ask_delete),
        ):
            action = menu.addAction(words, run)
            action.setObjectName(name)
            action.setToolTip(tip)
        self.more.setMenu(menu)
        line.addWidget(self.box, 1)
        line.addWidget(self.new)
        line.addWidget(self.more)
        self._stretch = QWidget()
        line.addWidget(self._stretch, 1)
        return line

    # choosing ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The profile that is chosen; empty where none is."""
        return self._name

    @property
    def is_busy(self) -> bool:
        """Whether attempts are being read or written."""
        return self._jobs.is_running

    def choose(self, name: str) -> None:
        """Choose a profile; none where there is no such one."""
        index = self.box.findText(name, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchCaseSensitive)
        name = name if index >= 0 else ""
        with QSignalBlocker(self.box):
            self.box.setCurrentIndex(index)
        self.more.setEnabled(bool(name))
        self.more.setToolTip("Rename, export, delete" if name else "Choose who practises first.")
        if name != self._name:
            self._name = name
            self._say("")
            self.chosen.emit(name)

    def refresh(self) -> None:
        """Look at the folder anew, and say where nothing can be kept in it."""
        names: tuple[str, ...] = ()
        wrong = _closed(self.profiles.folder)
        try:
            names = self.profiles.names()
        except PlannerError as error:
            wrong = f"{in_words(error)} Attempts cannot be kept until then."
        with QSignalBlocker(self.box):
            self.box.clear()
            self.box.addItems(list(names))
        self.wrong.setText(wrong)
        self.new.setEnabled(not wrong)
        self.new.setToolTip("Profiles cannot be kept; see below." if wrong else "Practise under another name")
        for widget, is_shown in (
            (self.wrong, bool(wrong)),
            (self._again, bool(wrong)),
            (self.nobody, not names and not wrong),
            (self.box, bool(names)),
            (self.more, bool(names)),
            (self._stretch, not names),
        ):
            show(widget, is_shown)
        self.choose(self._name)

    # changing ------------------------------------------------------------------------------

    def ask_new(self) -> None:
        """Ask the name of a new profile, and choose it."""
        self._ask_name("New profile", "", self._create)

    def ask_rename(self) -> None:
        """Ask another name for the profile that is chosen."""
        self._ask_name(f"Rename {self._name}", self._name, self._rename)

    def _ask_name(self, title: str, name: str, keep: Callable[[str], None]) -> None:
        ProfileNameDialog(title, name, keep, self.window()).open()

    def _create(self, text: str) -> None:
        self._taken(self.profiles.create(text))

    def _rename(self, text: str) -> None:
        self._taken(self.profiles.rename(self._name, text))

    def _taken(self, name: str) -> None:
        self.refresh()
        self.choose(name)

    def ask_delete(self) -> None:
        """Say how many attempts go with the profile, and delete it where that is meant."""
        name = self._name

        def count(_task: Task) -> AttemptFile | PlannerError:
            try:
                return self.profiles.attempts(name)
            except PlannerError as error:
                return error

        self._start(count, lambda found: self._confirm(name, found))

    def _confirm(self, name: str, found: AttemptFile | PlannerError) -> None:
        if ask(self.window(), f"Delete the profile '{name}'?", _lost_words(found), (DELETE, KEEP)) != DELETE:
            return
        try:
            self.profiles.delete(name)
        except PlannerError as error:
            self.trouble.emit(error)
        self.refresh()

    # exporting -----------------------------------------------------------------------------

    def _ask_export(self) -> None:
        path = self._ask_path("Export attempts for a teacher", "attempts.jsonl", "Attempts (*.jsonl)")
        if path is not None:
            self.export_attempts(path)

    def _ask_table(self) -> None:
        path = self._ask_path("Export a table of attempts", "attempts.csv", "Tables (*.csv)")
        if path is not None:
            self.export_table(path)

    def _ask_path(self, title: str, ending: str, kinds: str) -> Path | None:
        found, _ = QFileDialog.getSaveFileName(self, title, f"{self._name}-{ending}", kinds)
        return Path(found) if found else None

    def export_attempts(self, path: Path) -> None:
        """Write the attempts of the profile that is chosen to a file for a teacher."""
        name = self._name

        def work(_task: Task) -> str:
            count = self.profiles.export_file(name, path)
            return _exported(count, path, self.profiles.attempts(name))

        self._start(work, self._say)

    def export_table(self, path: Path) -> None:
        """Write the attempts of the profile that is chosen as a table."""
        name = self._name

        def work(_task: Task) -> str:
            found = self.profiles.attempts(name)
            write_atomically(path, export_csv(found.attempts).encode())
            return _exported(len(found.attempts), path, found)

        self._start(work, self._say)

    def _start(self, work: Callable[[Task], Answer], on_done: Callable[[Answer], None]) -> None:
        self._say("Reading the attempts…")

        def done(answer: Answer) -> None:
            self._say("")
            on_done(answer)

        def failed(error: PlannerError) -> None:
            self._say("")
            self.trouble.emit(error)

        self._jobs.start("profile", "Reading the attempts", work, done, failed, needs_numerics=False)

    def _say(self, words: str) -> None:
        self.state.setText(words)
        show(self.state, bool(words))


def _closed(folder: Path) -> str:
    """What to do where nothing can be kept in a folder, or made where it is not there; empty where it can."""
    there = next((p for p in (folder, *folder.parents) if p.exists()), folder)
    if not there.is_dir() or os.access(there, os.W_OK | os.X_OK):
        return ""
    return (
        f"Attempts cannot be kept: nothing may be written to {there}."
        " Ask whoever looks after this machine to let you write there, then try again."
    )


def _lost_words(found: AttemptFile | PlannerError) -> str:
    """What goes with a profile."""
    if isinstance(found, PlannerError):
        return f"How many attempts go with it is not known. {in_words(found)} This cannot be undone."
    lines = len(found.troubles)
    words = counted(len(found.attempts), "attempt")
    words += f" and {counted(lines, 'line')} that cannot be read" if lines else ""
    verb = "goes" if len(found.attempts) + lines == 1 else "go"
    return f"{words} {verb} with it. This cannot be undone."


def _exported(count: int, path: Path, found: AttemptFile) -> str:
    """What was written, and what was not."""
    words = f"{counted(count, 'attempt')} exported to {path}."
    lines = len(found.troubles)
    return f"{words} {counted(lines, 'line')} of the profile's file could not be read." if lines else words


def _words(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setContentsMargins(14, 0, 14, 2)
    return label
