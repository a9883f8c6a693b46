"""The field of an array pulse by pulse: each pair solved, the largest field kept, heat added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.tissue_lattice import TissueLattice

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.compute.electric_field import ElectricProblem, ElectricResult, solve_electric_field
from planner.compute.heat_lattice import BODY_C, Single, readonly
from planner.compute.level_boundary import filled_from_nearest
from planner.compute.pulse_heat import BOILING_C, adiabatic_rise_k
from planner.compute.thin_electrode import ThinElectrode
from planner.model.electrode_array import ElectrodeArray, PulsePair
from planner.model.geometry import Box, Grid
from planner.planning.pulsed_tissues import PULSED_RISE

#: Residual of the currents; the mismatch of a conductivity in the worst voxel.
TOLERANCE, MISMATCH = 1e-4, 0.005
#: Current into the tissue and out of it differ by no more than this share.
MOST_LEAK = 0.005


@dataclass(frozen=True)
class PulsedPair:
    """One pair at one pull-back.

    Parameters
    ----------
    array, pair, position
        The array as it stands then, which two of its electrodes, and the number of pull-backs before.
    radius_mm
        Of the metal.
    """

    array: ElectrodeArray
    pair: PulsePair
    position: int
    radius_mm: float

    @property
    def numbers(self) -> tuple[int, int]:
        """Of its electrodes, from zero."""
        return self.pair.a, self.pair.b

    @property
    def title(self) -> str:
        """For people, who count from one."""
        back = f" after {self.position} pull-backs" if self.position else ""
        return f"pair {self.pair.a + 1}-{self.pair.b + 1}{back}"

    @property
    def subject(self) -> str:
        """For metrics, which count from zero."""
        return f"{self.array.id}:{self.pair.a}-{self.pair.b}"


@dataclass(frozen=True)
class PairCurrent:
    """What a pair draws from the generator while a pulse lasts.

    Parameters
    ----------
    pulsed
        Which pair.
    current_a
        Mean of the currents into and out of the tissue.
    leak
        Their difference as a share of it.
    power_w
        What the tissue dissipates.
    """

    pulsed: PulsedPair
    current_a: float
    leak: float
    power_w: float


@dataclass(frozen=True, eq=False)
class PulsedField:
    """What all pairs do together; arrays ``[k, j, i]``, read-only.

    Parameters
    ----------
    lattice
        What the voxels are.
    e_v_per_cm
        The largest field over pairs and pull-backs; zero outside the body.
    rise_k
        Rise of temperature by all pulses if no heat leaves; may pass boiling.
    most_rise_k
        The largest rise by the pulses of one pair.
    currents
        In the order pulsed.
    """

    lattice: TissueLattice
    e_v_per_cm: Single
    rise_k: Single
    most_rise_k: Single
    currents: tuple[PairCurrent, ...]

    @property
    def grid(self) -> Grid:
        """Of the arrays."""
        return self.lattice.grid

    @cached_property
    def tissue_field_v_per_cm(self) -> Single:
        """The field, with that of the tissue at the wall inside vessels and ducts outside lesions.

        Blood and bile are no tissue to treat: a vessel whose wall is treated does not cut into the zone.
        """
        return filled_from_nearest(self.e_v_per_cm, self.lattice.is_flowing)

    @cached_property
    def temperature_degc(self) -> Single:
        """Temperature after all pulses; no tissue gets hotter than boiling."""
        return readonly(np.minimum(BODY_C + self.rise_k, np.float32(BOILING_C)))


def pulsed_pairs(arrays: Sequence[tuple[ElectrodeArray, float]]) -> tuple[PulsedPair, ...]:
    """The pairs that are pulsed, in order, at each pull-back; those without voltage are left out.

    Parameters
    ----------
    arrays
        Each with the radius of its electrodes' metal in mm.
    """
    return tuple(
        PulsedPair(position, pair, step, radius)
        for array, radius in arrays
        for step, position in enumerate(array.positions())
        for pair in array.pairs
        if pair.voltage_v > 0
    )


def solve_pairs(
    lattice: TissueLattice, pairs: Sequence[PulsedPair], settings: Settings, task: Task
) -> PulsedField:
    """The field of all pairs, one after the other.

    An electrode that is not pulsed is taken to be tissue: bare metal across the field of others changes
    it within a few radii only.

    Raises
    ------
    PlannerError
        If a field does not converge, or more current goes in than comes out.
    Cancelled
        When the task was cancelled.
    """
    run = _Run(lattice, settings)
    for n, pulsed in enumerate(pairs):
        words = f"Field of {pulsed.title} ({n + 1} of {len(pairs)})"
        run.add(pulsed, _told(task, n / len(pairs), (n + 1) / len(pairs), words))
    run.e[lattice.is_outside] = 0.0
    return PulsedField(lattice, readonly(run.e), readonly(run.rise), readonly(run.most), tuple(run.currents))


@dataclass(eq=False)
class _Run:
    """The changing state of a treatment."""

    lattice: TissueLattice
    settings: Settings
    currents: list[PairCurrent] = field(default_factory=list)

    def __post_init__(self) -> None:
        shape = self.lattice.grid.shape
        self.e, self.rise, self.most = (np.zeros(shape, dtype=np.float32) for _ in range(3))
        self.capacity = self.lattice.heat_capacity_j_per_m3_k()

    def add(self, pulsed: PulsedPair, task: Task) -> None:
        """Solve a pair and add what it does."""
        ends = np.concatenate([pulsed.array.electrodes[n].exposed_ends_lps_mm for n in pulsed.numbers])
        box = self.lattice.box_around(ends)
        warm = self.settings.temperature_dependence
        found = self._solved(pulsed, box, 1.0, task.part(0.0, 0.5) if warm else task)
        if warm:
            # The mean over a pair's pulses: what earlier pairs left, and half of its own heat.
            rise = self.rise[box.slices] + 0.5 * self._heated(pulsed, box, found)
            factor = 1.0 + PULSED_RISE.value * np.minimum(rise, BOILING_C - BODY_C)
            found = self._solved(pulsed, box, factor.astype(np.float32), task.part(0.5, 1.0))
        part = self.e[box.slices]
        np.maximum(part, found.e_v_per_cm, out=part)
        heated = self._heated(pulsed, box, found)
        self.rise[box.slices] += heated
        most = self.most[box.slices]
        np.maximum(most, heated, out=most)
        self.currents.append(_current(pulsed, found))

    def _solved(self, pulsed: PulsedPair, box: Box, factor: Single | float, task: Task) -> ElectricResult:
        conductor = self.lattice.conductor(box, self.settings, factor)
        half = 0.5 * pulsed.pair.voltage_v
        electrodes = [_thin(pulsed, n, volts) for n, volts in zip(pulsed.numbers, (half, -half), strict=True)]
        return solve_electric_field(
            ElectricProblem(conductor, electrodes), tolerance=TOLERANCE, mismatch=MISMATCH, task=task
        )

    def _heated(self, pulsed: PulsedPair, box: Box, found: ElectricResult) -> Single:
        array = pulsed.array
        return adiabatic_rise_k(found.joule_w_per_m3, array.pulses, array.pulse_us, self.capacity[box.slices])


def _thin(pulsed: PulsedPair, number: int, potential_v: float) -> ThinElectrode:
    tip, back = pulsed.array.electrodes[number].exposed_ends_lps_mm.tolist()
    return ThinElectrode(f"electrode {number + 1}", tuple(tip), tuple(back), pulsed.radius_mm, potential_v)


def _current(pulsed: PulsedPair, found: ElectricResult) -> PairCurrent:
    into, out = found.current_a.values()
    mean = 0.5 * (abs(into) + abs(out))
    leak = abs(into + out) / mean
    if leak > MOST_LEAK:
        raise PlannerError(
            "More current goes into the tissue than comes out of it.",
            f"{pulsed.title} of {pulsed.array.id}: {leak:.1%}",
            "Choose smaller voxels of the field.",
        )
    return PairCurrent(pulsed, mean, leak, found.power_w)


def _told(task: Task, start: float, stop: float, words: str) -> Task:
    """A task for a part of the work that says what a surgeon understands, whatever the solver says."""
    return Task(lambda fraction, _: task.report(start + fraction * (stop - start), words))
