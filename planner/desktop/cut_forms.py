"""What a resection is made of and changed by: segments as chips, an excision around a lesion, the chosen cut's choices."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import dim_label, link_button, put_number, show
from planner.model.resection import MarginCut, PatchCut, PlaneCut
from planner.session.actions import Workbench
from planner.session.resecting import MARGIN_MM

#: To whom the caudate lobe and the middle hepatic vein go: field value and words.
GIVEN = (("", "as cut"), ("remnant", "remnant"), ("specimen", "specimen"))


class SegmentChips(QWidget):
    """A button a segment, down where it is taken, and the operations by their names."""

    segments_asked = Signal()

    def __init__(self, bench: Workbench, do: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        from planner.planning.operations import SEGMENTS

        self.bench, self._do = bench, do
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 2, 12, 2)
        column.setSpacing(4)
        line = QHBoxLayout()
        line.setSpacing(3)
        line.addWidget(dim_label("Segments"))
        self.chips: dict[int, QPushButton] = {}
        for number in SEGMENTS:
            chip = QPushButton(str(number))
            chip.setObjectName(f"segment_{number}")
            chip.setProperty("chip", True)
            chip.setCheckable(True)
            chip.setFixedWidth(28)
            chip.setToolTip(f"Take segment {number}" + (" (caudate lobe)" if number == 1 else ""))
            chip.clicked.connect(lambda _checked: self._take())
            self.chips[number] = chip
            line.addWidget(chip)
        line.addStretch(1)
        column.addLayout(line)
        self._missing = QHBoxLayout()
        self._words = dim_label("Segments are not outlined.")
        self.make = link_button("Make them", "From the vessels of the liver: the mode Vessels shows how")
        self.make.setObjectName("makeSegments")
        self.make.clicked.connect(lambda _checked: self.segments_asked.emit())
        self._missing.addWidget(self._words)
        self._missing.addWidget(self.make)
        self._missing.addStretch(1)
        column.addLayout(self._missing)

    def refresh(self) -> None:
        """Show what can be taken, and what is."""
        outlined, taken = self.bench.resecting.outlined_segments, self.bench.resecting.taken_segments
        for number, chip in self.chips.items():
            chip.setEnabled(number in outlined)
            chip.setChecked(number in taken)
        for widget in (self._words, self.make):
            show(widget, not outlined and self.bench.resecting.has_liver)

    def _take(self) -> None:
        chosen = [n for n, chip in self.chips.items() if chip.isChecked()]
        self._do(lambda: self.bench.resecting.take_segments(chosen))


class AroundForm(QWidget):
    """An excision around the selected lesion."""

    def __init__(self, bench: Workbench, do: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self.bench, self._do = bench, do
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 2, 12, 2)
        line.setSpacing(6)
        self.button = QPushButton("Around lesion")
        self.button.setObjectName("takeAround")
        self.button.setProperty("compact", True)
        self.button.clicked.connect(lambda _checked: self._take())
        self.margin = margin_spin("aroundMargin")
        self.wedge = QCheckBox("to the capsule")
        self.wedge.setObjectName("aroundWedge")
        self.wedge.setToolTip(
            "A wedge: takes what lies between the lesion and the capsule too, the shortest way"
        )
        self.wedge.setChecked(True)
        line.addWidget(self.button)
        line.addWidget(self.margin)
        line.addWidget(self.wedge)
        line.addStretch(1)

    def refresh(self) -> None:
        """Name the lesion it would go around."""
        lesion = self.bench.session.selection.lesion
        self.button.setEnabled(bool(lesion) and self.bench.resecting.has_liver)
        self.button.setToolTip(f"Take {lesion} with a margin" if lesion else "Select a lesion first")

    def _take(self) -> None:
        self._do(lambda: self.bench.resecting.take_around(self.margin.value(), self.wedge.isChecked()))


class ChosenForm(QWidget):
    """What can be changed of the chosen resection."""

    aside_asked = Signal(bool)

    def __init__(self, bench: Workbench, do: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self.bench, self._do = bench, do
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(2)
        line = QHBoxLayout()
        line.setContentsMargins(12, 0, 12, 0)
        line.setSpacing(6)
        self.turn = QPushButton("Other side")
        self.turn.setObjectName("turnCut")
        self.turn.setToolTip("Take what now remains, and leave what is now taken")
        self.turn.clicked.connect(lambda _checked: self._do(bench.resecting.turn))
        self.bend = QPushButton("Bend")
        self.bend.setObjectName("bendCut")
        self.bend.setToolTip("Make it a surface with points one can drag")
        self.bend.clicked.connect(lambda _checked: self._do(bench.resecting.bend))
        self.aside = QPushButton("Move aside")
        self.aside.setObjectName("moveAside")
        self.aside.setCheckable(True)
        self.aside.setToolTip("Show the resected part beside the remnant in 3D")
        self.aside.clicked.connect(self.aside_asked)
        self.delete = QPushButton("Delete")
        self.delete.setObjectName("deleteResection")
        self.delete.clicked.connect(lambda _checked: self._do(bench.resecting.delete))
        for button in (self.turn, self.bend, self.aside, self.delete):
            button.setProperty("compact", True)
            line.addWidget(button)
        line.addStretch(1)
        column.addLayout(line)
        form = QFormLayout()
        form.setContentsMargins(14, 2, 14, 2)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.margin = margin_spin("chosenMargin")
        self.margin.valueChanged.connect(lambda _v: self._set_margin())
        self.wedge = QCheckBox("to the capsule")
        self.wedge.setObjectName("chosenWedge")
        self.wedge.toggled.connect(lambda _on: self._set_margin())
        around = QHBoxLayout()
        around.addWidget(self.margin)
        around.addWidget(self.wedge)
        around.addStretch(1)
        self._margin_label = dim_label("Margin")
        form.addRow(self._margin_label, around)
        self.given: dict[str, QComboBox] = {}
        for field, words in (("caudate", "Caudate"), ("middle_hepatic_vein", "Middle vein")):
            box = QComboBox()
            box.setObjectName(f"give_{field}")
            box.setAccessibleName(words)
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            for value, title in GIVEN:
                box.addItem(title, value)
            box.activated.connect(
                lambda _n, f=field, b=box: self._do(lambda: bench.resecting.give(f, str(b.currentData())))
            )
            self.given[field] = box
        pair = QHBoxLayout()
        pair.addWidget(self.given["caudate"], 1)
        pair.addWidget(dim_label("Middle vein"))
        pair.addWidget(self.given["middle_hepatic_vein"], 1)
        form.addRow(dim_label("Caudate"), pair)
        column.addLayout(form)

    def refresh(self) -> None:
        """Show the chosen resection's choices."""
        chosen = self.bench.resecting.chosen
        show(self, chosen is not None)
        if chosen is None:
            return
        cut = chosen.surface
        self.turn.setEnabled(isinstance(cut, PlaneCut | PatchCut))
        self.bend.setEnabled(not isinstance(cut, PatchCut))
        is_margin = isinstance(cut, MarginCut)
        for widget in (self._margin_label, self.margin, self.wedge):
            show(widget, is_margin)
        if isinstance(cut, MarginCut):
            put_number(self.margin, cut.margin_mm)
            self.wedge.blockSignals(True)
            self.wedge.setChecked(cut.is_wedge)
            self.wedge.blockSignals(False)
        for name, box in self.given.items():
            box.setCurrentIndex(box.findData(getattr(chosen, name)))

    def _set_margin(self) -> None:
        chosen = self.bench.resecting.chosen
        if chosen is not None and isinstance(chosen.surface, MarginCut):
            self._do(lambda: self.bench.resecting.set_margin(self.margin.value(), self.wedge.isChecked()))


def margin_spin(name: str) -> QDoubleSpinBox:
    """A field for the margin of an excision."""
    field = QDoubleSpinBox()
    field.setObjectName(name)
    field.setRange(1.0, 40.0)
    field.setDecimals(0)
    field.setSuffix(" mm")
    field.setKeyboardTracking(False)
    field.setValue(MARGIN_MM)
    return field
