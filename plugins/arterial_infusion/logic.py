"""An infusion judged: what a catheter at the gastroduodenal artery perfuses, what it leaves out, what is tied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner_plugins.arterial_infusion.checklist import checklist_lines
from planner_plugins.arterial_infusion.findings import MAY_IT_BE_DONE, infusion_findings
from planner_plugins.arterial_infusion.ground import InfusionGround
from planner_plugins.arterial_infusion.infusion import Infusion
from planner_plugins.arterial_infusion.numbers import (
    artery_metrics,
    burden_metrics,
    perfusion_metrics,
    tip_metrics_of,
)
from planner_plugins.arterial_infusion.settings import Settings
from planner_plugins.arterial_infusion.version import VERSION

from planner.base.task import Task
from planner.model.assessment import Assessment, Finding, Metric, Preview, heaviest_first
from planner.model.case import Case
from planner.model.catheter import AgentType
from planner.model.plan import Plan
from planner.model.suggestion import Suggestion
from planner.planning.catheter_facts import lesion_metrics, plan_metrics, targets_of
from planner.planning.eligibility import check_goal, statement
from planner.planning.liver_scores import TumorBurden
from planner.planning.suggested_tips import tip_suggestions
from planner.plugin.hashing import plan_hash, structures_hash, trees_hash
from planner.plugin.settings import settings_values

__all__ = ["Settings", "advise", "assess", "prepare", "preview", "suggest"]

MODULE, TITLE = "arterial_infusion", "Infusion"


def prepare(case: Case, settings: Settings, task: Task) -> InfusionGround:
    """The liver, how much tumour it has, and what each vessel feeds; seconds for a whole CT."""
    TumorBurden.of(case.structures)
    found = InfusionGround.made(
        case.structures,
        case.vessel_trees,
        settings.rim_mm,
        settings.territories,
        settings.at_junction_mm,
        task,
    )
    # What each preview asks for is made once, here.
    _ = found.volumes_ml
    return found


def preview(case: Case, prepared: InfusionGround, plan: Plan, settings: Settings, focus: str) -> Preview:
    """All of `assess`."""
    infusion = Infusion(case, prepared, targets_of(plan, "an infusion", AgentType.INFUSION), settings)
    return Preview(tuple(_metrics(infusion)), heaviest_first(_findings(infusion)))


def assess(case: Case, plan: Plan, settings: Settings, task: Task) -> Assessment:
    """The whole answer.

    Raises
    ------
    InvalidValue
        If there is no such tip or no liver, a tip lies on no branch, perfuses nothing, or names what is not there.
    """
    targets = targets_of(plan, "an infusion", AgentType.INFUSION)
    infusion = Infusion(case, prepare(case, settings, task.part(0.0, 0.9)), targets, settings)
    task.report(1.0, "Done")
    return Assessment(
        MODULE,
        VERSION,
        {"structures": structures_hash(case), "plan": plan_hash(plan), "vessels": trees_hash(case)},
        settings_values(settings),
        tuple(_metrics(infusion)),
        heaviest_first(_findings(infusion)),
        fields=(infusion.perfusion.field,),
    )


def advise(case: Case, plan: Plan, settings: Settings, goal: Mapping[str, Any], task: Task) -> Assessment:
    """The perfusion checklist: it is of the whole liver, whatever lesion is asked about.

    Raises
    ------
    InvalidValue
        If the case has no structures, or the goal names something else than a lesion of the liver.
    """
    task.report(0.0, "How much tumour there is")
    burden = TumorBurden.of(case.structures)
    check_goal(goal, burden)
    checks = checklist_lines(case, burden, settings)
    task.report(1.0, "Done")
    return Assessment(
        MODULE,
        VERSION,
        {"structures": structures_hash(case), "vessels": trees_hash(case)},
        settings_values(settings),
        tuple(burden_metrics(burden, settings)),
        tuple(statement(TITLE, checks, MAY_IT_BE_DONE)),
        checks=checks,
    )


def suggest(
    case: Case, plan: Plan, settings: Settings, goal: Mapping[str, Any], task: Task
) -> list[Suggestion]:
    """Plans whose tips feed lesions, the fewest first; `planning.suggested_tips` says what a goal takes."""
    ground = prepare(case, settings, task.part(0.0, 0.8))
    return tip_suggestions(plan, ground, AgentType.INFUSION, goal, task.part(0.8, 1.0))


def _metrics(infusion: Infusion) -> list[Metric]:
    return [
        *lesion_metrics(infusion.perfusion),
        *plan_metrics(infusion.perfusion),
        *artery_metrics(infusion),
        *perfusion_metrics(infusion),
        *burden_metrics(TumorBurden.of(infusion.case.structures), infusion.settings),
        *tip_metrics_of(infusion),
    ]


def _findings(infusion: Infusion) -> list[Finding]:
    burden = TumorBurden.of(infusion.case.structures)
    checks = checklist_lines(infusion.case, burden, infusion.settings)
    return [*infusion_findings(infusion), *statement(TITLE, checks, MAY_IT_BE_DONE)]
