"""A sentence a trainee is told after an attempt, and what such sentences are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from planner.base.errors import InvalidValue
from planner.model.assessment import Assessment, Metric
from planner.model.plan import Plan, Point
from planner.model.structures import StructureSet
from planner.planning.anatomy import Anatomy
from planner.practice.exercise import Exercise
from planner.practice.landing import Landing
from planner.practice.measuring import Scored
from planner.practice.scoring import ScorePart
from planner.practice.zone_miss import Miss, zone_miss

#: What a lesson may be about, in the order they are told.
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "hazard": "what is hurt or in danger",
        "coverage": "what of the lesion is not treated",
        "margin": "where the margin is least, and why",
        "plan": "where the zone was planned beside the lesion",
        "table": "what the needles did on the table",
        "zone": "a zone of the wrong size",
        "path": "the way there, and a better one",
        "liver": "healthy tissue lost",
        "needles": "needles and repositionings",
        "time": "time taken",
    }
)
#: Fewer points are not spoken of.
LEAST_POINTS = 0.05


@dataclass(frozen=True)
class Lesson:
    """One sentence or two of what there is to learn.

    Parameters
    ----------
    kind
        Of `KINDS`.
    text
        In words, with the numbers and their units.
    where_lps_mm
        The place it speaks of, if there is one.
    part
        Id of the part of the score it belongs to, or empty.
    points_lost
        Of that part, by what this lesson speaks of; None where it costs none of its own.

    Raises
    ------
    InvalidValue
        If there is no such kind, or no text.
    """

    kind: str
    text: str
    where_lps_mm: Point | None = None
    part: str = ""
    points_lost: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS or not self.text.strip():
            raise InvalidValue("A lesson has a text and a kind that is known.", f"{self.kind}: {self.text}")


@dataclass(frozen=True, eq=False)
class Told:
    """An attempt beside the reference, as lessons are drawn from it.

    Parameters
    ----------
    exercise, structures, anatomy
        The task, and the case it is on.
    plan, scored
        The needles as they lie, their score and the module's answer.
    reference_answer
        Of the same module to the exercise's reference.
    landing, as_planned
        How the needles came to lie, and what they were worth as planned; None where that is not known.
    """

    exercise: Exercise
    structures: StructureSet
    anatomy: Anatomy
    plan: Plan
    scored: Scored
    reference_answer: Assessment
    landing: Landing | None = None
    as_planned: Scored | None = None

    @property
    def reference(self) -> Plan:
        """The plan it is measured against."""
        return self.exercise.reference.plan

    @cached_property
    def miss(self) -> Miss | None:
        """By how much the zones miss as they lie."""
        return zone_miss(self.structures, self.exercise.lesion, self.plan, self.reference)

    def lost(self, part: str) -> float:
        """Points a part of the score lost; 0 where they are too few to speak of."""
        found = self.part(part)
        lost = found.most - found.points
        return lost if lost > LEAST_POINTS else 0.0

    def part(self, id: str) -> ScorePart:
        """A part of the score.

        Raises
        ------
        InvalidValue
            If the score has no such part.
        """
        for part in self.scored.score.parts:
            if part.id == id:
                return part
        raise InvalidValue("The score has no such part.", id, "Score the attempt anew.")


def metric_of(answer: Assessment, name: str, subject: str) -> Metric | None:
    """A metric of an answer, where it is there and has a value."""
    for metric in answer.metrics:
        if metric.name == name and metric.subject == subject and metric.value is not None:
            return metric
    return None
