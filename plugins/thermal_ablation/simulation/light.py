"""Diffuse light in tissue that scatters more where it coagulates, on a voxel lattice.

-div(D grad phi) + mu_a phi = S with D = 1 / 3 (mu_a + mu_s').  The heat mu_a phi is found for native
tissue in the closed form of points along a line; the lattice says only by what share coagulation
changes it in each voxel, and what is absorbed in sum stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.heat_lattice import Single
from planner.compute.multigrid import INNER, Multigrid, Network
from planner.model.geometry import FloatArray, Grid

#: Residual of a field of light, over that of none: it fades by four decades over a region.
TOLERANCE = 1e-5
#: Most iterations; light is absorbed so near that few are needed.
MOST_ITERATIONS = 60
#: Where native light is weaker than this share of its most, coagulation is taken to change nothing.
FAINT = 1e-5
#: Points of a line are so far apart at most.
POINT_STEP_MM = 0.25


@dataclass(frozen=True)
class Optics:
    """How tissue absorbs and scatters light.

    Parameters
    ----------
    absorption_per_m, scattering_per_m
        mu_a and the reduced mu_s'.

    Raises
    ------
    InvalidValue
        If a coefficient is not positive.
    """

    absorption_per_m: float
    scattering_per_m: float

    def __post_init__(self) -> None:
        if not min(self.absorption_per_m, self.scattering_per_m) > 0:
            raise InvalidValue(
                "Light fades by absorption and scattering.",
                f"mu_a {self.absorption_per_m}, mu_s' {self.scattering_per_m} 1/m",
                "Give positive coefficients in 1/m.",
            )

    @property
    def decay_per_mm(self) -> float:
        """mu_eff = sqrt(3 mu_a (mu_a + mu_s'))."""
        a, s = self.absorption_per_m, self.scattering_per_m
        return float(1e-3 * np.sqrt(3.0 * a * (a + s)))

    def times(self, factor: float) -> Optics:
        """Tissue in which light fades so many times as fast, with as much absorbed of what scatters."""
        return Optics(factor * self.absorption_per_m, factor * self.scattering_per_m)


class LightLattice:
    """What coagulation does to the light of some lines.

    Parameters
    ----------
    grid
        Cubic voxels; their sides reflect.
    native, coagulated
        The two ends between which tissue changes.
    """

    def __init__(self, grid: Grid, native: Optics, coagulated: Optics) -> None:
        self.grid, self.native, self.coagulated = grid, native, coagulated
        self._shape = tuple(n + 2 for n in grid.shape)
        self._fluence: FloatArray = np.zeros(self._shape)
        self._light: FloatArray = np.zeros(self._shape)
        self._before: FloatArray = np.zeros(self._shape)

    def shine(self, light_w: FloatArray) -> None:
        """Take the watts given off in each voxel ``[k, j, i]``, and find their light in native tissue."""
        self._light = np.zeros(self._shape)
        self._light[INNER] = light_w
        none = np.zeros(self.grid.shape, dtype=np.float32)
        self._fluence = np.zeros(self._shape)
        self._before = self._absorbed(none)

    def change(self, coagulated_share: Single) -> Single:
        """Heat over that in native tissue, in each voxel, where such a share of it is coagulated."""
        now = self._absorbed(coagulated_share)
        faint = self._before <= FAINT * float(self._before.max(initial=0.0))
        return np.where(faint, 1.0, np.maximum(now, 0.0) / np.where(faint, 1.0, self._before)).astype(
            np.float32
        )

    def _absorbed(self, coagulated_share: Single) -> FloatArray:
        """Watts absorbed in each voxel."""
        h_m = 1e-3 * self.grid.spacing_mm[0]
        a = self._between("absorption_per_m", coagulated_share)
        spread = 1.0 / (3.0 * (a + self._between("scattering_per_m", coagulated_share)))
        # So that light fades along the lattice as it does in tissue, however coarse the voxels.
        leak = spread * 2.0 * (np.cosh(np.sqrt(a / spread) * h_m) - 1.0) * h_m
        rimmed = np.zeros(self._shape, dtype=np.float32)
        rimmed[INNER] = leak
        faces = [self._faces(spread, axis, h_m) for axis in (2, 1, 0)]
        network = Network(faces[0], faces[1], faces[2], rimmed)
        self._fluence, _ = Multigrid(network, self.grid.spacing_mm).solve(
            self._light, self._fluence, tolerance=TOLERANCE, limit=MOST_ITERATIONS
        )
        return np.asarray(self._fluence[INNER] * leak)

    def _between(self, name: str, share: Single) -> FloatArray:
        native, coagulated = float(getattr(self.native, name)), float(getattr(self.coagulated, name))
        return np.asarray(native + np.asarray(share, dtype=float) * (coagulated - native))

    def _faces(self, spread: FloatArray, axis: int, h_m: float) -> Single:
        """Conductances towards the next voxel along an axis: half voxels in series."""
        rows = np.moveaxis(spread, axis, 0)
        faces = np.zeros(self._shape, dtype=np.float32)
        inner = np.moveaxis(faces[INNER], axis, 0)
        inner[:-1] = 2.0 * h_m * rows[1:] * rows[:-1] / (rows[1:] + rows[:-1])
        return faces


def line_light_w(grid: Grid, ends_lps_mm: npt.ArrayLike) -> FloatArray:
    """One watt given off evenly along a line, in the voxels about its points, ``[k, j, i]``.

    Each point is shared by the eight voxels whose centres are next to it.
    """
    ends = grid.to_ijk(np.asarray(ends_lps_mm, dtype=float))
    length = float(np.linalg.norm((ends[1] - ends[0]) * np.array(grid.spacing_mm)))
    count = max(1, int(np.ceil(length / POINT_STEP_MM)))
    points = ends[0] + ((np.arange(count) + 0.5) / count)[:, None] * (ends[1] - ends[0])
    kji = points[:, ::-1]
    first = np.floor(kji).astype(int)
    found = np.zeros(grid.shape)
    upper = np.array(grid.shape) - 1
    for corner in np.ndindex(2, 2, 2):
        at = first + np.array(corner)
        share = np.prod(np.where(np.array(corner) == 1, kji - first, 1.0 - (kji - first)), axis=1)
        # A voxel beyond a side is the mirror image of the one before it.
        at = np.where(at < 0, -1 - at, at)
        at = np.where(at > upper, 2 * upper + 1 - at, at)
        inside = np.all((at >= 0) & (at <= upper), axis=1)
        np.add.at(found, tuple(at[inside].T), share[inside] / count)
    return found
