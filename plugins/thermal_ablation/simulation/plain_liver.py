"""A needle alone in plain perfused liver, and its source fitted to the zone of its device there.

The whole chain runs as for a plan, so a zone met here is met there too, but for what vessels, lesions
and other needles change.  Most runs are on a coarse lattice; the last ones are on the plan's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import pi, sqrt

import numpy as np
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation import freezing, laser, radiofrequency
from planner_plugins.thermal_ablation.simulation.calibration import (
    Calibration,
    Fit,
    Parameter,
    ShortBy,
    meet,
    meet_short,
    nudge_short,
    remembered,
)
from planner_plugins.thermal_ablation.simulation.course import Course
from planner_plugins.thermal_ablation.simulation.firing import Firing
from planner_plugins.thermal_ablation.simulation.heating import heat_course
from planner_plugins.thermal_ablation.simulation.region import Region, plain_region, region_grid, zone_points
from planner_plugins.thermal_ablation.simulation.zone_boundary import filled_level, zone_boundary

from planner.base.task import Task
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator
from planner.planning.devices import DeviceZone
from planner.planning.placing import zone_of

#: The last runs have no finer voxels than this.
FINEST_MM = 1.0
#: So well long and short axis are met: needles end at voxels, so the long one comes in steps.
CLOSE_MM = (1.0, 0.4)
#: An axis missed by more than this on the coarse lattice is out of reach on the plan's too.
IN_REACH_MM = 3.0
#: Most runs for the short axis alone; on the plan's own lattice for both, and for the short one again.
MOST_SHORT, MOST_FINE, MOST_NUDGES = 5, 2, 2


@dataclass(frozen=True)
class _Fitted:
    """How a kind of source is fitted.

    Parameters
    ----------
    what, parameters, first, short_by
        What may change, from which values on, and by what the short axis is met where both cannot be.
    coarse_mm, most_coarse
        Voxels of most runs, and how many those are at most.
    many_voxels, step_mm
        A plan's lattice of more would take minutes: the last runs have about so many, larger ones
        instead, in such steps.  A cryoprobe wider than a voxel is another thing than a thin one.
    """

    what: str
    parameters: tuple[Parameter, ...]
    first: tuple[float, ...]
    short_by: ShortBy
    coarse_mm: float
    most_coarse: int
    many_voxels: int
    step_mm: float = 0.5


_RF = (radiofrequency.SHARE, radiofrequency.LENGTH)
_FITTED: Mapping[str, _Fitted] = {
    "radiofrequency": _Fitted("electrode", _RF, (0.25, 1.0), ShortBy(0, 1.0), 2.0, 9, 650_000),
    # Held at a temperature, tines heat no wider by more power.
    "tines": _Fitted("tines", _RF, (0.35, 0.49), ShortBy(1, 1.0), 3.0, 3, 150_000),
    "laser": _Fitted("diffuser", (laser.SHARE, laser.LENGTH), (2.6, 1.8), ShortBy(0, 1.0), 2.0, 9, 600_000),
    "cryo": _Fitted(
        "cryoprobe", (freezing.COOLING, freezing.LENGTH), (1.1, 0.8), ShortBy(0, 1.0), 2.0, 9, 450_000, 0.25
    ),
}


@dataclass(frozen=True)
class _Wanted:
    """All that a calibration depends on."""

    modality: str
    emitter: tuple[tuple[str, float], ...]
    radius_mm: float
    time_s: float
    power_w: float | None
    zone: tuple[float, float, float]
    settings: Settings


def calibrate(firing: Firing, zone: DeviceZone, settings: Settings, task: Task) -> Calibration:
    """The strength and length of a needle's source that reproduce its device's zone; remembered.

    The short axis is met first; where the long one cannot be met with it, the misfit stays.

    Raises
    ------
    Cancelled
        When the task was cancelled.
    """
    own = alone(firing)
    wanted = _Wanted(
        firing.emitter.modality,
        tuple(sorted((n, c.value) for n, c in firing.emitter.values.items())),
        firing.emitter.radius_mm,
        own.stop_s,
        firing.power_w,
        (zone.long_axis_mm, zone.short_axis_mm, zone.center_offset.value),
        _relevant(firing.emitter.modality, settings),
    )
    task.report(0.0, f"Fitting {firing.device.title} to its zone")
    return remembered(wanted, lambda: _calibrated(own, zone, wanted.settings, task))


def alone(firing: Firing) -> Firing:
    """The needle by itself, with its tip at the origin, from the beginning on."""
    needle = Applicator(
        "p", firing.needle.device, (0.0, 0.0, -150.0), (0.0, 0.0, 0.0), firing.needle.settings
    )
    return replace(firing, needle=needle, start_s=0.0, stop_s=firing.stop_s - firing.start_s)


def plain_axes_mm(
    firing: Firing, zone: DeviceZone, settings: Settings, calibration: Calibration | None, task: Task
) -> FloatArray:
    """Long and short axis of a needle's zone in plain liver, shape (2,); zero where none dies.

    The long one along the shaft; the short one that of the ellipsoid of revolution with this length
    and the zone's volume, since several electrodes or diffusers make no round zone.
    """
    region = _region(firing, zone, settings.simulation_voxel_mm)
    fitted = {} if calibration is None else {firing.needle.id: calibration}
    course = _course(region, firing, settings, fitted, task)
    cores = [firing.emitter.active_segments(firing.needle)] if has_cooled_core(firing) else []
    level = filled_level(region.grid, course.level, region.is_blood, cores)
    if not (level > 0).any():
        return np.zeros(2)
    boundary = zone_boundary(region.grid, level)
    long_mm = float(np.ptp(boundary.points_lps_mm @ firing.needle.direction))
    return np.array([long_mm, sqrt(6000.0 * boundary.volume_ml / (pi * long_mm))])


def has_cooled_core(firing: Firing) -> bool:
    """Whether tissue at its electrode is cooled while all around it dies."""
    return firing.emitter.modality == "radiofrequency" and firing.emitter.number("cooled") > 0


def _region(firing: Firing, zone: DeviceZone, voxel_mm: float) -> Region:
    """Plain liver around a needle's zone, as large as a plan of it alone would have."""
    parts = firing.emitter.active_segments(firing.needle)
    around = zone_points(zone_of(firing.needle, zone), firing.device.lethal_inset_mm)
    points = np.concatenate([parts.reshape(-1, 3), around])
    tip = np.array(firing.needle.tip_lps_mm)
    return plain_region(region_grid(points, tip, firing.needle.direction, voxel_mm))


def _course(
    region: Region, firing: Firing, settings: Settings, fitted: Mapping[str, Calibration], task: Task
) -> Course:
    if firing.emitter.modality == "cryo":
        return freezing.cold_course(region, (firing,), settings, task, None, fitted)
    if firing.emitter.modality == "laser":
        return heat_course(
            region, [laser.LaserSource(region, (firing,), fitted)], firing.stop_s, settings, task
        )
    source = radiofrequency.RadiofrequencySource(region, (firing,), settings, fitted)
    return heat_course(region, [source], firing.stop_s, settings, task)


def _relevant(modality: str, settings: Settings) -> Settings:
    """Only what a needle alone in plain liver depends on, so that nothing else fits it anew."""
    voxel = max(FINEST_MM, settings.simulation_voxel_mm)
    kept = replace(
        Settings(), simulation_voxel_mm=voxel, liver_perfusion_per_s=settings.liver_perfusion_per_s
    )
    if modality == "cryo":
        return replace(
            kept,
            freeze_cycles=settings.freeze_cycles,
            thaw_s=settings.thaw_s,
            lethal_cold_degc=settings.lethal_cold_degc,
        )
    kept = replace(kept, death_model=settings.death_model)
    if modality == "radiofrequency":
        # One needle alone has no partner, so how several work does not matter.
        kept = replace(
            kept, rf_control=settings.rf_control, rf_power_w=settings.rf_power_w, rf_electrodes="together"
        )
    return kept


def _calibrated(firing: Firing, zone: DeviceZone, settings: Settings, task: Task) -> Calibration:
    kind = _kind(firing)
    parameters = kind.parameters
    goal = np.array([zone.long_axis_mm, zone.short_axis_mm])
    runs = _Runs(firing, zone, settings, task, kind)
    coarse, fine = _lattices_mm(firing, zone, settings)
    fit = meet(runs.on(coarse), goal, parameters, kind.first, most_runs=kind.most_coarse, close_mm=CLOSE_MM)
    fit = meet_short(
        runs.on(coarse), goal, parameters, fit, kind.short_by, most_runs=MOST_SHORT, close_mm=CLOSE_MM[1]
    )
    if fine < coarse:
        fit = _refined(runs, (coarse, fine), settings.simulation_voxel_mm, goal, kind, fit)
    return Calibration(
        kind.what, parameters, fit.values(parameters), float(fit.axes_mm[0]), float(fit.axes_mm[1]),
        zone.long_axis_mm, zone.short_axis_mm, runs.count,
    )  # fmt: skip


def _kind(firing: Firing) -> _Fitted:
    has_tines = firing.emitter.modality == "radiofrequency" and firing.emitter.number("tines") > 0
    return _FITTED["tines" if has_tines else firing.emitter.modality]


def _lattices_mm(firing: Firing, zone: DeviceZone, settings: Settings) -> tuple[float, float]:
    """Voxels of most runs and of the last ones.

    The last are the plan's own, or larger where those would take minutes.
    """
    voxel, kind = settings.simulation_voxel_mm, _kind(firing)
    crowd = _region(firing, zone, voxel).is_tumour.size / kind.many_voxels
    fine = max(voxel, kind.step_mm * np.ceil(voxel * crowd ** (1 / 3) / kind.step_mm))
    coarse = kind.coarse_mm + (1.0 if crowd > 1.2 and kind.coarse_mm < 3.0 else 0.0)
    return max(coarse, fine), fine


def _refined(
    runs: _Runs,
    lattices_mm: tuple[float, float],
    plan_mm: float,
    goal: FloatArray,
    kind: _Fitted,
    coarse: Fit,
) -> Fit:
    """The coarse fit put right on a finer lattice, by what the coarse runs say of slopes.

    Where that is still coarser than the plan's, axes are taken to change with the voxels on to the
    plan's as they did from the coarse lattice to this one.  Where the long axis is out of reach it
    must not draw the short one along.
    """
    coarse_mm, fine_mm = lattices_mm
    axes, parameters, close = runs.on(fine_mm), kind.parameters, CLOSE_MM[1]
    here = replace(coarse, axes_mm=axes(coarse.values(parameters)))
    change = (here.axes_mm - coarse.axes_mm) * (fine_mm - plan_mm) / (coarse_mm - fine_mm)
    goal_here = goal - change
    fit = here
    if abs(coarse.axes_mm[0] - goal[0]) <= IN_REACH_MM:
        fit = meet(axes, goal_here, parameters, (), start=here, most_runs=MOST_FINE, close_mm=CLOSE_MM)
    number = kind.short_by.number
    fit = nudge_short(axes, goal_here, parameters, fit, number, most_runs=MOST_NUDGES, close_mm=close)
    return replace(fit, axes_mm=fit.axes_mm + change)


class _Runs:
    """Simulations of one needle, counted and reported."""

    def __init__(
        self,
        firing: Firing,
        zone: DeviceZone,
        settings: Settings,
        task: Task,
        kind: _Fitted,
    ) -> None:
        self._firing, self._zone, self._settings, self._task = firing, zone, settings, task
        self._kind = kind
        self.count = 0

    def on(self, voxel_mm: float) -> _Axes:
        """Axes on voxels of a size."""
        return _Axes(self, voxel_mm)

    def axes(self, values: tuple[float, ...], voxel_mm: float) -> FloatArray:
        """Long and short axis at some values."""
        self.count += 1
        kind, most = self._kind, self._kind.most_coarse + MOST_SHORT + MOST_FINE + MOST_NUDGES
        words = f"Fitting the {kind.what} to its device's zone, run {self.count}"

        def listen(share: float, text: str) -> None:
            del text  # of the solver: which run it is says more
            self._task.report(min(0.99, (self.count - 1 + share) / most), words)

        trial = Calibration(kind.what, kind.parameters, values, 0.0, 0.0, 0.0, 0.0, self.count)
        settings = replace(self._settings, simulation_voxel_mm=voxel_mm)
        return plain_axes_mm(self._firing, self._zone, settings, trial, Task(listen))


@dataclass(frozen=True)
class _Axes:
    """Axes of a needle on one lattice, by values of its parameters."""

    runs: _Runs
    voxel_mm: float

    def __call__(self, values: tuple[float, ...]) -> FloatArray:
        """Long and short axis."""
        return self.runs.axes(values, self.voxel_mm)
