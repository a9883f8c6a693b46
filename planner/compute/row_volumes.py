"""Volume of a region inside a union of zones, from running sums along the rows of a lattice.

A zone cuts a row in an interval with exact ends, so a volume needs no test of single voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel
from planner.compute.zone_union import ZoneUnion, bounding_box, chord, chords, merge_intervals
from planner.model.geometry import FloatArray, Grid

#: Rows are repeated so that they lie no farther apart than this.
FINEST_ROW_MM = 2.0
#: The largest sum of a row that can be kept.
_MOST = 65535


@dataclass(frozen=True)
class RowVolumes:
    """Regions of a lattice as running sums along i.

    Parameters
    ----------
    grid
        The lattice.
    sums
        Sum of the regions' shares of the voxels before i; shape (k, j, i + 1, regions).
    unit
        Share of a voxel that 1 stands for in the sums.
    """

    grid: Grid
    sums: npt.NDArray[np.uint16]
    unit: float = 1.0

    def __post_init__(self) -> None:
        self.sums.setflags(write=False)

    @classmethod
    def of_shares(cls, grid: Grid, shares: npt.NDArray[np.float32]) -> RowVolumes:
        """From each region's share of each voxel (0..1), shape (regions, k, j, i)."""
        regions, k, j, i = shares.shape
        sums = np.zeros((k, j, i + 1, regions))
        np.cumsum(np.moveaxis(shares, 0, -1), axis=2, out=sums[:, :, 1:])
        return cls(grid, np.rint(sums * (_MOST / i)).astype(np.uint16), i / _MOST)

    @classmethod
    def of_masks(cls, grid: Grid, masks: npt.NDArray[np.bool_]) -> RowVolumes:
        """From masks, shape (regions, k, j, i); rows of less than 65536 voxels."""
        regions, k, j, i = masks.shape
        sums = np.zeros((k, j, i + 1, regions), dtype=np.uint16)
        np.cumsum(np.moveaxis(masks, 0, -1), axis=2, dtype=np.uint16, out=sums[:, :, 1:])
        return cls(grid, sums)

    @cached_property
    def total_ml(self) -> FloatArray:
        """Volume of each region, shape (regions,)."""
        sums: FloatArray = self.sums[:, :, -1].sum(axis=(0, 1), dtype=np.float64)
        return sums * (self.unit * self.grid.voxel_volume_ml)

    @cached_property
    def _frame(self) -> tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.int64]]:
        """Origin, axes and spacing of the lattice, and how often rows are repeated along i, j, k."""
        spacing = np.array(self.grid.spacing_mm)
        repeats = np.ceil(spacing / FINEST_ROW_MM - 1e-6).astype(np.int64)
        return np.array(self.grid.origin_lps_mm), self.grid.axes, spacing, repeats

    def inside_ml(self, union: ZoneUnion) -> FloatArray:
        """Volume of each region inside a union of zones, shape (regions,)."""
        out = np.zeros(self.sums.shape[-1])
        _inside(self.sums, *self._frame, union.packed, out)
        return out * (self.unit * self.grid.voxel_volume_ml)


@kernel
def _local(packed: FloatArray, origin: FloatArray, axes: FloatArray) -> FloatArray:
    """Packed zones in mm along a lattice's axes from its first voxel's centre."""
    local = packed.copy()
    for n in range(packed.shape[0]):
        for d in range(3):
            local[n, d] = local[n, 3 + d] = 0.0
            for e in range(3):
                local[n, d] += (packed[n, e] - origin[e]) * axes[e, d]
                local[n, 3 + d] += packed[n, 3 + e] * axes[e, d]
    return local


@kernel
def _rows(low: float, high: float, spacing: float, again: int, size: int) -> tuple[int, int]:
    """First and last + 1 of the repeated rows between two places in mm."""
    first = int(np.floor((low / spacing + 0.5) * again))
    last = int(np.ceil((high / spacing + 0.5) * again))
    return max(0, first), min(size * again, last)


@kernel
def _inside(
    sums: npt.NDArray[np.uint16],
    origin: FloatArray,
    axes: FloatArray,
    spacing: FloatArray,
    repeats: npt.NDArray[np.int64],
    packed: FloatArray,
    out: FloatArray,
) -> None:
    """Add up each region's sums over the intervals in which zones cut the rows."""
    slices, rows, columns, regions = sums.shape[0], sums.shape[1], sums.shape[2] - 1, sums.shape[3]
    zones = _local(packed, origin, axes)
    table = chords(zones)
    low, high = bounding_box(zones)
    starts = np.empty(zones.shape[0])
    stops = np.empty(zones.shape[0])
    again_j, again_k = repeats[1], repeats[2]
    share = 1.0 / (again_j * again_k)
    inverse = 1.0 / spacing[0]
    first_j, last_j = _rows(low[1], high[1], spacing[1], again_j, rows)
    first_k, last_k = _rows(low[2], high[2], spacing[2], again_k, slices)
    for fine_k in range(first_k, last_k):
        k = fine_k // again_k
        z = ((fine_k + 0.5) / again_k - 0.5) * spacing[2]
        for fine_j in range(first_j, last_j):
            j = fine_j // again_j
            y = ((fine_j + 0.5) / again_j - 0.5) * spacing[1]
            count = 0
            for n in range(zones.shape[0]):
                start, stop = chord(y, z, table, n)
                start = max(start * inverse + 0.5, 0.0)
                stop = min(stop * inverse + 0.5, float(columns))
                if stop > start:
                    starts[count] = start
                    stops[count] = stop
                    count += 1
            for n in range(merge_intervals(starts, stops, count)):
                a = min(int(starts[n]), columns - 1)
                b = min(int(stops[n]), columns - 1)
                for region in range(regions):
                    at_b = float(sums[k, j, b, region])
                    at_a = float(sums[k, j, a, region])
                    upper = at_b + (stops[n] - b) * (float(sums[k, j, b + 1, region]) - at_b)
                    lower = at_a + (starts[n] - a) * (float(sums[k, j, a + 1, region]) - at_a)
                    out[region] += (upper - lower) * share
