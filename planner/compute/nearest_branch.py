"""Which of many lines each voxel of a mask lies nearest to: the ground of territories of vessels.

Boxes of voxels are halved until all lines that can be nearest to any voxel of a box are of one label, so
that only voxels beside a border are ever measured one by one.  The answer is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]

#: What a voxel outside the mask holds.
OUTSIDE = -1
#: Boxes of so few voxels are measured voxel by voxel.
_FEW = 4
#: Slices a piece of work takes; between two of them it can be stopped.
_SLAB = 32
#: A box of n voxels is halved less often than this for every n a machine can hold.
_DEEPEST = 96


def nearest_branch(
    grid: Grid,
    mask: BoolArray,
    points_lps_mm: Sequence[FloatArray],
    labels: Sequence[int],
    task: Task | None = None,
) -> IntArray:
    """The label of the line nearest to each voxel of a mask, int32 ``[k, j, i]``; `OUTSIDE` elsewhere.

    Distances are those of voxel centres to the straight pieces between neighbouring points.  Where two
    lines are equally near, as at a fork, the one given first has the voxel.

    Parameters
    ----------
    grid, mask
        Voxels that ask, shape [k, j, i].
    points_lps_mm
        The lines, each (n, 3) with one point or more.
    labels
        One of each line, from zero; several lines may share one.

    Raises
    ------
    InvalidValue
        If shapes do not fit, there is no line, or a number is not finite or negative.
    """
    task = task or Task()
    _check(grid, mask, points_lps_mm, labels)
    pieces, owners = pieces_of(grid, points_lps_mm)
    return nearest_piece(grid, mask, pieces, np.asarray(labels, dtype=np.int32)[owners], task)


def pieces_of(grid: Grid, points_lps_mm: Sequence[FloatArray]) -> tuple[FloatArray, IntArray]:
    """Straight pieces of lines, and the line of each.

    Returns
    -------
    pieces
        Start and stop in mm along the grid's own axes i, j, k from its first voxel's centre, shape (n, 6).
    owners
        Position of the line a piece belongs to, shape (n,).
    """
    found, owners = [], []
    for number, points in enumerate(points_lps_mm):
        local = grid.to_ijk(points) * np.array(grid.spacing_mm)
        if len(local) == 1:
            local = np.repeat(local, 2, axis=0)
        found.append(np.hstack([local[:-1], local[1:]]))
        owners.append(np.full(len(local) - 1, number, dtype=np.int32))
    return np.ascontiguousarray(np.vstack(found)), np.concatenate(owners)


def nearest_piece(
    grid: Grid, mask: BoolArray, pieces: FloatArray, labels: IntArray, task: Task | None = None
) -> IntArray:
    """The label of the piece nearest to each voxel of a mask, as `nearest_branch` gives it for lines.

    Parameters
    ----------
    pieces
        As `pieces_of` gives them, shape (n, 6).
    labels
        One of each piece, shape (n,).
    """
    task = task or Task()
    found = np.full(mask.shape, OUTSIDE, dtype=np.int32)
    solid = np.ascontiguousarray(mask, dtype=bool)
    spacing = np.array(grid.spacing_mm)
    extended = with_ways(pieces)
    chosen = np.empty((_DEEPEST + 2) * len(pieces), dtype=np.int32)
    for start in range(0, mask.shape[0], _SLAB):
        task.report(start / mask.shape[0], "Nearest branch of each voxel")
        stop = min(start + _SLAB, mask.shape[0])
        _label_slab(found, solid, spacing, extended, labels, chosen, start, stop)
    return found


def with_ways(pieces: FloatArray) -> FloatArray:
    """Pieces as start, stop, way and one over the squared length, shape (n, 10)."""
    way = pieces[:, 3:] - pieces[:, :3]
    squared = (way**2).sum(axis=1)
    share = np.divide(1.0, squared, out=np.zeros_like(squared), where=squared > 0)
    return np.ascontiguousarray(np.hstack([pieces, way, share[:, None]]))


def _check(grid: Grid, mask: BoolArray, points_lps_mm: Sequence[FloatArray], labels: Sequence[int]) -> None:
    if mask.shape != grid.shape:
        raise InvalidValue(
            "A mask needs the shape of its grid.",
            f"mask {mask.shape}, grid {grid.shape}",
            "Give both over the same voxels.",
        )
    if not len(points_lps_mm) or len(points_lps_mm) != len(labels):
        raise InvalidValue(
            "Voxels can be given to lines only where each line has its label.",
            f"{len(points_lps_mm)} lines, {len(labels)} labels",
            "Give one line at least, and a label for each.",
        )
    for label, points in zip(labels, points_lps_mm, strict=True):
        if points.ndim != 2 or points.shape[1] != 3 or not len(points) or not np.isfinite(points).all():
            raise InvalidValue(
                "A line is one or more points of three finite numbers.",
                f"line of label {label}: shape {points.shape}",
                "Draw it anew.",
            )
        if not 0 <= label < 2**31:
            raise InvalidValue("A label is a number from zero.", f"{label}", "Number branches from zero.")


@kernel
def squared_to_piece(pieces: FloatArray, n: int, x: float, y: float, z: float) -> float:
    """Squared distance of a place to piece n; exactly the same for pieces whose shared end is nearest."""
    px, py, pz = x - pieces[n, 0], y - pieces[n, 1], z - pieces[n, 2]
    share = (px * pieces[n, 6] + py * pieces[n, 7] + pz * pieces[n, 8]) * pieces[n, 9]
    if share >= 1.0:
        px, py, pz = x - pieces[n, 3], y - pieces[n, 4], z - pieces[n, 5]
    elif share > 0.0:
        px, py, pz = px - share * pieces[n, 6], py - share * pieces[n, 7], pz - share * pieces[n, 8]
    squared: float = px * px + py * py + pz * pz
    return squared


@kernel
def foot_on_piece(pieces: FloatArray, n: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """The point of piece n nearest to a place."""
    px, py, pz = x - pieces[n, 0], y - pieces[n, 1], z - pieces[n, 2]
    share = (px * pieces[n, 6] + py * pieces[n, 7] + pz * pieces[n, 8]) * pieces[n, 9]
    share = min(1.0, max(0.0, share))
    return (
        pieces[n, 0] + share * pieces[n, 6],
        pieces[n, 1] + share * pieces[n, 7],
        pieces[n, 2] + share * pieces[n, 8],
    )


@kernel
def _is_empty(mask: BoolArray, k0: int, k1: int, j0: int, j1: int, i0: int, i1: int) -> bool:
    for k in range(k0, k1):
        for j in range(j0, j1):
            for i in range(i0, i1):
                if mask[k, j, i]:
                    return False
    return True


@kernel
def _label_slab(
    found: IntArray,
    mask: BoolArray,
    spacing: FloatArray,
    pieces: FloatArray,
    labels: IntArray,
    chosen: IntArray,
    start: int,
    stop: int,
) -> None:
    """Label the slices from start to stop.

    ``chosen`` holds, one list behind the other, the pieces that may be nearest within the boxes on the way
    down to the one in hand: a box's halves both begin from its list, and write theirs behind it.
    """
    count = pieces.shape[0]
    squared = np.empty(count)
    boxes = np.empty((_DEEPEST, 8), dtype=np.int64)
    for n in range(count):
        chosen[n] = n
    boxes[0] = np.array([start, stop, 0, mask.shape[1], 0, mask.shape[2], 0, count])
    waiting = 1
    while waiting > 0:
        waiting -= 1
        k0, k1, j0, j1, i0, i1, first, size = boxes[waiting]
        if _is_empty(mask, k0, k1, j0, j1, i0, i1):
            continue
        dz, dy, dx = (k1 - k0 - 1) * spacing[2], (j1 - j0 - 1) * spacing[1], (i1 - i0 - 1) * spacing[0]
        x, y = 0.5 * (i0 + i1 - 1) * spacing[0], 0.5 * (j0 + j1 - 1) * spacing[1]
        z = 0.5 * (k0 + k1 - 1) * spacing[2]
        least, nearest = np.inf, 0
        for n in range(size):
            squared[n] = squared_to_piece(pieces, chosen[first + n], x, y, z)
            if squared[n] < least:
                least, nearest = squared[n], chosen[first + n]
        fx, fy, fz = foot_on_piece(pieces, nearest, x, y, z)
        mine = first + size
        kept, label, is_one = 0, -1, True
        for n in range(size):
            piece = chosen[first + n]
            # For a place p of the box and a point m of the piece, |p - m|^2 - |p - f|^2 is linear in p and
            # exceeds its value at the middle by no less than minus this: above zero, f is always nearer.
            reach = 0.0
            for end in range(0, 6, 3):
                ex, ey, ez = pieces[piece, end] - fx, pieces[piece, end + 1] - fy, pieces[piece, end + 2] - fz
                reach = max(reach, dx * abs(ex) + dy * abs(ey) + dz * abs(ez))
            if squared[n] <= (least + reach) * (1 + 1e-9) + 1e-9:
                chosen[mine + kept] = piece
                is_one = is_one and (kept == 0 or labels[piece] == label)
                label = labels[piece]
                kept += 1
        if is_one:
            for k in range(k0, k1):
                for j in range(j0, j1):
                    for i in range(i0, i1):
                        if mask[k, j, i]:
                            found[k, j, i] = label
            continue
        if (k1 - k0) * (j1 - j0) * (i1 - i0) <= _FEW:
            for k in range(k0, k1):
                for j in range(j0, j1):
                    for i in range(i0, i1):
                        if mask[k, j, i]:
                            best = np.inf
                            for n in range(mine, mine + kept):
                                away = squared_to_piece(
                                    pieces, chosen[n], i * spacing[0], j * spacing[1], k * spacing[2]
                                )
                                if away < best:
                                    best = away
                                    found[k, j, i] = labels[chosen[n]]
            continue
        for half in range(2):
            boxes[waiting, 0], boxes[waiting, 1], boxes[waiting, 2] = k0, k1, j0
            boxes[waiting, 3], boxes[waiting, 4], boxes[waiting, 5] = j1, i0, i1
            boxes[waiting, 6], boxes[waiting, 7] = mine, kept
            if dz >= dy and dz >= dx:
                boxes[waiting, 1 - half] = (k0 + k1) // 2
            elif dy >= dx:
                boxes[waiting, 3 - half] = (j0 + j1) // 2
            else:
                boxes[waiting, 5 - half] = (i0 + i1) // 2
            waiting += 1
