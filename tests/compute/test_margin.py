"""The margin report: closed forms, every kind of grid, and lesions at their smallest."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.liver_region import LiverRegion
from planner.compute.margin import evaluate_margin, prepare_margin
from planner.compute.spheroid import Spheroid
from planner.model.geometry import Grid

from ..verification.margin_shapes import Ellipsoid, lattice_around, rotation, voxels


def ball_lesion(radius: float, spacing: tuple[float, float, float], seed: int) -> tuple[Grid, np.ndarray]:
    rng = np.random.default_rng(seed)
    ball = Ellipsoid(np.zeros(3), np.full(3, radius), np.eye(3))
    grid = lattice_around(ball.surface(500), np.array(spacing), rotation(rng), rng)
    return grid, voxels(ball, grid)


# H14 of the reference sheet: lesion radius, zone radius, offset: least margin, mean, and shares.
H14 = [
    (10, 20, 3, 7.0, 9.700, (7.23285, 9.55969), 10, 0.425, 1.0),
    (10, 16, 4, 2.0, 5.466667, None, 5, 0.53125, 1.0),
    (10, 14, 8, -4.0, None, None, 0, 0.6, 0.800),
    (15, 20, 7, -2.0, None, None, 0, 0.8, 0.962370),
]


@pytest.mark.parametrize(
    ("lesion", "zone", "offset", "least", "mean", "percentiles", "at", "share", "covered"), H14
)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 3.0)])
def test_balls_apart(
    lesion: float,
    zone: float,
    offset: float,
    least: float,
    mean: float | None,
    percentiles: tuple[float, float] | None,
    at: int,
    share: float,
    covered: float,
    spacing: tuple[float, float, float],
) -> None:
    grid, mask = ball_lesion(lesion, spacing, seed=int(10 * zone + offset))
    direction = np.array([2.0, -1.0, 2.0]) / 3.0
    report = evaluate_margin(prepare_margin(grid, mask), [Spheroid.sphere(offset * direction, zone)])
    assert report.minimal.value_mm == pytest.approx(least, abs=0.15)
    assert report.minimal.low_mm <= least <= report.minimal.high_mm
    place = np.array(report.minimal.place_lps_mm)
    assert place / np.linalg.norm(place) @ -direction > 0.98
    if mean is not None:
        assert report.mean_mm == pytest.approx(mean, abs=0.1)
    if percentiles is not None:
        assert (report.percentile_5_mm, report.median_mm) == pytest.approx(percentiles, abs=0.15)
    shares = {
        0: 100 - report.below_0_percent,
        5: report.at_least_5_percent,
        10: report.at_least_10_percent,
    }
    assert shares[at] == pytest.approx(100 * share, abs=2.0)
    assert report.lesion_coverage_percent == pytest.approx(100 * covered, abs=0.7)
    assert sum(report.histogram_percent) == pytest.approx(100)
    classes = (report.below_0_percent, report.from_0_to_5_percent, report.from_5_to_10_percent)
    assert sum(classes) + report.at_least_10_percent == pytest.approx(100)


def ball_in_liver() -> tuple[Grid, np.ndarray, LiverRegion]:
    """A lesion of radius 10 whose nearest point lies 2 mm under the surface of a liver of radius 40."""
    grid = Grid((90, 90, 90), (1.0, 1.0, 1.0), (-44.6, -44.4, -44.7))
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    lesion = np.linalg.norm(points - [28.0, 0, 0], axis=-1) <= 10
    return grid, lesion, LiverRegion.from_mask(grid, np.linalg.norm(points, axis=-1) <= 40)


def test_capsule_part_is_set_aside() -> None:
    grid, lesion, liver = ball_in_liver()
    prepared = prepare_margin(grid, lesion, liver)
    # Points of the lesion's surface within 35 mm of the liver's centre are no capsule part.
    cosine = (35.0**2 - 28.0**2 - 10.0**2) / (2 * 28.0 * 10.0)
    assert prepared.capsule_share_percent == pytest.approx(100 * (1 - cosine) / 2, abs=2.0)
    zone = Spheroid.sphere((25.0, 0, 0), 14.0)
    report = evaluate_margin(prepared, [zone])
    assert report.minimal.value_mm == pytest.approx(1.0, abs=0.15)
    # Without the capsule part the least margin is at its rim.
    rim = np.array([28 + 10 * cosine, 10 * np.sqrt(1 - cosine**2), 0])
    assert report.minimal_without_capsule is not None
    assert report.minimal_without_capsule.value_mm == pytest.approx(
        14 - np.linalg.norm(rim - [25, 0, 0]), abs=0.4
    )
    everything = prepare_margin(grid, lesion, liver, capsule_limit_mm=60.0)
    assert (
        everything.capsule_share_percent == 100.0
        or evaluate_margin(everything, [zone]).minimal_without_capsule is not None
    )
    assert prepare_margin(grid, lesion, liver, capsule_limit_mm=0.0).capsule_share_percent < 0.1


def test_volumes_of_lesion_and_liver() -> None:
    grid, lesion, liver = ball_in_liver()
    report = evaluate_margin(prepare_margin(grid, lesion, liver), [Spheroid.sphere((20, 0, 0), 25.0)])
    # The zone lies in the liver up to its cap: lens of two balls of 25 and 40 at 20 mm.
    d, r, big = 20.0, 25.0, 40.0
    lens = np.pi * (r + big - d) ** 2 * (d**2 + 2 * d * (r + big) - 3 * (r - big) ** 2) / (12 * d) / 1000
    assert report.lesion_coverage_percent == pytest.approx(100, abs=0.1)
    assert report.liver_outside_lesion_ml == pytest.approx(lens - 4.18879, rel=0.01)
    assert report.zone_volume_ml == pytest.approx(65.44985, rel=1e-6)
    assert report.grown_coverage_percent[0] == pytest.approx(100, abs=0.5)
    assert 90 < report.grown_coverage_percent[1] < 100
    small = evaluate_margin(prepare_margin(grid, lesion, liver), [Spheroid.sphere((28, 0, 0), 5.0)])
    assert small.lesion_coverage_percent == pytest.approx(12.5, abs=0.6)
    assert small.liver_outside_lesion_ml == pytest.approx(0.0, abs=0.01)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 2.5, 5.0]), st.floats(0.5, 1.0))
def test_margin_holds_on_every_grid(seed: int, slices: float, within: float) -> None:
    """Oblique, mirrored and anisotropic grids of the same lesion give the same margin."""
    rng = np.random.default_rng(seed)
    lesion = Ellipsoid(rng.uniform(-5, 5, 3), np.array([12.0, 13.0, 14.0]), rotation(rng))
    axes = rotation(rng) * rng.choice([-1, 1], 3)
    grid = lattice_around(lesion.surface(1000), np.array([within, within, slices]), axes, rng)
    zone = Spheroid.sphere(lesion.center, 25.0)
    minimal = evaluate_margin(prepare_margin(grid, voxels(lesion, grid)), [zone]).minimal
    assert minimal.value_mm == pytest.approx(11.0, abs=0.3)
    assert minimal.low_mm <= 11.0 <= minimal.high_mm


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 5.0)])
@pytest.mark.parametrize("kind", ["voxel", "slice", "corner", "full", "apart", "rod", "ring", "noise"])
def test_odd_masks_have_a_margin(kind: str, spacing: tuple[float, float, float]) -> None:
    grid = Grid((8, 20, 20), spacing, (0, 0, 0))
    mask = np.zeros(grid.shape, dtype=bool)
    if kind == "voxel":
        mask[4, 10, 10] = True
    elif kind == "slice":
        mask[4, 8:12, 8:12] = True
    elif kind == "corner":
        mask[:2, :4, :4] = True
    elif kind == "full":
        mask[:] = True
    elif kind == "apart":
        mask[4, 10, 10] = mask[2, 3, 3] = True
    elif kind == "rod":
        mask[4, 10, 5:15] = True
    elif kind == "ring":
        mask[4, 5:15, 5:15] = True
        mask[4, 8:12, 8:12] = False
    else:
        mask = np.random.default_rng(0).random(grid.shape) > 0.7
    prepared = prepare_margin(grid, mask)
    centers = grid.to_lps(np.argwhere(mask)[:, ::-1])
    zone = Spheroid.sphere(centers.mean(axis=0), 40.0)
    report = evaluate_margin(prepared, [zone])
    minimal = report.minimal
    farthest = 40.0 - np.linalg.norm(centers - centers.mean(axis=0), axis=1).max()
    assert np.all(np.isfinite(report.margins_mm))
    assert minimal.low_mm <= minimal.value_mm <= minimal.high_mm
    assert minimal.low_mm < farthest  # the true outline lies beyond the outermost voxel centre
    assert farthest - minimal.value_mm <= 2.0 * max(spacing) + 1.0
    if kind in ("voxel", "slice"):
        assert minimal.high_mm - minimal.low_mm >= 0.5 * max(spacing)


def test_same_input_same_bits() -> None:
    grid, mask = ball_lesion(9, (0.8, 0.8, 2.0), 3)
    zones = [Spheroid((3, 0, 0), (0, 1, 1), 40, 28), Spheroid((-4, 2, 0), (1, 0, 0), 38, 26)]
    one, two = (evaluate_margin(prepare_margin(grid, mask), zones) for _ in range(2))
    assert np.array_equal(one.margins_mm, two.margins_mm)
    assert one.minimal == two.minimal
    assert one.grown_coverage_percent == two.grown_coverage_percent


def test_prepared_values_are_read_only() -> None:
    grid, mask = ball_lesion(6, (1.0, 1.0, 1.0), 1)
    prepared = prepare_margin(grid, mask)
    with pytest.raises(ValueError, match="read-only"):
        prepared.outline.samples.points_lps_mm[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        evaluate_margin(prepared, [Spheroid.sphere((0, 0, 0), 12)]).margins_mm[0] = 0


def test_guards() -> None:
    grid, mask = ball_lesion(6, (1.0, 1.0, 1.0), 1)
    with pytest.raises(InvalidValue, match="without voxels"):
        prepare_margin(grid, np.zeros(grid.shape, dtype=bool))
    with pytest.raises(InvalidValue, match="shape"):
        prepare_margin(grid, mask[1:])
    with pytest.raises(InvalidValue, match="negative"):
        prepare_margin(grid, mask, capsule_limit_mm=-1)
    with pytest.raises(InvalidValue, match="at least one"):
        evaluate_margin(prepare_margin(grid, mask), [])
    with pytest.raises(InvalidValue, match="no voxel"):
        LiverRegion.from_mask(grid, np.zeros(grid.shape, dtype=bool))
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        prepare_margin(grid, mask, task=task)


def test_kernels_are_loaded_late() -> None:
    code = "import planner.compute, sys; assert 'numba' not in sys.modules and 'scipy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
