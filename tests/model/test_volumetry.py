"""Volumetry, embolizations and stages as values: days of the calendar, one entry a day, every guard tripped."""

from __future__ import annotations

import pytest

from planner.base.errors import InvalidValue
from planner.model.case import Case
from planner.model.dates import checked_day, day_of, days_between
from planner.model.embolization import Embolization, embolization_document, embolization_of_document
from planner.model.plan import Plan
from planner.model.resection import Resection, SegmentsCut, resection_document, resection_of_document
from planner.model.volumetry import Volumetry

CUT = SegmentsCut(("segment 5",))


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2024-02-28", "2024-03-01", 2),  # a leap year
        ("2026-02-28", "2026-03-01", 1),
        ("2000-02-28", "2000-03-01", 2),  # a century that is one
        ("1900-02-28", "1900-03-01", 1),  # and one that is not
        ("2026-01-31", "2026-02-28", 28),
        ("2026-12-31", "2027-01-01", 1),
        ("2026-11-03", "2026-10-06", -28),
    ],
)
def test_days_are_counted_over_months_and_leap_years(first: str, last: str, days: int) -> None:
    assert days_between(first, last) == days


@pytest.mark.parametrize(
    "day", ["2026-02-29", "2026-13-01", "20261103", "2026-W45-2", "2026-1-3", "", "soon"]
)
def test_what_is_no_day_is_refused(day: str) -> None:
    with pytest.raises(InvalidValue, match="no day of the calendar"):
        checked_day(day, "a test")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-03", "2026-11-03"),
        ("20261103", "2026-11-03"),
        ("2026-11-03T10:15:00", "2026-11-03"),
        ("20261103101500", ""),
        ("2026-02-30", ""),
        ("", ""),
        ("November", ""),
    ],
)
def test_the_day_of_a_scan_is_read_or_unknown(moment: str, day: str) -> None:
    assert day_of(moment) == day


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (("2026-11-31", 400.0, None), "no day"),
        (("2026-11-03", 0.0, None), "remnant lies above 0"),
        (("2026-11-03", -5.0, None), "remnant lies above 0"),
        (("2026-11-03", float("nan"), None), "remnant lies above 0"),
        (("2026-11-03", 400.0, 20_000.0), "liver lies above 0"),
        (("2026-11-03", 400.0, 399.0), "larger than the whole liver"),
    ],
)
def test_a_volumetry_that_cannot_be_is_refused(values: tuple[str, float, float | None], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        Volumetry(*values)


def test_a_case_keeps_volumetry_by_day_and_refuses_a_day_twice() -> None:
    late, early = Volumetry("2026-11-03", 420.0), Volumetry("2026-10-06", 380.0, 1500.0)
    case = Case("c", "c").with_volumetry(late).with_volumetry(early)
    assert case.volumetry == (early, late)
    with pytest.raises(InvalidValue, match="of this day already"):
        case.with_volumetry(Volumetry("2026-11-03", 430.0))
    assert case.without_volumetry("2026-10-06").volumetry == (late,)
    with pytest.raises(InvalidValue, match="no volumetry of this day"):
        case.without_volumetry("2026-10-07")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ""}, "needs an id"),
        ({"tree": ""}, "a tree and a branch"),
        ({"branches": ()}, "a tree and a branch"),
        ({"branches": (-1,)}, "a tree and a branch"),
        ({"stage": 3}, "second stage"),
        ({"stage": True}, "second stage"),
        ({"date": "2026-02-29"}, "no day"),
    ],
)
def test_an_embolization_that_cannot_be_is_refused(changes: dict[str, object], words: str) -> None:
    values = {"id": "v1", "tree": "Portal vein", "branches": (3,), **changes}
    with pytest.raises(InvalidValue, match=words):
        Embolization(**values)  # type: ignore[arg-type]


def test_an_embolization_is_an_instrument_of_a_plan() -> None:
    closed = Embolization("v1", "Portal vein", (7, 3, 7), "right", 1, "2026-10-08")
    assert closed.branches == (3, 7)
    assert embolization_of_document(embolization_document(closed)) == closed
    plan = Plan("A", "c", (Resection("r1", CUT), closed))
    assert plan.embolizations == (closed,)
    assert plan.with_structure_renamed("segment 5", "S5").embolizations == (closed,)
    assert plan.without_instrument("v1").embolizations == ()
    assert plan.free_id("v") == "v2"


def test_a_resection_tells_its_stage_only_where_it_is_the_second() -> None:
    plain = Resection("r1", CUT)
    assert "stage" not in resection_document(plain)
    assert "date" not in resection_document(plain)
    later = Resection("r1", CUT, stage=2, date="2026-12-28")
    assert resection_of_document(resection_document(later)) == later
    for wrong in ({"stage": 0}, {"stage": 3}, {"date": "28.12.2026"}):
        with pytest.raises(InvalidValue):
            Resection("r1", CUT, **wrong)  # type: ignore[arg-type]
