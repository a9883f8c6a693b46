"""Marking what has no mask yet: a lesion in two clicks, liver and skin by a helper."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.io.placement import place, placement_of
from planner.model.case import Case
from planner.model.image import Image
from planner.model.plan import Point
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vocabulary import vocabulary
from planner.session.session import Session

BoolArray = npt.NDArray[np.bool_]


class Outline(StrEnum):
    """What is being marked, and how."""

    NONE = "none"
    LESION_DIAMETERS = "lesion by two diameters"
    LESION_GROWN = "lesion by one click"
    LIVER = "liver by one click"


@dataclass(frozen=True, eq=False)
class Proposal:
    """An outline to accept or throw away."""

    structure: Structure
    mask: BoolArray


class Outlining:
    """Clicks become a proposed structure; accepting it is a change of the case that can be undone.

    Parameters
    ----------
    session
        Whose case gets the structure.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.mode = Outline.NONE
        self.clicks: list[Point] = []
        self.proposal: Proposal | None = None
        self.ends: tuple[Point, ...] = ()
        self.short_mm: float | None = None

    def start(self, mode: Outline) -> None:
        """Wait for the clicks of a mode."""
        self.mode, self.clicks, self.proposal = mode, [], None
        self.ends, self.short_mm = (), None
        self.changed.emit()

    def cancel(self) -> None:
        """Throw away what was begun."""
        self.start(Outline.NONE)

    def click(self, lps_mm: Point) -> bool:
        """Take a click; returns whether a proposal can be made now.

        Raises
        ------
        PlannerError
            If the shown image has another frame of reference than the structures.
        """
        self._session.check_frame(self._session.selection.image)
        self.clicks.append(lps_mm)
        self.changed.emit()
        return len(self.clicks) >= (2 if self.mode == Outline.LESION_DIAMETERS else 1)

    def propose(self, task: Task | None = None) -> Proposal:
        """Make the proposal of the clicks; may take seconds.

        Raises
        ------
        InvalidValue
            If nothing sensible is found there.
        """
        case = self._session.case
        image = case.image(self._session.selection.image)
        if self.mode == Outline.LESION_DIAMETERS:
            self.ends = tuple(self.clicks[:2])
            return self._ellipsoid(case)
        if image.modality != "CT" and self.mode == Outline.LIVER:
            raise InvalidValue(
                "The liver helper needs a CT in HU.", image.title, "Import a liver mask instead."
            )
        from planner.compute.outlining import grown_region, liver_mask  # loads scipy

        seed = np.array(self.clicks[0])
        if self.mode == Outline.LESION_GROWN:
            mask = grown_region(image.values, image.grid, seed, task=task)
            lesion = _new_structure(case, Role.LESION, "lesion", self.mode)
            return Proposal(lesion, _on_lattice(mask, image, case))
        mask = liver_mask(image.values, image.grid, seed, task)
        return Proposal(_new_structure(case, Role.LIVER, "liver", self.mode), _on_lattice(mask, image, case))

    def propose_skin(self, task: Task | None = None) -> Proposal:
        """The body by a threshold; may take seconds; raises `InvalidValue` for what is no CT."""
        case = self._session.case
        image = case.image(self._session.selection.image)
        self._session.check_frame(image.id)
        if image.modality != "CT":
            raise InvalidValue(
                "The skin helper needs a CT in HU.", image.title, "Import a skin mask instead."
            )
        from planner.compute.outlining import body_mask  # loads scipy

        mask = body_mask(image.values, image.grid, task)
        skin = _new_structure(case, Role.SKIN, "skin", "body by threshold")
        return Proposal(skin, _on_lattice(mask, image, case))

    def show(self, proposal: Proposal) -> None:
        """Offer a proposal."""
        self.proposal, self.clicks = proposal, []
        self.changed.emit()

    def accept(self) -> None:
        """Make the proposal a structure of the case."""
        if self.proposal is None:
            raise PlannerError("There is nothing to accept.", "", "Click first.")
        structure, mask = self.proposal.structure, self.proposal.mask
        self.mode, self.proposal, self.ends = Outline.NONE, None, ()
        structures = structures_to_edit(self._session.case, self._session.selection.image)
        self._session.change_structures(f"Add {structure.name}", structures.with_mask(structure, mask))
        if structure.role == Role.LESION:
            self._session.selection.choose(lesion=structure.name)
        self.changed.emit()

    def adjust(self, ends: tuple[Point, Point] | None = None, short_mm: float | None = None) -> None:
        """Move the ends of a proposed ellipsoid's long diameter, or change its short one."""
        self.ends = ends or self.ends
        self.short_mm = short_mm if short_mm is not None else self.short_mm
        if len(self.ends) == 2:
            self.show(self._ellipsoid(self._session.case))

    def _ellipsoid(self, case: Case) -> Proposal:
        """A lesion whose longest diameter runs from end to end; across it is the short one."""
        from planner.compute.outlining import ellipsoid_mask  # loads scipy

        first, second = (np.array(p) for p in self.ends)
        length = float(np.linalg.norm(second - first))
        if length < 2.0:
            raise InvalidValue(
                "The two ends of the diameter lie on one point.", f"{length:.1f} mm", "Click both ends."
            )
        short = self.short_mm or length
        along = (second - first) / length
        side = np.cross(along, (0.0, 0.0, 1.0) if abs(along[2]) < 0.9 else (1.0, 0.0, 0.0))
        side /= np.linalg.norm(side)
        axes = np.stack([along, side, np.cross(along, side)])
        structures = structures_to_edit(case, self._session.selection.image)
        mask = ellipsoid_mask(structures.grid, (first + second) / 2, axes, np.array([length, short, short]))
        return Proposal(_new_structure(case, Role.LESION, "lesion", Outline.LESION_DIAMETERS), mask)


def structures_to_edit(case: Case, image: str = "") -> StructureSet:
    """The set new structures go into: the first, or an empty one over the image."""
    if case.structure_sets:
        return case.structures
    shown = case.image(image)
    return StructureSet("structures", shown.grid, (), (), shown.identity.frame_of_reference_uid)


def _on_lattice(mask: BoolArray, image: Image, case: Case) -> BoolArray:
    """A mask found on an image, on the lattice of the set it goes into."""
    target = structures_to_edit(case, image.id).grid
    if target.same_as(image.grid):
        return mask
    placed = place(mask.view(np.uint8), placement_of(image.grid, target), "the outline")
    return np.asarray(placed, dtype=bool)


def _new_structure(case: Case, role: Role, stem: str, origin: str) -> Structure:
    used = {s.name for s in case.structures.structures} if case.structure_sets else set()
    name = stem
    if role == Role.LESION or name in used:
        name = next(f"{stem} {n}" for n in range(1, 1000) if f"{stem} {n}" not in used)
    entry = vocabulary().entry(role)
    return Structure(name, role, color=entry.color, code=entry.code, origin=str(origin))
