"""Arrays of needles, pull-back and the distances between shafts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.model.plan import Applicator, Plan
from planner.planning.arrays import (
    are_parallel,
    array_offsets_mm,
    gap_mm,
    tip_spacing_mm,
    with_array,
    with_pullback,
)

NEEDLE = Applicator("p1", "any", (-40.0, -90.0, 30.0), (5.0, 5.0, 0.0), {"time_s": 300.0}, "lesion")
PLAN = Plan("A", "case", (NEEDLE,))


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_neighbours_lie_a_spacing_apart_about_the_old_shaft(count: int) -> None:
    plan = with_array(PLAN, NEEDLE, count, 18.0, turn_deg=25.0)
    needles = plan.applicators
    assert [n.id for n in needles] == [f"p{k}" for k in range(1, count + 1)]
    assert all(n.device == "any" and n.lesion == "lesion" and n.settings == NEEDLE.settings for n in needles)
    assert all(are_parallel(NEEDLE, n, 0.001) for n in needles)
    gaps = sorted(tip_spacing_mm(a, b) for a, b in itertools.combinations(needles, 2))
    assert gaps[0] == pytest.approx(18.0)
    middle = np.mean([n.tip_lps_mm for n in needles], axis=0)
    assert np.allclose(middle, NEEDLE.tip_lps_mm), "centred on the needle it was made of"
    across = (np.array([n.tip_lps_mm for n in needles]) - np.array(NEEDLE.tip_lps_mm)) @ NEEDLE.direction
    assert np.allclose(across, 0.0), "tips lie in one plane across the shaft"


def test_three_needles_meet_in_their_middle_at_the_closed_form() -> None:
    # Triangle of side s: corners lie s / sqrt(3) from the centroid (reference sheet A8).
    assert np.allclose(np.linalg.norm(array_offsets_mm(3, 20.0), axis=1), 20.0 / np.sqrt(3))


def test_a_needle_is_pulled_back_along_its_path() -> None:
    plan = with_pullback(PLAN, NEEDLE, 15.0, 2)
    assert [n.id for n in plan.applicators] == ["p1", "p2", "p3"]
    for n, needle in enumerate(plan.applicators):
        assert needle.entry_lps_mm == NEEDLE.entry_lps_mm
        assert np.allclose(needle.tip_lps_mm, NEEDLE.point_behind_tip(15.0 * n))
    with pytest.raises(InvalidValue, match="pulled out"):
        with_pullback(PLAN, NEEDLE, 60.0, 2)


def test_gaps_between_shafts_against_a_search() -> None:
    random = np.random.default_rng(4)
    share = np.linspace(0.0, 1.0, 301)
    for _ in range(30):
        ends = random.uniform(-60, 60, (4, 3))
        one, two = (
            Applicator(i, "any", tuple(a), tuple(b)) for i, a, b in (("a", *ends[:2]), ("b", *ends[2:]))
        )
        p = ends[0] + share[:, None] * (ends[1] - ends[0])
        q = ends[2] + share[:, None] * (ends[3] - ends[2])
        brute = float(np.sqrt(((p[:, None] - q[None]) ** 2).sum(-1)).min())
        assert gap_mm(one, two) == pytest.approx(brute, abs=0.3)
        assert gap_mm(one, two) <= brute + 1e-9
    assert gap_mm(NEEDLE, NEEDLE.moved((0.0, 0.0, 0.0))) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("count", "spacing"), [(1, 10.0), (7, 10.0), (3, 0.0), (3, float("nan"))])
def test_impossible_arrays_are_refused(count: int, spacing: float) -> None:
    with pytest.raises(InvalidValue):
        array_offsets_mm(count, spacing)
