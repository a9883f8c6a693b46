"""Activity of a treatment with microspheres: what reaches the liver, one compartment, body surface."""

from __future__ import annotations

from dataclasses import dataclass

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.case import Patient
from planner.planning.constants import Constant
from planner.planning.liver_volumes import BODY_SURFACES, missing_size
from planner.planning.y90 import (
    LUNG_MASS,
    PHYSICS,
    RESIDUAL,
    RESIN,
    Convention,
    Product,
    checked_not_negative,
    checked_positive,
)

_RESIN_TEXT = "manufacturer's instructions for resin microspheres"
#: From these shares of lung shunt on, resin by body surface is reduced by so much.
SHUNT_REDUCTIONS = (
    (0.10, Constant(0.20, "1", _RESIN_TEXT, Confidence.ESTABLISHED)),
    (0.15, Constant(0.40, "1", _RESIN_TEXT, Confidence.ESTABLISHED)),
)
#: Shares that differ by less are the same, so that 10 % of a computed share is 10 %.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Delivery:
    """What becomes of the activity in a vial: some stays there, some passes to the lungs.

    Parameters
    ----------
    lung_shunt
        Share of what leaves the catheter that passes to the lungs, 0 to below 1.
    residual
        Share of the vial's activity that stays in vial and catheter, 0 to below 1.
    lung_mass_kg
        Of both lungs.

    Raises
    ------
    InvalidValue
        If a share is not one, or the lungs have no mass.
    """

    lung_shunt: float
    residual: float = RESIDUAL.value
    lung_mass_kg: float = LUNG_MASS.value

    def __post_init__(self) -> None:
        _checked_share(self.lung_shunt, "lung shunt")
        _checked_share(self.residual, "residual")
        checked_positive(self.lung_mass_kg, "lung mass", "kg")

    @property
    def to_liver(self) -> float:
        """Share of the vial's activity that stays in the liver."""
        return (1.0 - self.residual) * (1.0 - self.lung_shunt)

    @property
    def to_lungs(self) -> float:
        """Share of the vial's activity that ends in the lungs."""
        return (1.0 - self.residual) * self.lung_shunt

    def lung_dose_gy(self, activity_gbq: float, convention: Convention = PHYSICS) -> float:
        """Mean dose of the lungs of an activity in the vial at the time of treatment."""
        checked_not_negative(activity_gbq, "activity", "GBq")
        return convention.coefficient.value * activity_gbq * self.to_lungs / self.lung_mass_kg


def _checked_share(value: float, word: str) -> None:
    if not 0 <= value < 1:
        todo = f"Enter a share from 0 to below 1: {value:g} % are {value / 100:g}." if value >= 1 else ""
        raise InvalidValue(f"This {word} cannot be.", f"{value:g}", todo or "Enter a share of 0 or more.")


def shunt_findings(product: Product, lung_shunt: float) -> tuple[Finding, ...]:
    """What stands against a treatment because of its lung shunt; empty where nothing does."""
    _checked_share(lung_shunt, "lung shunt")
    limit = product.shunt_limit
    if limit is None or lung_shunt <= limit.value + _ROUNDING:
        return ()
    return (
        Finding(
            "lung_shunt_contraindicated",
            Severity.STOP,
            f"A lung shunt of {100 * lung_shunt:.3g} % is over {100 * limit.value:g} %:"
            f" {product.title} are contraindicated.",
            source=limit.cited,
        ),
    )


# one compartment ---------------------------------------------------------------------------


def single_compartment_gbq(
    dose_gy: float, perfused_ml: float, delivery: Delivery, convention: Convention = PHYSICS
) -> float:
    """Activity in the vial for a mean dose of a perfused volume (MIRD): D m / (k (1-L) (1-R)).

    Raises
    ------
    InvalidValue
        If the dose is negative or the perfused volume not above zero.
    """
    checked_not_negative(dose_gy, "dose", "Gy")
    checked_positive(perfused_ml, "perfused volume", "ml")
    return dose_gy * convention.mass_kg(perfused_ml) / (convention.coefficient.value * delivery.to_liver)


def single_compartment_gy(
    activity_gbq: float, perfused_ml: float, delivery: Delivery, convention: Convention = PHYSICS
) -> float:
    """Mean dose of a perfused volume of an activity in the vial: the inverse of `single_compartment_gbq`.

    Raises
    ------
    InvalidValue
        If the activity is negative or the perfused volume not above zero.
    """
    checked_not_negative(activity_gbq, "activity", "GBq")
    checked_positive(perfused_ml, "perfused volume", "ml")
    return activity_gbq * delivery.to_liver * convention.coefficient.value / convention.mass_kg(perfused_ml)


# body surface ------------------------------------------------------------------------------


@dataclass(frozen=True)
class BodySurfaceActivity:
    """Activity of resin microspheres by body surface; None with the reason where it is unknown.

    Parameters
    ----------
    activity_gbq
        In the vial, after the reduction for lung shunt.
    unreduced_gbq
        Before it.
    reduction
        Share taken away for lung shunt.
    method
        Formula, body surface and source, in words.
    why_not
        Why there is no activity.
    findings
        What stands against the treatment.
    """

    activity_gbq: float | None
    unreduced_gbq: float | None
    reduction: float
    method: str
    why_not: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def is_contraindicated(self) -> bool:
        """Whether the lung shunt forbids resin microspheres."""
        return any(f.severity == Severity.STOP for f in self.findings)


def body_surface_activity(
    patient: Patient,
    liver_ml: float,
    tumor_ml: float,
    lung_shunt: float,
    lobe_ml: float | None = None,
    lobe_tumor_ml: float | None = None,
    surface: str = "dubois",
) -> BodySurfaceActivity:
    """Activity of resin microspheres by body surface: surface in m² - 0.2 + tumour over liver, in GBq.

    For one lobe the activity of the whole liver times the lobe's share of it; where the tumour in the
    lobe is given, (surface - 0.2 + tumour over the lobe) times that share instead (modified formula).

    Parameters
    ----------
    liver_ml, tumor_ml
        The whole liver with its tumours, and all tumours.
    lobe_ml, lobe_tumor_ml
        What is treated of it, tumours included, and the tumours in it.
    surface
        Formula of the body surface: the instructions take DuBois.

    Raises
    ------
    InvalidValue
        If a volume is not above zero or larger than what holds it, the lung shunt no share, or there is
        no such formula.
    """
    checked_positive(liver_ml, "liver volume", "ml")
    _checked_part(tumor_ml, liver_ml, "tumour volume")
    if lobe_ml is not None:
        _checked_part(checked_positive(lobe_ml, "perfused volume", "ml"), liver_ml, "perfused volume")
    if lobe_tumor_ml is not None:
        if lobe_ml is None:
            raise InvalidValue(
                "A tumour in a lobe needs the lobe.", f"{lobe_tumor_ml:g} ml", "Give its volume."
            )
        _checked_part(lobe_tumor_ml, min(lobe_ml, tumor_ml), "tumour volume in the lobe")
    if surface not in BODY_SURFACES:
        known = ", ".join(BODY_SURFACES)
        raise InvalidValue(
            "There is no such formula of the body surface.", surface, f"Choose one of {known}."
        )
    findings = shunt_findings(RESIN, lung_shunt)
    title, surface_of = BODY_SURFACES[surface]
    method = f"body surface by {title} - 0.2 + tumour over liver; {_RESIN_TEXT}"
    share = tumor_ml / liver_ml
    if lobe_ml is not None and lobe_tumor_ml is not None:
        method = f"(body surface by {title} - 0.2 + tumour over lobe) × lobe over liver, modified formula"
        share = lobe_tumor_ml / lobe_ml
    elif lobe_ml is not None:
        method = f"(body surface by {title} - 0.2 + tumour over liver) × lobe over liver; {_RESIN_TEXT}"
    reduction = shunt_reduction(lung_shunt)
    if why := missing_size(patient):
        return BodySurfaceActivity(None, None, reduction, method, why, findings)
    area = surface_of(patient.height_cm or 0.0, patient.weight_kg or 0.0)
    whole = area - 0.2 + share
    unreduced = whole * (1.0 if lobe_ml is None else lobe_ml / liver_ml)
    method += f"; body surface {area:.3f} m²"
    if findings:
        return BodySurfaceActivity(None, unreduced, reduction, method, findings[0].text, findings)
    return BodySurfaceActivity(unreduced * (1.0 - reduction), unreduced, reduction, method)


def shunt_reduction(lung_shunt: float) -> float:
    """Share by which resin by body surface is reduced: 20 % from 10 % of lung shunt, 40 % from 15 %."""
    _checked_share(lung_shunt, "lung shunt")
    reached = [step.value for least, step in SHUNT_REDUCTIONS if lung_shunt >= least - _ROUNDING]
    return reached[-1] if reached else 0.0


def shunt_source() -> Source:
    """Where the steps of `shunt_reduction` come from."""
    return SHUNT_REDUCTIONS[0][1].cited


def _checked_part(part_ml: float, whole_ml: float, word: str) -> None:
    checked_not_negative(part_ml, word, "ml")
    if part_ml > whole_ml * (1.0 + _ROUNDING):
        raise InvalidValue(
            f"This {word} is larger than what holds it.",
            f"{part_ml:g} of {whole_ml:g} ml",
            "Check both outlines.",
        )
