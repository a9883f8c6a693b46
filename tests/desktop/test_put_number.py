"""Numbers in fields: shown anew where they changed, and what is being typed stays."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QDoubleSpinBox

from planner.desktop.pieces import put_number


@pytest.mark.usefixtures("qapp")
def test_what_is_being_typed_stays() -> None:
    field, told = QDoubleSpinBox(), []
    field.setRange(-1.0, 99.0)
    field.setDecimals(1)
    field.setKeyboardTracking(False)
    field.valueChanged.connect(told.append)
    put_number(field, 5.0)
    field.lineEdit().setText("12")
    put_number(field, 5.04)
    assert field.lineEdit().text() == "12", "the same number to its decimals"
    put_number(field, 7.5)
    assert field.lineEdit().text() == "7.5"
    put_number(field, 1e9)
    assert field.value() == 99.0
    assert not told, "nobody is told of what was not entered"
