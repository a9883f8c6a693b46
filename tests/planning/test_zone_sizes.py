"""Sizes between published rows: the power law in closed form, the hull, and what is refused."""

from __future__ import annotations

import itertools
import math

import pytest

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence
from planner.planning.zone_sizes import Medium, SizeTable, ZoneRow, fit_power_law


def row(
    power_w: float | None, time_s: float, long_mm: float, short_mm: float, sd: float | None = None
) -> ZoneRow:
    settings = {"time_s": time_s} if power_w is None else {"power_w": power_w, "time_s": time_s}
    return ZoneRow(settings, long_mm, short_mm, Medium.IN_VIVO, "test", Confidence.SOURCE_READ, sd, sd)


def law_row(power_w: float, time_s: float, off: float = 0.0, sd: float | None = None) -> ZoneRow:
    """A row on LA = 3 E^0.25, SA = 1.2 E^0.35, and so much off."""
    energy = power_w * time_s
    return row(power_w, time_s, 3.0 * energy**0.25 + off, 1.2 * energy**0.35 + off, sd)


def test_a_power_law_is_found_again() -> None:
    energies = [1e3, 5e3, 2e4, 7e4]
    law = fit_power_law(energies, [1.7 * e**0.31 for e in energies])
    assert law.scale == pytest.approx(1.7, rel=1e-12)
    assert law.exponent == pytest.approx(0.31, rel=1e-12)
    assert law.residual == 0.0


def test_least_squares_in_logarithms_by_hand() -> None:
    """ln E = 0, 1, 2 and ln S = 0, 1, 1: slope 1/2, intercept 1/6; worst row e^(1/3) off at the middle."""
    law = fit_power_law([1.0, math.e, math.e**2], [1.0, math.e, math.e])
    assert law.exponent == pytest.approx(0.5)
    assert law.scale == pytest.approx(math.exp(1 / 6))
    assert law.residual == pytest.approx(1.0 - math.exp(-1 / 3))


def test_one_energy_gives_the_geometric_mean_and_no_exponent() -> None:
    law = fit_power_law([600.0, 600.0], [20.0, 45.0])
    assert law.exponent is None
    assert law.at(1.0) == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("energies", "sizes"), [([], []), ([1.0], [0.0]), ([-1.0], [3.0]), ([1.0], [1.0, 2.0])]
)
def test_a_law_of_nothing_is_refused(energies: list[float], sizes: list[float]) -> None:
    with pytest.raises(InvalidValue):
        fit_power_law(energies, sizes)


def test_two_rows_are_joined_by_the_law_through_both() -> None:
    table = SizeTable((law_row(50, 300), law_row(100, 600)))
    middle = table.expected({"power_w": 75.0, "time_s": 450.0})
    assert middle.long_axis_mm == pytest.approx(3.0 * (75 * 450) ** 0.25)
    assert middle.short_axis_mm == pytest.approx(1.2 * (75 * 450) ** 0.35)
    assert "exponent 0.25 along and 0.35 across, through both rows" in middle.how
    assert table.expected({"power_w": 50.0, "time_s": 300.0}).rows == (0,)


def test_rows_within_their_spread_follow_the_law() -> None:
    rows = [law_row(50, 300, 0.5, 1.5), law_row(80, 300, -1.0, 1.5), law_row(100, 600, 0.5, 1.5)]
    table = SizeTable(tuple(rows))
    assert table.follows_law
    for r in rows:
        found = table.expected(r.settings)
        assert found.long_axis_mm != pytest.approx(r.axes_mm[0], abs=1e-6)
        assert abs(found.long_axis_mm - r.axes_mm[0]) <= 1.5
        assert found.rows == (0, 1, 2)
    assert "rows met within" in table.how


def test_a_row_beyond_its_spread_keeps_the_rows_and_says_so() -> None:
    rows = [law_row(50, 300, 0.5, 0.3), law_row(80, 300, -1.0, 0.3), law_row(100, 600, 0.5, 0.3)]
    table = SizeTable(tuple(rows))
    assert not table.follows_law
    for r in rows:
        found = table.expected(r.settings)
        assert (found.long_axis_mm, found.short_axis_mm) == pytest.approx(r.axes_mm)
    assert "misses a row by" in table.how


def test_a_law_that_falls_with_energy_is_not_taken() -> None:
    rows = tuple(row(50, t, size, size, 5.0) for t, size in ((300, 40), (600, 38), (900, 36)))
    assert not SizeTable(rows).follows_law


def test_sizes_rise_with_energy_and_stay_within_the_rows() -> None:
    for rows in (
        (law_row(50, 300), law_row(100, 600)),
        (law_row(50, 300, 0.2, 2.0), law_row(80, 300, 0.0, 2.0), law_row(100, 600, 0.1, 2.0)),
        (law_row(50, 300, 2.0, 0.1), law_row(80, 300, 0.0, 0.1), law_row(100, 600, 2.0, 0.1)),
    ):
        table = SizeTable(rows)
        sizes = [table.expected({"power_w": p, "time_s": 10.0 * p}) for p in range(20, 200, 5)]
        for one, two in itertools.pairwise(sizes):
            assert one.long_axis_mm <= two.long_axis_mm + 1e-12
            assert one.short_axis_mm <= two.short_axis_mm + 1e-12
        assert sizes[0].short_axis_mm == table.expected({"power_w": 50.0, "time_s": 300.0}).short_axis_mm


def test_rows_of_one_setting_are_taken_together() -> None:
    table = SizeTable((row(None, 600, 20, 18), row(None, 600, 45, 32)))
    found = table.expected({"time_s": 600.0})
    assert (found.long_axis_mm, found.short_axis_mm) == pytest.approx((30.0, 24.0))
    assert found.rows == (0, 1)


def test_the_hull_of_three_rows_is_their_triangle() -> None:
    table = SizeTable((row(80, 300, 40, 30), row(100, 600, 50, 40), row(150, 720, 60, 50)))
    assert set(table.hull) == {(80, 300), (100, 600), (150, 720)}
    assert table.contains({"power_w": 110.0, "time_s": 540.0})
    assert not table.contains({"power_w": 100.0, "time_s": 300.0})
    assert not table.contains({"power_w": 150.0, "time_s": 300.0})
    # At 100 W the lower edge, from (80, 300) to (150, 720), stands at 300 + 20/70 * 420 = 420 s.
    assert table.span("time_s", {"power_w": 100.0, "time_s": 0.0}) == pytest.approx((420.0, 600.0))
    assert table.span("time_s", {"power_w": 60.0, "time_s": 0.0}) is None
    assert table.span("power_w") == (80.0, 150.0)


def test_the_hull_of_one_power_is_a_line() -> None:
    table = SizeTable((row(60, 300, 40, 30), row(60, 600, 50, 40)))
    assert table.contains({"power_w": 60.0, "time_s": 444.0})
    assert not table.contains({"power_w": 61.0, "time_s": 444.0})
    assert not table.contains({"power_w": 60.0, "time_s": 606.0})
    assert table.span("time_s", {"power_w": 60.0, "time_s": 0.0}) == (300.0, 600.0)


def test_a_slanted_line_takes_settings_rounded_to_whole_numbers() -> None:
    table = SizeTable((row(60, 300, 40, 30), row(97, 611, 50, 40)))
    for watts in range(60, 98):
        seconds = round(300 + (watts - 60) / 37 * 311)
        assert table.contains({"power_w": float(watts), "time_s": float(seconds)})
    assert not table.contains({"power_w": 80.0, "time_s": 440.0})


def test_settings_without_sizes_widen_the_hull_only_within_the_energies() -> None:
    rows = (row(80, 300, 40, 30), row(100, 600, 50, 40), row(150, 720, 60, 50))
    inside, outside = {"power_w": 100.0, "time_s": 300.0}, {"power_w": 150.0, "time_s": 900.0}
    table = SizeTable(rows, (inside, outside, {}))
    assert table.contains(inside)
    assert not table.contains(outside)


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (row(60, 300, 40, 30), row(None, 300, 40, 30)),
        (ZoneRow({"time_s": 300.0}, None, 30, Medium.IN_VIVO, "test", Confidence.COMPUTED),),
    ],
)
def test_tables_that_do_not_fit_are_refused(rows: tuple[ZoneRow, ...]) -> None:
    with pytest.raises(InvalidValue):
        SizeTable(rows)


@pytest.mark.parametrize(
    ("settings", "size", "sd"),
    [
        ({"time_s": 0.0}, 30.0, None),
        ({"time_s": math.inf}, 30.0, None),
        ({"time_s": math.nan}, 30.0, None),
        ({"time_s": 300.0}, -1.0, None),
        ({"time_s": 300.0}, 900.0, None),
        ({"time_s": 300.0}, math.nan, None),
        ({"time_s": 300.0}, 30.0, -1.0),
        ({}, 30.0, None),
    ],
)
def test_impossible_rows_are_refused(settings: dict[str, float], size: float, sd: float | None) -> None:
    with pytest.raises(InvalidValue):
        ZoneRow(settings, size, 30.0, Medium.IN_VIVO, "test", Confidence.COMPUTED, sd)
