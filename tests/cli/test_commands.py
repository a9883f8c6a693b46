"""The command line: exit codes, one JSON document, and errors in three parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.io.plan_file import write_plan
from planner.library.case_folder import create_case_folder
from planner.library.store import Store
from planner.planning.device_library import device_library
from planner.planning.placing import aimed_applicator


def run(*words: object, code: int = 0) -> tuple[str, str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "QT_QPA_PLATFORM")}
    found = subprocess.run(
        [sys.executable, "-m", "planner", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert found.returncode == code, found.stderr
    assert "Traceback" not in found.stderr
    return found.stdout, found.stderr


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases") / "case"
    create_case_folder(phantom((4.0, 4.0, 4.0)), folder)
    store = Store(folder)
    store.save_plan(plan_of(custom_probe(size_mm=30.0)))
    store.save_plan(plan_of(custom_probe(size_mm=44.0)))
    store.close()
    return folder


def margin(words: str) -> float:
    document = json.loads(words)
    assert list(document) == [
        "module",
        "module_version",
        "inputs",
        "settings",
        "metrics",
        "findings",
        "curves",
        "surfaces",
        "fields",
    ]
    return next(float(m["value"]) for m in document["metrics"] if m["name"] == "minimal_ablation_margin_mm")


def test_assess_prints_one_document_and_plans_go_by_name_version_or_file(case: Path, tmp_path: Path) -> None:
    module = ("--module", "thermal_ablation", "--json")
    latest = margin(run("assess", case, "A", *module)[0])
    first = margin(run("assess", case, "A@1", *module)[0])
    assert latest - first == pytest.approx(7.0, abs=0.1)
    path = tmp_path / "p.plan.json"
    write_plan(plan_of(custom_probe(size_mm=30.0)), path)
    assert margin(run("assess", case, path, *module)[0]) == first
    words, _ = run(
        "assess",
        case,
        "A",
        "--module",
        "thermal_ablation",
        "--set",
        "planned_rule=aim",
        "planned_margin_mm=7",
    )
    assert "aim 7" in words


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("assess", "{case}", "B", "--module", "thermal_ablation"), 1, "no such plan"),
        (("assess", "{case}", "A@9", "--module", "thermal_ablation"), 1, "no such plan"),
        (("assess", "{case}", "A", "--module", "homeopathy"), 1, "no such module"),
        (("assess", "{case}", "A", "--module", "thermal_ablation", "--set", "x"), 2, "NAME=VALUE"),
        (("assess", "{case}", "A", "--module", "thermal_ablation", "--set", "x=1"), 1, "no such setting"),
        (("assess", "/nowhere", "A", "--module", "thermal_ablation"), 1, "not a case folder"),
        (("assess", "{case}"), 2, "required"),
        (("import", "/nowhere", "--out", "/tmp/never"), 1, ""),
        (("report", "{case}", "A", "--out", "/proc/none/here"), 1, "cannot be made"),
        (("sample", "--out", "{case}"), 1, "not empty"),
    ],
)
def test_wrong_use_and_failures_have_their_codes(
    case: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    _, error = run(*(w.format(case=case) for w in words), code=code)
    assert says in error


def test_the_report_is_written_whole(case: Path, tmp_path: Path) -> None:
    words, _ = run("report", case, "A", "--out", tmp_path / "report", "--json")
    names = {Path(p).name for p in json.loads(words)["written"]}
    assert {"report.html", "report.pdf", "space.png", "lesion1-axial.png"} <= names
    page = (tmp_path / "report" / "report.html").read_text()
    for piece in (
        "Not for clinical use",
        "Minimal margin",
        "SHA-256",
        "Entry (LPS mm)",
        "Not checked",
        "data:image/png",
    ):
        assert piece in page, piece
    document = (tmp_path / "report" / "report.pdf").read_bytes()
    assert document.startswith(b"%PDF")
    assert len(document) > 50_000


def test_modules_and_verify_answer_in_json() -> None:
    modules = json.loads(run("modules", "--json")[0])
    assert [m["id"] for m in modules["modules"]] == [
        "arterial_infusion",
        "chemoembolization",
        "electroporation",
        "radioembolization",
        "resection",
        "thermal_ablation",
    ]
    checks = json.loads(run("verify", "--json")[0])
    assert checks["is_ok"], checks
    assert len(checks["checks"]) >= 8


def test_suggest_prints_plans_that_can_be_assessed(case: Path, tmp_path: Path) -> None:
    words, _ = run("suggest", case, "A", "--module", "thermal_ablation", "--goal", "margin_mm=4", "--json")
    answer = json.loads(words)
    assert answer["module"] == "thermal_ablation"
    best = answer["suggestions"][0]
    assert set(best) == {"name", "why", "scores", "plan"}
    assert best["scores"]["probes_count"] == 1.0
    assert best["scores"]["minimal_margin_mm"] >= 3.9
    path = tmp_path / "best.plan.json"
    path.write_text(json.dumps(best["plan"]))
    again = margin(run("assess", case, path, "--module", "thermal_ablation", "--json")[0])
    assert again == pytest.approx(best["scores"]["minimal_margin_mm"], abs=1e-9)
    _, says = run("suggest", case, "A", "--module", "thermal_ablation", "--goal", "colour=red", code=1)
    assert "does not know this word" in says


def test_simulate_prints_one_document_and_the_report_can_have_it(case: Path, tmp_path: Path) -> None:
    device = device_library().device("generic-mwa-2450")
    probe = aimed_applicator("p1", device, device.defaults, (0.0, 0.0, 0.0), (0.0, -100.0, 0.0), "lesion")
    path = tmp_path / "mwa.plan.json"
    write_plan(plan_of(probe), path)
    coarse = ("--set", "simulation_voxel_mm=2")
    words, _ = run("simulate", case, path, "--module", "thermal_ablation", *coarse, "--json")
    answer = json.loads(words)
    metrics = {m["name"]: m["value"] for m in answer["metrics"]}
    assert metrics["judged_minimal_margin_mm"] <= metrics["simulated_minimal_margin_mm"] + 1e-9
    assert any(f["name"].startswith("temperature_") for f in answer["fields"])
    again, _ = run("simulate", case, path, "--module", "thermal_ablation", *coarse, "--json")
    assert json.loads(again)["metrics"] == answer["metrics"], "the same input gives the same numbers"
    run("report", case, path, "--out", tmp_path / "report", "--html", "--simulate", *coarse)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "simulated (model)" in page
    assert "Judged margin" in page


@pytest.mark.parametrize(
    "command",
    [
        "open",
        "import",
        "assess",
        "simulate",
        "suggest",
        "advise",
        "report",
        "sample",
        "verify",
        "modules",
        "devices",
    ],
)
def test_every_command_has_help(command: str) -> None:
    assert "usage:" in run(command, "--help")[0]


def test_ten_lines_of_python(case: Path) -> None:
    import planner

    opened = planner.open_case(case)
    plan = planner.new_plan(opened).with_instrument(custom_probe())
    found = planner.assess(opened, plan, "thermal_ablation", planned_margin_mm=5)
    interval = found.metric("minimal_ablation_margin_mm", "lesion").uncertainty
    assert interval is not None
    assert interval.low <= 10.0 <= interval.high
