"""Steps that several journeys share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QPushButton, QScrollArea, QWidget


def button(window: Any, name: str) -> QPushButton:
    """The window's button of a name."""
    found = window.findChild(QPushButton, name)
    assert isinstance(found, QPushButton), name
    return found


def opened(hands: Any, case: Path) -> Any:
    """The window with a case open, its surfaces made and its judgement prepared."""
    window = hands.window
    window.work.open_paths([case])
    hands.wait(lambda: window.session.is_open, "the case to open")
    ready(hands)
    return window


def resting(hands: Any, find: Callable[[], QWidget]) -> QWidget:
    """A widget once it stands still: just made ones have no place yet, and an assessment shifts what is below."""
    places: list[QRect] = []

    def rests() -> bool:
        widget = find()
        places.append(QRect(widget.mapToGlobal(QPoint(0, 0)), widget.size()))
        if hands.window._timer.isActive():  # an assessment is about to start
            places.clear()
        return widget.isVisible() and len(places) > 15 and len({p.getRect() for p in places[-15:]}) == 1

    hands.wait(rests, "a widget to stand still")
    return find()


def in_sight(hands: Any, find: Callable[[], QWidget]) -> QWidget:
    """A widget of the plan's panel, scrolled to where it can be clicked."""
    area = hands.window.plan_panel.findChild(QScrollArea)

    seen: list[bool] = []

    def is_seen() -> bool:
        # Asked again and again: while numbers come in, what lies below them moves on.
        widget, view = find(), area.viewport()
        middle = view.mapFromGlobal(widget.mapToGlobal(widget.rect().center()))
        seen.append(view.rect().contains(middle))
        if not seen[-1]:
            area.ensureWidgetVisible(widget)
        return len(seen) > 30 and all(seen[-30:])

    hands.wait(is_seen, "a widget to be scrolled into sight")
    return resting(hands, find)


def scrolled_to(hands: Any, widget: QWidget) -> QWidget:
    """A widget of any panel, scrolled to where it can be clicked once it stands still there."""
    area = widget.parentWidget()
    while not isinstance(area, QScrollArea):
        area = area.parentWidget()
    places: list[tuple[int, int]] = []

    def rests() -> bool:
        middle = widget.mapTo(area.viewport(), widget.rect().center())
        places.append((middle.x(), middle.y()))
        if not area.viewport().rect().contains(middle):
            area.ensureWidgetVisible(widget, 0, 30)
            places.clear()
        return widget.isVisible() and len(places) > 25 and len(set(places[-25:])) == 1

    hands.wait(rests, "a widget to stand still in sight")
    return widget


def ready(hands: Any) -> None:
    """Wait until all that follows opening is done."""
    window = hands.window
    hands.wait(lambda: not window.jobs.is_running, "surfaces and measures")
    hands.wait(
        lambda: window.session.judgements.is_ready("thermal_ablation"), "the judgement to be prepared", 200
    )


def judged(hands: Any) -> None:
    """Wait for the whole assessment."""
    judgements = hands.window.session.judgements
    hands.settle(0.5)
    hands.wait(lambda: judgements.of("thermal_ablation").state == "current", "the whole assessment", 200)
