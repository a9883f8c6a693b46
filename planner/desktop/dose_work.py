"""Shows the dose on the views of the mode Catheter: colours on slices, surfaces in 3D, words at the mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.messages import show_error
from planner.model.assessment import ScalarField
from planner.model.plan import Point

if TYPE_CHECKING:
    from planner.desktop.dose_part import DosePart
    from planner.desktop.window import MainWindow
    from planner.scene.layers import Mesh

LAYER = "isodoses"
TITLE = "Isodose surfaces"


class DoseWork(QObject):
    """Keeps what the views show of the dose in step with what is chosen and known.

    Parameters
    ----------
    window
        The window it works for.
    part
        Where a dose is chosen.
    on_change
        Called where a dose appears on the views or goes.
    """

    def __init__(self, window: MainWindow, part: DosePart, on_change: Callable[[], None]) -> None:
        super().__init__(window)
        self._window, self._part, self._on_change = window, part, on_change
        self.is_on = False
        #: What the views show now.
        self.shown: ScalarField | None = None
        self._meshes: dict[float, Mesh | None] = {}
        self._drawn: tuple[Mesh, ...] = ()
        part.showing.changed.connect(self.follow)

    def switch(self, is_on: bool) -> None:
        """Begin or end the mode."""
        if is_on == self.is_on:
            return
        self.is_on = is_on
        if is_on:
            self._window.views.show_field(None, None)  # another mode's
        self.follow()

    def follow(self) -> None:
        """The choice, the plan or its answer changed."""
        field = self._part.showing.field if self.is_on else None
        if self.is_on:
            self._part.refresh()
        if field is not self.shown:
            self.shown = field
            self._meshes = {}
            self._window.jobs.cancel(LAYER)
            # The field of another mode that took over stays.
            if self.is_on or not self._window.electrode_work.is_on:
                self._window.views.show_field(field, None)
            self._on_change()
        self._show_surfaces()

    def forget(self) -> None:
        """Another case: nothing that is shown is of it."""
        self._window.jobs.cancel(LAYER)
        self._part.showing.choose("")
        self.follow()

    def words_at(self, lps_mm: Point) -> str:
        """The dose at a point, for the status line; empty where none is shown or known."""
        if self.shown is None:
            return ""
        from planner.scene.dose_overlay import dose_at

        dose = dose_at(self.shown, lps_mm)
        return "" if dose is None else f"{dose:.0f} {self.shown.unit} ({self._part.showing.choice})"

    # surfaces ------------------------------------------------------------------------------

    def _show_surfaces(self) -> None:
        """Draw the chosen surfaces; those that are not made yet follow."""
        wanted = () if self.shown is None else self._part.showing.levels_gy
        levels = tuple(sorted({level for level in wanted if level > 0}, reverse=True))
        meshes = (self._meshes.get(level) for level in levels)
        drawn = tuple(m for m in meshes if m is not None)  # the inner one first: it is seen through the outer
        if drawn != self._drawn:
            from planner.scene.dose_overlay import IsodoseLayer

            self._drawn = drawn
            self._window.views.show_layer(LAYER, IsodoseLayer(drawn) if drawn else None)
        lacking = tuple(level for level in levels if level not in self._meshes)
        if self.shown is not None and lacking:
            self._make(self.shown, lacking)

    def _make(self, field: ScalarField, levels: tuple[float, ...]) -> None:
        def work(task: Task) -> dict[float, Mesh | None]:
            from planner.scene.dose_overlay import isodose_mesh

            found = {}
            for number, level in enumerate(levels):
                task.report(number / len(levels), f"Surface of {level:g} Gy")
                found[level] = isodose_mesh(field, level)
            return found

        def done(found: dict[float, Mesh | None]) -> None:
            if field is self.shown:
                self._meshes |= found
                self._show_surfaces()

        def failed(error: PlannerError) -> None:
            if field is self.shown:
                self._meshes |= dict.fromkeys(levels)
            show_error(self._window, error)

        self._window.jobs.start(LAYER, TITLE, work, done, failed)
