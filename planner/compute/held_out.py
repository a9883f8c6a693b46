"""The error of a local registration, measured at blocks of tissue, a fifth of it held out of the fit.

Tissue that was fitted agrees with the fit by having made it.  A seeded fifth, in pieces as large as the
place that was treated, is therefore left out of a second fit, and its blocks are asked where they belong
by that one.  A fifth may miss the part of a liver the fit could not follow, so all other blocks are asked
too, by the whole fit; the larger of both mean squares counts.  Blocks have noise of their own, which is
no error of the registration: it is found from their halves, and taken off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.compute.block_matching import block_ball, block_middles, matched
from planner.compute.tissue_texture import TissueTexture
from planner.model.geometry import FloatArray, Grid
from planner.model.registration import RMS_OF_90, FitError, Registration

BoolArray = npt.NDArray[np.bool_]

#: A piece that is held out has edges of this size: no less than the spline's control points lie apart, and
#: no more than leaves enough tissue around it.
LEAST_HOLE_MM, MOST_HOLE_MM = 24.0, 48.0
#: One piece in so many is held out, at random with this seed.
ONE_IN, SEED = 5, 17
#: Distance of the middles of the blocks that are asked, and the fewest of them that say anything.
PITCH_MM, FEWEST_BLOCKS = 14.0, 12
#: So far the halves of a block lie apart: neighbouring voxels share their noise.
APART_MM = 4.0
#: What of the noise of two halves' mean is taken off: a block, which has no gap, has less.
NOISE_SHARE = 0.75
#: A mean square is told from none at so many of its standard errors: it is not taken to be less.
LEAST_DOUBT = 0.75
#: How much wider nine in ten places of the whole liver are than the blocks say: these stand where tissue
#: shows structure and the fit can follow.  Our rule; with it `tests/benchmarks/bench_local_error.py` finds,
#: on 14 deformations of a real liver and 22 of a made-up one, 35 of 36 said errors no less than the truth
#: and 32 no more than 2.5 times it (the others: little deformed, in tissue of little structure).
WIDER = 1.6


def hole_mm(ignored: BoolArray | None, grid: Grid) -> float:
    """Edge of the pieces to hold out: of a cube as large as what was left out of the fit for its treatment."""
    volume = 0.0 if ignored is None else 1000.0 * float(np.count_nonzero(ignored)) * grid.voxel_volume_ml
    return float(np.clip(np.cbrt(volume), LEAST_HOLE_MM, MOST_HOLE_MM))


def is_held_out(points_lps_mm: FloatArray, edge_mm: float) -> BoolArray:
    """Which points (n, 3) lie in the cubes that are held out, shape (n,); a fixed seed chooses."""
    low = points_lps_mm.min(axis=0)
    cells = np.floor((points_lps_mm - low) / edge_mm).astype(np.int64)
    _, group, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    order = np.random.default_rng(SEED).permutation(len(count))
    # By points and not by cubes: those at the liver's edge hold few.
    upto = np.cumsum(count[order]) <= max(count.sum() / ONE_IN, count[order[0]])
    is_chosen = np.zeros(len(count), dtype=bool)
    is_chosen[order[upto]] = True
    if is_chosen.all():
        is_chosen[:] = False  # too small to leave a part out: nothing will be said
    return np.asarray(is_chosen[group.ravel()])


def held_out_error(
    registration: Registration,
    without: Registration,
    fixed: TissueTexture,
    moving: TissueTexture,
    points_lps_mm: FloatArray,
    held: BoolArray,
) -> Registration:
    """A copy of a registration with its error as blocks of tissue say; unknown where too few say anything.

    Parameters
    ----------
    registration
        Fitted to all the tissue.
    without
        Fitted without the held-out tissue.
    points_lps_mm, held
        Points (n, 3) of the tissue in the first scan, and which of them were held out, (n,).
    """
    asked = asked_blocks(without, fixed, moving, points_lps_mm[held], has_noise=True)
    if len(asked.squares_mm2) < FEWEST_BLOCKS or len(asked.noise_mm2) < FEWEST_BLOCKS:
        note = "The tissue shows too little structure to say how well the scans fit; mark landmarks"
        return replace(registration.estimated(None), notes=(*registration.notes, note))
    noise = NOISE_SHARE * float(asked.noise_mm2.mean())
    fitted = asked_blocks(registration, fixed, moving, points_lps_mm[~held])
    square = max(_square_mm2(each.squares_mm2, noise) for each in (asked, fitted))
    count = len(asked.squares_mm2)
    basis = f"measured at {count + len(fitted.squares_mm2)} blocks of tissue, {count} held out of the fit"
    return registration.estimated(FitError.of_90(WIDER * RMS_OF_90 * float(np.sqrt(square)), basis))


@dataclass(frozen=True)
class AskedBlocks:
    """What blocks of tissue say of a registration.

    Parameters
    ----------
    squares_mm2
        Square of each block's shift, shape (n,).
    noise_mm2
        Of blocks whose halves could be asked: square of the noise of both halves' mean, shape (m,).
    """

    squares_mm2: FloatArray
    noise_mm2: FloatArray


def asked_blocks(
    registration: Registration,
    fixed: TissueTexture,
    moving: TissueTexture,
    points_lps_mm: FloatArray,
    *,
    has_noise: bool = False,
) -> AskedBlocks:
    """Ask blocks of tissue around points (n, 3) where they belong, and where wanted how sure that is."""
    squares: list[float] = []
    noise: list[float] = []
    ball = block_ball(fixed.grid.spacing_mm[0])
    # Opposite octants by turns: both halves have the block's middle and its reach.
    is_apart = np.abs(ball).min(axis=1) > APART_MM / 2
    is_odd = np.count_nonzero(ball > 0, axis=1) % 2 == 1
    halves = (ball[is_apart & is_odd], ball[is_apart & ~is_odd])
    for center in block_middles(points_lps_mm, PITCH_MM) if len(points_lps_mm) else ():
        whole = matched(registration, fixed, moving, center + ball)
        if whole is None:
            continue
        squares.append(float(whole[0] @ whole[0]))
        parts = [matched(registration, fixed, moving, center + h, whole[0]) for h in halves if has_noise]
        ends = [part[0] for part in parts if part is not None]
        if len(ends) == len(halves):
            apart = ends[0] - ends[1]
            noise.append(float(apart @ apart) / 4.0)
    return AskedBlocks(np.array(squares), np.array(noise))


def _square_mm2(squares_mm2: FloatArray, noise_mm2: float) -> float:
    """Mean square of the error, free of the blocks' noise; not less than what it can be told from."""
    if len(squares_mm2) < FEWEST_BLOCKS:
        return 0.0
    doubt = float(squares_mm2.std(ddof=1)) / float(np.sqrt(len(squares_mm2)))
    return max(float(squares_mm2.mean()) - noise_mm2, LEAST_DOUBT * doubt)
