"""Embolizations, stages and volumetry in files, messages and hashes; what older versions wrote reads on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.base.errors import InputRefused
from planner.io.plan_file import decode_plan, encode_plan, plan_document
from planner.library.case_document import VERSION, case_document, case_of_document
from planner.library.case_folder import create_case_folder
from planner.model.case import Case
from planner.model.embolization import Embolization
from planner.model.geometry import Grid
from planner.model.image import Image
from planner.model.plan import Applicator, Plan
from planner.model.resection import Resection, SegmentsCut
from planner.model.volumetry import Volumetry
from planner.plugin.hashing import plan_hash
from planner.plugin.message import plan_message, plan_of_message

CLOSED = Embolization("v1", "Portal vein", (3, 12), "right + segment 4", 1, "2026-10-08")
FIRST, SECOND = (
    Resection("r1", SegmentsCut(("segment 3",)), "wedge"),
    Resection("r2", SegmentsCut(("segment 5",)), "right", stage=2, date="2026-12-28"),
)
PLAN = Plan("A", "c", (FIRST, CLOSED, SECOND))
ENTRIES = (Volumetry("2026-10-06", 340.0, 1500.0, "remnant of plan A"), Volumetry("2026-11-03", 509.5))


def test_plan_files_and_messages_give_back_what_they_took() -> None:
    assert decode_plan(encode_plan(PLAN), "here") == PLAN
    assert plan_of_message(json.loads(json.dumps(plan_message(PLAN)))) == PLAN


def test_a_plan_in_one_stage_is_written_as_before() -> None:
    (row,) = plan_document(Plan("A", "c", (FIRST,)))["instruments"]
    assert set(row) == {"id", "kind", "surface", "name", "caudate", "middle_hepatic_vein"}


def test_an_embolization_of_few_words_is_read() -> None:
    row = {"id": "v1", "kind": "embolization", "tree": "Portal vein", "branches": [3]}
    document = {
        "schema": "liver-planner/plan",
        "version": 1,
        "name": "A",
        "case_id": "c",
        "instruments": [row],
    }
    assert decode_plan(json.dumps(document), "here").embolizations == (
        Embolization("v1", "Portal vein", (3,)),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"branches": []}, "a branch at least"),
        ({"branches": ["3"]}, r"branches\[0\]"),
        ({"stage": 3}, "second stage"),
        ({"date": "8.10.2026"}, "no day"),
        ({"coils": 4}, "coils"),
    ],
)
def test_a_wrong_embolization_is_refused_naming_what_is_wrong(change: dict[str, object], words: str) -> None:
    document = plan_document(PLAN)
    document["instruments"][1].update(change)
    with pytest.raises(InputRefused, match=words):
        decode_plan(json.dumps(document), "here")


def test_the_hash_tells_what_is_closed_and_the_stage_but_no_day() -> None:
    def hashed(*instruments: Embolization | Resection) -> str:
        return plan_hash(Plan("A", "c", instruments))

    assert hashed(CLOSED) == hashed(replace(CLOSED, date="", name=""))
    assert (
        len({hashed(CLOSED), hashed(replace(CLOSED, branches=(3,))), hashed(replace(CLOSED, stage=2))}) == 3
    )
    assert hashed(CLOSED) != hashed(replace(CLOSED, tree="Portal vein 2"))
    assert hashed(SECOND) == hashed(replace(SECOND, date=""))
    assert hashed(SECOND) != hashed(replace(SECOND, stage=1))


def test_plans_that_were_there_before_hash_as_they_did() -> None:
    probe = Applicator("p1", "generic-mwa-2450", (0.0, -100.0, 0.0), (0.0, 0.0, 0.0))
    # Taken before plans had stages.
    assert plan_hash(Plan("A", "c", (FIRST,))) == HASH_OF_FIRST
    assert plan_hash(Plan("A", "c", (probe, FIRST))) == HASH_OF_BOTH


HASH_OF_FIRST = "f822f4005257c5d20f0ca8357ce9c1ef66b8c930f1d645075fa86ad0058c18c3"
HASH_OF_BOTH = "b3341ba0b679423baf9352a8b3d3c03d49669cc1a38807acbe55488649a79c2b"


@pytest.fixture
def case(tmp_path: Path) -> Case:
    grid = Grid((3, 4, 5), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0))
    image = Image("ct", "CT", grid, np.zeros(grid.shape, np.int16), "CT", "HU")
    return create_case_folder(Case("c", "c", (image,), volumetry=ENTRIES), tmp_path / "case")


def test_a_case_folder_keeps_volumetry(case: Case, tmp_path: Path) -> None:
    assert case.volumetry == ENTRIES
    document = json.loads((tmp_path / "case" / "case.json").read_text())
    assert document["version"] == VERSION == 7
    assert document["volumetry"][1] == {
        "date": "2026-11-03",
        "remnant_ml": 509.5,
        "liver_ml": None,
        "source": "",
    }
    assert case_of_document(document, tmp_path / "case").volumetry == ENTRIES


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_folders_of_older_formats_open_without_volumetry(case: Case, tmp_path: Path, version: int) -> None:
    folder = tmp_path / "case"
    document = {**case_document(case, folder), "version": version}
    del document["volumetry"]
    old = case_of_document(document, folder)
    assert old.volumetry == ()
    assert old.images[0].id == "ct"


def test_a_later_format_and_two_entries_of_a_day_are_refused(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    document = case_document(case, folder)
    with pytest.raises(InputRefused, match="later version"):
        case_of_document({**document, "version": VERSION + 1}, folder)
    twice = [document["volumetry"][0]] * 2
    with pytest.raises(InputRefused, match="of this day already"):
        case_of_document({**document, "volumetry": twice}, folder)
    wrong = [{"date": "2026-11-03", "remnant": 5}]
    with pytest.raises(InputRefused, match="volumetry"):
        case_of_document({**document, "volumetry": wrong}, folder)


def test_places_of_the_liver_are_kept_and_older_folders_have_none(case: Case, tmp_path: Path) -> None:
    folder, place = tmp_path / "case", (1.5, -20.25, -1053.0)
    document = json.loads(json.dumps(case_document(case.with_liver_place("portal_fork", place), folder)))
    assert document["liver_places"] == {"portal_fork": list(place)}
    read = case_of_document(document, folder)
    assert dict(read.liver_places) == {"portal_fork": place}
    assert not read.with_liver_place("portal_fork", None).liver_places
    del document["liver_places"]
    assert not case_of_document({**document, "version": 5}, folder).liver_places
    with pytest.raises(InputRefused, match="liver_places"):
        case_of_document({**document, "liver_places": {"portal_fork": [1.0, 2.0]}}, folder)
