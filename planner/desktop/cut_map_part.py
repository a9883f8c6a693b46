"""The page with the resection map: the chosen cut laid flat, and the vessels that go through it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from planner.base.errors import PlannerError
from planner.desktop.pieces import clear_layout, dim_label, heading, show
from planner.desktop.theme import SMALL_PX, shown_theme
from planner.model.assessment import Surface
from planner.model.points import as_point
from planner.session.actions import Workbench

if TYPE_CHECKING:
    from planner.planning.cut_map import CutMap

HEIGHT_PX = 330
#: What colours the map: words, and the word of the map.
BY = (("Distance to lesions", "lesion"), ("Distance to vessels", "vessel"))


class CutMapView(QWidget):
    """Paints one map; a click takes the views to the place."""

    place_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("cutMap")
        self.setAccessibleName("The cut laid flat")
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.found: CutMap | None = None
        self._surface: Surface | None = None
        self._by = "lesion"
        self._image: tuple[object, QImage] | None = None

    def show_map(self, found: CutMap | None, surface: Surface | None, by: str) -> None:
        """Show a map of a surface; None shows none."""
        self.found, self._surface, self._by = found, surface, by
        self._image = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the kept picture."""
        painter = QPainter(self)
        theme = shown_theme()
        painter.fillRect(self.rect(), QColor(theme.background))
        if self.found is None:
            return
        from planner.scene.cut_map_picture import paint_cut_map

        key = (self.size(), self.devicePixelRatioF(), theme)
        if self._image is None or self._image[0] != key:
            ratio = self.devicePixelRatioF()
            image = QImage(self.size() * ratio, QImage.Format.Format_RGB32)
            image.setDevicePixelRatio(ratio)
            image.fill(QColor(theme.background))
            inner = QPainter(image)
            font = QFont(self.font())
            font.setPixelSize(SMALL_PX)
            inner.setFont(font)
            paint_cut_map(inner, (self.width(), self.height()), self.found, self._by, theme)
            inner.end()
            self._image = (key, image)
        painter.drawImage(0, 0, self._image[1])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the views to the corner of the cut that is nearest to the mouse."""
        if self.found is None or self._surface is None:
            return
        from planner.scene.cut_map_picture import MapFrame, map_area

        frame = MapFrame.fitting(self.found.points_mm, map_area(self.width(), self.height()))
        away = np.linalg.norm(self.found.points_mm - frame.map_mm(event.position()), axis=1)
        nearest = int(away.argmin())
        if away[nearest] * frame.px_per_mm <= 20.0:
            self.place_asked.emit(as_point(self._surface.points_lps_mm[nearest].astype(float)))


class CutMapPart(QWidget):
    """The map of the chosen cut, what colours it, and the list of vessels.

    Parameters
    ----------
    bench
        The session with its tools.
    post
        Runs a call on the window's thread.
    """

    place_asked = Signal(object)
    _made = Signal(object, object)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._title = heading("The cut laid flat")
        column.addWidget(self._title)
        line = QHBoxLayout()
        line.setContentsMargins(14, 0, 14, 0)
        line.addWidget(dim_label("Coloured by"))
        self.by = QComboBox()
        self.by.setObjectName("mapColouredBy")
        self.by.setAccessibleName("What the map is coloured by")
        for words, value in BY:
            self.by.addItem(words, value)
        self.by.activated.connect(lambda _n: self._show())
        line.addWidget(self.by, 1)
        column.addLayout(line)
        self.view = CutMapView()
        self.view.place_asked.connect(self.place_asked)
        column.addWidget(self.view)
        self._words = dim_label("", wraps=True)
        self._words.setObjectName("cutMapWords")
        self._words.setContentsMargins(14, 0, 14, 0)
        column.addWidget(self._words)
        self._vessels_title = heading("Vessels through the cut")
        column.addWidget(self._vessels_title)
        self._vessels = QVBoxLayout()
        self._vessels.setContentsMargins(14, 0, 14, 0)
        column.addLayout(self._vessels)
        column.addStretch(1)
        self._key: object = None
        self._made.connect(self._take)

    def refresh(self) -> None:
        """Lay the chosen cut flat, on a thread, where it or the vessels changed."""
        chosen = self.bench.resecting.chosen
        surface = self.bench.resecting.surface_of(chosen.id) if chosen is not None else None
        trees = self.bench.session.case.vessel_trees if self.bench.session.is_open else ()
        key = (surface, trees)
        if key == self._key:
            return
        self._key = key
        if chosen is None or surface is None or surface.values is None or not len(surface.triangles):
            why = "Select a resection." if chosen is None else "The map comes when the cut is assessed."
            self.view.show_map(None, None, "lesion")
            self._say(why)
            return
        self._title.setText(f"The cut {chosen.id} laid flat".upper())

        def work() -> None:
            from planner.planning.cut_map import cut_map

            try:
                found: CutMap | PlannerError = cut_map(surface, trees)
            except PlannerError as error:
                found = error
            self._made.emit(key, found)

        threading.Thread(target=work, name="cut-map", daemon=True).start()

    def _take(self, key: object, found: CutMap | PlannerError) -> None:
        if key != self._key:
            return  # another cut is looked at by now
        if isinstance(found, PlannerError):
            self.view.show_map(None, None, "lesion")
            self._say(f"{found.what} {found.todo}")
            return
        surface = self._key[0] if isinstance(self._key, tuple) else None
        self.view.show_map(found, surface, str(self.by.currentData()))
        self._say(
            f"{found.method}. Lengths are off by {found.mean_percent:.1f} % on average, at most"
            f" {found.largest_percent:.0f} %. Click to be taken to a place."
        )
        self._list(found)

    def _show(self) -> None:
        if self.view.found is not None and isinstance(self._key, tuple):
            self.view.show_map(self.view.found, self._key[0], str(self.by.currentData()))

    def _say(self, words: str) -> None:
        self._words.setText(words[:1].upper() + words[1:])
        clear_layout(self._vessels)
        show(self._vessels_title, False)

    def _list(self, found: CutMap) -> None:
        show(self._vessels_title, True)
        if not self.bench.session.case.vessel_trees:
            self._vessels.addWidget(
                dim_label("The case keeps no vessel trees: find them in the mode Vessels.", wraps=True)
            )
            return
        for n, crossing in enumerate(found.crossings):
            words = f"{n + 1}  {crossing.title} ({crossing.tree}), {crossing.diameter_mm:.0f} mm"
            self._vessels.addWidget(dim_label(words))
        if not found.crossings:
            self._vessels.addWidget(dim_label("None of 2 mm or more."))
