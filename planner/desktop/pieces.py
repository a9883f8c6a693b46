"""Small pieces the panels are made of: headings, rows, swatches, cards."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.theme import shown_theme
from planner.scene.palette import OK, STOP, WARNING, Color


def heading(text: str) -> QLabel:
    """A section's heading."""
    label = QLabel(text.upper())
    label.setProperty("heading", True)
    return label


def dim_label(text: str = "", wraps: bool = False) -> QLabel:
    """Small quiet text."""
    label = QLabel(text)
    label.setProperty("dim", True)
    label.setWordWrap(wraps)
    return label


def card() -> tuple[QFrame, QVBoxLayout]:
    """A raised box with its layout."""
    frame = QFrame()
    frame.setProperty("card", True)
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(12, 9, 12, 9)
    layout.setSpacing(5)
    return frame, layout


def link_button(text: str, tip: str = "") -> QPushButton:
    """A button that reads like a link."""
    button = QPushButton(text)
    button.setProperty("link", True)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    button.setToolTip(tip)
    return button


def show(widget: QWidget, is_shown: bool) -> None:
    """Show or hide; asking Qt for what is so already costs a layout each time.

    A widget nobody has shown or hidden yet says it is hidden, and would come up with its parent.
    """
    is_settled = widget.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide)
    if widget.isHidden() == is_shown or not is_settled:
        widget.setVisible(is_shown)


def put_number(field: QDoubleSpinBox, value: float) -> None:
    """Show a number in a field, unless it shows it already: what somebody is typing stays as it is."""
    value = round(min(max(value, field.minimum()), field.maximum()), field.decimals())
    if field.value() != value:
        with QSignalBlocker(field):
            field.setValue(value)


def scrolled(content: QWidget) -> QScrollArea:
    """A widget that scrolls up and down where it is too tall."""
    area = QScrollArea()
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def page() -> tuple[QWidget, QVBoxLayout]:
    """An empty page of the panel, and the column its parts stand in."""
    body = QWidget()
    body.setObjectName("panelBody")
    body.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    column = QVBoxLayout(body)
    column.setContentsMargins(0, 4, 0, 10)
    column.setSpacing(4)
    return body, column


def inset(widget: QWidget) -> QWidget:
    """A widget with the panel's margins around it."""
    holder = QWidget()
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(12, 0, 12, 6)
    layout.addWidget(widget)
    return holder


def clear_layout(layout: QLayout) -> None:
    """Take all out of a layout."""
    while (item := layout.takeAt(0)) is not None:
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()
        elif inner is not None:
            clear_layout(inner)


class Part(QWidget):
    """A titled part of a panel, built anew only where its key changes.

    Parameters
    ----------
    title
        Its heading.
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(heading(title))
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        column.addLayout(self._rows)
        self._key: object = None

    def fill(self, key: object, make: Callable[[], list[QWidget]]) -> None:
        """Show the rows ``make`` gives, unless they are there already."""
        if key == self._key:
            return
        self._key = key
        clear_layout(self._rows)
        for row in make():
            self._rows.addWidget(row)

    def clear(self) -> None:
        """Show no rows."""
        self._key = None
        clear_layout(self._rows)


class Elided(QLabel):
    """A line of text that shows its end by an ellipsis and all of it in a tooltip."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.set_full(text)

    def set_full(self, text: str) -> None:
        """Change the text."""
        self._full = text
        self._fit()

    def resizeEvent(self, event: object) -> None:
        """Cut the text anew."""
        self._fit()

    def minimumSizeHint(self) -> QSize:
        """A few letters."""
        return QSize(30, super().minimumSizeHint().height())

    def _fit(self) -> None:
        shown = self.fontMetrics().elidedText(self._full, Qt.TextElideMode.ElideRight, max(self.width(), 10))
        self.setText(shown)
        self.setToolTip(self._full if shown != self._full else "")


class Row(QFrame):
    """A row one can select with the mouse or the keyboard."""

    clicked = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("row")
        self.setAccessibleName(name)
        self.line = QHBoxLayout(self)
        self.line.setContentsMargins(11, 3, 12, 3)
        self.line.setSpacing(7)
        self.set_selected(False)

    def set_selected(self, is_selected: bool) -> None:
        """Mark the row."""
        theme = shown_theme()
        edge = theme.focus if is_selected else "transparent"
        fill = theme.raised if is_selected else "transparent"
        self.setStyleSheet(f"#row {{ background: {fill}; border-left: 3px solid {edge}; }}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit()


def icon_button(icon: QIcon, tip: str, run: Callable[[], None]) -> QToolButton:
    """A small button with an icon."""
    button = QToolButton()
    button.setIcon(icon)
    button.setIconSize(QSize(15, 15))
    button.setAutoRaise(True)
    button.setFixedSize(19, 19)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setStyleSheet("QToolButton { border: none; background: transparent; padding: 0; }")
    button.clicked.connect(lambda _checked: run())
    return button


def eye_icon(is_open: bool) -> QIcon:
    """An open or closed eye."""
    pixmap = QPixmap(30, 30)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    color = QColor(shown_theme().text if is_open else shown_theme().disabled)
    pen = painter.pen()
    pen.setColor(color)
    pen.setWidthF(2.4)
    painter.setPen(pen)
    painter.drawArc(3, 6, 24, 26, 30 * 16, 120 * 16)
    if is_open:
        painter.drawArc(3, -4, 24, 26, 210 * 16, 120 * 16)
        painter.setBrush(color)
        painter.drawEllipse(11, 10, 8, 8)
    else:
        painter.drawLine(5, 25, 25, 6)
    painter.end()
    return QIcon(pixmap)


def swatch_icon(color: Color) -> QIcon:
    """A square of a colour."""
    pixmap = QPixmap(26, 26)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(*color))
    painter.drawRoundedRect(2, 2, 22, 22, 5, 5)
    painter.end()
    return QIcon(pixmap)


_MARKS = {
    "stop": (STOP, "✕"),
    "warning": (WARNING, "!"),
    "info": ("#8d97a1", "i"),
    "ok": (OK, "✓"),
    "open": (WARNING, "?"),
}


class SeverityMark(QWidget):
    """A round sign: its letter says the same as its colour."""

    def __init__(self) -> None:
        super().__init__()
        self._kind = ""
        self.setFixedSize(17, 17)

    def set_kind(self, kind: str) -> None:
        """Show a kind of `_MARKS`."""
        if kind != self._kind:
            self._kind = kind
            self.setAccessibleName(kind)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the sign; a style sheet a mark would be parsed anew at each change."""
        if not self._kind:
            return
        color, letter = _MARKS[self._kind]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        painter.drawEllipse(self.rect())
        font = painter.font()
        font.setPixelSize(11)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor("#111111"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, letter)
