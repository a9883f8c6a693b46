"""Pixels in every form that can be decoded; the others refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openjpeg
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from planner.base.errors import InputRefused
from planner.io.dicom.pixels import _shift_axis

from .conftest import ReadCase
from .dicom_files import COLUMNS, ROWS, image_dataset, ramp, set_pixels, write_series


def compress(d: pydicom.Dataset, syntax: str) -> None:
    """Compress a slice without loss."""
    if syntax != JPEG2000Lossless:
        d.compress(syntax)
        return
    d.PixelData = pydicom.encaps.encapsulate([bytes(openjpeg.encode(d.pixel_array))])
    d["PixelData"].is_undefined_length = True
    d.file_meta.TransferSyntaxUID = syntax


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda s: s.name)
def test_lossless_compression_gives_the_same_pixels(tmp_path: Path, read: ReadCase, syntax: str) -> None:
    write_series(tmp_path, values=ramp(5, 64, 64), change=lambda d, n: compress(d, syntax))
    values, _, result = read(tmp_path)
    assert np.array_equal(values, ramp(5, 64, 64) - 1000)
    assert result["report"]["corrected"] == []


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
    ids=lambda s: s.name,
)
def test_uncompressed_forms_give_the_same_pixels(tmp_path: Path, read: ReadCase, syntax: str) -> None:
    for n, path in enumerate(write_series(tmp_path / "a")):
        dataset = pydicom.dcmread(path)
        big = syntax == ExplicitVRBigEndian
        if big:
            dataset.PixelData = dataset.pixel_array.astype(">i2").tobytes()
            dataset["PixelData"].VR = "OW"
        dataset.file_meta.TransferSyntaxUID = syntax
        (tmp_path / "b").mkdir(exist_ok=True)
        pydicom.dcmwrite(
            tmp_path / "b" / f"{n}.dcm",
            dataset,
            enforce_file_format=True,
            little_endian=not big,
            implicit_vr=syntax == ImplicitVRLittleEndian,
        )
    values, _, _ = read(tmp_path / "b")
    assert np.array_equal(values, ramp(5) - 1000)


def test_files_without_preamble_are_read(tmp_path: Path, read: ReadCase) -> None:
    for path in write_series(tmp_path):
        whole = path.read_bytes()
        dataset = pydicom.dcmread(path)
        meta_end = 132 + 12 + dataset.file_meta.FileMetaInformationGroupLength
        path.write_bytes(whole[meta_end:])
    values, _, _ = read(tmp_path)
    assert np.array_equal(values, ramp(5) - 1000)


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("1.2.840.10008.1.2.4.100", "MPEG2"),
        ("1.2.840.10008.1.2.4.94", "JPIP"),
        ("1.2.3.4.5", r"1\.2\.3\.4\.5"),
    ],
)
def test_forms_that_cannot_be_decoded_are_refused_by_name(
    tmp_path: Path, read: ReadCase, syntax: str, name: str
) -> None:
    def claim(d, n):  # type: ignore[no-untyped-def]
        d.compress(RLELossless)
        d.file_meta.TransferSyntaxUID = syntax

    write_series(tmp_path, change=claim)
    with pytest.raises(InputRefused, match=name) as caught:
        read(tmp_path)
    assert "cannot be decoded" in caught.value.what


def test_damaged_compressed_pixels_are_refused_by_file(tmp_path: Path, read: ReadCase) -> None:
    paths = write_series(tmp_path, values=ramp(5, 64, 64), change=lambda d, n: compress(d, JPEG2000Lossless))
    whole = bytearray(paths[2].read_bytes())
    whole[-60:] = bytes(60)
    paths[2].write_bytes(bytes(whole[:-40]))
    with pytest.raises(InputRefused) as caught:
        read(tmp_path)
    assert "slice_002" in caught.value.thing


@pytest.mark.parametrize("shift", [0.0, 0.25, 1.0, 2.75])
def test_shifting_keeps_a_line_a_line(shift: float) -> None:
    line = np.arange(10, dtype=np.float32)[None] * 8 + 5
    out = _shift_axis(line, shift, 13, 1, -1)
    places = np.arange(13)
    inside = (places >= shift) & (places <= shift + 9)
    assert np.allclose(out[0, inside], (places[inside] - shift) * 8 + 5)
    assert np.all(out[0, places > shift + 10] == -1)


def multi_frame(count: int = 6, *, change=None) -> pydicom.Dataset:  # type: ignore[no-untyped-def]
    """An enhanced CT of frames in shuffled order."""
    d = image_dataset()
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedCTImageStorage
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = (generate_uid() for _ in range(3))
    order = np.random.default_rng(3).permutation(count)
    set_pixels(d, ramp(count)[0])
    d.PixelData = ramp(count)[order].tobytes()
    d.NumberOfFrames = count
    shared = pydicom.Dataset()
    measures, plane, rescale = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.8, 0.7], 3
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    rescale.RescaleIntercept, rescale.RescaleSlope, rescale.RescaleType = -1000, 1, "HU"
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    shared.PixelValueTransformationSequence = [rescale]
    d.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for place in order:
        group, position = pydicom.Dataset(), pydicom.Dataset()
        position.ImagePositionPatient = [-10, -20, 30 + 2.5 * int(place)]
        group.PlanePositionSequence = [position]
        groups.append(group)
    d.PerFrameFunctionalGroupsSequence = groups
    if change is not None:
        change(d)
    return d


def test_enhanced_multi_frame_is_sorted_by_position(tmp_path: Path, read: ReadCase) -> None:
    multi_frame().save_as(tmp_path / "mf.dcm", enforce_file_format=True)
    values, grid, result = read(tmp_path / "mf.dcm")
    assert np.array_equal(values, ramp(6) - 1000)
    assert grid.spacing_mm == pytest.approx((0.7, 0.8, 2.5))
    assert grid.shape == (6, ROWS, COLUMNS)
    assert "no order by name" in " ".join(result["report"]["corrected"])


def test_enhanced_multi_frame_in_rle_is_read(tmp_path: Path, read: ReadCase) -> None:
    d = multi_frame()
    d.compress(RLELossless)
    d.save_as(tmp_path / "mf.dcm", enforce_file_format=True)
    values, _, _ = read(tmp_path / "mf.dcm")
    assert np.array_equal(values, ramp(6) - 1000)


def move_a_frame(d: pydicom.Dataset) -> None:
    d.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient = [-10, -20, 90]


def drop_a_position(d: pydicom.Dataset) -> None:
    del d.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence


def turn_a_frame(d: pydicom.Dataset) -> None:
    plane = pydicom.Dataset()
    plane.ImageOrientationPatient = [0, 1, 0, 1, 0, 0]
    d.PerFrameFunctionalGroupsSequence[2].PlaneOrientationSequence = [plane]


def rescale_a_frame(d: pydicom.Dataset) -> None:
    rescale = pydicom.Dataset()
    rescale.RescaleIntercept, rescale.RescaleSlope = 0, 1
    d.PerFrameFunctionalGroupsSequence[2].PixelValueTransformationSequence = [rescale]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (move_a_frame, "missing|uneven"),
        (drop_a_position, "no position"),
        (turn_a_frame, "different orientations"),
        (rescale_a_frame, "rescale"),
        (lambda d: setattr(d, "PixelData", d.PixelData[:-200]), "cut short"),
        (lambda d: d.PerFrameFunctionalGroupsSequence.pop(), "another number of frames"),
    ],
)
def test_frames_are_checked_like_slices(tmp_path: Path, read: ReadCase, change, reason: str) -> None:  # type: ignore[no-untyped-def]
    multi_frame(change=change).save_as(tmp_path / "mf.dcm", enforce_file_format=True)
    with pytest.raises(InputRefused, match=reason) as caught:
        read(tmp_path / "mf.dcm")
    assert "mf.dcm" in caught.value.thing
