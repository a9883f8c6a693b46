"""Files of a user's own devices: one TOML file a device, and CSV tables of zones to import."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from planner.base.errors import InputRefused, PlannerError
from planner.io.writing import write_atomically
from planner.model.assessment import Confidence
from planner.planning.constants import Constant
from planner.planning.devices import SCHEMA, VERSION, Device, Medium, ZoneRow

#: What a CSV table must hold, in any order, and what it may hold besides.
COLUMNS = (
    "power_w", "time_s", "long_axis_mm", "short_axis_mm", "center_offset_mm", "medium", "source", "confidence",
)  # fmt: skip
MORE_COLUMNS = ("long_sd_mm", "short_sd_mm", "count", "note")
LARGEST_CSV_BYTES = 1_000_000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,59}")


def device_text(device: Device) -> str:
    """A device as the text of its TOML file."""
    lines = [
        f"schema = {_quoted(SCHEMA)}",
        f"version = {VERSION}",
        f"name = {_quoted(device.name)}",
        f"title = {_quoted(device.title)}",
        f"modality = {_quoted(device.modality)}",
        f"diameter_mm = {_number(device.diameter_mm)}",
        f"lethal_inset_mm = {_number(device.lethal_inset_mm)}",
        f"note = {_quoted(device.note)}",
        f"length = {_constant(device.length)}",
        f"center_offset = {_constant(device.center_offset)}",
        f"defaults = {_numbers(device.defaults)}",
    ]
    if device.emitter:
        lines += ["", "[emitter]", *(f"{name} = {_constant(c)}" for name, c in device.emitter.items())]
    for row in device.rows:
        lines += ["", "[[row]]", f"settings = {_numbers(row.settings)}"]
        for name in ("long_axis_mm", "short_axis_mm", "long_sd_mm", "short_sd_mm", "center_offset_mm"):
            value = getattr(row, name)
            if value is not None:
                lines.append(f"{name} = {_number(value)}")
        if row.count is not None:
            lines.append(f"count = {row.count}")
        for name in ("medium", "source", "confidence", "note"):
            lines.append(f"{name} = {_quoted(str(getattr(row, name)))}")
    return "\n".join(lines) + "\n"


def device_document(device: Device, is_own: bool = False) -> dict[str, Any]:
    """A device as the JSON document that the command line prints."""
    table = device.table
    rows = [
        {
            "settings": dict(r.settings),
            **{n: getattr(r, n) for n in (*COLUMNS[2:5], *MORE_COLUMNS)},
            "medium": r.medium.value,
            "source": r.source,
            "confidence": r.confidence.value,
            "is_reference_only": r.is_reference_only,
        }
        for r in device.rows
    ]
    return {
        "name": device.name,
        "title": device.title,
        "modality": device.modality,
        "is_own": is_own,
        "is_placeholder": device.is_placeholder,
        "needles": device.needles,
        "length_mm": device.length.value,
        "diameter_mm": device.diameter_mm,
        "center_offset_mm": device.center_offset.value,
        "lethal_inset_mm": device.lethal_inset_mm,
        "defaults": dict(device.defaults),
        "note": device.note,
        "sizes": table.how if table is not None else "",
        "hull": [dict(zip(table.names, corner, strict=True)) for corner in table.hull] if table else [],
        "rows": rows,
    }


def write_device(device: Device, folder: Path) -> Path:
    """Keep a device in a folder, at once or not at all; returns the file.

    Raises
    ------
    PlannerError
        If its name cannot be a file's, or the folder cannot be written.
    """
    path = device_path(folder, device.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlannerError(
            "The folder of your devices cannot be made.",
            f"{folder}: {error.strerror}",
            "Check who may write to it.",
        ) from None
    write_atomically(path, device_text(device).encode())
    return path


def device_path(folder: Path, name: str) -> Path:
    """Where a device of a name is kept; raises `PlannerError` where the name cannot be a file's."""
    if not _NAME.fullmatch(name):
        raise PlannerError(
            "A device's name is made of small letters, digits and hyphens.",
            f"'{name}'",
            "Choose a name such as 'our-antenna-15g'.",
        )
    return folder / f"{name}.toml"


def name_from_title(title: str) -> str:
    """A name for a device of this title, such as ``our-antenna-15-g``."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-")


def read_zone_csv(path: Path) -> tuple[ZoneRow, ...]:
    """The rows of a CSV table; one wrong row refuses the whole file.

    Parameters
    ----------
    path
        With a first line that names the columns of `COLUMNS`, and any of `MORE_COLUMNS`; separated
        by comma, semicolon or tab; UTF-8. A column of power left empty in all rows is left out.

    Raises
    ------
    InputRefused
        With line and column of what is wrong.
    """
    try:
        if path.stat().st_size > LARGEST_CSV_BYTES:
            raise InputRefused(
                "The table is too large to be one of zones.", path.name, "Choose another file."
            )
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputRefused(
            "The table cannot be read.", f"{path.name}: {reason}", "Save it as CSV, UTF-8."
        ) from None
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        names = [n.strip().lower() for n in next(lines, [])]
        _check_columns(names, path.name)
        rows = [
            _row_of(dict(zip(names, cells, strict=False)), len(cells) - len(names), path.name, lines.line_num)
            for cells in lines
            if any(c.strip() for c in cells)
        ]
    except csv.Error as error:
        raise InputRefused(
            "The table is not CSV.", f"{path.name}, line {lines.line_num}: {error}", "Save it again as CSV."
        ) from None
    if not rows:
        raise InputRefused("The table has no rows.", path.name, "Give one row a power and time.")
    if any(set(r.settings) != set(rows[0].settings) for r in rows):
        raise InputRefused(
            "Some rows give a power and others do not.", path.name, "Fill power_w in all rows or in none."
        )
    return tuple(rows)


def _check_columns(names: Sequence[str], where: str) -> None:
    missing = [c for c in COLUMNS if c not in names]
    unknown = [n for n in names if n not in COLUMNS + MORE_COLUMNS]
    doubled = sorted({n for n in names if names.count(n) > 1})
    for what, found in (("is missing", missing), ("is not known", unknown), ("stands twice", doubled)):
        if found:
            raise InputRefused(
                f"A column {what}.",
                f"{where}, line 1: {', '.join(found)}",
                f"The first line names {', '.join(COLUMNS)}; and, where known, {', '.join(MORE_COLUMNS)}.",
            )


def _row_of(cells: Mapping[str, str], surplus: int, file: str, line: int) -> ZoneRow:
    where = f"{file}, line {line}"
    if surplus:
        raise InputRefused(
            "A line has more or fewer cells than the first one names.",
            where,
            "Write decimals with a point, or put text that holds a separator in quotes.",
        )
    words = {name: text.strip() for name, text in cells.items()}
    numbers: dict[str, float] = {
        name: _float(words.get(name, ""), where, name)
        for name in (*COLUMNS[:5], *MORE_COLUMNS[:3])
        if words.get(name)
    }
    for name in ("time_s", "long_axis_mm", "short_axis_mm"):
        if name not in numbers:
            raise InputRefused(
                "A number is missing.", f"{where}, column {name}", "Give every row this number."
            )
    chosen = {}
    for name, kinds in (("medium", Medium), ("confidence", Confidence)):
        if words[name].lower() not in [k.value for k in kinds]:
            raise InputRefused(
                "A word is not known.",
                f"{where}, column {name}: '{words[name]}'",
                f"Use one of: {', '.join(k.value for k in kinds)}.",
            )
        chosen[name] = words[name].lower()
    if not words["source"]:
        raise InputRefused("A row has no source.", f"{where}, column source", "Say where its numbers stand.")
    settings: dict[str, float] = {n: numbers[n] for n in ("power_w", "time_s") if n in numbers}
    try:
        return ZoneRow(
            settings,
            numbers["long_axis_mm"],
            numbers["short_axis_mm"],
            Medium(chosen["medium"]),
            words["source"],
            Confidence(chosen["confidence"]),
            numbers.get("long_sd_mm"),
            numbers.get("short_sd_mm"),
            words.get("note", ""),
            numbers.get("center_offset_mm"),
            round(numbers["count"]) if "count" in numbers else None,
        )
    except PlannerError as error:
        column = error.thing.split(" = ")[0]
        raise InputRefused(
            error.what, f"{where}, column {column}: {error.thing}", error.todo or "Correct this number."
        ) from None


def _float(text: str, where: str, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputRefused(
            "This is not a number.",
            f"{where}, column {column}: '{text}'",
            "Write it with digits and a point, without a unit.",
        )
    return value


def _quoted(text: str) -> str:
    """A TOML string; JSON's escapes are TOML's, but for a character that text never needs."""
    return json.dumps(text.replace("\x7f", ""), ensure_ascii=False)


def _number(value: float) -> str:
    return repr(float(value))


def _numbers(values: Mapping[str, float]) -> str:
    return "{ " + ", ".join(f"{k} = {_number(v)}" for k, v in values.items()) + " }"


def _constant(constant: Constant) -> str:
    parts = [
        f"value = {_number(constant.value)}",
        f"unit = {_quoted(constant.unit)}",
        f"source = {_quoted(constant.source)}",
        f"confidence = {_quoted(constant.confidence.value)}",
    ]
    parts += [f"{n} = {_number(v)}" for n in ("low", "high") if (v := getattr(constant, n)) is not None]
    return "{ " + ", ".join(parts) + " }"
