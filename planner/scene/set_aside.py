"""Surfaces of the liver parted by a resection, so that what is taken can stand beside what remains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from planner.model.geometry import FloatArray

#: How far a point lies beyond all cuts together, positive where it is taken; points (n, 3) to (n,).
Taken = Callable[[FloatArray], FloatArray]


def parted(surface: Any, taken: Taken) -> tuple[Any, Any]:
    """What remains of a surface (vtkPolyData), and what is taken, parted where the height is zero."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkClipPolyData

    if surface.GetNumberOfPoints() == 0:
        return surface, vtkPolyData()
    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(float)
    heights = vtkPolyData()
    heights.ShallowCopy(surface)
    values = numpy_to_vtk(np.ascontiguousarray(taken(points), dtype=np.float32), deep=True)
    heights.GetPointData().SetScalars(values)
    clip = vtkClipPolyData()
    clip.SetInputData(heights)
    clip.SetValue(0.0)
    clip.GenerateClippedOutputOn()
    clip.Update()
    beyond, before = vtkPolyData(), vtkPolyData()
    beyond.ShallowCopy(clip.GetOutput())
    before.ShallowCopy(clip.GetClippedOutput())
    for part in (beyond, before):
        part.GetPointData().SetScalars(None)
    return before, beyond
