"""Constants from the literature: value, unit, source, and how sure we are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence, Source


@dataclass(frozen=True)
class Constant:
    """A number with its unit and where it comes from.

    Parameters
    ----------
    value, unit
        The number; finite.
    source
        Publication or rule.
    confidence
        How sure we are; what is unverified or our rule is labelled where it is shown.
    low, high
        Range it may take, where known.
    """

    value: float
    unit: str
    source: str
    confidence: Confidence
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "confidence", Confidence(self.confidence))
        if not math.isfinite(self.value):
            raise InvalidValue("A constant must be finite.", self.source)

    @property
    def cited(self) -> Source:
        """Where it comes from, for a metric or finding."""
        return Source(self.source, self.confidence)

    @property
    def label(self) -> str:
        """The word shown beside it: empty where it is established."""
        labels = {
            Confidence.UNVERIFIED: "unverified",
            Confidence.OUR_RULE: "model assumption",
        }
        return labels.get(self.confidence, "")
