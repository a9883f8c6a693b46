"""Trees, territories, segments and the brush as layers: what lies on slices, what stands in space."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.scene.drawn_trees import CHOSEN, ShownTrees, TreeLayer, lightened, short_name
from planner.scene.label_overlay import LabelLook, LabelOverlay, outline_segments, part_surface
from planner.scene.layers import Mesh
from planner.scene.palette import OK, STOP, WARNING, rgb
from planner.scene.pixel_plane import pixel_plane
from planner.scene.planes import Orientation, PlaneStack
from planner.scene.tube_mesh import SIDES, tube_mesh
from planner.scene.vessel_layers import LOSS_COLORS, BrushLayer

GRID = Grid((30, 40, 50), (1.5, 1.2, 2.0), (-30.0, -20.0, -25.0))
PORTAL = "#cc79a7"


@pytest.fixture
def axial() -> PlaneStack:
    return PlaneStack.of(GRID, Orientation.AXIAL)


def branch(number: int, parent: int | None, start: tuple, stop: tuple, name: str = "") -> Branch:
    share = np.linspace(0.0, 1.0, 30)[:, None]
    points = np.array(start) * (1 - share) + np.array(stop) * share
    return Branch(number, parent, points, np.full(30, 3.0), name)


@pytest.fixture
def tree() -> VesselTree:
    fork = (0.0, 0.0, 0.0)
    return VesselTree(
        "Portal vein",
        Role.PORTAL_VEIN,
        (
            branch(0, None, (0.0, 0.0, -24.0), fork, "main portal vein"),
            branch(1, 0, fork, (-29.0, 5.0, 0.2), "right portal vein"),
            branch(2, 0, fork, (18.0, 5.0, 20.0)),
        ),
    )


# trees -------------------------------------------------------------------------------------


def test_centrelines_are_drawn_where_they_pass_a_slice(axial: PlaneStack, tree: VesselTree) -> None:
    layer = TreeLayer()
    layer.show(ShownTrees(((tree, PORTAL),)))
    at_fork = layer.on_slice(axial, axial.index_of((0.0, 0.0, 0.0)))
    (lines,) = at_fork.lines
    assert lines.color == PORTAL
    reach = lines.segments_mm[..., 0]
    assert reach.min() == pytest.approx(-29.0), "all of the branch that lies in the slice"
    assert reach.max() < 4.0, "the rising one only near it"
    assert {d.label for d in at_fork.dots} <= {"main", "right"}
    assert "right" in {d.label for d in at_fork.dots}
    above = layer.on_slice(axial, axial.index_of((0.0, 0.0, 15.0)))
    assert len(above.lines) == 1
    assert not above.dots, "an unnamed branch has no word"
    assert not layer.on_slice(axial, axial.count - 1).lines


def test_names_keep_apart_and_can_be_left_out(axial: PlaneStack, tree: VesselTree) -> None:
    layer = TreeLayer()
    near = VesselTree(
        "Hepatic veins", Role.HEPATIC_VEIN, (branch(0, None, (-9, 2, -20), (-9, 2, 20), "left hepatic vein"),)
    )
    layer.show(ShownTrees(((tree, PORTAL), (near, "#56B4E9"))))
    dots = layer.on_slice(axial, axial.index_of((0.0, 0.0, 0.0))).dots
    places = [np.array(d.lps_mm)[:2] for d in dots]
    for n, one in enumerate(places):
        assert all(np.linalg.norm(one - other) >= 14.0 for other in places[n + 1 :])
    layer.show(ShownTrees(((tree, PORTAL),), has_names=False))
    assert not layer.on_slice(axial, axial.index_of((0.0, 0.0, 0.0))).dots


def test_the_chosen_branch_and_what_lies_beyond_stand_out(axial: PlaneStack, tree: VesselTree) -> None:
    layer = TreeLayer()
    layer.show(ShownTrees(((tree, PORTAL),), "Portal vein", 0))
    shades = {x.color for x in layer.on_slice(axial, axial.index_of((0.0, 0.0, 0.0))).lines}
    assert shades == {CHOSEN, lightened(PORTAL)}
    whole, beyond, chosen = layer.in_space()
    assert [p.color for p in (whole, beyond, chosen)] == [PORTAL, lightened(PORTAL), CHOSEN]
    again = layer.in_space()
    assert all(a is b for a, b in zip(again, (whole, beyond, chosen), strict=True))
    layer.show(ShownTrees(((tree, PORTAL),), "Portal vein", 1))
    assert layer.in_space()[0] is whole, "the tree's own mesh stays when another branch is chosen"
    layer.show(ShownTrees(((tree, PORTAL),), "Portal vein", 77))
    assert len(layer.in_space()) == 1, "a branch that is gone"


def test_a_vessel_that_is_drawn_is_seen_with_its_clicks(axial: PlaneStack) -> None:
    layer = TreeLayer()
    points = np.array([[0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [5.0, 0.0, 20.0]])
    layer.show(
        ShownTrees((), drawn_lps_mm=points, drawn_radii_mm=np.full(3, 2.0), clicks_lps_mm=points[[0, 2]])
    )
    marks = layer.on_slice(axial, axial.index_of((0.0, 0.0, 0.0)))
    assert [x.is_dashed for x in marks.lines] == [True, False]
    assert [d.opacity for d in marks.dots] == [1.0, 0.5]
    assert len(layer.in_space()) == 3
    assert all(a is b for a, b in zip(layer.in_space(), layer.in_space(), strict=True))


def test_short_names() -> None:
    assert short_name("right anterior portal vein") == "right anterior"
    assert short_name("segment 7") == "S7"
    assert short_name("inferior vena cava") == "inferior vena cava"


def test_tubes_hold_what_their_sections_hold() -> None:
    share = np.linspace(0.0, 50.0, 101)
    upright = np.stack([0 * share, 0 * share, share], axis=1)
    aslant = upright @ np.linalg.qr(np.array([[1.0, 2, 3], [0, 1, 4], [5, 6, 0]]))[0].T + 40.0
    mesh = tube_mesh([(upright, np.full(101, 3.0)), (aslant, np.full(101, 2.0))])
    corners = mesh.points_lps_mm[mesh.triangles].astype(float)
    volume = np.einsum("ni,ni->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6.0
    section = 0.5 * SIDES * np.sin(2 * np.pi / SIDES)
    assert abs(volume) == pytest.approx(section * (3.0**2 + 2.0**2) * 50.0, rel=0.002)
    assert not len(tube_mesh([]).points_lps_mm)
    two = tube_mesh([(upright[:2], np.array([1.0, 1.0]))])
    assert np.isfinite(two.points_lps_mm).all()


# labels ------------------------------------------------------------------------------------


def test_labels_are_tinted_where_they_lie(axial: PlaneStack) -> None:
    labels = np.full(GRID.shape, -1, dtype=np.int32)
    labels[10:20, 5:30, 10:40] = 4
    labels[10:20, 5:30, 25:40] = 2
    overlay = LabelOverlay(labels, GRID, LabelLook.of(5, {2: "#ff0000"}, {2: "two"}))
    index = axial.index_of(tuple(GRID.to_lps(np.array([30.0, 20.0, 15.0]))))
    marks = overlay.on_slice(axial, index)
    (patch,) = marks.patches
    tinted = patch.pixels[..., 3] > 0
    pixel = (patch.high_mm[0] - patch.low_mm[0]) / tinted.shape[1]
    assert tinted.sum() * pixel**2 == pytest.approx(25 * 15 * 1.5 * 1.2, rel=0.05)
    assert (patch.pixels[tinted][:, :3] == rgb("#ff0000")).all()
    (dot,) = marks.dots
    k, j, i = np.rint(GRID.to_ijk(np.array(dot.lps_mm))[::-1]).astype(int)
    assert labels[k, j, i] == 2
    assert overlay.on_slice(axial, index).patches[0].pixels.shape == patch.pixels.shape
    assert not overlay.on_slice(axial, 0).patches


def test_labels_that_were_painted_on_are_shown_anew(axial: PlaneStack) -> None:
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    overlay = LabelOverlay(labels, GRID, LabelLook.of(9, {3: "#00ff00"}))
    index = axial.count // 2
    assert not overlay.on_slice(axial, index).patches
    labels[:, 10:20, 10:20] = 3
    overlay.revision += 1
    overlay.outlined = (3, "#ffffff")
    marks = overlay.on_slice(axial, index)
    assert marks.patches
    (outline,) = marks.lines
    length = np.linalg.norm(np.diff(outline.segments_mm, axis=1), axis=2).sum()
    assert length == pytest.approx(2 * (10 * 1.5 + 10 * 1.2), rel=0.06)


def test_a_slice_that_passes_by_has_nothing() -> None:
    small = Grid((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    overlay = LabelOverlay(np.ones(small.shape, dtype=np.uint8), small, LabelLook.of(2, {1: "#ff0000"}))
    marks = overlay.on_slice(PlaneStack.of(GRID, Orientation.AXIAL), 0)
    assert not marks.patches
    assert overlay.in_space() == ()


def test_the_outline_of_pixels_is_their_border(axial: PlaneStack) -> None:
    plane = pixel_plane(GRID, axial, 5, 0.5)
    mask = np.zeros(plane.points_lps_mm.shape[:2], dtype=bool)
    mask[:3, 4:9] = True
    segments = outline_segments(mask, plane)
    assert np.linalg.norm(np.diff(segments, axis=1), axis=2).sum() == pytest.approx(2 * (3 + 5) * 0.5)
    assert segments[..., 1].min() == pytest.approx(plane.low_mm[1])


def test_the_surface_of_a_part_holds_about_its_volume() -> None:
    k, j, i = np.indices(GRID.shape)
    points = GRID.to_lps(np.stack([i, j, k], axis=-1))
    ball = ((points - np.array([5.0, 3.0, 4.0])) ** 2).sum(axis=-1) <= 14.0**2
    surface = part_surface(ball, GRID)
    corners = surface.points_lps_mm[surface.triangles].astype(float)
    volume = np.einsum("ni,ni->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6.0
    assert abs(volume) == pytest.approx(4 / 3 * np.pi * 14.0**3, rel=0.08)
    assert part_surface(np.zeros(GRID.shape, dtype=bool), GRID) is None


def test_the_brush_is_the_circle_a_slice_cuts_out_of_it(axial: PlaneStack) -> None:
    layer = BrushLayer()
    index = axial.index_of((0.0, 0.0, 0.0))
    assert not layer.on_slice(axial, index).lines, "no brush is taken"
    height = axial.position_mm(index)
    layer.radius_mm, layer.at_lps_mm = 10.0, (2.0, 1.0, height + 6.0)
    (circle,) = layer.on_slice(axial, index).lines
    away = np.linalg.norm(circle.segments_mm.reshape(-1, 2) - np.array([2.0, 1.0]), axis=1)
    assert away == pytest.approx(8.0)
    layer.at_lps_mm = (2.0, 1.0, height + 11.0)
    assert not layer.on_slice(axial, index).lines
    assert layer.in_space() == ()


def test_hues_of_judgement_are_not_used() -> None:
    from planner.model.vocabulary import vocabulary

    judged = {rgb(c) for c in (OK, WARNING, STOP)}
    for _, color in LOSS_COLORS.values():
        assert rgb(color) not in judged
    shades = [vocabulary().entry(Role(f"couinaud_{n}")).color for n in range(1, 9)]
    assert not judged & set(shades)
    for n, one in enumerate(shades):
        for other in shades[n + 1 :]:
            assert np.linalg.norm(np.subtract(one, other)) > 40.0, "segments are told apart"


def test_meshes_are_of_one_colour(tree: VesselTree) -> None:
    layer = TreeLayer()
    layer.show(ShownTrees(((tree, PORTAL),)))
    (part,) = layer.in_space()
    assert isinstance(part, Mesh)
    assert part.opacity == 1.0
