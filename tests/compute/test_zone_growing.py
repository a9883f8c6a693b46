"""Zones grown in phantoms with leaks, and a brush."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.zone_growing import GrowingRules, grow_zone, painted
from planner.model.geometry import Grid
from planner.model.image import Image

AXES = Rotation.from_euler("xyz", (8, -12, 20), degrees=True).as_matrix()
GRIDS = [
    Grid((60, 100, 100), (1.0, 1.0, 1.5), (-50.0, -50.0, -44.0)),
    Grid((40, 130, 130), (0.8, 0.8, 2.5), tuple(AXES @ np.array([-52.0, -52.0, -49.0])), tuple(AXES.ravel())),
]


def points_of(grid: Grid) -> np.ndarray:
    return grid.to_lps(np.stack(np.indices(grid.shape)[::-1], axis=-1))


def treated(grid: Grid, *, leak_mm: float = 0.0, noise_hu: float = 12.0) -> tuple[Image, np.ndarray]:
    """Liver of 110 HU, a dark zone of 15 mm radius with a bright core, maybe a bridge to dark tissue."""
    points = points_of(grid)
    away = np.linalg.norm(points, axis=-1)
    zone = away <= 15.0
    values = np.where(zone, 45.0, 110.0)
    values[away <= 3.0] = 95.0  # coagulum along the needle
    if leak_mm:
        bridge = (np.hypot(points[..., 1], points[..., 2]) <= leak_mm) & (points[..., 0] > 0)
        values[bridge] = 45.0
        values[points[..., 0] > 30.0] = 45.0
    values = values + np.random.default_rng(2).normal(0, noise_hu, grid.shape)
    return Image("ct", "After", grid, values.astype(np.int16)), zone


def overlap(one: np.ndarray, two: np.ndarray) -> float:
    return 2.0 * float(np.count_nonzero(one & two)) / float(np.count_nonzero(one) + np.count_nonzero(two))


@pytest.mark.parametrize("grid", GRIDS)
def test_a_zone_is_grown_from_a_click_beside_its_middle(grid: Grid) -> None:
    image, zone = treated(grid)
    found = grow_zone(image, (8.0, 2.0, 3.0), range_values=(0.0, 78.0))
    assert overlap(found.mask, zone) > 0.95
    assert found.mask[
        tuple(np.rint(grid.to_ijk((0.0, 0.0, 0.0))[::-1]).astype(int))
    ]  # the core belongs to it
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.08)
    assert found.bridge_mm == 0.0


def test_the_range_is_found_around_the_click() -> None:
    image, zone = treated(GRIDS[0], noise_hu=8.0)
    found = grow_zone(image, (8.0, 2.0, 3.0))
    low, high = found.range_values
    assert low < 45 < high < 100
    assert overlap(found.mask, zone) > 0.85


@pytest.mark.parametrize("grid", GRIDS)
def test_a_leak_through_a_bridge_is_cut(grid: Grid) -> None:
    image, zone = treated(grid, leak_mm=3.0)
    found = grow_zone(
        image,
        (8.0, 2.0, 3.0),
        range_values=(0.0, 78.0),
        rules=GrowingRules(largest_ml=30.0, farthest_mm=32.0),
    )
    assert found.bridge_mm > 0
    assert overlap(found.mask, zone) > 0.9


def test_a_leak_that_cannot_be_cut_is_refused_and_the_liver_holds_it() -> None:
    image, zone = treated(GRIDS[0], leak_mm=12.0)
    rules = GrowingRules(largest_ml=30.0, farthest_mm=32.0)
    with pytest.raises(InvalidValue, match="beyond it"):
        grow_zone(image, (8.0, 2.0, 3.0), range_values=(0.0, 78.0), rules=rules)
    liver = points_of(GRIDS[0])[..., 0] <= 15.0
    found = grow_zone(image, (8.0, 2.0, 3.0), range_values=(0.0, 78.0), within=liver, rules=rules)
    assert overlap(found.mask, zone) > 0.9
    assert not (found.mask & ~liver).any()


def test_guards() -> None:
    image, _ = treated(GRIDS[0])
    with pytest.raises(InvalidValue, match="outside the scan"):
        grow_zone(image, (500.0, 0.0, 0.0))
    with pytest.raises(InvalidValue, match="range"):
        grow_zone(image, (8.0, 0.0, 0.0), range_values=(70.0, 20.0))
    with pytest.raises(InvalidValue, match="not like"):
        grow_zone(image, (30.0, 0.0, 0.0), range_values=(0.0, 70.0))
    with pytest.raises(InvalidValue) as refused:
        grow_zone(image, (8.0, 0.0, 0.0), within=np.zeros(GRIDS[0].shape, bool))
    assert "outside the liver" in refused.value.thing
    with pytest.raises(InvalidValue, match="shape"):
        grow_zone(image, (8.0, 0.0, 0.0), within=np.zeros((2, 2, 2), bool))
    for wrong in ({"smoothing_mm": -1.0}, {"largest_ml": 0.0}, {"farthest_mm": 500.0}):
        with pytest.raises(InvalidValue):
            GrowingRules(**wrong)
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        grow_zone(image, (8.0, 0.0, 0.0), task=task)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_dab_of_the_brush_is_a_ball_and_nothing_else(grid: Grid) -> None:
    away = np.linalg.norm(points_of(grid) - np.array([4.0, 3.0, -2.0]), axis=-1)
    empty = np.zeros(grid.shape, bool)
    drawn = painted(empty, grid, (4.0, 3.0, -2.0), 7.0, True)
    assert np.array_equal(drawn, away <= 7.0)
    assert not empty.any()
    wiped = painted(drawn, grid, (4.0, 3.0, -2.0), 4.0, False)
    assert np.array_equal(wiped, (away <= 7.0) & (away > 4.0))
    assert np.array_equal(painted(drawn, grid, (900.0, 0.0, 0.0), 5.0, False), drawn)
    corner = tuple(grid.to_lps(np.zeros(3)))
    assert painted(empty, grid, corner, 3.0, True)[0, 0, 0]
    with pytest.raises(InvalidValue, match="size"):
        painted(drawn, grid, (0, 0, 0), 0.0, True)
    with pytest.raises(InvalidValue, match="shape"):
        painted(drawn[1:], grid, (0, 0, 0), 2.0, True)
