"""What a trainee is told of the table: how needles landed, what the breath did, and what both cost."""

from __future__ import annotations

import math

import numpy as np

from planner.model.geometry import FloatArray
from planner.planning.achieved_margin import towards_words
from planner.planning.plan_needles import plan_needles
from planner.practice.landing import LandedNeedle, Landing
from planner.practice.lesson import Lesson, Told
from planner.practice.measuring import Scored
from planner.practice.zone_miss import SAID


def table_lessons(told: Told) -> list[Lesson]:
    """How each needle landed beside its plan, and what that cost; nothing where needles land as planned."""
    landing = told.landing
    if landing is None or not landing.conditions.is_table:
        return []
    along = {n.needle.id: n.needle.direction for n in plan_needles(landing.planned)}
    tips = {n.needle.id: n.needle.tip_lps_mm for n in plan_needles(landing.plan)}
    found = [
        Lesson("table", _landed_words(needle, along[needle.id]), tips[needle.id])
        for needle in landing.needles
        if math.hypot(needle.lateral_mm, needle.depth_mm) >= SAID.value
    ]
    return [*found, *_breath(landing), *_cost(told)]


def _landed_words(needle: LandedNeedle, along: FloatArray) -> str:
    """Such as ``p1 landed 5.0 mm off its plan: 4.0 mm towards the left and 3.0 mm too deep.``"""
    parts = []
    if needle.lateral_mm >= SAID.value:
        across = np.array(needle.tip_off_lps_mm) - needle.depth_mm * along
        parts.append(f"{needle.lateral_mm:.1f} mm {towards_words(across)}")
    if abs(needle.depth_mm) >= SAID.value:
        way = "deeper" if needle.depth_mm > 0 else "less deep"
        parts.append(f"{abs(needle.depth_mm):.1f} mm {way}")
    off_mm = math.hypot(needle.lateral_mm, needle.depth_mm)
    return f"{needle.title} landed {off_mm:.1f} mm off its plan" + (
        f": {' and '.join(parts)}." if parts else "."
    )


def _breath(landing: Landing) -> list[Lesson]:
    moved_mm = landing.conditions.breath_mm
    if moved_mm < SAID.value or not landing.needles:
        return []
    text = (
        f"The liver had moved {moved_mm:.1f} mm towards the feet with the breath, so the needles lie"
        f" {moved_mm:.1f} mm further towards the head in it: aim at the liver of the control scan."
    )
    return [Lesson("table", text)]


def _cost(told: Told) -> list[Lesson]:
    """What the table took of the margin and of the points."""
    if told.as_planned is None:
        return []
    planned, lying = _worth(told.as_planned), _worth(told.scored)
    if planned == lying:
        return []
    return [Lesson("table", f"As planned: {planned}; as the needles lie: {lying}.")]


def _worth(scored: Scored) -> str:
    """Such as ``4.8 mm of margin and 91.0 points``."""
    margin_mm = scored.measured.margin_mm
    margin = "no margin" if margin_mm is None else f"{margin_mm:.1f} mm of margin"
    return f"{margin} and {scored.score.points:.1f} points"
