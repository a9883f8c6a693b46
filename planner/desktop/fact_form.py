"""A form for facts of the patient, measured ones and choices: each may stay unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QGridLayout, QSizePolicy, QWidget

from planner.base.errors import InvalidValue
from planner.desktop.pieces import dim_label, put_number
from planner.planning.patient_facts import NumberFact, PatientFact, known_number
from planner.session.actions import Workbench

#: The step below the lowest value, which stands for unknown.
UNKNOWN_BELOW = 1.0
#: Facts beside each other.
COLUMNS = 3


class FactForm(QWidget):
    """A field for each fact; as low as it goes it is unknown.

    Parameters
    ----------
    bench
        The session with its tools.
    facts
        What is asked.
    do
        Runs a call and shows what goes wrong.
    """

    def __init__(
        self,
        bench: Workbench,
        facts: Sequence[NumberFact | PatientFact],
        do: Callable[[Callable[[], None]], None],
    ) -> None:
        super().__init__()
        self.bench, self._do, self._facts = bench, do, tuple(facts)
        grid = QGridLayout(self)
        grid.setContentsMargins(14, 2, 14, 2)
        grid.setVerticalSpacing(1)
        grid.setHorizontalSpacing(8)
        self.fields = {f.id: self._number(f) for f in self._facts if isinstance(f, NumberFact)}
        self.choices = {f.id: self._choice(f) for f in self._facts if isinstance(f, PatientFact)}
        for n, fact in enumerate(self._facts):
            row, column = 2 * (n // COLUMNS), n % COLUMNS
            label = dim_label(fact.title, wraps=True)
            label.setToolTip(fact.help)
            grid.addWidget(label, row, column, Qt.AlignmentFlag.AlignBottom)
            field = self.fields.get(fact.id) or self.choices[fact.id]
            grid.addWidget(field, row + 1, column)
        for column in range(COLUMNS):
            grid.setColumnStretch(column, 1)

    def refresh(self) -> None:
        """Show the facts as they are known."""
        facts = dict(self.bench.session.case.patient.facts)
        for id, field in self.fields.items():
            try:
                value = known_number(facts, id)
            except InvalidValue:  # the module says so among its findings
                value = None
            put_number(field, field.minimum() if value is None else value)
        for id, choice in self.choices.items():
            choice.setCurrentIndex(max(0, choice.findData(facts.get(id, ""))))

    def _choice(self, fact: PatientFact) -> QComboBox:
        field = QComboBox()
        field.setObjectName(f"fact_{fact.id}")
        field.setAccessibleName(fact.title)
        field.addItem("unknown", "")
        for value, words in fact.choices:
            field.addItem(words, value)
        field.setToolTip(fact.help)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        field.activated.connect(
            lambda _n: self._do(lambda: self._tell(fact.id, fact.title, str(field.currentData())))
        )
        return field

    def _number(self, fact: NumberFact) -> QDoubleSpinBox:
        field = QDoubleSpinBox()
        field.setObjectName(f"fact_{fact.id}")
        field.setAccessibleName(fact.title)
        field.setDecimals(1)
        field.setRange(fact.low - UNKNOWN_BELOW, fact.high)
        field.setSuffix(f" {fact.unit}" if fact.unit else "")
        field.setSpecialValueText("unknown")
        field.setToolTip(f"{fact.title}: {fact.help}; as low as it goes for unknown")
        field.setKeyboardTracking(False)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        field.valueChanged.connect(lambda _v: self._do(lambda: self._set(fact)))
        return field

    def _set(self, fact: NumberFact) -> None:
        value = self.fields[fact.id].value()
        self._tell(fact.id, fact.title, f"{value:g}" if value >= fact.low else "")

    def _tell(self, id: str, title: str, value: str) -> None:
        session = self.bench.session
        facts = dict(session.case.patient.facts)
        if facts.get(id, "") == value:
            return
        facts.pop(id, None)
        if value:
            facts[id] = value
        patient = session.case.patient.with_facts(facts)
        session.change_case(f"Note {title}", session.case.with_patient(patient))
