"""Catheter targets: where the tip lies in an artery, and what is given there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray
from planner.model.points import Point, as_point, finite_point

#: More than this at one tip is no activity in GBq that anybody gives: somebody meant MBq.
MOST_ACTIVITY_GBQ = 20.0


class AgentType(StrEnum):
    """What is given."""

    Y90_GLASS = "y90_glass"
    Y90_RESIN = "y90_resin"
    TACE = "tace"
    INFUSION = "infusion"

    @property
    def words(self) -> str:
        """For people."""
        return _WORDS[self]

    @property
    def is_y90(self) -> bool:
        """Whether it is given by activity."""
        return self in (AgentType.Y90_GLASS, AgentType.Y90_RESIN)


_WORDS = {
    AgentType.Y90_GLASS: "Y-90 glass",
    AgentType.Y90_RESIN: "Y-90 resin",
    AgentType.TACE: "chemoembolization",
    AgentType.INFUSION: "infusion",
}


@dataclass(frozen=True)
class Agent:
    """What is given at a tip.

    Parameters
    ----------
    type
        Which.
    activity_gbq
        Of Y-90 at the time of treatment, as it is to be given; None where nobody entered it.
    notes
        Drug, particles and doses in the user's own words.

    Raises
    ------
    InvalidValue
        If an activity is given of what has none, is not positive and finite, or looks like MBq.
    """

    type: AgentType
    activity_gbq: float | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        known = [t.value for t in AgentType]
        if self.type not in known:
            raise InvalidValue(
                "There is no such agent.", f"'{self.type}'", f"Use one of: {', '.join(known)}."
            )
        object.__setattr__(self, "type", AgentType(self.type))
        if self.activity_gbq is None:
            return
        if not self.type.is_y90:
            raise InvalidValue("Only Y-90 is given by activity.", self.type.words, "Leave the activity out.")
        activity = float(self.activity_gbq)
        if not math.isfinite(activity) or activity <= 0:
            raise InvalidValue(
                "An activity is a positive number of GBq.", f"{self.activity_gbq}", "Enter it."
            )
        if activity > MOST_ACTIVITY_GBQ:
            raise InvalidValue(
                "This activity is far more than anybody is given.",
                f"{activity:g} GBq",
                f"Enter GBq: {activity / 1000:g} GBq, if {activity:g} MBq are meant.",
            )
        object.__setattr__(self, "activity_gbq", activity)


@dataclass(frozen=True)
class CatheterTarget:
    """A tip in a vessel of a tree of the case, or a volume that was seen to be perfused from it; or both.

    Parameters
    ----------
    id
        Unique in the plan, such as ``c1``.
    tree
        The case's tree of vessels; may be empty where a structure says what is perfused.
    position_lps_mm
        The tip; it is taken to the nearest point of the tree.
    agent
        What is given.
    perfused_structure
        Name of a structure that was seen to be perfused, as in a cone-beam CT; it goes before the tree.
    name
        What is fed, such as ``right anterior artery``; may be empty.

    Raises
    ------
    InvalidValue
        If there is no id, neither tree nor structure, or a coordinate is not finite.
    """

    id: str
    tree: str
    position_lps_mm: Point
    agent: Agent
    perfused_structure: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidValue("A catheter target needs an id.", self.name)
        if not self.tree and not self.perfused_structure:
            raise InvalidValue(
                "A catheter target lies in a vessel, or names what is perfused.",
                f"'{self.id}'",
                "Click a branch of an artery, or choose a perfused volume.",
            )
        place = finite_point(self.position_lps_mm, f"position_lps_mm of '{self.id}'")
        object.__setattr__(self, "position_lps_mm", place)

    @property
    def kind(self) -> str:
        """Word of the plan file for this instrument."""
        return "catheter_target"

    @property
    def device(self) -> str:
        """No device of the library: empty."""
        return ""

    @property
    def settings(self) -> Mapping[str, float]:
        """It has no settings of a device."""
        return MappingProxyType({})

    @property
    def lesion(self) -> str:
        """It feeds what its vessel feeds: empty."""
        return ""

    @property
    def title(self) -> str:
        """Its name, or its id where it has none."""
        return self.name or self.id

    def moved_to(self, lps_mm: FloatArray) -> CatheterTarget:
        """The same with its tip somewhere else."""
        return replace(self, position_lps_mm=as_point(lps_mm))

    def with_structure_renamed(self, old: str, new: str) -> CatheterTarget:
        """The same where a structure has a new name."""
        return replace(self, perfused_structure=new) if self.perfused_structure == old else self


def catheter_document(target: CatheterTarget) -> dict[str, Any]:
    """A catheter target as plans and messages keep it."""
    return {
        "id": target.id,
        "tree": target.tree,
        "position_lps_mm": list(target.position_lps_mm),
        "agent": {
            "type": target.agent.type.value,
            "activity_gbq": target.agent.activity_gbq,
            "notes": target.agent.notes,
        },
        "perfused_structure": target.perfused_structure,
        "name": target.name,
    }


def catheter_of_document(document: Mapping[str, Any]) -> CatheterTarget:
    """The catheter target of a document; raises `InvalidValue` where it is wrong."""
    agent = dict(document["agent"])
    unknown = sorted(set(agent) - {"type", "activity_gbq", "notes"})
    if unknown or "type" not in agent:
        raise InvalidValue(
            "The agent of a catheter target has a type, an activity and notes.",
            f"'{document.get('id')}': {', '.join(unknown) or 'no type'}",
            "Correct it.",
        )
    return CatheterTarget(
        **{
            **document,
            "position_lps_mm": tuple(document["position_lps_mm"]),
            "agent": Agent(**agent),
        }
    )
