"""Voxel lattices in patient space.

Said once for the whole planner: coordinates are DICOM patient coordinates (LPS: x towards the
patient's left, y towards posterior, z towards superior) in mm, and arrays are indexed
``[k, j, i]`` = (slice, row, column).  An index triple written as ``ijk`` counts columns first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue

FloatArray = npt.NDArray[np.float64]

#: How far a direction matrix may be from orthonormal.
ORTHONORMAL_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Box:
    """A half-open box of voxels, ``start`` <= (k, j, i) < ``stop``."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index into a ``[k, j, i]`` array."""
        k, j, i = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return k, j, i

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along k, j, i."""
        k, j, i = (max(0, b - a) for a, b in zip(self.start, self.stop, strict=True))
        return k, j, i

    @property
    def is_empty(self) -> bool:
        """Whether no voxel lies in the box."""
        return 0 in self.shape

    def grown(self, voxels: tuple[int, int, int], shape: tuple[int, int, int]) -> Box:
        """The box grown by a number of voxels a side along k, j, i, kept within ``shape``."""
        start = tuple(max(0, a - n) for a, n in zip(self.start, voxels, strict=True))
        stop = tuple(min(s, b + n) for b, n, s in zip(self.stop, voxels, shape, strict=True))
        return Box(start, stop)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Grid:
    """A voxel lattice in patient space.

    Parameters
    ----------
    shape
        Number of voxels along k, j, i (slices, rows, columns).
    spacing_mm
        Distance of neighbouring voxel centres along i, j, k.
    origin_lps_mm
        Centre of voxel i = j = k = 0.
    direction
        3 x 3; column 0, 1, 2 is the LPS unit vector along which i, j, k grows.  Row-major
        tuple of nine numbers.  A negative determinant (mirrored axis order) is allowed.

    Raises
    ------
    InvalidValue
        If a number is not finite, a spacing is not positive, or the axes are not orthonormal.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_lps_mm: tuple[float, float, float]
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        spacing = tuple(float(s) for s in self.spacing_mm)
        origin = tuple(float(x) for x in self.origin_lps_mm)
        direction = tuple(float(x) for x in np.asarray(self.direction, dtype=float).ravel())
        if len(shape) != 3 or min(shape) < 1:
            raise InvalidValue("A grid needs at least one voxel along each axis.", f"shape {shape}")
        if len(spacing) != 3 or not all(np.isfinite(spacing)) or min(spacing) <= 0:
            raise InvalidValue("Voxel spacing must be positive.", f"spacing {spacing} mm")
        if len(origin) != 3 or not all(np.isfinite(origin)):
            raise InvalidValue("The origin of a grid must be finite.", f"origin {origin} mm")
        if len(direction) != 9 or not all(np.isfinite(direction)):
            raise InvalidValue("A grid needs a 3 x 3 direction.", f"direction {direction}")
        axes = np.array(direction).reshape(3, 3)
        if np.abs(axes.T @ axes - np.eye(3)).max() > ORTHONORMAL_TOLERANCE:
            raise InvalidValue(
                "The axes of a grid must be unit vectors at right angles.",
                f"direction {np.round(axes, 5).tolist()}",
                "Resample a sheared (tilted) volume first.",
            )
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "spacing_mm", spacing)
        object.__setattr__(self, "origin_lps_mm", origin)
        object.__setattr__(self, "direction", direction)

    @cached_property
    def axes(self) -> FloatArray:
        """Direction as a read-only 3 x 3 array; its columns are the axes of i, j, k."""
        return _readonly(np.array(self.direction).reshape(3, 3))

    @cached_property
    def affine(self) -> FloatArray:
        """4 x 4 matrix from (i, j, k, 1) to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes * np.array(self.spacing_mm)
        matrix[:3, 3] = self.origin_lps_mm
        return _readonly(matrix)

    @cached_property
    def inverse_affine(self) -> FloatArray:
        """4 x 4 matrix from LPS mm to (i, j, k, 1), not rounded."""
        return _readonly(np.linalg.inv(self.affine).astype(np.float64))

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in ml."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    @property
    def box(self) -> Box:
        """All voxels."""
        return Box((0, 0, 0), self.shape)

    @property
    def center_lps_mm(self) -> FloatArray:
        """The middle of the lattice, shape (3,)."""
        k, j, i = self.shape
        return self.to_lps(np.array([(i - 1) / 2, (j - 1) / 2, (k - 1) / 2]))

    def to_lps(self, ijk: npt.ArrayLike) -> FloatArray:
        """LPS mm of (fractional) indices; shape (..., 3), columns i, j, k."""
        return np.asarray(ijk, dtype=float) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_ijk(self, lps_mm: npt.ArrayLike) -> FloatArray:
        """Fractional indices i, j, k of points in LPS mm; shape (..., 3)."""
        points = np.asarray(lps_mm, dtype=float)
        return (points - self.affine[:3, 3]) @ self.inverse_affine[:3, :3].T

    def contains(self, lps_mm: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether points lie within the voxels (centres plus half a voxel); shape (...)."""
        ijk = self.to_ijk(lps_mm)
        upper = np.array(self.shape[::-1]) - 0.5
        return np.asarray(np.all((ijk >= -0.5) & (ijk < upper), axis=-1))

    def cropped(self, box: Box) -> Grid:
        """The lattice of the voxels of a box.

        Raises
        ------
        InvalidValue
            If the box holds no voxel.
        """
        if box.is_empty:
            raise InvalidValue("A box without voxels has no grid.", f"box {box.start}-{box.stop}")
        origin = self.to_lps(np.array(box.start[::-1], dtype=float))
        return Grid(box.shape, self.spacing_mm, _triple(origin), self.direction)

    def same_as(self, other: Grid, tolerance_mm: float = 0.01) -> bool:
        """Whether two lattices are the same, each corner within ``tolerance_mm``."""
        if self.shape != other.shape:
            return False
        corners = self.corners_ijk
        gap = np.linalg.norm(self.to_lps(corners) - other.to_lps(corners), axis=1)
        return bool(gap.max() <= tolerance_mm)

    @cached_property
    def corners_ijk(self) -> FloatArray:
        """Indices of the eight corner voxels, shape (8, 3)."""
        k, j, i = self.shape
        return np.array([[a, b, c] for a in (0, i - 1) for b in (0, j - 1) for c in (0, k - 1)], dtype=float)

    @classmethod
    def from_affine(cls, affine: npt.ArrayLike, shape: tuple[int, int, int]) -> Grid:
        """The lattice of a 4 x 4 matrix from (i, j, k, 1) to LPS mm.

        Raises
        ------
        InvalidValue
            If the matrix is singular or sheared.
        """
        matrix = np.asarray(affine, dtype=float)
        spacing = np.linalg.norm(matrix[:3, :3], axis=0)
        if not np.all(np.isfinite(matrix)) or spacing.min() <= 0:
            raise InvalidValue("The matrix of a grid must be finite and have no zero axis.")
        return cls(shape, _triple(spacing), _triple(matrix[:3, 3]), tuple((matrix[:3, :3] / spacing).ravel()))


def unit_vector(vector: npt.ArrayLike) -> FloatArray:
    """A vector scaled to length 1.

    Raises
    ------
    InvalidValue
        If the vector has no length.
    """
    values = np.asarray(vector, dtype=float)
    length = float(np.linalg.norm(values))
    if not np.isfinite(length) or length <= 0:
        raise InvalidValue("A direction needs a length.", f"vector {values.tolist()}")
    return values / length


def _readonly(array: FloatArray) -> FloatArray:
    array.setflags(write=False)
    return array


def _triple(values: npt.ArrayLike) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in np.asarray(values))
    return x, y, z
