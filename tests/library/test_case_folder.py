"""Case folders: what is written is read back, nothing is overwritten, bad ones are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from planner.base.errors import InputRefused
from planner.library.case_folder import case_of_document, create_case_folder, open_case_folder, save_case
from planner.library.index import LibraryIndex
from planner.library.store import Store
from planner.model.case import Case, Patient
from planner.model.codes import Code
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet


@pytest.fixture
def case() -> Case:
    turn, _ = np.linalg.qr(np.array([[1.0, 0.1, 0.2], [0.0, 1.0, 0.3], [0.1, 0.0, 1.0]]))
    grid = Grid((5, 6, 7), (0.7, 0.8, 2.5), (-12.5, 30.25, 900.0), tuple((turn * [1, 1, -1]).ravel()))
    values = np.random.default_rng(1).integers(-1000, 1000, grid.shape).astype(np.int16)
    identity = DicomIdentity("1.2", "1.2.3", "1.2.3.4", ("1", "2"), "ab")
    image = Image("ct", "Portal venous", grid, values, "CT", "HU", identity, "2026-11-03")
    liver, lesion = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    liver[1:4, 1:5, 1:6], lesion[2, 2:4, 2:4] = True, True
    masks = [
        (Structure("Liver", Role.LIVER, color=(154, 106, 88), code=Code("10200004", "SCT", "Liver")), liver),
        (Structure("Läsion 1", Role.LESION, color=(240, 228, 66)), lesion),
    ]
    structures = StructureSet.from_masks("structures", grid, masks, "1.2.3.4")
    return Case("id1", "A case", (image,), (structures,), Patient("Doe", "7", weight_kg=70.0), ("tilted",))


def same(one: Case, other: Case) -> None:
    assert (one.id, one.title, one.patient, one.notes) == (other.id, other.title, other.patient, other.notes)
    for a, b in zip(one.images, other.images, strict=True):
        assert a.grid.same_as(b.grid, 1e-6)
        assert np.array_equal(a.values, b.values)
        assert (a.id, a.title, a.modality, a.unit, a.identity) == (
            b.id,
            b.title,
            b.modality,
            b.unit,
            b.identity,
        )
    for s, t in zip(one.structure_sets, other.structure_sets, strict=True):
        assert s.structures == t.structures
        for structure in s.structures:
            assert np.array_equal(s.mask(structure.name), t.mask(structure.name))


def test_a_case_is_read_back_as_it_was_written(case: Case, tmp_path: Path) -> None:
    written = create_case_folder(case, tmp_path / "case")
    same(written, case)
    again = open_case_folder(tmp_path / "case")
    same(again, case)
    assert isinstance(again.image().values, np.memmap)


def test_an_edit_keeps_the_voxels_of_earlier_versions(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    first = create_case_folder(case, folder)
    store = Store(folder)
    renamed = save_case(
        first.with_structures(first.structures.edited("Läsion 1", name="Lesion A")), folder, store, "rename"
    )
    shrunk = renamed.structures.mask("Lesion A")
    shrunk[2, 3] = False
    save_case(
        renamed.with_structures(renamed.structures.with_mask(renamed.structures["Lesion A"], shrunk)),
        folder,
        store,
        "shrink",
    )
    documents = store.case_documents()
    store.close()
    assert len(documents) == 3
    same(case_of_document(documents[0], folder), case)
    assert open_case_folder(folder).structures.voxel_count("Lesion A") == 2


def test_a_folder_that_holds_something_is_refused(case: Case, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("mine")
    with pytest.raises(InputRefused, match="not empty"):
        create_case_folder(case, tmp_path)
    assert (tmp_path / "x.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(version=99), "later version"),
        (lambda d: d.update(surprise=1), "surprise"),
        (lambda d: d["patient"].update(sex="?"), "sex"),
        (lambda d: d["structure_sets"][0]["structures"][0].update(role="lifer"), "lifer"),
        (lambda d: d["images"][0].update(file="../../etc/passwd"), "outside its folder"),
        (lambda d: d.update(schema="x"), "not a case"),
    ],
)
def test_a_wrong_case_file_is_refused_naming_the_field(
    case: Case, tmp_path: Path, change: object, words: str
) -> None:
    folder = tmp_path / "case"
    create_case_folder(case, folder)
    document = json.loads((folder / "case.json").read_text())
    change(document)  # type: ignore[operator]
    (folder / "case.json").write_text(json.dumps(document))
    with pytest.raises(InputRefused) as caught:
        open_case_folder(folder)
    assert words in str(caught.value)


def test_the_index_can_be_deleted_and_rebuilt(case: Case, tmp_path: Path) -> None:
    index = LibraryIndex(tmp_path / "library")
    folder = index.cases_folder / "case-1"
    index.note(folder, create_case_folder(case, folder))
    assert [e.title for e in index.recent()] == ["A case"]
    assert index.search("doe CASE")[0].path == folder.resolve()
    assert index.search("doe nobody") == ()
    (tmp_path / "library" / "library.sqlite").write_bytes(b"not a database at all, for sure" * 50)
    assert index.recent() == ()
    assert index.rebuild() == 1
    assert index.recent()[0].case_id == "id1"
    assert index.search("100%_") == ()
