"""Painting the instruments of a plan on a slice: probes with their zones, foci, electrodes with their pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen

from planner.model.geometry import FloatArray
from planner.scene.drawn_electrodes import DrawnArray, DrawnElectrode
from planner.scene.palette import ELECTRODE, PROBE, SELECTED, SHAFT, ZONE
from planner.scene.planes import PlaneStack
from planner.scene.slice_frame import SliceFrame

if TYPE_CHECKING:
    from planner.scene.instruments import DrawnFoci, DrawnProbe

#: A needle within this of the slice counts as in the plane.
IN_PLANE_MM = 2.0
HANDLE_PX = 5.0


def paint_zone(
    painter: QPainter, frame: SliceFrame, stack: PlaneStack, probe: DrawnProbe, normal: float
) -> None:
    """A probe's expected zone, with its spread as a band."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # A spread that nobody published is assumed: its band is fainter, and dotted.
    color = QColor(ZONE)
    color.setAlpha(255 if probe.is_spread_published else 120)
    dashed = QPen(color, 1.0)
    dashed.setDashPattern([3.0, 4.0] if probe.is_spread_published else [1.0, 4.0])
    for zone, pen in ((probe.zone, QPen(QColor(ZONE), 2.0)), (probe.inner, dashed), (probe.outer, dashed)):
        ring = zone.section(stack, normal) if zone is not None else None
        if ring is not None:
            painter.setPen(pen)
            painter.drawPolygon(frame.polygon(ring))


def paint_foci(
    painter: QPainter, frame: SliceFrame, stack: PlaneStack, foci: DrawnFoci, normal: float
) -> None:
    """Each focus the slice cuts, and where the window passes the slice."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # Many foci lie side by side: fainter, so that what is under them is seen.
    color = QColor(ZONE)
    color.setAlpha(200 if len(foci.zones) < 40 else 90)
    painter.setPen(QPen(color, 1.0))
    for ring in foci.sections(stack, normal):
        painter.drawPolygon(frame.polygon(ring))
    if len(foci.window_lps_mm):
        window = stack.to_plane(np.vstack([foci.window_lps_mm, foci.window_lps_mm[:1]]))
        faint = QColor(PROBE)
        faint.setAlpha(110)
        painter.setPen(QPen(faint, 1.4))
        painter.drawPolyline(frame.polygon(window[:, :2]))


def paint_probe(
    painter: QPainter,
    frame: SliceFrame,
    stack: PlaneStack,
    probe: DrawnProbe,
    normal: float,
    is_selected: bool,
) -> None:
    """A probe: its shaft bright where it runs in the slice, with handles at both ends."""
    entry = stack.to_plane(np.array(probe.needle.entry_lps_mm))
    tip = stack.to_plane(np.array(probe.needle.tip_lps_mm))
    faint, full = QColor(PROBE), QColor(PROBE)
    faint.setAlpha(90)
    reach = max(IN_PLANE_MM, stack.step_mm[2] / 2)
    if probe.shafts_lps_mm:  # the middle of a set is where it is held, and no needle
        painter.setPen(QPen(faint, 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(frame.at(entry), frame.at(tip))
    for ends in probe.shafts_lps_mm or ((probe.needle.entry_lps_mm, probe.needle.tip_lps_mm),):
        outer, inner = (stack.to_plane(np.array(p)) for p in ends)
        painter.setPen(QPen(faint, 1.4))
        painter.drawLine(frame.at(outer), frame.at(inner))
        part = part_within(outer, inner, normal - reach, normal + reach)
        if part is not None:
            painter.setPen(QPen(full, 2.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(frame.at(part[0]), frame.at(part[1]))
    for point, is_tip in ((entry, False), (tip, True)):
        color = full if abs(point[2] - normal) <= reach else faint
        painter.setPen(QPen(QColor(SELECTED) if is_selected else color, 1.8))
        painter.setBrush(QBrush(color) if is_tip else QBrush(QColor(0, 0, 0, 120)))
        painter.drawEllipse(frame.at(point), HANDLE_PX, HANDLE_PX)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def paint_electrodes(
    painter: QPainter,
    frame: SliceFrame,
    stack: PlaneStack,
    array: DrawnArray,
    normal: float,
    is_selected: bool,
) -> None:
    """Electrodes with their bare parts, numbered, and the pairs whose bare parts the slice cuts."""
    reach = max(IN_PLANE_MM, stack.step_mm[2] / 2)
    cuts = [_bare_place(e, stack, normal, reach) for e in array.electrodes]
    pen = QPen(QColor(ELECTRODE), 1.0)
    pen.setDashPattern([3.0, 3.0])
    painter.setPen(pen)
    for a, b in array.pairs:
        first, second = cuts[a], cuts[b]
        if first is not None and second is not None:
            painter.drawLine(frame.at(first), frame.at(second))
    for electrode in array.electrodes:
        _paint_electrode(painter, frame, stack, electrode, normal, reach, is_selected)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _bare_place(
    electrode: DrawnElectrode, stack: PlaneStack, normal: float, reach: float
) -> FloatArray | None:
    """Where a bare part passes a slice; None where it does not."""
    ends = [stack.to_plane(np.array(p)) for p in (electrode.bare_end_lps_mm, electrode.tip_lps_mm)]
    part = part_within(ends[0], ends[1], normal - reach, normal + reach)
    return None if part is None else np.asarray(0.5 * (part[0] + part[1]))


def _paint_electrode(
    painter: QPainter,
    frame: SliceFrame,
    stack: PlaneStack,
    electrode: DrawnElectrode,
    normal: float,
    reach: float,
    is_selected: bool,
) -> None:
    points = (electrode.entry_lps_mm, electrode.bare_end_lps_mm, electrode.tip_lps_mm)
    entry, bare, tip = (stack.to_plane(np.array(p)) for p in points)
    for start, stop, word, width in ((entry, bare, SHAFT, 1.6), (bare, tip, ELECTRODE, 3.4)):
        faint, full = QColor(word), QColor(word)
        faint.setAlpha(90 if not electrode.is_later else 45)
        painter.setPen(QPen(faint, 1.4))
        painter.drawLine(frame.at(start), frame.at(stop))
        part = part_within(start, stop, normal - reach, normal + reach)
        if part is not None and not electrode.is_later:
            painter.setPen(QPen(full, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(frame.at(part[0]), frame.at(part[1]))
    if electrode.is_later:
        return
    for point, is_tip in ((entry, False), (tip, True)):
        color = QColor(ELECTRODE)
        color.setAlpha(255 if abs(point[2] - normal) <= reach else 90)
        painter.setPen(QPen(QColor(SELECTED) if is_selected else color, 1.8))
        painter.setBrush(QBrush(color) if is_tip else QBrush(QColor(0, 0, 0, 120)))
        painter.drawEllipse(frame.at(point), HANDLE_PX, HANDLE_PX)
    at = frame.at(tip) + QPointF(6.0, -16.0)
    painter.setPen(QColor(0, 0, 0, 200))
    painter.drawText(QRectF(at.x() + 1, at.y() + 1, 24, 16), Qt.AlignmentFlag.AlignLeft, electrode.label)
    painter.setPen(QColor(ELECTRODE))
    painter.drawText(QRectF(at.x(), at.y(), 24, 16), Qt.AlignmentFlag.AlignLeft, electrode.label)


def part_within(
    entry: FloatArray, tip: FloatArray, low: float, high: float
) -> tuple[FloatArray, FloatArray] | None:
    """The part of a segment whose third coordinate lies in low..high."""
    rise = float(tip[2] - entry[2])
    if abs(rise) < 1e-9:
        return (entry, tip) if low <= entry[2] <= high else None
    first, last = sorted(((low - entry[2]) / rise, (high - entry[2]) / rise))
    first, last = max(0.0, float(first)), min(1.0, float(last))
    return (entry + first * (tip - entry), entry + last * (tip - entry)) if first < last else None
