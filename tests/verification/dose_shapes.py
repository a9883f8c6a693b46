"""Sources and kernels whose dose is known in closed form, on lattices of any kind."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import erf

from planner.compute.voxel_kernel import PointKernel
from planner.model.geometry import Box, Grid

Array = npt.NDArray[np.float64]

#: Turned about a slanted axis, and mirrored.
OBLIQUE = tuple(
    float(x)
    for x in (
        np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
        @ np.array([[1.0, 0.0, 0.0], [0.0, 12 / 13, 5 / 13], [0.0, 5 / 13, -12 / 13]])
    ).ravel()
)
STRAIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def grid_around(
    half_mm: tuple[float, float, float] | float,
    spacing_mm: tuple[float, float, float],
    direction: tuple[float, ...] = STRAIGHT,
    middle_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Grid:
    """A lattice whose middle lies on a point, at least so far to each side along i, j, k."""
    half = np.broadcast_to(half_mm, 3)
    count = [2 * math.ceil(h / s) + 1 for h, s in zip(half, spacing_mm, strict=True)]
    away = np.array(direction).reshape(3, 3) @ (np.array(spacing_mm) * (np.array(count) - 1) / 2)
    origin = np.array(middle_lps_mm) - away
    return Grid((count[2], count[1], count[0]), spacing_mm, tuple(origin.tolist()), direction)


def voxel_points(grid: Grid) -> Array:
    """Centres of all voxels in LPS mm, (k, j, i, 3)."""
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


def sphere_parts(grid: Grid, radius_mm: float, middle_lps_mm=(0.0, 0.0, 0.0), fine: int = 7) -> Array:
    """Part of each voxel within a sphere, by so many points along each axis; [k, j, i]."""
    away = radii(grid, middle_lps_mm)
    part = (away <= radius_mm).astype(float)
    k, j, i = np.nonzero(np.abs(away - radius_mm) <= 0.5 * np.linalg.norm(grid.spacing_mm))
    steps = (np.arange(fine) + 0.5) / fine - 0.5
    inside = np.zeros(len(k))
    for dk in steps:
        for dj in steps:
            for di in steps:
                points = grid.to_lps(np.stack([i + di, j + dj, k + dk], axis=-1))
                inside += np.linalg.norm(points - middle_lps_mm, axis=-1) <= radius_mm
    part[k, j, i] = inside / fine**3
    return part


def voxel_means(grid: Grid, of_radius: Callable[[Array], Array], middle_lps_mm=(0.0, 0.0, 0.0)) -> Array:
    """Mean over each voxel of a function of the distance from a point, by two Gauss points an axis."""
    k, j, i = np.indices(grid.shape)
    steps = np.array([-0.5, 0.5]) / math.sqrt(3.0)
    total = np.zeros(grid.shape)
    for dk in steps:
        for dj in steps:
            for di in steps:
                points = grid.to_lps(np.stack([i + di, j + dj, k + dk], axis=-1))
                total += of_radius(np.linalg.norm(points - middle_lps_mm, axis=-1))
    return total / 8.0


def halved(grid: Grid) -> tuple[Grid, Grid]:
    """A grid cut to even numbers of voxels, and the grid of blocks of 2 x 2 x 2 of them."""
    even = grid.cropped(Box((0, 0, 0), tuple(n - n % 2 for n in grid.shape)))
    origin = even.to_lps(np.full(3, 0.5))
    spacing = tuple(2.0 * s for s in grid.spacing_mm)
    return even, Grid(tuple(n // 2 for n in even.shape), spacing, tuple(origin.tolist()), grid.direction)


def block_means(values: Array) -> Array:
    """Mean of each block of 2 x 2 x 2 voxels."""
    k, j, i = (n // 2 for n in values.shape)
    return values.reshape(k, 2, j, 2, i, 2).mean(axis=(1, 3, 5), dtype=float)


def radii(grid: Grid, middle_lps_mm=(0.0, 0.0, 0.0)) -> Array:
    """Distance of each voxel's centre from a point; [k, j, i]."""
    return np.linalg.norm(voxel_points(grid) - middle_lps_mm, axis=-1)


def kernel_of(share_within: Callable[[Array], Array], reach_mm: float, step_mm: float) -> PointKernel:
    """A point kernel from a formula of the share within a radius."""
    rows = np.arange(1, round(reach_mm / step_mm) + 1) * step_mm
    return PointKernel(rows, share_within(rows))


def yukawa_kernel(per_mm: float, reach_mm: float) -> PointKernel:
    """exp(-mu r) / r, as in steady diffusion with losses."""
    return kernel_of(lambda r: 1.0 - (1.0 + per_mm * r) * np.exp(-per_mm * r), reach_mm, 0.05)


def gaussian_kernel(sigma_mm: float) -> PointKernel:
    def share(r: Array) -> Array:
        x = r / (math.sqrt(2.0) * sigma_mm)
        return np.asarray(erf(x) - 2.0 / math.sqrt(math.pi) * x * np.exp(-x * x))

    return kernel_of(share, 6.0 * sigma_mm, 0.01 * sigma_mm)


def yukawa_sphere(radius: Array, per_mm: float, sphere_mm: float) -> Array:
    """A uniform sphere of 1 over the Yukawa kernel (H2 of the reference sheet)."""
    x, y = per_mm * sphere_mm, np.maximum(per_mm * radius, 1e-9)
    inside = 1.0 - (1.0 + x) * math.exp(-x) * np.sinh(y) / y
    outside = (x * math.cosh(x) - math.sinh(x)) * np.exp(-y) / y
    return np.where(y <= x, inside, outside)


def gaussian_sphere(radius: Array, sigma_mm: float, sphere_mm: float) -> Array:
    """A uniform sphere of 1 over a Gaussian kernel."""
    r = np.maximum(radius, 1e-6)
    near, far = (sphere_mm - r) / sigma_mm, (sphere_mm + r) / sigma_mm
    root = math.sqrt(2.0)
    ends = np.exp(-0.5 * near**2) - np.exp(-0.5 * far**2)
    return np.asarray(
        0.5 * (erf(near / root) + erf(far / root)) - sigma_mm / (r * math.sqrt(2 * math.pi)) * ends
    )


def half_space(outside_mm: Array, point: PointKernel) -> Array:
    """A uniform half-space of 1 over a point kernel, outside of it: half the integral of f (1 - x / r) beyond x."""
    found = []
    for x in np.asarray(outside_mm, dtype=float):
        near = np.maximum(point.radii_mm[:-1], x)
        far = np.maximum(point.radii_mm[1:], x)
        per_mm = np.diff(point.shares) / np.diff(point.radii_mm)
        logs = np.log(far / np.maximum(near, 1e-12)) if x > 0 else 0.0
        found.append(0.5 * float((per_mm * (far - near - x * logs)).sum()))
    return np.array(found)


def cuboid_self_share(sides_mm: tuple[float, float, float], point: PointKernel) -> float:
    """What a uniform cuboid keeps of its energy, where no side is shorter than the range.

    The mean over directions n of the product of 1 - r |n| / a: <|x|> = 1/2, <|xy|> = 2 / 3 pi,
    <|xyz|> = 1 / 4 pi.
    """
    a, b, c = sides_mm
    return (
        1.0
        - point.moment_mm(1) / 2.0 * (1 / a + 1 / b + 1 / c)
        + 2.0 / (3.0 * math.pi) * point.moment_mm(2) * (1 / (a * b) + 1 / (b * c) + 1 / (a * c))
        - point.moment_mm(3) / (4.0 * math.pi * a * b * c)
    )
