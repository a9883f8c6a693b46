"""The page Growth of the mode Resection: the future remnant over time, volumetry, embolization, stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.growth_timeline import GrowthTimeline
from planner.desktop.pieces import card, clear_layout, dim_label, heading, link_button, put_number, show
from planner.desktop.size_form import SizeForm
from planner.desktop.stage_part import EmbolizationPart, StagePart
from planner.desktop.theme import sign_color
from planner.model.volumetry import LARGEST_LIVER_ML, Volumetry
from planner.session.actions import Workbench

if TYPE_CHECKING:
    from planner.planning.growth import Growth

Do = Callable[[Callable[[], None]], None]
FIRST_WORDS = (
    "Note how large the future remnant is on a scan, and again on a later one: here its growth is shown."
)
COLUMNS = (
    ("Day", "Of the scan"),
    ("Remnant", "Future remnant without tumour, ml"),
    ("sFLR", "Share of the standard liver volume"),
    ("Measured", "Share of the liver as measured on that scan"),
)


class GrowthPart(QWidget):
    """Timeline, what it says, and all that is entered for it.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    trouble = Signal(object)
    vessels_asked = Signal()
    look_changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("The future remnant over time"))
        self._first_words = dim_label(FIRST_WORDS, wraps=True)
        self._first_words.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._first_words)
        self.timeline = GrowthTimeline()
        column.addWidget(self.timeline)
        self.said = GrowthCard()
        column.addWidget(self.said)
        self.needed = NeededForm(bench, self._do)
        column.addWidget(self.needed)
        self.facts = SizeForm(bench, self._do)
        self.facts.height_cm.setObjectName("growthHeightCm")
        self.facts.weight_kg.setObjectName("growthWeightKg")
        column.addWidget(self.facts)
        self.volumetry = VolumetryPart(bench, self._do)
        column.addWidget(self.volumetry)
        self.embolization = EmbolizationPart(bench, self._do)
        self.embolization.vessels_asked.connect(self.vessels_asked)
        self.embolization.look_changed.connect(self.look_changed)
        column.addWidget(self.embolization)
        self.stages = StagePart(bench, self._do)
        column.addWidget(self.stages)
        column.addStretch(1)
        bench.growing.changed.connect(self._answers_changed)

    @property
    def shows_closed(self) -> bool:
        """Whether what is closed is to be seen in the views while this page is open."""
        return self.embolization.in_views.isChecked() or self.bench.growing.is_closing

    def refresh(self) -> None:
        """Show what is known now, and ask for what is missing."""
        if not self.bench.session.is_open:
            return
        from planner.planning.staged_plans import dated_steps

        growing = self.bench.growing
        growing.answers.follow()
        growth, steps = growing.growth, dated_steps(self.bench.session.plan)
        show(self._first_words, not growth.points)
        show(self.timeline, bool(growth.points or steps))
        self.timeline.show_growth(growth, steps)
        self.said.show_growth(growth)
        self.needed.show_growth(growth)
        self.facts.refresh()
        self.volumetry.show_growth(growth)
        self.embolization.refresh()
        self.stages.show_growth(growth)

    def _answers_changed(self) -> None:
        if self.isVisible():
            self.refresh()

    def _do(self, call: Callable[[], None]) -> None:
        try:
            call()
        except PlannerError as error:
            self.trouble.emit(error)
            self.refresh()


class GrowthCard(QWidget):
    """The newest share, whether it is enough or when it may be, and growth against its thresholds."""

    def __init__(self) -> None:
        super().__init__()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 2, 12, 4)
        frame, column = card()
        outer.addWidget(frame)
        self.frame: QFrame = frame
        self.headline = QLabel()
        self.headline.setProperty("headline", True)
        self.headline.setObjectName("growthHeadline")
        column.addWidget(self.headline)
        self.reach, self.hypertrophy, self.kinetic = (QLabel() for _ in range(3))
        for name, label in (
            ("growthReach", self.reach),
            ("growthHypertrophy", self.hypertrophy),
            ("growthKinetic", self.kinetic),
        ):
            label.setObjectName(name)
            label.setWordWrap(True)
            column.addWidget(label)
        self._criteria = QVBoxLayout()
        self._criteria.setSpacing(2)
        column.addLayout(self._criteria)
        self._judged: object = None

    def show_growth(self, growth: Growth) -> None:
        """Show what volumetries say."""
        from planner.planning import growth_words as words

        show(self, bool(growth.points))
        if not growth.points:
            return
        newest = growth.points[-1]
        share = "sFLR unknown" if newest.standard_percent is None else f"sFLR {newest.standard_percent:.1f} %"
        self.headline.setText(share)
        self.headline.setToolTip(
            f"Future remnant of {newest.entry.date} over the standard liver volume: {growth.standard.method}"
        )
        self.reach.setText(words.reach_words(growth))
        self.hypertrophy.setText(words.hypertrophy_words(growth))
        self.kinetic.setText(words.kinetic_words(growth))
        shown = growth.criteria if growth.whole is not None else ()
        if shown == self._judged:
            return
        self._judged = shown
        clear_layout(self._criteria)
        for judged in shown:
            sign = words.criterion_sign(judged)
            label = dim_label(wraps=True)
            label.setTextFormat(Qt.TextFormat.RichText)
            text = words.criterion_words(judged).replace(">", "&gt;")
            label.setText(f'<span style="color: {sign_color(sign)}">{sign}</span> {text}')
            self._criteria.addWidget(label)


class NeededForm(QWidget):
    """The share that should remain: as published for the liver's state, or as entered."""

    def __init__(self, bench: Workbench, do: Do) -> None:
        super().__init__()
        self.bench, self._do = bench, do
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 0, 14, 0)
        line = QHBoxLayout()
        line.addWidget(dim_label("Needed sFLR"))
        self.field = QDoubleSpinBox()
        self.field.setObjectName("neededShare")
        self.field.setAccessibleName("Share of the standard liver that should remain")
        self.field.setRange(0.0, 100.0)
        self.field.setDecimals(0)
        self.field.setSuffix(" %")
        self.field.setSpecialValueText("as published")
        self.field.setToolTip("As low as it goes: as published for what the liver has been through")
        self.field.setKeyboardTracking(False)
        self.field.valueChanged.connect(
            lambda value: self._do(lambda: bench.growing.set_needed(value or None))
        )
        line.addWidget(self.field, 1)
        column.addLayout(line)
        self._words = dim_label("", wraps=True)
        self._words.setObjectName("neededWords")
        column.addWidget(self._words)

    def show_growth(self, growth: Growth) -> None:
        """Show what is needed, and why."""
        from planner.planning.growth_criteria import NEEDED_FACT
        from planner.planning.growth_words import needed_words

        entered = dict(self.bench.session.case.patient.facts).get(NEEDED_FACT, "")
        is_entered = bool(entered) and growth.needed.percent is not None
        put_number(self.field, (growth.needed.percent or 0.0) if is_entered else 0.0)
        self._words.setText(needed_words(growth))


class VolumetryPart(QWidget):
    """The volumetries as a table, what grew between them, and a line to enter one."""

    def __init__(self, bench: Workbench, do: Do) -> None:
        super().__init__()
        self.bench, self._do = bench, do
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(heading("Volumetry"))
        self._grid = QGridLayout()
        self._grid.setContentsMargins(14, 0, 14, 2)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        column.addLayout(self._grid)
        self._intervals = dim_label("", wraps=True)
        self._intervals.setObjectName("growthIntervals")
        self._intervals.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._intervals)
        column.addLayout(self._entry_line())
        self._shown: object = None
        self._source = ""

    def _entry_line(self) -> QVBoxLayout:
        both = QVBoxLayout()
        both.setContentsMargins(14, 2, 14, 2)
        both.setSpacing(4)
        line = QHBoxLayout()
        line.setSpacing(5)
        self.date = date_field("volumetryDate", "Day of the scan")
        self.remnant = ml_field("volumetryRemnant", "remnant?", "Future remnant without tumour, ml")
        self.liver = ml_field("volumetryLiver", "liver?", "Whole liver without tumour, ml; may be left out")
        for field in (self.date, self.remnant, self.liver):
            line.addWidget(field, 1)
        self.remnant.valueChanged.connect(lambda _v: self._typed())
        both.addLayout(line)
        line = QHBoxLayout()
        line.setSpacing(6)
        self.add = QPushButton("Add")
        self.add.setObjectName("addVolumetry")
        self.add.clicked.connect(lambda _checked: self._do(self._add))
        self.take = QPushButton("From this plan")
        self.take.setObjectName("takeVolumetry")
        self.take.clicked.connect(lambda _checked: self._do(self._take))
        for button in (self.add, self.take):
            button.setProperty("compact", True)
            line.addWidget(button)
        line.addStretch(1)
        both.addLayout(line)
        return both

    def show_growth(self, growth: Growth) -> None:
        """List the volumetries, unless they are listed already."""
        plan = self.bench.session.plan
        self.take.setEnabled(bool(plan.resections))
        self.take.setToolTip(
            "The remnant of this plan, on the day of the scan it was outlined on"
            if plan.resections
            else "The plan has no resection: draw a cut first"
        )
        if (growth.points, growth.standard) == self._shown:
            return
        self._shown = (growth.points, growth.standard)
        clear_layout(self._grid)
        from planner.planning.growth_words import interval_words

        for n, (title, tip) in enumerate(COLUMNS if growth.points else ()):
            label = dim_label(title)
            label.setToolTip(tip)
            self._grid.addWidget(label, 0, n)
        for row, point in enumerate(growth.points, start=1):
            entry = point.entry
            share, measured = (
                "–" if v is None else f"{v:.1f} %" for v in (point.standard_percent, point.measured_percent)
            )
            for n, text in enumerate((entry.date, f"{entry.remnant_ml:.0f} ml", share, measured)):
                label = QLabel(text)
                label.setToolTip(entry.source or "entered by hand")
                self._grid.addWidget(label, row, n)
            gone = link_button("✕", f"Delete the volumetry of {entry.date}")
            gone.setObjectName(f"deleteVolumetry_{entry.date}")
            gone.clicked.connect(
                lambda _checked, d=entry.date: self._do(lambda: self.bench.growing.delete(d))
            )
            self._grid.addWidget(gone, row, len(COLUMNS))
        self._intervals.setText("\n".join(interval_words(i) for i in growth.intervals))
        show(self._intervals, bool(growth.intervals))

    def _typed(self) -> None:
        self._source = ""

    def _add(self) -> None:
        if not self.remnant.value():
            raise PlannerError(
                "No volume of the remnant is entered.", "volumetry", "Enter it, then press Add."
            )
        liver = self.liver.value() or None
        entry = Volumetry(self.date.text().strip(), self.remnant.value(), liver, self._source)
        self.bench.growing.add(entry)
        self._fill("", 0.0, 0.0)

    def _take(self) -> None:
        found = self.bench.growing.proposal()
        if not found.date:
            self._fill("", found.remnant_ml, found.liver_ml)
            self._source = found.source
        self.bench.growing.take_from_plan()

    def _fill(self, date: str, remnant_ml: float, liver_ml: float) -> None:
        self.date.setText(date)
        self.remnant.setValue(remnant_ml)
        self.liver.setValue(liver_ml)


def date_field(name: str, words: str) -> QLineEdit:
    """A field for a day."""
    field = QLineEdit()
    field.setObjectName(name)
    field.setAccessibleName(words)
    field.setPlaceholderText("2026-11-03")
    field.setToolTip(f"{words}: year-month-day")
    field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return field


def ml_field(name: str, words: str, tip: str) -> QDoubleSpinBox:
    """A field for a volume; as low as it goes for none."""
    field = QDoubleSpinBox()
    field.setObjectName(name)
    field.setAccessibleName(tip)
    field.setRange(0.0, LARGEST_LIVER_ML)
    field.setDecimals(0)
    field.setSuffix(" ml")
    field.setSpecialValueText(words)
    field.setToolTip(tip)
    field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return field
