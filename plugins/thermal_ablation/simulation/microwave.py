"""Microwave antennas: a radiating segment, as long and efficient as the device's own zone asks for.

No published closed form of an antenna's heat is known to us.  Each point of the segment gives off
exp(-2 alpha r) / r² (our surrogate); its length and its efficiency are found so that the zone in
plain perfused liver is that of the device's table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, log

import numpy as np
import numpy.typing as npt
from planner_plugins.thermal_ablation.settings import Settings
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

#: Both axes are met at least so well; where they cannot be, the misfit is said.
CLOSE_MM = 0.2
#: Most runs of a calibration.
MOST_RUNS = 24
#: Plain liver around the zone of a calibration.
AROUND_MM = 18.0
#: What segment and efficiency may become.
SEGMENTS_MM, EFFICIENCIES = (0.5, 80.0), (0.01, 8.0)
#: The eighth of a lattice stands for the whole: mirrors at its low sides.
OCTANT: Boundaries = (("insulated", "fixed"), ("insulated", "fixed"), ("insulated", "fixed"))


@dataclass(frozen=True)
class Calibration:
    """A radiating segment found for a device's zone.

    Parameters
    ----------
    segment_mm, efficiency
        Its length, and the share of the set power it gives off; the efficiency also carries what
        the model leaves out, so it may lie outside of what cables and reflection leave.
    long_axis_mm, short_axis_mm
        Of the zone simulated with it.
    wanted_long_mm, wanted_short_mm
        Of the device's table.
    runs
        Simulations it took.
    """

    segment_mm: float
    efficiency: float
    long_axis_mm: float
    short_axis_mm: float
    wanted_long_mm: float
    wanted_short_mm: float
    runs: int

    @property
    def misfit_mm(self) -> float:
        """The larger difference of an axis."""
        return max(
            abs(self.long_axis_mm - self.wanted_long_mm), abs(self.short_axis_mm - self.wanted_short_mm)
        )

    @property
    def words(self) -> str:
        """One sentence about it."""
        return (
            f"antenna calibrated (model) to {self.wanted_long_mm:.1f} x {self.wanted_short_mm:.1f} mm in plain"
            f" liver: segment {self.segment_mm:.1f} mm, efficiency {self.efficiency:.2f}, gives"
            f" {self.long_axis_mm:.1f} x {self.short_axis_mm:.1f} mm"
        )


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
    return _calibrated(wanted, start, _Check(task))


class _Check:
    """A task that all caches take for the same."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Check)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=64)
def _calibrated(wanted: _Wanted, start: tuple[float, float], check: _Check) -> Calibration:
    runs = 0

    def axes(place: FloatArray) -> FloatArray:
        nonlocal runs
        runs += 1
        check.task.report(min(0.95, runs / MOST_RUNS), "Fitting the antenna to its device's zone")
        return simulated_axes_mm(wanted, float(place[0]), exp(float(place[1])))

    goal = np.array([wanted.long_axis_mm, wanted.short_axis_mm])
    low = np.array([SEGMENTS_MM[0], log(EFFICIENCIES[0])])
    high = np.array([SEGMENTS_MM[1], log(EFFICIENCIES[1])])
    first = np.clip([max(8.0, min(start[0], 0.5 * wanted.long_axis_mm)), log(0.5 * start[1])], low, high)
    place, found = _meet(axes, goal, first, low, high)
    return Calibration(
        float(place[0]), exp(float(place[1])), float(found[0]), float(found[1]),
        wanted.long_axis_mm, wanted.short_axis_mm, runs,
    )  # fmt: skip


def _meet(
    axes: Callable[[FloatArray], FloatArray],
    goal: FloatArray,
    first: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Where two axes come nearest to a goal: Broyden's method from differences, within bounds."""
    place, found = first, axes(first)
    slopes = np.empty((2, 2))
    for n, step in enumerate((2.0, 0.2)):
        moved = place.copy()
        moved[n] += step
        slopes[:, n] = (axes(moved) - found) / step
    best = place, found
    for _ in range(MOST_RUNS - 3):
        if np.abs(best[1] - goal).max() <= CLOSE_MM:
            break
        move = np.linalg.lstsq(slopes, goal - found, rcond=None)[0]
        new = np.clip(place + np.clip(move, [-10.0, -0.7], [10.0, 0.7]), low, high)
        moved = new - place
        if np.abs(moved).max() < 1e-4:
            break
        then = axes(new)
        slopes += np.outer(then - found - slopes @ moved, moved) / (moved @ moved)
        place, found = new, then
        if np.abs(found - goal).max() < np.abs(best[1] - goal).max():
            best = place, found
    return best


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
    half = 0.5 * calibration.segment_mm * firing.needle.direction
    fading = fading_of(firing.emitter.number("frequency"), firing.emitter.radius_mm)
    heat = line_source(region.grid, np.stack([center + half, center - half]), fading)
    heat *= np.float32(calibration.efficiency * (firing.power_w or 0.0))
    return SteadySource(heat, firing.start_s, firing.stop_s, (f"{firing.needle.id}: {calibration.words}",))
