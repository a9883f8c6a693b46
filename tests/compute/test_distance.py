"""How near paths and zones come to a structure, against balls and plates."""

from __future__ import annotations

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.compute.distance import ClearanceField, StructureSurface, length_inside_mm, region_around
from planner.compute.spheroid import Spheroid
from planner.model.geometry import Grid

from ..verification.margin_shapes import Ellipsoid, lattice_around, rotation, voxels


@pytest.fixture(params=[(1.0, 1.0, 1.0), (0.7, 0.7, 2.5)])
def ball(request: pytest.FixtureRequest) -> tuple[Grid, np.ndarray]:
    """A ball of radius 8 at (5, 0, 0) on an oblique grid with room around it."""
    rng = np.random.default_rng(3)
    spacing = np.array(request.param)
    room = Ellipsoid(np.array([5.0, 0, 0]), np.full(3, 45.0), np.eye(3))
    grid = lattice_around(room.surface(200), spacing, rotation(rng), rng)
    return grid, voxels(Ellipsoid(np.array([5.0, 0, 0]), np.full(3, 8.0), np.eye(3)), grid)


def test_path_beside_a_ball(ball: tuple[Grid, np.ndarray]) -> None:
    surface = StructureSurface.from_mask(*ball)
    for height in (9.0, 15.0, 25.0):
        near = surface.to_segment((-30, height, 0), (30, height, 0))
        assert abs(near.distance_mm - (height - 8)) <= near.error_mm + 0.05
        assert near.place_lps_mm is not None
        assert near.from_lps_mm is not None
        gap = np.linalg.norm(np.subtract(near.place_lps_mm, near.from_lps_mm))
        assert gap == pytest.approx(near.distance_mm, abs=1e-9)
    end = surface.to_segment((30, 0, 0), (20, 0, 0))
    assert abs(end.distance_mm - 7) <= end.error_mm + 0.05
    point = surface.to_segment((20, 0, 0), (20, 0, 0))
    assert point.distance_mm == pytest.approx(end.distance_mm)


def test_path_through_a_ball(ball: tuple[Grid, np.ndarray]) -> None:
    entry = StructureSurface.from_mask(*ball).to_segment((-30, 0, 0), (40, 0, 0))
    assert entry.distance_mm == 0
    assert entry.place_lps_mm == pytest.approx((-3, 0, 0), abs=2.0)
    assert length_inside_mm(*ball, (-30, 0, 0), (40, 0, 0)) == pytest.approx(16, abs=1.5)
    assert length_inside_mm(*ball, (-30, 20, 0), (40, 20, 0)) == 0


def test_zones_near_a_ball(ball: tuple[Grid, np.ndarray]) -> None:
    surface = StructureSurface.from_mask(*ball)
    for middle in (25.0, 15.0):
        near = surface.to_zones(
            [Spheroid.sphere((5, 0, middle), 10), Spheroid.sphere((5, 0, middle + 5), 10)]
        )
        assert abs(near.distance_mm - (middle - 18)) <= near.error_mm + 0.1
    swallowed = surface.to_zones([Spheroid.sphere((5, 0, 0), 3)])
    assert swallowed.distance_mm <= -3


def test_region_cuts_no_surface(ball: tuple[Grid, np.ndarray]) -> None:
    grid, mask = ball
    region = region_around(grid, [(-2, 0, 0), (6, 0, 0)], 5.0)
    part = StructureSurface.from_mask(grid, mask, region)
    away = np.linalg.norm(part.points_lps_mm - [5, 0, 0], axis=1)
    assert np.abs(away - 8).max() < 2.0  # no point where the region cuts the ball
    empty = StructureSurface.from_mask(grid, np.zeros_like(mask))
    assert empty.to_segment((0, 0, 0), (1, 0, 0)).distance_mm == float("inf")
    assert empty.to_zones([Spheroid.sphere((0, 0, 0), 5)]).place_lps_mm is None


def test_clearance_field(ball: tuple[Grid, np.ndarray]) -> None:
    grid, mask = ball
    region = region_around(grid, [(-30, 15, 0), (30, 15, 0)], 2.0)
    field = ClearanceField.from_mask(grid, mask, region)
    assert field.quarter_mm.dtype == np.uint8
    near = field.along((-30, 15, 0), (30, 15, 0))
    assert near.distance_mm == pytest.approx(7, abs=max(grid.spacing_mm) / 2 + 0.6)
    assert near.place_lps_mm is not None
    assert near.place_lps_mm[0] == pytest.approx(5, abs=4)  # flat to a quarter millimetre
    assert field.along((-30, 80, 0), (30, 80, 0)).distance_mm == float("inf")
    assert ClearanceField.from_mask(grid, mask).along((-30, 0, 0), (30, 0, 0)).distance_mm == 0
    with pytest.raises(InvalidValue):
        ClearanceField.from_mask(grid, mask, reach_mm=100)
    with pytest.raises(InvalidValue):
        StructureSurface.from_mask(grid, mask[1:])
