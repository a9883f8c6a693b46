"""Embolizations of a plan, and its stages: what is closed when, and what is left after each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import Elided, clear_layout, dim_label, heading, link_button, show
from planner.model.embolization import Embolization
from planner.model.stages import STAGES
from planner.scene.closed_branches import CLOSED
from planner.session.actions import Workbench
from planner.session.branch_rows import branch_rows

if TYPE_CHECKING:
    from planner.planning.growth import Growth
    from planner.planning.staged_plans import StageNumbers

Do = Callable[[Callable[[], None]], None]
NO_TREE = "No portal tree is known."
ROWS = ("Resected", "Remnant", "Of measured liver", "Of standard liver")
DAY_PX = 102
CLICK_TIP = "Click portal branches in 3D or in a slice to close them, and again to open them; Esc stops"
CLICK_HINT = "Click a portal branch, in 3D or in a slice. Esc stops."
STOPPED = "Stopped before it was known what is closed and what is spared."
SHOW_TIP = "The closed tree and the liver it fed, in 3D and on slices, while this page is open"
ON_ONE_SCAN = "On the scan of this plan: what grows between the stages is not counted."


class EmbolizationPart(QWidget):
    """What is closed, on which day, and what that spares.

    Parameters
    ----------
    bench, do
        The session with its tools; runs a call and shows what goes wrong.
    """

    vessels_asked = Signal()
    look_changed = Signal()

    def __init__(self, bench: Workbench, do: Do) -> None:
        super().__init__()
        self.bench, self._do = bench, do
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(heading("Portal vein embolization"))
        self._rows = QVBoxLayout()
        self._rows.setSpacing(3)
        column.addLayout(self._rows)
        self._words = dim_label("", wraps=True)
        self._words.setObjectName("embolizationWords")
        self._words.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._words)
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        self.close_branch = QPushButton("Close branch")
        self.close_branch.setObjectName("closeBranch")
        self.close_branch.setStyleSheet("padding: 6px 20px 6px 8px;")  # room for the arrow
        self.close_branch.setToolTip("Branches of the portal vein; all beyond them is closed too")
        self.close_branch.setMenu(QMenu(self))
        self.close_branch.menu().aboutToShow.connect(self._fill_menu)
        self.by_clicks = QPushButton("Click in the views")
        self.by_clicks.setObjectName("closeByClicks")
        self.by_clicks.setCheckable(True)
        self.by_clicks.setToolTip(CLICK_TIP)
        self.by_clicks.clicked.connect(bench.growing.close_by_clicks)
        for button in (self.close_branch, self.by_clicks):
            button.setProperty("compact", True)
        self.again = link_button("Try again", "Ask again for what went wrong or was stopped")
        self.again.clicked.connect(lambda _checked: bench.growing.answers.ask_again())
        self.find_tree = link_button(
            "Find vessels", "From the vessels of the liver: the mode Vessels shows how"
        )
        self.find_tree.setObjectName("findPortalTree")
        self.find_tree.clicked.connect(lambda _checked: self.vessels_asked.emit())
        for widget in (self.close_branch, self.by_clicks, self.again, self.find_tree):
            line.addWidget(widget)
        line.addStretch(1)
        column.addLayout(line)
        self.in_views = QCheckBox("Show in the views")
        self.in_views.setObjectName("showClosed")
        self.in_views.setToolTip(SHOW_TIP)
        self.in_views.setChecked(True)
        self.in_views.toggled.connect(lambda _is_on: self.look_changed.emit())
        self.legend = dim_label(f"<span style='color:{CLOSED}'>■</span> closed &nbsp; ✕ where")
        holder = QHBoxLayout()
        holder.setContentsMargins(14, 0, 14, 2)
        holder.addWidget(self.in_views)
        holder.addStretch(1)
        holder.addWidget(self.legend)
        column.addLayout(holder)
        self._shown: object = None

    def refresh(self) -> None:
        """Show the plan's embolizations."""
        plan, trees = self.bench.session.plan, self.bench.growing.trees
        for widget in (self.close_branch, self.by_clicks, self.in_views, self.legend):
            show(widget, bool(trees))
        self.by_clicks.setChecked(self.bench.growing.is_closing)
        show(self.find_tree, not trees)
        key = (plan.embolizations, self.bench.session.case.vessel_trees)
        if key != self._shown:
            self._shown = key
            clear_layout(self._rows)
            for each in plan.embolizations:
                self._rows.addWidget(self._row(each))
        self._show_words()

    def _row(self, each: Embolization) -> QWidget:
        from planner.planning.growth_words import branch_words

        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(14, 0, 12, 0)
        line.setSpacing(5)
        title = Elided(f"{each.id} · {each.name or branch_words(each, self.bench.session.case)}")
        line.addWidget(title, 1)
        growing = self.bench.growing
        day = DayField(
            f"embolizationDate_{each.id}",
            f"Day of embolization {each.id}",
            lambda: growing.embolization_date(each.id),
            lambda text: self._do(lambda: growing.set_embolization_date(each.id, text)),
        )
        line.addWidget(day)
        gone = link_button("✕", f"Delete embolization {each.id}")
        gone.setObjectName(f"deleteEmbolization_{each.id}")
        gone.clicked.connect(lambda _checked: self._do(lambda: self.bench.growing.set_branches(each.id, ())))
        line.addWidget(gone)
        return row

    def _show_words(self) -> None:
        from planner.planning.growth_words import territory_words

        answers = self.bench.growing.answers
        is_any = bool(self.bench.session.plan.embolizations)
        error, found = (answers.error, answers.embolized()) if is_any else (None, None)
        if error is not None:
            words = str(error)
        elif found is not None:
            words = territory_words(found)
        elif is_any:
            words = STOPPED if answers.is_stopped else self._first_words()
        elif self.bench.growing.is_closing:
            words = CLICK_HINT
        else:
            words = NO_TREE if not self.bench.growing.trees else ""
        self._words.setText(words)
        show(self._words, bool(words))
        show(self.again, error is not None or (found is None and is_any and answers.is_stopped))

    def _first_words(self) -> str:
        """What is said while the module is asked: the closed liver alone is known sooner."""
        from planner.planning.growth_words import closed_words
        from planner.planning.staged_plans import EmbolizedLiver

        liver = self.bench.growing.closed.liver
        if liver is None:
            return "Working out what is closed and what is spared…"
        return f"{closed_words(EmbolizedLiver(liver.volume_ml, liver.liver_ml))} Working out what is spared…"

    def _fill_menu(self) -> None:
        menu, growing = self.close_branch.menu(), self.bench.growing
        menu.clear()
        for tree in growing.trees:
            if len(growing.trees) > 1:
                menu.addSection(tree.id)
            for row in branch_rows(tree):
                action = menu.addAction(f"{row.title}   {row.diameter_mm:.0f} mm")
                action.setCheckable(True)
                by = growing.closing(tree.id, row.number)
                action.setChecked(by is not None)
                if by not in (None, row.number):
                    action.setText(f"{action.text()}, with {tree.branch(by).title}")
                    action.setEnabled(False)
                action.setObjectName(f"close_{tree.id}_{row.number}")
                toggle = partial(growing.toggle_closed, tree.id, row.number)
                action.triggered.connect(lambda _checked=False, toggle=toggle: self._do(toggle))


class StagePart(QWidget):
    """Which resection is done in which stage, the days, and what is left after each."""

    def __init__(self, bench: Workbench, do: Do) -> None:
        super().__init__()
        self.bench, self._do = bench, do
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        self._title = heading("Stages")
        column.addWidget(self._title)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(3)
        column.addLayout(self._rows)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(14, 4, 14, 2)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(2)
        column.addLayout(self._grid)
        self._words = dim_label("", wraps=True)
        self._words.setObjectName("stageWords")
        self._words.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._words)
        self._shown: object = None
        self._numbers: object = None

    def show_growth(self, growth: Growth) -> None:
        """Show the plan's stages with their numbers."""
        from planner.planning.staged_plans import first_stage, is_two_stage

        session, answers = self.bench.session, self.bench.growing.answers
        cuts, standard = session.plan.resections, growth.standard
        is_staged = is_two_stage(session.plan)
        if cuts != self._shown:
            self._shown = cuts
            clear_layout(self._rows)
            for cut in cuts:
                self._rows.addWidget(self._row(cut.id, cut.name or cut.surface.type, cut.stage))
            for stage in sorted({c.stage for c in cuts}):
                self._rows.addWidget(self._day_row(stage, is_staged))
        columns: list[tuple[str, StageNumbers | None]] = [("After both", answers.after_all(standard))]
        if is_staged and first_stage(session.plan).resections:
            columns.insert(0, ("After stage 1", answers.after_first_stage(standard)))
        elif not is_staged:
            columns = [("After it", columns[0][1])]
        self._show_numbers(columns if cuts else [], standard.why_not)
        error = answers.error
        if not cuts:
            words = "The plan has no resection yet."
        elif is_staged and error is not None:
            words = str(error)
        elif not is_staged:
            words = "All is done in one stage."
        elif not first_stage(session.plan).resections:
            words = f"Nothing is resected in the first stage. {ON_ONE_SCAN}"
        else:
            words = f"{ON_ONE_SCAN} Ablations count to the first stage."
        self._words.setText(words)

    def _row(self, id: str, title: str, stage: int) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(14, 0, 12, 0)
        line.setSpacing(5)
        line.addWidget(Elided(f"{id} · {title}"), 1)
        box = QComboBox()
        box.setObjectName(f"stage_{id}")
        box.setAccessibleName(f"Stage of {id}")
        for number in STAGES:
            box.addItem(f"stage {number}", number)
        box.setCurrentIndex(box.findData(stage))
        box.activated.connect(
            lambda _n: self._do(lambda: self.bench.growing.set_stage(id, int(box.currentData())))
        )
        line.addWidget(box)
        return row

    def _day_row(self, stage: int, is_staged: bool) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(14, 0, 12, 0)
        line.setSpacing(5)
        words = f"Day of stage {stage}" if is_staged else "Day of the operation"
        line.addWidget(dim_label(words), 1)
        growing = self.bench.growing
        day = DayField(
            f"stageDate_{stage}",
            words,
            lambda: growing.stage_date(stage),
            lambda text: self._do(lambda: growing.set_stage_date(stage, text)),
        )
        line.addWidget(day)
        return row

    def _show_numbers(self, columns: list[tuple[str, StageNumbers | None]], why_not: str) -> None:
        if (columns, why_not) == self._numbers:
            return
        self._numbers = (columns, why_not)
        clear_layout(self._grid)
        for n, (title, numbers) in enumerate(columns, start=1):
            self._grid.addWidget(dim_label(title), 0, n)
            for row, (words, text) in enumerate(number_rows(numbers), start=1):
                if n == 1:
                    label = dim_label(words)
                    label.setToolTip(why_not if "standard" in words else "")
                    self._grid.addWidget(label, row, 0)
                value = QLabel(text)
                value.setObjectName(f"stage{n}_{row}")
                self._grid.addWidget(value, row, n)


def number_rows(numbers: StageNumbers | None) -> list[tuple[str, str]]:
    """Words and values of a stage; dots where they are being worked out."""
    if numbers is None:
        return [(w, "…") for w in ROWS]
    measured, standard = (
        "unknown" if v is None else f"{v:.1f} %" for v in (numbers.measured_percent, numbers.standard_percent)
    )
    values = (f"{numbers.resected_ml:.0f} ml", f"{numbers.remnant_ml:.0f} ml", measured, standard)
    return list(zip(ROWS, values, strict=True))


class DayField(QLineEdit):
    """A narrow field with a day; it tells a change once, and goes back to what is so where that is refused.

    Parameters
    ----------
    name, words
        Of the field; what day it is.
    now, change
        Gives the day as it is; takes another, or shows why not.
    """

    def __init__(self, name: str, words: str, now: Callable[[], str], change: Callable[[str], None]) -> None:
        super().__init__(now())
        self.setObjectName(name)
        self.setAccessibleName(words)
        self.setPlaceholderText("2026-11-03")
        self.setToolTip(f"{words}: year-month-day; empty where none is set")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFixedWidth(DAY_PX)
        self._now, self._change = now, change
        self.editingFinished.connect(self._entered)

    def _entered(self) -> None:
        day = self.text().strip()
        if day == self._now():
            return
        with QSignalBlocker(self):  # a dialog takes the focus, which ends the editing once more
            self._change(day)
            self.setText(self._now())
