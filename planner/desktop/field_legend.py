"""Legends of what is laid over the slices: V/cm with the lines of the thresholds, degrees with isotherms."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from planner.desktop.theme import SMALL_PX, shown_theme
from planner.scene.field_overlay import ELECTRIC, ELECTRIC_LINES, ELECTRIC_UNIT
from planner.scene.heat_overlay import COLD, COLD_LINES, HEAT, HOT_LINES

HEIGHT_PX = 40


class FieldLegend(QWidget):
    """A bar of the colours with the drawn thresholds as ticks."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fieldLegend")
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        levels = ", ".join(f"{level:g}" for level, _ in ELECTRIC_LINES)
        self.setToolTip(
            f"Lines at {levels} {ELECTRIC_UNIT}: 700 counts in liver, 800 in tumour; 500 and 600 are dimmed"
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bar, its ticks and its words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        painter.setFont(font)
        bar = QRectF(14, 4, self.width() - 76, 12)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for value, color in ELECTRIC:
            gradient.setColorAt(_share(value), QColor(color))
        painter.fillRect(bar, gradient)
        for level, color in ELECTRIC_LINES:
            x = bar.left() + bar.width() * _share(level)
            painter.setPen(QPen(QColor(color), 2.0))
            painter.drawLine(QPointF(x, bar.top() - 2), QPointF(x, bar.bottom() + 3))
            painter.setPen(QColor(shown_theme().dim))
            painter.drawText(
                QRectF(x - 16, bar.bottom() + 4, 32, 16), Qt.AlignmentFlag.AlignHCenter, f"{level:g}"
            )
        painter.setPen(QColor(shown_theme().dim))
        unit = QRectF(bar.right() + 8, 1, 60, 18)
        painter.drawText(unit, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, ELECTRIC_UNIT)


class DegreeLegend(QWidget):
    """The colours of temperatures and the isotherms drawn."""

    def __init__(self) -> None:
        super().__init__()
        self._is_cold = False
        self.setFixedHeight(30)
        self.setAccessibleName("Colours of temperatures")

    def show_scale(self, is_freezing: bool) -> None:
        """Show the scale of heat or of cold."""
        if is_freezing != self._is_cold:
            self._is_cold = is_freezing
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Colour steps with their degrees; degrees that are drawn as lines stand in the text's colour."""
        painter = QPainter(self)
        scale, lines = (COLD, COLD_LINES) if self._is_cold else (HEAT, HOT_LINES)
        font = painter.font()
        font.setPixelSize(SMALL_PX - 1)
        painter.setFont(font)
        area = self.contentsRect()
        width = area.width() / len(scale)
        for n, (degrees, color) in enumerate(scale):
            left = area.left() + n * width
            painter.fillRect(QRectF(left, 2, width, 9), QColor(color))
            painter.setPen(QColor(shown_theme().text if degrees in lines else shown_theme().dim))
            words = f"{degrees:.0f}" + (" °C" if n == len(scale) - 1 else "")
            painter.drawText(QRectF(left, 13, width, 16), Qt.AlignmentFlag.AlignLeft, words)


def _share(v_per_cm: float) -> float:
    """Where a strength lies in the bar: its colours stand evenly, so that the thresholds have room."""
    stops = [value for value, _ in ELECTRIC]
    upper = next((n for n, value in enumerate(stops) if value >= v_per_cm), len(stops) - 1)
    if upper == 0:
        return 0.0
    low, high = stops[upper - 1], stops[upper]
    return (upper - 1 + min(1.0, (v_per_cm - low) / (high - low))) / (len(stops) - 1)
