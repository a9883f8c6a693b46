"""The treatment sheet of a plan with catheter targets: what is done in which order, on one page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMarginsF, QSizeF
from PySide6.QtGui import QPageLayout, QPageSize, QPdfWriter

import planner
from planner.base.errors import PlannerError
from planner.io.writing import atomic_path, write_atomically
from planner.model.assessment import Assessment, Metric, Severity
from planner.model.case import Case
from planner.model.catheter import CatheterTarget
from planner.model.plan import Plan
from planner.model.wording import scan_words, unit_text, value_text
from planner.planning.catheter_facts import PLAN, why_locked
from planner.planning.fed_table import ALL, cell_text, fed_rows
from planner.plugin.hashing import plan_hash

HTML, PDF = "treatment-sheet.html", "treatment-sheet.pdf"
DPI = 150
#: The page is set in the largest of these that lets it stand on one sheet.
FONT_POINTS = (8.5, 7.5, 6.5, 5.5)
#: What a tip's row says, by metric, with its title.
TIP_COLUMNS = (
    ("prescribed_activity_gbq", "Prescribed"),
    ("drawn_activity_gbq", "Draw"),
    ("perfused_volume_ml", "Perfused"),
    ("perfused_normal_volume_ml", "Normal liver"),
    ("vessel_diameter_mm", "Vessel"),
    ("from_ostium_mm", "From ostium"),
    ("reflux_distance_mm", "To branch before"),
)
LESION_COLUMNS = (
    ("lesion_perfused_percent", "Fed"),
    ("lesion_with_rim_perfused_percent", "With rim"),
    ("lesion_dose_gy", "Mean dose of what is fed"),
    ("lesion_d95_gy", "D95"),
)
#: Findings that are lines of the sheet.
STEPS = ("targeting_sheet", "agent_for_reference", "infusion_notes", "branch_to_ligate")
PLAN_ROWS = (
    ("prescribed_activity_gbq", "Prescribed activity"),
    ("prescribed_by_physics_gbq", "… by physics"),
    ("given_activity_gbq", "Given activity"),
    ("vial_activity_at_treatment_gbq", "Vial at treatment"),
    ("activity_to_order_gbq", "To order, at calibration"),
    ("perfused_dose_manufacturer_gy", "Perfused volume, by the manufacturer"),
    ("perfused_dose_gy", "Perfused volume, by physics"),
    ("perfused_normal_liver_dose_gy", "Perfused normal liver"),
    ("whole_normal_liver_dose_gy", "Whole normal liver"),
    ("lung_dose_gy", "Lungs"),
)


def sheet_facts(case: Case, plan: Plan, assessments: Sequence[Assessment]) -> dict[str, Any] | None:
    """All that stands on the sheet; None for a plan without catheter targets."""
    if not plan.catheter_targets:
        return None
    metrics = {(m.name, m.subject): m for a in assessments for m in a.metrics}
    findings = [f for a in assessments for f in a.findings]

    def turn(target: CatheterTarget) -> float:
        told = metrics.get(("tips_before_count", target.id))
        return told.value if told is not None and told.value is not None else 0.0

    targets = sorted(plan.catheter_targets, key=turn)
    lesions = dict.fromkeys(
        m.subject for a in assessments for m in a.metrics if m.name == "lesion_perfused_percent"
    )
    locked = [why_locked(t, case.vessel_trees) for t in targets]
    image = case.images[0] if case.images else None
    shown = [row for row in PLAN_ROWS if (row[0], PLAN) in metrics]
    return {
        "title": case.title,
        "patient": _patient(case),
        "scan": " ".join(scan_words(image)) if image else "no scan",
        "plan": plan,
        "locked": list(dict.fromkeys(why for why in locked if why)),
        "tip_columns": [title for name, title in TIP_COLUMNS if _any(metrics, name, (t.id for t in targets))],
        "tips": [_tip(n + 1, t, metrics, [x.id for x in targets]) for n, t in enumerate(targets)],
        "lesion_columns": [title for name, title in LESION_COLUMNS if _any(metrics, name, lesions)],
        "lesions": [
            {
                "name": name,
                "cells": [
                    _cell(metrics.get((c, name))) for c, _ in LESION_COLUMNS if _any(metrics, c, lesions)
                ],
            }
            for name in lesions
        ],
        "rows": [
            {"title": title, "value": _cell(metrics[name, PLAN]), "note": metrics[name, PLAN].note}
            for name, title in shown
        ],
        "basis": metrics["prescribed_activity_gbq", PLAN].method
        if ("prescribed_activity_gbq", PLAN) in metrics
        else "",
        "fed": _fed(assessments, [t.id for t in plan.catheter_targets]),
        # A module that judges and advises says some things twice.
        "findings": [
            {"severity": severity, "text": text}
            for severity, text in dict.fromkeys((f.severity.value, f.text) for f in findings)
            if severity != Severity.INFO.value
        ],
        "steps": list(dict.fromkeys(f.text for f in findings if f.rule in STEPS)),
        "constants": next((f.text for f in findings if f.rule == "constants_used"), ""),
        "modules": ", ".join(dict.fromkeys(f"{a.module} {a.module_version}" for a in assessments)),
        "plan_hash": plan_hash(plan),
        "version": planner.__version__,
    }


def write_sheet(
    facts: dict[str, Any], folder: Path, *, html: bool = True, pdf: bool = True
) -> tuple[Path, ...]:
    """Write the sheet into a folder; needs a Qt application.

    Raises
    ------
    PlannerError
        If it cannot be written, or does not stand on one page in the smallest type.
    """
    written = []
    if html:
        write_atomically(folder / HTML, _rendered(facts, is_print=False).encode())
        written.append(folder / HTML)
    if pdf:
        _write_page(_rendered(facts, is_print=True), folder / PDF)
        written.append(folder / PDF)
    return tuple(written)


def _write_page(html: str, path: Path) -> None:
    from planner.report.writing import printed_document

    with atomic_path(path) as temporary:
        writer = QPdfWriter(str(temporary))
        writer.setResolution(DPI)
        writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
        writer.setPageMargins(QMarginsF(14, 12, 14, 12), QPageLayout.Unit.Millimeter)
        writer.setTitle("Liver Planner treatment sheet")
        writer.setCreator(f"Liver Planner {planner.__version__}")
        area = writer.pageLayout().paintRectPixels(DPI)
        size = QSizeF(area.width(), area.height())
        for points in FONT_POINTS:
            document = printed_document(html, {}, writer, size, points)
            if document.pageCount() == 1:
                document.print_(writer)
                return
        raise PlannerError(
            "The treatment sheet does not stand on one page.",
            f"{document.pageCount()} pages in {FONT_POINTS[-1]:g} point",
            "Make a plan for some of the tips.",
        )


def _rendered(facts: dict[str, Any], *, is_print: bool) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = (
        files("planner.resources").joinpath("templates", "treatment-sheet.html").read_text(encoding="utf-8")
    )
    return environment.from_string(text).render(**facts, is_print=is_print)


def _patient(case: Case) -> list[tuple[str, str]]:
    patient = case.patient
    return [
        (word, value or "unknown")
        for word, value in (
            ("Name", patient.name), ("ID", patient.id), ("Born", patient.birth_date), ("Sex", patient.sex),
            ("Weight", f"{patient.weight_kg:g} kg" if patient.weight_kg is not None else ""),
        )
    ]  # fmt: skip


def _tip(
    order: int, target: CatheterTarget, metrics: dict[tuple[str, str], Metric], ids: list[str]
) -> dict[str, Any]:
    activity = target.agent.activity_gbq
    given = target.agent.type.words + (f", {activity:g} GBq" if activity is not None else "")
    return {
        "order": order,
        "id": target.id,
        "name": target.name or target.perfused_structure or target.tree,
        "given": given,
        "notes": target.agent.notes,
        "basis": f"seen: {target.perfused_structure}" if target.perfused_structure else f"by {target.tree}",
        "cells": [
            _cell(metrics.get((name, target.id))) for name, _ in TIP_COLUMNS if _any(metrics, name, ids)
        ],
    }


def _fed(assessments: Sequence[Assessment], tips: list[str]) -> list[dict[str, Any]]:
    """What each tip feeds, by the modules that judge some of them: as the window shows it."""
    found = []
    for assessment in assessments:
        judged = {m.subject for m in assessment.metrics if m.name == "perfused_volume_ml"}
        own = [t for t in tips if t in judged]
        rows = fed_rows(assessment.metrics, own) if own else ()
        if rows:
            cells = [(r.title, r.unit, [cell_text(r, c) for c in r.cells]) for r in rows]
            found.append({"tips": [*own, ALL], "rows": cells})
    return found


def _any(metrics: dict[tuple[str, str], Metric], name: str, subjects: Iterable[str]) -> bool:
    return any((name, subject) in metrics for subject in subjects)


def _cell(metric: Metric | None) -> str:
    return (
        "–" if metric is None or metric.value is None else f"{value_text(metric)} {unit_text(metric)}".strip()
    )
