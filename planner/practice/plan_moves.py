"""Small moves of a plan's needles: along and across the shaft, over the skin, and of their settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.electrode_array import Electrode, ElectrodeArray
from planner.model.geometry import FloatArray, unit_vector
from planner.model.plan import Applicator, Plan
from planner.model.points import Point, as_point
from planner.model.structures import StructureSet
from planner.planning.device_library import device_library
from planner.planning.electrode_arrays import highest_voltage_v
from planner.planning.placing import entry_on_skin

#: An entry is looked for so far outside the place it is moved to.
OUTSIDE_MM = 40.0
#: A step of this many mm moves settings by all of their way; smaller ones by as small a share.
WHOLE_STEP_MM = 8.0
#: Voltages change by this share with a step of `WHOLE_STEP_MM`.
VOLTAGE_SHARE = 0.2


def moved_plans(structures: StructureSet, plan: Plan, step_mm: float) -> Iterator[Plan]:
    """The plan with one instrument moved by one step, in a fixed order; what cannot be is left out.

    Parameters
    ----------
    structures
        Of the case: entries stay on its skin.
    plan
        Probes and arrays of electrodes are moved, other instruments stay.
    step_mm
        How far; settings and voltages go by a share of their range.
    """
    for instrument in plan.instruments:
        if isinstance(instrument, Applicator):
            for probe in _moved_probes(structures, instrument, step_mm):
                yield plan.with_instrument(probe)
        elif isinstance(instrument, ElectrodeArray):
            for array in _moved_arrays(structures, instrument, step_mm):
                yield plan.with_instrument(array)


def _moved_probes(structures: StructureSet, probe: Applicator, step_mm: float) -> Iterator[Applicator]:
    tip, entry = np.array(probe.tip_lps_mm), np.array(probe.entry_lps_mm)
    for shift in _directions(probe.direction):
        by = step_mm * shift
        yield from _probe(structures, probe, tip + by, entry)
        yield from _probe(structures, probe, tip + by, entry + by)
    for shift in _directions(probe.direction)[2:]:
        for times in (1.0, 3.0):  # a tip near the skin's other side moves little where the entry moves much
            yield from _probe(structures, probe, tip, entry + times * step_mm * shift)
    for settings in _moved_settings(probe.device, probe.settings, step_mm / WHOLE_STEP_MM):
        yield replace(probe, settings=settings)


def _moved_arrays(
    structures: StructureSet, array: ElectrodeArray, step_mm: float
) -> Iterator[ElectrodeArray]:
    share = VOLTAGE_SHARE * step_mm / WHOLE_STEP_MM
    most_v = highest_voltage_v(device_library().device(array.device))
    for factor in (1.0 - share, 1.0 + share):
        pairs = tuple(
            replace(p, voltage_v=round(min(p.voltage_v * factor, max(p.voltage_v, most_v))))
            for p in array.pairs
        )
        yield replace(array, pairs=pairs)
    for longer in (-step_mm, step_mm):
        try:
            bare = tuple(replace(e, exposure_mm=e.exposure_mm + longer) for e in array.electrodes)
            yield replace(array, electrodes=bare)
        except InvalidValue:  # a bare part cannot be shorter than nothing
            continue

    axis = array.direction
    for shift in _directions(axis):
        yield from _array(structures, array, [step_mm * shift] * len(array.electrodes))
    for n in range(len(array.electrodes)):
        for shift in _directions(axis):
            moves = [np.zeros(3)] * len(array.electrodes)
            moves[n] = step_mm * shift
            yield from _array(structures, array, moves)


def _directions(axis: FloatArray) -> list[FloatArray]:
    """Back and forth along a shaft, then across it in two directions; shape (3,) each."""
    side = unit_vector(np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))]))
    other = np.cross(axis, side)
    return [sign * way for way in (axis, side, other) for sign in (1.0, -1.0)]


def _probe(
    structures: StructureSet, probe: Applicator, tip: FloatArray, towards: FloatArray
) -> Iterator[Applicator]:
    try:
        yield replace(probe, tip_lps_mm=as_point(tip), entry_lps_mm=_skin(structures, tip, towards))
    except InvalidValue:  # entry and tip came to lie on one point
        return


def _array(
    structures: StructureSet, array: ElectrodeArray, moves: list[FloatArray]
) -> Iterator[ElectrodeArray]:
    """Electrodes shifted as they lie, each to where its line leaves the skin."""
    try:
        yield replace(
            array,
            electrodes=tuple(
                _electrode(structures, e, m) for e, m in zip(array.electrodes, moves, strict=True)
            ),
        )
    except InvalidValue:  # an electrode came to lie outside what can be
        return


def _electrode(structures: StructureSet, electrode: Electrode, by: FloatArray) -> Electrode:
    if not by.any():
        return electrode
    tip = np.array(electrode.tip_lps_mm) + by
    entry = _skin(structures, tip, np.array(electrode.entry_lps_mm) + by)
    return replace(electrode, tip_lps_mm=as_point(tip), entry_lps_mm=entry)


def _skin(structures: StructureSet, tip: FloatArray, towards: FloatArray) -> Point:
    """Where the line from a tip towards a point leaves the body."""
    outside = towards + OUTSIDE_MM * unit_vector(towards - tip)
    return entry_on_skin(structures, as_point(tip), as_point(outside))


def _moved_settings(device: str, settings: Mapping[str, float], share: float) -> Iterator[dict[str, float]]:
    """Settings a share of the way to each row of the device's table, in whole watts and seconds."""
    for row in device_library().device(device).usable_rows():
        if set(row.settings) != set(settings):
            continue
        moved = {n: float(round(v + share * (row.settings[n] - v))) for n, v in settings.items()}
        if moved != dict(settings):
            yield moved
