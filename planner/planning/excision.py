"""Excisions around a lesion: the voxels within a margin of it, and those between it and the capsule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.outline_nearness import OutlineNearness
from planner.model.geometry import FloatArray, unit_vector
from planner.model.resection import MarginCut
from planner.planning.liver_classes import LESION, LiverClasses

BoolArray = npt.NDArray[np.bool_]


#: Directions out of the liver that are tried, then turned by so many degrees around the best; on so many points.
DIRECTIONS, REFINING, MOST_POINTS = 96, (8.0, 4.0, 2.0, 1.0), 60_000


def excised(liver: LiverClasses, cut: MarginCut, outline: OutlineNearness) -> BoolArray:
    """The voxels of the liver's box that an excision takes, [k, j, i].

    Parameters
    ----------
    outline
        Of the lesion.

    Raises
    ------
    InvalidValue
        If the lesion does not lie in the liver.
    """
    if cut.lesion not in liver.lesions:
        raise InvalidValue("The lesion does not lie in the liver.", cut.lesion, "Choose another lesion.")
    inside = liver.codes >= 0
    kji = np.argwhere(inside)
    points = liver.grid.to_lps(kji[:, ::-1].astype(float))
    away = points - outline.middle_lps_mm
    near = np.einsum("ij,ij->i", away, away) <= (outline.reach_mm + cut.margin_mm) ** 2
    near[near] = outline.signed_distance_mm(points[near], fine_mm=np.inf) > -cut.margin_mm
    near |= liver.columns[LESION][liver.codes[inside]] == liver.lesions.index(cut.lesion)
    if cut.is_wedge:
        near |= _behind(points, outline, cut.margin_mm, _way_out(points, outline, cut.margin_mm))
    found = np.zeros(inside.shape, dtype=bool)
    found[inside] = near
    return found


def _way_out(points: FloatArray, outline: OutlineNearness, margin_mm: float) -> FloatArray:
    """The direction in which least of the liver lies between the lesion with its margin and the capsule."""
    few = points[:: max(1, len(points) // MOST_POINTS)]

    def taken(way: FloatArray) -> int:
        return int(_behind(few, outline, margin_mm, way).sum())

    n = np.arange(DIRECTIONS) + 0.5
    up, turn = 1.0 - 2.0 * n / DIRECTIONS, np.pi * (1.0 + 5.0**0.5) * n
    flat = np.sqrt(1.0 - up**2)
    ways = np.column_stack([flat * np.cos(turn), flat * np.sin(turn), up])
    counts = [taken(way) for way in ways]
    best, least = ways[int(np.argmin(counts))], min(counts)
    for step in REFINING:
        one = unit_vector(np.cross(best, np.eye(3)[int(np.argmin(np.abs(best)))]))
        two = np.cross(best, one)
        for angle in np.radians(np.arange(0, 360, 60)):
            way = unit_vector(best + np.radians(step) * (np.cos(angle) * one + np.sin(angle) * two))
            count = taken(way)
            if count < least:
                best, least = way, count
    return np.asarray(best)


def _behind(points: FloatArray, outline: OutlineNearness, margin_mm: float, way: FloatArray) -> BoolArray:
    """Points that lie between the lesion with its margin and the capsule, along a direction.

    The shadow of a shape grown by a margin is its shadow grown by that margin; what lies in it beyond the
    place of the outline that throws its edge is behind.
    """
    from scipy.spatial import cKDTree

    one = unit_vector(np.cross(way, np.eye(3)[int(np.argmin(np.abs(way)))]))
    across = np.column_stack([one, np.cross(way, one)])
    samples = outline.distance.outline.samples.points_lps_mm
    shadow, flat = samples @ across, points @ across
    near = ((flat >= shadow.min(axis=0) - margin_mm) & (flat <= shadow.max(axis=0) + margin_mm)).all(axis=1)
    height = points @ way
    near &= height >= float((samples @ way).min())
    away, nearest = cKDTree(shadow).query(flat[near])
    found = np.zeros(len(points), dtype=bool)
    found[near] = (away <= margin_mm) & (height[near] >= (samples @ way)[nearest])
    return found
