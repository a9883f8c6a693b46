"""Set cover against exhaustive search, and its bound."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.planning.covering import NeedsMore, greedy_cover, hardest_points, least_cover


def cheapest(
    table: np.ndarray,
    cost: np.ndarray,
    forbidden: tuple[tuple[int, int], ...] = (),
    most: int | None = None,
) -> float:
    """Least cost of all covers, by trying each."""
    best = np.inf
    whole = table.any(axis=0)
    for size in range(1, (most or len(table)) + 1):
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


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("search_nodes", [300_000, 1])
def test_the_cheapest_with_few_is_found_by_search_and_by_solver(seed: int, search_nodes: int) -> None:
    random = np.random.default_rng(200 + seed)
    table = random.random((11, 70)) < 0.45
    cost = random.uniform(0.9, 1.2, 11)
    forbidden = ((0, 3), (2, 5), (6, 7))
    for most in (2, 4, 6):
        expected = cheapest(table, cost, forbidden, most)
        if not np.isfinite(expected):
            with pytest.raises(NeedsMore, match=f"allowed|none of {most}"):
                least_cover(table, cost, forbidden=forbidden, most=most, search_nodes=search_nodes)
            continue
        found = least_cover(table, cost, forbidden=forbidden, most=most, search_nodes=search_nodes)
        assert found.cost == pytest.approx(expected)
        assert found.is_optimal
        assert len(found.chosen) <= most


def test_more_than_64_candidates_and_points_are_told_apart() -> None:
    # Candidate n covers points n and n + 1 of 150: every second one is needed, 75 in all.
    table = np.zeros((149, 150), dtype=bool)
    table[np.arange(149), np.arange(149)] = table[np.arange(149), np.arange(1, 150)] = True
    found = least_cover(table, np.ones(149))
    assert found.chosen == tuple(range(0, 149, 2))
    # Three wide ones beyond the 64th hide among 140 narrow ones.
    wide = np.zeros((140, 150), dtype=bool)
    wide[np.arange(140), np.arange(140)] = True
    wide[70, :50] = wide[100, 50:110] = wide[139, 110:] = True
    assert least_cover(wide, np.ones(140), most=4).chosen == (70, 100, 139)
    with pytest.raises(NeedsMore, match="3 or more"):
        least_cover(wide, np.ones(140), most=2)


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
