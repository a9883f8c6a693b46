"""The lines of the checklist: what speaks against heat, what lies near, what is known of the patient."""

from __future__ import annotations

from collections.abc import Mapping

from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.suitability_distances import CENTRAL_BRANCH, LesionDistances, Measured

from planner.model.assessment import Check, CheckState, Confidence, Source
from planner.planning.anatomy import THICK_VESSEL_MM
from planner.planning.constants import Constant
from planner.planning.patient_facts import known_fact, patient_fact

_READ, _K, _U, _D = (
    Confidence.SOURCE_READ,
    Confidence.ESTABLISHED,
    Confidence.UNVERIFIED,
    Confidence.OUR_RULE,
)
_DELPHI = "Delphi for liver: Ruarus 2020, J Vasc Interv Radiol"
_SPARES = "walls of vessels and ducts are spared: Scheffer 2015, Tech Vasc Interv Radiol 18:159"

LARGEST = Constant(
    30.0, "mm", "lesions up to 3 cm, at most 4-5 cm; practice, no publication read", _K, 30.0, 50.0
)
PERIHILAR = Constant(10.0, "mm", "perihilar: edge within 1 cm of the portal triad, PMC11615634", _READ)
HEAT_TO_DUCT = Constant(10.0, "mm", "10 mm from central bile ducts for heat; practice", _K)
HEAT_SINK = Constant(
    5.0, "mm", "vessels of 3 mm or more cool heat: Lu 2002, AJR 178:47; within 5 mm: our rule", _READ
)
HEAT_TO_BOWEL = Constant(5.0, "mm", "5-10 mm from bowel, stomach and gallbladder for heat", _K, 5.0, 10.0)
RIM = Constant(5.0, "mm", "hot rims of 2-5 mm around electrodes", _D)
NYHA_LIMIT = 3

_STATES = {True: CheckState.FULFILLED, False: CheckState.NOT_FULFILLED, None: CheckState.UNKNOWN}


def heat_lines(found: LesionDistances, settings: Settings) -> tuple[Check, ...]:
    """What would make heat fall short: fulfilled where it does, with by how much."""
    return (
        _triad_line(found),
        _duct_line(found, settings),
        _sink_line(found, settings),
        _organ_line(found, settings),
    )


def _triad_line(found: LesionDistances) -> Check:
    limit = PERIHILAR.value
    title = f"The lesion lies within {limit:g} mm of the portal triad (bile duct or central portal branch)"
    known = [m for m in (found.bile_duct, found.central_portal) if m is not None]
    if not known:
        return _unknown("perihilar", title, "no bile duct and no portal vein is segmented", PERIHILAR)
    near = min(known, key=lambda m: m.distance_mm)
    return _measured_line("perihilar", title, near.distance_mm <= limit, _away(near), near, PERIHILAR)


def _duct_line(found: LesionDistances, settings: Settings) -> Check:
    near, limit = found.duct_or_stand_in, HEAT_TO_DUCT.value
    title = f"A central bile duct lies within {limit:g} mm, which heat would endanger"
    if near is None:
        return _unknown(
            "heat_near_bile_duct", title, "no bile duct and no portal vein is segmented", HEAT_TO_DUCT
        )
    words = _away(near)
    if found.bile_duct is None:
        words = f"no bile duct is segmented; portal branches of {CENTRAL_BRANCH.value:g} mm or more stand in: {words}"
    falls = near.distance_mm <= limit
    if falls:
        short = settings.margin_mm - (near.distance_mm - limit)
        words += (
            f"; heat that keeps {limit:g} mm from it is {short:.0f} mm short of a margin of"
            f" {settings.margin_mm:g} mm there"
        )
    return _measured_line("heat_near_bile_duct", title, falls, words, near, HEAT_TO_DUCT)


def _sink_line(found: LesionDistances, settings: Settings) -> Check:
    near, limit = found.wide_vessel, HEAT_SINK.value
    title = (
        f"A vessel of {THICK_VESSEL_MM:g} mm or more lies within {limit:g} mm, whose blood would cool heat"
    )
    if near is None and not found.has_vessels:
        return _unknown("heat_sink", title, "no vessel is segmented", HEAT_SINK)
    if near is None:
        text = f"no segmented vessel is {THICK_VESSEL_MM:g} mm wide"
        return Check("heat_sink", title, CheckState.NOT_FULFILLED, text, source=HEAT_SINK.cited)
    words = f"{_away(near)} ({THICK_VESSEL_MM:g} mm or wider)"
    falls = near.distance_mm <= limit
    rest = settings.margin_mm - near.distance_mm
    if falls and rest > 0:
        words += f"; the outer {rest:.1f} mm of a margin of {settings.margin_mm:g} mm lie at its cooled wall"
    return _measured_line("heat_sink", title, falls, words, near, HEAT_SINK)


def _organ_line(found: LesionDistances, settings: Settings) -> Check:
    limit = settings.margin_mm + HEAT_TO_BOWEL.value
    title = (
        f"Bowel, stomach or gallbladder lies within {limit:g} mm, nearer than heat with its margin may come"
    )
    known = [m for m in (found.bowel, found.gallbladder) if m is not None]
    if not known:
        return _unknown(
            "heat_near_organ", title, "no bowel, stomach and gallbladder is segmented", HEAT_TO_BOWEL
        )
    near = min(known, key=lambda m: m.distance_mm)
    words = _away(near)
    if near.distance_mm <= limit:
        words += f"; heat is {limit - near.distance_mm:.0f} mm short there, unless fluid parts them"
    elif len(known) < 2:
        missing = "bowel and stomach" if found.bowel is None else "gallbladder"
        return Check(
            "heat_near_organ", title, CheckState.UNKNOWN, f"{missing} not segmented; {words}", near.structure,
            near.place_lps_mm, HEAT_TO_BOWEL.cited,
        )  # fmt: skip
    return _measured_line("heat_near_organ", title, near.distance_mm <= limit, words, near, HEAT_TO_BOWEL)


def anatomy_lines(found: LesionDistances, settings: Settings) -> tuple[Check, ...]:
    """Size, what electrodes keep away from, and the distances electroporation asks for."""
    size = found.diameter_mm
    lines = [
        Check(
            "lesion_size", f"The lesion is no larger than {LARGEST.value:g} mm", _STATES[size <= LARGEST.value],
            f"largest diameter {size:.0f} mm{_oversize(size)}", where_lps_mm=found.middle_lps_mm,
            source=LARGEST.cited,
        )
    ]  # fmt: skip
    spared = Source(_SPARES, _READ)
    for rule, title, near in (
        ("distance_portal_vein", "The distance to the portal vein is known", found.portal_vein),
        ("distance_hepatic_veins", "The distance to the hepatic veins is known", found.hepatic_vein),
        ("distance_vena_cava", "The distance to the vena cava is known", found.vena_cava),
    ):
        if near is None:
            what = title.removeprefix("The distance to the ").removesuffix(" is known")
            text = f"{what} not segmented on its own"
            lines.append(Check(rule, title, CheckState.UNKNOWN, text, source=spared))
            continue
        words = _away(near)
        if near.distance_mm <= settings.margin_mm:
            words += (
                "; its wall is spared, but it draws the field: judge the coverage with vessels in the model"
            )
        lines.append(_measured_line(rule, title, True, words, near, None, spared))
    lines += [
        _clear_of("rim_bile_duct", "bile ducts", found.duct_or_stand_in, settings.duct_clearance_mm,
                  "" if found.bile_duct else " (central portal branches stand in)"),
        _clear_of("rim_gallbladder", "gallbladder", found.gallbladder, RIM.value),
        _clear_of("rim_bowel", "bowel and stomach", found.bowel, RIM.value),
    ]  # fmt: skip
    return tuple(lines)


def _oversize(size: float) -> str:
    if size <= LARGEST.value:
        return ""
    most = LARGEST.high or LARGEST.value
    return "; beyond practice" if size > most else f"; up to {most:g} mm has been done with more electrodes"


def _clear_of(rule: str, what: str, near: Measured | None, limit: float, words: str = "") -> Check:
    """Whether electrodes at the lesion's rim can keep their hot rim from something."""
    title = f"Electrodes at the lesion's rim stay {limit:g} mm from {what}{words}"
    source = Source(RIM.source, RIM.confidence)
    if near is None:
        return Check(rule, title, CheckState.UNKNOWN, f"{what} not segmented", source=source)
    text = _away(near)
    if near.distance_mm < limit:
        text += "; place no electrode on that side, or watch its heat"
    return _measured_line(rule, title, near.distance_mm >= limit, text, near, None, source)


def patient_lines(found: LesionDistances, facts: Mapping[str, str], settings: Settings) -> tuple[Check, ...]:
    """What is told of the patient; absolute contraindications first."""
    delphi = Source(f"absolute contraindication, {_DELPHI}", _READ)
    sync = Source("pulses are given in the refractory period, by ECG; practice, no publication read", _K)
    asleep = Source("general anaesthesia and deep neuromuscular blockade; practice, no publication read", _K)
    seizure = Source("pulses may provoke seizures; no publication read", _U)
    indication = Source(f"for what is truly unsuitable for resection or thermal ablation, {_DELPHI}", _READ)
    return (
        _told(facts, "ventricular_arrhythmia", "no", "There is no ventricular arrhythmia", delphi, absolute=True),
        _told(facts, "cardiac_stimulator", "no", "There is no pacemaker or defibrillator", delphi, absolute=True),
        _nyha(facts, delphi),
        _told(facts, "ecg_recorded", "yes", "An ECG is recorded and read", sync),
        _told(facts, "atrial_fibrillation", "no", "There is no atrial fibrillation", sync,
              "synchronisation may fail"),
        _told(facts, "epilepsy", "no", "There is no epilepsy", seizure, "ask neurology"),
        _told(facts, "general_anaesthesia_possible", "yes",
              "General anaesthesia with deep relaxation is possible", asleep),
        _metal(found, facts, settings),
        _told(facts, "resection_possible", "no", "Resection is no option", indication, "discuss it first"),
    )  # fmt: skip


def _told(
    facts: Mapping[str, str], id: str, wanted: str, title: str, source: Source, todo: str = "",
    *, absolute: bool = False,
) -> Check:  # fmt: skip
    value, name = known_fact(facts, id), patient_fact(id).title
    if value is None:
        return Check(
            id, title, CheckState.UNKNOWN, f"{_lower(name)}: not told", source=source, is_absolute=absolute
        )
    holds = value == wanted
    text = f"{_lower(name)}: {patient_fact(id).words(value).lower()}"
    if not holds and todo:
        text += f"; {todo}"
    return Check(id, title, _STATES[holds], text, source=source, is_absolute=absolute)


def _nyha(facts: Mapping[str, str], source: Source) -> Check:
    value = known_fact(facts, "nyha_class")
    title = "There is no heart failure of NYHA III or IV"
    if value is None:
        text = "heart failure: not told"
        return Check("nyha_class", title, CheckState.UNKNOWN, text, source=source, is_absolute=True)
    words = patient_fact("nyha_class").words(value)
    text = f"heart failure: {words if value != '0' else 'none'}"
    holds = int(value) < NYHA_LIMIT
    return Check("nyha_class", title, _STATES[holds], text, source=source, is_absolute=True)


def _metal(found: LesionDistances, facts: Mapping[str, str], settings: Settings) -> Check:
    """Metal within the zone is to be avoided; outside it is no contraindication."""
    title = "No metal lies within the zone"
    source = Source(f"outside the zone no contraindication, {_DELPHI}; inside avoid (practice)", _READ)
    value, near = known_fact(facts, "metal_near_zone"), found.metal
    if near is not None and near.distance_mm <= settings.margin_mm:
        told = " although none was told" if value in ("no", "outside") else ""
        text = f"{_away(near)}, within its margin{told}; avoid"
        return _measured_line("metal_near_zone", title, False, text, near, None, source)
    if value is None:
        text = "metal stents or clips: not told"
        return Check("metal_near_zone", title, CheckState.UNKNOWN, text, source=source)
    text = {
        "no": "metal: none near the lesion",
        "outside": "metal near, outside the zone: no contraindication",
        "inside": "metal within the zone: avoid",
    }[value]
    return Check("metal_near_zone", title, _STATES[value != "inside"], text, source=source)


def _measured_line(
    rule: str,
    title: str,
    holds: bool,
    text: str,
    near: Measured,
    limit: Constant | None,
    source: Source | None = None,
) -> Check:
    cited = source if source is not None else limit.cited if limit is not None else Source("", _D)
    return Check(rule, title, _STATES[holds], text, near.structure, near.place_lps_mm, cited)


def _unknown(rule: str, title: str, text: str, limit: Constant) -> Check:
    return Check(rule, title, CheckState.UNKNOWN, text, source=limit.cited)


def _away(near: Measured) -> str:
    if near.distance_mm < 0.05:
        return f"{near.structure} touches or overlaps the lesion"
    return f"{near.structure} {near.distance_mm:.1f} mm from the lesion"


def _lower(words: str) -> str:
    return words if words[:2].isupper() or words[:1].isdigit() else words[:1].lower() + words[1:]
