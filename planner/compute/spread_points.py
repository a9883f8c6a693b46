"""A few of many points, to stand for those beside them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

IntArray = npt.NDArray[np.int64]


def spread_over(points_mm: FloatArray, cell_mm: float) -> tuple[IntArray, IntArray, FloatArray]:
    """The first point in each cell of a lattice that has any.

    Parameters
    ----------
    points_mm
        (n, 3).

    Returns
    -------
    few
        Numbers of the points that were chosen, (few,).
    beside, apart_mm
        For each point which of the few is of its cell, and how far off it lies, (n,).
    """
    low = points_mm.min(axis=0)
    size = np.floor((points_mm.max(axis=0) - low) / cell_mm).astype(np.int64) + 1
    return _spread(points_mm, low, size, cell_mm)


@kernel
def _spread(
    points: FloatArray, low: FloatArray, size: IntArray, cell: float
) -> tuple[IntArray, IntArray, FloatArray]:
    of_cell = np.full(size[0] * size[1] * size[2], -1)
    few, beside, apart = (
        np.empty(len(points), np.int64),
        np.empty(len(points), np.int64),
        np.empty(len(points)),
    )
    count = 0
    for n in range(len(points)):
        key = 0
        for a in range(3):
            key = key * size[a] + min(int((points[n, a] - low[a]) / cell), size[a] - 1)
        if of_cell[key] < 0:
            of_cell[key], few[count] = count, n
            count += 1
        beside[n] = of_cell[key]
        away = 0.0
        for a in range(3):
            away += (points[n, a] - points[few[beside[n]], a]) ** 2
        apart[n] = np.sqrt(away)
    return few[:count].copy(), beside, apart
