"""Ellipsoids of revolution: the shape of an ablation zone, with exact distances.

Signed distances are positive inside, as in the word *margin*: at a point of a lesion's surface
the distance to the zone's boundary is positive where treated tissue lies beyond the lesion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray, unit_vector

#: Numbers a packed zone has: center (3), axis (3), radius across the axis, radius along it.
PACKED = 8


@dataclass(frozen=True)
class Spheroid:
    """An ellipsoid of revolution in patient space.

    Parameters
    ----------
    center_lps_mm
        Its centre.
    axis_lps
        Direction of the axis of revolution (scaled to length 1; its sign does not matter).
    long_axis_mm
        Full length along the axis of revolution.
    short_axis_mm
        Full width across it.  It may exceed the length (an oblate zone).

    Raises
    ------
    InvalidValue
        If a number is not finite, the axis has no length, or a length is not positive.
    """

    center_lps_mm: tuple[float, float, float]
    axis_lps: tuple[float, float, float]
    long_axis_mm: float
    short_axis_mm: float

    def __post_init__(self) -> None:
        center = np.asarray(self.center_lps_mm, dtype=float).ravel()
        if center.shape != (3,) or not np.all(np.isfinite(center)):
            raise InvalidValue(
                "The centre of a zone needs three finite numbers.", f"centre {center.tolist()}"
            )
        axis = np.asarray(self.axis_lps, dtype=float).ravel()
        if axis.shape != (3,):
            raise InvalidValue("The axis of a zone needs three numbers.", f"axis {axis.tolist()}")
        axis = unit_vector(axis)
        lengths = (float(self.long_axis_mm), float(self.short_axis_mm))
        if not all(np.isfinite(lengths)) or min(lengths) <= 0:
            raise InvalidValue("The axes of a zone must be positive.", f"axes {lengths} mm")
        object.__setattr__(self, "center_lps_mm", tuple(float(x) for x in center))
        object.__setattr__(self, "axis_lps", tuple(float(x) for x in axis))
        object.__setattr__(self, "long_axis_mm", lengths[0])
        object.__setattr__(self, "short_axis_mm", lengths[1])

    @classmethod
    def sphere(cls, center_lps_mm: npt.ArrayLike, radius_mm: float) -> Spheroid:
        """A ball."""
        x, y, z = (float(v) for v in np.asarray(center_lps_mm, dtype=float))
        return cls((x, y, z), (0.0, 0.0, 1.0), 2 * radius_mm, 2 * radius_mm)

    @property
    def volume_ml(self) -> float:
        """Volume in ml."""
        return pi / 6 * self.long_axis_mm * self.short_axis_mm**2 / 1000.0

    def signed_distance_mm(self, points_lps_mm: npt.ArrayLike) -> FloatArray:
        """Distance of points (n, 3) to the surface, positive inside; error below 0.0001 mm."""
        points = _points(points_lps_mm)
        out = np.empty(len(points))
        _distances(points, pack([self])[0], out)
        return out

    def nearest_surface_points(self, points_lps_mm: npt.ArrayLike) -> FloatArray:
        """The surface points nearest to points (n, 3), shape (n, 3)."""
        points = _points(points_lps_mm)
        out = np.empty_like(points)
        _feet(points, pack([self])[0], out)
        return out

    def contains(self, points_lps_mm: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether points (n, 3) lie inside or on the surface."""
        away = _points(points_lps_mm) - np.array(self.center_lps_mm)
        along = away @ np.array(self.axis_lps)
        across_squared = np.einsum("ij,ij->i", away, away) - along**2
        level = 4 * along**2 / self.long_axis_mm**2 + 4 * across_squared / self.short_axis_mm**2
        return np.asarray(level <= 1.0)


def pack(zones: Sequence[Spheroid]) -> FloatArray:
    """Zones as numbers for the kernels, shape (n, 8): center, axis, radius across, radius along."""
    rows = [
        (*zone.center_lps_mm, *zone.axis_lps, zone.short_axis_mm / 2, zone.long_axis_mm / 2) for zone in zones
    ]
    return np.array(rows, dtype=float).reshape(-1, PACKED)


def _points(points_lps_mm: npt.ArrayLike) -> FloatArray:
    points = np.ascontiguousarray(points_lps_mm, dtype=float)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InvalidValue("Points need the shape (n, 3).", f"shape {points.shape}")
    return points


@kernel
def foot_on_ellipse(across: float, along: float, a: float, b: float) -> tuple[float, float]:
    """The point of an ellipse nearest to a point of its first quadrant.

    The foot is (a^2 r / (t + a^2), b^2 z / (t + b^2)) where t is the largest root of
    S(t) = (a r / (t + a^2))^2 + (b z / (t + b^2))^2 = 1 (Eberly, Distance from a Point to an
    Ellipse, 2013).  1/sqrt(S) is concave and nearly straight, so Newton's steps on it from the
    left never overshoot and three or four are enough (More and Sorensen, SIAM J Sci Stat Comput
    1983).

    Parameters
    ----------
    across, along
        The point, both >= 0.
    a, b
        The semi-axes in the same order, in mm.
    """
    tiny = 1e-9 * (a + b)  # The centre has no nearest point; a hair beside it has.
    across = max(across, tiny)
    along = max(along, tiny)
    low = min(a, b)
    shift_a = a * a - low * low
    shift_b = b * b - low * low
    p = a * across
    q = b * along
    # s = t + low^2, so that nothing cancels where the root lies close to the pole.
    s = max(p - shift_a, q - shift_b)
    s = max(s, sqrt(p * p + q * q) - max(shift_a, shift_b))
    for _ in range(60):
        inverse_a = 1.0 / (s + shift_a)
        inverse_b = 1.0 / (s + shift_b)
        u = p * inverse_a
        v = q * inverse_b
        uu = u * u
        vv = v * v
        level = uu + vv
        step = level * (sqrt(level) - 1.0) / (uu * inverse_a + vv * inverse_b)
        s += step
        if step <= 1e-4 * s:  # convergence is quadratic: the next step is far below a micrometre
            break
    return a * p / (s + shift_a), b * q / (s + shift_b)


@kernel
def distance_to_ellipse(across: float, along: float, a: float, b: float) -> float:
    """Signed distance to an ellipse of a point of the first quadrant, positive inside."""
    x, y = foot_on_ellipse(across, along, a, b)
    gap = sqrt((x - across) ** 2 + (y - along) ** 2)
    level = (across / a) ** 2 + (along / b) ** 2
    return gap if level <= 1.0 else -gap


@kernel
def signed_distance(x: float, y: float, z: float, zone: FloatArray) -> float:
    """Signed distance of a point to one packed zone, positive inside."""
    x -= zone[0]
    y -= zone[1]
    z -= zone[2]
    along = x * zone[3] + y * zone[4] + z * zone[5]
    across = sqrt(max(x * x + y * y + z * z - along * along, 0.0))
    return distance_to_ellipse(across, abs(along), zone[6], zone[7])


@kernel
def across_axis(x: float, y: float, z: float) -> tuple[float, float, float]:
    """A unit vector at right angles to a unit vector."""
    if abs(x) < 0.9:
        length = sqrt(1.0 - x * x)
        return length, -x * y / length, -x * z / length
    length = sqrt(1.0 - y * y)
    return -y * x / length, length, -y * z / length


@kernel
def foot(x: float, y: float, z: float, zone: FloatArray, far: bool) -> tuple[float, float, float, float]:
    """The nearest point on a packed zone, and how far it is.

    Parameters
    ----------
    far
        Take the nearest point beyond the equator's plane instead, where the distance may have a
        second minimum (flat zones).
    """
    dx = x - zone[0]
    dy = y - zone[1]
    dz = z - zone[2]
    along = dx * zone[3] + dy * zone[4] + dz * zone[5]
    rx = dx - along * zone[3]
    ry = dy - along * zone[4]
    rz = dz - along * zone[5]
    across = sqrt(rx * rx + ry * ry + rz * rz)
    if across < 1e-12:
        rx, ry, rz = across_axis(zone[3], zone[4], zone[5])
        length = 1.0
    else:
        length = across
    side = 1.0 if along >= 0 else -1.0
    if far:
        u, v = _far_foot(across, abs(along), zone[6], zone[7])
    else:
        u, v = foot_on_ellipse(across, abs(along), zone[6], zone[7])
    u_scaled = u / length
    v = v * side
    fx = zone[0] + v * zone[3] + u_scaled * rx
    fy = zone[1] + v * zone[4] + u_scaled * ry
    fz = zone[2] + v * zone[5] + u_scaled * rz
    return fx, fy, fz, sqrt((fx - x) ** 2 + (fy - y) ** 2 + (fz - z) ** 2)


@kernel
def _far_foot(across: float, along: float, a: float, b: float) -> tuple[float, float]:
    """Nearest point of the half ellipse on the other side of the equator (second value <= 0)."""
    # Distance squared over the angle from the equator; one minimum or none on this side, so
    # golden section finds it or runs to an end, which is a valid, farther point either way.
    low = 0.0
    high = 0.5 * np.pi
    golden = 0.6180339887498949
    c = high - golden * (high - low)
    d = low + golden * (high - low)
    fc = (a * np.cos(c) - across) ** 2 + (b * np.sin(c) + along) ** 2
    fd = (a * np.cos(d) - across) ** 2 + (b * np.sin(d) + along) ** 2
    for _ in range(32):
        if fc < fd:
            high, d, fd = d, c, fc
            c = high - golden * (high - low)
            fc = (a * np.cos(c) - across) ** 2 + (b * np.sin(c) + along) ** 2
        else:
            low, c, fc = c, d, fd
            d = low + golden * (high - low)
            fd = (a * np.cos(d) - across) ** 2 + (b * np.sin(d) + along) ** 2
    angle = 0.5 * (low + high)
    return a * np.cos(angle), -b * np.sin(angle)


@kernel
def _distances(points: FloatArray, zone: FloatArray, out: FloatArray) -> None:
    for n in range(points.shape[0]):
        out[n] = signed_distance(points[n, 0], points[n, 1], points[n, 2], zone)


@kernel
def _feet(points: FloatArray, zone: FloatArray, out: FloatArray) -> None:
    for n in range(points.shape[0]):
        x, y, z, _ = foot(points[n, 0], points[n, 1], points[n, 2], zone, False)
        out[n, 0] = x
        out[n, 1] = y
        out[n, 2] = z
