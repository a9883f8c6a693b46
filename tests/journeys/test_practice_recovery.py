"""Practice and ``kill -9``: wherever the program ends, the attempt is offered again or kept; never lost, never twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from killed_trainee import ENDS
from practice_steps import own_folders, to_practice
from PySide6.QtWidgets import QLabel, QPushButton
from steps import button

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.io.plan_file import decode_plan
from planner.library.case_folder import create_case_folder
from planner.model.case import Case
from planner.model.roles import Role
from planner.practice.attempts import PLANNED
from planner.practice.current_attempt import AttemptJournal
from planner.practice.exercise import CaseMark, Conditions, Exercise, Reference
from planner.practice.exercise_folder import ExerciseFolder
from planner.practice.profiles import Profiles
from planner.session.practising import Practising, Stage
from planner.session.session import Session

pytestmark = [pytest.mark.window]

ID = "balls"


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom((4.0, 4.0, 4.0), rib=(Role.BONE, (0.0, 85.0, 0.0), 8.0))


def made_exercise(case: Case) -> Exercise:
    return Exercise(
        id=ID,
        title="Balls",
        task="Cover the ball.",
        case=CaseMark.of(case),
        module="thermal_ablation",
        lesion="lesion",
        devices=("custom-ellipsoid",),
        conditions=Conditions(placement="navigated"),
        references=(Reference("expert", plan_of(custom_probe((0.0, -100.0, 0.0), size_mm=36.0))),),
    )


def started(case: Path, library: Path, end: str) -> subprocess.Popen[str]:
    """A process of its own in which the exercise is played."""
    words = [sys.executable, str(Path(__file__).with_name("killed_trainee.py"))]
    return subprocess.Popen([*words, str(case), str(library), ID, end], stdout=subprocess.PIPE, text=True)


def killed(process: subprocess.Popen[str], end: str) -> dict[str, Any]:
    """Wait until it is killed; what it said of the attempt."""
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    if end in ENDS[:2]:
        process.kill()
    assert process.wait(timeout=60) == -9
    process.stdout.close()
    return dict(told)


def set_up(case: Case, practice: Path, folder: Path) -> Profiles:
    """A case with an exercise on it, and a profile."""
    create_case_folder(case, folder)
    ExerciseFolder(practice / "exercises").keep(made_exercise(case))
    profiles = Profiles(practice)
    profiles.create("Anna")
    return profiles


def test_a_commit_that_is_cut_off_leaves_the_attempt_open(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both at once: killed as commit is pressed, and once it is judged but not kept yet."""
    played = []
    for n, end in enumerate(("pressed", "before it is kept")):
        practice = own_folders(monkeypatch, tmp_path / str(n))
        profiles = set_up(case, practice, tmp_path / str(n) / "case")
        process = started(tmp_path / str(n) / "case", tmp_path / str(n) / "library", end)
        played.append((practice, profiles, process, end))
    for practice, profiles, process, end in played:
        told = killed(process, end)
        assert profiles.attempts("Anna").attempts == ()
        offered = Practising(Session(), profiles, AttemptJournal(practice)).unfinished()
        assert offered is not None
        assert len(offered.steps) == told["steps"]
        assert offered.seconds == told["seconds"]
        assert offered.plan == replace(decode_plan(told["plan"], "said"), name=PLANNED)
        assert sum(tries for _, tries in offered.tries) == 2


@pytest.mark.parametrize("end", ["placing", "on the table", "after it is kept"])
def test_an_attempt_is_offered_again_or_kept(
    end: str,
    hands: Callable[[int, int], Any],
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    practice = own_folders(monkeypatch, tmp_path)
    profiles = set_up(case, practice, tmp_path / "case")
    told = killed(started(tmp_path / "case", tmp_path / "library", end), end)
    is_kept = end == "after it is kept"
    assert len(profiles.attempts("Anna").attempts) == int(is_kept)

    monkeypatch.setattr("planner.desktop.case_work.ask", lambda *given: given[-1][0])  # take over
    hand = hands(1280, 800)
    window = hand.window
    window.work.open_paths([tmp_path / "case"])
    hand.wait(lambda: window.session.is_open and not window.jobs.is_running, "the case to open")
    session, practising = window.session, window.bench.practising
    assert session.unfinished_edits() == (), "nothing of the attempt lies with the case"
    to_practice(hand)
    card, go_on = window.findChild(QLabel, "unfinishedAttempt"), button(window, "resumeAttempt")
    if is_kept:
        assert not card.isVisible()
        assert not practising.journal.path.exists()
        assert window.practice_panel.choice.start.isEnabled()
        return

    assert card.text().startswith(f"An attempt is open: Balls, by Anna, {told['steps']} steps")
    hand.click(go_on)
    plan = decode_plan(told["plan"], "said")
    assert session.plan.instruments == plan.instruments
    assert practising.elapsed_s >= told["seconds"]
    if told["lying"]:
        assert practising.stage == Stage.TABLE
        assert practising.landing is not None
        assert practising.landing.plan == decode_plan(told["lying"], "said")
        assert practising.landing.repositionings == told["repositionings"] == 2
    else:
        assert practising.stage == Stage.PLACE
        assert practising.landing is None
        hand.click(window.findChild(QPushButton, "putIn"))
        hand.wait(lambda: practising.landing is not None, "the needles to be put in")
    assert session.judgements.is_silent
    hand.click(button(window, "commitAttempt"))
    hand.wait(lambda: practising.stage == Stage.REVEALED, "the attempt to be judged")
    assert practising.not_kept is None
    (kept,) = profiles.attempts("Anna").attempts
    assert kept.steps[: told["steps"]][-1].plan.instruments == plan.instruments
    assert kept.seconds >= told["seconds"]
    assert kept.repositionings == told["repositionings"]
    assert practising.journal.read() is None
    hand.click(window.practice_panel.reveal.done)
    hand.wait(lambda: not window.jobs.is_running, "attempts to be read")
    assert not card.isVisible()
