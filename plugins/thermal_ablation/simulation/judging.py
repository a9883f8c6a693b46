"""What a simulated zone says of a plan, in numbers and words."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from planner_plugins.thermal_ablation.grounds import prepare_grounds
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation import findings as say
from planner_plugins.thermal_ablation.simulation.ablation import SimulatedAblation, simulate_plan
from planner_plugins.thermal_ablation.simulation.course import SnapshotListener, snapshot_field
from planner_plugins.thermal_ablation.simulation.covering import covered_percent
from planner_plugins.thermal_ablation.simulation.judged_margin import JudgedMargin, judged_chances
from planner_plugins.thermal_ablation.simulation.vessel_bites import vessel_bites
from planner_plugins.thermal_ablation.version import VERSION

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.foci_union import foci_union, together
from planner.compute.level_margin import level_margin
from planner.compute.margin import evaluate_margin
from planner.compute.zone_union import union_distance_mm
from planner.model.assessment import Assessment, Curve, Finding, Metric, ScalarField, Surface, Uncertainty
from planner.model.case import Case
from planner.model.geometry import FloatArray
from planner.model.plan import Plan
from planner.planning.lesion_grounds import LesionGround, LesionGrounds
from planner.plugin.hashing import plan_hash, structures_hash
from planner.plugin.settings import settings_values

MODULE = "thermal_ablation"


@dataclass(eq=False)
class _Judged:
    """What is said of the plan or of one lesion."""

    metrics: list[Metric]
    findings: list[Finding] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    surfaces: list[Surface] = field(default_factory=list)


def simulate(
    case: Case, plan: Plan, settings: Settings, task: Task, on_snapshot: SnapshotListener | None = None
) -> Assessment:
    """Simulate a plan and judge it by the tissue that dies.

    Raises
    ------
    InvalidValue
        If there is no lesion or probe, or the plan cannot be simulated.
    """
    named = [*(a.lesion for a in plan.applicators), *(g.lesion for g in plan.focus_grids)]
    if not named:
        raise InvalidValue("The plan has no probe.", f"plan '{plan.name}'", "Place a probe first.")
    wanted = tuple(dict.fromkeys(n for n in named if n)) or None
    grounds = prepare_grounds(case, settings, task.part(0.0, 0.2), wanted)
    found = simulate_plan(case, plan, grounds, settings, task.part(0.2, 0.93), on_snapshot)
    task.report(0.93, "Margins of the simulated zone")
    judged = [_plan_judged(found)]
    count = len(grounds.lesions)
    for n, (name, ground) in enumerate(grounds.lesions.items()):
        part = task.part(0.93 + 0.07 * n / count, 0.93 + 0.07 * (n + 1) / count)
        judged.append(_lesion_judged(name, ground, found, settings, part))
    inputs = {"structures": structures_hash(case), "plan": plan_hash(plan)}
    task.report(1.0, "Done")
    return Assessment(
        MODULE,
        VERSION,
        inputs,
        settings_values(settings),
        tuple(m for j in judged for m in j.metrics),
        tuple(f for j in judged for f in j.findings),
        (*_curves(found, grounds), *(c for j in judged for c in j.curves)),
        (*_surfaces(found, grounds), *(s for j in judged for s in j.surfaces)),
        _fields(found),
    )


def _plan_judged(found: SimulatedAblation) -> _Judged:
    method = f"simulated (model) on {found.grid.spacing_mm[0]:g} mm voxels; {found.death_words}"
    notes = "; ".join(found.notes)
    metrics = [
        Metric("simulated_zone_volume_ml", found.zone_volume_ml, "ml", "plan", method, note=notes),
        Metric("hottest_tissue_degc", found.hottest_c, "°C", "plan", method),
        Metric("coldest_tissue_degc", found.coldest_c, "°C", "plan", method),
    ]
    dice = _dice(found) if found.is_whole else None
    note = "" if found.is_whole else "no device zone with both axes"
    metrics.append(
        Metric(
            "simulated_zone_overlap_dice",
            dice,
            "1",
            "plan",
            "with the devices' own zones, by voxels",
            note=note,
        )
    )
    # Against hundreds of foci a bite cannot be told from the gaps between them.
    bites = (
        ()
        if found.boundary is None or found.foci
        else vessel_bites(found.boundary, found.region, list(found.zones.values()))
    )
    return _Judged(metrics, say.simulation_findings(found) + say.bite_findings(bites))


def _dice(found: SimulatedAblation) -> float:
    """Overlap of the simulated zone with the devices' own, twice the common part over the sum."""
    own = np.zeros(found.grid.shape, dtype=bool)
    k, j, i = np.indices(found.grid.shape)
    points = found.grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    for zone in found.zones.values():
        own |= zone.contains(points).reshape(found.grid.shape)
    for foci in found.foci:
        own |= foci_union(foci).contains(points).reshape(found.grid.shape)
    return float(
        2.0 * np.count_nonzero(own & found.dead) / (np.count_nonzero(own) + np.count_nonzero(found.dead))
    )


def _lesion_judged(
    name: str, ground: LesionGround, found: SimulatedAblation, settings: Settings, task: Task
) -> _Judged:
    """A lesion under the simulated zone, and beside the devices' own where they are known."""
    if found.boundary is None:
        return _Judged([Metric("simulated_minimal_margin_mm", None, "mm", name, note="no tissue died")])
    own = level_margin(ground.margin, found.boundary)
    value, method = own.minimal.value_mm, "sub-voxel lesion surface to the simulated zone's boundary (model)"
    interval = Uncertainty(
        own.minimal.low_mm, own.minimal.high_mm, 90.0, "voxels, outline and lattice only; not the model"
    )
    place = own.minimal.place_lps_mm
    answer = _Judged([
        Metric("simulated_minimal_margin_mm", value, "mm", name, method, None, interval, where_lps_mm=place),
        Metric(
            "simulated_lesion_coverage_percent", covered_percent(ground.margin, found.boundary.contains), "%", name,
            "share of the lesion's volume, simulated",
        ),
    ])  # fmt: skip
    if not found.zones and not found.foci:
        return answer
    union = together(list(found.zones.values()), found.foci)
    judged = JudgedMargin(name, ground, evaluate_margin(ground.margin, union), own)
    answer.metrics += judged.metrics(found.boundary, union)
    answer.curves.append(judged.histogram)
    if value < judged.device.minimal.value_mm:
        answer.findings.append(say.lower_margin(name, value, judged.device.minimal.value_mm, place))
    if settings.robustness_samples and found.is_whole and not found.foci:
        task.report(0.0, f"Chances of {name} with the simulation")
        chances = judged_chances(judged, found.planned, settings, task)
        answer.metrics += chances.metrics(name, settings)
        answer.surfaces.append(chances.surface(name, ground))
        answer.findings += say.lower_chance(name, chances)
    return answer


def _curves(found: SimulatedAblation, grounds: LesionGrounds) -> tuple[Curve, ...]:
    """Volume of the zone, and the temperature in the middle and at the edge of each lesion, over time."""
    times = np.array(found.times_s)
    curves = [Curve("simulated_zone_volume", times, np.array(found.volumes_ml), "s", "ml", "plan")]
    for name, ground in grounds.lesions.items():
        edge = ground.margin.outline.samples.points_lps_mm
        middle = edge.mean(axis=0, keepdims=True)
        weakest = edge[[int(np.argmin(_depths(found, edge)))]]
        for curve, point in (("centre", middle), ("edge", weakest)):
            kji = np.rint(found.grid.to_ijk(point)[0]).astype(int)[::-1]
            if np.all((kji >= 0) & (kji < found.grid.shape)):
                own = found.temperatures_c[:, kji[0], kji[1], kji[2]].astype(np.float64)
                curves.append(Curve(f"temperature_at_lesion_{curve}", times, own, "s", "°C", name))
    return tuple(curves)


def _depths(found: SimulatedAblation, points: FloatArray) -> FloatArray:
    """How deep points lie in the simulated zone; in the devices' where nothing died."""
    if found.boundary is None:
        own = together(list(found.zones.values()), found.foci) if found.zones or found.foci else None
        return union_distance_mm(points, []) if own is None else own.signed_distance_mm(points)
    return found.boundary.signed_distance_mm(points)


def _surfaces(found: SimulatedAblation, grounds: LesionGrounds) -> tuple[Surface, ...]:
    """The simulated zone, and each lesion with its margin to it."""
    boundary = found.boundary
    if boundary is None:
        return ()
    points = boundary.points_lps_mm.astype(np.float32)
    surfaces = [Surface("simulated_zone", points, boundary.triangles, None, "", "plan")]
    for name, ground in grounds.lesions.items():
        margins = boundary.signed_distance_mm(ground.points_lps_mm).astype(np.float32)
        own = ground.points_lps_mm.astype(np.float32)
        surfaces.append(Surface("lesion_margin", own, ground.triangles, margins, "mm", name))
    return tuple(surfaces)


def _fields(found: SimulatedAblation) -> tuple[ScalarField, ...]:
    """Each snapshot, and when each voxel died (infinite where alive)."""
    pairs = zip(found.times_s, found.temperatures_c, strict=True)
    shots = [snapshot_field(time_s, found.grid, values) for time_s, values in pairs]
    return (*shots, ScalarField("dead_time_s", found.grid, found.dead_at_s, "s"))
