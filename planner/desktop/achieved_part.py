"""The part of the mode Afterwards that says whether it was enough, and proposes what would complete it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.pieces import (
    SeverityMark,
    card,
    clear_layout,
    dim_label,
    heading,
    link_button,
    show,
    swatch_icon,
)
from planner.scene.residual_cut import UNTREATED
from planner.session.achieving import ENOUGH, PART_WORDS, AchievedAnswer
from planner.session.actions import Workbench

if TYPE_CHECKING:
    from planner.planning.suggesting import SuggestedNeedles

AIMS = {"path": "safest paths", "liver": "least healthy liver", "short": "shortest paths"}


class AchievedPart(QWidget):
    """The achieved margin with its error budget, the weakest place, and a second probe.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    judge_asked = Signal()
    second_asked = Signal(float)
    keep_asked = Signal()
    place_asked = Signal(object)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._title = heading("Was it enough?")
        column.addWidget(self._title)
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        self.judge = QPushButton("Judge")
        self.judge.setObjectName("judgeAchieved")
        self.judge.setProperty("primary", True)
        self.judge.clicked.connect(lambda _checked: self.judge_asked.emit())
        self.zones = QComboBox()
        self.zones.setObjectName("judgedZone")
        self.zones.setAccessibleName("Ablation zone")
        self.zones.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.zones.activated.connect(lambda n: self.bench.achieving.choose_zone(self.zones.itemText(n)))
        line.addWidget(self.judge)
        line.addWidget(dim_label("in"))
        line.addWidget(self.zones, 1)
        column.addLayout(line)
        self._trouble = QLabel()
        self._trouble.setObjectName("achievedTrouble")
        self._trouble.setWordWrap(True)
        self._trouble.setContentsMargins(14, 2, 14, 2)
        column.addWidget(self._trouble)
        column.addWidget(self._answer_card())
        column.addWidget(heading("Second probe"))
        column.addLayout(self._second_line())
        self._second_trouble = QLabel()
        self._second_trouble.setObjectName("secondTrouble")
        self._second_trouble.setWordWrap(True)
        self._second_trouble.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._second_trouble)
        self._cards = QVBoxLayout()
        self._cards.setContentsMargins(12, 0, 12, 0)
        self._cards.setSpacing(6)
        column.addLayout(self._cards)
        self._shown: object = None
        column.addStretch(1)

    def _answer_card(self) -> QWidget:
        holder = QWidget()
        around = QVBoxLayout(holder)
        around.setContentsMargins(12, 2, 12, 4)
        frame, layout = card()
        self._old = dim_label("Out of date: lesion, zone or registration have changed.", wraps=True)
        self._margin = QLabel()
        self._margin.setObjectName("achievedMargin")
        self._margin.setProperty("headline", True)
        layout.addWidget(self._margin)
        line = QHBoxLayout()
        self._mark = SeverityMark()
        line.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        self._verdict = QLabel()
        self._verdict.setObjectName("achievedVerdict")
        self._verdict.setWordWrap(True)
        line.addWidget(self._verdict, 1)
        layout.addLayout(line)
        layout.addWidget(self._old)
        grid = QGridLayout()
        grid.setVerticalSpacing(2)
        self._values: dict[str, QLabel] = {}
        for row, (name, words) in enumerate(
            (
                ("capsule", "Off the capsule"),
                ("covered", "Lesion covered"),
                ("residual", "Left of the lesion"),
                ("surface", "Surface below 5 mm"),
                ("zone", "Zone"),
            )
        ):
            value = QLabel()
            value.setObjectName(f"achieved_{name}")
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(dim_label(words), row, 0)
            grid.addWidget(value, row, 1)
            self._values[name] = value
        grid.setColumnStretch(1, 1)
        layout.addLayout(grid)
        layout.addLayout(self._residual_line())
        self._weakest = link_button("", "Go to the weakest place")
        self._weakest.setObjectName("weakestPlace")
        self._weakest.clicked.connect(lambda _checked: self._go())
        layout.addWidget(self._weakest)
        self._budget = dim_label(wraps=True)
        self._budget.setObjectName("errorBudget")
        layout.addWidget(self._budget)
        around.addWidget(frame)
        self._card = holder
        return holder

    def _residual_line(self) -> QHBoxLayout:
        """What is left, by its colour on the slices and in 3D, and the way to plan against it."""
        line = QHBoxLayout()
        self._swatch = QLabel()
        self._swatch.setPixmap(swatch_icon(UNTREATED).pixmap(13, 13))
        self._left = dim_label("Left untreated")
        self._left.setToolTip("Filled in this colour on the slices of both scans, and in 3D")
        self.keep = QPushButton("Keep as structure")
        self.keep.setObjectName("keepResidual")
        self.keep.setProperty("compact", True)
        self.keep.clicked.connect(lambda _checked: self.keep_asked.emit())
        line.addWidget(self._swatch)
        line.addWidget(self._left)
        line.addStretch(1)
        line.addWidget(self.keep)
        return line

    def _second_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        self.second = QPushButton("Propose a second probe")
        self.second.setObjectName("proposeSecond")
        self.margin = QDoubleSpinBox()
        self.second.clicked.connect(lambda _checked: self.second_asked.emit(self.margin.value()))
        self.margin.setObjectName("secondMargin")
        self.margin.setAccessibleName("Margin a second probe is to complete")
        self.margin.setToolTip("Lesion with so much margin is to be covered in the end")
        self.margin.setRange(0.0, 15.0)
        self.margin.setDecimals(1)
        self.margin.setSuffix(" mm")
        self.margin.setValue(ENOUGH.value)
        line.addWidget(self.second)
        line.addWidget(self.margin)
        line.addStretch(1)
        return line

    def refresh(self) -> None:
        """Show what is known now."""
        achieving = self.bench.achieving
        why = achieving.why_not()
        lesion = achieving.lesion
        self._title.setText(f"Was it enough? {lesion}".strip().upper())
        self.judge.setEnabled(not why)
        self.judge.setToolTip(why)
        with QSignalBlocker(self.zones):
            self.zones.clear()
            self.zones.addItems(list(achieving.zones))
            self.zones.setCurrentText(achieving.zone)
        self.zones.setEnabled(bool(achieving.zones))
        self.zones.setToolTip("" if achieving.zones else "There is no ablation zone yet.")
        error = achieving.trouble
        self._trouble.setText(why if error is None else _words(error))
        show(self._trouble, bool(why) or error is not None)
        answer = achieving.answer
        show(self._card, answer is not None)
        is_current = achieving.is_current
        if answer is not None:
            self._show_answer(answer, is_current)
        why_keep = achieving.why_not_keep()
        self.keep.setEnabled(not why_keep)
        self.keep.setToolTip(why_keep or f"As a lesion of its own, {achieving.residual_title}; can be undone")
        is_left = answer is not None and bool(answer.residual)
        for widget in (self._swatch, self._left, self.keep):
            show(widget, is_left)
        why_not = "" if answer is not None and is_current else "Judge the lesion first."
        self.second.setEnabled(not why_not)
        self.second.setToolTip(why_not or "With the lesion's own device, on allowed paths")
        trouble = achieving.proposal_trouble
        self._second_trouble.setText("" if trouble is None else _words(trouble))
        show(self._second_trouble, trouble is not None)
        self._show_proposals()

    def _show_answer(self, answer: AchievedAnswer, is_current: bool) -> None:
        margin, minimal = answer.margin, answer.margin.minimal
        self._margin.setText(margin.words)
        self._verdict.setText(f"{answer.subject.lesion}: {self.bench.achieving.verdict}")
        kind = "ok" if minimal.low_mm >= ENOUGH.value else ("stop" if minimal.value_mm < 0 else "warning")
        self._mark.set_kind(kind)
        self._verdict.setToolTip(f"{ENOUGH.source} ({ENOUGH.confidence.value})")
        show(self._old, not is_current)
        bare = margin.minimal_without_capsule
        covered = margin.coverage_percent
        below = margin.below_0_percent + margin.from_0_to_5_percent
        for name, words in (
            ("capsule", "–" if bare is None else f"{bare.value_mm:.1f} mm"),
            ("covered", f"{min(covered, 99.9) if covered < 100 else covered:.1f} %"),
            ("residual", f"{margin.residual_ml:.2f} ml"),
            ("surface", f"{below:.0f} %"),
            ("zone", f"{margin.zone_volume_ml:.1f} ml"),
        ):
            self._values[name].setText(words)
        self._weakest.setText(f"Weakest place: {margin.weakest_words}")
        parts = " · ".join(f"{PART_WORDS[n]} {v:.1f} mm" for n, v in margin.parts_mm.items())
        basis = answer.subject.registration.error_basis
        doubt = " The registration's error is estimated: a lower bound." if basis.startswith("estim") else ""
        self._budget.setText(f"Each part of the 90 % interval alone: {parts}.{doubt}")

    def _show_proposals(self) -> None:
        achieving = self.bench.achieving
        key = (achieving.proposals, achieving.looked_at)
        if key == self._shown:
            return
        self._shown = key
        clear_layout(self._cards)
        for n, each in enumerate(achieving.proposals):
            self._cards.addWidget(self._proposal_card(n, each))

    def _proposal_card(self, number: int, found: SuggestedNeedles) -> QFrame:
        from planner.planning.suggesting import judged_margin_mm  # loads scipy

        achieving = self.bench.achieving
        is_looked_at = achieving.looked_at == number
        frame, layout = card()
        frame.setProperty("chosen", is_looked_at)
        count = len(found.needles)
        aim = AIMS.get(found.aim, found.aim)
        layout.addWidget(QLabel(f"{count} further probe{'s' * (count > 1)}, {aim}"))
        missing = judged_margin_mm(found.report)
        reach = "reaches all that is left" if missing >= -0.1 else f"stays {-missing:.1f} mm short of it"
        longest = max(e.length_mm for e in found.entries)
        layout.addWidget(dim_label(f"{reach}; longest path {longest:.0f} mm", wraps=True))
        line = QHBoxLayout()
        look = QPushButton("Hide" if is_looked_at else "Look")
        look.setObjectName(f"lookSecond_{number}")
        look.clicked.connect(partial(self._look, number, is_looked_at))
        use = QPushButton("Use")
        use.setObjectName(f"useSecond_{number}")
        use.setToolTip("Add to the plan; can be undone")
        use.clicked.connect(lambda _checked: achieving.take(number))
        for button in (look, use):
            button.setProperty("compact", True)
            line.addWidget(button)
        line.addStretch(1)
        layout.addLayout(line)
        return frame

    def _look(self, number: int, is_looked_at: bool) -> None:
        if is_looked_at:
            self.bench.achieving.look_away()
        else:
            self.bench.achieving.look_at(number)

    def _go(self) -> None:
        answer = self.bench.achieving.answer
        if answer is not None:
            self.place_asked.emit(answer.margin.weakest_from_lps_mm)


def _words(error: PlannerError) -> str:
    return " ".join(part for part in (error.what, error.thing, error.todo) if part)
