"""The numbers of a treatment with microspheres, each with its method and limit."""

from __future__ import annotations

from planner_plugins.radioembolization.dosing import Dosing
from planner_plugins.radioembolization.effective import NORMAL_LIVER, TUMOR

from planner.model.assessment import Metric, Target
from planner.planning.catheter_facts import PLAN
from planner.planning.y90 import GLASS_MANUFACTURER, PHYSICS
from planner.planning.y90_limits import Dosed
from planner.planning.y90_prescription import Prescription

NO_RATIO = "unknown: enter the ratio of tumour to normal liver"


def activity_metrics(dosing: Dosing) -> list[Metric]:
    """What is prescribed and given, by every convention of the product, each named."""
    found, why = [], dosing.why_not
    names = ("prescribed_activity_gbq", "prescribed_by_physics_gbq")
    if not dosing.prescriptions:
        found.append(Metric(names[0], None, "GBq", PLAN, "prescription", note=why))
    for name, prescription in zip(names, dosing.prescriptions, strict=False):
        found.append(
            Metric(
                name, prescription.activity_gbq, "GBq", PLAN, _method(dosing, prescription),
                note=prescription.why_not or _binding(prescription),
            )
        )  # fmt: skip
    given = dosing.given_gbq
    found.append(
        Metric(
            "given_activity_gbq", given, "GBq", PLAN, "as entered, at the time of treatment",
            note="" if given is not None else "not entered for every tip",
        )
    )  # fmt: skip
    if dosing.prescriptions and dosing.treatment is not None:
        asked = dosing.prescriptions[0].activity_gbq
        for target, share in zip(dosing.perfusion.targets, dosing.treatment.shares, strict=True):
            value = None if asked is None else share * asked
            found.append(
                Metric(names[0], value, "GBq", target.id, f"{100 * share:.0f} % of what is prescribed")
            )
    surface = dosing.by_body_surface
    if surface is not None:
        found.append(
            Metric(
                "body_surface_activity_gbq",
                surface.activity_gbq,
                "GBq",
                PLAN,
                surface.method,
                note=surface.why_not,
            )
        )
    return found


def dose_metrics(dosing: Dosing) -> list[Metric]:
    """Mean doses of the activity that is given, or else prescribed: physics; the manufacturer's beside it."""
    told, why = dosing.activity_gbq, dosing.why_not or "unknown: no activity is given or prescribed"
    dose = dosing.dose(PHYSICS)
    basis = PHYSICS.title if told is None else f"{told[0]:.3g} GBq {told[1]}; {PHYSICS.title}"
    parts = "; partition: ratio of concentrations"
    rows = [
        ("perfused_dose_gy", None if dose is None else dose.perfused_gy, basis, None, why),
        (
            "perfused_normal_liver_dose_gy", None if dose is None else dose.perfused_normal_gy, basis + parts,
            Dosed.PERFUSED_NORMAL, NO_RATIO if dose is not None else why,
        ),
        (
            "whole_normal_liver_dose_gy", None if dose is None else dose.whole_normal_gy, basis + parts,
            Dosed.WHOLE_NORMAL, NO_RATIO if dose is not None else why,
        ),
        ("lung_dose_gy", None if dose is None else dose.lung_gy, basis, Dosed.LUNG, why),
    ]  # fmt: skip
    found = [
        Metric(name, value, "Gy", PLAN, method, at_most(dosing, of), note="" if value is not None else note)
        for name, value, method, of, note in rows
    ]
    normal = None if dose is None else dose.whole_normal_gy
    found.append(
        Metric(
            "whole_normal_liver_bed_gy", NORMAL_LIVER.of_mean_gy(normal), "Gy", PLAN, NORMAL_LIVER.words,
            note="" if normal is not None else found[2].note,
        )
    )  # fmt: skip
    if dosing.product is not None and GLASS_MANUFACTURER in dosing.product.conventions:
        made = dosing.dose(GLASS_MANUFACTURER)
        found.append(
            Metric(
                "perfused_dose_manufacturer_gy", None if made is None else made.perfused_gy, "Gy", PLAN,
                GLASS_MANUFACTURER.title, note="" if made is not None else why,
            )
        )  # fmt: skip
    found += _tip_doses(dosing)
    return found + _lesion_doses(dosing, basis + parts, why)


def _tip_doses(dosing: Dosing) -> list[Metric]:
    dose = dosing.dose(PHYSICS)
    if dose is None:
        return []
    return [
        Metric("perfused_dose_gy", part.perfused_gy, "Gy", target.id, PHYSICS.title)
        for target, part in zip(dosing.perfusion.targets, dose.territories, strict=True)
    ]


def _lesion_doses(dosing: Dosing, method: str, why: str) -> list[Metric]:
    """By physics; by the convention the aim was published for beside it, where that is another one."""
    dose, found = dosing.dose(PHYSICS), []
    own = None if dosing.product is None else dosing.product.prescribed_by
    made = None if own in (None, PHYSICS) else dosing.dose(own)
    for name in dosing.perfusion.ground.lesions:
        share = dosing.perfusion.all.lesion_percent(name)
        value = None if dose is None else dose.lesions_gy.get(name)
        note = why if dose is None else NO_RATIO
        if share < 0.5:
            note = "it is not fed"
        note = "" if value is not None else note
        of = f"{method}; of the {share:.0f} % that are fed"
        aim = at_least(dosing)
        found.append(
            Metric("lesion_dose_gy", value, "Gy", name, of, None if made is not None else aim, note=note)
        )
        if made is not None and own is not None:
            by = made.lesions_gy.get(name)
            found.append(Metric("lesion_dose_manufacturer_gy", by, "Gy", name, own.title, aim, note=note))
        found.append(Metric("lesion_bed_gy", TUMOR.of_mean_gy(value), "Gy", name, TUMOR.words, note=note))
    return found


def _method(dosing: Dosing, prescription: Prescription) -> str:
    aim = dosing.aim
    words = (
        "most the limits allow"
        if aim is None
        else f"{aim.least.value:g} Gy mean of the {aim.of.value} ({aim.least.source})"
    )
    return f"{words}; {prescription.convention.title}"


def _binding(prescription: Prescription) -> str:
    cap = prescription.binding
    return "" if cap is None else f"bound by {cap.limit.most.value:g} Gy for {cap.limit.of.value}"


def at_most(dosing: Dosing, of: Dosed | None) -> Target | None:
    """The limit of what is dosed; None where there is none."""
    limit = next((x for x in dosing.limits if x.of == of and not x.waived), None)
    return None if limit is None else Target(high=limit.most.value, source=limit.most.cited)


def at_least(dosing: Dosing) -> Target | None:
    """The aim for lesions; None where there is none."""
    aim = dosing.aim
    if aim is None or aim.of not in (Dosed.TUMOR, Dosed.PERFUSED):
        return None
    return Target(low=aim.least.value, source=aim.least.cited)
