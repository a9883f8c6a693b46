"""The left panel: series, structures with eye, opacity and colour, and plans."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.pieces import (
    Elided,
    Part,
    Row,
    dim_label,
    eye_icon,
    icon_button,
    scrolled,
    swatch_icon,
)
from planner.desktop.theme import shown_theme
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vocabulary import vocabulary
from planner.session.actions import Workbench
from planner.session.placing import center_of

#: What is listed first, then the rest in the case's order.
_ORDER = (Role.LIVER, Role.LESION, Role.PORTAL_VEIN, Role.HEPATIC_VEIN, Role.HEPATIC_ARTERY, Role.VENA_CAVA)


class CasePanel(QWidget):
    """Series, structures and plans of the open case.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    plan_chosen = Signal(str, int)
    rename_asked = Signal(str)
    trouble = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        self._facts: dict[str, str] = {}
        self._body = QWidget()
        self._body.setObjectName("panelBody")
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 4, 0, 8)
        column.setSpacing(0)
        self._parts = {id: Part(id.capitalize()) for id in ("series", "structures", "plans")}
        for part in self._parts.values():
            column.addWidget(part)
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(self._body))
        self._rows: dict[str, Row] = {}
        self._image_rows: dict[str, Row] = {}
        self._eyes: dict[str, QToolButton] = {}
        self._in_3d: QCheckBox | None = None
        self._unfolded = ""

    def set_facts(self, facts: dict[str, str]) -> None:
        """Diameters and volumes in words, by structure."""
        self._facts = facts
        self.rebuild()

    def rebuild(self) -> None:
        """List what is open now; a part is built anew only where what it shows has changed."""
        session = self.bench.session
        if not session.is_open:
            for part in self._parts.values():
                part.clear()
            self._rows, self._eyes, self._in_3d = {}, {}, None
            return
        case, sets = session.case, session.case.structure_sets
        chosen = session.selection.image or (case.images[0].id if case.images else "")
        self._parts["series"].fill(
            (tuple((i.id, i.title, i.grid.shape) for i in case.images), chosen, shown_theme()),
            self._series_rows,
        )
        structures = sets[0].structures if sets else ()
        facts = tuple(sorted(self._facts.items()))
        self._parts["structures"].fill(
            (tuple(s.id for s in sets), structures, facts, self._unfolded, shown_theme()),
            self._structure_rows,
        )
        versions = session.plan_versions()
        self._parts["plans"].fill(
            (session.plan.name, session.is_plan_saved, session.is_aside, versions, shown_theme()),
            self._plan_rows,
        )
        self.mark_selection()

    def _series_rows(self) -> list[QWidget]:
        images = self.bench.session.case.images
        self._image_rows.clear()
        return [self._series_row(i.id, i.title, f"{i.grid.shape[0]} sl") for i in images]

    def _structure_rows(self) -> list[QWidget]:
        sets = self.bench.session.case.structure_sets
        self._rows, self._eyes, self._in_3d = {}, {}, None
        found: list[QWidget] = [self._set_chooser([s.id for s in sets])] if len(sets) > 1 else []
        if not sets or not sets[0].structures:
            note = dim_label(
                "None yet. Import a segmentation, or mark a lesion in the mode Structures.", wraps=True
            )
            note.setContentsMargins(14, 0, 14, 4)
            found.append(note)
        for structure in _ordered(sets[0].structures if sets else ()):
            row = self._rows[structure.name] = self._structure_row(structure)
            found.append(row)
            if structure.name == self._unfolded:
                found.append(self._looks_line(structure))
        return found

    def show_look(self, name: str) -> None:
        """Take over a structure's changed look; nothing is built anew, for its slider may be in the hand."""
        sets = self.bench.session.case.structure_sets
        if name not in self._eyes or not sets or name not in sets[0]:
            return
        look = self.bench.appearance.look(sets[0][name])
        self._eyes[name].setIcon(eye_icon(look.is_visible))
        if name == self._unfolded and self._in_3d is not None:
            with QSignalBlocker(self._in_3d):
                self._in_3d.setChecked(look.is_visible_3d)

    def mark_selection(self) -> None:
        """Mark the selected lesion and the structure that was clicked last."""
        chosen = (self.bench.session.selection.lesion, self._unfolded)
        for name, row in self._rows.items():
            row.set_selected(name in chosen)
        images = self.bench.session.case.images
        image = self.bench.session.selection.image or (images[0].id if images else "")
        for id, row in self._image_rows.items():
            row.set_selected(id == image)

    def _series_row(self, id: str, title: str, fact: str) -> Row:
        row = Row(title)
        chosen = self.bench.session.selection.image or self.bench.session.case.images[0].id
        row.set_selected(id == chosen)
        row.line.addWidget(Elided(title), 1)
        row.line.addWidget(dim_label(fact))
        row.clicked.connect(lambda: self._choose_image(id))
        self._image_rows[id] = row
        return row

    def _choose_image(self, id: str) -> None:
        self.bench.session.selection.choose(image=id)
        self.rebuild()

    def _structure_row(self, structure: Structure) -> Row:
        row = Row(structure.name)
        look = self.bench.appearance.look(structure)
        eye = icon_button(
            eye_icon(look.is_visible), f"Show or hide {structure.name}", lambda: self._toggle(structure)
        )
        row.line.addWidget(eye)
        self._eyes[structure.name] = eye
        color = icon_button(
            swatch_icon(structure.color), f"Colour of {structure.name}", lambda: self._recolor(structure)
        )
        row.line.addWidget(color)
        row.line.addWidget(Elided(structure.name), 1)
        row.line.addWidget(dim_label(self._facts.get(structure.name, "")))
        row.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        row.customContextMenuRequested.connect(lambda at: self._menu(structure, row.mapToGlobal(at)))
        row.clicked.connect(lambda: self._go_to(structure))
        return row

    def _plan_rows(self) -> list[QWidget]:
        session = self.bench.session
        versions = session.plan_versions()
        latest = {v.name: v for v in versions}
        current = session.plan.name
        row = Row(f"Plan {current}")
        row.set_selected(True)
        row.line.addWidget(Elided(current), 1)
        state = "saved" if session.is_plan_saved and current in latest else "not saved"
        if session.is_aside:  # other plans wait until it is ended
            row.line.addWidget(dim_label("not kept with the case"))
            return [row]
        row.line.addWidget(dim_label(state))
        if len([v for v in versions if v.name == current]) > 1:
            row.setToolTip("Right-click for earlier versions")
            row.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            row.customContextMenuRequested.connect(
                lambda at: self._version_menu(current, row.mapToGlobal(at))
            )
        found: list[QWidget] = [row]
        for name, version in reversed(latest.items()):
            if name == current:
                continue
            other = Row(f"Plan {name}")
            other.line.addWidget(Elided(name), 1)
            other.line.addWidget(dim_label(version.saved[5:16].replace("T", " ")))
            other.clicked.connect(partial(self.plan_chosen.emit, name, 0))
            found.append(other)
        return found

    def _version_menu(self, name: str, at: QPoint) -> None:
        menu = QMenu(self)
        for version in reversed(self.bench.session.plan_versions()):
            if version.name == name:
                text = f"Version {version.version} · {version.saved[:16].replace('T', ' ')} {version.author}"
                menu.addAction(text, partial(self.plan_chosen.emit, name, version.version))
        menu.exec(at)

    # changes -------------------------------------------------------------------------------

    def _toggle(self, structure: Structure) -> None:
        look = self.bench.appearance.look(structure)
        self.bench.appearance.set_visible(structure, not look.is_visible)

    def _go_to(self, structure: Structure) -> None:
        session = self.bench.session
        if session.case.structures.box(structure.name).is_empty:
            return
        self._unfolded = structure.name
        if structure.role == Role.LESION:
            session.selection.choose(lesion=structure.name)
        self.rebuild()
        session.selection.move_cursor(center_of(session.case.structures, structure.name))

    def _recolor(self, structure: Structure) -> None:
        chosen = QColorDialog.getColor(QColor(*structure.color), self, f"Colour of {structure.name}")
        if chosen.isValid():
            color = (chosen.red(), chosen.green(), chosen.blue())
            structures = self.bench.session.case.structures.edited(structure.name, color=color)
            self._change(f"Change colour of {structure.name}", structures)

    def _menu(self, structure: Structure, at: QPoint) -> None:
        menu = QMenu(self)
        look = self.bench.appearance.look(structure)
        shown = menu.addAction("Show in 3D")
        shown.setCheckable(True)
        shown.setChecked(look.is_visible_3d)
        shown.toggled.connect(lambda on: self.bench.appearance.set_visible_3d(structure, on))
        roles = menu.addMenu("Role")
        for role in Role:
            action = roles.addAction(vocabulary().entry(role).title)
            action.setCheckable(True)
            action.setChecked(role == structure.role)
            action.triggered.connect(partial(self._role_chosen, structure, role))
        menu.addAction("Rename…", lambda: self.rename_asked.emit(structure.name))
        menu.addAction("Remove", lambda: self._remove(structure))
        menu.exec(at)

    def _looks_line(self, structure: Structure) -> QWidget:
        """Opacity and 3D of the structure that was clicked, below its row."""
        look = self.bench.appearance.look(structure)
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(36, 0, 12, 4)
        line.addWidget(dim_label("Opacity"))
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setObjectName("opacitySlider")
        slider.setAccessibleName(f"Opacity of {structure.name}")
        slider.setRange(0, 100)
        slider.setValue(round(100 * look.opacity))
        words = dim_label(f"{round(100 * look.opacity)} %")
        words.setFixedWidth(34)
        slider.valueChanged.connect(lambda v: words.setText(f"{v} %"))
        slider.valueChanged.connect(lambda v: self.bench.appearance.set_opacity(structure, v / 100))
        line.addWidget(slider, 1)
        line.addWidget(words)
        box = QCheckBox("3D")
        box.setObjectName("showIn3d")
        box.setChecked(look.is_visible_3d)
        box.toggled.connect(lambda on: self.bench.appearance.set_visible_3d(structure, on))
        line.addWidget(box)
        self._in_3d = box
        return holder

    def _set_chooser(self, ids: list[str]) -> QWidget:
        """Which structure set plans are judged on."""
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(14, 0, 12, 4)
        line.addWidget(dim_label("Judge on"))
        choice = QComboBox()
        choice.setObjectName("structureSets")
        choice.setAccessibleName("Structure set plans are judged on")
        choice.addItems(ids)
        # A long id must not push the volumes of the list out of sight.
        choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        choice.activated.connect(lambda n: self._judge_on(ids[n]))
        line.addWidget(choice, 1)
        return holder

    def _judge_on(self, id: str) -> None:
        session = self.bench.session
        if id != session.case.structures.id:
            try:
                session.change_case(f"Judge on {id}", session.case.judged_on(id))
            except PlannerError as error:
                self.trouble.emit(error)

    def _role_chosen(self, structure: Structure, role: Role, _checked: bool = False) -> None:
        self._set_role(structure, role)

    def _set_role(self, structure: Structure, role: Role) -> None:
        entry = vocabulary().entry(role)
        changed = self.bench.session.case.structures.edited(
            structure.name, role=role, code=entry.code, color=entry.color
        )
        self._change(f"Make {structure.name} {entry.title.lower()}", changed)

    def _remove(self, structure: Structure) -> None:
        changed = self.bench.session.case.structures.without(structure.name)
        self._change(f"Remove {structure.name}", changed)

    def _change(self, label: str, structures: StructureSet) -> None:
        try:
            self.bench.session.change_structures(label, structures)
        except PlannerError as error:
            self.trouble.emit(error)


def _ordered(structures: tuple[Structure, ...]) -> list[Structure]:
    ranks = {role: n for n, role in enumerate(_ORDER)}
    return sorted(structures, key=lambda s: ranks.get(s.role, len(ranks)))
