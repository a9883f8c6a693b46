"""Growth in the report: what is closed, what stages leave, and the volumetries with their timeline."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "planning"))
from liver_shapes import branch, lattice, organ, places

from planner.base.errors import PlannerError
from planner.model.case import Case, Patient
from planner.model.embolization import Embolization
from planner.model.image import Image
from planner.model.plan import Plan
from planner.model.resection import PlaneCut, Resection
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.model.volumetry import Volumetry
from planner.plugin.hashing import plan_hash
from planner.plugin.registry import Registry, find_modules
from planner.report.growth_facts import growth_facts, with_staged, without_staged
from planner.report.writing import judge_all, write_report

TREE = VesselTree(
    "Portal vein",
    Role.PORTAL_VEIN,
    (
        branch(0, None, (0, 0, -30), (0, 0, -12)),
        branch(1, 0, (0, 0, -12), (-15, 0, 0), name="right portal vein"),
        branch(2, 0, (0, 0, -12), (15, 0, 0), name="left portal vein"),
    ),
)
RIGHT = Resection("r1", PlaneCut((-5.0, 0.0, 0.0), (-1.0, 0.0, 0.0)), "right", stage=2, date="2026-12-28")
EDGE = Resection("r2", PlaneCut((15.0, 0.0, 0.0), (1.0, 0.0, 0.0)), "left edge")
CLOSED = Embolization("v1", "Portal vein", (1,), "right portal vein", date="2026-10-08")
PLAN = Plan("A", "c", (RIGHT, EDGE, CLOSED))


@pytest.fixture(scope="module")
def case() -> Case:
    grid = lattice((2.0, 2.0, 2.0))
    liver = (np.abs(places(grid)) <= 20.0).all(axis=-1)
    image = Image("ct", "CT", grid, np.zeros(grid.shape, np.int16), "CT", "HU", acquired="2026-10-06")
    entries = (Volumetry("2026-10-06", 340.0), Volumetry("2026-11-05", 509.0))
    patient = Patient(height_cm=175.0, weight_kg=70.0)
    structures = (organ(grid, liver),)
    return Case("c", "c", (image,), structures, patient, vessel_trees=(TREE,), volumetry=entries)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return find_modules()


def test_stages_and_embolizations_are_judged_with_the_plan(case: Case, registry: Registry) -> None:
    answers = judge_all(registry, case, PLAN, {"resection": {"liver_state": "chemotherapy"}})
    assert len(answers) == 4
    assert [a.inputs["plan"] for a in without_staged(PLAN, answers)] == [plan_hash(PLAN)]
    assert {a.settings["liver_state"] for a in answers} == {"chemotherapy"}
    assert with_staged(case, PLAN, answers, registry) == answers  # none is asked twice
    facts = growth_facts(case, PLAN, answers)
    assert facts is not None
    assert facts["embolizations"] == [
        {"id": "v1", "what": "right portal vein of Portal vein", "stage": "1", "day": "2026-10-08"}
    ]
    assert [r["day"] for r in facts["operations"]] == ["2026-12-28", "not set"]
    assert facts["territory"].startswith("Closed: ")
    first, both = facts["stages"]
    assert (first["title"], both["title"]) == ("After the first stage", "After both stages")
    assert float(first["remnant"].split()[0]) > float(both["remnant"].split()[0])
    words = "\n".join(facts["lines"])
    assert "from the embolization of 2026-10-08" in words
    assert "Needed: 30 % of the standard liver" in words


def test_the_report_of_a_plan_in_one_stage_says_nothing_of_growth(case: Case, registry: Registry) -> None:
    plain = replace(case, volumetry=())
    plan = Plan("A", "c", (replace(RIGHT, stage=1, date=""),))
    answers = judge_all(registry, plain, plan, {})
    assert len(answers) == 1
    assert growth_facts(plain, plan, answers) is None


def test_what_could_not_be_assessed_is_said(case: Case, registry: Registry) -> None:
    gone = replace(CLOSED, branches=(9,))
    plan = Plan("A", "c", (RIGHT, gone))
    answers = judge_all(registry, case, plan, {})
    facts = growth_facts(case, plan, answers)
    assert facts is not None
    assert facts["territory"] == "What is closed could not be assessed."
    assert facts["embolizations"][0]["what"] == "branch 9 (not in the case) of Portal vein"
    (both,) = facts["stages"]  # nothing is resected in the first stage
    assert both["title"] == "After both stages"
    (row,) = growth_facts(case, plan, ())["stages"]  # type: ignore[index]
    assert row["remnant"] == "not assessed"


def test_without_height_the_share_says_what_to_enter(case: Case, registry: Registry) -> None:
    unknown = replace(case, patient=Patient())
    answers = judge_all(registry, unknown, PLAN, {})
    facts = growth_facts(unknown, PLAN, answers)
    assert facts is not None
    assert {s["standard"] for s in facts["stages"]} == {"unknown: enter height and weight"}


def test_the_page_holds_growth_and_its_picture(
    qapp: object, case: Case, registry: Registry, tmp_path: Path
) -> None:
    plan = Plan("A", "c", (CLOSED,))  # no module judges it: the report stands all the same
    answers = judge_all(registry, case, plan, {})
    written = write_report(case, plan, answers, registry, tmp_path / "report", pdf=False)
    page = written.html.read_text(encoding="utf-8")
    assert "Growth and stages of the operation" in page
    assert "v1 embolization" in page
    assert "Kinetic growth rate" in page
    picture = QImage(str(tmp_path / "report" / "growth.png"))
    assert (picture.width(), picture.height()) == (860, 300)
    with pytest.raises(PlannerError, match="No module judges"):
        judge_all(registry, case, Plan("A", "c"), {})
