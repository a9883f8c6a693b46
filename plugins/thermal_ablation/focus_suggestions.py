"""Plans of focused ultrasound the module proposes: windows of the skin, each filled with foci."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from planner_plugins.thermal_ablation.settings import Settings

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.margin import PreparedMargin
from planner.model.plan import Plan
from planner.model.suggestion import Suggestion
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.devices import Device
from planner.planning.focus_suggesting import SuggestedFoci, suggest_foci
from planner.planning.suggesting import judged_margin_mm


def suggested_foci(
    plan: Plan,
    lesion: str,
    ground: AccessGround,
    margin: PreparedMargin,
    device: Device,
    values: Mapping[str, float],
    margins_mm: tuple[float, ...],
    settings: Settings,
    rules: AccessRules,
    task: Task,
) -> list[Suggestion]:
    """Candidate grids for each margin, the one asked for first; a wider one that cannot be filled is left out.

    Raises
    ------
    InvalidValue
        If no window sees the lesion, or the margin asked for needs too many foci.
    """
    made: list[Suggestion] = []
    for n, margin_mm in enumerate(margins_mm):
        part = task.part(n / len(margins_mm), (n + 1) / len(margins_mm))
        try:
            grids = suggest_foci(
                ground,
                margin,
                device,
                values,
                lesion,
                margin_mm,
                rules=rules,
                allow_ex_vivo=settings.allow_ex_vivo,
                task=part,
            )
        except InvalidValue:
            if not made:
                raise
            break
        made += [_suggestion(plan, lesion, device, margin_mm, w + 1, g) for w, g in enumerate(grids)]
    return made


def _suggestion(
    plan: Plan, lesion: str, device: Device, margin_mm: float, window: int, found: SuggestedFoci
) -> Suggestion:
    kept = replace(plan, instruments=tuple(i for i in plan.instruments if i.lesion != lesion))
    kept = kept.with_instrument(replace(found.grid, id=kept.free_id("h")))
    count, margin = len(found.grid.foci_lps_mm), judged_margin_mm(found.report)
    beam = found.beam
    why = (
        f"{count} foci of {device.title} through window {window}: margin {margin:.1f} mm,"
        f" {found.report.liver_outside_lesion_ml or 0.0:.0f} ml of liver beside the lesion,"
        f" {beam.blocked_percent:.0f} % of the beam blocked, {found.duration_s / 3600.0:.1f} h with pauses,"
        f" deepest focus {beam.deepest_mm:.0f} mm from the skin"
    )
    why += f"; not checked: {', '.join(beam.unchecked)}" if beam.unchecked else ""
    scores = {
        "foci_count": float(count),
        "minimal_margin_mm": margin,
        "lesion_coverage_percent": found.report.lesion_coverage_percent,
        "lesion_plus_5mm_coverage_percent": found.report.grown_coverage_percent[0],
        "liver_destroyed_ml": float(found.report.liver_outside_lesion_ml or 0.0),
        "beam_blocked_percent": beam.blocked_percent,
        "sonication_with_pauses_s": found.duration_s,
    }
    return Suggestion(f"{count} foci for {margin_mm:g} mm, window {window}", why, kept, scores)
