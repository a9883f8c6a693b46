"""Vessels by mouse: trees found, a branch clicked in 3D, named, cut, drawn; segments made and painted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel
from steps import button, resting

from planner.library.case_folder import open_case_folder
from planner.model.roles import Role
from planner.planning.cut_effect import Loss

pytestmark = [pytest.mark.window]


def done(hand: Any, window: Any) -> None:
    hand.settle(0.2)
    hand.wait(lambda: not window.jobs.is_running, "all jobs", 240)


@pytest.mark.parametrize(("width", "height"), [(1280, 800)])
def test_vessels_of_the_sample(
    hands: Callable[[int, int], Any], own_sample: Path, width: int, height: int
) -> None:
    hand = hands(width, height)
    hand.window.work.open_paths([own_sample])
    hand.wait(lambda: hand.window.session.is_open, "the case to open")
    window = hand.window
    done(hand, window)
    session, vessels = window.session, window.bench.vessels
    # Nothing to judge: vessels are what this is about.
    session.change_plan("empty", session.plan.without_instrument("p1"))
    space, axial = window.views.space, window.views.axial
    hand.click(button(window, "mode_vessels"))

    # Trees of all three outlines, with names proposed.
    hand.click(resting(hand, lambda: button(window, "findTrees")))
    hand.wait(lambda: len(session.case.vessel_trees) == 3, "the trees", 240)
    assert session.undo_label == "Find vessels"
    portal = session.case.vessel_tree("Portal vein")
    assert {"right portal vein", "left portal vein", "segment 7"} <= {b.name for b in portal.branches}
    assert not any(b.is_name_confirmed for b in portal.branches)
    done(hand, window)
    hidden = window.views.space.scene._structures["Portal vein"]
    assert not hidden.GetVisibility(), "the tree stands for its outline in 3D"

    # A branch is clicked in 3D: it is chosen, and its territory is there at once.
    branch = max((b for b in portal.branches if b.name == "left portal vein"), key=lambda b: b.length_mm)
    place = tuple(float(v) for v in branch.points_lps_mm[len(branch.points_lps_mm) // 2])
    eye = space.scene.renderer.GetActiveCamera().GetPosition()
    expected = vessels.branches.along(eye, place)
    hand.click(space, QPointF(*space.scene.display_of(place)))
    assert vessels.branches.choice is not None
    assert (vessels.branches.choice.tree, vessels.branches.choice.number) == (expected.tree, expected.number)
    # By the list the branch itself is chosen, whatever lies before it in 3D.
    vessels.branches.choose("Portal vein", branch.number)
    hand.settle(0.2)
    facts = vessels.branches.facts
    assert facts.volume_ml is not None
    shown = window.findChild(QLabel, "territoryVolume").text()
    assert shown.startswith(f"{facts.volume_ml:.0f} ml")
    done(hand, window)
    assert window.vessel_work.views.lit.parts, "the territory has a surface in 3D"

    # It is named by hand, which confirms it; undone and done again.
    name = resting(hand, lambda: window.findChild(QComboBox, "branchName"))
    hand.click(name, QPointF(40, name.height() / 2))
    hand.key("ctrl+a")
    hand.type("vena sinistra")
    hand.key("Return")
    assert session.case.vessel_tree("Portal vein").branch(branch.number).name == "vena sinistra"
    assert session.case.vessel_tree("Portal vein").branch(branch.number).is_name_confirmed
    assert session.undo_label == "Name branch vena sinistra"
    axial.setFocus()
    hand.key("ctrl+z")
    assert session.case.vessel_tree("Portal vein") is portal
    assert vessels.branches.choice.number == branch.number
    hand.key("ctrl+shift+z")
    hand.key("ctrl+z")
    done(hand, window)

    # What if it is cut: all of its territory loses inflow, the tree stays as it is.
    hand.click(resting(hand, lambda: window.findChild(QCheckBox, "thinkCut")))
    hand.wait(lambda: vessels.branches.effect is not None, "what a cut takes", 60)
    lost = vessels.branches.effect.volume_ml(Loss.DEVASCULARISED)
    assert lost == pytest.approx(vessels.branches.facts.volume_ml)
    assert window.findChild(QLabel, f"loss_{int(Loss.DEVASCULARISED)}").text().startswith(f"{lost:.0f} ml")
    assert session.case.vessel_tree("Portal vein") is portal
    hand.click(resting(hand, lambda: window.findChild(QCheckBox, "thinkCut")))
    assert not vessels.branches.cuts

    # Parted at the clicked point: a loose part, joined again by a click in a slice; both undone.
    hand.click(resting(hand, lambda: button(window, "partBranch")))
    parted = session.case.vessel_tree("Portal vein")
    assert len(parted.roots) == 2
    loose = vessels.branches.choice.number
    assert parted.branch(loose).parent is None
    hand.click(resting(hand, lambda: button(window, "joinBranch")))
    session.selection.move_cursor(place)
    hand.settle(0.1)
    hand.click(axial, axial.view_of(place))
    done(hand, window)
    assert len(session.case.vessel_tree("Portal vein").roots) == 1
    hand.key("ctrl+z")
    hand.key("ctrl+z")
    assert session.case.vessel_tree("Portal vein") is portal
    done(hand, window)

    # A vessel is drawn along the vena cava: two clicks, one taken back, one again, Enter.
    hand.click(resting(hand, lambda: button(window, "drawVessel")))
    vessels.drawing.set_up(role=Role.HEPATIC_VEIN)
    main = max((b for b in portal.branches if b.name == "main portal vein"), key=lambda b: b.length_mm)
    ends = [tuple(float(v) for v in main.points_lps_mm[n]) for n in (len(main.points_lps_mm) // 2, -1)]
    for end in ends:
        session.selection.move_cursor(end)
        hand.settle(0.1)
        hand.click(axial, axial.view_of(end))
    assert len(vessels.drawing.clicks) == 2
    hand.key("BackSpace")
    assert len(vessels.drawing.clicks) == 1
    hand.click(axial, axial.view_of(ends[1]))
    hand.wait(lambda: vessels.drawing.is_current, "the way between the clicks", 60)
    hand.key("Return")
    assert len(session.case.vessel_trees) == 4
    assert session.undo_label == "Draw a vessel: hepatic veins"
    drawn = session.case.vessel_trees[-1]
    length = float(np.linalg.norm(np.subtract(*ends)))
    assert drawn.length_mm == pytest.approx(length, rel=0.35)
    axial.setFocus()
    hand.key("ctrl+z")
    assert len(session.case.vessel_trees) == 3
    done(hand, window)

    # Segments from the portal branches: eight structures, one step.
    hand.click(resting(hand, lambda: button(window, "step_segments")))
    hand.click(resting(hand, lambda: button(window, "segments_portal")))
    hand.wait(lambda: "segment 4" in session.case.structures, "the segments", 240)
    assert session.undo_label == "Segments from the portal branches"
    done(hand, window)
    hand.wait(lambda: vessels.segmenting.is_current, "the segments to be measured", 60)
    found = vessels.segmenting.map
    assert found.unassigned_ml == 0
    assert window.findChild(QLabel, "segment_ml_7").text() == f"{found.volume_ml(7):.0f}"

    # One stroke gives liver from one segment to another, and is one step to undo.
    lesion = np.argwhere(found.labels == 7)
    middle = found.grid.to_lps(lesion[len(lesion) // 2][::-1].astype(float))
    at = tuple(float(v) for v in middle)
    session.selection.move_cursor(at)
    hand.click(resting(hand, lambda: button(window, "segmentBrush")))
    vessels.brushing.set_up(segment=6)
    before = session.case
    hand.drag(axial, axial.view_of(at), axial.view_of(at) + QPointF(9.0, 0.0))
    hand.wait(lambda: session.case is not before, "the stroke to be kept", 60)
    assert session.undo_label == "Brush segment 6"
    done(hand, window)
    hand.wait(lambda: vessels.segmenting.is_current, "the segments to be measured", 60)
    after = vessels.segmenting.map
    assert after.volume_ml(6) > found.volume_ml(6)
    assert after.volume_ml(6, 7) == pytest.approx(found.volume_ml(6, 7), abs=3.0)
    assert after.unassigned_ml == 0
    hand.key("Escape")
    assert not vessels.brushing.is_on
    hand.key("ctrl+z")
    assert session.case.structures is before.structures
    done(hand, window)

    # All of it is kept in the folder; another mode has its own mouse and shows the outlines again.
    kept = open_case_folder(own_sample)
    assert [t.id for t in kept.vessel_trees] == [t.id for t in session.case.vessel_trees]
    hand.click(button(window, "mode_ablation"))
    assert window.bench.pointer is not vessels.pointer
    assert hidden.GetVisibility()
