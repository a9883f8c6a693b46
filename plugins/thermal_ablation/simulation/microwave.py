"""Microwave antennas: a radiating segment, as long and efficient as the device's own zone asks for.

No published closed form of an antenna's heat is known to us.  Each point of the segment gives off
exp(-2 alpha r) / r² (our surrogate); its length and its efficiency are found so that the zone in
plain perfused liver is that of the device's table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.calibration import (
    MOST_RUNS,
    Calibration,
    Parameter,
    meet,
    remembered,
)
from planner_plugins.thermal_ablation.simulation.course import DEATH_MODELS, heat_level
from planner_plugins.thermal_ablation.simulation.firing import Firing
from planner_plugins.thermal_ablation.simulation.heating import SteadySource, heat_problem
from planner_plugins.thermal_ablation.simulation.line_source import Fading, line_source
from planner_plugins.thermal_ablation.simulation.region import Region, plain_region

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.bioheat import solve_bioheat
from planner.compute.heat_lattice import Boundaries, Single
from planner.model.geometry import Grid
from planner.planning.devices import DeviceZone
from planner.planning.tissues import MICROWAVE_ATTENUATION

FloatArray = npt.NDArray[np.float64]

#: Plain liver around the zone of a calibration.
AROUND_MM = 18.0
#: The radiating part, and the share of the set power it gives off; cables and reflection leave less than 1.
SEGMENT = Parameter("segment", "mm", 0.5, 80.0, (0.5, 80.0), False, 2.0, 10.0)
EFFICIENCY = Parameter("efficiency", "1", 0.01, 30.0, (0.1, 1.0), True, 0.2, 0.7)
#: The eighth of a lattice stands for the whole: mirrors at its low sides.
OCTANT: Boundaries = (("insulated", "fixed"), ("insulated", "fixed"), ("insulated", "fixed"))


@dataclass(frozen=True)
class _Wanted:
    """What a calibration depends on."""

    long_axis_mm: float
    short_axis_mm: float
    power_w: float
    time_s: float
    fading: Fading
    voxel_mm: float
    death_model: str
    perfusion_per_s: float


def fading_of(frequency_mhz: float, radius_mm: float) -> Fading:
    """How microwaves of a frequency fade in liver.

    Raises
    ------
    InvalidValue
        If the attenuation at this frequency is not known.
    """
    if frequency_mhz not in MICROWAVE_ATTENUATION:
        known = ", ".join(f"{f:g}" for f in MICROWAVE_ATTENUATION)
        raise InvalidValue(
            "The attenuation of microwaves of this frequency is not known.",
            f"{frequency_mhz:g} MHz",
            f"Known are {known} MHz.",
        )
    return Fading(2e-3 * MICROWAVE_ATTENUATION[frequency_mhz].value, 2, radius_mm)


def calibrate(firing: Firing, zone: DeviceZone, settings: Settings, task: Task) -> Calibration:
    """The segment and efficiency that reproduce a device's zone; remembered.

    Raises
    ------
    InvalidValue
        If the needle has no power set.
    """
    power = firing.power_w
    if power is None or power <= 0:
        raise InvalidValue(
            "A microwave needle needs a power.", f"probe '{firing.needle.id}'", "Set its power in W."
        )
    wanted = _Wanted(
        zone.long_axis_mm,
        zone.short_axis_mm,
        power,
        firing.stop_s - firing.start_s,
        fading_of(firing.emitter.number("frequency"), firing.emitter.radius_mm),
        settings.simulation_voxel_mm,
        settings.death_model,
        settings.liver_perfusion_per_s,
    )
    task.report(0.0, f"Fitting the antenna of {firing.device.title}")
    start = (firing.emitter.number("active_length"), firing.emitter.number("efficiency"))
    return remembered(wanted, lambda: _calibrated(wanted, start, task))


def _calibrated(wanted: _Wanted, start: tuple[float, float], task: Task) -> Calibration:
    runs = 0

    def axes(values: tuple[float, ...]) -> FloatArray:
        nonlocal runs
        runs += 1
        task.report(min(0.95, runs / MOST_RUNS), "Fitting the antenna to its device's zone")
        return simulated_axes_mm(wanted, values[0], values[1])

    goal = np.array([wanted.long_axis_mm, wanted.short_axis_mm])
    first = (max(8.0, min(start[0], 0.5 * wanted.long_axis_mm)), 0.5 * start[1])
    fit = meet(axes, goal, (SEGMENT, EFFICIENCY), first)
    return Calibration(
        "antenna", (SEGMENT, EFFICIENCY), fit.values((SEGMENT, EFFICIENCY)),
        float(fit.axes_mm[0]), float(fit.axes_mm[1]), wanted.long_axis_mm, wanted.short_axis_mm, runs,
    )  # fmt: skip


def simulated_axes_mm(wanted: _Wanted, segment_mm: float, efficiency: float) -> FloatArray:
    """Long and short axis of the zone of a segment in plain liver, shape (2,); zero where none dies."""
    h = wanted.voxel_mm
    count = int(np.ceil((0.5 * max(wanted.long_axis_mm, wanted.short_axis_mm) + AROUND_MM) / h))
    grid = Grid((count,) * 3, (h,) * 3, (h / 2,) * 3)
    heat = line_source(grid, [[0.0, 0.0, -segment_mm / 2], [0.0, 0.0, segment_mm / 2]], wanted.fading)
    settings = replace(
        Settings(), death_model=wanted.death_model, liver_perfusion_per_s=wanted.perfusion_per_s
    )
    problem = heat_problem(
        plain_region(grid), settings, heat * np.float32(efficiency * wanted.power_w), (), OCTANT
    )
    level = heat_level(solve_bioheat(problem, wanted.time_s), DEATH_MODELS[wanted.death_model])
    return 2.0 * np.array([_edge_mm(level[:, 0, 0], h), _edge_mm(level[0, 0, :], h)])


def _edge_mm(level: Single, spacing_mm: float) -> float:
    """Where a level falls through zero along a half axis that starts half a voxel from its middle."""
    alive = np.flatnonzero(level <= 0)
    last = len(level) if not len(alive) else int(alive[0])
    if last == 0:
        return 0.0
    if last == len(level):
        return last * spacing_mm
    inner, outer = float(level[last - 1]), float(level[last])
    return spacing_mm * (last - 0.5 + inner / (inner - outer))


def microwave_source(
    region: Region, firing: Firing, zone: DeviceZone, calibration: Calibration
) -> SteadySource:
    """The heat of a calibrated antenna, whose segment is centred in the device's zone."""
    center = firing.needle.point_behind_tip(zone.center_offset.value)
    half = 0.5 * calibration.value(SEGMENT.name) * firing.needle.direction
    fading = fading_of(firing.emitter.number("frequency"), firing.emitter.radius_mm)
    heat = line_source(region.grid, np.stack([center + half, center - half]), fading)
    heat *= np.float32(calibration.value(EFFICIENCY.name) * (firing.power_w or 0.0))
    return SteadySource(heat, firing.start_s, firing.stop_s, (f"{firing.needle.id}: {calibration.words}",))
