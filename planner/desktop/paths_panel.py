"""The right panel of the mode Paths: where a needle may enter, the paths to choose from, suggested plans."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import Elided, Row, card, clear_layout, dim_label, heading, page, scrolled, show
from planner.desktop.suggestion_part import CoverGoal, SuggestionPart
from planner.planning.device_library import device_library
from planner.session.actions import Workbench

#: Of what blocks the skin, so many rules are named.
NAMED_BLOCKS = 5


class PathsPanel(QWidget):
    """Access map, alternatives, and suggested plans.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    place_asked = Signal(object)
    suggest_asked = Signal(str, str, object)
    trouble = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        body, column = page()
        self.access = AccessPart(bench)
        self.access.place_asked.connect(self.place_asked)
        self.goal = NeedleGoal(bench)
        self.suggested = SuggestionPart(bench.suggesting, self.goal, self._lesion)
        self.suggested.suggest_asked.connect(self.suggest_asked)
        column.addWidget(self.access)
        column.addWidget(self.suggested)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(body))

    def refresh(self) -> None:
        """Show what is known now."""
        if self.bench.session.is_open:
            self.access.refresh()
            self.goal.refresh()
            self.suggested.refresh()

    def _lesion(self) -> str:
        answer = self.bench.accessing.answer
        if answer is not None:
            return answer.subject.lesion
        return self.bench.session.selection.lesion


class AccessPart(QWidget):
    """Where a needle may enter, and the path that is looked at."""

    place_asked = Signal(object)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._title = heading("Paths")
        column.addWidget(self._title)
        self._subject = Elided()
        self._subject.setProperty("dim", True)
        self._subject.setContentsMargins(14, 0, 14, 0)
        column.addWidget(self._subject)
        self._share = QLabel()
        self._share.setObjectName("accessShare")
        self._share.setWordWrap(True)
        self._share.setContentsMargins(14, 2, 14, 2)
        column.addWidget(self._share)
        self._unchecked = QLabel()
        self._unchecked.setObjectName("accessUnchecked")
        self._unchecked.setProperty("amber", True)
        self._unchecked.setWordWrap(True)
        self._unchecked.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._unchecked)
        column.addWidget(self._looked_at())
        self._list_title = heading("Alternatives")
        column.addWidget(self._list_title)
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        column.addLayout(self._list)
        self._listed: object = None

    def _looked_at(self) -> QWidget:
        holder = QWidget()
        outer = QVBoxLayout(holder)
        outer.setContentsMargins(12, 2, 12, 4)
        frame, layout = card()
        self._words = QLabel()
        self._words.setObjectName("accessWords")
        self._words.setWordWrap(True)
        # Room for most answers: the button below must not move under the mouse.
        self._words.setMinimumHeight(3 * self._words.fontMetrics().lineSpacing())
        self._words.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._words)
        line = QHBoxLayout()
        self.take = QPushButton("Use this path")
        self.take.setObjectName("takePath")
        self.take.clicked.connect(lambda _checked: self.bench.accessing.take())
        line.addWidget(self.take)
        line.addStretch(1)
        layout.addLayout(line)
        outer.addWidget(frame)
        return holder

    def refresh(self) -> None:
        """Show the map's words and lists."""
        accessing = self.bench.accessing
        answer = accessing.answer
        self._show_words()
        show(self._list_title, answer is not None)
        show(self._subject, answer is not None)
        if answer is None:
            self._title.setText("PATHS")
            self._unchecked.setText("")
            self._fill(None)
            error = accessing.trouble
            if error is not None:
                self._share.setText(" ".join(t for t in (error.what, error.todo) if t))
            else:
                self._share.setText("Testing the skin…" if accessing.is_on else "")
            return
        subject, access = answer.subject, answer.access
        self._title.setText(f"PATHS TO {subject.lesion}".upper())
        what = f"for probe {subject.probe}" if subject.probe else "for a new probe at the lesion's centre"
        self._subject.set_full(f"{what} · {subject.device.title} · {subject.device.length.value:g} mm")
        self._share.setText(self._share_words())
        unchecked = ", ".join(access.unchecked)
        self._unchecked.setText(f"Not checked: {unchecked} (not segmented)." if unchecked else "")
        show(self._unchecked, bool(unchecked))
        self._fill(answer)

    def _share_words(self) -> str:
        answer = self.bench.accessing.answer
        assert answer is not None
        if answer.blocked is None:
            share = answer.access.share_percent(answer.access.is_allowed)
            return f"{_percent(share)} of the skin allows a path. Click the skin to see why or why not."
        blocks = answer.blocked.blocked[:NAMED_BLOCKS]
        named = "; ".join(f"{b.rule.words} ({_percent(b.any_percent)})" for b in blocks)
        return f"No path is allowed. What blocks the skin: {named}. The least bad entries are listed."

    def _show_words(self) -> None:
        accessing = self.bench.accessing
        if accessing.chosen is None or accessing.answer is None:
            self._words.setText("Click the skin, in a slice or in 3D, or choose an alternative.")
            self.take.setEnabled(False)
            self.take.setToolTip("Choose a path first.")
            return
        is_allowed = bool(accessing.answer.access.is_allowed[accessing.chosen])
        words = accessing.words
        words = words[:1].upper() + words[1:] if is_allowed else f"Refused: {words}"
        self._words.setText(f"{words}.")
        self.take.setEnabled(True)
        self.take.setToolTip("" if is_allowed else "This path breaks the rules named above.")
        self.take.setText("Use this path" if is_allowed else "Use it all the same")

    def _fill(self, answer: Any) -> None:
        accessing = self.bench.accessing
        if answer is not self._listed:
            self._listed = answer
            clear_layout(self._list)
            if answer is not None:
                is_bad = answer.blocked is not None
                self._list_title.setText("LEAST BAD" if is_bad else "ALTERNATIVES, BEST FIRST")
                entries = answer.blocked.entries if is_bad else answer.entries
                for n, entry in enumerate(entries):
                    self._list.addWidget(self._row(n, entry))
        for n in range(self._list.count()):
            item = self._list.itemAt(n)
            row = item.widget() if item is not None else None
            if isinstance(row, Row):
                row.set_selected(row.property("entry") == accessing.chosen)

    def _row(self, number: int, entry: Any) -> Row:
        row = Row(f"Path {number + 1}")
        row.setObjectName("row")
        row.setProperty("entry", entry.index)
        parts = [f"{entry.length_mm:.0f} mm"]
        if entry.least_clearance_mm is not None:
            parts.append(f"{entry.least_clearance_mm:.0f} mm clear")
        if entry.capsule_angle_deg is not None:
            parts.append(f"{entry.capsule_angle_deg:.0f}° to capsule")
        parts.append(f"tilt {entry.craniocaudal_deg:+.0f}°")
        row.line.addWidget(QLabel(f"{number + 1}"))
        row.line.addWidget(Elided(" · ".join(parts)), 1)
        row.clicked.connect(lambda: self._chosen(entry))
        return row

    def _chosen(self, entry: Any) -> None:
        self.bench.accessing.choose(entry.index)
        self.place_asked.emit(entry.entry_lps_mm)


class NeedleGoal(CoverGoal):
    """What suggested needles, or foci, should reach, and with which device."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("most_needles", "probes", (1, 12))
        self.bench = bench
        self.device = QComboBox()
        self.device.setObjectName("suggestDevice")
        self.device.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.list_devices()
        self.form.insertRow(0, dim_label("Device"), self.device)
        self._device_of = ""

    def list_devices(self) -> None:
        """Offer the devices there are now."""
        chosen = self.device.currentData()
        self.device.clear()
        library = device_library()
        for name, device in (*library.devices.items(), *library.transducers.items()):
            self.device.addItem(device.title, name)
        self.device.setCurrentIndex(max(0, self.device.findData(chosen)))

    def refresh(self) -> None:
        """Take over another device of the next or selected probe, but keep what was chosen here."""
        answer = self.bench.accessing.answer
        name = answer.subject.device.name if answer is not None else self.bench.placing.device
        if name != self._device_of:
            self._device_of = name
            self.device.setCurrentIndex(self.device.findData(name))

    def goal(self) -> dict[str, Any]:
        """The goal in the module's words."""
        return {"device": str(self.device.currentData()), **super().goal()}


def _percent(share: float) -> str:
    return f"{share:.0f} %" if share >= 1 or share == 0 else "less than 1 %"
