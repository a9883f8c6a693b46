"""What the values of an image of activity are: their unit, the nuclide, and the time they are true of."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from planner.base.errors import InvalidValue

#: GBq of one ml of value 1, by the units that are an activity in a volume.
GBQ_PER_ML: Mapping[str, float] = MappingProxyType({"Bq/ml": 1e-9, "kBq/ml": 1e-6, "MBq/ml": 1e-3})
#: Values that follow the activity and are none: they tell shares alone.
COUNTS = "counts"
Y90 = "Y-90"
_AT_ONCE = "at administration"
_FORM = re.compile(
    r"(?P<word>[^,]*?)(?: of (?P<nuclide>[^,]+))?"
    rf"(?:, (?:(?P<now>{_AT_ONCE})|(?P<after>[0-9.]+) h after administration))?"
)


@dataclass(frozen=True)
class ActivityUnit:
    """The unit of an image as `Image.unit` keeps it, such as ``Bq/ml of Y-90, 23.5 h after administration``.

    Parameters
    ----------
    word
        A key of `GBQ_PER_ML`, `COUNTS`, another word, or empty where it is not known.
    nuclide
        As the image names it; empty where it does not.
    after_h
        Hours from the administration to the time the values are decay-corrected to; None where that is
        not known.

    Raises
    ------
    InvalidValue
        If a word holds a comma, or a time lies before the administration.
    """

    word: str
    nuclide: str = ""
    after_h: float | None = None

    def __post_init__(self) -> None:
        if "," in self.word + self.nuclide or " of " in self.word:
            raise InvalidValue("This is no unit of an activity.", f"'{self.word}', '{self.nuclide}'")
        if self.after_h is not None and not (math.isfinite(self.after_h) and self.after_h >= 0):
            raise InvalidValue(
                "An image of a treatment is made after it.",
                f"{self.after_h:g} h after the administration",
                "Enter the hours from the treatment to the scan.",
            )

    @property
    def gbq_per_ml(self) -> float | None:
        """GBq of one ml of value 1; None where the values are no activity, or nobody knows."""
        return GBQ_PER_ML.get(self.word)

    @property
    def words(self) -> str:
        """As an image keeps it; empty where nothing is known."""
        text = self.word or ("values" if self.nuclide or self.after_h is not None else "")
        text += f" of {self.nuclide}" if self.nuclide else ""
        if self.after_h is None:
            return text
        return f"{text}, {_AT_ONCE if self.after_h == 0 else f'{self.after_h:g} h after administration'}"

    @classmethod
    def of_words(cls, text: str) -> ActivityUnit:
        """What `words` was made of; any other text is a unit of which nothing more is known."""
        found = _FORM.fullmatch(text)
        if found is None:
            return cls(text.replace(",", " "))
        word, nuclide, now, after = found.group("word", "nuclide", "now", "after")
        after_h = 0.0 if now else None if after is None else float(after)
        return cls("" if word == "values" else word, nuclide or "", after_h)
