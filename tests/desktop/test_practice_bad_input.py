"""Practice where something is wrong: said in words, what is right goes on, and an attempt is never lost."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.desktop.application import make_application
from planner.desktop.window import MainWindow
from planner.library.case_folder import create_case_folder
from planner.library.index import LibraryIndex
from planner.model.case import Case
from planner.model.plan import Plan
from planner.practice.current_attempt import UNREADABLE_NAME
from planner.practice.exercise import CaseMark, Conditions, Exercise, Reference
from planner.practice.exercise_file import exercise_document, write_exercise
from planner.practice.profiles import Profiles
from planner.practice.shipped import shipped_exercises
from planner.session.practising import Stage

pytestmark = [pytest.mark.window]


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom((4.0, 4.0, 4.0))


@pytest.fixture
def practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of practice, with a profile."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    folder = tmp_path / "xdg_data_home" / "liver-planner" / "practice"
    Profiles(folder).create("Anna")
    (folder / "exercises").mkdir()
    return folder


def exercise_on(case: Case, **changes: Any) -> Exercise:
    given: dict[str, Any] = {
        "id": "balls",
        "title": "Balls",
        "task": "Cover the ball.",
        "case": CaseMark.of(case),
        "module": "thermal_ablation",
        "lesion": "lesion",
        "devices": ("custom-ellipsoid",),
        "references": (Reference("expert", plan_of(custom_probe((0.0, -100.0, 0.0), size_mm=36.0))),),
    }
    return Exercise(**{**given, **changes})


class Desk:
    """A window on the case in the mode Practice."""

    def __init__(self, window: MainWindow) -> None:
        self.window, self.practising = window, window.bench.practising

    @property
    def panel(self) -> Any:
        return self.window.practice_panel

    def wait(self, is_so: Callable[[], bool], what: str) -> None:
        for _ in range(6000):
            if is_so():
                return
            QTest.qWait(10)
        raise AssertionError(f"waited for: {what}")

    def rest(self) -> None:
        self.wait(lambda: not self.window.jobs.is_running, "jobs to end")

    def begin(self, id: str = "balls") -> None:
        self.panel.choice.choose(id)
        self.panel.choice.start.click()
        self.rest()

    def place(self, probe: Any = None) -> None:
        session = self.window.session
        session.change_plan("Place probe p1", session.plan.with_instrument(probe or custom_probe()))

    def error(self) -> str:
        """The words of the box that is open, which is closed; empty where none is."""
        QTest.qWait(30)
        boxes = [b for b in self.window.findChildren(QMessageBox, "errorBox") if b.isVisible()]
        words = " ".join(f"{b.text()} {b.informativeText()}" for b in boxes)
        for box in boxes:
            box.close()
            box.deleteLater()
        return words

    def label(self, name: str) -> str:
        found = self.window.findChild(QLabel, name)
        assert isinstance(found, QLabel)
        return found.text() if found.isVisible() else ""


@pytest.fixture
def open_desk(
    qapp: QApplication, practice: Path, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Desk]]:
    """Opens the window; files of practice are written before."""
    make_application()
    create_case_folder(case, tmp_path / "case")
    desks: list[Desk] = []

    def open_it() -> Desk:
        window = MainWindow(LibraryIndex(tmp_path / "library"))
        window.show()
        desk = Desk(window)
        desks.append(desk)
        window.work.open_paths([tmp_path / "case"])
        desk.wait(lambda: window.session.is_open, "the case to open")
        desk.rest()
        window.choose_mode_of("practice")
        desk.rest()
        desk.panel.profile.choose("Anna")
        desk.rest()
        return desk

    yield open_it
    for desk in desks:
        desk.error()
        if desk.practising.is_on:
            desk.practising.end()
        desk.window.close()
        desk.window.deleteLater()


def test_exercises_that_cannot_be_used_are_said_and_the_others_are_there(
    open_desk: Callable[[], Desk], practice: Path, case: Case
) -> None:
    folder, good = practice / "exercises", exercise_on(case)
    write_exercise(good, folder / "balls.exercise.json")
    document = exercise_document(replace(good, id="other"))
    for name, change in (("future", {"version": 99}), ("unreferenced", {"references": []})):
        (folder / f"{name}.exercise.json").write_text(json.dumps({**document, **change}))
    (folder / "damaged.exercise.json").write_text('{"schema": "liver-pl')
    desk = open_desk()
    ids = [e.id for e in desk.panel.choice.exercises]
    assert set(ids) == {"balls", *(e.id for e in shipped_exercises())}
    words = desk.label("exerciseTroubles")
    for name, said in (
        ("future", "later version"),
        ("unreferenced", "without a reference"),
        ("damaged", "not valid JSON"),
    ):
        (line,) = [line for line in words.splitlines() if f"{name}.exercise.json" in line or said in line]
        assert said in line
    desk.begin()
    assert desk.practising.stage == Stage.PLACE


def test_a_case_that_is_not_here_or_changed_or_has_no_such_lesion_is_said(
    open_desk: Callable[[], Desk], practice: Path, case: Case
) -> None:
    mark, folder = CaseMark.of(case), practice / "exercises"
    elsewhere = plan_of(custom_probe())
    for exercise in (
        replace(
            exercise_on(case),
            id="elsewhere",
            case=replace(mark, id="elsewhere"),
            references=(Reference("expert", replace(elsewhere, case_id="elsewhere")),),
        ),
        replace(exercise_on(case), id="changed", case=replace(mark, structures="0" * 64)),
        exercise_on(
            case,
            id="no-lesion",
            lesion="lesion 9",
            references=(Reference("expert", plan_of(replace(custom_probe(), lesion="lesion 9"))),),
        ),
        exercise_on(case),
    ):
        write_exercise(exercise, folder / f"{exercise.id}.exercise.json")
    desk = open_desk()
    plan = desk.window.session.plan
    for id, says, todo in (
        ("elsewhere", "not on this machine", "Ask who made the exercise"),
        ("changed", "were changed since", "Make the exercise anew"),
        ("no-lesion", "no such lesion", "It has: lesion"),
    ):
        desk.begin(id)
        words = desk.error()
        assert says in words, id
        assert todo in words, id
        assert desk.practising.stage == Stage.CHOOSE
        assert not desk.practising.journal.path.exists()
        assert desk.window.session.plan == plan
    desk.begin()
    assert desk.practising.stage == Stage.PLACE
    assert desk.error() == ""


@pytest.mark.parametrize("placement", ["exact", "navigated"])
def test_nothing_placed_cannot_be_committed_and_says_why(
    open_desk: Callable[[], Desk], practice: Path, case: Case, placement: str
) -> None:
    exercise = exercise_on(case, conditions=Conditions(placement=placement))
    write_exercise(exercise, practice / "exercises" / "balls.exercise.json")
    desk = open_desk()
    desk.begin()
    part = desk.panel.attempt
    assert not part.commit.isEnabled()
    assert not part.put_in.isEnabled() or not part.put_in.isVisible()
    assert desk.label("whyNotCommit") == "Place a needle first."
    desk.place()
    assert part.commit.isEnabled() == (placement == "exact")
    assert desk.label("whyNotCommit") == ("" if placement == "exact" else "Put the needles in first.")
    desk.window.session.change_plan("Clear", Plan("attempt", case.id))
    assert not part.commit.isEnabled()
    assert desk.label("whyNotCommit") == "Place a needle first."


def test_a_profile_folder_that_cannot_be_used_is_said_before_an_attempt(
    open_desk: Callable[[], Desk], practice: Path, case: Case
) -> None:
    away = practice.rename(practice.with_name("away"))
    practice.write_text("a file in its place")
    desk = open_desk()
    assert "cannot be read" in desk.label("profileTrouble")
    assert not desk.panel.profile.new.isEnabled()
    ids = [e.id for e in shipped_exercises()]
    assert [e.id for e in desk.panel.choice.exercises if e.id in ids], "exercises are listed all the same"
    practice.unlink()
    away.rename(practice)
    desk.panel.profile.again.click()
    assert desk.label("profileTrouble") == ""
    assert desk.panel.profile.new.isEnabled()


def test_a_folder_that_goes_during_an_attempt_costs_no_attempt(
    open_desk: Callable[[], Desk], practice: Path, case: Case
) -> None:
    write_exercise(exercise_on(case), practice / "exercises" / "balls.exercise.json")
    desk = open_desk()
    desk.begin()
    away = practice.rename(practice.with_name("away"))
    practice.write_text("a file in its place")
    desk.place(custom_probe(center=(0.0, 0.0, 9.0)))
    desk.wait(lambda: "could not be written" in desk.error(), "the trouble to be said")
    desk.place()
    QTest.qWait(200)
    assert desk.error() == "", "said once"
    assert len(desk.practising.current.steps) == 2
    desk.panel.attempt.commit.click()
    desk.wait(lambda: desk.practising.stage == Stage.REVEALED, "the attempt to be shown")
    desk.rest()
    desk.error()
    assert "not kept yet" in desk.label("notKept")
    desk.panel.reveal.retry.click()
    assert "not kept yet" in desk.error(), "no other attempt is begun over it"
    assert desk.practising.stage == Stage.REVEALED
    practice.unlink()
    away.rename(practice)
    keep = desk.window.findChild(QLabel, "notKept")
    assert keep is not None
    for _ in range(2):  # pressed twice, kept once
        desk.panel.reveal.keep_asked.emit()
    assert desk.label("notKept") == ""
    (kept,) = Profiles(practice).attempts("Anna").attempts
    assert kept.plan.instruments == (custom_probe(),)
    assert len(kept.steps) == 2
    assert desk.practising.journal.read() is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"schema": "liver-planner/current-att', "cannot be read"),
        ('{"schema": "liver-planner/current-attempt", "version": 99}', "later version"),
    ],
)
def test_an_open_attempt_that_cannot_be_read_is_said_and_kept_beside(
    open_desk: Callable[[], Desk],
    practice: Path,
    case: Case,
    content: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_exercise(exercise_on(case), practice / "exercises" / "balls.exercise.json")
    (practice / "current-attempt.json").write_text(content)
    desk = open_desk()
    assert says in desk.label("unfinishedAttempt")
    assert "current-attempt.json" in desk.label("unfinishedAttempt")
    assert not desk.panel.resume.isEnabled()
    desk.begin()
    assert "Another attempt is open" in desk.error()
    assert desk.practising.stage == Stage.CHOOSE
    monkeypatch.setattr("planner.desktop.practice_work.ask", lambda *given: given[-1][0])
    desk.panel.discard.click()
    assert desk.label("unfinishedAttempt") == ""
    assert (practice / UNREADABLE_NAME).read_text() == content
    desk.begin()
    assert desk.practising.stage == Stage.PLACE
    assert desk.error() == ""


def test_what_is_dropped_while_somebody_practises_is_not_added_to_the_case(
    open_desk: Callable[[], Desk], practice: Path, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_exercise(exercise_on(case), practice / "exercises" / "balls.exercise.json")
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr("planner.desktop.case_work.ask", lambda *given: asked.append(given[-1]) or "Cancel")
    desk = open_desk()
    desk.window.work.take_dropped([practice / "mask.nii.gz"])
    desk.begin()
    desk.window.work.take_dropped([practice / "mask.nii.gz"])
    assert asked == [("Open as a case", "Add as structures", "Cancel"), ("Open as a case", "Cancel")]


def test_a_commit_that_is_cancelled_once_it_is_kept_is_shown_and_kept_once(
    open_desk: Callable[[], Desk], practice: Path, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_exercise(exercise_on(case), practice / "exercises" / "balls.exercise.json")
    desk = open_desk()
    desk.begin()
    desk.place()
    keep = desk.practising.keep

    def kept_and_cancelled(revealed: Any) -> Any:
        error = keep(revealed)
        desk.window.jobs.cancel("practice")
        return error

    monkeypatch.setattr(desk.practising, "keep", kept_and_cancelled)
    desk.panel.attempt.commit.click()
    desk.wait(lambda: desk.practising.stage != Stage.JUDGED, "the judgement to end")
    assert desk.practising.stage == Stage.REVEALED
    assert len(Profiles(practice).attempts("Anna").attempts) == 1
