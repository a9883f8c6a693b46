"""What is shown once an attempt is committed: its score, what there is to learn, and the reference beside it."""

from __future__ import annotations

from dataclasses import dataclass

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Plan
from planner.practice.attempts import Attempt
from planner.practice.current_attempt import CurrentAttempt
from planner.practice.exercise import Exercise
from planner.practice.explaining import best_alternative, explanation
from planner.practice.landing import Landing
from planner.practice.lesson import Lesson
from planner.practice.measuring import Scored, reference_answer_of, score_plan


@dataclass(frozen=True, eq=False)
class Revealed:
    """A committed attempt with all that is told of it.

    Parameters
    ----------
    exercise, attempt
        The task, and the attempt as it is kept.
    scored
        Its score and the module's answer, needles as they lie.
    planned
        The plan before the needles were put in.
    as_planned
        What it was worth before the needles were put in; None where they land as planned.
    landing
        How they came to lie; None where they land as planned, or the attempt is an old one.
    reference_answer
        Of the module to the reference that counts.
    lessons, alternative
        What there is to learn, and what the reference does, in words.
    """

    exercise: Exercise
    attempt: Attempt
    scored: Scored
    planned: Plan
    as_planned: Scored | None
    landing: Landing | None
    reference_answer: Assessment
    lessons: tuple[Lesson, ...]
    alternative: str

    @property
    def is_table(self) -> bool:
        """Whether needles landed elsewhere than planned."""
        return self.exercise.conditions.is_table

    @property
    def plan(self) -> Plan:
        """What was judged: the needles as they lie in the liver of the planning scan."""
        return self.attempt.landed


def reveal(
    exercise: Exercise,
    case: Case,
    current: CurrentAttempt,
    plan: Plan,
    landing: Landing | None,
    *,
    at: str,
    seconds: float,
    task: Task,
) -> Revealed:
    """Judge and explain an attempt; touches no disk.

    Parameters
    ----------
    exercise, case
        The task, and its case with all its structures.
    current, plan
        The open attempt, and what is committed.
    landing
        How the needles lie; None where they land as planned.
    at, seconds
        When it was committed (ISO 8601), and the time it took.
    task
        Progress and cancel.

    Raises
    ------
    InvalidValue
        If the case is another one or was changed, nothing is placed, or the plan does not keep to the exercise.
    PlannerError
        If the module is not installed or fails.
    """
    lying = plan if landing is None else landing.plan
    tries = 0 if landing is None else landing.repositionings
    scored = score_plan(exercise, case, lying, task.part(0.0, 0.6), repositionings=tries, seconds=seconds)
    before, as_planned = plan, None
    if landing is not None:
        before = current.blind if current.blind is not None and current.blind.instruments else plan
        as_planned = score_plan(exercise, case, before, task.part(0.6, 0.8), seconds=seconds)
    reference_answer = reference_answer_of(exercise, case, task.part(0.8, 0.85))
    lessons = explanation(
        exercise,
        case,
        lying,
        scored,
        reference_answer,
        landing=landing,
        as_planned=as_planned,
        task=task.part(0.85, 1.0),
    )
    attempt = current.committed(
        exercise, plan, lying, (scored.score, scored.measured), at=at, seconds=seconds
    )
    alternative = best_alternative(exercise, reference_answer)
    return Revealed(
        exercise, attempt, scored, before, as_planned, landing, reference_answer, lessons, alternative
    )


def reveal_again(exercise: Exercise, case: Case, attempt: Attempt, task: Task) -> Revealed:
    """Show an attempt that is kept: judged and explained anew, with the score it was given.

    How often each needle was put in again is not kept, so the table is not told needle by needle.

    Raises
    ------
    InvalidValue
        If the attempt is at another exercise, the case is another one or was changed since, or the exercise
        allows something else now.
    PlannerError
        If the module is not installed or fails.
    """
    if attempt.exercise != exercise.id:
        raise InvalidValue(
            "The attempt is at another exercise.", f"'{attempt.title}'", "Choose that exercise."
        )
    scored = score_plan(
        exercise,
        case,
        attempt.landed,
        task.part(0.0, 0.6),
        repositionings=attempt.repositionings,
        seconds=attempt.seconds,
    )
    blind = [s.plan for s in attempt.steps if s.landed is None and s.plan.instruments]
    before, as_planned = (blind[-1] if blind else attempt.plan), None
    if exercise.conditions.is_table:
        as_planned = score_plan(exercise, case, before, task.part(0.6, 0.8), seconds=attempt.seconds)
    reference_answer = reference_answer_of(exercise, case, task.part(0.8, 0.85))
    lessons = explanation(
        exercise,
        case,
        attempt.landed,
        scored,
        reference_answer,
        as_planned=as_planned,
        task=task.part(0.85, 1.0),
    )
    alternative = best_alternative(exercise, reference_answer)
    return Revealed(
        exercise, attempt, scored, before, as_planned, None, reference_answer, lessons, alternative
    )
