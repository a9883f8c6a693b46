"""Lines of a checklist made of what is told of a patient, and what they come to; what is not told is never assumed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from planner.base.errors import InvalidValue
from planner.model.assessment import Check, CheckState, Confidence, Finding, Severity, Source
from planner.planning.constants import Constant
from planner.planning.liver_scores import TumorBurden
from planner.planning.patient_facts import NUMBER_FACTS, known_fact, known_number, patient_fact
from planner.planning.rules import Rule

HOLDS = {True: CheckState.FULFILLED, False: CheckState.NOT_FULFILLED, None: CheckState.UNKNOWN}
NOT_TOLD = "not told"
_OURS = Source("conditions of the checklist, each with its source", Confidence.OUR_RULE)
REFUSED = Rule(
    "fact_refused",
    Severity.WARNING,
    Source("what was entered and cannot be is said", Confidence.OUR_RULE),
)


def limit_of(published: Constant, value: float) -> Constant:
    """A published limit, or the one somebody set in its stead."""
    if value == published.value:
        return published
    return Constant(value, published.unit, "entered by hand", Confidence.OUR_RULE)


def check_goal(goal: Mapping[str, Any], burden: TumorBurden) -> None:
    """See that a checklist is asked for of a lesion that is there, or of none; it is of the whole liver anyway.

    Raises
    ------
    InvalidValue
        If the goal says anything else.
    """
    unknown = sorted(set(goal) - {"lesion"})
    if unknown:
        raise InvalidValue("A goal does not know this word.", ", ".join(unknown), "It takes lesion.")
    lesion = str(goal.get("lesion") or "")
    if lesion and lesion not in burden.sizes_mm:
        known = ", ".join(burden.sizes_mm) or "none"
        raise InvalidValue("There is no such lesion in the liver.", f"'{lesion}'", f"Choose of: {known}.")


def told_line(
    facts: Mapping[str, str],
    id: str,
    wanted: Collection[str],
    title: str,
    source: Source,
    todo: str = "",
    *,
    absolute: bool = False,
    rule: str = "",
) -> Check:
    """Whether a fact about the patient has one of the wanted values.

    Parameters
    ----------
    todo
        What is said besides where it has another one.
    rule
        Id of the line; the fact's own where empty.
    """
    name = _lower(patient_fact(id).title)
    try:
        value = known_fact(facts, id)
    except InvalidValue as error:
        text = f"{error.what} {error.thing}"
        return Check(rule or id, title, CheckState.UNKNOWN, text, source=source, is_absolute=absolute)
    if value is None:
        text = f"{name}: {NOT_TOLD}"
        return Check(rule or id, title, CheckState.UNKNOWN, text, source=source, is_absolute=absolute)
    holds = value in wanted
    text = f"{name}: {_lower(patient_fact(id).words(value))}"
    if not holds and todo:
        text += f"; {todo}"
    return Check(rule or id, title, HOLDS[holds], text, source=source, is_absolute=absolute)


def at_most_line(facts: Mapping[str, str], id: str, most: Constant, title: str, todo: str = "") -> Check:
    """Whether a measured fact is at most as high as a limit."""
    fact = next(f for f in NUMBER_FACTS if f.id == id)
    name = _lower(fact.title)
    try:
        value = known_number(facts, id)
    except InvalidValue as error:
        return Check(id, title, CheckState.UNKNOWN, f"{error.what} {error.thing}", source=most.cited)
    if value is None:
        return Check(id, title, CheckState.UNKNOWN, f"{name}: {NOT_TOLD}", source=most.cited)
    holds = value <= most.value
    text = f"{name} {value:g} {fact.unit}".rstrip()
    if not holds and todo:
        text += f"; {todo}"
    return Check(id, title, HOLDS[holds], text, source=most.cited)


def tumor_share_line(share_percent: float | None, most: Constant) -> Check:
    """Whether tumours take less of the liver than a limit."""
    title = f"Tumours take at most {most.value:g} % of the liver"
    if share_percent is None:
        text = "no liver is outlined"
        return Check("tumor_share", title, CheckState.UNKNOWN, text, source=most.cited)
    text = f"{share_percent:.1f} % of the liver is tumour, by the outlines"
    return Check("tumor_share", title, HOLDS[share_percent <= most.value], text, source=most.cited)


def statement(treatment: str, checks: Sequence[Check], rule: str) -> list[Finding]:
    """What all lines come to, and why: absolute contraindications first, then whether they are known.

    Parameters
    ----------
    treatment
        With a capital, as a sentence begins.
    rule
        Id of the statement; its reasons have ``_reason`` behind it.
    """
    failing = [c for c in checks if c.state == CheckState.NOT_FULFILLED]
    unknown = [c for c in checks if c.state == CheckState.UNKNOWN]
    barred = [c.text for c in failing if c.is_absolute]
    open_ones = [c for c in unknown if c.is_absolute]
    if barred:
        found = [
            Finding(rule, Severity.STOP, f"{treatment} must not be done: {'; '.join(barred)}.", source=_OURS)
        ]
    elif open_ones:
        text = f"{treatment} cannot be decided yet. Unknown: {_listed(open_ones)}."
        found = [Finding(rule, Severity.WARNING, text, source=_OURS)]
    elif failing:
        text = f"{treatment}: no absolute contraindication is known, but not every condition holds."
        found = [Finding(rule, Severity.WARNING, text, source=_OURS)]
    elif unknown:
        text = f"{treatment}: nothing told or measured speaks against it, but not everything is known."
        found = [Finding(rule, Severity.INFO, text, source=_OURS)]
    else:
        text = f"{treatment}: every condition of the checklist holds."
        found = [Finding(rule, Severity.INFO, text, source=_OURS)]
    reason = f"{rule}_reason"
    for check in failing:
        if not check.is_absolute:
            text = f"Against {_lower(treatment)}: {check.text}."
            found.append(
                Finding(reason, Severity.WARNING, text, check.subject, check.where_lps_mm, check.source)
            )
    rest = [c for c in unknown if c not in open_ones or barred]
    if rest:
        found.append(Finding(reason, Severity.INFO, f"Not known: {_listed(rest)}.", source=_OURS))
    return found


def refused_facts(facts: Mapping[str, str], ids: Collection[str]) -> list[Finding]:
    """Measured facts that were entered and cannot be."""
    found = []
    for id in ids:
        try:
            known_number(facts, id)
        except InvalidValue as error:
            found.append(REFUSED.finding(f"{error.thing}: {error.what} {error.todo}"))
    return found


def _listed(checks: Sequence[Check]) -> str:
    return "; ".join(dict.fromkeys(c.text.removesuffix(f": {NOT_TOLD}") for c in checks))


def _lower(words: str) -> str:
    return words if words[:2].isupper() or words[:1].isdigit() else words[:1].lower() + words[1:]
