"""Resections judged: what is taken, what remains, and how near the cut comes to lesions."""

from __future__ import annotations

import numpy as np
from planner_plugins.resection import findings as say
from planner_plugins.resection import numbers as count
from planner_plugins.resection.flow import lost
from planner_plugins.resection.ground import ResectionGround, prepare_ground
from planner_plugins.resection.settings import Settings
from planner_plugins.resection.version import VERSION

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment, Finding, Metric, Preview, Severity
from planner.model.case import Case
from planner.model.plan import Plan
from planner.planning.resected_liver import ABLATED, CutMargin, ResectedLiver
from planner.planning.territories import OUTFLOW_ROLES
from planner.plugin.hashing import plan_hash, structures_hash, trees_hash
from planner.plugin.settings import settings_values

__all__ = ["Settings", "assess", "prepare", "preview"]

MODULE = "resection"
_ORDER = (Severity.STOP, Severity.WARNING, Severity.INFO)


def prepare(case: Case, settings: Settings, task: Task) -> ResectionGround:
    """The liver, its lesions, vessels and territories; seconds for a whole CT."""
    return prepare_ground(case, settings, task)


def preview(case: Case, prepared: ResectionGround, plan: Plan, settings: Settings, focus: str) -> Preview:
    """Volumes, shares and margins as `assess` says them; lost flow, vessels and pieces come with it."""
    resected = ResectedLiver(prepared.liver_of(plan, settings), plan.resections)
    margins = _margins(prepared, resected)
    shares = count.Shares.of(resected)
    metrics = [
        *count.volume_metrics(shares, case.patient, settings),
        *count.lesion_metrics(prepared, resected, margins),
    ]
    found = [
        *say.ground_findings(case, prepared),
        *say.given_findings(resected),
        *say.volume_findings(shares, settings),
        *say.lesion_findings(prepared, resected, margins, _treated(plan), settings),
    ]
    return Preview(tuple(metrics), _ordered(found))


def assess(case: Case, plan: Plan, settings: Settings, task: Task) -> Assessment:
    """The whole answer, with vessels that are crossed, flow that is lost, and the pieces of the remnant.

    Raises
    ------
    InvalidValue
        If there is no resection, no liver, or a cut names what is not there or folds.
    """
    if not plan.resections:
        raise InvalidValue("The plan has no resection.", f"plan '{plan.name}'", "Draw a cut first.")
    ground = prepare_ground(case, settings, task.part(0.0, 0.6))
    liver = ground.liver_of(plan, settings)
    resected = ResectedLiver(liver, plan.resections)
    task.report(0.6, "Volumes and margins")
    margins = _margins(ground, resected)
    shares = count.Shares.of(resected)
    metrics: list[Metric] = count.volume_metrics(shares, case.patient, settings)
    metrics += count.lesion_metrics(ground, resected, margins)
    found: list[Finding] = say.ground_findings(case, ground)
    found += say.given_findings(resected)
    found += say.volume_findings(shares, settings)
    found += say.lesion_findings(ground, resected, margins, _treated(plan), settings)
    task.report(0.75, "Vessels and flow")
    found += say.vessel_findings(resected.crossed(ground.trees))
    if ground.territories:
        losses = _losses(ground, resected)
        metrics += count.loss_metrics(shares, *losses)
        found += say.loss_findings(losses[0], losses[1] - losses[2])
    task.report(0.9, "Pieces of the remnant")
    pieces = resected.remnant_pieces_ml(settings.least_piece_ml)
    metrics.append(
        Metric(
            "remnant_pieces_count",
            float(len(pieces)),
            "",
            "plan",
            f"pieces of {settings.least_piece_ml:g} ml or more",
        )
    )
    found += say.piece_findings(pieces)
    task.report(1.0, "Done")
    return Assessment(
        MODULE,
        VERSION,
        {"structures": structures_hash(case), "plan": plan_hash(plan), "vessels": trees_hash(case)},
        settings_values(settings),
        tuple(metrics),
        _ordered(found),
    )


def _margins(ground: ResectionGround, resected: ResectedLiver) -> dict[str, CutMargin | None]:
    """Of the lesions that are taken, or partly taken."""
    return {
        name: resected.margin(outline)
        for name, outline in ground.outlines.items()
        if not resected.is_left(name)
    }


def _losses(ground: ResectionGround, resected: ResectedLiver) -> tuple[float, float, float]:
    """Volume of the remnant that loses inflow, outflow, and both."""
    inflow = lost(ground, resected, [t for t in ground.trees if t.role not in OUTFLOW_ROLES])
    outflow = lost(ground, resected, [t for t in ground.trees if t.role in OUTFLOW_ROLES])
    flow = np.where(inflow | outflow, inflow.astype(np.int8) + 2 * outflow.astype(np.int8), -1)
    parted = ResectedLiver(resected.liver.with_column("flow lost", flow), resected.resections)
    dead = parted.liver.chosen(ABLATED) if ABLATED in parted.liver.columns else None

    def left_ml(numbers: tuple[int, ...]) -> float:
        chosen = parted.liver.chosen("flow lost", numbers)
        return parted.sum_ml(chosen if dead is None else chosen & ~dead)[1]

    return left_ml((1, 3)), left_ml((2, 3)), left_ml((3,))


def _treated(plan: Plan) -> frozenset[str]:
    """Lesions another instrument of the plan treats."""
    return frozenset(i.lesion for i in plan.instruments if i.lesion and i.kind != MODULE)


def _ordered(found: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda f: _ORDER.index(f.severity)))
