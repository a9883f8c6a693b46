"""The right panel of the mode Structures: mark a lesion, outline liver and skin."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from planner.base.errors import PlannerError
from planner.desktop.pieces import card, dim_label, heading, scrolled
from planner.session.actions import Workbench
from planner.session.outlining import Outline

_HINTS = {
    Outline.NONE: "",
    Outline.LESION_DIAMETERS: "Click both ends of the lesion's longest diameter. Esc stops.",
    Outline.LESION_GROWN: "Click in the middle of the lesion. Esc stops.",
    Outline.LIVER: "Click in the middle of the liver, off vessels. Esc stops.",
}


class StructuresPanel(QWidget):
    """Helpers for what has no mask yet.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    trouble = Signal(object)
    skin_asked = Signal()

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        body = QWidget()
        body.setObjectName("panelBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 4, 0, 10)
        column.setSpacing(4)
        self._buttons: dict[str, QPushButton] = {}
        for title, note, rows in (
            (
                "Mark a lesion",
                "Two diameters make an ellipsoid whose ends can be dragged. One click grows a region of like gray.",
                (("Two diameters", Outline.LESION_DIAMETERS), ("One click", Outline.LESION_GROWN)),
            ),
            (
                "Outline for paths",
                "Rough outlines by thresholds, for CT: good enough to judge a path, not to measure volumes.",
                (("Liver", Outline.LIVER), ("Skin", None)),
            ),
        ):
            column.addWidget(heading(title))
            line = QHBoxLayout()
            line.setContentsMargins(12, 2, 12, 2)
            for text, mode in rows:
                button = QPushButton(text)
                button.setObjectName(f"outline_{text.lower().replace(' ', '_')}")
                button.clicked.connect(lambda _checked, m=mode: self._start(m))
                self._buttons[text] = button
                line.addWidget(button)
            line.addStretch(1)
            column.addLayout(line)
            words = dim_label(note, wraps=True)
            words.setContentsMargins(14, 0, 14, 6)
            column.addWidget(words)
        self._hint = QLabel()
        self._hint.setWordWrap(True)
        self._hint.setContentsMargins(14, 4, 14, 4)
        column.addWidget(self._hint)
        column.addWidget(self._decision())
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(body))
        bench.outlining.changed.connect(self.refresh)
        self.refresh()

    def _decision(self) -> QWidget:
        self._card, layout = card()
        self._what = QLabel()
        self._what.setWordWrap(True)
        layout.addWidget(self._what)
        line = QHBoxLayout()
        self._short = QDoubleSpinBox()
        self._short.setObjectName("shortDiameter")
        self._short.setRange(1.0, 200.0)
        self._short.setSuffix(" mm")
        self._short.setDecimals(1)
        self._short.setKeyboardTracking(False)
        self._short.valueChanged.connect(self._short_changed)
        self._short_label = dim_label("Across")
        line.addWidget(self._short_label)
        line.addWidget(self._short)
        line.addStretch(1)
        layout.addLayout(line)
        line = QHBoxLayout()
        accept, throw = QPushButton("Accept"), QPushButton("Throw away")
        accept.setObjectName("acceptOutline")
        throw.setObjectName("discardOutline")
        accept.setProperty("primary", True)
        accept.clicked.connect(self._accept)
        throw.clicked.connect(self.bench.outlining.cancel)
        line.addWidget(accept)
        line.addWidget(throw)
        line.addStretch(1)
        layout.addLayout(line)
        holder = QWidget()
        around = QVBoxLayout(holder)
        around.setContentsMargins(12, 2, 12, 6)
        around.addWidget(self._card)
        return holder

    def refresh(self) -> None:
        """Say what the next click means, and offer what was found."""
        outlining = self.bench.outlining
        is_open = self.bench.session.is_open
        for button in self._buttons.values():
            button.setEnabled(is_open)
            button.setToolTip("" if is_open else "Open a case first.")
        hint = _HINTS[outlining.mode] if outlining.proposal is None else ""
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        self._card.setVisible(outlining.proposal is not None)
        if outlining.proposal is None or not is_open:
            return
        structure, mask = outlining.proposal.structure, outlining.proposal.mask
        grid = self.bench.session.case.image(self.bench.session.selection.image).grid
        if self.bench.session.case.structure_sets:
            grid = self.bench.session.case.structures.grid
        volume = float(mask.sum()) * grid.voxel_volume_ml
        self._what.setText(f"{structure.name}: {volume:.1f} ml, {structure.origin}")
        has_ends = len(outlining.ends) == 2
        self._short.setVisible(has_ends)
        self._short_label.setVisible(has_ends)
        if has_ends:
            with QSignalBlocker(self._short):
                length = sum((a - b) ** 2 for a, b in zip(*outlining.ends, strict=True)) ** 0.5
                self._short.setValue(outlining.short_mm or length)

    def _start(self, mode: Outline | None) -> None:
        if mode is None:
            self.skin_asked.emit()
        else:
            self.bench.outlining.start(mode)

    def _short_changed(self, value: float) -> None:
        try:
            self.bench.outlining.adjust(short_mm=value)
        except PlannerError as error:
            self.trouble.emit(error)

    def _accept(self) -> None:
        try:
            self.bench.outlining.accept()
        except PlannerError as error:
            self.trouble.emit(error)
