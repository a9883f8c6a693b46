"""What of a lesion was left untreated: filled on a slice, and as a surface in 3D."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.model.geometry import FloatArray, Grid
from planner.scene.contours import Outlines, mask_outline
from planner.scene.palette import margin_color, rgb
from planner.scene.planes import PlaneStack
from planner.scene.slice_painter import OutlineStyle
from planner.scene.slice_pixels import slice_pixels
from planner.scene.space_looks import SurfaceStyle

#: As a lesion's surface outside the zone is painted.
UNTREATED = rgb(margin_color(-1.0))
ON_SLICES = OutlineStyle(UNTREATED, 1.0, 2.0, 0.5)
IN_SPACE = SurfaceStyle(UNTREATED, 0.95)
TRIANGLES = 6_000
#: Part of its surface is the lesion's own; in the picture it lies so far outside, to be seen.
LIFTED_MM = 0.4

_numbers = count()


class ResidualCut:
    """A region's outlines in the slices of one stack, remembered a slice.

    Its `name` is its own, so that a kept picture of another region is not taken for it.

    Parameters
    ----------
    mask, grid
        The region's voxels [k, j, i]; the lattice may lie oblique to the slices.
    stack
        The slices.
    """

    def __init__(self, mask: npt.NDArray[np.bool_], grid: Grid, stack: PlaneStack) -> None:
        self._mask, self._grid, self._stack = mask, grid, stack
        self._shares = mask.astype(np.float32)
        self.name = f"left untreated {next(_numbers)}"
        self._kept: dict[int, list[FloatArray]] = {}

    def is_of(self, mask: npt.NDArray[np.bool_], stack: PlaneStack) -> bool:
        """Whether these are the outlines of a mask in a stack."""
        return self._mask is mask and self._stack is stack

    def of(self, index: int) -> Outlines:
        """Outlines (n, 2) in right and down mm by the region's name; none where the slice misses it."""
        if index not in self._kept:
            pixels = slice_pixels(self._shares, self._grid, self._stack, index)
            self._kept[index] = mask_outline(pixels >= 0.5, self._stack)
        lines = self._kept[index]
        return {self.name: lines} if lines else {}


def residual_surface(mask: npt.NDArray[np.bool_], grid: Grid) -> Any:
    """A smoothed surface (vtkPolyData in LPS mm) of a region, lifted a little off the lesion's own."""
    from vtkmodules.vtkFiltersGeneral import vtkWarpVector

    from planner.scene.surfaces import mask_surface

    surface = mask_surface(mask, grid, TRIANGLES)
    data = surface.GetPointData()
    data.SetActiveVectors(data.GetNormals().GetName())
    lifted = vtkWarpVector()
    lifted.SetInputData(surface)
    lifted.SetInputArrayToProcess(0, 0, 0, 0, data.GetNormals().GetName())
    lifted.SetScaleFactor(LIFTED_MM)
    lifted.Update()
    return lifted.GetOutput()
