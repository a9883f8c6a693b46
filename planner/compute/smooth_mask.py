"""A mask's border as the zero of a smooth level in mm, on a coarse lattice: for pictures of it, and to cut at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]
LevelArray = npt.NDArray[np.float32]

#: Voxels are gathered into cells of about this size, and the shares of the cells smoothed by this.
CELL_MM, SMOOTHED_MM = 2.0, 1.2
#: Where less than this share of the neighbourhood lies within, nothing is said of a part of it.
LEAST_WITHIN = 0.02


@dataclass(frozen=True, eq=False)
class SmoothMask:
    """How far within a mask places lie, exact near a flat border; about ±2.5 mm away from it.

    A border of radius R lies about 1.8 mm² / R too far to its hollow side.

    Parameters
    ----------
    lattice
        Of the cells.
    level_mm
        Positive within, float32 [k, j, i].
    is_known
        Cells where a level means something: all, or those near what the mask is a part of.
    """

    lattice: Grid
    level_mm: LevelArray
    is_known: BoolArray

    @classmethod
    def of(cls, mask: BoolArray, grid: Grid, within: BoolArray | None = None) -> SmoothMask:
        """The level of a mask [k, j, i].

        Parameters
        ----------
        within
            What the mask is a part of: outside it the mask goes on as it does within, so that the border
            between the part and the rest runs straight out.

        Raises
        ------
        InvalidValue
            If shapes differ.
        """
        if mask.shape != grid.shape or (within is not None and within.shape != grid.shape):
            raise InvalidValue("A mask needs the shape of its grid.", f"{mask.shape}, {grid.shape}")
        blocks = tuple(max(1, round(CELL_MM / s)) for s in grid.spacing_mm[::-1])
        # Two empty cells around, so that a mask at the lattice's border has one.
        lattice = _coarse(grid, blocks)
        sigma = [SMOOTHED_MM / s for s in lattice.spacing_mm[::-1]]
        share = _smoothed(mask, blocks, sigma)
        known = np.ones(share.shape, dtype=bool)
        if within is not None:
            whole = _smoothed(within, blocks, sigma)
            known = whole > LEAST_WITHIN
            share = np.divide(share, whole, out=np.zeros_like(share), where=known)
        spread = np.sqrt(SMOOTHED_MM**2 + np.mean(np.square(lattice.spacing_mm)) / 12.0)
        level = ((share - 0.5) * (spread * np.sqrt(2.0 * np.pi))).astype(np.float32)
        level.setflags(write=False)
        known.setflags(write=False)
        return cls(lattice, level, known)

    def at(self, points_lps_mm: FloatArray) -> FloatArray:
        """The level at points (n, 3), linear between cells; that of the border beyond the lattice, (n,)."""
        ijk = np.ascontiguousarray(self.lattice.to_ijk(np.atleast_2d(points_lps_mm)))
        return _linear(self.level_mm, ijk)


def _coarse(grid: Grid, blocks: tuple[int, ...]) -> Grid:
    shape = tuple(-(-n // b) + 4 for n, b in zip(grid.shape, blocks, strict=True))
    spacing = tuple(s * b for s, b in zip(grid.spacing_mm, blocks[::-1], strict=True))
    first = np.array([0.5 * (b - 1) - 2 * b for b in blocks[::-1]])
    x, y, z = (float(v) for v in grid.to_lps(first))
    return Grid(shape, spacing, (x, y, z), grid.direction)  # type: ignore[arg-type]


def _smoothed(mask: BoolArray, blocks: tuple[int, ...], sigma: list[float]) -> LevelArray:
    """Shares of the blocks' voxels that are in a mask, smoothed; two cells more on each side."""
    found = np.ascontiguousarray(mask, dtype=np.uint8)
    share = _gathered(found, *blocks) / np.float32(np.prod(blocks))
    return np.asarray(ndi.gaussian_filter(np.pad(share, 2), sigma, mode="nearest", truncate=3.0))


@kernel
def _gathered(mask: npt.NDArray[np.uint8], deep: int, high: int, wide: int) -> LevelArray:
    shape = mask.shape
    counts = np.zeros(
        ((shape[0] + deep - 1) // deep, (shape[1] + high - 1) // high, (shape[2] + wide - 1) // wide),
        dtype=np.float32,
    )
    for k in range(shape[0]):
        for j in range(shape[1]):
            for i in range(shape[2]):
                if mask[k, j, i]:
                    counts[k // deep, j // high, i // wide] += np.float32(1.0)
    return counts


@kernel
def _linear(level: LevelArray, ijk: FloatArray) -> FloatArray:
    found = np.empty(ijk.shape[0])
    depth, height, width = level.shape
    for n in range(ijk.shape[0]):
        x = min(max(ijk[n, 0], 0.0), width - 1.000001)
        y = min(max(ijk[n, 1], 0.0), height - 1.000001)
        z = min(max(ijk[n, 2], 0.0), depth - 1.000001)
        i, j, k = int(x), int(y), int(z)
        x, y, z = x - i, y - j, z - k
        low = (level[k, j, i] * (1 - x) + level[k, j, i + 1] * x) * (1 - y) + (
            level[k, j + 1, i] * (1 - x) + level[k, j + 1, i + 1] * x
        ) * y
        high = (level[k + 1, j, i] * (1 - x) + level[k + 1, j, i + 1] * x) * (1 - y) + (
            level[k + 1, j + 1, i] * (1 - x) + level[k + 1, j + 1, i + 1] * x
        ) * y
        found[n] = low * (1 - z) + high * z
    return found
