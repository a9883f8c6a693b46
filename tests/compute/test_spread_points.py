"""A few points that stand for those beside them."""

from __future__ import annotations

import numpy as np

from planner.compute.spread_points import spread_over


def test_each_point_has_one_of_its_cell_beside_it() -> None:
    points = np.random.default_rng(4).uniform(-30.0, 17.0, (3000, 3)) * (1.0, 0.4, 0.02)
    few, beside, apart = spread_over(points, 8.0)
    cells = np.floor((points - points.min(axis=0)) / 8.0)
    assert len(few) == len(np.unique(cells, axis=0))
    assert (cells[few][beside] == cells).all()
    assert np.abs(np.linalg.norm(points - points[few][beside], axis=1) - apart).max() < 1e-12
    assert (beside[few] == np.arange(len(few))).all()
    assert apart.max() <= 8.0 * np.sqrt(3.0)


def test_one_point_and_equal_points() -> None:
    few, beside, apart = spread_over(np.ones((4, 3)), 8.0)
    assert (few.tolist(), beside.tolist(), apart.tolist()) == ([0], [0, 0, 0, 0], [0.0] * 4)
