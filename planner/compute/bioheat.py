"""Pennes' bioheat equation on a voxel lattice, with the death of the heated tissue.

rho c dT/dt = div(k grad T) + W (T_a - T) + Q (Pennes, J Appl Physiol 1948;1:93), by explicit Euler
on a seven-point stencil.  The conductance of a face is that of its two half voxels in series
(harmonic mean; Patankar, Numerical Heat Transfer and Fluid Flow, 1980, 4.2-3), so the scheme
conserves energy.  Kernels hold T - T_a, which is exactly zero at rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import cast

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.active_box import ActiveBox
from planner.compute.cell_death import DEAD_AT, FOURTH, LOW_C, DeathModel, advance_damage, counts_at
from planner.compute.heat_lattice import (
    BODY_C,
    INNER,
    STEPS_A_REPORT,
    Boundaries,
    Boundary,
    FixedVoxels,
    FloatArray,
    FrameListener,
    Mask,
    Single,
    burst_length,
    checked_boundary,
    checked_fixed,
    checked_stops,
    face_conductances,
    lattice_values,
    longest_step_s,
    readonly,
    rimmed,
    steps_between,
)
from planner.compute.threads import kernel
from planner.model.geometry import Grid

#: Called with the time in s and the temperature in °C; the new source in W/m³, or None to keep it.
SourceControl = Callable[[float, Single], npt.ArrayLike | None]

#: A packed death model that counts at no temperature.
NOTHING_DIES = np.array([0.0, inf, inf, inf, 0.0, 0.0, 0.0, 0.0])
#: Tissue nearer than this to its resting temperature, in K, may be left out of the active box.
QUIET_K = 2e-7
#: From here above arterial the highest temperature is followed at every step.
WARM_K = 1.0


@dataclass(frozen=True, eq=False)
class Tissue:
    """Thermal properties of each voxel: one number for all, or an array ``[k, j, i]``.

    Parameters
    ----------
    grid
        The lattice.
    conductivity_w_per_m_k, heat_capacity_j_per_m3_k
        k and rho c, both positive.
    perfusion_w_per_m3_k
        W = omega rho_b c_b, not negative.

    Raises
    ------
    InvalidValue
        If a shape differs from the grid's, or a number is not finite or has the wrong sign.
    """

    grid: Grid
    conductivity_w_per_m_k: npt.ArrayLike = 0.52
    heat_capacity_j_per_m3_k: npt.ArrayLike = 1060.0 * 3600.0
    perfusion_w_per_m3_k: npt.ArrayLike = 0.0

    def __post_init__(self) -> None:
        for name, above_zero in (
            ("conductivity_w_per_m_k", True),
            ("heat_capacity_j_per_m3_k", True),
            ("perfusion_w_per_m3_k", False),
        ):
            values = lattice_values(getattr(self, name), self.grid, name)
            low = float(values.min())
            if low < 0 or (above_zero and low == 0):
                raise InvalidValue(
                    f"A tissue property must be {'positive' if above_zero else 'zero or more'}.",
                    f"{name} as low as {low:g}",
                    "Check the value and its unit.",
                )
            object.__setattr__(self, name, values)


@dataclass(frozen=True)
class Vaporisation:
    """Latent heat of tissue water spread over a range, as an effective heat capacity.

    Abraham and Sparrow, Int J Heat Mass Transf 2007;50:2537.  The energy is kept exactly: a step
    across the range spends the latent heat.
    """

    latent_j_per_kg: float = 2.26e6
    water_content: float = 0.7
    density_kg_per_m3: float = 1060.0
    low_c: float = 99.0
    high_c: float = 101.0

    def __post_init__(self) -> None:
        numbers = (self.latent_j_per_kg, self.water_content, self.density_kg_per_m3, self.high_c - self.low_c)
        if not all(isfinite(n) and n > 0 for n in numbers) or self.water_content > 1:
            raise InvalidValue(
                "Latent heat needs positive numbers, a water content up to 1 and a rising range.",
                str(self),
                "Take the defaults.",
            )

    @property
    def latent_j_per_m3(self) -> float:
        """Latent heat of a volume of tissue."""
        return self.latent_j_per_kg * self.water_content * self.density_kg_per_m3


@dataclass(frozen=True, eq=False)
class BioheatProblem:
    """What is heated, by what, and what holds around it.

    Parameters
    ----------
    tissue
        Properties on their lattice.
    source_w_per_m3
        Q at the start, one number or ``[k, j, i]``; may be negative.
    fixed
        Voxels held at a temperature; later ones win.
    death
        What kills; where tissue is dead its perfusion stops.  None: nothing dies.
    arterial_c
        T_a, also the temperature of a fixed boundary.
    initial_c
        Temperature at the start, arterial when left out.
    boundary
        One for all sides, or low and high along i, j, k.  A fixed boundary lies on the outer faces.
    vaporisation
        Latent heat of water, when it is to count.
    ceiling_c
        No tissue gets hotter than this; None for no limit.

    Raises
    ------
    InvalidValue
        If shapes differ or numbers are not finite.
    """

    tissue: Tissue
    source_w_per_m3: npt.ArrayLike = 0.0
    fixed: Sequence[FixedVoxels] = ()
    death: DeathModel | None = None
    arterial_c: float = BODY_C
    initial_c: npt.ArrayLike | None = None
    boundary: Boundary | Boundaries = "fixed"
    vaporisation: Vaporisation | None = None
    ceiling_c: float | None = 105.0

    def __post_init__(self) -> None:
        grid = self.tissue.grid
        object.__setattr__(self, "source_w_per_m3", lattice_values(self.source_w_per_m3, grid, "source"))
        if self.initial_c is not None:
            object.__setattr__(self, "initial_c", lattice_values(self.initial_c, grid, "initial_c"))
        object.__setattr__(self, "fixed", checked_fixed(self.fixed, grid))
        object.__setattr__(self, "boundary", checked_boundary(self.boundary))
        if not isfinite(self.arterial_c) or (
            self.ceiling_c is not None and not self.arterial_c < self.ceiling_c < inf
        ):
            raise InvalidValue(
                "The ceiling must lie above the arterial temperature.",
                f"arterial {self.arterial_c} °C, ceiling {self.ceiling_c} °C",
                "Give degrees Celsius, or no ceiling.",
            )


@dataclass(frozen=True, eq=False)
class HeatResult:
    """Temperatures and dead tissue at the end; all arrays ``[k, j, i]`` and read-only.

    Parameters
    ----------
    temperature_c, hottest_c
        At the end, and the highest at any time (followed from 1 K above arterial; below that the
        higher of start and end); float32.
    damage, dead
        In the unit of the death model, and whether it reached death.
    dead_at_s
        When it did; infinite where it did not.
    frames
        Time in s and temperature at the times asked for, when nobody listened.
    steps, step_s, limit_s
        Number of steps, the longest one, and the longest stable one times the safety.
    """

    temperature_c: Single
    hottest_c: Single
    damage: FloatArray
    dead: Mask
    dead_at_s: Single
    frames: tuple[tuple[float, Single], ...]
    steps: int
    step_s: float
    limit_s: float


def solve_bioheat(
    problem: BioheatProblem,
    duration_s: float,
    *,
    frames_s: Sequence[float] = (),
    on_frame: FrameListener | None = None,
    control: SourceControl | None = None,
    control_every: int = 10,
    whole_lattice: bool = False,
    task: Task | None = None,
) -> HeatResult:
    """Heat tissue for some time; the same input gives the same bits.

    Parameters
    ----------
    frames_s
        Times met exactly, at which the temperature is handed to ``on_frame`` or kept.
    control, control_every
        Asked for a new source before every so many steps.
    whole_lattice
        Work on every voxel instead of the region that grows with the heat (for proofs).
    task
        Told about progress; stops the work when cancelled.

    Raises
    ------
    InvalidValue
        If a time is negative or not finite, or the temperature leaves the range of numbers.
    Cancelled
        When the task was cancelled.
    """
    stops = checked_stops(duration_s, frames_s)
    control_every = max(control_every, 1)
    run = _Run(problem, whole_lattice)
    task = task or Task()
    kept: list[tuple[float, Single]] = []
    listener = on_frame or (lambda time_s, celsius: kept.append((time_s, celsius)))
    steps, now_s, longest_s = 0, 0.0, 0.0
    for stop_s in stops:
        count = steps_between(now_s, stop_s, run.limit_s)
        step_s = (stop_s - now_s) / max(count, 1)
        longest_s = max(longest_s, step_s)
        done = 0
        while done < count:
            time_s = now_s + done * step_s
            if steps % STEPS_A_REPORT == 0:
                task.report(time_s / duration_s, f"Heating: {time_s:.0f} of {duration_s:.0f} s")
            if control is not None and steps % control_every == 0:
                run.take_source(control(time_s, run.celsius()))
            burst = burst_length(count - done, steps, STEPS_A_REPORT, control_every)
            run.advance(burst, step_s, time_s)
            steps, done = steps + burst, done + burst
        now_s = stop_s
        if stop_s in frames_s:
            listener(stop_s, run.celsius())
    task.report(1.0, "Heating done")
    return HeatResult(
        run.celsius(), run.hottest_celsius(), readonly(run.damage), readonly(run.dead),
        readonly(run.dead_at), tuple(kept), steps, longest_s, run.limit_s,
    )  # fmt: skip


class _Run:
    """The changing state of one solution; ``excess`` is T - T_a."""

    def __init__(self, problem: BioheatProblem, whole_lattice: bool) -> None:
        tissue, shape = problem.tissue, problem.tissue.grid.shape
        self.problem = problem
        self.model = NOTHING_DIES if problem.death is None else problem.death.packed
        faces = face_conductances(
            cast(Single, tissue.conductivity_w_per_m_k), tissue.grid, problem.fixed, problem.boundary
        )
        perfusion = rimmed(tissue.perfusion_w_per_m3_k, shape)
        inverse_capacity = rimmed(1.0 / cast(Single, tissue.heat_capacity_j_per_m3_k), shape)
        excess = rimmed(0.0, shape)
        if problem.initial_c is not None:
            excess[INNER] = np.asarray(problem.initial_c, dtype=np.float64) - problem.arterial_c
        for voxels in problem.fixed:
            inverse_capacity[INNER][voxels.mask] = 0.0
            excess[INNER][voxels.mask] = voxels.held_c - problem.arterial_c
        self.limit_s = longest_step_s(faces, perfusion, inverse_capacity)
        arrays = {
            "excess": excess, "perfusion": perfusion, "inverse_capacity": inverse_capacity,
            "hottest": excess.copy(), "source": rimmed(problem.source_w_per_m3, shape),
            "gi": faces[0], "gj": faces[1], "gk": faces[2],
        }  # fmt: skip
        restless = problem.death is not None and counts_at(self.model, problem.arterial_c)
        self.active = ActiveBox(arrays, ("excess", "perfusion", "hottest"), whole_lattice or restless)
        self.new = self.active.part["excess"].copy()
        self.damage = np.zeros(shape)
        self.alive = np.full(shape, self.model[FOURTH])
        self.dead = np.zeros(shape, dtype=bool)
        self.dead_at = np.full(shape, inf, dtype=np.float32)
        self._set_thresholds()

    def _set_thresholds(self) -> None:
        problem, rest = self.problem, self.problem.arterial_c
        top = inf if problem.ceiling_c is None else problem.ceiling_c - rest
        boil = problem.vaporisation
        self.boiling = np.array([0.0, inf, inf, top])
        if boil is not None:
            self.boiling = np.array([boil.latent_j_per_m3, boil.low_c - rest, boil.high_c - rest, top])
        # Latent heat is reckoned from temperatures that no ceiling has cut off.
        self.ceiling = np.float32(top if boil is None else inf)
        # A hair below, so that rounding leaves no voxel out that counts.
        self.lethal = np.float32(self.model[LOW_C] - rest - 1e-3)
        self.warm = np.float32(min(WARM_K, self.lethal, self.boiling[1]))

    def advance(self, count: int, step_s: float, now_s: float) -> None:
        """Take up to `REACH` steps from a time on."""
        if self.active.look("excess", QUIET_K):
            self.new = self.active.part["excess"].copy()
        part, where = self.active.part, self.active.box.slices
        _steps(
            count, part["excess"].reshape(-1), self.new.reshape(-1), part["gi"].reshape(-1),
            part["gj"].reshape(-1), part["gk"].reshape(-1), part["inverse_capacity"].reshape(-1),
            part["perfusion"].reshape(-1), part["source"].reshape(-1), part["hottest"].reshape(-1),
            np.float32(step_s), self.ceiling, self.warm, self.lethal, self.boiling, self.model,
            self.damage[where], self.alive[where], self.dead[where], self.dead_at[where],
            self.problem.arterial_c, step_s, now_s,
        )  # fmt: skip
        if count % 2 == 1:
            part["excess"], self.new = self.new, part["excess"]

    def take_source(self, source: npt.ArrayLike | None) -> None:
        if source is not None:
            values = lattice_values(source, self.problem.tissue.grid, "source of the control")
            self.active.set_source(values)
            self.new = self.active.part["excess"].copy()

    def celsius(self) -> Single:
        excess = self.active.whole("excess")
        if not np.all(np.isfinite(excess)):
            raise InvalidValue(
                "The temperature left the range of numbers.", "source", "Lower the source's power."
            )
        return readonly(excess + np.float32(self.problem.arterial_c))

    def hottest_celsius(self) -> Single:
        hottest = np.maximum(self.active.whole("hottest"), self.active.whole("excess"))
        return readonly(hottest + np.float32(self.problem.arterial_c))


@kernel
def _steps(
    count: int, one_way: Single, other_way: Single, gi: Single, gj: Single, gk: Single,
    inverse_capacity: Single, perfusion: Single, source: Single, hottest: Single, step_s: np.float32,
    ceiling: np.float32, warm: np.float32, lethal: np.float32, boiling: FloatArray, model: FloatArray,
    damage: FloatArray, alive: FloatArray, dead: Mask, dead_at: Single, rest_c: float,
    damage_step_s: float, now_s: float,
) -> None:  # fmt: skip
    """Some steps of a box, to and fro between two arrays, as waves that follow each other.

    A step may work on a sheet as soon as the step before has done the next one, so that what is
    read from memory serves all steps.  The result is that of one step after the other.
    """
    sheets = damage.shape[0]
    for front in range(sheets + count - 1):
        for n in range(count):
            k = front - n
            if 0 <= k < sheets:
                old, new = (one_way, other_way) if n % 2 == 0 else (other_way, one_way)
                _sheet(
                    k, old, new, gi, gj, gk, inverse_capacity, perfusion, source, hottest, step_s, ceiling,
                    warm, lethal, boiling, model, damage[k], alive[k], dead[k], dead_at[k], rest_c, damage_step_s,
                    now_s + (n + 1) * damage_step_s,
                )  # fmt: skip


@kernel
def _sheet(
    k: int, old: Single, new: Single, gi: Single, gj: Single, gk: Single, inverse_capacity: Single,
    perfusion: Single, source: Single, hottest: Single, step_s: np.float32, ceiling: np.float32,
    warm: np.float32, lethal: np.float32, boiling: FloatArray, model: FloatArray, damage: FloatArray,
    alive: FloatArray, dead: Mask, dead_at: Single, rest_c: float, damage_step_s: float, then_s: float,
) -> None:  # fmt: skip
    """One step of a sheet: conduction, perfusion and source, then boiling, peak and damage.

    The arrays from ``old`` to ``hottest`` are those of the box with its rim, flat; the last four
    the sheet's, ``[j, i]`` without a rim.  Unsigned places and single precision throughout let the
    loop run in wide registers.
    """
    nj, ni = damage.shape
    none = np.float32(0.0)
    tiny = np.float32(1e-25)
    one = np.uint64(1)
    row = np.uint64(ni + 2)
    sheet = np.uint64((ni + 2) * (nj + 2))
    for j in range(nj):
        start = np.uint64(((k + 1) * (nj + 2) + j + 1) * (ni + 2) + 1)
        stop = start + np.uint64(ni)
        for x in range(start, stop):
            c = old[x]
            flow = gi[x] * (old[x + one] - c) + gi[x - one] * (old[x - one] - c)
            flow += gj[x] * (old[x + row] - c) + gj[x - row] * (old[x - row] - c)
            flow += gk[x] * (old[x + sheet] - c) + gk[x - sheet] * (old[x - sheet] - c)
            value = c + step_s * inverse_capacity[x] * (flow - perfusion[x] * c + source[x])
            value = ceiling if value > ceiling else value
            # Numbers too small for their format would take a hundred times as long.
            new[x] = none if abs(value) < tiny else value
        if _reaches(old, new, start, stop, warm):
            if boiling[0] > 0.0:
                _boil(old[start:stop], new[start:stop], inverse_capacity[start:stop], boiling)
            for x in range(start, stop):
                hottest[x] = new[x] if new[x] > hottest[x] else hottest[x]
            if _reaches(old, new, start, stop, lethal):
                _harm(
                    old[start:stop], new[start:stop], damage[j], alive[j], dead[j], dead_at[j],
                    perfusion[start:stop], model, rest_c, damage_step_s, then_s,
                )  # fmt: skip


@kernel
def _reaches(old: Single, new: Single, start: np.uint64, stop: np.uint64, level: np.float32) -> bool:
    """Whether a row is or was at a level anywhere; counted, since a search cannot run wide."""
    count = 0
    for x in range(start, stop):
        count += (new[x] >= level) | (old[x] >= level)
    return count > 0


@kernel
def _boil(before: Single, after: Single, inverse_capacity: Single, boiling: FloatArray) -> None:
    """Spend latent heat on the way across the range; ``boiling``: latent heat, low, high, ceiling."""
    low = boiling[1]
    width = boiling[2] - low
    for i in range(after.size):
        if before[i] > low or after[i] > low:
            latent_k = boiling[0] * inverse_capacity[i]
            wet = min(max((before[i] - low) / width, 0.0), 1.0)
            # Heat content over heat capacity, in K, then back to a temperature.
            content = after[i] + latent_k * wet
            if content > low:
                content = max(low + (content - low) * width / (width + latent_k), content - latent_k)
            after[i] = min(content, boiling[3])


@kernel
def _harm(
    before: Single, after: Single, damage: FloatArray, alive: FloatArray, dead: Mask, dead_at: Single,
    perfusion: Single, model: FloatArray, rest_c: float, step_s: float, then_s: float,
) -> None:  # fmt: skip
    """Let damage grow at the temperature half-way through the step; the dead lose perfusion."""
    for i in range(after.size):
        celsius = rest_c + 0.5 * (before[i] + after[i])
        if counts_at(model, celsius):
            damage[i], alive[i] = advance_damage(model, damage[i], alive[i], celsius, step_s)
            if damage[i] >= model[DEAD_AT] and not dead[i]:
                dead[i] = True
                dead_at[i] = then_s
                perfusion[i] = 0.0
