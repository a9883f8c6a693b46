"""What ties the mode Resection together: cuts over the views, the mouse, the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject

from planner.base.errors import PlannerError
from planner.desktop.closed_views import ClosedViews
from planner.model.points import Point, as_point
from planner.model.resection import PatchCut, PlaneCut
from planner.model.roles import Role
from planner.planning.liver_parts import LIVER_PARTS
from planner.scene.drawn_cuts import CutLayer
from planner.scene.liver_parts_overlay import LiverParts
from planner.session.cut_pointer import CutPointer
from planner.session.judgement import JudgementState
from planner.session.pointing import Handle, Pointer
from planner.session.resecting import MODULE, Line

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

LAYER = "resections"
#: What is taken stands so far aside, with what of it runs in the liver.
ASIDE_MM = 60.0
PARTED = (Role.LIVER, Role.LESION, Role.PORTAL_VEIN, Role.HEPATIC_VEIN, Role.HEPATIC_ARTERY, Role.BILE_DUCT)


class ResectionWork(QObject):
    """Shows the cuts in all views, and takes the mouse while the mode is on.

    Parameters
    ----------
    window
        The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.is_on = False
        bench = window.bench
        self.pointer = CutPointer(window.session, bench.resecting)
        self.layer = CutLayer(self._handles, lambda: self.pointer.stroke)
        self._is_shown = self._is_aside = False
        self._parts: LiverParts | None = None
        self.closed = ClosedViews(window)
        for changed in (window.resection_panel.page_changed, window.resection_panel.growth.look_changed):
            changed.connect(self.show_closed)
        bench.growing.changed.connect(self._growing_changed)
        bench.resecting.changed.connect(self._tools_changed)
        window.resection_panel.aside_asked.connect(self.show_aside)
        self.pointer.drawn.connect(window.views.refresh_layers)
        window.session.dragged.connect(self._dragged)

    def _handles(self) -> tuple[Handle, ...]:
        return self.pointer.handles if self._window.bench.pointer is self.pointer else ()

    def switch(self, is_on: bool) -> None:
        """Begin or end the mode."""
        if is_on == self.is_on:
            return
        self.is_on = is_on
        bench = self._window.bench
        if is_on:
            bench.pointer = self.pointer
            bench.resecting.make_ready()
        else:
            if bench.pointer in (self.pointer, self.closed.closer):
                bench.pointer = Pointer()
            bench.resecting.line = Line.NONE
        self.follow()

    def follow(self) -> None:
        """Case, plan, selection or answers changed."""
        if not self._window.session.is_open:
            return
        if self._window.session.is_dragging:  # cuts are drawn once for each move, after its numbers
            if self.is_on:
                self._window.resection_panel.judgement.refresh()
            return
        if self.is_on:
            self._window.resection_panel.refresh()
        self.show_cuts()
        self.show_closed()

    def show_aside(self, is_on: bool) -> None:
        """Show what is taken beside what remains, or all where it is."""
        self._is_aside = is_on
        self.show_cuts()
        self.show_closed()
        self._window.views.space.frame()

    def forget(self) -> None:
        """Another case: nothing that is drawn is of it."""
        self.pointer.stroke = []
        self._window.bench.resecting.line = Line.NONE
        self._window.views.show_layer(LAYER, None)
        self._is_shown = self._is_aside = False
        self.closed.forget()
        if self.is_on:
            self._window.bench.resecting.make_ready()

    def show_closed(self) -> None:
        """Draw what embolizations close while the page Growth is open, and let clicks there close branches."""
        bench, panel = self._window.bench, self._window.resection_panel
        is_growth = self.is_on and panel.is_on_growth and self._window.session.is_open
        if not is_growth:
            bench.growing.close_by_clicks(False)
        if self.is_on:
            bench.pointer = self.closed.closer if bench.growing.is_closing else self.pointer
        self.closed.follow(is_growth and panel.growth.shows_closed, self.layer.shift_lps_mm is not None)

    def show_cuts(self, is_dragged: bool = False) -> None:
        """Draw the cuts of the plan as it is, in whichever mode; while one is dragged nothing stands aside."""
        session, resecting = self._window.session, self._window.bench.resecting
        cuts = session.plan.resections
        if not cuts and not self.is_on:
            if self._is_shown:
                self._window.views.show_layer(LAYER, None)
                self._is_shown = False
            return
        surfaces = {r.id: s for r in cuts if (s := resecting.surface_of(r.id)) is not None}
        ground, reach = None, 0.0
        if any(isinstance(r.surface, PlaneCut | PatchCut) for r in cuts) and resecting.has_liver:
            try:
                ground, reach = resecting.ground, resecting.points.reach_mm
            except PlannerError:  # an empty outline: the module says so
                ground = None
        chosen = resecting.chosen
        shown = chosen.id if chosen is not None and self.is_on else ""
        parts = None if is_dragged else self._parts_now()
        self.layer.show(cuts, surfaces, ground, reach, shown, parts)
        if self.is_on:
            self._window.resection_panel.show_parts(parts.present if parts is not None else ())
        space = self._window.views.space
        self.layer.shift_lps_mm = None
        if self._is_aside and self.is_on and not is_dragged and self.layer.can_part:
            self.layer.shift_lps_mm = shift = self._shift()
            space.set_aside(self.layer.taken, shift, self._parted_names())
        else:
            space.put_back()
        space.layer_legend = "cut_margin" if any(s.values is not None for s in surfaces.values()) else ""
        if self._is_shown:
            self._window.views.refresh_layers()
        else:
            self._window.views.show_layer(LAYER, self.layer)
            self._is_shown = True

    def _parts_now(self) -> LiverParts | None:
        """What becomes of the liver, where the whole answer is of the plan as it is; kept while it stays."""
        judgement = self._window.session.judgements.of(MODULE)
        if judgement.state != JudgementState.CURRENT or judgement.assessment is None:
            return None
        field = next((f for f in judgement.assessment.fields if f.name == LIVER_PARTS), None)
        if field is None:
            return None
        if self._parts is None or self._parts.field is not field:
            self._parts = LiverParts(field)
        return self._parts

    def _shift(self) -> Point:
        """Away from what remains, sideways in the picture: nothing is hidden behind it."""
        points = self._window.bench.resecting.points.lps_mm
        is_taken = self.layer.taken(points) > 0
        if is_taken.all() or not is_taken.any():
            return (0.0, 0.0, 0.0)
        away = points[is_taken].mean(axis=0) - points[~is_taken].mean(axis=0)
        return as_point(ASIDE_MM * away / max(float(np.linalg.norm(away)), 1e-9))

    def _parted_names(self) -> list[str]:
        return [s.name for s in self._window.session.case.structures.structures if s.role in PARTED]

    def _tools_changed(self) -> None:
        if self.is_on:
            self._window.resection_panel.refresh()
            self._window.views.refresh_layers()
            self._window.update_actions()

    def _growing_changed(self) -> None:
        self.show_closed()
        if self.is_on:
            self._window.update_actions()

    def _dragged(self) -> None:
        if self._window.session.plan.resections:
            self.show_cuts(is_dragged=True)  # numbers come with the answer, which has been asked for
