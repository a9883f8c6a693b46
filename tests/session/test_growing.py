"""Volumetry, embolizations and stages of the open plan: entered, taken from the plan, undone, and asked about."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "planning"))
from liver_shapes import branch, lattice, organ, places

from planner.base.errors import InvalidValue, PlannerError
from planner.model.assessment import Assessment
from planner.model.case import Case, Patient
from planner.model.image import Image
from planner.model.plan import Plan
from planner.model.resection import PlaneCut, Resection
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.model.volumetry import Volumetry
from planner.planning.growth import ReachState
from planner.plugin.judging import judge
from planner.plugin.running import Run
from planner.session.actions import Workbench
from planner.session.growing import Growing, structures_image
from planner.session.session import Session

TREE = VesselTree(
    "Portal vein",
    Role.PORTAL_VEIN,
    (
        branch(0, None, (0, 0, -30), (0, 0, -12)),
        branch(1, 0, (0, 0, -12), (-8, 0, -6), name="right portal vein"),
        branch(2, 0, (0, 0, -12), (15, 0, 0), name="left portal vein"),
        branch(3, 1, (-8, 0, -6), (-15, 0, 0), name="segment 8"),
    ),
)
RIGHT = Resection("r1", PlaneCut((-5.0, 0.0, 0.0), (-1.0, 0.0, 0.0)), "right", stage=2)
EDGE = Resection("r2", PlaneCut((15.0, 0.0, 0.0), (1.0, 0.0, 0.0)), "left edge")


class Here:
    """Answers questions in this process, when told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Run, Case, Plan, dict[str, object]]] = []
        self.asked: list[Plan] = []

    def start(self, run: Run, case: Case, plan: Plan, settings: dict[str, object]) -> Run:
        for older, *_ in self.waiting:
            older.end(older.on_cancelled)
        self.waiting = [(run, case, plan, settings)]
        self.asked.append(plan)
        return run

    def answer(self, session: Session) -> None:
        """All that is asked, and what is asked thereupon."""
        while self.waiting:
            run, case, plan, settings = self.waiting.pop()
            module = session.judgements.registry.module(run.module)
            try:
                found = judge(module, case, plan, settings)
            except PlannerError as error:
                run.end(lambda run=run, error=error: run.on_failed(error))
            else:
                run.end(lambda run=run, found=found: run.on_done(found))

    def close(self) -> None:
        self.waiting.clear()


@pytest.fixture(scope="module")
def case() -> Case:
    grid = lattice((2.0, 2.0, 2.0))
    liver = (np.abs(places(grid)) <= 20.0).all(axis=-1)
    image = Image("ct", "CT", grid, np.zeros(grid.shape, np.int16), "CT", "HU", acquired="20261006")
    patient = Patient(height_cm=175.0, weight_kg=70.0)
    return Case("c", "c", (image,), (organ(grid, liver),), patient, vessel_trees=(TREE,))


@pytest.fixture
def bench(case: Case) -> Iterator[Workbench]:
    session = Session()
    session.open_case(case, Plan("A", case.id))
    for name in ("_runner", "slow_runner"):
        getattr(session.judgements, name).close()
        setattr(session.judgements, name, Here())
    yield Workbench(session)
    session.close()


@pytest.fixture
def growing(bench: Workbench) -> Growing:
    growing = bench.growing
    growing._today = lambda: date(2026, 12, 31)
    return growing


def assess(bench: Workbench) -> None:
    """What the window does after a change of the plan."""
    session = bench.session
    session.judgements.assess(session.case, session.plan)
    session.judgements._runner.answer(session)  # type: ignore[attr-defined]


def answered(bench: Workbench) -> Here:
    """Ask for what the page shows, and answer it."""
    here: Here = bench.session.judgements.slow_runner  # type: ignore[assignment]
    bench.growing.answers.follow()
    here.answer(bench.session)
    return here


def with_cuts(bench: Workbench, *cuts: Resection) -> None:
    plan = bench.session.plan
    for cut in cuts:
        plan = plan.with_instrument(cut)
    bench.session.change_plan("Cut", plan)


def test_volumetry_is_noted_and_undone(bench: Workbench, growing: Growing) -> None:
    heard: list[int] = []
    growing.changed.connect(lambda: heard.append(1))
    growing.add(Volumetry("2026-11-03", 509.0))
    growing.add(Volumetry("2026-10-06", 340.0))
    assert [e.date for e in growing.entries] == ["2026-10-06", "2026-11-03"]
    assert bench.session.undo_label == "Note volumetry of 2026-10-06"
    growing.delete("2026-11-03")
    assert [e.date for e in growing.entries] == ["2026-10-06"]
    bench.session.undo()
    bench.session.undo()
    assert [e.date for e in growing.entries] == ["2026-11-03"]
    assert len(heard) == 3


def test_a_day_twice_and_a_day_to_come_are_refused(bench: Workbench, growing: Growing) -> None:
    growing.add(Volumetry("2026-12-31", 509.0))
    with pytest.raises(InvalidValue, match="of this day already"):
        growing.add(Volumetry("2026-12-31", 510.0))
    with pytest.raises(InvalidValue, match="a day to come"):
        growing.add(Volumetry("2027-01-01", 510.0))
    assert len(growing.entries) == 1
    bench.session.undo()
    assert not bench.session.undo_label


def test_the_plans_remnant_is_taken_with_the_day_of_its_scan(bench: Workbench, growing: Growing) -> None:
    with pytest.raises(PlannerError, match="no resection"):
        growing.take_from_plan()
    with_cuts(bench, RIGHT)
    with pytest.raises(PlannerError, match="not assessed as it is now"):
        growing.take_from_plan()
    assess(bench)
    answered(bench)
    growing.take_from_plan()
    (entry,) = growing.entries
    values = {m.name: m.value for m in bench.session.judgements.of("resection").assessment.metrics}  # type: ignore[union-attr]
    assert entry.date == "2026-10-06"
    assert entry.source == "remnant of plan A on the scan of 2026-10-06"
    assert entry.remnant_ml == pytest.approx(values["remnant_volume_ml"], rel=1e-9)
    assert entry.liver_ml == pytest.approx(values["liver_volume_ml"], rel=1e-9)
    (point,) = growing.growth.points
    assert point.standard_percent == pytest.approx(values["remnant_of_standard_percent"], rel=1e-9)
    assert point.measured_percent == pytest.approx(values["remnant_of_measured_percent"], rel=1e-9)


def test_the_plans_remnant_is_taken_anew_but_not_over_what_somebody_typed(
    bench: Workbench, growing: Growing
) -> None:
    with_cuts(bench, RIGHT)
    assess(bench)
    answered(bench)
    growing.take_from_plan()
    before = growing.entries[0].remnant_ml
    with_cuts(bench, EDGE)
    with pytest.raises(PlannerError, match="not assessed as it is now"):
        growing.take_from_plan()
    assess(bench)
    answered(bench)
    growing.take_from_plan()
    assert len(growing.entries) == 1
    assert growing.entries[0].remnant_ml < before
    growing.delete("2026-10-06")
    growing.add(Volumetry("2026-10-06", 340.0))
    with pytest.raises(InvalidValue, match="of this day already"):
        growing.take_from_plan()
    assert growing.entries[0].remnant_ml == 340.0


def test_a_scan_without_a_day_asks_for_one(case: Case) -> None:
    unknown = replace(case, images=(replace(case.images[0], acquired=""),))
    session = Session()
    session.open_case(unknown, Plan("A", case.id, (RIGHT,)))
    session.judgements._runner = Here()  # type: ignore[assignment]
    bench = Workbench(session)
    assess(bench)
    bench.growing.answers.follow()
    assert bench.growing.proposal().date == ""
    with pytest.raises(PlannerError, match="tells no day"):
        bench.growing.take_from_plan()
    session.close()


def test_the_scan_of_the_structures_is_found_among_several(case: Case) -> None:
    small = lattice((5.0, 5.0, 5.0))
    later = Image("new", "New", small, np.zeros(small.shape, np.int16), "CT", "HU", acquired="2026-11-03")
    assert structures_image(replace(case, images=(later, *case.images))).id == "ct"
    assert structures_image(replace(case, images=(later,), structure_sets=())).id == "new"


def test_what_is_needed_is_set_and_left_to_what_is_published(bench: Workbench, growing: Growing) -> None:
    growing.add(Volumetry("2026-10-06", 340.0))
    assert growing.growth.needed.percent is None
    bench.session.judgements.set_settings("resection", {"liver_state": "chemotherapy"})
    assert growing.growth.needed.percent == 30.0
    growing.set_needed(20.0)
    assert growing.growth.needed.source == "entered by hand"
    assert growing.growth.reach.state == ReachState.REACHED
    assert bench.session.undo_label == "Set needed share of the remnant"
    growing.set_needed(20.0)
    growing.set_needed(None)
    assert growing.growth.needed.percent == 30.0
    bench.session.undo()
    bench.session.undo()
    assert growing.growth.needed.percent == 30.0


def test_branches_are_closed_and_opened(bench: Workbench, growing: Growing) -> None:
    assert growing.trees == (TREE,)
    growing.toggle_closed("Portal vein", 3)
    growing.toggle_closed("Portal vein", 2)
    (closed,) = bench.session.plan.embolizations
    assert (closed.branches, closed.name) == ((2, 3), "left portal vein + segment 8")
    growing.toggle_closed("Portal vein", 1)  # segment 8 lies beyond it
    assert bench.session.plan.embolizations[0].branches == (1, 2)
    assert growing.is_closed("Portal vein", 1)
    assert not growing.is_closed("Portal vein", 3)
    growing.toggle_closed("Portal vein", 2)
    assert bench.session.plan.embolizations[0].name == "right portal vein"
    growing.toggle_closed("Portal vein", 1)
    assert not bench.session.plan.embolizations
    assert bench.session.undo_label == "Delete embolization v1"
    bench.session.undo()
    assert bench.session.plan.embolizations[0].branches == (1,)
    with pytest.raises(InvalidValue, match="no such branch"):
        growing.embolize("Portal vein", (7,))


def test_days_and_stages_are_set(bench: Workbench, growing: Growing) -> None:
    with_cuts(bench, replace(RIGHT, stage=1), EDGE)
    growing.embolize("Portal vein", (1,))
    growing.set_embolization_date("v1", "2026-10-08")
    assert growing.embolization_date("v1") == "2026-10-08"
    with pytest.raises(InvalidValue, match="no day"):
        growing.set_embolization_date("v1", "8.10.")
    growing.set_stage_date(1, "2026-10-01")
    assert [r.date for r in bench.session.plan.resections] == ["2026-10-01"] * 2
    growing.set_stage("r1", 2)
    assert [(r.stage, r.date) for r in bench.session.plan.resections] == [(2, ""), (1, "2026-10-01")]
    assert bench.session.undo_label == "Do resection r1 in stage 2"
    growing.set_stage_date(2, "2026-12-28")
    assert (growing.stage_date(1), growing.stage_date(2)) == ("2026-10-01", "2026-12-28")
    growing.set_stage("v1", 2)
    assert bench.session.plan.embolizations[0].stage == 2
    growing.add(Volumetry("2026-10-06", 340.0))
    growing.add(Volumetry("2026-11-05", 509.0))
    assert growing.growth.kinetic is not None
    assert growing.growth.kinetic.weeks == 4.0  # from the embolization's day
    with pytest.raises(InvalidValue, match="no embolization"):
        growing.set_embolization_date("r1", "2026-10-08")


def test_stages_and_territory_are_asked_one_after_the_other(bench: Workbench, growing: Growing) -> None:
    with_cuts(bench, RIGHT, EDGE)
    growing.embolize("Portal vein", (1,))
    answers, standard = growing.answers, growing.growth.standard
    answers.follow()
    assert answers.is_running
    assert answers.after_first_stage(standard) is None
    assert answers.embolized() is None
    here = answered(bench)
    assert len(here.asked) == 3
    assert not answers.is_running
    assert answers.embolized() is None  # the plan itself is not assessed yet
    assess(bench)
    answered(bench)
    assert len(here.asked) == 3
    first, both, closed = (
        answers.after_first_stage(standard),
        answers.after_all(standard),
        answers.embolized(),
    )
    assert first is not None
    assert both is not None
    assert closed is not None
    assert first.resected_ml < both.resected_ml
    assert closed.remnant_ml == both.remnant_ml
    assert 40.0 < closed.share_percent < 60.0  # the right half


def test_what_changes_no_volume_asks_nothing_anew(bench: Workbench, growing: Growing) -> None:
    with_cuts(bench, RIGHT, EDGE)
    assess(bench)
    here = answered(bench)
    count = len(here.asked)
    growing.add(Volumetry("2026-10-06", 340.0))
    growing.set_stage_date(2, "2026-12-28")
    bench.session.judgements.set_settings("resection", {"liver_state": "healthy"})
    answered(bench)
    assert len(here.asked) == count
    assert growing.answers.after_all(growing.growth.standard) is not None
    bench.session.judgements.set_settings("resection", {"territories": "geodesic"})
    answered(bench)
    assert len(here.asked) == count + 1


def test_a_question_that_is_older_than_the_plan_is_not_taken(bench: Workbench, growing: Growing) -> None:
    with_cuts(bench, RIGHT, EDGE)
    growing.answers.follow()
    here: Here = bench.session.judgements.slow_runner  # type: ignore[assignment]
    old = here.waiting[0][0]
    with_cuts(bench, replace(EDGE, surface=PlaneCut((10.0, 0.0, 0.0), (1.0, 0.0, 0.0))))
    growing.answers.follow()
    assert old.is_over
    assert growing.answers.is_running
    answered(bench)
    first = growing.answers.after_first_stage(growing.growth.standard)
    assert first is not None
    assert first.resected_ml == pytest.approx(first.liver_ml * 11.0 / 42.0, rel=1e-3)


def test_what_goes_wrong_is_said_and_asked_again_on_demand(bench: Workbench, growing: Growing) -> None:
    growing.embolize("Portal vein", (1,))
    here = answered(bench)
    assert growing.answers.error is None
    case = bench.session.case
    gone = replace(TREE, branches=tuple(b for b in TREE.branches if b.number in (0, 2)))
    bench.session.change_case("Cut the tree", case.with_vessel_tree(gone))
    answered(bench)
    assert growing.answers.error is not None
    assert "branch" in str(growing.answers.error)
    count = len(here.asked)
    answered(bench)
    assert len(here.asked) == count
    growing.answers.ask_again()
    here.answer(bench.session)
    assert len(here.asked) == count + 1
    bench.session.undo()
    answered(bench)
    assert growing.answers.error is None
    assert growing.answers.embolized() is not None


def test_nothing_is_asked_where_no_case_is_open() -> None:
    bench = Workbench(Session())
    bench.growing.answers.follow()
    assert (bench.growing.entries, bench.growing.trees) == ((), ())
    assert bench.growing.stage_date(1) == ""


def test_an_embolization_alone_needs_no_judgement_of_the_plan(bench: Workbench, growing: Growing) -> None:
    growing.embolize("Portal vein", (1,))
    answered(bench)
    closed = growing.answers.embolized()
    assert closed is not None
    assert closed.spared_ml is None
    assert isinstance(growing.answers.of(bench.session.plan), Assessment | None)


def test_what_the_user_stopped_is_asked_again_only_when_told(bench: Workbench, growing: Growing) -> None:
    heard: list[int] = []
    growing.changed.connect(lambda: heard.append(1))
    growing.embolize("Portal vein", (1,))
    answers = growing.answers
    answers.follow()
    here: Here = bench.session.judgements.slow_runner  # type: ignore[assignment]
    ((run, *_),) = here.waiting
    run.end(run.on_cancelled)
    assert answers.is_stopped
    assert not answers.is_running
    assert heard, "the page says so"
    answers.follow()
    assert len(here.asked) == 1
    answers.ask_again()
    assert not answers.is_stopped
    assert len(here.asked) == 2
    here.answer(bench.session)
    assert answers.embolized() is not None
    assert not answers.is_stopped
