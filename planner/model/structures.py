"""Segmented structures over one lattice; they may overlap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.codes import Code
from planner.model.geometry import Box, Grid
from planner.model.roles import Role

BoolArray = npt.NDArray[np.bool_]
LabelArray = npt.NDArray[Any]
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Structure:
    """One segmented thing: the voxels of a layer that carry its label.

    Parameters
    ----------
    name
        Unique in its set; identity goes by this name.
    role
        What it is to the plan.
    layer, label
        Where its voxels stand in the set's layers.
    color
        Red, green, blue, 0..255.
    code
        Coded term, where one is known.
    origin
        How it came to be, such as ``imported`` or ``ellipsoid by two diameters``.
    """

    name: str
    role: Role = Role.OTHER
    layer: int = 0
    label: int = 1
    color: Color = (200, 200, 200)
    code: Code | None = None
    origin: str = "imported"

    def __post_init__(self) -> None:
        if self.role not in list(Role):
            roles = ", ".join(r.value for r in Role)
            raise InvalidValue("There is no such role.", f"{self.name}: {self.role}", f"Roles are: {roles}.")
        object.__setattr__(self, "role", Role(self.role))
        object.__setattr__(self, "color", tuple(int(c) for c in self.color))
        if not self.name.strip():
            raise InvalidValue("A structure needs a name.", repr(self))
        if self.label < 1 or self.layer < 0:
            raise InvalidValue("A structure's label starts at 1 and its layer at 0.", self.name)
        if len(self.color) != 3 or not all(0 <= c <= 255 for c in self.color):
            raise InvalidValue("A colour has three numbers in 0..255.", f"{self.name}: {self.color}")


@dataclass(frozen=True, eq=False)
class StructureSet:
    """Structures over one `Grid`.

    Voxels are kept in layers of labels, so structures that do not overlap share a layer and a
    layer can be mapped from a file.

    Parameters
    ----------
    id
        Short name, unique in the case and fit for a file name.
    grid
        The lattice of every layer.
    layers
        Unsigned label arrays ``[k, j, i]``, uint8 or uint16; become read-only.
    structures
        What the labels mean; names are unique, and so are pairs of layer and label.
    frame_of_reference_uid
        Of the image it was drawn on, or empty.

    Raises
    ------
    InvalidValue
        If shapes, names or labels do not agree.
    """

    id: str
    grid: Grid
    layers: tuple[LabelArray, ...]
    structures: tuple[Structure, ...]
    frame_of_reference_uid: str = ""
    _boxes: dict[tuple[int, int], Box] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidValue("A structure set needs an id.")
        for layer in self.layers:
            if layer.shape != self.grid.shape or layer.dtype not in (np.uint8, np.uint16):
                raise InvalidValue(
                    "A label layer must be unsigned and have its grid's shape.",
                    f"set '{self.id}': layer {layer.dtype} {layer.shape}, grid {self.grid.shape}",
                )
            layer.setflags(write=False)
        names = [s.name for s in self.structures]
        keys = [(s.layer, s.label) for s in self.structures]
        for values, word in ((names, "name"), (keys, "label")):
            double = {str(v) for v in values if values.count(v) > 1}  # type: ignore[arg-type]
            if double:
                raise InvalidValue(f"Two structures share a {word}.", ", ".join(sorted(double)))
        if any(layer >= len(self.layers) for layer, _ in keys):
            raise InvalidValue("A structure names a layer that is not there.", f"set '{self.id}'")

    @classmethod
    def from_masks(
        cls,
        id: str,
        grid: Grid,
        masks: Iterable[tuple[Structure, BoolArray]],
        frame_of_reference_uid: str = "",
    ) -> StructureSet:
        """Pack masks ``[k, j, i]`` into as few layers as their overlaps allow.

        The layer and label of each given structure are assigned here.
        """
        layers: list[npt.NDArray[np.uint8]] = []
        counts: list[int] = []
        kept: list[Structure] = []
        boxes: dict[tuple[int, int], Box] = {}
        for structure, mask in masks:
            box = bounding_box(mask)
            inside = np.asarray(mask[box.slices], dtype=bool)
            for index, layer in enumerate(layers):
                if counts[index] < 255 and not layer[box.slices][inside].any():
                    break
            else:
                index = len(layers)
                layers.append(np.zeros(grid.shape, dtype=np.uint8))
                counts.append(0)
            counts[index] += 1
            layers[index][box.slices][inside] = counts[index]
            kept.append(replace(structure, layer=index, label=counts[index]))
            boxes[index, counts[index]] = box
        return cls(id, grid, tuple(layers), tuple(kept), frame_of_reference_uid, boxes)

    @cached_property
    def _by_name(self) -> dict[str, Structure]:
        return {s.name: s for s in self.structures}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Structure:
        """The structure of a name; raises `InvalidValue` where there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise InvalidValue(
                "There is no structure of this name.",
                f"'{name}' in set '{self.id}'",
                f"Choose one of: {', '.join(self._by_name) or 'none there'}.",
            ) from None

    def with_role(self, *roles: Role) -> tuple[Structure, ...]:
        """The structures of these roles, in the set's order."""
        return tuple(s for s in self.structures if s.role in roles)

    def box(self, name: str) -> Box:
        """Smallest box that holds a structure's voxels; empty where it has none."""
        structure = self[name]
        key = (structure.layer, structure.label)
        if key not in self._boxes:
            self._boxes[key] = bounding_box(self.layers[structure.layer] == structure.label)
        return self._boxes[key]

    def mask(self, name: str, box: Box | None = None) -> BoolArray:
        """A structure's voxels ``[k, j, i]``, of a box or of the whole grid."""
        structure = self[name]
        region = (box or self.grid.box).slices
        return np.asarray(self.layers[structure.layer][region] == structure.label)

    def union_mask(self, names: Iterable[str], box: Box | None = None) -> BoolArray:
        """Voxels ``[k, j, i]`` that lie in any of these structures."""
        region = box or self.grid.box
        union = np.zeros(region.shape, dtype=bool)
        for name in names:
            union |= self.mask(name, region)
        return union

    def cropped(self, name: str, pad_mm: float = 0.0) -> tuple[BoolArray, Grid]:
        """A structure's mask in its own box grown by ``pad_mm``, and that box's grid.

        Raises
        ------
        InvalidValue
            If the structure has no voxel.
        """
        box = self.box(name)
        if box.is_empty:
            raise InvalidValue("A structure has no voxel.", f"'{name}'", "Outline it or remove it.")
        grown = box.grown(self.voxels_for(pad_mm), self.grid.shape)
        return self.mask(name, grown), self.grid.cropped(grown)

    def voxels_for(self, distance_mm: float) -> tuple[int, int, int]:
        """How many voxels along k, j, i reach at least ``distance_mm``."""
        i, j, k = (int(np.ceil(distance_mm / s)) for s in self.grid.spacing_mm)
        return k, j, i

    def volume_ml(self, name: str) -> float:
        """Volume of a structure in ml: voxel count times voxel volume."""
        return self.voxel_count(name) * self.grid.voxel_volume_ml

    def voxel_count(self, name: str) -> int:
        """Number of a structure's voxels."""
        box = self.box(name)
        return 0 if box.is_empty else int(np.count_nonzero(self.mask(name, box)))

    def edited(self, structure_name: str, /, **changes: Any) -> StructureSet:
        """A copy in which a structure has another name, role, colour, code or origin."""
        old = self[structure_name]
        kept = tuple(replace(s, **changes) if s is old else s for s in self.structures)
        return StructureSet(self.id, self.grid, self.layers, kept, self.frame_of_reference_uid, self._boxes)

    def with_mask(self, structure: Structure, mask: BoolArray) -> StructureSet:
        """A copy with one more structure, in a layer where it overlaps nothing or a new one.

        A structure of the same name is replaced.
        """
        kept = self.without(structure.name) if structure.name in self else self
        box = bounding_box(mask)
        inside = np.asarray(mask[box.slices], dtype=bool)
        layers = list(kept.layers)
        for index, layer in enumerate(layers):
            used = {s.label for s in kept.structures if s.layer == index}
            free = [n for n in range(1, 256) if n not in used]
            if free and not layer[box.slices][inside].any():
                break
        else:
            index, free = len(layers), [1]
            layers.append(np.zeros(self.grid.shape, dtype=np.uint8))
        changed = np.array(layers[index])
        changed[box.slices][inside] = free[0]
        layers[index] = changed
        placed = replace(structure, layer=index, label=free[0])
        boxes = {**kept._boxes, (index, free[0]): box}
        return StructureSet(
            self.id, self.grid, tuple(layers), (*kept.structures, placed), self.frame_of_reference_uid, boxes
        )

    def without(self, name: str) -> StructureSet:
        """A copy without a structure; its voxels are set free."""
        old = self[name]
        box = self.box(name)
        layers = list(self.layers)
        changed = np.array(layers[old.layer])
        region = changed[box.slices]
        region[region == old.label] = 0
        layers[old.layer] = changed
        kept = tuple(s for s in self.structures if s is not old)
        boxes = {key: b for key, b in self._boxes.items() if key != (old.layer, old.label)}
        return StructureSet(self.id, self.grid, tuple(layers), kept, self.frame_of_reference_uid, boxes)


def bounding_box(mask: npt.NDArray[Any]) -> Box:
    """Smallest box of the true voxels of an array ``[k, j, i]``; empty where none is true."""
    ks = np.flatnonzero(np.any(mask, axis=(1, 2)))
    if ks.size == 0:
        return Box((0, 0, 0), (0, 0, 0))
    slab = mask[ks[0] : ks[-1] + 1]
    plane: BoolArray = np.any(slab, axis=0)
    js = np.flatnonzero(plane.any(axis=1))
    columns = np.flatnonzero(plane.any(axis=0))
    return Box(
        (int(ks[0]), int(js[0]), int(columns[0])),
        (int(ks[-1]) + 1, int(js[-1]) + 1, int(columns[-1]) + 1),
    )
