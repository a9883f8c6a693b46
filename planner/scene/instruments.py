"""How the instruments of a plan look: probes with their zones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.base.errors import InvalidValue
from planner.compute.spheroid_section import spheroid_section
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Plan, Point
from planner.planning.devices import ASSUMED_SPREAD, DeviceZone, device_library
from planner.scene.planes import PlaneStack

#: A spread as wide as the zone itself still leaves this share of it inside.
LEAST_SHARE = 0.05


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
    """

    needle: Applicator
    zone: DrawnZone | None
    inner: DrawnZone | None = None
    outer: DrawnZone | None = None
    is_spread_published: bool = False
    is_placeholder: bool = False


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
    library = device_library()
    found = []
    for needle in plan.applicators:
        try:
            device = library.device(needle.device)
            zone = device.zone(needle.settings, allow_ex_vivo)
        except InvalidValue:
            found.append(DrawnProbe(needle, None))  # the panel says why
            continue
        long_sd, short_sd = zone.spread_mm(assumed_spread)
        found.append(
            DrawnProbe(
                needle,
                _drawn(needle, zone, 0.0, 0.0),
                _drawn(needle, zone, -long_sd, -short_sd),
                _drawn(needle, zone, long_sd, short_sd),
                zone.is_spread_published,
                device.is_placeholder,
            )
        )
    return tuple(found)


def drawn_path(needle: Applicator) -> DrawnProbe:
    """A path that is only looked at: the shaft without its zone."""
    return DrawnProbe(needle, None)


def _drawn(needle: Applicator, zone: DeviceZone, longer_mm: float, wider_mm: float) -> DrawnZone:
    along = max(zone.long_axis_mm + longer_mm, LEAST_SHARE * zone.long_axis_mm) / 2
    across = max(zone.short_axis_mm + wider_mm, LEAST_SHARE * zone.short_axis_mm) / 2
    cx, cy, cz = (float(v) for v in needle.point_behind_tip(zone.center_offset.value))
    x, y, z = (float(v) for v in needle.direction)
    return DrawnZone((cx, cy, cz), (x, y, z), along, across)
