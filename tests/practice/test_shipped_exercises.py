"""The shipped exercises on the sample as it is made now: no random plan beats their reference.

A random plan is not judged whole where a part of the answer shows already that it cannot reach the reference:
where a needle crosses what stops it, and, for electrodes, where the field by the closed form reaches less than
a half of the threshold somewhere in the lesion.  Both are checked on plans that are judged all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from random_plans import random_plans

from planner.base.task import Task
from planner.model.assessment import Assessment, Metric, Severity
from planner.model.case import Case
from planner.model.plan import Applicator, Plan
from planner.planning.device_library import device_library
from planner.planning.electrode_arrays import as_needle
from planner.planning.emitters import shafts_of
from planner.planning.lesion_grounds import LesionGrounds, lesion_grounds
from planner.planning.path_findings import PathJudgement, path_findings
from planner.planning.quick_path import quick_path
from planner.plugin.hashing import structures_hash
from planner.practice import planners_best
from planner.practice.exercise import Exercise
from planner.practice.exercise_file import read_exercise
from planner.practice.measuring import installed_module, measured, score_plan
from planner.practice.planners_best import TITLE, quick_settings
from planner.practice.scoring import score
from planner.practice.shipped import remake, shipped_exercise, shipped_exercises
from planner.sample.case import make_sample_case

PLANS, SEED = 1000, 20261130
#: The field at the lesion's weakest point is less than this many times the closed form's (1.06 at most measured).
FIELD_RATIO = 2.0
#: So many of those that are not judged whole are judged to see that nothing was lost.
CHECKED = 12

IDS = [e.id for e in shipped_exercises()]


@pytest.fixture(scope="module")
def sample() -> Case:
    return make_sample_case()


@pytest.fixture(scope="module")
def grounds(sample: Case) -> LesionGrounds:
    return lesion_grounds(sample.structures, structures_hash(sample), Task())


def quick(exercise: Exercise) -> Exercise:
    """Without chances, which no score counts."""
    settings = quick_settings(installed_module(exercise.module), exercise.settings)
    return replace(exercise, settings=settings)


def shafts(plan: Plan) -> Iterator[Applicator]:
    """Every needle of a plan."""
    for probe in plan.applicators:
        yield from shafts_of(probe, device_library().device(probe.device))
    for array in plan.electrode_arrays:
        yield from (as_needle(array, n) for n in range(len(array.electrodes)))


def is_stopped_on_the_way(exercise: Exercise, grounds: LesionGrounds, plan: Plan) -> bool:
    """Whether a needle's path alone stops a plan."""
    judgement = PathJudgement(Severity(exercise.settings.get("lung_crossing", "warning")))
    return any(
        f.severity == Severity.STOP
        for shaft in shafts(plan)
        for f in path_findings(
            "", shaft, device_library().device(shaft.device), quick_path(grounds.anatomy, shaft), judgement
        )
    )


def most_points(
    exercise: Exercise, case: Case, grounds: LesionGrounds, plan: Plan, reference: Assessment
) -> float:
    """What electrodes score at most: the closed form against a share of the thresholds, all margin, no liver lost."""
    module = installed_module(exercise.module)
    words = ("tumor_threshold_v_per_cm", "liver_threshold_v_per_cm")
    used = module.settings(exercise.settings)
    lower = {w: getattr(used, w) / FIELD_RATIO for w in words}
    settings = module.settings({**exercise.settings, **lower})
    shown = module.logic.preview(case, grounds, plan, settings, plan.electrode_arrays[0].id)
    metrics = [m for m in shown.metrics if m.name in ("lesion_coverage_percent", "path_length_mm")]
    metrics.append(Metric("minimal_ablation_margin_mm", exercise.margin_mm, "mm", exercise.lesion))
    findings = tuple(f for f in shown.findings if not f.rule.startswith("current"))
    answer = Assessment(exercise.module, "", {}, {}, tuple(metrics), findings)
    return score(measured(exercise, plan, answer, reference)).points


def test_they_go_from_easy_to_hard_and_are_read_without_a_case() -> None:
    found = shipped_exercises()
    assert len(found) == 6
    assert found[0].level == "easy"
    assert {e.lesion for e in found} == {f"Lesion {n}" for n in range(1, 6)}
    assert {e.module for e in found} == {"thermal_ablation", "electroporation"}
    assert all(e.case.is_sample and e.reference.title == TITLE for e in found)
    assert not found[0].conditions.is_table, "beginners have no table"
    assert all(e.conditions.is_table for e in found if e.level in ("hard", "expert"))
    assert all(shipped_exercise(e.id) == e for e in found)
    assert all(e.reference.plan.instruments for e in found)


@pytest.mark.parametrize("id", IDS)
def test_no_random_plan_beats_the_reference(
    id: str, sample: Case, grounds: LesionGrounds, record_property: Callable[[str, object], None]
) -> None:
    exercise = quick(shipped_exercise(id))
    exercise.check_case(sample)
    reference = score_plan(exercise, sample, exercise.reference.plan, Task())
    assert reference.measured.stops == ()
    assert reference.score.is_passed
    assert exercise.against(exercise.reference.plan) == ()
    if exercise.module == "thermal_ablation":
        whole = score_plan(shipped_exercise(id), sample, exercise.reference.plan, Task())
        assert whole.measured == reference.measured, "chances are not scored"
    judged, best, left_out = 0, 0.0, []
    for plan in random_plans(sample, exercise, PLANS, SEED):
        assert exercise.against(plan) == ()
        if is_stopped_on_the_way(exercise, grounds, plan):
            left_out.append(plan)
            continue
        if plan.electrode_arrays and (
            most_points(exercise, sample, grounds, plan, reference.answer) < reference.score.points
        ):
            left_out.append(plan)
            continue
        judged += 1
        found = score_plan(exercise, sample, plan, Task())
        best = max(best, found.score.points)
        assert found.score.points <= reference.score.points, plan
        assert not (found.measured.stops and found.score.is_passed)
    record_property(
        "points", f"reference {reference.score.points:.2f}, best random {best:.2f}, {judged} judged"
    )
    is_solved = exercise.module == "electroporation"
    # Arrays set at random cross something, or leave a part below half the threshold: none has to be solved.
    assert judged >= (0 if is_solved else 5)
    few = CHECKED // 2 if is_solved else CHECKED
    for n in np.linspace(0, len(left_out) - 1, few).astype(int):
        found = score_plan(exercise, sample, left_out[n], Task())
        assert found.score.points <= reference.score.points
        if is_stopped_on_the_way(exercise, grounds, left_out[n]):
            assert found.measured.stops
            assert not found.score.is_passed
        else:
            bound = most_points(exercise, sample, grounds, left_out[n], reference.answer)
            assert found.score.points <= bound


def test_remaking_keeps_the_texts(sample: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(case: Case, exercise: Exercise, task: Task) -> Exercise:
        task.report(1.0, exercise.title)
        return exercise

    monkeypatch.setattr(planners_best, "with_own_reference", kept)
    written = remake(sample, tmp_path, Task())
    assert tuple(read_exercise(p) for p in written) == shipped_exercises()
