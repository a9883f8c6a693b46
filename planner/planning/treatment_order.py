"""In which order a plan's positions are treated, and why."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from planner.model.plan import Applicator, FocusGrid, Plan
from planner.model.roles import VESSEL_ROLES
from planner.planning.anatomy import THICK_VESSEL_MM, Anatomy
from planner.planning.arrays import are_parallel

#: Needles whose entries lie nearer than this and that run the same way use one puncture.
SAME_ENTRY_MM = 1.0
SAME_WAY_DEG = 2.0


@dataclass(frozen=True)
class Step:
    """One position of a plan in its turn.

    Parameters
    ----------
    instrument, lesion
        What is treated with what.
    why
        Why in this place, in words.
    is_new_puncture
        Whether the skin is passed anew: not where a needle is only pulled back, nor for sound.
    """

    instrument: str
    lesion: str
    why: str
    is_new_puncture: bool


def treatment_order(
    plan: Plan, perforating: Collection[str] = (), freezing: Collection[str] = ()
) -> tuple[Step, ...]:
    """The order of a plan's positions (our rule).

    Sound goes before needles, whose gas would scatter it.  Lesions are finished one after the other,
    those reached through a wide vessel last, the deepest first.  Within a lesion the needles that cross a
    wide vessel come last; the others from the deepest to the nearest, as heat makes gas that hides what
    lies behind it.  A shaft is pulled back from its deepest position and not placed again.

    Parameters
    ----------
    plan
        Whose positions.
    perforating
        Ids of needles that cross a wide vessel.
    freezing
        Ids of needles that freeze: those of a lesion work together.
    """
    steps = [
        Step(g.id, g.lesion, "sound before needles, whose gas scatters it", False)
        for g in sorted(plan.focus_grids, key=_depth_of_grid, reverse=True)
    ]
    shafts = _shafts(plan.applicators)
    lesions: dict[str, list[list[Applicator]]] = {}
    for shaft in shafts:
        lesions.setdefault(shaft[0].lesion, []).append(shaft)

    def bleeds(shaft: list[Applicator]) -> bool:
        return any(n.id in perforating for n in shaft)

    def rank(shaft: list[Applicator]) -> tuple[bool, float]:
        return bleeds(shaft), -shaft[0].length_mm

    def lesion_rank(group: list[list[Applicator]]) -> tuple[bool, float]:
        return all(bleeds(s) for s in group), -max(s[0].length_mm for s in group)

    for group in sorted(lesions.values(), key=lesion_rank):
        for shaft in sorted(group, key=rank):
            for position, needle in enumerate(shaft):
                why = "deepest first"
                if position:
                    why = "pulled back"
                elif bleeds(shaft):
                    why = "through a wide vessel last"
                elif needle.id in freezing:
                    why = "probes of one lesion freeze together"
                steps.append(Step(needle.id, needle.lesion, why, position == 0))
    return tuple(steps)


def crosses_wide_vessel(anatomy: Anatomy, needle: Applicator) -> bool:
    """Whether a needle goes through a vessel of 3 mm or more."""
    line = anatomy.samples(needle.entry_lps_mm, needle.tip_lps_mm)
    return any(
        anatomy.vessel_diameter_mm(s.structure, s.middle_lps_mm) >= THICK_VESSEL_MM
        for s in line.stretches(VESSEL_ROLES)
    )


def _shafts(needles: tuple[Applicator, ...]) -> list[list[Applicator]]:
    """Needles that use one puncture, the deepest first; in the plan's order otherwise."""
    found: list[list[Applicator]] = []
    for needle in needles:
        for shaft in found:
            near = math.dist(shaft[0].entry_lps_mm, needle.entry_lps_mm) < SAME_ENTRY_MM
            if near and are_parallel(shaft[0], needle, SAME_WAY_DEG):
                shaft.append(needle)
                break
        else:
            found.append([needle])
    return [sorted(shaft, key=lambda n: -n.length_mm) for shaft in found]


def _depth_of_grid(grid: FocusGrid) -> float:
    return math.dist(grid.window_middle_lps_mm, grid.middle_lps_mm)
