"""Facts about a patient: a catalogue; what is not told is unknown."""

from __future__ import annotations

import pytest

from planner.base.errors import InvalidValue
from planner.planning.patient_facts import NUMBER_FACTS, PATIENT_FACTS, known_fact, known_number, patient_fact


def test_each_fact_is_asked_once_and_has_choices() -> None:
    ids = [f.id for f in PATIENT_FACTS]
    assert len(set(ids)) == len(ids)
    for fact in PATIENT_FACTS:
        values = [v for v, _ in fact.choices]
        assert len(values) >= 2
        assert len(set(values)) == len(values)
        assert "" not in values
        assert all(fact.words(v) for v in values)


@pytest.mark.parametrize("value", ["", "unknown", "Unknown ", None])
def test_what_is_not_told_is_unknown(value: str | None) -> None:
    facts = {} if value is None else {"epilepsy": value}
    assert known_fact(facts, "epilepsy") is None


def test_known_facts_and_facts_of_other_treatments() -> None:
    assert known_fact({"epilepsy": "Yes", "of_another": "x"}, "epilepsy") == "yes"
    assert known_fact({"nyha_class": "3"}, "nyha_class") == "3"


def test_guards() -> None:
    with pytest.raises(InvalidValue, match="no such fact"):
        patient_fact("shoe_size")
    with pytest.raises(InvalidValue, match="does not take this value"):
        known_fact({"nyha_class": "5"}, "nyha_class")


def test_measured_facts() -> None:
    assert len({f.id for f in (*NUMBER_FACTS, *PATIENT_FACTS)}) == len(NUMBER_FACTS) + len(PATIENT_FACTS)
    assert known_number({}, "icg_r15_percent") is None
    assert known_number({"icg_r15_percent": " unknown"}, "icg_r15_percent") is None
    assert known_number({"icg_r15_percent": "12,5"}, "icg_r15_percent") == 12.5
    for told in ("-1", "101", "much", "nan"):
        with pytest.raises(InvalidValue, match="no number that can be"):
            known_number({"icg_r15_percent": told}, "icg_r15_percent")
    with pytest.raises(InvalidValue, match="no such measured fact"):
        known_number({}, "shoe_size")
