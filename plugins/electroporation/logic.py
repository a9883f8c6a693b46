"""Irreversible electroporation: the field of electrodes pulsed in pairs, what it covers and what it heats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from planner_plugins.electroporation import array_findings as say_array
from planner_plugins.electroporation import findings as say
from planner_plugins.electroporation import metrics as count
from planner_plugins.electroporation.chances import chances
from planner_plugins.electroporation.coverage import (
    HISTOGRAM_V_PER_CM,
    Coverage,
    FieldAt,
    coverage,
    interpolated,
    lesion_margin,
    zone_boundary,
    zone_level,
)
from planner_plugins.electroporation.estimate import estimated
from planner_plugins.electroporation.heat import heat_report
from planner_plugins.electroporation.place_findings import place_findings
from planner_plugins.electroporation.placed import PlacedArray, check_arrays, placed_arrays
from planner_plugins.electroporation.pulsed_field import PulsedField, pulsed_pairs, solve_pairs
from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.suggestions import access_rules, suggest
from planner_plugins.electroporation.suitability import advise
from planner_plugins.electroporation.tissue_lattice import tissue_lattice
from planner_plugins.electroporation.version import VERSION

from planner.base.task import Task
from planner.compute.level_boundary import LevelBoundary
from planner.model.assessment import (
    Assessment,
    Curve,
    Finding,
    Metric,
    Preview,
    ScalarField,
    Severity,
    Surface,
)
from planner.model.case import Case
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Applicator, Plan
from planner.planning.anatomy import Anatomy
from planner.planning.lesion_grounds import LesionGround, LesionGrounds, lesion_grounds
from planner.planning.needle_path import NeedlePath, judge_path
from planner.planning.path_findings import PathJudgement, approach_findings, path_findings
from planner.planning.quick_path import quick_path
from planner.plugin.hashing import plan_hash, structures_hash
from planner.plugin.settings import settings_values

__all__ = ["Settings", "access_rules", "advise", "assess", "prepare", "preview", "suggest"]

MODULE = "electroporation"
#: Of electrodes nobody placed.
DEVICE = "generic-ire-19g"

Currents = Mapping[tuple[int, int], tuple[float, str]]


def prepare(case: Case, settings: Settings, task: Task) -> LesionGrounds:
    """All that no electrode changes; seconds for a whole CT."""
    grounds = lesion_grounds(case.structures, structures_hash(case), task)
    _rehearse(case, grounds, settings)
    return grounds


def _rehearse(case: Case, grounds: LesionGrounds, settings: Settings) -> None:
    """Ask about electrodes nobody placed, so that the first preview compiles nothing in the window."""
    name, ground = next(iter(grounds.lesions.items()))
    x, y, z = (float(v) for v in ground.margin.outline.samples.points_lps_mm.mean(axis=0))
    electrodes = tuple(Electrode((x + s, y - 100.0, z), (x + s, y, z), 20.0) for s in (-7.0, 7.0))
    array = ElectrodeArray("e1", DEVICE, electrodes, (PulsePair(0, 1, 2000.0),), lesion=name)
    preview(case, grounds, Plan("rehearsal", case.id, (array,)), settings, array.id)


def preview(case: Case, prepared: LesionGrounds, plan: Plan, settings: Settings, focus: str) -> Preview:
    """Distances, angles and paths as `assess` says them; field, coverage and currents by the closed form.

    What the closed form says is marked as an estimate.
    """
    placed = placed_arrays(plan, prepared)
    guess = estimated(placed, prepared, settings)
    answer = _Answer(prepared, settings, is_estimate=True)
    for array in placed:
        answer.add_array(array, guess.currents[array.array.id])
        if array.array.id == focus:
            answer.add_paths(array, quick_path)
    for name in _lesions(placed):
        answer.add_lesion(name, guess.field_at, guess.points)
    return Preview(
        tuple(answer.metrics),
        say.ordered(answer.findings),
        (*guess.surfaces, *answer.surfaces),
        tuple(answer.curves),
    )


def assess(case: Case, plan: Plan, settings: Settings, task: Task) -> Assessment:
    """The whole answer: the field of each pair solved, the largest over pairs kept.

    Raises
    ------
    InvalidValue
        If there are no electrodes, or a device, setting or lesion is impossible.
    """
    check_arrays(plan)
    named = tuple(dict.fromkeys(a.lesion for a in plan.electrode_arrays))
    wanted = named if all(named) else None
    grounds = lesion_grounds(case.structures, structures_hash(case), task.part(0.0, 0.1), wanted)
    placed = placed_arrays(plan, grounds)
    found = _solved(case, placed, grounds, settings, task.part(0.1, 0.9))
    task.report(0.9, "Coverage, margin and paths")
    answer = _Answer(grounds, settings, is_estimate=False)
    for array in placed:
        currents = {} if found is None else count.highest_currents(found.currents, array.array.id)
        answer.add_array(array, currents)
        answer.add_paths(array, judge_path)
    field_at = None if found is None else interpolated(found.grid, found.tissue_field_v_per_cm)
    for name in _lesions(placed):
        task.check()
        answer.add_lesion(name, field_at)
    if found is not None and field_at is not None:
        answer.add_field(case, placed, found, _lesions(placed))
        for name in _lesions(placed):
            answer.add_chances(name, placed, field_at, task.part(0.93, 1.0))
    inputs = {"structures": structures_hash(case), "plan": plan_hash(plan)}
    task.report(1.0, "Done")
    return Assessment(
        MODULE,
        VERSION,
        inputs,
        settings_values(settings),
        tuple(answer.metrics),
        say.ordered(answer.findings),
        tuple(answer.curves),
        tuple(answer.surfaces),
        () if found is None else _fields(found),
    )


def _lesions(placed: list[PlacedArray]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(p.array.lesion for p in placed))


def _solved(
    case: Case, placed: list[PlacedArray], grounds: LesionGrounds, settings: Settings, task: Task
) -> PulsedField | None:
    """The field of all arrays; None where nothing is pulsed."""
    pairs = pulsed_pairs([(p.solvable(settings.field_voxel_mm), p.radius_mm) for p in placed])
    if not pairs:
        return None
    task.report(0.0, "Tissue around the electrodes")
    outlines = [grounds.lesions[n].margin.outline.samples.points_lps_mm for n in _lesions(placed)]
    bare = np.concatenate([p.bare_ends_lps_mm.reshape(-1, 3) for p in placed])
    lattice = tissue_lattice(case.structures, bare, placed[0].array.direction, outlines, settings)
    return solve_pairs(lattice, pairs, settings, task.part(0.03, 1.0))


@dataclass(eq=False)
class _Answer:
    """What is said, gathered; the same words for the estimate and the solved field."""

    grounds: LesionGrounds
    settings: Settings
    is_estimate: bool

    def __post_init__(self) -> None:
        self.metrics: list[Metric] = []
        self.findings: list[Finding] = say.case_findings(self.grounds)
        self.curves: list[Curve] = []
        self.surfaces: list[Surface] = []

    def add_array(self, placed: PlacedArray, currents: Currents) -> None:
        """Electrodes and pairs of an array."""
        settings = self.settings
        self.metrics += count.pair_metrics(placed, currents, settings, is_estimate=self.is_estimate)
        self.findings += say_array.array_findings(placed, settings)
        self.findings += say_array.pair_findings(placed, settings)
        self.findings += say_array.current_findings(placed, currents, settings, is_estimate=self.is_estimate)
        self.findings += place_findings(placed, self.grounds.anatomy, settings)

    def add_paths(self, placed: PlacedArray, judged: Callable[[Anatomy, Applicator], NeedlePath]) -> None:
        """The path of each electrode of an array."""
        judgement = PathJudgement(
            Severity(self.settings.lung_crossing),
            Severity(self.settings.vessel_crossing),
            self.settings.parenchyma_mm,
        )
        margin = self.grounds.lesions[placed.array.lesion].margin
        for n, shaft in enumerate(placed.shafts):
            path = judged(self.grounds.anatomy, shaft)
            title = placed.title(n)
            self.metrics += count.path_metrics(shaft, path, placed.device.length)
            self.findings += path_findings(title, shaft, placed.device, path, judgement)
            self.findings += approach_findings(title, shaft, path, margin, judgement)

    def add_lesion(self, name: str, field_at: FieldAt | None, most_points: int = 0) -> None:
        """Coverage of a lesion on so many points (0: all), and the lesion painted with the field."""
        ground = self.grounds.lesions[name]
        found = None if field_at is None else coverage(ground, field_at, self.settings, most_points)
        volume = self.grounds.anatomy.structures.volume_ml(name)
        self.metrics += count.lesion_metrics(name, volume, found, self.settings, is_estimate=self.is_estimate)
        self.findings += say.lesion_findings(name, ground, found, self.settings, is_estimate=self.is_estimate)
        if found is not None and field_at is not None:
            self.curves.append(_histogram(name, found))
            if most_points:
                values = found.outline_v_per_cm[ground.nearest_sample]
            else:
                values = field_at(ground.points_lps_mm)
            painted = _painted("lesion_field", name, ground, values.astype(np.float32), "V/cm")
            self.surfaces.append(painted)

    def add_chances(self, name: str, placed: list[PlacedArray], field_at: FieldAt, task: Task) -> None:
        """The chances of a lesion."""
        metrics, findings = chances(name, placed, self.grounds, field_at, self.settings, task)
        self.metrics += metrics
        self.findings += findings

    def add_field(
        self, case: Case, placed: list[PlacedArray], found: PulsedField, lesions: tuple[str, ...]
    ) -> None:
        """Volumes, margins, heat, and the surface where the field passes the threshold."""
        settings = self.settings
        self.findings += say.model_findings(placed, found.lattice, settings)
        self.metrics += count.field_metrics(found, zone_level(found, settings), settings)
        heat = heat_report(found, case.structures, settings)
        self.metrics += count.heat_metrics(heat, settings)
        self.findings += say.heat_findings(heat, settings)
        boundary = zone_boundary(found, settings)
        if boundary is not None:
            points = boundary.points_lps_mm.astype(np.float32)
            self.surfaces.append(Surface("ire_zone", points, boundary.triangles, None, "", "plan"))
        for name in lesions:
            self._add_margin(name, boundary)

    def _add_margin(self, name: str, boundary: LevelBoundary | None) -> None:
        ground = self.grounds.lesions[name]
        margin = lesion_margin(ground, boundary)
        self.metrics += count.margin_metrics(name, ground, margin, self.settings)
        self.findings += say.margin_findings(name, ground, margin, self.settings)
        if boundary is not None:
            values = boundary.signed_distance_mm(ground.points_lps_mm).astype(np.float32)
            self.surfaces.append(_painted("lesion_margin", name, ground, values, "mm"))


def _painted(what: str, lesion: str, ground: LesionGround, values: np.ndarray, unit: str) -> Surface:
    """A lesion's mesh with a value at each corner."""
    return Surface(what, ground.points_lps_mm.astype(np.float32), ground.triangles, values, unit, lesion)


def _histogram(name: str, found: Coverage) -> Curve:
    """Share of a lesion's volume over the field it gets at least."""
    return Curve(
        "lesion_field_histogram", HISTOGRAM_V_PER_CM.copy(), found.histogram, "V/cm", "% of volume", name
    )


def _fields(found: PulsedField) -> tuple[ScalarField, ...]:
    """The largest field over pairs, and the temperature if no heat leaves."""
    return (
        ScalarField("electric_field_v_per_cm", found.grid, found.e_v_per_cm, "V/cm"),
        ScalarField("temperature_degc", found.grid, found.temperature_degc, "°C"),
    )
