"""The delivered dose by mouse: a SPECT added, registered, chosen; its unit and time asked and told; gone after an undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from further_files import Movement, concentration, liver_middle, spect_of, write_nifti
from PySide6.QtWidgets import QComboBox, QDialog, QDoubleSpinBox, QLabel, QPushButton
from steps import button
from steps import scrolled_to as seen

from planner.library.case_folder import open_case_folder
from planner.library.index import LibraryIndex
from planner.model.case import Case
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.roles import Role
from planner.model.structures import Structure
from planner.session.judgement import JudgementState
from planner.session.session import Session

pytestmark = [pytest.mark.window]

MODULE = "radioembolization"
SEEN, GIVEN, RATIO, HOURS = "right half", 2.0, 3.0, 20.0
IN_LIVER = GIVEN * 0.95 * 0.99
#: Quicker than the kernel, and as good on a blurred image.
LOCAL = {"deposition": "local deposition"}


def done(hand: Any) -> None:
    hand.settle(0.2)
    hand.wait(lambda: not hand.window.jobs.is_running, "all jobs", 240)
    hand.settle(0.2)


def judged(hand: Any) -> None:
    judgements = hand.window.session.judgements
    hand.settle(0.6)
    hand.wait(lambda: judgements.of(MODULE).state == JudgementState.CURRENT, "the whole answer", 240)
    hand.settle(0.2)


def metric(hand: Any, name: str, subject: str = "plan") -> Any:
    assessment = hand.window.session.judgements.of(MODULE).assessment
    return next((m for m in assessment.metrics if (m.name, m.subject) == (name, subject)), None)


def findings(hand: Any) -> dict[str, str]:
    return {f.rule: f.text for f in hand.window.session.judgements.of(MODULE).assessment.findings}


def pick(hand: Any, choice: QComboBox, text: str) -> None:
    """Choose from a list by mouse and keys."""
    number = next(n for n in range(choice.count()) if text in choice.itemText(n))
    hand.click(choice)
    hand.settle(0.2)
    hand.key("Home")
    for _ in range(number):
        hand.key("Down")
    hand.key("Return")
    assert text in choice.currentText()


def words(hand: Any) -> str:
    label = hand.window.findChild(QLabel, "deliveredWords")
    assert isinstance(label, QLabel)
    return label.text()


def planned(path: Path, library: Path) -> tuple[Case, np.ndarray]:
    """The case in its folder with half of its liver seen perfused and 2 GBq given there; and the mask of that half."""
    session = Session(index=LibraryIndex(library))
    session.open_folder(path)
    structures = session.case.structures
    half = structures.mask("Liver")
    middle = structures.grid.to_ijk(liver_middle(session.case))
    half[:, :, int(middle[0]) :] = False
    facts = {"lung_shunt_percent": "5", "tumor_to_normal_ratio": f"{RATIO:g}"}
    case = session.case.with_structures(structures.with_mask(Structure(SEEN, Role.PERFUSED_VOLUME), half))
    session.change_case("planned", case.with_patient(case.patient.with_facts(facts)))
    target = CatheterTarget("c1", "", (0.0, 0.0, 0.0), Agent(AgentType.Y90_GLASS, GIVEN), SEEN, SEEN)
    session.change_plan("planned", session.plan.without_instrument("p1").with_instrument(target))
    session.save_plan()
    case = session.case
    session.close()
    return case, np.asarray(half)


def test_what_was_delivered(hands: Callable[[int, int], Any], own_sample: Path, tmp_path: Path) -> None:
    case, half = planned(own_sample, tmp_path / "other library")
    movement = Movement.of(case, (2.0, -3.0, 6.0), (14.0, -9.0, 22.0))
    activity = concentration(case, half, IN_LIVER, RATIO)
    per_ml, grid = spect_of(case, activity, movement, HOURS)
    spect = write_nifti(tmp_path / "further" / "spect.nii.gz", per_ml.astype(np.float32), grid)
    hand = hands(1280, 800)
    window = hand.window
    window.work.open_paths([own_sample])
    hand.wait(lambda: window.session.is_open, "the case to open")
    session = window.session

    # The mode says what is missing, and leads to where scans are added.
    session.judgements.set_settings(MODULE, LOCAL)
    hand.click(button(window, "mode_catheter"))
    hand.wait(lambda: session.judgements.is_ready(MODULE), "the module to be there")
    choice = window.findChild(QComboBox, "deliveredImage")
    assert [choice.itemText(n) for n in range(choice.count())] == ["none"]
    assert "Add it to the case" in words(hand)
    hand.click(seen(hand, button(window, "deliveredScans")))
    assert window.is_in("afterwards_panel")
    window.afterwards_work.scans.add_scan([spect])
    done(hand)
    assert session.undo_label == "Add scan spect"
    hand.click(button(window, "registerRigid"))
    done(hand)
    assert window.bench.following.registration is not None

    # It says neither what it is nor its unit nor its time: all of it is asked at once, nothing is guessed.
    hand.click(button(window, "mode_catheter"))
    seen(hand, choice)
    pick(hand, choice, "spect · does not say what it is")
    assert session.judgements.settings(MODULE) == {**LOCAL, "activity_image": "spect"}
    judged(hand)
    asked = findings(hand)["activity_image_not_used"]
    for part in ("unit of its values is not known", "which time", "Say its unit", "in the settings under"):
        assert part in asked
    assert metric(hand, "delivered_whole_normal_liver_dose_gy").value is None
    assert words(hand).startswith("Registered (rigid")
    assert "Its file says: no unit and no time." in words(hand)

    # Said in the drawer the part opens.
    hand.click(seen(hand, button(window, "deliveredUnits")))
    hand.settle(0.4)
    dialog = window.findChild(QDialog, "moduleSettings")
    shown = dialog.findChild(QComboBox, "setting_activity_image")
    assert shown.isVisible(), "its drawer is open"
    assert (shown.currentText(), shown.currentData()) == ("spect · does not say what it is", "spect")
    pick(hand, dialog.findChild(QComboBox, "setting_activity_unit"), "Bq/ml")
    pick(hand, dialog.findChild(QComboBox, "setting_activity_as_of"), "the scan")
    hours = dialog.findChild(QDoubleSpinBox, "setting_scan_after_h")
    hand.click(hours.lineEdit())
    hand.key("ctrl+a")
    hand.type(f"{HOURS:g}")
    hand.key("Tab")
    hand.click(next(b for b in dialog.findChildren(QPushButton) if "OK" in b.text()))
    judged(hand)
    assert "Set: Bq/ml, the scan, 20.0 h." in words(hand)

    # Delivered stands beside predicted, with the registration whose error nobody measured.
    delivered, predicted = (
        metric(hand, f"{w}_whole_normal_liver_dose_gy").value for w in ("delivered", "predicted")
    )
    assert delivered == pytest.approx(predicted, rel=0.15), "the blur reaches beyond the liver"
    assert metric(hand, "whole_normal_liver_dose_difference_gy").value == pytest.approx(delivered - predicted)
    assert metric(hand, "measured_activity_in_liver_gbq").value == pytest.approx(IN_LIVER, rel=0.15)
    assert metric(hand, "delivered_whole_normal_liver_bed_gy").value > delivered
    assert metric(hand, "delivered_lesion_bed_gy", "Lesion 5").value > 0
    assert "error unknown: look at it" in findings(hand)["activity_place_unproved"]
    table = window.catheter_panel.findChild(QLabel, "value_delivered_whole_normal_liver_bed_gy")
    assert table is not None
    assert f"{metric(hand, 'delivered_whole_normal_liver_bed_gy').value:.1f}" in table.text()

    # What was said of it is the case's: it is kept there, and undone before the scan is.
    kept = dict(open_case_folder(own_sample).settings_of(MODULE))
    assert kept == {n: v for n, v in session.judgements.settings(MODULE).items() if n not in LOCAL}
    assert kept["activity_image"] == "spect"
    for _ in range(2 + len(kept)):
        if len(session.case.images) > 1:
            hand.key("ctrl+z")
    assert [i.id for i in session.case.images] == ["portal-venous"]
    assert session.judgements.settings(MODULE) == LOCAL
    judged(hand)
    assert "activity_image_not_used" not in findings(hand)
    assert choice.currentText() == "none"
