"""Heat sources of simulations: closed forms of light, sound and microwaves; controls; refusals."""

from __future__ import annotations

import numpy as np
import pytest
from planner_plugins.thermal_ablation.simulation.heating import SteadySource
from planner_plugins.thermal_ablation.simulation.laser import light_fading
from planner_plugins.thermal_ablation.simulation.line_source import Fading, line_source
from planner_plugins.thermal_ablation.simulation.needle_voxels import (
    CIRCLE_VOXELS,
    _resistance,
    distance_to_segment_mm,
    needle_voxels,
)
from planner_plugins.thermal_ablation.simulation.radiofrequency import conductivity_factor
from planner_plugins.thermal_ablation.simulation.rf_control import (
    PAUSE_S,
    RISE_OHM,
    ConstantPower,
    ImpedanceControl,
    TemperatureControl,
)
from planner_plugins.thermal_ablation.simulation.ultrasound import (
    Beam,
    Sonication,
    absorbed_share,
    focus_heat,
)
from planner_plugins.thermal_ablation.simulation.vessels import film_coefficient_w_per_m2_k, speed_m_per_s

from planner.base.errors import InvalidValue
from planner.model.geometry import Grid

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


def cube(
    count: int, spacing: tuple[float, float, float], direction: tuple[float, ...] = tuple(np.eye(3).ravel())
) -> Grid:
    """A lattice about the origin, which lies off its voxels' centres."""
    first = -0.5 * (count - 1) * np.array(spacing) + 0.23
    x, y, z = np.array(direction).reshape(3, 3) @ first
    return Grid((count,) * 3, spacing, (x, y, z), direction)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.5)])
def test_a_line_gives_off_one_watt(power: int, spacing: tuple[float, float, float]) -> None:
    """The lattice's sum is the power, but for what leaves it: below 2 %."""
    grid = cube(70, spacing, OBLIQUE)
    heat = line_source(grid, [[-4.0, 3.0, -8.0], [4.0, -3.0, 8.0]], Fading(0.25, power, 1.0))
    assert heat.sum(dtype=float) * grid.voxel_volume_ml * 1e-6 == pytest.approx(1.0, rel=0.02)


def test_light_is_the_closed_form() -> None:
    """H10: 5 W, mu_a 30/m, mu_s' 1000/m: Q at 5 and 10 mm, at voxel centres beside the means."""
    fading = light_fading(30.0, 1000.0, 0.2)
    assert fading.decay_per_mm == pytest.approx(0.304467, rel=1e-5)
    grid = Grid((1, 1, 21), (0.25,) * 3, (5.0, 0.0, 0.0))
    heat = 5.0 * line_source(grid, [[0.0, 0.0, 0.0]] * 2, fading)[0, 0]
    assert heat[0] == pytest.approx(1.60964e6, rel=0.01)
    assert heat[20] == pytest.approx(1.75613e5, rel=0.01)


@pytest.mark.parametrize("values", [(0.0, 1, 1.0), (0.1, 3, 1.0), (0.1, 1, 0.0), (np.nan, 1, 1.0)])
def test_what_does_not_fade_is_refused(values: tuple[float, int, float]) -> None:
    with pytest.raises(InvalidValue):
        Fading(*values)


def test_light_needs_coefficients() -> None:
    with pytest.raises(InvalidValue):
        light_fading(0.0, 1000.0, 1.0)


def test_a_focus_absorbs_its_share() -> None:
    """Sum over the lattice against 2 alpha f sqrt(2 pi) s_z."""
    beam = Beam((0.6, 0.8, 0.0), 3.0, 9.0)
    grid = cube(50, (1.0, 1.0, 1.0))
    heat = focus_heat(grid, (1.0, -2.0, 0.5), 10.0, beam)
    total = heat.sum(dtype=float) * grid.voxel_volume_ml * 1e-6
    assert total == pytest.approx(10.0 * absorbed_share(beam), rel=0.002)
    k, j, i = np.unravel_index(int(heat.argmax()), heat.shape)
    assert grid.to_lps((i, j, k)) == pytest.approx((1.0, -2.0, 0.5), abs=1.0)


def test_impossible_foci_are_refused() -> None:
    with pytest.raises(InvalidValue):
        Beam(width_mm=0.0)
    with pytest.raises(InvalidValue):
        Sonication((0.0, 0.0, 0.0), 10.0, 5.0, 5.0)


def test_the_film_coefficient_is_the_sheets() -> None:
    """A3: Hausen at 3, 5 and 10 mm."""
    for diameter, expected in ((3.0, 1387.0), (5.0, 1420.0), (10.0, 1301.0)):
        found = film_coefficient_w_per_m2_k(diameter, speed_m_per_s(diameter), 50.0)
        assert found == pytest.approx(expected, rel=0.01)
    with pytest.raises(InvalidValue):
        film_coefficient_w_per_m2_k(3.0, 0.0)


def test_conductivity_rises_then_dries() -> None:
    found = conductivity_factor([37.0, 47.0, 100.0, 105.0, 120.0])
    assert found == pytest.approx([1.0, 1.15, 1.945, 1.945e-3, 1.945e-3], rel=1e-4)


def test_impedance_control_pauses_and_goes_on() -> None:
    control = ImpedanceControl(200.0, 1.0)
    assert control.power_w(0.0, 80.0, 50.0) == pytest.approx(80.0)
    assert control.power_w(5.0, 80.0 + RISE_OHM + 1.0, 50.0) == 0.0
    assert control.power_w(5.0 + PAUSE_S - 0.1, 80.0, 50.0) == 0.0
    assert control.power_w(5.0 + PAUSE_S, 80.0, 50.0) == pytest.approx(80.0)
    assert control.pauses == 1


def test_temperature_control_stays_within_its_power_and_settles() -> None:
    """A sensor that follows the power with a lag ends at its target."""
    control, sensor = TemperatureControl(100.0, 60.0), 37.0
    for n in range(400):
        power = control.power_w(2.0 * n, 100.0, sensor)
        assert 0.0 <= power <= 60.0
        sensor += 2.0 * (power * 2.0 - (sensor - 37.0)) / 40.0
    assert sensor == pytest.approx(100.0, abs=2.0)


@pytest.mark.parametrize("power", [0.0, -5.0, np.nan, np.inf])
def test_a_generator_without_power_is_refused(power: float) -> None:
    for make in (ConstantPower, lambda w: ImpedanceControl(w, 2.0), lambda w: TemperatureControl(100.0, w)):
        with pytest.raises(InvalidValue):
            make(power)


def test_a_steady_source_is_on_in_its_time() -> None:
    source = SteadySource(np.ones((2, 2, 2), dtype=np.float32), 10.0, 20.0)
    rest = np.full((2, 2, 2), 37.0, dtype=np.float32)
    assert [source.update(t, rest) for t in (0.0, 10.0, 15.0, 20.0)] == [False, True, False, True]
    assert not source.heat_w_per_m3.any()


def test_a_thin_needle_is_one_voxel_in_each_layer() -> None:
    grid = cube(40, (1.0, 1.0, 1.0))
    ends = np.array([[[0.0, 0.0, -10.0], [3.0, 0.0, 10.0]]])
    mask, factor = needle_voxels(grid, ends, 0.75)
    assert factor > 1.0
    assert set(mask.sum(axis=(1, 2))) == {0, 1}
    assert distance_to_segment_mm(grid, *ends[0])[mask].max() <= 1.0


def test_a_thick_needle_is_all_within_its_radius() -> None:
    grid = cube(60, (0.5, 0.5, 0.5))
    ends = np.array([[[0.0, 0.0, -8.0], [0.0, 0.0, 8.0]]])
    mask, _ = needle_voxels(grid, ends, 3.0)
    volume = mask.sum() * grid.voxel_volume_ml * 1000.0
    assert volume == pytest.approx(np.pi * 3.0**2 * 16.0 + 4 / 3 * np.pi * 3.0**3, rel=0.05)


@pytest.mark.parametrize("off", [(0.0, 0.0), (0.25, 0.0), (0.5, 0.5), (0.3, -0.45)])
@pytest.mark.parametrize("radius_mm", [0.91, 0.96, 0.999, 1.0, 1.2, 1.5, 1.6])
def test_a_needle_about_as_thick_as_a_voxel_conducts_as_a_round_one(
    radius_mm: float, off: tuple[float, float]
) -> None:
    """Wherever it runs between voxel centres: within 2 %, and no face slows the solver."""
    grid = Grid((11, 11, 11), (1.0,) * 3, (-5.0,) * 3)
    ends = np.array([[[*off, -3.0], [*off, 3.0]]])
    mask, factor = needle_voxels(grid, ends, radius_mm)
    x, y = sorted(abs(o) for o in off)
    held = np.hypot(*(np.indices((11, 11)) - 5 - np.array([x, y])[:, None, None])) <= max(radius_mm, 1.001)
    assert mask[5].sum() == held.sum() >= 2
    exact = np.log(CIRCLE_VOXELS / radius_mm) / (2.0 * np.pi)
    assert _resistance(radius_mm, factor, (x, y)) == pytest.approx(exact, rel=0.02)
    assert 0.5 < factor <= 8.0
