"""Plans side by side by mouse and keys: cameras go together, what differs stands in bold, Escape closes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication, QComboBox, QDialog

from planner.model.plan import Plan
from planner.model.resection import MarginCut, PlaneCut, Resection
from planner.session.placing import center_of

pytestmark = [pytest.mark.window]


def camera(picture: Any) -> np.ndarray:
    """Where a picture is looked at from, to where, and what is up."""
    camera = picture.scene.renderer.GetActiveCamera()
    return np.array([camera.GetPosition(), camera.GetFocalPoint(), camera.GetViewUp()])


def compare_window() -> Any:
    """The window that compares plans; None where none is open."""
    shown = QApplication.topLevelWidgets()
    return next((w for w in shown if w.objectName() == "compareWindow" and w.isVisible()), None)


def cells(table: Any) -> list[list[tuple[str, bool]]]:
    """Words of each row, and whether they stand in bold."""
    return [
        [(table.item(r, c).text(), table.item(r, c).font().bold()) for c in range(table.columnCount())]
        for r in range(table.rowCount())
    ]


def compared(hand: Any, window: Any) -> None:
    """Wait until all plans are assessed."""
    hand.wait(lambda: not window.bench.comparing.is_running, "the plans to be assessed", 240)
    assert not [p.errors for p in window.bench.comparing.plans if p.errors]
    hand.settle(0.2)


def test_two_plans_side_by_side(hands: Callable[[int, int], Any], own_sample: Path) -> None:
    hand = hands(1280, 800)
    hand.window.work.open_paths([own_sample])
    hand.wait(lambda: hand.window.session.is_open, "the case to open")
    window = hand.window
    session = window.session
    x, y, z = center_of(session.case.structures, "Lesion 2")
    plane = PlaneCut((x + 30.0, y, z), (-1.0, 0.0, 0.0))
    for name, cut in (("Excision", MarginCut("Lesion 2", 10.0)), ("Plane", plane)):
        session.change_plan("New plan", Plan(name, session.case.id, (Resection("r1", cut),)))
        session.save_plan()
    hand.wait(lambda: not window.jobs.is_running, "surfaces and measures")

    # The open plan and the latest other ones are there at once; each is assessed.
    hand.key("ctrl+shift+c")
    hand.wait(lambda: compare_window() is not None, "the window that compares")
    compare = compare_window()
    hand.wait(compare.isActiveWindow, "it to be active", 20)
    boxes = [compare.findChild(QComboBox, f"comparedPlan{n}") for n in (1, 2, 3)]
    assert [b.currentText().split(",")[0] for b in boxes[:2]] == ["Plane (open)", "Excision"]
    hand.click(boxes[2])
    hand.key("Home")
    hand.key("Return")
    assert boxes[2].currentData() is None
    assert compare.pictures[2].isHidden()
    compared(hand, window)

    # One is turned by the mouse, the other turns with it; the wheel brings both nearer.
    left, right = compare.pictures[:2]
    before = camera(left)
    np.testing.assert_array_equal(camera(right), before)
    pictures = [p.grab().toImage() for p in (left, right)]
    middle = QPointF(left.width() / 2, left.height() / 2)
    hand.drag(left, middle, middle + QPointF(70, 20))
    turned = camera(left)
    assert np.linalg.norm(turned[0] - before[0]) > 20.0
    np.testing.assert_allclose(turned[1], before[1])
    np.testing.assert_array_equal(camera(right), turned)
    assert all(p.grab().toImage() != old for p, old in zip((left, right), pictures, strict=True))
    hand.drag(right, middle, middle - QPointF(40, 0))
    assert np.linalg.norm(camera(right)[0] - turned[0]) > 20.0
    np.testing.assert_array_equal(camera(left), camera(right))
    far = np.linalg.norm(camera(left)[0] - camera(left)[1])
    hand.wheel(right, 2)
    assert np.linalg.norm(camera(left)[0] - camera(left)[1]) < 0.9 * far
    np.testing.assert_array_equal(camera(left), camera(right))

    # In the table the numbers are the modules', and just those that differ stand in bold.
    assert compare.table.columnCount() == 5
    rows = cells(compare.table)
    by_name = {(r[1][0], r[2][0]): r for r in rows}
    resected = next(r for (name, _), r in by_name.items() if name.startswith("Resected") and "ml" in name)
    answers = [p.answers["resection"] for p in window.bench.comparing.plans]
    for answer, (text, is_bold) in zip(answers, resected[3:], strict=True):
        value = next(m.value for m in answer.metrics if m.name == "resected_volume_ml")
        assert float(text.split()[-1].replace(" ", "")) == pytest.approx(value, abs=0.6)
        assert is_bold
    whole = next(r for (name, _), r in by_name.items() if name.startswith("Liver") and "ml" in name)
    assert whole[3][0] == whole[4][0]
    for row in rows:
        values = {text for text, _ in row[3:] if text}
        assert {bold for _, bold in row[1:]} == {len(values) > 1}, row

    # The open plan beside its saved version: nothing differs.
    boxes[1].setFocus()
    for key in ("Home", "Down", "Down"):
        hand.key(key)
    compared(hand, window)
    assert boxes[1].currentText() == "Plane, version 1"
    one, other = (p.plan for p in window.bench.comparing.plans)
    assert one == other
    assert len(cells(compare.table)) == len(rows)
    assert not any(bold for row in cells(compare.table) for _, bold in row)

    # Escape closes it, and the case is as it was.
    plan = session.plan
    hand.key("Escape")
    hand.wait(lambda: compare_window() is None, "the window to close", 10)
    hand.settle(0.2)
    assert window.findChild(QDialog, "compareWindow") is None
    assert session.plan == plan
    assert not window.bench.comparing.is_running
