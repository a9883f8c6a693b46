"""How energy given off at a point, or evenly within a voxel, is shared out around it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray

#: Quadrature: pieces of at most this length with Gauss points each, halved towards the source so often.
#: The shares of the yttrium-90 table then stand within 1e-5 of those of a quadrature three times as fine.
STEP_MM, POINTS, HALVINGS = 0.75, 5, 14
#: A finer voxel needs fewer points, since a piece is never longer than a voxel.
FINE_MM, FINE_POINTS = 0.75, 3


@dataclass(frozen=True, eq=False)
class PointKernel:
    """The share of the energy of a point source that stays within a radius.

    Parameters
    ----------
    radii_mm
        Rising, above 0; (n,).
    shares
        Energy within each radius, never falling; (n,).  Divided by the last one, so that all energy
        stays within the last radius.

    Raises
    ------
    InvalidValue
        If the radii do not rise from 0, or the shares fall or hold nothing.
    """

    radii_mm: FloatArray
    shares: FloatArray

    def __post_init__(self) -> None:
        radii, shares = (np.array(a, dtype=float) for a in (self.radii_mm, self.shares))
        is_table = radii.ndim == 1 and radii.shape == shares.shape and len(radii) > 1
        if not is_table or not (np.isfinite(radii).all() and np.isfinite(shares).all()):
            raise InvalidValue(
                "A point kernel needs a finite share for each radius.", f"{radii.shape} radii, {shares.shape}"
            )
        if not (radii[0] > 0 and (np.diff(radii) > 0).all()):
            raise InvalidValue("The radii of a point kernel rise from 0.", f"from {radii[0]:g} mm")
        if not (shares[0] >= 0 and (np.diff(shares) >= 0).all() and shares[-1] > 0):
            raise InvalidValue(
                "The energy within a radius never falls with it.", f"shares up to {shares[-1]:g}"
            )
        # Rows beyond the radius that holds everything would only make the lattice of a voxel kernel larger.
        shares /= shares[-1]
        rows = int(np.argmax(shares >= 1.0)) + 1
        for name, column in (("radii_mm", radii), ("shares", shares)):
            kept = np.concatenate([[0.0], column[:rows]])
            kept.setflags(write=False)
            object.__setattr__(self, name, kept)

    @property
    def reach_mm(self) -> float:
        """The radius within which all energy stays."""
        return float(self.radii_mm[-1])

    def share_within(self, radius_mm: npt.ArrayLike) -> FloatArray:
        """Share of the energy within radii, linear between the rows of the table."""
        return np.asarray(np.interp(np.asarray(radius_mm, dtype=float), self.radii_mm, self.shares))

    def moment_mm(self, power: int) -> float:
        """Mean of a power of the radius at which energy is left, in mm to that power."""
        steps = np.diff(self.radii_mm ** (power + 1)) / ((power + 1) * np.diff(self.radii_mm))
        return float(np.diff(self.shares) @ steps)

    def in_density(self, density_g_per_ml: float) -> PointKernel:
        """The kernel in a denser or thinner medium of the same make: radii over density.

        Raises
        ------
        InvalidValue
            If the density is not positive.
        """
        if not (math.isfinite(density_g_per_ml) and density_g_per_ml > 0):
            raise InvalidValue("A medium has a density above zero.", f"{density_g_per_ml:g} g/ml")
        return PointKernel(self.radii_mm[1:] / density_g_per_ml, self.shares[1:])


@dataclass(frozen=True, eq=False)
class VoxelKernel:
    """The share of a voxel's energy, given off evenly within it, that each voxel around it gets.

    Parameters
    ----------
    spacing_mm
        Voxel size along i, j, k.
    octant
        Share of one voxel so many voxels away along k, j, i, each side alike; [k, j, i].

    Raises
    ------
    InvalidValue
        If a share is negative, or all of them together are not 1.
    """

    spacing_mm: tuple[float, float, float]
    octant: FloatArray

    def __post_init__(self) -> None:
        octant = np.array(self.octant, dtype=float)
        if octant.ndim != 3 or not np.isfinite(octant).all() or octant.min() < 0:
            raise InvalidValue("The shares of a voxel kernel are not negative.", f"shape {octant.shape}")
        if abs(float((octant * _times(octant.shape)).sum()) - 1.0) > 1e-12:
            raise InvalidValue("The shares of a voxel kernel must add up to 1.", f"shape {octant.shape}")
        octant.setflags(write=False)
        object.__setattr__(self, "octant", octant)

    @property
    def reach(self) -> tuple[int, int, int]:
        """How many voxels far energy gets along k, j, i."""
        k, j, i = (n - 1 for n in self.octant.shape)
        return k, j, i

    @property
    def full(self) -> FloatArray:
        """All shares [k, j, i], the source in the middle."""
        index = [np.abs(np.arange(-n, n + 1)) for n in self.reach]
        return self.octant[np.ix_(*index)]


def voxel_kernel(point: PointKernel, spacing_mm: tuple[float, float, float]) -> VoxelKernel:
    """The shares of voxels of any spacing, from what a point source leaves at each distance.

    With the density of energy g(u) of a point source, a voxel d voxels away gets the integral of
    g(u) T(u / h - d) over all u: T, a product of triangles, is the share of the source voxel from which
    a step u ends in the other one.  Gauss points on pieces that end at the voxels' borders and halve
    towards the source, where g grows as 1/u²; the sum is then made exactly 1.

    Raises
    ------
    InvalidValue
        If a spacing is not positive.
    """
    if len(spacing_mm) != 3 or not all(math.isfinite(s) and s > 0 for s in spacing_mm):
        raise InvalidValue("Voxel spacing must be positive.", f"spacing {spacing_mm} mm")
    from scipy.interpolate import PchipInterpolator  # half a second that an import need not take

    (x, to_i), (y, to_j), (z, to_k) = (_points(h, point.reach_mm) for h in spacing_mm)
    per_mm = PchipInterpolator(point.radii_mm, point.shares).derivative()
    shares = np.zeros((len(to_k), len(to_j), len(to_i)))
    beside = y[:, None] ** 2 + x**2
    for height, weights in zip(z, to_k.T, strict=True):
        radius2 = beside + height**2
        inside = radius2 < point.reach_mm**2
        density = np.zeros_like(radius2)
        density[inside] = per_mm(np.sqrt(radius2[inside])) / radius2[inside]
        rows = np.einsum("jy,yx->jx", to_j, density)  # matrix products wake threads for so little
        shares += weights[:, None, None] * np.einsum("jx,ix->ji", rows, to_i)
    shares /= shares.sum()
    return VoxelKernel(spacing_mm, shares / _times(shares.shape))


def _points(size_mm: float, reach_mm: float) -> tuple[FloatArray, FloatArray]:
    """Gauss points from 0 to beyond the reach, and their weights in the triangle of each voxel."""
    cells = math.floor(reach_mm / size_mm) + 1
    parts = math.ceil(size_mm / STEP_MM)
    borders = np.arange(cells * parts + 1) * (size_mm / parts)
    towards_source = borders[1] * 0.5 ** np.arange(HALVINGS, 0, -1)
    borders = np.concatenate([[0.0], towards_source, borders[1:]])
    borders = borders[: int(np.searchsorted(borders, reach_mm)) + 1]  # beyond there is no energy
    node, weight = np.polynomial.legendre.leggauss(POINTS if size_mm >= FINE_MM else FINE_POINTS)
    length = np.diff(borders)[:, None]
    at = (borders[:-1, None] + (node + 1) / 2 * length).ravel()
    triangles = np.maximum(0.0, 1.0 - np.abs(at / size_mm - np.arange(cells + 1)[:, None]))
    return at, triangles * (weight / 2 * length).ravel()


def _times(shape: tuple[int, ...]) -> FloatArray:
    """How many voxels an entry of an octant stands for."""
    k, j, i = (np.where(np.arange(n) > 0, 2.0, 1.0) for n in shape)
    return k[:, None, None] * j[:, None] * i
