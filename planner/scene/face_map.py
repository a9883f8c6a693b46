"""The face map of an array: its electrodes and pairs over the lesion, as radiologists draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF

from planner.model.assessment import Assessment, Metric
from planner.model.electrode_array import ElectrodeArray
from planner.model.geometry import FloatArray
from planner.model.structures import StructureSet
from planner.model.wording import mark
from planner.scene.contours import mask_outline
from planner.scene.palette import OK, WARNING, Theme
from planner.scene.planes import ObliquePlane, Orientation, PlaneStack, axes_of, letters_of

#: Needles that lie flatter in the axial plane than this are looked at along their shafts instead.
FLATTEST_COSINE = 0.5
#: Pixels of the lesion's shadow, and what is left free around all.
PIXEL_MM, PAD_MM = 0.7, 7.0
#: Pairs so much longer than the shortest have their text at this share of their length.
LONG_SHARE, NEAR_END = 1.2, 0.3
#: How far a text may move, and in which steps, in pixels; and a number's circle.
REACH_PX, STEP_PX = 36, 6
NUMBER_PX = 9.0


@lru_cache
def _moves(reach_px: int) -> tuple[tuple[float, float], ...]:
    """Where a text may move to, the nearest first."""
    steps = range(-reach_px, reach_px + 1, STEP_PX)
    return tuple(
        sorted(
            ((float(x), float(y)) for x in steps for y in steps),
            key=lambda m: (m[0] ** 2 + m[1] ** 2, m),
        )
    )


@dataclass(frozen=True, eq=False)
class FaceMap:
    """Places of an array on a plane, in right and down mm.

    Parameters
    ----------
    words
        From where one looks.
    letters
        At the left, right, top and bottom edge.
    electrodes
        Middles of the bare parts, shape (n, 2).
    shafts
        Both ends of each bare part, shape (n, 2, 2).
    lesion
        Outlines (n, 2) of the lesion's shadow.
    low_mm, high_mm
        Corners of all of it.
    """

    words: str
    letters: tuple[str, str, str, str]
    electrodes: FloatArray
    shafts: FloatArray
    lesion: tuple[FloatArray, ...]
    low_mm: FloatArray
    high_mm: FloatArray


def face_map(array: ElectrodeArray, structures: StructureSet | None) -> FaceMap:
    """An array seen from the feet, as on an axial slice; along its shafts where they lie in that plane."""
    along = array.direction
    plane: Orientation | ObliquePlane = Orientation.AXIAL
    words = "seen from the feet, as on an axial slice"
    if abs(float(along[2])) < FLATTEST_COSINE:
        plane, words = _along(along), "seen along the needles"
    axes = axes_of(plane)
    flat = np.stack([axes.right, axes.down], axis=1)
    shafts = np.stack([e.exposed_ends_lps_mm for e in array.electrodes]) @ flat
    lesion: tuple[FloatArray, ...] = ()
    if structures is not None and array.lesion in structures and not structures.box(array.lesion).is_empty:
        lesion = _shadow(structures, array.lesion, plane)
    points = np.concatenate([shafts.reshape(-1, 2), *lesion])
    return FaceMap(
        words,
        letters_of(plane),
        shafts.mean(axis=1),
        shafts,
        lesion,
        points.min(axis=0) - PAD_MM,
        points.max(axis=0) + PAD_MM,
    )


def pair_words(
    array: ElectrodeArray | None, answer: Assessment | None, theme: Theme, *, in_full: bool = False
) -> dict[tuple[int, int], tuple[str, str]]:
    """Text and colour of each pulsed pair for `paint_face_map`.

    Parameters
    ----------
    array
        None has no pair.
    answer
        What a module says of the array as it is, for the currents; None where it says nothing.
    in_full
        Distance, and below it voltage and current; without it the current alone, or the distance where there is none.
    """
    from planner.planning.electrode_arrays import pair_geometry

    found = {}
    metrics = {(m.subject, m.name): m for m in answer.metrics} if answer is not None else {}
    for pair in array.pairs if array is not None else ():
        if array is None or pair.voltage_v <= 0:
            continue
        subject = f"{array.id}:{pair.a}-{pair.b}"
        current = metrics.get((subject, "pair_current_a"))
        distance = pair_geometry(array, pair.a, pair.b).distance_mm
        amperes = (
            _with_mark(f"{current.value:.0f} A", current) if current and current.value is not None else ""
        )
        text = amperes or f"{distance:.0f} mm"
        if in_full:
            volts = _with_mark(f"{pair.voltage_v:.0f} V", metrics.get((subject, "pair_voltage_v")))
            apart = _with_mark(f"{distance:.1f} mm", metrics.get((subject, "pair_distance_mm")))
            text = f"{apart}\n{' · '.join(w for w in (volts, amperes) if w)}"
        color = theme.dim
        if current is not None and current.value is not None:
            color = WARNING if current.is_met is False else OK
        found[pair.a, pair.b] = (text, color)
    return found


def _with_mark(text: str, metric: Metric | None) -> str:
    """A number, and the sign of one outside its limits, so that colour never speaks alone."""
    return f"{text} {mark(metric)}" if metric is not None and metric.is_met is False else text


def _along(direction: FloatArray) -> ObliquePlane:
    """A plane across a direction, looked at in that direction, the patient's head or front on top."""
    up = np.array((0.0, 0.0, 1.0)) if abs(direction[2]) < 0.9 else np.array((0.0, -1.0, 0.0))
    up = up - (up @ direction) * direction
    up /= np.linalg.norm(up)
    right = np.cross(direction, up)
    x, y, z = (tuple(float(c) for c in v) for v in (right, -up, np.cross(right, -up)))
    return ObliquePlane("face map", x, y, z)  # type: ignore[arg-type]


@lru_cache(maxsize=8)
def _shadow(
    structures: StructureSet, lesion: str, plane: Orientation | ObliquePlane
) -> tuple[FloatArray, ...]:
    """Outlines of a structure's voxels projected onto a plane."""
    mask, grid = structures.cropped(lesion)
    k, j, i = np.nonzero(mask)
    axes = axes_of(plane)
    flat = grid.to_lps(np.stack([i, j, k], axis=1).astype(float)) @ np.stack([axes.right, axes.down], axis=1)
    step = max(PIXEL_MM, *grid.spacing_mm)
    low = flat.min(axis=0) - 2.0 * step
    columns, rows = (np.ceil((flat.max(axis=0) - low) / step).astype(int) + 3).tolist()
    pixels = np.zeros((rows, columns), dtype=bool)
    right, down = np.rint((flat - low) / step).astype(int).T
    pixels[down, right] = True
    stack = PlaneStack(
        plane,
        (float(low[0]), float(low[1]), 0.0),
        (float(low[0] + (columns - 1) * step), float(low[1] + (rows - 1) * step), 0.0),
        (step, step, 1.0),
    )
    return tuple(mask_outline(pixels, stack))


def paint_face_map(
    painter: QPainter,
    rect: QRectF,
    found: FaceMap,
    pairs: Mapping[tuple[int, int], tuple[str, str]],
    theme: Theme,
    font: QFont,
    lesion_color: QColor,
    reach_px: int = REACH_PX,
) -> None:
    """Draw a face map into a rectangle.

    Parameters
    ----------
    pairs
        Text and colour of each pair by its electrodes' numbers; an empty text draws the line alone.
    reach_px
        How far a text may move off its line so that it lies on nothing else.
    """
    size = found.high_mm - found.low_mm
    scale = min(rect.width() / size[0], rect.height() / size[1])
    middle = 0.5 * (found.low_mm + found.high_mm)

    def at(point: FloatArray) -> QPointF:
        x, y = rect.center().x(), rect.center().y()
        return QPointF(x + scale * (point[0] - middle[0]), y + scale * (point[1] - middle[1]))

    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font)
    fill = QColor(lesion_color)
    fill.setAlpha(40)
    painter.setPen(QPen(lesion_color, 1.6))
    painter.setBrush(fill)
    for line in found.lesion:
        painter.drawPolygon(QPolygonF([at(p) for p in line]))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for (a, b), (_, color) in pairs.items():
        painter.setPen(QPen(QColor(color), 1.2))
        painter.drawLine(at(found.electrodes[a]), at(found.electrodes[b]))
    for n, ends in enumerate(found.shafts):
        painter.setPen(QPen(QColor(theme.dim), 3.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(at(ends[0]), at(ends[1]))
        _paint_number(painter, at(found.electrodes[n]), str(n + 1), theme)
    lengths = {
        key: float(np.linalg.norm(found.electrodes[key[0]] - found.electrodes[key[1]])) for key in pairs
    }
    shortest = min(lengths.values(), default=0.0)
    texts = []
    for (a, b), (text, _) in pairs.items():
        # Diagonals cross in the middle: their texts stand nearer to one end.
        share = 0.5 if lengths[a, b] < LONG_SHARE * shortest else NEAR_END
        texts.append((at((1.0 - share) * found.electrodes[a] + share * found.electrodes[b]), text))
    numbers = [at(place) for place in found.electrodes]
    _paint_texts(painter, texts, numbers, theme, reach_px)
    painter.setPen(QColor(theme.dim))
    left, right, top, bottom = found.letters
    for text, flag in (
        (left, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter),
        (right, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
        (top, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter),
        (bottom, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter),
    ):
        painter.drawText(rect, flag, text)
    painter.restore()


def _paint_number(painter: QPainter, at: QPointF, text: str, theme: Theme) -> None:
    painter.setPen(QPen(QColor(theme.text), 1.4))
    painter.setBrush(QColor(theme.panel))
    painter.drawEllipse(at, NUMBER_PX, NUMBER_PX)
    painter.drawText(QRectF(at.x() - 9, at.y() - 9, 18, 18), Qt.AlignmentFlag.AlignCenter, text)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _paint_texts(
    painter: QPainter, texts: list[tuple[QPointF, str]], numbers: list[QPointF], theme: Theme, reach_px: int
) -> None:
    """Texts on a ground of their own, each moved a little where it would lie on a number or another text."""
    metrics = painter.fontMetrics()
    side = 2 * NUMBER_PX
    taken = [QRectF(n.x() - NUMBER_PX, n.y() - NUMBER_PX, side, side) for n in numbers]
    for at, text in texts:
        if not text:
            continue
        lines = text.split("\n")
        width = max(metrics.horizontalAdvance(line) for line in lines) + 6
        height = metrics.height() * len(lines)
        box = QRectF(at.x() - width / 2, at.y() - height / 2, width, height)
        free = next(
            (m for m in _moves(reach_px) if not any(box.translated(*m).intersects(t) for t in taken)),
            (0.0, 0.0),
        )
        box.translate(*free)
        taken.append(box)
        ground = QColor(theme.panel)
        ground.setAlpha(210)
        painter.fillRect(box, ground)
        painter.setPen(QColor(theme.text))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
