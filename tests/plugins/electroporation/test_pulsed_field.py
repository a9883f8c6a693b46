"""The field of all pairs: symmetry, currents, rising conductivity, heat, cancel."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from planner_plugins.electroporation import pulsed_field
from planner_plugins.electroporation.pulsed_field import pulsed_pairs, solve_pairs
from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.tissue_lattice import conductivity_law
from two_needles import RADIUS_MM, array, plain_lattice, solved

from planner.base.errors import Cancelled, InvalidValue, PlannerError
from planner.base.task import Task
from planner.compute.cassini import pair_currents_a
from planner.compute.conductivity import FieldRamp, FieldSigmoid
from planner.compute.pulse_heat import adiabatic_rise_k
from planner.model.electrode_array import PulsePair
from planner.planning.pulsed_tissues import PULSED, PulsedClass

CONSTANT = Settings(conductivity_model="constant")
RISING = Settings()
BORDER = 20.0


def test_field_is_a_mirror_image() -> None:
    """Left and right, head and feet, along the needles: to the residual of the solution."""
    found = solved(array(15.0, 2250.0, 20.0), RISING, BORDER)
    i, j, k = found.grid.to_ijk(np.zeros(3))
    for axis, place in enumerate((k, j, i)):
        whole = np.moveaxis(found.e_v_per_cm, axis, 0).astype(float)
        reach = min(place, len(whole) - 1 - place)
        around = whole[round(place - reach) : round(place + reach) + 1]
        # On the axis of a needle the value is that of one side of its surface.
        outside = np.maximum(around, around[::-1]) < 4000.0
        off = np.abs(around - around[::-1]) / np.maximum(around, 50.0)
        assert off[outside].max() < 5e-4, axis
        assert (~outside).sum() < 100


@pytest.mark.parametrize("settings", [CONSTANT, RISING, replace(RISING, conductivity_model="sigmoid")])
def test_what_goes_in_comes_out(settings: Settings) -> None:
    found = solved(array(15.0, 2250.0, 20.0), settings, BORDER)
    assert found.currents[0].leak < 0.005
    # And is what the voltage times the current dissipates; 2 %: heat is summed over voxels.
    assert found.currents[0].power_w == pytest.approx(2250.0 * found.currents[0].current_a, rel=0.02)


def test_current_that_is_lost_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulsed_field, "MOST_LEAK", 0.0)
    monkeypatch.setattr(pulsed_field, "TOLERANCE", 1e-2)
    with pytest.raises(PlannerError, match="More current"):
        solved(array(15.0, 2250.0, 20.0, (3.0, 9.0)), RISING, BORDER)


def test_constant_conductivity_is_linear_in_the_voltage() -> None:
    one, two = (solved(array(15.0, v, 20.0), CONSTANT, BORDER) for v in (1000.0, 2000.0))
    assert two.e_v_per_cm == pytest.approx(2.0 * one.e_v_per_cm, rel=1e-3, abs=0.1)
    assert two.currents[0].current_a == pytest.approx(2.0 * one.currents[0].current_a, rel=1e-4)


@pytest.mark.parametrize("model", ["piecewise_linear", "sigmoid"])
def test_current_rises_with_the_conductivity(model: str) -> None:
    """Between that of the low and of the high conductivity, and near the closed form's."""
    placed = array(15.0, 2250.0, 20.0)
    settings = replace(RISING, conductivity_model=model)
    low = solved(placed, CONSTANT).currents[0].current_a
    found = solved(placed, settings).currents[0].current_a
    assert low < found < PULSED[PulsedClass.LIVER].rise * low
    law = conductivity_law(settings, PulsedClass.LIVER)
    assert isinstance(law, FieldRamp | FieldSigmoid)
    # 5 %: the closed form keeps the pattern of currents.
    assert found == pytest.approx(
        pair_currents_a(placed.electrodes, placed.pairs, RADIUS_MM, law)[0], rel=0.05
    )


def test_high_conductivities_scale_with_the_low_ones() -> None:
    placed = array(15.0, 2250.0, 20.0)
    twice = replace(RISING, liver_conductivity_s_per_m=2 * RISING.liver_conductivity_s_per_m)
    one, two = solved(placed, RISING, BORDER), solved(placed, twice, BORDER)
    assert two.currents[0].current_a == pytest.approx(2.0 * one.currents[0].current_a, rel=1e-3)


def test_padding_changes_the_current_by_less_than_one_percent() -> None:
    placed, coarse = array(15.0, 2250.0, 20.0), replace(RISING, field_voxel_mm=2.0)
    near = solved(placed, coarse, 40.0).currents[0].current_a
    lattice = plain_lattice(placed, 2.0, 80.0)
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(
            "planner_plugins.electroporation.tissue_lattice.TissueLattice.box_around",
            lambda self, points: self.grid.box,
        )
        far = solve_pairs(lattice, pulsed_pairs([(placed, RADIUS_MM)]), coarse, Task())
    assert near == pytest.approx(far.currents[0].current_a, rel=0.01)


def test_map_is_the_largest_field_over_pairs_and_not_the_sum() -> None:
    three = array(14.0, 2100.0, 20.0, (0.0, 12.0))
    pairs = (PulsePair(0, 1, 2100.0), PulsePair(0, 2, 2000.0))
    lattice = plain_lattice(three, 1.0, BORDER)
    one, two, both = (
        solve_pairs(lattice, pulsed_pairs([(replace(three, pairs=p), RADIUS_MM)]), CONSTANT, Task())
        for p in (pairs[:1], pairs[1:], pairs)
    )
    assert np.array_equal(both.e_v_per_cm, np.maximum(one.e_v_per_cm, two.e_v_per_cm))
    assert both.rise_k == pytest.approx(one.rise_k + two.rise_k, rel=1e-5)
    assert np.array_equal(both.most_rise_k, np.maximum(one.rise_k, two.rise_k))


def test_pull_back_is_the_array_farther_out() -> None:
    placed = array(14.0, 2100.0, 15.0, pull_backs=1, pull_back_mm=10.0)
    lattice = plain_lattice(placed, 1.0, BORDER)
    pairs = pulsed_pairs([(placed, RADIUS_MM)])
    assert [p.position for p in pairs] == [0, 1]
    found = solve_pairs(lattice, pairs, CONSTANT, Task())
    first = solve_pairs(lattice, pairs[:1], CONSTANT, Task())
    steps = round(10.0 / lattice.grid.spacing_mm[0])
    # k runs along the needles: a pull-back is a shift by ten voxels, but for the sides.
    k = int(np.rint(lattice.grid.to_ijk(np.zeros(3))[2]))
    before, after = first.e_v_per_cm[k], found.e_v_per_cm[k - steps]
    strong = before > 300.0
    assert strong.sum() > 200
    assert after[strong] == pytest.approx(before[strong], rel=0.03)
    assert found.currents[1].current_a == pytest.approx(found.currents[0].current_a, rel=0.02)


def test_pairs_without_voltage_are_left_out() -> None:
    placed = array(15.0, 0.0, 20.0)
    assert pulsed_pairs([(placed, RADIUS_MM)]) == ()


def test_heat_is_that_of_the_closed_form() -> None:
    """N tau sigma E² / (rho c): reference sheet, joule adiabatic."""
    capacity = 1060.0 * 3600.0
    for sigma, e_v_per_cm, pulses, pulse_us, kelvin in (
        (0.30, 1500.0, 90, 90.0, 14.32783),
        (0.12, 1500.0, 90, 90.0, 5.73113),
        (0.30, 500.0, 90, 90.0, 1.59198),
        (0.30, 1500.0, 70, 70.0, 8.66745),
    ):
        heat = sigma * (100.0 * e_v_per_cm) ** 2
        assert adiabatic_rise_k(heat, pulses, pulse_us, capacity) == pytest.approx(kelvin, rel=1e-5)
    with pytest.raises(InvalidValue, match="heat capacity"):
        adiabatic_rise_k(1.0, 90, 90.0, 0.0)
    # In the module: away from needles the voxel's own field heats it.
    found = solved(array(15.0, 2250.0, 20.0), CONSTANT, BORDER)
    i, j, k = (int(n) for n in np.rint(found.grid.to_ijk((0.5, 0.0, 0.5))))
    sigma = CONSTANT.liver_conductivity_s_per_m
    wanted = 90 * 90e-6 * sigma * (100.0 * found.e_v_per_cm[k, j, i]) ** 2 / capacity
    assert found.rise_k[k, j, i] == pytest.approx(wanted, rel=0.02)


def test_temperature_raises_the_current_and_stays_below_boiling() -> None:
    placed = array(15.0, 2250.0, 20.0)
    cold = solved(placed, RISING, BORDER)
    warm = solved(placed, replace(RISING, temperature_dependence=True), BORDER)
    # Half of 5 to 15 K at 1.2 % each, more at the needles.
    gain = warm.currents[0].current_a / cold.currents[0].current_a
    assert 1.02 < gain < 1.5
    assert warm.temperature_degc.max() <= 100.0
    assert cold.temperature_degc.min() >= 37.0


def test_the_same_input_gives_the_same_bits() -> None:
    one, two = (solved(array(15.0, 2250.0, 20.0), RISING, BORDER) for _ in range(2))
    assert one.e_v_per_cm.tobytes() == two.e_v_per_cm.tobytes()
    assert one.rise_k.tobytes() == two.rise_k.tobytes()


def test_progress_is_told_in_words_and_cancel_is_heeded() -> None:
    three = array(14.0, 2100.0, 20.0, (0.0, 12.0))
    pairs = (PulsePair(0, 1, 2100.0), PulsePair(0, 2, 2000.0), PulsePair(1, 2, 0.0))
    told: list[tuple[float, str]] = []
    solved(replace(three, pairs=pairs), CONSTANT, BORDER, Task(lambda f, w: told.append((f, w))))
    assert {w for _, w in told} == {"Field of pair 1-2 (1 of 2)", "Field of pair 1-3 (2 of 2)"}
    assert [f for f, _ in told] == sorted(f for f, _ in told)
    task = Task(lambda f, w: task.cancel() if "2 of 2" in w else None)
    with pytest.raises(Cancelled):
        solved(replace(three, pairs=pairs), CONSTANT, BORDER, task)
