"""What ties the mode Paths together: the map follows what is selected, suggestions follow the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.messages import show_error
from planner.model.assessment import Surface
from planner.session.accessing import AccessAnswer, AccessSubject

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

#: The map is made anew so long after the last change.
MAP_AFTER_MS = 250


class PathWork(QObject):
    """Makes access maps off the window's thread, and shows them.

    Parameters
    ----------
    window
        The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._asked: tuple[object, AccessSubject, object] | None = None
        self._painted: object = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(MAP_AFTER_MS)
        self._timer.timeout.connect(self._map)
        bench = window.bench
        bench.accessing.changed.connect(self._access_changed)
        bench.suggesting.changed.connect(self._suggestions_changed)
        window.paths_panel.suggest_asked.connect(self._suggest)

    def switch(self, is_on: bool) -> None:
        """Begin or end the mode."""
        bench = self._window.bench
        if is_on == bench.accessing.is_on:
            return
        if not is_on:
            bench.suggesting.look_away()
            self._window.jobs.cancel("access")
        self._asked = None
        bench.accessing.switch(is_on)
        if is_on:
            self.follow()

    def follow(self) -> None:
        """Case, plan or selection changed: make the map anew where its subject did."""
        if self._window.bench.accessing.is_on and self._window.session.is_open:
            self._timer.start()
            self._window.paths_panel.refresh()

    def forget(self) -> None:
        """Another case: nothing that was found is of it."""
        self._asked = None
        self._window.bench.suggesting.clear()
        accessing = self._window.bench.accessing
        accessing.switch(accessing.is_on and self._window.session.is_open)

    def _map(self) -> None:
        window, bench = self._window, self._window.bench
        if not (bench.accessing.is_on and window.session.is_open):
            return
        subject = bench.accessing.subject(bench.placing.device, bench.placing.settings)
        if subject is None:
            error = PlannerError(
                "There is no lesion to look for paths to.", "", "Mark a lesion in the mode Structures."
            )
            bench.accessing.fail(error)
            return
        try:
            rules = window.session.judgements.access_rules(window.session.recorded_plan)
        except PlannerError as error:
            bench.accessing.fail(error)
            return
        asked = (window.session.case.structures, subject, rules)
        if self._asked is not None and self._asked[0] is asked[0] and self._asked[1:] == asked[1:]:
            return
        self._asked = asked

        def work(task: Task) -> AccessAnswer:
            return bench.accessing.make(subject, rules, task)

        window.jobs.start("access", "Testing the skin", work, bench.accessing.show, self._failed)

    def _failed(self, error: PlannerError) -> None:
        self._window.bench.accessing.fail(error)

    def _suggest(self, module: str, lesion: str, goal: dict[str, object]) -> None:
        try:
            self._window.bench.suggesting.ask(module, lesion, goal)
        except PlannerError as error:
            show_error(self._window, error)

    def _access_changed(self) -> None:
        views, answer = self._window.views, self._window.bench.accessing.answer
        if answer is not self._painted:
            self._painted = answer
            surface: Surface | None = None
            if answer is not None:
                from planner.scene.surface_cuts import access_surface

                surface = access_surface(answer.access)
            views.show_skin(surface)
        if self._window.session.is_open:
            views.space.show_plan()
        views.refresh_slices()
        self._window.paths_panel.refresh()

    def _suggestions_changed(self) -> None:
        if self._window.bench.suggesting.looked_at is not None:
            self._window.bench.accessing.look_away()
        self._window.paths_panel.refresh()
        self._window.show_progress()
        self._window.update_actions()
