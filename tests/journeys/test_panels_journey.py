"""Panels by mouse and keys: settings, looks, lesions at a glance, themes, dropped files, other frames."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QSlider,
    QWidget,
)
from steps import button, in_sight, judged, opened, ready, resting

from planner.desktop.array_dialog import ArrayDialog, PullBackDialog
from planner.desktop.margin_map import MarginMap
from planner.desktop.module_settings import ModuleSettings
from planner.desktop.pieces import Row
from planner.model.image import Image
from planner.session.placing import center_of

pytestmark = [pytest.mark.window]
MARGIN = "minimal_ablation_margin_mm"


def shown(window: Any, name: str) -> str:
    label = window.findChild(QLabel, f"value_{name}")
    assert isinstance(label, QLabel)
    return label.text()


def judgement(window: Any) -> Any:
    return window.session.judgements.of("thermal_ablation")


def test_a_setting_is_changed_judged_and_taken_back(
    hands: Callable[[int, int], Any], own_sample: Path, tmp_path: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    judged(hand)
    chance = judgement(window).assessment.metric("chance_of_5mm_margin_percent")
    assert chance.is_met is False
    hand.click(button(window, "settings_thermal_ablation"))
    hand.wait(lambda: window.findChild(ModuleSettings) is not None, "the settings")
    dialog = window.findChild(ModuleSettings)
    field = dialog.findChild(QWidget, "setting_chance_target_percent")
    hand.click(field, QPointF(30, field.height() / 2))
    hand.key("ctrl+a")
    hand.type("3")
    hand.key("Tab")
    assert dialog.findChild(QLineEdit, "settingsCommand").text() == "--set chance_target_percent=3.0"
    dialog.accept()
    judged(hand)
    answer = judgement(window).assessment
    assert answer.settings["chance_target_percent"] == 3.0
    assert answer.metric("chance_of_5mm_margin_percent").is_met is True
    assert button(window, "settings_thermal_ablation").text() == "Settings… (1)"
    hand.click(button(window, "settings_thermal_ablation"))
    hand.wait(lambda: any(d.isVisible() for d in window.findChildren(ModuleSettings)), "the settings again")
    last = next(d for d in window.findChildren(ModuleSettings) if d.isVisible())
    hand.click(resting(hand, lambda: last.findChild(QWidget, "restoreDefaults")))
    assert window.session.judgements.settings("thermal_ablation") == {}
    last.reject()  # what held when it was opened comes back
    assert window.session.judgements.settings("thermal_ablation") == {"chance_target_percent": 3.0}
    window.session.judgements.set_settings("thermal_ablation", {})
    judged(hand)


def test_opacity_and_3d_stand_below_the_clicked_structure(
    hands: Callable[[int, int], Any], own_sample: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    panel, liver = window.case_panel, window.session.case.structures["Liver"]
    hand.click(panel._rows["Liver"], QPointF(90, 8))
    slider = resting(hand, lambda: panel.findChild(QSlider, "opacitySlider"))
    assert slider.value() == 32
    hand.drag(slider, QPointF(slider.width() * 0.32, slider.height() / 2), QPointF(slider.width() - 3, 8))
    look = window.bench.appearance.look(liver)
    assert look.opacity > 0.9
    assert panel.findChild(QSlider, "opacitySlider") is slider, "the slider stays while it is dragged"
    hand.click(panel.findChild(QCheckBox, "showIn3d"))
    assert not window.bench.appearance.look(liver).is_visible_3d
    assert window.bench.appearance.look(liver).is_visible


def test_two_lesions_at_a_glance_and_a_metric_takes_the_views_to_its_place(
    hands: Callable[[int, int], Any], own_sample: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    session = window.session
    judged(hand)
    overview = window.findChild(QWidget, "lesions_thermal_ablation")
    assert not overview.isVisible(), "one lesion needs no overview"
    assert session.selection.lesion == "Lesion 2", "the plan's lesion is looked at first"
    session.selection.choose(lesion="Lesion 5")
    hand.settle()
    titles = [label.text() for label in window.findChildren(QLabel) if label.property("heading")]
    assert any(t.startswith("LESION 2: COVERAGE") for t in titles), "numbers say whose they are"
    window.bench.placing.aim_at_center("Lesion 1")
    x, y, z = window.bench.placing.target_lps_mm
    window.bench.placing.click((x - 70.0, y - 60.0, z - 10.0))
    judged(hand)
    assert overview.isVisible()
    rows = {row.accessibleName(): row for row in overview.findChildren(Row)}
    assert set(rows) == {"Lesion 1", "Lesion 2"}
    answer = judgement(window).assessment
    for lesion in rows:
        hand.click(
            resting(
                hand,
                lambda lesion=lesion: next(
                    r for r in overview.findChildren(Row) if r.accessibleName() == lesion
                ),
            )
        )
        assert session.selection.lesion == lesion
        metric = answer.metric(MARGIN, lesion)
        assert f">{metric.value:.1f}<" in shown(window, MARGIN)
        chart = window.findChild(QWidget, "marginChart")
        assert chart._curve.subject == lesion
        assert float(chart._curve.y.sum()) == pytest.approx(100.0, abs=1e-6)
    metric = answer.metric(MARGIN, session.selection.lesion)
    hand.click(in_sight(hand, lambda: window.findChild(QLabel, f"value_{MARGIN}")))
    assert np.allclose(session.selection.cursor_lps_mm, metric.where_lps_mm)


def test_the_light_theme_reaches_everything_and_is_kept(
    hands: Callable[[int, int], Any], own_sample: Path, tmp_path: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    judged(hand)

    def tone(widget: QWidget) -> float:
        image = widget.grab().toImage()
        places = [(x, y) for x in range(2, image.width(), 7) for y in range(2, image.height(), 7)]
        return float(np.median([image.pixelColor(x, y).lightness() for x, y in places]))

    panels = (window.case_panel, window.plan_panel, window.status, window.menuBar())
    assert all(tone(p) < 60 for p in panels)
    try:
        window.menus.actions["theme"].trigger()
        hand.settle(0.4)
        assert all(tone(p) > 200 for p in panels)
        assert tone(window.views.axial) < 60, "pictures stay on black"
        assert window.session.settings.theme == "light"
    finally:
        if window.session.settings.theme == "light":
            window.menus.actions["theme"].trigger()
    hand.settle(0.3)
    assert all(tone(p) < 60 for p in panels)


def drop(hand: Any, target: QWidget, *paths: Path) -> None:
    """Drag paths from another program's window and drop them on a widget."""
    command = [sys.executable, str(Path(__file__).with_name("drag_source.py")), "1700", "900"]
    source = subprocess.Popen([*command, *map(str, paths)], stdout=subprocess.PIPE, text=True)
    try:
        assert source.stdout is not None
        assert source.stdout.readline().strip() == "ready"
        hand.settle(0.6)
        place = target.mapToGlobal(QPoint(target.rect().center()))
        hand._xdotool("mousemove", "1760", "930")
        hand._xdotool("mousedown", "1")
        hand.settle(0.4)
        for share in (0.2, 0.5, 0.8, 0.95, 1.0, 1.0):
            x, y = 1760 + share * (place.x() - 1760), 930 + share * (place.y() - 930)
            hand._xdotool("mousemove", str(round(x)), str(round(y)))
            hand.settle(0.25)
        hand._xdotool("mouseup", "1")
        hand.settle(0.5)
    finally:
        source.terminate()
        source.wait()


def test_a_dropped_case_opens(hands: Callable[[int, int], Any], own_sample: Path) -> None:
    hand = hands(1280, 800)
    drop(hand, hand.window.start, own_sample)
    hand.wait(lambda: hand.window.session.is_open, "the dropped case", 60)
    assert hand.window.session.case.title == "Sample case"
    ready(hand)


def test_files_dropped_on_an_open_case_are_asked_about(
    hands: Callable[[int, int], Any], own_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    asked: list[tuple[str, ...]] = []

    def answer(_parent: object, title: str, _text: str, choices: tuple[str, ...]) -> str:
        asked.append((title, *choices))
        return choices[-1]

    monkeypatch.setattr("planner.desktop.case_work.ask", answer)
    stray = tmp_path / "stray.nii"
    stray.write_bytes(b"no volume")
    drop(hand, window.views.axial, stray)
    hand.wait(lambda: bool(asked), "the question", 30)
    assert asked == [("What was dropped?", "Open as a case", "Add as structures", "Cancel")]
    assert window.session.case.title == "Sample case"


def test_a_scan_of_another_frame_shows_no_structures_and_takes_no_probe(
    hands: Callable[[int, int], Any], own_sample: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    session, axial = window.session, window.views.axial
    case = session.case
    own = replace(case.image(), identity=replace(case.image().identity, frame_of_reference_uid="1.2.3"))
    other = Image(
        "other",
        "Other visit",
        own.grid,
        own.values,
        identity=replace(own.identity, frame_of_reference_uid="1.2.4"),
    )
    sets = tuple(replace(s, frame_of_reference_uid="1.2.3") for s in case.structure_sets)
    session.change_case("Add a scan", replace(case, images=(own, other), structure_sets=sets))
    ready(hand)
    hand.wait(lambda: axial.content().probes != (), "the probe on the own scan")
    assert axial.content().outlines
    session.selection.choose(image="other")
    hand.settle(0.3)
    assert not axial.content().outlines
    assert axial.content().probes == ()
    window.bench.placing.start()
    hand.click(axial, axial.view_of(center_of(session.case.structures, "Lesion 5")))
    hand.wait(lambda: window.findChild(QMessageBox, "errorBox") is not None, "the refusal")
    box = axial.findChild(QMessageBox, "errorBox")
    assert "another frame of reference" in box.text()
    box.close()
    assert [a.id for a in session.plan.applicators] == ["p1"]
    hand.key("Escape")


def test_another_structure_set_is_judged_on_and_it_can_be_undone(
    hands: Callable[[int, int], Any], own_sample: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    session = window.session
    first = session.case.structures
    second = replace(first.without("Lesion 1"), id="second")
    session.change_case("Add structures", session.case.with_structures(second))
    ready(hand)
    chooser = resting(hand, lambda: window.case_panel.findChild(QComboBox, "structureSets"))
    assert [chooser.itemText(n) for n in range(2)] == [first.id, "second"]
    hand.click(chooser)
    hand.wait(lambda: chooser.view().isVisible(), "the list")
    hand.key("Down")
    hand.key("Return")
    assert session.case.structures.id == "second"
    assert "Lesion 1" not in session.case.structures
    assert session.undo_label == "Judge on second"
    ready(hand)
    hand.key("ctrl+z")
    assert session.case.structures.id == first.id
    ready(hand)


def test_one_probe_becomes_an_array_shown_before_it_is_made(
    hands: Callable[[int, int], Any], own_sample: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    session = window.session
    judged(hand)
    hand.click(button(window, "button_array"))
    hand.wait(lambda: window.findChild(ArrayDialog) is not None, "the dialog")
    dialog = window.findChild(ArrayDialog)
    assert len(session.plan.applicators) == 3, "tried out while the dialog is open"
    assert session.undo_label != "Array of 3 probes"
    dialog.reject()
    assert len(session.plan.applicators) == 1
    window.plan_work.several(ArrayDialog)
    dialog = next(d for d in window.findChildren(ArrayDialog) if d.isVisible())
    dialog.count.setCurrentIndex(2)
    dialog.spacing.setValue(18.0)
    dialog.accept()
    assert session.undo_label == "Array of 4 probes"
    judged(hand)
    answer = judgement(window).assessment
    assert {m.subject for m in answer.metrics if m.name == "path_length_mm"} == {"p1", "p2", "p3", "p4"}
    hand.key("ctrl+z")
    assert [a.id for a in session.plan.applicators] == ["p1"]
    window.plan_work.several(PullBackDialog)
    dialog = next(d for d in window.findChildren(PullBackDialog) if d.isVisible())
    dialog.step.setValue(12.0)
    dialog.accept()
    assert session.undo_label == "Pull back probe p1"
    one, two = session.plan.applicators
    assert one.entry_lps_mm == two.entry_lps_mm
    assert np.linalg.norm(np.subtract(one.tip_lps_mm, two.tip_lps_mm)) == pytest.approx(12.0)


def test_lesions_are_coloured_by_their_chance(hands: Callable[[int, int], Any], own_sample: Path) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    judged(hand)
    space = window.views.space
    before = space.grab().toImage()
    window.menus.actions["paint_chance"].trigger()
    hand.settle(0.4)
    assert space._legend == "lesion_chance_of_5mm"
    assert space.grab().toImage() != before
    window.menus.actions["paint_chance"].trigger()
    hand.settle(0.4)
    assert space._legend == "lesion_margin"
    assert space.grab().toImage() == before


def test_coordinates_and_device_can_be_typed_and_chosen(
    hands: Callable[[int, int], Any], own_sample: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    session = window.session
    judged(hand)
    before = session.plan.instrument("p1")

    def type_into(name: str, text: str) -> None:
        hand.click(in_sight(hand, lambda: window.findChild(QLineEdit, name)))
        hand.key("ctrl+a")
        hand.type(text)
        hand.key("Return")

    type_into("field_tip2", "-1070.5")
    moved = session.plan.instrument("p1")
    assert moved.tip_lps_mm == (*before.tip_lps_mm[:2], -1070.5)
    assert moved.entry_lps_mm == before.entry_lps_mm
    assert session.undo_label == "Move tip of probe p1"
    type_into("field_entry0", "left of here")
    hand.wait(lambda: window.findChild(QMessageBox, "errorBox") is not None, "the refusal")
    box = window.findChild(QMessageBox, "errorBox")
    assert box.text() == "This is not a number."
    box.close()
    assert session.plan.instrument("p1") == moved
    picker = window.findChild(QComboBox, "devicePicker")
    picker.setCurrentIndex(picker.findData("generic-rf-single"))
    picker.activated.emit(picker.currentIndex())
    chosen = session.plan.instrument("p1")
    assert (chosen.device, chosen.tip_lps_mm) == ("generic-rf-single", moved.tip_lps_mm), "the tip stays"
    hand.wait(window.isActiveWindow, "the window to be active again")
    hand.key("ctrl+z")
    hand.key("ctrl+z")
    assert session.plan.instrument("p1") == before, "Ctrl+Z is the plan's once a number is entered"


def test_the_unrolled_map_leads_to_the_weakest_place(
    hands: Callable[[int, int], Any], own_sample: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    judged(hand)
    found = window.plan_panel.findChild(MarginMap)
    in_sight(hand, lambda: found)
    assert found.isVisible()
    area = found.rect().adjusted(16, 16, -16, -16)
    row, column = found._map.lowest
    hand.click(found, QPointF(area.left() + column * area.width(), area.top() + row * area.height()))
    # The zone lies concentric: several places are equally weak, and the click leads to one of them.
    surface = next(s for s in judgement(window).assessment.surfaces if s.name == "lesion_margin")
    away = surface.points_lps_mm - np.array(window.session.selection.cursor_lps_mm)
    reached = int(np.argmin(np.linalg.norm(away, axis=1)))
    assert np.linalg.norm(away[reached]) < 1e-3
    assert surface.values[reached] == pytest.approx(surface.values.min(), abs=0.1)


def test_views_along_the_probe_follow_it(hands: Callable[[int, int], Any], own_sample: Path) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    session, axial = window.session, window.views.axial
    hand.click(axial, QPointF(axial.width() * 0.5, 12))
    hand.key("v")
    along, eye, _ = window.views.slices
    assert not axial.isVisible()
    assert along.isVisible()
    probe = session.plan.applicators[0]
    # The shaft lies in the plane, at its true length on the screen.
    ends = [along.view_of(p) for p in (probe.entry_lps_mm, probe.tip_lps_mm)]
    seen = np.hypot(ends[0].x() - ends[1].x(), ends[0].y() - ends[1].y()) * along.frame.mm_per_px
    assert seen == pytest.approx(probe.length_mm, rel=1e-3)
    hand.wheel(eye, -5)
    assert eye.note().endswith("before the tip") or eye.note().endswith("beyond the tip")
    # A drag in the plane moves the tip by what the hand moved; the plane follows when it is dropped.
    before = along.stack
    hand.drag(along, ends[1], ends[1] + QPointF(12, 0))
    moved = session.plan.applicators[0]
    shift = np.linalg.norm(np.array(moved.tip_lps_mm) - np.array(probe.tip_lps_mm))
    assert shift == pytest.approx(12 * along.frame.mm_per_px, rel=0.1)
    assert along.stack is not before
    hand.key("ctrl+z")
    assert session.plan.applicators[0] == probe
    # Without a probe the views say what to do, and v leads back.
    session.change_plan("Delete probe", session.plan.without_instrument(probe.id))
    hand.settle()
    assert along.stack is None
    hand.key("v")
    assert axial.isVisible()
    assert not along.isVisible()
