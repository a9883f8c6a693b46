"""The planner's best plan for an exercise: its suggestions, scored, and the best put right step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.assessment import Assessment, SettingValue
from planner.model.case import Case
from planner.model.plan import Plan
from planner.plugin.judging import judge, propose
from planner.plugin.registry import TreatmentModule
from planner.practice.exercise import CaseMark, Exercise, Reference
from planner.practice.measuring import installed_module, measured, rules_of
from planner.practice.plan_moves import moved_plans
from planner.practice.scoring import Measured, score, weights

TITLE = "planner's best"


@dataclass(frozen=True)
class Effort:
    """How far suggestions are put right.

    Parameters
    ----------
    plans
        So many of them; the others stay behind.
    steps_mm
        Steps of the search from the first to the last; settings go by the same shares of the largest.
    most
        So many moves of each plan are judged at most.
    """

    plans: int
    steps_mm: tuple[float, ...]
    most: int


#: By module; what is solved takes seconds a plan, what is measured a hundredth of one.
EFFORTS = {"electroporation": Effort(1, (2.0, 1.0), 60)}
EFFORT = Effort(3, (4.0, 2.0, 1.0), 600)
#: Where plans score the same with as many needles: what a millimetre is worth in ml of liver (our rule).
ML_PER_MM_OF_PATH, ML_PER_MM_OF_MARGIN, ML_PER_MM_OF_CLEARANCE = 0.5, 2.0, 3.0
#: More margin, and more room to what may be hurt by the needle or by the zone, is worth nothing then.
MARGIN_MM, PATH_CLEARANCE_MM, ZONE_CLEARANCE_MM = 10.0, 5.0, 10.0
#: What the modules call the number of needles in a goal.
_MOST_WORDS = {"thermal_ablation": "most_needles", "electroporation": "most_electrodes"}


@dataclass(frozen=True, order=True)
class Standing:
    """How good a plan is as a reference; a later one of an order is better.

    Parameters
    ----------
    points
        What it scores against itself: full marks for path, liver and punctures.
    parts
        The sum of its parts: what it would score where nothing stopped it.
    fewer
        Needles, negative.
    safer
        Margin and room to what may be hurt, less liver and path.
    """

    points: float
    parts: float
    fewer: int
    safer: float


def make_reference(case: Case, exercise: Exercise, task: Task) -> Reference:
    """The planner's best plan for an exercise; the same case and exercise give the same one.

    Of every device allowed, what the module suggests is scored with the plan as its own reference.  The best
    are then moved by small steps of tip, entry and settings as long as that makes them better.  A plan that
    does not keep to the exercise is never taken, nor one with a finding that stops.

    Against any reference a plan scores no more than against itself: no plan the search saw scores higher
    against the one that is returned than that one does.

    Parameters
    ----------
    case
        The exercise's.
    exercise
        Its own references do not count: an empty plan may stand there.
    task
        Progress and cancel; a minute, for electrodes several.

    Raises
    ------
    InvalidValue
        If the case is another one.
    PlannerError
        If the module suggests nothing for any device that is allowed, or nothing that could pass.
    """
    exercise.check_case(case)
    module = installed_module(exercise.module)
    quick = replace(exercise, settings=quick_settings(module, rules_of(module, exercise)))
    found = _suggested(module, case, quick, task.part(0.0, 0.3))
    ranked = sorted(
        ((_standing(module, quick, case, plan, task), plan) for plan in found),
        key=lambda r: r[0] or _NONE,
        reverse=True,
    )
    effort = EFFORTS.get(module.manifest.id, EFFORT)
    best = [(standing, plan) for standing, plan in ranked if standing is not None][: effort.plans]
    if not best:
        raise PlannerError(
            "The planner found no plan that keeps to the exercise.",
            f"'{exercise.title}'",
            "Allow more needles or other devices, or take an expert's plan as the reference.",
        )
    refined = [
        _refined(
            module,
            quick,
            case,
            standing,
            plan,
            task.part(0.3 + 0.7 * n / len(best), 0.3 + 0.7 * (n + 1) / len(best)),
        )
        for n, (standing, plan) in enumerate(best)
    ]
    standing, plan = max(refined, key=lambda r: r[0])
    if standing.points < weights()["pass_points"]:
        raise PlannerError(
            "The planner found no plan that passes the exercise.",
            f"'{exercise.title}': {standing.points:.0f} points",
            "Allow more needles or other devices, or take an expert's plan as the reference.",
        )
    return Reference(TITLE, replace(plan, name=TITLE, author="Liver Planner"))


def with_own_reference(case: Case, exercise: Exercise, task: Task) -> Exercise:
    """An exercise made anew on a case as it is now, with the planner's best as its only reference."""
    empty = Reference(TITLE, Plan(TITLE, case.id))
    bare = replace(exercise, case=CaseMark.of(case, exercise.case.is_sample), references=(empty,))
    return replace(bare, references=(make_reference(case, bare, task),))


def quick_settings(module: TreatmentModule, settings: Mapping[str, SettingValue]) -> dict[str, SettingValue]:
    """Settings that leave the chances out: no score counts them, and they take most of an answer's time."""
    names = getattr(module.settings_class, "__dataclass_fields__", {})
    return {**settings, "robustness_samples": 0} if "robustness_samples" in names else dict(settings)


_NONE = Standing(-1.0, 0.0, 0, 0.0)


def _suggested(module: TreatmentModule, case: Case, exercise: Exercise, task: Task) -> list[Plan]:
    """What the module suggests with each device, for the margin that is wanted."""
    found: list[Plan] = []
    refusal: PlannerError | None = None
    for n, device in enumerate(exercise.devices):
        goal: dict[str, object] = {
            "lesion": exercise.lesion,
            "device": device,
            "margin_mm": exercise.margin_mm,
        }
        if module.manifest.id in _MOST_WORDS:
            goal[_MOST_WORDS[module.manifest.id]] = exercise.most_instruments
        part = task.part(n / len(exercise.devices), (n + 1) / len(exercise.devices))
        try:
            suggestions = propose(module, case, Plan(TITLE, case.id), exercise.settings, goal, part)
        except PlannerError as error:  # another device may do
            refusal = refusal or error
        else:
            found += [s.plan for s in suggestions]
    if not found:
        assert refusal is not None
        raise refusal
    return found


def _standing(
    module: TreatmentModule, exercise: Exercise, case: Case, plan: Plan, task: Task
) -> Standing | None:
    """How good a plan is as the reference; None where it may not be one."""
    task.check()
    try:
        own = replace(exercise, references=(Reference(TITLE, plan),))
        answer = judge(module, case, plan, exercise.settings)
        found = measured(own, plan, answer, answer)
    except InvalidValue:  # a setting outside a device's table, an entry inside the lesion, too many needles
        return None
    given = score(found)
    parts = math.fsum(p.points for p in given.parts)
    return Standing(
        round(given.points, 6), round(parts, 6), -found.punctures, round(_safer(found, answer), 6)
    )


def _safer(found: Measured, answer: Assessment) -> float:
    """What speaks for a plan beside its score, in ml of liver."""
    room = 0.0
    for ending, most_mm in (("_to_path_mm", PATH_CLEARANCE_MM), ("_to_zone_mm", ZONE_CLEARANCE_MM)):
        nearest: dict[str, float] = {}
        for m in answer.metrics:
            if m.name.endswith(ending) and m.value is not None and m.name != "nearest_vessel_to_zone_mm":
                nearest[m.name] = min(nearest.get(m.name, most_mm), m.value)
        room += sum(nearest.values())
    return (
        ML_PER_MM_OF_MARGIN * min(found.margin_mm or 0.0, MARGIN_MM)
        + ML_PER_MM_OF_CLEARANCE * room
        - ML_PER_MM_OF_PATH * found.path_mm
        - found.liver_ml
    )


def _refined(
    module: TreatmentModule, exercise: Exercise, case: Case, standing: Standing, plan: Plan, task: Task
) -> tuple[Standing, Plan]:
    """A plan moved step by step for as long as that makes it better."""
    effort, judged = EFFORTS.get(module.manifest.id, EFFORT), 0
    for step_mm in effort.steps_mm:
        is_better = True
        while is_better:
            is_better = False
            for moved in moved_plans(case.structures, plan, step_mm):
                if judged == effort.most:
                    return standing, plan
                judged += 1
                task.report(judged / effort.most, "Putting the best plan right")
                found = _standing(module, exercise, case, moved, task)
                if found is not None and found > standing:
                    standing, plan, is_better = found, moved, True
                    break
    return standing, plan
