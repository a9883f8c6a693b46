"""What the mode Vessels lays over the views: trees, the lit territory, what a cut takes, segments."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from planner.model.points import Point
from planner.planning.cut_effect import CutEffect, Loss
from planner.planning.segment_map import SegmentMap
from planner.planning.territories import Territories
from planner.scene.label_overlay import LabelLook, LabelOverlay
from planner.scene.layers import Ball, Dot, Lines, SliceMarks, SpacePart
from planner.scene.palette import LOSES_BOTH, LOSES_INFLOW, LOSES_OUTFLOW, SELECTED
from planner.scene.planes import PlaneStack

#: What a cut takes: words and colours, by `Loss`; none is a judgement's.
LOSS_COLORS: Mapping[int, tuple[str, str]] = {
    int(Loss.DEVASCULARISED): ("Loses inflow", LOSES_INFLOW),
    int(Loss.CONGESTED): ("Loses outflow", LOSES_OUTFLOW),
    int(Loss.BOTH): ("Loses both", LOSES_BOTH),
}
#: How strongly segments are tinted, so that the scan stays readable.
SEGMENT_TINT = 0.26
BRUSH, CIRCLE_PIECES = "#ffffff", 48
#: Places are shown in slices so near, and in 3D so large.
PLACE_DEPTH_MM, PLACE_MM = 4.0, 2.5


def territory_overlay(territories: Territories, branch: int, color: str) -> LabelOverlay:
    """The territory of a branch and all beyond it."""
    count = max(b.number for b in territories.tree.branches) + 1
    look = LabelLook.of(count, dict.fromkeys(territories.numbers_beyond([branch]), color))
    return LabelOverlay(territories.labels, territories.grid, look)


def effect_overlay(effect: CutEffect) -> LabelOverlay:
    """What a cut takes."""
    look = LabelLook.of(max(Loss) + 1, {loss: color for loss, (_, color) in LOSS_COLORS.items()})
    return LabelOverlay(effect.losses, effect.grid, look)


def segment_overlay(
    found: SegmentMap, labels: npt.NDArray[np.uint8], colors: Mapping[int, str]
) -> LabelOverlay:
    """Segments with their numbers."""
    look = LabelLook.of(9, dict(colors), {n: str(n) for n in colors}, SEGMENT_TINT)
    return LabelOverlay(labels, found.grid, look)


class PlaceLayer:
    """Places of the liver that Couinaud's planes go through; clicked ones full, read ones open."""

    def __init__(self) -> None:
        #: Where each is, its name, and whether it was clicked.
        self.dots: tuple[tuple[Point, str, bool], ...] = ()

    def on_slice(self, stack: PlaneStack, index: int) -> SliceMarks:
        """Those on or beside a slice."""
        at, found = stack.position_mm(index), []
        for lps_mm, name, is_clicked in self.dots:
            off = abs(float(stack.to_plane(np.array(lps_mm))[2]) - at)
            if off <= max(PLACE_DEPTH_MM, stack.step_mm[2]):
                opacity = 1.0 if off <= stack.step_mm[2] else 0.5
                found.append(Dot(lps_mm, SELECTED, 4.5, not is_clicked, name, opacity))
        return SliceMarks(dots=tuple(found))

    def in_space(self) -> tuple[SpacePart, ...]:
        """A ball for each."""
        return tuple(Ball(lps_mm, PLACE_MM, SELECTED) for lps_mm, _, _ in self.dots)


class BrushLayer:
    """The brush where the mouse is: the circle a slice cuts out of its ball."""

    def __init__(self) -> None:
        self.radius_mm = 0.0
        self.at_lps_mm: Point = (0.0, 0.0, 0.0)

    def on_slice(self, stack: PlaneStack, index: int) -> SliceMarks:
        """A circle, on slices that cut the ball."""
        right, down, height = stack.to_plane(np.array(self.at_lps_mm))
        square = self.radius_mm**2 - float(height - stack.position_mm(index)) ** 2
        if self.radius_mm <= 0 or square <= 0:
            return SliceMarks()
        angles = np.linspace(0.0, 2.0 * np.pi, CIRCLE_PIECES + 1)
        ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.sqrt(square)
        ring += np.array([right, down])
        return SliceMarks(lines=(Lines(np.stack([ring[:-1], ring[1:]], axis=1), BRUSH, 1.4),))

    def in_space(self) -> tuple[SpacePart, ...]:
        """Nothing: the brush works in slices."""
        return ()
