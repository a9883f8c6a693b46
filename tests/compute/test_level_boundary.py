"""The boundary of a level: volume, distances and margin against balls, on awkward lattices."""

from __future__ import annotations

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.compute.cubic_lattice import cubic_lattice
from planner.compute.level_boundary import LevelBoundary, filled_from_nearest
from planner.compute.level_margin import level_margin
from planner.compute.margin import prepare_margin
from planner.model.geometry import Grid

CENTER = np.array([3.3, -2.1, 7.7])


def points_of(grid: Grid) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


def ball_level(grid: Grid, radius_mm: float, center: np.ndarray = CENTER) -> np.ndarray:
    """The signed distance to a ball, positive inside."""
    return (radius_mm - np.linalg.norm(points_of(grid) - center, axis=-1)).astype(np.float32)


def oblique(spacing: tuple[float, float, float], mirrored: bool = False) -> Grid:
    first = np.array([1.0, 0.4, -0.2]) / np.linalg.norm([1.0, 0.4, -0.2])
    second = np.cross([0.1, 0.2, 1.0], first)
    second /= np.linalg.norm(second)
    third = np.cross(first, second) * (-1.0 if mirrored else 1.0)
    axes = np.stack([first, second, third], axis=1)
    shape = tuple(int(np.ceil(46.0 / s)) for s in spacing[::-1])
    middle = 0.5 * axes @ (np.array(shape[::-1]) * np.array(spacing))
    x, y, z = (float(v) for v in CENTER - middle)
    return Grid(shape, spacing, (x, y, z), tuple(axes.ravel()))  # type: ignore[arg-type]


GRIDS = {
    "cubic": oblique((1.0, 1.0, 1.0)),
    "anisotropic": oblique((0.8, 1.1, 2.0)),
    "mirrored": oblique((1.2, 1.2, 1.2), mirrored=True),
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_ball(grid: Grid) -> None:
    radius = 14.0
    found = LevelBoundary.of(grid, ball_level(grid, radius), -1.0)
    # A level that is the distance is cut where it should be, but for the curve between voxels.
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.01)
    away = np.array([[0, 0, 0], [10, 0, 0], [0, 0, 13.5], [0, -16, 0], [12, 12, 12]], dtype=float)
    wanted = radius - np.linalg.norm(away, axis=1)
    assert found.signed_distance_mm(CENTER + away) == pytest.approx(wanted, abs=0.06)
    assert not found.reaches_edge
    # Normals point outwards: the volume is not negative, whatever the handedness.
    assert found.volume_ml > 0


def test_zone_at_the_border_is_closed() -> None:
    grid = GRIDS["cubic"]
    corner = points_of(grid)[0, 0, 0]
    found = LevelBoundary.of(grid, ball_level(grid, 12.0, corner), -1.0)
    assert found.reaches_edge
    # An eighth of a ball, and up to a voxel beyond its three cut faces.
    eighth, face = 4 / 3 * np.pi * 12.0**3 / 8000, np.pi * 12.0**2 / 4000
    assert eighth < found.volume_ml < eighth + 3 * face


@pytest.mark.parametrize("margin", [-3.0, 0.7, 5.0])
def test_margin_of_a_ball_in_a_ball(margin: float) -> None:
    spacing = (1.0, 1.0, 1.5)
    shape = (30, 40, 40)
    origin = tuple(float(c - 0.5 * (n - 1) * s) for c, n, s in zip(CENTER, shape[::-1], spacing, strict=True))
    near = Grid(shape, spacing, origin)  # type: ignore[arg-type]
    lesion = np.linalg.norm(points_of(near) - CENTER, axis=-1) <= 10.0
    prepared = prepare_margin(near, lesion)
    grid = GRIDS["cubic"]
    found = level_margin(prepared, LevelBoundary.of(grid, ball_level(grid, 10.0 + margin), -1.0))
    # Voxels of the mask say no better where the lesion ends.
    assert found.minimal.value_mm == pytest.approx(margin, abs=0.5)
    assert found.minimal.low_mm <= found.minimal.value_mm <= found.minimal.high_mm
    assert np.median(found.margins_mm) == pytest.approx(margin, abs=0.2)


def test_refusals() -> None:
    grid = GRIDS["cubic"]
    with pytest.raises(InvalidValue, match="No voxel"):
        LevelBoundary.of(grid, np.full(grid.shape, -1.0, dtype=np.float32))
    with pytest.raises(InvalidValue, match="finite"):
        LevelBoundary.of(grid, np.full(grid.shape, np.nan, dtype=np.float32))


def test_filling_takes_the_nearest_wall() -> None:
    values = np.zeros((3, 3, 9), dtype=np.float32)
    values[..., :3], values[..., 3:6], values[..., 6:] = 5.0, 99.0, 7.0
    hole = values == 99.0
    found = filled_from_nearest(values, hole)
    assert found[1, 1, 3] == 5.0
    assert found[1, 1, 5] == 7.0
    assert np.array_equal(found[~hole], values[~hole])
    assert filled_from_nearest(values, np.zeros_like(hole)) is values
    assert filled_from_nearest(values, np.ones_like(hole)) is values


def test_cubic_lattice_holds_its_points_and_borders() -> None:
    points = np.array([[0.0, 0, 0], [20, 5, -3], [40, 1, 1]])
    along = np.array([0.3, -0.8, 0.5]) / np.linalg.norm([0.3, -0.8, 0.5])
    grid = cubic_lattice(points, points[0], along, 1.3, np.array([10.0, 10.0, 2.0]), 1_000_000)
    ijk = grid.to_ijk(points[0])
    assert ijk == pytest.approx(np.rint(ijk), abs=1e-9)
    assert grid.axes[:, 2] == pytest.approx(along)
    for point, border in zip(points, (10.0, 10.0, 2.0), strict=True):
        for axis in grid.axes.T:
            assert grid.contains([point + border * axis, point - border * axis]).all()
    again = cubic_lattice(points, points[0], along, 1.3, np.array([10.0, 10.0, 2.0]), 1_000_000)
    assert again == grid
    with pytest.raises(InvalidValue, match="too large"):
        cubic_lattice(points, points[0], along, 0.1, 10.0, 1_000_000)
