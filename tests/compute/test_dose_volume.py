"""Dose-volume histograms: closed forms on lattices of any kind, ties, partial voxels, and guards."""

from __future__ import annotations

import math

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.compute.dose_volume import DoseVolume

from ..verification.dose_shapes import OBLIQUE, STRAIGHT, grid_around, radii

#: Spacing, direction and middle of the lattice: none with a voxel's centre or border on the sphere's middle.
LATTICES = [
    ((1.0, 1.0, 1.0), STRAIGHT, (0.31, -0.17, 0.08)),
    ((0.8, 1.3, 2.5), STRAIGHT, (0.2, 0.45, -0.6)),
    ((1.1, 0.9, 3.0), OBLIQUE, (-0.37, 0.11, 1.2)),
]


def ball(spacing, direction, shift, radius: float = 50.0) -> tuple[np.ndarray, float]:
    """Distance of each voxel's centre from the middle of a ball in a lattice; a voxel's volume."""
    grid = grid_around(radius + 4.0, spacing, direction, shift)
    return radii(grid), grid.voxel_volume_ml


@pytest.mark.parametrize(("spacing", "direction", "shift"), LATTICES)
def test_a_cone_in_a_sphere(spacing, direction, shift) -> None:
    """H18: D = 100 (1 - r / 50) in a sphere of 50 mm: D_x = 100 (1 - (x/100)^(1/3))."""
    radius, voxel_ml = ball(spacing, direction, shift)
    found = DoseVolume.of(100.0 * (1.0 - radius / 50.0), radius <= 50.0, voxel_ml)
    assert found.volume_ml == pytest.approx(523.599, rel=1e-3)
    assert found.mean_gy == pytest.approx(25.0, abs=0.05)
    assert found.share_above(50.0) == pytest.approx(0.125, abs=5e-4)
    for percent, dose in ((2, 72.8558), (50, 20.6299), (95, 1.6952)):
        assert found.dose_to_gy(percent) == pytest.approx(dose, abs=0.1)
    for percent in (5, 20, 70, 80, 98):
        assert found.dose_to_gy(percent) == pytest.approx(100 * (1 - (percent / 100) ** (1 / 3)), abs=0.1)
    doses = np.linspace(0.0, 100.0, 41)
    assert found.curve(doses) == pytest.approx((1 - doses / 100) ** 3, abs=1e-3)
    assert 0.0 <= found.least_gy < 0.1
    assert 97.0 < found.most_gy <= 100.0


@pytest.mark.parametrize(("spacing", "direction", "shift"), LATTICES)
def test_a_gaussian_in_a_sphere(spacing, direction, shift) -> None:
    """D = 100 exp(-r² / 2 s²): V_x is the ball within which the dose is at least x."""
    sigma = 20.0
    radius, voxel_ml = ball(spacing, direction, shift, 40.0)
    found = DoseVolume.of(100.0 * np.exp(-0.5 * (radius / sigma) ** 2), radius <= 40.0, voxel_ml)
    for dose in (90.0, 60.0, 30.0, 15.0):
        within = sigma * math.sqrt(2.0 * math.log(100.0 / dose))
        assert found.share_above(dose) == pytest.approx((within / 40.0) ** 3, abs=2e-3)
    for percent in (2, 20, 50, 70, 95):
        r = 40.0 * (percent / 100.0) ** (1 / 3)
        assert found.dose_to_gy(percent) == pytest.approx(100 * math.exp(-0.5 * (r / sigma) ** 2), abs=0.15)


@pytest.mark.parametrize("count", [2, 5, 1000])
def test_the_two_readings_are_inverse(count: int) -> None:
    rng = np.random.default_rng(count)
    found = DoseVolume.of(rng.gamma(4.0, 20.0, count), rng.uniform(0.1, 1.0, count), 0.008)
    inner = found.shares[1:-1]
    for share in np.linspace(inner[0], inner[-1], 23)[:-1]:  # from the last on all is the lowest dose
        assert found.share_above(found.dose_to_gy(100.0 * share)) == pytest.approx(share, abs=1e-9)


def test_readings_follow_the_count_of_voxels_within_one_voxel() -> None:
    rng = np.random.default_rng(7)
    dose, part = rng.gamma(4.0, 20.0, 400), rng.uniform(0.1, 1.0, 400)
    found = DoseVolume.of(dose, part, 1.0)
    for threshold in rng.uniform(0.0, 250.0, 200):
        counted = part[dose >= threshold].sum() / part.sum()
        assert found.share_above(threshold) == pytest.approx(counted, abs=part.max() / part.sum())
    assert found.mean_gy == pytest.approx(np.average(dose, weights=part), rel=1e-12)
    assert found.volume_ml == pytest.approx(part.sum(), rel=1e-12)
    assert (found.least_gy, found.most_gy) == (dose.min(), dose.max())


def test_the_definition_on_three_voxels() -> None:
    found = DoseVolume.of(np.array([30.0, 10.0, 20.0]), np.array([1.0, 1.0, 0.5]), 2.0)
    # widths 0.4, 0.2, 0.4 from the hottest on: middles at 0.2, 0.5, 0.8
    assert [found.dose_to_gy(x) for x in (0, 20, 35, 50, 65, 80, 100)] == pytest.approx(
        [30, 30, 25, 20, 15, 10, 10]
    )
    assert [found.share_above(d) for d in (31, 30, 25, 20, 15, 10.5, 10, 0)] == pytest.approx(
        [0, 0.2, 0.35, 0.5, 0.65, 0.785, 1, 1]
    )
    assert found.volume_ml == 5.0


def test_plateaus_count_over_their_whole_width() -> None:
    dose = np.repeat([180.0, 250.0, 0.0], [40, 50, 10])
    found = DoseVolume.of(dose, np.ones(100), 1.0)
    assert found.share_above(250.0) == pytest.approx(0.5, abs=1e-12)
    assert found.share_above(200.0) == pytest.approx(0.5, abs=1e-12)
    assert found.share_above(180.0) == pytest.approx(0.9, abs=1e-12)
    assert found.dose_to_gy(50.0) == 250.0
    assert found.dose_to_gy(50.1) == 180.0
    assert found.dose_to_gy(90.0) == 180.0
    assert found.dose_to_gy(90.1) == 0.0


def test_one_dose_everywhere() -> None:
    for count in (1, 3):
        found = DoseVolume.of(np.full((count, 1, 1), 120.0), np.ones((count, 1, 1), bool), 0.1)
        assert [found.dose_to_gy(x) for x in (0, 2, 50, 95, 100)] == [120.0] * 5
        assert (found.share_above(120.0), found.share_above(120.001)) == (1.0, 0.0)
        assert found.mean_gy == found.least_gy == found.most_gy == 120.0


def test_order_of_the_voxels_does_not_matter_and_zero_parts_do_not_count() -> None:
    rng = np.random.default_rng(9)
    dose = np.round(rng.uniform(0, 50, 300))
    part = rng.uniform(0, 1, 300)
    turn = rng.permutation(300)
    one, other = DoseVolume.of(dose, part, 1.0), DoseVolume.of(dose[turn], part[turn], 1.0)
    assert other.doses_gy == pytest.approx(one.doses_gy, abs=0)
    assert other.shares == pytest.approx(one.shares, abs=1e-12)
    more = DoseVolume.of(np.append(dose, [999.0, np.nan]), np.append(part, [0.0, 0.0]), 1.0)
    assert more.most_gy == one.most_gy
    assert np.array_equal(more.shares, one.shares)


def test_parts_of_voxels_at_the_border_are_exact_where_the_dose_is_linear() -> None:
    """Dose 10 x along a bar of ten voxels, the region from x = 1.3 to 8.6: shares are lengths."""
    middles = np.arange(10) + 0.5
    part = np.clip(np.minimum(middles + 0.5, 8.6) - np.maximum(middles - 0.5, 1.3), 0.0, None)
    found = DoseVolume.of(10.0 * middles, part, 1.0)
    for place in (2.5, 3.1, 5.0, 7.5):
        share = (8.6 - place) / 7.3
        assert found.dose_to_gy(100.0 * share) == pytest.approx(10.0 * place, abs=1e-9)
        assert found.share_above(10.0 * place) == pytest.approx(share, abs=1e-12)
    whole = DoseVolume.of(10.0 * middles, part >= 0.5, 1.0)
    assert abs(whole.dose_to_gy(50.0) - 49.5) > 0.4  # a mask is half a voxel off


def test_what_is_no_region() -> None:
    dose = np.ones((2, 3))
    with pytest.raises(InvalidValue, match="empty"):
        DoseVolume.of(dose, np.zeros((2, 3)), 1.0)
    with pytest.raises(InvalidValue, match="shape"):
        DoseVolume.of(dose, np.ones((3, 2)), 1.0)
    with pytest.raises(InvalidValue, match="part of a voxel"):
        DoseVolume.of(dose, np.full((2, 3), 1.5), 1.0)
    with pytest.raises(InvalidValue, match="part of a voxel"):
        DoseVolume.of(dose, np.full((2, 3), np.nan), 1.0)
    with pytest.raises(InvalidValue, match="part of a voxel"):
        DoseVolume.of(dose, np.full((2, 3), -0.5), 1.0)
    with pytest.raises(InvalidValue, match="volume"):
        DoseVolume.of(dose, np.ones((2, 3)), 0.0)
    with pytest.raises(InvalidValue, match="finite"):
        DoseVolume.of(np.full((2, 3), np.inf), np.ones((2, 3)), 1.0)


def test_what_cannot_be_read() -> None:
    found = DoseVolume.of(np.array([1.0, 2.0]), np.ones(2), 1.0)
    for percent in (-1.0, 100.1, math.nan):
        with pytest.raises(InvalidValue):
            found.dose_to_gy(percent)
    with pytest.raises(InvalidValue):
        found.share_above(math.nan)
    with pytest.raises(InvalidValue):
        DoseVolume(np.array([0.0, 1.0]), np.array([1.0, 2.0]), 1.0, 1.0)
    with pytest.raises(InvalidValue):
        DoseVolume(np.array([1.0, 0.0]), np.array([2.0, 1.0]), 1.0, 1.0)
    with pytest.raises(InvalidValue):
        DoseVolume(np.array([]), np.array([]), 1.0, 1.0)
