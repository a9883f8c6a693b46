"""Triangle surfaces of structures, for pictures and never for numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import StructureSet

#: A surface is thinned to about this many triangles, by what it is.
_TRIANGLES = {Role.LESION: 6_000, Role.SKIN: 12_000, Role.BONE: 30_000, Role.LUNG: 8_000, Role.KIDNEY: 8_000}
_TRIANGLES_ELSE = 16_000
#: Standard deviation of the blur, in voxels of the thinned mask.
BLUR_VOXELS = 0.7


def structure_surface(structures: StructureSet, name: str) -> Any:
    """A smoothed surface (vtkPolyData in LPS mm) of a structure; empty where it has no voxel.

    The liver's surface is that of liver, lesions and vessels together, so that walls do not lie
    on one another.
    """
    from vtkmodules.vtkCommonDataModel import vtkPolyData

    box = structures.box(name)
    if box.is_empty:
        return vtkPolyData()
    grown = box.grown((1, 1, 1), structures.grid.shape)
    structure = structures[name]
    if structure.role == Role.LIVER:
        parts = [s.name for s in structures.with_role(Role.LESION)]
        mask = structures.union_mask([name, *parts], grown)
    else:
        mask = structures.mask(name, grown)
    return mask_surface(mask, structures.grid.cropped(grown), _TRIANGLES.get(structure.role, _TRIANGLES_ELSE))


def mask_surface(mask: npt.NDArray[np.bool_], grid: Grid, most_triangles: int) -> Any:
    """A smoothed surface (vtkPolyData in LPS mm) of a mask ``[k, j, i]``."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D, vtkPolyDataNormals, vtkWindowedSincPolyDataFilter

    thinned, steps = _thinned(mask, grid, most_triangles)
    # A touch of blur takes the terraces of thick slices off before the surface is drawn.
    soft = ndi.gaussian_filter(np.pad(thinned, 2).astype(np.float32), BLUR_VOXELS)
    image = vtkImageData()
    k, j, i = soft.shape
    image.SetDimensions(i, j, k)
    image.GetPointData().SetScalars(numpy_to_vtk(soft.ravel(), deep=True))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.5)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.ComputeScalarsOff()
    smooth = vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(edges.GetOutputPort())
    smooth.SetNumberOfIterations(20)
    smooth.SetPassBand(0.05)
    smooth.SetFeatureEdgeSmoothing(False)
    smooth.SetNonManifoldSmoothing(True)
    smooth.NormalizeCoordinatesOn()
    smooth.Update()
    surface = smooth.GetOutput()
    _to_patient(surface, grid, steps)
    normals = vtkPolyDataNormals()
    normals.SetInputData(surface)
    normals.SplittingOff()
    normals.AutoOrientNormalsOn()
    normals.Update()
    return normals.GetOutput()


def _thinned(
    mask: npt.NDArray[np.bool_], grid: Grid, most_triangles: int
) -> tuple[npt.NDArray[np.bool_], tuple[int, int, int]]:
    """The mask at a coarser step a side where its surface would have too many triangles."""
    faces = sum(int(np.count_nonzero(np.diff(mask.view(np.int8), axis=a))) for a in range(3))
    factor = max(1.0, np.sqrt(4.0 * faces / most_triangles))
    finest = min(grid.spacing_mm)
    steps = tuple(max(1, round(factor * finest / s)) for s in grid.spacing_mm[::-1])
    if steps == (1, 1, 1):
        return mask, (1, 1, 1)
    k, j, i = (steps[0], steps[1], steps[2])
    pads = [(0, -n % step) for n, step in zip(mask.shape, (k, j, i), strict=True)]
    full = np.pad(mask, pads)
    shape = tuple(n // step for n, step in zip(full.shape, (k, j, i), strict=True))
    blocks = full.reshape(shape[0], k, shape[1], j, shape[2], i).mean(axis=(1, 3, 5))
    return blocks >= 0.5, (k, j, i)


def _to_patient(surface: Any, grid: Grid, steps: tuple[int, int, int]) -> None:
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

    points = surface.GetPoints()
    if points is None or points.GetNumberOfPoints() == 0:
        return
    index = vtk_to_numpy(points.GetData()).astype(float) - 2.0
    scale = np.array(steps[::-1], dtype=float)
    ijk = index * scale + (scale - 1.0) / 2.0
    points.SetData(numpy_to_vtk(np.ascontiguousarray(grid.to_lps(ijk).astype(np.float32)), deep=True))
