"""The resection map: a cut laid flat, coloured by how near lesions or vessels are, with the vessels that cross it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPen, QPolygonF

from planner.model.geometry import FloatArray
from planner.planning.cut_map import CutMap
from planner.scene.palette import CUT_CLASSES, Theme

#: Free space around the map, and the room for the legend under it.
BORDER_PX, LEGEND_PX = 14.0, 22.0
DOT_PX = 5.0
#: So many vessels have their names on the map; all stand in the list beside it.
MOST_NAMED = 6


@dataclass(frozen=True)
class MapFrame:
    """Where the map lies in its picture: pixels per mm, and the pixel of its origin."""

    px_per_mm: float
    origin: QPointF

    @classmethod
    def fitting(cls, points_mm: FloatArray, area: QRectF) -> MapFrame:
        """The whole map in the middle of an area."""
        low, high = points_mm.min(axis=0), points_mm.max(axis=0)
        size = np.maximum(high - low, 1e-6)
        scale = min(area.width() / float(size[0]), area.height() / float(size[1]))
        middle = 0.5 * (low + high)
        center = area.center()
        origin = QPointF(center.x() - scale * float(middle[0]), center.y() + scale * float(middle[1]))
        return cls(scale, origin)

    def at(self, point_mm: FloatArray | tuple[float, float]) -> QPointF:
        """The pixel of a place of the map; up is up."""
        x = self.origin.x() + self.px_per_mm * float(point_mm[0])
        return QPointF(x, self.origin.y() - self.px_per_mm * float(point_mm[1]))

    def map_mm(self, at: QPointF) -> FloatArray:
        """The place of the map under a pixel, (2,)."""
        offset = at - self.origin
        return np.array([offset.x(), -offset.y()]) / self.px_per_mm


def map_area(width: float, height: float) -> QRectF:
    """Where the map lies in a picture of a size."""
    return QRectF(BORDER_PX, BORDER_PX, width - 2 * BORDER_PX, height - 2 * BORDER_PX - LEGEND_PX)


def paint_cut_map(
    painter: QPainter, size: tuple[float, float], cut_map: CutMap, by: str, theme: Theme
) -> None:
    """Paint the map into a picture of a size in pixels.

    Parameters
    ----------
    by
        What colours it: ``lesion`` or ``vessel``.
    """
    frame = MapFrame.fitting(cut_map.points_mm, map_area(*size))
    values = cut_map.lesion_mm if by == "lesion" else cut_map.vessel_mm
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    x = frame.origin.x() + frame.px_per_mm * cut_map.points_mm[:, 0]
    y = frame.origin.y() - frame.px_per_mm * cut_map.points_mm[:, 1]
    for path, color in class_paths(np.column_stack([x, y]), cut_map.triangles, values):
        painter.setBrush(QColor(color))
        painter.setPen(QPen(QColor(color), 0.8))
        painter.drawPath(path)
    _paint_crossings(painter, frame, cut_map, theme)
    _paint_words(painter, size, cut_map, theme)
    _paint_legend(painter, frame, size, by, theme)


def class_paths(
    points_px: FloatArray, triangles: np.ndarray[tuple[int, ...], np.dtype[np.int32]], values: FloatArray
) -> list[tuple[QPainterPath, str]]:
    """For each class of distances its part of the triangles, and its colour; parted where a bound is passed."""
    bounds = np.array([bound for bound, _, _ in CUT_CLASSES[:-1]])
    own = np.clip(values, -1e4, 1e4)
    classes = np.searchsorted(bounds, own[triangles], side="right")
    paths = [QPainterPath() for _ in CUT_CLASSES]
    is_one = (classes == classes[:, :1]).all(axis=1)
    for corners, number in zip(
        points_px[triangles[is_one]].tolist(), classes[is_one, 0].tolist(), strict=True
    ):
        paths[number].addPolygon(QPolygonF([QPointF(*p) for p in (*corners, corners[0])]))
    edges = np.concatenate([[-1e9], bounds, [1e9]])
    for triangle in triangles[~is_one]:
        corners, heights = points_px[triangle], own[triangle]
        for number in range(len(CUT_CLASSES)):
            part = _between(corners, heights, float(edges[number]), float(edges[number + 1]))
            if len(part) > 2:
                paths[number].addPolygon(QPolygonF([QPointF(*p) for p in (*part, part[0])]))
    return [(path, color) for path, (_, color, _) in zip(paths, CUT_CLASSES, strict=True)]


def _between(corners: FloatArray, heights: FloatArray, low: float, high: float) -> list[list[float]]:
    """A triangle's part whose heights lie between two, as a polygon (Sutherland 1974, CACM 17:32)."""
    points = [[float(p[0]), float(p[1]), float(h)] for p, h in zip(corners, heights, strict=True)]
    for sign, bound in ((1.0, low), (-1.0, high)):
        kept: list[list[float]] = []
        for n, here in enumerate(points):
            before = points[n - 1]
            is_in, was_in = (sign * (p[2] - bound) >= 0 for p in (here, before))
            if is_in != was_in:
                share = (bound - before[2]) / (here[2] - before[2])
                kept.append([a + share * (b - a) for a, b in zip(before, here, strict=True)])
            if is_in:
                kept.append(here)
        points = kept
    return [p[:2] for p in points]


def _paint_crossings(painter: QPainter, frame: MapFrame, cut_map: CutMap, theme: Theme) -> None:
    for n, crossing in enumerate(cut_map.crossings):
        at = frame.at(crossing.where_mm)
        radius = max(DOT_PX, 0.5 * crossing.diameter_mm * frame.px_per_mm)
        painter.setBrush(QColor(12, 15, 18, 150))
        painter.setPen(QPen(QColor("#ffffff"), 1.4))
        painter.drawEllipse(at, radius, radius)
        if n < MOST_NAMED:
            rect = QRectF(at.x() - 8, at.y() - 8, 16, 16)
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, str(n + 1))


def _paint_words(painter: QPainter, size: tuple[float, float], cut_map: CutMap, theme: Theme) -> None:
    painter.setPen(QColor(theme.dim))
    if cut_map.up:
        painter.drawText(QRectF(0, 0, size[0], 14), Qt.AlignmentFlag.AlignCenter, cut_map.up)
    if cut_map.right:
        font = QFont(painter.font())
        painter.save()
        painter.translate(size[0] - 2.0, 0.5 * (size[1] - LEGEND_PX))
        painter.rotate(90)
        painter.setFont(font)
        painter.drawText(QRectF(-80, 0, 160, 14), Qt.AlignmentFlag.AlignCenter, cut_map.right)
        painter.restore()


def _paint_legend(
    painter: QPainter, frame: MapFrame, size: tuple[float, float], by: str, theme: Theme
) -> None:
    y = size[1] - 10.0
    x = 10.0
    painter.setPen(QColor(theme.dim))
    metrics = painter.fontMetrics()
    for word in (f"to {by}s",):
        painter.drawText(QPointF(x, y + 4), word)
        x += metrics.horizontalAdvance(word) + 10
    for _, color, label in CUT_CLASSES:
        painter.fillRect(QRectF(x, y - 4, 9, 9), QColor(color))
        painter.drawText(QPointF(x + 13, y + 4), label)
        x += 13 + metrics.horizontalAdvance(label) + 10
    length = 10.0 * frame.px_per_mm
    painter.setPen(QPen(QColor(theme.text), 1.4))
    end = size[0] - 12.0
    painter.drawLine(QPointF(end - length, y - LEGEND_PX + 6), QPointF(end, y - LEGEND_PX + 6))
    words = QRectF(end - length - 46, y - LEGEND_PX - 2, 42, 16)
    painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "1 cm")
