"""Catheters over the views: the way to each tip, the tip, vessels beyond it, and what it feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.model.geometry import FloatArray, Grid
from planner.model.points import Point
from planner.model.vessel_tree import VesselTree
from planner.scene.label_overlay import TINT, LabelLook, LabelOverlay
from planner.scene.layers import Ball, Dot, Lines, SliceMarks, SpacePart, Tube
from planner.scene.palette import SELECTED, rgb
from planner.scene.planes import PlaneStack

BoolArray = npt.NDArray[np.bool_]

#: A catheter's line is drawn on slices no further from it than this.
NEAR_MM = 2.0
CATHETER, CATHETER_MM, TIP_MM = "#f4f4f4", 0.9, 2.4
#: What tips feed, one after the other; none is a judgement's colour.
TIP_COLORS = ("#4dabf7", "#b197fc", "#63e6be", "#f783ac", "#ffe066", "#a9e34b")
#: What two tips feed both.
BOTH = "#ffffff"


@dataclass(frozen=True, eq=False)
class ShownCatheter:
    """One of them.

    Parameters
    ----------
    id, color
        Of the target, and of what it feeds.
    tip_lps_mm
        Its tip.
    line_lps_mm
        The way there, (n, 3); empty where no vessel is known.
    tree, beyond
        Its vessels, and the numbers of the branches beyond the tip.
    is_chosen
        Whether it is the selected one.
    """

    id: str
    color: str
    tip_lps_mm: Point
    line_lps_mm: FloatArray
    tree: VesselTree | None
    beyond: tuple[int, ...]
    is_chosen: bool


class CatheterLayer:
    """Draws catheters; vessels beyond a tip that stay the same are given as the same objects."""

    def __init__(self) -> None:
        self.shown: tuple[ShownCatheter, ...] = ()
        self._tubes: dict[tuple[VesselTree, int, str], Tube] = {}
        self._ways: dict[str, tuple[FloatArray, Tube]] = {}

    def show(self, shown: Sequence[ShownCatheter]) -> None:
        """Draw others."""
        self.shown = tuple(shown)

    def on_slice(self, stack: PlaneStack, index: int) -> SliceMarks:
        """The line where it passes the slice, and tips near it."""
        at, near = stack.position_mm(index), NEAR_MM + 0.5 * stack.step_mm[2]
        lines, dots = [], []
        for each in self.shown:
            if len(each.line_lps_mm) > 1:
                points = stack.to_plane(each.line_lps_mm)
                away = np.abs(points[:, 2] - at)
                passing = np.minimum(away[:-1], away[1:]) <= near
                pieces = np.stack([points[:-1, :2], points[1:, :2]], axis=1)[passing]
                if len(pieces):
                    lines.append(Lines(pieces, CATHETER, 2.6 if each.is_chosen else 1.8))
            if not each.beyond:
                continue
            off = abs(float(stack.to_plane(np.array(each.tip_lps_mm))[2]) - at)
            color = SELECTED if each.is_chosen else each.color
            opacity = 1.0 if off <= near else 0.35
            dots.append(Dot(each.tip_lps_mm, color, 5.0, off > near, each.id if off <= near else "", opacity))
        return SliceMarks(lines=tuple(lines), dots=tuple(dots))

    def in_space(self) -> tuple[SpacePart, ...]:
        """The way as a tube, the tip as a ball, vessels beyond it in the colour of what they feed."""
        parts: list[SpacePart] = []
        wanted: dict[tuple[VesselTree, int, str], Tube] = {}
        for each in self.shown:
            if len(each.line_lps_mm) > 1:
                parts.append(self._way(each))
            if each.beyond:
                parts.append(Ball(each.tip_lps_mm, TIP_MM, SELECTED if each.is_chosen else each.color))
            for number in each.beyond if each.tree is not None else ():
                assert each.tree is not None
                key = (each.tree, number, each.color)
                if key not in wanted:
                    branch = each.tree.branch(number)
                    wanted[key] = self._tubes.get(key) or Tube(
                        branch.points_lps_mm, branch.radii_mm + 0.3, each.color
                    )
        self._tubes = wanted
        return (*parts, *wanted.values())

    def _way(self, each: ShownCatheter) -> Tube:
        kept = self._ways.get(each.id)
        if kept is None or not np.array_equal(kept[0], each.line_lps_mm):
            tube = Tube(each.line_lps_mm, np.full(len(each.line_lps_mm), CATHETER_MM), CATHETER)
            kept = self._ways[each.id] = (each.line_lps_mm, tube)
        return kept[1]


def tip_color(number: int) -> str:
    """Of what the tips feed, in their order."""
    return TIP_COLORS[number % len(TIP_COLORS)]


def perfusion_look(classes: Mapping[str, BoolArray], count: int) -> LabelLook:
    """Classes in the colour of the tip that feeds them; white where two do."""
    rgba = np.zeros((count + 1, 4), dtype=np.uint8)
    fed = np.zeros(count, dtype=np.int64)
    for number, own in enumerate(classes.values()):
        rgba[:-1][own] = (*rgb(tip_color(number)), round(255 * TINT))
        fed += own
    rgba[:-1][fed > 1] = (*rgb(BOTH), round(255 * TINT))
    return LabelLook(rgba)


def perfusion_overlay(
    codes: npt.NDArray[np.int32], grid: Grid, classes: Mapping[str, BoolArray], count: int
) -> LabelOverlay:
    """What tips feed, over the liver's voxels by their class."""
    return LabelOverlay(codes, grid, perfusion_look(classes, count))
