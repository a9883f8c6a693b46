"""Segmentations in any supported form to one structure set on an image's lattice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused, InvalidValue, PlannerError
from planner.base.task import Task
from planner.io.dicom.masks import mask_name, read_mask
from planner.io.dicom.segmentation import read_segmentation
from planner.io.dicom.series import content_of
from planner.io.dicom.slices import FRAME_OF_REFERENCE
from planner.io.label_maps import label_names_from, read_label_map
from planner.io.labels import Label, LabelLayer
from planner.io.meshes import read_mesh
from planner.io.offers import Findings, in_words
from planner.io.sources import Entry, Kind, entries_of, kind_of
from planner.io.volumes import VOLUME_KINDS
from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import BoolArray, Structure, StructureSet
from planner.model.vocabulary import vocabulary

Read = Callable[[], Iterable[LabelLayer]]


@dataclass(frozen=True)
class StructureChoices:
    """What a person says of the segmentations they import.

    Parameters
    ----------
    roles
        Role (identifier or title) by structure name; stands above the vocabulary.
    labels
        Names of label numbers: a table of the vocabulary or ``1=liver,2=tumour``.
    mesh_space
        ``LPS`` or ``RAS`` for meshes that do not say.
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    labels: str = ""
    mesh_space: str = ""


def read_structure_set(
    id: str,
    paths: Sequence[Path],
    target: Grid,
    frame_of_reference_uid: str,
    choices: StructureChoices,
    findings: Findings,
    task: Task | None = None,
) -> StructureSet:
    """All structures of some files on the image's lattice.

    Single structures are packed into as few layers as their overlaps allow, one at a time; a
    label map stays the layer it is.

    Raises
    ------
    InputRefused
        If none can be taken, with the reason.
    """
    task = task or Task()
    naming = _Naming(choices)
    maps: list[tuple[npt.NDArray[np.unsignedinteger], list[Structure]]] = []
    errors: list[PlannerError] = []
    sources = list(_sources(paths, target, frame_of_reference_uid, choices, findings, errors, task))

    def singles() -> Iterator[tuple[Structure, BoolArray]]:
        for number, (name, read) in enumerate(sources):
            task.report(number / len(sources), f"Reading structures: {name}")
            try:
                for layer in read():
                    findings.corrected += layer.notes
                    named = [(label, naming.structure(label)) for label in layer.labels]
                    findings.taken += [f"{s.name} as {s.role.value} from {layer.source}" for _, s in named]
                    if len(named) == 1:
                        yield named[0][1], layer.mask(named[0][0])
                    elif named:
                        maps.append((layer.values, [replace(s, label=label.value) for label, s in named]))
                    else:
                        findings.corrected.append(f"{layer.source} marks no voxel; left out.")
            except InputRefused as error:
                errors.append(error)

    packed = StructureSet.from_masks(id, target, singles(), frame_of_reference_uid)
    layers = list(packed.layers)
    structures = list(packed.structures)
    for values, named in maps:
        structures += [replace(s, layer=len(layers)) for s in named]
        layers.append(values)
    if not structures:
        raise (
            errors[0]
            if errors
            else InputRefused(
                "There is no structure to read.", ", ".join(p.name for p in paths), "Choose a segmentation."
            )
        )
    naming.refuse_unused()
    findings.refused += [in_words(e) for e in errors if isinstance(e, InputRefused)]
    return StructureSet(id, target, tuple(layers), tuple(structures), frame_of_reference_uid, packed._boxes)


def _sources(
    paths: Sequence[Path],
    target: Grid,
    frame_uid: str,
    choices: StructureChoices,
    findings: Findings,
    errors: list[PlannerError],
    task: Task,
) -> Iterator[tuple[str, Read]]:
    """Each thing that holds structures, with the function that reads it."""
    names = label_names_from(choices.labels)
    dicom: list[Entry] = []
    unknown: list[Entry] = []
    for entry in entries_of(paths, task):
        kind = kind_of(entry)
        if kind is Kind.DICOM:
            dicom.append(entry)
        elif kind in VOLUME_KINDS:
            yield entry.stem, lambda e=entry, k=kind: read_label_map(e, k, target, names)  # type: ignore[misc]
        elif kind is Kind.MESH:
            yield entry.stem, lambda e=entry: [read_mesh(e, target, choices.mesh_space)]  # type: ignore[misc]
        else:
            unknown.append(entry)
    for entry in unknown:
        errors.append(
            InputRefused(
                "The file holds no segmentation that can be read.", entry.name, "Choose another file."
            )
        )
    if not dicom:
        return
    content = content_of(dicom)
    errors += content.refused
    findings.corrected += content.notes
    for entry, elements in content.segmentations:
        yield entry.stem, lambda e=entry, x=elements: read_segmentation(e, x, target, frame_uid)  # type: ignore[misc]
    by_position = False
    for series in sorted(content.series, key=mask_name):
        by_position = by_position or not (frame_uid and series.first.text(FRAME_OF_REFERENCE))
        yield mask_name(series), lambda s=series: [read_mask(s, target, frame_uid)]  # type: ignore[misc]
    if by_position:
        findings.corrected.append(
            "The mask series share no frame of reference with the image; they are matched by position only."
        )


class _Naming:
    """Structures from labels: unique names, roles, colours, codes."""

    def __init__(self, choices: StructureChoices) -> None:
        self._roles: dict[str, Role] = {}
        for name, text in choices.roles.items():
            try:
                self._roles[name] = vocabulary().role_from_text(text)
            except InvalidValue as error:
                raise InputRefused(error.what, f"{name}={text}", error.todo) from None
        self._used: set[str] = set()

    def structure(self, label: Label) -> Structure:
        """A structure of a label; its layer and label are set later."""
        name, count = label.name.strip() or f"label {label.value}", 1
        while name in self._used:
            count += 1
            name = f"{label.name} ({count})"
        self._used.add(name)
        role = self._role(name, label)
        entry = vocabulary().entry(role)
        code = label.code or (entry.code if role is not Role.OTHER else None)
        return Structure(name, role, color=label.color or entry.color, code=code, origin=label.origin)

    def _role(self, name: str, label: Label) -> Role:
        if name in self._roles:
            return self._roles[name]
        if label.role:
            try:
                return vocabulary().role_from_text(label.role)
            except InvalidValue:
                pass  # a role of a later version
        role = vocabulary().role_of(name)
        if role is Role.OTHER and label.code is not None and label.code.scheme == "SCT":
            by_code = {e.code.value: r for r, e in reversed(list(vocabulary().entries.items()))}
            by_code.pop(vocabulary().entry(Role.OTHER).code.value, None)
            role = by_code.get(label.code.value, Role.OTHER)
        return role

    def refuse_unused(self) -> None:
        """Raise `InputRefused` where a role was given to a structure that is not there."""
        unused = sorted(set(self._roles) - self._used)
        if unused:
            raise InputRefused(
                "A role was given to a structure that is not there.",
                ", ".join(unused),
                f"Structures are: {', '.join(sorted(self._used))}.",
            )
