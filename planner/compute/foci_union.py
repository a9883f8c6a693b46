"""The union of very many equal, parallel zones, such as those of a grid of foci; alone or with other zones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.base.errors import InvalidValue
from planner.compute.spheroid import Spheroid, pack
from planner.compute.zone_curves import SAMPLE
from planner.compute.zone_union import ZoneUnion
from planner.model.geometry import FloatArray, unit_vector

#: Nearest zones that a point is measured to, and nearest places on creases.
_NEIGHBOURS, _CREASE_NEIGHBOURS = 12, 4
#: Places on each circle in which two zones meet.
_TURNS = 64
#: Halvings with which the end of a crease is found.
_BISECTIONS = 5
#: A point so little within another zone still lies on the boundary (of a unit ball).
_WITHIN = 1.0 - 1e-6


def beam_frame(direction_lps: npt.ArrayLike) -> FloatArray:
    """Two directions across a beam and the beam's own, as columns (3, 3)."""
    along = unit_vector(direction_lps)
    across = unit_vector(np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))]))
    return np.stack([across, np.cross(along, across), along], axis=1)


def together(needles: Sequence[Spheroid], grids: Sequence[tuple[Spheroid, ...]]) -> ZoneUnion:
    """The union of needles' zones and of grids of foci, ready for distances.

    Where a grid meets another grid or a needle's zone the depth is that in the deeper of them, which is
    never too much.
    """
    parts: list[ZoneUnion] = [ZoneUnion(needles)] if needles else []
    parts += [foci_union(g) for g in grids]
    return parts[0] if len(parts) == 1 else _Together(parts)


class FociUnion(ZoneUnion):
    """Many equal, parallel zones: exact distances and volume in a time that grows with their number.

    Stretched along the beam, they are balls of radius 1, of which any two meet in a circle; the creases
    of the union are the parts of these circles that no third ball covers.

    Raises
    ------
    InvalidValue
        If there is no zone, or they differ in more than their place.
    """

    def __init__(self, zones: Sequence[Spheroid]) -> None:
        shapes = {(z.axis_lps, z.long_axis_mm, z.short_axis_mm) for z in zones}
        if len(shapes) != 1:
            raise InvalidValue("The zones of a grid of foci are equal and parallel.", f"{len(shapes)} shapes")
        self.packed = pack(zones)
        self.samples, self.pairs = np.zeros((SAMPLE, 0)), np.zeros((0, 2), dtype=np.int64)
        self._one = replace(zones[0], center_lps_mm=(0.0, 0.0, 0.0))
        self._frame = beam_frame(self._one.axis_lps)
        self._radii = 0.5 * np.array(
            [self._one.short_axis_mm, self._one.short_axis_mm, self._one.long_axis_mm]
        )
        self._centers = self.packed[:, :3]
        self._balls = cKDTree(self._scaled(self._centers))
        self._near = cKDTree(self._centers)
        self._middles, self._cosines, self._sines, self._angles = self._creases()
        self._crease_tree = cKDTree(self._on_creases(self._angles)) if len(self._angles) else None

    def contains(self, points_lps_mm: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether points (n, 3) lie in any zone."""
        gap, _ = self._balls.query(self._scaled(np.asarray(points_lps_mm, dtype=float)))
        return np.asarray(gap <= 1.0)

    def signed_distance_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """Signed distance of points (n, 3) to the boundary, positive inside; error below 0.1 mm."""
        points = np.asarray(points_lps_mm, dtype=float)
        count = min(_NEIGHBOURS, len(self._centers))
        scaled = self._scaled(points)
        near = [
            t.query(p, k=count)[1].reshape(len(points), count)
            for t, p in ((self._balls, scaled), (self._near, points))
        ]
        candidates = np.concatenate(near, axis=1)
        away = points[:, None] - self._centers[candidates]
        gaps = self._one.signed_distance_mm(away.reshape(-1, 3)).reshape(candidates.shape)
        rows, deepest = np.arange(len(points)), np.argmax(gaps, axis=1)
        found: FloatArray = gaps[rows, deepest]
        if self._crease_tree is None:
            return found
        inside = np.flatnonzero(found > 0)
        feet = self._one.nearest_surface_points(away[inside, deepest[inside]])
        feet = feet + self._centers[candidates[inside, deepest[inside]]]
        gap, _ = self._balls.query(self._scaled(feet))
        hidden = inside[gap < _WITHIN]
        found[hidden] = np.maximum(found[hidden], self._to_creases(points[hidden]))
        return found

    def _scaled(self, points_lps_mm: FloatArray) -> FloatArray:
        return np.asarray(points_lps_mm @ self._frame / self._radii)

    def _creases(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Bare places of circles: x = middle + cosine cos t + sine sin t in mm, and t; (n, 3) and (n,)."""
        centers = np.asarray(self._balls.data)
        pairs = self._balls.query_pairs(2.0 - 1e-6, output_type="ndarray")
        if not len(pairs):
            return np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        one, two = centers[pairs[:, 0]], centers[pairs[:, 1]]
        normal = two - one
        apart = np.linalg.norm(normal, axis=1)
        normal /= apart[:, None]
        radius = np.sqrt(1.0 - 0.25 * apart**2)[:, None]
        first = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal), axis=1)])
        first *= radius / np.linalg.norm(first, axis=1)[:, None]
        second = np.cross(normal, first)
        turn = 2.0 * np.pi * np.arange(_TURNS) / _TURNS
        middle = 0.5 * (one + two)
        places = (
            middle[:, None]
            + np.cos(turn)[None, :, None] * first[:, None]
            + np.sin(turn)[None, :, None] * second[:, None]
        )
        gap, _ = self._balls.query(places.reshape(-1, 3))
        row, step = np.nonzero(np.asarray(gap).reshape(places.shape[:2]) >= _WITHIN)
        back = [(v[row] * self._radii) @ self._frame.T for v in (middle, first, second)]
        return back[0], back[1], back[2], turn[step]

    def _on_creases(
        self, angle: FloatArray, chosen: npt.NDArray[np.intp] | slice = slice(None)
    ) -> FloatArray:
        cosine, sine = np.cos(angle)[..., None], np.sin(angle)[..., None]
        return np.asarray(self._middles[chosen] + cosine * self._cosines[chosen] + sine * self._sines[chosen])

    def _to_creases(self, points: FloatArray) -> FloatArray:
        """Distance of points to the nearest crease: the nearest samples, moved on by Newton's steps."""
        if self._crease_tree is None or not len(points):
            return np.full(len(points), -np.inf)
        count = min(_CREASE_NEIGHBOURS, len(self._angles))
        gap, near = self._crease_tree.query(points, k=count)
        near, least = (
            np.asarray(near).reshape(len(points), count),
            np.asarray(gap).reshape(len(points), count)[:, 0],
        )
        start = self._angles[near]
        angle, most = start.copy(), 2.0 * np.pi / _TURNS
        for _ in range(3):
            cosine, sine = np.cos(angle)[..., None], np.sin(angle)[..., None]
            from_middle = cosine * self._cosines[near] + sine * self._sines[near]
            along = cosine * self._sines[near] - sine * self._cosines[near]
            away = self._middles[near] + from_middle - points[:, None]
            slope = np.einsum("nkd,nkd->nk", away, along)
            bend = np.einsum("nkd,nkd->nk", along, along) - np.einsum("nkd,nkd->nk", away, from_middle)
            step = np.where(bend > 0, -slope / np.where(bend > 0, bend, 1.0), 0.0)
            angle = np.clip(angle + step, start - most, start + most)
        # Where a third ball covers the foot, the crease ends between it and the sample, which is bare.
        bare = start.copy()
        for _ in range(_BISECTIONS):
            covered, _ = self._balls.query(self._scaled(self._on_creases(angle, near)).reshape(-1, 3))
            hidden = np.asarray(covered).reshape(angle.shape) < _WITHIN
            bare = np.where(hidden, bare, angle)
            angle = np.where(hidden, 0.5 * (bare + angle), angle)
        refined = np.linalg.norm(self._on_creases(bare, near) - points[:, None], axis=2).min(axis=1)
        return np.asarray(np.minimum(least, refined))


class _Together(ZoneUnion):
    """Several unions taken together."""

    def __init__(self, parts: Sequence[ZoneUnion]) -> None:
        self.packed = np.concatenate([p.packed for p in parts])
        self.samples, self.pairs = np.zeros((SAMPLE, 0)), np.zeros((0, 2), dtype=np.int64)
        self._parts = tuple(parts)

    def signed_distance_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """Signed distance of points (n, 3), positive inside."""
        return np.asarray(np.max([p.signed_distance_mm(points_lps_mm) for p in self._parts], axis=0))


@lru_cache(maxsize=8)
def foci_union(zones: tuple[Spheroid, ...]) -> FociUnion:
    """The union of one grid's zones; kept, so that dragging a needle beside a grid makes the grid's union once."""
    return FociUnion(zones)
