"""Attempts as a table for a spreadsheet or a study: one row an attempt, with all parts of its score."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from planner.practice.attempts import Attempt

Cell = str | int | float | bool | None

#: What stands in which column before the parts of the score; names say the unit.
COLUMNS: Mapping[str, Callable[[Attempt], Cell]] = MappingProxyType(
    {
        "profile": lambda a: a.profile,
        "exercise": lambda a: a.exercise,
        "title": lambda a: a.title,
        "level": lambda a: a.level,
        "skills": lambda a: " ".join(a.skills),
        "case_id": lambda a: a.case_id,
        "started_utc": lambda a: a.started,
        "committed_utc": lambda a: a.committed,
        "taken_s": lambda a: a.seconds,
        "limit_s": lambda a: a.measured.limit_s,
        "seed": lambda a: a.seed,
        "scoring_version": lambda a: a.scoring_version,
        "points": lambda a: a.score.points,
        "pass_points": lambda a: a.score.pass_points,
        "is_passed": lambda a: a.score.is_passed,
        "coverage_percent": lambda a: a.measured.coverage_percent,
        "margin_mm": lambda a: a.measured.margin_mm,
        "wanted_margin_mm": lambda a: a.measured.wanted_margin_mm,
        "stops": lambda a: " ".join(a.measured.stops),
        "warnings": lambda a: " ".join(a.measured.warnings),
        "path_mm": lambda a: a.measured.path_mm,
        "reference_path_mm": lambda a: a.measured.reference_path_mm,
        "liver_ml": lambda a: a.measured.liver_ml,
        "reference_liver_ml": lambda a: a.measured.reference_liver_ml,
        "punctures_count": lambda a: a.measured.punctures,
        "fewest_punctures_count": lambda a: a.measured.fewest_punctures,
        "repositionings_count": lambda a: a.repositionings,
    }
)
#: Digits after the point; more than anything here is measured to.
DIGITS = 4
#: A spreadsheet takes a text that begins so for a formula, and these texts come from other people's machines.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_csv(attempts: Sequence[Attempt]) -> str:
    """Attempts as comma-separated values with a header (RFC 4180); to be written as UTF-8, without newline changes.

    Numbers have a decimal point; what is not known is left empty. Of each part of a score there are the
    points given and possible; a score of another version leaves parts it does not have empty. A text that a
    spreadsheet would take for a formula begins with an apostrophe.
    """
    parts = dict.fromkeys(p.id for a in attempts for p in a.score.parts)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = [f"{part}_{word}" for part in parts for word in ("points", "most_points")]
    writer.writerow([*COLUMNS, *names])
    for attempt in attempts:
        given = {p.id: (p.points, p.most) for p in attempt.score.parts}
        cells: list[Cell] = [column(attempt) for column in COLUMNS.values()]
        cells += [number for part in parts for number in given.get(part, (None, None))]
        writer.writerow([_text(cell) for cell in cells])
    return out.getvalue()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return repr(round(cell, DIGITS) + 0.0)
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return str(cell)
