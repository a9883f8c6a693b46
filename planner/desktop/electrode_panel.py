"""The right panel of the mode Electroporation: place electrodes, set their pulses, and what the field does."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.array_part import ArrayPart
from planner.desktop.field_legend import DegreeLegend, FieldLegend
from planner.desktop.judgement_view import JudgementView
from planner.desktop.pieces import (
    dim_label,
    link_button,
    page,
    scrolled,
    show,
)
from planner.desktop.step_bar import StepBar
from planner.desktop.suggestion_part import CoverGoal, SuggestionPart
from planner.model.assessment import Assessment
from planner.session.actions import Workbench
from planner.session.judgement import JudgementState

MODULE = "electroporation"
TABLE = "The pairs as a table for the generator (CSV)"
#: Why there is no table to export: currents of another plan would be taken for this one's.
NO_TABLE = "The table comes with the solved field of the plan as it is."
#: Fields of the module's answer that can be laid over the slices.
FIELD, HEAT = "electric_field_v_per_cm", "temperature_degc"
OVERLAYS = (("Electric field", FIELD), ("Heat, none leaving", HEAT), ("Nothing", ""))
PAGES = (
    ("array", "Array", "Electrodes, their pulses, and what the field does"),
    ("suggest", "Suggest", "Arrays the planner proposes for the selected lesion"),
)


class ElectrodePanel(QWidget):
    """Arrays, their pairs as on a generator, the judgement, and suggested arrays.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    place_asked = Signal(object)
    settings_asked = Signal(str)
    suggest_asked = Signal(str, str, object)
    suitability_asked = Signal()
    export_asked = Signal()
    overlay_asked = Signal()
    trouble = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        array, column = page()
        self.arrays = ArrayPart(bench)
        self.arrays.trouble.connect(self.trouble)
        ask = link_button(
            "May it be done?", "Checklist: thermal or electroporation, and what speaks against it"
        )
        ask.setObjectName("suitability")
        ask.clicked.connect(lambda _checked: self.suitability_asked.emit())
        self.arrays.buttons.addWidget(ask)
        column.addWidget(self.arrays)
        column.addLayout(self._table_buttons())
        self.legend, self.degrees = FieldLegend(), DegreeLegend()
        self.degrees.setContentsMargins(14, 0, 14, 0)
        for legend in (self.legend, self.degrees):
            column.addWidget(legend)
        self.judgement = JudgementView(bench, MODULE)
        self.judgement.place_asked.connect(self.place_asked)
        self.judgement.settings_asked.connect(self.settings_asked)
        column.addWidget(self.judgement)
        column.addStretch(1)
        suggest, column = page()
        self.goal = CoverGoal("most_electrodes", "electrodes", (2, 6), "ire_")
        self.suggested = SuggestionPart(
            bench.suggesting_electrodes, self.goal, lambda: bench.session.selection.lesion, "ire_"
        )
        self.suggested.suggest_asked.connect(self.suggest_asked)
        column.addWidget(self.suggested)
        column.addStretch(1)
        # Suggestions on a page of their own: looking at one would push them away under the mouse.
        self.stack = QStackedWidget()
        for body in (array, suggest):
            self.stack.addWidget(scrolled(body))
        bar = StepBar(PAGES)
        bar.chosen.connect(self.stack.setCurrentIndex)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 4, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(bar)
        outer.addWidget(self.stack, 1)

    def _table_buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        line.setSpacing(6)
        line.addWidget(dim_label("On slices"))
        self.overlay = QComboBox()
        self.overlay.setObjectName("fieldOverlay")
        self.overlay.setAccessibleName("What is laid over the slices")
        self.overlay.setToolTip("Of the whole answer; it comes with the solved field")
        for words, name in OVERLAYS:
            self.overlay.addItem(words, name)
        self.overlay.activated.connect(lambda _n: self.overlay_asked.emit())
        line.addWidget(self.overlay)
        line.addStretch(1)
        self.export = link_button("Export table…", TABLE)
        self.export.setObjectName("exportPairs")
        self.export.clicked.connect(lambda _checked: self.export_asked.emit())
        line.addWidget(self.export)
        return line

    @property
    def shown_field(self) -> str:
        """The module's field that is laid over the slices; empty where none is."""
        return str(self.overlay.currentData())

    def refresh(self) -> None:
        """Show arrays, pairs and answers as they are now."""
        if not self.bench.session.is_open:
            return
        array = self.bench.electrodes.array
        for legend, name in ((self.legend, FIELD), (self.degrees, HEAT)):
            show(legend, array is not None and self.shown_field == name)
        answer, is_old = self._answer()
        self.arrays.refresh(answer, is_old)
        self._allow_table(answer, is_old)
        self.judgement.refresh()
        self.suggested.refresh()

    def show_array(self) -> None:
        """Take over an array that is being dragged."""
        answer, is_old = self._answer()
        self.arrays.show_array(answer, is_old)
        self._allow_table(answer, is_old)

    def _answer(self) -> tuple[Assessment | None, bool]:
        """The module's newest answer, and whether it is of another plan."""
        judgement = self.bench.session.judgements.of(MODULE)
        return judgement.assessment, judgement.state != JudgementState.CURRENT

    def _allow_table(self, answer: Assessment | None, is_old: bool) -> None:
        is_there = answer is not None and self.bench.electrodes.array is not None
        self.overlay.setEnabled(is_there)
        self.export.setEnabled(is_there and not is_old)
        self.export.setToolTip(TABLE if self.export.isEnabled() else NO_TABLE)
