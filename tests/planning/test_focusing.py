"""Foci that cover their goal, the union of many zones, and what a beam meets, against closed forms."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import LESION_MM, phantom

from planner.base.errors import InvalidValue
from planner.compute.foci_union import FociUnion, together
from planner.compute.lesion_outline import outline_lesion
from planner.compute.margin import prepare_margin
from planner.compute.spheroid import Spheroid
from planner.compute.zone_union import ZoneUnion
from planner.model.geometry import Grid
from planner.model.plan import FocusGrid
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.planning.access import access_map
from planner.planning.acoustic_window import FOCUS_POINTS, judge_beam, usable_window, usable_windows
from planner.planning.case_ground import access_ground_of
from planner.planning.device_library import device_library
from planner.planning.focus_suggesting import suggest_foci
from planner.planning.focusing import (
    filled_grid,
    goal_points,
    grid_zones,
    transducer_power_w,
    transducer_value,
)
from planner.planning.tissues import SOUND_ATTENUATION

HIFU = device_library().device("generic-hifu")
ZONE = HIFU.zone(HIFU.defaults)
AXIS = (0.3, -0.5, 0.8)
FRONT = ((0.0, -100.0, 0.0), (20.0, -97.0, 0.0), (0.0, -97.0, 20.0))


def random_zones(count: int, spread_mm: float) -> list[Spheroid]:
    centers = np.random.default_rng(4).uniform(-spread_mm, spread_mm, (count, 3))
    return [Spheroid((x, y, z), AXIS, 10.0, 3.0) for x, y, z in centers]


def test_the_union_of_two_spheroids_is_that_of_two_balls_stretched() -> None:
    """H15: two balls of 15 mm, 20 mm apart: union 26179.94 mm³, waist 11.18034 mm."""
    stretch = 2.5
    ends = [Spheroid((0.0, y, 0.0), (0.0, 0.0, 1.0), 30.0 * stretch, 30.0) for y in (-10.0, 10.0)]
    union = FociUnion(ends)
    assert 1000.0 * union.volume_ml == pytest.approx(26179.94 * stretch, rel=0.01)
    middle = union.signed_distance_mm(np.array([[0.0, 0.0, 0.0]]))
    assert middle[0] == pytest.approx(11.18034, abs=1e-3)


@pytest.mark.parametrize(("count", "spread_mm"), [(1, 1.0), (2, 1.0), (7, 3.0), (40, 4.0)])
def test_distances_to_many_zones_are_those_of_the_general_union(count: int, spread_mm: float) -> None:
    zones = random_zones(count, spread_mm)
    points = np.random.default_rng(5).uniform(-8.0, 8.0, (3000, 3))
    found, known = FociUnion(zones).signed_distance_mm(points), ZoneUnion(zones).signed_distance_mm(points)
    assert np.array_equal(found > 0, known > 0)
    assert np.abs(found - known).max() < 0.1, "the general one is itself off by 0.06 mm in narrow notches"
    assert np.array_equal(FociUnion(zones).contains(points), found >= 0)


def test_only_equal_and_parallel_zones_are_foci() -> None:
    zones = random_zones(2, 3.0)
    with pytest.raises(InvalidValue, match="equal and parallel"):
        FociUnion([zones[0], Spheroid(zones[1].center_lps_mm, AXIS, 12.0, 3.0)])
    with pytest.raises(InvalidValue, match="equal and parallel"):
        FociUnion([])


def test_needles_and_foci_together_are_never_deeper_than_they_are() -> None:
    ball, zones = Spheroid.sphere((3.0, 0.0, 0.0), 6.0), tuple(random_zones(10, 3.0))
    points = np.random.default_rng(6).uniform(-9.0, 9.0, (2000, 3))
    found = together([ball], [zones]).signed_distance_mm(points)
    exact = ZoneUnion([ball, *zones]).signed_distance_mm(points)
    assert np.array_equal(found > 0, exact > 0)
    assert (found - exact).max() < 0.1
    assert together([ball], []).signed_distance_mm(points) == pytest.approx(
        ball.signed_distance_mm(points), abs=1e-3
    )


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.4])
def test_no_point_of_the_goal_is_uncovered(overlap: float) -> None:
    goal = np.random.default_rng(7).uniform(-1.0, 1.0, (20000, 3)) * (8.0, 5.0, 9.0) + (30.0, -10.0, 5.0)
    grid = filled_grid("h1", HIFU, HIFU.defaults, goal, FRONT, "lesion", overlap)
    union = FociUnion(grid_zones(grid, ZONE))
    assert union.signed_distance_mm(goal).min() >= -1e-9
    depth = np.array(grid.foci_lps_mm) @ grid.direction
    assert (np.diff(depth) < 0.05).all(), "the deepest layer first"
    assert depth[0] - depth[-1] > 8.0


def test_a_lattice_is_as_thin_as_the_best_covering() -> None:
    """A body-centred cubic lattice covers with 1.4635 times the volume (5 sqrt 5 pi / 24)."""
    side = np.linspace(0.0, 28.0, 57)
    goal = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    grid = filled_grid("h1", HIFU, HIFU.defaults, goal, ((14.0, -100.0, 14.0),) * 3, overlap=0.0)
    volume = len(grid.foci_lps_mm) * math.pi / 6 * ZONE.long_axis_mm * ZONE.short_axis_mm**2
    thickness = 5 * math.sqrt(5) * math.pi / 24
    assert thickness * 28.0**3 < volume < thickness * (28.0 + 3.0) ** 2 * (28.0 + 10.0)


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (1.0, 1.0, 3.0)])
def test_a_lesion_filled_with_a_margin_has_that_margin(spacing_mm: tuple[float, float, float]) -> None:
    structures = phantom(spacing_mm).structures
    mask, near = structures.cropped("lesion", 6.0)
    outline = outline_lesion(mask, near)
    goal = goal_points(outline, 3.0, (0.3, 1.0, -0.2), ZONE, structures)
    reach = np.linalg.norm(goal, axis=1).max()
    assert LESION_MM + 2.0 < reach < LESION_MM + 3.7
    grid = filled_grid("h1", HIFU, HIFU.defaults, goal, FRONT, "lesion")
    margins = FociUnion(grid_zones(grid, ZONE)).signed_distance_mm(outline.samples.points_lps_mm)
    assert margins.min() >= 2.8, "the goal is sampled every 0.4 mm across and 1.3 mm along the beam"


def test_a_margin_ends_where_the_liver_ends() -> None:
    grid = Grid((40, 40, 40), (1.0, 1.0, 1.0), (-20.0, -20.0, -20.0))
    points = grid.to_lps(np.stack(np.indices(grid.shape)[::-1], axis=-1))
    lesion = (points**2).sum(axis=-1) <= 64.0
    liver = points[..., 0] < 9.5
    structures = StructureSet.from_masks(
        "s", grid, [(Structure("l", Role.LESION), lesion), (Structure("liver", Role.LIVER), liver)]
    )
    outline = outline_lesion(*structures.cropped("l", 4.0))
    assert goal_points(outline, 5.0, (0, 1, 0), ZONE, structures)[:, 0].max() < 9.6
    assert goal_points(outline, 5.0, (0, 1, 0), ZONE)[:, 0].max() > 12.0


def test_impossible_goals_are_refused() -> None:
    with pytest.raises(InvalidValue, match="nothing to fill"):
        filled_grid("h1", HIFU, HIFU.defaults, np.zeros((0, 3)), FRONT)
    with pytest.raises(InvalidValue, match="overlap"):
        filled_grid("h1", HIFU, HIFU.defaults, np.zeros((1, 3)), FRONT, overlap=0.6)
    side = np.arange(0.0, 60.0, 1.0)
    goal = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    with pytest.raises(InvalidValue, match="too many foci"):
        filled_grid("h1", HIFU, HIFU.defaults, goal, FRONT)
    outline = outline_lesion(*phantom().structures.cropped("lesion", 6.0))
    with pytest.raises(InvalidValue, match="margin"):
        goal_points(outline, -1.0, (0, 1, 0), ZONE)


def slab(roles: dict[str, tuple[Role, float, float]]) -> StructureSet:
    """Plates 6 mm thick in front of the origin; each over x in a range."""
    grid = Grid((60, 80, 60), (2.0, 2.0, 2.0), (-59.0, -119.0, -59.0))
    points = grid.to_lps(np.stack(np.indices(grid.shape)[::-1], axis=-1))
    plate = (points[..., 1] > -63.0) & (points[..., 1] < -57.0)
    masks = [
        (Structure(name, role), plate & (points[..., 0] >= low) & (points[..., 0] < high))
        for name, (role, low, high) in roles.items()
    ]
    return StructureSet.from_masks("s", grid, masks)


def square_window(half_mm: float = 28.5, count: int = 6) -> tuple[tuple[float, float, float], ...]:
    side = np.linspace(-half_mm, half_mm, count).tolist()
    return tuple((x, -100.0, z) for x in side for z in side)


def test_half_a_plate_blocks_half_of_the_cone() -> None:
    """Rays from a window at 100 mm meet a plate at 57-63 mm within x of 0.57 to 0.63 times their start's."""
    grid = FocusGrid("h1", "generic-hifu", ((0.0, 0.0, 0.0),), square_window())
    half = judge_beam(slab({"rib": (Role.BONE, 0.0, 60.0)}), grid)
    assert half.rays == 36
    assert (half.bone_percent, half.gas_percent, half.blocked_percent) == (50.0, 0.0, 50.0)
    assert half.bone is not None
    assert half.bone[0] == "rib"
    assert -63.0 < half.bone[1][1] < -57.0
    # Columns start at x = -28.5, -17.1, -5.7, 5.7, 17.1, 28.5; a sixth of the rays passes beyond x = 14.
    sixth = judge_beam(slab({"rib": (Role.BONE, 14.0, 60.0)}), grid)
    assert sixth.bone_percent == pytest.approx(100 / 6)
    both = judge_beam(slab({"rib": (Role.BONE, 0.0, 60.0), "colon": (Role.BOWEL, -60.0, -14.0)}), grid)
    assert both.blocked_percent == pytest.approx(50 + 100 / 6)
    assert both.gas is not None
    assert both.gas[0] == "colon"
    assert both.unscanned_percent == 0.0
    assert both.deepest_mm == pytest.approx(100.0)


def test_an_organ_without_gas_blocks_nothing() -> None:
    grid = FocusGrid("h1", "generic-hifu", ((0.0, 0.0, 0.0),), square_window())
    found = judge_beam(slab({"kidney": (Role.KIDNEY, -60.0, 60.0)}), grid)
    assert (found.blocked_percent, found.bone, found.gas) == (0.0, None, None)


def test_depths_and_spans_of_many_foci_are_of_all_of_them() -> None:
    foci = tuple((x, y, 0.0) for x in np.arange(-20.0, 21.0, 2.0) for y in np.arange(-8.0, 9.0, 2.0))
    grid = FocusGrid("h1", "generic-hifu", foci, square_window())
    found = judge_beam(slab({}), grid)
    assert found.rays == 36 * FOCUS_POINTS
    assert found.deepest_mm == pytest.approx(math.hypot(108.0, 20.0))
    assert found.shallowest_mm == pytest.approx(math.sqrt(92.0**2 + 0.3**2 + 5.7**2), abs=0.5)
    assert (found.span_across_mm, found.span_along_mm) == pytest.approx((20.0, 8.0))
    outside = FocusGrid("h1", "generic-hifu", ((0.0, 0.0, 0.0),), square_window(80.0))
    assert judge_beam(slab({}), outside).unscanned_percent > 50.0


def test_the_power_of_a_transducer_follows_attenuation() -> None:
    """I = I_water exp(-2 alpha f d): half is left after ln 2 / (2 alpha f)."""
    half_mm = 1e3 * math.log(2.0) / (2.0 * SOUND_ATTENUATION.value * 1.2)
    assert transducer_power_w(10.0, half_mm, 1.2, 0.0) == pytest.approx(20.0)
    assert transducer_power_w(10.0, half_mm, 1.2, 50.0) == pytest.approx(40.0)


def test_a_needle_focuses_no_sound() -> None:
    assert transducer_value(HIFU, "frequency").value == 1.2
    with pytest.raises(InvalidValue, match="focuses no sound"):
        transducer_value(device_library().device("generic-mwa-2450"), "frequency")


def test_a_proposed_window_sees_the_lesion() -> None:
    """A rib before the lesion is passed beside; a lesion shut in by bone is seen from nowhere."""
    case = phantom((4.0, 4.0, 4.0), rib=(Role.BONE, (0.0, -90.0, 0.0), 9.0))
    access = access_map(access_ground_of(case.structures), (0.0, 0.0, 0.0), "lesion", 140.0)
    window = usable_window(access, 40.0, 140.0)
    assert 3 <= len(window) <= 48
    assert np.ptp(np.array(window), axis=0).max() <= 80.0
    grid = FocusGrid("h1", "generic-hifu", ((0.0, 0.0, 0.0),), window)
    assert judge_beam(case.structures, grid).blocked_percent == 0.0
    with pytest.raises(InvalidValue, match="No part of the skin"):
        usable_window(access, 40.0, 20.0)


def test_windows_to_choose_from_look_from_different_sides() -> None:
    case = phantom((4.0, 4.0, 4.0), rib=(Role.BONE, (0.0, -90.0, 0.0), 9.0))
    access = access_map(access_ground_of(case.structures), (0.0, 0.0, 0.0), "lesion", 140.0)
    windows = usable_windows(access, 30.0, 140.0, 3)
    assert windows[0] == usable_window(access, 30.0, 140.0)
    assert len(windows) == 3
    beams = [np.mean(w, axis=0) / np.linalg.norm(np.mean(w, axis=0)) for w in windows]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert math.degrees(math.acos(float(beams[a] @ beams[b]))) > 20.0


def test_suggested_foci_reach_the_margin_through_each_window() -> None:
    case = phantom((2.0, 2.0, 2.0), rib=(Role.BONE, (0.0, -90.0, 0.0), 9.0))
    structures = case.structures
    mask, grid = structures.cropped("lesion", 2.0)
    prepared = prepare_margin(grid, mask)
    found = suggest_foci(access_ground_of(structures), prepared, HIFU, HIFU.defaults, "lesion", 3.0)
    assert len(found) >= 2
    for each in found:
        assert each.beam.blocked_percent == 0.0
        assert each.report.minimal.value_mm >= 2.9
        count = len(each.grid.foci_lps_mm)
        assert each.duration_s == pytest.approx(20.0 * count + 30.0 * (count - 1))
    again = suggest_foci(access_ground_of(structures), prepared, HIFU, HIFU.defaults, "lesion", 3.0)
    assert [e.grid for e in again] == [e.grid for e in found]
