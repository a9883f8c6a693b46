"""Suggested plans in a panel: ask for them, look at them, take one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import Elided, card, clear_layout, dim_label, heading, inset, show
from planner.model.suggestion import Suggestion
from planner.session.suggesting import Suggesting


class CoverGoal(QWidget):
    """What suggested plans should reach: the margin that is covered, and with how many instruments at most.

    Parameters
    ----------
    most_word, things, span
        The goal's word for the most instruments, what people call them, and the least and most of them.
    name
        Begins the names of its fields.
    """

    def __init__(self, most_word: str, things: str, span: tuple[int, int], name: str = "") -> None:
        super().__init__()
        self._most_word = most_word
        self.form = QFormLayout(self)
        self.form.setContentsMargins(14, 2, 14, 2)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.margin = QDoubleSpinBox()
        self.margin.setObjectName(f"{name}suggestMargin")
        self.margin.setRange(0.0, 15.0)
        self.margin.setDecimals(1)
        self.margin.setSuffix(" mm")
        self.margin.setValue(5.0)
        self.most = QSpinBox()
        self.most.setObjectName(f"{name}suggestMost")
        self.most.setRange(*span)
        self.most.setValue(6)
        self.most.setSuffix(f" {things}")
        self.form.addRow(dim_label("Margin"), self.margin)
        self.form.addRow(dim_label("At most"), self.most)

    def goal(self) -> dict[str, Any]:
        """The goal in the module's words."""
        return {"margin_mm": self.margin.value(), self._most_word: self.most.value()}


class SuggestionPart(QWidget):
    """The goal, and the plans a module suggests for it.

    Parameters
    ----------
    suggesting
        Asks, looks and takes.
    form
        What the plans should reach.
    lesion
        For which lesion, or empty.
    name
        Begins the names of its buttons.
    """

    suggest_asked = Signal(str, str, object)

    def __init__(
        self, suggesting: Suggesting, form: CoverGoal, lesion: Callable[[], str], name: str = ""
    ) -> None:
        super().__init__()
        self.suggesting, self._form, self._lesion, self._name = suggesting, form, lesion, name
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(4)
        self._title = heading("Suggested plans")
        column.addWidget(self._title)
        column.addWidget(form)
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        self.ask = QPushButton("Suggest plans")
        self.ask.setObjectName(f"{name}suggest")
        self.ask.setProperty("primary", True)
        self.ask.clicked.connect(lambda _checked: self._ask())
        line.addWidget(self.ask)
        self._state = Elided()
        self._state.setObjectName(f"{name}suggestState")
        self._state.setProperty("dim", True)
        line.addWidget(self._state, 1)
        column.addLayout(line)
        self._error = QLabel()
        self._error.setObjectName(f"{name}suggestError")
        self._error.setWordWrap(True)
        self._error.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._error)
        self.order = QComboBox()
        self.order.setObjectName(f"{name}suggestOrder")
        self.order.setAccessibleName("Order of the suggested plans")
        self.order.addItems([f"Order: {words}" for words, _, _ in suggesting.orders])
        self.order.activated.connect(suggesting.rank)
        self._order = inset(self.order)
        column.addWidget(self._order)
        self._cards = QVBoxLayout()
        self._cards.setContentsMargins(12, 0, 12, 0)
        self._cards.setSpacing(6)
        column.addLayout(self._cards)
        self._shown: object = None

    def refresh(self) -> None:
        """Show the state and the plans."""
        suggesting, lesion = self.suggesting, self._lesion()
        self._title.setText((f"Suggested plans for {lesion}" if lesion else "Suggested plans").upper())
        is_running = suggesting.is_running
        self.ask.setText("Cancel" if is_running else "Suggest plans")
        self.ask.setEnabled(is_running or bool(lesion))
        self.ask.setToolTip("" if lesion else "The case has no lesion yet.")
        self._state.set_full(suggesting.progress[1] if is_running else "")
        error = suggesting.error
        self._error.setText(
            "" if error is None else "\n".join(t for t in (error.what, error.thing, error.todo) if t)
        )
        show(self._error, error is not None)
        show(self._order, len(suggesting.suggestions) > 1)
        key = (suggesting.suggestions, suggesting.looked_at, suggesting.lesion)
        if key != self._shown:
            self._shown = key
            clear_layout(self._cards)
            for n, each in enumerate(suggesting.suggestions):
                self._cards.addWidget(self._card(n, each))

    def _ask(self) -> None:
        if self.suggesting.is_running:
            self.suggesting.cancel()
            return
        module = self.suggesting.module()
        if module is not None:
            self.suggest_asked.emit(module.manifest.id, self._lesion(), self._form.goal())

    def _card(self, number: int, suggestion: Suggestion) -> QWidget:
        suggesting = self.suggesting
        is_looked_at = suggesting.looked_at == number
        frame, layout = card()
        frame.setObjectName(f"{self._name}suggestion_{number}")
        frame.setProperty("chosen", is_looked_at)
        title = QLabel(suggestion.name)
        title.setWordWrap(True)
        why = dim_label(suggestion.why, wraps=True)
        layout.addWidget(title)
        layout.addWidget(why)
        line = QHBoxLayout()
        look = QPushButton("Hide" if is_looked_at else "Look")
        look.setObjectName(f"{self._name}look_{number}")
        look.setToolTip("Show this plan in the views; nothing is changed")
        look.clicked.connect(
            lambda _checked: suggesting.look_away() if is_looked_at else suggesting.look_at(number)
        )
        use = QPushButton("Use this plan")
        use.setObjectName(f"{self._name}use_{number}")
        use.setToolTip(f"Replace what is planned like it for {suggesting.lesion}; can be undone")
        use.clicked.connect(lambda _checked: suggesting.take(number))
        for button in (look, use):
            button.setProperty("compact", True)
            line.addWidget(button)
        line.addStretch(1)
        layout.addLayout(line)
        frame.setCursor(Qt.CursorShape.ArrowCursor)
        return frame
