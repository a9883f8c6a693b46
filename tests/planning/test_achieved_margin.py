"""Spheres in spheres, whose margins are known in closed form (reference sheet H14)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.liver_region import LiverRegion
from planner.compute.margin import MinimalMargin, prepare_margin
from planner.compute.outline_distance import OutlineDistance
from planner.model.assessment import Confidence
from planner.model.displacement import DisplacementField
from planner.model.geometry import Grid
from planner.model.registration import Registration
from planner.planning.achieved_margin import AchievedMargin, achieved_margin, direction_words, margin_words
from planner.planning.constants import Constant
from planner.planning.error_budget import CONTRACTION, OUTLINE_HAND, ErrorBudget

EXACT = ErrorBudget(0.0)
GRIDS = [
    ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
    ((0.7, 0.7, 3.0), (0.0, 0.0, 0.0)),
    ((0.7, 0.9, 2.5), (20.0, -15.0, 35.0)),
]


def lattice(
    reach_mm: float, spacing: tuple[float, ...], turn_deg: tuple[float, ...], middle: np.ndarray
) -> Grid:
    axes = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    count = np.ceil(2 * reach_mm / np.array(spacing)).astype(int) + 1
    corner = axes @ (-np.array(spacing) * (count - 1) / 2 + np.array([0.31, 0.17, 0.43])) + middle
    columns, rows, slices = (int(n) for n in count)
    x, y, z = (float(v) for v in corner)
    return Grid((slices, rows, columns), tuple(spacing), (x, y, z), tuple(axes.ravel()))  # type: ignore[arg-type]


def ball(grid: Grid, center: np.ndarray, radius: float) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    return np.asarray(((points - center) ** 2).sum(axis=-1) <= radius**2)


def moved(shift: np.ndarray, turn_deg: tuple[float, ...], error_mm: float | None = 0.0) -> Registration:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift
    return Registration("pre", "post", matrix, error_mm=error_mm)


def judged(
    lesion_mm: float,
    zone_mm: float,
    offset: np.ndarray,
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0),
    turn_deg: tuple[float, ...] = (0.0, 0.0, 0.0),
    budget: ErrorBudget | None = EXACT,
) -> AchievedMargin:
    """A lesion at the origin before; after, it lies turned and shifted, and the zone beside it by `offset`."""
    registration = moved(np.array([12.0, -5.0, 30.0]), (5.0, 8.0, -11.0))
    before = lattice(lesion_mm + 4, spacing, (0.0, 0.0, 0.0), np.zeros(3))
    prepared = prepare_margin(before, ball(before, np.zeros(3), lesion_mm))
    center = registration.map_points(np.zeros((1, 3)))[0] + offset
    after = lattice(zone_mm + 4, spacing, turn_deg, center)
    return achieved_margin(prepared, registration, ball(after, center, zone_mm), after, budget)


@pytest.mark.parametrize(("spacing", "turn_deg"), GRIDS)
@pytest.mark.parametrize(
    ("lesion_mm", "zone_mm", "apart_mm"), [(10, 20, 3), (10, 16, 4), (10, 14, 8), (15, 20, 7)]
)
def test_offset_spheres(
    spacing: tuple[float, ...], turn_deg: tuple[float, ...], lesion_mm: int, zone_mm: int, apart_mm: int
) -> None:
    offset = apart_mm * np.array([0.6, -0.48, 0.64])
    found = judged(lesion_mm, zone_mm, offset, spacing, turn_deg)
    least = zone_mm - lesion_mm - apart_mm
    assert found.minimal.value_mm == pytest.approx(least, abs=0.5)
    # The sheet's mean: R_a - ((R_t + d)^3 - |R_t - d|^3) / (6 R_t d).
    mean = zone_mm - ((lesion_mm + apart_mm) ** 3 - abs(lesion_mm - apart_mm) ** 3) / (
        6 * lesion_mm * apart_mm
    )
    assert found.mean_mm == pytest.approx(mean, abs=0.3)

    def share(margin: float) -> float:
        squares = (zone_mm - margin) ** 2 - lesion_mm**2 - apart_mm**2
        return float(np.clip((1 + squares / (2 * lesion_mm * apart_mm)) / 2, 0, 1))

    assert found.below_0_percent == pytest.approx(100 * (1 - share(0)), abs=3.0)
    assert found.from_0_to_5_percent == pytest.approx(100 * (share(0) - share(5)), abs=4.0)
    assert found.at_least_10_percent == pytest.approx(100 * share(10), abs=3.0)
    # The weakest place faces away from the zone's centre.
    back = -offset / apart_mm
    center = np.array(found.points_lps_mm).mean(axis=0)
    place = (np.array(found.minimal.place_lps_mm) - center) / lesion_mm
    assert place @ back > 0.9


@pytest.mark.parametrize(("spacing", "turn_deg"), GRIDS)
@pytest.mark.parametrize(
    ("lesion_mm", "zone_mm", "apart_mm", "covered"), [(10, 14, 8, 0.8), (15, 20, 7, 0.96237)]
)
def test_coverage_and_residual(
    spacing: tuple[float, ...],
    turn_deg: tuple[float, ...],
    lesion_mm: int,
    zone_mm: int,
    apart_mm: int,
    covered: float,
) -> None:
    found = judged(lesion_mm, zone_mm, apart_mm * np.array([0.0, 0.6, 0.8]), spacing, turn_deg)
    whole = 4 / 3 * np.pi * lesion_mm**3 / 1000
    if apart_mm == 8:  # the lens of two spheres, in closed form: the sheet's figure is rounded
        d, r, s = float(apart_mm), float(lesion_mm), float(zone_mm)
        lens = np.pi * (s + r - d) ** 2 * (d**2 + 2 * d * (r + s) - 3 * (r - s) ** 2) / (12 * d) / 1000
        covered = lens / whole
    assert found.coverage_percent == pytest.approx(100 * covered, abs=1.5)
    assert found.residual_ml == pytest.approx((1 - covered) * whole, abs=0.015 * whole)
    counted = np.count_nonzero(found.residual) * found.residual_grid.voxel_volume_ml
    assert counted == pytest.approx(found.residual_ml, abs=0.01 * whole)


def test_percentiles_of_the_sheet() -> None:
    found = judged(10, 20, np.array([0.0, 0.0, 3.0]))
    for percent, expected in ((5.0, 7.23285), (50.0, 9.55969), (95.0, 12.58380)):
        assert found.percentiles_mm[percent] == pytest.approx(expected, abs=0.3)


def test_a_deformation_is_followed() -> None:
    # The lesion's own place is carried 5 mm to the left by a smooth bump; the rigid part says nothing of it.
    grid = Grid((41, 41, 41), (5.0, 5.0, 5.0), (-100.0, -100.0, -100.0))
    k, j, i = np.indices(grid.shape)
    away = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)), axis=-1)
    bump = np.zeros((*grid.shape, 3))
    bump[..., 0] = 5.0 * np.cos(np.pi * np.minimum(away, 90.0) / 180.0) ** 2
    registration = Registration("pre", "post", np.eye(4), DisplacementField(grid, bump), error_mm=0.0)
    before = lattice(14, (1.0, 1.0, 1.0), (0, 0, 0), np.zeros(3))
    prepared = prepare_margin(before, ball(before, np.zeros(3), 8.0))
    center = np.array([5.0, 0.0, 0.0])
    after = lattice(22, (1.0, 1.0, 1.0), (0, 0, 0), center)
    found = achieved_margin(prepared, registration, ball(after, center, 16.0), after, EXACT)
    assert found.minimal.value_mm == pytest.approx(8.0, abs=0.6)
    assert found.coverage_percent == pytest.approx(100.0, abs=0.1)


def test_distances_to_an_outline_against_a_sphere_inside_and_out() -> None:
    grid = lattice(20, (0.8, 0.8, 2.0), (10, 20, 30), np.zeros(3))
    measured = OutlineDistance.of_mask(ball(grid, np.zeros(3), 15.0), grid)
    rng = np.random.default_rng(0)
    points = rng.uniform(-30, 30, (2000, 3))
    distance, slope, _ = measured.nearest(points)
    length = np.linalg.norm(points, axis=1)
    assert np.abs(distance - (15.0 - length)).max() < 0.4
    outside = length > 2.0
    inward = -points[outside] / length[outside, None]
    assert np.einsum("ij,ij->i", slope[outside], inward).min() > 0.9


def test_the_interval_is_that_of_a_shifted_plane() -> None:
    # A zone far larger than the lesion, off by much: the weakest place is one point, and only the
    # registration varies: 1.645 standard deviations along one direction.
    none = Constant(0.0, "mm", "none", Confidence.OUR_RULE)
    budget = ErrorBudget(3.0, none, none)
    found = judged(6, 30, np.array([18.0, 0.0, 0.0]), budget=budget)
    half = 1.6449 * 3.0 / np.sqrt(3.0)
    voxels = found.parts_mm["voxels"]
    width = (found.minimal.high_mm - found.minimal.low_mm) / 2
    assert np.hypot(half, 0.0) * 0.85 < width < np.hypot(half, voxels) * 1.1
    assert found.parts_mm["registration"] == pytest.approx(half, rel=1e-3)
    assert found.minimal.low_mm < found.minimal.value_mm < found.minimal.high_mm


def test_each_part_of_the_budget_widens_the_interval() -> None:
    none = Constant(0.0, "mm", "none", Confidence.OUR_RULE)

    def interval(*args: object) -> tuple[float, float]:
        found = judged(10, 16, np.array([0.0, 3.0, 0.0]), budget=ErrorBudget(*args)).minimal  # type: ignore[arg-type]
        return found.low_mm, found.high_mm

    base = interval(0.0, none, none)
    assert interval(2.0, none, none)[0] < base[0] - 0.5
    assert interval(0.0, OUTLINE_HAND, none)[0] < base[0] - 0.3
    shrunk = interval(0.0, none, CONTRACTION)
    assert shrunk[0] == base[0]  # shrinkage hides margin; it never takes any
    assert shrunk[1] > base[1] + 0.3
    assert interval(2.0, OUTLINE_HAND, CONTRACTION) == interval(2.0, OUTLINE_HAND, CONTRACTION)


def test_the_true_margin_lies_in_the_interval_nine_times_in_ten() -> None:
    # Registrations off by a known spread: the interval must hold the true margin as often as it says.
    none = Constant(0.0, "mm", "none", Confidence.OUR_RULE)
    budget = ErrorBudget(2.0, none, none)
    before = lattice(14, (1.0, 1.0, 2.0), (0, 0, 0), np.zeros(3))
    prepared = prepare_margin(before, ball(before, np.zeros(3), 10.0))
    after = lattice(22, (1.0, 1.0, 2.0), (10, 0, 20), np.zeros(3))
    offset = np.array([0.0, 5.0, 0.0])
    zone = ball(after, offset, 18.0)
    minimal = achieved_margin(prepared, moved(np.zeros(3), (0, 0, 0)), zone, after, budget).minimal
    off = np.random.default_rng(3).standard_normal((4000, 3)) * 2.0 / np.sqrt(3.0)
    true = 18.0 - 10.0 - np.linalg.norm(offset - off, axis=1)  # the lesion truly lies at `off`
    held = np.mean((true >= minimal.low_mm) & (true <= minimal.high_mm))
    assert 0.86 <= held <= 0.96


def test_the_capsule_part_is_told_apart() -> None:
    grid = lattice(40, (1.5, 1.5, 1.5), (0, 0, 0), np.zeros(3))
    liver = ball(grid, np.zeros(3), 34.0)
    lesion = ball(grid, np.array([24.0, 0.0, 0.0]), 8.0)
    prepared = prepare_margin(grid, lesion, LiverRegion.from_mask(grid, liver))
    zone = ball(grid, np.array([20.0, 0.0, 0.0]), 14.0) & liver
    found = achieved_margin(prepared, moved(np.zeros(3), (0, 0, 0)), zone, grid, EXACT)
    assert found.minimal.value_mm < 2.8
    assert found.minimal_without_capsule is not None
    assert found.minimal_without_capsule.value_mm > found.minimal.value_mm + 0.5


def test_words() -> None:
    assert margin_words(MinimalMargin(4.63, 3.07, 5.92, (0, 0, 0))) == "4.6 mm (90 %: 3.1-5.9)"
    assert margin_words(MinimalMargin(-0.04, -1.2, 0.5, (0, 0, 0))) == "0.0 mm (90 %: -1.2 to 0.5)"
    assert direction_words([1.0, -1.0, 0.0]) == "front left"
    assert direction_words([0.0, 0.1, 5.0]) == "towards the head"
    assert direction_words([-2.0, 0.1, -2.0]) == "right, towards the feet"
    assert direction_words([0.0, 0.0, 0.0]) == "middle"


def test_guards() -> None:
    with pytest.raises(InvalidValue, match="not known"):
        ErrorBudget.of(moved(np.zeros(3), (0, 0, 0), None))
    with pytest.raises(InvalidValue, match="registration's error"):
        ErrorBudget(-1.0)
    grid = lattice(12, (1.0, 1.0, 1.0), (0, 0, 0), np.zeros(3))
    prepared = prepare_margin(grid, ball(grid, np.zeros(3), 6.0))
    with pytest.raises(InvalidValue):
        achieved_margin(prepared, moved(np.zeros(3), (0, 0, 0)), np.zeros(grid.shape, bool), grid)
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        achieved_margin(
            prepared, moved(np.zeros(3), (0, 0, 0)), ball(grid, np.zeros(3), 8.0), grid, task=task
        )
