"""Painting a slice with all that lies on it, on screen or off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QImage, QPainter, QPainterPath, QPen, QPolygonF

from planner.model.geometry import FloatArray
from planner.model.plan import Point
from planner.scene.contours import Outlines
from planner.scene.heat_overlay import HeatCut, line_color
from planner.scene.instruments import DrawnFoci, DrawnProbe
from planner.scene.palette import PROBE, SIMULATED, ZONE, Color
from planner.scene.planes import PlaneStack, letters_of

#: A zone that is being drawn, and the brush.
DRAWN = "#ff9ad5"
#: A needle within this of the slice counts as in the plane.
IN_PLANE_MM = 2.0
HANDLE_PX = 5.0


@dataclass(frozen=True)
class SliceFrame:
    """Where the slice lies in the view.

    Parameters
    ----------
    width, height
        Of the view, in pixels.
    center_mm
        Right and down coordinates at the middle of the view.
    mm_per_px
        Zoom.
    """

    width: float
    height: float
    center_mm: tuple[float, float]
    mm_per_px: float

    def to_view(self, right_mm: float, down_mm: float) -> QPointF:
        """View point of plane coordinates."""
        x = (right_mm - self.center_mm[0]) / self.mm_per_px + self.width / 2
        return QPointF(x, (down_mm - self.center_mm[1]) / self.mm_per_px + self.height / 2)

    def to_plane(self, x: float, y: float) -> tuple[float, float]:
        """Plane coordinates of a view point."""
        right = (x - self.width / 2) * self.mm_per_px + self.center_mm[0]
        return right, (y - self.height / 2) * self.mm_per_px + self.center_mm[1]

    @classmethod
    def fitting(cls, stack: PlaneStack, width: float, height: float) -> SliceFrame:
        """The whole slice, centred."""
        size = np.array(stack.high_mm[:2]) - np.array(stack.low_mm[:2]) + np.array(stack.step_mm[:2])
        middle = (np.array(stack.high_mm[:2]) + np.array(stack.low_mm[:2])) / 2
        zoom = max(size[0] / max(width, 1.0), size[1] / max(height, 1.0))
        return cls(width, height, (float(middle[0]), float(middle[1])), float(zoom) * 1.02)


@dataclass(frozen=True)
class OutlineStyle:
    """How a structure's outline is drawn."""

    color: Color
    opacity: float = 1.0
    width_px: float = 1.3
    fill: float = 0.0


@dataclass(frozen=True, eq=False)
class SliceContent:
    """Everything on a slice view.

    Parameters
    ----------
    stack, index
        Which slice.
    gray
        Pixels ``[down, right]``, 0..255.
    outlines, styles
        Outlines in mm, and how they are drawn, by structure.
    probes, selected
        Probes with zones, and the id of the selected one.
    cursor_lps_mm
        Linked crosshair, or None.
    corner_texts
        Top left, top right, bottom right.
    marks_lps_mm
        Points that wait for another click.
    proposed
        Outlines (n, 2) in mm that wait to be accepted.
    heat
        Temperatures laid over the image.
    simulated
        Segments (n, 2, 2) in mm: the simulated zone where the slice cuts it.
    skin
        Colours with segments (n, 2, 2) in mm: the painted skin where the slice cuts it.
    drawn
        Outlines (n, 2) in mm of a zone that is being drawn.
    brush
        Right, down and radius in mm of the brush under the mouse, or None.
    foci
        Grids of foci.
    """

    stack: PlaneStack
    index: int
    gray: npt.NDArray[np.uint8]
    outlines: Outlines = field(default_factory=dict)
    styles: Mapping[str, OutlineStyle] = field(default_factory=dict)
    probes: tuple[DrawnProbe, ...] = ()
    selected: str = ""
    cursor_lps_mm: Point | None = None
    corner_texts: tuple[str, str, str] = ("", "", "")
    marks_lps_mm: tuple[Point, ...] = ()
    proposed: tuple[FloatArray, ...] = ()
    skin: tuple[tuple[str, FloatArray], ...] = ()
    heat: HeatCut | None = None
    simulated: FloatArray | None = None
    drawn: tuple[FloatArray, ...] = ()
    brush: tuple[float, float, float] | None = None
    foci: tuple[DrawnFoci, ...] = ()


def paint_slice(
    painter: QPainter, frame: SliceFrame, content: SliceContent, font: QFont | None = None
) -> None:
    """Paint a slice view into a rectangle from (0, 0) of the frame's size."""
    paint_backdrop(painter, frame, content)
    paint_overlay(painter, frame, content, font)


def paint_backdrop(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    """Image and outlines: what stays while a probe is dragged."""
    painter.save()
    painter.setClipRect(QRectF(0, 0, frame.width, frame.height))
    painter.fillRect(QRectF(0, 0, frame.width, frame.height), QColor("black"))
    _paint_image(painter, frame, content)
    _paint_heat(painter, frame, content)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint_outlines(painter, frame, content)
    _paint_skin(painter, frame, content)
    if content.simulated is not None:
        _paint_segments(painter, frame, content.simulated, QPen(QColor(SIMULATED), 2.2))
    painter.restore()


def paint_overlay(
    painter: QPainter, frame: SliceFrame, content: SliceContent, font: QFont | None = None
) -> None:
    """Crosshair, zones, probes, letters: what moves."""
    painter.save()
    painter.setClipRect(QRectF(0, 0, frame.width, frame.height))
    if font is not None:
        painter.setFont(font)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint_crosshair(painter, frame, content)
    normal = content.stack.position_mm(content.index)
    for probe in content.probes:
        _paint_zone(painter, frame, content.stack, probe, normal)
    for grid in content.foci:
        _paint_foci(painter, frame, content.stack, grid, normal)
    for probe in content.probes:
        _paint_probe(painter, frame, content.stack, probe, normal, probe.needle.id == content.selected)
    _paint_proposed(painter, frame, content)
    _paint_drawn(painter, frame, content)
    for mark in content.marks_lps_mm:
        _paint_mark(painter, frame, content.stack, mark)
    _paint_letters(painter, frame, content)
    painter.restore()


def gray_image(gray: npt.NDArray[np.uint8]) -> QImage:
    """A copy of gray pixels as an image."""
    pixels = np.ascontiguousarray(gray)
    height, width = pixels.shape
    return QImage(pixels.data, width, height, width, QImage.Format.Format_Grayscale8).copy()


def _paint_image(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    stack = content.stack
    half_right, half_down = stack.step_mm[0] / 2, stack.step_mm[1] / 2
    corner = frame.to_view(stack.low_mm[0] - half_right, stack.low_mm[1] - half_down)
    opposite = frame.to_view(stack.high_mm[0] + half_right, stack.high_mm[1] + half_down)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(corner, opposite), gray_image(content.gray))


def _paint_crosshair(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    if content.cursor_lps_mm is None:
        return
    right, down, _ = content.stack.to_plane(np.array(content.cursor_lps_mm))
    at = frame.to_view(float(right), float(down))
    painter.setPen(QPen(QColor(122, 162, 255, 110), 1))
    gap = 9.0
    painter.drawLine(QPointF(0, at.y()), QPointF(at.x() - gap, at.y()))
    painter.drawLine(QPointF(at.x() + gap, at.y()), QPointF(frame.width, at.y()))
    painter.drawLine(QPointF(at.x(), 0), QPointF(at.x(), at.y() - gap))
    painter.drawLine(QPointF(at.x(), at.y() + gap), QPointF(at.x(), frame.height))


def _paint_outlines(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    for name, lines in content.outlines.items():
        style = content.styles.get(name)
        if style is None or style.opacity <= 0:
            continue
        color = QColor(*style.color)
        color.setAlphaF(style.opacity)
        path = QPainterPath()
        for line in lines:
            path.addPolygon(_polygon(frame, line))
        painter.setPen(QPen(color, style.width_px))
        fill = QColor(*style.color)
        fill.setAlphaF(style.fill * style.opacity)
        painter.setBrush(QBrush(fill) if style.fill > 0 else Qt.BrushStyle.NoBrush)
        painter.drawPath(path)


def _paint_skin(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    for color, segments in content.skin:
        pen = QPen(QColor(color), 3.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        _paint_segments(painter, frame, segments, pen)


def _paint_segments(painter: QPainter, frame: SliceFrame, segments: FloatArray, pen: QPen) -> None:
    ends = segments.reshape(-1, 2)
    x = ((ends[:, 0] - frame.center_mm[0]) / frame.mm_per_px + frame.width / 2).tolist()
    y = ((ends[:, 1] - frame.center_mm[1]) / frame.mm_per_px + frame.height / 2).tolist()
    painter.setPen(pen)
    painter.drawLines([QLineF(x[n], y[n], x[n + 1], y[n + 1]) for n in range(0, len(x), 2)])


def _paint_heat(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    heat = content.heat
    if heat is None:
        return
    rows, columns, _ = heat.pixels.shape
    pixels = np.ascontiguousarray(heat.pixels)
    image = QImage(pixels.data, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888)
    painter.drawImage(QRectF(frame.to_view(*heat.low_mm), frame.to_view(*heat.high_mm)), image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for degrees, line in heat.lines:
        painter.setPen(QPen(QColor(*line_color(degrees)), 1.2))
        painter.drawPolyline(_polygon(frame, line))


def _paint_zone(
    painter: QPainter, frame: SliceFrame, stack: PlaneStack, probe: DrawnProbe, normal: float
) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # A spread that nobody published is assumed: its band is fainter, and dotted.
    color = QColor(ZONE)
    color.setAlpha(255 if probe.is_spread_published else 120)
    dashed = QPen(color, 1.0)
    dashed.setDashPattern([3.0, 4.0] if probe.is_spread_published else [1.0, 4.0])
    for zone, pen in ((probe.zone, QPen(QColor(ZONE), 2.0)), (probe.inner, dashed), (probe.outer, dashed)):
        ring = zone.section(stack, normal) if zone is not None else None
        if ring is not None:
            painter.setPen(pen)
            painter.drawPolygon(_polygon(frame, ring))


def _paint_foci(
    painter: QPainter, frame: SliceFrame, stack: PlaneStack, foci: DrawnFoci, normal: float
) -> None:
    """Each focus the slice cuts, and where the window passes the slice."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # Many foci lie side by side: fainter, so that what is under them is seen.
    color = QColor(ZONE)
    color.setAlpha(200 if len(foci.zones) < 40 else 90)
    painter.setPen(QPen(color, 1.0))
    for ring in foci.sections(stack, normal):
        painter.drawPolygon(_polygon(frame, ring))
    if len(foci.window_lps_mm):
        window = stack.to_plane(np.vstack([foci.window_lps_mm, foci.window_lps_mm[:1]]))
        faint = QColor(PROBE)
        faint.setAlpha(110)
        painter.setPen(QPen(faint, 1.4))
        painter.drawPolyline(_polygon(frame, window[:, :2]))


def _paint_probe(
    painter: QPainter,
    frame: SliceFrame,
    stack: PlaneStack,
    probe: DrawnProbe,
    normal: float,
    is_selected: bool,
) -> None:
    entry = stack.to_plane(np.array(probe.needle.entry_lps_mm))
    tip = stack.to_plane(np.array(probe.needle.tip_lps_mm))
    faint, full = QColor(PROBE), QColor(PROBE)
    faint.setAlpha(90)
    reach = max(IN_PLANE_MM, stack.step_mm[2] / 2)
    if probe.shafts_lps_mm:  # the middle of a set is where it is held, and no needle
        painter.setPen(QPen(faint, 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(_view(frame, entry), _view(frame, tip))
    for ends in probe.shafts_lps_mm or ((probe.needle.entry_lps_mm, probe.needle.tip_lps_mm),):
        outer, inner = (stack.to_plane(np.array(p)) for p in ends)
        painter.setPen(QPen(faint, 1.4))
        painter.drawLine(_view(frame, outer), _view(frame, inner))
        part = _part_within(outer, inner, normal - reach, normal + reach)
        if part is not None:
            painter.setPen(QPen(full, 2.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(_view(frame, part[0]), _view(frame, part[1]))
    for point, is_tip in ((entry, False), (tip, True)):
        color = full if abs(point[2] - normal) <= reach else faint
        painter.setPen(QPen(QColor("#7aa2ff") if is_selected else color, 1.8))
        painter.setBrush(QBrush(color) if is_tip else QBrush(QColor(0, 0, 0, 120)))
        painter.drawEllipse(_view(frame, point), HANDLE_PX, HANDLE_PX)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _paint_proposed(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    pen = QPen(QColor("#7aa2ff"), 2.0)
    pen.setDashPattern([4.0, 2.0])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for line in content.proposed:
        painter.drawPolyline(_polygon(frame, line))


def _paint_drawn(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(DRAWN), 2.0))
    for line in content.drawn:
        painter.drawPolyline(_polygon(frame, line))
    if content.brush is not None:
        right, down, radius = content.brush
        painter.setPen(QPen(QColor(DRAWN), 1.2))
        painter.drawEllipse(frame.to_view(right, down), radius / frame.mm_per_px, radius / frame.mm_per_px)


def _paint_mark(painter: QPainter, frame: SliceFrame, stack: PlaneStack, mark: Point) -> None:
    point = stack.to_plane(np.array(mark))
    at = _view(frame, point)
    painter.setPen(QPen(QColor("#7aa2ff"), 1.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(at, 8.0, 8.0)
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        painter.drawLine(at + QPointF(4 * dx, 4 * dy), at + QPointF(13 * dx, 13 * dy))


def _paint_letters(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    left, right, top, bottom = letters_of(content.stack.orientation)
    width, height = frame.width, frame.height
    middle = Qt.AlignmentFlag.AlignCenter
    for text, rect in (
        (left, QRectF(4, height / 2 - 10, 18, 20)),
        (right, QRectF(width - 22, height / 2 - 10, 18, 20)),
        (top, QRectF(width / 2 - 10, 6, 20, 18)),
        (bottom, QRectF(width / 2 - 10, height - 24, 20, 18)),
    ):
        shadowed_text(painter, rect, middle, text)
    top_left, top_right, bottom_right = content.corner_texts
    shadowed_text(painter, QRectF(10, 6, width / 2 - 26, 18), Qt.AlignmentFlag.AlignLeft, top_left)
    shadowed_text(
        painter, QRectF(width / 2 + 16, 6, width / 2 - 26, 18), Qt.AlignmentFlag.AlignRight, top_right
    )
    shadowed_text(
        painter,
        QRectF(width / 2 + 16, height - 24, width / 2 - 26, 18),
        Qt.AlignmentFlag.AlignRight,
        bottom_right,
    )
    paint_scale_bar(painter, frame.mm_per_px, height)


def paint_scale_bar(painter: QPainter, mm_per_px: float, height: float) -> None:
    """A bar of a round length with its label, at the lower left."""
    length_mm = next(n for n in (5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if n / mm_per_px >= 40 or n > 500)
    length = length_mm / mm_per_px
    y = height - 14.0
    painter.setPen(QPen(QColor("#b9c2ca"), 1.2))
    painter.drawLine(QPointF(12, y), QPointF(12 + length, y))
    for x in (12.0, 12.0 + length):
        painter.drawLine(QPointF(x, y - 4), QPointF(x, y + 4))
    text = f"{length_mm / 10:g} cm" if length_mm >= 10 else f"{length_mm} mm"
    shadowed_text(painter, QRectF(18 + length, y - 9, 90, 18), Qt.AlignmentFlag.AlignLeft, text)


def shadowed_text(painter: QPainter, rect: QRectF, alignment: Qt.AlignmentFlag, text: str) -> None:
    """Text that can be read on any gray."""
    if not text:
        return
    flags = alignment | Qt.AlignmentFlag.AlignVCenter
    painter.setPen(QColor(0, 0, 0, 200))
    painter.drawText(rect.translated(1, 1), flags, text)
    painter.setPen(QColor("#b9c2ca"))
    painter.drawText(rect, flags, text)


def _part_within(
    entry: FloatArray, tip: FloatArray, low: float, high: float
) -> tuple[FloatArray, FloatArray] | None:
    """The part of a segment whose third coordinate lies in low..high."""
    rise = float(tip[2] - entry[2])
    if abs(rise) < 1e-9:
        return (entry, tip) if low <= entry[2] <= high else None
    first, last = sorted(((low - entry[2]) / rise, (high - entry[2]) / rise))
    first, last = max(0.0, float(first)), min(1.0, float(last))
    return (entry + first * (tip - entry), entry + last * (tip - entry)) if first < last else None


def _view(frame: SliceFrame, plane_point: FloatArray) -> QPointF:
    return frame.to_view(float(plane_point[0]), float(plane_point[1]))


def _polygon(frame: SliceFrame, line: FloatArray) -> QPolygonF:
    x = (line[:, 0] - frame.center_mm[0]) / frame.mm_per_px + frame.width / 2
    y = (line[:, 1] - frame.center_mm[1]) / frame.mm_per_px + frame.height / 2
    return QPolygonF([QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])
