"""Resections are valid from birth, come back from files and messages, and follow renamed structures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from planner.base.errors import InputRefused, InvalidValue
from planner.io.plan_file import decode_plan, encode_plan, read_plan, write_plan
from planner.model.plan import Applicator, Plan
from planner.model.registration import Registration
from planner.model.resection import (
    MarginCut,
    PatchCut,
    PlaneCut,
    Resection,
    SegmentsCut,
    TerritoriesCut,
    cut_document,
    cut_of_document,
)
from planner.planning.carried_plan import carried_plan
from planner.plugin.hashing import plan_hash
from planner.plugin.message import plan_message, plan_of_message

NET = tuple(tuple((float(x), float(y), 0.1 * x * y) for y in range(3)) for x in range(4))
CUTS = [
    PlaneCut((1.0, 2.0, 3.0), (0.0, 0.0, 2.0)),
    PatchCut(NET),
    SegmentsCut(("segment 5", "segment 8")),
    TerritoriesCut("portal", (4, 2)),
    MarginCut("lesion", 10.0, is_wedge=False),
]


def plan(*cuts) -> Plan:
    kept = Applicator("p1", "generic-mwa-2450", (0.0, -90.0, 0.0), (0.0, 0.0, 0.0))
    return Plan(
        "A", "c", (kept, *(Resection(f"r{n}", cut, caudate="remnant") for n, cut in enumerate(cuts, 1)))
    )


def test_values_are_put_in_order() -> None:
    assert CUTS[0].normal_lps == (0.0, 0.0, 1.0)
    assert list(CUTS[0].distance_mm(np.array([(9.0, 9.0, 5.0), (0.0, 0.0, 0.0)]))) == [2.0, -3.0]
    assert CUTS[3].branches == (2, 4)
    assert CUTS[1].control.shape == (4, 3, 3)
    assert Resection("r1", CUTS[4]).lesion == "lesion"
    assert Resection("r1", CUTS[0]).lesion == ""


@pytest.mark.parametrize("cut", CUTS, ids=lambda c: c.type)
def test_they_come_back(cut, tmp_path: Path) -> None:
    made = plan(cut)
    assert cut_of_document(cut_document(cut)) == cut
    write_plan(made, tmp_path / "a.plan.json")
    assert read_plan(tmp_path / "a.plan.json") == made
    assert plan_of_message(json.loads(json.dumps(plan_message(made)))) == made
    assert [r.id for r in made.resections] == ["r1"]
    assert encode_plan(decode_plan(encode_plan(made), "x")) == encode_plan(made)


def test_the_hash_is_of_what_is_cut() -> None:
    assert len({plan_hash(plan(c)) for c in CUTS}) == len(CUTS)
    other = Resection("r1", CUTS[0], caudate="specimen")
    assert plan_hash(plan(CUTS[0])) != plan_hash(plan().with_instrument(other))


def test_structures_are_followed_when_they_are_renamed() -> None:
    renamed = plan(*CUTS).with_structure_renamed("segment 8", "VIII").with_structure_renamed("lesion", "met")
    assert renamed.instrument("r3").surface.structures == ("segment 5", "VIII")
    assert renamed.instrument("r5").surface.lesion == "met"
    assert renamed.instrument("r1") == plan(*CUTS).instrument("r1")


def test_planes_and_patches_are_carried_over() -> None:
    turn = np.array([[0, -1, 0, 5], [1, 0, 0, -2], [0, 0, 1, 7], [0, 0, 0, 1]], float)
    moved = carried_plan(plan(*CUTS), Registration("a", "b", turn), "B").plan
    plane = moved.instrument("r1").surface
    assert plane.point_lps_mm == pytest.approx((3.0, -1.0, 10.0))
    assert plane.normal_lps == pytest.approx((0.0, 0.0, 1.0))
    net = moved.instrument("r2").surface.control
    expected = np.array(NET) @ turn[:3, :3].T + turn[:3, 3]
    assert net == pytest.approx(expected)
    assert moved.instrument("r3") == plan(*CUTS).instrument("r3")


@pytest.mark.parametrize(
    ("surface", "words"),
    [
        ({"type": "axe"}, "not known"),
        ({"type": "plane", "point_lps_mm": [0, 0, 0]}, "field of a resection"),
        ({"type": "plane", "point_lps_mm": [0, 0, 0], "normal_lps": [0, 0, 0]}, "needs a length"),
        ({"type": "plane", "point_lps_mm": [0, 0], "normal_lps": [0, 0, 1]}, "three finite"),
        ({"type": "patch", "control_lps_mm": [[[0, 0, 0], [1, 0, 0]]]}, "net of"),
        ({"type": "patch", "control_lps_mm": [[[0, 0, 0], [0, 0, 0]], [[0, 1, 0], [1, 1, 0]]]}, "coincide"),
        ({"type": "segments", "structures": []}, "names one"),
        ({"type": "territories", "tree": "", "branches": [1]}, "a tree and a branch"),
        ({"type": "margin", "lesion": "a", "margin_mm": -1}, "positive margin"),
    ],
)
def test_impossible_cuts_are_refused(surface, words: str) -> None:
    document = json.loads(encode_plan(plan(CUTS[0])))
    document["instruments"][1]["surface"] = surface
    with pytest.raises(InputRefused, match=words):
        decode_plan(json.dumps(document), "a.plan.json")


def test_sides_are_words() -> None:
    with pytest.raises(InvalidValue, match="specimen or to the remnant"):
        Resection("r1", CUTS[0], caudate="both")
    with pytest.raises(InvalidValue, match="needs an id"):
        Resection("", CUTS[0])
