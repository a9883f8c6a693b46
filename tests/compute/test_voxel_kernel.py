"""Point and voxel kernels: closed forms of a Gaussian, the reference sheet's shares, limits and guards."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import erf

import planner.compute.voxel_kernel as module
from planner.base.errors import InvalidValue
from planner.compute.voxel_kernel import PointKernel, VoxelKernel, voxel_kernel
from planner.planning.y90_kernel import y90_point_kernel, y90_voxel_kernel

SPACINGS = [(2.0, 2.0, 2.0), (0.7, 0.7, 1.25), (1.0, 1.0, 5.0), (4.8, 4.0, 3.0), (0.8, 0.9, 10.0)]


def gaussian(sigma: float) -> PointKernel:
    rows = np.arange(1, 601) * (0.01 * sigma)
    x = rows / (math.sqrt(2.0) * sigma)
    return PointKernel(rows, erf(x) - 2.0 / math.sqrt(math.pi) * x * np.exp(-x * x))


def gaussian_shares(sigma: float, size: float, count: int) -> np.ndarray:
    """Share of a voxel n voxels away along one axis: a second difference of the integral of the error function."""

    def twice_integrated(x: np.ndarray) -> np.ndarray:
        cumulative = 0.5 * (1.0 + erf(x / (sigma * math.sqrt(2.0))))
        return x * cumulative + sigma / math.sqrt(2 * math.pi) * np.exp(-0.5 * (x / sigma) ** 2)

    n = np.arange(count) * size
    return (twice_integrated(n + size) - 2 * twice_integrated(n) + twice_integrated(n - size)) / size


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_a_gaussian_parts_into_its_axes(spacing: tuple[float, float, float], sigma: float) -> None:
    found = voxel_kernel(gaussian(sigma), spacing).octant
    i, j, k = (gaussian_shares(sigma, h, n) for h, n in zip(spacing, found.shape[::-1], strict=True))
    truth = k[:, None, None] * j[:, None] * i
    assert np.abs(found - truth).max() < 5e-6  # measured 1.2e-6


#: C2.5 of the reference sheet: self, face, edge, corner, two away along an axis; by Monte Carlo, which
#: leaves about 0.0011 on the self share and 0.0002 on the others.
SHEET = {
    2.0: (0.1975, 0.0389, 0.0163, 0.0091, 0.0057),
    3.0: (0.2899, 0.0513, 0.0184, 0.0085, 0.0041),
    4.0: (0.3720, 0.0577, 0.0167, 0.0059, 0.0019),
    5.0: (0.4447, 0.0593, 0.0135, 0.0036, 0.0007),
}


@pytest.mark.parametrize("size", SHEET)
def test_absorbed_fractions_of_the_reference_sheet(size: float) -> None:
    shares = y90_voxel_kernel((size, size, size), 1.0).octant
    found = [shares[place] for place in ((0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1), (0, 0, 2))]
    assert found[0] == pytest.approx(SHEET[size][0], abs=0.0011)
    assert found[1:] == pytest.approx(SHEET[size][1:], abs=0.0002)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_the_quadrature_has_converged(
    spacing: tuple[float, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    coarse = voxel_kernel(y90_point_kernel(), spacing).octant
    monkeypatch.setattr(module, "STEP_MM", 0.4)
    monkeypatch.setattr(module, "FINE_MM", 0.4)
    monkeypatch.setattr(module, "HALVINGS", 17)
    fine = voxel_kernel(y90_point_kernel(), spacing).octant
    assert np.abs(coarse - fine).max() < 1e-5  # measured 5e-6


@pytest.mark.parametrize("spacing", [*SPACINGS, (40.0, 40.0, 40.0), (1.0, 60.0, 1.0)])
def test_all_energy_is_somewhere_and_each_side_alike(spacing: tuple[float, float, float]) -> None:
    kernel = voxel_kernel(y90_point_kernel(), spacing)
    full = kernel.full
    assert full.sum() == pytest.approx(1.0, abs=1e-13)
    assert full.shape == tuple(2 * n + 1 for n in kernel.reach)
    for axis in range(3):
        assert np.array_equal(full, np.flip(full, axis))


def test_a_voxel_larger_than_the_range_keeps_nearly_all() -> None:
    # A slab of width h keeps 1 - <r> / 2h of it, as the projected range is <r> / 2 on average.
    mean = y90_point_kernel().moment_mm(1)
    kernel = voxel_kernel(y90_point_kernel(), (400.0, 400.0, 400.0)).octant
    assert 1 - kernel[0, 0, 0] == pytest.approx(3 * mean / 2 / 400.0, rel=0.01)


def test_axes_follow_the_spacing() -> None:
    shares = voxel_kernel(y90_point_kernel(), (1.0, 2.0, 4.0)).octant
    turned = voxel_kernel(y90_point_kernel(), (4.0, 2.0, 1.0)).octant
    assert shares.shape[0] < shares.shape[1] < shares.shape[2]
    assert np.abs(shares - turned.transpose(2, 1, 0)).max() < 1e-12


def test_a_denser_medium_shortens_every_range() -> None:
    water, dense = y90_point_kernel(), y90_point_kernel().in_density(2.0)
    assert dense.moment_mm(1) == pytest.approx(water.moment_mm(1) / 2, rel=1e-12)
    twice = voxel_kernel(water, (4.0, 3.0, 2.0)).octant
    assert np.abs(voxel_kernel(dense, (2.0, 1.5, 1.0)).octant - twice).max() < 1e-5


def test_the_table_is_that_of_the_reference_sheet() -> None:
    point = y90_point_kernel()
    assert point.moment_mm(1) == pytest.approx(2.6313, abs=5e-5)
    assert point.moment_mm(3) == pytest.approx(48.166, abs=0.003)  # the sheet's sum over the same rows
    for share, radius in ((0.5, 2.35), (0.9, 5.25), (0.95, 6.03), (0.99, 7.31)):
        assert float(point.share_within(radius)) == pytest.approx(share, abs=0.002)
    within = (0.223, 0.433, 0.617, 0.768, 0.879, 0.949, 0.984, 0.997)
    assert point.share_within(np.arange(1, 9)) == pytest.approx(within, abs=6e-4)
    assert point.share_within([0.0, point.reach_mm, 99.0]).tolist() == [0.0, 1.0, 1.0]


def test_rows_beyond_the_last_energy_are_left_out_and_the_rest_made_one() -> None:
    point = PointKernel(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.4, 0.8, 0.8, 0.8]))
    assert point.reach_mm == 2.0
    assert point.shares.tolist() == [0.0, 0.5, 1.0]
    assert not point.shares.flags.writeable


@pytest.mark.parametrize(
    ("radii", "shares"),
    [
        ([1.0, 1.0], [0.5, 1.0]),
        ([0.0, 1.0], [0.5, 1.0]),
        ([1.0, 2.0], [0.8, 0.5]),
        ([1.0, 2.0], [0.0, 0.0]),
        ([1.0, 2.0], [-0.1, 1.0]),
        ([1.0, math.nan], [0.5, 1.0]),
        ([1.0], [1.0]),
        ([1.0, 2.0, 3.0], [0.5, 1.0]),
    ],
)
def test_what_is_no_point_kernel(radii: list[float], shares: list[float]) -> None:
    with pytest.raises(InvalidValue):
        PointKernel(np.array(radii), np.array(shares))


@pytest.mark.parametrize("density", [0.0, -1.0, math.nan, math.inf])
def test_a_medium_has_a_density(density: float) -> None:
    with pytest.raises(InvalidValue):
        y90_point_kernel().in_density(density)


@pytest.mark.parametrize("spacing", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, math.nan)])
def test_spacing_is_positive(spacing: tuple[float, float, float]) -> None:
    with pytest.raises(InvalidValue):
        voxel_kernel(y90_point_kernel(), spacing)


def test_what_is_no_voxel_kernel() -> None:
    with pytest.raises(InvalidValue):
        VoxelKernel((1.0, 1.0, 1.0), np.full((2, 2, 2), 0.1))
    with pytest.raises(InvalidValue):
        VoxelKernel((1.0, 1.0, 1.0), np.array([[[1.2, -0.1]]]))
    assert VoxelKernel((1.0, 1.0, 1.0), np.array([[[0.5, 0.25]]])).full.ravel().tolist() == [0.25, 0.5, 0.25]
