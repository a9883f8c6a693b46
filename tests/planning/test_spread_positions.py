"""Equal zones spread over a target: known covers of a ball by balls, and a long target by two."""

from __future__ import annotations

import math

import numpy as np
import pytest

from planner.base.errors import Cancelled
from planner.base.task import Task
from planner.compute.spheroid import Spheroid
from planner.planning.spread_positions import MOST, least_count, patterns, spread


def ball_points(radius: float, center: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    """Points through a ball and, closely, on its surface (a spiral of equal areas)."""
    steps = np.arange(-radius, radius + 0.1, 2.0)
    inner = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    inner = inner[np.linalg.norm(inner, axis=1) <= radius]
    n = np.arange(1200) + 0.5
    polar, turn = np.arccos(1 - 2 * n / 1200), np.pi * (1 + 5**0.5) * n
    surface = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=1)
    return np.vstack([inner, radius * surface]) + np.array(center)


def deepest(count: int, zone: Spheroid, points: np.ndarray) -> float:
    """The least depth of any point in the best spread of so many zones."""
    found = [spread(start, points) for start in patterns(zone, points, count)]
    return max(
        float(np.stack([z.signed_distance_mm(points) for z in zones]).max(axis=0).min()) for zones in found
    )


@pytest.mark.parametrize(
    ("count", "ratio"),
    # Reference sheet A8: four balls cover one 1.0607 times as large, six one 1.2247 times.
    [(1, 1.0), (4, 1.0607), (6, 1.2247)],
)
def test_as_few_balls_as_can_cover_a_ball_do(count: int, ratio: float) -> None:
    center = (30.0, -12.0, 70.0)
    zone = Spheroid((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 30.0, 30.0)
    # 2 % smaller than the largest that can be covered.
    assert deepest(count, zone, ball_points(0.98 * 15.0 * ratio, center)) >= 0.0


@pytest.mark.parametrize(("count", "ratio"), [(1, 1.03), (2, 1.03), (3, 1.03), (4, 1.12)])
def test_what_cannot_be_covered_is_not(count: int, ratio: float) -> None:
    zone = Spheroid((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 30.0, 30.0)
    assert deepest(count, zone, ball_points(15.0 * ratio)) < 0.0


def test_two_lie_along_a_long_target() -> None:
    # A capsule of radius 8 mm about a line of 30 mm, tilted: two balls of 18 mm hold its halves.
    way = np.array([2.0, 1.0, 2.0]) / 3.0
    points = np.vstack([ball_points(8.0) + t * way for t in np.linspace(-15, 15, 13)])
    zone = Spheroid((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), 36.0, 36.0)
    zones = spread(patterns(zone, points, 2)[0], points)
    depth = np.stack([z.signed_distance_mm(points) for z in zones]).max(axis=0)
    assert depth.min() >= 0.0
    between = np.array(zones[0].center_lps_mm) - np.array(zones[1].center_lps_mm)
    assert abs(float(between @ way)) / np.linalg.norm(between) > 0.95


def test_volume_alone_bounds_the_count() -> None:
    zone = Spheroid((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 40.0, 30.0)
    mm3 = math.pi / 6 * 40 * 30**2
    assert least_count(zone, 0.5 * mm3) == 1
    assert least_count(zone, mm3) == 1
    assert least_count(zone, 2.01 * mm3) == 3
    assert MOST == 6


def test_the_same_points_give_the_same_spread_and_cancel_stops() -> None:
    zone, points = Spheroid((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 30.0, 26.0), ball_points(15.0)
    start = patterns(zone, points, 4)[1]
    assert spread(start, points) == spread(start, points)
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        spread(start, points, task)
