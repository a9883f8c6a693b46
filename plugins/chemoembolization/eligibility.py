"""Who may be treated by chemoembolization: stage, liver, portal vein and ducts, as they are told."""

from __future__ import annotations

from planner_plugins.chemoembolization.settings import BILIRUBIN, CHILD_PUGH, PRACTICE, TUMOR_SHARE, Settings

from planner.base.errors import InvalidValue
from planner.model.assessment import Check, CheckState
from planner.model.case import Patient
from planner.planning.eligibility import (
    HOLDS,
    NOT_TOLD,
    at_most_line,
    limit_of,
    told_line,
    tumor_share_line,
)
from planner.planning.liver_scores import TumorBurden
from planner.planning.patient_facts import known_fact, known_number
from planner.planning.y90_limits import Disease

#: Points of each Child-Pugh class.
CHILD_PUGH_POINTS = {"A": (5, 6), "B": (7, 9), "C": (10, 15)}


def eligibility_lines(patient: Patient, burden: TumorBurden, settings: Settings) -> tuple[Check, ...]:
    """The lines of the checklist; what bars the treatment is marked absolute."""
    facts = dict(patient.facts)
    stages = (_bclc(facts), _child_pugh(patient)) if settings.disease == Disease.HCC.value else ()
    bilirubin = limit_of(BILIRUBIN, settings.bilirubin_limit_mg_per_dl)
    return (
        told_line(
            facts, "portal_thrombosis", ("no", "branch"), "The main portal vein is open", PRACTICE,
            absolute=True, rule="main_portal_open",
        ),
        told_line(
            facts, "portal_flow", ("hepatopetal",), "Portal blood flows towards the liver", PRACTICE,
            absolute=True,
        ),
        told_line(
            facts, "portal_thrombosis", ("no",), "Branches of the portal vein are open", PRACTICE,
            "relative: treat selectively, if at all", rule="portal_branches_open",
        ),
        *stages,
        told_line(facts, "ecog", ("0",), "The patient is fully active (ECOG 0)", PRACTICE),
        at_most_line(facts, "bilirubin_mg_per_dl", bilirubin, f"Bilirubin is at most {bilirubin.value:g} mg/dl"),
        told_line(facts, "ascites", ("no",), "There is no ascites", PRACTICE, "a decompensated liver"),
        told_line(
            facts, "encephalopathy", ("no",), "There is no encephalopathy", PRACTICE, "a decompensated liver"
        ),
        told_line(facts, "extrahepatic_spread", ("no",), "There is no spread outside the liver", PRACTICE),
        told_line(
            facts, "biliary_anastomosis", ("no",), "The ducts drain through an untouched papilla", PRACTICE,
            "an abscess may follow",
        ),
        tumor_share_line(burden.share_percent, limit_of(TUMOR_SHARE, settings.tumor_share_limit_percent)),
    )  # fmt: skip


def _bclc(facts: dict[str, str]) -> Check:
    """Stage B; stage A where resection is no option."""
    title = "BCLC stage B, or A that cannot be resected"
    line = told_line(facts, "bclc_stage", ("a", "b"), title, PRACTICE)
    if line.state != CheckState.FULFILLED or known_fact(facts, "bclc_stage") == "b":
        return line
    other = told_line(facts, "resection_possible", ("no",), title, PRACTICE, rule="bclc_stage")
    return Check(other.rule, title, other.state, f"{line.text}; {other.text}", source=PRACTICE)


def _child_pugh(patient: Patient) -> Check:
    """Class A, or B of seven points; class and points must not contradict each other."""
    title, rule = "Child-Pugh A, or B of 7 points", "child_pugh"
    letter = patient.child_pugh
    try:
        points = known_number(dict(patient.facts), "child_pugh_points")
    except InvalidValue as error:
        return Check(rule, title, CheckState.UNKNOWN, f"{error.what} {error.thing}", source=CHILD_PUGH.cited)
    words = f"class {letter}" if letter else ""
    if points is not None:
        words = f"{words}, {points:g} points" if words else f"{points:g} points"
        low, high = CHILD_PUGH_POINTS.get(letter, (5, 15))
        if not points.is_integer() or not low <= points <= high:
            text = f"Child-Pugh: {words} cannot be"
            return Check(rule, title, CheckState.UNKNOWN, text, source=CHILD_PUGH.cited)
        holds: bool | None = points <= CHILD_PUGH.value
    else:
        holds = {"A": True, "C": False}.get(letter)
        words = f"{words}, points {NOT_TOLD}" if letter == "B" else words
    text = f"Child-Pugh: {words or NOT_TOLD}"
    return Check(rule, title, HOLDS[holds], text, source=CHILD_PUGH.cited)
