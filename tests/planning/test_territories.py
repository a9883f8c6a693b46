"""Territories against closed forms; what cuts lose sums to the liver to the voxel."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from liver_shapes import OBLIQUE, branch, hepatic, lattice, organ, places, portal

from planner.base.errors import InvalidValue
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.cut_effect import Loss, cut_effect
from planner.planning.territories import Territories, inflow, outflow

RADIUS_MM = 30.0
GRIDS = [
    lattice((1.0, 1.0, 1.0), (64, 64, 64)),
    lattice((0.7, 1.1, 2.5), (64, 64, 64)),
    lattice((1.3, 0.8, 2.0), (64, 64, 64), OBLIQUE),
]


def ball(grid) -> StructureSet:
    """A liver of 30 mm radius about a point that is no voxel's centre."""
    mask = ((places(grid) - (0.3, 0.2, 0.1)) ** 2).sum(axis=-1) <= RADIUS_MM**2
    return organ(grid, mask)


def parallel(x_one: float, x_two: float):
    """Two vessels along z, at two places in x, joined outside the liver."""
    return portal(
        branch(0, None, (0, 0, -80), (0, 0, -60)),
        branch(1, 0, (0, 0, -60), (x_one, 0, -40), (x_one, 0, 40)),
        branch(2, 0, (0, 0, -60), (x_two, 0, -40), (x_two, 0, 40)),
    )


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("way", ["euclidean", "geodesic"])
def test_parallel_vessels_part_the_liver_at_the_plane_between(grid, way):
    # The plane between, x = 4.55, runs between voxel centres of the upright grids: no counting error.
    found = inflow(parallel(-10, 19.1), ball(grid), way)
    height = RADIUS_MM - (4.55 - 0.3)  # of the cap beyond it
    whole = 4 / 3 * np.pi * RADIUS_MM**3 / 1000
    cap = np.pi * height**2 * (3 * RADIUS_MM - height) / 3 / 1000
    assert found.volume_ml(2) == pytest.approx(cap, abs=0.005 * whole)
    assert found.volume_ml(1) == pytest.approx(whole - cap, abs=0.005 * whole)
    assert found.volume_ml(0) == 0.0
    assert found.share_percent(0) == 100.0
    assert any("1 of 3 branches" in note for note in found.notes)


@pytest.mark.parametrize("grid", GRIDS)
def test_the_three_arms_of_a_y_have_a_third_each(grid):
    arms = [40 * np.array((np.sin(a), 0, np.cos(a))) for a in np.radians([180, 60, 300])]
    middle = np.array([0.3, 0.2, 0.1])
    tree = portal(
        branch(0, None, middle + arms[0], middle),
        branch(1, 0, middle, middle + arms[1]),
        branch(2, 0, middle, middle + arms[2]),
    )
    found = inflow(tree, ball(grid))
    whole = found.ground.volume_ml
    for number in range(3):
        assert found.volume_ml(number) == pytest.approx(whole / 3, abs=0.005 * whole)
    assert found.subtree_volume_ml(0) == pytest.approx(whole)
    assert found.subtree_volume_ml(1) == found.volume_ml(1)


def test_masks_and_volumes_say_the_same():
    found = inflow(parallel(-10, 20), ball(GRIDS[1]))
    for chosen in ([0], [1], [1, 2], [2, 2], [0, 2]):
        assert np.count_nonzero(found.mask(chosen)) == found.voxel_count(chosen)
    assert not found.mask([]).any()
    assert not (found.mask([0]) & ~found.ground.mask).any()


def test_lesions_belong_to_the_liver():
    grid = GRIDS[0]
    liver = ((places(grid)) ** 2).sum(axis=-1) <= 400
    lesion = ((places(grid) - (15, 0, 0)) ** 2).sum(axis=-1) <= 100
    found = inflow(parallel(-10, 10), organ(grid, liver & ~lesion, tumour=(Role.LESION, lesion)))
    assert found.ground.voxel_count == np.count_nonzero(liver | lesion)


def random_trees(seed: int):
    """Two trees of random twigs in the ball."""
    rng = np.random.default_rng(seed)
    made = []
    for build in (portal, hepatic):
        branches = [branch(0, None, (0, 0, -50), rng.normal(scale=8, size=3))]
        for number in range(1, 25):
            parent = branches[rng.integers(len(branches))]
            start = parent.points_lps_mm[-1]
            branches.append(branch(number, parent.number, start, start + rng.normal(scale=12, size=3)))
        made.append(build(*branches))
    return made


def test_losses_of_random_cuts_sum_to_the_liver():
    liver = ball(GRIDS[2])
    trees = random_trees(4)
    supply, drain = inflow(trees[0], liver), outflow(trees[1], liver)
    rng = np.random.default_rng(9)
    for _ in range(25):
        cuts = [set(rng.choice(25, size=rng.integers(0, 5), replace=False).tolist()) for _ in range(2)]
        effect = cut_effect(supply, drain, *cuts)
        assert sum(effect.voxel_count(loss) for loss in Loss) == supply.ground.voxel_count
        assert (effect.mask(*Loss) == supply.ground.mask).all()
        dead, full = supply.mask(cuts[0]), drain.mask(cuts[1])
        assert (effect.mask(Loss.BOTH) == (dead & full)).all()
        assert (effect.mask(Loss.DEVASCULARISED) == (dead & ~full)).all()
        assert (effect.mask(Loss.CONGESTED) == (full & ~dead)).all()
        assert effect.without_inflow_ml == pytest.approx(np.count_nonzero(dead) * supply.grid.voxel_volume_ml)
        assert effect.without_outflow_ml == pytest.approx(
            np.count_nonzero(full) * supply.grid.voxel_volume_ml
        )


def test_a_cut_takes_all_beyond_it():
    liver = ball(GRIDS[0])
    tree = random_trees(4)[0]
    supply = inflow(tree, liver)
    for number in (0, 3, 7):
        beyond = [b.number for b in tree.subtree(number)]
        own = sum(np.count_nonzero(supply.labels == n) for n in beyond)
        assert cut_effect(supply, None, {number}).voxel_count(Loss.DEVASCULARISED) == own
        assert supply.voxel_count([number]) == own


def test_without_outflow_congestion_is_said_to_be_unknown():
    supply = inflow(parallel(-10, 20), ball(GRIDS[0]))
    effect = cut_effect(supply, None, {1})
    assert effect.voxel_count(Loss.CONGESTED) == 0
    assert "outflow" in effect.notes[0]


def test_the_same_bits_every_time():
    one, two = (inflow(parallel(-10, 20), ball(GRIDS[2]), "geodesic") for _ in range(2))
    assert one.labels.tobytes() == two.labels.tobytes()


def test_a_liver_in_pieces_with_a_hole_is_covered_and_said():
    grid = GRIDS[0]
    at = places(grid)
    mask = (at**2).sum(axis=-1) <= 900
    mask &= abs(at[..., 0] + 20) > 2
    mask &= ((at - (10, 0, 0)) ** 2).sum(axis=-1) > 36
    found = inflow(parallel(5, 22), organ(grid, mask), "geodesic")
    words = " ".join(found.notes)
    assert "2 pieces" in words
    assert "holes" in words
    assert "hang together with no vessel" in words
    assert found.voxel_count([0]) == np.count_nonzero(mask)


def test_vessels_beside_the_liver_take_part_and_those_far_do_not():
    grid = GRIDS[0]
    liver = organ(grid, np.abs(places(grid)).max(axis=-1) <= 20)
    tree = portal(
        branch(0, None, (24, -30, 0), (24, 0, 0)),
        branch(1, 0, (24, 0, 0), (24, 30, 0)),
        branch(2, 0, (24, 0, 0), (60, 0, 0)),
    )
    found = inflow(tree, liver)
    assert found.volume_ml(0) > 0
    assert found.volume_ml(1) > 0
    assert found.share_percent(0) == 100.0
    with pytest.raises(InvalidValue, match="outside the liver"):
        inflow(portal(branch(0, None, (26, -30, 0), (26, 30, 0))), liver)


def test_errors_say_what_which_and_what_to_do():
    liver = ball(GRIDS[0])
    tree = parallel(-10, 20)
    supply = inflow(tree, liver)
    other = outflow(hepatic(*tree.branches), ball(GRIDS[1]))
    empty = organ(GRIDS[0], np.zeros(GRIDS[0].shape, dtype=bool))
    far = portal(branch(0, None, (300, 0, 0), (320, 0, 0)))
    trips = [
        lambda: inflow(portal(), liver),
        lambda: inflow(far, liver),
        lambda: inflow(tree, empty),
        lambda: inflow(hepatic(*tree.branches), liver),
        lambda: outflow(tree, liver),
        lambda: inflow(tree, liver, "by air"),
        lambda: supply.mask([9]),
        lambda: supply.volume_ml(9),
        lambda: cut_effect(supply, None, {9}),
        lambda: cut_effect(None, None, {1}),
        lambda: cut_effect(supply, None, {1}, {1}),
        lambda: cut_effect(supply, other, {1}, {1}),
        lambda: Territories(tree, supply.ground, supply.labels + 1),
        lambda: Territories(tree, supply.ground, np.where(supply.labels >= 0, 7, -1).astype(np.int32)),
        lambda: Territories(tree, supply.ground, supply.labels, "by air"),
    ]
    for trip in trips:
        with pytest.raises(InvalidValue) as error:
            trip()
        assert error.value.what
        assert error.value.thing
        assert error.value.todo
