"""Surface meshes become voxels where their inside is certain, or are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from vtkmodules.vtkCommonDataModel import vtkPlane
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkFiltersCore import vtkClipPolyData, vtkTriangleFilter
from vtkmodules.vtkFiltersGeneral import vtkTransformFilter
from vtkmodules.vtkFiltersSources import vtkSphereSource
from vtkmodules.vtkIOGeometry import vtkOBJWriter, vtkSTLWriter
from vtkmodules.vtkIOLegacy import vtkPolyDataWriter
from vtkmodules.vtkIOPLY import vtkPLYWriter
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

from planner.base.errors import InputRefused
from planner.io.meshes import read_mesh
from planner.io.sources import Entry, Kind, entries_of, kind_of
from planner.model.geometry import Grid

CENTER, RADIUS = np.array([40.0, 50.0, 60.0]), 12.0
AXES = Rotation.from_euler("xyz", [10, -15, 25], degrees=True).as_matrix()
UPRIGHT = Grid((60, 60, 60), (1.0, 1.0, 1.5), (10, 20, 15))
OBLIQUE = Grid((60, 60, 60), (1.1, 0.9, 1.5), tuple(CENTER - AXES @ [33, 27, 45]), tuple(AXES.ravel()))
WRITERS = {
    "vtk": vtkPolyDataWriter,
    "vtp": vtkXMLPolyDataWriter,
    "stl": vtkSTLWriter,
    "obj": vtkOBJWriter,
    "ply": vtkPLYWriter,
}


def sphere(center: Any = CENTER, signs: tuple[float, float, float] = (1, 1, 1)) -> Any:
    source = vtkSphereSource()
    source.SetRadius(RADIUS)
    source.SetThetaResolution(96)
    source.SetPhiResolution(96)
    move = vtkTransform()
    move.Scale(*signs)
    move.Translate(*center)
    moved = vtkTransformFilter()
    moved.SetInputConnection(source.GetOutputPort())
    moved.SetTransform(move)
    triangles = vtkTriangleFilter()
    triangles.SetInputConnection(moved.GetOutputPort())
    triangles.Update()
    return triangles.GetOutput()


def write(path: Path, surface: Any, header: str = "") -> Entry:
    writer = WRITERS[path.suffix[1:]]()
    writer.SetFileName(str(path))
    writer.SetInputData(surface)
    if header:
        writer.SetHeader(header)
    writer.Write()
    return Entry(path.name, path, path.stat().st_size)


def ball(grid: Grid) -> np.ndarray:
    k, j, i = np.mgrid[: grid.shape[0], : grid.shape[1], : grid.shape[2]]
    return np.linalg.norm(grid.to_lps(np.stack([i, j, k], -1)) - CENTER, axis=-1) <= RADIUS


def fits(mask: np.ndarray, grid: Grid) -> bool:
    """All but voxels whose centres lie within 0.1 mm of the sphere agree."""
    k, j, i = np.nonzero(mask != ball(grid))
    away = np.abs(np.linalg.norm(grid.to_lps(np.column_stack([i, j, k])) - CENTER, axis=1) - RADIUS)
    return bool(away.size == 0 or away.max() < 0.1)


@pytest.mark.parametrize("grid", [UPRIGHT, OBLIQUE], ids=["upright", "oblique"])
@pytest.mark.parametrize("suffix", WRITERS)
def test_a_closed_mesh_fills_the_voxels_inside_it(tmp_path: Path, suffix: str, grid: Grid) -> None:
    entry = write(tmp_path / f"livertumor01.{suffix}", sphere())
    assert kind_of(entry) is Kind.MESH
    layer = read_mesh(entry, grid)
    assert fits(layer.values, grid)
    assert layer.labels[0].name == "livertumor01"
    assert "LPS is the one that fits" in layer.notes[0]


def test_binary_stl_is_known_by_its_size(tmp_path: Path) -> None:
    writer = vtkSTLWriter()
    writer.SetFileTypeToBinary()
    writer.SetFileName(str(tmp_path / "mesh"))
    writer.SetInputData(sphere())
    writer.Write()
    entry = Entry("mesh", tmp_path / "mesh", (tmp_path / "mesh").stat().st_size)
    assert fits(read_mesh(entry, UPRIGHT).values, UPRIGHT)


def test_ras_is_found_out_by_fit_by_header_or_by_choice(tmp_path: Path) -> None:
    entry = write(tmp_path / "a.vtk", sphere(signs=(-1, -1, 1)))
    layer = read_mesh(entry, UPRIGHT)
    assert fits(layer.values, UPRIGHT)
    assert "RAS is the one that fits" in layer.notes[0]
    told = write(tmp_path / "b.vtk", sphere(signs=(-1, -1, 1)), "3D Slicer output. SPACE=RAS")
    assert read_mesh(told, UPRIGHT).notes == ()
    assert fits(read_mesh(entry, UPRIGHT, "RAS").values, UPRIGHT)
    with pytest.raises(InputRefused, match="outside the image"):
        read_mesh(entry, UPRIGHT, "LPS")


def test_a_mesh_that_fits_in_both_systems_is_refused_until_a_person_says(tmp_path: Path) -> None:
    grid = Grid((60, 120, 120), (1, 1, 1.5), (-60, -60, 15))
    entry = write(tmp_path / "a.stl", sphere(center=(10, 12, 60)))
    with pytest.raises(InputRefused, match="in LPS and in RAS"):
        read_mesh(entry, grid)
    assert read_mesh(entry, grid, "LPS").values.any()


def test_a_mesh_elsewhere_is_refused(tmp_path: Path) -> None:
    entry = write(tmp_path / "a.ply", sphere(center=(400, 500, 60)))
    with pytest.raises(InputRefused, match="neither in LPS nor in RAS"):
        read_mesh(entry, UPRIGHT)


def cut(surface: Any, z_mm: float, keep_above: bool) -> Any:
    plane = vtkPlane()
    plane.SetOrigin(0, 0, z_mm)
    plane.SetNormal(0, 0, 1 if keep_above else -1)
    clip = vtkClipPolyData()
    clip.SetInputData(surface)
    clip.SetClipFunction(plane)
    clip.Update()
    return clip.GetOutput()


def test_a_mesh_open_in_the_middle_of_the_scan_is_refused(tmp_path: Path) -> None:
    entry = write(tmp_path / "vein.vtk", cut(sphere(), 65.0, keep_above=False))
    with pytest.raises(InputRefused, match="mesh is open") as caught:
        read_mesh(entry, UPRIGHT)
    assert "vein.vtk" in caught.value.thing


def test_a_vessel_cut_by_the_end_of_the_scan_is_filled(tmp_path: Path) -> None:
    grid = Grid((30, 60, 60), (1.0, 1.0, 1.5), (10, 20, 60))
    entry = write(tmp_path / "vein.vtk", cut(sphere(), 60.0, keep_above=True))
    assert fits(read_mesh(entry, grid).values[1:], grid.cropped(type(grid.box)((1, 0, 0), grid.shape)))


def test_a_zip_of_meshes_is_read_by_member(tmp_path: Path) -> None:
    write(tmp_path / "liver.vtk", sphere())
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.write(tmp_path / "liver.vtk", "MESHES/liver.vtk")
    (entry,) = entries_of([tmp_path / "m.zip"])
    assert entry.stem == "liver"
    assert fits(read_mesh(entry, UPRIGHT).values, UPRIGHT)


@pytest.mark.parametrize(
    "content",
    ["# vtk DataFile Version 3.0\nrubbish\nASCII\nDATASET POLYDATA\nPOINTS x float\n", "ply\nnothing\n"],
)
def test_a_damaged_mesh_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.vtk"
    path.write_text(content)
    with pytest.raises(InputRefused, match="no surface"):
        read_mesh(Entry("a.vtk", path, path.stat().st_size), UPRIGHT)
