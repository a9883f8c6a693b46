"""The worker process: answers, progress, cancel, crash and hang; late answers are disowned."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue, PlannerError
from planner.model.assessment import Assessment, ScalarField
from planner.model.case import Case
from planner.plugin import running
from planner.plugin.judging import judge
from planner.plugin.manifest import read_manifest
from planner.plugin.message import (
    ArrayFiles,
    assessment_document,
    assessment_of_document,
    case_message,
    case_of_message,
)
from planner.plugin.registry import find_modules
from planner.plugin.running import ModuleRunner, Run
from planner.plugin.settings import make_settings, option, options_of

LOGIC = {
    "counts": "return Assessment('counts', '1', {}, {}, (Metric('probes_count', len(plan.applicators), ''),))",
    "crashes": "import os; os._exit(7)",
    "hangs": "import time\n    while True: time.sleep(1)",
    "slow": (
        "import time\n    for n in range(400):\n        task.report(n / 400, 'Slowly'); time.sleep(0.02)\n"
        "    return Assessment('slow', '1', {}, {})"
    ),
    "raises": "print('noise on stdout'); raise ZeroDivisionError('oops')",
    "offers": "return Assessment('offers', '1', {}, {})",
}
#: What else the module "offers" can do.
FURTHER = """
import numpy as np
from dataclasses import replace
from planner.model.assessment import ScalarField
from planner.model.geometry import Grid
from planner.model.suggestion import Suggestion

def suggest(case, plan, settings, goal, task):
    return [Suggestion("none", goal["lesion"], replace(plan, instruments=()), {"probes_count": 0.0})]

def simulate(case, plan, settings, task):
    grid = Grid((2, 3, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    for n in range(2):
        task.part(0.0, 0.5).show(ScalarField("temperature_degc", grid, np.full(grid.shape, float(n)), "degC"))
    return assess(case, plan, settings, task)
"""


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package from outside with modules that misbehave, installed by its entry points."""
    folder = tmp_path_factory.mktemp("outside")
    facts = folder / "outside_modules-1.dist-info"
    facts.mkdir()
    facts.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: outside-modules\nVersion: 1\n")
    lines = "\n".join(f"{name} = outside_modules.{name}" for name in [*LOGIC, "broken"])
    facts.joinpath("entry_points.txt").write_text(f"[liver_planner.modules]\n{lines}\n")
    top = folder / "outside_modules"
    top.mkdir()
    top.joinpath("__init__.py").write_text("")
    for name, body in LOGIC.items():
        package = top / name
        package.mkdir()
        package.joinpath("__init__.py").write_text("")
        package.joinpath("module.toml").write_text(
            f'id = "{name}"\ntitle = "{name.title()}"\nversion = "1"\napi = 1\ninstruments = ["applicator"]\n'
        )
        package.joinpath("logic.py").write_text(
            "from planner.model.assessment import Assessment, Metric\n\n"
            f"def assess(case, plan, settings, task):\n    {body}\n" + (FURTHER if name == "offers" else "")
        )
    (top / "broken").mkdir()
    (top / "broken" / "module.toml").write_text('id = "broken"')
    return folder


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom((8.0, 8.0, 8.0))


class Ear:
    """Listens to a run."""

    def __init__(self, module: str, **what: Any) -> None:
        self.is_over = threading.Event()
        self.answer: Any = None
        self.error: PlannerError | None = None
        self.was_cancelled = False
        self.progress: list[float] = []
        self.has_progress = threading.Event()
        self.run = Run(module, self._progress, self._done, self._failed, self._cancelled, **what)

    def _progress(self, fraction: float, _text: str) -> None:
        self.progress.append(fraction)
        self.has_progress.set()

    def _done(self, answer: Assessment) -> None:
        self.answer = answer
        self.is_over.set()

    def _failed(self, error: PlannerError) -> None:
        self.error = error
        self.is_over.set()

    def _cancelled(self) -> None:
        self.was_cancelled = True
        self.is_over.set()


@pytest.fixture
def runner(outside: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleRunner]:
    monkeypatch.setenv("PYTHONPATH", str(outside))
    made = ModuleRunner()
    yield made
    made.close()


def ask(runner: ModuleRunner, module: str, case: Case) -> Ear:
    ear = Ear(module)
    runner.start(ear.run, case, plan_of(custom_probe()), {})
    return ear


def test_a_module_from_outside_answers(runner: ModuleRunner, case: Case) -> None:
    ear = ask(runner, "counts", case)
    assert ear.is_over.wait(60)
    assert ear.answer is not None, ear.error
    assert ear.answer.metric("probes_count").value == 1


def test_a_crash_is_said_and_the_next_question_is_answered(runner: ModuleRunner, case: Case) -> None:
    ear = ask(runner, "crashes", case)
    assert ear.is_over.wait(60)
    assert ear.error is not None
    assert "ended before it answered" in ear.error.what
    assert "7" in ear.error.thing
    again = ask(runner, "counts", case)
    assert again.is_over.wait(60)
    assert again.answer is not None


def test_an_exception_becomes_words_and_prints_do_no_harm(runner: ModuleRunner, case: Case) -> None:
    ear = ask(runner, "raises", case)
    assert ear.is_over.wait(60)
    assert ear.error is not None
    assert "oops" in ear.error.thing


def test_cancel_stops_work_that_listens(runner: ModuleRunner, case: Case) -> None:
    ear = ask(runner, "slow", case)
    assert ear.has_progress.wait(60)
    runner.cancel(ear.run)
    assert ear.is_over.wait(5)
    assert ear.was_cancelled
    again = ask(runner, "counts", case)
    assert again.is_over.wait(30)
    assert again.answer is not None


def test_what_waits_behind_a_killed_run_is_asked_again(
    runner: ModuleRunner, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE_S", 0.3)
    hanging = ask(runner, "hangs", case)
    waiting = ask(runner, "counts", case)
    runner.cancel(hanging.run)
    assert waiting.is_over.wait(60)
    assert waiting.error is None, "a new question is answered, whatever the old one did to its worker"
    assert waiting.answer is not None
    assert waiting.answer.metric("probes_count").value == 1.0
    assert hanging.was_cancelled


def test_a_hanging_module_is_killed(
    runner: ModuleRunner, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE_S", 0.3)
    ear = ask(runner, "hangs", case)
    runner.cancel(ear.run)
    assert ear.was_cancelled
    threading.Event().wait(1.0)
    again = ask(runner, "counts", case)
    assert again.is_over.wait(60)
    assert again.answer is not None, again.error


def test_a_newer_question_disowns_the_older(runner: ModuleRunner, case: Case) -> None:
    older = ask(runner, "slow", case)
    assert older.has_progress.wait(60)
    newer = ask(runner, "slow", case)
    assert older.was_cancelled
    assert newer.is_over.wait(60)
    assert newer.answer is not None
    assert older.answer is None


def test_the_worker_says_the_same_as_this_process(runner: ModuleRunner, case: Case) -> None:
    ear = ask(runner, "thermal_ablation", case)
    assert ear.is_over.wait(120)
    assert ear.answer is not None, ear.error
    here = judge(find_modules().module("thermal_ablation"), case, plan_of(custom_probe()))
    assert ear.answer.metrics == here.metrics
    assert ear.answer.findings == here.findings
    assert ear.answer.inputs == here.inputs
    assert len(ear.answer.surfaces[0].triangles) == len(here.surfaces[0].triangles)


def test_a_broken_manifest_does_not_hide_the_others(outside: Path) -> None:
    code = (
        "from planner.plugin.registry import find_modules; r = find_modules();"
        "print(sorted(r.modules)); print({k: e.thing for k, e in r.failures.items()})"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(outside)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "thermal_ablation" in run.stdout
    assert "'broken'" in run.stdout.splitlines()[1]


def test_a_manifest_is_read_without_importing_anything() -> None:
    code = (
        "from importlib.metadata import EntryPoint; from planner.plugin.manifest import read_manifest; import sys;"
        "m = read_manifest(EntryPoint('thermal_ablation', 'planner_plugins.thermal_ablation', 'liver_planner.modules'));"
        "assert m.title == 'Thermal ablation'; assert 'planner_plugins' not in sys.modules; print('ok')"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "ok\n"
    )
    with pytest.raises(PlannerError, match="no manifest"):
        read_manifest(EntryPoint("x", "json", "liver_planner.modules"))


def test_the_smallest_module_is_short(outside: Path) -> None:
    package = outside / "outside_modules" / "counts"
    lines = [line for p in package.iterdir() if p.is_file() for line in p.read_text().splitlines()]
    assert len(lines) < 60


def test_cases_and_answers_survive_the_way(case: Case, tmp_path: Path) -> None:
    files = ArrayFiles(tmp_path)
    again = case_of_message(case_message(case, files))
    assert again.id == case.id
    assert (again.image().values == case.image().values).all()
    assert (again.structures.mask("lesion") == case.structures.mask("lesion")).all()
    here = judge(find_modules().module("thermal_ablation"), case, plan_of(custom_probe()))
    there = assessment_of_document(assessment_document(here, tmp_path))
    assert there.metrics == here.metrics
    assert there.findings == here.findings


def test_settings_are_checked_by_their_options() -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Settings:
        size_mm: float = option(5.0, "How large.", "mm", 0.0, 10.0)
        is_on: bool = option(False, "Whether.")
        how: str = option("a", "How.", choices=("a", "b"))

    assert make_settings(Settings, {"size_mm": "7.5", "is_on": "yes", "how": "b"}) == Settings(7.5, True, "b")
    for wrong in ({"size_mm": 11}, {"size_mm": "nan"}, {"is_on": "perhaps"}, {"how": "c"}, {"what": 1}):
        with pytest.raises(InvalidValue):
            make_settings(Settings, wrong)
    assert [o.unit for o in options_of(Settings)] == ["mm", "", ""]


def test_suggestions_come_from_the_worker_with_their_plans(runner: ModuleRunner, case: Case) -> None:
    ear = Ear("offers", do="suggest", goal={"lesion": "lesion"})
    runner.start(ear.run, case, plan_of(custom_probe()), {})
    assert ear.is_over.wait(60)
    (found,) = ear.answer
    assert (found.name, found.scores) == ("none", {"probes_count": 0.0})
    assert found.why == "lesion"
    assert found.plan.instruments == ()


def test_a_simulation_shows_pictures_on_the_way(runner: ModuleRunner, case: Case) -> None:
    shown: list[ScalarField] = []
    ear = Ear("offers", do="simulate", on_shown=shown.append)
    runner.start(ear.run, case, plan_of(custom_probe()), {})
    assert ear.is_over.wait(60)
    assert ear.answer.module == "offers"
    assert [f.values[0, 0, 0] for f in shown] == [0.0, 1.0]
    assert shown[0].unit == "degC"
    assert shown[0].grid.shape == (2, 3, 4)


def test_a_suggestion_and_an_assessment_do_not_disown_each_other(runner: ModuleRunner, case: Case) -> None:
    first = Ear("offers", do="suggest", goal={"lesion": "lesion"})
    runner.start(first.run, case, plan_of(custom_probe()), {})
    second = Ear("offers", do="simulate")
    runner.start(second.run, case, plan_of(custom_probe()), {})
    assert first.is_over.wait(60)
    assert second.is_over.wait(60)
    assert first.answer is not None
    assert second.answer is not None


def test_a_module_that_suggests_nothing_says_so(runner: ModuleRunner, case: Case) -> None:
    for do, said in (("suggest", "suggests no plans"), ("simulate", "simulates nothing")):
        ear = Ear("counts", do=do)
        runner.start(ear.run, case, plan_of(custom_probe()), {})
        assert ear.is_over.wait(60)
        assert ear.error is not None
        assert said in ear.error.what
