"""Coverage under placement errors: limits, order, determinism, guards."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.conductivity import FieldRamp
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.planning.electrode_robustness import (
    FULL_PERCENT,
    CoveragePoints,
    Spread,
    all_positions,
    sample_coverage,
)
from planner.planning.placements import PLACEMENTS

LIVER = FieldRamp(0.08, 0.32, 350, 700)
RADIUS_MM = 0.5


def square(side=15.0, volts=2250.0, exposure=20.0, **rest) -> ElectrodeArray:
    half = 0.5 * side
    electrodes = tuple(
        Electrode((x, y, -100.0), (x, y, 0.5 * exposure), exposure)
        for x, y in ((-half, -half), (half, -half), (half, half), (-half, half))
    )
    pairs = tuple(PulsePair(a, b, volts) for a, b in itertools.combinations(range(4), 2))
    return ElectrodeArray("e1", "generic-ire-19g", electrodes, pairs, **rest)


def ball(radius=5.0, margin=3.0, lesion_v=800.0, liver_v=700.0, step=1.5) -> CoveragePoints:
    x = np.arange(-12, 12.1, step)
    points = np.stack(np.meshgrid(x, x, x, indexing="ij"), axis=-1).reshape(-1, 3)
    away = np.linalg.norm(points, axis=1)
    kept = away <= radius + margin
    lesion = (away[kept] <= radius).astype(float)
    return CoveragePoints.of(points[kept], lesion, np.ones(int(kept.sum())), lesion_v, liver_v)


def test_without_error_every_sample_is_the_plan() -> None:
    points = ball()
    found = sample_coverage((square(),), points, (RADIUS_MM,), placement="exact", samples=50, law=LIVER)
    planned = points.coverage_percent(
        all_positions(square(), RADIUS_MM).field_v_per_cm(points.points_lps_mm, LIVER)
    )
    assert (found.lesion_coverage.low, found.grown_coverage.high) == pytest.approx(planned)
    assert found.lesion_percent in (0.0, 100.0)
    assert found.spacing_off.high == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("threshold", "chance"), [(150.0, 100.0), (5000.0, 0.0)])
def test_a_threshold_far_below_or_above_is_sure(threshold: float, chance: float) -> None:
    points = ball(lesion_v=threshold, liver_v=threshold)
    found = sample_coverage((square(),), points, (RADIUS_MM,), samples=60)
    assert found.lesion_percent == chance
    assert found.grown_percent == chance


def test_chances_fall_with_the_error_and_rise_with_the_voltage() -> None:
    points = ball(4.0, 2.0, 500.0, 500.0)
    by_error = [
        sample_coverage((square(),), points, (RADIUS_MM,), placement=p, samples=150, law=LIVER).lesion_percent
        for p in ("exact", "robotic", "navigated", "freehand")
    ]
    assert by_error[0] == 100.0
    assert sorted(by_error, reverse=True) == by_error
    assert by_error[3] < by_error[1]
    by_volts = [
        sample_coverage((square(volts=v),), points, (RADIUS_MM,), samples=150, law=LIVER).lesion_percent
        for v in (1500.0, 2000.0, 3000.0)
    ]
    assert sorted(by_volts) == by_volts
    assert by_volts[0] < by_volts[2]


def test_the_grown_lesion_is_covered_no_more_often_than_the_lesion_at_one_threshold() -> None:
    points = ball(4.0, 3.0, 500.0, 500.0)
    found = sample_coverage((square(),), points, (RADIUS_MM,), samples=100, law=LIVER)
    assert found.grown_percent <= found.lesion_percent
    assert found.lesion_coverage.low <= found.lesion_coverage.median <= found.lesion_coverage.high


def test_same_seed_same_bits_other_seed_other_samples() -> None:
    one, two, other = (
        sample_coverage((square(),), ball(), (RADIUS_MM,), samples=60, seed=s, law=LIVER) for s in (3, 3, 4)
    )
    assert np.array_equal(one.lesion_coverage_percent, two.lesion_coverage_percent)
    assert one.least_field == two.least_field
    assert not np.array_equal(one.lesion_coverage_percent, other.lesion_coverage_percent)


def test_distances_follow_the_tips() -> None:
    found = sample_coverage((square(),), ball(), (RADIUS_MM,), samples=400)
    # The worst of six differences of two tips, each 3 mm in two directions, scaled to the middle.
    sigma = PLACEMENTS["navigated"].lateral.value * 100.0 / 110.0 * np.sqrt(2.0)
    assert sigma < found.spacing_off.median < 3.0 * sigma


def test_measuring_again_keeps_the_nominal() -> None:
    points = ball(4.0, 0.0, lesion_v=700.0)
    as_planned, again = (
        sample_coverage((square(),), points, (RADIUS_MM,), samples=200, is_remeasured=r, law=LIVER)
        for r in (False, True)
    )
    assert not np.array_equal(as_planned.lesion_coverage_percent, again.lesion_coverage_percent)


def test_pull_backs_cover_more_along_the_needles() -> None:
    x = np.arange(-3, 3.1, 1.5)
    z = np.arange(-20, 5.1, 1.5)
    points = np.stack(np.meshgrid(x, x, z, indexing="ij"), axis=-1).reshape(-1, 3)
    tall = CoveragePoints.of(points, np.ones(len(points)), np.ones(len(points)), 450.0, 450.0)
    single = sample_coverage((square(),), tall, (RADIUS_MM,), placement="exact", samples=50, law=LIVER)
    twice = sample_coverage(
        (square(pull_backs=1, pull_back_mm=15.0),),
        tall,
        (RADIUS_MM,),
        placement="exact",
        samples=50,
        law=LIVER,
    )
    assert single.lesion_coverage.median < 80.0
    assert twice.lesion_coverage.median == 100.0


def test_two_arrays_count_by_the_larger_field_and_stray_apart() -> None:
    """Halves of a lesion under an array each: together both are covered, and each strays on its own."""
    left, right = (square(side=10.0, volts=1500.0).moved((x, 0.0, 0.0)) for x in (-40.0, 40.0))
    points = ball()
    apart = CoveragePoints(
        np.concatenate([points.points_lps_mm + (x, 0, 0) for x in (-40.0, 40.0)]),
        *(np.tile(v, 2) for v in (points.lesion, points.grown, points.threshold_v_per_cm)),
    )
    exact = {"placement": "exact", "samples": 50, "law": LIVER}
    halves = [
        sample_coverage((a,), apart, (RADIUS_MM,), **exact).lesion_coverage.median for a in (left, right)
    ]
    both = sample_coverage((left, right), apart, (RADIUS_MM, RADIUS_MM), **exact).lesion_coverage.median
    assert min(halves) > 25.0
    assert sum(halves) == pytest.approx(both)
    strays = {"placement": "freehand", "samples": 200, "seed": 4, "law": LIVER}
    first, second = (sample_coverage((a,), apart, (RADIUS_MM,), **strays) for a in (left, right))
    together = sample_coverage((left, right), apart, (RADIUS_MM, RADIUS_MM), **strays)
    # The first of several strays as it does alone; the second by numbers of its own.
    rest = together.lesion_coverage_percent - first.lesion_coverage_percent
    assert rest.min() >= -1e-9
    assert np.std(rest) > 0
    assert not np.allclose(rest, second.lesion_coverage_percent)
    idle = sample_coverage((left, square(volts=0.0)), apart, (RADIUS_MM, RADIUS_MM), **strays)
    assert np.array_equal(idle.lesion_coverage_percent, first.lesion_coverage_percent)


def test_thinning_keeps_the_shares_about() -> None:
    points = ball(step=0.75)
    thin = points.thinned(500)
    assert len(thin.points_lps_mm) <= 500
    assert thin.lesion.sum() / thin.grown.sum() == pytest.approx(
        points.lesion.sum() / points.grown.sum(), abs=0.06
    )
    assert points.thinned(10**6) is points


def test_it_stops_when_asked() -> None:
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        sample_coverage((square(),), ball(), (RADIUS_MM,), samples=50, task=task)


def test_full_is_nearly_all_and_a_spread_is_in_order() -> None:
    assert 99.0 <= FULL_PERCENT.value <= 100.0
    spread = Spread.of(np.arange(101.0))
    assert (spread.low, spread.median, spread.high) == (5.0, 50.0, 95.0)


def test_guards() -> None:
    with pytest.raises(InvalidValue, match="place needles"):
        sample_coverage((square(),), ball(), (RADIUS_MM,), placement="by eye")
    with pytest.raises(InvalidValue, match="50 to 20000"):
        sample_coverage((square(),), ball(), (RADIUS_MM,), samples=10)
    with pytest.raises(InvalidValue, match="Nothing is pulsed"):
        sample_coverage((square(volts=0.0),), ball(), (RADIUS_MM,))
    with pytest.raises(InvalidValue, match="share and a threshold"):
        CoveragePoints(np.zeros((2, 3)), np.ones(3), np.ones(2), np.ones(2))
    with pytest.raises(InvalidValue, match="needs points"):
        CoveragePoints(np.zeros((2, 3)), np.zeros(2), np.ones(2), np.ones(2))
