"""What a trainee is told once everything is shown: each hazard, why margin was lost, and what was better."""

from __future__ import annotations

from planner.base.task import Task
from planner.model.assessment import Assessment, Finding, Severity
from planner.model.case import Case
from planner.model.plan import Applicator, FocusGrid, Plan
from planner.planning.case_ground import anatomy_of
from planner.planning.device_library import device_library
from planner.planning.zone_sizes import setting_text
from planner.practice.exercise import Exercise, needle_count
from planner.practice.landing import Landing
from planner.practice.lesson import KINDS, Lesson, Told
from planner.practice.margin_lessons import coverage_lessons, margin_lessons, plan_lessons, zone_lessons
from planner.practice.measuring import Scored, measured
from planner.practice.path_lessons import path_lessons
from planner.practice.scoring import is_hazard
from planner.practice.table_lessons import table_lessons

__all__ = ["KINDS", "Lesson", "best_alternative", "explanation"]


def explanation(
    exercise: Exercise,
    case: Case,
    plan: Plan,
    scored: Scored,
    reference_answer: Assessment,
    *,
    landing: Landing | None = None,
    as_planned: Scored | None = None,
    task: Task | None = None,
) -> tuple[Lesson, ...]:
    """What there is to learn of an attempt, in the order of `KINDS`; empty where there is nothing.

    The points that lessons lost add up to what each part of the score lost.

    Parameters
    ----------
    exercise, case
        The task, and the case it is on.
    plan, scored
        What is judged, needles as they lie (`Landing.plan`), and what it scored.
    reference_answer
        The module's answer to `Exercise.reference`, with the exercise's settings.
    landing
        How the needles came to lie, so that the table is told from the plan; None where they lie as planned.
    as_planned
        What the plan would have scored had they.
    task
        Progress and cancel: the anatomy of a case takes seconds the first time.

    Raises
    ------
    InvalidValue
        If the lesion is not there, or a device is not in the library.
    """
    structures = case.structures
    anatomy = anatomy_of(structures, task)
    told = Told(exercise, structures, anatomy, plan, scored, reference_answer, landing, as_planned)
    found = [
        *_hazards(told),
        *coverage_lessons(told),
        *margin_lessons(told),
        *plan_lessons(told),
        *table_lessons(told),
        *zone_lessons(told),
        *path_lessons(told),
        *_liver(told),
        *_needles(told),
        *_time(told),
    ]
    return tuple(found)


def best_alternative(exercise: Exercise, reference_answer: Assessment) -> str:
    """What the reference does, in words: its needles, their settings, and what it reaches.

    Raises
    ------
    InvalidValue
        If the reference does not keep to the exercise.
    """
    reference = exercise.reference
    found = measured(exercise, reference.plan, reference_answer, reference_answer)
    needles = _counted(needle_count(reference.plan), "needle")
    margin = "no margin" if found.margin_mm is None else f"{found.margin_mm:.1f} mm of margin at the least"
    return (
        f"{reference.title[:1].upper()}{reference.title[1:]}: {needles} ({'; '.join(_devices(reference.plan))})."
        f" It covers {min(found.coverage_percent, 100.0):.1f} % of {exercise.lesion} with {margin}, takes"
        f" {found.liver_ml:.1f} ml of healthy tissue, and its longest path is {found.path_mm:.1f} mm;"
        f" {_counted(len(found.stops), 'stop')}, {_counted(len(found.warnings), 'warning')}."
    )


def _hazards(told: Told) -> list[Lesson]:
    """Every finding that counts, in the module's own words; stops take all points, so warnings lose none then."""
    findings = told.scored.answer.findings
    stops = [f for f in findings if f.severity == Severity.STOP]
    warnings = [f for f in findings if f.severity == Severity.WARNING and is_hazard(f.rule)]
    lost, costly = told.lost("hazards"), stops or warnings
    each = lost / len(costly) if lost and costly else None
    return [_hazard(f, each if f in costly else None) for f in (*stops, *warnings)]


def _hazard(finding: Finding, lost: float | None) -> Lesson:
    return Lesson("hazard", finding.text, finding.where_lps_mm, "hazards", lost)


def _liver(told: Told) -> list[Lesson]:
    lost, found = told.lost("liver"), told.scored.measured
    if not lost:
        return []
    text = (
        f"{found.liver_ml:.1f} ml of healthy tissue lie in the zone; the reference takes"
        f" {found.reference_liver_ml:.1f} ml."
    )
    return [Lesson("liver", text, None, "liver", lost)]


def _needles(told: Told) -> list[Lesson]:
    lost, found = told.lost("punctures"), told.scored.measured
    if not lost:
        return []
    words = []
    if found.punctures > found.fewest_punctures:
        own = _counted(found.punctures, "needle")
        words.append(f"{own} were put in; the reference needs {found.fewest_punctures}.")
    if found.repositionings:
        times = "once" if found.repositionings == 1 else f"{found.repositionings} times"
        words.append(f"Needles were drawn back and put in again {times}.")
    return [Lesson("needles", " ".join(words), None, "punctures", lost)]


def _time(told: Told) -> list[Lesson]:
    lost, found = told.lost("time"), told.scored.measured
    if not lost or found.seconds is None or found.limit_s is None:
        return []
    text = f"It took {found.seconds:.1f} s; {found.limit_s:.1f} s are allowed."
    return [Lesson("time", text, None, "time", lost)]


def _devices(plan: Plan) -> list[str]:
    """Each device of a plan with its settings, once."""
    library, found = device_library(), []
    for instrument in plan.instruments:
        words = [library.title_of(instrument.device)]
        if isinstance(instrument, Applicator | FocusGrid):
            given = instrument.settings
            words += [setting_text(name, given[name]) for name in ("power_w", "time_s") if name in given]
        found.append(", ".join(words))
    return list(dict.fromkeys(found))


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
