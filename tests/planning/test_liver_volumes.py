"""Case H17 of the reference sheet, and what is never assumed about a patient."""

from __future__ import annotations

import pytest

from planner.base.errors import InvalidValue
from planner.model.case import Patient
from planner.planning.liver_volumes import (
    FORMULAS,
    LEAST_FUNCTION,
    LIVER_DENSITY,
    THRESHOLDS,
    Denominator,
    LiverState,
    body_surface,
    dubois_m2,
    hypertrophy_points,
    kinetic_growth_percent_per_week,
    least_by_icg,
    mosteller_m2,
    share_of_measured,
    share_of_weight,
    standard_volume,
    thresholds_for,
)

ADULT = Patient(height_cm=175.0, weight_kg=70.0)


@pytest.mark.parametrize(
    ("formula", "surface", "volume"),
    [
        ("vauthey", "mosteller", 1543.293),
        ("vauthey", "dubois", 1547.705),
        ("vauthey_weight", "mosteller", 1487.5),
        ("urata", "dubois", 1307.559),
        ("yu", "mosteller", 1546.847),
    ],
)
def test_h17_standard_volumes(formula: str, surface: str, volume: float) -> None:
    found = standard_volume(ADULT, formula, surface)
    assert found.volume_ml == pytest.approx(volume, abs=0.01)
    assert FORMULAS[formula].source in found.method
    assert ("body surface" in found.method) == FORMULAS[formula].takes_surface


def test_h17_body_surface_shares_and_growth() -> None:
    assert mosteller_m2(175.0, 70.0) == pytest.approx(1.844662, abs=1e-6)
    assert dubois_m2(175.0, 70.0) == pytest.approx((1547.705 + 794.41) / 1267.28, abs=1e-5)
    standard = standard_volume(ADULT).volume_ml
    assert standard is not None
    assert 100.0 * 380.0 / standard == pytest.approx(24.6227, abs=1e-4)
    assert share_of_measured(420.0, 1700.0, 120.0) == pytest.approx(26.5823, abs=1e-4)
    assert share_of_weight(420.0, 70.0) == pytest.approx(0.60)
    assert share_of_weight(420.0, 70.0, LIVER_DENSITY.value) == pytest.approx(0.63)
    points = hypertrophy_points(22.0, 33.0)
    assert points == pytest.approx(11.0)
    assert kinetic_growth_percent_per_week(points, 4.0) == pytest.approx(2.75)


@pytest.mark.parametrize(
    ("patient", "formula", "words"),
    [
        (Patient(), "vauthey", "enter height and weight"),
        (Patient(height_cm=175.0), "vauthey", "enter weight"),
        (Patient(weight_kg=70.0), "urata", "enter height"),
        (Patient(weight_kg=70.0), "yu", "enter height"),
        (Patient(height_cm=17.5, weight_kg=70.0), "vauthey", "not plausible"),
        (Patient(height_cm=175.0, weight_kg=7.0), "vauthey", "not plausible"),
        (Patient(height_cm=0.0, weight_kg=0.0), "vauthey", "enter height and weight"),
    ],
)
def test_height_and_weight_are_never_assumed(patient: Patient, formula: str, words: str) -> None:
    found = standard_volume(patient, formula)
    assert found.volume_ml is None
    assert words in found.why_not


def test_weight_alone_is_enough_for_a_formula_of_weight() -> None:
    assert standard_volume(Patient(weight_kg=70.0), "vauthey_weight").volume_ml == pytest.approx(1487.5)


def test_a_threshold_goes_with_its_denominator() -> None:
    assert [t.least.value for t in thresholds_for(LiverState.HEALTHY, Denominator.STANDARD)] == [20.0, 25.0]
    assert [t.least.value for t in thresholds_for(LiverState.CHEMOTHERAPY, Denominator.STANDARD)] == [30.0]
    assert [t.least.value for t in thresholds_for(LiverState.CIRRHOTIC, Denominator.MEASURED)] == [40.0]
    assert thresholds_for(LiverState.CHEMOTHERAPY, Denominator.MEASURED) == ()
    assert not any(t.state == LiverState.UNKNOWN for t in THRESHOLDS), "an unknown liver has no threshold"
    for threshold in THRESHOLDS:
        assert threshold.least.source
        assert threshold.least.unit == ("ml/m²" if threshold.of == Denominator.SURFACE else "%")


def test_guards() -> None:
    with pytest.raises(InvalidValue, match="no such formula"):
        standard_volume(ADULT, "guess")
    with pytest.raises(InvalidValue, match="no such formula"):
        standard_volume(ADULT, "vauthey", "guess")
    with pytest.raises(InvalidValue, match="left to work"):
        share_of_measured(1.0, 100.0, 100.0)
    with pytest.raises(InvalidValue, match="time between"):
        kinetic_growth_percent_per_week(5.0, 0.0)


def test_limits_of_function() -> None:
    """Where ICG retention is normal less liver may remain; surface and function as published."""
    assert [least_by_icg(r).value for r in (0.0, 9.9, 10.0, 20.0)] == [40.0, 40.0, 50.0, 50.0]
    assert LEAST_FUNCTION.value == 2.69
    surface, why = body_surface(Patient(height_cm=175.0, weight_kg=70.0))
    assert (surface, why) == (pytest.approx(1.844662, abs=1e-6), "")
    assert body_surface(Patient(height_cm=175.0))[0] is None
    (least,) = thresholds_for(LiverState.CIRRHOTIC, Denominator.SURFACE)
    assert least.least.value == 250.0
