"""What lies on the slices of one view: outlines, the painted skin, temperatures, zones and probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from planner.model.assessment import ScalarField, Surface
from planner.model.case import Case
from planner.model.geometry import FloatArray
from planner.model.image import Image
from planner.model.plan import Instrument, Plan, Point
from planner.model.roles import Role
from planner.scene.contours import SliceOutlines, mask_outline
from planner.scene.drawn_electrodes import drawn_arrays
from planner.scene.field_overlay import field_cut
from planner.scene.layers import Layer
from planner.scene.pixel_plane import Patch
from planner.scene.planes import PlaneStack
from planner.scene.registered_overlay import laid_over
from planner.scene.slice_painter import OutlineStyle, SliceContent
from planner.scene.slice_pixels import slice_pixels, windowed
from planner.scene.surface_cuts import SkinCut, SurfaceCut
from planner.session.actions import Workbench
from planner.session.brushing import Brush
from planner.session.outlining import structures_to_edit

if TYPE_CHECKING:
    from planner.scene.gap_overlay import LesionGap
    from planner.scene.instruments import DrawnFoci, DrawnProbe
    from planner.scene.residual_cut import ResidualCut

#: A landmark is drawn on slices no further from it than this.
LANDMARK_MM = 5.0
OTHER_FRAME = "other frame of reference: structures and probes are not shown"


@dataclass(frozen=True)
class SlicePlace:
    """Which slice is shown, and what the mouse adds to it.

    Parameters
    ----------
    stack, index
        The slice.
    title, note
        Of its corners.
    ghost
        An instrument that is being placed.
    brush_at_mm
        Right and down coordinates of the brush, or None.
    """

    stack: PlaneStack
    index: int
    title: str
    note: str
    ghost: Instrument | None = None
    brush_at_mm: tuple[float, float] | None = None


class SliceLayers:
    """What one view's slices show of a session; keeps what is costly to make.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.is_foreign = False
        self._outlines: SliceOutlines | None = None
        self._skin_surface: Surface | None = None
        self._skin: SkinCut | None = None
        self._field: ScalarField | None = None
        self._simulated: Surface | None = None
        self._zone_cut: SurfaceCut | None = None
        self._drawn: tuple[object, tuple[FloatArray, ...]] = (None, ())
        self._gaps: dict[str, LesionGap] = {}
        self._shown: tuple[str, PlaneStack] | None = None
        self._residual: ResidualCut | None = None
        self.layers: dict[str, Layer] = {}

    def forget_planes(self) -> None:
        """The slices lie elsewhere from now on."""
        self._outlines = self._skin = self._zone_cut = None

    def show_case(self, case: Case, image: Image, stack: PlaneStack) -> None:
        """Outline a case's structures where its image is in their frame of reference."""
        sets = case.structure_sets
        self._shown = (image.id, stack)
        self.is_foreign = not case.is_in_frame(image)
        drawn = sets[0] if sets and not self.is_foreign else None
        if drawn is None:
            self._outlines = None
        elif self._outlines is None or not self._outlines.are_of(drawn, stack):
            self._outlines = SliceOutlines(drawn, stack, self._outlines)

    def show_skin(self, surface: Surface | None) -> None:
        """Paint the skin by the values of a surface; None paints it no more."""
        self._skin_surface, self._skin = surface, None

    def show_field(self, field: ScalarField | None, zone: Surface | None) -> None:
        """Lay a field over the slice, and draw where it cuts the zone that goes with it; None shows none."""
        self._field = field
        if zone is not self._simulated:
            self._simulated, self._zone_cut = zone, None

    def content(self, place: SlicePlace, image: Image, has_backdrop: bool) -> SliceContent:
        """All that is on a slice; what stays while a probe is dragged only where it is not painted yet."""

        from planner.scene.instruments import drawn_foci  # a case alone needs it

        session, look = self.bench.session, self.bench.appearance
        window = look.window
        styles = self.styles()
        left = self._left_untreated()
        names = tuple(n for n in styles if left is None or n != left.name)
        outlines = self._outlines.of(place.index, names) if self._outlines is not None else {}
        if left is not None:
            outlines |= left.of(place.index)
        gray = np.zeros((1, 1), dtype=np.uint8)
        if not has_backdrop:
            pixels = slice_pixels(image.values, image.grid, place.stack, place.index, fill=-1024)
            gray = self._with_other(windowed(pixels, window.width, window.level), place, image)
        probes = self._probes(place.ghost)
        foci = () if self.is_foreign else drawn_foci(session.plan)
        contrast = f"W {window.width:.0f}  L {window.level:.0f}"
        note = place.note or (self.bench.following.look_words if self.bench.following.look_key(image) else "")
        return SliceContent(
            place.stack,
            place.index,
            gray,
            outlines,
            styles,
            probes,
            session.selection.instrument,
            session.selection.cursor_lps_mm,
            (place.title, contrast, OTHER_FRAME if self.is_foreign else note),
            self._marks(place, image),
            self._proposal_lines(place),
            *(((), None, None) if has_backdrop else self._laid_over(place)),
            *self._zone_drawn(place),
            foci,
            self._gaps_drawn(place, probes, foci),
            ()
            if self.is_foreign or not self.bench.practising.shows_plan
            else drawn_arrays(self._plan(place.ghost)),
            ()
            if self.is_foreign
            else tuple(x.on_slice(place.stack, place.index) for x in self.layers.values()),
        )

    def _gaps_drawn(
        self, place: SlicePlace, probes: tuple[DrawnProbe, ...], foci: tuple[DrawnFoci, ...]
    ) -> tuple[Patch, ...]:
        """What the plan leaves of its lesions; nothing where another zone than the devices' is looked at."""
        sets = self.bench.session.case.structure_sets
        if not sets or self.is_foreign or self._simulated is not None or self.bench.following.is_on:
            return ()
        if self.bench.practising.is_blind:  # what is left untreated is what the trainee must see
            return ()
        structures = self.bench.session.case.structures
        zones = [p.zone for p in probes if p.zone is not None]
        zones += [z for g in foci for z in g.zones]
        found = []
        treated = (*(p.needle.lesion for p in probes), *(g.grid.lesion for g in foci))
        for name in dict.fromkeys(treated):
            if not zones or name not in structures or structures.box(name).is_empty:
                continue
            from planner.scene.gap_overlay import LesionGap

            if name not in self._gaps or not self._gaps[name].is_of(structures, name):
                self._gaps[name] = LesionGap(structures, name)
            cut = self._gaps[name].of(place.stack, place.index, zones)
            found += [cut] if cut is not None else []
        return tuple(found)

    def _marks(self, place: SlicePlace, image: Image) -> tuple[Point, ...]:
        """Points that wait for another click, and the landmarks near the slice."""
        outlining = self.bench.outlining
        marks = [*outlining.clicks, *(outlining.ends if outlining.proposal is not None else ())]
        if self.bench.placing.target_lps_mm is not None:
            marks.append(self.bench.placing.target_lps_mm)
        at = place.stack.position_mm(place.index)
        landmarks = self.bench.landmarking.marks_on(image.id)
        near = (m for m in landmarks if abs(place.stack.to_plane(np.array(m))[2] - at) <= LANDMARK_MM)
        return (*marks, *near, *self.bench.placed.marks)

    def _with_other(
        self, gray: npt.NDArray[np.uint8], place: SlicePlace, image: Image
    ) -> npt.NDArray[np.uint8]:
        """The slice with the other scan laid over it, where one is."""
        following = self.bench.following
        key, laid = following.look_key(image), following.laid
        if not key or laid is None:
            return gray
        _, share, is_checkered = key
        window = self.bench.appearance.window
        return laid_over(
            gray, laid.image, place.stack, place.index, (window.width, window.level), share, is_checkered
        )

    def _zone_drawn(
        self, place: SlicePlace
    ) -> tuple[tuple[FloatArray, ...], tuple[float, float, float] | None]:
        """Outlines of a zone that is being drawn, and the brush."""
        brushing = self.bench.brushing
        if not self.bench.following.is_on or brushing.mask is None or brushing.grid is None:
            return (), None
        key = (brushing.revision, place.index, place.stack)
        if self._drawn[0] != key:
            mask = brushing.mask.view(np.uint8)
            pixels = slice_pixels(mask, brushing.grid, place.stack, place.index, smooth=False)
            self._drawn = (key, tuple(mask_outline(pixels > 0, place.stack)))
        brush = None
        if brushing.brush != Brush.OFF and place.brush_at_mm is not None:
            brush = (*place.brush_at_mm, brushing.radius_mm)
        return self._drawn[1], brush

    def _laid_over(
        self, place: SlicePlace
    ) -> tuple[tuple[tuple[str, FloatArray], ...], Patch | None, FloatArray | None]:
        """The painted skin, a field, and the simulated zone, where this slice cuts them."""
        if self.is_foreign:
            return (), None, None
        if self._skin is None and self._skin_surface is not None:
            self._skin = SkinCut(self._skin_surface, place.stack)
        skin = self._skin.of(place.index) if self._skin is not None else ()
        field = field_cut(self._field, place.stack, place.index) if self._field is not None else None
        if self._zone_cut is None and self._simulated is not None:
            self._zone_cut = SurfaceCut(self._simulated, place.stack)
        zone = self._zone_cut.of(place.index)[0] if self._zone_cut is not None else None
        return skin, field, zone

    def _proposal_lines(self, place: SlicePlace) -> tuple[FloatArray, ...]:
        proposal = self.bench.outlining.proposal
        if proposal is None:
            return ()
        structures = structures_to_edit(self.bench.session.case, self.bench.session.selection.image)
        pixels = slice_pixels(
            proposal.mask.view(np.uint8), structures.grid, place.stack, place.index, smooth=False
        )
        return tuple(mask_outline(pixels > 0, place.stack))

    def _plan(self, ghost: Instrument | None) -> Plan:
        """The plan, with an instrument that is being placed."""
        plan = self.bench.session.plan
        return plan if ghost is None else plan.with_instrument(ghost)

    def _probes(self, ghost: Instrument | None) -> tuple[DrawnProbe, ...]:
        from planner.scene.instruments import drawn_path, drawn_probes, without_zones  # a case alone needs it

        if self.is_foreign:
            return ()
        plan = self._plan(ghost)
        if not self.bench.practising.shows_plan:
            return ()
        path = self.bench.accessing.path
        looked_at = (drawn_path(path),) if path is not None else ()
        probes = drawn_probes(plan) if self.bench.practising.shows_zone else without_zones(drawn_probes(plan))
        return (*probes, *looked_at, *(drawn_path(n) for n in self.bench.placed.drawn))

    def styles(self) -> dict[str, OutlineStyle]:
        """How each visible structure is outlined."""
        session = self.bench.session
        sets = session.case.structure_sets
        found = {}
        for structure in sets[0].structures if sets else ():
            look = self.bench.appearance.look(structure)
            if not look.is_visible:
                continue
            is_chosen = structure.name == session.selection.lesion
            width = 2.2 if is_chosen else (1.7 if structure.role == Role.LESION else 1.2)
            opacity = 0.55 + 0.45 * look.opacity if look.opacity > 0 else 0.0
            found[structure.name] = OutlineStyle(structure.color, opacity, width)
        if (left := self._left_untreated()) is not None:
            from planner.scene.residual_cut import ON_SLICES

            found[left.name] = ON_SLICES
        return found

    def _left_untreated(self) -> ResidualCut | None:
        """What of a lesion was left untreated, on whichever of the two scans is shown."""
        if self._shown is None:
            return None
        image, stack = self._shown
        region = self.bench.achieving.residual_on(image)
        if region is None:
            return None
        if self._residual is None or not self._residual.is_of(region.mask, stack):
            from planner.scene.residual_cut import ResidualCut

            self._residual = ResidualCut(region.mask, region.grid, stack)
        return self._residual
