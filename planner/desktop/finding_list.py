"""Findings as sentences, the weightiest first; one with a place can be clicked."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from planner.base.errors import PlannerError
from planner.desktop.pieces import SeverityMark, dim_label, link_button, show
from planner.desktop.theme import shown_theme
from planner.model.assessment import Finding, Severity
from planner.model.plan import Point

#: Findings shown at once; what was not checked and stops may be more.
SHOWN_FINDINGS = 4
NOT_CHECKED = "not_checked"


class FindingList(QFrame):
    """Shows the findings of a module; its rows are kept while sentences change under a drag."""

    place_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("card", True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 6)
        layout.setSpacing(0)
        self._rows: list[_FindingRow] = []
        self._row_layout = QVBoxLayout()
        self._row_layout.setSpacing(0)
        layout.addLayout(self._row_layout)
        self._nothing = dim_label("Nothing yet.")
        layout.addWidget(self._nothing)
        self._more = link_button("")
        self._more.setObjectName("moreFindings")
        self._more.clicked.connect(self._toggle)
        layout.addWidget(self._more)
        self._is_unfolded = False
        self._last: tuple[tuple[Finding, ...], PlannerError | None, tuple[str, str]] = ((), None, ("", ""))

    def show_findings(
        self, findings: tuple[Finding, ...], error: PlannerError | None, chosen: tuple[str, str] = ("", "")
    ) -> None:
        """Show findings, and before them the error of a module that failed.

        What was not checked and every stop always stand here; of the rest those of the chosen lesion
        and probe come first, and what does not fit is behind a link, so that the numbers stay in sight.
        """
        self._last = (findings, error, chosen)
        always = [f for f in findings if f.rule == NOT_CHECKED or f.severity == Severity.STOP]
        rest = [f for f in findings if f not in always]
        rest.sort(key=lambda f: (f.severity == Severity.INFO, f.subject not in chosen))
        room = max(0, SHOWN_FINDINGS - len(always))
        at_once = [f for f in rest[:room] if f.severity != Severity.INFO]
        lines = [] if error is None else [_of_error(error)]
        lines += [_of_finding(f) for f in (*always, *(rest if self._is_unfolded else at_once))]
        while len(self._rows) < len(lines):
            row = _FindingRow()
            row.place_asked.connect(self.place_asked)
            self._rows.append(row)
            self._row_layout.addWidget(row)
        for row, line in zip(self._rows, lines, strict=False):
            row.show_line(line)
        for n, row in enumerate(self._rows):
            show(row, n < len(lines))
        hidden = rest[len(at_once) :]
        words = _more_words(hidden, self._is_unfolded) if hidden else ""
        if self._more.text() != words:
            self._more.setText(words)
        show(self._more, bool(hidden))
        show(self._nothing, not lines and not hidden)

    def _toggle(self) -> None:
        self._is_unfolded = not self._is_unfolded
        self.show_findings(*self._last)


@dataclass(frozen=True)
class _Line:
    kind: str
    text: str
    where_lps_mm: Point | None
    tip: str


def _of_finding(finding: Finding) -> _Line:
    kind = "open" if finding.rule == NOT_CHECKED else finding.severity.value
    tip = f"{finding.rule}: {finding.source.text} ({finding.source.confidence.value})"
    return _Line(kind, finding.text, finding.where_lps_mm, tip)


def _of_error(error: PlannerError) -> _Line:
    parts = (part.rstrip(".") + "." for part in (error.what, error.thing, error.todo) if part)
    return _Line("stop", " ".join(parts), None, "")


def _more_words(hidden: list[Finding], is_unfolded: bool) -> str:
    """What is behind the link, so that nobody takes a short list for a clean one."""
    if is_unfolded:
        return "Show fewer"
    warnings = sum(f.severity == Severity.WARNING for f in hidden)
    notes = len(hidden) - warnings
    counted = ((warnings, "warning"), (notes, "note"))
    return ", ".join(f"{count} more {word}{'s' * (count > 1)}" for count, word in counted if count)


class _FindingRow(QWidget):
    place_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._line: _Line | None = None
        self._ground: object = None
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 3, 0, 3)
        line.setSpacing(9)
        self._mark = SeverityMark()
        line.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        self._words = QLabel()
        self._words.setTextFormat(Qt.TextFormat.RichText)
        self._words.setWordWrap(True)
        line.addWidget(self._words, 1)

    def show_line(self, line: _Line) -> None:
        """Say another sentence."""
        if (line, shown_theme()) == (self._line, self._ground):
            return
        self._line, self._ground = line, shown_theme()
        link = f" <span style='color:{shown_theme().focus}'>Show</span>"
        self._mark.set_kind(line.kind)
        self._words.setText(line.text + (link if line.where_lps_mm is not None else ""))
        self.setToolTip(line.tip)
        self.setAccessibleName(line.text)
        is_link = line.where_lps_mm is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if is_link else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._line is not None and self._line.where_lps_mm is not None:
            self.place_asked.emit(self._line.where_lps_mm)
