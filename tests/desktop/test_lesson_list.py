"""What there is to learn: what cost most stands first, all that cost is in sight, the rest on demand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from planner.desktop.lesson_list import SHOWN, LessonList, LessonRow
from planner.practice.lesson import Lesson


@pytest.fixture
def found(qapp: object) -> Iterator[LessonList]:
    made = LessonList()
    made.resize(340, 400)
    made.show()
    yield made
    made.close()


def lessons(*points: float | None) -> tuple[Lesson, ...]:
    return tuple(Lesson("hazard", f"Number {n}.", points_lost=p) for n, p in enumerate(points))


def rows(found: LessonList) -> list[LessonRow]:
    """In the order they stand in."""
    layout = found._rows
    items = (layout.itemAt(n).widget() for n in range(layout.count()))
    return [w for w in items if isinstance(w, LessonRow)]


def numbers(found: LessonList, is_all: bool = False) -> list[int]:
    QApplication.processEvents()  # new rows are shown with the next layout
    return [int(r.lesson.text[7:-1]) for r in rows(found) if is_all or r.isVisible()]


def test_what_cost_most_stands_first_and_the_order_of_the_others_stays(found: LessonList) -> None:
    found.show_lessons(lessons(2.0, None, 20.0, None, 2.0, 5.5))
    assert numbers(found) == [2, 5, 0, 4, 1, 3]
    assert found.findChild(QPushButton, "moreLessons") is None


@pytest.mark.parametrize(("costly", "free", "shown"), [(3, 9, SHOWN), (11, 5, 11), (0, 20, SHOWN)])
def test_of_many_the_last_come_on_demand_but_never_what_cost_points(
    found: LessonList, costly: int, free: int, shown: int
) -> None:
    found.show_lessons(lessons(*([None] * free), *([1.0] * costly)))
    assert len(numbers(found)) == shown
    assert numbers(found)[:costly] == list(range(free, free + costly))
    more = found.findChild(QPushButton, "moreLessons")
    assert more.text() == f"{costly + free - shown} more"
    QTest.mouseClick(more, Qt.MouseButton.LeftButton)
    assert len(numbers(found)) == costly + free
    assert more.isHidden()


def test_one_more_is_shown_rather_than_asked_for(found: LessonList) -> None:
    found.show_lessons(lessons(*([None] * (SHOWN + 1))))
    assert len(numbers(found)) == SHOWN + 1
    assert found.findChild(QPushButton, "moreLessons") is None
    found.show_lessons(())
    assert numbers(found, is_all=True) == []
