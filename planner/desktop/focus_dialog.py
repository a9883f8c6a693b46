"""The dialog that fills a lesion with foci of focused ultrasound, and shows the plan while it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.jobs import Jobs
from planner.desktop.messages import plain, show_error
from planner.desktop.pieces import dim_label
from planner.model.plan import FocusGrid, Plan, Point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.device_library import device_library
from planner.planning.devices import Device
from planner.session.placing import center_of
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.compute.lesion_outline import LesionOutline

#: Kinds of the two jobs it starts: a newer one of a kind replaces the older.
LOOK, FILL = "focus window", "focus grid"
DEFAULT_MARGIN_MM = 5.0


@dataclass(frozen=True, eq=False)
class LesionView:
    """A lesion as sound sees it: its outline, and the window that was found or why there is none."""

    lesion: str
    outline: LesionOutline
    window_lps_mm: tuple[Point, ...]
    words: str


def look_at(structures: StructureSet, lesion: str, device: Device, task: Task) -> LesionView:
    """A lesion's outline and the best window to it; seconds the first time. Any thread may ask."""
    from planner.compute.lesion_outline import outline_lesion
    from planner.planning.access import access_map
    from planner.planning.acoustic_window import unchecked_obstacles, usable_window
    from planner.planning.case_ground import access_ground_of
    from planner.planning.focusing import transducer_value

    task.report(0.0, f"Outline of {lesion}")
    mask, grid = structures.cropped(lesion, max(structures.grid.spacing_mm))
    outline = outline_lesion(mask, grid)
    try:
        ground = access_ground_of(structures, task.part(0.1, 0.8))
        target = center_of(structures, lesion)
        length = device.length.value
        access = access_map(ground, target, lesion, length, task=task.part(0.8, 0.95))
        window = usable_window(access, transducer_value(device, "window_radius").value, length)
    except PlannerError as error:
        return LesionView(lesion, outline, (), f"No window: {error.what}")
    unchecked = unchecked_obstacles(structures)
    words = "A window is found past bone and gas."
    if unchecked:
        words = f"A window is found. Not checked: {', '.join(unchecked)} (not segmented)."
    return LesionView(lesion, outline, window, words)


def filled(
    view: LesionView,
    structures: StructureSet,
    device: Device,
    id: str,
    margin_mm: float,
    overlap: float,
) -> FocusGrid:
    """The grid that fills a lesion and a margin. Any thread may ask."""
    from planner.planning.focusing import filled_grid, goal_points

    middle = center_of(structures, view.lesion)
    draft = FocusGrid(id, device.name, (middle,), view.window_lps_mm, device.defaults, view.lesion)
    zone = device.zone(device.defaults, allow_ex_vivo=True)
    goal = goal_points(view.outline, margin_mm, draft.direction, zone, structures)
    return filled_grid(id, device, device.defaults, goal, view.window_lps_mm, view.lesion, overlap, True)


class FocusDialog(QDialog):
    """Fills a lesion with foci; the plan shows them while it is open, and OK makes them.

    Parameters
    ----------
    session
        Whose plan is changed; the selected grid is filled anew, else a new one is made.
    jobs
        Where the work is done.
    """

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Focused ultrasound grid")
        self.setObjectName("focusDialog")
        self._session, self._jobs, self._plan = session, jobs, session.plan
        self._structures = session.case.structures
        chosen = next((g for g in self._plan.focus_grids if g.id == session.selection.instrument), None)
        self._id = chosen.id if chosen is not None else self._plan.free_id("h")
        self._is_new, self._is_open = chosen is None, True
        self._view: LesionView | None = None
        self.grid: FocusGrid | None = None
        self.lesion = QComboBox()
        self.device = QComboBox()
        self.margin = _spin("focusMargin", 0.0, 15.0, DEFAULT_MARGIN_MM, " mm")
        self.overlap = _spin("focusOverlap", 0.0, 50.0, 10.0, " %")
        self.note = dim_label("", wraps=True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Ok
        )
        self._build(chosen.lesion if chosen is not None else session.selection.lesion)
        self._look()

    def _build(self, lesion: str) -> None:
        self.lesion.setObjectName("focusLesion")
        self.device.setObjectName("focusDevice")
        found = [s.name for s in self._structures.with_role(Role.LESION)]
        self.lesion.addItems([n for n in found if not self._structures.box(n).is_empty])
        self.lesion.setCurrentIndex(max(0, self.lesion.findText(lesion)))
        for name, device in device_library().transducers.items():
            self.device.addItem(device.title, name)
        form = QFormLayout()
        for title, widget in (
            ("Lesion", self.lesion),
            ("Transducer", self.device),
            ("Margin", self.margin),
            ("Overlap of foci", self.overlap),
        ):
            form.addRow(title, widget)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        self.note.setMinimumWidth(340)
        layout.addWidget(self.note)
        plain(self.buttons)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)
        self.lesion.currentIndexChanged.connect(lambda _: self._look())
        self.device.currentIndexChanged.connect(lambda _: self._look())
        self.margin.valueChanged.connect(lambda _: self._fill())
        self.overlap.valueChanged.connect(lambda _: self._fill())

    def made(self) -> tuple[str, Plan] | None:
        """The name of the change and the plan it leads to; None while it is worked out."""
        if self.grid is None:
            return None
        label = f"{'Place' if self._is_new else 'Fill'} foci {self._id}"
        return label, self._plan.with_instrument(self.grid)

    def accept(self) -> None:
        """Make the change; stays open where it cannot be made."""
        made = self.made()
        if made is None:
            return
        try:
            self._session.change_plan(*made)
        except PlannerError as error:
            show_error(self, error)
            return
        self._close()
        self._session.selection.choose(instrument=self._id)
        super().accept()

    def reject(self) -> None:
        """Go back to what was."""
        self._close()
        self._session.cancel_drag()
        super().reject()

    def _close(self) -> None:
        self._is_open = False
        self._jobs.cancel(LOOK)
        self._jobs.cancel(FILL)

    def _look(self) -> None:
        """Look for a window to the lesion that is chosen."""
        self._view = None
        lesion, device = self.lesion.currentText(), self._chosen_device()
        if not lesion or device is None:
            self._wait("There is no lesion to treat." if not lesion else "The library has no transducer.")
            return
        self._wait("Looking for a window…")
        structures = self._structures
        self._jobs.start(
            LOOK,
            f"Acoustic window to {lesion}",
            lambda task: look_at(structures, lesion, device, task),
            self._looked,
            self._failed,
        )

    def _looked(self, view: LesionView) -> None:
        if self._is_open:
            self._view = view
            self._fill()

    def _fill(self) -> None:
        """Fill the lesion as the form says."""
        view, device = self._view, self._chosen_device()
        if view is None or device is None:
            return
        self._wait("Filling with foci…")
        structures, id = self._structures, self._id
        margin, overlap = self.margin.value(), self.overlap.value() / 100.0
        self._jobs.start(
            FILL,
            f"Foci in {view.lesion}",
            lambda _task: filled(view, structures, device, id, margin, overlap),
            self._filled,
            self._failed,
        )

    def _filled(self, grid: FocusGrid) -> None:
        if not self._is_open or self._view is None:
            return
        self.grid = grid
        minutes = len(grid.foci_lps_mm) * grid.settings.get("time_s", 0.0) / 60.0
        self.note.setText(
            f"{len(grid.foci_lps_mm)} foci, {minutes:.0f} min of sonication without pauses. {self._view.words}"
        )
        self._enable("")
        self._session.drag_plan(self._plan.with_instrument(grid))

    def _failed(self, error: PlannerError) -> None:
        if self._is_open:
            self._wait(f"{error.what} {error.todo}")

    def _wait(self, why: str) -> None:
        self.grid = None
        self.note.setText(why)
        self._enable(why)

    def _enable(self, why_not: str) -> None:
        button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        button.setEnabled(not why_not)
        button.setToolTip(why_not)

    def _chosen_device(self) -> Device | None:
        return device_library().transducers.get(str(self.device.currentData()))


def _spin(name: str, low: float, high: float, value: float, suffix: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setObjectName(name)
    spin.setRange(low, high)
    spin.setDecimals(1)
    spin.setSuffix(suffix)
    spin.setValue(value)
    return spin
