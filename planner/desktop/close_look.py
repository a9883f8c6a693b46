"""Brings a place near in all views: slices are zoomed in about it, and the 3D view looks at it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF

from planner.desktop.slice_view import SliceView
from planner.desktop.space_view import SpaceView
from planner.desktop.view_grid import ViewGrid
from planner.model.plan import Point

#: A lesion with its zone and what lies round it fills a view that shows so much.
ACROSS_MM = 120.0


def look_closely(views: ViewGrid, lps_mm: Point, across_mm: float = ACROSS_MM) -> None:
    """Put a place in the middle of each view, at least so near that the view's narrower side shows ``across_mm``.

    A view that is nearer already stays as near; the direction 3D is looked at from stays.
    """
    for view in views.slices:
        _zoom_slice(view, lps_mm, across_mm)
    _approach(views.space, lps_mm, across_mm)


def _zoom_slice(view: SliceView, lps_mm: Point, across_mm: float) -> None:
    if view.stack is None:
        return
    wanted_mm_per_px = across_mm / max(1, min(view.width(), view.height()))
    if view.frame.mm_per_px > wanted_mm_per_px:
        view.zoom_by(wanted_mm_per_px / view.frame.mm_per_px, view.view_of(lps_mm))
    view.pan(QPointF(view.width() / 2, view.height() / 2) - view.view_of(lps_mm))


def _approach(view: SpaceView, lps_mm: Point, across_mm: float) -> None:
    camera = view.scene.renderer.GetActiveCamera()
    half_angle = np.radians(camera.GetViewAngle()) / 2
    nearest_mm = 0.5 * across_mm / float(np.tan(half_angle))
    away_mm = min(nearest_mm, camera.GetDistance())
    stand = np.array(lps_mm) - away_mm * np.array(view.scene.towards_lps)
    camera.SetFocalPoint(*lps_mm)
    camera.SetPosition(*stand)
    view.refresh()
