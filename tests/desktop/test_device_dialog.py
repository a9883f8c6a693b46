"""The dialog "My devices": what is typed becomes a device, and what is wrong is said before it is saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QMessageBox, QWidget

from planner.desktop.application import make_application
from planner.desktop.device_dialog import DeviceDialog
from planner.model.assessment import Confidence
from planner.planning.device_library import device_library
from planner.planning.devices import Medium, ZoneRow
from planner.session.own_devices import OwnDevices, new_device

pytestmark = [pytest.mark.window]

ROW = ZoneRow(
    {"power_w": 60.0, "time_s": 300.0}, 34.123456789, 24, Medium.IN_VIVO, "IFU", Confidence.SOURCE_READ
)


@pytest.fixture
def dialog(qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeviceDialog]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    make_application()
    own = OwnDevices()
    own.keep(new_device("Our antenna", "microwave", [ROW], center_offset_mm=14.0))
    found = DeviceDialog(own)
    found.show()
    yield found
    found.close()
    found.deleteLater()


def type_cell(dialog: DeviceDialog, row: int, column: int, text: str) -> None:
    item = dialog.rows.item(row, column)
    assert item is not None
    item.setText(text)


def test_an_own_device_is_shown_as_it_is_kept(dialog: DeviceDialog) -> None:
    assert dialog.list.count() == 1
    assert dialog.title.text() == "Our antenna"
    assert dialog.offset.value() == 14.0
    assert not dialog.save.isEnabled()
    assert dialog.save.toolTip() == "Nothing was changed."
    assert dialog.words.text() == "Sizes: one row: only these settings."


def test_a_new_device_is_typed_and_saved(dialog: DeviceDialog) -> None:
    said: list[int] = []
    dialog.changed.connect(lambda: said.append(1))
    QTest.mouseClick(dialog.add, Qt.MouseButton.LeftButton)
    assert not dialog.save.isEnabled()
    assert "needs a title" in dialog.wrong.text() or "needs a row" in dialog.wrong.text()
    QTest.keyClicks(dialog.title, "Cryo needle 13 G")
    dialog.modality.setCurrentIndex(dialog.modality.findData("cryo"))
    for column, text in ((1, "600"), (2, "48"), (3, "3x")):
        type_cell(dialog, 0, column, text)
    assert "This is not a number. Row 1, Short mm: '3x'." in dialog.wrong.text()
    assert not dialog.save.isEnabled()
    type_cell(dialog, 0, 3, "38,5")
    choice = dialog.rows.cellWidget(0, 7)
    assert isinstance(choice, QComboBox)
    choice.setCurrentText("phantom")
    assert dialog.save.isEnabled()
    QTest.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    device = device_library().device("cryo-needle-13-g")
    assert device.rows[0].axes_mm == (48.0, 38.5)
    assert (device.rows[0].medium, device.modality) == (Medium.PHANTOM, "cryo")
    assert said == [1]
    assert dialog.list.count() == 2
    assert not dialog.save.isEnabled()


def test_a_changed_row_keeps_the_digits_that_are_not_shown(dialog: DeviceDialog) -> None:
    type_cell(dialog, 0, 3, "25")
    QTest.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    device = device_library().device("our-antenna")
    assert device.rows[0].axes_mm == (34.123456789, 25.0)
    assert device.center_offset.value == 14.0


def test_rows_are_added_and_taken_out(dialog: DeviceDialog) -> None:
    button = dialog.findChild(QWidget, "addRow")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert dialog.rows.rowCount() == 2
    assert not dialog.save.isEnabled(), "an empty line is no row"
    for column, text in ((0, "100"), (1, "600"), (2, "49"), (3, "37.5")):
        type_cell(dialog, 1, column, text)
    assert "through both rows" in dialog.words.text()
    assert dialog.save.isEnabled()
    QTest.mouseClick(dialog.findChild(QWidget, "removeRow"), Qt.MouseButton.LeftButton)
    assert dialog.rows.rowCount() == 1


def test_a_table_fills_the_form_and_a_wrong_one_changes_nothing(dialog: DeviceDialog, tmp_path: Path) -> None:
    head = "power_w,time_s,long_axis_mm,short_axis_mm,center_offset_mm,medium,source,confidence\n"
    path = tmp_path / "zones.csv"
    path.write_text(
        head + "80,300,44,31,14,ex vivo,IFU,source read\n90,300,46,33,14,ex vivo,IFU,source read\n"
    )
    dialog.take_csv(path)
    assert dialog.rows.rowCount() == 2
    assert dialog.save.isEnabled()
    path.write_text(head + "80,300,44,x,14,ex vivo,IFU,source read\n")
    dialog.take_csv(path)
    box = dialog.findChild(QMessageBox, "errorBox")
    assert box is not None
    assert "line 2, column short_axis_mm" in box.informativeText()
    box.close()
    assert dialog.rows.rowCount() == 2


def test_removing_asks_and_can_be_kept(dialog: DeviceDialog, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(("Keep", "Remove"))
    monkeypatch.setattr("planner.desktop.device_dialog.ask", lambda *_: next(answers))
    QTest.mouseClick(dialog.remove, Qt.MouseButton.LeftButton)
    assert "our-antenna" in device_library().devices
    QTest.mouseClick(dialog.remove, Qt.MouseButton.LeftButton)
    assert "our-antenna" not in device_library().devices
    assert dialog.list.count() == 0
    assert not dialog.remove.isEnabled()
    assert dialog.remove.toolTip() == "Choose a device in the list first."


def test_a_broken_file_is_said_and_enter_does_not_close(dialog: DeviceDialog) -> None:
    (OwnDevices().folder / "broken.toml").write_text("{")
    again = DeviceDialog(OwnDevices())
    again.show()
    assert "broken.toml" in again.trouble.text()
    QTest.keyClick(again.title, Qt.Key.Key_Return)
    assert again.isVisible()
    QTest.keyClick(again, Qt.Key.Key_Escape)
    assert not again.isVisible()
    again.deleteLater()


def test_every_control_has_a_name_for_screen_readers(dialog: DeviceDialog) -> None:
    for field in (
        dialog.title,
        dialog.modality,
        dialog.length,
        dialog.diameter,
        dialog.offset,
        dialog.rows,
        dialog.list,
    ):
        assert field.objectName()
        assert field.accessibleName()
