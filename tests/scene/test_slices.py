"""Slices show the right place: every axis order, and points under the cursor, exactly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from planner.model.geometry import Grid
from planner.model.plan import Applicator, Plan
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.scene.contours import SliceOutlines
from planner.scene.instruments import drawn_probes
from planner.scene.planes import Orientation, PlaneStack, axes_of
from planner.scene.slice_frame import SliceFrame
from planner.scene.slice_painter import SliceContent, gray_image, paint_slice
from planner.scene.slice_pixels import slice_pixels, windowed

AXES = [
    np.eye(3)[list(order)].T * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def value_volume(grid: Grid) -> np.ndarray:
    """A volume whose value at a point is 1 L + 10 P + 100 S (in mm)."""
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1)) @ np.array([1.0, 10.0, 100.0])


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("orientation", list(Orientation))
def test_each_pixel_shows_the_value_at_its_place(axes: np.ndarray, orientation: Orientation) -> None:
    grid = Grid((4, 5, 6), (1.0, 2.0, 3.0), (7.0, -3.0, 11.0), tuple(axes.ravel()))
    stack = PlaneStack.of(grid, orientation)
    volume = value_volume(grid)
    for index in range(stack.count):
        pixels = slice_pixels(volume, grid, stack, index)
        assert pixels.shape == stack.size[::-1]
        rights = stack.low_mm[0] + np.arange(stack.size[0]) * stack.step_mm[0]
        downs = stack.low_mm[1] + np.arange(stack.size[1]) * stack.step_mm[1]
        places = np.array([[stack.to_lps(r, d, stack.position_mm(index)) for r in rights] for d in downs])
        assert np.allclose(pixels, places @ np.array([1.0, 10.0, 100.0]))


@pytest.mark.parametrize("orientation", list(Orientation))
def test_an_oblique_volume_is_resampled_in_place(orientation: Orientation) -> None:
    turn, _ = np.linalg.qr(np.array([[1.0, 0.2, 0.1], [-0.2, 1.0, 0.3], [0.1, -0.1, 1.0]]))
    grid = Grid((30, 30, 30), (1.0, 1.0, 1.5), (-15.0, -15.0, -20.0), tuple(turn.ravel()))
    stack = PlaneStack.of(grid, orientation)
    index = stack.count // 2
    pixels = slice_pixels(value_volume(grid).astype(np.float32), grid, stack, index, fill=np.nan)
    across, down = stack.size[0] // 2, stack.size[1] // 2
    place = stack.to_lps(
        stack.low_mm[0] + across * stack.step_mm[0],
        stack.low_mm[1] + down * stack.step_mm[1],
        stack.position_mm(index),
    )
    assert pixels[down, across] == pytest.approx(place @ [1.0, 10.0, 100.0], abs=0.05)


def test_radiologists_hang_the_patients_right_on_the_left() -> None:
    assert tuple(axes_of(Orientation.AXIAL).right) == (1, 0, 0)
    assert tuple(axes_of(Orientation.AXIAL).down) == (0, 1, 0)
    assert tuple(axes_of(Orientation.CORONAL).down) == (0, 0, -1)
    assert tuple(axes_of(Orientation.SAGITTAL).right) == (0, 1, 0)


def test_windows_map_their_ends_to_black_and_white() -> None:
    pixels = np.array([[-150, 50, 250, 251, -151]], dtype=np.int16)
    assert windowed(pixels, 400, 50).tolist() == [[0, 128, 255, 255, 0]]
    assert windowed(pixels.astype(np.float32), 400, 50).tolist() == [[0, 128, 255, 255, 0]]


def test_outlines_enclose_the_mask_in_mm() -> None:
    grid = Grid((10, 40, 40), (0.5, 0.5, 2.0), (-10.0, -10.0, 0.0))
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    mask = (points[..., 0] ** 2 + points[..., 1] ** 2) <= 64.0
    structures = StructureSet.from_masks("s", grid, [(Structure("disc", Role.LESION), mask)])
    stack = PlaneStack.of(grid, Orientation.AXIAL)
    (line,) = SliceOutlines(structures, stack).of(4, ("disc",))["disc"]
    radii = np.linalg.norm(line, axis=1)
    assert radii.min() > 8.0 - 0.5
    assert radii.max() < 8.0 + 0.5


def test_outlines_of_voxels_that_stay_are_taken_over_and_others_made_anew() -> None:
    grid = Grid((5, 40, 40), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    one, two, moved = (np.zeros(grid.shape, dtype=bool) for _ in range(3))
    one[:, 5:15, 5:15] = two[:, 5:15, 10:20] = moved[:, 12:22, 10:20] = True
    before_set = StructureSet.from_masks("s", grid, [(Structure("one"), one), (Structure("two"), two)])
    stack = PlaneStack.of(grid, Orientation.AXIAL)
    before = SliceOutlines(before_set, stack)
    old = before.of(2, ("one", "two"))
    after_set = before_set.with_mask(Structure("two"), moved)
    new = SliceOutlines(after_set, stack, before).of(2, ("one", "two"))
    assert before_set["one"].layer != before_set["two"].layer, "they overlap: layers of their own"
    assert new["one"] is old["one"]
    assert new["two"][0].mean(axis=0) == pytest.approx([14.5, 16.5], abs=0.2)
    other = PlaneStack.of(grid, Orientation.AXIAL)
    assert SliceOutlines(after_set, other, before).of(2, ("one",))["one"] is not old["one"]


@pytest.mark.parametrize("tilt", [0.0, 0.4, 1.2])
def test_a_zones_section_lies_on_the_zone(tilt: float) -> None:
    entry = (0.0, -100.0 * np.cos(tilt), 100.0 * np.sin(tilt))
    settings = {"long_axis_mm": 50.0, "short_axis_mm": 30.0, "center_offset_mm": 0.0}
    probe = Applicator("p1", "custom-ellipsoid", entry, (0.0, 0.0, 0.0), settings)
    (drawn,) = drawn_probes(Plan("A", "c", (probe,)))
    assert drawn.zone is not None
    grid = Grid((11, 10, 10), (1.0, 1.0, 1.0), (0.0, 0.0, -5.0))
    for orientation in Orientation:
        stack = PlaneStack.of(grid, orientation)
        ring = drawn.zone.section(stack, 4.0)
        assert ring is not None
        points = np.array([stack.to_lps(r, d, 4.0) for r, d in ring])
        along = points @ probe.direction
        across = (points**2).sum(axis=1) - along**2
        assert np.allclose(along**2 / 25.0**2 + across / 15.0**2, 1.0)
        assert drawn.zone.section(stack, 60.0) is None


def test_view_points_and_plane_points_go_there_and_back() -> None:
    frame = SliceFrame(800, 600, (12.0, -7.0), 0.31)
    at = frame.to_view(*frame.to_plane(123.0, 456.0))
    assert (at.x(), at.y()) == pytest.approx((123.0, 456.0))


def test_moving_there_and_back_gives_the_same_pixels(qapp: object) -> None:
    from PySide6.QtGui import QImage, QPainter

    grid = Grid((6, 30, 30), (1.0, 1.0, 1.0), (-15.0, -15.0, 0.0))
    stack = PlaneStack.of(grid, Orientation.AXIAL)
    gray = windowed(value_volume(grid), 300, 200)[2]

    def picture(tip: float) -> QImage:
        settings = {"long_axis_mm": 12.0, "short_axis_mm": 8.0, "center_offset_mm": 0.0}
        probe = Applicator("p1", "custom-ellipsoid", (-14.0, -14.0, 2.0), (tip, 3.0, 2.0), settings)
        content = SliceContent(stack, 2, gray, probes=drawn_probes(Plan("A", "c", (probe,))))
        image = QImage(300, 300, QImage.Format.Format_RGB32)
        painter = QPainter(image)
        paint_slice(painter, SliceFrame.fitting(stack, 300, 300), content)
        painter.end()
        return image

    assert picture(2.0) == picture(2.0)
    assert picture(2.0) != picture(4.0)
    assert gray_image(gray).width() == 30
