"""The lesion's surface unrolled flat, painted by its margin; a click takes the views to the place."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from planner.desktop.pieces import show
from planner.desktop.theme import SMALL_PX, shown_theme
from planner.model.assessment import Surface
from planner.scene.palette import PAINTED, rgb
from planner.scene.unrolled import UnrolledMap, Unroller, map_fractions

#: Room for the letters around the map.
_BORDER_PX = 16.0
#: Letters by the direction (LPS) they stand at.
_LETTERS = (("A", (0, -1, 0)), ("L", (1, 0, 0)), ("R", (-1, 0, 0)))


class MarginMap(QWidget):
    """A map of one lesion: front in the middle, back at both ends, head on top."""

    place_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._surface: Surface | None = None
        self._map: UnrolledMap | None = None
        self._unroller: Unroller | None = None
        self._image: QImage | None = None
        self.setObjectName("marginMap")
        self.setAccessibleName("Margin on the unrolled surface")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.hide()

    def hasHeightForWidth(self) -> bool:
        """The map is half as high as wide."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Half the width between the letters, and theirs."""
        return round(0.5 * (width - 2 * _BORDER_PX) + 2 * _BORDER_PX)

    def sizeHint(self) -> QSize:
        """As wide as the panel's usual card."""
        return QSize(300, self.heightForWidth(300))

    def show_surface(self, surface: Surface | None) -> None:
        """Unroll a painted surface; None hides the map."""
        if surface is self._surface:
            return
        self._surface = surface
        self._map = self._image = None
        show(self, surface is not None)
        if surface is None:
            return
        title = PAINTED[surface.name][0]
        self.setToolTip(
            f"The surface of {surface.subject} unrolled, painted by its {title}: front (A) in the middle,"
            " back at both ends. The ring is the weakest place. Click to be taken there."
        )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The map with its letters, and a ring at the weakest place."""
        if self._surface is None:
            return
        if self._map is None:
            if self._unroller is None or not self._unroller.suits(self._surface):
                self._unroller = Unroller(self._surface)
            self._map = self._unroller.unrolled(self._surface)
        if self._image is None:
            self._image = _painted(self._map, self._surface.name)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = self._area()
        painter.drawImage(area, self._image)
        font = painter.font()
        font.setPixelSize(SMALL_PX - 1)
        painter.setFont(font)
        painter.setPen(QColor("#0c0f12"))
        for letter, direction in _LETTERS:
            at = self._at(map_fractions(np.array(direction, dtype=float)))
            painter.drawText(QRectF(at.x() - 8, at.y() - 8, 16, 16), Qt.AlignmentFlag.AlignCenter, letter)
        painter.setPen(QColor(shown_theme().dim))
        middle = Qt.AlignmentFlag.AlignCenter
        for letter, x, y in (
            ("P", area.left() - 8, area.center().y()),
            ("P", area.right() + 8, area.center().y()),
            ("S", area.center().x(), area.top() - 8),
            ("I", area.center().x(), area.bottom() + 8),
        ):
            painter.drawText(QRectF(x - 8, y - 8, 16, 16), middle, letter)
        weakest = self._at(self._map.lowest)
        for color, width in (("#0c0f12", 3.5), ("#ffffff", 1.6)):
            painter.setPen(QPen(QColor(color), width))
            painter.drawEllipse(weakest, 5.0, 5.0)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the views to the place under the mouse."""
        if self._map is None:
            return
        area = self._area()
        at = event.position()
        place = self._map.place_at(
            (at.y() - area.top()) / area.height(), (at.x() - area.left()) / area.width()
        )
        if place is not None:
            self.place_asked.emit(place)

    def _area(self) -> QRectF:
        width = self.width() - 2 * _BORDER_PX
        return QRectF(_BORDER_PX, _BORDER_PX, width, width / 2)

    def _at(self, fractions: tuple[float, float]) -> QPointF:
        area = self._area()
        return QPointF(area.left() + fractions[1] * area.width(), area.top() + fractions[0] * area.height())


def _painted(unrolled_map: UnrolledMap, name: str) -> QImage:
    classes = PAINTED[name][1]
    bounds = np.array([bound for bound, _, _ in classes[:-1]])
    colors = np.array([(*rgb(color), 255) for _, color, _ in classes], dtype=np.uint8)
    values = unrolled_map.values
    pixels = np.zeros((*values.shape, 4), dtype=np.uint8)
    is_on = ~np.isnan(values)
    pixels[is_on] = colors[np.searchsorted(bounds, values[is_on], side="right")]
    rows, columns = values.shape
    return QImage(pixels.data, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888).copy()
