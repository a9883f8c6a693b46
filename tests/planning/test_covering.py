"""Set cover against exhaustive search, and its bound."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.planning.covering import greedy_cover, hardest_points, least_cover


def cheapest(table: np.ndarray, cost: np.ndarray, forbidden: tuple[tuple[int, int], ...] = ()) -> float:
    """Least cost of all covers, by trying each."""
    best = np.inf
    whole = table.any(axis=0)
    for size in range(1, len(table) + 1):
        for choice in itertools.combinations(range(len(table)), size):
            if any(a in choice and b in choice for a, b in forbidden):
                continue
            if np.array_equal(table[list(choice)].any(axis=0), whole):
                best = min(best, float(cost[list(choice)].sum()))
    return float(best)


@pytest.mark.parametrize("seed", range(12))
def test_the_cover_is_the_cheapest_and_never_worse_than_greedy(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = random.random((9, 30)) < 0.35
    cost = random.uniform(0.5, 2.0, 9)
    found = least_cover(table, cost)
    assert found.cost == pytest.approx(cheapest(table, cost))
    assert np.array_equal(table[list(found.chosen)].any(axis=0), table.any(axis=0))
    assert found.cost <= float(cost[list(greedy_cover(table, cost))].sum()) + 1e-9
    assert found.is_optimal
    assert found.gap_percent == pytest.approx(0.0, abs=1e-4)
    assert found.bound <= found.cost


def test_greedy_can_be_beaten() -> None:
    # Two rows of points: greedy takes the wide middle first and then needs both rows all the same.
    table = np.zeros((3, 14), dtype=bool)
    table[0, :7] = table[1, 7:] = True
    table[2, 2:12] = True
    found = least_cover(table, np.ones(3))
    assert found.chosen == (0, 1)


def test_points_nothing_reaches_are_named() -> None:
    table = np.array([[True, False, False], [False, True, False]])
    found = least_cover(table, np.ones(2))
    assert (found.chosen, found.uncovered) == ((0, 1), (2,))


@pytest.mark.parametrize("seed", range(4))
def test_pairs_that_exclude_each_other_are_never_both_taken(seed: int) -> None:
    random = np.random.default_rng(100 + seed)
    table = random.random((8, 20)) < 0.5
    cost = random.uniform(0.5, 2.0, 8)
    forbidden = ((0, 1), (2, 3), (1, 4))
    expected = cheapest(table, cost, forbidden)
    if not np.isfinite(expected):
        with pytest.raises(InvalidValue, match="No choice"):
            least_cover(table, cost, forbidden=forbidden)
        return
    found = least_cover(table, cost, forbidden=forbidden)
    assert found.cost == pytest.approx(expected)


def test_the_same_input_gives_the_same_choice() -> None:
    random = np.random.default_rng(5)
    table, cost = random.random((40, 200)) < 0.2, random.uniform(0.9, 1.1, 40)
    one, two = (least_cover(table, cost, node_limit=limit) for limit in (20, 20))
    assert one == two
    assert one.bound <= one.cost


@pytest.mark.parametrize(
    ("table", "cost"),
    [
        (np.zeros((0, 3)), []),
        (np.ones((2, 3)), [1.0]),
        (np.ones((2, 3)), [1.0, 0.0]),
        (np.ones((1, 2)), [np.nan]),
    ],
)
def test_wrong_input_is_refused(table: np.ndarray, cost: list[float]) -> None:
    with pytest.raises(InvalidValue):
        least_cover(table, cost)


@pytest.mark.parametrize("seed", range(5))
def test_points_that_follow_from_others_are_left_out(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = random.random((7, 60)) < 0.5
    table = table[:, table.any(axis=0)]
    rows = hardest_points(table)
    assert 0 < len(rows) < table.shape[1]
    for size in range(1, 8):
        for choice in itertools.combinations(range(7), size):
            covers = bool(table[list(choice)].any(axis=0).all())
            assert bool(rows[:, list(choice)].any(axis=1).all()) is covers


def test_cancel_stops() -> None:
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        least_cover(np.ones((2, 3)), np.ones(2), task=task)
