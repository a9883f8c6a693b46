"""Thermal ablation: coverage, margin and path of needles that heat or freeze."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from planner_plugins.thermal_ablation import findings as say
from planner_plugins.thermal_ablation import metrics as count
from planner_plugins.thermal_ablation.chances import chances
from planner_plugins.thermal_ablation.grounds import prepare_grounds
from planner_plugins.thermal_ablation.metrics import PlacedGrid, PlacedZone
from planner_plugins.thermal_ablation.modality_findings import modality_findings
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.judging import simulate
from planner_plugins.thermal_ablation.suggestions import access_rules, suggest
from planner_plugins.thermal_ablation.version import VERSION

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.foci_union import together
from planner.compute.margin import MarginReport, evaluate_margin, margins_at
from planner.compute.zone_union import ZoneUnion
from planner.model.assessment import Assessment, Curve, Finding, Metric, Preview, Severity, Surface
from planner.model.case import Case
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, FocusGrid, Instrument, Plan
from planner.planning.acoustic_window import judge_beam
from planner.planning.device_library import device_library
from planner.planning.devices import CUSTOM, Device
from planner.planning.emitters import shafts_of
from planner.planning.focusing import grid_zones, transducer_value
from planner.planning.lesion_grounds import LesionGrounds
from planner.planning.needle_path import NeedlePath, judge_path
from planner.planning.needle_set import judge_set
from planner.planning.path_findings import PathJudgement, approach_findings, path_findings
from planner.planning.placing import aimed_applicator, zone_of
from planner.planning.treatment_order import Step, crosses_wide_vessel, treatment_order
from planner.plugin.hashing import plan_hash, structures_hash
from planner.plugin.settings import settings_values

__all__ = ["Settings", "access_rules", "assess", "prepare", "preview", "simulate", "suggest"]


@dataclass(frozen=True, eq=False)
class _Answer:
    """What assessment and preview share, so that a name means one number."""

    metrics: tuple[Metric, ...]
    findings: tuple[Finding, ...]
    reports: dict[str, MarginReport]
    placed: list[PlacedZone]
    grids: list[PlacedGrid]
    union: ZoneUnion | None

    @property
    def by_chance(self) -> list[str]:
        """Lesions whose chances are known: those that needles alone treat."""
        focused = {g.grid.lesion for g in self.grids}
        return [name for name in self.reports if name not in focused]


def prepare(case: Case, settings: Settings, task: Task) -> LesionGrounds:
    """All that no probe changes; seconds for a whole CT."""
    grounds = prepare_grounds(case, settings, task)
    _rehearse(grounds, settings)
    return grounds


def _rehearse(grounds: LesionGrounds, settings: Settings) -> None:
    """Judge two crossing probes nobody placed, so that the first preview compiles nothing in the window."""
    name, ground = next(iter(grounds.lesions.items()))
    x, y, z = (float(v) for v in ground.margin.outline.samples.points_lps_mm.mean(axis=0))
    device = device_library().device(CUSTOM)
    needles = tuple(
        aimed_applicator(f"p{n}", device, device.defaults, (x + shift, y, z), (x + shift, y - 120.0, z), name)
        for n, shift in enumerate((-4.0, 0.0, 4.0))
    )
    answer = _answer(grounds, Plan("rehearsal", "rehearsal", needles), settings, "p0")
    _surfaces(grounds, answer)


def preview(case: Case, prepared: LesionGrounds, plan: Plan, settings: Settings, focus: str) -> Preview:
    """The same numbers as `assess`, with the paths of the dragged probe alone."""
    answer = _answer(prepared, plan, settings, focus)
    return Preview(answer.metrics, answer.findings, _surfaces(prepared, answer), _curves(answer))


def assess(case: Case, plan: Plan, settings: Settings, task: Task) -> Assessment:
    """The whole answer.

    Raises
    ------
    InvalidValue
        If there is no lesion or probe, or a device, setting, lesion or entry is impossible.
    """
    instruments = _treating(plan)
    if not instruments:
        raise InvalidValue("The plan has no probe.", f"plan '{plan.name}'", "Place a probe first.")
    wanted = tuple(dict.fromkeys(i.lesion for i in instruments if i.lesion))
    if wanted and all(i.lesion for i in instruments):
        grounds = prepare_grounds(case, settings, task.part(0.0, 0.6), wanted)
    else:
        grounds = prepare_grounds(case, settings, task.part(0.0, 0.6))
    task.report(0.6, "Margins and paths")
    answer = _answer(grounds, plan, settings, None)
    numbers, said, surfaces = (
        chances(grounds.lesions, answer.by_chance, answer.placed, settings, task.part(0.65, 1.0))
        if answer.by_chance
        else ([], [], [])
    )
    inputs = {"structures": structures_hash(case), "plan": plan_hash(plan)}
    task.report(1.0, "Done")
    return Assessment(
        "thermal_ablation",
        VERSION,
        inputs,
        settings_values(settings),
        (*answer.metrics, *numbers),
        say.ordered((*answer.findings, *said)),
        _curves(answer),
        (*_surfaces(grounds, answer), *surfaces),
    )


def _answer(grounds: LesionGrounds, plan: Plan, settings: Settings, focus: str | None) -> _Answer:
    library = device_library()
    devices = {i.device: library.device(i.device) for i in _treating(plan)}
    placed = [
        _placed(_with_lesion(a, devices[a.device], grounds), devices[a.device], settings)
        for a in plan.applicators
    ]
    grids = [_placed_grid(g, devices[g.device], grounds, settings) for g in plan.focus_grids]
    needles = [p.spheroid for p in placed]
    zones = [*needles, *(z for g in grids for z in g.spheroids)]
    union = together(needles, [g.spheroids for g in grids]) if grids else None
    metrics: list[Metric] = []
    found = (
        say.case_findings(grounds)
        + say.spacing_findings(placed, devices)
        + modality_findings(grounds, placed, grids, devices, settings)
        + say.order_findings(_order(plan, placed, grids, devices, grounds))
    )
    reports: dict[str, MarginReport] = {}
    focused = {g.grid.lesion for g in grids}
    lesions = [*(p.needle.lesion for p in placed), *(g.grid.lesion for g in grids)]
    for name in dict.fromkeys(n for n in lesions if n):
        ground = grounds.lesions[name]
        report = evaluate_margin(ground.margin, zones if union is None else union)
        reports[name] = report
        by_chance = name not in focused
        volume = grounds.anatomy.structures.volume_ml(name)
        metrics += count.lesion_metrics(name, volume, report, settings, by_chance=by_chance)
        found += say.lesion_findings(name, ground, report, settings, by_chance=by_chance)
        found += say.sink_findings(name, ground, grounds, zones, settings)
    metrics += count.plan_metrics(reports, grounds)
    near = count.nearest_to_zone(grounds.anatomy, zones)
    metrics += count.zone_distance_metrics(near)
    found += say.zone_findings(near, settings)
    judgement = PathJudgement(
        Severity(settings.lung_crossing), Severity(settings.vessel_crossing), settings.parenchyma_mm
    )
    for p in placed:
        metrics += count.zone_metrics(p)
        if focus is not None and p.needle.id != focus:
            continue
        device = devices[p.needle.device]
        path = judge_set(grounds.anatomy, shafts_of(p.needle, device), _path(grounds, p))
        metrics += count.path_metrics(p.needle, path, device.length.value, device.length.cited)
        title, treated = f"probe {p.needle.id}", grounds.lesions.get(p.needle.lesion)
        found += path_findings(title, p.needle, device, path, judgement)
        margin = None if treated is None else treated.margin
        found += approach_findings(title, p.needle, path, margin, judgement)
    for g in grids:
        metrics += count.grid_metrics(g)
    # Of equal weight, what may happen to the patient stands before what the numbers lean on.
    found += say.device_findings([*placed, *grids], devices)
    return _Answer(tuple(metrics), say.ordered(found), reports, placed, grids, union)


def _treating(plan: Plan) -> tuple[Instrument, ...]:
    """The instruments that heat or freeze."""
    return (*plan.applicators, *plan.focus_grids)


def _order(
    plan: Plan,
    placed: list[PlacedZone],
    grids: list[PlacedGrid],
    devices: Mapping[str, Device],
    grounds: LesionGrounds,
) -> tuple[Step, ...]:
    """The order of treatment, with the lesion each instrument was found to treat."""
    treated: list[Instrument] = [*(p.instrument for p in placed), *(g.instrument for g in grids)]
    for instrument in treated:
        plan = plan.with_instrument(instrument)
    crossing = {p.needle.id for p in placed if crosses_wide_vessel(grounds.anatomy, p.needle)}
    freezing = {p.needle.id for p in placed if devices[p.needle.device].modality == "cryo"}
    return treatment_order(plan, crossing, freezing)


def _placed(needle: Applicator, device: Device, settings: Settings) -> PlacedZone:
    if not device.is_probe:
        raise InvalidValue(
            "A probe cannot be made of a transducer, nor of an electrode for electroporation.",
            f"probe '{needle.id}': {device.title}",
            "Choose a needle, or fill the lesion with foci instead.",
        )
    zone = device.zone(needle.settings, settings.allow_ex_vivo)
    return PlacedZone(needle, zone, zone_of(needle, zone))


def _placed_grid(grid: FocusGrid, device: Device, grounds: LesionGrounds, settings: Settings) -> PlacedGrid:
    transducer_value(device, "frequency")  # a needle focuses nothing
    grid = replace(grid, lesion=_lesion_of(grid, np.array(grid.middle_lps_mm), grounds))
    zone = device.zone(grid.settings, settings.allow_ex_vivo)
    beam = judge_beam(grounds.anatomy.structures, grid)
    return PlacedGrid(grid, device, zone, grid_zones(grid, zone), beam)


def _with_lesion(needle: Applicator, device: Device, grounds: LesionGrounds) -> Applicator:
    """The needle with the lesion it names, else the one its zone's centre lies nearest to."""
    center = needle.point_behind_tip(device.center_offset.value)
    return replace(needle, lesion=_lesion_of(needle, center, grounds))


def _lesion_of(instrument: Instrument, center: FloatArray, grounds: LesionGrounds) -> str:
    """The lesion an instrument names, else the one nearest to a point."""
    if instrument.lesion:
        if instrument.lesion not in grounds.lesions:
            raise InvalidValue(
                "A probe names a lesion that is not there.",
                f"probe '{instrument.id}': {instrument.lesion}",
                f"Choose one of: {', '.join(grounds.lesions)}.",
            )
        return instrument.lesion
    gaps = {
        name: float(np.linalg.norm(g.margin.outline.samples.points_lps_mm - center, axis=1).min())
        for name, g in grounds.lesions.items()
    }
    return min(gaps, key=lambda n: gaps[n])


def _path(grounds: LesionGrounds, placed: PlacedZone) -> NeedlePath:
    needle = placed.needle
    if needle.lesion in grounds.anatomy.structures:
        line = grounds.anatomy.samples(needle.entry_lps_mm, needle.tip_lps_mm)
        if line.within([needle.lesion])[0]:
            raise InvalidValue(
                "The entry of a probe lies inside the lesion.",
                f"probe '{needle.id}', {needle.lesion}",
                "Move the entry to the skin.",
            )
    return judge_path(grounds.anatomy, needle)


def _curves(answer: _Answer) -> tuple[Curve, ...]:
    """Margin histograms."""
    return tuple(
        count.margin_histogram("margin_histogram", r.histogram_percent, name)
        for name, r in answer.reports.items()
    )


def _surfaces(grounds: LesionGrounds, answer: _Answer) -> tuple[Surface, ...]:
    zones = [p.spheroid for p in answer.placed]
    found = []
    for name in answer.reports:
        ground = grounds.lesions[name]
        if answer.union is None:
            margins = margins_at(ground.points_lps_mm, zones).astype(np.float32)
        else:
            margins = answer.union.signed_distance_mm(ground.points_lps_mm).astype(np.float32)
        points = ground.points_lps_mm.astype(np.float32)
        found.append(Surface("lesion_margin", points, ground.triangles, margins, "mm", name))
    return tuple(found)
