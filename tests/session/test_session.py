"""The session: undo of every change, the journal, drags, placing, outlining - all without Qt."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue, PlannerError
from planner.library.case_folder import create_case_folder
from planner.library.index import LibraryIndex
from planner.library.lock import CaseIsOpen
from planner.model.case import Case
from planner.model.roles import Role
from planner.session.actions import ACTIONS, Workbench
from planner.session.outlining import Outline
from planner.session.placing import Step
from planner.session.session import Session


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom((4.0, 4.0, 4.0))


@pytest.fixture
def session(case: Case, tmp_path: Path) -> Iterator[Session]:
    folder = tmp_path / "case"
    create_case_folder(case, folder)
    made = Session(index=LibraryIndex(tmp_path / "library"))
    made.open_folder(folder)
    yield made
    made.close()


def test_the_session_needs_no_qt() -> None:
    code = "import planner.session.session, planner.session.actions, sys; print('PySide6' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )


def test_every_change_can_be_undone_and_redone(session: Session) -> None:
    states = [session.plan]
    for n, size in enumerate((20.0, 30.0, 40.0)):
        session.change_plan(f"Change {n}", plan_of(custom_probe(size_mm=size)))
        states.append(session.plan)
    assert session.undo_label == "Change 2"
    for state in reversed(states[:-1]):
        session.undo()
        assert session.plan == state
    session.undo()
    assert session.plan == states[0]
    for state in states[1:]:
        session.redo()
        assert session.plan == state
    session.undo()
    session.change_plan("Other", states[0])
    assert session.redo_label == ""


def test_a_drag_is_one_change_and_can_be_given_up(session: Session) -> None:
    session.change_plan("Place", plan_of(custom_probe()))
    before = session.plan
    for x in (1.0, 2.0, 3.0):
        session.drag_plan(plan_of(custom_probe().moved((x, 0.0, 0.0))))
    session.cancel_drag()
    assert session.plan == before
    session.drag_plan(plan_of(custom_probe().moved((5.0, 0.0, 0.0))))
    session.drop("Move probe p1")
    assert session.undo_label == "Move probe p1"
    session.undo()
    assert session.plan == before


def test_a_plan_of_another_case_is_refused_and_nothing_changes(session: Session) -> None:
    before = session.plan
    other = plan_of(custom_probe())
    with pytest.raises(InvalidValue, match="another case"):
        session.change_plan("Import", type(other)("A", "other", other.instruments))
    assert session.plan == before


def test_case_changes_are_kept_in_the_folder_and_undone(session: Session, tmp_path: Path) -> None:
    session.change_structures("Rename", session.case.structures.edited("lesion", name="metastasis"))
    other = Session(index=LibraryIndex(tmp_path / "library"))
    other.open_folder(tmp_path / "case", read_only=True)
    assert "metastasis" in other.case.structures
    other.close()
    session.undo()
    assert "lesion" in session.case.structures
    other.open_folder(tmp_path / "case", read_only=True)
    assert "lesion" in other.case.structures
    other.close()


def test_a_case_open_elsewhere_opens_read_only(session: Session, tmp_path: Path) -> None:
    other = Session(index=LibraryIndex(tmp_path / "library"))
    with pytest.raises(CaseIsOpen):
        other.open_folder(tmp_path / "case")
    other.open_folder(tmp_path / "case", read_only=True)
    with pytest.raises(PlannerError, match="read-only"):
        other.save_plan()
    other.close()


EDITOR = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from phantom import custom_probe, plan_of
from planner.library.index import LibraryIndex
from planner.session.session import Session
session = Session(index=LibraryIndex(Path(sys.argv[2])))
session.open_folder(Path(sys.argv[1]))
session.change_plan("Place probe p1", plan_of(custom_probe(size_mm=33.0)))
print("changed", flush=True)
time.sleep(60)
"""


def test_an_edit_survives_kill_9_within_a_second(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    create_case_folder(case, folder)
    words = [
        sys.executable,
        "-c",
        EDITOR,
        str(folder),
        str(tmp_path / "library"),
        str(Path(__file__).parents[1]),
    ]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "changed\n"
    time.sleep(1.0)
    process.kill()
    process.wait()
    process.stdout.close()
    session = Session(index=LibraryIndex(tmp_path / "library"))
    with pytest.raises(CaseIsOpen) as caught:
        session.open_folder(folder)
    assert caught.value.holder.is_stale
    session.open_folder(folder, take_over=True)
    (edit,) = session.unfinished_edits()
    assert edit.label == "Place probe p1"
    session.recover(edit)
    assert session.plan == plan_of(custom_probe(size_mm=33.0))
    assert session.undo_label == "Recover unsaved edits"
    assert session.save_plan() == 1
    assert session.unfinished_edits() == ()
    session.close()


def test_placing_takes_two_clicks_and_says_what_is_wrong(session: Session) -> None:
    bench = Workbench(session)
    placing = bench.placing
    placing.start()
    with pytest.raises(PlannerError, match="no lesion here"):
        placing.click((40.0, 0.0, 0.0))
    assert placing.step == Step.TARGET
    placing.click((2.0, 0.0, 0.0))
    assert placing.step == Step.ENTRY
    ghost = placing.ghost((2.0, -150.0, 0.0))
    placing.click((2.0, -150.0, 0.0))
    (probe,) = session.plan.applicators
    assert probe == ghost
    assert np.allclose(probe.point_behind_tip(15.0), (2.0, 0.0, 0.0))
    assert np.linalg.norm(probe.entry_lps_mm) == pytest.approx(100.0, abs=4.0), "the entry is put on the skin"
    assert session.selection.instrument == "p1"
    assert session.undo_label == "Place probe p1"


def test_a_lesion_by_two_diameters_and_by_one_click(session: Session) -> None:
    bench = Workbench(session)
    outlining = bench.outlining
    outlining.start(Outline.LESION_DIAMETERS)
    assert not outlining.click((20.0, 0.0, -12.0))
    assert outlining.click((20.0, 0.0, 12.0))
    outlining.show(outlining.propose())
    outlining.adjust(short_mm=16.0)
    outlining.accept()
    volume = session.case.structures.volume_ml("lesion 1")
    assert volume == pytest.approx(np.pi / 6 * 24 * 16 * 16 / 1000, rel=0.1)
    assert session.case.structures["lesion 1"].role == Role.LESION
    assert session.undo_label == "Add lesion 1"
    session.undo()
    assert "lesion 1" not in session.case.structures


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: a.id)
def test_an_action_that_cannot_be_done_says_why(action: object, tmp_path: Path) -> None:
    bench = Workbench(Session(index=LibraryIndex(tmp_path)))
    why = action.why_not(bench)  # type: ignore[attr-defined]
    assert why.endswith(".")


def test_actions_have_different_ids_and_keys() -> None:
    ids = [a.id for a in ACTIONS]
    keys = [a.shortcut for a in ACTIONS if a.shortcut]
    assert len(set(ids)) == len(ids)
    assert len(set(keys)) == len(keys)
