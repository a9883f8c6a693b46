"""Plans made by the planner: the fewest needle positions with allowed paths that cover a lesion and a margin.

Candidates are zone centres in and around the lesion, each with the best different paths the access
map allows; which of them are taken is a set cover with a proven bound (`covering`).  What is shown of a
plan is the exact margin, never the cover's points.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.compute.margin import MarginReport, PreparedMargin, evaluate_margin
from planner.compute.spheroid import Spheroid
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Point
from planner.planning.access import AccessMap, access_map
from planner.planning.access_choice import AccessEntry, LeastBad, alternatives, entry_of, least_bad
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules, Refusal
from planner.planning.arrays import gap_mm
from planner.planning.covering import Cover, least_cover
from planner.planning.devices import Device
from planner.planning.placing import center_offset_mm, zone_of

#: About so many points stand for the lesion with its margin, and so many zone centres are tried.
POINTS, CENTERS = 900, 34
#: Paths tried to each centre.
PATHS = 4
#: Shafts nearer than this cannot both be placed.
TOUCH_MM = 3.0
#: A zone counts as covering a point that lies this share of the points' distance within it: the least
#: with which the exact margin is reached.
INSET_SHARES = (0.0, 0.15, 0.3, 0.45)
#: The exact margin may fall short of the goal by this.
SHORT_MM = 0.1
#: One zone's centre is looked for with steps from the first to the last of these.
SEARCH_MM = (4.0, 2.0, 1.0, 0.5, 0.25)
#: What a plan may cost beside its number of needles, so that the number always comes first.
PATH_WEIGHT, LIVER_WEIGHT = 0.2, 0.2


@dataclass(frozen=True)
class Goal:
    """What a suggested plan should reach.

    Parameters
    ----------
    lesion
        Name of the lesion.
    margin_mm
        The lesion grown by this, within the liver, is to be covered; 0..15.
    most_needles
        Plans with more are not suggested; 1..12.
    """

    lesion: str
    margin_mm: float = 5.0
    most_needles: int = 6

    def __post_init__(self) -> None:
        if not 0.0 <= self.margin_mm <= 15.0:
            raise InvalidValue("The margin of a goal lies between 0 and 15 mm.", f"{self.margin_mm} mm")
        if not 1 <= self.most_needles <= 12:
            raise InvalidValue("A plan is suggested with 1 to 12 needles.", f"{self.most_needles}")


@dataclass(frozen=True)
class SuggestedNeedles:
    """Needles that reach a goal, with what they are worth.

    Parameters
    ----------
    aim
        What was put first: ``path`` or ``liver``.
    needles
        In the order of the plan.
    entries
        Each needle's entry with its clearances.
    report
        The exact margin.
    cover
        The choice with its bound.
    unreached_percent
        Share of the goal's points that no allowed path reaches.
    """

    aim: str
    needles: tuple[Applicator, ...]
    entries: tuple[AccessEntry, ...]
    report: MarginReport
    cover: Cover
    unreached_percent: float


class NoPath(PlannerError):
    """No entry of the skin is allowed; holds what blocks and what is least bad."""

    def __init__(self, lesion: str, found: LeastBad) -> None:
        blocked = ", ".join(f"{b.rule.words} ({b.any_percent:.0f} % of the skin)" for b in found.blocked[:4])
        super().__init__(
            f"No path to {lesion} is allowed.",
            f"What blocks: {blocked or 'the scan'}",
            "Loosen a rule, part organs with fluid, or take the least bad entry.",
        )
        self.found = found


@dataclass(frozen=True)
class _Candidate:
    needle: Applicator
    entry: AccessEntry
    zone: Spheroid


def suggest_needles(
    ground: AccessGround,
    prepared: PreparedMargin,
    device: Device,
    settings: Mapping[str, float],
    goal: Goal,
    *,
    rules: AccessRules | None = None,
    allow_ex_vivo: bool = False,
    task: Task | None = None,
) -> tuple[SuggestedNeedles, ...]:
    """Plans that cover a lesion and its margin with the fewest needles of one device and setting.

    Deterministic: the same input gives the same plans.

    Parameters
    ----------
    ground
        The case as needles meet it.
    prepared
        The lesion.
    device, settings
        What each needle is, and how it is run.
    goal
        Lesion, margin and the most needles.

    Raises
    ------
    NoPath
        If no entry is allowed, with what blocks and the least bad entries.
    InvalidValue
        If the device has no zone for the settings.
    """
    task = task or Task()
    zone = device.zone(settings, allow_ex_vivo)
    points, gap = goal_points(prepared, goal.margin_mm)
    centers = candidate_centers(prepared, points, 0.5 * min(zone.short_axis_mm, zone.long_axis_mm))
    beyond = center_offset_mm(device, settings)
    candidates: list[_Candidate] = []
    maps: list[AccessMap] = []
    for n, center in enumerate(centers):
        task.report(0.05 + 0.75 * n / len(centers), f"Paths to position {n + 1} of {len(centers)}")
        access = access_map(ground, center, goal.lesion, device.length.value, beyond, rules)
        maps.append(access)
        for entry in alternatives(access, PATHS):
            id = f"c{len(candidates)}"
            needle = Applicator(id, device.name, entry.entry_lps_mm, entry.tip_lps_mm, settings, goal.lesion)
            candidates.append(_Candidate(needle, entry, zone_of(needle, zone)))
    if not candidates:
        raise NoPath(goal.lesion, least_bad(maps[0]))
    for candidate in candidates[:PATHS]:
        task.report(0.8, "Looking for one position that will do")
        center = _best_center(candidate.zone, points)
        access = access_map(ground, center, goal.lesion, device.length.value, beyond, rules)
        near = _nearest_allowed(access, candidate.entry.entry_lps_mm)
        if near is not None:
            id = f"c{len(candidates)}"
            needle = Applicator(id, device.name, near.entry_lps_mm, near.tip_lps_mm, settings, goal.lesion)
            candidates.append(_Candidate(needle, near, zone_of(needle, zone)))
    depth = np.stack([c.zone.signed_distance_mm(points) for c in candidates])
    touching = tuple(
        (a, b)
        for a, b in itertools.combinations(range(len(candidates)), 2)
        if gap_mm(candidates[a].needle, candidates[b].needle) < TOUCH_MM
    )
    found: list[SuggestedNeedles] = []
    for n, aim in enumerate(("path", "liver")):
        for share in INSET_SHARES:
            reaches = depth >= share * gap
            if not reaches.any():
                break
            part = task.part(0.85 + 0.07 * n, 0.92 + 0.07 * n)
            cover = least_cover(reaches, _costs(candidates, reaches, aim), forbidden=touching, task=part)
            each = _suggested(aim, candidates, cover, prepared, len(points))
            if judged_margin_mm(each.report) >= goal.margin_mm - SHORT_MM or share == INSET_SHARES[-1]:
                found.append(each)
                break
    if not found:
        raise InvalidValue(
            "No zone reaches the lesion.", f"{device.title}, {dict(settings)}", "Take a larger zone."
        )
    within = [f for f in found if len(f.needles) <= goal.most_needles]
    if not within:
        least = min(len(f.needles) for f in found)
        raise InvalidValue(
            f"{goal.lesion} needs more needles than are allowed.",
            f"{least} with {device.title}, {zone.long_axis_mm:.0f} x {zone.short_axis_mm:.0f} mm;"
            f" allowed are {goal.most_needles}",
            "Take a larger zone, a smaller margin, or allow more needles.",
        )
    return _distinct(within)


def judged_margin_mm(report: MarginReport) -> float:
    """The minimal margin off the capsule, or over the whole surface where all of it is capsule part."""
    chosen = report.minimal_without_capsule or report.minimal
    return chosen.value_mm


def _best_center(zone: Spheroid, points: FloatArray) -> Point:
    """Where a zone of this shape and direction holds points (n, 3) deepest, by pattern search."""
    center = np.array(zone.center_lps_mm)

    def depth(at: FloatArray) -> float:
        x, y, z = (float(v) for v in at)
        return float(replace(zone, center_lps_mm=(x, y, z)).signed_distance_mm(points).min())

    best = depth(center)
    for step in SEARCH_MM:
        for _ in range(30):
            around = [center + step * s * np.eye(3)[a] for a in range(3) for s in (-1.0, 1.0)]
            depths = [depth(a) for a in around]
            n = int(np.argmax(depths))
            if depths[n] <= best:
                break
            best, center = depths[n], around[n]
    x, y, z = (float(v) for v in center)
    return x, y, z


def _nearest_allowed(access: AccessMap, entry_lps_mm: Point) -> AccessEntry | None:
    """The allowed entry nearest to a point of the skin, or None."""
    allowed = np.flatnonzero(access.is_allowed)
    if not len(allowed):
        return None
    away = np.linalg.norm(access.points_lps_mm[allowed] - np.array(entry_lps_mm), axis=1)
    return entry_of(access, int(allowed[int(np.argmin(away))]))


def goal_points(prepared: PreparedMargin, margin_mm: float) -> tuple[FloatArray, float]:
    """Points (n, 3) that stand for a lesion grown by a margin within the liver, and their distance.

    Some lie on the grown surface itself, which a cover must not miss, the others on a lattice within.
    """
    samples = prepared.outline.samples
    points, normals = samples.points_lps_mm, samples.normals_lps
    volume_mm3 = 1000.0 * prepared.lesion_volume_ml + margin_mm * samples.total_area_mm2
    step = float(np.clip((volume_mm3 / POINTS) ** (1 / 3), 1.0, 5.0))
    low, high = points.min(axis=0) - margin_mm, points.max(axis=0) + margin_mm
    axes = [np.arange(a + 0.5 * step, b + 0.5 * step, step) for a, b in zip(low, high, strict=True)]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    distance, nearest = cKDTree(points).query(lattice)
    outside = np.einsum("ij,ij->i", lattice - points[nearest], normals[nearest]) > 0
    inner = lattice[~outside | (distance <= margin_mm)]
    shell = points + margin_mm * normals
    stride = max(1, len(shell) // (POINTS // 3))
    gap, _ = cKDTree(points).query(shell)
    shell = shell[gap >= margin_mm - 1e-6 - 0.02 * margin_mm][::stride]
    found = np.vstack([inner, shell, points[::stride]])
    if prepared.liver is not None:
        from_lesion, foot = cKDTree(points).query(found)
        beyond = np.einsum("ij,ij->i", found - points[foot], normals[foot]) > 0.01
        is_liver = prepared.liver.share_at(found) >= 0.5
        found = found[~beyond | is_liver | (from_lesion < 0.5)]
    return np.ascontiguousarray(found), step


def candidate_centers(prepared: PreparedMargin, points: FloatArray, radius_mm: float) -> list[Point]:
    """Zone centres to try: the lesion's own centre first, then places spread over it and its margin.

    Places so deep outside that a zone there would leave the far side bare by far are not tried: a
    centre lies within the goal.
    """
    middle = prepared.outline.samples.points_lps_mm.mean(axis=0)
    chosen = [middle]
    size = float(np.linalg.norm(points - middle, axis=1).max())
    if size <= radius_mm * 0.9:
        extra = 12  # one zone may do: look for it closely around the middle
        near = points[np.argsort(np.linalg.norm(points - middle, axis=1))][: max(1, len(points) // 4)]
    else:
        extra, near = CENTERS - 1, points
    gap = np.linalg.norm(near - middle, axis=1)
    for _ in range(min(extra, len(near) - 1)):  # farthest point next: spread evenly, and no chance in it
        n = int(np.argmax(gap))
        if gap[n] < 2.0:
            break
        chosen.append(near[n])
        gap = np.minimum(gap, np.linalg.norm(near - near[n], axis=1))
    return [(float(x), float(y), float(z)) for x, y, z in chosen]


def _costs(candidates: Sequence[_Candidate], reaches: npt.NDArray[np.bool_], aim: str) -> FloatArray:
    """One for each needle, and less than a half for what makes one better than another."""
    path = np.array([c.entry.cost for c in candidates])
    wasted = 1.0 - reaches.sum(axis=1) / max(1, reaches.sum(axis=1).max())
    weights = (PATH_WEIGHT, 0.02) if aim == "path" else (0.05, LIVER_WEIGHT)
    return np.asarray(1.0 + weights[0] * path + weights[1] * wasted)


def _suggested(
    aim: str, candidates: Sequence[_Candidate], cover: Cover, prepared: PreparedMargin, points: int
) -> SuggestedNeedles:
    chosen = [candidates[n] for n in cover.chosen]
    report = evaluate_margin(prepared, [c.zone for c in chosen])
    return SuggestedNeedles(
        aim,
        tuple(c.needle for c in chosen),
        tuple(c.entry for c in chosen),
        report,
        cover,
        100.0 * len(cover.uncovered) / points,
    )


def _distinct(found: Sequence[SuggestedNeedles]) -> tuple[SuggestedNeedles, ...]:
    seen: set[tuple[int, ...]] = set()
    kept = []
    for each in found:
        if each.cover.chosen not in seen:
            seen.add(each.cover.chosen)
            kept.append(each)
    return tuple(kept)


def worst_refusals(entries: Sequence[AccessEntry]) -> tuple[Refusal, ...]:
    """Rules any of the entries breaks; empty for suggested ones, by construction."""
    return tuple(sorted({r for e in entries for r in e.broken}))
