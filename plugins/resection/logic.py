"""Resections judged: what is taken, what remains, and how near the cut comes to lesions."""

from __future__ import annotations

from planner_plugins.resection import findings as say
from planner_plugins.resection import numbers as count
from planner_plugins.resection.ground import ResectionGround, prepare_ground
from planner_plugins.resection.judgement import QuickJudgement
from planner_plugins.resection.parts import liver_parts
from planner_plugins.resection.settings import Settings
from planner_plugins.resection.version import VERSION

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment, Preview, heaviest_first
from planner.model.case import Case
from planner.model.plan import Plan
from planner.planning.kept_segments import KeptSegments, segment_numbers
from planner.plugin.hashing import plan_hash, structures_hash, trees_hash
from planner.plugin.settings import settings_values

__all__ = ["Settings", "assess", "prepare", "preview"]

MODULE = "resection"


def prepare(case: Case, settings: Settings, task: Task) -> ResectionGround:
    """The liver, its lesions, vessels and territories; seconds for a whole CT."""
    return prepare_ground(case, settings, task)


def preview(case: Case, prepared: ResectionGround, plan: Plan, settings: Settings, focus: str) -> Preview:
    """All of `assess` but the vessels that are crossed, the segments, and the pieces of the remnant."""
    quick = QuickJudgement(case, prepared, plan, settings)
    quick.work_side_by_side()
    return Preview(tuple(quick.metrics), heaviest_first(quick.findings), quick.surfaces)


def assess(case: Case, plan: Plan, settings: Settings, task: Task) -> Assessment:
    """The whole answer.

    Raises
    ------
    InvalidValue
        If there is no resection, no liver, or a cut names what is not there or folds.
    """
    if not plan.resections:
        raise InvalidValue("The plan has no resection.", f"plan '{plan.name}'", "Draw a cut first.")
    ground = prepare_ground(case, settings, task.part(0.0, 0.6))
    task.report(0.6, "Volumes, margins and flow")
    quick = QuickJudgement(case, ground, plan, settings)
    metrics, found = list(quick.metrics), list(quick.findings)
    task.report(0.8, "Vessels that are crossed")
    found += say.vessel_findings(quick.resected.crossed(ground.trees))
    task.report(0.9, "Pieces of the remnant")
    pieces = quick.resected.remnant_pieces_ml(settings.least_piece_ml)
    metrics.append(count.pieces_metric(pieces, settings))
    found += say.piece_findings(pieces)
    numbers = segment_numbers(case.structures, quick.resected.liver)
    segments = None if numbers is None else KeptSegments.of(numbers, quick.living, quick.resected.liver.grid)
    metrics += [] if segments is None else count.segment_metrics(segments)
    found += say.segment_findings(segments)
    task.report(1.0, "Done")
    return Assessment(
        MODULE,
        VERSION,
        {"structures": structures_hash(case), "plan": plan_hash(plan), "vessels": trees_hash(case)},
        settings_values(settings),
        tuple(metrics),
        heaviest_first(found),
        surfaces=quick.surfaces,
        fields=(liver_parts(quick),),
    )
