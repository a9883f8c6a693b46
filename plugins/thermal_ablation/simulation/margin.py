"""The margin of a lesion against a simulated zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from planner_plugins.thermal_ablation.simulation.zone_boundary import ZoneBoundary

from planner.compute.heat_lattice import Mask
from planner.compute.margin import CANDIDATES, MinimalMargin, PreparedMargin
from planner.model.geometry import FloatArray, Grid

#: How far the boundary of a simulated zone may lie from that of its field, as a share of a voxel.
LATTICE_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class SimulatedMargin:
    """A lesion under a simulated zone.

    Parameters
    ----------
    minimal
        The least margin with its interval (voxels, outline and the simulation's lattice) and place.
    margins_mm
        At each sample of the outline, shape (n,).
    coverage_percent
        Share of the lesion's volume inside.
    """

    minimal: MinimalMargin
    margins_mm: FloatArray
    coverage_percent: float


def simulated_margin(prepared: PreparedMargin, boundary: ZoneBoundary, grid: Grid) -> SimulatedMargin:
    """Signed distance of a lesion's outline to the boundary, positive where treated tissue lies beyond."""
    outline = prepared.outline
    margins = boundary.signed_distance_mm(outline.samples.points_lps_mm)
    lowest = np.argsort(margins)[:CANDIDATES]
    closer = np.concatenate(
        (outline.around_lps_mm[lowest].reshape(-1, 3), outline.samples.points_lps_mm[lowest])
    )
    found = boundary.signed_distance_mm(closer)
    best = int(found.argmin())
    value = float(found[best])
    error = outline.error_mm + LATTICE_SHARE * grid.spacing_mm[0]
    gained = float(margins.min()) - value
    low, high = float((margins - error).min()) - gained, float((margins + error).min()) - gained
    x, y, z = (float(v) for v in closer[best])
    minimal = MinimalMargin(value, min(value, low), max(value, high), (x, y, z))
    return SimulatedMargin(minimal, margins, covered_percent(prepared, boundary.contains))


def covered_percent(prepared: PreparedMargin, contains: Callable[[FloatArray], Mask]) -> float:
    """Share of the lesion's lattice points that lie in a zone, given what of points (n, 3) lies in it."""
    lattice, level = prepared.outline.lattice, prepared.outline.level
    k, j, i = np.nonzero(level > 0)
    if not len(k):  # a lesion thinner than its lattice
        return 100.0 * float(contains(prepared.outline.samples.points_lps_mm).mean())
    inside = contains(lattice.to_lps(np.stack([i, j, k], axis=1).astype(float)))
    return 100.0 * float(inside.mean())
