"""Where wide vessels take a bite out of a simulated zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from planner_plugins.thermal_ablation.simulation.region import Region

from planner.compute.level_boundary import LevelBoundary
from planner.compute.spheroid import Spheroid
from planner.compute.zone_union import union_distance_mm
from planner.model.plan import Point

#: A vessel so near to the zone's boundary may be what holds it back.
NEAR_MM = 5.0
#: Boundary farther than this from any wide vessel says how far the zone falls short elsewhere.
FAR_MM = 10.0
#: Shorter bites are within what a lattice leaves open.
LEAST_MM = 1.0


@dataclass(frozen=True)
class VesselBite:
    """The deepest place where a zone falls short beside a vessel.

    Parameters
    ----------
    vessel
        Name of its structure.
    short_mm
        How far within the device's zone the simulated one ends there.
    elsewhere_mm
        The median of the same away from vessels; negative where the zone is larger.
    place_lps_mm
        Where.
    """

    vessel: str
    short_mm: float
    elsewhere_mm: float
    place_lps_mm: Point


def vessel_bites(
    boundary: LevelBoundary, region: Region, zones: Sequence[Spheroid]
) -> tuple[VesselBite, ...]:
    """Bites of each vessel, the deepest first; none where no device's zone is known."""
    from scipy.ndimage import distance_transform_edt, map_coordinates

    if not zones or not region.vessels:
        return ()
    points = boundary.points_lps_mm
    short = union_distance_mm(points, zones)
    kji = region.grid.to_ijk(points)[:, ::-1].T
    gaps = [
        map_coordinates(
            distance_transform_edt(~v.mask, sampling=region.grid.spacing_mm[::-1]).astype(np.float32),
            kji, order=1, mode="nearest",
        )
        for v in region.vessels
    ]  # fmt: skip
    nearest = np.min(gaps, axis=0)
    away = short[nearest > FAR_MM]
    elsewhere = float(np.median(away)) if len(away) else 0.0
    found = []
    for vessel, gap in zip(region.vessels, gaps, strict=True):
        beside = np.flatnonzero((gap <= NEAR_MM) & (gap <= nearest + 1e-6))
        if not len(beside):
            continue
        worst = int(beside[np.argmax(short[beside])])
        depth = float(short[worst])
        if depth - max(elsewhere, 0.0) > LEAST_MM:
            x, y, z = (float(v) for v in points[worst])
            found.append(VesselBite(vessel.name, depth, elsewhere, (x, y, z)))
    return tuple(sorted(found, key=lambda b: -b.short_mm))
