"""The right panel of the mode Simulation: run it, move through its time, and what it says."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.field_legend import DegreeLegend
from planner.desktop.finding_list import FindingList
from planner.desktop.judgement_view import MetricTable
from planner.desktop.margin_chart import MarginChart
from planner.desktop.pieces import (
    Elided,
    clear_layout,
    heading,
    inset,
    link_button,
    page,
    scrolled,
    show,
)
from planner.desktop.theme import SMALL_PX, shown_theme
from planner.model.assessment import Curve
from planner.plugin.manifest import Section
from planner.scene.heat_overlay import is_cold
from planner.session.actions import Workbench

#: A moment is shown for so long when the simulation is played.
PLAY_MS = 200
#: Curve of the margin by the lower of the device's zone and the simulated one.
JUDGED_HISTOGRAM = "judged_margin_histogram"


class SimulationPanel(QWidget):
    """Run, watch and read a simulation.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    place_asked = Signal(object)
    settings_asked = Signal(str)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        body, column = page()
        column.addWidget(heading("Simulation"))
        column.addLayout(self._buttons())
        self._state = QLabel()
        self._state.setObjectName("simulationState")
        self._state.setWordWrap(True)
        self._state.setContentsMargins(14, 2, 14, 2)
        column.addWidget(self._state)
        self.time = TimePart(bench)
        column.addWidget(self.time)
        self.findings = FindingList()
        self.findings.place_asked.connect(self.place_asked)
        self._findings_title = heading("Findings of the simulation")
        self._findings = inset(self.findings)
        column.addWidget(self._findings_title)
        column.addWidget(self._findings)
        self._tables: list[tuple[Section, MetricTable, QWidget]] = []
        self._table_column = QVBoxLayout()
        self._table_column.setSpacing(0)
        column.addLayout(self._table_column)
        self._tables_of = ""
        self.histogram: MarginChart | None = None
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(body))
        bench.simulating.changed.connect(self.refresh)
        bench.simulating.shown_changed.connect(self.time.refresh)

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        self.run = QPushButton("Simulate")
        self.run.setObjectName("simulate")
        self.run.setProperty("primary", True)
        self.run.clicked.connect(lambda _checked: self._run())
        line.addWidget(self.run)
        self._work = Elided()
        self._work.setProperty("dim", True)
        line.addWidget(self._work, 1)
        settings = link_button("Settings…", "Death model, perfusion, flow, voxels: in the drawer of experts")
        settings.setObjectName("simulationSettings")
        settings.clicked.connect(lambda _checked: self._settings())
        line.addWidget(settings)
        return line

    def refresh(self) -> None:
        """Show what is known now."""
        session, simulating = self.bench.session, self.bench.simulating
        if not session.is_open:
            return
        why = self._why_not()
        self.run.setText("Cancel" if simulating.is_running else "Simulate")
        self.run.setEnabled(simulating.is_running or not why)
        self.run.setToolTip(why)
        self._work.set_full(simulating.progress[1] if simulating.is_running else "")
        words = self._state_words(why)
        self._state.setText(words)
        show(self._state, bool(words))
        answer = simulating.assessment
        self.time.refresh()
        for widget in (self._findings_title, self._findings):
            show(widget, answer is not None)
        self._fill(answer.module if answer is not None else "")
        if answer is None:
            return
        is_old = not simulating.is_current
        self.findings.show_findings(answer.findings, None, (self._lesion(), ""))
        old = frozenset(m.name for m in answer.metrics) if is_old else frozenset()
        for section, table, _ in self._tables:
            subject = self._lesion() if section.of == "lesion" else "plan"
            table.show_metrics(answer.metrics, subject, old)
        if self.histogram is not None:
            self.histogram.show_margins((), answer.curves, self._lesion())

    def _state_words(self, why: str) -> str:
        simulating = self.bench.simulating
        error = simulating.error
        if error is not None:
            return " ".join(t for t in (error.what, error.thing, error.todo) if t)
        if simulating.assessment is None:
            return why or (
                "Heat or cold around the probes by a model: tissue by structure, wide vessels that cool, and"
                " death of cells. It may lower a margin or its chance, never raise them."
            )
        return "" if simulating.is_current else "Out of date: plan, structures or settings have changed."

    def _why_not(self) -> str:
        session = self.bench.session
        if not session.recorded_plan.instruments:
            return "Place a probe first."
        return "" if self.bench.simulating.modules() else "No module simulates this plan."

    def _lesion(self) -> str:
        answer, chosen = self.bench.simulating.assessment, self.bench.session.selection.lesion
        if answer is None:
            return chosen
        subjects = [m.subject for m in answer.metrics if m.name == "simulated_minimal_margin_mm"]
        return chosen if chosen in subjects or not subjects else subjects[0]

    def _fill(self, module: str) -> None:
        if module == self._tables_of:
            return
        self._tables_of = module
        clear_layout(self._table_column)
        self._tables, self.histogram = [], None
        if not module:
            return
        for section in self.bench.session.judgements.registry.module(module).manifest.sections_of("simulate"):
            title = heading(section.title)
            title.setWordWrap(True)
            below: tuple[MarginChart, ...] = ()
            if section.of == "lesion" and self.histogram is None:
                # The judged margin's histogram stands with the lesion's numbers.
                self.histogram = MarginChart(JUDGED_HISTOGRAM)
                below = (self.histogram,)
            table = MetricTable(section, title, below)
            table.place_asked.connect(self.place_asked)
            self._table_column.addWidget(title)
            self._table_column.addWidget(inset(table))
            self._tables.append((section, table, title))

    def _run(self) -> None:
        simulating = self.bench.simulating
        if simulating.is_running:
            simulating.cancel()
            return
        modules = simulating.modules()
        if modules:
            simulating.ask(modules[0].manifest.id)

    def _settings(self) -> None:
        modules = self.bench.simulating.modules()
        if modules:
            self.settings_asked.emit(modules[0].manifest.id)


class TimePart(QWidget):
    """The slider of time, the legend of degrees, and curves over time."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 4, 14, 4)
        column.setSpacing(5)
        line = QHBoxLayout()
        self.play = QPushButton("▶")
        self.play.setObjectName("playSimulation")
        self.play.setAccessibleName("Play the simulation")
        self.play.setToolTip("Play")
        self.play.setCheckable(True)
        self.play.setProperty("compact", True)
        self.play.toggled.connect(self._play)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("simulationTime")
        self.slider.setAccessibleName("Time of the simulation")
        self.slider.valueChanged.connect(bench.simulating.choose_moment)
        self._seconds = QLabel()
        self._seconds.setObjectName("simulationSeconds")
        self._seconds.setMinimumWidth(58)
        self._seconds.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for widget in (self.play, self.slider, self._seconds):
            line.addWidget(widget, int(widget is self.slider))
        column.addLayout(line)
        self.overlay = QCheckBox("Temperatures on the slices")
        self.overlay.setObjectName("showTemperatures")
        self.overlay.setChecked(True)
        self.overlay.toggled.connect(bench.simulating.show_overlay)
        column.addWidget(self.overlay)
        self.legend = DegreeLegend()
        column.addWidget(self.legend)
        self.chart = TimeChart()
        column.addWidget(self.chart)
        self._timer = QTimer(self)
        self._timer.setInterval(PLAY_MS)
        self._timer.timeout.connect(self._next)

    def refresh(self) -> None:
        """Follow the simulation."""
        simulating = self.bench.simulating
        moments = simulating.moments
        shown = simulating.shown
        show(self, bool(moments) or shown is not None)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, len(moments) - 1))
            self.slider.setValue(simulating.moment)
        is_live = simulating.is_running
        self.slider.setEnabled(bool(moments) and not is_live)
        self.play.setEnabled(bool(moments) and not is_live)
        if shown is not None:
            from planner.session.simulating import seconds_of

            self._seconds.setText(f"{seconds_of(shown):.0f} s")
            self.legend.show_scale(is_cold(shown))
        answer = simulating.assessment
        seconds = moments[simulating.moment][0] if moments and not is_live else None
        lesion = self.bench.session.selection.lesion
        self.chart.show_curves(() if answer is None or is_live else answer.curves, lesion, seconds)

    def _play(self, is_on: bool) -> None:
        simulating = self.bench.simulating
        self.play.setText("❚❚" if is_on else "▶")
        if is_on:
            if simulating.moment >= len(simulating.moments) - 1:
                simulating.choose_moment(0)
            self._timer.start()
        else:
            self._timer.stop()

    def _next(self) -> None:
        simulating = self.bench.simulating
        if simulating.moment + 1 >= len(simulating.moments):
            self.play.setChecked(False)
            return
        simulating.choose_moment(simulating.moment + 1)


class TimeChart(QWidget):
    """Temperatures of the lesion's centre and weakest edge, and the zone's volume, over time."""

    def __init__(self) -> None:
        super().__init__()
        self._curves: tuple[tuple[str, str, Curve], ...] = ()
        self._seconds: float | None = None
        self.setObjectName("timeChart")
        self.setAccessibleName("Temperatures and volume over time")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Room for three small curves."""
        return QSize(240, 150)

    def show_curves(self, curves: tuple[Curve, ...], lesion: str, seconds: float | None) -> None:
        """Show the curves of a lesion, with a line at a moment."""
        wanted = (
            ("temperature_at_lesion_centre", "centre", "#fe9f6d"),
            ("temperature_at_lesion_edge", "weakest edge", "#7aa2ff"),
            ("simulated_zone_volume", "zone", shown_theme().text),
        )
        subjects = {c.subject for c in curves if c.name.startswith("temperature_at")}
        own = lesion if lesion in subjects else next(iter(sorted(subjects)), "")
        self._curves = tuple(
            (words, color, c)
            for name, words, color in wanted
            for c in curves
            if c.name == name and c.subject in (own, "plan")
        )
        self._seconds = seconds
        show(self, bool(self._curves))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Each curve in its own range, with its last value."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPixelSize(SMALL_PX - 1)
        painter.setFont(font)
        if not self._curves:
            return
        each = self.height() / len(self._curves)
        last = max(float(c.x[-1]) for _, _, c in self._curves)
        right = self.width() - 118.0
        for n, (words, color, curve) in enumerate(self._curves):
            top, bottom = n * each + 6, (n + 1) * each - 6
            low, high = float(curve.y.min()), float(curve.y.max())
            span = max(high - low, 1e-6)
            painter.setPen(QPen(QColor(shown_theme().line), 1))
            painter.drawLine(QPointF(0, bottom), QPointF(right, bottom))
            points = [
                QPointF(x / last * right, bottom - (y - low) / span * (bottom - top))
                for x, y in zip(curve.x.tolist(), curve.y.tolist(), strict=True)
            ]
            painter.setPen(QPen(QColor(color), 1.6))
            painter.drawPolyline(QPolygonF(points))
            at = len(curve.x) - 1
            if self._seconds is not None:
                at = int(np.argmin(np.abs(curve.x - self._seconds)))
                painter.drawEllipse(points[at], 2.5, 2.5)
            painter.setPen(QColor(shown_theme().dim))
            decimals = 1 if curve.y_unit == "ml" else 0
            text = f"{words} {curve.y[at]:.{decimals}f} {curve.y_unit}"
            painter.drawText(
                QRectF(right + 8, top, 110, bottom - top),
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                text,
            )
