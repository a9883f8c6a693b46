"""What one slice says of itself: of a file, or of a frame of an enhanced multi-frame image."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from typing import Any

from planner.base.errors import InputRefused
from planner.io.dicom.elements import DEFLATED, UNDEFINED, Elements, inflated
from planner.io.sources import Entry

SOP_CLASS, SOP_INSTANCE, MODALITY, CHARACTER_SET = 0x00080016, 0x00080018, 0x00080060, 0x00080005
PATIENT_NAME, PATIENT_ID, BIRTH_DATE, SEX = 0x00100010, 0x00100020, 0x00100030, 0x00100040
STUDY_UID, SERIES_UID, FRAME_OF_REFERENCE = 0x0020000D, 0x0020000E, 0x00200052
DESCRIPTION, STUDY_DATE, SERIES_DATE, ACQUISITION_DATE = 0x0008103E, 0x00080020, 0x00080021, 0x00080022
POSITION, ORIENTATION, PIXEL_SPACING = 0x00200032, 0x00200037, 0x00280030
THICKNESS, SPACING_BETWEEN = 0x00180050, 0x00180088
ROWS, COLUMNS, SAMPLES, PHOTOMETRIC = 0x00280010, 0x00280011, 0x00280002, 0x00280004
BITS_ALLOCATED, BITS_STORED, PIXEL_SIGN, PADDING = 0x00280100, 0x00280101, 0x00280103, 0x00280120
INTERCEPT, SLOPE, FRAMES, MODALITY_LUT = 0x00281052, 0x00281053, 0x00280008, 0x00283000
PER_FRAME, SHARED = 0x52009230, 0x52009229
IMAGE_TYPE = 0x00080008

#: What pydicom raises on a damaged file.
PARSE_ERRORS = (
    ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError,
    RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip

#: What may tell two volumes of one series apart, with the word shown for it.
SPLITTERS = {
    0x00180086: "echo",
    0x00180081: "echo time",
    0x00200100: "time point",
    0x00200012: "acquisition",
    IMAGE_TYPE: "image type",
}


@dataclass(frozen=True, slots=True)
class Slice:
    """One plane of pixels, as its header tells it; absent values are None.

    Parameters
    ----------
    entry, frame
        The file, and which of its frames.
    elements
        The file's top-level elements.
    position_lps_mm, orientation, pixel_spacing_mm
        Centre of the first pixel; direction of rows' and columns' run; distance of rows, of columns.
    slope, intercept
        Of the rescale to modality values.
    marks
        Values that may tell volumes of one series apart, by `SPLITTERS`.
    """

    entry: Entry
    elements: Elements
    frame: int
    frames: int
    rows: int
    columns: int
    position_lps_mm: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, ...] | None
    slope: float | None
    intercept: float | None
    thickness_mm: float | None
    marks: tuple[str, ...]

    @property
    def name(self) -> str:
        """File name, with the frame's number where there are several."""
        return f"{self.entry.name} (frame {self.frame + 1})" if self.frames > 1 else self.entry.name

    @property
    def bits_allocated(self) -> int:
        """Bits a pixel takes."""
        return self.elements.short(BITS_ALLOCATED) or 0

    @property
    def bits_stored(self) -> int:
        """Bits of a pixel that mean something."""
        return self.elements.short(BITS_STORED) or self.bits_allocated

    @property
    def is_signed(self) -> bool:
        """Whether stored pixels carry a sign."""
        return self.elements.short(PIXEL_SIGN) == 1

    @property
    def padding(self) -> int | None:
        """Stored value of pixels outside the measured circle."""
        return self.elements.short(PADDING, signed=self.is_signed)

    @property
    def form(self) -> tuple[object, ...]:
        """How pixels are stored: the same in all slices of a sound series."""
        e = self.elements
        return (
            self.bits_allocated,
            self.bits_stored,
            self.is_signed,
            e.short(SAMPLES),
            e.text(PHOTOMETRIC),
            e.pixel_tag,
        )


def slices_of(entry: Entry, elements: Elements) -> list[Slice]:
    """The slices of a file; none where it holds no pixels.

    Raises
    ------
    InputRefused
        If its frames' functional groups cannot be read.
    """
    e = elements
    if e.pixel_offset < 0:
        return []
    frames = int(e.number(FRAMES) or 1)
    if PER_FRAME in e.sequences:
        return _frames_of(entry, e, frames)
    single = Slice(
        entry,
        e,
        0,
        frames,
        e.short(ROWS) or 0,
        e.short(COLUMNS) or 0,
        e.numbers(POSITION),
        e.numbers(ORIENTATION),
        e.numbers(PIXEL_SPACING),
        e.number(SLOPE),
        e.number(INTERCEPT),
        e.number(SPACING_BETWEEN) or e.number(THICKNESS),
        tuple(e.text(tag) for tag in SPLITTERS),
    )
    if frames == 1:
        return [single]
    # Frames without functional groups have no place of their own.
    return [replace(single, frame=n, position_lps_mm=None, orientation=None) for n in range(frames)]


def _frames_of(entry: Entry, elements: Elements, frames: int) -> list[Slice]:
    dataset = read_dataset(entry, elements, with_pixels=False)
    shared = _first(dataset.get("SharedFunctionalGroupsSequence"))
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if len(groups) != frames:
        raise InputRefused(
            "A multi-frame image describes another number of frames than it holds.",
            f"{entry.name}: {len(groups)} of {frames}",
            "Export it again.",
        )
    return [_frame(entry, elements, number, frames, group, shared) for number, group in enumerate(groups)]


def _frame(entry: Entry, elements: Elements, index: int, frames: int, group: Any, shared: Any) -> Slice:
    def find(sequence: str, attribute: str) -> Any:
        for part in (group, shared):
            item = _first(part.get(sequence)) if part is not None else None
            if item is not None and item.get(attribute) is not None:
                return item.get(attribute)
        return None

    def numbers(sequence: str, attribute: str) -> tuple[float, ...] | None:
        value = find(sequence, attribute)
        return None if value is None else tuple(float(v) for v in value)

    def number(sequence: str, attribute: str) -> float | None:
        value = find(sequence, attribute)
        return None if value is None else float(value)

    content = "FrameContentSequence"
    marks = (
        "",
        str(find("MREchoSequence", "EffectiveEchoTime") or ""),
        str(find(content, "TemporalPositionIndex") or ""),
        str(find(content, "StackID") or ""),
        "\\".join(_first_value(find, ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence"), "FrameType")),
    )
    rescale = "PixelValueTransformationSequence"
    return Slice(
        entry,
        elements,
        index,
        frames,
        elements.short(ROWS) or 0,
        elements.short(COLUMNS) or 0,
        numbers("PlanePositionSequence", "ImagePositionPatient"),
        numbers("PlaneOrientationSequence", "ImageOrientationPatient"),
        numbers("PixelMeasuresSequence", "PixelSpacing"),
        number(rescale, "RescaleSlope"),
        number(rescale, "RescaleIntercept"),
        number("PixelMeasuresSequence", "SpacingBetweenSlices")
        or number("PixelMeasuresSequence", "SliceThickness"),
        marks,
    )


def _first_value(find: Any, sequences: tuple[str, ...], attribute: str) -> list[str]:
    for sequence in sequences:
        value = find(sequence, attribute)
        if value is not None:
            return [str(v) for v in value]
    return []


def _first(sequence: Any) -> Any:
    return sequence[0] if sequence else None


def read_dataset(entry: Entry, elements: Elements, with_pixels: bool = True) -> Any:
    """The whole data set by pydicom, after the file's nesting has been checked.

    Raises
    ------
    InputRefused
        If pydicom cannot read it.
    """
    import pydicom

    try:
        if elements.syntax == DEFLATED:
            length = elements.pixel_length if elements.pixel_offset >= 0 else 0
            size = max(elements.pixel_offset, 0) + (0 if length == UNDEFINED else length)
            return pydicom.dcmread(io.BytesIO(inflated(entry, size or 1 << 20)), force=True)
        with entry.open() as stream:
            source = io.BytesIO(stream.read()) if entry.member else stream
            return pydicom.dcmread(source, stop_before_pixels=not with_pixels, force=True)
    except (RecursionError, MemoryError) as error:
        raise InputRefused(
            "The DICOM file asks too much of its reader.", entry.name, "Leave it out."
        ) from error
    except PARSE_ERRORS as error:
        raise InputRefused(
            "The DICOM file is damaged.", f"{entry.name}: {error}", "Copy it again."
        ) from error
