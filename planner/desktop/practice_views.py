"""What the views show of an attempt: nothing that judges it while it is blind, and both plans once it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.practice.exercise import Conditions
from planner.practice.landing import Landing
from planner.practice.revealing import Revealed
from planner.scene.palette import LYING_COLOR, PLANNED_COLOR, REFERENCE_COLOR
from planner.scene.plan_layer import PlanLayer, SpaceAlone

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

REFERENCE, PLANNED, LYING = "practice_reference", "practice_planned", "practice_lying"
#: Of the answer of electroporation.
FIELD, FIELD_ZONE = "electric_field_v_per_cm", "ire_zone"


class PracticeViews:
    """Shows and hides in the views of a window.

    Parameters
    ----------
    window
        The window.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def blind(self, conditions: Conditions) -> None:
        """Show no answer, and only the views an exercise allows."""
        self.clear()
        self._window.views.limit(conditions.slices_only, conditions.axial_only)

    def clear(self) -> None:
        """Show all views, and nothing of an attempt."""
        views = self._window.views
        views.limit(False, False)
        for name in (REFERENCE, PLANNED, LYING):
            views.show_layer(name, None)
        self.hide_answer()

    def show_lying(self, landing: Landing | None) -> None:
        """In 3D, where there is no scan, the needles stand as they lie beside the plan."""
        layer = None
        if landing is not None:
            layer = SpaceAlone(PlanLayer(landing.scanned, LYING_COLOR, shows_zones=False))
        self._window.views.show_layer(LYING, layer)

    def show_answer(self, revealed: Revealed) -> None:
        """Colour the lesion by its margin, and lay the field over the slices where there is one."""
        answer, views = revealed.scored.answer, self._window.views
        zone = next((s for s in answer.surfaces if s.name == FIELD_ZONE), None)
        field = next((f for f in answer.fields if f.name == FIELD), None)
        views.space.show_margins(answer.surfaces)
        views.show_field(field, zone)

    def hide_answer(self) -> None:
        """Take the answer off the views."""
        self._window.views.space.show_margins(())
        self._window.views.show_field(None, None)

    def show_beside(self, revealed: Revealed, reference: int | None, is_planned: bool) -> None:
        """Lay a reference, and what was planned before the table, over the views.

        Parameters
        ----------
        revealed
            The attempt.
        reference
            Which of the exercise's references; None shows none.
        is_planned
            Whether the plan before the table is shown.
        """
        views = self._window.views
        plan = revealed.exercise.references[reference].plan if reference is not None else None
        beside = PlanLayer(plan, REFERENCE_COLOR, "reference") if plan is not None else None
        views.show_layer(REFERENCE, beside)
        before = PlanLayer(revealed.planned, PLANNED_COLOR, "planned") if is_planned else None
        views.show_layer(PLANNED, before)
