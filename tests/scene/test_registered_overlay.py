"""Another scan laid over a slice: blends and squares as they must be, over lattices of its own too."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.geometry import Grid
from planner.model.image import Image
from planner.scene.planes import Orientation, PlaneStack
from planner.scene.registered_overlay import SQUARE_MM, blended, checkerboard, laid_over, own_window

GRID = Grid((40, 90, 120), (1.0, 1.25, 2.0), (-33.0, 12.0, -70.0))
WINDOW = (400.0, 50.0)


def ct(values: np.ndarray, grid: Grid = GRID, modality: str = "CT") -> Image:
    return Image("after", "After", grid, values.astype(np.int16), modality, "HU" if modality == "CT" else "")


def test_a_blend_is_the_weighted_mean() -> None:
    one = np.array([[0, 100], [200, 255]], dtype=np.uint8)
    two = np.array([[255, 50], [200, 0]], dtype=np.uint8)
    for share in (0.0, 0.25, 0.5, 1.0):
        wanted = one * (1 - share) + two * share
        assert np.abs(blended(one, two, share).astype(float) - wanted).max() <= 0.5
    assert np.array_equal(blended(one, two, 7.0), two), "a share beyond 1 is 1"


@pytest.mark.parametrize("orientation", list(Orientation))
def test_squares_are_of_their_size_and_stand_still(orientation: Orientation) -> None:
    stack = PlaneStack.of(GRID, orientation)
    squares = checkerboard(stack, SQUARE_MM)
    assert squares.shape == stack.size[::-1]
    rights = stack.low_mm[0] + np.arange(stack.size[0]) * stack.step_mm[0]
    downs = stack.low_mm[1] + np.arange(stack.size[1]) * stack.step_mm[1]
    for row, down in zip(squares, downs, strict=True):
        wanted = [(np.floor(r / 20.0) + np.floor(down / 20.0)) % 2 == 1 for r in rights]
        assert np.array_equal(row, wanted)
    # A stack that starts elsewhere has its squares at the same places of the patient.
    moved = Grid(GRID.shape, GRID.spacing_mm, (-33.0 + 4.0, 12.0 + 5.0, -70.0 + 6.0))
    other = checkerboard(PlaneStack.of(moved, orientation), SQUARE_MM)
    steps = [round(s / step) for s, step in zip(_shift(orientation), stack.step_mm[:2], strict=True)]
    right, down = (max(0, n) for n in steps)
    back_right, back_down = (max(0, -n) for n in steps)
    rows, columns = squares.shape
    own = squares[down : rows - back_down, right : columns - back_right]
    same = other[back_down : rows - down, back_right : columns - right]
    assert np.array_equal(own, same)


def _shift(orientation: Orientation) -> tuple[float, float]:
    return {
        Orientation.AXIAL: (4.0, 5.0),
        Orientation.CORONAL: (4.0, -6.0),
        Orientation.SAGITTAL: (5.0, -6.0),
    }[orientation]


@pytest.mark.parametrize("orientation", list(Orientation))
def test_the_other_scan_is_seen_where_it_is_and_nowhere_else(orientation: Orientation) -> None:
    values = np.full(GRID.shape, 250.0)
    values[:, :, :60] = -2000.0  # nothing of the other scan here
    stack = PlaneStack.of(GRID, orientation)
    index = stack.index_of((60.0, 60.0, -30.0))
    gray = np.full(stack.size[::-1], 40, dtype=np.uint8)
    whole = laid_over(gray, ct(values), stack, index, WINDOW, 1.0, False)
    half = laid_over(gray, ct(values), stack, index, WINDOW, 0.5, False)
    squares = laid_over(gray, ct(values), stack, index, WINDOW, 0.5, True)
    rights = stack.low_mm[0] + np.arange(stack.size[0]) * stack.step_mm[0]
    known = np.broadcast_to(rights >= 27.0, gray.shape)
    if orientation == Orientation.SAGITTAL:
        known = np.ones(gray.shape, dtype=bool)
    assert np.array_equal(whole == 255, known), "250 HU is the top of the window"
    assert np.array_equal(half, np.where(known, 148, 40)), "the mean of 40 and 255"
    assert np.array_equal(squares == 255, known & checkerboard(stack, SQUARE_MM))
    assert laid_over(gray, ct(values), stack, index, WINDOW, 0.0, True) is gray


def test_a_scan_on_an_oblique_lattice_is_resliced() -> None:
    c, s = np.cos(0.5), np.sin(0.5)
    turned = Grid((60, 60, 60), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), (c, -s, 0, s, c, 0, 0, 0, 1))
    middle = GRID.center_lps_mm - turned.center_lps_mm
    turned = Grid(turned.shape, turned.spacing_mm, tuple(middle), turned.direction)  # type: ignore[arg-type]
    stack = PlaneStack.of(GRID, Orientation.AXIAL)
    gray = np.zeros(stack.size[::-1], dtype=np.uint8)
    seen = laid_over(
        gray, ct(np.full(turned.shape, 250.0), turned), stack, stack.count // 2, WINDOW, 1.0, False
    )
    rights = stack.low_mm[0] + np.arange(stack.size[0]) * stack.step_mm[0]
    downs = stack.low_mm[1] + np.arange(stack.size[1]) * stack.step_mm[1]
    height = stack.position_mm(stack.count // 2)
    points = np.stack(
        [
            *(np.broadcast_to(a, gray.shape) for a in (rights[None, :], downs[:, None])),
            np.full(gray.shape, height),
        ],
        axis=-1,
    )
    ijk = turned.to_ijk(points)
    inside = np.all((ijk >= 0) & (ijk <= 59), axis=-1)
    assert np.all(seen[inside] == 255)
    outside = np.any((ijk < -1.0) | (ijk > 60.0), axis=-1)
    assert not seen[outside].any()


def test_a_scan_of_another_kind_is_shown_by_its_own_values() -> None:
    values = np.random.default_rng(1).uniform(0, 3000, GRID.shape)
    width, level = own_window(ct(values, modality="MR"))
    assert width == pytest.approx(0.98 * 3000, rel=0.03)
    assert level == pytest.approx(1500, rel=0.03)
    stack = PlaneStack.of(GRID, Orientation.AXIAL)
    gray = np.zeros(stack.size[::-1], dtype=np.uint8)
    seen = laid_over(gray, ct(values, modality="MR"), stack, stack.count // 2, (1.0, -900.0), 1.0, False)
    assert 100 < seen.mean() < 155, "the CT's window would make all of it white"
