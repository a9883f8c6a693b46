"""Electrodes of an array: what they refuse, how they move, and that plans with them are kept whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planner.base.errors import InputRefused, InvalidValue
from planner.io.plan_file import decode_plan, encode_plan, read_plan, write_plan
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Applicator, Plan
from planner.plugin.hashing import plan_hash
from planner.plugin.message import plan_message, plan_of_message

LEFT = Electrode((-7.5, -80.0, 0.0), (-7.5, 10.0, 0.0), 20.0)
RIGHT = Electrode((7.5, -80.0, 4.0), (7.5, 10.0, 0.0), 25.0)
ARRAY = ElectrodeArray("e1", "generic-ire-19g", (LEFT, RIGHT), (PulsePair(0, 1, 2250.0),), lesion="lesion 4")
PROBE = Applicator("p1", "generic-mwa-2450", (0, -80, 0), (0, 5, 0), {"power_w": 100, "time_s": 300}, "l")
PLAN = Plan("IRE", "c1", (PROBE, ARRAY))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Electrode((0, 0, 0), (0, 0, 0), 1.0), "same point"),
        (lambda: Electrode((0, 0, 0), (0, 0, 30), 31.0), "longer than the needle"),
        (lambda: Electrode((0, 0, 0), (0, 0, 30), 0.0), "not positive"),
        (lambda: Electrode((0, 0, 0), (0, 0, 30), float("nan")), "not positive"),
        (lambda: Electrode((0, 0, 0), (0, 0, float("inf")), 1.0), "finite"),
        (lambda: PulsePair(1, 1, 100.0), "lower number first"),
        (lambda: PulsePair(1, 0, 100.0), "lower number first"),
        (lambda: PulsePair(0, 1, -5.0), "zero or more"),
        (lambda: PulsePair(0, 1, float("nan")), "zero or more"),
        (lambda: replace(ARRAY, electrodes=()), "one to 6"),
        (lambda: replace(ARRAY, electrodes=(LEFT,) * 7), "one to 6"),
        (lambda: replace(ARRAY, pairs=(PulsePair(0, 2, 1.0),)), "not there"),
        (lambda: replace(ARRAY, pairs=(PulsePair(0, 1, 1.0), PulsePair(0, 1, 2.0))), "named twice"),
        (lambda: replace(ARRAY, pulses=0), "1 or more"),
        (lambda: replace(ARRAY, pulse_us=float("nan")), "or more"),
        (lambda: replace(ARRAY, pull_backs=1), "needs a length"),
        (lambda: replace(ARRAY, pull_backs=8, pull_back_mm=10.0), "pulled back so far"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(make: Any, words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        make()


def test_the_bare_part_ends_at_the_tip() -> None:
    tip, end = RIGHT.exposed_ends_lps_mm
    assert tip == pytest.approx(RIGHT.tip_lps_mm)
    assert np.linalg.norm(tip - end) == pytest.approx(25.0)
    assert (end - np.array(RIGHT.entry_lps_mm)) @ RIGHT.direction > 0


def test_moving_and_pulling_back_keep_the_needles_parallel() -> None:
    moved = ARRAY.moved((1.0, 2.0, 3.0))
    for before, after in zip(ARRAY.electrodes, moved.electrodes, strict=True):
        assert after.direction == pytest.approx(before.direction)
        assert np.subtract(after.tip_lps_mm, before.tip_lps_mm) == pytest.approx((1.0, 2.0, 3.0))
    steps = replace(ARRAY, pull_backs=2, pull_back_mm=15.0).positions()
    assert len(steps) == 3
    assert steps[0] == ARRAY
    for n, step in enumerate(steps):
        for before, after in zip(ARRAY.electrodes, step.electrodes, strict=True):
            gone = np.subtract(before.tip_lps_mm, after.tip_lps_mm) @ before.direction
            assert gone == pytest.approx(15.0 * n)


def test_a_plan_with_electrodes_is_read_back_and_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.plan.json"
    write_plan(PLAN, path)
    assert read_plan(path) == PLAN
    assert plan_of_message(json.loads(json.dumps(plan_message(PLAN)))) == PLAN


def test_the_form_of_the_design_can_be_read() -> None:
    text = """{"schema": "liver-planner/plan", "version": 1, "name": "A", "case_id": "c1", "instruments": [
     {"id": "e1", "kind": "electrode_array", "device": "generic-ire-19g", "lesion": "livertumor04",
      "pulses": 90, "pulse_us": 90,
      "electrodes": [{"entry_lps_mm": [0, -80, 0], "tip_lps_mm": [0, 0, 0], "exposure_mm": 20},
                     {"entry_lps_mm": [15, -80, 0], "tip_lps_mm": [15, 0, 0], "exposure_mm": 20}],
      "pairs": [{"a": 0, "b": 1, "voltage_v": 2250}]}]}"""
    (array,) = decode_plan(text, "here").electrode_arrays
    assert array.lesion == "livertumor04"
    assert array.pairs == (PulsePair(0, 1, 2250.0),)
    assert array.pull_backs == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a["electrodes"].clear(), "one to 6"),
        (lambda a: a["electrodes"][0].pop("exposure_mm"), "exposure_mm"),
        (lambda a: a["electrodes"][0].update(exposure_mm=500), "longer than the needle"),
        (lambda a: a["pairs"][0].update(b=4), "not there"),
        (lambda a: a["pairs"][0].update(voltage_v=-1), "zero or more"),
        (lambda a: a.update(pulses="many"), "pulses"),
        (lambda a: a.update(settings={}), "settings"),
    ],
)
def test_wrong_arrays_are_refused_naming_the_field(change: Any, words: str) -> None:
    found = json.loads(encode_plan(PLAN))
    change(found["instruments"][1])
    with pytest.raises(InputRefused) as caught:
        decode_plan(json.dumps(found), "a.plan.json")
    assert words in str(caught.value)
    assert caught.value.todo


@pytest.mark.parametrize(
    "other",
    [
        replace(ARRAY, pulses=80),
        replace(ARRAY, pulse_us=70.0),
        replace(ARRAY, pairs=()),
        replace(ARRAY, pull_backs=1, pull_back_mm=5.0),
        ARRAY.with_electrode(1, replace(RIGHT, exposure_mm=24.0)),
        replace(ARRAY, lesion=""),
    ],
)
def test_every_change_changes_the_hash_of_the_plan(other: ElectrodeArray) -> None:
    assert plan_hash(PLAN.with_instrument(other)) != plan_hash(PLAN)
    assert plan_hash(replace(PLAN, notes="other words")) == plan_hash(PLAN)
