"""The right panel: probes and their settings, then what the treatment modules say."""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.judgement_view import JudgementView
from planner.desktop.messages import show_error
from planner.desktop.pieces import Elided, Row, clear_layout, dim_label, heading, scrolled
from planner.model.plan import Applicator, Point
from planner.planning.devices import device_library
from planner.session.actions import Workbench
from planner.session.placing import Step, with_device, zone_center_of

_SETTING_TITLES = {
    "power_w": ("Power", " W", 1.0, 5.0),
    "time_s": ("Time", " s", 1.0, 30.0),
    "long_axis_mm": ("Long axis", " mm", 0.1, 1.0),
    "short_axis_mm": ("Short axis", " mm", 0.1, 1.0),
    "center_offset_mm": ("Centre behind tip", " mm", 0.1, 1.0),
}


class PlanPanel(QWidget):
    """Probes, their device and settings, coordinates, and the judgement.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    action_asked = Signal(str)
    place_asked = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        body = QWidget()
        body.setObjectName("panelBody")
        self._layout = QVBoxLayout(body)
        self._layout.setContentsMargins(0, 4, 0, 10)
        self._layout.setSpacing(2)
        body.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._title = heading("Plan")
        self._layout.addWidget(self._title)
        self._probes = QVBoxLayout()
        self._probes.setSpacing(0)
        self._layout.addLayout(self._probes)
        self._layout.addLayout(self._buttons())
        self._hint = dim_label("", wraps=True)
        self._hint.setContentsMargins(14, 2, 14, 2)
        self._hint.setObjectName("placingHint")
        self._layout.addWidget(self._hint)
        self._form = QGridLayout()
        self._form.setContentsMargins(14, 4, 14, 4)
        self._form.setHorizontalSpacing(8)
        self._form.setVerticalSpacing(4)
        self._layout.addLayout(self._form)
        self.judgement = JudgementView(bench)
        self.judgement.place_asked.connect(self.place_asked)
        self._layout.addWidget(self.judgement)
        self._layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scrolled(body), 1)
        outer.addLayout(self._footer())
        self._form_of: tuple[str, str] | None = None
        self._fields: dict[str, QDoubleSpinBox] = {}
        self._device = QComboBox()

    def set_action(self, id: str, why_not: str, title: str) -> None:
        """Enable the button of an action, or say why it is disabled."""
        button = self._action_buttons.get(id)
        if button is not None:
            button.setEnabled(not why_not)
            button.setToolTip(why_not or title)

    def rebuild(self) -> None:
        """List the probes anew."""
        session = self.bench.session
        clear_layout(self._probes)
        if not session.is_open:
            self._clear_form()
            self.judgement.refresh()
            return
        lesion = session.selection.lesion
        self._title.setText(
            (f"Plan {session.plan.name} · {lesion}" if lesion else f"Plan {session.plan.name}").upper()
        )
        for probe in session.plan.applicators:
            self._probes.addWidget(self._row(probe))
        if not session.plan.applicators:
            note = dim_label(
                "No probe yet. Press P, click the lesion, then the entry on the skin.", wraps=True
            )
            note.setContentsMargins(14, 0, 14, 2)
            self._probes.addWidget(note)
        self.refresh()

    def refresh(self) -> None:
        """Take over changed numbers without building anew."""
        self._show_hint()
        self._show_form()
        self.judgement.refresh()

    def show_probe(self) -> None:
        """Take over the coordinates of a probe that is being dragged."""
        self._show_form()

    def _row(self, probe: Applicator) -> Row:
        row = Row(f"Probe {probe.id}")
        row.set_selected(probe.id == self.bench.session.selection.instrument)
        title = (
            device_library().devices[probe.device].title
            if probe.device in device_library().devices
            else probe.device
        )
        row.line.addWidget(Elided(f"╱  {probe.id} · {title}"), 1)
        row.line.addWidget(dim_label(_settings_words(probe)))
        row.clicked.connect(lambda: self._select(probe))
        return row

    def _select(self, probe: Applicator) -> None:
        self.bench.session.selection.choose(instrument=probe.id, lesion=probe.lesion or None)
        self.bench.session.selection.move_cursor(zone_center_of(probe))

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 6, 12, 2)
        line.setSpacing(6)
        self._action_buttons: dict[str, QPushButton] = {}
        for id, text in (
            ("place_probe", "+ Probe"),
            ("aim_center", "+ At centre"),
            ("copy_probe", "Copy"),
            ("delete_probe", "Delete"),
        ):
            self._action_buttons[id] = self._button(id, text)
            line.addWidget(self._action_buttons[id])
        line.addStretch(1)
        return line

    def _footer(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 8, 12, 10)
        line.setSpacing(6)
        save = self._button("save_plan", "Save plan")
        save.setProperty("primary", True)
        for id, button in (
            ("save_plan", save),
            ("report", self._button("report", "Report…")),
            ("assess", self._button("assess", "Assess")),
        ):
            self._action_buttons[id] = button
            line.addWidget(button)
        line.addStretch(1)
        return line

    def _button(self, id: str, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(f"button_{id}")
        button.clicked.connect(lambda: self.action_asked.emit(id))
        return button

    def _show_hint(self) -> None:
        step = self.bench.placing.step
        words = {
            Step.IDLE: "",
            Step.TARGET: "Click the lesion: the zone's centre goes there. Esc stops.",
            Step.ENTRY: "Now click the entry on the skin; the tip goes deeper by the device's offset. Esc stops.",
        }
        self._hint.setText(words[step])
        self._hint.setVisible(bool(words[step]))

    # the selected probe's form ---------------------------------------------------------------

    def _clear_form(self) -> None:
        clear_layout(self._form)
        self._form_of = None
        self._fields = {}

    def _show_form(self) -> None:
        session = self.bench.session
        probe = next((a for a in session.plan.applicators if a.id == session.selection.instrument), None)
        device = probe.device if probe is not None else self.bench.placing.device
        key = (probe.id if probe is not None else "", device)
        if key != self._form_of:
            self._clear_form()
            self._form_of = key
            self._build_form(probe, device)
        self._fill_form(probe)

    def _build_form(self, probe: Applicator | None, device: str) -> None:
        library = device_library()
        self._device = QComboBox()
        self._device.setObjectName("devicePicker")
        self._device.setAccessibleName("Device")
        self._device.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for name, each in library.devices.items():
            self._device.addItem(each.title, name)
        self._device.setCurrentIndex(self._device.findData(device))
        self._device.activated.connect(self._device_chosen)
        note = library.devices[device].note if device in library.devices else ""
        self._device.setToolTip(note)
        self._form.addWidget(dim_label("Device"), 0, 0)
        self._form.addWidget(self._device, 0, 1, 1, 3)
        self._form.setColumnStretch(1, 1)
        self._form.setColumnStretch(3, 1)
        settings = list(probe.settings if probe is not None else self.bench.placing.settings)
        for n, name in enumerate(settings):
            title, suffix, step, big = _SETTING_TITLES.get(name, (name, "", 1.0, 10.0))
            del step
            field = self._field(name, suffix, 0.0, 100_000.0, big)
            self._form.addWidget(dim_label(title), 1 + n // 2, 2 * (n % 2))
            self._form.addWidget(field, 1 + n // 2, 2 * (n % 2) + 1)
            self._limit(field, device, name)
        row = 1 + (len(settings) + 1) // 2
        if probe is None:
            return
        for end, title in (("entry", "Entry"), ("tip", "Tip")):
            line = QHBoxLayout()
            line.setSpacing(4)
            for axis, words in enumerate(("Left", "Posterior", "Superior")):
                field = self._field(f"{end}{axis}", "", -5000.0, 5000.0, 1.0)
                field.setToolTip(f"{words} of {end}, LPS mm")
                field.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
                line.addWidget(field)
            self._form.addWidget(dim_label(title), row, 0)
            self._form.addLayout(line, row, 1, 1, 3)
            row += 1
        offset = dim_label("")
        offset.setObjectName("offsetLabel")
        offset.setText(f"Zone's centre {_offset(probe):g} mm behind the tip · LPS mm")
        self._form.addWidget(offset, row, 1, 1, 3)

    def _field(self, name: str, suffix: str, low: float, high: float, step: float) -> QDoubleSpinBox:
        field = QDoubleSpinBox()
        field.blockSignals(True)  # until it is filled: a range that is set must not change the plan
        field.setObjectName(f"field_{name}")
        field.setRange(low, high)
        field.setDecimals(1 if suffix != " s" and suffix != " W" else 0)
        field.setSingleStep(step)
        field.setSuffix(suffix)
        field.setKeyboardTracking(False)
        field.setMinimumWidth(48)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        field.valueChanged.connect(lambda value: self._field_changed(name, value))
        self._fields[name] = field
        return field

    def _limit(self, field: QDoubleSpinBox, device: str, name: str) -> None:
        found = device_library().devices.get(device)
        span = found.setting_range(name, allow_ex_vivo=True) if found is not None else None
        if span is not None:
            field.setRange(*span)
            words = f"{span[0]:g} to {span[1]:g}" if span[0] < span[1] else f"only {span[0]:g}"
            field.setToolTip(f"The device's table holds {words}; sizes are never extrapolated.")

    def _fill_form(self, probe: Applicator | None) -> None:
        settings = probe.settings if probe is not None else self.bench.placing.settings
        values = dict(settings)
        if probe is not None:
            for axis in range(3):
                values[f"entry{axis}"] = probe.entry_lps_mm[axis]
                values[f"tip{axis}"] = probe.tip_lps_mm[axis]
        for name, field in self._fields.items():
            field.blockSignals(True)
            if name in values and not field.hasFocus() and abs(field.value() - values[name]) > 0.0499:
                field.setValue(values[name])
            field.blockSignals(False)

    def _device_chosen(self, index: int) -> None:
        name = str(self._device.itemData(index))
        probe = self._selected()
        if probe is None:
            self.bench.placing.choose_device(name)
            return
        self.bench.placing.choose_device(name)
        title = device_library().device(name).title
        plan = self.bench.session.plan.with_instrument(with_device(probe, name))
        self.bench.session.change_plan(f"Change device to {title}", plan)

    def _field_changed(self, name: str, value: float) -> None:
        probe = self._selected()
        if probe is None:
            self.bench.placing.settings[name] = value
            return
        try:
            changed, label = _changed(probe, name, value)
        except PlannerError as error:
            show_error(self, error)
            self._fill_form(probe)
            return
        self.bench.session.change_plan(label, self.bench.session.plan.with_instrument(changed))

    def _selected(self) -> Applicator | None:
        session = self.bench.session
        return next((a for a in session.plan.applicators if a.id == session.selection.instrument), None)


def _changed(probe: Applicator, name: str, value: float) -> tuple[Applicator, str]:
    for end in ("entry", "tip"):
        if name.startswith(end) and name[len(end) :].isdigit():
            field = f"{end}_lps_mm"
            point: list[float] = list(getattr(probe, field))
            point[int(name[-1])] = value
            moved: Point = (point[0], point[1], point[2])
            if end == "entry":
                return replace(probe, entry_lps_mm=moved), f"Move entry of probe {probe.id}"
            return replace(probe, tip_lps_mm=moved), f"Move tip of probe {probe.id}"
    title = _SETTING_TITLES.get(name, (name,))[0].lower()
    return replace(probe, settings={**probe.settings, name: value}), f"Change {title} of probe {probe.id}"


def _settings_words(probe: Applicator) -> str:
    words = []
    for name, value in probe.settings.items():
        if name == "power_w":
            words.append(f"{value:g} W")
        elif name == "time_s":
            words.append(f"{value / 60:g} min" if value % 60 == 0 else f"{value:g} s")
    if "long_axis_mm" in probe.settings:
        words.append(f"{probe.settings['long_axis_mm']:g} × {probe.settings.get('short_axis_mm', 0):g} mm")
    return " · ".join(words)


def _offset(probe: Applicator) -> float:
    center = zone_center_of(probe)
    return round(math.dist(center, probe.tip_lps_mm), 1)
