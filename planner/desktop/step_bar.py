"""A row of buttons that choose one of a panel's pages."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget

#: Id, words and tooltip of a page.
Page = tuple[str, str, str]


class StepBar(QWidget):
    """One button a page, the first one down.

    Parameters
    ----------
    pages
        In their order; a button is named ``step_`` and the page's id.
    """

    chosen = Signal(int)

    def __init__(self, pages: tuple[Page, ...]) -> None:
        super().__init__()
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 2, 12, 2)
        self._buttons = QButtonGroup(self)
        for n, (id, text, tip) in enumerate(pages):
            button = QPushButton(text)
            button.setObjectName(f"step_{id}")
            button.setProperty("mode", True)
            button.setCheckable(True)
            button.setToolTip(tip)
            self._buttons.addButton(button, n)
            line.addWidget(button)
        line.addStretch(1)
        self._buttons.button(0).setChecked(True)
        self._buttons.idClicked.connect(self.chosen)

    def choose(self, number: int) -> None:
        """Put another button down, without saying so."""
        self._buttons.button(number).setChecked(True)
