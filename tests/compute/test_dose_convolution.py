"""Spreading energy over a kernel: against direct sums, at borders, cancelled, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import fftconvolve

import planner.compute.dose_convolution as module
from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.dose_convolution import dose_gy, local_deposit, spread_deposit
from planner.compute.voxel_kernel import VoxelKernel
from planner.model.geometry import Grid
from planner.planning.y90_kernel import y90_voxel_kernel


def lattice(shape: tuple[int, int, int], spacing=(2.0, 2.0, 2.0)) -> Grid:
    return Grid(shape, spacing, (5.0, -7.0, 11.0))


def kernel_for(grid: Grid) -> VoxelKernel:
    return y90_voxel_kernel(grid.spacing_mm, 1.0)


def direct(energy: np.ndarray, kernel: VoxelKernel) -> np.ndarray:
    """The convolution in double precision, cut to the grid."""
    whole = fftconvolve(energy, kernel.full, mode="full")
    return whole[tuple(slice(r, r + n) for r, n in zip(kernel.reach, energy.shape, strict=True))]


SHAPES = [(40, 33, 20), (5, 1, 9), (1, 1, 1), (3, 64, 2), (13, 14, 15), (1, 1, 50)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (0.9, 1.1, 5.0), (4.8, 4.8, 4.8)])
def test_as_a_convolution_in_double_precision(shape, spacing) -> None:
    grid = lattice(shape, spacing)
    energy = np.random.default_rng(1).random(shape)
    deposit = spread_deposit(energy, grid, kernel_for(grid))
    truth = direct(energy, kernel_for(grid))
    assert np.abs(deposit.energy_j - truth).max() < 1e-6 * truth.max()  # measured 5.3e-7
    assert deposit.given_j == pytest.approx(energy.sum(), rel=1e-12)
    assert deposit.left_j == pytest.approx(energy.sum() - truth.sum(), abs=1e-12 * energy.sum())
    assert deposit.energy_j.sum(dtype=float) == pytest.approx(deposit.inside_j, rel=5e-7)


PLACES = [(0, 0, 0), (29, 24, 39), (0, 24, 20), (15, 12, 20), (29, 0, 1)]


@pytest.mark.parametrize("place", PLACES)
def test_one_voxel_leaves_its_kernel_and_what_leaves_is_counted(place: tuple[int, int, int]) -> None:
    grid = lattice((30, 25, 40))
    energy = np.zeros(grid.shape)
    energy[place] = 3.0
    deposit = spread_deposit(energy, grid, kernel_for(grid))
    truth = direct(energy, kernel_for(grid))
    assert np.abs(deposit.energy_j - truth).max() < 1e-6 * truth.max()
    assert deposit.left_j == pytest.approx(3.0 - truth.sum(), abs=1e-13)
    assert (deposit.left_j == 0.0) == (place == (15, 12, 20))


def test_nothing_wraps_around_or_is_mirrored() -> None:
    grid = lattice((12, 12, 12))
    energy = np.zeros(grid.shape)
    energy[0, 0, 0] = 1.0
    deposit = spread_deposit(energy, grid, kernel_for(grid))
    assert deposit.energy_j[-3:, -3:, -3:].max() == 0.0
    # What is inside is one octant of the kernel, with the planes it shares with others.
    assert deposit.inside_j == pytest.approx(kernel_for(grid).octant.sum(), abs=1e-12)


def test_two_far_sources_are_worked_on_in_one_box() -> None:
    grid = lattice((20, 20, 60), (3.0, 3.0, 3.0))
    energy = np.zeros(grid.shape)
    energy[10, 10, 1], energy[3, 17, 50] = 1.0, 2.0
    truth = direct(energy, kernel_for(grid))
    found = spread_deposit(energy, grid, kernel_for(grid)).energy_j
    assert np.abs(found - truth).max() < 1e-6 * truth.max()


def test_same_bits_again_and_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = lattice((50, 40, 45))
    energy = np.random.default_rng(2).random(grid.shape)
    first = spread_deposit(energy, grid, kernel_for(grid))
    again = spread_deposit(energy, grid, kernel_for(grid))
    monkeypatch.setattr(module, "WORKERS", 1)
    alone = spread_deposit(energy, grid, kernel_for(grid))
    for other in (again, alone):
        assert np.array_equal(first.energy_j, other.energy_j)
        assert first.left_j == other.left_j


@pytest.mark.parametrize("scale", [1e-25, 1e12])
def test_the_size_of_the_numbers_does_not_matter(scale: float) -> None:
    grid = lattice((10, 12, 14))
    energy = np.random.default_rng(3).random(grid.shape)
    small = spread_deposit(energy * scale, grid, kernel_for(grid))
    one = spread_deposit(energy, grid, kernel_for(grid))
    assert np.allclose(small.energy_j / scale, one.energy_j, rtol=1e-6)
    assert small.left_j == pytest.approx(one.left_j * scale, rel=1e-12)


def test_no_source_no_energy() -> None:
    grid = lattice((4, 5, 6))
    deposit = spread_deposit(np.zeros(grid.shape), grid, kernel_for(grid))
    assert deposit.energy_j.max() == 0
    assert deposit.given_j == 0
    assert deposit.left_j == 0


def test_local_deposition_keeps_everything_in_place() -> None:
    energy = np.random.default_rng(4).random((4, 5, 6))
    deposit = local_deposit(energy)
    assert np.array_equal(deposit.energy_j, energy.astype(np.float32))
    assert deposit.inside_j == deposit.given_j == pytest.approx(energy.sum(), rel=1e-12)
    assert not deposit.energy_j.flags.writeable


def test_a_cancelled_task_stops_at_once_and_between_the_parts() -> None:
    grid = lattice((60, 60, 60))
    energy = np.ones(grid.shape)
    heard: list[float] = []

    def stop(fraction: float, text: str) -> None:
        heard.append(fraction)
        if fraction > 0.5:
            task.cancel()

    task = Task(stop)
    with pytest.raises(Cancelled):
        spread_deposit(energy, grid, kernel_for(grid), task)
    assert 0.5 < heard[-1] < 1.0
    with pytest.raises(Cancelled):
        spread_deposit(energy, grid, kernel_for(grid), task)


def test_progress_ends_at_one() -> None:
    grid = lattice((8, 8, 8))
    heard: list[float] = []
    spread_deposit(np.ones(grid.shape), grid, kernel_for(grid), Task(lambda f, text: heard.append(f)))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


@pytest.mark.parametrize("bad", [-1e-9, np.nan, np.inf])
def test_sources_are_finite_and_not_negative(bad: float) -> None:
    grid = lattice((4, 4, 4))
    energy = np.ones(grid.shape)
    energy[1, 2, 3] = bad
    with pytest.raises(InvalidValue) as error:
        spread_deposit(energy, grid, kernel_for(grid))
    assert error.value.thing
    assert error.value.todo
    with pytest.raises(InvalidValue):
        local_deposit(energy)


def test_map_and_kernel_are_of_the_grid() -> None:
    grid = lattice((4, 4, 4))
    with pytest.raises(InvalidValue, match="shape"):
        spread_deposit(np.ones((4, 4, 5)), grid, kernel_for(grid))
    with pytest.raises(InvalidValue, match="another size"):
        spread_deposit(np.ones((4, 4, 4)), grid, y90_voxel_kernel((2.0, 2.0, 2.1), 1.0))


def test_dose_is_energy_over_mass() -> None:
    grid = lattice((3, 4, 5), (1.0, 2.0, 3.0))  # 6 mm³
    energy = np.random.default_rng(5).random(grid.shape)
    assert dose_gy(energy, grid, 1.05) == pytest.approx(energy / 6.3e-6, rel=1e-6)
    density = np.random.default_rng(6).uniform(0.3, 1.1, grid.shape)
    found = dose_gy(energy, grid, density)
    assert found == pytest.approx(energy / (density * 6e-6), rel=1e-6)
    assert (found.astype(float) * density * 6e-6).sum() == pytest.approx(energy.sum(), rel=1e-6)


def test_a_voxel_without_mass_holds_no_energy() -> None:
    grid = lattice((2, 2, 2))
    energy, density = np.zeros(grid.shape), np.ones(grid.shape)
    energy[0, 0, 0], density[1, 1, 1] = 1.0, 0.0
    assert dose_gy(energy, grid, density)[1, 1, 1] == 0.0
    for bad in (0.0, -1.0, np.nan):
        density[0, 0, 0] = bad
        with pytest.raises(InvalidValue, match="mass"):
            dose_gy(energy, grid, density)
        with pytest.raises(InvalidValue, match="mass"):
            dose_gy(energy, grid, bad)
    with pytest.raises(InvalidValue, match="shape"):
        dose_gy(energy, grid, np.ones((2, 2, 3)))
    with pytest.raises(InvalidValue, match="shape"):
        dose_gy(np.ones((1, 2, 2)), grid, 1.0)
