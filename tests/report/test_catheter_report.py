"""Catheter targets in the report, and the treatment sheet: one page, and locked where it must be."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "planning"))
from arterial_case import GRID, artery, structures

from planner.base.errors import PlannerError
from planner.model.case import Case, Patient
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.image import Image
from planner.model.plan import Plan
from planner.plugin.registry import Registry, find_modules
from planner.report.treatment_sheet import sheet_facts, write_sheet
from planner.report.writing import judge_all, write_report
from planner.scene.drawn_catheters import tip_color

LEFT = CatheterTarget(
    "c1", "artery", (20.0, 0.0, 0.0), Agent(AgentType.Y90_GLASS, 1.25, "vial 1"), "", "left lobe"
)
PLAN = Plan("A", "c", (LEFT,))
FACTS = {"lung_shunt_percent": "5", "tumor_to_normal_ratio": "4"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return find_modules()


@pytest.fixture(scope="module")
def case() -> Case:
    image = Image("ct", "CT", GRID, np.full(GRID.shape, 60, np.int16), "CT", "HU", acquired="2026-10-06")
    patient = Patient("Doe", "4711").with_facts(FACTS)
    return Case(
        "c", "Liver", (image,), (structures(),), patient, vessel_trees=(replace(artery(), is_confirmed=True),)
    )


@pytest.fixture(scope="module")
def answers(case: Case, registry: Registry):  # type: ignore[no-untyped-def]
    return judge_all(registry, case, PLAN, {})


@pytest.mark.usefixtures("qapp")
def test_the_report_and_its_sheet(case: Case, registry: Registry, answers, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    written = write_report(case, PLAN, answers, registry, tmp_path)
    assert [p.name for p in written.sheet] == ["treatment-sheet.html", "treatment-sheet.pdf"]
    page = (tmp_path / "report.html").read_text()
    assert "Catheter targets" in page
    sheet = (tmp_path / "treatment-sheet.html").read_text()
    for words in (
        "left lobe",
        "Y-90 glass, 1.25 GBq",
        "vial 1",
        "4711",
        "left lesion",
        "half-life 64.1 h",
        "glass manufacturer",
    ):
        assert words in sheet
    assert "Locked" not in sheet
    data = (tmp_path / "treatment-sheet.pdf").read_bytes()
    assert data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") + data.count(b"/Type /Page/") <= 1
    picture = QImage(str(tmp_path / "lesion1-axial.png"))
    tint = np.array([int(tip_color(0)[n : n + 2], 16) for n in (1, 3, 5)])
    pixels = [
        picture.pixelColor(x, y) for x in range(0, picture.width(), 7) for y in range(0, picture.height(), 7)
    ]
    bluish = [p for p in pixels if p.blue() - p.red() > 30]
    assert tint[2] > tint[0]
    assert len(bluish) > 50, "what is fed is tinted on the slices"


@pytest.mark.usefixtures("qapp")
def test_a_sheet_that_is_locked_says_why(case: Case, registry: Registry, tmp_path: Path) -> None:
    unsure = replace(case, vessel_trees=(artery(),))
    facts = sheet_facts(unsure, PLAN, judge_all(registry, unsure, PLAN, {}))
    assert facts is not None
    write_sheet(facts, tmp_path, pdf=False)
    text = (tmp_path / "treatment-sheet.html").read_text()
    assert "Locked: no activity and no dose." in text
    assert "nobody confirmed" in text


@pytest.mark.usefixtures("qapp")
def test_many_tips_stand_on_one_page_or_are_refused(case: Case, answers, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    facts = sheet_facts(case, PLAN, answers)
    assert facts is not None
    row = facts["tips"][0]
    write_sheet({**facts, "tips": [row] * 14}, tmp_path, html=False)
    assert (tmp_path / "treatment-sheet.pdf").exists()
    with pytest.raises(PlannerError, match="does not stand on one page"):
        write_sheet({**facts, "tips": [row] * 300}, tmp_path, html=False)


def test_other_plans_have_no_sheet(case: Case) -> None:
    assert sheet_facts(case, Plan("B", "c"), ()) is None
