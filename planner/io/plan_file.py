"""Plan files (``*.plan.json``): the portable form of a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from planner.base.errors import InputRefused, InvalidValue
from planner.io.writing import write_atomically
from planner.model.plan import Applicator, Plan

SCHEMA = "liver-planner/plan"
VERSION = 1
LARGEST_PLAN_BYTES = 16_000_000

_Point = Annotated[list[float], msgspec.Meta(min_length=3, max_length=3)]


class _ApplicatorRecord(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=False):
    id: str
    kind: Literal["applicator"]
    device: str
    entry_lps_mm: _Point
    tip_lps_mm: _Point
    settings: dict[str, float] = {}
    lesion: str = ""


class _PlanRecord(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=False):
    schema: Literal["liver-planner/plan"]
    version: int
    name: str
    case_id: str
    created: str = ""
    author: str = ""
    instruments: list[_ApplicatorRecord] = []
    notes: str = ""


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan as the JSON document of a plan file."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "name": plan.name,
        "case_id": plan.case_id,
        "created": plan.created,
        "author": plan.author,
        "instruments": [
            {
                "id": a.id,
                "kind": a.kind,
                "device": a.device,
                "entry_lps_mm": list(a.entry_lps_mm),
                "tip_lps_mm": list(a.tip_lps_mm),
                "settings": dict(a.settings),
                "lesion": a.lesion,
            }
            for a in plan.applicators
        ],
        "notes": plan.notes,
    }


def encode_plan(plan: Plan) -> str:
    """A plan as text with one line a field, so that two versions can be compared."""
    return json.dumps(plan_document(plan), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def decode_plan(text: str | bytes, where: str) -> Plan:
    """The plan of a plan file's text.

    Parameters
    ----------
    text
        JSON.
    where
        The file or row it comes from, named in errors.

    Raises
    ------
    InputRefused
        If it is no plan, holds unknown fields or numbers that are not finite, or is of a later version.
    """
    try:
        document = msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise InputRefused(
            "The plan is not valid JSON.", f"{where}: {error}", "Choose a .plan.json file."
        ) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputRefused("This file is not a plan.", where, f'A plan file says "schema": "{SCHEMA}".')
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputRefused("The plan does not say its version.", where, "Save it again with Liver Planner.")
    if version > VERSION:
        raise InputRefused(
            f"The plan was written by a later version of Liver Planner (format {version}).",
            where,
            f"Update Liver Planner; this one reads formats up to {VERSION}.",
        )
    try:
        record = msgspec.convert(document, _PlanRecord)
        return _plan_of(record)
    except msgspec.ValidationError as error:
        raise InputRefused(
            "A field of the plan is wrong.", f"{where}: {error}", "Correct this field."
        ) from None
    except InvalidValue as error:
        raise InputRefused(
            error.what, f"{where}: {error.thing}", error.todo or "Correct this value."
        ) from None


def read_plan(path: Path) -> Plan:
    """The plan of a file; raises `InputRefused` with the field that is wrong."""
    try:
        if path.stat().st_size > LARGEST_PLAN_BYTES:
            raise InputRefused("The file is too large for a plan.", str(path), "Choose a .plan.json file.")
        text = path.read_bytes()
    except OSError as error:
        raise InputRefused(
            "The plan file cannot be read.", f"{path}: {error.strerror}", "Check the path."
        ) from None
    return decode_plan(text, str(path))


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan file: to a temporary name, synced, renamed."""
    write_atomically(path, encode_plan(plan).encode())


def _plan_of(record: _PlanRecord) -> Plan:
    instruments = tuple(
        Applicator(
            id=a.id,
            device=a.device,
            entry_lps_mm=(a.entry_lps_mm[0], a.entry_lps_mm[1], a.entry_lps_mm[2]),
            tip_lps_mm=(a.tip_lps_mm[0], a.tip_lps_mm[1], a.tip_lps_mm[2]),
            settings=a.settings,
            lesion=a.lesion,
        )
        for a in record.instruments
    )
    return Plan(record.name, record.case_id, instruments, record.author, record.created, record.notes)
