"""How the instruments of a plan look: probes with their zones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.base.errors import InvalidValue
from planner.compute.spheroid_section import spheroid_section
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Plan, Point
from planner.planning.devices import DeviceZone, device_library
from planner.scene.planes import PlaneStack


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
        The zone less and plus its published spread, where known.
    """

    needle: Applicator
    zone: DrawnZone | None
    inner: DrawnZone | None = None
    outer: DrawnZone | None = None


def drawn_probes(plan: Plan, allow_ex_vivo: bool = True) -> tuple[DrawnProbe, ...]:
    """The probes of a plan with their zones; a setting outside the device's table draws no zone."""
    library = device_library()
    found = []
    for needle in plan.applicators:
        try:
            zone = library.device(needle.device).zone(needle.settings, allow_ex_vivo)
        except InvalidValue:
            found.append(DrawnProbe(needle, None))  # the panel says why
            continue
        found.append(
            DrawnProbe(needle, _drawn(needle, zone, 0), _drawn(needle, zone, -1), _drawn(needle, zone, 1))
        )
    return tuple(found)


def drawn_path(needle: Applicator) -> DrawnProbe:
    """A path that is only looked at: the shaft without its zone."""
    return DrawnProbe(needle, None)


def _drawn(needle: Applicator, zone: DeviceZone, spread: int) -> DrawnZone | None:
    if spread and (zone.long_sd_mm is None or zone.short_sd_mm is None):
        return None
    along = zone.long_axis_mm / 2 + spread * (zone.long_sd_mm or 0.0) / 2
    across = zone.short_axis_mm / 2 + spread * (zone.short_sd_mm or 0.0) / 2
    if min(along, across) <= 0:
        return None
    cx, cy, cz = (float(v) for v in needle.point_behind_tip(zone.center_offset.value))
    x, y, z = (float(v) for v in needle.direction)
    return DrawnZone((cx, cy, cz), (x, y, z), along, across)
