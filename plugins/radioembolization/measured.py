"""Activity a SPECT or PET shows, laid over the liver: its unit, its time, its place, and whether its sum can be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from planner_plugins.radioembolization import findings as say
from planner_plugins.radioembolization.dosing import Dosing
from planner_plugins.radioembolization.settings import AT_SCAN, BY_IMAGE, GIVEN_ACTIVITY, MEASURED, NUCLEAR
from planner_plugins.radioembolization.voxels import LiverDose, LiverParts

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Confidence, Finding
from planner.model.case import Case
from planner.model.geometry import FloatArray
from planner.model.image import Image
from planner.planning.activity_map import Lying, amounts_on, seen_share
from planner.planning.activity_unit import COUNTS, Y90, ActivityUnit
from planner.planning.catheter_facts import PLAN
from planner.planning.constants import Constant
from planner.planning.y90 import HALF_LIFE
from planner.planning.y90_voxel_dose import Deposition, voxel_dose

#: Name of the field among a module's fields.
DELIVERED = "delivered_dose"
MOST_APART = Constant(0.20, "1", "activity in the liver against what was given", Confidence.OUR_RULE)
#: A total is off by a unit where it is off by a power of 1000 times no more than this.
NEAR_A_THOUSAND = Constant(2.0, "1", "a slip of the unit, not of the scan", Confidence.OUR_RULE)
#: Less of the liver within the image is said.
LEAST_SEEN = Constant(0.995, "1", "liver within the image of activity", Confidence.OUR_RULE)
_UNITS = "Bq/ml, kBq/ml or MBq/ml"
_WHERE = f"in the settings under '{MEASURED}'"


@dataclass(frozen=True, eq=False)
class Measured:
    """What an image of activity is worth for a plan.

    Parameters
    ----------
    image
        Its id.
    dose
        By that activity; None where `why_not` says so.
    in_liver_gbq
        Activity in the liver at the time of treatment; None where it is not known.
    method
        How the values became activity, in words.
    findings
        What a person must know of it.
    why_not
        Why there is no dose; empty where there is.
    fingerprint
        Of how the image lies to the structures.
    """

    image: str
    dose: LiverDose | None = None
    in_liver_gbq: float | None = None
    method: str = ""
    findings: tuple[Finding, ...] = ()
    why_not: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class _Scale:
    """What makes an image's value times ml activity in GBq at the time of treatment."""

    gbq: float
    words: str


def expected_in_liver_gbq(dosing: Dosing) -> float | None:
    """What stays in the liver of what is given: A (1 - L) (1 - R); None where one of them is not entered."""
    given = dosing.given_gbq
    if given is None or dosing.numbers["lung_shunt_percent"] is None:
        return None
    return given * dosing.delivery.to_liver


def measured_dose(dosing: Dosing, parts: LiverParts, task: Task) -> Measured | None:
    """The dose of the activity the chosen image shows; None where none is chosen.

    What the image does not say and nobody entered is asked by a finding, and there is no dose then.
    """
    id = dosing.settings.activity_image
    if not id:
        return None
    try:
        return _measured(dosing, _image(dosing.case, id), parts, task)
    except InvalidValue as error:
        text = f"No delivered dose: {error.thing}. {error.what} {error.todo}".strip()
        return Measured(id, findings=(say.NOT_MEASURED.finding(text, PLAN),), why_not=_lower(error.what))


def _image(case: Case, id: str) -> Image:
    """The chosen image; raises `InvalidValue` where the case has it no more."""
    if all(i.id != id for i in case.images):
        raise InvalidValue(
            "The image that was chosen to show the activity is not in this case.",
            f"'{id}'",
            f"Choose another one, or none, {_WHERE}.",
        )
    return case.image(id)


def _measured(dosing: Dosing, image: Image, parts: LiverParts, task: Task) -> Measured:
    if image.unit == "HU":
        raise InvalidValue("A CT shows no activity.", f"image '{image.title}'", "Choose the SPECT or PET.")
    lying = Lying.of(dosing.case, image)
    grid, liver = parts.blocks.grid, parts.inside[PLAN]
    amounts = amounts_on(image, lying.registration, grid, task.part(0.0, 0.5))
    in_liver = float((amounts * liver).sum())
    if not in_liver > 0:
        raise InvalidValue(
            "The liver holds no activity.",
            f"image '{image.title}', {lying.words}",
            "Check that it is the SPECT or PET, and how it is registered.",
        )
    scale = _scale(dosing, image, in_liver)
    found = [*_findings_of_image(image, lying, _seen(image, lying, parts))]
    asked, apart = _judged_total(dosing, image, in_liver * scale.gbq)
    found += [f for f in (asked, apart) if f is not None]
    method = f"{scale.words}; '{image.title}', {lying.words}"
    print_ = lying.registration.fingerprint
    if asked is not None:
        return Measured(image.id, None, None, method, tuple(found), "the unit of the image is asked", print_)
    found.append(
        say.BLURRED.finding("Doses of lesions below 3 cm come out too low: the image is blurred.", PLAN)
    )
    activity = amounts * scale.gbq
    dose = voxel_dose(activity, grid, Deposition(dosing.settings.deposition), task=task.part(0.5, 1.0))
    return Measured(
        image.id,
        LiverDose(DELIVERED, dose, parts),
        in_liver * scale.gbq,
        f"{method}; {dose.method}",
        tuple(found),
        fingerprint=print_,
    )


def _scale(dosing: Dosing, image: Image, in_liver: float) -> _Scale:
    """By the image's unit and time, or by what was given."""
    if dosing.settings.scale_to == GIVEN_ACTIVITY:
        expected = expected_in_liver_gbq(dosing)
        if expected is None:
            raise InvalidValue(
                "There is nothing to scale the image to.",
                f"image '{image.title}'",
                "Enter the lung shunt, and the activity given at every tip.",
            )
        words = f"scaled so that liver and lungs hold the {dosing.given_gbq:.3g} GBq given, less the residual"
        return _Scale(expected / in_liver, words)
    unit = ActivityUnit.of_words(image.unit)
    if unit.nuclide not in ("", Y90):
        raise InvalidValue(
            "Its unit is of another nuclide than Y-90.",
            f"image '{image.title}' in {image.unit}",
            f"Scale it to the given activity {_WHERE}: it predicts then, and shows nothing delivered.",
        )
    stated = dosing.settings.activity_unit
    word = unit.word if stated == BY_IMAGE else stated
    per_ml = ActivityUnit(word).gbq_per_ml
    timed = _hours(dosing, unit)
    if per_ml is None or timed is None:
        raise _asked(dosing, image, word, per_ml is None, timed is None)
    hours, of_time = timed
    words = f"{word} {'as the image says' if stated == BY_IMAGE else 'as set'}, {of_time}"
    return _Scale(per_ml * math.pow(2.0, hours / HALF_LIFE.value), words)


def _hours(dosing: Dosing, unit: ActivityUnit) -> tuple[float, str] | None:
    """From the treatment to the time the values are true of, and how that is known; None where it is not."""
    as_of, after_h = dosing.settings.activity_as_of, dosing.settings.scan_after_h
    if as_of == AT_SCAN:
        words = f"of the scan {after_h:g} h after treatment, as set; decayed back"
        return (after_h, words) if after_h > 0 else None
    if as_of != BY_IMAGE:
        return 0.0, "decay-corrected to the treatment, as set"
    if unit.after_h is None:
        return None
    if unit.after_h == 0:
        return 0.0, "decay-corrected to the treatment, as the image says"
    return unit.after_h, f"of {unit.after_h:g} h after treatment, as the image says; decayed back"


def _asked(dosing: Dosing, image: Image, word: str, asks_unit: bool, asks_time: bool) -> InvalidValue:
    """What is asked of an image, all of it at once: nothing is guessed."""
    what, todo = [], []
    if asks_unit:
        what.append("Counts are no activity." if word == COUNTS else "The unit of its values is not known.")
        todo.append(f"its unit ({_UNITS})")
    if asks_time and dosing.settings.activity_as_of == AT_SCAN:
        what.append("It is not known how long after the treatment the scan was.")
        todo.append("the hours from the treatment to the scan")
    elif asks_time:
        what.append("It does not say which time its values are decay-corrected to.")
        todo.append("whether they are of the treatment, or of the scan and how many hours after it")
    scaled = ", or scale it to the given activity there" if asks_unit else ""
    return InvalidValue(
        " ".join(what),
        f"image '{image.title}' in {image.unit or word or 'no unit'}",
        f"Say {' and '.join(todo)} {_WHERE}{scaled}.",
    )


def _judged_total(dosing: Dosing, image: Image, in_liver_gbq: float) -> tuple[Finding | None, Finding | None]:
    """What asks for the unit, and what says that the total is not what was given."""
    if dosing.settings.scale_to == GIVEN_ACTIVITY:
        return None, None
    expected = expected_in_liver_gbq(dosing)
    if expected is None:
        text = (
            "The activity in the image is not checked: enter the lung shunt, and what was given at every tip."
        )
        return None, say.TOTAL_UNCHECKED.finding(text, PLAN)
    ratio = in_liver_gbq / expected
    held = f"In the liver '{image.title}' shows {in_liver_gbq:.3g} GBq; {expected:.3g} GBq are expected"
    held += f" of the {dosing.given_gbq:.3g} GBq given"
    thousands = round(math.log10(ratio) / 3.0)
    off_by = math.log10(NEAR_A_THOUSAND.value)
    if thousands and abs(math.log10(ratio) - 3.0 * thousands) <= off_by:
        text = f"{held}: a factor near {'1000' if abs(thousands) == 1 else '1000 times 1000'}."
        todo = f" Is the image in {_UNITS}, and the given activity in GBq? Say the unit; nothing is guessed."
        return say.UNIT_ASKED.finding(text + todo, PLAN), None
    if abs(ratio - 1.0) > MOST_APART.value:
        text = f"{held}: {100 * (ratio - 1):+.0f} %. Check unit, time, registration, lung shunt and residual."
        return None, say.TOTAL_APART.finding(text, PLAN)
    return None, None


def _findings_of_image(image: Image, lying: Lying, seen: float) -> Iterator[Finding]:
    if image.modality not in NUCLEAR:
        told = f" ({image.modality})" if image.identity.series_uid else ""
        text = f"'{image.title}' does not say that it is a SPECT or PET{told}; it is taken as one."
        yield say.KIND_ASSUMED.finding(text, PLAN)
    if lying.is_assumed:
        text = (
            f"'{image.title}' is taken as it lies: no frame of reference says so. Register it, or look at it."
        )
        yield say.PLACE_ASSUMED.finding(text, PLAN)
    elif lying.registration.error_mm is None:
        text = f"'{image.title}' is {lying.words}: look at it over the planning scan, and mark landmarks"
        text += " or register the CT made with it."
        yield say.PLACE_UNPROVED.finding(text, PLAN)
    nuclide = ActivityUnit.of_words(image.unit).nuclide
    if nuclide not in ("", Y90):
        text = f"'{image.title}' shows {nuclide}: what it gives is predicted, and was not delivered."
        yield say.OTHER_NUCLIDE.finding(text, PLAN)
    if seen < LEAST_SEEN.value:
        text = (
            f"{100 * (1 - seen):.0f} % of the liver lie beyond '{image.title}' and count as without activity."
        )
        yield say.IMAGE_CUT.finding(text, PLAN)


def _seen(image: Image, lying: Lying, parts: LiverParts) -> float:
    liver: FloatArray = parts.inside[PLAN].astype(np.float64)
    return seen_share(image, lying.registration, parts.blocks.grid, liver)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")
