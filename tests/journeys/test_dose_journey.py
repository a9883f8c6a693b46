"""The dose on the views by mouse: switched on, read, hidden by a drag, undone, of another plan, put away."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QScrollArea
from steps import button, resting

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "planning"))
from arterial_case import GRID, artery, structures

from planner.desktop.dose_volume_chart import DoseVolumeChart
from planner.library.case_folder import create_case_folder
from planner.library.store import Store
from planner.model.case import Case, Patient
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.image import Image
from planner.model.plan import Plan
from planner.session.judgement import JudgementState

pytestmark = [pytest.mark.window]

MODULE = "radioembolization"
TIP = CatheterTarget("c1", "artery", (20.0, 0.0, 0.0), Agent(AgentType.Y90_GLASS, 0.25), "", "left")
FACTS = {"lung_shunt_percent": "5", "tumor_to_normal_ratio": "4"}
#: In the left lesion, and in the right half, which is spared.
LESION, SPARED = (40.0, 0.0, 0.0), (-40.0, 0.0, 0.0)


@pytest.fixture
def own_case(tmp_path: Path) -> Path:
    """A block of liver with a confirmed artery and a tip in its left half."""
    image = Image("ct", "CT", GRID, np.full(GRID.shape, 60, np.int16), "CT", "HU", acquired="2026-10-06")
    trees = (replace(artery(), is_confirmed=True),)
    case = Case("c", "Liver", (image,), (structures(),), Patient().with_facts(FACTS), vessel_trees=trees)
    folder = tmp_path / "case"
    kept = create_case_folder(case, folder)
    store = Store(folder)
    store.save_plan(Plan("A", kept.id, (TIP,)))
    store.close()
    return folder


def judged(hand: Any) -> None:
    hand.settle(0.5)
    hand.wait(
        lambda: (
            hand.window.session.judgements.of(MODULE).state == JudgementState.CURRENT
            and not hand.window.jobs.is_running
        ),
        "the whole answer",
        120,
    )
    hand.settle(0.2)


def in_sight(hand: Any, widget: Any) -> Any:
    """A widget of the panel, scrolled to where it can be clicked."""
    hand.window.catheter_panel.findChild(QScrollArea).ensureWidgetVisible(widget)
    return resting(hand, lambda: widget)


def hue(view: Any, lps_mm: tuple[float, float, float]) -> float:
    """How much bluer than green a slice is about a place: gray is 0."""
    at = view.view_of(lps_mm)
    picture = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.width(), 4)
    around = pixels[round(at.y()) - 4 : round(at.y()) + 5, round(at.x()) - 4 : round(at.x()) + 5]
    return float(around[..., 0].mean()) - float(around[..., 1].mean())


def surfaces(window: Any) -> int:
    return len(window.views.space.scene._layers.get("isodoses", {}))


@pytest.mark.parametrize(("width", "height"), [(1280, 800)])
def test_the_dose_on_the_views(
    hands: Callable[[int, int], Any], own_case: Path, width: int, height: int
) -> None:
    hand = hands(width, height)
    window, session = hand.window, hand.window.session
    window.work.open_paths([own_case])
    hand.wait(lambda: session.is_open and not window.jobs.is_running, "the case to open")
    hand.click(button(window, "mode_catheter"))
    hand.wait(lambda: session.judgements.is_ready(MODULE), "what the vessels feed", 120)
    hand.key("F5")
    judged(hand)
    session.selection.move_cursor((44.0, 4.0, 0.0))
    hand.settle(0.3)
    axial, dose = window.views.axial, window.catheter_panel.dose

    # Off, predicted and delivered are offered; the last is not there, and says why.
    assert window.catheter_work.dose.shown is None
    assert window.catheter_work.fed is not None, "what the tip feeds is tinted"
    assert not dose.buttons["delivered"].isEnabled()
    assert "SPECT" in dose.buttons["delivered"].toolTip()
    hand.click(in_sight(hand, dose.buttons["predicted"]))
    hand.settle(0.3)
    hand.wait(lambda: not window.jobs.is_running, "the surface")
    hand.settle(0.2)
    assert window.catheter_work.dose.shown.name == "dose"
    assert window.catheter_work.fed is None, "two tints would mix"
    assert hue(axial, LESION) > 15.0
    assert abs(hue(axial, SPARED)) < 6.0
    assert surfaces(window) == 1
    hand.move(axial, axial.view_of(LESION))
    hand.settle(0.2)
    assert window.status.value.text().endswith("Gy (predicted)")
    said = float(window.status.value.text().split()[-3])
    answer = session.judgements.of(MODULE).assessment
    (mean,) = (m.value for m in answer.metrics if (m.name, m.subject) == ("lesion_dose_gy", "left lesion"))
    assert said == pytest.approx(mean, rel=0.25)

    # Scrolled there and back it is the same picture; beside the liver there is none.
    before = axial.grab().toImage()
    hand.wheel(axial, 2)
    hand.wheel(axial, -2)
    hand.settle(0.2)
    hand.move(axial, axial.view_of(LESION))
    hand.settle(0.2)
    assert axial.grab().toImage() == before

    # A second surface, and none.
    dose.levels[1].setFocus()
    hand.key("Down")
    hand.key("Down")
    hand.settle(0.2)
    hand.wait(lambda: not window.jobs.is_running, "the surface")
    hand.settle(0.2)
    assert dose.showing.levels_gy[1] > 0
    assert surfaces(window) == 2

    # The chart beside the numbers is of the selected lesion.
    session.selection.choose(lesion="left lesion")
    hand.settle(0.3)
    (chart,) = (c for c in window.catheter_panel.findChildren(DoseVolumeChart) if not c.isHidden())
    assert chart.lines[0].title == "left lesion"
    assert not chart.is_old

    # While the tip is dragged nothing of the dose is shown, and the chart is grey; then it is assessed anew.
    tip = session.plan.catheter_targets[0].position_lps_mm
    session.selection.move_cursor(tip)
    hand.settle(0.3)
    seen: list[tuple[bool, bool, int]] = []
    session.dragged.connect(
        lambda: seen.append(
            (window.catheter_work.dose.shown is None, not dose.legend.isEnabled(), surfaces(window))
        )
    )
    start = axial.view_of(tip)
    hand.drag(axial, start, axial.view_of((32.0, 0.0, 0.0)))
    assert seen
    assert seen[-1] == (True, True, 0)
    assert session.plan.catheter_targets[0].position_lps_mm[0] > 25.0
    judged(hand)
    assert window.catheter_work.dose.shown is session.judgements.of(MODULE).assessment.fields[-1]
    assert surfaces(window) == 2

    # A plan without tips has no dose, whatever was chosen.
    session.change_plan("empty", session.plan.without_instrument("c1"))
    hand.settle(0.2)
    assert window.catheter_work.dose.shown is None
    assert dose.isHidden()

    # Undone twice: hidden with the reason, then the dose of the plan as it was.
    hand.key("ctrl+z")
    hand.key("ctrl+z")
    assert session.plan.catheter_targets[0].position_lps_mm == tip
    assert window.catheter_work.dose.shown is None
    assert dose._hint.text()
    judged(hand)
    assert window.catheter_work.dose.shown is not None

    # Another mode shows none of it; back again it is there.
    hand.click(button(window, "mode_ablation"))
    hand.settle(0.3)
    assert abs(hue(axial, LESION)) < 6.0
    assert surfaces(window) == 0
    hand.move(axial, axial.view_of(LESION))
    assert "Gy" not in window.status.value.text()
    hand.click(button(window, "mode_catheter"))
    hand.settle(0.3)
    hand.wait(lambda: not window.jobs.is_running, "the surface")
    assert window.catheter_work.dose.shown is not None

    # Closed: nothing is kept of it.
    session.give_up_unsaved()
    session._saved = (session.plan, session.case)
    window.close_case()
    hand.settle(0.2)
    assert window.catheter_work.dose.shown is None
