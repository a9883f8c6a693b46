"""Suggested arrays on a phantom: free paths, rules kept, coverage, correction by a solved field, guards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import phantom

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.conductivity import FieldRamp
from planner.model.electrode_array import ElectrodeArray
from planner.model.geometry import FloatArray
from planner.model.roles import Role
from planner.planning import electrode_suggesting
from planner.planning.access_choice import crosses_exactly
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.anatomy import Anatomy
from planner.planning.device_library import device_library
from planner.planning.electrode_arrays import as_needle, pair_geometry, touching
from planner.planning.electrode_goal import ElectrodeGoal
from planner.planning.electrode_robustness import CoveragePoints, all_positions
from planner.planning.electrode_suggesting import CORRECTIONS, SolvedField, suggest_arrays
from planner.planning.suggested_arrays import Coverages, SuggestedArray, rank, worth_showing
from planner.planning.suggesting import NoPath

DEVICE = device_library().device("generic-ire-19g")
LIVER = FieldRamp(0.08, 0.32, 350, 700)
RULES = AccessRules(parenchyma_mm=0.0)
#: A bone plate's worth of balls in front, so that some ways are closed.
BODY = phantom(
    (2.5, 2.5, 2.5),
    rib=(Role.BONE, (0.0, -82.0, 0.0), 12.0),
    vein=(Role.HEPATIC_VEIN, (-25.0, 0.0, 8.0), 5.0),
)


def ball(
    radius: float, margin: float, lesion_v: float, liver_v: float, middle=(0.0, 0.0, 0.0)
) -> CoveragePoints:
    x = np.arange(-15, 15.1, 1.5)
    points = np.stack(np.meshgrid(x, x, x, indexing="ij"), axis=-1).reshape(-1, 3)
    away = np.linalg.norm(points, axis=1)
    kept = away <= radius + margin
    inside = (away[kept] <= radius).astype(float)
    return CoveragePoints.of(points[kept] + middle, inside, np.ones(int(kept.sum())), lesion_v, liver_v)


POINTS = ball(6.0, 3.0, 600.0, 550.0)
GOAL = ElectrodeGoal("lesion", 4)


@pytest.fixture(scope="module", autouse=True)
def few_directions() -> Iterator[None]:
    """Two directions and layouts tell as much as more here, in a third of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(electrode_suggesting, "DIRECTIONS", 2)
        patch.setattr(electrode_suggesting, "LAYOUTS_A_COUNT", 2)
        yield


@pytest.fixture(scope="module")
def ground() -> AccessGround:
    return AccessGround.of(Anatomy.of(BODY.structures))


@pytest.fixture(scope="module")
def estimated(ground: AccessGround) -> tuple[SuggestedArray, ...]:
    return suggest_arrays(ground, POINTS, DEVICE, GOAL, LIVER, rules=RULES)


def test_best_first_and_different(estimated: tuple[SuggestedArray, ...]) -> None:
    assert 2 <= len(estimated) <= 5
    assert [rank(f) for f in estimated] == sorted(rank(f) for f in estimated)
    assert len({f.array for f in estimated}) == len(estimated)
    assert all(f.aim and not f.solved for f in estimated)


def test_the_best_covers_a_small_lesion_with_its_margin(estimated: tuple[SuggestedArray, ...]) -> None:
    best = max(estimated, key=lambda f: f.covered.weighed)
    assert best.covered.lesion >= 99.0
    assert best.covered.grown >= 95.0
    assert best.covered.grown_500 >= best.covered.grown


def test_rules_of_arrays_are_kept(estimated: tuple[SuggestedArray, ...]) -> None:
    for found in estimated:
        array = found.array
        assert 2 <= len(array.electrodes) <= 4
        assert not touching(array, DEVICE)
        assert array.lesion == "lesion"
        assert found.largest_current_a <= 50.0
        pulsed = {(p.a, p.b) for p in array.pairs}
        for a in range(len(array.electrodes)):
            for b in range(a + 1, len(array.electrodes)):
                geometry = pair_geometry(array, a, b)
                assert geometry.distance_mm >= GOAL.least_spacing_mm
                assert geometry.angle_deg <= GOAL.parallel_deg
                assert ((a, b) in pulsed) == (geometry.distance_mm <= GOAL.most_spacing_mm)
        for pair in array.pairs:
            nominal = 10 * pair.voltage_v / pair_geometry(array, pair.a, pair.b).distance_mm
            assert pair.voltage_v <= 3000.0
            assert nominal == pytest.approx(found.nominal_v_per_cm, abs=6.0) or pair.voltage_v == 3000.0
            assert 1500.0 <= found.nominal_v_per_cm <= 1700.0


def test_every_electrode_has_an_allowed_path(
    ground: AccessGround, estimated: tuple[SuggestedArray, ...]
) -> None:
    for found in estimated:
        assert len(found.entries) == len(found.array.electrodes)
        for n, (electrode, entry) in enumerate(zip(found.array.electrodes, found.entries, strict=True)):
            assert entry.broken == ()
            assert electrode.entry_lps_mm == entry.entry_lps_mm
            assert electrode.tip_lps_mm == pytest.approx(entry.tip_lps_mm)
            assert not crosses_exactly(ground.anatomy, as_needle(found.array, n), RULES)


def test_same_input_same_arrays(ground: AccessGround, estimated: tuple[SuggestedArray, ...]) -> None:
    again = suggest_arrays(ground, POINTS, DEVICE, GOAL, LIVER, rules=RULES)
    assert [f.array for f in again] == [f.array for f in estimated]
    assert [f.covered for f in again] == [f.covered for f in estimated]


class Solver:
    """Stands for a solved field: the closed form times a factor."""

    def __init__(self, factor: float, current: float = 20.0) -> None:
        self.factor, self.current = factor, current
        self.arrays: list[ElectrodeArray] = []

    def __call__(self, array: ElectrodeArray, points_lps_mm: FloatArray, task: Task) -> SolvedField:
        task.check()
        self.arrays.append(array)
        packed = all_positions(array, 0.5 * DEVICE.diameter_mm)
        field = self.factor * packed.field_v_per_cm(np.ascontiguousarray(points_lps_mm), LIVER)
        return SolvedField(field, self.current, "solved for this test")


def test_a_field_that_suffices_is_solved_once_an_array(ground: AccessGround) -> None:
    solver = Solver(1.5)
    found = suggest_arrays(
        ground,
        ball(4.0, 1.0, 500.0, 500.0),
        DEVICE,
        ElectrodeGoal("lesion", 2),
        LIVER,
        rules=RULES,
        verify=solver,
    )
    assert len(solver.arrays) == len(found)
    assert all(f.solved == "solved for this test" for f in found)


def test_a_field_that_falls_short_is_put_right_at_most_twice(ground: AccessGround) -> None:
    solver = Solver(0.85)
    found = suggest_arrays(
        ground, POINTS, DEVICE, ElectrodeGoal("lesion", 3), LIVER, rules=RULES, verify=solver
    )
    assert len(found) < len(solver.arrays) <= (1 + CORRECTIONS) * len(found)
    # What is shown is the best of the arrays that were solved, with what was solved for it.
    for each in found:
        assert each.largest_current_a == 20.0
        judged = POINTS.thinned(electrode_suggesting.JUDGED_POINTS)
        field = solver.factor * all_positions(each.array, 0.5).field_v_per_cm(judged.points_lps_mm, LIVER)
        assert each.covered.lesion == pytest.approx(judged.coverage_percent(field)[0], abs=1e-6)


def test_too_much_current_is_put_right(ground: AccessGround) -> None:
    # Twice the current that is expected: a shorter bare part, or a lower one of what suffices.
    class Hungry(Solver):
        def __call__(self, array: ElectrodeArray, points_lps_mm: FloatArray, task: Task) -> SolvedField:
            packed = all_positions(array, 0.5 * DEVICE.diameter_mm)
            solved = super().__call__(array, points_lps_mm, task)
            return SolvedField(
                solved.field_v_per_cm, 2.5 * float(packed.currents_a(LIVER).max()), solved.words
            )

    goal = ElectrodeGoal("lesion", 2, most_current_a=40.0)
    (best, *_) = suggest_arrays(ground, POINTS, DEVICE, goal, LIVER, rules=RULES, verify=Hungry(1.0))
    assert best.largest_current_a <= 40.0


def test_no_path_says_what_blocks(ground: AccessGround) -> None:
    with pytest.raises(NoPath) as caught:
        suggest_arrays(ground, POINTS, DEVICE, GOAL, LIVER, rules=AccessRules(bone_clearance_mm=500.0))
    assert "bone" in caught.value.thing


def test_it_stops_when_asked(ground: AccessGround) -> None:
    stopped = Task(lambda fraction, _: stopped.cancel() if fraction > 0.2 else None)
    with pytest.raises(Cancelled):
        suggest_arrays(ground, POINTS, DEVICE, GOAL, LIVER, rules=RULES, task=stopped)


def test_goal_guards() -> None:
    with pytest.raises(InvalidValue, match="2 to 6"):
        ElectrodeGoal("lesion", 1)
    with pytest.raises(InvalidValue, match="so far apart"):
        ElectrodeGoal("lesion", 4, 20.0, 10.0)
    with pytest.raises(InvalidValue, match="positive"):
        ElectrodeGoal("lesion", 4, most_current_a=0.0)
    with pytest.raises(InvalidValue, match="bare part"):
        ElectrodeGoal("lesion", 4, exposures_mm=())


def test_what_is_worth_showing(estimated: tuple[SuggestedArray, ...]) -> None:
    shown = worth_showing(estimated)
    assert shown[0][1] == "best coverage"
    best = estimated[shown[0][0]]
    assert all(best.covered.weighed >= f.covered.weighed for f in estimated)
    assert len({n for n, _ in shown}) == len(shown) <= 5
    assert Coverages(99.6, 99.5, 100, 100).is_full
    assert not Coverages(99.6, 99.4, 100, 100).is_full


def test_a_way_through_lung_ranks_after_one_that_covers_a_little_less(
    estimated: tuple[SuggestedArray, ...],
) -> None:
    bone, vessel, organ, _ = estimated[0].entries[0].clearance_mm
    breached = replace(estimated[0].entries[0], clearance_mm=(bone, vessel, organ, 0.0))
    through = replace(
        estimated[0], entries=(breached, *estimated[0].entries[1:]), covered=Coverages(99, 99, 100, 100)
    )
    beside = replace(estimated[0], covered=Coverages(96, 96, 100, 100))
    far = replace(estimated[0], covered=Coverages(80, 80, 100, 100))
    assert (through.through_lung, beside.through_lung) == (1, 0)
    assert through.least_clearance_mm == beside.least_clearance_mm
    assert sorted((far, through, beside), key=rank) == [beside, through, far]
