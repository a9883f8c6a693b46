"""Segments corrected with a brush: liver under it goes over from one segment to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.model.case import Case
from planner.model.geometry import Box
from planner.model.points import Point
from planner.session.segmenting import Segmenting
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.segment_map import SegmentMap

BoolArray = npt.NDArray[np.bool_]

#: Dabs of one stroke stand so far apart, as a share of the brush's radius.
DAB_SHARE = 0.4
SMALLEST_MM, LARGEST_MM = 1.0, 40.0


@dataclass(frozen=True, eq=False)
class Stroke:
    """Voxels of a box of the liver's lattice that go over to a segment."""

    segment: int
    box: Box
    moved: BoolArray

    @property
    def label(self) -> str:
        """What undo calls it."""

        from planner.planning.couinaud import segment_name  # a case alone needs it

        return f"Brush {segment_name(self.segment)}"


class SegmentBrushing:
    """Paints on a copy of the segments; a stroke that is ended becomes one change of the case.

    Parameters
    ----------
    session
        Whose structures are changed.
    segmenting
        Knows the segments as they stand.
    """

    changed = Signal()

    def __init__(self, session: Session, segmenting: Segmenting) -> None:
        self._session, self._segmenting = session, segmenting
        self.is_on = False
        self.segment = 4
        self.radius_mm = 8.0
        self.revision = 0
        self._map: SegmentMap | None = None
        self.labels: npt.NDArray[np.uint8] | None = None
        self._before: npt.NDArray[np.uint8] | None = None
        self._last: Point | None = None
        self._touched: list[Box] = []
        self._waiting: list[Stroke] = []

    # the brush -----------------------------------------------------------------------------

    def why_not(self) -> str:
        """Why nothing can be painted, or empty."""
        if not self._segmenting.has_segments:
            return "There are no segments yet: find or import them."
        return "" if self._segmenting.map is not None else "The segments are still being measured."

    def switch(self, is_on: bool) -> None:
        """Take the brush, or lay it down."""
        self.is_on = is_on and not self.why_not()
        self.changed.emit()

    def set_up(self, segment: int | None = None, radius_mm: float | None = None) -> None:
        """Choose the segment liver goes over to, and the brush's size."""
        self.segment = self.segment if segment is None else segment
        if radius_mm is not None:
            self.radius_mm = min(max(radius_mm, SMALLEST_MM), LARGEST_MM)
        self.changed.emit()

    def begin_stroke(self, lps_mm: Point) -> None:
        """Set the brush down."""
        self._copy()
        if self.labels is None:
            return
        self._before = self.labels.copy()
        self._last, self._touched = None, []
        self.brush_to(lps_mm)

    def brush_to(self, lps_mm: Point) -> None:
        """Draw the brush to a point; only liver is painted."""
        if self.labels is None or self._map is None or self._before is None:
            return
        from planner.compute.zone_growing import ball_box, painted

        grid, liver = self._map.grid, self._map.ground.mask
        start = np.array(self._last if self._last is not None else lps_mm, dtype=float)
        way = np.array(lps_mm, dtype=float) - start
        count = max(1, int(np.ceil(np.linalg.norm(way) / (DAB_SHARE * self.radius_mm))))
        for n in range(1, count + 1):
            center = start + way * n / count
            box = ball_box(grid, center, self.radius_mm)
            if box.is_empty:
                continue
            nothing = np.zeros(box.shape, dtype=bool)
            ball = painted(nothing, grid.cropped(box), center, self.radius_mm, True)
            self.labels[box.slices][ball & liver[box.slices]] = self.segment
            self._touched.append(box)
        self._last = lps_mm
        self._announce()

    def end_stroke(self) -> Stroke | None:
        """Lift the brush; the stroke waits to become a change of the case. None where it moved nothing."""
        before, self._before, self._last = self._before, None, None
        if before is None or self.labels is None or self._map is None or not self._touched:
            return None
        low = tuple(min(b.start[a] for b in self._touched) for a in range(3))
        high = tuple(max(b.stop[a] for b in self._touched) for a in range(3))
        box = Box(low, high)  # type: ignore[arg-type]
        moved = self.labels[box.slices] != before[box.slices]
        if not moved.any():
            return None
        whole = self._map.ground.box
        placed = Box(
            tuple(s + w for s, w in zip(box.start, whole.start, strict=True)),  # type: ignore[arg-type]
            tuple(s + w for s, w in zip(box.stop, whole.start, strict=True)),  # type: ignore[arg-type]
        )
        stroke = Stroke(self.segment, placed, moved)
        self._waiting.append(stroke)
        self._announce()
        return stroke

    # the case ------------------------------------------------------------------------------

    @property
    def waiting(self) -> Stroke | None:
        """The stroke that is to become a change of the case next."""
        return self._waiting[0] if self._waiting else None

    def make(self, stroke: Stroke, case: Case, task: Task) -> Case:
        """The case with a stroke in it, written already; any thread may ask."""

        from planner.planning.segment_map import with_voxels_in  # a case alone needs it

        structures = with_voxels_in(case.structures, stroke.box, stroke.moved, stroke.segment)
        for structure in structures.structures:
            structures.box(structure.name)  # found here, not on the window's thread
        return self._session.written(case.with_structures(structures), task)

    def take(self, stroke: Stroke, asked: Case, case: Case) -> None:
        """Record a stroke as a change of the case.

        Raises
        ------
        PlannerError
            If the case was changed meanwhile: what was painted is thrown away.
        """

        from planner.planning.couinaud import segment_name  # a case alone needs it

        self._waiting = [s for s in self._waiting if s is not stroke]
        if not self._session.is_open or self._session.case is not asked:
            self.forget_strokes()
            raise PlannerError(
                "The case was changed while a stroke was being kept; the stroke is not taken over.",
                segment_name(stroke.segment),
                "Paint it again.",
            )
        self._session.change_case(stroke.label, case)

    def forget_strokes(self) -> None:
        """Throw away what is painted and not kept."""
        self._waiting, self._before = [], None
        self._map = self.labels = None
        self._announce()

    def follow(self) -> None:
        """The case or its segments changed: paint on them as they are, once nothing waits to be kept."""
        if not self._segmenting.has_segments:
            self.is_on = False
        if not self._waiting and self._before is None and self._segmenting.map is not self._map:
            self._map = self.labels = None
        self._announce()

    def _copy(self) -> None:
        found = self._segmenting.map
        if found is not None and (self.labels is None or (self._map is not found and not self._waiting)):
            self._map, self.labels = found, found.labels.copy()

    @property
    def shown(self) -> tuple[SegmentMap, npt.NDArray[np.uint8]] | None:
        """The segments as they are painted now; None where there are none."""
        if self._map is not None and self.labels is not None:
            return self._map, self.labels
        found = self._segmenting.map
        return None if found is None else (found, found.labels)

    def _announce(self) -> None:
        self.revision += 1
        self.changed.emit()
