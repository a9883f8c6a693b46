"""The same places, clicked in two scans of one patient."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray
from planner.model.plan import Point


@dataclass(frozen=True)
class LandmarkPair:
    """One place as it was clicked in two scans, each in its own space."""

    from_lps_mm: Point
    to_lps_mm: Point

    def __post_init__(self) -> None:
        for name in ("from_lps_mm", "to_lps_mm"):
            place = tuple(float(v) for v in getattr(self, name))
            if len(place) != 3 or not np.all(np.isfinite(place)):
                raise InvalidValue("A landmark is three finite numbers.", f"{place}")
            object.__setattr__(self, name, place)

    @property
    def turned(self) -> LandmarkPair:
        """The same pair, from the other scan to this one."""
        return LandmarkPair(self.to_lps_mm, self.from_lps_mm)


@dataclass(frozen=True)
class Landmarks:
    """All pairs of two scans, in the order they were clicked.

    Parameters
    ----------
    from_image, to_image
        Ids of the two scans.
    pairs
        Each with its place in the first scan and in the second.

    Raises
    ------
    InvalidValue
        If an id is empty, or both are the same scan.
    """

    from_image: str
    to_image: str
    pairs: tuple[LandmarkPair, ...] = ()

    def __post_init__(self) -> None:
        if not self.from_image or not self.to_image or self.from_image == self.to_image:
            raise InvalidValue("Landmarks are of two scans.", f"'{self.from_image}', '{self.to_image}'")
        object.__setattr__(self, "pairs", tuple(self.pairs))

    def starting(self, image: str) -> Landmarks:
        """The same landmarks from one of the two scans to the other.

        Raises
        ------
        InvalidValue
            If the scan is neither of them.
        """
        if image == self.from_image:
            return self
        if image != self.to_image:
            raise InvalidValue(
                "The landmarks are of other scans.",
                f"'{self.from_image}' and '{self.to_image}'; asked for '{image}'",
            )
        return Landmarks(self.to_image, self.from_image, tuple(pair.turned for pair in self.pairs))

    def with_pair(self, pair: LandmarkPair) -> Landmarks:
        """A copy with one more pair."""
        return replace(self, pairs=(*self.pairs, pair))

    def without(self, number: int) -> Landmarks:
        """A copy without the pair of a number, counted from 0."""
        return replace(self, pairs=tuple(p for n, p in enumerate(self.pairs) if n != number))

    @property
    def from_lps_mm(self) -> FloatArray:
        """Places in the first scan, shape (n, 3)."""
        return np.array([p.from_lps_mm for p in self.pairs], dtype=float).reshape(-1, 3)

    @property
    def to_lps_mm(self) -> FloatArray:
        """Their partners in the second scan, shape (n, 3)."""
        return np.array([p.to_lps_mm for p in self.pairs], dtype=float).reshape(-1, 3)
