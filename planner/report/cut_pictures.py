"""Resections in the pictures of a report: over slices and in 3D, and each cut laid flat."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QColor, QFont, QImage, QPainter

from planner.model.assessment import Assessment, Surface
from planner.model.case import Case
from planner.model.plan import Plan
from planner.planning.cut_map import CutMap, cut_map
from planner.planning.liver_parts import LIVER_PARTS
from planner.scene.cut_map_picture import MOST_NAMED, paint_cut_map
from planner.scene.drawn_cuts import CutLayer
from planner.scene.liver_parts_overlay import LiverParts
from planner.scene.palette import LIGHT
from planner.session.resecting import CUT_SURFACE

CUT_MAP_PX = (900, 780)
#: A report shows slices of so many lesions that are resected, those nearest to a cut first.
MOST_LESIONS = 4


def cut_layer(plan: Plan, assessments: Sequence[Assessment]) -> CutLayer | None:
    """The plan's resections as assessed; None where it has none."""
    if not plan.resections:
        return None
    layer = CutLayer(tuple, tuple)
    fields = (f for a in assessments for f in a.fields)
    field = next((f for f in fields if f.name == LIVER_PARTS), None)
    parts = LiverParts(field) if field is not None else None
    layer.show(plan.resections, cut_surfaces(assessments), None, 0.0, "", parts)
    return layer


def cut_surfaces(assessments: Sequence[Assessment]) -> dict[str, Surface]:
    """By resection where its cut runs in the liver."""
    return {s.subject: s for a in assessments for s in a.surfaces if s.name == CUT_SURFACE}


def resected_lesions(assessments: Sequence[Assessment]) -> tuple[str, ...]:
    """Lesions that are resected at least in part, those nearest to a cut first."""
    metrics = [m for a in assessments for m in a.metrics if m.value is not None]
    taken = {m.subject for m in metrics if m.name == "lesion_resected_percent" and (m.value or 0.0) > 0}
    margins = {m.subject: m.value or 0.0 for m in metrics if m.name == "resection_margin_mm"}
    nearest = sorted((n for n in taken if n in margins), key=lambda n: (margins[n], n))
    return tuple(nearest[:MOST_LESIONS])


def cut_maps(case: Case, plan: Plan, assessments: Sequence[Assessment]) -> dict[str, CutMap]:
    """By resection its cut laid flat, as far as it runs in the liver; vessels are those the case keeps."""
    surfaces = cut_surfaces(assessments)
    return {
        r.id: cut_map(surfaces[r.id], case.vessel_trees)
        for r in plan.resections
        if r.id in surfaces and len(surfaces[r.id].triangles)
    }


def cut_map_picture(found: CutMap) -> QImage:
    """A map for print, coloured by distance to lesions."""
    width, height = CUT_MAP_PX
    picture = QImage(width, height, QImage.Format.Format_RGB32)
    picture.fill(QColor(LIGHT.raised))
    painter = QPainter(picture)
    font = QFont()
    font.setPixelSize(16)
    painter.setFont(font)
    paint_cut_map(painter, (width, height), found, "lesion", LIGHT)
    painter.end()
    return picture


def cut_map_words(id: str, found: CutMap) -> str:
    """What the map shows: how it was laid flat, how far off it is, and the vessels by their numbers."""
    words = (
        f"Cut {id} laid flat, coloured by the distance to lesions ({found.method}; lengths off by"
        f" {found.mean_percent:.1f} % on average, at most {found.largest_percent:.0f} %)"
    )
    named = [f"{n + 1} {c.title}, {c.diameter_mm:.0f} mm" for n, c in enumerate(found.crossings[:MOST_NAMED])]
    return words + (f"; vessels: {'; '.join(named)}" if named else "")
