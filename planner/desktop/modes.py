"""The modes of the window: their buttons, their panels, and what ties each together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QMainWindow, QPushButton, QStackedWidget, QWidget

from planner.desktop.messages import show_error
from planner.desktop.plan_panel import PlanPanel
from planner.model.plan import Point
from planner.session.actions import Workbench

if TYPE_CHECKING:
    from planner.desktop.afterwards_panel import AfterwardsPanel
    from planner.desktop.afterwards_work import AfterwardsWork
    from planner.desktop.case_work import CaseWork
    from planner.desktop.catheter_panel import CatheterPanel
    from planner.desktop.catheter_work import CatheterWork
    from planner.desktop.electrode_panel import ElectrodePanel
    from planner.desktop.electrode_work import ElectrodeWork
    from planner.desktop.path_work import PathWork
    from planner.desktop.paths_panel import PathsPanel
    from planner.desktop.practice_panel import PracticePanel
    from planner.desktop.practice_work import PracticeWork
    from planner.desktop.resection_panel import ResectionPanel
    from planner.desktop.resection_work import ResectionWork
    from planner.desktop.simulation_panel import SimulationPanel
    from planner.desktop.structures_panel import StructuresPanel
    from planner.desktop.vessel_panel import VesselPanel
    from planner.desktop.vessel_work import VesselWork
    from planner.desktop.window import MainWindow


@dataclass(frozen=True)
class Mode:
    """One mode: its button, and the attribute of the window that is its panel."""

    id: str
    title: str
    tip: str
    panel: str


MODES = (
    Mode("ablation", "Ablation", "Place probes and judge them", "plan_panel"),
    Mode("ire", "IRE", "Irreversible electroporation: electrodes, pulses and the field", "electrode_panel"),
    Mode("resection", "Resection", "Draw what is taken out, and see what remains", "resection_panel"),
    Mode("catheter", "Catheter", "Tips in arteries: what they feed, activity and dose", "catheter_panel"),
    Mode("paths", "Paths", "Where a needle may enter, and plans to choose from", "paths_panel"),
    Mode("vessels", "Vessels", "Vessel trees, territories, and Couinaud's segments", "vessel_panel"),
    Mode("simulation", "Simulation", "Heat or cold by a model, with vessels that cool", "simulation_panel"),
    Mode("afterwards", "Afterwards", "Was it enough? Another scan laid over this one", "afterwards_panel"),
    Mode("structures", "Structures", "Mark a lesion, outline liver and skin", "structures_panel"),
    Mode("practice", "Practice", "Place needles without help, commit, and learn", "practice_panel"),
)


def flat_button(name: str, text: str, tip: str) -> QPushButton:
    """A button of the top bar that stays down."""
    button = QPushButton(text)
    button.setObjectName(name)
    button.setProperty("mode", True)
    button.setCheckable(True)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


class ModalWindow(QMainWindow):
    """A window whose right side shows the panel of the chosen mode.

    Modes other than the first are made when a case is opened: the first window must not wait for them.
    """

    bench: Workbench
    work: CaseWork
    right: QStackedWidget
    plan_panel: PlanPanel

    def make_mode_buttons(self) -> tuple[QPushButton, ...]:
        """A button for each mode, the first one down."""
        self.mode_buttons = QButtonGroup(self)
        for n, mode in enumerate(MODES):
            self.mode_buttons.addButton(flat_button(f"mode_{mode.id}", mode.title, mode.tip), n)
        self.mode_buttons.button(0).setChecked(True)
        self.mode_buttons.idClicked.connect(lambda n: self.choose_mode(MODES[n]))
        return tuple(b for b in self.mode_buttons.buttons() if isinstance(b, QPushButton))

    @property
    def whole(self) -> MainWindow:
        """The window this is the base of."""
        return cast("MainWindow", self)

    def is_in(self, panel: str) -> bool:
        """Whether a panel, by its attribute, is the one that is shown."""
        shown: QWidget | None = self.__dict__.get(panel)
        return shown is not None and self.right.currentWidget() is shown

    def choose_mode(self, mode: Mode) -> None:
        """Show the panel of a mode, and begin and end what belongs to modes."""
        self.right.setCurrentWidget(getattr(self, mode.panel))
        self.path_work.switch(self.is_in("paths_panel"))
        self.afterwards_work.switch(self.is_in("afterwards_panel"))
        self.electrode_work.switch(self.is_in("electrode_panel"))
        self.resection_work.switch(self.is_in("resection_panel"))
        self.vessel_work.switch(self.is_in("vessel_panel"))
        self.catheter_work.switch(self.is_in("catheter_panel"))
        if "practice_work" in self.__dict__ or self.is_in("practice_panel"):
            self.practice_work.switch(self.is_in("practice_panel"))
        self.bench.placing.cancel()
        self.bench.outlining.cancel()

    def choose_mode_of(self, id: str) -> None:
        """Go to a mode by its id, as its button does."""
        number = next(n for n, mode in enumerate(MODES) if mode.id == id)
        self.mode_buttons.button(number).click()

    def mark_practice(self) -> None:
        """A dot on the mode Practice where an attempt waits since the program ended."""
        practising = self.bench.practising
        waits = not practising.is_on and practising.journal.path.exists()
        number = next(n for n, mode in enumerate(MODES) if mode.id == "practice")
        button = self.mode_buttons.button(number)
        button.setText(f"{MODES[number].title} •" if waits else MODES[number].title)
        button.setToolTip("An attempt is open: go on with it here" if waits else MODES[number].tip)

    def lock_modes(self, but: str) -> None:
        """Keep all modes but one from being chosen; an empty id gives them free."""
        for n, mode in enumerate(MODES):
            button, is_free = self.mode_buttons.button(n), but in ("", mode.id)
            button.setEnabled(is_free)
            button.setToolTip(mode.tip if is_free else "End the exercise first.")

    def go_to(self, lps_mm: Point) -> None:
        """Move the crosshair to a place, in all views."""
        self.bench.session.selection.move_cursor(lps_mm)

    def show_settings(self, module: str, drawer: str = "") -> None:
        """The form of a module's settings."""
        from planner.desktop.module_settings import ModuleSettings

        ModuleSettings(self.bench.session, module, self, drawer=drawer).open()

    # panels and what ties them together ----------------------------------------------------

    @cached_property
    def electrode_panel(self) -> ElectrodePanel:
        """The panel of the mode IRE."""
        from planner.desktop.electrode_panel import ElectrodePanel

        panel = ElectrodePanel(self.bench)
        panel.place_asked.connect(self.go_to)
        panel.settings_asked.connect(self.show_settings)
        panel.trouble.connect(lambda error: show_error(self, error))
        self.right.addWidget(panel)
        return panel

    @cached_property
    def electrode_work(self) -> ElectrodeWork:
        """What ties the mode IRE together."""
        from planner.desktop.electrode_work import ElectrodeWork

        return ElectrodeWork(self.whole)

    @cached_property
    def resection_panel(self) -> ResectionPanel:
        """The panel of the mode Resection."""
        from planner.desktop.resection_panel import ResectionPanel

        panel = ResectionPanel(self.bench)
        panel.place_asked.connect(self.go_to)
        panel.settings_asked.connect(self.show_settings)
        panel.trouble.connect(lambda error: show_error(self, error))
        panel.segments_asked.connect(self._show_segments)
        self.right.addWidget(panel)
        return panel

    def _show_vessels(self) -> None:
        """Go where vessels are found and drawn."""
        self.choose_mode_of("vessels")

    def _show_scans(self, image: str) -> None:
        """Go where further scans are added and registered, to one of them where it is named."""
        self.choose_mode_of("afterwards")
        if image:
            self.bench.following.choose_other(image)

    def _show_segments(self) -> None:
        """Go where the liver's segments are made."""
        self._show_vessels()
        self.vessel_panel.show_segments()

    @cached_property
    def catheter_panel(self) -> CatheterPanel:
        """The panel of the mode Catheter."""
        from planner.desktop.catheter_panel import CatheterPanel

        panel = CatheterPanel(self.bench)
        panel.place_asked.connect(self.go_to)
        panel.settings_asked.connect(self.show_settings)
        panel.trouble.connect(lambda error: show_error(self, error))
        panel.vessels_asked.connect(self._show_vessels)
        panel.drawer_asked.connect(self.show_settings)
        panel.scans_asked.connect(self._show_scans)
        self.right.addWidget(panel)
        return panel

    @cached_property
    def catheter_work(self) -> CatheterWork:
        """What ties the mode Catheter together."""
        from planner.desktop.catheter_work import CatheterWork

        return CatheterWork(self.whole)

    @cached_property
    def resection_work(self) -> ResectionWork:
        """What ties the mode Resection together."""
        from planner.desktop.resection_work import ResectionWork

        return ResectionWork(self.whole)

    @cached_property
    def paths_panel(self) -> PathsPanel:
        """The panel of the mode Paths."""
        from planner.desktop.paths_panel import PathsPanel

        panel = PathsPanel(self.bench)
        panel.place_asked.connect(self.go_to)
        self.right.addWidget(panel)
        return panel

    @cached_property
    def path_work(self) -> PathWork:
        """What ties the mode Paths together."""
        from planner.desktop.path_work import PathWork

        return PathWork(self.whole)

    @cached_property
    def vessel_panel(self) -> VesselPanel:
        """The panel of the mode Vessels."""
        from planner.desktop.vessel_panel import VesselPanel

        panel = VesselPanel(self.bench)
        panel.place_asked.connect(self.go_to)
        panel.trouble.connect(lambda error: show_error(self, error))
        self.right.addWidget(panel)
        return panel

    @cached_property
    def vessel_work(self) -> VesselWork:
        """What ties the mode Vessels together."""
        from planner.desktop.vessel_work import VesselWork

        return VesselWork(self.whole)

    @cached_property
    def simulation_panel(self) -> SimulationPanel:
        """The panel of the mode Simulation."""
        from planner.desktop.simulation_panel import SimulationPanel

        panel = SimulationPanel(self.bench)
        panel.place_asked.connect(self.go_to)
        panel.settings_asked.connect(lambda id: self.show_settings(id, "Simulation"))
        self.right.addWidget(panel)
        return panel

    @cached_property
    def afterwards_panel(self) -> AfterwardsPanel:
        """The panel of the mode Afterwards."""
        from planner.desktop.afterwards_panel import AfterwardsPanel

        panel = AfterwardsPanel(self.bench)
        self.right.addWidget(panel)
        return panel

    @cached_property
    def afterwards_work(self) -> AfterwardsWork:
        """What ties the mode Afterwards together."""
        from planner.desktop.afterwards_work import AfterwardsWork

        return AfterwardsWork(self.whole)

    @cached_property
    def practice_panel(self) -> PracticePanel:
        """The panel of the mode Practice."""
        from planner.desktop.practice_panel import PracticePanel

        panel = PracticePanel(self.bench)
        self.right.addWidget(panel)
        return panel

    @cached_property
    def practice_work(self) -> PracticeWork:
        """What ties the mode Practice together."""
        from planner.desktop.practice_work import PracticeWork

        return PracticeWork(self.whole)

    @cached_property
    def structures_panel(self) -> StructuresPanel:
        """The panel of the mode Structures."""
        from planner.desktop.structures_panel import StructuresPanel

        panel = StructuresPanel(self.bench)
        panel.trouble.connect(lambda error: show_error(self, error))
        panel.skin_asked.connect(self.work.propose_skin)
        self.right.addWidget(panel)
        return panel
