"""The part of the mode Vessels with the chosen branch: facts, territory, what a cut takes, corrections."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.pieces import card, dim_label, link_button, show, swatch_icon
from planner.scene.palette import rgb
from planner.scene.vessel_layers import LOSS_COLORS
from planner.session.actions import Workbench
from planner.session.branch_choosing import WAYS, BranchFacts
from planner.session.vessel_pointing import TreeClick
from planner.session.vessel_trees import STANDARD_NAMES

NOTHING = "Click a branch: in a slice, in 3D, or in the list."
WAITING = {
    TreeClick.JOIN: "Click where the part joins another branch. Esc stops.",
    TreeClick.ROOT: "Click the branch at whose outer end blood enters or leaves. Esc stops.",
}
CORRECTIONS = (
    ("partBranch", "Part here", "At the clicked point: what lies beyond becomes a part of its own"),
    ("joinBranch", "Join…", "Join the part of the chosen branch to another branch: click where"),
    ("rootBranch", "Root…", "Click the end of a branch where blood enters or leaves"),
    ("deleteBranch", "Delete", "This branch and all beyond it"),
    (
        "resectTerritory",
        "Resect",
        "Add a resection of this branch's territory, with all beyond it, to the plan",
    ),
)


class BranchPart(QWidget):
    """The branch that is looked at.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    name_asked = Signal(str)
    correction_asked = Signal(str)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 2, 12, 4)
        frame, layout = card()
        outer.addWidget(frame)
        self._hint = QLabel(NOTHING)
        self._hint.setObjectName("branchHint")
        self._hint.setWordWrap(True)
        layout.addWidget(self._hint)
        self._body = QWidget()
        self._body.setProperty("clear", True)
        layout.addWidget(self._body)
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addLayout(self._naming())
        self._facts = QLabel()
        self._facts.setObjectName("branchFacts")
        self._facts.setWordWrap(True)
        column.addWidget(self._facts)
        column.addLayout(self._territory())
        self.cut = CutPart(bench)
        column.addWidget(self.cut)
        line = QHBoxLayout()
        line.setSpacing(4)
        self._corrections: dict[str, QPushButton] = {}
        for name, words, tip in CORRECTIONS:
            button = QPushButton(words)
            button.setObjectName(name)
            button.setProperty("compact", True)
            button.setToolTip(tip)
            button.clicked.connect(lambda _checked, n=name: self.correction_asked.emit(n))
            self._corrections[name] = button
            line.addWidget(button)
        line.addStretch(1)
        column.addLayout(line)
        self._named_for: object = None

    def _naming(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(6)
        self.name = QComboBox()
        self.name.setObjectName("branchName")
        self.name.setAccessibleName("Name of the branch")
        self.name.setEditable(True)
        self.name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.name.activated.connect(lambda _n: self._name_chosen())
        edit = self.name.lineEdit()
        assert edit is not None
        edit.setPlaceholderText("no name")
        edit.returnPressed.connect(self._name_chosen)
        self.confirm = QPushButton("Confirm")
        self.confirm.setObjectName("confirmName")
        self.confirm.setProperty("compact", True)
        self.confirm.clicked.connect(lambda _checked: self._name_chosen())
        line.addWidget(self.name, 1)
        line.addWidget(self.confirm)
        return line

    def _territory(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(1)
        self._volume = QLabel()
        self._volume.setObjectName("territoryVolume")
        self._volume.setProperty("headline", True)
        column.addWidget(self._volume)
        line = QHBoxLayout()
        line.setSpacing(6)
        self._flow = dim_label()
        self._flow.setObjectName("territoryFlow")
        self._flow.setWordWrap(True)
        line.addWidget(self._flow, 1)
        self.way = QComboBox()
        self.way.setObjectName("territoryWay")
        self.way.setAccessibleName("By which distance liver belongs to a branch")
        self.way.setToolTip("By which distance a voxel of liver belongs to its nearest branch")
        for word, title in WAYS:
            self.way.addItem(title, word)
        self.way.activated.connect(
            lambda _n: self.bench.vessels.branches.set_way(str(self.way.currentData()))
        )
        line.addWidget(self.way)
        column.addLayout(line)
        return column

    def _name_chosen(self) -> None:
        self.name_asked.emit(self.name.currentText().strip())

    def refresh(self) -> None:
        """Show the chosen branch, or what to click."""
        vessels = self.bench.vessels
        facts, waiting = vessels.branches.facts, WAITING.get(vessels.pointer.next_click, "")
        hint = waiting or (NOTHING if facts is None and vessels.trees.trees else "")
        self._hint.setText(hint)
        show(self._hint, bool(hint))
        show(self, bool(hint) or facts is not None)
        show(self._body, facts is not None)
        if facts is None:
            self._named_for = None
            return
        self._show_name(facts)
        beyond = "nothing beyond" if not facts.beyond else f"{facts.beyond} beyond"
        self._facts.setText(
            f"Gen. {facts.generation} · {facts.length_mm:.0f} mm long · "
            f"{facts.diameter_mm:.1f} mm wide · {beyond}"
        )
        self._show_territory(facts)
        self.cut.refresh()
        why = vessels.why_not_join()
        button = self._corrections["joinBranch"]
        button.setEnabled(not why)
        button.setToolTip(why or CORRECTIONS[1][2])

    def _show_name(self, facts: BranchFacts) -> None:
        branches = self.bench.vessels.branches
        tree = branches.tree
        assert tree is not None
        key = (tree.id, branches.choice and branches.choice.number, facts.name, facts.is_name_confirmed)
        if key != self._named_for:
            self._named_for = key
            with QSignalBlocker(self.name):
                self.name.clear()
                self.name.addItems(STANDARD_NAMES[tree.role])
                self.name.setCurrentText(facts.name)
        self.confirm.setEnabled(not facts.is_name_confirmed)
        words = "The name is confirmed." if facts.is_name_confirmed else "Take the name for right"
        self.confirm.setText(
            "Confirmed" if facts.is_name_confirmed else ("Confirm" if facts.name else "Name")
        )
        self.confirm.setToolTip(words)

    def _show_territory(self, facts: BranchFacts) -> None:
        branches = self.bench.vessels.branches
        tree = branches.tree
        assert tree is not None
        trouble = branches.trouble(tree)
        with QSignalBlocker(self.way):
            self.way.setCurrentIndex(self.way.findData(branches.way))
        does = "drained" if facts.flow == "outflow" else "fed"
        if facts.volume_ml is None or facts.share_percent is None:
            self._volume.setText("–")
            self._flow.setText(
                "sharing out the liver…" if trouble is None else f"{trouble.what} {trouble.todo}"
            )
        elif facts.volume_ml == 0:
            self._volume.setText("0 ml")
            self._flow.setText(f"{facts.flow}: outside the liver")
        else:
            self._volume.setText(f"{facts.volume_ml:.0f} ml   {facts.share_percent:.1f} %")
            self._flow.setText(f"{facts.flow}: {does} by it and all beyond")


class CutPart(QWidget):
    """What is lost where branches are thought cut."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        line = QHBoxLayout()
        self.box = QCheckBox("What if it is cut here?")
        self.box.setObjectName("thinkCut")
        self.box.setToolTip("Shows what loses inflow or outflow; the tree stays as it is")
        self.box.clicked.connect(lambda _checked: bench.vessels.branches.toggle_cut())
        self.mend = link_button("Mend all", "Think no branch cut")
        self.mend.setObjectName("mendAll")
        self.mend.clicked.connect(lambda _checked: bench.vessels.branches.mend_all())
        line.addWidget(self.box)
        line.addStretch(1)
        line.addWidget(self.mend)
        column.addLayout(line)
        self._lines: dict[int, tuple[QWidget, QLabel]] = {}
        for loss, (words, color) in LOSS_COLORS.items():
            row = QWidget()
            inner = QHBoxLayout(row)
            inner.setContentsMargins(2, 0, 0, 0)
            inner.setSpacing(6)
            mark = QLabel()
            mark.setPixmap(swatch_icon(rgb(color)).pixmap(11, 11))
            number = QLabel()
            number.setObjectName(f"loss_{loss}")
            number.setAlignment(Qt.AlignmentFlag.AlignRight)
            inner.addWidget(mark)
            inner.addWidget(QLabel(words), 1)
            inner.addWidget(number)
            column.addWidget(row)
            self._lines[loss] = (row, number)
        self._note = dim_label("", wraps=True)
        self._note.setObjectName("cutNote")
        column.addWidget(self._note)

    def refresh(self) -> None:
        """Show what is lost now."""
        from planner.planning.cut_effect import Loss

        branches = self.bench.vessels.branches
        with QSignalBlocker(self.box):
            self.box.setChecked(branches.is_cut)
        show(self.mend, bool(branches.cuts))
        effect = branches.effect
        for loss, (row, number) in self._lines.items():
            show(row, bool(branches.cuts))
            if effect is not None:
                ml = effect.volume_ml(Loss(loss))
                number.setText(f"{ml:.0f} ml   {100 * ml / effect.ground.volume_ml:.1f} %")
            else:
                number.setText("…")
        notes = effect.notes if effect is not None else ()
        count = len(branches.cuts)
        words = [f"{count} branches are thought cut."] if count > 1 else []
        self._note.setText(" ".join((*words, *notes)))
        show(self._note, bool(self._note.text()))
