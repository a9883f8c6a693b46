"""A vessel followed from click to click, against arcs known exactly in noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute import vessel_route
from planner.compute.vessel_route import Legs, drawn, route
from planner.model.geometry import Grid
from planner.model.image import Image

Array = np.ndarray

LATTICES = [
    pytest.param((1.0, 1.0, 1.0), 0.0, id="even"),
    pytest.param((0.7, 0.7, 1.5), 0.5, id="oblique"),
    pytest.param((0.6, 0.6, 2.5), -0.9, id="thick slices"),
]
CONTRAST, NOISE, BLUR_MM = 60.0, 12.0, 0.5


def arc(bend_mm: float = 40.0) -> Array:
    """Points along an arc through the origin in an oblique plane, (n, 3)."""
    along, across = np.linalg.qr(np.array([[1.0, 0.2], [0.3, 1.0], [0.2, 0.5]]))[0].T
    angle = np.linspace(-0.6, 0.6, 481)[:, None]
    return bend_mm * (np.sin(angle) * along + (np.cos(angle) - 1) * across)


def scan(
    spacing: tuple[float, float, float], turn: float, lines: list[Array], radius: float, sign: float = 1
) -> Image:
    c, s = np.cos(turn), np.sin(turn)
    axes = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    count = [int(72 / step) for step in spacing]
    corner = axes @ (-np.array(spacing) * (np.array(count) - 1) / 2)
    grid = Grid((count[2], count[1], count[0]), spacing, tuple(corner), tuple(axes.ravel()))
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1)).reshape(-1, 3)
    away = np.min([cKDTree(line).query(points)[0] for line in lines], axis=0).reshape(grid.shape)
    noise = np.random.default_rng(5).normal(size=grid.shape) * NOISE
    bright = CONTRAST / (1 + np.exp((away - radius) / BLUR_MM * 1.7))
    return Image("scan", "Scan", grid, (100 + sign * bright + noise).astype(np.float32))


def click(line: Array, index: int) -> tuple[float, float, float]:
    """A click 0.6 mm beside the middle."""
    x, y, z = line[index] + np.array([0.6, 0.0, 0.0])
    return float(x), float(y), float(z)


def length_mm(points: Array) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


@pytest.mark.parametrize(("spacing", "turn"), LATTICES)
@pytest.mark.parametrize("radius", [2.0, 4.0, 7.0])
def test_a_bright_arc_is_followed_with_its_radius(
    spacing: tuple[float, float, float], turn: float, radius: float
) -> None:
    line = arc()
    image = scan(spacing, turn, [line], radius)
    points, radii = route(image, click(line, 20), click(line, -21))
    truth = length_mm(line[20:-20])
    assert length_mm(points) == pytest.approx(truth, abs=0.02 * truth + 1.2)
    assert cKDTree(line).query(points)[0].max() < 0.5
    assert np.abs(radii - radius).max() < 0.5 * max(spacing)


def test_a_dark_arc_is_followed_when_said() -> None:
    line = arc()
    image = scan((1.0, 1.0, 1.0), 0.0, [line], 3.0, sign=-1)
    points, radii = route(image, click(line, 20), click(line, -21), is_dark=True)
    assert cKDTree(line).query(points)[0].max() < 0.5
    assert radii.mean() == pytest.approx(3.0, abs=0.25)


def test_clicks_lead_along_the_vessel_meant() -> None:
    # Two arcs that meet at their ends like an eye: the clicks choose which lid.
    above = arc(30.0)
    middle = 0.5 * (above[0] + above[-1])
    way = (above[-1] - above[0]) / np.linalg.norm(above[-1] - above[0])
    below = 2 * (middle + ((above - middle) @ way)[:, None] * way) - above
    image = scan((1.0, 1.0, 1.0), 0.0, [above, below], 2.0)
    for line in (above, below):
        points, radii = drawn(image, [click(line, 0), click(line, 240), click(line, -1)])
        assert cKDTree(line).query(points)[0].max() < 1.5
        assert radii.shape == (len(points),)


def test_ways_between_clicks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further click looks for one more way only, and gives the same vessel as all clicks at once."""
    line = arc()
    image = scan((1.0, 1.0, 1.0), 0.0, [line], 3.0)
    clicks = [click(line, n) for n in (0, 240, -1)]
    looked = []
    way = vessel_route._way
    monkeypatch.setattr(vessel_route, "_way", lambda *a: looked.append(a[1]) or way(*a))
    legs: Legs = {}
    drawn(image, clicks[:2], legs=legs)
    points, radii = drawn(image, clicks, legs=legs)
    assert len(looked) == 2
    at_once = drawn(image, clicks)
    assert (points == at_once[0]).all()
    assert (radii == at_once[1]).all()


def test_the_same_clicks_give_the_same_vessel_and_work_can_be_stopped() -> None:
    line = arc()
    image = scan((1.0, 1.0, 2.0), 0.0, [line], 3.0)
    one, two = (route(image, click(line, 20), click(line, -21)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        route(image, click(line, 20), click(line, -21), task)


def test_what_cannot_be_drawn_is_said() -> None:
    line = arc()
    image = scan((1.0, 1.0, 1.0), 0.0, [line], 3.0)
    start, stop = click(line, 20), click(line, -21)
    with pytest.raises(InvalidValue, match="outside the scan"):
        route(image, start, (0.0, 0.0, 400.0))
    with pytest.raises(InvalidValue, match="three finite numbers"):
        route(image, start, (0.0, np.nan, 4.0))
    with pytest.raises(InvalidValue, match="one place"):
        route(image, start, start)
    with pytest.raises(InvalidValue, match="two clicks or more"):
        drawn(image, [start])
    long = Image("long", "Long", Grid((5, 5, 300), (1.0, 1.0, 1.0), (0, 0, 0)), np.zeros((5, 5, 300)))
    with pytest.raises(InvalidValue, match="too far apart"):
        route(long, (1.0, 2.0, 2.0), (290.0, 2.0, 2.0))
    nothing = Image("none", "None", image.grid, np.full(image.grid.shape, np.nan, dtype=np.float32))
    with pytest.raises(InvalidValue, match="no numbers around"):
        route(nothing, start, stop)
    for values in (np.zeros(image.grid.shape), np.random.default_rng(1).normal(size=image.grid.shape)):
        with pytest.raises(InvalidValue, match="No vessel stands out"):
            route(Image("flat", "Flat", image.grid, values), start, stop)
