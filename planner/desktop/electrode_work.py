"""What ties the mode IRE together: the field over the views, the checklist, suggested arrays, the table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from planner.base.errors import PlannerError
from planner.desktop.electrode_panel import MODULE, NO_TABLE
from planner.desktop.messages import show_error
from planner.io.writing import write_atomically
from planner.model.assessment import ScalarField, Surface
from planner.model.roles import Role
from planner.session.judgement import JudgementState

if TYPE_CHECKING:
    from planner.desktop.suitability_dialog import SuitabilityDialog
    from planner.desktop.window import MainWindow

#: Where the field passes the threshold, in the module's answer.
ZONE = "ire_zone"


class ElectrodeWork(QObject):
    """Shows what the module says of electrodes, and asks it.

    Parameters
    ----------
    window
        The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.is_on = False
        self._dialog: SuitabilityDialog | None = None
        self._looked_at: int | None = None
        bench, panel = window.bench, window.electrode_panel
        bench.electrodes.changed.connect(panel.refresh)
        bench.placing.changed.connect(self.follow)
        bench.suggesting_electrodes.changed.connect(self._suggestions_changed)
        window.session.dragged.connect(self._dragged)
        panel.suggest_asked.connect(self._suggest)
        panel.suitability_asked.connect(self.show_suitability)
        panel.export_asked.connect(self.export_table)
        panel.overlay_asked.connect(self.follow)

    def switch(self, is_on: bool) -> None:
        """Begin or end the mode."""
        if is_on == self.is_on:
            return
        self.is_on = is_on
        if not is_on:
            self._window.bench.suggesting_electrodes.look_away()
            self._window.views.show_field(None, None)
        self.follow()

    def follow(self) -> None:
        """Case, plan, selection or answers changed."""
        if self.is_on and self._window.session.is_open:
            self._window.electrode_panel.refresh()
            self.show_field()
            if self._dialog is not None and self._dialog.isVisible():
                self._ask_suitability()

    def forget(self) -> None:
        """Another case: nothing that was found is of it."""
        self._window.bench.suggesting_electrodes.clear()
        self._window.bench.advising.clear()
        if self._dialog is not None:
            self._dialog.close()

    def show_field(self) -> None:
        """Lay the field of the whole answer over the views while it is of the plan as it is."""
        if not self.is_on:
            return
        field: ScalarField | None = None
        zone: Surface | None = None
        judgement = self._window.session.judgements.of(MODULE)
        answer = judgement.assessment
        if answer is not None and judgement.state == JudgementState.CURRENT:
            zone = next((s for s in answer.surfaces if s.name == ZONE), None)
            shown = self._window.electrode_panel.shown_field
            field = next((f for f in answer.fields if f.name == shown), None)
        self._window.views.show_field(field, zone)

    def show_suitability(self) -> None:
        """Open the checklist beside the window."""
        from planner.desktop.suitability_dialog import SuitabilityDialog

        if self._dialog is None:
            self._dialog = SuitabilityDialog(self._window.bench, self._window)
            self._dialog.place_asked.connect(self._window.go_to)
        self._dialog.show()
        self._dialog.raise_()
        self._ask_suitability()
        self._dialog.refresh()

    def _ask_suitability(self) -> None:
        session, advising = self._window.session, self._window.bench.advising
        structures = session.case.structures if session.case.structure_sets else None
        lesions = [s.name for s in structures.with_role(Role.LESION)] if structures is not None else []
        if not lesions:
            advising.fail(PlannerError("The case has no lesion.", "", "Mark one in the mode Structures."))
            return
        lesion = session.selection.lesion if session.selection.lesion in lesions else lesions[0]
        if not (advising.is_current and advising.lesion == lesion):
            advising.ask(MODULE, lesion)

    def export_table(self) -> None:
        """Write the pairs of the whole answer as a table."""
        from planner.report.pair_table import pair_table_csv

        judgement = self._window.session.judgements.of(MODULE)
        answer = judgement.assessment
        if answer is None or judgement.state != JudgementState.CURRENT:
            self._window.status.say(NO_TABLE)
            return
        name = f"{self._window.session.plan.name} pairs.csv"
        path, _ = QFileDialog.getSaveFileName(self._window, "Export the pairs", name, "Tables (*.csv)")
        if not path:
            return
        try:
            write_atomically(Path(path), pair_table_csv(answer).encode())
        except (OSError, PlannerError) as error:
            shown = (
                error
                if isinstance(error, PlannerError)
                else PlannerError(
                    "The table could not be written.", f"{path}: {error.strerror}", "Choose another place."
                )
            )
            show_error(self._window, shown)
            return
        self._window.status.say(f"The pairs are in {Path(path).name}.")

    def _suggest(self, module: str, lesion: str, goal: dict[str, object]) -> None:
        try:
            self._window.bench.suggesting_electrodes.ask(module, lesion, goal)
        except PlannerError as error:
            show_error(self._window, error)

    def _suggestions_changed(self) -> None:
        suggesting, panel = self._window.bench.suggesting_electrodes, self._window.electrode_panel
        if self.is_on:
            panel.suggested.refresh()
        number = suggesting.looked_at
        if number != self._looked_at:
            self._looked_at = number
            array = self._window.bench.electrodes.array
            if number is not None and array is not None:
                self._window.go_to(array.middle_lps_mm)
        self._window.show_progress()

    def _dragged(self) -> None:
        if self.is_on:
            self._window.electrode_panel.show_array()
            self._window.views.show_field(None, None)
