"""Which samples of zones hold all points as deep as they must, as far as single zones tell.

A point lies at least as deep in a union of zones as in any one of them, so most points need no more than
one zone's distance; only where none holds it alone must the union be asked.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.compute.spheroid import signed_distance
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

#: Depths nearer to what is needed than this are told by the union itself.
CLOSE_MM = 1e-3

BoolArray = npt.NDArray[np.bool_]


def screen_depths(
    points_lps_mm: FloatArray, zones: FloatArray, needed_mm: FloatArray, order: npt.NDArray[np.int64]
) -> tuple[BoolArray, BoolArray]:
    """Which samples may hold all points, and which points of those the union must tell.

    Parameters
    ----------
    points_lps_mm
        Shape (n, 3).
    zones
        Packed zones of each sample, shape (samples, zones, 8).
    needed_mm
        How deep each point must lie in each sample, shape (samples, n).
    order
        The points' numbers, shape (n,): those that failed come to the front, so that the next samples fail
        sooner.  Changed in place.

    Returns
    -------
    tuple[BoolArray, BoolArray]
        Shapes (samples,) and (samples, n).
    """
    may_hold = np.zeros(len(zones), dtype=bool)
    is_open = np.zeros((len(zones), len(points_lps_mm)), dtype=bool)
    points = points_lps_mm.view()
    points.setflags(write=False)  # numba compiles a kernel once for each kind of array
    _screen(points, zones, needed_mm, order, may_hold, is_open)
    return may_hold, is_open


@kernel
def _screen(
    points: FloatArray,
    zones: FloatArray,
    needed: FloatArray,
    order: npt.NDArray[np.int64],
    may_hold: BoolArray,
    is_open: BoolArray,
) -> None:
    count = zones.shape[1]
    for sample in range(zones.shape[0]):
        may_hold[sample] = True
        last = 0
        for place in range(len(order)):
            p = order[place]
            least, deepest = needed[sample, p], -np.inf
            for m in range(count):
                zone = (last + m) % count  # neighbours are mostly held by the same zone
                depth = signed_distance(points[p, 0], points[p, 1], points[p, 2], zones[sample, zone])
                deepest = max(deepest, depth)
                if depth >= least + CLOSE_MM:
                    last = zone
                    break
            if deepest >= least + CLOSE_MM:
                continue
            if (
                deepest < -CLOSE_MM and deepest < least - CLOSE_MM
            ):  # outside of all zones, and not near enough
                may_hold[sample] = False
                for n in range(place, 0, -1):
                    order[n] = order[n - 1]
                order[0] = p
                break
            is_open[sample, p] = True
