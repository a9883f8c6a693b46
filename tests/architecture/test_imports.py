"""What is loaded when: the window starts without the heavy libraries."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("numba", "scipy", "SimpleITK", "pydicom", "skimage", "highdicom", "vtkmodules")


def loaded(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(' '.join(n for n in {HEAVY!r} if n in sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    return set(run.stdout.split())


def test_an_empty_window_loads_no_numerics() -> None:
    code = (
        "from planner.desktop.application import make_application\n"
        "from planner.desktop.window import MainWindow\n"
        "app = make_application(); window = MainWindow(); window.show(); app.processEvents(); window.grab()\n"
        "window.close()"
    )
    assert loaded(code) == set()


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded("import planner") == set()
    assert loaded("import planner.cli") == set()


def test_the_check_sees_what_is_loaded() -> None:
    assert "scipy" in loaded("import scipy")


def test_the_reference_count_of_none_does_not_fall(qapp: object) -> None:
    from PySide6.QtCore import QCoreApplication

    before = sys.getrefcount(None)
    for _ in range(1000):
        QCoreApplication.processEvents()
    assert sys.getrefcount(None) > before - 500
