"""Actors of the 3D scene: rods, balls, zones, meshes plain and painted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkFiltersCore import vtkPolyDataNormals, vtkTubeFilter
from vtkmodules.vtkFiltersSources import vtkLineSource, vtkSphereSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from planner.model.assessment import Surface
from planner.model.plan import Point
from planner.scene.instruments import DrawnZone
from planner.scene.layers import Ball, Mesh, SpacePart, Tube
from planner.scene.palette import PAINTED, PROBE, ZONE, Color, rgb


def part_actor(part: SpacePart) -> vtkActor:
    """The actor of a part of a layer."""
    if isinstance(part, Ball):
        return ball(part.lps_mm, part.radius_mm, part.color)
    if isinstance(part, Tube):
        return _tube(part)
    assert isinstance(part, Mesh)
    if part.color:
        actor = plain(part.surface, part.color, part.opacity)
    else:
        actor = painted(part.surface)
        actor.GetProperty().SetOpacity(part.opacity)
    look = actor.GetProperty()
    look.SetBackfaceCulling(False)
    # A cut is often looked at along its face: some light of its own keeps its colours readable.
    look.SetAmbient(0.35)
    look.SetDiffuse(0.75)
    actor.SetPosition(*part.shift_lps_mm)
    return actor


def _tube(part: Tube) -> vtkActor:
    data = vtkPolyData()
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(part.points_lps_mm, dtype=np.float32), deep=True))
    data.SetPoints(points)
    line = vtkCellArray()
    line.InsertNextCell(len(part.points_lps_mm))
    for n in range(len(part.points_lps_mm)):
        line.InsertCellPoint(n)
    data.SetLines(line)
    data.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(part.radii_mm, dtype=float), deep=True))
    tube = vtkTubeFilter()
    tube.SetInputData(data)
    tube.SetVaryRadiusToVaryRadiusByAbsoluteScalar()
    tube.SetNumberOfSides(10)
    tube.CappingOn()
    actor = _actor(tube, part.color, part.opacity)
    actor.GetMapper().ScalarVisibilityOff()
    return actor


def rod(start: npt.ArrayLike, stop: npt.ArrayLike, radius: float, color: str = PROBE) -> vtkActor:
    """A straight rod between two points (3,)."""
    line = vtkLineSource()
    line.SetPoint1(*np.asarray(start, dtype=float).tolist())
    line.SetPoint2(*np.asarray(stop, dtype=float).tolist())
    tube = vtkTubeFilter()
    tube.SetInputConnection(line.GetOutputPort())
    tube.SetRadius(radius)
    tube.SetNumberOfSides(12)
    tube.CappingOn()
    return _actor(tube, color, 1.0)


def ball(point: Point, radius: float, color: str) -> vtkActor:
    """A ball."""
    source = vtkSphereSource()
    source.SetCenter(*point)
    source.SetRadius(radius)
    source.SetThetaResolution(16)
    source.SetPhiResolution(16)
    return _actor(source, color, 1.0)


def zone_ball(zone: DrawnZone) -> vtkActor:
    """A zone as a faint spheroid."""
    source = vtkSphereSource()
    source.SetRadius(1.0)
    source.SetThetaResolution(48)
    source.SetPhiResolution(32)
    actor = _actor(source, ZONE, 0.16)
    axis = np.array(zone.axis_lps)
    turn = np.cross((0.0, 0.0, 1.0), axis)
    angle = float(np.degrees(np.arccos(np.clip(axis[2], -1.0, 1.0))))
    place = vtkTransform()
    place.Translate(*zone.center_lps_mm)
    if np.linalg.norm(turn) > 1e-9:
        place.RotateWXYZ(angle, *turn)
    place.Scale(zone.across_mm, zone.across_mm, zone.along_mm)
    actor.SetUserTransform(place)
    actor.GetProperty().SetBackfaceCulling(True)
    return actor


def painted(surface: Surface) -> vtkActor:
    """A mesh painted by its values, in the classes of its name (`PAINTED`)."""
    assert surface.values is not None
    data = poly_data(surface)
    _, classes = PAINTED[surface.name]
    bounds = np.array([b for b, _, _ in classes[:-1]])
    colors = np.array([rgb(c) for _, c, _ in classes], dtype=np.uint8)
    shades = colors[np.searchsorted(bounds, surface.values, side="right")]
    data.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(shades), deep=True))
    mapper = _shaded(data)
    mapper.SetColorModeToDirectScalars()
    actor = vtkActor()
    actor.SetMapper(mapper)
    return actor


def plain(surface: Surface, color: str, opacity: float) -> vtkActor:
    """A mesh of one colour."""
    mapper = _shaded(poly_data(surface))
    mapper.ScalarVisibilityOff()
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*fractions(rgb(color)))
    actor.GetProperty().SetOpacity(opacity)
    actor.GetProperty().SetBackfaceCulling(True)
    return actor


def poly_data(surface: Surface) -> vtkPolyData:
    """A surface as VTK has it."""
    data = vtkPolyData()
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(surface.points_lps_mm, dtype=np.float32), deep=True))
    data.SetPoints(points)
    cells = vtkCellArray()
    count = len(surface.triangles)
    offsets = numpy_to_vtk(np.arange(0, 3 * count + 1, 3, dtype=np.int64), deep=True)
    cells.SetData(offsets, numpy_to_vtk(surface.triangles.astype(np.int64).ravel(), deep=True))
    data.SetPolys(cells)
    return data


def _shaded(data: vtkPolyData) -> vtkPolyDataMapper:
    normals = vtkPolyDataNormals()
    normals.SetInputData(data)
    normals.SplittingOff()
    mapper = vtkPolyDataMapper()
    mapper.SetInputConnection(normals.GetOutputPort())
    return mapper


def _actor(source: Any, color: str, opacity: float) -> vtkActor:
    mapper = vtkPolyDataMapper()
    mapper.SetInputConnection(source.GetOutputPort())
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*fractions(rgb(color)))
    actor.GetProperty().SetOpacity(opacity)
    return actor


def fractions(color: Color) -> tuple[float, float, float]:
    """A colour as VTK takes it, 0..1."""
    return color[0] / 255, color[1] / 255, color[2] / 255
