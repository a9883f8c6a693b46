"""The report of a plan: assessments and pictures as HTML and PDF."""

from __future__ import annotations

import base64
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMarginsF, QSizeF, QUrl
from PySide6.QtGui import QFont, QGuiApplication, QImage, QPageLayout, QPageSize, QPdfWriter, QTextDocument

import planner
from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.io.writing import atomic_path, write_atomically
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Applicator, FocusGrid, Plan
from planner.model.wording import interval_text, mark, scan_words, target_text, unit_text, value_text
from planner.planning.device_library import device_library
from planner.planning.needle_path import needle_angles_deg
from planner.planning.placing import center_offset_mm
from planner.plugin.hashing import plan_hash
from planner.plugin.judging import judge
from planner.plugin.registry import Registry
from planner.report.pictures import save_pictures
from planner.scene.palette import MARGIN_CLASSES

DPI = 150


@dataclass(frozen=True)
class WrittenReport:
    """Where the report lies."""

    html: Path
    pdf: Path | None
    figures: tuple[Path, ...]


def judge_all(
    registry: Registry,
    case: Case,
    plan: Plan,
    settings: Mapping[str, Mapping[str, Any]],
    task: Task | None = None,
) -> tuple[Assessment, ...]:
    """What every applicable module says of a plan, in this process.

    Raises
    ------
    PlannerError
        If no module judges the plan's instruments, or one fails.
    """
    modules = registry.judging(plan)
    if not modules:
        raise PlannerError("No module judges this plan.", f"plan '{plan.name}'", "Place a probe first.")
    task = task or Task()
    return tuple(
        judge(m, case, plan, settings.get(m.manifest.id), task.part(n / len(modules), (n + 1) / len(modules)))
        for n, m in enumerate(modules)
    )


def write_report(
    case: Case,
    plan: Plan,
    assessments: tuple[Assessment, ...],
    registry: Registry,
    folder: Path,
    *,
    html: bool = True,
    pdf: bool = True,
    figures: bool = True,
) -> WrittenReport:
    """Write a report into a folder; needs a Qt application (a window is not needed).

    Parameters
    ----------
    case, plan, assessments
        What is reported.
    registry
        For the order in which each module's metrics are shown.
    folder
        Made where it is not there.
    html, pdf, figures
        What is written.

    Raises
    ------
    PlannerError
        If the folder cannot be written or the disk is full; files are whole or not there.
    """
    if QGuiApplication.instance() is None:
        raise PlannerError(
            "A report needs the Qt application.", "", "Use the command 'liver-planner report'."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlannerError(
            "The report's folder cannot be made.", f"{folder}: {error.strerror}", "Choose another folder."
        ) from error
    with tempfile.TemporaryDirectory(prefix="liver-planner-") as scratch:
        titles = save_pictures(case, plan, assessments, Path(scratch))
        pictures = {name: (Path(scratch) / name).read_bytes() for name in titles}
    page = folder / "report.html"
    written: list[Path] = []
    if figures:
        for name, content in pictures.items():
            write_atomically(folder / name, content)
            written.append(folder / name)
    facts = _facts(case, plan, assessments, registry)
    inline = {n: "data:image/png;base64," + base64.b64encode(c).decode() for n, c in pictures.items()}
    if html:
        write_atomically(page, _rendered(facts, titles, inline).encode())
    document = folder / "report.pdf"
    if pdf:
        _write_pdf(_rendered(facts, titles, {n: n for n in titles}, is_print=True), pictures, document)
    return WrittenReport(page, document if pdf else None, tuple(written))


def _rendered(
    facts: dict[str, Any], titles: dict[str, str], sources: dict[str, str], is_print: bool = False
) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = files("planner.resources").joinpath("templates", "report.html").read_text(encoding="utf-8")
    pictures = [{"source": sources[name], "title": title} for name, title in titles.items()]
    rows = [pictures[n : n + 3] for n in range(0, len(pictures) - 1, 3)]
    return environment.from_string(text).render(
        **facts, picture_rows=rows, space=pictures[-1], is_print=is_print, classes=MARGIN_CLASSES
    )


def _write_pdf(html: str, pictures: dict[str, bytes], path: Path) -> None:
    with atomic_path(path) as temporary:
        writer = QPdfWriter(str(temporary))
        writer.setResolution(DPI)
        writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
        writer.setPageMargins(QMarginsF(14, 14, 14, 14), QPageLayout.Unit.Millimeter)
        writer.setTitle("Liver Planner report")
        writer.setCreator(f"Liver Planner {planner.__version__}")
        document = QTextDocument()
        # Without the paint device the text is laid out for a screen and shrinks into a corner.
        document.documentLayout().setPaintDevice(writer)
        font = QFont("DejaVu Sans")
        font.setPointSizeF(8.5)
        document.setDefaultFont(font)
        for name, content in pictures.items():
            document.addResource(
                QTextDocument.ResourceType.ImageResource, QUrl(name), QImage.fromData(content)
            )
        document.setHtml(html)
        area = writer.pageLayout().paintRectPixels(DPI)
        document.setPageSize(QSizeF(area.width(), area.height()))
        document.print_(writer)


def _facts(case: Case, plan: Plan, assessments: tuple[Assessment, ...], registry: Registry) -> dict[str, Any]:
    patient = case.patient
    image = case.images[0] if case.images else None
    known = (
        ("Name", patient.name),
        ("ID", patient.id),
        ("Born", patient.birth_date),
        ("Sex", patient.sex),
        ("Age", f"{patient.age_y:g} years" if patient.age_y is not None else ""),
        ("Height", f"{patient.height_cm:g} cm" if patient.height_cm is not None else ""),
        ("Weight", f"{patient.weight_kg:g} kg" if patient.weight_kg is not None else ""),
        ("Child-Pugh", patient.child_pugh),
    )
    return {
        "title": case.title,
        "patient": [(k, v or "unknown") for k, v in known],
        "scan": " ".join(scan_words(image)) if image else "no scan",
        "spacing": " × ".join(f"{s:.2f}" for s in image.grid.spacing_mm) + " mm" if image else "",
        "plan": plan,
        "probes": [*(_probe_row(a) for a in plan.applicators), *(_foci_row(g) for g in plan.focus_grids)],
        "modules": [_module_facts(a, registry) for a in assessments],
        "notes": case.notes,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": planner.__version__,
        "plan_hash": plan_hash(plan),
    }


def _probe_row(probe: Applicator) -> dict[str, str]:
    in_plane, craniocaudal = needle_angles_deg(probe)
    return {
        "id": probe.id,
        "device": device_library().title_of(probe.device),
        "settings": ", ".join(f"{k} {v:g}" for k, v in probe.settings.items()),
        "lesion": probe.lesion,
        "entry": _point_words(probe.entry_lps_mm),
        "target": _target_words(probe),
        "tip": _point_words(probe.tip_lps_mm),
        "depth": f"{probe.length_mm:.1f} mm",
        "angles": f"{in_plane:.0f}° in plane, {craniocaudal:.0f}° craniocaudal",
    }


def _foci_row(grid: FocusGrid) -> dict[str, str]:
    return {
        "id": grid.id,
        "device": device_library().title_of(grid.device),
        "settings": ", ".join(f"{k} {v:g}" for k, v in grid.settings.items()),
        "lesion": grid.lesion,
        "entry": f"window of {len(grid.window_lps_mm)} points about {_point_words(grid.window_middle_lps_mm)}"
        if grid.window_lps_mm
        else "no window",
        "target": f"{len(grid.foci_lps_mm)} foci about {_point_words(grid.middle_lps_mm)}",
        "tip": "",
        "depth": f"{math.dist(grid.window_middle_lps_mm, grid.middle_lps_mm):.1f} mm",
        "angles": "",
    }


def _target_words(probe: Applicator) -> str:
    """Where the zone's centre lies, and how far behind the tip."""
    devices = device_library().devices
    if probe.device not in devices:
        return "unknown"
    offset = center_offset_mm(devices[probe.device], probe.settings)
    x, y, z = (float(v) for v in probe.point_behind_tip(offset))
    return f"{_point_words((x, y, z))} ({offset:.1f} mm behind the tip)"


def _module_facts(assessment: Assessment, registry: Registry) -> dict[str, Any]:
    manifest = registry.module(assessment.module).manifest
    titles = {m.name: m.title for s in manifest.sections for m in s.metrics}
    rows = [
        {
            "subject": m.subject,
            "title": titles.get(m.name) or _words(m.name),
            "name": m.name,
            "value": value_text(m),
            "unit": unit_text(m),
            "mark": mark(m),
            "target": target_text(m.target),
            "interval": interval_text(m),
            "method": m.method,
            "note": m.note,
        }
        for m in assessment.metrics
    ]
    findings = [
        {
            "severity": f.severity.value,
            "text": f.text,
            "source": f"{f.source.text} ({f.source.confidence.value})",
            "where": _point_words(f.where_lps_mm) if f.where_lps_mm is not None else "",
        }
        for f in assessment.findings
    ]
    simulated = {m.name for s in manifest.sections_of("simulate") for m in s.metrics}
    is_simulation = bool(assessment.metrics) and assessment.metrics[0].name in simulated
    return {
        "title": f"{manifest.title}, simulated (model)" if is_simulation else manifest.title,
        "version": assessment.module_version,
        "rows": rows,
        "headlines": {m.name for s in manifest.sections for m in s.metrics if m.is_headline},
        "findings": findings,
        "settings": dict(assessment.settings),
        "inputs": dict(assessment.inputs),
    }


def _words(name: str) -> str:
    """A metric's identifier as words, without its unit."""
    return name.rpartition("_")[0].replace("_", " ").capitalize()


def _point_words(lps_mm: tuple[float, float, float]) -> str:
    return "L {:.1f}  P {:.1f}  S {:.1f}".format(*lps_mm)
