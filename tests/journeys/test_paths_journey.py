"""Where a needle may enter: the painted skin, why not, another path, and suggested plans, by mouse alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel
from steps import button, opened, resting

from planner.desktop.pieces import Row
from planner.scene.palette import PAINTED, rgb

pytestmark = [pytest.mark.window]


def words(window: Any, name: str) -> str:
    label = window.findChild(QLabel, name)
    assert isinstance(label, QLabel)
    return label.text()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1000)])
def test_paths_of_a_probe(
    hands: Callable[[int, int], Any], own_sample: Path, width: int, height: int
) -> None:
    hand = hands(width, height)
    window = opened(hand, own_sample)
    bench, session = window.bench, window.session
    plan = session.plan
    hand.click(button(window, "mode_paths"))
    hand.wait(lambda: bench.accessing.answer is not None, "the access map", 200)
    assert "of the skin allows a path" in words(window, "accessShare")
    assert "pleura" in words(window, "accessUnchecked")
    assert not button(window, "takePath").isEnabled()
    assert button(window, "takePath").toolTip(), "a disabled button says why"

    # The skin is painted in the slices: colours of its classes stand in the picture.
    axial = window.views.axial
    hand.settle(0.5)
    picture = axial.grab().toImage()
    pixels = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.width(), 4)
    grey = np.array(rgb(PAINTED["access_cost"][1][3][1]))[::-1]
    assert (np.abs(pixels[..., :3].astype(int) - grey).max(axis=-1) < 6).sum() > 200

    # A click on the skin says why or why not; nothing is changed.
    access = bench.accessing.answer.access
    refused = int(np.flatnonzero(access.broken != 0)[0])
    place = tuple(float(v) for v in access.points_lps_mm[refused])
    session.selection.move_cursor(place)
    hand.settle()
    hand.click(axial, axial.view_of(place))
    assert bench.accessing.chosen is not None
    assert words(window, "accessWords").startswith("Refused: ")
    assert session.plan == plan

    # An alternative is looked at, taken, and taken back.
    row = next(w for w in window.paths_panel.findChildren(Row) if w.accessibleName() == "Path 2")
    hand.click(resting(hand, lambda: row))
    assert words(window, "accessWords").startswith("Allowed")
    entry = bench.accessing.path.entry_lps_mm
    hand.click(resting(hand, lambda: button(window, "takePath")))
    assert session.plan.applicators[0].entry_lps_mm == entry
    assert session.undo_label.startswith("Take another path for probe")
    hand.key("ctrl+z")
    assert session.plan == plan

    # The map goes when the mode is left.
    hand.click(button(window, "mode_ablation"))
    assert bench.accessing.answer is None


def test_suggested_plans(hands: Callable[[int, int], Any], own_sample: Path) -> None:
    hand = hands(1280, 800)
    window = opened(hand, own_sample)
    bench, session = window.bench, window.session
    session.selection.choose(lesion="Lesion 1", instrument="")
    plan = session.plan
    hand.click(button(window, "mode_paths"))
    hand.wait(lambda: bench.accessing.answer is not None, "the access map", 200)
    bench.accessing.switch(True)
    session.change_plan("Delete probe", plan.without_instrument(plan.instruments[0].id))
    session.selection.choose(lesion="Lesion 1")
    hand.wait(lambda: bench.accessing.answer.subject.lesion == "Lesion 1", "the lesion's map", 60)
    plan = session.plan

    # Cancelled at once: everything is as it was.
    hand.click(resting(hand, lambda: button(window, "suggest")))
    assert bench.suggesting.is_running
    hand.click(button(window, "suggest"))
    assert not bench.suggesting.is_running
    assert session.plan == plan

    hand.click(button(window, "suggest"))
    hand.wait(lambda: not bench.suggesting.is_running, "suggestions", 200)
    assert bench.suggesting.error is None
    assert len(bench.suggesting.suggestions) >= 1
    hand.click(resting(hand, lambda: button(window, "look_0")))
    assert session.recorded_plan == plan
    assert len(session.plan.instruments) >= 1, "it is shown"
    hand.click(resting(hand, lambda: button(window, "look_0")))
    assert session.plan == plan
    hand.click(resting(hand, lambda: button(window, "use_0")))
    assert session.undo_label.startswith("Take suggested plan")
    assert all(a.lesion == "Lesion 1" for a in session.plan.applicators)
    hand.key("ctrl+z")
    assert session.plan == plan
