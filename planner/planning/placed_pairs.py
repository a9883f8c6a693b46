"""Pairs of electrodes as planned and as placed: how far apart they lie, and what voltage keeps their V/d."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.electrode_array import ElectrodeArray
from planner.model.plan import Plan
from planner.planning.electrode_arrays import STEP_V, pair_geometry
from planner.planning.placed_plan import PlacedPlan
from planner.planning.pulse_voltages import kept_voltage_v


@dataclass(frozen=True)
class PlacedPair:
    """A pulsed pair whose two electrodes were found.

    Parameters
    ----------
    array
        Id of the array.
    planned, placed
        Numbers of its electrodes, from zero: in the array as planned, and as counted anew as placed.
    planned_mm, placed_mm
        Mean distance of the bare parts.
    planned_v, placed_v
        Voltage between them.
    wanted_v
        What would keep the planned V/d; beyond what the generator gives where `is_limited`.
    """

    array: str
    planned: tuple[int, int]
    placed: tuple[int, int]
    planned_mm: float
    placed_mm: float
    planned_v: float
    placed_v: float
    wanted_v: float

    @property
    def is_limited(self) -> bool:
        """Whether the generator's limits keep it from the planned V/d."""
        return abs(self.wanted_v - self.placed_v) > 0.5 * STEP_V + 1e-6


def placed_pairs(planned: Plan, placed: PlacedPlan) -> tuple[PlacedPair, ...]:
    """The pulsed pairs of all arrays as placed, in the plan's order; without any computed field."""
    found: list[PlacedPair] = []
    for array in placed.plan.electrode_arrays:
        before = planned.instrument(array.id)
        assert isinstance(before, ElectrodeArray)
        found += _pairs(before, array, placed.electrodes(array.id))
    return tuple(found)


def _pairs(before: ElectrodeArray, after: ElectrodeArray, numbers: tuple[int, ...]) -> list[PlacedPair]:
    known = {(p.a, p.b): p for p in before.pairs}
    found = []
    for new in after.pairs:
        old = known[numbers[new.a], numbers[new.b]]
        if new.voltage_v <= 0:
            continue
        found.append(
            PlacedPair(
                after.id,
                (old.a, old.b),
                (new.a, new.b),
                pair_geometry(before, old.a, old.b).distance_mm,
                pair_geometry(after, new.a, new.b).distance_mm,
                old.voltage_v,
                new.voltage_v,
                kept_voltage_v(before, old, after, new),
            )
        )
    return found
