"""What all tests share: a screen of their own, folders of their own, and watches for leaks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

_screens: list[subprocess.Popen[bytes]] = []


def pytest_configure(config: pytest.Config) -> None:
    """Give this process a screen and folders of its own before Qt or numba is imported."""
    scratch = tempfile.mkdtemp(prefix="liver-planner-tests-")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        os.environ[name] = str(Path(scratch) / name.lower())
    config.add_cleanup(lambda: shutil.rmtree(scratch, ignore_errors=True))
    is_controller = not hasattr(config, "workerinput") and bool(getattr(config.option, "numprocesses", None))
    if sys.platform.startswith("linux") and not is_controller:
        _own_screen(config)


def _own_screen(config: pytest.Config) -> None:
    """An Xvfb with a window manager for this process alone; without one Qt paints off screen."""
    if shutil.which("Xvfb") is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        os.environ.pop("DISPLAY", None)
        return
    reader, writer = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writer),
        "-screen",
        "0",
        "1920x1080x24",
        "-nolisten",
        "tcp",
        "-noreset",
    ]
    screen = subprocess.Popen(command, pass_fds=(writer,), stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as answer:
        os.environ["DISPLAY"] = f":{answer.readline().strip()}"
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    _screens.append(screen)
    if shutil.which("openbox") is not None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        _screens.append(subprocess.Popen(["openbox"], **quiet))  # type: ignore[call-overload]

    def stop() -> None:
        for process in reversed(_screens):
            process.terminate()
        for process in _screens:
            process.wait()

    config.add_cleanup(stop)


#: Files and folders with tests of half a minute and more.
LONG = (
    "tests/verification/test_margin_uncertainty.py",
    "tests/journeys/",
    "tests/realdata/",
    "tests/compute/test_registration.py",
    "tests/compute/test_held_out.py",
    "tests/practice/test_shipped_exercises.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no worker waits for one at the end.

    Files go to the workers whole (``--dist loadfile``): what a file makes once is made once.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture(autouse=True)
def no_kept_settings() -> None:
    """Every test begins as a new user: what another one of this process set as a habit is forgotten."""
    shutil.rmtree(Path(os.environ["XDG_CONFIG_HOME"]), ignore_errors=True)


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a top-level widget or a thread of ours behind."""
    yield
    if "PySide6.QtWidgets" in sys.modules:
        from PySide6.QtCore import QCoreApplication, QEvent
        from PySide6.QtWidgets import QApplication

        if isinstance(QApplication.instance(), QApplication):
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            left = [w for w in QApplication.topLevelWidgets() if w.isVisible()]
            for widget in left:
                widget.close()
            assert not left, f"windows left open: {left}"
    names = ("journal", "case-lock", "module-worker")
    for thread in threading.enumerate():
        if thread.name.startswith(names):
            thread.join(timeout=5)
    alive = [t.name for t in threading.enumerate() if t.name.startswith(names)]
    assert not alive, f"threads left running: {alive}"
