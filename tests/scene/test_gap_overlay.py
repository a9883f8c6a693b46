"""The gap of a plan on slices, against areas of circles."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import LESION_MM, phantom

from planner.model.roles import Role
from planner.scene.gap_overlay import LESION_OPACITY, MARGIN_MM, PIXEL_MM, LesionGap
from planner.scene.instruments import DrawnZone
from planner.scene.pixel_plane import Patch
from planner.scene.planes import ObliquePlane, Orientation, PlaneStack

CENTER = (0.0, 0.0, 0.0)


def ball(radius_mm: float, center: tuple[float, float, float] = CENTER) -> DrawnZone:
    return DrawnZone(center, (0.0, 0.0, 1.0), radius_mm, radius_mm)


def areas_mm2(cut: Patch | None) -> tuple[float, float]:
    """Of the gap in the lesion, and in its margin."""
    if cut is None:
        return 0.0, 0.0
    opacity, own = cut.pixels[..., 3], round(255 * LESION_OPACITY)
    return float((opacity == own).sum()) * PIXEL_MM**2, float(
        ((opacity > 0) & (opacity != own)).sum()
    ) * PIXEL_MM**2


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.8, 0.8, 2.5)])
@pytest.mark.parametrize("orientation", list(Orientation))
def test_the_gap_of_a_ball_in_a_ball_is_a_ring(
    spacing_mm: tuple[float, float, float], orientation: Orientation
) -> None:
    structures = phantom(spacing_mm).structures
    stack = PlaneStack.of(structures.grid, orientation)
    gap = LesionGap(structures, "lesion")
    index = stack.index_of(CENTER)
    lesion, margin = areas_mm2(gap.of(stack, index, (ball(12.0),)))
    assert lesion == 0.0
    outer_mm = math.sqrt(margin / math.pi + 12.0**2)
    assert outer_mm == pytest.approx(LESION_MM + MARGIN_MM, abs=0.35), "drawn by voxels: a third of a mm"
    lesion, margin = areas_mm2(gap.of(stack, index, (ball(7.0),)))
    outer_mm = math.sqrt(lesion / math.pi + 7.0**2)
    assert outer_mm == pytest.approx(LESION_MM, abs=0.35)
    assert gap.of(stack, index, (ball(30.0),)) is None
    far = stack.index_of((40.0, 40.0, 40.0))
    assert gap.of(stack, far, (ball(1.0),)) is None


def test_two_zones_leave_what_neither_holds_on_an_oblique_plane() -> None:
    """Halves of the goal: one zone holds all but its own opposite; both together hold everything."""
    structures = phantom((1.0, 1.0, 1.0)).structures
    right = np.array([1.0, 1.0, 0.0]) / math.sqrt(2.0)
    down = np.array([0.0, 0.0, -1.0])
    normal = np.cross(right, down)
    plane = ObliquePlane("oblique", tuple(right), tuple(down), tuple(normal))  # type: ignore[arg-type]
    stack = PlaneStack(plane, (-60.0, -60.0, -20.0), (60.0, 60.0, 20.0), (0.5, 0.5, 1.0))
    gap = LesionGap(structures, "lesion")
    big = 200.0
    one = ball(big, tuple(big * right))  # type: ignore[arg-type]
    two = ball(big, tuple(-big * right))  # type: ignore[arg-type]
    lesion, margin = areas_mm2(gap.of(stack, 20, (one,)))
    half = 0.5 * math.pi
    assert lesion == pytest.approx(half * LESION_MM**2, rel=0.06)
    assert lesion + margin == pytest.approx(half * (LESION_MM + MARGIN_MM) ** 2, rel=0.06)
    lesion, margin = areas_mm2(gap.of(stack, 20, (one, two)))
    assert lesion + margin < 15.0, "only the sliver between the two balls is left"


def test_no_margin_is_asked_for_outside_the_liver() -> None:
    """A lesion at the liver's edge: of its margin only what lies in the liver can be a gap."""
    case = phantom((1.0, 1.0, 1.0), edge=(Role.LESION, (0.0, -60.0, 0.0), 8.0))
    structures = case.structures
    stack = PlaneStack.of(structures.grid, Orientation.AXIAL)
    gap = LesionGap(structures, "edge")
    cut = gap.of(stack, stack.index_of(CENTER), (ball(0.1, (0.0, -60.0, 0.0)),))
    assert cut is not None
    rows = np.flatnonzero((cut.pixels[..., 3] > 0).any(axis=1))
    top_mm = cut.low_mm[1] + (rows[0] + 0.5) * PIXEL_MM
    assert top_mm == pytest.approx(-68.0, abs=1.2), "the lesion's own edge, not 5 mm before it"
    bottom_mm = cut.low_mm[1] + (rows[-1] + 0.5) * PIXEL_MM
    assert bottom_mm == pytest.approx(-47.0, abs=1.2)
