"""Voxels taken from a mask, shallowest first, for as long as that changes nothing in how it hangs together.

Which voxels can go: Malandain and Bertrand, Proc 11th ICPR 1992, C:232.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

#: The 26 neighbours, as steps along k, j, i.
NEIGHBOURS: IntArray = np.array(
    [(k, j, i) for k in (-1, 0, 1) for j in (-1, 0, 1) for i in (-1, 0, 1) if (k, j, i) != (0, 0, 0)],
    dtype=np.int64,
)


def thinned(
    padded: BoolArray,
    number: npt.NDArray[np.int32],
    flat: IntArray,
    offsets: IntArray,
    key: FloatArray,
    anchors: BoolArray,
) -> npt.NDArray[np.uint8]:
    """What is left of a mask, flat: lines between the anchors, loops around holes through it.

    Parameters
    ----------
    padded
        ``[k, j, i]``, empty at the border.
    number, flat
        Place of each voxel in the lists of the mask's voxels (below zero outside), and their flat indices.
    offsets
        Of the 26 neighbours in flat indices, in the order of `NEIGHBOURS`.
    key
        The order in which the mask's voxels go, (n,).
    anchors
        Which of them stay, (n,).
    """
    left = padded.reshape(-1).astype(np.uint8)
    return _peeled(left, number, flat, offsets, key, anchors, *_ADJACENT)


@kernel
def _peeled(
    left: npt.NDArray[np.uint8],
    number: npt.NDArray[np.int32],
    flat: IntArray,
    offsets: IntArray,
    key: FloatArray,
    anchors: BoolArray,
    beside26: IntArray,
    beside6: IntArray,
) -> npt.NDArray[np.uint8]:
    """The mask (padded, flat) without all voxels that can go, shallowest first."""
    waiting = np.zeros(len(flat), dtype=np.uint8)
    heap = [(key[0], np.int64(0))]
    for n in range(len(flat)):
        for m in (4, 10, 12, 13, 15, 21):
            if left[flat[n] + offsets[m]] == 0:
                waiting[n] = 1
                heappush(heap, (key[n], np.int64(n)))
                break
    while heap:
        _, at = heappop(heap)
        waiting[at] = 0
        place = flat[at]
        if left[place] == 0 or anchors[at] or not _is_simple(left, place, offsets, beside26, beside6):
            continue
        left[place] = 0
        for offset in offsets:
            other = np.int64(number[place + offset])
            if other >= 0 and left[place + offset] and not waiting[other]:
                waiting[other] = 1
                heappush(heap, (key[other], other))
    return left


@kernel
def _is_simple(
    left: npt.NDArray[np.uint8], place: int, offsets: IntArray, beside26: IntArray, beside6: IntArray
) -> bool:
    """Whether a voxel can go: what is left around it hangs together, and so does what is outside."""
    inside = np.int64(0)
    for m in range(26):
        if left[place + offsets[m]]:
            inside |= np.int64(1) << m
    if inside == 0 or not _hangs_together(inside, inside, beside26):
        return False
    # Outside counts within the 18 nearest, and must meet the voxel's face.
    outside = ~inside & beside6[26]
    faces = outside & beside6[27]
    return faces != 0 and _hangs_together(outside, faces, beside6)


@kernel
def _hangs_together(cells: np.int64, seeds: np.int64, beside: IntArray) -> bool:
    """Whether all seeds lie in one connected part of some cells of a neighbourhood."""
    reached = seeds & -seeds
    fresh = reached
    while fresh:
        grown = np.int64(0)
        for m in range(26):
            if (fresh >> m) & 1:
                grown |= beside[m]
        fresh = grown & cells & ~reached
        reached |= fresh
    return bool((seeds & ~reached) == 0)


def _adjacency() -> tuple[IntArray, IntArray]:
    """For each neighbour the others beside it, as bits: by 26, and by faces among the 18 nearest.

    The second has two more entries: which are the 18 nearest, and which share a face with the middle.
    """
    away = np.abs(NEIGHBOURS).sum(axis=1)
    bits = np.int64(1) << np.arange(26, dtype=np.int64)
    gap = np.abs(NEIGHBOURS[:, None] - NEIGHBOURS[None])
    by26 = (gap.max(axis=2) == 1) * bits
    by6 = ((gap.sum(axis=2) == 1) & (away <= 2)[None] & (away <= 2)[:, None]) * bits
    extra = [int(bits[away <= 2].sum()), int(bits[away == 1].sum())]
    return by26.sum(axis=1), np.concatenate([by6.sum(axis=1), np.array(extra, dtype=np.int64)])


_ADJACENT = _adjacency()
