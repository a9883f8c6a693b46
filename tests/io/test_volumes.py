"""NIfTI, NRRD and MetaImage volumes lie where they say, in every axis order."""

from __future__ import annotations

import gzip
import itertools
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from planner.base.errors import InputRefused
from planner.io.nifti import read_nifti
from planner.io.nrrd import read_mapped, write_array_nrrd
from planner.io.nrrd_decoding import read_nrrd
from planner.io.sources import Entry, Kind, kind_of
from planner.io.volumes import along_patient_axes, read_volume
from planner.model.geometry import Grid

from .conftest import ReadCase

VALUES = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
ORDERS = [
    tuple(np.array(axes) * s for axes, s in zip(np.eye(3)[list(p)], signs, strict=True))
    for p in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def entry(path: Path) -> Entry:
    return Entry(path.name, path, path.stat().st_size)


def place_of(values: np.ndarray, grid: Grid) -> dict[int, tuple[float, ...]]:
    """LPS of each voxel by its value."""
    k, j, i = np.mgrid[: grid.shape[0], : grid.shape[1], : grid.shape[2]]
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    return {int(v): tuple(p) for v, p in zip(values.ravel(), points.reshape(-1, 3), strict=True)}


def farthest(first: dict[int, tuple[float, ...]], second: dict[int, tuple[float, ...]]) -> float:
    assert first.keys() == second.keys()
    return max(float(np.linalg.norm(np.subtract(first[v], second[v]))) for v in first)


def grid_of(order: int, turn_deg: list[float], spacing: list[float], origin: list[float]) -> Grid:
    turn = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    axes = turn @ np.column_stack(ORDERS[order])
    return Grid(VALUES.shape, tuple(spacing), tuple(origin), tuple(axes.ravel()))


def itk_image(grid: Grid, values: np.ndarray = VALUES) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_lps_mm)
    image.SetDirection(grid.direction)
    return image


GRIDS = given(
    order=st.integers(0, 47),
    turn_deg=st.lists(st.floats(-40, 40), min_size=3, max_size=3),
    spacing=st.lists(st.floats(0.3, 6), min_size=3, max_size=3),
    origin=st.lists(st.floats(-900, 900), min_size=3, max_size=3),
)
OPTIONS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@GRIDS
@OPTIONS
@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "nhdr", "mha", "mhd"])
def test_volumes_written_by_simpleitk_lie_where_it_put_them(
    suffix: str, order: int, turn_deg: list[float], spacing: list[float], origin: list[float]
) -> None:
    grid = grid_of(order, turn_deg, spacing, origin)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"volume.{suffix}"
        sitk.WriteImage(itk_image(grid), str(path), suffix in ("nrrd", "mha", "nhdr"))
        volume = read_volume(entry(path), kind_of(entry(path)))
    assert farthest(place_of(volume.values, volume.grid), place_of(VALUES, grid)) < 0.01


@GRIDS
@OPTIONS
def test_our_nrrd_is_exact_and_simpleitk_agrees(
    order: int, turn_deg: list[float], spacing: list[float], origin: list[float]
) -> None:
    grid = grid_of(order, turn_deg, spacing, origin)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "volume.nrrd"
        write_array_nrrd(path, VALUES, grid)
        values, mapped, header = read_mapped(path)
        theirs = sitk.ReadImage(str(path))
        assert np.array_equal(values, VALUES)
        assert not values.flags.writeable
        del values
    assert mapped.same_as(grid, 1e-9)
    assert header["space"] == "left-posterior-superior"
    corner = theirs.TransformIndexToPhysicalPoint((4, 3, 2))
    assert np.allclose(corner, grid.to_lps([4, 3, 2]), atol=1e-6)


@GRIDS
@OPTIONS
def test_turning_to_the_patients_axes_moves_no_voxel(
    order: int, turn_deg: list[float], spacing: list[float], origin: list[float]
) -> None:
    grid = grid_of(order, turn_deg, spacing, origin)
    values, turned = along_patient_axes(VALUES, grid)
    assert farthest(place_of(values, turned), place_of(VALUES, grid)) < 1e-6
    again, same = along_patient_axes(values, turned)
    assert same.same_as(turned, 1e-9)
    assert np.array_equal(again, values)


@pytest.mark.parametrize("order", range(48))
def test_every_axis_order_reads_as_the_same_standing_volume(
    tmp_path: Path, order: int, read: ReadCase
) -> None:
    grid = grid_of(order, [0, 0, 0], [0.7, 0.8, 2.0], [5, 6, 7])
    sitk.WriteImage(itk_image(grid), str(tmp_path / "a.nii"))
    values, found, _ = read(tmp_path / "a.nii", modality="CT")
    assert np.allclose(found.axes, np.eye(3), atol=1e-6)
    assert farthest(place_of(values, found), place_of(VALUES, grid)) < 0.01


def test_files_are_told_apart_by_content(tmp_path: Path) -> None:
    grid = grid_of(0, [0, 0, 0], [1, 1, 1], [0, 0, 0])
    expected = {"a.nii": Kind.NIFTI, "a.nii.gz": Kind.NIFTI, "a.nrrd": Kind.NRRD, "a.mha": Kind.METAIMAGE}
    for name, kind in expected.items():
        sitk.WriteImage(itk_image(grid), str(tmp_path / name))
        renamed = tmp_path / name.replace(".", "_")
        (tmp_path / name).rename(renamed)
        assert kind_of(entry(renamed)) is kind


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<u1", "<i4", "<f4", ">f8", "<u4"])
@pytest.mark.parametrize("encoding", ["raw", "gzip", "ascii", "hex", "bzip2"])
@pytest.mark.parametrize("space", ["left-posterior-superior", "right-anterior-superior", "LAS"])
def test_nrrd_of_every_encoding_order_and_space(
    tmp_path: Path, dtype: str, encoding: str, space: str
) -> None:
    import bz2

    names = {"i2": "short", "u1": "uchar", "i4": "int", "f4": "float", "f8": "double", "u4": "uint"}
    stored = VALUES.astype(dtype)
    data = {
        "raw": stored.tobytes,
        "gzip": lambda: gzip.compress(stored.tobytes()),
        "bzip2": lambda: bz2.compress(stored.tobytes()),
        "hex": lambda: stored.tobytes().hex().encode(),
        "ascii": lambda: " ".join(str(v) for v in stored.ravel()).encode(),
    }[encoding]()
    signs = {"l": (1, 1, 1), "r": (-1, -1, 1), "L": (1, -1, 1)}[space[0]]
    x, y, z = np.array([10.0, 20.0, 30.0]) * signs
    header = (
        f"NRRD0004\n# a comment\ntype: {names[dtype[1:]]}\ndimension: 3\nspace: {space}\nsizes: 5 4 3\n"
        f"space directions: ({0.5 * signs[0]},0,0) (0,{2 * signs[1]},0) (0,0,3)\nkinds: domain domain domain\n"
        f"endian: {'big' if dtype[0] == '>' else 'little'}\nencoding: {encoding}\nspace origin: ({x},{y},{z})\n\n"
    )
    (tmp_path / "a.nrrd").write_bytes(header.encode() + data)
    values, grid, _ = read_nrrd(tmp_path / "a.nrrd")
    assert np.array_equal(values, VALUES)
    assert grid.same_as(Grid((3, 4, 5), (0.5, 2, 3), (10, 20, 30)), 1e-9)


NRRD = (
    "NRRD0004\ntype: short\ndimension: 3\nspace: LPS\nsizes: 5 4 3\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n"
    "endian: little\nencoding: raw\nspace origin: (0,0,0)\n"
)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("space: LPS\n", "", "which way the patient lies"),
        ("space: LPS", "space: scanner-xyz", "which way the patient lies"),
        ("space directions: (1,0,0) (0,1,0) (0,0,1)\n", "", "voxels' size or place"),
        ("space origin: (0,0,0)\n", "", "voxels' size or place"),
        ("(0,1,0)", "(0.3,1,0)", "unsound"),
        ("(0,1,0)", "(0,0,0)", "unsound"),
        ("sizes: 5 4 3", "sizes: 50 40 30", "cut short"),
        ("sizes: 5 4 3", "sizes: 50000 40000 30000", "too large"),
        ("type: short", "type: block", "known type"),
        ("encoding: raw", "encoding: zstd", "encoding is not known"),
        ("encoding: raw", "encoding: gzip", "damaged"),
        ("encoding: raw", "encoding: raw\ndata file: ../../etc/passwd", "not beside"),
        ("encoding: raw", 'encoding: raw\nspace units: "cm" "cm" "cm"', "not in mm"),
    ],
)
def test_unsound_nrrd_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in NRRD
    (tmp_path / "a.nrrd").write_bytes((NRRD.replace(old, new) + "\n").encode() + VALUES.tobytes())
    with pytest.raises(InputRefused, match=reason) as caught:
        read_nrrd(tmp_path / "a.nrrd")
    assert "a.nrrd" in caught.value.thing


def nifti(tmp_path: Path, patches: dict[int, tuple[str, object]], affine: np.ndarray | None = None) -> Path:
    """A NIfTI file with some header bytes replaced."""
    path = tmp_path / "a.nii"
    sitk.WriteImage(itk_image(grid_of(0, [0, 0, 0], [1, 1, 2], [3, 4, 5])), str(path))
    data = bytearray(path.read_bytes())
    for offset, (code, value) in patches.items():
        struct.pack_into("<" + code, data, offset, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("patches", "reason"),
    [
        ({40: ("h", 4), 48: ("h", 2)}, "no single 3D volume"),
        ({70: ("h", 128)}, "no plain numbers"),
        ({123: ("B", 1)}, "not in mm"),
        ({123: ("B", 3)}, "not in mm"),
        ({252: ("h", 0), 254: ("h", 0)}, "where it lies"),
        ({252: ("h", 1), 268: ("f", 40.0)}, "two places"),
        ({284: ("f", 0.4), 252: ("h", 0)}, "sheared"),
        ({280: ("f", float("nan")), 252: ("h", 0)}, "sheared or unsound"),
        ({108: ("f", 40000.0)}, "cut short|damaged"),
        ({42: ("h", 500)}, "cut short"),
        ({344: ("i", 0x0031696E)}, "two files"),
    ],
)
def test_unsound_nifti_is_refused(tmp_path: Path, patches: dict, reason: str) -> None:
    path = nifti(tmp_path, patches)
    with pytest.raises(InputRefused, match=reason) as caught:
        read_nifti(entry(path))
    assert "a.nii" in caught.value.thing


def test_nifti_slope_is_applied_and_a_missing_unit_is_told(tmp_path: Path) -> None:
    values, _, header = read_nifti(entry(nifti(tmp_path, {112: ("f", 2.0), 116: ("f", -3.0), 123: ("B", 0)})))
    assert np.array_equal(values, VALUES * 2 - 3)
    assert "no unit" in header.notes[0]


def test_qform_alone_places_a_volume(tmp_path: Path) -> None:
    grid = grid_of(11, [10, -20, 30], [0.7, 0.9, 2.5], [-30, 40, 55])
    path = tmp_path / "a.nii"
    sitk.WriteImage(itk_image(grid), str(path))
    data = bytearray(path.read_bytes())
    struct.pack_into("<h", data, 254, 0)  # no sform
    struct.pack_into("<12f", data, 280, *[0.0] * 12)
    path.write_bytes(data)
    values, found, _ = read_nifti(entry(path))
    assert farthest(place_of(values, found), place_of(VALUES, grid)) < 0.01


def test_nifti_2_is_read(tmp_path: Path) -> None:
    header = bytearray(544)
    struct.pack_into("<i8s", header, 0, 540, b"n+2\0\r\n\x1a\n")
    struct.pack_into("<hh8q", header, 12, 4, 16, 3, 5, 4, 3, 1, 1, 1, 1)
    struct.pack_into("<8d", header, 104, 1, 1, 1, 2, 0, 0, 0, 0)
    struct.pack_into("<q", header, 168, 544)
    struct.pack_into("<2d", header, 176, 1, 0)
    struct.pack_into("<2i", header, 344, 0, 1)
    struct.pack_into("<12d", header, 400, -1, 0, 0, 3, 0, -1, 0, 4, 0, 0, 2, 5)
    struct.pack_into("<2i", header, 500, 2, 0)
    path = tmp_path / "a.nii"
    path.write_bytes(bytes(header) + VALUES.tobytes())
    values, grid, _ = read_nifti(entry(path))
    assert np.array_equal(values, VALUES)
    assert grid.same_as(Grid((3, 4, 5), (1, 1, 2), (-3, -4, 5)))


def test_the_modality_of_a_nifti_is_told_as_an_assumption(tmp_path: Path, read: ReadCase) -> None:
    grid = grid_of(0, [0, 0, 0], [1, 1, 1], [0, 0, 0])
    sitk.WriteImage(itk_image(grid, VALUES - 1000), str(tmp_path / "ct.nii"))
    sitk.WriteImage(itk_image(grid), str(tmp_path / "mr.nii"))
    for name, modality in (("ct", "CT"), ("mr", "MR")):
        _, _, result = read(tmp_path / f"{name}.nii")
        assert result["image"]["modality"] == modality
        assert "does not say its modality" in result["report"]["corrected"][-1]
    _, _, result = read(tmp_path / "mr.nii", modality="ct")
    assert (result["image"]["modality"], result["image"]["unit"]) == ("CT", "HU")


def test_values_that_are_no_numbers_are_refused(tmp_path: Path, read: ReadCase) -> None:
    values = VALUES.astype(np.float32)
    values[1, 1, 1] = np.nan
    sitk.WriteImage(itk_image(grid_of(0, [0, 0, 0], [1, 1, 1], [0, 0, 0]), values), str(tmp_path / "a.nrrd"))
    with pytest.raises(InputRefused, match="not numbers"):
        read(tmp_path / "a.nrrd")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("TransformMatrix", "NoMatrix", "lacks its type"),
        ("ElementSpacing = 1", "ElementSpacing = 0", "unsound"),
        ("DimSize = 5 4 3", "DimSize = 5 4 9", "cut short"),
        ("MET_SHORT", "MET_OTHER", "lacks its type"),
        ("LOCAL", "../other.raw", "not beside"),
    ],
)
def test_unsound_metaimage_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    path = tmp_path / "a.mha"
    sitk.WriteImage(itk_image(grid_of(0, [0, 0, 0], [1, 1, 1], [0, 0, 0])), str(path))
    data = path.read_bytes()
    assert old.encode() in data
    path.write_bytes(data.replace(old.encode(), new.encode()))
    with pytest.raises(InputRefused, match=reason):
        read_volume(entry(path), Kind.METAIMAGE)
