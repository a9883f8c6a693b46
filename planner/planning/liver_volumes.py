"""Volumes a remnant is judged by: standard liver volume, shares, growth, and their thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence
from planner.model.case import Patient
from planner.planning.constants import Constant

_READ, _K, _U = Confidence.SOURCE_READ, Confidence.ESTABLISHED, Confidence.UNVERIFIED

#: Outside these a height or weight is taken for a slip of the pen.
HEIGHT_CM, WEIGHT_KG = (100.0, 230.0), (25.0, 300.0)
#: Of liver, where a volume is compared with a weight by mass.
LIVER_DENSITY = Constant(1.05, "g/ml", "H17 of the reference sheet; practice takes 1 g/ml", _K)


# body surface ------------------------------------------------------------------------------


def mosteller_m2(height_cm: float, weight_kg: float) -> float:
    """Body surface, m²: Mosteller 1987, N Engl J Med 317:1098."""
    return math.sqrt(height_cm * weight_kg / 3600.0)


def dubois_m2(height_cm: float, weight_kg: float) -> float:
    """Body surface, m²: DuBois and DuBois 1916, Arch Intern Med 17:863."""
    return 0.007184 * math.pow(height_cm, 0.725) * math.pow(weight_kg, 0.425)


BODY_SURFACES: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "mosteller": ("Mosteller", mosteller_m2),
    "dubois": ("DuBois", dubois_m2),
}


# standard liver volume ---------------------------------------------------------------------


@dataclass(frozen=True)
class VolumeFormula:
    """A formula for the volume a healthy liver would have in a body.

    Parameters
    ----------
    title
        Shown beside the number.
    source
        Publication.
    confidence
        How sure we are of the formula.
    takes_surface
        Whether it takes the body surface; weight and height otherwise.
    """

    title: str
    source: str
    confidence: Confidence
    takes_surface: bool
    of: Callable[[float, float, float], float]


#: By word of the setting; each takes body surface in m², weight in kg and height in cm and gives ml.
FORMULAS: dict[str, VolumeFormula] = {
    "vauthey": VolumeFormula(
        "Vauthey, −794.41 + 1267.28 × body surface",
        "Vauthey 2002, Liver Transpl 8:233; J Surg Oncol 2019;119:594 T1",
        _READ,
        True,
        lambda m2, kg, cm: -794.41 + 1267.28 * m2,
    ),
    "vauthey_weight": VolumeFormula(
        "Vauthey, 191.80 + 18.51 × weight",
        "Vauthey 2002, Liver Transpl 8:233",
        _K,
        False,
        lambda m2, kg, cm: 191.80 + 18.51 * kg,
    ),
    "urata": VolumeFormula(
        "Urata, 706.2 × body surface + 2.4 (Japanese)",
        "Urata (Japanese), from a secondary source",
        _READ,
        True,
        lambda m2, kg, cm: 706.2 * m2 + 2.4,
    ),
    "yu": VolumeFormula(
        "Yu, 21.585 × weight^0.732 × height^0.225 (Korean)",
        "Yu (Korean), from a secondary source",
        _READ,
        False,
        lambda m2, kg, cm: 21.585 * kg**0.732 * cm**0.225,
    ),
}


@dataclass(frozen=True)
class StandardVolume:
    """A standard liver volume with how it was computed; None with the reason where it is unknown."""

    volume_ml: float | None
    method: str
    why_not: str = ""


def standard_volume(patient: Patient, formula: str = "vauthey", surface: str = "mosteller") -> StandardVolume:
    """The volume a healthy liver of this patient would have.

    Height and weight are never assumed: where one is missing or cannot be, the volume is unknown.

    Raises
    ------
    InvalidValue
        If there is no such formula.
    """
    if formula not in FORMULAS or surface not in BODY_SURFACES:
        raise InvalidValue(
            "There is no such formula.",
            f"{formula}, {surface}",
            f"Choose one of {', '.join(FORMULAS)}, and {', '.join(BODY_SURFACES)}.",
        )
    chosen = FORMULAS[formula]
    surface_title, surface_of = BODY_SURFACES[surface]
    method = f"{chosen.title}; {chosen.source}"
    if chosen.takes_surface:
        method += f"; body surface by {surface_title}"
    needs_height = chosen.takes_surface or formula == "yu"
    why = missing_size(patient, needs_height)
    if why:
        return StandardVolume(None, method, why)
    weight, height = patient.weight_kg or 0.0, patient.height_cm or 0.0
    area = surface_of(height, weight) if chosen.takes_surface else 0.0
    return StandardVolume(chosen.of(area, weight, height), method)


def missing_size(patient: Patient, needs_height: bool = True) -> str:
    """Why height or weight cannot be computed with, in words; empty where they can."""
    missing = [
        word
        for word, value, is_needed in (
            ("height", patient.height_cm, needs_height),
            ("weight", patient.weight_kg, True),
        )
        if is_needed and not value
    ]
    if missing:
        return f"unknown: enter {' and '.join(missing)}"
    for word, unit, value, (low, high), is_needed in (
        ("height", "cm", patient.height_cm, HEIGHT_CM, needs_height),
        ("weight", "kg", patient.weight_kg, WEIGHT_KG, True),
    ):
        if is_needed and value is not None and not low <= value <= high:
            return f"unknown: a {word} of {value:g} {unit} is not plausible ({low:g} to {high:g})"
    return ""


# shares ------------------------------------------------------------------------------------


def share_of_measured(remnant_ml: float, total_ml: float, tumor_ml: float = 0.0) -> float:
    """Remnant over the measured liver without tumour and treated tissue, in percent.

    Raises
    ------
    InvalidValue
        If nothing of the liver works.
    """
    working = total_ml - tumor_ml
    if not working > 0:
        raise InvalidValue(
            "Nothing of the liver is left to work.", f"{total_ml:g} ml, tumour {tumor_ml:g} ml"
        )
    return 100.0 * remnant_ml / working


def share_of_weight(remnant_ml: float, weight_kg: float, density_g_per_ml: float = 1.0) -> float:
    """Remnant over body weight, in percent: Truant 2007, J Am Coll Surg 204:22.

    Practice takes 1 g/ml; `LIVER_DENSITY` gives the mass.
    """
    return 100.0 * remnant_ml * density_g_per_ml / (1000.0 * weight_kg)


def hypertrophy_points(first_percent: float, second_percent: float) -> float:
    """Degree of hypertrophy: difference of the standardised shares, in percentage points."""
    return second_percent - first_percent


def kinetic_growth_percent_per_week(points: float, weeks: float) -> float:
    """Degree of hypertrophy at the first volumetry over the weeks elapsed: Shindoh 2013, J Am Coll Surg 216:201.

    Raises
    ------
    InvalidValue
        If no time has passed.
    """
    if not weeks > 0:
        raise InvalidValue("Growth needs a time between the two scans.", f"{weeks:g} weeks")
    return points / weeks


# thresholds --------------------------------------------------------------------------------


class LiverState(StrEnum):
    """What a liver has been through; nobody assumes it is healthy."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    CHEMOTHERAPY = "chemotherapy"
    CIRRHOTIC = "cirrhotic"
    STEATOTIC = "steatotic"
    CHOLESTATIC = "cholestatic"


class Denominator(StrEnum):
    """What a threshold was published as a share of."""

    STANDARD = "standard"
    MEASURED = "measured"
    WEIGHT = "weight"
    SURFACE = "surface"


@dataclass(frozen=True)
class RemnantThreshold:
    """The least share of liver that should remain, for a state and of what it was published for."""

    state: LiverState
    of: Denominator
    least: Constant


def _least(
    state: LiverState, of: Denominator, value: float, source: str, confidence: Confidence
) -> RemnantThreshold:
    unit = "ml/m²" if of == Denominator.SURFACE else "%"
    return RemnantThreshold(state, of, Constant(value, unit, source, confidence))


_STANDARD, _MEASURED, _WEIGHT = Denominator.STANDARD, Denominator.MEASURED, Denominator.WEIGHT
_TABLE = "table of PMC6422720"
THRESHOLDS: tuple[RemnantThreshold, ...] = (
    _least(LiverState.HEALTHY, _STANDARD, 20.0, f"Kishi, {_TABLE}", _READ),
    _least(LiverState.HEALTHY, _STANDARD, 25.0, f"Vauthey, {_TABLE}", _READ),
    _least(LiverState.HEALTHY, _MEASURED, 25.0, f"Shoup, {_TABLE}", _READ),
    _least(LiverState.HEALTHY, _WEIGHT, 0.5, "Truant 2007, J Am Coll Surg 204:22", _K),
    _least(LiverState.CHEMOTHERAPY, _STANDARD, 30.0, f"Shindoh (over 3 months), {_TABLE}", _READ),
    _least(LiverState.CIRRHOTIC, _MEASURED, 40.0, f"Azoulay, {_TABLE}", _READ),
    _least(LiverState.CIRRHOTIC, Denominator.SURFACE, 250.0, f"Shirabe, {_TABLE}", _READ),
    _least(LiverState.CIRRHOTIC, _WEIGHT, 0.8, "0.8 to 1.0 in diseased liver; no publication read", _U),
    _least(LiverState.STEATOTIC, _STANDARD, 30.0, "taken as after chemotherapy; no publication read", _U),
    _least(LiverState.CHOLESTATIC, _STANDARD, 40.0, "taken as in cirrhosis; no publication read", _U),
)


#: Function of the future remnant below which the liver failed more often, whatever its state.
LEAST_FUNCTION = Constant(
    2.69, "%/min/m²", "de Graaf 2010, J Gastrointest Surg 14:369: 9 of 55 with liver failure", _READ
)
#: Share of the measured liver that should remain in cirrhosis, below and from an ICG retention of this on.
ICG_NORMAL_PERCENT = Constant(10.0, "%", "where Kubota's 40 and 50 % part; no publication read", _U)
ICG_LEAST = (
    Constant(40.0, "%", f"Kubota, 40 to 50 % by ICG, {_TABLE}", _READ),
    Constant(50.0, "%", f"Kubota, 40 to 50 % by ICG, {_TABLE}", _READ),
)


def least_by_icg(retention_percent: float) -> Constant:
    """Least remnant of the measured cirrhotic liver for an ICG retention at 15 minutes."""
    return ICG_LEAST[retention_percent >= ICG_NORMAL_PERCENT.value]


def body_surface(patient: Patient, formula: str = "mosteller") -> tuple[float | None, str]:
    """Body surface in m², or None with the reason in words."""
    why = missing_size(patient)
    if why:
        return None, why
    return BODY_SURFACES[formula][1](patient.height_cm or 0.0, patient.weight_kg or 0.0), ""


def thresholds_for(state: LiverState, of: Denominator) -> tuple[RemnantThreshold, ...]:
    """What is published for a state and denominator; empty where nothing is."""
    return tuple(t for t in THRESHOLDS if t.state == state and t.of == of)
