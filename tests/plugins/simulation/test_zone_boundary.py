"""The boundary of a simulated zone: distances and volumes of shapes known in closed form; guards."""

from __future__ import annotations

import numpy as np
import pytest
from planner_plugins.thermal_ablation.simulation.covering import covered_percent
from planner_plugins.thermal_ablation.simulation.region import Region
from planner_plugins.thermal_ablation.simulation.vessel_bites import vessel_bites
from planner_plugins.thermal_ablation.simulation.vessels import Vessel
from planner_plugins.thermal_ablation.simulation.zone_boundary import CORE_MM, filled_level, zone_boundary

from planner.base.errors import InvalidValue
from planner.compute.level_margin import level_margin
from planner.compute.margin import prepare_margin
from planner.compute.spheroid import Spheroid
from planner.model.geometry import Grid

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
CENTER = np.array([0.3, -0.4, 0.1])


def grid_of(spacing: float, half_mm: float, direction: tuple[float, ...] = OBLIQUE) -> Grid:
    count = 2 * round(half_mm / spacing) + 1
    x, y, z = np.array(direction).reshape(3, 3) @ np.full(3, -(count // 2) * spacing)
    return Grid((count,) * 3, (spacing,) * 3, (x, y, z), direction)


def points_of(grid: Grid) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


def ball_level(grid: Grid, radius: float) -> np.ndarray:
    """A level whose zero surface is a ball, curved as damage is: the logarithm of a distance."""
    away = np.linalg.norm(points_of(grid) - CENTER, axis=-1)
    return np.clip(4.0 * np.log(radius / np.maximum(away, 1.0)), -2.0, 2.0).astype(np.float32)


@pytest.mark.parametrize("spacing", [0.5, 1.0, 2.0])
def test_distances_to_a_ball_are_finer_than_voxels(spacing: float) -> None:
    boundary = zone_boundary(*(lambda g: (g, ball_level(g, 12.0)))(grid_of(spacing, 20.0)))
    assert boundary.volume_ml == pytest.approx(4 / 3 * np.pi * 1.2**3, rel=0.02 * spacing)
    rng = np.random.default_rng(5)
    away = rng.normal(size=(400, 3))
    points = CENTER + away / np.linalg.norm(away, axis=1)[:, None] * rng.uniform(4.0, 25.0, size=(400, 1))
    exact = 12.0 - np.linalg.norm(points - CENTER, axis=1)
    assert np.abs(boundary.signed_distance_mm(points) - exact).max() < 0.1 * spacing


def test_the_distance_to_a_triangles_inside_edge_and_corner() -> None:
    """Points above a flat boundary: the distance is the height, whatever triangle lies below."""
    grid = grid_of(1.0, 8.0, tuple(np.eye(3).ravel()))
    level = np.clip(0.37 - points_of(grid)[..., 2], -2.0, 2.0).astype(np.float32)
    boundary = zone_boundary(grid, level)
    points = np.random.default_rng(2).uniform(-3.0, 3.0, size=(200, 3))
    assert boundary.signed_distance_mm(points) == pytest.approx(0.37 - points[:, 2], abs=1e-5)
    assert boundary.reaches_edge


def test_the_margin_of_offset_balls_is_the_closed_form() -> None:
    """H14: R_a - R_t - d, within half the interval given."""
    grid = grid_of(1.0, 20.0)
    boundary = zone_boundary(grid, ball_level(grid, 14.0))
    assert not boundary.reaches_edge
    near = Grid((21, 31, 31), (1.0, 1.0, 1.5), (-15.0, -15.0, -15.0))
    lesion = np.linalg.norm(points_of(near) - CENTER - (0.0, 0.0, 2.0), axis=-1) <= 8.0
    prepared = prepare_margin(near, lesion)
    found = level_margin(prepared, boundary)
    assert found.minimal.value_mm == pytest.approx(14.0 - 8.0 - 2.0, abs=0.4)
    assert found.minimal.low_mm <= 4.0 <= found.minimal.high_mm
    assert covered_percent(prepared, boundary.contains) == 100.0


def test_a_lesion_half_outside_is_half_covered() -> None:
    grid = grid_of(1.0, 16.0)
    level = np.clip(points_of(grid)[..., 0] - CENTER[0], -2.0, 2.0).astype(np.float32)
    near = Grid((25, 25, 25), (1.0, 1.0, 1.0), (-12.0, -12.0, -12.0))
    lesion = np.linalg.norm(points_of(near) - CENTER, axis=-1) <= 7.0
    boundary = zone_boundary(grid, level)
    prepared = prepare_margin(near, lesion)
    assert covered_percent(prepared, boundary.contains) == pytest.approx(50.0, abs=4.0)
    assert level_margin(prepared, boundary).minimal.value_mm == pytest.approx(-7.0, abs=0.4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_level_with_holes_in_it_is_refused(bad: float) -> None:
    grid = grid_of(1.0, 5.0)
    level = ball_level(grid, 3.0)
    level[2, 2, 2] = bad
    with pytest.raises(InvalidValue, match="finite"):
        zone_boundary(grid, level)


def test_no_zone_is_refused() -> None:
    grid = grid_of(1.0, 5.0)
    with pytest.raises(InvalidValue, match="No tissue"):
        zone_boundary(grid, np.full(grid.shape, -1.0, dtype=np.float32))


def test_blood_counts_as_the_tissue_at_its_wall() -> None:
    """A vessel within the zone does not cut it; one whose wall lives does."""
    grid = grid_of(1.0, 12.0)
    level = ball_level(grid, 9.0)
    away = points_of(grid) - CENTER
    blood = np.linalg.norm(away - (3.0, 0.0, 0.0), axis=-1) <= 2.0
    cut = level.copy()
    cut[blood] = -2.0
    filled = filled_level(grid, cut, blood)
    assert (filled[blood] > 0).all()
    alive = np.linalg.norm(away - (3.0, 0.0, 0.0), axis=-1) <= 3.5
    cut[alive] = -2.0
    assert (filled_level(grid, cut, blood)[blood] < 0).all()


def test_the_core_of_a_cooled_needle_dies_with_its_surroundings_alone() -> None:
    grid = grid_of(1.0, 14.0, tuple(np.eye(3).ravel()))
    away = np.linalg.norm(points_of(grid)[..., :2], axis=-1)
    level = np.where((away > 1.5) & (away < 8.0), 1.5, -1.5).astype(np.float32)
    needle = np.array([[[0.0, 0.0, -8.0], [0.0, 0.0, 8.0]]])
    none = np.zeros(grid.shape, dtype=bool)
    middle = grid.shape[0] // 2
    assert filled_level(grid, level, none, [needle])[middle, middle, middle] > 0
    assert filled_level(grid, level, none)[middle, middle, middle] < 0
    cold = np.full(grid.shape, -1.0, dtype=np.float32)
    assert (filled_level(grid, cold, none, [needle]) < 0).all()
    assert CORE_MM < 8.0


def test_a_bite_is_found_at_its_vessel() -> None:
    """A ball with a bite of 4 mm taken out beside one of two vessels."""
    grid = grid_of(1.0, 22.0)
    level = ball_level(grid, 15.0)
    away = points_of(grid) - CENTER
    biting = np.linalg.norm(away - (18.0, 0.0, 0.0), axis=-1)
    level = np.minimum(level, np.clip((biting - 7.0) / 2.0, -2.0, 2.0)).astype(np.float32)
    none = np.zeros(grid.shape, dtype=bool)
    vessels = (
        Vessel("vein", biting <= 4.0, 8.0),
        Vessel("far", np.linalg.norm(away - (-19.0, 0.0, 0.0), axis=-1) <= 2.0, 4.0),
    )
    region = Region(grid, none, none.copy(), vessels, 0.0, True)
    x, y, z = CENTER
    bites = vessel_bites(zone_boundary(grid, level), region, [Spheroid.sphere((x, y, z), 15.0)])
    assert [b.vessel for b in bites] == ["vein"]
    assert bites[0].short_mm == pytest.approx(4.0, abs=0.3)
    assert bites[0].elsewhere_mm == pytest.approx(0.0, abs=0.1)
    assert bites[0].place_lps_mm == pytest.approx(CENTER + (11.0, 0.0, 0.0), abs=1.5)
