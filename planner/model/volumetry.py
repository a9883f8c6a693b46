"""Volumetry: how large the future remnant was on a day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from planner.base.errors import InvalidValue
from planner.model.dates import checked_day

#: A larger liver is taken for a slip of the pen.
LARGEST_LIVER_ML = 10_000.0


@dataclass(frozen=True)
class Volumetry:
    """The future remnant's volume on one day.

    Parameters
    ----------
    date
        Of the scan, ISO 8601.
    remnant_ml
        Future remnant, without tumour that is left in it and without ablated tissue.
    liver_ml
        The whole liver, without tumour; None where nobody measured it.
    source
        Where the numbers come from, in words; empty where they were typed in.

    Raises
    ------
    InvalidValue
        If there is no such day, a volume is not positive and plausible, or the remnant is larger than the liver.
    """

    date: str
    remnant_ml: float
    liver_ml: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        checked_day(self.date, "day of a volumetry")
        for word, value in (("remnant", self.remnant_ml), ("liver", self.liver_ml)):
            if value is not None and not (math.isfinite(value) and 0 < value <= LARGEST_LIVER_ML):
                raise InvalidValue(
                    f"The volume of a {word} lies above 0 and up to {LARGEST_LIVER_ML:g} ml.",
                    f"{self.date}: {value:g} ml",
                    "Correct the volume.",
                )
        object.__setattr__(self, "remnant_ml", float(self.remnant_ml))
        if self.liver_ml is None:
            return
        object.__setattr__(self, "liver_ml", float(self.liver_ml))
        if self.remnant_ml > self.liver_ml:
            raise InvalidValue(
                "The future remnant is larger than the whole liver.",
                f"{self.date}: {self.remnant_ml:g} of {self.liver_ml:g} ml",
                "Correct one of them.",
            )


def in_order(entries: tuple[Volumetry, ...]) -> tuple[Volumetry, ...]:
    """Entries by their days; raises `InvalidValue` where two are of one day."""
    ordered = tuple(sorted(entries, key=lambda e: e.date))
    for one, other in pairwise(ordered):
        if one.date == other.date:
            raise InvalidValue(
                "There is a volumetry of this day already.", one.date, "Delete it first, or correct the day."
            )
    return ordered
