"""What a cone-beam CT shows perfused, by mouse: added, registered, looked at, brought over, fed from a tip; undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from further_files import Movement, cone_beam, liver_middle, seen_there, write_cone_beam, write_nifti
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel
from steps import button
from steps import scrolled_to as seen

from planner.model.roles import Role

pytestmark = [pytest.mark.window]


def done(hand: Any) -> None:
    hand.settle(0.2)
    hand.wait(lambda: not hand.window.jobs.is_running, "all jobs", 240)
    hand.settle(0.3)


def test_a_volume_seen_in_a_cone_beam_ct(
    hands: Callable[[int, int], Any], own_sample: Path, tmp_path: Path
) -> None:
    hand = hands(1280, 800)
    window = hand.window
    window.work.open_paths([own_sample])
    hand.wait(lambda: window.session.is_open, "the case to open")
    session = window.session
    session.change_plan("empty", session.plan.without_instrument("p1"))
    structures = session.case.structures
    half = structures.mask("Liver")
    half[:, :, int(structures.grid.to_ijk(liver_middle(session.case))[0]) :] = False
    movement = Movement.of(session.case, (5.0, 2.0, -8.0), (-40.0, 300.0, 120.0))
    values, grid = cone_beam(session.case, movement)
    folder, labels = tmp_path / "cone", tmp_path / "labels" / "perfused right.nii.gz"
    write_cone_beam(folder, values, grid)
    write_nifti(labels, seen_there(session.case, half, movement, grid).astype(np.uint8), grid)

    # The mode Catheter leads to where scans are added.
    hand.click(button(window, "mode_catheter"))
    hand.settle(0.5)
    assert window.catheter_panel.seen.isEnabled()
    hand.click(window.catheter_panel.seen)
    hand.settle(0.3)
    hand.key("Down")
    hand.key("Return")
    hand.settle(0.3)
    assert window.is_in("afterwards_panel")
    bring, looked = button(window, "bringOver"), window.findChild(QCheckBox, "fitAccepted")
    assert (bring.isEnabled(), bring.toolTip()) == (False, "Add another scan of this patient first.")
    window.afterwards_work.scans.add_scan([folder])
    done(hand)
    window.afterwards_work.scans.add_drawn([labels])
    done(hand)
    choice = window.findChild(QComboBox, "bringStructure")
    assert [choice.itemText(n) for n in range(choice.count())] == ["perfused right"]
    assert "perfused right" not in session.case.structures, "it lies in the other scan"
    assert "Register the two scans first" in bring.toolTip()

    # Its grays are no HU; registered by them within 1.5 mm, and looked at.
    hand.click(button(window, "registerRigid"))
    done(hand)
    found = window.bench.following.registration
    points = structures.grid.to_lps(np.argwhere(half)[::997, ::-1].astype(float))
    errors = np.linalg.norm(found.map_points(points) - movement.there(points), axis=1)
    assert errors.max() < 2.0
    assert found.error_mm is not None
    assert errors.mean() < 1.5 * found.error_mm
    assert not bring.isEnabled()
    assert "say that the scans fit" in bring.toolTip()
    hand.click(seen(hand, looked), QPointF(9, looked.height() / 2))
    assert looked.isChecked()

    hand.click(seen(hand, bring))
    done(hand)
    own = session.case.structures
    assert own["perfused right"].role is Role.PERFUSED_VOLUME
    assert own.volume_ml("perfused right") == pytest.approx(
        structures.grid.voxel_volume_ml * half.sum(), rel=0.01
    )
    there = own.mask("perfused right")
    assert 2.0 * np.count_nonzero(there & half) / (there.sum() + half.sum()) > 0.97
    told = window.findChild(QLabel, "broughtWords").text()
    assert "ml there" in told
    assert f"error {found.error_mm:.1f} mm" in told

    # The mode Catheter offers it, and undone it is offered no more.
    hand.click(button(window, "mode_catheter"))
    hand.settle(0.4)
    hand.click(window.catheter_panel.seen)
    hand.settle(0.3)
    hand.key("Down")
    hand.key("Return")
    hand.settle(0.3)
    (target,) = session.plan.catheter_targets
    assert target.perfused_structure == "perfused right"
    choice = window.findChild(QComboBox, "tipSeen")
    assert [choice.itemData(n) for n in range(choice.count())] == ["", "perfused right"]
    hand.key("ctrl+z")
    assert session.undo_label == "Bring over perfused right"
    hand.key("ctrl+z")
    assert "perfused right" not in session.case.structures
    assert window.bench.catheters.seen == ()
