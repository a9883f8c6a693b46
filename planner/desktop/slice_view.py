"""A slice view: scroll, zoom, pan, window, linked crosshair, and probes one can drag."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from planner.base.errors import PlannerError
from planner.desktop.messages import show_error
from planner.desktop.theme import SMALL_PX
from planner.model.assessment import ScalarField, Surface
from planner.model.geometry import FloatArray
from planner.model.image import Image
from planner.model.plan import Applicator, Point
from planner.model.roles import Role
from planner.scene.contours import SliceOutlines, mask_outline
from planner.scene.heat_overlay import HeatCut, heat_cut
from planner.scene.instruments import DrawnProbe, drawn_foci, drawn_path, drawn_probes
from planner.scene.planes import Orientation, PlaneStack
from planner.scene.probe_planes import ProbeCut
from planner.scene.registered_overlay import laid_over
from planner.scene.slice_painter import (
    OutlineStyle,
    SliceContent,
    SliceFrame,
    paint_backdrop,
    paint_overlay,
)
from planner.scene.slice_pixels import slice_pixels, windowed
from planner.scene.surface_cuts import SkinCut, SurfaceCut
from planner.session.actions import Workbench
from planner.session.appearance import GrayWindow
from planner.session.brushing import Brush
from planner.session.following_up import NextClick
from planner.session.outlining import Outline, structures_to_edit
from planner.session.placing import Grip, Step, dragged

#: A handle is caught within this many pixels.
CATCH_PX = 10.0
OTHER_FRAME = "other frame of reference: structures and probes are not shown"
CLOSEST_MM_PER_PX, FARTHEST_MM_PER_PX = 0.02, 4.0


class Tool(StrEnum):
    """What the left button does where it catches no probe."""

    NAVIGATE = "navigate"
    WINDOW = "window"


class SliceView(QWidget):
    """One orientation of the open case.

    Parameters
    ----------
    bench
        The session with its tools.
    orientation
        Axial, coronal or sagittal; a `ProbeView` has a cut of the selected probe.
    """

    maximize_asked = Signal()
    hovered = Signal(object)
    outline_ready = Signal()

    def __init__(
        self, bench: Workbench, orientation: Orientation | ProbeCut, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{orientation.name.lower()}View")
        self.setAccessibleName(f"{orientation} slices")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.bench = bench
        self.orientation = orientation
        self.tool = Tool.NAVIGATE
        self.index = 0
        self.stack: PlaneStack | None = None
        self._image: Image | None = None
        self._outlines: SliceOutlines | None = None
        self._skin_surface: Surface | None = None
        self._skin: SkinCut | None = None
        self._heat: ScalarField | None = None
        self._simulated: Surface | None = None
        self._zone_cut: SurfaceCut | None = None
        self._zoom: tuple[tuple[float, float], float] | None = None
        self._backdrop: tuple[object, QImage] | None = None
        self._press: tuple[Qt.MouseButton, QPointF] | None = None
        self._grip: tuple[Applicator, Grip] | None = None
        self._ghost: Applicator | None = None
        self._end: int | None = None
        self._is_brushing = False
        self._under: QPointF | None = None
        self._drawn: tuple[object, tuple[FloatArray, ...]] = (None, ())
        self._is_foreign = False

    def sizeHint(self) -> QSize:
        """A quarter of a small window."""
        return QSize(420, 360)

    # what is shown -------------------------------------------------------------------------

    def show_case(self) -> None:
        """Show the open case's selected image."""
        session = self.bench.session
        if not session.is_open or not session.case.images:
            self.stack = self._image = self._outlines = None
            self.update()
            return
        image = session.case.image(session.selection.image)
        if image is not self._image:
            self._image = image
            self.stack = self.stack_of(image)
            self._skin = self._zone_cut = None
            self._zoom = None
            self.follow_cursor()
        if self.stack is None:
            self.update()
            return
        sets = session.case.structure_sets
        self._is_foreign = not session.case.is_in_frame(image)
        drawn = sets[0] if sets and not self._is_foreign else None
        if drawn is None:
            self._outlines = None
        elif self._outlines is None or not self._outlines.are_of(drawn, self.stack):
            self._outlines = SliceOutlines(drawn, self.stack)
        self._backdrop = None
        self.update()

    def stack_of(self, image: Image) -> PlaneStack | None:
        """The slices of an image this view shows."""
        assert isinstance(self.orientation, Orientation)
        return PlaneStack.of(image.grid, self.orientation)

    def title(self) -> str:
        """What the slice is, in its corner."""
        assert self.stack is not None
        return f"{self.orientation.capitalize()} · {self.index + 1} / {self.stack.count}"

    def note(self) -> str:
        """What else is to say of the slice, in another corner."""
        return ""

    def show_skin(self, surface: Surface | None) -> None:
        """Paint the skin by the values of a surface; None paints it no more."""
        self._skin_surface, self._skin = surface, None
        self._backdrop = None
        self.update()

    def show_simulated(self, field: ScalarField | None, zone: Surface | None) -> None:
        """Lay temperatures over the slice, and draw where it cuts a simulated zone; None shows none."""
        self._heat = field
        if zone is not self._simulated:
            self._simulated, self._zone_cut = zone, None
        self._backdrop = None
        self.update()

    def follow_cursor(self) -> None:
        """Show the slice through the linked crosshair."""
        if self.stack is not None:
            self.index = self.stack.index_of(self.bench.session.selection.cursor_lps_mm)
            self.update()

    def scroll(self, steps: int) -> None:  # type: ignore[override]
        """Move by slices; the crosshair moves along."""
        if self.stack is None:
            return
        index = int(np.clip(self.index + steps, 0, self.stack.count - 1))
        if index == self.index:
            return
        self.index = index
        selection = self.bench.session.selection
        right, down, _ = self.stack.to_plane(np.array(selection.cursor_lps_mm))
        selection.move_cursor(_point(self.stack.to_lps(right, down, self.stack.position_mm(index))))

    @property
    def frame(self) -> SliceFrame:
        """Where the slice lies in the view now."""
        assert self.stack is not None
        if self._zoom is None:
            return SliceFrame.fitting(self.stack, self.width(), self.height())
        return SliceFrame(self.width(), self.height(), *self._zoom)

    def fit(self) -> None:
        """Show the whole slice."""
        self._zoom = None
        self.update()

    def lps_at(self, x: float, y: float) -> Point:
        """The point of the slice under a view point."""
        assert self.stack is not None
        right, down = self.frame.to_plane(x, y)
        return _point(self.stack.to_lps(right, down, self.stack.position_mm(self.index)))

    def view_of(self, lps_mm: Point) -> QPointF:
        """Where a point is projected to in the view."""
        assert self.stack is not None
        right, down, _ = self.stack.to_plane(np.array(lps_mm))
        return self.frame.to_view(float(right), float(down))

    # painting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cached image and outlines, and what moves over them."""
        painter = QPainter(self)
        if self.stack is None or self._image is None:
            painter.fillRect(self.rect(), Qt.GlobalColor.black)
            return
        content = self._content()
        frame = self.frame
        painter.drawImage(QRectF(0, 0, self.width(), self.height()), self._backdrop_for(frame, content))
        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        paint_overlay(painter, frame, content, font)
        if self.hasFocus():
            painter.setPen(QPen(self.palette().highlight().color(), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _backdrop_for(self, frame: SliceFrame, content: SliceContent) -> QImage:
        ratio = self.devicePixelRatioF()
        key = self._backdrop_key(frame, content.styles)
        if self._backdrop is not None and self._backdrop[0] == key:
            return self._backdrop[1]
        size = QSize(round(self.width() * ratio), round(self.height() * ratio))
        image = QImage(size, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        painter = QPainter(image)
        paint_backdrop(painter, frame, content)
        painter.end()
        self._backdrop = (key, image)
        return image

    def _backdrop_key(self, frame: SliceFrame, styles: Mapping[str, OutlineStyle]) -> tuple[object, ...]:
        assert self._image is not None
        look = self.bench.following.look_key(self._image)
        ratio = self.devicePixelRatioF()
        return (frame, self.index, ratio, self.bench.appearance.window, tuple(styles.items()), look)

    def _content(self) -> SliceContent:
        assert self.stack is not None
        assert self._image is not None
        session, look = self.bench.session, self.bench.appearance
        window = look.window
        styles = self._styles()
        outlines = self._outlines.of(self.index, tuple(styles)) if self._outlines is not None else {}
        gray = np.zeros((1, 1), dtype=np.uint8)
        key = self._backdrop_key(self.frame, styles)
        is_new = self._backdrop is None or self._backdrop[0] != key
        if is_new:
            pixels = slice_pixels(self._image.values, self._image.grid, self.stack, self.index, fill=-1024)
            gray = self._with_other(windowed(pixels, window.width, window.level))
        contrast = f"W {window.width:.0f}  L {window.level:.0f}"
        note = self.note() or (self.bench.following.look_words if key[-1] else "")
        outlining = self.bench.outlining
        marks = [*outlining.clicks, *(outlining.ends if outlining.proposal is not None else ())]
        if self.bench.placing.target_lps_mm is not None:
            marks.append(self.bench.placing.target_lps_mm)
        marks.extend((*self.bench.following.marks, *self.bench.placed.marks))
        return SliceContent(
            self.stack,
            self.index,
            gray,
            outlines,
            styles,
            self._probes(),
            session.selection.instrument,
            session.selection.cursor_lps_mm,
            (self.title(), contrast, OTHER_FRAME if self._is_foreign else note),
            tuple(marks),
            self._proposal_lines(),
            *(self._laid_over() if is_new else ((), None, None)),
            *self._zone_drawn(),
            () if self._is_foreign else drawn_foci(session.plan),
        )

    def _with_other(self, gray: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The slice with the other scan laid over it, where one is."""
        following = self.bench.following
        assert self._image is not None
        assert self.stack is not None
        key, laid = following.look_key(self._image), following.laid
        if not key or laid is None:
            return gray
        _, share, is_checkered = key
        window = self.bench.appearance.window
        return laid_over(
            gray, laid.image, self.stack, self.index, (window.width, window.level), share, is_checkered
        )

    def _zone_drawn(self) -> tuple[tuple[FloatArray, ...], tuple[float, float, float] | None]:
        """Outlines of a zone that is being drawn, and the brush."""
        brushing = self.bench.brushing
        if not self.bench.following.is_on or brushing.mask is None or brushing.grid is None:
            return (), None
        assert self.stack is not None
        key = (brushing.revision, self.index, self.stack)
        if self._drawn[0] != key:
            mask = brushing.mask.view(np.uint8)
            pixels = slice_pixels(mask, brushing.grid, self.stack, self.index, smooth=False)
            self._drawn = (key, tuple(mask_outline(pixels > 0, self.stack)))
        brush = None
        if brushing.brush != Brush.OFF and self._under is not None:
            brush = (*self.frame.to_plane(self._under.x(), self._under.y()), brushing.radius_mm)
        return self._drawn[1], brush

    def _laid_over(
        self,
    ) -> tuple[tuple[tuple[str, FloatArray], ...], HeatCut | None, FloatArray | None]:
        """The painted skin, temperatures, and the simulated zone, where this slice cuts them."""
        assert self.stack is not None
        if self._is_foreign:
            return (), None, None
        if self._skin is None and self._skin_surface is not None:
            self._skin = SkinCut(self._skin_surface, self.stack)
        skin = self._skin.of(self.index) if self._skin is not None else ()
        heat = heat_cut(self._heat, self.stack, self.index) if self._heat is not None else None
        if self._zone_cut is None and self._simulated is not None:
            self._zone_cut = SurfaceCut(self._simulated, self.stack)
        zone = self._zone_cut.of(self.index)[0] if self._zone_cut is not None else None
        return skin, heat, zone

    def _proposal_lines(self) -> tuple[FloatArray, ...]:
        proposal = self.bench.outlining.proposal
        if proposal is None or self.stack is None:
            return ()
        structures = structures_to_edit(self.bench.session.case, self.bench.session.selection.image)
        pixels = slice_pixels(
            proposal.mask.view(np.uint8), structures.grid, self.stack, self.index, smooth=False
        )
        return tuple(mask_outline(pixels > 0, self.stack))

    def _probes(self) -> tuple[DrawnProbe, ...]:
        if self._is_foreign:
            return ()
        plan = self.bench.session.plan
        if self._ghost is not None:
            plan = plan.with_instrument(self._ghost)
        path = self.bench.accessing.path
        looked_at = (drawn_path(path),) if path is not None else ()
        return (*drawn_probes(plan), *looked_at, *(drawn_path(n) for n in self.bench.placed.drawn))

    def _styles(self) -> dict[str, OutlineStyle]:
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
        return found

    # mouse ---------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click, a drag of a probe, a zoom or a pan."""
        if self.stack is None:
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._press = (event.button(), event.position())
        if event.button() != Qt.MouseButton.LeftButton:
            return
        x, y = event.position().x(), event.position().y()
        if self.bench.placing.step != Step.IDLE:
            self._click_placing(self.lps_at(x, y))
            self._press = None
        elif self.bench.outlining.mode != Outline.NONE and self.bench.outlining.proposal is None:
            self._click_outline(self.lps_at(x, y))
            self._press = None
        elif self.bench.following.next_click != NextClick.NOTHING:
            self._click_following(self.lps_at(x, y))
            self._press = None
        elif self._takes_brush():
            self._is_brushing = True
            self.bench.brushing.begin_stroke(self.lps_at(x, y))
        elif (end := self._caught_end(event.position())) is not None:
            self._end = end
        elif (caught := self._caught(event.position())) is not None:
            self._grip = caught
            self.bench.session.selection.choose(instrument=caught[0].id, lesion=caught[0].lesion or None)
        elif self.bench.accessing.is_on and self.bench.accessing.point_at(self.lps_at(x, y)):
            self._press = None
        elif self.tool == Tool.NAVIGATE:
            self.bench.session.selection.move_cursor(self.lps_at(x, y))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag what was pressed, or show what is under the mouse."""
        if self.stack is None:
            return
        at = event.position()
        self.hovered.emit(self.lps_at(at.x(), at.y()))
        if self._takes_brush():
            self._under = at
            self.update()
        if self._press is None:
            self._hover(at)
            return
        button, last = self._press
        moved = at - last
        if button == Qt.MouseButton.MiddleButton:
            self._pan(moved)
        elif button == Qt.MouseButton.RightButton:
            self._zoom_by(1.01 ** moved.y(), QPointF(self.width() / 2, self.height() / 2))
        elif self._is_brushing:
            self.bench.brushing.brush_to(self.lps_at(at.x(), at.y()))
            return
        elif self._grip is not None:
            self._drag_probe(at)
            return  # measured from the press
        elif self._end is not None:
            self._drag_end(self.lps_at(at.x(), at.y()))
            return
        elif self.tool == Tool.WINDOW:
            window = self.bench.appearance.window
            self.bench.appearance.set_window(
                GrayWindow(window.width + 2 * moved.x(), window.level - 2 * moved.y())
            )
        else:
            self.bench.session.selection.move_cursor(self.lps_at(at.x(), at.y()))
        self._press = (button, at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag: it becomes one change that can be undone."""
        if self._grip is not None:
            probe, grip = self._grip
            self._grip = None
            word = {
                Grip.WHOLE: "Move probe",
                Grip.TIP: "Move tip of probe",
                Grip.ENTRY: "Move entry of probe",
            }[grip]
            self.bench.session.drop(f"{word} {probe.id}")
        if self._is_brushing:
            self._is_brushing = False
            self.bench.brushing.end_stroke()
        self._press = self._end = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show this view alone, or all again."""
        if event.button() == Qt.MouseButton.LeftButton and self._caught(event.position()) is None:
            self.maximize_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll slices; with Ctrl zoom."""
        notches = event.angleDelta().y() / 120.0
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom_by(0.88**notches, event.position())
        elif notches:
            self.scroll(round(notches) or (1 if notches > 0 else -1))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll with the arrow and page keys."""
        steps = {
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: 5,
            Qt.Key.Key_PageDown: -5,
        }.get(Qt.Key(event.key()))
        if steps is not None:
            self.scroll(steps)
        elif event.key() == Qt.Key.Key_Escape and self._grip is not None:
            self._grip = self._press = None
            self.bench.session.cancel_drag()
        else:
            super().keyPressEvent(event)

    def _hover(self, at: QPointF) -> None:
        step = self.bench.placing.step
        if step == Step.ENTRY:
            self._ghost = self.bench.placing.ghost(self.lps_at(at.x(), at.y()))
            self.setCursor(Qt.CursorShape.CrossCursor)
            self.update()
            return
        if self._ghost is not None:
            self._ghost = None
            self.update()
        if step == Step.TARGET or self.bench.following.next_click != NextClick.NOTHING:
            self.setCursor(Qt.CursorShape.CrossCursor)
        elif self._caught(at) is not None:
            self.setCursor(Qt.CursorShape.SizeAllCursor)
        else:
            self.unsetCursor()

    def _click_placing(self, lps_mm: Point) -> None:
        self._ghost = None
        try:
            self.bench.session.check_frame(self.bench.session.selection.image)
            self.bench.placing.click(lps_mm)
        except PlannerError as error:
            show_error(self, error)

    def _click_outline(self, lps_mm: Point) -> None:
        try:
            if self.bench.outlining.click(lps_mm):
                self.outline_ready.emit()
        except PlannerError as error:
            self.bench.outlining.cancel()
            show_error(self, error)

    def _click_following(self, lps_mm: Point) -> None:
        following = self.bench.following
        try:
            self.bench.session.check_frame(self.bench.session.selection.image)
            following.click(lps_mm)
        except PlannerError as error:
            following.wait_for(NextClick.NOTHING)
            show_error(self, error)

    def _takes_brush(self) -> bool:
        """Whether a left drag brushes: only where the scan is laid over the planning scan."""
        is_over = self._image is not None and bool(self.bench.following.look_key(self._image))
        return is_over and self.bench.brushing.brush != Brush.OFF

    def leaveEvent(self, event: QEvent) -> None:
        """The brush goes with the mouse."""
        self._under = None
        self.update()

    def _caught(self, at: QPointF) -> tuple[Applicator, Grip] | None:
        """The probe and the part of it under the mouse: ends first, then the shaft."""
        is_shown = self.stack is not None and not self._is_foreign
        probes = self.bench.session.plan.applicators if is_shown else ()
        for probe in reversed(probes):
            for point, grip in ((probe.tip_lps_mm, Grip.TIP), (probe.entry_lps_mm, Grip.ENTRY)):
                if _distance(self.view_of(point), at) <= CATCH_PX:
                    return probe, grip
        for probe in reversed(probes):
            if _distance_to_line(self.view_of(probe.entry_lps_mm), self.view_of(probe.tip_lps_mm), at) <= 6.0:
                return probe, Grip.WHOLE
        return None

    def _caught_end(self, at: QPointF) -> int | None:
        """Which end of a proposed lesion's diameter is under the mouse."""
        ends = self.bench.outlining.ends if self.bench.outlining.proposal is not None else ()
        near = [n for n, end in enumerate(ends) if _distance(self.view_of(end), at) <= CATCH_PX]
        return near[0] if near else None

    def _drag_end(self, lps_mm: Point) -> None:
        first, second = self.bench.outlining.ends
        ends = (lps_mm, second) if self._end == 0 else (first, lps_mm)
        try:
            self.bench.outlining.adjust(ends=ends)
        except PlannerError:
            return  # too short or outside: stays as it was until the mouse moves on

    def _drag_probe(self, at: QPointF) -> None:
        assert self._grip is not None
        assert self._press is not None
        assert self.stack is not None
        probe, grip = self._grip
        scale = self.frame.mm_per_px
        moved = at - self._press[1]
        by = self.stack.to_lps(moved.x() * scale, moved.y() * scale, 0.0)
        try:
            changed = dragged(probe, grip, _point(by))
        except PlannerError:
            return  # entry on the tip: stay where it was until the mouse moves on
        self.bench.session.drag_plan(self.bench.session.plan.with_instrument(changed))

    def _pan(self, moved: QPointF) -> None:
        frame = self.frame
        right = frame.center_mm[0] - moved.x() * frame.mm_per_px
        self._zoom = ((right, frame.center_mm[1] - moved.y() * frame.mm_per_px), frame.mm_per_px)
        self.update()

    def _zoom_by(self, factor: float, at: QPointF) -> None:
        if self.stack is None:
            return
        frame = self.frame
        zoom = float(np.clip(frame.mm_per_px * factor, CLOSEST_MM_PER_PX, FARTHEST_MM_PER_PX))
        right, down = frame.to_plane(at.x(), at.y())
        center = (right - (at.x() - self.width() / 2) * zoom, down - (at.y() - self.height() / 2) * zoom)
        self._zoom = (center, zoom)
        self.update()


def _distance(a: QPointF, b: QPointF) -> float:
    return float(np.hypot(a.x() - b.x(), a.y() - b.y()))


def _distance_to_line(a: QPointF, b: QPointF, at: QPointF) -> float:
    along = np.array([b.x() - a.x(), b.y() - a.y()])
    away = np.array([at.x() - a.x(), at.y() - a.y()])
    square = float(along @ along)
    t = min(max(float(away @ along) / square, 0.0), 1.0) if square > 0 else 0.0
    return float(np.linalg.norm(away - t * along))


def _point(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
