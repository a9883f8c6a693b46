"""Volume of a region inside a union of zones, from running sums along the rows of a lattice.

A zone cuts a row in an interval with exact ends, so a volume needs no test of single voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.compute.spheroid import PACKED, Spheroid, pack
from planner.compute.threads import kernel
from planner.compute.zone_union import chord, merge_intervals
from planner.model.geometry import FloatArray, Grid

#: Rows are repeated so that they lie no farther apart than this.
FINEST_ROW_MM = 2.0


@dataclass(frozen=True)
class RowVolumes:
    """Regions of a lattice as running sums along i.

    Parameters
    ----------
    grid
        The lattice.
    sums
        Sum of the region's share of the voxels before i; shape (regions, k, j, i + 1).
    """

    grid: Grid
    sums: npt.NDArray[np.float32] | npt.NDArray[np.uint16]

    def __post_init__(self) -> None:
        self.sums.setflags(write=False)

    @classmethod
    def of_shares(cls, grid: Grid, shares: npt.NDArray[np.float32]) -> RowVolumes:
        """From each region's share of each voxel (0..1), shape (regions, k, j, i)."""
        sums = np.zeros((*shares.shape[:-1], shares.shape[-1] + 1), dtype=np.float32)
        np.cumsum(shares, axis=-1, dtype=np.float32, out=sums[..., 1:])
        return cls(grid, sums)

    @classmethod
    def of_masks(cls, grid: Grid, masks: npt.NDArray[np.bool_]) -> RowVolumes:
        """From masks, shape (regions, k, j, i); rows of less than 65536 voxels."""
        sums = np.zeros((*masks.shape[:-1], masks.shape[-1] + 1), dtype=np.uint16)
        np.cumsum(masks, axis=-1, dtype=np.uint16, out=sums[..., 1:])
        return cls(grid, sums)

    @cached_property
    def total_ml(self) -> FloatArray:
        """Volume of each region, shape (regions,)."""
        sums: FloatArray = self.sums[..., -1].sum(axis=(1, 2), dtype=np.float64)
        return sums * self.grid.voxel_volume_ml

    def inside_ml(self, zones: Sequence[Spheroid]) -> FloatArray:
        """Volume of each region inside the union of zones, shape (regions,)."""
        out = np.zeros(self.sums.shape[0])
        if not zones:
            return out
        spacing = np.array(self.grid.spacing_mm)
        packed = pack(zones)
        local = np.empty((len(zones), PACKED))
        local[:, :3] = (packed[:, :3] - np.array(self.grid.origin_lps_mm)) @ self.grid.axes
        local[:, 3:6] = packed[:, 3:6] @ self.grid.axes
        local[:, 6:] = packed[:, 6:]
        extent = np.sqrt(local[:, 6:7] ** 2 + (local[:, 7:8] ** 2 - local[:, 6:7] ** 2) * local[:, 3:6] ** 2)
        low, high = (local[:, :3] - extent).min(axis=0), (local[:, :3] + extent).max(axis=0)
        repeats = np.ceil(spacing / FINEST_ROW_MM - 1e-6).astype(np.int64)
        _inside(self.sums, spacing, repeats, local, extent, low, high, out)
        return out * self.grid.voxel_volume_ml


@kernel
def _inside(
    sums: npt.NDArray[np.float32] | npt.NDArray[np.uint16],
    spacing: FloatArray,
    repeats: npt.NDArray[np.int64],
    zones: FloatArray,
    extent: FloatArray,
    low: FloatArray,
    high: FloatArray,
    out: FloatArray,
) -> None:
    slices, rows, columns = sums.shape[1], sums.shape[2], sums.shape[3] - 1
    starts = np.empty(zones.shape[0])
    stops = np.empty(zones.shape[0])
    again_j, again_k = repeats[1], repeats[2]
    share = 1.0 / (again_j * again_k)
    first_k = max(0, int(np.floor((low[2] / spacing[2] + 0.5) * again_k)))
    last_k = min(slices * again_k, int(np.ceil((high[2] / spacing[2] + 0.5) * again_k)))
    first_j = max(0, int(np.floor((low[1] / spacing[1] + 0.5) * again_j)))
    last_j = min(rows * again_j, int(np.ceil((high[1] / spacing[1] + 0.5) * again_j)))
    for fine_k in range(first_k, last_k):
        k = fine_k // again_k
        z = ((fine_k + 0.5) / again_k - 0.5) * spacing[2]
        for fine_j in range(first_j, last_j):
            j = fine_j // again_j
            y = ((fine_j + 0.5) / again_j - 0.5) * spacing[1]
            count = 0
            for n in range(zones.shape[0]):
                if abs(y - zones[n, 1]) > extent[n, 1] or abs(z - zones[n, 2]) > extent[n, 2]:
                    continue
                start, stop = chord(y, z, zones[n], spacing[0], 0.0, 0.0, -0.5 * spacing[0])
                start = max(start, 0.0)
                stop = min(stop, float(columns))
                if stop > start:
                    starts[count] = start
                    stops[count] = stop
                    count += 1
            count = merge_intervals(starts, stops, count)
            for n in range(count):
                a = int(starts[n])
                b = min(int(stops[n]), columns - 1)
                a = min(a, columns - 1)
                for region in range(sums.shape[0]):
                    at_b = float(sums[region, k, j, b])
                    at_a = float(sums[region, k, j, a])
                    upper = at_b + (stops[n] - b) * (float(sums[region, k, j, b + 1]) - at_b)
                    lower = at_a + (starts[n] - a) * (float(sums[region, k, j, a + 1]) - at_a)
                    out[region] += (upper - lower) * share
