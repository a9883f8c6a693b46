"""A field of small displacements that ends within its lattice and never folds the tissue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray, Grid

#: At the lattice's border a displacement must have gone to nothing, or tissue would tear there.
BORDER_MM = 1e-4


@dataclass(frozen=True, eq=False)
class DisplacementField:
    """Displacements u in mm along LPS x, y, z on a lattice, linear in between and zero outside.

    Parameters
    ----------
    grid
        Its lattice, at least two voxels along each axis.
    vectors_mm
        Shape [k, j, i, 3]; kept as float32 and read-only.

    Raises
    ------
    InvalidValue
        If the shape is wrong, a number is not finite, a border voxel is moved, or tissue folds
        (p + u(p) has somewhere a Jacobian determinant that is not positive).
    """

    grid: Grid
    vectors_mm: npt.NDArray[Any]

    def __post_init__(self) -> None:
        vectors = np.array(self.vectors_mm, dtype=np.float32)
        if vectors.shape != (*self.grid.shape, 3) or min(self.grid.shape) < 2:
            raise InvalidValue(
                "A displacement field has a vector at each voxel of its grid, two or more along each axis.",
                f"array {vectors.shape}, grid {self.grid.shape}",
            )
        if not np.all(np.isfinite(vectors)):
            raise InvalidValue("The displacements of a field must be finite.", f"grid {self.grid.shape}")
        faces = [np.take(vectors, end, axis=axis) for axis in range(3) for end in (0, -1)]
        if max(float(np.abs(face).max()) for face in faces) > BORDER_MM:
            raise InvalidValue(
                "A displacement field must have ended at the border of its grid.",
                f"grid {self.grid.shape}",
                "Take a larger region.",
            )
        vectors.setflags(write=False)
        object.__setattr__(self, "vectors_mm", vectors)
        if self.least_jacobian <= 0:
            raise InvalidValue(
                "The deformation folds the tissue over itself.",
                f"least volume change {self.least_jacobian:.2f}",
                "Make it stiffer, or keep the rigid registration.",
            )

    @property
    def largest_mm(self) -> float:
        """The largest displacement."""
        return float(np.sqrt((self.vectors_mm.astype(float) ** 2).sum(axis=-1).max()))

    @cached_property
    def least_jacobian(self) -> float:
        """Least volume of moved tissue as a share of its own, over the corners of all cells."""
        least = np.inf
        steps = np.array(self.grid.spacing_mm)
        vectors = self.vectors_mm.astype(float)
        # Within a linear cell the determinant is least at a corner for each side the slope is taken from.
        slopes = [np.diff(vectors, axis=2 - name) / steps[name] for name in range(3)]
        for corner in range(8):
            parts = []
            for name in range(3):
                part = slopes[name]
                for axis in range(3):
                    size = self.grid.shape[axis] - 1
                    first = 0 if axis == 2 - name else (corner >> axis) & 1
                    part = np.take(part, np.arange(first, first + size), axis=axis)
                parts.append(part)
            along = np.stack(parts, axis=-1)  # du / d(i, j, k), columns; then to LPS axes
            matrix = along @ self.grid.axes.T + np.eye(3)
            least = min(least, float(np.linalg.det(matrix).min()))
        return least

    def at(self, points_lps_mm: FloatArray) -> FloatArray:
        """Displacement at points (n, 3), shape (n, 3)."""
        ijk = self.grid.to_ijk(points_lps_mm)
        size = np.array(self.grid.shape[::-1])
        moved = np.zeros(ijk.shape)
        within = np.flatnonzero(np.all((ijk >= 0) & (ijk <= size - 1), axis=1))
        if not len(within):
            return moved
        low = np.minimum(np.floor(ijk[within]).astype(np.int64), size - 2)
        share = ijk[within] - low
        total = np.zeros((len(within), 3))
        for corner in range(8):
            side = np.array([corner & 1, (corner >> 1) & 1, corner >> 2])
            weight = np.prod(np.where(side == 1, share, 1.0 - share), axis=1)
            i, j, k = (low + side).T
            total += weight[:, None] * self.vectors_mm[k, j, i]
        moved[within] = total
        return moved

    def inverse_at(self, points_lps_mm: FloatArray, tolerance_mm: float, steps: int) -> FloatArray:
        """The v for which p = q + v is moved onto q, at points q (n, 3).

        Fixed-point steps v <- -u(q + v), which converge where neighbours move apart by less than
        their distance.

        Raises
        ------
        InvalidValue
            If they do not converge.
        """
        back = np.zeros_like(points_lps_mm)
        left = np.arange(len(back))
        for _ in range(steps):
            wanted = -self.at(points_lps_mm[left] + back[left])
            miss = np.linalg.norm(wanted - back[left], axis=1)
            back[left] = wanted
            left = left[miss > 0.5 * tolerance_mm]
            if not len(left):
                return back
        raise InvalidValue(
            "The deformation is too steep to be turned round.",
            f"{len(left)} of {len(back)} points",
            "Make it stiffer, or keep the rigid registration.",
        )

    @cached_property
    def inverse(self) -> DisplacementField:
        """The field that undoes this one at the lattice's points; between them nearly."""
        k, j, i = np.indices(self.grid.shape)
        points = self.grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
        back = self.inverse_at(points, 0.001, 100).reshape(*self.grid.shape, 3)
        return DisplacementField(self.grid, back)
