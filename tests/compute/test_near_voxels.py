"""Voxels near others, and faces between voxels, against trying every pair."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from planner.compute.clearance import BoundaryPoints
from planner.compute.near_voxels import near_voxels
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
@pytest.mark.parametrize("within_mm", [0.3, 1.85, 3.0])
def test_near_voxels_are_those_within_the_distance(
    spacing: tuple[float, float, float], within_mm: float
) -> None:
    mask, _ = case(2, spacing)
    cores = np.zeros_like(mask)
    cores[0, 0, 0] = cores[3, 4, 5] = cores[-1, -1, -1] = True
    found = near_voxels(mask, cores, spacing, within_mm)
    away = cdist(places(mask, spacing), places(cores, spacing)).min(axis=1)
    assert np.array_equal(found[mask], away <= within_mm + 1e-6)
    assert not found[~mask].any()


def test_without_cores_nothing_is_near() -> None:
    mask = np.ones((3, 3, 3), dtype=bool)
    assert not near_voxels(mask, ~mask, (1.0, 1.0, 1.0), 5.0).any()


def test_boundary_points_are_the_middles_of_faces_between_voxels_that_differ() -> None:
    turned = (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    mask, _ = case(3, SPACINGS[1])
    grid = Grid(mask.shape, SPACINGS[1], (4.0, 5.0, 6.0), turned)
    expected = []
    for axis in range(3):
        ahead = np.roll(mask, -1, axis)
        differs = mask != ahead
        differs[tuple(-1 if a == axis else slice(None) for a in range(3))] = False  # the grid ends there
        kji = np.argwhere(differs).astype(float)
        kji[:, axis] += 0.5
        expected.append(grid.to_lps(kji[:, ::-1]))
    wanted = BoundaryPoints.of_points(np.concatenate(expected))
    found = BoundaryPoints.of_mask(mask, grid)
    assert np.array_equal(found.points_lps_mm, wanted.points_lps_mm)
    assert (
        len(BoundaryPoints.of_mask(np.ones((2, 2, 2), dtype=bool), Grid((2, 2, 2), (1.0,) * 3, (0.0,) * 3)))
        == 0
    )
