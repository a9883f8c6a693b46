"""The order of treatment: deepest first, one puncture a shaft, bleeding last."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom

from planner.model.plan import Applicator, FocusGrid, Plan
from planner.model.roles import Role
from planner.planning.anatomy import Anatomy
from planner.planning.arrays import with_pullback
from planner.planning.treatment_order import crosses_wide_vessel, treatment_order


def needle(id: str, x: float, depth: float, lesion: str = "a") -> Applicator:
    return Applicator(id, "any", (x, -100.0, 0.0), (x, -100.0 + depth, 0.0), {}, lesion)


def ids(plan: Plan, **known: set[str]) -> list[str]:
    return [s.instrument for s in treatment_order(plan, **known)]


def test_the_deepest_position_comes_first() -> None:
    plan = Plan("A", "c", (needle("p1", 0, 60), needle("p2", 20, 90), needle("p3", 40, 75)))
    assert ids(plan) == ["p2", "p3", "p1"]
    assert {s.why for s in treatment_order(plan)} == {"deepest first"}


def test_a_shaft_is_pulled_back_and_not_placed_again() -> None:
    first = needle("p1", 0, 90)
    plan = with_pullback(Plan("A", "c", (first, needle("p2", 30, 85))), first, 12.0, 2)
    steps = treatment_order(plan)
    assert [s.instrument for s in steps] == ["p1", "p3", "p4", "p2"], "not p2 between the positions of p1"
    assert [s.is_new_puncture for s in steps] == [True, False, False, True]
    assert steps[1].why == "pulled back"


def test_lesions_are_finished_one_after_the_other() -> None:
    plan = Plan(
        "A",
        "c",
        (needle("p1", 0, 60), needle("p2", 20, 90, "b"), needle("p3", 40, 70), needle("p4", 60, 50, "b")),
    )
    assert ids(plan) == ["p2", "p4", "p3", "p1"]


def test_what_crosses_a_wide_vessel_comes_last() -> None:
    plan = Plan("A", "c", (needle("p1", 0, 60), needle("p2", 20, 90), needle("p3", 40, 70, "b")))
    assert ids(plan, perforating={"p2"}) == ["p1", "p2", "p3"]
    within = Plan("A", "c", plan.instruments[:2])
    assert ids(within, perforating={"p2"}) == ["p1", "p2"]
    assert treatment_order(within, {"p2"})[-1].why == "through a wide vessel last"
    assert ids(plan, perforating={"p1", "p2"}) == ["p3", "p2", "p1"]


def test_sound_goes_before_needles_and_ice_works_together() -> None:
    grid = FocusGrid("h1", "any", ((0.0, 0.0, 0.0),))
    plan = Plan("A", "c", (needle("p1", 0, 60), grid, needle("p2", 20, 80)))
    steps = treatment_order(plan, freezing={"p1", "p2"})
    assert [s.instrument for s in steps] == ["h1", "p2", "p1"]
    assert steps[1].why == "probes of one lesion freeze together"
    assert treatment_order(Plan("A", "c")) == ()


@pytest.mark.parametrize(("radius_mm", "crosses"), [(4.0, True), (1.0, False)])
def test_only_wide_vessels_bleed(radius_mm: float, crosses: bool) -> None:
    anatomy = Anatomy.of(phantom(vein=(Role.PORTAL_VEIN, (0.3, -30.0, 0.2), radius_mm)).structures)
    assert crosses_wide_vessel(anatomy, custom_probe()) is crosses
