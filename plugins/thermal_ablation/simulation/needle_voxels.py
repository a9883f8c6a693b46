"""Needles on a lattice: the voxels they hold at a temperature."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planner.compute.heat_lattice import Mask, thin_needle_factor
from planner.model.geometry import Grid

#: Voxels from a needle's axis to the circle on which its own factor is found.
CIRCLE_VOXELS = 24
#: A needle up to so many voxels in radius is one row of voxels.
THIN_VOXELS = 0.9
#: Of a thicker one all voxels within so many at least are held: one row alone would conduct too little.
LEAST_HELD_VOXELS = 1.001
#: A stronger face would shorten the solver's steps for a needle that conducts 2 % better.
MOST_FACTOR = 8.0
#: A needle that leaves its row by more than this over its length does not run along the lattice.
OBLIQUE_VOXELS = 0.1


def needle_voxels(
    grid: Grid, segments_lps_mm: npt.NDArray[np.float64], radius_mm: float
) -> tuple[Mask, float]:
    """Voxels of straight needles (n, 2, 3), and the face factor their surface needs.

    A needle thinner than a voxel is one row of voxels, exact where it runs along the lattice and
    through voxel centres; a thicker one all voxels within its radius, or within a voxel of its axis.
    """
    spacing = grid.spacing_mm[0]
    thin = radius_mm <= THIN_VOXELS * spacing
    held_mm = max(radius_mm, LEAST_HELD_VOXELS * spacing)
    mask = np.zeros(grid.shape, dtype=bool)
    for start, stop in segments_lps_mm:
        if thin:
            _mark_row(mask, grid, start, stop)
        else:
            mask |= distance_to_segment_mm(grid, start, stop) <= held_mm
    if thin:
        return mask, thin_needle_factor(spacing, radius_mm)
    factors = [thick_needle_factor(radius_mm / spacing, _off_center(grid, s)) for s in segments_lps_mm]
    return mask, float(np.mean(factors))


def _off_center(grid: Grid, segment_lps_mm: npt.NDArray[np.float64]) -> tuple[float, float]:
    """How far a needle along k runs beside voxel centres, in voxels; none where it runs another way.

    The same for all eight mirror images.
    """
    ends = grid.to_ijk(segment_lps_mm)
    if np.abs(ends[1] - ends[0])[:2].max() > OBLIQUE_VOXELS:
        return 0.0, 0.0
    off = np.abs(ends[0, :2] - np.rint(ends[0, :2]))
    low, high = sorted(float(v) for v in np.round(off, 3))
    return low, high


@lru_cache(maxsize=64)
def thick_needle_factor(radius_voxels: float, off_center_voxels: tuple[float, float] = (0.0, 0.0)) -> float:
    """Face factor of a round needle along the lattice, all voxels within whose radius are held.

    Which voxels those are depends on how far it runs beside their centres.

    Across the needle the lattice conducts heat to a circle as ln(R / a) / 2 pi k would: the factor
    of the needle's faces is found for which it does.
    """
    from scipy.optimize import brentq

    exact = np.log(CIRCLE_VOXELS / radius_voxels) / (2.0 * np.pi)
    if _resistance(radius_voxels, MOST_FACTOR, off_center_voxels) > exact:
        return MOST_FACTOR
    return float(
        brentq(
            lambda f: _resistance(radius_voxels, f, off_center_voxels) - exact, 0.2, MOST_FACTOR, xtol=1e-4
        )
    )


def _resistance(
    radius_voxels: float, factor: float, off_center_voxels: tuple[float, float] = (0.0, 0.0)
) -> float:
    """Between the voxels of a needle and a circle about it, on a plane lattice of unit conductances."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import spsolve

    n = CIRCLE_VOXELS + 2
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    away = np.hypot(x - off_center_voxels[0], y - off_center_voxels[1])
    held = away <= max(radius_voxels, LEAST_HELD_VOXELS)
    free = ~held & (away < CIRCLE_VOXELS)
    number = np.full(away.shape, -1)
    number[free] = np.arange(int(free.sum()))
    diagonal, given = np.zeros(away.shape), np.zeros(away.shape)
    rows, columns = [], []
    for step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        beside = [np.roll(a, step, axis=(0, 1)) for a in (held, free, number, away)]
        # At the circle the face is as long as the circle lies from the voxel, along the radius.
        share = np.where(beside[3] > away, (CIRCLE_VOXELS - away) / np.maximum(beside[3] - away, 1e-9), 1.0)
        outer = ~beside[0] & ~beside[1]
        conductance = np.where(beside[0], factor, np.where(outer, 1.0 / np.maximum(share, 0.05), 1.0))
        diagonal += conductance
        given += np.where(beside[0], factor, 0.0)
        inner = free & beside[1]
        rows.append(number[inner])
        columns.append(beside[2][inner])
    count = int(free.sum())
    links = coo_matrix(
        (-np.ones(sum(map(len, rows))), (np.concatenate(rows), np.concatenate(columns))), (count, count)
    ).tocsr()
    links.setdiag(diagonal[free])
    level = spsolve(links.tocsc(), given[free])
    return float(1.0 / (given[free] * (1.0 - level)).sum())


def stretched(segments_mm: npt.NDArray[np.float64], factor: float) -> npt.NDArray[np.float64]:
    """Segments (n, 2, 3) so many times as long about their own middles."""
    middle = segments_mm.mean(axis=1, keepdims=True)
    return np.asarray(middle + factor * (segments_mm - middle))


def distance_to_segment_mm(
    grid: Grid, start_lps_mm: npt.ArrayLike, stop_lps_mm: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Distance of each voxel centre ``[k, j, i]`` to a segment."""
    start, stop = (grid.to_ijk(p) * np.array(grid.spacing_mm) for p in (start_lps_mm, stop_lps_mm))
    along = stop - start
    squared = max(float(along @ along), 1e-12)
    k, j, i = np.ogrid[tuple(slice(0, n) for n in grid.shape)]
    away = [x * s - a for x, s, a in zip((i, j, k), grid.spacing_mm, start, strict=True)]
    t = np.clip(sum(x * v for x, v in zip(away, along, strict=True)) / squared, 0.0, 1.0)
    gaps = [x - t * v for x, v in zip(away, along, strict=True)]
    return np.asarray(np.sqrt(sum(g * g for g in gaps)))


def _mark_row(mask: Mask, grid: Grid, start: npt.NDArray[np.float64], stop: npt.NDArray[np.float64]) -> None:
    """Mark one voxel in each layer across the needle's main direction."""
    ends = grid.to_ijk(np.stack([start, stop]))
    main = int(np.abs(ends[1] - ends[0]).argmax())
    low, high = sorted((ends[0, main], ends[1, main]))
    first, last = int(np.ceil(low - 1e-6)), int(np.floor(high + 1e-6))
    layers = np.arange(first, max(first, last) + 1)
    share = (layers - ends[0, main]) / (ends[1, main] - ends[0, main])
    ijk = np.rint(ends[0] + share[:, None] * (ends[1] - ends[0])).astype(int)
    inside = np.all((ijk >= 0) & (ijk < np.array(grid.shape[::-1])), axis=1)
    i, j, k = ijk[inside].T
    mask[k, j, i] = True
