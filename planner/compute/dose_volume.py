"""The dose-volume histogram of a region: which share of it receives how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray

#: Shares that differ by less are the same.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class DoseVolume:
    """The dose that at least a share of a region receives, over that share.

    The region's voxels are laid side by side from the highest dose to the lowest, each as wide as its
    share of the region's volume.  A voxel whose dose no other has counts at the middle of its width;
    voxels of one dose count over their whole width.  Between these points the dose is linear over the
    share; before the first it is the highest dose, after the last the lowest.  `dose_to_gy` reads this
    curve at a share, `share_above` is its inverse: the largest share with at least a dose.

    Parameters
    ----------
    shares, doses_gy
        Points of the curve: shares from 0 to 1 that do not fall, doses that do not rise; (n,).
    mean_gy
        Mean over the volume, of the voxels' own doses.
    volume_ml
        Of the region.
    """

    shares: FloatArray
    doses_gy: FloatArray
    mean_gy: float
    volume_ml: float

    @classmethod
    def of(
        cls,
        dose_gy: npt.NDArray[Any],
        weights: npt.NDArray[Any],
        voxel_volume_ml: float,
    ) -> DoseVolume:
        """The histogram of a region of a dose.

        Parameters
        ----------
        dose_gy
            Dose of each voxel, any shape.
        weights
            Part of each voxel that belongs to the region, 0 to 1, or a mask; same shape.
        voxel_volume_ml
            Volume of one voxel.

        Raises
        ------
        InvalidValue
            If the shapes differ, a weight is no share, a dose in the region is not finite, or the
            region is empty.
        """
        part = np.asarray(weights, dtype=float)
        if part.shape != dose_gy.shape:
            raise InvalidValue("A region needs the shape of the dose.", f"{part.shape}, dose {dose_gy.shape}")
        if not (voxel_volume_ml > 0 and np.isfinite(voxel_volume_ml)):
            raise InvalidValue("A voxel has a volume above zero.", f"{voxel_volume_ml:g} ml")
        if part.size and not (part.min() >= 0 and part.max() <= 1):
            raise InvalidValue("The part of a voxel in a region lies in 0 to 1.", "weights of a region")
        inside = part > 0
        dose, part = np.asarray(dose_gy)[inside].astype(float), part[inside]
        if not len(dose):
            raise InvalidValue(
                "An empty region has no dose.", "no voxel of the region", "Outline it on the dose's grid."
            )
        if not np.isfinite(dose).all():
            raise InvalidValue("A dose is a finite number.", f"{int((~np.isfinite(dose)).sum())} voxels")
        total = float(part.sum())
        shares, doses = _points(dose, part)
        return cls(shares, doses, float(dose @ part) / total, total * voxel_volume_ml)

    def __post_init__(self) -> None:
        shares, doses = (np.array(a, dtype=float) for a in (self.shares, self.doses_gy))
        if shares.ndim != 1 or shares.shape != doses.shape or not len(shares):
            raise InvalidValue("A histogram has a dose for each share.", f"{shares.shape}, {doses.shape}")
        if (np.diff(shares) < 0).any() or (np.diff(doses) > 0).any():
            raise InvalidValue("Over a growing share of a region the dose does not rise.", "histogram")
        for name, column in (("shares", shares), ("doses_gy", doses)):
            column.setflags(write=False)
            object.__setattr__(self, name, column)

    @property
    def least_gy(self) -> float:
        """The lowest dose of a voxel."""
        return float(self.doses_gy[-1])

    @property
    def most_gy(self) -> float:
        """The highest dose of a voxel."""
        return float(self.doses_gy[0])

    def dose_to_gy(self, percent: float) -> float:
        """D_x: the dose that the hottest x % of the volume receive at least.

        Raises
        ------
        InvalidValue
            If the percentage does not lie in 0 to 100.
        """
        if not 0 <= percent <= 100:
            raise InvalidValue("A share of a volume lies in 0 to 100 %.", f"D{percent:g}")
        share = percent / 100.0
        after = int(np.searchsorted(self.shares, share - _ROUNDING))
        if after >= len(self.shares):
            return self.least_gy
        if after == 0 or self.shares[after] <= share + _ROUNDING:
            return float(self.doses_gy[after])
        (s0, s1), (d0, d1) = self.shares[after - 1 : after + 1], self.doses_gy[after - 1 : after + 1]
        return float(d0 + (d1 - d0) * (share - s0) / (s1 - s0))

    def share_above(self, dose_gy: float) -> float:
        """V_x: the share of the volume, 0 to 1, that receives at least a dose.

        Raises
        ------
        InvalidValue
            If the dose is not a number.
        """
        if np.isnan(dose_gy):
            raise InvalidValue("A dose is a number.", f"V at {dose_gy} Gy")
        before = len(self.doses_gy) - 1 - int(np.searchsorted(self.doses_gy[::-1], dose_gy))
        if before < 0:
            return 0.0
        if before + 1 >= len(self.doses_gy):
            return 1.0
        (s0, s1), (d0, d1) = self.shares[before : before + 2], self.doses_gy[before : before + 2]
        return float(s0 + (s1 - s0) * (d0 - dose_gy) / (d0 - d1))

    def curve(self, doses_gy: npt.ArrayLike) -> FloatArray:
        """The cumulative histogram: the share that receives at least each of these doses, (n,)."""
        return np.array([self.share_above(float(d)) for d in np.asarray(doses_gy, dtype=float)])


def _points(dose: FloatArray, part: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points of the curve for voxels of a dose and a part each that lies in the region."""
    if part.min() == part.max():  # a mask, which is the common case and sorted faster
        dose = np.sort(dose)[::-1]
    else:
        order = np.argsort(dose)[::-1]
        dose, part = dose[order], part[order]
    first = np.flatnonzero(np.concatenate([[True], np.diff(dose) != 0]))
    width = np.add.reduceat(part, first)
    end = np.cumsum(width)
    end /= end[-1]
    start = np.concatenate([[0.0], end[:-1]])
    alone = np.diff(np.append(first, len(dose))) == 1
    middle = (start + end) / 2
    shares = np.stack([np.where(alone, middle, start), np.where(alone, middle, end)], axis=1).ravel()
    doses = np.repeat(dose[first], 2)
    keep = np.ones(len(shares), dtype=bool)
    keep[1::2] = ~alone
    shares, doses = shares[keep], doses[keep]
    return (
        np.concatenate([[0.0], shares, [1.0]]),
        np.concatenate([doses[:1], doses, doses[-1:]]),
    )
