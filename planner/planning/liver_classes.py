"""The liver as classes of voxels: what each belongs to, so that every volume is a sum over classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.class_runs import ClassRuns
from planner.compute.smooth_mask import SmoothMask
from planner.model.geometry import FloatArray, Grid
from planner.model.structures import StructureSet
from planner.planning.liver_ground import LiverGround, liver_lesions

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: The column of the lesions: their place in `LiverClasses.lesions`, -1 for none.
LESION = "lesion"


@dataclass(frozen=True, eq=False)
class LiverClasses:
    """A liver with its lesions on its box, each voxel in one class.

    Parameters
    ----------
    grid
        Of the box.
    codes
        Class of each voxel [k, j, i]; -1 outside the liver.
    columns
        What the classes belong to: by name a number for each class, (classes,), -1 for none.
    lesions
        Names of the lesions of the liver.
    """

    grid: Grid
    codes: npt.NDArray[np.int32]
    columns: Mapping[str, IntArray]
    lesions: tuple[str, ...]

    @classmethod
    def of(cls, structures: StructureSet, ground: LiverGround | None = None) -> LiverClasses:
        """The liver of structures, with the lesions that lie in it or touch it.

        Parameters
        ----------
        ground
            Of the structures, where it is at hand already.

        Raises
        ------
        InvalidValue
            If no liver is outlined.
        """
        ground, lesions = ground or LiverGround.of(structures), liver_lesions(structures)
        number = np.full(ground.mask.shape, -1, dtype=np.int32)
        for n, name in enumerate(lesions):
            number[structures.mask(name, ground.box) & (number < 0)] = n
        codes = np.where(ground.mask, 0, -1).astype(np.int32)
        codes.setflags(write=False)
        return cls(ground.grid, codes, MappingProxyType({}), lesions).with_column(LESION, number)

    def with_column(self, name: str, values: npt.NDArray[np.integer]) -> LiverClasses:
        """The liver parted further by a number for each voxel of its box [k, j, i], -1 for none."""
        if values.shape != self.codes.shape:
            raise InvalidValue("Values need the shape of the liver's box.", f"{name}: {values.shape}")
        inside = self.codes >= 0
        own = values[inside].astype(np.int64) + 1
        width = int(own.max(initial=0)) + 1
        keys = self.codes[inside].astype(np.int64) * width + own
        present = np.flatnonzero(np.bincount(keys))
        place = np.full(int(present[-1]) + 1, -1, dtype=np.int32)
        place[present] = np.arange(len(present), dtype=np.int32)
        codes = np.full(self.codes.shape, -1, dtype=np.int32)
        codes[inside] = place[keys]
        codes.setflags(write=False)
        columns = {known: column[present // width] for known, column in self.columns.items()}
        columns[name] = present % width - 1
        return LiverClasses(self.grid, codes, MappingProxyType(columns), self.lesions)

    def box_of(self, structures: StructureSet) -> tuple[slice, slice, slice]:
        """Where the liver's box lies in the structures' lattice, as slices of [k, j, i]."""
        i, j, k = np.rint(structures.grid.to_ijk(np.array(self.grid.origin_lps_mm))).astype(int)
        start = (int(k), int(j), int(i))
        return tuple(slice(a, a + n) for a, n in zip(start, self.grid.shape, strict=True))  # type: ignore[return-value]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.columns[LESION])

    def runs(self, axis: int) -> ClassRuns:
        """The classes as runs along an axis of the lattice; kept."""
        return _runs(self, axis)

    @property
    def border(self) -> SmoothMask:
        """The liver's border, smooth; kept."""
        return _border(self)

    def part_border(self, column: str) -> SmoothMask:
        """The border, within the liver, of what has any number in a column, smooth; kept."""
        return _part_border(self, column)

    def at(self, points_lps_mm: FloatArray) -> IntArray:
        """Class of the voxel at each point (n, 3); -1 outside the liver, (n,)."""
        ijk = np.rint(self.grid.to_ijk(np.atleast_2d(points_lps_mm))).astype(np.int64)
        size = np.array(self.grid.shape[::-1])
        inside = ((ijk >= 0) & (ijk < size)).all(axis=1)
        found = np.full(len(ijk), -1, dtype=np.int64)
        i, j, k = ijk[inside].T
        found[inside] = self.codes[k, j, i]
        return found

    def chosen(self, column: str, numbers: tuple[int, ...] | None = None) -> BoolArray:
        """Which classes have one of these numbers in a column, or any number at all; (classes,)."""
        values = self.columns[column]
        return values >= 0 if numbers is None else np.isin(values, numbers)


@lru_cache(maxsize=6)
def _runs(liver: LiverClasses, axis: int) -> ClassRuns:
    return ClassRuns.of(liver.grid, liver.codes, axis, liver.classes)


@lru_cache(maxsize=2)
def _border(liver: LiverClasses) -> SmoothMask:
    return SmoothMask.of(liver.codes >= 0, liver.grid)


@lru_cache(maxsize=6)
def _part_border(liver: LiverClasses, column: str) -> SmoothMask:
    inside = liver.codes >= 0
    return SmoothMask.of(inside & liver.chosen(column)[liver.codes], liver.grid, inside)
