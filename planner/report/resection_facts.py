"""Resections as the report lists them: what parts the liver, in words."""

from __future__ import annotations

from planner.model.plan import Plan
from planner.model.resection import (
    Cut,
    MarginCut,
    PatchCut,
    PlaneCut,
    Resection,
    SegmentsCut,
)
from planner.report.report_words import point_words


def resection_facts(plan: Plan) -> list[dict[str, str]]:
    """A row for each resection of a plan."""
    return [
        {"id": r.id, "name": r.name, "cut": cut_words(r.surface), "given": _given_words(r)}
        for r in plan.resections
    ]


def cut_words(cut: Cut) -> str:
    """What a cut takes, in words with its numbers."""
    if isinstance(cut, PlaneCut):
        x, y, z = cut.normal_lps
        return f"plane through {point_words(cut.point_lps_mm)}, taken towards ({x:.2f}, {y:.2f}, {z:.2f})"
    if isinstance(cut, PatchCut):
        rows, columns, _ = cut.control.shape
        return f"surface through {rows} × {columns} control points"
    if isinstance(cut, SegmentsCut):
        return ", ".join(cut.structures)
    if isinstance(cut, MarginCut):
        kind = "wedge" if cut.is_wedge else "excision"
        return f"{kind} around {cut.lesion} at {cut.margin_mm:g} mm"
    return f"territories of branches {', '.join(str(b) for b in cut.branches)} of {cut.tree}"


def _given_words(resection: Resection) -> str:
    given = (("caudate lobe", resection.caudate), ("middle hepatic vein", resection.middle_hepatic_vein))
    return "; ".join(f"{what} to the {side}" for what, side in given if side)
