"""Arrays of electrodes for electroporation: how their needles lie to each other, and changing them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.geometry import FloatArray, unit_vector
from planner.model.plan import Applicator
from planner.model.points import Point, as_point
from planner.model.structures import StructureSet
from planner.planning.arrays import gap_mm
from planner.planning.constants import Constant
from planner.planning.devices import Device
from planner.planning.electrode_ring import EXPOSURE, OUTSIDE, RING, axes_across, bracketing_electrodes
from planner.planning.placing import entry_on_skin

_READ, _K, _U, _D = (
    Confidence.SOURCE_READ,
    Confidence.ESTABLISHED,
    Confidence.UNVERIFIED,
    Confidence.OUR_RULE,
)
_DELPHI = "Delphi for liver: Ruarus 2020, J Vasc Interv Radiol"

#: Electrodes farther apart than this are not pulsed against each other.
FARTHEST_PAIR = Constant(23.0, "mm", "device practice 15-20 mm, at most 23-25 mm; no publication read", _K)
#: Bare parts nearer than this are not pulsed against each other.
NEAREST_PAIR = Constant(5.0, "mm", "half the least spacing of the Delphi (10 mm)", _D)
NOMINAL = Constant(
    1500.0,
    "V/cm",
    f"voltage over distance, {_DELPHI}; manufacturer 1500-1700 (Kos 2015, Radiol Oncol 49:234)",
    _READ,
    1000.0,
    1700.0,
)
#: Voltages are set in such steps.
STEP_V = 10.0
#: Points along a common bare part at which a mean distance is taken.
_SAMPLES = 33


@dataclass(frozen=True)
class PairGeometry:
    """How two electrodes lie to each other.

    Parameters
    ----------
    distance_mm, least_mm, most_mm
        Mean, least and largest distance of the axes along the bare parts they have in common, at equal
        depth along their mean direction; where they have none in common, that of the nearest ends.
    angle_deg
        Between the shafts, 0..90.
    depth_gap_mm
        How much deeper the second one's tip lies, along the mean direction.
    common_mm
        Length of bare part in common.
    """

    distance_mm: float
    least_mm: float
    most_mm: float
    angle_deg: float
    depth_gap_mm: float
    common_mm: float


def pair_geometry(array: ElectrodeArray, a: int, b: int) -> PairGeometry:
    """How electrodes ``a`` and ``b`` of an array lie to each other.

    Raises
    ------
    InvalidValue
        If the array has no such electrode.
    """
    one, two = _electrode(array, a), _electrode(array, b)
    cosine = float(one.direction @ two.direction)
    along = unit_vector(one.direction + math.copysign(1.0, cosine) * two.direction)
    angle = math.degrees(math.acos(min(1.0, abs(cosine))))
    tips = float((np.array(two.tip_lps_mm) - np.array(one.tip_lps_mm)) @ along)
    depths = [np.sort(e.exposed_ends_lps_mm @ along) for e in (one, two)]
    low, high = max(d[0] for d in depths), min(d[1] for d in depths)
    if high <= low:  # one ends before the other begins: the two ends that face each other
        gap = gap_mm(_bare(array, one), _bare(array, two))
        return PairGeometry(gap, gap, gap, angle, tips, 0.0)
    at = np.linspace(low, high, _SAMPLES)
    apart = _at_depth(one, along, at) - _at_depth(two, along, at)
    distances = np.linalg.norm(apart, axis=1)
    mean = float(np.trapezoid(distances, at) / (high - low))
    return PairGeometry(
        mean, _least(apart[0], apart[-1]), float(distances.max()), angle, tips, float(high - low)
    )


def touching(array: ElectrodeArray, device: Device) -> tuple[tuple[int, int, float], ...]:
    """Electrodes whose shafts touch or cross: both numbers, and how far their axes are apart in mm."""
    needles = [as_needle(array, n) for n in range(len(array.electrodes))]
    found = []
    for a, b in itertools.combinations(range(len(needles)), 2):
        gap = gap_mm(needles[a], needles[b])
        if gap < device.diameter_mm:
            found.append((a, b, gap))
    return tuple(found)


def as_needle(array: ElectrodeArray, number: int) -> Applicator:
    """An electrode as a needle whose path can be judged, named ``e1:0`` and so on."""
    electrode = _electrode(array, number)
    return Applicator(
        f"{array.id}:{number}",
        array.device,
        electrode.entry_lps_mm,
        electrode.tip_lps_mm,
        {},
        array.lesion,
    )


def standard_pairs(
    array: ElectrodeArray,
    device: Device,
    nominal_v_per_cm: float = NOMINAL.value,
    most_mm: float = FARTHEST_PAIR.value,
) -> tuple[tuple[PulsePair, ...], tuple[str, ...]]:
    """All pairs within reach at one nominal V/d, and the names of those too far apart or too near.

    Voltages are rounded to 10 V, within what the generator gives; a pair is named as in answers, such
    as ``e1:0-3``.

    Raises
    ------
    InvalidValue
        If the nominal or the reach is not positive.
    """
    for word, value in (("nominal", nominal_v_per_cm), ("most_mm", most_mm)):
        if not (math.isfinite(value) and value > 0):
            raise InvalidValue("Pairs need a positive voltage over distance and reach.", f"{word} {value}")
    pairs, left_out = [], []
    for a, b in itertools.combinations(range(len(array.electrodes)), 2):
        geometry = pair_geometry(array, a, b)
        if geometry.distance_mm > most_mm or geometry.least_mm < NEAREST_PAIR.value:
            left_out.append(f"{array.id}:{a}-{b}")
            continue
        pairs.append(PulsePair(a, b, rounded_voltage(0.1 * nominal_v_per_cm * geometry.distance_mm, device)))
    return tuple(pairs), tuple(left_out)


def rounded_voltage(voltage_v: float, device: Device) -> float:
    """A voltage in steps of 10 V, within what the generator gives."""
    limits = device.emitter
    low = limits["min_voltage"].value if "min_voltage" in limits else 0.0
    return min(max(STEP_V * round(voltage_v / STEP_V), low), highest_voltage_v(device))


def highest_voltage_v(device: Device) -> float:
    """The most a device's generator gives between two electrodes, in V; infinite where none is published."""
    limit = device.emitter.get("max_voltage")
    return math.inf if limit is None else limit.value


def snapped_parallel(array: ElectrodeArray, to: int | None = None, about: str = "middle") -> ElectrodeArray:
    """Each electrode turned until all are parallel; lengths stay, entries follow.

    Parameters
    ----------
    array
        What is turned.
    to
        The electrode whose direction the others take; their mean when left out.
    about
        What of each electrode stays: ``middle`` of the bare part, or ``tip``.

    Raises
    ------
    InvalidValue
        If there is no such electrode, or no such point.
    """
    if about not in ("middle", "tip"):
        raise InvalidValue("Electrodes are turned about their tip or middle.", about)
    along = array.direction if to is None else _electrode(array, to).direction
    return replace(array, electrodes=tuple(_turned(e, along, about == "tip") for e in array.electrodes))


def with_exposure(array: ElectrodeArray, exposure_mm: float) -> ElectrodeArray:
    """Another length of all bare parts; their middles stay, so tips go deeper or less deep."""
    electrodes = []
    for e in array.electrodes:
        tip = np.array(e.tip_lps_mm) + 0.5 * (exposure_mm - e.exposure_mm) * e.direction
        electrodes.append(Electrode(e.entry_lps_mm, as_point(tip), exposure_mm))
    return replace(array, electrodes=tuple(electrodes))


def with_spacing(array: ElectrodeArray, spacing_mm: float) -> ElectrodeArray:
    """The array drawn together or apart about its middle until the nearest neighbours are so far apart.

    The mean over electrodes of the distance to the nearest other one becomes ``spacing_mm``; each is
    moved as a whole, across the mean direction.

    Raises
    ------
    InvalidValue
        If there is one electrode only, the spacing is not positive, or electrodes lie on each other.
    """
    count = len(array.electrodes)
    if count < 2 or not (math.isfinite(spacing_mm) and spacing_mm > 0):
        raise InvalidValue("A spacing needs two electrodes and a positive distance.", f"{spacing_mm} mm")
    middles = np.array([e.exposed_ends_lps_mm.mean(axis=0) for e in array.electrodes])
    along = array.direction
    across = middles - middles.mean(axis=0)
    across -= (across @ along)[:, None] * along
    apart = np.linalg.norm(across[:, None] - across[None], axis=2) + np.diag(np.full(count, np.inf))
    now = float(apart.min(axis=1).mean())
    if now < 1e-6:
        raise InvalidValue("Electrodes lie on each other.", array.id, "Move one of them first.")
    shift = (spacing_mm / now - 1.0) * across
    return replace(
        array,
        electrodes=tuple(e.moved(as_point(s)) for e, s in zip(array.electrodes, shift, strict=True)),
    )


def with_electrode_moved(array: ElectrodeArray, number: int, by_lps_mm: Point) -> ElectrodeArray:
    """The array with one electrode shifted as a whole."""
    return array.with_electrode(number, _electrode(array, number).moved(by_lps_mm))


def numbered(array: ElectrodeArray) -> ElectrodeArray:
    """The electrodes in a fixed order: one in the middle first, then clockwise as seen along the needles.

    The ring starts at the foremost (anterior), pairs follow their electrodes.
    """
    middles = np.array([e.exposed_ends_lps_mm.mean(axis=0) for e in array.electrodes])
    along = array.direction
    first, second = axes_across(along)
    offsets = middles - middles.mean(axis=0)
    across = np.column_stack([offsets @ first, offsets @ second])
    away = np.linalg.norm(across, axis=1)
    is_middle = away < 0.4 * float(np.median(away))
    turn = np.mod(np.arctan2(across[:, 1], across[:, 0]) + 1e-9, 2.0 * np.pi)
    order = [int(n) for n in np.lexsort((turn, ~is_middle))]
    place = {old: new for new, old in enumerate(order)}
    pairs = sorted(
        (min(place[p.a], place[p.b]), max(place[p.a], place[p.b]), p.voltage_v) for p in array.pairs
    )
    return replace(
        array,
        electrodes=tuple(array.electrodes[n] for n in order),
        pairs=tuple(PulsePair(a, b, volts) for a, b, volts in pairs),
    )


def bracketing_array(
    id: str,
    structures: StructureSet,
    lesion: str,
    entry_lps_mm: Point,
    target_lps_mm: Point,
    count: int,
    layout: str = RING,
    *,
    device: Device,
    outside_mm: float = OUTSIDE.value,
    turn_deg: float = 0.0,
    exposure_mm: float = EXPOSURE.value,
    nominal_v_per_cm: float = NOMINAL.value,
) -> ElectrodeArray:
    """A standard array around a lesion of a case, along a line, with entries on the skin and all pairs in reach.

    Parameters
    ----------
    id
        Of the array.
    structures, lesion
        Where the lesion and the skin are.
    entry_lps_mm, target_lps_mm, count, layout, outside_mm, turn_deg, exposure_mm
        As in `bracketing_electrodes`.
    device
        Of the electrodes.
    nominal_v_per_cm
        Voltage over distance of the pairs.

    Raises
    ------
    InvalidValue
        If the lesion has no voxel, or a number is impossible.
    """
    mask, grid = structures.cropped(lesion)
    points = grid.to_lps(np.argwhere(mask)[:, ::-1].astype(float))
    electrodes, back = bracketing_electrodes(
        points, entry_lps_mm, target_lps_mm, count, layout, outside_mm=outside_mm, turn_deg=turn_deg,
        exposure_mm=exposure_mm,
    )  # fmt: skip
    placed = tuple(
        replace(
            e,
            entry_lps_mm=entry_on_skin(structures, as_point(e.point_behind_tip(exposure_mm)), e.entry_lps_mm),
        )
        for e in electrodes
    )
    array = ElectrodeArray(
        id, device.name, placed, lesion=lesion, pull_backs=back.times, pull_back_mm=back.step_mm
    )
    return replace(array, pairs=standard_pairs(array, device, nominal_v_per_cm)[0])


def spacings_mm(electrodes: Sequence[Electrode]) -> tuple[float, float]:
    """Least and largest distance of each bare part's middle to that of its nearest neighbour."""
    middles = np.array([e.exposed_ends_lps_mm.mean(axis=0) for e in electrodes])
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return float(apart.min()), float(apart.min(axis=1).max())


def _electrode(array: ElectrodeArray, number: int) -> Electrode:
    if not 0 <= number < len(array.electrodes):
        raise InvalidValue(
            "The array has no such electrode.",
            f"number {number + 1} of '{array.id}' with {len(array.electrodes)}",
        )
    return array.electrodes[number]


def _bare(array: ElectrodeArray, electrode: Electrode) -> Applicator:
    tip, back = electrode.exposed_ends_lps_mm
    return Applicator(array.id, array.device, as_point(back), as_point(tip))


def _at_depth(electrode: Electrode, along: FloatArray, depths: FloatArray) -> FloatArray:
    """Points of an electrode's axis at depths (n,) along a direction; (n, 3)."""
    tip = np.array(electrode.tip_lps_mm)
    ahead = (depths - tip @ along) / float(electrode.direction @ along)
    return np.asarray(tip + ahead[:, None] * electrode.direction)


def _least(start: FloatArray, stop: FloatArray) -> float:
    """Least length of a vector that goes straight from one to another."""
    way = stop - start
    square = float(way @ way)
    share = min(max(-float(start @ way) / square, 0.0), 1.0) if square > 0 else 0.0
    return float(np.linalg.norm(start + share * way))


def _turned(electrode: Electrode, along: FloatArray, about_tip: bool) -> Electrode:
    way = along if float(electrode.direction @ along) >= 0 else -along
    ahead = 0.0 if about_tip else 0.5 * electrode.exposure_mm
    pivot = electrode.point_behind_tip(ahead)
    tip = pivot + ahead * way
    return Electrode(as_point(tip - electrode.length_mm * way), as_point(tip), electrode.exposure_mm)
