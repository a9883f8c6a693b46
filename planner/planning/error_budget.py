"""What is not known exactly of an achieved margin, and the 90 % interval it makes.

Where the lesion lies in the later scan, what voxels leave open, how a hand draws, how much tissue shrank.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.lesion_outline import LesionOutline
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray
from planner.model.registration import RMS_OF_90, Registration
from planner.planning.constants import Constant
from planner.planning.robustness import SIGMA_OF_90

#: How far apart two people draw one border, as a standard deviation.
OUTLINE_HAND = Constant(
    0.5, "mm", "how far one hand draws a border from another's; no publication", Confidence.OUR_RULE
)
#: Heated tissue shrinks by up to this share of its length.  A lesion outlined before is then compared
#: with a zone that became smaller, and the true margin is larger; never smaller.
CONTRACTION = Constant(
    0.05, "", "linear shrinkage of the zone, 0 to 5 % of the distance to its middle; no publication",
    Confidence.OUR_RULE, 0.0, 0.3,
)  # fmt: skip
SAMPLES, SEED = 2000, 11


@dataclass(frozen=True)
class ErrorBudget:
    """What stands between the measured margin and the true one.

    Parameters
    ----------
    registration_mm
        Root mean square error of the registration, in three dimensions; of a normal error with the 90 %
        that was found, where one was.
    outline_hand
        Standard deviation of a hand-drawn border, for lesion and zone alike.
    contraction
        Most linear shrinkage of the zone, 0..0.3.
    seed
        The same seed gives the same interval.
    """

    registration_mm: float
    outline_hand: Constant = OUTLINE_HAND
    contraction: Constant = CONTRACTION
    seed: int = SEED

    def __post_init__(self) -> None:
        for value, top, word in (
            (self.registration_mm, 50.0, "registration's error"),
            (self.outline_hand.value, 10.0, "outline's error"),
            (self.contraction.value, 0.3, "contraction"),
        ):
            if not 0.0 <= value <= top:
                raise InvalidValue(f"The {word} lies between 0 and {top:g}.", f"{value}")

    @classmethod
    def of(cls, registration: Registration) -> ErrorBudget:
        """With the registration's own error: that of a normal error with the same 90 %.

        Raises
        ------
        InvalidValue
            If nobody knows how well the scans fit.
        """
        if registration.within_90_mm is None:
            raise InvalidValue(
                "How well the two scans fit is not known.",
                f"registration {registration.words}",
                "Mark landmarks in both scans to measure it.",
            )
        return cls(registration.within_90_mm / RMS_OF_90)


@dataclass(frozen=True)
class MarginUnknowns:
    """The error budget at each surface point: how a margin moves with each unknown.

    Parameters
    ----------
    slope
        How the margin rises as the lesion moves, shape (n, 3).
    voxels_mm
        Half width (90 %) that the voxels of lesion and zone leave open, shape (n,).
    to_middle_mm
        Distance to the zone's middle, shape (n,).
    budget
        The rest.
    """

    slope: FloatArray
    voxels_mm: FloatArray
    to_middle_mm: FloatArray
    budget: ErrorBudget

    @classmethod
    def of(
        cls,
        lesion: LesionOutline,
        zone: LesionOutline,
        points: FloatArray,
        slope: FloatArray,
        foot: npt.NDArray[np.intp],
        budget: ErrorBudget,
    ) -> MarginUnknowns:
        """Of surface points (n, 3) of a lesion, by the slope of their margin and their feet on the zone."""
        middle = np.average(zone.samples.points_lps_mm, axis=0, weights=zone.samples.area_mm2)
        voxels = np.hypot(lesion.error_mm, zone.error_mm[foot])
        return cls(slope, voxels, np.linalg.norm(points - middle, axis=1), budget)

    def interval_mm(self, margins: FloatArray) -> tuple[float, float]:
        """5th and 95th percentile of the least margin; shrinkage counts for the upper end alone."""
        shift, drawn, shrunk = self._draws()
        sigma = np.array([SIGMA_OF_90, self.budget.outline_hand.value * np.sqrt(2.0)])
        least, most = np.empty(SAMPLES), np.empty(SAMPLES)
        for n in range(SAMPLES):
            off = drawn[n, 0] * sigma[0] * self.voxels_mm + drawn[n, 1] * sigma[1]
            moved = margins + self.slope @ shift[n] + off
            least[n] = moved.min()
            most[n] = (moved + shrunk[n] * self.to_middle_mm).min()
        return float(np.percentile(least, 5.0)), float(np.percentile(most, 95.0))

    def parts_mm(self, margins: FloatArray) -> Mapping[str, float]:
        """What each part makes alone at the weakest place."""
        weakest = int(np.argmin(margins))
        return {
            "registration": self.budget.registration_mm / math.sqrt(3.0) / SIGMA_OF_90,
            "voxels": float(self.voxels_mm[weakest]),
            "outline": self.budget.outline_hand.value * math.sqrt(2.0) / SIGMA_OF_90,
            "contraction": self.budget.contraction.value * float(self.to_middle_mm[weakest]),
        }

    def _draws(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        rng = np.random.default_rng(self.budget.seed)
        shift = rng.standard_normal((SAMPLES, 3)) * self.budget.registration_mm / np.sqrt(3.0)
        drawn = rng.standard_normal((SAMPLES, 2))
        return shift, drawn, rng.uniform(0.0, self.budget.contraction.value, SAMPLES)

    def of_points(self, chosen: npt.NDArray[np.intp]) -> MarginUnknowns:
        """Of some of the surface points alone."""
        return MarginUnknowns(
            self.slope[chosen], self.voxels_mm[chosen], self.to_middle_mm[chosen], self.budget
        )
