"""Several parallel needles around one axis, and one needle used again while it is pulled back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray, unit_vector
from planner.model.plan import Applicator, Plan
from planner.planning.constants import Constant

#: Needles of an array.
COUNTS = (2, 3, 4, 5, 6)


@dataclass(frozen=True)
class Spacing:
    """How far parallel needles of one kind of energy should lie apart."""

    low: Constant
    high: Constant


def _mm(value: float, source: str, confidence: Confidence) -> Constant:
    return Constant(value, "mm", source, confidence)


_RF = "multi-electrode radiofrequency: 2 cm or less"
_CRYO = "Shah 2016, PMC4850244: 1.5-2 cm, conservative 1-1.5 cm"
_MWA = "microwave practice 1.5-2.5 cm"
_LASER = "Heisterkamp 1997, 10.1117/12.275086: diffusers 2 cm apart"

#: By modality (reference sheet A6, A8).
SPACINGS: Mapping[str, Spacing] = {
    "radiofrequency": Spacing(_mm(10.0, _RF, Confidence.OUR_RULE), _mm(20.0, _RF, Confidence.ESTABLISHED)),
    "cryo": Spacing(_mm(10.0, _CRYO, Confidence.SOURCE_READ), _mm(20.0, _CRYO, Confidence.SOURCE_READ)),
    "microwave": Spacing(_mm(15.0, _MWA, Confidence.UNVERIFIED), _mm(25.0, _MWA, Confidence.UNVERIFIED)),
    "laser": Spacing(_mm(15.0, _LASER, Confidence.OUR_RULE), _mm(20.0, _LASER, Confidence.SOURCE_READ)),
}


def array_offsets_mm(count: int, spacing_mm: float) -> FloatArray:
    """Places of parallel needles across their axis, shape (count, 2), centred on it.

    Two lie on a line; three to five on a regular ring whose neighbours are ``spacing_mm`` apart; six
    are five around one in the middle, the middle's distance being the spacing.

    Raises
    ------
    InvalidValue
        If the count is not 2 to 6 or the spacing not positive.
    """
    if count not in COUNTS:
        raise InvalidValue("An array has 2 to 6 needles.", f"{count}")
    if not (math.isfinite(spacing_mm) and spacing_mm > 0):
        raise InvalidValue("The spacing of an array must be positive.", f"{spacing_mm} mm")
    ring = count if count < 6 else 5
    radius = spacing_mm if count == 6 else 0.5 * spacing_mm / math.sin(math.pi / ring)
    turn = 2.0 * np.pi * np.arange(ring) / ring
    offsets = radius * np.column_stack([np.cos(turn), np.sin(turn)])
    return np.vstack([np.zeros((1, 2)), offsets]) if count == 6 else offsets


def with_array(plan: Plan, needle: Applicator, count: int, spacing_mm: float, turn_deg: float = 0.0) -> Plan:
    """The plan with a needle replaced by an array of parallel ones about its shaft.

    The first keeps the needle's id; all keep its device, settings and lesion.

    Parameters
    ----------
    plan, needle
        Which needle of which plan.
    count, spacing_mm
        See `array_offsets_mm`.
    turn_deg
        Turns the array about the shaft.
    """
    along = needle.direction
    across = unit_vector(np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))]))
    other = np.cross(along, across)
    angle = math.radians(turn_deg)
    first = math.cos(angle) * across + math.sin(angle) * other
    second = -math.sin(angle) * across + math.cos(angle) * other
    for n, (u, v) in enumerate(array_offsets_mm(count, spacing_mm)):
        x, y, z = (float(c) for c in u * first + v * second)
        moved = needle.moved((x, y, z))
        plan = plan.with_instrument(moved if n == 0 else replace(moved, id=plan.free_id()))
    return plan


def with_pullback(plan: Plan, needle: Applicator, step_mm: float, times: int) -> Plan:
    """The plan with a needle used again, pulled back along its path.

    Raises
    ------
    InvalidValue
        If the step is not positive, or the last position lies outside the entry.
    """
    if step_mm <= 0 or times < 1:
        raise InvalidValue("A needle is pulled back by a positive step.", f"{step_mm} mm, {times} times")
    if needle.length_mm - step_mm * times < 10.0:
        raise InvalidValue(
            "The needle would be pulled out.",
            f"probe '{needle.id}': {step_mm * times:g} mm of {needle.length_mm:.0f} mm",
            "Take a smaller step or fewer positions.",
        )
    for n in range(1, times + 1):
        x, y, z = (float(c) for c in needle.point_behind_tip(step_mm * n))
        plan = plan.with_instrument(replace(needle, id=plan.free_id(), tip_lps_mm=(x, y, z)))
    return plan


def gap_mm(one: Applicator, two: Applicator) -> float:
    """Least distance between two shafts (segments from entry to tip), in mm.

    Closest points of two segments by clamping (Ericson, Real-Time Collision Detection, 2005, 5.1.9).
    """
    p, q = np.array(one.entry_lps_mm), np.array(two.entry_lps_mm)
    d, e = np.array(one.tip_lps_mm) - p, np.array(two.tip_lps_mm) - q
    r = p - q
    a, b, c, f, g = float(d @ d), float(d @ e), float(e @ e), float(d @ r), float(e @ r)
    denominator = a * c - b * b
    s = min(max((b * g - c * f) / denominator, 0.0), 1.0) if denominator > 1e-9 * a * c else 0.0
    t = (b * s + g) / c
    if t < 0.0 or t > 1.0:
        t = min(max(t, 0.0), 1.0)
        s = min(max((b * t - f) / a, 0.0), 1.0)
    return float(np.linalg.norm(r + s * d - t * e))


def tip_spacing_mm(one: Applicator, two: Applicator) -> float:
    """Distance between two needles at their tips, across the first one's shaft, in mm."""
    away = np.array(two.tip_lps_mm) - np.array(one.tip_lps_mm)
    return float(np.linalg.norm(away - (away @ one.direction) * one.direction))


def are_parallel(one: Applicator, two: Applicator, within_deg: float = 15.0) -> bool:
    """Whether two shafts run the same way within an angle."""
    return float(one.direction @ two.direction) >= math.cos(math.radians(within_deg))
