"""A module's settings as a form, drawn from its Settings dataclass; every change is judged at once."""

from __future__ import annotations

import shlex
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import InvalidValue
from planner.desktop.image_choice import ImageChoice
from planner.desktop.messages import plain, show_error
from planner.desktop.pieces import dim_label, link_button, scrolled
from planner.model.assessment import SettingValue
from planner.plugin.settings import Option, options_of
from planner.session.session import Session

#: Behind what is kept with the case and not for the next one.
OF_CASE = " (this patient)"


class ModuleSettings(QDialog):
    """Changes the settings of one module of a session.

    Parameters
    ----------
    session
        Whose judgement they rule.
    module
        Id of the module.
    drawer
        Begin of the title of the drawer to open and to begin with.
    """

    def __init__(
        self, session: Session, module: str, parent: QWidget | None = None, *, drawer: str = ""
    ) -> None:
        super().__init__(parent)
        self._opened = drawer
        self.setObjectName("moduleSettings")
        found = session.judgements.registry.module(module)
        self.setWindowTitle(f"Settings of {found.manifest.title}")
        self.resize(620, 560)
        self._session, self._module = session, module
        self._options = options_of(found.settings_class)
        self._before = dict(session.judgements.settings(module))
        self._fields: dict[str, QWidget] = {}
        layout = QVBoxLayout(self)
        layout.addWidget(
            dim_label(
                "They hold for every case until you change them, but for what speaks of one patient: that is kept"
                " with the case. All of them stand in each report.",
                wraps=True,
            )
        )
        area = scrolled(self._form())
        layout.addWidget(area, 1)
        self._command = QLineEdit()
        self._command.setReadOnly(True)
        self._command.setObjectName("settingsCommand")
        self._command.setToolTip("What the command line needs for the same judgement")
        layout.addWidget(self._command)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.RestoreDefaults
            | QDialogButtonBox.StandardButton.Cancel
            | QDialogButtonBox.StandardButton.Ok
        )
        restore = buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults)
        restore.setObjectName("restoreDefaults")
        restore.clicked.connect(lambda _checked: self._take({}))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        plain(buttons)
        layout.addWidget(buttons)
        self._fill()
        if self._first is not None:
            first = self._first
            # Once the form has its places.
            QTimer.singleShot(0, self, lambda: area.verticalScrollBar().setValue(first.y()))

    def reject(self) -> None:
        """Go back to what held when the form was opened."""
        self._take(self._before)
        super().reject()

    def _form(self) -> QWidget:
        body = QWidget()
        body.setObjectName("panelBody")
        column = QVBoxLayout(body)
        self._first: QWidget | None = None
        drawers: dict[str, list[Option]] = {}
        for option in self._options:
            drawers.setdefault(option.drawer, []).append(option)
        if not self._options:
            column.addWidget(dim_label("This module has no settings."))
        for title, options in sorted(drawers.items()):
            rows = self._rows(options)
            if title:
                is_asked = bool(self._opened) and title.startswith(self._opened)
                is_open = is_asked or any(o.name in self._before for o in options)
                head = _drawer(title, rows, is_open)
                column.addWidget(head)
                self._first = head if is_asked else self._first
            column.addWidget(rows)
        column.addStretch(1)
        return body

    def _rows(self, options: list[Option]) -> QWidget:
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(0, 1)
        grid.setHorizontalSpacing(18)
        for row, option in enumerate(options):
            text = option.help or option.name
            words = QLabel(f"{text.removesuffix('.')}{OF_CASE}" if option.is_of_case else text)
            words.setWordWrap(True)
            field = self._field(option)
            field.setObjectName(f"setting_{option.name}")
            field.setAccessibleName(words.text())
            words.setBuddy(field)
            words.setToolTip(option.name)
            if option.is_of_case and not self._session.is_open:
                field.setEnabled(False)
                field.setToolTip("Speaks of a patient: open a case first")
            grid.addWidget(words, row, 0)
            grid.addWidget(field, row, 1, Qt.AlignmentFlag.AlignTop)
            self._fields[option.name] = field
        return rows

    def _field(self, option: Option) -> QWidget:
        if isinstance(option.default, bool):
            box = QCheckBox()
            box.toggled.connect(lambda on: self._changed(option, on))
            return box
        if option.modalities:
            images = ImageChoice(option.modalities)
            images.chosen.connect(lambda id: self._changed(option, id))
            return images
        if option.choices:
            choice = QComboBox()
            choice.addItems(list(option.choices))
            choice.activated.connect(lambda n: self._changed(option, option.choices[n]))
            return choice
        if isinstance(option.default, int | float):
            number = QDoubleSpinBox()
            # A value as small as a perfusion per second must not read 0.0.
            fine = 0 < abs(option.default) < 0.1
            number.setDecimals(0 if isinstance(option.default, int) else 4 if fine else 1)
            number.setSingleStep(0.001 if fine else 1.0)
            number.setRange(
                -1e9 if option.low is None else option.low, 1e9 if option.high is None else option.high
            )
            number.setSuffix(f" {option.unit}" if option.unit else "")
            number.setKeyboardTracking(False)
            number.setMinimumWidth(110)
            number.valueChanged.connect(lambda value: self._changed(option, value))
            return number
        text = QLineEdit()
        text.editingFinished.connect(lambda: self._changed(option, text.text()))
        return text

    def _fill(self) -> None:
        held = self._session.judgements.settings(self._module)
        for option in self._options:
            field, value = self._fields[option.name], held.get(option.name, option.default)
            field.blockSignals(True)
            if isinstance(field, QCheckBox):
                field.setChecked(bool(value))
            elif isinstance(field, ImageChoice):
                if self._session.is_open:
                    field.show_choice(self._session.case, str(value))
            elif isinstance(field, QComboBox):
                field.setCurrentText(str(value))
            elif isinstance(field, QDoubleSpinBox):
                field.setValue(float(value))
            elif isinstance(field, QLineEdit):
                field.setText(str(value))
            field.blockSignals(False)
        words = " ".join(shlex.quote(f"{name}={value}") for name, value in held.items())
        self._command.setText(f"--set {words}" if words else "All at their defaults")

    def _changed(self, option: Option, value: SettingValue) -> None:
        if isinstance(option.default, int) and not isinstance(option.default, bool):
            value = round(float(value))
        values: dict[str, Any] = {**self._session.judgements.settings(self._module), option.name: value}
        self._take({name: v for name, v in values.items() if v != self._default(name)})

    def _take(self, values: dict[str, Any]) -> None:
        try:
            if values != self._session.judgements.settings(self._module):
                self._session.judgements.set_settings(self._module, values)
        except InvalidValue as error:
            show_error(self, error)
        self._fill()

    def _default(self, name: str) -> SettingValue:
        return next(o.default for o in self._options if o.name == name)


def _drawer(title: str, content: QWidget, is_open: bool) -> QPushButton:
    """A heading that opens and closes what stands below it."""
    button = link_button("", "Sound defaults: change them only where you know why")
    button.setObjectName(f"drawer_{title.split()[0].lower()}")
    button.setCheckable(True)

    def follow(is_on: bool) -> None:
        button.setText(f"{'▾' if is_on else '▸'} {title}")
        content.setVisible(is_on)

    button.toggled.connect(follow)
    button.setChecked(is_open)
    follow(is_open)
    return button
