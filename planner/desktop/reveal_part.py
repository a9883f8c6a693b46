"""A committed attempt: its score and the rules of it, what there is to learn, the reference beside it, a replay."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.finding_list import FindingList
from planner.desktop.judgement_view import MetricTable
from planner.desktop.lesson_list import LessonList
from planner.desktop.pieces import (
    card,
    clear_layout,
    dim_label,
    heading,
    inset,
    link_button,
    scrolled,
    show,
)
from planner.desktop.replay_bar import ReplayBar
from planner.desktop.theme import sign_color
from planner.model.assessment import Severity
from planner.planning.plan_needles import plan_needles
from planner.plugin.manifest import Manifest
from planner.practice.condition_words import clock_words
from planner.practice.learning import NextExercise
from planner.practice.revealing import Revealed
from planner.practice.scoring import Score, weights
from planner.scene.palette import PLANNED_COLOR, REFERENCE_COLOR

ALL_NUMBERS = "All numbers and findings"


class RevealPart(QWidget):
    """Everything of one attempt."""

    place_asked = Signal(object)
    step_asked = Signal(object)
    overlay_asked = Signal()
    retry_asked = Signal()
    next_asked = Signal(str)
    done_asked = Signal()
    keep_asked = Signal()
    file_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        body = QWidget()
        body.setObjectName("panelBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 4, 0, 10)
        column.setSpacing(4)
        column.addWidget(self._score_card())
        column.addWidget(self._not_kept_card())
        column.addWidget(heading("What there is to learn"))
        self.lessons = LessonList()
        self.lessons.place_asked.connect(self.place_asked)
        column.addWidget(inset(self.lessons))
        column.addWidget(heading("Beside it in the views"))
        column.addWidget(self._compared())
        column.addWidget(heading("Replay"))
        self.replay = ReplayBar()
        self.replay.step_asked.connect(self.step_asked)
        column.addWidget(self.replay)
        self._all_link = link_button(ALL_NUMBERS, "As the module says them of the needles as they lie")
        self._all_link.setObjectName("allNumbers")
        self._all_link.setContentsMargins(14, 0, 14, 0)
        self._all_link.clicked.connect(lambda _checked: self._fold())
        line = QHBoxLayout()
        line.setContentsMargins(14, 0, 14, 0)
        line.addWidget(self._all_link)
        line.addStretch(1)
        column.addLayout(line)
        self._all = QWidget()
        self._all_column = QVBoxLayout(self._all)
        self._all_column.setContentsMargins(0, 0, 0, 0)
        self._all_column.setSpacing(2)
        self._all.hide()  # said outright: what was never hidden is shown with its parent
        column.addWidget(self._all)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self._area = scrolled(body)
        outer.addWidget(self._area, 1)
        outer.addLayout(self._footer())
        self._next = ""
        self._shown: Revealed | None = None
        self._manifest: Manifest | None = None

    # building ------------------------------------------------------------------------------

    def _score_card(self) -> QWidget:
        frame, inner = card()
        self._title = QLabel()
        self._title.setWordWrap(True)
        self._title.setStyleSheet("font-weight: 600;")
        inner.addWidget(self._title)
        line = QHBoxLayout()
        self._points = QLabel()
        self._points.setObjectName("attemptPoints")
        self._points.setProperty("headline", True)
        self._verdict = QLabel()
        self._verdict.setObjectName("attemptVerdict")
        self._verdict.setWordWrap(True)
        line.addWidget(self._points)
        line.addWidget(self._verdict, 1)
        inner.addLayout(line)
        self._parts = QGridLayout()
        self._parts.setHorizontalSpacing(8)
        self._parts.setVerticalSpacing(2)
        self._parts.setColumnStretch(0, 1)
        inner.addLayout(self._parts)
        self._rule = dim_label("", wraps=True)
        self._rule.setObjectName("scoringRule")
        inner.addWidget(self._rule)
        return inset(frame)

    def _not_kept_card(self) -> QWidget:
        frame, inner = card()
        self._not_kept_words = QLabel()
        self._not_kept_words.setObjectName("notKept")
        self._not_kept_words.setProperty("amber", True)
        self._not_kept_words.setWordWrap(True)
        inner.addWidget(self._not_kept_words)
        line = QHBoxLayout()
        for text, name, signal in (
            ("Keep it now", "keepAttempt", self.keep_asked),
            ("Save to a file…", "saveAttempt", self.file_asked),
        ):
            button = QPushButton(text)
            button.setObjectName(name)
            button.setProperty("compact", True)
            button.clicked.connect(lambda _checked, signal=signal: signal.emit())
            line.addWidget(button)
        line.addStretch(1)
        inner.addLayout(line)
        self._not_kept = inset(frame)
        return self._not_kept

    def _compared(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(14, 0, 14, 2)
        column.setSpacing(3)
        line = QHBoxLayout()
        self.reference = QCheckBox("Reference")
        self.reference.setObjectName("showReference")
        self.reference.setChecked(True)
        self.reference.setStyleSheet(f"border-bottom: 2px solid {REFERENCE_COLOR};")
        self.which = QComboBox()
        self.which.setObjectName("whichReference")
        self.which.setAccessibleName("Which reference")
        line.addWidget(self.reference)
        line.addWidget(self.which, 1)
        column.addLayout(line)
        self.planned = QCheckBox("As you planned it, before the table")
        self.planned.setObjectName("showPlanned")
        self.planned.setStyleSheet(f"border-bottom: 2px solid {PLANNED_COLOR};")
        column.addWidget(self.planned, 0, Qt.AlignmentFlag.AlignLeft)
        for box in (self.reference, self.planned):
            box.toggled.connect(lambda _on: self.overlay_asked.emit())
        self.which.activated.connect(lambda _n: self.overlay_asked.emit())
        self._alternative = dim_label("", wraps=True)
        self._alternative.setObjectName("bestAlternative")
        column.addWidget(self._alternative)
        return holder

    def _footer(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 6, 12, 10)
        line.setSpacing(6)
        self.retry = QPushButton("Try again")
        self.retry.setObjectName("retryExercise")
        self.retry.setProperty("primary", True)
        self.retry.clicked.connect(lambda _checked: self.retry_asked.emit())
        self.next = QPushButton("Next exercise")
        self.next.setObjectName("nextExercise")
        self.next.clicked.connect(lambda _checked: self.next_asked.emit(self._next))
        self.done = QPushButton("Done")
        self.done.setObjectName("doneExercise")
        self.done.setToolTip("Show the case and its plan as they were before")
        self.done.clicked.connect(lambda _checked: self.done_asked.emit())
        for button in (self.retry, self.next, self.done):
            line.addWidget(button)
        line.addStretch(1)
        return line

    # showing -------------------------------------------------------------------------------

    def show_attempt(self, revealed: Revealed, manifest: Manifest) -> None:
        """Show another attempt."""
        if revealed is self._shown:
            return
        self._shown, self._manifest = revealed, manifest
        attempt, exercise = revealed.attempt, revealed.exercise
        self._title.setText(f"{exercise.title} · {clock_words(attempt.seconds)}")
        self.restyle()
        self.which.clear()
        for reference in exercise.references:
            self.which.addItem(f"{reference.title[:1].upper()}{reference.title[1:]}")
        self.which.setEnabled(len(exercise.references) > 1)
        show(self.planned, revealed.is_table)
        self.planned.setChecked(False)
        self._alternative.setText(revealed.alternative)
        self.replay.show_steps(attempt.steps)
        self.show_next(None)
        self._area.verticalScrollBar().setValue(0)

    def restyle(self) -> None:
        """Write what has colours of the theme."""
        revealed, manifest = self._shown, self._manifest
        if revealed is None or manifest is None:
            return
        self._show_score(revealed.attempt.score)
        stops = frozenset(f.text for f in revealed.scored.answer.findings if f.severity == Severity.STOP)
        self.lessons.show_lessons(revealed.lessons, stops)
        self._fill_numbers(revealed, manifest)

    def show_not_kept(self, words: str) -> None:
        """Say that the attempt could not be kept, and why; empty where it is."""
        self._not_kept_words.setText(words)
        show(self._not_kept, bool(words))

    def show_next(self, following: NextExercise | None) -> None:
        """Offer the exercise that fits next; None while it is not known."""
        found = following.exercise if following is not None else None
        self._next = found.id if found is not None else ""
        self.next.setEnabled(found is not None)
        self.next.setToolTip("" if following is None else following.reason)

    @property
    def reference_number(self) -> int | None:
        """Which reference is laid over the views; None where none is."""
        return self.which.currentIndex() if self.reference.isChecked() and self.which.count() else None

    def _show_score(self, score: Score) -> None:
        color = sign_color("✓" if score.is_passed else "▲")
        self._points.setText(f"<span style='color:{color}'>{score.points:.0f}</span>")
        words = "Passed" if score.is_passed else "Not passed"
        told = f"{words}: {score.pass_points:g} of 100 points are needed."
        if score.capped_by:
            rules = ", ".join(r.replace("_", " ") for r in dict.fromkeys(score.capped_by))
            told = f"{words}: {rules}. Whatever else is good, that stops it."
        self._verdict.setText(told)
        clear_layout(self._parts)
        for n, part in enumerate(score.parts):
            title, points = QLabel(part.title), QLabel(f"{part.points:.1f} of {part.most:g}")
            points.setObjectName(f"part_{part.id}")
            points.setAlignment(Qt.AlignmentFlag.AlignRight)
            if part.points < part.most - 0.05:
                points.setStyleSheet(f"color: {sign_color('▲')};")
            self._parts.addWidget(title, 2 * n, 0)
            self._parts.addWidget(points, 2 * n, 1)
            self._parts.addWidget(dim_label(part.rule, wraps=True), 2 * n + 1, 0, 1, 2)
        self._rule.setText(f"Scored by version {score.version} of the weights: {weights()['source']}.")

    def _fold(self) -> None:
        is_shown = self._all.isHidden()
        show(self._all, is_shown)
        self._all_link.setText("Fewer numbers" if is_shown else ALL_NUMBERS)
        if is_shown:  # once it has its place
            bar = self._area.verticalScrollBar()
            QTimer.singleShot(50, self, lambda: bar.setValue(bar.value() + self._area.height() // 2))

    def _fill_numbers(self, revealed: Revealed, manifest: Manifest) -> None:
        clear_layout(self._all_column)
        answer = revealed.scored.answer
        findings = FindingList()
        findings.place_asked.connect(self.place_asked)
        findings.show_findings(answer.findings, None, (revealed.exercise.lesion, ""))
        self._all_column.addWidget(inset(findings))
        first = next((i.id for i in revealed.plan.instruments), "")
        needles = [n.needle.id for n in plan_needles(revealed.plan)]
        subjects = {"lesion": revealed.exercise.lesion, "plan": "plan", "instrument": first}
        known = {m.subject for m in answer.metrics}
        if subjects["instrument"] not in known:
            subjects["instrument"] = next((n for n in needles if n in known), first)
        for section in manifest.sections_of("assess"):
            title = heading(section.title)
            title.setWordWrap(True)
            table = MetricTable(section, title)
            table.place_asked.connect(self.place_asked)
            self._all_column.addWidget(title)
            self._all_column.addWidget(inset(table))
            table.show_metrics(answer.metrics, subjects[section.of], frozenset())
