"""The part of a lattice in which something can happen, for solvers that spread one voxel a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from planner.compute.heat_lattice import INNER, REACH, Mask, Single
from planner.model.geometry import Box

#: Voxels by which a side of the active box grows.
GROWTH = 8


class ActiveBox:
    """The box of a lattice in which something can happen, with copies of the arrays there.

    Heat travels one voxel a step.  What is left out never held more than a quiet level, and by the
    maximum principle of a scheme with positive coefficients its neglect changes nothing by more.
    The copies lie close together in memory, which makes a step several times faster.

    Parameters
    ----------
    arrays
        All arrays of the lattice with a rim of one voxel, among them ``source`` and the fields.
    changing
        Names of those that steps write to; the first is the field that spreads.
    everything
        Take the whole lattice at once.
    """

    def __init__(self, arrays: dict[str, Single], changing: Sequence[str], everything: bool) -> None:
        self._arrays = arrays
        self._changing = changing
        field = arrays[changing[0]]
        self._shape = cast(tuple[int, int, int], tuple(n - 2 for n in field.shape))
        self.box = Box((0, 0, 0), self._shape)
        if not everything:
            self.box = self._around((field[INNER] != 0) | (arrays["source"][INNER] != 0))
        self._cut(arrays)

    def look(self, name: str, quiet: float) -> bool:
        """Grow where a field is louder than quiet near a side; whether the copies are new ones.

        To be called at least every `REACH` steps.
        """
        if self.box.shape == self._shape:
            return False
        field = self.part[name][INNER]
        start, stop = list(self.box.start), list(self.box.stop)
        for axis in range(3):
            layers = np.moveaxis(field, axis, 0)
            if start[axis] > 0 and np.abs(layers[:REACH]).max() > quiet:
                start[axis] = max(0, start[axis] - GROWTH)
            if stop[axis] < self._shape[axis] and np.abs(layers[-REACH:]).max() > quiet:
                stop[axis] = min(self._shape[axis], stop[axis] + GROWTH)
        return self._take(Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])))

    def set_source(self, source: Single) -> None:
        """Take a new source ``[k, j, i]``, growing to hold it."""
        self._arrays["source"][INNER] = source
        need = self._around(source != 0)
        start = tuple(map(min, self.box.start, need.start))
        stop = tuple(map(max, self.box.stop, need.stop))
        if not self._take(Box(start, stop)):  # type: ignore[arg-type]
            self._cut({"source": self._arrays["source"]})

    def whole(self, name: str) -> Single:
        """An array of the whole lattice without its rim, up to date."""
        if name in self._changing:
            self._arrays[name][INNER][self.box.slices] = self.part[name][INNER]
        return self._arrays[name][INNER]

    def _take(self, box: Box) -> bool:
        if box == self.box:
            return False
        for name in self._changing:
            self.whole(name)
        self.box = box
        self._cut(self._arrays)
        return True

    def _cut(self, arrays: dict[str, Single]) -> None:
        k, j, i = (slice(a, b + 2) for a, b in zip(self.box.start, self.box.stop, strict=True))
        fresh = {name: np.array(array[k, j, i], order="C") for name, array in arrays.items()}
        self.part: dict[str, Single] = {**getattr(self, "part", {}), **fresh}

    def _around(self, some: Mask) -> Box:
        """The box around voxels, grown; in the middle where there are none."""
        spans = []
        for axis in range(3):
            others = tuple(a for a in range(3) if a != axis)
            found = np.flatnonzero(some.any(axis=others))
            spans.append((found[0], found[-1] + 1) if found.size else (0, 1))
        box = Box(tuple(int(a) for a, _ in spans), tuple(int(b) for _, b in spans))  # type: ignore[arg-type]
        return box.grown((GROWTH, GROWTH, GROWTH), self._shape)
