"""Steps of practice that several journeys share: folders of one's own, an exercise on the open case, a needle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from steps import button

from planner.model.case import Case
from planner.model.plan import Plan
from planner.practice.exercise import CaseMark, Conditions, Exercise, Reference
from planner.session.placing import center_of

LESION, HIDDEN, DEVICE = "Lesion 2", "Portal vein", "generic-mwa-2450"
#: From the lesion's middle to an entry on the right, behind.
TOWARDS_ENTRY_MM = (-80.0, 60.0, 0.0)


def own_folders(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Give a window that is made after this data and settings of its own; returns the folder of practice."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(folder / name.lower()))
    return folder / "xdg_data_home" / "liver-planner" / "practice"


def exercise_on(case: Case, reference: Plan, **changes: Any) -> Exercise:
    """An exercise on a sample case that hides the portal vein and has a table."""
    given: dict[str, Any] = {
        "id": "behind-the-vein",
        "title": "Behind the vein",
        "task": "Cover the lesion.",
        "case": CaseMark.of(case),
        "module": "thermal_ablation",
        "lesion": LESION,
        "devices": (DEVICE,),
        "most_instruments": 3,
        "hidden": (HIDDEN,),
        "conditions": Conditions(placement="navigated"),
        "references": (Reference("Expert", replace(reference, name="Expert")),),
    }
    return Exercise(**{**given, **changes})


def to_practice(hand: Any, name: str = "Anna") -> None:
    """Go to the mode Practice by its button, and choose a profile, which is made where it is not there."""
    window = hand.window
    if name not in window.bench.practising.profiles.names():
        window.bench.practising.profiles.create(name)
    hand.click(button(window, "mode_practice"))
    assert window.is_in("practice_panel")
    window.practice_panel.profile.choose(name)
    hand.wait(lambda: not window.jobs.is_running, "exercises and attempts to be read")


def place_by_mouse(hand: Any, towards_mm: tuple[float, float, float] = TOWARDS_ENTRY_MM) -> str:
    """Place a needle by P and two clicks in the axial view; returns its id."""
    window = hand.window
    session, axial = window.session, window.views.axial
    center = center_of(session.case.structures, LESION)
    hand.click(axial, QPointF(axial.width() * 0.5, 12))  # focus, off everything
    session.selection.move_cursor(center)
    hand.settle(0.1)
    hand.key("p")
    hand.click(axial, axial.view_of(center))
    x, y, z = (float(v) for v in np.array(center) + towards_mm)
    hand.click(axial, axial.view_of((x, y, z)))
    return str(session.selection.instrument)
