"""The right panel of the mode Catheter: tips, what is given there, and what the module says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from planner.base.errors import PlannerError
from planner.desktop.catheter_forms import ArteryForm, TipForm
from planner.desktop.delivered_part import DeliveredPart
from planner.desktop.dose_part import DosePart
from planner.desktop.fact_form import FactForm
from planner.desktop.fed_table import FedTable
from planner.desktop.judgement_view import JudgementView
from planner.desktop.pieces import (
    Row,
    clear_layout,
    dim_label,
    heading,
    link_button,
    page,
    scrolled,
    show,
    swatch_icon,
)
from planner.model.catheter import CatheterTarget
from planner.planning.patient_facts import (
    CHEMOEMBOLIZATION_FACTS,
    CHEMOEMBOLIZATION_NUMBERS,
    INFUSION_FACTS,
    INFUSION_NUMBERS,
    Y90_CHOICES,
    Y90_FACTS,
)
from planner.scene.drawn_catheters import tip_color
from planner.scene.palette import rgb
from planner.session.actions import Workbench
from planner.session.catheter_placing import MODULES
from planner.session.dose_showing import DoseShowing

if TYPE_CHECKING:
    from planner.planning.tip_suggesting import TipGoal

#: By module the facts of the patient it asks for: measured ones, and choices.
FACTS = {
    "radioembolization": (Y90_FACTS, Y90_CHOICES),
    "chemoembolization": (CHEMOEMBOLIZATION_NUMBERS, CHEMOEMBOLIZATION_FACTS),
    "arterial_infusion": (INFUSION_NUMBERS, INFUSION_FACTS),
}
#: Where volumes that were seen perfused come from.
FROM_SCAN = "From a cone-beam CT or another scan…"
#: Diameters below which a vessel is not reached, to choose from.
THINNEST_MM = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


class CatheterPanel(QWidget):
    """Catheter targets of the plan, and the judgement.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    place_asked = Signal(object)
    settings_asked = Signal(str)
    drawer_asked = Signal(str, str)
    scans_asked = Signal(str)
    vessels_asked = Signal()
    suggest_asked = Signal(object)
    trouble = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        self._rows_key: object = None
        self._choices_key: object = None
        self._suggest_key: object = None
        body, column = page()
        self._title = heading("Catheter")
        column.addWidget(self._title)
        self.arteries = ArteryForm(bench, self._do)
        self.arteries.vessels_asked.connect(self.vessels_asked)
        column.addWidget(self.arteries)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        column.addLayout(self._rows)
        column.addLayout(self._buttons())
        self._hint = dim_label("", wraps=True)
        self._hint.setObjectName("catheterHint")
        self._hint.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._hint)
        self._choices = QVBoxLayout()
        self._choices.setSpacing(0)
        column.addLayout(self._choices)
        self.tip = TipForm(bench, self._do)
        column.addWidget(self.tip)
        self.fed = FedTable(bench)
        column.addWidget(self.fed)
        self.dose = DosePart(DoseShowing(bench))
        column.addWidget(self.dose)
        column.addWidget(heading("Patient"))
        self.forms = {
            module: FactForm(bench, (*numbers, *choices), self._do)
            for module, (numbers, choices) in FACTS.items()
        }
        for form in self.forms.values():
            column.addWidget(form)
        self.delivered = DeliveredPart(bench)
        self.delivered.drawer_asked.connect(self.drawer_asked)
        self.delivered.scans_asked.connect(self.scans_asked)
        column.addWidget(self.delivered)
        self.judgements: dict[str, JudgementView] = {}
        for module in dict.fromkeys(MODULES.values()):
            view = JudgementView(bench, module)
            view.place_asked.connect(self.place_asked)
            view.settings_asked.connect(self.settings_asked)
            column.addWidget(view)
            self.judgements[module] = view
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 4, 0, 0)
        outer.addWidget(scrolled(body), 1)

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 4, 12, 2)
        line.setSpacing(6)
        self.add = QPushButton("+ Tip")
        self.add.setObjectName("addTip")
        self.add.setProperty("primary", True)
        self.add.setCheckable(True)
        self.add.setToolTip("Click a branch of an artery, in a slice or in 3D")
        self.add.clicked.connect(lambda _c: self._do(self.bench.catheters.start))
        self.seen = QPushButton("+ Volume")
        self.seen.setObjectName("addSeen")
        self.seen.setToolTip("A volume that was seen to be perfused, as in a cone-beam CT")
        self._seen_menu = QMenu(self)
        self.seen.setMenu(self._seen_menu)
        self.suggest = QPushButton("Suggest")
        self.suggest.setObjectName("suggestTips")
        self.suggest.setToolTip("The fewest tips that feed lesions, and more selective ones")
        self._suggest_menu = QMenu(self)
        self.suggest.setMenu(self._suggest_menu)
        self.delete = QPushButton("Delete")
        self.delete.setObjectName("deleteTip")
        self.delete.clicked.connect(lambda: self._do(self.bench.catheters.delete))
        for button in (self.add, self.seen, self.suggest, self.delete):
            button.setProperty("compact", True)
            line.addWidget(button)
        line.addStretch(1)
        return line

    def refresh(self) -> None:
        """Show targets and answers as they are now."""
        session, placing = self.bench.session, self.bench.catheters
        if not session.is_open:
            return
        chosen = placing.chosen
        self._title.setText(f"Catheter · plan {session.plan.name}".upper())
        self.arteries.refresh()
        self._show_rows(placing.targets, chosen)
        self.add.setChecked(placing.is_on)
        self.add.setEnabled(bool(placing.trees))
        self.delete.setEnabled(chosen is not None)
        self._fill_menus()
        self._show_hint()
        self._show_choices()
        self.tip.refresh()
        for module, form in self.forms.items():
            show(form, module == placing.module)
            form.refresh()
        self.delivered.refresh(placing.module)
        self.refresh_judgement()

    def refresh_judgement(self) -> None:
        """Show the newest numbers alone."""
        self.fed.refresh()
        for view in self.judgements.values():
            view.refresh()

    def _fill_menus(self) -> None:
        placing = self.bench.catheters
        lesions = placing.ground.lesions if placing.ground is not None else ()
        self.suggest.setEnabled(bool(lesions and placing.trees))
        names = [a.text() for a in self._seen_menu.actions()]
        if names != [*placing.seen, FROM_SCAN]:
            self._seen_menu.clear()
            for name in placing.seen:
                action = self._seen_menu.addAction(name)
                action.triggered.connect(lambda _c=False, n=name: self._do(lambda: placing.add_seen(n)))
            self._seen_menu.addAction(FROM_SCAN, lambda: self.scans_asked.emit(""))
        wanted = ["All lesions", *lesions]
        goal = placing.goal
        if self._suggest_key != (wanted, goal):
            self._suggest_key = (wanted, goal)
            self._suggest_menu.clear()
            for n, name in enumerate(wanted):
                action = self._suggest_menu.addAction(name)
                action.setObjectName(f"suggestFor_{n}")
                of = tuple(lesions) if n == 0 else (name,)
                action.triggered.connect(lambda _c=False, of=of: self.suggest_asked.emit(of))
            self._add_goal(goal)

    def _add_goal(self, goal: TipGoal) -> None:
        """What suggested tips are to reach stands below the lesions they are asked for."""
        placing = self.bench.catheters
        self._suggest_menu.addSeparator()
        rim = self._suggest_menu.addAction("With their rims")
        rim.setObjectName("suggestRim")
        rim.setCheckable(True)
        rim.setChecked(goal.with_rim)
        rim.triggered.connect(lambda is_on: self._do(lambda: placing.aim(with_rim=is_on)))
        thin = self._suggest_menu.addMenu("Thinnest vessel")
        for mm in THINNEST_MM:
            action = thin.addAction(f"{mm:g} mm" if mm else "any")
            action.setObjectName(f"suggestThinnest_{mm:g}")
            action.setCheckable(True)
            action.setChecked(goal.least_diameter_mm == mm)
            action.triggered.connect(
                lambda _c=False, mm=mm: self._do(lambda: placing.aim(least_diameter_mm=mm))
            )

    def _show_rows(self, targets: tuple[CatheterTarget, ...], chosen: CatheterTarget | None) -> None:
        key = (targets, chosen.id if chosen is not None else "")
        if key == self._rows_key:
            return
        self._rows_key = key
        clear_layout(self._rows)
        for number, target in enumerate(targets):
            row = Row(f"Catheter target {target.id}")
            row.setObjectName("row")
            row.set_selected(target is chosen)
            mark = dim_label("")
            mark.setPixmap(swatch_icon(rgb(tip_color(number))).pixmap(12, 12))
            row.line.addWidget(mark)
            words = f"{target.id} · {target.name or target.tree or target.perfused_structure}"
            row.line.addWidget(dim_label(words), 1)
            activity = target.agent.activity_gbq
            given = target.agent.type.words + (f" · {activity:g} GBq" if activity is not None else "")
            row.line.addWidget(dim_label(given))
            row.clicked.connect(lambda id=target.id: self.bench.catheters.choose(id))
            self._rows.addWidget(row)

    def _show_hint(self) -> None:
        placing = self.bench.catheters
        if placing.is_on:
            words = "Click a branch of an artery, in a slice or in 3D. Esc stops."
        elif not placing.trees:
            words = (
                "No artery is known. Find or draw it in the mode Vessels, or import what was seen perfused."
            )
        elif placing.ground is None and placing.targets:
            words = "Looking at what each vessel feeds…"
        elif placing.targets:
            words = "Drag a tip along its vessels."
        else:
            words = ""
        self._hint.setText(words)
        show(self._hint, bool(words))

    def _show_choices(self) -> None:
        choices = self.bench.catheters.choices
        if choices is self._choices_key:
            return
        self._choices_key = choices
        clear_layout(self._choices)
        for number, choice in enumerate(choices):
            tips = f"{len(choice.ways)} tip{'s' if len(choice.ways) > 1 else ''}"
            row = Row(f"Suggested tips {number + 1}")
            label = dim_label(f"{tips}: {choice.why()}")
            spared = choice.why(choices[0]) if number else choice.why()
            label.setToolTip("\n".join([*(w.title for w in choice.ways), spared]))
            row.line.addWidget(label, 1)
            take = link_button("Take")
            take.setObjectName(f"takeTips_{number}")
            take.clicked.connect(lambda _c=False, n=number: self._do(lambda: self.bench.catheters.take(n)))
            row.line.addWidget(take)
            self._choices.addWidget(row)

    def _do(self, call: Callable[[], None]) -> None:
        try:
            call()
        except PlannerError as error:
            self.trouble.emit(error)
            self.refresh()
