"""Plans made by the planner: the fewest needle positions with allowed paths that cover a lesion and a margin.

Candidates are zone centres in and around the lesion, each with the best different paths the access
map allows; which of them are taken is a set cover with a proven bound (`covering`).  What is shown of a
plan is the exact margin, never the cover's points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.compute.in_threads import in_threads
from planner.compute.margin import MarginReport, PreparedMargin, evaluate_margin
from planner.compute.spheroid import Spheroid, pack
from planner.compute.zone_spreading import deepest_center
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Point
from planner.planning.access import AccessMap, access_map
from planner.planning.access_choice import (
    AccessEntry,
    LeastBad,
    alternatives,
    crosses_exactly,
    entry_of,
    least_bad,
)
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.covering import Cover, NeedsMore, greedy_cover, least_cover
from planner.planning.devices import Device, DeviceZone
from planner.planning.goal_points import candidate_centers, goal_points
from planner.planning.needle_gaps import touching_pairs
from planner.planning.placing import center_offset_mm, zone_of
from planner.planning.spread_positions import least_count, patterns, spread

#: Entries are so far apart; windows between ribs are wider.
ENTRIES_MM = 6.0
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
#: At most so many moves with one step.
SEARCH_ROUNDS = 30
#: What is put first among plans with equally few needles.
AIMS = ("path", "liver", "short")
#: As many positions are looked for between the tried ones.
MOST_SPREAD = 6
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
        What was put first: one of `AIMS`.
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
    # Many maps are made: entries some millimetres apart tell the ways there are.
    ground = ground.thinned(ENTRIES_MM)
    search = _Search(ground, device, settings, goal, rules, zone, beyond)
    candidates: list[_Candidate] = []
    for n, entries in enumerate(in_threads(lambda c: alternatives(search.map_of(c), PATHS), centers, task)):
        task.report(0.05 + 0.65 * n / len(centers), f"Paths to position {n + 1} of {len(centers)}")
        for entry in entries:
            candidates.append(search.candidate(entry, len(candidates)))
    if not candidates:
        raise search.no_path(centers[0])
    for candidate in candidates[:PATHS]:
        task.report(0.7, "Looking for one position that will do")
        center = _best_center(candidate.zone, points)
        candidates += search.near(center, candidate.entry.entry_lps_mm, len(candidates))
    candidates += _spread(search, candidates, points, gap, task.part(0.72, 0.85))
    depth = np.stack([c.zone.signed_distance_mm(points) for c in candidates])
    touching = touching_pairs([c.needle for c in candidates], TOUCH_MM)
    found: list[SuggestedNeedles] = []
    for n, aim in enumerate(AIMS):
        part = task.part(0.85 + 0.05 * n, 0.9 + 0.05 * n)
        for share in INSET_SHARES:
            reaches = depth >= share * gap
            if not reaches.any():
                break
            try:
                cover = _sound_cover(search, candidates, reaches, aim, touching, part)
            except NeedsMore as error:
                if not found:  # then no other aim and no deeper cover does with fewer
                    raise _too_many(goal, device, zone, error) from None
                break
            each = _suggested(aim, candidates, cover, prepared, len(points))
            if judged_margin_mm(each.report) >= goal.margin_mm - SHORT_MM or share == INSET_SHARES[-1]:
                found.append(each)
                break
    if not found:
        raise InvalidValue(
            "No zone reaches the lesion.", f"{device.title}, {dict(settings)}", "Take a larger zone."
        )
    return _distinct(found)


def _sound_cover(
    search: _Search,
    candidates: Sequence[_Candidate],
    reaches: npt.NDArray[np.bool_],
    aim: str,
    touching: tuple[tuple[int, int], ...],
    task: Task,
) -> Cover:
    """The least cover; what crosses a structure by the exact judgement is found out and left out.

    ``reaches`` loses the candidates that are left out.
    """
    rules, anatomy, device = search.rules or AccessRules(), search.ground.anatomy, search.device
    while True:
        costs, most = _costs(candidates, reaches, aim), search.goal.most_needles
        cover = least_cover(reaches, costs, forbidden=touching, most=most, task=task)
        wrong = [n for n in cover.chosen if crosses_exactly(anatomy, candidates[n].needle, rules, device)]
        if not wrong:
            return cover
        reaches[wrong] = False
        if not reaches.any():
            raise search.no_path(candidates[0].zone.center_lps_mm)


def _too_many(goal: Goal, device: Device, zone: DeviceZone, error: NeedsMore) -> InvalidValue:
    return InvalidValue(
        f"{goal.lesion} needs more needles than are allowed.",
        f"{error.words}, with {device.title}, {zone.long_axis_mm:.0f} x {zone.short_axis_mm:.0f} mm",
        "Take a larger zone, a smaller margin, or allow more needles.",
    )


@dataclass(frozen=True)
class _Search:
    """Needles of one device to positions that are looked for one at a time."""

    ground: AccessGround
    device: Device
    settings: Mapping[str, float]
    goal: Goal
    rules: AccessRules | None
    zone: DeviceZone
    beyond_mm: float

    def near(self, center: Point, entry_lps_mm: Point, number: int) -> list[_Candidate]:
        """The needle to a position from the allowed entry nearest to another; none where none is allowed."""
        found = _nearest_allowed(self.map_of(center), entry_lps_mm)
        return [] if found is None else [self.candidate(found, number)]

    def map_of(self, center: Point) -> AccessMap:
        """The access map of a position, of its allowed entries."""
        return self._map_of(center, only_allowed=True)

    def no_path(self, center: Point) -> NoPath:
        """That no entry to a position is allowed, and why."""
        return NoPath(self.goal.lesion, least_bad(self._map_of(center, only_allowed=False)))

    def _map_of(self, center: Point, only_allowed: bool) -> AccessMap:
        length, lesion = self.device.length.value, self.goal.lesion
        return access_map(
            self.ground, center, lesion, length, self.beyond_mm, self.rules, only_allowed=only_allowed
        )

    def candidate(self, entry: AccessEntry, number: int) -> _Candidate:
        """The needle from an entry."""
        needle = Applicator(
            f"c{number}",
            self.device.name,
            entry.entry_lps_mm,
            entry.tip_lps_mm,
            self.settings,
            self.goal.lesion,
        )
        return _Candidate(needle, entry, zone_of(needle, self.zone))


def _spread(
    search: _Search, candidates: Sequence[_Candidate], points: FloatArray, gap: float, task: Task
) -> list[_Candidate]:
    """Positions between the tried ones that cover the points with fewer needles than those can.

    Each zone keeps the direction of the tried candidate next to it while they are spread; then each
    gets the allowed entries of its own place.
    """
    depth = np.stack([c.zone.signed_distance_mm(points) for c in candidates])
    known = len(greedy_cover(depth >= 0, np.ones(len(candidates))))
    if (depth >= 0).any(axis=0).all() and known == 1:
        return []
    middles = np.array([c.zone.center_lps_mm for c in candidates])
    share = float((depth.max(axis=0) >= 0).mean())
    first = max(2, least_count(candidates[0].zone, gap**3 * len(points) * 0.5 * share))
    for count in range(first, min(known + 1, MOST_SPREAD, search.goal.most_needles) + 1):
        best: tuple[float, tuple[Spheroid, ...]] | None = None
        for n, start in enumerate(patterns(candidates[0].zone, points, count)):
            task.report(
                (count - first + 0.2 * n) / (MOST_SPREAD - first + 1), f"Looking for {count} positions"
            )
            turned = tuple(_turned_as(z, candidates, middles) for z in start)
            held = spread(turned, points, task)
            worth = float(np.stack([z.signed_distance_mm(points) for z in held]).max(axis=0).min())
            if best is None or worth > best[0]:
                best = (worth, held)
        if best is None or best[0] < 0:
            continue
        found: list[_Candidate] = []
        for zone in best[1]:
            access = search.map_of(zone.center_lps_mm)
            near = min(candidates, key=lambda c: _gap(c.zone, zone))
            entries = [_nearest_allowed(access, near.entry.entry_lps_mm), *alternatives(access, PATHS)]
            found += [
                search.candidate(e, len(candidates) + len(found) + k)
                for k, e in enumerate(e for e in entries if e is not None)
            ]
        return found
    return []


def _turned_as(zone: Spheroid, candidates: Sequence[_Candidate], middles: FloatArray) -> Spheroid:
    """A zone along the needle of the candidate next to it."""
    nearest = int(np.argmin(np.linalg.norm(middles - np.array(zone.center_lps_mm), axis=1)))
    return replace(zone, axis_lps=candidates[nearest].zone.axis_lps)


def _gap(one: Spheroid, other: Spheroid) -> float:
    return float(np.linalg.norm(np.array(one.center_lps_mm) - np.array(other.center_lps_mm)))


def judged_margin_mm(report: MarginReport) -> float:
    """The minimal margin off the capsule, or over the whole surface where all of it is capsule part."""
    chosen = report.minimal_without_capsule or report.minimal
    return chosen.value_mm


def _best_center(zone: Spheroid, points: FloatArray) -> Point:
    """Where a zone of this shape and direction holds points (n, 3) deepest, by pattern search."""
    packed = pack([zone])[0]
    deepest_center(points, packed, np.array(SEARCH_MM), SEARCH_ROUNDS)
    x, y, z = (float(v) for v in packed[:3])
    return x, y, z


def _nearest_allowed(access: AccessMap, entry_lps_mm: Point) -> AccessEntry | None:
    """The allowed entry nearest to a point of the skin, or None."""
    allowed = np.flatnonzero(access.is_allowed)
    if not len(allowed):
        return None
    away = np.linalg.norm(access.points_lps_mm[allowed] - np.array(entry_lps_mm), axis=1)
    return entry_of(access, int(allowed[int(np.argmin(away))]))


def _costs(candidates: Sequence[_Candidate], reaches: npt.NDArray[np.bool_], aim: str) -> FloatArray:
    """One for each needle, and less than a half for what makes one better than another."""
    path = np.array([c.entry.cost for c in candidates])
    wasted = 1.0 - reaches.sum(axis=1) / max(1, reaches.sum(axis=1).max())
    length = np.array([c.entry.length_mm for c in candidates])
    if aim == "short":
        path = length / length.max()
    weights = (0.05, LIVER_WEIGHT) if aim == "liver" else (PATH_WEIGHT, 0.02)
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
