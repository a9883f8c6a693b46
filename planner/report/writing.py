"""The report of a plan: assessments and pictures as HTML and PDF."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMarginsF, QSizeF, QUrl
from PySide6.QtGui import (
    QFont,
    QGuiApplication,
    QImage,
    QPageLayout,
    QPageSize,
    QPaintDevice,
    QPdfWriter,
    QTextDocument,
)

import planner
from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.io.writing import atomic_path, write_atomically
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Plan
from planner.plugin.judging import judge
from planner.plugin.registry import Registry
from planner.report.checklists import with_checklists
from planner.report.dose_pictures import save_dose_pictures
from planner.report.electrode_facts import field_legend
from planner.report.facts import report_facts
from planner.report.growth_facts import growth_facts, save_growth_picture, with_staged, without_staged
from planner.report.pictures import Pictures, save_pictures
from planner.report.treatment_sheet import sheet_facts, write_sheet
from planner.scene.palette import CUT_CLASSES, MARGIN_CLASSES

DPI, FONT_POINTS = 150, 8.5
#: Of the time modules take to answer, checklists take the rest.
JUDGED_SHARE = 0.95
#: Of the rest, stages and embolizations take so much.
STAGED_SHARE = 0.8


@dataclass(frozen=True)
class WrittenReport:
    """Where the report lies."""

    html: Path
    pdf: Path | None
    figures: tuple[Path, ...]
    sheet: tuple[Path, ...] = ()


def judge_all(
    registry: Registry,
    case: Case,
    plan: Plan,
    settings: Mapping[str, Mapping[str, Any]],
    task: Task | None = None,
) -> tuple[Assessment, ...]:
    """What every applicable module says of a plan and of its stages, and its checklists, in this process.

    Raises
    ------
    PlannerError
        If no module judges the plan's instruments, or one fails.
    """
    modules = registry.judging(plan)
    if not modules and not plan.embolizations:
        raise PlannerError("No module judges this plan.", f"plan '{plan.name}'", "Place a probe first.")
    task = task or Task()
    rest = task.part(JUDGED_SHARE, 1.0)
    share = JUDGED_SHARE / max(1, len(modules))
    answers = tuple(
        judge(m, case, plan, settings.get(m.manifest.id), task.part(n * share, (n + 1) * share))
        for n, m in enumerate(modules)
    )
    answers = with_staged(case, plan, answers, registry, rest.part(0.0, STAGED_SHARE))
    return with_checklists(case, plan, answers, registry, rest.part(STAGED_SHARE, 1.0))


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
        What is reported; checklists that are not among the assessments are asked for.
    registry
        For checklists, and for how each module titles its metrics.
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
    staged = with_staged(case, plan, assessments, registry)
    assessments = with_checklists(case, plan, without_staged(plan, staged), registry)
    growth = growth_facts(case, plan, staged)
    with tempfile.TemporaryDirectory(prefix="liver-planner-") as scratch:
        saved = save_pictures(case, plan, assessments, Path(scratch))
        names = saved.names
        doses = save_dose_pictures(case, plan, assessments, Path(scratch))
        names = (*names, *(doses.names if doses is not None else ()))
        if growth is not None and growth["picture"]:
            names = (*names, save_growth_picture(case, plan, staged, Path(scratch)))
        pictures = {name: (Path(scratch) / name).read_bytes() for name in names}
    page = folder / "report.html"
    written: list[Path] = []
    if figures:
        for name, content in pictures.items():
            write_atomically(folder / name, content)
            written.append(folder / name)
    facts = {
        **report_facts(case, plan, assessments, registry),
        "legend": field_legend(assessments),
        "growth": growth,
        "doses": doses,
        "sheet": sheet_facts(case, plan, assessments),
    }
    inline = {n: "data:image/png;base64," + base64.b64encode(c).decode() for n, c in pictures.items()}
    if html:
        write_atomically(page, _rendered(facts, saved, inline).encode())
    document = folder / "report.pdf"
    if pdf:
        _write_pdf(_rendered(facts, saved, {n: n for n in pictures}, is_print=True), pictures, document)
    sheet = sheet_facts(case, plan, assessments)
    made = write_sheet(sheet, folder, html=html, pdf=pdf) if sheet is not None else ()
    return WrittenReport(page, document if pdf else None, tuple(written), made)


def _rendered(
    facts: dict[str, Any], pictures: Pictures, sources: dict[str, str], is_print: bool = False
) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = files("planner.resources").joinpath("templates", "report.html").read_text(encoding="utf-8")
    return environment.from_string(text).render(
        **facts,
        pictures=pictures,
        sources=sources,
        is_print=is_print,
        classes=MARGIN_CLASSES,
        cut_classes=CUT_CLASSES,
    )


def _write_pdf(html: str, pictures: dict[str, bytes], path: Path) -> None:
    with atomic_path(path) as temporary:
        writer = QPdfWriter(str(temporary))
        writer.setResolution(DPI)
        writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
        writer.setPageMargins(QMarginsF(14, 14, 14, 14), QPageLayout.Unit.Millimeter)
        writer.setTitle("Liver Planner report")
        writer.setCreator(f"Liver Planner {planner.__version__}")
        area = writer.pageLayout().paintRectPixels(DPI)
        printed_document(html, pictures, writer, QSizeF(area.width(), area.height())).print_(writer)


def printed_document(
    html: str, pictures: dict[str, bytes], device: QPaintDevice, page_px: QSizeF, points: float = FONT_POINTS
) -> QTextDocument:
    """A page laid out for a paint device, cut into sheets of a size in its pixels."""
    document = QTextDocument()
    # Without the paint device the text is laid out for a screen and shrinks into a corner.
    document.documentLayout().setPaintDevice(device)
    font = QFont("DejaVu Sans")
    font.setPointSizeF(points)
    document.setDefaultFont(font)
    for name, content in pictures.items():
        document.addResource(QTextDocument.ResourceType.ImageResource, QUrl(name), QImage.fromData(content))
    document.setHtml(html)
    document.setPageSize(page_px)
    return document
