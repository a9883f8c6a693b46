"""Facts about the patient in a DICOM header."""

from __future__ import annotations

from planner.base.errors import InvalidValue
from planner.io.dicom.elements import Elements
from planner.io.dicom.slices import BIRTH_DATE, CHARACTER_SET, PARSE_ERRORS, PATIENT_ID, PATIENT_NAME, SEX
from planner.model.case import SEX_VALUES, Patient

AGE, HEIGHT_M, WEIGHT_KG = 0x00101010, 0x00101020, 0x00101030
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def patient_of(elements: Elements) -> Patient:
    """The facts a header gives; those out of any human range are left unknown."""
    height_m = elements.number(HEIGHT_M)
    sex = elements.text(SEX)
    facts = {
        "name": person_name(elements),
        "id": decoded(elements, PATIENT_ID),
        "birth_date": _date(elements.text(BIRTH_DATE)),
        "sex": sex if sex in SEX_VALUES else "",
        "age_y": _years(elements.text(AGE)),
        "height_cm": None if not height_m else round(height_m * 100, 1),
        "weight_kg": elements.number(WEIGHT_KG) or None,
    }
    for doubtful in ({}, {"height_cm": None}, {"weight_kg": None}, {"age_y": None}):
        try:
            return Patient(**{**facts, **doubtful})  # type: ignore[arg-type]
        except InvalidValue:
            continue
    return Patient(**{**facts, "height_cm": None, "weight_kg": None, "age_y": None})  # type: ignore[arg-type]


def person_name(elements: Elements) -> str:
    """The patient's name as read: family name, given name."""
    groups = decoded(elements, PATIENT_NAME).split("=")
    parts = [part.strip() for part in next((g for g in groups if g), "").split("^")]
    return ", ".join(part for part in parts[:2] if part)


def decoded(elements: Elements, tag: int) -> str:
    """A text in the file's own character set."""
    raw = elements.values.get(tag, b"")
    sets = elements.text(CHARACTER_SET)
    if not sets or (raw.isascii() and b"\x1b" not in raw):
        return raw.decode("latin-1").strip(" \0")
    from pydicom.charset import convert_encodings, decode_bytes

    try:
        encodings = convert_encodings([s.strip() for s in sets.split("\\")])
        return str(decode_bytes(raw, encodings, set("^=\\"))).strip(" \0")
    except PARSE_ERRORS:
        return raw.decode("latin-1").strip(" \0")


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 and text.isdigit() else ""


def _years(text: str) -> float | None:
    if len(text) == 4 and text[:3].isdigit() and text[3] in _YEARS:
        return round(int(text[:3]) * _YEARS[text[3]], 2)
    return None
