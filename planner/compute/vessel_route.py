"""A vessel followed through a scan from click to click, where nobody has outlined it."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.threads import kernel
from planner.compute.tubeness import tubeness
from planner.compute.vessel_centerline import RAYS, across, middle_shift_mm
from planner.compute.voxel_thinning import NEIGHBOURS
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.image import Image
from planner.model.points import Point, as_point, finite_point

IntArray = npt.NDArray[np.int64]
Single = npt.NDArray[np.float32]

#: Looked at beyond the clicks: so far, and this share of their distance.
BEYOND_MM, BEYOND_SHARE = 12.0, 0.25
#: Clicks farther apart are not joined.
FARTHEST_MM = 250.0
#: Where nothing looks like a vessel the way costs one over this more than in one.
OFF_ROAD = 0.03
#: A click may lie so far from the middle of its vessel.
BESIDE_MM = 2.5
#: Points along the way, and samples across it.
STEP_MM, SAMPLE_MM = 1.0, 0.25
#: The line bends freely over this length and hardly below.
STIFF_MM = 3.0
CENTRINGS = 2
#: Ways between two clicks: their points (n, 3) and the radius that looks best at each (n,).
Legs = dict[tuple[Point, Point], tuple[FloatArray, FloatArray]]
#: A vessel stands out by at least so many times the noise of a voxel; a way through noise alone by 0.6.
CONTRAST_TO_NOISE = 1.0


def route(
    image: Image,
    start_lps_mm: Point,
    stop_lps_mm: Point,
    task: Task | None = None,
    *,
    is_dark: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Middle line (n, 3) in LPS mm and radii (n,) of the vessel between two clicks.

    The way of the least cost over tubeness, drawn to the middle of the vessel; the radius is where the scan
    falls half-way from the vessel to what is around it (full width at half maximum).

    Parameters
    ----------
    is_dark
        Whether the vessel is darker than what is around it.

    Raises
    ------
    InvalidValue
        If a click lies outside the scan, the clicks are one place or too far apart, the scan has no numbers
        there, or no vessel stands out along half of the way.
    """
    return drawn(image, (start_lps_mm, stop_lps_mm), task, is_dark=is_dark)


def drawn(
    image: Image,
    clicks_lps_mm: Sequence[Point],
    task: Task | None = None,
    *,
    is_dark: bool = False,
    legs: Legs | None = None,
) -> tuple[FloatArray, FloatArray]:
    """As `route`, through several clicks one after the other.

    Parameters
    ----------
    legs
        Ways between clicks that were found before in the same scan; new ones are added.
    """
    work, known = task or Task(), {} if legs is None else legs
    clicks = _checked(image, clicks_lps_mm)
    ways = []
    for number, (start, stop) in enumerate(pairwise(clicks)):
        key = (as_point(start), as_point(stop))
        if key not in known:
            part = work.part(0.9 * number / (len(clicks) - 1), 0.9 * (number + 1) / (len(clicks) - 1))
            known[key] = _way(image, start, stop, is_dark, part)
        ways.append(known[key])
    points = np.concatenate([ways[0][0], *(w[0][1:] for w in ways[1:])])
    usual = np.concatenate([ways[0][1], *(w[1][1:] for w in ways[1:])])
    work.report(0.9, "Width of the vessel")
    found = _refined(image, points, usual, is_dark)
    work.report(1.0, "Width of the vessel")
    return found


def _checked(image: Image, clicks_lps_mm: Sequence[Point]) -> FloatArray:
    clicks = np.array([finite_point(c, "click along a vessel") for c in clicks_lps_mm])
    if len(clicks) < 2:
        raise InvalidValue(
            "A vessel is drawn through two clicks or more.", image.title, "Click further along it."
        )
    for click in clicks[~image.grid.contains(clicks)]:
        raise InvalidValue(
            "A click lies outside the scan.",
            f"{np.round(click, 1).tolist()} mm, {image.title}",
            "Click within it.",
        )
    steps = np.linalg.norm(np.diff(clicks, axis=0), axis=1)
    if steps.min() < min(image.grid.spacing_mm):
        raise InvalidValue("Two clicks are one place.", image.title, "Click further along the vessel.")
    if steps.max() > FARTHEST_MM:
        raise InvalidValue(
            "Two clicks are too far apart.",
            f"{steps.max():.0f} mm, at most {FARTHEST_MM:.0f} mm",
            "Click in between.",
        )
    return clicks


def _region(image: Image, points_lps_mm: FloatArray, beyond_mm: float, is_dark: bool) -> tuple[Single, Grid]:
    """The scan around some points, bright where the vessel is, with every second voxel where they are many."""
    ijk = image.grid.to_ijk(points_lps_mm)
    low, high = np.floor(ijk.min(axis=0)).astype(int), np.ceil(ijk.max(axis=0)).astype(int) + 1
    start = tuple(int(n) for n in np.maximum(low[::-1], 0))
    stop = tuple(int(min(n, size)) for n, size in zip(high[::-1], image.grid.shape, strict=True))
    grown = [int(np.ceil(beyond_mm / s)) for s in image.grid.spacing_mm[::-1]]
    box = Box(start, stop).grown((grown[0], grown[1], grown[2]), image.grid.shape)  # type: ignore[arg-type]
    values = np.array(image.values[box.slices], dtype=np.float32)
    if not np.isfinite(values).all():
        raise InvalidValue(
            "The scan has no numbers around the clicks.",
            f"{int((~np.isfinite(values)).sum())} voxels of {image.title}",
            "Draw in another scan.",
        )
    return (-values if is_dark else values), image.grid.cropped(box)


def _way(
    image: Image, start: FloatArray, stop: FloatArray, is_dark: bool, work: Task
) -> tuple[FloatArray, FloatArray]:
    """Voxel centres in LPS mm along the way of the least cost, and the radius that looks best at each."""
    clicks = np.stack([start, stop])
    beyond = BEYOND_MM + BEYOND_SHARE * float(np.linalg.norm(stop - start))
    values, grid = _region(image, clicks, beyond, is_dark)
    step_mm = np.array(grid.spacing_mm[::-1])
    tubes, radii = tubeness(values, grid.spacing_mm, work.part(0.0, 0.7))
    upper = np.array(grid.shape) - 1
    ends = np.clip(np.rint(grid.to_ijk(clicks)[:, ::-1]).astype(np.int64), 0, upper)
    near = np.ceil(BESIDE_MM / step_mm).astype(int)
    seen = [
        float(tubes[tuple(slice(max(0, a - n), a + n + 1) for a, n in zip(e, near, strict=True))].max())
        for e in ends
    ]
    usual = min(s for s in seen if s > 0) if max(seen) > 0 else float(tubes.max())
    speed = OFF_ROAD + np.minimum(tubes / max(usual, 1e-6), 1.0)
    work.report(0.75, "Shortest way along the vessel")
    path = _shortest(np.pad(1.0 / speed, 1, constant_values=np.inf).astype(np.float64), ends + 1, step_mm) - 1
    points = grid.to_lps(path[:, ::-1])
    points[0], points[-1] = start, stop
    return points, radii[tuple(path.T)].astype(float)


def _shortest(cost: FloatArray, ends: IntArray, step_mm: FloatArray) -> IntArray:
    """Voxels (n, 3) of the way of the least cost between two; the array has a border that cannot be entered."""
    strides = np.array([cost.shape[1] * cost.shape[2], cost.shape[2], 1], dtype=np.int64)
    lengths = np.linalg.norm(NEIGHBOURS * step_mm, axis=1)
    flat = _dijkstra(
        cost.ravel(), int(ends[0] @ strides), int(ends[1] @ strides), NEIGHBOURS @ strides, lengths
    )
    return np.stack(np.unravel_index(flat, cost.shape), axis=1)


@kernel
def _dijkstra(cost: FloatArray, start: int, stop: int, offsets: IntArray, lengths: FloatArray) -> IntArray:
    best = np.full(len(cost), np.inf)
    came = np.full(len(cost), -1, dtype=np.int64)
    best[start] = 0.0
    heap = [(0.0, np.int64(start))]
    while heap:
        so_far, at = heappop(heap)
        if at == stop:
            break
        if so_far > best[at]:
            continue
        for m in range(26):
            other = at + offsets[m]
            further = so_far + 0.5 * lengths[m] * (cost[at] + cost[other])
            if further < best[other]:
                best[other] = further
                came[other] = at
                heappush(heap, (further, other))
    count, at = 1, np.int64(stop)
    while at != start:
        at = came[at]
        count += 1
    found = np.empty(count, dtype=np.int64)
    at = np.int64(stop)
    for n in range(count - 1, -1, -1):
        found[n] = at
        at = came[at]
    return found


def _refined(
    image: Image, points_lps_mm: FloatArray, usual_mm: FloatArray, is_dark: bool
) -> tuple[FloatArray, FloatArray]:
    """The way drawn smoothly through the middle of the vessel, with radii."""
    points, usual = _evenly(points_lps_mm, usual_mm)
    reach_mm = 3.0 * float(usual.max()) + 4.0
    values, grid = _region(image, points, reach_mm, is_dark)
    points = _smooth(points)
    for _ in range(CENTRINGS):
        section = _Section(values, grid, points, usual)
        points = _smooth(points + section.shift())
    section = _Section(values, grid, points, usual)
    if section.is_seen.mean() < 0.5:
        raise InvalidValue(
            "No vessel stands out between the clicks.",
            image.title,
            "Click closer along the vessel, choose another phase, or say whether it is dark.",
        )
    index = np.arange(len(points))
    radii = np.interp(index, index[section.is_seen], section.radii_mm[section.is_seen])
    return points, _along(radii)


def _evenly(points: FloatArray, usual_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    from scipy.ndimage import median_filter

    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0, along[-1], max(3, round(float(along[-1]) / STEP_MM) + 1))
    even = np.stack([np.interp(at, along, axis) for axis in points.T], axis=1)
    return even, median_filter(np.interp(at, along, usual_mm), 9, mode="nearest")


def _smooth(points: FloatArray) -> FloatArray:
    """The smoothing spline near even points: bent little over lengths below `STIFF_MM`."""
    count = len(points)
    bending = np.zeros((count, count))
    inner = np.arange(1, count - 1)
    for offset, weight in ((-1, 1.0), (0, -2.0), (1, 1.0)):
        bending[inner, inner + offset] = weight
    step = float(np.linalg.norm(np.diff(points, axis=0), axis=1).mean())
    return np.asarray(np.linalg.solve(np.eye(count) + (STIFF_MM / step) ** 4 * bending.T @ bending, points))


def _along(values: FloatArray) -> FloatArray:
    from scipy.ndimage import gaussian_filter1d

    return np.asarray(gaussian_filter1d(values, 1.5, axis=0, mode="nearest"))


class _Section:
    """Cross-sections of a scan along a line: how wide the vessel is, and where its middle."""

    def __init__(self, values: Single, grid: Grid, points: FloatArray, usual_mm: FloatArray) -> None:
        from scipy.ndimage import map_coordinates

        self.one, self.two = across(np.gradient(points, axis=0))
        far = np.arange(0.0, 2.5 * float(usual_mm.max()) + 3.0, SAMPLE_MM)
        angles = 2 * np.pi * np.arange(RAYS) / RAYS
        ways = np.cos(angles)[:, None] * self.one[:, None] + np.sin(angles)[:, None] * self.two[:, None]
        places = points[:, None, None] + far[:, None] * ways[:, :, None]
        kji = np.moveaxis(grid.to_ijk(places)[..., ::-1], -1, 0)
        self.samples = _along(map_coordinates(values, kji, order=1, mode="nearest"))
        self.far, self.profile = far, np.median(self.samples, axis=1)
        # Neighbouring voxels differ by noise and little else.
        self.noise = 1.4826 / np.sqrt(2) * float(np.median(np.abs(np.diff(values, axis=2))))
        self._measure(usual_mm)

    def _measure(self, usual_mm: FloatArray) -> None:
        far, profile = self.far, self.profile
        inner = far <= np.maximum(0.5 * usual_mm, SAMPLE_MM)[:, None]
        top = _mean_where(profile, inner)
        # The wall is first looked for where the profile falls most steeply, near the radius that looks best.
        near = far <= (2.0 * usual_mm + 1.0)[:, None]
        fall = np.where(near, np.gradient(_blurred(profile), axis=1), np.inf)
        wall = np.maximum(far[fall.argmin(axis=1)], 2 * SAMPLE_MM)
        around = (far >= (1.4 * wall + 1.0)[:, None]) & (far <= (1.8 * wall + 2.0)[:, None])
        ground = _mean_where(profile, around)
        self.half = 0.5 * (top + ground)
        self.radii_mm = _crossing(profile, self.half, far)
        self.is_seen = (top - ground > max(CONTRAST_TO_NOISE * self.noise, 1e-6)) & (self.radii_mm < far[-1])

    def shift(self) -> FloatArray:
        """From each point the way to the middle of the vessel, (n, 3)."""
        count, rays, samples = self.samples.shape
        half = np.repeat(self.half, rays)
        lengths = _crossing(_blurred(self.samples.reshape(-1, samples)), half, self.far).reshape(count, rays)
        shift = np.where(self.is_seen[:, None], middle_shift_mm(lengths, self.radii_mm), 0.0)
        return np.asarray(shift[:, :1] * self.one + shift[:, 1:] * self.two)


def _blurred(profile: FloatArray) -> FloatArray:
    from scipy.ndimage import gaussian_filter1d

    return np.asarray(gaussian_filter1d(profile, 1.0, axis=1, mode="nearest"))


def _mean_where(values: FloatArray, where: npt.NDArray[np.bool_]) -> FloatArray:
    return np.asarray((values * where).sum(axis=1) / np.maximum(where.sum(axis=1), 1))


def _crossing(profiles: FloatArray, level: FloatArray, far: FloatArray) -> FloatArray:
    """Where profiles (n, samples) first fall below a level (n,); the last sample where they do not."""
    below = profiles < level[:, None]
    first = np.where(below.any(axis=1), below.argmax(axis=1), len(far) - 1)
    row = np.arange(len(profiles))
    inner, outer = profiles[row, np.maximum(first - 1, 0)], profiles[row, first]
    share = np.clip((inner - level) / np.maximum(inner - outer, 1e-9), 0.0, 1.0)
    found = far[np.maximum(first - 1, 0)] + share * (far[first] - far[np.maximum(first - 1, 0)])
    return np.asarray(np.where(below.any(axis=1), np.where(first == 0, 0.5 * far[1], found), far[-1]))
