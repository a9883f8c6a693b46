"""What of a lesion was left untreated, as a region: on the slices of both scans, and as a structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.geometry import Grid
from planner.model.registration import Registration
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vocabulary import vocabulary
from planner.session.scan_pairs import ScanPair, reached_box

if TYPE_CHECKING:
    from planner.planning.achieved_margin import AchievedMargin

BoolArray = npt.NDArray[np.bool_]

#: Less than this is printed as 0.00 ml, and is what a lattice makes of rounding.
LEAST_ML = 0.005
PREFIX = "residual "


@dataclass(frozen=True, eq=False)
class ResidualRegion:
    """What was left untreated, in the space of one of the two scans.

    Parameters
    ----------
    image
        Id of the scan.
    mask, grid
        Its voxels [k, j, i], on a lattice of its own or on a part of the scan's.

    Raises
    ------
    InvalidValue
        If the mask does not have its grid's shape, or holds no voxel.
    """

    image: str
    mask: BoolArray
    grid: Grid

    def __post_init__(self) -> None:
        if self.mask.shape != self.grid.shape:
            raise InvalidValue(
                "A mask needs the shape of its grid.", f"mask {self.mask.shape}, grid {self.grid.shape}"
            )
        if not self.mask.any():
            raise InvalidValue("A region that was left has a voxel.", f"scan '{self.image}'")
        self.mask.setflags(write=False)


def residual_regions(
    pair: ScanPair, registration: Registration, margin: AchievedMargin
) -> tuple[ResidualRegion, ...]:
    """What was left of a lesion in the planning scan, and carried by the registration in the other.

    Parameters
    ----------
    margin
        As it was judged in the planning scan's space.

    Returns
    -------
    None where nothing was left; the planning scan's alone where it does not reach a voxel of the other.
    """
    from planner.compute.registration import resampled_mask

    if margin.residual_ml < LEAST_ML or not margin.residual.any():
        return ()
    here = ResidualRegion(pair.planning.id, margin.residual, margin.residual_grid)
    box = reached_box(here.grid, pair, registration)
    if box.is_empty:
        return (here,)
    near = pair.other.grid.cropped(box)
    there = resampled_mask(here.mask, here.grid, pair.planning.id, registration, near)
    return (here, ResidualRegion(pair.other.id, there, near)) if there.any() else (here,)


def with_residual(structures: StructureSet, lesion: str, zone: str, task: Task | None = None) -> StructureSet:
    """A copy of structures with what of a lesion lies outside a zone as a lesion of its own.

    Any thread may ask.  It has the lesion's own voxels without the zone's; one that was kept before is
    replaced.

    Raises
    ------
    PlannerError
        If no voxel of the lesion lies outside the zone.
    """
    if task is not None:
        task.report(0.0, f"What is left of {lesion}")
    mask = structures.mask(lesion) & ~structures.mask(zone)
    if not mask.any():
        raise PlannerError(
            "No whole voxel of the lesion lies outside the zone.",
            f"'{lesion}' in '{zone}'",
            "What is left is smaller than a voxel: there is nothing to keep.",
        )
    old = structures[lesion]
    entry = vocabulary().entry(Role.LESION)
    kept = Structure(
        residual_name(lesion),
        Role.LESION,
        color=entry.color,
        code=old.code,
        origin=f"what {zone} left of {lesion}",
    )
    return structures.with_mask(kept, mask)


def residual_name(lesion: str) -> str:
    """``residual livertumor05``; of what is a residual already, its next number."""
    if not lesion.startswith(PREFIX):
        return f"{PREFIX}{lesion}"
    stem, _, last = lesion.rpartition(" of round ")
    if stem and last.isdigit():
        return f"{stem} of round {int(last) + 1}"
    return f"{lesion} of round 2"
