"""The page Segments of the mode Vessels: found two ways, listed with volumes, corrected with a brush."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import Part, clear_layout, dim_label, heading, show, swatch_icon
from planner.desktop.place_part import PlacePart
from planner.model.vocabulary import vocabulary
from planner.planning.couinaud import HEMILIVERS, NUMBERS, ROLES, SECTORS, share_text
from planner.planning.segment_map import SegmentMap
from planner.scene.palette import Color
from planner.session.actions import Workbench
from planner.session.branch_choosing import WAYS
from planner.session.segment_brushing import LARGEST_MM, SMALLEST_MM

FIND = {
    "portal": (
        "From the portal branches",
        "Each voxel of liver goes to the nearest branch with a segment's name",
    ),
    "planes": (
        "From the hepatic veins' planes",
        "Half planes through the hepatic veins, and one through the portal fork",
    ),
}
BRUSH_TIP = "A left drag in a slice gives liver to the chosen segment; Shift and the wheel change the size"
#: Volumes are spoken of from here on.
SPOKEN_OF_ML = 0.5


class SegmentPart(QWidget):
    """Segments of the case.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    find_asked = Signal(str)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("Find"))
        self.ways_to_find: dict[str, QPushButton] = {}
        self._why: dict[str, QLabel] = {}
        for kind, (words, _) in FIND.items():
            button = QPushButton(words)
            button.setObjectName(f"segments_{kind}")
            button.setProperty("compact", True)
            button.clicked.connect(lambda _checked, k=kind: self.find_asked.emit(k))
            holder = QHBoxLayout()
            holder.setContentsMargins(12, 2, 12, 0)
            holder.setSpacing(6)
            holder.addWidget(button)
            if kind == "portal":
                self.way = self._ways()
                holder.addWidget(self.way)
            holder.addStretch(1)
            column.addLayout(holder)
            why = dim_label("", wraps=True)
            why.setObjectName(f"segmentsWhyNot_{kind}")
            why.setContentsMargins(14, 0, 14, 2)
            column.addWidget(why)
            self.ways_to_find[kind], self._why[kind] = button, why
        self.places = PlacePart(bench)
        column.addWidget(self.places)
        self.brush = BrushPart(bench)
        column.addWidget(self.brush)
        self._title = heading("Segments")
        column.addWidget(self._title)
        self.table = SegmentTable()
        column.addWidget(self.table)
        self.lesions, self.notes = Part("Lesions"), Part("Notes")
        for part in (self.lesions, self.notes):
            column.addWidget(part)

    def _ways(self) -> QComboBox:
        way = QComboBox()
        way.setObjectName("segmentsWay")
        way.setAccessibleName("By which distance a voxel goes to its nearest branch")
        for word, title in WAYS:
            way.addItem(title.replace("distance ", "").replace(" distance", ""), word)
        way.setToolTip("The nearest branch by straight distance, or by distance within the liver")
        way.activated.connect(lambda _n: self.bench.vessels.segmenting.set_way(str(way.currentData())))
        return way

    def refresh(self) -> None:
        """Show the segments as they are."""
        segmenting = self.bench.vessels.segmenting
        for kind, button in self.ways_to_find.items():
            why = segmenting.why_not(kind)
            button.setEnabled(not why)
            button.setToolTip(why or FIND[kind][1])
            self._why[kind].setText(why)
            show(self._why[kind], bool(why))
        with QSignalBlocker(self.way):
            self.way.setCurrentIndex(self.way.findData(segmenting.way))
        self.places.refresh()
        self.brush.refresh()
        found = segmenting.map if segmenting.has_segments else None
        for widget in (self._title, self.table):
            show(widget, found is not None)
        for part in (self.lesions, self.notes):
            show(part, found is not None)
        if found is None:
            return
        self.table.show_map(found, not segmenting.is_current)
        self.lesions.fill(found.lesions, lambda: [_line(_lesion_words(*one)) for one in found.lesions])
        show(self.lesions, bool(found.lesions))
        words = (*segmenting.notes, *_gaps(found))
        self.notes.fill(words, lambda: [_line(w) for w in words])


class BrushPart(QWidget):
    """Which segment is painted, and how wide."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(heading("Correct"))
        line = QHBoxLayout()
        line.setContentsMargins(12, 0, 12, 2)
        line.setSpacing(6)
        self.on = QPushButton("Brush")
        self.on.setObjectName("segmentBrush")
        self.on.setProperty("compact", True)
        self.on.setCheckable(True)
        self.on.clicked.connect(bench.vessels.brushing.switch)
        self.segment = QComboBox()
        self.segment.setObjectName("brushSegment")
        self.segment.setAccessibleName("Segment that is painted")
        for number in NUMBERS:
            self.segment.addItem(swatch_icon(segment_color(bench, number)), f"segment {number}", number)
        self.segment.activated.connect(
            lambda _n: bench.vessels.brushing.set_up(segment=int(self.segment.currentData()))
        )
        self.radius = QDoubleSpinBox()
        self.radius.setObjectName("brushRadius")
        self.radius.setAccessibleName("Radius of the brush")
        self.radius.setRange(SMALLEST_MM, LARGEST_MM)
        self.radius.setDecimals(0)
        self.radius.setSuffix(" mm")
        self.radius.valueChanged.connect(lambda value: bench.vessels.brushing.set_up(radius_mm=value))
        for widget in (self.on, self.segment, self.radius):
            line.addWidget(widget)
        line.addStretch(1)
        column.addLayout(line)
        self._hint = dim_label("", wraps=True)
        self._hint.setObjectName("brushHint")
        self._hint.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._hint)

    def refresh(self) -> None:
        """Show the brush as it is."""
        brushing = self.bench.vessels.brushing
        why = brushing.why_not()
        show(self, self.bench.vessels.segmenting.has_segments)
        self.on.setEnabled(not why)
        self.on.setToolTip(why or BRUSH_TIP)
        for widget in (self.on, self.segment, self.radius):
            widget.blockSignals(True)
        self.on.setChecked(brushing.is_on)
        self.segment.setCurrentIndex(self.segment.findData(brushing.segment))
        for number in NUMBERS:
            self.segment.setItemIcon(number - 1, swatch_icon(segment_color(self.bench, number)))
        self.radius.setValue(brushing.radius_mm)
        for widget in (self.on, self.segment, self.radius):
            widget.blockSignals(False)
        words = (
            "Drag in a slice. Each stroke is one step to undo. Esc lays the brush down."
            if brushing.is_on
            else ""
        )
        self._hint.setText(words)
        show(self._hint, bool(words))


class SegmentTable(QWidget):
    """Volumes of segments, sectors and hemilivers."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("segmentTable")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 0, 14, 4)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(1)
        self._grid.setColumnStretch(1, 1)
        self._shown: object = None
        self.colors: Mapping[int, Color] = {}

    def show_map(self, found: SegmentMap, is_old: bool) -> None:
        """Show a map; numbers of an older state are dimmed until they are measured anew."""
        key = (found, is_old, tuple(self.colors.items()))
        if key == self._shown:
            return
        self._shown = key
        clear_layout(self._grid)
        for column, words in ((2, "ml"), (3, "% of liver")):
            self._grid.addWidget(dim_label(words), 0, column, Qt.AlignmentFlag.AlignRight)
        row = 1
        for number in NUMBERS:
            self._add(row, f"Segment {number}", found, (number,), is_old, self.colors.get(number))
            row += 1
        for title, groups in (("Sectors", SECTORS), ("Hemilivers", HEMILIVERS)):
            self._grid.addWidget(dim_label(title), row, 0, 1, 2)
            row += 1
            for name, numbers in groups.items():
                if title == "Hemilivers" and name == "caudate":
                    continue
                words = f"{name[:1].upper()}{name[1:]}  ({', '.join(str(n) for n in numbers)})"
                self._add(row, words, found, numbers, is_old)
                row += 1
        if found.unassigned_ml >= SPOKEN_OF_ML:
            self._grid.addWidget(dim_label("In no segment"), row, 1)
            self._number(
                row, found.unassigned_ml, 100 * found.unassigned_ml / found.ground.volume_ml, is_old, "none"
            )

    def _add(
        self,
        row: int,
        words: str,
        found: SegmentMap,
        numbers: tuple[int, ...],
        is_old: bool,
        color: Color | None = None,
    ) -> None:
        if color is not None:
            mark = QLabel()
            mark.setPixmap(swatch_icon(color).pixmap(12, 12))
            self._grid.addWidget(mark, row, 0)
        self._grid.addWidget(QLabel(words), row, 1)
        name = "_".join(str(n) for n in numbers)
        self._number(row, found.volume_ml(*numbers), found.share_percent(*numbers), is_old, name)

    def _number(self, row: int, ml: float, percent: float, is_old: bool, name: str) -> None:
        for column, text, word in ((2, f"{ml:.0f}", "ml"), (3, f"{percent:.1f}", "percent")):
            label = QLabel(text)
            label.setObjectName(f"segment_{word}_{name}")
            label.setProperty("dim", is_old)
            self._grid.addWidget(label, row, column, Qt.AlignmentFlag.AlignRight)


def segment_color(bench: Workbench, number: int) -> Color:
    """The colour of a segment: its structure's, else its role's."""
    session = bench.session
    if session.is_open and session.case.structure_sets:
        for structure in session.case.structures.with_role(ROLES[number]):
            return structure.color
    return vocabulary().entry(ROLES[number]).color


def _lesion_words(name: str, shares: tuple[object, ...]) -> str:
    return f"{name} lies in {share_text(shares)}."  # type: ignore[arg-type]


def _gaps(found: SegmentMap) -> tuple[str, ...]:
    words = []
    if found.unassigned_ml >= SPOKEN_OF_ML:
        words.append(f"{found.unassigned_ml:.0f} ml of liver lie in no segment.")
    if found.outside_ml >= SPOKEN_OF_ML:
        words.append(f"{found.outside_ml:.0f} ml of the segments lie outside the liver, or in two of them.")
    return tuple(words)


def _line(words: str) -> QLabel:
    label = QLabel(words)
    label.setWordWrap(True)
    label.setContentsMargins(14, 1, 14, 1)
    return label
