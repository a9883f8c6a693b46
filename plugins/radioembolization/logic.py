"""Radioembolization judged: what tips feed, how much activity is asked for, and the dose it leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from planner_plugins.radioembolization import findings as say
from planner_plugins.radioembolization import numbers as count
from planner_plugins.radioembolization.delivered import delivered_metrics
from planner_plugins.radioembolization.dosing import Dosing
from planner_plugins.radioembolization.measured import Measured, measured_dose
from planner_plugins.radioembolization.settings import Settings
from planner_plugins.radioembolization.version import VERSION
from planner_plugins.radioembolization.vials import vial_answer
from planner_plugins.radioembolization.voxels import LiverParts, predicted_dose, volume_metrics

from planner.base.task import Task
from planner.model.assessment import Assessment, Finding, Metric, Preview, heaviest_first
from planner.model.case import Case
from planner.model.catheter import AgentType
from planner.model.plan import Plan
from planner.model.suggestion import Suggestion
from planner.planning.catheter_facts import (
    PLAN,
    lesion_metrics,
    plan_metrics,
    target_findings,
    targets_of,
    tip_metrics,
)
from planner.planning.perfusion import Perfusion, PerfusionGround
from planner.planning.suggested_tips import tip_suggestions
from planner.planning.y90 import HALF_LIFE, MEAN_ENERGY, PHYSICS
from planner.plugin.hashing import image_hash, plan_hash, structures_hash, trees_hash
from planner.plugin.settings import settings_values

__all__ = ["Settings", "assess", "prepare", "preview", "suggest"]

MODULE = "radioembolization"


def prepare(case: Case, settings: Settings, task: Task) -> PerfusionGround:
    """The liver, and what each vessel of the case's trees feeds; seconds for a whole CT."""
    return PerfusionGround.of(case.structures, case.vessel_trees, settings.rim_mm, settings.territories, task)


def preview(case: Case, prepared: PerfusionGround, plan: Plan, settings: Settings, focus: str) -> Preview:
    """All of `assess` but the dose of every voxel."""
    dosing = _dosing(case, prepared, plan, settings)
    return Preview(tuple(_metrics(dosing)), heaviest_first(_findings(dosing)))


def assess(case: Case, plan: Plan, settings: Settings, task: Task) -> Assessment:
    """The whole answer.

    Raises
    ------
    InvalidValue
        If there is no Y-90 tip or no liver, a tip lies on no branch, or names what is not there.
    """
    ground = prepare(case, settings, task.part(0.0, 0.6))
    dosing = _dosing(case, ground, plan, settings)
    parts = LiverParts.of(dosing) if settings.activity_image else None
    predicted = predicted_dose(dosing, task.part(0.6, 0.95 if parts is None else 0.75), parts)
    metrics, curves = volume_metrics(dosing, predicted)
    measured = None if parts is None else measured_dose(dosing, parts, task.part(0.75, 0.95))
    doses = [predicted]
    if measured is not None:
        metrics += delivered_metrics(dosing, measured, predicted)
        curves += [] if measured.dose is None else measured.dose.curves("dose_volume_delivered")
        doses.append(measured.dose)
    task.report(1.0, "Done")
    return Assessment(
        MODULE,
        VERSION,
        {
            "structures": structures_hash(case),
            "plan": plan_hash(plan),
            "vessels": trees_hash(case),
            **_image_inputs(case, measured),
        },
        settings_values(settings),
        (*_metrics(dosing), *metrics),
        heaviest_first([*_findings(dosing), *(() if measured is None else measured.findings)]),
        tuple(curves),
        fields=(dosing.perfusion.field, *(d.field for d in doses if d is not None)),
    )


def suggest(
    case: Case, plan: Plan, settings: Settings, goal: Mapping[str, Any], task: Task
) -> list[Suggestion]:
    """Plans whose tips feed lesions, the fewest first; `planning.suggested_tips` says what a goal takes."""
    ground = prepare(case, settings, task.part(0.0, 0.8))
    return tip_suggestions(plan, ground, _agent(plan), goal, task.part(0.8, 1.0))


def _agent(plan: Plan) -> AgentType:
    """The microspheres of the plan; glass where it names none."""
    return next((t.agent.type for t in plan.catheter_targets if t.agent.type.is_y90), AgentType.Y90_GLASS)


def _image_inputs(case: Case, measured: Measured | None) -> dict[str, str]:
    """The image of activity, its unit and how it lies, where it was used."""
    if measured is None or not measured.fingerprint:
        return {}
    unit = case.image(measured.image).unit
    words = f"{image_hash(case, measured.image)} {unit} {measured.fingerprint}"
    return {"activity": hashlib.sha256(words.encode()).hexdigest()}


def _dosing(case: Case, ground: PerfusionGround, plan: Plan, settings: Settings) -> Dosing:
    return Dosing(
        case, Perfusion(ground, targets_of(plan, "Y-90", AgentType.Y90_GLASS, AgentType.Y90_RESIN)), settings
    )


def _metrics(dosing: Dosing) -> list[Metric]:
    perfusion = dosing.perfusion
    return [
        *lesion_metrics(perfusion),
        *plan_metrics(perfusion),
        *tip_metrics(perfusion, dosing.case.vessel_trees),
        *count.activity_metrics(dosing),
        *count.dose_metrics(dosing),
        *vial_answer(dosing)[0],
    ]


def _findings(dosing: Dosing) -> list[Finding]:
    case = dosing.case
    found = target_findings(dosing.perfusion, case)
    found += say.locked_findings(dosing.locked)
    found += dosing.refused
    found += vial_answer(dosing)[1]
    if not dosing.locked and dosing.why_not:
        rule = say.OVERLAPPING if dosing.perfusion.overlaps_ml else say.UNKNOWN
        rule = say.MIXED if dosing.product is None else rule
        found.append(rule.finding(f"No dose: {dosing.why_not}.", PLAN))
    for prescription in dosing.prescriptions[:1]:
        found += [_of_plan(f) for f in prescription.findings]
        given = dosing.given_gbq
        asked = prescription.activity_gbq
        if given is not None and asked is not None and abs(given - asked) > 0.1 * asked:
            text = f"{given:.3g} GBq are given; {asked:.3g} GBq are prescribed."
            found.append(say.GIVEN_APART.finding(text, PLAN))
    if dosing.treatment is not None:
        text = f"Constants used: half-life {HALF_LIFE.value:g} h, mean energy {MEAN_ENERGY.value:g} MeV, {PHYSICS.title}."
        found.append(say.CONSTANTS.finding(text, PLAN))
    return found


def _of_plan(finding: Finding) -> Finding:
    return Finding(finding.rule, finding.severity, finding.text, PLAN, finding.where_lps_mm, finding.source)
