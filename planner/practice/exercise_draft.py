"""A draft of an exercise: what a form holds, proposed from an open plan, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

from planner.base.errors import InvalidValue
from planner.model.assessment import SettingValue
from planner.model.case import Case
from planner.model.plan import Instrument, Plan
from planner.model.roles import Role
from planner.planning.device_library import device_library
from planner.practice.exercise import LEVELS, CaseMark, Conditions, needle_count
from planner.practice.exercise_wording import (
    ball_diameter_mm,
    patient_words,
    proposed_task,
    proposed_title,
)
from planner.practice.shipped import shipped_exercises

#: Modules whose needles one can practise to place, and the kind of instrument each takes.
INSTRUMENTS: Mapping[str, str] = MappingProxyType(
    {"thermal_ablation": "applicator", "electroporation": "electrode_array"}
)
EXPERT_TITLE = "Expert's plan"
WANTED_MARGIN_MM = 5.0
MOST_NEEDLES = 6
#: A field lies between two electrodes; four is what a lesion of a common size takes.
FEWEST_ELECTRODES, USUAL_ELECTRODES = 2, 4
#: One needle for a lesion no larger than this is easy. Our rule.
EASY_MM = 20.0
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "applicator": "probes",
        "electrode_array": "electrodes",
        "focus_grid": "focused ultrasound",
        "resection": "a resection",
        "embolization": "a closed branch",
        "catheter_target": "a catheter's tip",
    }
)
_PLANNERS = "or take the planner's best alone"


@dataclass(frozen=True)
class Draft:
    """An exercise as a form holds it, with what is still wrong; `faults` says what is.

    Parameters
    ----------
    title, task, lesion, devices, most_instruments, margin_mm, level, skills, hidden, conditions
        As in `Exercise`.
    has_expert, expert_title
        Whether the open plan is a reference, and what it is called.
    has_planners_best
        Whether the planner's best is one.
    """

    title: str
    task: str
    lesion: str
    devices: tuple[str, ...]
    most_instruments: int = 1
    margin_mm: float = WANTED_MARGIN_MM
    level: str = LEVELS[0]
    skills: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    has_expert: bool = True
    expert_title: str = EXPERT_TITLE
    has_planners_best: bool = True


@dataclass(frozen=True)
class Fault:
    """What speaks against a draft.

    Parameters
    ----------
    field
        The field of `Draft` it is about.
    error
        In three parts.
    """

    field: str
    error: InvalidValue


def draft_of(case: Case, plan: Plan, module: str, settings: Mapping[str, SettingValue]) -> Draft:
    """What an open plan asks for, as a start: its lesion, devices and needles, with words for them.

    Parameters
    ----------
    case, plan
        What is open; a plan without needles gives an exercise with the planner's best alone.
    module
        Id of the module that will judge.
    settings
        Its settings, where they differ from the defaults.

    Raises
    ------
    InvalidValue
        If the case has no lesion, or no exercise is judged by this module.
    """
    if module not in INSTRUMENTS:
        raise InvalidValue(
            "There are no exercises for this treatment yet.",
            f"'{module}'",
            "Make one of a thermal ablation or an electroporation.",
        )
    lesions = lesions_of(case)
    if not lesions:
        raise InvalidValue("An exercise needs a lesion.", f"case '{case.title}'", "Outline one first.")
    fitting = [i for i in plan.instruments if i.kind == INSTRUMENTS[module]]
    lesion = next((i.lesion for i in fitting if i.lesion in lesions), lesions[0])
    devices = tuple(dict.fromkeys(i.device for i in fitting)) or devices_for(module)[:1]
    own = needle_count(replace(plan, instruments=tuple(fitting)))
    usual = USUAL_ELECTRODES if module == "electroporation" else 1
    most = min(own or usual, MOST_NEEDLES)
    skills, level = _guessed(module, most, ball_diameter_mm(case, lesion))
    return Draft(
        title=proposed_title(case, lesion, devices, most),
        task=proposed_task(case, lesion, devices, most, WANTED_MARGIN_MM, settings),
        lesion=lesion,
        devices=devices,
        most_instruments=most,
        level=level,
        skills=skills,
        has_expert=bool(fitting),
        has_planners_best=not fitting,
    )


def lesions_of(case: Case) -> tuple[str, ...]:
    """Names of the lesions an exercise may be on: those that are outlined."""
    if not case.structure_sets:
        return ()
    structures = case.structures
    return tuple(s.name for s in structures.with_role(Role.LESION) if not structures.box(s.name).is_empty)


def devices_for(module: str) -> tuple[str, ...]:
    """Names of devices an exercise of a module may allow."""
    library = device_library()
    return tuple(library.electrodes if module == "electroporation" else library.devices)


def faults(draft: Draft, case: Case, plan: Plan, module: str) -> tuple[Fault, ...]:
    """What speaks against a draft before anything is judged, in the order of a form; cheap to ask."""
    found: list[Fault] = []

    def say(field: str, what: str, thing: str, todo: str) -> None:
        found.append(Fault(field, InvalidValue(what, thing, todo)))

    for value, word in ((draft.title, "title"), (draft.task, "task")):
        if not value.strip():
            say(word, f"An exercise needs a {word}.", "it is empty", "Enter it.")
    if draft.lesion not in lesions_of(case):
        say("lesion", "The case has no such lesion.", f"'{draft.lesion}'", "Choose one of the case.")
    if not draft.devices:
        say("devices", "An exercise allows one device at least.", "none is chosen", "Choose one.")
    for name in draft.devices:
        if name not in devices_for(module):
            say(
                "devices",
                "This device is not in the library, or not of this treatment.",
                f"'{name}'",
                "Choose another, or add it under My devices.",
            )
    least = FEWEST_ELECTRODES if module == "electroporation" else 1
    if not least <= draft.most_instruments <= MOST_NEEDLES:
        say(
            "most_instruments",
            f"An exercise of this treatment takes {least} to {MOST_NEEDLES} needles.",
            f"{draft.most_instruments}",
            "Change how many are allowed.",
        )
    if draft.lesion in draft.hidden:
        say("hidden", "The lesion to treat cannot be hidden.", f"'{draft.lesion}'", "Show it.")
    known = {s.name for s in case.structures.structures} if case.structure_sets else set()
    for name in draft.hidden:
        if name not in known:
            say("hidden", "The case has no such structure.", f"'{name}'", "Take it out of the hidden ones.")
    if not draft.has_expert and not draft.has_planners_best:
        say(
            "references",
            "An exercise without a reference cannot be scored.",
            "none is chosen",
            "Take your plan, the planner's best, or both.",
        )
    if draft.has_expert:
        found += [Fault("references", e) for e in _against_expert(draft, case, plan, module)]
    return tuple(found)


def privacy_words(draft: Draft, case: Case) -> str:
    """A warning where words of an exercise name the patient; empty where they do not."""
    if case.id in _sample_marks():
        return ""  # nobody's name
    for text, where in (
        (draft.title, "title"),
        (draft.task, "task"),
        (draft.expert_title if draft.has_expert else "", "plan's title"),
        (draft.lesion, "lesion's name"),
    ):
        found = patient_words(text, case.patient)
        if found:
            words = ", ".join(f"'{w}'" for w in found)
            return f"The {where} holds {words}: part of the patient's name or number. It stands in the file."
    return ""


def mark_of(case: Case) -> CaseMark:
    """The case as it is: the sample only where it is what the planner makes anew, and no patient's name."""
    own = CaseMark.of(case)
    if own.id in _sample_marks():
        return replace(own, is_sample=_sample_marks()[own.id] == own.structures)
    named = patient_words(own.title, case.patient)
    return replace(own, title=f"case {own.id[:8]}") if named else own


@cache
def _sample_marks() -> Mapping[str, str]:
    """By id of the built-in sample the hash of its structures."""
    return {e.case.id: e.case.structures for e in shipped_exercises() if e.case.is_sample}


def _guessed(module: str, most: int, diameter_mm: float) -> tuple[tuple[str, ...], str]:
    """Skills and level of an exercise."""
    if module == "electroporation":
        return ("pulses", "path"), "expert"
    if most > 1:
        return ("several", "margin"), "hard"
    return (("centring", "path"), "easy") if diameter_mm <= EASY_MM else (("margin", "path"), "moderate")


def _against_expert(draft: Draft, case: Case, plan: Plan, module: str) -> Iterator[InvalidValue]:
    """What speaks against the open plan as a reference."""
    thing = f"plan '{plan.name}'"
    if plan.case_id != case.id:
        yield InvalidValue("The plan was made on another case.", thing, f"Open one of it, {_PLANNERS}.")
    if not plan.instruments:
        yield InvalidValue("The plan is empty.", thing, f"Place a needle, {_PLANNERS}.")
    for instrument in plan.instruments:
        yield from _against_instrument(draft, instrument, f"{thing}: {instrument.id}", module)
    count = needle_count(plan)
    if count > draft.most_instruments:
        yield InvalidValue(
            "The plan has more needles than are allowed.",
            f"{thing}: {count}, {draft.most_instruments} {'is' if draft.most_instruments == 1 else 'are'} allowed",
            f"Allow more, up to {MOST_NEEDLES}, {_PLANNERS}.",
        )


def _against_instrument(
    draft: Draft, instrument: Instrument, which: str, module: str
) -> Iterator[InvalidValue]:
    if instrument.kind != INSTRUMENTS[module]:
        yield InvalidValue(
            f"The plan has what this exercise does not take: {_KINDS[instrument.kind]}.",
            which,
            f"Leave only {_KINDS[INSTRUMENTS[module]]} in it, {_PLANNERS}.",
        )
        return
    if instrument.lesion and instrument.lesion != draft.lesion:
        yield InvalidValue(
            "The plan treats another lesion too.",
            f"{which} treats '{instrument.lesion}', the exercise '{draft.lesion}'",
            f"Take it out of the plan, {_PLANNERS}.",
        )
    if draft.devices and instrument.device not in draft.devices:
        yield InvalidValue(
            "The plan uses a device that is not allowed.",
            f"{which}: {device_library().title_of(instrument.device)}",
            f"Allow it, {_PLANNERS}.",
        )
