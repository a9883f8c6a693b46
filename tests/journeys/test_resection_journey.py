"""A resection by mouse: drawn, dragged, bent, taken aside, laid flat, undone; what remains is said live."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QLabel
from steps import button, opened, resting

from planner.model.resection import MarginCut, PatchCut, PlaneCut
from planner.session.placing import center_of

pytestmark = [pytest.mark.window]

MODULE = "resection"


def assessed(hand: Any, window: Any) -> None:
    judgements = window.session.judgements
    hand.settle(0.6)
    hand.wait(lambda: judgements.of(MODULE).state in ("current", "failed"), "the resection's judgement", 240)
    assert judgements.of(MODULE).error is None
    hand.settle(0.3)


def test_a_resection_is_drawn_dragged_and_undone(
    hands: Callable[[int, int], Any], own_sample: Path, tmp_path: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    session = window.session
    session.change_plan("empty", session.plan.without_instrument("p1"))
    hand.click(button(window, "mode_resection"))
    session.selection.choose(lesion="Lesion 2")
    x, y, z = center_of(session.case.structures, "Lesion 2")
    session.selection.move_cursor((x, y, z))
    hand.settle(0.3)

    # A line across the axial slice becomes a plane; the side of the selected lesion is taken.
    panel, axial = window.resection_panel, window.views.axial
    hand.click(resting(hand, lambda: panel.plane))
    assert panel.plane.isChecked()
    hand.drag(axial, axial.view_of((x + 30, y - 60, z)), axial.view_of((x + 30, y + 60, z)))
    (cut,) = session.plan.resections
    assert isinstance(cut.surface, PlaneCut)
    assert cut.surface.distance_mm(np.array([[x, y, z]]))[0] > 20
    assert not panel.plane.isChecked()
    assessed(hand, window)
    answer = session.judgements.of(MODULE).assessment
    volumes = {m.name: m.value for m in answer.metrics if m.subject == "plan"}
    whole = volumes["liver_volume_ml"]
    parts = volumes["resected_volume_ml"] + volumes["remnant_volume_ml"] + volumes["ablated_volume_ml"]
    assert parts == pytest.approx(whole, abs=1e-6)

    # The cut is dragged where it runs in the slice: numbers follow while the button is down.
    hand.wait(lambda: session.judgements.is_ready(MODULE), "live numbers", 200)
    at = axial.view_of((x + 30, y - 12, z))
    # While it is dragged its numbers are the preview's, of the plan as it is under the mouse.
    seen: list[float] = []

    def note() -> None:
        preview = session.judgements.of(MODULE).preview
        if preview is not None:
            seen.extend(m.value for m in preview.metrics if m.name == "resected_volume_ml")

    session.dragged.connect(note)
    hand.drag(axial, at, at + QPointF(25, 0))
    assert len(set(seen)) > 2, "volumes follow the mouse"
    assert seen[-1] > volumes["resected_volume_ml"]
    assert session.undo_label.endswith("resection r1")
    moved = session.plan.resections[0].surface
    hand.key("ctrl+z")
    assert session.plan.resections[0].surface == cut.surface != moved
    assessed(hand, window)

    # The plane becomes a surface, one of its points is dragged; the map comes, and the part stands aside.
    hand.click(resting(hand, lambda: button(window, "bendCut")))
    assert isinstance(session.plan.resections[0].surface, PatchCut)
    before = session.plan.resections[0].surface.control
    handles = sorted(window.bench.pointer.handles, key=lambda h: abs(h.lps_mm[2] - z))
    inner = min(handles[:5], key=lambda h: abs(h.lps_mm[1] - y))
    at = axial.view_of(inner.lps_mm)
    hand.drag(axial, at, at + QPointF(14, 0))
    bent = session.plan.resections[0].surface.control
    assert 5.0 < float(np.linalg.norm(bent - before, axis=-1).max()) < 30.0
    assessed(hand, window)
    hand.click(button(window, "moveAside"))
    assert window.views.space.scene.surface_names.count("Liver (resected)") == 1
    hand.click(button(window, "moveAside"))
    assert "Liver (resected)" not in window.views.space.scene.surface_names
    hand.click(button(window, "step_map"))
    hand.wait(lambda: panel.map.view.found is not None, "the map")
    assert panel.map.view.found.up == "cranial"
    hand.picture(tmp_path / "map.png")
    hand.click(button(window, "step_cut"))

    # A view shown alone has all the room.
    views = window.views
    hand.double_click(views.space, QPointF(30, 60))
    hand.wait(lambda: views.alone is views.space, "the view to stand alone")
    hand.settle(0.3)
    assert views.space.width() > 0.95 * views.width()
    hand.double_click(views.space, QPointF(30, 60))
    hand.wait(lambda: views.alone is None, "all views to be back")

    # Height and weight are told where they are missed, in one step that can be undone.
    weight = panel.facts.weight_kg
    resting(hand, lambda: weight)
    weight.setFocus()
    hand.key("ctrl+a")
    hand.type("84")
    hand.key("Tab")
    assert session.case.patient.weight_kg == 84.0
    assert session.undo_label == "Tell height and weight"
    state = panel.facts.state
    state.setFocus()
    hand.key("Down")
    assessed(hand, window)
    assert session.judgements.settings(MODULE)["liver_state"] != "unknown"

    # An excision around the selected lesion, its margin changed; Delete and undo.
    session.selection.choose(lesion="Lesion 1")
    hand.click(resting(hand, lambda: button(window, "takeAround")))
    assert session.plan.resections[-1].surface == MarginCut("Lesion 1", 10.0)
    hand.click(resting(hand, lambda: button(window, "deleteResection")))
    assert len(session.plan.resections) == 1
    hand.key("ctrl+z")
    assert len(session.plan.resections) == 2

    # Drawing is stopped by Escape; another mode takes the handles away, the cut stays in sight.
    hand.click(resting(hand, lambda: button(window, "drawPatch")))
    hand.key("Escape")
    assert not window.bench.pointer.wants_stroke
    hand.click(button(window, "mode_ablation"))
    assert not window.bench.pointer.handles
    assert window.views.axial.content().marks
    hint = window.findChild(QLabel, "resectionHint")
    assert hint is not None
