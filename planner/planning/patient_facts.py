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


@dataclass(frozen=True)
class NumberFact:
    """A measured fact about a patient, entered as a number.

    Parameters
    ----------
    id
        Stable word in case files, with the unit.
    title
        What is asked, as short as a label.
    unit
        As shown.
    low, high
        What is plausible.
    help
        What is meant.
    """

    id: str
    title: str
    unit: str
    low: float
    high: float
    help: str = ""


#: Tests of the liver's function, for resection.
FUNCTION_FACTS: tuple[NumberFact, ...] = (
    NumberFact(
        "icg_r15_percent",
        "ICG retention at 15 min",
        "%",
        0.0,
        100.0,
        "indocyanine green still in the blood a quarter of an hour after it was given",
    ),
    NumberFact(
        "remnant_function_percent_per_min_per_m2",
        "Function of the future remnant",
        "%/min/m²",
        0.0,
        25.0,
        "uptake of mebrofenin by what will remain, by body surface, from hepatobiliary scintigraphy",
    ),
)


#: What a treatment with Y-90 microspheres needs.
Y90_FACTS: tuple[NumberFact, ...] = (
    NumberFact(
        "lung_shunt_percent",
        "Lung shunt",
        "%",
        0.0,
        99.0,
        "share of the activity that passes to the lungs, from the scan after the test injection",
    ),
    NumberFact(
        "tumor_to_normal_ratio",
        "Tumour to normal",
        "",
        0.1,
        100.0,
        "counts per ml in tumour over counts per ml in normal liver: a ratio of concentrations",
    ),
    NumberFact("bilirubin_mg_per_dl", "Bilirubin", "mg/dl", 0.0, 50.0, "in serum; 1 mg/dl is 17.1 µmol/l"),
    NumberFact("earlier_lung_gy", "Lungs, before", "Gy", 0.0, 100.0, "of all treatments before"),
    NumberFact(
        "earlier_whole_normal_gy",
        "Normal liver, before",
        "Gy",
        0.0,
        300.0,
        "mean of all of it, treatments before",
    ),
    NumberFact(
        "earlier_perfused_normal_gy",
        "Perfused, before",
        "Gy",
        0.0,
        500.0,
        "mean of the normal liver that is perfused now, treatments before",
    ),
)
#: What is told of liver, vessels and ducts, for treatments by catheter.
LIVER_FACTS: tuple[PatientFact, ...] = (
    PatientFact(
        "bclc_stage",
        "BCLC stage",
        (
            ("0", "0, very early"),
            ("a", "A, early"),
            ("b", "B, intermediate"),
            ("c", "C, advanced"),
            ("d", "D, terminal"),
        ),
        "of hepatocellular carcinoma, Barcelona 2022",
    ),
    PatientFact(
        "ecog",
        "Performance status",
        tuple((str(n), f"ECOG {n}") for n in range(5)),
        "0 is fully active, 4 is confined to bed",
    ),
    PatientFact("ascites", "Ascites"),
    PatientFact("encephalopathy", "Encephalopathy", help="hepatic, now or held down by drugs"),
    PatientFact(
        "portal_thrombosis",
        "Portal vein thrombosis",
        (("no", "None"), ("branch", "Of a branch"), ("main", "Of the main portal vein")),
        "by tumour or clot",
    ),
    PatientFact(
        "portal_flow",
        "Portal flow",
        (("hepatopetal", "Towards the liver"), ("hepatofugal", "Away from the liver")),
        "by ultrasound or angiography",
    ),
    PatientFact("extrahepatic_spread", "Spread outside the liver"),
    PatientFact(
        "biliary_anastomosis",
        "Biliary-enteric anastomosis or stent",
        help="bacteria in the ducts: abscess after embolization",
    ),
)

#: Tests beside bilirubin, which the facts of Y-90 ask for.
LIVER_NUMBERS: tuple[NumberFact, ...] = (
    NumberFact("child_pugh_points", "Child-Pugh", "points", 5.0, 15.0, "5-6 is class A, 7-9 B, 10-15 C"),
    NumberFact("albumin_g_per_l", "Albumin", "g/l", 10.0, 70.0, "in serum; 1 g/dl is 10 g/l"),
    NumberFact("afp_ng_per_ml", "Alpha-fetoprotein", "ng/ml", 0.0, 1e7, "in serum"),
)

#: What an infusion into the hepatic artery asks for besides.
PUMP_FACTS: tuple[PatientFact, ...] = (
    PatientFact("arteries_read_on_ct", "CT angiography read", help="of the arteries, before the operation"),
    PatientFact(
        "pump_perfusion",
        "Perfusion after operation",
        (
            ("both", "Both lobes, the liver alone"),
            ("part", "A part of the liver only"),
            ("outside", "Outside the liver too"),
        ),
        "MAA SPECT/CT through the pump",
    ),
)
NUMBER_FACTS = (*FUNCTION_FACTS, *Y90_FACTS, *LIVER_NUMBERS)
#: All questions with a choice of answers; those of electroporation are `PATIENT_FACTS`.
#: What a treatment with Y-90 microspheres asks beside its numbers.
Y90_CHOICES: tuple[PatientFact, ...] = (
    PatientFact("liver_impaired", "Liver impaired", help="cirrhosis, earlier treatment or poor function"),
)
CHOICE_FACTS = (*PATIENT_FACTS, *LIVER_FACTS, *PUMP_FACTS, *Y90_CHOICES)


def _chosen(*ids: str) -> tuple[PatientFact, ...]:
    return tuple(f for id in ids for f in CHOICE_FACTS if f.id == id)


def _chosen_numbers(*ids: str) -> tuple[NumberFact, ...]:
    return tuple(f for id in ids for f in NUMBER_FACTS if f.id == id)


#: What chemoembolization asks, in order: choices, then numbers.
CHEMOEMBOLIZATION_FACTS = (*LIVER_FACTS, *_chosen("resection_possible"))
CHEMOEMBOLIZATION_NUMBERS = _chosen_numbers(
    "bilirubin_mg_per_dl", "child_pugh_points", "albumin_g_per_l", "afp_ng_per_ml"
)
#: What an infusion asks, in order: choices, then numbers.
INFUSION_FACTS = (*_chosen("portal_thrombosis", "extrahepatic_spread"), *PUMP_FACTS)
INFUSION_NUMBERS = _chosen_numbers("bilirubin_mg_per_dl")


def known_number(facts: Mapping[str, str], id: str) -> float | None:
    """What is known of a measured fact, or None.

    Raises
    ------
    InvalidValue
        If there is no such fact, or what was entered is no number or not plausible.
    """
    fact = next((f for f in NUMBER_FACTS if f.id == id), None)
    if fact is None:
        known = ", ".join(f.id for f in NUMBER_FACTS)
        raise InvalidValue("There is no such measured fact about a patient.", id, f"Known are: {known}.")
    told = str(facts.get(id, "")).strip().lower()
    if told in UNKNOWN:
        return None
    try:
        value = float(told.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not fact.low <= value <= fact.high:
        raise InvalidValue(
            "This measured fact about the patient is no number that can be.",
            f"{fact.title}: '{told}'",
            f"Enter {fact.low:g} to {fact.high:g} {fact.unit}, or leave it empty.",
        )
    return value


def patient_fact(id: str) -> PatientFact:
    """The fact of an id; raises `InvalidValue` where there is none."""
    for fact in CHOICE_FACTS:
        if fact.id == id:
            return fact
    raise InvalidValue(
        "There is no such fact about a patient.", id, f"Known are: {', '.join(f.id for f in CHOICE_FACTS)}."
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
