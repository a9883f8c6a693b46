"""Plans in two stages, and what embolizations close: plans made of a plan, and numbers out of assessments."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from liver_shapes import branch, lattice, organ, places
from phantom import custom_probe

from planner.base.errors import InvalidValue
from planner.model.assessment import Assessment, Metric
from planner.model.case import Case, Patient
from planner.model.embolization import Embolization
from planner.model.plan import Plan
from planner.model.registration import Registration
from planner.model.resection import PlaneCut, Resection, TerritoriesCut
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.planning.carried_plan import carried_plan
from planner.planning.growth_words import branch_words, territory_words
from planner.planning.liver_volumes import standard_volume
from planner.planning.staged_plans import (
    EmbolizedLiver,
    dated_steps,
    derived_plans,
    embolized_by,
    embolized_on,
    first_stage,
    is_two_stage,
    only_embolized_taken,
    stage_numbers,
    with_embolized_taken,
)
from planner.planning.territories import inflow
from planner.plugin.hashing import plan_hash
from planner.plugin.judging import judge
from planner.plugin.registry import find_modules

MODULE = find_modules().module("resection")
#: A liver of 40 x 40 x 40 mm whose portal vein has one branch to either side.
SPACING_MM = (1.0, 1.25, 2.0)
TREE = VesselTree(
    "Portal vein",
    Role.PORTAL_VEIN,
    (
        branch(0, None, (0, 0, -30), (0, 0, -12)),
        branch(1, 0, (0, 0, -12), (-15, 0, 0), name="right portal vein"),
        branch(2, 0, (0, 0, -12), (15, 0, 0), name="left portal vein"),
    ),
)
#: Takes what lies to the right (negative x) of 5 mm right of the middle.
CUT = Resection("r1", PlaneCut((-5.0, 0.0, 0.0), (-1.0, 0.0, 0.0)), "right")
WEDGE = Resection("r2", PlaneCut((15.0, 0.0, 0.0), (1.0, 0.0, 0.0)), "left edge")
CLOSED = Embolization("v1", "Portal vein", (1,), "right portal vein", date="2026-10-08")


@pytest.fixture(scope="module")
def case() -> Case:
    grid = lattice(SPACING_MM)
    liver = (np.abs(places(grid)) <= 20.0).all(axis=-1)
    patient = Patient(height_cm=175.0, weight_kg=70.0)
    return Case("c", "c", (), (organ(grid, liver),), patient, vessel_trees=(TREE,))


def plan_of(*instruments: object) -> Plan:
    return Plan("A", "c", instruments)  # type: ignore[arg-type]


def volumes(case: Case, plan: Plan) -> tuple[float, float]:
    values = {m.name: m.value for m in judge(MODULE, case, plan).metrics}
    return values["resected_volume_ml"], values["remnant_volume_ml"]  # type: ignore[return-value]


def test_the_first_stage_leaves_out_what_comes_later() -> None:
    later, probe = replace(CUT, stage=2), custom_probe()
    plan = plan_of(later, WEDGE, CLOSED, probe)
    assert is_two_stage(plan)
    assert first_stage(plan).instruments == (WEDGE, CLOSED, probe)
    assert not is_two_stage(plan_of(CUT, WEDGE, CLOSED))
    assert not is_two_stage(plan_of(CUT, replace(CLOSED, stage=2)))


def test_only_what_has_to_be_asked_is_asked() -> None:
    assert derived_plans(plan_of(CUT)) == ()
    assert len(derived_plans(plan_of(CLOSED))) == 1
    assert len(derived_plans(plan_of(CUT, CLOSED))) == 2
    assert len(derived_plans(plan_of(replace(CUT, stage=2), CLOSED))) == 2  # no cut in the first stage
    assert len(derived_plans(plan_of(replace(CUT, stage=2), WEDGE, CLOSED))) == 3


def test_days_of_steps_are_told_once_each_by_day() -> None:
    assert dated_steps(plan_of(CUT)) == ()
    plan = plan_of(
        replace(CUT, stage=2, date="2026-12-28"),
        replace(WEDGE, date="2026-10-01"),
        replace(WEDGE, id="r3", date="2026-10-01"),
        CLOSED,
        replace(CLOSED, id="v2", date="2026-10-20"),
    )
    assert dated_steps(plan) == (
        ("2026-10-01", "Stage 1"),
        ("2026-10-08", "Embolization"),
        ("2026-10-20", "Embolization"),
        ("2026-12-28", "Stage 2"),
    )
    assert embolized_on(plan) == "2026-10-08"
    assert embolized_on(plan_of(replace(CLOSED, date=""))) == ""
    assert dated_steps(plan_of(replace(CUT, date="2026-12-28"))) == (("2026-12-28", "Resection"),)


def test_an_embolization_changes_no_volume(case: Case) -> None:
    alone, beside = judge(MODULE, case, plan_of(CUT)), judge(MODULE, case, plan_of(CLOSED, CUT))
    assert alone.metrics == beside.metrics
    assert alone.findings == beside.findings
    assert alone.inputs["plan"] != beside.inputs["plan"]
    assert find_modules().judging(plan_of(CLOSED)) == ()


def test_stages_against_the_boxs_closed_form(case: Case) -> None:
    plan = plan_of(replace(CUT, stage=2), WEDGE)
    standard = standard_volume(case.patient)
    both = stage_numbers(judge(MODULE, case, plan), standard)
    first = stage_numbers(judge(MODULE, case, first_stage(plan)), standard)
    box = both.liver_ml
    wide = 41  # voxels of 1 mm, centres from -20 to 20 mm
    assert box == pytest.approx(wide * 33 * 21 * 2.5e-3, rel=1e-6)
    assert first.resected_ml == pytest.approx(box * 5.5 / wide, rel=1e-3)
    assert both.resected_ml == pytest.approx(box * (5.5 + 15.5) / wide, rel=1e-3)
    for numbers in (first, both):
        assert numbers.resected_ml + numbers.remnant_ml == pytest.approx(box, rel=1e-9)
        assert numbers.working_ml == pytest.approx(numbers.remnant_ml, rel=1e-9)  # no tumour
        assert numbers.standard_percent == pytest.approx(100 * numbers.remnant_ml / 1543.293, rel=1e-5)
        assert numbers.measured_percent == pytest.approx(100 * numbers.remnant_ml / box, rel=1e-9)


def test_what_is_closed_and_spared_against_territories(case: Case) -> None:
    plan = plan_of(CUT, CLOSED)
    asked = {plan_hash(p): judge(MODULE, case, p) for p in (plan, *derived_plans(plan))}
    closed = embolized_by(plan, lambda p: asked.get(plan_hash(p)))
    assert closed is not None
    shared = inflow(TREE, case.structures)
    assert closed.territory_ml == pytest.approx(shared.subtree_volume_ml(1), rel=1e-6)
    assert closed.share_percent == pytest.approx(shared.share_percent(1), rel=1e-6)
    # The cut runs through the closed territory: voxels of it left of the plane stay, closed.
    points = shared.grid.to_lps(np.argwhere(shared.mask([1]))[:, ::-1].astype(float))
    stays_ml = float((points[:, 0] > -5.0).sum() + 0.5 * (points[:, 0] == -5.0).sum())
    stays_ml *= shared.grid.voxel_volume_ml
    assert stays_ml > 1.0
    assert closed.remnant_embolized_ml == pytest.approx(stays_ml, rel=0.01)
    assert closed.remnant_ml is not None
    assert closed.spared_ml == pytest.approx(closed.remnant_ml - closed.remnant_embolized_ml)
    assert closed.spared_percent == pytest.approx(100 * closed.spared_ml / closed.remnant_ml)
    assert f"{closed.territory_ml:.0f} ml" in territory_words(closed)
    assert "are closed too" in territory_words(closed)


def test_a_resection_of_what_is_closed_spares_all_that_remains(case: Case) -> None:
    taken = Resection("r1", TerritoriesCut("Portal vein", (1,)))
    plan = plan_of(taken, CLOSED)
    asked = {plan_hash(p): judge(MODULE, case, p) for p in (plan, *derived_plans(plan))}
    closed = embolized_by(plan, lambda p: asked.get(plan_hash(p)))
    assert closed is not None
    assert closed.remnant_embolized_ml == pytest.approx(0.0, abs=1e-6)
    assert closed.spared_percent == pytest.approx(100.0, abs=1e-6)
    assert territory_words(closed).endswith("(100.0 %).")


def test_without_a_resection_nothing_is_spared_or_not(case: Case) -> None:
    plan = plan_of(CLOSED)
    (asked,) = derived_plans(plan)
    closed = embolized_by(plan, lambda _p: judge(MODULE, case, asked))
    assert closed is not None
    assert (closed.spared_ml, closed.spared_percent) == (None, None)
    assert "when the plan has a resection" in territory_words(closed)
    assert embolized_by(plan, lambda _p: None) is None
    assert embolized_by(plan_of(CUT), lambda _p: pytest.fail("nothing is closed")) is None


def test_a_remnant_of_nothing_has_no_spared_share() -> None:
    assert EmbolizedLiver(10.0, 20.0, 0.0, 0.0).spared_percent is None


def test_plans_that_are_asked_about_keep_ids_apart() -> None:
    two = plan_of(CUT, CLOSED, replace(CLOSED, id="v2", branches=(2,)))
    assert [r.id for r in with_embolized_taken(two).resections] == ["r1", "closed1", "closed2"]
    assert [r.id for r in only_embolized_taken(two).resections] == ["closed1", "closed2"]


def test_the_remnant_without_tumour_is_found_out_of_shares() -> None:
    def answer(**values: float | None) -> Assessment:
        metrics = tuple(Metric(name, value, "", "plan", "") for name, value in values.items())
        return Assessment("resection", "1", {}, {}, metrics)

    volumes = {"liver_volume_ml": 1700.0, "resected_volume_ml": 1260.0, "remnant_volume_ml": 440.0}
    rest = {"tumor_volume_ml": 120.0, "ablated_volume_ml": 0.0}
    unknown = standard_volume(Patient())
    # 20 ml of tumour are left: H17's 420 of 1580 ml.
    measured = answer(**volumes, **rest, remnant_of_measured_percent=26.5823)
    assert stage_numbers(measured, unknown).working_ml == pytest.approx(420.0, abs=0.01)
    assert stage_numbers(measured, unknown).standard_percent is None
    standard = answer(
        **volumes, **rest, standard_liver_volume_ml=1543.293, remnant_of_standard_percent=27.2145
    )
    assert stage_numbers(standard, standard_volume(PATIENT)).working_ml == pytest.approx(420.0, abs=0.01)
    assert stage_numbers(answer(**volumes, **rest), unknown).working_ml == 440.0
    with pytest.raises(InvalidValue, match="no assessment of a resection"):
        stage_numbers(answer(lesion_volume_ml=3.0), unknown)


PATIENT = Patient(height_cm=175.0, weight_kg=70.0)


def test_branches_are_named_as_the_case_names_them(case: Case) -> None:
    assert branch_words(CLOSED, case) == "right portal vein of Portal vein"
    gone = replace(CLOSED, branches=(1, 9))
    assert branch_words(gone, case) == "right portal vein, branch 9 (not in the case) of Portal vein"
    with pytest.raises(InvalidValue, match="branch"):
        judge(MODULE, case, only_embolized_taken(plan_of(gone)))


def test_an_embolization_is_carried_over_with_the_plan() -> None:
    shift = np.eye(4)
    shift[:3, 3] = (10.0, 0.0, 0.0)
    registration = Registration("ct", "after", shift)
    carried = carried_plan(plan_of(CUT, CLOSED), registration, "B").plan
    assert carried.embolizations == (CLOSED,)
    cut = carried.resections[0].surface
    assert isinstance(cut, PlaneCut)
    assert cut.point_lps_mm[0] == pytest.approx(5.0)
