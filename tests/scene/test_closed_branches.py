"""What embolizations close as a layer: plugs, the tree beyond them, the liver they fed."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.scene.closed_branches import (
    ARM_MM,
    CLOSED,
    PLUG,
    REACH_MM,
    ClosedLayer,
    Plug,
    arms_of,
    parted,
)
from planner.scene.label_overlay import part_surface
from planner.scene.layers import Mesh
from planner.scene.palette import LOSES_BOTH, LOSES_INFLOW, LOSES_OUTFLOW, OK, STOP, WARNING, rgb
from planner.scene.planes import Orientation, PlaneStack
from planner.session.closed_territories import ClosedLiver, ClosedTree

GRID = Grid((30, 40, 50), (1.5, 1.2, 2.0), (-36.0, -23.4, -30.0))
PORTAL, RADIUS_MM = "#cc79a7", 2.0
FORK = (0.0, 0.0, 0.0)


def branch(number: int, parent: int | None, start: tuple, stop: tuple, name: str = "") -> Branch:
    return Branch(number, parent, np.linspace(start, stop, 30), np.full(30, RADIUS_MM), name)


@pytest.fixture(scope="module")
def tree() -> VesselTree:
    return VesselTree(
        "Portal vein",
        Role.PORTAL_VEIN,
        (
            branch(0, None, (0.0, 0.0, -24.0), FORK, "main portal vein"),
            branch(1, 0, FORK, (-20.0, 0.0, 0.0), "right portal vein"),
            branch(2, 0, FORK, (20.0, 0.0, 0.0), "left portal vein"),
            branch(3, 1, (-20.0, 0.0, 0.0), (-30.0, 0.0, 10.0)),
            branch(4, 1, (-20.0, 0.0, 0.0), (-22.0, 0.0, -1.0)),
        ),
    )


@pytest.fixture
def axial() -> PlaneStack:
    return PlaneStack.of(GRID, Orientation.AXIAL)


def closed_liver() -> ClosedLiver:
    """All that lies right of the fork."""
    points = GRID.to_lps(np.stack(np.indices(GRID.shape)[::-1], axis=-1).astype(float))
    inside = (np.abs(points) <= 18.0).all(axis=-1)
    return ClosedLiver(inside & (points[..., 0] < 0), GRID, int(inside.sum()))


def shown(tree: VesselTree, *plugs: int) -> ClosedLayer:
    layer = ClosedLayer()
    layer.show([(ClosedTree(tree, plugs), PORTAL)])
    return layer


def test_its_colour_is_none_of_a_judgement_or_of_what_a_cut_takes() -> None:
    for other in (OK, WARNING, STOP, LOSES_INFLOW, LOSES_OUTFLOW, LOSES_BOTH, PORTAL):
        assert np.abs(np.subtract(rgb(CLOSED), rgb(other))).max() >= 25


def test_a_plug_lies_beyond_the_fork_but_in_the_first_half(tree: VesselTree) -> None:
    plug = Plug.of(tree.branch(1))
    assert plug.lps_mm == pytest.approx((-1.5 * RADIUS_MM, 0.0, 0.0))
    assert plug.radius_mm == pytest.approx(RADIUS_MM)
    assert plug.title == "right"
    short = Plug.of(tree.branch(4))
    assert short.lps_mm == pytest.approx((-21.0, 0.0, -0.5)), "the middle of a short branch"
    assert short.title == "branch 4"


def test_a_tree_is_parted_where_it_is_closed(tree: VesselTree) -> None:
    still, shut = parted(ClosedTree(tree, (1,)))
    assert still is not None
    assert shut is not None
    assert [b.number for b in still.branches] == [0, 2]
    assert [(b.number, b.parent) for b in shut.branches] == [(1, None), (3, 1), (4, 1)]
    assert parted(ClosedTree(tree)) == (tree, None)
    assert parted(ClosedTree(tree, (0,)))[0] is None
    two = parted(ClosedTree(tree, (2, 3)))[1]
    assert two is not None
    assert [b.number for b in two.roots] == [2, 3]


def test_a_slice_shows_the_cross_the_closed_tree_and_words(axial: PlaneStack, tree: VesselTree) -> None:
    layer = shown(tree, 1)
    marks = layer.on_slice(axial, axial.index_of(FORK))
    by_color = {x.color: x.segments_mm for x in marks.lines}
    assert set(by_color) == {PORTAL, CLOSED, PLUG}
    right = axial.to_plane(np.array([[-20.0, 0.0, 0.0], FORK, [20.0, 0.0, 0.0]]))[:, 0]
    closed, still = by_color[CLOSED][..., 0], by_color[PORTAL][..., 0]
    assert (closed.min(), closed.max()) == pytest.approx(sorted((right[0], right[1])), abs=3.0)
    assert (still.min(), still.max()) == pytest.approx(sorted((right[1], right[2])), abs=1e-6)
    cross = by_color[PLUG]
    middle = axial.to_plane(np.array(Plug.of(tree.branch(1)).lps_mm))[:2]
    np.testing.assert_allclose(cross.mean(axis=1), [middle, middle], atol=1e-9)
    lengths = np.linalg.norm(cross[:, 1] - cross[:, 0], axis=1)
    np.testing.assert_allclose(lengths, 2 * ARM_MM)
    assert abs(np.dot(*(cross[:, 1] - cross[:, 0]))) < 1e-9
    words = [d.label.strip() for d in marks.dots]
    assert "closed: right" in words
    assert "right" not in words, "it is not named twice"
    assert layer.on_slice(axial, axial.index_of(FORK)) is marks, "nothing is made anew while a cut is dragged"
    far = layer.on_slice(axial, axial.index_of((0.0, 0.0, 9.0)))
    assert PLUG not in {x.color for x in far.lines}
    assert not [d for d in far.dots if "closed" in d.label]


def test_plugs_that_stand_close_together_share_one_word(axial: PlaneStack, tree: VesselTree) -> None:
    at_fork = shown(tree, 1, 2).on_slice(axial, axial.index_of(FORK))
    assert [d.label.strip() for d in at_fork.dots if "closed" in d.label] == ["closed: right, left"]
    assert len([x for x in at_fork.lines if x.color == PLUG]) == 2
    apart = shown(tree, 2, 4).on_slice(axial, axial.index_of(FORK))
    assert [d.label.strip() for d in apart.dots if "closed" in d.label] == [
        "closed: left",
        "closed: branch 4",
    ]


def test_the_closed_liver_is_tinted(axial: PlaneStack, tree: VesselTree) -> None:
    layer, liver = ClosedLayer(), closed_liver()
    trees = [(ClosedTree(tree, (1,)), PORTAL)]
    layer.show(trees, liver)
    marks = layer.on_slice(axial, axial.index_of(FORK))
    (patch,) = marks.patches
    tinted = patch.pixels[..., 3] > 0
    assert (patch.pixels[tinted][:, :3] == rgb(CLOSED)).all()
    pixel = (patch.high_mm[0] - patch.low_mm[0]) / tinted.shape[1]
    k = int(np.rint(GRID.to_ijk(np.array(FORK))[2]))
    area = np.count_nonzero(liver.mask[k]) * 1.5 * 1.2
    assert tinted.sum() * pixel**2 == pytest.approx(area, rel=0.05)
    assert not layer.on_slice(axial, axial.index_of((0.0, 0.0, 27.0))).patches
    layer.show(trees, None)
    assert not layer.on_slice(axial, axial.index_of(FORK)).patches


def test_in_space_stand_trees_crosses_and_the_closed_liver(tree: VesselTree) -> None:
    layer, liver = ClosedLayer(), closed_liver()
    closed = ClosedTree(tree, (1,))
    surface = part_surface(liver.mask, liver.grid)
    assert surface is not None
    layer.show([(closed, PORTAL)], liver, surface)
    parts = layer.in_space()
    assert all(isinstance(p, Mesh) for p in parts)
    still, shut, cross, solid = parts
    assert [p.color for p in parts] == [PORTAL, CLOSED, PLUG, CLOSED]  # type: ignore[union-attr]
    assert still.opacity == shut.opacity == 1.0 > solid.opacity  # type: ignore[union-attr]
    assert np.abs(cross.surface.points_lps_mm - Plug.of(tree.branch(1)).lps_mm).max() < REACH_MM + 4  # type: ignore[union-attr]
    layer.show([(closed, PORTAL)], liver, surface)
    assert all(a is b for a, b in zip(layer.in_space(), parts, strict=True)), "what stays is the same"
    layer.show([(ClosedTree(tree), PORTAL)])
    assert [p.color for p in layer.in_space()] == [PORTAL]  # type: ignore[union-attr]
    layer.is_in_space = False
    assert not layer.in_space()


def test_a_cross_is_seen_as_one_from_all_sides(tree: VesselTree) -> None:
    plug = Plug.of(tree.branch(1))
    ways = np.array([points[1] - points[0] for points, _ in arms_of(plug)])
    np.testing.assert_allclose(np.linalg.norm(ways, axis=1), 2 * (RADIUS_MM + REACH_MM))
    np.testing.assert_allclose(ways @ ways.T, np.diag(np.diag(ways @ ways.T)), atol=1e-9)
    for axis in range(3):
        flat = np.delete(ways, axis, axis=1)
        assert np.linalg.matrix_rank(flat) == 2
