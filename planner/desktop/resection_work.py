"""What ties the mode Resection together: cuts over the views, the mouse, the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from planner.base.errors import PlannerError
from planner.model.resection import PatchCut, PlaneCut
from planner.scene.drawn_cuts import CutLayer
from planner.session.cut_pointer import CutPointer
from planner.session.pointing import Handle, Pointer
from planner.session.resecting import Line

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

LAYER = "resections"


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
        self._is_shown = False
        bench.resecting.changed.connect(self._tools_changed)
        self.pointer.drawn.connect(window.views.refresh_layers)
        window.session.dragged.connect(self._dragged)

    def _handles(self) -> tuple[Handle, ...]:
        return self.pointer.handles if self.is_on else ()

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
            if bench.pointer is self.pointer:
                bench.pointer = Pointer()
            bench.resecting.line = Line.NONE
        self.follow()

    def follow(self) -> None:
        """Case, plan, selection or answers changed."""
        if not self._window.session.is_open:
            return
        if self.is_on:
            self._window.resection_panel.refresh()
        self.show_cuts()

    def forget(self) -> None:
        """Another case: nothing that is drawn is of it."""
        self.pointer.stroke = []
        self._window.bench.resecting.line = Line.NONE
        self._window.views.show_layer(LAYER, None)
        self._is_shown = False
        if self.is_on:
            self._window.bench.resecting.make_ready()

    def show_cuts(self) -> None:
        """Draw the cuts of the plan as it is, in whichever mode."""
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
        self.layer.show(cuts, surfaces, ground, reach, chosen.id if chosen is not None and self.is_on else "")
        space = self._window.views.space
        space.layer_legend = "cut_margin" if any(s.values is not None for s in surfaces.values()) else ""
        if self._is_shown:
            self._window.views.refresh_layers()
        else:
            self._window.views.show_layer(LAYER, self.layer)
            self._is_shown = True

    def _tools_changed(self) -> None:
        if self.is_on:
            self._window.resection_panel.refresh()
            self._window.views.refresh_layers()
            self._window.update_actions()

    def _dragged(self) -> None:
        if self._window.session.plan.resections:
            self.show_cuts()
            if self.is_on:
                self._window.resection_panel.judgement.refresh()
