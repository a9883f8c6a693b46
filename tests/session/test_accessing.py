"""Access maps and suggestions of an open case, without a window."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import SKIN_MM, custom_probe, phantom, plan_of

from planner.base.errors import Cancelled
from planner.base.task import Task
from planner.model.case import Case
from planner.model.roles import Role
from planner.model.suggestion import Suggestion
from planner.planning.case_ground import access_ground_of, anatomy_of
from planner.session.accessing import LOOKED_AT, Accessing
from planner.session.session import Session
from planner.session.suggesting import ORDERS, Suggesting


@pytest.fixture(scope="module")
def case() -> Case:
    # A plate of ribs in front, so that no path from the front is allowed.
    return phantom((4.0, 4.0, 4.0), ribs=(Role.BONE, (0.0, -90.0, 0.0), 12.0))


@pytest.fixture
def session(case: Case) -> Session:
    made = Session()
    made.open_case(case, plan_of(custom_probe(entry=(-100.0, 0.0, 0.0))))
    return made


def mapped(session: Session) -> Accessing:
    accessing = Accessing(session)
    accessing.switch(True)
    session.selection.choose(instrument="p1")
    subject = accessing.subject("generic-mwa-2450", {"power_w": 100.0, "time_s": 600.0})
    assert subject is not None
    accessing.show(accessing.make(subject, None, Task()))
    return accessing


def test_the_map_is_of_the_selected_probe_and_says_why_not(session: Session) -> None:
    accessing = mapped(session)
    answer = accessing.answer
    assert answer is not None
    assert answer.subject.probe == "p1"
    assert np.allclose(answer.subject.target_lps_mm, (0, 0, 0), atol=1e-6), "the zone's centre is the target"
    assert answer.subject.beyond_mm == pytest.approx(10.0)
    assert accessing.point_at((0.0, -SKIN_MM, 0.0))
    assert "crosses ribs" in accessing.words
    assert not accessing.point_at((0.0, 0.0, 0.0)), "deep in the body there is no skin"
    path = accessing.path
    assert path is not None
    assert path.id == LOOKED_AT
    assert path.entry_lps_mm[1] == pytest.approx(-SKIN_MM, abs=4.0)


def test_a_path_that_is_taken_moves_the_probe_and_can_be_undone(session: Session) -> None:
    accessing = mapped(session)
    before = session.plan
    assert accessing.answer is not None
    entry = accessing.answer.entries[0]
    accessing.choose(entry.index)
    assert session.plan == before, "looking changes nothing"
    accessing.take()
    probe = session.plan.instrument("p1")
    assert np.allclose(probe.entry_lps_mm, entry.entry_lps_mm)
    assert np.allclose(probe.point_behind_tip(10.0), (0, 0, 0), atol=1e-3), "the zone stays where it was"
    assert probe.settings == before.instrument("p1").settings
    assert session.undo_label == "Take another path for probe p1"
    session.undo()
    assert session.plan == before


def test_without_a_probe_the_lesions_centre_is_the_target(case: Case) -> None:
    session = Session()
    session.open_case(case)
    accessing = Accessing(session)
    accessing.switch(True)
    subject = accessing.subject("generic-mwa-2450", {"power_w": 100.0, "time_s": 600.0})
    assert subject is not None
    assert subject.probe == ""
    assert np.allclose(subject.target_lps_mm, (0, 0, 0), atol=1.0)
    accessing.show(accessing.make(subject, None, Task()))
    assert accessing.answer is not None
    accessing.choose(accessing.answer.entries[0].index)
    accessing.take()
    assert session.undo_label == "Place probe p1"
    assert session.plan.instrument("p1").device == "generic-mwa-2450"


def test_a_map_that_comes_after_the_mode_was_left_is_dropped(session: Session) -> None:
    accessing = mapped(session)
    answer = accessing.answer
    assert answer is not None
    accessing.switch(False)
    accessing.show(answer)
    assert accessing.answer is None


def test_grounds_are_made_once_and_anew_for_other_structures(case: Case) -> None:
    structures = case.structures
    assert anatomy_of(structures) is anatomy_of(structures)
    assert access_ground_of(structures) is access_ground_of(structures)
    assert access_ground_of(structures).anatomy is anatomy_of(structures)
    recoloured = structures.edited("ribs", color=(1, 2, 3))
    assert anatomy_of(recoloured) is anatomy_of(structures), "a colour changes nothing a needle meets"
    renamed = structures.edited("ribs", role=Role.SPLEEN)
    assert anatomy_of(renamed) is not anatomy_of(structures)


def test_a_cancelled_ground_is_made_by_the_next_asker() -> None:
    other = phantom((6.0, 6.0, 6.0))
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        access_ground_of(other.structures, task)
    assert len(access_ground_of(other.structures).skin.points_lps_mm) > 100


def suggested(session: Session, *names: str) -> Suggesting:
    """Suggestions as the worker would give them: each turns the lesion's probe elsewhere."""
    suggesting = Suggesting(session)
    suggesting.lesion = "lesion"
    plans = [
        session.plan.with_instrument(custom_probe(entry=(0.0, 0.0, 100.0 - n), id="p1"))
        for n in range(len(names))
    ]
    suggesting.suggestions = tuple(Suggestion(n, "", p) for n, p in zip(names, plans, strict=True))
    return suggesting


def test_looking_at_a_suggestion_changes_nothing_until_it_is_taken(session: Session) -> None:
    suggesting = suggested(session, "one", "two")
    before = session.recorded_plan
    suggesting.look_at(1)
    assert session.recorded_plan is before
    assert session.plan.applicators[0].entry_lps_mm == (0.0, 0.0, 99.0)
    suggesting.look_away()
    assert session.plan is before
    suggesting.take(0)
    assert session.undo_label == "Take suggested plan one"
    assert session.plan.applicators[0].entry_lps_mm == (0.0, 0.0, 100.0)
    session.undo()
    assert session.plan == before


def test_what_was_done_to_other_lesions_meanwhile_is_kept(session: Session) -> None:
    suggesting = suggested(session, "one")
    other = replace(custom_probe(id="p2"), lesion="another")
    session.change_plan("Place probe p2", session.plan.with_instrument(other))
    suggesting.take(0)
    assert other in session.plan.instruments
    assert len(session.plan.instruments) == 2


def test_another_change_ends_the_look(session: Session) -> None:
    suggesting = suggested(session, "one")
    suggesting.look_at(0)
    session.change_plan("Place probe p2", session.recorded_plan.with_instrument(custom_probe(id="p2")))
    assert suggesting.looked_at is None


def test_plans_are_ranked_by_what_is_chosen(session: Session) -> None:
    suggesting = suggested(session, "one", "two", "three")
    scores = ({"probes_count": 1.0, "chance_of_5mm_margin_percent": 40.0}, {"probes_count": 2.0}, {})
    pairs = zip(suggesting.suggestions, scores, strict=True)
    suggesting._found = tuple(replace(s, scores=values) for s, values in pairs)
    by = {words: n for n, (words, _, _) in enumerate(ORDERS)}
    suggesting.rank(by["highest chance of 5 mm"])
    assert [s.name for s in suggesting.suggestions] == ["one", "two", "three"]
    suggesting._found = suggesting._found[::-1]
    suggesting.rank(by["fewest probes"])
    assert [s.name for s in suggesting.suggestions] == ["one", "two", "three"], (
        "without a score it comes last"
    )
    suggesting.look_at(1)
    suggesting.rank(by["widest margin"])
    assert suggesting.looked_at is None, "what was looked at may stand elsewhere now"
