"""The right panel of the mode Afterwards: lay the scans over each other, draw the zone, judge, compare."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.achieved_part import AchievedPart
from planner.desktop.pieces import scrolled
from planner.desktop.placed_part import PlacedPart
from planner.desktop.registration_part import RegistrationPart
from planner.desktop.step_bar import StepBar
from planner.desktop.zone_part import ZonePart
from planner.session.actions import Workbench
from planner.session.brushing import Brush
from planner.session.scan_pairs import NextClick

#: The lesion, painted by its margin, is seen through the zone.
ZONE_OPACITY = 0.3
STEPS = (
    ("fit", "Fit", "Lay another scan over this one, and judge how well it fits"),
    ("zone", "Zone", "Draw what was ablated"),
    ("margin", "Margin", "The achieved margin with its errors, and a second probe for what is left"),
    ("needles", "Needles", "Needles in place against the plan"),
)
HINTS = {
    NextClick.LANDMARK_HERE: "Click a place on the planning scan that is seen on both. Esc stops.",
    NextClick.LANDMARK_THERE: "Now click the same place: the other scan is shown alone. Esc stops.",
    NextClick.ZONE: "Click into the ablation zone: the other scan is shown alone. Esc stops.",
    NextClick.NEEDLE_ENTRY: "Click where the needle passes the skin. Esc stops.",
    NextClick.NEEDLE_TIP: "Now click the needle's tip. Esc stops.",
}


class AfterwardsPanel(QWidget):
    """Four steps, one at a time.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    place_asked = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        self.fit, self.zone = RegistrationPart(bench), ZonePart(bench)
        self.margin, self.needles = AchievedPart(bench), PlacedPart(bench)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 4, 0, 0)
        outer.setSpacing(2)
        self._bar = StepBar(STEPS)
        self._bar.chosen.connect(self._choose)
        outer.addWidget(self._bar)
        self._hint = QLabel()
        self._hint.setObjectName("afterwardsHint")
        self._hint.setWordWrap(True)
        self._hint.setContentsMargins(14, 4, 14, 4)
        # Room for two lines: what lies below must not move under the mouse.
        self._hint.setMinimumHeight(2 * self._hint.fontMetrics().lineSpacing() + 8)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        outer.addWidget(self._hint)
        self.stack = QStackedWidget()
        for part in (self.fit, self.zone, self.margin, self.needles):
            body = QWidget()
            body.setObjectName("panelBody")
            body.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            column = QVBoxLayout(body)
            column.setContentsMargins(0, 0, 0, 10)
            column.addWidget(part)
            self.stack.addWidget(scrolled(body))
        outer.addWidget(self.stack, 1)
        for step in (self.fit, self.margin, self.needles):
            step.place_asked.connect(self.place_asked)
        for tool in (bench.following, bench.brushing, bench.achieving, bench.placed):
            tool.changed.connect(self.refresh)
        bench.session.selection.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show what is known now; costs nothing while another mode is shown."""
        following = self.bench.following
        if not (self.bench.session.is_open and following.is_on):
            return
        hint = HINTS.get(following.next_click, "")
        self._hint.setText(hint or f"{STEPS[self.stack.currentIndex()][2]}.")
        (self.fit, self.zone, self.margin, self.needles)[self.stack.currentIndex()].refresh()

    def _choose(self, number: int) -> None:
        self.stack.setCurrentIndex(number)
        self.bench.following.wait_for(NextClick.NOTHING)
        self.bench.brushing.choose_brush(Brush.OFF)
        self.bench.landmarking.show(STEPS[number][0] == "fit")
        self.refresh()

    def zone_taken(self, name: str) -> None:
        """Judge in a zone that has become a structure, and show it."""
        self.bench.achieving.choose_zone(name)
        zone = self.bench.session.case.structures[name]
        self.bench.appearance.set_visible(zone, True)
        self.bench.appearance.set_opacity(zone, ZONE_OPACITY)
