"""Doses a treatment with microspheres should reach and must not pass: tables with their sources."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence
from planner.planning.constants import Constant
from planner.planning.y90 import EANM, GLASS, RESIN, Intent, Product

_READ, _K, _D = Confidence.SOURCE_READ, Confidence.ESTABLISHED, Confidence.OUR_RULE
_GLASS_TABLE, _RESIN_TABLE = f"{EANM}, table 2", f"{EANM}, table 3"

#: From this bilirubin on the whole normal liver takes less of glass.
HIGH_BILIRUBIN = Constant(1.1, "mg/dl", _GLASS_TABLE, _READ)


class Dosed(StrEnum):
    """What a dose is the mean of."""

    TUMOR = "tumour"
    PERFUSED = "perfused volume"
    PERFUSED_NORMAL = "perfused normal liver"
    WHOLE_NORMAL = "whole normal liver"
    LUNG = "lungs, this treatment"
    LUNG_TOTAL = "lungs, all treatments"


class Disease(StrEnum):
    """Tumours a dose was published for."""

    HCC = "hepatocellular carcinoma"
    CHOLANGIOCARCINOMA = "intrahepatic cholangiocarcinoma"
    COLORECTAL = "colorectal metastases"


@dataclass(frozen=True)
class DoseLimit:
    """A mean dose that is not to be passed.

    Parameters
    ----------
    of
        What it is the mean of.
    most
        The dose, Gy.
    waived
        Why it does not apply; empty where it does.
    """

    of: Dosed
    most: Constant
    waived: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", Dosed(self.of))
        if self.most.unit != "Gy" or not self.most.value > 0:
            raise InvalidValue(
                "A limit is a dose above zero.", f"{self.of}: {self.most.value:g} {self.most.unit}"
            )


@dataclass(frozen=True)
class DoseAim:
    """A mean dose that is to be reached.

    Parameters
    ----------
    of
        What it is the mean of; of several tumours each is to reach it.
    least
        The dose, Gy; its range is what is aimed for.
    lesion
        Name of the one lesion it is of; all that are fed where empty.
    """

    of: Dosed
    least: Constant
    lesion: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", Dosed(self.of))
        if self.of not in (Dosed.TUMOR, Dosed.PERFUSED, Dosed.PERFUSED_NORMAL):
            raise InvalidValue("No treatment aims at this dose.", self.of, "Make it a limit.")
        if self.least.unit != "Gy" or not self.least.value > 0:
            raise InvalidValue(
                "An aim is a dose above zero.", f"{self.of}: {self.least.value:g} {self.least.unit}"
            )


def own_aim(of: Dosed, dose_gy: float, lesion: str = "") -> DoseAim:
    """An aim somebody set by hand."""
    return DoseAim(of, Constant(dose_gy, "Gy", "entered by hand", _D), lesion)


def own_limit(of: Dosed, dose_gy: float) -> DoseLimit:
    """A limit somebody set by hand."""
    return DoseLimit(of, Constant(dose_gy, "Gy", "entered by hand", _D))


_LUNGS = (
    DoseLimit(Dosed.LUNG, Constant(30.0, "Gy", "one treatment, glass and resin; convention", _K)),
    DoseLimit(Dosed.LUNG_TOTAL, Constant(50.0, "Gy", "all treatments together; convention", _K)),
)
_SEGMENT = f"segmentectomy gives up the normal liver it perfuses; {EANM}, tables 2 and 3"
_LOBE = f"lobectomy is to shrink the normal liver it perfuses; {EANM}, tables 2 and 3"


def limits_for(
    product: Product,
    intent: Intent,
    bilirubin_mg_per_dl: float | None = None,
    is_liver_impaired: bool | None = None,
) -> tuple[DoseLimit, ...]:
    """Published limits of a product and intent; those that do not apply say why.

    Parameters
    ----------
    bilirubin_mg_per_dl
        For glass; where it is unknown, a treatment of the whole liver gets the limit of a high one.
    is_liver_impaired
        Cirrhosis, earlier treatment or poor function, for resin; where it is unknown, a treatment of the
        whole liver gets the limit of an impaired one.

    Raises
    ------
    InvalidValue
        If nothing is known for these microspheres.
    """
    intent = Intent(intent)
    waived = {Intent.SEGMENTECTOMY: _SEGMENT, Intent.LOBECTOMY: _LOBE}.get(intent, "")
    if product == GLASS:
        perfused, whole = _GLASS_PERFUSED, _glass_whole(intent, bilirubin_mg_per_dl)
    elif product == RESIN:
        perfused = whole = _resin_normal(intent, is_liver_impaired)
    else:
        raise InvalidValue("No limits are known for these microspheres.", product.title, "Give your own.")
    return (
        DoseLimit(Dosed.PERFUSED_NORMAL, perfused, waived),
        DoseLimit(Dosed.WHOLE_NORMAL, whole),
        *_LUNGS,
    )


_GLASS_PERFUSED = Constant(
    120.0,
    "Gy",
    f"{_GLASS_TABLE}: where less than 30 % of the liver is spared; applied whatever is spared",
    _READ,
)


def _glass_whole(intent: Intent, bilirubin_mg_per_dl: float | None) -> Constant:
    is_high = bilirubin_mg_per_dl is not None and bilirubin_mg_per_dl > HIGH_BILIRUBIN.value
    if is_high or (bilirubin_mg_per_dl is None and intent == Intent.WHOLE_LIVER):
        why = "bilirubin above 1.1 mg/dl" if is_high else "bilirubin not told, taken as above 1.1 mg/dl"
        return Constant(50.0, "Gy", f"{_GLASS_TABLE}: {why}", _READ, 50.0, 90.0)
    return Constant(75.0, "Gy", f"{_GLASS_TABLE}: 50 to 90 by bilirubin", _READ, 50.0, 90.0)


def _resin_normal(intent: Intent, is_impaired: bool | None) -> Constant:
    if is_impaired or (is_impaired is None and intent == Intent.WHOLE_LIVER):
        why = "impaired or treated before" if is_impaired else "not told whether impaired, taken as such"
        return Constant(30.0, "Gy", f"{_RESIN_TABLE}: liver {why}", _READ, 30.0, 40.0)
    return Constant(40.0, "Gy", _RESIN_TABLE, _READ, 30.0, 40.0)


# aims --------------------------------------------------------------------------------------

_GLASS_TUMOR = {
    Disease.HCC: Constant(
        205.0, "Gy", f"DOSISPHERE-01 (PMC10858378); aim for 250-300; {_GLASS_TABLE}", _READ, 205.0, 300.0
    ),
    Disease.CHOLANGIOCARCINOMA: Constant(260.0, "Gy", _GLASS_TABLE, _READ),
    Disease.COLORECTAL: Constant(189.0, "Gy", _GLASS_TABLE, _READ),
}
_RESIN_TUMOR = Constant(100.0, "Gy", f"{_RESIN_TABLE}: 100-120", _READ, 100.0, 120.0)
_GLASS_SEGMENT = Constant(400.0, "Gy", f"{_GLASS_TABLE}: more than 400; replaces 190 of older work", _READ)
_RESIN_SEGMENT = Constant(150.0, "Gy", f"{_RESIN_TABLE}: more than 150", _READ)
_GLASS_PERFUSED_AIMS = {
    Intent.LOBECTOMY: Constant(140.0, "Gy", f"{_GLASS_TABLE}: 140-150", _READ, 140.0, 150.0),
    Intent.LOBAR: Constant(
        120.0, "Gy", f"standard arm of DOSISPHERE-01: 120 +- 20; {_GLASS_TABLE}: 80-150", _READ, 80.0, 150.0
    ),
    Intent.WHOLE_LIVER: Constant(120.0, "Gy", f"{_GLASS_TABLE}: 80-150", _READ, 80.0, 150.0),
}


def aims_for(product: Product, intent: Intent, disease: Disease = Disease.HCC) -> tuple[DoseAim, ...]:
    """Published doses a product is to reach for an intent, the preferred one first.

    Raises
    ------
    InvalidValue
        If nothing is known for these microspheres.
    """
    intent, disease = Intent(intent), Disease(disease)
    if product not in (GLASS, RESIN):
        raise InvalidValue("No aims are known for these microspheres.", product.title, "Set your own.")
    if intent == Intent.SEGMENTECTOMY:
        return (DoseAim(Dosed.PERFUSED, _GLASS_SEGMENT if product == GLASS else _RESIN_SEGMENT),)
    if product == GLASS:
        aims = [DoseAim(Dosed.TUMOR, _GLASS_TUMOR[disease])]
        aims.append(DoseAim(Dosed.PERFUSED, _GLASS_PERFUSED_AIMS[intent]))
        if intent == Intent.LOBECTOMY:
            aims.append(DoseAim(Dosed.PERFUSED_NORMAL, Constant(88.0, "Gy", _GLASS_TABLE, _READ)))
        return tuple(aims)
    aims = [DoseAim(Dosed.TUMOR, _RESIN_TUMOR)]
    if intent == Intent.LOBECTOMY:
        source = f"{_RESIN_TABLE}: more than 70, where more than 30 % of the liver is spared"
        aims.append(DoseAim(Dosed.PERFUSED_NORMAL, Constant(70.0, "Gy", source, _READ)))
    return tuple(aims)
