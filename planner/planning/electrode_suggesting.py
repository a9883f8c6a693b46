"""Arrays made by the planner: electrodes with free, nearly parallel paths that cover a lesion and a margin.

Directions are the best different entries of the access map; places, depth, bare parts, pull-backs and
voltages are looked for by the closed form, and put right by the solved field where it is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planner.base.task import Task
from planner.compute.conductivity import FieldLaw
from planner.model.electrode_array import ElectrodeArray
from planner.model.geometry import FloatArray
from planner.model.points import as_point
from planner.planning.access import AccessMap, access_map
from planner.planning.access_choice import AccessEntry, alternatives, least_bad
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.devices import Device
from planner.planning.electrode_arrays import numbered
from planner.planning.electrode_corridors import PathJudge, corridor
from planner.planning.electrode_goal import ElectrodeGoal
from planner.planning.electrode_robustness import CoveragePoints, all_positions
from planner.planning.electrode_search import ElectrodeSearch, Layout
from planner.planning.suggested_arrays import OTHER_AIM, Coverages, SuggestedArray, rank, worth_showing
from planner.planning.suggesting import NoPath

#: Directions looked at; layouts taken further for each number of electrodes, and of one direction.
DIRECTIONS, LAYOUTS_A_COUNT, LAYOUTS_A_DIRECTION = 6, 5, 2
#: The lowest field at which liver is taken to die.
LOWEST_V_PER_CM = 500.0
#: Tips lie about so far past the lesion, and needles at most so far beside it.
PAST_MM, BESIDE_MM = 2.5, 7.0
#: So many points stand for the lesion while looking, and where a field is judged.
SEARCH_POINTS, JUDGED_POINTS = 260, 900
#: How often an array is put right by its solved field.
CORRECTIONS = 2
#: The solved field is at most so many times the closed form's at a point, or so small a part of it.
MOST_GAIN = 2.5
#: Times a layout is moved where one of its needles crosses something by the exact structures.
PLACINGS = 5


@dataclass(frozen=True, eq=False)
class SolvedField:
    """The field of an array, solved.

    Parameters
    ----------
    field_v_per_cm
        At the points asked for, (n,).
    largest_current_a
        Of any pair.
    words
        How it was solved, such as ``full field, 2 mm voxels``.
    """

    field_v_per_cm: FloatArray
    largest_current_a: float
    words: str


#: Solves the field of an array at points (n, 3).
Verify = Callable[[ElectrodeArray, FloatArray, Task], SolvedField]


def suggest_arrays(
    ground: AccessGround,
    points: CoveragePoints,
    device: Device,
    goal: ElectrodeGoal,
    law: float | FieldLaw,
    *,
    rules: AccessRules | None = None,
    verify: Verify | None = None,
    task: Task | None = None,
) -> tuple[SuggestedArray, ...]:
    """Arrays that cover a lesion and its margin, best first; the same input gives the same arrays.

    Parameters
    ----------
    ground
        The case as needles meet it.
    points
        The lesion with its margin.
    device
        The electrode.
    goal
        Lesion and rules.
    law
        Conductivity of the liver in S/m, or how it rises with the field.
    rules
        Of paths.
    verify
        Solves a field; arrays are put right by it at most `CORRECTIONS` times.  Without it they are
        estimated by the closed form alone.

    Raises
    ------
    NoPath
        If no entry, or no two nearly parallel ones, are allowed.
    InvalidValue
        If a number of the goal is impossible.
    Cancelled
        When the task was cancelled.
    """
    task = task or Task()
    run = _Run(ground, points, device, goal, law, rules or AccessRules())
    searches = run.directions(task.part(0.0, 0.25))
    made = run.candidates(searches, task.part(0.25, 0.6 if verify else 1.0))
    if not made:
        raise NoPath(goal.lesion, least_bad(run.access))
    chosen = [made[n] for n, _ in worth_showing([c.found for c in made])]
    if verify is not None:
        part = task.part(0.6, 1.0)
        chosen = [
            run.corrected(c, verify, part.part(n / len(chosen), (n + 1) / len(chosen)))
            for n, c in enumerate(chosen)
        ]
    task.report(1.0, "Done")
    named = _named([run.numbered(c.found) for c in chosen])
    return tuple(sorted(named, key=lambda f: (f.largest_current_a > goal.most_current_a, *rank(f))))


#: A layout before it is refined: number of electrodes, score, number of the direction, its search.
_Rough = tuple[int, float, int, ElectrodeSearch, Layout]


def _so_far(before: Sequence[_Rough], one: _Rough) -> int:
    """How many of the better ones are of the same direction."""
    return sum(r[2] == one[2] for r in before)


def _named(found: list[SuggestedArray]) -> list[SuggestedArray]:
    """The arrays with what speaks for each as they are now: a solved field may change who is best."""
    for n, aim in worth_showing(found):
        found[n] = replace(found[n], aim=aim)
    return found


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A suggested array with the search it came from, so that it can be put right."""

    found: SuggestedArray
    search: ElectrodeSearch
    layout: Layout


@dataclass(eq=False)
class _Run:
    """What one call of `suggest_arrays` works on."""

    ground: AccessGround
    points: CoveragePoints
    device: Device
    goal: ElectrodeGoal
    law: float | FieldLaw
    rules: AccessRules
    access: AccessMap = field(init=False)

    def __post_init__(self) -> None:
        self.judged = self.points.thinned(JUDGED_POINTS)
        step = max(1, len(self.judged.points_lps_mm) // SEARCH_POINTS)
        self.kept = np.arange(0, len(self.judged.points_lps_mm), step)
        self.lesion = self.points.points_lps_mm[self.points.lesion > 0]

    def directions(self, task: Task) -> list[ElectrodeSearch]:
        """A search for each of the best different directions."""
        middle = 0.5 * (self.lesion.min(axis=0) + self.lesion.max(axis=0))
        beyond = 0.5 * float(np.ptp(self.lesion, axis=0).max()) + PAST_MM
        task.report(0.0, f"Paths to {self.goal.lesion}")
        self.access = access_map(
            self.ground, as_point(middle), self.goal.lesion, self.device.length.value, beyond, self.rules
        )
        ways = alternatives(self.access, DIRECTIONS)
        if not ways:
            raise NoPath(self.goal.lesion, least_bad(self.access))
        judge = PathJudge(
            self.ground, self.goal.lesion, self.device, self.rules, min(0.45 * self.goal.parallel_deg, 6.0)
        )
        points = CoveragePoints(
            self.judged.points_lps_mm[self.kept],
            self.judged.lesion[self.kept],
            self.judged.grown[self.kept],
            self.judged.threshold_v_per_cm[self.kept],
        )
        found = []
        for n, way in enumerate(ways):
            task.report((n + 0.5) / len(ways), f"Needles from direction {n + 1} of {len(ways)}")
            along = np.array(way.tip_lps_mm) - np.array(way.entry_lps_mm)
            free = corridor(judge, self.lesion, along, PAST_MM, BESIDE_MM, task)
            if np.count_nonzero(free.is_free) >= 2:
                found.append(
                    ElectrodeSearch(free, points, self.device, self.goal.rules_for(self.device), self.law)
                )
        return found

    def candidates(self, searches: Sequence[ElectrodeSearch], task: Task) -> list[_Candidate]:
        """The best arrays of each number of electrodes, with their needles placed."""
        rough: list[_Rough] = []
        for n, search in enumerate(searches):
            task.report(0.5 * n / len(searches), f"Electrodes from direction {n + 1} of {len(searches)}")
            for layout in search.starts(self.goal.most_electrodes, task):
                rough.append((len(layout.offsets_mm), search.worth(layout).score, n, search, layout))
        made = []
        counts = sorted({r[0] for r in rough})
        for count in counts:
            own = sorted((r for r in rough if r[0] == count), key=lambda r: (r[1], r[2]))
            spread = [r for k, r in enumerate(own) if _so_far(own[:k], r) < LAYOUTS_A_DIRECTION]
            for k, (_, _, _, search, layout) in enumerate(spread[:LAYOUTS_A_COUNT]):
                share = 0.5 + 0.5 * (counts.index(count) + k / LAYOUTS_A_COUNT) / len(counts)
                task.report(share, f"Moving {count} electrodes")
                candidate = self.placed(search, layout, task)
                if candidate is not None:
                    made.append(candidate)
        return made

    def placed(self, search: ElectrodeSearch, layout: Layout, task: Task) -> _Candidate | None:
        """A layout refined, its needles brought to the skin; moved where one of them crosses something."""
        for _ in range(PLACINGS):
            layout = search.refined(layout, task)
            electrodes, entries, refused = search.corridor.placed(
                layout.offsets_mm, layout.depth_mm, layout.exposure_mm, 0.5 * layout.length_mm
            )
            if not refused:
                array = self.goal.array_of(layout, electrodes, self.device)
                if array is None:
                    return None
                return self._judged(search, layout, array, entries)
            free = search.corridor
            for n in refused:
                free = free.without(layout.offsets_mm[n])
            search = replace(search, corridor=free)
            moved = _onto_free(search, layout, refused)
            if moved is None:
                return None
            layout = moved
        return None

    def _judged(
        self, search: ElectrodeSearch, layout: Layout, array: ElectrodeArray, entries: tuple[AccessEntry, ...]
    ) -> _Candidate:
        law = None if isinstance(self.law, float) else self.law
        radius = 0.5 * self.device.diameter_mm
        points = self.judged.points_lps_mm
        covered = self._coverages(all_positions(array, radius).field_v_per_cm(points, law))
        first = all_positions(replace(array, pull_backs=0, pull_back_mm=0.0), radius)
        most = search.current_gain * float(first.currents_a(self.law).max())
        found = SuggestedArray(OTHER_AIM, array, entries, covered, most, "", layout.nominal_v_per_cm)
        return _Candidate(found, search, layout)

    def corrected(self, candidate: _Candidate, verify: Verify, task: Task) -> _Candidate:
        """The candidate by its solved field, put right at most `CORRECTIONS` times where it falls short."""
        best: _Candidate | None = None
        for attempt in range(CORRECTIONS + 1):
            start, stop = attempt / (CORRECTIONS + 1), (attempt + 1) / (CORRECTIONS + 1)
            solved = verify(candidate.found.array, self.judged.points_lps_mm, task.part(start, stop))
            found = replace(
                candidate.found,
                covered=self._coverages(solved.field_v_per_cm),
                largest_current_a=solved.largest_current_a,
                solved=solved.words,
            )
            known = replace(candidate, found=found)
            if best is None or self._better(found, best.found):
                best = known
            within = solved.largest_current_a <= self.goal.most_current_a
            if (found.covered.is_full and within) or attempt == CORRECTIONS:
                break
            search = self._put_right(known, solved)
            moved = self.placed(search, known.layout, task)
            if moved is None or _same(moved.layout, known.layout):
                break
            candidate = moved
        assert best is not None
        return best

    def numbered(self, found: SuggestedArray) -> SuggestedArray:
        """The array with its electrodes in a fixed order."""
        array = numbered(found.array)
        order = [found.array.electrodes.index(e) for e in array.electrodes]
        return replace(found, array=array, entries=tuple(found.entries[n] for n in order))

    def _coverages(self, field_v_per_cm: FloatArray) -> Coverages:
        low = replace(self.judged, threshold_v_per_cm=np.full(len(field_v_per_cm), LOWEST_V_PER_CM))
        lesion, grown = self.judged.coverage_percent(field_v_per_cm)
        return Coverages(lesion, grown, *low.coverage_percent(field_v_per_cm))

    def _put_right(self, known: _Candidate, solved: SolvedField) -> ElectrodeSearch:
        law = None if isinstance(self.law, float) else self.law
        closed = all_positions(known.found.array, 0.5 * self.device.diameter_mm)
        field_v_per_cm = closed.field_v_per_cm(self.judged.points_lps_mm, law)
        gain = np.maximum(solved.field_v_per_cm, 1.0) / np.maximum(field_v_per_cm, 1.0)
        first = replace(known.found.array, pull_backs=0, pull_back_mm=0.0)
        currents = all_positions(first, 0.5 * self.device.diameter_mm).currents_a(self.law)
        return replace(
            known.search,
            gain=np.clip(gain, 1.0 / MOST_GAIN, MOST_GAIN)[self.kept],
            current_gain=solved.largest_current_a / max(float(currents.max()), 1e-9),
        )

    def _better(self, one: SuggestedArray, other: SuggestedArray) -> bool:
        limit = self.goal.most_current_a
        over = max(0.0, one.largest_current_a - limit), max(0.0, other.largest_current_a - limit)
        return (over[0], -one.covered.weighed) < (over[1], -other.covered.weighed)


def _onto_free(search: ElectrodeSearch, layout: Layout, refused: Sequence[int]) -> Layout | None:
    """The layout with its refused needles on the nearest free places that keep the spacing."""
    offsets = layout.offsets_mm.copy()
    places = search.corridor.free_places_mm()
    for n in refused:
        away = np.linalg.norm(places - offsets[n], axis=1)
        for m in np.argsort(away, kind="stable"):
            tried = offsets.copy()
            tried[n] = places[m]
            if search.pairs(tried)[0] is not None:
                offsets = tried
                break
        else:
            return None
    moved = replace(layout, offsets_mm=offsets)
    return moved if math.isfinite(search.worth(moved).score) else None


def _same(one: Layout, other: Layout) -> bool:
    return (
        np.array_equal(one.offsets_mm, other.offsets_mm)
        and one.depth_mm == other.depth_mm
        and one.length_mm == other.length_mm
        and one.exposure_mm == other.exposure_mm
        and one.nominal_v_per_cm == other.nominal_v_per_cm
    )
