"""What entered tests of the liver's function say of a remnant."""

from __future__ import annotations

from planner_plugins.resection.numbers import PLAN, Shares
from planner_plugins.resection.settings import Settings

from planner.base.errors import InvalidValue
from planner.model.assessment import Finding, Severity, Source
from planner.model.case import Patient
from planner.planning.liver_volumes import LEAST_FUNCTION, LiverState, least_by_icg, share_of_measured
from planner.planning.patient_facts import FUNCTION_FACTS, known_number
from planner.planning.rules import Rule


def function_findings(patient: Patient, shares: Shares, settings: Settings) -> list[Finding]:
    """Of ICG retention and scintigraphy; what is not entered is unknown, and said to be.

    ICG retention is judged in cirrhosis, for which its limits were published.
    """
    facts, found, unknown = dict(patient.facts), [], []
    values: dict[str, float | None] = {}
    for fact in FUNCTION_FACTS:
        try:
            values[fact.id] = known_number(facts, fact.id)
        except InvalidValue as error:
            values[fact.id] = None
            found.append(_REFUSED.finding(f"{error.thing}: {error.what} {error.todo}", PLAN))
            continue
        if values[fact.id] is None:
            unknown.append(fact.title)
    if unknown:
        found.append(_UNKNOWN.finding(f"Not entered, so unknown: {', '.join(unknown)}.", PLAN))
    function = values["remnant_function_percent_per_min_per_m2"]
    if function is not None and function < LEAST_FUNCTION.value:
        text = (
            f"The future remnant takes up {function:g} %/min/m²; below {LEAST_FUNCTION.value:g} the liver "
            "failed more often. It was measured for the remnant that was then planned."
        )
        found.append(_FUNCTION.finding(text, PLAN))
    retention = values["icg_r15_percent"]
    if retention is not None:
        found += _by_icg(retention, shares, settings)
    return found


def _by_icg(retention: float, shares: Shares, settings: Settings) -> list[Finding]:
    if settings.liver_state != LiverState.CIRRHOTIC or shares.working_liver <= 0:
        text = (
            f"ICG retention of {retention:g} % is judged in a cirrhotic liver only: tell the liver's state."
        )
        return [_ICG_UNJUDGED.finding(text, PLAN)]
    least = least_by_icg(retention)
    share = share_of_measured(shares.working_remnant, shares.working_liver)
    if share >= least.value:
        return []
    text = (
        f"With an ICG retention of {retention:g} % {least.value:g} % of the measured liver should remain; "
        f"{share:.0f} % do."
    )
    return [Rule("remnant_below_icg", Severity.WARNING, least.cited).finding(text, PLAN)]


_UNKNOWN = Rule("function_unknown", Severity.INFO, Source("what is not entered is unknown"))
_REFUSED = Rule("function_not_plausible", Severity.WARNING, Source("what cannot be is not judged"))
_FUNCTION = Rule("remnant_function_low", Severity.WARNING, LEAST_FUNCTION.cited)
_ICG_UNJUDGED = Rule("icg_not_judged", Severity.INFO, Source("Kubota: limits for cirrhosis"))
