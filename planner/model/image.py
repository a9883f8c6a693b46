"""Scalar volumes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import Grid


@dataclass(frozen=True)
class DicomIdentity:
    """Where an image comes from, by DICOM unique identifiers; empty where it has none."""

    study_uid: str = ""
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    instance_uids: tuple[str, ...] = ()
    source_sha256: str = ""


@dataclass(frozen=True, eq=False)
class Image:
    """A scalar volume on a `Grid`.

    Parameters
    ----------
    id
        Short name, unique in the case and fit for a file name.
    title
        What a person calls it, such as ``Portal venous``.
    grid
        Its lattice.
    values
        Array ``[k, j, i]`` of the grid's shape; may be a memory map; becomes read-only.
    modality
        DICOM modality, such as ``CT`` or ``MR``.
    unit
        ``HU`` for CT, else empty.
    identity
        Its DICOM identity.
    acquired
        Acquisition date, ``YYYY-MM-DD``, or empty.

    Raises
    ------
    InvalidValue
        If the array's shape is not the grid's, or its type is not a number.
    """

    id: str
    title: str
    grid: Grid
    values: npt.NDArray[Any]
    modality: str = "CT"
    unit: str = "HU"
    identity: DicomIdentity = field(default_factory=DicomIdentity)
    acquired: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidValue("An image needs an id.", self.title)
        if self.values.shape != self.grid.shape:
            raise InvalidValue(
                "An image's array must have its grid's shape.",
                f"image '{self.id}': array {self.values.shape}, grid {self.grid.shape}",
            )
        if self.values.dtype.kind not in "iuf":
            raise InvalidValue("An image holds numbers.", f"image '{self.id}': {self.values.dtype}")
        self.values.setflags(write=False)

    def value_at(self, lps_mm: npt.ArrayLike) -> float | None:
        """Value of the voxel at a point in LPS mm, or None outside the volume."""
        if not self.grid.contains(lps_mm):
            return None
        i, j, k = np.rint(self.grid.to_ijk(lps_mm)).astype(int)
        return float(self.values[k, j, i])
