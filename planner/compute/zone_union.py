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
from planner.compute.spheroid import Spheroid, foot, inside, pack
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

#: Half planes in which a curve of intersection is looked for, and steps of each.
MERIDIANS = 72
MERIDIAN_STEPS = 20
#: Lines a side with which the volume of a union is summed.
VOLUME_LINES = 96


def union_distance_mm(points_lps_mm: npt.ArrayLike, zones: Sequence[Spheroid]) -> FloatArray:
    """Signed distance of points (n, 3) to the boundary of a union of zones, positive inside.

    Exact to about 0.001 mm.  Without zones every distance is minus infinity.
    """
    points = np.ascontiguousarray(points_lps_mm, dtype=float)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InvalidValue("Points need the shape (n, 3).", f"shape {points.shape}")
    out = np.empty(len(points))
    packed = pack(zones)
    curves, owners = intersection_curves(packed)
    union_distances(points, packed, curves, owners, out)
    return out


def union_volume_ml(zones: Sequence[Spheroid]) -> float:
    """Volume of a union of zones in ml: closed form for one, error below 0.2 % for several."""
    if not zones:
        return 0.0
    if len(zones) == 1:
        return zones[0].volume_ml
    centers = np.array([zone.center_lps_mm for zone in zones])
    extents = np.array([zone.half_extent_mm for zone in zones])
    low, high = (centers - extents).min(axis=0), (centers + extents).max(axis=0)
    return float(_union_volume(pack(zones), low, high, VOLUME_LINES)) / 1000.0


def intersection_curves(packed: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Points on the curves in which surfaces of packed zones meet, outside all other zones.

    Returns
    -------
    points, owners
        Shapes (n, 3) and (n, 2): where, and which two zones.
    """
    count = len(packed)
    room = max(1, count * (count - 1) // 2 * MERIDIANS * 4)
    points = np.empty((room, 3))
    owners = np.empty((room, 2), dtype=np.int64)
    used = _curves(packed, points, owners) if count > 1 else 0
    return points[:used], owners[:used]


@kernel
def level(x: float, y: float, z: float, zone: FloatArray) -> float:
    """Quadratic form of a packed zone: below 1 inside, 1 on the surface."""
    x -= zone[0]
    y -= zone[1]
    z -= zone[2]
    along = x * zone[3] + y * zone[4] + z * zone[5]
    across_squared = x * x + y * y + z * z - along * along
    value: float = across_squared / (zone[6] * zone[6]) + along * along / (zone[7] * zone[7])
    return value


@kernel
def _gradient(x: float, y: float, z: float, zone: FloatArray) -> tuple[float, float, float]:
    x -= zone[0]
    y -= zone[1]
    z -= zone[2]
    along = x * zone[3] + y * zone[4] + z * zone[5]
    p = 2.0 / (zone[6] * zone[6])
    q = 2.0 * along / (zone[7] * zone[7]) - p * along
    return p * x + q * zone[3], p * y + q * zone[4], p * z + q * zone[5]


@kernel
def _covered(x: float, y: float, z: float, packed: FloatArray, one: int, two: int) -> bool:
    """Whether a point lies within a zone other than two named ones."""
    for n in range(packed.shape[0]):  # noqa: SIM110 (numba has no any() of a generator)
        if n != one and n != two and inside(x, y, z, packed[n]):
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
def _meridian_level(
    angle: float, cos_turn: float, sin_turn: float, basis: FloatArray, center: FloatArray, other: FloatArray
) -> float:
    u = np.sin(angle) * cos_turn
    v = np.sin(angle) * sin_turn
    w = np.cos(angle)
    x = center[0] + basis[0, 0] * u + basis[0, 1] * v + basis[0, 2] * w
    y = center[1] + basis[1, 0] * u + basis[1, 1] * v + basis[1, 2] * w
    z = center[2] + basis[2, 0] * u + basis[2, 1] * v + basis[2, 2] * w
    return level(x, y, z, other) - 1.0


@kernel
def _curves(packed: FloatArray, points: FloatArray, owners: npt.NDArray[np.int64]) -> int:
    used = 0
    for one in range(packed.shape[0]):
        for two in range(one + 1, packed.shape[0]):
            gap = packed[one, :3] - packed[two, :3]
            reach = max(packed[one, 6], packed[one, 7]) + max(packed[two, 6], packed[two, 7])
            if (gap * gap).sum() > reach * reach:
                continue
            basis = _basis(packed, one, two)
            center = packed[one, :3]
            for turn in range(MERIDIANS):
                cos_turn = np.cos(2 * np.pi * turn / MERIDIANS)
                sin_turn = np.sin(2 * np.pi * turn / MERIDIANS)
                low = 0.0
                at_low = _meridian_level(low, cos_turn, sin_turn, basis, center, packed[two])
                for step in range(1, MERIDIAN_STEPS + 1):
                    high = np.pi * step / MERIDIAN_STEPS
                    at_high = _meridian_level(high, cos_turn, sin_turn, basis, center, packed[two])
                    if (at_low < 0) != (at_high < 0) and used < points.shape[0]:
                        a, fa, b, fb = low, at_low, high, at_high
                        angle = a
                        for _ in range(30):  # false position, Illinois variant
                            angle = b - fb * (b - a) / (fb - fa)
                            f = _meridian_level(angle, cos_turn, sin_turn, basis, center, packed[two])
                            if abs(f) < 1e-9:
                                break
                            if (f < 0) != (fb < 0):
                                a, fa = b, fb
                            else:
                                fa *= 0.5
                            b, fb = angle, f
                        u = np.sin(angle) * cos_turn
                        v = np.sin(angle) * sin_turn
                        w = np.cos(angle)
                        x = center[0] + basis[0, 0] * u + basis[0, 1] * v + basis[0, 2] * w
                        y = center[1] + basis[1, 0] * u + basis[1, 1] * v + basis[1, 2] * w
                        z = center[2] + basis[2, 0] * u + basis[2, 1] * v + basis[2, 2] * w
                        if not _covered(x, y, z, packed, one, two):
                            points[used, 0] = x
                            points[used, 1] = y
                            points[used, 2] = z
                            owners[used, 0] = one
                            owners[used, 1] = two
                            used += 1
                    low, at_low = high, at_high
    return used


@kernel
def _onto_curve(
    x: float, y: float, z: float, first: FloatArray, second: FloatArray
) -> tuple[float, float, float, bool]:
    """Bring a point near two surfaces onto both, by the shortest way; False where they touch."""
    for _ in range(4):
        f = level(x, y, z, first) - 1.0
        g = level(x, y, z, second) - 1.0
        ax, ay, az = _gradient(x, y, z, first)
        bx, by, bz = _gradient(x, y, z, second)
        aa = ax * ax + ay * ay + az * az
        bb = bx * bx + by * by + bz * bz
        ab = ax * bx + ay * by + az * bz
        det = aa * bb - ab * ab
        if det < 1e-6 * aa * bb:
            return x, y, z, False
        p = (f * bb - g * ab) / det
        q = (g * aa - f * ab) / det
        x -= p * ax + q * bx
        y -= p * ay + q * by
        z -= p * az + q * bz
        if abs(f) + abs(g) < 1e-9:
            break
    return x, y, z, True


@kernel
def _slide(
    px: float, py: float, pz: float, start: FloatArray, packed: FloatArray, one: int, two: int
) -> float:
    """Distance of a point to a curve of intersection, from a sample of the curve near the foot."""
    x, y, z = start[0], start[1], start[2]
    best = sqrt((x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2)
    first, second = packed[one], packed[two]
    for _ in range(8):
        ax, ay, az = _gradient(x, y, z, first)
        bx, by, bz = _gradient(x, y, z, second)
        tx, ty, tz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        tt = tx * tx + ty * ty + tz * tz
        if tt < 1e-12 * (ax * ax + ay * ay + az * az) * (bx * bx + by * by + bz * bz):
            break
        move = ((px - x) * tx + (py - y) * ty + (pz - z) * tz) / tt
        reached = False
        for _ in range(6):  # halve the move until it stays on the bare part of the curve and helps
            nx, ny, nz, good = _onto_curve(x + move * tx, y + move * ty, z + move * tz, first, second)
            far = sqrt((nx - px) ** 2 + (ny - py) ** 2 + (nz - pz) ** 2)
            if good and far < best and not _covered(nx, ny, nz, packed, one, two):
                reached = True
                break
            move *= 0.5
        if not reached:
            break
        gain = best - far
        x, y, z, best = nx, ny, nz, far
        if gain < 1e-6:
            break
    return best


@kernel
def _depth(
    x: float, y: float, z: float, packed: FloatArray, curves: FloatArray, owners: npt.NDArray[np.int64]
) -> float:
    """Distance of a point inside the union to its boundary."""
    best = np.inf
    hidden = np.inf  # nearest covered foot: the boundary cannot be nearer than this there
    for n in range(packed.shape[0]):
        zone = packed[n]
        away = sqrt((x - zone[0]) ** 2 + (y - zone[1]) ** 2 + (z - zone[2]) ** 2)
        wide, narrow = max(zone[6], zone[7]), min(zone[6], zone[7])
        if away - wide > best or narrow - away > best:
            continue
        fx, fy, fz, gap = foot(x, y, z, zone, False)
        if gap >= best:
            continue
        if not _covered(fx, fy, fz, packed, n, n):
            best = gap
            continue
        hidden = min(hidden, gap)
        if zone[6] > zone[7]:
            fx, fy, fz, gap = foot(x, y, z, zone, True)
            if gap < best and not _covered(fx, fy, fz, packed, n, n):
                best = gap
    if hidden < best and curves.shape[0] > 0:
        nearest = 0
        nearest_squared = np.inf
        for n in range(curves.shape[0]):
            squared = (curves[n, 0] - x) ** 2 + (curves[n, 1] - y) ** 2 + (curves[n, 2] - z) ** 2
            if squared < nearest_squared:
                nearest_squared = squared
                nearest = n
        # A sample lies within about 3 mm of the foot; farther ones cannot win.
        if sqrt(nearest_squared) < best + 3.0:
            gap = _slide(x, y, z, curves[nearest], packed, owners[nearest, 0], owners[nearest, 1])
            best = min(best, gap)
    return best


@kernel
def union_distances(
    points: FloatArray, packed: FloatArray, curves: FloatArray, owners: npt.NDArray[np.int64], out: FloatArray
) -> None:
    """Signed distance of points to the boundary of a union of packed zones, positive inside."""
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        within = False
        for m in range(packed.shape[0]):
            if level(x, y, z, packed[m]) <= 1.0:
                within = True
                break
        if within:
            out[n] = _depth(x, y, z, packed, curves, owners)
            continue
        best = np.inf
        for m in range(packed.shape[0]):
            zone = packed[m]
            away = sqrt((x - zone[0]) ** 2 + (y - zone[1]) ** 2 + (z - zone[2]) ** 2)
            if away - max(zone[6], zone[7]) > best:
                continue
            _, _, _, gap = foot(x, y, z, zone, False)
            best = min(best, gap)
        out[n] = -best


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
def _union_volume(packed: FloatArray, low: FloatArray, high: FloatArray, lines: int) -> float:
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
                start, stop = chord(y, z, packed[n], 1.0, 0.0, 0.0, 0.0)
                if stop > start:
                    starts[count] = start
                    stops[count] = stop
                    count += 1
            for n in range(merge_intervals(starts, stops, count)):
                total += stops[n] - starts[n]
    volume: float = total * step_y * step_z
    return volume
