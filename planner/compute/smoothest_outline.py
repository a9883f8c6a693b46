"""The smoothest surface that leaves every voxel centre on its side.

A binary mask says of each voxel centre only whether it lies inside.  Of all surfaces that agree,
the one with the least third derivatives is taken: ellipsoids come out as ellipsoids, their poles
between two thick slices included, and irregular lesions as smooth as their voxels allow.  (Least
second derivatives: Lempitsky, Surface extraction from binary volumes with higher-order
smoothness, CVPR 2010; these would flatten poles.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.spatial import cKDTree

from planner.compute.threads import use_one_blas_thread
from planner.compute.triharmonic import QUADRATICS, SplineBasis
from planner.compute.voxel_border import VoxelBorder, thinned
from planner.model.geometry import FloatArray

use_one_blas_thread()

#: Weight of the smoothness, from ellipsoids to whatever the voxels ask for.
STIFFNESS = tuple(10.0**n for n in range(2, -6, -1))
#: Voxel centres nearer to the outline than these shares of a voxel push it away: first wide, so
#: that it settles between them, then narrow, so that it parts them.
REACH = (0.35, 0.15, 0.05)
#: Voxel centres within this share of a voxel count as evidence when the uncertainty is judged.
EVIDENCE_REACH = 0.15
#: The outline parts the voxels well enough where none is on the wrong side by more than this share.
TOLERANCE = 0.06
#: Most spline centres, functions beside the quadratics, and voxels of the first round.
#: Where the first look shows a voxel this far on the wrong side, the outline is too stiff.
HOPELESS = 0.3
#: That a lesion is an exact ellipsoid is never believed when its uncertainty is judged.
STIFFEST_BELIEVED = 1.0
MOST_CENTERS = 380
MOST_FUNCTIONS = 240
MOST_VOXELS = 6000
#: Weight of a face's middle, which decides only where the voxel centres leave all open.
FACE_WEIGHT = 0.5
#: How much more it weighs where a lesion is one voxel thin, so that it stays as thick as its voxels.
THIN_WEIGHT = 10.0
#: Share of these weights that counts as knowledge when the uncertainty is judged.
FACE_KNOWLEDGE = 0.01


@dataclass(frozen=True)
class SmoothOutline:
    """A spline whose zero surface is the outline, about the signed distance in mm near it.

    Parameters
    ----------
    basis, weights
        The spline, positive inside; coordinates as in `VoxelBorder`.
    information
        Inverse covariance of the weights, shape (w, w).
    stiffness
        The weight of the smoothness that the voxels allowed.
    trespass_mm
        How far a voxel centre is on the wrong side at most (negative: none is).
    """

    basis: SplineBasis
    weights: FloatArray
    information: FloatArray
    stiffness: float
    trespass_mm: float

    def value(self, points_mm: FloatArray) -> FloatArray:
        """The spline at points (n, 3)."""
        return self.basis.value(points_mm, self.weights)

    def evaluate(self, points_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The spline (n,) and its gradient (n, 3) at points (n, 3)."""
        return self.basis.evaluate(points_mm, self.weights)

    def spread(self, points_mm: FloatArray) -> FloatArray:
        """How uncertain the spline's value is at points (n, 3), in its own unit."""
        functions = self.basis.values(points_mm)[:, : len(self.weights)]
        lower = cholesky(self.information, lower=True, check_finite=False)
        solved = solve_triangular(lower, functions.T, lower=True, check_finite=False)
        spread: FloatArray = np.sqrt((solved**2).sum(axis=0))
        return spread


def fit_outline(border: VoxelBorder, fine_mm: float) -> SmoothOutline:
    """The smoothest outline that parts the voxels of a border.

    Parameters
    ----------
    fine_mm
        Voxel size within the slices.
    """
    centers = thinned(border.face_middles_mm, MOST_CENTERS, 2.0 * fine_mm)
    basis = SplineBasis.around(centers, MOST_FUNCTIONS)
    chosen = _first_round(border, MOST_VOXELS)
    fit = _Fit(basis, border, chosen, fine_mm)
    tries: list[tuple[float, float, FloatArray]] = []
    for stiffness in STIFFNESS:
        trespass = fit.solve(stiffness)
        tries.append((stiffness, trespass, fit.weights))
        if trespass <= TOLERANCE * fine_mm:
            break
    # Where nothing parts all voxels (creases, drawing by hand), the stiffest that is nearly as good.
    enough = min(trespass for _, trespass, _ in tries) + TOLERANCE * fine_mm
    stiffness, trespass, weights = next(one for one in tries if one[1] <= enough)
    weights, information = fit.information(weights, min(stiffness, STIFFEST_BELIEVED))
    return SmoothOutline(basis, weights, information, stiffness, trespass)


def _first_round(border: VoxelBorder, most: int) -> npt.NDArray[np.int64]:
    touching = np.flatnonzero(border.touching)
    return touching[:: max(1, -(-len(touching) // most))]


class _Fit:
    """The state of one fit, from stiff to soft."""

    def __init__(
        self, basis: SplineBasis, border: VoxelBorder, chosen: npt.NDArray[np.int64], fine_mm: float
    ) -> None:
        self.basis, self.border, self.fine_mm = basis, border, fine_mm
        self.chosen = chosen
        self.functions = basis.values(border.centers_mm[chosen])
        self.sides = border.sides[chosen]
        faces = np.arange(0, len(border.face_inner_mm), max(1, len(border.face_inner_mm) // 1500))
        inner, outer = border.face_inner_mm[faces], border.face_outer_mm[faces]
        width = np.linalg.norm(outer - inner, axis=1)
        # Scale: along the faces the spline falls as a signed distance does, 2/3 of their width on
        # average over all directions.
        self.fall = (basis.values(inner) - basis.values(outer)).mean(axis=0) / (width.mean() * 2 / 3)
        trust = FACE_WEIGHT * (1.0 + THIN_WEIGHT / border.face_runs[faces] ** 3.0)
        middles = basis.values(0.5 * (inner + outer)) * (np.sqrt(trust) / width)[:, None]
        self.weak = (middles.T @ middles) * (len(border.face_inner_mm) / len(faces))
        self.gradient_at = thinned(border.face_middles_mm, 600, 0.8 * fine_mm)
        self.nearest = np.asarray(cKDTree(self.gradient_at).query(border.centers_mm)[1])
        self.size = (self.functions**2).sum(axis=0)
        self.weights = self._start()
        self._information = np.eye(len(self.weights))

    def _start(self) -> FloatArray:
        """A quadric fitted to the sides of the voxels."""
        quadratic = self.functions[:, :QUADRATICS]
        matrix = quadratic.T @ quadratic + 1e-6 * np.eye(QUADRATICS)
        weights = np.linalg.solve(matrix, quadratic.T @ (self.sides * 0.5 * self.fine_mm))
        return np.asarray(weights / max(float(self.fall[:QUADRATICS] @ weights), 1e-9), dtype=np.float64)

    def solve(self, stiffness: float) -> float:
        """Fit with a given stiffness; how far a voxel is on the wrong side at most, in mm."""
        self.weights = self._grown(self.weights, stiffness)
        for reach in REACH:
            for _ in range(2 if reach == REACH[0] else 1):
                self._descend(stiffness, reach * self.fine_mm)
            trespass = self._trespass(self.chosen).max()
            if trespass > HOPELESS * self.fine_mm:
                return float(trespass)
        for _ in range(3):
            wrong = self._trespass(None)
            trespass = wrong.max()
            missed = np.setdiff1d(np.flatnonzero(wrong > -EVIDENCE_REACH * self.fine_mm), self.chosen)
            if len(missed) == 0 or trespass <= 0:
                break
            self._add(missed)
            self._descend(stiffness, REACH[-1] * self.fine_mm)
        return float(trespass)

    def _trespass(self, chosen: npt.NDArray[np.int64] | None) -> FloatArray:
        """How far voxel centres are on the wrong side in mm; all of them where none are chosen."""
        rows = slice(None) if chosen is None else chosen
        value = self.basis.value(self.border.centers_mm[rows], self.weights)
        return np.asarray(-self.border.sides[rows] * value / self._slopes()[rows])

    def information(self, weights: FloatArray, stiffness: float) -> tuple[FloatArray, FloatArray]:
        """The weights, with zeros for functions not asked for, and their inverse covariance."""
        self.weights = self._grown(weights, stiffness)
        self._descend(stiffness, EVIDENCE_REACH * self.fine_mm, steps=0)
        return self.weights, self._information

    def _grown(self, weights: FloatArray, stiffness: float) -> FloatArray:
        """Weights with room for the functions that can be asked for at a stiffness."""
        wanted = np.flatnonzero(self.size > 0.02 * stiffness * (REACH[0] * self.fine_mm) ** 2)
        used = max(QUADRATICS, len(weights), int(wanted[-1]) + 1 if len(wanted) else 0)
        grown: FloatArray = np.concatenate([weights, np.zeros(used - len(weights))])
        return grown

    def _add(self, missed: npt.NDArray[np.int64]) -> None:
        self.chosen = np.concatenate([self.chosen, missed])
        self.functions = np.vstack([self.functions, self.basis.values(self.border.centers_mm[missed])])
        self.sides = self.border.sides[self.chosen]

    def _slopes(self) -> FloatArray:
        """Length of the gradient at each voxel, within a factor of four of the middle one."""
        slope = self.basis.gradient_lengths(self.gradient_at, self.weights)
        middle = max(float(np.median(slope)), 1e-3)
        return np.asarray(np.clip(slope, middle / 4, middle * 4)[self.nearest])

    def _descend(self, stiffness: float, reach_mm: float, steps: int = 25) -> None:
        """Least squared hinge loss and energy, by Newton's method; convex, so there is one answer."""
        used = len(self.weights)
        functions = self.functions[:, :used]
        sign = self.sides / (reach_mm * self._slopes()[self.chosen])
        fall = self.fall[:used]
        hold = 1e3 * len(self.sides)
        fixed = hold * np.outer(fall, fall) + self.weak[:used, :used]
        fixed[np.diag_indices(used)] += 1e-9
        fixed[np.arange(QUADRATICS, used), np.arange(QUADRATICS, used)] += stiffness

        def loss(weights: FloatArray, values: FloatArray) -> float:
            short = np.maximum(0.0, 1.0 - values)
            return float(short @ short + weights @ fixed @ weights - 2 * hold * (fall @ weights))

        weights = self.weights
        values = sign * (functions @ weights)
        best = loss(weights, values)
        for _ in range(steps):
            near = values < 1.0
            active = functions[near] * sign[near, None]
            matrix = active.T @ active + fixed
            target = active.sum(axis=0) + hold * fall
            step = cho_solve(cho_factor(matrix, check_finite=False), target, check_finite=False) - weights
            along = sign * (functions @ step)
            share = 1.0
            while share > 0.01:
                trial = loss(weights + share * step, values + share * along)
                if trial < best:
                    break
                share *= 0.5
            else:
                break
            weights = weights + share * step
            values = values + share * along
            gain, best = best - trial, trial
            if gain < 1e-3 * (best + hold) + 1e-3:
                break
        self.weights = weights
        near = values < 1.0
        active = functions[near] * sign[near, None]
        known = fixed - (1.0 - FACE_KNOWLEDGE) * self.weak[:used, :used]
        self._information = active.T @ active + known
