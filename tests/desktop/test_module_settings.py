"""The form of a module's settings: what speaks of one patient is marked, and waits for a case."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QPushButton, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import phantom

from planner.desktop.application import make_application
from planner.desktop.module_settings import OF_CASE, ModuleSettings
from planner.library.index import LibraryIndex
from planner.model.plan import Plan
from planner.plugin.registry import find_modules
from planner.plugin.settings import options_of
from planner.session.session import Session
from planner.session.user_settings import SettingsFile

MODULES = sorted(find_modules().modules)


@pytest.fixture
def session(qapp: object, tmp_path: Path) -> Iterator[Session]:
    make_application()
    made = Session(index=LibraryIndex(tmp_path / "library"), settings_file=SettingsFile(tmp_path / "own"))
    yield made
    made.close()


@pytest.fixture
def form(session: Session) -> Iterator[Callable[[str], ModuleSettings]]:
    forms: list[ModuleSettings] = []

    def make(module: str) -> ModuleSettings:
        forms.append(ModuleSettings(session, module))
        forms[-1].show()
        return forms[-1]

    yield make
    for made in forms:
        made.reject()
        made.deleteLater()


def field(form: ModuleSettings, name: str) -> QWidget:
    found = form.findChild(QWidget, f"setting_{name}")
    assert found is not None, name
    return found


@pytest.mark.parametrize("module", MODULES)
def test_what_speaks_of_a_patient_is_marked_and_waits_for_one(
    session: Session, form: Callable[[str], ModuleSettings], module: str
) -> None:
    options = options_of(session.judgements.registry.module(module).settings_class)
    without = form(module)
    assert {o.name: field(without, o.name).isEnabled() for o in options} == {
        o.name: not o.is_of_case for o in options
    }
    marked = {w.toolTip() for w in without.findChildren(QLabel) if w.text().endswith(OF_CASE)}
    assert marked == {o.name for o in options if o.is_of_case}
    case = phantom((5.0, 5.0, 5.0))
    session.open_case(case, Plan("A", case.id))
    assert all(field(form(module), o.name).isEnabled() for o in options)


def test_what_is_chosen_goes_to_the_case_or_to_the_user(
    session: Session, form: Callable[[str], ModuleSettings]
) -> None:
    case = phantom((5.0, 5.0, 5.0))
    session.open_case(case, Plan("A", case.id))
    made = form("resection")
    state, margin = field(made, "liver_state"), field(made, "margin_mm")
    assert isinstance(state, QComboBox)
    assert isinstance(margin, QDoubleSpinBox)
    state.setCurrentText("healthy")
    state.activated.emit(state.currentIndex())
    margin.setValue(7.0)
    assert dict(session.case.settings_of("resection")) == {"liver_state": "healthy"}
    assert session.judgements.own_settings("resection") == {"margin_mm": 7.0}
    session.undo()
    assert session.judgements.settings("resection") == {"margin_mm": 7.0}


def test_cancel_gives_back_what_held(session: Session, form: Callable[[str], ModuleSettings]) -> None:
    case = phantom((5.0, 5.0, 5.0))
    session.open_case(case, Plan("A", case.id))
    session.judgements.set_settings("resection", {"liver_state": "cirrhotic", "margin_mm": 5.0})
    made = form("resection")
    state = field(made, "liver_state")
    assert isinstance(state, QComboBox)
    assert state.currentText() == "cirrhotic"
    restore = made.findChild(QPushButton, "restoreDefaults")
    assert restore is not None
    restore.click()
    assert state.currentText() == "unknown"
    assert session.judgements.settings("resection") == {}
    made.reject()
    assert session.judgements.settings("resection") == {"liver_state": "cirrhotic", "margin_mm": 5.0}
