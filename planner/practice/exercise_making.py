"""Making an exercise of a draft: the expert's plan is judged, the planner's best is sought."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import SettingValue, Severity
from planner.model.case import Case
from planner.model.plan import Plan
from planner.plugin.settings import options_of
from planner.practice.exercise import Exercise, Reference
from planner.practice.exercise_draft import EXPERT_TITLE, Draft, faults, mark_of
from planner.practice.exercise_wording import id_from_title
from planner.practice.measuring import Scored, installed_module, score_plan
from planner.practice.planners_best import TITLE, make_reference, quick_settings


def made(
    draft: Draft,
    case: Case,
    plan: Plan,
    module: str,
    settings: Mapping[str, SettingValue],
    task: Task,
    taken: Collection[str] = (),
) -> Exercise:
    """The exercise of a draft, with its references: the expert's plan first, since the first one counts.

    What may speak of the patient stays out: name, author, day and notes of the expert's plan, a case's title
    that names the patient, and days, activities and scans a setting holds.

    Parameters
    ----------
    draft, case, plan, module, settings
        As in `draft_of`.
    task
        Progress and cancel; the planner's best takes a minute, for electrodes several.
    taken
        Ids other exercises have.

    Raises
    ------
    InvalidValue
        If something speaks against the draft, or the expert's plan would not pass its own exercise.
    PlannerError
        If the planner's best is wanted and it finds none that passes, or the module fails.
    """
    wrong = faults(draft, case, plan, module)
    if wrong:
        raise wrong[0].error
    bare = Exercise(
        id=id_from_title(draft.title, taken),
        title=draft.title.strip(),
        task=draft.task.strip(),
        case=mark_of(case),
        module=module,
        lesion=draft.lesion,
        devices=draft.devices,
        most_instruments=draft.most_instruments,
        margin_mm=draft.margin_mm,
        level=draft.level,
        skills=draft.skills,
        hidden=draft.hidden,
        conditions=draft.conditions,
        references=(Reference(TITLE, Plan(TITLE, case.id)),),
        settings=_settings(module, settings),
    )
    references: list[Reference] = []
    share = 0.2 if draft.has_planners_best else 1.0
    if draft.has_expert:
        title = draft.expert_title.strip() or EXPERT_TITLE
        expert = Reference(title, Plan(EXPERT_TITLE, case.id, plan.instruments))
        _check_expert(replace(bare, references=(expert,)), case, task.part(0.0, share))
        references.append(expert)
    if draft.has_planners_best:
        references.append(make_reference(case, bare, task.part(share if draft.has_expert else 0.0, 1.0)))
    task.report(1.0, "The exercise is made")
    return replace(bare, references=tuple(references))


def _settings(module: str, settings: Mapping[str, SettingValue]) -> dict[str, SettingValue]:
    """Those that differ from the defaults, but for days, activities and scans of one patient.

    How the patient lies or whether vessels flow belongs to the exercise: its plans are judged by it.

    Raises
    ------
    InvalidValue
        If one is wrong.
    """
    found = installed_module(module)
    found.settings(settings)
    taken = {
        o.name: o.default
        for o in options_of(found.settings_class)
        if not o.is_of_case or o.choices or isinstance(o.default, bool)
    }
    return {n: value for n, value in settings.items() if n in taken and value != taken[n]}


def _check_expert(exercise: Exercise, case: Case, task: Task) -> None:
    """See that the expert's plan passes when it is measured against itself."""
    task.report(0.0, "Judging the expert's plan")
    quick = quick_settings(installed_module(exercise.module), exercise.settings)
    scored = score_plan(replace(exercise, settings=quick), case, exercise.reference.plan, task)
    todo = "Change the plan or what is asked, or take the planner's best alone."
    stops = [f.text for f in scored.answer.findings if f.severity == Severity.STOP]
    if stops:
        raise InvalidValue("The expert's plan has a finding that stops.", "; ".join(stops), todo)
    if not scored.score.is_passed:
        raise InvalidValue("The expert's plan does not pass its own exercise.", _lost(scored), todo)


def _lost(scored: Scored) -> str:
    """The points, and where most were lost."""
    score = scored.score
    worst = sorted(score.parts, key=lambda p: p.points - p.most)[:2]
    words = "; ".join(f"{p.title}: {p.rule}" for p in worst if p.points < p.most)
    return f"{score.points:.0f} points, {score.pass_points:g} are needed. {words}"
