"""What ties the mode Catheter together: layers over the views, live numbers, suggestions off the window's thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.dose_work import DoseWork
from planner.desktop.messages import show_error
from planner.desktop.over_space import OverSpace
from planner.model.assessment import Surface
from planner.model.case import Case
from planner.model.points import Point
from planner.planning.perfusion import Perfusion, PerfusionGround
from planner.scene.drawn_catheters import (
    CatheterLayer,
    ShownCatheter,
    perfusion_look,
    perfusion_overlay,
    tip_color,
)
from planner.scene.label_overlay import LabelLook, LabelOverlay, part_surface
from planner.scene.layers import Mesh
from planner.scene.vessel_layers import BrushLayer
from planner.session.catheter_placing import MODULES, CatheterPointer
from planner.session.perfused_painting import PaintedVolume
from planner.session.pointing import Pointer

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow
    from planner.planning.tip_suggesting import TipChoice

#: How solid what is fed stands in 3D.
FED_OPACITY = 0.35
#: What is painted is tinted more strongly than what is fed.
PAINTED_TINT = 0.5


class CatheterWork(QObject):
    """Shows catheters of the plan in every mode, and takes the mouse in its own.

    Parameters
    ----------
    window
        The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.is_on = False
        self.pointer = CatheterPointer(window.session, window.bench.catheters, window.bench.painting)
        self._over_space = OverSpace(window)
        self.pointer.eye = self._over_space.eye
        self.layer = CatheterLayer()
        self.fed: LabelOverlay | None = None
        self._fed_of: object = None
        self._meshed: object = None
        self._is_shown = False
        self.brush = BrushLayer()
        self._painted: LabelOverlay | None = None
        self._kept: PaintedVolume | None = None
        self.dose = DoseWork(window, window.catheter_panel.dose, self.show_catheters)
        window.bench.catheters.changed.connect(self._placing_changed)
        window.bench.painting.changed.connect(self._painting_changed)
        for view in window.views.every_slice:
            view.hovered.connect(self._hovered)
        window.catheter_panel.suggest_asked.connect(self.suggest)
        window.session.dragged.connect(self._dragged)

    def switch(self, is_on: bool) -> None:
        """Begin or end the mode."""
        if is_on == self.is_on:
            return
        self.is_on = is_on
        bench = self._window.bench
        self._over_space.switch(is_on)
        if is_on:
            bench.pointer = self.pointer
            self._make_ready()
        else:
            bench.catheters.stop()
            bench.painting.switch(False)
            if bench.pointer is self.pointer:
                bench.pointer = Pointer()
        self.dose.switch(is_on)
        self.follow()

    def _make_ready(self) -> None:
        session = self._window.session
        if session.is_open:
            session.judgements.make_ready(session.case, MODULES[self._window.bench.catheters.agent])

    def follow(self) -> None:
        """Case, plan, selection or answers changed."""
        self.dose.follow()
        if not self._window.session.is_open:
            return
        if self._window.session.is_dragging:  # catheters are drawn once for each move, after its numbers
            if self.is_on:
                self._window.catheter_panel.refresh_judgement()
            return
        self._window.bench.painting.follow()
        if self.is_on:
            self._make_ready()
            self._window.catheter_panel.refresh()
        self.show_catheters()

    def forget(self) -> None:
        """Another case: nothing that is drawn is of it."""
        self._window.jobs.cancel("fed")
        self._window.jobs.cancel("tips")
        self._window.jobs.cancel("painted")
        self._window.bench.catheters.forget()
        self._window.bench.painting.forget()
        self.dose.forget()
        for name in ("fed", "painted", "brush", "catheters"):
            self._window.views.show_layer(name, None)
        self.fed = self._fed_of = self._meshed = None
        self._is_shown = False

    def _placing_changed(self) -> None:
        if self.is_on:
            self._window.catheter_panel.refresh()
            self._window.update_actions()
            self.show_catheters()

    # drawing -------------------------------------------------------------------------------

    def show_catheters(self, is_dragged: bool = False) -> None:
        """Draw the catheters of the plan as it is; what they feed in the mode alone, and not under a dose."""
        views, placing = self._window.views, self._window.bench.catheters
        targets = placing.targets
        if not targets:
            if self._is_shown:
                for name in ("fed", "catheters"):
                    views.show_layer(name, None)
                self._is_shown, self.fed, self._fed_of = False, None, None
            return
        chosen, shown = placing.chosen, []
        for number, target in enumerate(targets):
            way = placing.way(target)
            shown.append(
                ShownCatheter(
                    target.id,
                    tip_color(number),
                    target.position_lps_mm if way is None else way.tip_lps_mm,
                    np.zeros((0, 3)) if way is None else way.line_lps_mm,
                    None if way is None else way.tree,
                    () if way is None else way.beyond,
                    target is chosen and self.is_on,
                )
            )
        self.layer.show(shown)
        is_tinted = self.is_on and self.dose.shown is None  # two tints make a colour of neither legend
        self._show_fed(placing.ground if is_tinted else None, is_dragged)
        if not self._is_shown:
            self._is_shown = True
            views.show_layer("catheters", self.layer)
        else:
            views.refresh_layers()

    def _show_fed(self, ground: PerfusionGround | None, is_dragged: bool) -> None:
        """Tint what the tips feed on slices at once, and in 3D when nothing moves."""
        views = self._window.views
        if ground is None:
            if self.fed is not None:
                self.fed, self._fed_of = None, None
                views.show_layer("fed", None)
            return
        try:
            classes = dict(Perfusion(ground, self._window.bench.catheters.targets).classes)
        except PlannerError:  # the module says what is wrong
            classes = dict[str, npt.NDArray[np.bool_]]()
        painted = self._window.bench.painting.shown
        if painted is not None and painted[0] in classes:  # it is shown as it is painted
            classes[painted[0]] = np.zeros(ground.liver.classes, dtype=bool)
        if self.fed is None or self._fed_of is not ground:
            self._fed_of, self._meshed = ground, None
            self.fed = perfusion_overlay(ground.liver.codes, ground.liver.grid, classes, ground.liver.classes)
            views.show_layer("fed", self.fed)
            views.show_layer("catheters", self.layer)
            self._is_shown = True
        self.fed.look = perfusion_look(classes, ground.liver.classes)
        if is_dragged:
            self.fed.parts = ()
            self._meshed = None
            return
        key = tuple((id, c.tobytes()) for id, c in classes.items())
        if key != self._meshed:
            self._meshed = key
            self._mesh(ground, classes, self.fed)

    def _mesh(
        self, ground: PerfusionGround, classes: Mapping[str, npt.NDArray[np.bool_]], overlay: LabelOverlay
    ) -> None:
        def work(task: Task) -> list[tuple[Surface | None, str]]:
            found = []
            for number, own in enumerate(classes.values()):
                task.report(number / max(len(classes), 1), "Surface of what is fed")
                found.append((part_surface(ground.mask(own), ground.liver.grid), tip_color(number)))
            return found

        def done(found: list[tuple[Surface | None, str]]) -> None:
            if overlay is self.fed:
                overlay.parts = tuple(Mesh(s, color, FED_OPACITY) for s, color in found if s is not None)
                self._window.views.refresh_layers()

        self._window.jobs.start("fed", "Surface of what is fed", work, done, self._failed)

    def _dragged(self) -> None:
        self.dose.follow()
        if self._window.session.plan.catheter_targets:
            self.show_catheters(is_dragged=True)

    # painting ------------------------------------------------------------------------------

    def _painting_changed(self) -> None:
        if not self._window.session.is_open:
            return
        self.dose.follow()
        painting, views = self._window.bench.painting, self._window.views
        shown = painting.shown if self.is_on else None
        if shown is None:
            if self._painted is not None:
                self._painted = None
                views.show_layer("painted", None)
                self.show_catheters()
        else:
            id, mask, grid = shown
            if self._painted is None or self._painted.labels is not mask:
                number = [t.id for t in self._window.bench.catheters.targets].index(id)
                look = LabelLook.of(2, {1: tip_color(number)}, tint=PAINTED_TINT)
                self._painted = LabelOverlay(mask, grid, look)
                views.show_layer("painted", self._painted)
                self.show_catheters()
            self._painted.revision = painting.revision
        self.brush.radius_mm = painting.radius_mm if painting.is_on else 0.0
        views.show_layer("brush", self.brush if painting.is_on else None)
        views.refresh_slices()
        self._keep_painted()
        if self.is_on:
            self._window.catheter_panel.tip.refresh()
            self._window.update_actions()

    def _keep_painted(self) -> None:
        """Make what was painted a change of the case; a further stroke follows when it is done."""
        window, painting = self._window, self._window.bench.painting
        volume = painting.waiting
        if volume is None or self._kept is not None:
            return
        self._kept, asked = volume, window.session.case

        def work(task: Task) -> Case:
            return painting.make(volume, asked, task)

        def done(case: Case) -> None:
            self._kept = None
            try:
                painting.take(volume, asked, case)
            except PlannerError as error:
                window.status.say(" ".join(t for t in (error.what, error.todo) if t))
            self._keep_painted()

        def failed(error: PlannerError) -> None:
            self._kept = None
            painting.forget()
            self._failed(error)

        window.jobs.start("painted", f"Paint {volume.name}", work, done, failed)

    def _hovered(self, lps_mm: Point) -> None:
        if self.is_on and self.brush.radius_mm:
            self.brush.at_lps_mm = lps_mm
            self._window.views.refresh_slices()

    # suggesting ----------------------------------------------------------------------------

    def suggest(self, lesions: tuple[str, ...]) -> None:
        """Look for tips that feed some lesions."""
        window, placing = self._window, self._window.bench.catheters
        try:
            asked = placing.asked(lesions)
        except PlannerError as error:
            show_error(window, error)
            return

        def work(task: Task) -> tuple[TipChoice, ...]:
            return placing.suggest(asked, task)

        def done(choices: tuple[TipChoice, ...]) -> None:
            placing.show(asked, choices)

        window.jobs.start("tips", "Tips that feed the lesions", work, done, self._failed)

    def _failed(self, error: PlannerError) -> None:
        show_error(self._window, error)
