"""An attempt at an exercise: what was planned, how it landed, what it scored, and each step on the way."""

from __future__ import annotations

import hashlib
import itertools
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from planner.base.errors import InvalidValue
from planner.model.plan import Plan
from planner.plugin.hashing import plan_hash
from planner.practice.exercise import LEVELS, SKILLS
from planner.practice.scoring import Measured, Score

#: Plans of an attempt have these names and no author: whose they are says the profile.
PLANNED, LANDED = "Attempt", "Attempt as it landed"
#: A seed fits into 63 bits, so that every reader of JSON holds it.
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class AttemptStep:
    """One thing a trainee did.

    Parameters
    ----------
    after_s
        Seconds since the attempt was started.
    label
        What was done, as undo says it.
    plan
        After it.
    landed
        How the needles lay after it, once they were put in; None before.

    Raises
    ------
    InvalidValue
        If the time is not finite or negative, or the step has no label.
    """

    after_s: float
    label: str
    plan: Plan
    landed: Plan | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "after_s", float(self.after_s))
        if not (math.isfinite(self.after_s) and self.after_s >= 0):
            raise InvalidValue("A step comes after the start.", f"'{self.label}': {self.after_s} s")
        if not self.label.strip():
            raise InvalidValue("A step says what was done.", f"step at {self.after_s:g} s")
        object.__setattr__(self, "plan", placed_alone(self.plan, PLANNED))
        if self.landed is not None:
            object.__setattr__(self, "landed", placed_alone(self.landed, LANDED))


@dataclass(frozen=True)
class Attempt:
    """A committed attempt with the score it was given, which stays whatever is weighed later.

    Parameters
    ----------
    exercise, title, level, skills
        Of the exercise, as they were then.
    case_id
        The case it is on.
    profile
        Who tried; a name of one's choice.
    started, committed
        When, ISO 8601; kept as UTC to the millisecond.
    seconds
        Taken, by a clock that nobody sets back meanwhile.
    seed
        The deviations of the needles were drawn with.
    score, measured
        As scored; `Score.version` says by which weights.
    plan, landed
        What was committed, and how it lay in the end; the same where needles land as planned. Their names,
        authors and notes are dropped.
    steps
        In their order.

    Raises
    ------
    InvalidValue
        If a word is missing or unknown, nothing is placed, a plan is on another case, a time is none, or a
        number is outside its range.
    """

    exercise: str
    title: str
    level: str
    skills: tuple[str, ...]
    case_id: str
    profile: str
    started: str
    committed: str
    seconds: float
    seed: int
    score: Score
    measured: Measured
    plan: Plan
    landed: Plan
    steps: tuple[AttemptStep, ...] = ()

    def __post_init__(self) -> None:
        thing = f"attempt at '{self.exercise}'"
        for value, word in ((self.exercise, "an exercise"), (self.profile, "a profile")):
            if not value.strip():
                raise InvalidValue(f"An attempt belongs to {word}.", thing)
        if self.level not in LEVELS or set(self.skills) - set(SKILLS):
            words = ", ".join([self.level, *self.skills])
            raise InvalidValue("An attempt has a level and skills that are known.", f"{thing}: {words}")
        object.__setattr__(self, "started", utc_moment(self.started, f"start of {thing}"))
        object.__setattr__(self, "committed", utc_moment(self.committed, f"end of {thing}"))
        object.__setattr__(self, "seconds", float(self.seconds))
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise InvalidValue("An attempt takes a time that is not negative.", f"{thing}: {self.seconds} s")
        check_seed(self.seed, thing)
        _check_score(self.score, thing)
        object.__setattr__(self, "plan", placed_alone(self.plan, PLANNED))
        object.__setattr__(self, "landed", placed_alone(self.landed, LANDED))
        if not self.plan.instruments:
            raise InvalidValue("Nothing is placed, so there is nothing to commit.", thing, "Place a needle.")
        check_steps(self.steps, self.case_id, thing)
        if {self.plan.case_id, self.landed.case_id} != {self.case_id}:
            raise InvalidValue("A plan of an attempt was made on another case.", thing)

    @property
    def scoring_version(self) -> int:
        """Of the weights it was scored with."""
        return self.score.version

    @property
    def repositionings(self) -> int:
        """Needles drawn back and put in again."""
        return self.measured.repositionings

    @cached_property
    def key(self) -> str:
        """The same for the same attempt wherever it is kept, whatever its profile is called there."""
        told = [
            self.exercise, self.case_id, self.started, self.committed, self.seconds, self.seed,
            self.score.points, plan_hash(self.plan), plan_hash(self.landed),
        ]  # fmt: skip
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def placed_alone(plan: Plan, name: str) -> Plan:
    """What a plan places, under another name and without author, day and notes."""
    return Plan(name, plan.case_id, plan.instruments)


def utc_moment(text: str, what: str) -> str:
    """A moment as UTC to the millisecond, so that words sort as moments do.

    Raises
    ------
    InvalidValue
        If it is no moment of ISO 8601, or does not say its zone; it names what it is of.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC).isoformat(timespec="milliseconds")
    except (TypeError, ValueError, OverflowError):
        raise InvalidValue(
            "This is no moment with its zone.",
            f"{what}: {text!r}",
            "Write it as ISO 8601 in UTC: 2026-11-03T14:05:00+00:00.",
        ) from None


def check_seed(seed: int, thing: str) -> None:
    """Raise `InvalidValue` where a seed is not a whole number from 0 to `LARGEST_SEED`."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise InvalidValue("A seed is a whole number that is not negative.", f"{thing}: {seed!r}")


def check_steps(steps: tuple[AttemptStep, ...], case_id: str, thing: str) -> None:
    """Raise `InvalidValue` where steps go back in time, or a plan of one was made on another case."""
    if any(a.after_s > b.after_s for a, b in itertools.pairwise(steps)):
        raise InvalidValue("Steps of an attempt go on in time.", thing)
    cases = {s.plan.case_id for s in steps} | {s.landed.case_id for s in steps if s.landed is not None}
    if cases - {case_id}:
        raise InvalidValue("A step of an attempt was made on another case.", f"{thing}: {sorted(cases)}")


def _check_score(score: Score, thing: str) -> None:
    numbers = (score.points, score.pass_points, *(n for p in score.parts for n in (p.points, p.most)))
    if not all(math.isfinite(n) and n >= 0 for n in numbers) or score.version < 1:
        raise InvalidValue(
            "A score is made of finite numbers that are not negative, and says its version.",
            f"{thing}: {score.points} of version {score.version}",
        )
    if any(p.points > p.most for p in score.parts):
        raise InvalidValue("A part of a score gives no more than it has.", thing)
