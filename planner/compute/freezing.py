"""Ice balls: Pennes' equation with freezing, by the enthalpy method, on a voxel lattice.

The unknown is the heat content H; freezing spends the latent heat between two temperatures.
Conduction runs on Kirchhoff's potential, the integral of k dT: the flow between two voxels is the
difference of their potentials over their distance, exact where one of them is frozen and the other
not (Alexiades and Solomon, Mathematical Modeling of Melting and Freezing Processes, 1993, ch. 4).
Kernels hold both as the difference from resting tissue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import cast

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.active_box import ActiveBox
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

#: What leaves a voxel out of the active box, in K of unfrozen tissue.
QUIET_K = 1e-6
#: Perfusion stops and ice is drawn below this.
ICE_C = 0.0

#: The probe's temperature, or None while it thaws passively, and for how many seconds.
Phase = tuple[float | None, float]


@dataclass(frozen=True, eq=False)
class FreezingTissue:
    """Thermal properties of tissue that freezes; defaults after Choi and Bischof, Cryobiology 2010;60:52.

    Parameters
    ----------
    grid
        The lattice.
    conductivity_w_per_m_k, frozen_conductivity_w_per_m_k
        Above and below the freezing range; half-way between within it.
    heat_capacity_j_per_m3_k, frozen_heat_capacity_j_per_m3_k
        In the same way, without the latent heat.
    latent_j_per_m3
        Spent evenly between the two temperatures that follow.
    freezing_from_c, freezing_to_c
        Where freezing starts, not above 0 °C, and where it is complete, not above that.
    perfusion_w_per_m3_k
        W above 0 °C, one number or ``[k, j, i]``; below it nothing flows.

    Raises
    ------
    InvalidValue
        If a number is not finite, not positive, or the freezing range is not one below 0 °C.
    """

    grid: Grid
    conductivity_w_per_m_k: float = 0.5
    frozen_conductivity_w_per_m_k: float = 2.0
    heat_capacity_j_per_m3_k: float = 3.7e6
    frozen_heat_capacity_j_per_m3_k: float = 1.9e6
    latent_j_per_m3: float = 2.5e8
    freezing_from_c: float = -0.5
    freezing_to_c: float = -8.0
    perfusion_w_per_m3_k: npt.ArrayLike = 0.0

    def __post_init__(self) -> None:
        for name in (
            "conductivity_w_per_m_k",
            "frozen_conductivity_w_per_m_k",
            "heat_capacity_j_per_m3_k",
            "frozen_heat_capacity_j_per_m3_k",
            "latent_j_per_m3",
        ):
            value = getattr(self, name)
            if not isfinite(value) or value <= 0:
                raise InvalidValue(
                    "A property of freezing tissue must be positive.",
                    f"{name} {value}",
                    "Check the value and its unit.",
                )
        if not -100 < self.freezing_to_c <= self.freezing_from_c <= ICE_C:
            raise InvalidValue(
                "Freezing must start at 0 °C or below and end no warmer than it starts.",
                f"from {self.freezing_from_c} °C to {self.freezing_to_c} °C",
                "Take the default range.",
            )
        perfusion = lattice_values(self.perfusion_w_per_m3_k, self.grid, "perfusion_w_per_m3_k")
        if perfusion.min() < 0:
            raise InvalidValue(
                "A tissue property must be zero or more.",
                f"perfusion_w_per_m3_k as low as {perfusion.min():g}",
                "Check the value and its unit.",
            )
        object.__setattr__(self, "perfusion_w_per_m3_k", perfusion)

    def curve(self, body_c: float = BODY_C) -> FloatArray:
        """Temperature, heat content and potential at the corners of their relation.

        Rows from 100 K below the freezing range over its two ends to 100 K above body temperature,
        shape (4, 3); columns in °C, J/m³ and W/m, the last two zero at body temperature.  The
        relation is straight between the corners and beyond them.
        """
        k_u, k_f = self.conductivity_w_per_m_k, self.frozen_conductivity_w_per_m_k
        c_u, c_f = self.heat_capacity_j_per_m3_k, self.frozen_heat_capacity_j_per_m3_k
        start, end = self.freezing_from_c, self.freezing_to_c
        width = start - end
        h_start, p_start = c_u * (start - body_c), k_u * (start - body_c)
        h_end = h_start - self.latent_j_per_m3 - 0.5 * (c_u + c_f) * width
        p_end = p_start - 0.5 * (k_u + k_f) * width
        return np.array([
            [end - 100, h_end - 100 * c_f, p_end - 100 * k_f],
            [end, h_end, p_end],
            [start, h_start, p_start],
            [body_c + 100, 100 * c_u, 100 * k_u],
        ])  # fmt: skip


@dataclass(frozen=True, eq=False)
class FreezingResult:
    """The ice ball at the end of the cycles; all arrays ``[k, j, i]`` and read-only.

    Parameters
    ----------
    temperature_c, coldest_c
        At the end, and the lowest at any time (where it fell below 0 °C; elsewhere the lower of
        resting and last temperature); float32.
    ice
        Colder than 0 °C at the end.
    frames
        Time in s and temperature at the times asked for, when nobody listened.
    steps, step_s
        Number of steps, and the longest one.
    """

    temperature_c: Single
    coldest_c: Single
    ice: Mask
    frames: tuple[tuple[float, Single], ...]
    steps: int
    step_s: float

    def colder_than(self, lethal_c: float) -> Mask:
        """Voxels that reached a lethal temperature, such as -20 or -40 °C, at any time."""
        return self.coldest_c <= lethal_c


@dataclass(frozen=True, eq=False)
class FreezingProblem:
    """What is frozen, by which probes, and what holds around it.

    Parameters
    ----------
    tissue
        Properties on their lattice.
    probe
        Voxels of the probes' freezing lengths, ``[k, j, i]``.
    phases
        Freezes and thaws in order: the probe's temperature or None for passive thaw, and seconds.
    probe_face_factor
        For probes thinner than a voxel: see `bioheat.thin_needle_factor`.
    fixed
        Other voxels held at a temperature.  A transfer acts on unfrozen tissue exactly; on frozen
        tissue it warms more than it should, so the ice is not overstated.
    source_w_per_m3
        Heat given (or, negative, taken) in each voxel.
    body_c
        Resting temperature, of the blood and of a fixed boundary.
    boundary
        As in `bioheat.BioheatProblem`.

    Raises
    ------
    InvalidValue
        If shapes differ, numbers are not finite, or there is no phase.
    """

    tissue: FreezingTissue
    probe: Mask
    phases: Sequence[Phase]
    probe_face_factor: float = 1.0
    fixed: Sequence[FixedVoxels] = ()
    source_w_per_m3: npt.ArrayLike = 0.0
    body_c: float = BODY_C
    boundary: Boundary | Boundaries = "fixed"

    def __post_init__(self) -> None:
        grid = self.tissue.grid
        for celsius, seconds in self.phases:
            checked_stops(seconds, ())
            FixedVoxels(self.probe, 0.0 if celsius is None else celsius, None, self.probe_face_factor)
        if not self.phases or not self.tissue.freezing_from_c < self.body_c < np.inf:
            raise InvalidValue(
                "Freezing needs at least one phase, and a body warmer than the freezing range.",
                f"{len(self.phases)} phases, body at {self.body_c} °C",
                "Give (probe temperature or None, seconds) for each freeze and thaw.",
            )
        checked_fixed([FixedVoxels(self.probe)], grid)
        object.__setattr__(self, "probe", readonly(np.array(self.probe, dtype=bool)))
        object.__setattr__(self, "fixed", checked_fixed(self.fixed, grid))
        object.__setattr__(self, "source_w_per_m3", lattice_values(self.source_w_per_m3, grid, "source"))
        object.__setattr__(self, "boundary", checked_boundary(self.boundary))

    @property
    def duration_s(self) -> float:
        """Length of all phases together."""
        return float(sum(seconds for _, seconds in self.phases))


def solve_freezing(
    problem: FreezingProblem,
    *,
    frames_s: Sequence[float] = (),
    on_frame: FrameListener | None = None,
    whole_lattice: bool = False,
    task: Task | None = None,
) -> FreezingResult:
    """Freeze and thaw tissue through all phases; the same input gives the same bits.

    Parameters
    ----------
    frames_s
        Times from the first phase's start, met exactly, at which the temperature is handed to
        ``on_frame`` or kept.
    whole_lattice
        Work on every voxel instead of the region that grows with the cold (for proofs).
    task
        Told about progress; stops the work when cancelled.

    Raises
    ------
    InvalidValue
        If a frame lies outside the phases.
    Cancelled
        When the task was cancelled.
    """
    total_s = problem.duration_s
    stops = checked_stops(total_s, frames_s)
    task = task or Task()
    run = _Run(problem, whole_lattice)
    kept: list[tuple[float, Single]] = []
    listener = on_frame or (lambda time_s, celsius: kept.append((time_s, celsius)))
    steps, now_s, end_s, longest_s = 0, 0.0, 0.0, 0.0
    for number, (probe_c, seconds) in enumerate(problem.phases):
        run.begin(probe_c)
        end_s = total_s if number == len(problem.phases) - 1 else end_s + seconds
        word = "Thawing" if probe_c is None else "Freezing"
        within = [s for s in stops if now_s < s < end_s or s == now_s == 0]
        for stop_s in [*within, end_s]:
            count = steps_between(now_s, stop_s, run.limit_s)
            step_s = (stop_s - now_s) / max(count, 1)
            longest_s = max(longest_s, step_s)
            done = 0
            while done < count:
                if steps % STEPS_A_REPORT == 0:
                    time_s = now_s + done * step_s
                    task.report(time_s / total_s, f"{word}: {time_s:.0f} of {total_s:.0f} s")
                burst = burst_length(count - done, steps, STEPS_A_REPORT)
                run.advance(burst, step_s)
                steps, done = steps + burst, done + burst
            now_s = stop_s
            if stop_s in frames_s:
                listener(stop_s, run.celsius("potential"))
    task.report(1.0, "Freezing done")
    temperature = run.celsius("potential")
    return FreezingResult(
        temperature, run.celsius("coldest"), readonly(temperature < ICE_C), tuple(kept), steps, longest_s
    )


class _Run:
    """The changing state of one solution, as differences from resting tissue."""

    active: ActiveBox
    new: Single
    limit_s: float

    def __init__(self, problem: FreezingProblem, whole_lattice: bool) -> None:
        tissue, shape = problem.tissue, problem.tissue.grid.shape
        self.problem = problem
        self.whole_lattice = whole_lattice
        self.curve = tissue.curve(problem.body_c)
        _, content, potential = self.curve.T
        self.slopes = np.diff(potential) / np.diff(content)
        ice = tissue.conductivity_w_per_m_k * (ICE_C - problem.body_c)
        self.packed = np.array([content[1], content[2], *self.slopes, ice], dtype=np.float32)
        self.arrays = {
            name: rimmed(0.0, shape) for name in ("potential", "content", "coldest", "free", "source")
        }
        self.arrays["source"][INNER] = problem.source_w_per_m3
        perfusion = cast(Single, tissue.perfusion_w_per_m3_k)
        self.arrays["perfusion"] = rimmed(perfusion / tissue.conductivity_w_per_m_k, shape)

    def begin(self, probe_c: float | None) -> None:
        """Hold or release the probe."""
        problem, tissue = self.problem, self.problem.tissue
        if hasattr(self, "active"):
            for name in CHANGING:
                self.active.whole(name)
        fixed = [
            replace(v, transfer_w_per_m2_k=v.transfer_w_per_m2_k / tissue.conductivity_w_per_m_k)
            if v.transfer_w_per_m2_k is not None
            else v
            for v in problem.fixed
        ]
        if probe_c is not None:
            fixed.append(FixedVoxels(problem.probe, probe_c, None, problem.probe_face_factor))
        self.arrays["free"][INNER] = 1.0
        for voxels in fixed:
            self.arrays["free"][INNER][voxels.mask] = 0.0
            for column, name in ((1, "content"), (2, "potential")):
                self.arrays[name][INNER][voxels.mask] = self._along(voxels.held_c, 0, column)
        np.minimum(self.arrays["coldest"], self.arrays["potential"], out=self.arrays["coldest"])
        # Potentials conduct like a material of conductivity 1.
        ones = np.ones(tissue.grid.shape, dtype=np.float32)
        faces = face_conductances(ones, tissue.grid, fixed, problem.boundary)
        self.arrays.update(gi=faces[0], gj=faces[1], gk=faces[2])
        steepest = np.float32(self.slopes.max())
        self.limit_s = longest_step_s(faces, self.arrays["perfusion"], self.arrays["free"] * steepest)
        self.active = ActiveBox(self.arrays, CHANGING, self.whole_lattice)
        self.new = self.active.part["potential"].copy()

    def advance(self, count: int, step_s: float) -> None:
        """Take up to `REACH` steps."""
        if self.active.look("potential", QUIET_K * self.problem.tissue.conductivity_w_per_m_k):
            self.new = self.active.part["potential"].copy()
        part = self.active.part
        _steps(
            count, part["potential"].reshape(-1), self.new.reshape(-1), part["content"].reshape(-1),
            part["coldest"].reshape(-1), part["gi"].reshape(-1), part["gj"].reshape(-1),
            part["gk"].reshape(-1), part["free"].reshape(-1), part["perfusion"].reshape(-1),
            part["source"].reshape(-1), np.float32(step_s), self.packed, *self.active.box.shape,
        )  # fmt: skip
        if count % 2 == 1:
            part["potential"], self.new = self.new, part["potential"]

    def celsius(self, name: str) -> Single:
        """The temperature of a potential; of the coldest, or now."""
        potential = self.active.whole("potential")
        if name == "coldest":
            potential = np.minimum(potential, self.active.whole("coldest"))
        return readonly(self._along(potential, 2, 0).astype(np.float32))

    def _along(self, values: npt.ArrayLike, source: int, target: int) -> FloatArray:
        """One column of the curve from another, straight between and beyond its corners."""
        x, y = self.curve[:, source], self.curve[:, target]
        at = np.asarray(values, dtype=np.float64)
        inside: FloatArray = np.asarray(np.interp(at, x, y))
        below = np.minimum(at - x[0], 0.0) * (y[1] - y[0]) / (x[1] - x[0])
        above = np.maximum(at - x[3], 0.0) * (y[3] - y[2]) / (x[3] - x[2])
        return np.asarray(inside + below + above)


CHANGING = ("potential", "content", "coldest")


@kernel
def _steps(
    count: int, one_way: Single, other_way: Single, content: Single, coldest: Single, gi: Single,
    gj: Single, gk: Single, free: Single, perfusion: Single, source: Single, step_s: np.float32,
    packed: Single, nk: int, nj: int, ni: int,
) -> None:  # fmt: skip
    """Some steps of a box, as waves that follow each other; see the kernel in `bioheat`."""
    for front in range(nk + count - 1):
        for n in range(count):
            k = front - n
            if 0 <= k < nk:
                old, new = (one_way, other_way) if n % 2 == 0 else (other_way, one_way)
                _sheet(
                    k, old, new, content, coldest, gi, gj, gk, free, perfusion, source, step_s, packed, nj, ni
                )  # fmt: skip


@kernel
def _sheet(
    k: int, old: Single, new: Single, content: Single, coldest: Single, gi: Single, gj: Single,
    gk: Single, free: Single, perfusion: Single, source: Single, step_s: np.float32, packed: Single,
    nj: int, ni: int,
) -> None:  # fmt: skip
    """One step of a sheet; flat arrays of the box with its rim, potentials in ``old`` and ``new``.

    ``packed``: content at the cold and the warm end of freezing, the slopes of potential over
    content when frozen, freezing and unfrozen, potential at 0 °C.  Blood flows in that share of
    a voxel which its neighbours say is warmer than 0 °C: all or nothing would stop a growing ice
    ball half a voxel early.
    """
    cold_end = packed[0]
    warm_end = packed[1]
    frozen = packed[2]
    freezing = packed[3]
    unfrozen = packed[4]
    ice = packed[5]
    none = np.float32(0.0)
    half = np.float32(0.5)
    one_whole = np.float32(1.0)
    tiny = np.float32(1e-25)
    one = np.uint64(1)
    row = np.uint64(ni + 2)
    sheet = np.uint64((ni + 2) * (nj + 2))
    for j in range(nj):
        start = np.uint64(((k + 1) * (nj + 2) + j + 1) * (ni + 2) + 1)
        stop = start + np.uint64(ni)
        for x in range(start, stop):
            c = old[x]
            east, west = old[x + one], old[x - one]
            north, south = old[x + row], old[x - row]
            up, down = old[x + sheet], old[x - sheet]
            flow = gi[x] * (east - c) + gi[x - one] * (west - c)
            flow += gj[x] * (north - c) + gj[x - row] * (south - c)
            flow += gk[x] * (up - c) + gk[x - sheet] * (down - c)
            # Potentials within the voxel spread by a quarter of this to either side.
            spread = abs(east - west) + abs(north - south) + abs(up - down) + tiny
            flowing = half + (c - ice) / (half * spread)
            flowing = one_whole if flowing > one_whole else flowing
            flowing = none if flowing < none else flowing
            content[x] += step_s * free[x] * (flow - flowing * perfusion[x] * c + source[x])
        for x in range(start, stop):
            h = content[x]
            # Exactly zero at rest.
            above = h if h > warm_end else warm_end
            capped = h if h < warm_end else warm_end
            below = capped - cold_end if capped < cold_end else none
            within = capped - warm_end - below
            value = unfrozen * above + freezing * within + frozen * below
            new[x] = none if abs(value) < tiny else value
        count = 0
        for x in range(start, stop):
            count += new[x] < ice
        if count > 0:
            for x in range(start, stop):
                coldest[x] = new[x] if new[x] < coldest[x] else coldest[x]
