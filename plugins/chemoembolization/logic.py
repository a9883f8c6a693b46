"""Chemoembolization judged: what tips feed and in which order, what is spared, and who may be treated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner_plugins.chemoembolization.eligibility import eligibility_lines
from planner_plugins.chemoembolization.findings import MAY_IT_BE_DONE, burden_findings, sheet_findings
from planner_plugins.chemoembolization.numbers import burden_metrics, sheet_metrics
from planner_plugins.chemoembolization.settings import Settings
from planner_plugins.chemoembolization.sheet import TargetingSheet
from planner_plugins.chemoembolization.version import VERSION

from planner.base.task import Task
from planner.model.assessment import Assessment, Finding, Metric, Preview, heaviest_first
from planner.model.case import Case
from planner.model.catheter import AgentType
from planner.model.plan import Plan
from planner.model.suggestion import Suggestion
from planner.planning.catheter_facts import (
    lesion_metrics,
    plan_metrics,
    target_findings,
    targets_of,
    tip_metrics,
)
from planner.planning.eligibility import check_goal, refused_facts, statement
from planner.planning.liver_scores import TumorBurden
from planner.planning.patient_facts import CHEMOEMBOLIZATION_NUMBERS
from planner.planning.perfusion import Perfusion, PerfusionGround
from planner.planning.suggested_tips import tip_suggestions
from planner.plugin.hashing import plan_hash, structures_hash, trees_hash
from planner.plugin.settings import settings_values

__all__ = ["Settings", "advise", "assess", "prepare", "preview", "suggest"]

MODULE, TITLE = "chemoembolization", "Chemoembolization"


def prepare(case: Case, settings: Settings, task: Task) -> PerfusionGround:
    """The liver, how much tumour it has, and what each vessel feeds; seconds for a whole CT."""
    TumorBurden.of(case.structures)
    return PerfusionGround.of(case.structures, case.vessel_trees, settings.rim_mm, settings.territories, task)


def preview(case: Case, prepared: PerfusionGround, plan: Plan, settings: Settings, focus: str) -> Preview:
    """All of `assess`."""
    sheet = _sheet(case, prepared, plan, settings)
    return Preview(tuple(_metrics(case, sheet, settings)), heaviest_first(_findings(case, sheet, settings)))


def assess(case: Case, plan: Plan, settings: Settings, task: Task) -> Assessment:
    """The whole answer.

    Raises
    ------
    InvalidValue
        If there is no such tip or no liver, a tip lies on no branch, feeds nothing, or names what is not there.
    """
    sheet = _sheet(case, prepare(case, settings, task.part(0.0, 0.9)), plan, settings)
    task.report(1.0, "Done")
    return Assessment(
        MODULE,
        VERSION,
        {"structures": structures_hash(case), "plan": plan_hash(plan), "vessels": trees_hash(case)},
        settings_values(settings),
        tuple(_metrics(case, sheet, settings)),
        heaviest_first(_findings(case, sheet, settings)),
        fields=(sheet.perfusion.field,),
    )


def advise(case: Case, plan: Plan, settings: Settings, goal: Mapping[str, Any], task: Task) -> Assessment:
    """The checklist of the patient: it is of the whole liver, whatever lesion is asked about.

    Raises
    ------
    InvalidValue
        If the case has no structures, or the goal names something else than a lesion of the liver.
    """
    task.report(0.0, "How much tumour there is")
    burden = TumorBurden.of(case.structures)
    check_goal(goal, burden)
    task.report(1.0, "Done")
    return Assessment(
        MODULE,
        VERSION,
        {"structures": structures_hash(case)},
        settings_values(settings),
        tuple(burden_metrics(burden, dict(case.patient.facts), settings)),
        (*_eligibility(case, burden, settings), *burden_findings(burden)),
        checks=eligibility_lines(case.patient, burden, settings),
    )


def suggest(
    case: Case, plan: Plan, settings: Settings, goal: Mapping[str, Any], task: Task
) -> list[Suggestion]:
    """Plans whose tips feed lesions, the fewest first; `planning.suggested_tips` says what a goal takes."""
    ground = prepare(case, settings, task.part(0.0, 0.8))
    return tip_suggestions(plan, ground, AgentType.TACE, goal, task.part(0.8, 1.0))


def _sheet(case: Case, ground: PerfusionGround, plan: Plan, settings: Settings) -> TargetingSheet:
    return TargetingSheet(
        Perfusion(ground, targets_of(plan, "chemoembolization", AgentType.TACE)),
        case.vessel_trees,
        settings.order,
    )


def _metrics(case: Case, sheet: TargetingSheet, settings: Settings) -> list[Metric]:
    return [
        *lesion_metrics(sheet.perfusion),
        *plan_metrics(sheet.perfusion),
        *tip_metrics(sheet.perfusion, case.vessel_trees),
        *sheet_metrics(sheet),
        *burden_metrics(TumorBurden.of(case.structures), dict(case.patient.facts), settings),
    ]


def _findings(case: Case, sheet: TargetingSheet, settings: Settings) -> list[Finding]:
    burden = TumorBurden.of(case.structures)
    return [
        *target_findings(sheet.perfusion, case),
        *_eligibility(case, burden, settings),
        *burden_findings(burden),
        *sheet_findings(sheet),
    ]


def _eligibility(case: Case, burden: TumorBurden, settings: Settings) -> list[Finding]:
    facts, ids = dict(case.patient.facts), [f.id for f in CHEMOEMBOLIZATION_NUMBERS]
    checks = eligibility_lines(case.patient, burden, settings)
    return [*statement(TITLE, checks, MAY_IT_BE_DONE), *refused_facts(facts, ids)]
