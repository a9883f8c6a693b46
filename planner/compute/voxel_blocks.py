"""Blocks of a lattice's voxels: sums and means over them, on a lattice of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray, Grid


@dataclass(frozen=True)
class VoxelBlocks:
    """A lattice parted into blocks of voxels, with blocks of nothing around it.

    Parameters
    ----------
    fine
        The lattice.
    steps
        Voxels of a block along k, j, i.
    beyond
        Blocks of nothing at each end of k, j, i.

    Raises
    ------
    InvalidValue
        If a block holds no voxel.
    """

    fine: Grid
    steps: tuple[int, int, int]
    beyond: tuple[int, int, int] = (0, 0, 0)

    def __post_init__(self) -> None:
        if min(self.steps) < 1 or min(self.beyond) < 0:
            raise InvalidValue("A block holds a voxel at least.", f"{self.steps}, {self.beyond} beyond")

    @classmethod
    def about(cls, fine: Grid, edge_mm: float, beyond_mm: float = 0.0) -> VoxelBlocks:
        """Blocks whose edges are as near to a length as whole voxels allow, reaching so far beyond."""
        steps = [max(1, round(edge_mm / s)) for s in fine.spacing_mm[::-1]]
        edges = (n * s for n, s in zip(steps, fine.spacing_mm[::-1], strict=True))
        return cls(fine, _three(steps), _three([int(np.ceil(beyond_mm / e)) for e in edges]))

    @cached_property
    def grid(self) -> Grid:
        """Lattice of the blocks."""
        corner = [0.5 * (n - 1) - n * b for n, b in zip(self.steps, self.beyond, strict=True)]
        x, y, z = self.fine.to_lps(np.array(corner[::-1]))
        i, j, k = (n * s for n, s in zip(self.steps[::-1], self.fine.spacing_mm, strict=True))
        return Grid(self._shape, (i, j, k), (float(x), float(y), float(z)), self.fine.direction)

    def sums(self, values: npt.NDArray[Any]) -> FloatArray:
        """Sum of the voxels of each block; a voxel that is not there counts nothing."""
        shape = self._shape
        padded = np.pad(values, self._pads)
        parted = padded.reshape(shape[0], self.steps[0], shape[1], self.steps[1], shape[2], self.steps[2])
        return np.asarray(parted.sum(axis=(1, 3, 5), dtype=float))

    def means(self, values: npt.NDArray[Any]) -> FloatArray:
        """Mean over the voxels of each block; a voxel that is not there counts as zero."""
        return self.sums(values) / float(np.prod(self.steps))

    @property
    def _shape(self) -> tuple[int, int, int]:
        counts = zip(self.fine.shape, self.steps, self.beyond, strict=True)
        return _three([-(-size // n) + 2 * b for size, n, b in counts])

    @property
    def _pads(self) -> list[tuple[int, int]]:
        counts = zip(self.fine.shape, self.steps, self.beyond, strict=True)
        return [(b * n, b * n + (-size) % n) for size, n, b in counts]


def _three(numbers: Sequence[int]) -> tuple[int, int, int]:
    k, j, i = (int(n) for n in numbers)
    return k, j, i
