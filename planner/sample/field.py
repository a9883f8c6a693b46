"""Shapes as signed distances on coarse lattices: negative inside, mm, smooth enough to interpolate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel

Float32 = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]

#: What stands where a shape is far away.
FAR_MM = 99.0


@dataclass(frozen=True)
class Lattice:
    """A lattice in body coordinates (LPS mm before the table offset of the scan).

    Parameters
    ----------
    shape
        Number of nodes along k, j, i.
    step_mm
        Distance of nodes along x, y, z.
    start_mm
        First node, x, y, z.
    """

    shape: tuple[int, int, int]
    step_mm: tuple[float, float, float]
    start_mm: tuple[float, float, float]

    @classmethod
    def over(
        cls, low_mm: tuple[float, float, float], high_mm: tuple[float, float, float], step_mm: float
    ) -> Lattice:
        """The lattice of one step over a box from ``low_mm`` to ``high_mm``."""
        nx, ny, nz = (int(np.ceil((b - a) / step_mm)) + 1 for a, b in zip(low_mm, high_mm, strict=True))
        return cls((nz, ny, nx), (step_mm, step_mm, step_mm), low_mm)

    @property
    def x(self) -> Float32:
        """Coordinates along x, shape (1, 1, n)."""
        return self._axis(0)[None, None, :]

    @property
    def y(self) -> Float32:
        """Coordinates along y, shape (1, n, 1)."""
        return self._axis(1)[None, :, None]

    @property
    def z(self) -> Float32:
        """Coordinates along z, shape (n, 1, 1)."""
        return self._axis(2)[:, None, None]

    def _axis(self, axis: int) -> Float32:
        nodes = self.start_mm[axis] + np.arange(self.shape[2 - axis]) * self.step_mm[axis]
        return nodes.astype(np.float32)

    def indices(self, points: Points) -> Points:
        """Fractional node numbers k, j, i of points x, y, z; shapes (..., 3)."""
        return np.asarray(
            ((points - np.array(self.start_mm)) / np.array(self.step_mm))[..., ::-1], dtype=float
        )


@dataclass(frozen=True, eq=False)
class Field:
    """Signed distance ``[k, j, i]`` to a shape's surface on a lattice, mm."""

    lattice: Lattice
    values: Float32

    def at(self, points: Points) -> Points:
        """The distance at points x, y, z (n, 3), by trilinear interpolation; far outside the lattice."""
        from scipy.ndimage import map_coordinates

        where = self.lattice.indices(points).T
        return np.asarray(
            map_coordinates(self.values, where, order=1, mode="constant", cval=FAR_MM), dtype=float
        )


def distance_like(lattice: Lattice, values: Float32) -> Field:
    """An implicit function made a distance near its zero surface, by dividing by its slope."""
    sx, sy, sz = lattice.step_mm
    dz, dy, dx = np.gradient(values, sz, sy, sx)
    slope = np.sqrt(dz * dz + dy * dy + dx * dx)
    return Field(lattice, (values / np.clip(slope, 0.35, 3.0)).astype(np.float32))


def smooth_max(a: Float32, b: Float32, width_mm: float) -> Float32:
    """The larger of two, rounded where they come within ``width_mm``: intersection of shapes."""
    h = np.maximum(width_mm - np.abs(a - b), np.float32(0)) / np.float32(width_mm)
    return np.asarray(np.maximum(a, b) + h * h * np.float32(width_mm / 4), dtype=np.float32)


def smooth_min(a: Float32, b: Float32, width_mm: float) -> Float32:
    """The smaller of two, rounded: union of shapes."""
    return -smooth_max(-a, -b, width_mm)


def ellipsoid_like(
    lattice: Lattice,
    center: tuple[float, float, float],
    half: tuple[float, float, float],
    turn_deg: float = 0.0,
) -> Float32:
    """An ellipsoid's implicit function, about mm near the surface; turned about z."""
    dx, dy, dz = lattice.x - center[0], lattice.y - center[1], lattice.z - center[2]
    c, s = np.float32(np.cos(np.radians(turn_deg))), np.float32(np.sin(np.radians(turn_deg)))
    u, v = c * dx + s * dy, c * dy - s * dx
    near = np.sqrt((u / half[0]) ** 2 + (v / half[1]) ** 2 + (dz / half[2]) ** 2)
    slope = np.sqrt((u / half[0] ** 2) ** 2 + (v / half[1] ** 2) ** 2 + (dz / half[2] ** 2) ** 2)
    away = near * (near - 1) / np.maximum(slope, np.float32(1e-4))
    return np.asarray(np.maximum(away, -min(half)), dtype=np.float32)


def waves(x: Float32, y: Float32, z: Float32, length_mm: float, seed: int, count: int = 14) -> Float32:
    """Smooth noise of unit spread and about one wavelength: a sum of plane waves.

    ``x`` (1, 1, i), ``y`` (1, j, 1) and ``z`` (k, 1, 1) are the axes of a lattice; the answer is
    (k, j, i).
    """
    rng = np.random.default_rng(seed)
    along_x = np.empty((count, x.size), dtype=np.complex64)
    along_yz = np.empty((z.size, y.size, count), dtype=np.complex64)
    for n in range(count):
        direction = rng.normal(size=3)
        kx, ky, kz = direction / math.hypot(*direction) * 2 * np.pi / (length_mm * rng.uniform(0.7, 1.5))
        phase = rng.uniform(0, 2 * np.pi)
        along_x[n] = np.exp(1j * (kx * x.ravel() + phase))
        along_yz[:, :, n] = np.exp(1j * kz * z.ravel())[:, None] * np.exp(1j * ky * y.ravel())
    total = np.zeros((z.size, y.size, x.size), dtype=np.float32)
    _add_waves(total, along_yz, along_x.real.copy(), along_x.imag.copy(), float(np.sqrt(2.0 / count)))
    return total


@kernel
def _add_waves(
    total: Float32, along_yz: npt.NDArray[np.complex64], cosine: Float32, sine: Float32, scale: float
) -> None:
    """Sum up separable waves; not a matrix product, whose bits depend on the processor."""
    slices, rows, columns = total.shape
    share = np.float32(scale)
    for k in range(slices):
        for j in range(rows):
            for n in range(cosine.shape[0]):
                a, b = along_yz[k, j, n].real * share, along_yz[k, j, n].imag * share
                for i in range(columns):
                    total[k, j, i] += a * cosine[n, i] - b * sine[n, i]


def lattice_waves(lattice: Lattice, length_mm: float, seed: int, count: int = 14) -> Float32:
    """`waves` at the nodes of a lattice."""
    return waves(lattice.x, lattice.y, lattice.z, length_mm, seed, count)
