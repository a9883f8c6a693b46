"""Dialogs that change the plan or the devices it is made with; each is loaded when it is first opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QInputDialog

from planner.base.errors import PlannerError
from planner.desktop.messages import show_error
from planner.model.plan import Applicator

if TYPE_CHECKING:
    from planner.desktop.array_dialog import ArrayDialog, PullBackDialog
    from planner.desktop.window import MainWindow


class PlanWork:
    """Opens the dialogs of the plan.

    Parameters
    ----------
    window
        The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def open_plan(self, name: str, version: int) -> None:
        """Open a saved plan, or one of its versions."""
        try:
            self._window.session.open_plan(name, version or None)
        except PlannerError as error:
            show_error(self._window, error)

    def rename_plan(self) -> None:
        """Ask for another name."""
        name, is_ok = QInputDialog.getText(
            self._window, "Rename plan", "Name", text=self._window.session.plan.name
        )
        if is_ok and name.strip():
            try:
                self._window.session.rename_plan(name.strip())
            except PlannerError as error:
                show_error(self._window, error)

    def compare(self) -> None:
        """Show plans side by side."""
        from planner.desktop.compare_window import CompareWindow

        window = self._window
        if not window.session.is_open:
            window.status.say("Open a case first.")
            return
        CompareWindow(window).show()

    def array(self) -> None:
        """Make an array of the selected probe."""
        from planner.desktop.array_dialog import ArrayDialog

        self.several(ArrayDialog)

    def pull_back(self) -> None:
        """Use the selected probe again, nearer to its entry."""
        from planner.desktop.array_dialog import PullBackDialog

        self.several(PullBackDialog)

    def several(self, dialog: type[ArrayDialog] | type[PullBackDialog]) -> None:
        """Make several probes of the selected one."""
        probe = self._window.session.plan.instrument(self._window.session.selection.instrument)
        if isinstance(probe, Applicator):
            dialog(self._window.session, probe, self._window).open()

    def focus(self) -> None:
        """Fill a lesion with foci."""
        from planner.desktop.focus_dialog import FocusDialog

        try:
            FocusDialog(self._window.session, self._window.jobs, self._window).open()
        except PlannerError as error:
            show_error(self._window, error)

    def show_devices(self) -> None:
        """Show the user's own devices."""
        from planner.desktop.device_dialog import DeviceDialog
        from planner.session.own_devices import OwnDevices

        dialog = DeviceDialog(OwnDevices(), self._window)
        dialog.changed.connect(self._devices_changed)
        dialog.open()

    def size_device(self) -> None:
        """Size an own device by this case's zones."""
        from planner.desktop.measured_dialog import MeasuredDialog
        from planner.session.own_devices import OwnDevices

        own = OwnDevices()
        own.changed.connect(self._devices_changed)
        try:
            MeasuredDialog(self._window.session, own, self._window).open()
        except PlannerError as error:
            show_error(self._window, error)

    def _devices_changed(self) -> None:
        """Zones of an own device may be others now: the plan is judged anew."""
        self._window.plan_panel.device_form.clear()
        self._window.paths_panel.goal.list_devices()
        self._window.plan_has_changed()
