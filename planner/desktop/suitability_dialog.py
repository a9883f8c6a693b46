"""Thermal or electroporation, and may it be done: facts about the patient, and the checklist."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import clear_layout, dim_label, heading, link_button, scrolled, show
from planner.desktop.theme import sign_color
from planner.model.assessment import Check, CheckState
from planner.planning.patient_facts import PATIENT_FACTS
from planner.scene.palette import STOP, WARNING
from planner.session.actions import Workbench

MODULE = "electroporation"
UNKNOWN = "Unknown"
#: Lines that say why heat would fall short begin with this.
HEAT = "heat_"
#: Sign of each state; what does not hold is coloured as a finding that stops.
SIGNS = {CheckState.FULFILLED: "✓", CheckState.NOT_FULFILLED: "✕", CheckState.UNKNOWN: "?"}


class SuitabilityDialog(QDialog):
    """Stays open beside the window; the checklist follows the facts.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    place_asked = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("suitabilityDialog")
        self.setWindowTitle("Electroporation: may it be done?")
        self.resize(900, 620)
        self.bench = bench
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addWidget(self._facts(), 0)
        self._column = QVBoxLayout()
        self._column.setContentsMargins(16, 12, 16, 12)
        self._column.setSpacing(6)
        self._statement = QLabel()
        self._statement.setObjectName("suitabilityStatement")
        self._statement.setWordWrap(True)
        self._column.addWidget(self._statement)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(8)
        self._column.addLayout(self._lines)
        self._column.addStretch(1)
        body = QWidget()
        body.setLayout(self._column)
        line.addWidget(scrolled(body), 1)
        self._shown: object = None
        bench.advising.changed.connect(self.refresh)

    def _facts(self) -> QWidget:
        panel = QFrame()
        panel.setFixedWidth(330)
        column = QVBoxLayout(panel)
        column.setContentsMargins(0, 8, 0, 8)
        column.addWidget(heading("The patient"))
        note = dim_label("What is not entered is unknown, and never assumed.", wraps=True)
        note.setContentsMargins(14, 0, 14, 4)
        column.addWidget(note)
        form = QFormLayout()
        form.setContentsMargins(14, 0, 14, 0)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self._fields: dict[str, QComboBox] = {}
        for fact in PATIENT_FACTS:
            field = QComboBox()
            field.setObjectName(f"fact_{fact.id}")
            field.setAccessibleName(fact.title)
            field.addItem(UNKNOWN, "")
            for value, words in fact.choices:
                field.addItem(words, value)
            field.activated.connect(
                lambda n, f=fact, w=field: self._choose(f.id, str(w.itemData(n)), f.title)
            )
            label = QLabel(fact.title)
            label.setWordWrap(True)
            label.setToolTip(fact.help)
            field.setToolTip(fact.help)
            form.addRow(label, field)
            self._fields[fact.id] = field
        column.addLayout(form)
        column.addStretch(1)
        return panel

    def _choose(self, id: str, value: str, title: str) -> None:
        self.bench.advising.set_fact(id, value, title)

    def refresh(self) -> None:
        """Show the facts and the checklist as they are now."""
        advising = self.bench.advising
        facts = advising.facts
        for id, field in self._fields.items():
            field.setCurrentIndex(max(0, field.findData(facts.get(id, ""))))
        answer = advising.assessment
        error = advising.error
        if error is not None:
            self._statement.setText("\n".join(t for t in (error.what, error.thing, error.todo) if t))
        elif answer is None:
            self._statement.setText("Measuring…" if advising.is_running else "")
        else:
            self._statement.setText("\n".join(f.text for f in answer.findings))
        key = (answer, error)
        if key != self._shown:
            self._shown = key
            clear_layout(self._lines)
            for check in answer.checks if answer is not None else ():
                self._lines.addWidget(self._line(check))

    def _line(self, check: Check) -> QWidget:
        frame = QFrame()
        frame.setObjectName(f"check_{check.rule}")
        line = QHBoxLayout(frame)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(10)
        sign = QLabel(SIGNS[check.state])
        sign.setFixedWidth(18)
        color = _color(check)
        sign.setStyleSheet(f"color: {color}; font-weight: 600;")
        sign.setAccessibleName(check.state.value)
        line.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(1)
        title = QLabel(f"{check.title} ({check.state.value})")
        title.setWordWrap(True)
        column.addWidget(title)
        words = QLabel(check.text)
        words.setWordWrap(True)
        show(words, bool(check.text))
        column.addWidget(words)
        column.addWidget(dim_label(f"{check.source.text} ({check.source.confidence.value})", wraps=True))
        line.addLayout(column, 1)
        if check.where_lps_mm is not None:
            button = link_button("Show", "Go to the place")
            button.clicked.connect(lambda _checked, at=check.where_lps_mm: self.place_asked.emit(at))
            line.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return frame


def _color(check: Check) -> str:
    """What bars the treatment, or asks for care, is coloured as a finding; no reason against heat is neither."""
    if check.state != CheckState.NOT_FULFILLED or check.rule.startswith(HEAT):
        return sign_color("✓" if check.state == CheckState.FULFILLED else "")
    return STOP if check.is_absolute else WARNING
