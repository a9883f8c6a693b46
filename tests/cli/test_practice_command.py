"""``liver-planner practice``: the exercises, and a score with its parts, the same as in the window."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

import planner.sample.case
from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.cli import main
from planner.io.plan_file import write_plan
from planner.library.case_folder import create_case_folder, open_case_folder
from planner.model.case import Case
from planner.model.plan import Plan
from planner.practice import commands
from planner.practice.exercise import CaseMark, Exercise, Reference
from planner.practice.exercise_file import write_exercise
from planner.practice.measuring import score_plan
from planner.practice.shipped import shipped_exercises

EXPERT = plan_of(custom_probe((0.0, 100.0, 0.0), size_mm=34.0))
OWN = plan_of(custom_probe((0.0, 100.0, 0.0), (0.0, 4.0, 0.0), 34.0))


def exercise_on(case: Case, is_sample: bool = False) -> Exercise:
    return Exercise(
        "balls", "Cover the ball", "One zone.", CaseMark.of(case, is_sample), "thermal_ablation", "lesion",
        ("custom-ellipsoid",), references=(Reference("an expert's plan", EXPERT),),
    )  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case folder, an exercise on it, and plans."""
    folder = tmp_path_factory.mktemp("practice")
    case = create_case_folder(phantom((4.0, 4.0, 4.0)), folder / "case")
    write_exercise(exercise_on(case), folder / "balls.exercise.json")
    write_plan(OWN, folder / "own.plan.json")
    write_plan(Plan("empty", case.id), folder / "empty.plan.json")
    write_plan(replace(OWN, case_id="another"), folder / "other.plan.json")
    write_plan(plan_of(custom_probe(), custom_probe((5.0, -100.0, 0.0), id="p2")), folder / "two.plan.json")
    return folder


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of one's own exercises; not there yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "liver-planner" / "practice" / "exercises"


def test_the_exercises_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["practice", "list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    found = document["exercises"]
    assert {e["id"] for e in found} == {e.id for e in shipped_exercises()}
    assert document["troubles"] == []
    assert not any(e["is_own"] for e in found)
    assert {"easy", "moderate", "hard"} <= {e["level"] for e in found}
    assert all(e["task"] and e["devices"] and e["references"] == ["planner's best"] for e in found)
    assert "packed" not in json.dumps(found)
    assert main(["practice", "list"]) == 0
    words = capsys.readouterr().out
    assert all(e["id"] in words and e["title"] in words for e in found)


def test_own_exercises_are_listed_and_scored_by_their_id(
    files: Path, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own.mkdir(parents=True)
    write_exercise(exercise_on(open_case_folder(files / "case")), own / "balls.exercise.json")
    (own / "broken.exercise.json").write_text("{")
    assert main(["practice", "list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [e["id"] for e in document["exercises"] if e["is_own"]] == ["balls"]
    assert len(document["exercises"]) == 1 + len(shipped_exercises())
    assert [set(t) for t in document["troubles"]] == [{"what", "thing", "todo"}]
    assert "broken.exercise.json" in document["troubles"][0]["thing"]
    assert main(["practice", "list"]) == 0
    words = capsys.readouterr().out
    assert "balls (easy, your own): Cover the ball" in words
    assert "Left out: " in words
    assert "broken.exercise.json" in words
    asked = ["practice", "score", "balls", str(files / "own.plan.json"), "--case", str(files / "case")]
    assert main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exercise"] == {"id": "balls", "title": "Cover the ball"}
    assert main(["practice", "score", "nothing", str(files / "own.plan.json")]) == 1
    assert "balls" in capsys.readouterr().err, "it names those there are"


def test_a_score_has_its_parts_and_is_that_of_the_window(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["practice", "score", str(files / "balls.exercise.json"), str(files / "own.plan.json")]
    asked += ["--case", str(files / "case")]
    assert main([*asked, "--json", "--repositionings", "1", "--seconds", "30"]) == 0
    document = json.loads(capsys.readouterr().out)
    case = open_case_folder(files / "case")
    own = score_plan(exercise_on(case), case, OWN, Task(), repositionings=1, seconds=30.0)
    assert document["points"] == own.score.points
    assert document["measured"]["margin_mm"] == own.measured.margin_mm
    assert document["measured"]["margin_mm"] == pytest.approx(3.0, abs=0.8)
    assert [p["id"] for p in document["parts"]] == [p.id for p in own.score.parts]
    assert sum(p["points"] for p in document["parts"]) == pytest.approx(document["points"])
    assert (document["is_passed"], document["capped_by"]) == (own.score.is_passed, [])
    assert document["case"] == {"folder": str(files / "case"), "is_made_now": False}
    assert (document["scoring_version"], document["reference"]) == (own.score.version, "an expert's plan")
    assert main(asked) == 0
    words = capsys.readouterr().out
    for piece in (
        "Cover the ball:",
        "of 100 points, passed",
        "Margin",
        "an expert's plan",
        str(files / "case"),
    ):
        assert piece in words


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("balls.exercise.json", "empty.plan.json", "--case", "case"), "commit with nothing placed"),
        (("balls.exercise.json", "other.plan.json", "--case", "case"), "made on another case"),
        (("balls.exercise.json", "two.plan.json", "--case", "case"), "2 needles, 1 is allowed"),
        (("balls.exercise.json", "own.plan.json"), "needs its case"),
        (("balls.exercise.json", "own.plan.json", "--case", "nowhere"), "not a case folder"),
        (("own.plan.json", "own.plan.json", "--case", "case"), "no exercise"),
        (("balls.exercise.json", "balls.exercise.json", "--case", "case"), "no plan"),
        (("none.exercise.json", "own.plan.json"), "cannot be read"),
        (("no-such-exercise", "own.plan.json"), "no such exercise"),
        (("small-and-central", "own.plan.json", "--case", "case"), "another case"),
    ],
)
def test_what_cannot_be_scored_is_said(
    files: Path, words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    is_path = ("case", "nowhere")
    asked = [str(files / w) if w.endswith(".json") or w in is_path else w for w in words]
    assert main(["practice", "score", *asked]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error


def test_wrong_use_has_its_code() -> None:
    for words in ([], ["score"], ["score", "small-and-central"], ["guess"]):
        with pytest.raises(SystemExit) as left:
            main(["practice", *words])
        assert left.value.code == 2


def test_the_sample_is_made_once_and_said(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[int] = []

    def small_sample(task: Task) -> Case:
        made.append(1)
        return phantom((4.0, 4.0, 4.0))

    monkeypatch.setattr(planner.sample.case, "make_sample_case", small_sample)
    monkeypatch.setattr(commands, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    path = tmp_path / "sample.exercise.json"
    write_exercise(exercise_on(phantom((4.0, 4.0, 4.0)), is_sample=True), path)
    asked = ["practice", "score", str(path), str(files / "own.plan.json")]
    assert main(asked) == 0
    assert "(the built-in sample, made now)" in capsys.readouterr().out
    assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert not document["case"]["is_made_now"]
    assert Path(document["case"]["folder"]).parent == tmp_path / "cache"
    assert len(made) == 1
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [Path(document["case"]["folder"]).name]


def test_a_cache_that_cannot_be_written_is_said(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    monkeypatch.setattr(commands, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    path = tmp_path / "sample.exercise.json"
    write_exercise(exercise_on(phantom((4.0, 4.0, 4.0)), is_sample=True), path)
    with pytest.raises(PlannerError, match="cannot be made"):
        commands.told_score(str(path), files / "own.plan.json", None, Task())
