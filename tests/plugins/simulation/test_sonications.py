"""Grids of foci simulated: turns with pauses, heat in a box, a zone like the device's, and refusals."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.judging import simulate
from planner_plugins.thermal_ablation.simulation.region import plain_region
from planner_plugins.thermal_ablation.simulation.ultrasound import (
    Beam,
    SonicationSource,
    absorbed_share,
    beam_of,
    foci_course,
    focus_heat,
    sonications_of,
)
from planner_plugins.thermal_ablation.simulation.zone_boundary import zone_boundary

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from phantom import custom_probe, phantom

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.geometry import Grid
from planner.model.plan import FocusGrid, Plan
from planner.planning.device_library import device_library

HIFU = device_library().device("generic-hifu")
WINDOW = ((-20.0, -97.0, 0.0), (20.0, -97.0, 0.0), (0.0, -97.0, 20.0))
GRID = FocusGrid("h1", "generic-hifu", ((0.0, 4.0, 0.0), (0.0, 0.0, 0.0)), WINDOW, HIFU.defaults, "lesion")


def test_foci_take_their_turns_with_pauses() -> None:
    first, second = sonications_of(GRID, HIFU, 100.0)
    assert (first.start_s, first.stop_s, second.start_s, second.stop_s) == (100.0, 120.0, 150.0, 170.0)
    assert first.focus_lps_mm == GRID.foci_lps_mm[0]
    with pytest.raises(InvalidValue, match="power and a time"):
        sonications_of(replace(GRID, settings={}), HIFU, 0.0)


def test_a_source_heats_the_focus_whose_turn_it_is() -> None:
    lattice = Grid((41, 41, 41), (1.0, 1.0, 1.0), (-20.0, -20.0, -20.0))
    beam = beam_of(GRID, HIFU)
    source = SonicationSource(lattice, [(s, beam) for s in sonications_of(GRID, HIFU, 0.0)])
    rest = np.zeros(lattice.shape, dtype=np.float32)
    assert source.update(0.0, rest)
    assert not source.update(10.0, rest)
    one = focus_heat(lattice, GRID.foci_lps_mm[0], 8.0, beam)
    assert np.array_equal(source.heat_w_per_m3, one)
    assert source.update(25.0, rest)
    assert not source.heat_w_per_m3.any(), "a pause"
    assert source.update(50.0, rest)
    assert np.array_equal(source.heat_w_per_m3, focus_heat(lattice, GRID.foci_lps_mm[1], 8.0, beam))


@pytest.mark.parametrize("axis", [(0.0, 0.0, 1.0), (0.6, -0.5, 0.3)])
def test_the_box_of_a_focus_holds_its_power(axis: tuple[float, float, float]) -> None:
    lattice = Grid((61, 61, 61), (0.8, 0.8, 0.8), (-24.0, -24.0, -24.0))
    beam = Beam(axis)
    heat = focus_heat(lattice, (0.3, 0.1, -0.2), 10.0, beam)
    absorbed = float(heat.sum(dtype=np.float64)) * (0.8e-3) ** 3
    assert absorbed == pytest.approx(10.0 * absorbed_share(beam), rel=1e-3)
    assert 0.001 < np.count_nonzero(heat) / heat.size < 0.5


def test_a_focus_out_of_the_lattice_heats_nothing_in_it() -> None:
    lattice = Grid((9, 9, 9), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    assert not focus_heat(lattice, (200.0, 0.0, 0.0), 10.0, Beam()).any()


def test_the_default_power_makes_about_the_devices_zone() -> None:
    """One sonication in plain liver; the size of the device's row within 0.5 mm and a tenth."""
    region = plain_region(Grid((61, 41, 41), (0.5, 0.5, 0.5), (-10.0, -10.0, -15.0)))
    along = replace(GRID, foci_lps_mm=((0.0, 0.0, 0.0),), window_lps_mm=((0.0, 0.0, -90.0),) * 3)
    turns = sonications_of(along, HIFU, 0.0)
    course = foci_course(region, turns, beam_of(along, HIFU), Settings(), Task())
    size = np.ptp(zone_boundary(region.grid, course.level).points_lps_mm, axis=0)
    zone = HIFU.zone(HIFU.defaults)
    assert size[:2] == pytest.approx(zone.short_axis_mm, abs=0.5)
    assert size[2] == pytest.approx(zone.long_axis_mm, rel=0.1)


def test_a_grid_is_simulated_and_compared_with_the_devices_zones() -> None:
    case = phantom()
    steps = [(x, y, z) for x in (-4.0, -2.0, 0.0, 2.0) for y in (-4.0, 4.0) for z in (-2.0, 0.0)]
    plan = Plan("A", "phantom", (replace(GRID, foci_lps_mm=tuple(steps)),))
    found = simulate(case, plan, Settings(simulation_voxel_mm=1.0), Task())
    dice = found.metric("simulated_zone_overlap_dice", "plan").value
    assert dice is not None
    assert dice > 0.5
    volume = found.metric("simulated_zone_volume_ml", "plan").value
    assert volume is not None
    assert 0.3 < volume < 3.0
    assert found.metric("judged_minimal_margin_mm", "lesion").value is not None
    assert any("16 foci" in m.note for m in found.metrics)


def test_ice_and_sound_are_not_simulated_together() -> None:
    defaults = dict(device_library().device("generic-cryo-ln2").defaults)
    cryo = replace(custom_probe(), device="generic-cryo-ln2", settings=defaults)
    with pytest.raises(InvalidValue, match="Heat and cold"):
        simulate(phantom(), Plan("A", "phantom", (cryo, GRID)), Settings(allow_ex_vivo=True), Task())
    with pytest.raises(InvalidValue, match="no probe"):
        simulate(phantom(), Plan("A", "phantom"), Settings(), Task())
