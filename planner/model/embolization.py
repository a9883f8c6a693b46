"""Embolizations: branches of a vein that are closed, so that the liver they do not feed grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from planner.base.errors import InvalidValue
from planner.model.stages import check_stage


@dataclass(frozen=True)
class Embolization:
    """Branches of a tree that are closed, with all beyond them.

    Parameters
    ----------
    id
        Unique in the plan, such as ``v1``.
    tree
        The case's tree of vessels they belong to.
    branches
        Their numbers, one at least.
    name
        What is closed, such as ``right portal vein``; may be empty.
    stage
        Of a plan in two stages: 1 or 2.
    date
        Day it is or was done, ISO 8601; empty where none is set.

    Raises
    ------
    InvalidValue
        If there is no id, tree or branch, or no such stage or day.
    """

    id: str
    tree: str
    branches: tuple[int, ...]
    name: str = ""
    stage: int = 1
    date: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidValue("An embolization needs an id.", self.name)
        object.__setattr__(self, "branches", tuple(sorted(set(self.branches))))
        if not self.tree or not self.branches or min(self.branches) < 0:
            raise InvalidValue(
                "An embolization names a tree and a branch at least.",
                f"'{self.id}': '{self.tree}' {self.branches}",
                "Choose a branch to close.",
            )
        check_stage(self.stage, self.date, f"embolization '{self.id}'")

    @property
    def kind(self) -> str:
        """Word of the plan file for this instrument."""
        return "embolization"

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
        """It treats no lesion: empty."""
        return ""


def embolization_document(embolization: Embolization) -> dict[str, Any]:
    """An embolization as plans and messages keep it."""
    return {
        "id": embolization.id,
        "tree": embolization.tree,
        "branches": list(embolization.branches),
        "name": embolization.name,
        "stage": embolization.stage,
        "date": embolization.date,
    }


def embolization_of_document(document: Mapping[str, Any]) -> Embolization:
    """The embolization of a document; raises `InvalidValue` where it is wrong."""
    return Embolization(**{**document, "branches": tuple(document["branches"])})
