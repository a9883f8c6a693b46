"""The part of the mode Vessels with the case's trees: found, drawn, chosen, deleted."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from planner.desktop.pieces import (
    Elided,
    Row,
    card,
    clear_layout,
    dim_label,
    heading,
    link_button,
    show,
    swatch_icon,
)
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.model.vocabulary import vocabulary
from planner.scene.palette import Color
from planner.session.actions import Workbench
from planner.session.vessel_trees import TREE_ROLES

FIND_TIP = "Middle lines, widths and forks of all outlined vessels, with names proposed for the main branches"
DRAW_TIP = "Click along a vessel in a slice where nobody outlined it"
DRAW_HINT = (
    "Click along the vessel, from its trunk outwards. Backspace takes a click back, Enter ends, Esc stops."
)
LOOKING = "Looking for the way to the last click…"


class TreePart(QWidget):
    """The trees, and how more are made.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    find_asked = Signal()
    draw_asked = Signal()
    end_asked = Signal()
    delete_asked = Signal(str)
    chosen = Signal(str)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("Vessels"))
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        column.addLayout(self._rows)
        self._nothing = dim_label("No vessel trees yet.", wraps=True)
        self._nothing.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._nothing)
        line = QHBoxLayout()
        line.setContentsMargins(12, 4, 12, 2)
        line.setSpacing(6)
        self.find_all, self.draw = QPushButton("Find in the outlines"), QPushButton("Draw a vessel")
        self.find_all.setObjectName("findTrees")
        self.draw.setObjectName("drawVessel")
        self.draw.setToolTip(DRAW_TIP)
        self.find_all.clicked.connect(lambda _checked: self.find_asked.emit())
        self.draw.clicked.connect(lambda _checked: self.draw_asked.emit())
        for button in (self.find_all, self.draw):
            button.setProperty("compact", True)
            line.addWidget(button)
        line.addStretch(1)
        column.addLayout(line)
        self._why = dim_label("", wraps=True)
        self._why.setObjectName("findWhyNot")
        self._why.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._why)
        self.drawing = DrawingCard(bench)
        self.drawing.end_asked.connect(self.end_asked)
        column.addWidget(self.drawing)
        self._listed: object = None

    def refresh(self, shown: str) -> None:
        """Show the trees as they are; one of them is the shown one."""
        trees = self.bench.vessels.trees.trees
        key = (trees, shown)
        if self._listed is None or self._listed != key:
            self._listed = key
            clear_layout(self._rows)
            for tree in trees:
                self._rows.addWidget(self._row(tree, tree.id == shown))
        show(self._nothing, not trees)
        why = self.bench.vessels.trees.why_not_find()
        self.find_all.setEnabled(not why)
        self.find_all.setToolTip(why or FIND_TIP)
        is_first = not why and not trees
        if self.find_all.property("primary") != is_first:
            self.find_all.setProperty("primary", is_first)
            self.find_all.style().unpolish(self.find_all)
            self.find_all.style().polish(self.find_all)
        self._why.setText(why)
        show(self._why, bool(why))
        self.drawing.refresh()

    def _row(self, tree: VesselTree, is_shown: bool) -> Row:
        row = Row(tree.id)
        row.set_selected(is_shown)
        mark = QLabel()
        mark.setPixmap(swatch_icon(tree_color(self.bench, tree)).pixmap(13, 13))
        row.line.addWidget(mark)
        name = Elided(tree.id)
        row.line.addWidget(name, 1)
        count = len(tree.branches)
        words = f"{count} {'branch' if count == 1 else 'branches'} · {tree.length_mm:.0f} mm"
        parts = len(tree.roots)
        row.line.addWidget(dim_label(f"{words} · {parts} parts" if parts > 1 else words))
        remove = link_button("Delete", "Take these vessels out of the case; can be undone")
        remove.setObjectName(f"deleteTree_{tree.id}")
        remove.clicked.connect(lambda _checked: self.delete_asked.emit(tree.id))
        row.line.addWidget(remove)
        row.clicked.connect(lambda: self.chosen.emit(tree.id))
        return row


class DrawingCard(QWidget):
    """What is asked and shown while a vessel is drawn."""

    end_asked = Signal()

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 2, 12, 4)
        frame, layout = card()
        outer.addWidget(frame)
        line = QHBoxLayout()
        self.role = QComboBox()
        self.role.setObjectName("drawRole")
        self.role.setAccessibleName("Which vessels these are")
        for role, title in TREE_ROLES.items():
            self.role.addItem(title, role.value)
        self.role.activated.connect(
            lambda _n: bench.vessels.drawing.set_up(role=Role(self.role.currentData()))
        )
        self.dark = QCheckBox("dark")
        self.dark.setObjectName("drawDark")
        self.dark.setToolTip("The vessel is darker than what is around it, as before contrast arrives")
        self.dark.toggled.connect(lambda is_on: bench.vessels.drawing.set_up(is_dark=is_on))
        line.addWidget(self.role)
        line.addWidget(self.dark)
        line.addStretch(1)
        layout.addLayout(line)
        self._hint = QLabel(DRAW_HINT)
        self._hint.setObjectName("drawHint")
        self._hint.setWordWrap(True)
        self._hint.setMinimumHeight(2 * self._hint.fontMetrics().lineSpacing())
        layout.addWidget(self._hint)
        line = QHBoxLayout()
        line.setSpacing(6)
        self.end, self.back, self.stop = QPushButton("Done"), QPushButton("Take back"), QPushButton("Stop")
        for button, name in (
            (self.end, "endDrawing"),
            (self.back, "takeBackClick"),
            (self.stop, "stopDrawing"),
        ):
            button.setObjectName(name)
            button.setProperty("compact", True)
            line.addWidget(button)
        self.end.clicked.connect(lambda _checked: self.end_asked.emit())
        self.back.clicked.connect(lambda _checked: bench.vessels.drawing.take_back())
        self.stop.clicked.connect(lambda _checked: bench.vessels.drawing.stop())
        line.addStretch(1)
        layout.addLayout(line)

    def refresh(self) -> None:
        """Show how far the vessel is drawn."""
        drawing = self.bench.vessels.drawing
        show(self, drawing.is_on)
        if not drawing.is_on:
            return
        with QSignalBlocker(self.role), QSignalBlocker(self.dark):
            self.role.setCurrentIndex(self.role.findData(drawing.role.value))
            self.dark.setChecked(drawing.is_dark)
        why = drawing.why_not_end()
        self.end.setEnabled(not why)
        self.end.setToolTip(why)
        self.back.setEnabled(bool(drawing.clicks))
        self.back.setToolTip("" if drawing.clicks else "There is no click yet.")
        words = DRAW_HINT
        if len(drawing.clicks) > 1 and not drawing.is_current:
            words = LOOKING
        elif drawing.route is not None:
            length, wide = drawing.route.length_mm, drawing.route.diameter_mm
            words = f"{length:.0f} mm long, {wide:.1f} mm wide. Click on, or Enter to end."
        if self._hint.text() != words:
            self._hint.setText(words)


def tree_color(bench: Workbench, tree: VesselTree) -> Color:
    """The colour of the outline a tree was found in; else that of such vessels."""
    sets = bench.session.case.structure_sets
    for name in tree.structure.split(", "):
        if sets and name in sets[0]:
            return sets[0][name].color
    return vocabulary().entry(tree.role).color
