"""Rays through balls and slabs: clearances, places and lengths in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from planner.base.errors import InvalidValue
from planner.compute.clearance import BoundaryPoints
from planner.compute.clearance_lattice import CoarseLattice
from planner.compute.ray_march import FAR, FAR_MM, Kind, MarchLattice, march_error_mm, march_rays
from planner.model.geometry import Box, Grid

TURN = tuple(Rotation.from_euler("zyx", (25, -15, 10), degrees=True).as_matrix().ravel())
MIRROR = (1.0, 0, 0, 0, 1, 0, 0, 0, -1)
STEP = 0.75

#: Class 1 is a medium, 2 the goal, 3 another, 4 void; 0 and the rest are nothing.
KINDS = np.full(256, Kind.NOTHING, dtype=np.uint8)
KINDS[1:5] = Kind.MEDIUM, Kind.GOAL, Kind.OTHER, Kind.VOID


def centered(shape: tuple[int, int, int], spacing: tuple[float, float, float], direction: tuple = ()) -> Grid:
    """A grid about the origin."""
    grid = Grid(shape, spacing, (0, 0, 0), direction or Grid((1, 1, 1), (1, 1, 1), (0, 0, 0)).direction)
    x, y, z = -grid.center_lps_mm + 0.1
    return Grid(shape, spacing, (x, y, z), grid.direction)


GRIDS = {
    "cubic": centered((80, 80, 80), (1.5, 1.5, 1.5)),
    "flat voxels": centered((40, 120, 100), (1.2, 1.0, 3.0)),
    "oblique": centered((80, 70, 90), (1.5, 1.7, 1.4), TURN),
    "mirrored": centered((60, 80, 80), (1.5, 1.5, 2.0), MIRROR),
}


def points_of(grid: Grid) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


def quarters(distance_mm: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(4 * distance_mm), 0, FAR).astype(np.uint8)


def lattice_of(
    grid: Grid, fields: list[np.ndarray] | None = None, classes: np.ndarray | None = None
) -> MarchLattice:
    blank = np.full(grid.shape, FAR, dtype=np.uint8)
    channels = [*(fields or []), blank, blank, blank, blank][:4]
    return MarchLattice.of_channels(
        grid, channels, np.zeros(grid.shape, np.uint8) if classes is None else classes
    )


def chords(count: int, reach_mm: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-reach_mm, reach_mm, (count, 3)), rng.uniform(-reach_mm, reach_mm, (count, 3))


def distance_to_segments(
    point: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    way = ends - starts
    share = np.clip(((point - starts) * way).sum(1) / (way**2).sum(1), 0, 1)
    return np.linalg.norm(starts + share[:, None] * way - point, axis=1), share


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_clearance_past_four_balls_is_distance_less_radius(grid: Grid) -> None:
    balls = [((10, 0, 0), 5.0), ((-12, 8, 3), 3.0), ((0, -15, 10), 8.0), ((4, 12, -14), 2.0)]
    points = points_of(grid)
    fields = [quarters(np.linalg.norm(points - np.array(c), axis=-1) - r) for c, r in balls]
    starts, ends = chords(500, 25.0, 1)
    met = march_rays(lattice_of(grid, fields), starts, ends, KINDS, STEP)
    assert not met.off_mm.any()
    bound = march_error_mm(grid, STEP)
    for channel, (center, radius) in enumerate(balls):
        distance, _ = distance_to_segments(np.array(center, float), starts, ends)
        truth = np.maximum(distance - radius, 0.0)
        assert np.abs(met.least_mm[:, channel] - truth).max() <= bound


def test_the_place_of_the_least_clearance() -> None:
    grid, center = GRIDS["cubic"], np.array([10.0, 0, 0])
    field = quarters(np.linalg.norm(points_of(grid) - center, axis=-1))
    starts, ends = chords(300, 25.0, 2)
    met = march_rays(lattice_of(grid, [field]), starts, ends, KINDS, STEP)
    length = np.linalg.norm(ends - starts, axis=1)
    place = starts + (met.least_at_mm[:, 0] / length)[:, None] * (ends - starts)
    truth, _ = distance_to_segments(center, starts, ends)
    assert np.all(np.linalg.norm(place - center, axis=1) <= truth + 2 * march_error_mm(grid, STEP))


def test_every_sample_is_looked_at() -> None:
    """The same samples, one by one in numpy."""
    grid, rng = GRIDS["oblique"], np.random.default_rng(3)
    fields = [rng.integers(0, 256, grid.shape).astype(np.uint8) for _ in range(4)]
    classes = rng.integers(0, 6, grid.shape).astype(np.uint8)
    starts, ends = chords(60, 45.0, 4)
    met = march_rays(lattice_of(grid, fields, classes), starts, ends, KINDS, STEP)
    for n, (start, end) in enumerate(zip(starts, ends, strict=True)):
        length = float(np.linalg.norm(end - start))
        steps = int(np.ceil(length / STEP))
        at = start + ((np.arange(steps) + 0.5) / steps)[:, None] * (end - start)
        inside = grid.contains(at)
        i, j, k = np.rint(grid.to_ijk(at[inside])).astype(int).T
        step = length / steps
        assert met.off_mm[n] == pytest.approx(step * np.count_nonzero(~inside), abs=1e-3)
        for channel in range(4):
            assert met.least_mm[n, channel] == fields[channel][k, j, i].min() / 4
            first = np.flatnonzero(inside)[int(np.argmin(fields[channel][k, j, i]))]
            assert met.least_at_mm[n, channel] == pytest.approx((first + 0.5) * step, rel=1e-5)
        found = classes[k, j, i]
        for kind in range(4):
            assert met.within_mm[n, kind] == pytest.approx(
                step * np.count_nonzero(found == kind + 1), abs=1e-3
            )
        goals = np.flatnonzero(found == 2)
        rest = found[goals[-1] + 1 :] if len(goals) else found
        assert met.medium_past_goal_mm[n] == pytest.approx(step * np.count_nonzero(rest == 1), abs=1e-3)
        solid = np.flatnonzero(inside)[np.isin(found, (1, 2, 3))]
        assert met.entered_mm[n] == pytest.approx((solid[-1] + 1) * step, rel=1e-5)


@pytest.mark.parametrize("tilt_deg", [0.0, 30.0, 60.0])
def test_lengths_through_slabs(tilt_deg: float) -> None:
    """A goal to y = 10, a medium to 30, void from 45 on, nothing between: from the origin at an angle."""
    grid = GRIDS["flat voxels"]
    y = points_of(grid)[..., 1]
    classes = np.select([y < 10, y < 30, y < 45], [2, 1, 0], 4).astype(np.uint8)
    slope = np.cos(np.radians(tilt_deg))
    end = 50.0 * np.array([np.tan(np.radians(tilt_deg)), 1.0, 0.0])
    met = march_rays(lattice_of(grid, classes=classes), (0, 0, 0), end, KINDS, STEP)
    bound = (0.5 * grid.spacing_mm[1] + STEP) / slope
    assert met.length_mm[0] == pytest.approx(50.0 / slope)
    outside = max(0.0, (abs(end[0]) - 0.5 * 100 * 1.2 - 0.1) / max(abs(end[0]), 1e-9)) * met.length_mm[0]
    assert met.off_mm[0] == pytest.approx(outside, abs=bound)
    assert met.within_mm[0, Kind.GOAL] == pytest.approx(10 / slope, abs=bound)
    assert met.within_mm[0, Kind.MEDIUM] == pytest.approx(20 / slope, abs=bound)
    assert met.medium_past_goal_mm[0] == met.within_mm[0, Kind.MEDIUM]
    assert met.entered_mm[0] == pytest.approx(30 / slope, abs=bound)
    if outside == 0:
        assert met.within_mm[0, Kind.VOID] == pytest.approx(5 / slope, abs=bound)


def test_medium_before_the_goal_counts_only_beyond_it() -> None:
    grid = GRIDS["cubic"]
    y = points_of(grid)[..., 1]
    classes = np.select([y < 0, y < 10, y < 20], [1, 2, 1], 0).astype(np.uint8)
    met = march_rays(lattice_of(grid, classes=classes), (0, -20, 0), (0, 40, 0), KINDS, STEP)
    assert met.within_mm[0, Kind.MEDIUM] == pytest.approx(30, abs=1.5)
    assert met.medium_past_goal_mm[0] == pytest.approx(10, abs=1.5)


def test_nothing_near_the_start_is_left_out_unless_asked() -> None:
    grid = GRIDS["cubic"]
    field = quarters(np.linalg.norm(points_of(grid), axis=-1))
    lattice = lattice_of(grid, [field])
    near = march_rays(lattice, (0, 0, 0), (0, 40, 0), KINDS, STEP)
    assert near.least_mm[0, 0] <= march_error_mm(grid, STEP)
    later = march_rays(lattice, (0, 0, 0), (0, 40, 0), KINDS, STEP, skip_mm=12.0)
    assert later.least_mm[0, 0] == pytest.approx(12.0, abs=march_error_mm(grid, STEP))
    assert later.within_mm.tolist() == near.within_mm.tolist()
    all_of_it = march_rays(lattice, (0, 0, 0), (0, 40, 0), KINDS, STEP, skip_mm=100.0)
    assert all_of_it.least_mm[0, 0] == FAR_MM


def test_rays_beside_the_lattice_meet_nothing() -> None:
    grid = GRIDS["oblique"]
    met = march_rays(
        lattice_of(grid, [np.zeros(grid.shape, np.uint8)]), (500, 0, 0), (500, 90, 0), KINDS, STEP
    )
    assert met.off_mm[0] == pytest.approx(90.0)
    assert met.least_mm[0, 0] == FAR_MM
    assert np.isnan(met.entered_mm[0])


def test_the_same_rays_give_the_same_bits() -> None:
    grid = GRIDS["oblique"]
    field = quarters(np.linalg.norm(points_of(grid), axis=-1))
    starts, ends = chords(200, 40.0, 5)
    first, second = (march_rays(lattice_of(grid, [field]), starts, ends, KINDS, STEP) for _ in range(2))
    for name, values in vars(first).items():
        assert values.tobytes() == getattr(second, name).tobytes()
        assert not values.flags.writeable


def test_what_cannot_be_marched_is_refused() -> None:
    grid = GRIDS["cubic"]
    lattice = lattice_of(grid)
    ends = np.zeros((3, 3))
    bad = [
        ((np.nan, 0, 0), ends, KINDS, STEP, 0.0),
        (np.zeros((2, 3)), ends, KINDS, STEP, 0.0),
        ((0, 0), ends, KINDS, STEP, 0.0),
        ((0, 0, 0), ends, KINDS[:9], STEP, 0.0),
        ((0, 0, 0), ends, KINDS + 1, STEP, 0.0),
        ((0, 0, 0), ends, KINDS, 0.0, 0.0),
        ((0, 0, 0), ends + 50, KINDS, 1e-3, 0.0),
        ((0, 0, 0), ends, KINDS, STEP, np.inf),
    ]
    for arguments in bad:
        with pytest.raises(InvalidValue):
            march_rays(lattice, *arguments)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue):
        MarchLattice(grid, lattice.packed, lattice.classes[1:])
    with pytest.raises(InvalidValue):
        MarchLattice.of_channels(grid, [lattice.classes] * 3, lattice.classes)


SCANS = {
    "fine": centered((50, 90, 100), (0.7, 0.8, 1.4)),
    "thick slices": centered((20, 80, 80), (0.9, 0.9, 5.0), TURN),
    "coarse": centered((30, 30, 30), (2.5, 2.5, 2.5), MIRROR),
}


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS.keys())
def test_distances_on_a_coarse_lattice_are_those_to_the_face_middles(scan: Grid) -> None:
    points = points_of(scan)
    mask = np.linalg.norm(points - np.array([3.0, 2, 1]), axis=-1) < 11
    mask |= np.abs(points @ np.array([0.6, 0.64, 0.48]) + 18) < 1.0
    box = Box((1, 2, 3), scan.shape)
    coarse = CoarseLattice.over(scan, box, 1.5)
    part = mask[box.slices]
    found = coarse.quarter_clearance(part)
    boundary = BoundaryPoints.of_mask(part, scan.cropped(box)).points_lps_mm
    truth, _ = cKDTree(boundary).query(points_of(coarse.grid))
    inside = coarse.touching(part)
    assert np.array_equal(found == 0, inside)
    assert np.all(inside[coarse.sampled(part)])
    outside = ~inside & (truth > 0.25)
    assert np.abs(found[outside] / 4 - np.minimum(truth[outside], FAR_MM)).max() <= 0.125 + 1e-3


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS.keys())
def test_a_point_of_a_structure_lies_in_a_voxel_that_touches_it(scan: Grid) -> None:
    coarse, rng = CoarseLattice.over(scan, scan.box, 1.5), np.random.default_rng(6)
    assert np.all(coarse.grid.contains(points_of(scan)))
    mask = rng.random(scan.shape) < 0.002
    held = coarse.touching(mask)
    kji = np.argwhere(mask)
    within = scan.to_lps((kji + rng.uniform(-0.499, 0.499, kji.shape))[:, ::-1])
    i, j, k = np.rint(coarse.grid.to_ijk(within)).astype(int).T
    assert np.all(held[k, j, i])
    most = np.prod([np.floor(s / 1.5) + 2 for s in scan.spacing_mm])
    assert held.sum() <= most * mask.sum()


def test_shares_of_a_flat_border_are_half_on_it() -> None:
    scan = SCANS["thick slices"]
    coarse = CoarseLattice.over(scan, scan.box, 1.5)
    mask = np.zeros(scan.shape, dtype=bool)
    mask[:8] = True
    place = np.interp(0.5, coarse.shares(mask)[::-1, 5, 5], coarse.centers[0][::-1])
    assert place == pytest.approx(7.5, abs=1e-6)


def test_an_empty_or_wrong_mask() -> None:
    scan = SCANS["fine"]
    coarse = CoarseLattice.over(scan, scan.box, 1.5)
    assert np.all(coarse.quarter_clearance(np.zeros(scan.shape, dtype=bool)) == FAR)
    assert np.all(coarse.quarter_clearance(np.ones(scan.shape, dtype=bool)) == 0)
    with pytest.raises(InvalidValue):
        coarse.quarter_clearance(np.zeros((3, 3, 3), dtype=bool))
    with pytest.raises(InvalidValue):
        CoarseLattice.over(scan, Box((0, 0, 0), (0, 5, 5)), 1.5)
