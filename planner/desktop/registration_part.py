"""The part of the mode Afterwards that lays two scans over each other, and lets one judge and correct it."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.bring_part import BringPart
from planner.desktop.landmark_part import LandmarkPart
from planner.desktop.pieces import dim_label, heading, show
from planner.model.wording import scan_words
from planner.session.actions import Workbench

#: The corrections of the hand: name, words, unit, what it does.
MOVES = (
    ("left", "Left", " mm", "Move the other scan to the patient's left; negative to the right"),
    ("back", "Back", " mm", "Move the other scan to the back; negative to the front"),
    ("head", "Head", " mm", "Move the other scan towards the head; negative to the feet"),
    ("nod", "Nod", "°", "Turn the other scan about the axis from right to left"),
    ("lean", "Lean", "°", "Turn the other scan about the axis from front to back"),
    ("roll", "Roll", "°", "Turn the other scan about the axis from feet to head"),
)
MOST_MM, MOST_DEG = 100.0, 45.0


class RegistrationPart(QWidget):
    """Which scan, how it is registered, how it is looked at, the hand that corrects it, and what goes over.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    register_asked = Signal(bool)
    folder_asked = Signal()
    files_asked = Signal()
    carry_asked = Signal()
    place_asked = Signal(object)
    trouble = Signal(object)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("Other scan"))
        column.addLayout(self._scan_line())
        column.addLayout(self._register_line())
        self._words, self._error, self._notes = QLabel(), QLabel(), dim_label(wraps=True)
        self._words.setObjectName("registrationWords")
        self._error.setObjectName("registrationError")
        for label in (self._words, self._error, self._notes):
            label.setWordWrap(True)
            label.setContentsMargins(14, 1, 14, 1)
            column.addWidget(label)
        column.addWidget(heading("Overlay"))
        column.addLayout(self._overlay_line())
        column.addWidget(heading("Correct by hand"))
        column.addLayout(self._moves_grid())
        self.landmarks = LandmarkPart(bench)
        self.landmarks.place_asked.connect(self.place_asked)
        self.landmarks.trouble.connect(self.trouble)
        column.addWidget(self.landmarks)
        self.bring = BringPart(bench)
        column.addWidget(self.bring)
        column.addWidget(heading("Go on there"))
        column.addLayout(self._carry_line())
        column.addStretch(1)

    def _scan_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        self.scans = QComboBox()
        self.scans.setObjectName("otherScan")
        self.scans.setAccessibleName("Other scan")
        self.scans.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.scans.activated.connect(lambda n: self.bench.following.choose_other(str(self.scans.itemData(n))))
        add = QPushButton("Add scan…")
        add.setObjectName("addScan")
        menu = QMenu(add)
        menu.addAction("From a folder…", self.folder_asked.emit)
        menu.addAction("From files…", self.files_asked.emit)
        add.setMenu(menu)
        line.addWidget(self.scans, 1)
        line.addWidget(add)
        return line

    def _register_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        self.rigid, self.local = QPushButton("Register"), QPushButton("Register, and deform the liver")
        self.rigid.setObjectName("registerRigid")
        self.local.setObjectName("registerLocal")
        self.rigid.setProperty("primary", True)
        self.rigid.clicked.connect(lambda _checked: self.register_asked.emit(False))
        self.local.clicked.connect(lambda _checked: self.register_asked.emit(True))
        line.addWidget(self.rigid)
        line.addWidget(self.local)
        line.addStretch(1)
        return line

    def _overlay_line(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setContentsMargins(14, 0, 14, 2)
        line = QHBoxLayout()
        self.blend = QSlider(Qt.Orientation.Horizontal)
        self.blend.setObjectName("blend")
        self.blend.setAccessibleName("How much of the other scan is seen")
        self.blend.setRange(0, 100)
        self.blend.setValue(50)
        self.blend.valueChanged.connect(lambda n: self.bench.following.look(share=n / 100.0))
        line.addWidget(dim_label("Planning"))
        line.addWidget(self.blend, 1)
        line.addWidget(dim_label("Other"))
        column.addLayout(line)
        self.checkered = QCheckBox("Checkerboard, squares of 2 cm")
        self.checkered.setObjectName("checkerboard")
        self.checkered.toggled.connect(lambda is_on: self.bench.following.look(is_checkered=is_on))
        column.addWidget(self.checkered)
        return column

    def _moves_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(14, 0, 14, 2)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        self.moves: list[QDoubleSpinBox] = []
        for n, (name, words, unit, tip) in enumerate(MOVES):
            field = QDoubleSpinBox()
            field.setObjectName(f"move_{name}")
            field.setAccessibleName(words)
            most = MOST_MM if unit == " mm" else MOST_DEG
            field.setRange(-most, most)
            field.setDecimals(1)
            field.setSingleStep(1.0 if unit == " mm" else 0.5)
            field.setSuffix(unit)
            field.setToolTip(tip)
            field.setKeyboardTracking(False)
            field.valueChanged.connect(lambda _value: self._correct())
            # A field that keeps the focus keeps Ctrl+Z to itself.
            field.lineEdit().returnPressed.connect(field.clearFocus)
            self.moves.append(field)
            label = dim_label(words)
            label.setToolTip(tip)
            row, place = divmod(n, 3)
            grid.addWidget(label, row * 2, place)
            grid.addWidget(field, row * 2 + 1, place)
        return grid

    def _carry_line(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setContentsMargins(12, 2, 12, 6)
        line = QHBoxLayout()
        self.carry = QPushButton("Carry plan to this scan")
        self.carry.setObjectName("carryPlan")
        self.carry.clicked.connect(lambda _checked: self.carry_asked.emit())
        line.addWidget(self.carry)
        line.addStretch(1)
        column.addLayout(line)
        self._carried = dim_label(wraps=True)
        self._carried.setObjectName("carriedWords")
        column.addWidget(self._carried)
        return column

    def say_carried(self, words: str) -> None:
        """Say how far a plan moved that was carried over."""
        self._carried.setText(words)

    def refresh(self) -> None:
        """Show what is known now."""
        following = self.bench.following
        pair, others = following.pair, following.others
        with QSignalBlocker(self.scans):
            self.scans.clear()
            for image in others:
                self.scans.addItem(" · ".join(scan_words(image)) or image.id, image.id)
            if pair is not None:
                self.scans.setCurrentIndex(self.scans.findData(pair.other.id))
        self.scans.setEnabled(bool(others))
        self.scans.setToolTip("" if others else "There is no other scan in this case yet.")
        for button, is_local in ((self.rigid, False), (self.local, True)):
            _allow(button, following.why_not_register(is_local))
        self._words.setText(following.lying_words)
        self._error.setText(following.error_words)
        show(self._error, bool(following.error_words))
        found = following.registration
        self._notes.setText("\n".join(found.notes) if found is not None else "")
        show(self._notes, found is not None and bool(found.notes))
        why = "" if pair is not None else "Add another scan of this patient first."
        for field in (self.blend, self.checkered, *self.moves):
            field.setEnabled(not why)
        with QSignalBlocker(self.blend):
            self.blend.setValue(round(100 * following.share))
        for field, value in zip(self.moves, following.moves, strict=True):
            with QSignalBlocker(field):
                field.setValue(value)
        self.landmarks.refresh()
        self.bring.refresh()
        _allow(self.carry, why or ("" if found is not None else "Register the two scans first."))

    def _correct(self) -> None:
        left, back, head, nod, lean, roll = (field.value() for field in self.moves)
        self.bench.following.correct((left, back, head, nod, lean, roll))


def _allow(button: QPushButton, why_not: str) -> None:
    button.setEnabled(not why_not)
    button.setToolTip(why_not)
