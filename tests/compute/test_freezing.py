"""The freezing solver: conservation, the active box, cycles, perfusion, guards."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.freezing import FreezingProblem, FreezingTissue, solve_freezing
from planner.compute.heat_lattice import FixedVoxels
from planner.model.geometry import Grid

SHAPE = (26, 28, 30)


def lattice(shape=SHAPE) -> Grid:
    return Grid(shape, (1.0, 1.2, 1.5), (0, 0, 0))


def needle(shape=SHAPE) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[8:18, 13:15, 14:16] = True
    return mask


def problem(phases=((-140.0, 120.0),), perfusion: float = 2e4, **rest) -> FreezingProblem:
    grid = lattice()
    return FreezingProblem(FreezingTissue(grid, perfusion_w_per_m3_k=perfusion), needle(), phases, **rest)


def test_same_input_gives_the_same_bits() -> None:
    first, second = solve_freezing(problem()), solve_freezing(problem())
    assert np.array_equal(first.temperature_c, second.temperature_c)
    assert np.array_equal(first.coldest_c, second.coldest_c)


def test_active_box_equals_the_whole() -> None:
    grid = Grid((56, 56, 56), (1.0, 1.0, 1.2), (0, 0, 0))
    mask = np.zeros(grid.shape, dtype=bool)
    mask[24:30, 26, 28] = True
    cold = FreezingProblem(FreezingTissue(grid, perfusion_w_per_m3_k=2e4), mask, [(-120.0, 40.0)])
    boxed, whole = solve_freezing(cold), solve_freezing(cold, whole_lattice=True)
    # Four bytes hold 37 °C to 4e-6.
    assert np.abs(boxed.temperature_c - whole.temperature_c).max() <= 8e-6
    assert np.array_equal(boxed.ice, whole.ice)
    assert boxed.ice.sum() > 10


@pytest.mark.parametrize("taken_w", [4.0, 8.0])
def test_insulated_box_keeps_its_heat_content(taken_w: float) -> None:
    """Heat taken equals sensible and latent heat, through freezing and beyond it."""
    grid = Grid((6, 7, 8), (1.0, 1.2, 1.5), (0, 0, 0))
    tissue = FreezingTissue(grid)
    volume_m3 = 6 * 7 * 8 * 1.8e-9
    source = np.zeros(grid.shape)
    source[1:3, 1:5, 2:6] = -taken_w / (2 * 4 * 4 * 1.8e-9)
    nothing = np.zeros(grid.shape, dtype=bool)
    cold = FreezingProblem(tissue, nothing, [(None, 10.0)], source_w_per_m3=source, boundary="insulated")
    celsius = solve_freezing(cold).temperature_c.astype(float)
    corners = tissue.curve()
    content = np.interp(celsius, corners[:, 0], corners[:, 1])
    assert celsius.min() > corners[0, 0]
    assert celsius.min() < (30 if taken_w < 5 else -8)
    assert content.mean() * volume_m3 == pytest.approx(-10 * taken_w, rel=2e-3)


def test_ice_grows_and_passive_thaw_melts_it() -> None:
    frozen = solve_freezing(problem([(-140.0, 120.0)]))
    longer = solve_freezing(problem([(-140.0, 240.0)]))
    thawed = solve_freezing(problem([(-140.0, 120.0), (None, 600.0)]))
    assert longer.ice.sum() > frozen.ice.sum() > needle().sum()
    assert not longer.ice[0].any()
    assert not thawed.ice.any()
    assert np.array_equal(thawed.coldest_c <= -20, thawed.colder_than(-20.0))
    # Cold still travels outwards for a while, so what was lethal stays so.
    assert np.all(thawed.coldest_c <= frozen.coldest_c)
    assert np.all(frozen.coldest_c <= frozen.temperature_c)


def test_second_freeze_goes_further() -> None:
    once = solve_freezing(problem([(-140.0, 100.0)]))
    twice = solve_freezing(problem([(-140.0, 100.0), (None, 30.0), (-140.0, 100.0)]))
    assert twice.colder_than(-40.0).sum() > once.colder_than(-40.0).sum()
    assert np.all(twice.coldest_c <= once.coldest_c)
    assert not np.any(twice.colder_than(-40.0) & ~twice.colder_than(-20.0))


def test_warm_probe_thaws_actively() -> None:
    passive = solve_freezing(problem([(-140.0, 100.0), (None, 60.0)]))
    active = solve_freezing(problem([(-140.0, 100.0), (40.0, 60.0)]))
    assert active.ice.sum() < passive.ice.sum()
    assert np.all(active.temperature_c[needle()] == pytest.approx(40.0, abs=1e-4))


def test_perfusion_and_vessels_keep_ice_small() -> None:
    vessel = np.zeros(SHAPE, dtype=bool)
    vessel[:, 18:21, 18:21] = True
    bare = solve_freezing(problem(((-140.0, 240.0),), perfusion=0.0))
    perfused = solve_freezing(problem(((-140.0, 240.0),), perfusion=6e4))
    beside = solve_freezing(
        problem(((-140.0, 240.0),), perfusion=0.0, fixed=[FixedVoxels(vessel, 37.0, 1000.0)])
    )
    assert perfused.ice.sum() < bare.ice.sum()
    assert beside.ice.sum() < bare.ice.sum()
    assert not beside.ice[vessel].any()


def test_frames_come_at_their_times_over_all_phases() -> None:
    seen: list[float] = []
    phases = [(-140.0, 50.0), (None, 25.0), (-140.0, 25.0)]
    solve_freezing(
        problem(phases), frames_s=(0, 30, 50, 60, 100), on_frame=lambda time_s, celsius: seen.append(time_s)
    )
    assert seen == [0, 30, 50, 60, 100]
    kept = solve_freezing(problem(phases), frames_s=(50, 100))
    assert [time_s for time_s, _ in kept.frames] == [50, 100]
    assert np.array_equal(kept.frames[-1][1], kept.temperature_c)
    assert kept.frames[0][1][needle()].max() == pytest.approx(-140, abs=1e-3)
    assert not kept.temperature_c.flags.writeable


def test_cancel_stops() -> None:
    task = Task(lambda fraction, text: task.cancel() if fraction > 0.2 else None)
    with pytest.raises(Cancelled):
        solve_freezing(problem(), task=task)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FreezingTissue(lattice(), conductivity_w_per_m_k=0.0),
        lambda: FreezingTissue(lattice(), frozen_heat_capacity_j_per_m3_k=nan),
        lambda: FreezingTissue(lattice(), latent_j_per_m3=-1.0),
        lambda: FreezingTissue(lattice(), freezing_from_c=1.0),
        lambda: FreezingTissue(lattice(), freezing_from_c=-9.0),
        lambda: FreezingTissue(lattice(), freezing_to_c=nan),
        lambda: FreezingTissue(lattice(), perfusion_w_per_m3_k=-1.0),
        lambda: FreezingTissue(lattice(), perfusion_w_per_m3_k=np.full(SHAPE, inf)),
        lambda: problem(phases=()),
        lambda: problem(phases=[(nan, 10.0)]),
        lambda: problem(phases=[(-140.0, 0.0)]),
        lambda: problem(body_c=nan),
        lambda: problem(body_c=-1.0),
        lambda: problem(source_w_per_m3=nan),
        lambda: problem(probe_face_factor=0.0),
        lambda: problem(boundary="open"),
        lambda: FreezingProblem(FreezingTissue(lattice()), np.zeros((2, 2, 2), bool), [(-140.0, 1.0)]),
        lambda: solve_freezing(problem(), frames_s=(1e6,)),
    ],
)
def test_impossible_input_is_refused(make) -> None:
    with pytest.raises(InvalidValue) as error:
        make()
    assert all((error.value.what, error.value.thing, error.value.todo))
