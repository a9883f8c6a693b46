"""Grids of foci to draw: where planes cut them, one mesh of all, and the window as a ring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.model.geometry import Grid
from planner.model.plan import FocusGrid, Plan
from planner.planning.device_library import device_library
from planner.scene.instruments import UNKNOWN_FOCUS_MM, drawn_foci
from planner.scene.planes import Orientation, PlaneStack

HIFU = device_library().device("generic-hifu")
WINDOW = (
    (-20.0, -90.0, -20.0),
    (20.0, -90.0, -20.0),
    (0.0, -90.0, 0.0),
    (20.0, -90.0, 20.0),
    (-20.0, -90.0, 20.0),
)
GRID = FocusGrid(
    "h1",
    "generic-hifu",
    tuple((x, 0.0, z) for x in (-4.0, 0.0, 4.0) for z in (-6.0, 6.0)),
    WINDOW,
    HIFU.defaults,
)
STACK = PlaneStack.of(Grid((40, 40, 40), (1.0, 1.0, 1.0), (-20.0, -20.0, -20.0)), Orientation.AXIAL)


def test_a_slice_cuts_the_foci_it_meets_and_no_others() -> None:
    (found,) = drawn_foci(Plan("A", "c", (GRID,)))
    rings = found.sections(STACK, STACK.to_plane(np.array([0.0, 0.0, 6.5]))[2])
    assert len(rings) == 3, "the foci at z = 6 mm"
    width = np.ptp(rings[0][:, 0])
    height = np.ptp(rings[0][:, 1])
    assert width == pytest.approx(3.0 * np.sqrt(1 - (0.5 / 1.5) ** 2), rel=0.01)
    assert height == pytest.approx(10.0 * np.sqrt(1 - (0.5 / 1.5) ** 2), rel=0.01)
    assert found.sections(STACK, STACK.to_plane(np.array([0.0, 0.0, 0.0]))[2]) == ()


def test_one_mesh_holds_all_foci_along_the_beam() -> None:
    (found,) = drawn_foci(Plan("A", "c", (GRID,)))
    points, triangles = found.mesh()
    assert triangles.shape == (6 * 32, 3)
    assert triangles.max() == len(points) - 1
    assert np.ptp(points, axis=0) == pytest.approx((8.0 + 3.0, 10.0, 12.0 + 3.0), rel=0.15)
    a, b, c = (points[triangles[:32, n]] - np.array(GRID.foci_lps_mm[0]) for n in range(3))
    volume = np.einsum("ij,ij->i", np.cross(a, b), c).sum() / 6
    assert 0.5 < volume / (np.pi / 6 * 10.0 * 9.0) < 1.0, "normals point outwards"


def test_the_window_is_its_outline_in_order() -> None:
    (found,) = drawn_foci(Plan("A", "c", (GRID,)))
    ring = found.window_lps_mm
    assert len(ring) == 4, "the point in the middle is not on the outline"
    sides = np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1)
    assert sides == pytest.approx(40.0)
    (bare,) = drawn_foci(Plan("A", "c", (replace(GRID, window_lps_mm=()),)))
    assert bare.window_lps_mm.shape == (0, 3)
    (line,) = drawn_foci(
        Plan("A", "c", (replace(GRID, window_lps_mm=tuple((x, -90.0, 0.0) for x in (0.0, 5.0, 9.0))),))
    )
    assert len(line.window_lps_mm) == 3


def test_settings_without_a_zone_draw_small_balls() -> None:
    (found,) = drawn_foci(Plan("A", "c", (replace(GRID, settings={}),)))
    assert found.zones[0].along_mm == found.zones[0].across_mm == UNKNOWN_FOCUS_MM / 2
    assert found.is_placeholder
