"""Attempts: valid from birth, kept in one line, read back to the bit, and refused where damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from planner.base.errors import InputRefused, InvalidValue
from planner.practice.attempt_document import VERSION, attempt_document, decode_attempt, encode_attempt
from planner.practice.attempts import Attempt, AttemptStep, utc_moment
from planner.practice.scoring import Score, ScorePart

from .made_attempts import PERFECT, array, attempt, grid, plan, probe, steps


def rich() -> Attempt:
    placed = plan(probe(), array(), grid())
    landed = AttemptStep(40.0, "Put the needles in", placed, plan(probe(tip_mm=11.0)))
    return replace(attempt(made=(*steps(4), landed)), plan=placed, profile="Žofie 3")


def test_an_attempt_comes_back_as_it_was() -> None:
    for made in (
        attempt(),
        rich(),
        attempt(3, replace(PERFECT, margin_mm=None, stops=("path_crosses_bone",))),
    ):
        line = encode_attempt(made)
        assert b"\n" not in line
        found = decode_attempt(line, "here")
        assert found == made
        assert encode_attempt(found) == line, "the same attempt, the same bytes"
        assert found.key == made.key


def test_numbers_come_back_to_the_bit() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        x, y, z = (float(v) for v in rng.normal(size=3) * 10.0 ** rng.uniform(-8, 8))
        needle = replace(probe(), tip_lps_mm=(x, y, z))
        made = replace(attempt(), plan=plan(needle), seconds=abs(x))
        assert decode_attempt(encode_attempt(made), "here") == made


def test_an_instrument_that_stays_stands_once() -> None:
    document = attempt_document(attempt(made=steps(20)))
    # p1 in 20 places, the first of them also committed; p2 that stays; p1 where it landed.
    assert len(document["instruments"]) == 20 + 1 + 1
    few, many = (len(encode_attempt(attempt(made=steps(n)))) for n in (10, 110))
    assert (many - few) / 100 < 350, "bytes a step"


def test_plans_lose_name_author_and_notes() -> None:
    signed = replace(plan(), name="Mine", author="Dr X", notes="for room 3", created="2026-01-01")
    made = replace(attempt(), plan=signed, landed=signed)
    assert (made.plan.author, made.plan.notes, made.plan.created) == ("", "", "")
    assert b"Dr X" not in encode_attempt(made)
    assert b"room 3" not in encode_attempt(made)


def test_an_old_attempt_keeps_the_score_it_was_given() -> None:
    old = Score((ScorePart("dexterity", "Dexterity", 3.0, 7.0, "as it was"),), 3.0, 5.0, 77)
    found = decode_attempt(encode_attempt(replace(attempt(), score=old)), "here")
    assert found.score == old
    assert found.scoring_version == 77
    assert not found.score.is_passed


def test_moments_are_utc_whatever_zone_they_came_from() -> None:
    assert utc_moment("2026-11-03T14:05:00+02:00", "x") == "2026-11-03T12:05:00.000+00:00"
    assert utc_moment("2026-11-03T14:05:00.1239Z", "x") == "2026-11-03T14:05:00.123+00:00"
    assert utc_moment(utc_moment("2026-11-03T14:05:00Z", "x"), "x") == "2026-11-03T14:05:00.000+00:00"
    for wrong in (
        "",
        "2026-11-03T14:05:00",
        "yesterday",
        "2026-13-03T14:05:00Z",
        "0001-01-01T00:00:00+23:00",
    ):
        with pytest.raises(InvalidValue, match="no moment"):
            utc_moment(wrong, "start")


def test_the_key_is_the_attempts_and_not_the_profiles() -> None:
    made = attempt()
    assert replace(made, profile="Someone else").key == made.key
    assert len({made.key, attempt(1).key, replace(made, seconds=31.0).key}) == 3
    assert replace(made, landed=plan(probe(tip_mm=13.0))).key != made.key


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"profile": " "}, "belongs to a profile"),
        ({"exercise": ""}, "belongs to an exercise"),
        ({"level": "heroic"}, "level and skills"),
        ({"skills": ("juggling",)}, "level and skills"),
        ({"started": "now"}, "no moment"),
        ({"committed": "2026-11-03"}, "no moment"),
        ({"seconds": -1.0}, "not negative"),
        ({"seconds": float("nan")}, "not negative"),
        ({"seed": -1}, "whole number"),
        ({"seed": 2**63}, "whole number"),
        ({"seed": True}, "whole number"),
        ({"case_id": "other"}, "another case"),
        ({"landed": plan(case_id="other")}, "another case"),
        ({"steps": steps(3)[::-1]}, "go on in time"),
        ({"steps": (AttemptStep(0.0, "Place", plan(case_id="other")),)}, "another case"),
        ({"steps": (AttemptStep(0.0, "Place", plan(), plan(case_id="other")),)}, "another case"),
        ({"score": Score((), float("inf"), 60.0, 1)}, "finite numbers"),
        ({"score": Score((), 1.0, 60.0, 0)}, "says its version"),
        ({"score": Score((ScorePart("a", "A", 3.0, 2.0, ""),), 3.0, 60.0, 1)}, "no more than it has"),
    ],
)
def test_what_is_no_attempt_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        replace(attempt(), **change)


def test_nothing_placed_is_nothing_to_commit() -> None:
    with pytest.raises(InvalidValue, match="Nothing is placed"):
        replace(attempt(), plan=replace(plan(), instruments=()))


@pytest.mark.parametrize(("after_s", "label"), [(-0.1, "x"), (float("inf"), "x"), (1.0, "  ")])
def test_what_is_no_step_is_refused(after_s: float, label: str) -> None:
    with pytest.raises(InvalidValue):
        AttemptStep(after_s, label, plan())


def edited(**change: Any) -> bytes:
    return json.dumps(json.loads(encode_attempt(rich())) | change).encode()


def test_damaged_and_future_documents_are_refused_in_three_parts() -> None:
    whole = json.loads(encode_attempt(rich()))
    part = whole["score"]["parts"][0]
    cases: list[tuple[bytes, str]] = [
        (b"", "damaged, or not written"),
        (b"{]", "damaged, or not written"),
        (b'{"schema": "\xff"}', "damaged, or not written"),
        (b"[" * 100_000, "damaged, or not written"),
        (b"[]", "no attempt"),
        (b'{"schema": "liver-planner/plan", "version": 1}', "no attempt"),
        (edited(version="1"), "does not say its version"),
        (edited(version=True), "does not say its version"),
        (edited(version=VERSION + 1), "later version"),
        (edited(surprise=1), "field of the attempt is wrong"),
        (edited(seconds="long"), "field of the attempt is wrong"),
        (edited(plan=[0, 99]), "does not hold"),
        (edited(plan=[-1]), "does not hold"),
        (edited(landed=None), "field of the attempt is wrong"),
        (edited(instruments=[{"kind": "laser-sword"}]), "does not know"),
        (edited(instruments=[{**whole["instruments"][0], "tip_lps_mm": [0, 0]}]), "field of the plan"),
        (edited(plan=[0, 0]), "share an id"),
        (edited(level="heroic"), "level and skills"),
        (edited(measured={**whole["measured"], "path_mm": -1.0}), "field of the attempt is wrong"),
        (edited(measured={**whole["measured"], "luck": 1.0}), "not known"),
        (edited(score={**whole["score"], "luck": 1.0}), "not known"),
        (edited(score={**whole["score"], "parts": [{**part, "luck": 1.0}]}), "not known"),
        (edited(score={"points": 1.0}), "field of the attempt is wrong"),
        (edited(score={**whole["score"], "parts": 3}), "field of the attempt is wrong"),
        (edited(steps=[{"after_s": 1.0, "label": "", "plan": [0]}]), "says what was done"),
        (edited(steps=[{"after_s": 1e999, "label": "x", "plan": [0]}]), "damaged"),
    ]
    assert decode_attempt(edited(), "here") == rich()
    for text, words in cases:
        with pytest.raises(InputRefused, match=words) as caught:
            decode_attempt(text, "file.jsonl, line 3")
        assert "file.jsonl, line 3" in caught.value.thing
        assert caught.value.todo


def test_no_damaged_byte_is_taken_for_a_crash_of_ours() -> None:
    """Any one byte changed: the attempt is refused in words, or is a valid one."""
    line, rng, refused = encode_attempt(attempt(made=steps(1))), np.random.default_rng(5), 0
    for place in range(0, len(line), 3):
        changed = bytearray(line)
        changed[place] = int(rng.integers(0, 256))
        try:
            decode_attempt(bytes(changed), "here")
        except InputRefused:
            refused += 1
    assert refused > len(line) // 6
