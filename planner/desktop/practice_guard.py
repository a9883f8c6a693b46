"""What is put away in the window when an exercise begins, and comes back after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog

from planner.practice.exercise import Exercise

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

#: Jobs that say nothing of a plan.
OF_THE_CASE = ("surfaces", "measure", "practice_exercises", "practice_attempts")


class PracticeGuard:
    """Stops and closes what says something of the plan that waits behind, and sets devices for the next needle.

    Parameters
    ----------
    window
        The window.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._devices: tuple[str, dict[str, float], str] | None = None

    def stop_others(self) -> None:
        """What is under way would say something of the plan that waits behind, such as a report that is written."""
        jobs, bench = self._window.jobs, self._window.bench
        for kind in jobs.kinds:
            if kind not in OF_THE_CASE:
                jobs.cancel(kind)
        for slow in (bench.suggesting, bench.suggesting_electrodes, bench.simulating):
            if slow.is_running:
                slow.cancel()

    def close_dialogs(self) -> None:
        """What is open beside the window may show numbers of the plan."""
        for dialog in self._window.findChildren(QDialog):
            if dialog.isVisible():
                dialog.close()

    def use_devices(self, exercise: Exercise) -> None:
        """The next needle is of a device the exercise allows; what was chosen before comes back after it."""
        bench, names = self._window.bench, exercise.devices
        if self._devices is None:
            self._devices = (bench.placing.device, dict(bench.placing.settings), bench.electrodes.device)
        from planner.planning.device_library import device_library

        library = device_library()
        if bench.placing.device not in names and names[0] in library.devices:
            bench.placing.choose_device(names[0])
        if bench.electrodes.device not in names and names[0] in library.electrodes:
            bench.electrodes.device = names[0]

    def give_devices_back(self) -> None:
        """Take the devices that were chosen before an exercise; nothing where none was begun."""
        if self._devices is not None:
            bench, (device, settings, electrode) = self._window.bench, self._devices
            self._devices = None
            bench.placing.choose_device(device)
            bench.placing.settings, bench.electrodes.device = settings, electrode
