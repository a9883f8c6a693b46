"""What there is to learn of an attempt as sentences, with the points each lost; one with a place can be clicked."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from planner.desktop.pieces import SeverityMark, clear_layout, dim_label, link_button
from planner.desktop.theme import shown_theme, sign_color
from planner.practice.lesson import KINDS, Lesson

#: So many are shown at once, and all that cost points; the rest on demand.
SHOWN = 8


class LessonList(QFrame):
    """One row a lesson, those that cost most first; where there are many, the last ones on demand."""

    place_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 6)
        layout.setSpacing(0)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        layout.addLayout(self._rows)

    def show_lessons(self, lessons: tuple[Lesson, ...], stops: frozenset[str] = frozenset()) -> None:
        """Say other sentences; those that are the text of a stop have its sign."""
        clear_layout(self._rows)
        in_order = sorted(lessons, key=lambda x: -(x.points_lost or 0.0))
        rows = [LessonRow(lesson, lesson.text in stops) for lesson in in_order]
        for row in rows:
            row.place_asked.connect(self.place_asked)
            self._rows.addWidget(row)
        if not lessons:
            self._rows.addWidget(dim_label("Nothing was lost.", wraps=True))
        costly = sum((lesson.points_lost or 0.0) > 0 for lesson in lessons)
        rest = rows[max(SHOWN, costly) :]
        if len(rest) > 1:
            for row in rest:
                row.hide()
            more = link_button(f"{len(rest)} more", "Show all there is to learn")
            more.setObjectName("moreLessons")
            more.clicked.connect(lambda _checked: self._show_all(more, rest))
            self._rows.addWidget(more, 0, Qt.AlignmentFlag.AlignLeft)

    @staticmethod
    def _show_all(more: QPushButton, rest: list[LessonRow]) -> None:
        more.hide()
        for row in rest:
            row.show()


class LessonRow(QWidget):
    """A sentence, its points, and the way to its place.

    Parameters
    ----------
    lesson
        What it says.
    is_stop
        Whether it keeps the attempt from passing.
    """

    place_asked = Signal(object)

    def __init__(self, lesson: Lesson, is_stop: bool) -> None:
        super().__init__()
        self.setObjectName("lesson")
        self.lesson = lesson
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 3, 0, 3)
        line.setSpacing(9)
        sign = SeverityMark()
        is_costly = (lesson.points_lost or 0.0) > 0
        is_warning = is_costly or lesson.kind == "hazard"
        sign.set_kind("stop" if is_stop else "warning" if is_warning else "info")
        line.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        link = f" <span style='color:{shown_theme().focus}'>Show</span>"
        words = QLabel(lesson.text + (link if lesson.where_lps_mm is not None else ""))
        words.setTextFormat(Qt.TextFormat.RichText)
        words.setWordWrap(True)
        line.addWidget(words, 1)
        if is_costly:
            lost = QLabel(f"−{lesson.points_lost:.1f}")
            lost.setStyleSheet(f"color: {sign_color('▲')};")
            lost.setToolTip("Points lost")
            line.addWidget(lost, 0, Qt.AlignmentFlag.AlignTop)
        self.setToolTip(KINDS[lesson.kind].capitalize())
        self.setAccessibleName(lesson.text)
        if lesson.where_lps_mm is not None:
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the views to the place."""
        if self.lesson.where_lps_mm is not None:
            self.place_asked.emit(self.lesson.where_lps_mm)
