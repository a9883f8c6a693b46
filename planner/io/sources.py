"""What stands in a path a person chose: files of a folder or of a zip, told apart by content."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from planner.base.errors import InputRefused
from planner.base.task import Task

#: More files than this in one folder or zip are not a study.
FILE_COUNT_LIMIT = 50_000
#: A zip that claims to hold more than this is not unpacked.
ZIP_LIMIT_BYTES = 16 << 30
_PROBE_BYTES = 4096
_SUFFIXES = (
    ".gz", ".zip", ".nii", ".nrrd", ".nhdr", ".seg", ".mha", ".mhd",
    ".vtk", ".vtp", ".stl", ".obj", ".ply", ".dcm",
)  # fmt: skip


class Kind(StrEnum):
    """What a file is, by its first bytes."""

    DICOM = "DICOM"
    NIFTI = "NIfTI"
    NRRD = "NRRD"
    METAIMAGE = "MetaImage"
    MESH = "surface mesh"
    ZIP = "zip"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Entry:
    """One file: of a folder, or a member of a zip.

    Parameters
    ----------
    name
        As shown to a person: relative to what was chosen.
    path
        The file, or the zip that holds it.
    size
        In bytes, unpacked.
    member
        Name within the zip, or empty.
    """

    name: str
    path: Path
    size: int
    member: str = ""

    def open(self) -> IO[bytes]:
        """The file's bytes as a stream.

        Raises
        ------
        InputRefused
            If it cannot be opened.
        """
        try:
            if not self.member:
                return self.path.open("rb")
            return _archive(self.path).open(self.member)
        except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise InputRefused(
                "The file cannot be opened.", f"{self.name}: {error}", "Copy it again, unpacked."
            ) from error

    @property
    def folder(self) -> str:
        """Name of the folder it stands in; of the zip, where it stands in no folder of it."""
        if not self.member:
            return self.path.parent.name
        parts = Path(self.name).parts
        return parts[-2] if len(parts) > 1 else self.path.stem

    @property
    def stem(self) -> str:
        """File name without its suffixes."""
        name = Path(self.name).name
        for suffix in _SUFFIXES:
            if name.lower().endswith(suffix):
                name = name[: -len(suffix)]
        return name


_archives: dict[tuple[Path, int], zipfile.ZipFile] = {}


def _archive(path: Path) -> zipfile.ZipFile:
    """An open zip, kept open while the process reads many members of it."""
    key = (path, path.stat().st_mtime_ns)
    if key not in _archives:
        for old in [k for k in _archives if k[0] == path]:
            _archives.pop(old).close()
        _archives[key] = zipfile.ZipFile(path)
    return _archives[key]


def entries_of(paths: Iterable[Path], task: Task | None = None) -> Iterator[Entry]:
    """All files of the paths: folders recursively, zips given by name unpacked, in name order.

    Zips found inside a folder are given as files.

    Raises
    ------
    InputRefused
        If a path is not there, a zip is unsound, or there is no file at all.
    """
    count = 0
    for path in paths:
        if path.is_dir():
            found: Iterable[Entry] = _folder_entries(path)
        elif path.is_file():
            entry = Entry(path.name, path, path.stat().st_size)
            found = zip_entries(entry) if kind_of(entry) is Kind.ZIP else (entry,)
        else:
            raise InputRefused("There is no such file or folder.", str(path), "Check the path.")
        before = count
        for entry in found:
            count += 1
            if task is not None:
                task.check()
            if count > FILE_COUNT_LIMIT:
                raise InputRefused(
                    f"There are more than {FILE_COUNT_LIMIT} files.", path.name, "Choose one study."
                )
            yield entry
        if count == before:
            raise InputRefused("There is no file to read.", path.name, "Choose a folder that holds images.")


def _folder_entries(folder: Path) -> Iterator[Entry]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root) / name
            try:
                status = path.stat()
            except OSError:
                continue  # a link that leads nowhere
            if stat.S_ISREG(status.st_mode) and not name.startswith("."):
                yield Entry(path.relative_to(folder).as_posix(), path, status.st_size)


def zip_entries(archive: Entry) -> list[Entry]:
    """The files of a zip, which is never unpacked to disk.

    Raises
    ------
    InputRefused
        If it is damaged, encrypted, or claims to hold more than `ZIP_LIMIT_BYTES`.
    """
    try:
        members = [m for m in _archive(archive.path).infolist() if not m.is_dir()]
    except (OSError, zipfile.BadZipFile) as error:
        raise InputRefused("The zip is damaged.", f"{archive.name}: {error}", "Copy it again.") from error
    if any(m.flag_bits & 1 for m in members):
        raise InputRefused("The zip is encrypted.", archive.name, "Unpack it first.")
    if len(members) > FILE_COUNT_LIMIT or sum(m.file_size for m in members) > ZIP_LIMIT_BYTES:
        raise InputRefused("The zip holds too much.", archive.name, "Unpack the one study you need.")
    members.sort(key=lambda m: m.filename)
    return [Entry(m.filename, archive.path, m.file_size, m.filename) for m in members]


def kind_of(entry: Entry) -> Kind:
    """What a file is, by its content."""
    try:
        with entry.open() as stream:
            start = stream.read(_PROBE_BYTES)
    except (OSError, InputRefused, zlib.error, zipfile.BadZipFile):
        return Kind.UNKNOWN
    if start[128:132] == b"DICM" or _looks_like_bare_dicom(start):
        return Kind.DICOM
    if start.startswith(b"PK\x03\x04") or start.startswith(b"PK\x05\x06"):
        return Kind.ZIP
    if start.startswith(b"NRRD000"):
        return Kind.NRRD
    if _is_nifti(start) or (start.startswith(b"\x1f\x8b") and _is_nifti(_inflated_start(start))):
        return Kind.NIFTI
    if b"NDims" in start and b"ElementType" in start:
        return Kind.METAIMAGE
    return Kind.MESH if mesh_format(start, entry.size) else Kind.UNKNOWN


def mesh_format(start: bytes, size: int) -> str:
    """``vtk``, ``vtp``, ``ply``, ``stl``, ``obj`` or empty, by a file's first bytes and size."""
    if start.startswith(b"# vtk DataFile"):
        return "vtk"
    if b"<VTKFile" in start[:400] and b"PolyData" in start[:400]:
        return "vtp"
    if start.startswith((b"ply\n", b"ply\r")):
        return "ply"
    if size >= 84 and len(start) >= 84 and size == 84 + 50 * struct.unpack_from("<I", start, 80)[0]:
        return "stl"
    if start.lstrip().startswith(b"solid") and b"facet" in start:
        return "stl"
    lines = [line.split() for line in start.splitlines() if line.strip() and not line.startswith(b"#")]
    if sum(len(line) >= 4 and line[0] == b"v" for line in lines) >= 3 and b"\0" not in start:
        return "obj"
    return ""


def _looks_like_bare_dicom(start: bytes) -> bool:
    """Whether a data set begins at once, without preamble (files of old archives)."""
    if len(start) < 132 or start[:2] not in (b"\x08\x00", b"\x02\x00"):
        return False
    element, length = struct.unpack_from("<HI", start, 2)
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    return element < 0x1200 and (explicit or length < 1024)


def _is_nifti(start: bytes) -> bool:
    return len(start) >= 348 and (start[344:348] in (b"n+1\0", b"ni1\0") or start[4:12] == b"n+2\0\r\n\x1a\n")


def _inflated_start(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, 600)
    except zlib.error:
        return b""


def unpacked(stream: IO[bytes]) -> IO[bytes]:
    """A stream, unpacked where it is gzip."""
    start = stream.read(2)
    stream.seek(0)
    return gzip.GzipFile(fileobj=stream) if start == b"\x1f\x8b" else stream  # type: ignore[return-value]
