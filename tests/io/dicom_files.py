"""Small DICOM series made for tests: a ramp of stored values that tells every voxel apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

ROWS, COLUMNS = 12, 10
Change = Callable[[FileDataset, int], None]


def ramp(count: int, rows: int = ROWS, columns: int = COLUMNS) -> np.ndarray:
    """Stored values ``[k, j, i]``: 20 i + 3 j + 100 k."""
    k, j, i = np.ogrid[:count, :rows, :columns]
    return (20 * i + 3 * j + 100 * k).astype(np.int16)


def write_series(
    folder: Path,
    count: int = 5,
    *,
    spacing: tuple[float, float] = (0.8, 0.7),
    gap: float = 2.0,
    origin: Sequence[float] = (-10.0, -20.0, 30.0),
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    step: Sequence[float] | None = None,
    modality: str = "CT",
    name: str = "slice_{:03d}.dcm",
    values: np.ndarray | None = None,
    change: Change | None = None,
    series_uid: str | None = None,
    study_uid: str | None = None,
    frame_uid: str | None = None,
    slope: float = 1,
    intercept: float = -1000,
) -> list[Path]:
    """Write a sound series; ``change(dataset, number)`` spoils it.

    ``spacing`` is that of rows, of columns; ``step`` the vector from slice to slice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = ramp(count) if values is None else values
    if step is None:
        step = gap * np.cross(orientation[:3], orientation[3:])
    series_uid, study_uid, frame_uid = (u or generate_uid() for u in (series_uid, study_uid, frame_uid))
    paths = []
    for n in range(count):
        d = image_dataset(modality)
        d.SeriesInstanceUID, d.StudyInstanceUID, d.FrameOfReferenceUID = series_uid, study_uid, frame_uid
        d.InstanceNumber = n + 1
        d.ImagePositionPatient = [decimal(v) for v in np.asarray(origin) + n * np.asarray(step)]
        d.ImageOrientationPatient = [decimal(v) for v in orientation]
        d.PixelSpacing = list(spacing)
        d.SliceThickness = gap
        d.RescaleSlope, d.RescaleIntercept = slope, intercept
        set_pixels(d, values[n])
        if change is not None:
            change(d, n)
        path = folder / name.format(n)
        d.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def image_dataset(modality: str = "CT") -> FileDataset:
    """A data set with the facts of an image, without geometry and pixels."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage if modality == "CT" else MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    d.Modality = modality
    d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = "Test^Case", "T1", "19600102", "F"
    d.PatientAge, d.PatientSize, d.PatientWeight = "064Y", "1.68", "70"
    d.SeriesDescription = "Portal venous"
    d.StudyDate = d.SeriesDate = d.AcquisitionDate = "20240305"
    d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    return d


def set_pixels(d: Dataset, values: np.ndarray) -> None:
    """Give a data set grey pixels."""
    d.Rows, d.Columns = values.shape
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated = d.BitsStored = 8 * values.dtype.itemsize
    d.HighBit = d.BitsStored - 1
    d.PixelRepresentation = int(values.dtype.kind == "i")
    d.PixelData = values.tobytes()


def decimal(value: float) -> str:
    """A number as the 16 characters of a decimal string hold it."""
    return pydicom.valuerep.format_number_as_ds(float(value))


def at(number: int, **attributes: Any) -> Change:
    """A change of one slice's attributes."""

    def change(d: FileDataset, n: int) -> None:
        if n == number:
            for key, value in attributes.items():
                setattr(d, key, value)

    return change


def without(*attributes: str, only: int | None = None) -> Change:
    """A change that deletes attributes, of all slices or one."""

    def change(d: FileDataset, n: int) -> None:
        if only in (None, n):
            for key in attributes:
                delattr(d, key)

    return change
