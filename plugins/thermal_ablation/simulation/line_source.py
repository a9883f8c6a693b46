"""Heat from a line of points whose radiation fades along its way: microwave antennas, laser diffusers."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, pi

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.heat_lattice import Single
from planner.compute.threads import kernel
from planner.model.geometry import Grid

FloatArray = npt.NDArray[np.float64]

#: Points of a line are so far apart at most.
POINT_STEP_MM = 0.5
#: Voxels nearer than this to the line are sampled at points so far apart.
NEAR_MM, SUBSTEP_MM = 3.0, 0.25
#: Farther away nothing is given off: less than a thousandth of the power of all laws used.
REACH_MM = 60.0


@dataclass(frozen=True)
class Fading:
    """How the heat of a point falls with distance: exp(-decay r) / r^power, level within a radius.

    Parameters
    ----------
    decay_per_mm
        For a microwave antenna twice the attenuation of the field (power 2); for diffuse light
        mu_eff (power 1).
    power
        1 or 2.
    core_mm
        Within it the divisor stands still: the applicator's radius.

    Raises
    ------
    InvalidValue
        If a number is not positive and finite, or the power is another.
    """

    decay_per_mm: float
    power: int
    core_mm: float

    def __post_init__(self) -> None:
        if self.power not in (1, 2) or not all(
            isfinite(v) and v > 0 for v in (self.decay_per_mm, self.core_mm)
        ):
            raise InvalidValue(
                "Radiation must fade with distance.",
                str(self),
                "Give positive numbers and a power of 1 or 2.",
            )

    @property
    def whole(self) -> float:
        """The integral over all space of a point's law, in the closed form."""
        d, a = self.decay_per_mm, self.core_mm
        inner = (2 / d**3 - exp(-d * a) * (a**2 / d + 2 * a / d**2 + 2 / d**3)) / a**self.power
        outer = exp(-d * a) * (1 / d if self.power == 2 else a / d + 1 / d**2)
        return 4 * pi * (inner + outer)


def line_source(grid: Grid, ends_lps_mm: npt.ArrayLike, fading: Fading) -> Single:
    """Heat in W/m³ of one watt given off evenly along a line, mean over each voxel, ``[k, j, i]``.

    What falls outside the lattice is lost.

    Parameters
    ----------
    ends_lps_mm
        Both ends, shape (2, 3); the same point twice for a point source.
    """
    ends = grid.to_ijk(np.asarray(ends_lps_mm, dtype=float)) * np.array(grid.spacing_mm)
    length = float(np.linalg.norm(ends[1] - ends[0]))
    count = max(1, int(np.ceil(length / POINT_STEP_MM)))
    share = ((np.arange(count) + 0.5) / count)[:, None]
    points = ends[0] + share * (ends[1] - ends[0])
    out = np.zeros(grid.shape, dtype=np.float32)
    _fill(np.array(grid.spacing_mm), points, ends, fading.decay_per_mm, fading.power, fading.core_mm, out)
    out *= np.float32(1e9 / (count * fading.whole))
    return out


@kernel
def _fill(
    h: FloatArray, points: FloatArray, ends: FloatArray, decay: float, power: int, core: float, out: Single
) -> None:
    """The sum of the law over all points, in each voxel."""
    along = ends[1] - ends[0]
    squared = along[0] ** 2 + along[1] ** 2 + along[2] ** 2
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                x, y, z = i * h[0], j * h[1], k * h[2]
                t = 0.0
                if squared > 0:
                    t = (
                        (x - ends[0, 0]) * along[0]
                        + (y - ends[0, 1]) * along[1]
                        + (z - ends[0, 2]) * along[2]
                    )
                    t = min(max(t / squared, 0.0), 1.0)
                a, b, c = (
                    x - ends[0, 0] - t * along[0],
                    y - ends[0, 1] - t * along[1],
                    z - ends[0, 2] - t * along[2],
                )
                away = np.sqrt(a * a + b * b + c * c)
                if away > REACH_MM:
                    continue
                if away > NEAR_MM + h[0] + h[1] + h[2]:
                    out[k, j, i] = _at(x, y, z, points, decay, power, core)
                    continue
                total = 0.0
                ni, nj, nk = (
                    int(np.ceil(h[0] / SUBSTEP_MM)),
                    int(np.ceil(h[1] / SUBSTEP_MM)),
                    int(np.ceil(h[2] / SUBSTEP_MM)),
                )
                for r in range(nk):
                    for q in range(nj):
                        for p in range(ni):
                            total += _at(
                                x + h[0] * ((p + 0.5) / ni - 0.5), y + h[1] * ((q + 0.5) / nj - 0.5),
                                z + h[2] * ((r + 0.5) / nk - 0.5), points, decay, power, core,
                            )  # fmt: skip
                out[k, j, i] = total / (ni * nj * nk)


@kernel
def _at(x: float, y: float, z: float, points: FloatArray, decay: float, power: int, core: float) -> float:
    """The sum of the law over all points, at a place."""
    total = 0.0
    for n in range(points.shape[0]):
        a, b, c = x - points[n, 0], y - points[n, 1], z - points[n, 2]
        r = np.sqrt(a * a + b * b + c * c)
        divisor = max(r, core)
        total += np.exp(-decay * r) / (divisor if power == 1 else divisor * divisor)
    return float(total)
