"""How much of a lesion a zone holds, whatever the zone is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planner.compute.heat_lattice import FloatArray, Mask
from planner.compute.margin import PreparedMargin


def covered_percent(prepared: PreparedMargin, contains: Callable[[FloatArray], Mask]) -> float:
    """Share of the lesion's lattice points that lie in a zone, given what of points (n, 3) lies in it."""
    lattice, level = prepared.outline.lattice, prepared.outline.level
    k, j, i = np.nonzero(level > 0)
    if not len(k):  # a lesion thinner than its lattice
        return 100.0 * float(contains(prepared.outline.samples.points_lps_mm).mean())
    inside = contains(lattice.to_lps(np.stack([i, j, k], axis=1).astype(float)))
    return 100.0 * float(inside.mean())
