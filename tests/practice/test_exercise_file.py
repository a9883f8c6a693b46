"""Exercise files: what is written is read again, and each way a file can be bad is refused in three parts."""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from planner.base.errors import InputRefused, PlannerError
from planner.io.plan_file import encode_plan
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Applicator, Plan
from planner.practice import exercise_file
from planner.practice.exercise import CaseMark, Conditions, Exercise, Reference
from planner.practice.exercise_file import (
    ABOUT_REFERENCES,
    decode_exercise,
    encode_exercise,
    read_exercise,
    write_exercise,
)

DEVICE, ELECTRODE = "generic-mwa-2450", "generic-ire-19g"


def probe_plan(case_id: str = "c1", device: str = DEVICE, tip_z: float = 40.5) -> Plan:
    settings = {"power_w": 100.0, "time_s": 600.0}
    probe = Applicator("p1", device, (0.0, -120.25, 30.0), (1.0 / 3.0, 10.0, tip_z), settings, "Lesion 1")
    return Plan("Añ expert's", case_id, (probe,), "A. Person", "2026-11-03T09:00:00+00:00", 'no "notes"')


def array_plan() -> Plan:
    electrodes = tuple(Electrode((x, -100.0, 1.0), (x, 5.0, 1.5), 20.0) for x in (0.0, 15.0))
    array = ElectrodeArray("e1", ELECTRODE, electrodes, (PulsePair(0, 1, 2250.0),), lesion="Lesion 1")
    return Plan("array", "c1", (array,))


def made(**changes: Any) -> Exercise:
    given: dict[str, Any] = {
        "id": "near-2",
        "title": "Beside the vein",
        "task": "One antenna, 5 mm all round.",
        "case": CaseMark("c1", "Case one", "ab" * 32, is_sample=True),
        "module": "thermal_ablation",
        "lesion": "Lesion 1",
        "devices": (DEVICE, ELECTRODE),
        "most_instruments": 2,
        "margin_mm": 7.5,
        "level": "hard",
        "skills": ("margin", "path"),
        "hidden": ("Portal vein",),
        "conditions": Conditions(True, True, 6.5, "freehand", 90.0),
        "references": (Reference("planner's best", probe_plan()), Reference("expert", array_plan())),
        "settings": {"lung_crossing": "stop", "exclude_capsule": False, "seed": 7, "margin_mm": 2.5},
    }
    return Exercise(**{**given, **changes})


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    for exercise in (made(), made(conditions=Conditions(), settings={}, hidden=(), skills=())):
        path = tmp_path / "a.exercise.json"
        write_exercise(exercise, path)
        again = read_exercise(path)
        assert again == exercise
        assert type(again.settings.get("seed", 7)) is int
        assert encode_exercise(again) == path.read_text(encoding="utf-8"), "the same bits"


def test_references_are_not_read_at_a_glance_and_the_file_says_that_they_are_no_secret() -> None:
    text = encode_exercise(made())
    for word in ("120.25", "expert's plan", "power_w", "entry_lps_mm"):
        assert word not in text
    document = json.loads(text)
    assert document["about_references"] == ABOUT_REFERENCES
    assert "not secret" in ABOUT_REFERENCES
    packed = document["references"][0]["packed"]
    assert zlib.decompress(base64.b64decode(packed)).decode() == encode_plan(probe_plan()), "as it says"


def refused(text: str | bytes) -> InputRefused:
    with pytest.raises(InputRefused) as found:
        decode_exercise(text, "x.exercise.json")
    error = found.value
    assert error.what
    assert "x.exercise.json" in error.thing
    assert error.todo
    return error


def changed(**fields: Any) -> str:
    """The file of an exercise with other fields; None takes one out."""
    document = {**json.loads(encode_exercise(made())), **fields}
    return json.dumps({k: v for k, v in document.items() if v is not None})


@pytest.mark.parametrize(
    ("text", "what", "thing"),
    [
        (encode_exercise(made())[:-300], "not valid JSON", ""),
        (b"\xff\xfe\x00", "not valid JSON", ""),
        ("[]", "no exercise", ""),
        (changed(schema="liver-planner/plan"), "no exercise", ""),
        (changed(schema=None), "no exercise", ""),
        (changed(version=2), "later version", ""),
        (changed(version=True), "does not say its version", ""),
        (changed(version=None), "does not say its version", ""),
        (changed(references=[]), "without a reference", "near-2"),
        (changed(references=None), "without a reference", "near-2"),
        (changed(level="impossible"), "known", "impossible"),
        (changed(skills=["luck"]), "known", "luck"),
        (changed(devices=[DEVICE, "no-such-device"]), "not in the library", "no-such-device"),
        (changed(devices=[]), "one device", "near-2"),
        (changed(points=100), "field", "points"),
        (changed(lesion=None), "field", "lesion"),
        (changed(lesion="Lesion 2"), "does not keep to the exercise", "treats Lesion 1"),
        (changed(most_instruments="two"), "field", "most_instruments"),
        (changed(margin_mm=99.0), "margin", "99"),
        (changed(conditions={"breath_mm": 400.0}), "breath|moves", "400"),
        (changed(conditions={"placement": "by eye"}), "places needles", "by eye"),
        (changed(conditions={"gravity": 1.0}), "field", "gravity"),
        (changed(settings={"seed": [1]}), "field", "settings"),
    ],
)  # fmt: skip
def test_bad_files_are_refused(text: str | bytes, what: str, thing: str) -> None:
    error = refused(text)
    assert any(word in error.what for word in what.split("|")), error.what
    assert thing in error.thing


def test_a_reference_of_another_case_is_refused() -> None:
    other = [{"title": "expert", "packed": packed(encode_plan(probe_plan("another")))}]
    error = refused(changed(references=other))
    assert "does not keep to the exercise" in error.what
    assert "another case" in error.thing


def packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode())).decode()


def damaged() -> list[str]:
    whole = packed(encode_plan(probe_plan()))
    raw = bytearray(base64.b64decode(whole))
    raw[len(raw) // 2] ^= 0x10
    return [
        "",
        "no base64 at all!",
        base64.b64encode(b"not packed").decode(),
        base64.b64encode(bytes(raw)).decode(),
        base64.b64encode(base64.b64decode(whole)[:-9]).decode(),
        base64.b64encode(base64.b64decode(whole) + b"more").decode(),
    ]


@pytest.mark.parametrize("words", damaged())
def test_a_damaged_reference_is_refused(words: str) -> None:
    error = refused(changed(references=[{"title": "expert", "packed": words}]))
    assert "damaged" in error.what
    assert "expert" in error.thing


def test_a_reference_that_is_no_plan_or_unpacks_without_end_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "no plan" in refused(changed(references=[{"title": "e", "packed": packed("{}")}])).what
    nothing = packed(encode_plan(replace(probe_plan(), instruments=())))
    assert "empty plan" in refused(changed(references=[{"title": "e", "packed": nothing}])).what
    monkeypatch.setattr(exercise_file, "LARGEST_PLAN_BYTES", 1000)
    assert "damaged" in refused(changed(references=[{"title": "e", "packed": packed("a" * 100_000)}])).what


def test_files_that_cannot_be_read_or_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputRefused, match="cannot be read"):
        read_exercise(tmp_path / "none.exercise.json")
    with pytest.raises(InputRefused, match="cannot be read"):
        read_exercise(tmp_path)
    with pytest.raises(PlannerError, match="could not be written"):
        write_exercise(made(), tmp_path / "nowhere" / "a.exercise.json")
    path = tmp_path / "a.exercise.json"
    write_exercise(made(), path)
    monkeypatch.setattr(exercise_file, "LARGEST_EXERCISE_BYTES", 10)
    with pytest.raises(InputRefused, match="too large"):
        read_exercise(path)


def test_what_a_file_may_leave_out_has_the_defaults() -> None:
    expert = json.loads(changed())["references"][:1]
    fields = ("most_instruments", "margin_mm", "level", "skills", "hidden", "conditions", "settings")
    text = changed(references=expert, about_references=None, **dict.fromkeys(fields))
    bare = {f.name: f.default for f in dataclasses.fields(Exercise) if f.name in fields[:5]}
    own = made(references=made().references[:1], conditions=Conditions(), settings={}, **bare)
    assert decode_exercise(text, "x") == own
