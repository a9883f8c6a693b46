"""The part of the mode Afterwards with the landmarks of two scans: marked, listed, fitted to."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from planner.base.errors import PlannerError
from planner.desktop.pieces import Elided, Row, clear_layout, heading
from planner.model.landmarks import LandmarkPair
from planner.session.actions import Workbench

ADD_TIP = "Click a place on the planning scan, then the same on the other"
FIT_TIP = "Register by the landmarks alone: a turn and a shift, with the error found by leaving each out once"


class LandmarkPart(QWidget):
    """Pairs of the two scans with how far each is off, and the fit to them.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    place_asked = Signal(object)
    trouble = Signal(object)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading("Landmarks"))
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 12, 2)
        self.add_pair, self.fit = QPushButton("Add pair"), QPushButton("Fit to landmarks")
        self.add_pair.setObjectName("addLandmark")
        self.fit.setObjectName("fitLandmarks")
        self.add_pair.clicked.connect(lambda _checked: self.bench.landmarking.start())
        self.fit.clicked.connect(lambda _checked: self._fit())
        line.addWidget(self.add_pair)
        line.addWidget(self.fit)
        line.addStretch(1)
        column.addLayout(line)
        self._mean = Elided()
        self._mean.setObjectName("landmarkMean")
        self._mean.setProperty("dim", True)
        self._mean.setContentsMargins(14, 0, 14, 0)
        column.addWidget(self._mean)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        column.addLayout(self._rows)
        self._listed: object = None

    def refresh(self) -> None:
        """Show what is marked now, and say why not what cannot be done."""
        marking = self.bench.landmarking
        why = "" if self.bench.following.pair is not None else "Add another scan of this patient first."
        self.add_pair.setEnabled(not why)
        self.add_pair.setToolTip(why or ADD_TIP)
        why = marking.why_not_fit()
        self.fit.setEnabled(not why)
        self.fit.setToolTip(why or FIT_TIP)
        pairs, errors = marking.landmarks.pairs, marking.errors_mm
        mean = (
            f"mean {sum(errors) / len(errors):.1f} mm apart" if errors else "None yet: three or more say most"
        )
        self._mean.set_full(mean)
        if (pairs, errors) == self._listed:
            return
        self._listed = (pairs, errors)
        clear_layout(self._rows)
        left_out = marking.left_out_mm if pairs else ()
        for n, (pair, error, left) in enumerate(zip(pairs, errors, left_out, strict=True)):
            self._rows.addWidget(self._row(n, pair, error, left))

    def _row(self, number: int, pair: LandmarkPair, error_mm: float, left_out_mm: float | None) -> Row:
        row = Row(f"Landmark {number + 1}")
        row.line.addWidget(QLabel(f"{number + 1}"))
        words = Elided(f"{error_mm:.1f} mm apart")
        if left_out_mm is not None:
            words.set_full(f"{error_mm:.1f} mm apart; left out {left_out_mm:.1f} mm")
            words.setToolTip("Now, and by a fit to all the other landmarks")
        words.setObjectName(f"landmarkError_{number}")
        row.line.addWidget(words, 1)
        remove = QPushButton("Remove")
        remove.setObjectName(f"removeLandmark_{number}")
        remove.setProperty("link", True)
        remove.clicked.connect(lambda _checked: self.bench.landmarking.remove(number))
        row.line.addWidget(remove)
        row.clicked.connect(partial(self.place_asked.emit, pair.from_lps_mm))
        return row

    def _fit(self) -> None:
        try:
            self.bench.landmarking.fit()
        except PlannerError as error:
            self.trouble.emit(error)
