"""Volumes in files that are not DICOM: one array on one lattice, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused
from planner.io.metaimage import read_metaimage
from planner.io.nifti import read_nifti
from planner.io.nrrd import Header
from planner.io.nrrd_decoding import read_nrrd
from planner.io.sources import Entry, Kind
from planner.model.geometry import FloatArray, Grid

VOLUME_KINDS = frozenset({Kind.NIFTI, Kind.NRRD, Kind.METAIMAGE})


@dataclass(frozen=True, eq=False)
class Volume:
    """An array of a file on its lattice.

    Parameters
    ----------
    values
        ``[k, j, i]``, or ``[k, j, i, n]`` for n layers of labels.
    grid
        Its lattice, LPS.
    label_names
        Names the file gives to label values.
    header
        Key/value pairs, of NRRD.
    notes
        What was assumed, in words.
    is_label_map
        Whether the file says so itself.
    """

    values: npt.NDArray[Any]
    grid: Grid
    label_names: dict[int, str] = field(default_factory=dict)
    header: Header = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_label_map: bool = False


def read_volume(entry: Entry, kind: Kind) -> Volume:
    """Read a NIfTI, NRRD or MetaImage volume.

    Raises
    ------
    InputRefused
        With the reason.
    """
    if kind is Kind.NIFTI:
        values, grid, header = read_nifti(entry)
        return Volume(values, grid, header.label_names, notes=header.notes, is_label_map=header.is_label_map)
    if kind is Kind.METAIMAGE:
        return Volume(*read_metaimage(entry))
    if kind is Kind.NRRD and not entry.member:
        values, grid, fields = read_nrrd(entry.path)
        is_labels = any(key.startswith("Segment0_") for key in fields)
        return Volume(values, grid, header=fields, is_label_map=is_labels)
    raise InputRefused(
        "This file is no volume that can be read.", entry.name, "Unpack it, or choose another file."
    )


def compact(values: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Scan values as int16 where that is exact, else as float32.

    Raises
    ------
    InputRefused
        If a value is not finite.
    """
    if values.dtype == np.int16:
        return values
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputRefused("The volume holds values that are not numbers.", name, "Repair it first.")
    if low >= -(2**15) and high < 2**15:
        short = values.astype(np.int16)
        if values.dtype.kind in "iu" or np.array_equal(short, values):
            return short
    return values.astype(np.float32)


def labels_of(values: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """A label map as uint16.

    Raises
    ------
    InputRefused
        If a value is no whole number in 0..65535, so that this is no label map.
    """
    if values.dtype in (np.uint8, np.uint16):
        return values
    low, high = values.min(), values.max()
    if np.isfinite(low) and np.isfinite(high) and low >= 0 and high < 2**16:
        short = values.astype(np.uint16)
        if values.dtype.kind in "iu" or np.array_equal(short, values):
            return short
    raise InputRefused(
        "The file is no label map: its values are not whole numbers from 0 to 65535.",
        f"{name}: {low} to {high}",
        "Choose the segmentation, not the scan.",
    )


def along_patient_axes(values: npt.NDArray[Any], grid: Grid) -> tuple[npt.NDArray[Any], Grid]:
    """A view whose i, j, k run as nearly as possible to the left, back and head; no voxel moves.

    ``values`` is ``[k, j, i, ...]``.
    """
    order, flips = patient_axes(grid.axes)
    view = np.transpose(values, [2 - a for a in order[::-1]] + list(range(3, values.ndim)))
    start = np.zeros(3)
    for target, (source, flip) in enumerate(zip(order, flips, strict=True)):
        if flip:
            view = np.flip(view, axis=2 - target)
            start[source] = grid.shape[2 - source] - 1
    affine = np.eye(4)
    signs = np.where(flips, -1.0, 1.0)
    affine[:3, :3] = grid.affine[:3, :3][:, order] * signs
    affine[:3, 3] = grid.to_lps(start)
    shape = view.shape[0], view.shape[1], view.shape[2]
    return view, Grid.from_affine(affine, shape)


def patient_axes(axes: FloatArray) -> tuple[list[int], list[bool]]:
    """Which of the axes runs nearest to left, posterior, superior, and whether against it."""
    weights = np.abs(axes).copy()
    order = [-1, -1, -1]
    for _ in range(3):
        world, axis = np.unravel_index(int(weights.argmax()), weights.shape)
        order[int(world)] = int(axis)
        weights[world, :] = weights[:, axis] = -1
    return order, [bool(axes[world, axis] < 0) for world, axis in enumerate(order)]
