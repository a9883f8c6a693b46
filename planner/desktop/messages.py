"""Errors and questions, in three parts and in the user's words."""

from __future__ import annotations

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialogButtonBox, QMessageBox, QWidget

from planner.base.errors import PlannerError


def plain(buttons: QDialogButtonBox | QMessageBox) -> None:
    """Take the platform's icons off buttons, so that a dialog looks the same everywhere."""
    for button in buttons.buttons():
        button.setIcon(QIcon())


def show_error(parent: QWidget | None, error: PlannerError) -> None:
    """Say what happened, to which thing, and what to do; never a traceback."""
    box = QMessageBox(
        QMessageBox.Icon.Warning, "Liver Planner", error.what, QMessageBox.StandardButton.Ok, parent
    )
    box.setObjectName("errorBox")
    box.setInformativeText("\n\n".join(part for part in (error.thing, error.todo) if part))
    plain(box)
    box.open()


def ask(parent: QWidget | None, title: str, text: str, choices: tuple[str, ...]) -> str:
    """Let the user choose one of a few answers; closing the box chooses the last."""
    box = QMessageBox(
        QMessageBox.Icon.Question, "Liver Planner", title, QMessageBox.StandardButton.NoButton, parent
    )
    box.setObjectName("questionBox")
    box.setInformativeText(text)
    buttons = {box.addButton(c, QMessageBox.ButtonRole.ActionRole): c for c in choices}
    box.setEscapeButton(list(buttons)[-1])
    box.exec()
    return next((c for b, c in buttons.items() if b is box.clickedButton()), choices[-1])
