"""A table of attempts, the newest first; made of thousands as fast as of ten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView

from planner.desktop.attempt_words import (
    attempt_lines,
    counted,
    day_and_time,
    local_moment,
    minutes_words,
    plain_tip,
    points_words,
)
from planner.desktop.framed_rows import NO_FILL, FramedRows
from planner.desktop.theme import SMALL_PX, sign_color
from planner.practice.attempts import Attempt

#: Titles, and what they mean.
COLUMNS = (
    ("When", "When the attempt was finished, by this machine's clock"),
    ("Exercise", ""),
    ("Points", "Of 100; ✓ passed, ✕ not passed"),
    ("Time", "Minutes and seconds"),
    ("Again", "Needles drawn back and put in again"),
)
EXERCISE, POINTS = 1, 2
#: More rows are scrolled to.
SHOWN_ROWS = 8
_Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()


class AttemptModel(QAbstractTableModel):
    """The cells of a table of attempts."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts: tuple[Attempt, ...] = ()
        self._has_years = False

    def show_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Show attempts that are in the order of time."""
        self.beginResetModel()
        self.attempts = tuple(reversed(attempts))
        ends = self.attempts[:1] + self.attempts[-1:]
        self._has_years = len({local_moment(a.committed).year for a in ends}) > 1
        self.endResetModel()

    def rowCount(self, parent: _Index = _TOP) -> int:
        """One an attempt."""
        return 0 if parent.isValid() else len(self.attempts)

    def columnCount(self, parent: _Index = _TOP) -> int:
        """As many as there are titles."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Titles and what they mean."""
        if orientation == Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section][0]
        if role == Qt.ItemDataRole.ToolTipRole:
            return COLUMNS[section][1]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: _Index, role: int = 0) -> Any:
        """A cell: its words, how it lies, its colour, and all of its attempt as a tooltip."""
        attempt, column = self.attempts[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words(attempt, column)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == POINTS:
            return attempt_lines(attempt)[-1]
        if role == Qt.ItemDataRole.ToolTipRole:
            again = counted(attempt.repositionings, "needle")
            return plain_tip([*attempt_lines(attempt), f"{again} put in again"])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole and column == POINTS:
            return QColor(sign_color("✓" if attempt.score.is_passed else "▲"))
        return None

    def _words(self, attempt: Attempt, column: int) -> str:
        sign = "✓" if attempt.score.is_passed else "✕"
        return (
            day_and_time(attempt.committed, self._has_years),
            attempt.title or attempt.exercise,
            f"{points_words(attempt)} {sign}",
            minutes_words(attempt.seconds),
            f"{attempt.repositionings}",
        )[column]


class AttemptList(QTableView):
    """Attempts one can look at again: with a click, or with Enter."""

    attempt_chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("attemptList")
        self.setAccessibleName("Attempts, the newest first")
        self._model = AttemptModel()
        self.setModel(self._model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        # Narrow enough for the side panel, with room for the exercise's title.
        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        self.setFont(font)
        self.setStyleSheet(f"{NO_FILL} QHeaderView::section {{ padding: 3px; font-size: {SMALL_PX}px; }}")
        self.setItemDelegate(FramedRows(self))
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(EXERCISE, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(30)
        # Widths are of the rows in sight: of thousands they would be slow.
        header.setResizeContentsPrecision(0)
        self.clicked.connect(lambda index: self._take(index.row()))

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """As listed."""
        return self._model.attempts

    def sizeHint(self) -> QSize:
        """All rows, up to `SHOWN_ROWS`."""
        rows = min(max(len(self.attempts), 1), SHOWN_ROWS)
        high = self.horizontalHeader().sizeHint().height()
        return QSize(300, high + rows * self.verticalHeader().defaultSectionSize() + 4)

    def show_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Show attempts that are in the order of time."""
        self._model.show_attempts(attempts)
        self.setFixedHeight(self.sizeHint().height())

    def choose(self, attempt: Attempt | None) -> None:
        """Mark an attempt, without saying so; none where it is not listed."""
        keys = [] if attempt is None else [a.key for a in self.attempts]
        if attempt is None or attempt.key not in keys:
            self.clearSelection()
            return
        index = self._model.index(keys.index(attempt.key), 0)
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.scrollTo(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose with Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._take(self.currentIndex().row())
            return
        super().keyPressEvent(event)

    def _take(self, row: int) -> None:
        self.attempt_chosen.emit(self.attempts[row])


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column >= POINTS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
