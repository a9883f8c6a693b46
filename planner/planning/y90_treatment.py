"""A treatment with microspheres by one or more tips, and the dose each GBq of it leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from planner.base.errors import InvalidValue
from planner.planning.y90 import Convention, checked_not_negative
from planner.planning.y90_activity import Delivery
from planner.planning.y90_limits import Dosed
from planner.planning.y90_territories import (
    NO_RATIO,
    NO_WHOLE,
    Territory,
    TreatmentDose,
    WholeLiver,
    treatment_dose,
)


@dataclass(frozen=True)
class EarlierDose:
    """What earlier treatments left: it counts against what is still allowed.

    Parameters
    ----------
    lung_gy, whole_normal_gy
        Mean doses of the lungs and of the whole normal liver.
    perfused_normal_gy
        Mean dose of the normal liver that is perfused now.
    """

    lung_gy: float = 0.0
    whole_normal_gy: float = 0.0
    perfused_normal_gy: float = 0.0

    def __post_init__(self) -> None:
        checked_not_negative(self.lung_gy, "earlier dose of the lungs", "Gy")
        checked_not_negative(self.whole_normal_gy, "earlier dose of the whole normal liver", "Gy")
        checked_not_negative(self.perfused_normal_gy, "earlier dose of the perfused normal liver", "Gy")

    def of(self, dosed: Dosed) -> float:
        """What counts against a limit; 0 where a limit is of this treatment alone."""
        counted = {
            Dosed.LUNG_TOTAL: self.lung_gy,
            Dosed.WHOLE_NORMAL: self.whole_normal_gy,
            Dosed.PERFUSED_NORMAL: self.perfused_normal_gy,
        }
        return counted.get(dosed, 0.0)


@dataclass(frozen=True)
class Treatment:
    """A treatment by one or more tips, without its amount.

    Parameters
    ----------
    territories
        What each tip feeds.
    delivery
        What becomes of the activity.
    whole
        The whole liver, where it is known.
    earlier
        What earlier treatments left.
    shares
        Part of the whole activity for each tip; by perfused volume where empty, so that all perfused
        volumes get the same mean dose.

    Raises
    ------
    InvalidValue
        If there is no territory, or the shares are not one for each that add up to 1.
    """

    territories: tuple[Territory, ...]
    delivery: Delivery
    whole: WholeLiver | None = None
    earlier: EarlierDose = field(default_factory=EarlierDose)
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        territories = tuple(self.territories)
        if not territories:
            raise InvalidValue("Nothing is perfused.", "treatment", "Choose a tip that feeds liver.")
        perfused = math.fsum(t.perfused_ml for t in territories)
        shares = tuple(self.shares) or tuple(t.perfused_ml / perfused for t in territories)
        if len(shares) != len(territories):
            raise InvalidValue("Each tip needs its share.", f"{len(shares)} for {len(territories)} tips")
        object.__setattr__(self, "territories", territories)
        object.__setattr__(self, "shares", checked_shares(shares))

    def dose(self, activity_gbq: float, convention: Convention) -> TreatmentDose:
        """What an activity, parted over the tips, leaves."""
        parted = [share * activity_gbq for share in self.shares]
        return treatment_dose(self.territories, parted, self.delivery, convention, self.whole)


def checked_shares(shares: Sequence[float]) -> tuple[float, ...]:
    """Parts of one whole.

    Raises
    ------
    InvalidValue
        If one is negative, or they do not add up to 1.
    """
    if not all(math.isfinite(s) and s >= 0 for s in shares) or abs(math.fsum(shares) - 1.0) > 1e-6:
        raise InvalidValue(
            "The shares of the tips must add up to 1, none below zero.",
            ", ".join(f"{s:g}" for s in shares),
            "Correct the shares.",
        )
    return tuple(float(s) for s in shares)


def gy_per_gbq(
    treatment: Treatment, convention: Convention, of: Dosed, lesion: str = ""
) -> tuple[float | None, str]:
    """Mean dose for each GBq in the vials; None with the reason where it is unknown.

    Of several tumours the one with the lowest dose.

    Raises
    ------
    InvalidValue
        If a lesion is named that no territory feeds.
    """
    fed = sorted({t.name for territory in treatment.territories for t in territory.tumors})
    if lesion and lesion not in fed:
        raise InvalidValue(
            "No territory feeds this lesion.", lesion, f"Choose one of: {', '.join(fed) or 'none is fed'}."
        )
    dose = treatment.dose(1.0, convention)
    if of == Dosed.TUMOR:
        wanted = [lesion] if lesion else fed
        if not wanted:
            return None, "no tumour is fed"
        found = [dose.lesions_gy.get(name) for name in wanted]
        known = [gy for gy in found if gy is not None]
        return (min(known), "") if len(known) == len(wanted) else (None, NO_RATIO)
    if of == Dosed.PERFUSED_NORMAL:
        if not any(t.normal_ml > 0 for t in treatment.territories):
            return 0.0, ""
        return dose.perfused_normal_gy, NO_RATIO if dose.perfused_normal_gy is None else ""
    if of == Dosed.WHOLE_NORMAL:
        if dose.whole_normal_gy is None:
            return None, NO_WHOLE if treatment.whole is None else NO_RATIO
        return dose.whole_normal_gy, ""
    return (dose.perfused_gy if of == Dosed.PERFUSED else dose.lung_gy), ""
