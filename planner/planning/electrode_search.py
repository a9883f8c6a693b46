"""Looking for the places, depth, bare part and voltage of parallel electrodes, by the closed form.

Greedy first: one electrode after the other where it covers most; then a pattern search.  No chance in it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from planner.base.task import Task
from planner.compute.cassini import LawTable, PackedElectrodes, law_table
from planner.compute.conductivity import FieldLaw
from planner.model.geometry import FloatArray
from planner.planning.devices import Device
from planner.planning.electrode_arrays import rounded_voltage
from planner.planning.electrode_corridors import Corridor
from planner.planning.electrode_ring import CENTER, OVERLAP, RING, ring_offsets_mm
from planner.planning.electrode_robustness import CoveragePoints

#: A point counts as covered with this share of the threshold to spare, and as not at all this much below.
SPARE, SOFT = 0.02, 0.3
#: What uncovered lesion weighs, against uncovered lesion with margin.
LESION_WEIGHT = 0.6
#: What an ampere of all pairs together weighs against covered share, so that coverage comes first.
AMPERE_WEIGHT = 1e-4
#: Currents this far below the limit are taken: the estimate is off by a few percent.
CURRENT_SHARE = 0.94
#: Steps of the pattern search.
STEPS_MM = (3.0, 1.5, 0.75)
SWEEPS = 12
NOMINAL_STEP = 50.0
#: So many pairs of places are tried first, those about the lesion's middle before others.
FIRST_PAIRS = 250
#: Regular rings tried: how far outside the lesion, and how often turned.
RING_OUTSIDE_MM, RING_TURNS = (-2.0, 1.0, 4.0), 4
#: Bare parts tried, within what the device and the rule allow.
EXPOSURES_MM = (10.0, 15.0, 20.0, 25.0)
MOST_PULL_BACKS = 3


@dataclass(frozen=True, eq=False)
class Layout:
    """Parallel electrodes about a direction.

    Parameters
    ----------
    offsets_mm
        Places across, (n, 2).
    depth_mm
        Of the middle of all bare parts, beyond the section's middle.
    exposure_mm, pull_backs, step_mm
        Of each; the array is drawn out so often by so much.
    nominal_v_per_cm
        Voltage over distance of every pair.
    """

    offsets_mm: FloatArray
    depth_mm: float
    exposure_mm: float
    pull_backs: int
    step_mm: float
    nominal_v_per_cm: float

    @property
    def length_mm(self) -> float:
        """From the deepest tip to the last bare part's end."""
        return self.exposure_mm + self.pull_backs * self.step_mm


@dataclass(frozen=True)
class ElectrodeRules:
    """What an array may be like.

    Parameters
    ----------
    least_spacing_mm, most_spacing_mm
        Electrodes lie at least so far apart; pairs farther apart are not pulsed.
    least_nominal_v_per_cm, most_nominal_v_per_cm
        Voltage over distance.
    most_current_a
        Of a pair.
    exposures_mm
        Lengths of the bare part.
    """

    least_spacing_mm: float
    most_spacing_mm: float
    least_nominal_v_per_cm: float
    most_nominal_v_per_cm: float
    most_current_a: float
    exposures_mm: tuple[float, ...] = EXPOSURES_MM


@dataclass(frozen=True, eq=False)
class Worth:
    """What a layout is worth: less is better; the numbers behind it."""

    score: float
    lesion_percent: float
    grown_percent: float
    largest_current_a: float


@dataclass(frozen=True, eq=False)
class ElectrodeSearch:
    """One corridor, one lesion.

    Parameters
    ----------
    corridor
        Where needles may go.
    points
        What is to be covered; a few hundred.
    device, rules, law
        The electrodes, what an array may be like, and the liver's conductivity (S/m, or how it rises).
    gain
        What the solved field is over the closed form at each point, where it was solved; (n,).
    current_gain
        The same of currents.
    """

    corridor: Corridor
    points: CoveragePoints
    device: Device
    rules: ElectrodeRules
    law: float | FieldLaw
    gain: FloatArray | None = None
    current_gain: float = 1.0
    _local: FloatArray = field(init=False, repr=False)
    _weight: FloatArray = field(init=False, repr=False)
    _conductivity: float | LawTable = field(init=False, repr=False)

    def __post_init__(self) -> None:
        section, points = self.corridor.section, self.points
        axes = np.column_stack([section.first, section.second, section.along])
        local = np.ascontiguousarray((points.points_lps_mm - section.middle_lps_mm) @ axes)
        whole = points.grown / max(float(points.grown.sum()), 1e-12)
        weight = LESION_WEIGHT * points.lesion / points.lesion.sum() + (1.0 - LESION_WEIGHT) * whole
        object.__setattr__(self, "_local", local)
        object.__setattr__(self, "_weight", weight)
        known = self.law if isinstance(self.law, float) else law_table(self.law)
        object.__setattr__(self, "_conductivity", known)

    def starts(self, most: int, task: Task) -> Iterator[Layout]:
        """Layouts to refine: for each number of electrodes the greedy one and the best regular one."""
        first: Layout | None = None
        for layout in self.grown(most, task):
            first = first or layout
            yield layout
        if first is None:
            return
        for count in range(3, most + 1):
            task.check()
            regular = list(self._regular(first, count))
            scores = [self.worth(each).score for each in regular]
            if scores and math.isfinite(min(scores)):
                yield regular[int(np.argmin(scores))]

    def _regular(self, layout: Layout, count: int) -> Iterator[Layout]:
        """Rings around the lesion, each needle on the nearest free place."""
        places = self.corridor.free_places_mm()
        for kind, outside, turn in itertools.product((RING, CENTER), RING_OUTSIDE_MM, range(RING_TURNS)):
            angle = turn * 2.0 * math.pi / (count * RING_TURNS)
            wanted = ring_offsets_mm(self.corridor.section, count, kind, outside, angle)
            away = np.linalg.norm(wanted[:, None] - places[None], axis=2)
            chosen = places[np.argmin(away, axis=1)]
            if self.pairs(chosen)[0] is not None:
                yield replace(layout, offsets_mm=chosen)

    def grown(self, most: int, task: Task) -> Iterator[Layout]:
        """Layouts of two to ``most`` electrodes, each the one before with the best electrode added."""
        places = self.corridor.free_places_mm()
        start = self._best_pair(self._first_length(places), places, task)
        if start is None:
            return
        layout = start
        yield layout
        while len(layout.offsets_mm) < most:
            task.check()
            longer = [replace(layout, offsets_mm=np.vstack([layout.offsets_mm, p])) for p in places]
            scores = [self.worth(each).score for each in longer]
            n = int(np.argmin(scores)) if scores else -1
            if n < 0 or not math.isfinite(scores[n]):
                return
            layout = longer[n]
            yield layout

    def refined(self, layout: Layout, task: Task) -> Layout:
        """The best layout found by putting each needle anywhere once, and a pattern search."""
        best, score = layout, self.worth(layout).score
        places = self.corridor.free_places_mm()
        for n in range(len(layout.offsets_mm)):
            task.check()
            for place in places:
                offsets = best.offsets_mm.copy()
                offsets[n] = place
                changed = replace(best, offsets_mm=offsets)
                found = self.worth(changed).score
                if found < score - 1e-9:
                    best, score = changed, found
        for step in STEPS_MM:
            for _ in range(SWEEPS):
                task.check()
                before = score
                for changed in self._neighbours(best, step):
                    found = self.worth(changed).score
                    if found < score - 1e-9:
                        best, score = changed, found
                        break
                if score >= before - 1e-9:
                    break
        return best

    def worth(self, layout: Layout) -> Worth:
        """What a layout is worth; infinite where a rule forbids it."""
        nothing = Worth(math.inf, 0.0, 0.0, 0.0)
        if not self.corridor.allows(layout.offsets_mm):
            return nothing
        index, gaps = self.pairs(layout.offsets_mm)
        if index is None or gaps is None:
            return nothing
        volts = np.array([rounded_voltage(0.1 * layout.nominal_v_per_cm * g, self.device) for g in gaps])
        times, count = layout.pull_backs + 1, len(layout.offsets_mm)
        lines = np.zeros((times * count, 7))
        lines[:, :2] = np.tile(layout.offsets_mm, (times, 1))
        deepest = layout.depth_mm + 0.5 * (layout.length_mm - layout.exposure_mm)
        lines[:, 2] = deepest - layout.step_mm * np.repeat(np.arange(times), count)
        lines[:, 5:] = 1.0, 0.5 * layout.exposure_mm
        every = np.tile(index, (times, 1)) + np.repeat(count * np.arange(times), len(index))[:, None]
        radius = 0.5 * self.device.diameter_mm
        packed = PackedElectrodes(lines, every, np.tile(volts, times), radius)
        field_v_per_cm, currents = packed.field_and_currents(self._local, self._conductivity)
        if self.gain is not None:
            field_v_per_cm = field_v_per_cm * self.gain
        currents = self.current_gain * currents[: len(index)]
        return self._judged(field_v_per_cm, currents, times)

    def pairs(self, offsets_mm: FloatArray) -> tuple[npt.NDArray[np.int64] | None, FloatArray | None]:
        """Pairs in reach and their distances; None where two are too near or one has no partner."""
        apart = np.linalg.norm(offsets_mm[:, None] - offsets_mm[None], axis=2)
        first, second = np.triu_indices(len(offsets_mm), 1)
        gaps = apart[first, second]
        if len(gaps) == 0 or gaps.min() < self.rules.least_spacing_mm:
            return None, None
        reach = gaps <= self.rules.most_spacing_mm
        index = np.column_stack([first[reach], second[reach]]).astype(np.int64)
        if len(np.unique(index)) < len(offsets_mm):
            return None, None
        return index, gaps[reach]

    def _judged(self, field_v_per_cm: FloatArray, currents: FloatArray, times: int) -> Worth:
        ratio = field_v_per_cm / self.points.threshold_v_per_cm
        short = float(self._weight @ np.clip((1.0 + SPARE - ratio) / SOFT, 0.0, 1.0))
        missed = float(self._weight @ (ratio < 1.0))
        most = float(currents.max())
        over = max(0.0, most / (CURRENT_SHARE * self.rules.most_current_a) - 1.0)
        score = 0.5 * (short + missed) + AMPERE_WEIGHT * times * float(currents.sum()) + 10.0 * over
        return Worth(score, *self.points.coverage_percent(field_v_per_cm), most)

    def _first_length(self, places: FloatArray) -> Layout:
        """Bare part and pull-backs that reach about half a margin beyond the lesion at both ends."""
        beyond = float(np.ptp(self._local[:, 2]))
        wanted = 0.5 * (beyond + self.corridor.section.length_mm)
        options = list(_lengths(self.rules.exposures_mm))
        exposure, times, step = min(
            options, key=lambda o: (abs(o[0] + o[1] * o[2] - wanted) + 4.0 * o[1], o[1], o[0])
        )
        middle = 0.5 * float(self._local[:, 2].min() + self._local[:, 2].max())
        return Layout(places[:0], middle, exposure, times, step, self.rules.least_nominal_v_per_cm)

    def _best_pair(self, layout: Layout, places: FloatArray, task: Task) -> Layout | None:
        """Two electrodes with the lesion between them, or as nearly as places allow."""
        first, second = np.triu_indices(len(places), 1)
        gaps = np.linalg.norm(places[first] - places[second], axis=1)
        off = np.linalg.norm(0.5 * (places[first] + places[second]), axis=1)
        reach = (gaps >= self.rules.least_spacing_mm) & (gaps <= self.rules.most_spacing_mm)
        chosen = np.flatnonzero(reach)[np.argsort(off[reach], kind="stable")][:FIRST_PAIRS]
        best: tuple[float, Layout] | None = None
        for n in chosen:
            task.check()
            each = replace(layout, offsets_mm=places[[first[n], second[n]]])
            score = self.worth(each).score
            if math.isfinite(score) and (best is None or score < best[0]):
                best = (score, each)
        return None if best is None else best[1]

    def _neighbours(self, layout: Layout, step: float) -> Iterator[Layout]:
        offsets = layout.offsets_mm
        for n in range(len(offsets)):
            for way in ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (0.7, -0.7), (-0.7, 0.7), (-0.7, -0.7)):
                moved = offsets.copy()
                moved[n] += step * np.array(way)
                yield replace(layout, offsets_mm=moved)
        for scale in (1.0 - 0.03 * step, 1.0 + 0.03 * step):
            yield replace(layout, offsets_mm=scale * offsets)
        for turn in (-0.05 * step, 0.05 * step):
            cosine, sine = math.cos(turn), math.sin(turn)
            yield replace(layout, offsets_mm=offsets @ np.array([[cosine, sine], [-sine, cosine]]))
        for way in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            yield replace(layout, offsets_mm=offsets + step * np.array(way))
        for sign in (-1.0, 1.0):
            yield replace(layout, depth_mm=layout.depth_mm + sign * step)
            nominal = layout.nominal_v_per_cm + sign * NOMINAL_STEP
            if self.rules.least_nominal_v_per_cm <= nominal <= self.rules.most_nominal_v_per_cm:
                yield replace(layout, nominal_v_per_cm=nominal)
        for exposure, times, pulled in _lengths(self.rules.exposures_mm):
            if abs(exposure + times * pulled - layout.length_mm) <= 10.0 and times <= layout.pull_backs + 1:
                yield replace(layout, exposure_mm=exposure, pull_backs=times, step_mm=pulled)


def _lengths(exposures_mm: Sequence[float]) -> Iterator[tuple[float, int, float]]:
    """Bare part, pull-backs and step, each step leaving the overlap."""
    for exposure in exposures_mm:
        yield exposure, 0, 0.0
        step = exposure - OVERLAP.value
        if exposure >= 15.0:
            for times in range(1, MOST_PULL_BACKS + 1):
                yield exposure, times, step
