"""The right panel of the mode Vessels: trees with their branches, and Couinaud's segments."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.branch_list import BranchList
from planner.desktop.branch_part import BranchPart
from planner.desktop.pieces import Part, page, scrolled, show
from planner.desktop.segment_part import SegmentPart, segment_color
from planner.desktop.step_bar import StepBar
from planner.desktop.tree_part import TreePart
from planner.model.vessel_tree import VesselTree
from planner.planning.couinaud import NUMBERS
from planner.session.actions import Workbench
from planner.session.vessel_pointing import TreeClick

PAGES = (
    ("trees", "Trees", "Vessels as trees: branches, their territories, and what is lost where one is cut"),
    ("segments", "Segments", "Couinaud's segments: found, measured, corrected"),
)
TREES, SEGMENTS = range(2)


class VesselPanel(QWidget):
    """Trees and segments.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    find_asked = Signal()
    segments_asked = Signal(str)
    page_changed = Signal()
    place_asked = Signal(object)
    trouble = Signal(object)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidePanel")
        self.bench = bench
        self._shown = ""
        vessels = bench.vessels
        trees, column = page()
        self.trees = TreePart(bench)
        self.trees.find_asked.connect(self.find_asked)
        self.trees.draw_asked.connect(lambda: self._do(self._draw))
        self.trees.end_asked.connect(lambda: self._do(vessels.end_drawing))
        self.trees.delete_asked.connect(lambda tree: self._do(lambda: vessels.trees.delete_tree(tree)))
        self.trees.chosen.connect(self._tree_chosen)
        column.addWidget(self.trees)
        self.branch = BranchPart(bench)
        self.branch.name_asked.connect(self._name)
        self.branch.correction_asked.connect(lambda name: self._do(self._corrections()[name]))
        column.addWidget(self.branch)
        self.branches = BranchList()
        self.branches.chosen.connect(self._branch_chosen)
        self.branches.all_asked.connect(self.refresh)
        self.branches.confirm_asked.connect(lambda: self._do(lambda: vessels.trees.confirm_all(self._shown)))
        self.branches.names_asked.connect(lambda: self._do(lambda: vessels.trees.propose_names(self._shown)))
        column.addWidget(self.branches)
        self.notes = Part("Notes")
        column.addWidget(self.notes)
        column.addStretch(1)
        segments, column = page()
        self.segments = SegmentPart(bench)
        self.segments.find_asked.connect(self.segments_asked)
        self.segments.places.place_asked.connect(self.place_asked)
        self.segments.places.start_asked.connect(lambda word: self._do(lambda: self._click_place(word)))
        column.addWidget(self.segments)
        column.addStretch(1)
        self.stack = QStackedWidget()
        for body in (trees, segments):
            self.stack.addWidget(scrolled(body))
        bar = StepBar(PAGES)
        bar.chosen.connect(self._page_chosen)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 4, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(bar)
        outer.addWidget(self.stack, 1)

    @property
    def is_on_segments(self) -> bool:
        """Whether the page Segments is shown."""
        return self.stack.currentIndex() == SEGMENTS

    @property
    def shown_tree(self) -> VesselTree | None:
        """The tree whose branches are listed: the chosen branch's, else the one chosen last, else the first."""
        vessels = self.bench.vessels
        tree = vessels.branches.tree
        trees = vessels.trees.trees
        if tree is None:
            tree = next((t for t in trees if t.id == self._shown), trees[0] if trees else None)
        self._shown = tree.id if tree is not None else ""
        return tree

    def show_notes(self, notes: tuple[str, ...]) -> None:
        """Keep what was said on finding trees; shown with the notes of the tree."""
        self._found_notes = notes
        self.refresh()

    _found_notes: tuple[str, ...] = ()

    def refresh(self) -> None:
        """Show what is known now."""
        if not self.bench.session.is_open:
            return
        if self.is_on_segments:
            colors = {n: segment_color(self.bench, n) for n in NUMBERS}
            self.segments.table.colors = colors
            self.segments.refresh()
            return
        tree = self.shown_tree
        self.trees.refresh(self._shown)
        self.branch.refresh()
        show(self.branches, tree is not None)
        if tree is not None:
            choice = self.bench.vessels.branches.choice
            self.branches.show_tree(tree, choice.number if choice is not None else None)
        words = (*self._found_notes, *(tree.notes if tree is not None else ()))
        show(self.notes, bool(words))
        self.notes.fill(words, lambda: [_note(w) for w in words])

    def _page_chosen(self, index: int) -> None:
        self.bench.vessels.cancel()
        self.stack.setCurrentIndex(index)
        self.page_changed.emit()

    def _draw(self) -> None:
        self.bench.vessels.cancel()
        tree = self.shown_tree
        if tree is not None:
            self.bench.vessels.drawing.set_up(role=tree.role)
        self.bench.vessels.drawing.start()

    def _click_place(self, word: str) -> None:
        placing = self.bench.vessels.placing
        is_on = placing.word == word
        self.bench.vessels.cancel()
        if not is_on:
            placing.start(word)

    def _tree_chosen(self, tree: str) -> None:
        self._shown = tree
        branches = self.bench.vessels.branches
        if branches.choice is not None and branches.choice.tree != tree:
            branches.look_away()
        self.refresh()

    def _branch_chosen(self, number: int) -> None:
        branches = self.bench.vessels.branches
        branches.choose(self._shown, number)
        place = branches.place_lps_mm
        if place is not None:
            self.place_asked.emit(place)

    def _name(self, name: str) -> None:
        choice = self.bench.vessels.branches.choice
        facts = self.bench.vessels.branches.facts
        if choice is None or facts is None or (facts.name == name and (facts.is_name_confirmed or not name)):
            return
        self._do(lambda: self.bench.vessels.trees.rename(choice.tree, choice.number, name))

    def _corrections(self) -> dict[str, Callable[[], None]]:
        vessels = self.bench.vessels
        return {
            "partBranch": vessels.cut_here,
            "joinBranch": lambda: vessels.start_correcting(TreeClick.JOIN),
            "rootBranch": lambda: vessels.start_correcting(TreeClick.ROOT),
            "deleteBranch": vessels.delete_chosen,
            "resectTerritory": self._resect,
        }

    def _resect(self) -> None:
        """Add a resection of the chosen branch's territory to the plan."""
        choice, facts = self.bench.vessels.branches.choice, self.bench.vessels.branches.facts
        if choice is not None and facts is not None:
            name = f"territory of {facts.name or f'branch {choice.number}'}"
            self.bench.resecting.take_territories(choice.tree, (choice.number,), name)

    def show_segments(self) -> None:
        """Turn to the page where segments are made."""
        for button in self.findChildren(QPushButton):
            if button.objectName() == "step_segments":
                button.click()

    def _do(self, do: Callable[[], object]) -> None:
        try:
            do()
        except PlannerError as error:
            self.trouble.emit(error)


def _note(words: str) -> QLabel:
    label = QLabel(words)
    label.setWordWrap(True)
    label.setContentsMargins(14, 1, 14, 1)
    return label
