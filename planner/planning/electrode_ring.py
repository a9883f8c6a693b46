"""Places of parallel electrodes around a lesion, as seen along them, and how often they are drawn out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence
from planner.model.electrode_array import Electrode
from planner.model.geometry import FloatArray, unit_vector
from planner.model.points import Point, as_point
from planner.planning.constants import Constant

#: The rule's range; the value is a middle of it.
OUTSIDE = Constant(
    2.0, "mm", "electrodes bracket the lesion, up to 5 mm outside it", Confidence.ESTABLISHED, 0.0, 5.0
)
EXPOSURE = Constant(
    20.0,
    "mm",
    "bare part of 20 mm, Delphi for liver: Ruarus 2020, J Vasc Interv Radiol; 10-25 mm used",
    Confidence.SOURCE_READ,
    10.0,
    25.0,
)
OVERLAP = Constant(
    5.0, "mm", "bare parts of two pull-backs overlap by so much; no publication", Confidence.OUR_RULE
)

RING, CENTER = "ring", "center"
COUNTS = (2, 3, 4, 5, 6)


@dataclass(frozen=True)
class PullBacks:
    """How often an array is drawn out for a length to be covered, and by how much each time."""

    times: int
    step_mm: float


def pull_backs_for(length_mm: float, exposure_mm: float, overlap_mm: float = OVERLAP.value) -> PullBacks:
    """The fewest pull-backs with which bare parts cover a length; each overlaps the one before.

    Steps are even: (length - exposure) / times, and at most exposure - overlap.

    Raises
    ------
    InvalidValue
        If the overlap leaves no step.
    """
    if not 0 <= overlap_mm < exposure_mm:
        raise InvalidValue(
            "Bare parts of two pull-backs overlap by less than their length.",
            f"{overlap_mm:g} mm of {exposure_mm:g} mm",
        )
    rest = length_mm - exposure_mm
    if rest <= 0:
        return PullBacks(0, 0.0)
    times = math.ceil(rest / (exposure_mm - overlap_mm) - 1e-9)
    return PullBacks(times, rest / times)


@dataclass(frozen=True, eq=False)
class LesionSection:
    """A lesion as seen along a direction of needles.

    Parameters
    ----------
    along, first, second
        Unit vectors: the needles', and two across; (3,).
    middle_lps_mm
        Middle of the lesion's extent along all three, (3,).
    outline_mm
        The lesion's points across, from the middle, (n, 2).
    length_mm
        Its extent along the needles.
    """

    along: FloatArray
    first: FloatArray
    second: FloatArray
    middle_lps_mm: FloatArray
    outline_mm: FloatArray
    length_mm: float

    @classmethod
    def of(cls, points_lps_mm: FloatArray, along: FloatArray) -> LesionSection:
        """Of points (n, 3) on or in the lesion."""
        along = unit_vector(along)
        first, second = axes_across(along)
        local = points_lps_mm @ np.column_stack([first, second, along])
        low, high = local.min(axis=0), local.max(axis=0)
        middle = 0.5 * (low + high)
        return cls(
            along,
            first,
            second,
            np.column_stack([first, second, along]) @ middle,
            local[:, :2] - middle[:2],
            float(high[2] - low[2]),
        )

    def reach_mm(self, turn: FloatArray) -> FloatArray:
        """How far the lesion reaches from its middle in directions across, angles (n,) in radians."""
        ways = np.stack([np.cos(turn), np.sin(turn)])
        return np.asarray((self.outline_mm @ ways).max(axis=0))

    def ring_mm(self, count: int, outside_mm: float, turn_rad: float = 0.0) -> FloatArray:
        """Places across, evenly around the lesion and so far outside it; shape (count, 2)."""
        turn = turn_rad + 2.0 * np.pi * np.arange(count) / count
        away = self.reach_mm(turn) + outside_mm
        return np.asarray(away[:, None] * np.column_stack([np.cos(turn), np.sin(turn)]))

    def at(self, offset_mm: FloatArray, depth_mm: float) -> FloatArray:
        """The point at an offset across (2,) and a depth along from the middle; shape (3,)."""
        return np.asarray(
            self.middle_lps_mm
            + offset_mm[0] * self.first
            + offset_mm[1] * self.second
            + depth_mm * self.along
        )


def ring_offsets_mm(
    section: LesionSection, count: int, layout: str, outside_mm: float, turn_rad: float = 0.0
) -> FloatArray:
    """Places of electrodes across their direction, (count, 2): around the lesion, or one in its middle too.

    Raises
    ------
    InvalidValue
        If the count is not 2 to 6, or there is no such layout.
    """
    if count not in COUNTS or layout not in (RING, CENTER):
        raise InvalidValue(
            "An array has 2 to 6 electrodes, around a lesion or one of them in its middle.",
            f"{count} electrodes, {layout}",
        )
    if layout == RING:
        return section.ring_mm(count, outside_mm, turn_rad)
    ring = section.ring_mm(count - 1, outside_mm, turn_rad)
    return np.vstack([np.zeros((1, 2)), ring])


def bracketing_electrodes(
    points_lps_mm: FloatArray,
    entry_lps_mm: Point,
    target_lps_mm: Point,
    count: int,
    layout: str = RING,
    *,
    outside_mm: float = OUTSIDE.value,
    turn_deg: float = 0.0,
    exposure_mm: float = EXPOSURE.value,
    length_mm: float | None = None,
) -> tuple[tuple[Electrode, ...], PullBacks]:
    """Parallel electrodes around a lesion, their bare parts centred on it in depth, with pull-backs.

    Parameters
    ----------
    points_lps_mm
        The lesion's, (n, 3).
    entry_lps_mm, target_lps_mm
        The needles run along this line; entries lie as far back as the given one.
    count, layout
        2 to 6; ``ring`` or ``center``.
    outside_mm
        How far the ring's needles lie outside the lesion as seen along them, 0..5 by rule.
    turn_deg
        Turns the ring.
    exposure_mm
        Of the bare parts.
    length_mm
        To be covered along the needles with pull-backs; the lesion's own length when left out.

    Raises
    ------
    InvalidValue
        If the line has no length, or count or layout is impossible.
    """
    entry, target = np.array(entry_lps_mm), np.array(target_lps_mm)
    if float(np.linalg.norm(target - entry)) < 1.0:
        raise InvalidValue("Entry and target lie on the same point.", f"{entry_lps_mm}", "Move one of them.")
    section = LesionSection.of(np.asarray(points_lps_mm, dtype=float), target - entry)
    offsets = ring_offsets_mm(section, count, layout, outside_mm, math.radians(turn_deg))
    back = pull_backs_for(section.length_mm if length_mm is None else length_mm, exposure_mm)
    deepest = 0.5 * (exposure_mm + back.times * back.step_mm)
    start = float((entry - section.middle_lps_mm) @ section.along)
    electrodes = tuple(
        Electrode(as_point(section.at(o, start)), as_point(section.at(o, deepest)), exposure_mm)
        for o in offsets
    )
    return electrodes, back


def axes_across(along: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors across a direction: the first as far to the front (anterior) as may be.

    Seen along the direction, angles from the first to the second run clockwise.
    """
    front = np.array([0.0, -1.0, 0.0])
    if abs(float(along @ front)) > 0.95:  # needles from front to back: towards the head instead
        front = np.array([0.0, 0.0, 1.0])
    first = unit_vector(front - float(front @ along) * along)
    return first, np.asarray(np.cross(along, first))
