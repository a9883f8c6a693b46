"""The part of the mode Afterwards that draws the ablation zone: grown from a click, corrected by a brush."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.pieces import dim_label, heading, show
from planner.session.actions import Workbench
from planner.session.brushing import Brush
from planner.session.scan_pairs import NextClick

NOTE = (
    "Grown from gray values like those around the click, within the liver. What is imported as a structure"
    " with the role ablation zone is judged as well."
)


class ZonePart(QWidget):
    """Growing, brushing and taking the zone.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    trouble = Signal(object)
    take_asked = Signal()

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("Ablation zone"))
        line = _line()
        self.grow = QPushButton("Grow from a click")
        self.grow.setObjectName("growZone")
        self.grow.setProperty("primary", True)
        self.grow.clicked.connect(lambda _checked: self.bench.following.wait_for(NextClick.ZONE))
        line.addWidget(self.grow)
        line.addStretch(1)
        column.addLayout(line)
        note = dim_label(NOTE, wraps=True)
        note.setContentsMargins(14, 0, 14, 4)
        column.addWidget(note)
        column.addWidget(heading("Brush"))
        column.addLayout(self._brush_line())
        self._words = QLabel()
        self._words.setObjectName("zoneWords")
        self._words.setWordWrap(True)
        self._words.setContentsMargins(14, 4, 14, 4)
        column.addWidget(self._words)
        line = _line()
        self.take, self.throw = QPushButton("Take as structure"), QPushButton("Throw away")
        self.take.setObjectName("takeZone")
        self.take.setProperty("primary", True)
        self.throw.setObjectName("discardZone")
        self.take.clicked.connect(lambda _checked: self.take_asked.emit())
        self.throw.clicked.connect(lambda _checked: self.bench.brushing.clear())
        for button in (self.take, self.throw):
            line.addWidget(button)
        line.addStretch(1)
        column.addLayout(line)
        line = _line()
        self.edit = QPushButton("Correct the taken zone")
        self.edit.setObjectName("editZone")
        self.edit.clicked.connect(lambda _checked: self._edit())
        line.addWidget(self.edit)
        line.addStretch(1)
        column.addLayout(line)
        column.addStretch(1)

    def _brush_line(self) -> QHBoxLayout:
        line = _line()
        self._brushes = QButtonGroup(self)
        self._brushes.setExclusive(False)
        self.brushes: dict[Brush, QPushButton] = {}
        for brush, words in ((Brush.ADD, "Add"), (Brush.ERASE, "Erase")):
            button = QPushButton(words)
            button.setObjectName(f"brush_{brush}")
            button.setCheckable(True)
            button.clicked.connect(lambda is_on, b=brush: self._choose(b, is_on))
            self.brushes[brush] = button
            line.addWidget(button)
        self.radius = QDoubleSpinBox()
        self.radius.setObjectName("brushRadius")
        self.radius.setAccessibleName("Radius of the brush")
        self.radius.setToolTip("Radius of the brush, a ball")
        self.radius.setRange(1.0, 30.0)
        self.radius.setDecimals(0)
        self.radius.setSuffix(" mm")
        self.radius.valueChanged.connect(self.bench.brushing.set_radius)
        line.addWidget(self.radius)
        self.undo = QPushButton("Undo stroke")
        self.undo.setObjectName("undoStroke")
        self.undo.setProperty("compact", True)
        self.undo.clicked.connect(lambda _checked: self.bench.brushing.undo_stroke())
        line.addWidget(self.undo)
        line.addStretch(1)
        return line

    def refresh(self) -> None:
        """Show what is drawn, and say why not what cannot be done."""
        brushing = self.bench.brushing
        why = brushing.why_not()
        _allow(self.grow, why, "Click into the zone; the other scan is shown alone until then")
        for brush, button in self.brushes.items():
            _allow(button, why, "Drag with the left button in a slice")
            button.setChecked(brushing.brush == brush)
        self.radius.setEnabled(not why)
        with QSignalBlocker(self.radius):
            self.radius.setValue(brushing.radius_mm)
        _allow(self.undo, "" if brushing.has_strokes else "There is no stroke to take back.")
        nothing = "There is no zone yet: grow or draw it." if brushing.is_empty else ""
        for button in (self.take, self.throw):
            _allow(button, nothing)
        self._words.setText("" if nothing else f"{brushing.volume_ml:.1f} ml, {brushing.origin}")
        show(self._words, not nothing)
        zone = self.bench.achieving.zone
        _allow(self.edit, why or ("" if zone else "No zone was taken yet."))
        self.edit.setText(f"Correct '{zone}' again" if zone else "Correct the taken zone")

    def _choose(self, brush: Brush, is_on: bool) -> None:
        self.bench.brushing.choose_brush(brush if is_on else Brush.OFF)

    def _edit(self) -> None:
        try:
            self.bench.brushing.edit(self.bench.achieving.zone)
        except PlannerError as error:
            self.trouble.emit(error)


def _line() -> QHBoxLayout:
    line = QHBoxLayout()
    line.setContentsMargins(12, 2, 12, 2)
    return line


def _allow(button: QPushButton, why_not: str, tip: str = "") -> None:
    button.setEnabled(not why_not)
    button.setToolTip(why_not or tip)
