"""The folder of exercises: what is shipped and what is one's own, and what is wrong with files of others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from planner.base.errors import InputRefused, InvalidValue, PlannerError
from planner.model.plan import Applicator, Plan
from planner.practice.exercise import LEVELS, CaseMark, Exercise, Reference
from planner.practice.exercise_file import encode_exercise, read_exercise, write_exercise
from planner.practice.exercise_folder import ExerciseFolder, ExerciseThere, KnownExercises
from planner.practice.shipped import shipped_exercises

DEVICE = "generic-mwa-2450"
SHIPPED = shipped_exercises()[0]


def made(id: str = "near-2", **changes: Any) -> Exercise:
    probe = Applicator("p1", DEVICE, (0.0, -120.25, 30.0), (1.0, 10.0, 40.5), {"power_w": 90.0}, "Lesion 1")
    given: dict[str, Any] = {
        "id": id,
        "title": "Beside the vein",
        "task": "One antenna.",
        "case": CaseMark("c1", "Case one", "ab" * 32),
        "module": "thermal_ablation",
        "lesion": "Lesion 1",
        "devices": (DEVICE,),
        "references": (Reference("expert", Plan("A", "c1", (probe,))),),
    }
    return Exercise(**{**given, **changes})


@pytest.fixture
def folder(tmp_path: Path) -> ExerciseFolder:
    return ExerciseFolder(tmp_path / "practice" / "exercises")


def file_of(folder: ExerciseFolder, name: str, exercise: Exercise) -> Path:
    folder.folder.mkdir(parents=True, exist_ok=True)
    path = folder.folder / f"{name}.exercise.json"
    write_exercise(exercise, path)
    return path


def said(error: PlannerError, *words: str) -> None:
    assert error.what
    assert error.todo
    for word in words:
        assert word in str(error)


def test_without_a_folder_there_is_what_comes_with_the_planner(folder: ExerciseFolder) -> None:
    known = folder.read()
    assert set(known.exercises) == set(shipped_exercises())
    assert (known.troubles, known.own) == ((), frozenset())
    assert not folder.is_own(SHIPPED.id)
    assert not folder.folder.exists(), "looking makes nothing"


def test_it_lies_beside_the_profiles_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert ExerciseFolder().folder == tmp_path / "liver-planner" / "practice" / "exercises"


def test_own_ones_stand_among_the_others_by_level_and_title(folder: ExerciseFolder) -> None:
    given = [
        made("a-1", title="zebra"), made("a-2", title="Apple"), made("a-3", level="expert"),
        made("a-4", title="apple"),
    ]  # fmt: skip
    for exercise in given:
        assert read_exercise(folder.keep(exercise)) == exercise
    known = folder.read()
    keys = [(LEVELS.index(e.level), e.title.casefold(), e.id) for e in known.exercises]
    assert keys == sorted(keys)
    assert known.own == {"a-1", "a-2", "a-3", "a-4"}
    assert known.ids == known.own | {e.id for e in shipped_exercises()}
    assert known.exercise("a-2") == given[1]
    assert folder.is_own("A-2")
    with pytest.raises(InvalidValue, match="no such exercise") as found:
        known.exercise("a-9")
    said(found.value, "'a-9'", "a-1", SHIPPED.id)


def test_what_cannot_be_read_is_said_by_its_file_and_the_others_count(folder: ExerciseFolder) -> None:
    file_of(folder, "good", made())
    document = json.loads(encode_exercise(made("other")))
    bad = {
        "a-later": json.dumps({**document, "version": 99}),
        "b-broken": encode_exercise(made())[:-200],
        "c-bare": json.dumps({**document, "references": []}),
        "d-device": json.dumps({**document, "devices": ["no-such-device"]}),
        "e-nested": "[" * 300_000,
        "f-empty": "",
    }
    for name, text in bad.items():
        (folder.folder / f"{name}.exercise.json").write_text(text)
    (folder.folder / "g-folder.exercise.json").mkdir()
    for ignored in ("notes.txt", ".hidden.exercise.json", "a.json"):
        (folder.folder / ignored).write_text("x")
    known = folder.read()
    assert known.own == {"near-2"}
    assert len(known.exercises) == 1 + len(shipped_exercises())
    assert len(known.troubles) == 7
    for trouble, name in zip(known.troubles, [*bad, "g-folder"], strict=True):
        said(trouble, f"{name}.exercise.json")
    assert "later version" in known.troubles[0].what
    assert "without a reference" in known.troubles[2].what
    assert "not valid JSON" in known.troubles[4].what


def test_of_two_with_one_id_the_shipped_counts_then_the_first_by_file_name(folder: ExerciseFolder) -> None:
    file_of(folder, "b", made(title="second"))
    file_of(folder, "a", made("Near-2", title="first"))
    file_of(folder, "c", made(SHIPPED.id, title="mine"))
    known = folder.read()
    assert known.own == {"Near-2"}
    assert known.exercise("Near-2").title == "first"
    assert known.exercise(SHIPPED.id) == SHIPPED
    assert len(known.troubles) == 2
    said(known.troubles[0], "b.exercise.json", "another one", "'first'")
    said(known.troubles[1], "c.exercise.json", "comes with the planner", SHIPPED.title)


def test_a_file_from_anywhere_is_taken_in_once(folder: ExerciseFolder, tmp_path: Path) -> None:
    path = tmp_path / "sent by mail.json"
    write_exercise(made(), path)
    assert folder.add(path) == made()
    kept = folder.folder / "near-2.exercise.json"
    assert read_exercise(kept) == made()
    before = kept.stat().st_mtime_ns, kept.stat().st_ino
    assert folder.add(path) == made()
    assert (kept.stat().st_mtime_ns, kept.stat().st_ino) == before, "quietly the same"
    assert [p.name for p in folder.folder.iterdir()] == [kept.name]


def test_another_one_of_the_same_id_asks_first(folder: ExerciseFolder, tmp_path: Path) -> None:
    held = file_of(folder, "called otherwise", made())
    path = tmp_path / "new.exercise.json"
    write_exercise(made(title="New"), path)
    with pytest.raises(ExerciseThere) as found:
        folder.add(path)
    said(found.value, "Beside the vein")
    assert (found.value.known, found.value.given) == (made(), made(title="New"))
    assert folder.read().exercise("near-2") == made()
    assert folder.add(path, replace=True).title == "New"
    assert read_exercise(held).title == "New"
    assert list(folder.folder.iterdir()) == [held], "in the file that held it"


def test_what_comes_with_the_planner_is_never_changed(folder: ExerciseFolder, tmp_path: Path) -> None:
    path = tmp_path / "shipped.exercise.json"
    write_exercise(SHIPPED, path)
    assert folder.add(path) == SHIPPED
    assert not folder.folder.exists(), "it is there already"
    write_exercise(replace(SHIPPED, title="Mine"), path)
    for ask in (
        lambda: folder.add(path, replace=True),
        lambda: folder.keep(replace(SHIPPED, id=SHIPPED.id.upper()), replace=True),
        lambda: folder.remove(SHIPPED.id),
    ):
        with pytest.raises(InvalidValue, match="never changed") as found:
            ask()
        assert not isinstance(found.value, ExerciseThere), "nothing to ask"
        said(found.value, SHIPPED.title)
    assert not folder.folder.exists()


@pytest.mark.parametrize("text", ["{}", "", '{"schema": "liver-planner/plan"}', "[" * 300_000])
def test_a_wrong_file_is_refused_in_its_words(folder: ExerciseFolder, tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(InputRefused) as found:
        folder.add(path)
    said(found.value, "wrong.json")
    with pytest.raises(InputRefused, match="cannot be read"):
        folder.add(tmp_path / "none.json")
    assert not folder.folder.exists()


def test_a_damaged_file_is_never_overwritten_nor_a_name_used_that_no_file_can_have(
    folder: ExerciseFolder,
) -> None:
    folder.folder.mkdir(parents=True)
    damaged = folder.folder / "near-2.exercise.json"
    damaged.write_text("half of")
    assert folder.keep(made()).name == "near-2-2.exercise.json"
    assert damaged.read_text() == "half of"
    assert folder.keep(made("con")).name == "exercise-con.exercise.json"
    assert folder.read().own == {"near-2", "con"}


def test_own_ones_are_removed_and_exported(folder: ExerciseFolder, tmp_path: Path) -> None:
    folder.keep(made())
    folder.export(made(), tmp_path / "out.exercise.json")
    assert read_exercise(tmp_path / "out.exercise.json") == made()
    folder.remove("near-2")
    assert folder.read().own == frozenset()
    with pytest.raises(InvalidValue, match="no such exercise of your own") as found:
        folder.remove("near-2")
    said(found.value, "'near-2'")
    with pytest.raises(PlannerError, match="could not be written"):
        folder.export(made(), tmp_path / "nowhere" / "out.exercise.json")


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    folder = ExerciseFolder(tmp_path / "file")
    known = folder.read()
    assert len(known.exercises) == len(shipped_exercises())
    assert len(known.troubles) == 1
    said(known.troubles[0], "cannot be read", str(tmp_path / "file"))
    with pytest.raises(PlannerError, match="cannot be made") as found:
        folder.keep(made())
    said(found.value, str(tmp_path / "file"))
    readable = ExerciseFolder(tmp_path / "exercises")
    readable.keep(made())

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(PlannerError, match="could not be written") as found:
        readable.keep(made("another"))
    said(found.value, "Permission denied", "another.exercise.json")
    with pytest.raises(PlannerError, match="cannot be removed") as found:
        readable.remove("near-2")
    said(found.value, "Permission denied", "near-2.exercise.json")
    monkeypatch.undo()
    assert readable.read().own == {"near-2"}


def test_ids_of_nothing_are_none() -> None:
    assert KnownExercises(()).ids == frozenset()
