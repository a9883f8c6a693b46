"""The form of an exercise: what is asked, which needles are allowed, how they are placed, what it is measured by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.pieces import dim_label, heading, show
from planner.desktop.theme import shown_theme
from planner.desktop.tick_list import TickList
from planner.model.assessment import SettingValue
from planner.model.case import Case
from planner.model.plan import Plan
from planner.planning.device_library import device_library
from planner.planning.placements import PLACEMENTS
from planner.practice.exercise import LEVELS, MOST_BREATH_MM, SKILLS, Conditions
from planner.practice.exercise_draft import (
    FEWEST_ELECTRODES,
    MOST_NEEDLES,
    Draft,
    Fault,
    devices_for,
    draft_of,
    faults,
    lesions_of,
)
from planner.practice.exercise_wording import proposed_task, proposed_title

_PULSES = "electroporation"
#: What is shown while needles are placed: whether slices only, and of those the axial ones only.
_VIEWS = (
    ("All views", (False, False)),
    ("Slices only, no 3D", (True, False)),
    ("Axial slices only, as on a CT table", (True, True)),
)
_MOST_MINUTES, _ROWS = 60, 6
_LANDING = (
    "Off for beginners: needles then lie exactly where they are planned. Otherwise each attempt draws where they"
    " land from published errors, and a control scan shows it."
)


class ExerciseForm(QWidget):
    """Holds a draft of an exercise on an open case, begun from its plan.

    Parameters
    ----------
    case, plan
        What is open.
    module, settings
        The treatment module that will judge, and its settings.

    Raises
    ------
    InvalidValue
        If no exercise can be made here: there is no lesion, or it is another treatment.
    """

    changed = Signal()

    def __init__(self, case: Case, plan: Plan, module: str, settings: Mapping[str, SettingValue]) -> None:
        super().__init__()
        self.setObjectName("panelBody")
        self._case, self._plan, self._module, self._settings = case, plan, module, settings
        start = draft_of(case, plan, module, settings)
        self._is_own_title = self._is_own_task = False
        self._notes: dict[str, QLabel] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 4, 0, 10)
        self._column.setSpacing(4)
        self._build_task(start)
        self._build_needles(start)
        self._build_placing(start)
        self._build_references(start)
        self._column.addStretch(1)
        self._keep_wheel_off()
        self._follow()

    # building ------------------------------------------------------------------------------

    def _build_task(self, start: Draft) -> None:
        form = self._group("Task")
        self.title = QLineEdit(start.title)
        self.title.textEdited.connect(lambda _text: self._typed_title())
        self.task = QPlainTextEdit(start.task)
        self.task.setTabChangesFocus(True)
        self.task.setFixedHeight(92)
        theme = shown_theme()
        self.task.setStyleSheet(
            f"QPlainTextEdit {{ background: {theme.control}; border: 1px solid {theme.line};"
            f" border-radius: 5px; padding: 2px; }}"
            f"QPlainTextEdit:focus {{ border-color: {theme.focus}; }}"
        )
        self.task.textChanged.connect(self._typed_task)
        self.lesion = QComboBox()
        self.lesion.addItems(lesions_of(self._case))
        self.lesion.setCurrentText(start.lesion)
        self.lesion.currentIndexChanged.connect(lambda _n: self._chose_lesion())
        self.margin = self._spin(0.0, 20.0, start.margin_mm, " mm", 1)
        self.level = QComboBox()
        for level in LEVELS:
            self.level.addItem(level.capitalize(), level)
        self.level.setCurrentIndex(LEVELS.index(start.level))
        self.level.currentIndexChanged.connect(lambda _n: self._follow())
        self.skills = self._ticks({s: w[0].upper() + w[1:] for s, w in SKILLS.items()}, start.skills)
        self._row(form, "&Title", self.title, "title", "What a list of exercises shows")
        self._row(
            form, "T&ask", self.task, "task", "What is to be done, in words; shown while needles are placed"
        )
        self._row(form, "&Lesion", self.lesion, "lesion", "The lesion to treat")
        self._row(
            form, "Wanted &margin", self.margin, "margin_mm", "All points of the margin come from here on"
        )
        self._row(form, "L&evel", self.level, "level", "How hard it is, by your judgement")
        self._row(form, "T&rains", self.skills, "skills", "Which skills it is offered for")

    def _build_needles(self, start: Draft) -> None:
        form = self._group("Needles allowed")
        names = devices_for(self._module)
        # Those of the plan first: the list is longer than its place.
        ordered = [*start.devices, *(n for n in names if n not in start.devices)]
        library = device_library()
        self.devices = self._ticks({n: library.title_of(n) for n in ordered}, start.devices)
        least = FEWEST_ELECTRODES if self._module == _PULSES else 1
        self._needle = "electrode" if self._module == _PULSES else "needle"
        self.most = self._spin(least, MOST_NEEDLES, start.most_instruments, f" {self._needle}s", 0)
        self.own_device = dim_label("", wraps=True)
        self.own_device.setObjectName("draftOwnDevice")
        self._row(form, "&Devices", self.devices, "devices", "Those one may choose from")
        form.addRow("", self.own_device)
        self._row(form, "At m&ost", self.most, "most_instruments", "How many may be placed")

    def _build_placing(self, start: Draft) -> None:
        form = self._group("How it is placed")
        given = start.conditions
        self.views = QComboBox()
        for words, views in _VIEWS:
            self.views.addItem(words, views)
        self.views.currentIndexChanged.connect(lambda _n: self._follow())
        self.zone = QCheckBox("Zones of devices are shown while placing")
        self.zone.setChecked(given.shows_zone)
        self.zone.toggled.connect(lambda _on: self._follow())
        self.placement = QComboBox()
        for placement in PLACEMENTS.values():
            self.placement.addItem(placement.title, placement.id)
        self.placement.setCurrentIndex(self.placement.findData(given.placement))
        self.placement.currentIndexChanged.connect(lambda _n: self._follow())
        self.breath = self._spin(0.0, MOST_BREATH_MM, given.breath_mm, " mm", 1, "It does not")
        self.minutes = self._spin(0, _MOST_MINUTES, 0, " minutes", 0, "No limit")
        self.hidden = self._ticks({}, ())
        self._fill_hidden(start.hidden)
        self._row(form, "&Views", self.views, "views", "What one sees while placing")
        self._row(form, "", self.zone, "zone", "Off: one knows the sizes of zones by heart")
        self._row(form, "Needles &land", self.placement, "placement", _LANDING)
        self._row(
            form, "Li&ver moves", self.breath, "breath", "Towards the feet, between planning and placing"
        )
        self._row(form, "Time l&imit", self.minutes, "limit", "Whoever takes longer loses points")
        self._row(form, "&Not shown", self.hidden, "hidden", "Structures that are hidden while placing")

    def _build_references(self, start: Draft) -> None:
        form = self._group("Measured against")
        self.expert = QCheckBox(f"My plan '{self._plan.name}' as it is now")
        self.expert.setChecked(start.has_expert)
        self.expert.toggled.connect(lambda _on: self._follow())
        self.expert_title = QLineEdit(start.expert_title)
        self.expert_title.textEdited.connect(lambda _text: self._follow())
        takes = "several minutes" if self._module == _PULSES else "about a minute"
        self.best = QCheckBox(f"The planner's best (takes {takes})")
        self.best.setChecked(start.has_planners_best)
        self.best.toggled.connect(lambda _on: self._follow())
        self._row(form, "", self.expert, "expert", "It must pass the exercise itself")
        self._row(form, "&Called", self.expert_title, "expertTitle", "Such as: Dr. Miller's plan")
        self._row(
            form, "", self.best, "references", "The best of the plans that the planner suggests, put right"
        )
        form.addRow(
            "",
            dim_label("Of two, your plan counts for the score, and both are shown at the end.", wraps=True),
        )

    def _group(self, title: str) -> QFormLayout:
        self._column.addWidget(heading(title))
        form = QFormLayout()
        form.setContentsMargins(14, 2, 14, 6)
        form.setHorizontalSpacing(14)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._column.addLayout(form)
        return form

    def _row(self, form: QFormLayout, words: str, field: QWidget, name: str, tip: str) -> None:
        """A field with its label, and room for what is wrong with it."""
        field.setObjectName(f"draft_{name}")
        field.setAccessibleName(words.replace("&", "") or getattr(field, "text", str)())
        field.setToolTip(tip)
        note = QLabel()
        note.setObjectName(f"draftFault_{name}")
        note.setProperty("amber", True)
        note.setWordWrap(True)
        note.hide()
        self._notes[name] = note
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(field)
        column.addWidget(note)
        label = QLabel(words)
        label.setMinimumWidth(108)
        label.setBuddy(field)
        form.addRow(label, holder)

    def _spin(
        self, low: float, high: float, value: float, suffix: str, decimals: int, none: str = ""
    ) -> QDoubleSpinBox:
        spin = QDoubleSpinBox()
        spin.setRange(low, high)
        spin.setDecimals(decimals)
        spin.setSuffix(suffix)
        spin.setSpecialValueText(none)
        spin.setValue(value)
        spin.setMaximumWidth(150)
        spin.valueChanged.connect(lambda _value: self._follow())
        return spin

    def _ticks(self, titles: Mapping[str, str], ticked: Sequence[str]) -> TickList:
        ticks = TickList(titles, ticked)
        ticks.ticks_changed.connect(self._follow)
        return ticks

    def _fill_hidden(self, chosen: Sequence[str]) -> None:
        lesion = self.lesion.currentText()
        names = [s.name for s in self._case.structures.structures if s.name != lesion]
        self.hidden.set_titles(dict(zip(names, names, strict=True)), chosen)

    def _keep_wheel_off(self) -> None:
        """The wheel scrolls the form, and never changes a field it happens to pass over."""
        for field in (*self.findChildren(QComboBox), *self.findChildren(QDoubleSpinBox)):
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the wheel pass through fields that it would change."""
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    # following -----------------------------------------------------------------------------

    def draft(self) -> Draft:
        """What the form holds."""
        slices_only, axial_only = self.views.currentData()
        minutes = self.minutes.value()
        return Draft(
            title=self.title.text(),
            task=self.task.toPlainText(),
            lesion=self.lesion.currentText(),
            devices=self.devices.ticked,
            most_instruments=round(self.most.value()),
            margin_mm=self.margin.value(),
            level=str(self.level.currentData()),
            skills=self.skills.ticked,
            hidden=self.hidden.ticked,
            conditions=Conditions(
                slices_only=slices_only,
                axial_only=axial_only,
                breath_mm=self.breath.value(),
                placement=str(self.placement.currentData()),
                limit_s=60.0 * minutes if minutes else None,
                shows_zone=self.zone.isChecked(),
            ),
            has_expert=self.expert.isChecked(),
            expert_title=self.expert_title.text(),
            has_planners_best=self.best.isChecked(),
        )

    def faults(self) -> tuple[Fault, ...]:
        """What speaks against it now."""
        return faults(self.draft(), self._case, self._plan, self._module)

    def _follow(self) -> None:
        """Words of ours follow what is asked; what is wrong is said at its field."""
        if not hasattr(self, "best"):
            return  # still being built
        self._propose()
        self.expert_title.setEnabled(self.expert.isChecked())
        self.most.setSuffix(f" {self._needle}{'' if round(self.most.value()) == 1 else 's'}")
        own = [device_library().title_of(n) for n in self.devices.ticked if n in device_library().own]
        self.own_device.setText(
            f"A device of your own: {', '.join(own)}. Whoever gets the exercise needs it too." if own else ""
        )
        show(self.own_device, bool(own))
        found = self.faults()
        for name, note in self._notes.items():
            note.setText("\n".join(in_a_line(f.error) for f in found if f.field == name))
            show(note, bool(note.text()))
        self.changed.emit()

    def _propose(self) -> None:
        draft = self.draft()
        asked = (self._case, draft.lesion, draft.devices, draft.most_instruments)
        if not self._is_own_title:
            self.title.setText(proposed_title(*asked))
        if not self._is_own_task:
            words = proposed_task(*asked, draft.margin_mm, self._settings, draft.conditions.limit_s)
            if words != draft.task:
                self.task.blockSignals(True)
                self.task.setPlainText(words)
                self.task.blockSignals(False)

    def _typed_title(self) -> None:
        self._is_own_title = True
        self._follow()

    def _typed_task(self) -> None:
        self._is_own_task = True
        self._follow()

    def _chose_lesion(self) -> None:
        self._fill_hidden(self.hidden.ticked)
        self._follow()


def in_a_line(error: PlannerError) -> str:
    """All parts of an error in a line: what happened, to which thing; what to do."""
    what = error.what.rstrip(".")
    return " ".join(
        f"{p.rstrip('.')}." for p in (f"{what}: {error.thing}" if error.thing else what, error.todo) if p
    )
