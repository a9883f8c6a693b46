"""Chemoembolization judged: what tips feed and in which order, what is spared, and who may be treated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from planner_plugins.chemoembolization.eligibility import eligibility_lines
from planner_plugins.chemoembolization.findings import MAY_IT_BE_DONE, burden_findings, sheet_findings
from planner_plugins.chemoembolization.numbers import burden_metrics, sheet_metrics
from planner_plugins.chemoembolization.settings import Settings
from planner_plugins.chemoembolization.sheet import TargetingSheet
from planner_plugins.chemoembolization.version import VERSION

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment, Finding, Metric, Preview, Severity
from planner.model.case import Case
from planner.model.catheter import AgentType, CatheterTarget
from planner.model.plan import Plan
from planner.model.suggestion import Suggestion
from planner.planning.catheter_facts import lesion_metrics, plan_metrics, target_findings, tip_metrics
from planner.planning.eligibility import refused_facts, statement
from planner.planning.liver_scores import TumorBurden
from planner.planning.patient_facts import CHEMOEMBOLIZATION_NUMBERS
from planner.planning.perfusion import Perfusion, PerfusionGround
from planner.planning.suggested_tips import tip_suggestions
from planner.planning.territories import INFLOW_ROLES
from planner.plugin.hashing import plan_hash, structures_hash, trees_hash
from planner.plugin.settings import settings_values

__all__ = ["Settings", "advise", "assess", "prepare", "preview", "suggest"]

MODULE, TITLE = "chemoembolization", "Chemoembolization"
_ORDER = (Severity.STOP, Severity.WARNING, Severity.INFO)


def prepare(case: Case, settings: Settings, task: Task) -> PerfusionGround:
    """The liver, how much tumour it has, and what each vessel feeds; seconds for a whole CT."""
    trees = [t for t in case.vessel_trees if t.role in INFLOW_ROLES and t.branches]
    TumorBurden.of(case.structures)
    return PerfusionGround.of(case.structures, trees, settings.rim_mm, settings.territories, task)


def preview(case: Case, prepared: PerfusionGround, plan: Plan, settings: Settings, focus: str) -> Preview:
    """All of `assess`."""
    sheet = _sheet(case, prepared, plan, settings)
    return Preview(tuple(_metrics(case, sheet, settings)), _ordered(_findings(case, sheet, settings)))


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
        _ordered(_findings(case, sheet, settings)),
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
    lesion = str(goal.get("lesion") or "")
    unknown = sorted(set(goal) - {"lesion"})
    if unknown:
        raise InvalidValue("A goal does not know this word.", ", ".join(unknown), "It takes lesion.")
    if lesion and lesion not in burden.sizes_mm:
        known = ", ".join(burden.sizes_mm) or "none"
        raise InvalidValue("There is no such lesion in the liver.", f"'{lesion}'", f"Choose of: {known}.")
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
    return TargetingSheet(Perfusion(ground, _targets(plan)), case.vessel_trees, settings.order)


def _targets(plan: Plan) -> tuple[CatheterTarget, ...]:
    targets = tuple(t for t in plan.catheter_targets if t.agent.type is AgentType.TACE)
    if not targets:
        raise InvalidValue(
            "The plan has no tip for chemoembolization.",
            f"plan '{plan.name}'",
            "Click a branch of an artery first.",
        )
    return targets


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
        *target_findings(sheet.perfusion, case.vessel_trees),
        *_eligibility(case, burden, settings),
        *burden_findings(burden),
        *sheet_findings(sheet),
    ]


def _eligibility(case: Case, burden: TumorBurden, settings: Settings) -> list[Finding]:
    facts, ids = dict(case.patient.facts), [f.id for f in CHEMOEMBOLIZATION_NUMBERS]
    checks = eligibility_lines(case.patient, burden, settings)
    return [*statement(TITLE, checks, MAY_IT_BE_DONE), *refused_facts(facts, ids)]


def _ordered(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda f: _ORDER.index(f.severity)))
