"""NRRD volumes, written raw so that they can be memory-mapped; other encodings: `nrrd_decoding`.

The lattice is kept to the last bit: numbers stand in the header with 17 digits, in LPS.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused, InvalidValue, PlannerError
from planner.io.writing import atomic_path
from planner.model.geometry import Grid
from planner.model.image import Image
from planner.model.structures import Structure, StructureSet

Header = dict[str, str]

#: Largest number of bytes one volume may take.
VOLUME_LIMIT_BYTES = 3 << 30
#: Data begins at a multiple of this, so a mapped array is aligned for any type.
ALIGNMENT = 64
HEADER_LIMIT_BYTES = 1 << 20

_TYPES = {
    "<i1": ("signed char", "int8", "int8_t"),
    "<u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "<i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "<u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "<i4": ("int", "signed int", "int32", "int32_t"),
    "<u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "<i8": ("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"),
    "<u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "<f4": ("float",),
    "<f8": ("double",),
}
_DTYPES = {name: np.dtype(code) for code, names in _TYPES.items() for name in names}
_WRITTEN = {
    "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32",
    "u4": "uint32", "i8": "int64", "u8": "uint64", "f4": "float", "f8": "double",
}  # fmt: skip


def write_image_nrrd(path: Path | str, image: Image) -> None:
    """Write an image as raw little-endian NRRD, under a temporary name until it is whole.

    Raises
    ------
    PlannerError
        If it cannot be written.
    """
    keys = {"LiverPlanner.Modality": image.modality, "LiverPlanner.Unit": image.unit}
    write_array_nrrd(path, image.values, image.grid, keys)


def write_label_nrrd(path: Path | str, structures: StructureSet, layer_index: int) -> None:
    """Write one layer of a structure set as ``.seg.nrrd``.

    3D Slicer opens it as a segmentation with names, colours and coded terms.  Role and origin
    stand in tags of our own, which Slicer keeps.

    Raises
    ------
    PlannerError
        If it cannot be written.
    """
    keys = label_keys(structures, layer_index)
    write_array_nrrd(path, structures.layers[layer_index], structures.grid, keys)


def label_keys(structures: StructureSet, layer_index: int) -> Header:
    """The header's key/value pairs that say what the labels of a layer mean."""
    keys: Header = {
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
        "LiverPlanner.FrameOfReferenceUID": structures.frame_of_reference_uid,
    }
    members = [s for s in structures.structures if s.layer == layer_index]
    for number, structure in enumerate(members):
        keys |= _segment_keys(f"Segment{number}", structure, structures)
    return keys


def write_array_nrrd(
    path: Path | str, values: npt.NDArray[Any], grid: Grid, keys: Mapping[str, str] | None = None
) -> None:
    """Write an array ``[k, j, i]`` on its grid as raw little-endian NRRD, atomically.

    Parameters
    ----------
    keys
        Further key/value pairs of the header.
    """
    dtype = values.dtype.newbyteorder("<")
    if values.shape != grid.shape or dtype.str[1:] not in _WRITTEN:
        raise InvalidValue("This array does not fit into a NRRD volume.", f"{values.dtype} {values.shape}")
    header = nrrd_header(values.dtype, grid, keys or {})
    with atomic_path(Path(path)) as temporary, temporary.open("wb") as stream:
        stream.write(header)
        for plane in values:
            stream.write(np.ascontiguousarray(plane, dtype=dtype).data)


def create_mapped(
    path: Path | str, dtype: npt.DTypeLike, grid: Grid, keys: Mapping[str, str] | None = None
) -> npt.NDArray[Any]:
    """A new raw volume of zeros ``[k, j, i]``, mapped to be written into.

    For files nobody else sees before they are whole; others go through `write_array_nrrd`.

    Raises
    ------
    PlannerError
        If there is no room for it.
    """
    header = nrrd_header(dtype, grid, keys or {})
    size = len(header) + math.prod(grid.shape) * np.dtype(dtype).itemsize
    if size > VOLUME_LIMIT_BYTES:
        raise InputRefused("The volume is too large.", f"{size >> 20} MB", "Crop it first.")
    try:
        with Path(path).open("wb") as stream:
            stream.write(header)
            stream.truncate(size)
            if hasattr(os, "posix_fallocate"):  # a full disk is told now, not by a signal later
                os.posix_fallocate(stream.fileno(), 0, size)
    except OSError as error:
        raise PlannerError(
            "There is no room for the volume.",
            f"{size >> 20} MB: {error.strerror or error}",
            "Free some space on the disk of the temporary folder.",
        ) from error
    return np.memmap(path, dtype=dtype, mode="r+", offset=len(header), shape=grid.shape)


def nrrd_header(dtype: npt.DTypeLike, grid: Grid, keys: Mapping[str, str]) -> bytes:
    """The header of a raw little-endian volume in LPS, padded so that data begins aligned."""
    vectors = " ".join(_vector(axis) for axis in grid.affine[:3, :3].T)
    lines = [
        "NRRD0005",
        f"type: {_WRITTEN[np.dtype(dtype).newbyteorder('<').str[1:]]}",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: " + " ".join(str(n) for n in grid.shape[::-1]),
        f"space directions: {vectors}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
        f"space origin: {_vector(np.array(grid.origin_lps_mm))}",
    ]
    lines += [f"{key}:={_escape(value)}" for key, value in keys.items()]
    text = ("\n".join(lines) + "\n").encode()
    short = -(len(text) + 3) % ALIGNMENT
    return text + b"#" + b" " * short + b"\n\n"


def read_mapped(path: Path | str) -> tuple[npt.NDArray[Any], Grid, Header]:
    """Map a raw NRRD volume: its read-only array ``[k, j, i]``, grid, and header.

    Raises
    ------
    InputRefused
        If it is no attached raw little-endian volume, is cut short, or its lattice is unsound.
    """
    path = Path(path)
    header, offset = read_header(path)
    dtype, sizes = layout(header, path)
    raw = header.get("encoding", "").lower() == "raw" and "data file" not in header
    if not raw or len(sizes) != 3 or (dtype.itemsize > 1 and header.get("endian", "").lower() != "little"):
        raise InputRefused("The volume cannot be mapped: it is not raw, little-endian and 3D.", path.name)
    needed = offset + math.prod(sizes) * dtype.itemsize
    if path.stat().st_size < needed:
        raise InputRefused(
            "The volume is cut short.",
            f"{path.name}: {path.stat().st_size} of {needed} bytes",
            "Copy it again.",
        )
    array = np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=tuple(sizes[::-1]))
    return array, nrrd_grid(header, path), header


def read_header(path: Path) -> tuple[Header, int]:
    """The fields and key/value pairs of a NRRD file, and where the data begins (bytes)."""
    with path.open("rb") as stream:
        text = stream.read(HEADER_LIMIT_BYTES)
    if not text.startswith(b"NRRD000"):
        raise InputRefused("The file is no NRRD volume.", path.name)
    match = re.search(rb"\r?\n\r?\n", text)
    end = match.end() if match else len(text)
    if match is None and len(text) == HEADER_LIMIT_BYTES:
        raise InputRefused("The NRRD header has no end.", path.name, "Export the volume again.")
    header: Header = {}
    lines = iter(text[:end].decode("utf-8", "replace").splitlines()[1:])
    for line in lines:
        if line.startswith("#") or not line.strip():
            continue
        key, found, value = line.partition(":=")
        if found and ": " not in key:
            header[key] = _unescape(value)
            continue
        key, _, value = line.partition(":")
        key = _ALIASES.get(key.strip().lower(), key.strip().lower())
        if key == "data file" and value.strip().startswith("LIST"):
            value = "LIST\n" + "\n".join(lines)
        header[key] = value.strip()
    return header, end


_ALIASES = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip"}
_SHORT_SPACES = {
    "lps": "left-posterior-superior",
    "ras": "right-anterior-superior",
    "las": "left-anterior-superior",
}


def nrrd_grid(header: Header, path: Path) -> Grid:
    """The lattice of a header, in LPS.

    Raises
    ------
    InputRefused
        If the space is unknown, or directions or origin are absent, not in mm or not at right angles.
    """
    signs = _space_signs(header, path)
    vectors = re.findall(r"none|\([^)]*\)", header.get("space directions", ""))
    origin = re.findall(r"\([^)]*\)", header.get("space origin", ""))
    sizes = [int(n) for n in header["sizes"].split()]
    if len(vectors) != len(sizes) or len(origin) != 1:
        raise InputRefused(
            "The NRRD volume says nothing of its voxels' size or place.",
            f"{path.name}: 'space directions' or 'space origin' absent",
            "Export it again with its geometry.",
        )
    units = re.findall(r'"([^"]*)"', header.get("space units", ""))
    if any(unit.lower() not in ("mm", "millimeter", "millimetre", "") for unit in units):
        raise InputRefused("The NRRD volume is not in mm.", f"{path.name}: {units}", "Export it in mm.")
    domain = domain_axes(header, len(sizes), path)
    affine = np.eye(4)
    try:
        affine[:3, :3] = np.array([_numbers(vectors[axis]) for axis in domain]).T * signs[:, None]
        affine[:3, 3] = np.array(_numbers(origin[0])) * signs
        i, j, k = (sizes[axis] for axis in domain)
        return Grid.from_affine(affine, (k, j, i))
    except ValueError as error:  # InvalidValue is one
        raise InputRefused(
            "The NRRD volume's lattice is unsound.",
            f"{path.name}: {error}",
            "Export it again with its geometry.",
        ) from error


def _space_signs(header: Header, path: Path) -> npt.NDArray[np.float64]:
    space = header.get("space", "").lower()
    words = _SHORT_SPACES.get(space, space).split("-")
    positive, negative = ("left", "posterior", "superior"), ("right", "anterior", "inferior")
    if len(words) != 3 or any(w not in (p, n) for w, p, n in zip(words, positive, negative, strict=True)):
        raise InputRefused(
            "The NRRD volume does not say which way the patient lies.",
            f"{path.name}: space '{space or 'absent'}'",
            "Export it with an anatomical space such as left-posterior-superior.",
        )
    return np.array([1.0 if w == p else -1.0 for w, p in zip(words, positive, strict=True)])


def domain_axes(header: Header, count: int, path: Path) -> list[int]:
    """The three axes of space among three or four."""
    vectors = re.findall(r"none|\([^)]*\)", header.get("space directions", ""))
    domain = [axis for axis, vector in enumerate(vectors) if vector != "none"]
    if len(domain) != 3 or count not in (3, 4) or len(vectors) != count:
        raise InputRefused(
            "The NRRD file holds no single 3D volume.",
            f"{path.name}: sizes {header.get('sizes', '')}",
            "Export one 3D volume.",
        )
    return domain


def layout(header: Header, path: Path) -> tuple[np.dtype[Any], list[int]]:
    """Type and sizes, checked before a byte is allocated."""
    try:
        sizes = [int(n) for n in header["sizes"].split()]
        dtype = _DTYPES[header["type"].lower()]
    except (KeyError, ValueError):
        raise InputRefused("The NRRD header lacks a known type or sizes.", path.name) from None
    if len(sizes) != int(header.get("dimension", "0") or 0) or min(sizes, default=0) < 1:
        raise InputRefused("The NRRD header contradicts itself.", f"{path.name}: sizes {sizes}")
    if math.prod(sizes) * dtype.itemsize > VOLUME_LIMIT_BYTES:
        raise InputRefused("The volume is too large.", f"{path.name}: sizes {sizes}", "Crop it first.")
    return dtype, sizes


def _segment_keys(prefix: str, structure: Structure, structures: StructureSet) -> Header:
    box = structures.box(structure.name)
    pairs = zip(box.start[::-1], box.stop[::-1], strict=True)
    extent = "0 -1 0 -1 0 -1" if box.is_empty else " ".join(f"{a} {b - 1}" for a, b in pairs)
    tags = [f"LiverPlanner.Role:{structure.role.value}", f"LiverPlanner.Origin:{_tag(structure.origin)}"]
    if structure.code is not None:
        tags.insert(0, f"TerminologyEntry:{_terminology(structure)}")
    return {
        f"{prefix}_ID": f"Layer{structure.layer}_Label{structure.label}",
        f"{prefix}_Name": structure.name,
        f"{prefix}_NameAutoGenerated": "0",
        f"{prefix}_Color": " ".join(repr(c / 255) for c in structure.color),
        f"{prefix}_ColorAutoGenerated": "0",
        f"{prefix}_LabelValue": str(structure.label),
        f"{prefix}_Layer": "0",
        f"{prefix}_Extent": extent,
        f"{prefix}_Tags": "|".join(tags) + "|",
    }


_ALTERED = "SCT^49755003^Morphologically Altered Structure"
_ANATOMICAL = "SCT^123037004^Anatomical Structure"


def _terminology(structure: Structure) -> str:
    """3D Slicer's serialised terminology entry: context, category, type, modifier, region."""
    code = structure.code
    assert code is not None
    altered = structure.role.value in ("lesion", "ablation_zone")
    category = _ALTERED if altered else _ANATOMICAL
    kind = f"{code.scheme}^{code.value}^{_tag(code.meaning)}"
    context = "Segmentation category and type - 3D Slicer General Anatomy list"
    return f"{context}~{category}~{kind}~^^~Anatomic codes - DICOM master list~^^~^^"


def _tag(text: str) -> str:
    return re.sub(r"[|~^\r\n]", " ", text)


def _vector(values: npt.NDArray[np.float64]) -> str:
    return "(" + ",".join(repr(float(v)) for v in values) + ")"


def _numbers(vector: str) -> list[float]:
    numbers = [float(v) for v in vector.strip("()").split(",")]
    if len(numbers) != 3:
        raise ValueError(f"a vector has three numbers: {vector}")
    return numbers


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\r", "").replace("\n", "\\n")


def _unescape(value: str) -> str:
    return re.sub(r"\\(n|\\)", lambda m: "\n" if m[1] == "n" else "\\", value)
