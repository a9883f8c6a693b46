"""The bioheat solver: conservation, symmetry, the active box, death, vessels, boiling, guards."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.bioheat import (
    BioheatProblem,
    HeatResult,
    Tissue,
    Vaporisation,
    solve_bioheat,
)
from planner.compute.cell_death import CEM43, Arrhenius, Isotherm, ThreeState
from planner.compute.heat_lattice import FixedVoxels, thin_needle_factor
from planner.model.geometry import Grid

SHAPE = (30, 28, 34)


def lattice(shape=SHAPE, spacing=(1.0, 1.2, 1.5)) -> Grid:
    return Grid(shape, spacing, (0, 0, 0))


def blob(grid: Grid, power_w: float, at=(14, 12, 15), radius: int = 2) -> np.ndarray:
    source = np.zeros(grid.shape)
    source[tuple(slice(a - radius, a + radius + 1) for a in at)] = 1.0
    return source * power_w / (source.sum() * np.prod(grid.spacing_mm) * 1e-9)


def mixed_tissue(grid: Grid, perfusion: float = 3e4) -> Tissue:
    rng = np.random.default_rng(1)
    return Tissue(
        grid,
        rng.uniform(0.2, 0.6, grid.shape),
        rng.uniform(3e6, 4e6, grid.shape),
        rng.uniform(0, 1, grid.shape) * perfusion,
    )


def energy_j(grid: Grid, tissue: Tissue, celsius: np.ndarray) -> float:
    excess = celsius.astype(float) - 37
    return float((tissue.heat_capacity_j_per_m3_k * excess).sum() * np.prod(grid.spacing_mm) * 1e-9)


def same_bits(first: HeatResult, second: HeatResult) -> bool:
    names = ("temperature_c", "hottest_c", "damage", "dead")
    return all(np.array_equal(getattr(first, n), getattr(second, n)) for n in names)


def test_same_input_gives_the_same_bits() -> None:
    grid = lattice()
    problem = BioheatProblem(mixed_tissue(grid), blob(grid, 20.0), death=Arrhenius())
    assert same_bits(solve_bioheat(problem, 60), solve_bioheat(problem, 60))


def test_steps_in_waves_equal_steps_one_by_one() -> None:
    grid = lattice()
    problem = BioheatProblem(mixed_tissue(grid), blob(grid, 20.0), death=Arrhenius())
    waves = solve_bioheat(problem, 60, whole_lattice=True)
    single = solve_bioheat(problem, 60, whole_lattice=True, control=lambda t, c: None, control_every=1)
    assert waves.dead.any()
    assert same_bits(waves, single)


def test_insulated_box_keeps_its_energy() -> None:
    grid = lattice()
    tissue = mixed_tissue(grid, perfusion=0.0)
    problem = BioheatProblem(tissue, blob(grid, 20.0), boundary="insulated", ceiling_c=None)
    assert energy_j(grid, tissue, solve_bioheat(problem, 200).temperature_c) == pytest.approx(4000, rel=1e-3)


@pytest.mark.parametrize("death", [None, Arrhenius(), CEM43(), ThreeState(), Isotherm(60.0)])
def test_active_box_equals_the_whole(death) -> None:
    """Arterial temperature zero shows differences that rounding to 37 °C and more would hide."""
    grid = lattice((64, 64, 64), (1.0, 1.0, 1.2))
    arterial = 0.0 if death is None else 37.0
    problem = BioheatProblem(
        Tissue(grid, perfusion_w_per_m3_k=3e4),
        blob(grid, 15.0, (30, 28, 33)),
        death=death,
        arterial_c=arterial,
    )
    boxed, whole = solve_bioheat(problem, 90), solve_bioheat(problem, 90, whole_lattice=True)
    # Four bytes hold 37 °C to 4e-6.
    assert np.abs(boxed.temperature_c - whole.temperature_c).max() <= (1e-6 if death is None else 8e-6)
    assert np.abs(boxed.temperature_c - arterial).max() > 30
    assert np.array_equal(boxed.dead, whole.dead)
    assert np.allclose(boxed.damage, whole.damage, rtol=1e-5, atol=1e-12)


def test_whole_lattice_is_taken_where_resting_tissue_takes_damage() -> None:
    grid = lattice((40, 40, 40))
    problem = BioheatProblem(
        Tissue(grid), blob(grid, 5.0, (3, 3, 3)), death=Arrhenius(counts_above_c=36.0), boundary="insulated"
    )
    damage = solve_bioheat(problem, 20).damage
    rate = 7.39e39 * np.exp(-2.577e5 / 8.314462618 / 310.15)
    assert damage[-1, -1, -1] == pytest.approx(20 * rate, rel=1e-6)


def test_nothing_overshoots() -> None:
    grid = lattice()
    rng = np.random.default_rng(2)
    start = rng.uniform(37, 90, grid.shape)
    result = solve_bioheat(BioheatProblem(mixed_tissue(grid), initial_c=start, boundary="insulated"), 30)
    assert result.temperature_c.max() <= start.max()
    assert result.temperature_c.min() >= 37
    assert np.array_equal(result.hottest_c, np.maximum(result.hottest_c, result.temperature_c))


def test_mirror_planes_stand_for_the_other_half() -> None:
    whole = Grid((20, 20, 20), (1, 1.5, 2), (0, 0, 0))
    octant = Grid((10, 10, 10), (1, 1.5, 2), (0, 0, 0))
    source = np.zeros(whole.shape)
    source[8:12, 8:12, 8:12] = 1e7
    full = solve_bioheat(BioheatProblem(Tissue(whole), source), 60).temperature_c
    part = solve_bioheat(
        BioheatProblem(Tissue(octant), source[10:, 10:, 10:], boundary=(("insulated", "fixed"),) * 3), 60
    ).temperature_c
    assert np.abs(full[10:, 10:, 10:] - part).max() <= 2e-5
    assert np.abs(full[:10, 10:, 10:][::-1] - part).max() <= 2e-5


def test_axes_are_not_mixed_up() -> None:
    """A problem turned about gives the turned answer."""
    rng = np.random.default_rng(3)
    k, source = rng.uniform(0.2, 0.6, (8, 10, 12)), rng.uniform(0, 1e6, (8, 10, 12))
    straight = solve_bioheat(BioheatProblem(Tissue(Grid((8, 10, 12), (1, 2, 3), (0, 0, 0)), k), source), 20)
    turned = solve_bioheat(BioheatProblem(Tissue(Grid((12, 10, 8), (3, 2, 1), (0, 0, 0)), k.T), source.T), 20)
    assert np.abs(straight.temperature_c - turned.temperature_c.T).max() <= 2e-5


def test_dead_tissue_loses_its_perfusion() -> None:
    grid = lattice()
    source = blob(grid, 25.0)
    alive = solve_bioheat(BioheatProblem(Tissue(grid, perfusion_w_per_m3_k=6e4), source), 200)
    dying = solve_bioheat(
        BioheatProblem(Tissue(grid, perfusion_w_per_m3_k=6e4), source, death=Arrhenius()), 200
    )
    assert dying.dead.any()
    assert not alive.dead.any()
    assert (dying.temperature_c - alive.temperature_c)[dying.dead].mean() > 2
    assert np.array_equal(dying.dead, dying.damage >= 1)


def test_fixed_voxels_stay_and_cool() -> None:
    grid = lattice()
    vessel = np.zeros(grid.shape, dtype=bool)
    vessel[:, 16:19, 17:20] = True
    source = blob(grid, 15.0)
    results = [
        solve_bioheat(BioheatProblem(Tissue(grid), source, fixed=[FixedVoxels(vessel, 37.0, h)] if h else []), 200)
        for h in (0.0, 200.0, 2000.0, inf)
    ]  # fmt: skip
    for result in results[1:]:
        assert np.all(result.temperature_c[vessel] == 37)
    beside = [float(result.temperature_c[14, 15, 17]) for result in results]
    assert beside == sorted(beside, reverse=True)
    assert beside[0] - beside[-1] > 2


def test_heat_transfer_counts_true_area_not_steps() -> None:
    """An oblique plane wall: the heat through it is h times its true area, steps or not."""
    grid = Grid((1, 60, 60), (1, 1, 1), (0, 0, 0))
    j, i = np.indices((60, 60))
    for slope in (0.5, 1.0):
        wall = (i + slope * j < 25 * (1 + slope))[None]
        problem = BioheatProblem(
            Tissue(grid, conductivity_w_per_m_k=50.0),
            fixed=[FixedVoxels(wall, 37.0, 100.0)], initial_c=60.0, boundary="insulated", ceiling_c=None,
        )  # fmt: skip
        # So conducting that the tissue keeps one temperature while it cools through the wall.
        result = solve_bioheat(problem, 20)
        lost_j = (60 - result.temperature_c[~wall].astype(float)).sum() * 1060 * 3600 * 1e-9
        ends = sorted({(x, 25 * (1 + 1 / slope) - x / slope) for x in np.linspace(0, 60, 6001)})
        inside = [p for p in ends if 0 <= p[1] <= 60]
        length_m = np.hypot(inside[-1][0] - inside[0][0], inside[-1][1] - inside[0][1]) * 1e-3
        expected = 100 * length_m * 1e-3 * 20 * (result.temperature_c[~wall].mean() + 60) / 2
        expected -= 100 * length_m * 1e-3 * 20 * 37
        assert lost_j == pytest.approx(expected, rel=0.06), slope


def test_ceiling_holds() -> None:
    grid = lattice()
    result = solve_bioheat(BioheatProblem(Tissue(grid), blob(grid, 200.0)), 60)
    assert result.hottest_c.max() == 105


@pytest.mark.parametrize("seconds", [10.0, 40.0, 70.0])
def test_vaporisation_spends_the_latent_heat(seconds: float) -> None:
    """One insulated temperature: heat in equals sensible and latent heat."""
    grid = Grid((3, 3, 3), (1, 1, 1), (0, 0, 0))
    water = Vaporisation()
    problem = BioheatProblem(
        Tissue(grid), 3e7, initial_c=90.0, boundary="insulated", vaporisation=water, ceiling_c=None
    )
    celsius = float(solve_bioheat(problem, seconds).temperature_c[1, 1, 1])
    wet = np.clip((celsius - 99) / 2, 0, 1) * water.latent_j_per_m3
    assert 1060 * 3600 * (celsius - 90) + wet == pytest.approx(3e7 * seconds, rel=1e-4)
    assert (celsius > 101) == (seconds > 65)


def test_control_sets_the_source_and_frames_come_when_asked() -> None:
    grid = lattice()
    asked: list[float] = []

    def control(time_s: float, celsius: np.ndarray) -> np.ndarray | None:
        asked.append(time_s)
        return blob(grid, 3.0, (20, 20, 25)) if celsius.max() < 60 else np.zeros(grid.shape)

    seen: list[float] = []
    result = solve_bioheat(
        BioheatProblem(Tissue(grid)), 100, control=control, control_every=2, frames_s=(0, 12.5, 100),
        on_frame=lambda time_s, celsius: seen.append(time_s),
    )  # fmt: skip
    assert seen == [0, 12.5, 100]
    assert result.frames == ()
    assert len(asked) == (result.steps + 1) // 2
    assert 55 < result.hottest_c.max() < 75
    kept = solve_bioheat(BioheatProblem(Tissue(grid), blob(grid, 9.0)), 50, frames_s=(10, 50))
    assert [time_s for time_s, _ in kept.frames] == [10, 50]
    assert np.array_equal(kept.frames[1][1], kept.temperature_c)
    assert not kept.temperature_c.flags.writeable
    assert kept.step_s <= kept.limit_s


def test_cancel_stops_and_progress_is_told() -> None:
    grid = lattice()
    told: list[float] = []

    def listen(fraction: float, text: str) -> None:
        told.append(fraction)
        if fraction > 0.3:
            task.cancel()

    task = Task(listen)
    with pytest.raises(Cancelled):
        solve_bioheat(BioheatProblem(Tissue(grid), blob(grid, 9.0)), 400, task=task)
    assert told == sorted(told)
    assert 0.3 < told[-1] < 0.6


def test_thin_needle_factor_makes_the_needle_thicker() -> None:
    assert thin_needle_factor(1.0, 0.19849) == pytest.approx(1.0, abs=1e-3)
    assert thin_needle_factor(1.0, 0.75) > thin_needle_factor(1.0, 0.5) > 1


MASK = np.zeros(SHAPE, dtype=bool)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tissue(lattice(), conductivity_w_per_m_k=0.0),
        lambda: Tissue(lattice(), heat_capacity_j_per_m3_k=-1.0),
        lambda: Tissue(lattice(), perfusion_w_per_m3_k=-1.0),
        lambda: Tissue(lattice(), conductivity_w_per_m_k=np.full(SHAPE, nan)),
        lambda: Tissue(lattice(), conductivity_w_per_m_k=np.ones((2, 2, 2))),
        lambda: FixedVoxels(np.ones((3, 3), dtype=bool)),
        lambda: FixedVoxels(~MASK, nan),
        lambda: FixedVoxels(MASK, np.zeros((2, 2, 2))),
        lambda: FixedVoxels(MASK, 37.0, 0.0),
        lambda: FixedVoxels(MASK, 37.0, nan),
        lambda: FixedVoxels(MASK, 37.0, None, 0.0),
        lambda: BioheatProblem(Tissue(lattice()), nan),
        lambda: BioheatProblem(Tissue(lattice()), np.zeros((2, 2, 2))),
        lambda: BioheatProblem(Tissue(lattice()), initial_c=inf),
        lambda: BioheatProblem(Tissue(lattice()), fixed=[FixedVoxels(np.zeros((2, 2, 2), dtype=bool))]),
        lambda: BioheatProblem(Tissue(lattice()), boundary="open"),
        lambda: BioheatProblem(Tissue(lattice()), boundary=(("fixed", "fixed"),) * 2),
        lambda: BioheatProblem(Tissue(lattice()), arterial_c=nan),
        lambda: BioheatProblem(Tissue(lattice()), ceiling_c=20.0),
        lambda: Vaporisation(water_content=1.5),
        lambda: Vaporisation(low_c=101, high_c=99),
        lambda: thin_needle_factor(1.0, 1.0),
        lambda: thin_needle_factor(nan, 0.2),
        lambda: solve_bioheat(BioheatProblem(Tissue(lattice())), 0.0),
        lambda: solve_bioheat(BioheatProblem(Tissue(lattice())), nan),
        lambda: solve_bioheat(BioheatProblem(Tissue(lattice())), 10.0, frames_s=(11.0,)),
        lambda: solve_bioheat(BioheatProblem(Tissue(lattice())), 10.0, control=lambda t, c: nan),
        lambda: solve_bioheat(BioheatProblem(Tissue(lattice()), 3e38, ceiling_c=None), 90.0),
    ],
)
def test_impossible_input_is_refused(make) -> None:
    with pytest.raises(InvalidValue) as error:
        make()
    assert all((error.value.what, error.value.thing, error.value.todo))
