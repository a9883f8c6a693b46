"""The liver's voxels with its lesions, as territories and segments share them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.model.geometry import Box, Grid
from planner.model.roles import Role
from planner.model.structures import StructureSet, bounding_box

BoolArray = npt.NDArray[np.bool_]

#: Pieces and holes smaller than this are not worth a word.
SPOKEN_OF_ML = 0.5


@dataclass(frozen=True, eq=False)
class LiverGround:
    """A liver mask in its own box.

    Parameters
    ----------
    whole
        Lattice of the structures.
    box
        The liver's box in it.
    mask
        The liver's voxels ``[k, j, i]`` in that box, one at least.

    Raises
    ------
    InvalidValue
        If there is no voxel, or the mask does not fit the box.
    """

    whole: Grid
    box: Box
    mask: BoolArray = field(repr=False)

    def __post_init__(self) -> None:
        mask = np.ascontiguousarray(self.mask, dtype=bool)
        if mask.shape != self.box.shape or not mask.any():
            raise InvalidValue(
                "A liver has voxels, and a box around them.",
                f"mask {mask.shape}, box {self.box.shape}",
                "Outline the liver first.",
            )
        mask.setflags(write=False)
        object.__setattr__(self, "mask", mask)

    @classmethod
    def of(cls, structures: StructureSet) -> LiverGround:
        """The liver of structures with the lesions that lie in it or touch it, which belong to it.

        Raises
        ------
        InvalidValue
            If no liver is outlined.
        """
        livers = [s.name for s in structures.with_role(Role.LIVER) if not structures.box(s.name).is_empty]
        if not livers:
            raise InvalidValue(
                "No liver is outlined.", f"structures '{structures.id}'", "Outline the liver first."
            )
        return cls.of_mask(structures.grid, structures.union_mask([*livers, *liver_lesions(structures)]))

    @classmethod
    def of_mask(cls, grid: Grid, mask: BoolArray) -> LiverGround:
        """The liver of a mask ``[k, j, i]`` over a grid."""
        if mask.shape != grid.shape:
            raise InvalidValue(
                "A mask needs the shape of its grid.",
                f"mask {mask.shape}, grid {grid.shape}",
                "Give both over the same voxels.",
            )
        box = bounding_box(mask)
        return cls(grid, box, np.array(mask[box.slices]))

    @cached_property
    def grid(self) -> Grid:
        """Lattice of the liver's box."""
        return self.whole.cropped(self.box)

    @cached_property
    def voxel_count(self) -> int:
        """Of the liver."""
        return int(np.count_nonzero(self.mask))

    @property
    def volume_ml(self) -> float:
        """Of the liver."""
        return self.voxel_count * self.grid.voxel_volume_ml

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of this mask: pieces and holes."""
        notes = []
        pieces, _ = ndi.label(self.mask)
        sizes = np.sort(np.bincount(pieces.ravel())[1:] * self.grid.voxel_volume_ml)[::-1]
        apart = sizes[1:][sizes[1:] >= SPOKEN_OF_ML]
        if len(apart):
            notes.append(
                f"The liver lies in {len(apart) + 1} pieces; {apart.sum():.1f} ml stand apart from the largest."
            )
        holes, count = ndi.label(np.pad(~self.mask, 1, constant_values=True))
        hollow = np.bincount(holes.ravel())[1:] * self.grid.voxel_volume_ml
        inner = np.delete(hollow, holes[0, 0, 0] - 1).sum() if count > 1 else 0.0
        if inner >= SPOKEN_OF_ML:
            notes.append(f"The liver has holes of {inner:.1f} ml; they belong to no territory.")
        return tuple(notes)

    def fits(self, other: LiverGround) -> bool:
        """Whether another one is the same voxels."""
        return (
            self.box == other.box
            and self.whole.same_as(other.whole)
            and bool(np.array_equal(self.mask, other.mask))
        )


def liver_lesions(structures: StructureSet) -> tuple[str, ...]:
    """Lesions that share a voxel or a face of one with the liver; others lie elsewhere in the body."""
    livers = [s.name for s in structures.with_role(Role.LIVER)]
    found = []
    for lesion in structures.with_role(Role.LESION):
        if structures.box(lesion.name).is_empty:
            continue
        box = structures.box(lesion.name).grown((1, 1, 1), structures.grid.shape)
        near = ndi.binary_dilation(structures.mask(lesion.name, box))
        if (near & structures.union_mask(livers, box)).any():
            found.append(lesion.name)
    return tuple(found)
