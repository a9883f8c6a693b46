"""Every needle of a plan: its probes, and the single electrodes of its arrays, in other places too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from planner.base.errors import InvalidValue
from planner.model.electrode_array import Electrode, ElectrodeArray
from planner.model.plan import Applicator, Instrument, Plan, Point
from planner.planning.electrode_arrays import as_needle
from planner.planning.pulse_voltages import with_kept_nominal, with_only

#: Id of the instrument, and of an electrode its number from zero.
Key = tuple[str, int | None]
#: Entry and tip.
Ends = tuple[Point, Point]
#: A needle that kept its length comes out shorter by no more than this.
ROUNDING_MM = 1e-6


@dataclass(frozen=True)
class PlanNeedle:
    """A needle of a plan.

    Parameters
    ----------
    needle
        The probe; or the electrode as a needle, named ``e1:0`` and so on.
    instrument
        Id of the probe or of the array.
    number
        Of the electrode in its array, from zero; None for a probe.
    """

    needle: Applicator
    instrument: str
    number: int | None = None

    @property
    def key(self) -> Key:
        """What tells it from every other needle of the plan."""
        return self.instrument, self.number

    @property
    def title(self) -> str:
        """Its name for people, who count electrodes from one."""
        return needle_title(self.key)


def needle_title(key: Key) -> str:
    """A needle for people, such as ``p1`` or ``e1 electrode 3``."""
    instrument, number = key
    return instrument if number is None else f"{instrument} electrode {number + 1}"


def plan_needles(plan: Plan) -> tuple[PlanNeedle, ...]:
    """All needles in the plan's order; grids of foci have none."""
    found: list[PlanNeedle] = []
    for instrument in plan.instruments:
        if isinstance(instrument, Applicator):
            found.append(PlanNeedle(instrument, instrument.id))
        elif isinstance(instrument, ElectrodeArray):
            count = len(instrument.electrodes)
            found += [PlanNeedle(as_needle(instrument, n), instrument.id, n) for n in range(count)]
    return tuple(found)


def with_places(plan: Plan, places: Mapping[Key, Ends]) -> Plan:
    """The plan with its needles in other places; a needle without a place leaves it.

    Electrodes that stay are counted anew in their old order, pairs of those that left go, and the others
    keep their nominal V/d within the generator's steps and limits.  Grids of foci stay.

    Raises
    ------
    InvalidValue
        If an electrode comes out shorter than its bare part and its pull-backs.
    """
    kept = (_placed(instrument, places) for instrument in plan.instruments)
    return replace(plan, instruments=tuple(i for i in kept if i is not None))


def _placed(instrument: Instrument, places: Mapping[Key, Ends]) -> Instrument | None:
    if isinstance(instrument, ElectrodeArray):
        return _placed_array(instrument, places)
    if not isinstance(instrument, Applicator):
        return instrument
    ends = places.get((instrument.id, None))
    return None if ends is None else replace(instrument, entry_lps_mm=ends[0], tip_lps_mm=ends[1])


def _placed_array(array: ElectrodeArray, places: Mapping[Key, Ends]) -> ElectrodeArray | None:
    kept = [n for n in range(len(array.electrodes)) if (array.id, n) in places]
    if not kept:
        return None
    before = with_only(array, kept)
    moved = tuple(_placed_electrode(array, n, places[array.id, n]) for n in kept)
    return with_kept_nominal(before, replace(before, electrodes=moved))


def _placed_electrode(array: ElectrodeArray, number: int, ends: Ends) -> Electrode:
    exposure, deepest = array.electrodes[number].exposure_mm, array.pull_backs * array.pull_back_mm
    length = math.dist(*ends)
    if length - deepest < exposure - ROUNDING_MM:
        back = f" and {deepest:g} mm of pull-backs" if deepest else ""
        raise InvalidValue(
            "A needle is too short for the electrode it stands for.",
            f"{needle_title((array.id, number))}: {length:.1f} mm for {exposure:g} mm of bare part{back}",
            "Mark its entry on the skin; or plan a shorter exposure or less pull-back.",
        )
    return Electrode(*ends, min(exposure, length - deepest))
