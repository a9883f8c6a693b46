"""Exercise files (``*.exercise.json``): an exercise as one file that can be handed around.

The references in it are packed, so that nobody reads the answer at a glance who opens the file to read the
task. They are not encrypted and not secret: whoever wants to can unpack them.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from pathlib import Path
from typing import Any, Literal

import msgspec

from planner.base.errors import InputRefused, InvalidValue
from planner.io.document import DocumentKind, checked_document
from planner.io.plan_file import decode_plan, encode_plan
from planner.io.writing import write_atomically
from planner.model.plan import Plan
from planner.planning.device_library import device_library
from planner.practice.exercise import CaseMark, Conditions, Exercise, Reference

SCHEMA = "liver-planner/exercise"
VERSION = 1
SUFFIX = ".exercise.json"
_KIND = DocumentKind(SCHEMA, VERSION, "exercise", f"Choose a {SUFFIX} file that is whole.")
LARGEST_EXERCISE_BYTES = 16_000_000
#: A packed plan never unpacks to more: what is larger was not packed by this planner.
LARGEST_PLAN_BYTES = 16_000_000
#: Said in every file.
ABOUT_REFERENCES = (
    "The references are packed so that they are not read at a glance. They are not secret: anybody can unpack"
    " them (base64, then zlib)."
)


class _CaseRecord(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    title: str
    structures: str
    is_sample: bool = False


class _ConditionsRecord(msgspec.Struct, forbid_unknown_fields=True):
    slices_only: bool = False
    axial_only: bool = False
    breath_mm: float = 0.0
    placement: str = "exact"
    limit_s: float | None = None
    shows_zone: bool = True


class _ReferenceRecord(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    packed: str


class _ExerciseRecord(msgspec.Struct, forbid_unknown_fields=True):
    schema: Literal["liver-planner/exercise"]
    version: int
    id: str
    title: str
    task: str
    case: _CaseRecord
    module: str
    lesion: str
    devices: list[str]
    references: list[_ReferenceRecord] = []
    about_references: str = ""
    most_instruments: int = 1
    margin_mm: float = 5.0
    level: str = "easy"
    skills: list[str] = []
    hidden: list[str] = []
    conditions: _ConditionsRecord = msgspec.field(default_factory=_ConditionsRecord)
    settings: dict[str, bool | int | float | str] = {}


def encode_exercise(exercise: Exercise) -> str:
    """An exercise as text with one line a field, so that two versions can be compared."""
    return json.dumps(exercise_document(exercise), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def exercise_document(exercise: Exercise) -> dict[str, Any]:
    """An exercise as the JSON document of an exercise file."""
    case, conditions = exercise.case, exercise.conditions
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "id": exercise.id,
        "title": exercise.title,
        "task": exercise.task,
        "case": {
            "id": case.id,
            "title": case.title,
            "structures": case.structures,
            "is_sample": case.is_sample,
        },
        "module": exercise.module,
        "lesion": exercise.lesion,
        "devices": list(exercise.devices),
        "most_instruments": exercise.most_instruments,
        "margin_mm": exercise.margin_mm,
        "level": exercise.level,
        "skills": list(exercise.skills),
        "hidden": list(exercise.hidden),
        "conditions": {
            "slices_only": conditions.slices_only,
            "axial_only": conditions.axial_only,
            "breath_mm": conditions.breath_mm,
            "placement": conditions.placement,
            "limit_s": conditions.limit_s,
            "shows_zone": conditions.shows_zone,
        },
        "settings": dict(exercise.settings),
        "about_references": ABOUT_REFERENCES,
        "references": [{"title": r.title, "packed": _packed(r.plan)} for r in exercise.references],
    }


def decode_exercise(text: str | bytes, where: str) -> Exercise:
    """The exercise of an exercise file's text.

    Parameters
    ----------
    text
        JSON.
    where
        The file it comes from, named in errors.

    Raises
    ------
    InputRefused
        If it is no exercise, holds unknown fields, is of a later version, names a device that is not in the
        library, has no reference, or its reference is damaged or does not keep to the exercise.
    """
    document = checked_document(text, where, _KIND)
    try:
        return _exercise_of(msgspec.convert(document, _ExerciseRecord), where)
    except msgspec.ValidationError as error:
        raise InputRefused(
            "A field of the exercise is wrong.", f"{where}: {error}", "Correct this field."
        ) from None
    except InvalidValue as error:
        raise InputRefused(
            error.what, f"{where}: {error.thing}", error.todo or "Correct this value."
        ) from None


def read_exercise(path: Path) -> Exercise:
    """The exercise of a file; raises `InputRefused` with what is wrong."""
    try:
        if path.stat().st_size > LARGEST_EXERCISE_BYTES:
            raise InputRefused(
                "The file is too large for an exercise.", str(path), f"Choose a {SUFFIX} file."
            )
        text = path.read_bytes()
    except OSError as error:
        raise InputRefused(
            "The exercise cannot be read.", f"{path}: {error.strerror}", "Check the path."
        ) from None
    return decode_exercise(text, str(path))


def write_exercise(exercise: Exercise, path: Path) -> None:
    """Write an exercise file: to a temporary name, synced, renamed."""
    write_atomically(path, encode_exercise(exercise).encode())


def _exercise_of(record: _ExerciseRecord, where: str) -> Exercise:
    for name in record.devices:
        device_library().device(name)
    case, conditions = record.case, record.conditions
    return Exercise(
        id=record.id,
        title=record.title,
        task=record.task,
        case=CaseMark(case.id, case.title, case.structures, case.is_sample),
        module=record.module,
        lesion=record.lesion,
        devices=tuple(record.devices),
        most_instruments=record.most_instruments,
        margin_mm=record.margin_mm,
        level=record.level,
        skills=tuple(record.skills),
        hidden=tuple(record.hidden),
        conditions=Conditions(
            conditions.slices_only,
            conditions.axial_only,
            conditions.breath_mm,
            conditions.placement,
            conditions.limit_s,
            conditions.shows_zone,
        ),
        references=tuple(
            Reference(r.title, _unpacked(r.packed, f"{where}: reference '{r.title}'"))
            for r in record.references
        ),
        settings=record.settings,
    )


def _packed(plan: Plan) -> str:
    return base64.b64encode(zlib.compress(encode_plan(plan).encode(), 9)).decode("ascii")


def _unpacked(words: str, where: str) -> Plan:
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(base64.b64decode(words, validate=True), LARGEST_PLAN_BYTES)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise _damaged(where, str(error)) from None
    if not unpacking.eof or unpacking.unused_data:
        raise _damaged(where, "it ends too early, or too late")
    plan = decode_plan(text, where)
    if not plan.instruments:
        raise InputRefused(
            "A reference of the exercise is an empty plan.", where, "Add an expert's plan, or suggest one."
        )
    return plan


def _damaged(where: str, why: str) -> InputRefused:
    return InputRefused(
        "The packed reference of the exercise is damaged.",
        f"{where}: {why}",
        "Ask for the file again where it came from.",
    )
