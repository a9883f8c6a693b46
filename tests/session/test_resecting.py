"""Resections made by lines, names and margins, and dragged by hand; each one change that can be undone."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import LIVER_MM, phantom

from planner.base.errors import InvalidValue, PlannerError
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.resection import MarginCut, PatchCut, PlaneCut, SegmentsCut, TerritoriesCut
from planner.model.roles import Role
from planner.session.actions import ACTION_BY_ID, Workbench
from planner.session.cut_pointer import CutPointer
from planner.session.resecting import Line, Resecting
from planner.session.session import Session

#: Balls that stand for segments: two on the right, one on the left.
SEGMENTS = {
    "seg 6": (Role("couinaud_6"), (-30.0, 0.0, -20.0), 14.0),
    "seg 7": (Role("couinaud_7"), (-30.0, 0.0, 20.0), 14.0),
    "seg 3": (Role("couinaud_3"), (35.0, 0.0, 0.0), 14.0),
}


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom((3.0, 3.0, 3.0), **SEGMENTS)


@pytest.fixture
def bench(case: Case) -> Workbench:
    session = Session()
    session.open_case(case, Plan("A", case.id))
    return Workbench(session)


@pytest.fixture
def pointer(bench: Workbench) -> CutPointer:
    return CutPointer(bench.session, bench.resecting)


def draw(pointer: CutPointer, resecting: Resecting, line: Line, x_mm: float, bend_mm: float = 0.0) -> None:
    """A line in an axial slice, from front to back."""
    resecting.start_line(line)
    y = np.linspace(-50.0, 50.0, 30)
    points = [(x_mm + bend_mm * (1 - (v / 50.0) ** 2), float(v), 0.0) for v in y]
    pointer.begin_stroke(points[0], (0.0, 0.0, 1.0))
    for point in points[1:]:
        pointer.extend_stroke(point)
    pointer.end_stroke()


def test_a_line_becomes_a_plane_that_takes_the_smaller_side(bench: Workbench, pointer: CutPointer) -> None:
    draw(pointer, bench.resecting, Line.PLANE, 25.0)
    (cut,) = bench.session.plan.resections
    assert isinstance(cut.surface, PlaneCut)
    assert cut.surface.normal_lps == pytest.approx((1.0, 0.0, 0.0), abs=1e-6)
    assert bench.session.selection.instrument == cut.id == "r1"
    assert bench.session.undo_label == "Draw plane"
    assert bench.resecting.line == Line.NONE
    assert pointer.stroke == []


def test_the_side_of_the_selected_lesion_is_taken(bench: Workbench, pointer: CutPointer) -> None:
    bench.session.selection.choose(lesion="lesion")
    draw(pointer, bench.resecting, Line.PATCH, 25.0)
    (cut,) = bench.session.plan.resections
    assert isinstance(cut.surface, PatchCut)
    bench.resecting.turn()
    turned = bench.session.plan.resections[0].surface
    assert isinstance(turned, PatchCut)
    assert turned.control_lps_mm == cut.surface.control_lps_mm[::-1]
    bench.session.undo()
    assert bench.session.plan.resections == (cut,)


def test_a_slip_is_refused_and_leaves_the_plan_as_it_was(bench: Workbench, pointer: CutPointer) -> None:
    bench.resecting.start_line(Line.PATCH)
    pointer.begin_stroke((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    pointer.extend_stroke((0.0, 3.0, 0.0))
    with pytest.raises(InvalidValue, match="too short"):
        pointer.end_stroke()
    assert not bench.session.plan.resections
    assert not bench.session.undo_label


def test_asking_again_or_escape_stops_waiting_for_a_line(bench: Workbench, pointer: CutPointer) -> None:
    bench.resecting.start_line(Line.PLANE)
    assert pointer.wants_stroke
    bench.resecting.start_line(Line.PLANE)
    assert not pointer.wants_stroke
    bench.resecting.start_line(Line.PATCH)
    assert not ACTION_BY_ID["cancel"].why_not(bench)
    ACTION_BY_ID["cancel"].run(bench)
    assert not pointer.wants_stroke


def test_a_plane_is_dragged_along_its_normal_and_tilted(bench: Workbench, pointer: CutPointer) -> None:
    draw(pointer, bench.resecting, Line.PLANE, 25.0)
    held = pointer.grab((25.5, 10.0, 4.0), 2.0)
    assert held is not None
    pointer.drag(held, (8.0, 30.0, 0.0), False)
    assert bench.session.recorded_plan.resections[0].surface.point_lps_mm[0] == pytest.approx(25.0, abs=0.5)
    pointer.drop(held)
    moved = bench.session.plan.resections[0].surface
    assert isinstance(moved, PlaneCut)
    assert moved.distance_mm(np.array([[33.0, 0.0, 0.0]]))[0] == pytest.approx(0.0, abs=0.5)
    assert bench.session.undo_label == "Move resection r1"
    rim = next(h for h in pointer.handles if "rim" in h.id)
    pointer.drag(rim, (10.0, 0.0, 0.0), False)
    pointer.drop(rim)
    tilted = bench.session.plan.resections[0].surface
    angle = np.degrees(np.arccos(float(np.dot(tilted.normal_lps, moved.normal_lps))))
    assert angle == pytest.approx(np.degrees(np.arctan2(10.0, 45.0)), abs=0.1)
    assert bench.session.undo_label == "Tilt resection r1"


def test_a_surface_is_bent_by_a_point_by_itself_and_moved_as_a_whole(
    bench: Workbench, pointer: CutPointer
) -> None:
    draw(pointer, bench.resecting, Line.PATCH, 25.0)
    before = bench.session.plan.resections[0].surface.control
    point = pointer.handles[12]
    pointer.drag(point, (5.0, 0.0, 0.0), False)
    pointer.drop(point)
    change = bench.session.plan.resections[0].surface.control - before
    assert np.count_nonzero(np.abs(change).sum(axis=-1) > 1e-9) == 1
    bench.session.undo()
    held = pointer.grab((25.0, 0.0, 0.0), 2.0)
    assert held is not None
    pointer.drag(held, (5.0, 0.0, 0.0), True)
    whole = bench.session.plan.resections[0].surface.control - before
    assert whole == pytest.approx(np.broadcast_to([5.0, 0.0, 0.0], whole.shape))
    pointer.cancel_drag()
    assert bench.session.plan.resections[0].surface.control == pytest.approx(before)


def test_a_surface_that_would_fold_stays_where_it_was(bench: Workbench, pointer: CutPointer) -> None:
    draw(pointer, bench.resecting, Line.PATCH, 25.0)
    point = pointer.handles[12]
    pointer.drag(point, (0.0, 4.0, 0.0), False)
    kept = bench.session.plan.resections[0].surface
    pointer.drag(point, (0.0, 400.0, 0.0), False)
    assert bench.session.plan.resections[0].surface == kept


def test_cuts_are_held_in_the_liver_alone(bench: Workbench, pointer: CutPointer) -> None:
    draw(pointer, bench.resecting, Line.PLANE, 25.0)
    assert pointer.grab((25.0, LIVER_MM + 20.0, 0.0), 3.0) is None
    assert pointer.grab((10.0, 0.0, 0.0), 3.0) is None
    assert pointer.grab((25.0, 0.0, 500.0), 3.0) is None


def test_another_cut_is_chosen_by_taking_hold_of_it(bench: Workbench, pointer: CutPointer) -> None:
    draw(pointer, bench.resecting, Line.PLANE, 25.0)
    draw(pointer, bench.resecting, Line.PLANE, -30.0)
    assert bench.session.selection.instrument == "r2"
    held = pointer.grab((25.0, 0.0, 0.0), 2.0)
    assert held is not None
    pointer.drag(held, (2.0, 0.0, 0.0), False)
    assert bench.session.selection.instrument == "r1"


def test_segments_are_taken_changed_and_left(bench: Workbench) -> None:
    resecting = bench.resecting
    assert resecting.outlined_segments == {3, 6, 7}
    resecting.take_operation("right_posterior")
    (cut,) = bench.session.plan.resections
    assert isinstance(cut.surface, SegmentsCut)
    assert cut.surface.structures == ("seg 6", "seg 7")
    assert cut.name == "Right posterior sectionectomy"
    assert resecting.taken_segments == {6, 7}
    resecting.take_segments([6])
    assert [r.name for r in bench.session.plan.resections] == ["Segmentectomy 6"]
    resecting.take_segments([])
    assert not bench.session.plan.resections


def test_an_operation_with_segments_that_are_missing_is_refused(bench: Workbench) -> None:
    with pytest.raises(InvalidValue) as refused:
        bench.resecting.take_operation("right_hemihepatectomy")
    assert "segments 5, 8" in refused.value.thing
    assert not bench.session.plan.resections


def test_an_excision_goes_around_the_selected_lesion(bench: Workbench) -> None:
    with pytest.raises(PlannerError, match="No lesion"):
        bench.resecting.take_around(10.0, True)
    bench.session.selection.choose(lesion="lesion")
    bench.resecting.take_around(10.0, True)
    bench.resecting.set_margin(6.0, False)
    (cut,) = bench.session.plan.resections
    assert cut.surface == MarginCut("lesion", 6.0, False)


def test_bending_waits_until_it_is_known_where_a_set_is_cut(bench: Workbench) -> None:
    bench.resecting.take_operation("right_posterior")
    with pytest.raises(PlannerError, match="not known yet"):
        bench.resecting.bend()


def test_a_plane_is_bent_to_a_flat_surface(bench: Workbench, pointer: CutPointer) -> None:
    draw(pointer, bench.resecting, Line.PLANE, 25.0)
    plane = bench.session.plan.resections[0].surface
    bench.resecting.bend()
    patch = bench.session.plan.resections[0].surface
    assert isinstance(patch, PatchCut)
    assert np.abs(plane.distance_mm(patch.control.reshape(-1, 3))).max() < 1e-6
    from planner.planning.cut_drawing import heights_over

    far = np.array([[55.0, 0.0, 0.0]])
    assert heights_over(patch, far, 400.0)[0] > 0


def test_sides_are_given_and_territories_taken(bench: Workbench, pointer: CutPointer) -> None:
    draw(pointer, bench.resecting, Line.PLANE, 25.0)
    bench.resecting.give("caudate", "remnant")
    bench.resecting.give("middle_hepatic_vein", "specimen")
    (cut,) = bench.session.plan.resections
    assert (cut.caudate, cut.middle_hepatic_vein) == ("remnant", "specimen")
    bench.resecting.take_territories("portal", (3, 4), "right anterior")
    assert bench.session.plan.resections[-1].surface == TerritoriesCut("portal", (3, 4))
    bench.resecting.delete()
    assert [r.id for r in bench.session.plan.resections] == ["r1"]


def test_without_a_liver_nothing_is_drawn(case: Case) -> None:
    session = Session()
    other = case.with_structures(case.structures.without("liver"))
    session.open_case(other, Plan("A", other.id))
    bench = Workbench(session)
    assert not bench.resecting.has_liver
    pointer = CutPointer(session, bench.resecting)
    with pytest.raises(PlannerError):
        draw(pointer, bench.resecting, Line.PLANE, 25.0)
