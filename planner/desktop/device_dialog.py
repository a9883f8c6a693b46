"""My devices: a user's own devices, with the zones their instructions for use give."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import InvalidValue, PlannerError
from planner.desktop.messages import ask, plain, show_error
from planner.desktop.pieces import dim_label, show
from planner.io.device_files import read_zone_csv
from planner.model.assessment import Confidence
from planner.planning.devices import MODALITIES, Device, Medium, ZoneRow
from planner.planning.emitters import DEFAULTS
from planner.session.own_devices import OwnDevices, new_device

_COLUMNS = (
    ("power_w", "Power W"),
    ("time_s", "Time s"),
    ("long_axis_mm", "Long mm"),
    ("short_axis_mm", "Short mm"),
    ("long_sd_mm", "± long"),
    ("short_sd_mm", "± short"),
    ("center_offset_mm", "Centre"),
    ("medium", "Measured in"),
    ("source", "Source"),
)
_NEEDED = ("time_s", "long_axis_mm", "short_axis_mm")
_MEDIUM = next(n for n, (name, _) in enumerate(_COLUMNS) if name == "medium")
_SOURCE = next(n for n, (name, _) in enumerate(_COLUMNS) if name == "source")
_HELP = (
    "One line for each power and time of your device's instructions for use. Leave the power empty where"
    " there is none (cryo). ± is one standard deviation; Centre is how far the zone's centre lies behind the"
    " tip, where it differs from the device's."
)
_IFU = "Instructions for use"


class DeviceDialog(QDialog):
    """Lists, adds, changes and removes own devices.

    Parameters
    ----------
    own
        Where they are kept.
    """

    changed = Signal()

    def __init__(self, own: OwnDevices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("deviceDialog")
        self.setWindowTitle("My devices")
        self.resize(1120, 580)
        self._own = own
        self._shown: Device | None = None
        self._filled: list[ZoneRow] = []
        self._is_filling = False
        columns = QHBoxLayout()
        columns.setSpacing(14)
        columns.addLayout(self._list_side(), 0)
        columns.addLayout(self._form_side(), 1)
        self.trouble = QLabel()
        self.trouble.setObjectName("deviceTrouble")
        self.trouble.setProperty("amber", True)
        self.trouble.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        plain(buttons)
        # Enter in a field must not close the dialog.
        buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        layout = QVBoxLayout(self)
        layout.addLayout(columns, 1)
        layout.addWidget(self.trouble)
        layout.addWidget(buttons)
        self._fill_list("")

    # building ------------------------------------------------------------------------------

    def _list_side(self) -> QVBoxLayout:
        side = QVBoxLayout()
        self.list = QListWidget()
        self.list.setObjectName("ownDevices")
        self.list.setAccessibleName("My devices")
        self.list.setFixedWidth(210)
        self.list.currentRowChanged.connect(lambda _row: self._choose())
        side.addWidget(self.list, 1)
        self.add = self._button("&New device", "newDevice", self._start_new, "Describe a device of your own")
        self.remove = self._button("Re&move", "removeDevice", self._remove, "")
        side.addWidget(self.add)
        side.addWidget(self.remove)
        return side

    def _form_side(self) -> QVBoxLayout:
        side = QVBoxLayout()
        form = QFormLayout()
        self.title = QLineEdit()
        self.title.setPlaceholderText("Such as: Our antenna 15 G")
        self.modality = QComboBox()
        for kind in (m for m in MODALITIES if m in DEFAULTS):
            self.modality.addItem(kind.capitalize(), kind)
        self.length = _spin(1.0, 500.0)
        self.diameter = _spin(0.1, 20.0)
        self.offset = _spin(-50.0, 100.0)
        for words, field, name in (
            ("&Title", self.title, "deviceTitle"),
            ("&Kind of energy", self.modality, "deviceModality"),
            ("Shaft &length", self.length, "deviceLength"),
            ("Shaft &diameter", self.diameter, "deviceDiameter"),
            ("Zone's centre behind the &tip", self.offset, "deviceOffset"),
        ):
            field.setObjectName(name)
            field.setAccessibleName(words.replace("&", ""))
            form.addRow(words, field)
        self.title.textEdited.connect(lambda _text: self._look())
        self.modality.activated.connect(lambda _n: self._look())
        for spin in (self.length, self.diameter, self.offset):
            spin.valueChanged.connect(lambda _value: self._look())
        side.addLayout(form)
        self.rows = QTableWidget(0, len(_COLUMNS))
        self.rows.setObjectName("deviceRows")
        self.rows.setAccessibleName("Zones of the device")
        self.rows.setHorizontalHeaderLabels([title for _, title in _COLUMNS])
        self.rows.verticalHeader().setVisible(False)
        self.rows.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.rows.setTabKeyNavigation(True)
        self.rows.horizontalHeader().setStretchLastSection(True)
        for n in range(_MEDIUM):
            self.rows.setColumnWidth(n, 78)
        self.rows.itemChanged.connect(lambda _item: self._look())
        side.addWidget(self.rows, 1)
        side.addWidget(dim_label(_HELP, wraps=True))
        self.words = dim_label("", wraps=True)
        self.words.setObjectName("deviceWords")
        self.wrong = QLabel()
        self.wrong.setObjectName("deviceWrong")
        self.wrong.setProperty("amber", True)
        self.wrong.setWordWrap(True)
        side.addWidget(self.words)
        side.addWidget(self.wrong)
        side.addLayout(self._row_buttons())
        return side

    def _row_buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.addWidget(
            self._button("Add &row", "addRow", lambda: self._append(None), "Another power and time")
        )
        line.addWidget(
            self._button("Remove ro&w", "removeRow", self._remove_row, "Take out the row of the chosen cell")
        )
        line.addWidget(
            self._button(
                "&Import CSV…", "importCsv", self._ask_csv, "Take the rows from a table (see the guide)"
            )
        )
        line.addStretch(1)
        self.save = self._button("&Save device", "saveDevice", self.save_device, "")
        self.save.setProperty("primary", True)
        line.addWidget(self.save)
        return line

    def _button(self, text: str, name: str, run: Callable[[], None], tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setAccessibleName(text.replace("&", "").rstrip("…"))
        button.setToolTip(tip)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked: run())
        return button

    # showing -------------------------------------------------------------------------------

    def _fill_list(self, chosen: str) -> None:
        devices = self._own.devices
        self.list.blockSignals(True)
        self.list.clear()
        for device in devices:
            self.list.addItem(device.title)
            self.list.item(self.list.count() - 1).setData(Qt.ItemDataRole.UserRole, device.name)
        at = next((n for n, d in enumerate(devices) if d.name == chosen), 0 if devices else -1)
        self.list.setCurrentRow(at)
        self.list.blockSignals(False)
        self.trouble.setText("\n".join(f"{e.what} {e.thing} {e.todo}" for e in self._own.troubles))
        self.trouble.setVisible(bool(self.trouble.text()))
        self._choose()

    def _choose(self) -> None:
        item = self.list.currentItem()
        name = item.data(Qt.ItemDataRole.UserRole) if item is not None else ""
        self._show(next((d for d in self._own.devices if d.name == name), None))

    def _show(self, device: Device | None) -> None:
        self._shown = device
        self._is_filling = True
        self.title.setText(device.title if device is not None else "")
        kind = device.modality if device is not None else MODALITIES[0]
        self.modality.setCurrentIndex(self.modality.findData(kind))
        self.length.setValue(device.length.value if device is not None else 150.0)
        self.diameter.setValue(device.diameter_mm if device is not None else 1.8)
        self.offset.setValue(device.center_offset.value if device is not None else 12.0)
        self.remove.setEnabled(device is not None)
        self.remove.setToolTip(
            "Plans that name it keep it; they say that it is missing"
            if device is not None
            else "Choose a device in the list first."
        )
        self._show_rows(device.rows if device is not None else ())

    def _show_rows(self, rows: tuple[ZoneRow, ...]) -> None:
        self._is_filling = True
        self.rows.setRowCount(0)
        self._filled = []
        for row in rows:
            self._append(row)
        if not rows:
            self._append(None)
        self._is_filling = False
        self._look()

    def _append(self, row: ZoneRow | None) -> None:
        was_filling, self._is_filling = self._is_filling, True
        at = self.rows.rowCount()
        self.rows.insertRow(at)
        for n, (name, _) in enumerate(_COLUMNS):
            if n == _MEDIUM:
                choice = QComboBox()
                choice.addItems([m.value for m in Medium])
                choice.setAccessibleName(f"Row {at + 1}, measured in")
                choice.setCurrentText(row.medium.value if row is not None else Medium.IN_VIVO.value)
                choice.activated.connect(lambda _n: self._look())
                self.rows.setCellWidget(at, n, choice)
                continue
            self.rows.setItem(at, n, QTableWidgetItem(_cell(row, name)))
        if row is not None:
            source = self.rows.item(at, _SOURCE)
            assert source is not None
            source.setData(Qt.ItemDataRole.UserRole, len(self._filled))
            self._filled.append(row)
        self._is_filling = was_filling
        if not was_filling:
            self.rows.setCurrentCell(at, 0)
            self.rows.setFocus()
            self._look()

    def _look(self) -> None:
        """Say what keeps the device from being saved, or how its sizes will be found."""
        if self._is_filling:
            return
        try:
            device = self._device()
        except PlannerError as error:
            self._say("", " ".join(part for part in (error.what, error.thing, error.todo) if part))
            self.save.setEnabled(False)
            self.save.setToolTip(self.wrong.text())
            return
        self._say(f"Sizes: {device.table.how}." if device.table is not None else "", "")
        is_same = self._shown is not None and replace(device, note=self._shown.note) == self._shown
        self.save.setEnabled(not is_same)
        self.save.setToolTip("Nothing was changed." if is_same else "Keep it on this computer")

    def _say(self, words: str, wrong: str) -> None:
        self.words.setText(words)
        self.wrong.setText(wrong)
        show(self.words, not wrong)
        show(self.wrong, bool(wrong))

    # doing ---------------------------------------------------------------------------------

    def save_device(self) -> None:
        """Keep what the form says; the list then shows it."""
        try:
            device = self._device()
            self._own.keep(device, self._shown.name if self._shown is not None else "")
        except PlannerError as error:
            show_error(self, error)
            return
        self._fill_list(device.name)
        self.changed.emit()

    def take_csv(self, path: Path) -> None:
        """Put the rows of a table into the form; a wrong one changes nothing."""
        try:
            rows = read_zone_csv(path)
        except PlannerError as error:
            show_error(self, error)
            return
        self._show_rows(rows)

    def _ask_csv(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Table of zones", "", "Tables (*.csv *.tsv *.txt)")
        if name:
            self.take_csv(Path(name))

    def _start_new(self) -> None:
        self.list.setCurrentRow(-1)
        self._show(None)
        self.title.setFocus()

    def _remove(self) -> None:
        if self._shown is None:
            return
        words = "Plans that name it will say that it is missing. Its file stays beside under another name."
        if ask(self, f"Remove '{self._shown.title}'?", words, ("Remove", "Keep")) != "Remove":
            return
        try:
            self._own.remove(self._shown.name)
        except PlannerError as error:
            show_error(self, error)
            return
        self._fill_list("")
        self.changed.emit()

    def _remove_row(self) -> None:
        if self.rows.currentRow() >= 0:
            self.rows.removeRow(self.rows.currentRow())
            self._look()

    # reading the form ----------------------------------------------------------------------

    def _device(self) -> Device:
        """The device the form describes; raises `PlannerError` where it describes none."""
        old = self._shown
        rows = [self._row(n) for n in range(self.rows.rowCount())]
        made = new_device(
            self.title.text(),
            str(self.modality.currentData()),
            [r for r in rows if r is not None],
            name=old.name if old is not None else "",
            length_mm=self.length.value(),
            diameter_mm=self.diameter.value(),
            center_offset_mm=self.offset.value(),
        )
        if old is None or old.modality != made.modality:
            return made
        length = old.length if old.length.value == made.length.value else made.length
        is_offset_kept = math.isclose(old.center_offset.value, made.center_offset.value, abs_tol=0.0501)
        return replace(
            made,
            length=length,
            center_offset=old.center_offset if is_offset_kept else made.center_offset,
            emitter=old.emitter,
            lethal_inset_mm=old.lethal_inset_mm,
            note=old.note,
        )

    def _row(self, at: int) -> ZoneRow | None:
        """A line of the table; None where nothing was typed in it."""
        source = self.rows.item(at, _SOURCE)
        filled = source.data(Qt.ItemDataRole.UserRole) if source is not None else None
        known = self._filled[filled] if filled is not None else None
        texts = {name: self._text(at, n) for n, (name, _) in enumerate(_COLUMNS) if n != _MEDIUM}
        if not any(text for name, text in texts.items() if name != "source"):
            return None
        numbers = {
            # What was not touched keeps the digits that are not shown.
            name: _value(known, name)
            if texts[name] == _cell(known, name)
            else _number(texts[name], at, title)
            for name, title in _COLUMNS
            if name not in ("medium", "source") and texts[name]
        }
        for name, title in _COLUMNS:
            if name in _NEEDED and name not in numbers:
                raise InvalidValue("A number is missing.", f"Row {at + 1}, {title}.", "Type it.")
        choice = self.rows.cellWidget(at, _MEDIUM)
        assert isinstance(choice, QComboBox)
        return ZoneRow(
            {n: numbers[n] for n in ("power_w", "time_s") if n in numbers},
            numbers["long_axis_mm"],
            numbers["short_axis_mm"],
            Medium(choice.currentText()),
            texts["source"] or _IFU,
            known.confidence if known is not None else Confidence.SOURCE_READ,
            numbers.get("long_sd_mm"),
            numbers.get("short_sd_mm"),
            known.note if known is not None else "",
            numbers.get("center_offset_mm"),
            known.count if known is not None else None,
        )

    def _text(self, at: int, column: int) -> str:
        item = self.rows.item(at, column)
        return item.text().strip() if item is not None else ""


def _spin(low: float, high: float) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(low, high)
    field.setDecimals(1)
    field.setSuffix(" mm")
    field.setMaximumWidth(140)
    return field


def _cell(row: ZoneRow | None, name: str) -> str:
    if row is None:
        return _IFU if name == "source" else ""
    if name == "source":
        return row.source
    value = row.settings.get(name) if name in ("power_w", "time_s") else getattr(row, name)
    return "" if value is None else f"{value:.5g}"


def _value(row: ZoneRow | None, name: str) -> float:
    assert row is not None
    return float(row.settings[name] if name in ("power_w", "time_s") else getattr(row, name))


def _number(text: str, at: int, title: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidValue("This is not a number.", f"Row {at + 1}, {title}: '{text}'.", "Type digits.")
    return value
