"""Blocks of voxels: nothing is lost, and each block lies where its voxels lie."""

from __future__ import annotations

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.compute.voxel_blocks import VoxelBlocks
from planner.model.geometry import Grid

from ..verification.dose_shapes import OBLIQUE, STRAIGHT, voxel_points

GRIDS = [
    (Grid((7, 9, 11), (0.7, 0.9, 1.6), (3.0, -4.0, 5.0), OBLIQUE), 2.0, 5.0),
    (Grid((1, 2, 3), (0.5, 0.5, 5.0), (0.0, 0.0, 0.0), STRAIGHT), 2.0, 0.0),
    (Grid((4, 4, 4), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), OBLIQUE), 1.0, 3.0),
]


@pytest.mark.parametrize(("fine", "edge_mm", "beyond_mm"), GRIDS)
def test_sums_keep_the_total_and_its_center(fine: Grid, edge_mm: float, beyond_mm: float) -> None:
    values = np.random.default_rng(1).random(fine.shape)
    blocks = VoxelBlocks.about(fine, edge_mm, beyond_mm)
    sums = blocks.sums(values)
    assert sums.shape == blocks.grid.shape
    assert sums.sum() == pytest.approx(values.sum(), rel=1e-12)
    # a block's middle is the mean of its voxels' middles, so of full blocks the first moment is kept
    whole = blocks.sums(np.ones(fine.shape)) == np.prod(blocks.steps)
    if whole.all() or fine.shape == (4, 4, 4):
        moments = [np.tensordot(v, voxel_points(g), 3) for v, g in ((values, fine), (sums, blocks.grid))]
        assert moments[0] == pytest.approx(moments[1], abs=1e-9)


def test_each_block_lies_in_the_middle_of_its_voxels() -> None:
    fine = Grid((6, 4, 8), (0.5, 1.0, 2.0), (1.0, 2.0, 3.0), OBLIQUE)
    blocks = VoxelBlocks(fine, (3, 2, 4), (1, 0, 2))
    points = voxel_points(fine)
    middles = np.stack([blocks.means(points[..., axis]) for axis in range(3)], axis=-1)
    inside = blocks.means(np.ones(fine.shape)) == 1.0
    assert inside.sum() == 2 * 2 * 2
    assert middles[inside] == pytest.approx(voxel_points(blocks.grid)[inside], abs=1e-9)


def test_a_block_without_voxels_is_refused() -> None:
    with pytest.raises(InvalidValue):
        VoxelBlocks(GRIDS[0][0], (0, 1, 1))
