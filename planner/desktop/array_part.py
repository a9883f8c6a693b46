"""Arrays of electrodes: placing one, its rows, its numbers, and the pairs it pulses."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.face_map_view import FaceMapView
from planner.desktop.pair_table import PairTable
from planner.desktop.pieces import Row, clear_layout, dim_label, heading, put_number, show
from planner.desktop.theme import shown_theme
from planner.model.assessment import Assessment, Confidence
from planner.model.electrode_array import ElectrodeArray, PulsePair
from planner.planning.device_library import device_library
from planner.scene.face_map import pair_words
from planner.session.actions import Workbench
from planner.session.electrode_placing import LAYOUTS
from planner.session.placing import Step


class ArrayPart(QWidget):
    """Places arrays and changes the chosen one; says nothing of what the field does.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    trouble = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bench = bench
        self._told: tuple[Assessment | None, bool] = (None, False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._title = heading("Electrodes")
        column.addWidget(self._title)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        column.addLayout(self._rows)
        self.new = NewArrayForm(bench)
        column.addWidget(self.new)
        column.addLayout(self._buttons())
        self._hint = dim_label("", wraps=True)
        self._hint.setObjectName("electrodeHint")
        self._hint.setContentsMargins(14, 2, 14, 2)
        column.addWidget(self._hint)
        self.map = FaceMapView()
        column.addWidget(self.map)
        self.pulses = PulseForm(bench, self._do)
        column.addWidget(self.pulses)
        self.pairs = PairTable()
        self.pairs.voltage_asked.connect(
            lambda a, b, volts: self._do(lambda: bench.electrodes.set_voltage(a, b, volts))
        )
        column.addWidget(self.pairs)

    def refresh(self, answer: Assessment | None = None, is_old: bool = False) -> None:
        """Show arrays and pairs as they are now, with the currents of an answer where there is one."""
        session = self.bench.session
        if not session.is_open:
            return
        array = self.bench.electrodes.array
        self._title.setText(f"Electrodes · plan {session.plan.name}".upper())
        clear_layout(self._rows)
        for each in session.plan.electrode_arrays:
            self._rows.addWidget(self._row(each))
        lesions = session.case.structure_sets and any(
            s.role.value == "lesion" for s in session.case.structures.structures
        )
        for button in (self.add, self.aim):
            button.setEnabled(bool(lesions))
        self.delete.setEnabled(array is not None)
        show(self.map, array is not None)
        self._show_hint(array)
        self.pulses.refresh()
        self.show_array(answer, is_old)

    def show_array(self, answer: Assessment | None = None, is_old: bool = False) -> None:
        """Take over an array that is being dragged."""
        self._told = (answer, is_old)
        session = self.bench.session
        array = self.bench.electrodes.array
        self.pairs.show_array(array, answer, is_old)
        structures = session.case.structures if session.case.structure_sets else None
        words = pair_words(array, None if is_old else answer, shown_theme())
        self.map.show_array(array, structures, words)

    def _buttons(self) -> QHBoxLayout:
        line = self.buttons = QHBoxLayout()
        line.setContentsMargins(12, 4, 12, 2)
        line.setSpacing(6)
        self.add = QPushButton("+ Electrodes")
        self.add.setObjectName("placeElectrodes")
        self.add.setProperty("primary", True)
        self.add.setToolTip("Click the lesion, then the entry on the skin")
        self.add.clicked.connect(lambda _checked: self._do(self.bench.electrodes.start))
        self.aim = QPushButton("+ Centre")
        self.aim.setObjectName("aimElectrodes")
        self.aim.setToolTip("Around the middle of the selected lesion: click the entry on the skin")
        self.aim.clicked.connect(lambda _checked: self._do(self.bench.electrodes.aim))
        self.delete = QPushButton("Delete")
        self.delete.setObjectName("deleteElectrodes")
        self.delete.clicked.connect(lambda _checked: self._delete())
        for button in (self.add, self.aim, self.delete):
            button.setProperty("compact", True)
            line.addWidget(button)
        line.addStretch(1)
        return line

    def _row(self, array: ElectrodeArray) -> Row:
        row = Row(f"Electrodes {array.id}")
        row.set_selected(array is self.bench.electrodes.array)
        row.line.addWidget(dim_label(f"∥  {array.id} · {array.lesion or 'no lesion'}"), 1)
        row.line.addWidget(dim_label(f"{len(array.electrodes)} electrodes"))
        row.clicked.connect(lambda: self._select(array))
        return row

    def _select(self, array: ElectrodeArray) -> None:
        self.bench.session.selection.choose(instrument=array.id, lesion=array.lesion or None)
        self.bench.session.selection.move_cursor(array.middle_lps_mm)

    def _delete(self) -> None:
        session, array = self.bench.session, self.bench.electrodes.array
        if array is not None:
            session.change_plan(f"Delete electrodes {array.id}", session.plan.without_instrument(array.id))

    def _show_hint(self, array: ElectrodeArray | None) -> None:
        words = {
            Step.IDLE: "Drag a needle by its shaft, tip or entry; with Shift all of them." if array else "",
            Step.TARGET: "Click the lesion. Esc stops.",
            Step.ENTRY: "Now click the entry on the skin. Esc stops.",
        }[self.bench.placing.step]
        self._hint.setText(words)
        show(self._hint, bool(words))

    def _do(self, call: Callable[[], None]) -> None:
        try:
            call()
        except PlannerError as error:
            self.trouble.emit(error)
            self.refresh(*self._told)


class NewArrayForm(QWidget):
    """How the next array is made."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._electrodes = bench.electrodes
        form = QFormLayout(self)
        form.setContentsMargins(14, 2, 14, 2)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        line = QHBoxLayout()
        self.count = QSpinBox()
        self.count.setObjectName("electrodeCount")
        self.count.setAccessibleName("Number of electrodes")
        self.count.setRange(2, 6)
        self.count.setValue(bench.electrodes.count)
        self.count.valueChanged.connect(lambda n: self._electrodes.set_up(count=n))
        self.layout_choice = QComboBox()
        self.layout_choice.setObjectName("electrodeLayout")
        self.layout_choice.setAccessibleName("Layout")
        self.layout_choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for word, title in LAYOUTS:
            self.layout_choice.addItem(title, word)
        self.layout_choice.activated.connect(
            lambda n: self._electrodes.set_up(layout=str(self.layout_choice.itemData(n)))
        )
        line.addWidget(self.count)
        line.addWidget(self.layout_choice, 1)
        form.addRow(dim_label("New array"), line)
        self.exposure = QDoubleSpinBox()
        self.exposure.setObjectName("newExposure")
        self.exposure.setRange(5.0, 40.0)
        self.exposure.setDecimals(0)
        self.exposure.setSingleStep(5.0)
        self.exposure.setSuffix(" mm")
        self.exposure.setValue(bench.electrodes.exposure_mm)
        self.exposure.valueChanged.connect(lambda v: self._electrodes.set_up(exposure_mm=v))
        form.addRow(dim_label("Exposure"), self.exposure)


class PulseForm(QWidget):
    """Exposure, pulses, nominal V/d and pull-back of the chosen array."""

    def __init__(self, bench: Workbench, do: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self.bench, self._do = bench, do
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        form = QFormLayout()
        form.setContentsMargins(14, 2, 14, 2)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        electrodes = bench.electrodes
        self.exposure = self._spin("exposure", 5.0, 40.0, 1.0, " mm", electrodes.set_exposure)
        self.nominal = self._spin("nominal", 500.0, 3000.0, 50.0, " V/cm", electrodes.set_nominal)
        self.nominal.setToolTip("Nominal V/d of all pairs within reach; the field in the tissue is less")
        self.count = self._spin("pulses", 1, 400, 10, "", lambda _v: self._set_pulses())
        self.length = self._spin("pulseLength", 20.0, 100.0, 5.0, " µs", lambda _v: self._set_pulses())
        self.times = self._spin("pullBacks", 0, 5, 1, " ×", lambda _v: self._set_pull_back())
        self.step = self._spin("pullBackStep", 1.0, 40.0, 1.0, " mm", lambda _v: self._set_pull_back())
        for title, fields in (
            ("Exposure", (self.exposure,)),
            ("Nominal V/d", (self.nominal,)),
            ("Pulses", (self.count, self.length)),
            ("Pull back", (self.times, self.step)),
        ):
            line = QHBoxLayout()
            for field in fields:
                line.addWidget(field, 1)
            form.addRow(dim_label(title), line)
        column.addLayout(form)
        self.snap = QPushButton("Snap parallel")
        self.snap.setObjectName("snapParallel")
        self.snap.setProperty("compact", True)
        self.snap.setToolTip(
            "Turn the electrodes about the middles of their bare parts until they are parallel"
        )
        self.snap.clicked.connect(lambda _checked: self._do(self.bench.electrodes.snap_parallel))
        line = QHBoxLayout()
        line.setContentsMargins(12, 0, 12, 2)
        line.addWidget(self.snap)
        self._spread = dim_label("")
        self._spread.setObjectName("parallelWords")
        line.addWidget(self._spread, 1)
        column.addLayout(line)
        self._held = dim_label("", wraps=True)
        self._held.setObjectName("heldVoltages")
        self._held.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._held)

    def _spin(
        self, name: str, low: float, high: float, step: float, suffix: str, run: Callable[[float], None]
    ) -> QDoubleSpinBox:
        field = QDoubleSpinBox()
        field.setObjectName(f"ire_{name}")
        field.setRange(low, high)
        field.setDecimals(0)
        field.setSingleStep(step)
        field.setSuffix(suffix)
        field.setKeyboardTracking(False)
        # A field that keeps the focus keeps Ctrl+Z to itself.
        field.lineEdit().returnPressed.connect(field.clearFocus)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        field.valueChanged.connect(lambda value: self._do(lambda: run(value)))
        return field

    def refresh(self) -> None:
        """Show the chosen array's numbers."""
        array = self.bench.electrodes.array
        show(self, array is not None)
        if array is None:
            return
        from planner.planning.electrode_arrays import pair_geometry
        from planner.planning.pulse_voltages import nominal_v_per_cm

        pulsed = [p for p in array.pairs if p.voltage_v > 0]
        nominal = sum(nominal_v_per_cm(array, p) for p in pulsed) / len(pulsed) if pulsed else 0.0
        for field, value in (
            (self.exposure, array.electrodes[0].exposure_mm),
            (self.nominal, 50.0 * round(nominal / 50.0)),
            (self.count, float(array.pulses)),
            (self.length, array.pulse_us),
            (self.times, float(array.pull_backs)),
            (self.step, array.pull_back_mm or 15.0),
        ):
            put_number(field, value)
        self.step.setEnabled(array.pull_backs > 0)
        count = len(array.electrodes)
        angles = [pair_geometry(array, a, b).angle_deg for a in range(count) for b in range(a + 1, count)]
        self._spread.setText(f"up to {max(angles, default=0.0):.0f}° apart")
        self._tell_held(array, pulsed)

    def _tell_held(self, array: ElectrodeArray, pulsed: list[PulsePair]) -> None:
        """Why a nominal V/d that was asked for is not what stands there."""
        from planner.planning.electrode_arrays import FARTHEST_PAIR, NEAREST_PAIR

        limit = device_library().device(array.device).emitter.get("max_voltage")
        held = sum(limit is not None and p.voltage_v == limit.value for p in pulsed)
        show(self._held, held > 0 or not pulsed)
        if not pulsed:
            self._held.setText(
                "No pair is pulsed: a nominal V/d sets those whose bare parts are"
                f" {NEAREST_PAIR.value:g} to {FARTHEST_PAIR.value:g} mm apart (unverified)."
            )
            self._held.setToolTip(FARTHEST_PAIR.source)
        if held and limit is not None:
            doubt = f" ({limit.confidence})" if limit.confidence == Confidence.UNVERIFIED else ""
            pairs = f"{held} of {len(pulsed)} pairs" if len(pulsed) > 1 else "The pair"
            verb = "is" if held == 1 else "are"
            self._held.setText(
                f"{pairs} {verb} at {limit.value:g} V, the most the generator gives{doubt}:"
                " a higher nominal V/d there needs electrodes nearer to each other."
            )
            self._held.setToolTip(limit.source)

    def _set_pulses(self) -> None:
        self.bench.electrodes.set_pulses(int(self.count.value()), self.length.value())

    def _set_pull_back(self) -> None:
        self.bench.electrodes.set_pull_back(int(self.times.value()), self.step.value())
