"""A dialog that keeps the zones of this case as rows of one's own device."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from planner.base.errors import PlannerError
from planner.desktop.messages import plain, show_error
from planner.desktop.pieces import dim_label
from planner.planning.device_fitting import measure_zone
from planner.planning.device_library import device_library
from planner.session.measured_devices import keep_measured, measured_device, treated_zones
from planner.session.own_devices import OwnDevices
from planner.session.session import Session


class MeasuredDialog(QDialog):
    """Shows what each segmented zone measures about its probe, and keeps it under a title.

    Parameters
    ----------
    session
        Whose case and plan.
    own
        Where the device is kept.

    Raises
    ------
    PlannerError
        If there is no zone, no probe through it, or it cannot be measured.
    """

    def __init__(self, session: Session, own: OwnDevices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("measuredDialog")
        self.setWindowTitle("Size my device by the zones of this case")
        self._session, self._own = session, own
        pairs = treated_zones(session.case, session.recorded_plan)
        layout = QVBoxLayout(self)
        for zone, probe in pairs:
            found = measure_zone(zone)
            words = ", ".join(f"{k} {v:g}" for k, v in probe.settings.items())
            layout.addWidget(
                QLabel(
                    f"{zone.name}, probe {probe.id} ({words}): {found.long_axis_mm:.1f} × {found.short_axis_mm:.1f} mm,"
                    f" centre {found.center_offset_mm:.1f} mm behind the tip, {found.off_axis_mm:.1f} mm beside the shaft"
                )
            )
        layout.addWidget(
            dim_label(
                "Kept as rows of your own device, with the number of zones and their spread; zones of other"
                " cases kept under the same title are taken together with these.",
                wraps=True,
            )
        )
        form = QFormLayout()
        base = device_library().device(pairs[0][1].device)
        self.title = QLineEdit(f"{base.title.split(' (')[0]} (own zones)")
        self.title.setObjectName("measuredTitle")
        form.addRow("Title", self.title)
        layout.addLayout(form)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Ok
        )
        plain(buttons)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def accept(self) -> None:
        """Keep it; stays open where it cannot be kept."""
        try:
            device = measured_device(self.title.text(), self._session.case, self._session.recorded_plan)
            keep_measured(self._own, device)
        except PlannerError as error:
            show_error(self, error)
            return
        super().accept()
