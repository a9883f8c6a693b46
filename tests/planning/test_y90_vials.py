"""Vials: decay to the treatment, zones and changes of the clock, splits over tips."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from planner.base.errors import InvalidValue
from planner.planning.y90_vials import Vial, activity_to_order_gbq, hours_between, split_vial

NOON = datetime(2026, 11, 2, 12, 0)


class Changing(tzinfo):
    """A zone whose clock goes back by an hour on 25 October 2026 at three in the morning."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        assert when is not None
        return (
            timedelta(hours=2)
            if when.replace(tzinfo=None) < datetime(2026, 10, 25, 3)
            else timedelta(hours=1)
        )

    def dst(self, when: datetime | None) -> timedelta:
        return self.utcoffset(when) - timedelta(hours=1)

    def tzname(self, when: datetime | None) -> str:
        return "changing"


def test_three_gigabecquerel_after_three_days() -> None:
    vial = Vial("A", 3.0, NOON)
    assert vial.activity_at_gbq(NOON + timedelta(hours=72)) == pytest.approx(1.377180, abs=5e-7)
    assert vial.activity_at_gbq(NOON) == 3.0


def test_zones_are_taken_into_account() -> None:
    sydney = timezone(timedelta(hours=11))
    vial = Vial("A", 3.0, datetime(2026, 11, 2, 18, 0, tzinfo=sydney))  # 07:00 in London
    assert vial.hours_until(datetime(2026, 11, 2, 12, 0, tzinfo=UTC)) == 5.0


def test_a_change_of_the_clock_counts() -> None:
    zone = Changing()
    before, after = datetime(2026, 10, 24, 12, tzinfo=zone), datetime(2026, 10, 25, 12, tzinfo=zone)
    assert (after - before).total_seconds() == 24 * 3600  # what Python says of two times of one zone
    assert hours_between(before, after) == 25.0


def test_zones_are_never_mixed_with_none() -> None:
    aware = NOON.replace(tzinfo=UTC)
    for one, other in ((NOON, aware), (aware, NOON)):
        with pytest.raises(InvalidValue, match="zone") as error:
            Vial("A", 3.0, one).hours_until(other)
        assert error.value.thing
        assert error.value.todo
        with pytest.raises(InvalidValue, match="zone"):
            activity_to_order_gbq(1.0, one, other)


def test_calibrated_after_the_treatment() -> None:
    early = NOON - timedelta(hours=24)
    with pytest.raises(InvalidValue, match="24 h after the treatment") as error:
        Vial("A", 3.0, NOON).activity_at_gbq(early)
    assert "'A'" in error.value.thing
    assert "precalibrated" in error.value.todo
    with pytest.raises(InvalidValue):
        split_vial(Vial("A", 3.0, NOON), early, [("right", 1.0)])
    known = Vial("A", 3.0, NOON, is_precalibrated=True)
    assert known.activity_at_gbq(early) == pytest.approx(3.0 * 2 ** (24 / 64.1), rel=1e-12)
    assert known.hours_until(early) == -24.0


def test_a_vial_split_over_tips() -> None:
    vial = Vial("A", 3.0, NOON)
    plan = split_vial(vial, NOON + timedelta(hours=72), [("right", 0.7), ("left", 0.3)], residual=0.02)
    assert plan.activity_gbq == plan.drawn_gbq == pytest.approx(1.377180, abs=5e-7)
    assert [t.tip for t in plan.tips] == ["right", "left"]
    assert plan.tips[0].drawn_gbq == pytest.approx(0.7 * 1.377180, abs=5e-7)
    assert plan.tips[0].delivered_gbq == pytest.approx(0.98 * plan.tips[0].drawn_gbq, rel=1e-12)
    assert plan.hours == 72.0
    assert split_vial(vial, NOON, [("right", 1.0)]).tips[0].delivered_gbq == pytest.approx(2.97)


def test_a_part_of_a_vial() -> None:
    plan = split_vial(Vial("A", 3.0, NOON), NOON, [("right", 0.5), ("left", 0.5)], drawn_gbq=1.8)
    assert plan.drawn_gbq == pytest.approx(1.8)
    assert plan.activity_gbq == 3.0
    with pytest.raises(InvalidValue, match="does not hold") as error:
        split_vial(Vial("A", 3.0, NOON), NOON, [("right", 1.0)], drawn_gbq=3.01)
    assert error.value.todo


@pytest.mark.parametrize(
    "tips",
    [
        [],
        [("right", 0.7)],
        [("right", 0.7), ("left", 0.4)],
        [("right", 1.2), ("left", -0.2)],
        [("right", 0.5), ("right", 0.5)],
        [("", 1.0)],
        [("right", math.nan)],
    ],
)
def test_splits_that_cannot_be(tips: list[tuple[str, float]]) -> None:
    with pytest.raises(InvalidValue):
        split_vial(Vial("A", 3.0, NOON), NOON, tips)


@pytest.mark.parametrize("residual", [-0.1, 1.0, math.nan])
def test_residuals_that_cannot_be(residual: float) -> None:
    with pytest.raises(InvalidValue):
        split_vial(Vial("A", 3.0, NOON), NOON, [("right", 1.0)], residual)


def test_vials_that_cannot_be() -> None:
    for name, activity in (("", 3.0), ("A", 0.0), ("A", -1.0), ("A", math.nan)):
        with pytest.raises(InvalidValue):
            Vial(name, activity, NOON)
    with pytest.raises(InvalidValue, match="3000 GBq: MBq meant"):
        Vial("A", 3000.0, NOON)
    with pytest.raises(InvalidValue):
        split_vial(Vial("A", 3.0, NOON), NOON, [("right", 1.0)], drawn_gbq=0.0)


def test_what_to_order() -> None:
    later = NOON + timedelta(hours=50)
    ordered = activity_to_order_gbq(1.6, NOON, later)
    assert Vial("A", ordered, NOON).activity_at_gbq(later) == pytest.approx(1.6, rel=1e-12)
    assert activity_to_order_gbq(1.6, later, NOON) < 1.6  # calibrated after: the label tells less
    with pytest.raises(InvalidValue, match="MBq"):
        activity_to_order_gbq(1600.0, NOON, later)
