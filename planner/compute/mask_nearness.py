"""Which points lie within a distance of a mask's voxels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel
from planner.model.geometry import FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def is_near(mask: BoolArray, grid: Grid, points_lps_mm: FloatArray, within_mm: float) -> BoolArray:
    """Which points (n, 3) lie in voxels whose centre is within a distance of that of a voxel of a mask, (n,).

    Parameters
    ----------
    mask
        [k, j, i] over the grid; points may lie beyond it.
    """
    reach = [int(np.ceil(within_mm / s)) for s in grid.spacing_mm[::-1]]
    around = np.indices([2 * n + 1 for n in reach]).reshape(3, -1).T - reach
    away = np.linalg.norm(around * np.array(grid.spacing_mm[::-1]), axis=1)
    order = np.argsort(away, kind="stable")
    # Nearest first, so that points within are done with at once.
    around = np.ascontiguousarray(around[order[: int(np.count_nonzero(away <= within_mm))]])
    kji = np.rint(grid.to_ijk(np.atleast_2d(points_lps_mm))).astype(np.int64)[:, ::-1]
    return _is_near(np.ascontiguousarray(mask), np.ascontiguousarray(kji), around, np.array(reach))


@kernel
def _is_near(mask: BoolArray, kji: IntArray, around: IntArray, reach: IntArray) -> BoolArray:
    found = np.zeros(kji.shape[0], dtype=np.bool_)
    depth, height, width = mask.shape
    for n in range(kji.shape[0]):
        k, j, i = kji[n, 0], kji[n, 1], kji[n, 2]
        if (
            min(k + reach[0], j + reach[1], i + reach[2]) < 0
            or k - reach[0] >= depth
            or j - reach[1] >= height
            or i - reach[2] >= width
        ):
            continue
        for m in range(around.shape[0]):
            a, b, c = k + around[m, 0], j + around[m, 1], i + around[m, 2]
            if 0 <= a < depth and 0 <= b < height and 0 <= c < width and mask[a, b, c]:
                found[n] = True
                break
    return found
