"""Light in tissue that coagulates: a ball about a point in the closed form, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest
from planner_plugins.thermal_ablation.simulation.firing import firings_of
from planner_plugins.thermal_ablation.simulation.laser import COAGULATED, NATIVE, LaserSource
from planner_plugins.thermal_ablation.simulation.light import LightLattice, Optics, line_light_w
from planner_plugins.thermal_ablation.simulation.region import Region, plain_region

from planner.base.errors import InvalidValue
from planner.model.geometry import Grid
from planner.model.plan import Applicator
from planner.planning.device_library import device_library

BALL_MM = 6.0


def lattice_grid(count: int, spacing_mm: float) -> Grid:
    first = -0.5 * (count - 1) * spacing_mm
    return Grid((count,) * 3, (spacing_mm,) * 3, (first,) * 3)


def radii_mm(grid: Grid) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    return np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)), axis=-1)


def ball_over_plain(radius_mm: np.ndarray, inner: Optics, outer: Optics) -> np.ndarray:
    """mu_a phi of a point in a ball of one tissue in another, over that in the other alone.

    phi = exp(-k r) / 4 pi D r + B sinh(k r) / r within and C exp(-k r) / r beyond; phi and D phi' go on.
    """
    k1, k2 = inner.decay_per_mm, outer.decay_per_mm
    d1, d2 = (1e3 / (3.0 * (o.absorption_per_m + o.scattering_per_m)) for o in (inner, outer))
    a = BALL_MM
    # Of u = r phi: phi' = (u' r - u) / r².
    point, slope = np.exp(-k1 * a) / (4 * np.pi * d1), -k1 * np.exp(-k1 * a) / (4 * np.pi * d1)
    sinh, cosh, fade = np.sinh(k1 * a), k1 * np.cosh(k1 * a), np.exp(-k2 * a)
    left = np.array([[sinh, -fade], [d1 * (cosh * a - sinh), d2 * fade * (k2 * a + 1.0)]])
    b, c = np.linalg.solve(left, [-point, -d1 * (slope * a - point)])
    within = np.exp(-k1 * radius_mm) / (4 * np.pi * d1) + b * np.sinh(k1 * radius_mm)
    u = np.where(radius_mm < a, within, c * np.exp(-k2 * radius_mm))
    plain = np.exp(-k2 * radius_mm) / (4 * np.pi * d2)
    absorbed = np.where(radius_mm < a, inner.absorption_per_m / outer.absorption_per_m, 1.0)
    return np.asarray(absorbed * u / plain)


@pytest.mark.parametrize("inner", [COAGULATED, Optics(80.0, 2000.0)])
def test_a_coagulated_ball_is_the_closed_form(inner: Optics) -> None:
    """From 2 mm off the point, within and beyond the ball but for a voxel at its rim: 8 %."""
    grid = lattice_grid(61, 0.5)
    away = radii_mm(grid)
    lattice = LightLattice(grid, NATIVE, inner)
    lattice.shine(line_light_w(grid, np.zeros((2, 3))))
    found = lattice.change((away < BALL_MM).astype(np.float32))
    exact = ball_over_plain(np.maximum(away, 0.1), inner, NATIVE)
    seen = (away > 2.0) & (away < 12.0) & (np.abs(away - BALL_MM) > 0.9)
    assert found[seen] == pytest.approx(exact[seen], rel=0.08)
    beyond = (away > 8.0) & (away < 12.0)
    assert exact[beyond].max() < 0.9, "coagulation must matter in this test"


def test_native_tissue_changes_nothing() -> None:
    grid = lattice_grid(20, 1.5)
    lattice = LightLattice(grid, NATIVE, COAGULATED)
    lattice.shine(line_light_w(grid, [[-3.0, 1.0, 2.0], [4.0, -2.0, 0.5]]))
    assert lattice.change(np.zeros(grid.shape, dtype=np.float32)) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.5)])
def test_a_line_gives_off_one_watt_about_its_middle(spacing: tuple[float, float, float]) -> None:
    grid = Grid((30, 26, 22), spacing, (-20.0, -13.0, -20.0), (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0))
    center = grid.to_lps(np.array([[11.3, 12.6, 14.2]]))[0]
    light = line_light_w(grid, np.stack([center - [1.0, 2.0, 5.0], center + [1.0, 2.0, 5.0]]))
    assert light.sum() == pytest.approx(1.0, abs=1e-12)
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    assert (points * light[..., None]).sum(axis=(0, 1, 2)) == pytest.approx(center, abs=1e-9)


def test_a_line_at_a_mirror_keeps_its_power() -> None:
    grid = Grid((12, 12, 12), (1.0,) * 3, (0.5,) * 3)
    assert line_light_w(grid, [[0.0, 0.0, -4.0], [0.0, 0.0, 4.0]]).sum() == pytest.approx(1.0, abs=1e-12)


def laser(power_w: float = 7.0, spacing_mm: float = 1.5) -> tuple[Region, LaserSource]:
    region = plain_region(lattice_grid(33, spacing_mm))
    device = device_library().device("generic-laser-1")
    settings = {"power_w": power_w, "time_s": 200.0}
    needle = Applicator("p1", device.name, (0.0, 0.0, -100.0), (0.0, 0.0, 10.0), settings)
    return region, LaserSource(region, firings_of([needle], [device], in_turn=False))


def test_coagulated_tissue_keeps_its_light() -> None:
    """What is absorbed in sum stays; less of it 12 mm off the fibre; off after its time."""
    region, source = laser()
    rest = np.full(region.grid.shape, 37.0, dtype=np.float32)
    assert source.update(0.0, rest)
    before = source.heat_w_per_m3.copy()
    _, j, i = (np.indices(rest.shape) - 16) * 1.5
    away = np.hypot(i, j)
    hot = np.where(away < 8.0, np.float32(90.0), rest)
    assert source.update(8.0, hot)
    after = source.heat_w_per_m3
    assert after.sum(dtype=float) == pytest.approx(before.sum(dtype=float), rel=1e-5)
    ring = (away > 11.0) & (away < 13.0)
    ring[:12], ring[21:] = False, False
    assert after[ring].sum() < 0.8 * before[ring].sum()
    assert not source.update(10.0, hot), "nothing has changed since"
    assert source.update(200.0, hot)
    assert not source.heat_w_per_m3.any()
    assert "found anew 1 times" in source.notes[-1]


def test_warm_tissue_is_not_coagulated() -> None:
    region, source = laser()
    source.update(0.0, np.full(region.grid.shape, 37.0, dtype=np.float32))
    assert not source.update(10.0, np.full(region.grid.shape, 38.9, dtype=np.float32))


def test_a_laser_without_power_and_tissue_without_optics_are_refused() -> None:
    with pytest.raises(InvalidValue, match="power"):
        laser(0.0)
    for wrong in ((0.0, 1000.0), (40.0, -1.0)):
        with pytest.raises(InvalidValue):
            Optics(*wrong)
