"""Two scans of one patient: how one is registered to the other and laid over it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.case import Case
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.image import Image
from planner.model.registration import Registration
from planner.model.roles import Role

BoolArray = npt.NDArray[np.bool_]
Moves = tuple[float, float, float, float, float, float]

#: Tissue so near to a lesion or a zone looks different after treatment and must not pull the liver.
TREATED_MM = 10.0
#: What stands where the other CT has nothing, so that the picture can tell it from air.
NOTHING_HU = -2000
BY_HAND = "corrected by hand"
#: SPECT and PET, and what is told of fitting them.
NUCLEAR = ("NM", "PT")
LITTLE_ANATOMY = "Activity shows little anatomy: look at it, or register the CT made with it instead"


class NextClick(StrEnum):
    """What the next click in a slice means."""

    NOTHING = "nothing"
    LANDMARK_HERE = "a landmark on the planning scan"
    LANDMARK_THERE = "the same place on the other scan"
    ZONE = "a place within the zone"
    NEEDLE_ENTRY = "where the needle passes the skin"
    NEEDLE_TIP = "the needle's tip"


@dataclass(frozen=True, eq=False)
class ScanPair:
    """The scan plans are made on, and another of the same patient."""

    case: Case
    planning: Image
    other: Image


@dataclass(frozen=True, eq=False)
class LaidOver:
    """The other scan on the planning scan's lattice.

    Parameters
    ----------
    image
        Its values there; `NOTHING_HU` and below (CT), or zero, where it has none.
    registration
        By which it was laid.
    planning, other
        Ids of the two scans.
    """

    image: Image
    registration: Registration
    planning: str
    other: str


def make_registration(pair: ScanPair, is_local: bool, task: Task) -> Registration:
    """Register the planning scan to the other; any thread may ask.

    Raises
    ------
    InvalidValue
        If the scans do not overlap, or a local one lacks a liver or two scans of one kind.
    """
    from planner.compute.rigid_registration import register_rigid  # loads scipy

    liver = mask_on(pair, names_of(pair.case, Role.LIVER))
    known = pair.case.registration(pair.planning.id, pair.other.id)
    if is_local and known is not None and _is_by_a_person(known) and is_forward(known, pair):
        found = replace(known.unjudged, field=None)
    else:
        part = task.part(0.0, 0.4 if is_local else 1.0)
        found = register_rigid(pair.planning, pair.other, within=liver, task=part)
        if pair.other.modality in NUCLEAR:
            found = replace(found, notes=(*found.notes, LITTLE_ANATOMY))
    if not is_local:
        return found
    from planner.compute.local_deformation import register_local

    if liver is None:
        raise InvalidValue(
            "Without a liver there is no local registration.", pair.planning.title, "Outline the liver."
        )
    treated = mask_on(pair, names_of(pair.case, Role.LESION, Role.ABLATION_ZONE))
    ignored = None if treated is None else _grown(treated, pair.planning, TREATED_MM)
    return register_local(pair.planning, pair.other, found, liver, ignored=ignored, task=task.part(0.4, 1.0))


def _is_by_a_person(registration: Registration) -> bool:
    """Whether somebody laid the scans over each other, by hand or by landmarks: not to be found anew."""
    from planner.compute.landmark_fit import BY_LANDMARKS

    return BY_HAND in registration.notes or registration.method == BY_LANDMARKS


def make_laid_over(pair: ScanPair, registration: Registration, task: Task) -> LaidOver:
    """The other scan on the planning scan's lattice; any thread may ask."""
    from planner.compute.registration import resampled  # loads the registration's libraries

    task.report(0.2, f"Laying {pair.other.title} over {pair.planning.title}")
    is_ct, other = pair.other.modality == "CT", pair.other
    if is_ct and other.values.dtype.kind == "u":
        other = replace(other, values=other.values.astype(np.int32))
    image = resampled(other, registration, pair.planning.grid, NOTHING_HU if is_ct else 0.0)
    task.check()
    if is_ct and image.values.dtype != np.int16:
        image = replace(image, values=np.rint(image.values).astype(np.int16))
    return LaidOver(image, registration, pair.planning.id, pair.other.id)


def names_of(case: Case, *roles: Role) -> tuple[str, ...]:
    """The structures of these roles that have a voxel."""
    if not case.structure_sets:
        return ()
    structures = case.structures
    return tuple(s.name for s in structures.with_role(*roles) if not structures.box(s.name).is_empty)


def to_other(registration: Registration, planning: str, points_lps_mm: FloatArray) -> FloatArray:
    """Points (n, 3) of the planning scan in the other, whichever of the two the registration starts from."""
    is_first = registration.from_image == planning
    return registration.map_points(points_lps_mm) if is_first else registration.inverse_points(points_lps_mm)


def from_other(registration: Registration, planning: str, points_lps_mm: FloatArray) -> FloatArray:
    """Points (n, 3) of the other scan in the planning scan."""
    is_first = registration.from_image == planning
    return registration.inverse_points(points_lps_mm) if is_first else registration.map_points(points_lps_mm)


def movement(moves: Moves, center_lps_mm: FloatArray) -> FloatArray:
    """The 4 x 4 matrix of a shift in mm and turns in degrees about x, y and z through a point."""
    turn = np.eye(3)
    for axis, degrees in enumerate(moves[3:]):
        a, b = (n for n in range(3) if n != axis)
        angle = np.radians(degrees) * (-1.0 if axis == 1 else 1.0)
        step = np.eye(3)
        step[a, a] = step[b, b] = np.cos(angle)
        step[a, b], step[b, a] = -np.sin(angle), np.sin(angle)
        turn = step @ turn
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = center_lps_mm + np.array(moves[:3]) - turn @ center_lps_mm
    return matrix


def is_forward(registration: Registration, pair: ScanPair) -> bool:
    """Whether a registration starts from the planning scan."""
    return registration.from_image == pair.planning.id


def mask_on(pair: ScanPair, names: tuple[str, ...]) -> BoolArray | None:
    """Structures as one mask [k, j, i] on the planning scan's lattice; None where there are none."""
    if not names:
        return None
    structures, image = pair.case.structures, pair.planning
    mask = structures.union_mask(names)
    if structures.grid.same_as(image.grid):
        return mask
    from planner.compute.registration import resampled_mask

    return resampled_mask(mask, structures.grid, image.id, Registration.identity(image), image.grid)


def _grown(mask: BoolArray, image: Image, by_mm: float) -> BoolArray:
    """A mask with all voxels nearer to it than a distance."""
    import scipy.ndimage as ndi

    from planner.model.structures import bounding_box

    i, j, k = (int(np.ceil(by_mm / s)) for s in image.grid.spacing_mm)
    box = bounding_box(mask).grown((k, j, i), image.grid.shape)
    grown = np.zeros(mask.shape, dtype=bool)
    away = ndi.distance_transform_edt(~mask[box.slices], sampling=image.grid.spacing_mm[::-1])
    grown[box.slices] = away <= by_mm
    return grown


def reached_box(grid: Grid, pair: ScanPair, registration: Registration) -> Box:
    """The voxels of the other scan a lattice of the planning scan may come to lie in."""
    rows = [np.linspace(0, n - 1, 9) for n in grid.shape[::-1]]
    ijk = np.stack(np.meshgrid(*rows, indexing="ij"), axis=-1).reshape(-1, 3)
    onto = pair.other.grid
    # A deformation between these points moves less than the margin added here.
    rim = 2 + np.ceil(8.0 / np.array(onto.spacing_mm)) * (registration.field is not None)
    at = onto.to_ijk(to_other(registration, pair.planning.id, grid.to_lps(ijk)))
    low = np.clip(np.floor(at.min(axis=0) - rim), 0, onto.shape[::-1]).astype(int)[::-1]
    high = np.clip(np.ceil(at.max(axis=0) + rim) + 1, 0, onto.shape[::-1]).astype(int)[::-1]
    k0, j0, i0 = (int(n) for n in low)
    k1, j1, i1 = (int(n) for n in high)
    return Box((k0, j0, i0), (max(k0, k1), max(j0, j1), max(i0, i1)))
