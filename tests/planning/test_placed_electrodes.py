"""Electrodes as placed: matched, told how far off, pairs kept or lost, voltages at the distances as measured."""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from phantom import custom_probe
from rectangle_array import ACROSS, ALONG, CORNERS, DEVICE, LENGTH, array, grid, needle

from planner.base.errors import InvalidValue
from planner.compute.needle_finding import FoundNeedle
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Plan
from planner.planning.placed_pairs import placed_pairs
from planner.planning.placed_plan import as_placed
from planner.planning.plan_needles import needle_title, plan_needles, with_places
from planner.planning.pulse_voltages import nominal_v_per_cm, with_only


def test_how_far_an_electrode_is_off_is_told_as_it_was_set() -> None:
    # Each turned by 5 degrees about its own tip, in a direction of its own; 2 mm aside, 3 mm deeper.
    planned, found = array(), []
    for n, corner in enumerate(CORNERS):
        turn = Rotation.from_rotvec(math.radians(90.0 * n) * ALONG).apply(ACROSS)
        tip = np.array(needle(*corner).tip_lps_mm) + 2.0 * turn + 3.0 * ALONG
        way = math.cos(math.radians(5.0)) * ALONG + math.sin(math.radians(5.0)) * turn
        found.append(FoundNeedle(tuple((tip - LENGTH * way).tolist()), tuple(tip.tolist())))
    placed = as_placed(Plan("A", "c", (planned,)), found)
    assert [d.id for d in placed.deviations] == ["e1:0", "e1:1", "e1:2", "e1:3"]
    assert [d.title for d in placed.deviations] == [f"e1 electrode {n}" for n in (1, 2, 3, 4)]
    for off in placed.deviations:
        assert off.lateral_mm == pytest.approx(2.0, abs=1e-9)
        assert off.depth_mm == pytest.approx(3.0, abs=1e-9)
        assert off.angle_deg == pytest.approx(5.0, abs=1e-9)
    (now,) = placed.plan.electrode_arrays
    assert [e.tip_lps_mm for e in now.electrodes] == [f.tip_lps_mm for f in found]
    assert [e.exposure_mm for e in now.electrodes] == [20.0] * 4
    assert (now.pulses, now.pulse_us, now.lesion, now.device) == (90, 90.0, "lesion", DEVICE.name)
    assert placed.missing == placed.unplanned == ()


@pytest.mark.parametrize("gone", [0, 1, 2, 3])
def test_an_electrode_that_was_not_found_takes_its_pairs_with_it(gone: int) -> None:
    planned = array()
    assert len(planned.pairs) == 6
    left = [n for n in range(4) if n != gone]
    placed = as_placed(Plan("A", "c", (planned,)), [needle(*CORNERS[n]) for n in left])
    (now,) = placed.plan.electrode_arrays
    assert placed.missing == (f"e1 electrode {gone + 1}",)
    assert placed.electrodes("e1") == tuple(left)
    assert [(p.a, p.b) for p in now.pairs] == [(0, 1), (0, 2), (1, 2)]
    told = placed_pairs(Plan("A", "c", (planned,)), placed)
    assert [p.planned for p in told] == list(itertools.combinations(left, 2))
    for pair in told:
        distance = math.dist(*(CORNERS[n] for n in pair.planned))
        assert (pair.planned_mm, pair.placed_mm) == pytest.approx((distance, distance), abs=1e-9)
        assert pair.placed_v == pytest.approx(10.0 * round(10.0 * distance), abs=10.0)
        assert not pair.is_limited


def test_found_needles_in_any_order_give_the_same_plan() -> None:
    plan = Plan("A", "c", (custom_probe((60.0, -80.0, 20.0)), array()))
    rng = np.random.default_rng(5)
    found = [needle(x + rng.normal(), y + rng.normal(), rng.normal()) for x, y in CORNERS[:3]]
    (probe,) = plan.applicators
    found += [FoundNeedle(probe.entry_lps_mm, probe.tip_lps_mm), needle(150.0, 0.0)]
    first = as_placed(plan, found)
    for order in itertools.permutations(found):
        again = as_placed(plan, order)
        assert (again.plan, again.deviations, again.missing) == (first.plan, first.deviations, first.missing)
    assert first.missing == ("e1 electrode 4",)
    assert first.unplanned == (found[-1],)


def test_two_equal_fits_are_settled_alike_in_any_order() -> None:
    plan = Plan("A", "c", (array(CORNERS[:2]),))
    found = [needle(7.5, 1.0), needle(7.5, -1.0)]  # both as far from the one electrode as from the other
    assert as_placed(plan, found).plan == as_placed(plan, found[::-1]).plan


def test_stray_metal_does_not_push_the_electrodes_aside() -> None:
    """The fourth was not found, and the others lie 3 mm towards their neighbours; a clip 20 mm beside the first.

    Each given to its neighbour and the clip to the first would cost 20 + 3 x 12 mm; as they are 3 x 3 mm,
    and 65 mm from the clip to the fourth were that counted.
    """
    row = ((0.0, 0.0), (15.0, 0.0), (30.0, 0.0), (45.0, 0.0))
    found = [needle(-20.0, 0.0), *(needle(x + 3.0, z) for x, z in row[:3])]
    placed = as_placed(Plan("A", "c", (array(row),)), found)
    assert [d.lateral_mm for d in placed.deviations] == pytest.approx([3.0] * 3, abs=1e-9)
    assert placed.missing == ("e1 electrode 4",)
    assert placed.unplanned == (found[0],)


@pytest.mark.parametrize(
    ("planned_mm", "nominal", "found_mm", "volts", "is_limited"),
    [
        (15.0, 1500.0, 16.27, 2440.0, False),
        (15.0, 1500.0, 13.02, 1950.0, False),
        (15.0, 1000.0, 15.04, 1500.0, False),
        (15.0, 1500.0, 21.0, 3000.0, True),  # 3150 V, and the generator gives 3000
    ],
)
def test_voltages_keep_the_planned_v_per_cm_at_the_distance_as_measured(
    planned_mm: float, nominal: float, found_mm: float, volts: float, is_limited: bool
) -> None:
    assert DEVICE.emitter["max_voltage"].value == 3000.0
    two = array(((0.0, 0.0), (planned_mm, 0.0)))
    plan = Plan("A", "c", (replace(two, pairs=(PulsePair(0, 1, 0.1 * nominal * planned_mm),)),))
    placed = as_placed(plan, [needle(0.0, 0.0), needle(found_mm, 0.0, 1.5)])
    (pair,) = placed_pairs(plan, placed)
    assert pair.planned_mm == pytest.approx(planned_mm, abs=1e-9)
    assert pair.placed_mm == pytest.approx(found_mm, abs=1e-9), "deeper by 1.5 mm, as far apart"
    assert pair.placed_v == placed.plan.electrode_arrays[0].pairs[0].voltage_v == volts
    assert pair.wanted_v == pytest.approx(0.1 * nominal * found_mm, abs=1e-6)
    assert pair.is_limited is is_limited


def test_a_pair_that_is_left_out_stays_so() -> None:
    planned = array()
    silent = replace(planned, pairs=(replace(planned.pairs[0], voltage_v=0.0), *planned.pairs[1:]))
    plan = Plan("A", "c", (silent,))
    placed = as_placed(plan, [needle(*c) for c in CORNERS])
    assert placed.plan.electrode_arrays[0].pairs[0].voltage_v == 0.0
    assert [p.planned for p in placed_pairs(plan, placed)] == [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_probes_and_foci_stay_beside_electrodes() -> None:
    probe, foci, planned = custom_probe((60.0, -80.0, 20.0)), grid(), array()
    plan = Plan("A", "c", (probe, foci, planned), notes="as discussed")
    found = [needle(*c) for c in CORNERS] + [FoundNeedle(probe.entry_lps_mm, probe.tip_lps_mm)]
    placed = as_placed(plan, found)
    assert [i.id for i in placed.plan.instruments] == ["p1", "h1", "e1"]
    assert placed.plan.instrument("h1") == foci
    assert placed.plan.instrument("p1") == probe
    assert placed.plan.notes == "as discussed"
    assert placed.keys == (("p1", None), *(("e1", n) for n in range(4)))


def test_an_array_of_which_nothing_was_found_goes_and_is_named() -> None:
    probe, foci = custom_probe((60.0, -80.0, 20.0)), grid()
    plan = Plan("A", "c", (array(), probe, foci))
    placed = as_placed(plan, [FoundNeedle(probe.entry_lps_mm, probe.tip_lps_mm)])
    assert [i.id for i in placed.plan.instruments] == ["p1", "h1"]
    assert placed.missing == ("e1 (all 4 electrodes)",)
    assert placed.electrodes("e1") == ()
    assert placed_pairs(plan, placed) == ()
    one = as_placed(Plan("A", "c", (array(CORNERS[:1], "e2"), probe)), placed.matched)
    assert one.missing == ("e2 electrode 1",)


@pytest.mark.parametrize(("back", "length", "fits"), [(0, 20.0, True), (0, 19.5, False), (2, 49.9, False)])
def test_a_found_needle_too_short_for_its_bare_part_is_named(back: int, length: float, fits: bool) -> None:
    planned = array(pull_backs=back, pull_back_mm=15.0)
    found = [needle(*c) for c in CORNERS[:3]] + [needle(*CORNERS[3], length=length)]
    if fits:
        assert len(as_placed(Plan("A", "c", (planned,)), found).plan.electrode_arrays[0].electrodes) == 4
        return
    with pytest.raises(InvalidValue, match="too short for the electrode") as caught:
        as_placed(Plan("A", "c", (planned,)), found)
    assert caught.value.thing.startswith(f"e1 electrode 4: {length:.1f} mm for 20 mm of bare part")
    assert ("30 mm of pull-backs" in caught.value.thing) is bool(back)
    assert "entry" in caught.value.todo


def test_rounding_of_a_needle_that_is_all_bare_does_not_refuse_it() -> None:
    straight = tuple(Electrode((x, 0.0, -95.0), (x, 0.0, 0.0), 20.0) for x in (0.0, 15.0, 30.0, 45.0))
    bare = ElectrodeArray("e1", DEVICE.name, straight, pull_backs=1, pull_back_mm=75.0)
    turn = Rotation.from_euler("xyz", (31.0, -17.0, 73.0), degrees=True)
    places = {
        n.key: tuple(tuple(p.tolist()) for p in turn.apply([n.needle.entry_lps_mm, n.needle.tip_lps_mm]))
        for n in plan_needles(Plan("A", "c", (bare,)))
    }
    (now,) = with_places(Plan("A", "c", (bare,)), places).electrode_arrays  # type: ignore[arg-type]
    assert [e.exposure_mm for e in now.electrodes] == pytest.approx([20.0] * 4, abs=1e-9)


def test_needles_of_a_plan_are_named_for_people() -> None:
    plan = Plan("A", "c", (array(CORNERS[:2]), custom_probe()))
    assert [(n.needle.id, n.title) for n in plan_needles(plan)] == [
        ("e1:0", "e1 electrode 1"),
        ("e1:1", "e1 electrode 2"),
        ("p1", "p1"),
    ]
    assert needle_title(("e1", 5)) == "e1 electrode 6"


def test_guards() -> None:
    with pytest.raises(InvalidValue, match="no needle"):
        as_placed(Plan("A", "c", (grid(),)), [needle(0.0, 0.0)])
    with pytest.raises(InvalidValue, match="near a planned one"):
        as_placed(Plan("A", "c", (array(),)), [needle(200.0, 0.0)])
    with pytest.raises(InvalidValue, match="no such electrode"):
        with_only(array(), (0, 4))
    with pytest.raises(InvalidValue, match="one to 6"):
        with_only(array(), ())
    on_each_other = replace(array(), electrodes=(array().electrodes[0],) * 4)
    with pytest.raises(InvalidValue, match="lie on each other"):
        nominal_v_per_cm(on_each_other, on_each_other.pairs[0])
