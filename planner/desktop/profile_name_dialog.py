"""Asks the name of a profile, and says what is wrong with it while it is typed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from planner.base.errors import PlannerError
from planner.desktop.attempt_words import in_words
from planner.desktop.messages import plain
from planner.desktop.pieces import dim_label, show
from planner.practice.profiles import NAME_HINT, profile_name


class ProfileNameDialog(QDialog):
    """Stays open until the name could be kept.

    Parameters
    ----------
    title
        Of the window.
    name
        To begin with.
    keep
        Makes or renames the profile; what it raises is shown in the dialog.
    """

    def __init__(self, title: str, name: str, keep: Callable[[str], None], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setObjectName("profileNameDialog")
        self.setWindowTitle(title)
        self.setMinimumWidth(380)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._keep = keep
        column = QVBoxLayout(self)
        form = QFormLayout()
        self.field = QLineEdit(name)
        self.field.setObjectName("profileName")
        self.field.selectAll()
        form.addRow("&Name", self.field)
        column.addLayout(form)
        column.addWidget(dim_label(NAME_HINT, wraps=True))
        self.wrong = QLabel()
        self.wrong.setObjectName("profileNameWrong")
        self.wrong.setProperty("amber", True)
        self.wrong.setWordWrap(True)
        self.wrong.setTextFormat(Qt.TextFormat.PlainText)
        column.addWidget(self.wrong)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Ok
        )
        plain(buttons)
        self.ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)
        self.field.textChanged.connect(self._look)
        self._look(name)

    def accept(self) -> None:
        """Keep the name; stays open where it cannot be kept."""
        try:
            self._keep(self.field.text())
        except PlannerError as error:
            self._say(in_words(error))
            return
        super().accept()

    def _look(self, text: str) -> None:
        """Say what is wrong with a name; that it is empty is seen."""
        words = ""
        try:
            profile_name(text)
        except PlannerError as error:
            words = in_words(error)
        self.ok.setEnabled(not words)
        self.ok.setToolTip(words)
        self._say(words if text.strip() else "")

    def _say(self, words: str) -> None:
        self.wrong.setText(words)
        show(self.wrong, bool(words))
        # Wrapped words need height that a window does not give by itself.
        self.resize(self.width(), max(self.height(), self.heightForWidth(self.width())))
