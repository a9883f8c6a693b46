"""Size of the patient, function of the liver and what it has been through: how much must remain depends on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QHBoxLayout, QSizePolicy, QWidget

from planner.base.errors import InvalidValue
from planner.desktop.pieces import dim_label, put_number, show
from planner.session.actions import Workbench
from planner.session.resecting import MODULE

#: The setting of the module that decides which published least remnant is shown.
STATE = "liver_state"


#: Fields take what is typed; what no patient has is refused in words, and never shortened to a digit less.
MOST_TYPED = 9999.0
#: The step below the lowest value of a measured fact, which stands for unknown.
UNKNOWN_BELOW = 1.0


class SizeForm(QWidget):
    """Facts of the patient that decide how much liver is enough.

    Parameters
    ----------
    bench
        The session with its tools.
    do
        Runs a call and shows what goes wrong.
    """

    def __init__(self, bench: Workbench, do: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self.bench, self._do = bench, do
        form = QFormLayout(self)
        form.setContentsMargins(14, 2, 14, 2)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.height_cm = self._spin("heightCm", MOST_TYPED, " cm", "Height")
        self.weight_kg = self._spin("weightKg", MOST_TYPED, " kg", "Weight")
        line = QHBoxLayout()
        line.addWidget(self.height_cm, 1)
        line.addWidget(self.weight_kg, 1)
        form.addRow(dim_label("Patient"), line)
        self.numbers = {
            "icg_r15_percent": self._number("icgR15", "icg_r15_percent", "ICG-R15", 1),
            "remnant_function_percent_per_min_per_m2": self._number(
                "remnantFunction", "remnant_function_percent_per_min_per_m2", "remnant's", 2
            ),
        }
        line = QHBoxLayout()
        for field in self.numbers.values():
            line.addWidget(field, 1)
        form.addRow(dim_label("Function"), line)
        self.state = QComboBox()
        self.state.setObjectName("liverState")
        self.state.setAccessibleName("What the liver has been through")
        self.state.setToolTip("Decides which published least remnant is shown")
        self.state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.state.activated.connect(lambda _n: self._do(self._set_state))
        form.addRow(dim_label("Liver"), self.state)
        self.why = dim_label("", wraps=True)
        self.why.setObjectName("sizeWhyNot")
        form.addRow(self.why)

    def refresh(self) -> None:
        """Show the facts as they are known."""
        patient = self.bench.session.case.patient
        for field, value in ((self.height_cm, patient.height_cm), (self.weight_kg, patient.weight_kg)):
            put_number(field, value or 0.0)
        from planner.planning.liver_volumes import missing_size

        why = missing_size(patient)
        self.why.setText(f"Shares of the standard liver: {why}" if why else "")
        show(self.why, bool(why))
        facts = dict(patient.facts)
        for id, field in self.numbers.items():
            put_number(field, _known(facts, id))
        self._fill_states()
        settings = self.bench.session.judgements.settings(MODULE)
        self.state.setCurrentIndex(max(0, self.state.findData(settings.get(STATE, "unknown"))))

    def _fill_states(self) -> None:
        if self.state.count():
            return
        from planner.planning.liver_volumes import LiverState

        for state in LiverState:
            words = "Unknown: tell it to see thresholds" if state.value == "unknown" else state.value
            self.state.addItem(words.capitalize(), state.value)

    def _spin(self, name: str, top: float, unit: str, words: str) -> QDoubleSpinBox:
        field = QDoubleSpinBox()
        field.setObjectName(name)
        field.setAccessibleName(words)
        field.setRange(0.0, top)
        field.setDecimals(0)
        field.setSuffix(unit)
        field.setSpecialValueText(f"{words.lower()}?")
        field.setToolTip(f"{words}; as low as it goes for unknown")
        field.setKeyboardTracking(False)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        field.valueChanged.connect(lambda _v: self._do(self._set_size))
        return field

    def _number(self, name: str, id: str, words: str, decimals: int) -> QDoubleSpinBox:
        """A field for a measured fact; below its lowest value it is unknown."""
        from planner.planning.patient_facts import NUMBER_FACTS

        fact = next(f for f in NUMBER_FACTS if f.id == id)
        field = QDoubleSpinBox()
        field.setObjectName(name)
        field.setAccessibleName(fact.title)
        field.setDecimals(decimals)
        field.setRange(fact.low - UNKNOWN_BELOW, fact.high)
        field.setSuffix(f" {fact.unit}")
        field.setSpecialValueText(f"{words}?")
        field.setToolTip(f"{fact.title}: {fact.help}; as low as it goes for unknown")
        field.setKeyboardTracking(False)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        field.valueChanged.connect(lambda _v: self._do(lambda: self._set_number(id, fact.title)))
        return field

    def _set_number(self, id: str, title: str) -> None:
        session = self.bench.session
        field = self.numbers[id]
        facts = dict(session.case.patient.facts)
        facts.pop(id, None)
        if field.value() > field.minimum():
            facts[id] = f"{field.value():g}"
        patient = session.case.patient.with_facts(facts)
        session.change_case(f"Note {title}", session.case.with_patient(patient))

    def _set_size(self) -> None:
        session = self.bench.session
        height, weight = self.height_cm.value() or None, self.weight_kg.value() or None
        patient = replace(session.case.patient, height_cm=height, weight_kg=weight)
        session.change_case("Tell height and weight", replace(session.case, patient=patient))

    def _set_state(self) -> None:
        judgements = self.bench.session.judgements
        values = {**judgements.settings(MODULE), STATE: str(self.state.currentData())}
        judgements.set_settings(MODULE, values)


def _known(facts: dict[str, str], id: str) -> float:
    """What is known of a measured fact; below its range where nothing or nothing plausible is."""
    from planner.planning.patient_facts import known_number

    try:
        value = known_number(facts, id)
    except InvalidValue:  # the module says so among its findings
        value = None
    return -1e9 if value is None else value
