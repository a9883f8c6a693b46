"""What ties the mode Vessels together: finding off the window's thread, layers over the views, keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.messages import show_error
from planner.desktop.segment_work import SegmentWork
from planner.desktop.vessel_events import VesselEvents
from planner.planning.cut_effect import CutEffect
from planner.session.branch_choosing import AskedTerritories, FoundTerritories
from planner.session.pointing import Pointer
from planner.session.tree_drawing import AskedRoute, DrawnRoute, no_vessel
from planner.session.vessel_trees import FoundTrees, VesselTrees

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow


class VesselWork(QObject):
    """Finds trees, territories and segments, and shows them while the mode is on.

    Parameters
    ----------
    window
        The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        from planner.desktop.vessel_views import VesselViews

        super().__init__(window)
        self._window = window
        self.is_on = False
        self._territories_of: AskedTerritories | None = None
        self._effect_of: object = None
        self._route_of: AskedRoute | None = None
        vessels, panel = window.bench.vessels, window.vessel_panel
        self.views = VesselViews(window)
        self.segments = SegmentWork(window, self.views)
        self.events = VesselEvents(window, self._end_drawing)
        vessels.pointer.eye = self.events.eye
        vessels.branches.changed.connect(self._branches_changed)
        vessels.drawing.changed.connect(self._drawing_changed)
        vessels.pointer.next_changed.connect(self._drawing_changed)
        vessels.segmenting.changed.connect(self._segments_changed)
        vessels.brushing.changed.connect(self._brush_changed)
        vessels.placing.changed.connect(self._places_changed)
        panel.find_asked.connect(self.find)
        panel.segments_asked.connect(self.segments.find)
        panel.page_changed.connect(self._page_changed)

    # the mode ------------------------------------------------------------------------------

    def switch(self, is_on: bool) -> None:
        """Begin or end the mode."""
        if is_on == self.is_on:
            return
        self.is_on = is_on
        bench = self._window.bench
        if is_on:
            bench.pointer = bench.vessels.pointer
        else:
            bench.vessels.cancel()
            self._window.jobs.cancel("route")
            if bench.pointer is bench.vessels.pointer:
                bench.pointer = Pointer()
        self.events.switch(is_on)
        self.follow()
        self.views.show(is_on)

    def follow(self) -> None:
        """Case, plan or selection changed."""
        if self.is_on and self._window.session.is_open:
            self._window.bench.vessels.follow()

    def forget(self) -> None:
        """Another case: nothing that was found is of it."""
        for kind in ("vessels", "territory", "lit", "cut", "route", "segments", "segment_map", "stroke"):
            self._window.jobs.cancel(kind)
        self._territories_of = self._effect_of = self._route_of = None
        self._window.vessel_panel.show_notes(())
        self._window.bench.vessels.forget()

    # finding -------------------------------------------------------------------------------

    def find(self) -> None:
        """Find the trees of all outlined vessels."""
        window, asked = self._window, self._window.session.case

        def done(found: FoundTrees) -> None:
            try:
                window.bench.vessels.trees.take(found)
            except PlannerError as error:
                self.say(error)
                return
            window.vessel_panel.show_notes(found.notes)
            self._say_found(found)

        def work(task: Task) -> FoundTrees:
            return VesselTrees.find(asked, task)

        window.jobs.start("vessels", "Finding the vessels", work, done, self.failed)

    def _say_found(self, found: FoundTrees) -> None:
        words = ", ".join(f"{t.id.lower()} with {len(t.branches)} branches" for t in found.trees)
        self._window.status.say(f"Found: {words}.")

    def say(self, error: PlannerError) -> None:
        """Say in the status line what was not taken over."""
        self._window.status.say(" ".join(t for t in (error.what, error.todo) if t))

    def failed(self, error: PlannerError) -> None:
        """Show why something was not found."""
        show_error(self._window, error)

    # branches ------------------------------------------------------------------------------

    def _branches_changed(self) -> None:
        if not self.is_on:
            return
        self._find_territories()
        self._find_effect()
        self.views.follow_branches()
        self._window.vessel_panel.refresh()

    def _find_territories(self) -> None:
        """Share the liver out among the branches of the next tree whose territories are wanted."""
        window, branches = self._window, self._window.bench.vessels.branches
        asked = branches.wanted()
        running = self._territories_of
        if asked is None:
            return
        if running is not None and _same_territories(running, asked):
            return
        self._territories_of = asked

        def done(found: FoundTerritories) -> None:
            self._territories_of = None
            branches.show(found)

        def failed(error: PlannerError) -> None:
            self._territories_of = None
            branches.show(FoundTerritories(asked, None, error))

        def work(task: Task) -> FoundTerritories:
            return branches.make(asked, task)

        window.jobs.start("territory", f"Territories: {asked.tree.id}", work, done, failed)

    def _find_effect(self) -> None:
        branches = self._window.bench.vessels.branches
        work, cuts = branches.asked_effect(), branches.cuts
        if work is None:
            self._effect_of = None
            return
        if self._effect_of == (cuts, branches.way):
            return
        self._effect_of = (cuts, branches.way)
        self._start("cut", "What a cut takes", work, lambda effect: self._show_effect(effect, cuts))

    def _show_effect(self, effect: CutEffect, cuts: frozenset[tuple[str, int]]) -> None:
        self._effect_of = None
        self._window.bench.vessels.branches.show_effect(effect, cuts)

    def _start(
        self, kind: str, title: str, work: Callable[[Task], CutEffect], done: Callable[[CutEffect], None]
    ) -> None:
        self._window.jobs.start(kind, title, work, done, self.failed)

    # drawing -------------------------------------------------------------------------------

    def _drawing_changed(self) -> None:
        window, drawing = self._window, self._window.bench.vessels.drawing
        asked = drawing.wanted() if window.session.is_open else None
        if asked is None:
            if self._route_of is not None and not (drawing.is_on and len(drawing.clicks) > 1):
                window.jobs.cancel("route")
            self._route_of = None
        elif self._route_of is None or self._route_of.clicks != asked.clicks:
            self._find_route(asked)
        self.views.follow_branches()
        window.update_actions()
        window.vessel_panel.refresh()

    def _find_route(self, asked: AskedRoute) -> None:
        window, drawing = self._window, self._window.bench.vessels.drawing
        self._route_of = asked

        def done(route: DrawnRoute) -> None:
            self._route_of = None
            drawing.show(route)

        def failed(error: PlannerError) -> None:
            self._route_of = None
            drawing.fail(asked)
            window.status.say(no_vessel(error))

        def work(task: Task) -> DrawnRoute:
            return drawing.make(asked, task)

        window.jobs.start("route", "The way along the vessel", work, done, failed)

    def _end_drawing(self) -> None:
        try:
            self._window.bench.vessels.end_drawing()
        except PlannerError as error:
            self.say(error)

    # segments ------------------------------------------------------------------------------

    def _segments_changed(self) -> None:
        if self.is_on:
            self._window.bench.vessels.brushing.follow()
            self.segments.measure()

    def _brush_changed(self) -> None:
        if self.is_on:
            self.segments.keep_strokes()
            self.views.follow_segments()
            self._window.update_actions()
            if self._window.vessel_panel.is_on_segments:
                self._window.vessel_panel.refresh()

    def _places_changed(self) -> None:
        if self.is_on:
            self.views.follow_places()
            self._window.update_actions()
            self._window.vessel_panel.refresh()

    def _page_changed(self) -> None:
        self._window.vessel_panel.refresh()
        if self.is_on:
            self.segments.measure()
        self.views.show(self.is_on)


def _same_territories(one: AskedTerritories, other: AskedTerritories) -> bool:
    return one.tree is other.tree and one.way == other.way and one.liver == other.liver
