"""The dialog "Make an exercise": what it proposes, refuses, makes, keeps and hands out."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QWidget,
)
from pytestqt.qtbot import QtBot

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.desktop import exercise_dialog
from planner.desktop.application import make_application
from planner.desktop.exercise_dialog import HONEST, ExerciseDialog
from planner.desktop.jobs import Jobs
from planner.desktop.post import MainThread
from planner.desktop.tick_list import TickList
from planner.model.case import Case, Patient
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.practice.exercise import Exercise
from planner.practice.exercise_file import read_exercise
from planner.practice.exercise_folder import ExerciseFolder

pytestmark = [pytest.mark.window]

THERMAL, QUICK = "thermal_ablation", {"robustness_samples": 0}
GOOD = plan_of(custom_probe((0.0, 100.0, 0.0), size_mm=34.0))
Open = Callable[..., ExerciseDialog]


@pytest.fixture(scope="module")
def case() -> Case:
    made = phantom(
        (4.0, 3.5, 5.0),
        rib=(Role.BONE, (0.0, -85.0, 0.0), 14.0),
        second=(Role.LESION, (0.0, 40.0, 0.0), 7.0),
    )
    return replace(made, patient=Patient(name="Doe^Jane", id="4711"))


@pytest.fixture
def folder(tmp_path: Path) -> ExerciseFolder:
    return ExerciseFolder(tmp_path / "exercises")


@pytest.fixture
def open_dialog(qapp: object, case: Case, folder: ExerciseFolder) -> Iterator[Open]:
    make_application()
    jobs, shown = Jobs(MainThread()), []

    def opened(plan: Plan = GOOD, module: str = THERMAL) -> ExerciseDialog:
        shown.append(ExerciseDialog(case, plan, module, QUICK, folder, jobs))
        shown[-1].show()
        return shown[-1]

    yield opened
    for dialog in shown:
        dialog.close()
        dialog.deleteLater()


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def typed(field: QLineEdit, text: str) -> None:
    field.selectAll()
    QTest.keyClicks(field, text)


def made_by(dialog: ExerciseDialog, qtbot: QtBot) -> Exercise:
    with qtbot.waitSignal(dialog.made, timeout=60_000) as made:
        click(dialog.make_button)
    exercise = made.args[0]
    assert isinstance(exercise, Exercise)
    return exercise


def fault(dialog: ExerciseDialog, name: str) -> str:
    label = dialog.findChild(QLabel, f"draftFault_{name}")
    assert label is not None
    return label.text() if label.isVisibleTo(dialog) else ""


def test_an_exercise_is_made_kept_and_handed_out(
    open_dialog: Open, folder: ExerciseFolder, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = open_dialog()
    assert dialog.form.title.text() == "lesion (20 mm), one needle"
    assert not dialog.save.isEnabled()
    assert dialog.save.toolTip() == "Make the exercise first."
    typed(dialog.form.title, "Cover the ball")
    exercise = made_by(dialog, qtbot)
    assert (exercise.id, exercise.title, dialog.exercise) == ("cover-the-ball", "Cover the ball", exercise)
    assert folder.read().exercise("cover-the-ball") == exercise
    assert "'Cover the ball' is among the exercises now. Hand the case along" in dialog.done_words.text()
    assert dialog.done_words.isVisible()
    assert not dialog.bar.isVisible()
    assert not dialog.make_button.isEnabled()
    assert "as the form says" in dialog.make_button.toolTip()
    dialog.save_file(tmp_path / "out.exercise.json")
    assert read_exercise(tmp_path / "out.exercise.json") == exercise
    assert "out.exercise.json" in dialog.done_words.text()
    dialog.save_file(tmp_path / "nowhere" / "out.exercise.json")
    box = dialog.findChild(QMessageBox, "errorBox")
    assert box is not None
    assert "could not be written" in box.text()
    box.close()


def test_making_it_again_replaces_what_this_dialog_made_and_nothing_else(
    open_dialog: Open, folder: ExerciseFolder, qtbot: QtBot
) -> None:
    first = open_dialog()
    typed(first.form.title, "Ball")
    made_by(first, qtbot)
    second = open_dialog()
    typed(second.form.title, "Ball")
    assert made_by(second, qtbot).id == "ball-2", "another dialog's exercise stays"
    second.form.task.setPlainText("Another task.")
    assert second.make_button.isEnabled()
    assert second.make_button.text() == "Make it again"
    assert not second.done_words.isVisible(), "the form is no longer what was made"
    assert made_by(second, qtbot).task == "Another task."
    assert folder.read().own == {"ball", "ball-2"}
    typed(second.form.title, "Globe")
    made_by(second, qtbot)
    assert folder.read().own == {"ball", "globe"}


def test_what_the_form_asks_is_what_is_made(open_dialog: Open, qtbot: QtBot) -> None:
    form = (dialog := open_dialog()).form
    form.margin.setValue(3.5)
    form.most.setValue(2)
    form.level.setCurrentText("Hard")
    form.views.setCurrentIndex(2)
    form.zone.setChecked(False)
    form.placement.setCurrentText("Freehand under CT")
    form.breath.setValue(6.0)
    form.minutes.setValue(10)
    form.expert_title.setText("Dr. A")
    tick(form.skills, "Keep heat off organs beside the lesion")
    tick(form.hidden, "rib")
    exercise = made_by(dialog, qtbot)
    assert (exercise.margin_mm, exercise.most_instruments, exercise.level) == (3.5, 2, "hard")
    assert exercise.hidden == ("rib",)
    assert "organs" in exercise.skills
    given = exercise.conditions
    assert (given.slices_only, given.axial_only, given.shows_zone) == (True, True, False)
    assert (given.placement, given.breath_mm, given.limit_s) == ("freehand", 6.0, 600.0)
    assert exercise.reference.title == "Dr. A"
    assert exercise.task.endswith("You have 10 minutes.")
    assert "3.5 mm all round" in exercise.task


def tick(ticks: TickList, title: str) -> None:
    item = ticks.findItems(title, Qt.MatchFlag.MatchExactly)[0]
    ticks.scrollToItem(item)
    middle = ticks.visualItemRect(item).center()
    QTest.mouseClick(ticks.viewport(), Qt.MouseButton.LeftButton, pos=middle)


def test_words_follow_what_is_asked_until_they_are_ones_own(open_dialog: Open) -> None:
    form = open_dialog().form
    form.most.setValue(3)
    assert form.title.text() == "lesion (20 mm), three needles"
    assert form.most.text() == "3 needles"
    form.most.setValue(1)
    assert form.most.text() == "1 needle"
    typed(form.title, "Mine")
    form.task.setPlainText("My words.")
    form.lesion.setCurrentText("second")
    assert (form.title.text(), form.task.toPlainText()) == ("Mine", "My words.")


def test_what_is_wrong_stands_at_its_field_and_below(open_dialog: Open) -> None:
    dialog = open_dialog()
    form = dialog.form
    typed(form.title, " ")
    assert fault(dialog, "title") == "An exercise needs a title: it is empty. Enter it."
    assert dialog.trouble.text() == fault(dialog, "title")
    assert not dialog.make_button.isEnabled()
    assert dialog.make_button.toolTip() == fault(dialog, "title")
    typed(form.title, "Mine")
    assert fault(dialog, "title") == ""
    assert not dialog.trouble.isVisible()
    form.lesion.setCurrentText("second")
    assert "treats another lesion too" in fault(dialog, "references")
    assert dialog.trouble.text() == fault(dialog, "references")
    form.expert.setChecked(False)
    assert "cannot be scored" in fault(dialog, "references")
    assert not form.expert_title.isEnabled()
    form.best.setChecked(True)
    assert fault(dialog, "references") == ""
    assert dialog.make_button.isEnabled()
    tick(form.devices, "Zone of a known size")
    assert "one device at least" in fault(dialog, "devices")
    dialog.make()
    assert dialog.stop_button.isHidden(), "nothing is started"


def test_the_lesion_cannot_be_hidden(open_dialog: Open) -> None:
    form = open_dialog().form
    titles = lambda: [form.hidden.item(n).text() for n in range(form.hidden.count())]  # noqa: E731
    assert titles() == ["liver", "skin", "rib", "second"]
    tick(form.hidden, "second")
    tick(form.hidden, "rib")
    form.lesion.setCurrentText("second")
    assert titles() == ["lesion", "liver", "skin", "rib"]
    assert form.draft().hidden == ("rib",)


def test_a_plan_that_stops_is_refused_in_words_and_the_form_stays(
    open_dialog: Open, folder: ExerciseFolder, qtbot: QtBot
) -> None:
    dialog = open_dialog(plan_of(custom_probe(size_mm=34.0)))
    typed(dialog.form.title, "Mine")
    click(dialog.make_button)
    qtbot.waitUntil(lambda: "finding that stops" in dialog.trouble.text(), timeout=30_000)
    assert "rib" in dialog.trouble.text()
    assert dialog.trouble.isVisible()
    assert dialog.form.title.text() == "Mine"
    assert dialog.make_button.isVisible()
    assert dialog.exercise is None
    assert folder.read().own == frozenset()
    dialog.form.most.setValue(2)
    assert not dialog.trouble.isVisible(), "said of another form"


def test_a_folder_that_cannot_be_written_is_said(
    open_dialog: Open, folder: ExerciseFolder, qtbot: QtBot
) -> None:
    folder.folder.write_text("a file where a folder should be")
    dialog = open_dialog()
    click(dialog.make_button)
    qtbot.waitUntil(lambda: "cannot be made" in dialog.trouble.text(), timeout=30_000)
    assert dialog.exercise is None
    assert not dialog.save.isEnabled()


@pytest.mark.parametrize("way", ["stop", "close", "elsewhere"])
def test_it_can_be_stopped(
    open_dialog: Open, folder: ExerciseFolder, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def forever(*given: Any) -> Exercise:
        task = next(g for g in given if isinstance(g, Task))
        try:
            while True:
                task.report(0.25, "Putting the best plan right")
                begun.set()
        finally:
            ended.set()

    monkeypatch.setattr(exercise_dialog, "made_exercise", forever)
    dialog = open_dialog()
    told: list[object] = []
    dialog.made.connect(told.append)
    click(dialog.make_button)
    assert begun.wait(10.0)
    qtbot.waitUntil(lambda: dialog.bar.value() == 250, timeout=10_000)
    assert dialog.bar.isVisible()
    assert not dialog.form.isEnabled()
    assert not dialog.make_button.isVisible()
    if way == "elsewhere":
        dialog._jobs.cancel()
    else:
        click(dialog.stop_button if way == "stop" else dialog.close_button)
    assert ended.wait(10.0)
    qtbot.waitUntil(dialog.form.isEnabled, timeout=10_000)
    assert dialog.isVisible() == (way != "close")
    assert dialog.make_button.isEnabled()
    assert told == []
    assert folder.read().own == frozenset()


def test_a_patients_name_is_warned_of(open_dialog: Open) -> None:
    dialog = open_dialog()
    assert not dialog.privacy.isVisible()
    typed(dialog.form.title, "The lesion of Jane")
    assert dialog.privacy.isVisible()
    assert "The title holds 'Jane'" in dialog.privacy.text()
    assert dialog.make_button.isEnabled(), "a warning"
    assert any(label.text() == HONEST for label in dialog.findChildren(QLabel))


def test_the_wheel_scrolls_and_changes_no_field(open_dialog: Open) -> None:
    dialog = open_dialog()
    before = dialog.form.draft()
    area = dialog.findChild(QScrollArea)
    assert isinstance(area, QScrollArea)
    fields = [*dialog.form.findChildren(QComboBox), *dialog.form.findChildren(QDoubleSpinBox)]
    assert len(fields) == 8
    for field in fields:
        middle = QPointF(field.rect().center())
        turn = QWheelEvent(
            middle, QPointF(field.mapToGlobal(field.rect().center())), QPoint(), QPoint(0, -120),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(field, turn)
    assert dialog.form.draft() == before


def test_lines_are_ticked_by_the_space_bar(open_dialog: Open) -> None:
    ticks = open_dialog().form.skills
    ticks.setCurrentRow(0)
    before = ticks.ticked
    QTest.keyClick(ticks, Qt.Key.Key_Space)
    assert set(ticks.ticked) ^ set(before) == {"centring"}
    QTest.keyClick(ticks, Qt.Key.Key_Space)
    assert ticks.ticked == before


def test_a_file_is_saved_under_its_ending(
    open_dialog: Open, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = open_dialog()
    exercise = made_by(dialog, qtbot)
    asked: list[str] = []

    def name(_parent: object, _title: str, offered: str, _kinds: str) -> tuple[str, str]:
        asked.append(offered)
        return str(tmp_path / "handed"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", name)
    click(dialog.save)
    assert asked == [f"{exercise.id}.exercise.json"]
    path = tmp_path / "handed.exercise.json"
    assert read_exercise(path) == exercise
    path.write_text("somebody's")
    monkeypatch.setattr(exercise_dialog, "ask", lambda *_: "Keep")
    click(dialog.save)
    assert path.read_text() == "somebody's"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    click(dialog.save)


def test_other_treatments_and_an_empty_plan(open_dialog: Open) -> None:
    with pytest.raises(InvalidValue, match="no exercises for this treatment"):
        open_dialog(GOOD, "resection")
    dialog = open_dialog(plan_of(), "electroporation")
    form = dialog.form
    assert (form.expert.isChecked(), form.best.isChecked()) == (False, True)
    assert "several minutes" in form.best.text()
    assert (form.most.minimum(), form.most.value()) == (2, 4)
    form.expert.setChecked(True)
    assert "plan is empty" in fault(dialog, "references")


def test_it_fits_a_small_screen_and_every_control_has_a_name(open_dialog: Open) -> None:
    dialog = open_dialog()
    assert dialog.height() <= 760
    assert dialog.width() <= 1280
    for field in (
        *dialog.form.findChildren(QComboBox),
        *dialog.form.findChildren(QDoubleSpinBox),
        *dialog.form.findChildren(TickList),
        dialog.form.title,
        dialog.form.task,
        dialog.form.zone,
        dialog.form.expert,
        dialog.form.best,
    ):
        assert field.objectName().startswith("draft_")
        assert field.accessibleName(), field.objectName()
        assert field.toolTip(), field.objectName()
    QTest.keyClick(dialog.form.title, Qt.Key.Key_Return)
    assert dialog.isVisible(), "Enter in a field makes and closes nothing"
    assert dialog.stop_button.isHidden()
    for button in dialog.findChildren(QPushButton):
        assert button.objectName()
