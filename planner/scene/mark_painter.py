"""Painting what modes lay over a slice: pixels, lines, dots and words."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen

from planner.model.geometry import FloatArray
from planner.scene.layers import Dot, Lines, SliceMarks
from planner.scene.pixel_plane import Patch
from planner.scene.planes import PlaneStack
from planner.scene.slice_frame import SliceFrame


def paint_marks(painter: QPainter, frame: SliceFrame, stack: PlaneStack, marks: SliceMarks) -> None:
    """All of a layer's marks: pixels lowest, then lines, then dots."""
    for patch in marks.patches:
        paint_patch(painter, frame, patch)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for lines in marks.lines:
        _paint_lines(painter, frame, lines)
    for dot in marks.dots:
        _paint_dot(painter, frame, stack, dot)


def paint_segments(painter: QPainter, frame: SliceFrame, segments_mm: FloatArray, pen: QPen) -> None:
    """Segments (n, 2, 2) in right and down mm."""
    ends = segments_mm.reshape(-1, 2)
    x = ((ends[:, 0] - frame.center_mm[0]) / frame.mm_per_px + frame.width / 2).tolist()
    y = ((ends[:, 1] - frame.center_mm[1]) / frame.mm_per_px + frame.height / 2).tolist()
    painter.setPen(pen)
    painter.drawLines([QLineF(x[n], y[n], x[n + 1], y[n + 1]) for n in range(0, len(x), 2)])


def paint_patch(painter: QPainter, frame: SliceFrame, patch: Patch) -> None:
    """Pixels of a patch of the slice, smoothed."""
    rows, columns, _ = patch.pixels.shape
    pixels = np.ascontiguousarray(patch.pixels)
    image = QImage(pixels.data, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(frame.to_view(*patch.low_mm), frame.to_view(*patch.high_mm)), image)


def _paint_lines(painter: QPainter, frame: SliceFrame, lines: Lines) -> None:
    if not len(lines.segments_mm):
        return
    pen = QPen(QColor(lines.color), lines.width_px, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
    if lines.is_dashed:
        pen.setDashPattern([3.0, 3.0])
    paint_segments(painter, frame, lines.segments_mm, pen)


def _paint_dot(painter: QPainter, frame: SliceFrame, stack: PlaneStack, dot: Dot) -> None:
    at = frame.at(stack.to_plane(np.array(dot.lps_mm)))
    color = QColor(dot.color)
    color.setAlphaF(dot.opacity)
    edge = QColor(0, 0, 0, int(200 * dot.opacity))
    painter.setPen(QPen(color, 1.8) if dot.is_open else QPen(edge, 1.0))
    painter.setBrush(QBrush(QColor(0, 0, 0, int(110 * dot.opacity))) if dot.is_open else QBrush(color))
    painter.drawEllipse(at, dot.radius_px, dot.radius_px)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if dot.label:
        rect = QRectF(at + QPointF(dot.radius_px + 4.0, -8.0), at + QPointF(dot.radius_px + 260.0, 8.0))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(edge)
        painter.drawText(rect.translated(1, 1), flags, dot.label)
        painter.setPen(color.lighter(150))
        painter.drawText(rect, flags, dot.label)
