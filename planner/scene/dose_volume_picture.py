"""Dose over volume, drawn: which share of a lesion and of the normal liver receives at least each dose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from planner.model.assessment import Curve
from planner.scene.palette import LIGHT, Theme

#: Names of the curves in an answer, and subjects of normal liver with the words shown.
PREDICTED_CURVE, DELIVERED_CURVE = "dose_volume", "dose_volume_delivered"
NORMAL = {
    "perfused normal liver": "Perfused normal liver",
    "whole normal liver": "Whole normal liver",
}
#: On a dark ground and on paper: a lesion, perfused normal liver, whole normal liver.
_DARK_COLORS = ("#f0e442", "#c98d76", "#dfe4e8")
_LIGHT_COLORS = ("#857600", "#9a6a58", "#56616b")
#: A curve is shown as far as so much of a volume receives the dose, %.
LEAST_PERCENT = 0.5
RIGHT_PX, TOP_PX, SAMPLE_PX, GAP_PX = 12.0, 6.0, 22.0, 8.0
#: Room for the scale, in heights of a line of text.
LEFT_LINES = 2.8
_PERCENTS = (0, 25, 50, 75, 100)


@dataclass(frozen=True, eq=False)
class DoseVolumeLine:
    """One structure: its curves of predicted and delivered dose, where there are such.

    Parameters
    ----------
    title
        As shown.
    kind
        0 a lesion, 1 perfused normal liver, 2 whole normal liver; decides the colour.
    predicted, delivered
        Percent of the volume over Gy.
    """

    title: str
    kind: int
    predicted: Curve | None
    delivered: Curve | None

    @property
    def curves(self) -> tuple[Curve, ...]:
        """Those that there are."""
        return tuple(c for c in (self.predicted, self.delivered) if c is not None)

    def color(self, theme: Theme) -> str:
        """On a theme's ground."""
        return (_LIGHT_COLORS if theme is LIGHT else _DARK_COLORS)[self.kind]


def dose_volume_lines(curves: Sequence[Curve], lesion: str) -> tuple[DoseVolumeLine, ...]:
    """What is drawn of an answer's curves: a lesion and the normal liver."""
    by_name = {(c.name, c.subject): c for c in curves}
    found = []
    for kind, (subject, title) in enumerate(((lesion, lesion), *NORMAL.items())):
        predicted = by_name.get((PREDICTED_CURVE, subject))
        delivered = by_name.get((DELIVERED_CURVE, subject))
        if predicted is not None or delivered is not None:
            found.append(DoseVolumeLine(title, kind, predicted, delivered))
    return tuple(found)


def percent_at(curve: Curve, dose_gy: float) -> float:
    """Share of the volume that receives at least a dose, %."""
    return float(np.interp(dose_gy, curve.x, curve.y, right=0.0))


@dataclass(frozen=True)
class DoseVolumeFrame:
    """Where doses and shares lie in a picture.

    Parameters
    ----------
    area
        Of the curves, in pixels.
    most_gy, step_gy
        The dose at the right edge, and from one tick to the next.
    """

    area: QRectF
    most_gy: float
    step_gy: float

    @classmethod
    def of(
        cls, lines: Sequence[DoseVolumeLine], size: tuple[float, float], line_px: float
    ) -> DoseVolumeFrame:
        """All of the curves in a picture of a size, with lines of text of a height in pixels."""
        width, height = size
        top, below = TOP_PX + 1.4 * line_px, line_px + 6.0 + table_px(lines, line_px)
        left = LEFT_LINES * line_px
        area = QRectF(left, top, width - left - RIGHT_PX, height - top - below)
        most = max((_reach_gy(c) for line in lines for c in line.curves), default=1.0)
        step = _round_step(most / 5.0)
        return cls(area, step * max(1, math.ceil(most / step - 1e-9)), step)

    def x(self, dose_gy: float) -> float:
        """Pixel of a dose."""
        return self.area.left() + self.area.width() * dose_gy / self.most_gy

    def y(self, percent: float) -> float:
        """Pixel of a share; up is more."""
        return self.area.bottom() - self.area.height() * percent / 100.0

    def dose_under(self, x: float) -> float | None:
        """The dose at a pixel; None beside the curves."""
        if not self.area.left() <= x <= self.area.right():
            return None
        return (x - self.area.left()) / self.area.width() * self.most_gy

    def polygon(self, curve: Curve) -> QPolygonF:
        """A curve's points, as far as the picture goes."""
        doses, shares = curve.x, curve.y
        kept = doses <= self.most_gy
        doses = np.append(doses[kept], min(float(doses[-1]), self.most_gy))
        shares = np.append(shares[kept], 0.0 if kept.all() else percent_at(curve, self.most_gy))
        places = zip(doses.tolist(), shares.tolist(), strict=True)
        return QPolygonF([QPointF(self.x(d), self.y(s)) for d, s in places])


def table_px(lines: Sequence[DoseVolumeLine], line_px: float) -> float:
    """Height of the words below the curves."""
    return (len(lines) + 1) * (line_px + 3.0) + 4.0


def paint_dose_volume(
    painter: QPainter,
    size: tuple[float, float],
    lines: Sequence[DoseVolumeLine],
    theme: Theme,
    at_gy: float | None = None,
    hint: str = "",
    old_words: str = "",
) -> None:
    """Paint curves and their legend into a picture of a size, in the painter's font.

    Parameters
    ----------
    at_gy
        The dose whose shares are said.
    hint
        Said while there is none.
    old_words
        Why the curves are not of the plan as it is: all is grey then; empty where they are.
    """
    if not lines:
        return
    line_px = float(painter.fontMetrics().height())
    frame = DoseVolumeFrame.of(lines, size, line_px)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint_axes(painter, frame, theme, old_words)
    for line in reversed(lines):
        color = QColor(theme.disabled if old_words else line.color(theme))
        for curve in line.curves:
            _paint_curve(painter, frame, curve, _pen(color, curve is line.delivered))
    if at_gy is not None:
        _paint_pointer(painter, frame, lines, theme, at_gy)
    said = hint if at_gy is None else f"at least {at_gy:.0f} Gy"
    _paint_table(painter, frame, lines, theme, at_gy, said, bool(old_words))
    painter.restore()


def _pen(color: QColor, is_dashed: bool) -> QPen:
    pen = QPen(color, 1.8)
    if is_dashed:
        pen.setDashPattern([3.0, 2.0])
    return pen


def _paint_curve(painter: QPainter, frame: DoseVolumeFrame, curve: Curve, pen: QPen) -> None:
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(frame.polygon(curve))


def _paint_axes(painter: QPainter, frame: DoseVolumeFrame, theme: Theme, old_words: str) -> None:
    area, metrics = frame.area, painter.fontMetrics()
    dim = QColor(theme.dim)
    for percent in _PERCENTS:
        y = frame.y(percent)
        painter.setPen(QPen(QColor(theme.line), 1.0))
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        if percent % 50 == 0:
            painter.setPen(dim)
            words = f"{percent}"
            painter.drawText(
                QPointF(area.left() - 6 - metrics.horizontalAdvance(words), y + 0.35 * metrics.ascent()),
                words,
            )
    count = round(frame.most_gy / frame.step_gy)
    for n in range(count + 1):
        x = frame.x(n * frame.step_gy)
        painter.setPen(QPen(QColor(theme.line), 1.0))
        painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
        painter.setPen(dim)
        words = f"{n * frame.step_gy:g}" + (" Gy" if n == count else "")
        width = metrics.horizontalAdvance(words)
        at = min(x - metrics.horizontalAdvance(f"{n * frame.step_gy:g}") / 2, area.right() + RIGHT_PX - width)
        painter.drawText(QPointF(at, area.bottom() + 4 + metrics.ascent()), words)
    painter.setPen(dim)
    painter.drawText(QPointF(2.0, TOP_PX + metrics.ascent()), "% of volume")
    if old_words:
        width = metrics.horizontalAdvance(old_words)
        painter.drawText(QPointF(area.right() + RIGHT_PX - width, TOP_PX + metrics.ascent()), old_words)


def _paint_pointer(
    painter: QPainter, frame: DoseVolumeFrame, lines: Sequence[DoseVolumeLine], theme: Theme, at_gy: float
) -> None:
    x = frame.x(at_gy)
    painter.setPen(QPen(QColor(theme.dim), 1.0))
    painter.drawLine(QPointF(x, frame.area.top()), QPointF(x, frame.area.bottom()))
    painter.setPen(Qt.PenStyle.NoPen)
    for line in lines:
        painter.setBrush(QColor(line.color(theme)))
        for curve in line.curves:
            painter.drawEllipse(QPointF(x, frame.y(percent_at(curve, at_gy))), 3.0, 3.0)


def _paint_table(
    painter: QPainter,
    frame: DoseVolumeFrame,
    lines: Sequence[DoseVolumeLine],
    theme: Theme,
    at_gy: float | None,
    said: str,
    is_old: bool,
) -> None:
    """Names with their colours; how predicted and delivered are drawn; the shares under the mouse."""
    metrics = painter.fontMetrics()
    row_px = metrics.height() + 3.0
    base = frame.area.bottom() + metrics.height() + 10.0 + metrics.ascent()
    columns = _columns(painter, frame, lines)
    painter.setPen(QColor(theme.dim))
    painter.drawText(QPointF(2.0, base), said)
    for word, right, is_dashed in columns:
        left = right - metrics.horizontalAdvance(word)
        painter.setPen(QColor(theme.dim))
        painter.drawText(QPointF(left, base), word)
        y = base - 0.35 * metrics.ascent()
        painter.setPen(_pen(QColor(theme.dim), is_dashed))
        painter.drawLine(QPointF(left - SAMPLE_PX - 5, y), QPointF(left - 5, y))
    for number, line in enumerate(lines, start=1):
        y = base + number * row_px
        color = QColor(theme.disabled if is_old else line.color(theme))
        painter.fillRect(QRectF(2.0, y - metrics.capHeight(), 8.0, 8.0), color)
        painter.setPen(QColor(theme.dim if is_old else theme.text))
        painter.drawText(QPointF(16.0, y), line.title)
        for _, right, is_dashed in columns:
            curve = line.delivered if is_dashed else line.predicted
            if at_gy is not None and curve is not None:
                words = _percent_words(percent_at(curve, at_gy))
                painter.drawText(QPointF(right - metrics.horizontalAdvance(words), y), words)


def _columns(
    painter: QPainter, frame: DoseVolumeFrame, lines: Sequence[DoseVolumeLine]
) -> list[tuple[str, float, bool]]:
    """Word, right edge and dash of a column for each kind of curve there is."""
    kinds = []
    if any(line.predicted is not None for line in lines):
        kinds.append(("predicted", False))
    if any(line.delivered is not None for line in lines):
        kinds.append(("delivered", True))
    right, found = frame.area.right() + RIGHT_PX - 2.0, []
    for word, is_dashed in reversed(kinds):
        found.append((word, right, is_dashed))
        right -= painter.fontMetrics().horizontalAdvance(word) + SAMPLE_PX + 5 + GAP_PX
    return found[::-1]


def _percent_words(percent: float) -> str:
    """A share just short of a whole is never rounded up to it."""
    if 0 < percent < 1 or 99 < percent < 100:
        return f"{min(percent, 99.9) if percent > 50 else max(percent, 0.1):.1f} %"
    return f"{percent:.0f} %"


def _reach_gy(curve: Curve) -> float:
    """The dose up to which a curve is worth showing."""
    shown = np.flatnonzero(curve.y >= LEAST_PERCENT)
    last = min(int(shown[-1]) + 1 if len(shown) else 0, len(curve.x) - 1)
    return float(curve.x[last])


def _round_step(about: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that is no smaller than asked for."""
    power = 10.0 ** math.floor(math.log10(max(about, 1e-6)))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= about * (1 - 1e-9))
