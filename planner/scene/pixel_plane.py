"""A patch of a slice with pixels of its own, on which volumes are sampled to be laid over the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.model.geometry import FloatArray, Grid
from planner.scene.palette import Color
from planner.scene.planes import PlaneStack


@dataclass(frozen=True, eq=False)
class PixelPlane:
    """Square pixels of a patch of one slice.

    Parameters
    ----------
    low_mm, pixel_mm
        Right and down coordinates of the patch's corner, and the pixels' edge.
    points_lps_mm
        The pixels' centres ``[down, right]``, shape (rows, columns, 3).
    """

    low_mm: tuple[float, float]
    pixel_mm: float
    points_lps_mm: FloatArray

    @property
    def high_mm(self) -> tuple[float, float]:
        """The opposite corner."""
        rows, columns, _ = self.points_lps_mm.shape
        return self.low_mm[0] + columns * self.pixel_mm, self.low_mm[1] + rows * self.pixel_mm

    def sampled(self, values: npt.NDArray[Any], grid: Grid, outside: float) -> npt.NDArray[np.float32]:
        """A volume ``[k, j, i]`` at the pixels, between voxels trilinear."""
        from scipy.ndimage import map_coordinates

        kji = np.moveaxis(grid.to_ijk(self.points_lps_mm)[..., ::-1], -1, 0)
        return np.asarray(
            map_coordinates(
                values.astype(np.float32, copy=False),
                kji,
                order=1,
                mode="constant",
                cval=outside,
                prefilter=False,
            )
        )

    def along(self, line: FloatArray) -> FloatArray:
        """Right and down coordinates of (row, column) positions, shape (n, 2)."""
        right = self.low_mm[0] + (line[:, 1] + 0.5) * self.pixel_mm
        return np.column_stack([right, self.low_mm[1] + (line[:, 0] + 0.5) * self.pixel_mm])


@dataclass(frozen=True)
class Word:
    """A word on a slice, in the middle about a place in right and down mm."""

    text: str
    right_mm: float
    down_mm: float
    color: Color


@dataclass(frozen=True, eq=False)
class Patch:
    """What is laid over a patch of a slice.

    Parameters
    ----------
    pixels
        Red, green, blue and opacity ``[down, right]``, shape (rows, columns, 4).
    low_mm, high_mm
        Right and down coordinates of the upper left and lower right corner.
    lines
        Value, colour and points (n, 2) in right and down mm of each line of equal value.
    words
        What stands on the lines; where two would lie over each other, the later one is shown.
    """

    pixels: npt.NDArray[np.uint8]
    low_mm: tuple[float, float]
    high_mm: tuple[float, float]
    lines: tuple[tuple[float, Color, FloatArray], ...] = ()
    words: tuple[Word, ...] = ()


def pixel_plane(grid: Grid, stack: PlaneStack, index: int, pixel_mm: float) -> PixelPlane | None:
    """The patch of a slice that holds a grid; None where the slice passes it by."""
    corners = stack.to_plane(grid.to_lps(grid.corners_ijk))
    normal = stack.position_mm(index)
    if not corners[:, 2].min() - 0.5 <= normal <= corners[:, 2].max() + 0.5:
        return None
    low, high = corners[:, :2].min(axis=0), corners[:, :2].max(axis=0)
    columns, rows = np.maximum(np.ceil((high - low) / pixel_mm).astype(int), 2)
    rights = low[0] + (np.arange(columns) + 0.5) * pixel_mm
    downs = low[1] + (np.arange(rows) + 0.5) * pixel_mm
    start = stack.to_lps(0.0, 0.0, normal)
    one_right, one_down = stack.to_lps(1.0, 0.0, 0.0), stack.to_lps(0.0, 1.0, 0.0)
    points = start + rights[None, :, None] * one_right + downs[:, None, None] * one_down
    return PixelPlane((float(low[0]), float(low[1])), pixel_mm, points)
