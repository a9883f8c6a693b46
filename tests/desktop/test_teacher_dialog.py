"""The teacher's page: files are put together, who struggles with what is seen, and nothing wrong is swallowed."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QMessageBox, QPushButton

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "practice"))
from made_attempts import PERFECT, attempt

from planner.desktop.application import make_application
from planner.desktop.course_tables import DEEPEST_SHADE, CourseTable
from planner.desktop.teacher_dialog import CURVE_OF, NONE_READ, NOTHING, TeacherDialog
from planner.practice.attempt_file import write_attempts
from planner.practice.attempts import Attempt
from planner.practice.exercise import SKILLS

pytestmark = [pytest.mark.window]

CROSSES = replace(PERFECT, stops=("path_crosses_vessel",))
WARNED = replace(PERFECT, warnings=("path_crosses_bone",))


def class_files(folder: Path) -> list[Path]:
    """Anna passes all; Ben's paths are stopped; Carla has two attempts only."""

    def path_attempts(name: str, first: int, *measured: object) -> list[Attempt]:
        return [
            attempt(first + n, m, profile=name, exercise="rib", level="moderate", skills=("path",))  # type: ignore[arg-type]
            for n, m in enumerate(measured)
        ]

    def central(name: str, first: int, count: int) -> list[Attempt]:
        return [attempt(first + n, profile=name) for n in range(count)]

    made = {
        "anna": central("Anna", 0, 3) + path_attempts("Anna", 10, PERFECT, PERFECT, WARNED),
        "ben": central("Ben", 20, 3) + path_attempts("Ben", 30, CROSSES, CROSSES, CROSSES),
        "carla": central("Carla", 40, 2),
    }
    for name, attempts in made.items():
        write_attempts(folder / f"{name}.jsonl", attempts)
    return [folder / f"{name}.jsonl" for name in made]


def wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(6000):
        if is_so():
            return
        QTest.qWait(10)
    raise AssertionError("it did not come")


@pytest.fixture
def dialog(qapp: object) -> Iterator[TeacherDialog]:
    make_application()
    found = TeacherDialog()
    found.show()
    yield found
    wait_until(lambda: not found.is_busy)
    found.close()
    found.deleteLater()


def add(dialog: TeacherDialog, *paths: Path) -> None:
    dialog.add_files(paths)
    wait_until(lambda: not dialog.is_busy)


def cells(table: CourseTable) -> list[list[str]]:
    found = []
    for row in range(table.rowCount()):
        items = [table.item(row, column) for column in range(table.columnCount())]
        found.append([item.text() if item is not None else "" for item in items])
    return found


def test_it_says_what_to_do_first_and_fits_a_small_screen(dialog: TeacherDialog) -> None:
    assert dialog.nothing.text() == NOTHING
    assert dialog.nothing.isVisible()
    assert not dialog.skills.isVisible()
    assert not dialog.export.isEnabled()
    assert dialog.export.toolTip() == "Add files first."
    assert not dialog.isModal()
    assert dialog.width() <= 1280
    assert dialog.height() <= 760
    assert dialog.minimumSizeHint().width() <= dialog.width()
    assert dialog.minimumSizeHint().height() <= dialog.height()


def test_who_struggles_with_what(dialog: TeacherDialog, tmp_path: Path) -> None:
    add(dialog, *class_files(tmp_path))
    assert not dialog.nothing.isVisible()
    column = 2 + list(SKILLS).index("path")
    rows = cells(dialog.skills)
    assert [(r[0], r[1]) for r in rows] == [("Anna", "6"), ("Ben", "6"), ("Carla", "2")]
    assert [r[2] for r in rows] == ["100", "100", "100"]
    assert float(rows[0][column]) > 90 > float(rows[1][column])
    assert [r[column] for r in rows][2] == "–"
    assert rows[1][-1] == "Find a path that hurts nothing"
    assert rows[2][-1] == "–"
    ben, few = dialog.skills.item(1, column), dialog.skills.item(2, 2)
    assert ben is not None
    assert few is not None
    assert ben.font().bold()
    assert ben.background().color().alpha() == pytest.approx(
        DEEPEST_SHADE * (1 - float(rows[1][column]) / 100), abs=1.0
    )
    assert few.background().style() == Qt.BrushStyle.NoBrush, "two attempts rank nothing"
    assert "3 are needed" in few.toolTip()


def test_exercises_and_hazards(dialog: TeacherDialog, tmp_path: Path) -> None:
    add(dialog, *class_files(tmp_path))
    assert cells(dialog.rates) == [
        ["Rib", "moderate", "1 of 2 (50 %)", "3 of 6"],
        ["Central-2Cm", "easy", "3 of 3 (100 %)", "8 of 8"],
    ]
    assert cells(dialog.hazards) == [["Path crosses vessel", "3", "3", "Ben"]]
    assert not dialog.no_hazard.isVisible()
    dialog.remove(tmp_path / "ben.jsonl")
    wait_until(lambda: not dialog.is_busy)
    assert dialog.no_hazard.isVisible(), "one warning is not common"
    assert not dialog.hazards.isVisible()


def test_a_persons_curve_is_seen(dialog: TeacherDialog, tmp_path: Path) -> None:
    add(dialog, *class_files(tmp_path)[:2])
    assert dialog.person.text() == f"{CURVE_OF}Anna"
    QTest.mouseClick(
        dialog.skills.viewport(),
        Qt.MouseButton.LeftButton,
        pos=dialog.skills.visualItemRect(dialog.skills.item(1, 0)).center(),
    )
    assert dialog.person.text() == f"{CURVE_OF}Ben"
    assert [p.is_passed for p in dialog.chart.points] == [True, True, True, False, False, False]
    add(dialog, class_files(tmp_path)[2])
    assert dialog.skills.chosen == "Ben", "who was looked at stays so"
    dialog.remove(tmp_path / "ben.jsonl")
    wait_until(lambda: not dialog.is_busy)
    assert dialog.skills.chosen == "Anna"
    assert dialog.person.text() == f"{CURVE_OF}Anna"


def test_files_with_troubles_are_told_and_the_others_count(dialog: TeacherDialog, tmp_path: Path) -> None:
    good = class_files(tmp_path)[0]
    good.write_bytes(good.read_bytes() + b"{}\n" * 4)
    notes, empty, gone = tmp_path / "notes.txt", tmp_path / "empty.jsonl", tmp_path / "gone.jsonl"
    notes.write_text("Dear teacher")
    empty.write_bytes(b"")
    add(dialog, good, notes, empty, gone)
    told = {label.objectName(): label.text() for label in dialog.files.findChildren(QLabel)}
    assert told["holds_0"] == "6 attempts"
    assert told["wrong_0"].endswith("2 more lines could not be read.")
    assert "anna.jsonl, line 7" in told["wrong_0"]
    assert "exported in practice" in told["wrong_1"]
    assert told["wrong_2"].startswith("The file holds no attempt.")
    assert told["wrong_3"].startswith("The file of attempts cannot be read.")
    assert dialog.skills.people == ("Anna",)


def test_files_that_all_cannot_be_read_are_said(dialog: TeacherDialog, tmp_path: Path) -> None:
    add(dialog, tmp_path / "gone.jsonl")
    assert dialog.nothing.text() == NONE_READ
    assert dialog.nothing.isVisible()
    remove = dialog.files.findChild(QPushButton, "removeFile_0")
    assert remove is not None
    QTest.mouseClick(remove, Qt.MouseButton.LeftButton)
    wait_until(lambda: not dialog.is_busy)
    assert dialog.nothing.text() == NOTHING
    assert dialog.paths == []


def test_files_are_chosen_several_at_once_and_the_folder_is_kept(
    dialog: TeacherDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = class_files(tmp_path)
    starts: list[str] = []

    def ask_paths(_parent: object, _title: str, start: str, _kinds: str) -> tuple[list[str], str]:
        starts.append(start)
        return [str(p) for p in paths], ""

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", ask_paths)
    for _ in range(2):
        QTest.mouseClick(dialog.add, Qt.MouseButton.LeftButton)
        wait_until(lambda: not dialog.is_busy)
    assert starts == ["", str(tmp_path)]
    assert dialog.last_folder == tmp_path
    assert dialog.paths == paths, "the same files stand there once"
    assert sum(len(p.attempts) for p in dialog.read.course.people) == 14


def test_a_file_that_was_exported_anew_is_read_anew(dialog: TeacherDialog, tmp_path: Path) -> None:
    path = tmp_path / "anna.jsonl"
    write_attempts(path, [attempt(0)])
    add(dialog, path)
    write_attempts(path, [attempt(0), attempt(1)])
    add(dialog, path)
    assert cells(dialog.skills)[0][1] == "2"


def test_files_are_dropped(dialog: TeacherDialog, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(p)) for p in class_files(tmp_path)])
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(600, 300), Qt.DropAction.CopyAction, data, left, none)
    dialog.dragEnterEvent(enter)
    assert enter.isAccepted()
    dialog.dropEvent(QDropEvent(QPoint(600, 300), Qt.DropAction.CopyAction, data, left, none))
    wait_until(lambda: not dialog.is_busy and bool(dialog.read.files))
    assert dialog.skills.people == ("Anna", "Ben", "Carla")
    words = QMimeData()
    words.setText("not a file")
    refused = QDragEnterEvent(QPoint(600, 300), Qt.DropAction.CopyAction, words, left, none)
    refused.ignore()
    dialog.dragEnterEvent(refused)
    assert not refused.isAccepted()


def test_one_name_in_two_files_is_two_people(dialog: TeacherDialog, tmp_path: Path) -> None:
    write_attempts(tmp_path / "a.jsonl", [attempt(0, profile="Kim")])
    write_attempts(tmp_path / "b.jsonl", [attempt(1, profile="Kim")])
    add(dialog, tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert dialog.skills.people == ("Kim (a.jsonl)", "Kim (b.jsonl)")
    item = dialog.skills.item(0, 0)
    assert item is not None
    assert "a.jsonl" in item.toolTip()


def test_all_attempts_are_exported_as_a_table(
    dialog: TeacherDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(dialog, *class_files(tmp_path))
    path = tmp_path / "out.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(path), ""))
    QTest.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    wait_until(lambda: path.exists() and not dialog.is_busy)
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))
    assert [r["profile"] for r in rows] == ["Anna"] * 6 + ["Ben"] * 6 + ["Carla"] * 2
    assert dialog.state.text() == f"14 attempts exported to {path}."
    dialog.export_table(tmp_path / "no such folder" / "out.csv")
    wait_until(lambda: not dialog.is_busy)
    box = dialog.findChild(QMessageBox, "errorBox")
    assert box is not None
    assert box.text() == "The file could not be written."
    box.close()
