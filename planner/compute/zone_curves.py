"""Curves in which the surfaces of ablation zones meet, and how far points are from them.

Where two zones of a union meet, its boundary has a crease.  A crease is kept as samples of the
curve, each with the curve's tangent and curvature there, so that the nearest point of the curve
between two samples needs no search.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt

from planner.compute.spheroid import across_axis
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

#: Meridians and parallels of a zone on which curves of intersection are looked for, and steps of a
#: meridian.
MERIDIANS = 64
PARALLELS = 20
STEPS = 32
#: Numbers a sample of a curve has: place (3), unit tangent (3), curvature vector (3).
SAMPLE = 9


def intersection_curves(packed: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Samples of the curves in which surfaces of packed zones meet, outside all other zones.

    Returns
    -------
    samples, pairs
        Shape (`SAMPLE`, n), tangent and curvature zero where two surfaces only touch; and the
        numbers of the two zones that meet there, shape (n, 2).
    """
    room = len(packed) * (len(packed) - 1) // 2 * (MERIDIANS + PARALLELS) * 6
    samples = np.empty((room, SAMPLE))
    pairs = np.empty((room, 2), dtype=np.int64)
    used = _fill_curves(packed, samples, pairs) if room else 0
    return np.ascontiguousarray(samples[:used].T), pairs[:used]


@kernel
def covered(x: float, y: float, z: float, packed: FloatArray, one: int, two: int) -> bool:
    """Whether a point lies within a zone other than two named ones."""
    for n in range(packed.shape[0]):
        if n in (one, two):
            continue
        dx, dy, dz = x - packed[n, 0], y - packed[n, 1], z - packed[n, 2]
        along = dx * packed[n, 3] + dy * packed[n, 4] + dz * packed[n, 5]
        along_squared = along * along
        across_squared = dx * dx + dy * dy + dz * dz - along_squared
        aa, bb = packed[n, 6] * packed[n, 6], packed[n, 7] * packed[n, 7]
        if across_squared * bb + along_squared * aa < (1.0 - 1e-7) * aa * bb:
            return True
    return False


@kernel
def nearer_on_curves(
    x: float,
    y: float,
    z: float,
    best: float,
    packed: FloatArray,
    samples: FloatArray,
    pairs: npt.NDArray[np.int64],
    slack: float,
    squared: FloatArray,
) -> float:
    """Squared distance of a point to the curves, or `best` where that is less.

    Parameters
    ----------
    samples, pairs
        Of `intersection_curves`.
    slack
        The sample next to the nearest point of a curve is at most so much farther, in the square.
    squared
        Scratch, as long as the samples.
    """
    for n in range(samples.shape[1]):
        dx, dy, dz = samples[0, n] - x, samples[1, n] - y, samples[2, n] - z
        squared[n] = dx * dx + dy * dy + dz * dz
    for n in range(samples.shape[1]):
        if squared[n] < best:
            best = squared[n]
    limit = best + slack
    for n in range(samples.shape[1]):
        if squared[n] >= limit:
            continue
        wx, wy, wz = x - samples[0, n], y - samples[1, n], z - samples[2, n]
        tx, ty, tz = samples[3, n], samples[4, n], samples[5, n]
        kx, ky, kz = samples[6, n], samples[7, n], samples[8, n]
        along, inward = wx * tx + wy * ty + wz * tz, wx * kx + wy * ky + wz * kz
        bend = kx * kx + ky * ky + kz * kz
        s = _way(along, inward, bend)
        ss = s * s
        gap = squared[n] - 2.0 * s * along + ss * (1.0 - inward + 0.25 * bend * ss)
        # A foot far away is swallowed by another zone or nearer to another sample; one nearer by
        # less than a micrometre is that of the last sample again.
        if ss > 4.0 * slack or gap > best * 0.9999:
            continue
        one, two = pairs[n, 0], pairs[n, 1]
        fx = samples[0, n] + s * tx + 0.5 * ss * kx
        fy = samples[1, n] + s * ty + 0.5 * ss * ky
        fz = samples[2, n] + s * tz + 0.5 * ss * kz
        if ss * ss * ss * bend * bend > 4e-5:  # the third order may exceed a micrometre
            fx, fy, fz, good = _onto_curve(fx, fy, fz, packed, one, two)
            gap = (fx - x) ** 2 + (fy - y) ** 2 + (fz - z) ** 2
            if not good or gap >= best:
                continue
        if not covered(fx, fy, fz, packed, one, two):
            best = max(gap, 0.0)
    return best


@kernel
def _way(along: float, inward: float, bend: float) -> float:
    """Way s along a curve c + t s + k s^2/2 to its point nearest to a point w away from c.

    There (w - t s - k s^2/2) . (t + k s) = 0; as t.k = 0 that is s (1 - w.k) + k.k s^3/2 = w.t,
    solved by Newton's steps.

    Parameters
    ----------
    along, inward, bend
        w.t, w.k and k.k.
    """
    straight = 1.0 - inward
    s = along / max(straight, 0.2)
    for _ in range(2):
        square = bend * s * s
        s -= (s * (straight + 0.5 * square) - along) / max(straight + 1.5 * square, 0.2)
    return s


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
def _form(
    ux: float, uy: float, uz: float, vx: float, vy: float, vz: float, packed: FloatArray, n: int
) -> float:
    """Bilinear form of a packed zone between two directions."""
    along_u: float = ux * packed[n, 3] + uy * packed[n, 4] + uz * packed[n, 5]
    along_v: float = vx * packed[n, 3] + vy * packed[n, 4] + vz * packed[n, 5]
    across = (ux * vx + uy * vy + uz * vz - along_u * along_v) / (packed[n, 6] * packed[n, 6])
    value: float = across + along_u * along_v / (packed[n, 7] * packed[n, 7])
    return value


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
def _add_sample(
    x: float,
    y: float,
    z: float,
    packed: FloatArray,
    one: int,
    two: int,
    samples: FloatArray,
    pairs: npt.NDArray[np.int64],
    used: int,
) -> int:
    """Add a point of the curve in which two zones meet, with tangent and curvature, if there is room.

    Along the curve both levels stay 0, so with half gradients a, b and quadratic forms M, N the
    curvature vector k is the sum of a and b with a.k = -t'Mt and b.k = -t'Nt (curvature of implicit
    curves: Goldman, Comput Aided Geom Des 2005;22:632).
    """
    if used >= samples.shape[0]:
        return used
    pairs[used, 0], pairs[used, 1] = one, two
    samples[used, 0], samples[used, 1], samples[used, 2] = x, y, z
    samples[used, 3:] = 0.0
    _, ax, ay, az = _level_and_gradient(x, y, z, packed, one)
    _, bx, by, bz = _level_and_gradient(x, y, z, packed, two)
    tx, ty, tz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    aa, bb = ax * ax + ay * ay + az * az, bx * bx + by * by + bz * bz
    ab = ax * bx + ay * by + az * bz
    det = tx * tx + ty * ty + tz * tz
    if det > 1e-12 * aa * bb:
        scale = 1.0 / sqrt(det)
        tx, ty, tz = tx * scale, ty * scale, tz * scale
        bend_a = _form(tx, ty, tz, tx, ty, tz, packed, one)
        bend_b = _form(tx, ty, tz, tx, ty, tz, packed, two)
        p, q = (ab * bend_b - bb * bend_a) / det, (ab * bend_a - aa * bend_b) / det
        samples[used, 3], samples[used, 4], samples[used, 5] = tx, ty, tz
        samples[used, 6], samples[used, 7] = p * ax + q * bx, p * ay + q * by
        samples[used, 8] = p * az + q * bz
    return used + 1


@kernel
def _fill_curves(packed: FloatArray, samples: FloatArray, pairs: npt.NDArray[np.int64]) -> int:
    """Fill samples of all curves; how many there are."""
    used = 0
    half = _table(np.pi, STEPS)
    full = _table(2 * np.pi, 2 * STEPS)
    for one in range(packed.shape[0]):
        for two in range(one + 1, packed.shape[0]):
            x, y, z = (
                packed[one, 0] - packed[two, 0],
                packed[one, 1] - packed[two, 1],
                packed[one, 2] - packed[two, 2],
            )
            reach = max(packed[one, 6], packed[one, 7]) + max(packed[two, 6], packed[two, 7])
            if x * x + y * y + z * z <= reach * reach:
                first = used
                used = _fill_curve(packed, one, two, half, full, samples, pairs, used)
                used = _add_ends(packed, one, two, samples, pairs, first, used)
    return used


@kernel
def _table(stop: float, steps: int) -> FloatArray:
    """Cosines and sines of angles from 0 to `stop`, shape (2, steps + 1)."""
    table = np.empty((2, steps + 1))
    for n in range(steps + 1):
        angle = stop * n / steps
        table[0, n], table[1, n] = np.cos(angle), np.sin(angle)
    return table


@kernel
def _basis(packed: FloatArray, one: int, two: int) -> FloatArray:
    """3 x 3: columns map the unit sphere onto zone `one`, the last one towards zone `two`."""
    a, b = packed[one, 6], packed[one, 7]
    ux, uy, uz = packed[one, 3], packed[one, 4], packed[one, 5]
    x, y, z = (
        packed[two, 0] - packed[one, 0],
        packed[two, 1] - packed[one, 1],
        packed[two, 2] - packed[one, 2],
    )
    # In the frame in which the zone is the unit ball, the direction of the other zone's centre.
    grow = (x * ux + y * uy + z * uz) * (1.0 / b - 1.0 / a)
    x, y, z = x / a + grow * ux, y / a + grow * uy, z / a + grow * uz
    length = sqrt(x * x + y * y + z * z)
    x, y, z = (ux, uy, uz) if length < 1e-9 else (x / length, y / length, z / length)
    fx, fy, fz = across_axis(x, y, z)
    basis = np.empty((3, 3))
    basis[0] = fx, y * fz - z * fy, x
    basis[1] = fy, z * fx - x * fz, y
    basis[2] = fz, x * fy - y * fx, z
    for column in range(3):
        along = (basis[0, column] * ux + basis[1, column] * uy + basis[2, column] * uz) * (b - a)
        basis[0, column] = basis[0, column] * a + along * ux
        basis[1, column] = basis[1, column] * a + along * uy
        basis[2, column] = basis[2, column] * a + along * uz
    return basis


@kernel
def _fill_curve(
    packed: FloatArray,
    one: int,
    two: int,
    half: FloatArray,
    full: FloatArray,
    samples: FloatArray,
    pairs: npt.NDArray[np.int64],
    used: int,
) -> int:
    """Add the bare points in which meridians and parallels of zone `one` meet zone `two`."""
    basis = _basis(packed, one, two)
    ellipse = np.empty((3, 3))
    levels = np.empty(full.shape[1])
    for turn in range(MERIDIANS):
        angle = 2 * np.pi * turn / MERIDIANS
        cosine, sine = np.cos(angle), np.sin(angle)
        for d in range(3):
            ellipse[0, d] = packed[one, d]
            ellipse[1, d] = basis[d, 2]
            ellipse[2, d] = cosine * basis[d, 0] + sine * basis[d, 1]
        used = _scan(ellipse, half, levels, packed, one, two, samples, pairs, used)
    for ring in range(PARALLELS):  # they find what runs between two meridians
        angle = np.pi * (ring + 0.5) / PARALLELS
        cosine, sine = np.cos(angle), np.sin(angle)
        for d in range(3):
            ellipse[0, d] = packed[one, d] + cosine * basis[d, 2]
            ellipse[1, d] = sine * basis[d, 0]
            ellipse[2, d] = sine * basis[d, 1]
        used = _scan(ellipse, full, levels, packed, one, two, samples, pairs, used)
    return used


@kernel
def _wave(ellipse: FloatArray, packed: FloatArray, n: int) -> tuple[float, float, float, float, float, float]:
    """Level of a zone at cosine c, sine s of an ellipse, as factors of 1, c, s, cc, cs and ss.

    The ellipse's rows are its centre, and the semi-axes that go with the cosine and the sine.
    """
    mx, my, mz = ellipse[0, 0] - packed[n, 0], ellipse[0, 1] - packed[n, 1], ellipse[0, 2] - packed[n, 2]
    cx, cy, cz = ellipse[1, 0], ellipse[1, 1], ellipse[1, 2]
    sx, sy, sz = ellipse[2, 0], ellipse[2, 1], ellipse[2, 2]
    return (
        _form(mx, my, mz, mx, my, mz, packed, n) - 1.0,
        2.0 * _form(mx, my, mz, cx, cy, cz, packed, n),
        2.0 * _form(mx, my, mz, sx, sy, sz, packed, n),
        _form(cx, cy, cz, cx, cy, cz, packed, n),
        2.0 * _form(cx, cy, cz, sx, sy, sz, packed, n),
        _form(sx, sy, sz, sx, sy, sz, packed, n),
    )


@kernel
def _level_at(wave: tuple[float, float, float, float, float, float], c: float, s: float) -> float:
    """Level from `_wave` at a cosine and a sine."""
    return wave[0] + c * (wave[1] + c * wave[3] + s * wave[4]) + s * (wave[2] + s * wave[5])


@kernel
def _root(
    wave: tuple[float, float, float, float, float, float],
    table: FloatArray,
    n: int,
    at_low: float,
    at_high: float,
) -> tuple[float, float]:
    """Cosine and sine at which a level crosses 0 behind step n (false position, Illinois variant)."""
    low, high = 0.0, 1.0  # along the straight line between the two steps
    c, s = table[0, n], table[1, n]
    for _ in range(30):
        way = high - at_high * (high - low) / (at_high - at_low)
        c = table[0, n] + way * (table[0, n + 1] - table[0, n])
        s = table[1, n] + way * (table[1, n + 1] - table[1, n])
        scale = 1.0 / sqrt(c * c + s * s)
        c, s = c * scale, s * scale
        value = _level_at(wave, c, s)
        if abs(value) < 1e-7:
            break
        if (value < 0) != (at_high < 0):
            low, at_low = high, at_high
        else:
            at_low *= 0.5
        high, at_high = way, value
    return c, s


@kernel
def _scan(
    ellipse: FloatArray,
    table: FloatArray,
    levels: FloatArray,
    packed: FloatArray,
    one: int,
    two: int,
    samples: FloatArray,
    pairs: npt.NDArray[np.int64],
    used: int,
) -> int:
    """Add the bare points at which an ellipse on zone `one` meets zone `two`; levels are scratch."""
    wave = _wave(ellipse, packed, two)
    for n in range(table.shape[1]):
        levels[n] = _level_at(wave, table[0, n], table[1, n])
    for n in range(table.shape[1] - 1):
        if (levels[n] < 0) != (levels[n + 1] < 0):
            c, s = _root(wave, table, n, levels[n], levels[n + 1])
            x = ellipse[0, 0] + c * ellipse[1, 0] + s * ellipse[2, 0]
            y = ellipse[0, 1] + c * ellipse[1, 1] + s * ellipse[2, 1]
            z = ellipse[0, 2] + c * ellipse[1, 2] + s * ellipse[2, 2]
            if not covered(x, y, z, packed, one, two):
                used = _add_sample(x, y, z, packed, one, two, samples, pairs, used)
    return used


@kernel
def _add_ends(
    packed: FloatArray,
    one: int,
    two: int,
    samples: FloatArray,
    pairs: npt.NDArray[np.int64],
    first: int,
    last: int,
) -> int:
    """Add the ends of a curve's bare stretches, where a third zone swallows it."""
    used = last
    reach = 2.0 * np.pi * packed[:, 6:].max() / MERIDIANS
    for n in range(first, last):
        for swallowed in (-reach, reach):
            x, y, z, on = _along(samples, n, swallowed, packed, one, two)
            if not on or not covered(x, y, z, packed, one, two):
                continue
            bare = 0.0
            for _ in range(13):
                middle = 0.5 * (bare + swallowed)
                x, y, z, on = _along(samples, n, middle, packed, one, two)
                if on and not covered(x, y, z, packed, one, two):
                    bare = middle
                else:
                    swallowed = middle
            x, y, z, on = _along(samples, n, bare, packed, one, two)
            used = _add_sample(x, y, z, packed, one, two, samples, pairs, used)
    return used


@kernel
def _along(
    samples: FloatArray, n: int, s: float, packed: FloatArray, one: int, two: int
) -> tuple[float, float, float, bool]:
    """The curve's point about s mm from a sample of it; False where two zones touch."""
    half = 0.5 * s * s
    return _onto_curve(
        samples[n, 0] + s * samples[n, 3] + half * samples[n, 6],
        samples[n, 1] + s * samples[n, 4] + half * samples[n, 7],
        samples[n, 2] + s * samples[n, 5] + half * samples[n, 8],
        packed,
        one,
        two,
    )
