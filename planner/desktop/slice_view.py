"""A slice view: scroll, zoom, pan, window, linked crosshair, and probes one can drag."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from planner.desktop.slice_layers import SliceLayers, SlicePlace
from planner.desktop.slice_mouse import SliceMouse, Tool
from planner.desktop.theme import SMALL_PX
from planner.model.assessment import ScalarField, Surface
from planner.model.image import Image
from planner.model.plan import Point
from planner.scene.planes import Orientation, PlaneStack
from planner.scene.probe_planes import ProbeCut
from planner.scene.slice_frame import SliceFrame
from planner.scene.slice_painter import OutlineStyle, SliceContent, paint_backdrop, paint_overlay
from planner.session.actions import Workbench
from planner.session.brushing import Brush

CLOSEST_MM_PER_PX, FARTHEST_MM_PER_PX = 0.02, 4.0


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
        self.mouse = SliceMouse(self, bench)
        self.layers = SliceLayers(bench)
        self.index = 0
        self.stack: PlaneStack | None = None
        self._image: Image | None = None
        self._zoom: tuple[tuple[float, float], float] | None = None
        self._backdrop: tuple[object, QImage] | None = None

    @property
    def tool(self) -> Tool:
        """What the left button does where it catches no probe."""
        return self.mouse.tool

    @tool.setter
    def tool(self, tool: Tool) -> None:
        self.mouse.tool = tool

    @property
    def is_foreign(self) -> bool:
        """Whether the image has a frame of reference of its own."""
        return self.layers.is_foreign

    def sizeHint(self) -> QSize:
        """A quarter of a small window."""
        return QSize(420, 360)

    # what is shown -------------------------------------------------------------------------

    def show_case(self) -> None:
        """Show the open case's selected image."""
        session = self.bench.session
        if not session.is_open or not session.case.images:
            self.stack = self._image = None
            self.layers.forget_planes()
            self.update()
            return
        image = session.case.image(session.selection.image)
        if image is not self._image:
            self._image = image
            self.stack = self.stack_of(image)
            self.layers.forget_planes()
            self._zoom = None
            self.follow_cursor()
        if self.stack is not None:
            self.layers.show_case(session.case, image, self.stack)
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
        self.layers.show_skin(surface)
        self._backdrop = None
        self.update()

    def show_field(self, field: ScalarField | None, zone: Surface | None) -> None:
        """Lay a field over the slice, and draw where it cuts the zone that goes with it; None shows none."""
        self.layers.show_field(field, zone)
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
        frame = self.frame
        key = self._backdrop_key(frame, self.layers.styles())
        is_kept = self._backdrop is not None and self._backdrop[0] == key
        content = self.content(is_kept)
        if self._backdrop is None or not is_kept:
            self._backdrop = (key, self._painted_backdrop(frame, content))
        painter.drawImage(QRectF(0, 0, self.width(), self.height()), self._backdrop[1])
        paint_overlay(painter, frame, content, self._small_font())
        if self.hasFocus():
            painter.setPen(QPen(self.palette().highlight().color(), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def content(self, has_backdrop: bool = False) -> SliceContent:
        """All that lies on the slice that is shown now; without what a painted backdrop holds already."""
        assert self._image is not None
        return self.layers.content(self._place(), self._image, has_backdrop)

    def _place(self) -> SlicePlace:
        assert self.stack is not None
        under = self.mouse.under
        at = None if under is None else self.frame.to_plane(under.x(), under.y())
        return SlicePlace(self.stack, self.index, self.title(), self.note(), self.mouse.ghost, at)

    def _painted_backdrop(self, frame: SliceFrame, content: SliceContent) -> QImage:
        ratio = self.devicePixelRatioF()
        size = QSize(round(self.width() * ratio), round(self.height() * ratio))
        image = QImage(size, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        painter = QPainter(image)
        painter.setFont(self._small_font())
        paint_backdrop(painter, frame, content)
        painter.end()
        return image

    def _small_font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        return font

    def _backdrop_key(self, frame: SliceFrame, styles: Mapping[str, OutlineStyle]) -> tuple[object, ...]:
        assert self._image is not None
        look = self.bench.following.look_key(self._image)
        ratio = self.devicePixelRatioF()
        return (frame, self.index, ratio, self.bench.appearance.window, tuple(styles.items()), look)

    # mouse and keys ------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click, a drag of a probe, a zoom or a pan."""
        if self.stack is not None:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.mouse.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag what was pressed, or show what is under the mouse."""
        if self.stack is not None:
            self.hovered.emit(self.lps_at(event.position().x(), event.position().y()))
            self.mouse.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag: it becomes one change that can be undone."""
        self.mouse.release()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show this view alone, or all again."""
        if event.button() == Qt.MouseButton.LeftButton and self.mouse.caught(event.position()) is None:
            self.maximize_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll slices; with Ctrl zoom."""
        notches = event.angleDelta().y() / 120.0
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(0.88**notches, event.position())
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
        elif event.key() != Qt.Key.Key_Escape or not self.mouse.cancel():
            super().keyPressEvent(event)

    def takes_brush(self) -> bool:
        """Whether a left drag brushes: only where the scan is laid over the planning scan."""
        is_over = self._image is not None and bool(self.bench.following.look_key(self._image))
        return is_over and self.bench.brushing.brush != Brush.OFF

    def leaveEvent(self, event: QEvent) -> None:
        """The brush goes with the mouse."""
        self.mouse.leave()
        self.update()

    def pan(self, moved: QPointF) -> None:
        """Move the picture by pixels."""
        frame = self.frame
        right = frame.center_mm[0] - moved.x() * frame.mm_per_px
        self._zoom = ((right, frame.center_mm[1] - moved.y() * frame.mm_per_px), frame.mm_per_px)
        self.update()

    def zoom_by(self, factor: float, at: QPointF) -> None:
        """Zoom about a point of the view."""
        if self.stack is None:
            return
        frame = self.frame
        zoom = float(np.clip(frame.mm_per_px * factor, CLOSEST_MM_PER_PX, FARTHEST_MM_PER_PX))
        right, down = frame.to_plane(at.x(), at.y())
        center = (right - (at.x() - self.width() / 2) * zoom, down - (at.y() - self.height() / 2) * zoom)
        self._zoom = (center, zoom)
        self.update()


def _point(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
