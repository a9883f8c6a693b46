"""A plan's needles simulated in a case: temperatures over time, and the tissue that dies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.calibration import Calibration
from planner_plugins.thermal_ablation.simulation.course import (
    DEATH_MODELS,
    Course,
    SnapshotListener,
    model_words,
    snapshot_field,
)
from planner_plugins.thermal_ablation.simulation.firing import Firing, firings_of
from planner_plugins.thermal_ablation.simulation.freezing import cold_course
from planner_plugins.thermal_ablation.simulation.heating import HeatSource, heat_course
from planner_plugins.thermal_ablation.simulation.laser import LaserSource
from planner_plugins.thermal_ablation.simulation.microwave import calibrate as calibrate_antenna
from planner_plugins.thermal_ablation.simulation.microwave import microwave_source
from planner_plugins.thermal_ablation.simulation.parameters import parameters_of
from planner_plugins.thermal_ablation.simulation.plain_liver import calibrate as calibrate_needle
from planner_plugins.thermal_ablation.simulation.plain_liver import has_cooled_core
from planner_plugins.thermal_ablation.simulation.radiofrequency import RadiofrequencySource
from planner_plugins.thermal_ablation.simulation.region import (
    Region,
    ball_points,
    region_grid,
    region_of,
    zone_points,
)
from planner_plugins.thermal_ablation.simulation.ultrasound import (
    Sonication,
    SonicationSource,
    beam_of,
    sonications_of,
)
from planner_plugins.thermal_ablation.simulation.zone_boundary import filled_level, zone_boundary

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.heat_lattice import Mask, Single
from planner.compute.level_boundary import LevelBoundary
from planner.compute.spheroid import Spheroid
from planner.model.case import Case
from planner.model.geometry import FloatArray, Grid
from planner.model.plan import FocusGrid, Plan
from planner.planning.constants import Constant
from planner.planning.device_library import device_library
from planner.planning.devices import Device, DeviceZone
from planner.planning.focusing import grid_zones, transducer_value
from planner.planning.lesion_grounds import LesionGrounds
from planner.planning.placing import zone_of
from planner.planning.robustness import PlannedZone
from planner.planning.tissues import SOUND_ATTENUATION

#: Tissue around the active part of a device whose zone is not known by size.
UNKNOWN_ZONE_MM = 20.0


@dataclass(frozen=True, eq=False)
class SimulatedAblation:
    """What simulated needles do; arrays ``[k, j, i]`` on the grid, read-only.

    Parameters
    ----------
    grid, region
        The lattice, and the tissue on it.
    times_s, temperatures_c
        Of the snapshots; float16, shape (n, nk, nj, ni).
    dead_at_s, dead
        When tissue died (infinite where alive), and the final zone.
    boundary
        The zone's boundary, finer than voxels; None where nothing died.
    volumes_ml
        Dead volume at each snapshot, by voxels.
    hottest_c, coldest_c
        Over all places and times.
    zones
        The device's own zone of each needle, by its id, where one is known.
    foci
        The devices' own zones of each grid of foci, where one is known.
    planned
        The same needles with the rows of their devices.
    is_whole
        Whether every needle and grid of foci has a zone of its device.
    calibrations
        Of sources, by needle.
    death_words, notes
        The death model with its source; what sources and controls did.
    parameters
        Constants of the simulation by name.
    """

    grid: Grid
    region: Region
    times_s: tuple[float, ...]
    temperatures_c: npt.NDArray[np.float16]
    dead_at_s: Single
    dead: Mask
    boundary: LevelBoundary | None
    volumes_ml: tuple[float, ...]
    hottest_c: float
    coldest_c: float
    zones: Mapping[str, Spheroid]
    foci: tuple[tuple[Spheroid, ...], ...]
    planned: tuple[PlannedZone, ...]
    is_whole: bool
    calibrations: Mapping[str, Calibration]
    death_words: str
    notes: tuple[str, ...]
    parameters: Mapping[str, Constant]

    def __post_init__(self) -> None:
        shapes = {self.dead_at_s.shape, self.dead.shape, self.temperatures_c.shape[1:]}
        if shapes != {self.grid.shape} or len(self.times_s) != len(self.temperatures_c):
            raise InvalidValue(
                "A simulation's arrays must have its grid's shape.", f"{shapes}, grid {self.grid.shape}"
            )
        for array in (self.temperatures_c, self.dead_at_s, self.dead):
            array.setflags(write=False)

    @property
    def zone_volume_ml(self) -> float:
        """Volume of the final zone; zero where nothing died."""
        return 0.0 if self.boundary is None else self.boundary.volume_ml


@dataclass(frozen=True, eq=False)
class _Sonicated:
    """A grid of foci with its turns; no zones where its device's size is not known."""

    grid: FocusGrid
    device: Device
    sonications: tuple[Sonication, ...]
    zones: tuple[Spheroid, ...]


@dataclass(frozen=True, eq=False)
class _Work:
    """Needles and grids of foci with the zones their devices would make."""

    firings: tuple[Firing, ...]
    tables: Mapping[str, DeviceZone]
    zones: Mapping[str, Spheroid]
    grids: tuple[_Sonicated, ...]

    @property
    def stop_s(self) -> float:
        """When all is over."""
        return max(
            *(f.stop_s for f in self.firings), *(s.stop_s for g in self.grids for s in g.sonications), 0.0
        )


def simulate_plan(
    case: Case,
    plan: Plan,
    grounds: LesionGrounds,
    settings: Settings,
    task: Task,
    on_snapshot: SnapshotListener | None = None,
) -> SimulatedAblation:
    """Simulate the needles of a plan; the same input gives the same bits.

    Parameters
    ----------
    grounds
        Of this case, with the lesions the needles treat.
    on_snapshot
        Called with each snapshot while the simulation runs; whoever watches the task is shown it too.

    Raises
    ------
    InvalidValue
        If the plan cannot be simulated: no needle, a device that gives off nothing known, heat and
        cold together.
    Cancelled
        When the task was cancelled.
    """
    del case  # the grounds hold its structures
    work = _work(plan, settings)
    task.report(0.0, "Tissue around the needles")
    region = region_of(grounds.anatomy.structures, _grid(work, grounds, settings))
    task.check()
    calibrations = _calibrations(work, settings, task.part(0.05, 0.45))

    def show(time_s: float, celsius: Single) -> None:
        task.show(snapshot_field(time_s, region.grid, celsius))
        if on_snapshot is not None:
            on_snapshot(time_s, celsius)

    run = task.part(0.45, 0.95)
    if work.firings and work.firings[0].emitter.modality == "cryo":
        course = cold_course(region, work.firings, settings, run, show, calibrations)
        words = f"{settings.lethal_cold_degc:g} °C reached; Gage and Baust, Cryobiology 1998;37:171"
    else:
        sources = _sources(region, work, calibrations, settings)
        course = heat_course(region, sources, work.stop_s, settings, run, show)
        words = model_words(DEATH_MODELS[settings.death_model])
    task.report(0.95, "Boundary of the simulated zone")
    return _outcome(course, region, work, calibrations, words, settings)


def _work(plan: Plan, settings: Settings) -> _Work:
    library = device_library()
    devices = [library.device(a.device) for a in plan.applicators]
    firings: tuple[Firing, ...] = ()
    if plan.applicators or not plan.focus_grids:
        firings = firings_of(plan.applicators, devices, in_turn=settings.needles_in_turn)
    tables = {f.needle.id: zone for f in firings if (zone := _table_zone(f.device, f, settings)) is not None}
    zones = {f.needle.id: zone_of(f.needle, tables[f.needle.id]) for f in firings if f.needle.id in tables}
    return _Work(firings, tables, zones, _sonicated(plan, firings, settings))


def _sonicated(plan: Plan, firings: Sequence[Firing], settings: Settings) -> tuple[_Sonicated, ...]:
    """Grids of foci one after the other, when the needles are done."""
    if plan.focus_grids and any(f.emitter.modality == "cryo" for f in firings):
        raise InvalidValue(
            "Heat and cold cannot be simulated together.",
            ", ".join(i.id for i in plan.instruments),
            "Put them in plans of their own.",
        )
    start = max((f.stop_s for f in firings), default=0.0)
    found = []
    for grid in plan.focus_grids:
        device = device_library().device(grid.device)
        turns = sonications_of(grid, device, start)
        start = turns[-1].stop_s
        zones: tuple[Spheroid, ...] = ()
        if device.usable_rows(settings.allow_ex_vivo):
            zones = grid_zones(grid, device.zone(grid.settings, settings.allow_ex_vivo))
        found.append(_Sonicated(grid, device, turns, zones))
    return tuple(found)


def _table_zone(device: Device, firing: Firing, settings: Settings) -> DeviceZone | None:
    """The device's own zone; None where no row of its table has both axes."""
    if not device.usable_rows(settings.allow_ex_vivo):
        if firing.emitter.modality == "microwave":
            device.zone(firing.needle.settings, settings.allow_ex_vivo)  # says what is missing
        return None
    return device.zone(firing.needle.settings, settings.allow_ex_vivo)


def _grid(work: _Work, grounds: LesionGrounds, settings: Settings) -> Grid:
    points = [
        ground.margin.outline.samples.points_lps_mm
        for name, ground in grounds.lesions.items()
        if name in {f.needle.lesion for f in work.firings} | {g.grid.lesion for g in work.grids}
    ]
    points += [_focal_points(g) for g in work.grids]
    for firing in work.firings:
        parts = firing.emitter.active_segments(firing.needle).reshape(-1, 3)
        zone = work.zones.get(firing.needle.id)
        if zone is None:
            points.append((parts[:, None, :] + UNKNOWN_ZONE_MM * ball_points()).reshape(-1, 3))
            continue
        points.append(parts)
        points.append(zone_points(zone, firing.device.lethal_inset_mm))
    if work.firings:
        needle = work.firings[0].needle
        middle, direction = np.array(needle.tip_lps_mm), needle.direction
    else:
        middle, direction = np.array(work.grids[0].grid.middle_lps_mm), work.grids[0].grid.direction
    return region_grid(np.concatenate(points), middle, direction, settings.simulation_voxel_mm)


def _focal_points(work: _Sonicated) -> FloatArray:
    """Both ends of each focus of a grid."""
    foci, along = np.array(work.grid.foci_lps_mm), work.grid.direction
    half = transducer_value(work.device, "focus_length").value
    return np.concatenate([foci - half * along, foci + half * along])


def _calibrations(work: _Work, settings: Settings, task: Task) -> dict[str, Calibration]:
    """Each needle alone in plain liver, where its device's zone is known; several work together with that."""
    fitted = [f for f in work.firings if f.needle.id in work.tables]
    found = {}
    for n, firing in enumerate(fitted):
        part = task.part(n / len(fitted), (n + 1) / len(fitted))
        calibrate = calibrate_antenna if firing.emitter.modality == "microwave" else calibrate_needle
        found[firing.needle.id] = calibrate(firing, work.tables[firing.needle.id], settings, part)
    return found


def _sources(
    region: Region, work: _Work, calibrations: Mapping[str, Calibration], settings: Settings
) -> list[HeatSource]:
    found: list[HeatSource] = []
    currents = [f for f in work.firings if f.emitter.modality == "radiofrequency"]
    if currents:
        found.append(RadiofrequencySource(region, currents, settings, calibrations))
    fibres = [f for f in work.firings if f.emitter.modality == "laser"]
    if fibres:
        found.append(LaserSource(region, fibres, calibrations))
    for firing in work.firings:
        id = firing.needle.id
        if firing.emitter.modality == "microwave":
            found.append(microwave_source(region, firing, work.tables[id], calibrations[id]))
    turns = [(s, beam_of(g.grid, g.device)) for g in work.grids for s in g.sonications]
    if turns:
        found.append(SonicationSource(region.grid, turns))
    return found


def _outcome(
    course: Course,
    region: Region,
    work: _Work,
    calibrations: Mapping[str, Calibration],
    words: str,
    settings: Settings,
) -> SimulatedAblation:
    cores = [f.emitter.active_segments(f.needle) for f in work.firings if has_cooled_core(f)]
    level = filled_level(region.grid, course.level, region.is_blood, cores)
    dead = np.asarray(level > 0)
    dead_at = np.where(dead, np.minimum(course.dead_at_s, course.times_s[-1]), np.inf).astype(np.float32)
    return SimulatedAblation(
        region.grid,
        region,
        course.times_s,
        course.temperatures_c,
        dead_at,
        dead,
        zone_boundary(region.grid, level) if dead.any() else None,
        _volumes_ml(dead_at, course.times_s, region.grid),
        course.hottest_c,
        course.coldest_c,
        work.zones,
        tuple(g.zones for g in work.grids if g.zones),
        tuple(PlannedZone(f.needle, t) for f in work.firings if (t := work.tables.get(f.needle.id))),
        len(work.zones) == len(work.firings) and all(g.zones for g in work.grids),
        calibrations,
        words,
        course.notes,
        _parameters(work, settings),
    )


def _parameters(work: _Work, settings: Settings) -> Mapping[str, Constant]:
    """Constants of tissues, needles and transducers."""
    found = dict(parameters_of({f.emitter.modality for f in work.firings}, work.firings, settings))
    for grid in work.grids:
        found["sound attenuation"] = SOUND_ATTENUATION
        for name in ("focus_width", "focus_length", "frequency"):
            found[f"{grid.device.name} {name.replace('_', ' ')}"] = transducer_value(grid.device, name)
    return found


def _volumes_ml(dead_at_s: Single, times_s: Sequence[float], grid: Grid) -> tuple[float, ...]:
    when = np.sort(dead_at_s[np.isfinite(dead_at_s)])
    return tuple(float(n) * grid.voxel_volume_ml for n in np.searchsorted(when, times_s, side="right"))
