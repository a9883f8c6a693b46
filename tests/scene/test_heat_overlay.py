"""Temperatures laid over slices: isotherms of a ball where they must lie, over oblique fields too."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.assessment import ScalarField
from planner.model.geometry import Grid
from planner.scene.field_overlay import ELECTRIC_LINES, field_cut
from planner.scene.heat_overlay import COLD_LINES, HOT_LINES, PIXEL_MM, heat_cut, is_cold, temperature_at
from planner.scene.planes import Orientation, PlaneStack

CENTER = np.array([12.0, -7.0, 30.0])
#: A lattice turned by 30 degrees about two axes.
_C, _S = np.cos(np.pi / 6), np.sin(np.pi / 6)
TURNED = (_C, _S, 0.0, -_S * _C, _C * _C, _S, _S * _S, -_C * _S, _C)


def field(top_c: float, direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1)) -> ScalarField:
    """Degrees that fall (or rise) by a straight line from the centre to 37 at 40 mm."""
    turn = np.array(direction, dtype=float).reshape(3, 3)
    count, step = 70, 1.2
    grid = Grid((count,) * 3, (step,) * 3, (0.0, 0.0, 0.0), tuple(float(v) for v in turn.ravel()))
    middle = grid.to_lps(np.full(3, (count - 1) / 2))
    origin = tuple(float(v) for v in CENTER - middle)
    grid = Grid((count,) * 3, (step,) * 3, origin, grid.direction)  # type: ignore[arg-type]
    k, j, i = np.indices(grid.shape)
    away = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)) - CENTER, axis=-1)
    values = 37.0 + (top_c - 37.0) * np.clip(1 - away / 40.0, 0, 1)
    return ScalarField("temperature_0100s", grid, values.astype(np.float16), "°C")


def stack_of(orientation: Orientation) -> PlaneStack:
    return PlaneStack.of(Grid((90, 180, 180), (1.0, 1.0, 2.0), (-80.0, -95.0, -55.0)), orientation)


@pytest.mark.parametrize("orientation", list(Orientation))
@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), TURNED])
def test_isotherms_of_a_ball_are_circles(orientation: Orientation, direction: tuple[float, ...]) -> None:
    stack = stack_of(orientation)
    index = stack.index_of((12.0, -7.0, 30.0))
    off = stack.position_mm(index) - stack.to_plane(CENTER)[2]
    found = heat_cut(field(110.0, direction), stack, index)
    assert found is not None
    assert {level for level, _, _ in found.lines} == set(HOT_LINES)
    for level, _, line in found.lines:
        radius = 40.0 * (1 - (level - 37.0) / 73.0)
        gaps = np.linalg.norm(line - stack.to_plane(CENTER)[:2], axis=1)
        assert np.allclose(gaps, np.sqrt(radius**2 - off**2), atol=0.5), level
    # What is coloured is what is 42 degrees and more.
    radius = 40.0 * (1 - 5.0 / 73.0)
    area = np.count_nonzero(found.pixels[..., 3]) * PIXEL_MM**2
    assert area == pytest.approx(np.pi * (radius**2 - off**2), rel=0.03)


def test_a_freezing_is_told_from_a_heating_and_has_its_own_lines() -> None:
    cold = field(-120.0)
    assert is_cold(cold)
    assert not is_cold(field(80.0))
    stack = stack_of(Orientation.AXIAL)
    found = heat_cut(cold, stack, stack.index_of((12.0, -7.0, 30.0)))
    assert found is not None
    assert {level for level, _, _ in found.lines} == set(COLD_LINES)


def test_beside_the_field_and_in_cool_tissue_nothing_is_laid_over() -> None:
    stack = stack_of(Orientation.AXIAL)
    assert heat_cut(field(110.0), stack, 0) is None
    assert heat_cut(field(41.0), stack, stack.index_of((12.0, -7.0, 30.0))) is None


def test_the_degrees_under_the_cursor() -> None:
    hot = field(110.0, TURNED)
    assert temperature_at(hot, CENTER) == pytest.approx(110.0, abs=2.0)
    assert temperature_at(hot, CENTER + (20.0, 0.0, 0.0)) == pytest.approx(73.5, abs=2.0)
    assert temperature_at(hot, CENTER + (200.0, 0.0, 0.0)) is None


@pytest.mark.parametrize("orientation", list(Orientation))
def test_lines_of_an_electric_field_are_its_thresholds(orientation: Orientation) -> None:
    """A field that falls with the distance: each line is a circle, and below 300 V/cm nothing is coloured."""
    grid = field(110.0, TURNED).grid
    k, j, i = np.indices(grid.shape)
    away = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1).astype(float)) - CENTER, axis=-1)
    strength = ScalarField(
        "electric_field_v_per_cm", grid, (12000.0 / np.maximum(away, 1.0)).astype(np.float32), "V/cm"
    )
    stack = stack_of(orientation)
    found = field_cut(strength, stack, stack.index_of((12.0, -7.0, 30.0)))
    assert found is not None
    off = stack.position_mm(stack.index_of((12.0, -7.0, 30.0))) - stack.to_plane(CENTER)[2]
    assert {level for level, _, _ in found.lines} == {level for level, _ in ELECTRIC_LINES}
    for level, _, line in found.lines:
        gaps = np.linalg.norm(line - stack.to_plane(CENTER)[:2], axis=1)
        assert np.allclose(gaps, np.sqrt((12000.0 / level) ** 2 - off**2), atol=0.7), level
    weak = ScalarField("electric_field_v_per_cm", grid, np.full(grid.shape, 250.0, dtype=np.float32), "V/cm")
    assert field_cut(weak, stack, stack.index_of((12.0, -7.0, 30.0))) is None
    assert field_cut(strength, stack, 0) is None
