"""Label maps in NIfTI, NRRD and MetaImage files, 3D Slicer's segmentations among them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from planner.base.errors import InputRefused, InvalidValue
from planner.io.labels import Label, LabelLayer
from planner.io.nrrd import Header
from planner.io.placement import place, placement_of
from planner.io.sources import Entry, Kind
from planner.io.volumes import Volume, labels_of, read_volume
from planner.model.codes import Code
from planner.model.geometry import Grid
from planner.model.structures import Color
from planner.model.vocabulary import vocabulary


def read_label_map(
    entry: Entry, kind: Kind, target: Grid, label_names: dict[int, str]
) -> Iterator[LabelLayer]:
    """The layers of a label map on the target lattice.

    Parameters
    ----------
    entry, kind
        The file.
    target
        Lattice of the image.
    label_names
        Names of label values chosen by a person; they stand above those of the file.

    Raises
    ------
    InputRefused
        With the reason.
    """
    volume = read_volume(entry, kind)
    segments = _slicer_segments(volume.header)
    placement = placement_of(volume.grid, target)
    notes = tuple(f"{entry.name} {note}." for note in (placement.note,) if note) + volume.notes
    layers = volume.values if volume.values.ndim == 4 else volume.values[..., None]
    for index in range(layers.shape[3]):
        values = labels_of(layers[..., index], entry.name)
        found = [int(v) for v in np.flatnonzero(np.bincount(values.ravel()))[0:] if v > 0]
        if segments:
            labels = tuple(s for layer, s in segments if layer == index and s.value in found)
        else:
            labels = _named(found, volume, entry, label_names)
        if labels:
            yield LabelLayer(entry.name, place(values, placement, entry.name), labels, notes)
            notes = ()


def _named(found: list[int], volume: Volume, entry: Entry, label_names: dict[int, str]) -> tuple[Label, ...]:
    names = label_names or volume.label_names
    if not names and len(found) == 1:
        return (Label(found[0], entry.stem),)
    return tuple(Label(value, names.get(value, f"label {value}")) for value in found)


def label_names_from(text: str) -> dict[int, str]:
    """Names of label values, as a person chooses them.

    Parameters
    ----------
    text
        A label table of the vocabulary, such as ``totalsegmentator_v2``; or ``1=liver,2=tumour``;
        or empty for none.

    Raises
    ------
    InputRefused
        If it is neither.
    """
    if not text:
        return {}
    if "=" in text:
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        if all(key.strip().isdigit() and int(key) > 0 and name.strip() for key, _, name in pairs):
            return {int(key): name.strip() for key, _, name in pairs}
    try:
        return dict(vocabulary().labels(text).names)
    except InvalidValue as error:
        raise InputRefused(error.what, error.thing, f"{error.todo} Or write 1=liver,2=tumour.") from None


def _slicer_segments(header: Header) -> list[tuple[int, Label]]:
    """Layer and label of each segment of a 3D Slicer segmentation."""
    segments = []
    for number in range(65536):
        prefix = f"Segment{number}_"
        if f"{prefix}Name" not in header and f"{prefix}ID" not in header:
            break
        is_layered = f"{prefix}Layer" in header
        # Before layers, each segment was a component of its own, of value 1.
        layer = int(header[f"{prefix}Layer"]) if is_layered else number
        value = int(header.get(f"{prefix}LabelValue", "1"))
        name = header.get(f"{prefix}Name") or header[f"{prefix}ID"]
        tags = _tags(header.get(f"{prefix}Tags", ""))
        label = Label(
            value,
            name,
            _color(header.get(f"{prefix}Color", "")),
            _code(tags.get("TerminologyEntry", "")),
            tags.get("LiverPlanner.Role", ""),
            tags.get("LiverPlanner.Origin", "imported"),
        )
        segments.append((layer, label))
    return segments


def _tags(text: str) -> dict[str, str]:
    return {key: value for key, _, value in (part.partition(":") for part in text.split("|")) if key}


def _color(text: str) -> Color | None:
    try:
        red, green, blue = (min(255, max(0, round(float(part) * 255))) for part in text.split())
    except ValueError:
        return None
    return red, green, blue


def _code(entry: str) -> Code | None:
    """The type of a terminology entry: context ~ category ~ type ~ modifier ~ ..."""
    parts = entry.split("~")
    match = re.fullmatch(r"([^^]+)\^([^^]+)\^([^^]+)", parts[2]) if len(parts) > 2 else None
    return Code(match[2], match[1], match[3]) if match else None
