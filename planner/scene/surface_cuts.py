"""Surfaces where slices cut them, and the skin painted by whether a needle may enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from planner.model.assessment import Surface
from planner.model.geometry import FloatArray
from planner.scene.palette import PAINTED
from planner.scene.planes import PlaneStack, axes_of

IntArray = npt.NDArray[np.int32]

if TYPE_CHECKING:
    from planner.planning.access import AccessMap

ACCESS = "access_cost"
#: A cost lies in 0..1; refused entries are painted as if theirs were this.
REFUSED = 2.0


def access_surface(access: AccessMap) -> Surface:
    """The skin with the cost of each entry, refused ones beyond all."""
    values = np.where(access.is_allowed, access.cost, np.float32(REFUSED)).astype(np.float32)
    return Surface(ACCESS, access.points_lps_mm, access.triangles, values, "", "skin")


class SurfaceCut:
    """Where slices of one orientation cut a triangle mesh."""

    def __init__(self, surface: Surface, stack: PlaneStack) -> None:
        self._surface, self._stack = surface, stack
        axes = axes_of(stack.orientation)
        frame = np.stack([axes.right, axes.down, axes.normal])
        self._points = surface.points_lps_mm.astype(float) @ frame.T

    def of(self, index: int) -> tuple[FloatArray, IntArray]:
        """Line segments (n, 2, 2) in right and down mm, and the corners (n, 3) of the triangles cut."""
        # Half a thousandth off the slice: a corner on it would give a segment of no length.
        height = self._points[:, 2] - self._stack.position_mm(index) - 5e-4
        above = height > 0
        corners = self._surface.triangles
        lifted = above[corners].sum(axis=1)
        cut = corners[(lifted == 1) | (lifted == 2)]
        if not len(cut):
            return np.zeros((0, 2, 2)), cut
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
        return np.stack(ends, axis=1), cut


class SkinCut:
    """Where slices of one orientation cut a painted skin."""

    def __init__(self, surface: Surface, stack: PlaneStack) -> None:
        assert surface.values is not None
        self._cut = SurfaceCut(surface, stack)
        classes = PAINTED[surface.name][1]
        self._colors = [color for _, color, _ in classes]
        bounds = [bound for bound, _, _ in classes[:-1]]
        self._classes = np.searchsorted(bounds, surface.values, side="right")

    def of(self, index: int) -> tuple[tuple[str, FloatArray], ...]:
        """By class its colour, and line segments (n, 2, 2) in right and down mm."""
        segments, corners = self._cut.of(index)
        if not len(segments):
            return ()
        # A triangle is painted by the worst class of its corners.
        classes = self._classes[corners].max(axis=1)
        return tuple((self._colors[n], segments[classes == n]) for n in np.unique(classes)[::-1])
