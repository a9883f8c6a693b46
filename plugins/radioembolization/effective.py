"""The biologically effective dose of lesions and of normal liver, and which dose it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from planner_plugins.radioembolization.voxels import LiverDose

from planner.planning.constants import Constant
from planner.planning.y90 import (
    LIVER_ALPHA_BETA,
    LIVER_REPAIR,
    TUMOR_ALPHA_BETA,
    TUMOR_REPAIR,
    bed_gy,
)


@dataclass(frozen=True)
class Tissue:
    """How a tissue repairs, and how much a high dose rate harms it more (Dale)."""

    repair_half_time: Constant
    alpha_beta: Constant

    def of_mean_gy(self, dose_gy: float | None) -> float | None:
        """The effective dose of a mean dose; None where there is none."""
        if dose_gy is None:
            return None
        return bed_gy(dose_gy, self.repair_half_time.value, self.alpha_beta.value)

    def mean_of_voxels_gy(self, dose: LiverDose, name: str) -> float:
        """The mean of the effective doses of a structure's voxels: never below that of the mean dose.

        BED is D + c D squared: the mean over voxels is larger by c times their variance.
        """
        inside = dose.inside[name].astype(float)
        values = dose.dose.dose_gy.astype(float)
        total = float(inside.sum())
        mean = float((values * inside).sum()) / total
        variance = float((np.square(values - mean) * inside).sum()) / total
        each = bed_gy(1.0, self.repair_half_time.value, self.alpha_beta.value) - 1.0
        return bed_gy(mean, self.repair_half_time.value, self.alpha_beta.value) + each * variance

    @property
    def words(self) -> str:
        """As a method says it: the effective dose is that of the mean dose, predicted or delivered."""
        repair, ratio = self.repair_half_time.value, self.alpha_beta.value
        return f"Dale: repair {repair:g} h, alpha/beta {ratio:g} Gy; of the mean dose"


TUMOR = Tissue(TUMOR_REPAIR, TUMOR_ALPHA_BETA)
NORMAL_LIVER = Tissue(LIVER_REPAIR, LIVER_ALPHA_BETA)
