"""A blurred ball's radius by its border half way between two grays, on straight and oblique lattices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.zone_border import grow_to_border
from planner.compute.zone_growing import grow_zone
from planner.model.geometry import Grid
from planner.model.image import Image

AXES = Rotation.from_euler("xyz", (8, -12, 20), degrees=True).as_matrix()
GRIDS = [
    Grid((60, 100, 100), (1.0, 1.0, 1.5), (-50.0, -50.0, -44.0)),
    Grid((40, 130, 130), (0.8, 0.8, 2.5), tuple(AXES @ np.array([-52.0, -52.0, -49.0])), tuple(AXES.ravel())),
]


def away_of(grid: Grid) -> np.ndarray:
    points = grid.to_lps(np.stack(np.indices(grid.shape)[::-1], axis=-1))
    return np.asarray(np.linalg.norm(points, axis=-1))


def blurred(grid: Grid, radius_mm: float, zone_hu: float, around_hu: float, noise_hu: float = 6.0) -> Image:
    """A ball whose border rises over 4 mm, half way at its radius."""
    share = np.clip(0.5 - (away_of(grid) - radius_mm) / 4.0, 0.0, 1.0)
    values = zone_hu * share + around_hu * (1 - share)
    values = values + np.random.default_rng(2).normal(0, noise_hu, grid.shape)
    return Image("ct", "After", grid, np.rint(values).astype(np.int16))


def radius_of(volume_ml: float) -> float:
    return float((3 * volume_ml * 1000 / (4 * np.pi)) ** (1 / 3))


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("zone_hu", "around_hu"), [(20.0, 110.0), (150.0, 60.0)])
def test_the_border_lies_half_way(grid: Grid, zone_hu: float, around_hu: float) -> None:
    image = blurred(grid, 18.0, zone_hu, around_hu)
    plain = grow_zone(image, (4.0, 2.0, 3.0))
    found = grow_to_border(image, (4.0, 2.0, 3.0))
    assert radius_of(found.volume_ml) == pytest.approx(18.0, abs=0.3)
    assert radius_of(plain.volume_ml) < 17.5, "the range about the click alone ends in the blur"


def test_what_lies_beyond_the_liver_says_nothing() -> None:
    grid = GRIDS[0]
    image = blurred(grid, 18.0, 20.0, 110.0)
    values = np.array(image.values)
    within = away_of(grid) <= 22.5
    values[~within] = (
        25  # other dark tissue beyond the liver, which would put half way at the zone's own gray
    )
    cut = Image("ct", "After", grid, values)
    found = grow_to_border(cut, (0.0, 0.0, 0.0), within=within)
    assert radius_of(found.volume_ml) == pytest.approx(18.0, abs=0.3)


def test_without_contrast_around_it_the_zone_stays() -> None:
    grid = GRIDS[0]
    image = blurred(grid, 18.0, 20.0, 110.0)
    within = away_of(grid) <= 18.0
    plain = grow_zone(image, (0.0, 0.0, 0.0), within=within)
    found = grow_to_border(image, (0.0, 0.0, 0.0), within=within)
    assert np.array_equal(found.mask, plain.mask), "nothing of the surroundings is seen within the mask"


def test_a_wider_range_that_finds_a_way_out_is_not_taken() -> None:
    grid = GRIDS[0]
    image = blurred(grid, 15.0, 20.0, 110.0, 0.0)
    points = grid.to_lps(np.stack(np.indices(grid.shape)[::-1], axis=-1))
    values = np.array(image.values)
    # Tissue a bit brighter than the zone's range but below half way, joined to it.
    values[(points[..., 0] > 14.0) & (np.abs(points[..., 1]) < 12.0)] = 55
    leaky = Image("ct", "After", grid, values)
    found = grow_to_border(leaky, (0.0, 0.0, 0.0))
    assert float(away_of(grid)[found.mask].max()) < 21.0


def test_guards_and_cancelling() -> None:
    image = blurred(GRIDS[0], 18.0, 20.0, 110.0)
    with pytest.raises(InvalidValue, match="outside the scan"):
        grow_to_border(image, (500.0, 0.0, 0.0))
    task = Task(lambda _f, text: task.cancel() if text == "Tissue around the zone" else None)
    with pytest.raises(Cancelled):
        grow_to_border(image, (0.0, 0.0, 0.0), task=task)
