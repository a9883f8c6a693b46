"""Catheter targets by mouse: arteries found and confirmed, a tip clicked, dragged, given; suggested, undone, reopened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QDoubleSpinBox, QLabel, QPushButton
from steps import button, resting, scrolled_to

from planner.library.case_folder import open_case_folder
from planner.planning.catheter_way import CatheterWay
from planner.planning.perfusion import Fed
from planner.session.judgement import JudgementState

pytestmark = [pytest.mark.window]

MODULE = "radioembolization"


def done(hand: Any, window: Any) -> None:
    hand.settle(0.2)
    hand.wait(lambda: not window.jobs.is_running, "all jobs", 240)


def judged(hand: Any, window: Any) -> None:
    hand.settle(0.5)
    hand.wait(
        lambda: (
            window.session.judgements.of(MODULE).state == JudgementState.CURRENT
            and not window.jobs.is_running
        ),
        "the whole answer",
        240,
    )


def number(window: Any, name: str, subject: str = "plan") -> float | None:
    assessment = window.session.judgements.of(MODULE).assessment
    return next(m.value for m in assessment.metrics if (m.name, m.subject) == (name, subject))


def note(window: Any) -> str:
    metrics = window.session.judgements.of(MODULE).assessment.metrics
    return next(m.note for m in metrics if (m.name, m.subject) == ("prescribed_activity_gbq", "plan"))


def enter(hand: Any, field: QDoubleSpinBox, text: str) -> None:
    scrolled_to(hand, field)
    hand.click(field.lineEdit())
    hand.key("ctrl+a")
    hand.type(text)
    hand.key("Return")


def choose(hand: Any, opener: QPushButton, name: str) -> None:
    """Open a button's menu and click one of its rows."""
    hand.click(scrolled_to(hand, opener))
    hand.wait(opener.menu().isVisible, "the menu")
    row = next(a for a in opener.menu().actions() if a.objectName() == name)
    hand.click(opener.menu(), QPointF(opener.menu().actionGeometry(row).center()))
    hand.settle(0.2)


@pytest.mark.parametrize(("width", "height"), [(1280, 800)])
def test_a_tip_in_an_artery(
    hands: Callable[[int, int], Any], own_sample: Path, width: int, height: int
) -> None:
    hand = hands(width, height)
    hand.window.work.open_paths([own_sample])
    hand.wait(lambda: hand.window.session.is_open, "the case to open")
    window = hand.window
    done(hand, window)
    session, catheters = window.session, window.bench.catheters
    session.change_plan("empty", session.plan.without_instrument("p1"))

    # Without arteries the mode says so and leads to where they are found.
    hand.click(button(window, "mode_catheter"))
    hand.settle(0.3)
    assert not window.catheter_panel.add.isEnabled()
    hand.click(resting(hand, lambda: button(window, "findArteries")))
    hand.click(resting(hand, lambda: button(window, "findTrees")))
    hand.wait(lambda: len(session.case.vessel_trees) == 3, "the trees", 240)
    done(hand, window)
    hand.click(button(window, "mode_catheter"))
    hand.wait(lambda: session.judgements.is_ready(MODULE), "what the vessels feed", 240)

    # A tip is clicked in a slice; the tree is not confirmed, so there is no activity.
    hand.click(window.catheter_panel.add)
    tree = catheters.arteries[0]
    ground = catheters.ground
    feeding = (
        b
        for b in tree.branches[1:]
        if Fed(ground, ground.fed_beyond(CatheterWay(tree, b.number, 0.0))).lesion_percent("Lesion 5") > 99
    )
    branch = max(feeding, key=lambda b: b.length_mm)
    middle = len(branch.points_lps_mm) // 2
    place = tuple(float(v) for v in branch.points_lps_mm[middle])
    session.selection.move_cursor(place)
    hand.settle(0.3)
    axial = window.views.axial
    hand.click(axial, axial.view_of(place))
    (target,) = session.plan.catheter_targets
    assert target.tree == tree.id
    judged(hand, window)
    assert number(window, "perfused_volume_ml", "c1") > 10
    assert number(window, "prescribed_activity_gbq") is None
    findings = {f.rule for f in session.judgements.of(MODULE).assessment.findings}
    assert {"artery_not_confirmed", "dose_locked"} <= findings

    # It is confirmed and the facts are entered: now there is one.
    hand.click(resting(hand, lambda: window.catheter_panel.findChild(QPushButton, "confirmArteries")))
    assert session.case.vessel_tree(tree.id).is_confirmed
    state = window.catheter_panel.findChild(QLabel, "arteryState")
    assert state.text().endswith("confirmed")
    for fact, text in (("lung_shunt_percent", "5"), ("tumor_to_normal_ratio", "3")):
        enter(hand, window.catheter_panel.forms[MODULE].fields[fact], text)
    facts = dict(session.case.patient.facts)
    assert (facts["lung_shunt_percent"], facts["tumor_to_normal_ratio"]) == ("5", "3")
    hand.wait(lambda: session.judgements.is_ready(MODULE), "what the vessels feed", 240)
    judged(hand, window)
    assert (number(window, "prescribed_activity_gbq") or 0.0) > 0, note(window)
    assert number(window, "lesion_d95_gy", "Lesion 5") is not None

    # The tip is dragged along its vessel: it keeps to it, numbers follow, one step to undo.
    session.selection.move_cursor(session.plan.catheter_targets[0].position_lps_mm)
    hand.settle(0.3)
    before = session.plan.catheter_targets[0].position_lps_mm
    end = tuple(float(v) for v in branch.points_lps_mm[min(middle + 12, len(branch.points_lps_mm) - 1)])
    hand.drag(axial, axial.view_of(before), axial.view_of(end))
    moved = session.plan.catheter_targets[0]
    assert moved.position_lps_mm != before
    assert catheters.way(moved).off_mm < 1e-6
    hand.key("ctrl+z")
    assert session.plan.catheter_targets[0].position_lps_mm == before

    # Given activity is entered, and kept with the plan.
    enter(hand, window.catheter_panel.tip.activity, "1.25")
    assert session.plan.catheter_targets[0].agent.activity_gbq == 1.25
    judged(hand, window)
    assert number(window, "given_activity_gbq") == 1.25

    # Suggested tips take its place; undone it stands again.
    panel = window.catheter_panel
    choose(hand, panel.suggest, "suggestRim")
    assert not catheters.goal.with_rim
    choose(hand, panel.suggest, "suggestFor_2")
    done(hand, window)
    assert catheters.choices
    hand.click(scrolled_to(hand, window.catheter_panel.findChild(QPushButton, "takeTips_0")))
    assert all(t.agent.activity_gbq is None for t in session.plan.catheter_targets)
    hand.key("ctrl+z")
    assert session.plan.catheter_targets[0].agent.activity_gbq == 1.25
    hand.key("ctrl+s")
    done(hand, window)

    reopened = open_case_folder(own_sample)
    assert reopened.vessel_tree(tree.id).is_confirmed
    assert dict(reopened.patient.facts)["tumor_to_normal_ratio"] == "3"
