"""Forms of the selected probe: its device and settings, and its coordinates."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.pieces import clear_layout, dim_label, link_button
from planner.model.plan import Applicator, Point
from planner.planning.device_library import DeviceLibrary, device_library
from planner.session.actions import Workbench
from planner.session.placing import with_device, zone_center_of

if TYPE_CHECKING:
    from planner.planning.devices import Device

_SETTINGS = {
    "power_w": ("Power", " W", 0, 5.0),
    "time_s": ("Time", " s", 0, 30.0),
    "long_axis_mm": ("Long axis", " mm", 1, 1.0),
    "short_axis_mm": ("Short axis", " mm", 1, 1.0),
    "center_offset_mm": ("Centre behind tip", " mm", 1, 1.0),
}


class DeviceForm(QWidget):
    """Device and settings of the selected probe, or of the next one where none is selected.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    trouble = Signal(object)
    devices_asked = Signal()

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bench = bench
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 4, 14, 4)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(3, 1)
        self._built_for: tuple[str, str, DeviceLibrary, tuple[str, ...]] | None = None
        #: Names of devices one may choose; all of the library where empty.
        self.allowed: tuple[str, ...] = ()
        self._fields: dict[str, QDoubleSpinBox] = {}
        self._device = QComboBox()

    def refresh(self) -> None:
        """Show the selected probe's device and settings."""
        probe = selected_probe(self.bench)
        device = probe.device if probe is not None else self.bench.placing.device
        # The library is another one where a device was added, changed or removed.
        key = (probe.id if probe is not None else "", device, device_library(), self.allowed)
        if key != self._built_for:
            self._build(probe, device)
            self._built_for = key
        settings = probe.settings if probe is not None else self.bench.placing.settings
        for name, field in self._fields.items():
            if name in settings and not field.hasFocus() and abs(field.value() - settings[name]) > 0.0499:
                field.blockSignals(True)
                field.setValue(settings[name])
                field.blockSignals(False)

    def clear(self) -> None:
        """Show nothing."""
        clear_layout(self._grid)
        self._built_for, self._fields = None, {}

    def _build(self, probe: Applicator | None, device: str) -> None:
        self.clear()
        library = device_library()
        self._device = QComboBox()
        self._device.setObjectName("devicePicker")
        self._device.setAccessibleName("Device")
        self._device.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for name, each in library.devices.items():
            if self.allowed and name not in self.allowed:
                continue
            self._device.addItem(f"{each.title} · yours" if name in library.own else each.title, name)
            self._device.setItemData(
                self._device.count() - 1, _device_words(each), Qt.ItemDataRole.ToolTipRole
            )
        found = library.devices.get(device)
        if found is None:
            self._device.addItem(f"{device} (not in the library)", device)
        elif self._device.findData(device) < 0:
            self._device.addItem(f"{found.title} (not allowed)", device)
        self._device.setCurrentIndex(self._device.findData(device))
        self._device.setToolTip(_device_words(found) if found is not None else "")
        self._device.activated.connect(self._device_chosen)
        self._grid.addWidget(dim_label("Device"), 0, 0)
        self._grid.addWidget(self._device, 0, 1, 1, 3)
        settings = probe.settings if probe is not None else self.bench.placing.settings
        for n, name in enumerate(settings):
            title, _, _, _ = _SETTINGS.get(name, (name, "", 1, 1.0))
            self._grid.addWidget(dim_label(title), 1 + n // 2, 2 * (n % 2))
            self._grid.addWidget(self._field(name, device, settings[name]), 1 + n // 2, 2 * (n % 2) + 1)
        self._grid.addLayout(self._device_line(found), 1 + (len(settings) + 1) // 2, 0, 1, 4)

    def _device_line(self, device: Device | None) -> QHBoxLayout:
        """Whether the device is a placeholder or missing, and the way to one's own devices."""

        from planner.planning.devices import PLACEHOLDER  # a case alone needs it

        line = QHBoxLayout()
        words = "" if device is not None and not device.is_placeholder else PLACEHOLDER
        if device is None:
            words = "This device is not in the library of this computer."
        mark = QLabel(words)
        mark.setObjectName("devicePlaceholder")
        mark.setProperty("amber", True)
        mark.setWordWrap(True)
        mark.setVisible(bool(words))
        link = link_button("My devices…", "Add or change devices of your own, by a form or a table")
        link.setObjectName("myDevices")
        link.setAccessibleName("My devices")
        link.clicked.connect(lambda _checked: self.devices_asked.emit())
        if self.allowed:
            link.hide()
        line.addWidget(mark, 1)
        line.addWidget(link, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
        return line

    def _field(self, name: str, device: str, value: float) -> QDoubleSpinBox:
        _, suffix, decimals, step = _SETTINGS.get(name, ("", "", 1, 1.0))
        field = QDoubleSpinBox()
        field.setObjectName(f"field_{name}")
        field.setDecimals(decimals)
        field.setSingleStep(step)
        field.setSuffix(suffix)
        field.setKeyboardTracking(False)
        # What is typed beside the table's range goes to its end, not back to what stood there.
        field.setCorrectionMode(QAbstractSpinBox.CorrectionMode.CorrectToNearestValue)
        # A field that keeps the focus keeps Ctrl+Z to itself.
        field.lineEdit().returnPressed.connect(field.clearFocus)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        found = device_library().devices.get(device)
        span = found.setting_range(name, allow_ex_vivo=True) if found is not None else None
        field.setRange(*(span or (-50.0, 100_000.0)))
        if span is not None and found is not None:
            words = f"{span[0]:g} to {span[1]:g}" if span[0] < span[1] else f"only {span[0]:g}"
            field.setToolTip(
                f"The device's table holds {words}; sizes are never extrapolated.{_hull_words(found)}"
            )
        # Filled before it is connected: a range that is set must not change the plan.
        field.setValue(value)
        field.valueChanged.connect(lambda changed: self._setting_changed(name, changed))
        self._fields[name] = field
        return field

    def _device_chosen(self, index: int) -> None:
        name = str(self._device.itemData(index))
        if name not in device_library().devices:
            return  # the probe's own device, which is missing here
        probe = selected_probe(self.bench)
        self.bench.placing.choose_device(name)
        if probe is not None:
            title = device_library().device(name).title
            plan = self.bench.session.plan.with_instrument(with_device(probe, name))
            self.bench.session.change_plan(f"Change device to {title}", plan)

    def _setting_changed(self, name: str, value: float) -> None:
        probe = selected_probe(self.bench)
        if probe is None:
            self.bench.placing.settings[name] = value
            return
        changed = replace(probe, settings={**probe.settings, name: value})
        title = _SETTINGS.get(name, (name,))[0].lower()
        plan = self.bench.session.plan.with_instrument(changed)
        self.bench.session.change_plan(f"Change {title} of probe {probe.id}", plan)


class CoordinateForm(QWidget):
    """Entry and tip of the selected probe in LPS mm, to read and to type.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    trouble = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bench = bench
        grid = QGridLayout(self)
        grid.setContentsMargins(14, 2, 14, 6)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        for column, words in enumerate(("Left", "Posterior", "Superior"), start=1):
            grid.addWidget(dim_label(words), 0, column)
            grid.setColumnStretch(column, 1)
        self._fields: dict[tuple[str, int], QLineEdit] = {}
        for row, (end, title) in enumerate((("entry", "Entry"), ("tip", "Tip")), start=1):
            grid.addWidget(dim_label(title), row, 0)
            for axis in range(3):
                field = QLineEdit()
                field.setObjectName(f"field_{end}{axis}")
                field.setAccessibleName(f"{title} {('left', 'posterior', 'superior')[axis]} mm")
                field.setAlignment(Qt.AlignmentFlag.AlignRight)
                field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
                field.editingFinished.connect(lambda e=end, a=axis: self._typed(e, a))
                # A field that keeps the focus keeps Ctrl+Z to itself.
                field.returnPressed.connect(field.clearFocus)
                self._fields[end, axis] = field
                grid.addWidget(field, row, 1 + axis)
        self._offset = dim_label("", wraps=True)
        self._offset.setObjectName("offsetLabel")
        grid.addWidget(self._offset, 3, 1, 1, 3)

    def refresh(self) -> None:
        """Show where the selected probe is."""
        probe = selected_probe(self.bench)
        self.setEnabled(probe is not None)
        self.setToolTip("" if probe is not None else "Select a probe first.")
        for (end, axis), field in self._fields.items():
            if probe is None:
                field.clear()
            elif not (field.hasFocus() and field.isModified()):
                field.setText(f"{_end(probe, end)[axis]:.1f}")
        if probe is None:
            self._offset.setText("")
        else:
            offset = math.dist(zone_center_of(probe), probe.tip_lps_mm)
            self._offset.setText(f"mm, LPS. The zone's centre lies {offset:.1f} mm behind the tip.")

    def _typed(self, end: str, axis: int) -> None:
        probe, field = selected_probe(self.bench), self._fields[end, axis]
        if probe is None or not field.isModified():
            return
        field.setModified(False)
        try:
            value = float(field.text().replace(",", "."))
            point = list(_end(probe, end))
            if abs(point[axis] - value) < 0.0499:
                self.refresh()
                return
            point[axis] = value
            moved: Point = (point[0], point[1], point[2])
            is_entry = end == "entry"
            changed = replace(probe, entry_lps_mm=moved) if is_entry else replace(probe, tip_lps_mm=moved)
        except ValueError as error:
            what = error if isinstance(error, PlannerError) else _no_number(field.text())
            self.refresh()
            self.trouble.emit(what)
            return
        plan = self.bench.session.plan.with_instrument(changed)
        self.bench.session.change_plan(f"Move {end} of probe {probe.id}", plan)


def _device_words(device: Device) -> str:
    """What is shown of a device where the mouse rests on it."""

    from planner.planning.devices import PLACEHOLDER  # a case alone needs it

    return f"{PLACEHOLDER} {device.note}" if device.is_placeholder else device.note


def _hull_words(device: Device) -> str:
    """The corners of what was published, where power and time depend on each other."""

    from planner.planning.zone_sizes import setting_text  # a case alone needs it

    table = device.table
    if table is None or len(table.names) != 2 or len(table.hull) < 2:
        return ""
    corners = [
        " for ".join(setting_text(n, v) for n, v in zip(table.names, corner, strict=True))
        for corner in table.hull
    ]
    return f" Power and time lie between {', '.join(corners)}."


def selected_probe(bench: Workbench) -> Applicator | None:
    """The selected probe of the plan as it is shown, or None."""
    session = bench.session
    if not session.is_open:
        return None
    return next((a for a in session.plan.applicators if a.id == session.selection.instrument), None)


def _end(probe: Applicator, end: str) -> Point:
    return probe.entry_lps_mm if end == "entry" else probe.tip_lps_mm


def _no_number(text: str) -> PlannerError:
    return PlannerError("This is not a number.", f"'{text}'", "Type a coordinate in mm, such as -12.5.")
