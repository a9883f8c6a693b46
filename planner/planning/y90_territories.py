"""Doses of a treatment by several tips: each territory with its own normal liver, tumours and activity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from planner.base.errors import InvalidValue
from planner.planning.y90 import Convention, checked_not_negative, checked_positive
from planner.planning.y90_activity import Delivery

NO_RATIO = "unknown: enter the tumour-to-normal ratio of each tumour that is fed"
NO_WHOLE = "unknown: enter the volume of the whole normal liver"


@dataclass(frozen=True)
class FedTumor:
    """The part of a lesion that lies in a territory.

    Parameters
    ----------
    name
        Of the lesion; the parts of one lesion in several territories share it.
    volume_ml
        Of the part.
    ratio
        Activity per ml in the tumour over activity per ml in the normal liver of the territory: a ratio
        of concentrations, not of whole activities; None where it is not known.

    Raises
    ------
    InvalidValue
        If it has no name, or volume or ratio are not above zero.
    """

    name: str
    volume_ml: float
    ratio: float | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidValue("A tumour in a territory needs the name of its lesion.", "tumour")
        checked_positive(self.volume_ml, f"volume of '{self.name}'", "ml")
        if self.ratio is not None:
            checked_positive(self.ratio, f"tumour-to-normal ratio of '{self.name}'", "to 1")


@dataclass(frozen=True)
class Territory:
    """What one tip feeds; territories of one treatment do not overlap.

    Parameters
    ----------
    name
        Of the tip or the vessel.
    normal_ml
        Normal liver in it, without tumours.
    tumors
        Parts of lesions in it, each lesion once.

    Raises
    ------
    InvalidValue
        If it has no name, nothing is perfused, or a lesion stands twice.
    """

    name: str
    normal_ml: float
    tumors: tuple[FedTumor, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tumors", tuple(self.tumors))
        if not self.name:
            raise InvalidValue("A territory needs a name.", "territory")
        checked_not_negative(self.normal_ml, f"normal liver of '{self.name}'", "ml")
        if not self.perfused_ml > 0:
            raise InvalidValue(
                "Nothing is perfused.",
                f"territory '{self.name}': 0 ml",
                "Choose a tip that feeds liver, or outline its perfused volume.",
            )
        if len({t.name for t in self.tumors}) < len(self.tumors):
            raise InvalidValue("A lesion stands once in a territory.", f"territory '{self.name}'")

    @property
    def tumor_ml(self) -> float:
        """All tumour in it."""
        return math.fsum(t.volume_ml for t in self.tumors)

    @property
    def perfused_ml(self) -> float:
        """Normal liver and tumours."""
        return self.normal_ml + self.tumor_ml

    @property
    def is_partitioned(self) -> bool:
        """Whether the activity of each of its parts is known: by ratios, or since there is one part alone."""
        parts = len(self.tumors) + (self.normal_ml > 0)
        return parts == 1 or all(t.ratio is not None for t in self.tumors)


@dataclass(frozen=True)
class WholeLiver:
    """The whole liver, perfused or not: what mean doses of the whole are over."""

    normal_ml: float
    tumor_ml: float = 0.0

    def __post_init__(self) -> None:
        checked_positive(self.normal_ml, "volume of the whole normal liver", "ml")
        checked_not_negative(self.tumor_ml, "volume of all tumours", "ml")


@dataclass(frozen=True)
class PartDose:
    """Activity in a part of a territory, and its mean dose."""

    name: str
    volume_ml: float
    activity_gbq: float
    dose_gy: float


@dataclass(frozen=True)
class TerritoryDose:
    """What a territory gets.

    Parameters
    ----------
    territory
        Whose doses they are.
    activity_gbq
        In its vial at the time of treatment.
    perfused_gy
        Mean of normal liver and tumours together.
    normal
        Of its normal liver; None where it has none, or the ratios are not known.
    tumors
        Of its parts of lesions; empty where it has none, or the ratios are not known.
    """

    territory: Territory
    activity_gbq: float
    perfused_gy: float
    normal: PartDose | None = None
    tumors: tuple[PartDose, ...] = ()


@dataclass(frozen=True)
class TreatmentDose:
    """What one treatment leaves in territories, lesions, liver and lungs; None where it is unknown.

    Parameters
    ----------
    convention
        By which activity became dose.
    territories
        Each with its parts.
    activity_gbq
        In all vials at the time of treatment.
    perfused_gy
        Mean of all perfused volumes.
    perfused_normal_gy
        Mean of the normal liver in them.
    whole_normal_gy, whole_liver_gy
        Mean of all normal liver, and of the liver with its tumours, perfused or not.
    lung_gy
        Mean of the lungs.
    lesions_gy
        Mean of the fed parts of each lesion, by name; empty where the ratios are not known.
    """

    convention: Convention
    territories: tuple[TerritoryDose, ...]
    activity_gbq: float
    perfused_gy: float
    perfused_normal_gy: float | None
    whole_normal_gy: float | None
    whole_liver_gy: float | None
    lung_gy: float
    lesions_gy: Mapping[str, float]


def treatment_dose(
    territories: Sequence[Territory],
    activities_gbq: Sequence[float],
    delivery: Delivery,
    convention: Convention,
    whole: WholeLiver | None = None,
) -> TreatmentDose:
    """Doses of a treatment: each territory's activity is parted by mass times ratio (partition model).

    With one tumour of ratio r: A_T = A (1-L) (1-R) r m_T / (r m_T + m_N), D = k A / m (Ho 1996,
    Eur J Nucl Med 23:947).

    Parameters
    ----------
    territories, activities_gbq
        What each tip feeds, and the activity in its vial at the time of treatment.
    whole
        The whole liver, where it is known.

    Raises
    ------
    InvalidValue
        If there is no territory, names or numbers do not fit, or the whole is smaller than its parts.
    """
    if not territories or len(territories) != len(activities_gbq):
        raise InvalidValue(
            "Each territory needs its activity.", f"{len(territories)} and {len(activities_gbq)}"
        )
    if len({t.name for t in territories}) < len(territories):
        raise InvalidValue("A territory stands once in a treatment.", ", ".join(t.name for t in territories))
    _check_whole(territories, whole)
    given = [checked_not_negative(a, "activity", "GBq") for a in activities_gbq]
    doses = tuple(
        _territory_dose(t, a, delivery, convention) for t, a in zip(territories, given, strict=True)
    )
    total = math.fsum(given)
    perfused_ml = math.fsum(t.perfused_ml for t in territories)
    liver_gbq = total * delivery.to_liver
    normal_ml = math.fsum(t.normal_ml for t in territories)
    normal_gbq = (
        math.fsum(d.normal.activity_gbq for d in doses if d.normal is not None)
        if all(t.is_partitioned for t in territories)
        else None
    )

    def mean_gy(activity_gbq: float | None, volume_ml: float) -> float | None:
        if activity_gbq is None or not volume_ml > 0:
            return None
        return convention.coefficient.value * activity_gbq / convention.mass_kg(volume_ml)

    return TreatmentDose(
        convention,
        doses,
        total,
        mean_gy(liver_gbq, perfused_ml) or 0.0,
        mean_gy(normal_gbq, normal_ml),
        mean_gy(normal_gbq, whole.normal_ml) if whole else None,
        mean_gy(liver_gbq, whole.normal_ml + whole.tumor_ml) if whole else None,
        delivery.lung_dose_gy(total, convention),
        MappingProxyType(_lesions(doses, convention)),
    )


def _territory_dose(
    territory: Territory, activity_gbq: float, delivery: Delivery, convention: Convention
) -> TerritoryDose:
    liver_gbq = activity_gbq * delivery.to_liver

    def part(name: str, volume_ml: float, share: float) -> PartDose:
        own = liver_gbq * share
        return PartDose(
            name, volume_ml, own, convention.coefficient.value * own / convention.mass_kg(volume_ml)
        )

    mean = part(territory.name, territory.perfused_ml, 1.0).dose_gy
    if not territory.is_partitioned:
        return TerritoryDose(territory, activity_gbq, mean)
    uptakes = [(t.ratio or 1.0) * t.volume_ml for t in territory.tumors]
    taken = math.fsum([territory.normal_ml, *uptakes])
    has_normal = territory.normal_ml > 0
    return TerritoryDose(
        territory,
        activity_gbq,
        mean,
        part("normal liver", territory.normal_ml, territory.normal_ml / taken) if has_normal else None,
        tuple(part(t.name, t.volume_ml, u / taken) for t, u in zip(territory.tumors, uptakes, strict=True)),
    )


def _lesions(doses: Sequence[TerritoryDose], convention: Convention) -> dict[str, float]:
    """Mean dose of each lesion over its parts; a lesion with a part of unknown dose is left out."""
    unknown = {t.name for d in doses if not d.territory.is_partitioned for t in d.territory.tumors}
    parts: dict[str, list[PartDose]] = {}
    for dose in doses:
        for tumor in dose.tumors:
            if tumor.name not in unknown:
                parts.setdefault(tumor.name, []).append(tumor)
    return {
        name: convention.coefficient.value
        * math.fsum(p.activity_gbq for p in own)
        / convention.mass_kg(math.fsum(p.volume_ml for p in own))
        for name, own in parts.items()
    }


def _check_whole(territories: Sequence[Territory], whole: WholeLiver | None) -> None:
    if whole is None:
        return
    for word, all_ml, fed_ml in (
        ("normal liver", whole.normal_ml, math.fsum(t.normal_ml for t in territories)),
        ("tumour", whole.tumor_ml, math.fsum(t.tumor_ml for t in territories)),
    ):
        if fed_ml > all_ml * (1.0 + 1e-6):
            raise InvalidValue(
                f"More {word} is perfused than there is.",
                f"{fed_ml:g} of {all_ml:g} ml",
                "Take apart territories that overlap, or correct the whole.",
            )
