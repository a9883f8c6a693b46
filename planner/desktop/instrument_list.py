"""The instruments of the plan as rows, one of which is selected."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from planner.desktop.pieces import Elided, Row, clear_layout, dim_label
from planner.model.catheter import CatheterTarget
from planner.model.electrode_array import ElectrodeArray
from planner.model.embolization import Embolization
from planner.model.plan import Applicator, FocusGrid, Instrument
from planner.model.resection import Resection
from planner.planning.device_library import device_library
from planner.session.actions import Workbench
from planner.session.placing import Step, zone_center_of

#: How instruments are called and marked, by their kind.
_KIND_WORDS = {
    "applicator": ("Probe", "╱"),
    "focus_grid": ("Foci", "⁘"),
    "electrode_array": ("Electrodes", "∥"),
    "resection": ("Resection", "✂"),
    "embolization": ("Embolization", "⊘"),
    "catheter_target": ("Tip", "⌁"),
}
#: What the next click does while a probe is placed.
PLACING_WORDS = {
    Step.IDLE: "",
    Step.TARGET: "Click the lesion: the zone's centre goes there. Esc stops.",
    Step.ENTRY: "Now click the entry on the skin; the tip goes deeper by the device's offset. Esc stops.",
}


class InstrumentList(QWidget):
    """One row an instrument.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bench = bench
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)

    def rebuild(self) -> None:
        """List the instruments anew."""
        session = self.bench.session
        clear_layout(self._rows)
        if not session.is_open:
            return
        for instrument in session.plan.instruments:
            self._rows.addWidget(self._row(instrument))
        if not session.plan.instruments:
            note = dim_label(
                "No probe yet. Press P, click the lesion, then the entry on the skin.", wraps=True
            )
            note.setContentsMargins(14, 0, 14, 2)
            self._rows.addWidget(note)

    def _row(self, instrument: Instrument) -> Row:
        kind, sign = _KIND_WORDS[instrument.kind]
        row = Row(f"{kind} {instrument.id}")
        row.set_selected(instrument.id == self.bench.session.selection.instrument)
        is_device = bool(instrument.device)
        title = device_library().title_of(instrument.device) if is_device else kind
        row.line.addWidget(Elided(f"{sign}  {instrument.id} · {title}"), 1)
        words = settings_words(instrument)
        if isinstance(instrument, FocusGrid):
            words = f"{len(instrument.foci_lps_mm)} foci · {words}"
        elif isinstance(instrument, ElectrodeArray):
            words = f"{len(instrument.electrodes)} electrodes · {len(instrument.pairs)} pairs"
        elif isinstance(instrument, Resection):
            words = instrument.name or f"resection by {instrument.surface.type}"
        elif isinstance(instrument, Embolization):
            words = instrument.name or f"branches of {instrument.tree}"
        elif isinstance(instrument, CatheterTarget):
            words = f"{instrument.agent.type.words} · {instrument.name or instrument.tree}"
        row.line.addWidget(dim_label(words))
        row.clicked.connect(lambda: self._select(instrument))
        return row

    def _select(self, instrument: Instrument) -> None:
        self.bench.session.selection.choose(instrument=instrument.id, lesion=instrument.lesion or None)
        if isinstance(instrument, Applicator):
            self.bench.session.selection.move_cursor(zone_center_of(instrument))
        elif isinstance(instrument, CatheterTarget):
            self.bench.session.selection.move_cursor(instrument.position_lps_mm)
        elif not isinstance(instrument, Resection | Embolization):
            self.bench.session.selection.move_cursor(instrument.middle_lps_mm)


def settings_words(probe: Instrument) -> str:
    """Power, time and measured axes of a probe, such as ``65 W · 10 min``."""
    words = []
    for name, value in probe.settings.items():
        if name == "power_w":
            words.append(f"{value:g} W")
        elif name == "time_s":
            words.append(f"{value / 60:g} min" if value % 60 == 0 else f"{value:g} s")
    if "long_axis_mm" in probe.settings:
        words.append(f"{probe.settings['long_axis_mm']:g} × {probe.settings.get('short_axis_mm', 0):g} mm")
    return " · ".join(words)
