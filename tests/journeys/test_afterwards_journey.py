"""Was it enough? By mouse alone: register, look, draw the zone, judge; needles in place; going on there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QWidget
from second_scan import further_scan, true_movement
from steps import button, judged, opened, resting, scrolled_to

from planner.io.nrrd import write_image_nrrd
from planner.model.case import Case
from planner.planning.device_library import device_library
from planner.planning.placing import zone_of
from planner.sample.case import TABLE_OFFSET_MM
from planner.sample.lesions import LESIONS
from planner.session.placing import Step
from planner.session.scan_pairs import from_other

pytestmark = [pytest.mark.window]

RADIUS_MM = 23.0
LESION = LESIONS[1]


def painted(view: QWidget) -> Any:
    picture = view.grab().toImage()
    return np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), -1).copy()


def words(window: Any, name: str) -> str:
    label = window.findChild(QLabel, name)
    assert isinstance(label, QLabel), name
    return label.text()


def zone_center() -> np.ndarray:
    """Three millimetres to the left of the lesion's middle."""
    return np.array(LESION.shape.center_mm) + np.array(TABLE_OFFSET_MM) + (3.0, 0.0, 0.0)


def true_margin_mm(case: Case) -> float:
    """Of the painted ball about the lesion's own surface, from its voxels' corners: the closed forms' difference."""
    mask, grid = case.structures.cropped(LESION.name)
    points = grid.to_lps(np.argwhere(mask)[:, ::-1])
    return RADIUS_MM - float(np.linalg.norm(points - zone_center(), axis=1).max())


def laid(hand: Any) -> None:
    following = hand.window.bench.following
    hand.wait(lambda: following.laid is not None and not following.is_laid_old, "the overlay")
    hand.settle(0.4)


def test_was_it_enough(hands: Callable[[int, int], Any], own_sample: Path) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    bench, session, axial = window.bench, window.session, window.views.axial
    following = bench.following
    matrix, margin = true_movement(session.case), true_margin_mm(session.case)

    # Without another scan every control says why it is disabled.
    hand.click(button(window, "mode_afterwards"))
    for name in ("registerRigid", "registerLocal", "addLandmark", "fitLandmarks", "carryPlan"):
        assert not button(window, name).isEnabled()
        assert button(window, name).toolTip(), name
    alone = painted(axial)
    scan = further_scan(session.case, (zone_center(), RADIUS_MM))
    session.change_case("Add scan", session.case.with_image(scan))
    laid(hand)
    assert words(window, "registrationWords").startswith("Not registered")
    assert (painted(axial) != alone).mean() > 0.05, (
        "the scans lie over each other as the scanners placed them"
    )

    # Cancelled: nothing is registered, nothing can be undone.
    label = session.undo_label
    hand.click(button(window, "registerRigid"))
    window.jobs.cancel()
    hand.wait(lambda: not window.jobs.is_running, "the registration to stop")
    assert following.registration is None
    assert session.undo_label == label

    hand.click(button(window, "registerRigid"))
    hand.wait(lambda: following.registration is not None, "the registration", 120)
    laid(hand)
    found = following.registration
    rng = np.random.default_rng(1)
    targets = zone_center() + rng.uniform(-30, 30, (100, 3))
    true = targets @ matrix[:3, :3].T + matrix[:3, 3]
    errors = np.linalg.norm(found.map_points(targets) - true, axis=1)
    assert errors.max() < 1.0, "target registration error"
    assert "turn 6.0°" in words(window, "registrationWords")
    assert "lower bound" in words(window, "registrationError")

    # Looked at: a checkerboard, and all of the other scan.
    blended = painted(axial)
    box = window.findChild(QCheckBox, "checkerboard")
    hand.click(box, QPointF(9, box.height() / 2))
    assert following.is_checkered
    squares = painted(axial)
    assert (squares != blended).mean() > 0.01
    hand.click(box, QPointF(9, box.height() / 2))
    assert np.array_equal(painted(axial), blended)

    # Corrected by hand, and taken back.
    field = window.findChild(QDoubleSpinBox, "move_left")
    field.setFocus()
    hand.key("ctrl+a")
    hand.type("4")
    hand.key("Return")
    assert following.moves[0] == 4.0
    assert "not known" in words(window, "registrationError")
    hand.key("ctrl+z")
    assert following.registration is found
    assert field.value() == 0.0
    laid(hand)

    # A pair of landmarks: the second click is made on the other scan alone.
    center = tuple(float(v) for v in zone_center())
    session.selection.move_cursor(center)
    hand.click(resting(hand, lambda: button(window, "addLandmark")))
    hand.click(axial, axial.view_of(center))
    assert following.shown_share == 1.0
    assert "other scan is shown alone" in words(window, "afterwardsHint")
    hand.click(axial, axial.view_of(center))
    assert len(bench.landmarking.landmarks.pairs) == 1
    assert "there are 1" in button(window, "fitLandmarks").toolTip()
    hand.click(resting(hand, lambda: button(window, "removeLandmark_0")))
    assert bench.landmarking.landmarks.pairs == ()
    laid(hand)

    # The zone: grown from a click, a stroke of the brush and back, taken.
    hand.click(button(window, "step_zone"))
    assert not button(window, "takeZone").isEnabled()
    hand.click(resting(hand, lambda: button(window, "growZone")))
    hand.click(axial, axial.view_of(center))
    hand.wait(lambda: not bench.brushing.is_empty, "the zone")
    grown_ml = bench.brushing.volume_ml
    assert grown_ml == pytest.approx(4 / 3 * np.pi * (RADIUS_MM / 10) ** 3, rel=0.06)
    hand.click(resting(hand, lambda: button(window, "brush_add")))
    edge = axial.view_of((center[0], center[1] - RADIUS_MM - 3.0, center[2]))
    hand.drag(axial, edge, edge + QPointF(12, 0))
    assert bench.brushing.volume_ml > grown_ml
    hand.click(resting(hand, lambda: button(window, "undoStroke")))
    assert bench.brushing.volume_ml == pytest.approx(grown_ml)
    hand.click(resting(hand, lambda: button(window, "takeZone")))
    hand.wait(lambda: "Ablation zone" in session.case.structures, "the zone to be taken")
    assert session.undo_label == "Take Ablation zone"

    # Judged: the known margin lies within the interval, and the weakest place is on the right.
    hand.click(button(window, "step_margin"))
    session.selection.choose(lesion=LESION.name)
    hand.click(resting(hand, lambda: button(window, "judgeAchieved")))
    hand.wait(lambda: bench.achieving.answer is not None, "the judgement")
    minimal = bench.achieving.answer.margin.minimal
    assert minimal.low_mm <= margin <= minimal.high_mm
    assert minimal.value_mm == pytest.approx(margin, abs=1.0)
    assert words(window, "achievedMargin") == bench.achieving.answer.margin.words
    assert "(90 %: " in words(window, "achievedMargin")
    assert "hand that draws" in words(window, "errorBudget")
    place = bench.achieving.answer.margin.weakest_from_lps_mm
    hand.click(resting(hand, lambda: button(window, "weakestPlace")))
    assert session.selection.cursor_lps_mm == place
    assert place[0] < center[0] - 10.0

    # A second probe for what is left of the margin: looked at, taken, taken back.
    plan = session.plan
    hand.click(resting(hand, lambda: button(window, "proposeSecond")))
    hand.wait(lambda: bench.achieving.proposals, "a second probe", 200)
    assert len(session.plan.instruments) > len(plan.instruments)
    assert session.recorded_plan == plan
    hand.click(resting(hand, lambda: button(window, "useSecond_0")))
    added = [a for a in session.plan.applicators if a.id not in {p.id for p in plan.applicators}]
    assert added
    assert session.undo_label.startswith("Add ")
    zones = [zone_of(a, device_library().device(a.device).zone(a.settings, True)) for a in added]
    outward = np.array(place) - zone_center()
    left = np.array(place) + 4.7 * outward / np.linalg.norm(outward)
    assert any(z.signed_distance_mm(left[None])[0] > 0 for z in zones), "it reaches what is left there"
    session.undo()
    assert session.plan == plan

    # Another mode shows the plan's scan alone again.
    hand.click(button(window, "mode_ablation"))
    session.selection.move_cursor((center[0], center[1], center[2]))
    assert following.laid is None


def test_needles_in_place_and_going_on_there(
    hands: Callable[[int, int], Any], own_sample: Path, tmp_path: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    judged(hand)
    bench, session = window.bench, window.session
    plan = session.plan
    planned = plan.applicators[0]
    entry, tip = np.array(planned.entry_lps_mm), np.array(planned.tip_lps_mm)
    control = further_scan(session.case, None, (entry + (1.0, 1.0, 4.0), tip + (2.0, 3.0, -1.5)), "control")
    write_image_nrrd(tmp_path / "control.nrrd", control)
    hand.click(button(window, "mode_afterwards"))
    window.afterwards_work.scans.add_scan([tmp_path / "control.nrrd"])
    hand.wait(lambda: len(session.case.images) == 2, "the scan to be added")
    assert session.undo_label.startswith("Add scan")
    other = session.case.images[1].id
    laid(hand)
    assert window.findChild(QComboBox, "otherScan").currentData() == other
    hand.click(button(window, "registerRigid"))
    hand.wait(lambda: bench.following.registration is not None, "the registration", 120)
    laid(hand)

    hand.click(button(window, "step_needles"))
    hand.click(resting(hand, lambda: button(window, "findNeedles")))
    hand.wait(lambda: bench.placed.found, "the needle")
    (needle,) = bench.placed.found
    assert np.linalg.norm(np.array(needle.tip_lps_mm) - (tip + (2.0, 3.0, -1.5))) < 1.5
    assert "aside" in words(window, "deviation_0")
    hand.wait(lambda: session.judgements.current_answers(session.plan), "the plan's judgement", 200)
    hand.click(resting(hand, lambda: button(window, "judgePlaced")))
    assert session.plan.name == "A as placed"
    hand.wait(lambda: session.judgements.current_answers(session.plan), "the judgement as placed", 200)
    hand.settle(0.5)
    rows = bench.placed.comparison("Lesion 2")
    assert rows[0].title == "Minimal margin"
    assert float(rows[0].placed.split()[0]) < float(rows[0].planned.split()[0])
    assert words(window, "compared_0_2") == rows[0].placed
    hand.key("ctrl+z")
    assert session.plan == plan

    # Carried over: structures and plan on the control scan, judged there; undone in one step.
    hand.click(button(window, "step_fit"))
    hand.click(scrolled_to(hand, button(window, "carryPlan")))
    hand.wait(lambda: session.plan.name == "A carried over", "the plan there", 60)
    assert session.selection.image == other
    assert "entry moved" in words(window, "carriedWords")
    matrix = true_movement(session.case.judged_on("structures"))
    moved = matrix[:3, :3] @ tip + matrix[:3, 3]
    assert np.linalg.norm(np.array(session.plan.applicators[0].tip_lps_mm) - moved) < 1.0
    hand.wait(lambda: session.judgements.current_answers(session.plan), "the judgement there", 200)
    assert session.undo_label == "Carry plan over"
    session.undo()
    assert session.plan == plan
    assert session.case.structures.id == "structures"


#: How far the second zone's middle lies to the left of the lesion's, and its radius: it misses the right side.
MISSED_MM, SMALL_MM = 7.0, 16.0


def true_left_ml(case: Case, zone: np.ndarray) -> float:
    """Volume of the lesion's voxels whose middles lie outside the painted ball."""
    mask, grid = case.structures.cropped(LESION.name)
    away = np.linalg.norm(grid.to_lps(np.argwhere(mask)[:, ::-1]) - zone, axis=1)
    return float(np.count_nonzero(away > SMALL_MM) * grid.voxel_volume_ml)


def orange(view: QWidget) -> int:
    """Pixels of a view that are tinted by the colour of what was left untreated."""
    picture = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), -1)
    red, green, blue = (rows[:, n : 3 * picture.width() : 3].astype(int) for n in range(3))
    return int(np.count_nonzero((red - blue > 60) & (red - green > 30)))


def test_what_is_left_is_drawn_kept_and_planned_against(
    hands: Callable[[int, int], Any], own_sample: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    bench, session = window.bench, window.session
    following, marking, views = bench.following, bench.landmarking, window.views
    middle = np.array(LESION.shape.center_mm) + np.array(TABLE_OFFSET_MM)
    zone = middle + (MISSED_MM, 0.0, 0.0)
    scan = further_scan(session.case, (zone, SMALL_MM))
    session.change_case("Add scan", session.case.with_image(scan))
    matrix = true_movement(session.case)
    hand.click(button(window, "mode_afterwards"))
    laid(hand)

    # Landmarks clicked alone, without any registration by the scans' tissue: fitted, judged, undone.
    rng = np.random.default_rng(4)
    for off in ((-30, 0, 10), (25, -20, -10), (0, 30, 15), (10, 10, -30), (-10, -25, 20)):
        place = middle + np.array(off, dtype=float)
        there = matrix[:3, :3] @ place + matrix[:3, 3] + rng.normal(0.0, 0.7, 3)
        lying, pair = following.lying, following.pair
        shown = from_other(lying, pair.planning.id, there[None])[0]
        marking.add(tuple(map(float, place)), tuple(map(float, shown)))
    laid(hand)
    hand.click(resting(hand, lambda: button(window, "fitLandmarks")))
    laid(hand)
    assert "fitted to landmarks" in words(window, "registrationWords")
    assert "each of 5 landmarks left out once" in words(window, "registrationError")
    assert "left out" in words(window, "landmarkError_0")
    found = following.registration
    targets = middle + np.random.default_rng(1).uniform(-25, 25, (100, 3))
    true = targets @ matrix[:3, :3].T + matrix[:3, 3]
    errors = np.linalg.norm(found.map_points(targets) - true, axis=1)
    assert np.sqrt(np.mean(errors**2)) < found.error_mm, "left out, the landmarks say enough"
    hand.key("ctrl+z")
    assert following.registration.method == "as the scanner placed them"
    hand.key("ctrl+shift+z")
    assert following.registration is found
    laid(hand)

    # Taking the zone writes off the window's thread; cancelled, the case stays as it was.
    session.selection.choose(lesion=LESION.name)
    session.selection.move_cursor(tuple(map(float, zone)))
    hand.click(button(window, "step_zone"))
    hand.click(resting(hand, lambda: button(window, "growZone")))
    hand.click(views.axial, views.axial.view_of(tuple(zone)))
    hand.wait(lambda: not bench.brushing.is_empty, "the zone")
    assert bench.brushing.volume_ml == pytest.approx(4 / 3 * np.pi * (SMALL_MM / 10) ** 3, rel=0.06)
    before, label = session.case, session.undo_label
    window.afterwards_panel.zone.take.click()
    assert session.case is before, "not on the window's thread"
    window.jobs.cancel()
    hand.wait(lambda: not window.jobs.is_running, "the writing to stop")
    assert (session.case, session.undo_label) == (before, label)
    assert not bench.brushing.is_empty, "what was drawn is still there"
    hand.click(resting(hand, lambda: button(window, "takeZone")))
    hand.wait(lambda: "Ablation zone" in session.case.structures, "the zone to be taken")

    # Judged: what is left is filled on the slices of both scans, and stands in 3D.
    hand.click(button(window, "step_margin"))
    hand.click(resting(hand, lambda: button(window, "judgeAchieved")))
    hand.wait(lambda: bench.achieving.answer is not None, "the judgement")
    answer = bench.achieving.answer
    left_ml = true_left_ml(session.case, zone)
    assert answer.margin.residual_ml == pytest.approx(left_ml, rel=0.4), (
        "by a fit that is off by a millimetre"
    )
    here = bench.achieving.residual_on(session.case.images[0].id)
    inside = here.grid.to_lps(np.argwhere(here.mask)[:, ::-1].astype(float)).mean(axis=0)
    session.selection.move_cursor(tuple(map(float, inside)))
    hand.settle(0.4)
    drawn = orange(views.axial)
    assert drawn > 60
    assert "(left untreated)" in views.space.scene._structures
    session.selection.choose(image=scan.id)
    session.selection.move_cursor(tuple(map(float, matrix[:3, :3] @ inside + matrix[:3, 3])))
    hand.settle(0.4)
    assert orange(views.axial) > 60, "on the other scan itself, at its place"
    session.selection.choose(image=session.case.images[0].id)
    session.selection.move_cursor(tuple(map(float, inside)))
    hand.settle(0.4)
    assert orange(views.axial) == drawn

    # Kept: a lesion of the case to plan against, and what was judged stays.
    hand.click(resting(hand, lambda: button(window, "keepResidual")))
    name = f"residual {LESION.name}"
    hand.wait(lambda: name in session.case.structures, "what is left to be kept")
    assert session.undo_label == f"Keep {name}"
    assert bench.achieving.is_current
    assert session.case.structures.volume_ml(name) == pytest.approx(answer.margin.residual_ml, rel=0.1)
    hand.click(button(window, "mode_ablation"))
    hand.settle(0.4)
    assert "(left untreated)" not in views.space.scene._structures
    session.selection.choose(lesion=name)
    hand.key("shift+p")
    assert bench.placing.step == Step.ENTRY
    assert bench.placing.lesion == name, "a probe is planned against what is left"
    hand.key("Escape")
    hand.key("ctrl+z")
    assert name not in session.case.structures
