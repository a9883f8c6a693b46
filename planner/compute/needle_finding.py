"""Needles in a control CT: straight metal, found by threshold, with tip and entry to part of a voxel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.geometry import FloatArray, unit_vector
from planner.model.image import Image

Point = tuple[float, float, float]
BoolArray = npt.NDArray[np.bool_]

#: Metal shows more than this; dense bone seldom does.
METAL_HU = 1500.0
#: Air outside the body is below this.
AIR_HU = -300.0
#: A needle is at least so long, and no voxel of it lies farther than this from its line.
SHORTEST_MM, WIDEST_MM = 25.0, 3.5
#: Metal further from a straight line than this (root mean square) is no needle.
CROOKED_MM = 1.8
#: A needle's voxels are this much longer than wide; ribs and clips are not.
SLENDERNESS = 8.0
#: Lines are tried through this many pairs of voxels, always the same.
TRIES, SEED = 300, 7
#: Two pieces on one line with a gap below this are one needle.
GAP_MM, SAME_LINE_MM, SAME_LINE_DEG = 15.0, 2.0, 3.0
#: The shaft is sampled along its line at this distance, within this radius.
SAMPLE_MM, SHAFT_MM = 0.25, 1.8
#: Beside metal nothing soft is brighter. The end is looked for so far beyond the threshold's; behind it so much is dark.
TISSUE_HU, SOFT_HU, BEYOND_MM, DARK_MM = 500.0, 200.0, 15.0, 3.0
#: So many samples behind the threshold's end are the shaft alone; so many times their metal is another needle's.
BEHIND, MUCH = 40, 2.2
#: The centre of the shaft is looked for within this of the line, and the line is drawn through pieces this long.
CENTER_MM, PIECE_MM = 2.5, 2.0
#: The body is judged open when so much air follows.
OPEN_MM = 8.0
MOST_NEEDLES = 12


@dataclass(frozen=True)
class FoundNeedle:
    """A needle as it lies in a scan.

    Parameters
    ----------
    entry_lps_mm
        Where the shaft passes the skin, or its outer end where it starts under it.
    tip_lps_mm
        Its deep end.
    residual_mm
        Root mean square distance of the shaft's centres to the straight line; 0 where marked by hand.
    is_marked
        Whether a person marked it.

    Raises
    ------
    InvalidValue
        If entry and tip coincide or are not finite.
    """

    entry_lps_mm: Point
    tip_lps_mm: Point
    residual_mm: float = 0.0
    is_marked: bool = False

    def __post_init__(self) -> None:
        if not all(math.isfinite(x) for x in (*self.entry_lps_mm, *self.tip_lps_mm)) or self.length_mm < 1.0:
            raise InvalidValue("A needle needs an entry and a tip.", f"{self.entry_lps_mm} {self.tip_lps_mm}")

    @property
    def length_mm(self) -> float:
        """From entry to tip."""
        return math.dist(self.entry_lps_mm, self.tip_lps_mm)

    @property
    def direction(self) -> FloatArray:
        """Unit vector from entry to tip, shape (3,)."""
        return unit_vector(np.array(self.tip_lps_mm) - np.array(self.entry_lps_mm))


def find_needles(
    image: Image,
    *,
    metal_hu: float = METAL_HU,
    near_lps_mm: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    reach_mm: float = 25.0,
    task: Task | None = None,
) -> tuple[FoundNeedle, ...]:
    """The straight metal needles of a CT, longest first; empty where there is none.

    Parameters
    ----------
    image
        A CT with the needles in place.
    metal_hu
        What counts as metal.
    near_lps_mm
        Entry and tip of a planned path: only needles that run within `reach_mm` of it are given.

    Raises
    ------
    InvalidValue
        If the image is no CT, or its values end below the threshold.
    """
    task = task or Task()
    if image.modality != "CT":
        raise InvalidValue(
            "Needles are found in CT only.", f"'{image.title}' is {image.modality}", "Mark entry and tip."
        )
    task.report(0.0, "Looking for metal")
    highest = float(image.values.max())
    if highest < metal_hu:
        raise InvalidValue(
            "Nothing in the scan is as bright as metal.",
            f"'{image.title}': up to {highest:.0f} HU, threshold {metal_hu:.0f} HU",
            "Lower the threshold, or mark entry and tip.",
        )
    labels, count = ndi.label(np.asarray(image.values >= metal_hu), np.ones((3, 3, 3)))
    lines: list[_Line] = []
    for number, box in enumerate(ndi.find_objects(labels), start=1):
        task.report(0.2 + 0.5 * number / count, "Looking for needles")
        kji = np.argwhere(labels[box] == number) + [s.start for s in box]
        if len(kji) >= 4:
            lines.extend(_lines(image.grid.to_lps(kji[:, ::-1])))
    lines = [line for line in _joined(lines) if line.length_mm >= SHORTEST_MM]
    lines.sort(key=lambda line: -line.length_mm)
    task.report(0.7, "Tips and entries")
    found = [_needle(image, _centered(image, line), metal_hu) for line in lines[:MOST_NEEDLES]]
    if near_lps_mm is not None:
        found = [n for n in found if _gap_mm(n, near_lps_mm) <= reach_mm]
    return tuple(found)


@dataclass(frozen=True, eq=False)
class _Line:
    """A straight run of metal: a point, a direction, and where along it the metal begins and ends."""

    middle: FloatArray
    along: FloatArray
    start_mm: float
    stop_mm: float
    rms_mm: float = 0.0

    @classmethod
    def of(cls, points: FloatArray) -> _Line:
        """The line of least squares through points (n, 3)."""
        middle = points.mean(axis=0)
        _, size, axes = np.linalg.svd(points - middle, full_matrices=False)
        along = axes[0]
        place = (points - middle) @ along
        rms = float(np.sqrt((size[1] ** 2 + (size[2] ** 2 if len(size) > 2 else 0.0)) / len(points)))
        return cls(middle, along, float(place.min()), float(place.max()), rms)

    @property
    def length_mm(self) -> float:
        return self.stop_mm - self.start_mm

    @property
    def ends(self) -> tuple[FloatArray, FloatArray]:
        return self.middle + self.start_mm * self.along, self.middle + self.stop_mm * self.along

    def away_mm(self, points: FloatArray) -> FloatArray:
        """Distance of points (n, 3) to the endless line."""
        ray = points - self.middle
        across = ray - (ray @ self.along)[:, None] * self.along
        return np.asarray(np.linalg.norm(across, axis=1))


def _lines(points: FloatArray) -> list[_Line]:
    """The straight slender runs among the voxels of one piece of metal; crossing needles come apart."""
    found: list[_Line] = []
    rng = np.random.default_rng(SEED)
    rest = points
    while len(rest) >= 4 and len(found) < MOST_NEEDLES:
        line = _Line.of(rest)
        own = line.away_mm(rest) <= WIDEST_MM
        if not own.all():
            own = _best_pair(rest, rng)
            for _ in range(3):
                line = _Line.of(rest[own])
                own = line.away_mm(rest) <= WIDEST_MM
        own = _longest_run(line, rest, own)
        if np.count_nonzero(own) < 4:
            break
        line = _Line.of(rest[own])
        width = 2.0 * max(line.rms_mm, 0.5)
        if line.rms_mm <= CROOKED_MM and line.length_mm >= 5.0 and line.length_mm >= SLENDERNESS * width / 2:
            found.append(line)
        rest = rest[~own]
    return found


def _best_pair(points: FloatArray, rng: np.random.Generator) -> BoolArray:
    """The voxels near the line through two of them that has most voxels near."""
    best = np.zeros(len(points), dtype=bool)
    some = points[:: max(1, len(points) // 4000)]
    most = -1
    for _ in range(TRIES):
        a, b = points[rng.integers(len(points), size=2)]
        if np.linalg.norm(b - a) < 5.0:
            continue
        line = _Line((a + b) / 2, unit_vector(b - a), 0.0, 0.0)
        count = int(np.count_nonzero(line.away_mm(some) <= 0.6 * WIDEST_MM))
        if count > most:
            most = count
            best = line.away_mm(points) <= 0.6 * WIDEST_MM
    return best


def _longest_run(line: _Line, points: FloatArray, own: BoolArray) -> BoolArray:
    """Those of the voxels that lie in the longest stretch without a gap of 5 mm."""
    chosen = np.flatnonzero(own)
    if len(chosen) < 2:
        return own
    place = (points[chosen] - line.middle) @ line.along
    order = np.argsort(place, kind="stable")
    breaks = np.flatnonzero(np.diff(place[order]) > 5.0)
    runs = np.split(order, breaks + 1)
    longest = max(runs, key=lambda run: float(place[run[-1]] - place[run[0]]))
    kept = np.zeros(len(points), dtype=bool)
    kept[chosen[longest]] = True
    return kept


def _joined(lines: list[_Line]) -> list[_Line]:
    """Pieces of one needle, parted by streaks, made one."""
    rest = sorted(lines, key=lambda line: -line.length_mm)
    done: list[_Line] = []
    while rest:
        line = rest.pop(0)
        changed = True
        while changed:
            changed = False
            for other in rest:
                merged = _merged(line, other)
                if merged is not None:
                    rest.remove(other)
                    line, changed = merged, True
                    break
        done.append(line)
    return done


def _merged(line: _Line, other: _Line) -> _Line | None:
    turn = math.degrees(math.acos(min(1.0, abs(float(line.along @ other.along)))))
    ends = np.array(other.ends)
    limit = SAME_LINE_DEG if other.length_mm >= SHORTEST_MM else 15.0  # a short piece's direction says little
    if turn > limit or line.away_mm(ends).max() > SAME_LINE_MM:
        return None
    place = (ends - line.middle) @ line.along
    gap = max(float(place.min()) - line.stop_mm, line.start_mm - float(place.max()))
    if gap > GAP_MM:
        return None
    start, stop = min(line.start_mm, float(place.min())), max(line.stop_mm, float(place.max()))
    return _Line(line.middle, line.along, start, stop, line.rms_mm)


def _centered(image: Image, line: _Line) -> _Line:
    """The line through the shaft's centres, weighted by how bright each place is."""
    for _ in range(3):
        side = unit_vector(np.cross(line.along, np.eye(3)[int(np.argmin(np.abs(line.along)))]))
        other = np.cross(line.along, side)
        across = np.arange(-CENTER_MM, CENTER_MM + 0.01, 0.4)
        u, v = (a.ravel() for a in np.meshgrid(across, across, indexing="ij"))
        disc = u**2 + v**2 <= CENTER_MM**2
        offsets = u[disc, None] * side + v[disc, None] * other
        place = np.arange(line.start_mm + 1.0, line.stop_mm - 1.0, PIECE_MM / 4)
        centers = line.middle + place[:, None] * line.along
        values = _sampled(image, (centers[:, None] + offsets).reshape(-1, 3)).reshape(len(place), -1)
        weight = np.clip(values - TISSUE_HU, 0.0, None)
        total = weight.sum(axis=1)
        kept = total > 0.3 * np.median(total)
        moved = (weight[kept] @ offsets) / total[kept, None]
        points = centers[kept] + moved
        new = _Line.of(points)
        near = new.away_mm(points)
        new = _Line.of(points[near <= max(0.3, 2.5 * float(np.median(near)))])
        along = new.along * np.sign(float(new.along @ line.along))
        # The ends stay the metal's own; the tip is looked for later.
        ends = [float((end - new.middle) @ along) for end in line.ends]
        line = _Line(new.middle, along, ends[0], ends[1], new.rms_mm)
    return line


def _needle(image: Image, line: _Line, metal_hu: float) -> FoundNeedle:
    """Which end is the tip, where it ends, and where the shaft passes the skin."""
    one, two = (_end_mm(image, line, sign) for sign in (-1.0, 1.0))
    first, last = line.middle + one * line.along, line.middle + two * line.along
    open_first, open_last = _to_air_mm(image, first, -line.along), _to_air_mm(image, last, line.along)
    tip, outer = (last, first) if open_first <= open_last else (first, last)
    entry = _skin(image, tip, outer)
    return FoundNeedle(_triple(entry), _triple(tip), line.rms_mm)


def _end_mm(image: Image, line: _Line, sign: float) -> float:
    """Where along the line the shaft falls to half its metal for good.

    Metal is summed over the shaft's cross section: between voxels a thin shaft is dim, and its threshold ends too
    early there, but the sum stays.
    """
    end = line.stop_mm if sign > 0 else line.start_mm
    place = end + sign * np.arange(-12.0, BEYOND_MM, SAMPLE_MM)
    values = _along(image, line, place)
    inner = float(np.median(values[:BEHIND]))
    half = 0.5 * inner
    many = round(DARK_MM / SAMPLE_MM)
    is_dark = np.convolve(values < half, np.ones(many), mode="valid") > many - 0.5
    falls = np.flatnonzero((values[1:] < half) & (values[:-1] >= half))
    falls = falls[falls + 1 < len(is_dark)]
    falls = falls[is_dark[falls + 1]]
    if not len(falls):
        return end
    n = int(falls[0])
    # Another needle that crosses just behind the tip would be taken for more of this one.
    other = np.flatnonzero(values[BEHIND:n] > MUCH * inner) + BEHIND
    if len(other) and n - other[-1] <= many:
        steps = np.flatnonzero(np.diff(other) > 1)
        first = int(other[steps[-1] + 1] if len(steps) else other[0])
        return float(place[first - many + int(np.argmin(values[first - many : first]))])
    share = float((values[n] - half) / (values[n] - values[n + 1]))
    return float(place[n] + share * (place[n + 1] - place[n]))


def _along(image: Image, line: _Line, place: FloatArray) -> FloatArray:
    """What of the shaft is brighter than tissue, summed across it, at places along the line."""
    side = unit_vector(np.cross(line.along, np.eye(3)[int(np.argmin(np.abs(line.along)))]))
    other = np.cross(line.along, side)
    across = np.arange(-SHAFT_MM, SHAFT_MM + 0.01, 0.3)
    u, v = (a.ravel() for a in np.meshgrid(across, across, indexing="ij"))
    disc = u**2 + v**2 <= SHAFT_MM**2
    offsets = u[disc, None] * side + v[disc, None] * other
    centers = line.middle + place[:, None] * line.along
    values = _sampled(image, (centers[:, None] + offsets).reshape(-1, 3)).reshape(len(place), -1)
    return np.asarray(np.clip(values - SOFT_HU, 0.0, None).mean(axis=1))


def _to_air_mm(image: Image, end: FloatArray, along: FloatArray) -> float:
    """How far beyond an end the body opens to air, or the scan ends; 0 where the end is in air itself."""
    steps = np.arange(0.0, 400.0, 1.0)
    side = unit_vector(np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))]))
    other = np.cross(along, side)
    beside = 7.0 * np.array([side, -side, other, -other])
    points = (end + steps[:, None] * along)[:, None] + beside
    values = np.median(_sampled(image, points.reshape(-1, 3)).reshape(len(steps), -1), axis=1)
    is_air = np.convolve(values < AIR_HU, np.ones(int(OPEN_MM)), mode="valid") >= OPEN_MM
    return float(steps[int(np.argmax(is_air))]) if is_air.any() else float(steps[-1])


def _skin(image: Image, tip: FloatArray, outer: FloatArray) -> FloatArray:
    """Where the line from the tip outwards leaves the body, no farther than the shaft's outer end."""
    length = float(np.linalg.norm(outer - tip))
    along = (outer - tip) / length
    steps = np.arange(0.0, length, 0.5)
    side = unit_vector(np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))]))
    other = np.cross(along, side)
    beside = 7.0 * np.array([side, -side, other, -other])  # beside the shaft, which is no tissue
    points = (tip + steps[:, None] * along)[:, None] + beside
    values = np.median(_sampled(image, points.reshape(-1, 3)).reshape(len(steps), -1), axis=1)
    tissue = np.flatnonzero(values >= AIR_HU)
    if not len(tissue) or tissue[-1] == len(steps) - 1:
        return outer
    n = int(tissue[-1])
    share = float((values[n] - AIR_HU) / (values[n] - values[n + 1]))
    return np.asarray(tip + (steps[n] + share * 0.5) * along)


def _sampled(image: Image, points: FloatArray) -> FloatArray:
    """Values at points (n, 3), linear in between, air outside the scan."""
    ijk = image.grid.to_ijk(points)
    low = np.clip(np.floor(ijk.min(axis=0)).astype(int) - 1, 0, np.array(image.grid.shape[::-1]) - 1)
    high = np.clip(np.ceil(ijk.max(axis=0)).astype(int) + 2, low + 1, np.array(image.grid.shape[::-1]))
    part: npt.NDArray[Any] = np.asarray(
        image.values[low[2] : high[2], low[1] : high[1], low[0] : high[0]], dtype=np.float32
    )
    return np.asarray(ndi.map_coordinates(part, (ijk - low)[:, ::-1].T, order=1, cval=-1000.0), dtype=float)


def _gap_mm(needle: FoundNeedle, path: tuple[npt.ArrayLike, npt.ArrayLike]) -> float:
    """The larger of how far the needle's tip and its middle lie from a path."""
    start, stop = (np.asarray(p, dtype=float) for p in path)
    along = stop - start
    gaps = []
    middle = (np.array(needle.entry_lps_mm) + np.array(needle.tip_lps_mm)) / 2
    for point in (np.array(needle.tip_lps_mm), middle):
        share = float(np.clip((point - start) @ along / max(float(along @ along), 1e-9), 0.0, 1.0))
        gaps.append(float(np.linalg.norm(point - start - share * along)))
    return max(gaps)


def _triple(point: FloatArray) -> Point:
    x, y, z = (float(v) for v in point)
    return x, y, z
