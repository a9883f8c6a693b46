"""Growth by mouse: branches closed in 3D and in the menu, two volumetries, two stages, undone, kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QScrollArea, QWidget
from steps import button, resting

from planner.model.case import Patient
from planner.model.resection import PlaneCut, Resection
from planner.planning.territories import inflow
from planner.planning.vessel_finding import find_tree
from planner.scene.closed_branches import CLOSED, PLUG
from planner.session.vessel_trees import named

pytestmark = [pytest.mark.window]

MODULE, LAYER = "resection", "closed"


def label(window: Any, name: str) -> str:
    """The words of a label, the newest of its name; none while it is being made."""
    return next((w.text() for w in window.findChildren(QLabel, name)[::-1] if not w.isHidden()), "")


def in_sight(hand: Any, find: Callable[[], QWidget]) -> QWidget:
    """A widget of the page Growth, scrolled to where it can be clicked; it stands still."""
    area = hand.window.resection_panel.stack.currentWidget()
    assert isinstance(area, QScrollArea)

    def is_seen() -> bool:
        widget, view = find(), area.viewport()
        middle = view.mapFromGlobal(widget.mapToGlobal(widget.rect().center()))
        if not view.rect().contains(middle):
            area.ensureWidgetVisible(widget)
        return bool(view.rect().contains(middle))

    hand.wait(is_seen, "a widget of the page to be scrolled into sight")
    found = resting(hand, find)
    return found if is_seen() else in_sight(hand, find)


def newest(window: Any, kind: type, name: str) -> Any:
    """The newest widget of a name: older ones may wait to be deleted."""
    return [w for w in window.findChildren(kind, name) if not w.isHidden()][-1]


def enter(hand: Any, find: Callable[[], QWidget], text: str) -> None:
    """Click into a field and type over what stands there."""
    field = in_sight(hand, find)
    hand.click(field, QPointF(20, field.height() / 2))
    hand.key("ctrl+a")
    hand.type(text)
    hand.key("Tab")


def on_axial(window: Any) -> set[str]:
    """Colours of lines that what is closed draws on the axial slice."""
    view = window.views.axial
    layer = view.layers.layers.get(LAYER)
    return set() if layer is None else {x.color for x in layer.on_slice(view.stack, view.index).lines}


def test_the_remnant_grows_under_the_eyes(hands: Callable[[int, int], Any], own_sample: Path) -> None:
    hand = hands(1100, 700)
    hand.window.work.open_paths([own_sample])
    hand.wait(lambda: hand.window.session.is_open, "the case to open")
    window = hand.window
    hand.wait(lambda: not window.jobs.is_running, "surfaces and measures")
    session, growing, panel = window.session, window.bench.growing, window.resection_panel
    growing._today = lambda: date(2026, 12, 31)
    structures = session.case.structures
    tree = named(find_tree(structures, "Portal vein", id="Portal vein"), structures)
    patient = replace(session.case.patient, height_cm=170.0, weight_kg=68.0)
    session.change_case("Vessels", session.case.with_vessel_tree(tree).with_patient(patient))
    middle, edge = (float(x) for x in np.percentile(window.bench.resecting.points.lps_mm[:, 0], (55, 95)))
    cut = Resection("r1", PlaneCut((middle, 0.0, 0.0), (-1.0, 0.0, 0.0)), "right")
    session.change_plan("cut", replace(session.plan, instruments=(cut,)))
    right = next(b for b in tree.branches if b.name == "right portal vein")
    hand.click(button(window, "mode_resection"))
    hand.click(button(window, "step_growth"))

    # A click in 3D closes a branch, with all beyond it: seen in all views, its volume told.
    hand.click(in_sight(hand, lambda: button(window, "closeByClicks")))
    assert growing.is_closing
    space, axial = window.views.space, window.views.axial
    place = tuple(float(v) for v in right.points_lps_mm[len(right.points_lps_mm) // 2])
    session.selection.move_cursor(place)
    hand.settle(0.2)
    hand.click(axial, axial.view_of(place))
    (closed,) = session.plan.embolizations
    assert closed.branches == (right.number,)
    assert session.undo_label == "Embolize right portal vein"
    hand.wait(lambda: growing.closed.liver is not None, "the closed liver", 60)
    territory = inflow(tree, session.case.structures).subtree_volume_ml(right.number)
    assert growing.closed.liver.volume_ml == pytest.approx(territory)
    assert label(window, "embolizationWords").startswith(f"Closed: {territory:.0f} ml")
    hand.wait(lambda: {CLOSED, PLUG} <= on_axial(window), "the cross on the slice", 10)
    colors = [p.color for p in window.resection_work.closed.layer.in_space()]
    assert colors.count(CLOSED) == 2, "the closed tree and the closed liver"
    assert PLUG in colors

    # In 3D a click on what is closed opens it; Escape ends that.
    hand.click(space, QPointF(*space.scene.display_of(place)))
    assert not session.plan.embolizations
    assert not on_axial(window) & {CLOSED, PLUG}
    hand.key("ctrl+z")
    assert session.plan.embolizations == (closed,)
    hand.key("Escape")
    assert not growing.is_closing

    # It can be hidden, and goes with the page.
    box = in_sight(hand, lambda: panel.growth.embolization.in_views)
    hand.click(box, QPointF(9, box.height() / 2))
    assert not on_axial(window)
    hand.click(box, QPointF(9, box.height() / 2))
    assert on_axial(window)
    hand.click(button(window, "step_cut"))
    assert not on_axial(window)
    hand.click(button(window, "step_growth"))
    assert on_axial(window)

    # What of the remnant is spared is told once the module has answered.
    hand.wait(lambda: growing.answers.embolized() is not None, "what is spared", 240)
    told = growing.answers.embolized()
    assert told.territory_ml == pytest.approx(territory)
    assert "Future remnant spared" in label(window, "embolizationWords")

    # By the menu another one is closed, and that is undone.
    hand.click(in_sight(hand, lambda: button(window, "closeBranch")))
    menu = panel.growth.embolization.close_branch.menu()
    hand.wait(menu.isVisible, "the menu")
    row = next(a for a in menu.actions() if a.text().startswith("left portal vein"))
    hand.click(menu, QPointF(menu.actionGeometry(row).center()))
    assert len(session.plan.embolizations[0].branches) == 2
    panel.setFocus()
    hand.key("ctrl+z")
    assert session.plan.embolizations == (closed,)

    # The plan's remnant is the first volumetry; the second one, after the embolization, is typed.
    hand.wait(lambda: session.judgements.of(MODULE).state == "current", "the plan's judgement", 240)
    enter(hand, lambda: newest(window, QLineEdit, "embolizationDate_v1"), "2026-11-05")
    assert session.plan.embolizations[0].date == "2026-11-05"
    hand.click(in_sight(hand, lambda: button(window, "takeVolumetry")))
    (first,) = session.case.volumetry
    assert first.remnant_ml == pytest.approx(told.remnant_ml, rel=0.2), "tumour left in it does not count"
    grown = round(1.25 * first.remnant_ml)
    volumetry = panel.growth.volumetry
    enter(hand, lambda: volumetry.date, "2026-12-03")
    enter(hand, lambda: volumetry.remnant, str(grown))
    hand.click(in_sight(hand, lambda: volumetry.add))
    assert [v.date for v in session.case.volumetry] == [first.date, "2026-12-03"]
    growth = growing.growth
    points = 100.0 * (grown - first.remnant_ml) / growth.standard.volume_ml
    assert growth.whole.points == pytest.approx(points)
    assert growth.kinetic.per_week == pytest.approx(points / 4.0), "four weeks from the embolization"
    assert f"{points:.1f} percentage points" in label(window, "growthHypertrophy")
    assert f"{points / 4.0:.2f} %/week" in label(window, "growthKinetic")
    share = growth.points[-1].standard_percent
    assert label(window, "growthHeadline") == f"sFLR {share:.1f} %"
    enter(hand, lambda: panel.growth.needed.field, f"{np.ceil(share) + 1:.0f}")
    assert label(window, "growthReach").startswith("Estimate: the needed share about ")
    enter(hand, lambda: panel.growth.needed.field, f"{np.floor(share) - 1:.0f}")
    assert "The needed share is reached: since the volumetry of" in label(window, "growthReach")

    # Two stages: a second resection first, the right side after the growth.
    wedge = Resection("r2", PlaneCut((edge, 0.0, 0.0), (1.0, 0.0, 0.0)), "left edge")
    session.change_plan("Cut", session.plan.with_instrument(wedge))
    box = in_sight(hand, lambda: newest(window, QComboBox, "stage_r1"))
    hand.click(box)
    hand.key("Down")
    hand.key("Return")
    assert [r.stage for r in session.plan.resections] == [2, 1]
    assert session.undo_label == "Do resection r1 in stage 2"
    enter(hand, lambda: newest(window, QLineEdit, "stageDate_2"), "2026-12-28")
    hand.wait(lambda: growing.answers.after_first_stage(growth.standard) is not None, "stage 1", 240)
    hand.wait(lambda: growing.answers.after_all(growth.standard) is not None, "both stages", 240)
    one, both = growing.answers.after_first_stage(growth.standard), growing.answers.after_all(growth.standard)
    assert both.remnant_ml < one.remnant_ml < one.liver_ml
    hand.wait(lambda: label(window, "stage1_2") == f"{one.remnant_ml:.0f} ml", "the table", 20)
    assert label(window, "stage2_2") == f"{both.remnant_ml:.0f} ml"

    # A volumetry is deleted and comes back; the plan is saved, the case closed and opened: all is there.
    hand.click(in_sight(hand, lambda: button(window, "deleteVolumetry_2026-12-03")))
    assert len(session.case.volumetry) == 1
    panel.setFocus()
    hand.key("ctrl+z")
    assert len(session.case.volumetry) == 2
    kept = (session.plan.instruments, session.case.volumetry, session.case.patient)
    hand.key("ctrl+s")
    assert session.is_plan_saved
    assert window.close_case()
    window.work.open_paths([own_sample])
    hand.wait(lambda: session.is_open, "the case to open again")
    assert (session.plan.instruments, session.case.volumetry, session.case.patient) == kept
    assert isinstance(session.case.patient, Patient)
    hand.wait(lambda: bool(on_axial(window)), "what is closed to be drawn again", 60)
    assert label(window, "growthHeadline") == f"sFLR {share:.1f} %"
    hand.click(button(window, "mode_ablation"))
    assert not on_axial(window)
