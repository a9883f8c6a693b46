"""Resections in the report: each is listed with what it takes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import phantom

from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.resection import MarginCut, PatchCut, PlaneCut, Resection, SegmentsCut, TerritoriesCut
from planner.plugin.judging import judge
from planner.plugin.registry import find_modules
from planner.report.cut_pictures import cut_map_words, cut_maps, resected_lesions
from planner.report.pictures import save_pictures
from planner.report.resection_facts import cut_words, resection_facts
from planner.scene.palette import CUT_CLASSES, rgb


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


@pytest.fixture(scope="module")
def judged() -> tuple[Case, Plan, Assessment]:
    case = phantom((3.0, 3.0, 3.0))
    plan = Plan("A", case.id, (Resection("r1", PlaneCut((-9.19, -9.19, 0.0), (1.0, 1.0, 0.0))),))
    return case, plan, judge(find_modules().module("resection"), case, plan)


def test_a_report_shows_the_cut_over_slices_in_space_and_flat(
    judged: tuple[Case, Plan, Assessment], tmp_path: Path, qapp: object
) -> None:
    case, plan, answer = judged
    assert resected_lesions((answer,)) == ("lesion",)
    saved = save_pictures(case, plan, (answer,), tmp_path)
    assert [p.of for p in saved.slices] == ["lesion"] * 3
    (flat,) = saved.cut_maps
    assert flat.name == "cut-r1-map.png"
    assert all((tmp_path / name).stat().st_size > 1000 for name in saved.names)
    from PySide6.QtGui import QImage

    # The lesion's ball of 10 mm lies 3 mm off the cut: each picture has the colour of that class.
    near = np.array(rgb(CUT_CLASSES[1][1]))
    for name in ("lesion1-axial.png", flat.name, "space.png"):
        image = QImage(str(tmp_path / name)).convertToFormat(QImage.Format.Format_RGB888)
        pixels = np.asarray(image.constBits()).reshape(image.height(), -1)[:, : 3 * image.width()]
        away = np.abs(pixels.reshape(-1, 3).astype(int) - near).max(axis=1)
        assert (away < (60 if name == "space.png" else 12)).sum() > 50, name


def test_the_map_says_how_it_was_made(judged: tuple[Case, Plan, Assessment]) -> None:
    case, plan, answer = judged
    (found,) = cut_maps(case, plan, (answer,)).values()
    words = cut_map_words("r1", found)
    assert "a plane, laid flat exactly" in words
    assert "0.0 % on average" in words
    assert cut_maps(case, Plan("B", case.id), (answer,)) == {}
