"""Structures drawn on the other scan: added there, brought over once the scans were found to fit, undone in one step."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from two_scan_session import GRID, HERE, LESION, Scans, bench_of, moved, registered, two_scan_case, two_scans

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.library.case_folder import create_case_folder, open_case_folder
from planner.model.image import DicomIdentity
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.session.actions import Workbench
from planner.session.bringing import Offered
from planner.session.scan_pairs import LITTLE_ANATOMY, make_registration
from planner.session.session import Session

SEEN = "seen perfused"
RADIUS_MM = 22.0


@cache
def scans() -> Scans:
    return two_scans()


def seen(name: str = SEEN, frame: bool = True) -> StructureSet:
    """A ball about the lesion as it lies in the other scan, on its lattice."""
    _, other, matrix = scans()
    points = other.grid.to_lps(np.stack(np.indices(other.grid.shape)[::-1], axis=-1))
    away = np.linalg.norm(points - moved(np.array([LESION]), matrix)[0], axis=-1)
    uid = other.identity.frame_of_reference_uid if frame else ""
    return StructureSet.from_masks("drawn", other.grid, [(Structure(name), away <= RADIUS_MM)], uid)


@pytest.fixture
def bench() -> Workbench:
    return bench_of(scans())


def with_seen(bench: Workbench, found: StructureSet | None = None) -> None:
    pair = bench.following.pair
    assert pair is not None
    case = bench.bringing.with_drawn(bench.session.case, pair, found or seen())
    bench.session.change_case("Add structures", case)


def brought(bench: Workbench) -> str:
    bench.bringing.accept(True)
    return bench.bringing.take(bench.bringing.make(bench.bringing.asked(), Task()))


def test_what_is_missing_is_said_in_turn(bench: Workbench) -> None:
    bringing = bench.bringing
    assert "Register the two scans first" in bringing.why_not()
    with pytest.raises(InvalidValue, match="cannot be brought over yet"):
        bringing.asked()
    registered(bench, scans()[2])
    assert "Nothing is drawn on the other scan" in bringing.why_not()
    with_seen(bench)
    assert "say that the scans fit" in bringing.why_not()
    with pytest.raises(InvalidValue, match="cannot be brought over yet"):
        bringing.asked()
    bringing.accept(True)
    assert bringing.why_not() == ""


def test_another_registration_is_looked_at_anew(bench: Workbench) -> None:
    registered(bench, scans()[2])
    with_seen(bench)
    bench.bringing.accept(True)
    bench.following.correct((1.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert not bench.bringing.is_accepted
    bench.session.undo()
    assert bench.bringing.is_accepted, "the scans lie again as they were looked at"
    bench.bringing.accept(False)
    assert not bench.bringing.is_accepted


def test_a_perfused_volume_is_brought_over_in_one_step(bench: Workbench) -> None:
    """Volume of the ball within 1 %, its middle within a tenth of a voxel; offered to a tip; undone at once."""
    registered(bench, scans()[2])
    with_seen(bench)
    session = bench.session
    before = session.case
    assert bench.catheters.seen == ()
    name = brought(bench)
    structures = session.case.structures
    assert structures[name].role is Role.PERFUSED_VOLUME
    assert structures.grid is before.structures.grid
    assert structures.volume_ml(name) == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.01)
    middle = structures.grid.to_lps(np.argwhere(structures.mask(name))[:, ::-1].astype(float)).mean(axis=0)
    assert np.all(np.abs(middle - LESION) < 0.1 * np.array(GRID.spacing_mm))
    assert "brought over from" in structures[name].origin
    assert "error 0.8 mm (estimated from 9 blocks)" in structures[name].origin
    assert "error 0.8 mm" in bench.bringing.words
    assert bench.catheters.seen == (name,)
    bench.catheters.add_seen(name)
    assert session.plan.catheter_targets[0].perfused_structure == name
    session.undo()
    assert session.undo_label == f"Bring over {name}"
    session.undo()
    assert session.case.structures is before.structures
    session.redo()
    assert name in session.case.structures


def test_corrected_with_the_brush_it_still_says_where_it_comes_from(bench: Workbench) -> None:
    registered(bench, scans()[2])
    with_seen(bench)
    name = brought(bench)
    origin = bench.session.case.structures[name].origin
    corrected = bench.painting._corrected(name)
    assert corrected == f"{origin}, corrected with the brush"
    again = bench.session.case.structures.edited(name, origin=corrected)
    bench.session.change_structures("corrected", again)
    assert bench.painting._corrected(name) == corrected, "told once"


def test_brought_over_again_it_takes_its_own_place_and_no_other(bench: Workbench) -> None:
    registered(bench, scans()[2])
    with_seen(bench)
    name = brought(bench)
    first = bench.session.case.structures.mask(name)
    bench.following.correct((9.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert brought(bench) == name
    assert not np.array_equal(first, bench.session.case.structures.mask(name))
    assert "error unknown" in bench.session.case.structures[name].origin
    with_seen(bench, seen("Lesion"))
    bench.bringing.choose(Offered("after-structures", "Lesion"))
    bench.bringing.choose_role(Role.LESION)
    assert brought(bench) == "Lesion (2)", "the planning scan's own stays"
    structures = bench.session.case.structures
    assert structures["Lesion (2)"].role is Role.LESION
    assert [s.name for s in structures.with_role(Role.LESION)] == ["Lesion", "Lesion (2)"]


def test_structures_of_the_other_scan_are_told_by_lattice_or_frame(bench: Workbench) -> None:
    assert bench.bringing.offered == ()
    with_seen(bench, seen(frame=False))
    assert [o.name for o in bench.bringing.offered] == [SEEN], "by its lattice alone"
    with_seen(bench, seen("more"))
    assert [o.name for o in bench.bringing.offered] == [SEEN, "more"]
    assert len(bench.session.case.structure_sets) == 2, "one set for one scan"
    assert bench.bringing.chosen == bench.bringing.offered[0]
    own = bench.session.case.structures
    again = StructureSet("own", own.grid, own.layers, own.structures, HERE)
    bench.session.change_case("more of one's own", bench.session.case.with_structures(again))
    assert [o.name for o in bench.bringing.offered] == [SEEN, "more"], (
        "what the planning scan has is not offered"
    )


def test_scans_of_one_frame_need_no_registration_but_a_look() -> None:
    here, there, matrix = scans()
    same = replace(there, identity=DicomIdentity(frame_of_reference_uid=HERE))
    bench = bench_of((here, same, matrix))
    with_seen(bench, replace(seen(), frame_of_reference_uid=HERE))
    assert "say that the scans fit" in bench.bringing.why_not()
    name = brought(bench)
    assert "as the scanner placed them, error unknown" in bench.session.case.structures[name].origin


def test_a_registered_spect_says_how_little_that_is_worth() -> None:
    here, there, matrix = scans()
    activity = replace(there, modality="NM", unit="", values=np.clip(there.values, 0, None))
    bench = bench_of((here, activity, matrix))
    pair = bench.following.pair
    assert pair is not None
    found = make_registration(pair, False, Task())
    assert found.error_mm is None
    assert LITTLE_ANATOMY in found.notes
    plain = bench_of(scans()).following.pair
    assert plain is not None
    assert LITTLE_ANATOMY not in make_registration(plain, False, Task()).notes


def test_a_case_that_changed_meanwhile_is_not_overwritten(bench: Workbench) -> None:
    registered(bench, scans()[2])
    with_seen(bench)
    bench.bringing.accept(True)
    made = bench.bringing.make(bench.bringing.asked(), Task())
    bench.session.change_structures("rename", bench.session.case.structures.edited("Lesion", name="L1"))
    with pytest.raises(PlannerError, match="changed while"):
        bench.bringing.take(made)
    assert SEEN not in bench.session.case.structures


def test_without_structures_of_its_own_the_planning_scan_gets_none_of_another() -> None:
    here, there, _ = scans()
    bench = bench_of(scans())
    pair = bench.following.pair
    assert pair is not None
    bare = replace(bench.session.case, structure_sets=())
    with pytest.raises(InvalidValue, match="no structures yet"):
        bench.bringing.with_drawn(bare, pair, seen())
    alone = Session()
    alone.open_case(replace(bare, images=(here,), registrations=()))
    tools = Workbench(alone)
    assert "Add another scan" in tools.bringing.why_not()
    assert tools.bringing.offered == ()
    assert there.id == "after"


def test_it_is_kept_with_the_case(tmp_path: Path) -> None:
    case, plan = two_scan_case(scans())
    folder = tmp_path / "case"
    create_case_folder(case, folder)
    session = Session()
    session.open_folder(folder)
    session.change_plan("begin", replace(plan, case_id=session.case.id))
    bench = Workbench(session)
    bench.following.switch(True)
    registered(bench, scans()[2])
    with_seen(bench)
    name = brought(bench)
    volume = session.case.structures.volume_ml(name)
    session.close()
    again = open_case_folder(folder)
    assert again.structures[name].role is Role.PERFUSED_VOLUME
    assert again.structures.volume_ml(name) == volume
    assert "brought over from" in again.structures[name].origin
    assert [s.name for s in again.structure_sets[1].structures] == [SEEN]
