"""Voltages of pairs that follow their electrodes, as a generator keeps its volts per centimetre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planner.base.errors import InvalidValue
from planner.model.electrode_array import ElectrodeArray, PulsePair
from planner.planning.device_library import device_library
from planner.planning.electrode_arrays import pair_geometry, rounded_voltage

#: Bare parts nearer than this lie on each other: voltage over distance says nothing.
ON_EACH_OTHER_MM = 1e-6


def nominal_v_per_cm(array: ElectrodeArray, pair: PulsePair) -> float:
    """Volts over the distance of a pair's bare parts: nominal V/d, which is not the field in the tissue.

    Raises
    ------
    InvalidValue
        If the two bare parts lie on each other.
    """
    distance = pair_geometry(array, pair.a, pair.b).distance_mm
    if distance < ON_EACH_OTHER_MM:
        raise InvalidValue(
            "Two electrodes lie on each other, so their voltage over distance is not known.",
            f"electrodes {pair.a + 1} and {pair.b + 1} of '{array.id}'",
            "Move one of them.",
        )
    return 10.0 * pair.voltage_v / distance


def with_kept_nominal(before: ElectrodeArray, after: ElectrodeArray) -> ElectrodeArray:
    """An array whose electrodes have moved, its pairs at the nominal V/d they had; the generator's limits hold."""
    device = device_library().device(after.device)

    def kept(old: PulsePair, new: PulsePair) -> PulsePair:
        if new.voltage_v <= 0:
            return new
        voltage = rounded_voltage(kept_voltage_v(before, old, after, new), device)
        return replace(new, voltage_v=voltage)

    pairs = tuple(kept(old, new) for old, new in zip(before.pairs, after.pairs, strict=True))
    return replace(after, pairs=pairs)


def kept_voltage_v(before: ElectrodeArray, old: PulsePair, after: ElectrodeArray, new: PulsePair) -> float:
    """What a pair would need after a move for its nominal V/d, were there no steps and no limits."""
    return 0.1 * nominal_v_per_cm(before, old) * pair_geometry(after, new.a, new.b).distance_mm


def with_only(array: ElectrodeArray, numbers: Sequence[int]) -> ElectrodeArray:
    """The array with some of its electrodes, counted anew in their old order; pairs of the others go.

    Raises
    ------
    InvalidValue
        If none is left, or there is no such electrode.
    """
    kept = sorted(set(numbers))
    if kept and not 0 <= kept[0] <= kept[-1] < len(array.electrodes):
        raise InvalidValue("The array has no such electrode.", f"'{array.id}': {kept}")
    place = {old: new for new, old in enumerate(kept)}
    pairs = tuple(
        PulsePair(place[p.a], place[p.b], p.voltage_v) for p in array.pairs if p.a in place and p.b in place
    )
    return replace(array, electrodes=tuple(array.electrodes[n] for n in kept), pairs=pairs)
