"""Resections over the views: the cut by its margin, what is taken dimmed, handles near the slice."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.assessment import ScalarField, Surface
from planner.model.geometry import Grid
from planner.model.resection import PatchCut, PlaneCut, Resection, SegmentsCut
from planner.planning.liver_ground import LiverGround
from planner.planning.liver_parts import Part
from planner.scene.drawn_cuts import CutLayer, plain_surface
from planner.scene.layers import Ball, Mesh, Tube
from planner.scene.liver_parts_overlay import PART_RGBA, LiverParts
from planner.scene.palette import CUT_CLASSES, SELECTED
from planner.scene.planes import Orientation, PlaneStack
from planner.session.pointing import Handle

GRID = Grid((40, 50, 60), (2.0, 2.0, 2.5), (-59.0, -49.0, -49.0))
PLANE = Resection("r1", PlaneCut((10.0, 0.0, 0.0), (1.0, 0.0, 0.0)))


@pytest.fixture
def ground() -> LiverGround:
    k, j, i = np.indices(GRID.shape)
    at = GRID.to_lps(np.stack([i, j, k], axis=-1).astype(float))
    return LiverGround.of_mask(GRID, np.asarray((at**2).sum(axis=-1) <= 40.0**2))


def surface(values: tuple[float, float] = (0.5, 20.0)) -> Surface:
    """A square at x = 10, nearer to a lesion in front than at the back."""
    points = [(10.0, y, z) for y in (-30.0, 0.0, 30.0) for z in (-30.0, 30.0)]
    triangles = [(0, 2, 1), (1, 2, 3), (2, 4, 3), (3, 4, 5)]
    margins = [values[0]] * 3 + [values[0]] + [values[1]] * 2
    return Surface(
        "cut_margin",
        np.array(points, np.float32),
        np.array(triangles, np.int32),
        np.array(margins, np.float32),
        "mm",
        "r1",
    )


def layer(*handles: Handle, stroke: tuple[tuple[float, float, float], ...] = ()) -> CutLayer:
    return CutLayer(lambda: handles, lambda: stroke)


def axial() -> PlaneStack:
    return PlaneStack.of(GRID, Orientation.AXIAL)


def test_the_cut_is_coloured_by_its_margin(ground: LiverGround) -> None:
    shown = layer()
    shown.show((PLANE,), {"r1": surface()}, ground, 400.0, "r1")
    marks = shown.on_slice(axial(), axial().index_of((0.0, 0.0, 1.0)))
    colors = {line.color for line in marks.lines}
    assert CUT_CLASSES[0][1] in colors
    assert len(colors) > 1
    ends = np.concatenate([line.segments_mm.reshape(-1, 2) for line in marks.lines])
    assert ends[:, 0] == pytest.approx(np.full(len(ends), 10.0), abs=1e-3)
    assert marks.lines[-1].color == CUT_CLASSES[0][1], "the nearest class lies on top"


def test_what_is_taken_is_dimmed_in_the_liver_alone(ground: LiverGround) -> None:
    shown = layer()
    shown.show((PLANE,), {}, ground, 400.0, "")
    (patch,) = shown.on_slice(axial(), axial().index_of((0.0, 0.0, 1.0))).patches
    dark = patch.pixels[..., 3] > 0
    rows, columns = dark.shape
    right = patch.low_mm[0] + (np.arange(columns) + 0.5) * 1.5
    down = patch.low_mm[1] + (np.arange(rows) + 0.5) * 1.5
    far = np.hypot(right[None, :], down[:, None])
    assert not dark[(right[None, :] < 9.0) & (far < 99.0)].any()
    assert not dark[far > 43.0].any()
    assert dark[(right[None, :] > 11.0) & (far < 37.0)].all()
    assert not layer().on_slice(axial(), 3).patches


def test_handles_are_drawn_near_the_slice_fainter_off_it(ground: LiverGround) -> None:
    handles = (
        Handle("r1 a", (10.0, 0.0, 1.0), 8.0),
        Handle("r1 b", (10.0, 5.0, 7.0), 8.0),
        Handle("r1 c", (10.0, 5.0, 30.0), 8.0),
    )
    shown = layer(*handles)
    shown.show((PLANE,), {"r1": surface()}, ground, 400.0, "r1")
    dots = shown.on_slice(axial(), axial().index_of((0.0, 0.0, 1.0))).dots
    assert [d.lps_mm for d in dots] == [h.lps_mm for h in handles[:2]]
    assert dots[0].opacity == 1.0 > dots[1].opacity


def test_the_line_that_is_drawn_is_seen_everywhere() -> None:
    line = ((0.0, 0.0, 0.0), (0.0, 10.0, 0.0), (5.0, 20.0, 0.0))
    shown = layer(stroke=line)
    shown.show((), {}, None, 0.0, "")
    (drawn,) = shown.on_slice(axial(), 5).lines
    assert drawn.color == SELECTED
    assert drawn.segments_mm.shape == (2, 2, 2)
    assert [type(part) for part in shown.in_space()] == [Tube]


def test_meshes_that_stay_are_the_same_objects(ground: LiverGround) -> None:
    shown, own = layer(Handle("r1 a", (10.0, 0.0, 1.0))), surface()
    shown.show((PLANE,), {"r1": own}, ground, 400.0, "r1")
    mesh, ball = shown.in_space()
    assert isinstance(mesh, Mesh)
    assert isinstance(ball, Ball)
    shown.show((PLANE,), {"r1": own}, ground, 400.0, "r1")
    assert shown.in_space()[0] is mesh
    shown.shift_lps_mm = (30.0, 0.0, 0.0)
    moved = shown.in_space()[1]
    assert moved.shift_lps_mm == (30.0, 0.0, 0.0)
    assert shown.in_space()[1] is moved
    shown.show((PLANE,), {"r1": surface()}, ground, 400.0, "r1")
    assert shown.in_space()[0] is not mesh


def test_a_cut_of_which_nothing_is_known_yet_is_drawn_plain() -> None:
    plain = plain_surface(PLANE)
    assert plain.points_lps_mm[:, 0] == pytest.approx(np.full(4, 10.0))
    side = np.linspace(-20.0, 20.0, 4)
    net = tuple(tuple((3.0, float(a), float(b)) for b in side) for a in side)
    patch = plain_surface(Resection("r2", PatchCut(net)))
    assert patch.points_lps_mm[:, 0] == pytest.approx(np.full(len(patch.points_lps_mm), 3.0), abs=1e-5)
    assert not len(plain_surface(Resection("r3", SegmentsCut(("a",)))).triangles)


def parts() -> LiverParts:
    values = np.zeros(GRID.shape, dtype=np.uint8)
    values[5:35, 5:45, 5:30] = Part.REMNANT
    values[5:35, 5:45, 30:55] = Part.RESECTED
    values[5:35, 5:15, 5:30] = Part.CONGESTED
    return LiverParts(ScalarField("liver_parts", GRID, values, ""))


def test_parts_of_an_assessed_plan_have_their_colours(ground: LiverGround) -> None:
    shown = layer()
    shown.show((Resection("r1", SegmentsCut(("a",))),), {}, ground, 400.0, "", parts())
    (patch,) = shown.on_slice(axial(), axial().index_of((0.0, 0.0, 1.0))).patches
    seen = {tuple(p) for p in patch.pixels.reshape(-1, 4).tolist()}
    assert {PART_RGBA[Part.RESECTED], PART_RGBA[Part.CONGESTED], (0, 0, 0, 0)} == seen
    assert parts().present == (Part.RESECTED, Part.CONGESTED)


def test_what_a_set_takes_is_carried_on_beyond_the_liver(ground: LiverGround) -> None:
    shown = layer()
    shown.show((Resection("r1", SegmentsCut(("a",))),), {}, ground, 400.0, "", parts())
    assert shown.can_part
    border = float(GRID.to_lps(np.array([29.5, 20.0, 20.0]))[0])
    at = np.array([[border + d, 0.0, z] for d in (-6.0, 6.0) for z in (0.0, 70.0)])
    assert (shown.taken(at) > 0).tolist() == [False, False, True, True]
    assert shown.taken(np.array([[border, 0.0, 0.0]]))[0] == pytest.approx(0.0, abs=0.05)
    shown.show((Resection("r1", SegmentsCut(("a",))),), {}, ground, 400.0, "")
    assert not shown.can_part
