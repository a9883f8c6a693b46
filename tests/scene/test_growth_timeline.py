"""The timeline of the future remnant: days and shares lie where they belong, and what is estimated is dashed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from planner.model.case import Patient
from planner.model.volumetry import Volumetry
from planner.planning.growth import Growth, ReachState, growth_of
from planner.planning.growth_criteria import NEEDED_FACT
from planner.planning.liver_volumes import standard_volume
from planner.scene.growth_timeline import TimelineFrame, paint_growth
from planner.scene.palette import DARK, rgb

SIZE = (340, 190)
PATIENT = Patient(height_cm=175.0, weight_kg=70.0, facts=((NEEDED_FACT, "30"),))


def grown(*shares: tuple[str, float], patient: Patient = PATIENT) -> Growth:
    standard = standard_volume(PATIENT).volume_ml or 0.0
    return growth_of([Volumetry(day, 0.01 * share * standard) for day, share in shares], patient)


def painted(growth: Growth, steps: Sequence[tuple[str, str]] = ()) -> np.ndarray:
    picture = QImage(*SIZE, QImage.Format.Format_RGB32)
    picture.fill(QColor(DARK.background))
    painter = QPainter(picture)
    paint_growth(painter, SIZE, growth, steps, DARK)
    painter.end()
    values = np.frombuffer(picture.constBits(), np.uint8).reshape(SIZE[1], SIZE[0], 4)
    return values[..., 2::-1].astype(int)


def share_of_color(pixels: np.ndarray, color: str) -> float:
    """Share of columns or rows in which something of a colour is seen."""
    return float((np.abs(pixels - np.array(rgb(color))).sum(axis=-1) < 90).mean())


@pytest.fixture(autouse=True)
def application(qapp: object) -> None:
    """Words are painted with the application's fonts."""


def test_days_and_shares_lie_where_they_belong() -> None:
    growth = grown(("2026-10-06", 22.0), ("2026-11-03", 28.0))
    assert growth.reach.state == ReachState.ESTIMATED
    frame = TimelineFrame.of(growth, (("2026-12-28", "Stage 2"),), SIZE)
    a, b, c = (frame.x(day) for day in ("2026-10-06", "2026-10-20", "2026-11-03"))
    assert b - a == pytest.approx(c - b, abs=1e-9)  # a fortnight each
    assert frame.area.left() < a < c < frame.x("2026-12-28") < frame.area.right()
    assert frame.y(22.0) - frame.y(25.0) == pytest.approx(frame.y(25.0) - frame.y(28.0), abs=1e-9)
    assert frame.area.top() <= frame.y(30.0) < frame.y(22.0) <= frame.area.bottom()
    assert frame.unit == "%"


@pytest.mark.parametrize(
    "shares",
    [
        [("2026-11-03", 30.0)],
        [("2026-11-03", 22.0), ("2026-11-04", 22.0)],
        [("2024-02-29", 22.0), ("2034-02-28", 41.0)],
        [("0001-01-01", 22.0), ("9999-12-31", 23.0)],
        [("2026-11-03", 0.01)],
        [("2026-10-06", 95.0), ("2026-11-03", 110.0)],
    ],
)
def test_all_that_is_known_lies_within_the_picture(shares: list[tuple[str, float]]) -> None:
    growth = grown(*shares)
    frame = TimelineFrame.of(growth, (), SIZE)
    for day, share in shares:
        assert frame.area.left() <= frame.x(day) <= frame.area.right()
        assert frame.area.top() <= frame.y(share) <= frame.area.bottom()
    ticks = [frame.x(day) for day in frame.day_ticks]
    assert 1 <= len(ticks) <= 8
    assert all(frame.area.left() <= x <= frame.area.right() for x in ticks)
    assert 2 <= len(frame.value_ticks) <= 7
    assert frame.value_ticks[0] >= frame.low - 1e-9
    assert painted(growth).std() > 0


def test_without_height_volumes_are_drawn() -> None:
    growth = grown(("2026-10-06", 22.0), ("2026-11-03", 33.0), patient=Patient())
    frame = TimelineFrame.of(growth, (), SIZE)
    assert frame.unit == "ml"
    assert frame.low <= growth.points[0].entry.remnant_ml <= growth.points[1].entry.remnant_ml <= frame.high


def test_the_curve_is_drawn_through_and_the_estimate_dashed() -> None:
    growth = grown(("2026-10-06", 22.0), ("2026-11-03", 26.0))
    frame = TimelineFrame.of(growth, (), SIZE)
    pixels = painted(growth)

    def seen(first: tuple[str, float], last: tuple[str, float]) -> float:
        """Share of the columns between two points in which the line between them is seen."""
        x = np.arange(int(frame.x(first[0])) + 6, int(frame.x(last[0])) - 6)
        y = np.interp(x, [frame.x(first[0]), frame.x(last[0])], [frame.y(first[1]), frame.y(last[1])])
        hits = [
            share_of_color(pixels[round(v) - 1 : round(v) + 2, c], DARK.focus) > 0
            for c, v in zip(x, y, strict=True)
        ]
        return float(np.mean(hits))

    assert seen(("2026-10-06", 22.0), ("2026-11-03", 26.0)) > 0.97
    dashed = seen(("2026-11-03", 26.0), (growth.reach.date, 30.0))
    assert 0.3 < dashed < 0.95


def test_the_needed_share_and_the_steps_are_drawn() -> None:
    growth = grown(("2026-10-06", 22.0), ("2026-11-03", 26.0))
    steps = (("2026-10-08", "Embolization"), ("2026-12-28", "Stage 2"))
    frame, pixels = TimelineFrame.of(growth, steps, SIZE), painted(growth, steps)
    row = round(frame.y(30.0))
    line = pixels[row - 1 : row + 2, int(frame.area.left()) + 2 : int(frame.area.right()) - 2]
    bright = line.max(axis=(0, 2)) > 120
    assert bright.mean() > 0.95
    for day, _ in steps:
        column = pixels[int(frame.area.top()) + 4 : int(frame.area.bottom()) - 4, round(frame.x(day))]
        bare = painted(growth)[int(frame.area.top()) + 4 : int(frame.area.bottom()) - 4, round(frame.x(day))]
        assert column.sum() != bare.sum()


def test_nothing_known_paints_nothing() -> None:
    assert painted(grown()).std(axis=(0, 1)).max() == 0
