"""Eyes that read all a window says: seen or hidden, in tooltips, menus, lists, and to a screen reader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QMetaType, Qt
from PySide6.QtGui import QAccessible, QAction
from PySide6.QtWidgets import QAbstractItemView, QApplication, QComboBox, QTabBar, QTextEdit, QWidget

#: Of a widget, and never shown.
_SILENT = frozenset({"objectName", "styleSheet", "windowFilePath", "inputMask", "displayFormat"})
_SPOKEN = (
    QAccessible.Text.Name,
    QAccessible.Text.Description,
    QAccessible.Text.Value,
    QAccessible.Text.Help,
)
_ROLES = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)
#: A number with decimals, without its sign: a whole number stands everywhere.
_NUMBER = re.compile(r"(?<![\d.])\d+\.\d+(?![\d.])")


def said(but: Iterable[QWidget] = (), seen_alone: bool = False) -> dict[str, str]:
    """All texts of all widgets and actions there are, without markup, with where each stands.

    Parameters
    ----------
    but
        Widgets that are left out.
    seen_alone
        Whether only widgets that can be seen now are read, which is faster.
    """
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left_out = tuple(but)
    found: dict[str, str] = {}
    for widget in QApplication.allWidgets():
        if widget in left_out or (seen_alone and not widget.isVisible()):
            continue
        where = f"{type(widget).__name__} '{widget.objectName()}'"
        where += "" if widget.isVisible() else " (hidden)"
        for text in _of_widget(widget):
            found.setdefault(plain(text), where)
        for action in widget.actions():
            for text in _of_action(action):
                found.setdefault(plain(text), f"action in {where}")
    found.pop("", None)
    return found


def plain(text: str) -> str:
    """A text without markup."""
    return unescape(re.sub(r"<[^<>]*>", " ", text)).strip()


def numbers(texts: Iterable[str]) -> frozenset[str]:
    """The numbers with decimals in texts, as they are written, without their signs."""
    return frozenset(n for text in texts for n in _NUMBER.findall(text))


def leaks(texts: dict[str, str], hidden_numbers: frozenset[str], hidden_words: Iterable[str]) -> list[str]:
    """Which texts hold a number or words that must not be there, and where."""
    words = tuple(hidden_words)
    return [
        f"{where}: {text[:200]}"
        for text, where in texts.items()
        if numbers([text]) & hidden_numbers or any(w in text for w in words)
    ]


def _of_widget(widget: QWidget) -> Iterator[str]:
    about = widget.metaObject()
    for n in range(about.propertyCount()):
        each = about.property(n)
        if each.metaType().id() == QMetaType.Type.QString.value and each.name() not in _SILENT:
            yield str(widget.property(each.name()) or "")
    spoken = QAccessible.queryAccessibleInterface(widget)
    if spoken is not None:
        yield from (spoken.text(kind) for kind in _SPOKEN)
    yield str(getattr(widget, "_full", ""))  # a line that is cut says all of it once there is room
    if isinstance(widget, QTextEdit):
        yield widget.toPlainText()
    if isinstance(widget, QTabBar):
        yield from (f"{widget.tabText(n)} {widget.tabToolTip(n)}" for n in range(widget.count()))
    if isinstance(widget, QComboBox) or (
        isinstance(widget, QAbstractItemView) and widget.model() is not None
    ):
        yield from _of_model(widget.model())


def _of_model(model: Any) -> Iterator[str]:
    for row in range(model.rowCount()):
        for column in range(model.columnCount()):
            index = model.index(row, column)
            yield from (str(model.data(index, role) or "") for role in _ROLES)


def _of_action(action: QAction) -> Iterator[str]:
    yield from (action.text(), action.toolTip(), action.statusTip(), action.whatsThis(), action.iconText())
