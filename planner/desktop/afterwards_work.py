"""What ties the mode Afterwards together: its long work off the window's thread, and what the views show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.messages import ask, show_error
from planner.desktop.opening import SeriesDialog
from planner.model.plan import Point
from planner.session.achieving import AchievedAnswer
from planner.session.brushing import Brush
from planner.session.carrying import CarriedOver, make_carried_over, take_carried_over
from planner.session.following_up import NextClick
from planner.session.scan_pairs import LaidOver, make_laid_over, make_registration

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

#: One job of this kind at a time; the overlay is made beside it.
WORK, OVERLAY = "afterwards", "overlay"


class AfterwardsWork(QObject):
    """Registers, grows, judges and proposes for the window's mode Afterwards.

    Parameters
    ----------
    window
        The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._bench = window.bench
        self._laying: object = None
        self._painted: AchievedAnswer | None = None
        panel, bench = window.afterwards_panel, window.bench
        panel.place_asked.connect(window.go_to)
        panel.fit.register_asked.connect(self._register)
        panel.fit.folder_asked.connect(self._choose_folder)
        panel.fit.files_asked.connect(self._choose_files)
        panel.fit.carry_asked.connect(self._carry)
        panel.zone.trouble.connect(self._failed)
        panel.margin.judge_asked.connect(self._judge)
        panel.margin.second_asked.connect(self._propose)
        panel.needles.find_asked.connect(self._find)
        panel.needles.judge_asked.connect(self._judge_placed)
        bench.following.pointed.connect(self._pointed)
        bench.following.changed.connect(self._following_changed)
        bench.following.look_changed.connect(window.views.refresh_slices)
        bench.brushing.changed.connect(self._drawn)
        bench.achieving.changed.connect(self._show_margins)
        bench.placed.changed.connect(self._placed_changed)

    # the mode ------------------------------------------------------------------------------

    def switch(self, is_on: bool) -> None:
        """Begin or end the mode."""
        bench = self._bench
        if is_on == bench.following.is_on:
            return
        if not is_on:
            bench.achieving.look_away()
            bench.brushing.choose_brush(Brush.OFF)
            self._window.jobs.cancel(OVERLAY)
            self._laying = None
        bench.following.switch(is_on)
        self._show_margins()
        self._placed_changed()
        self.follow()

    def follow(self) -> None:
        """Case, plan or selection changed: lay the scans over each other anew where they did."""
        following = self._bench.following
        if not (following.is_on and self._window.session.is_open):
            return
        self._window.afterwards_panel.refresh()
        self._lay_over()

    def forget(self) -> None:
        """Another case: nothing that was found is of it."""
        bench = self._bench
        self._laying = self._painted = None
        for tool in (bench.placed, bench.achieving, bench.brushing, bench.following):
            tool.clear()
        self._window.afterwards_panel.fit.say_carried("")
        self._window.session.judgements.changed.connect(lambda _id: self._judged())

    # the overlay ---------------------------------------------------------------------------

    def _following_changed(self) -> None:
        self._window.update_actions()
        self._lay_over()

    def _lay_over(self) -> None:
        """Make the overlay anew where it is old; asked for once."""
        window, following = self._window, self._bench.following
        if not (following.is_on and window.session.is_open and following.is_laid_old):
            return
        pair, lying = following.pair, following.lying
        if pair is None or lying is None:
            return
        key = (lying, pair.planning.id, pair.other.id)
        if self._laying == key:
            return
        self._laying = key

        def work(task: Task) -> LaidOver:
            return make_laid_over(pair, lying, task)

        def done(laid: LaidOver) -> None:
            self._laying = None
            following.show_laid_over(laid)

        def failed(error: PlannerError) -> None:
            show_error(window, error)

        window.jobs.start(OVERLAY, "Laying the scans over each other", work, done, failed)

    # scans ---------------------------------------------------------------------------------

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
            try:
                session.change_case(f"Add scan {found.images[0].title}", session.case.with_scans(found))
            except PlannerError as error:
                self._failed(error)
                return
            self._bench.following.choose_other(session.case.images[-1].id)

        self._window.jobs.start(WORK, "Reading the scan", work, done, self._failed)

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

        def work(task: Task) -> CarriedOver:
            return make_carried_over(pair, registration, plan, task)

        def done(carried: CarriedOver) -> None:
            take_carried_over(session, carried)
            self._window.afterwards_panel.fit.say_carried(carried.words)
            self._window.status.say("The plan is carried over; it is judged there now.")

        self._window.jobs.start(WORK, "Carrying the plan over", work, done, self._failed)

    # zone and margin -----------------------------------------------------------------------

    def _pointed(self, click: NextClick, lps_mm: Point) -> None:
        if click != NextClick.ZONE:
            return
        brushing = self._bench.brushing
        try:
            subject = brushing.subject(lps_mm)
        except PlannerError as error:
            self._failed(error)
            return

        def work(task: Task) -> Any:
            return brushing.make_grown(subject, task)

        self._window.jobs.start(
            WORK, "Growing the zone", work, lambda grown: brushing.show_grown(subject, grown), self._failed
        )

    def _judge(self) -> None:
        achieving = self._bench.achieving
        try:
            subject = achieving.subject()
        except PlannerError as error:
            achieving.fail(error)
            return

        def work(task: Task) -> AchievedAnswer:
            return achieving.make(subject, task)

        self._window.jobs.start(WORK, "Judging the margin", work, achieving.show, achieving.fail)

    def _propose(self, margin_mm: float) -> None:
        bench, achieving = self._bench, self._bench.achieving
        answer = achieving.answer
        if answer is None:
            return
        try:
            goal = achieving.goal(bench.placing.device, bench.placing.settings, margin_mm)
        except PlannerError as error:
            achieving.fail_second(error)
            return

        def work(task: Task) -> Any:
            return achieving.make_second(answer, goal, task)

        self._window.jobs.start(
            WORK, "Looking for a second probe", work, achieving.show_second, achieving.fail_second
        )

    # needles -------------------------------------------------------------------------------

    def _find(self, metal_hu: float) -> None:
        following, placed = self._bench.following, self._bench.placed
        pair, lying = following.pair, following.lying
        if pair is None or lying is None:
            return

        def work(task: Task) -> Any:
            return placed.make_found(pair, lying, metal_hu, task)

        self._window.jobs.start(WORK, "Looking for needles", work, placed.show, self._failed)

    def _judge_placed(self) -> None:
        placed, session = self._bench.placed, self._window.session
        planned, case = placed.planned, session.case
        known = session.judgements.current_answers(planned)
        if known:
            placed.judge_as_placed(planned, known)
            return

        def work(task: Task) -> Any:
            return placed.make_planned(case, planned, task)

        self._window.jobs.start(
            WORK,
            "Judging the plan as planned",
            work,
            lambda answers: placed.judge_as_placed(planned, answers),
            self._failed,
        )

    # showing -------------------------------------------------------------------------------

    def _failed(self, error: PlannerError) -> None:
        show_error(self._window, error)

    def _drawn(self) -> None:
        self._window.views.refresh_slices()

    def _placed_changed(self) -> None:
        self._window.views.refresh_slices()

    def _judged(self) -> None:
        if self._bench.following.is_on and self._window.session.is_open:
            self._show_margins()
            self._window.afterwards_panel.refresh()

    def _show_margins(self) -> None:
        """Paint the lesion in 3D by the achieved margin, in this mode; in others by the planned one."""
        achieving, window = self._bench.achieving, self._window
        if not window.session.is_open:
            return
        wanted = achieving.answer if self._bench.following.is_on and achieving.is_current else None
        if wanted is not None:
            window.views.space.show_margins((wanted.surface,))
        elif self._painted is not None:
            window.show_judged()
        self._painted = wanted
