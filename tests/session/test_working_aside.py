"""A plan worked on aside, as in practice: the open one waits behind it untouched, and nothing is said or kept."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue, PlannerError
from planner.library.case_folder import create_case_folder
from planner.library.index import LibraryIndex
from planner.model.case import Case
from planner.model.plan import Plan
from planner.session.judgement import JudgementState
from planner.session.session import Session, new_plan

MODULE = "thermal_ablation"


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom((4.0, 4.0, 4.0))


@pytest.fixture
def session(case: Case, tmp_path: Path) -> Iterator[Session]:
    create_case_folder(case, tmp_path / "case")
    made = Session(index=LibraryIndex(tmp_path / "library"))
    made.open_folder(tmp_path / "case")
    yield made
    made.close()


def own_plan(session: Session) -> Plan:
    return plan_of(custom_probe())


def test_the_open_plan_waits_behind_with_its_undo(session: Session) -> None:
    session.change_plan("Place", own_plan(session))
    before = session.plan
    session.work_aside("Practise", new_plan(session.case, "Exercise"))
    assert session.is_aside
    assert session.plan.name == "Exercise"
    assert session.undo_label == "", "undo stops where practice began"
    session.undo()
    assert session.plan.name == "Exercise"
    probe = custom_probe()
    session.change_plan("Place there", session.plan.with_instrument(probe))
    assert session.undo_label == "Place there"
    session.undo()
    assert not session.plan.instruments
    session.redo()
    assert session.plan.instruments == (probe,)
    with pytest.raises(InvalidValue, match="aside already"):
        session.work_aside("Again", new_plan(session.case, "Other"))
    with pytest.raises(PlannerError, match="not kept with the case"):
        session.save_plan()
    assert not session.is_plan_saved, "what is unsaved behind it is still said"
    session.end_aside()
    assert not session.is_aside
    assert session.plan == before
    assert (session.undo_label, session.redo_label) == ("Place", "")
    session.undo()
    assert not session.plan.instruments
    session.end_aside()


def test_nothing_of_it_is_journalled_with_the_case(session: Session, tmp_path: Path) -> None:
    session.change_plan("Place", own_plan(session))
    session.work_aside("Practise", new_plan(session.case, "Exercise"))
    session.change_plan("Place there", session.plan.with_instrument(custom_probe(id="p9")))
    session.close()
    session.open_folder(tmp_path / "case")
    edits = session.unfinished_edits()
    assert [e.plan.name for e in edits] == [own_plan(session).name], "the open plan's edits alone are there"


def test_a_case_is_shown_otherwise_aside_and_stays_as_it_is_kept(session: Session, tmp_path: Path) -> None:
    before: Case = session.case
    changes: list[Case] = []

    def note() -> None:
        changes.append(session.case)

    session.case_changed.connect(note)
    fewer = before.with_structures(before.structures.without(before.structures.structures[-1].name))
    session.work_aside("Practise", new_plan(before, "Exercise"), fewer)
    assert session.case is fewer
    assert session.case_behind is before
    session.change_plan("Place there", session.plan.with_instrument(custom_probe()))
    session.go_on_aside("Go on", session.plan, before)
    assert session.case is before
    assert session.undo_label == "", "undo stops there anew"
    for change in (
        lambda: session.change_case("Rename", fewer),
        lambda: session.change_both("Rename", fewer, session.plan),
        lambda: session.open_plan("A"),
    ):
        with pytest.raises(PlannerError, match=r"stays as it is"):
            change()
    with pytest.raises(InvalidValue, match="another case"):
        session.go_on_aside("Go on", Plan("x", "elsewhere"))
    session.go_on_aside("Go back", session.plan, fewer)
    session.end_aside()
    assert session.case is before
    assert changes == [fewer, before, fewer, before]
    with pytest.raises(InvalidValue, match="No plan is worked on aside"):
        session.go_on_aside("Go on", session.plan)
    session.case_changed.disconnect(note)
    session.close()
    session.open_folder(tmp_path / "case")
    assert [s.name for s in session.case.structures.structures] == [
        s.name for s in before.structures.structures
    ]


def test_another_cases_plan_is_refused(session: Session) -> None:
    with pytest.raises(InvalidValue, match="another case"):
        session.work_aside("Practise", Plan("x", "elsewhere"))
    assert not session.is_aside


def until(is_so) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_silent_judgements_ask_and_say_nothing(session: Session) -> None:
    judgements = session.judgements
    session.change_plan("Place", own_plan(session))
    judgements.follow(session.case, session.plan)
    until(lambda: judgements.is_ready(MODULE))
    judgements.preview(session.case, session.plan, "p1")
    assert judgements.of(MODULE).preview is not None
    changed: list[str] = []
    judgements.changed.connect(changed.append)
    judgements.silence(True)
    assert MODULE in changed, "who shows it is told"
    assert judgements.of(MODULE).preview is None
    judgements.preview(session.case, session.plan, "p1")
    judgements.assess(session.case, session.plan)
    session.drag_plan(session.plan)
    assert judgements.of(MODULE).preview is None
    assert judgements.of(MODULE).state == JudgementState.NONE
    assert not judgements.is_running
    assert not judgements.current_answers(session.plan)
    judgements.silence(False)
    judgements.preview(session.case, session.plan, "p1")
    assert judgements.of(MODULE).preview is not None


def test_an_answer_that_was_under_way_is_not_told(session: Session) -> None:
    judgements = session.judgements
    session.change_plan("Place", own_plan(session))
    judgements.assess(session.case, session.plan)
    assert judgements.is_running
    judgements.silence(True)
    time.sleep(1.0)
    assert judgements.of(MODULE).assessment is None
    judgements.silence(False)
    judgements.assess(session.case, session.plan)
    until(lambda: judgements.of(MODULE).state == JudgementState.CURRENT)
