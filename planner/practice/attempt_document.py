"""The document of an attempt: one line of JSON, with schema and version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Literal

import msgspec

from planner.base.errors import InputRefused, InvalidValue
from planner.io.document import DocumentKind, checked_document
from planner.practice.attempts import LANDED, PLANNED, Attempt, AttemptStep
from planner.practice.instrument_table import InstrumentTable, KeptInstruments
from planner.practice.scoring import Measured, Score, ScorePart

SCHEMA = "liver-planner/attempt"
VERSION = 1
_COPY = "Take a copy of the file that is whole."
_KIND = DocumentKind(SCHEMA, VERSION, "attempt", _COPY)


class StepRecord(msgspec.Struct, forbid_unknown_fields=True):
    """A step; plans are numbers of instruments."""

    after_s: float
    label: str
    plan: list[int]
    landed: list[int] | None = None


class _AttemptRecord(msgspec.Struct, forbid_unknown_fields=True):
    schema: Literal["liver-planner/attempt"]
    version: int
    exercise: str
    title: str
    level: str
    skills: list[str]
    case_id: str
    profile: str
    started: str
    committed: str
    seconds: float
    seed: int
    score: dict[str, Any]
    measured: dict[str, Any]
    instruments: list[dict[str, Any]]
    plan: list[int]
    landed: list[int]
    steps: list[StepRecord] = []


def attempt_document(attempt: Attempt) -> dict[str, Any]:
    """An attempt as a JSON document; each instrument of its plans stands once."""
    table = InstrumentTable()
    plans = {"plan": table.numbers_of(attempt.plan), "landed": table.numbers_of(attempt.landed)}
    steps = step_rows(attempt.steps, table)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "exercise": attempt.exercise,
        "title": attempt.title,
        "level": attempt.level,
        "skills": list(attempt.skills),
        "case_id": attempt.case_id,
        "profile": attempt.profile,
        "started": attempt.started,
        "committed": attempt.committed,
        "seconds": attempt.seconds,
        "seed": attempt.seed,
        "score": msgspec.to_builtins(attempt.score),
        "measured": msgspec.to_builtins(attempt.measured),
        "instruments": table.rows,
        **plans,
        "steps": steps,
    }


def encode_attempt(attempt: Attempt) -> bytes:
    """An attempt as one line without its end."""
    return msgspec.json.encode(attempt_document(attempt))


def decode_attempt(line: bytes, where: str) -> Attempt:
    """The attempt of a line.

    Parameters
    ----------
    line
        JSON.
    where
        The file and line, named in errors.

    Raises
    ------
    InputRefused
        If it is no attempt, is damaged, holds fields that are not known, or is of a later version.
    """
    document = checked_document(line, where, _KIND)
    try:
        return _attempt_of(msgspec.convert(document, _AttemptRecord), where)
    except msgspec.ValidationError as error:
        reason = " ".join(str(error).split())
        raise InputRefused("A field of the attempt is wrong.", f"{where}: {reason}", _COPY) from None
    except InvalidValue as error:
        raise InputRefused(error.what, f"{where}: {error.thing}", error.todo or _COPY) from None


def step_rows(steps: Iterable[AttemptStep], table: InstrumentTable) -> list[dict[str, Any]]:
    """Steps as rows of a document, their instruments in its table."""
    return [
        {
            "after_s": s.after_s,
            "label": s.label,
            "plan": table.numbers_of(s.plan),
            **({} if s.landed is None else {"landed": table.numbers_of(s.landed)}),
        }
        for s in steps
    ]


def steps_of(records: Iterable[StepRecord], kept: KeptInstruments, case_id: str) -> tuple[AttemptStep, ...]:
    """The steps of a document's rows; raises `InputRefused` or `InvalidValue` where one cannot be."""
    return tuple(
        AttemptStep(
            r.after_s,
            r.label,
            kept.plan(PLANNED, case_id, r.plan),
            None if r.landed is None else kept.plan(LANDED, case_id, r.landed),
        )
        for r in records
    )


def _attempt_of(record: _AttemptRecord, where: str) -> Attempt:
    kept = KeptInstruments.of_rows(record.instruments, where)
    _check_known(record.measured, Measured, f"{where}: measured")
    _check_known(record.score, Score, f"{where}: score")
    parts = record.score.get("parts")
    for row in parts if isinstance(parts, list) else []:
        _check_known(row, ScorePart, f"{where}: part of the score")
    return Attempt(
        exercise=record.exercise,
        title=record.title,
        level=record.level,
        skills=tuple(record.skills),
        case_id=record.case_id,
        profile=record.profile,
        started=record.started,
        committed=record.committed,
        seconds=record.seconds,
        seed=record.seed,
        score=msgspec.convert(record.score, Score),
        measured=msgspec.convert(record.measured, Measured),
        plan=kept.plan(PLANNED, record.case_id, record.plan),
        landed=kept.plan(LANDED, record.case_id, record.landed),
        steps=steps_of(record.steps, kept, record.case_id),
    )


def _check_known(row: Any, kind: type[Measured | Score | ScorePart], where: str) -> None:
    """Refuse fields that would be dropped without a word."""
    surplus = set(row) - {f.name for f in fields(kind)} if isinstance(row, dict) else set()
    if surplus:
        raise InputRefused("A field of the attempt is not known.", f"{where}: {sorted(surplus)}", _COPY)
