"""The further scans of the mode Afterwards: added to the case, registered, and planned on from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.messages import ask, show_error
from planner.desktop.opening import SeriesDialog
from planner.model.case import Case
from planner.session.bringing import Brought
from planner.session.carrying import CarriedOver, make_carried_over, take_carried_over, written_over
from planner.session.scan_pairs import make_registration

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

#: One job of the mode at a time.
WORK = "afterwards"


def told(window: MainWindow, done: Callable[[Any], None]) -> Callable[[Any], None]:
    """What is done with a job's answer, its trouble shown in the window."""

    def run(answer: Any) -> None:
        try:
            done(answer)
        except PlannerError as error:
            show_error(window, error)

    return run


class AfterwardsScans(QObject):
    """Adds, registers and carries over for the window's mode Afterwards.

    Parameters
    ----------
    window
        The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._bench = window.bench
        part = window.afterwards_panel.fit
        part.register_asked.connect(self._register)
        part.folder_asked.connect(self._choose_folder)
        part.files_asked.connect(self._choose_files)
        part.carry_asked.connect(self._carry)
        part.trouble.connect(self._failed)
        part.bring.files_asked.connect(self._choose_drawn)
        part.bring.bring_asked.connect(self._bring)

    def _choose_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self._window, "Folder of another scan of this patient")
        if path:
            self.add_scan([Path(path)])

    def _choose_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self._window, "Files of another scan of this patient")
        if paths:
            self.add_scan([Path(p) for p in paths])

    def add_scan(self, paths: list[Path]) -> None:
        """Look for scans in files or a folder, and add one of them to the case."""
        from planner.io.importing import read_volume_offers

        def look(task: Task) -> Any:
            return read_volume_offers(paths, task)

        def choose(offers: Any) -> None:
            if len(offers) == 1:
                self._read_scan(paths, offers[0].key)
                return
            dialog = SeriesDialog(offers, self._window)
            dialog.accepted.connect(lambda: self._read_scan(paths, dialog.chosen))
            dialog.open()

        self._window.jobs.start(WORK, "Looking at the files", look, choose, self._failed)

    def _read_scan(self, paths: list[Path], key: str) -> None:
        from planner.io.importing import read_case

        session = self._window.session

        def work(task: Task) -> Any:
            return read_case(paths, series_uid=key, task=task).case

        def done(found: Any) -> None:
            own, other = session.case.patient.id, found.patient.id
            if own and other and own != other:
                text = f"This case is of ID {own}, the scan of ID {other}."
                choices = ("Add it all the same", "Cancel")
                if ask(self._window, "The scan names another patient.", text, choices) != choices[0]:
                    return
            self._write_scan(found)

        self._window.jobs.start(WORK, "Reading the scan", work, done, self._failed)

    def _write_scan(self, found: Case) -> None:
        """Write a scan's voxels off the window's thread, then add it to the case as one quick change."""
        session = self._window.session
        folder = session.folder

        def work(task: Task) -> Case:
            return session.written(found, task)

        def done(written: Case) -> None:
            if session.folder is not folder:
                return
            session.change_case(f"Add scan {written.images[0].title}", session.case.with_scans(written))
            self._bench.following.choose_other(session.case.images[-1].id)

        self._window.jobs.start(WORK, "Keeping the scan", work, told(self._window, done), self._failed)

    def _register(self, is_local: bool) -> None:
        pair = self._bench.following.pair
        if pair is None:
            return

        def work(task: Task) -> Any:
            return make_registration(pair, is_local, task)

        self._window.jobs.start(
            WORK, "Registering the scans", work, self._bench.following.show_registration, self._failed
        )

    def _carry(self) -> None:
        following, session = self._bench.following, self._window.session
        pair, registration = following.pair, following.registration
        if pair is None or registration is None:
            return
        plan = session.recorded_plan

        case = session.case

        def work(task: Task) -> CarriedOver:
            carried = make_carried_over(pair, registration, plan, task.part(0.0, 0.8))
            return written_over(session, carried, task.part(0.8, 1.0))

        def done(carried: CarriedOver) -> None:
            if session.case is not case or session.recorded_plan != plan:
                raise PlannerError(
                    "Case or plan were changed while the plan was carried over.",
                    plan.name,
                    "Carry it over again.",
                )
            take_carried_over(session, carried)
            self._window.afterwards_panel.fit.say_carried(carried.words)
            self._window.status.say("The plan is carried over; it is judged there now.")

        self._window.jobs.start(WORK, "Carrying the plan over", work, told(self._window, done), self._failed)

    def _choose_drawn(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(
            self._window, "Structures drawn on the other scan: label maps, DICOM SEG, meshes, zips"
        )
        if paths:
            self.add_drawn([Path(p) for p in paths])

    def add_drawn(self, paths: list[Path]) -> None:
        """Read segmentations that were made on the other scan, onto its lattice; can be undone."""
        from planner.io.importing import read_structures

        session, pair = self._window.session, self._bench.following.pair
        if pair is None:
            return
        case = session.case

        def work(task: Task) -> tuple[Case, Any]:
            found = read_structures(paths, pair.other, task=task.part(0.0, 0.8))
            changed = self._bench.bringing.with_drawn(case, pair, found.structures)
            return session.written(changed, task.part(0.8, 1.0)), found.report

        def done(read: tuple[Case, Any]) -> None:
            changed, report = read
            if session.case is not case:
                raise PlannerError(
                    "The case was changed while structures were read.", pair.other.title, "Add them again."
                )
            session.change_case(f"Add structures of {pair.other.title}", changed)
            self._window.work.say_report(report)

        self._window.jobs.start(WORK, "Reading structures", work, told(self._window, done), self._failed)

    def _bring(self) -> None:
        bringing, window = self._bench.bringing, self._window
        try:
            asked = bringing.asked()
        except PlannerError as error:
            self._failed(error)
            return

        def work(task: Task) -> Brought:
            return bringing.make(asked, task)

        def done(brought: Brought) -> None:
            name = bringing.take(brought)
            window.status.say(f"{name} is a structure of the planning scan now.")

        window.jobs.start(WORK, "Bringing the structure over", work, told(window, done), self._failed)

    def _failed(self, error: PlannerError) -> None:
        show_error(self._window, error)
