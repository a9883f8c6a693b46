"""The rooms hold: what import-linter cannot name, and each contract seen to fail once."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RENDERING = ("vtkRendering", "vtkInteraction", "vtkViews", "vtkChartsCore")


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def sources(*folders: str) -> list[Path]:
    return [p for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))]


def is_rendering(name: str) -> bool:
    return any(part.startswith(RENDERING) for part in name.split("."))


def test_vtk_rendering_stands_in_scene_and_after_it_alone() -> None:
    allowed = {"scene", "report", "desktop"}
    for path in sources("planner", "plugins"):
        room = path.relative_to(ROOT).parts[1] if path.is_relative_to(ROOT / "planner") else "plugins"
        wrong = {n for n in imports_of(path) if is_rendering(n)}
        assert room in allowed or not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_widgets_stand_in_the_desktop_alone() -> None:
    for path in sources("planner", "plugins"):
        if not path.is_relative_to(ROOT / "planner" / "desktop"):
            wrong = {n for n in imports_of(path) if "QtWidgets" in n}
            assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_nobody_imports_all_of_vtk() -> None:
    for path in sources("planner", "plugins"):
        assert "vtk" not in imports_of(path), f"{path.relative_to(ROOT)} imports vtk as a whole"


def test_rooms_never_import_the_package_itself_for_its_public_names() -> None:
    for path in sources("planner"):
        if path.name in ("__init__.py", "api.py"):
            continue
        assert "planner.api" not in imports_of(path), path


def test_the_rendering_check_can_fail() -> None:
    assert is_rendering("vtkmodules.vtkRenderingCore")
    assert not is_rendering("vtkmodules.vtkFiltersCore")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which violations can be seeded."""
    copy = tmp_path_factory.mktemp("seeded")
    for folder in ("planner", "plugins", "resources"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "plugins").rename(copy / "planner_plugins")
    (copy / "resources").rename(copy / "planner" / "resources")
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


SEEDS = {
    "Rooms import only rooms above them": ("planner/compute/seed.py", "import planner.session.session\n"),
    "Qt stands in scene, report and desktop alone": ("planner/session/seed.py", "import PySide6.QtCore\n"),
    "The model needs numpy alone": ("planner/model/seed.py", "import scipy\n"),
    "Treatment modules see base, model, compute, planning and plugin": (
        "planner_plugins/thermal_ablation/seed.py",
        "import planner.io.nrrd\n",
    ),
}


def lint(folder: Path) -> str:
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c()"
    run = subprocess.run(
        [sys.executable, "-P", "-c", code, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return run.stdout + run.stderr


@pytest.mark.parametrize("contract", SEEDS)
def test_each_contract_breaks_where_it_is_violated(seeded: Path, contract: str) -> None:
    name, text = SEEDS[contract]
    (seeded / name).write_text(f'"""A violation."""\n{text}')
    try:
        words = lint(seeded)
    finally:
        (seeded / name).unlink()
    assert f"{contract} BROKEN" in words, words


def test_modules_are_independent_of_each_other(seeded: Path) -> None:
    seed = seeded / "planner_plugins" / "thermal_ablation" / "seed.py"
    seed.write_text("import planner_plugins.electroporation\n")
    try:
        words = lint(seeded)
    finally:
        seed.unlink()
    assert "Treatment modules do not see each other BROKEN" in words, words
