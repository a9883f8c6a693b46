"""The face map of an array as a picture for print."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from planner.model.assessment import Assessment
from planner.model.electrode_array import ElectrodeArray
from planner.model.structures import StructureSet
from planner.scene.face_map import face_map, paint_face_map, pair_words
from planner.scene.palette import LIGHT

FACE_MAP_PX = (900, 780)
BORDER_PX = 10
#: Fifteen pairs of six electrodes find room so.
REACH_PX = 84
#: A lesion's colour is made for dark scans; on paper it is darkened to this share.
ON_PAPER_PERCENT = 160
#: Of a lesion without a colour.
PLAIN = "#8a6d00"


def face_map_picture(
    array: ElectrodeArray, structures: StructureSet | None, assessments: tuple[Assessment, ...]
) -> QImage:
    """Electrodes over the lesion's shadow; each pair with its distance, voltage and, where known, current."""
    width, height = FACE_MAP_PX
    picture = QImage(width, height, QImage.Format.Format_RGB32)
    picture.fill(QColor(LIGHT.raised))
    color = QColor(PLAIN)
    if structures is not None and array.lesion in structures:
        color = QColor(*structures[array.lesion].color).darker(ON_PAPER_PERCENT)
    font = QFont()
    font.setPixelSize(15)
    painter = QPainter(picture)
    area = QRectF(picture.rect()).adjusted(BORDER_PX, BORDER_PX, -BORDER_PX, -BORDER_PX)
    words = pair_words(array, _answer_of(array, assessments), LIGHT, in_full=True)
    paint_face_map(painter, area, face_map(array, structures), words, LIGHT, font, color, REACH_PX)
    painter.end()
    return picture


def face_map_words(array: ElectrodeArray, structures: StructureSet | None) -> str:
    """What the map shows, and from where it is looked at."""
    seen = face_map(array, structures)
    left, right, top, bottom = seen.letters
    return (
        f"Face map of {array.id}, {seen.words}: {left} on the left, {right} on the right,"
        f" {top} on top, {bottom} below"
    )


def _answer_of(array: ElectrodeArray, assessments: tuple[Assessment, ...]) -> Assessment | None:
    """The answer that speaks of an array's pairs."""
    subjects = {f"{array.id}:{p.a}-{p.b}" for p in array.pairs}
    return next((a for a in assessments if any(m.subject in subjects for m in a.metrics)), None)
