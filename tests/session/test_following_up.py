"""Two scans of one patient in a session: registered, corrected, judged by landmarks, drawn on, carried over."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compute"))
from two_scan_session import GRID, HERE, LESION, THERE, lay, moved, registered, structures_of
from two_scans import LIVER_CENTER, lattice, scan

from planner.base.errors import Cancelled, InvalidValue, PlannerError
from planner.base.task import Task
from planner.compute.needle_finding import FoundNeedle
from planner.library.case_document import VERSION
from planner.library.case_folder import create_case_folder, open_case_folder
from planner.model.case import Case
from planner.model.displacement import DisplacementField
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.registration import Registration
from planner.model.roles import Role
from planner.planning.achieved_margin import achieved_margin
from planner.planning.error_budget import ErrorBudget
from planner.session.actions import Workbench
from planner.session.brushing import Brush
from planner.session.carrying import make_carried_over, take_carried_over
from planner.session.scan_pairs import NextClick, make_laid_over, make_registration, movement, to_other
from planner.session.session import Session

# registering ---------------------------------------------------------------------------------


def test_the_scans_of_a_case_are_registered_and_it_can_be_undone(
    bench: Workbench, scans: tuple[Image, Image, np.ndarray]
) -> None:
    following, matrix = bench.following, scans[2]
    pair = following.pair
    assert pair is not None
    assert (pair.planning.id, pair.other.id) == ("ct", "after")
    assert following.registration is None
    assert "as the scanners placed them" in following.lying_words
    found = make_registration(pair, False, Task())
    following.show_registration(found)
    kept = following.registration
    assert kept is not None
    points = LIVER_CENTER + np.random.default_rng(3).uniform(-40, 40, (50, 3))
    assert np.linalg.norm(kept.map_points(points) - moved(points, matrix), axis=1).max() < 1.0
    assert "turn 6." in following.lying_words
    assert "lower bound" in following.error_words
    assert bench.session.undo_label == "Register"
    bench.session.undo()
    assert following.registration is None


def test_a_cancelled_registration_leaves_all_as_it_was(bench: Workbench) -> None:
    pair, before = bench.following.pair, bench.session.case
    assert pair is not None
    task = Task(lambda fraction, _text: task.cancel() if fraction > 0.3 else None)
    with pytest.raises(Cancelled):
        make_registration(pair, True, task)
    assert bench.session.case is before


def test_why_scans_cannot_be_registered(bench: Workbench, scans: tuple[Image, Image, np.ndarray]) -> None:
    ct, after, _ = scans
    session, following = bench.session, bench.following
    assert following.why_not_register(True) == ""
    plain = replace(session.case, structure_sets=())
    session.change_case("no liver", plain)
    assert "Outline the liver" in following.why_not_register(True)
    pair = following.pair
    assert pair is not None
    with pytest.raises(InvalidValue, match="Without a liver"):
        make_registration(pair, True, Task())
    mr = replace(after, id="mr", modality="MR")
    session.change_case("MR", Case("two", "Two scans", (ct, mr), (structures_of(GRID),)))
    assert "one kind" in following.why_not_register(True)
    session.change_case("one scan", Case("two", "Two scans", (ct,), (structures_of(GRID),)))
    assert "Add another scan" in following.why_not_register(False)
    assert following.pair is None
    assert following.lying_words.startswith("There is no other scan")
    assert bench.achieving.why_not().startswith("Add the scan")
    assert bench.brushing.why_not().startswith("Add the scan")
    assert bench.placed.why_not().startswith("Add the control scan")


def test_scans_far_apart_are_refused_in_words(
    bench: Workbench, scans: tuple[Image, Image, np.ndarray]
) -> None:
    pair = bench.following.pair
    assert pair is not None
    grid = pair.other.grid
    far = replace(
        pair.other,
        grid=replace(grid, origin_lps_mm=(grid.origin_lps_mm[0] + 2000.0, *grid.origin_lps_mm[1:])),
        identity=DicomIdentity(frame_of_reference_uid=HERE),
    )
    with pytest.raises(InvalidValue, match="do not overlap"):
        make_registration(replace(pair, other=far), False, Task())


# the overlay -----------------------------------------------------------------------------------


def test_the_overlay_shows_the_same_tissue_at_the_same_place(
    bench: Workbench, scans: tuple[Image, Image, np.ndarray]
) -> None:
    registered(bench, scans[2])
    assert bench.following.is_laid_old
    laid = lay(bench)
    assert not bench.following.is_laid_old
    assert laid.image.grid is scans[0].grid
    assert laid.image.values.dtype == np.int16
    points = LIVER_CENTER + np.random.default_rng(3).uniform(-30, 30, (400, 3))
    points = points[np.linalg.norm(points - np.array(LESION), axis=1) > 26.0]
    gaps = [laid.image.value_at(p) - scans[0].value_at(p) for p in points]  # type: ignore[operator]
    assert np.sqrt(np.mean(np.square(gaps))) < 18.0, "noise of 8 HU each, and interpolation of the texture"
    assert bench.following.look_key(scans[0]) != ()
    assert bench.following.look_key(scans[1]) == (), "nothing is laid over the other scan itself"
    bench.session.undo()
    assert bench.following.is_laid_old, "the overlay is of a registration that is gone"
    bench.following.switch(False)
    assert bench.following.look_key(scans[0]) == ()


def test_an_overlay_of_an_older_registration_is_never_shown(
    bench: Workbench, scans: tuple[Image, Image, np.ndarray]
) -> None:
    """After an undo and a redo the overlay of what lay in between may still arrive."""
    between = registered(bench, np.eye(4))
    pair = bench.following.pair
    assert pair is not None
    late = make_laid_over(pair, between, Task())
    registered(bench, scans[2])
    now = lay(bench)
    bench.following.show_laid_over(late)
    assert bench.following.laid is now
    assert not bench.following.is_laid_old
    subject = bench.brushing.subject(LESION)
    grown = bench.brushing.make_grown(subject, Task())
    bench.session.undo()
    assert bench.following.is_laid_old
    assert "still being laid" in bench.brushing.why_not()
    with pytest.raises(InvalidValue, match="no scan to grow"):
        bench.brushing.subject(LESION)
    lay(bench)
    with pytest.raises(PlannerError, match="in another way now"):
        bench.brushing.show_grown(subject, grown)
    assert bench.brushing.is_empty


def test_the_other_scan_is_shown_alone_for_its_click(bench: Workbench) -> None:
    following = bench.following
    lay(bench)
    following.look(share=0.3, is_checkered=True)
    assert following.shown_share == 0.3
    assert following.look_words == "after in squares"
    following.wait_for(NextClick.LANDMARK_HERE)
    assert following.shown_share == 0.3
    following.click((-40.0, 0.0, 0.0))
    assert following.next_click == NextClick.LANDMARK_THERE
    assert bench.landmarking.marks_on("ct") == ((-40.0, 0.0, 0.0),)
    assert following.shown_share == 1.0
    assert following.look_words == "after"
    following.wait_for(NextClick.NOTHING)
    assert bench.landmarking.marks_on("ct") == (), "Esc leaves no half pair"
    assert bench.landmarking.landmarks.pairs == ()


def test_clicks_on_the_other_scan_itself_are_refused(bench: Workbench) -> None:
    bench.session.selection.choose(image="after")
    bench.following.wait_for(NextClick.LANDMARK_HERE)
    with pytest.raises(PlannerError, match="clicked on the planning scan"):
        bench.following.click((0.0, 0.0, 0.0))


# the hand --------------------------------------------------------------------------


@pytest.mark.parametrize("is_forward", [True, False])
@pytest.mark.parametrize("moves", [(4.0, -3.0, 2.0, 0.0, 0.0, 0.0), (1.0, 2.0, -3.0, 4.0, -5.0, 6.0)])
def test_the_hand_moves_the_picture_as_it_says(
    bench: Workbench, scans: tuple[Image, Image, np.ndarray], moves: Any, is_forward: bool
) -> None:
    following, matrix = bench.following, scans[2]
    start = Registration("ct", "after", matrix, error_mm=0.8)
    if not is_forward:
        start = Registration("after", "ct", np.linalg.inv(matrix), error_mm=0.8)
    following.show_registration(start)
    place = np.array([[-50.0, 10.0, 12.0]])
    seen_at = moved(place, movement(moves, following.center_lps_mm))
    tissue = to_other(start, "ct", place)
    following.correct(moves)
    found = following.registration
    assert found is not None
    assert to_other(found, "ct", seen_at) == pytest.approx(tissue, abs=1e-9)
    assert found.error_mm is None, "moved by hand, nobody knows how well it fits"
    assert following.moves == moves
    assert "Error not known" in following.error_words
    following.correct((*moves[:5], moves[5] + 1.0))
    assert found.notes == ("corrected by hand",)
    assert following.registration is not None
    assert following.registration.notes == found.notes, (
        "corrections start from the registration, not from each other"
    )
    bench.session.undo()
    assert following.moves == moves
    bench.session.undo()
    assert following.moves == (0.0,) * 6


def test_turns_are_right_handed_about_the_patients_axes() -> None:
    for axis in range(3):
        moves = [0.0] * 6
        moves[3 + axis] = 30.0
        found = movement(tuple(moves), np.zeros(3))[:3, :3]  # type: ignore[arg-type]
        wanted = Rotation.from_rotvec(np.radians(30.0) * np.eye(3)[axis]).as_matrix()
        assert np.allclose(found, wanted)


# the zone ----------------------------------------------------------------------------------------


def test_a_zone_is_grown_brushed_taken_and_judged(
    bench: Workbench, scans: tuple[Image, Image, np.ndarray]
) -> None:
    registered(bench, scans[2], error_mm=0.8)
    lay(bench)
    brushing, session = bench.brushing, bench.session
    assert bench.achieving.why_not().startswith("There is no ablation zone")
    subject = brushing.subject((-67.0, -10.0, 5.0))
    brushing.show_grown(subject, brushing.make_grown(subject, Task()))
    true_ml = 4 / 3 * math.pi * 2.0**3
    assert brushing.volume_ml == pytest.approx(true_ml, rel=0.08)
    name = brushing.take()
    assert session.case.structures[name].role == Role.ABLATION_ZONE
    assert session.undo_label == "Take Ablation zone"
    assert brushing.is_empty
    achieving = bench.achieving
    answer = achieving.make(achieving.subject(), Task())
    achieving.show(answer)
    assert achieving.is_current
    # A ball of 12 mm in one of 20 mm whose middle lies 3 mm to the left: 5 mm on the right.
    minimal = answer.margin.minimal
    assert minimal.value_mm == pytest.approx(5.0, abs=1.0)
    assert minimal.low_mm < 5.0 < minimal.high_mm
    assert "right" in answer.margin.weakest_words
    assert "5 mm" in achieving.verdict
    # Another registration makes it old.
    registered(bench, scans[2], error_mm=2.0)
    assert not achieving.is_current
    wider = achieving.make(achieving.subject(), Task()).margin.minimal
    assert wider.high_mm - wider.low_mm > minimal.high_mm - minimal.low_mm, "the error widens the interval"


def test_the_brush_touches_a_ball_and_a_stroke_is_taken_back(bench: Workbench) -> None:
    laid = lay(bench)
    brushing = bench.brushing
    brushing.choose_brush(Brush.ADD)
    assert brushing.mask is not None
    brushing.set_radius(8.0)
    start, stop = np.array(LESION), np.array(LESION) + (30.0, 0.0, 0.0)
    brushing.begin_stroke(LESION)
    brushing.brush_to(tuple(stop))
    brushing.end_stroke()
    points = laid.image.grid.to_lps(np.argwhere(brushing.mask)[:, ::-1])
    along = np.clip((points - start) @ np.array([1.0, 0.0, 0.0]), 0.0, 30.0)
    gaps = np.linalg.norm(points - start - along[:, None] * np.array([1.0, 0.0, 0.0]), axis=1)
    assert gaps.max() <= 8.0 + 1e-6
    capsule_ml = (4 / 3 * math.pi * 8.0**3 + math.pi * 8.0**2 * 30.0) / 1000
    assert brushing.volume_ml == pytest.approx(capsule_ml, rel=0.06)
    whole = brushing.mask.copy()
    brushing.choose_brush(Brush.ERASE)
    brushing.begin_stroke(LESION)
    brushing.end_stroke()
    assert np.count_nonzero(brushing.mask) < np.count_nonzero(whole)
    assert brushing.volume_ml == pytest.approx(np.count_nonzero(brushing.mask) * 2.5 * 2.5 * 3.0 / 1000)
    brushing.undo_stroke()
    assert np.array_equal(brushing.mask, whole)
    brushing.undo_stroke()
    assert not brushing.mask.any()
    with pytest.raises(PlannerError, match="no zone to take"):
        brushing.take()


def test_a_taken_zone_can_be_corrected_again(bench: Workbench) -> None:
    lay(bench)
    brushing = bench.brushing
    brushing.choose_brush(Brush.ADD)
    brushing.begin_stroke(LESION)
    brushing.end_stroke()
    assert brushing.mask is not None
    drawn = brushing.mask.copy()
    name = brushing.take()
    brushing.edit(name)
    assert np.array_equal(brushing.mask, drawn)
    brushing.choose_brush(Brush.ADD)
    brushing.begin_stroke((-50.0, -10.0, 5.0))
    brushing.end_stroke()
    assert brushing.take() == name
    assert bench.session.case.structures.voxel_count(name) > np.count_nonzero(drawn)


def test_nothing_is_judged_where_the_fit_is_not_known(bench: Workbench) -> None:
    lay(bench)
    bench.brushing.choose_brush(Brush.ADD)
    bench.brushing.begin_stroke(LESION)
    bench.brushing.end_stroke()
    bench.brushing.take()
    assert "mark landmarks" in bench.achieving.why_not()
    with pytest.raises(InvalidValue, match="cannot be judged"):
        bench.achieving.subject()


# needles -----------------------------------------------------------------------------------------


def test_a_marked_needle_is_compared_and_judged_as_placed(bench: Workbench) -> None:
    lay(bench)
    placed, session = bench.placed, bench.session
    plan = session.plan
    planned = plan.applicators[0]
    placed.start_marking()
    tip = tuple(float(v) for v in np.array(planned.tip_lps_mm) + (4.0, 2.0, 0.0))
    bench.following.click(planned.entry_lps_mm)
    assert placed.marks == (planned.entry_lps_mm,)
    bench.following.click(tip)  # type: ignore[arg-type]
    (needle,) = placed.found
    assert needle.is_marked
    matched = placed.placed()
    assert matched.deviations[0].lateral_mm == pytest.approx(4.0, abs=1e-6)
    assert matched.deviations[0].depth_mm == pytest.approx(2.0, abs=1e-6)
    placed.judge_as_placed(plan, ())
    assert session.plan.name == "A as placed"
    assert session.plan.applicators[0].tip_lps_mm == tip
    assert placed.planned == plan, "what was planned is remembered while the plan is shown as placed"
    assert placed.placed().deviations == matched.deviations
    session.undo()
    assert session.plan == plan


def test_needles_far_from_the_plan_are_none_of_it(bench: Workbench) -> None:
    placed = bench.placed
    placed.show((FoundNeedle((100.0, 0.0, -60.0), (100.0, 50.0, -60.0)),))
    with pytest.raises(InvalidValue, match="near a planned one"):
        placed.placed()
    placed.remove(0)
    assert placed.found == ()
    placed.show(())
    assert "mark entry and tip" in placed.words


def test_a_needle_found_in_the_other_scan_comes_to_the_planning_scan(
    scans: tuple[Image, Image, np.ndarray],
) -> None:
    ct, _, matrix = scans
    entry, tip = np.array([-70.0, -98.0, 5.0]), np.array([-66.0, -2.0, 9.0])
    along = (tip - entry) / np.linalg.norm(tip - entry)
    ends = moved(np.array([entry - 20.0 * along, tip]), matrix)
    image = scan("control", lattice((80, 220, 220), (1.2, 1.2, 1.5), middle=tuple(ends.mean(axis=0))))
    points = image.grid.to_lps(np.stack(np.indices(image.grid.shape)[::-1], axis=-1))
    way = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    depth = (points - ends[1]) @ way
    aside = np.linalg.norm(points - ends[1] - depth[..., None] * way, axis=-1)
    metal = (
        6000.0
        * np.exp(-0.5 * (aside / 1.2) ** 2)
        * ((depth < 0) & (depth > -np.linalg.norm(ends[1] - ends[0])))
    )
    control = replace(image, values=np.minimum(image.values + metal, 3071.0).astype(np.int16))
    session = Session()
    session.open_case(Case("two", "Two scans", (ct, control), (structures_of(GRID),)))
    bench = Workbench(session)
    pair = bench.following.pair
    assert pair is not None
    (needle,) = bench.placed.make_found(pair, Registration("ct", "control", matrix), 1500.0, Task())
    assert np.linalg.norm(np.array(needle.tip_lps_mm) - tip) < 1.5
    assert float(needle.direction @ along) > math.cos(math.radians(1.0))


# going on there --------------------------------------------------------------------------------------


def test_a_plan_goes_on_in_the_other_scan(bench: Workbench, scans: tuple[Image, Image, np.ndarray]) -> None:
    session, matrix = bench.session, scans[2]
    plan, case = session.plan, session.case
    registration = registered(bench, matrix)
    pair = bench.following.pair
    assert pair is not None
    done = make_carried_over(pair, registration, plan, Task())
    take_carried_over(session, done)
    assert session.case.structures.frame_of_reference_uid == THERE
    assert session.case.structures.grid is scans[1].grid
    assert session.selection.image == "after"
    for name in ("Liver", "Lesion"):
        before, after = case.structures.volume_ml(name), session.case.structures.volume_ml(name)
        # Voxels of 2.5 x 2.5 x 3 mm: half of them is a tenth of the lesion's radius.
        assert after == pytest.approx(before, rel=0.05)
        middle = session.case.structures.grid.cropped(session.case.structures.box(name)).center_lps_mm
        wanted = case.structures.grid.cropped(case.structures.box(name)).center_lps_mm
        assert np.linalg.norm(middle - moved(wanted[None], matrix)[0]) < 3.0
    old, new = plan.applicators[0], session.plan.applicators[0]
    ends = moved(np.array([old.entry_lps_mm, old.tip_lps_mm]), matrix)
    assert np.allclose([new.entry_lps_mm, new.tip_lps_mm], ends, atol=1e-6)
    assert "entry moved" in done.words
    # The other way round now: the old scan lies over the new one by the same registration.
    turned = bench.following.pair
    assert turned is not None
    assert (turned.planning.id, turned.other.id) == ("after", "ct")
    assert bench.following.registration is not None
    back = make_carried_over(turned, bench.following.registration, session.plan, Task())
    assert back.carried is not None
    assert np.allclose(back.carried.plan.applicators[0].tip_lps_mm, old.tip_lps_mm, atol=1e-6)
    assert session.undo_label == "Carry plan over"
    session.undo()
    assert session.plan == plan, "structures and plan are one step"
    assert session.case.structures.frame_of_reference_uid == HERE


def test_a_deformation_carries_over_one_way_alone(
    bench: Workbench, scans: tuple[Image, Image, np.ndarray]
) -> None:
    pair = bench.following.pair
    assert pair is not None
    field = DisplacementField(Grid((3, 3, 3), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0)), np.zeros((3, 3, 3, 3)))
    back = Registration("after", "ct", np.linalg.inv(scans[2]), field)
    with pytest.raises(InvalidValue, match="from the other scan to this one"):
        make_carried_over(pair, back, bench.session.plan, Task())
    away = np.eye(4)
    away[0, 3] = 5000.0
    with pytest.raises(InvalidValue, match="No structure comes to lie"):
        make_carried_over(pair, Registration("ct", "after", away), bench.session.plan, Task())


# keeping -----------------------------------------------------------------------------------------------


def test_registrations_are_kept_with_the_case(
    bench: Workbench, scans: tuple[Image, Image, np.ndarray], tmp_path: Path
) -> None:
    vectors = np.zeros((6, 7, 8, 3))
    vectors[2:4, 2:5, 3:5, 1] = 1.25
    field = DisplacementField(Grid((6, 7, 8), (8.0, 8.0, 8.0), (-80.0, -30.0, -20.0)), vectors)
    registration = Registration(
        "ct", "after", scans[2], field, HERE, THERE, "local", 0.7, "6 landmarks", ("a note",)
    )
    case = bench.session.case.with_registration(registration)
    created = create_case_folder(case, tmp_path / "case")
    assert created.registrations[0] is registration, "the object goes on, so that views know it again"
    (found,) = open_case_folder(tmp_path / "case").registrations
    assert found.document() == registration.document()
    assert found.field is not None
    assert np.array_equal(found.field.vectors_mm, field.vectors_mm)
    points = np.array([[-50.0, -5.0, 0.0], [10.0, 0.0, 0.0]])
    assert np.array_equal(found.map_points(points), registration.map_points(points))
    (file,) = (tmp_path / "case" / "registrations").iterdir()
    file.write_bytes(b"torn")
    with pytest.raises(PlannerError, match="deformation of a registration cannot be read"):
        open_case_folder(tmp_path / "case")


def test_folders_without_registrations_still_load(bench: Workbench, tmp_path: Path) -> None:
    import json

    create_case_folder(bench.session.case, tmp_path / "case")
    path = tmp_path / "case" / "case.json"
    document = json.loads(path.read_text())
    assert document["version"] == VERSION
    document["version"] = 1
    del document["registrations"], document["landmarks"]
    path.write_text(json.dumps(document))
    assert open_case_folder(tmp_path / "case").registrations == ()


def test_a_case_keeps_one_registration_for_two_of_its_images(bench: Workbench) -> None:
    case = bench.session.case
    one = Registration("ct", "after", np.eye(4))
    two = Registration("after", "ct", np.eye(4))
    assert case.with_registration(one).with_registration(two).registrations == (two,)
    with pytest.raises(InvalidValue, match="the case has not"):
        case.with_registration(Registration("ct", "other", np.eye(4)))
    with pytest.raises(InvalidValue, match="of the same images"):
        replace(case, registrations=(one, two))
    more = case.with_scans(Case("x", "X", (case.image("after"),), notes=("tilted",)))
    assert [i.id for i in more.images] == ["ct", "after", "after-2"]
    assert more.notes == ("tilted",)
    with pytest.raises(InvalidValue, match="share an id"):
        case.with_image(case.image("after"))


def test_the_error_of_the_registration_is_what_the_interval_counts() -> None:
    """The session compares lesion and zone in one space; the same lesion and zone, mapped, give the same."""
    from planner.compute.margin import prepare_margin

    grid = lattice((50, 50, 50), (1.2, 1.2, 1.2))
    points = grid.to_lps(np.stack(np.indices(grid.shape)[::-1], axis=-1))
    away = np.linalg.norm(points, axis=-1)
    prepared = prepare_margin(grid, away <= 10.0)
    shifted = np.eye(4)
    shifted[:3, 3] = (12.0, 24.0, -12.0)
    later = replace(grid, origin_lps_mm=tuple(np.array(grid.origin_lps_mm) + shifted[:3, 3]))  # type: ignore[arg-type]
    mapped = achieved_margin(
        prepared, Registration("a", "b", shifted, error_mm=1.5), away <= 16.0, later
    ).minimal
    here = achieved_margin(
        prepared, Registration("a", "a", np.eye(4), error_mm=0.0), away <= 16.0, grid, ErrorBudget(1.5)
    ).minimal
    assert (here.value_mm, here.low_mm, here.high_mm) == pytest.approx(
        (mapped.value_mm, mapped.low_mm, mapped.high_mm), abs=1e-6
    )
