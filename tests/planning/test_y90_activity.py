"""Yttrium-90: constants, decay, BED, one compartment, body surface (reference sheet C1, C2 and C4)."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence, Severity
from planner.model.case import Patient
from planner.planning import y90
from planner.planning.constants import Constant
from planner.planning.liver_volumes import dubois_m2, mosteller_m2
from planner.planning.y90 import (
    GLASS,
    GLASS_MANUFACTURER,
    PHYSICS,
    PRODUCTS,
    RESIN,
    Convention,
    bed_gy,
    checked_activity_gbq,
    decayed_gbq,
    dose_coefficient_gy_kg_per_gbq,
    product_of,
)
from planner.planning.y90_activity import (
    Delivery,
    body_surface_activity,
    shunt_findings,
    shunt_reduction,
    shunt_source,
    single_compartment_gbq,
    single_compartment_gy,
)

PATIENT = Patient(height_cm=175.0, weight_kg=70.0)


def refused(error: pytest.ExceptionInfo[InvalidValue]) -> None:
    assert error.value.what
    assert error.value.thing
    assert error.value.todo


# constants ---------------------------------------------------------------------------------


def test_every_constant_has_unit_source_and_confidence() -> None:
    found = [value for value in vars(y90).values() if isinstance(value, Constant)]
    assert len(found) >= 14
    assert all(c.unit and c.source and isinstance(c.confidence, Confidence) for c in found)
    assert y90.COEFFICIENT.value == 49.67
    assert y90.HALF_LIFE.value == 64.1
    assert (PHYSICS.density.value, GLASS_MANUFACTURER.density.value) == (1.05, 1.03)
    assert (y90.LUNG_MASS.value, y90.RESIDUAL.value) == (1.0, 0.01)


@pytest.mark.parametrize(
    ("energy_mev", "coefficient"), [(0.9267, 49.43), (0.9312, 49.67), (0.9336, 49.80), (0.94, 50.14)]
)
def test_coefficient_of_an_energy(energy_mev: float, coefficient: float) -> None:
    assert dose_coefficient_gy_kg_per_gbq(64.1, energy_mev) == pytest.approx(coefficient, abs=0.005)


def test_the_constants_agree_with_each_other() -> None:
    assert dose_coefficient_gy_kg_per_gbq() == pytest.approx(y90.COEFFICIENT.value, abs=0.005)


def test_conventions_are_named_and_glass_has_both() -> None:
    assert GLASS.conventions == (GLASS_MANUFACTURER, PHYSICS)
    assert GLASS.prescribed_by.coefficient.value == 50.0
    assert RESIN.prescribed_by == PHYSICS
    for product in PRODUCTS.values():
        for convention in product.conventions:
            for constant in (convention.coefficient, convention.density):
                assert f"{constant.value:g}" in convention.title
    assert product_of("glass") == product_of("y90_glass") == GLASS
    with pytest.raises(InvalidValue) as error:
        product_of("holmium")
    refused(error)
    with pytest.raises(InvalidValue):
        Convention("no", "no", replace(y90.COEFFICIENT, value=0.0), y90.TISSUE_DENSITY)


def test_decay() -> None:
    assert decayed_gbq(3.0, 72.0) == pytest.approx(1.377180, abs=5e-7)
    assert decayed_gbq(3.0, 64.1) == pytest.approx(1.5, rel=1e-12)
    assert decayed_gbq(decayed_gbq(3.0, 31.0), -31.0) == pytest.approx(3.0, rel=1e-12)
    for activity, hours, half_life in ((-1.0, 1.0, 64.1), (1.0, math.nan, 64.1), (1.0, 1.0, 0.0)):
        with pytest.raises(InvalidValue):
            decayed_gbq(activity, hours, half_life)


def test_biologically_effective_dose() -> None:
    assert bed_gy(40.0, 2.5, 2.5) == pytest.approx(64.0240, abs=5e-5)
    assert bed_gy(205.0, 1.5, 10.0) == pytest.approx(301.0938, abs=5e-5)
    liver = bed_gy(40.0, y90.LIVER_REPAIR.value, y90.LIVER_ALPHA_BETA.value)
    tumour = bed_gy(205.0, y90.TUMOR_REPAIR.value, y90.TUMOR_ALPHA_BETA.value)
    assert (liver, tumour) == pytest.approx((64.0240, 301.0938), abs=5e-5)
    assert bed_gy(0.0, 1.5, 10.0) == 0.0
    for bad in ((-1.0, 1.5, 10.0), (1.0, 0.0, 10.0), (1.0, 1.5, 0.0), (math.nan, 1.5, 10.0)):
        with pytest.raises(InvalidValue):
            bed_gy(*bad)


# delivery ----------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [-0.01, 1.0, 5.0, math.nan])
def test_shares_of_delivery(share: float) -> None:
    for bad in ({"lung_shunt": share}, {"lung_shunt": 0.0, "residual": share}):
        with pytest.raises(InvalidValue) as error:
            Delivery(**bad)
        refused(error)
    with pytest.raises(InvalidValue):
        shunt_findings(RESIN, share)
    with pytest.raises(InvalidValue):
        shunt_reduction(share)


def test_a_percentage_is_not_taken_for_a_share() -> None:
    with pytest.raises(InvalidValue, match=r"5 % are 0\.05"):
        Delivery(5.0)


def test_lungs_have_a_mass() -> None:
    with pytest.raises(InvalidValue):
        Delivery(0.05, lung_mass_kg=0.0)


def test_all_activity_is_somewhere() -> None:
    delivery = Delivery(0.07, 0.02)
    assert delivery.to_liver + delivery.to_lungs + delivery.residual == pytest.approx(1.0, rel=1e-12)
    assert delivery.residual == 0.02
    assert Delivery(0.0).residual == 0.01


# one compartment ---------------------------------------------------------------------------

PHYSICS_50 = replace(PHYSICS, coefficient=y90.GLASS_COEFFICIENT)
PHYSICS_103 = replace(PHYSICS, density=y90.GLASS_DENSITY)


@pytest.mark.parametrize(
    ("dose", "volume", "shunt", "convention", "activity", "lung"),
    [
        (120.0, 600.0, 0.05, PHYSICS, 1.618337, 3.978947),
        (120.0, 600.0, 0.05, PHYSICS_50, 1.607656, None),
        (120.0, 600.0, 0.05, PHYSICS_103, 1.587511, None),
        (400.0, 150.0, 0.02, PHYSICS, 1.307330, 1.285714),
    ],
)
def test_one_compartment(dose, volume, shunt, convention, activity, lung) -> None:
    delivery = Delivery(shunt, 0.01)
    found = single_compartment_gbq(dose, volume, delivery, convention)
    assert found == pytest.approx(activity, abs=5e-7)
    assert single_compartment_gy(found, volume, delivery, convention) == pytest.approx(dose, rel=1e-12)
    if lung is not None:
        assert delivery.lung_dose_gy(found) == pytest.approx(lung, abs=5e-7)


def test_by_the_manufacturer_of_glass() -> None:
    found = single_compartment_gbq(120.0, 600.0, Delivery(0.05), GLASS_MANUFACTURER)
    assert found == pytest.approx(1.618337 * 49.67 / 50.0 * 1.03 / 1.05, abs=1e-6)


def test_glass_lungs_get_30_gy_from_about_the_manufacturers_limit() -> None:
    """A × shunt of at most 0.61 GBq in the instructions: 30 Gy to 1 kg."""
    lungs = Delivery(0.2, 0.0).lung_dose_gy(0.61 / 0.2, GLASS_MANUFACTURER)
    assert lungs == pytest.approx(30.5, abs=1e-9)


@pytest.mark.parametrize("volume", [0.0, -5.0, math.nan, math.inf])
def test_nothing_perfused(volume: float) -> None:
    for of in (single_compartment_gbq, single_compartment_gy):
        with pytest.raises(InvalidValue) as error:
            of(1.0, volume, Delivery(0.05))
        refused(error)


def test_doses_and_activities_are_not_negative() -> None:
    for of in (single_compartment_gbq, single_compartment_gy):
        with pytest.raises(InvalidValue):
            of(-1.0, 100.0, Delivery(0.05))
    with pytest.raises(InvalidValue):
        Delivery(0.05).lung_dose_gy(-1.0)


def test_megabecquerel_are_asked_about() -> None:
    assert checked_activity_gbq(20.0, "tip") == 20.0
    with pytest.raises(InvalidValue, match="1600 GBq: MBq meant") as error:
        checked_activity_gbq(1600.0, "tip 'right'")
    refused(error)
    assert "right" in error.value.thing
    assert "1.6 GBq" in error.value.todo
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(InvalidValue):
            checked_activity_gbq(bad, "tip")


# body surface ------------------------------------------------------------------------------


@pytest.mark.parametrize(("kg", "cm", "m2"), [(70, 175, 1.84814), (80, 180, 1.99642), (60, 160, 1.62206)])
def test_body_surface(kg: float, cm: float, m2: float) -> None:
    assert dubois_m2(cm, kg) == pytest.approx(m2, abs=5e-6)
    assert 0.20247 * (cm / 100) ** 0.725 * kg**0.425 == pytest.approx(
        m2, abs=1e-4
    )  # as instructions write it
    assert mosteller_m2(175, 70) == pytest.approx(1.84466, abs=5e-6)


def test_resin_by_body_surface() -> None:
    found = body_surface_activity(PATIENT, 1600.0, 200.0, 0.05)
    assert found.activity_gbq == found.unreduced_gbq == pytest.approx(1.773143, abs=5e-7)
    assert "DuBois" in found.method
    assert not found.findings
    other = body_surface_activity(PATIENT, 1600.0, 200.0, 0.05, surface="mosteller")
    assert other.activity_gbq == pytest.approx(1.844662 - 0.2 + 0.125, abs=1e-6)
    assert "Mosteller" in other.method


def test_resin_for_one_lobe() -> None:
    whole = body_surface_activity(PATIENT, 1600.0, 200.0, 0.05)
    lobe = body_surface_activity(PATIENT, 1600.0, 200.0, 0.05, lobe_ml=960.0)
    assert lobe.activity_gbq == pytest.approx(0.6 * (whole.activity_gbq or 0.0), rel=1e-12)
    modified = body_surface_activity(PATIENT, 1600.0, 200.0, 0.05, lobe_ml=960.0, lobe_tumor_ml=200.0)
    assert modified.activity_gbq == pytest.approx((1.848143 - 0.2 + 200 / 960) * 0.6, abs=1e-6)
    assert "modified" in modified.method
    assert "modified" not in lobe.method
    every = body_surface_activity(PATIENT, 1600.0, 200.0, 0.05, lobe_ml=1600.0, lobe_tumor_ml=200.0)
    assert every.activity_gbq == pytest.approx(whole.activity_gbq, rel=1e-12)


@pytest.mark.parametrize(
    ("shunt", "reduction"),
    [(0.0, 0), (0.0999, 0), (0.1, 0.2), (0.12, 0.2), (0.1499, 0.2), (0.15, 0.4), (0.2, 0.4)],
)
def test_steps_of_lung_shunt(shunt: float, reduction: float) -> None:
    found = body_surface_activity(PATIENT, 1600.0, 200.0, shunt)
    assert found.activity_gbq == pytest.approx(1.773143 * (1 - reduction), abs=5e-7)
    assert found.reduction == reduction
    assert not found.is_contraindicated
    assert shunt_source().text


def test_a_computed_ten_percent_is_ten_percent() -> None:
    assert 0.3 - 0.2 < 0.1
    assert shunt_reduction(0.3 - 0.2) == 0.2
    assert 1.1 - 0.9 > 0.2
    assert shunt_findings(RESIN, 1.1 - 0.9) == ()


def test_too_much_lung_shunt_is_a_finding_and_no_error() -> None:
    found = body_surface_activity(PATIENT, 1600.0, 200.0, 0.23)
    assert found.activity_gbq is None
    assert found.unreduced_gbq == pytest.approx(1.773143, abs=5e-7)
    assert found.is_contraindicated
    assert "23 %" in found.why_not
    (finding,) = shunt_findings(RESIN, 0.201)
    assert finding.severity == Severity.STOP
    assert "resin" in finding.text
    assert shunt_findings(GLASS, 0.35) == ()  # glass goes by the dose of the lungs


@pytest.mark.parametrize(
    ("patient", "word"),
    [
        (Patient(weight_kg=70.0), "height"),
        (Patient(height_cm=175.0), "weight"),
        (Patient(), "height and weight"),
        (Patient(height_cm=17.5, weight_kg=70.0), "plausible"),
    ],
)
def test_missing_size_is_unknown_with_the_reason(patient: Patient, word: str) -> None:
    found = body_surface_activity(patient, 1600.0, 200.0, 0.12)
    assert found.activity_gbq is None
    assert found.unreduced_gbq is None
    assert word in found.why_not
    assert found.reduction == 0.2


@pytest.mark.parametrize(
    "bad",
    [
        {"liver_ml": 0.0},
        {"tumor_ml": -1.0},
        {"tumor_ml": 1601.0},
        {"lobe_ml": 0.0},
        {"lobe_ml": 1700.0},
        {"lobe_ml": 100.0, "lobe_tumor_ml": 150.0},
        {"lobe_tumor_ml": 50.0},
        {"surface": "haycock"},
        {"lung_shunt": -0.1},
    ],
)
def test_volumes_that_cannot_be(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidValue) as error:
        body_surface_activity(
            **{"patient": PATIENT, "liver_ml": 1600.0, "tumor_ml": 200.0, "lung_shunt": 0.05} | bad
        )
    refused(error)
