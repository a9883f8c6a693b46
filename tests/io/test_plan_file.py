"""Plan files: read back as written, and refused with the field that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planner.base.errors import InputRefused, PlannerError
from planner.io.plan_file import decode_plan, encode_plan, read_plan, write_plan
from planner.model.plan import Applicator, Plan
from planner.model.resection import PlaneCut, Resection

PROBE = Applicator(
    "p1", "generic-mwa-2450", (1.5, -80, 0.25), (0, 5, 0), {"power_w": 100, "time_s": 300}, "lesion 2"
)
PLAN = Plan("MWA lesion 2", "c1", (PROBE,), "Dr. Ä", "2026-11-21T10:00:00Z", "two\nlines")


def test_a_plan_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.plan.json"
    write_plan(PLAN, path)
    assert read_plan(path) == PLAN
    assert [p.name for p in tmp_path.iterdir()] == ["a.plan.json"]


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode_plan(PLAN))
    return found


def test_the_form_of_the_design_can_be_read() -> None:
    text = """{"schema": "liver-planner/plan", "version": 1, "name": "MWA lesion 2", "case_id": "c1",
     "created": "2026-11-21T10:00:00Z", "author": "", "instruments": [
     {"id": "p1", "kind": "applicator", "device": "generic-mwa-2450", "entry_lps_mm": [0, -80, 0],
      "tip_lps_mm": [0, 5, 0], "settings": {"power_w": 100, "time_s": 300}, "lesion": "livertumor02"}], "notes": ""}"""
    assert decode_plan(text, "here").applicators[0].settings["time_s"] == 300


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(version=2), "later version"),
        (lambda d: d.update(version=True), "version"),
        (lambda d: d.update(surprise=1), "surprise"),
        (lambda d: d["instruments"][0].update(power=1), "power"),
        (lambda d: d["instruments"][0].update(tip_lps_mm=[0, 1]), "tip_lps_mm"),
        (lambda d: d["instruments"][0].update(tip_lps_mm=d["instruments"][0]["entry_lps_mm"]), "same point"),
        (lambda d: d["instruments"][0].update(kind="particle_beam"), "kind"),
        (lambda d: d["instruments"].append(d["instruments"][0]), "share an id"),
        (lambda d: d.pop("case_id"), "case_id"),
        (lambda d: d.update(schema="other"), "no plan"),
    ],
)
def test_wrong_plans_are_refused_naming_the_field(change: Any, words: str) -> None:
    found = document()
    change(found)
    with pytest.raises(InputRefused) as caught:
        decode_plan(json.dumps(found), "a.plan.json")
    assert words in str(caught.value)
    assert caught.value.todo


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(number: str) -> None:
    text = encode_plan(PLAN).replace("100.0", number)
    with pytest.raises(InputRefused):
        decode_plan(text, "a.plan.json")


def test_a_read_only_folder_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(PlannerError, match="could not be written"):
        write_plan(PLAN, tmp_path / "missing" / "a.plan.json")
    with pytest.raises(InputRefused, match="cannot be read"):
        read_plan(tmp_path / "missing.plan.json")
    (tmp_path / "text.plan.json").write_text("hello")
    with pytest.raises(InputRefused, match="not valid JSON"):
        read_plan(tmp_path / "text.plan.json")


def test_planes_are_read_as_they_were_written() -> None:
    """A normal is normalised once: a plan that was saved equals the open one, to the last digit."""
    rng = np.random.default_rng(3)
    cuts = [
        Resection(f"r{n}", PlaneCut(tuple(rng.normal(size=3)), tuple(rng.normal(size=3) * 9.0)))
        for n in range(200)
    ]
    plan = Plan("A", "c", tuple(cuts))
    assert decode_plan(encode_plan(plan), "here") == plan
    assert all(abs(np.linalg.norm(c.surface.normal_lps) - 1.0) < 1e-12 for c in cuts)


@pytest.mark.parametrize("text", [b'{"a": "\xff\xfe"}', b"[" * 200_000], ids=["no UTF-8", "nested too deep"])
def test_bytes_that_are_no_json_are_refused_in_words(text: bytes) -> None:
    with pytest.raises(InputRefused, match="not valid JSON"):
        decode_plan(text, "a.plan.json")
