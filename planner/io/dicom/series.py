"""Series of DICOM files: what can be read, what was corrected, what is refused and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from planner.base.errors import InputRefused, PlannerError
from planner.base.task import Task
from planner.io.dicom.elements import Elements, read_elements
from planner.io.dicom.nuclear import NUCLEAR, nuclear_slices
from planner.io.dicom.slices import (
    ACQUISITION_DATE,
    DESCRIPTION,
    FRAME_OF_REFERENCE,
    IMAGE_TYPE,
    MODALITY,
    SERIES_DATE,
    SERIES_UID,
    SOP_CLASS,
    SOP_INSTANCE,
    SPLITTERS,
    STUDY_DATE,
    STUDY_UID,
    Slice,
)
from planner.io.dicom.stack import SAME_POSITION_MM, Stack, stack_of
from planner.io.dicom.syntaxes import refuse_undecodable
from planner.io.sources import Entry
from planner.model.image import DicomIdentity

SEGMENTATION_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
#: Modalities whose images a plan can be made on; and with those that show activity, all that are read.
PLANNED_MODALITIES = frozenset({"CT", "MR"})
READ_MODALITIES = PLANNED_MODALITIES | NUCLEAR
LOCALIZER = "localizer"


@dataclass(frozen=True, eq=False)
class Series:
    """Slices that belong together, and the verdict on them.

    Parameters
    ----------
    key
        Series instance UID; where one series holds several volumes, with what tells them apart.
    """

    key: str
    slices: tuple[Slice, ...]
    part: str = ""

    @property
    def first(self) -> Elements:
        """The elements of its first file."""
        return self.slices[0].elements

    @property
    def modality(self) -> str:
        """DICOM modality."""
        return self.first.text(MODALITY)

    @property
    def description(self) -> str:
        """Series description, with what tells it from another volume of the series."""
        words = self.first.values.get(DESCRIPTION, b"").decode("utf-8", "replace").strip(" \0")
        return f"{words} ({self.part})".strip() if self.part else words

    @property
    def file_count(self) -> int:
        """Number of files."""
        return len({s.entry for s in self.slices})

    @property
    def date(self) -> str:
        """Date of the images as YYYY-MM-DD, or empty."""
        for tag in (ACQUISITION_DATE, SERIES_DATE, STUDY_DATE):
            text = self.first.text(tag)
            if len(text) == 8 and text.isdigit():
                return f"{text[:4]}-{text[4:6]}-{text[6:]}"
        return ""

    @cached_property
    def checked(self) -> Stack | InputRefused:
        """The stack of its slices, or why there is none."""
        try:
            if self.modality not in READ_MODALITIES:
                raise InputRefused(
                    f"A plan cannot be made on images of modality {self.modality or 'unknown'}.",
                    self.slices[0].name,
                    "Choose a CT or MR series.",
                )
            if self.part == LOCALIZER:
                raise InputRefused(
                    "A localizer is no volume.", self.slices[0].name, "Choose the scan itself."
                )
            for syntax, single in {s.elements.syntax: s for s in self.slices}.items():
                refuse_undecodable(syntax, single.entry.name, single.frames)
            return stack_of(self.slices)
        except InputRefused as error:
            return error

    @property
    def stack(self) -> Stack:
        """The stack of its slices.

        Raises
        ------
        InputRefused
            With the reason, where they form none.
        """
        if isinstance(self.checked, InputRefused):
            raise self.checked
        return self.checked

    def identity(self, stack: Stack, sha256: str) -> DicomIdentity:
        """Where the volume comes from."""
        uids = dict.fromkeys(s.elements.text(SOP_INSTANCE) for s in stack.slices)
        e = self.first
        return DicomIdentity(
            e.text(STUDY_UID),
            e.text(SERIES_UID),
            e.text(FRAME_OF_REFERENCE),
            tuple(u for u in uids if u),
            sha256,
        )


@dataclass(frozen=True, eq=False)
class DicomContent:
    """What some DICOM files hold.

    Parameters
    ----------
    series
        Volumes, sound or refused.
    segmentations
        DICOM SEG objects.
    notes
        Files that hold neither, in words.
    refused
        Files that could not be read, with the reasons.
    """

    series: tuple[Series, ...]
    segmentations: tuple[tuple[Entry, Elements], ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[PlannerError, ...] = field(default=())


def content_of(entries: Iterable[Entry], task: Task | None = None) -> DicomContent:
    """Read the headers of DICOM files and put them into series.

    A file that cannot be read is refused alone; what it would have belonged to is judged without it.
    """
    entries = list(entries)
    groups: dict[tuple[str, str], list[Slice]] = defaultdict(list)
    segmentations: list[tuple[Entry, Elements]] = []
    skipped: Counter[str] = Counter()
    refused: list[PlannerError] = []
    for number, entry in enumerate(entries):
        if task is not None and number % 16 == 0:
            task.report(number / len(entries), "Looking at the files")
        try:
            elements = read_elements(entry)
            if elements.text(SOP_CLASS) in SEGMENTATION_CLASSES:
                segmentations.append((entry, elements))
                continue
            slices = nuclear_slices(entry, elements)
        except InputRefused as error:
            refused.append(error)
            continue
        if not slices:
            skipped[elements.text(MODALITY) or "no modality"] += 1
            continue
        part = LOCALIZER if "LOCALIZER" in elements.text(IMAGE_TYPE) else ""
        groups[elements.text(SERIES_UID), part] += slices
    series = [part for (uid, kind), found in groups.items() for part in _told_apart(uid, kind, found)]
    notes = [
        f"{count} file{'s' if count > 1 else ''} without an image left out ({name})."
        for name, count in sorted(skipped.items())
    ]
    return DicomContent(tuple(series), tuple(segmentations), tuple(notes), tuple(refused))


def _told_apart(uid: str, kind: str, slices: Sequence[Slice]) -> list[Series]:
    """One series, or the volumes in it where a mark in the headers tells them apart."""
    whole = Series(uid + (f"/{kind}" if kind else ""), tuple(slices), kind)
    if kind or len(slices) < 2 or not _has_doubles(slices):
        return [whole]
    for number, word in enumerate(SPLITTERS.values()):
        parts: dict[str, list[Slice]] = defaultdict(list)
        for single in slices:
            parts[single.marks[number]].append(single)
        sizes = {len(part) for part in parts.values()}
        if len(parts) > 1 and len(sizes) == 1 and not any(_has_doubles(part) for part in parts.values()):
            return [
                Series(f"{uid}/{word} {value}", tuple(part), f"{word} {value}")
                for value, part in parts.items()
            ]
    return [whole]


def _has_doubles(slices: Sequence[Slice]) -> bool:
    places = [s.position_lps_mm for s in slices if s.position_lps_mm is not None]
    keys = {tuple(np.round(np.array(p) / SAME_POSITION_MM).tolist()) for p in places}
    return len(keys) < len(places)
