"""The window's menus: what can be done, by which keys, and why not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from planner.scene.space_looks import VIEW_DIRECTIONS
from planner.session.actions import ACTION_BY_ID, ACTIONS

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow


#: Entries that need an open case, and those that need more; the others can always be used.
_NEED_CASE = (
    "import_structures",
    "export_plan",
    "import_plan",
    "close_case",
    "rename_plan",
    "fit",
    "case_notes",
    "size_device",
    "make_exercise",
)
_RULED = frozenset((*_NEED_CASE, "report", "focus_grid", "probe_views", "array", "pull_back"))


class WindowMenus:
    """Makes the menus from the tables, and keeps them in step with what can be done.

    Parameters
    ----------
    window
        The window they are of.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.actions: dict[str, QAction] = {}
        self._locked: set[str] = set()
        self._make_menus()

    def _make_menus(self) -> None:
        window, work, plan = self._window, self._window.work, self._window.plan_work
        menus = {name: window.menuBar().addMenu(name) for name in ("File", "Edit", "View", "Plan", "Help")}
        for menu in menus.values():
            menu.setToolTipsVisible(True)
            menu.aboutToShow.connect(self.update)
        for id, title, menu_name, keys, run in (
            ("open_folder", "Open folder…", "File", "Ctrl+O", work.choose_folder),
            ("open_files", "Open files…", "File", "Ctrl+Shift+O", work.choose_files),
            ("open_sample", "Open the sample case", "File", "", work.open_sample),
            ("import_structures", "Add structures…", "File", "Ctrl+I", work.choose_structures),
            ("export_plan", "Export plan…", "File", "Ctrl+E", work.export_plan),
            ("import_plan", "Import plan…", "File", "", work.import_plan),
            ("report", "Report…", "File", "Ctrl+R", work.make_report),
            ("close_case", "Close case", "File", "Ctrl+W", window.close_case),
            ("rename_plan", "Rename plan…", "Plan", "F2", plan.rename_plan),
            ("compare", "Compare plans…", "Plan", "Ctrl+Shift+C", plan.compare),
            ("array", "Array of probes…", "Plan", "Ctrl+Shift+D", plan.array),
            ("pull_back", "Pull back probe…", "Plan", "", plan.pull_back),
            ("focus_grid", "Focused ultrasound grid…", "Plan", "", plan.focus),
            ("devices", "My devices…", "Plan", "", plan.show_devices),
            ("make_exercise", "Make an exercise…", "Plan", "", window.make_exercise),
            ("size_device", "Size my device by this case's zones…", "Plan", "", plan.size_device),
            ("fit", "Fit views", "View", "0", window.fit),
            ("tool_navigate", "Navigate", "View", "N", lambda: window.choose_tool(0)),
            ("tool_window", "Window / level", "View", "W", lambda: window.choose_tool(1)),
            ("probe_views", "Views along the probe", "View", "V", window.change_views),
            ("case_notes", "Notes of this case", "View", "", window.show_notes),
            ("paint_chance", "Colour lesions by chance of 5 mm", "View", "", window.change_paint),
            ("theme", "Light theme", "View", "", window.change_theme),
            ("shortcuts", "Shortcuts", "Help", "F1", window.show_shortcuts),
            ("about", "About Liver Planner", "Help", "", window.show_about),
        ):
            self.actions[id] = self._action(menus[menu_name], title, keys, run)
        recent = QMenu("Recent", window)
        recent.aboutToShow.connect(lambda: self._fill_recent(recent))
        menus["File"].insertMenu(self.actions["import_structures"], recent)
        menus["File"].addSeparator()
        self.actions["quit"] = self._action(menus["File"], "Quit", "Ctrl+Q", window.close)
        for action in ACTIONS:
            self.actions[action.id] = self._action(
                menus[action.menu], action.title, action.shortcut, partial(window.run, action)
            )
        looks = menus["View"].addMenu("Look from")
        for direction in VIEW_DIRECTIONS:
            looks.addAction(direction.capitalize(), partial(window.views.space.look_from, direction))
        self.actions["redo"].setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])

    def _action(self, menu: QMenu, title: str, keys: str, run: object) -> QAction:
        action = QAction(title, self._window)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _checked=False: run())  # type: ignore[operator]
        menu.addAction(action)
        return action

    def update(self) -> None:
        """Enable what can be done, say why of what cannot, and name what undo takes back."""
        window = self._window
        for action in ACTIONS:
            why = window.bench.practising.locks(action.id) or action.why_not(window.bench)
            item = self.actions[action.id]
            item.setEnabled(not why)
            item.setToolTip(why or action.title)
            window.plan_panel.set_action(action.id, why, action.title)
            if "practice_panel" in window.__dict__:
                window.practice_panel.attempt.set_action(action.id, why, action.title)
        undo, redo = window.session.undo_label, window.session.redo_label
        self.actions["undo"].setText(f"Undo {_lower(undo)}" if undo else "Undo")
        self.actions["redo"].setText(f"Redo {_lower(redo)}" if redo else "Redo")
        is_open = window.session.is_open
        for id in _NEED_CASE:
            self.actions[id].setEnabled(is_open)
            self.actions[id].setToolTip("" if is_open else "Open a case first.")
        why = "" if is_open and window.session.plan.instruments else "Place a probe first."
        self.actions["report"].setEnabled(not why)
        self.actions["report"].setToolTip(why)
        why = ACTION_BY_ID["place_probe"].why_not(window.bench)
        self.actions["focus_grid"].setEnabled(not why)
        self.actions["focus_grid"].setToolTip(why)
        why = ACTION_BY_ID["copy_probe"].why_not(window.bench)
        self.actions["probe_views"].setEnabled(not why or window.views.follows_probe)
        self.actions["probe_views"].setToolTip(why)
        for id, words in (
            ("array", "Two to six parallel probes"),
            ("pull_back", "Use the probe again, nearer"),
        ):
            self.actions[id].setEnabled(not why)
            self.actions[id].setToolTip(why or words)
            window.plan_panel.set_action(id, why, words)
        why = "" if is_open and window.session.plan.instruments else "Place a probe first."
        window.plan_panel.set_action("report", why, "Pictures, probes, metrics and findings as HTML and PDF")
        self._lock()

    def _lock(self) -> None:
        """While somebody practises, nothing that shows or keeps what judges the plan can be done."""
        practising = self._window.bench.practising
        own = {a.id for a in ACTIONS}
        for id, item in self.actions.items():
            if id in own:
                continue
            why = practising.locks(id)
            if why:
                item.setEnabled(False)
                item.setToolTip(why)
                self._locked.add(id)
            elif id in self._locked:
                self._locked.discard(id)
                if id not in _RULED:
                    item.setEnabled(True)
                    item.setToolTip("")

    def _fill_recent(self, menu: QMenu) -> None:
        menu.clear()
        for entry in self._window.session.index.recent():
            menu.addAction(entry.title, partial(self._window.work.open_paths, [entry.path]))
        if menu.isEmpty():
            menu.addAction("Nothing yet").setEnabled(False)


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]
