"""The pairs of an array as on a generator: distance, nominal V/d, voltage, current."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QGridLayout, QLabel, QSizePolicy, QWidget

from planner.desktop.pieces import clear_layout, dim_label
from planner.model.assessment import Assessment
from planner.model.electrode_array import ElectrodeArray
from planner.model.wording import mark
from planner.planning.device_library import device_library

#: A pair that is switched on again begins with this.
FIRST_V_PER_CM = 1500.0


class PairTable(QWidget):
    """One line a pair; its voltage can be typed, and it can be left out.

    Distances and volts per centimetre follow a drag; currents are of the last whole answer.
    """

    voltage_asked = Signal(int, int, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pairTable")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 2, 14, 2)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        self._built_for: object = None
        self._is_on: dict[tuple[int, int], QCheckBox] = {}
        self._distance: dict[tuple[int, int], QLabel] = {}
        self._nominal: dict[tuple[int, int], QLabel] = {}
        self._voltage: dict[tuple[int, int], QDoubleSpinBox] = {}
        self._current: dict[tuple[int, int], QLabel] = {}

    def show_array(self, array: ElectrodeArray | None, answer: Assessment | None, is_old: bool) -> None:
        """Show the pairs of an array; currents of an answer that is out of date are dimmed."""
        built_for = None if array is None else (array.id, array.device, len(array.electrodes))
        if built_for != self._built_for:
            self._built_for = built_for
            self._build(array)
        if array is None:
            return
        from planner.planning.electrode_arrays import pair_geometry

        volts = {(p.a, p.b): p.voltage_v for p in array.pairs}
        for key in self._voltage:
            distance = pair_geometry(array, *key).distance_mm
            voltage = volts.get(key, 0.0)
            self._distance[key].setText(f"{distance:.1f} mm")
            self._nominal[key].setText(f"{10.0 * voltage / distance:.0f}" if voltage else "–")
            self._fill(key, voltage)
            self._show_current(array, key, answer if voltage else None, is_old)

    def _fill(self, key: tuple[int, int], voltage_v: float) -> None:
        box, field = self._is_on[key], self._voltage[key]
        for widget in (box, field):
            widget.blockSignals(True)
        box.setChecked(voltage_v > 0)
        field.setEnabled(voltage_v > 0)
        if not field.hasFocus() or field.value() != voltage_v:
            field.setValue(voltage_v)
        for widget in (box, field):
            widget.blockSignals(False)

    def _show_current(
        self, array: ElectrodeArray, key: tuple[int, int], answer: Assessment | None, is_old: bool
    ) -> None:
        label, subject = self._current[key], f"{array.id}:{key[0]}-{key[1]}"
        found = (
            [m for m in answer.metrics if m.subject == subject and m.name == "pair_current_a"]
            if answer
            else []
        )
        if not found or found[0].value is None:
            label.setText("–")
            label.setToolTip("The current comes with the solved field.")
        else:
            sign = mark(found[0])
            label.setText(f"{found[0].value:.1f} A {sign}".rstrip())
            label.setToolTip(found[0].method)
        label.setProperty("dim", is_old or not found)
        label.style().unpolish(label)
        label.style().polish(label)

    def _build(self, array: ElectrodeArray | None) -> None:
        clear_layout(self._grid)
        for held in (self._is_on, self._distance, self._nominal, self._voltage, self._current):
            held.clear()
        if array is None:
            return
        from planner.planning.electrode_arrays import highest_voltage_v

        most = highest_voltage_v(device_library().device(array.device))
        for column, (words, tip) in enumerate(
            (
                ("Pair", "Switch a pair on or off"),
                ("Distance", "Between the bare parts"),
                ("V/cm", "Nominal V/d: voltage over distance. The field in the tissue is less."),
                ("Voltage", f"100 to {most:g} V"),
                ("Current", "Expected, from the solved field"),
            )
        ):
            title = dim_label(words)
            title.setToolTip(tip)
            align = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
            self._grid.addWidget(title, 0, column, align)
        keys = [(a, b) for a in range(len(array.electrodes)) for b in range(a + 1, len(array.electrodes))]
        for row, key in enumerate(keys, start=1):
            self._add_row(row, key, most)

    def _add_row(self, row: int, key: tuple[int, int], most_v: float) -> None:
        a, b = key
        box = QCheckBox(f"{a + 1}–{b + 1}")
        box.setObjectName(f"pair_{a}_{b}")
        box.toggled.connect(lambda is_on: self._switch(key, is_on))
        field = QDoubleSpinBox()
        field.setObjectName(f"voltage_{a}_{b}")
        field.setAccessibleName(f"Voltage between {a + 1} and {b + 1}")
        # Above the limit can be typed: the findings say what is wrong with it.
        field.setRange(0.0, 2.0 * most_v)
        field.setDecimals(0)
        field.setSingleStep(50.0)
        field.setSuffix(" V")
        field.setKeyboardTracking(False)
        field.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        field.valueChanged.connect(lambda value: self.voltage_asked.emit(a, b, value))
        distance, nominal, current = QLabel(), QLabel(), QLabel()
        nominal.setProperty("dim", True)
        current.setObjectName(f"current_{a}_{b}")
        self._is_on[key], self._voltage[key] = box, field
        self._distance[key], self._nominal[key], self._current[key] = distance, nominal, current
        for column, widget in enumerate((box, distance, nominal, field, current)):
            align = Qt.AlignmentFlag.AlignVCenter
            align |= Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
            self._grid.addWidget(widget, row, column, align)

    def _switch(self, key: tuple[int, int], is_on: bool) -> None:
        distance = float(self._distance[key].text().split()[0])
        self.voltage_asked.emit(*key, round(0.01 * FIRST_V_PER_CM * distance) * 10.0 if is_on else 0.0)
