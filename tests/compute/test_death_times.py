"""When tissue died, as the heat solver notes it."""

from __future__ import annotations

import numpy as np
import pytest

from planner.compute.bioheat import BioheatProblem, Tissue, solve_bioheat
from planner.compute.cell_death import CEM43, Arrhenius, DeathModel
from planner.model.geometry import Grid


@pytest.mark.parametrize("model", [Arrhenius(), CEM43()])
@pytest.mark.parametrize("celsius", [50.0, 54.0])
def test_the_time_of_death_is_the_closed_form(model: DeathModel, celsius: float) -> None:
    """At a constant temperature each voxel dies at the model's own time, within a step."""
    grid = Grid((3, 4, 5), (1.0, 2.0, 1.5), (0.0, 0.0, 0.0))
    problem = BioheatProblem(Tissue(grid), death=model, initial_c=celsius, boundary="insulated")
    result = solve_bioheat(problem, 300.0)
    exact = model.seconds_to_death(celsius)
    assert np.abs(result.dead_at_s - exact).max() <= 1.01 * result.step_s
    assert result.dead_at_s.min() >= exact - 1e-3
    assert not result.dead_at_s.flags.writeable


def test_the_time_is_that_of_the_first_death_and_infinite_for_the_living() -> None:
    """Tissue that goes on heating after its death keeps its time; the cold side lives."""
    grid = Grid((1, 1, 40), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    start = np.where(np.arange(40) < 10, 60.0, 37.0)[None, None, :]
    problem = BioheatProblem(Tissue(grid), death=Arrhenius(), initial_c=start, boundary="insulated")
    short, long = solve_bioheat(problem, 30.0), solve_bioheat(problem, 120.0)
    assert np.array_equal(np.isfinite(long.dead_at_s), long.dead)
    assert not long.dead.all()
    early = short.dead_at_s < 29.0
    assert early.any()
    gap = np.abs(short.dead_at_s[early] - long.dead_at_s[early])
    assert gap.max() <= 2 * long.step_s  # the two runs take steps of their own
