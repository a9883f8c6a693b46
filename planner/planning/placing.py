"""Placing a probe: from where the zone should lie to where the tip must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import unit_vector
from planner.model.plan import Applicator, Point
from planner.model.roles import Role
from planner.model.structures import StructureSet

if TYPE_CHECKING:
    from planner.compute.spheroid import Spheroid
    from planner.planning.devices import Device, DeviceZone

#: A clicked entry so near to the skin is moved onto it.
SKIN_SNAP_MM = 25.0


def center_offset_mm(device: Device, settings: Mapping[str, float]) -> float:
    """How far the zone's centre lies behind the tip."""

    from planner.planning.devices import CUSTOM  # a case alone needs it

    if device.name == CUSTOM:
        return float(settings.get("center_offset_mm", device.center_offset.value))
    return device.center_offset_at(settings).value


def aimed_applicator(
    id: str,
    device: Device,
    settings: Mapping[str, float],
    target_lps_mm: npt.ArrayLike,
    entry_lps_mm: npt.ArrayLike,
    lesion: str = "",
) -> Applicator:
    """A probe whose zone is centred on a target: its tip lies deeper by the device's offset.

    Raises
    ------
    InvalidValue
        If entry and target coincide.
    """
    target = np.asarray(target_lps_mm, dtype=float)
    entry = np.asarray(entry_lps_mm, dtype=float)
    if float(np.linalg.norm(target - entry)) < 1.0:
        raise InvalidValue(
            "Entry and target lie on the same point.", f"probe '{id}'", "Click the entry on the skin."
        )
    tip = target + center_offset_mm(device, settings) * unit_vector(target - entry)
    return Applicator(id, device.name, _point(entry), _point(tip), settings, lesion)


def zone_center(needle: Applicator, offset_mm: float) -> Point:
    """Centre of a needle's zone."""
    return _point(needle.point_behind_tip(offset_mm))


def zone_of(needle: Applicator, zone: DeviceZone) -> Spheroid:
    """A needle's zone in the patient: an ellipsoid of revolution about the shaft."""
    from planner.compute.spheroid import Spheroid  # loads numba, which an empty window must not

    x, y, z = (float(v) for v in needle.direction)
    return Spheroid(
        zone_center(needle, zone.center_offset.value), (x, y, z), zone.long_axis_mm, zone.short_axis_mm
    )


def _point(values: npt.NDArray[np.float64]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])


def entry_on_skin(structures: StructureSet, target_lps_mm: Point, clicked_lps_mm: Point) -> Point:
    """Where the line from a target through a clicked point leaves the body.

    A click outside the body is moved onto the skin, and so is one within `SKIN_SNAP_MM` under it;
    without a skin, or deeper in the body, the click stays.
    """
    skins = [s.name for s in structures.with_role(Role.SKIN) if not structures.box(s.name).is_empty]
    target, clicked = np.array(target_lps_mm), np.array(clicked_lps_mm)
    distance = float(np.linalg.norm(clicked - target))
    if not skins or distance < 1.0:
        return clicked_lps_mm
    along = (clicked - target) / distance
    steps = np.arange(0.0, distance + SKIN_SNAP_MM, 0.25)
    points = target + steps[:, None] * along
    inside = _inside(structures, skins, points)
    leaves = np.flatnonzero(inside[:-1] & ~inside[1:])
    if not len(leaves):
        return clicked_lps_mm
    is_outside = not _inside(structures, skins, clicked[None])[0]
    before = leaves[steps[leaves] <= distance]
    if is_outside and len(before):
        chosen = int(before[-1])
    else:
        chosen = int(leaves[int(np.argmin(np.abs(steps[leaves] - distance)))])
        if abs(float(steps[chosen]) - distance) > SKIN_SNAP_MM:
            return clicked_lps_mm
    return _point((points[chosen] + points[chosen + 1]) / 2)


def _inside(
    structures: StructureSet, names: list[str], points: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Which points (n, 3) lie in any of these structures."""
    ijk = np.rint(structures.grid.to_ijk(points)).astype(int)
    scanned = np.all((ijk >= 0) & (ijk < np.array(structures.grid.shape[::-1])), axis=1)
    inside = np.zeros(len(points), dtype=bool)
    i, j, k = ijk[scanned].T
    for name in names:
        structure = structures[name]
        inside[scanned] |= structures.layers[structure.layer][k, j, i] == structure.label
    return inside
