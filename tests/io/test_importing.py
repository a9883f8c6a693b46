"""The one way in: what read_case gives, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from planner.base.errors import InputRefused
from planner.base.task import Task
from planner.io.importing import read_case, read_structures, read_volume_offers
from planner.io.nrrd import write_label_nrrd
from planner.io.offers import Verdict
from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet

from .dicom_files import ramp, write_series
from .test_segmentations import GRID, LESION, LIVER, write_map


def test_a_case_holds_image_structures_facts_and_notes(tmp_path: Path) -> None:
    write_series(tmp_path / "scan", step=(0, 0, 2.0), name="IM{}")
    (tmp_path / "seg").mkdir()
    write_map(tmp_path / "seg" / "liver.nii.gz", LIVER.astype(np.uint8))
    write_map(tmp_path / "seg" / "spot.nii.gz", LESION.astype(np.uint8))
    heard: list[str] = []
    imported = read_case(
        [tmp_path / "scan"],
        structure_paths=[tmp_path / "seg"],
        role_map={"spot": Role.LESION},
        title="My case",
        task=Task(lambda fraction, text: heard.append(text)),
    )
    case = imported.case
    assert case.title == "My case"
    assert case.patient.name == "Test, Case"
    assert np.array_equal(case.images[0].values, ramp(5) - 1000)
    assert not case.images[0].values.flags.writeable
    assert case.structures["spot"].role is Role.LESION
    assert np.array_equal(case.structures.mask("liver"), LIVER)
    assert case.structures.frame_of_reference_uid == case.images[0].identity.frame_of_reference_uid
    assert "no suffix" in case.notes[0]
    assert "Reading slices" in heard
    assert any("liver as liver" in line for line in imported.report.taken)


def test_reading_changes_nothing_where_the_source_stands(tmp_path: Path) -> None:
    write_series(tmp_path)
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in tmp_path.rglob("*")}
    read_case([tmp_path])
    assert {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in tmp_path.rglob("*")} == before


def test_further_structures_are_read_onto_an_image(tmp_path: Path) -> None:
    write_series(tmp_path / "scan")
    image = read_case([tmp_path / "scan"]).case.images[0]
    path = write_map(tmp_path / "liver.nrrd", LIVER.astype(np.uint8))
    imported = read_structures([path], image, id="more")
    assert imported.structures.id == "more"
    assert imported.structures.grid.same_as(image.grid)
    assert np.array_equal(imported.structures.mask("liver"), LIVER)


def test_further_structures_are_placed_on_the_lattice_of_those_there(tmp_path: Path) -> None:
    write_series(tmp_path / "scan")
    image = read_case([tmp_path / "scan"]).case.images[0]
    path = write_map(tmp_path / "liver.nrrd", LIVER.astype(np.uint8))
    own = image.grid
    x, y, z = (float(v) for v in own.to_lps(np.array([0.0, 0.0, 0.0])))
    finer = Grid(
        (own.shape[0], own.shape[1] * 2, own.shape[2] * 2),
        (own.spacing_mm[0] / 2, own.spacing_mm[1] / 2, own.spacing_mm[2]),
        (x - own.spacing_mm[0] / 4, y - own.spacing_mm[1] / 4, z),
        own.direction,
    )
    found = read_structures([path], image, grid=finer).structures
    assert found.grid.same_as(finer)
    # Each voxel of the scan is two by two of the finer lattice.
    assert np.array_equal(found.mask("liver"), LIVER.repeat(2, axis=1).repeat(2, axis=2))


def test_offers_come_through_the_child(tmp_path: Path) -> None:
    write_series(tmp_path)
    (offer,) = read_volume_offers([tmp_path])
    assert offer.verdict is Verdict.OK
    assert offer.shape == (5, 12, 10)
    assert "10 x 12 x 5" in offer.line


def test_a_refusal_comes_through_the_child_in_three_parts(tmp_path: Path) -> None:
    paths = write_series(tmp_path)
    paths[2].unlink()
    with pytest.raises(InputRefused) as caught:
        read_case([tmp_path])
    assert caught.value.what == "1 slice is missing."
    assert "slice_001.dcm and slice_003.dcm" in caught.value.thing
    assert caught.value.todo


def test_importing_the_room_loads_no_heavy_library() -> None:
    code = (
        "import sys, pkgutil, importlib, planner.io\n"
        "for m in pkgutil.walk_packages(planner.io.__path__, 'planner.io.'): importlib.import_module(m.name)\n"
        "heavy = {'SimpleITK', 'pydicom', 'highdicom', 'vtkmodules', 'vtk', 'scipy', 'numba', 'PySide6'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_segmentation_of_another_scan_beside_does_not_keep_the_scan_out(tmp_path: Path) -> None:
    write_series(tmp_path)
    far = type(GRID)(GRID.shape, GRID.spacing_mm, (500, 500, 500))
    write_label_nrrd(
        tmp_path / "other.seg.nrrd",
        StructureSet.from_masks("s", far, [(Structure("liver", Role.LIVER), LIVER)]),
        0,
    )
    imported = read_case([tmp_path])
    assert imported.case.structure_sets == ()
    assert "outside the image" in imported.report.refused[0]
    with pytest.raises(InputRefused, match="outside the image"):
        read_case([tmp_path], structure_paths=[tmp_path / "other.seg.nrrd"])


def test_instances_stand_in_the_order_of_the_slices(tmp_path: Path) -> None:
    paths = write_series(tmp_path, orientation=[-1, 0, 0, 0, 1, 0])
    image = read_case([tmp_path]).case.images[0]
    assert image.grid.axes[2, 2] > 0.99
    at = {pydicom.dcmread(p).SOPInstanceUID: pydicom.dcmread(p).ImagePositionPatient[2] for p in paths}
    heights = [image.grid.to_lps([0, 0, k])[2] for k in range(5)]
    assert [at[uid] for uid in image.identity.instance_uids] == pytest.approx(heights)


def test_no_room_for_the_volume_is_told(tmp_path: Path) -> None:
    write_series(tmp_path / "scan", 40)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "from planner.io.reading import CaseJob, run_case; from planner.base.task import Task\n"
        "from planner.base.errors import PlannerError\n"
        "try: run_case(CaseJob((sys.argv[1],), sys.argv[2]), Task())\n"
        "except PlannerError as error: print(error.what)"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(tmp_path / "scan"), str(tmp_path)]
    out = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "There is no room for the volume."
