"""Heat of several sources in the tissue of a region, over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.course import (
    DEATH_MODELS,
    Course,
    SnapshotListener,
    Snapshots,
    heat_level,
    kept_notes,
)
from planner_plugins.thermal_ablation.simulation.region import Region

from planner.base.task import Task
from planner.compute.bioheat import BioheatProblem, Tissue, Vaporisation, solve_bioheat
from planner.compute.heat_lattice import BODY_C, Boundaries, Boundary, FixedVoxels, Single
from planner.planning.tissues import HOTTEST, LATENT_HEAT, LIVER, WATER_CONTENT

#: Sources are asked anew after about so long.
ASK_S = 2.0


class HeatSource(Protocol):
    """Something that heats tissue, steadily or under control."""

    fixed: tuple[FixedVoxels, ...]

    def update(self, time_s: float, celsius: Single) -> bool:
        """Look at the time and the tissue; whether `heat` changed."""

    @property
    def heat_w_per_m3(self) -> Single:
        """Heat given to each voxel now."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What it did, in words."""


@dataclass(eq=False)
class SteadySource:
    """Heat that does not change while it is on.

    Parameters
    ----------
    on_w_per_m3
        While it is on, ``[k, j, i]``.
    start_s, stop_s
        When.
    notes
        Words about it.
    """

    on_w_per_m3: Single
    start_s: float
    stop_s: float
    notes: tuple[str, ...] = ()
    fixed: tuple[FixedVoxels, ...] = ()
    _is_on: bool = False

    def update(self, time_s: float, celsius: Single) -> bool:
        """Switch on or off."""
        del celsius
        was, self._is_on = self._is_on, self.start_s <= time_s < self.stop_s
        return was != self._is_on

    @property
    def heat_w_per_m3(self) -> Single:
        """Its heat, or none."""
        return self.on_w_per_m3 if self._is_on else np.zeros_like(self.on_w_per_m3)


def heat_problem(
    region: Region,
    settings: Settings,
    source_w_per_m3: Single,
    fixed: Sequence[FixedVoxels] = (),
    boundary: Boundary | Boundaries = "fixed",
) -> BioheatProblem:
    """Heat in a region's tissue, with wide vessels as sinks where their blood flows."""
    vessels = [v.held() for v in region.vessels] if settings.vessel_flow else []
    boiling = Vaporisation(LATENT_HEAT.value, WATER_CONTENT.value, LIVER.density.value)
    tissue = Tissue(
        region.grid,
        region.conductivity_w_per_m_k(),
        region.heat_capacity_j_per_m3_k(),
        region.perfusion_w_per_m3_k(settings.liver_perfusion_per_s),
    )
    return BioheatProblem(
        tissue,
        source_w_per_m3,
        (*vessels, *fixed),
        DEATH_MODELS[settings.death_model],
        BODY_C,
        None,
        boundary,
        boiling,
        HOTTEST.value,
    )


def heat_course(
    region: Region,
    sources: Sequence[HeatSource],
    duration_s: float,
    settings: Settings,
    task: Task,
    on_snapshot: SnapshotListener | None = None,
) -> Course:
    """Let sources heat a region for some time.

    Raises
    ------
    InvalidValue
        If a source is not finite.
    """
    rest = np.full(region.grid.shape, BODY_C, dtype=np.float32)
    for source in sources:
        source.update(0.0, rest)
    start = _sum(region, sources)
    problem = heat_problem(region, settings, start, [f for s in sources for f in s.fixed])
    shots = Snapshots(duration_s, on_snapshot)

    def control(time_s: float, celsius: Single) -> Single | None:
        changed = [s.update(time_s, celsius) for s in sources]
        return _sum(region, sources) if any(changed) else None

    is_steady = all(
        isinstance(s, SteadySource) and s.start_s == 0 and s.stop_s >= duration_s for s in sources
    )
    result = solve_bioheat(
        problem,
        duration_s,
        frames_s=shots.times_s,
        on_frame=shots.take,
        control=None if is_steady else control,
        control_every=max(1, round(ASK_S / longest_step_guess_s(region))),
        task=task,
    )
    return Course(
        region.grid,
        shots.times_s,
        shots.stacked(),
        heat_level(result, DEATH_MODELS[settings.death_model]),
        result.dead_at_s,
        float(result.hottest_c.max()),
        float(result.temperature_c.min()),
        kept_notes(*(s.notes for s in sources)),
    )


def longest_step_guess_s(region: Region) -> float:
    """About the step of the heat solver: h² / 6 alpha in liver."""
    h_m = region.grid.spacing_mm[0] * 1e-3
    return h_m**2 * LIVER.heat_capacity_j_per_m3_k / (6.0 * LIVER.conductivity.value)


def _sum(region: Region, sources: Sequence[HeatSource]) -> Single:
    total = np.zeros(region.grid.shape, dtype=np.float32)
    for source in sources:
        total += source.heat_w_per_m3
    return total
