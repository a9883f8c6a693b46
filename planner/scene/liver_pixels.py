"""Which pixels of a slice lie in the liver: the same while a cut is dragged over it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from planner.model.geometry import FloatArray
from planner.planning.liver_ground import LiverGround
from planner.scene.pixel_plane import PixelPlane, pixel_plane
from planner.scene.planes import PlaneStack


@dataclass(frozen=True, eq=False)
class SlicePixels:
    """A patch of a slice that holds the liver.

    Parameters
    ----------
    plane
        Its pixels [down, right].
    inside
        Which of them lie in the liver, one after the other, (n,).
    points_lps_mm
        Centres of those, (m, 3).
    """

    plane: PixelPlane
    inside: npt.NDArray[np.bool_]
    points_lps_mm: FloatArray


@dataclass(eq=False)
class LiverPixels:
    """Of the last slice looked at of each stack."""

    ground: LiverGround
    pixel_mm: float
    _kept: dict[PlaneStack, tuple[int, SlicePixels | None]] = field(default_factory=dict)

    def of(self, stack: PlaneStack, index: int) -> SlicePixels | None:
        """None where the slice passes the liver by."""
        kept = self._kept.get(stack)
        if kept is None or kept[0] != index:
            self._kept[stack] = kept = (index, self._made(stack, index))
        return kept[1]

    def _made(self, stack: PlaneStack, index: int) -> SlicePixels | None:
        grid = self.ground.grid
        plane = pixel_plane(grid, stack, index, self.pixel_mm)
        if plane is None:
            return None
        points = plane.points_lps_mm.reshape(-1, 3)
        ijk = np.rint(grid.to_ijk(points)).astype(np.int64)
        near = np.flatnonzero(((ijk >= 0) & (ijk < np.array(grid.shape[::-1]))).all(axis=1))
        i, j, k = ijk[near].T
        inside = np.zeros(len(points), dtype=bool)
        inside[near] = self.ground.mask[k, j, i]
        return SlicePixels(plane, inside, points[inside])
