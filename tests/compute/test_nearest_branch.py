"""The nearest line of each voxel: exact over awkward grids, straight and round corners."""

from __future__ import annotations

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.geodesic_branch import geodesic_branch
from planner.compute.label_pieces import border_area_mm2, majority, without_islands
from planner.compute.nearest_branch import OUTSIDE, nearest_branch
from planner.model.geometry import Grid

OBLIQUE = (0.8, -0.6, 0.0, 0.48, 0.64, -0.6, 0.36, 0.48, 0.8)
MIRRORED = (-1.0, 0, 0, 0, 0, 1.0, 0, 1.0, 0)
GRIDS = [
    Grid((30, 37, 41), (0.7, 0.9, 2.5), (10.0, -20.0, 5.0)),
    Grid((33, 29, 40), (1.3, 0.6, 3.0), (-7.0, 4.0, 100.0), OBLIQUE),
    Grid((40, 40, 30), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), MIRRORED),
    Grid((1, 25, 3), (0.5, 0.5, 5.0), (0.0, 0.0, 0.0)),
]


def voxels(grid: Grid) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


def wandering(grid: Grid, count: int, seed: int) -> list[np.ndarray]:
    """Random lines in and around a grid, some of one point, the next beginning where one ended."""
    rng = np.random.default_rng(seed)
    size = np.array(grid.shape[::-1]) * np.array(grid.spacing_mm)
    lines = []
    for n in range(count):
        ijk = rng.uniform(-0.2, 1.2, 3) * np.array(grid.shape[::-1])
        start = lines[-1][-1] if n % 3 == 1 else grid.to_lps(ijk)
        steps = rng.normal(scale=size.max() / 20, size=(n % 7, 3))
        lines.append(np.vstack([start, start + np.cumsum(steps, axis=0)]))
    return lines


def brute_force(places: np.ndarray, lines: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Least distance to each line, and which is first to have the least; shape (lines, n) and (n,)."""
    away = np.full((len(lines), len(places)), np.inf)
    for n, line in enumerate(lines):
        for a, b in zip(line, [*line[1:], line[-1]], strict=True):
            way = b - a
            share = np.clip((places - a) @ way / max(way @ way, 1e-300), 0, 1)
            away[n] = np.minimum(away[n], np.linalg.norm(places - a - share[:, None] * way, axis=1))
    return away, away.argmin(axis=0)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("count", [1, 2, 40])
def test_every_voxel_has_its_nearest_line(grid, count):
    lines = wandering(grid, count, 7)
    mask = np.random.default_rng(1).random(grid.shape) < 0.6
    found = nearest_branch(grid, mask, lines, range(count))
    assert (found[~mask] == OUTSIDE).all()
    away, best = brute_force(voxels(grid)[mask], lines)
    mine = found[mask]
    # Lines that share an end are equally near there: rounding may order them either way in the other sum.
    gap = np.take_along_axis(away, mine[None], axis=0)[0] - away.min(axis=0)
    assert gap.max() < 1e-9
    clear = np.partition(away, min(1, count - 1), axis=0)[min(1, count - 1)] - away.min(axis=0) > 1e-9
    assert count == 1 or (mine[clear] == best[clear]).all()


def test_at_a_fork_the_first_line_has_the_tie():
    grid = Grid((3, 21, 21), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    lines = [np.array([[0.0, 10, 1], [10, 10, 1]]), np.array([[10.0, 10, 1], [10, 20, 1]])]
    corner = np.s_[:, 0:9, 12:21]  # nearest to the shared end alone
    for order in ((0, 1), (1, 0)):
        mask = np.ones(grid.shape, dtype=bool)
        found = nearest_branch(grid, mask, [lines[n] for n in order], order)
        assert (found[corner] == order[0]).all()


def test_the_same_bits_every_time():
    grid = GRIDS[1]
    lines = wandering(grid, 30, 3)
    mask = np.ones(grid.shape, dtype=bool)
    one, two = (nearest_branch(grid, mask, lines, range(30)) for _ in range(2))
    assert one.tobytes() == two.tobytes()


def test_it_stops_when_asked():
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        nearest_branch(GRIDS[0], np.ones(GRIDS[0].shape, bool), wandering(GRIDS[0], 3, 1), range(3), task)


@pytest.mark.parametrize(
    ("mask", "lines", "labels"),
    [
        (np.ones((2, 2, 2), bool), [np.zeros((2, 3))], [0]),
        (np.ones(GRIDS[0].shape, bool), [], []),
        (np.ones(GRIDS[0].shape, bool), [np.zeros((2, 3))], [0, 1]),
        (np.ones(GRIDS[0].shape, bool), [np.zeros((2, 2))], [0]),
        (np.ones(GRIDS[0].shape, bool), [np.zeros((0, 3))], [0]),
        (np.ones(GRIDS[0].shape, bool), [np.full((2, 3), np.nan)], [0]),
        (np.ones(GRIDS[0].shape, bool), [np.zeros((2, 3))], [-1]),
    ],
)
def test_what_cannot_be_is_refused_in_three_parts(mask, lines, labels):
    with pytest.raises(InvalidValue) as error:
        nearest_branch(GRIDS[0], mask, lines, labels)
    assert error.value.what
    assert error.value.thing
    assert error.value.todo


def u_shape(spacing=(1.0, 1.0, 1.0)) -> tuple[Grid, np.ndarray]:
    """Two limbs of 20 mm along y, 20 mm apart, joined at high y; 60 x 80 x 10 mm."""
    grid = Grid(
        tuple(int(n / s) for n, s in zip((10, 80, 60), spacing[::-1], strict=True)), spacing, (0, 0, 0)
    )
    places = voxels(grid)
    cleft = (abs(places[..., 0] - 30) < 10) & (places[..., 1] < 60)
    return grid, ~cleft


def test_round_a_cleft_the_way_within_counts():
    grid, mask = u_shape()
    # One line at the tip of the left limb, near the cleft; another at the bridge, far from the right limb.
    lines = [np.array([[19.0, 5, 0], [19.0, 5, 9]]), np.array([[50.0, 70, 0], [50.0, 70, 9]])]
    straight = nearest_branch(grid, mask, lines, [0, 1])
    within, lost = geodesic_branch(grid, mask, lines, [0, 1])
    right = mask & (voxels(grid)[..., 0] > 35)
    assert (straight[right] == 0).mean() > 0.3
    assert (within[right] == 1).all()
    assert lost == 0


def test_round_a_corner_the_border_lies_half_way():
    """Both lines reach the right limb round the cleft: the one at the bridge wins by the length of way."""
    grid, mask = u_shape((1.0, 1.0, 2.5))
    lines = [np.array([[10.0, 10, 0], [10.0, 10, 9]]), np.array([[50.0, 10, 0], [50.0, 10, 9]])]
    within, lost = geodesic_branch(grid, mask, lines, [0, 1])
    x = voxels(grid)[..., 0]
    wrong = mask & ((x < 29) & (within == 1) | (x > 31) & (within == 0))
    assert not wrong.any()
    assert lost == 0


def test_in_a_convex_mask_both_ways_agree_to_the_voxel():
    grid = GRIDS[1]
    places = voxels(grid) - grid.center_lps_mm
    mask = (places**2).sum(axis=-1) < 15**2
    lines = [
        grid.center_lps_mm + line
        for line in (np.array([[-9.0, 0, 0], [0, 3, 0]]), np.array([[4.0, 5, 0], [4, 5, 9]]))
    ]
    within, _ = geodesic_branch(grid, mask, lines, [4, 2])
    assert (within == nearest_branch(grid, mask, lines, [4, 2])).all()


def test_a_piece_no_way_reaches_goes_by_straight_distance_and_is_counted():
    grid = Grid((5, 10, 40), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    mask = np.ones(grid.shape, dtype=bool)
    mask[:, :, 20:22] = False
    line = [np.array([[3.0, 5, 2], [8.0, 5, 2]])]
    within, lost = geodesic_branch(grid, mask, line, [6])
    assert (within[mask] == 6).all()
    assert lost == 5 * 10 * 18


def test_pieces_join_the_neighbour_of_the_longest_border():
    labels = np.ones((6, 12, 12), dtype=np.uint8)
    labels[:, :, 6:] = 2
    labels[2, 5, 5] = 3  # four faces to 1, one each to 2 and ...
    labels[:, 0:2, 10:] = 3
    labels[0, 11, 0] = 2
    whole, moved = without_islands(labels)
    assert whole[2, 5, 5] == 1
    assert whole[0, 11, 0] == 1
    assert moved == 2
    assert (whole[:, 0:2, 10:] == 3).all()
    assert ((whole > 0) == (labels > 0)).all()


def test_an_island_beside_an_island_finds_land():
    labels = np.ones((5, 20, 5), dtype=np.uint8)
    labels[:, 14:] = 2
    labels[2, 4, 2], labels[2, 5, 2] = 2, 3
    labels[0, 19, 0] = 3
    labels[0, 19, 1] = 3
    whole, _ = without_islands(labels)
    assert (whole[2, 4:6, 2] == 1).all()
    assert (whole[0, 19, :2] == 3).all()


def test_a_part_that_stands_apart_keeps_a_label():
    labels = np.zeros((3, 3, 20), dtype=np.uint8)
    labels[:, :, :10], labels[:, :, 12:] = 1, 1
    labels[:, :, 18:] = 2
    labels[0, 0, 13] = 2
    whole, _ = without_islands(labels)
    assert (whole[:, :, 12:] > 0).all()
    assert (whole[:, :, :10] == 1).all()
    assert whole[0, 0, 13] == 1


def test_the_majority_smooths_and_keeps_the_mask():
    rng = np.random.default_rng(5)
    labels = np.where(np.arange(30) < 15, 1, 2) * np.ones((20, 20, 1))
    noisy = np.where(rng.random(labels.shape) < 0.1, 3 - labels, labels).astype(np.uint8)
    noisy[:, :, 0] = 0
    smooth = majority(noisy, 8)
    grid = Grid(labels.shape, (0.7, 0.9, 2.0), (0, 0, 0))
    assert ((smooth > 0) == (noisy > 0)).all()
    assert border_area_mm2(smooth, grid) < 0.5 * border_area_mm2(noisy, grid)
    flat = majority(labels.astype(np.uint8), 8)
    assert (flat == labels).all()
    assert border_area_mm2(flat, grid) == pytest.approx(20 * 20 * 0.9 * 2.0)
