"""A sample case and a real window for journeys."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from planner.library.case_folder import create_case_folder
from planner.library.index import LibraryIndex
from planner.library.store import Store
from planner.sample.case import make_sample_case
from planner.sample.plan import sample_plan

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def sample_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in sample case as the command writes it, made once a process; copy it before writing."""
    folder = tmp_path_factory.mktemp("sample") / "case"
    run = [sys.executable, "-m", "planner", "sample", "--out", str(folder)]
    subprocess.run(run, check=True, timeout=300)
    return folder


@pytest.fixture(scope="session")
def coarse_sample_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample case and its plan with voxels of 1.38 x 1.38 x 3 mm: an eighth of the work."""
    folder = tmp_path_factory.mktemp("sample") / "coarse"
    case = create_case_folder(make_sample_case(coarser=2), folder)
    store = Store(folder)
    store.save_plan(sample_plan(case))
    store.close()
    return folder


@pytest.fixture
def own_sample(coarse_sample_case: Path, tmp_path: Path) -> Path:
    """A copy of the coarse sample case that a test may change."""
    return Path(shutil.copytree(coarse_sample_case, tmp_path / "case"))


@pytest.fixture
def own_fine_sample(sample_case: Path, tmp_path: Path) -> Path:
    """A copy of the sample case, in the voxels a user gets, that a test may change."""
    return Path(shutil.copytree(sample_case, tmp_path / "case"))


@pytest.fixture
def hands(qapp: object, tmp_path: Path) -> Iterator[Callable[[int, int], object]]:
    """Opens a window of a size and gives the hands that drive it."""
    if os.environ.get("QT_QPA_PLATFORM") != "xcb" or shutil.which("xdotool") is None:
        pytest.skip(
            "driving a real window needs Xvfb and xdotool (installer/bootstrap.py test installs them)"
        )
    from hands import Hands

    from planner.desktop.application import make_application
    from planner.desktop.window import MainWindow

    make_application()
    windows: list[MainWindow] = []

    def open_window(width: int, height: int) -> Hands:
        window = MainWindow(LibraryIndex(tmp_path / "library"))
        window.resize(width, height)
        window.move(0, 0)
        window.show()
        windows.append(window)
        found = Hands(window)
        found.wait(window.isActiveWindow, "the window to be active", 20)
        found.settle(0.2)
        return found

    yield open_window
    for window in windows:
        if window.bench.practising.is_on:
            window.bench.practising.end()
        if window.session.is_open:
            window.session.give_up_unsaved()
            window.session.change_plan("end of test", window.session.plan)
            window.session._saved = (window.session.plan, window.session.case)
        window.close()
        window.deleteLater()
