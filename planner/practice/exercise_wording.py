"""What an exercise is called and says, proposed from what it asks; and whether its words name the patient."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import PureWindowsPath

from planner.model.assessment import SettingValue
from planner.model.case import Case, Patient
from planner.planning.device_library import device_library

#: An id in letters of four bytes is still a file's name.
LONGEST_ID = 40
#: Fewer letters of a patient's name or number stand in many words.
LEAST_LETTERS = 3
#: What people call a needle of a kind of energy.
_NEEDLES: Mapping[str, str] = {
    "microwave": "microwave antenna",
    "radiofrequency": "radiofrequency electrode",
    "cryo": "cryoprobe",
    "laser": "laser fibre",
    "electroporation": "electrode",
}
_COUNTS = ("no", "one", "two", "three", "four", "five", "six")


def ball_diameter_mm(case: Case, lesion: str) -> float:
    """Diameter of a ball of a lesion's volume, as words for how large it is."""
    return float((6000.0 * case.structures.volume_ml(lesion) / math.pi) ** (1.0 / 3.0))


def proposed_title(case: Case, lesion: str, devices: Sequence[str], most: int) -> str:
    """A title such as ``Lesion 2 (30 mm), one microwave antenna``."""
    return f"{lesion} ({ball_diameter_mm(case, lesion):.0f} mm), {needle_words(devices, most)}"


def proposed_task(
    case: Case,
    lesion: str,
    devices: Sequence[str],
    most: int,
    margin_mm: float,
    settings: Mapping[str, SettingValue],
    limit_s: float | None = None,
) -> str:
    """A task in words of what is asked.

    Parameters
    ----------
    case, lesion
        What is treated.
    devices, most
        Names of devices, and how many needles are allowed.
    margin_mm
        Wanted all round.
    settings
        Of the module; what they forbid is told.
    limit_s
        Time one has.
    """
    is_pulsed = any(_modality(d) == "electroporation" for d in devices)
    what = "the field treats" if is_pulsed else "the zone covers" if most == 1 else "the zones cover"
    margin = f" with {margin_mm:g} mm all round" if margin_mm > 0 else ""
    words = [
        f"{lesion} is about {ball_diameter_mm(case, lesion):.0f} mm wide.",
        f"Place {'' if most == 1 else 'up to '}{needle_words(devices, most)} so that {what} it{margin}.",
        "Choose a path that crosses no bone, bowel or other organ.",
    ]
    if settings.get("lung_crossing") == "stop":
        words.append("A path through lung or pleura fails.")
    if settings.get("vessel_crossing") == "stop":
        words.append("A path through a vessel of 3 mm or more fails.")
    if limit_s is not None:
        words.append(f"You have {limit_s / 60.0:g} minutes.")
    return " ".join(words)


def needle_words(devices: Sequence[str], count: int) -> str:
    """So many needles of these devices, such as ``two microwave antennas``."""
    kinds = {_NEEDLES.get(_modality(d), "needle") for d in devices}
    kind = kinds.pop() if len(kinds) == 1 else "needle"
    many = _COUNTS[count] if 0 <= count < len(_COUNTS) else str(count)
    return f"{many} {kind}{'' if count == 1 else 's'}"


def id_from_title(title: str, taken: Collection[str] = ()) -> str:
    """An id of letters, digits and dashes that is not taken, such as ``beside-the-vein-2``.

    Letters lose their accents; those of other alphabets stay.
    """
    parted = unicodedata.normalize("NFKD", title.casefold())
    kept = "".join(c for c in parted if not unicodedata.combining(c))
    word = re.sub("-+", "-", "".join(c if c.isalnum() else "-" for c in kept))
    word = word.strip("-")[:LONGEST_ID].strip("-") or "exercise"
    if PureWindowsPath(word).is_reserved():
        word = f"exercise-{word}"
    used, found, n = {t.casefold() for t in taken}, word, 1
    while found in used:
        n += 1
        found = f"{word}-{n}"
    return found


def patient_words(text: str, patient: Patient) -> tuple[str, ...]:
    """Parts of the patient's name, and the number or date of birth, that a text holds as whole words."""
    parts = [*re.split(r"[\^\s,;=]+", patient.name), patient.id.strip(), patient.birth_date.strip()]
    folded = _folded(text)
    found = (
        p
        for p in parts
        if len(p) >= LEAST_LETTERS and re.search(rf"(?<!\w){re.escape(_folded(p))}(?!\w)", folded)
    )
    return tuple(dict.fromkeys(found))


def _folded(text: str) -> str:
    parted = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parted if not unicodedata.combining(c))


def _modality(device: str) -> str:
    found = device_library().all.get(device)
    return found.modality if found is not None else ""
