"""A case as the document of its ``case.json``: what is read, what is written, and every version of it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from planner.base.errors import InputRefused, InvalidValue
from planner.io.nrrd import read_mapped
from planner.io.tree_file import read_tree, tree_bytes
from planner.io.writing import write_atomically
from planner.model.case import Case, Patient
from planner.model.codes import Code
from planner.model.image import DicomIdentity, Image
from planner.model.landmarks import LandmarkPair, Landmarks
from planner.model.registration import Registration
from planner.model.structures import Structure, StructureSet
from planner.model.volumetry import Volumetry

FILE_NAME = "case.json"
SCHEMA = "liver-planner/case"
#: 1: images, structure sets, patient, notes.  2: registrations too.  3: landmarks too, and what the scans
#: themselves say of a registration's error.  4: trees of vessels too.  5: volumetry too.  6: places of the liver too.
#: 7: what treatment modules are told of the patient too.
VERSION = 7


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
    facts: list[tuple[str, str]] = []


class _RegistrationRecord(msgspec.Struct, forbid_unknown_fields=True):
    document: dict[str, Any]
    field: str = ""


class _LandmarksRecord(msgspec.Struct, forbid_unknown_fields=True):
    from_image: str
    to_image: str
    #: By pair the place in the first scan and in the second, LPS mm.
    pairs: list[tuple[tuple[float, float, float], tuple[float, float, float]]]


class _VolumetryRecord(msgspec.Struct, forbid_unknown_fields=True):
    date: str
    remnant_ml: float
    liver_ml: float | None = None
    source: str = ""


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
    landmarks: list[_LandmarksRecord] = []
    #: Names of files with a tree of vessels each.
    vessel_trees: list[str] = []
    volumetry: list[_VolumetryRecord] = []
    #: Clicked places of the liver, LPS mm.
    liver_places: dict[str, tuple[float, float, float]] = {}
    #: By module, settings that speak of the patient.
    module_settings: dict[str, dict[str, bool | int | float | str]] = {}


def case_document(case: Case, folder: Path) -> dict[str, Any]:
    """The document of a case whose arrays are all mapped from a folder's files.

    Deformations of registrations and trees of vessels are written beside it where they are not yet.

    Raises
    ------
    InvalidValue
        If an array was not written yet.
    """
    record = _CaseRecord(
        schema=SCHEMA,
        version=VERSION,
        id=case.id,
        title=case.title,
        saved=datetime.now(UTC).isoformat(timespec="seconds"),
        images=[_image_record(i, folder) for i in case.images],
        structure_sets=[_set_record(s, folder) for s in case.structure_sets],
        patient=msgspec.convert(asdict(case.patient), _PatientRecord),
        notes=list(case.notes),
        registrations=[_registration_record(r, folder) for r in case.registrations],
        landmarks=[_landmarks_record(m) for m in case.landmarks],
        vessel_trees=[_kept_once(tree_bytes(t), folder, "trees", ".json") for t in case.vessel_trees],
        volumetry=[msgspec.convert(asdict(e), _VolumetryRecord) for e in case.volumetry],
        liver_places=dict(case.liver_places),
        module_settings={m: dict(v) for m, v in case.module_settings.items()},
    )
    document: dict[str, Any] = msgspec.to_builtins(record)
    return document


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
        landmarks=tuple(_landmarks_of(m) for m in record.landmarks),
        vessel_trees=tuple(read_tree(_inside(folder, name)) for name in record.vessel_trees),
        volumetry=tuple(Volumetry(**msgspec.to_builtins(e)) for e in record.volumetry),
        liver_places=record.liver_places,
        module_settings=record.module_settings,
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
    name = _kept_once(buffer.getvalue(), folder, "registrations", ".npy")
    return _RegistrationRecord(registration.document(), name)


def _kept_once(data: bytes, folder: Path, inner: str, suffix: str) -> str:
    """Name of a file with this content, made under its hash where it is not there."""
    name = f"{inner}/{hashlib.sha256(data).hexdigest()[:16]}{suffix}"
    if not (folder / name).exists():
        (folder / inner).mkdir(exist_ok=True)
        write_atomically(folder / name, data)
    return name


def _landmarks_of(record: _LandmarksRecord) -> Landmarks:
    pairs = tuple(LandmarkPair(one, other) for one, other in record.pairs)
    return Landmarks(record.from_image, record.to_image, pairs)


def _landmarks_record(landmarks: Landmarks) -> _LandmarksRecord:
    pairs = [(pair.from_lps_mm, pair.to_lps_mm) for pair in landmarks.pairs]
    return _LandmarksRecord(landmarks.from_image, landmarks.to_image, pairs)


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InvalidValue("The case names a file outside its folder.", name)
    return path


def _image_record(image: Image, folder: Path) -> _ImageRecord:
    identity = msgspec.convert(
        {**asdict(image.identity), "instance_uids": list(image.identity.instance_uids)}, _IdentityRecord
    )
    file = _file_of(image.values, folder, f"image '{image.title}'")
    return _ImageRecord(image.id, image.title, file, image.modality, image.unit, image.acquired, identity)


def _set_record(structures: StructureSet, folder: Path) -> _SetRecord:
    names = [_file_of(layer, folder, f"structure set '{structures.id}'") for layer in structures.layers]
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


def _file_of(array: Any, folder: Path, what: str) -> str:
    name = mapped_name(array, folder)
    if name is None:
        raise InvalidValue("Voxels were not written into the case's folder yet.", what, "Write them first.")
    return name


def mapped_name(array: Any, folder: Path) -> str | None:
    """Name of the folder's file an array is a whole map of, or None."""
    if not isinstance(array, np.memmap) or array.filename is None:
        return None
    path = Path(array.filename).resolve()
    root = folder.resolve()
    if not path.is_relative_to(root):
        return None
    return path.relative_to(root).as_posix()
