"""What a trainee is told of the way to the lesion, and by where the reference went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.compute.clearance import nearest_to_segment
from planner.model.assessment import Assessment, Confidence, Severity
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Plan
from planner.model.points import as_point
from planner.model.roles import Role
from planner.planning import rules
from planner.planning.achieved_margin import towards_words
from planner.planning.anatomy import THICK_VESSEL_MM, Anatomy
from planner.planning.constants import Constant
from planner.planning.needle_path import judge_path
from planner.planning.plan_needles import plan_needles
from planner.practice.lesson import Lesson, Told
from planner.practice.place_words import beside
from planner.practice.zone_miss import SAID

#: An entry nearer to the reference's is the same for a hand.
ANOTHER_ENTRY = Constant(5.0, "mm", "half a finger's breadth on the skin", Confidence.OUR_RULE)
#: Rules whose findings another entry may do away with.
OF_THE_WAY = frozenset(
    rule.id
    for rule in (
        rules.CROSSES_BONE,
        rules.CROSSES_ORGAN,
        rules.CROSSES_LUNG,
        rules.CROSSES_VESSEL,
        rules.CROSSES_LESION,
        rules.NO_PARENCHYMA,
        rules.PATH_TOO_LONG,
        rules.CAPSULE_ANGLE,
    )
)


def path_lessons(told: Told) -> list[Lesson]:
    """A way that is too long or hurts something, and where the reference went instead."""
    lost, measured = told.lost("path"), told.scored.measured
    is_spared = _weighed(told.scored.answer) - _weighed(told.reference_answer)
    if not lost and not is_spared:
        return []
    words = []
    if lost:
        words.append(
            f"The longest path is {measured.path_mm:.1f} mm; the reference's is"
            f" {measured.reference_path_mm:.1f} mm."
        )
    own, best = plan_needles(told.plan), plan_needles(told.reference)
    where = None
    if own and best:
        entries = [np.mean([n.needle.entry_lps_mm for n in needles], axis=0) for needles in (own, best)]
        where = as_point(entries[1])
        words += _better_entry(entries[1] - entries[0], len(best) > 1)
        words += _passed(told.anatomy, told.plan, told.reference)
    if not words:
        return []
    return [Lesson("path", " ".join(words), where, "path" if lost else "", lost or None)]


def _weighed(answer: Assessment) -> frozenset[str]:
    """Rules of the way that stop or warn."""
    return frozenset(f.rule for f in answer.findings if f.severity != Severity.INFO) & OF_THE_WAY


def _better_entry(way: FloatArray, is_several: bool) -> list[str]:
    away_mm = float(np.linalg.norm(way))
    if away_mm < ANOTHER_ENTRY.value:
        return []
    start = "The reference's needles enter" if is_several else "The reference enters"
    return [f"{start} {away_mm:.1f} mm further {towards_words(way)}."]


@dataclass(frozen=True)
class _Passage:
    """Where a reference passes something: how far from it, and the way from it to the needle."""

    distance_mm: float
    way: FloatArray


def _passed(anatomy: Anatomy, plan: Plan, reference: Plan) -> list[str]:
    """By where the reference passes what the plan goes through, bones first; grazing it is no advice."""
    avoided = _crossed(anatomy, plan)
    for name in _crossed(anatomy, reference):
        avoided.pop(name, None)
    found = []
    for name in sorted(avoided, key=lambda n: (avoided[n] != Role.BONE, n)):
        passage = _passage(anatomy, reference, name)
        if passage is not None and passage.distance_mm >= SAID.value:
            found.append(f"The reference passes {passage.distance_mm:.1f} mm {beside(passage.way)} {name}.")
    return found


def _crossed(anatomy: Anatomy, plan: Plan) -> dict[str, Role]:
    """What the needles of a plan go through, thin vessels left out."""
    found: dict[str, Role] = {}
    for each in plan_needles(plan):
        path = judge_path(anatomy, each.needle)
        wide = [v.stretch for v in path.vessel_crossings if v.diameter_mm >= THICK_VESSEL_MM]
        found |= {s.structure: s.role for s in (*path.crossings, *wide)}
    return found


def _passage(anatomy: Anatomy, plan: Plan, name: str) -> _Passage | None:
    """Where the needles of a plan come nearest to a structure; None where it has no boundary."""
    best: _Passage | None = None
    for each in plan_needles(plan):
        start, stop = np.array(each.needle.entry_lps_mm), np.array(each.needle.tip_lps_mm)
        nearest = nearest_to_segment(anatomy.boundaries[name], start, stop)
        if nearest is not None and (best is None or nearest.distance_mm < best.distance_mm):
            best = _Passage(nearest.distance_mm, _way_to(each.needle, np.array(nearest.place_lps_mm)))
    return best


def _way_to(needle: Applicator, place: FloatArray) -> FloatArray:
    """From a place to the nearest point of a needle."""
    start = np.array(needle.entry_lps_mm)
    at_mm = min(max(float((place - start) @ needle.direction), 0.0), needle.length_mm)
    return np.asarray(start + at_mm * needle.direction - place)
