"""The attempt that is open: plans and times on disk after each step, so that it survives the end of the program.

Nothing that judges a plan is written here, so that nobody who places blind can look it up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from planner.base.errors import InputRefused, InvalidValue, PlannerError
from planner.io.document import DocumentKind, checked_document
from planner.io.writing import write_atomically
from planner.model.plan import Plan
from planner.practice.attempt_document import StepRecord, step_rows, steps_of
from planner.practice.attempts import Attempt, AttemptStep, check_seed, check_steps, utc_moment
from planner.practice.exercise import Exercise
from planner.practice.instrument_table import InstrumentTable, KeptInstruments
from planner.practice.profiles import practice_folder
from planner.practice.scoring import Measured, Score

SCHEMA = "liver-planner/current-attempt"
VERSION = 1
_KIND = DocumentKind(SCHEMA, VERSION, "open attempt")
FILE_NAME = "current-attempt.json"
#: What a file that cannot be read is called once another attempt is begun.
UNREADABLE_NAME = "current-attempt.unreadable.json"


@dataclass(frozen=True)
class CurrentAttempt:
    """An attempt that is not committed yet.

    Parameters
    ----------
    exercise, title
        Id and title of the exercise.
    case_id
        The case it is on.
    profile
        Who tries.
    seed
        Deviations are drawn with.
    started
        ISO 8601; kept as UTC.
    tries
        By needle how often it was drawn back and put in again so far, as `Landing.tries`.
    steps
        So far.

    Raises
    ------
    InvalidValue
        If a word is missing, the start is no moment, steps go back in time, or a number is negative.
    """

    exercise: str
    title: str
    case_id: str
    profile: str
    seed: int
    started: str
    tries: tuple[tuple[str, int], ...] = ()
    steps: tuple[AttemptStep, ...] = ()

    def __post_init__(self) -> None:
        thing = f"attempt at '{self.exercise}'"
        for value, word in ((self.exercise, "an exercise"), (self.profile, "a profile")):
            if not value.strip():
                raise InvalidValue(f"An attempt belongs to {word}.", thing)
        object.__setattr__(self, "started", utc_moment(self.started, f"start of {thing}"))
        check_seed(self.seed, thing)
        if any(count < 0 for _, count in self.tries):
            raise InvalidValue("Repositionings are counted from zero.", f"{thing}: {dict(self.tries)}")
        check_steps(self.steps, self.case_id, thing)

    @property
    def seconds(self) -> float:
        """Taken until the last step; what came after it before the program ended, nobody knows."""
        return self.steps[-1].after_s if self.steps else 0.0

    @property
    def plan(self) -> Plan | None:
        """After the last step; None before the first."""
        return self.steps[-1].plan if self.steps else None

    @property
    def landed(self) -> Plan | None:
        """How the needles lie after the last step; None where they are not put in."""
        return self.steps[-1].landed if self.steps else None

    @property
    def planned(self) -> Plan | None:
        """What the needles were last put in by; None where they are not put in."""
        found, lay = None, None
        for step in self.steps:
            if step.landed is not None and step.landed != lay:
                found, lay = step.plan, step.landed
        return found

    @property
    def blind(self) -> Plan | None:
        """The plan before needles were first put in; None before the first step."""
        before = [s.plan for s in self.steps if s.landed is None]
        return before[-1] if before else None

    def with_step(
        self, step: AttemptStep, tries: tuple[tuple[str, int], ...] | None = None
    ) -> CurrentAttempt:
        """A copy with a step more, and how often needles were put in again after it; None leaves that."""
        return replace(self, steps=(*self.steps, step), tries=self.tries if tries is None else tries)

    def committed(
        self,
        exercise: Exercise,
        plan: Plan,
        landed: Plan,
        scored: tuple[Score, Measured],
        *,
        at: str,
        seconds: float,
    ) -> Attempt:
        """The attempt as it is kept.

        Parameters
        ----------
        exercise
            The one it is at.
        plan, landed
            What is committed, and how it lay.
        scored
            What it scores, and by which measures.
        at, seconds
            When it is committed, and the time it took.

        Raises
        ------
        InvalidValue
            If it is another exercise, or nothing is placed.
        """
        if exercise.id != self.exercise:
            raise InvalidValue(
                "The attempt was begun at another exercise.",
                f"'{self.exercise}', not '{exercise.id}'",
                "Begin anew.",
            )
        return Attempt(
            exercise=exercise.id,
            title=exercise.title,
            level=exercise.level,
            skills=exercise.skills,
            case_id=self.case_id,
            profile=self.profile,
            started=self.started,
            committed=at,
            seconds=seconds,
            seed=self.seed,
            score=scored[0],
            measured=scored[1],
            plan=plan,
            landed=landed,
            steps=self.steps,
        )


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    schema: Literal["liver-planner/current-attempt"]
    version: int
    exercise: str
    title: str
    case_id: str
    profile: str
    seed: int
    started: str
    tries: list[tuple[str, int]]
    instruments: list[dict[str, Any]]
    steps: list[StepRecord]


class AttemptJournal:
    """The open attempt on disk.

    Parameters
    ----------
    folder
        Where its file lies; beside the profiles by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or practice_folder()) / FILE_NAME

    def read(self) -> CurrentAttempt | None:
        """The attempt that was open when the program ended; None where none was.

        Raises
        ------
        InputRefused
            If the file is damaged or of a later version; it stays as it is until `discard`.
        """
        try:
            content = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise InputRefused(
                "The open attempt cannot be read.",
                f"{self.path}: {error.strerror}",
                "Check who may read the file.",
            ) from None
        return decode_current(content, self.path.name)

    def begin(self, current: CurrentAttempt) -> None:
        """Keep an attempt that is begun now.

        Raises
        ------
        PlannerError
            If another one is open, here or in another window, or it cannot be written.
        """
        if self.path.exists():
            raise PlannerError(
                "Another attempt is open, here or in another window.",
                str(self.path),
                "Go on with it, or give it up first.",
            )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PlannerError(
                "The folder of practice cannot be made.",
                f"{self.path.parent}: {error.strerror}",
                "Check who may write to it.",
            ) from None
        self.keep(current)

    def keep(self, current: CurrentAttempt) -> None:
        """Keep the attempt as it is now, whole; raises `PlannerError` where it cannot be written."""
        write_atomically(self.path, encode_current(current))

    def discard(self) -> None:
        """Forget the open attempt: it was committed or given up. A file that cannot be read stays beside.

        Raises
        ------
        PlannerError
            If the file cannot be removed.
        """
        try:
            is_readable = self.read() is not None
        except InputRefused:
            is_readable = False
        try:
            if is_readable:
                self.path.unlink(missing_ok=True)
            elif self.path.exists():
                self.path.replace(self.path.with_name(UNREADABLE_NAME))
        except OSError as error:
            raise PlannerError(
                "The open attempt cannot be put away.",
                f"{self.path}: {error.strerror}",
                "Remove this file, or it is offered again at the next start.",
            ) from None


def encode_current(current: CurrentAttempt) -> bytes:
    """An open attempt as a JSON document: plans and times alone."""
    table = InstrumentTable()
    steps = step_rows(current.steps, table)
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "exercise": current.exercise,
        "title": current.title,
        "case_id": current.case_id,
        "profile": current.profile,
        "seed": current.seed,
        "started": current.started,
        "tries": current.tries,
        "instruments": table.rows,
        "steps": steps,
    }
    return msgspec.json.encode(document) + b"\n"


def decode_current(text: bytes, where: str) -> CurrentAttempt:
    """The open attempt of a document.

    Raises
    ------
    InputRefused
        If it is none, is damaged, holds fields that are not known, or is of a later version.
    """
    document = checked_document(text, where, _KIND)
    todo = "Give it up; the file is kept beside."
    try:
        record = msgspec.convert(document, _Record)
        kept = KeptInstruments.of_rows(record.instruments, where)
        return CurrentAttempt(
            exercise=record.exercise,
            title=record.title,
            case_id=record.case_id,
            profile=record.profile,
            seed=record.seed,
            started=record.started,
            tries=tuple(record.tries),
            steps=steps_of(record.steps, kept, record.case_id),
        )
    except msgspec.ValidationError as error:
        raise InputRefused("A field of the open attempt is wrong.", f"{where}: {error}", todo) from None
    except InvalidValue as error:
        raise InputRefused(error.what, f"{where}: {error.thing}", error.todo or todo) from None
