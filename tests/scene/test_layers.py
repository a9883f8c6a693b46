"""What modes lay over the views: marks painted on slices, parts shown and kept in space."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from planner.model.assessment import Surface
from planner.model.geometry import Grid
from planner.scene.layers import Ball, Dot, Lines, Mesh, SliceMarks, Tube
from planner.scene.mark_painter import paint_marks
from planner.scene.planes import Orientation, PlaneStack
from planner.scene.slice_frame import SliceFrame
from planner.scene.space import SpaceScene


@pytest.fixture
def stack() -> PlaneStack:
    grid = Grid((40, 40, 40), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    return PlaneStack.of(grid, Orientation.AXIAL)


def painted(stack: PlaneStack, marks: SliceMarks) -> QImage:
    image = QImage(200, 200, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    paint_marks(painter, SliceFrame.fitting(stack, 200, 200), stack, marks)
    painter.end()
    return image


def test_a_line_is_painted_where_it_lies(stack: PlaneStack, qapp: object) -> None:
    frame = SliceFrame.fitting(stack, 200, 200)
    line = Lines(np.array([[[5.0, 20.0], [35.0, 20.0]]]), "#ff0000", 3.0)
    image = painted(stack, SliceMarks(lines=(line,)))
    on, off = frame.to_view(20.0, 20.0).toPoint(), frame.to_view(20.0, 26.0).toPoint()
    assert image.pixelColor(on).red() > 200
    assert image.pixelColor(off).red() == 0


def test_a_dot_is_filled_or_a_ring_and_has_its_word_beside_it(stack: PlaneStack, qapp: object) -> None:
    at = SliceFrame.fitting(stack, 200, 200).to_view(10.0, 10.0).toPoint()
    full = painted(stack, SliceMarks(dots=(Dot((10.0, 10.0, 0.0), "#00ff00", 6.0, label="left"),)))
    ring = painted(stack, SliceMarks(dots=(Dot((10.0, 10.0, 0.0), "#00ff00", 6.0, is_open=True),)))
    assert full.pixelColor(at).green() > 200
    assert ring.pixelColor(at).green() < 60
    word = [full.pixelColor(x, at.y()).green() for x in range(at.x() + 9, at.x() + 40)]
    assert max(word) > 100
    assert max(ring.pixelColor(x, at.y()).green() for x in range(at.x() + 12, at.x() + 40)) == 0


def test_no_lines_paint_nothing(stack: PlaneStack, qapp: object) -> None:
    image = painted(stack, SliceMarks(lines=(Lines(np.zeros((0, 2, 2)), "#ff0000"),)))
    assert not np.asarray(image.constBits()).reshape(200, 200, 4)[..., :3].any()


def triangle(shift: float = 0.0) -> Surface:
    points = np.array([[0, 0, 0], [40, 0, 0], [0, 40, 0]], dtype=np.float32) + np.float32(shift)
    return Surface("plain", points, np.array([[0, 1, 2]], dtype=np.int32))


@pytest.fixture
def scene() -> SpaceScene:
    made = SpaceScene()
    yield made
    made.close()


def test_parts_that_stay_are_not_made_again(scene: SpaceScene) -> None:
    mesh, ball = Mesh(triangle(), "#ff0000"), Ball((0.0, 0.0, 0.0), 2.0, "#00ff00")
    scene.set_layer("cut", (mesh, ball))
    first = set(scene.renderer.GetActors())
    scene.set_layer("cut", (mesh, Ball((5.0, 0.0, 0.0), 2.0, "#00ff00")))
    second = set(scene.renderer.GetActors())
    assert len(first) == len(second) == 2
    assert len(first & second) == 1
    scene.set_layer("cut", ())
    assert scene.renderer.GetActors().GetNumberOfItems() == 0


def test_layers_of_different_names_stand_side_by_side(scene: SpaceScene) -> None:
    line = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]])
    scene.set_layer("tree", (Tube(line, np.array([1.0, 2.0]), "#3b6fd4"),))
    scene.set_layer("cut", (Mesh(triangle(), "#ff0000", 0.5, (0.0, 0.0, 30.0)),))
    assert scene.renderer.GetActors().GetNumberOfItems() == 2
    scene.clear()
    assert scene.renderer.GetActors().GetNumberOfItems() == 0


def test_a_shifted_mesh_stands_elsewhere(scene: SpaceScene) -> None:
    scene.set_layer("cut", (Mesh(triangle(), "#ff0000", 1.0, (0.0, 0.0, 30.0)),))
    (actor,) = list(scene.renderer.GetActors())
    assert actor.GetBounds()[4:] == (30.0, 30.0)


def test_a_point_is_found_again_under_its_pixel(scene: SpaceScene) -> None:
    scene.set_layer("cut", (Mesh(triangle(), "#ff0000"),))
    scene.pixels(300, 200)
    scene.look_along((0.3, 0.4, -0.9), (0.0, 1.0, 0.0))
    scene.renderer.ResetCamera()
    scene.pixels(300, 200)
    point = (12.0, 7.0, 0.0)
    x, y = scene.display_of(point)
    assert scene.under_at_depth(x, y, point) == pytest.approx(point, abs=1e-3)
    found = scene.point_under(round(x), round(y))
    assert found is not None
    assert np.linalg.norm(np.array(found) - point) < 1.0
