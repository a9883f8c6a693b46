"""Dose over volume in the panel; the mouse asks which share receives at least a dose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QFont, QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from planner.desktop.pieces import show
from planner.desktop.theme import SMALL_PX, shown_theme
from planner.model.assessment import Curve

if TYPE_CHECKING:
    from planner.scene.dose_volume_picture import DoseVolumeFrame, DoseVolumeLine

PLOT_PX = 136
OLD, HINT = "out of date", "point at a dose"


class DoseVolumeChart(QWidget):
    """Cumulative curves of a lesion and of normal liver: predicted solid, delivered dashed."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("doseVolumeChart")
        self.setAccessibleName("Dose over volume")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.lines: tuple[DoseVolumeLine, ...] = ()
        self.is_old = False
        self.at_gy: float | None = None
        self._key: object = None
        self.hide()

    def sizeHint(self) -> QSize:
        """The curves, their axis, and a row for each structure."""
        line = self._small_font_height()
        return QSize(200, PLOT_PX + round(2.4 * line) + 12 + round((len(self.lines) + 1) * (line + 3.0)))

    def show_curves(self, curves: tuple[Curve, ...], lesion: str, is_old: bool) -> None:
        """Show an answer's curves of a lesion and of normal liver; hidden where there are none."""
        key = (curves, lesion, is_old)
        if key == self._key:
            return
        self._key = key
        # The first curve of an answer without one costs nothing: drawing is loaded where there is one.
        if any(c.name.startswith("dose_volume") for c in curves):
            from planner.scene.dose_volume_picture import dose_volume_lines

            self.lines = dose_volume_lines(curves, lesion)
        else:
            self.lines = ()
        self.is_old = is_old
        self.updateGeometry()
        show(self, bool(self.lines))
        self.update()

    @property
    def frame(self) -> DoseVolumeFrame:
        """Where doses and shares lie."""
        from planner.scene.dose_volume_picture import DoseVolumeFrame

        return DoseVolumeFrame.of(self.lines, (self.width(), self.height()), float(self._small_font_height()))

    def percents(self, dose_gy: float) -> dict[tuple[str, str], float]:
        """By title and kind of dose the share that receives at least a dose, %."""
        from planner.scene.dose_volume_picture import percent_at

        pairs = (
            (line.title, kind, curve)
            for line in self.lines
            for kind, curve in (("predicted", line.predicted), ("delivered", line.delivered))
        )
        return {(title, kind): percent_at(c, dose_gy) for title, kind, c in pairs if c is not None}

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read the curves at the dose under the mouse."""
        at = self.frame.dose_under(event.position().x()) if self.lines and not self.is_old else None
        if at != self.at_gy:
            self.at_gy = at
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is read any more."""
        self.at_gy = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint curves and legend."""
        if not self.lines:
            return
        from planner.scene.dose_volume_picture import paint_dose_volume

        painter = QPainter(self)
        painter.setFont(self._small_font())
        at = None if self.is_old else self.at_gy
        hint, old = ("", OLD) if self.is_old else (HINT, "")
        paint_dose_volume(painter, (self.width(), self.height()), self.lines, shown_theme(), at, hint, old)

    def _small_font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        return font

    def _small_font_height(self) -> int:
        return QFontMetrics(self._small_font()).height()
