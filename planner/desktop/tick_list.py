"""A list of things to tick, by a click anywhere on a line or by the space bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QSizePolicy, QWidget

from planner.desktop.theme import shown_theme
from planner.scene.palette import LIGHT

LINE_PX, MOST_LINES = 22, 6


class TickList(QListWidget):
    """As tall as it has lines, up to a height.

    Parameters
    ----------
    titles
        Words for people by what stands for them.
    ticked
        Which are ticked at first.
    """

    ticks_changed = Signal()

    def __init__(
        self, titles: Mapping[str, str], ticked: Sequence[str] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setStyleSheet(_style())
        self.itemClicked.connect(self._turn)
        self.set_titles(titles, ticked)

    def set_titles(self, titles: Mapping[str, str], ticked: Sequence[str] = ()) -> None:
        """Show other things to tick, with these ticked; says nothing."""
        self.clear()
        for name, title in titles.items():
            item = QListWidgetItem(title)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setToolTip(title)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            item.setCheckState(Qt.CheckState.Checked if name in ticked else Qt.CheckState.Unchecked)
            item.setSizeHint(QSize(0, LINE_PX))
            self.addItem(item)
        self.setFixedHeight(LINE_PX * max(1, min(len(titles), MOST_LINES)) + 4)

    @property
    def ticked(self) -> tuple[str, ...]:
        """What is ticked, in the order of the list."""
        items = (self.item(n) for n in range(self.count()))
        return tuple(
            str(i.data(Qt.ItemDataRole.UserRole)) for i in items if i.checkState() == Qt.CheckState.Checked
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tick or untick the current line by the space bar."""
        item = self.currentItem()
        if event.key() == Qt.Key.Key_Space and item is not None:
            self._turn(item)
            return
        super().keyPressEvent(event)

    def _turn(self, item: QListWidgetItem) -> None:
        is_ticked = item.checkState() == Qt.CheckState.Checked
        item.setCheckState(Qt.CheckState.Unchecked if is_ticked else Qt.CheckState.Checked)
        self.ticks_changed.emit()


def _style() -> str:
    """The ticks of check boxes, in a list."""
    theme = shown_theme()
    icons = Path(str(files("planner.resources").joinpath("icons"))).as_posix()
    tone = "light" if theme is LIGHT else "dark"
    return (
        f"QListWidget::indicator {{ width: 13px; height: 13px; border: 1px solid {theme.dim};"
        f" border-radius: 4px; background: {theme.control}; }}"
        f"QListWidget::indicator:checked {{ image: url({icons}/check-{tone}.svg); }}"
        f"QListWidget::item:selected {{ background: {theme.raised}; color: {theme.text}; }}"
    )
