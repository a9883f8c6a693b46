"""Forms of the mode Catheter: the arteries it rests on, and the chosen tip."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import clear_layout, dim_label, link_button, put_number, show
from planner.model.catheter import MOST_ACTIVITY_GBQ, AgentType
from planner.model.roles import Role
from planner.session.actions import Workbench
from planner.session.segment_brushing import LARGEST_MM, SMALLEST_MM

#: The buttons slide a tip by this.
SLIDE_MM = 5.0
Do = Callable[[Callable[[], None]], None]


class ArteryForm(QWidget):
    """Which vessels tips lie in, whether a person confirmed them, and the variant.

    Parameters
    ----------
    bench
        The session with its tools.
    do
        Runs a call and shows what goes wrong.
    """

    vessels_asked = Signal()

    def __init__(self, bench: Workbench, do: Do) -> None:
        super().__init__()
        self.bench, self._do = bench, do
        self._key: object = None
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 12, 2)
        column.setSpacing(2)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(1)
        column.addLayout(self._rows)
        line = QHBoxLayout()
        line.setSpacing(6)
        self.variant = QComboBox()
        self.variant.setObjectName("michelsType")
        self.variant.setAccessibleName("Michels type of the hepatic arteries")
        self.variant.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.variant.activated.connect(
            lambda _n: self._do(lambda: self.bench.catheters.tell_variant(str(self.variant.currentData())))
        )
        line.addWidget(self.variant, 1)
        column.addLayout(line)

    def refresh(self) -> None:
        """Show the trees as they are."""
        placing = self.bench.catheters
        trees = placing.trees
        self._fill_variants()
        show(self.variant, bool(placing.arteries))
        if trees == self._key:
            return
        self._key = trees
        clear_layout(self._rows)
        for tree in trees:
            line = QHBoxLayout()
            line.setSpacing(6)
            if tree.role is Role.HEPATIC_ARTERY:
                state = "confirmed" if tree.is_confirmed else "not confirmed"
            else:
                state = "stands in: no activity"
            label = dim_label(f"{tree.id} · {len(tree.branches)} branches · {state}")
            label.setObjectName("arteryState")
            line.addWidget(label, 1)
            if tree.role is Role.HEPATIC_ARTERY:
                words = "Take back" if tree.is_confirmed else "Confirm"
                button = link_button(words, "Say that you looked at these arteries and they are right")
                button.setObjectName("confirmArteries")
                button.clicked.connect(
                    lambda _c=False, t=tree: self._do(
                        lambda: self.bench.catheters.confirm(t.id, not t.is_confirmed)
                    )
                )
                line.addWidget(button)
            self._rows.addLayout(line)
        if not placing.arteries:
            link = link_button("Find or draw arteries…", "Go to the mode Vessels")
            link.setObjectName("findArteries")
            link.clicked.connect(self.vessels_asked)
            line = QHBoxLayout()
            line.addWidget(link)
            line.addStretch(1)
            self._rows.addLayout(line)

    def _fill_variants(self) -> None:
        from planner.planning.arterial_names import TYPES, Variant

        placing = self.bench.catheters
        if not placing.arteries:
            return
        told = placing.variant
        proposed = "By the names of the branches" if told.is_told else told.words
        proposed += " (proposed)" if told.type and not told.is_told else ""
        with QSignalBlocker(self.variant):
            if self.variant.count() == 0:
                self.variant.addItem(proposed, "")
                for type in TYPES:
                    self.variant.addItem(Variant(type, True, "").words, type)
            self.variant.setItemText(0, proposed)
            self.variant.setCurrentIndex(max(0, self.variant.findData(told.type)) if told.is_told else 0)
        why = "" if told.is_told else f": {told.why}"
        self.variant.setToolTip(f"{self.variant.currentText()}{why}")


class TipForm(QWidget):
    """The chosen tip: what is given, how much, what was seen, and its place along the vessel.

    Parameters
    ----------
    bench
        The session with its tools.
    do
        Runs a call and shows what goes wrong.
    """

    def __init__(self, bench: Workbench, do: Do) -> None:
        super().__init__()
        self.bench, self._do = bench, do
        form = QFormLayout(self)
        form.setContentsMargins(14, 2, 14, 2)
        form.setVerticalSpacing(3)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.agent = QComboBox()
        self.agent.setObjectName("tipAgent")
        self.agent.setAccessibleName("What is given")
        for type in AgentType:
            self.agent.addItem(type.words[:1].upper() + type.words[1:], type.value)
        self.agent.activated.connect(
            lambda _n: self._do(
                lambda: self.bench.catheters.set_agent(AgentType(str(self.agent.currentData())))
            )
        )
        self.activity = QDoubleSpinBox()
        self.activity.setObjectName("tipActivity")
        self.activity.setAccessibleName("Activity at the time of treatment")
        self.activity.setDecimals(3)
        self.activity.setSingleStep(0.1)
        self.activity.setRange(0.0, MOST_ACTIVITY_GBQ)
        self.activity.setSuffix(" GBq")
        self.activity.setSpecialValueText("not entered")
        self.activity.setToolTip("Given at this tip, at the time of treatment; 0 for not entered")
        self.activity.setKeyboardTracking(False)
        self.activity.valueChanged.connect(
            lambda v: self._do(lambda: self.bench.catheters.set_activity(v if v > 0 else None))
        )
        self.given = QWidget()
        line = QHBoxLayout(self.given)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.agent, 1)
        line.addWidget(self.activity)
        form.addRow(dim_label("Given"), self.given)
        self.seen = QComboBox()
        self.seen.setObjectName("tipSeen")
        self.seen.setAccessibleName("What is perfused")
        self.seen.setToolTip("By the tree, or a volume that was seen to be perfused")
        self.seen.activated.connect(
            lambda _n: self._do(lambda: self.bench.catheters.set_seen(str(self.seen.currentData())))
        )
        form.addRow(dim_label("Perfused"), self.seen)
        self.brush = self._brush()
        form.addRow(dim_label("Correct"), self.brush)
        self.name = QLineEdit()
        self.name.setObjectName("tipName")
        self.name.setAccessibleName("Name of what is fed")
        self.name.editingFinished.connect(
            lambda: self._do(lambda: self.bench.catheters.rename(self.name.text()))
        )
        form.addRow(dim_label("Name"), self.name)
        self.notes = QLineEdit()
        self.notes.setObjectName("tipNotes")
        self.notes.setAccessibleName("Drug, particles and doses")
        self.notes.setPlaceholderText("drug, particles, doses: your own words")
        self.notes.editingFinished.connect(
            lambda: self._do(lambda: self.bench.catheters.set_notes(self.notes.text()))
        )
        form.addRow(dim_label("Notes"), self.notes)
        line = QHBoxLayout()
        line.setSpacing(6)
        self.slides = []
        for words, by, name in (("− 5 mm", -SLIDE_MM, "slideBack"), ("+ 5 mm", SLIDE_MM, "slideOn")):
            button = QPushButton(words)
            button.setObjectName(name)
            button.setProperty("compact", True)
            button.setToolTip("Slide the tip along its vessel: back over forks, on as far as the next one")
            button.clicked.connect(lambda _c=False, b=by: self._do(lambda: self.bench.catheters.slide(b)))
            line.addWidget(button)
            self.slides.append(button)
        line.addStretch(1)
        form.addRow(dim_label("Slide"), line)

    def _brush(self) -> QWidget:
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        painting = self.bench.painting
        self.paint, self.erase = QPushButton("Paint"), QPushButton("Erase")
        for button, name, adds in ((self.paint, "paintPerfused", True), (self.erase, "erasePerfused", False)):
            button.setObjectName(name)
            button.setProperty("compact", True)
            button.setCheckable(True)
            button.clicked.connect(lambda is_on, a=adds: self._take_brush(is_on, a))
            line.addWidget(button)
        self.radius = QDoubleSpinBox()
        self.radius.setObjectName("perfusedRadius")
        self.radius.setAccessibleName("Radius of the brush")
        self.radius.setRange(SMALLEST_MM, LARGEST_MM)
        self.radius.setDecimals(0)
        self.radius.setSuffix(" mm")
        self.radius.valueChanged.connect(lambda value: painting.set_up(radius_mm=value))
        line.addWidget(self.radius)
        line.addStretch(1)
        return holder

    def _take_brush(self, is_on: bool, adds: bool) -> None:
        painting = self.bench.painting
        painting.set_up(adds=adds)
        painting.switch(is_on)

    def _show_brush(self) -> None:
        painting = self.bench.painting
        why = painting.why_not()
        for button, adds in ((self.paint, True), (self.erase, False)):
            button.setEnabled(not why)
            button.setChecked(painting.is_on and painting.adds == adds)
            words = "give liver to this tip" if adds else "take liver from this tip"
            button.setToolTip(
                why or f"Drag in a slice to {words}; each stroke is kept as its perfused volume"
            )
        put_number(self.radius, painting.radius_mm)

    def refresh(self) -> None:
        """Show the chosen tip."""
        placing = self.bench.catheters
        chosen = placing.chosen
        show(self, chosen is not None)
        if chosen is None:
            return
        fields = (self.agent, self.activity, self.seen, self.name, self.notes)
        for field in fields:
            field.blockSignals(True)
        self.agent.setCurrentIndex(self.agent.findData(chosen.agent.type.value))
        put_number(self.activity, chosen.agent.activity_gbq or 0.0)
        names = ["", *placing.seen]
        if [self.seen.itemData(n) for n in range(self.seen.count())] != names:
            self.seen.clear()
            for name in names:
                self.seen.addItem(name or "by the tree", name)
        self.seen.setCurrentIndex(max(0, self.seen.findData(chosen.perfused_structure)))
        if not self.name.hasFocus():
            self.name.setText(chosen.name)
        if not self.notes.hasFocus():
            self.notes.setText(chosen.agent.notes)
        for field in fields:
            field.blockSignals(False)
        self._show_brush()
        show(self.activity, chosen.agent.type.is_y90)
        for button in self.slides:
            button.setEnabled(bool(chosen.tree))
