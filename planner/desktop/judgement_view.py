"""What the treatment modules say: findings one can click, metrics with their targets, the margin bar."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import clear_layout, dim_label, heading, severity_mark
from planner.model.assessment import Finding, Metric, Severity
from planner.model.wording import interval_text, mark, target_text, unit_text, value_text
from planner.plugin.manifest import Section
from planner.scene.palette import MARGIN_CLASSES, OK, WARNING
from planner.session.actions import Workbench
from planner.session.judgement import Judgement, JudgementState

_CLASS_METRICS = (
    "margin_below_0mm_percent",
    "margin_0_to_5mm_percent",
    "margin_5_to_10mm_percent",
    "margin_at_least_10mm_percent",
)


class JudgementView(QWidget):
    """One section a treatment module."""

    place_asked = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bench = bench
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._sections: dict[tuple[str, str, str], MetricTable] = {}
        self._findings: dict[str, FindingList] = {}
        self._states: dict[str, QLabel] = {}
        self._bars: dict[str, MarginBar] = {}
        self._shape: object = None

    def refresh(self) -> None:
        """Show the newest numbers; widgets are built anew only where what is shown changes."""
        session = self.bench.session
        if not session.is_open:
            self._rebuild(())
            return
        judging = session.judgements.registry.judging(session.plan)
        judgements = [(m.manifest, session.judgements.of(m.manifest.id)) for m in judging]
        shape = tuple(m.id for m, _ in judgements)
        if shape != self._shape:
            self._rebuild(shape)
        for manifest, judgement in judgements:
            metrics, findings = newest(judgement)
            self._states[manifest.id].setText(state_words(judgement))
            _show(self._states[manifest.id], bool(state_words(judgement)))
            self._findings[manifest.id].show_findings(findings, judgement)
            lesion, probe = self._subjects(metrics)
            subjects = {"lesion": lesion, "instrument": probe, "plan": "plan"}
            for section in manifest.sections:
                table = self._sections[manifest.id, section.of, section.title]
                table.show_metrics(
                    metrics, subjects[section.of], judgement.state == JudgementState.OUT_OF_DATE
                )
            self._bars[manifest.id].show_classes([_value(metrics, name, lesion) for name in _CLASS_METRICS])

    def _subjects(self, metrics: tuple[Metric, ...]) -> tuple[str, str]:
        session = self.bench.session
        present = {m.subject for m in metrics}
        lesion = session.selection.lesion
        if lesion not in present:
            lesion = next((m.subject for m in metrics if m.name == "minimal_ablation_margin_mm"), "")
        probe = session.selection.instrument
        if probe not in present:
            probe = next((m.subject for m in metrics if m.name == "path_length_mm"), "")
        return lesion, probe

    def _rebuild(self, shape: tuple[str, ...]) -> None:
        clear_layout(self._layout)
        self._sections, self._findings, self._states, self._bars = {}, {}, {}, {}
        self._shape = shape
        for id in shape:
            manifest = self.bench.session.judgements.registry.module(id).manifest
            state = dim_label("", wraps=True)
            state.setObjectName(f"state_{id}")
            state.setContentsMargins(14, 4, 14, 2)
            self._states[id] = state
            self._layout.addWidget(state)
            self._layout.addWidget(heading("Findings"))
            findings = FindingList()
            findings.place_asked.connect(self.place_asked)
            self._findings[id] = findings
            self._layout.addWidget(_inset(findings))
            self._bars[id] = MarginBar()
            for n, section in enumerate(manifest.sections):
                title = heading(section.title)
                self._layout.addWidget(title)
                table = MetricTable(section, title, self._bars[id] if n == 0 else None)
                self._sections[id, section.of, section.title] = table
                self._layout.addWidget(_inset(table))


class MetricTable(QFrame):
    """The metrics of one section: words, value, target."""

    def __init__(self, section: Section, title: QWidget, below: QWidget | None = None) -> None:
        super().__init__()
        self.setProperty("card", True)
        self._title = title
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 9, 12, 9)
        layout.addLayout(self._grid)
        if below is not None:
            layout.addWidget(below)
        self._rows: dict[str, tuple[QLabel, QLabel, QLabel, QLabel]] = {}
        for n, shown in enumerate(section.metrics):
            title, value, target, under = (
                QLabel(shown.title),
                QLabel(),
                dim_label(),
                dim_label("", wraps=True),
            )
            value.setObjectName(f"value_{shown.name}")
            value.setProperty("headline", shown.is_headline)
            value.setTextFormat(Qt.TextFormat.RichText)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            target.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            target.setFixedWidth(128)
            title.setWordWrap(True)
            self._grid.addWidget(title, 2 * n, 0)
            self._grid.addWidget(value, 2 * n, 1)
            self._grid.addWidget(target, 2 * n, 2)
            self._grid.addWidget(under, 2 * n + 1, 0, 1, 3)
            self._rows[shown.name] = (title, value, target, under)

    def show_metrics(self, metrics: tuple[Metric, ...], subject: str, is_old: bool) -> None:
        """Show the metrics of a subject; rows without a value are hidden."""
        found = {m.name: m for m in metrics if m.subject == subject}
        for name, labels in self._rows.items():
            self._show_row(labels, found.get(name), is_old)
        for widget in (self, self._title):
            _show(widget, any(name in found for name in self._rows))

    @staticmethod
    def _show_row(labels: tuple[QLabel, QLabel, QLabel, QLabel], metric: Metric | None, is_old: bool) -> None:
        for label in labels[:3]:
            _show(label, metric is not None)
        if metric is None:
            _show(labels[3], False)
            return
        title, value, target, under = labels
        shade = "color:#8d97a1;" if is_old else ""
        estimate = "≈ " if metric.is_estimate else ""
        unit = f"<span style='font-size:11px;color:#8d97a1;font-weight:400'> {unit_text(metric)}</span>"
        value.setText(f"<span style='{shade}'>{estimate}{value_text(metric)}</span>{unit}")
        tip = "\n".join(
            t for t in (metric.method, metric.note, metric.target.source.text if metric.target else "") if t
        )
        for label in (title, value, target):
            label.setToolTip(tip)
        words = target_text(metric.target)
        sign = mark(metric)
        color = {"✓": OK, "▲": WARNING}.get(sign, "#8d97a1")
        if not words and metric.note and len(metric.note) < 22:
            words = metric.note
        target.setText(f"<span style='color:{color}'>{sign}</span> {words}" if sign else words)
        lines = [interval_text(metric)]
        if metric.note and "%" in metric.note:
            lines.append(metric.note.split(" (")[0])
        text = " · ".join(line for line in lines if line)
        under.setText(text)
        _show(under, bool(text))


class MarginBar(QWidget):
    """Shares of the lesion's surface by margin class, with their signs below."""

    def __init__(self) -> None:
        super().__init__()
        self._shares: list[float] = []
        self.setAccessibleName("Shares of the surface by margin")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """A bar and a line of text."""
        return QSize(200, 32)

    def show_classes(self, shares: list[float | None]) -> None:
        """Show four shares in percent."""
        self._shares = [s or 0.0 for s in shares] if any(s is not None for s in shares) else []
        _show(self, bool(self._shares))
        words = ", ".join(
            f"{label}: {s:.0f} %" for s, (_, _, label) in zip(self._shares, MARGIN_CLASSES, strict=False)
        )
        self.setToolTip(f"Lesion surface by margin in mm: {words}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bar and its labels."""
        if not self._shares:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(0, 4, self.width(), 9), 3, 3)
        painter.setClipPath(clip)
        x, total = 0.0, max(sum(self._shares), 1e-9)
        for share, (_, color, _) in zip(self._shares, MARGIN_CLASSES, strict=True):
            width = self.width() * share / total
            painter.fillRect(QRectF(x, 4, width + 0.5, 9), QColor(color))
            x += width
        painter.setClipping(False)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        x = 0.0
        for _, color, label in MARGIN_CLASSES:
            painter.fillRect(QRectF(x, 20, 8, 8), QColor(color))
            painter.setPen(QColor("#8d97a1"))
            painter.drawText(QPointF(x + 12, 28), label)
            x += 12 + painter.fontMetrics().horizontalAdvance(label) + 12


class FindingList(QFrame):
    """Findings as sentences; one with a place can be clicked."""

    place_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("card", True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(12, 6, 12, 6)
        self._layout.setSpacing(0)
        self._shown: object = None
        self._are_notes_shown = False

    def show_findings(self, findings: tuple[Finding, ...], judgement: Judgement) -> None:
        """Show findings, or the error in their place."""
        error = judgement.error if judgement.state == JudgementState.FAILED else None
        key = (tuple((f.rule, f.text) for f in findings), str(error))
        if key == self._shown:
            return
        self._shown = key
        clear_layout(self._layout)
        if error is not None:
            text = " ".join(part.rstrip(".") + "." for part in (error.what, error.thing, error.todo) if part)
            self._layout.addWidget(_FindingRow("stop", text, None, ""))
        notes = [f for f in findings if f.severity == Severity.INFO]
        for finding in findings:
            if finding.severity == Severity.INFO and not self._are_notes_shown:
                continue
            kind = "open" if finding.rule == "not_checked" else finding.severity.value
            source = f"{finding.rule}: {finding.source.text} ({finding.source.confidence.value})"
            row = _FindingRow(kind, finding.text, finding.where_lps_mm, source)
            row.place_asked.connect(self.place_asked)
            self._layout.addWidget(row)
        if notes:
            words = (
                "Hide notes" if self._are_notes_shown else f"{len(notes)} more note{'s' * (len(notes) > 1)}"
            )
            more = QPushButton(words)
            more.setProperty("link", True)
            more.setContentsMargins(26, 0, 0, 0)
            more.clicked.connect(lambda _checked: self._toggle_notes(findings, judgement))
            self._layout.addWidget(more)
        if not findings and error is None:
            self._layout.addWidget(dim_label("Nothing yet."))

    def _toggle_notes(self, findings: tuple[Finding, ...], judgement: Judgement) -> None:
        self._are_notes_shown = not self._are_notes_shown
        self._shown = None
        self.show_findings(findings, judgement)


class _FindingRow(QWidget):
    place_asked = Signal(object)

    def __init__(self, kind: str, text: str, where: object, source: str) -> None:
        super().__init__()
        self._where = where
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 3, 0, 3)
        line.setSpacing(9)
        line.addWidget(severity_mark(kind), 0, Qt.AlignmentFlag.AlignTop)
        words = QLabel(text + (" <span style='color:#7aa2ff'>Show</span>" if where is not None else ""))
        words.setTextFormat(Qt.TextFormat.RichText)
        words.setWordWrap(True)
        line.addWidget(words, 1)
        self.setToolTip(source)
        self.setAccessibleName(text)
        if where is not None:
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._where is not None:
            self.place_asked.emit(self._where)


def newest(judgement: Judgement) -> tuple[tuple[Metric, ...], tuple[Finding, ...]]:
    """The metrics and findings to show: the preview's, over those of the last whole answer."""
    if judgement.preview is not None:
        return judgement.preview.metrics, judgement.preview.findings
    if judgement.assessment is not None:
        return judgement.assessment.metrics, judgement.assessment.findings
    return (), ()


def state_words(judgement: Judgement) -> str:
    """How the shown answer stands to the plan, in words."""
    if judgement.state == JudgementState.RUNNING:
        return f"Assessing: {judgement.progress[1]} …"
    if judgement.state == JudgementState.OUT_OF_DATE and judgement.preview is None:
        return "Out of date: the plan has changed since. F5 assesses it."
    return ""


def _show(widget: QWidget, is_shown: bool) -> None:
    """Show or hide; asking Qt for what is so already costs a layout each time."""
    if widget.isHidden() == is_shown:
        widget.setVisible(is_shown)


def _value(metrics: tuple[Metric, ...], name: str, subject: str) -> float | None:
    return next((m.value for m in metrics if m.name == name and m.subject == subject), None)


def _inset(widget: QWidget) -> QWidget:
    holder = QWidget()
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(12, 0, 12, 6)
    layout.addWidget(widget)
    return holder
