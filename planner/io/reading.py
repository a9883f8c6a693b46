"""The work of an import, done in a child process: files to raw volumes in a folder of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from planner.base.errors import InputRefused
from planner.base.task import Task
from planner.io.dicom.masks import looks_like_mask
from planner.io.dicom.nuclear import NUCLEAR, activity_unit, unit_notes
from planner.io.dicom.patient import patient_of
from planner.io.dicom.pixels import read_pixels
from planner.io.dicom.series import DicomContent, Series, content_of
from planner.io.dicom.stack import named
from planner.io.nifti import read_nifti_header
from planner.io.nrrd import create_mapped, nrrd_grid, read_header
from planner.io.offers import Findings, Verdict, VolumeOffer, in_words
from planner.io.segmentations import StructureChoices, read_structure_set
from planner.io.sources import Entry, Kind, entries_of, kind_of, zip_entries
from planner.io.volumes import VOLUME_KINDS, along_patient_axes, compact, read_volume
from planner.model.case import Patient
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity

IMAGE_FILE = "image.nrrd"
#: A scan without values below this is not taken for a CT where the file does not say.
CT_AIR_BELOW = -200


@dataclass(frozen=True)
class CaseJob:
    """What to read, and where to put it."""

    paths: tuple[str, ...]
    folder: str
    series_uid: str = ""
    structure_paths: tuple[str, ...] = ()
    choices: StructureChoices = field(default_factory=StructureChoices)
    modality: str = ""
    structures_id: str = "structures"


@dataclass(frozen=True)
class StructuresJob:
    """Segmentations to read onto a lattice, and where to put them."""

    paths: tuple[str, ...]
    folder: str
    grid: dict[str, Any]
    frame_of_reference_uid: str
    choices: StructureChoices = field(default_factory=StructureChoices)
    structures_id: str = "structures"


@dataclass(frozen=True, eq=False)
class Found:
    """What stands in the chosen paths."""

    dicom: DicomContent
    volumes: tuple[tuple[Entry, Kind], ...]
    label_maps: tuple[Entry, ...]
    archives: tuple[Entry, ...]
    others: tuple[Entry, ...]


def found_in(paths: Sequence[Path], task: Task) -> Found:
    """Tell the files of some paths apart by content, and put DICOM files into series."""
    dicom: list[Entry] = []
    volumes: list[tuple[Entry, Kind]] = []
    label_maps: list[Entry] = []
    archives: list[Entry] = []
    others: list[Entry] = []
    for entry in entries_of(paths, task):
        kind = kind_of(entry)
        if kind is Kind.DICOM:
            dicom.append(entry)
        elif kind in VOLUME_KINDS:
            if _is_label_map(entry, kind):
                label_maps.append(entry)
            else:
                volumes.append((entry, kind))
        elif kind is Kind.ZIP:
            archives.append(entry)
        else:
            others.append(entry)
    content = content_of(dicom, task)
    return Found(content, tuple(volumes), tuple(label_maps), tuple(archives), tuple(others))


def _is_label_map(entry: Entry, kind: Kind) -> bool:
    """Whether a file says of itself that its values are labels."""
    try:
        if kind is Kind.NIFTI:
            return read_nifti_header(entry).is_label_map
        if kind is Kind.NRRD and not entry.member:
            return any(key.startswith("Segment0_") for key in read_header(entry.path)[0])
    except InputRefused:
        pass  # told where it is read as a volume
    return False


def offers_of(found: Found) -> list[VolumeOffer]:
    """The volumes found, with a verdict on each."""
    offers = [_series_offer(series) for series in found.dicom.series]
    return offers + [_file_offer(entry, kind) for entry, kind in found.volumes]


def _series_offer(series: Series) -> VolumeOffer:
    common = (series.key, series.description, series.modality, series.date)
    checked = series.checked
    if isinstance(checked, InputRefused):
        reason = (checked.what, checked.thing, checked.todo)
        nothing = ((0, 0, 0), (0.0, 0.0, 0.0), series.file_count)
        return VolumeOffer(*common, *nothing, Verdict.REFUSED, (), reason)
    verdict = Verdict.CORRECTED if checked.notes else Verdict.OK
    return VolumeOffer(
        *common, checked.grid.shape, checked.grid.spacing_mm, series.file_count, verdict, checked.notes
    )


def _file_offer(entry: Entry, kind: Kind) -> VolumeOffer:
    common = (entry.name, entry.stem, "", "")
    try:
        grid, notes = _file_grid(entry, kind)
    except InputRefused as error:
        reason = (error.what, error.thing, error.todo)
        return VolumeOffer(*common, (0, 0, 0), (0.0, 0.0, 0.0), 1, Verdict.REFUSED, (), reason)
    return VolumeOffer(
        *common, grid.shape, grid.spacing_mm, 1, Verdict.CORRECTED if notes else Verdict.OK, notes
    )


def _file_grid(entry: Entry, kind: Kind) -> tuple[Grid, tuple[str, ...]]:
    if kind is Kind.NIFTI:
        header = read_nifti_header(entry)
        return header.grid(entry.name), header.notes
    if kind is Kind.NRRD and not entry.member:
        return nrrd_grid(read_header(entry.path)[0], entry.path), ()
    volume = read_volume(entry, kind)
    return volume.grid, volume.notes


def run_offers(paths: Sequence[str], task: Task) -> dict[str, Any]:
    """The volumes of some paths; raises `InputRefused` where there is none."""
    found = found_in([Path(p) for p in paths], task)
    offers = offers_of(found)
    if not offers:
        raise _nothing_found(found, paths)
    return {
        "offers": [asdict(o) for o in offers],
        "notes": [*found.dicom.notes, *map(in_words, _refused(found))],
    }


def _refused(found: Found) -> list[InputRefused]:
    return [e for e in found.dicom.refused if isinstance(e, InputRefused)]


def _nothing_found(found: Found, paths: Sequence[str]) -> InputRefused:
    refused = _refused(found)
    if refused:
        return refused[0]
    names = ", ".join(Path(p).name for p in paths)
    if found.dicom.notes or found.dicom.segmentations or found.label_maps:
        return InputRefused("There is no image among the files.", names, "Choose the scan, too.")
    others = [e.name for e in (*found.others, *found.archives)]
    return InputRefused(
        "There is nothing here that can be read as a scan.",
        f"{names}: {named(others)}" if others else names,
        "Choose a DICOM folder, a zip of one, or a NIfTI, NRRD or MetaImage file.",
    )


def run_case(job: CaseJob, task: Task) -> dict[str, Any]:
    """Read one image and its structures into a folder.

    Returns
    -------
    dict
        What `planner.io.importing` makes a case of.

    Raises
    ------
    InputRefused
        With the reason; where several volumes could be meant, with their list.
    """
    findings = Findings()
    found = found_in([Path(p) for p in job.paths], task.part(0.0, 0.15))
    offer = _chosen(found, job)
    findings.refused += [in_words(e) for e in _refused(found)]
    if found.others:
        names = named([e.name for e in found.others])
        findings.refused.append(f"Left out, as they hold nothing that can be read: {names}.")
    findings.corrected += found.dicom.notes
    folder = Path(job.folder)
    series = next((s for s in found.dicom.series if s.key == offer.key), None)
    if series is not None:
        image, patient = _read_series(series, folder, findings, task.part(0.15, 0.5))
    else:
        entry, kind = next((e, k) for e, k in found.volumes if e.name == offer.key)
        image, patient = _read_file(entry, kind, folder, job.modality, findings), Patient()
    findings.taken.append(offer.line)
    paths = [Path(p) for p in job.structure_paths] or _segmentations_beside(found, offer.key, findings)
    result: dict[str, Any] = {"image": image, "patient": asdict(patient), "structures": None}
    if paths:
        grid = Grid(**image["grid"])
        frame_uid = image["identity"]["frame_of_reference_uid"]
        try:
            structures = read_structure_set(
                job.structures_id, paths, grid, frame_uid, job.choices, findings, task.part(0.5, 1.0)
            )
            result["structures"] = _write_structures(structures, folder)
        except InputRefused as error:
            if job.structure_paths or job.choices.roles:
                raise
            findings.refused.append(in_words(error))  # it only happened to lie beside the scan
    return {**result, "report": asdict(findings)}


def run_structures(job: StructuresJob, task: Task) -> dict[str, Any]:
    """Read segmentations onto a lattice into a folder."""
    findings = Findings()
    structures = read_structure_set(
        job.structures_id,
        [Path(p) for p in job.paths],
        Grid(**job.grid),
        job.frame_of_reference_uid,
        job.choices,
        findings,
        task,
    )
    return {"structures": _write_structures(structures, Path(job.folder)), "report": asdict(findings)}


def _chosen(found: Found, job: CaseJob) -> VolumeOffer:
    """The one volume that is meant."""
    offers = offers_of(found)
    masks = {s.key for s in found.dicom.series if looks_like_mask(s)}
    wanted = [o for o in offers if o.key not in masks] or offers
    if job.series_uid:
        exact = [o for o in offers if o.key == job.series_uid]
        wanted = exact or [o for o in offers if o.key.partition("/")[0] == job.series_uid]
    sound = [o for o in wanted if o.verdict is not Verdict.REFUSED]
    if not job.series_uid:  # a plan is made on the CT of a PET or SPECT
        sound = [o for o in sound if o.modality not in NUCLEAR] or sound
    if len(sound) == 1:
        return sound[0]
    if len(wanted) == 1:
        raise wanted[0].error
    listed = "\n".join(o.line for o in wanted or offers)
    if job.series_uid and not wanted and offers:
        raise InputRefused("There is no series of this UID.", job.series_uid, f"Choose one of:\n{listed}")
    if len(sound) > 1:
        raise InputRefused(
            f"There are {len(sound)} series that could be meant.",
            listed,
            "Choose one by its series UID (--series).",
        )
    if wanted:
        raise InputRefused(f"None of the {len(wanted)} series can be read.", listed, wanted[0].reason[2])
    raise _nothing_found(found, job.paths)


def _segmentations_beside(found: Found, chosen: str, findings: Findings) -> list[Path]:
    """Segmentations in the same folder as the image, where none was named."""
    paths = [entry.path for entry, _ in found.dicom.segmentations if not entry.member]
    paths += [entry.path for entry in found.label_maps if not entry.member]
    masks = [s for s in found.dicom.series if s.key != chosen and looks_like_mask(s)]
    paths += [single.entry.path for mask in masks for single in mask.slices if not single.entry.member]
    for archive in found.archives:
        if _holds_masks(archive):
            paths.append(archive.path)
        else:
            findings.corrected.append(
                f"{archive.name} was not opened; name it as a source of structures if it is one."
            )
    return paths


def _holds_masks(archive: Entry) -> bool:
    """Whether a zip holds DICOM series that look like masks."""
    try:
        entries = zip_entries(archive)
        dicom = [e for e in entries if kind_of(e) is Kind.DICOM]
        content = content_of(dicom[:1] + dicom[-1:])
    except InputRefused:
        return False
    return bool(content.series) and all(looks_like_mask(s) for s in content.series)


def _read_series(
    series: Series, folder: Path, findings: Findings, task: Task
) -> tuple[dict[str, Any], Patient]:
    stack = series.stack

    def allocate(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Any:
        return create_mapped(folder / IMAGE_FILE, dtype, stack.grid)

    pixels = read_pixels(stack, allocate, task)
    findings.corrected += [*stack.notes, *pixels.notes]
    grid = _stand_up(pixels.values, stack.grid, folder)
    identity = series.identity(stack, pixels.sha256)
    if stack.grid.axes[:, 2] @ grid.axes[:, 2] < -0.5:  # slices were turned round
        identity = replace(identity, instance_uids=identity.instance_uids[::-1])
    title = series.description or series.modality
    unit = ""
    if series.modality in NUCLEAR:
        known = activity_unit(stack.slices)
        unit = known.words
        findings.corrected += unit_notes(known)
    image = _image_record(grid, title, series.modality, series.date, identity, unit)
    return image, patient_of(series.first)


def _read_file(entry: Entry, kind: Kind, folder: Path, modality: str, findings: Findings) -> dict[str, Any]:
    volume = read_volume(entry, kind)
    if volume.values.ndim != 3:
        raise InputRefused("The file holds no single 3D volume.", entry.name, "Choose a scan.")
    values = compact(volume.values, entry.name)
    findings.corrected += volume.notes
    modality = modality.upper() or volume.header.get("LiverPlanner.Modality", "")
    if not modality:
        modality = "CT" if values.min() < CT_AIR_BELOW else "MR"
        low, high = values.min(), values.max()
        findings.corrected.append(
            f"{entry.name} does not say its modality; taken as {modality} by its values, {low:g} to {high:g}."
        )
    view, grid = along_patient_axes(values, volume.grid)
    create_mapped(folder / IMAGE_FILE, values.dtype, grid)[...] = view
    unit = volume.header.get("LiverPlanner.Unit", "")
    return _image_record(grid, entry.stem, modality, "", DicomIdentity(), unit)


def _stand_up(values: Any, grid: Grid, folder: Path) -> Grid:
    """Turn a volume whose slices are not axial so that k runs to the head; its file is rewritten."""
    view, turned = along_patient_axes(values, grid)
    if turned.same_as(grid, 1e-9) and view.shape == values.shape:
        return grid
    held = np.array(view)
    create_mapped(folder / IMAGE_FILE, held.dtype, turned)[...] = held
    return turned


def _image_record(
    grid: Grid, title: str, modality: str, date: str, identity: DicomIdentity, unit: str
) -> dict[str, Any]:
    return {
        "file": IMAGE_FILE,
        "grid": grid_record(grid),
        "id": slug(title) or "image",
        "title": title,
        "modality": modality,
        "unit": "HU" if modality == "CT" else unit,
        "acquired": date,
        "identity": asdict(identity),
    }


def _write_structures(structures: Any, folder: Path) -> dict[str, Any]:
    files = []
    for index, layer in enumerate(structures.layers):
        file = f"labels-{index}.nrrd"
        create_mapped(folder / file, layer.dtype, structures.grid)[...] = layer
        files.append(file)
    return {
        "id": structures.id,
        "files": files,
        "frame_of_reference_uid": structures.frame_of_reference_uid,
        "structures": [asdict(s) for s in structures.structures],
    }


def grid_record(grid: Grid) -> dict[str, Any]:
    """A grid as JSON can hold it, to the last bit."""
    return asdict(grid)


def slug(text: str) -> str:
    """Words of a title as a short name fit for a file."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))[:40].strip("-")
