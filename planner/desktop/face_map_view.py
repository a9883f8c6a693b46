"""The face map in the panel: electrodes and pairs over the lesion, with distances and currents."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from planner.desktop.theme import SMALL_PX, shown_theme
from planner.model.electrode_array import ElectrodeArray
from planner.model.structures import StructureSet
from planner.scene.face_map import FaceMap, face_map, paint_face_map

#: Room for the words under the map.
WORDS_PX = 18.0
HEIGHT_PX = 240


class FaceMapView(QWidget):
    """Paints the face map of one array."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("faceMap")
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.found: FaceMap | None = None
        self._pairs: Mapping[tuple[int, int], tuple[str, str]] = {}
        self._color = QColor("#f0e442")

    def show_array(
        self,
        array: ElectrodeArray | None,
        structures: StructureSet | None,
        pairs: Mapping[tuple[int, int], tuple[str, str]],
    ) -> None:
        """Show an array with a text and a colour for each pair; None shows nothing."""
        self.found = face_map(array, structures) if array is not None else None
        self._pairs = pairs
        if array is not None and structures is not None and array.lesion in structures:
            self._color = QColor(*structures[array.lesion].color)
        self.setAccessibleDescription(self.found.words if self.found is not None else "")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the map, and from where it is seen."""
        painter = QPainter(self)
        theme = shown_theme()
        painter.fillRect(self.rect(), QColor(theme.background))
        if self.found is None:
            return
        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        area = QRectF(self.rect()).adjusted(6, 4, -6, -WORDS_PX)
        paint_face_map(painter, area, self.found, self._pairs, theme, font, self._color)
        painter.setFont(font)
        painter.setPen(QColor(theme.dim))
        words = QRectF(8, self.height() - WORDS_PX, self.width() - 16, WORDS_PX)
        painter.drawText(words, self.found.words)
