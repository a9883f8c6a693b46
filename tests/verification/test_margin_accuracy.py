"""The margin of spheres and ellipsoids with every kind of voxel, against their closed surfaces."""

from __future__ import annotations

import numpy as np
import pytest

from planner.compute.lesion_outline import outline_lesion
from planner.compute.margin import evaluate_outline, prepare_margin
from planner.compute.zone_union import union_distance_mm

from .margin_shapes import Ellipsoid, lattice_around, rotation, voxels, zones_around

#: Worst error allowed, with the slices' spacing (the issue's figures).
CASES = [((1.0, 1.0, 1.0), 0.4), ((0.8, 0.8, 3.0), 0.5), ((0.7, 0.7, 5.0), 0.5), ((0.6, 0.6, 5.0), 0.5)]


def shapes(rng: np.random.Generator, slices_mm: float, count: int) -> list[Ellipsoid]:
    """Spheres and ellipsoids of radius 5 to 30 mm spanning at least four slices along any axis."""
    found: list[Ellipsoid] = []
    while len(found) < count:
        if len(found) % 2:
            radii = np.full(3, rng.uniform(5, 30) if len(found) % 8 else 5.0)
        else:
            radii = rng.uniform(5, 18, 3)
        if radii.min() >= 5:
            found.append(Ellipsoid(rng.uniform(-4, 4, 3), radii, rotation(rng)))
    return found


@pytest.mark.parametrize(("spacing", "bound_mm"), CASES)
@pytest.mark.parametrize("oblique", [False, True])
def test_worst_error_over_spheres_and_ellipsoids(
    spacing: tuple[float, float, float], bound_mm: float, oblique: bool
) -> None:
    rng = np.random.default_rng([int(spacing[2] * 10), int(spacing[0] * 10), oblique])
    errors = []
    for lesion in shapes(rng, spacing[2], 10):
        surface = lesion.surface(12000)
        axes = rotation(rng) if oblique else np.eye(3)
        grid = lattice_around(surface, np.array(spacing), axes, rng)
        mask = voxels(lesion, grid)
        if np.count_nonzero(mask.any(axis=(1, 2))) < 4:
            continue
        outline = outline_lesion(mask, grid)
        for _ in range(3):
            zones = zones_around(surface, rng)
            truth = union_distance_mm(surface, zones).min()
            minimal = evaluate_outline(outline, zones)
            errors.append(minimal.value_mm - truth)
            assert minimal.low_mm <= minimal.value_mm <= minimal.high_mm
    print(f"{spacing} oblique={oblique}: {len(errors)} margins, {min(errors):+.2f} .. {max(errors):+.2f} mm")
    assert len(errors) >= 15
    assert np.abs(errors).max() <= bound_mm


@pytest.mark.parametrize(("spacing", "bound_mm"), CASES)
def test_volume_and_area_of_ellipsoids(spacing: tuple[float, float, float], bound_mm: float) -> None:
    rng = np.random.default_rng(5)
    lesion = Ellipsoid(np.zeros(3), np.array([11.0, 14.0, 17.0]), rotation(rng))
    grid = lattice_around(lesion.surface(2000), np.array(spacing), rotation(rng), rng)
    prepared = prepare_margin(grid, voxels(lesion, grid))
    volume_ml = 4 / 3 * np.pi * 11 * 14 * 17 / 1000
    assert prepared.lesion_volume_ml == pytest.approx(volume_ml, rel=0.02)
    p = 1.6075  # Thomsen's approximation, within 1 %
    a, b, c = 11.0**p, 14.0**p, 17.0**p
    area = 4 * np.pi * ((a * b + a * c + b * c) / 3) ** (1 / p)
    assert prepared.outline.samples.total_area_mm2 == pytest.approx(area, rel=0.03)
