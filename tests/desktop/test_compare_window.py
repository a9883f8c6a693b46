"""The window that compares plans: however it is closed, it asks no more and gives the graphics back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import phantom

from planner.desktop.application import make_application
from planner.desktop.compare_window import CompareWindow
from planner.desktop.window import MainWindow
from planner.library.index import LibraryIndex
from planner.model.plan import Plan
from planner.session.user_settings import SettingsFile


@pytest.fixture
def window(qapp: object, tmp_path: Path) -> Iterator[MainWindow]:
    make_application()
    made = MainWindow(LibraryIndex(tmp_path / "library"), SettingsFile(tmp_path / "settings.json"))
    case = phantom((5.0, 5.0, 5.0))
    made.session.open_case(case, Plan("A", case.id))
    yield made
    made.jobs.cancel()
    made.session.close()
    made.views.space.close_scene()
    made.deleteLater()


@pytest.mark.parametrize("way", ["reject", "close"])
def test_however_it_is_closed_it_lets_go(window: MainWindow, way: str) -> None:
    comparing = window.bench.comparing
    before = len(comparing.changed)
    shown = CompareWindow(window)
    shown.show()
    assert [p.choice.name for p in comparing.plans] == ["A"]
    assert len(comparing.changed) == before + 1
    getattr(shown, way)()
    assert len(comparing.changed) == before
    assert not comparing.is_running
    assert all(picture._scene is None for picture in shown.pictures)


def test_another_case_closes_it(window: MainWindow) -> None:
    shown = CompareWindow(window)
    shown.show()
    other = phantom((6.0, 6.0, 6.0))
    window.session.open_case(other, Plan("B", other.id))
    assert not shown.isVisible()
    assert window.bench.comparing.plans == []
