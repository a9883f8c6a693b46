"""The bottom line: what is under the cursor, progress with cancel, and what this program is not."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from planner.model.plan import Point


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
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(150)
        self.bar.setRange(0, 1000)
        self.cancel = QPushButton("Cancel")
        self.cancel.setProperty("link", True)
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

    def busy(self, fraction: float, text: str) -> None:
        """Show progress."""
        self.work.setText(text)
        self.bar.setValue(round(1000 * fraction))
        for widget in (self.bar, self.cancel):
            widget.setVisible(True)

    def say(self, text: str) -> None:
        """Show a word without progress."""
        self.work.setText(text)
        self.bar.setVisible(False)
        self.cancel.setVisible(False)

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
