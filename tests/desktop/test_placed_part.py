"""Needles in place in the side panel: rows by electrode, the pair table, and room for it in 340 pixels."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom

from planner.compute.needle_finding import FoundNeedle
from planner.desktop.application import make_application
from planner.desktop.placed_part import PlacedPart
from planner.model.assessment import Assessment, Metric, Target
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Plan
from planner.planning.device_library import device_library
from planner.planning.electrode_arrays import standard_pairs
from planner.session.actions import Workbench
from planner.session.session import Session

PANEL_PX = 340
#: Six electrodes, the most there are: fifteen pairs, eleven of them within reach.
PLACES = ((0.0, 0.0), (15.0, 0.0), (22.0, 13.0), (15.0, 26.0), (0.0, 26.0), (-7.0, 13.0))


def array() -> ElectrodeArray:
    electrodes = tuple(Electrode((x, -90.0, z), (x, 10.0, z), 20.0) for x, z in PLACES)
    bare = ElectrodeArray("e1", "generic-ire-19g", electrodes, lesion="lesion")
    device = device_library().device(bare.device)
    return replace(bare, pairs=standard_pairs(bare, device, 1000.0, 30.0)[0])


def found(count: int = 6, shift_mm: float = 1.0) -> tuple[FoundNeedle, ...]:
    return tuple(
        FoundNeedle((x * 1.08, -90.0 + shift_mm, z), (x * 1.08, 10.0 + shift_mm, z), is_marked=n == 0)
        for n, (x, z) in enumerate(PLACES[:count])
    )


@pytest.fixture
def part(qapp: object) -> Iterator[PlacedPart]:
    make_application()
    case = phantom((6.0, 6.0, 6.0))
    case = case.with_image(replace(case.images[0], id="control", values=np.array(case.images[0].values)))
    session = Session()
    session.open_case(case, Plan("A", case.id, (array(),)))
    bench = Workbench(session)
    bench.following.switch(True)
    made = PlacedPart(bench)
    made.resize(PANEL_PX, 800)
    made.show()
    yield made
    made.close()


def words(part: PlacedPart, name: str) -> str:
    label = part.findChild(QLabel, name)
    assert isinstance(label, QLabel)
    return label.text()


def test_rows_name_the_electrodes_and_how_far_off_they_are(part: PlacedPart) -> None:
    part.refresh()
    assert part.pairs.isHidden()
    part.bench.placed.show(found())
    part.refresh()
    texts = [label.text() for label in part.findChildren(QLabel)]
    assert [f"e1 electrode {n}" in texts for n in range(1, 7)] == [True] * 6
    assert words(part, "deviation_0") == "0.0 mm aside, 1.0 mm deeper, 0.0° (marked)"
    assert words(part, "deviation_1") == "1.2 mm aside, 1.0 mm deeper, 0.0°"
    assert part.judge.isEnabled()
    assert "The mode IRE shows and exports this table once judged." in part.judge.toolTip()
    assert words(part, "placedPairWhere") == "The mode IRE shows and exports this table once judged."


def test_the_pair_table_as_placed_is_there_before_any_judging(part: PlacedPart) -> None:
    part.bench.placed.show(found())
    part.refresh()
    assert not part.pairs.isHidden()
    assert [words(part, f"placedPair_0_{n}") for n in range(3)] == ["1–2", "15.0 → 16.2", "1500 → 1620"]
    assert part.findChild(QLabel, "placedPair_0_3") is None, "no currents yet"
    assert part.findChild(QLabel, "compared_0_1") is None


def test_electrodes_that_were_not_found_are_named(part: PlacedPart) -> None:
    part.bench.placed.show(found(2))
    part.refresh()
    names = ", ".join(f"e1 electrode {n}" for n in (3, 4, 5, 6))
    assert words(part, "placedWords") == f"Not found: {names}."
    assert "pairs are lost" in words(part, "placedPairWords")
    assert part.findChild(QLabel, "placedPair_1_0") is None


def test_a_needle_too_short_is_named_and_nothing_can_be_judged(part: PlacedPart) -> None:
    short = FoundNeedle((0.0, -5.0, 0.0), (0.0, 10.0, 0.0))
    part.bench.placed.show((short, *found()[1:]))
    part.refresh()
    assert not part.judge.isEnabled()
    assert "e1 electrode 1: 15.0 mm for 20 mm of bare part" in words(part, "placedWords")
    assert words(part, "deviation_0") == "15.0 mm long"
    assert part.pairs.isHidden()


def test_all_can_be_read_in_the_side_panel(part: PlacedPart, monkeypatch: pytest.MonkeyPatch) -> None:
    placed, session = part.bench.placed, part.bench.session
    beside = tuple(e.moved((60.0, 0.0, 0.0)) for e in array().electrodes[:2])
    second = replace(array(), id="e2", electrodes=beside, pairs=(PulsePair(0, 1, 2900.0),))
    session.change_plan("Add an array", session.plan.with_instrument(second))
    metrics = [Metric("lesion_coverage_percent", 99.0, "%", "lesion")]
    too_much = Target(high=40.0)
    for each in (array(), second):
        subjects = [f"{each.id}:{p.a}-{p.b}" for p in each.pairs]
        metrics += [Metric("pair_current_a", 44.4, "A", s, target=too_much) for s in subjects]
    answers = (Assessment("electroporation", "0", {}, {}, tuple(metrics)),)
    far = tuple(FoundNeedle((60.0 + 17.0 * n, -90.0, 0.0), (60.0 + 17.0 * n, 10.0, 0.0)) for n in range(2))
    placed.show((*found(), *far))
    placed.judge_as_placed(session.plan, answers)
    monkeypatch.setattr(session.judgements, "current_answers", lambda plan: answers)
    part.refresh()
    part.resize(PANEL_PX, 900)
    QApplication.processEvents()  # lays it out
    last = len(array().pairs)
    assert words(part, f"placedPair_{last}_2") == "2900 → 3000 ▲"
    assert words(part, f"placedPair_{last}_3") == "44.4 → 44.4 ▲"
    assert "Electrodes e2" in [label.text() for label in part.findChildren(QLabel)]
    assert words(part, "compared_0_2") == "99 %"
    assert part.minimumSizeHint().width() <= PANEL_PX
    for label in part.findChildren(QLabel):
        if label.isVisible() and not label.wordWrap():
            assert label.width() >= label.sizeHint().width(), label.text()
        assert label.mapTo(part, label.rect().topRight()).x() <= PANEL_PX, label.text()


def test_probes_read_as_before_and_every_instrument_names_its_lesion(part: PlacedPart) -> None:
    session = part.bench.session
    probe = custom_probe((60.0, -80.0, 20.0))
    session.change_plan("Add a probe", session.plan.with_instrument(replace(probe, lesion="")))
    session.selection.choose(lesion="")
    ends = FoundNeedle(probe.entry_lps_mm, probe.tip_lps_mm)
    part.bench.placed.show((ends, *found()))
    part.refresh()
    assert "p1" in [label.text() for label in part.findChildren(QLabel)]
    buttons = [b for b in part.findChildren(QPushButton) if b.text() == "Remove"]
    assert len(buttons) == 7
    buttons[1].click()
    part.refresh()
    assert words(part, "placedWords") == "Not found: e1 electrode 1."
