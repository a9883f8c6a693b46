"""The vial of a treatment: decay to the time it is given, what is drawn for each tip, and what to order."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from planner_plugins.radioembolization import logic
from planner_plugins.radioembolization.settings import Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "planning"))
from arterial_case import artery, structures

from planner.base.task import Task
from planner.model.case import Case, Patient
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.plan import Plan
from planner.planning.perfusion import PerfusionGround

VIAL = Settings(
    vial_activity_gbq=3.0,
    vial_calibrated_at="2026-12-01 08:00",
    treated_at="2026-12-04 08:00",
    residual_percent=2.0,
)
#: The reference sheet's decay: 3 GBq after 72 h.
HELD = 1.377180


def case() -> Case:
    facts = {"lung_shunt_percent": "5", "tumor_to_normal_ratio": "4"}
    tree = replace(artery(), is_confirmed=True)
    return Case("c", "c", (), (structures(),), Patient().with_facts(facts), vessel_trees=(tree,))


@cache
def ground() -> PerfusionGround:
    return logic.prepare(case(), Settings(), Task())


def told(settings: Settings, *given: float) -> tuple[dict, dict]:
    tips = [
        CatheterTarget(f"c{n + 1}", "artery", (x, 0.0, 0.0), Agent(AgentType.Y90_GLASS, gbq))
        for n, (x, gbq) in enumerate(zip((20.0, -20.0), given, strict=False))
    ]
    found = logic.preview(case(), ground(), Plan("A", "c", tuple(tips)), settings, "c1")
    return {(m.name, m.subject): m for m in found.metrics}, {f.rule: f for f in found.findings}


def test_what_it_holds_and_what_is_drawn() -> None:
    metrics, findings = told(VIAL, 0.9, 0.3)
    assert metrics["vial_activity_at_treatment_gbq", "plan"].value == pytest.approx(HELD, abs=1e-6)
    assert metrics["calibration_to_treatment_h", "plan"].value == 72.0
    drawn = [metrics["drawn_activity_gbq", f"c{n}"].value for n in (1, 2)]
    assert drawn == pytest.approx([0.9, 0.3])
    order = metrics["activity_to_order_gbq", "plan"].value
    assert order == pytest.approx(1.2 * 3.0 / HELD, rel=1e-5)
    assert "vial_does_not_fit" not in findings


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"treated_at": "2026-11-30 08:00"}, "calibrated 24 h after"),
        ({"treated_at": "tomorrow"}, "time of treatment"),
        ({"vial_calibrated_at": ""}, "time of calibration"),
        ({"treated_at": "2026-12-04 08:00+01:00"}, "zone"),
        ({"vial_activity_gbq": 2.0}, "does not hold so much"),
        ({"vial_activity_gbq": 30.0}, "MBq meant"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_drawn(change: dict[str, object], words: str) -> None:
    metrics, findings = told(replace(VIAL, **change), 1.2)
    assert words in findings["vial_does_not_fit"].text
    assert ("drawn_activity_gbq", "c1") not in metrics


def test_a_vial_known_to_come_before_its_calibration() -> None:
    metrics, _ = told(replace(VIAL, treated_at="2026-11-30 08:00", vial_is_precalibrated=True), 1.2)
    held = metrics["vial_activity_at_treatment_gbq", "plan"].value
    assert held == pytest.approx(3.0 * 2 ** (24.0 / 64.1))


def test_without_a_vial_nothing_is_said() -> None:
    metrics, findings = told(Settings(), 1.2)
    assert not any(name.startswith(("vial", "drawn")) for name, _ in metrics)
    assert "vial_does_not_fit" not in findings
