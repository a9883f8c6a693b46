"""NRRD volumes in every encoding: raw, gzip, bzip2, text and hex, attached or detached."""

from __future__ import annotations

import bz2
import gzip
import math
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused
from planner.io.nrrd import VOLUME_LIMIT_BYTES, Header, domain_axes, layout, nrrd_grid, read_header
from planner.model.geometry import Grid


def read_nrrd(path: Path | str) -> tuple[npt.NDArray[Any], Grid, Header]:
    """Read a NRRD volume in any encoding, attached or detached, in any anatomical space.

    Returns
    -------
    array
        ``[k, j, i]``, or ``[k, j, i, n]`` where each voxel holds a list of n values (the
        layers of a 3D Slicer segmentation).
    grid
        Its lattice, in LPS.
    header
        Fields in lower case, and key/value pairs as they stand.

    Raises
    ------
    InputRefused
        With the reason.
    """
    path = Path(path)
    header, offset = read_header(path)
    dtype, sizes = layout(header, path)
    grid = nrrd_grid(header, path)
    data = _decoded(path, header, offset, dtype, math.prod(sizes))
    array = data.reshape(tuple(sizes[::-1]))
    domain = domain_axes(header, len(sizes), path)
    if len(sizes) == 4:
        list_axis = ({0, 1, 2, 3} - set(domain)).pop()
        array = np.moveaxis(array, 3 - list_axis, -1)
    return array, grid, header


def _decoded(path: Path, header: Header, offset: int, dtype: np.dtype[Any], count: int) -> npt.NDArray[Any]:
    """The flat array of a file's data, native byte order."""
    data = _data_bytes(path, header, offset, count * dtype.itemsize)
    encoding = header.get("encoding", "raw").lower()
    if encoding in ("ascii", "text", "txt"):
        values = np.array(data.split()[:count], dtype=np.float64 if dtype.kind == "f" else np.int64)
        found = values.astype(dtype)
    else:
        if header.get("endian", "").lower() == "big":
            dtype = dtype.newbyteorder(">")
        found = np.frombuffer(data[: count * dtype.itemsize], dtype=np.uint8)
        found = found[: found.size // dtype.itemsize * dtype.itemsize].view(dtype)
    if found.size != count:
        raise InputRefused(
            "The volume is cut short.", f"{path.name}: {found.size} of {count} values", "Copy it again."
        )
    return found.astype(dtype.newbyteorder("="), copy=False)


def _data_bytes(path: Path, header: Header, offset: int, size: int) -> bytes:
    """The decoded bytes of the attached or detached data, at most ``size`` (text: as it stands)."""
    encoding = header.get("encoding", "raw").lower()
    file = _data_file(path, header)
    skip = int(header.get("byte skip", "0"))
    with file.open("rb") as stream:
        stream.seek(offset if file == path else 0)
        for _ in range(int(header.get("line skip", "0"))):
            stream.readline()
        if skip == -1 and encoding == "raw":
            stream.seek(-size, 2)
        if encoding == "raw":
            stream.seek(max(skip, 0), 1)
            return stream.read(size)
        if encoding in ("gzip", "gz", "bzip2", "bz2"):
            return _unpacked(stream, encoding, max(skip, 0), size, path)
        content = stream.read(VOLUME_LIMIT_BYTES)
    if encoding in ("ascii", "text", "txt"):
        return content
    if encoding == "hex":
        return bytes.fromhex(content.decode("ascii", "replace"))[:size]
    raise InputRefused(
        "The volume's encoding is not known.", f"{path.name}: {encoding}", "Export it as gzip."
    )


def _unpacked(stream: BinaryIO, encoding: str, skip: int, size: int, path: Path) -> bytes:
    """At most ``size`` bytes of a compressed stream, so that a bomb stays small."""
    opened = gzip.GzipFile(fileobj=stream) if encoding in ("gzip", "gz") else bz2.BZ2File(stream)
    try:
        opened.read(skip)
        return opened.read(size)
    except (zlib.error, OSError, EOFError) as error:
        raise InputRefused(
            "The volume's data is damaged.", f"{path.name}: {error}", "Copy it again."
        ) from error


def _data_file(path: Path, header: Header) -> Path:
    """The file that holds the data: this one, or one beside it (never outside its folder)."""
    name = header.get("data file", "")
    if not name:
        return path
    inside = not name.startswith("LIST") and "%" not in name and Path(name).name == name
    if not inside or not (path.parent / name).is_file():
        raise InputRefused(
            "The volume's data file is not beside its header.",
            f"{path.name}: {name.splitlines()[0]}",
            "Put both files into one folder.",
        )
    return path.parent / name
