"""Which structures the voxels of another lattice lie in: by the structures' voxel at each centre."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from planner.model.geometry import Box, Grid
from planner.model.structures import StructureSet

Mask = npt.NDArray[np.bool_]


class StructureLookup:
    """A lattice laid over the structures of a case.

    Parameters
    ----------
    structures
        Where the voxels are.
    grid
        The lattice that asks, of any orientation.
    """

    def __init__(self, structures: StructureSet, grid: Grid) -> None:
        self.structures, self.grid = structures, grid
        k, j, i = np.indices(grid.shape, dtype=np.float32)
        points = grid.to_lps(np.stack([i, j, k], axis=-1))
        ijk = np.rint(structures.grid.to_ijk(points)).astype(np.int32)
        upper = np.array(structures.grid.shape[::-1])
        #: Which voxels of the lattice lie within the structures' own, ``[k, j, i]``.
        self.scanned: Mask = np.asarray(np.all((ijk >= 0) & (ijk < upper), axis=-1))
        self._kji = tuple(ijk[self.scanned].T[::-1])

    @property
    def unscanned_percent(self) -> float:
        """Share of the lattice outside the scan."""
        return 100.0 * float(1.0 - self.scanned.mean())

    def any_of(self, names: Iterable[str]) -> Mask:
        """Voxels ``[k, j, i]`` within any of these structures."""
        found = np.zeros(self.grid.shape, dtype=bool)
        inside = np.zeros(len(self._kji[0]), dtype=bool)
        for name in names:
            structure = self.structures[name]
            inside |= self.structures.layers[structure.layer][self._kji] == structure.label
        found[self.scanned] = inside
        return found

    def of_part(self, part: Mask, box: Box) -> Mask:
        """Voxels within a mask that is given on a box of the structures' lattice."""
        found = np.zeros(self.grid.shape, dtype=bool)
        local = [axis - start for axis, start in zip(self._kji, box.start, strict=True)]
        within = np.ones(len(local[0]), dtype=bool)
        for axis, size in zip(local, part.shape, strict=True):
            within &= (axis >= 0) & (axis < size)
        inside = np.zeros(len(within), dtype=bool)
        inside[within] = part[tuple(axis[within] for axis in local)]
        found[self.scanned] = inside
        return found

    def box(self, beyond_mm: float = 0.0) -> Box:
        """The structures' voxels the lattice covers, and some beyond; empty where it covers none."""
        if not len(self._kji[0]):
            return Box((0, 0, 0), (0, 0, 0))
        low = tuple(int(axis.min()) for axis in self._kji)
        high = tuple(int(axis.max()) + 1 for axis in self._kji)
        box = Box(low, high)  # type: ignore[arg-type]
        return box.grown(self.structures.voxels_for(beyond_mm), self.structures.grid.shape)
