"""Pattern search for zones against the same search without its short cuts."""

from __future__ import annotations

import numpy as np
import pytest

from planner.compute.spheroid import Spheroid, pack
from planner.compute.zone_spreading import deepest_center, spread_step

AMPLE_MM = 1.0


def cloud(seed: int, size: tuple[float, float, float]) -> np.ndarray:
    random = np.random.default_rng(seed)
    way = random.standard_normal((300, 3))
    way /= np.linalg.norm(way, axis=1)[:, None]
    return way * random.uniform(0.2, 1.0, (300, 1)) * np.array(size) + [10.0, -20.0, 5.0]


def zones_of(packed: np.ndarray) -> list[Spheroid]:
    return [Spheroid(tuple(r[:3]), tuple(r[3:6]), 2 * r[7], 2 * r[6]) for r in packed.tolist()]


def lacking(points: np.ndarray, packed: np.ndarray) -> float:
    depth = np.stack([z.signed_distance_mm(points) for z in zones_of(packed)]).max(axis=0)
    return float((np.maximum(AMPLE_MM - depth, 0.0) ** 4).sum())


def plain_step(points: np.ndarray, packed: np.ndarray, step: float) -> tuple[float, bool]:
    best, is_moved = lacking(points, packed), False
    for row in packed:
        for axis in range(3):
            for sign in (1.0, -1.0):
                before = row[axis]
                row[axis] = before + sign * step
                worth = lacking(points, packed)
                if worth < best - 1e-9 * (1.0 + best):
                    best, is_moved = worth, True
                    break
                row[axis] = before
    return best, is_moved


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_step_is_that_of_the_plain_search(seed: int, count: int) -> None:
    points = cloud(seed, (22.0, 14.0, 17.0))
    random = np.random.default_rng(10 + seed)
    starts = [
        Spheroid(tuple(random.normal((10.0, -20.0, 5.0), 6.0)), (1.0, 2.0, -1.0), 30.0, 24.0)
        for _ in range(count)
    ]
    ours, plain = pack(starts), pack(starts)
    for step in (4.0, 2.0, 1.0):
        found, expected = spread_step(points, ours, step, AMPLE_MM), plain_step(points, plain, step)
        assert np.allclose(ours, plain)
        assert found[1] == expected[1]
        assert found[0] == pytest.approx(expected[0], rel=1e-9, abs=1e-9)


def test_what_is_held_amply_is_not_moved() -> None:
    points = cloud(1, (5.0, 5.0, 5.0))
    packed = pack([Spheroid.sphere((10.0, -20.0, 5.0), 20.0)])
    before = packed.copy()
    assert spread_step(points, packed, 2.0, AMPLE_MM) == (0.0, False)
    assert np.array_equal(packed, before)


def test_the_deepest_centre_of_a_ball_is_its_middle() -> None:
    points = cloud(4, (12.0, 12.0, 12.0))
    surface = 12.0 * (points - [10.0, -20.0, 5.0])
    points = surface / np.linalg.norm(surface, axis=1)[:, None] * 12.0 + [10.0, -20.0, 5.0]
    zone = pack([Spheroid.sphere((17.0, -24.0, 1.0), 15.0)])[0]
    depth = deepest_center(points, zone, np.array([4.0, 2.0, 1.0, 0.5, 0.25]), 30)
    # The points lie on a ball of 12 mm: 3 mm deep from its middle, and less from anywhere else.
    assert zone[:3] == pytest.approx([10.0, -20.0, 5.0], abs=0.5)
    assert 2.5 < depth <= 3.0 + 1e-6
    assert depth == pytest.approx(float(zones_of(zone[None])[0].signed_distance_mm(points).min()))
