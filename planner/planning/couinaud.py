"""Couinaud's eight segments of the liver as a value: volumes, sectors, structures, and where a lesion lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.label_pieces import majority, without_islands
from planner.model.geometry import Box, Grid
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vocabulary import vocabulary
from planner.planning.liver_ground import LiverGround

BoolArray = npt.NDArray[np.bool_]
LabelArray = npt.NDArray[np.uint8]

NUMBERS = (1, 2, 3, 4, 5, 6, 7, 8)
#: Sectors and hemilivers by the segments they hold (Couinaud 1957; Brisbane terms 2000); 1 stands by itself.
SECTORS: dict[str, tuple[int, ...]] = {
    "right posterior": (6, 7),
    "right anterior": (5, 8),
    "left medial": (4,),
    "left lateral": (2, 3),
    "caudate": (1,),
}
HEMILIVERS: dict[str, tuple[int, ...]] = {"right": (5, 6, 7, 8), "left": (2, 3, 4), "caudate": (1,)}

ROLES = {n: Role(f"couinaud_{n}") for n in NUMBERS}


class LabelledLiver(Protocol):
    """A liver with the segment of each voxel: 1 to 8, or 0 where it has none."""

    @property
    def grid(self) -> Grid:
        """Lattice of the labels."""

    @property
    def labels(self) -> LabelArray:
        """``[k, j, i]``."""


@dataclass(frozen=True, eq=False)
class Segments:
    """The liver shared out among Couinaud's segments.

    Parameters
    ----------
    ground
        The liver's voxels.
    labels
        Segment of each voxel, 1 to 8, uint8 ``[k, j, i]`` over the liver's box; 0 outside the liver.
    method
        How they were found, in words.
    notes
        What a reader should know of them, in words.

    Raises
    ------
    InvalidValue
        If shapes do not fit, or a voxel of the liver has no segment.
    """

    ground: LiverGround
    labels: LabelArray = field(repr=False)
    method: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        fits = self.labels.shape == self.grid.shape and self.labels.dtype == np.uint8
        if not fits or ((self.labels > 0) != self.ground.mask).any() or self.labels.max() > 8:
            raise InvalidValue(
                "Each voxel of the liver lies in one of eight segments, and no other voxel does.",
                f"labels {self.labels.dtype} {self.labels.shape}, liver {self.grid.shape}",
                "Find the segments again in this liver.",
            )
        self.labels.setflags(write=False)

    @property
    def grid(self) -> Grid:
        """The lattice of the labels: the liver's box."""
        return self.ground.grid

    @property
    def box(self) -> Box:
        """The liver's box in the structures' lattice."""
        return self.ground.box

    @cached_property
    def _counts(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.labels.ravel(), minlength=9)

    @property
    def present(self) -> tuple[int, ...]:
        """Segments with a voxel."""
        return tuple(n for n in NUMBERS if self._counts[n])

    def voxel_count(self, *segments: int) -> int:
        """Voxels of segments together; over all eight they are the liver's."""
        return int(self._counts[_known(segments)].sum())

    def volume_ml(self, *segments: int) -> float:
        """Volume of segments together."""
        return self.voxel_count(*segments) * self.grid.voxel_volume_ml

    def share_percent(self, *segments: int) -> float:
        """Of the liver that segments have together."""
        return 100.0 * self.voxel_count(*segments) / self.ground.voxel_count

    @property
    def sectors_ml(self) -> dict[str, float]:
        """Volumes of the sectors, by name."""
        return {name: self.volume_ml(*numbers) for name, numbers in SECTORS.items()}

    @property
    def hemilivers_ml(self) -> dict[str, float]:
        """Volumes of the right and left hemiliver and the caudate, by name."""
        return {name: self.volume_ml(*numbers) for name, numbers in HEMILIVERS.items()}

    def mask(self, *segments: int) -> BoolArray:
        """Voxels ``[k, j, i]`` of segments in the liver's box."""
        return np.isin(self.labels, _known(segments))

    def structures(self) -> Iterator[tuple[Structure, BoolArray]]:
        """A structure and its mask ``[k, j, i]`` in the structures' lattice for each segment that has voxels."""
        for number in self.present:
            mask = np.zeros(self.ground.whole.shape, dtype=bool)
            mask[self.box.slices] = self.labels == number
            yield segment_structure(number, self.method), mask

    def added_to(self, structures: StructureSet) -> StructureSet:
        """Structures with these segments; older ones of the same roles are taken out.

        Raises
        ------
        InvalidValue
            If the structures have another lattice.
        """
        if not structures.grid.same_as(self.ground.whole):
            raise InvalidValue(
                "The segments were found in another lattice than these structures have.",
                f"structures '{structures.id}'",
                "Find the segments again in these structures.",
            )
        for old in structures.with_role(*ROLES.values()):
            structures = structures.without(old.name)
        for structure, mask in self.structures():
            structures = structures.with_mask(structure, mask)
        return structures


@dataclass(frozen=True)
class SegmentShare:
    """Of a lesion, the share within a segment."""

    segment: int
    percent: float

    @property
    def text(self) -> str:
        """Such as ``segment 8 (70 %)``."""
        share = f"{self.percent:.0f} %" if self.percent >= 1.0 else "< 1 %"
        return f"{segment_name(self.segment)} ({share})"


def segment_name(number: int) -> str:
    """What a segment is called."""
    return f"segment {number}"


def segment_structure(number: int, origin: str) -> Structure:
    """A structure for a segment, with its role's colour and code."""
    entry = vocabulary().entry(ROLES[number])
    return Structure(segment_name(number), ROLES[number], color=entry.color, code=entry.code, origin=origin)


def segments_of_lesion(segments: LabelledLiver, mask: BoolArray, grid: Grid) -> tuple[SegmentShare, ...]:
    """Segments a lesion lies in with the share of it, the largest first; empty where it misses the liver.

    Parameters
    ----------
    mask, grid
        The lesion's voxels [k, j, i] and their lattice, of any kind; what lies outside the liver does not
        count.

    Raises
    ------
    InvalidValue
        If the mask does not have the grid's shape, or no voxel.
    """
    if mask.shape != grid.shape or not mask.any():
        raise InvalidValue(
            "A lesion has voxels on its grid.", f"mask {mask.shape}, grid {grid.shape}", "Outline it first."
        )
    kji = np.argwhere(mask)
    at = np.rint(segments.grid.to_ijk(grid.to_lps(kji[:, ::-1]))).astype(np.int64)[:, ::-1]
    inside = np.all((at >= 0) & (at < segments.grid.shape), axis=1)
    counts = np.bincount(segments.labels[tuple(at[inside].T)], minlength=9)[1:]
    total = counts.sum()
    order = sorted((n for n in NUMBERS if counts[n - 1]), key=lambda n: (-counts[n - 1], n))
    return tuple(SegmentShare(n, 100.0 * float(counts[n - 1]) / float(total)) for n in order)


def share_text(shares: Iterable[SegmentShare]) -> str:
    """Such as ``segment 8 (70 %), segment 5 (30 %)``."""
    return ", ".join(s.text for s in shares) or "in no segment"


def tidied(labels: LabelArray) -> LabelArray:
    """Segments after one majority filter, each in one piece (F4 of the reference sheet)."""
    return without_islands(majority(np.ascontiguousarray(labels), 8))[0]


def _known(segments: tuple[int, ...]) -> list[int]:
    wrong = [n for n in segments if n not in NUMBERS]
    if wrong:
        raise InvalidValue("Segments are numbered 1 to 8.", f"{wrong}", "Choose some of 1 to 8.")
    return sorted(set(segments))
