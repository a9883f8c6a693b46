"""The open attempt: on disk after each step, whole after a kill, and without a number that judges."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from planner.base.errors import InputRefused, InvalidValue, PlannerError
from planner.practice.attempts import AttemptStep
from planner.practice.current_attempt import (
    FILE_NAME,
    UNREADABLE_NAME,
    AttemptJournal,
    CurrentAttempt,
    decode_current,
    encode_current,
)
from planner.practice.scoring import Measured, Score, ScorePart, score

from .made_attempts import PERFECT, array, grid, made_exercise, plan, probe, steps

#: All a document of an open attempt may hold, at any depth.
ALLOWED = {
    "schema", "version", "exercise", "title", "case_id", "profile", "seed", "started", "tries",
    "instruments", "steps", "after_s", "label", "plan", "landed",
    "id", "kind", "device", "entry_lps_mm", "tip_lps_mm", "settings", "lesion", "power_w", "time_s",
    "foci_lps_mm", "window_lps_mm", "electrodes", "exposure_mm", "pairs", "a", "b", "voltage_v", "pulses",
    "pulse_us", "pull_backs", "pull_back_mm",
}  # fmt: skip


def current(count: int = 3) -> CurrentAttempt:
    return CurrentAttempt(
        "central-2cm", "Central", "phantom", "Anna", 7, "2026-11-03T08:00:00Z", (), steps(count)
    )


def at_the_table() -> CurrentAttempt:
    placed = plan(probe(), array(), grid())
    landed = plan(probe(tip_mm=14.0), array(), grid())
    return current().with_step(AttemptStep(60.0, "Reposition p1", placed, landed), (("p1", 1),))


@pytest.fixture
def journal(tmp_path: Path) -> AttemptJournal:
    return AttemptJournal(tmp_path / "practice")


def keys_of(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from keys_of(value)
    elif isinstance(document, list):
        for value in document:
            yield from keys_of(value)


def test_the_journal_holds_plans_and_times_alone(journal: AttemptJournal) -> None:
    journal.begin(current(0))
    journal.keep(at_the_table())
    keys = set(keys_of(json.loads(journal.path.read_bytes())))
    assert keys <= ALLOWED
    of_judgement = {f.name for kind in (Measured, Score, ScorePart) for f in fields(kind)}
    of_judgement |= {p.id for p in score(PERFECT).parts} | {"metrics", "findings", "severity", "rule"}
    assert keys & of_judgement <= {"id", "title", "version"}, "words of the attempt itself"
    assert [p for p in journal.path.parent.iterdir() if p != journal.path] == [], "and nothing lies beside"


def test_an_open_attempt_comes_back(journal: AttemptJournal) -> None:
    assert journal.read() is None
    made = current(0)
    journal.begin(made)
    assert journal.read() == made
    assert (made.seconds, made.plan, made.landed) == (0.0, None, None)
    made = at_the_table()
    journal.keep(made)
    assert journal.read() == made
    assert made.seconds == 60.0
    assert made.tries == (("p1", 1),)
    assert made.planned is not None
    assert made.planned.instruments == plan(probe(), array(), grid()).instruments
    assert made.blind == steps(3)[-1].plan
    assert made.plan == plan(probe(), array(), grid())
    assert made.landed is not None
    assert made.landed.instruments == plan(probe(tip_mm=14.0), array(), grid()).instruments
    assert encode_current(made) == encode_current(at_the_table()), "the same attempt, the same bytes"
    journal.discard()
    assert journal.read() is None
    journal.discard()
    journal.begin(current())


def test_a_second_attempt_does_not_write_over_an_open_one(journal: AttemptJournal) -> None:
    journal.begin(current(2))
    with pytest.raises(PlannerError, match="Another attempt is open") as caught:
        journal.begin(current(0))
    assert "give it up" in caught.value.todo
    assert journal.read() == current(2)


def test_a_commit_keeps_what_was_done() -> None:
    exercise = made_exercise("central-2cm", "easy", "centring")
    open_one = at_the_table()
    measured = replace(PERFECT, repositionings=1)
    words: dict[str, Any] = {"at": "2026-11-03T08:02:00Z", "seconds": 95.5}
    made = open_one.committed(
        exercise, plan(), plan(probe(tip_mm=14.0)), (score(measured), measured), **words
    )
    assert made.steps == open_one.steps
    assert (made.exercise, made.skills, made.profile, made.seed) == ("central-2cm", ("centring",), "Anna", 7)
    assert (made.started, made.committed) == (
        "2026-11-03T08:00:00.000+00:00",
        "2026-11-03T08:02:00.000+00:00",
    )
    assert (made.seconds, made.repositionings, made.score.points) == (95.5, 1, 97.0)
    other = made_exercise("dome", "hard")
    with pytest.raises(InvalidValue, match="begun at another exercise"):
        open_one.committed(other, plan(), plan(), (score(measured), measured), **words)
    nothing = replace(plan(), instruments=())
    with pytest.raises(InvalidValue, match="Nothing is placed"):
        open_one.committed(exercise, nothing, nothing, (score(measured), measured), **words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exercise": " "}, "belongs to an exercise"),
        ({"profile": ""}, "belongs to a profile"),
        ({"seed": -3}, "whole number"),
        ({"started": "2026"}, "no moment"),
        ({"tries": (("p1", -1),)}, "from zero"),
        ({"steps": steps(2)[::-1]}, "go on in time"),
        ({"case_id": "other"}, "another case"),
    ],
)
def test_what_is_no_open_attempt_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        replace(current(), **change)


def test_damaged_and_future_journals_are_refused_and_kept_beside(journal: AttemptJournal) -> None:
    whole = json.loads(encode_current(at_the_table()))
    cases = [
        (b"", "damaged"),
        (encode_current(current())[:-9], "damaged"),
        (b"{}", "no open attempt"),
        (json.dumps(whole | {"version": 2}).encode(), "later version"),
        (json.dumps(whole | {"margin_mm": 3.0}).encode(), "field of the open attempt"),
        (json.dumps(whole | {"seed": -1}).encode(), "whole number"),
        (
            json.dumps(whole | {"steps": [{"after_s": 1, "label": "x", "plan": [77]}]}).encode(),
            "does not hold",
        ),
    ]
    for text, words in cases:
        journal.path.parent.mkdir(exist_ok=True)
        journal.path.write_bytes(text)
        with pytest.raises(InputRefused, match=words) as caught:
            journal.read()
        assert FILE_NAME in caught.value.thing
        assert caught.value.todo
        with pytest.raises(PlannerError, match="Another attempt is open"):
            journal.begin(current())
        journal.discard()
        assert journal.path.with_name(UNREADABLE_NAME).read_bytes() == text
        journal.begin(current())
        journal.discard()
    with pytest.raises(InputRefused, match="here"):
        decode_current(b"[", "here.json")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "practice").write_text("")
    journal = AttemptJournal(tmp_path / "practice")
    assert journal.read() is None
    with pytest.raises(PlannerError, match="cannot be made"):
        journal.begin(current())
    with pytest.raises(PlannerError, match="could not be written"):
        journal.keep(current())


STEPPER = """
import itertools, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.practice.made_attempts import plan, probe
from planner.practice.attempts import AttemptStep
from planner.practice.current_attempt import AttemptJournal, CurrentAttempt
journal = AttemptJournal(Path(sys.argv[1]))
one = CurrentAttempt("central-2cm", "Central", "phantom", "Anna", 7, "2026-11-03T08:00:00Z")
journal.begin(one)
print("ready", flush=True)
for n in itertools.count():
    one = one.with_step(AttemptStep(float(n), "Move probe p1", plan(probe("p1", 10.0 + n))))
    journal.keep(one)
    print(n, flush=True)
"""


def test_kill_9_leaves_the_attempt_as_it_was_after_a_step(journal: AttemptJournal) -> None:
    for kill in range(3):
        words = [sys.executable, "-c", STEPPER, str(journal.path.parent), str(Path(__file__).parents[2])]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        said = int(process.stdout.readline())
        time.sleep(0.007 * kill)
        process.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in process.stdout.read().split())])
        process.wait()
        process.stdout.close()
        found = journal.read()
        assert found is not None
        assert said < len(found.steps) <= said + 2
        assert [s.after_s for s in found.steps] == [float(n) for n in range(len(found.steps))]
        assert found.plan == plan(probe("p1", 10.0 + len(found.steps) - 1))
        journal.discard()
