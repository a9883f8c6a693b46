"""Smooth middle lines of vessels within their mask, and how wide the vessel is along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel
from planner.compute.vessel_graph import Stretch
from planner.model.geometry import FloatArray

Bytes = npt.NDArray[np.uint8]

#: Rays across the vessel at each point, in opposite pairs.
RAYS = 24
#: A line bends freely over lengths of a voxel and this share of the vessel's radius, and hardly below.
STIFF_RADII = 0.35
#: A fork's and a tip's voxel is less sure than one within a branch.
NODE_WEIGHT = 0.3
#: How often the line is drawn to the middle of its cross-sections.
CENTRINGS = 2
#: A ray so many times longer than the usual one left through a branch.
OPEN_RAY = 1.6
#: Nearer to an end than so many radii its rounding takes part in what is measured across.
CAP_RADII = 1.2
#: An end is drawn on along its direction for so many radii at most.
END_RADII = 2.0


@dataclass(frozen=True, eq=False)
class CenterLine:
    """The middle line of a branch, outwards.

    Parameters
    ----------
    parent
        Place of the branch it leaves in the list; None for a root.
    points_mm
        Along k, j, i of the lattice times its spacing, (n, 3); the first is its parent's last.
    radii_mm
        (n,).
    """

    parent: int | None
    points_mm: FloatArray
    radii_mm: FloatArray


def center_lines(
    stretches: Sequence[tuple[int | None, Stretch]],
    opened: set[int],
    mask: npt.NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
) -> list[CenterLine]:
    """Stretches drawn through the middle of their cross-sections, smooth through forks, up to the tips.

    Parameters
    ----------
    stretches
        Of trees, each with the place of its parent, parents first.
    opened
        Nodes that are no real ends, so that the line is not drawn on to the wall there.
    mask, spacing_mm
        ``[k, j, i]`` and along i, j, k; beyond the array the mask goes on as at its edge.
    """
    if not stretches:
        return []
    lines = _Lines(stretches, np.array(spacing_mm[::-1]))
    voxels = np.ascontiguousarray(mask).view(np.uint8)
    lines.settle(lines.places)
    for _ in range(CENTRINGS):
        shift, _ = lines.cross_sections(voxels)
        lines.settle(lines.places + shift)
    _, radii = lines.cross_sections(voxels)
    return lines.drawn(radii, opened, voxels)


class _Lines:
    """All points of all stretches, those at nodes shared."""

    def __init__(self, stretches: Sequence[tuple[int | None, Stretch]], step_mm: FloatArray) -> None:
        self.stretches, self.step_mm = stretches, step_mm
        self.voxel_mm = float(step_mm.max())
        spacing = float(np.prod(step_mm)) ** (1 / 3)
        self.node: dict[int, int] = {}
        self.rows: list[npt.NDArray[np.int64]] = []
        places: list[FloatArray] = []
        depths: list[float] = []

        def add(place: FloatArray, depth: float) -> int:
            places.append(place)
            depths.append(depth)
            return len(places) - 1

        for _, stretch in stretches:
            points, depth = _evenly(stretch, spacing)
            for node, end in ((stretch.start, 0), (stretch.stop, -1)):
                if node not in self.node:
                    self.node[node] = add(points[end], float(depth[end]))
            inner = [add(p, float(d)) for p, d in zip(points[1:-1], depth[1:-1], strict=True)]
            self.rows.append(np.array([self.node[stretch.start], *inner, self.node[stretch.stop]]))
        self.places = np.array(places)
        self.depths = np.array(depths)
        self._prepare()

    def _prepare(self) -> None:
        """Factor the equations of a smoothing spline: near the given points, with little bending.

        At a fork the line bends as its stretches do, each weighing as its cross-section.
        """
        from scipy.sparse import coo_matrix, diags
        from scipy.sparse.linalg import splu

        count = len(self.places)
        leaving: dict[int, list[tuple[int, float]]] = {}
        rows, columns, values = [], [], []
        for line in self.rows:
            step = self._step_mm(line)
            for end, beside in ((line[0], line[1]), (line[-1], line[-2])):
                leaving.setdefault(int(end), []).append((int(beside), step))
            for a, b, c in zip(line[:-2], line[1:-1], line[2:], strict=True):
                rows += [b, b, b]
                columns += [a, b, c]
                values += [1 / step**2, -2 / step**2, 1 / step**2]
        self.ends = {n for n, around in leaving.items() if len(around) == 1}
        for node, around in leaving.items():
            if len(around) < 2:
                continue
            weights = np.array([self.depths[b] ** 2 for b, _ in around])
            weights *= 2 / weights.sum()
            for (beside, step), weight in zip(around, weights.tolist(), strict=True):
                rows += [node, node]
                columns += [beside, node]
                values += [weight / step**2, -weight / step**2]
        bending = coo_matrix(
            (np.array(values), (np.array(rows), np.array(columns))), shape=(count, count)
        ).tocsr()
        stiff = diags((self.voxel_mm + STIFF_RADII * self.depths) ** 4)
        self._weights = np.ones(count)
        self._weights[sorted(leaving)] = NODE_WEIGHT
        system = diags(self._weights) + bending.T @ stiff @ bending
        self._solver = splu(system.tocsc())

    def _step_mm(self, line: npt.NDArray[np.int64]) -> float:
        way = float(np.linalg.norm(np.diff(self.places[line], axis=0), axis=1).mean())
        return max(way, 0.2 * float(self.step_mm.min()))

    def settle(self, places: FloatArray) -> None:
        """Put the lines where they pass smoothly by some places."""
        self.places = np.asarray(self._solver.solve(self._weights[:, None] * places))

    def cross_sections(self, voxels: Bytes) -> tuple[FloatArray, FloatArray]:
        """From each point the way to the middle of its cross-section, (n, 3), and its radius, (n,)."""
        tangents = np.zeros_like(self.places)
        for line in self.rows:
            tangents[line] += np.gradient(self.places[line], axis=0)
        across_u, across_v = across(tangents)
        reach = 2.5 * self.depths + 2 * self.voxel_mm
        rays = _rays(voxels, self.step_mm, self.places, across_u, across_v, reach)
        usual = np.median(rays, axis=1)
        radii = np.where(usual > 0, usual, self.depths)
        shift = middle_shift_mm(rays, radii)
        shift[[n for n in self.node.values() if n not in self.ends]] = 0.0
        return shift[:, :1] * across_u + shift[:, 1:] * across_v, radii

    def drawn(self, radii: FloatArray, opened: set[int], voxels: Bytes) -> list[CenterLine]:
        """The lines with their ends and radii."""
        found: list[CenterLine] = []
        number_of = {row: node for node, row in self.node.items()}
        for (parent, _), line in zip(self.stretches, self.rows, strict=True):
            points, wide = self.places[line], self._along(line, radii)
            if parent is not None:
                wide = _beyond(points, wide, found[parent].radii_mm[-1], self.depths[line])
            if not self._is_end(line[-1]):
                wide = _beyond(points[::-1], wide[::-1], wide[-1], self.depths[line][::-1])[::-1]
            for is_start, row in ((True, line[0]), (False, line[-1])):
                if self._is_end(row) and number_of[int(row)] not in opened:
                    points, wide = self._to_wall(points, wide, is_start, voxels)
                    wide = _without_cap(points, wide, is_start)
            found.append(CenterLine(parent, *_apart(points, wide)))
        return found

    def _is_end(self, row: int) -> bool:
        return int(row) in self.ends

    def _along(self, line: npt.NDArray[np.int64], radii: FloatArray) -> FloatArray:
        """Radii along a line without the roughness of voxels."""
        from scipy.ndimage import gaussian_filter1d

        width = (self.voxel_mm + 0.5 * float(np.median(radii[line]))) / self._step_mm(line)
        return np.asarray(gaussian_filter1d(radii[line], min(width, len(line) / 4), mode="nearest"))

    def _to_wall(
        self, points: FloatArray, radii: FloatArray, is_start: bool, voxels: Bytes
    ) -> tuple[FloatArray, FloatArray]:
        """A line drawn on straight from one end to where the mask ends."""
        if is_start:
            points, radii = self._to_wall(points[::-1], radii[::-1], False, voxels)
            return points[::-1], radii[::-1]
        away = np.linalg.norm(points - points[-1], axis=1)
        near = np.flatnonzero(away <= max(radii[-1], 2 * self.voxel_mm))
        way = points[-1] - points[near[0]]
        length = float(np.linalg.norm(way))
        if length <= 0:
            return points, radii
        reach = END_RADII * float(max(radii[-1], self.depths.min())) + self.voxel_mm
        free = float(_march(voxels, self.step_mm, points[-1], way / length, reach))
        count = int(np.ceil(free / self.voxel_mm))
        if free < 0.1 * self.voxel_mm:
            return points, radii
        ahead = points[-1] + np.linspace(0, free, count + 1)[1:, None] * way / length
        return np.concatenate([points, ahead]), np.concatenate([radii, np.full(count, radii[-1])])


def _evenly(stretch: Stretch, spacing_mm: float) -> tuple[FloatArray, FloatArray]:
    """Points of a stretch at even distances of about a voxel, and how deep they lie."""
    steps = np.linalg.norm(np.diff(stretch.points_mm, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0, along[-1], max(2, round(float(along[-1]) / spacing_mm) + 1))
    points = np.stack([np.interp(at, along, axis) for axis in stretch.points_mm.T], axis=1)
    return points, np.interp(at, along, stretch.depth_mm)


def middle_shift_mm(rays_mm: FloatArray, radii_mm: FloatArray) -> FloatArray:
    """From the start of rays around (n, rays) the way to the middle of what they meet, along two axes, (n, 2).

    By least squares over opposite pairs of rays; those that leave through a branch do not count.
    """
    half = rays_mm.shape[1] // 2
    angles = np.pi * np.arange(half) / half
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ahead, back = rays_mm[:, :half], rays_mm[:, half:]
    closed = (np.maximum(ahead, back) < OPEN_RAY * radii_mm[:, None]) & (np.maximum(ahead, back) > 0)
    middle = np.where(closed, 0.5 * (ahead - back), 0.0)
    # A little is added so that one pair alone is enough.
    system = np.einsum("np,pa,pb->nab", closed.astype(float), ways, ways) + 0.5 * np.eye(2)
    shift = np.linalg.solve(system, (middle @ ways)[:, :, None])[:, :, 0]
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    return np.asarray(shift * np.minimum(1.0, 0.5 * radii_mm[:, None] / np.maximum(length, 1e-9)))


def across(tangents: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two directions across each tangent (n, 3), at right angles."""
    lengths = np.linalg.norm(tangents, axis=1, keepdims=True)
    along = np.where(lengths > 0, tangents / np.maximum(lengths, 1e-12), [1.0, 0.0, 0.0])
    axis = np.eye(3)[np.abs(along).argmin(axis=1)]
    one = np.cross(along, axis)
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    return one, np.cross(along, one)


def _beyond(points: FloatArray, radii: FloatArray, fork_mm: float, depths: FloatArray) -> FloatArray:
    """Radii whose first ones, taken within the vessel that is left, are that of the first point beyond."""
    within = np.linalg.norm(points - points[0], axis=1) <= fork_mm
    if within.all():
        return np.asarray(np.minimum(radii, depths))
    first = int(np.argmin(within))
    found = radii.copy()
    found[:first] = np.minimum(found[:first], radii[first])
    return found


def _without_cap(points: FloatArray, radii: FloatArray, is_start: bool) -> FloatArray:
    """Radii whose last ones, taken within the rounding of an end, go on as those before them do."""
    if is_start:
        return _without_cap(points[::-1], radii[::-1], False)[::-1]
    away = np.linalg.norm(points - points[-1], axis=1)
    cap = CAP_RADII * float(np.median(radii[away <= 4 * np.median(radii)]))
    within = np.arange(len(points)) > int(np.flatnonzero(away >= cap)[-1]) if (away >= cap).any() else None
    if within is None or within.all():
        return radii
    last = float(radii[~within][-1])
    before = np.flatnonzero(~within & (away <= 3 * cap))
    slope = float(np.polyfit(away[before], radii[before], 1)[0]) if len(before) > 3 else 0.0
    found = radii.copy()
    found[within] = np.clip(last + slope * (away[within] - away[~within][-1]), 0.7 * last, 1.3 * last)
    return found


def _apart(points: FloatArray, radii: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points without those that lie on the one before; the ends stay."""
    keep = np.concatenate([[True], np.abs(np.diff(points, axis=0)).max(axis=1) > 1e-6])
    if not keep[-1]:
        keep[np.flatnonzero(keep)[-1]], keep[-1] = keep.sum() == 1, True
    return points[keep], np.maximum(radii[keep], 1e-3)


@kernel
def _inside(voxels: Bytes, k: float, j: float, i: float) -> float:
    """The mask between voxel centres, going on beyond the array as at its edge."""
    nk, nj, ni = voxels.shape
    k, j, i = min(max(k, 0.0), nk - 1.0), min(max(j, 0.0), nj - 1.0), min(max(i, 0.0), ni - 1.0)
    k0, j0, i0 = int(k), int(j), int(i)
    k1, j1, i1 = min(k0 + 1, nk - 1), min(j0 + 1, nj - 1), min(i0 + 1, ni - 1)
    c, b, a = k - k0, j - j0, i - i0
    low = (1 - b) * ((1 - a) * voxels[k0, j0, i0] + a * voxels[k0, j0, i1]) + b * (
        (1 - a) * voxels[k0, j1, i0] + a * voxels[k0, j1, i1]
    )
    high = (1 - b) * ((1 - a) * voxels[k1, j0, i0] + a * voxels[k1, j0, i1]) + b * (
        (1 - a) * voxels[k1, j1, i0] + a * voxels[k1, j1, i1]
    )
    return float((1 - c) * low + c * high)


@kernel
def _rays(
    voxels: Bytes, step: FloatArray, places: FloatArray, one: FloatArray, two: FloatArray, reach: FloatArray
) -> FloatArray:
    """Distance to the mask's wall from each place along rays across, (n, RAYS); the reach where there is none."""
    found = np.zeros((len(places), RAYS))
    pace = 0.3 * step.min()
    for n in range(len(places)):
        at = places[n] / step
        if _inside(voxels, at[0], at[1], at[2]) < 0.5:
            continue
        for m in range(RAYS):
            angle = 2 * np.pi * m / RAYS
            way = (np.cos(angle) * one[n] + np.sin(angle) * two[n]) / step
            found[n, m] = _to_half(voxels, at, way, pace, reach[n])
    return found


@kernel
def _to_half(voxels: Bytes, at: FloatArray, way: FloatArray, pace: float, reach: float) -> float:
    """How far one can go from a place inside before the mask is half gone, up to a reach."""
    before, far = 1.0, 0.0
    while far < reach:
        far += pace
        value = _inside(voxels, at[0] + far * way[0], at[1] + far * way[1], at[2] + far * way[2])
        if value < 0.5:
            return far - pace * (0.5 - value) / max(before - value, 1e-9)
        before = value
    return reach


@kernel
def _march(voxels: Bytes, step: FloatArray, place: FloatArray, way: FloatArray, reach: float) -> float:
    """How far a line from a place stays in the mask and in the array's voxels."""
    at, pace = place / step, way / step
    if _inside(voxels, at[0], at[1], at[2]) < 0.5:
        return 0.0
    far = _to_half(voxels, at, pace, 0.2 * step.min(), reach)
    for axis in range(3):
        if pace[axis] > 0:
            far = min(far, (voxels.shape[axis] - 0.5 - at[axis]) / pace[axis])
        elif pace[axis] < 0:
            far = min(far, (-0.5 - at[axis]) / pace[axis])
    return max(far, 0.0)
