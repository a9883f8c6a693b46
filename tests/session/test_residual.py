"""What was left of a lesion: its region on both scans, and the structure it becomes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from two_scan_session import LESION, Scans, bench_of, lay, moved, registered, two_scan_case

from planner.base.errors import Cancelled, InvalidValue, PlannerError
from planner.base.task import Task
from planner.library.case_folder import create_case_folder, open_case_folder
from planner.model.case import Case
from planner.model.geometry import FloatArray, Grid
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.session.achieving import AchievedAnswer
from planner.session.actions import Workbench
from planner.session.brushing import NAME, Brush, drawn_under, with_zone
from planner.session.residual import ResidualRegion, residual_name, with_residual
from planner.session.session import Session

#: The zone is a ball of 14 mm whose middle lies 8 mm to the left of the lesion's, which is a ball of 12 mm.
ZONE_MM, ASIDE_MM = 14.0, 8.0


def lens_ml(a: float, b: float, apart: float) -> float:
    """Volume two balls of radii a and b share whose middles lie apart."""
    height = (a + b - apart) ** 2 * (apart**2 + 2 * apart * (a + b) - 3 * (a - b) ** 2)
    return float(np.pi * height / (12 * apart) / 1000)


TRUE_ML = 4 / 3 * np.pi * 1.2**3 - lens_ml(12.0, ZONE_MM, ASIDE_MM)


def judged(bench: Workbench) -> AchievedAnswer:
    """The lesion judged in a zone that misses its right side."""
    lay(bench)
    brushing = bench.brushing
    brushing.choose_brush(Brush.ADD)
    brushing.set_radius(ZONE_MM)
    brushing.begin_stroke((LESION[0] + ASIDE_MM, LESION[1], LESION[2]))
    brushing.end_stroke()
    brushing.take()
    achieving = bench.achieving
    answer = achieving.make(achieving.subject(), Task())
    achieving.show(answer)
    return answer


def middle(mask: np.ndarray, grid: Grid) -> FloatArray:
    return grid.to_lps(np.argwhere(mask)[:, ::-1].astype(float)).mean(axis=0)


def test_what_is_left_lies_on_both_scans_at_its_place_and_of_its_size(bench: Workbench, scans: Scans) -> None:
    registered(bench, scans[2], error_mm=0.8)
    answer = judged(bench)
    # Voxels of 2.5 x 2.5 x 3 mm draw both balls.
    assert answer.margin.residual_ml == pytest.approx(TRUE_ML, rel=0.12)
    here, there = (bench.achieving.residual_on(id) for id in ("ct", "after"))
    assert here is not None
    assert there is not None
    for region in (here, there):
        volume = np.count_nonzero(region.mask) * region.grid.voxel_volume_ml
        assert volume == pytest.approx(TRUE_ML, rel=0.15), region.image
    at = middle(here.mask, here.grid)
    assert at[0] < LESION[0] - 5.0, "on the right, where the zone does not reach"
    assert np.linalg.norm(middle(there.mask, there.grid) - moved(at[None], scans[2])[0]) < 1.0
    assert scans[1].grid.spacing_mm == there.grid.spacing_mm, "on the other scan's own lattice"


def test_it_is_drawn_in_the_mode_alone_and_as_long_as_it_is_true(bench: Workbench, scans: Scans) -> None:
    registered(bench, scans[2], error_mm=0.8)
    judged(bench)
    assert bench.achieving.residual_on("elsewhere") is None
    bench.following.switch(False)
    assert bench.achieving.residual_on("ct") is None
    bench.following.switch(True)
    assert bench.achieving.residual_on("ct") is not None
    registered(bench, scans[2], error_mm=2.0)
    assert bench.achieving.residual_on("ct") is None, "another registration: to be judged again"
    assert bench.achieving.why_not_keep() == "Judge the lesion first."


def test_a_zone_drawn_under_another_registration_is_not_judged_until_it_is_corrected(
    bench: Workbench, scans: Scans
) -> None:
    """5 mm further on the zone of old would be taken for treated where nothing was."""
    registered(bench, scans[2], error_mm=0.8)
    judged(bench)
    shifted = scans[2].copy()
    shifted[:3, 3] += (5.0, 0.0, 0.0)
    registered(bench, shifted, error_mm=0.8)
    assert "in another way" in bench.achieving.why_not()
    with pytest.raises(InvalidValue, match="cannot be judged"):
        bench.achieving.subject()
    bench.session.undo()
    assert bench.achieving.why_not() == "", "as it was drawn"
    bench.session.redo()
    lay(bench)
    bench.brushing.edit(NAME)
    bench.brushing.take()
    assert bench.achieving.why_not() == "", "corrected where the scans lie now, and taken"
    origin = bench.session.case.structures[NAME].origin
    assert origin.count("on After") <= 1, origin
    imported = replace(bench.session.case.structures[NAME], origin="a file")
    assert drawn_under(imported.origin) == ""
    assert drawn_under(origin) == bench.following.lying.fingerprint  # type: ignore[union-attr]


def test_a_lesion_that_is_covered_leaves_nothing(bench: Workbench, scans: Scans) -> None:
    registered(bench, scans[2], error_mm=0.8)
    lay(bench)
    bench.brushing.choose_brush(Brush.ADD)
    bench.brushing.set_radius(20.0)
    bench.brushing.begin_stroke(LESION)
    bench.brushing.end_stroke()
    bench.brushing.take()
    answer = bench.achieving.make(bench.achieving.subject(), Task())
    bench.achieving.show(answer)
    assert answer.residual == ()
    assert bench.achieving.why_not_keep().startswith("Nothing of the lesion")
    with pytest.raises(PlannerError, match="No whole voxel"):
        with_residual(bench.session.case.structures, "Lesion", NAME)


def test_it_becomes_a_lesion_to_plan_against_and_what_was_judged_stays(scans: Scans, tmp_path: Path) -> None:
    case, plan = two_scan_case(scans)
    create_case_folder(case, tmp_path / "case")
    session = Session()
    session.open_folder(tmp_path / "case")
    session.change_plan("Plan", plan)
    bench = Workbench(session)
    bench.following.switch(True)
    registered(bench, scans[2], error_mm=0.8)
    answer = judged(bench)
    name = residual_name("Lesion")
    before = session.case.structures
    session.change_structures(f"Keep {name}", with_residual(before, "Lesion", NAME))
    kept = session.case.structures
    assert kept[name].role == Role.LESION
    assert kept[name].origin == "what Ablation zone left of Lesion"
    assert not np.any(kept.mask(name) & kept.mask(NAME))
    assert np.all(kept.mask("Lesion")[kept.mask(name)])
    assert kept.volume_ml(name) == pytest.approx(TRUE_ML, rel=0.12)
    assert bench.achieving.is_current, (
        "neither lesion nor zone has changed, though their layer was written anew"
    )
    assert bench.achieving.residual_on("ct") is answer.residual[0]
    # Kept again, it takes the place of the older one.
    again = with_residual(kept, "Lesion", NAME)
    assert [s.name for s in again.structures].count(name) == 1
    session.undo()
    assert session.case.structures is before
    session.close()
    assert name not in open_case_folder(tmp_path / "case").structures


def test_names_of_what_is_left_of_what_was_left() -> None:
    first = residual_name("lesion 2")
    assert first == "residual lesion 2"
    second = residual_name(first)
    assert second == "residual lesion 2 of round 2"
    assert residual_name(second) == "residual lesion 2 of round 3"


def test_guards_of_a_region() -> None:
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    with pytest.raises(InvalidValue, match="has a voxel"):
        ResidualRegion("ct", np.zeros(grid.shape, dtype=bool), grid)
    with pytest.raises(InvalidValue, match="shape of its grid"):
        ResidualRegion("ct", np.ones((4, 4, 5), dtype=bool), grid)


# written ahead, off the window's thread ----------------------------------------------------------------


def small_case() -> tuple[Case, StructureSet]:
    grid = Grid((6, 7, 8), (1.0, 1.5, 2.0), (3.0, 4.0, 5.0))
    one, two = np.zeros(grid.shape, dtype=bool), np.zeros(grid.shape, dtype=bool)
    one[1:3, 2:5, 2:6], two[2:5, 3:6, 3:7] = True, True
    first = StructureSet.from_masks("structures", grid, [(Structure("Liver", Role.LIVER), one)])
    return Case("small", "Small", (), (first,)), first.with_mask(Structure("Lesion", Role.LESION), two)


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name not in ("store.sqlite", "lock.json") and "sqlite-" not in p.name
    }


def test_what_was_written_ahead_is_kept_by_the_record_alone(tmp_path: Path) -> None:
    case, changed = small_case()
    create_case_folder(case, tmp_path / "case")
    session = Session()
    session.open_folder(tmp_path / "case")
    before = files(tmp_path / "case")
    written = session.written(replace(case, structure_sets=(changed,)), Task()).structures
    assert files(tmp_path / "case")["case.json"] == before["case.json"], "the case stays as it is"
    ahead = set(files(tmp_path / "case"))
    assert ahead - set(before), "the voxels are there"
    assert np.array_equal(written.mask("Lesion"), changed.mask("Lesion"))
    session.change_structures("Add Lesion", written)
    assert set(files(tmp_path / "case")) == ahead, "nothing is written twice"
    assert session.case.structures.layers[0] is written.layers[0]
    session.close()
    assert np.array_equal(
        open_case_folder(tmp_path / "case").structures.mask("Lesion"), changed.mask("Lesion")
    )


def test_a_write_that_is_cancelled_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    case, changed = small_case()
    create_case_folder(case, tmp_path / "case")
    session = Session()
    session.open_folder(tmp_path / "case")
    before = files(tmp_path / "case")
    two = replace(case, structure_sets=(changed, replace(changed, id="more")))
    steps: list[float] = []

    def listener(fraction: float, text: str) -> None:
        steps.append(fraction)
        if len(steps) == 2:
            task.cancel()

    task = Task(listener)
    with pytest.raises(Cancelled):
        session.written(two, task)
    assert len(steps) == 2, "the first set was written, the second was not"
    assert files(tmp_path / "case") == before
    session.close()


def test_two_writers_never_take_one_name(tmp_path: Path) -> None:
    case, changed = small_case()
    create_case_folder(case, tmp_path / "case")
    session = Session()
    session.open_folder(tmp_path / "case")
    other = changed.with_mask(
        Structure("Cyst", Role.CYST if hasattr(Role, "CYST") else Role.OTHER), changed.mask("Liver")
    )
    one = session.written(replace(case, structure_sets=(changed,)), Task()).structures
    two = session.written(replace(case, structure_sets=(other,)), Task()).structures
    assert np.array_equal(one.mask("Lesion"), changed.mask("Lesion"))
    assert np.array_equal(two.mask("Cyst"), other.mask("Cyst"))
    names = {Path(a.filename).name for s in (one, two) for a in s.layers}  # type: ignore[attr-defined]
    assert len(names) == len(one.layers) + len(two.layers)
    session.close()


def test_without_a_folder_nothing_is_written(scans: Scans) -> None:
    bench = bench_of(scans)
    case = bench.session.case
    assert bench.session.written(case, Task()) is case


def test_a_zone_drawn_on_while_it_is_taken_is_not_thrown_away(bench: Workbench) -> None:
    lay(bench)
    brushing = bench.brushing
    brushing.choose_brush(Brush.ADD)
    brushing.begin_stroke(LESION)
    brushing.end_stroke()
    zone = brushing.drawn()
    structures = with_zone(bench.session.case.structures, zone)
    brushing.begin_stroke((LESION[0] + 20.0, LESION[1], LESION[2]))
    brushing.end_stroke()
    drawn = brushing.volume_ml
    brushing.taken(zone)
    assert brushing.volume_ml == drawn
    assert structures.volume_ml(NAME) < drawn
    brushing.taken(brushing.drawn())
    assert brushing.is_empty
