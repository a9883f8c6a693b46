"""Learning: points over attempts with their trend, and the exercise that fits next."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from planner.practice.attempts import Attempt
from planner.practice.exercise import LEVELS, Exercise
from planner.practice.skills import in_time, weakest_skill

#: The trend is the median of so many attempts; one that went wrong, or by luck well, moves it little.
TREND_ATTEMPTS = 5


@dataclass(frozen=True)
class CurvePoint:
    """One attempt of a learning curve.

    Parameters
    ----------
    number
        From one on, in the order of time.
    exercise, committed, points, is_passed
        Of the attempt.
    trend
        Median of its points and those of the attempts before it, `TREND_ATTEMPTS` at most.
    scoring_version
        Points of different versions are not the same measure; a view says where it changes.
    """

    number: int
    exercise: str
    committed: str
    points: float
    is_passed: bool
    trend: float
    scoring_version: int


@dataclass(frozen=True)
class NextExercise:
    """The exercise to try next, or none; and why, in words."""

    exercise: Exercise | None
    reason: str


def learning_curve(attempts: Sequence[Attempt], exercise: str | None = None) -> tuple[CurvePoint, ...]:
    """Points over attempts, each attempt once.

    The trend is a running median: ``trend[n] = median(points[n - 4], ..., points[n])``, of fewer at the start.

    Parameters
    ----------
    attempts
        Of one person, in any order.
    exercise
        Id of the one to look at; all where it is left out.
    """
    ordered = [a for a in in_time(attempts) if exercise is None or a.exercise == exercise]
    points = [a.score.points for a in ordered]
    return tuple(
        CurvePoint(
            number,
            a.exercise,
            a.committed,
            a.score.points,
            a.score.is_passed,
            statistics.median(points[max(0, number - TREND_ATTEMPTS) : number]),
            a.scoring_version,
        )
        for number, a in enumerate(ordered, start=1)
    )


def next_exercise(exercises: Sequence[Exercise], attempts: Sequence[Attempt]) -> NextExercise:
    """The exercise to try next: not passed yet, training the weakest skill, one level on.

    Wanted is the level after the highest that was passed among exercises of that skill, the first one where
    none was. Of what is not passed the nearest level from there on is taken, or else the nearest below, and
    of those the first by id. Where no skill is the weakest, or nothing is left that trains it, the same is
    asked of all exercises.

    Parameters
    ----------
    exercises
        That can be tried.
    attempts
        Of one person, in any order.
    """
    passed = {a.exercise for a in attempts if a.score.is_passed}
    left = [e for e in exercises if e.id not in passed]
    if not left:
        reason = "Every exercise is passed." if exercises else "There is no exercise."
        return NextExercise(None, reason)
    weakest = weakest_skill(attempts)
    fitting = [e for e in left if weakest.skill in e.skills]
    if weakest.skill is not None and fitting:
        done = [a for a in attempts if a.score.is_passed and weakest.skill in a.skills]
        chosen, level = _one_level_on(fitting, done)
        return NextExercise(chosen, f"{weakest.reason} {_level_words(chosen, level, 'in it ')}")
    chosen, level = _one_level_on(left, [a for a in attempts if a.score.is_passed])
    reason = (
        weakest.reason if weakest.skill is None else f"{weakest.reason} No exercise is left that trains it."
    )
    return NextExercise(chosen, f"{reason} {_level_words(chosen, level, '')}")


def _one_level_on(exercises: Sequence[Exercise], passed: Sequence[Attempt]) -> tuple[Exercise, int]:
    """The exercise nearest to the level after the highest passed one, and that highest; -1 where none is."""
    highest = max((LEVELS.index(a.level) for a in passed), default=-1)

    def distance(exercise: Exercise) -> tuple[bool, int, str]:
        on = LEVELS.index(exercise.level) - (highest + 1)
        return on < 0, abs(on), exercise.id

    return min(exercises, key=distance), highest


def _level_words(chosen: Exercise, highest: int, of_it: str) -> str:
    if highest < 0:
        return f"Nothing {of_it}is passed yet; '{chosen.title}' is {chosen.level}."
    return f"Passed {of_it}up to '{LEVELS[highest]}'; '{chosen.title}' is {chosen.level} and not passed yet."
