"""The elements of a DICOM file that sorting needs, read without recursion and within bounds.

Neither pydicom nor GDCM sees a file before it has passed here: nesting is followed on a stack of
our own with a limit, nothing is inflated beyond what the pixel data can need, and only the start
of a file is read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from planner.base.errors import InputRefused
from planner.io.dicom.syntaxes import refuse_undecodable
from planner.io.sources import Entry

PIXEL_DATA = 0x7FE00010
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})
UNDEFINED = 0xFFFFFFFF
DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

#: Sequences within sequences: real images stay below ten.
NESTING_LIMIT = 32
#: Header bytes before the pixel data: enhanced images of thousands of frames stay below this.
HEADER_LIMIT_BYTES = 256 << 20
#: The same where the header is deflated, and so may come from a very small file.
DEFLATED_HEADER_LIMIT_BYTES = 32 << 20
_FIRST_BYTES = 1 << 16
_VALUE_LIMIT_BYTES = 1 << 16

_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_ITEMS, _ELEMENTS, _FRAGMENTS = range(3)


class _NeedsMore(Exception):
    """The bytes at hand end within an element."""


@dataclass
class Elements:
    """Top-level elements of a file, as raw bytes.

    Parameters
    ----------
    syntax
        Transfer syntax UID.
    values
        Raw value by tag (group * 65536 + element).
    sequences
        Tags that hold sequences.
    pixel_tag, pixel_offset, pixel_length
        Where the pixel data stand, from the start of the (inflated) file; offset -1 where there
        are none, length `UNDEFINED` where they are encapsulated.
    is_inflated
        Whether offsets are those of the inflated data set.
    """

    syntax: str
    values: dict[int, bytes] = field(default_factory=dict)
    sequences: set[int] = field(default_factory=set)
    pixel_tag: int = 0
    pixel_offset: int = -1
    pixel_length: int = 0
    is_inflated: bool = False

    @property
    def endian(self) -> str:
        """``>`` or ``<``, as struct and numpy write it."""
        return ">" if self.syntax == EXPLICIT_BIG else "<"

    def text(self, tag: int) -> str:
        """A value as text, without padding; empty where absent."""
        return self.values.get(tag, b"").decode("latin-1").strip(" \0")

    def numbers(self, tag: int) -> tuple[float, ...] | None:
        """Decimal strings as numbers; None where absent or not numbers."""
        text = self.text(tag)
        try:
            return tuple(float(part) for part in text.split("\\")) if text else None
        except ValueError:
            return None

    def number(self, tag: int) -> float | None:
        """The first of some decimal strings."""
        numbers = self.numbers(tag)
        return numbers[0] if numbers else None

    def short(self, tag: int, signed: bool = False) -> int | None:
        """A 16-bit number."""
        raw = self.values.get(tag, b"")
        return (
            int(struct.unpack_from(self.endian + ("h" if signed else "H"), raw)[0]) if len(raw) >= 2 else None
        )


def read_elements(entry: Entry) -> Elements:
    """The elements of a DICOM file up to its pixel data.

    Raises
    ------
    InputRefused
        If it is no DICOM file, is cut short, or is built to harm its reader.
    """
    if entry.size < 8:
        raise InputRefused("The file is empty.", entry.name, "Copy it again.")
    with entry.open() as stream:
        start = stream.read(_FIRST_BYTES)
        if start[128:132] == b"DICM":
            syntax, offset = _file_meta(start, entry)
        elif start[:2] in (b"\x08\x00", b"\x02\x00"):
            offset = 0
            syntax = "1.2.840.10008.1.2.1" if start[4:6].isalpha() else IMPLICIT_LITTLE
        else:
            raise InputRefused("The file is not DICOM.", entry.name, "Choose DICOM files.")
        if not syntax.startswith(IMPLICIT_LITTLE):
            refuse_undecodable(syntax, entry.name)
        more = _inflating(stream, start, offset) if syntax == DEFLATED else _reading(stream, start)
        return _parsed(entry, syntax, 0 if syntax == DEFLATED else offset, more)


def _parsed(entry: Entry, syntax: str, offset: int, more: Callable[[int], bytes]) -> Elements:
    wanted = _FIRST_BYTES
    limit = DEFLATED_HEADER_LIMIT_BYTES if syntax == DEFLATED else HEADER_LIMIT_BYTES
    while True:
        data = more(wanted)
        elements = Elements(syntax, is_inflated=syntax == DEFLATED)
        try:
            _walk(data, offset, elements, entry, is_whole=len(data) < wanted)
            return elements
        except _NeedsMore:
            if len(data) < wanted:
                raise InputRefused(
                    "The DICOM file is cut short or damaged.", entry.name, "Copy it again from the source."
                ) from None
            if wanted >= limit:
                raise InputRefused(
                    "The DICOM header is larger than any image needs.", entry.name, "Leave this file out."
                ) from None
            wanted *= 8


def _reading(stream: IO[bytes], start: bytes) -> Callable[[int], bytes]:
    buffer = bytearray(start)

    def more(wanted: int) -> bytes:
        if wanted > len(buffer):
            buffer.extend(stream.read(wanted - len(buffer)))
        return bytes(buffer)

    return more


def _inflating(stream: IO[bytes], start: bytes, offset: int) -> Callable[[int], bytes]:
    """Inflates no more than is asked for, whatever the file claims to hold."""
    machine = zlib.decompressobj(wbits=-15)
    buffer = bytearray()
    pending = bytearray(start[offset:])

    def more(wanted: int) -> bytes:
        while len(buffer) < wanted and not machine.eof:
            chunk = bytes(pending) or stream.read(_FIRST_BYTES)
            pending.clear()
            if not chunk:
                break
            try:
                buffer.extend(machine.decompress(chunk, wanted - len(buffer)))
            except zlib.error:
                break
            pending.extend(machine.unconsumed_tail)
        return bytes(buffer)

    return more


def inflated(entry: Entry, size: int) -> bytes:
    """The first ``size`` bytes of a deflated file's data set."""
    with entry.open() as stream:
        start = stream.read(_FIRST_BYTES)
        return _inflating(stream, start, _file_meta(start, entry)[1])(size)


def _file_meta(start: bytes, entry: Entry) -> tuple[str, int]:
    """Transfer syntax and where the data set begins."""
    position, syntax = 132, ""
    try:
        while struct.unpack_from("<H", start, position)[0] == 2:
            element, code, length = struct.unpack_from("<H2sH", start, position + 2)
            value = position + 8
            if code in _LONG:
                length, value = struct.unpack_from("<I", start, position + 8)[0], position + 12
            if element == 0x10:
                syntax = start[value : value + length].decode("latin-1").strip(" \0")
            position = value + length
    except struct.error:
        raise InputRefused("The DICOM file is cut short.", entry.name, "Copy it again.") from None
    return syntax or IMPLICIT_LITTLE, position


def _walk(data: bytes, position: int, elements: Elements, entry: Entry, is_whole: bool) -> None:
    """Fill ``elements`` from the data set's start up to its pixel data."""
    endian, explicit = elements.endian, elements.syntax != IMPLICIT_LITTLE
    pair, short, long = (struct.Struct(endian + code).unpack_from for code in ("HH", "H", "I"))
    size = len(data)
    values = elements.values
    while position != size or not is_whole:
        if position + 12 > size and not (is_whole and position + 8 <= size):
            if is_whole and position <= size:
                return
            raise _NeedsMore
        group, element = pair(data, position)
        tag = group << 16 | element
        code = b""
        if explicit:
            code = data[position + 4 : position + 6]
            if not code.isalpha():
                raise InputRefused("The DICOM file is damaged.", entry.name, "Copy it again from the source.")
            if code in _LONG:
                if position + 12 > size:
                    raise _NeedsMore
                length, start = long(data, position + 8)[0], position + 12
            else:
                length, start = short(data, position + 6)[0], position + 8
        else:
            length, start = long(data, position + 4)[0], position + 8
        if tag in PIXEL_TAGS:
            elements.pixel_tag, elements.pixel_offset, elements.pixel_length = tag, start, length
            return
        if length == UNDEFINED or code == b"SQ" or data[start : start + 4] == b"\xfe\xff\x00\xe0":
            elements.sequences.add(tag)
            position = _skip_sequence(data, start, length, explicit and code != b"UN", endian, entry)
            continue
        if start + length > size:
            raise _NeedsMore
        if length <= _VALUE_LIMIT_BYTES:
            values[tag] = data[start : start + length]
        position = start + length


def _skip_sequence(data: bytes, start: int, length: int, explicit: bool, endian: str, entry: Entry) -> int:
    """Where a sequence ends; nesting is followed on a stack of our own.

    Each level is (end or -1 where undefined, what it holds, whether its VRs are explicit).
    """
    size = len(data)
    levels = [(-1 if length == UNDEFINED else start + length, _ITEMS, explicit)]
    position = start
    while levels:
        end, holds, explicit = levels[-1]
        if end >= 0 and position >= end:
            levels.pop()
            continue
        if position + 8 > size:
            raise _NeedsMore
        group, element = struct.unpack_from(endian + "HH", data, position)
        tag = group << 16 | element
        if tag in (_ITEM_END, _SEQUENCE_END):
            position += 8
            levels.pop()
            continue
        if (tag == _ITEM) == (holds == _ELEMENTS):
            raise InputRefused("The DICOM file is damaged.", entry.name, "Copy it again from the source.")
        length, body, code = struct.unpack_from(endian + "I", data, position + 4)[0], position + 8, b""
        if tag != _ITEM and explicit:
            code = data[position + 4 : position + 6]
            length = struct.unpack_from(endian + "H", data, position + 6)[0]
            if code in _LONG:
                if position + 12 > size:
                    raise _NeedsMore
                length, body = struct.unpack_from(endian + "I", data, position + 8)[0], position + 12
        opens = length == UNDEFINED or code == b"SQ" or data[body : body + 4] == b"\xfe\xff\x00\xe0"
        if holds == _FRAGMENTS or not (opens or tag == _ITEM):
            position = body + length
            continue
        inner = _ELEMENTS if tag == _ITEM else _FRAGMENTS if code in (b"OB", b"OW") else _ITEMS
        levels.append((-1 if length == UNDEFINED else body + length, inner, explicit and code != b"UN"))
        position = body
        if len(levels) > 2 * NESTING_LIMIT:
            raise InputRefused(
                f"The DICOM file nests sequences more than {NESTING_LIMIT} deep, as no image does.",
                entry.name,
                "Leave this file out; it may be built to harm its reader.",
            )
    return position
