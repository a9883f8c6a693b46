"""What embolizations close, laid over the views while the page Growth is open; clicks there that close branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.tree_part import tree_color
from planner.model.assessment import Surface
from planner.model.points import Point
from planner.scene.closed_branches import ClosedLayer
from planner.scene.label_overlay import part_surface
from planner.session.branch_closing import BranchCloser
from planner.session.closed_territories import AskedClosure, ClosedLiver, FoundClosure

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

LAYER, JOB = "closed", "closed"


class ClosedViews:
    """Shows what is closed, and works out the liver that is.

    Parameters
    ----------
    window
        Whose views.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._growing = window.bench.growing
        self.layer = ClosedLayer()
        self.closer = BranchCloser(window.session, window.bench.growing, window.bench.vessels.branches)
        self.closer.eye = self._eye
        self._is_shown = False
        self._asked: AskedClosure | None = None
        self._surface: tuple[ClosedLiver | None, Surface | None] = (None, None)

    def follow(self, is_on: bool, is_aside: bool) -> None:
        """Case, plan or page changed.

        Parameters
        ----------
        is_on
            Whether what is closed is looked at.
        is_aside
            Whether what is taken stands aside in 3D: there the closed tree would stand where nothing is.
        """
        window = self._window
        trees = self._growing.closed.trees if is_on else ()
        if not is_on or not trees:
            self._take_away()
            return
        self._find()
        liver = self._growing.closed.liver
        surface = self._surface[1] if self._surface[0] is liver else None
        self.layer.is_in_space = not is_aside
        colors = ("#{:02x}{:02x}{:02x}".format(*tree_color(window.bench, t.tree)) for t in trees)
        self.layer.show(list(zip(trees, colors, strict=True)), liver, surface)
        # Trees stand for the outlines they were found in.
        names = {n for t in trees for n in t.tree.structure.split(", ")}
        window.views.space.override_opacity({} if is_aside else dict.fromkeys(names, 0.0))
        if self._is_shown:
            window.views.refresh_layers()
        else:
            window.views.show_layer(LAYER, self.layer)
            self._is_shown = True

    def forget(self) -> None:
        """Another case: nothing that was found is of it."""
        self._window.jobs.cancel(JOB)
        self._asked, self._surface = None, (None, None)
        self._growing.closed.clear()
        self._take_away()
        self.layer = ClosedLayer()

    def _take_away(self) -> None:
        if self._asked is not None:
            self._window.jobs.cancel(JOB)
            self._asked = None
        if self._is_shown:
            self._is_shown = False
            self._window.views.show_layer(LAYER, None)
            self._window.views.space.override_opacity({})

    def _find(self) -> None:
        """Work out the closed liver and its surface, off the window's thread."""
        window, closed, asked = self._window, self._growing.closed, self._growing.closed.wanted()
        if asked is None or asked.is_as(self._asked):
            return
        self._asked = asked

        def work(task: Task) -> tuple[FoundClosure, Surface | None]:
            found = closed.make(asked, task.part(0.0, 0.8))
            liver = found.liver
            task.report(0.8, "Surface of what is closed")
            return found, part_surface(liver.mask, liver.grid) if liver is not None else None

        def done(answer: tuple[FoundClosure, Surface | None]) -> None:
            found, surface = answer
            self._asked = None
            closed.take(found)
            self._surface = (found.liver, surface)
            if found.trouble is not None:
                self._say(found.trouble)
            self._growing.changed.emit()

        def failed(error: PlannerError) -> None:
            self._say(error)

        window.jobs.start(JOB, "What is closed", work, done, failed)

    def _say(self, error: PlannerError) -> None:
        self._window.status.say(" ".join(t for t in (error.what, error.todo) if t))

    def _eye(self) -> Point | None:
        """From where the 3D view looks, while the mouse is over it."""
        space = self._window.views.space
        if not space.underMouse():
            return None
        x, y, z = space.scene.renderer.GetActiveCamera().GetPosition()
        return float(x), float(y), float(z)
