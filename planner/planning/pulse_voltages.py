"""Voltages of pairs that follow their electrodes, as a generator keeps its volts per centimetre."""

from __future__ import annotations

from dataclasses import replace

from planner.model.electrode_array import ElectrodeArray, PulsePair
from planner.planning.device_library import device_library
from planner.planning.electrode_arrays import pair_geometry, rounded_voltage


def nominal_v_per_cm(array: ElectrodeArray, pair: PulsePair) -> float:
    """Volts over the distance of a pair's bare parts: nominal V/d, which is not the field in the tissue."""
    return 10.0 * pair.voltage_v / pair_geometry(array, pair.a, pair.b).distance_mm


def with_kept_nominal(before: ElectrodeArray, after: ElectrodeArray) -> ElectrodeArray:
    """An array whose electrodes have moved, its pairs at the nominal V/d they had; the generator's limits hold."""
    device = device_library().device(after.device)

    def kept(old: PulsePair, new: PulsePair) -> PulsePair:
        if new.voltage_v <= 0:
            return new
        distance = pair_geometry(after, new.a, new.b).distance_mm
        voltage = rounded_voltage(0.1 * nominal_v_per_cm(before, old) * distance, device)
        return replace(new, voltage_v=voltage)

    pairs = tuple(kept(old, new) for old, new in zip(before.pairs, after.pairs, strict=True))
    return replace(after, pairs=pairs)
