"""The unrolled map of a ball: equal areas, the right sides, the weakest place where it is."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.assessment import Surface
from planner.scene.unrolled import UnrolledMap, Unroller, map_fractions

CENTER = np.array([30.0, -20.0, 500.0])


def unrolled(surface: Surface, rows: int = 120) -> UnrolledMap:
    return Unroller(surface, rows).unrolled(surface)


def ball(value: object, squeeze: float = 1.0) -> Surface:
    rng = np.random.default_rng(3)
    away = rng.normal(size=(6000, 3))
    away /= np.linalg.norm(away, axis=1)[:, None]
    from scipy.spatial import ConvexHull

    triangles = ConvexHull(away).simplices
    points = CENTER + 12.0 * away * (1.0, 1.0, squeeze)
    values = np.asarray(value(away), dtype=np.float32)  # type: ignore[operator]
    return Surface("lesion_margin", points.astype(np.float32), triangles.astype(np.int32), values, "mm", "a")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
def test_a_cap_takes_its_share_of_the_map(share: float) -> None:
    # A cap of a ball cut at height h has (1 - h) / 2 of its area, wherever it lies.
    height = 1 - 2 * share
    for axis in ((0, 0, 1), (0.6, -0.64, 0.48), (1, 0, 0)):
        found = unrolled(ball(lambda away, axis=axis: np.where(away @ np.array(axis) > height, -1.0, 8.0)))
        values = found.values[~np.isnan(found.values)]
        # The lowest of three nearest points moves the edge outwards by about half their distance.
        assert (values < 0).mean() == pytest.approx(share, abs=0.02)
        assert (values < 0).mean() >= share - 0.003


@pytest.mark.parametrize(
    ("direction", "row", "column"),
    [
        ((0, -1, 0), 0.5, 0.5),
        ((1, 0, 0), 0.5, 0.75),
        ((-1, 0, 0), 0.5, 0.25),
        ((0, 0, 1), 0.0, 0.5),
        ((0, 0, -1), 1.0, 0.5),
        ((-1e-6, 1, 0), 0.5, 0.0),
        ((1e-6, 1, 0), 0.5, 1.0),
    ],
)
def test_sides_lie_where_the_letters_say(direction: tuple[float, ...], row: float, column: float) -> None:
    way = np.array(direction) / np.linalg.norm(direction)
    assert map_fractions(way) == pytest.approx((row, column), abs=1e-4)


@pytest.mark.parametrize("squeeze", [1.0, 0.45])
def test_the_weakest_place_is_marked_and_a_click_leads_there(squeeze: float) -> None:
    rng = np.random.default_rng(5)
    for way in rng.normal(size=(6, 3)):
        weak = way / np.linalg.norm(way)
        surface = ball(lambda away, weak=weak: 10.0 - 9.0 * (away @ weak > 0.985), squeeze)
        found = unrolled(surface)
        place = found.place_at(*(min(max(f, 0.004), 0.996) for f in found.lowest))
        assert place is not None
        truth = CENTER + 12.0 * weak * (1.0, 1.0, squeeze)
        assert np.linalg.norm(np.array(place) - truth) < 12.0 * 0.35
        assert np.nanmin(found.values) == pytest.approx(1.0)


def test_beside_the_map_there_is_no_place() -> None:
    found = unrolled(ball(lambda away: np.full(len(away), 3.0)), rows=40)
    assert found.values.shape == (40, 80)
    assert found.place_at(0.02, 0.02) is None
    assert found.place_at(1.2, 0.5) is None
    assert found.place_at(0.5, 0.5) is not None


def test_another_paint_keeps_the_shape_and_another_shape_does_not() -> None:
    first = ball(lambda away: np.full(len(away), 3.0))
    unroller = Unroller(first)
    assert unroller.suits(ball(lambda away: away[:, 0]))
    assert not unroller.suits(ball(lambda away: away[:, 0], squeeze=0.9))
