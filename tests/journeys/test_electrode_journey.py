"""Electrodes by mouse: placed around a lesion, dragged, set on the table, solved, exported; the checklist."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFileDialog, QLabel
from steps import button, opened, resting

pytestmark = [pytest.mark.window]

MODULE = "electroporation"


def solved(hand: Any, window: Any) -> None:
    judgements = window.session.judgements
    hand.settle(0.6)
    hand.wait(lambda: judgements.of(MODULE).state in ("current", "failed"), "the field", 240)
    assert judgements.of(MODULE).error is None
    hand.settle(0.3)


@pytest.mark.parametrize(("width", "height"), [(1280, 800)])
def test_electrodes_around_a_lesion(
    hands: Callable[[int, int], Any],
    own_sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    height: int,
) -> None:
    hand = hands(width, height)
    window = opened(hand, own_sample)
    session, bench = window.session, window.bench
    session.change_plan("empty", session.plan.without_instrument("p1"))
    # Coarse voxels and few samples: this is about hands; the numbers have tests of their own.
    session.judgements.set_settings(MODULE, {"field_voxel_mm": 2.0, "robustness_samples": 50})
    hand.click(button(window, "mode_ire"))
    session.selection.choose(lesion="Lesion 1")
    hand.settle(0.3)

    # Two clicks: the lesion's middle is taken, the entry is clicked on the axial slice.
    hand.click(resting(hand, lambda: button(window, "aimElectrodes")))
    axial = window.views.axial
    x, y, z = session.selection.cursor_lps_mm
    hand.move(axial, axial.view_of((x - 60.0, y - 60.0, z)))
    hand.settle(0.3)
    assert axial.mouse.ghost is not None, "the array is shown before it is placed"
    hand.click(axial, axial.view_of((x - 60.0, y - 60.0, z)))
    (array,) = session.plan.electrode_arrays
    assert len(array.electrodes) == 4
    assert array.lesion == "Lesion 1"
    assert session.undo_label == "Place electrodes e1"
    solved(hand, window)
    answer = session.judgements.of(MODULE).assessment
    assert answer.metric("pair_current_a", "e1:0-1").value > 1.0
    current = window.findChild(QLabel, "current_0_1")
    assert current.text().startswith(f"{answer.metric('pair_current_a', 'e1:0-1').value:.1f} A")

    # The field lies over the slices, and can be taken away.
    hand.settle(0.5)
    with_field = axial.grab().toImage()
    panel = window.electrode_panel
    resting(hand, lambda: panel.overlay).setFocus()
    hand.key("Down")
    hand.settle(0.3)
    heat = axial.grab().toImage()
    assert heat != with_field
    assert panel.degrees.isVisible()
    assert not panel.legend.isVisible()
    hand.key("Down")
    hand.settle(0.3)
    assert axial.grab().toImage() not in (heat, with_field)
    assert not panel.degrees.isVisible()
    for _ in range(2):
        hand.key("Up")
    hand.settle(0.3)
    assert axial.layers._field.name == "electric_field_v_per_cm"

    # One needle is dragged by its shaft: it alone moves, live numbers follow, one step to undo.
    before = session.plan
    needle = array.electrodes[0]
    middle = tuple(0.5 * (np.array(needle.entry_lps_mm) + np.array(needle.tip_lps_mm)))
    session.selection.move_cursor(middle)
    hand.settle(0.2)
    at = axial.view_of(middle)
    hand.drag(axial, at, at + QPointF(14.0, 0.0))
    (moved,) = session.plan.electrode_arrays
    changed = [n for n in range(4) if moved.electrodes[n] != array.electrodes[n]]
    assert len(changed) == 1
    assert session.undo_label.endswith(f"electrode {changed[0] + 1} of e1")
    assert session.judgements.of(MODULE).state != "current", "an older field is not taken for the new place"
    window.electrode_panel.refresh()
    assert not window.electrode_panel.export.isEnabled(), "currents of another place are not exported"
    assert window.electrode_panel.export.toolTip()
    hand.key("ctrl+z")
    assert session.plan == before
    solved(hand, window)

    # A voltage is typed; the table is exported.
    field = window.findChild(QDoubleSpinBox, "voltage_0_1")
    window.electrode_panel.findChild(QLabel, "current_0_1")
    field.setFocus()
    field.setValue(1500.0)
    assert next(p.voltage_v for p in session.plan.electrode_arrays[0].pairs if (p.a, p.b) == (0, 1)) == 1500.0
    solved(hand, window)
    path = tmp_path / "pairs.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(path), ""))
    window.electrode_work.export_table()
    assert "1500" in path.read_text(encoding="utf-8")

    # The checklist: unknown facts leave it open; an answer is kept with the case.
    hand.click(resting(hand, lambda: button(window, "suitability")))
    dialog = window.electrode_work._dialog
    hand.wait(lambda: bench.advising.is_current, "the checklist", 60)
    hand.settle(0.3)
    statement = dialog.findChild(QLabel, "suitabilityStatement")
    assert "suitable for electroporation" not in statement.text()
    assert "nknown" in statement.text()
    fact = dialog.findChild(QComboBox, "fact_cardiac_stimulator")
    fact.setCurrentIndex(fact.findData("yes"))
    fact.activated.emit(fact.currentIndex())
    hand.wait(lambda: bench.advising.is_current, "the checklist again", 60)
    hand.settle(0.3)
    assert "must not be done" in statement.text()
    assert dict(session.case.patient.facts) == {"cardiac_stimulator": "yes"}
    dialog.close()

    # A lesion is renamed: the electrodes go along, and one step takes both back.
    before = session.plan
    window.work.rename_structure("Lesion 1", "Target")
    assert "Target" in session.case.structures
    assert [a.lesion for a in session.plan.electrode_arrays] == ["Target"]
    hand.key("ctrl+z")
    assert session.plan == before
    assert "Lesion 1" in session.case.structures
