"""Surface meshes (VTK, STL, OBJ, PLY) turned into voxels by an inside test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused
from planner.io.labels import Label, LabelLayer
from planner.io.placement import MARGIN_VOXELS, check_fit
from planner.io.sources import Entry, mesh_format
from planner.model.geometry import FloatArray, Grid

MESH_LIMIT_BYTES = 1 << 30
#: Points of a closed mesh's open ends lie this near to the image's ends.
CUT_VOXELS = 1.5
_SPACE_SIGNS = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}


def read_mesh(entry: Entry, target: Grid, space: str = "") -> LabelLayer:
    """A surface mesh as a mask on the target lattice.

    Parameters
    ----------
    space
        ``LPS`` or ``RAS`` where a person says so; else the file's own word is taken, else the
        one of the two in which the mesh lies within the image.

    Raises
    ------
    InputRefused
        If it lies outside the image, its coordinate system is ambiguous, or it is open elsewhere
        than at the ends of the scan.
    """
    surface, comment = _surface(entry)
    points = np.asarray(_points(surface), dtype=float)
    if not len(points) or not np.isfinite(points).all():
        raise InputRefused(
            "The mesh has no points, or points that are not numbers.", entry.name, "Export it again."
        )
    chosen, notes = _space(points, comment, target, space, entry.name)
    ijk = target.to_ijk(points * _SPACE_SIGNS[chosen])
    check_fit(ijk, target, entry.name)
    mask = _inside(surface, ijk, target, entry.name)
    return LabelLayer(entry.name, mask, (Label(1, entry.stem, origin="voxelised from a mesh"),), notes)


def _space(
    points: FloatArray, comment: str, target: Grid, space: str, name: str
) -> tuple[str, tuple[str, ...]]:
    """Which coordinates the mesh is in, and a note where that was found out."""
    if space:
        if space.upper() not in _SPACE_SIGNS:
            raise InputRefused("A mesh's coordinates are LPS or RAS.", space)
        return space.upper(), ()
    for word in _SPACE_SIGNS:
        if f"SPACE={word}" in comment.upper().replace(" ", ""):
            return word, ()
    fits = [
        word for word, signs in _SPACE_SIGNS.items() if _lies_within(target.to_ijk(points * signs), target)
    ]
    if len(fits) == 1:
        return fits[0], (
            f"{name} does not say its coordinate system; {fits[0]} is the one that fits the image.",
        )
    if fits:
        raise InputRefused(
            "The mesh does not say its coordinate system, and fits the image in LPS and in RAS.",
            name,
            "Say which it is (LPS or RAS), or use a label map.",
        )
    raise InputRefused(
        "The mesh does not lie within the image, neither in LPS nor in RAS.",
        name,
        "Choose the mesh of this scan.",
    )


def _lies_within(ijk: FloatArray, target: Grid) -> bool:
    upper = np.array(target.shape[::-1]) - 0.5 + MARGIN_VOXELS
    return bool(np.all(ijk.min(axis=0) >= -0.5 - MARGIN_VOXELS) and np.all(ijk.max(axis=0) <= upper))


def _surface(entry: Entry) -> tuple[Any, str]:
    """The triangles of a file as vtkPolyData, and its comment."""
    if entry.size > MESH_LIMIT_BYTES:
        raise InputRefused("The mesh is too large.", entry.name, "Reduce its number of triangles.")
    with entry.open() as stream:
        start = stream.read(4096)
    reader = _reader(mesh_format(start, entry.size), entry)
    with _file(entry) as path:
        reader.SetFileName(str(path))
        reader.Update()
        surface = reader.GetOutput()
    if surface is None or surface.GetNumberOfPolys() + surface.GetNumberOfStrips() == 0:
        raise InputRefused("The file holds no surface.", entry.name, "Export it as a triangle mesh.")
    from vtkmodules.vtkFiltersCore import vtkCleanPolyData, vtkTriangleFilter

    triangles = vtkTriangleFilter()
    triangles.SetInputData(surface)
    triangles.PassLinesOff()
    triangles.PassVertsOff()
    clean = vtkCleanPolyData()
    clean.SetInputConnection(triangles.GetOutputPort())
    clean.SetTolerance(0.0)
    clean.Update()
    return clean.GetOutput(), start[:1024].decode("latin-1")


def _reader(form: str, entry: Entry) -> Any:
    from vtkmodules.vtkIOGeometry import vtkOBJReader, vtkSTLReader
    from vtkmodules.vtkIOLegacy import vtkPolyDataReader
    from vtkmodules.vtkIOPLY import vtkPLYReader
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    readers = {
        "vtk": vtkPolyDataReader,
        "vtp": vtkXMLPolyDataReader,
        "stl": vtkSTLReader,
        "obj": vtkOBJReader,
        "ply": vtkPLYReader,
    }
    if form not in readers:
        raise InputRefused("The file is no surface mesh.", entry.name, "Choose VTK, STL, OBJ or PLY.")
    return readers[form]()


@contextmanager
def _file(entry: Entry) -> Iterator[Path]:
    """A path VTK can read: the file itself, or a copy of a zip's member under a name of ours."""
    if not entry.member:
        yield entry.path
        return
    with tempfile.TemporaryDirectory(prefix="liver-planner-") as folder:
        path = Path(folder) / "mesh"
        with entry.open() as stream:
            path.write_bytes(stream.read(MESH_LIMIT_BYTES))
        yield path


def _points(surface: Any) -> npt.NDArray[Any]:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if surface.GetNumberOfPoints() == 0:
        return np.zeros((0, 3))
    return np.array(vtk_to_numpy(surface.GetPoints().GetData()))


def _inside(surface: Any, ijk: FloatArray, target: Grid, name: str) -> npt.NDArray[np.bool_]:
    """Voxels whose centres lie within the surface, whose points are given in voxel indices."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkPolyData
    from vtkmodules.vtkImagingStencil import vtkImageStencilToImage, vtkPolyDataToImageStencil

    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(ijk), deep=True))
    moved = vtkPolyData()
    moved.SetPoints(points)
    moved.SetPolys(surface.GetPolys())
    _refuse_open(moved, ijk, target, name)
    size = np.array(target.shape[::-1])
    low = np.clip(np.floor(ijk.min(axis=0)).astype(int) - 1, 0, size - 1)
    high = np.clip(np.ceil(ijk.max(axis=0)).astype(int) + 1, 0, size - 1)
    extent = [int(v) for pair in zip(low, high, strict=True) for v in pair]
    stencil = vtkPolyDataToImageStencil()
    stencil.SetInputData(moved)
    stencil.SetOutputSpacing(1, 1, 1)
    stencil.SetOutputOrigin(0, 0, 0)
    stencil.SetOutputWholeExtent(extent)
    stencil.SetTolerance(0)
    image = vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetOutsideValue(0)
    image.SetInsideValue(1)
    image.SetOutputScalarTypeToUnsignedChar()
    image.Update()
    inside = vtk_to_numpy(image.GetOutput().GetPointData().GetScalars())
    mask = np.zeros(target.shape, dtype=bool)
    box = tuple(slice(int(a), int(b) + 1) for a, b in zip(low[::-1], high[::-1], strict=True))
    mask[box] = inside.reshape([int(n) for n in (high - low + 1)[::-1]]) != 0
    return mask


def _refuse_open(surface: Any, ijk: FloatArray, target: Grid, name: str) -> None:
    """Refuse a surface with holes elsewhere than where the scan ends along k.

    The inside test works slice by slice, so a vessel cut by the first or last slice is sound.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkFeatureEdges

    edges = vtkFeatureEdges()
    edges.SetInputData(surface)
    edges.FeatureEdgesOff()
    edges.ManifoldEdgesOff()
    edges.NonManifoldEdgesOff()
    edges.BoundaryEdgesOn()
    edges.Update()
    found = edges.GetOutput()
    if found.GetNumberOfCells() == 0:
        return
    k = vtk_to_numpy(found.GetPoints().GetData())[:, 2]
    ends = (k <= CUT_VOXELS) | (k >= target.shape[0] - 1 - CUT_VOXELS)
    if not ends.all():
        raise InputRefused(
            "The mesh is open, so inside and outside cannot be told apart.",
            f"{name}: {found.GetNumberOfCells()} open edges, some of them not at the ends of the scan",
            "Close the surface, or use a label map.",
        )
