"""Zones measured in scans: ellipsoids of known size are found again, and what is no zone is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray, Grid, unit_vector
from planner.planning.device_fitting import TreatedZone, measure_zone, measured_rows, with_measured_rows
from planner.planning.device_library import device_library
from planner.planning.devices import Medium

OBLIQUE, _ = np.linalg.qr(np.array([[1.0, 0.2, 0.1], [-0.2, 1.0, 0.3], [0.1, -0.1, 1.0]]))
GRIDS = {
    "fine": Grid((70, 70, 70), (0.9, 0.9, 1.0), (-31.0, -31.3, -34.0)),
    "thick slices": Grid((16, 80, 80), (0.8, 0.8, 5.0), (-32.0, -31.6, -38.0)),
    "flat voxels": Grid((80, 30, 50), (1.4, 2.6, 0.9), (-35.0, -38.0, -36.0)),
    "oblique": Grid(
        (40, 70, 70), (1.0, 1.0, 2.0), tuple(-(OBLIQUE @ [35.0, 34.6, 40.3])), tuple(OBLIQUE.ravel())
    ),
}
SHAFTS = [(0.0, 0.0, 1.0), (1.0, -2.0, 0.5), (-0.3, 1.0, -0.9)]


def points_of(grid: Grid) -> FloatArray:
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


def zone(
    grid: Grid,
    along: tuple[float, float, float] = SHAFTS[1],
    long_mm: float = 42.0,
    short_mm: float = 29.0,
    offset_mm: float = 13.0,
    beside_mm: float = 0.0,
    settings: dict[str, float] | None = None,
) -> TreatedZone:
    """An ellipsoid about the origin, its needle's tip so far beyond the centre."""
    axis = unit_vector(along)
    away = points_of(grid)
    ahead = away @ axis
    across = (away**2).sum(axis=-1) - ahead**2
    mask = ahead**2 / (long_mm / 2) ** 2 + across / (short_mm / 2) ** 2 <= 1.0
    side = beside_mm * unit_vector(np.cross(axis, [0.3, 0.5, -1.0]))
    tip, entry = offset_mm * axis + side, -90.0 * axis + side
    return TreatedZone(
        "case 1", mask, grid, tuple(entry), tuple(tip), settings or {"power_w": 80.0, "time_s": 300.0}
    )


@pytest.mark.parametrize("along", SHAFTS)
@pytest.mark.parametrize("name", GRIDS)
def test_an_ellipsoid_is_measured_within_half_a_voxel(name: str, along: tuple[float, float, float]) -> None:
    grid = GRIDS[name]
    half = 0.5 * max(grid.spacing_mm)
    found = measure_zone(zone(grid, along))
    assert found.long_axis_mm == pytest.approx(42.0, abs=half)
    assert found.short_axis_mm == pytest.approx(29.0, abs=half)
    assert found.center_offset_mm == pytest.approx(13.0, abs=half)
    assert found.off_axis_mm < half
    assert found.volume_ml == pytest.approx(math.pi / 6 * 42 * 29**2 / 1000, rel=0.03)


def test_on_a_fine_lattice_a_tenth_of_a_voxel() -> None:
    found = measure_zone(zone(GRIDS["fine"]))
    assert found.long_axis_mm == pytest.approx(42.0, abs=0.1)
    assert found.short_axis_mm == pytest.approx(29.0, abs=0.1)
    assert found.center_offset_mm == pytest.approx(13.0, abs=0.1)


def test_a_zone_beside_its_shaft_says_how_far() -> None:
    assert measure_zone(zone(GRIDS["fine"], beside_mm=4.0)).off_axis_mm == pytest.approx(4.0, abs=0.1)


def test_specks_and_a_notch_change_little() -> None:
    grid = GRIDS["fine"]
    good = zone(grid)
    mask = good.mask.copy()
    mask[2:5, 2:5, 2:5] = True
    away = points_of(grid)
    mask &= ~((np.abs(away[..., 0]) < 2.0) & (away[..., 1] > 9.0))  # a vessel cools the edge
    found = measure_zone(
        TreatedZone("notched", mask, grid, good.entry_lps_mm, good.tip_lps_mm, good.settings)
    )
    assert found.long_axis_mm == pytest.approx(42.0, abs=1.0)
    assert found.short_axis_mm == pytest.approx(29.0, abs=1.0)


def test_rows_hold_mean_and_standard_deviation() -> None:
    grid = GRIDS["fine"]
    sizes = (40.0, 42.0, 44.0)
    zones = [zone(grid, long_mm=size, short_mm=size - 14.0) for size in sizes]
    zones.append(zone(grid, settings={"power_w": 100.0, "time_s": 600.0}))
    first, second = measured_rows(zones)
    assert (first.long_axis_mm, first.short_axis_mm) == pytest.approx((42.0, 28.0), abs=0.1)
    assert (first.long_sd_mm, first.short_sd_mm) == pytest.approx((2.0, 2.0), abs=0.05)
    assert (first.count, second.count) == (3, 1)
    assert second.long_sd_mm is None, "one zone tells no spread"
    assert (first.medium, first.confidence) == (Medium.CLINICAL, Confidence.COMPUTED)
    assert first.center_offset_mm == pytest.approx(13.0, abs=0.1)


def test_a_device_takes_the_measured_rows_instead_of_its_own() -> None:
    rows = measured_rows([zone(GRIDS["fine"])])
    device = with_measured_rows(
        device_library().device("generic-mwa-2450"), rows, name="our-antenna", title="Our antenna"
    )
    found = device.zone({"power_w": 80.0, "time_s": 300.0})
    assert found.long_axis_mm == pytest.approx(42.0, abs=0.1)
    assert found.center_offset.value == pytest.approx(13.0, abs=0.1)
    assert not found.is_spread_published
    assert not device.is_placeholder
    with pytest.raises(InvalidValue, match="no row"):
        with_measured_rows(device, [], name="x", title="x")


def test_what_cannot_be_measured_is_refused() -> None:
    grid, good = GRIDS["fine"], zone(GRIDS["fine"])

    def other(mask: np.ndarray) -> TreatedZone:
        return TreatedZone("case 2", mask, grid, good.entry_lps_mm, good.tip_lps_mm, good.settings)

    with pytest.raises(InvalidValue, match="too small"):
        measure_zone(other(np.zeros(grid.shape, bool)))
    with pytest.raises(InvalidValue, match="cut off"):
        measure_zone(other(np.ones(grid.shape, bool)))
    with pytest.raises(InvalidValue, match="does not pass"):
        measure_zone(zone(grid, beside_mm=20.0))
    with pytest.raises(InvalidValue, match="does not pass"):
        measure_zone(zone(grid, offset_mm=80.0))
    with pytest.raises(InvalidValue, match="different shapes"):
        other(np.zeros((2, 2, 2), bool))
    with pytest.raises(InvalidValue, match="entry and a tip"):
        TreatedZone("case 3", good.mask, grid, (0, 0, 0), (0, 0, 0), good.settings)
    with pytest.raises(InvalidValue, match="its settings"):
        TreatedZone("case 3", good.mask, grid, (0, 0, 0), (0, 0, 9), {"time_s": 0.0})
    with pytest.raises(InvalidValue, match="no treated zone"):
        measured_rows([])
    with pytest.raises(InvalidValue, match="same settings"):
        measured_rows([good, zone(grid, settings={"time_s": 9.0})])


def test_measuring_stops_when_asked() -> None:
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        measured_rows([zone(GRIDS["fine"])], task=task)
