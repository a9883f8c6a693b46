"""How near a needle or an ablation zone comes to a structure, and where.

`StructureSurface` gives the figures shown to a person: distances to points of the structure's
surface.  `ClearanceField` answers the same for thousands of candidate paths from a coarse map of
quarter millimetres, rounded down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, sqrt

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.compute.lesion_surface import sample_surface
from planner.compute.spheroid import Spheroid
from planner.compute.threads import kernel
from planner.compute.zone_union import union_distance_mm
from planner.model.geometry import Box, FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]
Point = tuple[float, float, float]

#: What a clearance field holds beyond its reach.
FAR = 255


@dataclass(frozen=True)
class Clearance:
    """The nearest approach to a structure.

    Parameters
    ----------
    distance_mm
        How near; 0 where a path touches or crosses the structure, negative where a zone reaches
        that deep into it; infinity where the structure is not within reach.
    place_lps_mm
        The point of the structure, or None where it is not within reach.
    from_lps_mm
        The point of the path nearest to it, or None for a zone.
    error_mm
        Half the extent of a voxel along the approach: the voxels leave this much open to either side.
    """

    distance_mm: float
    place_lps_mm: Point | None
    from_lps_mm: Point | None = None
    error_mm: float = 0.0


NOT_WITHIN_REACH = Clearance(float("inf"), None)


def region_around(grid: Grid, points_lps_mm: npt.ArrayLike, band_mm: float) -> Box:
    """The voxels within the upright box of points (n, 3) grown by a band, in the grid's own axes."""
    ijk = grid.to_ijk(np.asarray(points_lps_mm, dtype=float).reshape(-1, 3))
    band = band_mm / np.array(grid.spacing_mm)
    low = np.floor(ijk.min(axis=0) - band).astype(int)[::-1]
    high = np.ceil(ijk.max(axis=0) + band).astype(int)[::-1] + 1
    shape = np.array(grid.shape)
    k0, j0, i0 = (int(n) for n in np.clip(low, 0, shape))
    k1, j1, i1 = (int(n) for n in np.clip(high, 0, shape))
    return Box((k0, j0, i0), (k1, j1, i1))


@dataclass(frozen=True)
class StructureSurface:
    """Points on the surface of a structure in a region, half way between its voxels and the others.

    A true surface lies within half a voxel of them; `Clearance.error_mm` says what that is along
    the approach.

    Parameters
    ----------
    grid, mask
        The region's lattice and voxels [k, j, i].
    points_lps_mm
        Shape (n, 3).
    """

    grid: Grid
    mask: BoolArray
    points_lps_mm: FloatArray

    @classmethod
    def from_mask(cls, grid: Grid, mask: BoolArray, region: Box | None = None) -> StructureSurface:
        """The surface of a mask within a region of its grid (all of it by default).

        Raises
        ------
        InvalidValue
            If the mask does not have the grid's shape.
        """
        crop, near = _cropped(grid, mask, region)
        if not crop.any():
            return cls(near, crop, np.empty((0, 3)))
        # Continued at the region's border, so that a cut is no surface; open at the image's border.
        whole = region or grid.box
        pads = [
            (1 if start == 0 else 0, 1 if stop == size else 0)
            for start, stop, size in zip(whole.start, whole.stop, grid.shape, strict=True)
        ]
        padded = np.pad(crop, pads)
        x, y, z = (float(v) for v in near.to_lps(np.array([-a for a, _ in pads[::-1]], dtype=float)))
        lattice = Grid(padded.shape, near.spacing_mm, (x, y, z), near.direction)
        surface = sample_surface(padded.astype(np.float64) - 0.5, lattice)
        return cls(near, crop, surface.points_lps_mm)

    def to_segment(self, start_lps_mm: npt.ArrayLike, stop_lps_mm: npt.ArrayLike) -> Clearance:
        """Nearest approach of a straight path; 0, and where it enters, if it crosses the structure."""
        start, stop = _point(start_lps_mm), _point(stop_lps_mm)
        entry = _first_inside(
            self.mask, self.grid.to_ijk(start), self.grid.to_ijk(stop), _steps(self.grid, start, stop)
        )
        if entry >= 0:
            place = _triple(start + entry * (stop - start))
            return Clearance(0.0, place, place)
        if len(self.points_lps_mm) == 0:
            return NOT_WITHIN_REACH
        number, distance, share = _nearest_to_segment(self.points_lps_mm, start, stop)
        place, path = self.points_lps_mm[number], start + share * (stop - start)
        return Clearance(distance, _triple(place), _triple(path), self._error_mm(place - path))

    def to_zones(self, zones: Sequence[Spheroid]) -> Clearance:
        """Nearest approach of a union of ablation zones; negative where they reach into the structure."""
        within = self._around_center(zones)
        if len(self.points_lps_mm) == 0 or not zones:
            return within
        depth_mm = union_distance_mm(self.points_lps_mm, zones)
        number = int(np.argmax(depth_mm))
        place = self.points_lps_mm[number]
        zone = max(zones, key=lambda one: float(one.signed_distance_mm(place[None])[0]))
        error = self._error_mm(zone.nearest_surface_points(place[None])[0] - place)
        outside = Clearance(-float(depth_mm[number]), _triple(place), None, error)
        return within if within.distance_mm < outside.distance_mm else outside

    def _error_mm(self, approach: FloatArray) -> float:
        """Half the extent of a voxel along a direction."""
        length = float(np.linalg.norm(approach))
        if length < 1e-9:
            return max(self.grid.spacing_mm) / 2
        along = np.abs(approach @ self.grid.axes) / length
        return float(along @ np.array(self.grid.spacing_mm)) / 2

    def _around_center(self, zones: Sequence[Spheroid]) -> Clearance:
        """A zone whose centre lies in the structure reaches at least its smaller radius into it."""
        found = NOT_WITHIN_REACH
        for zone in zones:
            center = self.grid.to_ijk(np.array(zone.center_lps_mm))
            depth = min(zone.short_axis_mm, zone.long_axis_mm) / 2
            if _first_inside(self.mask, center, center, 1) >= 0 and -depth < found.distance_mm:
                found = Clearance(-depth, zone.center_lps_mm)
        return found


def length_inside_mm(
    grid: Grid, mask: BoolArray, start_lps_mm: npt.ArrayLike, stop_lps_mm: npt.ArrayLike
) -> float:
    """How much of a straight path runs through a structure; error below a quarter of a voxel an end."""
    start, stop = _point(start_lps_mm), _point(stop_lps_mm)
    steps = _steps(grid, start, stop)
    share = _share_inside(np.asarray(mask, dtype=bool), grid.to_ijk(start), grid.to_ijk(stop), steps)
    return share * float(np.linalg.norm(stop - start))


@dataclass(frozen=True)
class ClearanceField:
    """Distance to a structure on the voxels of a region, in quarter millimetres.

    Parameters
    ----------
    grid
        Lattice of the region.
    quarter_mm
        Distance rounded down, 0 in the structure, 255 beyond `reach_mm`; shape [k, j, i], uint8.
    reach_mm
        Distances up to this are told.
    """

    grid: Grid
    quarter_mm: npt.NDArray[np.uint8]
    reach_mm: float

    def __post_init__(self) -> None:
        self.quarter_mm.setflags(write=False)

    @classmethod
    def from_mask(
        cls, grid: Grid, mask: BoolArray, region: Box | None = None, reach_mm: float = 20.0
    ) -> ClearanceField:
        """Distances within a region of a grid (all of it by default) to a structure's border.

        The border is taken half a voxel before the nearest voxel's centre.

        Raises
        ------
        InvalidValue
            If the mask does not have the grid's shape, or the reach is not within 0..63 mm.
        """
        if not 0 < reach_mm <= 63:
            raise InvalidValue("A clearance field reaches 0 to 63 mm.", f"reach {reach_mm} mm")
        whole = region or grid.box
        margin = np.ceil(reach_mm / np.array(grid.spacing_mm)).astype(int)[::-1]
        i, j, k = (int(n) for n in margin[::-1])
        wide = whole.grown((k, j, i), grid.shape)
        crop, _ = _cropped(grid, mask, wide)
        near = grid.cropped(whole)
        inner = tuple(
            slice(a - b, c - b) for a, b, c in zip(whole.start, wide.start, whole.stop, strict=True)
        )
        quarters = np.full(near.shape, FAR, dtype=np.uint8)
        if crop.any():
            distance = ndi.distance_transform_edt(~crop, sampling=grid.spacing_mm[::-1])[inner]
            distance = np.maximum(distance - 0.5 * min(grid.spacing_mm), 0.0)
            told = distance <= reach_mm
            quarters[told] = np.floor(distance[told] * 4.0).astype(np.uint8)
        return cls(near, quarters, float(reach_mm))

    def along(self, start_lps_mm: npt.ArrayLike, stop_lps_mm: npt.ArrayLike) -> Clearance:
        """The least distance along a straight path and the place on the path; off the region is far."""
        start, stop = _point(start_lps_mm), _point(stop_lps_mm)
        quarters, share = _least_along(
            self.quarter_mm, self.grid.to_ijk(start), self.grid.to_ijk(stop), _steps(self.grid, start, stop)
        )
        if quarters == FAR:
            return NOT_WITHIN_REACH
        place = _triple(start + share * (stop - start))
        return Clearance(quarters / 4.0, place, place)


def _cropped(grid: Grid, mask: BoolArray, region: Box | None) -> tuple[BoolArray, Grid]:
    if mask.shape != grid.shape:
        raise InvalidValue("A mask needs the shape of its grid.", f"mask {mask.shape}, grid {grid.shape}")
    if region is None:
        return np.ascontiguousarray(mask, dtype=bool), grid
    return np.ascontiguousarray(mask[region.slices], dtype=bool), grid.cropped(region)


def _point(point_lps_mm: npt.ArrayLike) -> FloatArray:
    point = np.asarray(point_lps_mm, dtype=float).ravel()
    if point.shape != (3,) or not np.all(np.isfinite(point)):
        raise InvalidValue("A point needs three finite numbers.", f"point {point.tolist()}")
    return point


def _triple(point: FloatArray) -> Point:
    x, y, z = (float(v) for v in point)
    return x, y, z


def _steps(grid: Grid, start: FloatArray, stop: FloatArray) -> int:
    """Steps of a quarter of the smallest voxel side along a path."""
    return max(1, int(np.ceil(4.0 * float(np.linalg.norm(stop - start)) / min(grid.spacing_mm))))


@kernel
def _nearest_to_segment(points: FloatArray, start: FloatArray, stop: FloatArray) -> tuple[int, float, float]:
    """Which point is nearest to a segment, how far, and where along the segment (0..1)."""
    dx, dy, dz = stop[0] - start[0], stop[1] - start[1], stop[2] - start[2]
    squared_length = dx * dx + dy * dy + dz * dz
    best, best_share, number = np.inf, 0.0, 0
    for n in range(points.shape[0]):
        px, py, pz = points[n, 0] - start[0], points[n, 1] - start[1], points[n, 2] - start[2]
        share = 0.0
        if squared_length > 0:
            share = min(1.0, max(0.0, (px * dx + py * dy + pz * dz) / squared_length))
        squared = (px - share * dx) ** 2 + (py - share * dy) ** 2 + (pz - share * dz) ** 2
        if squared < best:
            best, best_share, number = squared, share, n
    return number, sqrt(best), best_share


@kernel
def _first_inside(mask: BoolArray, start: FloatArray, stop: FloatArray, steps: int) -> float:
    """Where along a path (0..1, index coordinates i, j, k) it first lies in the mask; -1: nowhere."""
    for n in range(steps + 1):
        share = n / steps
        i = floor(start[0] + share * (stop[0] - start[0]) + 0.5)
        j = floor(start[1] + share * (stop[1] - start[1]) + 0.5)
        k = floor(start[2] + share * (stop[2] - start[2]) + 0.5)
        inside = 0 <= k < mask.shape[0] and 0 <= j < mask.shape[1] and 0 <= i < mask.shape[2]
        if inside and mask[k, j, i]:
            return share
    return -1.0


@kernel
def _share_inside(mask: BoolArray, start: FloatArray, stop: FloatArray, steps: int) -> float:
    """Share of a path that lies in the mask."""
    count = 0
    for n in range(steps):
        share = (n + 0.5) / steps
        i = floor(start[0] + share * (stop[0] - start[0]) + 0.5)
        j = floor(start[1] + share * (stop[1] - start[1]) + 0.5)
        k = floor(start[2] + share * (stop[2] - start[2]) + 0.5)
        inside = 0 <= k < mask.shape[0] and 0 <= j < mask.shape[1] and 0 <= i < mask.shape[2]
        if inside and mask[k, j, i]:
            count += 1
    return count / steps


@kernel
def _least_along(
    quarters: npt.NDArray[np.uint8], start: FloatArray, stop: FloatArray, steps: int
) -> tuple[int, float]:
    """The least value along a path, and the middle of the stretch where it first stands (0..1)."""
    least, first, last = 255, 0, 0
    for n in range(steps + 1):
        share = n / steps
        i = floor(start[0] + share * (stop[0] - start[0]) + 0.5)
        j = floor(start[1] + share * (stop[1] - start[1]) + 0.5)
        k = floor(start[2] + share * (stop[2] - start[2]) + 0.5)
        if 0 <= k < quarters.shape[0] and 0 <= j < quarters.shape[1] and 0 <= i < quarters.shape[2]:
            value = int(quarters[k, j, i])
            if value < least:
                least, first, last = value, n, n
            elif value == least and last == n - 1:
                last = n
    return least, 0.5 * (first + last) / steps
