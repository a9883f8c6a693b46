"""Needles painted into scans at known places."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.ndimage as ndi
from scipy.spatial.transform import Rotation

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.needle_finding import FoundNeedle, find_needles
from planner.model.geometry import Grid
from planner.model.image import Image

SPACING = (0.57, 0.57, 1.6)
SHAPE = (100, 260, 260)


def lattice(turn_deg: tuple[float, float, float] = (0, 0, 0), shape: tuple[int, int, int] = SHAPE) -> Grid:
    axes = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    middle = np.array(SPACING) * (np.array(shape[::-1]) - 1) / 2
    x, y, z = -axes @ middle
    return Grid(shape, SPACING, (x, y, z), tuple(axes.ravel()))


def scan(
    needles: list[tuple[np.ndarray, np.ndarray]], grid: Grid, *, bone: bool = True, top_hu: float = 3071.0
) -> Image:
    """A body of 62 mm radius in air, a rib, and steel shafts of 1.6 mm that start outside the body."""
    half = 0.5 * np.array(SPACING)
    ijk = np.stack(np.indices(grid.shape)[::-1], axis=-1)
    points = grid.to_lps(ijk)
    inside = points[..., 0] ** 2 + points[..., 1] ** 2 <= 62.0**2
    values = np.where(inside, 80.0, -1000.0)
    if bone:
        away = np.hypot(points[..., 0], points[..., 1] / 1.0)
        values[(np.abs(away - 55) < 4) & (points[..., 1] > 0) & (np.abs(points[..., 2]) < 6)] = 1400.0
    # Share of metal in each voxel, by eight points in it.
    metal = np.zeros(grid.shape)
    for entry, tip in needles:
        along = (tip - entry) / np.linalg.norm(tip - entry)
        reach = np.linalg.norm(tip - entry)
        close = np.linalg.norm(np.cross(points - entry, along), axis=-1) < 3.0
        where = points[close]
        share = np.zeros(len(where))
        for sign in itertools.product((-0.5, 0.5), repeat=3):
            ray = where + (np.array(sign) * half) @ grid.axes.T - entry
            depth = ray @ along
            across = np.linalg.norm(ray - depth[:, None] * along, axis=1)
            share += ((across <= 0.8) & (depth >= 0) & (depth <= reach)) / 8
        metal[close] = np.maximum(metal[close], share)
    values = values + metal * (8000.0 - values)
    values = ndi.gaussian_filter(values, 0.5 / np.array(SPACING[::-1]))
    values += np.random.default_rng(0).normal(0, 20, grid.shape)
    return Image("ct", "Control", grid, np.clip(values, -1024, top_hu).astype(np.int16))


def angle_deg(found: FoundNeedle, entry: np.ndarray, tip: np.ndarray) -> float:
    along = (tip - entry) / np.linalg.norm(tip - entry)
    return float(np.degrees(np.arccos(min(1.0, float(found.direction @ along)))))


@pytest.mark.parametrize("turn_deg", [(0, 0, 0), (12, -8, 20)])
@pytest.mark.parametrize(
    ("entry", "tip"),
    [
        ((-70.0, -20.0, 5.0), (12.3, 3.1, -4.7)),  # nearly in plane
        ((-20.0, -66.0, 40.0), (4.4, 6.2, -30.3)),  # steeply out of plane
        ((10.0, -70.0, 0.0), (10.0, 0.4, 0.9)),
    ],
)
def test_tip_and_angle(
    turn_deg: tuple[float, float, float], entry: tuple[float, ...], tip: tuple[float, ...]
) -> None:
    start, stop = np.array(entry), np.array(tip)
    (found,) = find_needles(scan([(start, stop)], lattice(turn_deg)))
    assert np.linalg.norm(np.array(found.tip_lps_mm) - stop) < 1.0
    assert angle_deg(found, start, stop) < 0.5
    assert found.residual_mm < 0.5
    # The skin: where the line meets the cylinder of 62 mm.
    outward = -found.direction
    a = outward[0] ** 2 + outward[1] ** 2
    b = float(stop[:2] @ outward[:2])
    reach = (-b + np.sqrt(b**2 - a * (stop[:2] @ stop[:2] - 62.0**2))) / a
    expected = stop + min(float(reach), float(np.linalg.norm(stop - start))) * outward
    assert np.linalg.norm(np.array(found.entry_lps_mm) - expected) < 5.0


def test_several_needles_that_touch_come_apart_and_bone_is_none() -> None:
    needles = [
        (np.array([-68.0, -20.0, 10.0]), np.array([20.0, 10.0, -10.0])),
        (np.array([-30.0, -62.0, -5.0]), np.array([10.0, 12.0, 3.0])),
        (np.array([30.0, -66.0, 20.0]), np.array([18.0, 0.0, 12.0])),
    ]
    a, b = needles[0], needles[1]  # let the second cross the first
    cross = a[0] + 0.6 * (a[1] - a[0])
    needles[1] = (b[0], b[0] + 1.3 * (cross - b[0]))
    found = find_needles(scan(needles, lattice()))
    assert len(found) == 3
    for _, tip in needles:
        assert min(np.linalg.norm(np.array(n.tip_lps_mm) - tip) for n in found) < 1.0


def test_only_needles_near_the_planned_path_are_given() -> None:
    one = (np.array([-68.0, -20.0, 10.0]), np.array([0.0, -10.0, 5.0]))
    two = (np.array([60.0, -40.0, -40.0]), np.array([10.0, 20.0, -45.0]))
    image = scan([one, two], lattice())
    assert len(find_needles(image)) == 2
    (found,) = find_needles(image, near_lps_mm=two)
    assert np.linalg.norm(np.array(found.tip_lps_mm) - two[1]) < 1.0


def test_a_scan_without_needles_has_none_and_a_short_clip_is_none() -> None:
    clip = (np.array([0.0, 0.0, 0.0]), np.array([8.0, 2.0, 1.0]))
    assert find_needles(scan([clip], lattice())) == ()


def test_guards() -> None:
    grid = lattice(shape=(10, 20, 20))
    plain = Image("ct", "Control", grid, np.zeros(grid.shape, np.int16))
    with pytest.raises(InvalidValue, match="as bright as metal"):
        find_needles(plain)
    with pytest.raises(InvalidValue, match="CT only"):
        find_needles(Image("mr", "T1", grid, np.zeros(grid.shape, np.int16), "MR", ""))
    with pytest.raises(InvalidValue, match="entry and a tip"):
        FoundNeedle((0, 0, 0), (0, 0, 0.5))
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        find_needles(plain, metal_hu=-5.0, task=task)


def test_a_needle_in_several_pieces_is_one() -> None:
    # Streaks part the shaft twice; the pieces lie on one line.
    grid = lattice()
    entry, tip = np.array([-70.0, -20.0, 5.0]), np.array([12.3, 3.1, -4.7])
    whole = scan([(entry, tip)], grid, bone=False)
    values = np.array(whole.values)
    along = (tip - entry) / np.linalg.norm(tip - entry)
    ijk = np.stack(np.indices(grid.shape)[::-1], axis=-1)
    depth = (grid.to_lps(ijk) - entry) @ along
    for start in (30.0, 55.0):
        values[(depth > start) & (depth < start + 3.0)] = 90
    found = find_needles(Image("ct", "Control", grid, values))
    assert len(found) == 1
    assert np.linalg.norm(np.array(found[0].tip_lps_mm) - tip) < 1.0
    assert angle_deg(found[0], entry, tip) < 0.5
