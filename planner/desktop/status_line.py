"""The bottom line: what is under the cursor, progress with cancel, and what this program is not."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from planner.desktop.pieces import link_button, show
from planner.desktop.theme import shown_theme
from planner.model.plan import Point


class ProgressLine(QWidget):
    """How far work is. Qt's own bar paints the whole window at each step, this one waits its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.fraction = 0.0
        self.setFixedWidth(150)
        self.setAccessibleName("Progress")

    def sizeHint(self) -> QSize:
        """A thin line."""
        return QSize(150, 6)

    def set_fraction(self, fraction: float) -> None:
        """Show a fraction in 0..1."""
        if fraction != self.fraction:
            self.fraction = fraction
            self.setAccessibleDescription(f"{fraction:.0%}")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A groove, and the part that is done."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(0, 0, 0, 0))
        top = (self.height() - 6) / 2
        for share, color in ((1.0, shown_theme().line), (self.fraction, shown_theme().focus)):
            painter.setBrush(QColor(color))
            painter.drawRoundedRect(QRectF(0, top, self.width() * share, 6), 3, 3)


class StatusLine(QWidget):
    """One line of status."""

    cancel_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusLine")
        self.setFixedHeight(28)
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 0, 12, 0)
        line.setSpacing(20)
        self.position, self.value, self.place, self.work = QLabel(), QLabel(), QLabel(), QLabel()
        self.bar = ProgressLine()
        self.cancel: QPushButton = link_button("Cancel", "Stop what runs; nothing is changed")
        self.cancel.setObjectName("cancelButton")
        self.cancel.clicked.connect(self.cancel_asked)
        for label in (self.position, self.value, self.place):
            line.addWidget(label)
        line.addStretch(1)
        for widget in (self.work, self.bar, self.cancel):
            line.addWidget(widget)
        line.addWidget(QLabel("Not for clinical use"))
        self.idle()

    def show_point(self, lps_mm: Point, value: str, place: str) -> None:
        """Say what is under the cursor."""
        self.position.setText(position_words(lps_mm))
        self.value.setText(value)
        self.place.setText(place)

    def forget_point(self) -> None:
        """Say of no point: what is shown has changed, and the cursor has not moved over it yet."""
        for label in (self.position, self.value, self.place):
            label.clear()

    def busy(self, fraction: float, text: str) -> None:
        """Show progress."""
        self.work.setText(text)
        self.bar.set_fraction(fraction)
        for widget in (self.bar, self.cancel):
            show(widget, True)

    def say(self, text: str) -> None:
        """Show a word without progress."""
        self.work.setText(text)
        for widget in (self.bar, self.cancel):
            show(widget, False)

    def idle(self) -> None:
        """Nothing runs."""
        self.say("")


def position_words(lps_mm: Point) -> str:
    """A point as radiologists read it: left or right, front or back, head or feet."""
    pairs = (("L", "R"), ("P", "A"), ("S", "I"))
    return (
        " · ".join(f"{p if v >= 0 else n} {abs(v):.1f}" for v, (p, n) in zip(lps_mm, pairs, strict=True))
        + " mm"
    )
