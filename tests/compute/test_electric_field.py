"""The electric solver: balance, symmetry, power, conductivity laws, determinism, cancel, guards."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue, PlannerError
from planner.base.task import Task
from planner.compute.conductivity import Conductor, FieldRamp, FieldSigmoid
from planner.compute.electric_field import (
    ElectricProblem,
    ElectricResult,
    VoxelElectrode,
    solve_electric_field,
)
from planner.compute.multigrid import INNER, Multigrid, Network
from planner.compute.thin_electrode import ThinElectrode
from planner.model.geometry import Grid

SHAPE = (22, 27, 30)
RAMP = FieldRamp(0.08, 0.32, 350, 700)


def lattice(shape=SHAPE, spacing=(1.0, 1.1, 1.3), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)) -> Grid:
    return Grid(shape, spacing, (-3, 5, 7), direction)


def mixed(grid: Grid) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.choice([0.05, 0.2, 0.7], grid.shape) * rng.uniform(0.9, 1.1, grid.shape)


def block(shape, at, size=2) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, a + size) for a in at)] = True
    return mask


def needle(grid: Grid, name: str, volts: float, start, end, radius=0.5, **rest) -> ThinElectrode:
    """A needle by places i, j, k in shares of the lattice."""
    size = np.array(grid.shape[::-1]) - 1
    ends = grid.to_lps(np.array([start, end]) * size)
    return ThinElectrode(name, tuple(ends[0]), tuple(ends[1]), radius, volts, **rest)


def pair(grid: Grid, volts: float = 1000.0) -> list[ThinElectrode]:
    return [
        needle(grid, "plus", volts / 2, (0.3, 0.3, 0.25), (0.4, 0.45, 0.75)),
        needle(grid, "minus", -volts / 2, (0.7, 0.6, 0.25), (0.65, 0.6, 0.75)),
    ]


def blocks(grid: Grid, volts: float = 100.0) -> list[VoxelElectrode]:
    return [
        VoxelElectrode("a", block(grid.shape, (5, 5, 5)), volts),
        VoxelElectrode("b", block(grid.shape, (14, 18, 20)), -volts),
        VoxelElectrode("c", block(grid.shape, (14, 5, 20)), 0.0),
    ]


def solve(grid, electrodes, conductivity=0.2, sides="insulated", **rest) -> ElectricResult:
    conductor = {k: rest.pop(k) for k in ("tissue_class", "factor") if k in rest}
    problem = ElectricProblem(Conductor(grid, conductivity, **conductor), electrodes, sides)
    return solve_electric_field(problem, **rest)


def volt_amperes(result: ElectricResult, electrodes) -> float:
    return sum(result.current_a[e.name] * float(e.potential_v) for e in electrodes)


ARRAYS = ("potential_v", "e_v_per_cm", "conductivity_s_per_m", "joule_w_per_m3")


def same_bits(first: ElectricResult, second: ElectricResult) -> bool:
    return all(np.array_equal(getattr(first, n), getattr(second, n)) for n in ARRAYS) and (
        dict(first.current_a) == dict(second.current_a)
    )


# What holds for every solution


@pytest.mark.parametrize("law", [0.2, RAMP])
def test_same_input_gives_the_same_bits(law) -> None:
    grid = lattice()
    electrodes = [*pair(grid), VoxelElectrode("block", block(grid.shape, (2, 2, 2)), 0.0)]
    assert same_bits(solve(grid, electrodes, law), solve(grid, electrodes, law))


@pytest.mark.parametrize("electrodes", [pair, blocks])
def test_currents_of_insulated_tissue_sum_to_zero(electrodes) -> None:
    grid = lattice()
    result = solve(grid, electrodes(grid), mixed(grid), tolerance=1e-6)
    total = sum(abs(i) for i in result.current_a.values())
    assert abs(sum(result.current_a.values())) <= 1e-4 * total
    assert result.ground_a == 0
    assert result.residual <= 1e-6


@pytest.mark.parametrize("electrodes", [pair, blocks])
def test_what_electrodes_give_goes_into_the_ground(electrodes) -> None:
    grid = lattice()
    sides = (("insulated", "grounded"), ("grounded", "insulated"), ("insulated", "insulated"))
    result = solve(grid, electrodes(grid)[:1], mixed(grid), sides, tolerance=1e-6)
    given = sum(result.current_a.values())
    assert given > 0
    assert result.ground_a == pytest.approx(-given, rel=1e-4)


@pytest.mark.parametrize("law", [0.2, RAMP])
@pytest.mark.parametrize("electrodes", [pair, blocks])
def test_power_is_volts_times_amperes_and_the_sum_of_joule(electrodes, law) -> None:
    grid = lattice()
    result = solve(grid, electrodes(grid), law, tolerance=1e-7)
    assert result.power_w == pytest.approx(volt_amperes(result, electrodes(grid)), rel=1e-4)
    volume = np.prod(grid.spacing_mm) * 1e-9
    assert result.joule_w_per_m3.sum(dtype=float) * volume == pytest.approx(result.power_w, rel=1e-6)


def test_joule_is_sigma_e_squared_away_from_electrodes() -> None:
    grid = lattice((40, 40, 40), (1.0, 1.0, 1.0))
    electrodes = pair(grid)
    result = solve(grid, electrodes)
    points = grid.to_lps(np.stack(np.indices(grid.shape)[::-1], axis=-1))
    near = np.full(grid.shape, inf)
    for electrode in electrodes:
        start, end = electrode.exposed_ends_lps_mm
        t = np.clip((points - start) @ (end - start) / ((end - start) ** 2).sum(), 0, 1)
        near = np.minimum(near, np.linalg.norm(points - start - t[..., None] * (end - start), axis=-1))
    away = (near > 5) & (near < 15)
    density = result.conductivity_s_per_m * (100.0 * result.e_v_per_cm) ** 2
    assert result.joule_w_per_m3[away].sum() == pytest.approx(density[away].sum(), rel=0.01)


def test_twice_the_volts_twice_the_field() -> None:
    grid = lattice()
    one, two = (solve(grid, pair(grid, v), mixed(grid), tolerance=1e-7) for v in (1000.0, 2000.0))
    assert two.e_v_per_cm == pytest.approx(2 * one.e_v_per_cm, rel=1e-3, abs=1e-3)
    assert two.current_a["plus"] == pytest.approx(2 * one.current_a["plus"], rel=1e-6)
    assert two.power_w == pytest.approx(4 * one.power_w, rel=1e-6)


def test_a_common_potential_changes_nothing_but_the_potential() -> None:
    grid = lattice()
    electrodes = pair(grid)
    raised = [needle(grid, "plus", 3500.0, (0.3, 0.3, 0.25), (0.4, 0.45, 0.75)),
              needle(grid, "minus", 2500.0, (0.7, 0.6, 0.25), (0.65, 0.6, 0.75))]  # fmt: skip
    one, other = solve(grid, electrodes), solve(grid, raised)
    assert np.array_equal(one.e_v_per_cm, other.e_v_per_cm)
    assert other.potential_v == pytest.approx(one.potential_v + 3000, abs=1e-3)


def test_electrodes_at_one_potential_make_no_field() -> None:
    grid = lattice()
    electrodes = [needle(grid, "needle", 7.0, (0.2, 0.2, 0.2), (0.4, 0.4, 0.6)),
                  VoxelElectrode("block", block(grid.shape, (15, 15, 15)), 7.0)]  # fmt: skip
    result = solve(grid, electrodes)
    assert np.all(result.potential_v == 7)
    assert np.all(result.e_v_per_cm == 0)
    assert result.iterations == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirrored_input_gives_mirrored_output(axis: int) -> None:
    """Of a lattice whose axis runs the other way: the same patient, the same electrodes."""
    grid = lattice()
    column = 2 - axis
    direction = np.eye(3)
    direction[column, column] = -1
    origin = np.array(grid.origin_lps_mm)
    origin[column] += (grid.shape[axis] - 1) * grid.spacing_mm[column]
    turned = Grid(grid.shape, grid.spacing_mm, tuple(origin), tuple(direction.ravel()))
    sigma = mixed(grid)
    mask = block(grid.shape, (2, 20, 3))
    one = solve(grid, [*pair(grid), VoxelElectrode("v", mask, 3.0)], sigma, tolerance=1e-8)
    other = solve(
        turned,
        [*pair(grid), VoxelElectrode("v", np.flip(mask, axis), 3.0)],
        np.flip(sigma, axis),
        tolerance=1e-8,
    )
    for name in ARRAYS:
        expected = np.flip(getattr(one, name), axis)
        assert getattr(other, name) == pytest.approx(
            expected, rel=1e-3, abs=1e-5 * float(np.abs(expected).max())
        )
    for name, current in one.current_a.items():
        assert other.current_a[name] == pytest.approx(current, rel=1e-5)


def test_flat_layers_in_series_are_exact() -> None:
    """A voltage across layers: the harmonic mean, and the same current in each."""
    grid = Grid((6, 5, 12), (0.5, 2.0, 1.0), (0, 0, 0))
    sigma = np.broadcast_to(np.repeat([0.1, 0.4, 0.2], 4), grid.shape)
    low, high = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    low[..., 0], high[..., -1] = True, True
    result = solve(grid, [VoxelElectrode("low", low, 0.0), VoxelElectrode("high", high, 11.0)], sigma)
    # From centre to centre of the outer voxels.
    resistance = 0.5e-3 * (3.5 / 0.1 + 4 / 0.4 + 3.5 / 0.2) / (10e-3 * 6e-3)
    assert result.current_a["high"] == pytest.approx(11 / resistance, rel=1e-5)
    density = result.current_a["high"] / (10e-3 * 6e-3)
    inside = (slice(None), slice(None), slice(1, -1))
    assert result.e_v_per_cm[inside] == pytest.approx(density / sigma[inside] / 100, rel=1e-4)


def test_the_field_is_zero_in_a_voxel_electrode_and_its_potential_is_kept() -> None:
    grid = lattice()
    electrodes = blocks(grid)
    result = solve(grid, electrodes)
    for electrode in electrodes:
        assert np.all(result.e_v_per_cm[electrode.mask] == 0)
        assert np.all(result.joule_w_per_m3[electrode.mask] == 0)
        assert result.potential_v[electrode.mask] == pytest.approx(float(electrode.potential_v), abs=1e-4)


def test_of_voxels_in_two_electrodes_the_later_wins() -> None:
    grid = lattice()
    first = VoxelElectrode("first", block(grid.shape, (5, 5, 5), 4), 1.0)
    later = VoxelElectrode("later", block(grid.shape, (5, 5, 5)), 2.0)
    result = solve(grid, [first, later])
    assert np.all(result.potential_v[later.mask] == 2)


def test_the_exposed_part_alone_gives_current() -> None:
    grid = lattice((40, 40, 40), (1.0, 1.0, 1.0))
    ends = (0.3, 0.5, 0.1), (0.3, 0.5, 0.9)
    other = needle(grid, "other", 0.0, (0.7, 0.5, 0.3), (0.7, 0.5, 0.7))
    long = needle(grid, "long", 100.0, *ends)
    part = needle(grid, "part", 100.0, *ends, exposed_mm=(8.0, 18.0))
    short = needle(grid, "short", 100.0, (0.3, 0.5, 0.1 + 8 / 39), (0.3, 0.5, 0.1 + 18 / 39))
    of = {e.name: solve(grid, [e, other]).current_a[e.name] for e in (long, part, short)}
    assert of["part"] == pytest.approx(of["short"], rel=1e-5)
    assert of["part"] < of["long"]


def test_line_currents_sum_to_the_current() -> None:
    grid = lattice()
    electrodes = pair(grid)
    result = solve(grid, electrodes)
    for electrode in electrodes:
        start, end = electrode.exposed_ends_lps_mm
        line = result.line_a_per_m[electrode.name]
        mean = float(line.mean()) * np.linalg.norm(end - start) * 1e-3
        assert mean == pytest.approx(result.current_a[electrode.name], rel=1e-9)


def test_a_needle_gives_the_same_current_on_any_lattice() -> None:
    """20 mm of needles of 0.5 mm in 15 mm distance, at an angle."""
    along = np.array([0.1, 0.6, 0.8]) / np.linalg.norm([0.1, 0.6, 0.8])
    across = np.array([7.5, 0, 0])
    electrodes = [
        ThinElectrode(n, tuple(s * across - 10 * along), tuple(s * across + 10 * along), 0.5, s * 750.0)
        for n, s in (("plus", 1), ("minus", -1))
    ]
    found = []
    for spacing in ((1.5, 1.5, 1.5), (1.0, 1.0, 1.0), (0.75, 0.75, 1.0), (0.6, 0.6, 0.6)):
        counts = [round(48 / s) for s in spacing]
        first = [-(n - 1) / 2 * s for n, s in zip(counts, spacing, strict=True)]
        grid = Grid(tuple(counts[::-1]), spacing, tuple(first))
        found.append(solve(grid, electrodes, sides="grounded").current_a["plus"])
    print(f"currents {np.round(found, 4)} A")
    assert found == pytest.approx([found[-1]] * len(found), rel=0.01)


# Conductivity


def test_classes_of_tissue_follow_their_own_laws() -> None:
    grid = lattice()
    classes = np.zeros(grid.shape, dtype=int)
    classes[:, 14:] = 1
    law = FieldRamp([0.08, 0.7], [0.32, 1.5], [350, 100], [700, 450])
    result = solve(grid, pair(grid, 1500.0), law, tissue_class=classes)
    for n, row in enumerate(((0.08, 0.32, 350, 700), (0.7, 1.5, 100, 450))):
        share = np.clip((result.e_v_per_cm - row[2]) / (row[3] - row[2]), 0, 1)
        wanted = row[0] + (row[1] - row[0]) * share
        here = classes == n
        assert result.conductivity_s_per_m[here] == pytest.approx(wanted[here], rel=0.006)
    assert 1 < result.picard_steps < 30
    assert result.mismatch <= 0.005


def test_a_sigmoid_is_met_and_a_factor_multiplies_it() -> None:
    grid = lattice()
    factor = np.linspace(1.0, 1.3, SHAPE[-1]) * np.ones(grid.shape)
    result = solve(grid, pair(grid, 1500.0), FieldSigmoid(0.12, 0.30, 580, 60), factor=factor)
    wanted = factor * (0.12 + 0.18 / (1 + np.exp(-(result.e_v_per_cm - 580) / 60)))
    assert result.conductivity_s_per_m == pytest.approx(wanted, rel=0.006)


def test_a_law_steeper_than_half_steps_can_settle() -> None:
    grid = lattice()
    steep = FieldSigmoid(0.02, 0.5, 600, 25)
    result = solve(grid, pair(grid, 1500.0), steep, picard_limit=100)
    assert result.mismatch <= 0.005


def test_a_level_law_equals_a_constant() -> None:
    grid = lattice()
    level = solve(grid, pair(grid), FieldRamp(0.2, 0.2, 100, 200), tolerance=1e-6)
    constant = solve(grid, pair(grid), 0.2, tolerance=1e-6)
    assert level.picard_steps == 1
    assert level.e_v_per_cm == pytest.approx(constant.e_v_per_cm, rel=1e-4, abs=0.01)


def test_hotter_tissue_takes_more_current() -> None:
    grid = lattice()
    cold, hot = (solve(grid, pair(grid), factor=f, tolerance=1e-6).current_a["plus"] for f in (1.0, 1.3))
    assert hot == pytest.approx(1.3 * cold, rel=1e-4)


# The linear solver


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 5.0), (3.0, 1.0, 1.0)])
def test_a_cycle_is_symmetric_and_few_do(spacing) -> None:
    shape = (13, 18, 21)
    rng = np.random.default_rng(2)
    rimmed = tuple(n + 2 for n in shape)
    faces = []
    for axis, s in zip((2, 1, 0), spacing, strict=True):
        face = np.zeros(rimmed, dtype=np.float32)
        inner = np.moveaxis(face[INNER], axis, 0)
        inner[:-1] = rng.uniform(0.1, 1, inner[:-1].shape) * np.prod(spacing) / s**2
        faces.append(face)
    leak = np.zeros(rimmed, dtype=np.float32)
    leak[INNER][4, 5, 6:9] = 1
    grids = Multigrid(Network(*faces, leak), spacing)
    a, b, za, zb = (np.zeros(rimmed, dtype=np.float32) for _ in range(4))
    a[INNER], b[INNER] = rng.standard_normal((2, *shape))
    grids.cycle(a.reshape(-1), za.reshape(-1))
    grids.cycle(b.reshape(-1), zb.reshape(-1))
    first, other = float((a.astype(float) * zb).sum()), float((b.astype(float) * za).sum())
    size = float(np.linalg.norm(a) * np.linalg.norm(zb))
    assert first == pytest.approx(other, rel=1e-5, abs=1e-6 * size)
    assert float((a.astype(float) * za).sum()) > 0
    potential, found = grids.solve(a.astype(float), np.zeros(rimmed), tolerance=1e-10, limit=60)
    print(f"{spacing}: {found.iterations} iterations to {found.residual:.1e}")
    assert found.residual <= 1e-10
    assert found.iterations <= 40
    again, none = grids.solve(a.astype(float), potential, tolerance=1e-9, limit=60)
    assert none.iterations == 0
    assert np.array_equal(again, potential)


# Cancel and limits


def test_cancel_stops_it_and_progress_rises() -> None:
    grid = lattice()
    told: list[float] = []
    task = Task(lambda fraction, text: told.append(fraction))
    problem = ElectricProblem(Conductor(grid, RAMP), pair(grid, 1500.0))
    solve_electric_field(problem, task=task)
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] == 1
    stopping = Task(lambda fraction, text: stopping.cancel())
    with pytest.raises(Cancelled):
        solve_electric_field(problem, task=stopping)


def test_too_few_iterations_are_an_error_in_three_parts() -> None:
    grid = lattice()
    for law, limits in ((0.2, {"limit": 2}), (RAMP, {"picard_limit": 2})):
        with pytest.raises(PlannerError) as caught:
            solve(grid, pair(grid, 1500.0), law, **limits)
        assert caught.value.what
        assert caught.value.thing
        assert caught.value.todo


@pytest.mark.parametrize("limits", [{"tolerance": 0.0}, {"tolerance": nan}, {"limit": 0}])
def test_limits_that_cannot_be_met_are_refused(limits) -> None:
    grid = lattice()
    with pytest.raises(InvalidValue):
        solve(grid, pair(grid), **limits)


def test_electrodes_in_one_place_are_refused() -> None:
    grid = lattice()
    ends = (0.3, 0.3, 0.25), (0.4, 0.45, 0.75)
    with pytest.raises(PlannerError, match="told apart"):
        solve(grid, [needle(grid, "one", 0.0, *ends), needle(grid, "same", 1.0, *ends)])


# Guards

GRID = lattice((6, 7, 8))
ONE = block(GRID.shape, (1, 1, 1))


def refused(make) -> None:
    with pytest.raises(InvalidValue) as caught:
        make()
    assert caught.value.what
    assert caught.value.todo


@pytest.mark.parametrize(
    ("mask", "volts", "factor"),
    [
        (np.zeros((6, 7, 8), bool), 1.0, 1.0),
        (ONE[0], 1.0, 1.0),
        (ONE, np.ones(3), 1.0),
        (ONE, nan, 1.0),
        (ONE, np.full(ONE.shape, inf), 1.0),
        (ONE, 1.0, 0.0),
        (ONE, 1.0, nan),
    ],
)
def test_voxel_electrodes_that_cannot_be_are_refused(mask, volts, factor) -> None:
    refused(lambda: VoxelElectrode("e", mask, volts, factor))


@pytest.mark.parametrize(
    "change",
    [
        {"end_lps_mm": (0, 0, 0)},
        {"start_lps_mm": (0, nan, 0)},
        {"end_lps_mm": (0, 0)},
        {"radius_mm": 0.0},
        {"radius_mm": nan},
        {"potential_v": inf},
        {"exposed_mm": (5.0, 5.0)},
        {"exposed_mm": (-1.0, 5.0)},
        {"exposed_mm": (0.0, 11.0)},
        {"exposed_mm": (nan, 5.0)},
    ],
)
def test_thin_electrodes_that_cannot_be_are_refused(change) -> None:
    good = {
        "name": "e", "start_lps_mm": (0, 0, 0), "end_lps_mm": (0, 0, 10), "radius_mm": 0.5, "potential_v": 1.0
    }  # fmt: skip
    ThinElectrode(**good)
    refused(lambda: ThinElectrode(**{**good, **change}))


@pytest.mark.parametrize(
    "make",
    [
        lambda: FieldRamp(0.0, 0.3, 350, 700),
        lambda: FieldRamp(0.1, 0.3, 700, 350),
        lambda: FieldRamp(0.1, nan, 350, 700),
        lambda: FieldRamp([0.1, 0.2, 0.3], [0.3, 0.4], 350, 700),
        lambda: FieldRamp(np.full((2, 2), 0.1), 0.3, 350, 700),
        lambda: FieldSigmoid(0.1, 0.3, 580, 0.0),
        lambda: FieldSigmoid(0.1, -0.3, 580, 60.0),
        lambda: FieldSigmoid(0.1, 0.3, inf, 60.0),
    ],
)
def test_laws_that_cannot_be_are_refused(make) -> None:
    refused(make)


@pytest.mark.parametrize(
    "rest",
    [
        {"conductivity": 0.0},
        {"conductivity": nan},
        {"conductivity": np.ones((2, 2, 2))},
        {"conductivity": np.where(ONE, nan, 0.2)},
        {"conductivity": 0.2, "factor": 0.0},
        {"conductivity": 0.2, "factor": np.where(ONE, inf, 1)},
        {"conductivity": 0.2, "factor": np.ones((6, 7))},
        {"conductivity": RAMP, "tissue_class": np.ones(GRID.shape, int)},
        {"conductivity": RAMP, "tissue_class": np.zeros((6, 7), int)},
        {"conductivity": RAMP, "tissue_class": np.full(GRID.shape, -1)},
        {"conductivity": RAMP, "tissue_class": np.full(GRID.shape, nan)},
    ],
)
def test_conductors_that_cannot_be_are_refused(rest) -> None:
    refused(lambda: Conductor(GRID, **rest))


@pytest.mark.parametrize(
    ("electrodes", "sides"),
    [
        ([], "grounded"),
        ([VoxelElectrode("e", ONE, 1.0), VoxelElectrode("e", ONE, 2.0)], "insulated"),
        ([VoxelElectrode("e", np.ones((2, 2, 2), bool), 1.0)], "insulated"),
        ([VoxelElectrode("e", ONE, 1.0)], "fixed"),
        ([VoxelElectrode("e", ONE, 1.0)], (("grounded", "insulated"),)),
        ([ThinElectrode("e", (0, 8, 9), (0, 8, 60), 0.5, 1.0)], "insulated"),
    ],
)
def test_problems_that_cannot_be_are_refused(electrodes, sides) -> None:
    refused(lambda: ElectricProblem(Conductor(GRID, 0.2), electrodes, sides))


def test_results_and_descriptions_cannot_be_written_to() -> None:
    grid = lattice()
    result = solve(grid, pair(grid))
    arrays = [getattr(result, name) for name in ARRAYS]
    arrays += [*result.line_a_per_m.values(), RAMP.sigma0_s_per_m, VoxelElectrode("e", ONE, 1.0).mask]
    assert not any(array.flags.writeable for array in arrays)
    with pytest.raises(TypeError):
        result.current_a["plus"] = 0.0
