"""Focused ultrasound: where foci go, what they treat together, and what the beam meets on its way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.base.errors import InvalidValue
from planner.compute.lesion_outline import LesionOutline
from planner.compute.lesion_surface import nearest_points
from planner.compute.spheroid import Spheroid, pack
from planner.compute.zone_curves import SAMPLE
from planner.compute.zone_union import ZoneUnion
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray, unit_vector
from planner.model.plan import FocusGrid, Point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.access import AccessMap
from planner.planning.access_rules import Hazard, Refusal
from planner.planning.anatomy import EXPECTED
from planner.planning.constants import Constant
from planner.planning.devices import Device, DeviceZone
from planner.planning.tissues import SOUND_ATTENUATION

#: Edge of the body-centred cubic lattice whose unit balls just cover space: 4 / sqrt 5.  No lattice
#: covers space with fewer (Bambah, On lattice coverings by spheres, 1954).
COVERING_EDGE = 4.0 / math.sqrt(5.0)
#: How much nearer foci lie than they must to cover.
OVERLAP = Constant(0.1, "1", "neighbouring foci overlap a tenth more than they must", Confidence.OUR_RULE)
#: More foci than this take hours.
MOST_FOCI = 1500
#: The goal is sampled so often along each axis of a focus's zone.
GOAL_SAMPLES = 8
MOST_GOAL_POINTS = 4_000_000
#: Samples along a ray are so far apart; rays run from no more points of the window to no more foci.
RAY_STEP_MM = 1.0
WINDOW_POINTS, FOCUS_POINTS = 48, 64
#: Structures that hold gas, which sound does not pass.
GAS_ROLES = (Role.LUNG, Role.BOWEL, Role.DUODENUM, Role.STOMACH)
#: A window's rays pass bone, and lung and organs, at this distance or more.
WINDOW_CLEARANCE = Constant(
    3.0, "mm", "rays of a proposed window pass bone and gas so far", Confidence.OUR_RULE
)

_D = Confidence.OUR_RULE
#: What a transducer's file does not say.
TRANSDUCER: Mapping[str, Constant] = {
    name: Constant(value, unit, "generic transducer, no published value", _D)
    for name, value, unit in (
        ("focus_width", 1.5, "mm"), ("focus_length", 9.0, "mm"), ("frequency", 1.2, "MHz"),
        ("steering_across", 20.0, "mm"), ("steering_along", 30.0, "mm"), ("window_radius", 50.0, "mm"),
        ("max_power", 300.0, "W"), ("pause", 30.0, "s"),
    )
}  # fmt: skip

#: Nearest zones that a point is measured to, and nearest places on creases.
_NEIGHBOURS, _CREASE_NEIGHBOURS = 12, 4
#: Places on each circle in which two zones meet.
_TURNS = 64
#: Halvings with which the end of a crease is found.
_BISECTIONS = 5
#: A point so little within another zone still lies on the boundary (of a unit ball).
_WITHIN = 1.0 - 1e-6


def transducer_value(device: Device, name: str) -> Constant:
    """What a transducer says of itself, else the generic value; raises `InvalidValue` for a needle."""
    if device.is_needle:
        raise InvalidValue(
            "This device is a needle and focuses no sound.",
            device.title,
            "Choose a focused ultrasound device.",
        )
    return device.emitter.get(name, TRANSDUCER[name])


def grid_zones(grid: FocusGrid, zone: DeviceZone) -> tuple[Spheroid, ...]:
    """The zone of each focus: equal ellipsoids of revolution along the beam, in the grid's order."""
    return _zones(grid.foci_lps_mm, _point(grid.direction), zone.long_axis_mm, zone.short_axis_mm)


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


@lru_cache(maxsize=8)
def _zones(foci: tuple[Point, ...], axis: Point, long_mm: float, short_mm: float) -> tuple[Spheroid, ...]:
    return tuple(Spheroid(p, axis, long_mm, short_mm) for p in foci)


def beam_frame(direction_lps: npt.ArrayLike) -> FloatArray:
    """Two directions across a beam and the beam's own, as columns (3, 3)."""
    along = unit_vector(direction_lps)
    across = unit_vector(np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))]))
    return np.stack([across, np.cross(along, across), along], axis=1)


# filling ---------------------------------------------------------------------------------------


def goal_points(
    outline: LesionOutline,
    margin_mm: float,
    direction_lps: npt.ArrayLike,
    zone: DeviceZone,
    structures: StructureSet | None = None,
) -> FloatArray:
    """Points of a lesion grown by a margin, within the liver where one is segmented; shape (n, 3).

    Parameters
    ----------
    outline
        The lesion's outline.
    margin_mm
        What is treated beyond it.
    direction_lps, zone
        Beam and zone of a focus, which tell how finely the goal must be sampled.
    structures
        Where the liver is looked up.

    Raises
    ------
    InvalidValue
        If the margin is negative, or the goal too large to be filled with foci.
    """
    if not (math.isfinite(margin_mm) and 0.0 <= margin_mm <= 30.0):
        raise InvalidValue("A margin lies between 0 and 30 mm.", f"{margin_mm} mm")
    frame = beam_frame(direction_lps)
    step = np.array([zone.short_axis_mm, zone.short_axis_mm, zone.long_axis_mm]) / GOAL_SAMPLES
    samples = outline.samples.points_lps_mm
    local = samples @ frame
    low, high = local.min(axis=0) - margin_mm, local.max(axis=0) + margin_mm
    counts = np.ceil((high - low) / step).astype(int) + 1
    if int(np.prod(counts)) > MOST_GOAL_POINTS:
        raise InvalidValue(
            "The lesion is too large to be filled with foci.",
            f"{' x '.join(f'{v:.0f}' for v in high - low)} mm",
            "Choose a smaller margin, or treat it with needles.",
        )
    axes = [a + s * np.arange(n) for a, s, n in zip(low, step, counts, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) @ frame.T
    ijk = np.rint(outline.lattice.to_ijk(points)).astype(int)
    on = np.all((ijk >= 0) & (ijk < np.array(outline.lattice.shape[::-1])), axis=1)
    within = np.zeros(len(points), dtype=bool)
    within[on] = outline.level[tuple(ijk[on].T[::-1])] > 0
    gap, _ = nearest_points(points, samples, margin_mm + 1e-6)
    chosen = points[within | np.isfinite(gap)]
    livers = [] if structures is None else [s.name for s in structures.with_role(Role.LIVER)]
    if structures is None or not any(not structures.box(n).is_empty for n in livers):
        return np.asarray(chosen)
    tissue = [*livers, *(s.name for s in structures.with_role(Role.LESION))]
    kept = _within(structures, tissue, chosen)
    return np.asarray(chosen[kept] if kept.any() else chosen)


def filled_grid(
    id: str,
    device: Device,
    settings: Mapping[str, float],
    goal_lps_mm: FloatArray,
    window_lps_mm: Sequence[Point],
    lesion: str = "",
    overlap: float = OVERLAP.value,
    allow_ex_vivo: bool = False,
) -> FocusGrid:
    """A grid of foci whose zones together hold every point of a goal, the deepest layer first.

    The foci are the sites of a body-centred cubic lattice, stretched as a focus's zone is, that are
    nearest to any point of the goal.

    Parameters
    ----------
    goal_lps_mm
        Points to be treated, shape (n, 3); see `goal_points`.
    window_lps_mm
        Where the beam enters; it gives the foci their direction.
    overlap
        How much nearer foci lie than they must, 0 to 0.5.

    Raises
    ------
    InvalidValue
        If there is no goal, the overlap is out of range, or there would be too many foci.
    """
    if not len(goal_lps_mm):
        raise InvalidValue("There is nothing to fill with foci.", lesion or id, "Choose a lesion.")
    if not 0.0 <= overlap <= 0.5:
        raise InvalidValue("Foci overlap by 0 to 50 %.", f"{100 * overlap:g} %")
    zone = device.zone(settings, allow_ex_vivo)
    middle = goal_lps_mm.mean(axis=0)
    draft = FocusGrid(id, device.name, (_point(middle),), tuple(window_lps_mm), settings, lesion)
    # The beam runs to the middle of the foci, which is known only when they are: hence twice.
    for _ in range(2):
        foci = _covering(goal_lps_mm, draft.direction, zone, overlap)
        if len(foci) > MOST_FOCI:
            raise InvalidValue(
                "There would be too many foci.",
                f"{len(foci)} foci in {lesion or id}",
                f"Choose a smaller margin or overlap, or needles; at most {MOST_FOCI} foci.",
            )
        draft = replace(draft, foci_lps_mm=tuple(_point(p) for p in foci))
    return draft


def _covering(goal_lps_mm: FloatArray, direction: FloatArray, zone: DeviceZone, overlap: float) -> FloatArray:
    """Foci along a beam that hold a goal, the deepest layer first; shape (n, 3)."""
    frame, middle = beam_frame(direction), goal_lps_mm.mean(axis=0)
    radii = 0.5 * np.array([zone.short_axis_mm, zone.short_axis_mm, zone.long_axis_mm])
    edges = (1.0 - overlap) * COVERING_EDGE * radii
    scaled = (goal_lps_mm - middle) @ frame / edges
    shifts = (np.zeros(3), np.array([0.0, 0.0, 0.5]), np.array([0.25, 0.25, 0.0]), np.array([0.5, 0.0, 0.25]))
    sites = min((_nearest_sites(scaled + s) - s for s in shifts), key=len)
    # Sound is scattered by what was heated: what lies behind goes first.
    sites = sites[np.lexsort((sites[:, 0], sites[:, 1], -np.round(sites[:, 2], 3)))]
    return np.asarray(middle + (sites * edges) @ frame.T)


def _nearest_sites(points: FloatArray) -> FloatArray:
    """Sites of the body-centred cubic lattice of edge 1 that are nearest to any point (n, 3)."""
    corner, body = np.rint(points), np.floor(points) + 0.5
    is_body = ((points - body) ** 2).sum(axis=1) < ((points - corner) ** 2).sum(axis=1)
    doubled = np.where(is_body[:, None], 2.0 * body, 2.0 * corner).astype(np.int64)
    return np.asarray(np.unique(doubled, axis=0) / 2.0)


# the beam --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BeamReport:
    """What the rays from a window to the foci meet.

    Parameters
    ----------
    rays
        How many were followed, the outermost foci among them.
    bone_percent, gas_percent, blocked_percent
        Share of the rays that meet bone, gas, or either.
    bone, gas
        A structure that is met and a place on it; None without.
    unscanned_percent
        Share of the rays that leave the scan.
    deepest_mm, shallowest_mm
        From the window's middle to the farthest focus, and from the skin to the nearest.
    span_across_mm, span_along_mm
        How far the foci reach from their middle, across and along the beam.
    unchecked
        Bone and gas that is not segmented and may lie in the beam unseen, in words.
    """

    rays: int
    bone_percent: float
    gas_percent: float
    blocked_percent: float
    bone: tuple[str, Point] | None
    gas: tuple[str, Point] | None
    unscanned_percent: float
    deepest_mm: float
    shallowest_mm: float
    span_across_mm: float
    span_along_mm: float
    unchecked: tuple[str, ...] = ()


@lru_cache(maxsize=4)
def judge_beam(structures: StructureSet, grid: FocusGrid) -> BeamReport:
    """Follow rays from the points of a window to the foci; of many points those farthest apart."""
    foci = np.array(grid.foci_lps_mm)
    window = np.array(grid.window_lps_mm if grid.has_window else [grid.window_middle_lps_mm])
    local = (foci - np.array(grid.middle_lps_mm)) @ beam_frame(grid.direction)
    to_middle = np.linalg.norm(foci - np.array(grid.window_middle_lps_mm), axis=1)
    nearest, _ = cKDTree(window).query(foci)
    rows, foci = _spread_out(window, WINDOW_POINTS), _spread_out(foci, FOCUS_POINTS)
    names = [
        [s.name for s in structures.with_role(*roles) if not structures.box(s.name).is_empty]
        for roles in ((Role.BONE,), GAS_ROLES)
    ]
    meets = np.zeros((2, len(rows), len(foci)), dtype=bool)
    leaves = np.zeros((len(rows), len(foci)), dtype=bool)
    first: list[tuple[str, Point] | None] = [None, None]
    for row, start in enumerate(rows):
        steps = max(2, math.ceil(float(np.linalg.norm(foci - start, axis=1).max()) / RAY_STEP_MM))
        share = ((np.arange(steps) + 0.5) / steps)[None, :, None]
        points = (start + share * (foci - start)[:, None]).reshape(-1, 3)
        leaves[row] = (~structures.grid.contains(points)).reshape(len(foci), steps).any(axis=1)
        for kind, group in enumerate(names):
            for name in group:
                hit = _within(structures, [name], points)
                if hit.any():
                    meets[kind, row] |= hit.reshape(len(foci), steps).any(axis=1)
                    first[kind] = first[kind] or (name, _point(points[int(np.argmax(hit))]))
    return BeamReport(
        meets[0].size,
        100.0 * float(meets[0].mean()),
        100.0 * float(meets[1].mean()),
        100.0 * float(meets.any(axis=0).mean()),
        first[0],
        first[1],
        100.0 * float(leaves.mean()),
        float(to_middle.max()),
        float(np.min(nearest)),
        float(np.linalg.norm(local[:, :2], axis=1).max()),
        float(np.abs(local[:, 2]).max()),
        unchecked_obstacles(structures),
    )


def unchecked_obstacles(structures: StructureSet) -> tuple[str, ...]:
    """Bone and organs with gas that are not segmented, in words."""
    present = {s.role for s in structures.structures if not structures.box(s.name).is_empty}
    return tuple(t for role, t in EXPECTED if role in (Role.BONE, *GAS_ROLES) and role not in present)


def transducer_power_w(
    power_w: float, depth_mm: float, frequency_mhz: float, blocked_percent: float
) -> float:
    """Acoustic power a transducer must give for a power at the focus.

    I = I_water exp(-2 alpha f d) (reference sheet A5), and what is blocked does not arrive.
    """
    through = math.exp(-2.0 * SOUND_ATTENUATION.value * frequency_mhz * 1e-3 * depth_mm)
    return power_w / (through * max(1e-6, 1.0 - 0.01 * blocked_percent))


def usable_window(access: AccessMap, radius_mm: float, deepest_mm: float) -> tuple[Point, ...]:
    """The patch of skin through which a target is seen best: points whose rays pass bone and gas.

    Of all patches of a radius that whose open skin, over the square of its distance, is largest.

    Parameters
    ----------
    access
        The map of the lesion's middle.
    radius_mm
        Of the beam at the skin.
    deepest_mm
        The farthest focus the transducer reaches.

    Raises
    ------
    InvalidValue
        If no part of the skin sees the target.
    """
    clearance = np.nan_to_num(access.clearance_mm, nan=np.inf)
    outside = np.uint16(Refusal.NOT_STRAIGHT.bit | Refusal.UNSCANNED.bit | Refusal.TABLE.bit)
    is_open = (access.broken & outside) == 0
    for hazard in (Hazard.BONE, Hazard.ORGAN, Hazard.LUNG):
        is_open &= clearance[:, hazard] >= WINDOW_CLEARANCE.value
    is_open &= access.length_mm <= deepest_mm
    seen = np.flatnonzero(is_open)
    if len(seen) < 3:
        raise InvalidValue(
            "No part of the skin sees the lesion past bone and gas.",
            access.lesion,
            "Change the position of the patient, or treat it with a needle.",
        )
    points = access.points_lps_mm[seen].astype(float)
    worth = access.areas_mm2[seen].astype(float) / access.length_mm[seen].astype(float) ** 2
    tree = cKDTree(points)
    middles = points[:: max(1, len(points) // 600)]
    patches = tree.query_ball_point(middles, radius_mm, return_sorted=True)
    best = max(patches, key=lambda patch: float(worth[patch].sum()))
    return tuple(_point(p) for p in _spread_out(points[best], WINDOW_POINTS))


def _spread_out(points: FloatArray, count: int) -> FloatArray:
    """At most so many of the points, the middle one first, each the farthest from those before it."""
    chosen = [int(np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    gap = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        gap = np.minimum(gap, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(gap)))
    return np.asarray(points[chosen])


def _within(structures: StructureSet, names: Sequence[str], points: FloatArray) -> npt.NDArray[np.bool_]:
    """Which points (n, 3) lie in any of these structures."""
    ijk = np.rint(structures.grid.to_ijk(points)).astype(np.int32)
    scanned = np.all((ijk >= 0) & (ijk < np.array(structures.grid.shape[::-1])), axis=1)
    inside = np.zeros(len(points), dtype=bool)
    i, j, k = ijk[scanned].T
    for name in names:
        structure = structures[name]
        inside[scanned] |= structures.layers[structure.layer][k, j, i] == structure.label
    return inside


def _point(values: npt.NDArray[np.float64]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
