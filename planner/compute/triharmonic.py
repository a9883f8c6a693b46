"""Smooth functions in space: triharmonic splines.

Among all functions with given values the triharmonic spline has the least squared third
derivatives (Duchon, RAIRO Analyse Numerique 1976); in three dimensions it is a sum of |x - c|^3
and a quadratic polynomial.  Third derivatives of quadratics vanish, so ellipsoids, which are
their zero surfaces, cost nothing: the smoothest outline of an ellipsoid's voxels is an ellipsoid.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

#: Number of quadratic monomials.
QUADRATICS = 10
#: Directions of the spline weaker than this share of the strongest are left out.
_WEAKEST = 1e-7


@dataclass(frozen=True)
class SplineBasis:
    """Functions that span the splines with given centres, quadratics first.

    The energy (squared third derivatives) of a sum of them is the sum of the squared
    coefficients after the first ten, up to a constant; later ones are rougher.

    Parameters
    ----------
    centers_mm
        Shape (m, 3).
    middle_mm, scale_mm
        Coordinates are taken from `middle_mm` in units of `scale_mm`.
    mixing
        Weights of the |x - c|^3 in each function, shape (m, functions - 10).
    """

    centers_mm: FloatArray
    middle_mm: FloatArray
    scale_mm: float
    mixing: FloatArray

    @classmethod
    def around(cls, centers_mm: FloatArray, most: int) -> SplineBasis:
        """The basis for centres (m, 3), with at most `most` functions beside the quadratics."""
        middle = centers_mm.mean(axis=0)
        scale = max(float(np.abs(centers_mm - middle).max()), 1e-3)
        scaled = (centers_mm - middle) / scale
        count = len(scaled)
        if count <= QUADRATICS + 2:
            return cls(scaled, middle, scale, np.zeros((count, 0)))
        q, _ = np.linalg.qr(_quadratics(scaled), mode="complete")
        free = q[:, QUADRATICS:]  # weights that no quadratic feels
        energy = free.T @ _cubes(scaled, scaled) @ free
        strength, direction = np.linalg.eigh(energy)
        kept = strength > _WEAKEST * strength[-1]
        kept[: max(0, len(kept) - most)] = False
        strength, direction = strength[kept][::-1], direction[:, kept][:, ::-1]
        return cls(scaled, middle, scale, np.ascontiguousarray(free @ (direction / np.sqrt(strength))))

    def __len__(self) -> int:
        return QUADRATICS + int(self.mixing.shape[1])

    def values(self, points_mm: FloatArray) -> FloatArray:
        """Every function at points (n, 3), shape (n, functions)."""
        scaled = np.ascontiguousarray((points_mm - self.middle_mm) / self.scale_mm)
        return np.hstack([_quadratics(scaled), _cubes(scaled, self.centers_mm) @ self.mixing])

    def gradient_lengths(self, points_mm: FloatArray, weights: FloatArray) -> FloatArray:
        """Length of the gradient per mm of a sum of the functions, shape (n,)."""
        _, gradient = self.evaluate(points_mm, weights)
        length: FloatArray = np.sqrt((gradient**2).sum(axis=1))
        return length

    def evaluate(self, points_mm: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Value (n,) and gradient per mm (n, 3) of a sum of the functions."""
        scaled = np.ascontiguousarray((points_mm - self.middle_mm) / self.scale_mm)
        value, gradient = np.empty(len(scaled)), np.empty((len(scaled), 3))
        _evaluate(scaled, self.centers_mm, weights[:QUADRATICS], self._cubic(weights), value, gradient)
        return value, gradient / self.scale_mm

    def value(self, points_mm: FloatArray, weights: FloatArray) -> FloatArray:
        """Value (n,) of a sum of the functions."""
        scaled = np.ascontiguousarray((points_mm - self.middle_mm) / self.scale_mm)
        out = np.empty(len(scaled))
        _value(scaled, self.centers_mm, weights[:QUADRATICS], self._cubic(weights), out)
        return out

    def _cubic(self, weights: FloatArray) -> FloatArray:
        used = len(weights) - QUADRATICS
        return np.ascontiguousarray(self.mixing[:, :used] @ weights[QUADRATICS:])


def _quadratics(points: FloatArray) -> FloatArray:
    x, y, z = points.T
    return np.stack([np.ones_like(x), x, y, z, x * x, y * y, z * z, x * y, x * z, y * z], axis=1)


@kernel
def _cubes(points: FloatArray, centers: FloatArray) -> FloatArray:
    """Cubed distances of points to centres, shape (points, centers)."""
    out = np.empty((points.shape[0], centers.shape[0]))
    for n in range(points.shape[0]):
        for m in range(centers.shape[0]):
            x = points[n, 0] - centers[m, 0]
            y = points[n, 1] - centers[m, 1]
            z = points[n, 2] - centers[m, 2]
            squared = x * x + y * y + z * z
            out[n, m] = squared * sqrt(squared)
    return out


@kernel
def _value(
    points: FloatArray, centers: FloatArray, quadratic: FloatArray, cubic: FloatArray, out: FloatArray
) -> None:
    q = quadratic
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        total = q[0] + q[1] * x + q[2] * y + q[3] * z
        total += x * (q[4] * x + q[7] * y + q[8] * z) + y * (q[5] * y + q[9] * z) + q[6] * z * z
        for m in range(centers.shape[0]):
            dx, dy, dz = x - centers[m, 0], y - centers[m, 1], z - centers[m, 2]
            squared = dx * dx + dy * dy + dz * dz
            total += cubic[m] * squared * sqrt(squared)
        out[n] = total


@kernel
def _evaluate(
    points: FloatArray,
    centers: FloatArray,
    quadratic: FloatArray,
    cubic: FloatArray,
    value: FloatArray,
    gradient: FloatArray,
) -> None:
    q = quadratic
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        total = q[0] + q[1] * x + q[2] * y + q[3] * z
        total += x * (q[4] * x + q[7] * y + q[8] * z) + y * (q[5] * y + q[9] * z) + q[6] * z * z
        gx = q[1] + 2 * q[4] * x + q[7] * y + q[8] * z
        gy = q[2] + 2 * q[5] * y + q[7] * x + q[9] * z
        gz = q[3] + 2 * q[6] * z + q[8] * x + q[9] * y
        for m in range(centers.shape[0]):
            dx, dy, dz = x - centers[m, 0], y - centers[m, 1], z - centers[m, 2]
            squared = dx * dx + dy * dy + dz * dz
            length = sqrt(squared)
            total += cubic[m] * squared * length
            slope = 3.0 * cubic[m] * length
            gx += slope * dx
            gy += slope * dy
            gz += slope * dz
        value[n] = total
        gradient[n, 0] = gx
        gradient[n, 1] = gy
        gradient[n, 2] = gz
