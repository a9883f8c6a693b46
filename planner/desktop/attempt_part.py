"""The attempt that is open: the task, the time, the needles, and the table. No number of the plan stands here."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from planner.desktop.array_part import ArrayPart
from planner.desktop.instrument_list import PLACING_WORDS, InstrumentList
from planner.desktop.pieces import (
    Row,
    card,
    clear_layout,
    dim_label,
    heading,
    inset,
    link_button,
    scrolled,
    show,
)
from planner.desktop.probe_form import DeviceForm
from planner.planning.plan_needles import plan_needles
from planner.practice.condition_words import clock_words, condition_words
from planner.practice.exercise import needle_count
from planner.session.actions import Workbench
from planner.session.practising import Stage

#: Where electrodes are placed; the others place probes.
ARRAY_MODULE = "electroporation"
TABLE_WORDS = (
    "The control scan shows the metal of the needles as they lie. Look, then accept; or put one in again, or drag"
    " it to where it should lie and put it in there."
)
#: Said once a needle is placed.
MOVING_WORDS = "Drag its tip, entry or shaft in a slice to move it. Ctrl+Z takes a step back."


class AttemptPart(QWidget):
    """What a trainee sees and does until the plan is committed.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    action_asked = Signal(str)
    put_in_asked = Signal()
    again_asked = Signal(str)
    commit_asked = Signal()
    give_up_asked = Signal()
    trouble = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bench = bench
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # holds the keys while its buttons cannot
        body = self._body = QWidget()
        body.setObjectName("panelBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 4, 0, 10)
        column.setSpacing(4)
        column.addWidget(self._task_card())
        column.addWidget(self._table())
        self._title = heading("Your needles")
        column.addWidget(self._title)
        self.list = InstrumentList(bench)
        column.addWidget(self.list)
        self._probe_buttons = QWidget()
        self._probe_buttons.setLayout(self._actions())
        column.addWidget(self._probe_buttons)
        self._hint = dim_label("", wraps=True)
        self._hint.setObjectName("practiceHint")
        self._hint.setContentsMargins(14, 2, 14, 2)
        column.addWidget(self._hint)
        self.device_form = DeviceForm(bench)
        column.addWidget(self.device_form)
        self.arrays = ArrayPart(bench)
        self.arrays.trouble.connect(self.trouble)
        column.addWidget(self.arrays)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scrolled(body), 1)
        self._why = dim_label("", wraps=True)
        self._why.setObjectName("whyNotCommit")
        self._why.setContentsMargins(14, 4, 14, 0)
        outer.addWidget(self._why)
        outer.addLayout(self._footer())

    # building ------------------------------------------------------------------------------

    def _task_card(self) -> QWidget:
        frame, inner = card()
        line = QHBoxLayout()
        self._name = QLabel()
        self._name.setObjectName("attemptTitle")
        self._name.setWordWrap(True)
        self._name.setStyleSheet("font-weight: 600;")
        self._clock = QLabel()
        self._clock.setObjectName("attemptClock")
        line.addWidget(self._name, 1)
        line.addWidget(self._clock)
        inner.addLayout(line)
        self._task = QLabel()
        self._task.setObjectName("attemptTask")
        self._task.setWordWrap(True)
        self._conditions = dim_label("", wraps=True)
        for label in (self._task, self._conditions):
            inner.addWidget(label)
        note = dim_label(
            "Numbers, colours, findings and suggestions are hidden until you commit.", wraps=True
        )
        inner.addWidget(note)
        return inset(frame)

    def _actions(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 4, 12, 2)
        line.setSpacing(6)
        self._action_buttons: dict[str, QPushButton] = {}
        for id, text in (
            ("place_probe", "+ Probe"),
            ("aim_center", "+ Centre"),
            ("copy_probe", "Copy"),
            ("delete_probe", "Delete"),
        ):
            button = QPushButton(text)
            button.setObjectName(f"practise_{id}")
            button.setProperty("compact", True)
            button.clicked.connect(lambda _checked, id=id: self.action_asked.emit(id))
            self._action_buttons[id] = button
            line.addWidget(button)
        line.addStretch(1)
        return line

    def _table(self) -> QWidget:
        self._table_side = QWidget()
        column = QVBoxLayout(self._table_side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("On the table"))
        self._table_words = dim_label("", wraps=True)
        self._table_words.setObjectName("tableWords")
        self._table_words.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._table_words)
        self.plan_shown = QCheckBox("Draw your plan over the control scan")
        self.plan_shown.setObjectName("planOverScan")
        self.plan_shown.setToolTip("Take it off to see the metal of the needle alone")
        self.plan_shown.toggled.connect(self.bench.practising.show_plan)
        column.addWidget(inset(self.plan_shown))
        self._lying = QVBoxLayout()
        self._lying.setSpacing(0)
        column.addLayout(self._lying)
        return self._table_side

    def _footer(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 6, 12, 10)
        line.setSpacing(6)
        self.put_in = QPushButton("Put the needles in")
        self.put_in.setObjectName("putIn")
        self.put_in.clicked.connect(lambda _checked: self.put_in_asked.emit())
        self.commit = QPushButton("Commit")
        self.commit.setObjectName("commitAttempt")
        self.commit.setProperty("primary", True)
        self.commit.clicked.connect(lambda _checked: self.commit_asked.emit())
        self.give_up = link_button("Give up", "End the exercise; this attempt is not kept")
        self.give_up.setObjectName("giveUp")
        self.give_up.clicked.connect(lambda _checked: self.give_up_asked.emit())
        line.addWidget(self.put_in)
        line.addWidget(self.commit)
        line.addStretch(1)
        line.addWidget(self.give_up)
        return line

    # showing -------------------------------------------------------------------------------

    def set_action(self, id: str, why_not: str, title: str) -> None:
        """Enable the button of an action, or say why it is disabled."""
        button = self._action_buttons.get(id)
        if button is not None:
            button.setEnabled(not why_not)
            button.setToolTip(why_not or title)

    def rebuild(self) -> None:
        """Show the attempt as it is now."""
        practising = self.bench.practising
        exercise = practising.exercise
        if exercise is None:
            return
        self._name.setText(exercise.title)
        self._task.setText(exercise.task)
        self._conditions.setText("\n".join(f"· {w}" for w in condition_words(exercise)))
        is_array = exercise.module == ARRAY_MODULE
        for widget in (self._title, self.list, self._probe_buttons, self.device_form):
            show(widget, not is_array)
        show(self.arrays, is_array)
        self.device_form.allowed = exercise.devices
        if is_array:
            self.arrays.refresh()
            self._limit_arrays()
        else:
            self.list.rebuild()
            self.device_form.refresh()
        words = "" if is_array else PLACING_WORDS[self.bench.placing.step]
        if not (is_array or words) and self.bench.session.plan.instruments:
            words = MOVING_WORDS
        self._hint.setText(words)
        show(self._hint, bool(words))
        self._show_table()
        self._show_ways()
        self.show_time()

    def _limit_arrays(self) -> None:
        """No more electrodes than the exercise allows."""
        exercise, bench = self.bench.practising.exercise, self.bench
        assert exercise is not None
        left = exercise.most_instruments - needle_count(bench.session.plan)
        why = (
            "" if left >= bench.electrodes.count else f"This exercise allows {max(left, 0)} more electrodes."
        )
        for button in (self.arrays.add, self.arrays.aim):
            if why:
                button.setEnabled(False)
            button.setToolTip(why or "Click the lesion, then the entry on the skin")

    def show_moved(self) -> None:
        """Take over what is being dragged."""
        if not self.arrays.isHidden():
            self.arrays.show_array()

    def show_time(self) -> None:
        """How long it took so far."""
        practising = self.bench.practising
        if practising.exercise is None:
            return
        limit_s, taken_s = practising.exercise.conditions.limit_s, practising.elapsed_s
        words = clock_words(taken_s)
        if limit_s is not None:
            words = f"{words.removesuffix(' min')} of {clock_words(limit_s)}"
        is_over = limit_s is not None and taken_s > limit_s
        if self._clock.text() != words:
            self._clock.setText(words)
        if bool(self._clock.property("amber")) != is_over:
            self._clock.setProperty("amber", is_over)
            self._clock.setToolTip("Over the time: points go, the exercise goes on." if is_over else "")
            self._clock.style().polish(self._clock)

    def _show_table(self) -> None:
        practising = self.bench.practising
        landing = practising.landing
        show(self._table_side, landing is not None)
        if landing is None:
            return
        count = landing.repositionings
        told = [
            TABLE_WORDS,
            f"Put in again so far: {count}." if count else "",
        ]
        if landing.conditions.breath_mm:
            told.append("The liver lies where the breath took it: move the needle to where it is now.")
        self._table_words.setText(" ".join(t for t in told if t))
        with QSignalBlocker(self.plan_shown):
            self.plan_shown.setChecked(practising.shows_plan)
        clear_layout(self._lying)
        for needle in plan_needles(landing.planned):
            self._lying.addWidget(self._lying_row(needle.needle.id, needle.title))

    def _lying_row(self, id: str, title: str) -> Row:
        row = Row(f"Needle {title}")
        again = link_button(
            "Put in again", "Draw it back and aim at the same place once more; it counts as repositioned"
        )
        again.setObjectName(f"again_{id}")
        again.clicked.connect(lambda _checked: self.again_asked.emit(id))
        row.line.addWidget(QLabel(title), 1)
        row.line.addWidget(again)
        return row

    def _show_ways(self) -> None:
        practising = self.bench.practising
        exercise = practising.exercise
        assert exercise is not None
        is_table, is_held = exercise.conditions.is_table, practising.holds_plan
        pending = practising.pending
        show(self.put_in, is_table)
        self.put_in.setText(f"Put in {' and '.join(pending)}" if pending else "Put the needles in")
        is_first = practising.stage == Stage.PLACE
        why = "Judging…" if practising.stage == Stage.JUDGED else practising.why_not_commit
        self.commit.setText("Accept and commit" if is_table else "Commit")
        self.commit.setEnabled(not why)
        is_kept = self.put_in.hasFocus() or self.hasFocus()
        if is_kept:  # disabled, it would hand the keys on to what gives up
            (self if why else self.commit).setFocus()
        self.put_in.setEnabled(not is_held and not practising.why_not_go_on and (is_first or bool(pending)))
        self.put_in.setProperty("primary", is_table and (is_first or bool(pending)))
        self.put_in.style().polish(self.put_in)
        self.give_up.setEnabled(not is_held)
        self._body.setEnabled(not is_held)
        self._why.setText(why)
        show(self._why, bool(why))
