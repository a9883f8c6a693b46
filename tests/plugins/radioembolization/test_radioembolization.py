"""Radioembolization judged on a block of liver: activity and dose against formulas by hand, and every lock."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from planner_plugins.radioembolization import logic
from planner_plugins.radioembolization.settings import BY_LIMITS, BY_OWN_AIM, Settings
from planner_plugins.radioembolization.voxels import predicted_dose

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "planning"))
from arterial_case import GRID, artery, line, places, structures

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.case import Case, Patient
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.perfusion import PerfusionGround

SEEN = "perfused right"
FACTS = {"lung_shunt_percent": "5", "tumor_to_normal_ratio": "4"}
LEFT = (20.0, 0.0, 0.0)
GLASS, PUBLISHED = Agent(AgentType.Y90_GLASS), Settings()


def tree(is_confirmed: bool = True) -> VesselTree:
    return replace(artery(), is_confirmed=is_confirmed)


@cache
def given() -> object:
    return structures(**{SEEN: places()[..., 0] < -30.0})


def case(facts: dict[str, str] = FACTS, is_confirmed: bool = True, **patient: object) -> Case:
    told = Patient(**patient).with_facts(facts)  # type: ignore[arg-type]
    return Case("c", "c", (), (given(),), told, vessel_trees=(tree(is_confirmed),))  # type: ignore[arg-type]


@cache
def ground() -> PerfusionGround:
    return logic.prepare(case(), Settings(), Task())


def tip(
    at: tuple[float, float, float] = LEFT,
    agent: Agent = GLASS,
    structure: str = "",
    id: str = "c1",
    of: str = "artery",
) -> CatheterTarget:
    return CatheterTarget(id, of, at, agent, structure)


def plan(*targets: CatheterTarget) -> Plan:
    return Plan("A", "c", targets or (tip(),))


def told(of: Case, targets: Plan, settings: Settings = PUBLISHED) -> tuple[dict, dict]:
    """Metrics by name and subject, and findings by rule."""
    found = logic.preview(of, ground(), targets, settings, "c1")
    return {(m.name, m.subject): m for m in found.metrics}, {f.rule: f for f in found.findings}


def test_the_activity_of_one_compartment() -> None:
    """A volume seen perfused of 108 ml and 400 Gy by the manufacturer: D m / (50 (1-L) (1-R)), m = 1.03 kg/l."""
    metrics, _ = told(
        case(), plan(tip(structure=SEEN)), Settings(intent="segmentectomy", whole_normal_limit_gy=1000.0)
    )
    volume = 30.0 * 60.0 * 60.0 / 1000.0
    assert metrics["perfused_volume_ml", "c1"].value == pytest.approx(volume)
    by_hand = 400.0 * volume * 1.03 / 1000.0 / (50.0 * 0.95 * 0.99)
    assert metrics["prescribed_activity_gbq", "plan"].value == pytest.approx(by_hand)
    physics = 400.0 * volume * 1.05 / 1000.0 / (49.67 * 0.95 * 0.99)
    assert metrics["prescribed_by_physics_gbq", "plan"].value == pytest.approx(physics)
    assert metrics["perfused_dose_manufacturer_gy", "plan"].value == pytest.approx(400.0)
    assert metrics["perfused_dose_gy", "plan"].value == pytest.approx(
        49.67 * by_hand * 0.95 * 0.99 / (volume * 1.05e-3)
    )
    lung = 49.67 * by_hand * 0.99 * 0.05
    assert metrics["lung_dose_gy", "plan"].value == pytest.approx(lung)
    assert "glass manufacturer" in metrics["prescribed_activity_gbq", "plan"].method


def test_partition_by_the_ratio_of_concentrations() -> None:
    given_gbq = 0.5
    target = plan(tip(agent=Agent(AgentType.Y90_RESIN, given_gbq)))
    metrics, _ = told(case(), target)
    tumor = metrics["perfused_volume_ml", "c1"].value - metrics["perfused_normal_volume_ml", "c1"].value
    normal = metrics["perfused_normal_volume_ml", "c1"].value
    to_liver = given_gbq * 0.95 * 0.99
    normal_gy = 49.67 * to_liver / (4.0 * tumor + normal) / 1.05e-3
    assert metrics["perfused_normal_liver_dose_gy", "plan"].value == pytest.approx(normal_gy)
    assert metrics["lesion_dose_gy", "left lesion"].value == pytest.approx(4.0 * normal_gy)
    liver = ground().volumes_ml
    all_normal = liver.sum() - liver[ground().tumor].sum()
    assert metrics["whole_normal_liver_dose_gy", "plan"].value == pytest.approx(
        normal_gy * normal / all_normal
    )


def test_which_limit_binds_is_said() -> None:
    settings = Settings(prescribe_by=BY_OWN_AIM, aim_gy=1500.0)
    metrics, findings = told(case(), plan(), settings)
    assert "bound by" in metrics["prescribed_activity_gbq", "plan"].note
    assert "limit_binds" in findings
    own = replace(settings, whole_normal_limit_gy=5.0)
    metrics, findings = told(case(), plan(), own)
    assert metrics["prescribed_activity_gbq", "plan"].note == "bound by 5 Gy for whole normal liver"
    normal = metrics["whole_normal_liver_dose_gy", "plan"].value
    assert normal == pytest.approx(5.0 * (49.67 / 1.05) / (50.0 / 1.03)), (
        "5 by the manufacturer, told by physics"
    )
    most, _ = told(case(), plan(), Settings(prescribe_by=BY_LIMITS))
    assert most["prescribed_activity_gbq", "plan"].value > 0


@pytest.mark.parametrize(
    ("of", "target", "words"),
    [
        (case(is_confirmed=False), tip(), "nobody confirmed"),
        (case({"tumor_to_normal_ratio": "4"}), tip(), "enter the lung shunt"),
        (case({**FACTS, "lung_shunt_percent": "120"}), tip(), "enter the lung shunt"),
    ],
)
def test_what_is_unknown_yields_no_activity(of: Case, target: CatheterTarget, words: str) -> None:
    metrics, findings = told(of, plan(target))
    assert metrics["prescribed_activity_gbq", "plan"].value is None
    assert words in metrics["prescribed_activity_gbq", "plan"].note
    assert metrics["lung_dose_gy", "plan"].value is None
    assert any(words in f.text for f in findings.values())


def test_a_portal_branch_never_yields_an_activity() -> None:
    portal = VesselTree("portal", Role.PORTAL_VEIN, artery().branches, is_confirmed=True)
    of = replace(case(), vessel_trees=(portal,))
    prepared = logic.prepare(of, Settings(), Task())
    found = logic.preview(
        of, prepared, plan(tip(of="portal", agent=Agent(AgentType.Y90_GLASS, 1.0))), Settings(), "c1"
    )
    metrics = {(m.name, m.subject): m for m in found.metrics}
    assert metrics["perfused_volume_ml", "c1"].value > 0
    assert "assumption" in metrics["perfused_volume_ml", "c1"].method
    for name in ("prescribed_activity_gbq", "lung_dose_gy", "perfused_dose_gy"):
        assert metrics[name, "plan"].value is None
    rules = {f.rule for f in found.findings}
    assert {"portal_branch_stands_in", "dose_locked"} <= rules


def test_without_the_ratio_the_mean_is_known_and_the_parts_are_not() -> None:
    metrics, _ = told(case({"lung_shunt_percent": "5"}), plan(tip(agent=Agent(AgentType.Y90_GLASS, 1.0))))
    assert metrics["perfused_dose_gy", "plan"].value > 0
    assert metrics["lesion_dose_gy", "left lesion"].value is None
    assert "ratio" in metrics["lesion_dose_gy", "left lesion"].note


def test_overlaps_mixtures_and_others_are_refused_or_said() -> None:
    metrics, findings = told(case(), plan(tip(), tip((40.0, 0.0, 0.0), id="c2")))
    assert metrics["prescribed_activity_gbq", "plan"].value is None
    assert {"tips_overlap", "tips_overlap_dose"} <= set(findings)
    _, findings = told(case(), plan(tip(), tip((-20.0, 0.0, 0.0), Agent(AgentType.Y90_RESIN), id="c2")))
    assert "two_products" in findings
    with pytest.raises(InvalidValue, match="no tip for Y-90"):
        told(case(), plan(tip(agent=Agent(AgentType.TACE))))
    with pytest.raises(InvalidValue, match="lies on no branch"):
        told(case(), plan(tip((0.0, 25.0, 25.0))))
    with pytest.raises(InvalidValue, match="no such perfused volume"):
        told(case(), plan(tip(structure="elsewhere")))


def test_a_shunt_over_the_limit_of_resin_is_a_contraindication() -> None:
    of = case({**FACTS, "lung_shunt_percent": "25"}, height_cm=175.0, weight_kg=70.0)
    metrics, findings = told(of, plan(tip(agent=Agent(AgentType.Y90_RESIN))))
    assert findings["lung_shunt_contraindicated"].severity == "stop"
    assert metrics["body_surface_activity_gbq", "plan"].value is None
    fine = case(height_cm=175.0, weight_kg=70.0)
    metrics, _ = told(fine, plan(tip(agent=Agent(AgentType.Y90_RESIN))))
    liver = ground().volumes_ml
    share = metrics["perfused_volume_ml", "plan"].value / liver.sum()
    by_hand = (1.84814 - 0.2 + liver[ground().tumor].sum() / liver.sum()) * share
    assert metrics["body_surface_activity_gbq", "plan"].value == pytest.approx(by_hand, rel=1e-5)


def test_another_organ_beyond_a_tip_is_said_with_its_place() -> None:
    points = line((58.0, 0.0, 0.0), (58.0, 0.0, 90.0))
    named = replace(
        artery(Branch(3, 2, points, np.full(len(points), 1.0), "falciform artery")), is_confirmed=True
    )
    of = replace(case(), vessel_trees=(named,))
    found = logic.preview(of, logic.prepare(of, Settings(), Task()), plan(), Settings(), "c1")
    (finding,) = [f for f in found.findings if f.rule == "feeds_other_organ"]
    assert "abdominal wall" in finding.text
    assert finding.where_lps_mm == pytest.approx((58.0, 0.0, 0.0))
    nameless = named.with_branches(replace(b, name="") if b.number == 3 else b for b in named.branches)
    of = replace(case(), vessel_trees=(replace(nameless, is_confirmed=True),))
    found = logic.preview(of, logic.prepare(of, Settings(), Task()), plan(), Settings(), "c1")
    assert "branch_leaves_liver" in {f.rule for f in found.findings}


def test_the_dose_of_voxels_holds_all_activity_and_the_same_means() -> None:
    target = plan(tip(agent=Agent(AgentType.Y90_GLASS, 1.0)))
    settings = Settings(deposition="local deposition")
    dosing = logic._dosing(case(), ground(), target, settings)
    found = predicted_dose(dosing, Task())
    assert found is not None
    assert found.dose.given_gbq == pytest.approx(0.95 * 0.99, rel=1e-6)
    metrics, _ = told(case(), target, settings)
    inside = found.inside["left lesion"].astype(float)
    mean = float((found.dose.dose_gy * inside).sum() / inside.sum())
    assert mean == pytest.approx(metrics["lesion_dose_gy", "left lesion"].value, rel=0.08), (
        "blocks at its border"
    )
    spread = predicted_dose(logic._dosing(case(), ground(), target, Settings()), Task())
    assert spread is not None
    mass = spread.dose.grid.voxel_volume_ml * 1.05e-3
    assert float(spread.dose.dose_gy.sum()) * mass / 49.67 + spread.dose.left_gbq == pytest.approx(
        0.95 * 0.99, rel=1e-4
    )


def test_assess_says_what_preview_says_and_more() -> None:
    target = plan(tip(agent=Agent(AgentType.Y90_GLASS, 1.0)))
    whole = logic.assess(case(), target, Settings(), Task())
    quick, _ = told(case(), target)
    of_whole = {(m.name, m.subject): m for m in whole.metrics}
    assert all(of_whole[key].value == metric.value for key, metric in quick.items())
    assert of_whole["lesion_d95_gy", "left lesion"].value < of_whole["lesion_dose_gy", "left lesion"].value
    assert [f.name for f in whole.fields] == ["perfused", "dose"]
    curve = next(c for c in whole.curves if c.subject == "left lesion")
    assert curve.y[0] == pytest.approx(100.0)
    assert (np.diff(curve.y) <= 1e-9).all()
    again = logic.assess(case(), target, Settings(), Task())
    assert [m.value for m in again.metrics] == [m.value for m in whole.metrics]
    assert GRID.spacing_mm == (2.0, 2.5, 3.0)
