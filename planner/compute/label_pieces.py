"""Labels of voxels made smooth and whole: majority of the neighbours, one piece each, area of borders."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.compute.threads import kernel
from planner.model.geometry import Grid
from planner.model.structures import bounding_box

LabelArray = npt.NDArray[np.uint8]
PieceArray = npt.NDArray[np.int32]


@kernel
def majority(labels: LabelArray, most: int) -> LabelArray:
    """Each voxel takes the label most of its 27 voxels have, its own where it shares the lead; 0 stays 0.

    Parameters
    ----------
    labels
        Shape [k, j, i], 0 outside.
    most
        The largest label.
    """
    depth, height, width = labels.shape
    smooth = labels.copy()
    counts = np.zeros(most + 1, dtype=np.int64)
    for k in range(depth):
        for j in range(height):
            for i in range(width):
                own = labels[k, j, i]
                if own == 0:
                    continue
                counts[:] = 0
                for c in range(max(0, k - 1), min(depth, k + 2)):
                    for b in range(max(0, j - 1), min(height, j + 2)):
                        for a in range(max(0, i - 1), min(width, i + 2)):
                            counts[labels[c, b, a]] += 1
                best = own
                for label in range(1, most + 1):
                    if counts[label] > counts[best]:
                        best = np.uint8(label)
                smooth[k, j, i] = best
    return smooth


def without_islands(labels: LabelArray) -> tuple[LabelArray, int]:
    """Each label in one piece: smaller pieces take the label they share the longest border with.

    Pieces hang together by voxel faces.  Where the mask itself lies in parts, a label keeps one piece in
    each.

    Parameters
    ----------
    labels
        Shape [k, j, i], 0 outside.

    Returns
    -------
    labels
        The same voxels with labels.
    moved
        How many voxels have another one now.
    """
    whole = labels.copy()
    parts, _ = ndi.label(labels > 0)
    while True:
        pieces, owner = _pieces(whole)
        sizes = np.bincount(pieces.ravel(), minlength=len(owner))
        part_of = np.zeros(len(owner), dtype=np.int64)
        part_of[pieces.ravel()] = parts.ravel()  # a piece lies in one part: any of its voxels tells
        main = _main_pieces(owner, sizes, part_of)
        borders = _borders(pieces, len(owner))
        taken = _joined(owner, main, borders)
        if (taken == owner).all():
            return whole, int(np.count_nonzero(whole != labels))
        whole = taken[pieces].astype(np.uint8)


def border_area_mm2(labels: npt.NDArray[Any], grid: Grid) -> float:
    """Area of the voxel faces between two labels; faces to 0, outside, do not count."""
    i_mm, j_mm, k_mm = grid.spacing_mm
    area = 0.0
    for axis, face in enumerate((i_mm * j_mm, i_mm * k_mm, j_mm * k_mm)):
        one, two = _neighbours(labels, axis)
        area += face * int(np.count_nonzero((one != two) & (one > 0) & (two > 0)))
    return area


def _neighbours(labels: npt.NDArray[Any], axis: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    lines = np.moveaxis(labels, axis, 0)
    return lines[:-1], lines[1:]


def _pieces(labels: LabelArray) -> tuple[PieceArray, npt.NDArray[np.int64]]:
    """Number of the piece each voxel belongs to, 0 outside, and the label of each piece."""
    pieces = np.zeros(labels.shape, dtype=np.int32)
    owner = [0]
    for label in range(1, int(labels.max()) + 1):
        region = bounding_box(labels == label).slices
        own, count = ndi.label(labels[region] == label)
        pieces[region][own > 0] = own[own > 0] + (len(owner) - 1)
        owner += [label] * count
    return pieces, np.array(owner, dtype=np.int64)


def _main_pieces(
    owner: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], part_of: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """The largest piece of each label in each part of the mask."""
    main = np.zeros(len(owner), dtype=bool)
    for label, part in np.unique(np.stack([owner, part_of], axis=1)[1:], axis=0):
        own = np.flatnonzero((owner == label) & (part_of == part))
        main[own[np.argmax(sizes[own])]] = True
    return main


def _borders(pieces: PieceArray, count: int) -> dict[tuple[int, int], int]:
    """Number of voxel faces between two pieces, of both orders."""
    found: dict[tuple[int, int], int] = {}
    for axis in range(3):
        one, two = _neighbours(pieces, axis)
        at = (one != two) & (one > 0) & (two > 0)
        keys, numbers = np.unique(one[at].astype(np.int64) * count + two[at], return_counts=True)
        for key, number in zip(keys, numbers, strict=True):
            a, b = int(key) // count, int(key) % count
            found[a, b] = found.get((a, b), 0) + int(number)
            found[b, a] = found.get((b, a), 0) + int(number)
    return found


def _joined(
    owner: npt.NDArray[np.int64], main: npt.NDArray[np.bool_], borders: dict[tuple[int, int], int]
) -> npt.NDArray[np.int64]:
    """Labels of the pieces after each one that is not a main piece joined a main one it touches."""
    shared: dict[int, dict[int, int]] = {}
    for (a, b), faces in sorted(borders.items()):
        if not main[a] and main[b]:
            own = shared.setdefault(a, {})
            own[int(owner[b])] = own.get(int(owner[b]), 0) + faces
    taken = owner.copy()
    for piece, labels in shared.items():
        taken[piece] = max(labels, key=lambda label: (labels[label], -label))
    return taken
