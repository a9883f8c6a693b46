"""How the margin lies over a lesion's surface: shares by class, and the histogram."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from planner.desktop.pieces import show
from planner.desktop.theme import SMALL_PX, shown_theme
from planner.model.assessment import Curve, Metric
from planner.scene.palette import MARGIN_CLASSES, margin_color

#: Shares of the surface, in the order of `MARGIN_CLASSES`.
CLASS_METRICS = (
    "margin_below_0mm_percent",
    "margin_0_to_5mm_percent",
    "margin_5_to_10mm_percent",
    "margin_at_least_10mm_percent",
)
HISTOGRAM = "margin_histogram"
_BAR_TOP, _BAR_PX = 4.0, 9.0
_LEGEND_Y = 28.0
_CHART_TOP, _CHART_PX = 40.0, 46.0


class MarginChart(QWidget):
    """A bar of shares with its legend, and below it the histogram over millimetres.

    Parameters
    ----------
    histogram
        Name of the curve shown.
    """

    def __init__(self, histogram: str = HISTOGRAM) -> None:
        super().__init__()
        self._histogram = histogram
        self._shares: list[float] = []
        self._curve: Curve | None = None
        self.setAccessibleName("Margin over the lesion's surface")
        self.setObjectName("marginChart")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """The bar, its legend, and the histogram with its axis."""
        return QSize(200, round(self._chart_top + _CHART_PX + 16) if self._curve is not None else 34)

    @property
    def _chart_top(self) -> float:
        """Where the histogram begins: below the shares, where there are any."""
        return _CHART_TOP if self._shares else _BAR_TOP

    def show_margins(self, metrics: tuple[Metric, ...], curves: tuple[Curve, ...], lesion: str) -> None:
        """Show a lesion's margins; hidden where there are none."""
        values = {m.name: m.value for m in metrics if m.subject == lesion}
        shares = [values.get(name) for name in CLASS_METRICS]
        before = self.sizeHint()
        self._shares = [s or 0.0 for s in shares] if any(s is not None for s in shares) else []
        self._curve = next((c for c in curves if c.name == self._histogram and c.subject == lesion), None)
        if before != self.sizeHint():
            self.updateGeometry()
        show(self, bool(self._shares) or self._curve is not None)
        words = ", ".join(
            f"{label}: {s:.0f} %" for s, (_, _, label) in zip(self._shares, MARGIN_CLASSES, strict=False)
        )
        by_class = f"Lesion surface by margin in mm: {words}\n" if words else ""
        self.setToolTip(
            f"{by_class}Bars: share of the surface at each millimetre of margin; the outermost hold all beyond."
        )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bar, its legend and the histogram."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPixelSize(SMALL_PX)
        painter.setFont(font)
        if self._shares:
            self._paint_bar(painter)
            self._paint_legend(painter)
        if self._curve is not None:
            self._paint_histogram(painter, self._curve)

    def _paint_bar(self, painter: QPainter) -> None:
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(0, _BAR_TOP, self.width(), _BAR_PX), 3, 3)
        painter.setClipPath(clip)
        x, total = 0.0, max(sum(self._shares), 1e-9)
        for share, (_, color, _) in zip(self._shares, MARGIN_CLASSES, strict=True):
            width = self.width() * share / total
            painter.fillRect(QRectF(x, _BAR_TOP, width + 0.5, _BAR_PX), QColor(color))
            x += width
        painter.setClipping(False)

    def _paint_legend(self, painter: QPainter) -> None:
        x = 0.0
        painter.setPen(QColor(shown_theme().dim))
        for _, color, label in MARGIN_CLASSES:
            painter.fillRect(QRectF(x, _LEGEND_Y - 8, 8, 8), QColor(color))
            painter.drawText(QPointF(x + 12, _LEGEND_Y), label)
            x += 12 + painter.fontMetrics().horizontalAdvance(label) + 12

    def _paint_histogram(self, painter: QPainter, curve: Curve) -> None:
        edges, shares = curve.x, curve.y
        low, high = float(edges[0]), float(edges[-1])
        scale = self.width() / (high - low)
        highest = max(float(shares.max()), 1e-9)
        base = self._chart_top + _CHART_PX
        for left, right, share in zip(edges[:-1], edges[1:], shares, strict=True):
            height = _CHART_PX * float(share) / highest
            color = QColor(margin_color(0.5 * float(left + right)))
            painter.fillRect(
                QRectF((left - low) * scale + 0.5, base - height, (right - left) * scale - 1, height), color
            )
        painter.setPen(QPen(QColor(shown_theme().line), 1))
        painter.drawLine(QPointF(0, base + 0.5), QPointF(self.width(), base + 0.5))
        painter.setPen(QColor(shown_theme().dim))
        for tick in (-10, -5, 0, 5, 10, 15, 20):
            x = (tick - low) * scale
            painter.drawLine(QPointF(x, base), QPointF(x, base + 3))
            words = f"{tick} mm" if tick == 20 else f"{tick}".replace("-", "\u2212")
            width = painter.fontMetrics().horizontalAdvance(words)
            painter.drawText(QPointF(min(max(x - width / 2, 0.0), self.width() - width), base + 14), words)
