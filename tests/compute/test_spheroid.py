"""Distances to spheroids and to unions of them, against points spread over their surfaces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from planner.base.errors import InvalidValue
from planner.compute.spheroid import Spheroid
from planner.compute.zone_union import union_distance_mm, union_volume_ml

from ..verification.margin_shapes import sphere_directions

lengths = st.floats(3, 80)
coordinates = st.floats(-40, 40)


def surface(zone: Spheroid, count: int) -> np.ndarray:
    directions = sphere_directions(count)
    axis = np.array(zone.axis_lps)
    along = (directions @ axis)[:, None] * axis
    across = (directions - along) * zone.short_axis_mm / 2
    return np.array(zone.center_lps_mm) + across + along * zone.long_axis_mm / 2


@settings(max_examples=60, deadline=None)
@given(lengths, lengths, st.tuples(coordinates, coordinates, coordinates), st.floats(0, 2 * np.pi))
def test_distance_against_dense_angles(
    long: float, short: float, point: tuple[float, float, float], turn: float
) -> None:
    axis = (np.cos(turn), np.sin(turn), 0.3)
    zone = Spheroid((1.0, -2.0, 3.0), axis, long, short)
    away = np.array(point) - zone.center_lps_mm
    along = abs(float(away @ np.array(zone.axis_lps)))
    across = float(np.linalg.norm(away - (away @ np.array(zone.axis_lps)) * np.array(zone.axis_lps)))
    angle = np.linspace(0, np.pi / 2, 200001)
    gap = np.hypot(short / 2 * np.cos(angle) - across, long / 2 * np.sin(angle) - along).min()
    inside = (2 * across / short) ** 2 + (2 * along / long) ** 2 <= 1
    assert zone.signed_distance_mm([point])[0] == pytest.approx(gap if inside else -gap, abs=5e-4)
    foot = zone.nearest_surface_points([point])[0]
    assert np.linalg.norm(foot - point) == pytest.approx(gap, abs=5e-4)


def test_center_and_axis_have_distances() -> None:
    prolate = Spheroid((0, 0, 0), (0, 0, 1), 40, 20)
    assert prolate.signed_distance_mm([[0, 0, 0], [0, 0, 25], [0, 0, 20], [10, 0, 0]]) == pytest.approx(
        [10, -5, 0, 0], abs=1e-6
    )


@pytest.mark.parametrize("seed", range(6))
def test_union_against_its_bare_surface(seed: int) -> None:
    """The exact depth inside a union, which no single zone's distance gives."""
    rng = np.random.default_rng(seed)
    zones = [
        Spheroid(tuple(rng.uniform(-12, 12, 3)), tuple(rng.normal(size=3)), *rng.uniform(16, 50, 2))
        for _ in range(2 + seed % 3)
    ]
    bare = []
    for zone in zones:
        shell = surface(zone, 400_000)
        for other in zones:
            if other is not zone:
                shell = shell[~other.contains(shell)]
        bare.append(shell)
    points = rng.uniform(-30, 30, (1500, 3))
    gap, _ = cKDTree(np.concatenate(bare)).query(points)
    inside = np.any([zone.contains(points) for zone in zones], axis=0)
    ours = union_distance_mm(points, zones)
    assert np.array_equal(ours > 0, inside)
    # A spread of points lies up to 0.1 mm beside a crease, so it overstates the distance there.
    assert (np.abs(ours) - gap).max() <= 0.05
    assert (gap - np.abs(ours)).max() <= 0.12


def test_depth_inside_two_balls_is_to_the_waist() -> None:
    zones = [Spheroid.sphere((-10, 0, 0), 15), Spheroid.sphere((10, 0, 0), 15)]
    waist = np.sqrt(15**2 - 10**2)
    points = np.array([[0, 0, 0], [0, 5, 0], [2, 0, 0], [0, 0, waist]])
    truth = [waist, waist - 5, np.hypot(2, waist), 0]
    assert union_distance_mm(points, zones) == pytest.approx(truth, abs=0.002)


def test_flat_zone_bares_its_far_side() -> None:
    """The nearest side is covered by another zone; the far side of the flat one counts."""
    flat = Spheroid((0, 0, 0), (0, 0, 1), 10, 60)
    ball = Spheroid.sphere((0, 0, 12), 12)
    assert union_distance_mm([[0, 0, 0.5]], [flat, ball])[0] == pytest.approx(5.5, abs=0.002)


def test_the_same_zone_twice_changes_nothing() -> None:
    zone = Spheroid((1, 2, 3), (1, 1, 0), 40, 25)
    points = np.random.default_rng(0).uniform(-25, 25, (200, 3))
    assert union_distance_mm(points, [zone, zone]) == pytest.approx(zone.signed_distance_mm(points), abs=1e-3)


def test_volumes_in_closed_form() -> None:
    """H15 of the reference sheet: an ellipsoid of 50 x 36, two balls of 15 at 20 mm."""
    assert Spheroid((0, 0, 0), (1, 2, 3), 50, 36).volume_ml == pytest.approx(33.92920, abs=1e-5)
    balls = [Spheroid.sphere((0, 0, 0), 15), Spheroid.sphere((12, 16, 0), 15)]
    assert union_volume_ml(balls) == pytest.approx(26.17994, rel=2e-3)
    lens = 2 * balls[0].volume_ml - union_volume_ml(balls)
    assert lens == pytest.approx(2.094395, abs=0.06)
    assert union_volume_ml([]) == 0.0


@pytest.mark.parametrize(
    ("center", "axis", "long", "short"),
    [((0, 0), (0, 0, 1), 5, 5), ((0, 0, np.nan), (0, 0, 1), 5, 5), ((0, 0, 0), (0, 0, 0), 5, 5),
     ((0, 0, 0), (0, 0, 1), 0, 5), ((0, 0, 0), (0, 0, 1), 5, np.inf)],
)  # fmt: skip
def test_impossible_zones_are_refused(center: tuple, axis: tuple, long: float, short: float) -> None:
    with pytest.raises(InvalidValue):
        Spheroid(center, axis, long, short)
