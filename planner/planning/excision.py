"""Excisions around a lesion: the voxels within a margin of it, and those between it and the nearest capsule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.outline_distance import OutlineDistance
from planner.model.geometry import FloatArray, unit_vector
from planner.model.resection import MarginCut
from planner.planning.liver_classes import LESION, LiverClasses

BoolArray = npt.NDArray[np.bool_]


def excised(liver: LiverClasses, cut: MarginCut, outline: OutlineDistance) -> BoolArray:
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
    near = outline.signed_distance_mm(points, cut.margin_mm + 1e-9) > -cut.margin_mm
    near |= liver.columns[LESION][liver.codes[inside]] == liver.lesions.index(cut.lesion)
    if cut.is_wedge:
        near |= _behind(points, outline, cut.margin_mm, _way_out(points, near, liver))
    found = np.zeros(inside.shape, dtype=bool)
    found[inside] = near
    return found


def _way_out(points: FloatArray, near: BoolArray, liver: LiverClasses) -> FloatArray:
    """Direction from the middle of what is excised to the nearest place of the capsule."""
    middle = points[near].mean(axis=0)
    inside = np.pad(liver.codes >= 0, 1)
    open_side = np.zeros(inside.shape, dtype=bool)
    for axis in range(3):
        for step in (1, -1):
            open_side |= inside & ~np.roll(inside, step, axis=axis)
    capsule = liver.grid.to_lps(np.argwhere(open_side)[:, ::-1].astype(float) - 1.0)
    nearest = capsule[int(np.linalg.norm(capsule - middle, axis=1).argmin())]
    away = nearest - middle
    return unit_vector(away) if np.linalg.norm(away) > 1e-6 else np.array((0.0, -1.0, 0.0))


def _behind(points: FloatArray, outline: OutlineDistance, margin_mm: float, way: FloatArray) -> BoolArray:
    """Points that lie between the lesion with its margin and the capsule, along a direction.

    The shadow of a shape grown by a margin is its shadow grown by that margin; what lies in it beyond the
    place of the outline that throws its edge is behind.
    """
    from scipy.spatial import cKDTree

    one = unit_vector(np.cross(way, np.eye(3)[int(np.argmin(np.abs(way)))]))
    across = np.column_stack([one, np.cross(way, one)])
    samples = outline.outline.samples.points_lps_mm
    shadow, flat = samples @ across, points @ across
    near = ((flat >= shadow.min(axis=0) - margin_mm) & (flat <= shadow.max(axis=0) + margin_mm)).all(axis=1)
    height = points @ way
    near &= height >= float((samples @ way).min())
    away, nearest = cKDTree(shadow).query(flat[near])
    found = np.zeros(len(points), dtype=bool)
    found[near] = (away <= margin_mm) & (height[near] >= (samples @ way)[nearest])
    return found
