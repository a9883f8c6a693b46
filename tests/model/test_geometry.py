"""Lattices: every axis order and direction, exact to 0.01 mm."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from planner.base.errors import InvalidValue
from planner.model.geometry import Box, Grid

AXIS_ORDERS = [
    np.eye(3)[list(order)].T * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]

spacings = st.tuples(*[st.floats(0.2, 8.0)] * 3)
origins = st.tuples(*[st.floats(-2000, 2000)] * 3)
shapes = st.tuples(*[st.integers(1, 600)] * 3)


@st.composite
def rotations(draw: st.DrawFn) -> np.ndarray:
    raw = draw(arrays(float, (3, 3), elements=st.floats(-1, 1)))
    axes, _ = np.linalg.qr(raw + 3 * np.eye(3))
    return axes * np.array(draw(st.tuples(*[st.sampled_from([1, -1])] * 3)))


def test_there_are_48_axis_orders() -> None:
    assert len({tuple(m.ravel()) for m in AXIS_ORDERS}) == 48


@pytest.mark.parametrize("axes", AXIS_ORDERS)
@given(shape=shapes, spacing=spacings, origin=origins)
def test_all_axis_orders_go_there_and_back(
    axes: np.ndarray, shape: tuple[int, int, int], spacing: tuple[float, ...], origin: tuple[float, ...]
) -> None:
    grid = Grid(shape, spacing, origin, tuple(axes.ravel()))
    expected = np.array(origin) + axes @ (np.array(spacing) * [3.0, 5.0, 7.0])
    assert np.abs(grid.to_lps([3, 5, 7]) - expected).max() < 0.01
    assert np.abs(grid.to_ijk(expected) - [3, 5, 7]).max() * max(spacing) < 0.01


@given(axes=rotations(), shape=shapes, spacing=spacings, origin=origins)
def test_oblique_and_mirrored_grids_go_there_and_back(
    axes: np.ndarray, shape: tuple[int, int, int], spacing: tuple[float, ...], origin: tuple[float, ...]
) -> None:
    grid = Grid(shape, spacing, origin, tuple(axes.ravel()))
    far = np.array(shape[::-1], dtype=float)
    assert np.abs(grid.to_lps(grid.to_ijk(grid.to_lps(far))) - grid.to_lps(far)).max() < 0.01
    same = Grid.from_affine(grid.affine, shape)
    assert same.same_as(grid)


@given(axes=rotations(), spacing=spacings, origin=origins)
def test_a_cropped_grid_keeps_its_voxels_in_place(
    axes: np.ndarray, spacing: tuple[float, ...], origin: tuple[float, ...]
) -> None:
    grid = Grid((20, 30, 40), spacing, origin, tuple(axes.ravel()))
    part = grid.cropped(Box((2, 3, 4), (10, 12, 14)))
    assert np.abs(part.to_lps([1, 1, 1]) - grid.to_lps([5, 4, 3])).max() < 0.01


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shape", (0, 5, 5)),
        ("spacing_mm", (1.0, 0.0, 1.0)),
        ("spacing_mm", (1.0, float("nan"), 1.0)),
        ("origin_lps_mm", (0.0, float("inf"), 0.0)),
        ("direction", (1, 0.1, 0, 0, 1, 0, 0, 0, 1)),
        ("direction", (1, 0, 0, 0, 1, 0, 0, 0, 2)),
    ],
)
def test_impossible_grids_are_refused(field: str, value: object) -> None:
    facts: dict[str, object] = {"shape": (5, 5, 5), "spacing_mm": (1, 1, 1), "origin_lps_mm": (0, 0, 0)}
    with pytest.raises(InvalidValue) as caught:
        Grid(**{**facts, field: value})  # type: ignore[arg-type]
    assert caught.value.what


def test_contains_ends_half_a_voxel_beyond_the_centres() -> None:
    grid = Grid((4, 4, 4), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    assert grid.contains([-0.99, 0, 0])
    assert not grid.contains([-1.01, 0, 0])
    assert grid.contains([6.99, 0, 0])
    assert not grid.contains([7.01, 0, 0])
