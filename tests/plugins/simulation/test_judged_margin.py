"""Judged margins and chances: the lower of two balls at each point, in closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.findings import lower_chance
from planner_plugins.thermal_ablation.simulation.judged_margin import JudgedMargin, judged_chances
from planner_plugins.thermal_ablation.simulation.zone_boundary import zone_boundary

from planner.base.task import Task
from planner.compute.level_boundary import LevelBoundary
from planner.compute.level_margin import level_margin
from planner.compute.margin import evaluate_margin, prepare_margin
from planner.compute.outline_mesh import outline_mesh
from planner.compute.spheroid import Spheroid
from planner.compute.zone_union import ZoneUnion
from planner.model.assessment import Confidence
from planner.model.geometry import Grid
from planner.model.plan import Applicator
from planner.planning.constants import Constant
from planner.planning.devices import DeviceZone
from planner.planning.lesion_grounds import LesionGround
from planner.planning.robustness import PlannedZone

LESION_MM, DEVICE_MM = 10.0, 17.0
SETTINGS = Settings(placement="exact", robustness_samples=300)


@pytest.fixture(scope="module")
def ground() -> LesionGround:
    grid = Grid((40, 36, 44), (0.8, 0.9, 0.7), (-15.5, -15.7, -15.3))
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    margin = prepare_margin(grid, np.linalg.norm(points, axis=-1) <= LESION_MM)
    corners, triangles = outline_mesh(margin.outline)
    return LesionGround(margin, corners, triangles, None)


def simulated(radius_mm: float, shift_mm: float) -> LevelBoundary:
    """A ball moved along x."""
    grid = Grid((50, 50, 50), (1.0,) * 3, (-24.3, -24.6, -24.4))
    k, j, i = np.indices(grid.shape)
    away = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)) - [shift_mm, 0.0, 0.0], axis=-1)
    return zone_boundary(grid, np.clip(radius_mm - away, -2.0, 2.0).astype(np.float32))


def union() -> ZoneUnion:
    return ZoneUnion([Spheroid((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 2 * DEVICE_MM, 2 * DEVICE_MM)])


def judged(ground: LesionGround, boundary: LevelBoundary) -> JudgedMargin:
    own = level_margin(ground.margin, boundary)
    return JudgedMargin("lesion", ground, evaluate_margin(ground.margin, union()), own)


def planned() -> list[PlannedZone]:
    offset = Constant(0.0, "mm", "test", Confidence.ESTABLISHED)
    size = 2 * DEVICE_MM
    zone = DeviceZone(size, size, offset, "test", "test", Confidence.ESTABLISHED, 3.0, 3.0)
    return [PlannedZone(Applicator("p1", "any", (0.0, -200.0, 0.0), (0.0, 0.0, 0.0)), zone)]


def test_at_each_point_the_lower_counts(ground: LesionGround) -> None:
    """Against a ball of 16 mm moved by 4 mm: 16 - |p - c| where that is below 7 mm (0.15 mm)."""
    found = judged(ground, simulated(16.0, 4.0))
    points = ground.margin.outline.samples.points_lps_mm
    device = DEVICE_MM - np.linalg.norm(points, axis=1)
    other = 16.0 - np.linalg.norm(points - [4.0, 0.0, 0.0], axis=1)
    assert found.margins_mm == pytest.approx(np.minimum(device, other), abs=0.15)
    assert found.bite_mm == pytest.approx(np.maximum(device - other, 0.0), abs=0.15)
    assert (found.bite_mm >= 0).all()
    assert found.minimal.value_mm == pytest.approx(2.0, abs=0.2)
    numbers = {m.name: m.value for m in found.metrics(simulated(16.0, 4.0), union())}
    assert numbers["judged_minimal_margin_mm"] == found.minimal.value_mm
    assert numbers["judged_lesion_coverage_percent"] == 100.0
    # |p - c|² = 100 + 16 - 8 x: below 5 mm where x < -0.625, a cap of (10 - 0.625) / 20 of the sphere.
    assert numbers["judged_margin_at_least_5mm_percent"] == pytest.approx(100 - 46.9, abs=2.0)


def test_the_histogram_holds_the_whole_surface(ground: LesionGround) -> None:
    found = judged(ground, simulated(16.0, 4.0)).histogram
    assert found.name == "judged_margin_histogram"
    assert found.y.sum() == pytest.approx(100.0)
    assert len(found.x) == len(found.y) + 1
    low = found.x[:-1] < 4.9
    assert found.y[low].sum() == pytest.approx(46.9, abs=2.0)
    assert not found.y[found.x[:-1] >= 8.0].any(), "the device's margin of 7 mm is never exceeded"


def test_coverage_is_of_both_zones(ground: LesionGround) -> None:
    """A simulated ball of 10 mm moved by 10 mm leaves a lens of 5/16 of the lesion."""
    boundary = simulated(10.0, 10.0)
    numbers = {m.name: m.value for m in judged(ground, boundary).metrics(boundary, union())}
    assert numbers["judged_lesion_coverage_percent"] == pytest.approx(100 * 5 / 16, abs=1.5)
    assert numbers["judged_minimal_margin_mm"] == pytest.approx(-10.0, abs=0.3)


def test_a_larger_simulated_zone_changes_no_chance(ground: LesionGround) -> None:
    found = judged_chances(judged(ground, simulated(20.0, 0.0)), planned(), SETTINGS, Task())
    assert np.array_equal(found.device.minimal_mm, found.lowered.minimal_mm)
    assert not lower_chance("lesion", found)


def test_a_smaller_one_lowers_chances_and_says_so(ground: LesionGround) -> None:
    """Each sample by the millimetre that the simulation is smaller all round (0.1 mm)."""
    one = judged(ground, simulated(16.0, 0.0))
    found = judged_chances(one, planned(), SETTINGS, Task())
    assert found.device.minimal_mm - found.lowered.minimal_mm == pytest.approx(1.0, abs=0.1)
    assert (found.lowered.chance_of_5mm_percent <= found.device.chance_of_5mm_percent).all()
    numbers = {m.name: m for m in found.metrics("lesion", SETTINGS)}
    metric = numbers["simulated_chance_of_5mm_margin_percent"]
    assert metric.value == found.lowered.at_least_5mm_percent < found.device.at_least_5mm_percent
    assert "moves with that point" in metric.method
    (finding,) = lower_chance("lesion", found)
    assert finding.rule == "simulated_chance_lower"
    surface = found.surface("lesion", ground)
    assert surface.name == "lesion_simulated_chance_of_5mm"
    assert surface.values is not None
    assert 0.0 <= surface.values.min() <= surface.values.max() <= 100.0
