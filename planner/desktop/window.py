"""The main window: the case, the views, the plan, and what ties them together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QDialog,
    QHBoxLayout,
    QInputDialog,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.case_panel import CasePanel
from planner.desktop.case_work import CaseWork
from planner.desktop.jobs import Jobs
from planner.desktop.messages import ask, show_error
from planner.desktop.modes import ModalWindow, Mode, flat_button
from planner.desktop.opening import StartPage, TextDialog
from planner.desktop.pieces import Elided
from planner.desktop.plan_panel import PlanPanel
from planner.desktop.plan_work import PlanWork
from planner.desktop.post import MainThread
from planner.desktop.sheets import about_html, notes_html, shortcut_html
from planner.desktop.slice_mouse import Tool
from planner.desktop.status_line import StatusLine
from planner.desktop.theme import apply_theme, shown_theme
from planner.desktop.view_grid import ViewGrid
from planner.desktop.window_menus import WindowMenus
from planner.library.index import LibraryIndex
from planner.model.assessment import Surface
from planner.model.plan import Point
from planner.scene.heat_overlay import temperature_at
from planner.scene.palette import LIGHT, THEMES
from planner.session.actions import Action, Workbench
from planner.session.judgement import JudgementState
from planner.session.session import Session
from planner.session.user_settings import SettingsFile

#: The whole answer is asked for so long after the last change.
ASSESS_AFTER_MS = 350


class MainWindow(ModalWindow):
    """The window of Liver Planner.

    Parameters
    ----------
    index
        The library's index; the user's own by default.
    settings_file
        What the user has set; the user's own by default.
    """

    def __init__(self, index: LibraryIndex | None = None, settings_file: SettingsFile | None = None) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowTitle("Liver Planner")
        self.setAcceptDrops(True)
        self.resize(1440, 900)
        self.setMinimumSize(1000, 620)
        self.main_thread = MainThread(self)
        self.session = Session(index=index, post=self.main_thread.post, settings_file=settings_file)
        self.bench = Workbench(self.session)
        self.jobs = Jobs(self.main_thread, self)
        self.work = CaseWork(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ASSESS_AFTER_MS)
        self._timer.timeout.connect(self._assess)
        self._judgements: object = None
        self._build()
        self.plan_work = PlanWork(self)
        self.menus = WindowMenus(self)
        self._connect()
        self.apply_theme()
        self._show_open_state()
        self.update_actions()

    # building ------------------------------------------------------------------------------

    def _build(self) -> None:
        self.start = StartPage()
        self.views = ViewGrid(self.bench)
        self.case_panel = CasePanel(self.bench)
        self.plan_panel = PlanPanel(self.bench)
        self.right = QStackedWidget()
        self.right.addWidget(self.plan_panel)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        for widget, low in ((self.case_panel, 200), (self.views, 400), (self.right, 350)):
            widget.setMinimumWidth(low)
            self.splitter.addWidget(widget)
            self.splitter.setStretchFactor(self.splitter.count() - 1, int(widget is self.views))
        self.splitter.setSizes([262, 790, 388])
        self.stack = QStackedWidget()
        self.stack.addWidget(self.start)
        self.stack.addWidget(self.splitter)
        self.status = StatusLine()
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._top_bar())
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.status)
        self.setCentralWidget(body)

    def _top_bar(self) -> QWidget:
        bar = QWidget()
        bar.setObjectName("topBar")
        bar.setFixedHeight(44)
        line = QHBoxLayout(bar)
        line.setContentsMargins(12, 0, 12, 0)
        line.setSpacing(4)
        for mode in self.make_mode_buttons():
            line.addWidget(mode)
        line.addSpacing(18)
        self._tools = QButtonGroup(self)
        for n, (tool, text, tip) in enumerate(
            (
                (Tool.NAVIGATE, "Navigate", "Left drag moves the crosshair (N)"),
                (Tool.WINDOW, "Window / level", "Left drag changes contrast and brightness (W)"),
            )
        ):
            button = flat_button(f"tool_{tool}", text, tip)
            self._tools.addButton(button, n)
            line.addWidget(button)
        self._tools.button(0).setChecked(True)
        self._tools.idClicked.connect(lambda n: self.views.set_tool(list(Tool)[n]))
        line.addSpacing(12)
        self._banner_name, self._banner_scan = Elided(), Elided()
        self._banner_name.setObjectName("bannerName")
        self._banner_scan.setProperty("dim", True)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.setContentsMargins(0, 4, 0, 4)
        for label in (self._banner_name, self._banner_scan):
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            column.addWidget(label)
        line.addLayout(column, 1)
        return bar

    def _connect(self) -> None:
        session, bench = self.session, self.bench
        session.case_changed.connect(self._case_changed)
        session.plan_changed.connect(self._plan_changed)
        session.dragged.connect(self._dragged)
        session.saved.connect(self._saved)
        session.trouble.connect(lambda error: show_error(self, error))
        session.selection.changed.connect(self._selection_changed)
        session.selection.cursor_moved.connect(self._cursor_moved)
        bench.placing.changed.connect(self._placing_changed)
        bench.appearance.changed.connect(self._look_changed)
        bench.appearance.window_changed.connect(self.views.refresh_slices)
        for view in self.views.every_slice:
            view.hovered.connect(self._hovered)
        self.plan_panel.action_asked.connect(self.run_id)
        self.plan_panel.place_asked.connect(self.go_to)
        bench.simulating.shown_changed.connect(self._show_simulated)
        bench.simulating.changed.connect(self._simulation_changed)
        self.plan_panel.device_form.devices_asked.connect(self.plan_work.show_devices)
        self.plan_panel.settings_asked.connect(self.show_settings)
        self.plan_panel.coordinates.trouble.connect(lambda error: show_error(self, error))
        for view in self.views.every_slice:
            view.outline_ready.connect(self.work.propose)
        bench.outlining.changed.connect(self._placing_changed)
        self.case_panel.plan_chosen.connect(self.plan_work.open_plan)
        self.case_panel.rename_asked.connect(self._rename_structure)
        self.case_panel.trouble.connect(lambda error: show_error(self, error))
        self.start.open_asked.connect(lambda path: self.work.open_paths([Path(path)]))
        self.start.folder_asked.connect(self.work.choose_folder)
        self.start.files_asked.connect(self.work.choose_files)
        self.start.sample_asked.connect(self.work.open_sample)
        self.start.practice_asked.connect(self._practise)
        self.jobs.progressed.connect(self._job_progressed)
        self.jobs.finished.connect(self.show_progress)
        self.status.cancel_asked.connect(self._cancel_all)

    # what changed --------------------------------------------------------------------------

    def _case_changed(self) -> None:
        if self.session.is_open and self.session.case.images:
            image = self.session.case.image(self.session.selection.image)
            if self._judgements is not self.session.judgements:
                self._judgements = self.session.judgements
                self.session.judgements.changed.connect(lambda _id: self.show_judged())
                self.session.judgements.progressed.connect(lambda _id: self.show_progress())
                self.session.judgements.settings_changed.connect(lambda _id: self._plan_changed())
                self.path_work.forget()
                self.afterwards_work.forget()
                self.electrode_work.forget()
                self.resection_work.forget()
                self.vessel_work.forget()
                self.catheter_work.forget()
                if "practice_work" in self.__dict__:
                    self.practice_work.forget()
                self.bench.simulating.clear()
                if (comparing := self.findChild(QDialog, "compareWindow")) is not None:
                    comparing.close()
                self.bench.comparing.clear()
                self.bench.appearance.clear()
                self.bench.appearance.suit(image)
                self.views.space.clear()
                self.session.selection.move_cursor(self.work.first_look())
        self._show_open_state()
        for view in self.views.slices:
            view.show_case()
        self.case_panel.rebuild()
        self.structures_panel.refresh()
        self.work.measure()
        self.work.make_surfaces()
        self.path_work.follow()
        self.afterwards_work.follow()
        self.electrode_work.follow()
        self.resection_work.follow()
        self.vessel_work.follow()
        self.catheter_work.follow()
        self._follow_practice()
        self._show_banner()
        self.update_actions()
        self.mark_practice()

    def _follow_practice(self) -> None:
        if "practice_work" in self.__dict__:
            self.practice_work.follow()

    def _plan_changed(self) -> None:
        if not self.session.is_open:
            return
        case, plan = self.session.case, self.session.plan
        ids = [i.id for i in plan.instruments]
        if self.session.selection.instrument not in ids:
            self.session.selection.choose(instrument=ids[-1] if ids else "")
        self.session.judgements.follow(case, plan)
        self.session.judgements.preview(case, plan, self.session.selection.instrument)
        if plan.instruments and self.session.case.structure_sets:
            self._timer.start()
        self.plan_panel.rebuild()
        self.case_panel.rebuild()
        self.path_work.follow()
        self.afterwards_work.follow()
        self.electrode_work.follow()
        self.resection_work.follow()
        self.catheter_work.follow()
        self._follow_practice()
        self.simulation_panel.refresh()
        self._show_plan()
        self.update_actions()

    def _dragged(self) -> None:
        self._timer.stop()
        self.views.space.show_plan()
        self.views.refresh_slices()
        self.plan_panel.show_probe()

    @property
    def paints_simulated(self) -> bool:
        """Whether lesions are coloured by the simulated zone: in its mode, while it is of the plan as it is."""
        simulating = self.bench.simulating
        is_mode = self.is_in("simulation_panel")
        return is_mode and simulating.zone is not None and simulating.is_current

    def show_judged(self) -> None:
        """Show what the modules say of the plan."""
        if not self.session.is_open:
            return
        simulated = self.bench.simulating.assessment
        painted: tuple[Surface, ...] = ()
        for module in (m.manifest.id for m in self.session.judgements.registry.judging(self.session.plan)):
            judgement = self.session.judgements.of(module)
            if self.paints_simulated and simulated is not None:
                painted += simulated.surfaces
            elif judgement.preview is not None:
                painted += judgement.preview.surfaces
            elif judgement.assessment is not None and judgement.state == JudgementState.CURRENT:
                painted += judgement.assessment.surfaces
            waits = judgement.state == JudgementState.NONE and judgement.preview is None
            if waits and self.session.judgements.is_ready(module) and self.session.plan.instruments:
                self.session.judgements.preview(
                    self.session.case, self.session.plan, self.session.selection.instrument
                )
        if painted or not self.session.plan.instruments:
            self.views.space.show_margins(painted)
        if self.is_in("plan_panel"):
            self.plan_panel.judgement.refresh()
        if "electrode_work" in self.__dict__:
            self.electrode_work.follow()
            self.resection_work.follow()
            self.catheter_work.follow()
        if not self.session.is_dragging:  # nothing of both changes under a drag
            self.show_progress()
            self.update_actions()

    def _assess(self) -> None:
        if self.session.is_open and self.session.plan.instruments:
            try:
                self.session.judgements.assess(self.session.case, self.session.plan)
            except PlannerError as error:
                show_error(self, error)

    def _show_plan(self) -> None:
        self.views.space.show_plan()
        self.views.follow_plan()
        if not self.session.plan.instruments:
            self.views.space.show_margins(())
        self.views.refresh_slices()

    def _selection_changed(self) -> None:
        if not self.session.is_open:
            return
        for view in self.views.slices:
            view.show_case()
        self.case_panel.mark_selection()
        self.plan_panel.rebuild()
        self.path_work.follow()
        self.electrode_work.follow()
        self.resection_work.follow()
        self.catheter_work.follow()
        self._follow_practice()
        self.simulation_panel.refresh()
        self.views.follow_plan()
        self.views.space.show_plan()
        self._show_banner()
        self.update_actions()

    def _cursor_moved(self) -> None:
        for view in self.views.slices:
            view.follow_cursor()

    def _placing_changed(self) -> None:
        self.plan_panel.rebuild()
        self.views.refresh_slices()
        self.update_actions()

    def _look_changed(self, name: str) -> None:
        self.views.refresh_slices()
        self.views.space.restyle(name)
        self.case_panel.show_look(name)

    def _saved(self) -> None:
        self.case_panel.rebuild()
        self.status.say(f"Plan {self.session.plan.name} is saved.")
        self.update_actions()

    def _hovered(self, lps_mm: Point) -> None:
        if not self.session.is_open:
            return
        image = self.session.case.image(self.session.selection.image)
        value = image.value_at(lps_mm)
        words = "" if value is None else f"{value:.0f} {image.unit}".strip()
        heat = self.bench.simulating.shown if self.is_in("simulation_panel") else None
        degrees = temperature_at(heat, np.array(lps_mm)) if heat is not None else None
        words += f"   {degrees:.0f} °C (model)" if degrees is not None else ""
        dose = self.catheter_work.dose.words_at(lps_mm) if self.is_in("catheter_panel") else ""
        words += f"   {dose}" if dose else ""
        self.status.show_point(lps_mm, words, self.work.structures_at(lps_mm))

    # doing ---------------------------------------------------------------------------------

    def run(self, action: Action) -> None:
        """Do an action of the table, if it can be done now; errors are shown in words."""
        why = self.bench.practising.locks(action.id) or action.why_not(self.bench)
        if why:
            self.status.say(why)
            return
        try:
            action.run(self.bench)
        except PlannerError as error:
            show_error(self, error)
        self.update_actions()

    def run_id(self, id: str) -> None:
        """Do an action or menu entry by its id."""
        self.menus.actions[id].trigger()

    def update_actions(self) -> None:
        """Enable what can be done, and say why of what cannot."""
        self.menus.update()

    def plan_has_changed(self) -> None:
        """Judge and show the plan anew, as after a change of it."""
        self._plan_changed()

    def choose_mode(self, mode: Mode) -> None:
        """Show the panel of a mode; what another one laid over the views goes."""
        super().choose_mode(mode)
        if self.is_in("plan_panel"):  # it was not kept up to date while it was hidden
            self.plan_panel.judgement.refresh()
        self._show_simulated()

    def choose_tool(self, index: int) -> None:
        """Choose what the left button does."""
        self._tools.button(index).setChecked(True)
        self.views.set_tool(list(Tool)[index])

    def fit(self) -> None:
        """Show whole slices, and all of the case in 3D."""
        for view in self.views.slices:
            view.fit()
        self.views.space.look_from("anterior")

    def _cancel_all(self) -> None:
        self.jobs.cancel()
        if self.session.is_open:
            self.bench.suggesting.cancel()
            self.bench.suggesting_electrodes.cancel()
            self.bench.simulating.cancel()
            self.session.judgements.cancel()

    def make_exercise(self) -> None:
        """Make an exercise of the open case and plan."""
        self.practice_work.files.make()

    def _practise(self) -> None:
        self.practice_work.open_sample()  # made when it is first asked for

    def _rename_structure(self, name: str) -> None:
        new, is_ok = QInputDialog.getText(self, "Rename structure", "Name", text=name)
        if is_ok and new.strip() and new.strip() != name:
            try:
                self.work.rename_structure(name, new.strip())
            except PlannerError as error:
                show_error(self, error)

    # showing -------------------------------------------------------------------------------

    def _show_open_state(self) -> None:
        is_open = self.session.is_open
        self.stack.setCurrentWidget(self.splitter if is_open else self.start)
        for group in (self.mode_buttons, self._tools):
            for button in group.buttons():
                button.setVisible(is_open)
        if not is_open:
            self.views.space.clear()
            self.start.show_recent(self.session.index.recent())
            self._show_banner()

    def _show_banner(self) -> None:
        name, scan = self.work.banner()
        self._banner_name.set_full(name)
        self._banner_scan.set_full(scan)
        self.setWindowTitle("Liver Planner")

    def _job_progressed(self, fraction: float, text: str) -> None:
        self.status.busy(fraction, text)

    def show_progress(self) -> None:
        """Say what runs, if anything does."""
        if self.jobs.is_running:
            return
        for slow in (self.bench.suggesting, self.bench.suggesting_electrodes, self.bench.simulating):
            if slow.is_running:
                self.status.busy(*slow.progress)
                return
        if self.session.is_open:
            running = [
                j
                for j in (self.session.judgements.of(m) for m in self.session.judgements.registry.modules)
                if j.state == JudgementState.RUNNING
            ]
            if running:
                self.status.busy(running[0].progress[0], running[0].progress[1])
                return
        self.status.idle()

    def change_paint(self) -> None:
        """Colour lesions by the chance of 5 mm, or by the margin again."""
        view, action = self.views.space, self.menus.actions["paint_chance"]
        view.paints = "lesion_chance_of_5mm" if view.paints == "lesion_margin" else "lesion_margin"
        action.setCheckable(True)
        action.setChecked(view.paints != "lesion_margin")
        self.show_judged()

    def change_views(self) -> None:
        """Look along the selected probe, or at the patient again."""
        self.views.follow_probe(not self.views.follows_probe)
        action = self.menus.actions["probe_views"]
        action.setCheckable(True)
        action.setChecked(self.views.follows_probe)

    def _simulation_changed(self) -> None:
        self.show_progress()
        self.update_actions()

    def _show_simulated(self) -> None:
        """Temperatures and the simulated zone stand in the views in their mode alone."""
        simulating = self.bench.simulating
        is_on = self.is_in("simulation_panel") and self.session.is_open
        if not (self.electrode_work.is_on or self.catheter_work.is_on):
            self.views.show_field(simulating.shown if is_on else None, simulating.zone if is_on else None)
        self.show_judged()
        self.simulation_panel.refresh()

    def change_theme(self) -> None:
        """Take the light theme, or the dark one."""
        theme = "light" if self.session.settings.theme == "dark" else "dark"
        self.session.change_settings(replace(self.session.settings, theme=theme))
        self.apply_theme()

    def apply_theme(self) -> None:
        """Show the theme the user has chosen."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme = THEMES[self.session.settings.theme]
        self.menus.actions["theme"].setCheckable(True)
        self.menus.actions["theme"].setChecked(theme is LIGHT)
        if theme is not shown_theme():
            apply_theme(app, theme)
            self.case_panel.rebuild()
            self.plan_panel.judgement.restyle()
            self.plan_panel.rebuild()

    def show_shortcuts(self) -> None:
        """The sheet of keys and mouse moves."""
        TextDialog("Shortcuts", shortcut_html(), self).open()

    def show_about(self) -> None:
        """What this program is."""
        TextDialog("About Liver Planner", about_html(), self).open()

    def show_notes(self) -> None:
        """What was corrected or decided on import."""
        TextDialog("Notes of this case", notes_html(self.session.case), self).open()

    # closing -------------------------------------------------------------------------------

    def may_leave(self) -> bool:
        """Whether what is open may be closed: asks where the plan is not saved."""
        session = self.session
        if "practice_work" in self.__dict__ and not self.practice_work.may_leave():
            return False
        if not session.is_open or session.is_plan_saved or not session.undo_label:
            return True
        if session.folder is None or session.folder.is_read_only:
            answer = ask(
                self, "The plan is not saved.", "It cannot be kept in this case.", ("Discard", "Cancel")
            )
            return answer == "Discard"
        text = "Saving keeps it as a new version; nothing is overwritten."
        answer = ask(self, f"Save plan {session.plan.name}?", text, ("Save", "Discard", "Cancel"))
        if answer == "Save":
            try:
                session.save_plan()
            except PlannerError as error:
                show_error(self, error)
                return False
        elif answer == "Discard":
            session.give_up_unsaved()
        return answer != "Cancel"

    def close_case(self) -> bool:
        """Close the case after asking; returns whether it was closed."""
        if not self.may_leave():
            return False
        self._timer.stop()
        self.jobs.cancel()
        self._judgements = None
        self.session.close()
        self._show_open_state()
        self.update_actions()
        return True

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about an unsaved plan, then end."""
        if not self.close_case():
            event.ignore()
            return
        self.views.space.close_scene()
        event.accept()

    # drag and drop -------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            QTimer.singleShot(0, self, lambda: self.work.take_dropped(paths))
