"""Thermal ablation on a phantom of balls: the numbers of closed forms, the findings, the refusals."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.planning.arrays import with_pullback
from planner.planning.device_library import device_library
from planner.plugin.judging import judge
from planner.plugin.registry import find_modules

CRYO = dict(device_library().device("generic-cryo-ln2").defaults)
MWA = dict(device_library().device("generic-mwa-17g").defaults)
MODULE = find_modules().module("thermal_ablation")


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom(
        colon=(Role.BOWEL, (0.0, 33.0, 0.0), 8.0),
        duct=(Role.BILE_DUCT, (35.0, 0.0, 0.0), 3.0),
        vein=(Role.PORTAL_VEIN, (0.0, 0.0, 17.0), 4.0),
        rib=(Role.BONE, (0.0, -90.0, 20.0), 6.0),
    )


def answer(case: Case, plan: Plan, **settings: Any) -> Assessment:
    """The answer; chances are sampled only where a test asks for them."""
    return judge(MODULE, case, plan, {"robustness_samples": 0, **settings})


def value(assessment: Assessment, name: str, subject: str | None = None) -> float:
    found = assessment.metric(name, subject).value
    assert found is not None
    return found


@pytest.mark.parametrize(("radius", "offset"), [(20.0, 3.0), (16.0, 4.0), (14.0, 8.0)])
def test_the_margin_of_offset_balls_is_the_closed_form(case: Case, radius: float, offset: float) -> None:
    """H14: minimum R_a - R_t - d, mean by the closed form, coverage below a whole where it sticks out."""
    found = answer(case, plan_of(custom_probe(center=(0.0, 0.0, offset), size_mm=2 * radius)))
    minimal = found.metric("minimal_ablation_margin_mm")
    assert minimal.value == pytest.approx(radius - 10.0 - offset, abs=0.5)
    assert minimal.uncertainty is not None
    assert minimal.uncertainty.low <= radius - 10.0 - offset <= minimal.uncertainty.high
    share = np.clip((1 + ((radius - 5.0) ** 2 - 100.0 - offset**2) / (2 * 10.0 * offset)) / 2, 0, 1)
    assert value(found, "margin_at_least_5mm_percent") == pytest.approx(100 * share, abs=3.0)
    assert value(found, "lesion_volume_ml") == pytest.approx(4.18879, rel=0.02)
    assert value(found, "ablation_zone_volume_ml", "plan") == pytest.approx(
        4.18879 * (radius / 10) ** 3, rel=0.01
    )
    covered = value(found, "lesion_coverage_percent")
    if radius - 10.0 - offset >= 0.5:
        assert covered == 100.0
    else:
        assert covered < 100.0


def test_coverage_of_the_grown_lesion(case: Case) -> None:
    """A ball of 15 mm inside a zone of 13 mm: (13 / 15)^3."""
    found = answer(case, plan_of(custom_probe(size_mm=26.0)))
    assert value(found, "lesion_plus_5mm_coverage_percent") == pytest.approx(100 * (13 / 15) ** 3, abs=2.0)
    assert value(found, "lesion_plus_10mm_coverage_percent") == pytest.approx(100 * (13 / 20) ** 3, abs=2.0)
    assert value(found, "liver_destroyed_ml") == pytest.approx(
        4 / 3 * np.pi * (13**3 - 10**3) / 1000, rel=0.04
    )


def test_two_zones_cover_what_neither_does(case: Case) -> None:
    left = custom_probe(center=(-6.0, 0.0, 0.0), size_mm=30.0)
    right = custom_probe(center=(6.0, 0.0, 0.0), size_mm=30.0, id="p2")
    single = value(answer(case, plan_of(left)), "minimal_ablation_margin_mm")
    both = value(answer(case, plan_of(left, right)), "minimal_ablation_margin_mm")
    assert single == pytest.approx(-1.0, abs=0.5)
    # The waist of two balls of 15 mm, 12 mm apart, less the lesion's radius.
    assert both == pytest.approx(np.sqrt(15.0**2 - 6.0**2) - 10.0, abs=0.5)


def test_a_preview_says_the_same_as_the_assessment(case: Case) -> None:
    plan = plan_of(custom_probe(center=(1.0, 2.0, 3.0)))
    settings = MODULE.settings({"robustness_samples": 60})
    grounds = MODULE.logic.prepare(case, settings, Task())
    shown = MODULE.logic.preview(case, grounds, plan, settings, "p1")
    whole = answer(case, plan, robustness_samples=60)
    by_name = {(m.name, m.subject): m for m in whole.metrics}
    for metric in shown.metrics:
        assert metric.is_estimate or by_name[metric.name, metric.subject] == metric


def test_the_same_input_gives_the_same_bits(case: Case) -> None:
    plan = plan_of(custom_probe(center=(1.0, 2.0, 3.0)))
    one, two = answer(case, plan), answer(case, plan)
    assert one.metrics == two.metrics
    assert one.findings == two.findings
    assert one.inputs == two.inputs
    assert answer(case, plan_of(custom_probe())).inputs["plan"] != one.inputs["plan"]


def rules_of(found: Assessment) -> dict[str, str]:
    return {f.rule: f.severity.value for f in found.findings}


def test_what_is_not_checked_stands_first(case: Case) -> None:
    found = answer(case, plan_of(custom_probe()))
    assert found.findings[0].rule == "not_checked"
    assert "pleura" in found.findings[0].text
    assert "bowel" not in found.findings[0].text


def test_findings_name_what_is_near_and_where(case: Case) -> None:
    found = answer(case, plan_of(custom_probe(size_mm=44.0)))
    rules = rules_of(found)
    assert rules["zone_reaches_organ"] == "warning", "22 mm zone, colon from 25 mm on"
    assert "zone_near_bile_duct" not in rules, "duct from 32 mm on: exactly 10 mm"
    assert rules["heat_sink"] == "warning"
    unverified = plan_of(replace(custom_probe(), device="generic-mwa-17g", settings=MWA))
    own = answer(case, unverified, organ_distance_mm=20.0)
    warnings = [f.rule for f in own.findings if f.severity == "warning"]
    assert {"zone_reaches_organ", "zone_size_unverified"} <= set(warnings)
    assert warnings.index("zone_reaches_organ") < warnings.index("zone_size_unverified")
    wide = rules_of(answer(case, plan_of(custom_probe(size_mm=56.0))))
    assert wide["zone_reaches_organ"] == "stop"
    assert wide["zone_near_bile_duct"] == "warning"
    assert "margin_short" not in wide


@pytest.mark.parametrize("role", [Role.LUNG, Role.PLEURA, Role.KIDNEY, Role.SPLEEN])
def test_a_zone_that_leaves_the_liver_for_another_organ_is_told(role: Role) -> None:
    """Zones of 22 and 28 mm about a lesion whose neighbour begins at 25 mm: 3 mm before it, 3 mm in it."""
    case = phantom(beside=(role, (0.0, 33.0, 0.0), 8.0))
    before = answer(case, plan_of(custom_probe(size_mm=44.0)))
    assert "zone_reaches_organ" not in rules_of(before)
    found = answer(case, plan_of(custom_probe(size_mm=56.0)))
    (told,) = [f for f in found.findings if f.rule == "zone_reaches_organ"]
    depth = -value(found, f"nearest_{'lung' if role == Role.PLEURA else role.value}_to_zone_mm")
    assert depth == pytest.approx(3.0, abs=1.0)
    assert (told.severity, told.subject) == ("warning", "beside")
    assert told.text.startswith(f"The zone reaches {depth:.1f} mm into beside")
    assert told.source.confidence == "our rule"
    assert told.where_lps_mm is not None
    assert np.allclose(told.where_lps_mm, (0.0, 25.0, 0.0), atol=2.5)


def test_a_rib_on_the_path_stops_and_profiles_change_severity(case: Case) -> None:
    rib = custom_probe(entry=(0.0, -98.0, 20.5))
    assert rules_of(answer(case, plan_of(rib)))["path_crosses_bone"] == "stop"
    vein = custom_probe(entry=(0.0, 0.0, 99.0))
    assert rules_of(answer(case, plan_of(vein)))["path_crosses_vessel"] == "warning"
    assert rules_of(answer(case, plan_of(vein), vessel_crossing="stop"))["path_crosses_vessel"] == "stop"


def test_planned_and_achieved_margins_have_rules_of_their_own(case: Case) -> None:
    plan = plan_of(custom_probe(size_mm=34.0))
    planned = answer(case, plan).metric("minimal_margin_without_capsule_mm").target
    achieved = answer(case, plan, judged_as="achieved").metric("minimal_margin_without_capsule_mm").target
    assert planned is not None
    assert achieved is not None
    assert (planned.low, achieved.low) == (10.0, 5.0)
    assert answer(case, plan).metric("minimal_ablation_margin_mm").target is None
    assert answer(case, plan, exclude_capsule=False).metric("minimal_ablation_margin_mm").target is not None


def test_a_path_longer_than_the_device_stops(case: Case) -> None:
    far = custom_probe(entry=(0.0, -190.0, 0.0))
    found = rules_of(answer(case, plan_of(far)))
    assert found["path_longer_than_device"] == "stop"
    assert found["path_outside_scan"] == "warning"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device": "laser-sword"}, "not in the library"),
        ({"lesion": "lesion 9"}, "names a lesion"),
        ({"entry_lps_mm": (0.0, -5.0, 0.0)}, "inside the lesion"),
        ({"settings": {"long_axis_mm": 40.0}}, "missing"),
    ],
)
def test_impossible_probes_are_refused_in_three_parts(case: Case, change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        answer(case, plan_of(replace(custom_probe(), **change)))
    assert words in str(caught.value)
    assert caught.value.thing
    assert caught.value.todo


def test_a_lesion_outside_the_liver_is_refused(case: Case) -> None:
    outside = phantom(stray=(Role.LESION, (85.0, 0.0, 0.0), 8.0))
    with pytest.raises(InvalidValue, match="outside the liver"):
        answer(outside, plan_of(replace(custom_probe(), lesion="stray")))


def test_another_cases_plan_an_empty_one_and_a_wrong_setting_are_refused(case: Case) -> None:
    with pytest.raises(InvalidValue, match="another case"):
        answer(case, Plan("A", "other", (custom_probe(),)))
    with pytest.raises(InvalidValue, match="no probe"):
        answer(case, plan_of())
    with pytest.raises(InvalidValue, match="no such setting"):
        answer(case, plan_of(custom_probe()), mood="good")
    with pytest.raises(InvalidValue, match="not a number in its range"):
        answer(case, plan_of(custom_probe()), planned_margin_mm="nan")


def test_a_liver_cut_by_the_scan_is_said() -> None:
    case = phantom()
    structures = case.structures
    cut = structures.mask("liver")
    cut[:, :, 60:] |= structures.mask("skin")[:, :, 60:]
    cut[0] |= True
    changed = case.with_structures(structures.with_mask(structures["liver"], cut))
    assert "liver_cut_by_scan" in rules_of(answer(changed, plan_of(custom_probe())))
    assert "liver_cut_by_scan" not in rules_of(answer(case, plan_of(custom_probe())))


def test_module_failures_become_words(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE.logic, "assess", lambda *_: 1 / 0)
    with pytest.raises(PlannerError, match="failed and gave no answer"):
        answer(case, plan_of(custom_probe()))


def test_a_planned_margin_is_judged_by_the_chance_of_five_millimetres(case: Case) -> None:
    plan = plan_of(custom_probe(size_mm=32.0))
    found = answer(case, plan, robustness_samples=400, seed=5)
    chance = found.metric("chance_of_5mm_margin_percent", "lesion")
    assert chance.target is not None
    assert (chance.target.low, chance.target.source.confidence.value) == (90.0, "our rule")
    assert found.metric("minimal_ablation_margin_mm").target is None
    assert "margin_short" not in rules_of(found)
    assert ("chance_of_margin_low" in rules_of(found)) is not chance.is_met
    assert rules_of(found)["zone_spread_assumed"] == "info"
    low, high = value(found, "minimal_margin_low_mm"), value(found, "minimal_margin_high_mm")
    assert low < value(found, "minimal_ablation_margin_mm") + 0.5
    assert low < high
    surface = next(s for s in found.surfaces if s.name == "lesion_chance_of_5mm")
    assert surface.values is not None
    assert 0 <= surface.values.min() <= surface.values.max() <= 100
    exact = answer(case, plan, robustness_samples=400, placement="exact", zone_spread_percent=0)
    assert value(exact, "chance_of_5mm_margin_percent") > value(found, "chance_of_5mm_margin_percent")


def test_achieved_margins_keep_their_own_rule_beside_chances(case: Case) -> None:
    found = answer(case, plan_of(custom_probe()), robustness_samples=50, judged_as="achieved")
    assert found.metric("chance_of_5mm_margin_percent").target is None
    target = found.metric("minimal_margin_without_capsule_mm").target
    assert target is not None
    assert target.low == 5.0


def test_the_same_seed_gives_the_same_chances(case: Case) -> None:
    plan = plan_of(custom_probe(size_mm=34.0))
    one, two = (answer(case, plan, robustness_samples=100, seed=9) for _ in range(2))
    assert one.metrics == two.metrics


@pytest.mark.parametrize(("apart", "said"), [(8.0, True), (15.0, False), (24.0, True), (60.0, False)])
def test_parallel_probes_have_a_spacing(case: Case, apart: float, said: bool) -> None:
    """Cryo: 10 to 20 mm (reference sheet A6, A8); far apart they are no array."""
    one = replace(custom_probe(), device="generic-cryo-ln2", settings=CRYO)
    two = replace(one.moved((apart, 0.0, 0.0)), id="p2")
    assert ("probe_spacing" in rules_of(answer(case, plan_of(one, two)))) is said


def test_probes_that_touch_are_stopped_and_a_pull_back_is_not(case: Case) -> None:
    one = custom_probe()
    crossing = replace(custom_probe(entry=(40.0, -90.0, 0.0)), id="p2")
    assert rules_of(answer(case, plan_of(one, crossing)))["probes_touch"] == "stop"
    apart = replace(one.moved((6.0, 0.0, 0.0)), id="p2")
    assert "probes_touch" not in rules_of(answer(case, plan_of(one, apart)))
    back = with_pullback(plan_of(one), one, 8.0, 1)
    assert "probes_touch" not in rules_of(answer(case, back))


def test_a_probe_outside_the_body_stops() -> None:
    case = phantom((4.0, 4.0, 4.0))
    outside = custom_probe(entry=(0.0, -105.0, 60.0), center=(0.0, -104.0, 0.0))
    module = find_modules().module("thermal_ablation")
    answer = judge(module, case, plan_of(outside), {"robustness_samples": 0})
    (found,) = [f for f in answer.findings if f.rule == "tip_outside_body"]
    assert found.severity == "stop"
    assert found.where_lps_mm == outside.tip_lps_mm


def test_the_rules_of_paths_follow_the_settings() -> None:
    module = find_modules().module("thermal_ablation")
    rules = module.function("access_rules")
    assert rules is not None
    plain = rules(module.settings({}))
    assert plain.gantry_sector_deg is None
    assert plain.table_lps == (0.0, 1.0, 0.0)
    assert not plain.is_lung_refused
    given = {
        "gantry_from_deg": -60,
        "gantry_to_deg": 90,
        "is_patient_on_back": False,
        "steepest_tilt_deg": 20,
    }
    changed = rules(module.settings({**given, "organ_clearance_mm": 8, "lung_crossing": "stop"}))
    assert changed.gantry_sector_deg == (-60.0, 90.0)
    assert changed.table_lps is None
    assert (changed.steepest_tilt_deg, changed.organ_clearance_mm) == (20.0, 8.0)
    assert changed.is_lung_refused
