"""A simulation by mouse alone: cancelled, run, watched, moved through, out of date after a change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QWidget
from steps import button, judged, opened, resting

from planner.desktop.module_settings import ModuleSettings

pytestmark = [pytest.mark.window]


def painted(view: QWidget) -> Any:
    picture = view.grab().toImage()
    return np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), -1).copy()


def test_simulate_the_sample(
    hands: Callable[[int, int], Any], own_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    judged(hand)
    session, simulating, axial = window.session, window.bench.simulating, window.views.axial
    plan = session.plan
    hand.click(button(window, "mode_simulation"))
    before = painted(axial)

    # Coarser by the drawer of experts, so that the test is quick.
    hand.click(button(window, "simulationSettings"))
    hand.wait(lambda: window.findChild(ModuleSettings) is not None, "the settings")
    dialog = window.findChild(ModuleSettings)
    field = dialog.findChild(QWidget, "setting_simulation_voxel_mm")
    assert field.isVisible(), "the drawer is open where the simulation asks for its settings"
    drawer = dialog.findChild(QWidget, "drawer_simulation")
    hand.click(resting(hand, lambda: drawer))
    assert not field.isVisible()
    hand.click(resting(hand, lambda: drawer))
    assert field.isVisible()
    perfusion = dialog.findChild(QWidget, "setting_liver_perfusion_per_s")
    assert perfusion.text().startswith("0.0064")
    field.setFocus()
    hand.key("ctrl+a")
    hand.type("2")
    hand.key("Tab")
    assert session.judgements.settings("thermal_ablation") == {"simulation_voxel_mm": 2.0}
    dialog.accept()
    hand.settle()

    # Cancelled at once: nothing is there, nothing is changed.
    hand.click(resting(hand, lambda: button(window, "simulate")))
    assert simulating.is_running
    hand.click(button(window, "simulate"))
    assert not simulating.is_running
    assert simulating.assessment is None
    assert session.plan == plan

    hand.click(button(window, "simulate"))
    hand.wait(lambda: simulating.shown is not None, "a live picture", 200)
    hand.wait(lambda: not simulating.is_running, "the simulation", 300)
    assert simulating.error is None
    assert simulating.is_current
    answer = simulating.assessment
    device = session.judgements.of("thermal_ablation").assessment.metric(
        "minimal_ablation_margin_mm", "Lesion 2"
    )
    judged_margin = answer.metric("judged_minimal_margin_mm", "Lesion 2")
    assert judged_margin.value <= device.value + 1e-6, "a simulation may lower a margin, never raise it"
    label = window.simulation_panel.findChild(QLabel, "value_judged_minimal_margin_mm")
    assert f"{judged_margin.value:.1f}" in label.text()
    hand.settle(0.5)
    late = painted(axial)
    shown = window.views.space.scene._margins["Lesion 2"].GetMapper().GetInput().GetNumberOfPoints()
    assert shown > 100, "the lesion is coloured by its margin to the simulated zone"
    assert window.paints_simulated
    assert (late != before).mean() > 0.002, "temperatures are laid over the slice"

    # Moved through time by keys on the slider; the picture changes and comes back.
    slider = window.findChild(QWidget, "simulationTime")
    slider.setFocus()
    hand.key("Home")
    assert simulating.moment == 0
    hand.settle(0.4)
    assert (painted(axial) != late).any()
    hand.key("End")
    hand.settle(0.4)
    assert np.array_equal(painted(axial), late)

    # The report has it; a change of the plan makes it old, and it is not reported then.
    monkeypatch.setattr("planner.desktop.case_work.ask", lambda *_: "Close")
    window.work.write_report(tmp_path / "report")
    hand.wait((tmp_path / "report" / "report.html").exists, "the report", 60)
    assert "simulated (model)" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    session.change_plan("Copy probe", plan.with_instrument(plan.applicators[0].moved((5.0, 0.0, 0.0))))
    hand.settle()
    assert not simulating.is_current
    assert not window.paints_simulated, "colours of an old simulation would be taken for the plan's"
    assert "Out of date" in window.findChild(QLabel, "simulationState").text()
    hand.click(button(window, "mode_ablation"))
    assert window.views.axial.layers._field is None
    assert not window.paints_simulated
