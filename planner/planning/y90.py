"""Yttrium-90 and its microspheres: constants with their sources, products, and how activity becomes dose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence
from planner.planning.constants import Constant

_READ, _K, _D, _C = (
    Confidence.SOURCE_READ,
    Confidence.ESTABLISHED,
    Confidence.OUR_RULE,
    Confidence.COMPUTED,
)
#: EANM guideline, whose tables of doses were read.
EANM = "EANM guideline: Weber 2022, Eur J Nucl Med Mol Imaging 49:1682 (PMC8940802)"
_DALE = "Dale's formula for sources that decay"

HALF_LIFE = Constant(64.1, "h", "64.04-64.24 in tables; EANM 2022 has 64.2", _K, 64.04, 64.24)
MEAN_ENERGY = Constant(
    0.9312,
    "MeV",
    "what 49.67 Gy kg/GBq means at 64.1 h; evaluated 0.9267-0.9367, EANM 0.94",
    _C,
    0.9267,
    0.94,
)
COEFFICIENT = Constant(
    49.67, "Gy kg/GBq", "all beta energy left in the tissue: 64.1 h and 0.9312 MeV", _K, 49.43, 50.14
)
TISSUE_DENSITY = Constant(1.05, "kg/l", "liver: ICRU 1.05-1.06, IT'IS 1.079", _K, 1.05, 1.1)
GLASS_COEFFICIENT = Constant(50.0, "Gy kg/GBq", "manufacturer's instructions for glass microspheres", _K)
GLASS_DENSITY = Constant(1.03, "kg/l", "manufacturer's instructions for glass microspheres", _K)
LUNG_MASS = Constant(1.0, "kg", "both lungs, convention; better from CT", _K)
RESIDUAL = Constant(0.01, "1", "share left in vial and catheter; measure it after the treatment", _D)
RESIN_SHUNT_LIMIT = Constant(0.20, "1", "manufacturer's instructions for resin microspheres", _K)
LARGEST_ACTIVITY = Constant(20.0, "GBq", "more in one administration is taken for a slip of the unit", _D)

TUMOR_REPAIR = Constant(1.5, "h", _DALE, _K)
LIVER_REPAIR = Constant(2.5, "h", _DALE, _K)
TUMOR_ALPHA_BETA = Constant(10.0, "Gy", _DALE, _K)
LIVER_ALPHA_BETA = Constant(2.5, "Gy", _DALE, _K)

_JOULE_PER_MEV = 1.602176634e-13


@dataclass(frozen=True)
class Convention:
    """One way of turning activity and volume into dose, with its name.

    Parameters
    ----------
    name, title
        Stable word, and what is shown beside every number made with it.
    coefficient
        Dose of 1 GBq left to decay in 1 kg.
    density
        What turns a volume of liver into mass.
    """

    name: str
    title: str
    coefficient: Constant
    density: Constant

    def __post_init__(self) -> None:
        if not (self.coefficient.value > 0 and self.density.value > 0):
            raise InvalidValue(
                "A convention needs a coefficient and a density above zero.",
                f"{self.name}: {self.coefficient.value:g}, {self.density.value:g}",
            )

    def mass_kg(self, volume_ml: float) -> float:
        """Mass of a volume of liver or tumour."""
        return volume_ml * self.density.value / 1000.0


PHYSICS = Convention("physics", "physics: 49.67 Gy kg/GBq, 1.05 kg/l", COEFFICIENT, TISSUE_DENSITY)
GLASS_MANUFACTURER = Convention(
    "glass_manufacturer", "glass manufacturer: 50 Gy kg/GBq, 1.03 kg/l", GLASS_COEFFICIENT, GLASS_DENSITY
)


@dataclass(frozen=True)
class Product:
    """Microspheres that carry yttrium-90.

    Parameters
    ----------
    name, title
        Stable word, and for people.
    agent
        Word of plans for it.
    conventions
        Ways of turning activity into dose, the one it is prescribed by first.
    shunt_limit
        Share of activity that may pass to the lungs, where the product has such a limit.
    """

    name: str
    title: str
    agent: str
    conventions: tuple[Convention, ...]
    shunt_limit: Constant | None = None

    @property
    def prescribed_by(self) -> Convention:
        """The convention it is prescribed by."""
        return self.conventions[0]


GLASS = Product("glass", "glass microspheres", "y90_glass", (GLASS_MANUFACTURER, PHYSICS))
RESIN = Product("resin", "resin microspheres", "y90_resin", (PHYSICS,), RESIN_SHUNT_LIMIT)
PRODUCTS: Mapping[str, Product] = MappingProxyType({p.name: p for p in (GLASS, RESIN)})


class Intent(StrEnum):
    """What a treatment with microspheres is to reach."""

    SEGMENTECTOMY = "segmentectomy"
    LOBECTOMY = "lobectomy"
    LOBAR = "lobar"
    WHOLE_LIVER = "whole liver"


def product_of(name: str) -> Product:
    """The product of a name, or of the word of plans for it; raises `InvalidValue` where there is none."""
    for product in PRODUCTS.values():
        if name in (product.name, product.agent):
            return product
    raise InvalidValue("There are no such microspheres.", name, f"Choose one of: {', '.join(PRODUCTS)}.")


def dose_coefficient_gy_kg_per_gbq(
    half_life_h: float = HALF_LIFE.value, energy_mev: float = MEAN_ENERGY.value
) -> float:
    """Dose of 1 GBq that decays in 1 kg: activity over the decay constant, times the mean energy.

    Raises
    ------
    InvalidValue
        If a number is not above zero.
    """
    checked_positive(half_life_h, "half-life", "h")
    checked_positive(energy_mev, "mean energy", "MeV")
    return 1e9 * half_life_h * 3600.0 / math.log(2.0) * energy_mev * _JOULE_PER_MEV


def decayed_gbq(activity_gbq: float, hours: float, half_life_h: float = HALF_LIFE.value) -> float:
    """Activity after a time; before it where the time is negative.

    Raises
    ------
    InvalidValue
        If the activity is negative, the half-life not above zero, or a number not finite.
    """
    checked_not_negative(activity_gbq, "activity", "GBq")
    checked_positive(half_life_h, "half-life", "h")
    if not math.isfinite(hours):
        raise InvalidValue("A time of decay is a finite number.", f"{hours} h")
    return activity_gbq * math.pow(2.0, -hours / half_life_h)


def bed_gy(
    dose_gy: float, repair_half_time_h: float, alpha_beta_gy: float, half_life_h: float = HALF_LIFE.value
) -> float:
    """Biologically effective dose of a source that decays where it lies (Dale).

    BED = D (1 + D T_rep / ((T_rep + T_half) alpha/beta)); `TUMOR_REPAIR` and `TUMOR_ALPHA_BETA`, or
    those of the liver.

    Raises
    ------
    InvalidValue
        If the dose is negative, or another number not above zero.
    """
    checked_not_negative(dose_gy, "dose", "Gy")
    checked_positive(repair_half_time_h, "half-time of repair", "h")
    checked_positive(alpha_beta_gy, "alpha/beta", "Gy")
    checked_positive(half_life_h, "half-life", "h")
    lasting = repair_half_time_h / (repair_half_time_h + half_life_h)
    return dose_gy * (1.0 + dose_gy * lasting / alpha_beta_gy)


def checked_activity_gbq(activity_gbq: float, thing: str) -> float:
    """An activity for one administration as somebody entered it.

    Raises
    ------
    InvalidValue
        If it is negative or not finite, or so large that MBq may have been meant: nobody guesses.
    """
    checked_not_negative(activity_gbq, thing, "GBq")
    if activity_gbq > LARGEST_ACTIVITY.value:
        raise InvalidValue(
            f"{activity_gbq:g} GBq: MBq meant?",
            f"{thing}: more than {LARGEST_ACTIVITY.value:g} GBq in one administration",
            f"Enter GBq: {activity_gbq:g} MBq are {activity_gbq / 1000.0:g} GBq.",
        )
    return activity_gbq


def checked_positive(value: float, word: str, unit: str) -> float:
    """A number above zero; raises `InvalidValue` naming what it is otherwise."""
    if not (math.isfinite(value) and value > 0):
        raise InvalidValue(f"This {word} cannot be.", f"{value:g} {unit}", f"Enter a {word} above 0 {unit}.")
    return value


def checked_not_negative(value: float, word: str, unit: str) -> float:
    """A number of zero or more; raises `InvalidValue` naming what it is otherwise."""
    if not (math.isfinite(value) and value >= 0):
        raise InvalidValue(
            f"This {word} cannot be.", f"{value:g} {unit}", f"Enter a {word} of 0 {unit} or more."
        )
    return value
