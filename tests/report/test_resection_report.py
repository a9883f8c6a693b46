"""Resections in the report: each is listed with what it takes."""

from __future__ import annotations

from planner.model.plan import Plan
from planner.model.resection import MarginCut, PatchCut, PlaneCut, Resection, SegmentsCut, TerritoriesCut
from planner.report.resection_facts import cut_words, resection_facts


def test_each_cut_has_words() -> None:
    net = tuple(tuple((float(x), float(y), 0.0) for y in range(3)) for x in range(4))
    assert cut_words(PlaneCut((1.0, 2.0, 3.0), (0.0, 0.0, 2.0))).endswith("taken towards (0.00, 0.00, 1.00)")
    assert "4 × 3" in cut_words(PatchCut(net))
    assert cut_words(SegmentsCut(("segment 5", "segment 8"))) == "segment 5, segment 8"
    assert cut_words(TerritoriesCut("portal", (3, 1))) == "territories of branches 1, 3 of portal"
    assert cut_words(MarginCut("met", 10.0)) == "wedge around met at 10 mm"
    assert cut_words(MarginCut("met", 5.0, is_wedge=False)) == "excision around met at 5 mm"


def test_who_gets_what_is_said() -> None:
    cut = SegmentsCut(("segment 5",))
    plan = Plan(
        "A", "c", (Resection("r1", cut, "sectionectomy", "specimen", "remnant"), Resection("r2", cut))
    )
    first, second = resection_facts(plan)
    assert first["given"] == "caudate lobe to the specimen; middle hepatic vein to the remnant"
    assert (first["name"], second["given"]) == ("sectionectomy", "")
