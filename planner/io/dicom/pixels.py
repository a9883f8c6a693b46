"""Pixels of a checked stack to one volume of modality values."""

from __future__ import annotations

import hashlib
import io
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused
from planner.base.task import Task
from planner.io.dicom.elements import DEFLATED, UNDEFINED, inflated
from planner.io.dicom.slices import MODALITY, PARSE_ERRORS, SOP_INSTANCE, Slice
from planner.io.dicom.stack import Stack, cut_short
from planner.io.dicom.syntaxes import DECODED, Route, refuse_undecodable
from planner.io.sources import Entry

AIR_HU = -1024
#: No tissue and no air reads below this: what does was not measured.
NOT_MEASURED_HU = -1500
#: Gives a writable array of a shape and type, such as a mapped file.
Allocate = Callable[[tuple[int, int, int], "np.dtype[Any]"], npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Pixels:
    """A volume ``[k, j, i]`` of modality values, with what was done to them.

    Parameters
    ----------
    sha256
        Over the instance UIDs and the CRC-32 of the stored pixels of all slices, in order.
    """

    values: npt.NDArray[Any]
    notes: tuple[str, ...]
    sha256: str


def read_pixels(stack: Stack, allocate: Allocate, task: Task | None = None) -> Pixels:
    """Read a stack's pixels: HU for CT, resampled where the gantry was tilted.

    The values are int16 where that is exact, else float32.

    Raises
    ------
    InputRefused
        Naming the file that is cut short or cannot be decoded.
    """
    for syntax, one in {s.elements.syntax: s for s in stack.slices}.items():
        refuse_undecodable(syntax, one.name, one.frames)
    task = task or Task()
    exact = _is_exact_int16(stack.slices)
    try:
        return _read(stack, np.dtype(np.int16 if exact else np.float32), allocate, task)
    except _OutOfRange:
        return _read(stack, np.dtype(np.float32), allocate, task)


class _OutOfRange(Exception):
    """Values do not fit into int16 after all."""


def _is_exact_int16(slices: tuple[Slice, ...]) -> bool:
    rescales = {_rescale(s) for s in slices}
    return all(a == int(a) and b == int(b) and abs(a) < 2**15 for a, b in rescales)


def _rescale(single: Slice) -> tuple[float, float]:
    return (1.0 if single.slope is None else single.slope), (single.intercept or 0.0)


def _read(stack: Stack, dtype: np.dtype[Any], allocate: Allocate, task: Task) -> Pixels:
    slices = stack.slices
    if _rescale(slices[0])[0] == 0:
        raise InputRefused("The rescale slope is 0.", slices[0].name, "Export the series again.")
    values = allocate(stack.grid.shape, dtype)
    is_ct = slices[0].elements.text(MODALITY) == "CT"
    digest = hashlib.sha256()
    padded = 0
    with _Decoder() as decoder:
        for k, single in enumerate(slices):
            if k % 8 == 0:
                task.report(k / len(slices), "Reading slices")
            stored = decoder.stored(single)
            digest.update(_fingerprint(single, stored))
            plane = values[k] if not stack.is_tilted else np.empty(stored.shape, dtype)
            _to_modality_values(stored, single, plane)
            if is_ct:
                padded += _clip_not_measured(plane, stored, single)
            if stack.is_tilted:
                _shift_plane(plane, stack.shift_px[k], values[k], AIR_HU if is_ct else 0)
    return Pixels(values, _notes(stack, padded, is_ct), digest.hexdigest())


def _fingerprint(single: Slice, stored: npt.NDArray[Any]) -> bytes:
    """Instance UID and CRC-32 of the stored pixels: SHA-256 of all pixels would take longer than reading."""
    return single.elements.values.get(SOP_INSTANCE, b"") + zlib.crc32(stored.data).to_bytes(4, "big")


def _notes(stack: Stack, padded: int, is_ct: bool) -> tuple[str, ...]:
    notes = []
    first = stack.slices[0]
    if is_ct and (first.slope is None or first.intercept is None):
        notes.append("The files give no rescale; their stored values are taken as HU.")
    if padded:
        share = 100.0 * padded / (len(stack.slices) * first.rows * first.columns)
        notes.append(f"{share:.2g} % of the pixels were not measured (padding); set to {AIR_HU} HU.")
    lossy = sorted({DECODED[s.elements.syntax][0] for s in stack.slices if DECODED[s.elements.syntax][2]})
    if lossy:
        notes.append(f"The images were compressed in a way that may lose detail: {', '.join(lossy)}.")
    return tuple(notes)


def _to_modality_values(stored: npt.NDArray[Any], single: Slice, out: npt.NDArray[Any]) -> None:
    """Stored values times slope plus intercept, into ``out``; `_OutOfRange` where int16 is too small."""
    slope, intercept = _rescale(single)
    if out.dtype == np.float32:
        np.multiply(stored, np.float64(slope), out=out, casting="unsafe")
        out += np.float32(intercept)
        return
    low, high = _stored_range(single)
    if (
        min(low * slope, high * slope) + intercept < -(2**15)
        or max(low * slope, high * slope) + intercept >= 2**15
    ):
        ends = np.array([stored.min(), stored.max()], dtype=np.float64) * slope + intercept
        if ends.min() < -(2**15) or ends.max() >= 2**15:
            raise _OutOfRange
        if slope != 1 or stored.dtype.itemsize > 2:
            out[...] = (stored.astype(np.int64) * int(slope) + int(intercept)).astype(np.int16)
            return
    # Modulo 2**16 the sum is right wherever the result fits.
    np.copyto(out, stored, casting="unsafe")
    if slope != 1:
        out *= np.int16(slope)
    if intercept:
        out += np.array(int(intercept)).astype(np.int16)


def _stored_range(single: Slice) -> tuple[int, int]:
    bits = single.bits_stored
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if single.is_signed else (0, (1 << bits) - 1)


def _clip_not_measured(plane: npt.NDArray[Any], stored: npt.NDArray[Any], single: Slice) -> int:
    """Set padding to air; the number of pixels set."""
    if plane.min() >= AIR_HU:
        return 0
    outside = plane < NOT_MEASURED_HU
    if single.padding is not None:
        outside |= (stored == single.padding) & (plane < AIR_HU)
    plane[outside] = AIR_HU
    return int(np.count_nonzero(outside))


def _shift_plane(
    plane: npt.NDArray[Any], shift_px: npt.NDArray[np.float64], out: npt.NDArray[Any], fill: float
) -> None:
    """Put a plane ``[j, i]`` at a fractional place of a larger one, linearly interpolated."""
    moved = _shift_axis(plane.astype(np.float32), float(shift_px[0]), out.shape[1], 1, fill)
    moved = _shift_axis(moved, float(shift_px[1]), out.shape[0], 0, fill)
    out[...] = np.rint(moved) if out.dtype.kind == "i" else moved


def _shift_axis(
    plane: npt.NDArray[np.float32], shift: float, size: int, axis: int, fill: float
) -> npt.NDArray[np.float32]:
    if shift == 0 and size == plane.shape[axis]:
        return plane
    whole = int(np.floor(shift))
    part = np.float32(shift - whole)
    source = np.moveaxis(plane, axis, 0)
    out = np.full((size, source.shape[1]), fill, dtype=np.float32)
    count = source.shape[0]
    if part == 0:
        out[whole : whole + count] = source[: size - whole]
    else:
        # Between two pixels; a place with a neighbour on one side only takes its value.
        out[whole] = source[0]
        out[whole + 1 : whole + count] = source[1:] * (1 - part) + source[:-1] * part
        if whole + count < size:
            out[whole + count] = source[-1]
    return np.moveaxis(out, 0, axis)


class _Decoder:
    """Stored values of slices, one file open at a time."""

    def __init__(self) -> None:
        self._entry: Entry | None = None
        self._stream: IO[bytes] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> _Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    def stored(self, single: Slice) -> npt.NDArray[Any]:
        """Stored pixel values ``[j, i]``, native byte order, without unused bits."""
        try:
            route = DECODED[single.elements.syntax][1]
            if route is Route.RAW:
                values = self._raw(single)
            elif route is Route.PYDICOM:
                values = self._by_pydicom(single)
            else:
                values = self._by_simpleitk(single)
        except PARSE_ERRORS as error:
            reason = str(error).strip().splitlines()
            raise InputRefused(
                "The slice's pixels cannot be decoded.",
                f"{single.name}: {reason[0] if reason else type(error).__name__}",
                "Copy the file again from its source.",
            ) from error
        if values.shape != (single.rows, single.columns):
            raise InputRefused(
                "The slice's pixels do not have the size its header tells.",
                f"{single.name}: {values.shape}, header {(single.rows, single.columns)}",
                "Copy the file again from its source.",
            )
        return values

    def _raw(self, single: Slice) -> npt.NDArray[Any]:
        e = single.elements
        kind = ("i" if single.is_signed else "u") + str(single.bits_allocated // 8)
        size = single.rows * single.columns * (single.bits_allocated // 8)
        start = e.pixel_offset + single.frame * size
        if e.pixel_length != UNDEFINED and e.pixel_length < (single.frame + 1) * size:
            raise cut_short(single, e.pixel_length, (single.frame + 1) * size)
        if e.syntax == DEFLATED:
            data = inflated(single.entry, start + size)[start:]
        else:
            stream = self._open(single.entry)
            stream.seek(start)
            data = stream.read(size)
        if len(data) < size:
            raise cut_short(single, len(data), size)
        values = np.frombuffer(data, np.dtype(e.endian + kind)).reshape(single.rows, single.columns)
        return _without_unused_bits(values.astype(kind, copy=False), single)

    def _by_pydicom(self, single: Slice) -> npt.NDArray[Any]:
        from pydicom.pixels import pixel_array

        stream = self._open(single.entry)
        stream.seek(0)
        source = io.BytesIO(stream.read()) if single.entry.member else stream
        values = pixel_array(source, index=single.frame if single.frames > 1 else None, raw=True)
        return np.ascontiguousarray(values)

    def _by_simpleitk(self, single: Slice) -> npt.NDArray[Any]:
        import SimpleITK

        SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
        image = SimpleITK.ReadImage(str(self._file(single.entry)), imageIO="GDCMImageIO")
        values = SimpleITK.GetArrayFromImage(image)[0].astype(np.float64)
        slope, intercept = _rescale(single)  # undone: GDCM has applied it
        low, _ = _stored_range(single)
        stored = np.rint((values - intercept) / slope)
        return np.asarray(stored, dtype=np.int32 if low < 0 else np.uint32)

    def _open(self, entry: Entry) -> IO[bytes]:
        if self._entry is not entry or self._stream is None:
            if self._stream is not None:
                self._stream.close()
            self._stream, self._entry = entry.open(), entry
        return self._stream

    def _file(self, entry: Entry) -> Path:
        """A path GDCM can read: the file itself, or a copy of a zip's member under a name of ours."""
        if not entry.member:
            return entry.path
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="liver-planner-")
        path = Path(self._scratch.name) / "slice.dcm"
        with entry.open() as stream:
            path.write_bytes(stream.read())
        return path


def _without_unused_bits(values: npt.NDArray[Any], single: Slice) -> npt.NDArray[Any]:
    """Values with the bits above ``bits_stored`` (old overlays) dropped, the sign kept."""
    unused = single.bits_allocated - single.bits_stored
    if unused == 0:
        return values
    low, high = _stored_range(single)
    if values.max() <= high and values.min() >= low:
        return values
    if single.padding is not None:
        inside = values[values != single.padding]
        if inside.size == 0 or (inside.max() <= high and inside.min() >= low):
            return values
    return np.asarray(np.right_shift(np.left_shift(values, unused), unused))
