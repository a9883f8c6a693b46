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


def test_crease_of_two_balls_is_a_circle() -> None:
    """Where both balls' nearest points are covered, the depth is the distance to the circle."""
    balls = [Spheroid.sphere((-9, 0, 0), 15), Spheroid.sphere((7, 0, 0), 13)]
    center = -9 + (16**2 + 15**2 - 13**2) / 32
    radius = np.sqrt(15**2 - (center + 9) ** 2)
    points = np.random.default_rng(2).uniform(-12, 12, (4000, 3))
    across = np.hypot(points[:, 1], points[:, 2])
    feet = [ball.nearest_surface_points(points) for ball in balls]
    hidden = balls[1].contains(feet[0]) & balls[0].contains(feet[1])
    truth = np.hypot(across - radius, points[:, 0] - center)
    assert hidden.sum() > 100
    assert union_distance_mm(points[hidden], balls) == pytest.approx(truth[hidden], abs=0.002)


@pytest.mark.parametrize("seed", range(4))
def test_depth_under_a_crease_against_a_dense_curve(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, two = (
        Spheroid(tuple(rng.uniform(-8, 8, 3)), tuple(rng.normal(size=3)), *rng.uniform((36, 22), (50, 34)))
        for _ in range(2)
    )
    points = rng.uniform(-16, 16, (4000, 3))
    depth_one, depth_two = one.signed_distance_mm(points), two.signed_distance_mm(points)
    hidden = np.where(
        depth_one > depth_two,
        two.contains(one.nearest_surface_points(points)),
        one.contains(two.nearest_surface_points(points)),
    ) & (np.maximum(depth_one, depth_two) > 0)
    assert hidden.sum() > 100
    gap, _ = cKDTree(dense_crease(one, two)).query(points[hidden])
    assert union_distance_mm(points[hidden], [one, two]) == pytest.approx(gap, abs=0.005)


def dense_crease(one: Spheroid, two: Spheroid) -> np.ndarray:
    """Points on the surface of one zone that lie on the other's, by bisection along meridians."""
    turn, polar = np.meshgrid(np.linspace(0, 2 * np.pi, 6001), np.linspace(0, np.pi, 61))
    frame = np.linalg.qr(np.array([np.subtract(two.center_lps_mm, one.center_lps_mm), *np.eye(3)[:2]]).T)[0]

    def place(turn: np.ndarray, polar: np.ndarray) -> np.ndarray:
        directions = np.stack([np.cos(polar), np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn)], -1)
        directions = directions @ frame.T
        along = (directions @ np.array(one.axis_lps))[:, None] * np.array(one.axis_lps)
        across = (directions - along) * one.short_axis_mm / 2
        return np.array(one.center_lps_mm) + across + along * one.long_axis_mm / 2

    inside = two.contains(place(turn.ravel(), polar.ravel())).reshape(turn.shape)
    crosses = inside[1:] != inside[:-1]
    turn, low, high, first = turn[1:][crosses], polar[:-1][crosses], polar[1:][crosses], inside[:-1][crosses]
    for _ in range(40):
        middle = (low + high) / 2
        same = two.contains(place(turn, middle)) == first
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return place(turn, low)


@pytest.mark.parametrize("axis", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.6, 0.8, 0.0)])
def test_points_on_the_axis_of_a_zone(axis: tuple[float, float, float]) -> None:
    """There every direction across the axis leads to a nearest point."""
    zone = Spheroid((1, 2, 3), axis, 60, 20)
    ball = Spheroid.sphere(np.array([1, 2, 3]) + 28 * np.array(axis), 8)
    points = np.array([1, 2, 3]) + np.array([[-5.0], [0.0], [5.0]]) * np.array(axis)
    assert union_distance_mm(points, [zone, ball]) == pytest.approx(zone.signed_distance_mm(points), abs=1e-6)


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


def test_volume_of_tilted_zones() -> None:
    tilted = [Spheroid((0, 0, 0), (1, 2, 3), 50, 20), Spheroid((40, 30, 0), (-2, 1, 1), 12, 30)]
    assert union_volume_ml(tilted) == pytest.approx(sum(zone.volume_ml for zone in tilted), rel=0.01)


@pytest.mark.parametrize(
    ("center", "axis", "long", "short"),
    [((0, 0), (0, 0, 1), 5, 5), ((0, 0, np.nan), (0, 0, 1), 5, 5), ((0, 0, 0), (0, 0, 0), 5, 5),
     ((0, 0, 0), (0, 0, 1), 0, 5), ((0, 0, 0), (0, 0, 1), 5, np.inf)],
)  # fmt: skip
def test_impossible_zones_are_refused(center: tuple, axis: tuple, long: float, short: float) -> None:
    with pytest.raises(InvalidValue):
        Spheroid(center, axis, long, short)
