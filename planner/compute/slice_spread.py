"""Spreading over neighbouring slices: the one axis of a convolution that is summed directly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel

Waves = npt.NDArray[np.float32]


@kernel
def spread_over_slices(waves: Waves, planes: Waves, first: int, last: int) -> None:
    """Put, in rows ``first`` to ``last``, the sum over neighbouring slices in each number's place.

    Parameters
    ----------
    waves
        (slices, rows, numbers); what lies beyond the first and last slice is zero.
    planes
        Weight of a slice so many slices away on either side, (reach + 1, rows, numbers).
    """
    depth, numbers = waves.shape[0], waves.shape[2]
    reach = planes.shape[0] - 1
    row = np.zeros((depth + 2 * reach, numbers), dtype=np.float32)
    for j in range(first, last):
        for k in range(depth):
            for x in range(numbers):
                row[k + reach, x] = waves[k, j, x]
        for k in range(depth):
            for x in range(numbers):
                waves[k, j, x] = planes[0, j, x] * row[k + reach, x]
            for a in range(1, reach + 1):
                for x in range(numbers):
                    waves[k, j, x] += planes[a, j, x] * (row[k + reach - a, x] + row[k + reach + a, x])
