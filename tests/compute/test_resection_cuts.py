"""Volumes on one side of planes and patches, from runs of voxels: case H16, and sums that add up."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from planner.base.errors import InvalidValue
from planner.compute.class_runs import ClassRuns, RowIntervals
from planner.compute.patch_surface import PatchSurface
from planner.model.geometry import Grid

TURNED = np.linalg.qr(np.array([[1.0, 0.2, -0.1], [-0.25, 1.0, 0.3], [0.1, -0.2, 1.0]]))[0]


STRAIGHT = np.eye(3)


def ellipsoid(spacing=(1.0, 1.0, 1.0), direction=STRAIGHT) -> tuple[Grid, np.ndarray]:
    """Half axes 90, 70, 60 mm about the origin, whole class 0 and nothing else."""
    shape = tuple(int(np.ceil(s / d)) for s, d in zip((190, 190, 190), spacing[::-1], strict=True))
    middle = 0.5 * (np.array(shape[::-1]) - 1) * np.array(spacing)
    origin = np.array((0.31, 0.17, 0.43)) - direction @ middle
    grid = Grid(shape, spacing, tuple(origin), tuple(direction.ravel()))
    k, j, i = np.indices(shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1).astype(float))
    return grid, np.where(((points / (90.0, 70.0, 60.0)) ** 2).sum(axis=-1) <= 1.0, 0, -1).astype(np.int32)


PLANES = [
    ((1, 0, 0), 30.0, 0.25925926),
    ((1, 0, 0), -20.0, 0.66392318),
    (np.array((1, 1, 0)) / np.sqrt(2), 30.0, 0.23380238),
    (np.array((1, 2, 2)) / 3.0, 25.0, 0.23806385),
]


@pytest.mark.parametrize(
    ("normal", "offset", "share", "axis"),
    [(*plane, a) for plane in PLANES for a in range(3) if abs(np.array(plane[0])[a]) > 0.3],
)
def test_h16_planes_cut_an_ellipsoid(normal, offset: float, share: float, axis: int) -> None:
    grid, codes = ellipsoid()
    runs = ClassRuns.of(grid, codes, axis, 1)
    assert runs.volumes_ml[0] == pytest.approx(1583.3627, rel=1e-3)
    taken = runs.taken_ml(runs.beyond_plane(np.array(normal) * offset, np.array(normal, float)))[0]
    assert taken == pytest.approx(share * 1583.3627, rel=1e-3)
    kept = runs.taken_ml(runs.beyond_plane(np.array(normal) * offset, -np.array(normal, float)))[0]
    assert taken + kept == pytest.approx(runs.volumes_ml[0], rel=1e-12), "both sides make the whole"


@pytest.mark.parametrize(
    ("spacing", "direction"),
    [((0.7, 0.7, 1.5), np.eye(3)), ((0.8, 1.1, 2.5), TURNED), ((3.0, 1.0, 1.0), TURNED)],
)
def test_h16_on_awkward_grids(spacing, direction) -> None:
    grid, codes = ellipsoid(spacing, direction)
    for normal, offset, share in PLANES:
        n = np.array(normal, float)
        runs = ClassRuns.of(grid, codes, int(np.argmax(np.abs(grid.axes.T @ n))), 1)
        taken = runs.taken_ml(runs.beyond_plane(n * offset, n))[0]
        assert taken == pytest.approx(share * 1583.3627, rel=4e-3)


def flat_net(normal, offset: float, half: float = 60.0, count: int = 4) -> np.ndarray:
    n = np.array(normal, float)
    one = np.cross(n, np.eye(3)[int(np.argmin(np.abs(n)))])
    one /= np.linalg.norm(one)
    two = np.cross(n, one)
    at = np.linspace(-half, half, count)
    return n * offset + at[:, None, None] * one + at[None, :, None] * two


@pytest.mark.parametrize(("normal", "offset", "share"), PLANES)
@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_a_flat_patch_is_a_plane(normal, offset: float, share: float, count: int) -> None:
    grid, codes = ellipsoid()
    n = np.array(normal, float)
    surface = PatchSurface.through(flat_net(n, offset, 30.0, count), 200.0)
    assert surface.normal_lps == pytest.approx(n)
    runs = ClassRuns.of(grid, codes, int(np.argmax(np.abs(n))), 1)
    by_plane = runs.taken_ml(runs.beyond_plane(n * offset, n))[0]
    assert runs.taken_ml(surface.beyond(runs))[0] == pytest.approx(by_plane, rel=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_below_a_wavy_patch_lies_the_integral_of_its_spline(axis: int) -> None:
    """A box, and a patch over its whole face: the volume is the integral of the natural splines."""
    grid = Grid((60, 60, 60), (1.0, 1.0, 1.0), (0.5, 0.5, 0.5))
    at = np.linspace(-5.0, 65.0, 6)
    heights = 30.0 + 12.0 * np.random.default_rng(3).uniform(-1, 1, (6, 6))
    net = np.zeros((6, 6, 3))
    u, v = ((1, 2), (2, 0), (0, 1))[axis]
    net[..., u], net[..., v], net[..., axis] = at[:, None], at[None, :], heights
    surface = PatchSurface.through(net, 50.0)
    assert surface.normal_lps[axis] > 0.9
    runs = ClassRuns.of(grid, np.zeros(grid.shape, np.int32), axis, 1)
    above = runs.taken_ml(surface.beyond(runs))[0]
    spline = CubicSpline(at, heights, bc_type="natural")
    inner = np.array([CubicSpline(at, row, bc_type="natural").integrate(0.0, 60.0) for row in spline(at)])
    below = float(CubicSpline(at, inner, bc_type="natural").integrate(0.0, 60.0)) / 1000.0
    assert 216.0 - above == pytest.approx(below, rel=2e-3), "triangles stand for the spline"
    # Rows across the surface's mean direction agree: they meet it steeply, some several times.
    across = ClassRuns.of(grid, np.zeros(grid.shape, np.int32), u, 1)
    assert across.taken_ml(surface.beyond(across))[0] == pytest.approx(above, rel=1e-3)


def test_the_sides_of_points_agree_with_the_rows() -> None:
    net = flat_net((0.6, 0.64, 0.48), 10.0, 50.0, 5)
    net += 8.0 * np.random.default_rng(1).uniform(-1, 1, (5, 5, 1)) * np.array((0.6, 0.64, 0.48))
    surface = PatchSurface.through(net, 150.0)
    grid, codes = ellipsoid((2.0, 2.0, 2.0))
    runs = ClassRuns.of(grid, codes, 1, 1)
    k, j, i = np.nonzero(codes == 0)
    inside = surface.height_mm(grid.to_lps(np.stack([i, j, k], axis=1).astype(float))) > 0
    by_points = inside.sum() * grid.voxel_volume_ml
    assert runs.taken_ml(surface.beyond(runs))[0] == pytest.approx(by_points, rel=2e-3)
    assert float(np.abs(surface.height_mm(surface.inner_points_lps_mm.reshape(-1, 3))).max()) < 1e-9


def test_classes_and_unions_add_up() -> None:
    grid = Grid((21, 30, 17), (1.3, 0.7, 2.1), (3.0, -4.0, 5.0), tuple(TURNED.ravel()))
    codes = np.random.default_rng(0).integers(-1, 5, grid.shape).astype(np.int32)
    rng = np.random.default_rng(7)
    center = grid.center_lps_mm
    for axis in range(3):
        runs = ClassRuns.of(grid, codes, axis, 5)
        counts = np.bincount(codes[codes >= 0], minlength=5) * grid.voxel_volume_ml
        assert runs.volumes_ml == pytest.approx(counts)
        for _ in range(5):
            normals = rng.normal(size=(2, 3))
            normals /= np.linalg.norm(normals, axis=1, keepdims=True)
            one, two = (runs.beyond_plane(np.array(center), n) for n in normals)
            both = runs.taken_ml(RowIntervals.union([one, two]))
            left = runs.taken_ml(one) + runs.taken_ml(two)
            assert (both <= left + 1e-9).all()
            assert (both >= np.maximum(runs.taken_ml(one), runs.taken_ml(two)) - 1e-9).all()
        chosen = np.array([True, False, True, False, False])
        whole = runs.taken_ml(runs.of_classes(chosen))
        assert whole == pytest.approx(np.where(chosen, counts, 0.0))
        assert runs.taken_ml(RowIntervals.none(runs.rows)).sum() == 0.0
        everything = RowIntervals.union([runs.of_classes(chosen), runs.of_classes(~chosen)])
        assert runs.taken_ml(everything) == pytest.approx(counts)


def test_guards() -> None:
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    with pytest.raises(InvalidValue, match="their shape"):
        ClassRuns.of(grid, np.zeros((3, 4, 4), np.int32), 0, 1)
    with pytest.raises(InvalidValue, match="out of range"):
        ClassRuns.of(grid, np.full(grid.shape, 2, np.int32), 0, 2)
    net = flat_net((0, 0, 1), 0.0, 30.0, 4)
    net[1], net[2] = net[2].copy(), net[1].copy()
    with pytest.raises(InvalidValue, match="folds"):
        PatchSurface.through(net, 100.0)
    with pytest.raises(InvalidValue, match="no surface"):
        PatchSurface.through(np.zeros((3, 3, 3)), 100.0)
