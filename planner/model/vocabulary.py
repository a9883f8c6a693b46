"""Names of structures, what they are to the plan, and how they are shown."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from planner.base.errors import InvalidValue
from planner.model.codes import Code
from planner.model.roles import Role

Color = tuple[int, int, int]

#: Words that say nothing of what a structure is.
_FILLER = frozenset(
    re.findall(
        r"\w+",
        "mask masks seg segmentation segment label labels structure roi contour binary final manual auto"
        " left right lt rt l r the of and",
    )
)

#: ``segment 4`` is Couinaud's; ``Segment_4`` is what 3D Slicer calls anything new.
_SEGMENT = re.compile(r"(?:segment|seg\.?) ?([1-8])", re.IGNORECASE)


@dataclass(frozen=True)
class RoleEntry:
    """How a role is titled, coded and coloured.

    Parameters
    ----------
    title
        As shown, such as ``Portal vein``.
    code
        SNOMED CT concept, as in the DICOM context groups.
    color
        Red, green, blue, 0..255.
    """

    title: str
    code: Code
    color: Color


@dataclass(frozen=True)
class LabelTable:
    """What the label numbers of a program mean."""

    id: str
    title: str
    names: Mapping[int, str]


@dataclass(frozen=True)
class Vocabulary:
    """Names to roles, roles to entries, and label numbers of known programs to names."""

    entries: Mapping[Role, RoleEntry]
    names: Mapping[str, Role]
    patterns: tuple[tuple[Role, re.Pattern[str]], ...]
    label_tables: Mapping[str, LabelTable]

    def role_of(self, name: str) -> Role:
        """The role a structure's name speaks of; `Role.OTHER` where it says nothing we know."""
        spaced = normalized(name)
        if spaced in self.names:
            return self.names[spaced]
        if found := _SEGMENT.fullmatch(name.strip()):
            return Role(f"couinaud_{found.group(1)}")
        for role, pattern in self.patterns:
            if pattern.search(spaced):
                return role
        return self.names.get(_bare(spaced), Role.OTHER)

    def entry(self, role: Role) -> RoleEntry:
        """Title, code and colour of a role."""
        return self.entries[Role(role)]

    def labels(self, id: str) -> LabelTable:
        """The label table of a program.

        Raises
        ------
        InvalidValue
            If there is no such table.
        """
        try:
            return self.label_tables[id]
        except KeyError:
            raise InvalidValue(
                "There is no label table of this name.", id, f"Choose one of: {', '.join(self.label_tables)}."
            ) from None

    def role_from_text(self, text: str) -> Role:
        """A role from its identifier or title.

        Raises
        ------
        InvalidValue
            If there is no such role.
        """
        wanted = normalized(text)
        for role, entry in self.entries.items():
            if wanted in (normalized(role.value), normalized(entry.title)):
                return role
        raise InvalidValue(
            "There is no such role.", f"'{text}'", f"Choose one of: {', '.join(r.value for r in Role)}."
        )


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary the planner ships."""
    document = tomllib.loads(_file().read_text("utf-8"))
    entries: dict[Role, RoleEntry] = {}
    names: dict[str, Role] = {}
    patterns: list[tuple[Role, re.Pattern[str]]] = []
    for key, table in document["roles"].items():
        role = Role(key)
        entries[role] = RoleEntry(table["title"], Code(*table["code"]), _rgb(table["color"]))
        for name in (role.value, table["title"], *table.get("names", ())):
            names[normalized(name)] = role
        patterns += [(role, re.compile(p)) for p in table.get("patterns", ())]
    tables = {
        key: LabelTable(key, t["title"], MappingProxyType(dict(enumerate(t["names"], start=1))))
        for key, t in document["labels"].items()
    }
    return Vocabulary(
        MappingProxyType(entries), MappingProxyType(names), tuple(patterns), MappingProxyType(tables)
    )


def normalized(name: str) -> str:
    """A name in lower case without accents, words and numbers parted by one space."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain)
    plain = re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", plain)
    return " ".join(re.findall(r"[a-z]+|\d+", plain.lower()))


def _bare(spaced: str) -> str:
    """A normalised name without numbers, laterality and filler."""
    words = [w for w in spaced.split() if not w.isdigit() and w not in _FILLER]
    return " ".join(words)


def _file() -> Path:
    package = Path(__file__).resolve().parents[1]
    shipped = package / "resources" / "structures.toml"
    return shipped if shipped.is_file() else package.parent / "resources" / "structures.toml"


def _rgb(text: str) -> Color:
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue
