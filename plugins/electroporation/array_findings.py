"""What is wrong with electrodes and their pulses: places, distances, limits of the generator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from planner_plugins.electroporation.placed import PlacedArray
from planner_plugins.electroporation.settings import Settings

from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.electrode_array import PulsePair
from planner.model.plan import Point
from planner.model.points import as_point
from planner.planning import pulsed_tissues as given
from planner.planning.rules import Rule

_PHYSICS = Source("a field needs two electrodes that do not touch", Confidence.ESTABLISHED)
_DEVICE = Source("device library", Confidence.UNVERIFIED)
_SETTING = Source("setting of this module", Confidence.OUR_RULE)

FEW = Rule("too_few_electrodes", Severity.STOP, _PHYSICS)
MANY = Rule("too_many_electrodes", Severity.STOP, _DEVICE)
TOUCH = Rule("electrodes_touch", Severity.STOP, _PHYSICS)
NEAR = Rule("electrodes_too_near", Severity.STOP, _PHYSICS)
NO_PAIR = Rule("no_pair_pulsed", Severity.STOP, _PHYSICS)
LEFT_OUT = Rule("pair_left_out", Severity.INFO, _SETTING)
NO_LESION = Rule("no_lesion_named", Severity.WARNING, _SETTING)
NOT_PARALLEL = Rule("electrodes_not_parallel", Severity.WARNING, given.PARALLELISM.cited)
SPACING = Rule("electrode_spacing", Severity.WARNING, given.MOST_SPACING.cited)
UNEVEN = Rule("electrode_spacing_uneven", Severity.WARNING, given.SPACING_DEVIATION.cited)
DEPTH = Rule("electrode_depths_differ", Severity.WARNING, given.SPACING_DEVIATION.cited)
NOMINAL = Rule("nominal_voltage_low", Severity.WARNING, given.NOMINAL_LEAST.cited)
VOLTAGE = Rule("voltage_over_limit", Severity.STOP, _DEVICE)
CURRENT = Rule("current_over_limit", Severity.STOP, _DEVICE)
CURRENT_HIGH = Rule("current_high", Severity.WARNING, given.CURRENT_ADVICE.cited)
PULSES = Rule("pulse_outside_limits", Severity.STOP, _DEVICE)
PULSES_FEW = Rule("pulses_few", Severity.WARNING, given.PULSES.cited)
EXPOSURE = Rule("exposure_outside_limits", Severity.WARNING, _DEVICE)


def array_findings(placed: PlacedArray, settings: Settings) -> list[Finding]:
    """What concerns the array as a whole."""
    array, name = placed.array, placed.array.id
    found = []
    middle = array.middle_lps_mm
    count = len(array.electrodes)
    if count < 2:
        text = f"{name} has one electrode: a field needs two or more."
        found.append(FEW.finding(text, name, middle))
    most = placed.limit("most_electrodes")
    if most is not None and count > most.value:
        text = f"{name} has {count} electrodes; {placed.device.title} takes {most.value:g}."
        found.append(Rule(MANY.id, MANY.severity, most.cited).finding(text, name, middle))
    for a, b, gap in placed.touching:
        text = f"Electrodes {a + 1} and {b + 1} of {name} touch or cross: their axes come to {gap:.1f} mm."
        found.append(TOUCH.finding(text, name, array.electrodes[b].tip_lps_mm))
    if count >= 2 and not placed.pulsed:
        why = f"{name} has no pair" if not array.pairs else f"every pair of {name} has 0 V"
        found.append(NO_PAIR.finding(f"Nothing is pulsed: {why}.", name, middle))
    elif placed.pulsed:
        idle = [f"{p.a + 1}-{p.b + 1}" for p in array.pairs if p.voltage_v == 0]
        if idle:
            text = f"Left out, since their voltage is 0: {', '.join(idle)} of {name}."
            found.append(LEFT_OUT.finding(text, name))
    if not placed.is_lesion_named:
        text = f"{name} names no lesion; it is judged on {array.lesion}, the nearest."
        found.append(NO_LESION.finding(text, name, middle))
    found += _pulse_findings(placed, settings)
    for n, electrode in enumerate(array.electrodes):
        least, longest = placed.limit("shortest_exposure"), placed.limit("longest_exposure")
        low = least.value if least is not None else 0.0
        high = longest.value if longest is not None else np.inf
        if not low <= electrode.exposure_mm <= high:
            text = (
                f"The bare part of {placed.title(n)} is {electrode.exposure_mm:g} mm long;"
                f" {placed.device.title} takes {low:g} to {high:g} mm."
            )
            found.append(EXPOSURE.finding(text, f"{name}:{n}", electrode.tip_lps_mm))
    return found


def _pulse_findings(placed: PlacedArray, settings: Settings) -> list[Finding]:
    array = placed.array
    found = []
    shortest, longest = placed.limit("shortest_pulse"), placed.limit("longest_pulse")
    if shortest is not None and longest is not None and not shortest.value <= array.pulse_us <= longest.value:
        text = (
            f"Pulses of {array.id} last {array.pulse_us:g} µs; the generator gives"
            f" {shortest.value:g} to {longest.value:g} µs."
        )
        found.append(Rule(PULSES.id, PULSES.severity, longest.cited).finding(text, array.id))
    if array.pulses < settings.least_pulses:
        text = (
            f"{array.pulses} pulses a pair of {array.id}: the thresholds hold for {settings.least_pulses}"
            " or more; fewer need a stronger field."
        )
        found.append(PULSES_FEW.finding(text, array.id))
    return found


def pair_findings(placed: PlacedArray, settings: Settings) -> list[Finding]:
    """Distances, angles and voltages of the pulsed pairs."""
    found = []
    solvable = placed.solvable(settings.field_voxel_mm).pairs
    for pair in placed.pulsed:
        geometry = placed.geometries[pair.a, pair.b]
        title, subject, place = _words(placed, pair)
        apart = geometry.distance_mm
        if apart > settings.most_spacing_mm + 0.05:
            text = f"{title} is too far apart: {apart:.1f} mm; up to {settings.most_spacing_mm:g} mm."
            found.append(SPACING.finding(text, subject, place))
        elif apart < settings.least_spacing_mm - 0.05:
            text = f"{title} lies close: {apart:.1f} mm; {settings.least_spacing_mm:g} mm or more."
            found.append(SPACING.finding(text, subject, place))
        if pair not in solvable:
            text = f"{title} lies too near for its field to be computed: it is left out."
            found.append(NEAR.finding(text, subject, place))
        if geometry.angle_deg > settings.parallel_tolerance_deg:
            text = f"{title} is not parallel: {geometry.angle_deg:.0f}°; up to {settings.parallel_tolerance_deg:g}°."
            found.append(NOT_PARALLEL.finding(text, subject, place))
        if geometry.most_mm - geometry.least_mm > settings.spacing_deviation_mm:
            text = (
                f"The distance of {title.lower()} changes from {geometry.least_mm:.1f} to"
                f" {geometry.most_mm:.1f} mm along the exposure."
            )
            found.append(UNEVEN.finding(text, subject, place))
        if abs(geometry.depth_gap_mm) > settings.spacing_deviation_mm:
            text = (
                f"The bare parts of {title.lower()} lie {abs(geometry.depth_gap_mm):.1f} mm apart in depth."
            )
            found.append(DEPTH.finding(text, subject, place))
        found += _voltage_findings(placed, pair, apart, settings)
    return found


def _voltage_findings(
    placed: PlacedArray, pair: PulsePair, apart_mm: float, settings: Settings
) -> list[Finding]:
    title, subject, place = _words(placed, pair)
    found = []
    low, high = placed.limit("min_voltage"), placed.limit("max_voltage")
    if high is not None and pair.voltage_v > high.value:
        text = f"{title} asks for {pair.voltage_v:.0f} V; the generator gives up to {high.value:g} V."
        found.append(Rule(VOLTAGE.id, VOLTAGE.severity, high.cited).finding(text, subject, place))
    if low is not None and pair.voltage_v < low.value:
        text = f"{title} asks for {pair.voltage_v:.0f} V; the generator gives {low.value:g} V or more."
        found.append(Rule(VOLTAGE.id, VOLTAGE.severity, low.cited).finding(text, subject, place))
    nominal = 10.0 * pair.voltage_v / apart_mm if apart_mm > 0 else np.inf
    if nominal < settings.least_nominal_v_per_cm:
        text = (
            f"{title} has {nominal:.0f} V/cm nominal V/d, below {settings.least_nominal_v_per_cm:g};"
            " the field between the electrodes is lower still."
        )
        found.append(NOMINAL.finding(text, subject, place))
    return found


def current_findings(
    placed: PlacedArray,
    currents: Mapping[tuple[int, int], tuple[float, str]],
    settings: Settings,
    *,
    is_estimate: bool,
) -> list[Finding]:
    """Currents the generator will not give, or hardly."""
    found = []
    limit = placed.limit("max_current")
    guess = " by estimate" if is_estimate else ""
    advice = "cut the voltage, the pulse length or the exposure"
    for pair in placed.pulsed:
        amperes, _ = currents.get((pair.a, pair.b), (0.0, ""))
        title, subject, place = _words(placed, pair)
        if limit is not None and amperes > limit.value:
            text = (
                f"{title} draws {amperes:.0f} A{guess}; the generator stops at {limit.value:g} A: {advice}."
            )
            found.append(Rule(CURRENT.id, CURRENT.severity, limit.cited).finding(text, subject, place))
        elif amperes > settings.current_advice_a:
            text = f"{title} draws {amperes:.0f} A{guess}, near the generator's limit: {advice}."
            found.append(CURRENT_HIGH.finding(text, subject, place))
    return found


def _words(placed: PlacedArray, pair: PulsePair) -> tuple[str, str, Point]:
    """A pair for people, as a subject, and where it is."""
    array = placed.array
    ends = [array.electrodes[n].exposed_ends_lps_mm for n in (pair.a, pair.b)]
    place = as_point(np.mean(ends, axis=(0, 1)))
    return f"Pair {pair.a + 1}-{pair.b + 1} of {array.id}", f"{array.id}:{pair.a}-{pair.b}", place
