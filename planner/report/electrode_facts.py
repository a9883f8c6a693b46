"""Arrays of electrodes as the report shows them: needles, pulses, the table of pairs, the lines of the field."""

from __future__ import annotations

from typing import Any

from planner.model.assessment import Assessment, Metric
from planner.model.electrode_array import ElectrodeArray
from planner.model.plan import Plan
from planner.planning.device_library import device_library
from planner.planning.electrode_arrays import as_needle
from planner.report.pair_table import COLUMNS, PairRow, pair_rows
from planner.report.report_words import angle_words, point_words
from planner.scene.field_overlay import ELECTRIC, ELECTRIC_LINES, ELECTRIC_UNIT

#: How the page names the colours of the lines.
LINE_WORDS = {"#2f7f92": "dim blue", "#4d9db0": "blue", "#ffffff": "white", "#f3d9b1": "sand"}
#: Settings that hold the threshold of a tissue.
THRESHOLDS = (("liver_threshold_v_per_cm", "liver"), ("tumor_threshold_v_per_cm", "tumour"))


def array_facts(plan: Plan, assessments: tuple[Assessment, ...]) -> list[dict[str, Any]]:
    """Each array of a plan with its electrodes and its pairs."""
    return [_array(array, assessments) for array in plan.electrode_arrays]


def subject_words(subject: str, plan: Plan) -> str:
    """What a number speaks of; an electrode (``e1:0`` in answers) by its number from one."""
    array, _, number = subject.rpartition(":")
    if number.isdigit() and any(array == a.id for a in plan.electrode_arrays):
        return f"{array}, electrode {int(number) + 1}"
    return subject


def field_legend(assessments: tuple[Assessment, ...]) -> dict[str, Any]:
    """What colours and lines of the electric field mean; a line of a tissue's threshold names the tissue."""
    settings = next((a.settings for a in assessments if any(f.unit == ELECTRIC_UNIT for f in a.fields)), {})
    lines = []
    for level, color in ELECTRIC_LINES:
        tissues = [tissue for name, tissue in THRESHOLDS if settings.get(name) == level]
        meant = f": {' and '.join(tissues)}" if tissues else ""
        lines.append(f"{LINE_WORDS[color]} line {level:g} {ELECTRIC_UNIT}{meant}")
    return {
        "lines": "; ".join(lines),
        "zone": "thick sand line: the zone where each tissue's threshold is reached",
        "colors": [(color, f"{value:g}") for value, color in ELECTRIC],
        "unit": ELECTRIC_UNIT,
    }


def _array(array: ElectrodeArray, assessments: tuple[Assessment, ...]) -> dict[str, Any]:
    tables = ((a, [r for r in pair_rows(a) if r.array == array.id]) for a in assessments)
    answer, rows = next(((a, found) for a, found in tables if found), (None, []))
    pulls = f"{array.pull_backs} × {array.pull_back_mm:g} mm" if array.pull_backs else "none"
    return {
        "id": array.id,
        "words": [
            ("Device", device_library().title_of(array.device)),
            ("Lesion", array.lesion or "none"),
            ("Pulses of each pair", f"{array.pulses}"),
            ("Pulse length", f"{array.pulse_us:g} µs"),
            ("Pull-backs", pulls),
        ],
        "electrodes": [
            {
                "number": n + 1,
                "entry": point_words(electrode.entry_lps_mm),
                "tip": point_words(electrode.tip_lps_mm),
                "exposure": f"{electrode.exposure_mm:g} mm",
                "depth": f"{electrode.length_mm:.1f} mm",
                "angles": angle_words(as_needle(array, n)),
            }
            for n, electrode in enumerate(array.electrodes)
        ],
        "columns": [c.title for c in COLUMNS],
        "limits": _limits(rows),
        "rows": [_row(r) for r in rows],
        "notes": "; ".join(w for r in rows if (w := _notes(r))),
        "methods": _methods(array, answer.metrics if answer is not None else ()),
    }


def _row(row: PairRow) -> dict[str, Any]:
    cells = [
        {
            "text": _with_unit(c.text, c.column.unit) if c.text else "–",
            "mark": c.mark,
            "estimate": "estimate" if c.is_estimate else "",
        }
        for c in row.cells
    ]
    remarks = [f"{c.column.title} {words}" for c in row.cells for words in c.remarks]
    return {
        "pair": _title(row),
        "cells": cells,
        "remarks": "; ".join(remarks),
        "is_outside": any(c.mark == "▲" for c in row.cells),
    }


def _with_unit(text: str, unit: str) -> str:
    return f"{text}{unit}" if unit == "°" else f"{text} {unit}".rstrip()


def _notes(row: PairRow) -> str:
    """What the module says beside a pair's numbers."""
    words = ", ".join(dict.fromkeys(c.note for c in row.cells if c.note))
    return f"{_title(row)}: {words}" if words else ""


def _title(row: PairRow) -> str:
    return "{}–{}".format(*row.electrodes)


def _limits(rows: list[PairRow]) -> list[str]:
    """The limits of each column, with what is unverified; those of the first row that has any."""
    return [
        next((row.cells[n].limits for row in rows if row.cells[n].limits), "") for n, _ in enumerate(COLUMNS)
    ]


def _methods(array: ElectrodeArray, metrics: tuple[Metric, ...]) -> str:
    """How each column was found, each way once."""
    words = []
    for column in COLUMNS:
        of = [m for m in metrics if m.name == column.metric and m.subject.rpartition(":")[0] == array.id]
        for method in dict.fromkeys(m.method for m in of if m.method):
            names_it = method.lower().startswith(column.title.lower())
            words.append(method[:1].upper() + method[1:] if names_it else f"{column.title}: {method}")
    return "; ".join(words)
