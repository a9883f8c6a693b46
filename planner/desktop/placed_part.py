"""The part of the mode Afterwards that compares needles in place with the plan."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import InvalidValue
from planner.desktop.pieces import Row, clear_layout, dim_label, heading, show
from planner.desktop.placed_pair_table import WHERE, PlacedPairTable
from planner.session.actions import Workbench
from planner.session.placed_needles import Comparison

if TYPE_CHECKING:
    from planner.planning.placed_plan import Deviation

#: Room for four digits, their unit and the arrows.
METAL_PX = 92


class PlacedPart(QWidget):
    """Finding or marking needles, how far they are off, and the plan as placed.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    find_asked = Signal(float)
    judge_asked = Signal()
    place_asked = Signal(object)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("Needles in place"))
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        self.metal = QDoubleSpinBox()
        self.search, self.mark = QPushButton("Find needles"), QPushButton("Mark needle")
        self.search.setObjectName("findNeedles")
        self.mark.setObjectName("markNeedle")
        self.search.setProperty("primary", True)
        self.search.clicked.connect(lambda _checked: self.find_asked.emit(self.metal.value()))
        self.mark.clicked.connect(lambda _checked: self.bench.placed.start_marking())
        self.metal.setObjectName("metalHu")
        self.metal.setAccessibleName("What counts as metal")
        self.metal.setToolTip("What is brighter counts as metal")
        self.metal.setRange(300.0, 3000.0)
        self.metal.setSingleStep(100.0)
        self.metal.setDecimals(0)
        self.metal.setSuffix(" HU")
        self.metal.setValue(1500.0)
        # Narrower than it asks for: all three are to fit the narrowest panel.
        self.metal.setFixedWidth(METAL_PX)
        for widget in (self.search, self.metal, self.mark):
            line.addWidget(widget)
        line.addStretch(1)
        column.addLayout(line)
        self._words = QLabel()
        self._words.setObjectName("placedWords")
        self._words.setWordWrap(True)
        self._words.setContentsMargins(14, 2, 14, 2)
        column.addWidget(self._words)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        column.addLayout(self._rows)
        self._listed: object = None
        line = QHBoxLayout()
        line.setContentsMargins(12, 4, 12, 2)
        self.judge = QPushButton("Judge as placed")
        self.judge.setObjectName("judgePlaced")
        self.judge.clicked.connect(lambda _checked: self.judge_asked.emit())
        line.addWidget(self.judge)
        line.addStretch(1)
        column.addLayout(line)
        self._table_title = heading("Planned and as placed")
        column.addWidget(self._table_title)
        self._table = QGridLayout()
        self._table.setContentsMargins(14, 0, 14, 4)
        self._table.setVerticalSpacing(3)
        column.addLayout(self._table)
        self._compared: object = None
        self.pairs = PlacedPairTable()
        column.addWidget(self.pairs)
        column.addStretch(1)

    def refresh(self) -> None:
        """Show the needles and how far they are off."""
        placed = self.bench.placed
        why = placed.why_not()
        self.search.setEnabled(not why)
        self.search.setToolTip(why or "Straight metal brighter than the threshold")
        has_scan = self.bench.following.laid is not None
        self.mark.setEnabled(has_scan)
        self.mark.setToolTip(
            "Click the needle's entry, then its tip, on the other scan" if has_scan else "Add a scan first."
        )
        words, why_judge = placed.words, ""
        rows: list[tuple[str, str]] = []
        try:
            rows, missing = self._found()
            self.pairs.show_pairs(placed.pair_rows(), placed.pair_words())
            if missing:
                words = " ".join(w for w in (words, f"Not found: {', '.join(missing)}.") if w)
        except InvalidValue as error:
            thing = f"({error.thing})" if error.thing else ""
            why_judge = " ".join(p for p in (error.what, thing, error.todo) if p)
            words = words or (why_judge if placed.found else "")
            rows = [(f"Needle {n + 1}", f"{f.length_mm:.1f} mm long") for n, f in enumerate(placed.found)]
            self.pairs.show_pairs((), "")
        if not placed.found:
            why_judge = "Find or mark the needles first."
        self._words.setText(words or (why if not placed.found else ""))
        show(self._words, bool(self._words.text()))
        self.judge.setEnabled(not why_judge)
        self.judge.setToolTip(why_judge or self._judge_tip())
        if rows != self._listed:
            self._listed = rows
            clear_layout(self._rows)
            for n, (name, text) in enumerate(rows):
                self._rows.addWidget(self._row(n, name, text))
        self._show_table(placed.comparison(self._lesion()))

    def _judge_tip(self) -> str:
        tip = "Coverage, margin and path with the needles as they lie"
        return f"{tip}. {WHERE}" if self.bench.placed.planned.electrode_arrays else tip

    def _found(self) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
        """By needle its name and how far it is off; then the planned ones that were not found."""
        placed = self.bench.placed
        if not placed.found:
            return [], ()
        answer = placed.placed()
        told = {id(f): _off(d) for f, d in zip(answer.matched, answer.deviations, strict=True)}
        rows = []
        for n, found in enumerate(placed.found):
            mark = " (marked)" if found.is_marked else ""
            name, text = told.get(id(found), (f"Needle {n + 1}", "near no planned needle"))
            rows.append((name, text + mark))
        return rows, answer.missing

    def _row(self, number: int, name: str, text: str) -> Row:
        row = Row(name)
        row.line.addWidget(QLabel(name))
        words = dim_label(text, wraps=True)
        words.setObjectName(f"deviation_{number}")
        row.line.addWidget(words, 1)
        remove = QPushButton("Remove")
        remove.setProperty("link", True)
        remove.clicked.connect(partial(self._remove, number))
        row.line.addWidget(remove)
        row.clicked.connect(partial(self._go, number))
        return row

    def _remove(self, number: int) -> None:
        self.bench.placed.remove(number)

    def _go(self, number: int) -> None:
        self.place_asked.emit(self.bench.placed.found[number].tip_lps_mm)

    def _lesion(self) -> str:
        lesions = [i.lesion for i in self.bench.placed.planned.instruments if i.lesion]
        chosen = self.bench.session.selection.lesion
        return chosen if chosen in lesions or not lesions else lesions[0]

    def _show_table(self, rows: tuple[Comparison, ...]) -> None:
        show(self._table_title, bool(rows))
        if rows == self._compared:
            return
        self._compared = rows
        clear_layout(self._table)
        if not rows:
            return
        for column, words in enumerate(("", "Planned", "As placed")):
            label = dim_label(words)
            label.setAlignment(Qt.AlignmentFlag.AlignRight)
            self._table.addWidget(label, 0, column)
        for n, each in enumerate(rows, start=1):
            self._table.addWidget(QLabel(each.title), n, 0)
            for column, text in ((1, each.planned), (2, each.placed or "…")):
                label = QLabel(text)
                label.setObjectName(f"compared_{n - 1}_{column}")
                label.setAlignment(Qt.AlignmentFlag.AlignRight)
                self._table.addWidget(label, n, column)


def _off(off: Deviation) -> tuple[str, str]:
    """A planned needle's name, and how far off it lies."""
    depth = "deeper" if off.depth_mm >= 0 else "short"
    text = f"{off.lateral_mm:.1f} mm aside, {abs(off.depth_mm):.1f} mm {depth}, {off.angle_deg:.1f}°"
    return off.title, text
