"""NIfTI volumes: read by our own header parser, RAS turned into LPS."""

from __future__ import annotations

import math
import re
import struct
import zlib
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused, InvalidValue
from planner.io.nrrd import VOLUME_LIMIT_BYTES
from planner.io.sources import Entry, unpacked
from planner.model.geometry import FloatArray, Grid

_DTYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"
}  # fmt: skip
#: sform and qform may differ by this much at any corner.
SAME_PLACE_MM = 0.5
_EXTENSION_LIMIT_BYTES = 1 << 24
_LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """What stands before the voxels of a NIfTI file.

    Parameters
    ----------
    dtype
        As stored, with byte order.
    sizes
        Along i, j, k.
    slope, intercept
        Of the stored values; 1 and 0 where the file gives none.
    affine_lps
        4 x 4, from (i, j, k, 1) to LPS mm.
    data_offset
        Bytes to the first voxel.
    label_names
        Names of label values, where an extension gives them.
    is_label_map
        Whether the file says that its values are labels.
    notes
        What was assumed, in words.
    """

    dtype: np.dtype[Any]
    sizes: tuple[int, int, int]
    slope: float
    intercept: float
    affine_lps: FloatArray
    data_offset: int
    label_names: dict[int, str]
    is_label_map: bool
    notes: tuple[str, ...]

    def grid(self, name: str) -> Grid:
        """The lattice; raises `InputRefused` where it is sheared."""
        i, j, k = self.sizes
        try:
            return Grid.from_affine(self.affine_lps, (k, j, i))
        except InvalidValue as error:
            raise InputRefused(
                "The NIfTI volume's axes are sheared or unsound.",
                f"{name}: {error.what}",
                "Resample it to a grid with right angles.",
            ) from error


def read_nifti(entry: Entry) -> tuple[npt.NDArray[Any], Grid, NiftiHeader]:
    """Read a NIfTI volume: array ``[k, j, i]`` with slope and intercept applied, grid in LPS, header.

    Raises
    ------
    InputRefused
        With the reason.
    """
    try:
        with entry.open() as raw, unpacked(raw) as stream:
            header = _header(stream, entry)
            grid = header.grid(entry.name)
            size = math.prod(header.sizes) * header.dtype.itemsize
            data = stream.read(size)
    except (zlib.error, OSError, EOFError, struct.error) as error:
        raise InputRefused(
            "The NIfTI file is damaged.", f"{entry.name}: {error}", "Copy it again."
        ) from error
    if len(data) < size:
        raise InputRefused("The NIfTI file is cut short.", f"{entry.name}: {len(data)} of {size} bytes")
    values: npt.NDArray[Any] = np.frombuffer(data, header.dtype).reshape(header.sizes[::-1])
    values = values.astype(header.dtype.newbyteorder("="), copy=False)
    if (header.slope, header.intercept) != (1.0, 0.0):
        values = (values * header.slope + header.intercept).astype(np.float32)
    return values, grid, header


def read_nifti_header(entry: Entry) -> NiftiHeader:
    """What stands before the voxels; raises `InputRefused` where it is unsound."""
    try:
        with entry.open() as raw, unpacked(raw) as stream:
            return _header(stream, entry)
    except (zlib.error, OSError, EOFError, struct.error) as error:
        raise InputRefused(
            "The NIfTI file is damaged.", f"{entry.name}: {error}", "Copy it again."
        ) from error


def _header(stream: IO[bytes], entry: Entry) -> NiftiHeader:
    start = stream.read(348)
    order = "<" if struct.unpack_from("<i", start)[0] in (348, 540) else ">"
    is_second = struct.unpack_from(order + "i", start)[0] == 540
    if is_second:
        start += stream.read(540 - 348)
        dims, code = (
            struct.unpack_from(order + "8q", start, 16),
            struct.unpack_from(order + "h", start, 12)[0],
        )
        pixdim, offset = (
            struct.unpack_from(order + "8d", start, 104),
            struct.unpack_from(order + "q", start, 168)[0],
        )
        slope, intercept = struct.unpack_from(order + "2d", start, 176)
        qcode, scode = struct.unpack_from(order + "2i", start, 344)
        quaternion = struct.unpack_from(order + "6d", start, 352)
        rows = struct.unpack_from(order + "12d", start, 400)
        units, intent = struct.unpack_from(order + "2i", start, 500)
    else:
        if start[344:348] != b"n+1\0":
            raise InputRefused(
                "NIfTI in two files (.hdr and .img) is not supported.",
                entry.name,
                "Save it as one .nii file.",
            )
        dims, code = (
            struct.unpack_from(order + "8h", start, 40),
            struct.unpack_from(order + "h", start, 70)[0],
        )
        pixdim, offset = (
            struct.unpack_from(order + "8f", start, 76),
            struct.unpack_from(order + "f", start, 108)[0],
        )
        slope, intercept = struct.unpack_from(order + "2f", start, 112)
        qcode, scode = struct.unpack_from(order + "2h", start, 252)
        quaternion = struct.unpack_from(order + "6f", start, 256)
        rows = struct.unpack_from(order + "12f", start, 280)
        units, intent = start[123], struct.unpack_from(order + "h", start, 68)[0]
    sizes = _sizes(dims, code, entry)
    notes = _unit_notes(units, entry)
    offset = int(offset)
    if not len(start) <= offset <= len(start) + _EXTENSION_LIMIT_BYTES:
        raise InputRefused("The NIfTI header is damaged.", f"{entry.name}: voxels at byte {offset}")
    names = _label_names(stream.read(offset - len(start)))
    sform = np.vstack([np.reshape(rows, (3, 4)), [0, 0, 0, 1]]) if scode > 0 else None
    qform = _qform(quaternion, pixdim) if qcode > 0 else None
    affine = _affine(sform, qform, sizes, entry)
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0:
        slope, intercept = 1.0, 0.0
    return NiftiHeader(
        np.dtype(order + _DTYPES[code]),
        sizes,
        float(slope),
        float(intercept),
        _LPS_OF_RAS @ affine,
        offset,
        names,
        bool(names) or intent == 1002,
        notes,
    )


def _sizes(dims: tuple[int, ...], code: int, entry: Entry) -> tuple[int, int, int]:
    count = dims[0]
    if not 3 <= count <= 7 or any(n > 1 for n in dims[4 : count + 1]):
        raise InputRefused(
            "The NIfTI file holds no single 3D volume.",
            f"{entry.name}: sizes {dims[1 : max(count, 0) + 1]}",
            "Save one 3D volume (one time point, one channel).",
        )
    if code not in _DTYPES:
        raise InputRefused("The NIfTI file holds no plain numbers.", f"{entry.name}: data type {code}")
    sizes = dims[1], dims[2], dims[3]
    if min(sizes) < 1 or math.prod(sizes) * 8 > VOLUME_LIMIT_BYTES:
        raise InputRefused("The volume's size is unsound.", f"{entry.name}: {sizes}", "Crop it first.")
    return sizes


def _unit_notes(units: int, entry: Entry) -> tuple[str, ...]:
    unit = units & 7
    if unit in (1, 3):
        word = "metres" if unit == 1 else "micrometres"
        raise InputRefused("The NIfTI volume is not in mm.", f"{entry.name}: in {word}", "Save it in mm.")
    return () if unit == 2 else (f"{entry.name} gives no unit of length; taken as mm.",)


def _qform(quaternion: tuple[float, ...], pixdim: tuple[float, ...]) -> FloatArray:
    """The matrix of a quaternion, after the NIfTI-1 standard."""
    b, c, d, x, y, z = quaternion
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    spacing = np.array(pixdim[1:4]) * np.array([1, 1, -1 if pixdim[0] < 0 else 1])
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * spacing
    matrix[:3, 3] = x, y, z
    return matrix


def _affine(
    sform: FloatArray | None, qform: FloatArray | None, sizes: tuple[int, int, int], entry: Entry
) -> FloatArray:
    """The one place the file tells: sform before qform, which may not contradict each other."""
    if sform is None and qform is None:
        raise InputRefused(
            "The NIfTI file does not say where it lies in the patient.",
            f"{entry.name}: neither sform nor qform",
            "Save it with its orientation.",
        )
    if sform is None or qform is None:
        return sform if sform is not None else qform  # type: ignore[return-value]
    i, j, k = (n - 1 for n in sizes)
    corners = np.array([[a, b, c, 1] for a in (0, i) for b in (0, j) for c in (0, k)], dtype=float)
    gap = np.linalg.norm((corners @ (sform - qform).T)[:, :3], axis=1).max()
    if not gap <= SAME_PLACE_MM:
        raise InputRefused(
            "The NIfTI file tells two places at once.",
            f"{entry.name}: sform and qform differ by up to {gap:.1f} mm",
            "Save it again from the program that made it, with one orientation.",
        )
    return sform


def _label_names(extension: bytes) -> dict[int, str]:
    """Names of label values in a Caret label table (as TotalSegmentator writes)."""
    text = extension.decode("utf-8", "replace")
    found = re.findall(r'<Label\b[^>]*\bKey="(\d+)"[^>]*>\s*(?:<!\[CDATA\[)?([^\]<]*)', text)
    return {int(key): name.strip() for key, name in found if int(key) > 0 and name.strip()}
