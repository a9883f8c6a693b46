"""Which dose may be shown: the chosen one of the plan as it is, and never an old one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from vessel_case import bench_of, portal_tree, vessel_case

from planner.model.assessment import Assessment, Metric, ScalarField
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.session.actions import Workbench
from planner.session.dose_showing import (
    DELIVERED,
    DOSE_FIELDS,
    DOSES,
    MODULE,
    NO_IMAGE,
    PREDICTED,
    DoseShowing,
)
from planner.session.judgement import Judgement, Judgements, JudgementState

GRID = Grid((2, 2, 2), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
TIP = CatheterTarget("c1", "Artery", (-19.0, 0.0, 9.0), Agent(AgentType.Y90_GLASS))


def answer(*doses: str, notes: tuple[tuple[str, str], ...] = ()) -> Assessment:
    fields = tuple(
        ScalarField(DOSE_FIELDS[d], GRID, np.full(GRID.shape, 60.0, np.float32), "Gy") for d in doses
    )
    metrics = tuple(Metric(name, None, "Gy", note=note) for name, note in notes)
    return Assessment(MODULE, "0", {}, {}, metrics, fields=fields)


@dataclass
class Held:
    """A bench, its showing, and what the module is said to have answered."""

    bench: Workbench
    showing: DoseShowing
    judgement: Judgement

    def says(self, state: JudgementState, assessment: Assessment | None) -> None:
        self.judgement = Judgement(MODULE, state, assessment)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    artery = replace(portal_tree("Artery"), role=Role.HEPATIC_ARTERY)
    bench = bench_of(vessel_case(artery))
    session = bench.session
    found = Held(bench, DoseShowing(bench), Judgement(MODULE))
    monkeypatch.setattr(Judgements, "of", lambda _self, _module: found.judgement)
    session.change_plan("tip", session.plan.with_instrument(TIP))
    yield found
    session.close()


def test_the_chosen_dose_of_the_plan_as_it_is(held: Held) -> None:
    held.says(JudgementState.CURRENT, answer(*DOSES))
    showing = held.showing
    heard: list[str] = []
    showing.changed.connect(lambda: heard.append(showing.choice))
    assert showing.field is None, "nothing is shown before it is chosen"
    for dose in DOSES:
        assert showing.why_not(dose) == ""
        showing.choose(dose)
        assert showing.field is not None
        assert showing.field.name == DOSE_FIELDS[dose]
        assert showing.hint == "60 Gy at most; no surface of 100 Gy."
    showing.set_level(0, 50.0)
    assert showing.hint == "60 Gy at most."
    showing.choose(DELIVERED)
    assert heard == [*DOSES, DELIVERED], "a level is a change, what is chosen already is none"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (JudgementState.OUT_OF_DATE, "F5"),
        (JudgementState.RUNNING, "worked out"),
        (JudgementState.FAILED, "failed"),
    ],
)
def test_an_old_dose_is_hidden_with_the_reason(held: Held, state: JudgementState, words: str) -> None:
    held.showing.choose(PREDICTED)
    held.says(state, answer(*DOSES))
    assert held.showing.field is None
    assert not any(held.showing.why_not(dose) for dose in DOSES), "it may be chosen beforehand"
    assert words in held.showing.hint
    held.says(JudgementState.CURRENT, answer(*DOSES))
    assert held.showing.field is not None, "the choice was kept"
    held.says(state, answer(*DOSES))
    held.showing.choose("")
    assert held.showing.hint == "", "no words come and go where no dose is asked for"


def test_hidden_while_a_tip_is_moved(held: Held) -> None:
    session, showing = held.bench.session, held.showing
    held.says(JudgementState.CURRENT, answer(*DOSES))
    showing.choose(PREDICTED)
    session.drag_plan(session.plan.with_instrument(replace(TIP, position_lps_mm=(-18.0, 0.0, 9.0))))
    assert showing.field is None
    assert "moved" in showing.hint
    session.cancel_drag()
    assert showing.field is not None


def test_hidden_while_what_a_tip_feeds_is_painted(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    held.says(JudgementState.CURRENT, answer(*DOSES))
    held.showing.choose(PREDICTED)
    monkeypatch.setattr(held.bench.painting, "is_on", True)
    assert held.showing.field is None
    assert "painted" in held.showing.hint


def test_what_is_not_there_is_not_offered_and_says_why(held: Held) -> None:
    showing = held.showing
    assert "F5" in showing.why_not(PREDICTED), "nothing was assessed yet"
    why = "unknown: enter the ratio of tumour to normal liver"
    held.says(JudgementState.CURRENT, answer(notes=(("lesion_d95_gy", why),)))
    assert showing.why_not(PREDICTED) == "No dose predicted: enter the ratio of tumour to normal liver."
    assert showing.why_not(DELIVERED) == NO_IMAGE
    assert showing.hint == showing.why_not(PREDICTED), "said though nothing is chosen: both are lacking"
    unit = ("measured_activity_in_liver_gbq", "the unit of the image is asked")
    held.says(JudgementState.CURRENT, answer(PREDICTED, notes=(unit,)))
    assert showing.why_not(DELIVERED) == "No dose delivered: the unit of the image is asked."
    assert showing.hint == ""
    showing.choose(DELIVERED)
    assert showing.field is None
    assert showing.hint == showing.why_not(DELIVERED)


def test_a_plan_without_tips_for_y90_has_no_dose(held: Held) -> None:
    session, showing = held.bench.session, held.showing
    held.says(JudgementState.CURRENT, answer(*DOSES))
    showing.choose(PREDICTED)
    session.change_plan("other", session.plan.with_instrument(replace(TIP, agent=Agent(AgentType.TACE))))
    assert not showing.is_wanted
    assert showing.field is None
    session.undo()
    assert showing.is_wanted
    assert showing.field is not None


def test_a_closed_case_shows_nothing(held: Held) -> None:
    held.says(JudgementState.CURRENT, answer(*DOSES))
    held.showing.choose(PREDICTED)
    held.bench.session.close()
    assert not held.showing.is_wanted
    assert held.showing.field is None
    assert all(held.showing.why_not(dose) for dose in DOSES)


def test_levels_of_surfaces_are_told_once(held: Held) -> None:
    heard: list[tuple[float, float]] = []
    held.showing.changed.connect(lambda: heard.append(held.showing.levels_gy))
    held.showing.set_level(1, 205.0)
    held.showing.set_level(1, 205.0)
    held.showing.set_level(0, 0.0)
    assert heard == [(100.0, 205.0), (0.0, 205.0)]


def test_names_are_those_of_the_module() -> None:
    from planner_plugins.radioembolization.measured import DELIVERED as MEASURED
    from planner_plugins.radioembolization.voxels import DOSE

    assert DOSE_FIELDS == {PREDICTED: DOSE, DELIVERED: MEASURED}
