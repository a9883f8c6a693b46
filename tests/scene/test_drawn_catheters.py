"""Catheters on slices and in space, and what tips feed in their colours."""

from __future__ import annotations

import numpy as np

from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.scene.drawn_catheters import (
    CatheterLayer,
    ShownCatheter,
    perfusion_look,
    perfusion_overlay,
    tip_color,
)
from planner.scene.layers import Ball, Tube
from planner.scene.palette import SELECTED, rgb
from planner.scene.planes import Orientation, PlaneStack

LINE = np.column_stack([np.zeros(41), np.zeros(41), np.linspace(0.0, 40.0, 41)])
TREE = VesselTree("artery", Role.HEPATIC_ARTERY, (Branch(0, None, LINE, np.full(41, 2.0)),))
GRID = Grid((40, 30, 30), (2.0, 2.0, 1.0), (-30.0, -30.0, 0.0))


def shown(is_chosen: bool = False) -> ShownCatheter:
    return ShownCatheter("c1", tip_color(0), (0.0, 0.0, 20.0), LINE[:21], TREE, (0,), is_chosen)


def stack() -> PlaneStack:
    return PlaneStack.of(GRID, Orientation.AXIAL)


def test_a_tip_is_full_in_its_slice_and_open_elsewhere() -> None:
    layer = CatheterLayer()
    layer.show([shown(True)])
    axial = stack()
    index = min(
        range(axial.count),
        key=lambda n: abs(axial.position_mm(n) - axial.to_plane(np.array((0.0, 0.0, 20.0)))[2]),
    )
    here = layer.on_slice(axial, index)
    assert [(d.color, d.is_open, d.label) for d in here.dots] == [(SELECTED, False, "c1")]
    assert here.lines, "the way passes its own tip"
    far = layer.on_slice(axial, axial.count - 1 if index < axial.count // 2 else 0)
    assert [d.is_open for d in far.dots] == [True]


def test_in_space_parts_stay_the_same_objects() -> None:
    layer = CatheterLayer()
    layer.show([shown()])
    first, again = layer.in_space(), layer.in_space()
    assert [type(p) for p in first] == [Tube, Ball, Tube]
    assert all(a is b or isinstance(a, Ball) for a, b in zip(first, again, strict=True))
    layer.show([])
    assert layer.in_space() == ()


def test_what_two_tips_feed_is_white() -> None:
    one, two = np.array([True, True, False, False]), np.array([False, True, True, False])
    look = perfusion_look({"c1": one, "c2": two}, 4)
    assert tuple(look.rgba[0][:3]) == tuple(rgb(tip_color(0)))
    assert tuple(look.rgba[1][:3]) == (255, 255, 255)
    assert tuple(look.rgba[2][:3]) == tuple(rgb(tip_color(1)))
    assert look.rgba[3][3] == 0
    assert look.rgba[-1][3] == 0, "outside the liver nothing is painted"
    codes = np.zeros(GRID.shape, dtype=np.int32)
    codes[:20] = 3
    overlay = perfusion_overlay(codes, GRID, {"c1": one}, 4)
    axial = stack()
    painted = [bool(overlay.on_slice(axial, n).patches) for n in range(axial.count)]
    assert 0 < sum(painted) < axial.count
