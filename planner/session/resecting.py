"""Resections of the open plan: made by a line, a name or a margin, and changed; each change can be undone."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from planner.base.errors import PlannerError
from planner.model.assessment import Surface
from planner.model.points import Point
from planner.model.resection import (
    Cut,
    MarginCut,
    PatchCut,
    PlaneCut,
    Resection,
    SegmentsCut,
    TerritoriesCut,
)
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.session.placing import center_of
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.cut_drawing import LiverPoints
    from planner.planning.liver_ground import LiverGround

MODULE = "resection"
#: Name of the surfaces the module gives for the cuts.
CUT_SURFACE = "cut_margin"
#: What a new excision begins with, and control points each way of a surface around a lesion.
MARGIN_MM, AROUND_CONTROLS = 10.0, 7


class Line(StrEnum):
    """What a line that is drawn next becomes."""

    NONE = "none"
    PLANE = "plane"
    PATCH = "patch"


class Resecting:
    """Makes and changes the resections of the plan.

    Parameters
    ----------
    session
        Whose plan gets them.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.line = Line.NONE
        self._ground: tuple[StructureSet, LiverGround, LiverPoints] | None = None

    # the liver -----------------------------------------------------------------------------

    def make_ready(self) -> None:
        """Read the liver and load the kernels on a thread, so that the first line need not wait."""
        session = self._session
        if not session.is_open or not session.case.structure_sets:
            return
        session.judgements.make_ready(session.case, MODULE)
        structures = session.case.structures
        if self._is_ground_of(structures) or not structures.with_role(Role.LIVER):
            return

        def read() -> None:
            from planner.planning.cut_drawing import heights_over, patch_over_plane

            try:
                ground, points = _ground_of(structures)
            except PlannerError:
                return  # said where a line is drawn
            plane = PlaneCut((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
            heights_over(patch_over_plane(plane, points), points.lps_mm[:1], points.reach_mm)
            self._ground = (structures, ground, points)

        threading.Thread(target=read, name="liver-points", daemon=True).start()

    @property
    def ground(self) -> LiverGround:
        """The liver's voxels; raises `InvalidValue` where none is outlined."""
        return self._liver[1]

    @property
    def points(self) -> LiverPoints:
        """The liver as points; raises `InvalidValue` where none is outlined."""
        return self._liver[2]

    @property
    def has_liver(self) -> bool:
        """Whether the case has a liver's outline."""
        sets = self._session.case.structure_sets if self._session.is_open else ()
        return bool(sets) and bool(sets[0].with_role(Role.LIVER))

    @property
    def _liver(self) -> tuple[StructureSet, LiverGround, LiverPoints]:
        structures = self._session.case.structures
        if self._ground is None or not self._is_ground_of(structures):
            self._ground = (structures, *_ground_of(structures))
        return self._ground

    def _is_ground_of(self, structures: StructureSet) -> bool:
        return self._ground is not None and self._ground[0] is structures

    # the chosen one ------------------------------------------------------------------------

    @property
    def chosen(self) -> Resection | None:
        """The selected resection, else the plan's only one."""
        if not self._session.is_open:
            return None
        cuts = self._session.plan.resections
        found = next((r for r in cuts if r.id == self._session.selection.instrument), None)
        return found or (cuts[0] if len(cuts) == 1 else None)

    def choose(self, id: str) -> None:
        """Select a resection."""
        self._session.selection.choose(instrument=id)

    def surface_of(self, id: str) -> Surface | None:
        """The cut within the liver as the module gives it, for the plan as it is; None where it has not yet."""
        judgement = self._session.judgements.of(MODULE)
        answer = judgement.preview or judgement.assessment
        if answer is None:
            return None
        return next((s for s in answer.surfaces if s.name == CUT_SURFACE and s.subject == id), None)

    # making --------------------------------------------------------------------------------

    def start_line(self, line: Line) -> None:
        """Wait for a line on the liver; asking again for the same stops waiting."""
        self.line = Line.NONE if line == self.line else line
        self.changed.emit()

    def take_line(
        self, line_lps_mm: np.ndarray[tuple[int, ...], np.dtype[np.float64]], towards: Point
    ) -> None:
        """Make a cut of a line (n, 3) that was drawn in a view that looks along a direction.

        It takes the part of the liver with the selected lesion, else the smaller part.

        Raises
        ------
        PlannerError
            If no liver is outlined, or the line is too short.
        """
        from planner.planning.cut_drawing import facing, patch_along, plane_along

        kind, self.line = self.line, Line.NONE
        self.changed.emit()
        make = plane_along if kind == Line.PLANE else patch_along
        cut = facing(make(line_lps_mm, towards, self.points), self.points, self._wanted())
        self._add(cut, f"Draw {kind.value}")

    def take_operation(self, id: str) -> None:
        """Take the segments of an operation; a chosen resection of segments becomes it.

        Raises
        ------
        InvalidValue
            If a segment is not outlined.
        """
        from planner.planning.operations import operation

        self.take_segments(operation(id).segments)

    def take_segments(self, segments: Iterable[int]) -> None:
        """Take segments, by their numbers; none at all deletes the chosen resection of segments.

        Raises
        ------
        InvalidValue
            If a segment is not outlined.
        """
        from planner.planning.operations import structures_of, title_of

        numbers = tuple(segments)
        chosen = self.chosen if self.chosen and isinstance(self.chosen.surface, SegmentsCut) else None
        if not numbers:
            if chosen is not None:
                self.delete()
            return
        cut = SegmentsCut(structures_of(self._session.case.structures, numbers))
        name = title_of(numbers)
        if chosen is None:
            self._add(cut, name, name)
        else:
            self._change(name, replace(chosen, surface=cut, name=name))

    @property
    def taken_segments(self) -> frozenset[int]:
        """The segments the chosen resection takes whole."""
        from planner.planning.operations import segment_structures

        chosen = self.chosen
        if chosen is None or not isinstance(chosen.surface, SegmentsCut):
            return frozenset()
        known = segment_structures(self._session.case.structures)
        return frozenset(n for n, names in known.items() if set(names) <= set(chosen.surface.structures))

    @property
    def outlined_segments(self) -> frozenset[int]:
        """The segments that are outlined in the case."""
        from planner.planning.operations import segment_structures

        sets = self._session.case.structure_sets if self._session.is_open else ()
        return frozenset(segment_structures(sets[0])) if sets else frozenset()

    def take_territories(self, tree: str, branches: Iterable[int], name: str) -> None:
        """Take the territories of branches of a tree with all beyond them."""
        self._add(TerritoriesCut(tree, tuple(branches)), f"Take territory {name}", name)

    def take_around(self, margin_mm: float, is_wedge: bool) -> None:
        """Take the selected lesion with a margin.

        Raises
        ------
        PlannerError
            If no lesion is selected.
        """
        lesion = self._session.selection.lesion
        structures = self._session.case.structures
        if lesion not in structures or structures[lesion].role != Role.LESION:
            raise PlannerError("No lesion is selected.", "", "Select one in the list of structures.")
        name = f"{'wedge' if is_wedge else 'excision'} around {lesion}"
        self._add(MarginCut(lesion, margin_mm, is_wedge), f"{name.capitalize()}, {margin_mm:g} mm", name)

    def _add(self, cut: Cut, label: str, name: str = "") -> None:
        plan = self._session.plan
        made = Resection(plan.free_id("r"), cut, name)
        self._session.change_plan(label, plan.with_instrument(made))
        self._session.selection.choose(instrument=made.id)

    def _wanted(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
        lesion, structures = self._session.selection.lesion, self._session.case.structures
        if lesion in structures and structures[lesion].role == Role.LESION:
            return np.array([center_of(structures, lesion)])
        return None

    # changing ------------------------------------------------------------------------------

    def turn(self) -> None:
        """Take the other side of the chosen plane or surface."""
        from planner.planning.cut_drawing import turned

        chosen, cut = self._chosen_over()
        self._change(f"Other side of {chosen.id}", replace(chosen, surface=turned(cut)))

    def bend(self) -> None:
        """Make the chosen cut a surface with control points.

        Raises
        ------
        PlannerError
            If its place in the liver is not known yet, or it cannot be fitted.
        """
        chosen = self._need_chosen()
        if isinstance(chosen.surface, PatchCut):
            return
        self._change(f"Bend {chosen.id}", replace(chosen, surface=self._as_patch(chosen)))

    def _as_patch(self, chosen: Resection) -> PatchCut:
        from planner.planning.cut_drawing import facing, patch_around, patch_over_plane, patch_through

        cut = chosen.surface
        if isinstance(cut, PlaneCut):
            return patch_over_plane(cut, self.points)
        surface = self.surface_of(chosen.id)
        if surface is None or len(surface.points_lps_mm) < 10:
            raise PlannerError(
                "Where this cut runs is not known yet.",
                chosen.id,
                "Wait until it is assessed, then try again.",
            )
        points = surface.points_lps_mm.astype(float)
        corners = points[surface.triangles]
        reach = self.points.reach_mm
        out = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).sum(axis=0)
        if isinstance(cut, MarginCut):
            x, y, z = (float(v) for v in out)
            lesion = _border_points(self._session.case.structures, cut.lesion)
            # Centres of voxels: the outline lies half a voxel further out.
            half = 0.5 * float(np.mean(self._session.case.structures.grid.spacing_mm))
            patch = patch_around(lesion, cut.margin_mm + half, (x, y, z), reach, AROUND_CONTROLS)
        else:
            patch = patch_through(points, reach)
        # The surface's triangles look towards what is taken: so must the patch.
        ahead = corners.mean(axis=(0, 1)) + 5.0 * out / np.linalg.norm(out)
        turned = facing(patch, self.points, ahead[None])
        assert isinstance(turned, PatchCut)
        return turned

    def set_margin(self, margin_mm: float, is_wedge: bool) -> None:
        """Another margin of the chosen excision, with or without what lies before it."""
        chosen = self._need_chosen()
        if isinstance(chosen.surface, MarginCut):
            cut = replace(chosen.surface, margin_mm=margin_mm, is_wedge=is_wedge)
            self._change(f"{margin_mm:g} mm around {cut.lesion}", replace(chosen, surface=cut))

    def give(self, what: str, side: str) -> None:
        """Give the caudate lobe or the middle hepatic vein (by its field) to a side, or to nobody in particular."""
        chosen = self._need_chosen()
        words = {"caudate": "caudate lobe", "middle_hepatic_vein": "middle hepatic vein"}[what]
        to = side or "the cut's side"
        caudate = side if what == "caudate" else chosen.caudate
        vein = side if what == "middle_hepatic_vein" else chosen.middle_hepatic_vein
        changed = replace(chosen, caudate=caudate, middle_hepatic_vein=vein)
        self._change(f"Give {words} to {to}", changed)

    def delete(self) -> None:
        """Delete the chosen resection."""
        chosen = self._need_chosen()
        self._session.change_plan(
            f"Delete resection {chosen.id}", self._session.plan.without_instrument(chosen.id)
        )

    def _change(self, label: str, resection: Resection) -> None:
        self._session.change_plan(label, self._session.plan.with_instrument(resection))
        self._session.selection.choose(instrument=resection.id)

    def _need_chosen(self) -> Resection:
        if self.chosen is None:
            raise PlannerError("No resection is selected.", "", "Select one first.")
        return self.chosen

    def _chosen_over(self) -> tuple[Resection, PlaneCut | PatchCut]:
        chosen = self._need_chosen()
        cut = chosen.surface
        if not isinstance(cut, PlaneCut | PatchCut):
            raise PlannerError(
                "Only a plane or a surface has two sides.", chosen.id, "Bend it to a surface first."
            )
        return chosen, cut


def _border_points(structures: StructureSet, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Centres of a structure's voxels that have a neighbour outside, (n, 3) in LPS mm."""
    import scipy.ndimage as ndi

    box = structures.box(name)
    mask = structures.mask(name, box)
    border = mask & ~ndi.binary_erosion(mask)
    kji = np.argwhere(border) + np.array(box.start)
    return structures.grid.to_lps(kji[:, ::-1].astype(float))


def _ground_of(structures: StructureSet) -> tuple[LiverGround, LiverPoints]:
    from planner.planning.cut_drawing import LiverPoints
    from planner.planning.liver_ground import LiverGround

    ground = LiverGround.of(structures)
    return ground, LiverPoints.of(ground)
