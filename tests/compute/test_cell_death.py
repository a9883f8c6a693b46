"""Models of cell death against the numbers of case H8, and their guards."""

from __future__ import annotations

from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from planner.base.errors import InvalidValue
from planner.compute.cell_death import (
    CEM43,
    Arrhenius,
    Isotherm,
    ThreeState,
    advance_damage,
    counts_at,
    dead_fraction,
)


@pytest.mark.parametrize(
    ("celsius", "seconds"),
    [(43, 510.5), (45, 275.64), (50, 61.053), (54, 18.898), (60, 3.4308), (70, 0.2280), (80, 0.017668)],
)
def test_arrhenius_time_to_death(celsius: float, seconds: float) -> None:
    assert Arrhenius().seconds_to_death(celsius) == pytest.approx(seconds, rel=2e-4)


@pytest.mark.parametrize(("celsius", "seconds"), [(64.4738, 1), (50.0586, 60), (42.4799, 600)])
def test_arrhenius_temperature_of_a_time(celsius: float, seconds: float) -> None:
    assert Arrhenius().seconds_to_death(celsius) == pytest.approx(seconds, rel=1e-4)


@pytest.mark.parametrize(
    ("celsius", "minutes"), [(45, 60), (47, 15), (50, 1.875), (54, 0.1171875), (60, 0.00183105)]
)
def test_cem43_time_to_death(celsius: float, minutes: float) -> None:
    assert CEM43().seconds_to_death(celsius) / 60 == pytest.approx(minutes, rel=1e-5)


@pytest.mark.parametrize(
    ("celsius", "minutes", "equivalent"),
    [(50, 10, 1280), (46, 5, 40), (42, 60, 15), (43, 7, 7), (38.9, 600, 0)],
)
def test_cem43_counts_equivalent_minutes(celsius: float, minutes: float, equivalent: float) -> None:
    model, damage = CEM43().packed, 0.0
    for _ in range(100):
        if counts_at(model, celsius):
            damage, _ = advance_damage(model, damage, 0.0, celsius, minutes * 0.6)
    assert damage == pytest.approx(equivalent, rel=1e-9)


@pytest.mark.parametrize(
    ("celsius", "seconds"),
    [(45, 2062.4), (50, 1546.2), (55, 1203.4), (60, 960.10), (70, 641.90), (80, 448.25), (100, 236.42)],
)
def test_three_state_time_to_death(celsius: float, seconds: float) -> None:
    assert ThreeState().seconds_to_death(celsius) == pytest.approx(seconds, rel=5e-5)


@pytest.mark.parametrize("celsius", [45.0, 75.0, 105.0])
def test_three_state_steps_of_two_seconds_follow_the_equations(celsius: float) -> None:
    model = ThreeState()
    forward = model.forward_per_s * np.exp(celsius / model.scale_c)

    def rates(_: float, y: np.ndarray) -> list[float]:
        v = 1 - y[0] - y[1]
        kf = forward * (1 - y[0])
        return [-kf * y[0] + model.backward_per_s * v, kf * v]

    truth = solve_ivp(rates, (0, 200), [0.99, 0.0], rtol=1e-10, atol=1e-12).y[:, -1]
    damage, alive = 0.0, 0.99
    for _ in range(100):
        damage, alive = advance_damage(model.packed, damage, alive, celsius, 2.0)
    assert (alive, damage) == pytest.approx(tuple(truth), abs=1e-6)


def test_isotherms_kill_beyond_their_temperature() -> None:
    assert Isotherm(60.0).seconds_to_death(60.0) == 0
    assert Isotherm(60.0).seconds_to_death(59.9) == inf
    assert Isotherm(50.0, hold_s=120.0).seconds_to_death(70.0) == 120
    cold = Isotherm(-20.0, cold=True)
    assert cold.seconds_to_death(-20.0) == 0
    assert cold.seconds_to_death(-19.9) == inf


@pytest.mark.parametrize("model", [Arrhenius(), CEM43(), ThreeState(), Isotherm(), Isotherm(-20, cold=True)])
def test_body_temperature_kills_never(model: Arrhenius | CEM43 | ThreeState | Isotherm) -> None:
    assert model.seconds_to_death(37.0) == inf


@pytest.mark.parametrize("model", [Arrhenius(), CEM43(), ThreeState()])
def test_hotter_is_never_slower(model: Arrhenius | CEM43 | ThreeState) -> None:
    times = [model.seconds_to_death(t) for t in np.linspace(39.5, 105, 40)]
    assert all(later < sooner for sooner, later in pairwise(times))


def test_every_model_says_where_it_comes_from() -> None:
    for model in (Arrhenius(), CEM43(), ThreeState(), Isotherm()):
        assert model.source
        assert model.damage_unit


def test_dead_fraction_of_arrhenius() -> None:
    assert dead_fraction([0.0, 1.0, 4.6]) == pytest.approx([0, 0.632121, 0.98995], abs=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Arrhenius(frequency_per_s=0), lambda: Arrhenius(activation_j_per_mol=nan),
        lambda: Arrhenius(dead_at=-1), lambda: Arrhenius(counts_above_c=inf), lambda: CEM43(0),
        lambda: CEM43(inf), lambda: ThreeState(dead_at=1.0), lambda: ThreeState(alive_at_start=1.0),
        lambda: ThreeState(scale_c=0), lambda: Isotherm(nan), lambda: Isotherm(60, hold_s=-1),
    ],
)  # fmt: skip
def test_impossible_models_are_refused(make) -> None:
    with pytest.raises(InvalidValue) as error:
        make()
    assert all((error.value.what, error.value.thing, error.value.todo))
