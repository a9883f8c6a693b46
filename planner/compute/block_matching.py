"""How well two scans fit, judged from small blocks of tissue: where does each fit best on its own?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.compute.tissue_texture import TissueTexture
from planner.model.geometry import FloatArray
from planner.model.registration import FitError, Registration

#: Radius of a block, distance of the blocks' middles at the least, and about how many there are at most.
BLOCK_MM, PITCH_MM, MOST_BLOCKS = 9.0, 18.0, 300
#: A block that is less like its partner than this (correlation) has found another place that looks like it.
LEAST_LIKENESS = 0.7
#: A block whose place is less sure than this says nothing, and one that moved farther has lost its way.
SURE_MM, FARTHEST_MM = 0.7, 12.0
#: Neighbouring samples of a texture are not independent: so many count as one.
SAMPLES_AS_ONE = 4.0
STEPS, FEWEST_BLOCKS = 12, 6
#: A block that is held this many times less along one direction than along another (squared) can slide:
#: a piece of skin, or a straight vessel.
SLIDING = 12.0
#: Beyond this a part of a block cannot be solved at all.
MOST_SLIDING = 1e4
#: A block stands still where it moves less.
STILL_MM = 0.01


@dataclass(frozen=True)
class BlockShifts:
    """Blocks of tissue that told where they belong.

    Parameters
    ----------
    centers_lps_mm
        Their middles in the first scan, shape (n, 3).
    shifts_mm
        From where the registration maps them to where they fit best, shape (n, 3).
    sure_mm
        Standard deviation of each shift's length, shape (n,).
    """

    centers_lps_mm: FloatArray
    shifts_mm: FloatArray
    sure_mm: FloatArray

    @property
    def rms_mm(self) -> float:
        """Root mean square of the shifts."""
        return float(np.sqrt((self.shifts_mm**2).sum(axis=1).mean()))


def block_shifts(
    registration: Registration, fixed: TissueTexture, moving: TissueTexture, points: FloatArray
) -> BlockShifts:
    """Match blocks around points (n, 3) of the first scan to the second."""
    ball = block_ball(fixed.grid.spacing_mm[0])
    centers, shifts, sure = [], [], []
    for center in block_middles(points, PITCH_MM):
        found = matched(registration, fixed, moving, center + ball)
        if found is not None:
            centers.append(center)
            shifts.append(found[0])
            sure.append(found[1])
    return BlockShifts(
        np.array(centers).reshape(-1, 3), np.array(shifts).reshape(-1, 3), np.array(sure, dtype=float)
    )


def estimated_error(
    registration: Registration, fixed: TissueTexture, moving: TissueTexture, points: FloatArray
) -> Registration:
    """A copy with its error estimated by blocks; unknown where too few blocks say anything."""
    found = block_shifts(registration, fixed, moving, points)
    if len(found.sure_mm) < FEWEST_BLOCKS:
        note = "The tissue shows too little structure to say how well the scans fit; mark landmarks"
        return replace(registration, notes=(*registration.notes, note))
    basis = f"estimated from {len(found.sure_mm)} blocks of tissue"
    return registration.estimated(FitError.of_rms(found.rms_mm, basis))


def block_ball(step_mm: float) -> FloatArray:
    """The points (n, 3) of a block around its middle, on a cubic lattice."""
    reach = np.arange(-BLOCK_MM, BLOCK_MM + 0.1, step_mm)
    ball = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(ball[np.linalg.norm(ball, axis=1) <= BLOCK_MM])


def block_middles(points: FloatArray, pitch_mm: float) -> FloatArray:
    """Means of the points in the fuller cells of a lattice, shape (n, 3)."""
    pitch = pitch_mm
    while True:
        _, group = np.unique(np.floor(points / pitch).astype(np.int64), axis=0, return_inverse=True)
        group = group.ravel()
        count = np.bincount(group)
        full = count > 0.3 * count.max()
        if np.count_nonzero(full) <= MOST_BLOCKS:
            break
        pitch *= 1.2
    return np.stack([np.bincount(group, points[:, d])[full] / count[full] for d in range(3)], axis=1)


def matched(
    registration: Registration,
    fixed: TissueTexture,
    moving: TissueTexture,
    block: FloatArray,
    start_mm: FloatArray | None = None,
) -> tuple[FloatArray, float] | None:
    """The shift with which a block fits best, and how sure it is; None where it says nothing.

    Parameters
    ----------
    start_mm
        Where to begin; such a block is a part of one that was trusted, and is not doubted again.  Not
        given: at no shift, and doubted.
    """
    wanted, _, known = fixed.sampled(block)
    if np.count_nonzero(known) < 0.7 * len(block):
        return None
    wanted = _standard(wanted[known])
    placed = registration.map_points(block[known])
    shift = np.zeros(3) if start_mm is None else np.array(start_mm, dtype=float)
    sure = np.inf
    for _ in range(STEPS):
        value, slope, inside = moving.sampled(placed + shift)
        if np.count_nonzero(inside) < 0.7 * len(block):
            return None
        spread = float(value[inside].std()) + 1e-9
        miss = (value[inside] - value[inside].mean()) / spread - wanted[inside]
        slope = slope[inside] / spread
        slope = slope - slope.mean(axis=0)
        matrix = slope.T @ slope
        slides = SLIDING if start_mm is None else MOST_SLIDING
        if not np.all(np.isfinite(matrix)) or np.linalg.cond(matrix) > slides:
            return None
        step = -np.linalg.solve(matrix, slope.T @ miss)
        length = float(np.linalg.norm(step))
        shift = shift + step * min(1.0, 3.0 / max(length, 1e-9))
        sure = _sure_mm(matrix, miss)
        if length < STILL_MM:
            break
    else:
        return None
    if np.linalg.norm(shift) > FARTHEST_MM:
        return None
    likeness = 1.0 - 0.5 * float(np.mean(miss**2))
    if start_mm is None and (sure > SURE_MM or likeness < LEAST_LIKENESS):
        return None
    return shift, sure


def _standard(values: npt.NDArray[np.float64]) -> FloatArray:
    return np.asarray((values - values.mean()) / (values.std() + 1e-9))


def _sure_mm(matrix: FloatArray, miss: FloatArray) -> float:
    variance = float(miss @ miss) / max(1, len(miss) - 3) * SAMPLES_AS_ONE
    return float(np.sqrt(variance * np.trace(np.linalg.inv(matrix))))
