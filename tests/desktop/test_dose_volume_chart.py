"""The chart of dose over volume: its points are the curves', the mouse reads them, old ones are grey."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent
from PySide6.QtWidgets import QApplication

from planner.desktop.application import make_application
from planner.desktop.dose_volume_chart import DoseVolumeChart
from planner.model.assessment import Curve
from planner.scene.dose_volume_picture import (
    DELIVERED_CURVE,
    PREDICTED_CURVE,
    DoseVolumeFrame,
    dose_volume_lines,
    percent_at,
)
from planner.scene.palette import DARK

PERFUSED, WHOLE = "perfused normal liver", "whole normal liver"


def straight(name: str, subject: str, most_gy: float) -> Curve:
    """All of it receives something, half of it half of the most: a straight line from 100 % to 0."""
    doses = np.linspace(0.0, most_gy, 101)
    return Curve(name, doses, 100.0 * (1 - doses / most_gy), "Gy", "%", subject)


CURVES = (
    straight(PREDICTED_CURVE, "Lesion 1", 300.0),
    straight(PREDICTED_CURVE, "Lesion 2", 90.0),
    straight(PREDICTED_CURVE, PERFUSED, 120.0),
    straight(PREDICTED_CURVE, WHOLE, 100.0),
    straight(DELIVERED_CURVE, "Lesion 1", 200.0),
    Curve("margin_histogram", np.arange(3.0), np.arange(2.0), "mm", "%", "Lesion 1"),
)


@pytest.fixture
def chart(qapp: object) -> Iterator[DoseVolumeChart]:
    make_application()
    found = DoseVolumeChart()
    found.show_curves(CURVES, "Lesion 1", is_old=False)
    found.resize(320, found.sizeHint().height())
    yield found
    found.close()
    found.deleteLater()


def point_at(chart: DoseVolumeChart, x: float) -> None:
    """Move the mouse over the chart."""
    none = Qt.MouseButton.NoButton
    place = QPointF(x, 60.0)
    move = QMouseEvent(
        QEvent.Type.MouseMove, place, chart.mapToGlobal(place), none, none, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(chart, move)


def picture(chart: DoseVolumeChart) -> QImage:
    image = QImage(chart.size(), QImage.Format.Format_RGB32)
    image.fill(QColor(DARK.raised))
    chart.render(image)
    return image


def colored(image: QImage, color: str) -> np.ndarray:
    """Pixels (n, 2) as x and y that are of a colour, within what smoothing makes of it."""
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    wanted = QColor(color)
    gap = np.abs(pixels[..., 2::-1].astype(int) - (wanted.red(), wanted.green(), wanted.blue())).max(axis=-1)
    rows, columns = np.nonzero(gap < 40)
    return np.column_stack([columns + 0.5, rows + 0.5])


def test_the_selected_lesion_and_the_normal_liver_are_drawn(chart: DoseVolumeChart) -> None:
    assert [line.title for line in chart.lines] == ["Lesion 1", "Perfused normal liver", "Whole normal liver"]
    assert [len(line.curves) for line in chart.lines] == [2, 1, 1]
    chart.show_curves(CURVES, "Lesion 2", is_old=False)
    assert chart.lines[0].title == "Lesion 2"
    chart.show_curves(CURVES, "none such", is_old=False)
    assert [line.kind for line in chart.lines] == [1, 2]


def test_points_of_a_curve_lie_at_its_doses_and_shares(chart: DoseVolumeChart) -> None:
    frame, curve = chart.frame, CURVES[0]
    assert frame.most_gy >= 300.0 * 0.99
    points = [(p.x(), p.y()) for p in frame.polygon(curve).toList()]
    area = frame.area
    for (x, y), dose, share in zip(points, curve.x, curve.y, strict=False):
        assert x == pytest.approx(area.left() + area.width() * dose / frame.most_gy, abs=1e-6)
        assert y == pytest.approx(area.bottom() - area.height() * share / 100.0, abs=1e-6)
    assert points[-1][1] == pytest.approx(area.bottom())
    assert area.left() > 0
    assert area.right() < chart.width()
    assert area.bottom() < chart.height()


def test_a_curve_is_painted_where_it_must_be(chart: DoseVolumeChart) -> None:
    frame = chart.frame
    found = colored(picture(chart), chart.lines[0].color(DARK))
    within = found[(found[:, 1] < frame.area.bottom()) & (found[:, 0] > frame.area.left())]
    doses = (within[:, 0] - frame.area.left()) / frame.area.width() * frame.most_gy
    shares = (frame.area.bottom() - within[:, 1]) / frame.area.height() * 100.0
    # Predicted falls to 0 at 300 Gy, delivered at 200; a pixel is 1 % and 1 Gy at most, a line two wide.
    predicted = np.abs(shares - 100.0 * (1 - doses / 300.0)) < 3.0
    delivered = np.abs(shares - 100.0 * (1 - doses / 200.0)) < 3.0
    assert (predicted | delivered).mean() > 0.99
    seen = [len(np.unique(np.floor(within[which][:, 0]))) for which in (predicted, delivered)]
    spans = [frame.x(most) - frame.area.left() for most in (300.0, 200.0)]
    assert seen[0] > 0.9 * spans[0], "solid"
    assert 0.4 * spans[1] < seen[1] < 0.9 * spans[1], "dashed"


def test_the_mouse_reads_the_curves(chart: DoseVolumeChart) -> None:
    point_at(chart, chart.frame.x(150.0))
    assert chart.at_gy == pytest.approx(150.0, abs=1.5)
    shares = chart.percents(150.0)
    assert shares["Lesion 1", "predicted"] == pytest.approx(50.0)
    assert shares["Lesion 1", "delivered"] == pytest.approx(25.0)
    assert shares["Perfused normal liver", "predicted"] == 0.0
    pointed = picture(chart)
    point_at(chart, 2.0)
    assert chart.at_gy is None, "left of the curves"
    assert picture(chart) != pointed
    point_at(chart, chart.frame.x(60.0))
    assert chart.at_gy is not None
    QApplication.sendEvent(chart, QEvent(QEvent.Type.Leave))
    assert chart.at_gy is None


def test_old_curves_are_grey_and_are_not_read(chart: DoseVolumeChart) -> None:
    chart.show_curves(CURVES, "Lesion 1", is_old=True)
    assert not len(colored(picture(chart), chart.lines[0].color(DARK)))
    point_at(chart, chart.frame.x(150.0))
    assert chart.at_gy is None


def test_nothing_is_shown_without_curves(chart: DoseVolumeChart) -> None:
    chart.show_curves((CURVES[-1],), "Lesion 1", is_old=False)
    assert chart.isHidden()
    assert chart.lines == ()
    picture(chart)
    chart.show_curves(CURVES, "Lesion 1", is_old=False)
    assert not chart.isHidden()
    chart.hide()


def test_shares_beyond_a_curve_are_none_of_it() -> None:
    curve = CURVES[1]
    assert percent_at(curve, 0.0) == 100.0
    assert percent_at(curve, 45.0) == pytest.approx(50.0)
    assert percent_at(curve, 91.0) == 0.0


def test_a_frame_reaches_as_far_as_a_curve_is_worth_it() -> None:
    """Of a curve with a long tail below half a percent the tail is not shown."""
    doses = np.linspace(0.0, 1000.0, 101)
    tail = Curve(PREDICTED_CURVE, doses, np.where(doses <= 100.0, 100.0, 0.1), "Gy", "%", WHOLE)
    frame = DoseVolumeFrame.of(dose_volume_lines((tail,), ""), (320.0, 200.0), 13.0)
    assert 100.0 <= frame.most_gy <= 200.0
    last = frame.polygon(tail).toList()[-1]
    assert last.x() == pytest.approx(frame.area.right())
    assert last.y() == pytest.approx(frame.y(0.1))


def test_a_lesion_that_receives_nothing_stays_in_the_picture() -> None:
    none = Curve(PREDICTED_CURVE, np.array([0.0, 1.0]), np.array([100.0, 0.0]), "Gy", "%", "Lesion 1")
    lines = dose_volume_lines((none,), "Lesion 1")
    frame = DoseVolumeFrame.of(lines, (320.0, 200.0), 13.0)
    assert frame.most_gy == pytest.approx(1.0)
    assert frame.dose_under(frame.x(0.5)) == pytest.approx(0.5)
    assert frame.dose_under(frame.area.right() + 5.0) is None
