"""Cases and assessments as JSON documents; arrays stay in files and are named."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from planner.model.assessment import Assessment, Check, Curve, Finding, Metric, ScalarField, Surface
from planner.model.case import Case, Patient
from planner.model.catheter import CatheterTarget, catheter_document, catheter_of_document
from planner.model.electrode_array import ElectrodeArray
from planner.model.embolization import Embolization, embolization_document, embolization_of_document
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.plan import Applicator, FocusGrid, Instrument, Plan
from planner.model.registration import Registration
from planner.model.resection import Resection, resection_document, resection_of_document
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.suggestion import Suggestion
from planner.model.vessel_tree import Branch, VesselTree

Document = dict[str, Any]


class ArrayFiles:
    """Names the file, offset, type and shape of arrays; what is not on disk is written once.

    Parameters
    ----------
    folder
        Where arrays that are not memory maps are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[int, tuple[npt.NDArray[Any], Document]] = {}

    def reference(self, array: npt.NDArray[Any]) -> Document:
        """Where an array lies on disk."""
        if isinstance(array, np.memmap) and array.filename is not None and array.flags.c_contiguous:
            base = {"file": str(array.filename), "offset": int(array.offset)}
            return {**base, "dtype": array.dtype.str, "shape": list(array.shape)}
        known = self._written.get(id(array))
        if known is None:
            path = self._folder / f"array{len(self._written)}.raw"
            np.ascontiguousarray(array).tofile(path)
            reference = {"file": str(path), "offset": 0, "dtype": array.dtype.str, "shape": list(array.shape)}
            known = self._written[id(array)] = (array, reference)
        return known[1]


def mapped(reference: Document) -> npt.NDArray[Any]:
    """The array of a reference, mapped read-only."""
    return np.memmap(
        reference["file"],
        dtype=np.dtype(reference["dtype"]),
        mode="r",
        offset=reference["offset"],
        shape=tuple(reference["shape"]),
    )


def case_message(case: Case, files: ArrayFiles) -> Document:
    """A case for another process on this machine."""
    return {
        "id": case.id,
        "title": case.title,
        "patient": asdict(case.patient),
        "notes": list(case.notes),
        "images": [
            {
                "id": i.id,
                "title": i.title,
                "grid": asdict(i.grid),
                "values": files.reference(i.values),
                "modality": i.modality,
                "unit": i.unit,
                "identity": asdict(i.identity),
                "acquired": i.acquired,
            }
            for i in case.images
        ],
        "structure_sets": [
            {
                "id": s.id,
                "grid": asdict(s.grid),
                "layers": [files.reference(layer) for layer in s.layers],
                "structures": [asdict(structure) for structure in s.structures],
                "frame_of_reference_uid": s.frame_of_reference_uid,
            }
            for s in case.structure_sets
        ],
        "vessel_trees": [_tree_row(t) for t in case.vessel_trees],
        "liver_places": dict(case.liver_places),
        "module_settings": {m: dict(v) for m, v in case.module_settings.items()},
        "registrations": [
            {"document": r.document(), "components": [files.reference(c) for c in r.components]}
            for r in case.registrations
        ],
    }


def case_of_message(message: Document) -> Case:
    """The case of a message, its arrays mapped."""
    images = tuple(
        Image(
            i["id"],
            i["title"],
            _grid(i["grid"]),
            mapped(i["values"]),
            i["modality"],
            i["unit"],
            msgspec.convert(i["identity"], DicomIdentity),
            i["acquired"],
        )
        for i in message["images"]
    )
    sets = tuple(
        StructureSet(
            s["id"],
            _grid(s["grid"]),
            tuple(mapped(layer) for layer in s["layers"]),
            tuple(msgspec.convert(row, Structure) for row in s["structures"]),
            s["frame_of_reference_uid"],
        )
        for s in message["structure_sets"]
    )
    patient = msgspec.convert(message["patient"], Patient)
    trees = tuple(_tree(**row) for row in message["vessel_trees"])
    return Case(
        message["id"],
        message["title"],
        images,
        sets,
        patient,
        tuple(message["notes"]),
        vessel_trees=trees,
        liver_places={word: tuple(p) for word, p in message["liver_places"].items()},
        module_settings=message["module_settings"],
        registrations=tuple(
            Registration.of_document(r["document"], [mapped(c) for c in r["components"]])
            for r in message["registrations"]
        ),
    )


def _tree_row(tree: VesselTree) -> Document:
    branches = [
        {**{f.name: getattr(b, f.name) for f in fields(b)}, "points_lps_mm": b.points_lps_mm.tolist(),
         "radii_mm": b.radii_mm.tolist()}
        for b in tree.branches
    ]  # fmt: skip
    return {
        "id": tree.id,
        "role": tree.role.value,
        "structure": tree.structure,
        "frame_of_reference_uid": tree.frame_of_reference_uid,
        "notes": list(tree.notes),
        "is_confirmed": tree.is_confirmed,
        "branches": branches,
    }


def _tree(branches: list[Document], role: str, notes: list[str], **rest: Any) -> VesselTree:
    found = tuple(
        Branch(**{**b, "points_lps_mm": np.array(b["points_lps_mm"]), "radii_mm": np.array(b["radii_mm"])})
        for b in branches
    )
    return VesselTree(branches=found, role=Role(role), notes=tuple(notes), **rest)


def plan_message(plan: Plan) -> Document:
    """A plan for another process."""
    rows = [_instrument_row(i) for i in plan.instruments]
    names = ("name", "case_id", "author", "created", "notes")
    return {**{name: getattr(plan, name) for name in names}, "instruments": rows}


def plan_of_message(message: Document) -> Plan:
    """The plan of a message."""
    instruments = tuple(_instrument(**row) for row in message["instruments"])
    names = ("name", "case_id", "author", "created", "notes")
    return Plan(**{name: message[name] for name in names}, instruments=instruments)


#: What places an instrument, by its kind; the settings are a mapping of their own.
_FIELDS = {
    "applicator": ("id", "device", "entry_lps_mm", "tip_lps_mm", "lesion"),
    "focus_grid": ("id", "device", "foci_lps_mm", "window_lps_mm", "lesion"),
}


def _instrument_row(instrument: Instrument) -> Document:
    if isinstance(instrument, ElectrodeArray):
        return {"kind": instrument.kind, **msgspec.to_builtins(instrument)}
    if isinstance(instrument, Resection):
        return {"kind": instrument.kind, **resection_document(instrument)}
    if isinstance(instrument, CatheterTarget):
        return {"kind": instrument.kind, **catheter_document(instrument)}
    if isinstance(instrument, Embolization):
        return {"kind": instrument.kind, **embolization_document(instrument)}
    placed = {name: getattr(instrument, name) for name in _FIELDS[instrument.kind]}
    return {"kind": instrument.kind, **placed, "settings": dict(instrument.settings)}


def _instrument(kind: str, **values: Any) -> Instrument:
    if kind == "electrode_array":
        return msgspec.convert(values, ElectrodeArray)
    if kind == "resection":
        return resection_of_document(values)
    if kind == "catheter_target":
        return catheter_of_document(values)
    if kind == "embolization":
        return embolization_of_document(values)
    return Applicator(**values) if kind == "applicator" else FocusGrid(**values)


def assessment_document(assessment: Assessment, folder: Path | None = None) -> Document:
    """An assessment as the JSON document of the command line and the worker.

    Parameters
    ----------
    assessment
        What to write.
    folder
        Where points, triangles and voxels are written as ``.npy``; without one they are left out.
    """

    def saved(name: str, array: npt.NDArray[Any] | None) -> str | None:
        if folder is None or array is None:
            return None
        path = folder / f"{name}.npy"
        np.save(path, array)
        return str(path)

    return {
        "module": assessment.module,
        "module_version": assessment.module_version,
        "inputs": dict(assessment.inputs),
        "settings": dict(assessment.settings),
        "metrics": [msgspec.to_builtins(m) for m in assessment.metrics],
        "findings": [msgspec.to_builtins(f) for f in assessment.findings],
        "curves": [
            {
                "name": c.name,
                "subject": c.subject,
                "x": c.x.tolist(),
                "y": c.y.tolist(),
                "x_unit": c.x_unit,
                "y_unit": c.y_unit,
            }
            for c in assessment.curves
        ],
        "surfaces": [
            {
                "name": s.name,
                "subject": s.subject,
                "unit": s.unit,
                "points": saved(f"surface{n}-points", s.points_lps_mm),
                "triangles": saved(f"surface{n}-triangles", s.triangles),
                "values": saved(f"surface{n}-values", s.values),
            }
            for n, s in enumerate(assessment.surfaces)
        ],
        "fields": [
            {"name": f.name, "unit": f.unit, "grid": asdict(f.grid), "values": saved(f"field{n}", f.values)}
            for n, f in enumerate(assessment.fields)
        ],
        **({"checks": [msgspec.to_builtins(c) for c in assessment.checks]} if assessment.checks else {}),
    }


def assessment_of_document(document: Document) -> Assessment:
    """The assessment of a document whose arrays were written beside it."""

    def loaded(name: str | None) -> Any:
        return None if name is None else np.load(name)

    return Assessment(
        document["module"],
        document["module_version"],
        document["inputs"],
        document["settings"],
        tuple(msgspec.convert(m, Metric) for m in document["metrics"]),
        tuple(msgspec.convert(f, Finding) for f in document["findings"]),
        tuple(
            Curve(
                c["name"],
                np.array(c["x"], float),
                np.array(c["y"], float),
                c["x_unit"],
                c["y_unit"],
                c["subject"],
            )
            for c in document["curves"]
        ),
        tuple(
            Surface(
                s["name"],
                loaded(s["points"]),
                loaded(s["triangles"]),
                loaded(s["values"]),
                s["unit"],
                s["subject"],
            )
            for s in document["surfaces"]
        ),
        tuple(
            ScalarField(f["name"], _grid(f["grid"]), loaded(f["values"]), f["unit"])
            for f in document["fields"]
        ),
        tuple(msgspec.convert(c, Check) for c in document.get("checks", ())),
    )


def answer_document(answer: Assessment | list[Suggestion], folder: Path) -> Document:
    """What a module answered, for another process."""
    if isinstance(answer, Assessment):
        return {"assessment": assessment_document(answer, folder)}
    rows = [
        {"name": s.name, "why": s.why, "scores": dict(s.scores), "plan": plan_message(s.plan)} for s in answer
    ]
    return {"suggestions": rows}


def answer_of_document(document: Document) -> Assessment | list[Suggestion]:
    """The answer of a document whose arrays were written beside it."""
    if "assessment" in document:
        return assessment_of_document(document["assessment"])
    return [
        Suggestion(s["name"], s["why"], plan_of_message(s["plan"]), s["scores"])
        for s in document["suggestions"]
    ]


def picture_document(picture: ScalarField, folder: Path) -> Document:
    """A field of unfinished work; a later one overwrites no earlier one."""
    path = folder / f"picture{sum(1 for _ in folder.glob('picture*.npy'))}.npy"
    np.save(path, picture.values)
    return {"name": picture.name, "unit": picture.unit, "grid": asdict(picture.grid), "values": str(path)}


def picture_of_document(document: Document) -> ScalarField:
    """The field of a document; read at once."""
    path = Path(document["values"])
    values = np.load(path)
    return ScalarField(document["name"], _grid(document["grid"]), values, document["unit"])


def _grid(row: Document) -> Grid:
    return Grid(
        tuple(row["shape"]), tuple(row["spacing_mm"]), tuple(row["origin_lps_mm"]), tuple(row["direction"])
    )
