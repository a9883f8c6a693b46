"""What is chosen in a table stands between two lines, so that its colours stay in sight."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from planner.desktop.theme import shown_theme

#: For the style sheet of a table with framed rows.
NO_FILL = "QTableView { selection-background-color: transparent; }"


class FramedRows(QStyledItemDelegate):
    """Paints the cells of a table.

    Parameters
    ----------
    table
        It marks whole rows.
    """

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint a cell as if it was not chosen, and lines above and below where it is."""
        is_chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        option.state &= ~(QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_HasFocus)
        super().paint(painter, option, index)
        if is_chosen:
            area = option.rect
            painter.setPen(QPen(QColor(shown_theme().focus), 2.0))
            for y in (area.top() + 1.0, area.bottom()):
                painter.drawLine(QPointF(area.left(), y), QPointF(area.right() + 1.0, y))
