"""Vials of microspheres: activity at the time of treatment, and its split over the tips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from planner.base.errors import InvalidValue
from planner.planning.y90 import RESIDUAL, checked_activity_gbq, checked_positive, decayed_gbq
from planner.planning.y90_treatment import checked_shares


@dataclass(frozen=True)
class Vial:
    """A vial with the activity its label tells.

    Parameters
    ----------
    name
        Of the vial.
    activity_gbq
        At the moment of calibration.
    calibrated_at
        With its zone, or without one like all other times of the treatment.
    is_precalibrated
        Whether it is known to be delivered before the moment of its calibration, so that it holds more
        than the label tells until then.

    Raises
    ------
    InvalidValue
        If it has no name, or no activity, or so much that MBq may be meant.
    """

    name: str
    activity_gbq: float
    calibrated_at: datetime
    is_precalibrated: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidValue("A vial needs a name.", "vial")
        checked_positive(checked_activity_gbq(self.activity_gbq, f"vial '{self.name}'"), "activity", "GBq")

    def hours_until(self, moment: datetime) -> float:
        """Hours from calibration to a moment; negative where the calibration comes after it.

        Raises
        ------
        InvalidValue
            If one of both has a zone and the other none, or the calibration comes after the moment and
            the vial is not known to be precalibrated.
        """
        hours = hours_between(self.calibrated_at, moment)
        if hours < 0 and not self.is_precalibrated:
            raise InvalidValue(
                f"The vial is calibrated {-hours:.3g} h after the treatment.",
                f"'{self.name}': {self.calibrated_at.isoformat(' ')}, treatment {moment.isoformat(' ')}",
                "Correct the times, or say that the vial is precalibrated.",
            )
        return hours

    def activity_at_gbq(self, moment: datetime) -> float:
        """Activity at a moment; raises `InvalidValue` as `hours_until` does."""
        return decayed_gbq(self.activity_gbq, self.hours_until(moment))


@dataclass(frozen=True)
class TipActivity:
    """What one tip gets of a vial.

    Parameters
    ----------
    tip
        Its name.
    share
        Of what is drawn from the vial.
    drawn_gbq
        Taken for it at the time of treatment: the activity a prescription speaks of.
    delivered_gbq
        What leaves the catheter, without the residual.
    """

    tip: str
    share: float
    drawn_gbq: float
    delivered_gbq: float


@dataclass(frozen=True)
class VialPlan:
    """A vial at the time of treatment, split over tips.

    Parameters
    ----------
    vial
        As its label tells.
    treated_at
        When it is given.
    hours
        From calibration to treatment.
    activity_gbq
        In the vial at the time of treatment.
    tips
        What each gets.
    """

    vial: Vial
    treated_at: datetime
    hours: float
    activity_gbq: float
    tips: tuple[TipActivity, ...]

    @property
    def drawn_gbq(self) -> float:
        """Taken from the vial for all tips."""
        return math.fsum(t.drawn_gbq for t in self.tips)


def split_vial(
    vial: Vial,
    treated_at: datetime,
    tips: Sequence[tuple[str, float]],
    residual: float = RESIDUAL.value,
    drawn_gbq: float | None = None,
) -> VialPlan:
    """A vial's activity at the time of treatment, split over tips.

    Parameters
    ----------
    tips
        Name and share of each; the shares add up to 1.
    residual
        Share of what is drawn that stays in vial and catheter.
    drawn_gbq
        What is drawn at the time of treatment; the whole vial where it is not given.

    Raises
    ------
    InvalidValue
        If the shares do not add up to 1, a tip stands twice, more is drawn than the vial holds, or the
        times do not fit.
    """
    names = [name for name, _ in tips]
    if not names or not all(names) or len(set(names)) < len(names):
        raise InvalidValue("Each tip of a vial is named once.", f"vial '{vial.name}': {', '.join(names)}")
    shares = checked_shares([share for _, share in tips])
    if not 0 <= residual < 1:
        raise InvalidValue("This residual cannot be.", f"{residual:g}", "Enter a share from 0 to below 1.")
    hours = vial.hours_until(treated_at)
    held = decayed_gbq(vial.activity_gbq, hours)
    drawn = held if drawn_gbq is None else checked_positive(drawn_gbq, "drawn activity", "GBq")
    if drawn > held * (1.0 + 1e-9):
        raise InvalidValue(
            "The vial does not hold so much at the time of treatment.",
            f"'{vial.name}': {drawn:.4g} of {held:.4g} GBq",
            "Draw less, treat earlier, or order another vial.",
        )
    split = tuple(
        TipActivity(name, share, share * drawn, share * drawn * (1.0 - residual))
        for name, share in zip(names, shares, strict=True)
    )
    return VialPlan(vial, treated_at, hours, held, split)


def activity_to_order_gbq(needed_gbq: float, calibrated_at: datetime, treated_at: datetime) -> float:
    """Activity on the label of a vial that holds so much at the time of treatment.

    Raises
    ------
    InvalidValue
        If the activity is negative or looks like MBq, or one time has a zone and the other none.
    """
    checked_activity_gbq(needed_gbq, "activity at the time of treatment")
    return decayed_gbq(needed_gbq, -hours_between(calibrated_at, treated_at))


def hours_between(first: datetime, last: datetime) -> float:
    """Hours that pass between two moments, across changes of the clock where they have zones.

    Raises
    ------
    InvalidValue
        If one has a zone and the other none.
    """
    zoned = [moment.utcoffset() is not None for moment in (first, last)]
    if zoned[0] != zoned[1]:
        raise InvalidValue(
            "One time has a zone and the other none.",
            f"{first.isoformat(' ')}, {last.isoformat(' ')}",
            "Give the zone of both times, or of none.",
        )
    if zoned[0]:  # the difference of two times of one zone leaves out changes of its clock
        first, last = first.astimezone(UTC), last.astimezone(UTC)
    return (last - first).total_seconds() / 3600.0
