"""Suggested plans on phantoms whose best answer is known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import phantom

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.liver_region import LiverRegion
from planner.compute.margin import PreparedMargin, prepare_margin
from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.anatomy import Anatomy
from planner.planning.device_library import device_library
from planner.planning.devices import CUSTOM
from planner.planning.goal_points import goal_points
from planner.planning.suggesting import (
    Goal,
    NoPath,
    SuggestedNeedles,
    judged_margin_mm,
    suggest_needles,
)

OPEN = AccessRules(table_lps=None, steepest_tilt_deg=90.0)
DEVICE = device_library().device(CUSTOM)
#: Lesion 10 mm, liver 60 mm, skin 100 mm: see the phantom.
BODY = phantom((2.5, 2.5, 2.5)).structures


def ball(diameter_mm: float) -> dict[str, float]:
    return {"long_axis_mm": diameter_mm, "short_axis_mm": diameter_mm, "center_offset_mm": 5.0}


def body_with(lesion_mask_of: object) -> StructureSet:
    """The phantom's body with another lesion, given by a function of points (..., 3)."""
    grid: Grid = BODY.grid
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    mask = np.asarray(lesion_mask_of(points))  # type: ignore[operator]
    return BODY.without("lesion").with_mask(Structure("lesion", Role.LESION), mask)


def ready(structures: StructureSet) -> tuple[AccessGround, PreparedMargin]:
    ground = AccessGround.of(Anatomy.of(structures))
    region = LiverRegion.from_mask(structures.grid, structures.union_mask(["liver", "lesion"]))
    mask, grid = structures.cropped("lesion", 5.0)
    return ground, prepare_margin(grid, mask, region)


@pytest.fixture(scope="module")
def one_ball() -> tuple[AccessGround, PreparedMargin]:
    return ready(BODY)


@pytest.fixture(scope="module")
def long_lesion() -> tuple[AccessGround, PreparedMargin]:
    # A capsule of radius 8 mm whose middle line is 30 mm long.
    def mask(points: np.ndarray) -> np.ndarray:
        along = np.clip(points[..., 0], -15.0, 15.0)
        return ((points[..., 0] - along) ** 2 + points[..., 1] ** 2 + points[..., 2] ** 2) <= 64.0

    return ready(body_with(mask))


def sound(found: SuggestedNeedles, goal: Goal) -> None:
    assert judged_margin_mm(found.report) >= goal.margin_mm - 0.5
    assert all(e.broken == () for e in found.entries), "a suggested path breaks no rule"
    assert all(n.lesion == goal.lesion for n in found.needles)
    assert found.cover.bound <= found.cover.cost + 1e-9
    assert found.unreached_percent == 0.0


def test_one_ball_is_covered_by_one_needle_through_its_middle(
    one_ball: tuple[AccessGround, PreparedMargin],
) -> None:
    # 10 mm + 5 mm fit a zone of 15.5 mm radius in one place alone: the middle.
    goal = Goal("lesion", 5.0)
    plans = suggest_needles(*one_ball, DEVICE, ball(31.0), goal, rules=OPEN)
    best = plans[0]
    sound(best, goal)
    assert len(best.needles) == 1
    assert np.linalg.norm(best.needles[0].point_behind_tip(5.0)) < 1.0


def test_a_long_lesion_needs_two(long_lesion: tuple[AccessGround, PreparedMargin]) -> None:
    # The ends lie 46 mm apart with a margin of 3 mm 52 mm: one ball of 20 mm radius cannot, two can:
    # each holds half, whose farthest corner from its middle is sqrt(13^2 + 11^2) = 17 mm.
    goal = Goal("lesion", 3.0)
    plans = suggest_needles(*long_lesion, DEVICE, ball(40.0), goal, rules=OPEN)
    for plan in plans:
        sound(plan, goal)
    assert min(len(p.needles) for p in plans) == 2


def test_a_ball_a_little_larger_than_a_zone_needs_four(
    one_ball: tuple[AccessGround, PreparedMargin],
) -> None:
    # Fewer than four equal balls cannot cover a larger ball; four reach 1.06 of their radius
    # (reference sheet A8).  10 mm + 5 mm by balls of 14.6 mm: 1.03.
    goal = Goal("lesion", 5.0, most_needles=8)
    plans = suggest_needles(*one_ball, DEVICE, ball(29.2), goal, rules=OPEN)
    for plan in plans:
        sound(plan, goal)
    assert min(len(p.needles) for p in plans) == 4


def test_what_cannot_be_done_is_said(one_ball: tuple[AccessGround, PreparedMargin]) -> None:
    with pytest.raises(InvalidValue, match="more needles"):
        suggest_needles(*one_ball, DEVICE, ball(14.0), Goal("lesion", 8.0, most_needles=3), rules=OPEN)
    wall = AccessRules(table_lps=None, steepest_tilt_deg=0.0, gantry_sector_deg=(10.0, 10.001))
    with pytest.raises(NoPath) as refused:
        suggest_needles(*one_ball, DEVICE, ball(31.0), Goal("lesion"), rules=wall)
    assert "skin" in refused.value.thing
    assert refused.value.found.entries


def test_the_same_input_gives_the_same_plan_and_cancel_stops(
    one_ball: tuple[AccessGround, PreparedMargin],
) -> None:
    goal = Goal("lesion", 4.0)
    one, two = (suggest_needles(*one_ball, DEVICE, ball(32.0), goal, rules=OPEN) for _ in range(2))
    assert [p.needles for p in one] == [p.needles for p in two]
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        suggest_needles(*one_ball, DEVICE, ball(32.0), goal, rules=OPEN, task=task)


def test_the_goal_is_the_lesion_grown_within_the_liver(
    one_ball: tuple[AccessGround, PreparedMargin],
) -> None:
    points, gap = goal_points(one_ball[1], 5.0)
    away = np.linalg.norm(points, axis=1)
    assert away.max() == pytest.approx(15.0, abs=0.6)
    assert 0.5 < gap < 4.0
    assert 400 < len(points) < 2500


@pytest.mark.parametrize("wrong", [{"margin_mm": -1.0}, {"margin_mm": 30.0}, {"most_needles": 0}])
def test_impossible_goals_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidValue):
        Goal("lesion", **wrong)  # type: ignore[arg-type]
