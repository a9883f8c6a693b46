"""How the instruments of a plan look: probes and grids of foci with their zones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.spheroid_section import spheroid_section
from planner.model.geometry import FloatArray, unit_vector
from planner.model.plan import Applicator, FocusGrid, Plan, Point
from planner.planning.device_library import device_library
from planner.planning.devices import ASSUMED_SPREAD, DeviceZone
from planner.planning.emitters import shafts_of
from planner.scene.planes import PlaneStack

#: A spread as wide as the zone itself still leaves this share of it inside.
LEAST_SHARE = 0.05
#: A focus whose zone is not known is drawn as a ball of this diameter.
UNKNOWN_FOCUS_MM = 2.0


@dataclass(frozen=True)
class DrawnZone:
    """An ellipsoid of revolution to draw: centre, axis, radii along and across."""

    center_lps_mm: Point
    axis_lps: Point
    along_mm: float
    across_mm: float

    def section(self, stack: PlaneStack, normal_mm: float) -> FloatArray | None:
        """Polygon (n, 2) in right and down mm where a plane cuts it, or None."""
        center = stack.to_plane(np.array(self.center_lps_mm))
        axis = stack.to_plane(np.array(self.axis_lps))
        return spheroid_section(center, axis, self.along_mm, self.across_mm, normal_mm)


@dataclass(frozen=True)
class DrawnProbe:
    """A probe to draw.

    Parameters
    ----------
    needle
        The probe.
    zone
        The zone it is expected to make, or None where its settings have none.
    inner, outer
        The zone less and plus one standard deviation of its axes; every zone has both.
    is_spread_published
        Whether that spread is published; an assumed one is drawn fainter.
    is_placeholder
        Whether the sizes are to be replaced by the device's instructions for use.
    shafts_lps_mm
        Entry and tip of each needle of a device that is a set; none where the probe is one needle.
    """

    needle: Applicator
    zone: DrawnZone | None
    inner: DrawnZone | None = None
    outer: DrawnZone | None = None
    is_spread_published: bool = False
    is_placeholder: bool = False
    shafts_lps_mm: tuple[tuple[Point, Point], ...] = ()


def drawn_probes(
    plan: Plan, allow_ex_vivo: bool = True, assumed_spread: float = ASSUMED_SPREAD.value
) -> tuple[DrawnProbe, ...]:
    """The probes of a plan with their zones; a setting outside the device's table draws no zone.

    Parameters
    ----------
    plan
        Whose probes.
    allow_ex_vivo
        Whether zones measured ex vivo are drawn.
    assumed_spread
        Spread where none is published, as a share of each axis.
    """
    if not plan.applicators:
        return ()
    library = device_library()
    found = []
    for needle in plan.applicators:
        try:
            device = library.device(needle.device)
            zone = device.zone(needle.settings, allow_ex_vivo)
        except InvalidValue:
            found.append(DrawnProbe(needle, None))  # the panel says why
            continue
        shafts = shafts_of(needle, device)
        long_sd, short_sd = zone.spread_mm(assumed_spread)
        found.append(
            DrawnProbe(
                needle,
                _drawn(needle, zone, 0.0, 0.0),
                _drawn(needle, zone, -long_sd, -short_sd),
                _drawn(needle, zone, long_sd, short_sd),
                zone.is_spread_published,
                device.is_placeholder,
                tuple((s.entry_lps_mm, s.tip_lps_mm) for s in shafts) if len(shafts) > 1 else (),
            )
        )
    return tuple(found)


def without_zones(probes: tuple[DrawnProbe, ...]) -> tuple[DrawnProbe, ...]:
    """The same probes with nothing but their shafts."""
    return tuple(replace(p, zone=None, inner=None, outer=None) for p in probes)


@dataclass(frozen=True, eq=False)
class DrawnFoci:
    """A grid of foci to draw.

    Parameters
    ----------
    grid
        The grid.
    zones
        The zone of each focus; small balls where its settings have none.
    window_lps_mm
        The outline of its window as a closed ring without its first point again, shape (n, 3); empty
        without a window.
    is_placeholder
        Whether the sizes are to be replaced by the device's instructions for use.
    """

    grid: FocusGrid
    zones: tuple[DrawnZone, ...]
    window_lps_mm: FloatArray
    is_placeholder: bool = False

    def sections(self, stack: PlaneStack, normal_mm: float) -> tuple[FloatArray, ...]:
        """Polygons (n, 2) in right and down mm where a plane cuts foci; those it misses are passed over."""
        normal = stack.to_plane(np.array(self.grid.foci_lps_mm))[:, 2]
        reach = max(self.zones[0].along_mm, self.zones[0].across_mm)
        near = np.flatnonzero(np.abs(normal - normal_mm) <= reach)
        rings = (self.zones[n].section(stack, normal_mm) for n in near)
        return tuple(ring for ring in rings if ring is not None)

    def mesh(self) -> tuple[FloatArray, npt.NDArray[np.int32]]:
        """All foci as one mesh of coarse spheroids: points (n, 3) and triangles (m, 3)."""
        first = self.zones[0]
        ball, faces = _coarse_ball()
        axis = np.array(first.axis_lps)
        along = ball @ np.array([0.0, 0.0, 1.0])
        across = unit_vector(np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))]))
        frame = np.stack([across, np.cross(axis, across)])
        shape = first.across_mm * ball[:, :2] @ frame + first.along_mm * along[:, None] * axis
        foci = np.array([z.center_lps_mm for z in self.zones])
        points = (foci[:, None] + shape).reshape(-1, 3)
        triangles = faces[None] + len(ball) * np.arange(len(foci), dtype=np.int32)[:, None, None]
        return points, np.asarray(triangles.reshape(-1, 3), dtype=np.int32)


def drawn_foci(plan: Plan, allow_ex_vivo: bool = True) -> tuple[DrawnFoci, ...]:
    """The grids of foci of a plan with their zones and windows."""
    if not plan.focus_grids:
        return ()
    library = device_library()
    found = []
    for grid in plan.focus_grids:
        x, y, z = (float(v) for v in grid.direction)
        along = across = UNKNOWN_FOCUS_MM / 2
        is_placeholder = True
        try:
            device = library.device(grid.device)
            zone = device.zone(grid.settings, allow_ex_vivo)
            along, across, is_placeholder = (
                zone.long_axis_mm / 2,
                zone.short_axis_mm / 2,
                device.is_placeholder,
            )
        except InvalidValue:
            pass  # the panel says why
        zones = tuple(DrawnZone(focus, (x, y, z), along, across) for focus in grid.foci_lps_mm)
        found.append(DrawnFoci(grid, zones, _ring(grid), is_placeholder))
    return tuple(found)


def _ring(grid: FocusGrid) -> FloatArray:
    """The outermost points of a window as seen along the beam, in order around it."""
    from scipy.spatial import ConvexHull, QhullError

    window = np.array(grid.window_lps_mm, dtype=float).reshape(-1, 3)
    if len(window) < 3:
        return window
    axis = grid.direction
    across = unit_vector(np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))]))
    seen = window @ np.stack([across, np.cross(axis, across)], axis=1)
    try:
        return np.asarray(window[ConvexHull(seen).vertices])
    except QhullError:
        return window  # all on a line


def _coarse_ball() -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """A ball of radius 1 as an octahedron with its edges halved once: 18 points, 32 triangles."""
    points = [
        np.array(p, dtype=float)
        for p in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))
    ]
    corners = [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)]
    middles: dict[tuple[int, int], int] = {}

    def middle(a: int, b: int) -> int:
        key = (min(a, b), max(a, b))
        if key not in middles:
            middles[key] = len(points)
            points.append(unit_vector(points[a] + points[b]))
        return middles[key]

    faces = []
    for a, b, c in corners:
        ab, bc, ca = middle(a, b), middle(b, c), middle(c, a)
        faces += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.array(points), np.array(faces, dtype=np.int32)


def drawn_path(needle: Applicator) -> DrawnProbe:
    """A path that is only looked at: the shaft without its zone."""
    return DrawnProbe(needle, None)


def _drawn(needle: Applicator, zone: DeviceZone, longer_mm: float, wider_mm: float) -> DrawnZone:
    along = max(zone.long_axis_mm + longer_mm, LEAST_SHARE * zone.long_axis_mm) / 2
    across = max(zone.short_axis_mm + wider_mm, LEAST_SHARE * zone.short_axis_mm) / 2
    cx, cy, cz = (float(v) for v in needle.point_behind_tip(zone.center_offset.value))
    x, y, z = (float(v) for v in needle.direction)
    return DrawnZone((cx, cy, cz), (x, y, z), along, across)
