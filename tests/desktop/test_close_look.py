"""A close look puts a place in the middle of all views, near enough, and never takes anybody farther off."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of
from PySide6.QtCore import QPointF

from planner.desktop.close_look import look_closely
from planner.desktop.view_grid import ViewGrid
from planner.session.actions import Workbench
from planner.session.session import Session

PLACE = (12.0, -23.0, 31.0)


@pytest.fixture
def views(qapp: object) -> Iterator[ViewGrid]:
    session = Session()
    session.open_case(phantom((4.0, 4.0, 6.0)), plan_of(custom_probe()))
    made = ViewGrid(Workbench(session))
    made.resize(900, 700)
    made.show()
    for view in made.slices:
        view.show_case()
    made.space.show_plan()
    made.space.frame()
    made.space.grab()
    yield made
    made.space.close_scene()
    made.close()
    session.close()


@pytest.mark.parametrize("across_mm", [60.0, 110.0])
def test_the_place_is_in_the_middle_of_every_view(views: ViewGrid, across_mm: float) -> None:
    towards = views.space.scene.towards_lps
    look_closely(views, PLACE, across_mm)
    for view in views.slices:
        middle = QPointF(view.width() / 2, view.height() / 2)
        assert (view.view_of(PLACE) - middle).manhattanLength() < 1e-6
        shown_mm = view.frame.mm_per_px * min(view.width(), view.height())
        assert shown_mm == pytest.approx(across_mm)
    scene = views.space.scene
    views.space.grab()
    camera = scene.renderer.GetActiveCamera()
    assert camera.GetFocalPoint() == pytest.approx(PLACE)
    assert scene.towards_lps == pytest.approx(towards), "looked at from where it was"
    tall_mm = 2.0 * camera.GetDistance() * np.tan(np.radians(camera.GetViewAngle()) / 2)
    assert tall_mm == pytest.approx(across_mm)


def test_who_is_nearer_already_stays_as_near(views: ViewGrid) -> None:
    look_closely(views, PLACE, 40.0)
    near = [view.frame.mm_per_px for view in views.slices]
    away_mm = views.space.scene.renderer.GetActiveCamera().GetDistance()
    other = (-5.0, 4.0, -9.0)
    look_closely(views, other, 200.0)
    assert [view.frame.mm_per_px for view in views.slices] == near
    for view in views.slices:
        assert (view.view_of(other) - QPointF(view.width() / 2, view.height() / 2)).manhattanLength() < 1e-6
    assert views.space.scene.renderer.GetActiveCamera().GetDistance() == pytest.approx(away_mm)
