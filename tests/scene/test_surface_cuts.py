"""Where slices cut a painted skin, against a ball in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.assessment import Surface
from planner.model.geometry import Grid
from planner.scene.palette import PAINTED
from planner.scene.planes import Orientation, PlaneStack
from planner.scene.surface_cuts import ACCESS, REFUSED, SkinCut

RADIUS_MM = 50.0


def ball() -> Surface:
    """A ball of fine triangles, refused in the back half."""
    turns, rings = 120, 60
    theta = np.linspace(0, np.pi, rings)
    phi = np.linspace(0, 2 * np.pi, turns, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    points = RADIUS_MM * np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], axis=-1)
    index = np.arange(rings * turns).reshape(rings, turns)
    a, b = index[:-1], index[1:]
    c, d = np.roll(b, -1, axis=1), np.roll(a, -1, axis=1)
    triangles = np.concatenate(
        [np.stack([a, b, c], axis=-1).reshape(-1, 3), np.stack([a, c, d], axis=-1).reshape(-1, 3)]
    )
    flat = points.reshape(-1, 3).astype(np.float32)
    values = np.where(flat[:, 1] > 0, REFUSED, 0.1).astype(np.float32)
    return Surface(ACCESS, flat, triangles.astype(np.int32), values)


@pytest.mark.parametrize("orientation", list(Orientation))
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 5.0)])
def test_the_cut_of_a_ball_is_its_circle(
    orientation: Orientation, spacing: tuple[float, float, float]
) -> None:
    shape = tuple(int(130 / s) for s in spacing[::-1])
    grid = Grid(shape, spacing, (-65.0, -65.0, -65.0))  # type: ignore[arg-type]
    stack = PlaneStack.of(grid, orientation)
    cut = SkinCut(ball(), stack)
    index = stack.count // 2 + 3
    height = stack.position_mm(index)
    painted = cut.of(index)
    ends = np.concatenate([segments.reshape(-1, 2) for _, segments in painted])
    circle = np.sqrt(RADIUS_MM**2 - height**2)
    assert np.allclose(np.linalg.norm(ends, axis=1), circle, atol=0.12)
    segments = np.concatenate([s for _, s in painted])
    length = np.linalg.norm(segments[:, 0] - segments[:, 1], axis=1).sum()
    assert length == pytest.approx(2 * np.pi * circle, rel=0.005), "the ring is closed and drawn once"


def test_each_part_has_the_colour_of_its_class_and_beyond_the_skin_there_is_nothing() -> None:
    stack = PlaneStack.of(Grid((141, 141, 141), (1.0, 1.0, 1.0), (-70.0, -70.0, -70.0)), Orientation.AXIAL)
    cut = SkinCut(ball(), stack)
    colors = [c for _, c, _ in PAINTED[ACCESS][1]]
    painted = dict(cut.of(stack.index_of((0.0, 0.0, 0.0))))
    assert set(painted) == {colors[0], colors[3]}
    assert painted[colors[0]][..., 1].max() <= 0.05, (
        "down is backwards in an axial slice: the front is allowed"
    )
    assert cut.of(0) == ()
