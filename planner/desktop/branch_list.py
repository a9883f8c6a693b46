"""The branches of a tree as a list in the mode Vessels."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import heading
from planner.model.vessel_tree import VesselTree
from planner.session.branch_rows import branch_rows

#: Rows of the branch list that are seen at once.
FEWEST_ROWS, MOST_ROWS = 3, 12


class BranchList(QWidget):
    """Named branches of a tree, or all of them."""

    chosen = Signal(int)
    all_asked = Signal()
    confirm_asked = Signal()
    names_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 14, 0)
        self._title = heading("Branches")
        self.all = QCheckBox("all")
        self.all.setObjectName("allBranches")
        self.all.setToolTip("Also branches without a name")
        self.all.toggled.connect(lambda _on: self.all_asked.emit())
        line.addWidget(self._title)
        line.addStretch(1)
        line.addWidget(self.all)
        column.addLayout(line)
        self.list = QTreeWidget()
        self.list.setObjectName("branchList")
        self.list.setAccessibleName("Branches")
        self.list.setColumnCount(4)
        self.list.setHeaderLabels(["Name", "Gen", "Long", "Wide"])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column_number, width in ((1, 42), (2, 66), (3, 70)):
            header.setSectionResizeMode(column_number, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column_number, width)
        self.list.currentItemChanged.connect(self._current_changed)
        holder = QHBoxLayout()
        holder.setContentsMargins(12, 0, 12, 0)
        holder.addWidget(self.list)
        column.addLayout(holder)
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        line.setSpacing(6)
        self.confirm, self.names = QPushButton("Confirm all names"), QPushButton("Propose names anew")
        for button, name, tip, asked in (
            (self.confirm, "confirmAll", "Take all proposed names for right", self.confirm_asked),
            (
                self.names,
                "proposeNames",
                "From the forks and where branches lie; confirmed names stay",
                self.names_asked,
            ),
        ):
            button.setObjectName(name)
            button.setProperty("compact", True)
            button.setToolTip(tip)
            button.clicked.connect(lambda _checked, a=asked: a.emit())
            line.addWidget(button)
        line.addStretch(1)
        column.addLayout(line)
        self._listed: object = None

    def show_tree(self, tree: VesselTree, chosen: int | None) -> None:
        """List a tree's branches, the chosen one marked; proposed names stand in italics."""
        key = (tree, self.all.isChecked())
        with QSignalBlocker(self.list):
            if key != self._listed:
                self._listed = key
                self._fill(tree)
            self._mark(tree, chosen)
        is_open = any(b.name and not b.is_name_confirmed for b in tree.branches)
        self.confirm.setEnabled(is_open)
        self.confirm.setToolTip(
            "Take all proposed names for right" if is_open else "No proposed name is left."
        )

    def _fill(self, tree: VesselTree) -> None:
        self.list.clear()
        for row in branch_rows(tree, self.all.isChecked()):
            title = f"{row.title} (loose)" if row.is_loose else row.title
            item = QTreeWidgetItem(
                [title, str(row.generation), f"{row.length_mm:.0f} mm", f"{row.diameter_mm:.1f} mm"]
            )
            item.setData(0, Qt.ItemDataRole.UserRole, row.number)
            if not row.is_confirmed:
                font = item.font(0)
                font.setItalic(True)
                item.setFont(0, font)
                item.setToolTip(
                    0, f"{title}: proposed" if row.title == tree.branch(row.number).name else title
                )
            else:
                item.setToolTip(0, f"{title}: confirmed")
            for column in (1, 2, 3):
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.list.addTopLevelItem(item)
        rows = min(max(self.list.topLevelItemCount(), FEWEST_ROWS), MOST_ROWS)
        height = max(self.list.sizeHintForRow(0), 16)
        self.list.setFixedHeight(self.list.header().sizeHint().height() + rows * height + 6)

    def _mark(self, tree: VesselTree, chosen: int | None) -> None:
        """Mark the chosen branch, or the named one it is part of."""
        if chosen is None or chosen not in tree:
            self.list.setCurrentIndex(QModelIndex())
            self.list.clearSelection()
            return
        line = [b.number for b in tree.way_to(chosen)]
        items = [self.list.topLevelItem(n) for n in range(self.list.topLevelItemCount())]
        listed = {item.data(0, Qt.ItemDataRole.UserRole): item for item in items if item is not None}
        name = tree.branch(chosen).name
        for number in reversed(line):
            if number in listed and (number == chosen or (name and tree.branch(number).name == name)):
                self.list.setCurrentItem(listed[number])
                self.list.scrollToItem(listed[number])
                return
        self.list.setCurrentIndex(QModelIndex())
        self.list.clearSelection()

    def _current_changed(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(int(item.data(0, Qt.ItemDataRole.UserRole)))
