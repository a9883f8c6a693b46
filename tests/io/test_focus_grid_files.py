"""Plan files with grids of foci: read back as written, refused with the field that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from planner.base.errors import InputRefused
from planner.io.plan_file import decode_plan, encode_plan, read_plan, write_plan
from planner.model.plan import Applicator, FocusGrid, Plan

GRID = FocusGrid(
    "h1",
    "generic-hifu",
    ((0.25, 1.0, -2.5), (0.25, 4.0, -2.5)),
    ((0.0, -80.0, 0.0), (9.0, -80.0, 0.0), (0.0, -80.0, 9.0)),
    {"power_w": 8, "time_s": 20},
    "lesion 2",
)
PROBE = Applicator("p1", "generic-mwa-2450", (0, -80, 0), (0, 5, 0), {"power_w": 100, "time_s": 300}, "l")
PLAN = Plan("Both", "c1", (GRID, PROBE))


def test_a_plan_of_both_kinds_is_read_back_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "a.plan.json"
    write_plan(PLAN, path)
    assert read_plan(path) == PLAN


def test_the_form_of_the_design_can_be_read() -> None:
    text = """{"schema": "liver-planner/plan", "version": 1, "name": "A", "case_id": "c1", "instruments": [
     {"id": "h1", "kind": "focus_grid", "device": "generic-hifu", "foci_lps_mm": [[1, 2, 3]], "window_lps_mm": []}]}"""
    (grid,) = decode_plan(text, "here").focus_grids
    assert grid == FocusGrid("h1", "generic-hifu", ((1.0, 2.0, 3.0),))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: g.update(foci_lps_mm=[]), "at least one focus"),
        (lambda g: g.update(foci_lps_mm=[[0, 1]]), "foci_lps_mm"),
        (lambda g: g.update(window_lps_mm=[[0, 1, 2]]), "three points"),
        (lambda g: g.update(tip_lps_mm=[0, 1, 2]), "tip_lps_mm"),
        (lambda g: g.pop("foci_lps_mm"), "foci_lps_mm"),
        (lambda g: g.update(kind="laser_sword"), "laser_sword"),
        (lambda g: g.pop("kind"), "kind"),
    ],
)
def test_wrong_grids_are_refused_naming_the_field(change: Any, words: str) -> None:
    found = json.loads(encode_plan(PLAN))
    change(found["instruments"][0])
    with pytest.raises(InputRefused) as caught:
        decode_plan(json.dumps(found), "a.plan.json")
    assert words in str(caught.value)
    assert caught.value.todo
