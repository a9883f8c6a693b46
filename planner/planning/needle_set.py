"""The path of a device that is several needles at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planner.model.plan import Applicator
from planner.planning.anatomy import GROUPS, Anatomy
from planner.planning.needle_path import NearestStructure, NeedlePath, judge_path


def judge_set(anatomy: Anatomy, shafts: Sequence[Applicator], middle: NeedlePath) -> NeedlePath:
    """The middle line's lengths and angles with what any needle of a set crosses, and the nearest of each group."""
    if len(shafts) == 1:
        return middle
    paths = [judge_path(anatomy, s) for s in shafts]
    nearest: dict[str, NearestStructure] = {}
    for group in GROUPS:
        known = [p.nearest[group.id] for p in paths if group.id in p.nearest]
        if known:
            nearest[group.id] = min(known, key=lambda n: n.nearest.distance_mm)
    return replace(
        middle,
        crossings=tuple(c for p in paths for c in p.crossings),
        vessel_crossings=tuple(v for p in paths for v in p.vessel_crossings),
        nearest=nearest,
        unscanned_mm=max(p.unscanned_mm for p in paths),
        is_tip_in_body=None if middle.is_tip_in_body is None else all(p.is_tip_in_body for p in paths),
    )
