"""MetaImage volumes (.mha, .mhd)."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused, InvalidValue
from planner.io.nrrd import VOLUME_LIMIT_BYTES
from planner.io.sources import Entry
from planner.model.geometry import Grid

_DTYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
_HEADER_LIMIT_BYTES = 1 << 16


def read_metaimage(entry: Entry) -> tuple[npt.NDArray[Any], Grid]:
    """Read a MetaImage volume: array ``[k, j, i]`` and its grid (MetaImage is LPS).

    Raises
    ------
    InputRefused
        With the reason.
    """
    fields, offset = _fields(entry)
    dtype, sizes, grid = _layout(fields, entry)
    size = math.prod(sizes) * dtype.itemsize
    data = _data(fields, offset, size, entry)
    if len(data) < size:
        raise InputRefused(
            "The volume is cut short.", f"{entry.name}: {len(data)} of {size} bytes", "Copy it again."
        )
    values = np.frombuffer(data, dtype, math.prod(sizes)).reshape(sizes[::-1])
    return values.astype(dtype.newbyteorder("="), copy=False), grid


def _fields(entry: Entry) -> tuple[dict[str, str], int]:
    """Header fields, and where the data begin."""
    with entry.open() as stream:
        start = stream.read(_HEADER_LIMIT_BYTES)
    fields: dict[str, str] = {}
    position = 0
    while position < len(start):
        end = start.find(b"\n", position)
        end = len(start) if end < 0 else end
        key, _, value = start[position:end].decode("utf-8", "replace").partition("=")
        fields[key.strip()] = value.strip()
        position = end + 1
        if key.strip() == "ElementDataFile":
            return fields, position
    raise InputRefused("The MetaImage header has no end.", entry.name, "Copy it again.")


def _layout(fields: dict[str, str], entry: Entry) -> tuple[np.dtype[Any], tuple[int, ...], Grid]:
    try:
        sizes = tuple(int(n) for n in fields["DimSize"].split())
        dtype = np.dtype((">" if _is_true(fields, "BinaryDataByteOrderMSB", "ElementByteOrderMSB") else "<")
                         + _DTYPES[fields["ElementType"]])  # fmt: skip
        spacing = np.array([float(n) for n in fields["ElementSpacing"].split()])
        matrix = next(fields[k] for k in ("TransformMatrix", "Rotation", "Orientation") if k in fields)
        origin = next(fields[k] for k in ("Offset", "Position", "Origin") if k in fields)
        directions = np.array([float(n) for n in matrix.split()])
        place = np.array([float(n) for n in origin.split()])
    except (KeyError, ValueError, StopIteration) as error:
        raise InputRefused(
            "The MetaImage header lacks its type, size, spacing, orientation or offset.",
            f"{entry.name}: {error}",
            "Save it again with its geometry.",
        ) from None
    channels = fields.get("ElementNumberOfChannels", "1")
    if len(sizes) != 3 or channels != "1" or fields.get("BinaryData", "True").lower() != "true":
        raise InputRefused(
            "The MetaImage holds no single binary 3D volume.",
            f"{entry.name}: sizes {sizes}, channels {channels}",
        )
    if math.prod(sizes) * dtype.itemsize > VOLUME_LIMIT_BYTES or min(sizes) < 1:
        raise InputRefused("The volume's size is unsound.", f"{entry.name}: {sizes}", "Crop it first.")
    try:
        affine = np.eye(4)
        affine[:3, :3] = directions.reshape(3, 3).T * spacing
        affine[:3, 3] = place
        return dtype, sizes, Grid.from_affine(affine, (sizes[2], sizes[1], sizes[0]))
    except (ValueError, InvalidValue) as error:
        raise InputRefused("The volume's lattice is unsound.", f"{entry.name}: {error}") from error


def _data(fields: dict[str, str], offset: int, size: int, entry: Entry) -> bytes:
    name = fields["ElementDataFile"]
    is_local = name.upper() == "LOCAL"
    if not is_local and (entry.member or Path(name).name != name or not (entry.path.parent / name).is_file()):
        raise InputRefused(
            "The volume's data file is not beside its header.",
            f"{entry.name}: {name}",
            "Put both into one folder.",
        )
    skip = offset if is_local else max(int(fields.get("HeaderSize", "0") or 0), 0)
    with entry.open() if is_local else (entry.path.parent / name).open("rb") as stream:
        stream.seek(skip)
        if not _is_true(fields, "CompressedData"):
            return stream.read(size)
        try:
            return zlib.decompressobj(wbits=47).decompress(stream.read(), size)
        except zlib.error as error:
            raise InputRefused(
                "The volume's data is damaged.", f"{entry.name}: {error}", "Copy it again."
            ) from error


def _is_true(fields: dict[str, str], *names: str) -> bool:
    return any(fields.get(name, "").lower() == "true" for name in names)
