"""The future remnant over time: volumetries, the share that is needed, operations, and an estimate, dashed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from planner.planning.growth import Growth, GrowthPoint, ReachState
from planner.scene.palette import Theme

#: Day and words of an embolization or operation.
Step = tuple[str, str]

#: Room for the scale, the days, and the words above.
LEFT_PX, BOTTOM_PX, TOP_PX, RIGHT_PX = 40.0, 20.0, 34.0, 14.0
DOT_PX, LABEL_GAP_PX = 3.5, 7.0
#: Where all is of one day, so much is shown before and after it.
ALONE_DAYS = 14
#: Days from one tick to the next, and rows of the words above.
TICK_DAYS = (1, 2, 7, 14, 28, 56, 91, 182, 365, 730, 1826, 3652)
LABEL_PX, ROWS = 70.0, 2


@dataclass(frozen=True)
class TimelineFrame:
    """Where days and shares lie in a picture.

    Parameters
    ----------
    area
        Of the curve, in pixels.
    first, last
        The days at its left and right edge.
    low, high
        The values at its lower and upper edge.
    unit
        ``%`` of the standard liver, or ``ml`` where shares are unknown.
    """

    area: QRectF
    first: date
    last: date
    low: float
    high: float
    unit: str

    @classmethod
    def of(cls, growth: Growth, steps: Sequence[Step], size: tuple[float, float]) -> TimelineFrame:
        """All that is known in a picture of a size; there is a volumetry or a step at least."""
        days = [p.entry.date for p in growth.points] + [day for day, _ in steps]
        if growth.reach.state == ReachState.ESTIMATED:
            days.append(growth.reach.date)
        first, last = (date.fromisoformat(pick(days)) for pick in (min, max))
        pad = max(1, round(0.05 * (last - first).days)) if last > first else ALONE_DAYS
        first = date.fromordinal(max(date.min.toordinal(), first.toordinal() - pad))
        last = date.fromordinal(min(date.max.toordinal(), last.toordinal() + pad))
        unit = "ml" if growth.standard.volume_ml is None else "%"
        values = [v for p in growth.points if (v := value_of(p, unit)) is not None]
        if unit == "%" and growth.needed.percent is not None:
            values.append(growth.needed.percent)
        values = values or [0.0, 40.0 if unit == "%" else 1000.0]
        spread = max(max(values) - min(values), 0.1 * max(values))
        step = _round_step(spread / 3.0)
        low = max(0.0, step * math.floor((min(values) - 0.15 * spread) / step))
        high = step * math.ceil((max(values) + 0.25 * spread) / step)
        width, height = size
        area = QRectF(LEFT_PX, TOP_PX, width - LEFT_PX - RIGHT_PX, height - TOP_PX - BOTTOM_PX)
        return cls(area, first, last, low, high, unit)

    def x(self, day: str) -> float:
        """Pixel of a day."""
        share = (date.fromisoformat(day) - self.first).days / (self.last - self.first).days
        return self.area.left() + share * self.area.width()

    def y(self, value: float) -> float:
        """Pixel of a value; up is more."""
        return self.area.bottom() - (value - self.low) / (self.high - self.low) * self.area.height()

    @property
    def day_ticks(self) -> tuple[str, ...]:
        """Days that are written below, as many as there is room for."""
        span = (self.last - self.first).days
        most = max(1.0, self.area.width() / LABEL_PX)
        step = next((d for d in TICK_DAYS if span / d <= most), math.ceil(span / most))
        count = span // step + 1
        return tuple((self.first + timedelta(days=n * step)).isoformat() for n in range(count))

    @property
    def value_ticks(self) -> tuple[float, ...]:
        """Values that are written beside it."""
        step = _round_step((self.high - self.low) / 4.0)
        first = math.ceil(self.low / step - 1e-9)
        return tuple(n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1))


def value_of(point: GrowthPoint, unit: str) -> float | None:
    """What is drawn of a volumetry."""
    return point.entry.remnant_ml if unit == "ml" else point.standard_percent


def paint_growth(
    painter: QPainter, size: tuple[float, float], growth: Growth, steps: Sequence[Step], theme: Theme
) -> None:
    """Paint the timeline into a picture of a size in pixels, in the painter's font; nothing where nothing is known."""
    if not growth.points and not steps:
        return
    frame = TimelineFrame.of(growth, steps, size)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint_scale(painter, frame, theme)
    _paint_steps(painter, frame, steps, theme)
    if frame.unit == "%" and growth.needed.percent is not None:
        _paint_needed(painter, frame, growth, growth.needed.percent, theme)
    _paint_estimate(painter, frame, growth, theme)
    _paint_curve(painter, frame, growth, theme)
    painter.restore()


def _paint_scale(painter: QPainter, frame: TimelineFrame, theme: Theme) -> None:
    area, metrics = frame.area, painter.fontMetrics()
    for value in frame.value_ticks:
        y = frame.y(value)
        painter.setPen(QPen(QColor(theme.line), 1.0))
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(QColor(theme.dim))
        words = f"{value:g}"
        base = min(y + 0.35 * metrics.height(), area.bottom() - 1)  # the days stand below
        painter.drawText(QPointF(area.left() - 6 - metrics.horizontalAdvance(words), base), words)
    painter.setPen(QColor(theme.dim))
    unit = "% sFLR" if frame.unit == "%" else "ml"
    painter.drawText(QPointF(2.0, metrics.ascent() + 1.0), unit)
    for day in frame.day_ticks:
        x = frame.x(day)
        painter.setPen(QPen(QColor(theme.line), 1.0))
        painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
        painter.setPen(QColor(theme.dim))
        width = metrics.horizontalAdvance(day)
        at = min(max(x - width / 2, 0.0), area.right() + RIGHT_PX - width)
        painter.drawText(QPointF(at, area.bottom() + 4 + metrics.ascent()), day)


def _paint_steps(painter: QPainter, frame: TimelineFrame, steps: Sequence[Step], theme: Theme) -> None:
    metrics = painter.fontMetrics()
    ends = [-math.inf] * ROWS
    for day, words in steps:
        x, width = frame.x(day), metrics.horizontalAdvance(words)
        left = min(max(x - width / 2, LEFT_PX + 8), frame.area.right() + RIGHT_PX - width)
        row = next((n for n in reversed(range(ROWS)) if left > ends[n] + 4), 0)
        ends[row] = left + width
        base = frame.area.top() - 5 - (ROWS - 1 - row) * (metrics.height() - 1)
        painter.setPen(QPen(QColor(theme.dim), 1.0, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, base + 2), QPointF(x, frame.area.bottom()))
        painter.setPen(QColor(theme.text))
        painter.drawText(QPointF(left, base), words)


def _paint_needed(
    painter: QPainter, frame: TimelineFrame, growth: Growth, percent: float, theme: Theme
) -> None:
    y, area = frame.y(percent), frame.area
    painter.setPen(QPen(QColor(theme.text), 1.2))
    painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
    words = f"needed {percent:g} %"
    # On the side where the curve is farther from the line.
    ends = [growth.points[n].standard_percent or 0.0 for n in (0, -1)] if growth.points else [0.0, 0.0]
    is_left = abs(ends[0] - percent) > abs(ends[1] - percent)
    width = painter.fontMetrics().horizontalAdvance(words)
    painter.drawText(QPointF(area.left() + 4 if is_left else area.right() - width - 4, y - 4), words)


def _paint_estimate(painter: QPainter, frame: TimelineFrame, growth: Growth, theme: Theme) -> None:
    percent = growth.needed.percent
    if growth.reach.state != ReachState.ESTIMATED or percent is None:
        return
    newest = growth.points[-1]
    start = QPointF(frame.x(newest.entry.date), frame.y(newest.standard_percent or 0.0))
    end = QPointF(frame.x(growth.reach.date), frame.y(percent))
    painter.setPen(QPen(QColor(theme.focus), 1.4, Qt.PenStyle.DashLine))
    painter.drawLine(start, end)
    painter.setPen(QPen(QColor(theme.focus), 1.4))
    painter.setBrush(QColor(theme.background))
    painter.drawEllipse(end, DOT_PX, DOT_PX)
    words = f"about {growth.reach.date}"
    width = painter.fontMetrics().horizontalAdvance(words)
    left = min(end.x() - width / 2, frame.area.right() + RIGHT_PX - width)
    painter.drawText(QPointF(left, end.y() + LABEL_GAP_PX + painter.fontMetrics().ascent()), words)


def _paint_curve(painter: QPainter, frame: TimelineFrame, growth: Growth, theme: Theme) -> None:
    known = [(p.entry.date, v) for p in growth.points if (v := value_of(p, frame.unit)) is not None]
    places = [QPointF(frame.x(day), frame.y(value)) for day, value in known]
    painter.setPen(QPen(QColor(theme.focus), 2.0))
    painter.drawPolyline(places)
    painter.setBrush(QColor(theme.focus))
    metrics = painter.fontMetrics()
    needed = growth.needed.percent if frame.unit == "%" else None
    free_from = -math.inf
    for (_, value), at in zip(known, places, strict=True):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(at, DOT_PX, DOT_PX)
        words = f"{value:.1f}" if frame.unit == "%" else f"{value:.0f}"
        width = metrics.horizontalAdvance(words)
        left = min(at.x() - width / 2, frame.area.right() + RIGHT_PX - width)
        if left > free_from:  # where two lie close, the first keeps its number; the table has both
            painter.setPen(QColor(theme.text))
            base = at.y() - LABEL_GAP_PX
            if needed is not None and base - metrics.ascent() <= frame.y(needed) <= base + 2:
                base = at.y() + LABEL_GAP_PX + metrics.ascent()  # not across the line
            painter.drawText(QPointF(left, base), words)
            free_from = left + width + 2


def _round_step(about: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that is no smaller than asked for."""
    power = 10.0 ** math.floor(math.log10(max(about, 1e-6)))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= about * (1 - 1e-9))
