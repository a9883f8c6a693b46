"""Outlines of structures in a slice."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from planner.model.geometry import FloatArray
from planner.model.structures import StructureSet
from planner.scene.planes import PlaneStack
from planner.scene.slice_pixels import slice_pixels

#: Slices whose outlines are remembered.
_REMEMBERED = 60

Outlines = dict[str, list[FloatArray]]


class SliceOutlines:
    """Outlines of all structures of a set in the slices of one stack, remembered a slice.

    Parameters
    ----------
    structures
        Whose outlines.
    stack
        The slices.
    before
        Outlines of an earlier set: what is the same voxels in the same slices is taken over.
    """

    def __init__(
        self, structures: StructureSet, stack: PlaneStack, before: SliceOutlines | None = None
    ) -> None:
        self._structures = structures
        self._stack = stack
        self._kept: OrderedDict[tuple[int, str], list[FloatArray]] = OrderedDict()
        if before is not None and before._stack is stack:
            same = {s.name for s in structures.structures if _is_same(structures, before._structures, s.name)}
            self._kept.update((key, lines) for key, lines in before._kept.items() if key[1] in same)

    def are_of(self, structures: StructureSet, stack: PlaneStack) -> bool:
        """Whether these are the outlines of the same voxels in the same slices."""
        own = self._structures
        is_same = structures is own or (
            len(structures.layers) == len(own.layers)
            and all(a is b for a, b in zip(structures.layers, own.layers, strict=True))
            and [(s.name, s.layer, s.label) for s in structures.structures]
            == [(s.name, s.layer, s.label) for s in own.structures]
        )
        return is_same and stack is self._stack

    def of(self, index: int, names: tuple[str, ...]) -> Outlines:
        """Polylines (n, 2) in right and down mm, by structure, for the named ones in a slice."""
        missing = [n for n in names if (index, n) not in self._kept]
        layers: dict[int, npt.NDArray[np.uint8]] = {}
        for name in missing:
            structure = self._structures[name]
            if structure.layer not in layers:
                layer = self._structures.layers[structure.layer]
                layers[structure.layer] = slice_pixels(
                    layer, self._structures.grid, self._stack, index, smooth=False
                )
            self._kept[index, name] = mask_outline(layers[structure.layer] == structure.label, self._stack)
        while len(self._kept) > _REMEMBERED * max(1, len(names)):
            self._kept.popitem(last=False)
        return {n: self._kept[index, n] for n in names if self._kept[index, n]}


def _is_same(structures: StructureSet, other: StructureSet, name: str) -> bool:
    if name not in other:
        return False
    one, two = structures[name], other[name]
    is_layer = structures.layers[one.layer] is other.layers[two.layer]
    return is_layer and one.label == two.label and structures.grid == other.grid


def mask_outline(mask: npt.NDArray[np.bool_], stack: PlaneStack) -> list[FloatArray]:
    """Outlines (n, 2) in right and down mm of a mask's pixels ``[down, right]``."""
    if not mask.any():
        return []
    from skimage.measure import find_contours  # 0.2 s to import

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    r0, r1, c0, c1 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    padded = np.pad(mask[r0:r1, c0:c1], 2).astype(np.float32)
    lines = []
    step_right, step_down, _ = stack.step_mm
    for line in find_contours(padded, 0.5):
        smooth = _smoothed(line)
        right = stack.low_mm[0] + (smooth[:, 1] + c0 - 2) * step_right
        down = stack.low_mm[1] + (smooth[:, 0] + r0 - 2) * step_down
        lines.append(np.column_stack([right, down]))
    return lines


def _smoothed(line: FloatArray) -> FloatArray:
    """Take the stair steps off a closed line; moves no point by more than half a pixel."""
    if len(line) < 8 or not np.array_equal(line[0], line[-1]):
        return line
    ring = line[:-1]
    smooth = sum(w * np.roll(ring, s, axis=0) for w, s in ((0.25, -1), (0.5, 0), (0.25, 1)))
    smooth = np.clip(np.asarray(smooth), ring - 0.5, ring + 0.5)
    return np.concatenate([smooth, smooth[:1]])
