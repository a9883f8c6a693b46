"""The right panel of the mode Resection: draw cuts, name operations, and what remains of the liver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.cut_forms import AroundForm, ChosenForm, SegmentChips
from planner.desktop.cut_map_part import CutMapPart
from planner.desktop.growth_part import GrowthPart
from planner.desktop.judgement_view import JudgementView
from planner.desktop.pieces import Row, clear_layout, dim_label, heading, page, scrolled, show
from planner.desktop.size_form import SizeForm
from planner.desktop.step_bar import StepBar
from planner.model.resection import MarginCut, PatchCut, PlaneCut, Resection, SegmentsCut
from planner.planning.liver_parts import Part
from planner.session.actions import Workbench
from planner.session.resecting import MODULE, Line

PAGES = (
    ("cut", "Cut", "Draw a resection, and what remains"),
    ("map", "Map", "The cut laid flat, coloured by distance"),
    ("growth", "Growth", "Embolization, volumetry over time, and operations in two stages"),
)
CUT, MAP, GROWTH = range(3)


class ResectionPanel(QWidget):
    """Resections of the plan, how they are made and changed, and the judgement.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    place_asked = Signal(object)
    settings_asked = Signal(str)
    segments_asked = Signal()
    aside_asked = Signal(bool)
    page_changed = Signal()
    trouble = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        cut, column = page()
        self._title = heading("Resection")
        column.addWidget(self._title)
        self._rows_key: object = None
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        column.addLayout(self._rows)
        column.addLayout(self._line_buttons())
        self._hint = dim_label("", wraps=True)
        self._hint.setObjectName("resectionHint")
        self._hint.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._hint)
        self.segments = SegmentChips(bench, self._do)
        self.segments.segments_asked.connect(self.segments_asked)
        column.addWidget(self.segments)
        self.around = AroundForm(bench, self._do)
        column.addWidget(self.around)
        self.chosen = ChosenForm(bench, self._do)
        self.chosen.aside_asked.connect(self.aside_asked)
        column.addWidget(self.chosen)
        self.legend = dim_label("")
        self.legend.setObjectName("partsLegend")
        self.legend.setContentsMargins(14, 0, 14, 0)
        column.addWidget(self.legend)
        self.facts = SizeForm(bench, self._do)
        column.addWidget(self.facts)
        self.judgement = JudgementView(bench, MODULE)
        self.judgement.place_asked.connect(self.place_asked)
        self.judgement.settings_asked.connect(self.settings_asked)
        column.addWidget(self.judgement)
        column.addStretch(1)
        flat, column = page()
        self.map = CutMapPart(bench)
        self.map.place_asked.connect(self.place_asked)
        column.addWidget(self.map)
        grown, column = page()
        self.growth = GrowthPart(bench)
        self.growth.trouble.connect(self.trouble)
        self.growth.vessels_asked.connect(self.segments_asked)
        column.addWidget(self.growth)
        self.stack = QStackedWidget()
        for body in (cut, flat, grown):
            self.stack.addWidget(scrolled(body))
        bar = StepBar(PAGES)
        bar.chosen.connect(self._show_page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 4, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(bar)
        outer.addWidget(self.stack, 1)

    def show_parts(self, parts: Sequence[Part]) -> None:
        """Say what the colours over the liver mean."""
        from planner.scene.liver_parts_overlay import PART_RGBA, PART_WORDS

        marks = (
            f"<span style='color:rgb{tuple(max(70, c) for c in PART_RGBA[p][:3])}'>■</span> {PART_WORDS[p]}"
            for p in parts
        )
        self.legend.setText("On slices: " + " &nbsp; ".join(marks))
        show(self.legend, bool(parts))

    @property
    def is_on_growth(self) -> bool:
        """Whether the page Growth is shown."""
        return self.stack.currentIndex() == GROWTH

    def _show_page(self, number: int) -> None:
        self.stack.setCurrentIndex(number)
        self.refresh()
        self.page_changed.emit()

    def _line_buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 4, 12, 2)
        line.setSpacing(6)
        self.patch = QPushButton("Draw surface")
        self.patch.setObjectName("drawPatch")
        self.patch.setProperty("primary", True)
        self.patch.setToolTip(
            "Draw a line on the liver, in a slice or in 3D: the cut goes straight in, and bends"
        )
        self.plane = QPushButton("Draw plane")
        self.plane.setObjectName("drawPlane")
        self.plane.setToolTip("Draw a line across the liver, in a slice or in 3D: a flat cut goes through it")
        for button, kind in ((self.patch, Line.PATCH), (self.plane, Line.PLANE)):
            button.setCheckable(True)
            button.clicked.connect(lambda _checked, k=kind: self.bench.resecting.start_line(k))
        self.operations = QPushButton("Operation")
        self.operations.setObjectName("operations")
        self.operations.setToolTip("Resections by name, as sets of segments")
        self.operations.setMenu(self._operations())
        for button in (self.patch, self.plane, self.operations):
            button.setProperty("compact", True)
            line.addWidget(button)
        line.addStretch(1)
        return line

    def _operations(self) -> QMenu:
        from planner.planning.operations import OPERATIONS

        listed, group = QMenu(self), ""
        for operation in OPERATIONS:
            if operation.group != group and group:
                listed.addSeparator()
            group = operation.group
            action = listed.addAction(operation.title)
            action.setObjectName(f"operation_{operation.id}")
            take = partial(self.bench.resecting.take_operation, operation.id)
            action.triggered.connect(lambda _checked=False, take=take: self._do(take))
        return listed

    def refresh(self) -> None:
        """Show resections and answers as they are now."""
        session, resecting = self.bench.session, self.bench.resecting
        if not session.is_open:
            return
        chosen = resecting.chosen
        self._title.setText(f"Resection · plan {session.plan.name}".upper())
        self._show_rows(session.plan.resections, chosen)
        for button, kind in ((self.patch, Line.PATCH), (self.plane, Line.PLANE)):
            button.setEnabled(resecting.has_liver)
            button.setChecked(resecting.line == kind)
        self.operations.setEnabled(bool(resecting.outlined_segments))
        self._show_hint(chosen)
        self.segments.refresh()
        self.around.refresh()
        self.chosen.refresh()
        self.facts.refresh()
        self.judgement.refresh()
        if self.stack.currentIndex() == MAP:
            self.map.refresh()
        elif self.is_on_growth:
            self.growth.refresh()

    def _show_rows(self, resections: tuple[Resection, ...], chosen: Resection | None) -> None:
        """A row a resection, made anew only where one says something else: what is below must not jump."""
        key = (tuple((r.id, words_of(r)) for r in resections), chosen.id if chosen is not None else "")
        if key == self._rows_key:
            return
        self._rows_key = key
        clear_layout(self._rows)
        for each in resections:
            self._rows.addWidget(self._row(each, chosen))

    def _row(self, resection: Resection, chosen: Resection | None) -> Row:
        row = Row(f"Resection {resection.id}")
        row.set_selected(resection is chosen)
        row.line.addWidget(dim_label(f"{resection.id} · {words_of(resection)}"), 1)
        row.clicked.connect(lambda: self.bench.resecting.choose(resection.id))
        return row

    def _show_hint(self, chosen: Resection | None) -> None:
        if not self.bench.resecting.has_liver:
            words = "No liver is outlined: outline it in the mode Structures, or import it."
        elif self.bench.resecting.line != Line.NONE:
            words = "Press at one end of the cut and draw to the other, in a slice or on the liver in 3D. Esc stops."
        elif chosen is None:
            words = ""
        elif isinstance(chosen.surface, PatchCut):
            words = "Drag its points, or the cut itself where it runs in a slice; with Shift all of it."
        elif isinstance(chosen.surface, PlaneCut):
            words = "Drag the cut to move it, its four outer points to tilt it."
        else:
            words = "Bend makes it a surface with points one can drag."
        self._hint.setText(words)
        show(self._hint, bool(words))

    def _do(self, call: Callable[[], None]) -> None:
        try:
            call()
        except PlannerError as error:
            self.trouble.emit(error)
            self.refresh()


def words_of(resection: Resection) -> str:
    """A resection in few words."""
    if resection.name:
        return resection.name
    cut = resection.surface
    if isinstance(cut, PlaneCut):
        return "plane"
    if isinstance(cut, PatchCut):
        return "surface"
    if isinstance(cut, SegmentsCut):
        return ", ".join(cut.structures)
    if isinstance(cut, MarginCut):
        return f"{cut.margin_mm:g} mm around {cut.lesion}"
    return f"territories of {cut.tree}"
