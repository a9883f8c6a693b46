"""Tables of a course: who struggles with what, how exercises go, and which hazards are common."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from planner.desktop.attempt_words import plain_tip
from planner.desktop.framed_rows import NO_FILL, FramedRows
from planner.desktop.skill_bars import attempts_tip, skill_title
from planner.desktop.theme import shown_theme, sign_color
from planner.practice.exercise import SKILLS
from planner.practice.skills import SkillScore
from planner.practice.teaching import CommonHazard, Course, PassRate, SkillRow

#: Names of people are told in full by the tooltip of a hazard.
SHOWN_PEOPLE = 3
#: How strong the shade of a skill at 0 % is, of 255; at 100 % there is none.
DEEPEST_SHADE = 150
#: A skill's column, whose title is wrapped; the widest column of names.
SKILL_PX, MOST_NAME_PX = 84, 190


class CourseTable(QTableWidget):
    """A table that is read, with its columns' titles wrapped.

    Parameters
    ----------
    name, words
        For tests, and for those who do not see it.
    titles
        Of the columns.
    wide
        Columns that take the room there is.
    """

    def __init__(self, name: str, words: str, titles: Sequence[str], wide: Sequence[int]) -> None:
        super().__init__(0, len(titles))
        self.setObjectName(name)
        self.setAccessibleName(words)
        self.setHorizontalHeaderLabels(list(titles))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setStyleSheet(NO_FILL)
        self.setItemDelegate(FramedRows(self))
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap))
        for column in range(len(titles)):
            mode = (
                QHeaderView.ResizeMode.Stretch if column in wide else QHeaderView.ResizeMode.ResizeToContents
            )
            header.setSectionResizeMode(column, mode)

    def explain(self, column: int, tip: str) -> None:
        """Say what a column holds."""
        title = self.horizontalHeaderItem(column)
        assert title is not None
        title.setToolTip(tip)

    def put(
        self, row: int, column: int, text: str, tip: str = "", is_number: bool = False
    ) -> QTableWidgetItem:
        """Fill a cell; its tooltip is the text where there is no other."""
        item = QTableWidgetItem(text)
        item.setToolTip(plain_tip([tip or text]))
        if is_number:
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setItem(row, column, item)
        return item


class SkillTable(CourseTable):
    """A row for each person; the shade deepens as the number falls, and the weakest skill is bold."""

    person_chosen = Signal(str)

    def __init__(self) -> None:
        titles = [f"{t[:1].upper()}{t[1:]}" for t in SKILLS.values()]
        super().__init__(
            "skillTable",
            "Who struggles with what",
            ["Person", "Attempts", *titles, "Weakest skill"],
            (2 + len(titles),),
        )
        header = self.horizontalHeader()
        header.setFixedHeight(4 * self.fontMetrics().height() + 12)
        for column in (0, *range(2, 2 + len(titles))):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, SKILL_PX)
        self.people: tuple[str, ...] = ()
        self.itemSelectionChanged.connect(self._say)

    def show_course(self, course: Course, rows: Sequence[SkillRow]) -> None:
        """Show people in the order of the course; the one chosen stays so."""
        before = self.chosen
        self.blockSignals(True)
        self.people = tuple(p.label for p in course.people)
        self.setRowCount(len(rows))
        for n, (person, row) in enumerate(zip(course.people, rows, strict=True)):
            self.put(n, 0, person.label, f"{person.label}: {', '.join(f.name for f in person.files)}")
            self.put(n, 1, f"{len(person.attempts)}", is_number=True)
            for column, score in enumerate(row.scores, start=2):
                self._put_score(n, column, score, score.skill == row.weakest.skill)
            known = {s.skill: skill_title(s) for s in row.scores}
            weakest = known.get(row.weakest.skill, "–") if row.weakest.skill is not None else "–"
            self.put(n, 2 + len(row.scores), weakest, row.weakest.reason)
        self.setColumnWidth(0, min(max(self.sizeHintForColumn(0) + 8, SKILL_PX), MOST_NAME_PX))
        self.clearSelection()
        self.setCurrentCell(-1, -1)
        self.blockSignals(False)
        if self.people:
            self.selectRow(self.people.index(before) if before in self.people else 0)

    @property
    def chosen(self) -> str:
        """Label of the person that is chosen; empty where none is."""
        rows = self.selectionModel().selectedRows()
        return self.people[rows[0].row()] if rows and rows[0].row() < len(self.people) else ""

    def _put_score(self, row: int, column: int, score: SkillScore, is_weakest: bool) -> None:
        text = "–" if score.percent is None else f"{score.percent:.0f}"
        item = self.put(row, column, text, attempts_tip(score), is_number=True)
        if score.percent is None or not score.is_known:
            item.setForeground(QBrush(QColor(shown_theme().dim)))
            return
        shade = QColor(sign_color("▲"))
        shade.setAlpha(round(DEEPEST_SHADE * (1.0 - score.percent / 100.0)))
        item.setBackground(QBrush(shade))
        if is_weakest:
            font = item.font()
            font.setBold(True)
            item.setFont(font)

    def _say(self) -> None:
        if self.chosen:
            self.person_chosen.emit(self.chosen)


class PassTable(CourseTable):
    """A row for each exercise, the one fewest passed first."""

    def __init__(self) -> None:
        super().__init__(
            "passTable",
            "Exercises and how many pass",
            ["Exercise", "Level", "People", "Attempts"],
            (0,),
        )
        for column, tip in ((2, "Who passed it, of those who tried"), (3, "Attempts that passed, of all")):
            self.explain(column, tip)

    def show_rates(self, rates: Sequence[PassRate]) -> None:
        """Show how exercises go."""
        self.setRowCount(len(rates))
        for n, rate in enumerate(rates):
            self.put(n, 0, rate.title or rate.exercise)
            self.put(n, 1, rate.level, is_number=True)
            people = f"{rate.people_passed} of {rate.people} ({rate.percent:.0f} %)"
            self.put(n, 2, people, is_number=True)
            self.put(n, 3, f"{rate.attempts_passed} of {rate.attempts}", is_number=True)


class HazardTable(CourseTable):
    """A row for each hazard that several attempts have, the most frequent first."""

    def __init__(self) -> None:
        super().__init__("hazardTable", "Common hazards", ["Hazard", "Attempts", "Stopped", "People"], (0, 3))
        for column, tip in ((1, "Attempts that have it"), (2, "Attempts it kept from passing")):
            self.explain(column, tip)

    def show_hazards(self, hazards: Sequence[CommonHazard]) -> None:
        """Show what goes wrong often."""
        self.setRowCount(len(hazards))
        for n, hazard in enumerate(hazards):
            self.put(n, 0, hazard.title)
            self.put(n, 1, f"{hazard.attempts}", is_number=True)
            self.put(n, 2, f"{hazard.stops}", is_number=True)
            more = len(hazard.people) - SHOWN_PEOPLE
            named = ", ".join(hazard.people[:SHOWN_PEOPLE])
            people = f"{named} and {more} more" if more > 0 else named
            self.put(n, 3, people, ", ".join(hazard.people))
