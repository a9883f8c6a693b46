"""The sample case: a trunk with five liver lesions, painted as a portal venous CT."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from planner.base.task import Task
from planner.model.case import Case, Patient
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vocabulary import vocabulary
from planner.sample.canvas import Canvas
from planner.sample.painting import PAINTERS, STRUCTURES
from planner.sample.texture import finish, grain
from planner.sample.torso import Torso
from planner.sample.truth import truth_document

CASE_ID = "sample"
SHAPE = (170, 512, 512)
SPACING_MM = (0.69, 0.69, 1.5)
#: First voxel in body coordinates, and where the body's origin lies in the scan's coordinates.
BODY_START_MM = (-176.3, -170.2, 0.0)
TABLE_OFFSET_MM = (3.4, -151.6, -1204.5)
FRAME_UID = "2.25.71003849911203544561019482237640511"


def sample_grid(coarser: int = 1) -> Grid:
    """The lattice of the scan, in body coordinates; in-plane and along z ``coarser`` times."""
    shape = tuple(n // coarser for n in SHAPE)
    spacing = tuple(s * coarser for s in SPACING_MM)
    return Grid(shape, spacing, BODY_START_MM)  # type: ignore[arg-type]


def make_sample_case(task: Task | None = None, coarser: int = 1) -> Case:
    """The sample case; the same bits every time.

    Parameters
    ----------
    task
        Told how far the work is.
    coarser
        Voxels so many times larger, for tests.
    """
    task = task or Task()
    task.report(0.0, "Shaping the body")
    body = sample_grid(coarser)
    torso = Torso.made()
    canvas = Canvas(body, grain())
    for number, (words, painter) in enumerate(PAINTERS):
        task.report(0.05 + 0.7 * number / len(PAINTERS), words)
        painter(canvas, torso)
    task.report(0.75, "Adding the scanner's blur and noise")
    finish(canvas, torso.skin, task)
    origin = np.array(BODY_START_MM) + np.array(TABLE_OFFSET_MM)
    grid = Grid(body.shape, body.spacing_mm, tuple(origin))
    identity = DicomIdentity(frame_of_reference_uid=FRAME_UID)
    image = Image("portal-venous", "Portal venous", grid, canvas.hu, "CT", "HU", identity, "2026-11-03")
    structures = StructureSet("structures", grid, tuple(canvas.layers), tuple(_structures()), FRAME_UID)
    patient = Patient(name="Sample case", id="SAMPLE-1", sex="F", age_y=62, height_cm=168, weight_kg=70)
    return Case(
        CASE_ID,
        "Sample case",
        (image,),
        (structures,),
        patient,
        ("Made by rule by Liver Planner; not a real patient. Its exact measures stand in truth.json.",),
    )


def write_truth(folder: Path) -> None:
    """Write ``truth.json`` beside ``case.json``: what is known of the sample case in closed form."""
    text = json.dumps(_truth(), indent=1)
    (folder / "truth.json").write_text(text + "\n", "utf-8")


@cache
def _truth() -> dict[str, object]:
    return truth_document(TABLE_OFFSET_MM, SPACING_MM)


def _structures() -> Iterator[Structure]:
    for name, role, layer, label in STRUCTURES:
        entry = vocabulary().entry(Role(role))
        yield Structure(name, Role(role), layer, label, entry.color, entry.code, "made by rule")
