"""What each tip feeds, as a table narrow enough for the side panel: volumes, lesions, segments."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from planner.desktop.judgement_view import newest
from planner.desktop.pieces import clear_layout, dim_label, heading, show
from planner.desktop.theme import shown_theme
from planner.planning.fed_table import ALL, FedRow, cell_text, fed_rows
from planner.scene.drawn_catheters import tip_color
from planner.session.actions import Workbench

_GROUPS = {"": "", "lesion": "Lesions, fed", "segment": "Segments"}


class FedTable(QWidget):
    """Hidden where the plan has no tip that was judged.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.setObjectName("fedTable")
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(heading("What each tip feeds"))
        self._grid = QGridLayout()
        self._grid.setContentsMargins(14, 0, 14, 4)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        column.addLayout(self._grid)
        self._shape: object = None
        self._cells: list[list[QLabel]] = []
        show(self, False)

    def refresh(self) -> None:
        """Show the newest numbers; labels are made anew only where lines or columns change."""
        placing = self.bench.catheters
        own = [t for t in placing.targets if t.agent.type in placing.judged_together]
        tips = [t.id for t in own]
        metrics, _, _ = newest(self.bench.session.judgements.of(placing.module), self.bench.session.plan)
        rows = fed_rows(metrics, tips) if tips else ()
        show(self, bool(rows))
        if not rows:
            return
        shape = (tuple(tips), tuple((r.title, r.unit, r.group) for r in rows), shown_theme())
        if shape != self._shape:
            self._shape = shape
            self._build(tips, rows)
        for labels, row in zip(self._cells, rows, strict=True):
            for label, value in zip(labels, row.cells, strict=True):
                text = cell_text(row, value)
                if label.text() != text:
                    label.setText(text)

    def _build(self, tips: list[str], rows: tuple[FedRow, ...]) -> None:
        clear_layout(self._grid)
        self._cells = []
        order = [t.id for t in self.bench.catheters.targets]
        for n, tip in enumerate((*tips, ALL)):
            label = QLabel(tip)
            label.setAlignment(Qt.AlignmentFlag.AlignRight)
            if tip != ALL:
                label.setStyleSheet(f"border-bottom: 2px solid {tip_color(order.index(tip))}")
            self._grid.addWidget(label, 0, n + 1)
        line, group = 1, ""
        for number, row in enumerate(rows):
            if row.group != group:
                group = row.group
                self._grid.addWidget(dim_label(_GROUPS[group]), line, 0, 1, len(tips) + 3)
                line += 1
            self._grid.addWidget(QLabel(row.title), line, 0)
            labels = []
            for n in range(len(tips) + 1):
                label = QLabel()
                label.setObjectName(f"fed_{number}_{n}")
                label.setAlignment(Qt.AlignmentFlag.AlignRight)
                self._grid.addWidget(label, line, n + 1)
                labels.append(label)
            self._cells.append(labels)
            self._grid.addWidget(dim_label(row.unit), line, len(tips) + 2)
            line += 1
