"""The device's form says what is a placeholder or missing, and leads to one's own devices."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QPushButton

from planner.desktop.probe_form import DeviceForm
from planner.library.index import LibraryIndex
from planner.model.assessment import Confidence
from planner.planning.device_library import device_library
from planner.planning.devices import PLACEHOLDER, Medium, ZoneRow
from planner.session.actions import Workbench
from planner.session.own_devices import OwnDevices, new_device
from planner.session.session import Session

ROW = ZoneRow({"power_w": 60.0, "time_s": 300.0}, 34, 24, Medium.IN_VIVO, "IFU", Confidence.SOURCE_READ)


@pytest.fixture
def form(qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeviceForm:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = DeviceForm(Workbench(Session(index=LibraryIndex(tmp_path / "library"))))
    found.refresh()
    return found


def mark(form: DeviceForm) -> QLabel:
    found = form.findChild(QLabel, "devicePlaceholder")
    assert isinstance(found, QLabel)
    return found


def test_a_placeholder_is_marked_and_a_read_device_is_not(form: DeviceForm) -> None:
    assert form.bench.placing.device == "generic-mwa-2450"
    assert mark(form).text() == PLACEHOLDER
    assert mark(form).property("amber") is True
    assert not mark(form).isHidden()
    form.bench.placing.choose_device("generic-rf-single")
    form.refresh()
    assert mark(form).isHidden()


def test_the_link_asks_for_own_devices(form: DeviceForm) -> None:
    asked: list[int] = []
    form.devices_asked.connect(lambda: asked.append(1))
    QTest.mouseClick(form.findChild(QPushButton, "myDevices"), Qt.MouseButton.LeftButton)
    assert asked == [1]


def test_the_fields_say_the_hull(form: DeviceForm) -> None:
    field = form.findChild(QDoubleSpinBox, "field_power_w")
    assert isinstance(field, QDoubleSpinBox)
    assert (field.minimum(), field.maximum()) == (80.0, 150.0)
    assert "80 W for 300 s, 100 W for 300 s, 150 W for 720 s, 100 W for 600 s" in field.toolTip()
    assert "never extrapolated" in field.toolTip()


def test_an_added_device_is_in_the_picker_at_once(form: DeviceForm) -> None:
    OwnDevices().keep(new_device("Our antenna", "microwave", [ROW]))
    form.refresh()
    picker = form.findChild(QComboBox, "devicePicker")
    assert isinstance(picker, QComboBox)
    assert picker.count() == len(device_library().devices)
    assert picker.itemText(picker.findData("our-antenna")) == "Our antenna · yours"


def test_a_device_that_is_missing_here_is_said(form: DeviceForm) -> None:
    OwnDevices().keep(new_device("Our antenna", "microwave", [ROW]))
    form.bench.placing.choose_device("our-antenna")
    OwnDevices().remove("our-antenna")
    form.refresh()
    assert "not in the library of this computer" in mark(form).text()
    picker = form.findChild(QComboBox, "devicePicker")
    assert isinstance(picker, QComboBox)
    assert picker.currentText() == "our-antenna (not in the library)"
    form._device_chosen(picker.currentIndex())
    assert form.bench.placing.device == "our-antenna", "choosing what is missing changes nothing"
