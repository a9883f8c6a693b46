"""The dialog that fills a lesion with foci: shown while it is open, made on OK, gone on cancel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QDialogButtonBox

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import phantom

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.compute.foci_union import FociUnion
from planner.desktop.application import make_application
from planner.desktop.focus_dialog import FocusDialog
from planner.library.case_folder import create_case_folder
from planner.library.index import LibraryIndex
from planner.model.case import Case
from planner.planning.device_library import device_library
from planner.planning.focusing import grid_zones
from planner.session.session import Session

pytestmark = [pytest.mark.window]


class AtOnce:
    """Jobs done where they are asked for, unless held back."""

    def __init__(self) -> None:
        self.is_held = False
        self.held: list[Callable[[], None]] = []
        self.cancelled: list[str] = []

    def start(
        self,
        kind: str,
        title: str,
        work: Callable[[Task], Any],
        on_done: Callable[[Any], None],
        on_failed: Callable[[PlannerError], None],
    ) -> None:
        def run() -> None:
            try:
                answer = work(Task())
            except PlannerError as error:
                on_failed(error)
            else:
                on_done(answer)

        if self.is_held:
            self.held.append(run)
        else:
            run()

    def cancel(self, kind: str = "") -> None:
        self.cancelled.append(kind)


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom((4.0, 4.0, 4.0))


@pytest.fixture
def session(qapp: object, case: Case, tmp_path: Path) -> Iterator[Session]:
    make_application()
    create_case_folder(case, tmp_path / "case")
    made = Session(index=LibraryIndex(tmp_path / "library"))
    made.open_folder(tmp_path / "case")
    yield made
    made.close()


def opened(session: Session, jobs: AtOnce) -> FocusDialog:
    dialog = FocusDialog(session, jobs)  # type: ignore[arg-type]
    dialog.margin.setValue(1.0)
    return dialog


def ok(dialog: FocusDialog) -> Any:
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)


def test_ok_places_foci_that_hold_lesion_and_margin(session: Session) -> None:
    dialog = opened(session, AtOnce())
    assert ok(dialog).isEnabled()
    assert session.plan.focus_grids, "shown while the dialog is open"
    assert not session.recorded_plan.focus_grids
    assert "Not checked: bones, lungs" in dialog.note.text()
    few = len(session.plan.focus_grids[0].foci_lps_mm)
    dialog.margin.setValue(3.0)
    assert len(session.plan.focus_grids[0].foci_lps_mm) > few
    dialog.accept()
    assert session.undo_label == "Place foci h1"
    (grid,) = session.recorded_plan.focus_grids
    assert (grid.device, grid.lesion, session.selection.instrument) == ("generic-hifu", "lesion", "h1")
    assert grid.has_window
    device = device_library().device(grid.device)
    union = FociUnion(grid_zones(grid, device.zone(grid.settings)))
    ball = np.random.default_rng(1).normal(size=(500, 3))
    ball *= 10.0 / np.linalg.norm(ball, axis=1)[:, None]
    assert union.signed_distance_mm(ball).min() > 1.0
    session.undo()
    assert not session.plan.focus_grids
    dialog.deleteLater()


def test_a_selected_grid_is_filled_anew(session: Session) -> None:
    first = opened(session, AtOnce())
    first.accept()
    again = opened(session, AtOnce())
    again.overlap.setValue(30.0)
    again.accept()
    assert session.undo_label == "Fill foci h1"
    assert len(session.recorded_plan.focus_grids) == 1
    first.deleteLater()
    again.deleteLater()


def test_cancel_goes_back_to_what_was(session: Session) -> None:
    jobs = AtOnce()
    dialog = opened(session, jobs)
    dialog.reject()
    assert not session.plan.focus_grids
    assert set(jobs.cancelled) == {"focus window", "focus grid"}
    dialog.deleteLater()


def test_ok_waits_and_says_why(session: Session) -> None:
    jobs = AtOnce()
    jobs.is_held = True
    dialog = opened(session, jobs)
    assert not ok(dialog).isEnabled()
    assert ok(dialog).toolTip() == "Looking for a window…"
    dialog.accept()
    assert not session.recorded_plan.focus_grids
    dialog.reject()
    jobs.is_held = False
    for run in jobs.held:
        run()
    assert not session.plan.focus_grids, "what comes after the dialog is closed changes nothing"
    dialog.deleteLater()


def test_too_many_foci_are_said_and_cannot_be_made(session: Session) -> None:
    dialog = opened(session, AtOnce())
    dialog.margin.setValue(15.0)
    assert not ok(dialog).isEnabled()
    assert "too many foci" in dialog.note.text()
    dialog.reject()
    dialog.deleteLater()
