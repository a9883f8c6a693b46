"""Lines of a checklist: what is not told is never taken to hold, and what was refused is said."""

from __future__ import annotations

import pytest

from planner.model.assessment import Check, CheckState, Confidence, Severity, Source
from planner.planning.constants import Constant
from planner.planning.eligibility import (
    at_most_line,
    limit_of,
    refused_facts,
    statement,
    told_line,
    tumor_share_line,
)
from planner.planning.patient_facts import (
    CHEMOEMBOLIZATION_FACTS,
    CHEMOEMBOLIZATION_NUMBERS,
    CHOICE_FACTS,
    INFUSION_FACTS,
    INFUSION_NUMBERS,
    NUMBER_FACTS,
    PATIENT_FACTS,
    known_fact,
)

SOURCE = Source("somebody 1999", Confidence.ESTABLISHED)
THREE = Constant(3.0, "mg/dl", "somebody 1999", Confidence.ESTABLISHED)
YES, NO, OPEN = CheckState.FULFILLED, CheckState.NOT_FULFILLED, CheckState.UNKNOWN


def test_what_catheter_treatments_ask_stands_beside_what_electroporation_asks() -> None:
    ids = [f.id for f in (*CHOICE_FACTS, *NUMBER_FACTS)]
    assert len(set(ids)) == len(ids)
    for facts in (CHEMOEMBOLIZATION_FACTS, INFUSION_FACTS):
        assert {f.id for f in facts} <= {f.id for f in CHOICE_FACTS}
    for numbers in (CHEMOEMBOLIZATION_NUMBERS, INFUSION_NUMBERS):
        assert {f.id for f in numbers} <= {f.id for f in NUMBER_FACTS}
        assert len(numbers) == len({f.id for f in numbers})
    asked = {f.id for f in (*CHEMOEMBOLIZATION_FACTS, *INFUSION_FACTS)}
    assert asked & {f.id for f in PATIENT_FACTS} == {"resection_possible"}
    for fact in CHOICE_FACTS:
        for value, _ in fact.choices:
            assert known_fact({fact.id: value.upper()}, fact.id) == value


@pytest.mark.parametrize(
    ("told", "state", "words"),
    [
        ("no", YES, "ascites: no"),
        ("yes", NO, "ascites: yes; mind it"),
        ("unknown", OPEN, "ascites: not told"),
        (None, OPEN, "ascites: not told"),
        ("perhaps", OPEN, "does not take this value"),
    ],
)
def test_a_line_of_a_told_fact(told: str | None, state: CheckState, words: str) -> None:
    facts = {} if told is None else {"ascites": told}
    line = told_line(facts, "ascites", ("no",), "None", SOURCE, "mind it", absolute=True, rule="dry")
    assert (line.rule, line.state, line.is_absolute, line.source) == ("dry", state, True, SOURCE)
    assert words in line.text


@pytest.mark.parametrize(
    ("told", "state", "words"),
    [
        ("3", YES, "3 mg/dl"),
        ("3.1", NO, "3.1 mg/dl; wait"),
        ("", OPEN, "not told"),
        ("-1", OPEN, "no number"),
    ],
)
def test_a_line_of_a_measured_fact(told: str, state: CheckState, words: str) -> None:
    line = at_most_line({"bilirubin_mg_per_dl": told}, "bilirubin_mg_per_dl", THREE, "At most 3", "wait")
    assert line.state == state
    assert words in line.text


def test_the_share_of_tumour_and_limits_of_ones_own() -> None:
    half = Constant(50.0, "%", "somebody 1999", Confidence.ESTABLISHED)
    assert [tumor_share_line(x, half).state for x in (50.0, 50.1, None)] == [YES, NO, OPEN]
    assert limit_of(THREE, 3.0) is THREE
    own = limit_of(THREE, 2.0)
    assert (own.value, own.unit, own.source, own.label) == (
        2.0,
        "mg/dl",
        "entered by hand",
        "model assumption",
    )


def line(rule: str, state: CheckState, absolute: bool = False) -> Check:
    return Check(rule, rule, state, f"{rule}: not told" if state == OPEN else rule, is_absolute=absolute)


@pytest.mark.parametrize(
    ("checks", "severity", "words", "reasons"),
    [
        ((line("a", YES, True), line("b", YES)), Severity.INFO, "every condition", ()),
        ((line("a", YES, True), line("b", OPEN)), Severity.INFO, "not everything is known", ("Not known: b.",)),
        ((line("a", YES, True), line("b", NO)), Severity.WARNING, "not every condition", ("Against tace: b.",)),
        ((line("a", OPEN, True), line("b", YES)), Severity.WARNING, "cannot be decided yet. Unknown: a.", ()),
        (
            (line("a", OPEN, True), line("b", NO), line("c", OPEN)),
            Severity.WARNING,
            "cannot be decided",
            ("Against tace: b.", "Not known: c."),
        ),
        (
            (line("a", NO, True), line("b", OPEN, True), line("c", NO)),
            Severity.STOP,
            "must not be done: a",
            ("Against tace: c.", "Not known: b."),
        ),
    ],
)  # fmt: skip
def test_what_lines_come_to(
    checks: tuple[Check, ...], severity: Severity, words: str, reasons: tuple[str, ...]
) -> None:
    first, *rest = statement("Tace", checks, "may")
    assert (first.rule, first.severity) == ("may", severity)
    assert words in first.text
    assert tuple(f.text for f in rest) == reasons
    assert {f.rule for f in rest} <= {"may_reason"}


def test_nothing_is_said_to_hold_while_an_absolute_line_is_open() -> None:
    text = statement("Tace", (line("a", OPEN, True),), "may")[0].text
    assert "nothing" not in text
    assert "every" not in text


def test_refused_numbers_are_said() -> None:
    found = refused_facts(
        {"albumin_g_per_l": "3.6", "afp_ng_per_ml": "20"}, ["albumin_g_per_l", "afp_ng_per_ml"]
    )
    assert len(found) == 1
    assert "3.6" in found[0].text
