"""The cheapest cover with at most so many candidates, by branch and bound.

Each branch takes the point that fewest candidates reach and tries those in turn, the best first; what
was tried is left out in the branches after it.  A branch ends where the prices of a dual solution of the
relaxed problem prove that it cannot be cheaper than what is known (Balas and Carrera, Oper Res 1996;44:875).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

BoolArray = npt.NDArray[np.bool_]
WordArray = npt.NDArray[np.uint64]

#: Costs nearer than this are the same.
SAME = 1e-9


def cheapest_cover(
    rows: BoolArray,
    price: FloatArray,
    worth: FloatArray,
    excludes: BoolArray,
    most: int,
    known_cost: float,
    node_limit: int,
) -> tuple[tuple[int, ...] | None, bool]:
    """The cheapest cover that costs less than a known one; None where none was found, and whether that is proven.

    Parameters
    ----------
    rows
        Which candidates reach each point, shape (points, candidates).
    price
        Of each candidate, positive, shape (candidates,).
    worth
        A price for each point, not negative, so that no candidate's points are together worth more than
        it costs; shape (points,).
    excludes
        Which candidates cannot both be taken, symmetric, shape (candidates, candidates).
    most
        So many candidates are taken at most.
    known_cost
        Only covers cheaper than this are looked for.
    node_limit
        The search ends after so many branches.
    """
    chosen = np.full(most, -1, dtype=np.int64)
    allowed = _packed(~excludes)
    nodes = _search(
        _packed(rows), _packed(rows.T), price, worth, allowed, float(known_cost), node_limit, chosen
    )
    found = tuple(sorted(int(n) for n in chosen if n >= 0))
    return (found or None), bool(nodes <= node_limit)


def _packed(table: BoolArray) -> WordArray:
    """Rows of a table as words of 64 bits, the first column in the lowest bit of the first word."""
    wide = np.zeros((len(table), 64 * (-(-table.shape[1] // 64))), dtype=np.uint8)
    wide[:, : table.shape[1]] = table
    return np.packbits(wide, axis=1, bitorder="little").view("<u8").astype(np.uint64)


@kernel
def _ones(word: np.uint64) -> int:
    """How many bits of a word are set (Warren, Hacker's Delight, 2002, 5-1)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kernel
def _is_set(words: WordArray, bit: int) -> bool:
    return bool(((words[bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1)) != np.uint64(0))


@kernel
def _hardest(by_row: WordArray, bare: WordArray, free: WordArray) -> tuple[int, int]:
    """The bare point that fewest free candidates reach, and how many do."""
    point, fewest = -1, 1 << 30
    for n in range(by_row.shape[0]):
        if _is_set(bare, n):
            count = 0
            for w in range(len(free)):
                count += _ones(by_row[n, w] & free[w])
            if count < fewest:
                point, fewest = n, count
    return point, fewest


@kernel
def _search(
    by_row: WordArray,
    by_candidate: WordArray,
    price: FloatArray,
    worth: FloatArray,
    allowed: WordArray,
    best: float,
    node_limit: int,
    chosen: npt.NDArray[np.int64],
) -> int:
    """Fill `chosen` with the best cover, -1 behind its end; how many branches were gone into."""
    points, candidates, most = by_row.shape[0], by_candidate.shape[0], len(chosen)
    bare = np.zeros((most + 1, by_candidate.shape[1]), dtype=np.uint64)
    free = np.zeros((most + 1, by_row.shape[1]), dtype=np.uint64)
    tried = np.zeros((most + 1, candidates), dtype=np.int64)
    counts, at = np.zeros(most + 1, dtype=np.int64), np.zeros(most + 1, dtype=np.int64)
    spent = np.zeros(most + 1)
    least = np.empty(candidates)
    taken = np.zeros(most, dtype=np.int64)
    for n in range(points):
        bare[0, n >> 6] |= np.uint64(1) << np.uint64(n & 63)
    for n in range(candidates):
        free[0, n >> 6] |= np.uint64(1) << np.uint64(n & 63)
    counts[0] = _branches(
        by_row, by_candidate, price, worth, bare[0], free[0], 0.0, best, most, least, tried[0]
    )
    nodes, depth = 1, 0
    while depth >= 0 and nodes <= node_limit:
        if at[depth] >= counts[depth]:
            depth -= 1
            continue
        candidate = tried[depth, at[depth]]
        at[depth] += 1
        # A later branch does without those before it.
        free[depth, candidate >> 6] &= ~(np.uint64(1) << np.uint64(candidate & 63))
        cost = spent[depth] + price[candidate]
        taken[depth] = candidate
        deeper = depth + 1
        is_covered = True
        for w in range(bare.shape[1]):
            bare[deeper, w] = bare[depth, w] & ~by_candidate[candidate, w]
            is_covered = is_covered and bare[deeper, w] == np.uint64(0)
        if is_covered:
            if cost < best - SAME:
                best = cost
                for n in range(most):
                    chosen[n] = taken[n] if n <= depth else -1
            continue
        if deeper >= most:
            continue
        for w in range(free.shape[1]):
            free[deeper, w] = free[depth, w] & allowed[candidate, w]
        nodes += 1
        spent[deeper] = cost
        at[deeper] = 0
        counts[deeper] = _branches(
            by_row, by_candidate, price, worth, bare[deeper], free[deeper], cost, best, most - deeper,
            least, tried[deeper],
        )  # fmt: skip
        depth = deeper
    return nodes


@kernel
def _branches(
    by_row: WordArray,
    by_candidate: WordArray,
    price: FloatArray,
    worth: FloatArray,
    bare: WordArray,
    free: WordArray,
    spent: float,
    best: float,
    left: int,
    least: FloatArray,
    order: npt.NDArray[np.int64],
) -> int:
    """Fill `order` with the candidates to try for the hardest bare point; none where that is no use.

    Parameters
    ----------
    left
        So many more candidates may be taken.
    least
        Scratch: the least a cover with each of them costs.
    """
    open_worth, open_count = 0.0, 0
    for n in range(by_row.shape[0]):
        if _is_set(bare, n):
            open_worth += worth[n]
            open_count += 1
    if spent + open_worth >= best - SAME:
        return 0
    widest = 0
    for c in range(by_candidate.shape[0]):
        if _is_set(free, c):
            gain = 0
            for w in range(len(bare)):
                gain += _ones(by_candidate[c, w] & bare[w])
            widest = max(widest, gain)
    if widest * left < open_count:
        return 0
    point, fewest = _hardest(by_row, bare, free)
    if fewest == 0:
        return 0
    count = 0
    for c in range(by_candidate.shape[0]):
        if _is_set(free, c) and _is_set(by_row[point], c):
            bound = spent + price[c] + open_worth
            for n in range(by_row.shape[0]):
                if _is_set(bare, n) and _is_set(by_candidate[c], n):
                    bound -= worth[n]
            if bound >= best - SAME:
                continue
            place = count
            while place > 0 and least[order[place - 1]] > bound:
                order[place] = order[place - 1]
                place -= 1
            order[place] = c
            least[c] = bound
            count += 1
    return count
