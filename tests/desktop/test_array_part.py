"""The form of pulses: it says why a nominal V/d that was asked for is not what stands there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDoubleSpinBox, QLabel

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import SKIN_MM, phantom

from planner.desktop.application import make_application
from planner.desktop.array_part import PulseForm
from planner.model.plan import Plan
from planner.planning.pulse_voltages import nominal_v_per_cm
from planner.session.actions import Workbench
from planner.session.session import Session

MOST_V = 3000.0


@pytest.fixture
def form(qapp: object) -> Iterator[PulseForm]:
    make_application()
    case = phantom((3.0, 3.0, 3.0))
    session = Session()
    session.open_case(case, Plan("A", case.id))
    bench = Workbench(session)
    bench.electrodes.set_up(count=4)
    bench.electrodes.start()
    bench.placing.click((0.0, 0.0, 0.0))
    bench.placing.click((0.0, -SKIN_MM, 0.0))
    made = PulseForm(bench, lambda change: change())
    session.plan_changed.connect(made.refresh)
    made.resize(340, 300)
    made.show()
    made.refresh()
    yield made
    made.deleteLater()
    session.close()


def test_pairs_the_generator_holds_back_are_told(form: PulseForm) -> None:
    words = form.findChild(QLabel, "heldVoltages")
    nominal = form.findChild(QDoubleSpinBox, "ire_nominal")
    assert isinstance(words, QLabel)
    assert isinstance(nominal, QDoubleSpinBox)
    nominal.setValue(700.0)
    assert not words.isVisible()
    nominal.setValue(2600.0)
    array = form.bench.electrodes.array
    assert array is not None
    below = [p for p in array.pairs if nominal_v_per_cm(array, p) < 2500.0]
    assert below, "some of these pairs are too far apart for 2600 V/cm"
    assert {p.voltage_v for p in below} == {MOST_V}
    assert words.isVisible()
    assert words.text().startswith(f"{len(below)} of {len(array.pairs)} pairs")
    assert "3000 V" in words.text()
    assert "unverified" in words.text()
    fewer = replace(array, pairs=())
    form.bench.session.change_plan("Leave all pairs out", form.bench.session.plan.with_instrument(fewer))
    assert words.text().startswith("No pair is pulsed")
    assert words.height() >= words.heightForWidth(words.width()), "all lines are seen"
