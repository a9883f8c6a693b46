"""From the sample case to a judged, saved, reported probe, by mouse and keys alone."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QLabel, QMessageBox
from steps import button, judged, opened

from planner.model.roles import Role
from planner.session.placing import center_of

pytestmark = [pytest.mark.window]


@pytest.mark.parametrize(
    ("width", "height", "sample"), [(1280, 800, "own_fine_sample"), (1920, 1000, "own_sample")]
)
def test_place_drag_undo_save_and_assess(
    hands: Callable[[int, int], Any],
    request: pytest.FixtureRequest,
    width: int,
    height: int,
    sample: str,
    tmp_path: Path,
) -> None:
    folder: Path = request.getfixturevalue(sample)
    hand = hands(width, height)
    window = opened(hand, folder)
    session, axial = window.session, window.views.axial
    center = center_of(session.case.structures, "Lesion 5")
    session.selection.move_cursor(center)
    hand.settle()

    # P, click the lesion, click the entry behind on the right.
    hand.click(axial, QPointF(axial.width() * 0.5, 12))  # focus, off everything
    session.selection.move_cursor(center)
    hand.key("p")
    assert window.bench.placing.step == "target"
    hand.click(axial, axial.view_of(center))
    assert window.bench.placing.step == "entry", window.bench.placing.step
    entry = tuple(np.array(center) + (-70.0, 55.0, 0.0))
    hand.click(axial, axial.view_of(entry))
    assert session.undo_label == "Place probe p2"
    probe = session.plan.instrument("p2")
    assert probe.lesion == "Lesion 5"
    pixel = axial.frame.mm_per_px
    offset = np.linalg.norm(np.array(probe.point_behind_tip(15.0)) - np.array(center))
    assert offset <= 1.5 * pixel, "the zone's centre stands where the lesion was clicked"
    judged(hand)

    # Drag the tip: numbers follow, and it is one change.
    before = session.judgements.of("thermal_ablation").assessment
    tip = axial.view_of(probe.tip_lps_mm)
    hand.drag(axial, tip, tip + QPointF(14, 6))
    moved = session.plan.instrument("p2")
    shift = np.array(moved.tip_lps_mm) - np.array(probe.tip_lps_mm)
    assert np.allclose(shift, [14 * pixel, 6 * pixel, 0.0], atol=1.5 * pixel)
    assert session.undo_label == "Move tip of probe p2"
    judged(hand)
    after = session.judgements.of("thermal_ablation").assessment
    name = "minimal_ablation_margin_mm"
    assert after.metric(name, "Lesion 5").value != before.metric(name, "Lesion 5").value

    # Undo and redo by keys.
    hand.key("ctrl+z")
    assert session.plan.instrument("p2") == probe
    hand.key("ctrl+shift+z")
    assert session.plan.instrument("p2") == moved
    judged(hand)

    # The shown number is the assessment's.
    shown = window.findChild(QLabel, f"value_{name}").text()
    value = session.judgements.of("thermal_ablation").assessment.metric(name, "Lesion 5").value
    assert f">{value:.1f}<" in shown

    # Save by key, and ask the command line about the same plan.
    hand.key("ctrl+s")
    assert session.is_plan_saved
    assert [v.version for v in session.plan_versions()] == [1, 2]
    command = [
        sys.executable,
        "-m",
        "planner",
        "assess",
        str(folder),
        "A",
        "--module",
        "thermal_ablation",
        "--json",
    ]
    answer = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    )
    window_says = {
        (m.name, m.subject): m.value for m in session.judgements.of("thermal_ablation").assessment.metrics
    }
    command_says = {(m["name"], m["subject"]): m["value"] for m in answer["metrics"]}
    assert window_says == command_says
    hand.picture(tmp_path / f"judged-{width}.png")


def test_views_scroll_zoom_pan_and_maximise(hands: Callable[[int, int], Any], own_sample: Path) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    axial, appearance = window.views.axial, window.bench.appearance
    index = axial.index
    hand.wheel(axial, 3)
    assert axial.index == index + 3
    assert (
        window.views.coronal.stack.index_of(window.session.selection.cursor_lps_mm)
        == window.views.coronal.index
    )
    zoom = axial.frame.mm_per_px
    hand.wheel(axial, 2, "ctrl")
    assert axial.frame.mm_per_px < zoom
    hand.key("0")
    assert axial.frame.mm_per_px == pytest.approx(zoom)
    middle = axial.frame.center_mm
    corner = QPointF(40, 60)
    hand.drag(axial, corner, corner + QPointF(30, 0), button=2)
    assert axial.frame.center_mm[0] == pytest.approx(middle[0] - 30 * zoom, abs=1.5 * zoom)
    hand.key("3")
    assert appearance.window.level == -600
    hand.key("w")
    hand.drag(axial, corner, corner + QPointF(20, 0))
    assert appearance.window.width == 1540
    hand.key("n")
    hand.double_click(axial, corner)
    assert window.views.alone is axial
    assert not window.views.space.isVisible()
    hand.double_click(axial, corner)
    assert window.views.alone is None
    target = QPointF(axial.width() / 2, axial.height() / 2)
    hand.click(axial, target)
    expected = axial.lps_at(target.x(), target.y())
    assert np.allclose(window.session.selection.cursor_lps_mm, expected, atol=1.5 * axial.frame.mm_per_px)


def test_closing_with_unsaved_changes_asks_and_cancel_keeps_them(
    hands: Callable[[int, int], Any], own_sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    window.session.selection.choose(instrument="p1")
    hand.click(window.views.axial, QPointF(30, 60))
    hand.key("Delete")
    assert not window.session.plan.instruments
    asked: list[str] = []

    def cancel(_parent: object, title: str, _text: str, choices: tuple[str, ...]) -> str:
        asked.append(title)
        return choices[-1]

    monkeypatch.setattr("planner.desktop.window.ask", cancel)
    hand.key("ctrl+w")
    assert asked == ["Save plan A?"]
    assert window.session.is_open
    hand.key("ctrl+z")
    assert len(window.session.plan.instruments) == 1


def test_a_bad_file_is_refused_in_words_and_the_case_stays_open(
    hands: Callable[[int, int], Any], own_sample: Path, tmp_path: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    bad = tmp_path / "letter.dcm"
    bad.write_text("Dear colleague")
    window.work.open_paths([bad])
    hand.wait(lambda: window.findChild(QMessageBox, "errorBox") is not None, "the message")
    box = window.findChild(QMessageBox, "errorBox")
    words = box.text() + box.informativeText()
    assert "Traceback" not in words
    assert "letter.dcm" in words
    box.close()
    assert window.session.is_open
    assert window.session.plan.instruments


def test_every_disabled_control_says_why(hands: Callable[[int, int], Any], own_sample: Path) -> None:
    hand = hands(1280, 800)
    window = hand.window
    for action in window.menus.actions.values():
        assert action.isEnabled() or action.toolTip() not in ("", action.text()), action.text()
    opened(hand, own_sample)
    window.update_actions()
    for action in window.menus.actions.values():
        assert action.isEnabled() or action.toolTip() not in ("", action.text()), action.text()


def test_a_lesion_is_marked_by_two_clicks_and_can_be_undone(
    hands: Callable[[int, int], Any], own_sample: Path
) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    session, axial = window.session, window.views.axial
    hand.click(button(window, "mode_structures"))
    hand.click(button(window, "outline_two_diameters"))
    middle = center_of(session.case.structures, "Liver")
    session.selection.move_cursor(middle)
    hand.settle()
    ends = [tuple(np.array(middle) + (d, 0.0, 0.0)) for d in (-12.0, 12.0)]
    for end in ends:
        hand.click(axial, axial.view_of(end))
    hand.wait(lambda: window.bench.outlining.proposal is not None, "the proposal")
    length = math.dist(*window.bench.outlining.ends)
    assert length == pytest.approx(24.0, abs=2 * axial.frame.mm_per_px)
    hand.click(button(window, "acceptOutline"))
    hand.wait(lambda: "lesion 1" in session.case.structures, "the lesion")
    volume = session.case.structures.volume_ml("lesion 1")
    assert volume == pytest.approx(np.pi / 6 * length**3 / 1000, rel=0.04)
    assert session.case.structures["lesion 1"].role == Role.LESION
    hand.key("ctrl+z")
    assert "lesion 1" not in session.case.structures
