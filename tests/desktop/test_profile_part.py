"""Who practises: chosen, made, renamed, deleted and exported, and what is said where nothing can be kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "practice"))
from made_attempts import attempt

from planner.base.errors import PlannerError
from planner.desktop import profile_part
from planner.desktop.application import make_application
from planner.desktop.profile_name_dialog import ProfileNameDialog
from planner.desktop.profile_part import CHOOSE, DELETE, KEEP, ProfilePart
from planner.practice.attempt_file import read_attempts
from planner.practice.profiles import NAME_HINT, Profiles

pytestmark = [pytest.mark.window]

DAMAGED = b'{"schema": "liver-pl'


def wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(6000):
        if is_so():
            return
        QTest.qWait(10)
    raise AssertionError("it did not come")


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    found = Profiles(tmp_path / "practice")
    for name in ("Ben", "Anna"):
        found.create(name)
    for n in range(3):
        found.add("Anna", attempt(n))
    return found


@pytest.fixture
def parts(qapp: object) -> Iterator[Callable[[Profiles], ProfilePart]]:
    make_application()
    made: list[ProfilePart] = []

    def make(profiles: Profiles) -> ProfilePart:
        part = ProfilePart(profiles)
        part.resize(350, 200)
        part.show()
        made.append(part)
        return part

    yield make
    for part in made:
        wait_until(lambda p=part: not p.is_busy)  # type: ignore[misc]
        part.close()
        part.deleteLater()


@pytest.fixture
def part(parts: Callable[[Profiles], ProfilePart], profiles: Profiles) -> ProfilePart:
    return parts(profiles)


def named(part: ProfilePart) -> ProfileNameDialog:
    found = part.findChild(ProfileNameDialog)
    assert found is not None
    return found


def act(part: ProfilePart, name: str) -> None:
    found = part.findChild(QAction, name)
    assert isinstance(found, QAction)
    found.trigger()


def test_nobody_is_chosen_until_somebody_is(part: ProfilePart) -> None:
    said: list[str] = []
    part.chosen.connect(said.append)
    assert part.name == ""
    assert [part.box.itemText(n) for n in range(part.box.count())] == ["Anna", "Ben"]
    assert part.box.currentText() == ""
    assert part.box.placeholderText() == CHOOSE
    assert not part.more.isEnabled()
    assert part.more.toolTip() == "Choose who practises first."
    QTest.keyClick(part.box, Qt.Key.Key_Down)
    part.box.activated.emit(part.box.currentIndex())
    assert (part.name, said) == ("Anna", ["Anna"])
    assert part.more.isEnabled()
    part.choose("Anna")
    assert said == ["Anna"], "it was chosen already"
    part.choose("Zoe, who is gone")
    assert (part.name, said) == ("", ["Anna", ""])


def test_without_a_profile_the_part_says_what_to_do(
    parts: Callable[[Profiles], ProfilePart], tmp_path: Path
) -> None:
    part = parts(Profiles(tmp_path / "not there yet"))
    assert part.nobody.isVisible()
    assert "make one" in part.nobody.text()
    assert not part.box.isVisible()
    assert not part.more.isVisible()
    assert not part.wrong.isVisible()
    QTest.mouseClick(part.new, Qt.MouseButton.LeftButton)
    dialog = named(part)
    hints = [label.text() for label in dialog.findChildren(QLabel)]
    assert NAME_HINT in hints
    QTest.keyClicks(dialog.field, "  Çelik ")
    QTest.keyClick(dialog.field, Qt.Key.Key_Return)
    assert part.name == "Çelik"
    assert part.profiles.names() == ("Çelik",)
    assert part.box.isVisible()
    assert not part.nobody.isVisible()


def test_a_wrong_name_is_said_while_it_is_typed(part: ProfilePart) -> None:
    part.ask_new()
    dialog = named(part)
    assert not dialog.ok.isEnabled()
    assert not dialog.wrong.isVisible(), "an empty field is not scolded"
    QTest.keyClicks(dialog.field, "a/b")
    assert not dialog.ok.isEnabled()
    assert "holds a character that no file has" in dialog.wrong.text()
    dialog.field.setText("anna")
    assert dialog.ok.isEnabled()
    dialog.accept()
    assert dialog.isVisible()
    assert "There is a profile of this name." in dialog.wrong.text()
    assert part.profiles.names() == ("Anna", "Ben")
    dialog.reject()
    assert part.name == ""


def test_renaming_takes_the_attempts_along(part: ProfilePart) -> None:
    part.choose("Anna")
    said: list[str] = []
    part.chosen.connect(said.append)
    act(part, "renameProfile")
    dialog = named(part)
    assert dialog.field.text() == "Anna"
    dialog.field.setText("Anna B.x")
    dialog.accept()
    assert part.name == "Anna B.x"
    assert said[-1] == "Anna B.x"
    assert len(part.profiles.attempts("Anna B.x").attempts) == 3


def test_deleting_says_what_goes_and_can_be_left(
    part: ProfilePart, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (profiles.folder / "Anna.jsonl").open("ab") as stream:
        stream.write(DAMAGED)
    asked: list[tuple[str, str]] = []
    answers = [KEEP, DELETE]

    def answer(_parent: object, title: str, text: str, choices: tuple[str, ...]) -> str:
        asked.append((title, text))
        assert choices == (DELETE, KEEP), "closing the box keeps it"
        return answers[len(asked) - 1]

    monkeypatch.setattr(profile_part, "ask", answer)
    part.choose("Anna")
    act(part, "deleteProfile")
    wait_until(lambda: len(asked) == 1)
    assert asked[0][0] == "Delete the profile 'Anna'?"
    assert asked[0][1].startswith("3 attempts and 1 line that cannot be read go with it.")
    assert profiles.names() == ("Anna", "Ben")
    assert part.name == "Anna"
    act(part, "deleteProfile")
    wait_until(lambda: len(asked) == 2 and part.name == "")
    assert profiles.names() == ("Ben",)
    assert part.box.currentText() == "", "nobody else's attempts are begun by it"


def test_a_profile_whose_file_cannot_be_read_can_still_be_deleted(
    part: ProfilePart, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    part.choose("Ben")
    (profiles.folder / "Ben.jsonl").unlink()
    (profiles.folder / "Ben.jsonl").mkdir()
    said: list[PlannerError] = []
    part.trouble.connect(said.append)
    monkeypatch.setattr(profile_part, "ask", lambda *a: asked.append(a[2]) or DELETE)
    act(part, "deleteProfile")
    wait_until(lambda: bool(said))
    assert asked[0].startswith("How many attempts go with it is not known.")
    assert said[0].what == "The profile cannot be removed."
    assert part.name == "Ben"


def test_attempts_are_exported_for_a_teacher(
    part: ProfilePart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[str] = []
    path = tmp_path / "out.jsonl"

    def ask_path(_parent: object, _title: str, name: str, _kinds: str) -> tuple[str, str]:
        offered.append(name)
        return str(path), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask_path)
    part.choose("Anna")
    act(part, "exportAttempts")
    wait_until(lambda: path.exists() and not part.is_busy)
    assert offered == ["Anna-attempts.jsonl"]
    assert len(read_attempts(path).attempts) == 3
    assert part.state.text() == f"3 attempts exported to {path}."
    part.choose("Ben")
    assert not part.state.isVisible()


def test_a_table_is_exported_with_what_is_left_out_said(
    part: ProfilePart, profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles.rename("Anna", "Ánna")
    with (profiles.folder / "Ánna.jsonl").open("ab") as stream:
        stream.write(DAMAGED)
    part.refresh()
    part.choose("Ánna")
    path = tmp_path / "out.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(path), ""))
    act(part, "exportTable")
    wait_until(lambda: path.exists() and not part.is_busy)
    rows = path.read_bytes().decode("utf-8").splitlines()
    assert len(rows) == 4
    assert all(row.startswith("Ánna,") for row in rows[1:])
    assert part.state.text().endswith("1 line of the profile's file could not be read.")


def test_an_empty_profile_or_a_closed_folder_does_not_export(part: ProfilePart, tmp_path: Path) -> None:
    said: list[PlannerError] = []
    part.trouble.connect(said.append)
    part.choose("Ben")
    part.export_attempts(tmp_path / "out.jsonl")
    wait_until(lambda: len(said) == 1)
    assert said[0].what == "This profile has no attempt to export."
    assert not part.state.isVisible()
    part.choose("Anna")
    part.export_table(tmp_path / "no such folder" / "out.csv")
    wait_until(lambda: len(said) == 2)
    assert said[1].what == "The file could not be written."


def test_a_folder_that_cannot_be_read_is_said_and_tried_again(
    parts: Callable[[Profiles], ProfilePart], tmp_path: Path
) -> None:
    (tmp_path / "practice").write_text("a file where the folder should be")
    part = parts(Profiles(tmp_path / "practice"))
    assert part.wrong.isVisible()
    assert part.wrong.text().startswith("The folder of profiles cannot be read.")
    assert not part.new.isEnabled()
    assert "cannot be kept" in part.new.toolTip()
    assert not part.nobody.isVisible()
    (tmp_path / "practice").unlink()
    QTest.mouseClick(part.again, Qt.MouseButton.LeftButton)
    assert not part.wrong.isVisible()
    assert part.new.isEnabled()


def test_a_folder_that_cannot_be_written_is_said_and_its_profiles_are_seen(
    part: ProfilePart, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_part.os, "access", lambda path, _mode: path != profiles.folder)
    part.refresh()
    assert part.wrong.isVisible()
    assert f"nothing may be written to {profiles.folder}" in part.wrong.text()
    assert not part.new.isEnabled()
    part.choose("Anna")
    assert part.name == "Anna"


def test_a_profile_that_another_window_deleted_is_chosen_no_more(
    part: ProfilePart, profiles: Profiles
) -> None:
    part.choose("Anna")
    said: list[str] = []
    part.chosen.connect(said.append)
    profiles.delete("Anna")
    part.refresh()
    assert (part.name, said) == ("", [""])


def test_names_are_shown_as_they_are_written(part: ProfilePart, profiles: Profiles) -> None:
    profiles.create("R&D (b)")
    part.refresh()
    part.choose("R&D (b)")
    assert part.name == "R&D (b)"
    profiles.add("R&D (b)", replace(attempt(9), title="x"))
    assert part.box.currentText() == "R&D (b)"
