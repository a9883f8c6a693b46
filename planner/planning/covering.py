"""The fewest positions that cover a target: set cover over candidates, solved with its bound.

Minimise the sum of the costs of the chosen candidates so that every point lies in at least one of
them (Karp 1972), by branch and cut (HiGHS through scipy: Huangfu and Hall, Math Program Comput
2018;10:119); never worse than the greedy cover (Chvatal, Math Oper Res 1979;4:233).
"""

from __future__ import annotations

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
    node_limit: int = NODE_LIMIT,
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
    node_limit
        After so many branches the best found is taken, with the gap that is left.

    Raises
    ------
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
    greedy = greedy_cover(table, price)
    greedy_is_allowed = not any(a in greedy and b in greedy for a, b in forbidden)
    chosen, bound = _solved(rows, price, forbidden, node_limit)
    task.check()
    greedy_cost = float(price[list(greedy)].sum())
    if chosen is None or (greedy_is_allowed and greedy_cost < float(price[list(chosen)].sum()) - 1e-9):
        if not greedy_is_allowed:
            raise InvalidValue(
                "No choice of positions covers the target.",
                f"{len(forbidden)} pairs of positions exclude each other",
                "Allow more positions, or a smaller margin.",
            )
        chosen = greedy
    total = float(price[list(chosen)].sum())
    bound = min(bound, total)
    task.report(1.0, "Looking for the fewest positions")
    return Cover(chosen, total, bound, total <= bound + 1e-6 * max(1.0, total), uncovered)


def _solved(
    rows: BoolArray, price: FloatArray, forbidden: tuple[tuple[int, int], ...], node_limit: int
) -> tuple[tuple[int, ...] | None, float]:
    """The choice the solver found, or None; and the bound it proved."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array, csr_array

    constraints = [LinearConstraint(csr_array(rows.astype(float)), lb=1.0)]
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
