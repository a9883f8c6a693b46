"""Cryoablation: probes that freeze and thaw tissue in cycles.

Calibrated to a device's zone, a probe cools more or less than its device says, over an active length of
its own: what the gas takes up along the shaft is not published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.calibration import Calibration, Parameter
from planner_plugins.thermal_ablation.simulation.course import (
    LEVEL_K,
    MOST_LEVEL,
    Course,
    SnapshotListener,
    Snapshots,
)
from planner_plugins.thermal_ablation.simulation.firing import Firing
from planner_plugins.thermal_ablation.simulation.needle_voxels import needle_voxels, stretched
from planner_plugins.thermal_ablation.simulation.region import Region

from planner.base.task import Task
from planner.compute.freezing import FreezingProblem, FreezingTissue, Phase, solve_freezing
from planner.compute.heat_lattice import BODY_C, Mask, Single, readonly
from planner.planning.tissues import (
    FREEZING_FROM,
    FREEZING_HEAT,
    FREEZING_TO,
    FROZEN_CONDUCTIVITY,
    FROZEN_HEAT_CAPACITY,
    UNFROZEN_CONDUCTIVITY,
    UNFROZEN_HEAT_CAPACITY,
)

#: Who dies is looked at so often at least.
LOOK_S = 10.0
#: How far the active part's surface lies below body temperature, over what its device says; argon's would be
#: as cold as liquid nitrogen at 1.3, more is what the model leaves out.
COOLING = Parameter("cooling", "1", 0.3, 4.0, (0.5, 1.3), True, 0.1, 0.4)
#: The active length.
LENGTH = Parameter("active length", "of its own", 0.1, 2.0, (0.5, 1.5), False, 0.1, 0.4)


def cold_course(
    region: Region,
    firings: Sequence[Firing],
    settings: Settings,
    task: Task,
    on_snapshot: SnapshotListener | None = None,
    calibrations: Mapping[str, Calibration] | None = None,
) -> Course:
    """Freeze with all probes at once, thaw, and freeze again, ending with the last freeze.

    Parameters
    ----------
    calibrations
        By needle; without one its surface is as cold and its active part as long as its device says.
    """
    fitted = calibrations or {}
    surfaces = [_surface_c(f, fitted.get(f.needle.id)) for f in firings]
    probe_c = max(surfaces)
    freeze_s = max(f.stop_s - f.start_s for f in firings)
    phases = freeze_cycles(probe_c, freeze_s, settings.freeze_cycles, settings.thaw_s)
    mask, factor = _probes(region, firings, fitted)
    vessels = [v.held() for v in region.vessels] if settings.vessel_flow else []
    problem = FreezingProblem(
        _tissue(region, settings), mask & ~region.is_blood, phases, factor, tuple(vessels)
    )
    duration = problem.duration_s
    shots = Snapshots(duration, on_snapshot)
    dead_at = np.full(region.grid.shape, np.inf, dtype=np.float32)

    def look(time_s: float, celsius: Single) -> None:
        new = (celsius <= settings.lethal_cold_degc) & np.isinf(dead_at)
        dead_at[new] = time_s
        if time_s in shots.times_s:
            shots.take(time_s, celsius)

    looks = np.linspace(0.0, duration, max(2, int(np.ceil(duration / LOOK_S))) + 1)[1:]
    result = solve_freezing(
        problem, frames_s=sorted({*shots.times_s, *looks.tolist()}), on_frame=look, task=task
    )
    level = np.clip((settings.lethal_cold_degc - result.coldest_c) / LEVEL_K, -MOST_LEVEL, MOST_LEVEL)
    missed = (level > 0) & np.isinf(dead_at)
    dead_at[missed] = duration
    ice_ml = float(np.count_nonzero(result.ice)) * region.grid.voxel_volume_ml
    note = (
        f"{len(phases) // 2 + 1} freezes of {freeze_s:g} s at {probe_c:.0f} °C on the active length;"
        f" ice within 0 °C {ice_ml:.1f} ml at the end, lethal at {settings.lethal_cold_degc:g} °C"
    )
    notes = [note, *(f"{f.needle.id}: {fitted[f.needle.id].words}" for f in firings if f.needle.id in fitted)]
    if len(set(surfaces)) > 1:
        notes.append("all probes are taken as cold as the warmest of them")
    if len({f.start_s for f in firings}) > 1 or len({f.stop_s for f in firings}) > 1:
        notes.append("all probes freeze at the same time for as long as the longest")
    return Course(
        region.grid,
        shots.times_s,
        shots.stacked(),
        readonly(level.astype(np.float32)),
        dead_at,
        float(result.temperature_c.max()),
        float(result.coldest_c[~mask].min()),
        tuple(notes),
    )


def freeze_cycles(probe_c: float, freeze_s: float, cycles: int, thaw_s: float) -> tuple[Phase, ...]:
    """Freezes with passive thaws between them."""
    phases: list[Phase] = []
    for n in range(cycles):
        if n:
            phases.append((None, thaw_s))
        phases.append((probe_c, freeze_s))
    return tuple(phases)


def _surface_c(firing: Firing, calibration: Calibration | None) -> float:
    nominal = firing.emitter.number("probe_temperature")
    if calibration is None:
        return nominal
    return BODY_C - calibration.value(COOLING.name) * (BODY_C - nominal)


def _probes(
    region: Region, firings: Sequence[Firing], calibrations: Mapping[str, Calibration]
) -> tuple[Mask, float]:
    """Voxels of all probes' active lengths, and the face factor of the thinnest (all are much alike)."""
    mask = np.zeros(region.grid.shape, dtype=bool)
    factors = []
    for firing in firings:
        calibration = calibrations.get(firing.needle.id)
        length = 1.0 if calibration is None else calibration.value(LENGTH.name)
        parts = stretched(firing.emitter.active_segments(firing.needle), length)
        own, factor = needle_voxels(region.grid, parts, firing.emitter.radius_mm)
        mask |= own
        factors.append(factor)
    return mask, min(factors)


def _tissue(region: Region, settings: Settings) -> FreezingTissue:
    return FreezingTissue(
        region.grid,
        UNFROZEN_CONDUCTIVITY.value,
        FROZEN_CONDUCTIVITY.value,
        UNFROZEN_HEAT_CAPACITY.value,
        FROZEN_HEAT_CAPACITY.value,
        FREEZING_HEAT.value,
        FREEZING_FROM.value,
        FREEZING_TO.value,
        region.perfusion_w_per_m3_k(settings.liver_perfusion_per_s),
    )
