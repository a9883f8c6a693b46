"""The part of the mode Afterwards that brings a structure of the other scan to the planning scan."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import dim_label, heading, show
from planner.model.roles import Role
from planner.model.vocabulary import vocabulary
from planner.session.actions import Workbench
from planner.session.bringing import Offered

LOOKED = "I looked at the overlay: the scans fit"
ADD_TIP = "Label maps, DICOM SEG or meshes that were drawn on the other scan"
BRING_TIP = "As a structure of the planning scan; it keeps the error of the registration"
NONE = "nothing drawn on it yet"


class BringPart(QWidget):
    """Which structure, as what, and whether the scans were found to fit.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    files_asked = Signal()
    bring_asked = Signal()

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("Bring a structure over"))
        self.structures, self.roles = QComboBox(), QComboBox()
        self.structures.setObjectName("bringStructure")
        self.structures.setAccessibleName("Structure of the other scan")
        self.structures.activated.connect(lambda n: bench.bringing.choose(self.structures.itemData(n)))
        self.add = QPushButton("Add structures…")
        self.add.setObjectName("addOtherStructures")
        self.add.clicked.connect(lambda _checked: self.files_asked.emit())
        column.addLayout(_line(self.structures, self.add))
        self.roles.setObjectName("bringRole")
        self.roles.setAccessibleName("What it is to be in the planning scan")
        for role in (Role.PERFUSED_VOLUME, *(r for r in Role if r is not Role.PERFUSED_VOLUME)):
            self.roles.addItem(f"as {vocabulary().entry(role).title.lower()}", role.value)
        self.roles.activated.connect(lambda n: bench.bringing.choose_role(Role(str(self.roles.itemData(n)))))
        self.bring = QPushButton("Bring over")
        self.bring.setObjectName("bringOver")
        self.bring.clicked.connect(lambda _checked: self.bring_asked.emit())
        self.looked = QCheckBox(LOOKED)
        self.looked.setObjectName("fitAccepted")
        self.looked.clicked.connect(bench.bringing.accept)
        column.addLayout(_line(self.looked))
        column.addLayout(_line(self.roles, self.bring))
        self._words = dim_label(wraps=True)
        self._words.setObjectName("broughtWords")
        self._words.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._words)
        bench.bringing.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show what is there now, and say why not what cannot be done."""
        if not self.bench.session.is_open:
            return
        bringing, pair = self.bench.bringing, self.bench.following.pair
        offered, chosen = bringing.offered, bringing.chosen
        rows: list[tuple[str, Offered | None]] = [(each.name, each) for each in offered]
        rows = rows or [(NONE, None)]
        if [self.structures.itemData(n) for n in range(self.structures.count())] != [
            each for _, each in rows
        ]:
            with QSignalBlocker(self.structures):
                self.structures.clear()
                for name, each in rows:
                    self.structures.addItem(name, each)
        self.structures.setEnabled(bool(offered))
        if chosen is not None:
            self.structures.setCurrentIndex(offered.index(chosen))
        self.roles.setCurrentIndex(self.roles.findData(bringing.role.value))
        self.add.setEnabled(pair is not None)
        self.add.setToolTip(ADD_TIP if pair is not None else "Add another scan of this patient first.")
        why = bringing.why_not_accept()
        self.looked.setEnabled(not why)
        self.looked.setToolTip(why or "It holds until the scans are laid over each other in another way")
        self.looked.setChecked(bringing.is_accepted)
        why = bringing.why_not()
        self.bring.setEnabled(not why)
        self.bring.setToolTip(why or BRING_TIP)
        words = bringing.words or (why if offered else "")
        self._words.setText(words)
        show(self._words, bool(words))


def _line(wide: QWidget, narrow: QWidget | None = None) -> QHBoxLayout:
    line = QHBoxLayout()
    line.setContentsMargins(12, 1, 12, 1)
    line.setSpacing(6)
    if isinstance(wide, QComboBox):
        wide.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    line.addWidget(wide, 1)
    if narrow is not None:
        line.addWidget(narrow)
    return line
