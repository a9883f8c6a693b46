"""Several ablation zones taken together: exact depth inside their union, and its volume.

Inside a union the smallest or largest of the single distances is wrong: what counts is the
nearest point of the union's boundary, which is a zone's surface where no other zone covers it.
That point is a zone's own nearest point where it is not covered, or else lies on a curve in which
two surfaces meet, or (in flat zones) on the far side of a zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.spheroid import Spheroid, across_axis, foot, foot_on_ellipse, pack
from planner.compute.threads import kernel
from planner.compute.zone_curves import MERIDIANS, covered, intersection_curves, nearer_on_curves
from planner.model.geometry import FloatArray

#: Points are taken together in so many, for the processor's cache.
BLOCK = 256
#: Lines a side with which the volume of a union is summed.
VOLUME_LINES = 32
#: Numbers `chord` needs of a zone.
CHORD = 9


class ZoneUnion:
    """A union of one or more zones made ready for many distances."""

    def __init__(self, zones: Sequence[Spheroid]) -> None:
        self.packed = pack(zones)
        self.samples, self.pairs = intersection_curves(self.packed)

    @property
    def volume_ml(self) -> float:
        """Volume: closed form for one zone, error below 1 % for several."""
        return _volume_ml(self.packed)

    def signed_distance_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """Signed distance of points (n, 3) to the boundary, positive inside."""
        points = points_lps_mm.view()
        points.setflags(write=False)  # numba compiles a kernel once for each kind of array
        out = np.empty(len(points))
        _union_distances(points, self.packed, self.samples, self.pairs, out)
        return out


def union_distance_mm(points_lps_mm: npt.ArrayLike, zones: Sequence[Spheroid]) -> FloatArray:
    """Signed distance of points (n, 3) to the boundary of a union of zones, positive inside.

    Error below 0.005 mm; a sliver of a surface bare between two samples of a curve may be missed, which
    overstates the depth.  Without zones every distance is minus infinity.
    """
    points = np.ascontiguousarray(points_lps_mm, dtype=float)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InvalidValue("Points need the shape (n, 3).", f"shape {points.shape}")
    if not zones:
        return np.full(len(points), -np.inf)
    return ZoneUnion(zones).signed_distance_mm(points)


def union_volume_ml(zones: Sequence[Spheroid]) -> float:
    """Volume of a union of zones in ml: closed form for one, error below 1 % for several."""
    return _volume_ml(pack(zones)) if zones else 0.0


def _volume_ml(packed: FloatArray) -> float:
    if len(packed) > 1:
        return _union_volume(packed, VOLUME_LINES) / 1000.0
    across, along = float(packed[0, 6]), float(packed[0, 7])
    return 4 / 3 * pi * across * across * along / 1000.0


@kernel
def _feet(points: FloatArray, zone: FloatArray, feet: FloatArray, state: FloatArray) -> None:
    """Nearest point of a packed zone to each point, in columns so that the processor takes several at once.

    The method is that of `foot_on_ellipse`.

    Parameters
    ----------
    points
        At most `BLOCK` points, shape (n, 3).
    feet
        Rows: signed distance along the axis and distance across it, the same of the foot, and the
        signed distance to the surface, positive inside; shape (5, `BLOCK`), filled.
    state
        Scratch, shape (3, `BLOCK`).
    """
    cx, cy, cz, ux, uy, uz = zone[0], zone[1], zone[2], zone[3], zone[4], zone[5]
    a, b = zone[6], zone[7]
    low = min(a, b)
    shift_a, shift_b = a * a - low * low, b * b - low * low
    most, tiny = max(shift_a, shift_b), 1e-9 * (a + b)
    count = points.shape[0]
    for n in range(count):
        state[0, n], state[1, n], state[2, n] = points[n, 0], points[n, 1], points[n, 2]
    for n in range(count):
        x, y, z = state[0, n] - cx, state[1, n] - cy, state[2, n] - cz
        along = x * ux + y * uy + z * uz
        feet[0, n] = along
        feet[1, n] = sqrt(max(x * x + y * y + z * z - along * along, 0.0))
    for n in range(count):
        p = a * max(feet[1, n], tiny)
        q = b * max(abs(feet[0, n]), tiny)
        state[0, n] = p
        state[1, n] = q
        state[2, n] = max(p - shift_a, q - shift_b, sqrt(p * p + q * q) - most)
    for _ in range(5):
        for n in range(count):
            s = state[2, n]
            inverse = 1.0 / ((s + shift_a) * (s + shift_b))
            inverse_a, inverse_b = (s + shift_b) * inverse, (s + shift_a) * inverse
            u, v = state[0, n] * inverse_a, state[1, n] * inverse_b
            uu, vv = u * u, v * v
            square = uu + vv
            state[2, n] = s + square * (sqrt(square) - 1.0) / (uu * inverse_a + vv * inverse_b)
    for n in range(count):
        s = state[2, n]
        u, v = state[0, n] / (s + shift_a), state[1, n] / (s + shift_b)
        state[2, n] = u * u + v * v - 1.0
        feet[2, n] = b * v
        feet[3, n] = a * u
    for n in range(count):
        if abs(state[2, n]) > 1e-6:  # rare: five steps were not enough
            feet[3, n], feet[2, n] = foot_on_ellipse(feet[1, n], abs(feet[0, n]), a, b)
    for n in range(count):
        along, across = abs(feet[0, n]), feet[1, n]
        gap = sqrt((feet[3, n] - across) ** 2 + (feet[2, n] - along) ** 2)
        feet[4, n] = gap if (across / a) ** 2 + (along / b) ** 2 <= 1.0 else -gap
        feet[2, n] = feet[2, n] if feet[0, n] >= 0 else -feet[2, n]


@kernel
def _place(
    x: float, y: float, z: float, packed: FloatArray, n: int, feet: FloatArray, number: int
) -> tuple[float, float, float]:
    """The foot of a point on zone n as coordinates."""
    along, across = feet[n, 0, number], feet[n, 1, number]
    if across < 1e-9:  # on the axis any direction across it will do
        rx, ry, rz = across_axis(packed[n, 3], packed[n, 4], packed[n, 5])
        v, u = feet[n, 2, number], feet[n, 3, number]
        return (
            packed[n, 0] + v * packed[n, 3] + u * rx,
            packed[n, 1] + v * packed[n, 4] + u * ry,
            packed[n, 2] + v * packed[n, 5] + u * rz,
        )
    grow = feet[n, 3, number] / across
    rise = feet[n, 2, number] - grow * along
    return (
        packed[n, 0] + grow * (x - packed[n, 0]) + rise * packed[n, 3],
        packed[n, 1] + grow * (y - packed[n, 1]) + rise * packed[n, 4],
        packed[n, 2] + grow * (z - packed[n, 2]) + rise * packed[n, 5],
    )


@kernel
def _depth(
    x: float,
    y: float,
    z: float,
    packed: FloatArray,
    samples: FloatArray,
    pairs: npt.NDArray[np.int64],
    slack: float,
    squared: FloatArray,
) -> float:
    """Distance of a point inside the union to curves and far sides of flat zones; infinity without."""
    best = np.inf
    for n in range(packed.shape[0]):
        if packed[n, 6] > packed[n, 7]:
            fx, fy, fz, gap = foot(x, y, z, packed[n], True)
            if gap * gap < best and not covered(fx, fy, fz, packed, n, n):
                best = gap * gap
    return sqrt(nearer_on_curves(x, y, z, best, packed, samples, pairs, slack, squared))


@kernel
def _union_distances(
    points: FloatArray,
    packed: FloatArray,
    samples: FloatArray,
    pairs: npt.NDArray[np.int64],
    out: FloatArray,
) -> None:
    """Signed distance of points to the boundary of a union of packed zones, positive inside.

    A foot nearer than that on the zone in which a point lies deepest is within this zone, so only
    this zone's foot can be bare; it stands as the lower bound where no curve was found.
    """
    # A foot on a curve lies at right angles to it, so a sample at most `gap` from it along the curve
    # is at most that much farther in the square (twice, for the curve's own bend).
    gap = np.pi * packed[:, 6:].max() / MERIDIANS
    slack = 2.0 * gap * gap
    squared = np.empty(samples.shape[1])
    feet = np.empty((packed.shape[0], 5, BLOCK))
    state = np.empty((3, BLOCK))
    for first in range(0, points.shape[0], BLOCK):
        block = points[first : first + BLOCK]
        for m in range(packed.shape[0]):
            _feet(block, packed[m], feet[m], state)
        for n in range(block.shape[0]):
            deepest = 0
            for m in range(1, packed.shape[0]):
                if feet[m, 4, n] > feet[deepest, 4, n]:
                    deepest = m
            out[first + n] = feet[deepest, 4, n]
            if out[first + n] > 0:
                x, y, z = block[n, 0], block[n, 1], block[n, 2]
                fx, fy, fz = _place(x, y, z, packed, deepest, feet, n)
                if covered(fx, fy, fz, packed, deepest, deepest):
                    depth = _depth(x, y, z, packed, samples, pairs, slack, squared)
                    if depth < np.inf:
                        out[first + n] = max(depth, out[first + n])


@kernel
def chords(zones: FloatArray) -> FloatArray:
    """What `chord` needs of packed zones, shape (n, 9).

    On a line along x at (y, z) from a zone's centre the level is a x^2 + 2 b x + c, with b linear
    and c quadratic in (y, z); so the chord's middle is linear and its squared half length quadratic.
    """
    table = np.empty((zones.shape[0], CHORD))
    for n in range(zones.shape[0]):
        ux, uy, uz = zones[n, 3], zones[n, 4], zones[n, 5]
        p = 1.0 / (zones[n, 6] * zones[n, 6])
        q = 1.0 / (zones[n, 7] * zones[n, 7]) - p
        inverse = 1.0 / (p + q * ux * ux)
        slope = -q * ux * inverse
        narrow = p * q * inverse * inverse
        table[n, 0], table[n, 1], table[n, 2] = zones[n, 0], zones[n, 1], zones[n, 2]
        table[n, 3], table[n, 4] = slope * uy, slope * uz
        table[n, 5] = inverse
        table[n, 6] = p * inverse + narrow * uy * uy
        table[n, 7] = 2.0 * narrow * uy * uz
        table[n, 8] = p * inverse + narrow * uz * uz
    return table


@kernel
def chord(y: float, z: float, table: FloatArray, n: int) -> tuple[float, float]:
    """Where a line along x enters and leaves zone n of `chords`; enters > leaves: never."""
    y -= table[n, 1]
    z -= table[n, 2]
    squared = table[n, 5] - table[n, 6] * y * y - table[n, 7] * y * z - table[n, 8] * z * z
    if squared <= 0:
        return 1.0, -1.0
    middle = table[n, 0] + table[n, 3] * y + table[n, 4] * z
    half = sqrt(squared)
    return middle - half, middle + half


@kernel
def merge_intervals(starts: FloatArray, stops: FloatArray, count: int) -> int:
    """Sort intervals and join those that overlap, in place; how many are left."""
    for n in range(1, count):
        start, stop = starts[n], stops[n]
        m = n - 1
        while m >= 0 and starts[m] > start:
            starts[m + 1] = starts[m]
            stops[m + 1] = stops[m]
            m -= 1
        starts[m + 1] = start
        stops[m + 1] = stop
    kept = 0
    for n in range(count):
        if kept > 0 and starts[n] <= stops[kept - 1]:
            stops[kept - 1] = max(stops[kept - 1], stops[n])
        else:
            starts[kept] = starts[n]
            stops[kept] = stops[n]
            kept += 1
    return kept


@kernel
def bounding_box(zones: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest corner of the upright box around packed zones."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for n in range(zones.shape[0]):
        across = zones[n, 6] * zones[n, 6]
        more = zones[n, 7] * zones[n, 7] - across
        for d in range(3):
            half = sqrt(across + more * zones[n, 3 + d] * zones[n, 3 + d])
            low[d] = min(low[d], zones[n, d] - half)
            high[d] = max(high[d], zones[n, d] + half)
    return low, high


@kernel
def _union_volume(packed: FloatArray, lines: int) -> float:
    """Volume in cubic mm of a union of packed zones, from so many lines a side of the box around it."""
    low, high = bounding_box(packed)
    step_y, step_z = (high[1] - low[1]) / lines, (high[2] - low[2]) / lines
    table = chords(packed)
    starts = np.empty(packed.shape[0])
    stops = np.empty(packed.shape[0])
    total: float = 0.0
    for row in range(lines):
        z = low[2] + (row + 0.5) * step_z
        for column in range(lines):
            y = low[1] + (column + 0.5) * step_y
            count = 0
            for n in range(packed.shape[0]):
                start, stop = chord(y, z, table, n)
                if stop > start:
                    starts[count] = start
                    stops[count] = stop
                    count += 1
            for n in range(merge_intervals(starts, stops, count)):
                total += stops[n] - starts[n]
    volume: float = total * step_y * step_z
    return volume
