"""Couinaud's segments as they stand among a case's structures: found, imported, or corrected with a brush."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import Box, Grid
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.couinaud import (
    NUMBERS,
    ROLES,
    LabelArray,
    SegmentShare,
    segment_structure,
    segments_of_lesion,
)
from planner.planning.liver_ground import LiverGround, liver_lesions

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SegmentMap:
    """The segment of each voxel of a liver; unlike `Segments`, some may have none.

    Parameters
    ----------
    ground
        The liver's voxels.
    labels
        1 to 8, uint8 ``[k, j, i]`` over the liver's box; 0 outside the liver and where no segment is outlined.
    outside_ml
        What segments hold outside the liver.
    lesions
        By lesion of the liver the segments it lies in.
    """

    ground: LiverGround
    labels: LabelArray = field(repr=False)
    outside_ml: float = 0.0
    lesions: tuple[tuple[str, tuple[SegmentShare, ...]], ...] = ()

    def __post_init__(self) -> None:
        self.labels.setflags(write=False)

    @classmethod
    def of(cls, structures: StructureSet) -> SegmentMap:
        """The map of a case's structures; where segments overlap the higher number counts.

        Raises
        ------
        InvalidValue
            If no liver is outlined, or no segment.
        """
        ground = LiverGround.of(structures)
        labels = np.zeros(ground.grid.shape, dtype=np.uint8)
        whole = 0
        for number, role in ROLES.items():
            for structure in structures.with_role(role):
                labels[structures.mask(structure.name, ground.box)] = number
                whole += structures.voxel_count(structure.name)
        if not whole:
            raise InvalidValue(
                "No segment is outlined.", f"structures '{structures.id}'", "Find or import the segments."
            )
        within = int(np.count_nonzero(labels[ground.mask]))
        labels[~ground.mask] = 0
        bare = cls(ground, labels, max(0, whole - within) * ground.grid.voxel_volume_ml)
        found = []
        for name in liver_lesions(structures):
            mask, grid = structures.cropped(name)
            found.append((name, segments_of_lesion(bare, mask, grid)))
        return cls(ground, labels, bare.outside_ml, tuple(found))

    @property
    def grid(self) -> Grid:
        """The lattice of the labels: the liver's box."""
        return self.ground.grid

    @cached_property
    def _counts(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.labels.ravel(), minlength=max(NUMBERS) + 1)

    @property
    def present(self) -> tuple[int, ...]:
        """Segments with a voxel in the liver."""
        return tuple(n for n in NUMBERS if self._counts[n])

    def volume_ml(self, *segments: int) -> float:
        """Volume of segments together."""
        return int(self._counts[list(segments)].sum()) * self.grid.voxel_volume_ml

    def share_percent(self, *segments: int) -> float:
        """Of the liver that segments have together."""
        return 100.0 * int(self._counts[list(segments)].sum()) / self.ground.voxel_count

    @property
    def unassigned_ml(self) -> float:
        """Liver that lies in no segment."""
        return self.ground.volume_ml - self.volume_ml(*NUMBERS)


def with_voxels_in(structures: StructureSet, box: Box, moved: BoolArray, number: int) -> StructureSet:
    """Structures in which voxels lie in a segment, and in no other one.

    Parameters
    ----------
    box, moved
        The voxels ``[k, j, i]`` of a box of the structures' lattice.
    number
        The segment; it is made where it is not there.

    Raises
    ------
    InvalidValue
        If the mask does not have the box's shape, or there is no such segment.
    """
    if moved.shape != box.shape or number not in ROLES:
        raise InvalidValue(
            "Voxels of a box are given to one of eight segments.",
            f"mask {moved.shape}, box {box.shape}, segment {number}",
            "Choose one of 1 to 8.",
        )
    layers = _Layers(structures)
    for old in structures.with_role(*(r for n, r in ROLES.items() if n != number)):
        layers.clear(old.layer, old.label, box, moved)
    own = structures.with_role(ROLES[number])
    added = moved.copy()
    for structure in own:
        added &= structures.layers[structure.layer][box.slices] != structure.label
    if own and layers.is_free(own[0].layer, box, added):
        layers.write(own[0].layer, own[0].label, box, added)
        return layers.done()
    mask = np.zeros(structures.grid.shape, dtype=bool)
    if own:
        mask |= structures.mask(own[0].name)
    mask[box.slices] |= added
    return layers.done().with_mask(own[0] if own else segment_structure(number, "drawn with the brush"), mask)


class _Layers:
    """Layers of a set, each copied once before it is written to."""

    def __init__(self, structures: StructureSet) -> None:
        self._structures = structures
        self._layers = list(structures.layers)
        self._changed: set[tuple[int, int]] = set()
        self._copied: set[int] = set()

    def clear(self, layer: int, label: int, box: Box, where: BoolArray) -> None:
        hit = (self._layers[layer][box.slices] == label) & where
        self._put(layer, label, box, hit, 0)

    def write(self, layer: int, label: int, box: Box, where: BoolArray) -> None:
        self._put(layer, label, box, where, label)

    def is_free(self, layer: int, box: Box, where: BoolArray) -> bool:
        return not self._layers[layer][box.slices][where].any()

    def _put(self, layer: int, label: int, box: Box, where: BoolArray, value: int) -> None:
        if not where.any():
            return
        if layer not in self._copied:
            self._layers[layer] = np.array(self._layers[layer])
            self._copied.add(layer)
        self._layers[layer][box.slices][where] = value
        self._changed.add((layer, label))

    def done(self) -> StructureSet:
        """The set with what was written; boxes of what changed are found anew."""
        old = self._structures
        boxes = {key: box for key, box in old._boxes.items() if key not in self._changed}
        return StructureSet(
            old.id, old.grid, tuple(self._layers), old.structures, old.frame_of_reference_uid, boxes
        )


def segments_there(structures: StructureSet) -> tuple[Role, ...]:
    """Roles of segments that are outlined."""
    found = {s.role for s in structures.with_role(*ROLES.values())}
    return tuple(r for r in ROLES.values() if r in found)
