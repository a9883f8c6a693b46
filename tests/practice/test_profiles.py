"""Profiles and their files: names, appending, what a kill or a cut leaves, and folders that cannot be written."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from planner.base.errors import InputRefused, InvalidValue, PlannerError
from planner.practice.attempt_document import encode_attempt
from planner.practice.attempt_file import AttemptNotKept, append_attempt, read_attempts, write_attempts
from planner.practice.profiles import LONGEST_NAME, NAME_HINT, Profiles, practice_folder, profile_name
from planner.practice.scoring import Score

from .made_attempts import attempt, steps


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path / "practice")


def test_profiles_lie_in_the_users_data_folder() -> None:
    assert Profiles().folder == practice_folder()
    assert practice_folder().name == "practice"
    assert practice_folder().is_relative_to(os.environ["XDG_DATA_HOME"])
    assert "patient" in NAME_HINT


def test_a_profile_is_made_renamed_and_deleted(profiles: Profiles) -> None:
    assert profiles.names() == ()
    assert profiles.create("  Zoë ") == "Zoë"
    profiles.create("anna")
    profiles.create("Bob v. 2")
    assert profiles.names() == ("anna", "Bob v. 2", "Zoë")
    profiles.add("anna", attempt())
    assert profiles.rename("anna", "Anna") == "Anna", "the same word in other letters is no other profile"
    assert profiles.rename("Anna", "Anna B") == "Anna B"
    (kept,) = profiles.attempts("Anna B").attempts
    assert kept.profile == "Anna B", "attempts bear the name of today"
    assert kept.key == attempt().key
    with pytest.raises(InvalidValue, match="There is a profile"):
        profiles.rename("Anna B", "ZOË")
    profiles.delete("Anna B")
    assert profiles.names() == ("Bob v. 2", "Zoë")
    for call in (profiles.attempts, profiles.delete, lambda n: profiles.rename(n, "x")):
        with pytest.raises(InvalidValue, match="no such profile"):
            call("Anna B")


@pytest.mark.parametrize(
    "name",
    ["", "   ", "x" * (LONGEST_NAME + 1), "a/b", "a\\b", "C:x", "../up", ".hidden", "end.", "a\nb", "a\0b", "con",
     "NUL", "aux.x", "what?", "a*", '"a"', "<a>", "a|b", "\ud800"],
)  # fmt: skip
def test_a_name_no_file_has_is_refused(profiles: Profiles, name: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        profiles.create(name)
    assert caught.value.thing
    assert caught.value.todo
    assert not profiles.folder.exists(), "nothing was made"


def test_the_longest_name_is_a_files_name(profiles: Profiles) -> None:
    for letter in ("x", "𝄞", "語"):
        name = profiles.create(letter * LONGEST_NAME)
        profiles.add(name, attempt())
        assert len(profiles.attempts(name).attempts) == 1


def test_one_name_is_there_once_however_it_is_written(profiles: Profiles) -> None:
    profiles.create("Zoë")
    for same in ("Zoë", "zoë", unicodedata.normalize("NFD", "Zoë"), " ZOË "):
        with pytest.raises(InvalidValue, match="There is a profile"):
            profiles.create(same)
    assert profile_name(unicodedata.normalize("NFD", "Zoë")) == "Zoë"


def test_a_file_written_with_decomposed_letters_is_found(profiles: Profiles) -> None:
    profiles.folder.mkdir()
    write_attempts(profiles.folder / (unicodedata.normalize("NFD", "Zoë") + ".jsonl"), [attempt()])
    assert profiles.names() == ("Zoë",)
    profiles.add("Zoë", attempt(1))
    assert len(profiles.attempts("Zoë").attempts) == 2


def test_other_files_of_the_folder_are_no_profiles(profiles: Profiles) -> None:
    profiles.create("Anna")
    for name in (".writing-x.jsonl", "notes.txt", "current-attempt.json", "Anna.jsonl.bak", " x.jsonl"):
        (profiles.folder / name).write_text("")
    assert profiles.names() == ("Anna",)


def test_attempts_come_back_in_their_order(profiles: Profiles) -> None:
    profiles.create("Anna")
    assert profiles.attempts("Anna").attempts == ()
    for n in (2, 0, 1):
        profiles.add("Anna", attempt(n, profile="whoever", made=steps(n)))
    found = profiles.attempts("Anna")
    assert found.attempts == tuple(attempt(n, made=steps(n)) for n in (2, 0, 1))
    assert found.troubles == ()


def test_a_cut_at_every_byte_of_the_last_line_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "Anna.jsonl"
    bare = Score((), 50.0, 60.0, 1)
    first, second = (replace(attempt(n), score=bare) for n in range(2))
    write_attempts(path, [first, second])
    whole = path.read_bytes()
    start = whole.index(b"\n") + 1
    for cut in range(start, len(whole) + 1):
        path.write_bytes(whole[:cut])
        found = read_attempts(path)
        is_whole = cut >= len(whole) - 1  # but for the end of the line all is there
        assert found.attempts == ((first, second) if is_whole else (first,)), cut
        assert len(found.troubles) == (0 if is_whole or cut == start else 1), cut
        assert path.read_bytes() == whole[:cut], "reading changes nothing"


def test_what_is_added_after_a_cut_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "Anna.jsonl"
    write_attempts(path, [attempt(0), attempt(1)])
    whole = path.read_bytes()
    start = whole.index(b"\n") + 1
    for cut in (start, start + 1, (start + len(whole)) // 2, len(whole) - 2, len(whole) - 1, len(whole)):
        path.write_bytes(whole[:cut])
        append_attempt(path, attempt(2))
        append_attempt(path, attempt(3))
        found = read_attempts(path)
        kept = (0, 1) if cut >= len(whole) - 1 else (0,)
        assert found.attempts == tuple(attempt(n) for n in (*kept, 2, 3))
        assert path.read_bytes().startswith(whole[:cut]), "the file only grows"
        if start < cut < len(whole) - 1:
            (trouble,) = found.troubles
            assert "not written to its end" in trouble.what
            assert "Anna.jsonl, line 2" in trouble.thing
            assert "all others are there" in trouble.todo


def test_damage_in_the_middle_costs_one_line(tmp_path: Path) -> None:
    path = tmp_path / "Anna.jsonl"
    lines = [encode_attempt(attempt(n)) for n in range(4)]
    lines[1] = lines[1].replace(b'"version":1', b'"version":9', 1)
    lines[2] = lines[2][:50] + b"\xff\xfe" + lines[2][50:]
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines) + b"\r\n\r\n")
    found = read_attempts(path)
    assert found.attempts == (attempt(0), attempt(3))
    assert ["later version" in t.what for t in found.troubles] == [True, False]
    assert [t.thing.split(":")[0] for t in found.troubles] == ["Anna.jsonl, line 2", "Anna.jsonl, line 3"]


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(InputRefused, match="cannot be read") as caught:
            read_attempts(path)
        assert str(path) in caught.value.thing
    huge = tmp_path / "huge.jsonl"
    with huge.open("wb") as stream:
        stream.truncate(300_000_000)
    with pytest.raises(InputRefused, match="too large"):
        read_attempts(huge)


ADDER = """
import itertools, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from dataclasses import replace
from tests.practice.made_attempts import attempt, steps
from planner.practice.profiles import Profiles
profiles = Profiles(Path(sys.argv[1]))
one = attempt(made=steps(60))
first = len(profiles.attempts("Anna").attempts)
print("ready", flush=True)
for n in itertools.count(first):
    profiles.add("Anna", replace(one, seed=n))
    print(n, flush=True)
"""


def test_kill_9_while_adding_loses_nothing_that_was_said(profiles: Profiles) -> None:
    """What was said to be kept is there and whole after each of 3 kills at varied moments."""
    profiles.create("Anna")
    root, said = str(Path(__file__).parents[2]), -1
    for kill in range(3):
        words = [sys.executable, "-c", ADDER, str(profiles.folder), root]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdout.readline()
        time.sleep(0.005 * kill)
        process.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in process.stdout.read().split() if line.isdigit())])
        process.wait()
        process.stdout.close()
        found = profiles.attempts("Anna")
        assert [a.seed for a in found.attempts] == list(range(len(found.attempts)))
        assert len(found.attempts) > said
        assert all(len(a.steps) == 60 for a in found.attempts)
    assert len(found.attempts) >= 3


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """As a user whom permissions hold back: nothing holds back root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def locked() -> Iterator[Profiles]:
    """A folder with a profile that can be read, and not written to."""
    if sys.platform == "win32":
        pytest.skip("permissions of folders are others here")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "practice"
        profiles = Profiles(folder)
        profiles.create("Anna")
        profiles.add("Anna", attempt())
        folder.parent.chmod(0o755)
        (folder / "Anna.jsonl").chmod(0o444)
        folder.chmod(0o555)
        yield profiles
        folder.chmod(0o755)


def test_a_read_only_folder_is_read_and_an_attempt_handed_back(locked: Profiles, tmp_path: Path) -> None:
    with without_rights():
        assert locked.names() == ("Anna",)
        assert locked.attempts("Anna").attempts == (attempt(),)
        with pytest.raises(AttemptNotKept, match="could not be kept") as caught:
            locked.add("Anna", attempt(1))
        for call in (
            lambda: locked.create("Bob"),
            lambda: locked.rename("Anna", "Bob"),
            lambda: locked.delete("Anna"),
        ):
            with pytest.raises(PlannerError) as refused:
                call()
            assert refused.value.thing
            assert refused.value.todo
    error = caught.value
    assert error.attempt == attempt(1)
    assert "Anna.jsonl" in error.thing
    assert "Export it" in error.todo
    assert pickle.loads(pickle.dumps(error)).attempt == attempt(1)
    write_attempts(tmp_path / "elsewhere.jsonl", [error.attempt])
    assert read_attempts(tmp_path / "elsewhere.jsonl").attempts == (attempt(1),)
    assert locked.attempts("Anna").attempts == (attempt(),)


def test_an_attempt_of_nobody_is_handed_back(profiles: Profiles) -> None:
    with pytest.raises(AttemptNotKept, match="no such profile") as caught:
        profiles.add("Nobody", attempt(4))
    assert caught.value.attempt == attempt(4, profile="Nobody")
    assert not profiles.folder.exists()


def test_a_full_disk_hands_the_attempt_back(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles.create("Anna")
    profiles.add("Anna", attempt(0))

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(AttemptNotKept, match="No space left"):
            profiles.add("Anna", attempt(1))
    assert profiles.attempts("Anna").attempts[0] == attempt(0)


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "practice").write_text("")
    profiles = Profiles(tmp_path / "practice")
    with pytest.raises(PlannerError, match="cannot be read"):
        profiles.names()
    with pytest.raises(PlannerError, match="cannot be read"):
        profiles.create("Anna")


def test_an_export_is_what_a_profile_holds(profiles: Profiles, tmp_path: Path) -> None:
    profiles.create("Anna")
    with pytest.raises(InvalidValue, match="no attempt to export"):
        profiles.export_file("Anna", tmp_path / "out.jsonl")
    profiles.add("Anna", attempt(0))
    profiles.add("Anna", attempt(1))
    assert profiles.export_file("Anna", tmp_path / "out.jsonl") == 2
    assert read_attempts(tmp_path / "out.jsonl").attempts == profiles.attempts("Anna").attempts
    with pytest.raises(PlannerError, match="could not be written"):
        profiles.export_file("Anna", tmp_path / "none" / "out.jsonl")
