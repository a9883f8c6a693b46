"""DICOM SEG objects: binary, overlapping, fractional and label map, placed by their positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused, InvalidValue
from planner.io.dicom.elements import DEFLATED, UNDEFINED, Elements
from planner.io.dicom.slices import FRAME_OF_REFERENCE, PARSE_ERRORS, read_dataset
from planner.io.dicom.stack import DRIFT_MM
from planner.io.dicom.syntaxes import DECODED, Route, refuse_undecodable
from planner.io.labels import Label, LabelLayer
from planner.io.placement import place, placement_of
from planner.io.sources import Entry
from planner.model.codes import Code
from planner.model.geometry import FloatArray, Grid
from planner.model.structures import Color

#: Frames this near to a plane of the lattice lie in it, as a share of the spacing.
IN_PLANE = 0.05
FRACTION_THRESHOLD = 0.5


def read_segmentation(
    entry: Entry, elements: Elements, target: Grid, frame_of_reference_uid: str
) -> Iterator[LabelLayer]:
    """The segments of a DICOM SEG on the target lattice.

    Parameters
    ----------
    entry, elements
        The file.
    target, frame_of_reference_uid
        Of the image.

    Raises
    ------
    InputRefused
        If it lies in another frame of reference or beyond the image, or is unsound.
    """
    own = elements.text(FRAME_OF_REFERENCE)
    refuse_other_frame(entry.name, own, frame_of_reference_uid)
    refuse_undecodable(elements.syntax, entry.name)
    dataset = read_dataset(entry, elements)
    try:
        yield from _layers(entry, elements, dataset, target)
    except (InputRefused, InvalidValue):
        raise
    except PARSE_ERRORS as error:
        raise InputRefused(
            "The DICOM segmentation is damaged.", f"{entry.name}: {error}", "Export it again."
        ) from error


def refuse_other_frame(name: str, own: str, image: str) -> None:
    """Raise `InputRefused` where two frames of reference are known and differ."""
    if own and image and own != image:
        raise InputRefused(
            "The segmentation and the image have different frames of reference.",
            name,
            "Choose the segmentation made on this series, or register the two series first.",
        )


def _layers(entry: Entry, elements: Elements, dataset: Any, target: Grid) -> Iterator[LabelLayer]:
    frames = dataset.PerFrameFunctionalGroupsSequence
    pixels = _Frames(entry, elements, dataset, len(frames))
    grid, planes = _lattice(entry, dataset, frames, target)
    placement = placement_of(grid, target)
    notes = tuple(f"{entry.name} {note}." for note in (placement.note,) if note)
    labels = {int(item.SegmentNumber): _label(item) for item in dataset.SegmentSequence}
    kind = str(dataset.SegmentationType)
    if kind == "LABELMAP":
        values = np.zeros(grid.shape, dtype=np.uint16 if pixels.bits == 16 else np.uint8)
        for index, plane in enumerate(planes):
            values[plane] = pixels.plane(index)
        counts = np.bincount(values.ravel(), minlength=1)
        present = tuple(label for number, label in labels.items() if number < len(counts) and counts[number])
        background = tuple(label for label in present if label.value > 0)
        yield LabelLayer(entry.name, place(values, placement, entry.name), background, notes)
        return
    by_segment: dict[int, list[int]] = {number: [] for number in labels}
    for index, group in enumerate(frames):
        number = int(_item(group, dataset, "SegmentIdentificationSequence").ReferencedSegmentNumber)
        by_segment.setdefault(number, []).append(index)
    if kind == "FRACTIONAL":
        notes += (f"{entry.name} holds fractions; voxels of at least one half are taken.",)
    threshold = (
        FRACTION_THRESHOLD * float(dataset.get("MaximumFractionalValue", 1)) if kind == "FRACTIONAL" else 1.0
    )
    for number, indices in by_segment.items():
        if number not in labels:
            raise InputRefused(
                "The DICOM segmentation has frames of a segment it does not describe.",
                f"{entry.name}: {number}",
            )
        mask = np.zeros(grid.shape, dtype=np.uint8)
        for index in indices:
            mask[planes[index]] |= pixels.plane(index) >= threshold
        if mask.any():
            placed = place(mask, placement, f"{entry.name}: '{labels[number].name}'") != 0
            yield LabelLayer(entry.name, placed, (labels[number],), notes)
            notes = ()


class _Frames:
    """The pixels of each frame of a segmentation."""

    def __init__(self, entry: Entry, elements: Elements, dataset: Any, count: int) -> None:
        self.bits = int(dataset.BitsAllocated)
        self._shape = int(dataset.Rows), int(dataset.Columns)
        size = self._shape[0] * self._shape[1]
        is_raw = elements.syntax == DEFLATED or DECODED[elements.syntax][1] is Route.RAW
        if not is_raw or elements.pixel_length == UNDEFINED:
            decoded = np.asarray(dataset.pixel_array).reshape(-1, *self._shape)
            self._decoded: npt.NDArray[Any] | None = decoded
            found = len(decoded)
        else:
            self._decoded = None
            self._data = np.frombuffer(dataset.PixelData, np.uint8)
            self._endian = elements.endian
            found = self._data.size * 8 // (size * self.bits)
        if found < count:
            raise InputRefused(
                "The DICOM segmentation is cut short.",
                f"{entry.name}: {found} of {count} frames",
                "Copy it again.",
            )

    def plane(self, index: int) -> npt.NDArray[Any]:
        """Pixels ``[j, i]`` of a frame."""
        if self._decoded is not None:
            return np.asarray(self._decoded[index])
        size = self._shape[0] * self._shape[1]
        if self.bits == 1:
            start = index * size
            packed = self._data[start // 8 : (start + size + 7) // 8]
            bits = np.unpackbits(packed, bitorder="little")[start % 8 : start % 8 + size]
            return bits.reshape(self._shape)
        width = self.bits // 8
        raw = self._data[index * size * width : (index + 1) * size * width]
        return raw.view(f"{self._endian}u{width}").reshape(self._shape)


def _lattice(entry: Entry, dataset: Any, frames: Sequence[Any], target: Grid) -> tuple[Grid, list[int]]:
    """The lattice that holds all frames, and the plane each stands in."""
    orientation = np.array([_orientation(g, dataset) for g in frames], dtype=float)
    positions = np.array(
        [_item(g, dataset, "PlanePositionSequence").ImagePositionPatient for g in frames], dtype=float
    )
    measures = _item(frames[0], dataset, "PixelMeasuresSequence")
    if np.abs(orientation - orientation[0]).max() > 1e-4:
        raise InputRefused("The segmentation's frames have different orientations.", entry.name)
    row, column = orientation[0, :3], orientation[0, 3:]
    normal = np.cross(row, column)
    sideways = (positions - positions[0]) @ np.column_stack([row, column])
    if np.abs(sideways).max() > DRIFT_MM:
        raise InputRefused(
            "The segmentation's frames are shifted sideways against each other (a tilted gantry).",
            entry.name,
            "Resample the segmentation to a straight volume first.",
        )
    along = positions @ normal
    gap = _gap(along, measures, target, normal, entry)
    planes = np.rint((along - along.min()) / gap).astype(int)
    spacing = [float(v) for v in measures.PixelSpacing]
    first = positions[int(along.argmin())]
    grid = Grid(
        (int(planes.max()) + 1, int(dataset.Rows), int(dataset.Columns)),
        (spacing[1], spacing[0], gap),
        (float(first[0]), float(first[1]), float(first[2])),
        tuple(np.column_stack([row, column, normal]).ravel()),
    )
    return grid, planes.tolist()


def _gap(along: FloatArray, measures: Any, target: Grid, normal: FloatArray, entry: Entry) -> float:
    """Spacing of the planes: frames without voxels are left out, so gaps may be multiples of it."""
    offsets = np.unique(np.round(along - along.min(), 4))
    aligned = np.abs(target.axes.T @ normal)
    candidates = [target.spacing_mm[int(aligned.argmax())]] if aligned.max() > 0.9999 else []
    candidates += [float(v) for key in ("SpacingBetweenSlices", "SliceThickness") if (v := measures.get(key))]
    if len(offsets) > 1:
        candidates.insert(1, float(np.diff(offsets).min()))
    for gap in candidates:
        steps = offsets / gap if gap > 0 else offsets + 0.5
        if np.abs(steps - np.rint(steps)).max() <= IN_PLANE and len(np.unique(np.rint(steps))) == len(
            offsets
        ):
            return gap
    raise InputRefused("The segmentation's frames have uneven spacing.", entry.name, "Export it again.")


def _orientation(group: Any, dataset: Any) -> list[float]:
    return [float(v) for v in _item(group, dataset, "PlaneOrientationSequence").ImageOrientationPatient]


def _item(group: Any, dataset: Any, sequence: str) -> Any:
    """The item of a functional group, of the frame or shared."""
    for part in (group, dataset.SharedFunctionalGroupsSequence[0]):
        if part.get(sequence):
            return part[sequence][0]
    raise ValueError(f"{sequence} is absent")


def _label(item: Any) -> Label:
    number = int(item.SegmentNumber)
    name = str(item.get("SegmentLabel", "") or item.get("SegmentDescription", "") or f"segment {number}")
    lab = item.get("RecommendedDisplayCIELabValue")
    return Label(number, name, _color(lab) if lab else None, _code(item))


def _code(item: Any) -> Code | None:
    kinds = item.get("SegmentedPropertyTypeCodeSequence")
    if not kinds:
        return None
    value, scheme, meaning = (
        str(kinds[0].get(key, "")) for key in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
    )
    return Code(value, scheme, meaning) if value and scheme and meaning else None


def _color(encoded: Sequence[int]) -> Color:
    """sRGB of a DICOM CIELab value (PS3.3 C.10.7.1.1; CIE 1976, white D50 taken as D65 by viewers)."""
    lightness = encoded[0] * 100 / 65535
    a, b = (v * 255 / 65535 - 128 for v in encoded[1:3])
    y = (lightness + 16) / 116
    xyz = [
        white * (t**3 if t > 6 / 29 else 3 * (6 / 29) ** 2 * (t - 4 / 29))
        for white, t in zip((0.95047, 1.0, 1.08883), (y + a / 500, y, y - b / 200), strict=True)
    ]
    matrix = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    linear = np.clip(matrix @ np.array(xyz), 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(float(v) * 255) for v in srgb)
    return red, green, blue
