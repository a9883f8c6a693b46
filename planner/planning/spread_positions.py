"""Positions of equal zones spread so that together they hold a target as deep as they can.

A set cover can only choose among the positions it is given; where few zones just do (four balls that
cover a ball 1.06 times as large, reference sheet A8), the right places are on no lattice.  They are found
by pattern search (Hooke and Jeeves, J ACM 1961;8:212) from patterns known to be good.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.base.task import Task
from planner.compute.spheroid import Spheroid, pack
from planner.compute.zone_spreading import spread_step
from planner.model.geometry import FloatArray
from planner.model.plan import Point

#: Steps of the search, from the first to the last.
STEPS_MM = (4.0, 2.0, 1.0, 0.5, 0.25)
#: Points deeper than this count as held; the search goes on for depth until there.
AMPLE_MM = 1.0
#: At most so many zones are spread.
MOST = 6
#: Sweeps over all coordinates at one step.
SWEEPS = 40


def least_count(zone: Spheroid, target_mm3: float) -> int:
    """Fewer zones than this cannot cover a target, by volume alone."""
    return max(1, math.ceil(target_mm3 / (1000.0 * zone.volume_ml) - 1e-9))


def spread(zones: Sequence[Spheroid], points: FloatArray, task: Task | None = None) -> tuple[Spheroid, ...]:
    """Move zones so that the points (n, 3) lie as deep as they can in one or another of them."""
    task = task or Task()
    packed = pack(zones)
    lacking, is_moved = math.inf, True
    for step in STEPS_MM:
        for _ in range(SWEEPS):
            task.check()
            lacking, is_moved = spread_step(points, packed, step, AMPLE_MM)
            if not is_moved:
                break
        if lacking == 0.0:
            break
    return tuple(replace(z, center_lps_mm=_point(row[:3])) for z, row in zip(zones, packed, strict=True))


def patterns(zone: Spheroid, points: FloatArray, count: int) -> list[tuple[Spheroid, ...]]:
    """Where to begin with so many zones: patterns about the middle of the points, turned several ways.

    Two along the longest axis, three in a triangle, four as a tetrahedron, five as a double pyramid,
    six as an octahedron.
    """
    middle = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - middle, full_matrices=False)
    spans = np.ptp((points - middle) @ axes.T, axis=0) / 2
    shapes = {
        1: np.zeros((1, 3)),
        2: np.array([[1, 0, 0], [-1, 0, 0]]),
        3: np.array([[math.cos(a), math.sin(a), 0] for a in (0, 2 * math.pi / 3, 4 * math.pi / 3)]),
        4: np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / math.sqrt(3),
        5: np.array([[0, 0, 1], [0, 0, -1], *([math.cos(a), math.sin(a), 0] for a in (0.0, 2.0944, 4.1888))]),
        6: np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]),
    }
    offsets = shapes[count].astype(float)
    turns = (
        np.eye(3),
        _turn((0.0, 0.0, 1.0), 45.0),
        _turn((1.0, 0.0, 0.0), 45.0),
        _turn((1.0, 1.0, 1.0), 60.0),
    )
    # How far out: a part of each half span, so that a long target is filled along its length.
    radius = 0.5 * zone.short_axis_mm
    reach = np.maximum(spans - 0.8 * radius, 0.2 * radius)
    found = []
    for turn in turns[: 1 if count <= 2 else len(turns)]:
        centers = middle + ((offsets @ turn.T) * reach) @ axes
        found.append(tuple(replace(zone, center_lps_mm=_point(c)) for c in centers))
    return found


def _turn(axis: Point, degrees: float) -> FloatArray:
    """Rotation about an axis (Rodrigues)."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = math.radians(degrees)
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross)


def _point(values: FloatArray) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
