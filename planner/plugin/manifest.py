"""The manifest of a treatment module, read without importing anything of it."""

from __future__ import annotations

import importlib.util
import tomllib
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from planner.base.errors import PlannerError
from planner.model.roles import Role

FILE_NAME = "module.toml"
#: The contract this planner speaks; a module names the one it was written for.
API_VERSION = 1


@dataclass(frozen=True)
class ShownMetric:
    """A metric as the window and the report show it.

    Parameters
    ----------
    name, title
        Stable identifier, and its words for people.
    is_headline
        Whether it decides and is shown large.
    """

    name: str
    title: str
    is_headline: bool = False


@dataclass(frozen=True)
class Section:
    """Metrics shown together.

    Parameters
    ----------
    title
        Heading.
    of
        Whose metrics: ``lesion``, ``instrument`` or ``plan``.
    metrics
        In the order shown.
    answer
        Which answer they stand in: ``assess`` or ``simulate``.
    """

    title: str
    of: str
    metrics: tuple[ShownMetric, ...]
    answer: str = "assess"


@dataclass(frozen=True)
class Manifest:
    """What a module says of itself.

    Parameters
    ----------
    id, title, version
        Its name for machines and for people, and its version.
    api
        Version of the contract it was written for.
    instruments
        Kinds of instruments it judges; of catheter targets also ``catheter_target/`` with the agent.
    needs
        Roles of structures without which it cannot answer.
    entry
        Dotted name of its logic.
    sections
        How its metrics are shown; what is named in none is shown in the report's full table alone.
    waits
        Whether it prepares a case only once a plan has an instrument for it; else as soon as the case is open.
    reads_vessels
        Whether what it prepares depends on the case's trees of vessels too, and not on its structures alone.
    """

    id: str
    title: str
    version: str
    api: int
    instruments: tuple[str, ...]
    needs: tuple[Role, ...]
    entry: str
    sections: tuple[Section, ...] = ()
    waits: bool = False
    reads_vessels: bool = False

    def sections_of(self, answer: str) -> tuple[Section, ...]:
        """The sections that stand in an answer."""
        return tuple(s for s in self.sections if s.answer == answer)


def read_manifest(entry_point: EntryPoint) -> Manifest:
    """The manifest of an entry point's package.

    Only the top-level package is looked up: asking for a subpackage would import its parent.

    Raises
    ------
    PlannerError
        If it is missing, incomplete, or speaks another contract.
    """
    top, _, rest = entry_point.value.partition(".")
    spec = importlib.util.find_spec(top)
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        path = Path(place).joinpath(*rest.split(".") if rest else ()) / FILE_NAME
        if path.is_file():
            return _checked(path, entry_point)
    raise PlannerError(
        f"The module '{entry_point.name}' has no manifest.",
        f"{FILE_NAME} in {entry_point.value}",
        "Reinstall the package that brings it.",
    )


def _checked(path: Path, entry_point: EntryPoint) -> Manifest:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest(
            id=str(table["id"]),
            title=str(table["title"]),
            version=str(table["version"]),
            api=int(table["api"]),
            instruments=tuple(str(i) for i in table["instruments"]),
            needs=tuple(Role(n) for n in table.get("needs", ())),
            entry=f"{entry_point.value}.{table.get('entry', 'logic')}",
            sections=tuple(_section(s) for s in table.get("section", ())),
            waits=bool(table.get("waits", False)),
            reads_vessels=bool(table.get("reads_vessels", False)),
        )
    except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError) as error:
        raise PlannerError(
            f"The manifest of the module '{entry_point.name}' is wrong.",
            f"{FILE_NAME}: {error}",
            "Correct it.",
        ) from None
    if manifest.id != entry_point.name:
        raise PlannerError(
            "A module is registered under another name than its manifest says.",
            f"'{entry_point.name}' and '{manifest.id}'",
            "Make the two agree.",
        )
    if manifest.api != API_VERSION:
        raise PlannerError(
            "A module was written for another version of the contract.",
            f"'{manifest.id}' speaks {manifest.api}, this planner {API_VERSION}",
            "Update the module or the planner.",
        )
    return manifest


def _section(table: dict[str, Any]) -> Section:
    if table["of"] not in ("lesion", "instrument", "plan"):
        raise ValueError(f"section '{table['title']}' speaks of '{table['of']}'")
    answer = str(table.get("answer", "assess"))
    if answer not in ("assess", "simulate"):
        raise ValueError(f"section '{table['title']}' stands in '{answer}'")
    shown = (ShownMetric(m["name"], m["title"], bool(m.get("headline", False))) for m in table["metrics"])
    return Section(str(table["title"]), str(table["of"]), tuple(shown), answer)
