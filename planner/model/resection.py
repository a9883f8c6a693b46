"""Resections: what parts the liver, and which side is taken out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray, unit_vector
from planner.model.points import Point, as_point, finite_point
from planner.model.stages import check_stage

#: A patch has so many control points in each direction.
FEWEST_CONTROLS, MOST_CONTROLS = 2, 12
#: To whom what lies between the two sides is given: nobody said, the specimen, or the remnant.
SIDES = ("", "specimen", "remnant")


#: A normal whose length is 1 to this is left as it is.
UNIT_HAIR = 1e-12


@dataclass(frozen=True)
class PlaneCut:
    """A plane; what lies on the side its normal points to is taken out.

    Raises
    ------
    InvalidValue
        If the normal has no length.
    """

    point_lps_mm: Point
    normal_lps: Point

    type = "plane"

    def __post_init__(self) -> None:
        object.__setattr__(self, "point_lps_mm", finite_point(self.point_lps_mm, "point of a plane"))
        normal = finite_point(self.normal_lps, "normal of a plane")
        # One that was read stays as it was written: a second division would change its last digits.
        if abs(math.hypot(*normal) - 1.0) > UNIT_HAIR:
            normal = as_point(unit_vector(normal))
        object.__setattr__(self, "normal_lps", normal)

    def distance_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """Signed distances of points (n, 3), positive on the side that is taken out; (n,)."""
        return np.asarray((points_lps_mm - np.array(self.point_lps_mm)) @ np.array(self.normal_lps))


@dataclass(frozen=True)
class PatchCut:
    """A surface through a net of control points; what lies behind it along its normal is taken out.

    The normal is that of the first direction of the net crossed with the second.

    Parameters
    ----------
    control_lps_mm
        Rows of points, each row as long as the others: ``control[row][column]``.

    Raises
    ------
    InvalidValue
        If the net is no rectangle of points, too small or too large, or two neighbours coincide.
    """

    control_lps_mm: tuple[tuple[Point, ...], ...]

    type = "patch"

    def __post_init__(self) -> None:
        rows = tuple(
            tuple(finite_point(p, "control point of a patch") for p in row) for row in self.control_lps_mm
        )
        object.__setattr__(self, "control_lps_mm", rows)
        sizes = {len(row) for row in rows}
        if len(sizes) != 1 or not all(FEWEST_CONTROLS <= n <= MOST_CONTROLS for n in (len(rows), *sizes)):
            raise InvalidValue(
                f"A patch is a net of {FEWEST_CONTROLS} to {MOST_CONTROLS} control points each way.",
                f"{len(rows)} rows of {sorted(sizes)} points",
            )
        net = self.control
        for axis in (0, 1):
            if (np.linalg.norm(np.diff(net, axis=axis), axis=-1) == 0).any():
                raise InvalidValue("Two neighbouring control points of a patch coincide.", "patch")

    @property
    def control(self) -> FloatArray:
        """The net, shape (rows, columns, 3)."""
        return np.array(self.control_lps_mm, dtype=float)


@dataclass(frozen=True)
class SegmentsCut:
    """Structures, such as Couinaud's segments, that are taken out whole."""

    structures: tuple[str, ...]

    type = "segments"

    def __post_init__(self) -> None:
        object.__setattr__(self, "structures", tuple(dict.fromkeys(self.structures)))
        if not self.structures or not all(self.structures):
            raise InvalidValue("A resection by segments names one at least.", f"{self.structures}")


@dataclass(frozen=True)
class TerritoriesCut:
    """Territories of branches of a tree, with all beyond them, that are taken out."""

    tree: str
    branches: tuple[int, ...]

    type = "territories"

    def __post_init__(self) -> None:
        object.__setattr__(self, "branches", tuple(sorted(set(self.branches))))
        if not self.tree or not self.branches or min(self.branches) < 0:
            raise InvalidValue(
                "A resection by territories names a tree and a branch at least.",
                f"'{self.tree}' {self.branches}",
            )


@dataclass(frozen=True)
class MarginCut:
    """An excision around a lesion at a margin.

    Parameters
    ----------
    lesion
        Its name.
    margin_mm
        Liver taken all around it; positive.
    is_wedge
        Whether what lies between it and the capsule is taken along, on the way that takes least liver.
    """

    lesion: str
    margin_mm: float
    is_wedge: bool = True

    type = "margin"

    def __post_init__(self) -> None:
        object.__setattr__(self, "margin_mm", float(self.margin_mm))
        if not self.lesion or not (math.isfinite(self.margin_mm) and self.margin_mm > 0):
            raise InvalidValue(
                "An excision names a lesion and a positive margin.", f"'{self.lesion}', {self.margin_mm} mm"
            )


Cut = PlaneCut | PatchCut | SegmentsCut | TerritoriesCut | MarginCut
CUTS: dict[str, type[Cut]] = {
    cut.type: cut for cut in (PlaneCut, PatchCut, SegmentsCut, TerritoriesCut, MarginCut)
}


def cut_document(cut: Cut) -> dict[str, Any]:
    """A cut as plans and messages keep it: its type and its fields."""
    return {"type": cut.type, **{f.name: getattr(cut, f.name) for f in fields(cut)}}


def cut_of_document(document: Mapping[str, Any]) -> Cut:
    """The cut of a document.

    Raises
    ------
    InvalidValue
        If its type is not known, a field is missing, unknown or of another kind, or a value impossible.
    """
    found = dict(document)
    kind = found.pop("type", None)
    if kind not in CUTS:
        raise InvalidValue(
            "This kind of resection surface is not known.", f"{kind!r}", f"Known are {', '.join(CUTS)}."
        )
    try:
        return CUTS[kind](**found)
    except TypeError as error:
        raise InvalidValue("A field of a resection surface is wrong.", f"{kind}: {error}") from None


@dataclass(frozen=True)
class Resection:
    """A part of the liver that is taken out.

    Parameters
    ----------
    id
        Unique in the plan, such as ``r1``.
    surface
        What parts it from the rest.
    name
        Of the operation, such as ``right hemihepatectomy``; may be empty.
    caudate, middle_hepatic_vein
        To whom each is given (`SIDES`), whatever the surface says.
    stage
        Of a plan in two stages: 1 or 2.
    date
        Day of the operation, ISO 8601; empty where none is set.

    Raises
    ------
    InvalidValue
        If there is no id, or a side, stage or day is none.
    """

    id: str
    surface: Cut
    name: str = ""
    caudate: str = ""
    middle_hepatic_vein: str = ""
    stage: int = 1
    date: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidValue("A resection needs an id.", self.name)
        check_stage(self.stage, self.date, f"resection '{self.id}'")
        for word in ("caudate", "middle_hepatic_vein"):
            if getattr(self, word) not in SIDES:
                raise InvalidValue(
                    "It is given to the specimen or to the remnant.", f"{word}: {getattr(self, word)!r}"
                )

    @property
    def kind(self) -> str:
        """Word of the plan file for this instrument."""
        return "resection"

    @property
    def device(self) -> str:
        """No device of the library cuts: empty."""
        return ""

    @property
    def settings(self) -> Mapping[str, float]:
        """It has no settings of a device."""
        return MappingProxyType({})

    @property
    def lesion(self) -> str:
        """The lesion it is drawn around; empty for other cuts, which may take several."""
        return self.surface.lesion if isinstance(self.surface, MarginCut) else ""

    def with_structure_renamed(self, old: str, new: str) -> Resection:
        """The resection with a structure by its new name."""
        surface = self.surface
        if isinstance(surface, MarginCut) and surface.lesion == old:
            return replace(self, surface=replace(surface, lesion=new))
        if isinstance(surface, SegmentsCut):
            names = tuple(new if name == old else name for name in surface.structures)
            return replace(self, surface=SegmentsCut(names))
        return self


def resection_document(resection: Resection) -> dict[str, Any]:
    """A resection as plans and messages keep it.

    Stage and day are told only where they are set: versions that know neither read all other plans.
    """
    staged: dict[str, Any] = {} if resection.stage == 1 else {"stage": resection.stage}
    if resection.date:
        staged["date"] = resection.date
    return {
        "id": resection.id,
        "surface": cut_document(resection.surface),
        "name": resection.name,
        "caudate": resection.caudate,
        "middle_hepatic_vein": resection.middle_hepatic_vein,
        **staged,
    }


def resection_of_document(document: Mapping[str, Any]) -> Resection:
    """The resection of a document; raises `InvalidValue` as `cut_of_document` does."""
    return Resection(**{**document, "surface": cut_of_document(document["surface"])})
