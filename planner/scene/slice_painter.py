"""Painting a slice with all that lies on it, on screen or off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QImage, QPainter, QPainterPath, QPen

from planner.model.geometry import FloatArray
from planner.model.plan import Point
from planner.scene.contours import Outlines
from planner.scene.drawn_electrodes import DrawnArray
from planner.scene.instrument_painter import paint_electrodes, paint_foci, paint_probe, paint_zone
from planner.scene.layers import SliceMarks
from planner.scene.mark_painter import paint_marks, paint_patch, paint_segments
from planner.scene.palette import SIMULATED, Color
from planner.scene.pixel_plane import Patch, Word
from planner.scene.planes import PlaneStack, letters_of
from planner.scene.slice_frame import SliceFrame

if TYPE_CHECKING:
    from planner.scene.instruments import DrawnFoci, DrawnProbe

#: A zone that is being drawn, and the brush.
DRAWN = "#ff9ad5"
#: A rectangle for text that is higher than this has room for more than one line.
LINE_PX = 20.0


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
    overlay
        Temperatures, dose, or an electric field, laid over the image.
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
    gaps
        What of lesions and their margins no zone holds.
    arrays
        Electrodes for electroporation.
    marks
        What modes lay over it.
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
    overlay: Patch | None = None
    simulated: FloatArray | None = None
    drawn: tuple[FloatArray, ...] = ()
    brush: tuple[float, float, float] | None = None
    foci: tuple[DrawnFoci, ...] = ()
    gaps: tuple[Patch, ...] = ()
    arrays: tuple[DrawnArray, ...] = ()
    marks: tuple[SliceMarks, ...] = ()


def paint_slice(
    painter: QPainter, frame: SliceFrame, content: SliceContent, font: QFont | None = None
) -> None:
    """Paint a slice view into a rectangle from (0, 0) of the frame's size."""
    if font is not None:
        painter.setFont(font)
    paint_backdrop(painter, frame, content)
    paint_overlay(painter, frame, content, font)


def paint_backdrop(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    """Image and outlines: what stays while a probe is dragged."""
    painter.save()
    painter.setClipRect(QRectF(0, 0, frame.width, frame.height))
    painter.fillRect(QRectF(0, 0, frame.width, frame.height), QColor("black"))
    _paint_image(painter, frame, content)
    _paint_field(painter, frame, content)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint_outlines(painter, frame, content)
    _paint_skin(painter, frame, content)
    if content.simulated is not None:
        paint_segments(painter, frame, content.simulated, QPen(QColor(SIMULATED), 2.2))
    if content.overlay is not None:
        _paint_words(painter, frame, content.overlay.words)
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
    for gap in content.gaps:
        paint_patch(painter, frame, gap)
    _paint_crosshair(painter, frame, content)
    for marks in content.marks:
        paint_marks(painter, frame, content.stack, marks)
    normal = content.stack.position_mm(content.index)
    for probe in content.probes:
        paint_zone(painter, frame, content.stack, probe, normal)
    for grid in content.foci:
        paint_foci(painter, frame, content.stack, grid, normal)
    for array in content.arrays:
        paint_electrodes(painter, frame, content.stack, array, normal, array.id == content.selected)
    for probe in content.probes:
        paint_probe(painter, frame, content.stack, probe, normal, probe.needle.id == content.selected)
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
            path.addPolygon(frame.polygon(line))
        painter.setPen(QPen(color, style.width_px))
        fill = QColor(*style.color)
        fill.setAlphaF(style.fill * style.opacity)
        painter.setBrush(QBrush(fill) if style.fill > 0 else Qt.BrushStyle.NoBrush)
        painter.drawPath(path)


def _paint_skin(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    for color, segments in content.skin:
        pen = QPen(QColor(color), 3.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        paint_segments(painter, frame, segments, pen)


def _paint_field(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    if content.overlay is None:
        return
    paint_patch(painter, frame, content.overlay)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for _, color, line in content.overlay.lines:
        painter.setPen(QPen(QColor(*color), 1.2))
        painter.drawPolyline(frame.polygon(line))


def _paint_words(painter: QPainter, frame: SliceFrame, words: tuple[Word, ...]) -> None:
    """Words with a dark edge, so that they can be read across lines; the last first, none over another."""
    metrics = painter.fontMetrics()
    taken: list[QRectF] = []
    for word in reversed(words):
        at, width = frame.to_view(word.right_mm, word.down_mm), metrics.horizontalAdvance(word.text)
        left, base = round(at.x() - width / 2), round(at.y() + metrics.capHeight() / 2)
        room = QRectF(left - 3, base - metrics.capHeight() - 1, width + 6, metrics.capHeight() + 2)
        if any(room.intersects(other) for other in taken):
            continue
        taken.append(room)
        painter.setPen(QColor(0, 0, 0, 200))
        for right, down in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            painter.drawText(QPointF(left + right, base + down), word.text)
        painter.setPen(QColor(*word.color))
        painter.drawText(QPointF(left, base), word.text)


def _paint_proposed(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    pen = QPen(QColor("#7aa2ff"), 2.0)
    pen.setDashPattern([4.0, 2.0])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for line in content.proposed:
        painter.drawPolyline(frame.polygon(line))


def _paint_drawn(painter: QPainter, frame: SliceFrame, content: SliceContent) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(DRAWN), 2.0))
    for line in content.drawn:
        painter.drawPolyline(frame.polygon(line))
    if content.brush is not None:
        right, down, radius = content.brush
        painter.setPen(QPen(QColor(DRAWN), 1.2))
        painter.drawEllipse(frame.to_view(right, down), radius / frame.mm_per_px, radius / frame.mm_per_px)


def _paint_mark(painter: QPainter, frame: SliceFrame, stack: PlaneStack, mark: Point) -> None:
    point = stack.to_plane(np.array(mark))
    at = frame.at(point)
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
        QRectF(width / 2 + 16, height - 60, width / 2 - 26, 54),
        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom,
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
    """Text that can be read on any gray; wrapped where its rectangle has room for more than a line."""
    if not text:
        return
    if not alignment & Qt.AlignmentFlag.AlignVertical_Mask:
        alignment |= Qt.AlignmentFlag.AlignVCenter
    flags = alignment.value | (Qt.TextFlag.TextWordWrap.value if rect.height() > LINE_PX else 0)
    painter.setPen(QColor(0, 0, 0, 200))
    painter.drawText(rect.translated(1, 1), flags, text)
    painter.setPen(QColor("#b9c2ca"))
    painter.drawText(rect, flags, text)
