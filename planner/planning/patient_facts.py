"""Facts about a patient that decide whether a treatment may be done: a catalogue; what is not told is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from planner.base.errors import InvalidValue

#: Values that say a fact is not known, beside its being absent.
UNKNOWN = ("", "unknown")

_YES_NO = (("no", "No"), ("yes", "Yes"))


@dataclass(frozen=True)
class PatientFact:
    """A question about a patient, with the answers it takes.

    Parameters
    ----------
    id
        Stable word in case files.
    title
        The question for people, as short as a label.
    choices
        Values with words for people; `UNKNOWN` is always possible beside them.
    help
        What is meant, where the title leaves it open.
    """

    id: str
    title: str
    choices: tuple[tuple[str, str], ...] = _YES_NO
    help: str = ""

    def words(self, value: str) -> str:
        """A value for people; raises `InvalidValue` where the fact does not take it."""
        for known, words in self.choices:
            if known == value:
                return words
        raise InvalidValue(
            "This fact about the patient does not take this value.",
            f"{self.id} = '{value}'",
            f"Choose one of: {', '.join(v for v, _ in self.choices)}, unknown.",
        )


#: In the order they are asked.
PATIENT_FACTS: tuple[PatientFact, ...] = (
    PatientFact("ventricular_arrhythmia", "Ventricular arrhythmia", help="now or in the history"),
    PatientFact("cardiac_stimulator", "Pacemaker or defibrillator"),
    PatientFact(
        "nyha_class",
        "Heart failure",
        (("0", "None"), ("1", "NYHA I"), ("2", "NYHA II"), ("3", "NYHA III"), ("4", "NYHA IV")),
    ),
    PatientFact("ecg_recorded", "12-lead ECG recorded and read"),
    PatientFact("atrial_fibrillation", "Atrial fibrillation"),
    PatientFact("epilepsy", "Epilepsy"),
    PatientFact("general_anaesthesia_possible", "General anaesthesia with deep relaxation possible"),
    PatientFact(
        "metal_near_zone",
        "Metal stents or clips",
        (
            ("no", "None near the lesion"),
            ("outside", "Near, outside the zone"),
            ("inside", "Within the zone"),
        ),
        "the zone is the lesion with its margin",
    ),
    PatientFact("resection_possible", "Could be resected"),
)


def patient_fact(id: str) -> PatientFact:
    """The fact of an id; raises `InvalidValue` where there is none."""
    for fact in PATIENT_FACTS:
        if fact.id == id:
            return fact
    raise InvalidValue(
        "There is no such fact about a patient.", id, f"Known are: {', '.join(f.id for f in PATIENT_FACTS)}."
    )


def known_fact(facts: Mapping[str, str], id: str) -> str | None:
    """What is known of a fact, or None; facts of other treatments stand beside it untouched.

    Raises
    ------
    InvalidValue
        If there is no such fact, or it does not take the value.
    """
    fact = patient_fact(id)
    value = str(facts.get(id, "")).strip().lower()
    if value in UNKNOWN:
        return None
    fact.words(value)
    return value
