"""Segments a remnant keeps on blocks of voxels, where faces can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.geometry import Grid
from planner.planning.kept_segments import KeptSegments

GRID = Grid((10, 10, 40), (2.0, 1.0, 1.5), (0.0, 0.0, 0.0))


def blocks(*numbers: int) -> np.ndarray:
    """Blocks of ten columns side by side along i."""
    found = np.zeros(GRID.shape, dtype=np.int8)
    for n, number in enumerate(numbers):
        found[:, :, 10 * n : 10 * n + 10] = number
    return found


def test_neighbours_hang_together() -> None:
    """Blocks meet in 10 x 10 faces of 1 x 1.5 mm: 150 mm2."""
    everything = np.ones(GRID.shape, dtype=bool)
    found = KeptSegments.of(blocks(5, 8, 0, 2), everything, GRID)
    assert (found.kept, found.together) == ((2, 5, 8), (5, 8))
    chain = KeptSegments.of(blocks(5, 8, 4, 2), everything, GRID)
    assert chain.together == (2, 4, 5, 8)


def test_most_must_stay_and_the_border_with_it() -> None:
    segments = blocks(5, 8, 4, 2)
    left = np.ones(GRID.shape, dtype=bool)
    left[:, :, 10:16] = False  # six of the ten columns of segment 8
    assert KeptSegments.of(segments, left, GRID).kept == (2, 4, 5)
    assert KeptSegments.of(segments, left, GRID).together == (2, 4)
    left[:, :, 15:16] = True  # half of it: not most
    assert 8 not in KeptSegments.of(segments, left, GRID).kept
    thin = np.ones(GRID.shape, dtype=bool)
    thin[4:, :, 20] = False  # leaves 4 x 10 faces between 8 and 4: 60 mm2, and 40 mm2 elsewhere
    assert KeptSegments.of(segments, thin, GRID).together in ((2, 4), (5, 8))


@pytest.mark.parametrize("numbers", [(0, 0, 0, 0), (3, 0, 7, 0)])
def test_none_together(numbers: tuple[int, ...]) -> None:
    found = KeptSegments.of(blocks(*numbers), np.ones(GRID.shape, dtype=bool), GRID)
    assert len(found.together) <= 1
    nothing = KeptSegments.of(blocks(*numbers), np.zeros(GRID.shape, dtype=bool), GRID)
    assert (nothing.kept, nothing.together) == ((), ())
