"""What a person must know of a treatment with microspheres, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.planning.catheter_facts import PLAN
from planner.planning.rules import Rule


def _rule(id: str, severity: Severity, text: str, confidence: Confidence = Confidence.OUR_RULE) -> Rule:
    return Rule(id, severity, Source(text, confidence))


LOCKED = _rule(
    "dose_locked", Severity.WARNING, "a dose needs what was seen perfused, or arteries a person confirmed"
)
UNKNOWN = _rule("dose_unknown", Severity.WARNING, "what is not entered is unknown")
MIXED = _rule("two_products", Severity.WARNING, "each product is prescribed by its own rules")
OVERLAPPING = _rule("tips_overlap_dose", Severity.WARNING, "territories of a prescription do not overlap")
REFUSED = _rule("fact_refused", Severity.WARNING, "what was entered and cannot be is said")
CONSTANTS = _rule("constants_used", Severity.INFO, "constants of the reference sheet, each with its source")
GIVEN_APART = _rule(
    "given_differs_from_prescribed", Severity.WARNING, "what is given should be what is prescribed"
)


def locked_findings(reasons: Sequence[str]) -> list[Finding]:
    """Why there is no dose."""
    return [
        LOCKED.finding(f"Dose and treatment sheet are locked. {why[:1].upper()}{why[1:]}.", PLAN)
        for why in reasons
    ]
