"""What ties the mode Afterwards together: its long work off the window's thread, and what the views show."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.afterwards_scans import WORK, AfterwardsScans, told
from planner.desktop.messages import show_error
from planner.model.case import Case
from planner.model.plan import Point
from planner.model.structures import StructureSet
from planner.session.achieving import AchievedAnswer
from planner.session.brushing import NAME, TAKE, Brush, with_zone
from planner.session.residual import residual_name, with_residual
from planner.session.scan_pairs import LaidOver, NextClick, make_laid_over

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

#: The overlay is made beside the mode's other work.
OVERLAY = "overlay"


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
        #: The surface of what the newest answer says is left.
        self._left: Any = None
        panel, bench = window.afterwards_panel, window.bench
        self.scans = AfterwardsScans(window)
        panel.place_asked.connect(window.go_to)
        panel.zone.trouble.connect(self._failed)
        panel.zone.take_asked.connect(self._take_zone)
        panel.margin.judge_asked.connect(self._judge)
        panel.margin.keep_asked.connect(self._keep_residual)
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
        self._laying = self._painted = self._left = None
        self._window.jobs.cancel(WORK)
        for tool in (bench.placed, bench.achieving, bench.brushing, bench.bringing, bench.following):
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
        if not (following.is_on and window.session.is_open):
            return
        if not following.is_laid_old:
            # As after an undo and a redo: what was asked for in between is wanted no more.
            if self._laying is not None:
                window.jobs.cancel(OVERLAY)
                self._laying = None
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

    # keeping ------------------------------------------------------------------------------

    def _change_structures(
        self,
        title: str,
        label: str,
        make: Callable[[StructureSet, Task], StructureSet],
        then: Callable[[], None],
    ) -> None:
        """Make and write a change of the structures off the window's thread, then record it.

        Where the structures were changed meanwhile, it is made anew of what they are now.
        """
        session = self._window.session
        case, folder = session.case, session.folder

        def work(task: Task) -> StructureSet:
            changed = make(case.structures, task.part(0.0, 0.5))
            alone = Case(case.id, case.title, structure_sets=(changed,))
            return session.written(alone, task.part(0.5, 1.0)).structures

        def done(structures: StructureSet) -> None:
            if session.folder is not folder or session.case.id != case.id:
                return
            if session.case.structures is not case.structures:
                self._change_structures(title, label, make, then)
                return
            session.change_structures(label, structures)
            then()

        self._window.jobs.start(WORK, title, work, told(self._window, done), self._failed)

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

        def done(grown: Any) -> None:
            brushing.show_grown(subject, grown)

        self._window.jobs.start(WORK, "Growing the zone", work, told(self._window, done), self._failed)

    def _take_zone(self) -> None:
        brushing = self._bench.brushing
        try:
            zone = brushing.drawn()
        except PlannerError as error:
            self._failed(error)
            return

        def make(structures: StructureSet, task: Task) -> StructureSet:
            task.report(0.0, "Taking the zone")
            return with_zone(structures, zone)

        def then() -> None:
            brushing.taken(zone)
            self._window.afterwards_panel.zone_taken(NAME)

        self._change_structures("Taking the zone", TAKE, make, then)

    def _keep_residual(self) -> None:
        answer = self._bench.achieving.answer
        if answer is None:
            return
        subject = answer.subject

        def make(structures: StructureSet, task: Task) -> StructureSet:
            return with_residual(structures, subject.lesion, subject.zone, task)

        name = residual_name(subject.lesion)
        self._change_structures(
            "Keeping what is left",
            f"Keep {name}",
            make,
            lambda: self._window.status.say(f"{name} is a lesion of the case now: plan it as any other."),
        )

    def _judge(self) -> None:
        achieving = self._bench.achieving
        try:
            subject = achieving.subject()
        except PlannerError as error:
            achieving.fail(error)
            return

        def work(task: Task) -> tuple[AchievedAnswer, Any]:
            from planner.scene.residual_cut import residual_surface

            answer = achieving.make(subject, task)
            here = next((r for r in answer.residual if r.image == subject.pair.planning.id), None)
            return answer, None if here is None else residual_surface(here.mask, here.grid)

        def done(made: tuple[AchievedAnswer, Any]) -> None:
            answer, self._left = made
            achieving.show(answer)

        self._window.jobs.start(WORK, "Judging the margin", work, done, achieving.fail)

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
        judge = told(self._window, lambda answers: placed.judge_as_placed(planned, answers))
        if known:
            judge(known)
            return

        def work(task: Task) -> Any:
            return placed.make_planned(case, planned, task)

        self._window.jobs.start(
            WORK,
            "Judging the plan as planned",
            work,
            judge,
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
        if wanted is not self._painted:
            window.views.space.show_residual(self._left if wanted is not None else None)
            window.views.refresh_slices()
        self._painted = wanted
