"""Vessels that take part in territories: the same stretches found for a whole tree at once as branch by branch."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from liver_shapes import OBLIQUE, branch, lattice, organ, places, portal

from planner.base.errors import InvalidValue
from planner.compute.mask_nearness import is_near
from planner.compute.smooth_mask import SmoothMask
from planner.model.vessel_tree import VesselTree
from planner.planning.centreline_parts import parts_near
from planner.planning.liver_ground import LiverGround
from planner.planning.vessels_within import parts_within

GRIDS = [lattice((0.9, 1.1, 2.5), (40, 60, 60)), lattice((1.3, 0.8, 2.0), (40, 60, 60), OBLIQUE)]


@pytest.mark.parametrize("grid", GRIDS)
def test_the_same_stretches_as_branch_by_branch(grid) -> None:
    mask = ((places(grid)) ** 2).sum(axis=-1) <= 20.0**2
    ground = LiverGround.of(organ(grid, mask))
    tree = portal(
        branch(0, None, (0, 0, -80), (0, 0, -30)),
        branch(1, 0, (0, 0, -30), (5, 0, 0), (60, 4, 9)),
        branch(2, 0, (0, 0, -30), (-28, 0, 0), (-5, 0, 5), (0, 60, 60)),
        branch(3, 0, (0, 0, -30), (200, 0, -30)),
    )
    found, known = parts_within(tree, ground), parts_near(tree, ground)
    assert [p.number for p in found] == [p.number for p in known]
    for one, two in zip(found, known, strict=True):
        assert np.array_equal(one.points_lps_mm, two.points_lps_mm)


def test_near_a_ball() -> None:
    """A point is near where its voxel's centre is within the distance of one of the ball's voxels."""
    grid = GRIDS[1]
    mask = ((places(grid)) ** 2).sum(axis=-1) <= 15.0**2
    points = np.random.default_rng(0).uniform(-30.0, 30.0, (3000, 3))
    away = np.linalg.norm(points, axis=1) - 15.0
    near = is_near(mask, grid, points, 6.0)
    sure = np.abs(away - 6.0) > 2.5
    assert (near == (away < 6.0))[sure].all()


def test_guards() -> None:
    grid = GRIDS[0]
    mask = ((places(grid)) ** 2).sum(axis=-1) <= 20.0**2
    ground = LiverGround.of(organ(grid, mask))
    with pytest.raises(InvalidValue, match="no branch"):
        parts_within(VesselTree("none", "portal_vein"), ground)
    with pytest.raises(InvalidValue, match="outside the liver"):
        parts_within(portal(branch(0, None, (90, 0, 0), (120, 0, 0))), ground)
    with pytest.raises(InvalidValue, match="shape of its grid"):
        SmoothMask.of(mask[1:], grid)
