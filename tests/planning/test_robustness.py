"""Robustness against closed forms: one ball in another whose centre and size vary normally."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import norm

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.margin import PreparedMargin, prepare_margin
from planner.model.assessment import Confidence
from planner.model.geometry import Grid
from planner.model.plan import Applicator
from planner.planning.constants import Constant
from planner.planning.devices import DeviceZone
from planner.planning.robustness import (
    PLACEMENTS,
    PlannedZone,
    Robustness,
    Uncertainties,
    sample_robustness,
)

RADIUS_MM = 10.0


@pytest.fixture(scope="module")
def lesion() -> PreparedMargin:
    grid = Grid((40, 40, 40), (0.8, 0.8, 0.8), (-15.5, -15.7, -15.3))
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    return prepare_margin(grid, np.linalg.norm(points, axis=-1) <= RADIUS_MM)


def ball(
    diameter_mm: float, sd_mm: float | None = None, entry: tuple[float, float, float] = (0.0, -9000.0, 0.0)
) -> PlannedZone:
    """A ball-shaped zone about the origin at the tip of a needle so long that it only shifts."""
    offset = Constant(0.0, "mm", "test", Confidence.ESTABLISHED)
    zone = DeviceZone(diameter_mm, diameter_mm, offset, "test", "test", Confidence.ESTABLISHED, sd_mm, sd_mm)
    return PlannedZone(Applicator("p1", "any", entry, (0.0, 0.0, 0.0)), zone)


def sampled(lesion: PreparedMargin, zone: PlannedZone, **choices: object) -> Robustness:
    return sample_robustness(lesion, [zone], Uncertainties(**{"samples": 4000, "seed": 3, **choices}))  # type: ignore[arg-type]


def test_size_alone_is_a_normal_spread(lesion: PreparedMargin) -> None:
    # Margin = R_a - R_t with R_a normal: mean 6, standard deviation 1.5 (plus a little outline).
    found = sampled(lesion, ball(32.0, 3.0), placement="exact")
    spread = float(np.hypot(1.5, lesion.outline.error_mm.mean() / 1.645))
    assert found.median_mm == pytest.approx(6.0, abs=0.15)
    assert found.at_least_5mm_percent == pytest.approx(100 * norm.sf(5.0, 6.0, spread), abs=2.5)
    assert found.full_coverage_percent == pytest.approx(100 * norm.sf(0.0, 6.0, spread), abs=0.5)
    assert found.high_mm - found.low_mm == pytest.approx(2 * 1.645 * spread, rel=0.06)


@pytest.mark.parametrize("entry", [(0.0, -9000.0, 0.0), (5000.0, 3000.0, -7000.0)])
def test_placement_alone_is_the_closed_form(
    lesion: PreparedMargin, entry: tuple[float, float, float]
) -> None:
    # MAM of balls = R_a - R_t - |offset| (H14); the offset is normal across (3 mm) and along (2 mm).
    found = sampled(lesion, ball(36.0, 0.0, entry), placement="navigated")
    random = np.random.default_rng(99)
    away = random.standard_normal((200_000, 3)) * [3.0, 3.0, 2.0]
    outline = random.standard_normal(200_000) * lesion.outline.error_mm.mean() / 1.645
    margins = 8.0 - np.linalg.norm(away, axis=1) - outline
    assert found.at_least_5mm_percent == pytest.approx(100 * np.mean(margins >= 5.0), abs=2.5)
    assert found.full_coverage_percent == pytest.approx(100 * np.mean(margins >= 0.0), abs=1.0)
    for value, share in ((found.low_mm, 5), (found.median_mm, 50), (found.high_mm, 95)):
        assert value == pytest.approx(float(np.percentile(margins, share)), abs=0.25)


def test_the_chance_at_a_point_is_that_of_the_ball_reaching_it(lesion: PreparedMargin) -> None:
    # Margin at a point p under a ball of radius R about c is R - |p - c|.
    found = sampled(lesion, ball(36.0, 0.0), placement="freehand")
    points = lesion.outline.samples.points_lps_mm
    random = np.random.default_rng(7)
    centers = random.standard_normal((100_000, 3)) * [6.0, 3.0, 6.0]  # the needle comes along y
    outline = random.standard_normal(100_000)
    for n in (
        np.argmax(points[:, 1]),
        np.argmin(points[:, 1]),
        np.argmax(points[:, 0]),
        np.argmin(points[:, 2]),
    ):
        margins = (
            18.0 - np.linalg.norm(points[n] - centers, axis=1) - outline * lesion.outline.error_mm[n] / 1.645
        )
        assert found.chance_of_5mm_percent[n] == pytest.approx(100 * np.mean(margins >= 5.0), abs=2.5)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(lesion: PreparedMargin) -> None:
    one, two, other = (sampled(lesion, ball(30.0), samples=200, seed=s) for s in (5, 5, 6))
    assert np.array_equal(one.minimal_mm, two.minimal_mm)
    assert not np.array_equal(one.minimal_mm, other.minimal_mm)


def test_less_error_is_never_worse(lesion: PreparedMargin) -> None:
    order = ["freehand", "navigated", "robotic", "exact"]
    chances = [sampled(lesion, ball(34.0), placement=p, samples=1500).at_least_5mm_percent for p in order]
    assert chances == sorted(chances)
    assert set(order) == set(PLACEMENTS)


@pytest.mark.parametrize("wrong", [{"placement": "by luck"}, {"zone_spread": 0.9}, {"samples": 3}])
def test_wrong_choices_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        Uncertainties(**wrong)  # type: ignore[arg-type]


def test_no_needle_is_refused_and_cancel_stops(lesion: PreparedMargin) -> None:
    with pytest.raises(InvalidValue):
        sample_robustness(lesion, [], Uncertainties())
    task = Task()
    task.cancel()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        sample_robustness(lesion, [ball(30.0)], Uncertainties(samples=20_000), task=task)
    assert time.monotonic() - start < 60


def deducted(lesion: PreparedMargin, zone: PlannedZone, deduction_mm: object) -> Robustness:
    uncertainties = Uncertainties("exact", samples=600, seed=8)
    return sample_robustness(lesion, [zone], uncertainties, deduction_mm=deduction_mm)  # type: ignore[arg-type]


def test_no_deduction_gives_the_same_bits(lesion: PreparedMargin) -> None:
    none = np.zeros(len(lesion.outline.samples))
    for zone in (ball(30.0, 2.0), ball(36.0)):
        one, two = deducted(lesion, zone, None), deducted(lesion, zone, none)
        assert np.array_equal(one.minimal_mm, two.minimal_mm)
        assert np.array_equal(one.chance_of_5mm_percent, two.chance_of_5mm_percent)


@pytest.mark.parametrize("short_mm", [0.7, 3.0])
def test_a_uniform_deduction_is_a_smaller_ball(lesion: PreparedMargin, short_mm: float) -> None:
    """Margin of balls is R_a - R_t: what is taken off all points shrinks the radius by as much (1e-6 mm)."""
    points = len(lesion.outline.samples)
    lowered = deducted(lesion, ball(34.0, 2.0), np.full(points, short_mm))
    smaller = deducted(lesion, ball(34.0 - 2.0 * short_mm, 2.0), None)
    assert lowered.minimal_mm == pytest.approx(smaller.minimal_mm, abs=1e-6)
    assert lowered.median_mm == pytest.approx(smaller.median_mm, abs=1e-6)
    assert lowered.at_least_5mm_percent == smaller.at_least_5mm_percent


def test_a_deduction_at_one_place_lowers_the_chance_there_alone(lesion: PreparedMargin) -> None:
    points = lesion.outline.samples.points_lps_mm
    bitten = points[:, 0] > 5.0
    whole = deducted(lesion, ball(34.0, 2.0), None)
    lowered = deducted(lesion, ball(34.0, 2.0), np.where(bitten, 3.0, 0.0))
    assert np.array_equal(lowered.chance_of_5mm_percent[~bitten], whole.chance_of_5mm_percent[~bitten])
    assert (lowered.chance_of_5mm_percent[bitten] < whole.chance_of_5mm_percent[bitten]).all()
    assert lowered.at_least_5mm_percent < whole.at_least_5mm_percent


@pytest.mark.parametrize("wrong", [[-0.1], [np.nan], [np.inf]])
def test_a_deduction_never_adds(lesion: PreparedMargin, wrong: list[float]) -> None:
    points = len(lesion.outline.samples)
    with pytest.raises(InvalidValue, match="takes millimetres off"):
        deducted(lesion, ball(34.0), np.full(points, wrong[0]))
    with pytest.raises(InvalidValue, match="takes millimetres off"):
        deducted(lesion, ball(34.0), np.zeros(points - 1))
