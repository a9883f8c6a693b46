"""The one way in: scans and segmentations to a case."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from planner.base.task import Task
from planner.io.nrrd import read_mapped
from planner.io.offers import ImportReport, Verdict, VolumeOffer
from planner.io.reader_process import Limits, run_in_child
from planner.model.case import Case, Patient
from planner.model.codes import Code
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class ImportedCase:
    """A case, and what was taken, corrected and refused on the way."""

    case: Case
    report: ImportReport


@dataclass(frozen=True, eq=False)
class ImportedStructures:
    """A structure set, and what was taken, corrected and refused on the way."""

    structures: StructureSet
    report: ImportReport


def read_volume_offers(
    paths: Sequence[PathLike], task: Task | None = None, limits: Limits | None = None
) -> tuple[VolumeOffer, ...]:
    """The volumes in some files, folders or zips, with a verdict on each.

    Raises
    ------
    InputRefused
        If there is no volume at all.
    """
    job = {"do": "offers", "paths": _absolute(paths)}
    found = run_in_child(job, task or Task(), limits)["offers"]
    return tuple(
        VolumeOffer(
            **{
                **o,
                "shape": tuple(o["shape"]),
                "spacing_mm": tuple(o["spacing_mm"]),
                "verdict": Verdict(o["verdict"]),
                "notes": tuple(o["notes"]),
                "reason": tuple(o["reason"]),
            }
        )
        for o in found
    )


def read_case(
    paths: Sequence[PathLike],
    *,
    series_uid: str = "",
    structure_paths: Sequence[PathLike] = (),
    role_map: Mapping[str, Role | str] | None = None,
    labels: str = "",
    mesh_space: str = "",
    modality: str = "",
    title: str = "",
    task: Task | None = None,
    limits: Limits | None = None,
) -> ImportedCase:
    """Read one scan and its segmentations.

    Parameters
    ----------
    paths
        DICOM folders, zips or files; NIfTI, NRRD or MetaImage files.  They are told apart by
        content, never by suffix.
    series_uid
        Which volume, where there are several: a key of `read_volume_offers`.
    structure_paths
        Segmentations: label maps, one file a structure, DICOM SEG, mask series, meshes, zips of
        these.  Where none is given, segmentations that lie beside the scan are taken.
    role_map
        Role by structure name; stands above the vocabulary.
    labels
        Names of label numbers: ``totalsegmentator_v1``, ``totalsegmentator_v2`` ... or
        ``1=liver,2=tumour``.
    mesh_space
        ``LPS`` or ``RAS``, for meshes that do not say.
    modality
        For files that do not say, such as NIfTI.
    title
        Of the case; else the image's.

    Raises
    ------
    InputRefused
        With the reason; where several volumes could be meant, with their list.
    Cancelled
        If the task was cancelled.
    """
    with _scratch() as folder:
        job = {
            "paths": _absolute(paths),
            "folder": str(folder),
            "series_uid": series_uid,
            "structure_paths": _absolute(structure_paths),
            "choices": _choices(role_map, labels, mesh_space),
            "modality": modality,
        }
        result = run_in_child({"do": "case", "job": job}, task or Task(), limits)
        image = _image(result["image"], folder)
        sets = (_structure_set(result["structures"], folder),) if result["structures"] else ()
    report = _report(result["report"])
    case = Case(
        id=uuid.uuid4().hex,
        title=title or image.title,
        images=(image,),
        structure_sets=sets,
        patient=Patient(**result["patient"]),
        notes=report.corrected,
    )
    return ImportedCase(case, report)


def read_structures(
    paths: Sequence[PathLike],
    image: Image,
    *,
    grid: Grid | None = None,
    role_map: Mapping[str, Role | str] | None = None,
    labels: str = "",
    mesh_space: str = "",
    id: str = "structures",
    task: Task | None = None,
    limits: Limits | None = None,
) -> ImportedStructures:
    """Read segmentations made on an image; see `read_case`.

    Parameters
    ----------
    paths
        Segmentations.
    image
        Whose frame of reference they must share.
    grid
        The lattice they are placed on, by geometry; the image's own by default.

    Raises
    ------
    InputRefused
        If none can be taken, with the reason.
    """
    with _scratch() as folder:
        job = {
            "paths": _absolute(paths),
            "folder": str(folder),
            "grid": asdict(grid or image.grid),
            "frame_of_reference_uid": image.identity.frame_of_reference_uid,
            "choices": _choices(role_map, labels, mesh_space),
            "structures_id": id,
        }
        result = run_in_child({"do": "structures", "job": job}, task or Task(), limits)
        return ImportedStructures(_structure_set(result["structures"], folder), _report(result["report"]))


def _choices(role_map: Mapping[str, Role | str] | None, labels: str, mesh_space: str) -> dict[str, Any]:
    """As `planner.io.segmentations.StructureChoices` reads it in the child."""
    roles = {name: str(role) for name, role in (role_map or {}).items()}
    return {"roles": roles, "labels": labels, "mesh_space": mesh_space}


def _absolute(paths: Sequence[PathLike]) -> list[str]:
    return [str(Path(p).absolute()) for p in paths]


def _image(record: dict[str, Any], folder: Path) -> Image:
    values, grid, _ = read_mapped(folder / record["file"])
    identity = record["identity"]
    return Image(
        record["id"],
        record["title"],
        grid,
        values,
        record["modality"],
        record["unit"],
        DicomIdentity(**{**identity, "instance_uids": tuple(identity["instance_uids"])}),
        record["acquired"],
    )


def _structure_set(record: dict[str, Any], folder: Path) -> StructureSet:
    mapped = [read_mapped(folder / file) for file in record["files"]]
    structures = tuple(
        Structure(**{**s, "code": Code(**s["code"]) if s["code"] else None}) for s in record["structures"]
    )
    layers = tuple(values for values, _, _ in mapped)
    return StructureSet(record["id"], mapped[0][1], layers, structures, record["frame_of_reference_uid"])


def _report(record: dict[str, Any]) -> ImportReport:
    return ImportReport(*(tuple(record[part]) for part in ("taken", "corrected", "refused")))


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for raw volumes, gone when nothing maps them any more."""
    folder = Path(tempfile.mkdtemp(prefix="liver-planner-"))
    try:
        yield folder
    finally:
        if os.name == "posix":
            shutil.rmtree(folder, ignore_errors=True)  # mapped files live on without a name
        else:
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
