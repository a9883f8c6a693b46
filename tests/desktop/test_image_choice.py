"""The choice among a case's images: by title, none, and one that is gone; and which scan added structures are of."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from planner.desktop import case_work
from planner.desktop.case_work import CaseWork
from planner.desktop.image_choice import ImageChoice
from planner.model.case import Case
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.structures import Structure, StructureSet

pytestmark = [pytest.mark.window]

GRID = Grid((3, 4, 5), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0))
OTHER = Grid((3, 4, 5), (1.0, 1.0, 2.0), (7.0, 0.0, 0.0))


def image(
    id: str, modality: str, unit: str = "", grid: Grid = GRID, uid: str = "", series: str = ""
) -> Image:
    identity = DicomIdentity(series_uid=series, frame_of_reference_uid=uid)
    return Image(id, id.title(), grid, np.zeros(grid.shape, np.int16), modality, unit, identity)


def case(*images: Image, uid: str = "") -> Case:
    liver = np.ones(GRID.shape, dtype=bool)
    structures = StructureSet.from_masks("s", GRID, [(Structure("Liver"), liver)], uid)
    return Case("c", "c", images, (structures,))


def test_images_are_chosen_by_title_and_a_gone_one_is_named(qapp: object) -> None:
    choice = ImageChoice(("NM", "PT"))
    chosen: list[str] = []
    choice.chosen.connect(chosen.append)
    known = case(image("ct", "CT", "HU"), image("spect", "NM", "Bq/ml", OTHER))
    choice.show_choice(known, "")
    assert [choice.itemText(n) for n in range(choice.count())] == ["none", "NM · Spect"]
    assert choice.currentText() == "none"
    choice.show_choice(known, "spect")
    assert choice.currentData() == "spect"
    choice.show_choice(known, "old")
    assert choice.currentText() == "'old' is not in this case"
    assert choice.count() == 3
    choice.show_choice(known, "ct")
    assert choice.currentText() == "Ct · does not say what it is", (
        "what was named elsewhere is shown as it is"
    )
    choice.show_choice(known, "")
    assert choice.count() == 2
    assert chosen == [], "showing is no choosing"
    choice.activated.emit(1)
    assert chosen == ["spect"]
    choice.deleteLater()


@pytest.mark.parametrize(
    ("shown", "frame", "answer", "own"),
    [
        (image("ct", "CT", "HU", uid="1.2"), "1.2", None, True),
        (image("late", "CT", "HU", OTHER, uid="1.2"), "1.2", None, True),
        (image("late", "CT", "HU", OTHER), "1.2", "On Ct", True),
        (image("late", "CT", "HU", OTHER), "1.2", "On Late", False),
        (image("late", "CT", "HU", OTHER), "", "Cancel", None),
    ],
)
def test_it_is_asked_which_scan_structures_are_of_where_nothing_tells(
    monkeypatch: pytest.MonkeyPatch, shown: Image, frame: str, answer: str | None, own: bool | None
) -> None:
    asked: list[Any] = []

    def ask(_window: object, title: str, text: str, choices: tuple[str, ...]) -> str:
        asked.append((title, text, choices))
        assert answer is not None
        return answer

    monkeypatch.setattr(case_work, "ask", ask)
    planning = image("ct", "CT", "HU", uid=frame)
    shown = planning if shown.id == "ct" else shown
    images = (planning,) if shown is planning else (planning, shown)
    work = CaseWork(SimpleNamespace())  # type: ignore[arg-type]
    assert work._drawn_on(replace(case(*images, uid=frame)), shown) is own
    assert len(asked) == (answer is not None)
    if asked:
        assert asked[0][2] == ("On Ct", "On Late", "Cancel")
        assert "does not say how it lies" in asked[0][1]
