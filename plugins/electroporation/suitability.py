"""Heat or electroporation, and may it be done: a checklist of what is measured and what is told.

What is unknown stays unknown: while an absolute contraindication is, nobody is told to go ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.suitability_distances import (
    LesionDistances,
    Measured,
    measured_distances,
)
from planner_plugins.electroporation.suitability_lines import anatomy_lines, heat_lines, patient_lines
from planner_plugins.electroporation.version import VERSION

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import (
    Assessment,
    Check,
    CheckState,
    Confidence,
    Finding,
    Metric,
    Severity,
    Source,
)
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.planning.lesion_grounds import LesionGrounds, lesion_grounds
from planner.planning.patient_facts import PATIENT_FACTS
from planner.planning.rules import NOT_CHECKED
from planner.plugin.hashing import structures_hash
from planner.plugin.settings import settings_values

RULE = "ire_suitability"
#: Lines that ask for care where they do not hold, and speak against nothing, begin with this.
CARE = "rim_"
_SOURCE = Source("Delphi for liver: Ruarus 2020, J Vasc Interv Radiol; our wording", Confidence.OUR_RULE)


class Verdict(StrEnum):
    """What the checklist comes to."""

    MUST_NOT = "must not be done"
    OPEN = "cannot be decided"
    AGAINST = "speaks against it"
    HEAT_FIRST = "heat comes first"
    SUITABLE = "suitable"


@dataclass(frozen=True)
class Suitability:
    """Whether electroporation of a lesion may be done, and whether heat would do.

    Parameters
    ----------
    lesion
        Which.
    verdict, statement
        What all lines come to, as a word and as a sentence.
    reasons
        Why, in sentences.
    checks
        The lines: why not heat, what is near, the patient.
    distances
        What was measured.
    unchecked
        What is not segmented, in words.
    """

    lesion: str
    verdict: Verdict
    statement: str
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    distances: LesionDistances
    unchecked: tuple[str, ...] = ()


def suitability(
    grounds: LesionGrounds, lesion: str, facts: Mapping[str, str], settings: Settings
) -> Suitability:
    """The checklist of a lesion.

    Parameters
    ----------
    grounds
        The case, with the lesion prepared.
    lesion
        Its name.
    facts
        What is known of the patient, by id of `PATIENT_FACTS`; what is not there is unknown.
    settings
        Margin and clearances.

    Raises
    ------
    InvalidValue
        If the lesion is not prepared, or a fact has a value it does not take.
    """
    if lesion not in grounds.lesions:
        raise InvalidValue(
            "There is no such lesion.", lesion, f"Choose one of: {', '.join(grounds.lesions)}."
        )
    distances = measured_distances(grounds.anatomy, lesion, grounds.lesions[lesion])
    heat = heat_lines(distances, settings)
    checks = (*heat, *anatomy_lines(distances, settings), *patient_lines(distances, facts, settings))
    verdict, statement, reasons = _verdict(lesion, checks, heat)
    return Suitability(lesion, verdict, statement, reasons, checks, distances, grounds.anatomy.missing())


def _verdict(
    lesion: str, checks: tuple[Check, ...], heat: tuple[Check, ...]
) -> tuple[Verdict, str, tuple[str, ...]]:
    """Absolute contraindications first; then whether they are known; then what speaks for and against."""
    absolute = [c for c in checks if c.is_absolute]
    forbidden = [c for c in absolute if c.state == CheckState.NOT_FULFILLED]
    if forbidden:
        return (
            Verdict.MUST_NOT,
            f"Electroporation of {lesion} must not be done: {_listed(c.text for c in forbidden)}.",
            _for_heat(heat),
        )
    unknown = [c for c in absolute if c.state == CheckState.UNKNOWN]
    if unknown:
        return (
            Verdict.OPEN,
            f"Electroporation of {lesion} cannot be decided yet. Unknown: {_listed(_short(c) for c in unknown)}.",
            (*_against(checks, heat), *_for_heat(heat), *_care(checks)),
        )
    against = _against(checks, heat)
    told = {f.id for f in PATIENT_FACTS}
    untold = [c for c in checks if c.state == CheckState.UNKNOWN and c.rule in told]
    rest = (f"Not told: {_listed(_short(c) for c in untold)}.",) if untold else ()
    if against:
        return (
            Verdict.AGAINST,
            f"No absolute contraindication is known, but not every rule for {lesion} holds.",
            (*against, *_for_heat(heat), *_care(checks), *rest),
        )
    if any(c.state == CheckState.FULFILLED for c in heat):
        return (
            Verdict.SUITABLE,
            f"{lesion} is suitable for electroporation by the rules below, and heat may fall short.",
            (*_for_heat(heat), *_care(checks), *rest),
        )
    if any(c.state == CheckState.UNKNOWN for c in heat):
        return (
            Verdict.OPEN,
            f"Heat or electroporation for {lesion} cannot be decided: what heat would endanger is not segmented.",
            (*_for_heat(heat), *rest),
        )
    return (
        Verdict.HEAT_FIRST,
        f"Nothing measured speaks against heat at {lesion}: thermal ablation or resection comes first.",
        rest,
    )


def _against(checks: tuple[Check, ...], heat: tuple[Check, ...]) -> tuple[str, ...]:
    return tuple(
        f"Against: {c.text}."
        for c in checks
        if c.state == CheckState.NOT_FULFILLED
        and not c.is_absolute
        and c not in heat
        and not c.rule.startswith(CARE)
    )


def _care(checks: tuple[Check, ...]) -> tuple[str, ...]:
    return tuple(
        f"Take care: {c.text}."
        for c in checks
        if c.state == CheckState.NOT_FULFILLED and c.rule.startswith(CARE)
    )


def _for_heat(heat: tuple[Check, ...]) -> tuple[str, ...]:
    found = tuple(f"Heat: {c.text}." for c in heat if c.state == CheckState.FULFILLED)
    if found:
        return found
    unknown = [c for c in heat if c.state == CheckState.UNKNOWN]
    if unknown:
        return (f"Whether heat would do is not known: {_listed(_short(c) for c in unknown)}.",)
    return ("Heat: nothing measured speaks against it.",)


def _short(check: Check) -> str:
    return check.text.split(":")[0].split(";")[0].strip()


def _listed(words: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(words))


def suitability_metrics(found: Suitability) -> list[Metric]:
    """What was measured, each with its place."""
    method = "sub-voxel lesion outline to voxel faces"
    metrics = [
        Metric(
            "lesion_largest_diameter_mm", found.distances.diameter_mm, "mm", found.lesion,
            "largest distance of two points of the outline", where_lps_mm=found.distances.middle_lps_mm,
        )
    ]  # fmt: skip
    for name, (title, measured) in found.distances.by_metric().items():
        metrics.append(_distance(name, title, measured, found.lesion, method))
    return metrics


def _distance(name: str, title: str, measured: Measured | None, lesion: str, method: str) -> Metric:
    if measured is None:
        return Metric(name, None, "mm", lesion, method, note=f"{title}: not segmented")
    return Metric(
        name, measured.distance_mm, "mm", lesion, method, note=measured.structure,
        where_lps_mm=measured.place_lps_mm,
    )  # fmt: skip


def suitability_findings(found: Suitability) -> list[Finding]:
    """What was not checked, the statement, and its reasons."""
    severity = {
        Verdict.MUST_NOT: Severity.STOP,
        Verdict.SUITABLE: Severity.INFO,
        Verdict.HEAT_FIRST: Severity.INFO,
    }.get(found.verdict, Severity.WARNING)
    findings = []
    if found.unchecked:
        text = f"Not checked: {', '.join(found.unchecked)} (not segmented)."
        findings.append(NOT_CHECKED.finding(text))
    findings.append(Finding(RULE, severity, found.statement, found.lesion, source=_SOURCE))
    findings += [
        Finding(f"{RULE}_reason", Severity.INFO, r, found.lesion, source=_SOURCE) for r in found.reasons
    ]
    return findings


def advise(case: Case, plan: Plan, settings: Settings, goal: Mapping[str, Any], task: Task) -> Assessment:
    """The checklist of one lesion as an answer: the goal's ``lesion``, the plan's, or the case's only one.

    Raises
    ------
    InvalidValue
        If it is not clear which lesion is meant, there is none, or a fact has a value it does not take.
    """
    unknown = sorted(set(goal) - {"lesion"})
    if unknown:
        raise InvalidValue("A goal does not know this word.", ", ".join(unknown), "It takes lesion.")
    name = _chosen_lesion(case, plan, str(goal.get("lesion") or ""))
    key = structures_hash(case)
    grounds = lesion_grounds(case.structures, key, task.part(0.0, 0.8), (name,))
    task.report(0.8, f"Distances of {name}")
    found = suitability(grounds, name, dict(case.patient.facts), settings)
    task.report(1.0, "Done")
    return Assessment(
        "electroporation",
        VERSION,
        {"structures": key},
        settings_values(settings),
        tuple(suitability_metrics(found)),
        tuple(suitability_findings(found)),
        checks=found.checks,
    )


def _chosen_lesion(case: Case, plan: Plan, name: str) -> str:
    lesions = [s.name for s in case.structures.with_role(Role.LESION)]
    planned = [i.lesion for i in plan.instruments if i.lesion in lesions]
    chosen = name or next(iter(planned), "") or (lesions[0] if len(lesions) == 1 else "")
    if chosen not in lesions:
        known = ", ".join(lesions) or "none there"
        raise InvalidValue(
            "There is no such lesion." if chosen else "Which lesion?",
            chosen or case.title,
            f"Choose one of: {known}.",
        )
    return chosen
