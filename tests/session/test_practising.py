"""Practice step by step: blind, put in, accepted, shown; what survives, what is locked, and what is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.library.case_folder import create_case_folder
from planner.library.index import LibraryIndex
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.practice.current_attempt import AttemptJournal
from planner.practice.exercise import CaseMark, Conditions, Exercise, Reference
from planner.practice.profiles import Profiles
from planner.practice.revealing import reveal_again
from planner.session.actions import ACTIONS
from planner.session.practising import Practising, Stage
from planner.session.session import Session

REFERENCE = plan_of(custom_probe((0.0, -100.0, 0.0), size_mm=36.0))


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom((4.0, 4.0, 4.0), rib=(Role.BONE, (0.0, 85.0, 0.0), 8.0))


def exercise_on(case: Case, **changes: Any) -> Exercise:
    given: dict[str, Any] = {
        "id": "balls",
        "title": "Balls",
        "task": "Cover the ball.",
        "case": CaseMark.of(case),
        "module": "thermal_ablation",
        "lesion": "lesion",
        "devices": ("custom-ellipsoid",),
        "references": (Reference("expert", REFERENCE),),
    }
    return Exercise(**{**given, **changes})


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session(case: Case, tmp_path: Path) -> Iterator[Session]:
    create_case_folder(case, tmp_path / "case")
    made = Session(index=LibraryIndex(tmp_path / "library"))
    made.open_folder(tmp_path / "case")
    yield made
    made.close()


def made_for(session: Session, tmp_path: Path, clock: Clock) -> Practising:
    folder = tmp_path / "practice"
    found = Practising(session, Profiles(folder), AttemptJournal(folder), clock)
    if "Anna" not in found.profiles.names():
        found.profiles.create("Anna")
    return found


@pytest.fixture
def practising(session: Session, tmp_path: Path, clock: Clock) -> Practising:
    return made_for(session, tmp_path, clock)


def place(session: Session, **probe: Any) -> None:
    session.change_plan("Place probe p1", session.plan.with_instrument(custom_probe(**probe)))


def committed(practising: Practising) -> None:
    revealed = practising.commit()(Task())
    practising.take(revealed, practising.keep(revealed))


def test_from_an_empty_plan_to_the_score_and_back(
    practising: Practising, session: Session, clock: Clock, case: Case
) -> None:
    place(session, center=(0.0, 0.0, 30.0))
    before = session.plan
    practising.begin(exercise_on(case, conditions=Conditions(limit_s=100.0)), "Anna")
    assert practising.stage == Stage.PLACE
    assert session.plan.instruments == ()
    assert session.selection.lesion == "lesion"
    assert session.judgements.is_silent
    assert practising.why_not_commit == "Place a needle first."
    with pytest.raises(PlannerError, match="cannot be committed"):
        practising.commit()
    clock.now_s += 30.0
    place(session, center=(0.0, 0.0, 12.0))
    clock.now_s += 20.0
    place(session)
    session.undo()
    session.redo()
    clock.now_s += 10.0
    committed(practising)
    revealed = practising.revealed
    assert revealed is not None
    assert practising.stage == Stage.REVEALED
    assert practising.not_kept is None
    assert session.plan.instruments == (custom_probe(),)
    assert [s.label for s in revealed.attempt.steps] == [
        "Place probe p1",
        "Place probe p1",
        "Undo Place probe p1",
        "Redo Place probe p1",
    ]
    assert [s.after_s for s in revealed.attempt.steps] == [30.0, 50.0, 50.0, 50.0]
    assert revealed.attempt.seconds == 60.0
    assert practising.elapsed_s == 60.0
    assert revealed.attempt.measured.margin_mm == pytest.approx(10.0, abs=0.8)  # voxels of 4 mm
    kept = practising.profiles.attempts("Anna").attempts
    assert [a.key for a in kept] == [revealed.attempt.key]
    assert practising.journal.read() is None
    practising.show_step(0)
    assert session.plan.instruments == (custom_probe(center=(0.0, 0.0, 12.0)),)
    practising.show_step(None)
    assert session.plan.instruments == (custom_probe(),)
    practising.end()
    assert practising.stage == Stage.CHOOSE
    assert session.plan == before
    assert session.case.id == case.id
    assert not session.judgements.is_silent
    assert session.undo_label == "Place probe p1"


def test_on_the_table_needles_lie_where_they_were_drawn(
    practising: Practising, session: Session, case: Case
) -> None:
    conditions = Conditions(breath_mm=8.0, placement="navigated")
    exercise = exercise_on(case, conditions=conditions, most_instruments=2)
    practising.begin(exercise, "Anna", seed=11)
    place(session)
    assert practising.why_not_commit == "Put the needles in first."
    practising.put_in()
    assert practising.stage == Stage.TABLE
    assert session.undo_label == "", "what is in the body is not undone"
    landing = practising.landing
    assert landing is not None
    assert session.selection.image == "ct-control"
    # The body lies lower by the breath, and the structures with it.
    low = case.structures.grid.origin_lps_mm[2] - 8.0
    assert session.case.structures.grid.origin_lps_mm[2] == pytest.approx(low)
    assert [i.id for i in session.case.images] == ["ct-control"], "outlines would lie beside the other scan"
    assert session.case.image("ct-control").grid.origin_lps_mm[2] == pytest.approx(low)
    first = landing.needle("p1").tip_off_lps_mm
    assert practising.pending == ()
    practising.put_in_again("p1")
    assert practising.landing is not None
    assert practising.landing.needle("p1").tip_off_lps_mm != first
    assert practising.landing.repositionings == 1
    moved = custom_probe().moved((0.0, 0.0, -8.0))
    session.change_plan("Move probe p1", session.plan.with_instrument(moved))
    assert practising.pending == ("p1",)
    assert practising.why_not_commit == "p1 changed: put in again, or undo."
    session.undo()
    assert practising.why_not_commit == ""
    session.redo()
    other = custom_probe(id="p2", center=(6.0, 0.0, -8.0))
    session.change_plan("Place probe p2", session.plan.with_instrument(other))
    assert practising.pending == ("p1", "p2")
    assert practising.locks("place_probe") == "This exercise allows 2 needles: delete one first."
    practising.put_in()
    assert practising.pending == ()
    assert practising.landing.tries == (("p1", 2),), "a new needle is no repositioning"
    committed(practising)
    assert practising.revealed is not None
    attempt = practising.revealed.attempt
    assert attempt.repositionings == 2
    assert attempt.landed.instruments == practising.revealed.landing.plan.instruments  # type: ignore[union-attr]
    assert session.case.id == case.id
    assert session.case.structures.grid.origin_lps_mm == case.structures.grid.origin_lps_mm
    assert session.plan.instruments == attempt.landed.instruments
    assert session.selection.image in ("", "ct")
    assert practising.revealed.planned.instruments == (custom_probe(),)
    assert practising.revealed.as_planned is not None
    assert practising.revealed.as_planned.measured.margin_mm == pytest.approx(10.0, abs=0.8)  # voxels of 4 mm


def test_an_attempt_of_earlier_is_shown_with_the_score_it_was_given(
    practising: Practising, session: Session, case: Case
) -> None:
    exercise = exercise_on(case, conditions=Conditions(placement="navigated"))
    practising.begin(exercise, "Anna", seed=2)
    place(session)
    practising.put_in()
    practising.put_in_again("p1")
    committed(practising)
    first = practising.revealed
    practising.end()
    before = session.plan
    kept = practising.profiles.attempts("Anna").attempts[0]
    assert first is not None
    assert kept.key == first.attempt.key
    again = reveal_again(
        exercise, session.case, replace(kept, score=replace(kept.score, points=12.0)), Task()
    )
    assert again.attempt.score.points == 12.0, "by the weights of that day"
    assert again.scored.score == first.scored.score
    assert again.is_table
    assert again.planned.instruments == first.planned.instruments
    assert any("landed" in x.text for x in first.lessons)
    assert not any("landed" in x.text for x in again.lessons), "how often it was put in again is not kept"
    assert {x.part: x.points_lost for x in again.lessons if x.points_lost} == {
        x.part: x.points_lost for x in first.lessons if x.points_lost
    }
    practising.take(again, None)
    assert practising.stage == Stage.REVEALED
    assert session.plan.instruments == kept.landed.instruments
    assert session.judgements.is_silent
    practising.show_step(0)
    assert session.plan.instruments == (custom_probe(),)
    practising.end()
    assert session.plan == before
    with pytest.raises(InvalidValue, match="another exercise"):
        reveal_again(exercise_on(case, id="others"), case, kept, Task())


def test_a_control_scan_of_an_attempt_that_was_left_is_not_shown(
    practising: Practising, session: Session, case: Case
) -> None:
    exercise = exercise_on(case, conditions=Conditions(placement="navigated"))
    practising.begin(exercise, "Anna", seed=1)
    place(session)
    late = practising.putting_in()()
    assert practising.holds_plan
    assert practising.why_not_commit == "Putting the needles in…"
    practising.give_up()
    practising.lie(late)
    assert practising.stage == Stage.CHOOSE
    practising.begin(exercise, "Anna", seed=2)
    practising.lie(late)
    assert practising.stage == Stage.PLACE
    assert practising.landing is None
    assert session.plan.instruments == ()


def test_the_same_seed_gives_the_same_attempt(practising: Practising, session: Session, case: Case) -> None:
    exercise = exercise_on(case, conditions=Conditions(placement="freehand"))
    found = []
    for seed in (5, 5, 6):
        practising.begin(exercise, "Anna", seed=seed)
        place(session)
        practising.put_in()
        practising.put_in_again("p1")
        committed(practising)
        assert practising.revealed is not None
        found.append((practising.revealed.attempt.landed, practising.revealed.attempt.score))
        practising.end()
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]


def test_a_new_attempt_has_a_new_draw(practising: Practising, session: Session, case: Case) -> None:
    practising.begin(exercise_on(case, conditions=Conditions(placement="freehand")), "Anna")
    place(session)
    practising.put_in()
    first = practising.current
    committed(practising)
    practising.retry()
    assert practising.stage == Stage.PLACE
    assert session.plan.instruments == ()
    assert first is not None
    assert practising.current is not None
    assert practising.current.seed != first.seed


def test_an_attempt_is_taken_up_where_it_was(
    practising: Practising, session: Session, clock: Clock, case: Case, tmp_path: Path
) -> None:
    exercise = exercise_on(case, conditions=Conditions(breath_mm=5.0, placement="navigated"))
    practising.begin(exercise, "Anna", seed=3)
    clock.now_s += 40.0
    place(session)
    practising.put_in()
    practising.put_in_again("p1")
    clock.now_s += 5.0
    session.change_plan("Move probe p1", session.plan.with_instrument(custom_probe().moved((1.0, 0.0, 0.0))))
    lying, aimed = practising.landing, session.plan
    session.close()  # nothing is committed; as after a crash the attempt is on the disk alone
    assert practising.stage == Stage.CHOOSE
    session.open_folder(tmp_path / "case")
    later = Clock()
    later.now_s = 5.0
    again = made_for(session, tmp_path, later)
    found = again.unfinished()
    assert found is not None
    again.resume(found, exercise)
    assert again.stage == Stage.TABLE
    assert again.elapsed_s == pytest.approx(45.0)
    assert session.plan.instruments == aimed.instruments
    assert again.landing is not None
    assert lying is not None
    assert again.landing.plan.instruments == lying.plan.instruments
    assert again.landing.tries == lying.tries
    assert again.pending == ("p1",)
    again.put_in()
    committed(again)
    assert again.revealed is not None
    assert again.revealed.attempt.repositionings == 2
    assert len(again.revealed.attempt.steps) == 5


def test_structures_an_exercise_hides_are_not_in_the_case(
    practising: Practising, session: Session, case: Case
) -> None:
    practising.begin(exercise_on(case, hidden=("rib", "gone")), "Anna")
    assert "rib" not in session.case.structures
    assert "liver" in session.case.structures
    place(session, entry=(0.0, 100.0, 0.0))
    committed(practising)
    assert practising.revealed is not None
    assert "rib" in session.case.structures
    assert practising.revealed.attempt.measured.stops, "what was hidden is judged all the same"


def test_nothing_judges_and_nothing_shows_it_while_blind(
    practising: Practising, session: Session, case: Case
) -> None:
    free = {a.id for a in ACTIONS if not practising.locks(a.id)}
    assert free == {a.id for a in ACTIONS}
    practising.begin(exercise_on(case), "Anna")
    place(session)
    session.judgements.assess(session.case, session.plan)
    session.judgements.preview(session.case, session.plan, "p1")
    assert session.judgements.current_answers(session.plan) == ()
    assert all(session.judgements.of(m).assessment is None for m in session.judgements.registry.modules)
    for id in (
        "assess",
        "save_plan",
        "new_plan",
        "report",
        "export_plan",
        "compare",
        "devices",
        "paint_chance",
    ):
        assert practising.locks(id), id
    for id in ("undo", "redo", "delete_probe", "cancel", "fit", "preset_1"):
        assert not practising.locks(id), id
    revealed = practising.commit()(Task())
    assert practising.holds_plan
    assert practising.locks("undo") == "End the exercise first."
    practising.take(revealed, None)
    assert practising.locks("delete_probe")


def test_zones_are_drawn_or_not_as_the_exercise_says(practising: Practising, case: Case) -> None:
    assert practising.shows_zone
    practising.begin(exercise_on(case, conditions=Conditions(shows_zone=False)), "Anna")
    assert not practising.shows_zone
    practising.give_up()
    assert practising.shows_zone
    practising.begin(exercise_on(case), "Anna")
    assert practising.shows_zone


def test_the_journal_on_disk_holds_no_judgement(practising: Practising, session: Session, case: Case) -> None:
    practising.begin(exercise_on(case), "Anna")
    place(session)
    practising.end()
    text = practising.journal.path.read_text()
    assert json.loads(text)["steps"]
    for word in ("margin", "coverage", "points", "score", "hazard"):
        assert word not in text, word


def test_a_judged_attempt_that_cannot_be_kept_is_said_and_waits(
    practising: Practising, session: Session, case: Case
) -> None:
    practising.begin(exercise_on(case), "Anna")
    place(session)
    practising.profiles.delete("Anna")  # as by another window
    committed(practising)
    assert practising.stage == Stage.REVEALED
    assert practising.not_kept is not None
    assert practising.journal.path.exists(), "it is not thrown away before it is kept"
    with pytest.raises(PlannerError, match="not kept yet"):
        practising.retry()
    practising.profiles.create("Anna")
    assert practising.revealed is not None
    practising.not_kept = practising.keep(practising.revealed)
    assert practising.not_kept is None
    assert len(practising.profiles.attempts("Anna").attempts) == 1
    practising.retry()


def test_a_cancelled_judgement_leaves_the_attempt_open(
    practising: Practising, session: Session, case: Case
) -> None:
    practising.begin(exercise_on(case), "Anna")
    place(session)
    practising.commit()
    assert practising.stage == Stage.JUDGED
    practising.go_back()
    assert practising.stage == Stage.PLACE
    committed(practising)
    assert practising.stage == Stage.REVEALED


def test_what_is_wrong_is_said_and_nothing_is_begun(
    practising: Practising, session: Session, case: Case
) -> None:
    plan = session.plan
    other_structures = replace(CaseMark.of(case), structures="0" * 64)
    elsewhere = replace(exercise_on(case), case=replace(CaseMark.of(case), id="phantom", structures="1" * 64))
    nowhere = plan_of(custom_probe())
    other = replace(nowhere, case_id="other")
    for exercise, profile, words in (
        (replace(exercise_on(case), case=other_structures), "Anna", "changed since"),
        (elsewhere, "Anna", "changed since"),
        (
            replace(
                exercise_on(case),
                case=replace(CaseMark.of(case), id="other"),
                references=(Reference("expert", other),),
            ),
            "Anna",
            "on another case",
        ),
        (exercise_on(case, lesion="segment 9", references=(_on("segment 9"),)), "Anna", "no such lesion"),
        (exercise_on(case), "Bert", "belong to a profile"),
        (exercise_on(case, devices=("custom-ellipsoid", "no-such-device")), "Anna", "device"),
    ):
        with pytest.raises(InvalidValue, match=words):
            practising.begin(exercise, profile)
        assert practising.stage == Stage.CHOOSE
        assert session.plan is plan
        assert not session.judgements.is_silent
        assert practising.journal.read() is None


def _on(lesion: str) -> Reference:
    return Reference("expert", Plan("A", "phantom", (replace(custom_probe(), lesion=lesion),)))


def test_a_second_attempt_waits_for_the_first(practising: Practising, session: Session, case: Case) -> None:
    practising.begin(exercise_on(case), "Anna")
    place(session)
    practising.end()
    with pytest.raises(PlannerError, match="Another attempt is open"):
        practising.begin(exercise_on(case), "Anna")
    found = practising.unfinished()
    assert found is not None
    with pytest.raises(InvalidValue, match="another exercise"):
        practising.resume(found, exercise_on(case, id="others"))
    practising.resume(found, exercise_on(case))
    practising.give_up()
    assert practising.unfinished() is None
    practising.begin(exercise_on(case), "Anna")


def test_a_plan_that_does_not_keep_to_the_exercise_is_not_taken(
    practising: Practising, session: Session, case: Case
) -> None:
    practising.begin(exercise_on(case), "Anna")
    place(session)
    place(session, id="p2", center=(5.0, 0.0, 0.0))
    assert practising.why_not_commit == "2 needles, 1 is allowed."
    session.undo()
    foreign = replace(custom_probe(), device="generic-mwa-2450", settings={"power_w": 65.0, "time_s": 300.0})
    session.change_plan("Change device", session.plan.with_instrument(foreign))
    assert practising.why_not_commit == "'generic-mwa-2450' is not allowed."
