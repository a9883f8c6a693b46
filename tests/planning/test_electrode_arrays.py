"""Arrays of electrodes: distances of pairs, pair tables, parallel needles, rings around lesions, pull-backs."""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import LESION_MM, SKIN_MM, phantom

from planner.base.errors import InvalidValue
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.geometry import unit_vector
from planner.planning.device_library import device_library
from planner.planning.electrode_arrays import (
    FARTHEST_PAIR,
    as_needle,
    bracketing_array,
    numbered,
    pair_geometry,
    snapped_parallel,
    spacings_mm,
    standard_pairs,
    touching,
    with_electrode_moved,
    with_exposure,
    with_spacing,
)
from planner.planning.electrode_ring import (
    CENTER,
    RING,
    LesionSection,
    bracketing_electrodes,
    pull_backs_for,
    ring_offsets_mm,
)

DEVICE = device_library().device("generic-ire-19g")


def electrode(tip, along=(0.0, 0.0, 1.0), exposure=20.0, length=100.0) -> Electrode:
    tip = np.array(tip, dtype=float)
    entry = tip - length * unit_vector(along)
    return Electrode(tuple(entry.tolist()), tuple(tip.tolist()), exposure)


def array(*electrodes: Electrode, **rest) -> ElectrodeArray:
    return ElectrodeArray("e1", DEVICE.name, electrodes, **rest)


def tilted(degrees: float) -> tuple[float, float, float]:
    return (math.sin(math.radians(degrees)), 0.0, math.cos(math.radians(degrees)))


# Pairs


def test_parallel_pair() -> None:
    found = pair_geometry(array(electrode((0, 0, 0)), electrode((15, 0, 4))), 0, 1)
    assert (found.distance_mm, found.least_mm, found.most_mm) == pytest.approx((15, 15, 15))
    assert found.angle_deg == pytest.approx(0, abs=1e-6)
    assert found.depth_gap_mm == pytest.approx(4)
    assert found.common_mm == pytest.approx(16)


@pytest.mark.parametrize("degrees", [5.0, 10.0, 25.0])
def test_converging_pair(degrees: float) -> None:
    # Mirror images about x = 0, each tilted by half: at equal depth the distance is 2 x.
    half = math.radians(degrees / 2)
    one = electrode((-6, 0, 0), (math.sin(half), 0, math.cos(half)))
    two = electrode((6, 0, 0), (-math.sin(half), 0, math.cos(half)))
    found = pair_geometry(array(one, two), 0, 1)
    far = 12 + 2 * 20 * math.sin(half)
    assert found.angle_deg == pytest.approx(degrees)
    assert (found.least_mm, found.most_mm) == pytest.approx((12, far))
    assert found.distance_mm == pytest.approx((12 + far) / 2)
    assert found.depth_gap_mm == pytest.approx(0, abs=1e-9)


def test_least_distance_of_crossing_needles_lies_between_the_ends() -> None:
    one = electrode((10, 0, 10), (1, 0, 1))
    two = electrode((-10, 3, 10), (-1, 0, 1))
    found = pair_geometry(array(one, two), 0, 1)
    assert found.angle_deg == pytest.approx(90)
    assert found.least_mm < found.distance_mm < found.most_mm
    assert found.least_mm >= 3.0


def test_pair_is_the_same_from_either_side_and_from_opposite_sides() -> None:
    one, two = electrode((0, 0, 0), tilted(4)), electrode((14, 3, 5), tilted(-3), exposure=15)
    there, back = pair_geometry(array(one, two), 0, 1), pair_geometry(array(two, one), 0, 1)
    assert there.distance_mm == pytest.approx(back.distance_mm)
    assert there.depth_gap_mm == pytest.approx(-back.depth_gap_mm)
    opposite = Electrode((14, 0, 90), (14, 0, -20), 20.0)  # from the other side, same bare stretch
    found = pair_geometry(array(electrode((0, 0, 0)), opposite), 0, 1)
    assert (found.distance_mm, found.angle_deg, found.common_mm) == pytest.approx((14, 0, 20), abs=1e-6)


def test_needles_without_a_common_bare_part() -> None:
    found = pair_geometry(array(electrode((0, 0, 0)), electrode((3, 0, 24))), 0, 1)
    assert found.common_mm == 0
    assert found.distance_mm == pytest.approx(5)  # from a tip to where the other's bare part ends: 3 and 4


def test_touching() -> None:
    needles = array(electrode((0, 0, 0)), electrode((0.9, 0, 0)), electrode((0.95, 30, 0), (0, 1, 0)))
    assert [(a, b) for a, b, _ in touching(needles, DEVICE)] == [(0, 1), (0, 2), (1, 2)]
    assert touching(needles, DEVICE)[0][2] == pytest.approx(0.9)
    assert touching(array(electrode((0, 0, 0)), electrode((1.1, 0, 0))), DEVICE) == ()


def test_standard_pairs_take_all_in_reach_and_name_the_others() -> None:
    needles = array(*(electrode((x, 0, 0)) for x in (0, 15, 30, 32)))
    pairs, left_out = standard_pairs(needles, DEVICE, 1500.0)
    assert [(p.a, p.b, p.voltage_v) for p in pairs] == [(0, 1, 2250.0), (1, 2, 2250.0), (1, 3, 2550.0)]
    assert left_out == ("e1:0-2", "e1:0-3", "e1:2-3")
    assert replace(needles, pairs=pairs).pairs == pairs


def test_voltages_are_rounded_and_kept_within_the_generator() -> None:
    needles = array(electrode((0, 0, 0)), electrode((13.333, 0, 0)), electrode((0, 22, 0)))
    volts = {(p.a, p.b): p.voltage_v for p in standard_pairs(needles, DEVICE, 1500.0, 23.0)[0]}
    assert volts == {(0, 1): 2000.0, (0, 2): 3000.0}
    low = standard_pairs(needles, DEVICE, 50.0, 23.0)[0]
    assert all(p.voltage_v == 100.0 or p.voltage_v == 110.0 for p in low)


def test_reach_is_a_constant_with_its_source() -> None:
    assert FARTHEST_PAIR.unit == "mm"
    assert FARTHEST_PAIR.source
    with pytest.raises(InvalidValue, match="positive voltage"):
        standard_pairs(array(electrode((0, 0, 0))), DEVICE, -1.0)


# Changes


def test_snapping_makes_parallel_and_keeps_the_chosen_point() -> None:
    needles = array(electrode((0, 0, 0), tilted(6)), electrode((15, 0, 3), tilted(-4)), electrode((0, 15, 0)))
    for about in ("middle", "tip"):
        for to in (None, 1):
            snapped = snapped_parallel(needles, to, about)
            wanted = needles.direction if to is None else needles.electrodes[1].direction
            for before, after in zip(needles.electrodes, snapped.electrodes, strict=True):
                assert after.direction == pytest.approx(wanted)
                assert after.length_mm == pytest.approx(before.length_mm)
                back = 0.0 if about == "tip" else 10.0
                assert after.point_behind_tip(back) == pytest.approx(before.point_behind_tip(back))
    with pytest.raises(InvalidValue, match="tip or middle"):
        snapped_parallel(needles, None, "entry")
    with pytest.raises(InvalidValue, match="no such electrode"):
        snapped_parallel(needles, 3)


def test_exposure_keeps_the_middles() -> None:
    needles = array(electrode((0, 0, 0)), electrode((15, 0, 3), tilted(5)))
    longer = with_exposure(needles, 30.0)
    for before, after in zip(needles.electrodes, longer.electrodes, strict=True):
        assert after.exposure_mm == 30.0
        assert after.exposed_ends_lps_mm.mean(axis=0) == pytest.approx(
            before.exposed_ends_lps_mm.mean(axis=0)
        )
        assert after.entry_lps_mm == before.entry_lps_mm


@pytest.mark.parametrize("count", [2, 3, 5])
def test_spacing(count: int) -> None:
    turn = 2 * np.pi * np.arange(count) / count
    needles = array(*(electrode((9 * math.cos(t), 9 * math.sin(t), 0)) for t in turn))
    wide = with_spacing(needles, 17.0)
    assert spacings_mm(wide.electrodes) == pytest.approx((17.0, 17.0))
    assert wide.middle_lps_mm == pytest.approx(needles.middle_lps_mm, abs=1e-9)


def test_spacing_guards() -> None:
    with pytest.raises(InvalidValue, match="two electrodes"):
        with_spacing(array(electrode((0, 0, 0))), 15.0)
    with pytest.raises(InvalidValue, match="lie on each other"):
        with_spacing(array(electrode((0, 0, 0)), electrode((0, 0, 3))), 15.0)


def test_one_electrode_moves_alone() -> None:
    needles = array(electrode((0, 0, 0)), electrode((15, 0, 0)))
    moved = with_electrode_moved(needles, 1, (0, 2, -1))
    assert moved.electrodes[0] == needles.electrodes[0]
    assert moved.electrodes[1].tip_lps_mm == pytest.approx((15, 2, -1))


def test_numbering_starts_in_the_middle_then_in_front_and_goes_clockwise() -> None:
    # Seen along needles that run towards the head, the front is up and the patient's right is right.
    places = {
        "back": (0, 12, 0),
        "right": (-12, 0, 0),
        "front": (0, -12, 0),
        "middle": (0, 0, 0),
        "left": (12, 0, 0),
    }
    names = list(places)
    needles = array(
        *(electrode(places[n]) for n in names), pairs=(PulsePair(0, 3, 1800.0), PulsePair(1, 2, 2000.0))
    )
    found = numbered(needles)
    order = [names[needles.electrodes.index(e)] for e in found.electrodes]
    assert order[0] == "middle"
    assert order[1] == "front"
    # right-handed: along z, up -y, so the viewer's right is z x (-y) = x, the patient's left
    assert order[2:] == ["left", "back", "right"]
    by_names = {frozenset((order[p.a], order[p.b])): p.voltage_v for p in found.pairs}
    assert by_names == {frozenset(("back", "middle")): 1800.0, frozenset(("right", "front")): 2000.0}
    assert numbered(found) == found


def test_a_needle_to_be_judged() -> None:
    needle = as_needle(array(electrode((0, 0, 0)), electrode((15, 0, 0)), lesion="L"), 1)
    assert (needle.id, needle.lesion, needle.tip_lps_mm) == ("e1:1", "L", (15.0, 0.0, 0.0))


# Around a lesion


def ellipsoid(half=(9.0, 6.0, 12.0), middle=(3.0, -4.0, 5.0)) -> np.ndarray:
    rng = np.random.default_rng(1)
    ways = rng.normal(size=(20000, 3))
    return np.array(middle) + np.array(half) * ways / np.linalg.norm(ways, axis=1, keepdims=True)


def test_section_of_an_ellipsoid() -> None:
    section = LesionSection.of(ellipsoid(), np.array([0, 0, 2.0]))
    assert section.middle_lps_mm == pytest.approx((3, -4, 5), abs=0.05)
    assert section.length_mm == pytest.approx(24, abs=0.1)
    # The first direction across is the front, the second the viewer's right.
    assert section.reach_mm(np.array([0.0, np.pi / 2])) == pytest.approx([6, 9], abs=0.05)
    assert section.at(np.array([2.0, 1.0]), 4.0) - section.middle_lps_mm == pytest.approx(
        2 * section.first + section.second + 4 * section.along
    )


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("layout", [RING, CENTER])
def test_ring_lies_outside_the_section(count: int, layout: str) -> None:
    section = LesionSection.of(ellipsoid(), np.array([0.1, 0.2, 1.0]))
    offsets = ring_offsets_mm(section, count, layout, 3.0, 0.4)
    assert offsets.shape == (count, 2)
    ring = offsets[1:] if layout == CENTER else offsets
    if layout == CENTER:
        assert offsets[0] == pytest.approx((0, 0))
    for place in ring:
        way = place / np.linalg.norm(place)
        assert (section.outline_mm @ way).max() == pytest.approx(np.linalg.norm(place) - 3.0, abs=1e-6)


def test_electrodes_run_along_the_line_with_their_bare_parts_on_the_lesion() -> None:
    entry, target = (-70.0, -60.0, 20.0), (3.0, -4.0, 5.0)
    electrodes, back = bracketing_electrodes(ellipsoid(), entry, target, 4, exposure_mm=20.0, length_mm=20.0)
    along = unit_vector(np.array(target) - np.array(entry))
    assert back.times == 0
    section = LesionSection.of(ellipsoid(), along)
    for e in electrodes:
        assert e.direction == pytest.approx(along)
        middle = e.exposed_ends_lps_mm.mean(axis=0)
        assert float((middle - section.middle_lps_mm) @ along) == pytest.approx(0, abs=1e-6)
        assert float((np.array(e.entry_lps_mm) - np.array(entry)) @ along) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("length", "times", "step"),
    [(18.0, 0, 0.0), (20.0, 0, 0.0), (35.0, 1, 15.0), (36.0, 2, 8.0), (50.0, 2, 15.0)],
)
def test_pull_backs(length: float, times: int, step: float) -> None:
    found = pull_backs_for(length, 20.0)
    assert (found.times, found.step_mm) == (times, pytest.approx(step))


def test_pull_backs_cover_the_lesion_from_end_to_end() -> None:
    tall = ellipsoid((6.0, 6.0, 25.0))
    electrodes, back = bracketing_electrodes(tall, (3, -4, -150), (3, -4, 5), 3, exposure_mm=20.0)
    needles = array(*electrodes, pull_backs=back.times, pull_back_mm=back.step_mm)
    ends = np.array([p.electrodes[0].exposed_ends_lps_mm[:, 2] for p in needles.positions()])
    assert ends[0, 0] == pytest.approx(30, abs=0.1)  # the deepest tip at the lesion's far end
    assert ends[-1, 1] == pytest.approx(-20, abs=0.1)
    for before, after in itertools.pairwise(ends):
        assert after[0] - before[1] >= 5.0 - 1e-6
    with pytest.raises(InvalidValue, match="overlap"):
        pull_backs_for(30.0, 10.0, 10.0)


def test_array_of_a_case_enters_at_the_skin() -> None:
    structures = phantom((2.5, 2.5, 2.5)).structures
    made = bracketing_array(
        "e3", structures, "lesion", (-95.0, -25.0, 0.0), (0.0, 0.0, 0.0), 4, RING, device=DEVICE
    )
    assert (made.id, made.device, made.lesion) == ("e3", DEVICE.name, "lesion")
    assert {(0, 1), (1, 2), (2, 3), (0, 3)} <= {(p.a, p.b) for p in made.pairs}
    for e in made.electrodes:
        assert np.linalg.norm(e.entry_lps_mm) == pytest.approx(SKIN_MM, abs=2.5)
    across = pair_geometry(made, 0, 2).distance_mm
    assert across == pytest.approx(2 * (LESION_MM + 2.0), abs=2.5)
    assert not touching(made, DEVICE)


def test_ring_guards() -> None:
    section = LesionSection.of(ellipsoid(), np.array([0, 0, 1.0]))
    with pytest.raises(InvalidValue, match="2 to 6"):
        ring_offsets_mm(section, 7, RING, 2.0)
    with pytest.raises(InvalidValue, match="2 to 6"):
        ring_offsets_mm(section, 3, "square", 2.0)
    with pytest.raises(InvalidValue, match="same point"):
        bracketing_electrodes(ellipsoid(), (0, 0, 0), (0, 0, 0.5), 3)
    with pytest.raises(InvalidValue, match="no such electrode"):
        pair_geometry(array(electrode((0, 0, 0))), 0, 1)
