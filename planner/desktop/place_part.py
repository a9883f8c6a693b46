"""Places of the liver for Couinaud's planes: which are known and from where, and a button to click each."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from planner.desktop.pieces import clear_layout, dim_label, link_button, show
from planner.session.actions import Workbench
from planner.session.place_clicking import KnownPlace

#: What a row says of each place; the whole description is its tooltip.
SHORT = {
    "vena_cava_upper": "Vena cava, at the veins",
    "vena_cava_lower": "Vena cava, below",
    "right_hepatic_vein": "Right hepatic vein",
    "middle_hepatic_vein": "Middle hepatic vein",
    "left_hepatic_vein": "Left hepatic vein",
    "portal_fork": "Portal fork",
    "left_portal_end": "Left portal vein's bend",
}


class PlacePart(QWidget):
    """The places with their state, folded away where all that are needed are known.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    place_asked = Signal(object)
    start_asked = Signal(str)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        self._is_open: bool | None = None
        self._key: object = None
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 12, 2)
        column.setSpacing(2)
        self.fold = link_button("", "Places the planes go through: clicked, or read from named vessels")
        self.fold.setObjectName("placesFold")
        self.fold.clicked.connect(self._turn)
        column.addWidget(self.fold)
        self._rows = QWidget()
        self._grid = QGridLayout(self._rows)
        self._grid.setContentsMargins(2, 0, 0, 2)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(1)
        self._grid.setColumnStretch(0, 1)
        column.addWidget(self._rows)
        self._hint = dim_label("", wraps=True)
        self._hint.setObjectName("placesHint")
        column.addWidget(self._hint)

    def _turn(self) -> None:
        self._is_open = self._rows.isHidden()
        self.refresh()

    def refresh(self) -> None:
        """Show the places as they are."""
        placing = self.bench.vessels.placing
        places = placing.places
        show(self, bool(places))
        known = sum(p.lps_mm is not None for p in places)
        is_lacking = any(p.is_needed and p.lps_mm is None for p in places)
        is_open = is_lacking if self._is_open is None else self._is_open
        is_open = is_open or bool(placing.word)
        self.fold.setText(f"Places of the planes: {known} of {len(places)} known {'▾' if is_open else '▸'}")
        show(self._rows, is_open)
        waits = next((p for p in places if p.word == placing.word), None)
        self._hint.setText(f"Click {waits.title} in a slice. Esc stops." if waits is not None else "")
        show(self._hint, waits is not None)
        key = (places, placing.word)
        if key == self._key:
            return
        self._key = key
        clear_layout(self._grid)
        for row, place in enumerate(places):
            self._add(row, place, place.word == placing.word)

    def _add(self, row: int, place: KnownPlace, is_waited_for: bool) -> None:
        name = QLabel(SHORT[place.word])
        name.setToolTip(f"{place.title[:1].upper()}{place.title[1:]}")
        self._grid.addWidget(name, row, 0)
        if place.lps_mm is None:
            words = "needed" if place.is_needed else "optional"
        else:
            words = "clicked" if place.is_clicked else "from vessels"
        state = dim_label(words)
        state.setObjectName(f"placeState_{place.word}")
        self._grid.addWidget(state, row, 1)
        click = QPushButton("Click")
        click.setObjectName(f"clickPlace_{place.word}")
        click.setProperty("compact", True)
        click.setCheckable(True)
        click.setChecked(is_waited_for)
        click.setToolTip(f"Click {place.title} in a slice")
        click.clicked.connect(lambda: self.start_asked.emit(place.word))
        self._grid.addWidget(click, row, 2)
        if place.lps_mm is not None:
            self._link(row, 3, "show", f"showPlace_{place.word}", lambda: self.place_asked.emit(place.lps_mm))
        if place.is_clicked:
            self._link(row, 4, "forget", f"forgetPlace_{place.word}", lambda: self._forget(place.word))

    def _link(self, row: int, column: int, words: str, name: str, run: Callable[[], None]) -> None:
        link = link_button(words)
        link.setObjectName(name)
        link.clicked.connect(run)
        self._grid.addWidget(link, row, column)

    def _forget(self, word: str) -> None:
        self.bench.vessels.placing.forget(word)
