"""The lattice a simulation runs on: around zones and lesions, with the tissue of each voxel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from planner_plugins.thermal_ablation.simulation.vessels import Vessel

from planner.compute.cubic_lattice import cubic_lattice
from planner.compute.heat_lattice import Mask, Single, readonly
from planner.compute.spheroid import Spheroid
from planner.compute.vessel_caliber import inscribed_radius_mm, thick_part
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.roles import VESSEL_ROLES, Role
from planner.model.structures import StructureSet
from planner.planning.anatomy import THICK_VESSEL_MM
from planner.planning.structure_lookup import StructureLookup
from planner.planning.tissues import (
    BLOOD_ELECTRIC,
    ELSEWHERE,
    LIVER,
    TUMOUR,
    WarmTissue,
    blood_heat_w_per_m3_k,
)

#: Tissue around zones and lesions that is simulated too.
BORDER_MM = 15.0
#: More voxels than this would take minutes and gigabytes.
MOST_VOXELS = 12_000_000
#: Blood of a vessel is looked at so far beyond the region, so that a cut vessel keeps its width.
BEYOND_MM = 10.0


@dataclass(frozen=True, eq=False)
class Region:
    """A lattice and what each of its voxels is; masks ``[k, j, i]``, read-only.

    Parameters
    ----------
    grid
        Cubic voxels, k along the first needle.
    is_elsewhere, is_tumour
        Scanned tissue that is no liver, and lesions; the rest is liver.
    vessels
        Parts of vessels that are 3 mm wide or more.
    unscanned_percent
        Share of the region outside the scan, taken as liver.
    has_vessels
        Whether the case has any vessel segmented.
    """

    grid: Grid
    is_elsewhere: Mask
    is_tumour: Mask
    vessels: tuple[Vessel, ...]
    unscanned_percent: float
    has_vessels: bool

    def __post_init__(self) -> None:
        for mask in (self.is_elsewhere, self.is_tumour):
            readonly(mask)

    @property
    def is_blood(self) -> Mask:
        """Voxels of all wide vessels."""
        found = np.zeros(self.grid.shape, dtype=bool)
        for vessel in self.vessels:
            found |= vessel.mask
        return found

    def conductivity_w_per_m_k(self) -> Single:
        """Thermal conductivity of each voxel."""
        return self._by_tissue(*(t.conductivity.value for t in (LIVER, ELSEWHERE, TUMOUR)))

    def heat_capacity_j_per_m3_k(self) -> Single:
        """Heat capacity of each voxel."""
        return self._by_tissue(*(t.heat_capacity_j_per_m3_k for t in (LIVER, ELSEWHERE, TUMOUR)))

    def perfusion_w_per_m3_k(self, liver_per_s: float) -> Single:
        """W of each voxel for a perfusion of the liver; blood in wide vessels counts as none."""
        values = (blood_heat_w_per_m3_k(p) for p in (liver_per_s, *_other_perfusions(ELSEWHERE, TUMOUR)))
        found = self._by_tissue(*values)
        found[self.is_blood] = 0.0
        return found

    def electric_s_per_m(self) -> Single:
        """Electric conductivity of each voxel at 37 °C and some hundred kHz."""
        found = self._by_tissue(*(t.electric.value for t in (LIVER, ELSEWHERE, TUMOUR)))
        found[self.is_blood] = BLOOD_ELECTRIC.value
        return found

    def _by_tissue(self, liver: float, elsewhere: float, tumour: float) -> Single:
        found = np.full(self.grid.shape, liver, dtype=np.float32)
        found[self.is_elsewhere] = elsewhere
        found[self.is_tumour] = tumour
        return found


def _other_perfusions(*tissues: WarmTissue) -> tuple[float, ...]:
    return tuple(t.perfusion.value for t in tissues)


def plain_region(grid: Grid) -> Region:
    """Liver alone, without vessels or lesions."""
    none = np.zeros(grid.shape, dtype=bool)
    return Region(grid, none, none.copy(), (), 0.0, True)


def ball_points() -> FloatArray:
    """Directions spread over a ball, shape (n, 3)."""
    n = np.arange(200) + 0.5
    polar, turn = np.arccos(1 - 2 * n / 200), np.pi * (1 + 5**0.5) * n
    return np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=1)


def zone_points(zone: Spheroid, grown_mm: float) -> FloatArray:
    """Points of a zone's surface, grown outwards, shape (n, 3)."""
    axis, around = np.array(zone.axis_lps), ball_points()
    along = around @ axis
    across = around - along[:, None] * axis
    radius, half = 0.5 * zone.short_axis_mm + grown_mm, 0.5 * zone.long_axis_mm + grown_mm
    return np.asarray(np.array(zone.center_lps_mm) + radius * across + (half * along)[:, None] * axis)


def region_grid(
    points_lps_mm: FloatArray, needle_lps_mm: FloatArray, direction: FloatArray, voxel_mm: float
) -> Grid:
    """A lattice of cubic voxels around points (n, 3), k along a needle that runs through voxel centres.

    Raises
    ------
    InvalidValue
        If it would have too many voxels.
    """
    return cubic_lattice(points_lps_mm, needle_lps_mm, direction, voxel_mm, BORDER_MM, MOST_VOXELS)


def region_of(structures: StructureSet, grid: Grid) -> Region:
    """What the voxels of a lattice are in a case: by the structure at their centres."""
    lookup = StructureLookup(structures, grid)
    elsewhere = np.zeros(grid.shape, dtype=bool)
    tumour = lookup.any_of(s.name for s in structures.with_role(Role.LESION))
    livers = [s.name for s in structures.with_role(Role.LIVER) if not structures.box(s.name).is_empty]
    if livers:
        elsewhere = lookup.scanned & ~lookup.any_of(livers) & ~tumour
    vessels, has_vessels = [], False
    for structure in structures.with_role(*VESSEL_ROLES):
        has_vessels = has_vessels or not structures.box(structure.name).is_empty
        vessel = _wide_part(structures, structure.name, grid, lookup)
        if vessel is not None:
            vessels.append(vessel)
    unscanned = lookup.unscanned_percent
    return Region(grid, elsewhere, tumour, _without_overlap(vessels), unscanned, has_vessels)


def _wide_part(structures: StructureSet, name: str, grid: Grid, lookup: StructureLookup) -> Vessel | None:
    """The part of a vessel that is 3 mm wide or more, on the lattice; None where there is none."""
    around, own = lookup.box(BEYOND_MM), structures.box(name)
    start = tuple(max(a, b) for a, b in zip(around.start, own.start, strict=True))
    stop = tuple(min(a, b) for a, b in zip(around.stop, own.stop, strict=True))
    if any(a >= b for a, b in zip(start, stop, strict=True)):
        return None
    box = Box(start, stop).grown((1, 1, 1), structures.grid.shape)  # type: ignore[arg-type]
    mask, near = structures.mask(name, box), structures.grid.cropped(box)
    wide = thick_part(mask, near, THICK_VESSEL_MM)
    found = lookup.of_part(wide, box)
    if not found.any():
        return None
    radius: npt.NDArray[np.float64] = inscribed_radius_mm(mask, near)[wide]
    diameter = max(THICK_VESSEL_MM, 2.0 * float(np.percentile(radius, 90)))
    return Vessel(name, readonly(found), diameter)


def _without_overlap(vessels: Sequence[Vessel]) -> tuple[Vessel, ...]:
    """Vessels of which no two share a voxel; the first keeps it."""
    kept: list[Vessel] = []
    for vessel in vessels:
        mask = vessel.mask.copy()
        for other in kept:
            mask &= ~other.mask
        if mask.any():
            kept.append(Vessel(vessel.name, readonly(mask), vessel.diameter_mm))
    return tuple(kept)
