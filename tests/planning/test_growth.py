"""Growth of the future remnant in closed form: H17 of the reference sheet, and cases derived from it."""

from __future__ import annotations

import pytest

from planner.base.errors import InvalidValue
from planner.model.case import Patient
from planner.model.volumetry import Volumetry
from planner.planning.growth import FURTHEST_DAYS, Growth, GrowthInterval, ReachState, growth_of
from planner.planning.growth_criteria import NEEDED_FACT, Judged
from planner.planning.growth_words import (
    criterion_sign,
    growth_lines,
    hypertrophy_words,
    interval_words,
    kinetic_words,
    needed_words,
    reach_words,
)
from planner.planning.liver_volumes import standard_volume

#: H17: 70 kg, 175 cm.
PATIENT = Patient(height_cm=175.0, weight_kg=70.0)
STANDARD_ML = 1543.293


def at(date: str, percent: float, liver_ml: float | None = None) -> Volumetry:
    """A volumetry of a share of H17's standard liver."""
    volume = standard_volume(PATIENT).volume_ml
    assert volume == pytest.approx(STANDARD_ML, abs=5e-4)
    return Volumetry(date, 0.01 * percent * volume, liver_ml)


def grown(*entries: Volumetry, needed: float | None = None, on: str = "", state: str = "unknown") -> Growth:
    facts = () if needed is None else ((NEEDED_FACT, f"{needed:g}"),)
    patient = Patient(height_cm=175.0, weight_kg=70.0, facts=facts)
    return growth_of(entries, patient, on, {"liver_state": state})


def test_h17_from_22_to_33_percent_in_four_weeks() -> None:
    growth = grown(at("2026-10-06", 22.0), at("2026-11-03", 33.0))
    assert growth.whole is not None
    assert growth.kinetic is not None
    assert growth.whole.points == pytest.approx(11.0, abs=1e-9)
    assert growth.kinetic.per_week == pytest.approx(2.75, abs=1e-9)
    assert (growth.whole.days, growth.kinetic.weeks) == (28, 4.0)
    assert growth.whole.volume_percent == pytest.approx(50.0, abs=1e-9)
    assert [(j.criterion.least.value, j.is_met) for j in growth.criteria] == [
        (5.0, True),
        (7.5, True),
        (10.0, True),
        (2.0, True),
    ]
    assert hypertrophy_words(growth) == (
        "Degree of hypertrophy 11.0 percentage points: from 22.0 to 33.0 % of the standard liver, "
        "2026-10-06 to 2026-11-03 (28 days)."
    )
    assert "2.75 %/week" in kinetic_words(growth)
    assert "2026-10-06 and 2026-11-03" in kinetic_words(growth)


def test_entries_out_of_order_say_the_same() -> None:
    early, middle, late = at("2026-10-06", 22.0), at("2026-10-20", 29.0), at("2026-11-03", 33.0)
    assert grown(late, early, middle) == grown(early, middle, late)


def test_each_interval_has_its_own_rate() -> None:
    growth = grown(at("2026-10-06", 22.0), at("2026-10-13", 27.4), at("2026-11-03", 31.9))
    rates = [i.per_week for i in growth.intervals]
    assert rates == pytest.approx([5.4, 1.5], abs=1e-9)
    assert [i.days for i in growth.intervals] == [7, 21]
    assert growth.kinetic is not None
    assert growth.kinetic.per_week == pytest.approx(5.4, abs=1e-9)  # at the first volumetry
    assert growth.whole is not None
    assert growth.whole.points == pytest.approx(9.9, abs=1e-9)  # to the newest
    assert interval_words(growth.intervals[1]).startswith(
        "2026-10-13 to 2026-11-03 (21 days): 4.5 points, 1.50"
    )


def test_weeks_count_from_the_embolization() -> None:
    entries = (at("2026-09-01", 20.0), at("2026-10-05", 22.0), at("2026-11-03", 33.0), at("2026-11-24", 35.0))
    growth = grown(*entries, on="2026-10-06")
    assert growth.kinetic is not None
    assert growth.whole is not None
    assert growth.kinetic.interval.first.entry.date == "2026-10-05"  # the last one before
    assert growth.kinetic.weeks == 4.0
    assert growth.kinetic.per_week == pytest.approx(11.0 / 4.0, abs=1e-9)
    assert growth.whole.points == pytest.approx(13.0, abs=1e-9)
    assert "from the embolization of 2026-10-06" in kinetic_words(growth)
    same_day = grown(at("2026-10-06", 22.0), at("2026-11-03", 33.0), on="2026-10-06")
    assert same_day.kinetic is not None
    assert same_day.kinetic.per_week == pytest.approx(2.75, abs=1e-9)  # a scan of that day is before


def test_without_a_volumetry_before_or_after_the_embolization_nothing_is_told() -> None:
    after = grown(at("2026-10-20", 25.0), at("2026-11-03", 33.0), on="2026-10-06")
    assert (after.whole, after.kinetic) == (None, None)
    assert after.why_not == "no volumetry from before the embolization of 2026-10-06"
    before = grown(at("2026-09-01", 22.0), at("2026-10-01", 22.5), on="2026-10-06", needed=30)
    assert before.why_not == "no volumetry after the embolization of 2026-10-06 yet"
    assert before.reach.why_not == before.why_not
    assert [j.is_met for j in before.criteria] == [None] * 4


@pytest.mark.parametrize(
    ("first", "last", "days"), [("2024-02-01", "2024-03-01", 29), ("2026-02-01", "2026-03-01", 28)]
)
def test_weeks_over_a_leap_day(first: str, last: str, days: int) -> None:
    growth = grown(at(first, 22.0), at(last, 33.0))
    assert growth.kinetic is not None
    assert growth.kinetic.per_week == pytest.approx(11.0 * 7.0 / days, abs=1e-9)


@pytest.mark.parametrize(
    ("first", "last", "gained", "needed", "day"),
    [
        ("2026-10-06", "2026-11-03", 5.5, 30.25, "2026-11-17"),  # half as much again: half the time
        ("2024-01-01", "2024-01-29", 4.0, 30.0, "2024-02-26"),
        ("2024-02-01", "2024-02-15", 4.0, 30.0, "2024-02-29"),  # onto a leap day
        ("2026-12-03", "2026-12-17", 4.0, 30.0, "2026-12-31"),
        ("2026-12-04", "2026-12-18", 4.0, 30.0, "2027-01-01"),
        ("2026-10-06", "2026-10-13", 7.0, 29.1, "2026-10-14"),  # a tenth of a day counts whole
    ],
)
def test_the_needed_share_is_estimated_from_the_last_interval(
    first: str, last: str, gained: float, needed: float, day: str
) -> None:
    growth = grown(at(first, 22.0), at(last, 22.0 + gained), needed=needed)
    assert (growth.reach.state, growth.reach.date) == (ReachState.ESTIMATED, day)
    words = reach_words(growth)
    assert words.startswith(f"Estimate: the needed share about {day}, if ")
    assert f"{first} to {last}" in words


def test_the_estimate_goes_on_from_the_last_interval_and_not_from_an_earlier_one() -> None:
    growth = grown(at("2026-10-06", 10.0), at("2026-10-13", 20.0), at("2026-10-27", 22.0), needed=24)
    assert growth.reach.date == "2026-11-10"


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ((), "no volumetry yet"),
        ((at("2026-10-06", 22.0),), "one volumetry only: growth needs a second one"),
        ((at("2026-10-06", 22.0), at("2026-11-03", 22.0)), "did not grow"),
        ((at("2026-10-06", 22.0), at("2026-11-03", 21.0)), "did not grow"),
        ((at("2026-10-01", 20.0), at("2026-10-06", 25.0), at("2026-11-03", 24.0)), "did not grow"),
        ((at("2026-10-06", 22.0), at("2026-11-03", 22.01)), f"not within {FURTHEST_DAYS // 7} weeks"),
    ],
)
def test_where_nothing_grows_no_day_is_told(entries: tuple[Volumetry, ...], why: str) -> None:
    growth = grown(*entries, needed=30)
    assert (growth.reach.state, growth.reach.date) == (ReachState.UNKNOWN, "")
    assert why in reach_words(growth)


def test_a_loss_is_told_as_a_loss() -> None:
    growth = grown(at("2026-10-06", 24.0), at("2026-11-03", 22.0))
    assert growth.whole is not None
    assert growth.whole.points == pytest.approx(-2.0, abs=1e-9)
    assert "−2.0 points, −0.50 %/week; volume −8 %" in interval_words(growth.whole)
    assert not any(j.is_met for j in growth.criteria)


def test_a_share_that_is_reached_is_told_with_the_day_since_when() -> None:
    one = grown(at("2026-10-06", 30.0), needed=30)
    assert (one.reach.state, one.reach.date) == (ReachState.REACHED, "2026-10-06")
    growth = grown(
        at("2026-10-01", 31.0),
        at("2026-10-06", 29.0),
        at("2026-11-03", 32.0),
        at("2026-11-20", 31.5),
        needed=30,
    )
    assert growth.reach.date == "2026-11-03"  # it had fallen below in between
    assert reach_words(growth) == (
        "The needed share is reached: since the volumetry of 2026-11-03, now 31.5 %."
    )
    lost = grown(at("2026-10-01", 31.0), at("2026-10-06", 29.0), needed=30)
    assert lost.reach.state == ReachState.UNKNOWN


@pytest.mark.parametrize(
    ("patient", "words"),
    [
        (Patient(), "unknown: enter height and weight"),
        (Patient(weight_kg=70.0), "unknown: enter height"),
        (Patient(height_cm=175.0), "unknown: enter weight"),
        (Patient(height_cm=17.5, weight_kg=70.0), "unknown: a height of 17.5 cm is not plausible"),
    ],
)
def test_without_height_or_weight_shares_are_unknown(patient: Patient, words: str) -> None:
    entries = (Volumetry("2026-10-06", 340.0, 1500.0), Volumetry("2026-11-03", 510.0))
    growth = growth_of(entries, patient, settings={"liver_state": "chemotherapy"})
    assert [p.standard_percent for p in growth.points] == [None, None]
    assert growth.points[0].measured_percent == pytest.approx(100 * 340 / 1500)
    assert growth.points[1].measured_percent is None
    assert growth.whole is not None
    assert (growth.whole.points, growth.whole.per_week) == (None, None)
    assert growth.whole.volume_percent == pytest.approx(50.0)
    assert words in hypertrophy_words(growth)
    assert words in kinetic_words(growth)
    assert words in reach_words(growth)
    assert all(j.is_met is None for j in growth.criteria)
    assert len(growth_lines(growth)) == 2 + 1 + 2 + len(growth.criteria) + 2


def test_a_threshold_asks_for_more_or_for_as_much() -> None:
    exact = grown(at("2026-10-06", 22.0), at("2026-11-03", 30.0))  # 8 points, 2.00 %/week
    by_value = {j.criterion.least.value: j.is_met for j in exact.criteria}
    assert by_value == {5.0: True, 7.5: True, 10.0: False, 2.0: True}
    five = grown(at("2026-10-06", 22.0), at("2026-11-03", 27.0))
    assert {j.criterion.least.value: j.is_met for j in five.criteria}[5.0] is False


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("unknown", [5.0, 7.5, 10.0, 2.0]),
        ("healthy", [5.0, 7.5, 2.0]),
        ("cirrhotic", [7.5, 10.0, 2.0]),
        ("chemotherapy", [7.5, 2.0]),
    ],
)
def test_thresholds_of_another_liver_are_not_shown(state: str, shown: list[float]) -> None:
    growth = grown(at("2026-10-06", 22.0), at("2026-11-03", 33.0), state=state)
    assert [j.criterion.least.value for j in growth.criteria] == shown
    signs = [criterion_sign(j) for j in growth.criteria]
    assert signs == (["·", "✓", "·", "✓"] if state == "unknown" else ["✓"] * len(shown))
    for judged in growth.criteria:
        assert judged.criterion.least.source
        assert judged.criterion.of in Judged


@pytest.mark.parametrize(
    ("state", "percent", "words"),
    [
        ("healthy", 25.0, "Vauthey"),
        ("chemotherapy", 30.0, "Shindoh"),
        ("cholestatic", 40.0, "unverified"),
        ("cirrhotic", None, "no share of the standard liver is published for a cirrhotic liver: enter one"),
        ("unknown", None, "tell what the liver has been through"),
    ],
)
def test_the_needed_share_is_that_of_the_livers_state(state: str, percent: float | None, words: str) -> None:
    growth = grown(at("2026-10-06", 22.0), state=state)
    assert growth.needed.percent == percent
    assert words in needed_words(growth)
    entered = grown(at("2026-10-06", 22.0), state=state, needed=35)
    assert (entered.needed.percent, entered.needed.source) == (35.0, "entered by hand")


def test_a_needed_share_that_is_none_is_said() -> None:
    patient = Patient(height_cm=175.0, weight_kg=70.0, facts=((NEEDED_FACT, "a third"),))
    growth = growth_of((at("2026-10-06", 22.0),), patient)
    assert growth.needed.percent is None
    assert "'a third'" in reach_words(growth)


def test_an_interval_runs_forwards() -> None:
    first, last = grown(at("2026-10-06", 22.0), at("2026-11-03", 33.0)).points
    for one, other in ((last, first), (first, first)):
        with pytest.raises(InvalidValue, match="time between"):
            GrowthInterval.between(one, other)


def test_the_last_day_of_the_calendar_is_not_passed() -> None:
    growth = grown(at("9999-11-03", 22.0), at("9999-12-01", 23.0), needed=25)
    assert growth.reach.state == ReachState.UNKNOWN
    assert "beyond the calendar" in growth.reach.why_not
