"""Segments found, measured and kept off the window's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.desktop.messages import show_error
from planner.model.case import Case
from planner.model.structures import StructureSet
from planner.planning.segment_map import SegmentMap
from planner.session.segment_brushing import Stroke
from planner.session.segmenting import FoundSegments

if TYPE_CHECKING:
    from planner.desktop.vessel_views import VesselViews
    from planner.desktop.window import MainWindow


class SegmentWork:
    """Asks for segments, and keeps strokes one after the other.

    Parameters
    ----------
    window
        The window it works for.
    views
        Shows them.
    """

    def __init__(self, window: MainWindow, views: VesselViews) -> None:
        self._window, self._views = window, views
        self._measured: StructureSet | None = None
        self._kept: Stroke | None = None

    def find(self, kind: str) -> None:
        """Find segments from the portal branches, or from planes."""
        window, asked = self._window, self._window.session.case
        segmenting = window.bench.vessels.segmenting

        def work(task: Task) -> FoundSegments:
            return segmenting.make(asked, kind, task)

        def done(found: FoundSegments) -> None:
            try:
                segmenting.take(found)
            except PlannerError as error:
                self._say(error)

        window.jobs.start("segments", "Finding the segments", work, done, self._failed)

    def measure(self) -> None:
        """Measure the segments of the case, where they are not measured as they are."""
        window, segmenting = self._window, self._window.bench.vessels.segmenting
        wanted = segmenting.wanted()
        if wanted is None or wanted is self._measured:
            self._views.follow_segments()
            self._refresh()
            return
        self._measured = wanted
        structures = wanted

        def work(task: Task) -> SegmentMap | None:
            try:
                return segmenting.measure(structures, task)
            except InvalidValue:
                return None  # no liver, or no voxel: the page says what is missing

        def done(found: SegmentMap | None) -> None:
            self._measured = None
            segmenting.show(structures, found)

        def failed(error: PlannerError) -> None:
            self._measured = None
            self._failed(error)

        window.jobs.start("segment_map", "Measuring the segments", work, done, failed)
        self._refresh()

    def keep_strokes(self) -> None:
        """Make the stroke that waits a change of the case; the next one follows when it is done."""
        window, brushing = self._window, self._window.bench.vessels.brushing
        stroke = brushing.waiting
        if stroke is None or self._kept is not None:
            return
        self._kept, asked = stroke, window.session.case

        def work(task: Task) -> Case:
            return brushing.make(stroke, asked, task)

        def done(case: Case) -> None:
            self._kept = None
            try:
                brushing.take(stroke, asked, case)
            except PlannerError as error:
                self._say(error)
            self.keep_strokes()

        def failed(error: PlannerError) -> None:
            self._kept = None
            brushing.forget_strokes()
            self._failed(error)

        window.jobs.start("stroke", stroke.label, work, done, failed)

    def _refresh(self) -> None:
        if self._window.vessel_panel.is_on_segments:
            self._window.vessel_panel.refresh()

    def _say(self, error: PlannerError) -> None:
        self._window.status.say(" ".join(t for t in (error.what, error.todo) if t))

    def _failed(self, error: PlannerError) -> None:
        show_error(self._window, error)
