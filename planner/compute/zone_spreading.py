"""Pattern search for centres of zones: several that hold points together, or one that holds them deepest.

The steps are those of Hooke and Jeeves (J ACM 1961;8:212).  A move is given up at the first point that
shows that it is no better, so most moves cost a few points only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.compute.spheroid import signed_distance
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

#: A worth that gets better by less is the same.
SAME = 1e-12


def spread_step(
    points_lps_mm: FloatArray, zones: FloatArray, step_mm: float, ample_mm: float
) -> tuple[float, bool]:
    """Move zones one after the other along each axis where the points come to lie deeper.

    Parameters
    ----------
    points_lps_mm
        Shape (n, 3).
    zones
        Packed as by `spheroid.pack`, (m, 8); their centres are moved in place.
    step_mm
        How far a move goes.
    ample_mm
        Deeper points count as held.

    Returns
    -------
    tuple[float, bool]
        Sum of the fourth powers of what points lack of ample depth, in mm^4; whether a zone was moved.
    """
    lacking, moves = _spread_step(np.ascontiguousarray(points_lps_mm), zones, step_mm, ample_mm)
    return float(lacking), bool(moves)


def deepest_center(points_lps_mm: FloatArray, zone: FloatArray, steps_mm: FloatArray, rounds: int) -> float:
    """Move a packed zone (8,) in place to where the point that lies least deep in it lies deepest; its depth.

    At each step of `steps_mm` the best of six moves is taken, `rounds` times at most.
    """
    return float(_deepest_center(np.ascontiguousarray(points_lps_mm), zone, steps_mm, rounds))


@kernel
def _spread_step(points: FloatArray, zones: FloatArray, step: float, ample: float) -> tuple[float, int]:
    count, number = zones.shape[0], points.shape[0]
    depths = np.empty((count, number))
    for m in range(count):
        for n in range(number):
            depths[m, n] = signed_distance(points[n, 0], points[n, 1], points[n, 2], zones[m])
    short = np.empty(number)
    others, open_points = np.empty(number), np.empty(number, dtype=np.int64)
    where = np.empty(number, dtype=np.int64)
    best, moves = np.inf, 0
    for m in range(count):
        used = 0
        for n in range(number):
            deepest = -np.inf
            for other in range(count):
                if other != m:
                    deepest = max(deepest, depths[other, n])
            short[n] = max(0.0, ample - max(deepest, depths[m, n]))
            if deepest < ample:  # another zone holds the rest, wherever this one goes
                others[used], open_points[used] = deepest, n
                used += 1
        # The points that lack most come first: they tell soonest that a move is no better.
        order = open_points[:used][np.argsort(-short[open_points[:used]], kind="mergesort")]
        beside = np.empty(used)
        for n in range(used):
            where[open_points[n]] = n
        for n in range(used):
            beside[n] = others[where[order[n]]]
        best = _lacking(points, zones[m], order, beside, ample, np.inf)
        still = moves
        for axis in range(3):
            for sign in (1.0, -1.0):
                before = zones[m, axis]
                zones[m, axis] = before + sign * step
                worth = _lacking(points, zones[m], order, beside, ample, best - SAME)
                if worth < best - SAME:
                    best = worth
                    moves += 1
                    break
                zones[m, axis] = before
        if moves > still:
            for n in range(number):
                depths[m, n] = signed_distance(points[n, 0], points[n, 1], points[n, 2], zones[m])
    return best, moves


@kernel
def _lacking(
    points: FloatArray,
    zone: FloatArray,
    order: npt.NDArray[np.int64],
    beside: FloatArray,
    ample: float,
    limit: float,
) -> float:
    """What the points of an order lack of ample depth, given the others' depth; infinity from a limit on."""
    total = 0.0
    for n in range(len(order)):
        p = order[n]
        depth = max(beside[n], signed_distance(points[p, 0], points[p, 1], points[p, 2], zone))
        if depth < ample:
            square = (ample - depth) * (ample - depth)
            total += square * square
            if total >= limit:
                return np.inf
    return total


@kernel
def _deepest_center(points: FloatArray, zone: FloatArray, steps: FloatArray, rounds: int) -> float:
    order = np.arange(points.shape[0])
    best = _least_depth(points, zone, order, -np.inf)
    moved = zone.copy()
    for step in steps:
        for _ in range(rounds):
            depths = np.empty(points.shape[0])
            for n in range(points.shape[0]):
                depths[n] = signed_distance(points[n, 0], points[n, 1], points[n, 2], zone)
            order = np.argsort(depths, kind="mergesort")
            found, best_axis, best_sign = best, -1, 0.0
            for axis in range(3):
                for sign in (-1.0, 1.0):
                    moved[:3] = zone[:3]
                    moved[axis] += sign * step
                    depth = _least_depth(points, moved, order, found)
                    if depth > found:
                        found, best_axis, best_sign = depth, axis, sign
            if best_axis < 0:
                break
            zone[best_axis] += best_sign * step
            best = found
    return best


@kernel
def _least_depth(points: FloatArray, zone: FloatArray, order: npt.NDArray[np.int64], limit: float) -> float:
    """Least depth of points in a zone; minus infinity where one is no deeper than a limit."""
    least = np.inf
    for n in order:
        least = min(least, signed_distance(points[n, 0], points[n, 1], points[n, 2], zone))
        if least <= limit:
            return -np.inf
    return least
