"""Where needles come to lie: published means and spreads, the same seed the same bits, and the breath."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Applicator, FocusGrid, Plan
from planner.planning.placements import PLACEMENTS
from planner.planning.plan_needles import plan_needles
from planner.planning.robustness import across_shaft, placement_offset
from planner.practice.exercise import Conditions
from planner.practice.landing import landed, replanned, repositioned
from planner.practice.landing_errors import LATERAL_ERRORS, error_words, lateral_error

sys.path.insert(0, str(Path(__file__).parents[1] / "planning"))
from rectangle_array import array, grid

PROBE = Applicator("p1", "custom-ellipsoid", (-60.0, -80.0, 40.0), (12.0, 7.0, -9.0), {}, "lesion")
LEVEL = Applicator("p1", "custom-ellipsoid", (-60.0, -80.0, -9.0), (12.0, 7.0, -9.0), {}, "lesion")
OTHER = Applicator("p2", "custom-ellipsoid", (60.0, -80.0, 10.0), (-2.0, 3.0, 5.0), {}, "lesion")
BREATH = Conditions(breath_mm=12.0)


def plan(*instruments: object) -> Plan:
    return Plan("A", "c", instruments)  # type: ignore[arg-type]


def tips(of: Plan) -> dict[str, np.ndarray]:
    return {n.needle.id: np.array(n.needle.tip_lps_mm) for n in plan_needles(of)}


@pytest.mark.parametrize(
    ("way", "probe", "mean_mm", "spread_mm"),
    [
        ("freehand", LEVEL, 6.2, 2.7),
        ("freehand", PROBE, 10.1, 4.0),
        ("robotic", LEVEL, 7.7, 5.9),
        ("robotic", PROBE, 5.9, 2.9),
        ("navigated", LEVEL, 4.0, 2.7),
        ("navigated", PROBE, 4.0, 2.7),
    ],
)
def test_deviations_have_the_published_mean_and_spread(
    way: str, probe: Applicator, mean_mm: float, spread_mm: float
) -> None:
    """20,000 seeds: the distance across as in the trials, no direction preferred, the depth normal (within 2 %)."""
    draws = [landed(plan(probe), Conditions(placement=way), seed).needles[0] for seed in range(20_000)]
    lateral, depth = np.array([(n.lateral_mm, n.depth_mm) for n in draws]).T
    assert lateral.mean() == pytest.approx(mean_mm, rel=0.02)
    assert lateral.std() == pytest.approx(spread_mm, rel=0.02)
    deep = PLACEMENTS[way].depth.value
    assert depth.std() == pytest.approx(deep, rel=0.02)
    assert abs(depth.mean()) < 0.02 * deep
    side, other = across_shaft(probe.direction)
    across = np.array([n.tip_off_lps_mm for n in draws]) @ np.stack([side, other]).T
    each = math.hypot(mean_mm, spread_mm) / math.sqrt(2.0)
    assert across.std(axis=0) == pytest.approx([each, each], rel=0.02)
    assert np.abs(across.mean(axis=0)).max() < 0.02 * each
    assert abs(np.corrcoef(across.T)[0, 1]) < 0.02


def test_a_shaft_is_in_plane_up_to_ten_degrees() -> None:
    for deg, in_plane in (
        (0.0, True),
        (9.9, True),
        (-9.9, True),
        (10.1, False),
        (-10.1, False),
        (90.0, False),
    ):
        tilt = math.radians(deg)
        along = np.array([0.6 * math.cos(tilt), -0.8 * math.cos(tilt), math.sin(tilt)])
        assert (lateral_error("freehand", along) is LATERAL_ERRORS["freehand"][0]) == in_plane


def test_every_way_of_placing_has_an_error_of_its_own_or_none() -> None:
    assert set(LATERAL_ERRORS) | {"exact"} == set(PLACEMENTS)
    assert error_words("freehand") == "6.2 ± 2.7 mm in the axial plane, 10.1 ± 4.0 mm out of it"
    assert error_words("navigated") == "4.0 ± 2.7 mm"


def test_the_offset_is_along_and_across_the_shaft() -> None:
    along = PROBE.direction
    side, other = across_shaft(along)
    frame = np.stack([side, other, along])
    assert np.abs(frame @ frame.T - np.eye(3)).max() < 1e-12
    found = placement_offset(along, PLACEMENTS["freehand"], np.array([0.5, -1.5, 2.0]))
    assert found @ side == pytest.approx(3.0)
    assert found @ other == pytest.approx(-9.0)
    assert found @ along == pytest.approx(6.0)


def test_the_same_seed_gives_the_same_bits_and_needles_do_not_mind_each_other() -> None:
    conditions = Conditions(placement="freehand", breath_mm=7.0)
    both = landed(plan(PROBE, OTHER, array(), grid()), conditions, 5, 2)
    assert both == landed(plan(PROBE, OTHER, array(), grid()), conditions, 5, 2)
    turned = landed(plan(array(), grid(), OTHER, PROBE), conditions, 5, 2)
    alone = landed(plan(PROBE), conditions, 5, 2)
    for id in ("p1", "p2", "e1:0", "e1:3"):
        assert both.needle(id) == turned.needle(id)
        assert np.array_equal(tips(both.plan)[id], tips(turned.plan)[id])
    assert alone.needle("p1") == both.needle("p1")
    offs = {n.tip_off_lps_mm for n in both.needles}
    assert len(offs) == 6, "each needle and each electrode has a draw of its own"
    for other in (landed(plan(PROBE), conditions, 6, 2), landed(plan(PROBE), conditions, 5, 3)):
        assert other.needle("p1").tip_off_lps_mm != alone.needle("p1").tip_off_lps_mm


def test_exact_needles_lie_as_planned() -> None:
    odd = replace(array(), pairs=(PulsePair(0, 1, 1503.0),))  # no step of the generator
    whole = plan(PROBE, odd, grid())
    found = landed(whole, Conditions(), 3)
    assert found.plan == whole == found.scanned
    assert all(n.lateral_mm == n.depth_mm == 0.0 for n in found.needles)
    assert all(n.tip_off_lps_mm == (0.0, 0.0, 0.0) for n in found.needles)
    assert found.repositionings == 0


def test_the_needle_turns_about_its_entry() -> None:
    found = landed(plan(PROBE, array(), grid()), Conditions(placement="freehand"), 11)
    planned = {n.needle.id: n.needle for n in plan_needles(found.planned)}
    for each in plan_needles(found.plan):
        before = planned[each.needle.id]
        assert each.needle.entry_lps_mm == before.entry_lps_mm
        told = found.needle(each.needle.id)
        off = np.array(each.needle.tip_lps_mm) - np.array(before.tip_lps_mm)
        assert off == pytest.approx(np.array(told.tip_off_lps_mm))
        assert off @ before.direction == pytest.approx(told.depth_mm)
        assert np.linalg.norm(np.cross(before.direction, off)) == pytest.approx(told.lateral_mm)
    assert found.plan.focus_grids == found.planned.focus_grids
    assert found.plan.name == "A as it lies"


def test_a_liver_lower_by_the_breath_meets_the_needle_higher() -> None:
    found = landed(plan(PROBE, array(), grid()), BREATH, 4)
    for id, tip in tips(found.planned).items():
        assert tips(found.plan)[id] - tip == pytest.approx((0.0, 0.0, 12.0), abs=1e-9)
        assert np.array_equal(tips(found.scanned)[id], tip), "in the room it lies where it was planned"
        assert found.needle(id).lateral_mm == 0.0
    assert found.plan.focus_grids == found.planned.focus_grids
    drawn = landed(plan(PROBE), replace(BREATH, placement="navigated"), 4)
    same = landed(plan(PROBE), Conditions(placement="navigated"), 4)
    assert drawn.needle("p1") == same.needle("p1"), "the breath is no deviation of the hand"
    assert tips(drawn.plan)["p1"] - tips(same.plan)["p1"] == pytest.approx((0.0, 0.0, 12.0), abs=1e-9)


def test_a_repositioned_needle_is_drawn_again_and_counted_and_others_stay() -> None:
    first = landed(plan(PROBE, OTHER, array()), Conditions(placement="freehand"), 8)
    again = repositioned(first, "p1")
    assert again == repositioned(first, "p1")
    assert again.needle("p1").tip_off_lps_mm != first.needle("p1").tip_off_lps_mm
    assert again.needle("p1").repositionings == again.repositionings == 1
    assert again.needle("p2") == first.needle("p2")
    twice = repositioned(repositioned(again, "p1"), "e1:2")
    assert twice.repositionings == 3
    assert twice.tries == (("e1:2", 1), ("p1", 2))
    assert landed(first.planned, first.conditions, 8, 0, twice.tries) == twice, "taken up again after a crash"
    assert twice.needle("e1:1") == first.needle("e1:1")
    with pytest.raises(InvalidValue, match="no such needle"):
        repositioned(first, "p9")


def test_a_changed_plan_moves_what_was_moved_alone() -> None:
    first = repositioned(landed(plan(PROBE, OTHER), Conditions(placement="navigated"), 8), "p1")
    third = replace(OTHER, id="p3", tip_lps_mm=(5.0, 5.0, 5.0))
    more = replanned(first, plan(PROBE, OTHER, third))
    assert more.needle("p1") == first.needle("p1")
    assert more.needle("p2") == first.needle("p2")
    assert more.repositionings == 1, "a needle that is added was not repositioned"
    moved = replanned(more, plan(replace(PROBE, tip_lps_mm=(13.0, 7.0, -9.0)), OTHER))
    assert moved.needle("p1").repositionings == 2
    assert moved.repositionings == 2
    louder = replanned(first, plan(replace(PROBE, settings={"long_axis_mm": 30.0}), OTHER))
    assert louder.repositionings == 1, "other settings leave the needle where it is"
    gone = replanned(moved, plan(OTHER))
    assert gone.repositionings == 2, "what was done stays done"


def test_bare_parts_stay_in_the_body_however_shallow_they_are_drawn() -> None:
    electrodes = tuple(Electrode((float(x), -25.0, 0.0), (float(x), 0.0, 0.0), 20.0) for x in (-8.0, 8.0))
    short = ElectrodeArray(
        "e1", "generic-ire-19g", electrodes, (PulsePair(0, 1, 2000.0),), pull_backs=1, pull_back_mm=5.0
    )
    shallow = Applicator("p1", "custom-ellipsoid", (0.0, -3.0, 0.0), (0.0, 0.0, 0.0))
    for seed in range(200):
        found = landed(plan(short, shallow), Conditions(placement="freehand", breath_mm=3.0), seed)
        for electrode in found.plan.electrode_arrays[0].electrodes:
            assert electrode.exposure_mm == pytest.approx(20.0, abs=2e-6)
            assert electrode.length_mm >= 25.0 - 1e-6
        assert found.plan.applicators[0].length_mm >= 1.0


def test_foci_alone_and_nothing_at_all_lie_as_planned() -> None:
    foci = FocusGrid("h1", "t", ((0.0, 0.0, 0.0),))
    for whole in (plan(foci), plan()):
        found = landed(whole, Conditions(placement="freehand", breath_mm=20.0), 1)
        assert found.plan == whole
        assert found.needles == ()
    with pytest.raises(InvalidValue, match="none there"):
        repositioned(found, "p1")


@pytest.mark.parametrize(("seed", "number", "tries"), [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_negative_seeds_are_refused(seed: int, number: int, tries: int) -> None:
    with pytest.raises(InvalidValue, match="zero or more"):
        landed(plan(PROBE), Conditions(), seed, number, [("p1", tries)])
