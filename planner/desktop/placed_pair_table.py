"""The pairs of electrodes as planned and as placed, narrow enough for the side panel."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from planner.desktop.pieces import clear_layout, dim_label, heading, show
from planner.scene.palette import WARNING
from planner.session.placed_pair_rows import PairRow

WHERE = "The mode IRE shows and exports this table once judged."
COLUMNS = (
    ("Pair", "Numbers of the electrodes as planned"),
    ("mm", "Distance between the bare parts: planned → as placed"),
    ("V", "Voltage: planned → for the planned nominal V/d at the distance as placed"),
    ("A", "Expected current: planned → as placed"),
)


class PlacedPairTable(QWidget):
    """One line a pair; hidden where the plan has no electrodes in place."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("placedPairTable")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(heading("Pair table as placed"))
        self._grid = QGridLayout()
        self._grid.setContentsMargins(14, 0, 14, 4)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(3)
        column.addLayout(self._grid)
        self._words, where = dim_label(wraps=True), dim_label(WHERE, wraps=True)
        self._words.setObjectName("placedPairWords")
        where.setObjectName("placedPairWhere")
        for label in (self._words, where):
            label.setContentsMargins(14, 0, 14, 2)
            column.addWidget(label)
        self._shown: object = None
        show(self, False)

    def show_pairs(self, rows: tuple[PairRow, ...], words: str) -> None:
        """Show the pairs, and what else is to be known of them."""
        show(self, bool(rows or words))
        self._words.setText(words)
        show(self._words, bool(words))
        if rows == self._shown:
            return
        self._shown = rows
        clear_layout(self._grid)
        if not rows:
            return
        shown = COLUMNS if any(r.current for r in rows) else COLUMNS[:3]
        for column, (title, tip) in enumerate(shown):
            label = dim_label(title)
            label.setToolTip(tip)
            self._grid.addWidget(label, 0, column, _side(column))
        arrays = list(dict.fromkeys(r.array for r in rows))
        line, above = 1, ""
        for n, row in enumerate(rows):
            if len(arrays) > 1 and row.array != above:
                above = row.array
                self._grid.addWidget(dim_label(f"Electrodes {above}"), line, 0, 1, len(shown))
                line += 1
            self._add(n, line, row, len(shown))
            line += 1

    def _add(self, number: int, line: int, row: PairRow, columns: int) -> None:
        voltage = f"{row.voltage} ▲" if row.trouble else row.voltage
        for column, text in enumerate((row.title, row.distance, voltage, row.current)[:columns]):
            label = QLabel(text)
            label.setObjectName(f"placedPair_{number}_{column}")
            if row.trouble and column == 2:
                label.setToolTip(row.trouble)
                label.setStyleSheet(f"color: {WARNING}")
            self._grid.addWidget(label, line, column, _side(column))


def _side(column: int) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
