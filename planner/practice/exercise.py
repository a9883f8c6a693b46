"""An exercise: a case, a task in words, what is allowed, how it is placed, and what it is measured against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from planner.base.errors import InvalidValue
from planner.model.assessment import SettingValue
from planner.model.case import Case
from planner.model.plan import Applicator, Plan
from planner.model.roles import Role
from planner.planning.placements import PLACEMENTS
from planner.plugin.hashing import structures_hash

#: An exercise is as hard as one of these, from the first on.
LEVELS = ("easy", "moderate", "hard", "expert")
#: What an exercise trains; a weakest skill is one of these.
SKILLS: Mapping[str, str] = MappingProxyType(
    {
        "centring": "put the zone where the lesion is",
        "path": "find a path that hurts nothing",
        "margin": "leave a margin all round",
        "organs": "keep heat off organs beside the lesion",
        "several": "cover with several needles",
        "pulses": "place electrodes for pulses",
    }
)
#: The liver moves by no more between planning and placing.
MOST_BREATH_MM = 30.0


@dataclass(frozen=True)
class CaseMark:
    """Which case an exercise is on, and how it was when the exercise was made.

    Parameters
    ----------
    id, title
        Of the case.
    structures
        Hash of its structures (`plugin.hashing.structures_hash`).
    is_sample
        Whether it is the built-in sample, which is made where it is not there.
    """

    id: str
    title: str
    structures: str
    is_sample: bool = False

    @classmethod
    def of(cls, case: Case, is_sample: bool = False) -> CaseMark:
        """Of a case as it is."""
        return cls(case.id, case.title, structures_hash(case), is_sample)


@dataclass(frozen=True)
class Conditions:
    """How needles are placed in an exercise.

    Parameters
    ----------
    slices_only, axial_only
        Whether the 3D view, and all slices but the axial ones, are hidden.
    breath_mm
        How far the liver moves towards the feet between planning and placing.
    placement
        How far needles land from where they were planned: a word of `placements.PLACEMENTS`.
    limit_s
        Time one has; None without a limit.
    shows_zone
        Whether the zones of devices are drawn while needles are placed.

    Raises
    ------
    InvalidValue
        If a number is outside its range, or nobody places so.
    """

    slices_only: bool = False
    axial_only: bool = False
    breath_mm: float = 0.0
    placement: str = "exact"
    limit_s: float | None = None
    shows_zone: bool = True

    def __post_init__(self) -> None:
        if not 0.0 <= self.breath_mm <= MOST_BREATH_MM:
            raise InvalidValue(
                f"The liver moves by 0 to {MOST_BREATH_MM:g} mm in an exercise.", f"{self.breath_mm:g} mm"
            )
        if self.placement not in PLACEMENTS:
            raise InvalidValue(
                "Nobody places needles so.", f"'{self.placement}'", f"Use one of: {', '.join(PLACEMENTS)}."
            )
        if self.limit_s is not None and not (math.isfinite(self.limit_s) and self.limit_s > 0):
            raise InvalidValue("A time limit is positive.", f"{self.limit_s} s", "Leave it out.")

    @property
    def is_table(self) -> bool:
        """Whether needles land elsewhere than planned, and a control scan shows where."""
        return self.placement != "exact" or self.breath_mm > 0


@dataclass(frozen=True)
class Reference:
    """A plan an attempt is measured against, and whose it is, such as ``planner's best``."""

    title: str
    plan: Plan


@dataclass(frozen=True)
class Exercise:
    """A task on a case.

    Parameters
    ----------
    id, title
        A stable word, and what a list shows.
    task
        What is to be done, in words.
    case
        The case it is on.
    module
        Id of the treatment module that judges it.
    lesion
        The lesion to treat.
    devices
        Names of devices one may use; at least one.
    most_instruments
        Probes or electrodes allowed.
    margin_mm
        Wanted all round the lesion.
    level, skills
        Of `LEVELS` and `SKILLS`.
    hidden
        Names of structures that are not shown.
    conditions
        How needles are placed.
    references
        What it is measured against, the one that counts first; at least one.
    settings
        Of the module, where they differ from its defaults.

    Raises
    ------
    InvalidValue
        If something is missing or unknown, or a reference does not do what the exercise asks.
    """

    id: str
    title: str
    task: str
    case: CaseMark
    module: str
    lesion: str
    devices: tuple[str, ...]
    most_instruments: int = 1
    margin_mm: float = 5.0
    level: str = LEVELS[0]
    skills: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    references: tuple[Reference, ...] = ()
    settings: Mapping[str, SettingValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))
        thing = f"exercise '{self.id}'"
        if not self.id.replace("-", "").isalnum():
            raise InvalidValue("The id of an exercise is a word of letters, digits and dashes.", thing)
        for value, word in ((self.title, "title"), (self.task, "task"), (self.lesion, "lesion")):
            if not value.strip():
                raise InvalidValue(f"An exercise needs a {word}.", thing, "Enter it.")
        if not self.devices:
            raise InvalidValue("An exercise allows one device at least.", thing, "Choose one.")
        if not 1 <= self.most_instruments <= 6:
            raise InvalidValue("An exercise takes 1 to 6 needles.", f"{thing}: {self.most_instruments}")
        if not 0.0 <= self.margin_mm <= 20.0:
            raise InvalidValue("A wanted margin lies between 0 and 20 mm.", f"{thing}: {self.margin_mm:g} mm")
        if self.level not in LEVELS or set(self.skills) - set(SKILLS):
            words = ", ".join([self.level, *self.skills])
            raise InvalidValue("An exercise has a level and skills that are known.", f"{thing}: {words}")
        if not self.references:
            raise InvalidValue(
                "An exercise without a reference cannot be scored.",
                thing,
                "Add an expert's plan, or suggest one.",
            )
        for reference in self.references:
            wrong = self.against(reference.plan)
            if wrong:
                raise InvalidValue(
                    "A reference does not keep to the exercise.", f"{thing}, {reference.title}: {wrong[0]}"
                )

    def __hash__(self) -> int:
        return hash((self.id, self.title, self.case))

    @property
    def reference(self) -> Reference:
        """The one that counts."""
        return self.references[0]

    def against(self, plan: Plan) -> tuple[str, ...]:
        """What speaks against a plan as an answer, in words; nothing where it keeps to the exercise."""
        found = []
        if plan.case_id != self.case.id:
            found.append("the plan was made on another case")
        needles = needle_count(plan)
        if needles > self.most_instruments:
            verb = "is" if self.most_instruments == 1 else "are"
            found.append(f"{needles} needles, {self.most_instruments} {verb} allowed")
        for device in dict.fromkeys(i.device for i in plan.instruments):
            if device not in self.devices:
                found.append(f"'{device or 'no device'}' is not allowed")
        for instrument in plan.instruments:
            if instrument.lesion and instrument.lesion != self.lesion:
                found.append(f"{instrument.id} treats {instrument.lesion}, not {self.lesion}")
        return tuple(found)

    def check_case(self, case: Case) -> None:
        """See that a case is the exercise's, and as it was.

        Raises
        ------
        InvalidValue
            If it is another one, was changed since, or has no such lesion.
        """
        if case.id != self.case.id:
            raise InvalidValue(
                "This exercise is on another case.", f"'{self.title}': '{self.case.title}'", "Open that case."
            )
        lesions = [s.name for s in case.structures.with_role(Role.LESION)] if case.structure_sets else []
        if self.lesion not in lesions:
            raise InvalidValue(
                "The case has no such lesion.",
                f"'{self.lesion}' of '{self.title}'",
                f"It has: {', '.join(lesions) or 'none'}.",
            )
        if structures_hash(case) != self.case.structures:
            raise InvalidValue(
                "The case's structures were changed since the exercise was made.",
                f"'{self.case.title}'",
                "Make the exercise anew, or open the case as it was.",
            )


def needle_count(plan: Plan) -> int:
    """Needles of a plan: probes, and each electrode of an array."""
    probes = sum(isinstance(i, Applicator) for i in plan.instruments)
    return probes + sum(len(a.electrodes) for a in plan.electrode_arrays) + len(plan.focus_grids)
