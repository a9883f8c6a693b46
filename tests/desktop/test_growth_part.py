"""The page Growth in the side panel: entries, closed branches and stages by hand, in 340 pixels."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QPushButton, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "planning"))
from liver_shapes import branch, lattice, organ, places

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.application import make_application
from planner.desktop.growth_part import GrowthPart
from planner.model.case import Case, Patient
from planner.model.plan import Plan
from planner.model.resection import PlaneCut, Resection
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.session.actions import Workbench
from planner.session.session import Session

PANEL_PX = 340
TREE = VesselTree(
    "Portal vein",
    Role.PORTAL_VEIN,
    (
        branch(0, None, (0, 0, -30), (0, 0, -12), name="main portal vein"),
        branch(1, 0, (0, 0, -12), (-15, 0, 0), name="right portal vein"),
        branch(2, 0, (0, 0, -12), (15, 0, 0), name="left portal vein"),
    ),
)
CUT = Resection("r1", PlaneCut((-5.0, 0.0, 0.0), (-1.0, 0.0, 0.0)), "right")


class Unanswered:
    """Takes questions and never answers."""

    def start(self, run: object, *_rest: object) -> object:
        return run

    def close(self) -> None:
        """Nothing runs."""


@pytest.fixture
def part(qapp: object) -> Iterator[GrowthPart]:
    make_application()
    grid = lattice((4.0, 4.0, 4.0))
    liver = (np.abs(places(grid)) <= 20.0).all(axis=-1)
    patient = Patient(height_cm=175.0, weight_kg=70.0)
    session = Session()
    session.open_case(
        Case("c", "c", (), (organ(grid, liver),), patient, vessel_trees=(TREE,)), Plan("A", "c", (CUT,))
    )
    for name in ("_runner", "slow_runner"):
        getattr(session.judgements, name).close()
        setattr(session.judgements, name, Unanswered())
    bench = Workbench(session)
    bench.growing._today = lambda: date(2026, 12, 31)
    made = GrowthPart(bench)
    session.plan_changed.connect(made.refresh)
    made.resize(PANEL_PX, 1200)
    made.show()
    made.refresh()
    yield made
    made.close()
    session.close()


def found(part: QWidget, kind: type, name: str):  # type: ignore[no-untyped-def]
    """The newest child of a name, when it is shown: older ones may wait to be deleted."""
    QApplication.processEvents()
    return [w for w in part.findChildren(kind, name) if not w.isHidden()][-1]


def enter(part: GrowthPart, day: str, remnant_ml: float) -> None:
    part.volumetry.date.setText(day)
    part.volumetry.remnant.setValue(remnant_ml)
    QTest.mouseClick(part.volumetry.add, Qt.MouseButton.LeftButton)


def test_h17_is_entered_by_hand(part: GrowthPart) -> None:
    assert not part.said.isVisible()
    enter(part, "2026-11-03", 509.287)
    enter(part, "2026-10-06", 339.524)
    part.needed.field.setValue(30.0)
    assert part.said.headline.text() == "sFLR 33.0 %"
    assert part.said.reach.text().startswith("The needed share is reached: since the volumetry of 2026-11-03")
    assert "11.0 percentage points" in part.said.hypertrophy.text()
    assert "2.74 %/week" in part.said.kinetic.text()  # of whole millilitres
    assert part.volumetry.date.text() == ""
    QTest.mouseClick(found(part, QPushButton, "deleteVolumetry_2026-11-03"), Qt.MouseButton.LeftButton)
    assert part.said.headline.text() == "sFLR 22.0 %"
    part.bench.session.undo()
    assert part.said.headline.text() == "sFLR 33.0 %"


def test_what_cannot_be_is_said_and_stays_to_be_corrected(part: GrowthPart) -> None:
    heard: list[PlannerError] = []
    part.trouble.connect(heard.append)
    enter(part, "2026-11-03", 0.0)
    enter(part, "3.11.2026", 500.0)
    enter(part, "2026-11-03", 500.0)
    enter(part, "2026-11-03", 510.0)
    assert [e.what.split()[0] for e in heard] == ["No", "This", "There"]
    assert part.volumetry.date.text() == "2026-11-03"
    assert part.volumetry.remnant.value() == 510.0
    assert len(part.bench.growing.entries) == 1


def test_branches_are_closed_in_the_menu(part: GrowthPart) -> None:
    menu = part.embolization.close_branch.menu()
    menu.aboutToShow.emit()
    words = [a.text().split("   ")[0] for a in menu.actions()]
    assert words == ["main portal vein", "right portal vein", "left portal vein"]
    menu.actions()[1].trigger()
    (closed,) = part.bench.session.plan.embolizations
    assert closed.branches == (1,)
    menu.aboutToShow.emit()
    assert [a.isChecked() for a in menu.actions()] == [False, True, False]
    part.bench.growing.toggle_closed("Portal vein", 0)
    menu.aboutToShow.emit()
    assert [(a.isChecked(), a.isEnabled()) for a in menu.actions()] == [
        (True, True),
        (True, False),
        (True, False),
    ]
    assert menu.actions()[1].text().endswith(", with main portal vein")
    part.bench.session.undo()
    day = found(part, QLineEdit, "embolizationDate_v1")
    day.setText("2026-10-08")
    day.editingFinished.emit()
    assert part.bench.session.plan.embolizations[0].date == "2026-10-08"


def test_what_is_closed_is_told_before_the_module_has_answered(part: GrowthPart) -> None:
    closed = part.bench.growing.closed
    part.bench.growing.embolize("Portal vein", (1,))
    words = found(part, QLabel, "embolizationWords")
    assert words.text() == "Working out what is closed and what is spared…"
    asked = closed.wanted()
    assert asked is not None
    closed.take(closed.make(asked, Task()))
    part.bench.growing.changed.emit()
    assert closed.liver is not None
    share = 100 * closed.liver.volume_ml / closed.liver.liver_ml
    assert words.text().startswith(
        f"Closed: {closed.liver.volume_ml:.0f} ml, {share:.1f} % of the liver. Work"
    )


def test_clicks_in_the_views_and_what_is_seen_there_are_switched(part: GrowthPart) -> None:
    heard: list[int] = []
    part.look_changed.connect(lambda: heard.append(1))
    assert part.shows_closed
    part.embolization.in_views.click()
    assert heard == [1]
    assert not part.shows_closed
    QTest.mouseClick(part.embolization.by_clicks, Qt.MouseButton.LeftButton)
    assert part.bench.growing.is_closing
    assert part.shows_closed, "one must see what one clicks"
    assert found(part, QLabel, "embolizationWords").text().startswith("Click a portal branch")
    part.bench.growing.close_by_clicks(False)
    assert not part.embolization.by_clicks.isChecked()


def test_a_day_that_is_none_goes_back_and_is_said_once(part: GrowthPart) -> None:
    heard: list[PlannerError] = []
    part.trouble.connect(heard.append)
    part.bench.growing.embolize("Portal vein", (1,))
    day = found(part, QLineEdit, "embolizationDate_v1")
    day.setText("8.10.")
    part.trouble.connect(lambda _error: day.editingFinished.emit())  # a dialog takes the focus
    day.editingFinished.emit()
    assert len(heard) == 1
    assert day.text() == ""


def test_stages_are_chosen_and_their_days_set(part: GrowthPart) -> None:
    session = part.bench.session
    session.change_plan("Cut", session.plan.with_instrument(replace(CUT, id="r2", name="wedge")))
    box = found(part, QComboBox, "stage_r1")
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert [r.stage for r in session.plan.resections] == [2, 1]
    day = found(part, QLineEdit, "stageDate_2")
    day.setText("2026-12-28")
    day.editingFinished.emit()
    assert session.plan.resections[0].date == "2026-12-28"
    QApplication.processEvents()
    texts = [w.text() for w in part.stages.findChildren(QLabel) if not w.isHidden()]
    assert "After stage 1" in texts
    assert texts.count("…") == 8


def test_without_vessels_the_way_to_them_is_shown(part: GrowthPart) -> None:
    heard: list[int] = []
    part.vessels_asked.connect(lambda: heard.append(1))
    session = part.bench.session
    session.change_case("Delete vessels", session.case.without_vessel_tree("Portal vein"))
    assert not part.embolization.close_branch.isVisible()
    assert not part.embolization.by_clicks.isVisible()
    assert not part.embolization.in_views.isVisible()
    QTest.mouseClick(part.embolization.find_tree, Qt.MouseButton.LeftButton)
    assert heard == [1]


def test_all_of_it_fits_the_panel(part: GrowthPart) -> None:
    enter(part, "2026-11-03", 509.0)
    enter(part, "2026-10-06", 339.0)
    part.bench.growing.embolize("Portal vein", (1, 2))
    part.bench.growing.set_stage("r1", 2)
    assert part.minimumSizeHint().width() <= PANEL_PX
