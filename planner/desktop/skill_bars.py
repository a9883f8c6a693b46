"""How each skill goes, as bars with their numbers; the weakest is named."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from planner.desktop.attempt_words import counted
from planner.desktop.pieces import clear_layout, dim_label
from planner.desktop.theme import shown_theme, sign_color
from planner.practice.skills import ENOUGH_ATTEMPTS, MEASURES, SkillScore

BAR_PX = 6


class SkillBars(QWidget):
    """A line of words and a bar for each skill."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("skillBars")
        self.setAccessibleName("Skills")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 0, 14, 4)
        self._column.setSpacing(2)

    def show_scores(self, scores: Sequence[SkillScore], weakest: str | None) -> None:
        """Show scores; the weakest skill, if there is one, by its word."""
        clear_layout(self._column)
        for score in scores:
            title = QLabel(skill_title(score))
            title.setWordWrap(True)
            title.setProperty("dim", score.percent is None)
            tip = f"Told by this: {MEASURES[score.skill].why}."
            words = dim_label(score_words(score, score.skill == weakest))
            words.setObjectName(f"skill_{score.skill}")
            words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if score.skill == weakest:
                words.setProperty("dim", False)
                words.setProperty("amber", True)
            for label in (title, words):
                label.setToolTip(tip)
            line = QHBoxLayout()
            line.setSpacing(8)
            line.addWidget(title, 1)
            line.addWidget(words)
            self._column.addLayout(line)
            if score.percent is not None:
                self._column.addWidget(_Bar(score, score.skill == weakest))


class _Bar(QWidget):
    def __init__(self, score: SkillScore, is_weakest: bool) -> None:
        super().__init__()
        self._score, self._is_weakest = score, is_weakest
        self.setFixedHeight(BAR_PX + 4)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme = QPainter(self), shown_theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.line))
        painter.drawRoundedRect(QRectF(0, 0, self.width(), BAR_PX), 3, 3)
        known = theme.focus if self._score.is_known else theme.dim
        painter.setBrush(QColor(sign_color("▲") if self._is_weakest else known))
        share = (self._score.percent or 0.0) / 100.0
        painter.drawRoundedRect(QRectF(0, 0, self.width() * share, BAR_PX), 3, 3)


def skill_title(score: SkillScore) -> str:
    """As a sentence begins."""
    return f"{score.title[:1].upper()}{score.title[1:]}"


def score_words(score: SkillScore, is_weakest: bool) -> str:
    """A skill's number, and why it is not ranked where it is not."""
    if score.percent is None:
        return "not tried yet"
    if not score.is_known:
        return f"{score.percent:.0f} %, {score.attempts} of {ENOUGH_ATTEMPTS} attempts"
    return f"{score.percent:.0f} %, weakest" if is_weakest else f"{score.percent:.0f} %"


def attempts_tip(score: SkillScore) -> str:
    """What a skill's number is the mean of."""
    if score.percent is None:
        return "No attempt trains it yet."
    text = f"Mean of the last {counted(score.attempts, 'attempt')} that train it"
    few = f"; {ENOUGH_ATTEMPTS} are needed to rank it"
    return f"{text}{'' if score.is_known else few}."
