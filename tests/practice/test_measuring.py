"""What is measured of an attempt: closed forms on a body of balls, hazards one by one, and what is refused."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment, Finding, Metric, Severity
from planner.model.case import Case
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.planning.device_library import built_in_library, reset_device_library, set_device_library
from planner.plugin.registry import find_modules
from planner.practice import measuring
from planner.practice.exercise import CaseMark, Conditions, Exercise, Reference
from planner.practice.measuring import measured, score_plan
from planner.practice.planners_best import quick_settings

BONE = (Role.BONE, (0.0, -85.0, 0.0), 8.0)


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom((2.0, 2.0, 2.5), lung=(Role.LUNG, (70.0, 0.0, 0.0), 9.0), rib=BONE)


def exercise_on(case: Case, **changes: Any) -> Exercise:
    given: dict[str, Any] = {
        "id": "balls",
        "title": "Balls",
        "task": "Cover the ball.",
        "case": CaseMark.of(case),
        "module": "thermal_ablation",
        "lesion": "lesion",
        "devices": ("custom-ellipsoid",),
        "most_instruments": 2,
        "conditions": Conditions(limit_s=100.0),
        "references": (Reference("expert", plan_of(custom_probe((0.0, 100.0, 0.0), size_mm=34.0))),),
    }
    return Exercise(**{**given, **changes})


def test_closed_forms(case: Case) -> None:
    plan = plan_of(custom_probe((0.0, 100.0, 0.0), (0.0, 2.0, 0.0), 40.0))
    found = score_plan(exercise_on(case), case, plan, Task(), repositionings=1, seconds=150.0)
    m = found.measured
    ball_ml = 4.0 / 3.0 * math.pi / 1000.0
    assert m.coverage_percent == pytest.approx(100.0)
    assert m.margin_mm == pytest.approx(20.0 - 10.0 - 2.0, abs=0.5)
    assert m.wanted_margin_mm == 5.0
    assert m.liver_ml == pytest.approx(ball_ml * (20.0**3 - 10.0**3), rel=0.02)
    assert m.reference_liver_ml == pytest.approx(ball_ml * (17.0**3 - 10.0**3), rel=0.02)
    assert m.path_mm == pytest.approx(108.0)
    assert m.reference_path_mm == pytest.approx(110.0)
    assert (m.punctures, m.fewest_punctures, m.repositionings) == (1, 1, 1)
    assert (m.seconds, m.limit_s) == (150.0, 100.0)
    assert (m.stops, m.warnings) == ((), ())
    assert found.score.is_passed
    assert found.answer.metric("minimal_ablation_margin_mm", "lesion").value == m.margin_mm


def test_what_the_trainees_case_says_of_its_patient_does_not_count(case: Case) -> None:
    exercise = exercise_on(case, settings={"robustness_samples": 0})
    plan = plan_of(custom_probe((0.0, 100.0, 0.0), (0.0, 2.0, 0.0), 40.0))
    asked = score_plan(exercise, case, plan, Task())
    told = case.with_settings_of("thermal_ablation", {"judged_as": "achieved", "is_patient_on_back": False})
    found = score_plan(exercise, told, plan, Task())
    assert found.answer.settings == asked.answer.settings
    assert found.answer.settings["judged_as"] == "planned"
    assert found.answer.metrics == asked.answer.metrics
    assert found.score == asked.score
    lying = replace(exercise, settings={**exercise.settings, "is_patient_on_back": False})
    assert score_plan(lying, case, plan, Task()).answer.settings["is_patient_on_back"] is False


def test_hazards_are_counted_one_by_one_and_what_the_case_lacks_is_none(case: Case) -> None:
    through_lung = custom_probe((100.0, 0.0, 0.0), size_mm=40.0)
    beside = custom_probe((100.0, 3.0, 6.0), (0.0, 3.0, 6.0), 40.0, "p2")
    found = score_plan(exercise_on(case), case, plan_of(through_lung, beside), Task())
    assert found.measured.stops == ()
    assert found.measured.warnings.count("path_crosses_lung") == 2
    assert "not_checked" in {f.rule for f in found.answer.findings}
    assert "not_checked" not in found.measured.warnings
    assert found.measured.punctures == 2
    through_bone = score_plan(exercise_on(case), case, plan_of(custom_probe(size_mm=40.0)), Task())
    assert through_bone.measured.stops == ("path_crosses_bone",)
    assert not through_bone.score.is_passed


def answer_of(*metrics: Metric, settings: dict[str, Any] | None = None) -> Assessment:
    findings = (
        Finding("zone_near_bile_duct", Severity.WARNING, "near"),
        Finding("margin_short", Severity.WARNING, "short"),
        Finding("lesion_not_covered", Severity.STOP, "sticks out"),
        Finding("zone_model", Severity.INFO, "model"),
    )
    return Assessment("thermal_ablation", "1", {}, settings or {}, metrics, findings)


def test_where_a_module_judges_off_the_capsule_so_does_the_score(case: Case) -> None:
    plan, exercise = exercise_on(case).reference.plan, exercise_on(case)
    both = (
        Metric("minimal_ablation_margin_mm", 1.0, "mm", "lesion"),
        Metric("minimal_margin_without_capsule_mm", 4.0, "mm", "lesion"),
        Metric("minimal_ablation_margin_mm", -9.0, "mm", "another"),
    )
    off = answer_of(*both, settings={"exclude_capsule": True})
    assert measured(exercise, plan, off, off).margin_mm == 4.0
    on = answer_of(*both, settings={"exclude_capsule": False})
    assert measured(exercise, plan, on, on).margin_mm == 1.0
    bare = answer_of(both[0], settings={"exclude_capsule": True})
    assert measured(exercise, plan, bare, bare).margin_mm == 1.0


def test_an_answer_without_a_zone_has_no_margin_and_covers_nothing(case: Case) -> None:
    plan, exercise = exercise_on(case).reference.plan, exercise_on(case)
    none = answer_of(Metric("lesion_coverage_percent", None, "%", "lesion"))
    found = measured(exercise, plan, none, none)
    assert (found.coverage_percent, found.margin_mm, found.path_mm, found.liver_ml) == (0.0, None, 0.0, 0.0)
    assert found.stops == ("lesion_not_covered",)
    assert found.warnings == ("zone_near_bile_duct",)


def test_liver_is_the_zone_beside_the_lesion_where_a_module_does_not_count_it_apart(case: Case) -> None:
    plan, exercise = exercise_on(case).reference.plan, exercise_on(case)
    zone = answer_of(
        Metric("ablation_zone_volume_ml", 30.0, "ml", "plan"),
        Metric("ablation_zone_volume_ml", 99.0, "ml", "p1"),
        Metric("lesion_volume_ml", 8.0, "ml", "lesion"),
        Metric("lesion_coverage_percent", 75.0, "%", "lesion"),
        Metric("path_length_mm", 70.0, "mm", "e1:0"),
        Metric("path_length_mm", 90.0, "mm", "e1:1"),
    )
    found = measured(exercise, plan, zone, zone)
    assert found.liver_ml == pytest.approx(30.0 - 6.0)
    assert found.path_mm == 90.0


def test_nothing_placed_and_what_is_not_allowed_is_refused_before_anything_is_judged(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("judged")

    monkeypatch.setattr(measuring, "judge", never)
    exercise = exercise_on(case, most_instruments=1)
    with pytest.raises(InvalidValue, match="commit with nothing placed") as found:
        score_plan(exercise, case, Plan("A", case.id), Task())
    assert found.value.thing
    assert found.value.todo
    two = plan_of(custom_probe(), custom_probe((3.0, -100.0, 0.0), id="p2"))
    with pytest.raises(InvalidValue, match="does not keep to the exercise") as found:
        score_plan(exercise, case, two, Task())
    assert "2 needles, 1 is allowed" in found.value.thing
    assert "custom-ellipsoid" in found.value.todo
    with pytest.raises(InvalidValue, match="another case"):
        score_plan(exercise, case, replace(plan_of(custom_probe()), case_id="other"), Task())
    with pytest.raises(InvalidValue, match="is on another case"):
        score_plan(exercise, replace(case, id="other"), plan_of(custom_probe()), Task())
    changed = phantom((2.0, 2.0, 2.5))
    with pytest.raises(InvalidValue, match="were changed"):
        score_plan(exercise, changed, plan_of(custom_probe()), Task())
    answer = answer_of()
    with pytest.raises(InvalidValue, match="nothing placed"):
        measured(exercise, Plan("A", case.id), answer, answer)
    with pytest.raises(InvalidValue, match="does not keep"):
        measured(exercise, two, answer, answer)


def test_the_reference_is_judged_once_until_what_it_stands_on_changes(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[str] = []
    real = measuring.judge

    def counted(module: Any, case: Case, plan: Plan, settings: Any, task: Task) -> Assessment:
        judged.append(plan.name)
        return real(module, case, plan, settings, task)

    monkeypatch.setattr(measuring, "judge", counted)
    monkeypatch.setattr(measuring, "_answers", {})
    expert = replace(plan_of(custom_probe((0.0, 100.0, 0.0), size_mm=32.0)), name="expert")
    exercise = exercise_on(case, references=(Reference("expert", expert),))
    exercise = replace(exercise, settings=quick_settings(find_modules().module(exercise.module), {}))
    for size in (38.0, 40.0, 42.0):
        score_plan(exercise, case, plan_of(custom_probe((0.0, 100.0, 0.0), size_mm=size)), Task())
    assert judged.count("expert") == 1
    score_plan(
        replace(exercise, settings={**exercise.settings, "organ_distance_mm": 9.0}),
        case,
        plan_of(custom_probe()),
        Task(),
    )
    assert judged.count("expert") == 2, "other settings"
    library = built_in_library()
    devices = {
        n: replace(d, diameter_mm=2.9) if n == "custom-ellipsoid" else d for n, d in library.devices.items()
    }
    set_device_library(replace(library, devices=devices))
    try:
        score_plan(exercise, case, plan_of(custom_probe()), Task())
    finally:
        reset_device_library()
    assert judged.count("expert") == 3, "another device of that name"
    for n in range(measuring.KEPT_ANSWERS + 3):
        other = replace(exercise, settings={**exercise.settings, "seed": 100 + n})
        score_plan(other, case, plan_of(custom_probe()), Task())
    assert len(measuring._answers) == measuring.KEPT_ANSWERS


@pytest.mark.parametrize("module", ["thermal_ablation", "electroporation"])
def test_without_chances_the_same_is_measured(case: Case, module: str) -> None:
    settings: dict[str, Any] = {"robustness_samples": 60}
    if module == "electroporation":
        places = ((-8.0, -8.0), (8.0, -8.0), (8.0, 8.0), (-8.0, 8.0))
        electrodes = tuple(Electrode((x, 100.0, z), (x, -12.0, z), 24.0) for x, z in places)
        pairs = tuple(PulsePair(a, b, 3000.0) for a in range(4) for b in range(a + 1, 4))
        array = ElectrodeArray("e1", "generic-ire-19g", electrodes, pairs, lesion="lesion")
        plan = Plan("A", case.id, (array,))
        settings |= {"field_voxel_mm": 2.0, "placement": "exact", "tumor_threshold_v_per_cm": 400.0}
        exercise = exercise_on(
            case, module=module, devices=("generic-ire-19g",), most_instruments=4,
            references=(Reference("expert", plan),), settings=settings,
        )  # fmt: skip
    else:
        plan = plan_of(custom_probe((100.0, 0.0, 0.0), size_mm=40.0), custom_probe(size_mm=30.0, id="p2"))
        exercise = exercise_on(case, settings=settings)
    quick = replace(exercise, settings=quick_settings(find_modules().module(module), settings))
    assert quick.settings["robustness_samples"] == 0
    whole, short = (score_plan(e, case, plan, Task()) for e in (exercise, quick))
    assert whole.measured == short.measured
    assert whole.score == short.score
    said = {m.name for m in whole.answer.metrics} - {m.name for m in short.answer.metrics}
    assert "chance_of_full_coverage_percent" in said, "only the chances are left out"
    assert whole.measured.coverage_percent == pytest.approx(100.0)
