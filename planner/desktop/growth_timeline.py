"""The timeline of the future remnant as a widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from planner.desktop.theme import SMALL_PX, shown_theme

if TYPE_CHECKING:
    from planner.planning.growth import Growth
    from planner.scene.growth_timeline import Step

HEIGHT_PX = 190


class GrowthTimeline(QWidget):
    """Paints what is known of a growing remnant."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("growthTimeline")
        self.setAccessibleName("The future remnant over time")
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._growth: Growth | None = None
        self._steps: tuple[Step, ...] = ()

    def show_growth(self, growth: Growth, steps: Sequence[Step]) -> None:
        """Show other numbers."""
        self._growth, self._steps = growth, tuple(steps)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the timeline."""
        painter = QPainter(self)
        theme = shown_theme()
        painter.fillRect(self.rect(), QColor(theme.background))
        if self._growth is None:
            return
        from planner.scene.growth_timeline import paint_growth

        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        painter.setFont(font)
        paint_growth(painter, (self.width(), self.height()), self._growth, self._steps, theme)
