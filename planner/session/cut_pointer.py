"""The mouse in the mode Resection: lines that become cuts, and cuts that are dragged, tilted and bent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.model.geometry import FloatArray
from planner.model.points import Point
from planner.model.resection import PatchCut, PlaneCut, Resection
from planner.session.pointing import Handle, Pointer
from planner.session.resecting import Line, Resecting
from planner.session.session import Session

#: A place counts as in the liver as far as this outside its voxels.
LIVER_REACH_MM = 4.0
#: Control points and rims are caught on slices within this of them.
DEPTH_MM = 8.0
#: Words of handles' ids.
MIDDLE, RIM, CONTROL, SURFACE = "middle", "rim", "control", "surface"


class CutPointer(Pointer):
    """What the mouse does while resections are drawn.

    Parameters
    ----------
    session
        Whose plan is changed.
    resecting
        Makes cuts of lines.
    """

    drawn = Signal()

    def __init__(self, session: Session, resecting: Resecting) -> None:
        self._session, self._resecting = session, resecting
        self.stroke: list[Point] = []
        self._towards: Point = (0.0, 0.0, 1.0)

    # lines ---------------------------------------------------------------------------------

    @property
    def wants_stroke(self) -> bool:
        """Whether the next press begins a line."""
        return self._resecting.line != Line.NONE

    @property
    def is_waiting(self) -> bool:
        """Whether a line is waited for."""
        return self.wants_stroke

    def begin_stroke(self, lps_mm: Point, towards_lps: Point) -> None:
        """Begin a line."""
        self.stroke, self._towards = [lps_mm], towards_lps
        self.drawn.emit()

    def extend_stroke(self, lps_mm: Point) -> None:
        """Go on with the line."""
        if self.stroke and lps_mm != self.stroke[-1]:
            self.stroke.append(lps_mm)
            self.drawn.emit()

    def end_stroke(self) -> None:
        """Make the cut; raises `PlannerError` where it cannot be made."""
        line, self.stroke = np.array(self.stroke), []
        self.drawn.emit()
        self._resecting.take_line(line, self._towards)

    # handles -------------------------------------------------------------------------------

    @property
    def handles(self) -> tuple[Handle, ...]:
        """Of the chosen plane: its middle and four places of its rim; of a surface: its control points."""
        from planner.planning.cut_moving import rim_of

        chosen = self._resecting.chosen
        if chosen is None or self.wants_stroke:
            return ()
        cut = chosen.surface
        if isinstance(cut, PlaneCut):
            rim = (Handle(f"{chosen.id} {RIM} {n}", p, DEPTH_MM) for n, p in enumerate(rim_of(cut)))
            return (Handle(f"{chosen.id} {MIDDLE}", cut.point_lps_mm, DEPTH_MM), *rim)
        if isinstance(cut, PatchCut):
            # Half their distance: whatever slice is looked at, it shows a row of them.
            control = cut.control
            apart = [np.linalg.norm(np.diff(control, axis=a), axis=-1).mean() for a in (0, 1)]
            depth = max(DEPTH_MM, 0.5 * float(max(apart)))
            return tuple(
                Handle(f"{chosen.id} {CONTROL} {r} {c}", point, depth)
                for r, row in enumerate(cut.control_lps_mm)
                for c, point in enumerate(row)
            )
        return ()

    def grab(self, lps_mm: Point, reach_mm: float) -> Handle | None:
        """The plane or surface that runs through a place of the liver."""
        if self.wants_stroke or not self._session.is_open or not self._is_in_liver(lps_mm):
            return None
        chosen = self._resecting.chosen
        cuts = sorted(self._session.plan.resections, key=lambda r: r is not chosen)
        for resection in cuts:
            if self._is_on(resection, lps_mm, reach_mm):
                return Handle(f"{resection.id} {SURFACE}", lps_mm)
        return None

    def drag(self, handle: Handle, by_lps_mm: Point, is_all: bool) -> None:
        """Move the cut that is held; one that would fold stays where it was until the mouse moves on."""
        resection = self._held(handle)
        if resection is None:
            return
        if resection.id != self._session.selection.instrument:
            self._resecting.choose(resection.id)
        try:
            cut = self._moved(resection, handle, by_lps_mm, is_all)
            if isinstance(cut, PatchCut):
                self._check_unfolded(cut)
        except InvalidValue:
            return
        changed = replace(resection, surface=cut)
        self._session.drag_plan(self._session.plan.with_instrument(changed))

    def drop(self, handle: Handle) -> None:
        """End a drag: one change that can be undone."""
        id, word = handle.id.split()[:2]
        labels = {MIDDLE: "Move", RIM: "Tilt", CONTROL: "Bend", SURFACE: "Move"}
        self._session.drop(f"{labels[word]} resection {id}")

    def cancel_drag(self) -> None:
        """Put it back."""
        self._session.cancel_drag()

    def _held(self, handle: Handle) -> Resection | None:
        id = handle.id.split()[0]
        return next((r for r in self._session.recorded_plan.resections if r.id == id), None)

    def _moved(
        self, resection: Resection, handle: Handle, by_lps_mm: Point, is_all: bool
    ) -> PlaneCut | PatchCut:
        from planner.planning.cut_moving import bulged, pushed, shifted, tilted, with_control_moved

        cut, (_, word, *numbers) = resection.surface, handle.id.split()
        assert isinstance(cut, PlaneCut | PatchCut)
        if is_all or word == MIDDLE:
            return shifted(cut, by_lps_mm)
        if isinstance(cut, PlaneCut):
            return pushed(cut, by_lps_mm) if word == SURFACE else tilted(cut, int(numbers[0]), by_lps_mm)
        if word == CONTROL:
            return with_control_moved(cut, int(numbers[0]), int(numbers[1]), by_lps_mm)
        return bulged(cut, handle.lps_mm, by_lps_mm, self._normal(cut))

    def _normal(self, cut: PatchCut) -> FloatArray:
        from planner.planning.cut_drawing import patch_surface

        return patch_surface(cut, self._resecting.points.reach_mm).normal_lps

    def _check_unfolded(self, cut: PatchCut) -> None:
        from planner.planning.cut_drawing import patch_surface

        patch_surface(cut, self._resecting.points.reach_mm)

    def _is_on(self, resection: Resection, lps_mm: Point, reach_mm: float) -> bool:
        from planner.planning.cut_drawing import heights_over

        cut = resection.surface
        if not isinstance(cut, PlaneCut | PatchCut):
            return False
        try:
            height = heights_over(cut, np.array([lps_mm]), self._resecting.points.reach_mm)
        except PlannerError:
            return False  # a folded surface is said by the module
        return bool(abs(float(height[0])) <= reach_mm)

    def _is_in_liver(self, lps_mm: Point) -> bool:
        if not self._resecting.has_liver:
            return False
        ground = self._resecting.ground
        ijk = np.rint(ground.grid.to_ijk(np.array(lps_mm))).astype(int)
        reach = np.ceil(LIVER_REACH_MM / np.array(ground.grid.spacing_mm)).astype(int)
        low, high = np.maximum(ijk - reach, 0), np.minimum(ijk + reach + 1, ground.grid.shape[::-1])
        if (low >= high).any():
            return False
        i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        return bool(ground.mask[k, j, i].any())
