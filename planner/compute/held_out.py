"""The error of a local registration, measured at tissue that was held out of its fit.

Blocks of tissue that were fitted agree with the fit by having made it.  A seeded fifth of the tissue,
in pieces as large as the place that was treated, is therefore left out of a second fit, and blocks of
it are asked where they belong.  Each block is asked in two halves without a common voxel: the noise of
the two is independent, so the mean of the product of their shifts is the mean square of the error alone,
free of the blocks' own noise.
"""

from __future__ import annotations

from dataclasses import replace

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
#: So far the halves of a block lie apart.
APART_MM = 4.0
#: A mean square is told from none at so many of its standard errors: it is not taken to be less.
LEAST_DOUBT = 0.75
#: How much wider nine in ten places of the whole liver are than the blocks say: these stand where tissue
#: shows structure and the fit can follow.  Set with the doubt on 20 made-up and real livers with known
#: smooth deformations of 1 to 9 mm, of which 19 were then said to be 1.0 to 2.5 times what they are.
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
    held_lps_mm: FloatArray,
) -> Registration:
    """A copy of a registration with its error as it is at held-out tissue; unknown where that says little.

    Parameters
    ----------
    registration
        Fitted to all the tissue.
    without
        Fitted without the held-out tissue.
    held_lps_mm
        Points (n, 3) of that tissue in the first scan.
    """
    squares = held_out_squares_mm2(without, fixed, moving, held_lps_mm)
    if len(squares) < FEWEST_BLOCKS:
        note = "The tissue shows too little structure to say how well the scans fit; mark landmarks"
        return replace(registration.estimated(None), notes=(*registration.notes, note))
    doubt = float(squares.std(ddof=1)) / np.sqrt(len(squares))
    square = max(float(squares.mean()), LEAST_DOUBT * doubt)
    basis = f"measured at {len(squares)} blocks of tissue held out of the fit"
    return registration.estimated(FitError.of_90(WIDER * RMS_OF_90 * float(np.sqrt(square)), basis))


def held_out_squares_mm2(
    without: Registration, fixed: TissueTexture, moving: TissueTexture, held_lps_mm: FloatArray
) -> FloatArray:
    """Products of the shifts of both halves of each block that says where it belongs, shape (n,)."""
    if not len(held_lps_mm):
        return np.zeros(0)
    ball = block_ball(fixed.grid.spacing_mm[0])
    # Opposite octants by turns: both halves have the block's middle and its reach.  Neighbouring voxels
    # share their noise, so what lies between the octants belongs to neither.
    is_apart = np.abs(ball).min(axis=1) > APART_MM / 2
    is_odd = np.count_nonzero(ball > 0, axis=1) % 2 == 1
    parts = (is_apart & is_odd, is_apart & ~is_odd)
    squares = []
    for center in block_middles(held_lps_mm, PITCH_MM):
        whole = matched(without, fixed, moving, center + ball)
        if whole is None:
            continue
        # From no shift on: begun where the whole block ended, both would share its going astray.
        halves = [matched(without, fixed, moving, center + ball[part], np.zeros(3)) for part in parts]
        if halves[0] is not None and halves[1] is not None:
            squares.append(float(halves[0][0] @ halves[1][0]))
    return np.array(squares)
