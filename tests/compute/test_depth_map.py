"""Depth of voxels in a mask against trying every pair."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from planner.compute.depth_map import depth_map_mm
from planner.model.geometry import Grid

SPACINGS = ((1.0, 1.0, 1.0), (0.7, 0.9, 3.0), (2.5, 0.4, 1.1))


def case(seed: int, spacing: tuple[float, float, float]) -> tuple[np.ndarray, Grid]:
    random = np.random.default_rng(seed)
    shape = (7, 9, 11)
    mask = random.random(shape) < 0.75
    mask[:, 3:6, 2:8] = True
    mask[0, 0, 0] = False
    return mask, Grid(shape, spacing, (5.0, -3.0, 2.0))


def places(mask: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    return np.argwhere(mask) * np.array(spacing[::-1])


@pytest.mark.parametrize("spacing", SPACINGS)
def test_depth_is_the_way_to_the_nearest_voxel_outside(spacing: tuple[float, float, float]) -> None:
    mask, grid = case(1, spacing)
    found = depth_map_mm(mask, grid)
    expected = cdist(places(mask, spacing), places(~mask, spacing)).min(axis=1)
    assert np.allclose(found[mask], expected, atol=1e-5)
    assert np.all(found[~mask] == 0)


def test_one_voxel_outside_is_enough() -> None:
    mask = np.ones((4, 5, 6), dtype=bool)
    mask[3, 0, 5] = False
    found = depth_map_mm(mask, Grid(mask.shape, (1.0, 2.0, 3.0), (0.0, 0.0, 0.0)))
    assert found[0, 4, 0] == pytest.approx(np.sqrt(5.0**2 + 8.0**2 + 9.0**2), rel=1e-6)
