"""The skin painted by whether a needle may enter: as a surface in 3D, and as its cut with a slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from planner.model.assessment import Surface
from planner.model.geometry import FloatArray
from planner.scene.palette import PAINTED
from planner.scene.planes import PlaneStack, axes_of

if TYPE_CHECKING:
    from planner.planning.access import AccessMap

ACCESS = "access_cost"
#: A cost lies in 0..1; refused entries are painted as if theirs were this.
REFUSED = 2.0


def access_surface(access: AccessMap) -> Surface:
    """The skin with the cost of each entry, refused ones beyond all."""
    values = np.where(access.is_allowed, access.cost, np.float32(REFUSED)).astype(np.float32)
    return Surface(ACCESS, access.points_lps_mm, access.triangles, values, "", "skin")


class SkinCut:
    """Where slices of one orientation cut a painted skin."""

    def __init__(self, surface: Surface, stack: PlaneStack) -> None:
        assert surface.values is not None
        self._surface, self._stack = surface, stack
        axes = axes_of(stack.orientation)
        frame = np.stack([axes.right, axes.down, axes.normal])
        self._points = surface.points_lps_mm.astype(float) @ frame.T
        bounds = [bound for bound, _, _ in PAINTED[surface.name][1][:-1]]
        self._classes = np.searchsorted(bounds, surface.values, side="right")

    def are_of(self, surface: Surface, stack: PlaneStack) -> bool:
        """Whether it is the cut of this surface in these slices."""
        return self._surface is surface and self._stack == stack

    def of(self, index: int) -> tuple[tuple[str, FloatArray], ...]:
        """By class its colour, and line segments (n, 2, 2) in right and down mm."""
        # Half a thousandth off the slice: a corner on it would give a segment of no length.
        height = self._points[:, 2] - self._stack.position_mm(index) - 5e-4
        above = height > 0
        corners = self._surface.triangles
        lifted = above[corners].sum(axis=1)
        cut = corners[(lifted == 1) | (lifted == 2)]
        if not len(cut):
            return ()
        # The corner that is alone on its side stands first.
        alone_above = above[cut].sum(axis=1) == 1
        first = np.argmax(above[cut] == alone_above[:, None], axis=1)
        rows = np.arange(len(cut))
        lone = cut[rows, first]
        ends = []
        for step in (1, 2):
            other = cut[rows, (first + step) % 3]
            share = (height[lone] / (height[lone] - height[other]))[:, None]
            ends.append(self._points[lone, :2] * (1 - share) + self._points[other, :2] * share)
        segments = np.stack(ends, axis=1)
        # A triangle is painted by the worst class of its corners.
        classes = self._classes[cut].max(axis=1)
        colors = [color for _, color, _ in PAINTED[self._surface.name][1]]
        return tuple((colors[n], segments[classes == n]) for n in np.unique(classes)[::-1])
