"""Several ablation zones taken together: exact depth inside their union, and its volume.

Inside a union the smallest or largest of the single distances is wrong: what counts is the
nearest point of the union's boundary, which is a zone's surface where no other zone covers it.
That point is a zone's own nearest point where it is not covered, or else lies on a curve in which
two surfaces meet, or (in flat zones) on the far side of a zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.spheroid import Spheroid, foot, foot_on_ellipse, pack
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

#: Meridians and parallels of a zone on which curves of intersection are looked for, and steps of a
#: meridian.
MERIDIANS = 64
PARALLELS = 20
STEPS = 32
#: Lines a side with which the volume of a union is summed.
VOLUME_LINES = 32


class ZoneUnion:
    """A union of zones made ready for many distances."""

    def __init__(self, zones: Sequence[Spheroid]) -> None:
        self.packed = pack(zones)
        self.curves, self.stretches = intersection_curves(self.packed)

    def signed_distance_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """Signed distance of points (n, 3) to the boundary, positive inside; needs a zone."""
        out = np.empty(len(points_lps_mm))
        _union_distances(points_lps_mm, self.packed, self.curves, self.stretches, out)
        return out


def union_distance_mm(points_lps_mm: npt.ArrayLike, zones: Sequence[Spheroid]) -> FloatArray:
    """Signed distance of points (n, 3) to the boundary of a union of zones, positive inside.

    Within 0.05 mm of points spread over the boundary; a sliver of a surface bare between two samples
    of a curve may be missed, which overstates the depth.  Without zones every distance is minus infinity.
    """
    points = np.ascontiguousarray(points_lps_mm, dtype=float)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InvalidValue("Points need the shape (n, 3).", f"shape {points.shape}")
    if not zones:
        return np.full(len(points), -np.inf)
    return ZoneUnion(zones).signed_distance_mm(points)


def union_volume_ml(zones: Sequence[Spheroid]) -> float:
    """Volume of a union of zones in ml: closed form for one, error below 1 % for several."""
    if not zones:
        return 0.0
    if len(zones) == 1:
        return zones[0].volume_ml
    centers = np.array([zone.center_lps_mm for zone in zones])
    extents = np.array([zone.half_extent_mm for zone in zones])
    low, high = (centers - extents).min(axis=0), (centers + extents).max(axis=0)
    return float(_union_volume(pack(zones), extents, low, high, VOLUME_LINES)) / 1000.0


def intersection_curves(packed: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Points on the curves in which surfaces of packed zones meet, outside all other zones.

    Returns
    -------
    points, stretches
        Shape (n, 3); and for each pair of zones that meet its first and last + 1 point and the two
        zones' numbers, shape (pairs, 4).
    """
    count = len(packed)
    room = max(1, count * (count - 1) // 2 * (MERIDIANS + PARALLELS) * 6)
    points = np.empty((room, 3))
    stretches = np.empty((max(1, count * (count - 1) // 2), 4), dtype=np.int64)
    used, pairs = _curves(packed, points, stretches) if count > 1 else (0, 0)
    return points[:used], stretches[:pairs]


@kernel
def _level_and_gradient(
    x: float, y: float, z: float, packed: FloatArray, n: int
) -> tuple[float, float, float, float]:
    """Quadratic form of a packed zone less 1, and half its gradient."""
    x -= packed[n, 0]
    y -= packed[n, 1]
    z -= packed[n, 2]
    along = x * packed[n, 3] + y * packed[n, 4] + z * packed[n, 5]
    p = 1.0 / (packed[n, 6] * packed[n, 6])
    q = along * (1.0 / (packed[n, 7] * packed[n, 7]) - p)
    value = p * (x * x + y * y + z * z) + q * along - 1.0
    return value, p * x + q * packed[n, 3], p * y + q * packed[n, 4], p * z + q * packed[n, 5]


@kernel
def _covered(x: float, y: float, z: float, packed: FloatArray, one: int, two: int) -> bool:
    """Whether a point lies within a zone other than two named ones."""
    for n in range(packed.shape[0]):
        if n in (one, two):
            continue
        dx, dy, dz = x - packed[n, 0], y - packed[n, 1], z - packed[n, 2]
        along = dx * packed[n, 3] + dy * packed[n, 4] + dz * packed[n, 5]
        across_squared = dx * dx + dy * dy + dz * dz - along * along
        a, b = packed[n, 6], packed[n, 7]
        if across_squared / (a * a) + along * along / (b * b) < 1.0 - 1e-7:
            return True
    return False


@kernel
def _basis(packed: FloatArray, one: int, two: int) -> FloatArray:
    """3 x 3: columns map the unit sphere onto zone `one`, the last one towards zone `two`."""
    zone = packed[one]
    toward = packed[two, :3] - zone[:3]
    axis = zone[3:6]
    # In the frame in which the zone is the unit ball, the direction of the other zone's centre.
    along = toward[0] * axis[0] + toward[1] * axis[1] + toward[2] * axis[2]
    pole = (toward - along * axis) / zone[6] + along * axis / zone[7]
    length = sqrt((pole * pole).sum())
    pole = axis.copy() if length < 1e-9 else pole / length
    other = np.zeros(3)
    other[np.argmin(np.abs(pole))] = 1.0
    first = other - (other * pole).sum() * pole
    first /= sqrt((first * first).sum())
    second = np.cross(pole, first)
    basis = np.empty((3, 3))
    for column in range(3):
        u = first if column == 0 else (second if column == 1 else pole)
        along = (u * axis).sum()
        basis[:, column] = (u - along * axis) * zone[6] + along * axis * zone[7]
    return basis


@kernel
def _bend(u: FloatArray, v: FloatArray, zone: FloatArray) -> float:
    """Bilinear form of a packed zone between two directions."""
    along_u: float = u[0] * zone[3] + u[1] * zone[4] + u[2] * zone[5]
    along_v: float = v[0] * zone[3] + v[1] * zone[4] + v[2] * zone[5]
    across = (u[0] * v[0] + u[1] * v[1] + u[2] * v[2] - along_u * along_v) / (zone[6] * zone[6])
    value: float = across + along_u * along_v / (zone[7] * zone[7])
    return value


@kernel
def _wave(c: FloatArray, cosine: float, sine: float) -> float:
    """How far outside a zone a point of a meridian is, from the meridian's five coefficients."""
    value: float = c[0] + 2.0 * (sine * c[1] + cosine * c[2] + sine * cosine * c[5])
    value += sine * sine * c[3] + cosine * cosine * c[4]
    return value


@kernel
def _root(c: FloatArray, low: float, at_low: float, high: float, at_high: float) -> float:
    """Angle between two angles at which a meridian meets a zone (false position, Illinois variant)."""
    angle = low
    for _ in range(30):
        angle = high - at_high * (high - low) / (at_high - at_low)
        value = _wave(c, np.cos(angle), np.sin(angle))
        if abs(value) < 1e-9:
            break
        if (value < 0) != (at_high < 0):
            low, at_low = high, at_high
        else:
            at_low *= 0.5
        high, at_high = angle, value
    return angle


@kernel
def _scan(
    wave: FloatArray,
    middle: FloatArray,
    cosine_way: FloatArray,
    sine_way: FloatArray,
    table: FloatArray,
    packed: FloatArray,
    pair: tuple[int, int],
    points: FloatArray,
    used: int,
) -> int:
    """Add the bare points at which a line middle + cos cosine_way + sin sine_way meets a zone."""
    at_low = _wave(wave, table[0, 1], table[0, 2])
    for n in range(table.shape[0] - 1):
        at_high = _wave(wave, table[n + 1, 1], table[n + 1, 2])
        if (at_low < 0) != (at_high < 0) and used < points.shape[0]:
            angle = _root(wave, table[n, 0], at_low, table[n + 1, 0], at_high)
            c, s = np.cos(angle), np.sin(angle)
            x = middle[0] + c * cosine_way[0] + s * sine_way[0]
            y = middle[1] + c * cosine_way[1] + s * sine_way[1]
            z = middle[2] + c * cosine_way[2] + s * sine_way[2]
            if not _covered(x, y, z, packed, pair[0], pair[1]):
                points[used, 0] = x
                points[used, 1] = y
                points[used, 2] = z
                used += 1
        at_low = at_high
    return used


@kernel
def _table(stop: float, steps: int) -> FloatArray:
    """Angles from 0 to `stop` with their cosines and sines, shape (steps + 1, 3)."""
    table = np.empty((steps + 1, 3))
    table[:, 0] = stop / steps * np.arange(steps + 1)
    table[:, 1] = np.cos(table[:, 0])
    table[:, 2] = np.sin(table[:, 0])
    return table


@kernel
def _curves(packed: FloatArray, points: FloatArray, stretches: npt.NDArray[np.int64]) -> tuple[int, int]:
    used = 0
    pairs = 0
    half = _table(np.pi, STEPS)
    full = _table(2 * np.pi, 2 * STEPS)
    wave = np.empty(6)
    for one in range(packed.shape[0]):
        for two in range(one + 1, packed.shape[0]):
            other = packed[two]
            away = packed[one, :3] - other[:3]
            reach = max(packed[one, 6], packed[one, 7]) + max(other[6], other[7])
            if (away * away).sum() > reach * reach:
                continue
            before = used
            center = packed[one, :3]
            basis = _basis(packed, one, two)
            first, second, pole = basis[:, 0].copy(), basis[:, 1].copy(), basis[:, 2].copy()
            wave[0] = _bend(away, away, other) - 1.0
            wave[2] = _bend(away, pole, other)
            wave[4] = _bend(pole, pole, other)
            for turn in range(MERIDIANS):
                turned = 2 * np.pi * turn / MERIDIANS
                equator = first * np.cos(turned) + second * np.sin(turned)
                wave[1] = _bend(away, equator, other)
                wave[3] = _bend(equator, equator, other)
                wave[5] = _bend(equator, pole, other)
                used = _scan(wave, center, pole, equator, half, packed, (one, two), points, used)
            # Parallels find what runs between two meridians.
            for ring in range(PARALLELS):
                angle = np.pi * (ring + 0.5) / PARALLELS
                rise = np.cos(angle) * pole
                width_first, width_second = np.sin(angle) * first, np.sin(angle) * second
                wave[0] = _bend(away + rise, away + rise, other) - 1.0
                wave[1] = _bend(away + rise, width_second, other)
                wave[2] = _bend(away + rise, width_first, other)
                wave[3] = _bend(width_second, width_second, other)
                wave[4] = _bend(width_first, width_first, other)
                wave[5] = _bend(width_first, width_second, other)
                used = _scan(
                    wave,
                    center + rise,
                    width_first,
                    width_second,
                    full,
                    packed,
                    (one, two),
                    points,
                    used,
                )
            used = _add_ends(packed, one, two, points, before, used)
            if used > before:
                stretches[pairs, 0], stretches[pairs, 1] = before, used
                stretches[pairs, 2], stretches[pairs, 3] = one, two
                pairs += 1
    return used, pairs


@kernel
def _onto_curve(
    x: float, y: float, z: float, packed: FloatArray, one: int, two: int
) -> tuple[float, float, float, bool]:
    """Bring a point near two surfaces onto both, by the shortest way; False where they touch."""
    for _ in range(4):
        f, ax, ay, az = _level_and_gradient(x, y, z, packed, one)
        g, bx, by, bz = _level_and_gradient(x, y, z, packed, two)
        if abs(f) + abs(g) < 1e-5:
            break
        aa = ax * ax + ay * ay + az * az
        bb = bx * bx + by * by + bz * bz
        ab = ax * bx + ay * by + az * bz
        det = 2.0 * (aa * bb - ab * ab)
        if det < 1e-6 * aa * bb:
            return x, y, z, False
        p = (f * bb - g * ab) / det
        q = (g * aa - f * ab) / det
        x -= p * ax + q * bx
        y -= p * ay + q * by
        z -= p * az + q * bz
    return x, y, z, True


@kernel
def _tangent(
    x: float, y: float, z: float, packed: FloatArray, one: int, two: int
) -> tuple[float, float, float, bool]:
    """Direction of the curve in which two zones meet; False where they only touch."""
    _, ax, ay, az = _level_and_gradient(x, y, z, packed, one)
    _, bx, by, bz = _level_and_gradient(x, y, z, packed, two)
    tx, ty, tz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    tt = tx * tx + ty * ty + tz * tz
    if tt < 1e-12 * (ax * ax + ay * ay + az * az) * (bx * bx + by * by + bz * bz):
        return 0.0, 0.0, 0.0, False
    inverse = 1.0 / sqrt(tt)
    return tx * inverse, ty * inverse, tz * inverse, True


@kernel
def _add_ends(packed: FloatArray, one: int, two: int, points: FloatArray, first: int, used: int) -> int:
    """Add the ends of a curve's bare stretches, where a third zone swallows it."""
    if packed.shape[0] < 3:
        return used
    reach = 2.0 * np.pi * packed[:, 6:].max() / MERIDIANS
    last = used
    for n in range(first, last):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        tx, ty, tz, good = _tangent(x, y, z, packed, one, two)
        if not good:
            continue
        for side in (-1.0, 1.0):
            way = side * reach
            nx, ny, nz, on = _onto_curve(x + way * tx, y + way * ty, z + way * tz, packed, one, two)
            if not on or not _covered(nx, ny, nz, packed, one, two) or used >= points.shape[0]:
                continue
            bare, swallowed = 0.0, way
            ex, ey, ez = x, y, z
            for _ in range(10):
                middle = 0.5 * (bare + swallowed)
                nx, ny, nz, on = _onto_curve(
                    x + middle * tx, y + middle * ty, z + middle * tz, packed, one, two
                )
                if on and not _covered(nx, ny, nz, packed, one, two):
                    bare = middle
                    ex, ey, ez = nx, ny, nz
                else:
                    swallowed = middle
            points[used, 0], points[used, 1], points[used, 2] = ex, ey, ez
            used += 1
    return used


@kernel
def _slide(
    px: float,
    py: float,
    pz: float,
    x: float,
    y: float,
    z: float,
    packed: FloatArray,
    one: int,
    two: int,
) -> float:
    """Distance of a point to a curve of intersection, from a sample (x, y, z) of it near the foot."""
    best = sqrt((x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2)
    slope = -1.0  # of the remaining way along the curve, per mm moved; 0 - 1 on a straight curve
    before = 0.0
    moved = 0.0
    for _ in range(8):
        tx, ty, tz, good = _tangent(x, y, z, packed, one, two)
        if not good:
            break
        left = (px - x) * tx + (py - y) * ty + (pz - z) * tz
        if left * left < 0.01:  # so near, the curve is straight to a thousandth of a mm
            return sqrt(max(best * best - left * left, 0.0))
        if moved != 0.0:
            slope = min(-0.2, max(-5.0, (left - before) / moved))
        move = -left / slope
        nx, ny, nz, good = _onto_curve(x + move * tx, y + move * ty, z + move * tz, packed, one, two)
        far = sqrt((nx - px) ** 2 + (ny - py) ** 2 + (nz - pz) ** 2)
        if not good or far >= best or _covered(nx, ny, nz, packed, one, two):
            break  # a bare stretch's ends are samples themselves
        before, moved = left, move
        gain = best - far
        x, y, z, best = nx, ny, nz, far
        if gain < 2e-4:
            break
    return best


@kernel
def _feet(points: FloatArray, zone: FloatArray, feet: FloatArray, state: FloatArray) -> None:
    """Nearest point of a packed zone to each point, in columns so that the processor takes several at once.

    Parameters
    ----------
    feet
        Rows: signed distance along the axis and distance across it, the same of the foot, and the
        signed distance to the surface, positive inside; shape (5, n), filled.
    state
        Scratch, shape (3, n).  The method is that of `foot_on_ellipse`.
    """
    a, b = zone[6], zone[7]
    low = min(a, b)
    shift_a, shift_b = a * a - low * low, b * b - low * low
    most, tiny = max(shift_a, shift_b), 1e-9 * (a + b)
    count = points.shape[0]
    for n in range(count):
        x, y, z = points[n, 0] - zone[0], points[n, 1] - zone[1], points[n, 2] - zone[2]
        along = x * zone[3] + y * zone[4] + z * zone[5]
        across = sqrt(max(x * x + y * y + z * z - along * along, 0.0))
        feet[0, n] = along
        feet[1, n] = across
        p = a * max(across, tiny)
        q = b * max(abs(along), tiny)
        state[0, n] = p
        state[1, n] = q
        state[2, n] = max(p - shift_a, q - shift_b, sqrt(p * p + q * q) - most)
    for _ in range(5):
        for n in range(count):
            s = state[2, n]
            inverse_a, inverse_b = 1.0 / (s + shift_a), 1.0 / (s + shift_b)
            u, v = state[0, n] * inverse_a, state[1, n] * inverse_b
            uu, vv = u * u, v * v
            square = uu + vv
            state[2, n] = s + square * (sqrt(square) - 1.0) / (uu * inverse_a + vv * inverse_b)
    for n in range(count):
        s = state[2, n]
        u, v = state[0, n] / (s + shift_a), state[1, n] / (s + shift_b)
        off = u * u + v * v - 1.0
        across, along = feet[1, n], abs(feet[0, n])
        foot_across, foot_along = a * u, b * v
        if abs(off) > 1e-6:  # rare: five steps were not enough
            foot_across, foot_along = foot_on_ellipse(across, along, a, b)
        gap = sqrt((foot_across - across) ** 2 + (foot_along - along) ** 2)
        level = (across / a) ** 2 + (along / b) ** 2
        feet[2, n] = foot_along if feet[0, n] >= 0 else -foot_along
        feet[3, n] = foot_across
        feet[4, n] = gap if level <= 1.0 else -gap


@kernel
def _place(
    x: float, y: float, z: float, packed: FloatArray, n: int, feet: FloatArray, number: int
) -> tuple[float, float, float]:
    """The foot of a point on zone n as coordinates."""
    along, across = feet[n, 0, number], feet[n, 1, number]
    if across < 1e-9:  # on the axis any direction will do; `foot` finds one
        fx, fy, fz, _ = foot(x, y, z, packed[n], False)
        return fx, fy, fz
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
    number: int,
    packed: FloatArray,
    feet: FloatArray,
    curves: FloatArray,
    stretches: npt.NDArray[np.int64],
    slack: float,
    nearest: npt.NDArray[np.int64],
    nearest_squared: FloatArray,
) -> float:
    """Distance of a point inside the union to its boundary; the last two arguments are scratch."""
    best = np.inf
    hidden = np.inf  # nearest covered foot: the boundary cannot be nearer than this there
    for n in range(packed.shape[0]):
        gap = abs(feet[n, 4, number])
        if gap >= best:
            continue
        fx, fy, fz = _place(x, y, z, packed, n, feet, number)
        if not _covered(fx, fy, fz, packed, n, n):
            best = gap
            continue
        hidden = min(hidden, gap)
        if packed[n, 6] > packed[n, 7]:
            fx, fy, fz, gap = foot(x, y, z, packed[n], True)
            if gap < best and not _covered(fx, fy, fz, packed, n, n):
                best = gap
    if hidden < best and curves.shape[0] > 0:
        for m in range(stretches.shape[0]):
            place = 0
            least = np.inf
            for n in range(stretches[m, 0], stretches[m, 1]):
                dx, dy, dz = curves[n, 0] - x, curves[n, 1] - y, curves[n, 2] - z
                squared = dx * dx + dy * dy + dz * dz
                if squared < least:
                    least = squared
                    place = n
            nearest[m] = place
            nearest_squared[m] = least
        for _ in range(stretches.shape[0]):  # nearest first, so that most others need no closer look
            m = int(np.argmin(nearest_squared))
            if nearest_squared[m] >= best * best + slack:
                break
            nearest_squared[m] = np.inf
            cx, cy, cz = curves[nearest[m], 0], curves[nearest[m], 1], curves[nearest[m], 2]
            gap = _slide(x, y, z, cx, cy, cz, packed, stretches[m, 2], stretches[m, 3])
            best = min(best, gap)
    return best


@kernel
def _union_distances(
    points: FloatArray,
    packed: FloatArray,
    curves: FloatArray,
    stretches: npt.NDArray[np.int64],
    out: FloatArray,
) -> None:
    """Signed distance of points to the boundary of a union of packed zones, positive inside."""
    # A foot on a curve lies at right angles to it, so a sample at most `gap` from it along the curve
    # is at most that much farther in the square (twice, for the curve's own bend).
    gap = np.pi * packed[:, 6:].max() / MERIDIANS
    slack = 2.0 * gap * gap
    nearest = np.zeros(stretches.shape[0], dtype=np.int64)
    nearest_squared = np.zeros(stretches.shape[0])
    feet = np.empty((packed.shape[0], 5, points.shape[0]))
    state = np.empty((3, points.shape[0]))
    for m in range(packed.shape[0]):
        _feet(points, packed[m], feet[m], state)
    for n in range(points.shape[0]):
        depth = feet[0, 4, n]
        for m in range(1, packed.shape[0]):
            depth = max(depth, feet[m, 4, n])
        if depth > 0:
            x, y, z = points[n, 0], points[n, 1], points[n, 2]
            depth = _depth(x, y, z, n, packed, feet, curves, stretches, slack, nearest, nearest_squared)
        out[n] = depth


@kernel
def chord(
    y: float, z: float, zone: FloatArray, dx: float, dy: float, dz: float, x: float
) -> tuple[float, float]:
    """Where a line (x, y, z) + s (dx, dy, dz) enters and leaves a packed zone; enters > leaves: never."""
    px, py, pz = x - zone[0], y - zone[1], z - zone[2]
    inverse_across = 1.0 / (zone[6] * zone[6])
    extra = 1.0 / (zone[7] * zone[7]) - inverse_across
    p_axis = px * zone[3] + py * zone[4] + pz * zone[5]
    d_axis = dx * zone[3] + dy * zone[4] + dz * zone[5]
    a = inverse_across * (dx * dx + dy * dy + dz * dz) + extra * d_axis * d_axis
    b = inverse_across * (px * dx + py * dy + pz * dz) + extra * p_axis * d_axis
    c = inverse_across * (px * px + py * py + pz * pz) + extra * p_axis * p_axis - 1.0
    disc = b * b - a * c
    if disc <= 0:
        return 1.0, -1.0
    root = sqrt(disc)
    return (-b - root) / a, (-b + root) / a


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
def _union_volume(
    packed: FloatArray, reach: FloatArray, low: FloatArray, high: FloatArray, lines: int
) -> float:
    step_y = (high[1] - low[1]) / lines
    step_z = (high[2] - low[2]) / lines
    starts = np.empty(packed.shape[0])
    stops = np.empty(packed.shape[0])
    total: float = 0.0
    for row in range(lines):
        z = low[2] + (row + 0.5) * step_z
        for column in range(lines):
            y = low[1] + (column + 0.5) * step_y
            count = 0
            for n in range(packed.shape[0]):
                if abs(y - packed[n, 1]) > reach[n, 1] or abs(z - packed[n, 2]) > reach[n, 2]:
                    continue
                start, stop = chord(y, z, packed[n], 1.0, 0.0, 0.0, 0.0)
                if stop > start:
                    starts[count] = start
                    stops[count] = stop
                    count += 1
            for n in range(merge_intervals(starts, stops, count)):
                total += stops[n] - starts[n]
    volume: float = total * step_y * step_z
    return volume
