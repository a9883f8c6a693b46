"""Vessels as one mesh of tubes: as thick as they are, of few triangles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.model.assessment import Surface
from planner.model.geometry import FloatArray

IntArray = npt.NDArray[np.int64]

#: Corners of a tube's section.
SIDES = 8
#: Sections stand so far apart: a share of the radius, and at least this.
STEP_RADII, STEP_MM = 0.7, 1.2
#: A tube is closed by a section as small as this.
CLOSED_MM = 0.02


def tube_mesh(lines: Sequence[tuple[FloatArray, FloatArray]], name: str = "vessels") -> Surface:
    """Tubes around lines, each given as points (n, 3), two or more, and radii (n,).

    Section planes turn about one axis a line, so that neighbouring sections face each other.
    """
    if not lines:
        return Surface(name, np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=np.int32))
    centers, radii, counts = _thinned(lines)
    rings, sections = _rings(centers, radii, counts)
    return Surface(name, rings.reshape(-1, 3).astype(np.float32), _between(sections).astype(np.int32))


def _thinned(lines: Sequence[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray, IntArray]:
    """Points of all lines about as far apart as widths allow, with radii, and how many each line has."""
    sizes = np.array([len(points) for points, _ in lines])
    points, radii = (np.concatenate(of) for of in zip(*lines, strict=True))
    first = np.cumsum(sizes) - sizes
    steps = np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=1)
    steps[first] = 0.0
    along = np.cumsum(steps)
    low, high = along[first], along[first + sizes - 1]
    wide = np.add.reduceat(radii, first) / sizes
    counts = np.maximum(2, np.rint((high - low) / np.maximum(STEP_MM, STEP_RADII * wide)).astype(int) + 1)
    # Lines lie one after the other on one scale, with a gap between them that no point falls into.
    gap = np.arange(len(lines), dtype=float)
    share = _count_up(counts) / np.repeat(counts - 1, counts)
    at = np.repeat(low + gap, counts) + share * np.repeat(high - low, counts)
    scale = along + np.repeat(gap, sizes)
    line = np.stack([np.interp(at, scale, axis) for axis in points.T], axis=1)
    return line, np.interp(at, scale, radii), counts


def _rings(centers: FloatArray, radii: FloatArray, counts: IntArray) -> tuple[FloatArray, IntArray]:
    """Corners of all sections, (sections, SIDES, 3), and how many each line has; its first and last close it."""
    first = np.cumsum(counts) - counts
    last = first + counts - 1
    index = np.arange(len(centers))
    before, after = index - 1, index + 1
    before[first], after[last] = first, last
    ways = centers[after] - centers[before]
    ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-9)
    axes = np.eye(3)[np.maximum.reduceat(np.abs(ways), first).argmin(axis=1)]
    one = np.cross(ways, np.repeat(axes, counts, axis=0))
    one /= np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-9)
    two = np.cross(ways, one)
    angles = 2.0 * np.pi * np.arange(SIDES) / SIDES
    section = np.cos(angles)[:, None] * one[:, None] + np.sin(angles)[:, None] * two[:, None]
    doubled = np.sort(np.concatenate([index, first, last]))
    wide = radii[doubled]
    ends = np.cumsum(counts + 2)
    wide[ends - 1] = wide[ends - counts - 2] = CLOSED_MM
    return np.asarray(centers[doubled][:, None] + wide[:, None, None] * section[doubled]), counts + 2


def _between(sections: IntArray) -> IntArray:
    """Two triangles for each side between neighbouring sections of a line, (n, 3)."""
    is_last = np.zeros(int(sections.sum()), dtype=bool)
    is_last[np.cumsum(sections) - 1] = True
    side = np.arange(SIDES)
    after = (side + 1) % SIDES
    start = SIDES * np.flatnonzero(~is_last)[:, None]
    low = np.stack([start + side, start + after, start + SIDES + side], axis=-1)
    high = np.stack([start + after, start + SIDES + after, start + SIDES + side], axis=-1)
    return np.concatenate([low.reshape(-1, 3), high.reshape(-1, 3)])


def _count_up(counts: IntArray) -> IntArray:
    """0, 1, 2 … for each count, one after the other."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
