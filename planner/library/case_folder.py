"""The case folder: ``case.json``, volumes, label maps and ``store.sqlite``, self-contained."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from planner.base.errors import InputRefused, InvalidValue, PlannerError
from planner.base.task import Task
from planner.io.nrrd import label_keys, read_mapped, write_image_nrrd, write_label_nrrd
from planner.io.writing import write_atomically
from planner.library.store import Store
from planner.model.case import Case, Patient
from planner.model.codes import Code
from planner.model.image import DicomIdentity, Image
from planner.model.registration import Registration
from planner.model.structures import Structure, StructureSet

FILE_NAME = "case.json"
SCHEMA = "liver-planner/case"
#: 1: images, structure sets, patient, notes.  2: registrations too.
VERSION = 2


class _CodeRecord(msgspec.Struct, forbid_unknown_fields=True):
    value: str
    scheme: str
    meaning: str


class _StructureRecord(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    role: str
    layer: int
    label: int
    color: list[int]
    code: _CodeRecord | None = None
    origin: str = "imported"


class _SetRecord(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    layers: list[str]
    structures: list[_StructureRecord]
    frame_of_reference_uid: str = ""


class _IdentityRecord(msgspec.Struct, forbid_unknown_fields=True):
    study_uid: str = ""
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    instance_uids: list[str] = []
    source_sha256: str = ""


class _ImageRecord(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    title: str
    file: str
    modality: str
    unit: str
    acquired: str
    identity: _IdentityRecord


class _PatientRecord(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    id: str = ""
    birth_date: str = ""
    sex: str = ""
    age_y: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    child_pugh: str = ""


class _RegistrationRecord(msgspec.Struct, forbid_unknown_fields=True):
    document: dict[str, Any]
    field: str = ""


class _CaseRecord(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    version: int
    id: str
    title: str
    saved: str
    images: list[_ImageRecord]
    structure_sets: list[_SetRecord]
    patient: _PatientRecord
    notes: list[str]
    registrations: list[_RegistrationRecord] = []


def new_case_id() -> str:
    """A fresh unique case id."""
    return uuid.uuid4().hex


def is_case_folder(path: Path) -> bool:
    """Whether a path is a case folder."""
    return (path / FILE_NAME).is_file()


def create_case_folder(case: Case, folder: Path, task: Task | None = None) -> Case:
    """Write a new case folder; returns the case with its arrays mapped from there.

    Raises
    ------
    InputRefused
        If the folder holds something already.
    PlannerError
        If it cannot be written; what was begun is marked by the missing ``case.json``.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputRefused(
            "The folder is not empty.", str(folder), "Choose a new or empty folder for the case."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlannerError(
            "The case folder cannot be made.",
            f"{folder}: {error.strerror}",
            "Choose a folder you can write to.",
        ) from error
    store = Store(folder)
    try:
        return save_case(case, folder, store, "new case", task)
    finally:
        store.close()


def save_case(case: Case, folder: Path, store: Store, label: str, task: Task | None = None) -> Case:
    """Keep a changed case; returns it with its arrays mapped from the folder.

    Voxels are written under new names and never overwritten, so an earlier version of the case
    stays whole; where only names, roles or colours changed, the label map's header is renewed.
    """
    task = task or Task()
    (folder / "images").mkdir(exist_ok=True)
    (folder / "structures").mkdir(exist_ok=True)
    images = []
    for index, image in enumerate(case.images):
        task.report(0.5 * index / len(case.images), f"Writing {image.title}")
        images.append(_image_record(image, folder))
    sets = []
    for index, structures in enumerate(case.structure_sets):
        task.report(0.5 + 0.5 * index / len(case.structure_sets), "Writing structures")
        sets.append(_set_record(structures, folder))
    record = _CaseRecord(
        schema=SCHEMA,
        version=VERSION,
        id=case.id,
        title=case.title,
        saved=datetime.now(UTC).isoformat(timespec="seconds"),
        images=images,
        structure_sets=sets,
        patient=msgspec.convert(asdict(case.patient), _PatientRecord),
        notes=list(case.notes),
        registrations=[_registration_record(r, folder) for r in case.registrations],
    )
    document: dict[str, Any] = msgspec.to_builtins(record)
    store.keep_case_version(document, label)
    write_atomically(folder / FILE_NAME, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
    return _with_kept_arrays(_case_of(record, folder), case, folder)


def _with_kept_arrays(saved: Case, given: Case, folder: Path) -> Case:
    """The saved case with what was mapped from the folder before, so that nothing is measured anew."""
    images = tuple(
        old if _mapped_name(old.values, folder) == _mapped_name(new.values, folder) else new
        for old, new in zip(given.images, saved.images, strict=True)
    )
    sets = tuple(
        old
        if [_mapped_name(a, folder) for a in old.layers] == [_mapped_name(a, folder) for a in new.layers]
        else new
        for old, new in zip(given.structure_sets, saved.structure_sets, strict=True)
    )
    return replace(saved, images=images, structure_sets=sets, registrations=given.registrations)


def open_case_folder(folder: Path) -> Case:
    """The case of a folder, its arrays mapped from the files.

    Raises
    ------
    InputRefused
        If it is no case folder, is damaged, or was written by a later version.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputRefused(
            "This is not a case folder.",
            f"{path}: {error.strerror}",
            "Choose a folder with a case.json, or import a scan.",
        ) from None
    try:
        document = msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise InputRefused(
            "The case file is damaged.", f"{path}: {error}", "Restore it from a backup."
        ) from None
    return case_of_document(document, folder)


def case_of_document(document: Any, folder: Path) -> Case:
    """The case a case document describes, with its arrays mapped from a folder's files."""
    where = str(folder / FILE_NAME)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputRefused("This file is not a case.", where, f'A case file says "schema": "{SCHEMA}".')
    version = document.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise InputRefused(
            "The case was written by a later version of Liver Planner.", where, "Update Liver Planner."
        )
    try:
        return _case_of(msgspec.convert(document, _CaseRecord), folder)
    except msgspec.ValidationError as error:
        raise InputRefused("A field of the case file is wrong.", f"{where}: {error}", "Correct it.") from None
    except InvalidValue as error:
        raise InputRefused(
            error.what, f"{where}: {error.thing}", error.todo or "Correct this value."
        ) from None


def _case_of(record: _CaseRecord, folder: Path) -> Case:
    return Case(
        id=record.id,
        title=record.title,
        images=tuple(_image_of(r, folder) for r in record.images),
        structure_sets=tuple(_set_of(r, folder) for r in record.structure_sets),
        patient=Patient(**msgspec.to_builtins(record.patient)),
        notes=tuple(record.notes),
        registrations=tuple(_registration_of(r, folder) for r in record.registrations),
    )


def _image_of(record: _ImageRecord, folder: Path) -> Image:
    values, grid, _ = read_mapped(_inside(folder, record.file))
    identity = DicomIdentity(
        record.identity.study_uid,
        record.identity.series_uid,
        record.identity.frame_of_reference_uid,
        tuple(record.identity.instance_uids),
        record.identity.source_sha256,
    )
    return Image(
        record.id, record.title, grid, values, record.modality, record.unit, identity, record.acquired
    )


def _set_of(record: _SetRecord, folder: Path) -> StructureSet:
    mapped = [read_mapped(_inside(folder, name)) for name in record.layers]
    if not mapped:
        raise InvalidValue("A structure set of the case has no label map.", f"set '{record.id}'")
    grid = mapped[0][1]
    if not all(grid.same_as(other) for _, other, _ in mapped):
        raise InvalidValue("The label maps of a structure set lie on different grids.", f"set '{record.id}'")
    structures = tuple(
        Structure(
            name=s.name,
            role=s.role,  # type: ignore[arg-type]
            layer=s.layer,
            label=s.label,
            color=tuple(s.color),  # type: ignore[arg-type]
            code=Code(s.code.value, s.code.scheme, s.code.meaning) if s.code else None,
            origin=s.origin,
        )
        for s in record.structures
    )
    return StructureSet(
        record.id, grid, tuple(m[0] for m in mapped), structures, record.frame_of_reference_uid
    )


def _registration_of(record: _RegistrationRecord, folder: Path) -> Registration:
    components: Any = ()
    if record.field:
        try:
            components = np.load(_inside(folder, record.field), allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InvalidValue(
                "The deformation of a registration cannot be read.",
                f"{record.field}: {error}",
                "Restore it from a backup.",
            ) from None
    return Registration.of_document(record.document, components)


def _registration_record(registration: Registration, folder: Path) -> _RegistrationRecord:
    """The record of a registration; its deformation is written once, under the hash of its numbers."""
    components = registration.components
    if not components:
        return _RegistrationRecord(registration.document())
    buffer = io.BytesIO()
    np.save(buffer, np.stack(components), allow_pickle=False)
    data = buffer.getvalue()
    name = f"registrations/{hashlib.sha256(data).hexdigest()[:16]}.npy"
    if not (folder / name).exists():
        (folder / "registrations").mkdir(exist_ok=True)
        write_atomically(folder / name, data)
    return _RegistrationRecord(registration.document(), name)


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InvalidValue("The case names a file outside its folder.", name)
    return path


def _image_record(image: Image, folder: Path) -> _ImageRecord:
    file = _mapped_name(image.values, folder)
    if file is None:
        file = _free_name(folder, f"images/{image.id}", ".nrrd")
        write_image_nrrd(folder / file, image)
    identity = msgspec.convert(
        {**asdict(image.identity), "instance_uids": list(image.identity.instance_uids)}, _IdentityRecord
    )
    return _ImageRecord(image.id, image.title, file, image.modality, image.unit, image.acquired, identity)


def _set_record(structures: StructureSet, folder: Path) -> _SetRecord:
    names = []
    for index, layer in enumerate(structures.layers):
        name = _mapped_name(layer, folder)
        if name is None:
            name = _free_name(folder, f"structures/{structures.id}", ".seg.nrrd")
            write_label_nrrd(folder / name, structures, index)
        elif _is_header_stale(folder / name, structures, index):
            # The voxels stay as they are, so every kept version of the case stays true.
            write_label_nrrd(folder / name, structures, index)
        names.append(name)
    records = [
        _StructureRecord(
            s.name,
            s.role.value,
            s.layer,
            s.label,
            list(s.color),
            _CodeRecord(s.code.value, s.code.scheme, s.code.meaning) if s.code else None,
            s.origin,
        )
        for s in structures.structures
    ]
    return _SetRecord(structures.id, names, records, structures.frame_of_reference_uid)


def _is_header_stale(path: Path, structures: StructureSet, index: int) -> bool:
    header = read_mapped(path)[2]
    written = {key: value for key, value in header.items() if key.startswith("Segment")}
    return written != {k: v for k, v in label_keys(structures, index).items() if k.startswith("Segment")}


def _mapped_name(array: Any, folder: Path) -> str | None:
    """Name of the folder's file an array is a whole map of, or None."""
    if not isinstance(array, np.memmap) or array.filename is None:
        return None
    path = Path(array.filename).resolve()
    root = folder.resolve()
    if not path.is_relative_to(root):
        return None
    return path.relative_to(root).as_posix()


def _free_name(folder: Path, stem: str, suffix: str) -> str:
    number = 1
    while (folder / f"{stem}.{number}{suffix}").exists():
        number += 1
    return f"{stem}.{number}{suffix}"
