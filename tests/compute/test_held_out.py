"""What a local registration says of its own error, against deformations that are known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from two_scans import LIVER_CENTER, Array, lattice, liver_mask, liver_points, scan

from planner.compute.held_out import MOST_HOLE_MM, WIDER, asked_blocks, held_out_error, hole_mm, is_held_out
from planner.compute.local_deformation import register_local
from planner.compute.registration import rigid_of_landmarks
from planner.compute.tissue_texture import TissueTexture
from planner.model.displacement import DisplacementField
from planner.model.geometry import Grid
from planner.model.image import Image
from planner.model.registration import RMS_OF_90, Registration

BEFORE = lattice((50, 84, 104), (2.9, 2.9, 3.2))
AFTER = lattice((56, 90, 90), (3.1, 3.1, 3.3), (6, -4, 10))
TARGETS = liver_points(12.0)


def smooth_deformation(seed: int, most_mm: float, targets: Array = TARGETS) -> DisplacementField:
    """Eight smooth bumps at random places of a liver (n, 3); 95 % of it moves less than asked."""
    rng = np.random.default_rng(seed)
    low, high = targets.min(axis=0) - 100.0, targets.max(axis=0) + 100.0
    columns, rows, slices = (int(n) for n in np.ceil((high - low) / 6.0) + 1)
    x, y, z = (float(v) for v in low)
    grid = Grid((slices, rows, columns), (6.0, 6.0, 6.0), (x, y, z))
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    total = np.zeros(points.shape)
    for _ in range(8):
        center, reach = targets[rng.integers(len(targets))], rng.uniform(45.0, 95.0)
        away = np.linalg.norm(points - center, axis=-1)
        way = rng.normal(size=3)
        bump = np.cos(np.pi * np.minimum(away, reach) / (2 * reach)) ** 2
        total += bump[..., None] * way / np.linalg.norm(way) * rng.uniform(0.3, 1.0)
    i, j, k = np.rint(grid.to_ijk(targets)).astype(int).T
    return DisplacementField(
        grid, total * most_mm / np.percentile(np.linalg.norm(total[k, j, i], axis=1), 95)
    )


def deformed(pre: Image, seed: int, most_mm: float, noise_hu: float) -> tuple[Registration, Array]:
    """The registration found, and how far it is off at places all over the liver."""
    true = Registration("pre", "post", np.eye(4), smooth_deformation(seed, most_mm))
    post = scan("post", AFTER, true, noise_hu=noise_hu)
    there = true.map_points(TARGETS)
    start = Registration("pre", "post", rigid_of_landmarks(TARGETS, there))
    found = register_local(pre, post, start, liver_mask(BEFORE))
    return found, np.linalg.norm(found.map_points(TARGETS) - there, axis=1)


@pytest.fixture(scope="module")
def pre() -> Image:
    return scan("pre", BEFORE)


@pytest.mark.parametrize(("seed", "most_mm", "noise_hu"), [(0, 6.0, 12.0), (1, 3.0, 18.0)])
def test_nine_in_ten_places_are_no_further_off_than_is_said(
    pre: Image, seed: int, most_mm: float, noise_hu: float
) -> None:
    found, off = deformed(pre, seed, most_mm, noise_hu)
    true = float(np.percentile(off, 90))
    print(f"said {found.within_90_mm:.2f}, true {true:.2f} mm")
    assert found.within_90_mm is not None
    assert true <= found.within_90_mm <= 2.5 * true
    assert found.error_mm == pytest.approx(found.within_90_mm / RMS_OF_90)
    assert "held out of the fit" in found.error_basis
    assert found.unjudged.error_mm == found.error_mm


# the parts -----------------------------------------------------------------------------------------


def shifted_textures(shift: Array, noise: float, seed: int) -> tuple[TissueTexture, TissueTexture]:
    """Two textures of one smooth pattern, the second shifted, each with noise of its own."""
    grid = lattice((50, 50, 50), (2.0, 2.0, 2.0), middle=tuple(LIVER_CENTER))
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    rng = np.random.default_rng(seed)
    waves = rng.normal(size=(30, 3))
    waves *= (2 * np.pi / rng.uniform(12.0, 30.0, 30) / np.linalg.norm(waves, axis=1))[:, None]
    phases = rng.uniform(0, 2 * np.pi, 30)

    def pattern(at: Array) -> Array:
        return np.cos(at @ waves.T + phases).sum(axis=1) / np.sqrt(15.0)

    values = [pattern(points), pattern(points - shift)]
    one, two = (
        TissueTexture(grid, (v + rng.normal(0, noise, len(v))).reshape(grid.shape).astype(np.float32))
        for v in values
    )
    return one, two


#: Points of the pattern, away from its border.
CUBE = LIVER_CENTER + np.stack(
    np.meshgrid(*[np.arange(-33.0, 34.0, 2.0)] * 3, indexing="ij"), axis=-1
).reshape(-1, 3)


def test_a_shift_is_measured_and_noise_is_told_from_it() -> None:
    registration = Registration("a", "b", np.eye(4))
    clear = asked_blocks(
        registration, *shifted_textures(np.array([0.7, -0.6, 0.8]), 0.05, 0), CUBE, has_noise=True
    )
    assert len(clear.squares_mm2) > 30
    assert clear.squares_mm2.mean() == pytest.approx(1.49, rel=0.15)
    assert clear.noise_mm2.mean() < 0.05
    noisy = asked_blocks(registration, *shifted_textures(np.zeros(3), 0.5, 1), CUBE, has_noise=True)
    doubt = noisy.squares_mm2.std() / np.sqrt(len(noisy.squares_mm2))
    # Nothing is shifted: all that blocks move is noise, and the halves know it to a third of it.
    assert noisy.squares_mm2.mean() == pytest.approx(noisy.noise_mm2.mean(), rel=0.35, abs=3 * doubt)
    assert noisy.squares_mm2.mean() > 0.02, "a block's own noise, as large as an error that matters"


def test_the_error_is_the_larger_of_held_out_and_fitted_tissue() -> None:
    one, two = shifted_textures(np.array([0.7, -0.6, 0.8]), 0.05, 0)
    right = np.eye(4)
    right[:3, 3] = (0.7, -0.6, 0.8)
    wrong, found = Registration("a", "b", np.eye(4)), Registration("a", "b", right)
    held = is_held_out(CUBE, 24.0)
    good = held_out_error(found, found, one, two, CUBE, held)
    by_fit = held_out_error(wrong, found, one, two, CUBE, held)
    by_held = held_out_error(found, wrong, one, two, CUBE, held)
    assert good.within_90_mm is not None
    assert good.within_90_mm < 0.4
    for each in (by_fit, by_held):
        assert each.error_mm == pytest.approx(WIDER * np.sqrt(1.49), rel=0.1)
        assert each.within_90_mm == pytest.approx(RMS_OF_90 * each.error_mm)
        assert "held out of the fit" in each.error_basis


def test_a_fifth_is_held_out_in_whole_pieces_always_the_same() -> None:
    points = np.random.default_rng(2).uniform(-80, 80, (20_000, 3))
    held = is_held_out(points, 30.0)
    assert 0.15 < held.mean() <= 0.2
    assert np.array_equal(held, is_held_out(points, 30.0))
    low = points.min(axis=0)
    cells = np.floor((points - low) / 30.0)
    inside = {tuple(c) for c in cells[held]}
    assert all(tuple(c) not in inside for c in cells[~held])
    assert not is_held_out(points[:50] * 0.01, 30.0).any(), "one piece cannot be left out of itself"


def test_holes_are_as_large_as_what_was_treated() -> None:
    grid = Grid((60, 60, 60), (1.0, 1.0, 1.5), (0.0, 0.0, 0.0))
    mask = np.zeros(grid.shape, dtype=bool)
    assert hole_mm(None, grid) == 24.0
    mask[:20, :30, :30] = True  # 30 mm cubed
    assert hole_mm(mask, grid) == pytest.approx(30.0)
    mask[:] = True
    assert hole_mm(mask, grid) == MOST_HOLE_MM


def test_tissue_without_structure_says_nothing() -> None:
    grid = lattice((50, 50, 50), (2.0, 2.0, 2.0), middle=tuple(LIVER_CENTER))
    flat = TissueTexture(grid, np.zeros(grid.shape, dtype=np.float32))
    registration = Registration("a", "b", np.eye(4), error_mm=0.3, error_basis="earlier")
    for held in (is_held_out(CUBE, 24.0), np.zeros(len(CUBE), dtype=bool)):
        found = held_out_error(registration, registration, flat, flat, CUBE, held)
        assert found.error_mm is None
        assert found.estimate is None
        assert "mark landmarks" in found.notes[-1]
