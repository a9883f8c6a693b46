"""What the treatment modules say: findings one can click, metrics with their targets, charts."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from planner.desktop.dose_volume_chart import DoseVolumeChart
from planner.desktop.finding_list import FindingList
from planner.desktop.lesion_overview import LesionOverview
from planner.desktop.margin_chart import MarginChart
from planner.desktop.margin_map import MarginMap
from planner.desktop.pieces import Elided, clear_layout, dim_label, heading, inset, link_button, show
from planner.desktop.theme import SMALL_PX, shown_theme, sign_color
from planner.model.assessment import Curve, Finding, Metric, Surface
from planner.model.plan import Plan, Point
from planner.model.wording import interval_text, mark, target_text, unit_text, value_text
from planner.plugin.manifest import Section
from planner.session.actions import Workbench
from planner.session.judgement import Judgement, JudgementState


class JudgementView(QWidget):
    """One section a treatment module.

    Parameters
    ----------
    bench
        The session with its tools.
    only
        The one module that is shown; empty shows all that judge the plan.
    """

    place_asked = Signal(object)
    settings_asked = Signal(str)

    def __init__(self, bench: Workbench, only: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bench, self._only = bench, only
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._sections: dict[tuple[str, str, str], MetricTable] = {}
        self._findings: dict[str, FindingList] = {}
        self._states: dict[str, Elided] = {}
        self._settings: dict[str, QPushButton] = {}
        self._overviews: dict[str, LesionOverview] = {}
        self._charts: dict[str, MarginChart] = {}
        self._maps: dict[str, MarginMap] = {}
        self._volumes: dict[str, DoseVolumeChart] = {}
        self._shape: object = None

    def refresh(self) -> None:
        """Show the newest numbers; widgets are built anew only where what is shown changes."""
        session = self.bench.session
        if not session.is_open:
            self._rebuild(())
            return
        judging = session.judgements.registry.judging(session.plan)
        judging = tuple(m for m in judging if self._only in ("", m.manifest.id))
        judgements = [(m.manifest, session.judgements.of(m.manifest.id)) for m in judging]
        shape = tuple(m.id for m, _ in judgements)
        if shape != self._shape:
            self._rebuild(shape)
        for manifest, judgement in judgements:
            metrics, findings, old = newest(judgement, session.plan)
            self._states[manifest.id].set_full(state_words(judgement))
            self._say_settings(manifest.id)
            lesion, probe = self._subjects(metrics)
            error = judgement.error if judgement.state == JudgementState.FAILED else None
            self._findings[manifest.id].show_findings(findings, error, (lesion, probe))
            self._overviews[manifest.id].show_lesions(metrics, lesion)
            subjects = {"lesion": lesion, "instrument": probe, "plan": "plan"}
            for section in manifest.sections_of("assess"):
                table = self._sections[manifest.id, section.of, section.title]
                table.show_metrics(metrics, subjects[section.of], old)
            self._charts[manifest.id].show_margins(metrics, newest_curves(judgement), lesion)
            whole = judgement.assessment
            is_old = judgement.state != JudgementState.CURRENT
            self._volumes[manifest.id].show_curves(whole.curves if whole else (), lesion, is_old)
            painted = (s for s in newest_surfaces(judgement) if s.subject == lesion)
            self._maps[manifest.id].show_surface(
                next((s for s in painted if s.name == "lesion_margin"), None)
            )

    def restyle(self) -> None:
        """Take over another theme."""
        self._shape = None
        self.refresh()

    def _say_settings(self, module: str) -> None:
        """How many settings differ from the defaults stands on the way to change them."""
        count = len(self.bench.session.judgements.settings(module))
        words = "Settings…" if count == 0 else f"Settings… ({count})"
        if self._settings[module].text() != words:
            self._settings[module].setText(words)
            self._settings[module].setToolTip(
                "Rules and limits" + (f"; {count} of them are not the module's own" if count else "")
            )

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
        self._sections, self._findings, self._states, self._charts = {}, {}, {}, {}
        self._settings, self._overviews, self._maps, self._volumes = {}, {}, {}, {}
        self._shape = shape
        for id in shape:
            manifest = self.bench.session.judgements.registry.module(id).manifest
            self._layout.addLayout(self._title_line(id, manifest.title))
            findings = FindingList()
            findings.place_asked.connect(self.place_asked)
            self._findings[id] = findings
            self._layout.addWidget(inset(findings))
            overview = LesionOverview(manifest)
            overview.lesion_chosen.connect(lambda name: self.bench.session.selection.choose(lesion=name))
            self._overviews[id] = overview
            self._layout.addWidget(overview)
            self._charts[id] = MarginChart()
            self._maps[id] = MarginMap()
            self._maps[id].place_asked.connect(self.place_asked)
            self._volumes[id] = DoseVolumeChart()
            drawn = (self._charts[id], self._maps[id], self._volumes[id])
            for n, section in enumerate(manifest.sections_of("assess")):
                title = heading(section.title)
                title.setWordWrap(True)
                self._layout.addWidget(title)
                table = MetricTable(section, title, drawn if n == 0 else ())
                table.place_asked.connect(self.place_asked)
                self._sections[id, section.of, section.title] = table
                self._layout.addWidget(inset(table))

    def _title_line(self, id: str, title: str) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 14, 0)
        line.addWidget(heading(f"{title}: findings"))
        # In the same line, so that nothing below jumps when an assessment begins or ends.
        state = Elided()
        state.setProperty("dim", True)
        state.setObjectName(f"state_{id}")
        self._states[id] = state
        line.addWidget(state, 1)
        button = link_button("Settings…", f"Rules and limits of {title}")
        button.setObjectName(f"settings_{id}")
        button.clicked.connect(lambda _checked: self.settings_asked.emit(id))
        self._settings[id] = button
        line.addWidget(button)
        return line


class MetricTable(QFrame):
    """The metrics of one section: words, value, target; one found at a place can be clicked."""

    place_asked = Signal(object)

    def __init__(self, section: Section, title: QLabel, below: tuple[QWidget, ...] = ()) -> None:
        super().__init__()
        self.setProperty("card", True)
        self._title = title
        self._section = section
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 9, 12, 9)
        layout.addLayout(self._grid)
        for widget in below:
            layout.addWidget(widget)
        self._rows: dict[str, tuple[QLabel, QLabel, QLabel, QLabel]] = {}
        self._shown: dict[str, object] = {}
        self._places: dict[str, Point | None] = {}
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

    def show_metrics(self, metrics: tuple[Metric, ...], subject: str, old: frozenset[str]) -> None:
        """Show the metrics of a subject, those named as old in grey; rows without a value are hidden."""
        found = {m.name: m for m in metrics if m.subject == subject}
        # Whose numbers these are stands with them: what is selected may be something else.
        words = self._section.title if self._section.of == "plan" else f"{subject}: {self._section.title}"
        if self._title.text() != words.upper():
            self._title.setText(words.upper())
        for name, labels in self._rows.items():
            metric = found.get(name)
            self._places[name] = metric.where_lps_mm if metric is not None else None
            # While something is dragged most numbers stay: their labels are not touched.
            key = (metric, name in old, shown_theme())
            if self._shown.get(name) != key:
                self._shown[name] = key
                self._show_row(labels, metric, name in old)
        for widget in (self, self._title):
            show(widget, any(name in found for name in self._rows))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the views to where a metric was found."""
        for name, labels in self._rows.items():
            if any(w.isVisible() and w.geometry().contains(event.position().toPoint()) for w in labels):
                if self._places.get(name) is not None:
                    self.place_asked.emit(self._places[name])
                return

    @staticmethod
    def _show_row(labels: tuple[QLabel, QLabel, QLabel, QLabel], metric: Metric | None, is_old: bool) -> None:
        for label in labels[:3]:
            show(label, metric is not None)
        if metric is None:
            show(labels[3], False)
            return
        title, value, target, under = labels
        dim = shown_theme().dim
        shade = f"color:{dim};" if is_old else ""
        estimate = "≈ " if metric.is_estimate else ""
        unit = f"<span style='font-size:{SMALL_PX}px;color:{dim};font-weight:400'> {unit_text(metric)}</span>"
        value.setText(f"<span style='{shade}'>{estimate}{value_text(metric)}</span>{unit}")
        source = metric.target.source.text if metric.target else ""
        where = "Click to be taken there." if metric.where_lps_mm is not None else ""
        tip = "\n".join(t for t in (metric.method, metric.note, source, where) if t)
        for label in (title, value, target):
            label.setToolTip(tip)
            label.setCursor(Qt.CursorShape.PointingHandCursor if where else Qt.CursorShape.ArrowCursor)
        words = target_text(metric.target)
        sign = mark(metric)
        color = dim if is_old else sign_color(sign)
        if not words and metric.note and len(metric.note) < 22:
            words = metric.note
        target.setText(f"<span style='color:{color}'>{sign}</span> {words}" if sign else words)
        lines = [interval_text(metric)]
        if metric.note and "%" in metric.note:
            lines.append(metric.note.split(" (")[0])
        text = " · ".join(line for line in lines if line)
        under.setText(text)
        show(under, bool(text))


def newest(
    judgement: Judgement, plan: Plan
) -> tuple[tuple[Metric, ...], tuple[Finding, ...], frozenset[str]]:
    """The metrics and findings to show, and the names of metrics that are not of the plan as it is.

    Over the last whole answer stand the preview's numbers; what a preview leaves out, such as
    chances from samples, stays in sight and is marked as old until it is computed again.
    """
    whole = judgement.assessment
    if judgement.preview is None:
        if whole is None:
            return (), (), frozenset()
        is_old = judgement.state == JudgementState.OUT_OF_DATE
        names = frozenset(m.name for m in whole.metrics) if is_old else frozenset()
        return whole.metrics, whole.findings, names
    fresh = judgement.preview.metrics
    said = {(m.name, m.subject) for m in fresh}
    subjects = {m.subject for m in fresh} | {i.id for i in plan.instruments}
    kept = tuple(
        m
        for m in (whole.metrics if whole is not None else ())
        if (m.name, m.subject) not in said and m.subject in subjects
    )
    return (
        (*fresh, *kept),
        judgement.preview.findings,
        frozenset(m.name for m in kept) - {m.name for m in fresh},
    )


def newest_curves(judgement: Judgement) -> tuple[Curve, ...]:
    """The curves that belong to the metrics shown."""
    if judgement.preview is not None:
        return judgement.preview.curves
    return judgement.assessment.curves if judgement.assessment is not None else ()


def newest_surfaces(judgement: Judgement) -> tuple[Surface, ...]:
    """The surfaces that belong to the metrics shown."""
    if judgement.preview is not None:
        return judgement.preview.surfaces
    return judgement.assessment.surfaces if judgement.assessment is not None else ()


def state_words(judgement: Judgement) -> str:
    """How the shown answer stands to the plan, in words."""
    if judgement.state == JudgementState.RUNNING:
        return "assessing…"
    if judgement.state == JudgementState.OUT_OF_DATE and judgement.preview is None:
        return "out of date: F5 assesses it"
    return ""
