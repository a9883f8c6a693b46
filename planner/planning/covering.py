"""The fewest positions that cover a target: set cover over candidates, solved with its bound.

Minimise the sum of the costs of the chosen candidates so that every point lies in at least one of
them (Karp 1972).  Where few candidates do, a search of our own finds and proves the best
(`cover_search`); where it would take too long, branch and cut goes on (HiGHS through scipy: Huangfu and
Hall, Math Program Comput 2018;10:119).  Never worse than the greedy cover (Chvatal, Math Oper Res
1979;4:233).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

#: The solver stops after so many nodes and keeps the best it has, with the gap that is left.  A limit of
#: time would give other answers on a busy machine.
NODE_LIMIT = 60
#: The search before it stops after so many branches: a second at most.
SEARCH_NODES = 300_000
#: Covers of at most so many candidates are searched for; more leave too many ways.
SEARCHED = 12
#: Sums of a relaxed problem are told no better than this.
_HAIR = 1e-6


class NeedsMore(InvalidValue):
    """A target for which no cover with so few candidates was found.

    Parameters
    ----------
    most
        So many are allowed.
    least
        So many it takes at least; no more than `most` where a search was ended before it was proven.
    """

    def __init__(self, most: int, least: int) -> None:
        is_proven = least > most
        self.words = f"{least} or more; allowed are {most}" if is_proven else f"none of {most} or fewer found"
        super().__init__(
            "The target needs more positions than are allowed.",
            self.words,
            "Allow more positions, or a smaller margin.",
        )


@dataclass(frozen=True)
class Cover:
    """A choice of candidates.

    Parameters
    ----------
    chosen
        Numbers of the chosen candidates, ascending.
    cost
        Sum of their costs.
    bound
        No cover costs less than this.
    is_optimal
        Whether the cost meets the bound.
    uncovered
        Numbers of points that no candidate reaches; they were left out.
    """

    chosen: tuple[int, ...]
    cost: float
    bound: float
    is_optimal: bool
    uncovered: tuple[int, ...]

    @property
    def gap_percent(self) -> float:
        """How much the cost may be above the least possible."""
        return 0.0 if self.cost <= self.bound else 100.0 * (self.cost - self.bound) / max(self.cost, 1e-12)


def greedy_cover(reaches: BoolArray, cost: FloatArray) -> tuple[int, ...]:
    """Take again and again the candidate with the least cost a newly covered point.

    Parameters
    ----------
    reaches
        Whether a candidate covers a point, shape (candidates, points).
    cost
        Of each candidate, shape (candidates,), positive.
    """
    left = reaches.any(axis=0)
    chosen: list[int] = []
    while left.any():
        gain = reaches[:, left].sum(axis=1)
        price = np.where(gain > 0, cost / np.maximum(gain, 1), np.inf)
        best = int(np.argmin(price))
        chosen.append(best)
        left &= ~reaches[best]
    # What later choices made needless goes, the dearest first.
    for number in sorted(chosen, key=lambda n: (-cost[n], n)):
        others = [n for n in chosen if n != number]
        if others and np.array_equal(reaches[others].any(axis=0), reaches.any(axis=0)):
            chosen = others
    return tuple(sorted(chosen))


def hardest_points(reaches: BoolArray) -> BoolArray:
    """The points that decide, as rows (points, candidates): who covers them covers all others.

    A point that every candidate of another point reaches too is covered along with that other one.
    """
    rows = np.unique(reaches.T, axis=0)
    few = rows.astype(np.float32)
    count = few.sum(axis=1)
    common = few @ few.T
    is_within = common == count[:, None]  # [a, b]: all that reach a reach b, so b follows from a
    np.fill_diagonal(is_within, False)
    kept: BoolArray = rows[~is_within.any(axis=0)]
    return kept


def least_cover(
    reaches: npt.ArrayLike,
    cost: npt.ArrayLike,
    *,
    forbidden: tuple[tuple[int, int], ...] = (),
    most: int | None = None,
    node_limit: int = NODE_LIMIT,
    search_nodes: int = SEARCH_NODES,
    task: Task | None = None,
) -> Cover:
    """The cheapest choice of candidates that covers every point any of them reaches.

    Parameters
    ----------
    reaches
        Whether a candidate covers a point, shape (candidates, points).
    cost
        Of each candidate, shape (candidates,), positive and finite.
    forbidden
        Pairs of candidates that cannot both be taken, such as needles that touch.
    most
        So many candidates are taken at most; as many as it takes where none is given.
    node_limit, search_nodes
        After so many branches of the solver, and of the search before it, the best found is taken, with
        the gap that is left.

    Raises
    ------
    NeedsMore
        If no cover with at most so many candidates was found.
    InvalidValue
        If shapes or costs are wrong, or forbidden pairs leave no cover.
    """
    table = np.asarray(reaches, dtype=bool)
    price = np.asarray(cost, dtype=float)
    if table.ndim != 2 or price.shape != table.shape[:1] or not table.size:
        raise InvalidValue("A cover needs candidates and points.", f"{table.shape}, {price.shape}")
    if not (np.all(np.isfinite(price)) and np.all(price > 0)):
        raise InvalidValue("Costs of a cover must be positive.", f"{price.min()} to {price.max()}")
    task = task or Task()
    task.report(0.0, "Looking for the fewest positions")
    within = table.any(axis=0)
    uncovered = tuple(int(n) for n in np.flatnonzero(~within))
    rows = hardest_points(table[:, within])
    worth = _worth(rows, price)
    bound = float(worth.sum())
    least = math.ceil(bound / float(price.max()) - _HAIR)
    if most is not None and least > most:
        raise NeedsMore(most, least)
    known = _allowed_greedy(table, price, forbidden, most)
    known_cost = math.inf if known is None else float(price[list(known)].sum())
    # A cover as cheap as the known one has no more candidates than this.
    size = min(most or len(price), len(price), int(min(known_cost / float(price.min()) + _HAIR, 1e9)))
    chosen, is_proven = known, False
    if size <= SEARCHED:
        found, is_proven = _searched(rows, price, worth, forbidden, size, known_cost, search_nodes)
        chosen = chosen if found is None else found
    task.check()
    if not is_proven:
        solved, proven_bound = _solved(rows, price, forbidden, most, node_limit)
        bound = max(bound, proven_bound)
        if solved is not None and (chosen is None or _sum(price, solved) < _sum(price, chosen) - 1e-9):
            chosen = solved
        task.check()
    if chosen is None and most is not None:
        raise NeedsMore(most, most + 1 if is_proven else least)
    if chosen is None:
        raise InvalidValue(
            "No choice of positions covers the target.",
            f"{len(forbidden)} pairs of positions exclude each other",
            "Allow more positions, or a smaller margin.",
        )
    total = _sum(price, chosen)
    bound = total if is_proven else min(bound, total)
    task.report(1.0, "Looking for the fewest positions")
    return Cover(chosen, total, bound, total <= bound + 1e-6 * max(1.0, total), uncovered)


def _sum(price: FloatArray, chosen: tuple[int, ...]) -> float:
    return float(price[list(chosen)].sum())


def _allowed_greedy(
    table: BoolArray, price: FloatArray, forbidden: tuple[tuple[int, int], ...], most: int | None
) -> tuple[int, ...] | None:
    """The greedy cover where it is one that may be taken."""
    greedy = greedy_cover(table, price)
    if any(a in greedy and b in greedy for a, b in forbidden) or (most is not None and len(greedy) > most):
        return None
    return greedy


def _worth(rows: BoolArray, price: FloatArray) -> FloatArray:
    """A price for each point, so that no candidate's points cost more together than it does.

    All points together are then worth no more than any cover: the dual of the relaxed problem.
    """
    from scipy.optimize import linprog

    relaxed = linprog(
        price, A_ub=-rows.astype(float), b_ub=-np.ones(len(rows)), bounds=(0.0, None), method="highs"
    )
    worth = np.zeros(len(rows)) if relaxed.x is None else np.maximum(-relaxed.ineqlin.marginals, 0.0)
    # What the solver rounded must not make a bound of what is none.
    return np.asarray(worth / max(1.0, float(((rows.T @ worth) / price).max())))


def _searched(
    rows: BoolArray,
    price: FloatArray,
    worth: FloatArray,
    forbidden: tuple[tuple[int, int], ...],
    most: int,
    known_cost: float,
    node_limit: int,
) -> tuple[tuple[int, ...] | None, bool]:
    """As `cheapest_cover`."""
    from planner.compute.cover_search import cheapest_cover

    excludes = np.zeros((len(price), len(price)), dtype=bool)
    if forbidden:
        one, two = np.array(forbidden).T
        excludes[one, two] = excludes[two, one] = True
    return cheapest_cover(rows, price, worth, excludes, most, known_cost, node_limit)


def _solved(
    rows: BoolArray,
    price: FloatArray,
    forbidden: tuple[tuple[int, int], ...],
    most: int | None,
    node_limit: int,
) -> tuple[tuple[int, ...] | None, float]:
    """The choice the solver found, or None; and the bound it proved."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array, csr_array

    constraints = [LinearConstraint(csr_array(rows.astype(float)), lb=1.0)]
    if most is not None:
        constraints.append(LinearConstraint(np.ones((1, len(price))), ub=float(most)))
    if forbidden:
        pairs = np.array(forbidden)
        line = np.repeat(np.arange(len(pairs)), 2)
        shape = (len(pairs), rows.shape[1])
        both = coo_array((np.ones(2 * len(pairs)), (line, pairs.ravel())), shape=shape)
        constraints.append(LinearConstraint(both.tocsr(), ub=1.0))
    found = milp(
        price,
        integrality=np.ones(len(price), dtype=np.int64),
        bounds=Bounds(0.0, 1.0),
        constraints=constraints,
        options={"node_limit": node_limit, "mip_rel_gap": 0.0},
    )
    bound = float(found.mip_dual_bound) if found.mip_dual_bound is not None else 0.0
    if found.x is None:
        return None, 0.0
    return tuple(int(n) for n in np.flatnonzero(found.x > 0.5)), bound
