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
VIAL = _rule("vial_does_not_fit", Severity.WARNING, "times and activity of the vial as entered")
CONSTANTS = _rule("constants_used", Severity.INFO, "constants of the reference sheet, each with its source")
GIVEN_APART = _rule(
    "given_differs_from_prescribed", Severity.WARNING, "what is given should be what is prescribed"
)
NOT_MEASURED = _rule(
    "activity_image_not_used",
    Severity.WARNING,
    "what an image of activity does not say is asked, never guessed",
)
UNIT_ASKED = _rule(
    "activity_unit_asked", Severity.WARNING, "totals that differ by a factor near 1000 differ in their unit"
)
TOTAL_APART = _rule(
    "measured_differs_from_given", Severity.WARNING, "the liver should hold what was given, within 20 %"
)
TOTAL_UNCHECKED = _rule("measured_not_checked", Severity.INFO, "what is not entered is unknown")
PLACE_ASSUMED = _rule("activity_place_assumed", Severity.WARNING, "a place nobody states is not known")
PLACE_UNPROVED = _rule(
    "activity_place_unproved", Severity.WARNING, "how well a registration fits is measured, or not known"
)
KIND_ASSUMED = _rule("activity_kind_assumed", Severity.WARNING, "activity is shown by SPECT and PET")
IMAGE_CUT = _rule("activity_image_cuts_liver", Severity.WARNING, "activity beyond an image is not seen")
OTHER_NUCLIDE = _rule("activity_other_nuclide", Severity.WARNING, "another tracer predicts, it shows no Y-90")
BLURRED = _rule("activity_blurred", Severity.INFO, "SPECT and PET blur over 5 to 15 mm")


def locked_findings(reasons: Sequence[str]) -> list[Finding]:
    """Why there is no dose."""
    return [
        LOCKED.finding(f"Dose and treatment sheet are locked. {why[:1].upper()}{why[1:]}.", PLAN)
        for why in reasons
    ]
