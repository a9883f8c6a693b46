"""The case folder: ``case.json``, volumes, label maps and ``store.sqlite``, self-contained."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path

import msgspec

from planner.base.errors import InputRefused, PlannerError
from planner.base.task import Task
from planner.io.nrrd import label_keys, read_mapped, write_image_nrrd, write_label_nrrd
from planner.io.writing import write_atomically
from planner.library.case_document import FILE_NAME, case_document, case_of_document, mapped_name
from planner.library.store import Store
from planner.model.case import Case
from planner.model.image import Image
from planner.model.structures import StructureSet


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
    What `write_arrays` has written before costs no more than the ``case.json``.
    """
    written = write_arrays(case, folder, task)
    for structures in written.structure_sets:
        _renew_headers(structures, folder)
    document = case_document(written, folder)
    store.keep_case_version(document, label)
    write_atomically(folder / FILE_NAME, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
    return written


def write_arrays(case: Case, folder: Path, task: Task | None = None) -> Case:
    """A case with its new voxels written into a folder; the case that is kept there stays as it is.

    Any thread may ask.  Where the work is cancelled or fails, what it wrote is taken away again.

    Returns
    -------
    The case with its arrays mapped from the folder; those that were are the same objects.

    Raises
    ------
    PlannerError
        If the folder cannot be written.
    """
    task = task or Task()
    written: list[Path] = []
    try:
        images = []
        for index, image in enumerate(case.images):
            task.report(0.5 * index / len(case.images), f"Writing {image.title}")
            images.append(_written_image(image, folder, written))
        sets = []
        for index, structures in enumerate(case.structure_sets):
            task.report(0.5 + 0.5 * index / len(case.structure_sets), "Writing structures")
            sets.append(_written_set(structures, folder, written))
        task.check()
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return replace(case, images=tuple(images), structure_sets=tuple(sets))


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


def _written_image(image: Image, folder: Path, written: list[Path]) -> Image:
    if mapped_name(image.values, folder) is not None:
        return image
    path = _reserved(folder, f"images/{image.id}", ".nrrd", written)
    write_image_nrrd(path, image)
    return replace(image, values=read_mapped(path)[0])


def _written_set(structures: StructureSet, folder: Path, written: list[Path]) -> StructureSet:
    layers = []
    for index, layer in enumerate(structures.layers):
        if mapped_name(layer, folder) is None:
            path = _reserved(folder, f"structures/{structures.id}", ".seg.nrrd", written)
            write_label_nrrd(path, structures, index)
            layer = read_mapped(path)[0]
        layers.append(layer)
    is_same = all(new is old for new, old in zip(layers, structures.layers, strict=True))
    return structures if is_same else replace(structures, layers=tuple(layers))


def _renew_headers(structures: StructureSet, folder: Path) -> None:
    """Names, roles and colours of layers that were written before; the voxels stay as they are."""
    for index, layer in enumerate(structures.layers):
        name = mapped_name(layer, folder)
        if name is not None and _is_header_stale(folder / name, structures, index):
            write_label_nrrd(folder / name, structures, index)


def _is_header_stale(path: Path, structures: StructureSet, index: int) -> bool:
    header = read_mapped(path)[2]
    written = {key: value for key, value in header.items() if key.startswith("Segment")}
    return written != {k: v for k, v in label_keys(structures, index).items() if k.startswith("Segment")}


def _reserved(folder: Path, stem: str, suffix: str, written: list[Path]) -> Path:
    """A free name of the folder, made at once so that no other writer takes it."""
    (folder / stem).parent.mkdir(exist_ok=True)
    number = 1
    while True:
        path = folder / f"{stem}.{number}{suffix}"
        try:
            path.open("x").close()
        except FileExistsError:
            number += 1
        except OSError as error:
            raise PlannerError(
                "The case folder cannot be written to.",
                f"{path}: {error.strerror}",
                "Check that the folder can be written to and that the disk has room.",
            ) from error
        else:
            written.append(path)
            return path
