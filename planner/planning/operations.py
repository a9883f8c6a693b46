"""Resections by name, as sets of Couinaud's segments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence, Source
from planner.model.roles import Role
from planner.model.structures import StructureSet

#: The names and which segments each takes.
SOURCE = Source(
    "Brisbane 2000 terminology of liver resections: Strasberg 2000, HPB 2:333; the caudate lobe (1) stays"
    " unless it is named",
    Confidence.ESTABLISHED,
)
SEGMENTS = (1, 2, 3, 4, 5, 6, 7, 8)


@dataclass(frozen=True)
class Operation:
    """A resection that has a name.

    Parameters
    ----------
    id, title
        Stable word, and the name for people.
    group
        Of names that are offered together.
    segments
        What it takes.
    """

    id: str
    title: str
    group: str
    segments: tuple[int, ...]


OPERATIONS: tuple[Operation, ...] = (
    Operation("right_hemihepatectomy", "Right hemihepatectomy", "Hemihepatectomy", (5, 6, 7, 8)),
    Operation("left_hemihepatectomy", "Left hemihepatectomy", "Hemihepatectomy", (2, 3, 4)),
    Operation(
        "extended_right",
        "Extended right hemihepatectomy (right trisectionectomy)",
        "Extended",
        (4, 5, 6, 7, 8),
    ),
    Operation(
        "extended_left", "Extended left hemihepatectomy (left trisectionectomy)", "Extended", (2, 3, 4, 5, 8)
    ),
    Operation("right_anterior", "Right anterior sectionectomy", "Sectionectomy", (5, 8)),
    Operation("right_posterior", "Right posterior sectionectomy", "Sectionectomy", (6, 7)),
    Operation("left_medial", "Left medial sectionectomy", "Sectionectomy", (4,)),
    Operation("left_lateral", "Left lateral sectionectomy", "Sectionectomy", (2, 3)),
    Operation("central", "Central hepatectomy", "Sectionectomy", (4, 5, 8)),
    Operation("caudate", "Caudate resection", "Segmentectomy", (1,)),
    *(Operation(f"segment_{n}", f"Segmentectomy {n}", "Segmentectomy", (n,)) for n in (2, 3, 5, 6, 7, 8)),
)


def operation(id: str) -> Operation:
    """The operation of an id; raises `InvalidValue` where there is none."""
    for known in OPERATIONS:
        if known.id == id:
            return known
    raise InvalidValue(
        "This operation is not known.", id, f"Known are {', '.join(o.id for o in OPERATIONS)}."
    )


def title_of(segments: Iterable[int]) -> str:
    """The name of a resection of segments: an operation's, or the segments told one by one."""
    taken = tuple(sorted(set(segments)))
    for known in OPERATIONS:
        if known.segments == taken:
            return known.title
    without = tuple(n for n in taken if n != 1)
    for known in OPERATIONS:
        if 1 in taken and known.segments == without:
            return f"{known.title} with caudate"
    return "Segments " + ", ".join(map(str, taken)) if len(taken) > 1 else f"Segment {taken[0]}"


def segment_structures(structures: StructureSet) -> Mapping[int, tuple[str, ...]]:
    """Names of the structures of each segment that is outlined; one segment may be in several, as 4a and 4b."""
    found: dict[int, tuple[str, ...]] = {}
    for number in SEGMENTS:
        named = structures.with_role(Role(f"couinaud_{number}"))
        names = tuple(s.name for s in named if not structures.box(s.name).is_empty)
        if names:
            found[number] = names
    return found


def structures_of(structures: StructureSet, segments: Iterable[int]) -> tuple[str, ...]:
    """Names of the structures of segments.

    Raises
    ------
    InvalidValue
        If a segment is not outlined.
    """
    known = segment_structures(structures)
    asked = tuple(sorted(set(segments)))
    missing = [n for n in asked if n not in known]
    if missing:
        words = ", ".join(map(str, missing))
        raise InvalidValue(
            "The liver's segments are not outlined.",
            f"segment {words}" if len(missing) == 1 else f"segments {words}",
            "Make them first in the mode Vessels, or import them.",
        )
    return tuple(name for n in asked for name in known[n])
