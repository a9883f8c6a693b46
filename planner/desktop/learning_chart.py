"""The learning curve: a dot for each attempt, their running median, and the line from which one has passed."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QEvent, QLineF, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from planner.desktop.attempt_words import attempt_lines, counted, plain_tip
from planner.desktop.theme import SMALL_PX, shown_theme, sign_color
from planner.practice.attempts import Attempt
from planner.practice.learning import TREND_ATTEMPTS, CurvePoint, learning_curve
from planner.practice.scoring import weights
from planner.practice.skills import in_time

MOST_POINTS = 100.0
#: The scale has room for so many attempts at least, so that a curve grows from left to right.
LEAST_ROOM = 10
#: The mouse is on a dot up to so far from its middle.
REACH_PX = 9.0
HEIGHT_PX = 196
#: Radius of a dot for up to so many attempts.
_RADII = ((60, 4.0), (200, 3.0), (10**9, 2.0))


@dataclass(frozen=True)
class ChartFrame:
    """Where attempts and points lie in a picture.

    Parameters
    ----------
    area
        Of the curve, in pixels.
    room
        Number of the attempt at the right edge.
    """

    area: QRectF
    room: int

    @classmethod
    def of(cls, count: int, size: tuple[float, float], font: QFont) -> ChartFrame:
        """Of so many attempts in a picture of a size."""
        metrics = QFontMetricsF(font)
        line, left = metrics.height(), metrics.horizontalAdvance("100") + 10.0
        area = QRectF(left, line + 6.0, size[0] - left - 10.0, size[1] - 3.0 * line - 18.0)
        return cls(area, max(count, LEAST_ROOM))

    def x(self, number: float) -> float:
        """Pixel of an attempt, counted from one on."""
        return self.area.left() + 6.0 + (self.area.width() - 12.0) * (number - 1.0) / (self.room - 1.0)

    def y(self, points: float) -> float:
        """Pixel of points; up is more."""
        return self.area.bottom() - self.area.height() * points / MOST_POINTS


class LearningChart(QWidget):
    """Attempts in the order of time; a click on one, or Enter after the arrow keys, chooses it."""

    attempt_chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("learningChart")
        self.setAccessibleName("Learning curve")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.attempts: tuple[Attempt, ...] = ()
        self.points: tuple[CurvePoint, ...] = ()
        self.pointed: int | None = None
        self.chosen: int | None = None
        self._still: tuple[object, QPixmap] | None = None

    def sizeHint(self) -> QSize:
        """As high as it is read well."""
        return QSize(300, HEIGHT_PX)

    def show_attempts(self, attempts: Sequence[Attempt], exercise: str | None = None) -> None:
        """Show the attempts of one person, in any order: all, or those at one exercise."""
        self.attempts = tuple(a for a in in_time(attempts) if exercise is None or a.exercise == exercise)
        self.points = learning_curve(self.attempts)
        self.pointed = self.chosen = self._still = None
        self.setAccessibleDescription(self.words)
        self.update()

    @property
    def words(self) -> str:
        """What the picture shows, for those who do not see it."""
        if not self.points:
            return "No attempt yet."
        passed = sum(p.is_passed for p in self.points)
        return (
            f"{counted(len(self.points), 'attempt')}, {passed} passed;"
            f" middle of the last {min(len(self.points), TREND_ATTEMPTS)}: {self.points[-1].trend:.0f} points."
        )

    @property
    def version_words(self) -> str:
        """Where the rules of scoring change; empty where they do not."""
        said = [
            f"From attempt {b.number} on points are given by version {b.scoring_version} of the rules,"
            f" before by version {a.scoring_version}: they are not the same measure."
            for a, b in self._changes()
        ]
        return " ".join(said)

    @property
    def frame(self) -> ChartFrame:
        """Where attempts and points lie."""
        return ChartFrame.of(len(self.points), (self.width(), self.height()), self._font())

    def dot(self, index: int) -> QPointF:
        """Middle of an attempt's dot."""
        return _place(self.frame, self.points[index])

    def dot_at(self, place: QPointF) -> int | None:
        """The attempt whose dot is nearest to a place, if the mouse is on it."""
        frame = self.frame
        first = bisect.bisect_left(self.points, place.x() - REACH_PX, key=lambda p: frame.x(p.number))
        last = bisect.bisect_right(self.points, place.x() + REACH_PX, key=lambda p: frame.x(p.number))
        near = [(n, _place(frame, self.points[n])) for n in range(first, last)]
        found = [(_distance(dot, place), n) for n, dot in near]
        distance, index = min(found, default=(REACH_PX + 1.0, -1))
        return index if distance <= REACH_PX else None

    def choose(self, attempt: Attempt | None) -> None:
        """Mark an attempt, without saying so; none where it is not shown."""
        keys = [] if attempt is None else [a.key for a in self.attempts]
        self.chosen = keys.index(attempt.key) if attempt is not None and attempt.key in keys else None
        self.update()

    # mouse and keys ------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what the mouse points at."""
        self._point(self.dot_at(event.position()), event.globalPosition().toPoint())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the attempt under the mouse."""
        index = self.dot_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and index is not None:
            self._take(index)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at any more."""
        self._point(None, QPoint())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from attempt to attempt, and choose one."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        key = Qt.Key(event.key())
        if key in steps and self.points:
            last = len(self.points) - 1
            at = last if self.pointed is None else min(max(self.pointed + steps[key], 0), last)
            self._point(at, self.mapToGlobal(self.dot(at).toPoint()))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.pointed is not None:
            self._take(self.pointed)
        else:
            super().keyPressEvent(event)

    def _point(self, index: int | None, at: QPoint) -> None:
        if index == self.pointed:
            return
        self.pointed = index
        self.setCursor(Qt.CursorShape.ArrowCursor if index is None else Qt.CursorShape.PointingHandCursor)
        tip = "" if index is None else plain_tip(attempt_lines(self.attempts[index]))
        QToolTip.showText(at, tip, self)
        self.update()

    def _take(self, index: int) -> None:
        self.chosen = index
        self.update()
        self.attempt_chosen.emit(self.attempts[index])

    # painting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the curve, and rings around what is pointed at and chosen."""
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        key = (self.size().toTuple(), ratio, shown_theme())
        if self._still is None or self._still[0] != key:
            pixmap = QPixmap(self.size() * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            self._paint_still(pixmap)
            self._still = (key, pixmap)
        painter.drawPixmap(0, 0, self._still[1])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = shown_theme()
        for index, color in ((self.chosen, theme.focus), (self.pointed, theme.text)):
            if index is not None:
                painter.setPen(QPen(QColor(color), 1.8))
                painter.drawEllipse(self.dot(index), self._radius + 3.0, self._radius + 3.0)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.focus), 1.0))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)

    def _paint_still(self, pixmap: QPixmap) -> None:
        """What stays while the mouse moves: thousands of dots are not painted anew for each move."""
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font())
        self._paint_scale(painter)
        if self.points:
            self._paint_changes(painter)
            frame = self.frame
            for is_passed in (True, False):
                dots = [_place(frame, p) for p in self.points if p.is_passed == is_passed]
                _paint_dots(painter, dots, self._radius, is_passed)
            self._paint_trend(painter)
        else:
            painter.setPen(QColor(shown_theme().dim))
            painter.drawText(self.frame.area, Qt.AlignmentFlag.AlignCenter, "No attempt yet.")
        self._paint_legend(painter)
        painter.end()

    def _paint_scale(self, painter: QPainter) -> None:
        frame, theme = self.frame, shown_theme()
        area, passing = frame.area, float(weights()["pass_points"])
        metrics = QFontMetricsF(painter.font())
        for points in (0.0, passing, MOST_POINTS):
            style = Qt.PenStyle.DashLine if points == passing else Qt.PenStyle.SolidLine
            painter.setPen(QPen(QColor(theme.dim if points == passing else theme.line), 1.0, style))
            y = frame.y(points)
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(theme.dim))
            words = f"{points:g}"
            at = area.left() - 5.0 - metrics.horizontalAdvance(words)
            painter.drawText(QPointF(at, y + 0.35 * metrics.ascent()), words)
        below = area.bottom() + 4.0 + metrics.ascent()
        painter.drawText(QPointF(frame.x(1.0) - 0.5 * metrics.horizontalAdvance("1"), below), "1")
        words = f"{frame.room}"
        painter.drawText(QPointF(area.right() - metrics.horizontalAdvance(words), below), words)
        words = "attempt"
        painter.drawText(QPointF(area.center().x() - 0.5 * metrics.horizontalAdvance(words), below), words)
        painter.drawText(QPointF(0.0, metrics.ascent()), "Points")

    def _paint_changes(self, painter: QPainter) -> None:
        frame, theme = self.frame, shown_theme()
        metrics = QFontMetricsF(painter.font())
        free = metrics.horizontalAdvance("Points") + 10.0
        for _, after in self._changes():
            x = frame.x(after.number - 0.5)
            painter.setPen(QPen(QColor(theme.dim), 1.0, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, frame.area.top() - 3.0), QPointF(x, frame.area.bottom()))
            words = f"rules {after.scoring_version} →"
            at = min(max(x, free), self.width() - metrics.horizontalAdvance(words))
            if at - x < 30.0:
                painter.setPen(QColor(theme.dim))
                painter.drawText(QPointF(at, metrics.ascent()), words)
                free = at + metrics.horizontalAdvance(words) + 8.0

    def _paint_trend(self, painter: QPainter) -> None:
        frame = self.frame
        line = QPolygonF([QPointF(frame.x(p.number), frame.y(p.trend)) for p in self.points])
        painter.setPen(QPen(QColor(shown_theme().text), 1.6))
        painter.drawPolyline(line)

    def _paint_legend(self, painter: QPainter) -> None:
        theme, metrics = shown_theme(), QFontMetricsF(painter.font())
        y, x = self.height() - 4.0 - 0.35 * metrics.ascent(), 7.0
        for is_passed, words in ((True, "passed"), (False, "not passed")):
            _paint_dots(painter, [QPointF(x, y)], 4.0, is_passed)
            painter.setPen(QColor(theme.dim))
            painter.drawText(QPointF(x + 9.0, y + 0.35 * metrics.ascent()), words)
            x += 9.0 + metrics.horizontalAdvance(words) + 16.0
        painter.setPen(QPen(QColor(theme.text), 1.6))
        painter.drawLine(QPointF(x, y), QPointF(x + 16.0, y))
        painter.setPen(QColor(theme.dim))
        words = f"middle of the last {TREND_ATTEMPTS}"
        painter.drawText(QPointF(x + 21.0, y + 0.35 * metrics.ascent()), words)

    def _changes(self) -> list[tuple[CurvePoint, CurvePoint]]:
        """Attempts one after the other that were scored by different rules."""
        return [(a, b) for a, b in pairwise(self.points) if a.scoring_version != b.scoring_version]

    @property
    def _radius(self) -> float:
        return next(radius for most, radius in _RADII if len(self.points) <= most)

    def _font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        return font


def _place(frame: ChartFrame, point: CurvePoint) -> QPointF:
    return QPointF(frame.x(point.number), frame.y(point.points))


def _distance(a: QPointF, b: QPointF) -> float:
    return float(((a.x() - b.x()) ** 2 + (a.y() - b.y()) ** 2) ** 0.5)


def _paint_dots(painter: QPainter, dots: list[QPointF], radius: float, is_passed: bool) -> None:
    """Discs, or crosses: the shape says the same as the colour. All in one call, as there can be thousands."""
    color = QColor(sign_color("✓" if is_passed else "▲"))
    if is_passed:
        style, cap = Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap
        painter.setPen(QPen(color, 2.0 * radius, style, cap))
        painter.drawPoints(QPolygonF(dots))
        return
    painter.setPen(QPen(color, 1.9))
    arm = 0.85 * radius
    arms = (QPointF(arm, arm), QPointF(arm, -arm))
    painter.drawLines([QLineF(dot - each, dot + each) for dot in dots for each in arms])
