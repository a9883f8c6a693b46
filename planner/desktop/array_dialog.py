"""Dialogs that make several probes of one: an array about its shaft, or positions of a pull-back."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.messages import plain, show_error
from planner.desktop.pieces import dim_label
from planner.model.plan import Applicator, Plan
from planner.planning.arrays import COUNTS, SPACINGS, with_array, with_pullback
from planner.planning.device_library import device_library
from planner.session.session import Session


class _ProbesDialog(QDialog):
    """Shows the plan it would make while it is open, and makes it on OK."""

    def __init__(self, session: Session, probe: Applicator, title: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._session, self._probe, self._plan = session, probe, session.plan
        layout = QVBoxLayout(self)
        self.form = QFormLayout()
        layout.addLayout(self.form)
        self.note = dim_label("", wraps=True)
        self.note.setMinimumWidth(320)
        layout.addWidget(self.note)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Ok
        )
        plain(buttons)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def made(self) -> tuple[str, Plan]:
        """The name of the change and the plan it leads to."""
        raise NotImplementedError

    def try_out(self) -> None:
        """Show what it would be, as a drag does."""
        try:
            _, plan = self.made()
        except PlannerError as error:
            self.note.setText(f"{error.what} {error.todo}")
            return
        self.say()
        self._session.drag_plan(plan)

    def say(self) -> None:
        """Words below the form."""

    def accept(self) -> None:
        """Make the change; stays open where it cannot be made."""
        try:
            label, plan = self.made()
            self._session.change_plan(label, plan)
        except PlannerError as error:
            show_error(self, error)
            return
        super().accept()

    def reject(self) -> None:
        """Go back to what was."""
        self._session.cancel_drag()
        super().reject()


class ArrayDialog(_ProbesDialog):
    """Two to six parallel probes about the shaft of one.

    Parameters
    ----------
    session
        Whose plan is changed.
    probe
        The probe the array is made of.
    """

    def __init__(self, session: Session, probe: Applicator, parent: QWidget | None = None) -> None:
        super().__init__(session, probe, "Array of probes", parent)
        self.setObjectName("arrayDialog")
        devices = device_library().devices
        modality = devices[probe.device].modality if probe.device in devices else ""
        self._rule = SPACINGS.get(modality)
        self.count = QComboBox()
        self.count.setObjectName("arrayCount")
        self.count.addItems([f"{n}" for n in COUNTS])
        self.count.setCurrentIndex(1)
        self.spacing = QDoubleSpinBox()
        self.spacing.setObjectName("arraySpacing")
        self.spacing.setRange(3.0, 60.0)
        self.spacing.setSuffix(" mm")
        self.spacing.setDecimals(1)
        self.spacing.setValue(0.5 * (self._rule.low.value + self._rule.high.value) if self._rule else 20.0)
        self.turn = QDoubleSpinBox()
        self.turn.setObjectName("arrayTurn")
        self.turn.setRange(-180.0, 180.0)
        self.turn.setSuffix(" °")
        self.turn.setDecimals(0)
        self.turn.setSingleStep(15.0)
        self.form.addRow("Probes", self.count)
        self.form.addRow("Spacing", self.spacing)
        self.form.addRow("Turned by", self.turn)
        self.count.currentIndexChanged.connect(lambda _: self.try_out())
        self.spacing.valueChanged.connect(lambda _: self.try_out())
        self.turn.valueChanged.connect(lambda _: self.try_out())
        self.try_out()

    def made(self) -> tuple[str, Plan]:
        """The array."""
        count = COUNTS[self.count.currentIndex()]
        plan = with_array(self._plan, self._probe, count, self.spacing.value(), self.turn.value())
        return f"Array of {count} probes", plan

    def say(self) -> None:
        """What the spacing should be."""
        if self._rule is None:
            self.note.setText("")
            return
        low, high = self._rule.low, self._rule.high
        doubt = high.label or low.label
        words = f"Usual spacing {low.value:g} to {high.value:g} mm ({high.source}{'; ' + doubt if doubt else ''})."
        self.note.setText(words)


class PullBackDialog(_ProbesDialog):
    """One probe used again at positions nearer to its entry.

    Parameters
    ----------
    session
        Whose plan is changed.
    probe
        The probe that is pulled back.
    """

    def __init__(self, session: Session, probe: Applicator, parent: QWidget | None = None) -> None:
        super().__init__(session, probe, "Pull back the probe", parent)
        self.setObjectName("pullBackDialog")
        self.step = QDoubleSpinBox()
        self.step.setObjectName("pullBackStep")
        self.step.setRange(1.0, 100.0)
        self.step.setSuffix(" mm")
        self.step.setDecimals(1)
        self.step.setValue(15.0)
        self.times = QSpinBox()
        self.times.setObjectName("pullBackTimes")
        self.times.setRange(1, 4)
        self.form.addRow("Step", self.step)
        self.form.addRow("Further positions", self.times)
        self.step.valueChanged.connect(lambda _: self.try_out())
        self.times.valueChanged.connect(lambda _: self.try_out())
        self.try_out()

    def made(self) -> tuple[str, Plan]:
        """The positions."""
        return f"Pull back probe {self._probe.id}", with_pullback(
            self._plan, self._probe, self.step.value(), self.times.value()
        )
