"""Surfaces parted by a cut: both parts together are the whole, and lie on their sides."""

from __future__ import annotations

import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkFiltersCore import vtkMassProperties, vtkTriangleFilter
from vtkmodules.vtkFiltersSources import vtkSphereSource

from planner.model.geometry import FloatArray
from planner.scene.set_aside import parted


def ball() -> vtkPolyData:
    source = vtkSphereSource()
    source.SetRadius(30.0)
    source.SetThetaResolution(60)
    source.SetPhiResolution(60)
    source.Update()
    return source.GetOutput()


def area(surface: vtkPolyData) -> float:
    triangles = vtkTriangleFilter()
    triangles.SetInputData(surface)
    triangles.Update()
    measured = vtkMassProperties()
    measured.SetInputData(triangles.GetOutput())
    measured.Update()
    return float(measured.GetSurfaceArea())


def points(surface: vtkPolyData) -> FloatArray:
    """Of its faces: what was clipped away may have left points behind."""
    used = np.unique(vtk_to_numpy(surface.GetPolys().GetConnectivityArray()))
    return np.asarray(vtk_to_numpy(surface.GetPoints().GetData()), dtype=float)[used]


@pytest.mark.parametrize("at", [-12.3, 0.01, 17.0])
def test_a_ball_is_parted_at_the_plane(at: float) -> None:
    kept, taken = parted(ball(), lambda p: p[:, 0] - at)
    assert points(kept)[:, 0].max() == pytest.approx(at, abs=1e-3)
    assert points(taken)[:, 0].min() == pytest.approx(at, abs=1e-3)
    # A ball's zone has the area of the cylinder around it (Archimedes).
    assert area(taken) == pytest.approx(2 * np.pi * 30.0 * (30.0 - at), rel=0.01)
    assert area(kept) + area(taken) == pytest.approx(area(ball()), rel=1e-3)


def test_what_is_not_cut_stays_whole() -> None:
    kept, taken = parted(ball(), lambda p: np.full(len(p), -1.0))
    assert taken.GetNumberOfCells() == 0
    assert kept.GetNumberOfCells() == ball().GetNumberOfCells()


def test_an_empty_surface_has_no_parts() -> None:
    kept, taken = parted(vtkPolyData(), lambda p: p[:, 0])
    assert kept.GetNumberOfPoints() == taken.GetNumberOfPoints() == 0
