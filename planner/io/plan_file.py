"""Plan files (``*.plan.json``): the portable form of a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from planner.base.errors import InputRefused, InvalidValue
from planner.io.document import DocumentKind, checked_document
from planner.io.writing import write_atomically
from planner.model.catheter import CatheterTarget, catheter_document, catheter_of_document
from planner.model.electrode_array import ElectrodeArray
from planner.model.embolization import Embolization, embolization_document, embolization_of_document
from planner.model.plan import Applicator, FocusGrid, Instrument, Plan, Point
from planner.model.resection import Resection, resection_document, resection_of_document

SCHEMA = "liver-planner/plan"
VERSION = 1
_KIND = DocumentKind(SCHEMA, VERSION, "plan", "Choose a .plan.json file.")
LARGEST_PLAN_BYTES = 16_000_000

_Point = Annotated[list[float], msgspec.Meta(min_length=3, max_length=3)]


class _ApplicatorRecord(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="applicator"):
    id: str
    device: str
    entry_lps_mm: _Point
    tip_lps_mm: _Point
    settings: dict[str, float] = {}
    lesion: str = ""


class _FocusGridRecord(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="focus_grid"):
    id: str
    device: str
    foci_lps_mm: list[_Point]
    window_lps_mm: list[_Point] = []
    settings: dict[str, float] = {}
    lesion: str = ""


class _ElectrodeRecord(msgspec.Struct, forbid_unknown_fields=True):
    entry_lps_mm: _Point
    tip_lps_mm: _Point
    exposure_mm: float


class _PairRecord(msgspec.Struct, forbid_unknown_fields=True):
    a: int
    b: int
    voltage_v: float


class _ElectrodeArrayRecord(
    msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="electrode_array"
):
    id: str
    device: str
    electrodes: list[_ElectrodeRecord]
    pairs: list[_PairRecord] = []
    pulses: int = 90
    pulse_us: float = 90.0
    lesion: str = ""
    pull_backs: int = 0
    pull_back_mm: float = 0.0


class _ResectionRecord(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="resection"):
    id: str
    surface: dict[str, Any]
    name: str = ""
    caudate: str = ""
    middle_hepatic_vein: str = ""
    stage: int = 1
    date: str = ""


class _EmbolizationRecord(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="embolization"):
    id: str
    tree: str
    branches: list[int]
    name: str = ""
    stage: int = 1
    date: str = ""


class _CatheterRecord(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="catheter_target"):
    id: str
    position_lps_mm: _Point
    agent: dict[str, Any]
    tree: str = ""
    perfused_structure: str = ""
    name: str = ""


_InstrumentRecord = (
    _ApplicatorRecord
    | _FocusGridRecord
    | _ElectrodeArrayRecord
    | _ResectionRecord
    | _EmbolizationRecord
    | _CatheterRecord
)
#: Kinds of instruments this version reads.
_KINDS = ("applicator", "focus_grid", "electrode_array", "resection", "embolization", "catheter_target")


class _PlanRecord(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=False):
    schema: Literal["liver-planner/plan"]
    version: int
    name: str
    case_id: str
    created: str = ""
    author: str = ""
    instruments: list[_InstrumentRecord] = []
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
        "instruments": [_instrument_document(i) for i in plan.instruments],
        "notes": plan.notes,
    }


def _instrument_document(instrument: Instrument) -> dict[str, Any]:
    placed: dict[str, Any]
    if isinstance(instrument, ElectrodeArray):
        return {"id": instrument.id, "kind": instrument.kind, **msgspec.to_builtins(instrument)}
    if isinstance(instrument, Resection):
        row: dict[str, Any] = msgspec.to_builtins({"kind": instrument.kind, **resection_document(instrument)})
        return row
    if isinstance(instrument, CatheterTarget):
        return {"kind": instrument.kind, **catheter_document(instrument)}
    if isinstance(instrument, Embolization):
        return {"kind": instrument.kind, **embolization_document(instrument)}
    if isinstance(instrument, Applicator):
        placed = {
            "entry_lps_mm": list(instrument.entry_lps_mm),
            "tip_lps_mm": list(instrument.tip_lps_mm),
        }
    else:
        placed = {
            "foci_lps_mm": [list(p) for p in instrument.foci_lps_mm],
            "window_lps_mm": [list(p) for p in instrument.window_lps_mm],
        }
    return {
        "id": instrument.id,
        "kind": instrument.kind,
        "device": instrument.device,
        **placed,
        "settings": dict(instrument.settings),
        "lesion": instrument.lesion,
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
    document = checked_document(text, where, _KIND)
    _check_kinds(document, where)
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


def _check_kinds(document: dict[str, Any], where: str) -> None:
    """Refuse a kind of instrument this version does not know, by its name."""
    rows = document.get("instruments", [])
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("kind") not in _KINDS:
            raise InputRefused(
                f"The plan has a kind of instrument that this version does not know: {row.get('kind')!r}.",
                f"{where}: kind of '{row.get('id', '')}'",
                f"Update Liver Planner; this one reads {', '.join(_KINDS)}.",
            )


def _plan_of(record: _PlanRecord) -> Plan:
    instruments = tuple(_instrument_of(i) for i in record.instruments)
    return Plan(record.name, record.case_id, instruments, record.author, record.created, record.notes)


def _instrument_of(record: _InstrumentRecord) -> Instrument:
    if isinstance(record, _ApplicatorRecord):
        return Applicator(
            id=record.id,
            device=record.device,
            entry_lps_mm=_point(record.entry_lps_mm),
            tip_lps_mm=_point(record.tip_lps_mm),
            settings=record.settings,
            lesion=record.lesion,
        )
    if isinstance(record, _ElectrodeArrayRecord):
        return msgspec.convert(msgspec.to_builtins(record), ElectrodeArray)
    if isinstance(record, _ResectionRecord | _EmbolizationRecord | _CatheterRecord):
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        if isinstance(record, _CatheterRecord):
            return _catheter_of(fields)
        is_resection = isinstance(record, _ResectionRecord)
        return resection_of_document(fields) if is_resection else embolization_of_document(fields)
    return FocusGrid(
        id=record.id,
        device=record.device,
        foci_lps_mm=tuple(_point(p) for p in record.foci_lps_mm),
        window_lps_mm=tuple(_point(p) for p in record.window_lps_mm),
        settings=record.settings,
        lesion=record.lesion,
    )


def _point(values: list[float]) -> Point:
    return values[0], values[1], values[2]


def _catheter_of(fields: dict[str, Any]) -> CatheterTarget:
    activity = fields["agent"].get("activity_gbq")
    if activity is not None and (isinstance(activity, bool) or not isinstance(activity, int | float)):
        raise InvalidValue(
            "An activity is a number of GBq.", f"'{fields['id']}': {activity!r}", "Correct it."
        )
    return catheter_of_document(fields)
