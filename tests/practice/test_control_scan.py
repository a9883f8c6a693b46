"""The control scan: where the painted shafts run, what else stays, and that the app finds them again."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from planner.base.errors import InvalidValue
from planner.compute.needle_finding import find_needles
from planner.model.electrode_array import Electrode, ElectrodeArray
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.plan import Applicator, Plan
from planner.planning.device_library import device_library
from planner.planning.plan_needles import plan_needles
from planner.practice.control_scan import BRIGHTEST, Shaft, control_scan, metal_shares, shafts, with_shafts
from planner.practice.exercise import Conditions
from planner.practice.landing import landed

#: Spacing of i, j, k, how the axes are turned, and whether one is mirrored.
GRIDS = {
    "plain": ((0.78, 0.78, 1.5), (0.0, 0.0, 0.0), False),
    "oblique": ((0.6, 0.9, 2.0), (17.0, -24.0, 38.0), False),
    "thick slices": ((0.7, 0.7, 5.0), (0.0, 8.0, 0.0), False),
    "mirrored": ((1.3, 0.5, 1.0), (-40.0, 11.0, 75.0), True),
}
LINES = {
    "across slices": ((4.3, -7.1, -31.0), (-12.0, 9.0, 33.0)),
    "in a slice": ((30.3, -7.1, 1.2), (-33.0, 5.0, 2.9)),
    "slanted": ((21.0, 19.0, -17.0), (-24.0, -28.0, 20.0)),
}


def lattice(name: str, size_mm: float = 90.0) -> Grid:
    spacing, turn, is_mirrored = GRIDS[name]
    axes = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    if is_mirrored:
        axes = axes * [-1.0, 1.0, 1.0]
    shape = tuple(math.ceil(size_mm / s) for s in spacing[::-1])
    x, y, z = -axes @ (np.array(spacing) * (np.array(shape[::-1]) - 1) / 2)
    return Grid(shape, spacing, (x, y, z), tuple(axes.ravel()))  # type: ignore[arg-type]


def empty(grid: Grid, dtype: str = "float32", modality: str = "CT") -> Image:
    return Image("ct", "CT", grid, np.zeros(grid.shape, dtype), modality)


@pytest.mark.parametrize("grid_name", GRIDS)
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("diameter_mm", [1.07, 2.4])
def test_the_middle_of_the_metal_in_each_slice_is_the_shafts(
    grid_name: str, line: str, diameter_mm: float
) -> None:
    """Within 0.2 voxels along each of the two other axes, for the axis of voxels the shaft runs along most."""
    grid, (tip, end) = lattice(grid_name), LINES[line]
    painted = np.array(with_shafts(empty(grid), (Shaft(tip, end, diameter_mm),)).values, dtype=float)
    start, stop = grid.to_ijk(np.array(tip)), grid.to_ijk(np.array(end))
    way = stop - start
    axis = int(np.argmax(np.abs(way)))
    others = [n for n in range(3) if n != axis]
    # A slice is fully crossed where the whole shaft, with its width, passes both of its faces.
    spare = 1.0 + diameter_mm / min(grid.spacing_mm)
    low, high = sorted((start[axis], stop[axis]))
    numbers = range(math.ceil(low + spare), math.floor(high - spare) + 1)
    assert len(numbers) > 5
    ijk = painted.transpose(2, 1, 0)
    for number in numbers:
        plane = np.take(ijk, number, axis)
        at = start + way * (number - start[axis]) / way[axis]
        middle = [np.average(n, weights=plane) for n in np.indices(plane.shape)]
        assert np.abs(np.array(middle) - at[others]).max() < 0.2


@pytest.mark.parametrize("grid_name", GRIDS)
@pytest.mark.parametrize("line", LINES)
def test_the_metal_has_the_volume_of_its_cylinder(grid_name: str, line: str) -> None:
    """To rounding, and no voxel holds more than itself by more than 5 %; 2.4 mm of metal fill small ones."""
    grid, (tip, end) = lattice(grid_name), LINES[line]
    _, shares = metal_shares(grid, Shaft(tip, end, 2.4))
    volume = shares.sum() * np.prod(grid.spacing_mm)
    assert volume == pytest.approx(math.pi * 1.2**2 * math.dist(tip, end), rel=1e-9)
    assert shares.min() > 0
    assert shares.max() < 1.05


def test_a_thick_shaft_is_full_inside_and_even() -> None:
    """Voxels of 0.5 mm whose tents lie within 4 mm of metal are full within 5 %."""
    grid = Grid((30, 30, 60), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0))
    places, shares = metal_shares(grid, Shaft((4.0, 7.2, 7.1), (26.0, 7.2, 7.1), 4.0))
    full = np.zeros(grid.shape)
    full.reshape(-1)[places] = shares
    core = full[13:17, 13:17, 15:45]
    assert core.min() > 0.95
    assert core.max() < 1.05
    assert np.ptp(full[14, 14, 15:45]) < 0.01, "even along the shaft"


def test_only_voxels_at_the_shaft_change() -> None:
    grid, (tip, end) = lattice("oblique"), LINES["slanted"]
    values = np.random.default_rng(2).integers(-100, 200, grid.shape).astype(np.int16)
    image = Image("ct", "CT", grid, values, identity=DicomIdentity("1.1", "1.3", "1.2", ("1.4",)))
    found = with_shafts(image, (Shaft(tip, end, 1.8),))
    k, j, i = np.nonzero(found.values != image.values)
    rays = grid.to_lps(np.stack([i, j, k], axis=1)) - np.array(tip)
    along = (np.array(end) - np.array(tip)) / math.dist(tip, end)
    depth = rays @ along
    away = np.linalg.norm(rays - depth[:, None] * along, axis=1)
    half = float(np.linalg.norm(grid.spacing_mm))  # a tent is two voxels wide
    assert away.max() <= 0.9 + half
    assert -half <= depth.min()
    assert depth.max() <= math.dist(tip, end) + half
    assert found.values.dtype == np.int16
    assert (found.id, found.modality, found.unit) == ("ct-control", "CT", "HU")
    assert found.identity == DicomIdentity(frame_of_reference_uid="1.2"), "it is no series of its own"
    assert not np.shares_memory(found.values, image.values)
    assert 2500 <= found.values.max() <= BRIGHTEST.value
    assert np.array_equal(found.values, with_shafts(image, (Shaft(tip, end, 1.8),)).values)


def test_ends_at_the_border_and_outside_are_left_out() -> None:
    grid = lattice("plain", 30.0)
    inside = with_shafts(empty(grid), (Shaft((0.0, 0.0, 0.0), (0.0, -90.0, 10.0), 1.8),)).values
    assert inside[:, 0].max() > 0, "it runs to the border"
    away = with_shafts(empty(grid), (Shaft((0.0, 80.0, 0.0), (0.0, 190.0, 10.0), 1.8),)).values
    assert not away.any()
    assert not with_shafts(empty(grid), ()).values.any()


def test_types_and_modalities() -> None:
    grid, shaft = lattice("plain", 40.0), (Shaft((0.0, 0.0, 0.0), (0.0, -15.0, 9.0), 2.4),)
    assert with_shafts(empty(grid, "uint8"), shaft).values.max() == 255
    assert with_shafts(empty(grid, "float64"), shaft).values.dtype == np.float64
    bright = Image("mr", "T1", grid, np.full(grid.shape, 700, np.uint16), "MR", "")
    values = np.array(bright.values)
    values[0, 0, 0] = 12
    found = with_shafts(replace(bright, values=values), shaft).values
    assert found.min() == 12
    assert np.count_nonzero(found < 200) > 10, "metal gives no signal"
    with pytest.raises(InvalidValue, match="a length and a width"):
        Shaft((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 1.8)


def body(grid: Grid) -> Image:
    """Soft tissue within a cylinder of 62 mm about z."""
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    inside = np.hypot(points[..., 0], points[..., 1]) <= 62.0
    return Image("ct", "CT", grid, np.where(inside, 80, -1000).astype(np.int16))


PROBE = Applicator("p1", "generic-mwa-2450", (-60.0, -15.0, 12.0), (12.3, 3.1, -4.7))
THIN = ElectrodeArray(
    "e1",
    "generic-ire-19g",
    (
        Electrode((-20.0, -58.0, 20.0), (-14.0, -2.0, 6.0), 15.0),
        Electrode((14.0, -60.0, 22.0), (20.0, -4.0, 8.0), 15.0),
    ),
)


@pytest.mark.parametrize("grid_name", ["plain", "oblique"])
@pytest.mark.parametrize("breath_mm", [0.0, 9.0])
def test_the_app_finds_the_needles_again(grid_name: str, breath_mm: float) -> None:
    """Tips of a probe and of two thin electrodes within 1 mm, directions within 1 degree."""
    conditions = Conditions(placement="navigated", breath_mm=breath_mm)
    landing = landed(Plan("A", "c", (PROBE, THIN)), conditions, 6)
    found = find_needles(control_scan(body(lattice(grid_name, 150.0)), landing))
    needles = [n.needle for n in plan_needles(landing.scanned)]
    assert len(found) == len(needles) == 3
    for needle in needles:
        tips = [math.dist(f.tip_lps_mm, needle.tip_lps_mm) for f in found]
        nearest = found[int(np.argmin(tips))]
        assert min(tips) < 1.0
        assert nearest.direction @ needle.direction > math.cos(math.radians(1.0))


def test_the_breath_moves_the_image_and_not_the_needle() -> None:
    image = body(lattice("oblique", 100.0))
    still = landed(Plan("A", "c", (PROBE,)), Conditions(placement="navigated"), 6)
    lower = landed(Plan("A", "c", (PROBE,)), Conditions(placement="navigated", breath_mm=8.0), 6)
    before, after = control_scan(image, still), control_scan(image, lower)
    assert still.scanned == lower.scanned
    assert before.grid == image.grid
    shift = np.array(after.grid.origin_lps_mm) - np.array(image.grid.origin_lps_mm)
    assert shift == pytest.approx((0.0, 0.0, -8.0))
    assert after.value_at(lower.scanned.applicators[0].point_behind_tip(20.0)) == BRIGHTEST.value
    assert np.mean(after.values == image.values) > 0.99
    # Seen from the liver it lies where the plan that is judged has it.
    tip = np.array(lower.plan.applicators[0].tip_lps_mm) - (0.0, 0.0, 8.0)
    assert tip == pytest.approx(np.array(lower.scanned.applicators[0].tip_lps_mm))


def test_the_whole_needle_is_metal_and_sets_are_several() -> None:
    (one,) = shafts(Plan("A", "c", (PROBE,)))
    length = device_library().device(PROBE.device).length.value
    assert math.dist(one.tip_lps_mm, one.end_lps_mm) == pytest.approx(length)
    assert one.diameter_mm == device_library().device(PROBE.device).diameter_mm
    cluster = shafts(Plan("A", "c", (replace(PROBE, device="generic-cryo-argon-3"),)))
    assert len(cluster) == 3
    assert len({s.tip_lps_mm for s in cluster}) == 3
    assert len(shafts(Plan("A", "c", (THIN,)))) == 2
    with pytest.raises(InvalidValue, match="not in the library"):
        shafts(Plan("A", "c", (replace(PROBE, device="no-such"),)))
