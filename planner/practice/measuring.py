"""What an attempt at an exercise comes to: a plan and the reference, judged by the exercise's module."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache

import msgspec

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment, SettingValue, Severity
from planner.model.case import Case
from planner.model.plan import Plan
from planner.planning.device_library import device_library
from planner.plugin.hashing import plan_hash, structures_hash
from planner.plugin.judging import judge
from planner.plugin.registry import TreatmentModule, find_modules
from planner.plugin.settings import options_of
from planner.practice.exercise import Exercise, needle_count
from planner.practice.scoring import Measured, Score, is_hazard, score

#: Answers to references kept in memory; each is a few hundred numbers.
KEPT_ANSWERS = 16


@dataclass(frozen=True, eq=False)
class Scored:
    """A plan's score, what it was measured by, and the module's whole answer."""

    measured: Measured
    score: Score
    answer: Assessment


def score_plan(
    exercise: Exercise,
    case: Case,
    plan: Plan,
    task: Task,
    *,
    repositionings: int = 0,
    seconds: float | None = None,
) -> Scored:
    """Judge a plan as the exercise's module does, and score it against the reference.

    Parameters
    ----------
    exercise, case, plan
        The task, the case as it was when the exercise was made, and what was planned.
    task
        Progress and cancel.
    repositionings, seconds
        Of the attempt: needles drawn back and put in again, and time taken where it is kept.

    Raises
    ------
    InvalidValue
        If the case is another one or was changed, the plan is empty, or it does not keep to the exercise.
    PlannerError
        If the module is not installed or fails.
    """
    exercise.check_case(case)
    _check_plan(exercise, plan)
    module = installed_module(exercise.module)
    reference = reference_answer_of(exercise, case, task.part(0.0, 0.5))
    answer = judge(module, case, plan, rules_of(module, exercise), task.part(0.5, 1.0))
    found = measured(exercise, plan, answer, reference, repositionings=repositionings, seconds=seconds)
    return Scored(found, score(found), answer)


@cache
def installed_module(id: str) -> TreatmentModule:
    """The module of an id; looking through what is installed takes longer than scoring a plan.

    Raises
    ------
    PlannerError
        If there is none, or it failed to load.
    """
    return find_modules().module(id)


def measured(
    exercise: Exercise,
    plan: Plan,
    answer: Assessment,
    reference_answer: Assessment,
    *,
    repositionings: int = 0,
    seconds: float | None = None,
) -> Measured:
    """What a score is made of, out of a module's answers to a plan and to the reference.

    Parameters
    ----------
    exercise, plan
        The task, and what was planned.
    answer, reference_answer
        Of the exercise's module, to the plan and to `Exercise.reference`.
    repositionings, seconds
        Of the attempt.

    Raises
    ------
    InvalidValue
        If the plan is empty or does not keep to the exercise.
    """
    _check_plan(exercise, plan)
    lesion, reference = exercise.lesion, exercise.reference.plan
    return Measured(
        coverage_percent=_value(answer, "lesion_coverage_percent", lesion) or 0.0,
        margin_mm=_judged_margin_mm(answer, lesion),
        wanted_margin_mm=exercise.margin_mm,
        stops=tuple(f.rule for f in answer.findings if f.severity == Severity.STOP),
        warnings=tuple(
            f.rule for f in answer.findings if f.severity == Severity.WARNING and is_hazard(f.rule)
        ),
        path_mm=_longest_path_mm(answer),
        liver_ml=_liver_ml(answer, lesion),
        punctures=needle_count(plan),
        reference_path_mm=_longest_path_mm(reference_answer),
        reference_liver_ml=_liver_ml(reference_answer, lesion),
        fewest_punctures=needle_count(reference),
        repositionings=repositionings,
        seconds=seconds,
        limit_s=exercise.conditions.limit_s,
    )


def _check_plan(exercise: Exercise, plan: Plan) -> None:
    if not plan.instruments:
        raise InvalidValue(
            "There is nothing to score: commit with nothing placed.",
            f"plan '{plan.name}' for '{exercise.title}'",
            "Place a needle first.",
        )
    wrong = exercise.against(plan)
    if wrong:
        raise InvalidValue(
            "The plan does not keep to the exercise.",
            f"plan '{plan.name}' for '{exercise.title}': {'; '.join(wrong)}",
            f"Allowed are up to {exercise.most_instruments} of {', '.join(exercise.devices)}"
            f" in {exercise.lesion}.",
        )


def _value(answer: Assessment, name: str, subject: str) -> float | None:
    """A number of an answer; None where it has none."""
    return next((m.value for m in answer.metrics if m.name == name and m.subject == subject), None)


def _judged_margin_mm(answer: Assessment, lesion: str) -> float | None:
    """The margin the module judges by: off the capsule where its settings say so.

    Nobody burns 5 mm into diaphragm and lung for a lesion at the capsule.
    """
    if answer.settings.get("exclude_capsule") is True:
        bare = _value(answer, "minimal_margin_without_capsule_mm", lesion)
        if bare is not None:
            return bare
    return _value(answer, "minimal_ablation_margin_mm", lesion)


def _longest_path_mm(answer: Assessment) -> float:
    return max((m.value or 0.0 for m in answer.metrics if m.name == "path_length_mm"), default=0.0)


def _liver_ml(answer: Assessment, lesion: str) -> float:
    """Tissue beside the lesion in the zone.

    Where a module counts the liver apart, that; else the zone's volume without what of it lies in the lesion.
    """
    liver = _value(answer, "liver_destroyed_ml", lesion)
    if liver is not None:
        return max(liver, 0.0)
    zone = _value(answer, "ablation_zone_volume_ml", "plan") or 0.0
    share = (_value(answer, "lesion_coverage_percent", lesion) or 0.0) / 100.0
    return max(zone - share * (_value(answer, "lesion_volume_ml", lesion) or 0.0), 0.0)


_answers: dict[str, Assessment] = {}


def reference_answer_of(exercise: Exercise, case: Case, task: Task) -> Assessment:
    """What the exercise's module says of the reference, judged once for many attempts; without surfaces and fields.

    Raises
    ------
    PlannerError
        If the module is not installed or fails.
    """
    module = installed_module(exercise.module)
    key = _answer_key(module, exercise, case)
    if key not in _answers:
        whole = judge(module, case, exercise.reference.plan, rules_of(module, exercise), task)
        while len(_answers) >= KEPT_ANSWERS:
            del _answers[next(iter(_answers))]
        # Surfaces and fields would hold memory that no score asks for.
        _answers[key] = replace(whole, curves=(), surfaces=(), fields=())
    return _answers[key]


def rules_of(module: TreatmentModule, exercise: Exercise) -> dict[str, SettingValue]:
    """What the exercise's module is told: the exercise's settings alone.

    What the case in front of the trainee tells the module of its patient is set to the defaults: it may have
    been changed since the exercise was made, and one plan must not score differently for two trainees.
    """
    of_case = {o.name: o.default for o in options_of(module.settings_class) if o.is_of_case}
    return {**of_case, **exercise.settings}


def _answer_key(module: TreatmentModule, exercise: Exercise, case: Case) -> str:
    """Stands for all an answer depends on: a device of one's own may be changed between two attempts."""
    used = dict.fromkeys(i.device for i in exercise.reference.plan.instruments)
    rows = [
        structures_hash(case),
        plan_hash(exercise.reference.plan),
        [module.manifest.id, module.manifest.version],
        sorted(rules_of(module, exercise).items()),
        [repr(device_library().device(name)) for name in used],
    ]
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()
