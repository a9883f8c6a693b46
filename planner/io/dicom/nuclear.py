"""Images of nuclear medicine: where the slices of a SPECT lie, and what its or a PET's values are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from planner.base.errors import InputRefused
from planner.io.dicom.elements import Elements
from planner.io.dicom.slices import (
    ACQUISITION_DATE,
    IMAGE_TYPE,
    MODALITY,
    PARSE_ERRORS,
    SERIES_DATE,
    Slice,
    read_dataset,
    slices_of,
)
from planner.io.sources import Entry
from planner.planning.activity_unit import COUNTS, GBQ_PER_ML, Y90, ActivityUnit
from planner.planning.y90 import HALF_LIFE

NUCLEAR = frozenset({"NM", "PT"})
ACQUISITION_TIME, SERIES_TIME = 0x00080032, 0x00080031
UNITS, DECAY_CORRECTION, CORRECTED_TO = 0x00541001, 0x00541102, 0x00189701
DETECTORS = 0x00540022
#: Units of the standard, in the words of `ActivityUnit`.
_WORDS = {"BQML": "Bq/ml", "CNTS": COUNTS, "CPS": COUNTS, "PROPCNTS": COUNTS, "PROPCPS": COUNTS}
_UCUM = {word.lower(): word for word in GBQ_PER_ML}
#: Half-lives that differ by less are of one nuclide; tables of Y-90 differ by 0.3 %.
SAME_HALF_LIFE = 0.01
#: No image of a treatment is made later.
LONGEST_AFTER_H = 720.0


def nuclear_slices(entry: Entry, elements: Elements) -> list[Slice]:
    """The slices of a file, those of a reconstructed SPECT at the places its detector tells.

    Raises
    ------
    InputRefused
        If it is a SPECT of projections, or does not say how its slices lie.
    """
    found = slices_of(entry, elements)
    if elements.text(MODALITY) != "NM" or not found or DETECTORS not in elements.sequences:
        return found
    if found[0].position_lps_mm is not None and len(found) > 1:
        return found
    if "RECON" not in elements.text(IMAGE_TYPE):
        raise InputRefused(
            "The file holds what the camera saw, and no slices.",
            entry.name,
            "Choose the reconstructed SPECT.",
        )
    dataset = read_dataset(entry, elements, with_pixels=False)
    try:
        origin, orientation, numbers, gap = _stacking(dataset, len(found))
    except PARSE_ERRORS as error:
        raise InputRefused(
            "The SPECT does not say how its slices lie.", f"{entry.name}: {error}", "Export it again."
        ) from error
    normal = np.cross(orientation[:3], orientation[3:])
    _, slope, intercept = _real_world(dataset)
    return [
        replace(
            single,
            position_lps_mm=tuple((origin + normal * gap * (number - 1)).tolist()),
            orientation=tuple(orientation.tolist()),
            thickness_mm=abs(gap),
            slope=single.slope if slope is None else slope,
            intercept=single.intercept if slope is None else intercept,
        )
        for single, number in zip(found, numbers, strict=True)
    ]


def activity_unit(slices: Sequence[Slice]) -> ActivityUnit:
    """What the values of a series are, as far as it says so: never guessed."""
    first = slices[0]
    elements = first.elements
    dataset = read_dataset(first.entry, elements, with_pixels=False)
    stated = elements.text(UNITS)
    word = _WORDS.get(stated, stated.lower().replace(",", " "))
    if elements.text(MODALITY) == "NM":
        word = _real_world(dataset)[0] or word
    given = _first(dataset.get("RadiopharmaceuticalInformationSequence"))
    return ActivityUnit(word, _nuclide(given), _hours_after(slices, given))


def unit_notes(unit: ActivityUnit) -> list[str]:
    """What a person should know of the values of a SPECT or PET."""
    notes = [f"Its values are {unit.words}." if unit.words else "It does not say the unit of its values."]
    if unit.gbq_per_ml is not None and unit.after_h is None:
        notes.append("It does not say which time after the administration its values are decay-corrected to.")
    return notes


def _stacking(dataset: Any, count: int) -> tuple[Any, Any, list[int], float]:
    """Place of the first slice, direction of rows and columns, number of each slice, and their distance.

    A negative distance stacks against the normal (NM Reconstruction Module of the standard).
    """
    detector = _first(dataset.get("DetectorInformationSequence")) or dataset
    origin, orientation = (
        np.array([float(v) for v in next((d.get(name) for d in (detector, dataset) if d.get(name)), ())])
        for name in ("ImagePositionPatient", "ImageOrientationPatient")
    )
    gap = dataset.get("SpacingBetweenSlices") or dataset.get("SliceThickness")
    numbers = dataset.get("SliceVector")
    listed = [int(numbers)] if isinstance(numbers, int) else [int(n) for n in numbers or range(1, count + 1)]
    if len(origin) != 3 or len(orientation) != 6 or len(listed) != count or not gap:
        raise ValueError(f"place {origin}, direction {orientation}, {len(listed)} of {count} slices")
    return origin, orientation, listed, float(gap)


def _real_world(dataset: Any) -> tuple[str, float | None, float]:
    """Unit of mapped values, with slope and intercept from stored ones; empty without such a mapping."""
    mapping = _first(dataset.get("RealWorldValueMappingSequence"))
    if mapping is None or mapping.get("RealWorldValueSlope") is None:
        return "", None, 0.0
    unit = _first(mapping.get("MeasurementUnitsCodeSequence"))
    word = _UCUM.get(str(unit.get("CodeValue", "")).lower(), "") if unit is not None else ""
    if not word:
        return "", None, 0.0
    return word, float(mapping.RealWorldValueSlope), float(mapping.get("RealWorldValueIntercept") or 0.0)


def _nuclide(given: Any) -> str:
    """The nuclide of a radiopharmaceutical; with its half-life where that is not the one of Y-90."""
    if given is None:
        return ""
    code = _first(given.get("RadionuclideCodeSequence"))
    name = re.sub(r"[\^,]", "", str(code.get("CodeMeaning", "")) if code is not None else "").strip()
    is_yttrium = "90" in name and re.search(r"yttrium|\bY\b|90Y|Y90", name) is not None
    half_life = given.get("RadionuclideHalfLife")
    if half_life:
        hours = float(half_life) / 3600.0
        if abs(hours / HALF_LIFE.value - 1.0) <= SAME_HALF_LIFE:
            return Y90
        return f"{name or 'a nuclide'} (half-life {hours:.3g} h)"
    return Y90 if is_yttrium else name


def _hours_after(slices: Sequence[Slice], given: Any) -> float | None:
    """Hours from the administration to the time values are decay-corrected to; None where the file lacks one."""
    elements = slices[0].elements
    correction = elements.text(DECAY_CORRECTION)
    if correction == "ADMIN":
        return 0.0
    start = _moment(str(given.get("RadiopharmaceuticalStartDateTime") or "")) if given is not None else None
    if correction in ("START", "NONE"):
        end = _begun(slices)
    else:
        end = _moment(elements.text(CORRECTED_TO))
    if start is None or end is None:
        return None
    hours = (end - start).total_seconds() / 3600.0
    return round(hours, 2) if 0 <= hours <= LONGEST_AFTER_H else None


def _begun(slices: Sequence[Slice]) -> datetime | None:
    """When the first of the slices was acquired, or the series begun."""
    for date, time in ((ACQUISITION_DATE, ACQUISITION_TIME), (SERIES_DATE, SERIES_TIME)):
        found = [_moment(s.elements.text(date) + s.elements.text(time)) for s in slices]
        known = [m for m in found if m is not None]
        if known:
            return min(known)
    return None


def _moment(text: str) -> datetime | None:
    """Date and time to the minute at least; seconds where they are told, no fractions and no zone."""
    digits = re.match(r"\d{12}(\d\d)?", text)
    if digits is None:
        return None
    try:
        return datetime.strptime(digits.group().ljust(14, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None


def _first(sequence: Any) -> Any:
    return sequence[0] if sequence else None
