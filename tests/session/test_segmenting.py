"""Segments of a session: found, measured, painted, each one step; and what stands against it said."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from vessel_case import GRID, bench_of, branch, hepatic_tree, line, portal_tree, structures, vessel_case

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.geometry import Box
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning.couinaud import NUMBERS, ROLES
from planner.planning.liver_ground import LiverGround
from planner.planning.segment_map import SegmentMap, segments_there, with_voxels_in
from planner.session.actions import Workbench


@pytest.fixture(scope="module")
def outlines() -> StructureSet:
    return structures()


@pytest.fixture(scope="module")
def halves(outlines: StructureSet) -> StructureSet:
    """The liver's right half as segment 7 and its left as segment 3."""
    liver = outlines.union_mask(["liver", "lesion"])
    x = GRID.to_lps(np.stack(np.indices(GRID.shape)[::-1], axis=-1))[..., 0]
    found = outlines
    for number, side in ((7, x < 0), (3, x >= 0)):
        found = found.with_mask(Structure(f"segment {number}", ROLES[number]), liver & side)
    return found


@pytest.fixture
def bench(outlines: StructureSet) -> Workbench:
    return bench_of(vessel_case(portal_tree(), hepatic_tree(), of=outlines))


@pytest.fixture
def painting(halves: StructureSet) -> Workbench:
    bench = bench_of(vessel_case(portal_tree(), of=halves))
    measure(bench)
    bench.vessels.brushing.switch(True)
    return bench


def measure(bench: Workbench) -> None:
    wanted = bench.vessels.segmenting.wanted()
    if wanted is not None:
        bench.vessels.segmenting.show(wanted, bench.vessels.segmenting.measure(wanted, Task()))
    bench.vessels.brushing.follow()


def kept(bench: Workbench) -> None:
    stroke, case = bench.vessels.brushing.waiting, bench.session.case
    bench.vessels.brushing.take(stroke, case, bench.vessels.brushing.make(stroke, case, Task()))
    bench.vessels.follow()
    measure(bench)


# finding -----------------------------------------------------------------------------------


def test_segments_become_structures_in_one_step(bench: Workbench, outlines: StructureSet) -> None:
    segmenting = bench.vessels.segmenting
    assert segmenting.why_not("portal") == ""
    segmenting.take(segmenting.make(bench.session.case, "portal", Task()))
    assert bench.session.undo_label == "Segments from the portal branches"
    assert {s.name for s in bench.session.case.structures.structures} >= {"segment 3", "segment 7"}
    measure(bench)
    assert segmenting.map.volume_ml(3, 7) == pytest.approx(LiverGround.of(outlines).volume_ml)
    assert segmenting.map.unassigned_ml == 0
    assert [name for name, _ in segmenting.map.lesions] == ["lesion"]
    assert segmenting.map.lesions[0][1][0].segment == 7
    assert any("nearest portal branch" in n.lower() for n in segmenting.notes)
    again = segmenting.make(bench.session.case, "portal", Task())
    segmenting.take(again)
    assert len(bench.session.case.structures.with_role(*ROLES.values())) == len(
        segments_there(bench.session.case.structures)
    )
    bench.session.undo()
    bench.session.undo()
    segmenting.follow()
    assert not segmenting.has_segments
    assert segmenting.map is None


def test_what_is_missing_is_said(outlines: StructureSet) -> None:
    unnamed = portal_tree().with_branches(replace(b, name="") for b in portal_tree().branches)
    for case, kind, words in (
        (vessel_case(of=outlines), "portal", "No tree of the portal vein"),
        (vessel_case(unnamed, of=outlines), "portal", "right liver"),
        (vessel_case(portal_tree(), of=outlines), "planes", "hepatic vein"),
        (vessel_case(portal_tree(), of=outlines.without("liver")), "portal", "No liver"),
    ):
        assert words in bench_of(case).vessels.segmenting.why_not(kind)
    bench = bench_of(vessel_case(of=outlines))
    with pytest.raises(InvalidValue, match="no tree"):
        bench.vessels.segmenting.make(bench.session.case, "portal", Task())


def test_segments_of_an_older_case_are_not_taken(bench: Workbench) -> None:
    found = bench.vessels.segmenting.make(bench.session.case, "portal", Task())
    bench.vessels.trees.rename("Portal vein", 1, "segment 6")
    with pytest.raises(PlannerError, match="changed meanwhile"):
        bench.vessels.segmenting.take(found)
    assert not bench.vessels.segmenting.has_segments


def test_planes_need_the_three_veins_and_the_fork(bench: Workbench) -> None:
    lacking = bench.vessels.segmenting.lacking_landmarks()
    assert any("right hepatic vein" in word for word in lacking)
    names = ("right hepatic vein", "middle hepatic vein", "left hepatic vein")
    veins = VesselTree(
        "Hepatic veins",
        Role.HEPATIC_VEIN,
        tuple(
            branch(n, None, line((0.0, 30.0, 35.0), (x, -10.0, 5.0)), name)
            for n, (x, name) in enumerate(zip((-30.0, 0.0, 30.0), names, strict=True))
        ),
    )
    portal = portal_tree().with_branches(
        replace(b, name="left portal vein") if b.number == 2 else b for b in portal_tree().branches
    )
    case = bench.session.case.with_vessel_tree(veins).with_vessel_tree(portal)
    bench.session.change_case("veins", case)
    left = bench.vessels.segmenting.lacking_landmarks()
    assert not any("hepatic vein," in word for word in left)


# the map -----------------------------------------------------------------------------------


def test_liver_in_no_segment_and_segments_outside_are_measured(halves: StructureSet) -> None:
    found = SegmentMap.of(halves.without("segment 3"))
    ground = LiverGround.of(halves)
    assert found.unassigned_ml == pytest.approx(ground.volume_ml - found.volume_ml(7))
    assert found.outside_ml == 0
    everywhere = halves.with_mask(Structure("segment 3", ROLES[3]), np.ones(GRID.shape, dtype=bool))
    assert SegmentMap.of(everywhere).outside_ml > 100
    with pytest.raises(InvalidValue, match="No segment"):
        SegmentMap.of(halves.without("segment 3").without("segment 7"))


@pytest.mark.parametrize("number", [7, 5])
def test_voxels_go_over_to_a_segment_and_no_other_keeps_them(halves: StructureSet, number: int) -> None:
    box = Box((20, 20, 20), (30, 35, 45))
    moved = np.zeros(box.shape, dtype=bool)
    moved[2:8, 3:12, 4:21] = True
    after = with_voxels_in(halves, box, moved, number)
    name = f"segment {number}"
    assert after.mask(name, box)[moved].all()
    others = [s.name for s in after.with_role(*(r for n, r in ROLES.items() if n != number))]
    assert not after.union_mask(others, box)[moved].any()
    expected = halves.mask(name) if name in halves else np.zeros(GRID.shape, dtype=bool)
    expected[box.slices] |= moved
    assert np.array_equal(after.mask(name), expected)
    for same in ("liver", "lesion", "portal", "veins"):
        assert np.array_equal(after.mask(same), halves.mask(same)), same
    for structure in after.structures:
        mask = after.mask(structure.name)
        assert after.voxel_count(structure.name) == int(mask.sum()), "boxes are found anew"


def test_voxels_of_a_box_and_a_known_segment(halves: StructureSet) -> None:
    box = Box((0, 0, 0), (2, 2, 2))
    with pytest.raises(InvalidValue, match="eight segments"):
        with_voxels_in(halves, box, np.ones((2, 2, 3), dtype=bool), 3)
    with pytest.raises(InvalidValue, match="eight segments"):
        with_voxels_in(halves, box, np.ones((2, 2, 2), dtype=bool), 9)


# the brush ---------------------------------------------------------------------------------


def test_a_stroke_moves_liver_alone_and_is_one_step(painting: Workbench) -> None:
    brushing, segmenting = painting.vessels.brushing, painting.vessels.segmenting
    before, liver_ml = segmenting.map, segmenting.map.ground.volume_ml
    brushing.set_up(segment=3, radius_mm=10.0)
    pointer = painting.vessels.pointer
    assert pointer.wants_stroke
    pointer.begin_stroke((-20.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    pointer.extend_stroke((-10.0, 0.0, 0.0))
    live = int(np.count_nonzero(brushing.shown[1] == 3))
    assert live > np.count_nonzero(before.labels == 3), "seen while it is painted"
    pointer.end_stroke()
    kept(painting)
    assert painting.session.undo_label == "Brush segment 3"
    after = segmenting.map
    assert np.count_nonzero(after.labels == 3) == live
    capsule = (np.pi * 10.0**2 * 10.0 + 4 / 3 * np.pi * 10.0**3) / 1000.0
    assert before.volume_ml(7) - after.volume_ml(7) == pytest.approx(capsule, rel=0.12)
    assert after.volume_ml(*NUMBERS) == pytest.approx(liver_ml)
    painting.session.undo()
    painting.vessels.follow()
    measure(painting)
    assert np.array_equal(segmenting.map.labels, before.labels)


def test_strokes_after_one_another_are_kept_in_turn(painting: Workbench) -> None:
    brushing = painting.vessels.brushing
    brushing.set_up(segment=3, radius_mm=8.0)
    for x in (-15.0, -30.0):
        brushing.begin_stroke((x, 0.0, 0.0))
        brushing.end_stroke()
    live = brushing.shown[1].copy()
    kept(painting)
    assert np.array_equal(brushing.shown[1], live), "the second is seen while the first is kept"
    kept(painting)
    assert brushing.waiting is None
    assert np.array_equal(painting.vessels.segmenting.map.labels, live)


def test_a_stroke_that_moves_nothing_is_no_step(painting: Workbench) -> None:
    brushing = painting.vessels.brushing
    brushing.set_up(segment=7, radius_mm=5.0)
    for place in ((-20.0, 0.0, 0.0), (0.0, 0.0, 400.0)):
        brushing.begin_stroke(place)
        assert brushing.end_stroke() is None
    assert brushing.waiting is None


def test_a_stroke_is_thrown_away_where_the_case_changed_meanwhile(painting: Workbench) -> None:
    brushing, session = painting.vessels.brushing, painting.session
    brushing.set_up(segment=3)
    brushing.begin_stroke((-20.0, 0.0, 0.0))
    stroke = brushing.end_stroke()
    asked = session.case
    made = brushing.make(stroke, asked, Task())
    painting.vessels.trees.delete_tree("Portal vein")
    with pytest.raises(PlannerError, match="not taken over"):
        brushing.take(stroke, asked, made)
    assert brushing.waiting is None
    assert session.undo_label == "Delete vessels Portal vein"


def test_the_brush_needs_segments_and_keeps_within_sizes(bench: Workbench) -> None:
    brushing = bench.vessels.brushing
    brushing.switch(True)
    assert not brushing.is_on
    assert "no segments" in brushing.why_not()
    brushing.set_up(radius_mm=1000.0)
    assert brushing.radius_mm == 40.0
    brushing.begin_stroke((0.0, 0.0, 0.0))
    assert brushing.end_stroke() is None
    assert not bench.vessels.pointer.wants_stroke


def test_over_3d_the_mouse_turns_the_view_also_with_the_brush(painting: Workbench) -> None:
    painting.vessels.pointer.eye = lambda: (0.0, -300.0, 0.0)
    assert not painting.vessels.pointer.wants_stroke


PLACES = {
    "vena_cava_upper": (0.0, 30.0, 30.0),
    "vena_cava_lower": (0.0, 30.0, -40.0),
    "right_hepatic_vein": (-30.0, -5.0, 10.0),
    "middle_hepatic_vein": (0.0, -10.0, 10.0),
    "left_hepatic_vein": (25.0, -5.0, 10.0),
    "portal_fork": (0.0, 0.0, 0.0),
}


def test_clicked_places_alone_give_planes(outlines: StructureSet) -> None:
    """A case without any vessel; the eight segments come from six clicks, and each click can be undone."""
    bench = bench_of(vessel_case(of=outlines.without("portal").without("veins")))
    placing, segmenting = bench.vessels.placing, bench.vessels.segmenting
    assert "Click these places" in segmenting.why_not("planes")
    placing.start("vena_cava_upper")
    assert bench.vessels.is_busy
    assert bench.vessels.pointer.is_waiting
    for word, place in PLACES.items():
        assert placing.word == word, "each click waits for the next place that is not known"
        assert bench.vessels.pointer.click(place)
    assert placing.word == "left_portal_end", "the one the planes can do without"
    bench.vessels.cancel()
    assert not placing.word
    assert segmenting.why_not("planes") == ""
    found = segmenting.make(bench.session.case, "planes", Task())
    segmenting.take(found)
    numbers = {s.role for s in bench.session.case.structures.with_role(*ROLES.values())}
    assert {ROLES[n] for n in (2, 4, 5, 6, 7, 8)} <= numbers
    bench.session.undo()
    bench.session.undo()
    assert "portal vein divides" in segmenting.why_not("planes")
    placing.forget("vena_cava_lower")
    assert {p.word: p.is_clicked for p in placing.places}["vena_cava_upper"]
    assert "lower end" in segmenting.why_not("planes")


def test_a_clicked_place_goes_before_one_that_is_read(bench: Workbench) -> None:
    placing = bench.vessels.placing
    read = {p.word: p for p in placing.places}
    assert not any(p.is_clicked for p in read.values())
    placing.start("portal_fork")
    placing.click((1.0, 2.0, 3.0))
    now = {p.word: p for p in placing.places}["portal_fork"]
    assert (now.lps_mm, now.is_clicked) == ((1.0, 2.0, 3.0), True)
    placing.forget("portal_fork")
    assert {p.word: p for p in placing.places}["portal_fork"] == read["portal_fork"]
