"""The thin line through the middle of vessels: voxels left when all that can go has gone.

Voxels go from the wall inwards, by their distance to it in mm, wherever that changes neither how things
hang together nor a tip (thinning in the order of distance: Pudney, Comput Vis Image Underst 1998;72:404).  Tips are known beforehand: the
places from which every way leads back, so that no wall's roughness grows a branch.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel
from planner.compute.voxel_thinning import NEIGHBOURS, thinned
from planner.model.geometry import FloatArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

#: A mask that fills more of its box than this is no slender one.
BULKY = 0.05
#: From a tip the middle is looked for within so many radii: the corner of a flat end is 1.4 away, and rough.
CAP_RADII = 1.8
#: A place a mm farther from the tip must be so many mm deeper to be the cap's middle.
NEARNESS = 0.15


@dataclass(frozen=True, eq=False)
class VesselSkeleton:
    """Voxels of the middle line.

    Parameters
    ----------
    kji
        Shape (n, 3), in the order of the lattice.
    depth_mm
        Distance to the vessel's wall, (n,).
    component
        Which connected piece of the mask, (n,), from 0.
    sizes
        Number of voxels of each piece of the mask.
    """

    kji: IntArray
    depth_mm: FloatArray
    component: IntArray
    sizes: IntArray


def skeleton_of(
    mask: BoolArray, spacing_mm: tuple[float, float, float], kept_kji: IntArray | None = None
) -> VesselSkeleton:
    """The middle line of a mask ``[k, j, i]`` without enclosed holes.

    Beyond the array the mask is taken to go on as far as its wall is concerned: a vessel cut there has no
    wall.  A piece as wide as long leaves a single voxel.

    Parameters
    ----------
    spacing_mm
        Along i, j, k, as in `Grid`.
    kept_kji
        Voxels of the mask that stay, (m, 3).
    """
    step_mm = np.array(spacing_mm[::-1])
    padded = np.pad(mask, 1)
    flat = np.flatnonzero(padded)
    shape = np.array(padded.shape)
    strides = np.array([shape[1] * shape[2], shape[2], 1], dtype=np.int64)
    offsets = NEIGHBOURS @ strides
    lengths = np.linalg.norm(NEIGHBOURS * step_mm, axis=1)
    number = np.full(padded.size, -1, dtype=np.int32)
    number[flat] = np.arange(len(flat), dtype=np.int32)
    kji = np.stack(np.unravel_index(flat, padded.shape), axis=1) - 1
    depth = _depth_mm(padded, kji, step_mm)
    component = _components(number, flat, offsets)
    key = _smoothed(number, flat, offsets, depth)
    anchors = _anchors(number, flat, offsets, lengths, depth, key, component, kji * step_mm)
    if kept_kji is not None and len(kept_kji):
        anchors[number[(kept_kji + 1) @ strides]] = True
    left = thinned(padded, number, flat, offsets, key, anchors)
    kept = left[flat] != 0
    return VesselSkeleton(kji[kept], depth[kept], component[kept], np.bincount(component))


def _depth_mm(padded: BoolArray, kji: IntArray, step_mm: FloatArray) -> FloatArray:
    """Distance of each voxel centre of a mask to its wall, half a voxel before the nearest one outside.

    The nearest voxel outside always shares a face with the mask, so only those are searched where the mask
    is slender; the transform of the whole array is faster where it is not.
    """
    from scipy.ndimage import distance_transform_edt
    from scipy.spatial import cKDTree

    inside = padded[1:-1, 1:-1, 1:-1]
    if inside.all():
        return np.full(len(kji), float(np.max(np.array(inside.shape) * step_mm)))
    if len(kji) > BULKY * inside.size:
        distances, indices = distance_transform_edt(inside, sampling=step_mm, return_indices=True)
        at = tuple(kji.T)
        away, near = distances[at], np.stack([axis[at] for axis in indices], axis=1)
    else:
        beside = np.zeros_like(inside)
        for axis in range(3):
            ahead: list[slice] = [slice(1, -1)] * 3
            back: list[slice] = [slice(1, -1)] * 3
            ahead[axis], back[axis] = slice(2, None), slice(None, -2)
            beside |= padded[tuple(ahead)] | padded[tuple(back)]
        wall = np.argwhere(beside & ~inside)
        away, nearest = cKDTree(wall * step_mm).query(kji * step_mm)
        near = wall[nearest]
    # The wall lies half a voxel before that centre, measured along the way there.
    way = (near - kji) * step_mm
    share = np.abs(way) / np.maximum(away, 1e-9)[:, None]
    half = 0.5 / np.maximum((share / step_mm).max(axis=1), 1e-9)
    return np.asarray(away - np.minimum(half, 0.5 * away))


def _anchors(
    number: npt.NDArray[np.int32],
    flat: IntArray,
    offsets: IntArray,
    lengths: FloatArray,
    depth: FloatArray,
    key: FloatArray,
    component: IntArray,
    places_mm: FloatArray,
) -> BoolArray:
    """Voxels in the middle of the tips: the places farthest along the vessel from its far end."""
    deepest = _best_of_each(component, key)
    first = _geodesic(number, flat, offsets, lengths, deepest)
    far = _best_of_each(component, first)
    away = _geodesic(number, flat, offsets, lengths, far)
    anchors = np.zeros(len(flat), dtype=np.uint8)
    tips = np.flatnonzero(_is_highest(number, flat, offsets, away))
    tips = tips[np.lexsort((tips, -away[tips]))]
    covered, seen = np.zeros(len(flat), dtype=np.uint8), np.zeros(len(flat), dtype=np.uint8)
    members = np.empty(len(flat), dtype=np.int64)
    voxel_mm = float(lengths.max())
    room = (covered, anchors, members, seen)
    for tip in np.concatenate([far, tips]):
        if not covered[tip]:
            _anchor(number, flat, offsets, places_mm, depth, key, tip, voxel_mm, *room)
    return np.asarray(anchors != 0)


def _best_of_each(component: IntArray, values: FloatArray) -> IntArray:
    """The first voxel of the highest value in each component."""
    order = np.lexsort((np.arange(len(values)), -values, component))
    starts = np.searchsorted(component[order], np.arange(int(component.max()) + 1))
    return np.asarray(order[starts], dtype=np.int64)


@kernel
def _components(number: npt.NDArray[np.int32], flat: IntArray, offsets: IntArray) -> IntArray:
    """Connected piece of each voxel (26 neighbours), the first voxel's is 0."""
    found = np.full(len(flat), -1, dtype=np.int64)
    stack = np.empty(len(flat), dtype=np.int64)
    count = 0
    for start in range(len(flat)):
        if found[start] >= 0:
            continue
        found[start] = count
        stack[0] = start
        top = 1
        while top:
            top -= 1
            at = flat[stack[top]]
            for offset in offsets:
                other = number[at + offset]
                if other >= 0 and found[other] < 0:
                    found[other] = count
                    stack[top] = other
                    top += 1
        count += 1
    return found


@kernel
def _geodesic(
    number: npt.NDArray[np.int32], flat: IntArray, offsets: IntArray, lengths: FloatArray, seeds: IntArray
) -> FloatArray:
    """Length in mm of the shortest way to the nearest seed through the mask, for each voxel."""
    away = np.full(len(flat), np.inf)
    heap = [(0.0, np.int64(seeds[0]))]
    for seed in seeds:
        away[seed] = 0.0
        heappush(heap, (0.0, seed))
    while heap:
        so_far, at = heappop(heap)
        if so_far > away[at]:
            continue
        for m in range(len(offsets)):
            other = np.int64(number[flat[at] + offsets[m]])
            if other >= 0 and so_far + lengths[m] < away[other]:
                away[other] = so_far + lengths[m]
                heappush(heap, (away[other], other))
    return away


@kernel
def _is_highest(
    number: npt.NDArray[np.int32], flat: IntArray, offsets: IntArray, values: FloatArray
) -> BoolArray:
    """Which voxels have no neighbour of a higher value, or of the same value and later."""
    found = np.ones(len(flat), dtype=np.bool_)
    for n in range(len(flat)):
        for offset in offsets:
            other = number[flat[n] + offset]
            if other >= 0 and (values[other] > values[n] or (values[other] == values[n] and other > n)):
                found[n] = False
                break
    return found


@kernel
def _smoothed(
    number: npt.NDArray[np.int32], flat: IntArray, offsets: IntArray, values: FloatArray
) -> FloatArray:
    """Values averaged over the neighbourhood, nothing outside: tells the middle of an even width."""
    found = np.empty(len(flat))
    for n in range(len(flat)):
        total = 8.0 * values[n]
        for m in range(26):
            other = number[flat[n] + offsets[m]]
            if other >= 0:
                place = m if m < 13 else m + 1
                turns = (place // 9 != 1) + (place // 3 % 3 != 1) + (place % 3 != 1)
                total += values[other] * 8.0 / (2.0**turns)
        found[n] = total / 64.0
    return found


@kernel
def _anchor(
    number: npt.NDArray[np.int32],
    flat: IntArray,
    offsets: IntArray,
    places: FloatArray,
    depth: FloatArray,
    key: FloatArray,
    tip: np.int64,
    voxel: float,
    covered: npt.NDArray[np.uint8],
    anchors: npt.NDArray[np.uint8],
    members: IntArray,
    seen: npt.NDArray[np.uint8],
) -> None:
    """Mark the middle of the cap around a tip, and cover the cap so that it gives one anchor.

    The cap is all within `CAP_RADII` and a voxel of the tip, in radii of the deepest place within, found by
    widening it step by step, so that a twig's cap does not reach into its trunk.
    """
    deepest, reach = depth[tip], -1.0
    count = 0
    while reach < CAP_RADII * deepest + voxel:
        reach = CAP_RADII * deepest + voxel
        count = _ball(number, flat, offsets, places, tip, reach, members, seen)
        for member in members[:count]:
            deepest = max(deepest, depth[member])
    at, best = tip, -np.inf
    for member in members[:count]:
        score = (
            depth[member]
            + 0.3 * key[member]
            - NEARNESS * np.sqrt(((places[member] - places[tip]) ** 2).sum())
        )
        if score > best or (score == best and member < at):
            at, best = member, score
    is_new = not covered[at]
    for member in members[:count]:
        covered[member] = 1
    if is_new:
        anchors[at] = 1
        count = _ball(number, flat, offsets, places, at, CAP_RADII * depth[at] + voxel, members, seen)
        for member in members[:count]:
            covered[member] = 1


@kernel
def _ball(
    number: npt.NDArray[np.int32],
    flat: IntArray,
    offsets: IntArray,
    places: FloatArray,
    at: np.int64,
    reach: float,
    members: IntArray,
    seen: npt.NDArray[np.uint8],
) -> int:
    """Write the voxels that hang together with one within a distance of it into an array; how many."""
    members[0] = at
    seen[at] = 1
    count, turn = 1, 0
    while turn < count:
        here = members[turn]
        turn += 1
        for offset in offsets:
            other = np.int64(number[flat[here] + offset])
            if other < 0 or seen[other]:
                continue
            k, j, i = (
                places[other, 0] - places[at, 0],
                places[other, 1] - places[at, 1],
                places[other, 2] - places[at, 2],
            )
            if k * k + j * j + i * i <= reach * reach:
                seen[other] = 1
                members[count] = other
                count += 1
    for n in range(count):
        seen[members[n]] = 0
    return count
