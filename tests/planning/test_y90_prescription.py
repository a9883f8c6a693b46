"""Territories, limits and prescriptions (reference sheet C2.3, C3, C4)."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence, Severity
from planner.planning.constants import Constant
from planner.planning.y90 import GLASS, GLASS_MANUFACTURER, PHYSICS, PRODUCTS, RESIN, Intent, Product
from planner.planning.y90_activity import Delivery, single_compartment_gbq
from planner.planning.y90_limits import (
    Disease,
    DoseAim,
    Dosed,
    DoseLimit,
    aims_for,
    limits_for,
    own_aim,
    own_limit,
)
from planner.planning.y90_prescription import prescribe, prescribe_by_conventions
from planner.planning.y90_territories import FedTumor, Territory, WholeLiver, treatment_dose
from planner.planning.y90_treatment import EarlierDose, Treatment, gy_per_gbq

C4 = Territory("right", 850.0, (FedTumor("lesion", 150.0, 4.0),))
NO_RESIDUAL = Delivery(0.06, 0.0)


def treatment(*territories: Territory, **changes) -> Treatment:
    facts = {"territories": territories or (C4,), "delivery": NO_RESIDUAL, "whole": WholeLiver(1400.0, 150.0)}
    return Treatment(**facts | changes)


# territories -------------------------------------------------------------------------------


def test_partition_of_the_reference_sheet() -> None:
    dose = treatment_dose((C4,), (2.0,), NO_RESIDUAL, PHYSICS)
    (territory,) = dose.territories
    assert territory.normal is not None
    assert territory.tumors[0].activity_gbq == pytest.approx(0.777931, abs=5e-7)
    assert territory.normal.activity_gbq == pytest.approx(1.102069, abs=5e-7)
    assert dose.lesions_gy["lesion"] == pytest.approx(245.332, abs=5e-4)
    assert dose.perfused_normal_gy == pytest.approx(61.333, abs=5e-4)
    assert dose.lung_gy == pytest.approx(5.960, abs=5e-4)
    assert dose.perfused_gy == territory.perfused_gy == pytest.approx(88.933, abs=5e-4)


def test_several_territories_add_up() -> None:
    """The mean dose of parts is that of the activity in them; a lesion's parts count together."""
    right = Territory("right", 500.0, (FedTumor("a", 60.0, 3.0), FedTumor("b", 20.0, 5.0)))
    left = Territory("left", 300.0, (FedTumor("a", 40.0, 2.0),))
    bare = Territory("segment 4", 100.0)
    whole = WholeLiver(1500.0, 180.0)
    delivery = Delivery(0.04, 0.02)
    dose = treatment_dose((right, left, bare), (1.0, 0.5, 0.2), delivery, PHYSICS, whole)
    parts = [p for t in dose.territories for p in (*t.tumors, *([t.normal] if t.normal else []))]
    in_liver = 1.7 * 0.98 * 0.96
    assert sum(p.activity_gbq for p in parts) == pytest.approx(in_liver, rel=1e-12)
    assert dose.whole_liver_gy == pytest.approx(49.67 * in_liver / (1.68 * 1.05), rel=1e-12)
    assert dose.perfused_gy == pytest.approx(49.67 * in_liver / (1.02 * 1.05), rel=1e-12)
    normal = sum(t.normal.activity_gbq for t in dose.territories if t.normal)
    assert dose.perfused_normal_gy == pytest.approx(49.67 * normal / (0.9 * 1.05), rel=1e-12)
    assert dose.whole_normal_gy == pytest.approx(49.67 * normal / (1.5 * 1.05), rel=1e-12)
    a = dose.territories[0].tumors[0], dose.territories[1].tumors[0]
    assert dose.lesions_gy["a"] == pytest.approx((a[0].dose_gy * 60 + a[1].dose_gy * 40) / 100, rel=1e-12)
    # within a territory doses stand as the ratios
    assert dose.territories[0].normal is not None
    assert a[0].dose_gy == pytest.approx(3 * dose.territories[0].normal.dose_gy, rel=1e-12)
    assert dose.territories[0].tumors[1].dose_gy == pytest.approx(5 / 3 * a[0].dose_gy, rel=1e-12)
    assert dose.territories[2].normal is not None
    assert dose.territories[2].normal.dose_gy == dose.territories[2].perfused_gy
    assert dose.lung_gy == pytest.approx(49.67 * 1.7 * 0.98 * 0.04, rel=1e-12)
    assert dose.activity_gbq == pytest.approx(1.7, rel=1e-12)


def test_without_a_ratio_only_means_are_known() -> None:
    fed = Territory("right", 500.0, (FedTumor("a", 60.0), FedTumor("b", 20.0, 5.0)))
    other = Territory("left", 300.0, (FedTumor("a", 40.0, 2.0), FedTumor("c", 10.0, 2.0)))
    dose = treatment_dose((fed, other), (1.0, 1.0), NO_RESIDUAL, PHYSICS, WholeLiver(1500.0, 130.0))
    assert dose.territories[0].normal is None
    assert dose.territories[0].tumors == ()
    assert set(dose.lesions_gy) == {"c"}  # a part of "a" is not known
    assert dose.perfused_normal_gy is None
    assert dose.whole_normal_gy is None
    assert dose.whole_liver_gy is not None
    assert dose.perfused_gy > 0


def test_one_part_alone_needs_no_ratio() -> None:
    solid = treatment_dose(
        (Territory("t", 0.0, (FedTumor("a", 80.0),)),), (1.0,), NO_RESIDUAL, PHYSICS, WholeLiver(1000.0, 80.0)
    )
    assert solid.lesions_gy["a"] == pytest.approx(solid.perfused_gy, rel=1e-12)
    assert solid.perfused_normal_gy is None
    assert solid.whole_normal_gy == 0.0


def test_what_is_no_territory() -> None:
    with pytest.raises(InvalidValue, match="Nothing is perfused") as error:
        Territory("right", 0.0)
    assert "right" in error.value.thing
    assert error.value.todo
    for bad in (
        lambda: Territory("", 10.0),
        lambda: Territory("t", -1.0),
        lambda: Territory("t", math.nan),
        lambda: Territory("t", 10.0, (FedTumor("a", 1.0, 2.0), FedTumor("a", 1.0, 2.0))),
        lambda: FedTumor("a", 0.0),
        lambda: FedTumor("", 1.0),
        lambda: FedTumor("a", 1.0, 0.0),
        lambda: WholeLiver(0.0),
        lambda: WholeLiver(10.0, -1.0),
    ):
        with pytest.raises(InvalidValue):
            bad()


def test_what_is_no_treatment_dose() -> None:
    for territories, activities, whole in (
        ((), (), None),
        ((C4,), (1.0, 2.0), None),
        ((C4, C4), (1.0, 2.0), None),
        ((C4,), (-1.0,), None),
        ((C4,), (1.0,), WholeLiver(849.0, 150.0)),
        ((C4,), (1.0,), WholeLiver(900.0, 149.0)),
    ):
        with pytest.raises(InvalidValue):
            treatment_dose(territories, activities, NO_RESIDUAL, PHYSICS, whole)


# prescriptions -----------------------------------------------------------------------------


def test_prescribed_by_the_tumour_as_in_the_reference_sheet() -> None:
    found = prescribe(treatment(), RESIN, (), own_aim(Dosed.TUMOR, 205.0))
    assert found.activity_gbq == found.asked_gbq == pytest.approx(1.671203, abs=5e-7)
    assert found.dose is not None
    assert found.dose.perfused_normal_gy == pytest.approx(51.25, abs=5e-7)
    assert found.dose.lung_gy == pytest.approx(4.98, abs=5e-3)
    assert found.dose.lesions_gy["lesion"] == pytest.approx(205.0, rel=1e-12)
    assert found.is_aim_met
    assert found.binding is None


def test_prescribed_by_limits_as_in_the_reference_sheet() -> None:
    limits = (own_limit(Dosed.PERFUSED_NORMAL, 40.0), own_limit(Dosed.LUNG, 30.0))
    found = prescribe(treatment(), RESIN, limits)
    assert [c.activity_gbq for c in found.caps] == pytest.approx([1.304353, 10.066438], abs=5e-7)
    assert found.activity_gbq == found.caps[0].activity_gbq
    assert found.binding == found.caps[0]
    assert found.asked_gbq is None
    assert found.is_aim_met is None
    assert [f.severity for f in found.findings] == [Severity.INFO]


def test_the_binding_limit_is_said_and_the_aim_missed() -> None:
    found = prescribe(
        treatment(),
        RESIN,
        limits_for(RESIN, Intent.LOBAR, is_liver_impaired=False),
        own_aim(Dosed.TUMOR, 205.0),
    )
    assert found.binding is not None
    assert found.binding.limit.of == Dosed.PERFUSED_NORMAL
    assert found.activity_gbq == pytest.approx(1.304353, abs=5e-7)
    assert found.asked_gbq == pytest.approx(1.671203, abs=5e-7)
    assert found.is_aim_met is False
    assert found.dose is not None
    assert found.dose.perfused_normal_gy == pytest.approx(40.0, rel=1e-12)
    (words,) = [f for f in found.findings if f.rule == "limit_binds"]
    assert words.severity == Severity.WARNING
    assert "perfused normal liver" in words.text
    assert len(found.caps) == 4
    assert {c.limit.of: c.activity_gbq for c in found.caps if c.activity_gbq is not None} == {
        c.limit.of: c.activity_gbq for c in found.caps
    }


@pytest.mark.parametrize("product", [GLASS, RESIN])
def test_in_a_segment_the_perfused_normal_liver_does_not_limit(product: Product) -> None:
    small = Territory("segment 6", 120.0, (FedTumor("lesion", 30.0, 3.0),))
    chosen = treatment(small, whole=WholeLiver(1400.0, 30.0), delivery=Delivery(0.02))
    (aim,) = aims_for(product, Intent.SEGMENTECTOMY)
    free = prescribe(chosen, product, limits_for(product, Intent.SEGMENTECTOMY), aim)
    assert free.is_aim_met
    cap = next(c for c in free.caps if c.limit.of == Dosed.PERFUSED_NORMAL)
    assert cap.activity_gbq is None
    assert not cap.is_unknown
    assert "segmentectomy" in cap.why_not
    assert free.dose is not None
    assert free.dose.perfused_gy == pytest.approx({"glass": 400.0, "resin": 150.0}[product.name], rel=1e-12)
    bound = prescribe(chosen, product, limits_for(product, Intent.LOBAR), aim)
    assert bound.binding is not None
    assert bound.binding.limit.of == Dosed.PERFUSED_NORMAL
    assert (bound.activity_gbq or 0.0) < 0.9 * (free.activity_gbq or 0.0)


def test_a_segment_of_one_compartment_is_that_of_the_formula() -> None:
    segment = Territory("segment 6", 150.0)
    chosen = treatment(segment, whole=None, delivery=Delivery(0.02))
    by = prescribe_by_conventions(chosen, GLASS, (), own_aim(Dosed.PERFUSED, 400.0))
    assert [p.convention for p in by] == [GLASS_MANUFACTURER, PHYSICS]
    assert by[1].activity_gbq == pytest.approx(1.307330, abs=5e-7)
    assert by[0].activity_gbq == pytest.approx(
        single_compartment_gbq(400.0, 150.0, Delivery(0.02), GLASS_MANUFACTURER), rel=1e-12
    )
    assert by[0].activity_gbq != by[1].activity_gbq
    (alone,) = prescribe_by_conventions(chosen, RESIN, (), own_aim(Dosed.PERFUSED, 150.0))
    assert alone.convention == PHYSICS
    assert prescribe(chosen, GLASS, (), own_aim(Dosed.PERFUSED, 400.0)).convention == GLASS_MANUFACTURER


@pytest.mark.parametrize("of", [Dosed.TUMOR, Dosed.PERFUSED, Dosed.PERFUSED_NORMAL])
@pytest.mark.parametrize("convention", [PHYSICS, GLASS_MANUFACTURER])
def test_dose_and_activity_invert(of: Dosed, convention) -> None:
    left = Territory("left", 300.0, (FedTumor("other", 40.0, 2.0),))
    chosen = treatment(C4, left, whole=WholeLiver(1400.0, 190.0), delivery=Delivery(0.07, 0.03))
    found = prescribe(chosen, GLASS, (), own_aim(of, 77.0), convention)
    dose = found.dose
    assert dose is not None
    back = {
        Dosed.TUMOR: min(dose.lesions_gy.values()),
        Dosed.PERFUSED: dose.perfused_gy,
        Dosed.PERFUSED_NORMAL: dose.perfused_normal_gy,
    }[of]
    assert back == pytest.approx(77.0, rel=1e-12)


@pytest.mark.parametrize("of", [Dosed.PERFUSED_NORMAL, Dosed.WHOLE_NORMAL, Dosed.LUNG, Dosed.LUNG_TOTAL])
def test_every_limit_is_kept_exactly(of: Dosed) -> None:
    found = prescribe(treatment(), RESIN, (own_limit(of, 21.0),))
    assert found.dose is not None
    at = {
        Dosed.PERFUSED_NORMAL: found.dose.perfused_normal_gy,
        Dosed.WHOLE_NORMAL: found.dose.whole_normal_gy,
        Dosed.LUNG: found.dose.lung_gy,
        Dosed.LUNG_TOTAL: found.dose.lung_gy,
    }
    assert at[of] == pytest.approx(21.0, rel=1e-12)


def test_earlier_doses_count() -> None:
    earlier = EarlierDose(lung_gy=35.0, whole_normal_gy=15.0, perfused_normal_gy=10.0)
    limits = limits_for(RESIN, Intent.LOBAR, is_liver_impaired=False)
    fresh = {c.limit.of: c for c in prescribe(treatment(), RESIN, limits).caps}
    again = {c.limit.of: c for c in prescribe(treatment(earlier=earlier), RESIN, limits).caps}

    def ratio(of: Dosed) -> float:
        return (again[of].activity_gbq or 0.0) / (fresh[of].activity_gbq or 1.0)

    assert ratio(Dosed.LUNG) == pytest.approx(1.0)  # 30 Gy are for each treatment
    assert ratio(Dosed.LUNG_TOTAL) == pytest.approx(15 / 50)
    assert ratio(Dosed.WHOLE_NORMAL) == pytest.approx(25 / 40)
    assert ratio(Dosed.PERFUSED_NORMAL) == pytest.approx(30 / 40)
    assert again[Dosed.LUNG_TOTAL].earlier_gy == 35.0
    for bad in ({"lung_gy": -1.0}, {"whole_normal_gy": math.nan}, {"perfused_normal_gy": -0.1}):
        with pytest.raises(InvalidValue):
            EarlierDose(**bad)


def test_nothing_is_left_of_a_limit() -> None:
    found = prescribe(
        treatment(earlier=EarlierDose(lung_gy=55.0)),
        RESIN,
        limits_for(RESIN, Intent.LOBAR),
        own_aim(Dosed.TUMOR, 120.0),
    )
    assert found.activity_gbq == 0.0
    assert found.binding is not None
    assert found.binding.limit.of == Dosed.LUNG_TOTAL
    assert [f.severity for f in found.findings if f.rule == "limit_binds"] == [Severity.STOP]


def test_limits_that_cannot_be_checked_are_said() -> None:
    blind = Territory("right", 850.0, (FedTumor("lesion", 150.0),))
    found = prescribe(
        treatment(blind, whole=None), GLASS, limits_for(GLASS, Intent.LOBAR), own_aim(Dosed.PERFUSED, 120.0)
    )
    assert found.activity_gbq == pytest.approx(
        single_compartment_gbq(120.0, 1000.0, NO_RESIDUAL, GLASS_MANUFACTURER)
    )
    unknown = [c for c in found.caps if c.is_unknown]
    assert {c.limit.of for c in unknown} == {Dosed.PERFUSED_NORMAL, Dosed.WHOLE_NORMAL}
    assert all("unknown" in c.why_not for c in unknown)
    assert sum(f.rule == "limit_not_checked" for f in found.findings) == 2
    missing = prescribe(treatment(blind), GLASS, (), own_aim(Dosed.TUMOR, 205.0))
    assert missing.activity_gbq is None
    assert missing.dose is None
    assert "ratio" in missing.why_not
    bare = prescribe(treatment(Territory("right", 850.0)), GLASS, (), own_aim(Dosed.TUMOR, 205.0))
    assert bare.activity_gbq is None
    assert "no tumour" in bare.why_not
    nothing = prescribe(treatment(), GLASS, ())
    assert nothing.activity_gbq is None
    assert "aim" in nothing.why_not


def test_no_shunt_no_cap_by_the_lungs() -> None:
    found = prescribe(treatment(delivery=Delivery(0.0)), RESIN, (own_limit(Dosed.LUNG, 30.0),))
    assert found.caps[0].activity_gbq is None
    assert not found.caps[0].is_unknown
    assert found.activity_gbq is None


def test_the_least_fed_tumour_decides_or_the_one_named() -> None:
    two = Territory("right", 800.0, (FedTumor("hot", 60.0, 6.0), FedTumor("cold", 20.0, 2.0)))
    chosen = treatment(two)
    least = prescribe(chosen, RESIN, (), own_aim(Dosed.TUMOR, 100.0))
    assert least.dose is not None
    assert least.dose.lesions_gy["cold"] == pytest.approx(100.0)
    assert least.dose.lesions_gy["hot"] == pytest.approx(300.0)
    named = prescribe(chosen, RESIN, (), own_aim(Dosed.TUMOR, 100.0, "hot"))
    assert named.activity_gbq == pytest.approx((least.activity_gbq or 0.0) / 3)
    with pytest.raises(InvalidValue) as error:
        prescribe(chosen, RESIN, (), own_aim(Dosed.TUMOR, 100.0, "elsewhere"))
    assert "hot" in error.value.todo


def test_too_much_shunt_is_said_with_the_prescription() -> None:
    found = prescribe(treatment(delivery=Delivery(0.25)), RESIN, (), own_aim(Dosed.TUMOR, 120.0))
    assert [f.rule for f in found.findings] == ["lung_shunt_contraindicated"]
    assert found.activity_gbq is not None
    assert (
        prescribe(treatment(delivery=Delivery(0.25)), GLASS, (), own_aim(Dosed.TUMOR, 120.0)).findings == ()
    )


def test_a_very_large_activity_is_said() -> None:
    found = prescribe(treatment(), RESIN, (), own_aim(Dosed.TUMOR, 5000.0))
    assert [f.rule for f in found.findings] == ["activity_very_large"]


def test_shares_of_the_tips() -> None:
    left = Territory("left", 250.0)
    even = treatment(C4, left)
    assert even.shares == pytest.approx((0.8, 0.2))
    dose = even.dose(2.0, PHYSICS)
    assert dose.territories[0].perfused_gy == pytest.approx(dose.territories[1].perfused_gy)
    own = treatment(C4, left, shares=(0.5, 0.5)).dose(2.0, PHYSICS)
    assert [t.activity_gbq for t in own.territories] == [1.0, 1.0]
    for bad in ((0.5,), (0.5, 0.6), (1.2, -0.2), (math.nan, 1.0)):
        with pytest.raises(InvalidValue):
            treatment(C4, left, shares=bad)
    with pytest.raises(InvalidValue):
        Treatment((), NO_RESIDUAL)


def test_dose_for_each_gigabecquerel() -> None:
    assert gy_per_gbq(treatment(), PHYSICS, Dosed.LUNG) == (pytest.approx(49.67 * 0.06), "")
    assert gy_per_gbq(treatment(whole=None), PHYSICS, Dosed.WHOLE_NORMAL)[0] is None
    solid = treatment(Territory("t", 0.0, (FedTumor("a", 80.0),)), whole=None)
    assert gy_per_gbq(solid, PHYSICS, Dosed.PERFUSED_NORMAL) == (0.0, "")


# tables ------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", [GLASS, RESIN])
@pytest.mark.parametrize("intent", list(Intent))
def test_every_published_number_has_a_source(product: Product, intent: Intent) -> None:
    limits = limits_for(product, intent)
    assert [limit.of for limit in limits] == [
        Dosed.PERFUSED_NORMAL,
        Dosed.WHOLE_NORMAL,
        Dosed.LUNG,
        Dosed.LUNG_TOTAL,
    ]
    assert [limit.most.value for limit in limits[2:]] == [30.0, 50.0]
    for disease in Disease:
        aims = aims_for(product, intent, disease)
        assert aims
        for constant in (*(a.least for a in aims), *(limit.most for limit in limits)):
            assert constant.source
            assert constant.unit == "Gy"
            assert constant.confidence in (Confidence.SOURCE_READ, Confidence.ESTABLISHED)
    assert bool(limits[0].waived) == (intent in (Intent.SEGMENTECTOMY, Intent.LOBECTOMY))


def test_limits_of_the_tables() -> None:
    def of(product: Product, intent: Intent, **facts) -> tuple[float, float]:
        perfused, whole, *_ = limits_for(product, intent, **facts)
        return perfused.most.value, whole.most.value

    assert of(GLASS, Intent.LOBAR) == (120.0, 75.0)
    assert of(GLASS, Intent.LOBAR, bilirubin_mg_per_dl=1.1) == (120.0, 75.0)
    assert of(GLASS, Intent.LOBAR, bilirubin_mg_per_dl=1.2) == (120.0, 50.0)
    assert of(GLASS, Intent.WHOLE_LIVER) == (120.0, 50.0)
    assert of(GLASS, Intent.WHOLE_LIVER, bilirubin_mg_per_dl=0.8) == (120.0, 75.0)
    assert of(RESIN, Intent.LOBAR) == (40.0, 40.0)
    assert of(RESIN, Intent.LOBAR, is_liver_impaired=True) == (30.0, 30.0)
    assert of(RESIN, Intent.WHOLE_LIVER) == (30.0, 30.0)
    assert of(RESIN, Intent.WHOLE_LIVER, is_liver_impaired=False) == (40.0, 40.0)


def test_aims_of_the_tables() -> None:
    def first(product: Product, intent: Intent, disease: Disease = Disease.HCC) -> tuple[Dosed, float]:
        aim = aims_for(product, intent, disease)[0]
        return aim.of, aim.least.value

    assert first(GLASS, Intent.SEGMENTECTOMY) == (Dosed.PERFUSED, 400.0)
    assert first(RESIN, Intent.SEGMENTECTOMY) == (Dosed.PERFUSED, 150.0)
    assert first(GLASS, Intent.LOBAR) == (Dosed.TUMOR, 205.0)
    assert first(GLASS, Intent.LOBAR, Disease.CHOLANGIOCARCINOMA) == (Dosed.TUMOR, 260.0)
    assert first(GLASS, Intent.LOBAR, Disease.COLORECTAL) == (Dosed.TUMOR, 189.0)
    assert first(RESIN, Intent.WHOLE_LIVER) == (Dosed.TUMOR, 100.0)
    assert {a.of for a in aims_for(GLASS, Intent.LOBECTOMY)} == {
        Dosed.TUMOR,
        Dosed.PERFUSED,
        Dosed.PERFUSED_NORMAL,
    }
    assert aims_for(RESIN, Intent.LOBECTOMY)[1].least.value == 70.0


def test_own_limits_and_aims_say_so() -> None:
    assert own_limit(Dosed.LUNG, 25.0).most.confidence == Confidence.OUR_RULE
    assert own_aim(Dosed.TUMOR, 300.0, "lesion").least.source == "entered by hand"
    for bad in (0.0, -1.0):
        with pytest.raises(InvalidValue):
            own_limit(Dosed.LUNG, bad)
        with pytest.raises(InvalidValue):
            own_aim(Dosed.TUMOR, bad)
    with pytest.raises(InvalidValue):
        own_aim(Dosed.LUNG, 10.0)
    gbq = Constant(1.0, "GBq", "no dose", Confidence.OUR_RULE)
    with pytest.raises(InvalidValue):
        DoseLimit(Dosed.LUNG, gbq)
    with pytest.raises(InvalidValue):
        DoseAim(Dosed.TUMOR, gbq)
    with pytest.raises(ValueError, match="spleen"):
        own_limit("spleen", 10.0)  # type: ignore[arg-type]


def test_other_microspheres_have_no_tables() -> None:
    other = replace(PRODUCTS["resin"], name="holmium", title="holmium microspheres")
    for of in (limits_for, aims_for):
        with pytest.raises(InvalidValue) as error:
            of(other, Intent.LOBAR)
        assert "holmium" in error.value.thing
