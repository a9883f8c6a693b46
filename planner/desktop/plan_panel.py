"""The right panel: probes and their settings, then what the treatment modules say."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.instrument_list import PLACING_WORDS, InstrumentList
from planner.desktop.judgement_view import JudgementView
from planner.desktop.pieces import dim_label, heading, scrolled
from planner.desktop.probe_form import CoordinateForm, DeviceForm
from planner.session.actions import Workbench


class PlanPanel(QWidget):
    """Probes, their device and settings, coordinates, and the judgement.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    action_asked = Signal(str)
    place_asked = Signal(object)
    settings_asked = Signal(str)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        body = QWidget()
        body.setObjectName("panelBody")
        self._layout = QVBoxLayout(body)
        self._layout.setContentsMargins(0, 4, 0, 10)
        self._layout.setSpacing(2)
        body.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._title = heading("Plan")
        self._layout.addWidget(self._title)
        self._probes = InstrumentList(bench)
        self._layout.addWidget(self._probes)
        self._layout.addLayout(self._buttons())
        self._hint = dim_label("", wraps=True)
        self._hint.setContentsMargins(14, 2, 14, 2)
        self._hint.setObjectName("placingHint")
        self._layout.addWidget(self._hint)
        self.device_form = DeviceForm(bench)
        self.coordinates = CoordinateForm(bench)
        self._layout.addWidget(self.device_form)
        self.judgement = JudgementView(bench)
        self.judgement.place_asked.connect(self.place_asked)
        self.judgement.settings_asked.connect(self.settings_asked)
        self._layout.addWidget(self.judgement)
        self._coordinates_title = heading("Entry and tip")
        self._layout.addWidget(self._coordinates_title)
        self._layout.addWidget(self.coordinates)
        self._layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scrolled(body), 1)
        outer.addLayout(self._footer())

    def set_action(self, id: str, why_not: str, title: str) -> None:
        """Enable the button of an action, or say why it is disabled."""
        button = self._action_buttons.get(id)
        if button is not None:
            button.setEnabled(not why_not)
            button.setToolTip(why_not or title)

    def rebuild(self) -> None:
        """List the probes anew."""
        session = self.bench.session
        self._probes.rebuild()
        if not session.is_open:
            self.device_form.clear()
            self.judgement.refresh()
            return
        lesion = session.selection.lesion
        self._title.setText(
            (f"Plan {session.plan.name} · {lesion}" if lesion else f"Plan {session.plan.name}").upper()
        )
        self.refresh()

    def refresh(self) -> None:
        """Take over changed numbers without building anew."""
        self._show_hint()
        self.device_form.refresh()
        self.coordinates.refresh()
        self.judgement.refresh()

    def show_probe(self) -> None:
        """Take over the coordinates of a probe that is being dragged."""
        self.coordinates.refresh()

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 6, 12, 2)
        line.setSpacing(6)
        self._action_buttons: dict[str, QPushButton] = {}
        for id, text in (
            ("place_probe", "+ Probe"),
            ("aim_center", "+ Centre"),
            ("copy_probe", "Copy"),
            ("array", "Array…"),
            ("delete_probe", "Delete"),
        ):
            self._action_buttons[id] = self._button(id, text)
            self._action_buttons[id].setProperty("compact", True)
            line.addWidget(self._action_buttons[id])
        line.addStretch(1)
        return line

    def _footer(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 8, 12, 10)
        line.setSpacing(6)
        save = self._button("save_plan", "Save plan")
        save.setProperty("primary", True)
        for id, button in (
            ("save_plan", save),
            ("report", self._button("report", "Report…")),
            ("assess", self._button("assess", "Assess")),
        ):
            self._action_buttons[id] = button
            line.addWidget(button)
        line.addStretch(1)
        return line

    def _button(self, id: str, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(f"button_{id}")
        button.clicked.connect(lambda: self.action_asked.emit(id))
        return button

    def _show_hint(self) -> None:
        words = PLACING_WORDS[self.bench.placing.step]
        self._hint.setText(words)
        self._hint.setVisible(bool(words))
