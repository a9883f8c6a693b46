"""The legend of dose: its colours, with the isodose lines as ticks."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPen

from planner.scene.dose_overlay import DOSE_COLORS, DOSE_LEVELS, DOSE_UNIT
from planner.scene.palette import Theme

BAR_PX = 10.0


def paint_dose_legend(painter: QPainter, area: QRectF, theme: Theme) -> None:
    """Paint a bar with its numbers into an area of about three lines of the painter's font."""
    metrics = painter.fontMetrics()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    beside_px = metrics.horizontalAdvance(f"{DOSE_LEVELS[-1].value:g}") / 2 + 6.0
    unit_px = metrics.horizontalAdvance(DOSE_UNIT) + 2.0
    width = area.width() - 10.0 - beside_px - unit_px
    bar = QRectF(area.left() + 10.0, area.top() + 3.0, width, BAR_PX)
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    count = len(DOSE_LEVELS) - 1
    for n, color in enumerate(DOSE_COLORS):
        gradient.setColorAt(n / count, QColor(color))
    painter.fillRect(bar, gradient)
    painter.setPen(QPen(QColor(theme.dim), 0.6))
    painter.drawRect(bar)
    for n, level in enumerate(DOSE_LEVELS):
        x = bar.left() + bar.width() * n / count
        painter.setPen(QPen(QColor(theme.dim), 1.0))
        painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + 3.0))
        words = QRectF(x - 24.0, bar.bottom() + 4.0, 48.0, metrics.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignHCenter, f"{level.value:g}")
    unit = QRectF(bar.right() + beside_px, bar.bottom() + 4.0, unit_px, metrics.height())
    painter.drawText(unit, Qt.AlignmentFlag.AlignLeft, DOSE_UNIT)
    painter.restore()


def dose_levels_words() -> str:
    """What each line's dose is near to, for a tooltip."""
    lines = [f"{level.value:g} {DOSE_UNIT}: {level.source.split('; ', 1)[1]}" for level in DOSE_LEVELS]
    return "\n".join(("Lines for the eye, the same for every plan; they judge nothing.", *lines))
